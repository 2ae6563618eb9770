//! `records.db`: what the council imported, encrypted.
//!
//! A submission's rows lie in blocks of about a thousand, each block three blobs: values that figures are made from,
//! the cells as they were in the file, and findings (`codec`). Ids are numbers that are the same over all submissions
//! (`interner`); texts of columns with few different ones are kept once (`terms`). One import is one transaction
//! (`writer`). [`people`] finds, exports, erases and restricts.
//!
//! A [`Records`] is an [`assemble::Source`](crate::assemble::Source).

mod bytes;
mod cells;
mod change;
mod codec;
mod interner;
mod marks;
mod opt_out;
pub mod people;
mod terms;
mod writer;

use std::path::Path;
use std::sync::Arc;

use folkmoot_proto::codelist::{CodeList, EventType};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use folkmoot_runtime::store::{self as files, Access, Key, Migration, Options, Schema, Stop, Store, Synchronous};
use rusqlite::{OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use crate::assemble::periods::MonthlyEnds;
use crate::clean::cells::CellCodes;
use crate::clean::rule::Rule;
use crate::clean::verdict::{Outcome, Status};
use crate::import::columns::Column;
use crate::row::{EventKind, Row};
use bytes::Reader;
pub use change::{Change, Kept, Standing, State, What};
pub(crate) use change::{Redo, note};
use codec::Facts;
pub use codec::Found;
pub use marks::{Mark, PersonId};
pub use opt_out::{Loaded, OptedIn};
pub(crate) use writer::{NewSubmission, Writer};

/// The kind of store and its history.
pub const SCHEMA: Schema = Schema {
    name: "records",
    migrations: &[
        Migration {
            number: 1,
            name: "submissions, rows, ids and marks",
            sql: include_str!("../../migrations/records/0001_records.sql"),
        },
        Migration {
            number: 2,
            name: "opt-out list",
            sql: include_str!("../../migrations/records/0002_opt_out_list.sql"),
        },
        Migration { number: 3, name: "list of changes", sql: include_str!("../../migrations/records/0003_change.sql") },
    ],
};

/// Why the records could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file, its key or its schema.
    #[error(transparent)]
    Store(#[from] files::Error),
    /// The content of the file is not what this software writes.
    #[error("{what} in the records cannot be read back; keep a copy of the file and restore the last good backup")]
    Damaged {
        /// Which part.
        what: String,
    },
    /// There is no such submission.
    #[error("there is no submission {0}; `submissions` lists those there are")]
    NoSubmission(i64),
    /// Fingerprints made with another key than this store's: nobody can be found by them.
    #[error(
        "the erasures that the log remembers were made with another store's key, so nobody can be found by them; look at who was \
         erased in your own file of requests, then say --regardless and erase them again"
    )]
    OtherKey,
    /// A council id that stands beside several NHS numbers cannot say whose rows are meant.
    #[error("this council id stands beside more than one NHS number; look at `person find`, then ask by NHS number")]
    SeveralPeople,
}

fn damaged(what: impl Into<String>) -> Stop<Error> {
    Stop::Because(Error::Damaged { what: what.into() })
}

/// What is known of a file as a whole. Nothing about a person.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FileFacts {
    /// `UTF-8` or `Windows-1252`.
    pub encoding: String,
    /// Records after the header, blank ones included.
    pub records: u64,
    /// Rows stored without an error or a warning.
    pub clean: u64,
    /// Rows stored with at least one.
    pub with_findings: u64,
    /// Rows that were not stored.
    pub rejected: u64,
    /// Blank rows, skipped.
    pub blank: u64,
    /// Earliest reporting period start that a row states.
    pub stated_start: Option<Day>,
    /// Latest reporting period end that a row states.
    pub stated_end: Option<Day>,
    /// Different pairs of stated dates (counted up to 1,000).
    pub stated_periods: u64,
    /// Columns of the specification that the file does not have, by machine name.
    pub missing_columns: Vec<String>,
    /// Headers that are not in the specification; their cells are not stored.
    pub unknown_columns: Vec<String>,
    /// Columns without a header.
    pub unnamed_columns: u64,
    /// True when rows of another council were taken on demand.
    pub forced_council: bool,
}

impl FileFacts {
    /// Rows stored.
    pub fn accepted(&self) -> u64 {
        self.clean + self.with_findings
    }

    /// The stated reporting period, when it goes forwards.
    pub fn stated(&self) -> Option<ReferencePeriod> {
        ReferencePeriod::inclusive(self.stated_start?, self.stated_end?).ok()
    }
}

/// One file as imported.
#[derive(Clone)]
pub struct Submission {
    /// Its number; of two received on one day the larger is the later.
    pub id: i64,
    /// When the council handed it over.
    pub received: Day,
    /// When it was imported here, in seconds since 1970-01-01 UTC.
    pub imported_at: i64,
    /// Its name, without the folder.
    pub file_name: String,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// Its length in bytes.
    pub bytes: u64,
    /// The version of the closed lists it was cleaned with.
    pub codelists: String,
    /// Grows when rows are erased, purged, restricted or freed.
    pub revision: u64,
    /// What is known of the file as a whole.
    pub facts: FileFacts,
    /// Event ends by month.
    pub ends: MonthlyEnds,
}

impl Submission {
    /// The reporting period that the events show.
    pub fn derived(&self) -> Option<ReferencePeriod> {
        self.ends.derived_period(self.received)
    }
}

/// How many cells of a column have a status and a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QualityCount {
    /// The column.
    pub column: Column,
    /// What rows ask of it.
    pub status: Status,
    /// How cells stand up to it.
    pub outcome: Outcome,
    /// How many.
    pub cells: u64,
}

/// How often a rule was broken in a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FindingCount {
    /// The rule.
    pub rule: Rule,
    /// The column; `None` for whole rows.
    pub column: Option<Column>,
    /// How many cells (or rows).
    pub cells: u64,
    /// The first row with it.
    pub example: u32,
}

/// The council's imported records.
#[derive(Clone, Debug)]
pub struct Records {
    store: Store,
    who: Arc<str>,
}

impl Records {
    fn options(key: Option<Key>, access: Access) -> Options {
        // A change is on the disk before the log speaks of it: a power cut must not leave records that the log calls old.
        Options { schema: SCHEMA, key, synchronous: Synchronous::Full, access }
    }

    /// Makes a new, empty store.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create(path: &Path, key: Option<Key>, access: Access) -> Result<Self, Error> {
        Ok(Self { store: Store::create(path, Self::options(key, access))?, who: "node".into() })
    }

    /// Opens the store.
    ///
    /// # Errors
    /// As [`Store::open`]: missing, wrong key, damaged, of a newer version, in use.
    pub fn open(path: &Path, key: Option<Key>, access: Access) -> Result<Self, Error> {
        Ok(Self { store: Store::open(path, Self::options(key, access))?, who: "node".into() })
    }

    /// The same store, for changes in somebody's name, as the audit log has it.
    #[must_use]
    pub fn in_name_of(&self, who: impl Into<Arc<str>>) -> Self {
        Self { store: self.store.clone(), who: who.into() }
    }

    /// In whose name changes are made.
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// The store beneath, for backup, rekeying and releasing memory.
    pub fn store(&self) -> &Store {
        &self.store
    }

    fn read<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, Stop<Error>>,
    ) -> Result<T, Error> {
        self.store.read_or(name, f)?
    }

    fn write<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, Stop<Error>>,
    ) -> Result<T, Error> {
        self.store.write_or(name, f)?
    }

    /// Leaves nothing of people who were removed or marked in the store's write-ahead log. It waits for whoever reads, so a
    /// change is written down first: [`agree`](crate::agree) calls this for whoever made one.
    pub(crate) fn empty_log(&self) {
        self.store.empty_log();
    }

    /// Every submission, in the order of import.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn submissions(&self) -> Result<Vec<Submission>, Error> {
        self.read("list the submissions", |tx| {
            let mut statement = tx.prepare(
                "SELECT id, received, imported_at, file_name, sha256, bytes, codelists, revision, facts
                 FROM submission ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                let facts = serde_json::from_str(row.get_ref(8)?.as_str().unwrap_or_default())
                    .map_err(|_| damaged(format!("the facts of submission {id}")))?;
                all.push(Submission {
                    id,
                    received: Day::from_number(row.get(1)?),
                    imported_at: row.get(2)?,
                    file_name: row.get(3)?,
                    digest: row.get(4)?,
                    bytes: row.get::<_, i64>(5)?.unsigned_abs(),
                    codelists: row.get(6)?,
                    revision: row.get::<_, i64>(7)?.unsigned_abs(),
                    facts,
                    ends: ends(tx, id)?,
                });
            }
            Ok(all)
        })
    }

    /// The submission with these bytes, if it was imported before.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn find_digest(&self, sha256: &[u8; 32]) -> Result<Option<i64>, Error> {
        self.read("look for the same file", |tx| Ok(find_digest(tx, sha256)?))
    }

    /// Hands every stored row of a submission to `sink`, in file order. Rows of restricted people are left out.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`], [`Error::NoSubmission`].
    pub fn rows(&self, submission: i64, mut sink: impl FnMut(&Row)) -> Result<(), Error> {
        self.read("read the rows", |tx| {
            exists(tx, submission)?;
            let restricted = marks::marked(tx, Mark::Restricted)?;
            let mut statement = tx.prepare_cached("SELECT id, facts FROM block WHERE submission = ?1 ORDER BY id")?;
            let mut blocks = statement.query([submission])?;
            while let Some(block) = blocks.next()? {
                let broken = |id: i64| damaged(format!("block {id} of submission {submission}"));
                let id: i64 = block.get(0)?;
                let bytes = block.get_ref(1)?.as_blob().map_err(|_| broken(id))?;
                let (mut reader, mut facts) = (Reader::new(bytes), Facts::default());
                while !reader.is_empty() {
                    facts.take(&mut reader).ok_or_else(|| broken(id))?;
                    let out = !restricted.is_empty()
                        && (restricted.contains(&facts.nhs) || restricted.contains(&facts.council));
                    if !out {
                        sink(&facts.row());
                    }
                }
            }
            Ok(())
        })
    }

    /// Hands every finding of a submission to `sink`, in file order within each block.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`], [`Error::NoSubmission`].
    pub fn findings(&self, submission: i64, mut sink: impl FnMut(Found)) -> Result<(), Error> {
        self.read("read the findings", |tx| {
            exists(tx, submission)?;
            let mut statement =
                tx.prepare_cached("SELECT id, findings FROM block WHERE submission = ?1 ORDER BY id")?;
            let mut blocks = statement.query([submission])?;
            while let Some(block) = blocks.next()? {
                let id: i64 = block.get(0)?;
                let found = block.get_ref(1)?.as_blob().ok().and_then(codec::take_findings);
                found
                    .ok_or_else(|| damaged(format!("block {id} of submission {submission}")))?
                    .into_iter()
                    .for_each(&mut sink);
            }
            Ok(())
        })
    }

    /// National status and result codes of a submission, counted.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::NoSubmission`].
    pub fn quality(&self, submission: i64) -> Result<Vec<QualityCount>, Error> {
        self.read("read the quality counts", |tx| {
            exists(tx, submission)?;
            let mut statement =
                tx.prepare_cached("SELECT field, status, result, cells FROM quality WHERE submission = ?1")?;
            let mut rows = statement.query([submission])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let column = row.get_ref(0)?.as_str().ok().and_then(Column::from_field);
                let (status, outcome) = (Status::from_code(row.get(1)?), Outcome::from_code(row.get(2)?));
                let (Some(column), Some(status), Some(outcome)) = (column, status, outcome) else {
                    return Err(damaged(format!("a quality count of submission {submission}")));
                };
                all.push(QualityCount { column, status, outcome, cells: row.get::<_, i64>(3)?.unsigned_abs() });
            }
            all.sort_by_key(|count| (count.column, std::cmp::Reverse(count.status), std::cmp::Reverse(count.outcome)));
            Ok(all)
        })
    }

    /// Findings of a submission, counted by rule and column, most first.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::NoSubmission`].
    pub fn finding_counts(&self, submission: i64) -> Result<Vec<FindingCount>, Error> {
        self.read("read the finding counts", |tx| {
            exists(tx, submission)?;
            let mut statement =
                tx.prepare_cached("SELECT rule, field, cells, example FROM finding WHERE submission = ?1")?;
            let mut rows = statement.query([submission])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let id = row.get_ref(0)?.as_str().unwrap_or_default();
                let Some(rule) = Rule::ALL.iter().copied().find(|rule| rule.id() == id) else {
                    return Err(damaged(format!("a finding count of submission {submission}")));
                };
                let column = row.get_ref(1)?.as_str().ok().and_then(Column::from_field);
                all.push(FindingCount {
                    rule,
                    column,
                    cells: row.get::<_, i64>(2)?.unsigned_abs(),
                    example: row.get(3)?,
                });
            }
            all.sort_by_key(|count| (count.rule.level(), std::cmp::Reverse(count.cells), count.rule, count.column));
            Ok(all)
        })
    }
}

impl crate::assemble::Source for Records {
    type Error = Error;

    fn submissions(&self) -> Result<Vec<crate::assemble::Submission>, Error> {
        let all = Records::submissions(self)?.into_iter().map(|held| crate::assemble::Submission {
            id: held.id,
            received: held.received,
            digest: held.digest,
            revision: held.revision,
            ends: held.ends,
        });
        Ok(all.collect())
    }

    fn rows(&self, submission: i64, sink: &mut dyn FnMut(&Row)) -> Result<(), Error> {
        Records::rows(self, submission, sink)
    }

    fn coded_rows(&self, submission: i64, sink: &mut dyn FnMut(&Row, &CellCodes)) -> Result<(), Error> {
        Records::coded_rows(self, submission, sink)
    }
}

pub(crate) fn find_digest(tx: &Transaction<'_>, sha256: &[u8; 32]) -> rusqlite::Result<Option<i64>> {
    tx.query_row("SELECT id FROM submission WHERE sha256 = ?1", [sha256], |row| row.get(0)).optional()
}

fn exists(tx: &Transaction<'_>, submission: i64) -> Result<(), Stop<Error>> {
    let held: Option<i64> =
        tx.query_row("SELECT id FROM submission WHERE id = ?1", [submission], |row| row.get(0)).optional()?;
    held.map(drop).ok_or(Stop::Because(Error::NoSubmission(submission)))
}

/// The number of a kind of event in the table of ends.
fn kind_code(kind: EventKind) -> i64 {
    match kind {
        EventKind::Known(kind) => kind.index() as i64,
        EventKind::Other | EventKind::Blank => EventType::ALL.len() as i64,
    }
}

fn ends(tx: &Transaction<'_>, submission: i64) -> Result<MonthlyEnds, Stop<Error>> {
    let mut ends = MonthlyEnds::default();
    let mut statement = tx.prepare_cached("SELECT month, kind, rows FROM month_end WHERE submission = ?1")?;
    let mut rows = statement.query([submission])?;
    while let Some(row) = rows.next()? {
        let (month, kind, count): (i64, u8, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let month = i16::try_from(month.div_euclid(12))
            .ok()
            .and_then(|year| Month::new(year, month.rem_euclid(12) as i8 + 1))
            .ok_or_else(|| damaged(format!("the month counts of submission {submission}")))?;
        let kind = EventType::ALL.get(usize::from(kind)).map_or(EventKind::Other, |kind| EventKind::Known(*kind));
        ends.add(month, kind, count.unsigned_abs());
    }
    Ok(ends)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
