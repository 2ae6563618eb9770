//! A query with who asks it, why and until when: what an analyst signs and a council decides on.
//!
//! ```text
//! Query + analyst, purpose, lawful basis, expiry --Question::new--> Question --statement()--> bytes
//! statement                                        --analyst's key-->      analyst signature
//! statement digest + analyst signature             --coordinator's key-->  coordinator signature
//! ```
//!
//! A council believes a question when both signatures hold, the certificates behind them lead to its root, the first
//! belongs to the analyst named and the second to a coordinator. The certificates are the caller's business; the
//! signatures are checked here.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::identity::{Identity, Role};
use crate::ids::QueryId;
use crate::query::{self, Canonical, Query};
use crate::reason::{Reason, Refusal};
use crate::text::is_unseen;
use crate::wire::v1 as wire;

/// Domain of what an analyst signs.
pub const ANALYST_DOMAIN: &str = "folkmoot/question/1";

/// Domain of what a coordinator signs.
pub const COORDINATOR_DOMAIN: &str = "folkmoot/question/coordinator/1";

/// The longest purpose, in characters.
pub const MAX_PURPOSE: usize = 500;

/// The longest lawful basis, in characters.
pub const MAX_BASIS: usize = 200;

/// The furthest that a question's expiry may lie ahead, in seconds: 31 days, so that a forgotten question dies.
pub const MAX_VALIDITY_S: i64 = 31 * 24 * 3600;

/// The most certificates in a chain that travels with a signature.
pub const MAX_CHAIN: usize = 4;

/// The largest certificate in such a chain, in bytes.
pub const MAX_CERTIFICATE: usize = 8 << 10;

/// Why a question is not one that can be asked or believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The query itself.
    #[error("the question cannot be asked")]
    Query(#[from] query::Error),
    /// A field is missing or malformed.
    #[error("the field `{field}` of the signed question {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Past its expiry.
    #[error("the question expired {0} seconds ago: ask it again")]
    Expired(i64),
    /// Its expiry lies too far ahead, or the clocks differ.
    #[error("the question's expiry lies more than 31 days ahead: check the clock of the machine that signed it")]
    TooFarAhead,
    /// A signature that does not hold.
    #[error("the signature of {0} over the question does not hold")]
    Signature(&'static str),
}

impl Error {
    fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let reason = match &error {
            Error::Query(query::Error::Version { .. } | query::Error::CodeLists { .. }) => Reason::VersionMismatch,
            Error::Query(_) | Error::Field { .. } | Error::TooFarAhead => Reason::InvalidQuestion,
            Error::Expired(_) => Reason::Expired,
            Error::Signature(_) => Reason::BadSignature,
        };
        match error {
            Error::Query(cause) => Self::new(reason, cause.to_string()),
            other => Self::new(reason, other.to_string()),
        }
    }
}

/// A checked question. Its statement is what both signatures cover.
#[derive(Clone, PartialEq)]
pub struct Question {
    query: Query,
    id: QueryId,
    analyst: Identity,
    purpose: String,
    lawful_basis: String,
    expires: i64,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({}, {:?}, {})", self.id, self.query, self.analyst)
    }
}

impl Question {
    /// Puts a question together. `expires` is in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`Error::Field`] when the analyst is not one, or a text is empty, too long or holds control characters.
    pub fn new(
        query: Query,
        id: QueryId,
        analyst: Identity,
        purpose: &str,
        lawful_basis: &str,
        expires: i64,
    ) -> Result<Self, Error> {
        if !matches!(analyst.role(), Role::NationalAnalyst | Role::IcbAnalyst) {
            return Err(Error::field("analyst", format!("names {}, and only analysts ask", analyst.role())));
        }
        if expires <= 0 {
            return Err(Error::field("expires", "is missing"));
        }
        let purpose = text("purpose", purpose, MAX_PURPOSE)?;
        let lawful_basis = text("lawful_basis", lawful_basis, MAX_BASIS)?;
        Ok(Self { query, id, analyst, purpose, lawful_basis, expires })
    }

    /// What is asked.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The id, the same in every attempt and for every council.
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// Who asks.
    pub fn analyst(&self) -> &Identity {
        &self.analyst
    }

    /// What for.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// On which lawful basis.
    pub fn lawful_basis(&self) -> &str {
        &self.lawful_basis
    }

    /// Seconds since 1970-01-01 UTC after which it is void.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// Checks the expiry at `now`, in seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// [`Error::Expired`], [`Error::TooFarAhead`].
    pub fn check_time(&self, now: i64) -> Result<(), Error> {
        if now > self.expires {
            return Err(Error::Expired(now.saturating_sub(self.expires)));
        }
        if self.expires.saturating_sub(now) > MAX_VALIDITY_S {
            return Err(Error::TooFarAhead);
        }
        Ok(())
    }

    /// The bytes that the analyst signs: every field with its length, under [`ANALYST_DOMAIN`].
    ///
    /// # Guarantee
    /// Two questions have equal statements exactly when every field is equal; the query enters by its canonical bytes.
    pub fn statement(&self) -> Vec<u8> {
        let mut bytes = Canonical::new(ANALYST_DOMAIN);
        bytes
            .bytes(&self.query.canonical())
            .bytes(self.id.as_bytes())
            .text(&self.analyst.to_string())
            .text(&self.purpose)
            .text(&self.lawful_basis)
            .number(self.expires as u64);
        bytes.finish()
    }

    /// SHA-256 of the statement.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.statement()).into()
    }

    fn coordinator_statement(&self, analyst_signature: &[u8]) -> Vec<u8> {
        let mut bytes = Canonical::new(COORDINATOR_DOMAIN);
        bytes.bytes(&self.statement()).bytes(analyst_signature);
        bytes.finish()
    }

    /// The analyst's signature.
    pub fn sign(&self, analyst: &SigningKey) -> Vec<u8> {
        analyst.sign(&self.statement()).to_bytes().to_vec()
    }

    /// The coordinator's signature, over the statement and the analyst's signature.
    pub fn countersign(&self, analyst_signature: &[u8], coordinator: &SigningKey) -> Vec<u8> {
        coordinator.sign(&self.coordinator_statement(analyst_signature)).to_bytes().to_vec()
    }

    /// Checks the analyst's signature under a public key that the caller found in a checked certificate.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn check_analyst(&self, signature: &[u8], public_key: &[u8; 32]) -> Result<(), Error> {
        check(&self.statement(), signature, public_key).ok_or(Error::Signature("the analyst"))
    }

    /// Checks the coordinator's signature under a public key that the caller found in a checked certificate.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn check_coordinator(
        &self,
        analyst_signature: &[u8],
        signature: &[u8],
        public_key: &[u8; 32],
    ) -> Result<(), Error> {
        check(&self.coordinator_statement(analyst_signature), signature, public_key)
            .ok_or(Error::Signature("the coordinator"))
    }
}

/// Strict verification: no small-order keys, no signature that a third party could have bent.
fn check(message: &[u8], signature: &[u8], public_key: &[u8; 32]) -> Option<()> {
    let key = VerifyingKey::from_bytes(public_key).ok()?;
    let signature = Signature::from_slice(signature).ok()?;
    key.verify_strict(message, &signature).ok()
}

fn text(field: &'static str, value: &str, most: usize) -> Result<String, Error> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Error::field(field, "is empty"));
    }
    if value.chars().count() > most {
        return Err(Error::field(field, format!("is longer than {most} characters")));
    }
    if value.chars().any(is_unseen) {
        return Err(Error::field(field, "holds control characters such as line breaks"));
    }
    Ok(value.to_owned())
}

/// One signature with the certificates that prove its key, leaf first, DER.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Signed {
    /// The signature.
    pub signature: Vec<u8>,
    /// The certificates.
    pub chain: Vec<Vec<u8>>,
}

/// A question as it travels: with the analyst's signature, and the coordinator's once it has one.
#[derive(Clone, PartialEq)]
pub struct SignedQuestion {
    /// The question.
    pub question: Question,
    /// The analyst's signature.
    pub analyst: Signed,
    /// The coordinator's; empty until it has signed.
    pub coordinator: Signed,
}

impl fmt::Debug for SignedQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.question, f)
    }
}

impl From<&SignedQuestion> for wire::SignedQuery {
    fn from(signed: &SignedQuestion) -> Self {
        let question = &signed.question;
        Self {
            query: Some(wire::Query::from(&question.query)),
            query_id: question.id.as_bytes().to_vec(),
            analyst: question.analyst.to_string(),
            purpose: question.purpose.clone(),
            lawful_basis: question.lawful_basis.clone(),
            expires: question.expires,
            analyst_signature: signed.analyst.signature.clone(),
            analyst_chain: signed.analyst.chain.clone(),
            coordinator_signature: signed.coordinator.signature.clone(),
            coordinator_chain: signed.coordinator.chain.clone(),
        }
    }
}

impl TryFrom<wire::SignedQuery> for SignedQuestion {
    type Error = Error;

    fn try_from(message: wire::SignedQuery) -> Result<Self, Error> {
        let query = Query::try_from(message.query.ok_or_else(|| Error::field("query", "is missing"))?)?;
        let id =
            QueryId::try_from(message.query_id.as_slice()).map_err(|_| Error::field("query_id", "is not 16 bytes"))?;
        let analyst =
            Identity::parse(&message.analyst).map_err(|error| Error::field("analyst", format!("is wrong: {error}")))?;
        let trimmed = |field, value: &str| {
            // The statement holds the trimmed text, so a message with blanks around it would not be what was signed.
            if value.trim() == value { Ok(()) } else { Err(Error::field(field, "begins or ends with blanks")) }
        };
        trimmed("purpose", &message.purpose)?;
        trimmed("lawful_basis", &message.lawful_basis)?;
        let question = Question::new(query, id, analyst, &message.purpose, &message.lawful_basis, message.expires)?;
        for (field, chain) in
            [("analyst_chain", &message.analyst_chain), ("coordinator_chain", &message.coordinator_chain)]
        {
            if chain.len() > MAX_CHAIN || chain.iter().any(|certificate| certificate.len() > MAX_CERTIFICATE) {
                return Err(Error::field(field, "is longer than any chain of ours"));
            }
        }
        Ok(Self {
            question,
            analyst: Signed { signature: message.analyst_signature, chain: message.analyst_chain },
            coordinator: Signed { signature: message.coordinator_signature, chain: message.coordinator_chain },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::disclosure::Profile;
    use crate::period::ReferencePeriod;
    use crate::query::{DataRule, Release};

    fn question(purpose: &str) -> Question {
        let period = ReferencePeriod::inclusive("2024-04-01".parse().unwrap(), "2025-03-31".parse().unwrap()).unwrap();
        let data = DataRule { as_of: Some("2025-06-30".parse().unwrap()), ..DataRule::default() };
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new("2E", period, None, &[], &[], data, release).unwrap();
        let analyst = Identity::parse("folkmoot://england/analyst/national/j.smith").unwrap();
        Question::new(query, QueryId::from_bytes([3; 16]), analyst, purpose, "UK GDPR 6(1)(e)", 1_900_000_000).unwrap()
    }

    fn signed() -> (SignedQuestion, SigningKey, SigningKey) {
        let (analyst, coordinator) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let question = question("planning");
        let signature = question.sign(&analyst);
        let countersigned = question.countersign(&signature, &coordinator);
        let signed = SignedQuestion {
            question,
            analyst: Signed { signature, chain: vec![vec![1, 2]] },
            coordinator: Signed { signature: countersigned, chain: vec![vec![3]] },
        };
        (signed, analyst, coordinator)
    }

    #[test]
    fn signatures_hold_after_crossing_the_wire() {
        let (signed, analyst, coordinator) = signed();
        let back = SignedQuestion::try_from(wire::SignedQuery::from(&signed)).unwrap();
        assert_eq!(back, signed);
        let public = |key: &SigningKey| key.verifying_key().to_bytes();
        back.question.check_analyst(&back.analyst.signature, &public(&analyst)).unwrap();
        back.question
            .check_coordinator(&back.analyst.signature, &back.coordinator.signature, &public(&coordinator))
            .unwrap();
        assert!(back.question.check_analyst(&back.analyst.signature, &public(&coordinator)).is_err());
        assert!(back.question.check_analyst(&back.coordinator.signature, &public(&analyst)).is_err());
        assert!(back.question.check_coordinator(&[], &back.coordinator.signature, &public(&coordinator)).is_err());
    }

    #[test]
    fn every_changed_field_breaks_the_signature() {
        let (signed, analyst, _) = signed();
        let public = analyst.verifying_key().to_bytes();
        let wire = wire::SignedQuery::from(&signed);
        let mut changed = vec![wire.clone(); 6];
        changed[0].query_id[0] ^= 1;
        changed[1].analyst = "folkmoot://england/analyst/national/j.smyth".into();
        changed[2].purpose = "planning!".into();
        changed[3].lawful_basis = "UK GDPR 6(1)(c)".into();
        changed[4].expires += 1;
        changed[5].query.as_mut().unwrap().as_of = None;
        for message in changed {
            let back = SignedQuestion::try_from(message).unwrap();
            assert!(back.question.check_analyst(&back.analyst.signature, &public).is_err(), "{back:?}");
        }
    }

    #[test]
    fn what_is_malformed_is_refused_by_field() {
        let (signed, ..) = signed();
        let wire = wire::SignedQuery::from(&signed);
        let refused = |change: fn(&mut wire::SignedQuery)| {
            let mut message = wire.clone();
            change(&mut message);
            SignedQuestion::try_from(message).unwrap_err().to_string()
        };
        assert!(refused(|m| m.query_id.truncate(15)).contains("query_id"));
        assert!(refused(|m| m.purpose.clear()).contains("purpose"));
        assert!(refused(|m| m.purpose = "a\nb".into()).contains("control"));
        assert!(refused(|m| m.purpose = " a".into()).contains("blanks"));
        assert!(refused(|m| m.lawful_basis = "x".repeat(201)).contains("200"));
        assert!(refused(|m| m.analyst = "folkmoot://england/operator/ops".into()).contains("only analysts"));
        assert!(refused(|m| m.expires = 0).contains("expires"));
        assert!(refused(|m| m.analyst_chain = vec![vec![0]; 5]).contains("chain"));
        assert!(refused(|m| m.query = None).contains("query"));
    }

    #[test]
    fn a_question_is_void_after_its_expiry_and_never_valid_for_ever() {
        let question = question("planning");
        let expires = question.expires();
        assert_eq!(question.check_time(expires), Ok(()));
        assert_eq!(question.check_time(expires + 1), Err(Error::Expired(1)));
        assert_eq!(question.check_time(expires - MAX_VALIDITY_S - 1), Err(Error::TooFarAhead));
        assert_eq!(Refusal::from(Error::Expired(1)).reason(), Reason::Expired);
    }
}
