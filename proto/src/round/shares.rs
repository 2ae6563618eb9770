//! Splitting a node's two secrets among the others, sealing the shares, and putting a secret together again, also
//! when some of the shares are wrong.

use std::fmt;

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use rand_core::CryptoRng;
use thiserror::Error;
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

use super::keys::Secret;
use super::messages::SealedPair;
use super::seats::Seat;
use super::transcript::{Hash, domain, framed};

/// What one node holds of another: a share of its self-mask seed and a share of its mask key.
///
/// Whoever had `t` shares of both could read the other's vector. So a pair gives out one of the two and destroys
/// itself: [`SharePair::into_self_share`] and [`SharePair::into_key_share`] both consume it.
pub(crate) struct SharePair {
    self_share: Secret,
    key_share: Secret,
}

impl SharePair {
    pub(crate) fn into_self_share(self) -> [u8; 32] {
        *self.self_share.expose()
    }

    pub(crate) fn into_key_share(self) -> [u8; 32] {
        *self.key_share.expose()
    }
}

impl fmt::Debug for SharePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharePair(..)")
    }
}

/// Splitting failed inside the secret-sharing crate, which checked parameters rule out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("cannot split a secret into {count} shares with threshold {threshold}")]
pub struct SplitError {
    threshold: usize,
    count: usize,
}

/// Splits both secrets into `count` pairs, of which `threshold` open either.
///
/// **Shape**: pair `k` belongs to the member of rank `k` in `U1`; its coordinate in GF(256) is `k + 1`.
pub(crate) fn split(
    self_seed: &Secret,
    mask_secret: &Secret,
    threshold: usize,
    count: usize,
    rng: &mut impl CryptoRng,
) -> Result<Vec<SharePair>, SplitError> {
    let self_shares = split_one(self_seed, threshold, count, rng)?;
    let key_shares = split_one(mask_secret, threshold, count, rng)?;
    Ok(self_shares
        .into_iter()
        .zip(key_shares)
        .map(|(self_share, key_share)| SharePair { self_share, key_share })
        .collect())
}

fn split_one(
    secret: &Secret,
    threshold: usize,
    count: usize,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Secret>, SplitError> {
    let failed = SplitError { threshold, count };
    let shares =
        Zeroizing::new(Gf256::split_bytes(threshold, count, secret.expose(), rng).map_err(|_| failed.clone())?);
    shares
        .iter()
        .enumerate()
        .map(|(rank, share)| match share.split_first() {
            Some((x, value)) if usize::from(*x) == rank + 1 => Secret::from_slice(value).ok_or_else(|| failed.clone()),
            _ => Err(failed.clone()),
        })
        .collect()
}

/// `said` is what the dealer says of the holder's ledger: a pair opens only beside the very statements it was sealed with.
fn associated_data(t1: &Hash, dealer: Seat, holder: Seat, said: &[u8]) -> Vec<u8> {
    framed(domain::SHARE_DATA, &[t1, &[dealer.index()], &[holder.index()], said])
}

/// Seals a pair from `dealer` for `holder`, beside what the dealer says of the holder's ledger.
///
/// The nonce is zero: the key comes from keys of this attempt and names dealer, holder and `T1`, and the dealer
/// seals once under it (a repeated request is answered with the stored message, never sealed again).
pub(crate) fn seal(key: &Secret, t1: &Hash, dealer: Seat, holder: Seat, said: &[u8], pair: &SharePair) -> SealedPair {
    let mut plain = Zeroizing::new([0; 64]);
    plain[..32].copy_from_slice(pair.self_share.expose());
    plain[32..].copy_from_slice(pair.key_share.expose());
    let sealed = ChaCha20Poly1305::new(key.expose().into())
        .encrypt(&[0; 12].into(), Payload { msg: plain.as_slice(), aad: &associated_data(t1, dealer, holder, said) })
        .expect("64 bytes are within what the cipher can seal");
    sealed.try_into().expect("64 bytes and a tag of 16 make 80")
}

/// Opens a pair that `dealer` sealed for `holder`; `None` when it was not, or not in this round, or not beside these
/// statements.
pub(crate) fn open(
    key: &Secret,
    t1: &Hash,
    dealer: Seat,
    holder: Seat,
    said: &[u8],
    sealed: &SealedPair,
) -> Option<SharePair> {
    let plain = Zeroizing::new(
        ChaCha20Poly1305::new(key.expose().into())
            .decrypt(
                &[0; 12].into(),
                Payload { msg: sealed.as_slice(), aad: &associated_data(t1, dealer, holder, said) },
            )
            .ok()?,
    );
    let (self_share, key_share) = plain.split_at_checked(32)?;
    Some(SharePair { self_share: Secret::from_slice(self_share)?, key_share: Secret::from_slice(key_share)? })
}

/// One share of one secret: the holder's coordinate (rank in `U1` plus one) and 32 bytes.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) x: u8,
    pub(crate) value: [u8; 32],
}

/// A secret put together, and the coordinates of the shares that were found wrong on the way.
pub(crate) struct Recovered {
    pub(crate) secret: Secret,
    pub(crate) wrong: Vec<u8>,
}

/// Puts a secret together from at least `threshold` shares, such that `check` accepts it.
///
/// The first `threshold` shares are tried as they are. If the result is refused, the other shares are used to find
/// the wrong ones: shares are points of a polynomial of degree below `threshold`, so up to
/// `(shares - threshold) / 2` wrong ones can be located ([`super::decode`]). Where that fails, all sets that leave
/// out one or two shares are tried, since `check` tells a right secret from a wrong one. Shares that the caller
/// already knows to be wrong are best left out from the start. `None`: no secret that `check` accepts was found.
pub(crate) fn recover(shares: &[Share], threshold: usize, check: impl Fn(&Secret) -> bool) -> Option<Recovered> {
    if shares.len() < threshold {
        return None;
    }
    let first: Vec<&Share> = shares.iter().take(threshold).collect();
    if let Some(secret) = combine(&first).filter(|s| check(s)) {
        return Some(Recovered { secret, wrong: Vec::new() });
    }
    let located = super::decode::wrong_points(shares, threshold).unwrap_or_default();
    std::iter::once(located).chain(omissions(shares, threshold)).find_map(|omitted| {
        let good = without(shares, &omitted, threshold)?;
        let secret = combine(&good).filter(|s| check(s))?;
        let wrong = disagreeing(shares, &good, &secret);
        Some(Recovered { secret, wrong })
    })
}

/// Sets of one or two shares to leave out, as coordinates.
fn omissions(shares: &[Share], threshold: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    let spare = shares.len() - threshold;
    let one = shares.iter().take(if spare >= 1 { shares.len() } else { 0 });
    let two = shares
        .iter()
        .enumerate()
        .take(if spare >= 2 { shares.len() } else { 0 })
        .flat_map(|(i, a)| shares[i + 1..].iter().map(|b| vec![a.x, b.x]));
    one.map(|a| vec![a.x]).chain(two)
}

fn without<'a>(shares: &'a [Share], omitted: &[u8], threshold: usize) -> Option<Vec<&'a Share>> {
    let good: Vec<&Share> = shares.iter().filter(|s| !omitted.contains(&s.x)).take(threshold).collect();
    (good.len() == threshold).then_some(good)
}

/// The shares that do not lie on the polynomial through `good`: put in the place of a good one, they give another
/// secret.
fn disagreeing(shares: &[Share], good: &[&Share], secret: &Secret) -> Vec<u8> {
    shares
        .iter()
        .filter(|s| good.iter().all(|g| g.x != s.x))
        .filter(|s| {
            let mut probe = good.to_vec();
            probe[0] = s;
            combine(&probe).is_none_or(|other| other.expose() != secret.expose())
        })
        .map(|s| s.x)
        .collect()
}

fn combine(shares: &[&Share]) -> Option<Secret> {
    let input = Zeroizing::new(
        shares.iter().map(|s| std::iter::once(s.x).chain(s.value).collect::<Vec<u8>>()).collect::<Vec<_>>(),
    );
    let mut bytes = Gf256::combine_bytes(input.as_slice()).ok()?;
    let secret = Secret::from_slice(&bytes);
    bytes.zeroize();
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    fn shares(threshold: usize, count: usize, seed: u64) -> (Secret, Vec<Share>) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (b, s) = (Secret::random(&mut rng), Secret::random(&mut rng));
        let shares = split(&b, &s, threshold, count, &mut rng)
            .expect("valid")
            .into_iter()
            .enumerate()
            .map(|(rank, pair)| Share {
                x: u8::try_from(rank + 1).expect("at most 255"),
                value: pair.into_self_share(),
            })
            .collect();
        (b, shares)
    }

    #[test]
    fn any_threshold_of_shares_opens_and_one_fewer_does_not() {
        let (secret, shares) = shares(3, 5, 1);
        for skip in 0..=2 {
            let got = recover(&shares[skip..skip + 3], 3, |_| true).expect("enough");
            assert_eq!(got.secret.expose(), secret.expose());
        }
        assert!(recover(&shares[..2], 3, |_| true).is_none());
        // Two shares leave the secret open: combining them as if they were enough gives something else.
        assert_ne!(recover(&shares[..2], 2, |_| true).expect("combines").secret.expose(), secret.expose());
    }

    #[test]
    fn wrong_shares_are_found_and_worked_around() {
        let (secret, mut all) = shares(21, 40, 2);
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let bad = [1u8, 4, 9, 10, 17, 20, 21, 30, 40];
        for share in &mut all {
            if bad.contains(&share.x) {
                rng.fill_bytes(&mut share.value);
            }
        }
        let got = recover(&all, 21, |s| s.expose() == secret.expose()).expect("(40 - 21) / 2 = 9 can be wrong");
        assert_eq!(got.secret.expose(), secret.expose());
        assert_eq!(got.wrong, bad);
    }

    #[test]
    fn one_flipped_bit_in_one_share_is_found() {
        let (secret, mut all) = shares(4, 6, 3);
        all[2].value[31] ^= 1;
        let got = recover(&all, 4, |s| s.expose() == secret.expose()).expect("one of six can be wrong");
        assert_eq!(got.wrong, [3]);
    }

    #[test]
    fn the_check_finds_errors_that_decoding_alone_cannot() {
        // Five shares, threshold four: no redundancy to locate an error, yet leaving one out settles it.
        let (secret, mut all) = shares(4, 5, 6);
        all[0].value[7] ^= 0x10;
        let got = recover(&all, 4, |s| s.expose() == secret.expose()).expect("leaving one out");
        assert_eq!(got.wrong, [1]);
        let (secret, mut all) = shares(4, 6, 7);
        all[0].value[7] ^= 0x10;
        all[3].value[9] ^= 0x10;
        let got = recover(&all, 4, |s| s.expose() == secret.expose()).expect("leaving two out");
        assert_eq!(got.wrong, [1, 4]);
    }

    #[test]
    fn too_many_wrong_shares_are_admitted_not_guessed() {
        let (secret, mut all) = shares(4, 6, 4);
        for share in &mut all[..3] {
            share.value[0] ^= 0x55;
        }
        assert!(recover(&all, 4, |s| s.expose() == secret.expose()).is_none());
    }

    #[test]
    fn a_sealed_pair_opens_for_its_holder_in_its_round_only() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        let key = Secret::random(&mut rng);
        let (i, j) = (Seat::new(3), Seat::new(4));
        let pair = split(&key, &key, 2, 3, &mut rng).expect("valid").remove(0);
        let sealed = seal(&key, &[1; 32], i, j, b"said", &pair);
        assert!(open(&key, &[1; 32], i, j, b"said", &sealed).is_some());
        assert!(open(&key, &[2; 32], i, j, b"said", &sealed).is_none());
        assert!(open(&key, &[1; 32], j, i, b"said", &sealed).is_none());
        for other in [&b""[..], b"saie", b"said twice"] {
            assert!(open(&key, &[1; 32], i, j, other, &sealed).is_none());
        }
        for byte in 0..sealed.len() {
            let mut changed = sealed;
            changed[byte] ^= 1;
            assert!(open(&key, &[1; 32], i, j, b"said", &changed).is_none());
        }
    }

    #[test]
    fn bytes_of_shares_are_uniform() {
        // 40 shares of 32 bytes for 40 secrets: 51,200 bytes, 256 bins, 255 degrees of freedom.
        let mut bins = [0u32; 256];
        for seed in 0..40 {
            for share in shares(20, 40, 100 + seed).1 {
                for byte in share.value {
                    bins[usize::from(byte)] += 1;
                }
            }
        }
        let expected = f64::from(bins.iter().sum::<u32>()) / 256.0;
        let chi2: f64 = bins.iter().map(|b| (f64::from(*b) - expected).powi(2) / expected).sum();
        // The seed is fixed; 1e-6 and 1 - 1e-6 quantiles of chi-square with 255 degrees of freedom.
        assert!((158.0..377.0).contains(&chi2), "chi-square {chi2}");
    }
}
