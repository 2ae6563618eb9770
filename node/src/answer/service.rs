//! The gRPC service. Every call is turned into a domain call; nothing is decided here.

use std::pin::Pin;
use std::sync::Arc;

use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::version;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_server::Node;
use futures_util::Stream;
use tokio_stream::iter;
use tonic::{Request, Response, Status, Streaming};

use super::figures::internal;
use super::{Accounts, Answerer, Believed, Head};
use crate::assemble::{self, Source};
use crate::dial::Gate;
use crate::local;

/// Serves one council's node to the coordinator at the other end of the link.
pub struct NodeService<S, A> {
    answerer: Arc<Answerer<S, A>>,
}

impl<S, A> Clone for NodeService<S, A> {
    fn clone(&self) -> Self {
        Self { answerer: Arc::clone(&self.answerer) }
    }
}

impl<S: Source + Send + Sync + 'static, A: Accounts> NodeService<S, A> {
    /// The service of a node.
    pub fn new(answerer: Arc<Answerer<S, A>>) -> Self {
        Self { answerer }
    }

    /// Checks a question and runs blocking work with it, off the async threads.
    async fn asked<T, W>(&self, gate: Gate, message: Option<wire::SignedQuery>, work: W) -> Result<T, Status>
    where
        T: Send + 'static,
        W: FnOnce(&Answerer<S, A>, &Question) -> Result<T, Refusal> + Send + 'static,
    {
        let answerer = Arc::clone(&self.answerer);
        let done = tokio::task::spawn_blocking(move || {
            let settings = answerer.tls.current();
            let now = answerer.clock.now();
            let believed = Believed::check(message, settings.trust(), gate.coordinator(), now)?;
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

fn wire_head(head: Head) -> wire::Head {
    wire::Head { entries: head.entries, digest: head.digest }
}

type AnswerStream = Pin<Box<dyn Stream<Item = Result<wire::AnswerChunk, Status>> + Send>>;
type RoundStream = Pin<Box<dyn Stream<Item = Result<wire::RoundChunk, Status>> + Send>>;

#[tonic::async_trait]
impl<S: Source + Send + Sync + 'static, A: Accounts> Node for NodeService<S, A> {
    type AnswerStream = AnswerStream;
    type RoundStream = RoundStream;

    async fn welcome(&self, request: Request<wire::WelcomeRequest>) -> Result<Response<wire::WelcomeReply>, Status> {
        let gate = gate(&request)?;
        let message = request.into_inner();
        if !message.keep {
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
        let witnessed = message.witnessed.map(|head| Head { entries: head.entries, digest: head.digest });
        let facts = tokio::task::spawn_blocking(move || {
            if let Some(witnessed) = witnessed.filter(|head| head.entries > 0) {
                answerer.accounts.witnessed(&witnessed);
            }
            let heads = answerer.accounts.heads()?;
            let until = answerer.records.submissions().ok().and_then(|all| assemble::covered_until(&all));
            Ok::<_, Refusal>((heads, until))
        });
        let (heads, until) = facts.await.map_err(|error| internal(&error))??;
        if message.keep {
            gate.keep();
        }
        Ok(Response::new(wire::WelcomeReply {
            council: self.answerer.council.to_string(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            least_version: *version::LINK.start(),
            most_version: *version::LINK.end(),
            head: Some(wire_head(heads.ledger)),
            registry_digest: Vec::new(),
            data_until: until.map(|day| day.number()),
        }))
    }

    async fn probe(&self, _: Request<wire::ProbeRequest>) -> Result<Response<wire::ProbeReply>, Status> {
        Ok(Response::new(wire::ProbeReply {}))
    }

    async fn price(&self, request: Request<wire::PriceRequest>) -> Result<Response<wire::PriceReply>, Status> {
        let gate = gate(&request)?;
        let price = self
            .asked(gate, request.into_inner().question, |answerer, question| {
                let options = local::options(question.query(), answerer.today());
                let snapshot = assemble::snapshot(&answerer.records, &options)
                    .map_err(|error| super::figures::no_data(&error, question.query()))?;
                Ok(answerer.accounts.price(question, snapshot))
            })
            .await?;
        Ok(Response::new(wire::PriceReply {
            decision: price.decision.into(),
            reason: price.reason,
            rho_nano: price.rho.nano(),
            left_nano: price.left.nano(),
        }))
    }

    async fn answer(&self, request: Request<wire::AnswerRequest>) -> Result<Response<AnswerStream>, Status> {
        let gate = gate(&request)?;
        let message = request.into_inner();
        if message.council != self.answerer.council.as_str() {
            let sentence = format!("the question is for {}, this is {}", message.council, self.answerer.council);
            return Err(Refusal::new(Reason::InvalidQuestion, sentence).into());
        }
        let pieces = self
            .asked(gate, message.question, |answerer, question| {
                Ok(answerer.figures(question)?.pieces(question.id().as_bytes()))
            })
            .await?;
        Ok(Response::new(Box::pin(iter(pieces.into_iter().map(Ok)))))
    }

    async fn round(&self, _: Request<Streaming<wire::RoundChunk>>) -> Result<Response<RoundStream>, Status> {
        Err(Refusal::new(Reason::PolicyForbids, "this node takes part in no joint figures").into())
    }

    async fn head(&self, request: Request<wire::HeadRequest>) -> Result<Response<wire::HeadReply>, Status> {
        gate(&request)?;
        let answerer = Arc::clone(&self.answerer);
        let heads = tokio::task::spawn_blocking(move || answerer.accounts.heads());
        let heads = heads.await.map_err(|error| internal(&error))??;
        Ok(Response::new(wire::HeadReply {
            ledger: Some(wire_head(heads.ledger)),
            audit: Some(wire_head(heads.audit)),
        }))
    }
}
