//! The published transcript of a round, and its offline verification.
//!
//! A transcript shows who took part in what, every signature, and the secrets that were opened to undo the masks.
//! Together with the masked vectors it lets anyone with the roll recompute the sum: the coordinator cannot have left a
//! council out, put one in, or changed a figure. The vectors of single councils stay hidden, for the masks between
//! survivors are not among the opened secrets.
//!
//! In an exact round ([`Mechanism::Exact`]) the opened secrets and the vectors together would give the unsuppressed sum, and so would a
//! search for the sum that has its hash. There the transcript shows signatures and digests alone: who took part in what,
//! and that nobody was counted twice or left out, but not that the sum follows.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;

use super::codec::{Kind, Malformed, Reader, Writer};
use super::envelope::{Envelope, Mechanism, verifies};
use super::keys::{self, Secret};
use super::messages::{Advert, ENTRY_BYTES, Entry, Masked, Sealed, read_signatures, write_signatures};
use super::parameters::{MAX_NODES, Parameters};
use super::recovery::{self, Case, Secrets};
use super::refusal::{Fault, Refusal, Step};
use super::seats::{Roll, Seat, SeatSet};
use super::signed::{advert_bytes, consent_bytes, masked_bytes, sealed_bytes, sealed_digest};
use super::transcript::{self, Hash, domain, framed};
use super::vector::Upload;
use crate::ring;

const MOST: usize = MAX_NODES as usize;
const MAX_ENVELOPE_BYTES: usize = 1 << 17;

/// That a council dealt shares: hash of the sealed pairs and of what it said of others' ledgers, and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedProof {
    /// Who dealt.
    pub seat: Seat,
    /// Hash of the sealed pairs and statements.
    pub digest: Hash,
    /// Signature over `T1`, seat and hash.
    pub signature: [u8; 64],
}

impl SealedProof {
    pub(super) fn of(sealed: &Sealed) -> Self {
        let digest = sealed_digest(&sealed.pairs, &sealed.statements);
        Self { seat: sealed.seat, digest, signature: sealed.signature }
    }
}

/// Everything about a finished round but the masked vectors themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The signed envelope, as sent.
    pub envelope: Vec<u8>,
    /// Signed keys of `U1`, ascending.
    pub entries: Vec<Entry>,
    /// Signed shares of `U2`, ascending.
    pub sealed: Vec<SealedProof>,
    /// Signed announcements of the masked vectors of `U3`, ascending.
    pub masked: Vec<Masked>,
    /// Signatures over `T3`, ascending.
    pub consents: Vec<(Seat, [u8; 64])>,
    /// Self-mask seeds of `U3`, ascending. None in an exact round.
    pub self_seeds: Vec<[u8; 32]>,
    /// Mask keys of `U2` without `U3`, ascending. Their holders' vectors are not in the sum and stay hidden by their
    /// self masks. None in an exact round.
    pub mask_keys: Vec<[u8; 32]>,
    /// Hash of the sum ([`transcript::sum_hash`]). Zeros in an exact round.
    pub sum: Hash,
    /// Signature of the coordinator over all of the above.
    pub signature: [u8; 64],
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcript")
            .field("advertised", &self.entries.len())
            .field("sharers", &self.sealed.len())
            .field("survivors", &self.masked.len())
            .field("sum", &hex::encode(self.sum))
            .finish_non_exhaustive()
    }
}

impl Transcript {
    fn body(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Transcript);
        w.bytes(&self.envelope);
        w.length(self.entries.len());
        for e in &self.entries {
            w.array(&e.bytes());
        }
        w.length(self.sealed.len());
        for s in &self.sealed {
            w.u8(s.seat.index()).array(&s.digest).array(&s.signature);
        }
        w.length(self.masked.len());
        for m in &self.masked {
            w.u8(m.seat.index()).array(&m.digest).array(&m.signature);
        }
        write_signatures(&mut w, &self.consents);
        w.list(&self.self_seeds).list(&self.mask_keys).array(&self.sum);
        w.finish()
    }

    pub(super) fn sign(mut self, key: &SigningKey) -> Self {
        self.signature = key.sign(&framed(domain::TRANSCRIPT, &[&self.body()])).to_bytes();
        self
    }

    /// The published form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a transcript.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Transcript, bytes)?;
        let envelope = r.bytes(MAX_ENVELOPE_BYTES, "envelope")?.to_vec();
        let cells =
            Envelope::decode(&envelope)?.cells().ok_or_else(|| r.wrong("envelope", "states no valid vector length"))?;
        let len = r.length(MOST, ENTRY_BYTES, "entries")?;
        let entries = (0..len).map(|_| Entry::read(&mut r)).collect::<Result<Vec<_>, _>>()?;
        let len = r.length(MOST, 97, "sealed")?;
        let sealed = (0..len)
            .map(|_| {
                Ok(SealedProof {
                    seat: Seat::new(r.u8("sealed")?),
                    digest: r.array("sealed")?,
                    signature: r.array("sealed")?,
                })
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        // T2 is what the fields so far say; it is not repeated.
        let t1 = transcript::t1(&transcript::t0(&envelope), &entries);
        let t2 = transcript::t2(&t1, &sealed.iter().map(|s| s.seat).collect());
        let len = r.length(MOST, 97, "masked")?;
        let masked = (0..len)
            .map(|_| {
                Ok(Masked {
                    t2,
                    seat: Seat::new(r.u8("masked")?),
                    cells,
                    digest: r.array("masked")?,
                    signature: r.array("masked")?,
                })
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        let transcript = Self {
            envelope,
            entries,
            sealed,
            masked,
            consents: read_signatures(&mut r, "consents")?,
            self_seeds: r.list(MOST, "self seeds")?,
            mask_keys: r.list(MOST, "mask keys")?,
            sum: r.array("sum")?,
            signature: r.array("signature")?,
        };
        r.finish()?;
        Ok(transcript)
    }
}

/// What an audit found wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Finding {
    /// The bytes are no transcript.
    #[error("cannot read the transcript")]
    Malformed(#[from] Malformed),
    /// The envelope breaks a rule, or a signature on it does not fit.
    #[error("the envelope of the round does not stand")]
    Envelope(#[source] Refusal),
    /// The coordinator's signature does not fit the transcript.
    #[error("the transcript does not carry a valid signature of its coordinator")]
    CoordinatorSignature,
    /// A list is not in order, or one set is not within the set before.
    #[error("the councils listed for step \"{step}\" are not distinct members, in order, of the step before")]
    Sets {
        /// The step.
        step: Step,
    },
    /// A set is smaller than the parameters allow.
    #[error("step \"{step}\" has {have} councils; the round needed {need}")]
    TooFew {
        /// The step.
        step: Step,
        /// Councils.
        have: usize,
        /// Needed.
        need: usize,
    },
    /// A council's signature does not fit.
    #[error("the signature of council {council} for step \"{step}\" is not valid")]
    Signature {
        /// Its code.
        council: String,
        /// The step.
        step: Step,
    },
    /// A secret is missing, or one too many is shown.
    #[error("the transcript does not show exactly one opened secret for each council that dealt shares")]
    SecretCount,
    /// An exact sum could be worked out from the transcript.
    #[error(
        "the transcript of an exact round opens secrets or states the sum's hash, which would give the exact sum away"
    )]
    ExactOpened,
    /// Asked to follow a sum that the transcript does not open, or to leave one out that it does.
    #[error("whether the sum follows is asked of exactly the rounds with noise")]
    WrongKind,
    /// An opened secret is not the one its owner committed to.
    #[error("the opened secret of council {council} is not the one it committed to")]
    Secret {
        /// Its code.
        council: String,
    },
    /// A vector was given for a council that is not in the sum, or twice.
    #[error("a masked vector of council {council} is not part of this round, or was given twice")]
    ForeignVector {
        /// Its code.
        council: String,
    },
    /// A masked vector is not the one its council signed.
    #[error("the masked vector does not stand")]
    Vector(#[source] Fault),
    /// Vectors of some councils were not given.
    #[error("masked vectors are missing for {councils:?}")]
    VectorsMissing {
        /// Their codes.
        councils: Vec<String>,
    },
    /// The sum that follows from the vectors is not the published one.
    #[error("the published sum does not follow from the masked vectors")]
    Sum,
}

/// An audit in progress: signatures and secrets are checked, vectors are being taken in.
///
/// Memory: one sum, and one vector for each open [`Upload`].
pub struct Audit {
    transcript: Transcript,
    envelope: Envelope,
    parameters: Parameters,
    coordinator: VerifyingKey,
    t0: Hash,
    t1: Hash,
    t2: Hash,
    t3: Hash,
    sum: Vec<u64>,
    taken: SeatSet,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit")
            .field("transcript", &self.transcript)
            .field("vectors", &self.taken.len())
            .finish_non_exhaustive()
    }
}

/// What a finished audit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Councils in the sum.
    pub councils: Vec<String>,
    /// Councils that dealt shares but are not in the sum.
    pub dropped: Vec<String>,
    /// Councils that advertised keys and then dealt no shares.
    pub silent: Vec<String>,
    /// The numbers of the round.
    pub parameters: Parameters,
    /// Signatures over the survivors.
    pub consents: usize,
    /// `T0` to `T2`: question and parameters, keys, sharers.
    pub hashes: [Hash; 3],
    /// The hash that names this round from envelope to survivors.
    pub t3: Hash,
    /// The signed hash of each council's masked vector, in the order of `councils`.
    pub vectors: Vec<Hash>,
    /// The question, the numbers, and who asked.
    pub envelope: Envelope,
    /// Whether the sum was followed from the masked vectors; never so for an exact sum.
    pub followed: bool,
}

impl Audit {
    /// Checks everything that needs no vectors: form, envelope, order and sizes of the sets, every signature, and every
    /// opened secret against its owner's commitment.
    ///
    /// The roll is the one of the time of the round: signatures count when they did at the first or at the last second of
    /// the time that the envelope states (a certificate may be younger than the little by which that time begins early).
    ///
    /// # Errors
    /// The first [`Finding`].
    pub fn open(bytes: &[u8], roll: &Roll) -> Result<Self, Finding> {
        let transcript = Transcript::decode(bytes)?;
        let envelope = Envelope::decode(&transcript.envelope)?;
        let last = envelope.expiry.saturating_sub(1).max(envelope.not_before);
        let judged = |at| envelope.check(roll, at).map(|found| (found, at));
        let ((parameters, keys), at) =
            judged(envelope.not_before).or_else(|_| judged(last)).map_err(Finding::Envelope)?;
        let coordinator = *roll.coordinator(&envelope.coordinator, at).ok_or(Finding::CoordinatorSignature)?;
        let signed = framed(domain::TRANSCRIPT, &[&transcript.body()]);
        if !verifies(&coordinator, &signed, &transcript.signature) {
            return Err(Finding::CoordinatorSignature);
        }
        let sets = Sets::of(&transcript, &envelope, &parameters)?;
        let t0 = transcript::t0(&transcript.envelope);
        let t1 = transcript::t1(&t0, &transcript.entries);
        let t2 = transcript::t2(&t1, &sets.sharers);
        let t3 = transcript::t3(&t2, &sets.survivors);
        let audit = Self {
            sum: vec![0; envelope.cells().unwrap_or(0) as usize],
            transcript,
            envelope,
            parameters,
            coordinator,
            t0,
            t1,
            t2,
            t3,
            taken: SeatSet::new(),
        };
        audit.check_signatures(&keys)?;
        audit.check_secrets(&sets)?;
        Ok(audit)
    }

    fn name(&self, seat: Seat) -> String {
        self.envelope.council(seat).unwrap_or("?").to_owned()
    }

    /// The envelope.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Whether the transcript opens what is needed to follow the sum: in rounds with noise, and in no other.
    #[must_use]
    pub fn opens_sum(&self) -> bool {
        self.envelope.plan.mechanism == Mechanism::DiscreteGaussian
    }

    /// Codes of the councils whose vectors are in the sum, ascending.
    #[must_use]
    pub fn survivors(&self) -> Vec<String> {
        self.transcript.masked.iter().map(|m| self.name(m.seat)).collect()
    }

    pub(super) const fn coordinator(&self) -> &VerifyingKey {
        &self.coordinator
    }

    fn check_signatures(&self, keys: &[VerifyingKey]) -> Result<(), Finding> {
        let check = |seat: Seat, message: &[u8], signature: &[u8; 64], step| {
            if verifies(&keys[seat.at()], message, signature) {
                return Ok(());
            }
            Err(Finding::Signature { council: self.name(seat), step })
        };
        for e in &self.transcript.entries {
            check(e.seat, &advert_bytes(&self.t0, e), &e.signature, Step::Advertise)?;
        }
        for s in &self.transcript.sealed {
            let signed = sealed_bytes(&self.t1, s.seat, &s.digest);
            check(s.seat, &signed, &s.signature, Step::Share)?;
        }
        for m in &self.transcript.masked {
            let signed = masked_bytes(&self.t2, m.seat, &m.digest);
            check(m.seat, &signed, &m.signature, Step::Mask)?;
        }
        for (seat, signature) in &self.transcript.consents {
            check(*seat, &consent_bytes(&self.t3), signature, Step::Consent)?;
        }
        Ok(())
    }

    fn entry(&self, seat: Seat) -> Option<&Entry> {
        self.transcript.entries.iter().find(|e| e.seat == seat)
    }

    fn check_secrets(&self, sets: &Sets) -> Result<(), Finding> {
        let t = &self.transcript;
        let dropped = sets.sharers.minus(&sets.survivors);
        if !self.opens_sum() {
            let closed = t.self_seeds.is_empty() && t.mask_keys.is_empty() && t.sum == [0; 32];
            return if closed { Ok(()) } else { Err(Finding::ExactOpened) };
        }
        if t.self_seeds.len() != sets.survivors.len() || t.mask_keys.len() != dropped.len() {
            return Err(Finding::SecretCount);
        }
        for (seat, seed) in sets.survivors.iter().zip(&t.self_seeds) {
            let stands =
                self.entry(seat).is_some_and(|e| transcript::self_commitment(&self.t0, seat, seed) == e.commitment);
            if !stands {
                return Err(Finding::Secret { council: self.name(seat) });
            }
        }
        for (seat, key) in dropped.iter().zip(&t.mask_keys) {
            let stands = self.entry(seat).is_some_and(|e| keys::public_of(&Secret::new(key)) == e.mask_key);
            if !stands {
                return Err(Finding::Secret { council: self.name(seat) });
            }
        }
        Ok(())
    }

    /// Begins the masked vector of a council; feed it with [`Upload::absorb`] and give it back with [`Audit::add`].
    ///
    /// # Errors
    /// [`Finding::ForeignVector`] when the council is not in the sum.
    pub fn vector(&self, council: &str) -> Result<Upload, Finding> {
        self.envelope
            .seat(council)
            .and_then(|seat| self.transcript.masked.iter().find(|m| m.seat == seat))
            .map(|header| Upload::new(council.to_owned(), header.clone()))
            .ok_or_else(|| Finding::ForeignVector { council: council.to_owned() })
    }

    /// Takes a finished vector.
    ///
    /// # Errors
    /// [`Finding::Vector`] when it is not the one its council signed; [`Finding::ForeignVector`] when it was given before.
    pub fn add(&mut self, vector: Upload) -> Result<(), Finding> {
        let (header, elements) = vector.finish().map_err(Finding::Vector)?;
        if header.t2 != self.t2 || !self.taken.insert(header.seat) {
            return Err(Finding::ForeignVector { council: self.name(header.seat) });
        }
        ring::add_assign(&mut self.sum, &elements);
        Ok(())
    }

    /// Undoes the masks and compares the result with the published cells (in grid units).
    ///
    /// # Errors
    /// [`Finding::VectorsMissing`] or [`Finding::Sum`]; [`Finding::WrongKind`] for an exact round.
    pub fn finish(mut self, cells: &[i64]) -> Result<Report, Finding> {
        if !self.opens_sum() {
            return Err(Finding::WrongKind);
        }
        let (survivors, sharers) = (self.survivor_set(), self.sharer_set());
        let missing = survivors.minus(&self.taken);
        if !missing.is_empty() {
            return Err(Finding::VectorsMissing { councils: self.names(missing) });
        }
        let dropped = sharers.minus(&survivors);
        let entries: BTreeMap<Seat, Entry> = self.transcript.entries.iter().map(|e| (e.seat, e.clone())).collect();
        let open = |set: SeatSet, secrets: &[[u8; 32]]| {
            set.iter().zip(secrets).map(|(seat, secret)| (seat, Secret::new(secret))).collect()
        };
        let secrets = Secrets {
            self_seeds: open(survivors, &self.transcript.self_seeds),
            mask_keys: open(dropped, &self.transcript.mask_keys),
            wrong: SeatSet::new(),
        };
        let case = Case {
            t0: self.t0,
            t2: self.t2,
            threshold: usize::from(self.parameters.threshold()),
            entries: &entries,
            survivors,
            dropped,
            revealed: &BTreeMap::new(),
        };
        let masks = case.masks_to_undo(&secrets).map_err(|seat| Finding::Secret { council: self.name(seat) })?;
        recovery::undo(&masks, &mut self.sum);
        let same = self.sum.len() == cells.len()
            && self.sum.iter().zip(cells).all(|(a, b)| ring::to_signed(*a) == *b)
            && transcript::sum_hash(&self.t3, cells) == self.transcript.sum;
        if same { Ok(self.report(true)) } else { Err(Finding::Sum) }
    }

    /// Ends the audit of an exact round, whose sum cannot be followed.
    ///
    /// # Errors
    /// [`Finding::WrongKind`] for a round with noise: there the sum has to be looked at.
    pub fn without_sum(self) -> Result<Report, Finding> {
        if self.opens_sum() { Err(Finding::WrongKind) } else { Ok(self.report(false)) }
    }

    fn survivor_set(&self) -> SeatSet {
        self.transcript.masked.iter().map(|m| m.seat).collect()
    }

    fn sharer_set(&self) -> SeatSet {
        self.transcript.sealed.iter().map(|s| s.seat).collect()
    }

    fn names(&self, set: SeatSet) -> Vec<String> {
        set.iter().map(|s| self.name(s)).collect()
    }

    fn report(self, followed: bool) -> Report {
        let (survivors, sharers) = (self.survivor_set(), self.sharer_set());
        let advertised: SeatSet = self.transcript.entries.iter().map(|e| e.seat).collect();
        Report {
            councils: self.names(survivors),
            dropped: self.names(sharers.minus(&survivors)),
            silent: self.names(advertised.minus(&sharers)),
            parameters: self.parameters,
            consents: self.transcript.consents.len(),
            hashes: [self.t0, self.t1, self.t2],
            t3: self.t3,
            vectors: self.transcript.masked.iter().map(|m| m.digest).collect(),
            envelope: self.envelope,
            followed,
        }
    }
}

struct Sets {
    sharers: SeatSet,
    survivors: SeatSet,
}

impl Sets {
    fn of(t: &Transcript, envelope: &Envelope, parameters: &Parameters) -> Result<Self, Finding> {
        let cohort: SeatSet = (0..envelope.cohort.len()).filter_map(|s| u8::try_from(s).ok().map(Seat::new)).collect();
        let floor = usize::from(parameters.min_survivors());
        let advertised = set(t.entries.iter().map(|e| e.seat), &cohort, Step::Advertise, floor)?;
        let sharers = set(t.sealed.iter().map(|s| s.seat), &advertised, Step::Share, floor)?;
        let survivors = set(t.masked.iter().map(|m| m.seat), &sharers, Step::Mask, floor)?;
        let threshold = usize::from(parameters.threshold());
        set(t.consents.iter().map(|c| c.0), &survivors, Step::Consent, threshold)?;
        Ok(Self { sharers, survivors })
    }
}

fn set(seats: impl Iterator<Item = Seat>, within: &SeatSet, step: Step, need: usize) -> Result<SeatSet, Finding> {
    let list: Vec<Seat> = seats.collect();
    let set: SeatSet = list.iter().copied().collect();
    if !list.is_sorted_by(|a, b| a < b) || !set.is_subset(within) {
        return Err(Finding::Sets { step });
    }
    if set.len() < need {
        return Err(Finding::TooFew { step, have: set.len(), need });
    }
    Ok(set)
}

/// The public keys a node advertised, from its stored advert: for a node that compares a transcript with what it sent.
///
/// # Errors
/// [`Malformed`] when the bytes are no advert.
pub fn advertised(advert: &[u8]) -> Result<Entry, Malformed> {
    Advert::decode(advert).map(|a| a.entry)
}
