//! Exactly which bytes a council signs at each step. Each names its transcript hash and the council's seat, so that a
//! signature for one step, round or seat is none for another.

use super::messages::{Entry, SealedPair};
use super::seats::Seat;
use super::transcript::{self, Hash, domain, framed};
use super::witness::{self, Statement};

/// What a node signs at step 0.
pub(super) fn advert_bytes(t0: &Hash, entry: &Entry) -> Vec<u8> {
    let Entry { seat, share_key, mask_key, commitment, ledger, signature: _ } = entry;
    framed(domain::ADVERT, &[t0, &[seat.index()], share_key, mask_key, commitment, &ledger.bytes()])
}

/// What a node signs at step 1.
pub(super) fn sealed_bytes(t1: &Hash, seat: Seat, digest: &Hash) -> Vec<u8> {
    framed(domain::SEALED, &[t1, &[seat.index()], digest])
}

/// Hash of what a node says at step 1: the sealed pairs, and what it has kept of others' ledgers.
pub(super) fn sealed_digest(pairs: &[SealedPair], statements: &[Statement]) -> Hash {
    transcript::hash(domain::SEALED, &[pairs.as_flattened(), &witness::signed(statements)])
}

/// What a node signs at step 2.
pub(super) fn masked_bytes(t2: &Hash, seat: Seat, digest: &Hash) -> Vec<u8> {
    framed(domain::MASKED, &[t2, &[seat.index()], digest])
}

/// What a node signs at step 3.
pub(super) fn consent_bytes(t3: &Hash) -> Vec<u8> {
    framed(domain::CONSENT, &[t3])
}

/// What a node signs at step 4.
pub(super) fn revealed_bytes(t3: &Hash, seat: Seat, self_shares: &[[u8; 32]], key_shares: &[[u8; 32]]) -> Vec<u8> {
    let shares = transcript::hash(domain::REVEALED, &[self_shares.as_flattened(), key_shares.as_flattened()]);
    framed(domain::REVEALED, &[t3, &[seat.index()], &shares])
}
