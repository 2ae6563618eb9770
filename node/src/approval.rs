//! Questions that wait for a person at the council, and what people decide.
//!
//! A held question reserves nothing and stands in nobody's way. An approval is for one question of one analyst for one
//! purpose: it is used up by one answer, or, when it was given until a day, covers equal questions (same measure,
//! breakdown, filters, settings and release kind with its price) about any period until then. Where the policy asks for
//! two people, the same one cannot approve twice.
//!
//! ```text
//! admission --consult--> granted | waiting | denied | too many wait         (consult)
//! a person  --show-----> question, price, what is left, what would leave    (show)
//!           --approve, deny--> on what was shown, or not at all             (decide)
//! ```

mod consult;
mod decide;
mod show;

use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::text::is_unseen;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::store;
use jiff::Timestamp;
use prost::Message as _;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::audit::{Action, Record};
use crate::ledger::{self, Ledger, Step};
use crate::policy::{Kind, Policy, Question};

pub use consult::is_equal_but_for_period;
pub(crate) use consult::{Word, consult, foresee, use_up, void_all};
pub use decide::Decision;
pub use show::{Left, Look, Shown};

const DAY: i64 = 24 * 3600;

/// Why a decision could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No held question has this number.
    #[error("there is no held question number {0}; 'folkmoot-node pending' lists them")]
    NotFound(i64),
    /// It does not wait any more.
    #[error("question number {id} does not wait: it is {state}")]
    Decided {
        /// Its number.
        id: i64,
        /// Its state.
        state: String,
    },
    /// The same person twice where two are needed.
    #[error("{0} approved number {1} already; the policy asks for a second person")]
    SamePerson(String, i64),
    /// A text that is empty, too long or holds control characters.
    #[error("the {0} must be one line of 1 to {1} visible characters")]
    Text(&'static str, usize),
    /// A last day that is not in the future or too far away.
    #[error("an approval can last until a day from tomorrow to two years from now, not until {0}")]
    Until(Day),
    /// Today's policy refuses the question, so that approving it would not get it answered.
    #[error(
        "question number {id} cannot be approved: {}. Approving it would not get it answered; deny it, or change the policy first",
        why.sentence()
    )]
    Refused {
        /// Its number.
        id: i64,
        /// What the policy or the budget says.
        why: Refusal,
    },
    /// What was shown is not what would be approved.
    #[error(
        "{what} changed since question number {id} was shown on {shown}: look again with 'folkmoot-node show {id}', then decide"
    )]
    Changed {
        /// Its number.
        id: i64,
        /// What is another one now.
        what: &'static str,
        /// When it was shown, a day.
        shown: String,
    },
    /// A question of a version that this program does not know.
    #[error("this program cannot read question number {0} any more; deny it, and it can be asked anew")]
    Unreadable(i64),
    /// The ledger could not be used.
    #[error("the decision could not be written down")]
    Store(#[source] Box<store::Error>),
    /// The ledger holds something that it should not.
    #[error("the decision could not be taken")]
    Ledger(#[source] ledger::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

/// One held question, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Its number at this council.
    pub id: i64,
    /// `waiting`, `approved`, `denied`, `used` or `expired`.
    pub state: String,
    /// The question in one plain sentence.
    pub question: String,
    /// The measure's id.
    pub measure: String,
    /// What the measure counts and by which rules.
    pub measure_text: String,
    /// Release kind with its price or profile.
    pub release: String,
    /// What leaves under it.
    pub what_leaves: String,
    /// Identity URI of whoever asks.
    pub analyst: String,
    /// What for, in the asker's words.
    pub purpose: String,
    /// The lawful basis stated.
    pub lawful_basis: String,
    /// The rule that holds it.
    pub why: String,
    /// Price per person, in billionths of rho.
    pub price_nano: u64,
    /// When it was asked, RFC 3339.
    pub asked: String,
    /// When the wait, or the approval, ends.
    pub expires: String,
    /// Who approved first, where two must.
    pub first_by: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why it was denied.
    pub reason: Option<String>,
}

/// Text typed by a person at the council.
fn line(what: &'static str, text: &str, most: usize) -> Result<String, Error> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > most || text.chars().any(is_unseen) {
        return Err(Error::Text(what, most));
    }
    Ok(text.to_owned())
}

fn same_person(a: &str, b: &str) -> bool {
    let fold = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    fold(a) == fold(b)
}

const COLUMNS: &str = "SELECT id, state, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, first_by,
    decided_by, reason, question, shown_policy, shown_data, shown_at, first_policy, first_data FROM hold";

struct Kept {
    held: Held,
    query: Option<Query>,
    question: [u8; 16],
    expires: Timestamp,
    /// What was last shown: rules and data, and when.
    shown: Option<(Seen, i64)>,
    /// What the first of two people approved: rules and data.
    first: Seen,
}

/// Digest of rules and state of data that somebody saw, as far as they are known.
#[derive(Clone, Copy)]
struct Seen {
    policy: Option<[u8; 32]>,
    data: Option<[u8; 32]>,
}

impl Kept {
    /// The whole question, as the policy reads it.
    fn question(&self) -> Option<Question> {
        let bytes = wire::Query::from(self.query.as_ref()?).encode_to_vec();
        let held = &self.held;
        ledger::question_of(self.question, &bytes, &held.analyst, &held.purpose, &held.lawful_basis, self.expires)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let bytes: Vec<u8> = row.get(2)?;
    let query = ledger::query_of(&bytes);
    let moment = |second: i64| Timestamp::from_second(second).unwrap_or_default();
    let (asked, expires) = (moment(row.get(8)?), moment(row.get(9)?));
    let known = query.as_ref();
    let unknown = || "a question of a version that this program does not know".to_owned();
    Ok(Kept {
        held: Held {
            id: row.get(0)?,
            state: row.get(1)?,
            question: known.map_or_else(unknown, Query::sentence),
            measure: known.map_or_else(String::new, |query| query.measure().id.to_owned()),
            measure_text: known.map_or_else(String::new, |query| query.measure().text.to_owned()),
            release: known.map_or_else(String::new, |query| query.release().to_string()),
            what_leaves: known.map_or_else(String::new, |query| Kind::of(query.release()).sentence().to_owned()),
            analyst: row.get(3)?,
            purpose: row.get(4)?,
            lawful_basis: row.get(5)?,
            why: row.get(6)?,
            price_nano: row.get::<_, i64>(7)?.unsigned_abs(),
            asked: asked.to_string(),
            expires: expires.to_string(),
            first_by: row.get(10)?,
            decided_by: row.get(11)?,
            reason: row.get(12)?,
        },
        query,
        question: row.get(13)?,
        expires,
        shown: match row.get::<_, Option<i64>>(16)? {
            Some(at) => Some((Seen { policy: row.get(14)?, data: row.get(15)? }, at)),
            None => None,
        },
        first: Seen { policy: row.get(17)?, data: row.get(18)? },
    })
}

fn find(step: &Step<'_>, id: i64) -> rusqlite::Result<Option<Kept>> {
    step.one(&format!("{COLUMNS} WHERE id = ?1"), params![id], read)
}

/// The entry of a decision, with the question as it was asked.
fn decided(action: Action, held: &Held, query: Option<&Query>, policy: &Policy, by: &str) -> Record {
    let mut record = Record::new(action, format!("local: {by}"));
    record.hold = Some(held.id);
    record.question = Some(held.question.clone());
    record.measure = Some(held.measure.clone());
    record.release = Some(held.release.clone());
    record.digest = query.map(|query| hex::encode(query.digest()));
    record.purpose = Some(held.purpose.clone());
    record.lawful_basis = Some(held.lawful_basis.clone());
    record.nano = Some(held.price_nano);
    record.policy = Some(hex::encode(policy.digest()));
    record.note = Some(format!("asked by {}", held.analyst));
    record
}

impl Ledger {
    /// Held questions: those that wait, or all with what became of them.
    ///
    /// # Errors
    /// The store's.
    pub fn held(&self, all: bool) -> Result<Vec<Held>, store::Error> {
        self.step("void old holds", consult::expire)?;
        let only = if all { "" } else { " WHERE state = 'waiting'" };
        self.look("list held questions", |step| {
            Ok(step.all(&format!("{COLUMNS}{only} ORDER BY id"), [], read)?.into_iter().map(|kept| kept.held).collect())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
