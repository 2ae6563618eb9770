//! Joint figures: this council's side of a round, one call a step.
//!
//! ```text
//! step 0  question, envelope -> signatures, own reading of the question, policy, budget -> keys        reserved
//! step 1  roster             -> sealed shares
//! step 2  relay              -> noise, counts, masks -> masked vector in chunks                        charged
//! step 3  survivors          -> signature                                                              signed
//! step 4  quorum             -> shares that undo the masks                                             unmasked, over
//! ```
//!
//! Step 0 is [`join`], what the node makes of an envelope by itself is [`reading`], the messages of a step are
//! [`message`], what ends a round that nobody goes on with is [`tend`]; here are the rounds that are open and their other
//! steps.
//!
//! # Guarantee
//! The protocol's own checks are those of [`folkmoot_proto::round::node`]. Here is added: who asks is proven, the
//! analyst signed this question for a round, every number in the envelope is the one this node works out by itself or
//! its policy allows, and each of the ledger's transitions is on the disk before its message leaves. Everything secret
//! lives in memory alone, and no longer than something can come of it: after a restart this council counts as dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{Joint, LEAST_SUMMED, Shares};
use folkmoot_proto::query::Query;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::node::{self, MaskedVector};
use folkmoot_proto::round::witness::{Peer, Seen};
use folkmoot_proto::round::{Refusal as Word, wipe};
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};

use super::told::{internal, ledger_says};
use super::{Answerer, data};
use crate::assemble::{self, SnapshotId};
use crate::ledger::{self, Cohort};
use crate::mask::{self, Part};
use crate::registry::Members;

mod join;
mod message;
mod reading;
mod tend;

pub use message::Asked;
pub(super) use message::Reply;
use reading::too_few_summed;
pub use tend::tend;

/// Rounds that may be open at the same time.
const MOST_OPEN: usize = 16;

/// What a node needs to take part in rounds, and the rounds it is in.
pub struct Rounds {
    signing: SigningKey,
    members: Members,
    open: Mutex<BTreeMap<[u8; 32], Arc<Mutex<Open>>>>,
}

impl Rounds {
    /// With this council's signing key and the federation's members.
    pub fn new(signing: SigningKey, members: Members) -> Self {
        Self { signing, members, open: Mutex::default() }
    }

    /// The federation's members.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// In how many rounds this council holds secrets at present.
    pub fn holding_secrets(&self) -> usize {
        let open: Vec<_> = self.open().values().cloned().collect();
        open.iter().filter(|entry| entry.lock().unwrap_or_else(PoisonError::into_inner).machine.holds_secrets()).count()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Arc<Mutex<Open>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the ledger is with a round.
enum Stage {
    Reserved(ledger::Round<ledger::Reserved>),
    Masked(ledger::Round<ledger::Masked>),
    Signed(ledger::Round<ledger::Signed>),
    Over,
}

/// A round that this council is in.
struct Open {
    machine: node::Round,
    stage: Stage,
    query: Query,
    joint: Joint,
    shares: Option<Shares>,
    options: assemble::Options,
    /// The data named to the ledger.
    snapshot: SnapshotId,
    opt_out_applied: bool,
    memo: ledger::Memo,
    /// Codes of refused steps that are in the log already: each is written once, so that nobody can fill it.
    noted: BTreeSet<String>,
}

/// What leaves with the masked vector, for the ledger: the vector's own hash.
struct Leaving {
    digest: [u8; 32],
    vector: MaskedVector,
}

impl AsRef<[u8]> for Leaving {
    fn as_ref(&self) -> &[u8] {
        &self.digest
    }
}

fn refused(sentence: impl Into<String>) -> Refusal {
    Refusal::new(Reason::RoundRefused, sentence)
}

/// A protocol refusal as it travels: its sentence, and its stable code as a detail.
fn protocol(word: &Word) -> Refusal {
    if word.is_alarm() {
        tracing::warn!(code = word.code(), "a round was refused for what no honest coordinator does: {word}");
    }
    if let Word::Contribution(cause) | Word::Witness(cause) | Word::Witnessed(cause) = word {
        tracing::error!(error = cause.as_ref() as &dyn std::error::Error, "this council's part could not be made");
    }
    // What the records and the ledger say no with is this council's own answer, and told as such.
    if let Word::Contribution(cause) | Word::Witnessed(cause) = word
        && let Some(mask::Error::Histories(refusal) | mask::Error::Witnessed(refusal)) = cause.downcast_ref()
    {
        return refusal.clone().with("round", word.code());
    }
    let reason = match word {
        Word::CohortTooSmall { .. } | Word::SurvivorFloorTooLow { .. } => Reason::TooFewCouncils,
        _ => Reason::RoundRefused,
    };
    Refusal::new(reason, word.to_string()).with("round", word.code())
}

/// Does a step with randomness of its own, from the operating system's. Secrets are drawn from it, so it is wiped with them: a
/// generator that lives on could be turned back to what it gave.
fn with_randomness<T>(step: impl FnOnce(&mut StdRng) -> T) -> Result<T, Refusal> {
    wipe::after(|| {
        let mut rng = StdRng::try_from_rng(&mut SysRng).map_err(|error| internal(&error))?;
        Ok(step(&mut rng))
    })
}

impl Answerer {
    /// Answers one step of a round. Blocking: run it off the async threads.
    ///
    /// # Errors
    /// The refusal to send.
    pub(super) fn round(&self, coordinator: &Identity, asked: Asked) -> Result<Reply, Refusal> {
        let Some(rounds) = &self.rounds else {
            let refusal = Refusal::new(
                Reason::PolicyForbids,
                "this node takes part in no joint figures: it has no signing certificate or no governance key",
            );
            return Err(if asked.step == 0 {
                self.note_invited(coordinator, asked.question, refusal)
            } else {
                refusal
            });
        };
        let now = self.seconds();
        if asked.step == 0 {
            return self.advertise(rounds, coordinator, asked, now).map(Reply::Message);
        }
        let open = rounds.open().get(&asked.round).cloned();
        let open = open.ok_or_else(|| {
            refused("this node is in no such round: it was restarted, the round is over, or it was never asked to join")
        })?;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = match asked.step {
            1 => {
                let witness = |peers: &[Peer<'_>]| self.ledger.exchange(peers).map_err(Into::into);
                let shared = with_randomness(|rng| open.machine.share_as_witness(&asked.payload, now, rng, witness));
                shared.and_then(|shared| shared.map_err(|word| protocol(&word))).map(Reply::Message)
            }
            2 => self.mask(rounds, &mut open, &asked.payload, now),
            3 => self.consent(&mut open, &asked.payload, now).map(Reply::Message),
            4 => self.unmask(&mut open, &asked.payload, now).map(Reply::Message),
            _ => Err(refused("a round has the steps 0 to 4")),
        };
        if let Err(refusal) = &answered {
            self.note(&mut open, refusal);
        }
        // Given up, or left because the ledger would not write: nothing more will be answered, so a price that was only
        // put aside is free again, and nothing secret stays.
        let left = matches!(open.stage, Stage::Over) && open.machine.next_step().is_some();
        if answered.is_err() && (open.machine.is_given_up() || left) {
            self.end(&mut open, "the round was given up");
        }
        answered
    }

    /// Writes a refusal of the protocol into the log: a coordinator that shows councils different things is seen there.
    fn note(&self, open: &mut Open, refusal: &Refusal) {
        let Some(code) = refusal.fact("round") else { return };
        if !open.noted.insert(code.to_owned()) {
            return;
        }
        if let Err(error) = self.ledger.note_refusal(&open.memo, code, refusal.sentence()) {
            tracing::error!(error = &error as &dyn std::error::Error, "a refused step could not be written down");
        }
    }

    /// Ends a round for this council: its secrets are wiped first, whatever the ledger says then.
    fn end(&self, open: &mut Open, why: &str) {
        open.machine.abandon();
        let ended = match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Reserved(round) => self.ledger.abandon(round, why),
            Stage::Masked(round) => self.ledger.abandon(round, why),
            Stage::Signed(round) => self.ledger.abandon(round, why),
            Stage::Over => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn std::error::Error, "a round's end could not be written down");
        }
    }

    fn mask(&self, rounds: &Rounds, open: &mut Open, relay: &[u8], now: u64) -> Result<Reply, Refusal> {
        let grid = open.machine.envelope().plan.grid;
        let (query, options, snapshot, applied) = (&open.query, &open.options, open.snapshot, open.opt_out_applied);
        let histories = || data::assembly(&self.records, query, options, snapshot, applied);
        let own = rounds.signing.verifying_key();
        let witnessed = |seen: &[Seen]| self.ledger.shown(seen, &own).map_err(|error| ledger_says(&error));
        let mut part = Part {
            joint: &open.joint,
            query: &open.query,
            council: self.council,
            shares: open.shares,
            grid,
            noise: self.noise.as_ref(),
            histories: &histories,
            bounding_key: &self.bounding_key,
            witnessed: &witnessed,
        };
        if matches!(open.stage, Stage::Over) {
            return Err(refused("this council has left the round"));
        }
        let masked = open.machine.mask(relay, now, &mut part).map_err(|w| protocol(&w))?;
        let digest = masked.record().digest;
        let vector = masked.persisted();
        let Stage::Reserved(_) = &open.stage else {
            // Repeated: the charge has been on the disk since the first time.
            return Ok(Reply::Vector(vector));
        };
        let Stage::Reserved(round) = std::mem::replace(&mut open.stage, Stage::Over) else {
            return Err(refused("this council has left the round"));
        };
        let (round, charged) =
            self.ledger.mask(round, Leaving { digest, vector }).map_err(|error| ledger_says(&error))?;
        open.stage = Stage::Masked(round);
        Ok(Reply::Vector(charged.into_inner().vector))
    }

    fn consent(&self, open: &mut Open, survivors: &[u8], now: u64) -> Result<Vec<u8>, Refusal> {
        let signed = open.machine.consent(survivors, now).map_err(|w| protocol(&w))?;
        let record = signed.record().clone();
        let message = signed.persisted();
        match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Masked(round) => {
                let codes: Option<BTreeSet<CouncilCode>> =
                    record.survivors.iter().map(|code| CouncilCode::parse(code).ok()).collect();
                let codes = codes.ok_or_else(|| refused("the remaining councils are not all councils"))?;
                if open.shares.is_none() && codes.len() < LEAST_SUMMED {
                    return Err(too_few_summed());
                }
                let (round, charged) = self
                    .ledger
                    .sign_survivors(round, record.t3, &Cohort::new(codes), message)
                    .map_err(|error| ledger_says(&error))?;
                open.stage = Stage::Signed(round);
                Ok(charged.into_inner())
            }
            Stage::Signed(round) => {
                open.stage = Stage::Signed(round);
                Ok(message)
            }
            _ => Err(refused("this council has left the round")),
        }
    }

    fn unmask(&self, open: &mut Open, quorum: &[u8], now: u64) -> Result<Vec<u8>, Refusal> {
        let repeated = open.machine.next_step().is_none();
        let revealed = open.machine.unmask(quorum, now).map_err(|w| protocol(&w))?;
        let transcript = revealed.record().t3;
        let message = revealed.persisted();
        match std::mem::replace(&mut open.stage, Stage::Over) {
            Stage::Signed(round) => {
                let (round, charged) =
                    self.ledger.unmask(round, transcript, message).map_err(|error| ledger_says(&error))?;
                if let Err(error) = self.ledger.close(round) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a round's end could not be written down"
                    );
                }
                Ok(charged.into_inner())
            }
            // The shares are on record as given away; the same again tells nothing new.
            Stage::Over if repeated => Ok(message),
            _ => Err(refused("this council has left the round")),
        }
    }
}
