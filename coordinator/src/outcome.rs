//! How one council's part in a question ended, or stands while a job runs.

use serde::{Deserialize, Serialize};

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
