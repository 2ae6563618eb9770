//! The coordinator's side of a round: relays, keeps count, and undoes the masks of the sum. No I/O, no clock.
//!
//! ```text
//! Round::new -> invitation            to every council of the cohort
//!   advert*    -> close_adverts       roster, to U1
//!   sealed*    -> close_shares        relay(council), to each of U2
//!   upload*    -> close_masks         survivors, to U3
//!   consent*   -> close_consents      quorum, to U3
//!   revealed*  -> unmask              the sum and the transcript
//! ```
//!
//! A message that is refused ([`Fault`]) changes nothing: the round goes on without that council. A step is closed
//! when the caller likes (everybody has answered, or the deadline has passed); closing fails when too few are left.
//!
//! **Guarantee**: a council's vector enters the sum only whole, signed, and once. Until [`Round::unmask`] the sum is
//! uniform; no single vector is kept here, and no count of a single council is ever in memory.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::{SigningKey, VerifyingKey};

use super::audit::Transcript;
use super::codec::Malformed;
use super::envelope::{Envelope, Mechanism, verifies};
use super::keys;
use super::messages::{Advert, Consent, Entry, Masked, Quorum, Relay, Revealed, Roster, Sealed, Survivors};
use super::parameters::Parameters;
use super::recovery;
use super::refusal::{Failure, Fault, Step};
use super::seats::{Roll, Seat, SeatSet};
use super::signed::{advert_bytes, consent_bytes, masked_bytes, revealed_bytes, sealed_bytes, sealed_digest};
use super::transcript::{self, Hash};
pub use super::vector::Upload;
use super::witness::{self, Statement};
use crate::ring;

/// One attempt, as the coordinator sees it.
pub struct Round {
    envelope: Envelope,
    bytes: Vec<u8>,
    t0: Hash,
    parameters: Parameters,
    signatories: Vec<VerifyingKey>,
    cells: u32,
    step: Step,
    adverts: BTreeMap<Seat, Entry>,
    t1: Hash,
    sealed: BTreeMap<Seat, Sealed>,
    t2: Hash,
    masked: BTreeMap<Seat, Masked>,
    sum: Vec<u64>,
    t3: Hash,
    consents: BTreeMap<Seat, [u8; 64]>,
    revealed: BTreeMap<Seat, Revealed>,
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round")
            .field("t0", &hex::encode(self.t0))
            .field("step", &self.step)
            .field("answered", &self.answered())
            .finish_non_exhaustive()
    }
}

/// The decrypted sum. `Debug` shows no cell.
///
/// With noise it may be released; an exact sum has to be suppressed and rounded first.
#[derive(Clone, PartialEq, Eq)]
pub struct Sum {
    /// `cells[k]` is the sum of cell `k` over the surviving councils, in units of `1 / grid`.
    pub cells: Vec<i64>,
    /// Grid factor by which every cell is still multiplied.
    pub grid: u64,
    /// Codes of the councils in the sum.
    pub councils: Vec<String>,
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sum")
            .field("cells", &self.cells.len())
            .field("grid", &self.grid)
            .field("councils", &self.councils.len())
            .finish()
    }
}

/// What a finished round gives.
#[derive(Debug)]
pub struct Outcome {
    /// The sum.
    pub sum: Sum,
    /// Councils whose shares at step 4 were wrong and had to be worked around.
    pub wrong_shares: Vec<String>,
    /// Everything needed to check the sum offline, signed by the coordinator.
    pub transcript: Transcript,
}

impl Round {
    /// Starts a round with a signed envelope.
    ///
    /// # Errors
    /// [`Failure::Envelope`] with the refusal that every node would give.
    pub fn new(envelope: Envelope, roll: &Roll, now: u64) -> Result<Self, Failure> {
        let bytes = envelope.encode();
        // What cannot be read back was built with fields out of bounds.
        let envelope = Envelope::decode(&bytes).map_err(|e| Failure::Envelope(e.into()))?;
        let (parameters, signatories) = envelope.check(roll, now).map_err(Failure::Envelope)?;
        let cells = envelope.cells().unwrap_or(0);
        Ok(Self {
            t0: transcript::t0(&bytes),
            envelope,
            bytes,
            parameters,
            signatories,
            cells,
            step: Step::Advertise,
            adverts: BTreeMap::new(),
            t1: [0; 32],
            sealed: BTreeMap::new(),
            t2: [0; 32],
            masked: BTreeMap::new(),
            sum: vec![0; cells as usize],
            t3: [0; 32],
            consents: BTreeMap::new(),
            revealed: BTreeMap::new(),
        })
    }

    /// The message of step 0, the same to every council.
    #[must_use]
    pub fn invitation(&self) -> &[u8] {
        &self.bytes
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// `T0`.
    #[must_use]
    pub const fn t0(&self) -> &Hash {
        &self.t0
    }

    /// The step whose answers are being collected.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Answers needed to close the current step.
    #[must_use]
    pub const fn need(&self) -> usize {
        match self.step {
            Step::Advertise | Step::Share | Step::Mask => self.parameters.min_survivors() as usize,
            Step::Consent | Step::Unmask => self.parameters.threshold() as usize,
        }
    }

    /// Answers to the current step so far.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answers(self.step).len()
    }

    /// Councils that the current step is addressed to.
    #[must_use]
    pub fn addressed(&self) -> Vec<&str> {
        self.names(&self.audience(self.step))
    }

    /// Councils that the current step still waits for.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<&str> {
        self.names(&self.audience(self.step).minus(&self.answers(self.step)))
    }

    fn audience(&self, step: Step) -> SeatSet {
        match step {
            Step::Advertise => {
                (0..self.signatories.len()).filter_map(|s| u8::try_from(s).ok().map(Seat::new)).collect()
            }
            Step::Share => seats(&self.adverts),
            Step::Mask => seats(&self.sealed),
            Step::Consent | Step::Unmask => seats(&self.masked),
        }
    }

    fn answers(&self, step: Step) -> SeatSet {
        match step {
            Step::Advertise => seats(&self.adverts),
            Step::Share => seats(&self.sealed),
            Step::Mask => seats(&self.masked),
            Step::Consent => seats(&self.consents),
            Step::Unmask => seats(&self.revealed),
        }
    }

    fn names(&self, set: &SeatSet) -> Vec<&str> {
        set.iter().filter_map(|s| self.envelope.council(s)).collect()
    }

    fn name(&self, seat: Seat) -> String {
        self.envelope.council(seat).unwrap_or("?").to_owned()
    }

    /// The seat of the council at the other end of a link, if the current step is its turn.
    fn sender(&self, council: &str, step: Step) -> Result<Seat, Fault> {
        if self.step != step {
            return Err(Fault::WrongStep { council: council.to_owned(), step });
        }
        self.envelope
            .seat(council)
            .filter(|seat| self.audience(step).contains(*seat))
            .ok_or_else(|| Fault::NotExpected { council: council.to_owned(), step })
    }

    fn signed_by(&self, seat: Seat, message: &[u8], signature: &[u8; 64], step: Step) -> Result<(), Fault> {
        if verifies(&self.signatories[seat.at()], message, signature) {
            return Ok(());
        }
        Err(Fault::Signature { council: self.name(seat), step })
    }

    /// Step 0: takes the keys of the council at the other end of a link. The same advert twice is taken once.
    ///
    /// # Errors
    /// A [`Fault`] of that council.
    pub fn advert(&mut self, council: &str, bytes: &[u8]) -> Result<(), Fault> {
        let step = Step::Advertise;
        let from = self.sender(council, step)?;
        let advert = Advert::decode(bytes).map_err(malformed(council))?;
        let entry = advert.entry;
        bind(council, from, entry.seat, &advert.t0, &self.t0, step)?;
        if let Some(known) = self.adverts.get(&from) {
            return once(council, step, *known == entry);
        }
        self.signed_by(from, &advert_bytes(&self.t0, &entry), &entry.signature, step)?;
        let sound = keys::is_sound(&entry.share_key) && keys::is_sound(&entry.mask_key);
        let repeated = self
            .adverts
            .values()
            .flat_map(|e| [e.share_key, e.mask_key])
            .chain([entry.share_key])
            .any(|k| k == entry.mask_key)
            || self.adverts.values().any(|e| e.share_key == entry.share_key || e.mask_key == entry.share_key);
        if !sound || repeated {
            return Err(Fault::UnsoundKey { council: council.to_owned() });
        }
        self.adverts.insert(from, entry);
        Ok(())
    }

    fn close(&mut self, step: Step, next: Step) -> Result<(), Failure> {
        if self.step != step {
            return Err(Failure::WrongStep { step });
        }
        if self.answered() < self.need() {
            return Err(Failure::TooFew { step, have: self.answered(), need: self.need() });
        }
        self.step = next;
        Ok(())
    }

    /// Fixes `U1`. Returns the roster, the message of step 1 to each of [`Round::addressed`].
    ///
    /// # Errors
    /// [`Failure::TooFew`] below `s_min`; [`Failure::WrongStep`].
    pub fn close_adverts(&mut self) -> Result<Vec<u8>, Failure> {
        self.close(Step::Advertise, Step::Share)?;
        let entries: Vec<Entry> = self.adverts.values().cloned().collect();
        self.t1 = transcript::t1(&self.t0, &entries);
        Ok(Roster { t0: self.t0, entries }.encode())
    }

    /// Step 1: takes the sealed shares of a council.
    ///
    /// # Errors
    /// A [`Fault`] of that council.
    pub fn sealed(&mut self, council: &str, bytes: &[u8]) -> Result<(), Fault> {
        let step = Step::Share;
        let from = self.sender(council, step)?;
        let sealed = Sealed::decode(bytes).map_err(malformed(council))?;
        bind(council, from, sealed.seat, &sealed.t1, &self.t1, step)?;
        if let Some(known) = self.sealed.get(&from) {
            return once(council, step, *known == sealed);
        }
        count(council, step, sealed.pairs.len(), self.adverts.len() - 1)?;
        let others = |s: &Statement| s.seat != from && self.adverts.contains_key(&s.seat);
        if !witness::in_order(&sealed.statements) || !sealed.statements.iter().all(others) {
            return Err(Fault::Statements { council: council.to_owned() });
        }
        let digest = sealed_digest(&sealed.pairs, &sealed.statements);
        self.signed_by(from, &sealed_bytes(&self.t1, from, &digest), &sealed.signature, step)?;
        self.sealed.insert(from, sealed);
        Ok(())
    }

    /// Fixes `U2`; then [`Round::relay`] gives each of [`Round::addressed`] its message of step 2.
    ///
    /// # Errors
    /// [`Failure::TooFew`] below `s_min`; [`Failure::WrongStep`].
    pub fn close_shares(&mut self) -> Result<(), Failure> {
        self.close(Step::Share, Step::Mask)?;
        self.t2 = transcript::t2(&self.t1, &seats(&self.sealed));
        Ok(())
    }

    /// The message of step 2 to one council: the pairs that the others sealed for it. `None` when it is not in `U2`.
    #[must_use]
    pub fn relay(&self, council: &str) -> Option<Vec<u8>> {
        let to = self.envelope.seat(council)?;
        if self.step < Step::Mask || !self.sealed.contains_key(&to) {
            return None;
        }
        let pairs = self
            .sealed
            .iter()
            .filter(|(dealer, _)| **dealer != to)
            .map(|(dealer, sealed)| {
                // A dealer's list runs over U1 without itself.
                let place = self.adverts.range(..to).count() - usize::from(*dealer < to);
                sealed.pairs.get(place).copied()
            })
            .collect::<Option<_>>()?;
        let about = |(dealer, sealed): (&Seat, &Sealed)| {
            let seat = *dealer;
            let said = sealed.statements.iter().filter(|s| s.seat == to);
            said.map(|s| Statement { seat, advert: s.advert.clone() }).collect::<Vec<_>>()
        };
        let statements = self.sealed.iter().flat_map(about).collect();
        let relay = Relay { t1: self.t1, sharers: seats(&self.sealed), pairs, statements };
        Some(relay.encode())
    }

    /// Heads of ledgers that members have shown of other members at step 1, each with the signature of the one it is of
    /// checked: for a coordinator that keeps them, too. Each once.
    #[must_use]
    pub fn heads_shown(&self) -> Vec<(&str, witness::Head)> {
        let mut said: Vec<&Statement> = self.sealed.values().flat_map(|sealed| &sealed.statements).collect();
        // Most councils have kept the same advert: each is checked once.
        said.sort_unstable_by_key(|s| (s.place(), s.advert.encode()));
        said.dedup();
        said.retain(|s| s.advert.is_signed_by(&self.signatories[s.seat.at()]));
        said.dedup_by_key(|s| s.place());
        said.into_iter().filter_map(|s| Some((self.envelope.council(s.seat)?, s.advert.entry.ledger.head))).collect()
    }

    /// Step 2: takes the announcement of a masked vector. `None` when that vector is in the sum already.
    ///
    /// # Errors
    /// A [`Fault`] of that council.
    pub fn upload(&self, council: &str, header: &[u8]) -> Result<Option<Upload>, Fault> {
        let step = Step::Mask;
        let from = self.sender(council, step)?;
        let header = Masked::decode(header).map_err(malformed(council))?;
        bind(council, from, header.seat, &header.t2, &self.t2, step)?;
        if let Some(known) = self.masked.get(&from) {
            return once(council, step, *known == header).map(|()| None);
        }
        count(council, step, header.cells as usize, self.cells as usize)?;
        self.signed_by(from, &masked_bytes(&self.t2, from, &header.digest), &header.signature, step)?;
        Ok(Some(Upload::new(council.to_owned(), header)))
    }

    /// Adds a finished upload to the sum and gives its elements back, for whoever keeps the record of the round; `None`
    /// when they were in the sum already.
    ///
    /// # Errors
    /// [`Fault::Digest`] when it is incomplete or not the vector that was signed; [`Fault::WrongStep`] when the step is
    /// over; [`Fault::TwoAnswers`] when another vector of that council is in the sum.
    pub fn add(&mut self, upload: Upload) -> Result<Option<Vec<u64>>, Fault> {
        let step = Step::Mask;
        let council = upload.council.clone();
        let from = self.sender(&council, step)?;
        if upload.header.t2 != self.t2 || upload.header.seat != from {
            return Err(Fault::OtherTranscript { council, step });
        }
        if let Some(known) = self.masked.get(&from) {
            return once(&council, step, *known == upload.header).map(|()| None);
        }
        let (header, elements) = upload.finish()?;
        ring::add_assign(&mut self.sum, &elements);
        self.masked.insert(from, header);
        Ok(Some(elements))
    }

    /// Fixes `U3`. Returns the survivor set, the message of step 3 to each of [`Round::addressed`].
    ///
    /// # Errors
    /// [`Failure::TooFew`] below `s_min`; [`Failure::WrongStep`].
    pub fn close_masks(&mut self) -> Result<Vec<u8>, Failure> {
        self.close(Step::Mask, Step::Consent)?;
        let survivors = seats(&self.masked);
        self.t3 = transcript::t3(&self.t2, &survivors);
        let t2 = self.t2;
        Ok(Survivors { t2, survivors }.encode())
    }

    /// Step 3: takes the signature of a council over the survivors.
    ///
    /// # Errors
    /// A [`Fault`] of that council.
    pub fn consent(&mut self, council: &str, bytes: &[u8]) -> Result<(), Fault> {
        let step = Step::Consent;
        let from = self.sender(council, step)?;
        let consent = Consent::decode(bytes).map_err(malformed(council))?;
        bind(council, from, consent.seat, &consent.t3, &self.t3, step)?;
        if let Some(known) = self.consents.get(&from) {
            return once(council, step, *known == consent.signature);
        }
        self.signed_by(from, &consent_bytes(&self.t3), &consent.signature, step)?;
        self.consents.insert(from, consent.signature);
        Ok(())
    }

    /// Returns the quorum, the message of step 4 to each of [`Round::addressed`].
    ///
    /// It carries `t` signatures: more would cost every council more verifications and prove nothing more.
    ///
    /// # Errors
    /// [`Failure::TooFew`] below the threshold; [`Failure::WrongStep`].
    pub fn close_consents(&mut self) -> Result<Vec<u8>, Failure> {
        self.close(Step::Consent, Step::Unmask)?;
        let consents = self
            .consents
            .iter()
            .take(usize::from(self.parameters.threshold()))
            .map(|(seat, signature)| (*seat, *signature))
            .collect();
        Ok(Quorum { t3: self.t3, consents }.encode())
    }

    /// Step 4: takes the shares that a council reveals.
    ///
    /// # Errors
    /// A [`Fault`] of that council.
    pub fn revealed(&mut self, council: &str, bytes: &[u8]) -> Result<(), Fault> {
        let step = Step::Unmask;
        let from = self.sender(council, step)?;
        let revealed = Revealed::decode(bytes).map_err(malformed(council))?;
        bind(council, from, revealed.seat, &revealed.t3, &self.t3, step)?;
        if let Some(known) = self.revealed.get(&from) {
            return once(council, step, *known == revealed);
        }
        let dropped = self.sealed.len() - self.masked.len();
        count(council, step, revealed.self_shares.len(), self.masked.len())?;
        count(council, step, revealed.key_shares.len(), dropped)?;
        let signed = revealed_bytes(&self.t3, from, &revealed.self_shares, &revealed.key_shares);
        self.signed_by(from, &signed, &revealed.signature, step)?;
        self.revealed.insert(from, revealed);
        Ok(())
    }

    /// Whether enough shares have arrived to undo the masks.
    #[must_use]
    pub fn can_unmask(&self) -> bool {
        self.step == Step::Unmask && self.answered() >= self.need()
    }

    /// Puts the secrets together, undoes the masks on all cores, and signs the transcript.
    ///
    /// # Errors
    /// [`Failure::TooFew`] below the threshold (more answers may still come: the round stays as it is);
    /// [`Failure::Unrecoverable`] naming a council whose masks cannot be undone; [`Failure::OutOfRange`] when masks are
    /// left in the sum.
    pub fn unmask(&mut self, signing: &SigningKey) -> Result<Outcome, Failure> {
        self.close(Step::Unmask, Step::Unmask)?;
        let case = recovery::Case {
            t2: self.t2,
            t0: self.t0,
            threshold: usize::from(self.parameters.threshold()),
            entries: &self.adverts,
            survivors: seats(&self.masked),
            dropped: seats(&self.sealed).minus(&seats(&self.masked)),
            revealed: &self.revealed,
        };
        let secrets = case.secrets().map_err(|seat| Failure::Unrecoverable { council: self.name(seat) })?;
        let masks = case.masks_to_undo(&secrets).map_err(|seat| Failure::Unrecoverable { council: self.name(seat) })?;
        let mut sum = self.sum.clone();
        recovery::undo(&masks, &mut sum);

        let cells: Vec<i64> = sum.into_iter().map(ring::to_signed).collect();
        let bound = self.envelope.headroom().bound().unwrap_or(0).unsigned_abs();
        if cells.iter().any(|c| c.unsigned_abs() > bound) {
            return Err(Failure::OutOfRange { councils: self.masked.len() });
        }
        let transcript = self.transcript(&secrets, &cells).sign(signing);
        Ok(Outcome {
            sum: Sum {
                cells,
                grid: self.envelope.plan.grid,
                councils: self.names(&seats(&self.masked)).into_iter().map(str::to_owned).collect(),
            },
            wrong_shares: secrets.wrong.iter().map(|s| self.name(s)).collect(),
            transcript,
        })
    }

    /// Of an exact sum nothing is shown that leads to it: not the secrets, which with the vectors give it; not even its
    /// hash, since the few sums that fit the published figures can be tried out.
    fn transcript(&self, secrets: &recovery::Secrets, cells: &[i64]) -> Transcript {
        let opened = |list: &[(Seat, keys::Secret)]| match self.envelope.plan.mechanism {
            Mechanism::DiscreteGaussian => list.iter().map(|(_, secret)| *secret.expose()).collect(),
            Mechanism::Exact => Vec::new(),
        };
        Transcript {
            envelope: self.bytes.clone(),
            entries: self.adverts.values().cloned().collect(),
            sealed: self.sealed.values().map(super::audit::SealedProof::of).collect(),
            masked: self.masked.values().cloned().collect(),
            consents: self.consents.iter().map(|(s, sig)| (*s, *sig)).collect(),
            self_seeds: opened(&secrets.self_seeds),
            mask_keys: opened(&secrets.mask_keys),
            sum: match self.envelope.plan.mechanism {
                Mechanism::DiscreteGaussian => transcript::sum_hash(&self.t3, cells),
                Mechanism::Exact => [0; 32],
            },
            signature: [0; 64],
        }
    }
}

fn seats<V>(map: &BTreeMap<Seat, V>) -> SeatSet {
    map.keys().copied().collect()
}

fn malformed(council: &str) -> impl FnOnce(Malformed) -> Fault + '_ {
    move |source| Fault::Malformed { council: council.to_owned(), source }
}

/// The same answer twice is one answer; two different ones are a fault.
fn once(council: &str, step: Step, same: bool) -> Result<(), Fault> {
    if same {
        return Ok(());
    }
    Err(Fault::TwoAnswers { council: council.to_owned(), step })
}

/// A message is for its sender's seat and for this transcript.
fn bind(council: &str, from: Seat, seat: Seat, has: &Hash, should: &Hash, step: Step) -> Result<(), Fault> {
    let council = council.to_owned();
    if seat != from {
        return Err(Fault::WrongSeat { council });
    }
    if has != should {
        return Err(Fault::OtherTranscript { council, step });
    }
    Ok(())
}

fn count(council: &str, step: Step, have: usize, need: usize) -> Result<(), Fault> {
    if have == need {
        return Ok(());
    }
    Err(Fault::Count { council: council.to_owned(), step, have, need })
}
