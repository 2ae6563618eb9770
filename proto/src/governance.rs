//! What the federation's authority says under its governance key: the key itself, and the form of the bytes that are signed.
//!
//! The governance key belongs to the authority and never to a coordinator. Each node pins its public half, by hand, once; what is signed under it
//! ([`crate::registry`], [`crate::floor`]) can then travel by any way, the coordinator's included, without being believed for that.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why bytes are not what the governance key said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not the text form of a public key.
    #[error("`{0}` is not a governance key: 64 hexadecimal characters of an Ed25519 public key are expected")]
    Key(String),
    /// Signed under another key than the pinned one.
    #[error(
        "signed under key {found}, where {pinned} is pinned: if the authority has changed its governance key, compare the new one with it over \
         another way and pin that"
    )]
    OtherKey {
        /// The key the file says it was signed under.
        found: String,
        /// The key we pinned.
        pinned: String,
    },
    /// The signature does not fit the content.
    #[error(
        "the signature does not fit the content: the file was changed after it was signed, or is damaged; fetch it again"
    )]
    Signature,
}

/// The public half of a federation's governance key, as pinned by each node.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GovernanceKey(VerifyingKey);

impl GovernanceKey {
    /// The public half of `key`.
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// Parses 64 hexadecimal characters; surrounding blanks are dropped, since keys come from files and from hands.
    ///
    /// # Errors
    /// [`Error::Key`] if it is no point of the curve, or one of small order, under which anything verifies.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bad = || Error::Key(text.chars().take(80).flat_map(char::escape_debug).collect());
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| bad())?;
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(bad()),
        }
    }

    /// The key's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks a signature over `bytes`, and first whether it claims to be ours.
    pub(crate) fn check(&self, bytes: &[u8], signed_by: &[u8; 32], signature: &[u8; 64]) -> Result<(), Error> {
        if signed_by != self.as_bytes() {
            return Err(Error::OtherKey { found: hex::encode(signed_by), pinned: self.to_string() });
        }
        // Strict: one signature for each message and key, as small-order and non-canonical forms are refused.
        self.0.verify_strict(bytes, &Signature::from_bytes(signature)).map_err(|_| Error::Signature)
    }
}

impl fmt::Display for GovernanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for GovernanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for GovernanceKey {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for GovernanceKey {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<GovernanceKey> for String {
    fn from(key: GovernanceKey) -> Self {
        key.to_string()
    }
}

pub(crate) fn sign(key: &SigningKey, bytes: &[u8]) -> [u8; 64] {
    key.sign(bytes).to_bytes()
}

/// Canonical bytes: each text with its length before it, each number big-endian, so that no two contents give the same bytes.
pub(crate) struct Canonical(Vec<u8>);

impl Canonical {
    /// Begins with the domain, so that bytes signed for one purpose never serve another.
    pub(crate) fn new(domain: &str) -> Self {
        let mut canonical = Self(Vec::new());
        canonical.text(domain);
        canonical
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(crate) fn moment(&mut self, moment: jiff::Timestamp) -> &mut Self {
        self.0.extend_from_slice(&moment.as_second().to_be_bytes());
        self
    }

    pub(crate) fn array<const N: usize>(&mut self, bytes: &[u8; N]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

pub(crate) fn digest(canonical: &[u8]) -> [u8; 32] {
    Sha256::digest(canonical).into()
}

/// Whether a moment has no parts of a second, which the canonical bytes could not hold.
pub(crate) fn is_whole(moment: jiff::Timestamp) -> bool {
    moment.subsec_nanosecond() == 0
}

/// Fixed-length bytes as hexadecimal text in serde formats.
pub(crate) mod hex_array {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(from)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| D::Error::custom(format!("{} hexadecimal characters are expected", 2 * N)))?;
        Ok(bytes)
    }
}

/// Moments as RFC 3339 text in serde formats.
pub(crate) mod moment_text {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(moment)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom("a moment such as 2026-06-30T12:00:00Z is expected"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_and_parse_back_and_weak_ones_are_refused() {
        let key = GovernanceKey::of(&SigningKey::from_bytes(&[7; 32]));
        assert_eq!(GovernanceKey::parse(&format!(" {key}\n")).unwrap(), key);
        // The neutral element, under which a made-up signature verifies for any message.
        let mut weak = [0; 32];
        weak[0] = 1;
        for bad in ["", "zz", &"ab".repeat(31), &hex::encode(weak), &hex::encode([0; 32])] {
            assert!(GovernanceKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn where_one_text_ends_and_the_next_begins_is_part_of_the_bytes() {
        let bytes = |a: &str, b: &str| {
            let mut canonical = Canonical::new("test");
            canonical.text(a).text(b);
            canonical.finish()
        };
        assert_ne!(bytes("ab", "c"), bytes("a", "bc"));
    }
}
