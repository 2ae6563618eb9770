//! A council that follows the protocol only as far as it likes: it knows its own keys, and signs what it wants.

use ed25519_dalek::{Signer as _, SigningKey};
use folkmoot_proto::round::Seat;
use folkmoot_proto::round::messages::{Entry, Revealed, Sealed};
use folkmoot_proto::round::witness::Standing;

use crate::reference::{self, Bytes32, frame, sha};

pub(crate) struct Rogue {
    pub(crate) seat: u8,
    pub(crate) key: SigningKey,
    pub(crate) c: Bytes32,
    pub(crate) s: Bytes32,
    pub(crate) b: Bytes32,
}

impl Rogue {
    pub(crate) fn new(seat: usize, key: &SigningKey) -> Self {
        Self { seat: u8::try_from(seat).unwrap(), key: key.clone(), c: [0x11; 32], s: [0x22; 32], b: [0x33; 32] }
    }

    pub(crate) fn entry(&self, t0: &Bytes32) -> Entry {
        self.entry_with(t0, reference::public(&self.c), reference::public(&self.s))
    }

    /// Signed keys of its choice.
    pub(crate) fn entry_with(&self, t0: &Bytes32, share_key: Bytes32, mask_key: Bytes32) -> Entry {
        let commitment = reference::commitment(t0, self.seat, &self.b);
        let ledger = Standing::default();
        let stands = [(0, [0; 32]); 2];
        let signed = reference::advert(t0, self.seat, [&share_key, &mask_key, &commitment], &stands);
        Entry {
            ledger,
            seat: Seat::new(self.seat),
            share_key,
            mask_key,
            commitment,
            signature: self.key.sign(&signed).to_bytes(),
        }
    }

    /// Seals `plain` for everybody, properly signed.
    pub(crate) fn sealed(&self, entries: &[Entry], t1: &Bytes32, plain: &[u8; 64]) -> Vec<u8> {
        let pairs: Vec<[u8; 80]> = entries
            .iter()
            .filter(|e| e.seat.index() != self.seat)
            .map(|e| reference::seal(&self.c, &e.share_key, t1, self.seat, e.seat.index(), plain))
            .collect();
        let digest = sha(&frame("sealed", &[pairs.as_flattened(), &[]]));
        let signed = frame("sealed", &[t1, &[self.seat], &digest]);
        let (statements, signature) = (Vec::new(), self.key.sign(&signed).to_bytes());
        Sealed { t1: *t1, seat: Seat::new(self.seat), pairs, statements, signature }.encode()
    }
}

/// Signs changed shares as their council would.
pub(crate) fn sign_revealed(revealed: &mut Revealed, key: &SigningKey) {
    let digest = sha(&frame("revealed", &[revealed.self_shares.as_flattened(), revealed.key_shares.as_flattened()]));
    let signed = frame("revealed", &[&revealed.t3, &[revealed.seat.index()], &digest]);
    revealed.signature = key.sign(&signed).to_bytes();
}
