//! Step 1: everybody's keys are checked, and this council's two secrets are split among the others.

use ed25519_dalek::Signer as _;
use rand_core::CryptoRng;
use std::collections::BTreeMap;

use super::super::envelope::verifies;
use super::super::messages::{Advert, Entry, Roster, Sealed};
use super::super::refusal::{Refusal, Set, Step};
use super::super::seats::Seat;
use super::super::shares;
use super::super::signed::{advert_bytes, sealed_bytes, sealed_digest};
use super::super::transcript::{self, Hash};
use super::super::wipe;
use super::super::witness::{self, MOST_STATEMENTS, Peer, Statement};
use super::{Answer, Round, Shared, request_hash};

impl Round {
    /// Step 1 of a node that keeps no heads of others' ledgers: see [`Round::share_as_witness`].
    ///
    /// # Errors
    /// As there.
    pub fn share(&mut self, roster: &[u8], now: u64, rng: &mut impl CryptoRng) -> Result<Vec<u8>, Refusal> {
        self.share_as_witness(roster, now, rng, |_| Ok(Vec::new()))
    }

    /// Step 1: checks everybody's keys, splits this node's two secrets, seals a pair for each other member of `U1`.
    ///
    /// Once every key and head is known to be signed by its council, `witness` is asked for what was kept of these councils
    /// in rounds before (statements by seat in this round), and may keep the new ones. It is asked once: a repeated roster
    /// gets the stored answer.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; seats not distinct; too few; a key that is not signed by its council,
    /// repeated or unsound; this node's own entry changed; a witness that cannot read or keep heads; or another roster than
    /// the one already answered.
    pub fn share_as_witness(
        &mut self,
        roster: &[u8],
        now: u64,
        rng: &mut impl CryptoRng,
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<u8>, Refusal> {
        wipe::after(|| self.deal(roster, now, rng, witness))
    }

    fn deal(
        &mut self,
        roster: &[u8],
        now: u64,
        rng: &mut impl CryptoRng,
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<u8>, Refusal> {
        self.alive(now)?;
        let request = request_hash(roster);
        if let Some(shared) = &self.shared {
            return shared.answer.again(request, Step::Share);
        }
        let secrets =
            self.secrets.as_ref().ok_or(Refusal::OutOfOrder { asked: Step::Share, missing: Step::Advertise })?;
        let Roster { t0, entries } = Roster::decode(roster)?;
        self.check_roster(&t0, &entries)?;
        let statements = self.statements(&entries, witness)?;

        let t1 = transcript::t1(&self.facts.t0, &entries);
        let me = self.facts.me;
        let pairs = shares::split(
            &secrets.self_seed,
            secrets.mask_secret(),
            usize::from(self.facts.parameters.threshold()),
            entries.len(),
            rng,
        )
        .map_err(Refusal::Split)?;
        let mut sealed = Vec::with_capacity(entries.len());
        let mut opening = BTreeMap::new();
        let mut own_pair = None;
        for (entry, pair) in entries.iter().zip(pairs) {
            if entry.seat == me {
                own_pair = Some(pair);
                continue;
            }
            // One agreement serves both directions.
            let agreement = secrets.agree_share(&entry.share_key).ok_or_else(|| self.unsound(entry.seat))?;
            let key = agreement.share_key(&t1, me, entry.seat);
            sealed.push(shares::seal(&key, &t1, me, entry.seat, &witness::bound(&statements, entry.seat), &pair));
            opening.insert(entry.seat, agreement.share_key(&t1, entry.seat, me));
        }
        let digest = sealed_digest(&sealed, &statements);
        let signature = self.signing.sign(&sealed_bytes(&t1, me, &digest)).to_bytes();
        let reply = Sealed { t1, seat: me, pairs: sealed, statements, signature }.encode();
        self.answered = now;
        self.shared = Some(Shared { answer: Answer { request, reply: reply.clone() }, t1, entries, opening, own_pair });
        Ok(reply)
    }

    /// What this node has kept of the others' ledgers, in its one order.
    fn statements(
        &self,
        entries: &[Entry],
        witness: impl FnOnce(&[Peer<'_>]) -> Result<Vec<Statement>, Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Vec<Statement>, Refusal> {
        let others = entries.iter().filter(|e| e.seat != self.facts.me);
        let peers: Vec<Peer<'_>> = others
            .filter_map(|e| {
                let council = self.facts.envelope.council(e.seat)?;
                let key = self.facts.signatories.get(e.seat.at())?;
                Some(Peer { council, seat: e.seat, key, advert: Advert { t0: self.facts.t0, entry: e.clone() } })
            })
            .collect();
        let mut said = witness(&peers).map_err(Refusal::Witness)?;
        said.retain(|s| peers.iter().any(|p| p.seat == s.seat));
        said.sort_unstable_by_key(Statement::place);
        said.dedup_by_key(|s| s.place());
        said.truncate(MOST_STATEMENTS);
        Ok(said)
    }

    pub(super) fn unsound(&self, seat: Seat) -> Refusal {
        Refusal::UnsoundKey { council: self.facts.name(seat) }
    }

    fn check_roster(&self, t0: &Hash, entries: &[Entry]) -> Result<(), Refusal> {
        if *t0 != self.facts.t0 {
            return Err(Refusal::OtherTranscript { step: Step::Share });
        }
        let in_cohort = |e: &Entry| e.seat.at() < self.facts.signatories.len();
        if !entries.is_sorted_by(|a, b| a.seat < b.seat) || !entries.iter().all(in_cohort) {
            return Err(Refusal::Seats { step: Step::Share });
        }
        self.facts.enough(Set::Advertised, entries.len())?;
        if entries.iter().find(|e| e.seat == self.facts.me) != Some(&self.entry) {
            return Err(Refusal::OwnEntry);
        }
        let mut seen = Vec::with_capacity(2 * entries.len());
        for entry in entries {
            for key in [&entry.share_key, &entry.mask_key] {
                if seen.contains(&key) {
                    return Err(Refusal::RepeatedKey { council: self.facts.name(entry.seat) });
                }
                seen.push(key);
            }
            if entry.seat != self.facts.me {
                self.check_entry(entry)?;
            }
        }
        Ok(())
    }

    fn check_entry(&self, entry: &Entry) -> Result<(), Refusal> {
        let signed = advert_bytes(&self.facts.t0, entry);
        if !verifies(&self.facts.signatories[entry.seat.at()], &signed, &entry.signature) {
            return Err(Refusal::KeySignature { council: self.facts.name(entry.seat) });
        }
        // Small order is refused where the agreement is made; here only the second encoding.
        if (entry.share_key[31] | entry.mask_key[31]) & 0x80 != 0 {
            return Err(self.unsound(entry.seat));
        }
        Ok(())
    }
}
