//! The hashes that bind a round together, and the bytes that are signed in it.
//!
//! Each hash is SHA-256 over a domain string and fields, every one of them preceded by its length as eight bytes,
//! little endian. So no two different lists of fields have the same bytes, and a value made for one step can never
//! stand in for one of another.
//!
//! ```text
//! T0 = H(envelope)                                  which question, which parameters, who asked
//! T1 = H(T0, for each member of U1: seat, C, S, B, ledger)  whose keys, and where their ledgers stand
//! T2 = H(T1, bitmap of U2)                          whose masks are in the vectors
//! T3 = H(T2, bitmap of U3)                          whose vectors are in the sum
//! ```
//!
//! A message or key made under one of them is worthless under another: nodes that were shown different things
//! produce signatures that do not fit and masks that do not cancel.

use sha2::{Digest as _, Sha256};

use super::messages::Entry;
use super::seats::{Seat, SeatSet};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Domain strings: name, version, step.
pub(crate) mod domain {
    pub(crate) const T0: &str = "folkmoot/round/2/T0";
    pub(crate) const T1: &str = "folkmoot/round/2/T1";
    pub(crate) const T2: &str = "folkmoot/round/2/T2";
    pub(crate) const T3: &str = "folkmoot/round/2/T3";
    pub(crate) const MANDATE: &str = "folkmoot/round/2/mandate";
    pub(crate) const ENVELOPE: &str = "folkmoot/round/2/envelope";
    pub(crate) const ADVERT: &str = "folkmoot/round/2/advert";
    pub(crate) const SELF_COMMITMENT: &str = "folkmoot/round/2/self";
    pub(crate) const SEALED: &str = "folkmoot/round/2/sealed";
    pub(crate) const SHARE_KEY: &str = "folkmoot/round/2/share-key";
    pub(crate) const SHARE_DATA: &str = "folkmoot/round/2/share-data";
    pub(crate) const PAIR_MASK: &str = "folkmoot/round/2/pair-mask";
    pub(crate) const SELF_MASK: &str = "folkmoot/round/2/self-mask";
    pub(crate) const MASKED: &str = "folkmoot/round/2/masked";
    pub(crate) const CONSENT: &str = "folkmoot/round/2/consent";
    pub(crate) const REVEALED: &str = "folkmoot/round/2/revealed";
    pub(crate) const SUM: &str = "folkmoot/round/2/sum";
    pub(crate) const TRANSCRIPT: &str = "folkmoot/round/2/transcript";
    pub(crate) const RECORD: &str = "folkmoot/round/2/record";
}

/// The domain and the fields, each preceded by its length: what is signed, and used as associated data.
pub(crate) fn framed(domain: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + domain.len() + fields.iter().map(|f| 8 + f.len()).sum::<usize>());
    for field in std::iter::once(&domain.as_bytes()).chain(fields) {
        out.extend_from_slice(&(field.len() as u64).to_le_bytes());
        out.extend_from_slice(field);
    }
    out
}

/// SHA-256 of [`framed`], without putting the fields together anywhere: one may be secret.
pub(crate) fn hash(domain: &str, fields: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for field in std::iter::once(&domain.as_bytes()).chain(fields) {
        hasher.update((field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
}

/// `T0`: binds the whole envelope, signatures included.
#[must_use]
pub fn t0(envelope: &[u8]) -> Hash {
    hash(domain::T0, &[envelope])
}

/// `T1`: binds the public keys, commitments and ledger heads of `U1`, in ascending order of seats.
#[must_use]
pub fn t1(t0: &Hash, entries: &[Entry]) -> Hash {
    let own: Vec<_> = entries.iter().map(|e| ([e.seat.index()], e.ledger.bytes())).collect();
    let mut fields: Vec<&[u8]> = vec![t0];
    for (entry, (seat, ledger)) in entries.iter().zip(&own) {
        fields.extend([seat.as_slice(), &entry.share_key, &entry.mask_key, &entry.commitment, ledger]);
    }
    hash(domain::T1, &fields)
}

/// `T2`: binds whose masks are in the vectors.
#[must_use]
pub fn t2(t1: &Hash, sharers: &SeatSet) -> Hash {
    hash(domain::T2, &[t1, sharers.bitmap()])
}

/// `T3`: binds whose vectors are in the sum.
#[must_use]
pub fn t3(t2: &Hash, survivors: &SeatSet) -> Hash {
    hash(domain::T3, &[t2, survivors.bitmap()])
}

/// `B`: commits a node to its self-mask seed without showing it.
#[must_use]
pub fn self_commitment(t0: &Hash, seat: Seat, seed: &[u8; 32]) -> Hash {
    hash(domain::SELF_COMMITMENT, &[t0, &[seat.index()], seed])
}

/// Hash of a masked vector, fed in pieces.
///
/// It covers `T2`, the seat and the length before the elements, so that the hash of one node's vector in one round
/// is no other's.
pub(crate) struct VectorHash(Sha256);

impl VectorHash {
    pub(crate) fn new(t2: &Hash, seat: Seat, cells: u32) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(framed(domain::MASKED, &[t2, &[seat.index()], &cells.to_le_bytes()]));
        Self(hasher)
    }

    pub(crate) fn update(&mut self, element_bytes: &[u8]) {
        self.0.update(element_bytes);
    }

    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

/// Hash of the decrypted sum: `cells` in grid units, under `T3`.
#[must_use]
pub fn sum_hash(t3: &Hash, cells: &[i64]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(framed(domain::SUM, &[t3, &(cells.len() as u64).to_le_bytes()]));
    for cell in cells {
        hasher.update(cell.to_le_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_slide_into_one_another() {
        assert_ne!(hash("d", &[b"ab", b"c"]), hash("d", &[b"a", b"bc"]));
        assert_ne!(hash("d", &[b"ab"]), hash("da", &[b"b"]));
        assert_ne!(hash("d", &[b"a"]), hash("d", &[b"a", b""]));
    }

    #[test]
    fn a_hash_is_that_of_the_framing() {
        let fields: [&[u8]; 3] = [b"ab", b"", &[7; 100]];
        assert_eq!(hash("d", &fields), Hash::from(Sha256::digest(framed("d", &fields))));
    }

    #[test]
    fn framing_is_length_then_bytes() {
        assert_eq!(framed("d", &[b"xy"]), b"\x01\0\0\0\0\0\0\0d\x02\0\0\0\0\0\0\0xy");
    }
}
