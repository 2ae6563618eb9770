//! What stands beside the entries, tied to them: each entry about a question that was granted, or that waits for a person,
//! holds a digest of that row as it was then.
//!
//! An approval that was put into the table by hand, a charge whose row was removed, any column that was changed: all show
//! against the last entry that speaks of the row. The chain holds the entries together, and the entries the rows.

use std::collections::BTreeMap;

use folkmoot_proto::query::Canonical;
use rusqlite::types::ValueRef;
use rusqlite::{Params, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::record::Record;

/// Columns by name, so that one that is added later changes no digest made before.
const ATTEMPT: [&str; 5] = [
    "SELECT id, question, number, kind, state, snapshot, cohort, nano, year, expires, final, hold FROM attempt WHERE id = ?1",
    "SELECT id, digest, wire FROM question WHERE id = (SELECT question FROM attempt WHERE id = ?1)",
    "SELECT attempt, scope, name FROM holding WHERE attempt = ?1 ORDER BY scope, name",
    "SELECT attempt, shape, first_day, last_day, filters, members FROM family WHERE attempt = ?1",
    "SELECT attempt, digest, snapshot, cohort, body FROM release WHERE attempt = ?1 ORDER BY digest, snapshot, cohort",
];
const HOLD: [&str; 2] = [
    "SELECT id, digest, recurring, question, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, state,
        first_by, first_until, decided_by, reason, shown_policy, shown_data, shown_at, first_policy, first_data
     FROM hold WHERE id = ?1",
    "SELECT id, recurring, analyst, purpose, hold, until FROM standing WHERE hold = ?1 ORDER BY id",
];

/// Rows that no attempt or held question accounts for: what, and how to find one.
const STRAYS: [(&str, &str); 6] = [
    ("an account that a price stands on", "SELECT 1 FROM holding WHERE attempt NOT IN (SELECT id FROM attempt)"),
    ("a sum's list of councils", "SELECT 1 FROM family WHERE attempt NOT IN (SELECT id FROM attempt)"),
    ("a stored release", "SELECT 1 FROM release WHERE attempt NOT IN (SELECT id FROM attempt)"),
    ("a standing approval", "SELECT 1 FROM standing WHERE hold NOT IN (SELECT id FROM hold)"),
    ("an attempt", "SELECT 1 FROM attempt WHERE question NOT IN (SELECT id FROM question)"),
    ("a question", "SELECT 1 FROM question WHERE id NOT IN (SELECT question FROM attempt)"),
];

fn take(to: &mut Canonical, tx: &Transaction<'_>, sql: &str, params: impl Params) -> rusqlite::Result<u64> {
    let mut statement = tx.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params)?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        found += 1;
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => to.number(0),
                ValueRef::Integer(value) => to.number(1).number(value.cast_unsigned()),
                ValueRef::Real(value) => to.number(2).number(value.to_bits()),
                ValueRef::Text(value) => to.number(3).bytes(value),
                ValueRef::Blob(value) => to.number(4).bytes(value),
            };
        }
    }
    to.number(found);
    Ok(found)
}

fn digest(tx: &Transaction<'_>, parts: &[&str], id: i64) -> rusqlite::Result<Option<String>> {
    let mut bytes = Canonical::new("folkmoot/rows/1");
    for (place, sql) in parts.iter().enumerate() {
        if take(&mut bytes, tx, sql, [id])? == 0 && place == 0 {
            return Ok(None);
        }
    }
    Ok(Some(hex::encode(Sha256::digest(bytes.finish()))))
}

/// What an entry says of the rows that it is about.
pub(super) fn of(tx: &Transaction<'_>, record: &Record) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut rows = BTreeMap::new();
    if let Some(id) = record.hold
        && let Some(digest) = digest(tx, &HOLD, id)?
    {
        rows.insert(hold_name(id), digest);
    }
    if let (Some(query), Some(number)) = (&record.query, record.attempt)
        && let Ok(bytes) = hex::decode(query)
    {
        let found = tx
            .prepare_cached("SELECT id FROM attempt WHERE question = ?1 AND number = ?2")?
            .query_map(params![bytes, number], |row| row.get::<_, i64>(0))?
            .next()
            .transpose()?;
        if let Some(id) = found
            && let Some(digest) = digest(tx, &ATTEMPT, id)?
        {
            rows.insert(attempt_name(query, number), digest);
        }
    }
    Ok(rows)
}

fn hold_name(id: i64) -> String {
    format!("held question {id}")
}

fn attempt_name(query: &str, number: u32) -> String {
    format!("attempt {number} of question {query}")
}

/// What the entries walked so far say of the rows.
#[derive(Default)]
pub(super) struct Said {
    /// By name: the last entry that holds a digest of it, and the digest.
    last: BTreeMap<String, (u64, String)>,
    /// Names that entries of earlier software speak of, which hold no digest.
    earlier: BTreeMap<String, u64>,
}

impl Said {
    pub(super) fn take(&mut self, number: u64, record: &Record) {
        for (name, digest) in &record.rows {
            self.last.insert(name.clone(), (number, digest.clone()));
        }
        let hold = record.hold.map(hold_name);
        let attempt = record.query.as_deref().zip(record.attempt).map(|(query, attempt)| attempt_name(query, attempt));
        for name in hold.into_iter().chain(attempt).filter(|name| !record.rows.contains_key(name)) {
            self.earlier.insert(name, number);
        }
    }

    /// The first row that is not as the entries say, with the entry that speaks of it; 0 when none does.
    pub(super) fn differs(mut self, tx: &Transaction<'_>) -> rusqlite::Result<Option<(u64, String)>> {
        let mut names: Vec<(String, i64, &[&str])> = Vec::new();
        let mut attempts = tx.prepare("SELECT lower(hex(question)), number, id FROM attempt ORDER BY id")?;
        let mut rows = attempts.query([])?;
        while let Some(row) = rows.next()? {
            // Read loosely: a column of another type is a difference, not a failure.
            let (query, number): (String, i64) = (row.get(0)?, row.get(1)?);
            names.push((format!("attempt {number} of question {query}"), row.get(2)?, &ATTEMPT));
        }
        let mut holds = tx.prepare("SELECT id FROM hold ORDER BY id")?;
        let mut rows = holds.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            names.push((hold_name(id), id, &HOLD));
        }
        for (name, id, parts) in names {
            match (self.last.remove(&name), self.earlier.contains_key(&name)) {
                (Some((entry, said)), _) => {
                    if digest(tx, parts, id)?.as_ref() != Some(&said) {
                        return Ok(Some((entry, format!("the {name} is not as this entry left it: it was changed"))));
                    }
                }
                (None, true) => {}
                (None, false) => {
                    return Ok(Some((0, format!("no entry speaks of the {name}: it was put in by something else"))));
                }
            }
        }
        if let Some((name, (entry, _))) = self.last.into_iter().min_by_key(|(_, (entry, _))| *entry) {
            return Ok(Some((entry, format!("the {name}, which this entry speaks of, is missing: it was removed"))));
        }
        for (what, sql) in STRAYS {
            if tx.prepare(sql)?.exists([])? {
                return Ok(Some((
                    0,
                    format!("{what} belongs to nothing that an entry speaks of: it was put in or cut off"),
                )));
            }
        }
        Ok(None)
    }
}
