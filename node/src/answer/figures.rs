//! Council figures: from a decided question to bytes that may leave.

use folkmoot_proto::disclosure::Figure;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{Query, Release};
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use jiff::Timestamp;
use prost::Message as _;

use super::told::{internal, ledger_says};
use super::{Answerer, board, data};
use crate::assemble::{self, SnapshotId};
use crate::ledger::{self, Charged, CouncilAdmission, Head, Unasked, Whose};
use crate::local;
use crate::policy;
use crate::protect::{self, Noise, ProtectedCells};
use crate::tabulate::{self, Bounding};

/// A protected answer as it is kept and sent.
///
/// # Guarantee
/// Made from [`ProtectedCells`] only.
fn message(protected: &ProtectedCells, facts: wire::AnswerFacts) -> wire::AnswerChunk {
    let shown = |figure: &Figure| figure.shown();
    wire::AnswerChunk {
        facts: Some(facts),
        offset: 0,
        values: protected.figures().iter().map(|figure| shown(figure).unwrap_or(0)).collect(),
        hidden: (0..protected.figures().len())
            .map(|place| {
                u8::from(shown(&protected.figures()[place]).is_none()) + u8::from(protected.is_withheld(place))
            })
            .collect(),
    }
}

/// The pieces to send of an answer whose charge is on the disk.
///
/// `head` is the ledger's after the charge: whoever has the answer can then tell a ledger that knows nothing of it.
pub(super) fn pieces(answer: Charged<Vec<u8>>, query_id: &[u8], head: Head) -> Result<Vec<wire::AnswerChunk>, Refusal> {
    // A varint of a figure takes up to ten bytes, and its mark one.
    const FIGURES: usize = folkmoot_proto::limits::CHUNK / 11;
    let stored = answer.is_stored();
    let mut whole = wire::AnswerChunk::decode(answer.into_inner().as_slice()).map_err(|error| internal(&error))?;
    let mut facts = whole.facts.take();
    if let Some(facts) = facts.as_mut() {
        facts.query_id = query_id.to_vec();
        facts.head = Some(head.into());
        facts.stored = stored;
        if stored {
            facts.charged_nano = 0;
        }
    }
    Ok(whole
        .values
        .chunks(FIGURES)
        .zip(whole.hidden.chunks(FIGURES))
        .enumerate()
        .map(|(place, (values, hidden))| wire::AnswerChunk {
            facts: facts.take(),
            offset: (place * FIGURES) as u64,
            values: values.to_vec(),
            hidden: hidden.to_vec(),
        })
        .collect())
}

/// The governance rooms' form of a question whose signatures were checked.
pub(super) fn governed(question: &Question) -> Result<policy::Question, Refusal> {
    let expires = Timestamp::from_second(question.expires()).unwrap_or(Timestamp::MAX);
    policy::Question::new(
        question.id(),
        question.query().clone(),
        question.analyst().clone(),
        question.purpose(),
        question.lawful_basis(),
        expires,
    )
}

impl Answerer {
    /// Answers a question with council figures. Blocking: run it off the async threads.
    ///
    /// # Errors
    /// The refusal to send.
    pub fn figures(&self, question: &Question) -> Result<Charged<Vec<u8>>, Refusal> {
        let query = question.query();
        let policy = self.policy.current();
        let governed = governed(question)?;
        let noted = |refusal: Refusal| {
            let unasked = Unasked { policy: &policy, whose: Whose::Asked(&governed), attempt: None, code: None };
            self.note_unasked(&unasked, refusal)
        };
        if query.release().is_joint() {
            return Err(noted(Refusal::new(
                Reason::InvalidQuestion,
                "joint figures are not answered by one council: they are asked in a round",
            )));
        }
        board::check(question.analyst(), self.council).map_err(&noted)?;
        self.agreed().map_err(&noted)?;
        let options = local::options(query, self.today());
        // What the policy refuses, the ledger refuses and writes down; the data do not matter then.
        let ruling = policy.rule(&governed);
        let opt_out_applied = ruling.as_ref().is_ok_and(|ruling| ruling.opt_out_applied);
        // The snapshot is known before any row is read, so that a repeated question costs no work and no budget.
        let snapshot = data::snapshot(&self.records, query, &options, opt_out_applied)
            .map_err(|refusal| noted(ruling.err().unwrap_or(refusal)))?;
        let admitted = self.ledger.admit_council(&policy, &governed, snapshot);
        let grant = match admitted.map_err(|error| self.ledger_said(&error, noted))? {
            CouncilAdmission::Stored(charged) => return Ok(charged),
            CouncilAdmission::Granted(grant) => grant,
        };
        let reserved = Rho::from_nano(grant.price().0);
        debug_assert_eq!(opt_out_applied, grant.opt_out_applied(), "one policy, one ruling");
        match self.protected(query, reserved, (snapshot, grant.opt_out_applied()), &options) {
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
                    head: None,
                };
                let bytes = message(&protected, facts).encode_to_vec();
                self.ledger.release(grant, bytes).map_err(|error| ledger_says(&error))
            }
            Err(refusal) => {
                if let Err(error) = self.ledger.refund(grant, refusal.reason().code()) {
                    tracing::error!(%error, "a reservation could not be given back; it lapses by itself");
                }
                Err(refusal)
            }
        }
    }

    /// Writes down a refusal that the ledger has no entry of, and passes it on.
    pub(super) fn note_unasked(&self, unasked: &Unasked<'_>, refusal: Refusal) -> Refusal {
        if let Err(error) = self.ledger.note_unasked(unasked, &refusal) {
            tracing::error!(error = &error as &dyn std::error::Error, "a refused question could not be written down");
        }
        refusal
    }

    /// As [`Self::note_unasked`], of what came from nobody that is believed.
    pub(super) fn note_unbelieved(&self, coordinator: &Identity, refusal: Refusal) -> Refusal {
        let policy = self.policy.current();
        let whose = Whose::Sent { coordinator, question: None };
        self.note_unasked(&Unasked { policy: &policy, whose, attempt: None, code: None }, refusal)
    }

    /// The ledger's word. It writes its own refusals down, but for those of a ledger in doubt, which changes nothing.
    pub(super) fn ledger_said(&self, error: &ledger::Error, noted: impl FnOnce(Refusal) -> Refusal) -> Refusal {
        let refusal = ledger_says(error);
        if refusal.reason() == Reason::LedgerInDoubt { noted(refusal) } else { refusal }
    }

    /// Protected figures, layout, price and notes.
    fn protected(
        &self,
        query: &Query,
        reserved: Option<Rho>,
        (snapshot, opt_out_applied): (SnapshotId, bool),
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
        let assembly = data::assembly(&self.records, query, options, snapshot, opt_out_applied)?;
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
                let crowds = tabulate::crowds(&assembly.histories, query)
                    .map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))?;
                (protect::suppress(&counts, &crowds, &layout, query.measure(), profile), layout, 0, notes)
            }
        })
    }
}
