//! What people have said to a question, and how it is put before them.

use folkmoot_proto::query::{Canonical, Query};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::store::Stop;
use prost::Message as _;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::DAY;
use crate::audit::{Action, Record, chain};
use crate::ledger::{self, Step};
use crate::policy::{Policy, Question};

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
    /// So many wait already that it was not put before anybody.
    TooMany(Refusal),
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

/// Whether two questions are equal but for their periods, so that one standing approval covers both.
pub fn is_equal_but_for_period(one: &Query, other: &Query) -> bool {
    recurring(one) == recurring(other)
}

/// Voids what was not decided, or not used, in time.
pub(super) fn expire(step: &Step<'_>) -> rusqlite::Result<()> {
    void_until(step, step.second(), None)
}

/// Voids every question that waits or was decided and not used: their dates were set by a clock that was ahead.
pub(crate) fn void_all(step: &Step<'_>) -> rusqlite::Result<()> {
    void_until(step, i64::MAX, Some("the clock was ahead, so its dates may be wrong: people decide anew"))
}

fn void_until(step: &Step<'_>, second: i64, why: Option<&str>) -> rusqlite::Result<()> {
    let old = step.all(
        "SELECT id FROM hold WHERE state IN ('waiting', 'approved', 'denied') AND expires < ?1",
        params![second],
        |row| row.get::<_, i64>(0),
    )?;
    for id in old {
        step.execute("UPDATE hold SET state = 'expired' WHERE id = ?1", params![id])?;
        let mut record = Record::new(Action::Expired, "node");
        record.hold = Some(id);
        record.decision = why.map(str::to_owned);
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
    if let Some(refusal) = too_many(step, policy, question)? {
        return Ok(Word::TooMany(refusal));
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

/// Why another question of this analyst may not wait, when that is so.
///
/// Without it, somebody who may ask could fill the disk of every council, and bury the questions that matter.
fn too_many(step: &Step<'_>, policy: &Policy, question: &Question) -> rusqlite::Result<Option<Refusal>> {
    let (most, most_of_one) = policy.max_waiting();
    let (all, own) = step
        .one(
            "SELECT count(*), count(*) FILTER (WHERE analyst = ?1) FROM hold WHERE state = 'waiting'",
            params![question.analyst().to_string()],
            |row| Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?)),
        )?
        .unwrap_or_default();
    let refuse = |whose: &str, most: u32| {
        let sentence = format!(
            "a person at this council must decide on the question, and {whose} wait there already, the most its policy \
             lets wait; ask again when some of them are decided"
        );
        Some(Refusal::new(Reason::PolicyForbids, sentence).with("max_waiting", most))
    };
    Ok(if own >= most_of_one {
        refuse(&format!("{own} questions of yours"), most_of_one)
    } else if all >= most {
        refuse(&format!("{all} questions"), most)
    } else {
        None
    })
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
