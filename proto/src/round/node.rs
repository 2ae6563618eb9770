//! One council's side of a round: five messages in, five out, no I/O.
//!
//! ```text
//! envelope  -> Proposal::open -> accept -> Round      Persist<Reserve, advert>
//! roster    -> Round::share                           sealed shares
//! relay     -> Round::mask                            Persist<Charge, masked vector>
//! survivors -> Round::consent                         Persist<SurvivorsSigned, consent>
//! quorum    -> Round::unmask                          Persist<Unmasked, revealed shares>
//! ```
//!
//! **Guarantee**: for each peer at most one of its two secrets' shares ever leaves; at most one survivor set is
//! signed; a step is answered for one message only, and a repetition of that message gets the identical answer. All
//! secrets live in [`Round`] alone: dropping it wipes them, and after a restart the council simply counts as dropped.
//!
//! Here are the round itself and what may be asked of it at any time; its steps are in `join`, `share`, `mask` and `open`.
//!
//! A refusal leaves the round as it was, except for sealed shares that do not open: then it is given up. No step is waited
//! for longer than [`Round::ends`] says; whoever drives the round calls [`Round::abandon`] then, or earlier when nothing
//! more can come, and with it go all secrets.

use ed25519_dalek::{SigningKey, VerifyingKey};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

use super::envelope::Envelope;
use super::keys::{AttemptKeys, Secret};
use super::messages::Entry;
use super::parameters::Parameters;
use super::persist::{AttemptId, Persist, Reserve};
use super::refusal::{Refusal, Set, Step};
use super::seats::{Seat, SeatSet};
use super::shares::SharePair;
use super::transcript::{self, Hash};
pub use super::vector::{CHUNK_CELLS, Chunk, MaskedVector};
use super::witness::Seen;

mod join;
mod mask;
mod open;
mod share;

pub use join::{Agreed, Proposal};

/// Where a node's noise and counts come from.
///
/// The noise is asked for first, and only then the counts, so that the time the sampler takes cannot depend on the
/// data. Both are asked for afresh in every attempt, and nothing is asked for before every check has passed.
pub trait Contribution {
    /// Why the contribution could not be made.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Looks at what peers have kept of this council's ledger, before noise is drawn and counts are read.
    ///
    /// The statements are as the peers made them: the coordinator has left none out and changed none. Whether this council
    /// signed what they show is for the receiver to check.
    ///
    /// # Errors
    /// When this council's ledger does not hold what it once signed; the round is then given up.
    fn witnessed(&mut self, seen: &[Seen]) -> Result<(), Self::Error>;

    /// This node's noise share: fresh discrete Gaussian draws in grid units, one for each cell of every block.
    ///
    /// Not called for [`Mechanism::Exact`](super::envelope::Mechanism::Exact).
    ///
    /// # Errors
    /// When the sampler fails; the step is then refused and can be asked for again.
    fn noise(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error>;

    /// This node's bounded counts **times the grid factor**, zero outside its own block.
    ///
    /// # Errors
    /// When the counts cannot be made; the step is then refused and can be asked for again.
    fn scaled_counts(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Self::Error>;
}

/// The shortest time, in seconds, for which a node that has dealt shares waits for the next message.
///
/// A coordinator asks everybody for a step at the same time and waits for one step's time; twice that leaves room for a
/// council that answered first and a coordinator that is busy in between.
pub const LEAST_PATIENCE_S: u64 = 60;

/// What is fixed for the whole attempt.
#[derive(Debug)]
struct Facts {
    envelope: Envelope,
    t0: Hash,
    parameters: Parameters,
    signatories: Vec<VerifyingKey>,
    me: Seat,
    cells: u32,
}

impl Facts {
    const fn attempt(&self) -> AttemptId {
        AttemptId { query_id: self.envelope.mandate.query_id, attempt: self.envelope.attempt, t0: self.t0 }
    }

    fn name(&self, seat: Seat) -> String {
        self.envelope.council(seat).unwrap_or("?").to_owned()
    }

    fn check_time(&self, now: u64) -> Result<(), Refusal> {
        if now < self.envelope.not_before {
            return Err(Refusal::NotYet { not_before: self.envelope.not_before });
        }
        if now >= self.envelope.expiry {
            return Err(Refusal::Expired { expiry: self.envelope.expiry });
        }
        Ok(())
    }

    /// `max(s_min, t)`; `s_min` is never below `t`.
    const fn need(&self) -> usize {
        self.parameters.min_survivors() as usize
    }

    fn enough(&self, set: Set, have: usize) -> Result<(), Refusal> {
        if have < self.need() {
            return Err(Refusal::TooFew { set, have, need: self.need() });
        }
        Ok(())
    }
}

/// One attempt of one council, from the advert on. Dropping it wipes all secrets.
pub struct Round {
    facts: Facts,
    signing: SigningKey,
    entry: Entry,
    advert: Vec<u8>,
    secrets: Option<AttemptKeys>,
    shared: Option<Shared>,
    masked: Option<MaskedState>,
    consented: Option<Consented>,
    unmasked: Option<Answer<Vec<u8>>>,
    given_up: Option<&'static str>,
    /// When a step was last answered for the first time, in seconds since 1970-01-01 UTC.
    answered: u64,
}

/// A stored answer and the hash of the message it answers.
struct Answer<A> {
    request: Hash,
    reply: A,
}

struct Shared {
    answer: Answer<Vec<u8>>,
    t1: Hash,
    /// `U1`, ascending by seat; a member's rank here plus one is its coordinate in GF(256).
    entries: Vec<Entry>,
    /// Keys under which the others seal for this node.
    opening: BTreeMap<Seat, Secret>,
    own_pair: Option<SharePair>,
}

struct MaskedState {
    answer: Answer<MaskedVector>,
    t2: Hash,
    sharers: SeatSet,
    /// Pairs of shares of every member of `U2`, this node included; emptied at step 4.
    held: BTreeMap<Seat, SharePair>,
}

struct Consented {
    answer: Answer<Vec<u8>>,
    t3: Hash,
    survivors: SeatSet,
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round")
            .field("attempt", &self.facts.attempt())
            .field("seat", &self.facts.me)
            .field("next", &self.next_step())
            .finish_non_exhaustive()
    }
}

impl Round {
    /// Query id, attempt and `T0`.
    #[must_use]
    pub const fn attempt(&self) -> AttemptId {
        self.facts.attempt()
    }

    /// The envelope of this round.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.facts.envelope
    }

    /// The step that would be answered next; `None` when the node is done or has given up.
    #[must_use]
    pub const fn next_step(&self) -> Option<Step> {
        match (&self.given_up, &self.shared, &self.masked, &self.consented, &self.unmasked) {
            (Some(_), ..) | (.., Some(_)) => None,
            (_, None, ..) => Some(Step::Share),
            (_, _, None, ..) => Some(Step::Mask),
            (_, _, _, None, _) => Some(Step::Consent),
            _ => Some(Step::Unmask),
        }
    }

    /// Whether the round was given up: nothing more is answered, and nothing secret is left.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.given_up.is_some()
    }

    /// Whether the masked vector has been made: from then on the charge stands.
    #[must_use]
    pub const fn is_charged(&self) -> bool {
        self.masked.is_some()
    }

    /// Whether anything secret of this attempt is still in memory.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        let held = self.masked.as_ref().is_some_and(|masked| !masked.held.is_empty());
        self.secrets.is_some() || self.shared.as_ref().is_some_and(|s| s.own_pair.is_some()) || held
    }

    /// The moment, in seconds since 1970-01-01 UTC, from which nothing is answered any more: the envelope's expiry, or
    /// sooner once shares have been dealt, since from then on no person is waited for and each step has its time.
    #[must_use]
    pub fn ends(&self) -> u64 {
        let expiry = self.facts.envelope.expiry;
        if self.shared.is_none() {
            return expiry;
        }
        let patience = (2 * u64::from(self.facts.envelope.step_seconds)).max(LEAST_PATIENCE_S);
        expiry.min(self.answered.saturating_add(patience))
    }

    /// Gives the round up, and wipes everything secret and every stored answer: nothing more can come of it.
    pub fn abandon(&mut self) {
        self.give_up("abandoned");
    }

    /// The answer to step 0, again: for the same envelope, which the caller recognises by [`AttemptId`].
    pub fn advert(&self) -> Persist<Reserve, Vec<u8>> {
        Persist::new(
            Reserve {
                attempt: self.facts.attempt(),
                rho_nano: self.facts.envelope.plan.rho_nano,
                expiry: self.facts.envelope.expiry,
            },
            self.advert.clone(),
        )
    }

    /// Step 0, repeated: the identical advert for the identical envelope.
    ///
    /// # Errors
    /// [`Refusal::AlreadyAnswered`] when it is another envelope under the same query id and attempt.
    pub fn advert_again(&self, envelope: &[u8], now: u64) -> Result<Persist<Reserve, Vec<u8>>, Refusal> {
        self.alive(now)?;
        if transcript::t0(envelope) != self.facts.t0 {
            return Err(Refusal::AlreadyAnswered { step: Step::Advertise });
        }
        Ok(self.advert())
    }

    fn alive(&self, now: u64) -> Result<(), Refusal> {
        if let Some(reason) = self.given_up {
            return Err(Refusal::GivenUp { reason });
        }
        self.facts.check_time(now)?;
        let ends = self.ends();
        if now >= ends {
            return Err(Refusal::Expired { expiry: ends });
        }
        Ok(())
    }

    fn give_up(&mut self, reason: &'static str) {
        self.given_up = Some(reason);
        self.secrets = None;
        self.shared = None;
        self.masked = None;
        self.consented = None;
        self.unmasked = None;
    }
}

impl<A: Clone> Answer<A> {
    fn again(&self, request: Hash, step: Step) -> Result<A, Refusal> {
        if self.request == request { Ok(self.reply.clone()) } else { Err(Refusal::AlreadyAnswered { step }) }
    }
}

/// Recognises a repeated message; compared only with messages of the same step.
fn request_hash(message: &[u8]) -> Hash {
    transcript::hash("folkmoot/round/2/request", &[message])
}
