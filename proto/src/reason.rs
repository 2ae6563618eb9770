//! Every refusal that crosses the wire: a stable code, a gRPC code, a sentence for people.
//!
//! A refusal is a normal outcome, not an error of ours. It travels as a gRPC status whose standard `ErrorInfo` detail
//! carries the code, so that a program can act on it and a person can read it.

use std::collections::HashMap;
use std::fmt;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::limits;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $grpc:ident;)+) => {
        /// Why something was refused. The codes are stable: programs and audit logs hold them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $variant,)+ }
        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The stable code.
            pub fn code(self) -> &'static str { match self { $(Self::$variant => $code),+ } }
            /// The gRPC code it travels with.
            pub fn grpc(self) -> Code { match self { $(Self::$variant => Code::$grpc),+ } }
        }
    };
}

reasons! {
    /// The message or question is malformed or not in the catalogue.
    InvalidQuestion = "INVALID_QUESTION", InvalidArgument;
    /// Measure or code list versions differ.
    VersionMismatch = "VERSION_MISMATCH", FailedPrecondition;
    /// No protocol version that both sides speak.
    ProtocolVersion = "PROTOCOL_VERSION", FailedPrecondition;
    /// The certificate's role or federation may not do this.
    NotAllowed = "NOT_ALLOWED", PermissionDenied;
    /// A signature or the certificate behind it does not hold.
    BadSignature = "BAD_SIGNATURE", Unauthenticated;
    /// The question's expiry has passed, or its clock is ahead.
    Expired = "EXPIRED", FailedPrecondition;
    /// The council's policy does not allow this kind, measure, dimension, role or purpose.
    PolicyForbids = "POLICY_FORBIDS", PermissionDenied;
    /// The council answers nothing: its policy is off.
    PolicyOff = "POLICY_OFF", PermissionDenied;
    /// A privacy budget would be passed.
    BudgetSpent = "BUDGET_SPENT", ResourceExhausted;
    /// A person at the council must decide first.
    WaitingForApproval = "WAITING_FOR_APPROVAL", FailedPrecondition;
    /// A person at the council said no.
    Denied = "DENIED", PermissionDenied;
    /// The council holds no data for the period.
    NoData = "NO_DATA", FailedPrecondition;
    /// The council's data or ledger may have been restored, copied or moved back in time.
    LedgerInDoubt = "LEDGER_IN_DOUBT", FailedPrecondition;
    /// The same council is connected already.
    AlreadyLinked = "ALREADY_LINKED", AlreadyExists;
    /// The council is not in the registry of the federation.
    NotAMember = "NOT_A_MEMBER", PermissionDenied;
    /// Too few councils could take part.
    TooFewCouncils = "TOO_FEW_COUNCILS", FailedPrecondition;
    /// A step of the round does not follow from what went before.
    RoundRefused = "ROUND_REFUSED", FailedPrecondition;
    /// The node or coordinator is stopping.
    ShuttingDown = "SHUTTING_DOWN", Unavailable;
    /// Nothing under this id, or nothing that this caller may see.
    NotFound = "NOT_FOUND", NotFound;
    /// Something failed at the answering side; its own log says what.
    Internal = "INTERNAL", Internal;
}

/// One refusal: reason, sentence, and ids that a program can act on. Never a count or a value about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    sentence: String,
    facts: Vec<(String, String)>,
}

impl Refusal {
    /// A refusal with its sentence: what was refused, why, and what to do.
    pub fn new(reason: Reason, sentence: impl Into<String>) -> Self {
        let mut sentence = sentence.into();
        if sentence.len() > limits::SENTENCE {
            let cut = (0..=limits::SENTENCE).rev().find(|&at| sentence.is_char_boundary(at)).unwrap_or(0);
            sentence.truncate(cut);
        }
        Self { reason, sentence, facts: Vec::new() }
    }

    /// Adds an id or another fact that is not about people.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.facts.push((name.to_owned(), value.to_string().chars().take(200).collect()));
        self
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// A fact by name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads a refusal out of a status of the other side; `None` when the status carries none of ours.
    pub fn from_status(status: &Status) -> Option<Self> {
        let info = status.get_details_error_info()?;
        if info.domain != DOMAIN {
            return None;
        }
        let reason = Reason::ALL.iter().copied().find(|reason| reason.code() == info.reason)?;
        let mut facts: Vec<_> = info.metadata.into_iter().collect();
        facts.sort();
        Some(Self { facts, ..Self::new(reason, status.message()) })
    }
}

const DOMAIN: &str = "folkmoot";

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let facts: HashMap<_, _> = refusal.facts.into_iter().collect();
        let details = ErrorDetails::with_error_info(refusal.reason.code(), DOMAIN, facts);
        Status::with_error_details(refusal.reason.grpc(), refusal.sentence, details)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.sentence, self.reason.code())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_crosses_the_wire_whole() {
        for &reason in Reason::ALL {
            let refusal = Refusal::new(reason, "no, because").with("council", "503");
            let back = Refusal::from_status(&Status::from(refusal.clone()));
            assert_eq!(back, Some(refusal));
        }
        assert_eq!(Refusal::from_status(&Status::internal("other")), None);
    }

    #[test]
    fn a_long_sentence_is_cut_between_characters() {
        let refusal = Refusal::new(Reason::Internal, "é".repeat(limits::SENTENCE));
        assert!(refusal.sentence().len() <= limits::SENTENCE);
    }
}
