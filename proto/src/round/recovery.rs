//! Undoing the masks of a sum: secrets from shares, masks from secrets, on all cores.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::keys::{self, Secret};
use super::masking::{self, Mask, Sign, pair_sign};
use super::messages::{Entry, Revealed};
use super::seats::{Seat, SeatSet};
use super::shares::{self, Share};
use super::transcript::{self, Hash};

/// Elements of the vector that one task works on: each core stays within its own cache, and no core needs a second
/// vector.
const STRIP: usize = 1 << 13;

/// What is known when the masks are to be undone.
pub(super) struct Case<'a> {
    pub(super) t0: Hash,
    pub(super) t2: Hash,
    pub(super) threshold: usize,
    pub(super) entries: &'a BTreeMap<Seat, Entry>,
    pub(super) survivors: SeatSet,
    pub(super) dropped: SeatSet,
    pub(super) revealed: &'a BTreeMap<Seat, Revealed>,
}

/// The secrets that open: never both of one council.
pub(super) struct Secrets {
    /// Self-mask seeds of the survivors, ascending.
    pub(super) self_seeds: Vec<(Seat, Secret)>,
    /// Mask keys of those that dropped out, ascending.
    pub(super) mask_keys: Vec<(Seat, Secret)>,
    /// Who gave wrong shares.
    pub(super) wrong: SeatSet,
}

impl Case<'_> {
    /// Puts every secret together and checks it against what its owner signed at step 0.
    ///
    /// # Errors
    /// The seat of a council whose secret cannot be put together.
    pub(super) fn secrets(&self) -> Result<Secrets, Seat> {
        let mut wrong = SeatSet::new();
        let survivors: Vec<Seat> = self.survivors.iter().collect();
        let dropped: Vec<Seat> = self.dropped.iter().collect();
        let self_seeds = self.all(
            &survivors,
            &mut wrong,
            |r| &r.self_shares,
            |seat, secret| {
                self.entries
                    .get(&seat)
                    .is_some_and(|e| transcript::self_commitment(&self.t0, seat, secret.expose()) == e.commitment)
            },
        )?;
        let mask_keys = self.all(
            &dropped,
            &mut wrong,
            |r| &r.key_shares,
            |seat, secret| self.entries.get(&seat).is_some_and(|e| keys::public_of(secret) == e.mask_key),
        )?;
        Ok(Secrets { self_seeds, mask_keys, wrong })
    }

    /// The secrets of `owners`: first all at once from the first shares; then, one by one, those for which a share was
    /// wrong, so that what is learnt about wrong holders serves the next.
    fn all(
        &self,
        owners: &[Seat],
        wrong: &mut SeatSet,
        shares_of: impl Fn(&Revealed) -> &Vec<[u8; 32]> + Sync,
        check: impl Fn(Seat, &Secret) -> bool + Sync,
    ) -> Result<Vec<(Seat, Secret)>, Seat> {
        let first: Vec<Option<Secret>> = owners
            .par_iter()
            .enumerate()
            .map(|(place, owner)| {
                let shares = self.shares(place, &shares_of, wrong);
                let first = shares.get(..self.threshold)?;
                shares::recover(first, self.threshold, |s| check(*owner, s)).map(|r| r.secret)
            })
            .collect();
        owners
            .iter()
            .zip(first)
            .enumerate()
            .map(|(place, (owner, secret))| {
                if let Some(secret) = secret {
                    return Ok((*owner, secret));
                }
                let shares = self.shares(place, &shares_of, wrong);
                let found = shares::recover(&shares, self.threshold, |s| check(*owner, s)).ok_or(*owner)?;
                for x in found.wrong {
                    if let Some(seat) = self.seat_at(x) {
                        wrong.insert(seat);
                    }
                }
                Ok((*owner, found.secret))
            })
            .collect()
    }

    /// The shares of the secret at `place`, those of holders known to be wrong left out as long as enough remain.
    fn shares(&self, place: usize, shares_of: impl Fn(&Revealed) -> &Vec<[u8; 32]>, wrong: &SeatSet) -> Vec<Share> {
        let from = |trusted: bool| {
            self.revealed.iter().filter(move |(seat, _)| wrong.contains(**seat) != trusted).filter_map(
                |(seat, revealed)| Some(Share { x: self.coordinate(*seat)?, value: *shares_of(revealed).get(place)? }),
            )
        };
        let mut shares: Vec<Share> = from(true).collect();
        if shares.len() < self.threshold {
            shares.extend(from(false));
        }
        shares
    }

    /// Rank in `U1` plus one.
    fn coordinate(&self, seat: Seat) -> Option<u8> {
        u8::try_from(self.entries.range(..seat).count() + 1).ok()
    }

    fn seat_at(&self, x: u8) -> Option<Seat> {
        self.entries.keys().nth(usize::from(x).checked_sub(1)?).copied()
    }

    /// Every mask that is still in the sum, with the sign that takes it out: the survivors' self masks, and the pair
    /// masks between survivors and those that dropped out.
    ///
    /// # Errors
    /// The seat of a council whose key gives no agreement; ruled out by the checks at step 0.
    pub(super) fn masks_to_undo(&self, secrets: &Secrets) -> Result<Vec<Mask>, Seat> {
        let mut masks: Vec<Mask> = secrets
            .self_seeds
            .iter()
            .map(|(_, seed)| Mask { key: keys::self_mask(seed, &self.t2), sign: Sign::Minus })
            .collect();
        let survivors: Vec<Seat> = self.survivors.iter().collect();
        let pairs: Vec<Mask> = secrets
            .mask_keys
            .par_iter()
            .flat_map_iter(|(gone, secret)| survivors.iter().map(move |s| (*gone, secret, *s)))
            .map(|(gone, secret, survivor)| {
                let peer = self.entries.get(&survivor).ok_or(survivor)?;
                let agreement = keys::agree_recovered(secret, &peer.mask_key).ok_or(survivor)?;
                Ok(Mask { key: agreement.pair_mask(&self.t2, gone, survivor), sign: pair_sign(survivor, gone).flip() })
            })
            .collect::<Result<_, Seat>>()?;
        masks.extend(pairs);
        Ok(masks)
    }
}

/// Takes the masks out of the sum.
pub(super) fn undo(masks: &[Mask], sum: &mut [u64]) {
    sum.par_chunks_mut(STRIP).enumerate().for_each(|(at, strip)| masking::apply(masks, strip, at * STRIP));
}
