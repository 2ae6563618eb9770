//! Questions that wait for a person at the council, and what people decide.
//!
//! A held question reserves nothing and stands in nobody's way. An approval is for one question of one analyst for one
//! purpose: it is used up by one answer, or, when it was given until a day, covers equal questions (same measure,
//! breakdown, filters, settings and release kind with its price) about any period until then. Where the policy asks for
//! two people, the same one cannot approve twice.

use folkmoot_proto::period::Day;
use folkmoot_proto::query::{Canonical, Query};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::store::{self, Stop};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost::Message as _;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::{Action, Record, chain};
use crate::ledger::{self, Ledger, Step};
use crate::policy::{Gate, Kind, Policy, Question};

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

/// What people said to a question.
pub(crate) enum Word {
    /// Approved, by the decision with this number.
    Granted(i64),
    /// Nobody has decided.
    Waiting {
        /// Its number.
        id: i64,
        /// It was put there just now.
        new: bool,
    },
    /// Refused.
    Denied {
        /// Its number.
        id: i64,
        /// Why; the asker reads it.
        reason: String,
    },
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

/// Everything that a person should see before deciding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The question.
    pub held: Held,
    /// What is left under each cap it counts against, before it is answered, in billionths of rho: name, left, cap.
    pub left: Vec<(String, u64, u64)>,
    /// What the policy says to it today.
    pub policy_says: String,
    /// What would leave, computed on this node's own data; the reason when it cannot be shown.
    pub preview: Result<String, String>,
}

/// What came of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It counts: the question is answered when it is asked again.
    Approved,
    /// A second person must approve, too.
    NeedsSecondPerson,
}

/// Text typed by a person at the council.
fn line(what: &'static str, text: &str, most: usize) -> Result<String, Error> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > most || text.chars().any(char::is_control) {
        return Err(Error::Text(what, most));
    }
    Ok(text.to_owned())
}

fn same_person(a: &str, b: &str) -> bool {
    let fold = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    fold(a) == fold(b)
}

/// The question with its period, the day of its data and the window they are joined over taken out.
fn recurring(query: &Query) -> [u8; 32] {
    let names = |place: &usize| query.measure().dimensions[*place].name;
    let mut bytes = Canonical::new("folkmoot/recurring/1");
    bytes.text(query.measure().id).number(u64::from(query.measure().version));
    bytes.number(query.by().len() as u64);
    for place in query.by() {
        bytes.text(names(place));
    }
    bytes.number(query.filters().len() as u64);
    for (place, categories) in query.filters() {
        let labels = query.measure().dimensions[*place].categories.labels(query.period());
        bytes.text(names(place)).number(categories.len() as u64);
        for &category in categories {
            bytes.text(&labels[category]);
        }
    }
    for (name, value) in query.settings().iter() {
        bytes.text(name).text(value);
    }
    bytes.text(&format!("{:?}", query.data().key)).text(&query.release().to_string());
    Sha256::digest(bytes.finish()).into()
}

const DAY: i64 = 24 * 3600;

/// Voids what was not decided, or not used, in time.
fn expire(step: &Step<'_>) -> rusqlite::Result<()> {
    let old = step.all(
        "SELECT id FROM hold WHERE state IN ('waiting', 'approved', 'denied') AND expires < ?1",
        params![step.second()],
        |row| row.get::<_, i64>(0),
    )?;
    for id in old {
        step.execute("UPDATE hold SET state = 'expired' WHERE id = ?1", params![id])?;
        let mut record = Record::new(Action::Expired, "node");
        record.hold = Some(id);
        chain::append(step, &record)?;
    }
    Ok(())
}

/// What people have said to a question; `None` when nobody was asked.
pub(crate) fn foresee(step: &Step<'_>, question: &Question) -> rusqlite::Result<Option<Word>> {
    let (query, analyst, purpose) = (question.query(), question.analyst().to_string(), question.purpose());
    let standing = step.one(
        "SELECT standing.hold FROM standing JOIN hold ON hold.id = standing.hold
         WHERE standing.recurring = ?1 AND standing.analyst = ?2 AND standing.purpose = ?3 AND hold.lawful_basis = ?4
           AND standing.until >= ?5 AND hold.state = 'approved'
         ORDER BY standing.id DESC LIMIT 1",
        params![recurring(query), analyst, purpose, question.lawful_basis(), step.second()],
        |row| row.get(0),
    )?;
    if let Some(id) = standing {
        return Ok(Some(Word::Granted(id)));
    }
    step.one(
        "SELECT id, state, reason FROM hold
         WHERE digest = ?1 AND analyst = ?2 AND purpose = ?3 AND lawful_basis = ?4 AND expires >= ?5
           AND state IN ('waiting', 'approved', 'denied')
         ORDER BY id DESC LIMIT 1",
        params![query.digest(), analyst, purpose, question.lawful_basis(), step.second()],
        |row| {
            let (id, state): (i64, String) = (row.get(0)?, row.get(1)?);
            let reason: Option<String> = row.get(2)?;
            Ok(match state.as_str() {
                "approved" => Word::Granted(id),
                "denied" => Word::Denied { id, reason: reason.unwrap_or_default() },
                _ => Word::Waiting { id, new: false },
            })
        },
    )
}

/// What people have said to a question; puts it before them when they have not seen it.
pub(crate) fn consult(
    step: &Step<'_>,
    policy: &Policy,
    question: &Question,
    why: &str,
) -> Result<Word, Stop<ledger::Error>> {
    expire(step)?;
    if let Some(word) = foresee(step, question)? {
        return Ok(word);
    }
    let query = question.query();
    let expires = step.second() + i64::from(policy.expires_after_days()) * DAY;
    step.execute(
        "INSERT INTO hold
            (digest, recurring, question, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'waiting')",
        params![
            query.digest(),
            recurring(query),
            question.id().as_bytes(),
            wire::Query::from(query).encode_to_vec(),
            question.analyst().to_string(),
            question.purpose(),
            question.lawful_basis(),
            why,
            i64::try_from(question.price().0).unwrap_or(i64::MAX),
            step.second(),
            expires
        ],
    )?;
    Ok(Word::Waiting { id: step.inserted(), new: true })
}

/// Uses an approval up, in the transaction in which the figures leave. A standing one stays.
pub(crate) fn use_up(step: &Step<'_>, hold: Option<i64>) -> Result<(), Stop<ledger::Error>> {
    let Some(id) = hold else { return Ok(()) };
    let standing = step.one(
        "SELECT 1 FROM standing JOIN hold ON hold.id = standing.hold WHERE hold = ?1 AND hold.state = 'approved'",
        params![id],
        |_| Ok(()),
    )?;
    if standing.is_some() {
        return Ok(());
    }
    let changed = step.execute("UPDATE hold SET state = 'used' WHERE id = ?1 AND state = 'approved'", params![id])?;
    if changed == 0 {
        let refusal = Refusal::new(
            Reason::WaitingForApproval,
            format!("the approval number {id} was used, withdrawn or became void meanwhile; ask again"),
        );
        return Err(Stop::Because(ledger::Error::Refused(refusal)));
    }
    Ok(())
}

const COLUMNS: &str = "SELECT id, state, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, first_by,
    decided_by, reason, question FROM hold";

struct Kept {
    held: Held,
    query: Option<Query>,
    question: [u8; 16],
    expires: Timestamp,
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
    })
}

fn find(step: &Step<'_>, id: i64) -> rusqlite::Result<Option<Kept>> {
    step.one(&format!("{COLUMNS} WHERE id = ?1"), params![id], read)
}

/// The entry of a decision, with the question as it was asked.
fn decided(action: Action, held: &Held, query: Option<&Query>, by: &str) -> Record {
    let mut record = Record::new(action, format!("local: {by}"));
    record.hold = Some(held.id);
    record.question = Some(held.question.clone());
    record.measure = Some(held.measure.clone());
    record.release = Some(held.release.clone());
    record.digest = query.map(|query| hex::encode(query.digest()));
    record.purpose = Some(held.purpose.clone());
    record.lawful_basis = Some(held.lawful_basis.clone());
    record.nano = Some(held.price_nano);
    record
}

impl Ledger {
    /// Held questions: those that wait, or all with what became of them.
    ///
    /// # Errors
    /// The store's.
    pub fn held(&self, all: bool) -> Result<Vec<Held>, store::Error> {
        self.step("void old holds", expire)?;
        let only = if all { "" } else { " WHERE state = 'waiting'" };
        self.look("list held questions", |step| {
            Ok(step.all(&format!("{COLUMNS}{only} ORDER BY id"), [], read)?.into_iter().map(|kept| kept.held).collect())
        })
    }

    /// One held question with everything a person needs to decide. `preview` computes, on this node's own data, what
    /// would leave; its text is passed on and kept nowhere. That somebody looked is written down.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub fn show(
        &self,
        policy: &Policy,
        id: i64,
        who: &str,
        preview: impl FnOnce(&Query) -> Result<String, String>,
    ) -> Result<Shown, Error> {
        let kept = self.look("show a held question", |step| find(step, id))?.ok_or(Error::NotFound(id))?;
        let Kept { held, query, question, expires } = kept;
        let question = query.as_ref().and_then(|query| {
            let bytes = wire::Query::from(query).encode_to_vec();
            ledger::question_of(question, &bytes, &held.analyst, &held.purpose, &held.lawful_basis, expires)
        });
        let (mut left, mut says) = (Vec::new(), "this program cannot read the question any more".to_owned());
        if let Some(question) = &question {
            match policy.rule(question) {
                Err(refusal) => says = format!("it would be refused: {}", refusal.sentence()),
                Ok(ruling) => {
                    says = match &ruling.gate {
                        Gate::Auto => "it would be answered without a person".to_owned(),
                        Gate::Hold(why) => format!("a person must decide: {why}"),
                    };
                    left = self.look("what is left", |step| {
                        let year = ledger::year_of(step.now);
                        ruling
                            .limits
                            .iter()
                            .map(|limit| {
                                let name = match limit.name.as_str() {
                                    "" => "this year".to_owned(),
                                    name => format!("{} {name}", limit.scope.word()),
                                };
                                Ok((name, ledger::left_under(step, &year, limit)?.0, limit.cap.0))
                            })
                            .collect()
                    })?;
                }
            }
        }
        let preview = match &query {
            Some(query) => preview(query),
            None => Err(says.clone()),
        };
        let record = decided(Action::Previewed, &held, query.as_ref(), &line("name", who, 80)?);
        self.record(&record).map_err(Error::Ledger)?;
        Ok(Shown { held, left, policy_says: says, preview })
    }

    /// Approves a held question once, or equal questions about any period until the end of `until`.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub fn approve(&self, policy: &Policy, id: i64, by: &str, until: Option<Day>) -> Result<Decision, Error> {
        let by = line("name", by, 80)?;
        self.store().write_or("approve", |tx| {
            let step = self.enter(tx);
            expire(&step)?;
            let kept = find(&step, id)?.ok_or(Stop::Because(Error::NotFound(id)))?;
            let held = &kept.held;
            if held.state != "waiting" {
                return Err(Stop::Because(Error::Decided { id, state: held.state.clone() }));
            }
            let mut last = None;
            if let Some(day) = until {
                let end = i64::from(day.number() + 1) * DAY - 1;
                if end < step.second() + DAY || end > step.second() + 2 * 366 * DAY {
                    return Err(Stop::Because(Error::Until(day)));
                }
                last = Some(end);
            }
            let mut record = decided(Action::Approved, held, kept.query.as_ref(), &by);
            record.policy = Some(hex::encode(policy.digest()));
            let for_how_long = |last: Option<i64>| match last.and_then(|end| Timestamp::from_second(end).ok()) {
                Some(end) => format!("equal questions until {}", end.to_zoned(TimeZone::UTC).date()),
                None => "once".to_owned(),
            };
            match &held.first_by {
                None if policy.second_person() => {
                    step.execute(
                        "UPDATE hold SET first_by = ?2, first_until = ?3 WHERE id = ?1",
                        params![id, by, last],
                    )?;
                    record.decision = Some(format!("first of two: {}", for_how_long(last)));
                    chain::append(&step, &record)?;
                    return Ok(Decision::NeedsSecondPerson);
                }
                Some(first) if same_person(first, &by) => {
                    return Err(Stop::Because(Error::SamePerson(by.clone(), id)));
                }
                Some(_) => {
                    // Two people have agreed only to what both have said.
                    let first: Option<i64> = step
                        .one("SELECT first_until FROM hold WHERE id = ?1", params![id], |row| row.get(0))?
                        .flatten();
                    last = first.zip(last).map(|(a, b)| a.min(b));
                }
                None => {}
            }
            let expires = last.unwrap_or(step.second() + i64::from(policy.expires_after_days()) * DAY);
            step.execute(
                "UPDATE hold SET state = 'approved', decided_by = ?2, expires = ?3 WHERE id = ?1",
                params![id, by, expires],
            )?;
            if let Some(last) = last {
                step.execute(
                    "INSERT INTO standing (recurring, analyst, purpose, hold, until)
                     SELECT recurring, analyst, purpose, id, ?2 FROM hold WHERE id = ?1",
                    params![id, last],
                )?;
            }
            record.decision = Some(for_how_long(last));
            chain::append(&step, &record)?;
            Ok(Decision::Approved)
        })?
    }

    /// Refuses a held question, or withdraws an approval that was not used. The asker reads the reason.
    ///
    /// # Errors
    /// Every variant of [`Error`] but those about two people and days.
    pub fn deny(&self, id: i64, by: &str, reason: &str) -> Result<(), Error> {
        let (by, reason) = (line("name", by, 80)?, line("reason", reason, 500)?);
        self.store().write_or("deny", |tx| {
            let step = self.enter(tx);
            expire(&step)?;
            let kept = find(&step, id)?.ok_or(Stop::Because(Error::NotFound(id)))?;
            if !matches!(kept.held.state.as_str(), "waiting" | "approved") {
                return Err(Stop::Because(Error::Decided { id, state: kept.held.state.clone() }));
            }
            step.execute(
                "UPDATE hold SET state = 'denied', decided_by = ?2, reason = ?3 WHERE id = ?1",
                params![id, by, reason],
            )?;
            let mut record = decided(Action::Denied, &kept.held, kept.query.as_ref(), &by);
            record.decision = Some(reason.clone());
            chain::append(&step, &record)?;
            Ok(())
        })?
    }
}

/// Whether two questions are equal but for their periods, so that one standing approval covers both.
pub fn is_equal_but_for_period(one: &Query, other: &Query) -> bool {
    recurring(one) == recurring(other)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
