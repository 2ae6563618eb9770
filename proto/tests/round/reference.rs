//! The protocol a second time: slow, plain, from the text of `docs/protocol.md`, sharing no code with `proto::round`.
//!
//! HKDF is written out over HMAC, ChaCha20 block by block, GF(256) by the schoolbook, and every hashed or signed byte
//! string by hand. Only SHA-256, X25519, Ed25519 and the AEAD come from crates.

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use sha2::{Digest, Sha256};

pub(crate) type Bytes32 = [u8; 32];

/// Each field with its length as eight bytes before it.
pub(crate) fn frame(step: &str, fields: &[&[u8]]) -> Vec<u8> {
    let domain = format!("folkmoot/round/2/{step}");
    let mut out = Vec::new();
    out.extend((domain.len() as u64).to_le_bytes());
    out.extend(domain.as_bytes());
    for field in fields {
        out.extend((field.len() as u64).to_le_bytes());
        out.extend(*field);
    }
    out
}

pub(crate) fn sha(bytes: &[u8]) -> Bytes32 {
    Sha256::digest(bytes).into()
}

fn hmac(key: &[u8], message: &[u8]) -> Bytes32 {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|b| b ^ 0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = block.iter().map(|b| b ^ 0x5c).chain(sha(&inner)).collect();
    sha(&outer)
}

/// RFC 5869 for 32 bytes of output.
pub(crate) fn hkdf(salt: &Bytes32, secret: &[u8], info: &[u8]) -> Bytes32 {
    let prk = hmac(salt, secret);
    let mut message = info.to_vec();
    message.push(1);
    hmac(&prk, &message)
}

/// RFC 8439, block function; zero nonce.
fn chacha_block(key: &Bytes32, counter: u32) -> [u8; 64] {
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let mut start = [0u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    for i in 0..8 {
        start[4 + i] = word(&key[4 * i..]);
    }
    start[12] = counter;
    let mut s = start;
    let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
        for (x, y, z, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
            s[x] = s[x].wrapping_add(s[y]);
            s[z] = (s[z] ^ s[x]).rotate_left(turn);
        }
    };
    for _ in 0..10 {
        quarter(0, 4, 8, 12);
        quarter(1, 5, 9, 13);
        quarter(2, 6, 10, 14);
        quarter(3, 7, 11, 15);
        quarter(0, 5, 10, 15);
        quarter(1, 6, 11, 12);
        quarter(2, 7, 8, 13);
        quarter(3, 4, 9, 14);
    }
    let mut out = [0; 64];
    for i in 0..16 {
        out[4 * i..4 * i + 4].copy_from_slice(&s[i].wrapping_add(start[i]).to_le_bytes());
    }
    out
}

/// The first `cells` ring elements of a mask.
pub(crate) fn stream(key: &Bytes32, cells: usize) -> Vec<u64> {
    let mut bytes = Vec::new();
    let mut counter = 0;
    while bytes.len() < 8 * cells {
        bytes.extend(chacha_block(key, counter));
        counter += 1;
    }
    bytes.chunks(8).take(cells).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect()
}

/// Schoolbook product modulo x^8 + x^4 + x^3 + x + 1.
pub(crate) fn gf_mul(a: u8, b: u8) -> u8 {
    let mut product = 0u16;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= u16::from(a) << bit;
        }
    }
    for bit in (8..15).rev() {
        if product >> bit & 1 == 1 {
            product ^= 0x11b << (bit - 8);
        }
    }
    u8::try_from(product).unwrap()
}

fn gf_inverse(a: u8) -> u8 {
    (1..=255).find(|b| gf_mul(a, *b) == 1).unwrap()
}

/// Lagrange interpolation at zero, byte by byte.
pub(crate) fn combine(shares: &[(u8, Bytes32)]) -> Bytes32 {
    let mut secret = [0; 32];
    for (x, value) in shares {
        let mut weight = 1;
        for (other, _) in shares {
            if other != x {
                weight = gf_mul(weight, gf_mul(*other, gf_inverse(*other ^ *x)));
            }
        }
        for (s, v) in secret.iter_mut().zip(value) {
            *s ^= gf_mul(weight, *v);
        }
    }
    secret
}

pub(crate) fn t0(envelope: &[u8]) -> Bytes32 {
    sha(&frame("T0", &[envelope]))
}

/// Where a ledger stands: (entries, digest) of its head and of the head it told before.
pub(crate) type Ledger = [(u64, Bytes32); 2];

pub(crate) fn ledger(ledger: &Ledger) -> Vec<u8> {
    let mut out = Vec::new();
    for (entries, digest) in ledger {
        out.extend(entries.to_le_bytes());
        out.extend(digest);
    }
    out
}

/// What a council signs at step 0.
pub(crate) fn advert(t0: &Bytes32, seat: u8, [c, s, b]: [&Bytes32; 3], stands: &Ledger) -> Vec<u8> {
    frame("advert", &[t0, &[seat], c, s, b, &ledger(stands)])
}

/// `keys[k]` is (seat, C, S, B, ledger).
pub(crate) fn t1(t0: &Bytes32, keys: &[(u8, Bytes32, Bytes32, Bytes32, Ledger)]) -> Bytes32 {
    let mut fields: Vec<Vec<u8>> = vec![t0.to_vec()];
    for (seat, c, s, b, stands) in keys {
        fields.extend([vec![*seat], c.to_vec(), s.to_vec(), b.to_vec(), ledger(stands)]);
    }
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    sha(&frame("T1", &fields))
}

pub(crate) fn bitmap(seats: &[u8]) -> Bytes32 {
    let mut map = [0; 32];
    for seat in seats {
        map[usize::from(*seat) / 8] |= 1 << (seat % 8);
    }
    map
}

pub(crate) fn t2(t1: &Bytes32, sharers: &[u8]) -> Bytes32 {
    sha(&frame("T2", &[t1, &bitmap(sharers)]))
}

pub(crate) fn t3(t2: &Bytes32, survivors: &[u8]) -> Bytes32 {
    sha(&frame("T3", &[t2, &bitmap(survivors)]))
}

pub(crate) fn commitment(t0: &Bytes32, seat: u8, seed: &Bytes32) -> Bytes32 {
    sha(&frame("self", &[t0, &[seat], seed]))
}

pub(crate) fn public(secret: &Bytes32) -> Bytes32 {
    x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES)
}

pub(crate) fn self_key(seed: &Bytes32, t2: &Bytes32) -> Bytes32 {
    hkdf(t2, seed, &frame("self-mask", &[]))
}

pub(crate) fn pair_key(secret: &Bytes32, peer: &Bytes32, t2: &Bytes32, a: u8, b: u8) -> Bytes32 {
    let shared = x25519_dalek::x25519(*secret, *peer);
    hkdf(t2, &shared, &frame("pair-mask", &[&[a.min(b)], &[a.max(b)]]))
}

pub(crate) fn share_key(secret: &Bytes32, peer: &Bytes32, t1: &Bytes32, dealer: u8, holder: u8) -> Bytes32 {
    let shared = x25519_dalek::x25519(*secret, *peer);
    hkdf(t1, &shared, &frame("share-key", &[&[dealer], &[holder]]))
}

/// Seals 64 bytes from `dealer` (whose secret is given) for `holder`, of whose ledger it says nothing.
pub(crate) fn seal(
    secret: &Bytes32,
    peer: &Bytes32,
    t1: &Bytes32,
    dealer: u8,
    holder: u8,
    plain: &[u8; 64],
) -> [u8; 80] {
    let key = share_key(secret, peer, t1, dealer, holder);
    let aad = frame("share-data", &[t1, &[dealer], &[holder], &[]]);
    ChaCha20Poly1305::new(&key.into())
        .encrypt(&[0; 12].into(), Payload { msg: plain, aad: &aad })
        .unwrap()
        .try_into()
        .unwrap()
}

/// Opens what `dealer` sealed for `holder`, whose secret is given, beside what the dealer says of the holder's ledger:
/// T0 and entry of each advert that it has kept, one after the other.
pub(crate) fn open(
    secret: &Bytes32,
    peer: &Bytes32,
    t1: &Bytes32,
    (dealer, holder): (u8, u8),
    said: &[u8],
    sealed: &[u8],
) -> Option<[u8; 64]> {
    let key = share_key(secret, peer, t1, dealer, holder);
    let aad = frame("share-data", &[t1, &[dealer], &[holder], said]);
    ChaCha20Poly1305::new(&key.into())
        .decrypt(&[0; 12].into(), Payload { msg: sealed, aad: &aad })
        .ok()?
        .try_into()
        .ok()
}

/// `g*x + noise` plus all masks of one node. `peers` is (seat, S) of every other member of U2.
pub(crate) fn masked(
    seat: u8,
    seed: &Bytes32,
    mask_secret: &Bytes32,
    peers: &[(u8, Bytes32)],
    t2: &Bytes32,
    plain: &[i64],
) -> Vec<u64> {
    let mut y: Vec<u64> = plain.iter().map(|p| p.cast_unsigned()).collect();
    for (cell, m) in y.iter_mut().zip(stream(&self_key(seed, t2), plain.len())) {
        *cell = cell.wrapping_add(m);
    }
    for (peer, public) in peers {
        let mask = stream(&pair_key(mask_secret, public, t2, seat, *peer), plain.len());
        for (cell, m) in y.iter_mut().zip(mask) {
            *cell = if *peer > seat { cell.wrapping_add(m) } else { cell.wrapping_sub(m) };
        }
    }
    y
}

pub(crate) fn vector_digest(t2: &Bytes32, seat: u8, y: &[u64]) -> Bytes32 {
    let cells = u32::try_from(y.len()).unwrap();
    let mut bytes = frame("masked", &[t2, &[seat], &cells.to_le_bytes()]);
    for element in y {
        bytes.extend(element.to_le_bytes());
    }
    sha(&bytes)
}
