//! Masks: long streams of uniform ring elements from short keys, added to or taken from a vector.
//!
//! The generator is ChaCha20 with a key from HKDF and a zero nonce; each key makes one stream, so the nonce never
//! repeats under a key. The whole key reaches the cipher: a generator seeded with fewer bits could be searched.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use zeroize::{Zeroize, Zeroizing};

use super::keys::Secret;
use super::seats::Seat;
use crate::ring::ELEMENT_BYTES;

/// Elements worked on at a time: their key stream and the part of the vector stay in the first-level cache.
const STRIDE: usize = 1024;

/// Which way a mask goes into the vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    pub(crate) const fn flip(self) -> Self {
        match self {
            Self::Plus => Self::Minus,
            Self::Minus => Self::Plus,
        }
    }
}

/// Node `me` adds the mask it shares with a peer of a higher seat and takes away that of a lower one.
pub(super) fn pair_sign(me: Seat, peer: Seat) -> Sign {
    if peer > me { Sign::Plus } else { Sign::Minus }
}

/// One mask: a stream and its sign.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    pub(crate) key: Secret,
    pub(crate) sign: Sign,
}

/// Adds the masks to `vector`, whose first element is element `offset` of the whole one.
///
/// Independent of the elements' values in time and memory access.
pub(crate) fn apply(masks: &[Mask], vector: &mut [u64], offset: usize) {
    let mut stream = Zeroizing::new([0u8; STRIDE * ELEMENT_BYTES]);
    for mask in masks {
        let mut cipher = ChaCha20::new(mask.key.expose().into(), &[0; 12].into());
        if offset > 0 {
            cipher.seek((offset * ELEMENT_BYTES) as u64);
        }
        for part in vector.chunks_mut(STRIDE) {
            let bytes = &mut stream[..part.len() * ELEMENT_BYTES];
            cipher.write_keystream(bytes);
            add(part, bytes, mask.sign);
        }
    }
    stream.zeroize();
}

fn add(part: &mut [u64], bytes: &[u8], sign: Sign) {
    let (elements, _) = bytes.as_chunks::<ELEMENT_BYTES>();
    match sign {
        Sign::Plus => {
            for (x, e) in part.iter_mut().zip(elements) {
                *x = x.wrapping_add(u64::from_le_bytes(*e));
            }
        }
        Sign::Minus => {
            for (x, e) in part.iter_mut().zip(elements) {
                *x = x.wrapping_sub(u64::from_le_bytes(*e));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(byte: u8, sign: Sign) -> Mask {
        Mask { key: Secret::new(&[byte; 32]), sign }
    }

    #[test]
    fn opposite_signs_cancel() {
        let mut v = vec![5u64; 3 * STRIDE + 7];
        apply(&[mask(1, Sign::Plus)], &mut v, 0);
        assert!(v.iter().filter(|x| **x == 5).count() < 2);
        apply(&[mask(1, Sign::Minus)], &mut v, 0);
        assert!(v.iter().all(|x| *x == 5));
    }

    #[test]
    fn pieces_at_their_offsets_make_the_whole() {
        let masks = [mask(1, Sign::Plus), mask(2, Sign::Minus)];
        let mut whole = vec![0u64; 5000];
        apply(&masks, &mut whole, 0);
        let mut pieces = vec![0u64; 5000];
        for (i, piece) in pieces.chunks_mut(999).enumerate() {
            apply(&masks, piece, i * 999);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn the_stream_is_chacha20_of_rfc_8439() {
        // RFC 8439 A.1, test vector 1: zero key, zero nonce, counter 0.
        let mut v = [0u64; 2];
        apply(&[mask(0, Sign::Plus)], &mut v, 0);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&v[0].to_le_bytes());
        bytes[8..].copy_from_slice(&v[1].to_le_bytes());
        assert_eq!(hex::encode(bytes), "76b8e0ada0f13d90405d6ae55386bd28");
    }
}
