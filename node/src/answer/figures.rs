//! Council figures: from a decided question to bytes that may leave.

use folkmoot_proto::disclosure::Figure;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::{Query, Release};
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use prost::Message as _;

use super::{Accounts, Answerer, Decided};
use crate::assemble::{self, Source};
use crate::local;
use crate::protect::{self, Noise, ProtectedCells};
use crate::tabulate::{self, Bounding};

/// A protected answer as it will be kept and sent.
///
/// # Guarantee
/// Made from [`ProtectedCells`] only: there is no other constructor from figures.
pub struct StoredAnswer {
    chunk: wire::AnswerChunk,
}

impl StoredAnswer {
    fn of(protected: &ProtectedCells, facts: wire::AnswerFacts) -> Self {
        let shown = |figure: &Figure| figure.shown();
        Self {
            chunk: wire::AnswerChunk {
                facts: Some(facts),
                offset: 0,
                values: protected.figures().iter().map(|figure| shown(figure).unwrap_or(0)).collect(),
                hidden: protected.figures().iter().map(|figure| u8::from(shown(figure).is_none())).collect(),
            },
        }
    }

    /// The bytes to keep.
    pub fn bytes(&self) -> Vec<u8> {
        self.chunk.encode_to_vec()
    }

    /// What is charged for it.
    pub fn charged_nano(&self) -> u64 {
        self.chunk.facts.as_ref().map_or(0, |facts| facts.charged_nano)
    }
}

/// An answer whose charge is final and which is kept: the only thing that may be sent.
pub struct Committed {
    chunk: wire::AnswerChunk,
}

impl Committed {
    /// For the accounts, after the transaction that keeps `answer` and its charge has committed.
    pub(crate) fn now(answer: StoredAnswer) -> Self {
        Self { chunk: answer.chunk }
    }

    /// For the accounts, from the bytes that an earlier transaction kept; marked as stored and uncharged.
    ///
    /// # Errors
    /// When the bytes are not an answer: the store is damaged.
    pub(crate) fn earlier(bytes: &[u8]) -> Result<Self, prost::DecodeError> {
        let mut chunk = wire::AnswerChunk::decode(bytes)?;
        if let Some(facts) = chunk.facts.as_mut() {
            facts.stored = true;
            facts.charged_nano = 0;
        }
        Ok(Self { chunk })
    }

    /// The pieces to send for the question with this id.
    pub(super) fn pieces(mut self, query_id: &[u8]) -> Vec<wire::AnswerChunk> {
        // A varint of a figure takes up to ten bytes, and its mark one.
        const FIGURES: usize = folkmoot_proto::limits::CHUNK / 11;
        if let Some(facts) = self.chunk.facts.as_mut() {
            facts.query_id = query_id.to_vec();
        }
        let mut facts = self.chunk.facts.take();
        let (values, hidden) = (self.chunk.values, self.chunk.hidden);
        values
            .chunks(FIGURES)
            .zip(hidden.chunks(FIGURES))
            .enumerate()
            .map(|(place, (values, hidden))| wire::AnswerChunk {
                facts: facts.take(),
                offset: (place * FIGURES) as u64,
                values: values.to_vec(),
                hidden: hidden.to_vec(),
            })
            .collect()
    }
}

impl<S: Source, A: Accounts> Answerer<S, A> {
    /// Answers a question with council figures. Blocking: run it off the async threads.
    ///
    /// # Errors
    /// The refusal to send.
    pub fn figures(&self, question: &Question) -> Result<Committed, Refusal> {
        let query = question.query();
        if query.release().is_joint() {
            return Err(Refusal::new(
                Reason::InvalidQuestion,
                "joint figures are not answered by one council: they are asked in a round",
            ));
        }
        let options = local::options(query, self.today());
        // The snapshot is known before any row is read, so that a repeated question costs no work and no budget.
        let snapshot = assemble::snapshot(&self.records, &options).map_err(|error| no_data(&error, query))?;
        match self.accounts.decide(question, snapshot)? {
            Decided::Stored(committed) => Ok(committed),
            Decided::Answer { reserved, rho } => match self.protected(query, rho, &options) {
                Ok((protected, layout, charged_nano, notes)) => {
                    let facts = wire::AnswerFacts {
                        query_id: Vec::new(),
                        query_digest: query.digest().to_vec(),
                        layout_digest: layout.digest().to_vec(),
                        snapshot: snapshot.as_bytes().to_vec(),
                        as_of: options.as_of.number(),
                        figures: protected.figures().len() as u64,
                        sigma_nano: (protected.sigma() * 1e9).ceil() as u64,
                        charged_nano,
                        stored: false,
                        notes,
                    };
                    self.accounts.release(reserved, StoredAnswer::of(&protected, facts))
                }
                Err(refusal) => {
                    self.accounts.abandon(reserved, refusal.reason().code());
                    Err(refusal)
                }
            },
        }
    }

    /// Protected figures, layout, price and notes.
    fn protected(
        &self,
        query: &Query,
        reserved: Option<folkmoot_proto::privacy::Rho>,
        options: &assemble::Options,
    ) -> Result<(ProtectedCells, Layout, u64, Vec<String>), Refusal> {
        let layout = Layout::of(query).map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))?;
        // Noise is drawn before the data is read: the time it takes then says nothing about them.
        let noise = match (query.release(), reserved) {
            (Release::CouncilPrivate(_), Some(rho)) => {
                Some(Noise::draw(self.noise.as_ref(), &layout, query.bound(), rho).map_err(|error| internal(&error))?)
            }
            (Release::CouncilPrivate(_), None) => {
                return Err(Refusal::new(Reason::Internal, "no price was reserved for a private answer"));
            }
            _ => None,
        };
        let assembly = assemble::assemble(&self.records, options).map_err(|error| no_data(&error, query))?;
        let bounding = match noise {
            Some(_) => Bounding::Private { bound: query.bound(), key: &self.bounding_key },
            None => Bounding::Official,
        };
        let (layout, counts) = tabulate::tabulate(&assembly.histories, query, bounding)
            .map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))?;
        let notes = assembly.warnings.iter().map(ToString::to_string).collect();
        Ok(match (noise, query.release().profile()) {
            (Some(noise), _) => {
                let charged = noise.rho().nano();
                (noise.add(&counts, &layout), layout, charged, notes)
            }
            (None, profile) => {
                let profile = profile.unwrap_or_default();
                (protect::suppress(&counts, &layout, query.measure().kind, profile), layout, 0, notes)
            }
        })
    }
}

/// What the other side may know of a failed assembly: that there is no data for the period, or nothing.
pub(super) fn no_data(error: &assemble::Error, query: &Query) -> Refusal {
    match error {
        assemble::Error::Nothing { .. } => Refusal::new(
            Reason::NoData,
            format!("no submission that this council holds covers a quarter for a question about {}", query.period()),
        ),
        other => internal(other),
    }
}

pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Refusal {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        chain.push_str(": ");
        chain.push_str(&next.to_string());
        cause = next.source();
    }
    tracing::error!(error = chain, "answering failed");
    Refusal::new(Reason::Internal, "the council's node could not answer; its own log says why")
}
