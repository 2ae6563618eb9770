//! What a council got wrong, and why a round ended, as the coordinator sees it.

use thiserror::Error;

use super::super::codec::Malformed;
use super::{Refusal, Step};

/// Why the coordinator does not take a message of one node. The round goes on without it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes are not the message of this step.
    #[error("council {council} sent bytes that are not its message")]
    Malformed {
        /// Who, by its link.
        council: String,
        /// Where reading stopped.
        source: Malformed,
    },
    /// Not in the cohort, or no longer in the round.
    #[error("council {council} has no part in step \"{step}\"")]
    NotExpected {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
    },
    /// The step is over, or has not begun.
    #[error("council {council} answered step \"{step}\" while the round stood elsewhere")]
    WrongStep {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
    },
    /// Two different answers to one step.
    #[error("council {council} gave two different answers to step \"{step}\"")]
    TwoAnswers {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
    },
    /// The message speaks for another seat than the link belongs to.
    #[error("council {council} sent a message in another council's name")]
    WrongSeat {
        /// Who, by its link.
        council: String,
    },
    /// The message belongs to another transcript.
    #[error("council {council} answered step \"{step}\" for another transcript")]
    OtherTranscript {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
    },
    /// The signature does not fit.
    #[error("the signature of council {council} at step \"{step}\" is not valid")]
    Signature {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
    },
    /// A key of small order, in a second encoding, or shown before.
    #[error("council {council} advertised an X25519 key that must not be used")]
    UnsoundKey {
        /// Who, by its link.
        council: String,
    },
    /// The message has not one item for each council concerned.
    #[error("council {council} sent {have} items at step \"{step}\" instead of {need}")]
    Count {
        /// Who, by its link.
        council: String,
        /// The step.
        step: Step,
        /// Items sent.
        have: usize,
        /// Items needed.
        need: usize,
    },
    /// What it says of others' ledgers is not about other members of the round, in order and each once.
    #[error("council {council} did not list in order what it has kept of other members' ledgers")]
    Statements {
        /// Who, by its link.
        council: String,
    },
    /// A chunk that does not continue where the one before it ended, is no whole number of elements, or goes too far.
    #[error("council {council} sent a chunk at element {offset}; element {expected} was next")]
    Chunk {
        /// Who, by its link.
        council: String,
        /// Where the chunk says it begins.
        offset: u64,
        /// Where it had to begin.
        expected: u64,
    },
    /// The vector is not the one announced.
    #[error("the masked vector of council {council} is not the one it signed")]
    Digest {
        /// Who, by its link.
        council: String,
    },
}

impl Fault {
    /// A stable code: lower case, words joined by hyphens.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::NotExpected { .. } => "not-expected",
            Self::WrongStep { .. } => "wrong-step",
            Self::TwoAnswers { .. } => "two-answers",
            Self::WrongSeat { .. } => "wrong-seat",
            Self::OtherTranscript { .. } => "other-transcript",
            Self::Signature { .. } => "signature",
            Self::UnsoundKey { .. } => "unsound-key",
            Self::Count { .. } => "count",
            Self::Statements { .. } => "statements",
            Self::Chunk { .. } => "chunk",
            Self::Digest { .. } => "digest",
        }
    }
}

/// Why the whole round ends without a sum. Nobody has learnt anything; a new attempt needs fresh keys and noise.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The coordinator's own envelope breaks a rule.
    #[error("the envelope cannot start a round")]
    Envelope(#[source] Refusal),
    /// Too few councils are left.
    #[error("after step \"{step}\" {have} councils are left; the round needs {need}")]
    TooFew {
        /// The step that was closed.
        step: Step,
        /// Councils left.
        have: usize,
        /// Councils needed.
        need: usize,
    },
    /// A step was closed out of order.
    #[error("step \"{step}\" cannot be closed now")]
    WrongStep {
        /// The step.
        step: Step,
    },
    /// The secret of a council cannot be put together: it dealt wrong shares, or too many wrong ones came back.
    ///
    /// Its signed shares are the evidence; make a new attempt without it.
    #[error(
        "the masks of council {council} cannot be undone: it dealt wrong shares, or too many councils gave wrong ones back"
    )]
    Unrecoverable {
        /// Whose secret.
        council: String,
    },
    /// The sum is larger than any true sum can be: masks are left in it.
    #[error("the sum is outside what {councils} councils can contribute: masks did not cancel")]
    OutOfRange {
        /// Councils in the sum.
        councils: usize,
    },
}

impl Failure {
    /// A stable code: lower case, words joined by hyphens.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Envelope(_) => "envelope",
            Self::TooFew { .. } => "too-few",
            Self::WrongStep { .. } => "wrong-step",
            Self::Unrecoverable { .. } => "unrecoverable",
            Self::OutOfRange { .. } => "out-of-range",
        }
    }
}
