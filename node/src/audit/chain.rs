//! The chain itself: how one entry's digest takes in the one before it.

use folkmoot_proto::query::Canonical;
use folkmoot_proto::wire::v1 as wire;
use jiff::Timestamp;
use rusqlite::{Row, params};
use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::rows;
use crate::ledger::Step;

/// The last entry of a chain: whoever knows it can tell whether a chain shown later continues this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Head {
    /// Number of the last entry; 0 when there is none.
    pub entries: u64,
    /// Its digest.
    pub digest: [u8; 32],
}

impl From<Head> for wire::Head {
    fn from(head: Head) -> Self {
        Self { entries: head.entries, digest: head.digest.to_vec() }
    }
}

impl TryFrom<&wire::Head> for Head {
    type Error = &'static str;

    fn try_from(head: &wire::Head) -> Result<Self, Self::Error> {
        let digest = head.digest.as_slice().try_into().map_err(|_| "a head's digest has 32 bytes")?;
        Ok(Self { entries: head.entries, digest })
    }
}

/// One entry as stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When, RFC 3339 in UTC.
    pub moment: String,
    /// Its JSON body, byte for byte.
    pub body: String,
    /// Digest of the entry above it.
    pub previous: [u8; 32],
    /// Its own digest.
    pub digest: [u8; 32],
}

impl Entry {
    /// The digest that its content gives.
    pub fn computed(&self) -> [u8; 32] {
        digest(self.number, &self.moment, &self.body, &self.previous)
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let number: i64 = row.get(0)?;
        Ok(Self {
            number: number.unsigned_abs(),
            moment: row.get(1)?,
            body: row.get(2)?,
            previous: row.get(3)?,
            digest: row.get(4)?,
        })
    }
}

pub(super) const COLUMNS: &str = "SELECT number, moment, body, previous, digest FROM entry";

fn digest(number: u64, moment: &str, body: &str, previous: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Canonical::new("folkmoot/audit/1");
    bytes.number(number).text(moment).text(body).bytes(previous);
    Sha256::digest(bytes.finish()).into()
}

/// The last entry's head and moment; for an empty chain the owner's genesis.
pub(crate) fn last(step: &Step<'_>) -> rusqlite::Result<(Head, Option<Timestamp>)> {
    let last = step.one("SELECT number, digest, moment FROM entry ORDER BY number DESC LIMIT 1", [], |row| {
        let (number, digest, moment): (i64, [u8; 32], String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((Head { entries: number.unsigned_abs(), digest }, moment.parse().ok()))
    })?;
    match last {
        Some(last) => Ok(last),
        None => {
            let genesis = step.one("SELECT genesis FROM owner", [], |row| row.get(0))?;
            Ok((Head { entries: 0, digest: genesis.unwrap_or_default() }, None))
        }
    }
}

/// Appends an entry in the transaction of whatever it records.
pub(crate) fn append(step: &Step<'_>, record: &Record) -> rusqlite::Result<Head> {
    append_at(step, record, 0)
}

/// As [`append`], with a number of at least `least`: after a recovery, numbers of the lost branch are never used again.
pub(crate) fn append_at(step: &Step<'_>, record: &Record, least: u64) -> rusqlite::Result<Head> {
    let (head, moment) = last(step)?;
    let number = (head.entries + 1).max(least);
    // What is written while the clock is wrong (an import, say) still stands after what was written before it.
    put(step, record, head, number, moment.map_or(step.now, |last| last.max(step.now)))
}

/// As [`append`], at this moment though the entry above is of a later one. The record must say of which, in its `clock`.
pub(crate) fn append_back(step: &Step<'_>, record: &Record) -> rusqlite::Result<Head> {
    let (head, _) = last(step)?;
    put(step, record, head, head.entries + 1, step.now)
}

fn put(step: &Step<'_>, record: &Record, head: Head, number: u64, moment: Timestamp) -> rusqlite::Result<Head> {
    let moment = moment.to_string();
    let mut record = record.clone();
    record.rows = rows::of(step.tx()?, &record)?;
    let body = serde_json::to_string(&record).expect("a record is plain texts and numbers");
    let new = digest(number, &moment, &body, &head.digest);
    let stored = i64::try_from(number).expect("nobody writes 2^63 entries");
    step.execute(
        "INSERT INTO entry (number, moment, body, previous, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![stored, moment, body, head.digest, new],
    )?;
    Ok(Head { entries: number, digest: new })
}
