//! Step 0: reading an envelope, agreeing with it, and answering with fresh keys.

use ed25519_dalek::{Signer as _, SigningKey};
use rand_core::CryptoRng;

use super::super::envelope::{Envelope, Expected, Limits};
use super::super::keys::AttemptKeys;
use super::super::messages::{Advert, Entry};
use super::super::parameters::Parameters;
use super::super::persist::{AttemptId, Persist, Reserve};
use super::super::refusal::Refusal;
use super::super::seats::Roll;
use super::super::signed::advert_bytes;
use super::super::transcript;
use super::super::wipe;
use super::super::witness::Standing;
use super::{Facts, Round};

/// An envelope that has passed every check that needs neither the query's meaning nor the ledger.
///
/// What is left to the caller before [`Proposal::accept`]: read the canonical query; work out [`Expected`] from it;
/// check that the cohort belongs to an allowed family; and let the ledger refuse a spent budget or a query id and
/// attempt that it has seen (by committing [`Reserve`]).
#[derive(Debug)]
pub struct Proposal {
    facts: Facts,
    opened: u64,
}

impl Proposal {
    /// Step 0: reads and checks an envelope for the council `council`.
    ///
    /// `now` is in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// A [`Refusal`] for the first check that fails: form, registry, signatures of coordinator and analyst, time,
    /// parameters, vector, cohort, policy.
    pub fn open(bytes: &[u8], roll: &Roll, council: &str, limits: &Limits, now: u64) -> Result<Self, Refusal> {
        let envelope = Envelope::decode(bytes)?;
        let (parameters, signatories) = envelope.check(roll, now)?;
        envelope.check_open(now)?;
        let me = envelope.seat(council).ok_or_else(|| Refusal::NotInCohort { council: council.to_owned() })?;
        envelope.check_limits(limits, &parameters)?;
        let cells = envelope.cells().ok_or(Refusal::VectorLength {
            blocks: envelope.plan.blocks,
            cells_per_block: envelope.plan.cells_per_block,
        })?;
        let facts = Facts { t0: transcript::t0(bytes), envelope, parameters, signatories, me, cells };
        Ok(Self { facts, opened: now })
    }

    /// The envelope, for the caller's own checks.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.facts.envelope
    }

    /// The numbers of the round.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.facts.parameters
    }

    /// Query id, attempt and `T0`.
    #[must_use]
    pub const fn attempt(&self) -> AttemptId {
        self.facts.attempt()
    }

    /// Compares the envelope with the node's own reading of the query: the last check before the ledger is asked.
    ///
    /// # Errors
    /// [`Refusal::LayoutDiffers`], [`Refusal::MechanismDiffers`], [`Refusal::SensitivityDiffers`] or
    /// [`Refusal::PriceUnderstated`] when the node reads the query differently; [`Refusal::OwnKeyDiffers`] when the
    /// registry does not hold the key it signs with.
    pub fn agree(self, expected: &Expected, signing: &SigningKey) -> Result<Agreed, Refusal> {
        let Self { facts, opened } = self;
        facts.envelope.check_expected(expected)?;
        if facts.signatories.get(facts.me.at()) != Some(&signing.verifying_key()) {
            return Err(Refusal::OwnKeyDiffers { council: facts.name(facts.me) });
        }
        Ok(Agreed { facts, opened, signing: signing.clone() })
    }

    /// [`Proposal::agree`] and [`Agreed::advertise`] at once, for callers without a ledger.
    ///
    /// # Errors
    /// As [`Proposal::agree`].
    pub fn accept(
        self,
        expected: &Expected,
        signing: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<(Round, Persist<Reserve, Vec<u8>>), Refusal> {
        Ok(self.agree(expected, signing)?.advertise(Standing::default(), rng))
    }
}

/// An envelope that this node agrees with in everything but, perhaps, the price.
#[derive(Debug)]
pub struct Agreed {
    facts: Facts,
    opened: u64,
    signing: SigningKey,
}

impl Agreed {
    /// Makes fresh keys and answers step 0, with where this council's ledger stands once the price is put aside in it.
    pub fn advertise(self, ledger: Standing, rng: &mut impl CryptoRng) -> (Round, Persist<Reserve, Vec<u8>>) {
        wipe::after(|| self.join(ledger, rng))
    }

    fn join(self, ledger: Standing, rng: &mut impl CryptoRng) -> (Round, Persist<Reserve, Vec<u8>>) {
        let Self { facts, opened, signing } = self;
        let secrets = AttemptKeys::generate(rng);
        let (share_key, mask_key) = (secrets.share_public(), secrets.mask_public());
        let commitment = transcript::self_commitment(&facts.t0, facts.me, secrets.self_seed.expose());
        let mut entry = Entry { seat: facts.me, share_key, mask_key, commitment, ledger, signature: [0; 64] };
        entry.signature = signing.sign(&advert_bytes(&facts.t0, &entry)).to_bytes();
        let advert = Advert { t0: facts.t0, entry: entry.clone() }.encode();
        let round = Round {
            facts,
            signing,
            entry,
            advert,
            secrets: Some(secrets),
            shared: None,
            masked: None,
            consented: None,
            unmasked: None,
            given_up: None,
            answered: opened,
        };
        let first = round.advert();
        (round, first)
    }
}
