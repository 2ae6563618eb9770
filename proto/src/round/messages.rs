//! The messages between envelope and transcript, with their byte forms.
//!
//! All sets are bitmaps over seats and all lists stand in ascending order of seats, so that a message of a given
//! meaning has one encoding. Every message carries the transcript hash it belongs to.

use super::codec::{Kind, Malformed, Reader, Writer};
use super::parameters::{MAX_CELLS, MAX_NODES};
use super::seats::{Seat, SeatSet};
use super::transcript::Hash;
use super::witness::{
    MOST_SHOWN, MOST_STATEMENTS, STANDING_BYTES, Standing, Statement, read_statements, write_statements,
};

/// A sealed pair of shares: 64 bytes and the tag of ChaCha20-Poly1305.
pub type SealedPair = [u8; 80];

const MOST: usize = MAX_NODES as usize;
pub(super) const ENTRY_BYTES: usize = 1 + 32 + 32 + 32 + STANDING_BYTES + 64;

/// The public keys of one node for one attempt, and where its ledger stands, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose they are.
    pub seat: Seat,
    /// `C`: X25519 key under which shares are sealed to this node.
    pub share_key: [u8; 32],
    /// `S`: X25519 key from which pair masks come.
    pub mask_key: [u8; 32],
    /// `B`: commitment to the self-mask seed.
    pub commitment: Hash,
    /// Where its ledger stands.
    pub ledger: Standing,
    /// Ed25519 signature of the node over `T0`, its seat and the values before.
    pub signature: [u8; 64],
}

impl Entry {
    pub(super) fn bytes(&self) -> [u8; ENTRY_BYTES] {
        let mut out = [0; ENTRY_BYTES];
        let ledger = self.ledger.bytes();
        let seat = [self.seat.index()];
        let fields: [&[u8]; 6] = [&seat, &self.share_key, &self.mask_key, &self.commitment, &ledger, &self.signature];
        for (byte, value) in out.iter_mut().zip(fields.concat()) {
            *byte = value;
        }
        out
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            seat: Seat::new(r.u8("seat")?),
            share_key: r.array("share key")?,
            mask_key: r.array("mask key")?,
            commitment: r.array("commitment")?,
            ledger: Standing::read(r)?,
            signature: r.array("signature")?,
        })
    }
}

/// Step 0, node to coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advert {
    /// The round.
    pub t0: Hash,
    /// The node's keys.
    pub entry: Entry,
}

impl Advert {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Advert);
        w.array(&self.t0).array(&self.entry.bytes());
        w.finish()
    }

    /// Reads an advert.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Advert, bytes)?;
        let advert = Self { t0: r.array("T0")?, entry: Entry::read(&mut r)? };
        r.finish()?;
        Ok(advert)
    }
}

/// Step 1, coordinator to every member of `U1`: all their keys, ascending by seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The round.
    pub t0: Hash,
    /// The keys of `U1`.
    pub entries: Vec<Entry>,
}

impl Roster {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Roster);
        w.array(&self.t0).length(self.entries.len());
        for entry in &self.entries {
            w.array(&entry.bytes());
        }
        w.finish()
    }

    /// Reads a roster; order and distinctness of seats are the receiver's checks.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Roster, bytes)?;
        let t0 = r.array("T0")?;
        let len = r.length(MOST, ENTRY_BYTES, "entries")?;
        let entries = (0..len).map(|_| Entry::read(&mut r)).collect::<Result<_, _>>()?;
        r.finish()?;
        Ok(Self { t0, entries })
    }
}

/// Step 1, node to coordinator: a sealed pair for each other member of `U1`, ascending by receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The round and its keys.
    pub t1: Hash,
    /// Who deals.
    pub seat: Seat,
    /// One for each member of `U1` but the dealer.
    pub pairs: Vec<SealedPair>,
    /// What the dealer has kept of the ledgers of other members of `U1`, ascending by whom and by head.
    pub statements: Vec<Statement>,
    /// Signature of the dealer over `T1`, its seat and the hash of pairs and statements.
    pub signature: [u8; 64],
}

impl Sealed {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Sealed);
        w.array(&self.t1).u8(self.seat.index()).list(&self.pairs);
        write_statements(&mut w, &self.statements);
        w.array(&self.signature);
        w.finish()
    }

    /// Reads sealed shares.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Sealed, bytes)?;
        let sealed = Self {
            t1: r.array("T1")?,
            seat: Seat::new(r.u8("seat")?),
            pairs: r.list(MOST, "pairs")?,
            statements: read_statements(&mut r, MOST_STATEMENTS)?,
            signature: r.array("signature")?,
        };
        r.finish()?;
        Ok(sealed)
    }
}

/// Step 2, coordinator to one member of `U2`: the pairs that the other members sealed for it, ascending by dealer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The round and its keys.
    pub t1: Hash,
    /// `U2`.
    pub sharers: SeatSet,
    /// One for each member of `U2` but the receiver.
    pub pairs: Vec<SealedPair>,
    /// What they have kept of the receiver's ledger, ascending by dealer and by head.
    pub statements: Vec<Statement>,
}

impl Relay {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Relay);
        w.array(&self.t1).array(self.sharers.bitmap()).list(&self.pairs);
        write_statements(&mut w, &self.statements);
        w.finish()
    }

    /// Reads relayed shares.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Relay, bytes)?;
        let relay = Self {
            t1: r.array("T1")?,
            sharers: SeatSet::from_bitmap(r.array("U2")?),
            pairs: r.list(MOST, "pairs")?,
            statements: read_statements(&mut r, MOST_SHOWN)?,
        };
        r.finish()?;
        Ok(relay)
    }
}

/// Step 2, node to coordinator: what the masked vector that follows in chunks will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The round, its keys and whose masks are in the vector.
    pub t2: Hash,
    /// Whose vector.
    pub seat: Seat,
    /// Elements.
    pub cells: u32,
    /// Hash of the vector.
    pub digest: Hash,
    /// Signature of the node over `T2`, its seat and the digest.
    pub signature: [u8; 64],
}

impl Masked {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Masked);
        w.array(&self.t2).u8(self.seat.index()).u32(self.cells).array(&self.digest).array(&self.signature);
        w.finish()
    }

    /// Reads the announcement of a masked vector.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Masked, bytes)?;
        let masked = Self {
            t2: r.array("T2")?,
            seat: Seat::new(r.u8("seat")?),
            cells: r.u32("cells")?,
            digest: r.array("digest")?,
            signature: r.array("signature")?,
        };
        if !(1..=MAX_CELLS).contains(&masked.cells) {
            return Err(r.wrong("cells", "is outside what the protocol allows"));
        }
        r.finish()?;
        Ok(masked)
    }
}

/// Step 3, coordinator to every member of `U3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivors {
    /// The round, its keys and whose masks are in the vectors.
    pub t2: Hash,
    /// `U3`: whose vectors arrived.
    pub survivors: SeatSet,
}

impl Survivors {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Survivors);
        w.array(&self.t2).array(self.survivors.bitmap());
        w.finish()
    }

    /// Reads a survivor set.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Survivors, bytes)?;
        let survivors = Self { t2: r.array("T2")?, survivors: SeatSet::from_bitmap(r.array("U3")?) };
        r.finish()?;
        Ok(survivors)
    }
}

/// Step 3, node to coordinator: a signature over `T3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The whole transcript up to the survivors.
    pub t3: Hash,
    /// Who signs.
    pub seat: Seat,
    /// Signature over `T3`.
    pub signature: [u8; 64],
}

impl Consent {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Consent);
        w.array(&self.t3).u8(self.seat.index()).array(&self.signature);
        w.finish()
    }

    /// Reads a consent.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Consent, bytes)?;
        let consent = Self { t3: r.array("T3")?, seat: Seat::new(r.u8("seat")?), signature: r.array("signature")? };
        r.finish()?;
        Ok(consent)
    }
}

/// Step 4, coordinator to every member of `U3`: at least `t` signatures on `T3`, ascending by seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The transcript that was signed.
    pub t3: Hash,
    /// Who signed, and the signatures.
    pub consents: Vec<(Seat, [u8; 64])>,
}

impl Quorum {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Quorum);
        w.array(&self.t3);
        write_signatures(&mut w, &self.consents);
        w.finish()
    }

    /// Reads a quorum.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Quorum, bytes)?;
        let quorum = Self { t3: r.array("T3")?, consents: read_signatures(&mut r, "consents")? };
        r.finish()?;
        Ok(quorum)
    }
}

pub(crate) fn write_signatures(w: &mut Writer, signatures: &[(Seat, [u8; 64])]) {
    w.length(signatures.len());
    for (seat, signature) in signatures {
        w.u8(seat.index()).array(signature);
    }
}

pub(crate) fn read_signatures(r: &mut Reader<'_>, field: &'static str) -> Result<Vec<(Seat, [u8; 64])>, Malformed> {
    let len = r.length(MOST, 65, field)?;
    (0..len).map(|_| Ok((Seat::new(r.u8(field)?), r.array(field)?))).collect()
}

/// Step 4, node to coordinator: for each peer one share of one of its two secrets, never of both.
///
/// `Debug` shows no share.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The transcript under which the shares are given.
    pub t3: Hash,
    /// Who gives them.
    pub seat: Seat,
    /// Share of `b_j` for each `j` in `U3`, ascending.
    pub self_shares: Vec<[u8; 32]>,
    /// Share of `s_j` for each `j` in `U2` but not `U3`, ascending.
    pub key_shares: Vec<[u8; 32]>,
    /// Signature over `T3`, the seat and the shares.
    pub signature: [u8; 64],
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revealed")
            .field("seat", &self.seat)
            .field("self_shares", &self.self_shares.len())
            .field("key_shares", &self.key_shares.len())
            .finish_non_exhaustive()
    }
}

impl Revealed {
    /// The wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Revealed);
        w.array(&self.t3).u8(self.seat.index()).list(&self.self_shares).list(&self.key_shares).array(&self.signature);
        w.finish()
    }

    /// Reads revealed shares.
    ///
    /// # Errors
    /// [`Malformed`] naming the field.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::open(Kind::Revealed, bytes)?;
        let revealed = Self {
            t3: r.array("T3")?,
            seat: Seat::new(r.u8("seat")?),
            self_shares: r.list(MOST, "self shares")?,
            key_shares: r.list(MOST, "key shares")?,
            signature: r.array("signature")?,
        };
        r.finish()?;
        Ok(revealed)
    }
}
