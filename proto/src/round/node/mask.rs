//! Step 2: the others' shares are opened, and this council's vector is made and masked.

use ed25519_dalek::Signer as _;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::envelope::Mechanism;
use super::super::keys;
use super::super::masking::{self, Mask, Sign, pair_sign};
use super::super::messages::{Masked, Relay};
use super::super::persist::{Charge, Persist};
use super::super::refusal::{Refusal, Set, Step};
use super::super::seats::{Seat, SeatSet};
use super::super::shares::{self, SharePair};
use super::super::signed::masked_bytes;
use super::super::transcript::{self, Hash, VectorHash};
use super::super::vector::{CHUNK_CELLS, MaskedVector};
use super::super::wipe;
use super::super::witness::{self, Seen, Statement};
use super::{Answer, Contribution, MaskedState, Round, Shared, request_hash};
use crate::ring;

impl Round {
    /// Step 2: opens the shares, draws noise, reads counts, and masks their sum.
    ///
    /// The counts are asked for only after every check has passed and the noise is drawn.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; `U2` not within `U1`, without this node or too small; sealed shares
    /// that do not open, or statements of peers that put this council's ledger in doubt (the round is then given up); a
    /// contribution that fails, has another length or is out of range; or another relay than the one already answered.
    pub fn mask<S: Contribution>(
        &mut self,
        relay: &[u8],
        now: u64,
        source: &mut S,
    ) -> Result<Persist<Charge, MaskedVector>, Refusal> {
        wipe::after(|| self.contribute(relay, now, source))
    }

    fn contribute<S: Contribution>(
        &mut self,
        relay: &[u8],
        now: u64,
        source: &mut S,
    ) -> Result<Persist<Charge, MaskedVector>, Refusal> {
        self.alive(now)?;
        let request = request_hash(relay);
        if let Some(masked) = &self.masked {
            let vector = masked.answer.again(request, Step::Mask)?;
            return Ok(self.charge(masked.t2, vector));
        }
        let Some(shared) = self.shared.as_ref() else {
            return Err(Refusal::OutOfOrder { asked: Step::Mask, missing: Step::Share });
        };
        let relay = Relay::decode(relay)?;
        self.check_relay(shared, &relay)?;
        let opened = match self.open_pairs(shared, &relay) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.give_up(refusal.code());
                return Err(refusal);
            }
        };
        let seen: Vec<Seen> =
            relay.statements.iter().map(|s| Seen { by: self.facts.name(s.seat), advert: s.advert.clone() }).collect();
        if let Err(error) = source.witnessed(&seen) {
            let refusal = Refusal::Witnessed(Box::new(error));
            self.give_up(refusal.code());
            return Err(refusal);
        }
        let t2 = transcript::t2(&shared.t1, &relay.sharers);
        let masks = self.masks(shared, &relay.sharers, &t2)?;

        let mut elements = self.contribution(source)?;
        masking::apply(&masks, &mut elements, 0);

        let vector = self.announce(&t2, elements);
        let mut held = opened;
        if let Some(own) = self.shared.as_mut().and_then(|s| s.own_pair.take()) {
            held.insert(self.facts.me, own);
        }
        // From here on only the shares of others and of oneself are needed.
        self.secrets = None;
        if let Some(shared) = self.shared.as_mut() {
            shared.opening.clear();
        }
        self.answered = now;
        self.masked =
            Some(MaskedState { answer: Answer { request, reply: vector.clone() }, t2, sharers: relay.sharers, held });
        Ok(self.charge(t2, vector))
    }

    fn check_relay(&self, shared: &Shared, relay: &Relay) -> Result<(), Refusal> {
        if relay.t1 != shared.t1 {
            return Err(Refusal::OtherTranscript { step: Step::Mask });
        }
        let advertised: SeatSet = shared.entries.iter().map(|e| e.seat).collect();
        if !relay.sharers.is_subset(&advertised) || !relay.sharers.contains(self.facts.me) {
            return Err(Refusal::NotASubset { set: Set::Sharers });
        }
        self.facts.enough(Set::Sharers, relay.sharers.len())?;
        if relay.pairs.len() + 1 != relay.sharers.len() {
            return Err(Refusal::PairCount);
        }
        let of_a_dealer = |s: &Statement| s.seat != self.facts.me && relay.sharers.contains(s.seat);
        if !witness::in_order(&relay.statements) || !relay.statements.iter().all(of_a_dealer) {
            return Err(Refusal::Statements);
        }
        Ok(())
    }

    fn open_pairs(&self, shared: &Shared, relay: &Relay) -> Result<BTreeMap<Seat, SharePair>, Refusal> {
        let me = self.facts.me;
        let dealers = relay.sharers.iter().filter(|s| *s != me);
        dealers
            .zip(&relay.pairs)
            .map(|(dealer, sealed)| {
                shared
                    .opening
                    .get(&dealer)
                    .and_then(|key| {
                        shares::open(key, &shared.t1, dealer, me, &witness::bound(&relay.statements, dealer), sealed)
                    })
                    .map(|pair| (dealer, pair))
                    .ok_or_else(|| Refusal::PairUnreadable { council: self.facts.name(dealer) })
            })
            .collect()
    }

    fn masks(&self, shared: &Shared, sharers: &SeatSet, t2: &Hash) -> Result<Vec<Mask>, Refusal> {
        let secrets =
            self.secrets.as_ref().ok_or(Refusal::OutOfOrder { asked: Step::Mask, missing: Step::Advertise })?;
        let me = self.facts.me;
        let mut masks = vec![Mask { key: keys::self_mask(&secrets.self_seed, t2), sign: Sign::Plus }];
        let peers = shared.entries.iter().filter(|e| e.seat != me && sharers.contains(e.seat));
        for entry in peers {
            let agreement = secrets.agree_mask(&entry.mask_key).ok_or_else(|| self.unsound(entry.seat))?;
            masks.push(Mask { key: agreement.pair_mask(t2, me, entry.seat), sign: pair_sign(me, entry.seat) });
        }
        Ok(masks)
    }

    /// `g * x + noise` as ring elements.
    fn contribution<S: Contribution>(&self, source: &mut S) -> Result<Vec<u64>, Refusal> {
        let cells = self.facts.cells as usize;
        let plan = &self.facts.envelope.plan;
        let headroom = self.facts.envelope.headroom();
        let failed = |e: S::Error| Refusal::Contribution(Box::new(e));

        let noise = match plan.mechanism {
            Mechanism::DiscreteGaussian => Some(source.noise(cells).map_err(failed)?),
            Mechanism::Exact => None,
        };
        let counts = source.scaled_counts(cells).map_err(failed)?;
        if counts.len() != cells || noise.as_ref().is_some_and(|n| n.len() != cells) {
            return Err(Refusal::ContributionLength);
        }
        let most = u128::from(plan.grid) * u128::from(plan.max_cell);
        let on_grid = |c: &i64| u128::from(c.unsigned_abs()) <= most && c.unsigned_abs().is_multiple_of(plan.grid);
        let share_bound = headroom.share_bound().unsigned_abs();
        let in_reach = |z: &i64| z.unsigned_abs() <= share_bound;
        if !counts.iter().all(on_grid) || !noise.iter().all(|n| n.iter().all(in_reach)) {
            return Err(Refusal::ContributionRange);
        }
        let mut elements: Vec<u64> = counts.iter().map(|c| ring::from_signed(*c)).collect();
        if let Some(noise) = &noise {
            for (element, z) in elements.iter_mut().zip(noise.iter()) {
                *element = element.wrapping_add(ring::from_signed(*z));
            }
        }
        Ok(elements)
    }

    fn announce(&self, t2: &Hash, elements: Vec<u64>) -> MaskedVector {
        let me = self.facts.me;
        let mut hasher = VectorHash::new(t2, me, self.facts.cells);
        for part in elements.chunks(CHUNK_CELLS) {
            hasher.update(&ring::to_bytes(part));
        }
        let digest = hasher.finish();
        let header = Masked {
            t2: *t2,
            seat: me,
            cells: self.facts.cells,
            digest,
            signature: self.signing.sign(&masked_bytes(t2, me, &digest)).to_bytes(),
        };
        MaskedVector { header: header.encode(), elements: Arc::new(elements) }
    }

    fn charge(&self, t2: Hash, vector: MaskedVector) -> Persist<Charge, MaskedVector> {
        let digest = Masked::decode(&vector.header).map_or([0; 32], |m| m.digest);
        Persist::new(
            Charge { attempt: self.facts.attempt(), rho_nano: self.facts.envelope.plan.rho_nano, t2, digest },
            vector,
        )
    }
}
