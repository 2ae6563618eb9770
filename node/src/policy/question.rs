//! A question with who asks it, why and under which lawful basis: what a council decides on.

use std::fmt;

use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::query::{Query, Release};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::text::is_unseen;
use jiff::Timestamp;

use super::text::{Asker, Kind, Nano};

/// The longest stated purpose, in characters.
const PURPOSE: usize = 500;
/// The longest stated lawful basis, in characters.
const BASIS: usize = 200;

/// One question as a council sees it. Its signatures have been checked by whoever made it; this type checks the rest.
#[derive(Clone)]
pub struct Question {
    id: QueryId,
    query: Query,
    analyst: Identity,
    asker: Asker,
    purpose: String,
    lawful_basis: String,
    expires: Timestamp,
}

impl Question {
    /// Puts a question together from its parts.
    ///
    /// The caller vouches that `analyst` signed exactly this (the signature and its chain are checked where the message
    /// is read).
    ///
    /// # Errors
    /// A [`Refusal`] when the asker's role asks no questions, or purpose or lawful basis is missing, too long or holds
    /// control characters.
    pub fn new(
        id: QueryId,
        query: Query,
        analyst: Identity,
        purpose: &str,
        lawful_basis: &str,
        expires: Timestamp,
    ) -> Result<Self, Refusal> {
        let asker = Asker::of(analyst.role()).ok_or_else(|| {
            Refusal::new(Reason::NotAllowed, format!("{} may not ask questions; only analysts may", analyst.role()))
        })?;
        let text = |what: &str, text: &str, most: usize| {
            let text = text.trim();
            let length = text.chars().count();
            if length == 0 || length > most || text.chars().any(is_unseen) {
                return Err(Refusal::new(
                    Reason::InvalidQuestion,
                    format!("the {what} must be one line of 1 to {most} visible characters"),
                ));
            }
            Ok(text.to_owned())
        };
        Ok(Self {
            id,
            query,
            asker,
            purpose: text("purpose", purpose, PURPOSE)?,
            lawful_basis: text("lawful basis", lawful_basis, BASIS)?,
            analyst,
            expires,
        })
    }

    /// Its id, the same in every attempt.
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// What is asked.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// How it is protected.
    pub fn release(&self) -> Release {
        self.query.release()
    }

    /// The release kind.
    pub fn kind(&self) -> Kind {
        Kind::of(self.query.release())
    }

    /// The price per person: 0 for suppressed kinds.
    pub fn price(&self) -> Nano {
        Nano::from(self.query.release().rho())
    }

    /// Who asks.
    pub fn analyst(&self) -> &Identity {
        &self.analyst
    }

    /// The asker's role.
    pub fn asker(&self) -> Asker {
        self.asker
    }

    /// What for, in the asker's words.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// The lawful basis stated.
    pub fn lawful_basis(&self) -> &str {
        &self.lawful_basis
    }

    /// When it becomes void.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl TryFrom<&folkmoot_proto::question::Question> for Question {
    type Error = Refusal;

    /// The question as it came over the wire, its signatures checked.
    fn try_from(asked: &folkmoot_proto::question::Question) -> Result<Self, Refusal> {
        let expires = Timestamp::from_second(asked.expires())
            .map_err(|_| Refusal::new(Reason::InvalidQuestion, "the question's expiry is not a moment"))?;
        let query = asked.query().clone();
        Self::new(asked.id(), query, asked.analyst().clone(), asked.purpose(), asked.lawful_basis(), expires)
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("id", &self.id).field("analyst", &self.analyst).finish_non_exhaustive()
    }
}
