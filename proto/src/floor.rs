//! The national floor: the least protection that every council's policy must keep, signed by the federation's authority.
//!
//! This module carries the floor's text and says whether the authority signed it. What the text means, and that a council may tighten it
//! and never loosen it, is the node's policy to decide.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::governance::{self, Canonical, GovernanceKey, digest, hex_array, is_whole, moment_text, sign};
use crate::identity::Federation;

/// The longest floor, in bytes.
pub const MAX_LENGTH: usize = 64 << 10;

const DOMAIN: &str = "folkmoot/floor/1";

/// Why a floor is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not signed by the pinned key.
    #[error("the national floor is not what the authority signed")]
    Unsigned(#[source] governance::Error),
    /// A form we do not know.
    #[error("the national floor has the form `{0}`, this program knows `{DOMAIN}`: update it")]
    Form(String),
    /// Made for another federation.
    #[error("the national floor belongs to federation {found}, this is {expected}")]
    OtherFederation {
        /// The floor's.
        found: Federation,
        /// Ours.
        expected: Federation,
    },
    /// Too long, version 0, or a date with parts of a second.
    #[error("the national floor has a bad {0}")]
    Field(&'static str),
    /// Older than the floor already held.
    #[error(
        "the national floor has version {found}, version {held} is held already: fetch the newest from the authority"
    )]
    Older {
        /// The new one's.
        found: u64,
        /// The held one's.
        held: u64,
    },
    /// Another content under a version already held.
    #[error("two different national floors carry version {0}: ask the authority which is meant")]
    Fork(u64),
}

/// A floor as it travels: text and signature, believed by nobody until [`SignedFloor::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedFloor {
    form: String,
    federation: Federation,
    version: u64,
    #[serde(with = "moment_text")]
    issued_at: Timestamp,
    policy: String,
    #[serde(with = "hex_array")]
    signed_by: [u8; 32],
    #[serde(with = "hex_array")]
    signature: [u8; 64],
}

impl SignedFloor {
    /// Signs a floor's text, TOML as in a council's policy file, with the governance key.
    ///
    /// # Errors
    /// [`Refusal::Field`] for a text above [`MAX_LENGTH`], version 0, or a date with parts of a second.
    pub fn sign(
        federation: Federation,
        version: u64,
        issued_at: Timestamp,
        policy: String,
        key: &SigningKey,
    ) -> Result<Self, Refusal> {
        let signed_by = key.verifying_key().to_bytes();
        let form = DOMAIN.to_owned();
        let mut floor = Self { form, federation, version, issued_at, policy, signed_by, signature: [0; 64] };
        floor.check_fields()?;
        floor.signature = sign(key, &floor.canonical());
        Ok(floor)
    }

    /// Checks form, federation and signature.
    ///
    /// **Guarantee**: what comes back was signed under `pinned`, byte for byte, for `federation`.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify(&self, pinned: &GovernanceKey, federation: &Federation) -> Result<VerifiedFloor, Refusal> {
        if self.form != DOMAIN {
            return Err(Refusal::Form(self.form.chars().take(60).flat_map(char::escape_debug).collect()));
        }
        self.check_fields()?;
        let canonical = self.canonical();
        pinned.check(&canonical, &self.signed_by, &self.signature).map_err(Refusal::Unsigned)?;
        if &self.federation != federation {
            return Err(Refusal::OtherFederation { found: self.federation.clone(), expected: federation.clone() });
        }
        Ok(VerifiedFloor {
            version: self.version,
            issued_at: self.issued_at,
            policy: self.policy.clone(),
            hash: digest(&canonical),
        })
    }

    fn check_fields(&self) -> Result<(), Refusal> {
        if self.policy.len() > MAX_LENGTH {
            return Err(Refusal::Field("length: at most 64 KiB are allowed"));
        }
        if self.version == 0 {
            return Err(Refusal::Field("version: it starts at 1"));
        }
        if !is_whole(self.issued_at) {
            return Err(Refusal::Field("date of issue: whole seconds are expected"));
        }
        Ok(())
    }

    fn canonical(&self) -> Vec<u8> {
        let mut to = Canonical::new(DOMAIN);
        to.text(self.federation.as_str()).number(self.version).moment(self.issued_at).text(&self.policy);
        to.finish()
    }
}

/// A floor that the pinned governance key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFloor {
    version: u64,
    issued_at: Timestamp,
    policy: String,
    hash: [u8; 32],
}

impl VerifiedFloor {
    /// Counts up with each floor that the authority signs.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was signed.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// The text, TOML as in a council's policy file.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// SHA-256 of the canonical bytes, for ledger and audit.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Checks that taking this floor in place of one of version `held` and hash `hash` does not go back in time.
    ///
    /// # Errors
    /// [`Refusal::Older`] for a lower version; [`Refusal::Fork`] for the same version with another content.
    pub fn follows(&self, held: u64, hash: &[u8; 32]) -> Result<(), Refusal> {
        if self.version < held {
            return Err(Refusal::Older { found: self.version, held });
        }
        if self.version == held && &self.hash != hash {
            return Err(Refusal::Fork(self.version));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn england() -> Federation {
        Federation::parse("england").unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[99; 32])
    }

    fn floor(version: u64, policy: &str) -> Result<SignedFloor, Refusal> {
        SignedFloor::sign(england(), version, "2026-06-30T12:00:00Z".parse().unwrap(), policy.to_owned(), &key())
    }

    #[test]
    fn what_the_authority_signs_verifies() {
        let signed = floor(2, "min_cohort = 10\n").unwrap();
        let read: SignedFloor = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        let verified = read.verify(&GovernanceKey::of(&key()), &england()).unwrap();
        assert_eq!((verified.version(), verified.policy()), (2, "min_cohort = 10\n"));
    }

    #[test]
    fn nothing_can_be_changed() {
        let pinned = GovernanceKey::of(&key());
        for change in [
            (|floor| floor.policy = "min_cohort = 1\n".into()) as fn(&mut SignedFloor),
            |floor| floor.policy.push('\n'),
            |floor| floor.version = 3,
            |floor| floor.federation = Federation::parse("other").unwrap(),
            |floor| floor.issued_at = "2026-07-30T12:00:00Z".parse().unwrap(),
            |floor| floor.signature[0] ^= 1,
        ] {
            let mut changed = floor(2, "min_cohort = 10\n").unwrap();
            change(&mut changed);
            assert_eq!(changed.verify(&pinned, &england()), Err(Refusal::Unsigned(governance::Error::Signature)));
        }
        let other = GovernanceKey::of(&SigningKey::from_bytes(&[1; 32]));
        assert!(matches!(
            floor(2, "").unwrap().verify(&other, &england()),
            Err(Refusal::Unsigned(governance::Error::OtherKey { .. }))
        ));
        let elsewhere = Federation::parse("other").unwrap();
        assert!(matches!(floor(2, "").unwrap().verify(&pinned, &elsewhere), Err(Refusal::OtherFederation { .. })));
    }

    #[test]
    fn limits_hold_on_both_sides() {
        assert!(floor(0, "").is_err());
        assert!(floor(1, &"#".repeat(MAX_LENGTH)).is_ok());
        assert!(floor(1, &"#".repeat(MAX_LENGTH + 1)).is_err());
        let mut unknown = floor(1, "").unwrap();
        unknown.form = "folkmoot/floor/2".into();
        assert!(matches!(unknown.verify(&GovernanceKey::of(&key()), &england()), Err(Refusal::Form(_))));
    }

    #[test]
    fn a_floor_does_not_go_back() {
        let verify = |floor: SignedFloor| floor.verify(&GovernanceKey::of(&key()), &england()).unwrap();
        let held = verify(floor(2, "a = 1\n").unwrap());
        assert_eq!(verify(floor(1, "").unwrap()).follows(2, held.hash()), Err(Refusal::Older { found: 1, held: 2 }));
        assert_eq!(verify(floor(2, "").unwrap()).follows(2, held.hash()), Err(Refusal::Fork(2)));
        assert_eq!(verify(floor(3, "").unwrap()).follows(2, held.hash()), Ok(()));
    }
}
