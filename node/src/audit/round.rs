//! Whether the record of a round stands, and what this node's own log says of the same round.
//!
//! What is believed is the authority alone: the pinned governance key, for the membership registry in the file, and the
//! federation's roots, for the certificates of coordinator and analyst.

use std::io::Read;

use ed25519_dalek::VerifyingKey;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::{Federation, Role};
use folkmoot_proto::registry::{SignedRegistry, VerifiedRegistry};
use folkmoot_proto::round::audit::{Report, Transcript};
use folkmoot_proto::round::record::{self, Head, Record};
use folkmoot_proto::round::{Envelope, Roll, Signatory};
use folkmoot_runtime::tls::Trust;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::{Action, Book, Error, Record as Body};

/// Whose word counts.
#[derive(Debug)]
pub struct Believed {
    /// Roots and revocation lists.
    pub trust: Trust,
    /// The key that the membership registry must be signed with.
    pub governance: GovernanceKey,
    /// Whose members these must be.
    pub federation: Federation,
}

/// Why there is no sound round.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// The file could not be read: nothing is said about the round.
    #[error("reading the record of the round")]
    Unreadable(#[source] std::io::Error),
    /// The registry in the file does not read.
    #[error("the membership registry in the file does not read")]
    Registry(#[source] serde_json::Error),
    /// The registry in the file is not the authority's.
    #[error("the membership registry in the file is not believed")]
    Members(#[source] folkmoot_proto::registry::Refusal),
    /// A certificate is not believed.
    #[error("the {who}'s certificate is not believed: {refusal}")]
    Certificate {
        /// Coordinator or analyst.
        who: &'static str,
        /// Why, in words.
        refusal: String,
    },
    /// A key cannot stand on the roll.
    #[error("a signing key is not usable")]
    Key(#[from] folkmoot_proto::round::RollError),
    /// The record itself.
    #[error(transparent)]
    Record(record::Error),
}

impl From<record::Error> for Failed {
    fn from(error: record::Error) -> Self {
        match error {
            record::Error::Read(source) => Self::Unreadable(source),
            other => Self::Record(other),
        }
    }
}

/// A round that stands.
#[derive(Debug)]
pub struct Checked {
    /// Who took part, numbers and hashes.
    pub report: Report,
    /// The members that the round was run among.
    pub registry: VerifiedRegistry,
    /// SHA-256 of the transcript, as the release's manifest names it.
    pub transcript: [u8; 32],
}

impl Believed {
    /// Checks a record from its first byte to its last; `seen` is told how many masked vectors are done, of how many.
    ///
    /// # Errors
    /// The first thing that does not hold, or [`Failed::Unreadable`].
    pub fn check(&self, from: impl Read, seen: impl FnMut(usize, usize)) -> Result<Checked, Failed> {
        let record = Record::open(from)?;
        let head = record.head();
        let envelope = Transcript::decode(&head.transcript)
            .and_then(|transcript| Envelope::decode(&transcript.envelope))
            .map_err(record::Error::from)?;
        let signed: SignedRegistry = serde_json::from_slice(&head.registry).map_err(Failed::Registry)?;
        let registry = signed.verify(&self.governance, &self.federation).map_err(Failed::Members)?;
        let roll = self.roll(head, &envelope, &registry)?;
        let transcript = Sha256::digest(&head.transcript).into();
        Ok(Checked { report: record.check(&roll, seen)?, registry, transcript })
    }

    /// Everybody whose signature counts: councils by the registry, coordinator and analyst by their certificates, each under
    /// the identity that its own certificate states.
    fn roll(&self, head: &Head, envelope: &Envelope, registry: &VerifiedRegistry) -> Result<Roll, Failed> {
        let mut roll = Roll::from_registry(registry)?;
        let (identity, key) = self.signer("coordinator", &head.coordinator, &[Role::Coordinator], envelope)?;
        roll.add_coordinator(&identity, key)?;
        let roles = [Role::NationalAnalyst, Role::IcbAnalyst];
        let (identity, key) = self.signer("analyst", &head.analyst, &roles, envelope)?;
        roll.add_analyst(&identity, key)?;
        Ok(roll)
    }

    /// A certificate believed at the first or at the last second of the round: it may be younger than the minute by which
    /// a round's time begins early.
    fn signer(
        &self,
        who: &'static str,
        chain: &[Vec<u8>],
        roles: &[Role],
        envelope: &Envelope,
    ) -> Result<(String, Signatory), Failed> {
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let at = |second| self.trust.verify_signer(&chain, roles, moment(second).unwrap_or(Timestamp::MAX));
        let unbelieved = |refusal: String| Failed::Certificate { who, refusal };
        let signer = at(envelope.not_before)
            .or_else(|_| at(envelope.expiry.saturating_sub(1)))
            .map_err(|refusal| unbelieved(refusal.to_string()))?;
        let key = VerifyingKey::from_bytes(&signer.public_key)
            .map_err(|_| unbelieved("its key is no Ed25519 key".to_owned()))?;
        // When it counts was asked of the certificate a moment ago.
        Ok((signer.identity.to_string(), Signatory { key, valid_from: 0, valid_to: u64::MAX }))
    }
}

/// A second of the protocol as a moment, when there is one.
pub fn moment(second: u64) -> Option<Timestamp> {
    i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok())
}

/// How a sound record and this node's own log go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// The council is not in the cohort.
    NotAsked,
    /// It was asked, its vector is not in the sum, and its log does not say otherwise.
    Outside,
    /// Its vector is in the sum and the log says so.
    Agrees {
        /// Entry with the masked vector that left.
        vector: u64,
        /// Entry with the signature over the same remaining councils; none when the round went on without it.
        survivors: Option<u64>,
    },
    /// Its vector is in the sum, and the log has none that left.
    NeverLeft,
    /// The log signs these remaining councils, and the record leaves this one out.
    LeftOut {
        /// The entry.
        survivors: u64,
    },
}

impl Own {
    /// Whether record and log say the same.
    pub const fn agrees(&self) -> bool {
        !matches!(self, Self::NeverLeft | Self::LeftOut { .. })
    }
}

impl Book {
    /// What this log says of a round that stands.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn compare(&self, council: &str, report: &Report) -> Result<Own, Error> {
        let place = report.councils.iter().position(|code| code == council);
        let digest = place.and_then(|place| report.vectors.get(place));
        // The log holds the digest of what left; what leaves at that step is named by the vector's own hash.
        let vector = digest.map(|digest| hex::encode(Sha256::digest(digest)));
        let list = hex::encode(report.t3);
        let (mut left, mut signed) = (None, None);
        self.entries(1, |entry| {
            let Ok(body) = serde_json::from_str::<Body>(&entry.body) else { return Ok(()) };
            match body.action {
                Action::Masked if body.left.is_some() && body.left == vector => left = Some(entry.number),
                Action::SurvivorsSigned if body.left.as_ref() == Some(&list) => signed = Some(entry.number),
                _ => {}
            }
            Ok(())
        })?;
        let asked = report.envelope.cohort.iter().any(|code| code == council);
        Ok(match (place, left, signed) {
            (Some(_), Some(vector), survivors) => Own::Agrees { vector, survivors },
            (Some(_), None, _) => Own::NeverLeft,
            (None, _, Some(survivors)) => Own::LeftOut { survivors },
            (None, _, None) if asked => Own::Outside,
            (None, _, None) => Own::NotAsked,
        })
    }
}
