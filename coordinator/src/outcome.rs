//! How one council's part in a question ended, or stands while a job runs.

use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_runtime::link::{Sorted, sort};
use serde::{Deserialize, Serialize};
use tonic::Status;

use crate::answer::tidy;

/// How one council's part in a question ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `answered`, `stored`, `refused`, `held`, `unreachable`, `late` or `malformed`.
    pub state: State,
    /// Stable code of the refusal; empty when none was given.
    #[serde(default, rename = "reason_code", skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Why, in a sentence; empty for an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Outcome {
    /// With a reason that may come from another machine: it is made fit for one line.
    pub(crate) fn new(state: State, code: &str, reason: &str) -> Self {
        Self { state, code: code.to_owned(), reason: tidy(reason) }
    }

    /// What a failed call means for the council's part.
    pub(crate) fn of_failed_call(status: &Status) -> Self {
        match sort(status) {
            Sorted::Lost => Self::new(State::Unreachable, "", "its link was lost before the answer was complete"),
            Sorted::Late => Self::new(State::Late, "", "its answer did not come in time"),
            Sorted::Answer => match Refusal::from_status(status) {
                Some(refusal) => {
                    let state = match refusal.reason() {
                        Reason::WaitingForApproval => State::Held,
                        Reason::ShuttingDown => State::Unreachable,
                        _ => State::Refused,
                    };
                    Self::new(state, refusal.reason().code(), refusal.sentence())
                }
                None => Self::new(State::Refused, "", &format!("{:?}: {}", status.code(), status.message())),
            },
        }
    }
}

/// The ways in which a council's part can end, or stand while a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Answered now.
    Answered,
    /// Answered the same question before; that answer was used.
    Stored,
    /// Refused, for the reason given.
    Refused,
    /// A person at the council has not decided yet.
    Held,
    /// No link, or it was lost.
    Unreachable,
    /// No answer in time.
    Late,
    /// What it sent is not an answer to the question.
    Malformed,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Answered, Self::Stored, Self::Refused, Self::Held, Self::Unreachable, Self::Late, Self::Malformed];

    /// The word in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Unreachable => "unreachable",
            Self::Late => "late",
            Self::Malformed => "malformed",
        }
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// True when the council's figures are in.
    pub fn has_answer(self) -> bool {
        matches!(self, Self::Answered | Self::Stored)
    }
}
