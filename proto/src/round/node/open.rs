//! Steps 3 and 4: this council signs who is in the sum, once, and then gives the shares that open it.

use ed25519_dalek::Signer as _;

use super::super::envelope::verifies;
use super::super::messages::{Consent, Quorum, Revealed, Survivors};
use super::super::persist::{Persist, SurvivorsSigned, Unmasked};
use super::super::refusal::{Refusal, Set, Step};
use super::super::seats::SeatSet;
use super::super::signed::{consent_bytes, revealed_bytes};
use super::super::transcript::{self, Hash};
use super::super::wipe;
use super::{Answer, Consented, Round, request_hash};

impl Round {
    /// Step 3: signs the survivors, once.
    ///
    /// # Errors
    /// A [`Refusal`]: form; another transcript; `U3` not within `U2`, without this node or too small; or another
    /// survivor set than the one already signed.
    pub fn consent(&mut self, survivors: &[u8], now: u64) -> Result<Persist<SurvivorsSigned, Vec<u8>>, Refusal> {
        self.alive(now)?;
        let request = request_hash(survivors);
        if let Some(consented) = &self.consented {
            let reply = consented.answer.again(request, Step::Consent)?;
            return Ok(self.survivors_signed(consented, reply));
        }
        let Some(masked) = &self.masked else {
            return Err(Refusal::OutOfOrder { asked: Step::Consent, missing: Step::Mask });
        };
        let Survivors { t2, survivors } = Survivors::decode(survivors)?;
        if t2 != masked.t2 {
            return Err(Refusal::OtherTranscript { step: Step::Consent });
        }
        if !survivors.is_subset(&masked.sharers) || !survivors.contains(self.facts.me) {
            return Err(Refusal::NotASubset { set: Set::Survivors });
        }
        self.facts.enough(Set::Survivors, survivors.len())?;

        let t3 = transcript::t3(&t2, &survivors);
        let reply =
            Consent { t3, seat: self.facts.me, signature: self.signing.sign(&consent_bytes(&t3)).to_bytes() }.encode();
        let consented = Consented { answer: Answer { request, reply: reply.clone() }, t3, survivors };
        let out = self.survivors_signed(&consented, reply);
        self.answered = now;
        self.consented = Some(consented);
        Ok(out)
    }

    fn survivors_signed(&self, consented: &Consented, reply: Vec<u8>) -> Persist<SurvivorsSigned, Vec<u8>> {
        Persist::new(
            SurvivorsSigned {
                attempt: self.facts.attempt(),
                t3: consented.t3,
                survivors: consented.survivors.iter().map(|s| self.facts.name(s)).collect(),
            },
            reply,
        )
    }

    /// Step 4: with `t` signatures over the survivors this node signed, gives one share for each member of `U2`: of
    /// the self-mask seed of a survivor, of the mask key of one that dropped out. Then everything is wiped.
    ///
    /// # Errors
    /// A [`Refusal`]: form; survivors not signed yet; another transcript; too few signatures; a signature that is
    /// repeated, of someone outside the survivors, or not valid; or another quorum than the one already answered.
    pub fn unmask(&mut self, quorum: &[u8], now: u64) -> Result<Persist<Unmasked, Vec<u8>>, Refusal> {
        wipe::after(|| self.reveal(quorum, now))
    }

    fn reveal(&mut self, quorum: &[u8], now: u64) -> Result<Persist<Unmasked, Vec<u8>>, Refusal> {
        self.alive(now)?;
        let request = request_hash(quorum);
        let Some(consented) = &self.consented else {
            return Err(Refusal::OutOfOrder { asked: Step::Unmask, missing: Step::Consent });
        };
        let t3 = consented.t3;
        let survivors = consented.survivors;
        if let Some(answer) = &self.unmasked {
            let reply = answer.again(request, Step::Unmask)?;
            return Ok(self.revealed(t3, reply));
        }
        let quorum = Quorum::decode(quorum)?;
        self.check_quorum(&quorum, &t3, &survivors)?;

        let Some(masked) = self.masked.as_mut() else {
            return Err(Refusal::OutOfOrder { asked: Step::Unmask, missing: Step::Mask });
        };
        let mut self_shares = Vec::with_capacity(survivors.len());
        let mut key_shares = Vec::new();
        for (seat, pair) in std::mem::take(&mut masked.held) {
            // One or the other: the pair is consumed either way.
            if survivors.contains(seat) {
                self_shares.push(pair.into_self_share());
            } else {
                key_shares.push(pair.into_key_share());
            }
        }
        let me = self.facts.me;
        let signed = revealed_bytes(&t3, me, &self_shares, &key_shares);
        let reply =
            Revealed { t3, seat: me, self_shares, key_shares, signature: self.signing.sign(&signed).to_bytes() }
                .encode();
        self.answered = now;
        self.unmasked = Some(Answer { request, reply: reply.clone() });
        Ok(self.revealed(t3, reply))
    }

    fn check_quorum(&self, quorum: &Quorum, t3: &Hash, survivors: &SeatSet) -> Result<(), Refusal> {
        if quorum.t3 != *t3 {
            return Err(Refusal::OtherTranscript { step: Step::Unmask });
        }
        if !quorum.consents.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Refusal::Seats { step: Step::Unmask });
        }
        let need = usize::from(self.facts.parameters.threshold());
        if quorum.consents.len() < need {
            return Err(Refusal::TooFewConsents { have: quorum.consents.len(), need });
        }
        let signed = consent_bytes(t3);
        for (seat, signature) in &quorum.consents {
            if !survivors.contains(*seat) {
                return Err(Refusal::ConsentOutside { council: self.facts.name(*seat) });
            }
            if !verifies(&self.facts.signatories[seat.at()], &signed, signature) {
                return Err(Refusal::ConsentSignature { council: self.facts.name(*seat) });
            }
        }
        Ok(())
    }

    fn revealed(&self, t3: Hash, reply: Vec<u8>) -> Persist<Unmasked, Vec<u8>> {
        Persist::new(Unmasked { attempt: self.facts.attempt(), t3 }, reply)
    }
}
