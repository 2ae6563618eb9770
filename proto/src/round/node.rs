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
//! A refusal leaves the round as it was, except for sealed shares that do not open: then it is given up. No step is waited
//! for longer than [`Round::ends`] says; whoever drives the round calls [`Round::abandon`] then, or earlier when nothing
//! more can come, and with it go all secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::envelope::{Envelope, Expected, Limits, Mechanism, verifies};
use super::keys::{self, AttemptKeys, Secret};
use super::masking::{self, Mask, Sign, pair_sign};
use super::messages::{Advert, Consent, Entry, Masked, Quorum, Relay, Revealed, Roster, Sealed, Survivors};
use super::parameters::Parameters;
use super::persist::{AttemptId, Charge, Persist, Reserve, SurvivorsSigned, Unmasked};
use super::refusal::{Refusal, Set, Step};
use super::seats::{Roll, Seat, SeatSet};
use super::shares::{self, SharePair};
use super::signed::{advert_bytes, consent_bytes, masked_bytes, revealed_bytes, sealed_bytes, sealed_digest};
use super::transcript::{self, Hash, VectorHash};
pub use super::vector::{CHUNK_CELLS, Chunk, MaskedVector};
use super::wipe;
use super::witness::{self, MOST_STATEMENTS, Peer, Seen, Standing, Statement};
use crate::ring;

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
    /// Not called for [`Mechanism::Exact`].
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

/// An envelope that has passed every check that needs neither the query's meaning nor the ledger.
///
/// What is left to the caller before [`Proposal::accept`]: read the canonical query; work out [`Expected`] from it;
/// check that the cohort belongs to an allowed family; and let the ledger refuse a spent budget or a query id and
/// attempt that it has seen (by committing [`Reserve`]).
#[derive(Debug)]
pub struct Proposal {
    facts: Facts,
    opened: u64,
}

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

impl Proposal {
    /// Step 0: reads and checks an envelope for the council `council`.
    ///
    /// `now` is in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// A [`Refusal`] for the first check that fails: form, registry, signatures of coordinator and analyst, time,
    /// parameters, vector, cohort, policy.
    pub fn open(bytes: &[u8], roll: &Roll, council: &str, limits: &Limits, now: u64) -> Result<Self, Refusal> {
        let envelope = Envelope::decode(bytes)?;
        let (parameters, signatories) = envelope.check(roll, now)?;
        envelope.check_open(now)?;
        let me = envelope.seat(council).ok_or_else(|| Refusal::NotInCohort { council: council.to_owned() })?;
        envelope.check_limits(limits, &parameters)?;
        let cells = envelope.cells().ok_or(Refusal::VectorLength {
            blocks: envelope.plan.blocks,
            cells_per_block: envelope.plan.cells_per_block,
        })?;
        let facts = Facts { t0: transcript::t0(bytes), envelope, parameters, signatories, me, cells };
        Ok(Self { facts, opened: now })
    }

    /// The envelope, for the caller's own checks.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.facts.envelope
    }

    /// The numbers of the round.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.facts.parameters
    }

    /// Query id, attempt and `T0`.
    #[must_use]
    pub const fn attempt(&self) -> AttemptId {
        self.facts.attempt()
    }

    /// Compares the envelope with the node's own reading of the query: the last check before the ledger is asked.
    ///
    /// # Errors
    /// [`Refusal::LayoutDiffers`], [`Refusal::MechanismDiffers`], [`Refusal::SensitivityDiffers`] or
    /// [`Refusal::PriceUnderstated`] when the node reads the query differently; [`Refusal::OwnKeyDiffers`] when the
    /// registry does not hold the key it signs with.
    pub fn agree(self, expected: &Expected, signing: &SigningKey) -> Result<Agreed, Refusal> {
        let Self { facts, opened } = self;
        facts.envelope.check_expected(expected)?;
        if facts.signatories.get(facts.me.at()) != Some(&signing.verifying_key()) {
            return Err(Refusal::OwnKeyDiffers { council: facts.name(facts.me) });
        }
        Ok(Agreed { facts, opened, signing: signing.clone() })
    }

    /// [`Proposal::agree`] and [`Agreed::advertise`] at once, for callers without a ledger.
    ///
    /// # Errors
    /// As [`Proposal::agree`].
    pub fn accept(
        self,
        expected: &Expected,
        signing: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<(Round, Persist<Reserve, Vec<u8>>), Refusal> {
        Ok(self.agree(expected, signing)?.advertise(Standing::default(), rng))
    }
}

/// An envelope that this node agrees with in everything but, perhaps, the price.
#[derive(Debug)]
pub struct Agreed {
    facts: Facts,
    opened: u64,
    signing: SigningKey,
}

impl Agreed {
    /// Makes fresh keys and answers step 0, with where this council's ledger stands once the price is put aside in it.
    pub fn advertise(self, ledger: Standing, rng: &mut impl CryptoRng) -> (Round, Persist<Reserve, Vec<u8>>) {
        wipe::after(|| self.join(ledger, rng))
    }

    fn join(self, ledger: Standing, rng: &mut impl CryptoRng) -> (Round, Persist<Reserve, Vec<u8>>) {
        let Self { facts, opened, signing } = self;
        let secrets = AttemptKeys::generate(rng);
        let (share_key, mask_key) = (secrets.share_public(), secrets.mask_public());
        let commitment = transcript::self_commitment(&facts.t0, facts.me, secrets.self_seed.expose());
        let mut entry = Entry { seat: facts.me, share_key, mask_key, commitment, ledger, signature: [0; 64] };
        entry.signature = signing.sign(&advert_bytes(&facts.t0, &entry)).to_bytes();
        let advert = Advert { t0: facts.t0, entry: entry.clone() }.encode();
        let round = Round {
            facts,
            signing,
            entry,
            advert,
            secrets: Some(secrets),
            shared: None,
            masked: None,
            consented: None,
            unmasked: None,
            given_up: None,
            answered: opened,
        };
        let first = round.advert();
        (round, first)
    }
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

    /// Step 1 of a node that keeps no heads of others' ledgers: see [`Round::share_as_witness`].
    ///
    /// # Errors
    /// As there.
    pub fn share(&mut self, roster: &[u8], now: u64, rng: &mut impl CryptoRng) -> Result<Vec<u8>, Refusal> {
        self.share_as_witness(roster, now, rng, |_| Ok(Vec::new()))
    }

    /// Step 1: checks everybody's keys, splits this node's two secrets, seals a pair for each other member of `U1`.
    ///
    /// Once every key and head is known to be signed by its council, `witness` is asked for what was kept of these councils
    /// in rounds before (statements by seat in this round), and may keep the new ones. It is asked once: a repeated roster
    /// gets the stored answer.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; seats not distinct; too few; a key that is not signed by its council,
    /// repeated or unsound; this node's own entry changed; a witness that cannot read or keep heads; or another roster than
    /// the one already answered.
    pub fn share_as_witness(
        &mut self,
        roster: &[u8],
        now: u64,
        rng: &mut impl CryptoRng,
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<u8>, Refusal> {
        wipe::after(|| self.deal(roster, now, rng, witness))
    }

    fn deal(
        &mut self,
        roster: &[u8],
        now: u64,
        rng: &mut impl CryptoRng,
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<u8>, Refusal> {
        self.alive(now)?;
        let request = request_hash(roster);
        if let Some(shared) = &self.shared {
            return shared.answer.again(request, Step::Share);
        }
        let secrets =
            self.secrets.as_ref().ok_or(Refusal::OutOfOrder { asked: Step::Share, missing: Step::Advertise })?;
        let Roster { t0, entries } = Roster::decode(roster)?;
        self.check_roster(&t0, &entries)?;
        let statements = self.statements(&entries, witness)?;

        let t1 = transcript::t1(&self.facts.t0, &entries);
        let me = self.facts.me;
        let pairs = shares::split(
            &secrets.self_seed,
            secrets.mask_secret(),
            usize::from(self.facts.parameters.threshold()),
            entries.len(),
            rng,
        )
        .map_err(Refusal::Split)?;
        let mut sealed = Vec::with_capacity(entries.len());
        let mut opening = BTreeMap::new();
        let mut own_pair = None;
        for (entry, pair) in entries.iter().zip(pairs) {
            if entry.seat == me {
                own_pair = Some(pair);
                continue;
            }
            // One agreement serves both directions.
            let agreement = secrets.agree_share(&entry.share_key).ok_or_else(|| self.unsound(entry.seat))?;
            let key = agreement.share_key(&t1, me, entry.seat);
            sealed.push(shares::seal(&key, &t1, me, entry.seat, &witness::bound(&statements, entry.seat), &pair));
            opening.insert(entry.seat, agreement.share_key(&t1, entry.seat, me));
        }
        let digest = sealed_digest(&sealed, &statements);
        let signature = self.signing.sign(&sealed_bytes(&t1, me, &digest)).to_bytes();
        let reply = Sealed { t1, seat: me, pairs: sealed, statements, signature }.encode();
        self.answered = now;
        self.shared = Some(Shared { answer: Answer { request, reply: reply.clone() }, t1, entries, opening, own_pair });
        Ok(reply)
    }

    /// What this node has kept of the others' ledgers, in its one order.
    fn statements(
        &self,
        entries: &[Entry],
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<Statement>, Refusal> {
        let others = entries.iter().filter(|e| e.seat != self.facts.me);
        let peers: Vec<Peer<'_>> = others
            .filter_map(|e| {
                let council = self.facts.envelope.council(e.seat)?;
                let key = self.facts.signatories.get(e.seat.at())?;
                Some(Peer { council, seat: e.seat, key, advert: Advert { t0: self.facts.t0, entry: e.clone() } })
            })
            .collect();
        let mut said = witness(&peers).map_err(Refusal::Witness)?;
        said.retain(|s| peers.iter().any(|p| p.seat == s.seat));
        said.sort_unstable_by_key(Statement::place);
        said.dedup_by_key(|s| s.place());
        said.truncate(MOST_STATEMENTS);
        Ok(said)
    }

    fn unsound(&self, seat: Seat) -> Refusal {
        Refusal::UnsoundKey { council: self.facts.name(seat) }
    }

    fn check_roster(&self, t0: &Hash, entries: &[Entry]) -> Result<(), Refusal> {
        if *t0 != self.facts.t0 {
            return Err(Refusal::OtherTranscript { step: Step::Share });
        }
        let in_cohort = |e: &Entry| e.seat.at() < self.facts.signatories.len();
        if !entries.is_sorted_by(|a, b| a.seat < b.seat) || !entries.iter().all(in_cohort) {
            return Err(Refusal::Seats { step: Step::Share });
        }
        self.facts.enough(Set::Advertised, entries.len())?;
        if entries.iter().find(|e| e.seat == self.facts.me) != Some(&self.entry) {
            return Err(Refusal::OwnEntry);
        }
        let mut seen = Vec::with_capacity(2 * entries.len());
        for entry in entries {
            for key in [&entry.share_key, &entry.mask_key] {
                if seen.contains(&key) {
                    return Err(Refusal::RepeatedKey { council: self.facts.name(entry.seat) });
                }
                seen.push(key);
            }
            if entry.seat != self.facts.me {
                self.check_entry(entry)?;
            }
        }
        Ok(())
    }

    fn check_entry(&self, entry: &Entry) -> Result<(), Refusal> {
        let signed = advert_bytes(&self.facts.t0, entry);
        if !verifies(&self.facts.signatories[entry.seat.at()], &signed, &entry.signature) {
            return Err(Refusal::KeySignature { council: self.facts.name(entry.seat) });
        }
        // Small order is refused where the agreement is made; here only the second encoding.
        if (entry.share_key[31] | entry.mask_key[31]) & 0x80 != 0 {
            return Err(self.unsound(entry.seat));
        }
        Ok(())
    }

    /// Step 2: opens the shares, draws noise, reads counts, and masks their sum.
    ///
    /// The counts are asked for only after every check has passed and the noise is drawn.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; `U2` not within `U1`, without this node or too small; sealed shares
    /// that do not open, or statements of peers that put this council's ledger in doubt (the round is then given up); a
    /// contribution that fails, has another length or is out of range; or another relay than the one already answered.
    pub fn mask<S: Contribution>(
        &mut self,
        relay: &[u8],
        now: u64,
        source: &mut S,
    ) -> Result<Persist<Charge, MaskedVector>, Refusal> {
        wipe::after(|| self.contribute(relay, now, source))
    }

    fn contribute<S: Contribution>(
        &mut self,
        relay: &[u8],
        now: u64,
        source: &mut S,
    ) -> Result<Persist<Charge, MaskedVector>, Refusal> {
        self.alive(now)?;
        let request = request_hash(relay);
        if let Some(masked) = &self.masked {
            let vector = masked.answer.again(request, Step::Mask)?;
            return Ok(self.charge(masked.t2, vector));
        }
        let Some(shared) = self.shared.as_ref() else {
            return Err(Refusal::OutOfOrder { asked: Step::Mask, missing: Step::Share });
        };
        let relay = Relay::decode(relay)?;
        self.check_relay(shared, &relay)?;
        let opened = match self.open_pairs(shared, &relay) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.give_up(refusal.code());
                return Err(refusal);
            }
        };
        let seen: Vec<Seen> =
            relay.statements.iter().map(|s| Seen { by: self.facts.name(s.seat), advert: s.advert.clone() }).collect();
        if let Err(error) = source.witnessed(&seen) {
            let refusal = Refusal::Witnessed(Box::new(error));
            self.give_up(refusal.code());
            return Err(refusal);
        }
        let t2 = transcript::t2(&shared.t1, &relay.sharers);
        let masks = self.masks(shared, &relay.sharers, &t2)?;

        let mut elements = self.contribution(source)?;
        masking::apply(&masks, &mut elements, 0);

        let vector = self.announce(&t2, elements);
        let mut held = opened;
        if let Some(own) = self.shared.as_mut().and_then(|s| s.own_pair.take()) {
            held.insert(self.facts.me, own);
        }
        // From here on only the shares of others and of oneself are needed.
        self.secrets = None;
        if let Some(shared) = self.shared.as_mut() {
            shared.opening.clear();
        }
        self.answered = now;
        self.masked =
            Some(MaskedState { answer: Answer { request, reply: vector.clone() }, t2, sharers: relay.sharers, held });
        Ok(self.charge(t2, vector))
    }

    fn check_relay(&self, shared: &Shared, relay: &Relay) -> Result<(), Refusal> {
        if relay.t1 != shared.t1 {
            return Err(Refusal::OtherTranscript { step: Step::Mask });
        }
        let advertised: SeatSet = shared.entries.iter().map(|e| e.seat).collect();
        if !relay.sharers.is_subset(&advertised) || !relay.sharers.contains(self.facts.me) {
            return Err(Refusal::NotASubset { set: Set::Sharers });
        }
        self.facts.enough(Set::Sharers, relay.sharers.len())?;
        if relay.pairs.len() + 1 != relay.sharers.len() {
            return Err(Refusal::PairCount);
        }
        let of_a_dealer = |s: &Statement| s.seat != self.facts.me && relay.sharers.contains(s.seat);
        if !witness::in_order(&relay.statements) || !relay.statements.iter().all(of_a_dealer) {
            return Err(Refusal::Statements);
        }
        Ok(())
    }

    fn open_pairs(&self, shared: &Shared, relay: &Relay) -> Result<BTreeMap<Seat, SharePair>, Refusal> {
        let me = self.facts.me;
        let dealers = relay.sharers.iter().filter(|s| *s != me);
        dealers
            .zip(&relay.pairs)
            .map(|(dealer, sealed)| {
                shared
                    .opening
                    .get(&dealer)
                    .and_then(|key| {
                        shares::open(key, &shared.t1, dealer, me, &witness::bound(&relay.statements, dealer), sealed)
                    })
                    .map(|pair| (dealer, pair))
                    .ok_or_else(|| Refusal::PairUnreadable { council: self.facts.name(dealer) })
            })
            .collect()
    }

    fn masks(&self, shared: &Shared, sharers: &SeatSet, t2: &Hash) -> Result<Vec<Mask>, Refusal> {
        let secrets =
            self.secrets.as_ref().ok_or(Refusal::OutOfOrder { asked: Step::Mask, missing: Step::Advertise })?;
        let me = self.facts.me;
        let mut masks = vec![Mask { key: keys::self_mask(&secrets.self_seed, t2), sign: Sign::Plus }];
        let peers = shared.entries.iter().filter(|e| e.seat != me && sharers.contains(e.seat));
        for entry in peers {
            let agreement = secrets.agree_mask(&entry.mask_key).ok_or_else(|| self.unsound(entry.seat))?;
            masks.push(Mask { key: agreement.pair_mask(t2, me, entry.seat), sign: pair_sign(me, entry.seat) });
        }
        Ok(masks)
    }

    /// `g * x + noise` as ring elements.
    fn contribution<S: Contribution>(&self, source: &mut S) -> Result<Vec<u64>, Refusal> {
        let cells = self.facts.cells as usize;
        let plan = &self.facts.envelope.plan;
        let headroom = self.facts.envelope.headroom();
        let failed = |e: S::Error| Refusal::Contribution(Box::new(e));

        let noise = match plan.mechanism {
            Mechanism::DiscreteGaussian => Some(source.noise(cells).map_err(failed)?),
            Mechanism::Exact => None,
        };
        let counts = source.scaled_counts(cells).map_err(failed)?;
        if counts.len() != cells || noise.as_ref().is_some_and(|n| n.len() != cells) {
            return Err(Refusal::ContributionLength);
        }
        let most = u128::from(plan.grid) * u128::from(plan.max_cell);
        let on_grid = |c: &i64| u128::from(c.unsigned_abs()) <= most && c.unsigned_abs().is_multiple_of(plan.grid);
        let share_bound = headroom.share_bound().unsigned_abs();
        let in_reach = |z: &i64| z.unsigned_abs() <= share_bound;
        if !counts.iter().all(on_grid) || !noise.iter().all(|n| n.iter().all(in_reach)) {
            return Err(Refusal::ContributionRange);
        }
        let mut elements: Vec<u64> = counts.iter().map(|c| ring::from_signed(*c)).collect();
        if let Some(noise) = &noise {
            for (element, z) in elements.iter_mut().zip(noise.iter()) {
                *element = element.wrapping_add(ring::from_signed(*z));
            }
        }
        Ok(elements)
    }

    fn announce(&self, t2: &Hash, elements: Vec<u64>) -> MaskedVector {
        let me = self.facts.me;
        let mut hasher = VectorHash::new(t2, me, self.facts.cells);
        for part in elements.chunks(CHUNK_CELLS) {
            hasher.update(&ring::to_bytes(part));
        }
        let digest = hasher.finish();
        let header = Masked {
            t2: *t2,
            seat: me,
            cells: self.facts.cells,
            digest,
            signature: self.signing.sign(&masked_bytes(t2, me, &digest)).to_bytes(),
        };
        MaskedVector { header: header.encode(), elements: Arc::new(elements) }
    }

    fn charge(&self, t2: Hash, vector: MaskedVector) -> Persist<Charge, MaskedVector> {
        let digest = Masked::decode(&vector.header).map_or([0; 32], |m| m.digest);
        Persist::new(
            Charge { attempt: self.facts.attempt(), rho_nano: self.facts.envelope.plan.rho_nano, t2, digest },
            vector,
        )
    }

    fn give_up(&mut self, reason: &'static str) {
        self.given_up = Some(reason);
        self.secrets = None;
        self.shared = None;
        self.masked = None;
        self.consented = None;
        self.unmasked = None;
    }

    /// Step 3: signs the survivors, once.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; `U3` not within `U2`, without this node or too small; or another
    /// survivor set than the one already signed.
    pub fn consent(&mut self, survivors: &[u8], now: u64) -> Result<Persist<SurvivorsSigned, Vec<u8>>, Refusal> {
        self.alive(now)?;
        let request = request_hash(survivors);
        if let Some(consented) = &self.consented {
            let reply = consented.answer.again(request, Step::Consent)?;
            return Ok(self.survivors_signed(consented, reply));
        }
        let Some(masked) = &self.masked else {
            return Err(Refusal::OutOfOrder { asked: Step::Consent, missing: Step::Mask });
        };
        let Survivors { t2, survivors } = Survivors::decode(survivors)?;
        if t2 != masked.t2 {
            return Err(Refusal::OtherTranscript { step: Step::Consent });
        }
        if !survivors.is_subset(&masked.sharers) || !survivors.contains(self.facts.me) {
            return Err(Refusal::NotASubset { set: Set::Survivors });
        }
        self.facts.enough(Set::Survivors, survivors.len())?;

        let t3 = transcript::t3(&t2, &survivors);
        let reply =
            Consent { t3, seat: self.facts.me, signature: self.signing.sign(&consent_bytes(&t3)).to_bytes() }.encode();
        let consented = Consented { answer: Answer { request, reply: reply.clone() }, t3, survivors };
        let out = self.survivors_signed(&consented, reply);
        self.answered = now;
        self.consented = Some(consented);
        Ok(out)
    }

    fn survivors_signed(&self, consented: &Consented, reply: Vec<u8>) -> Persist<SurvivorsSigned, Vec<u8>> {
        Persist::new(
            SurvivorsSigned {
                attempt: self.facts.attempt(),
                t3: consented.t3,
                survivors: consented.survivors.iter().map(|s| self.facts.name(s)).collect(),
            },
            reply,
        )
    }

    /// Step 4: with `t` signatures over the survivors this node signed, gives one share for each member of `U2`: of
    /// the self-mask seed of a survivor, of the mask key of one that dropped out. Then everything is wiped.
    ///
    /// # Errors
    /// A [`Refusal`]: form; survivors not signed yet; another transcript; too few signatures; a signature that is
    /// repeated, of someone outside the survivors, or not valid; or another quorum than the one already answered.
    pub fn unmask(&mut self, quorum: &[u8], now: u64) -> Result<Persist<Unmasked, Vec<u8>>, Refusal> {
        wipe::after(|| self.reveal(quorum, now))
    }

    fn reveal(&mut self, quorum: &[u8], now: u64) -> Result<Persist<Unmasked, Vec<u8>>, Refusal> {
        self.alive(now)?;
        let request = request_hash(quorum);
        let Some(consented) = &self.consented else {
            return Err(Refusal::OutOfOrder { asked: Step::Unmask, missing: Step::Consent });
        };
        let t3 = consented.t3;
        let survivors = consented.survivors;
        if let Some(answer) = &self.unmasked {
            let reply = answer.again(request, Step::Unmask)?;
            return Ok(self.revealed(t3, reply));
        }
        let quorum = Quorum::decode(quorum)?;
        self.check_quorum(&quorum, &t3, &survivors)?;

        let Some(masked) = self.masked.as_mut() else {
            return Err(Refusal::OutOfOrder { asked: Step::Unmask, missing: Step::Mask });
        };
        let mut self_shares = Vec::with_capacity(survivors.len());
        let mut key_shares = Vec::new();
        for (seat, pair) in std::mem::take(&mut masked.held) {
            // One or the other: the pair is consumed either way.
            if survivors.contains(seat) {
                self_shares.push(pair.into_self_share());
            } else {
                key_shares.push(pair.into_key_share());
            }
        }
        let me = self.facts.me;
        let signed = revealed_bytes(&t3, me, &self_shares, &key_shares);
        let reply =
            Revealed { t3, seat: me, self_shares, key_shares, signature: self.signing.sign(&signed).to_bytes() }
                .encode();
        self.answered = now;
        self.unmasked = Some(Answer { request, reply: reply.clone() });
        Ok(self.revealed(t3, reply))
    }

    fn check_quorum(&self, quorum: &Quorum, t3: &Hash, survivors: &SeatSet) -> Result<(), Refusal> {
        if quorum.t3 != *t3 {
            return Err(Refusal::OtherTranscript { step: Step::Unmask });
        }
        if !quorum.consents.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Refusal::Seats { step: Step::Unmask });
        }
        let need = usize::from(self.facts.parameters.threshold());
        if quorum.consents.len() < need {
            return Err(Refusal::TooFewConsents { have: quorum.consents.len(), need });
        }
        let signed = consent_bytes(t3);
        for (seat, signature) in &quorum.consents {
            if !survivors.contains(*seat) {
                return Err(Refusal::ConsentOutside { council: self.facts.name(*seat) });
            }
            if !verifies(&self.facts.signatories[seat.at()], &signed, signature) {
                return Err(Refusal::ConsentSignature { council: self.facts.name(*seat) });
            }
        }
        Ok(())
    }

    fn revealed(&self, t3: Hash, reply: Vec<u8>) -> Persist<Unmasked, Vec<u8>> {
        Persist::new(Unmasked { attempt: self.facts.attempt(), t3 }, reply)
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
