//! The secrets of one node for one attempt, and what is derived from them.

use std::fmt;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::seats::Seat;
use super::transcript::{Hash, domain, framed};

/// 32 secret bytes, wiped when dropped, never shown.
///
/// They stay where they were made: what is moved about (out of functions, within lists, in a tree's nodes) is their
/// address, so no copy is left behind where they have been.
#[derive(Clone)]
pub(crate) struct Secret(Box<[u8; 32]>);

impl Secret {
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        let mut secret = Self::blank();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// `None` when it is not 32 bytes long.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Self::blank();
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    fn blank() -> Self {
        Self(Box::new([0; 32]))
    }

    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Fresh for each attempt: `c` opens shares, `s` makes pair masks, `b` is the seed of the self mask.
pub(crate) struct AttemptKeys {
    c: Secret,
    s: Secret,
    pub(crate) self_seed: Secret,
}

impl AttemptKeys {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { c: Secret::random(rng), s: Secret::random(rng), self_seed: Secret::random(rng) }
    }

    pub(crate) fn share_public(&self) -> [u8; 32] {
        public_of(&self.c)
    }

    pub(crate) fn mask_public(&self) -> [u8; 32] {
        public_of(&self.s)
    }

    /// `s` itself, to be split into shares.
    pub(crate) const fn mask_secret(&self) -> &Secret {
        &self.s
    }

    /// Agreement under which pairs of shares are sealed, in both directions. `None`: the peer's key is of small order.
    pub(crate) fn agree_share(&self, peer: &[u8; 32]) -> Option<Agreement> {
        Agreement::new(&self.c, peer)
    }

    /// Agreement from which the pair mask comes. `None`: the peer's key is of small order.
    pub(crate) fn agree_mask(&self, peer: &[u8; 32]) -> Option<Agreement> {
        Agreement::new(&self.s, peer)
    }
}

impl fmt::Debug for AttemptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKeys(..)")
    }
}

/// The pair agreement that a recovered mask key gives; `None` when the peer's key is of small order.
pub(crate) fn agree_recovered(mask_secret: &Secret, peer: &[u8; 32]) -> Option<Agreement> {
    Agreement::new(mask_secret, peer)
}

/// The public key of a secret one.
pub(crate) fn public_of(secret: &Secret) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret.expose())).to_bytes()
}

/// Whether a public key may be used at all: encoded canonically in its top bit, and of large order.
///
/// X25519 ignores the top bit, so two byte strings would mean one key; and a key of small order makes an agreement
/// that everybody knows.
pub(crate) fn is_sound(key: &[u8; 32]) -> bool {
    // Any clamped scalar is a multiple of the cofactor, so it sends every point of small order to the identity.
    key[31] & 0x80 == 0 && Agreement::new(&Secret::new(&[0x5a; 32]), key).is_some()
}

/// A contributory X25519 agreement.
pub(crate) struct Agreement(SharedSecret);

impl Agreement {
    fn new(secret: &Secret, peer: &[u8; 32]) -> Option<Self> {
        let shared = StaticSecret::from(*secret.expose()).diffie_hellman(&PublicKey::from(*peer));
        shared.was_contributory().then_some(Self(shared))
    }

    /// Key that seals the pair of shares from `dealer` for `holder`.
    pub(crate) fn share_key(&self, t1: &Hash, dealer: Seat, holder: Seat) -> Secret {
        derive(self.0.as_bytes(), t1, &framed(domain::SHARE_KEY, &[&[dealer.index()], &[holder.index()]]))
    }

    /// Key of the mask between two nodes: the same on both sides.
    pub(crate) fn pair_mask(&self, t2: &Hash, a: Seat, b: Seat) -> Secret {
        derive(self.0.as_bytes(), t2, &framed(domain::PAIR_MASK, &[&[a.min(b).index()], &[a.max(b).index()]]))
    }
}

/// Key of a node's own mask.
pub(crate) fn self_mask(seed: &Secret, t2: &Hash) -> Secret {
    derive(seed.expose(), t2, &framed(domain::SELF_MASK, &[]))
}

fn derive(secret: &[u8], salt: &Hash, info: &[u8]) -> Secret {
    let mut out = Secret::blank();
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, out.0.as_mut_slice())
        .expect("32 bytes are within the 8160 that HKDF-SHA256 can give");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn keys(seed: u64) -> AttemptKeys {
        AttemptKeys::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    #[test]
    fn both_ends_derive_the_same_keys_and_each_direction_its_own() {
        let (a, b) = (keys(1), keys(2));
        let t = [7; 32];
        let ab = a.agree_share(&b.share_public()).expect("contributory");
        let ba = b.agree_share(&a.share_public()).expect("contributory");
        let (i, j) = (Seat::new(0), Seat::new(1));
        assert_eq!(ab.share_key(&t, i, j).expose(), ba.share_key(&t, i, j).expose());
        assert_ne!(ab.share_key(&t, i, j).expose(), ab.share_key(&t, j, i).expose());
        assert_eq!(ab.pair_mask(&t, i, j).expose(), ba.pair_mask(&t, j, i).expose());
        assert_ne!(ab.pair_mask(&t, i, j).expose(), ab.pair_mask(&[8; 32], i, j).expose());
    }

    #[test]
    fn points_of_small_order_are_refused() {
        // Order 1, 2, 4 and 8, and a non-canonical form: from RFC 7748's security considerations and cr.yp.to/ecdh.html.
        let small = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for point in small {
            let mut key = [0; 32];
            hex::decode_to_slice(point, &mut key).expect("hex");
            assert!(!is_sound(&key), "{point}");
            assert!(keys(3).agree_mask(&key).is_none(), "{point}");
        }
        let mut good = keys(4).mask_public();
        assert!(is_sound(&good));
        good[31] |= 0x80;
        assert!(!is_sound(&good), "another encoding of the same key");
    }

    #[test]
    fn everything_secret_wipes_itself() {
        // A crate that stopped wiping (a feature left out) would no longer compile here.
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Secret>();
        wiped::<StaticSecret>();
        wiped::<SharedSecret>();
        wiped::<ed25519_dalek::SigningKey>();
        let mut secret = Secret::new(&[0xab; 32]);
        secret.zeroize();
        assert_eq!(secret.expose(), &[0; 32]);
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(&[0xab; 32]);
        assert_eq!(format!("{secret:?} {:?}", keys(5)), "Secret(..) AttemptKeys(..)");
    }
}
