//! The gRPC service. Every call is turned into a domain call; nothing is decided here.

use std::pin::Pin;
use std::sync::Arc;

use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::version;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_server::Node;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::iter;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::figures::{governed, pieces};
use super::slots::at_slot_end;
use super::told::{internal, ledger_says};
use super::{Answerer, Asked, Believed, board, data};
use crate::assemble;
use crate::dial::Gate;
use crate::ledger::{Head, Verdict};
use crate::local;

/// Serves one council's node to the coordinator at the other end of the link.
#[derive(Clone)]
pub struct NodeService {
    answerer: Arc<Answerer>,
}

impl NodeService {
    /// The service of a node.
    pub fn new(answerer: Arc<Answerer>) -> Self {
        Self { answerer }
    }

    /// The slots at whose ends replies leave that took reading records.
    fn slot(&self) -> Option<std::time::Duration> {
        self.answerer.policy.current().slot()
    }

    /// Checks a question and runs blocking work with it, off the async threads.
    async fn asked<T, W>(&self, gate: Gate, message: Option<wire::SignedQuery>, work: W) -> Result<T, Status>
    where
        T: Send + 'static,
        W: FnOnce(&Answerer, &Question) -> Result<T, Refusal> + Send + 'static,
    {
        let answerer = Arc::clone(&self.answerer);
        let done = tokio::task::spawn_blocking(move || {
            let settings = answerer.tls.current();
            let now = answerer.clock.now();
            let believed = Believed::check(message, settings.trust(), gate.coordinator(), now)
                .map_err(|refusal| answerer.note_unbelieved(gate.coordinator(), refusal))?;
            work(&answerer, believed.question())
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(refusal)) => {
                tracing::info!(reason = refusal.reason().code(), "a question was refused: {}", refusal.sentence());
                Err(refusal.into())
            }
            Err(error) => Err(internal(&error).into()),
        }
    }
}

fn gate<T>(request: &Request<T>) -> Result<Gate, Status> {
    request.extensions().get::<Gate>().cloned().ok_or_else(|| Status::internal("the connection has no gate"))
}

type AnswerStream = Pin<Box<dyn Stream<Item = Result<wire::AnswerChunk, Status>> + Send>>;
type RoundStream = Pin<Box<dyn Stream<Item = Result<wire::RoundChunk, Status>> + Send>>;

#[tonic::async_trait]
impl Node for NodeService {
    type AnswerStream = AnswerStream;
    type RoundStream = RoundStream;

    async fn welcome(&self, request: Request<wire::WelcomeRequest>) -> Result<Response<wire::WelcomeReply>, Status> {
        let gate = gate(&request)?;
        let message = request.into_inner();
        let keep = message.keep;
        if !keep {
            gate.refuse(&message.reason);
        } else if version::settle(version::LINK, message.least_version, message.most_version).is_none() {
            let sentence = format!(
                "the coordinator speaks link versions {} to {}, this node {} to {}: one of the two must be updated",
                message.least_version,
                message.most_version,
                version::LINK.start(),
                version::LINK.end()
            );
            gate.refuse(&sentence);
            return Err(Refusal::new(Reason::ProtocolVersion, sentence).into());
        }
        let answerer = Arc::clone(&self.answerer);
        let facts = tokio::task::spawn_blocking(move || {
            let held = match &answerer.rounds {
                Some(rounds) => {
                    // A registry that is not believed leaves the one held in force; the link is kept.
                    if !message.registry.is_empty()
                        && let Err(error) = rounds.members().offer(&message.registry)
                    {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "the registry handed over is not taken"
                        );
                    }
                    rounds.members().current().map_or(Vec::new(), |registry| registry.hash().to_vec())
                }
                None => Vec::new(),
            };
            if let Some(head) = message.witnessed.filter(|head| head.entries > 0) {
                let digest = head.digest.as_slice().try_into();
                let digest = digest.map_err(|_| Refusal::new(Reason::InvalidQuestion, "a head is 32 bytes long"))?;
                // A head that we do not know is written down and stops all answers; the link itself is kept, so that
                // the operator sees the node and its trouble.
                if let Err(error) = answerer.ledger.observe_witness(&Head { entries: head.entries, digest }) {
                    tracing::error!("{}", ledger_says(&error));
                }
            }
            let head = answerer.ledger.head().map_err(|error| ledger_says(&error))?;
            let until = assemble::Source::submissions(&answerer.records).ok();
            let until = until.and_then(|all| assemble::covered_until(&all));
            Ok::<_, Refusal>((head, until, held))
        });
        let (head, until, held) = facts.await.map_err(|error| internal(&error))??;
        if keep {
            gate.keep();
        }
        Ok(Response::new(wire::WelcomeReply {
            council: self.answerer.council.to_string(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            least_version: *version::LINK.start(),
            most_version: *version::LINK.end(),
            head: Some(wire::Head::from(head)),
            registry_digest: held,
            data_until: until.map(|day| day.number()),
        }))
    }

    async fn probe(&self, _: Request<wire::ProbeRequest>) -> Result<Response<wire::ProbeReply>, Status> {
        Ok(Response::new(wire::ProbeReply {}))
    }

    async fn price(&self, request: Request<wire::PriceRequest>) -> Result<Response<wire::PriceReply>, Status> {
        let gate = gate(&request)?;
        let quote = self
            .asked(gate, request.into_inner().question, |answerer, question| {
                if !question.query().release().is_joint() {
                    board::check(question.analyst(), answerer.council)?;
                }
                answerer.agreed()?;
                let options = local::options(question.query(), answerer.today());
                let (policy, governed) = (answerer.policy.current(), governed(question)?);
                let opt_out_applied = policy.rule(&governed).is_ok_and(|ruling| ruling.opt_out_applied);
                let snapshot = data::snapshot(&answerer.records, question.query(), &options, opt_out_applied)?;
                let quote = answerer.ledger.quote(&policy, &governed, snapshot);
                quote.map_err(|error| ledger_says(&error))
            })
            .await?;
        let (year_left_nano, least_left_nano) = quote.left.as_ref().map(|left| (left.year.0, left.least.0)).unzip();
        Ok(Response::new(wire::PriceReply {
            decision: match quote.verdict {
                Verdict::Answer => wire::Decision::Answer,
                Verdict::Stored => wire::Decision::Stored,
                Verdict::Hold => wire::Decision::Hold,
                Verdict::Refuse => wire::Decision::Refuse,
            }
            .into(),
            reason: quote.reason,
            rho_nano: quote.price.0,
            year_left_nano,
            least_left_nano,
            least_left_under: quote.left.map_or(String::new(), |left| left.under),
        }))
    }

    async fn answer(&self, request: Request<wire::AnswerRequest>) -> Result<Response<AnswerStream>, Status> {
        let gate = gate(&request)?;
        let message = request.into_inner();
        if message.council != self.answerer.council.as_str() {
            let sentence = format!("the question is for {}, this is {}", message.council, self.answerer.council);
            return Err(Refusal::new(Reason::InvalidQuestion, sentence).into());
        }
        let answer = self.asked(gate, message.question, |answerer, question| {
            let answer = answerer.figures(question)?;
            let head = answerer.ledger.head().map_err(|error| ledger_says(&error))?;
            pieces(answer, question.id().as_bytes(), head)
        });
        let pieces = at_slot_end(self.slot(), answer).await?;
        Ok(Response::new(Box::pin(iter(pieces.into_iter().map(Ok)))))
    }

    async fn round(&self, request: Request<Streaming<wire::RoundChunk>>) -> Result<Response<RoundStream>, Status> {
        let gate = gate(&request)?;
        let asked = Asked::read(request.into_inner()).await?;
        let answerer = Arc::clone(&self.answerer);
        let (id, step) = (asked.round().to_vec(), asked.step_number());
        let done = tokio::task::spawn_blocking(move || {
            let reply = answerer.round(gate.coordinator(), asked)?;
            Ok::<_, Refusal>((reply, answerer.ledger.head().map_err(|error| ledger_says(&error))?))
        });
        // Keys, signatures and shares are made from nothing that is recorded of anybody; the two steps that look into the
        // records are these.
        let slot = if matches!(step, 0 | 2) { self.slot() } else { None };
        let (reply, head) = match at_slot_end(slot, done).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(refusal)) => {
                tracing::info!(
                    reason = refusal.reason().code(),
                    step,
                    "a step of a round was refused: {}",
                    refusal.sentence()
                );
                return Err(refusal.into());
            }
            Err(error) => return Err(internal(&error).into()),
        };
        let (sender, receiver) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut head = Some(wire::Head::from(head));
            for (offset, payload) in reply.pieces() {
                let (round_id, head) = (id.clone(), head.take());
                let chunk = wire::RoundChunk { round_id, step, offset, payload, question: None, head };
                if sender.send(Ok(chunk)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn head(&self, request: Request<wire::HeadRequest>) -> Result<Response<wire::HeadReply>, Status> {
        gate(&request)?;
        let answerer = Arc::clone(&self.answerer);
        let head = tokio::task::spawn_blocking(move || answerer.ledger.head().map_err(|error| ledger_says(&error)));
        let head = wire::Head::from(head.await.map_err(|error| internal(&error))??);
        // Ledger and audit log are one chain.
        Ok(Response::new(wire::HeadReply { ledger: Some(head.clone()), audit: Some(head) }))
    }

    async fn receipts(&self, request: Request<wire::ReceiptsRequest>) -> Result<Response<wire::ReceiptsReply>, Status> {
        gate(&request)?;
        let (answerer, wanted) = (Arc::clone(&self.answerer), request.into_inner());
        let page = tokio::task::spawn_blocking(move || answerer.receipts(wanted.from, wanted.most));
        Ok(Response::new(page.await.map_err(|error| internal(&error))??))
    }
}
