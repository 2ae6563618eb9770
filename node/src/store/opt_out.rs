//! The national data opt-out: the list, and records without the people on it.
//!
//! The list names people by NHS number. A row without a number is theirs, too, when its council id stands beside their
//! numbers and beside nobody else's.

use std::borrow::Cow;
use std::collections::HashSet;

use folkmoot_proto::period::Day;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::change::{self, What};
use super::interner::{Interner, Kind, nhs_bytes};
use super::marks::{self, Mark, Marks, PersonId};
use super::{Error, Records, damaged};
use crate::assemble;
use crate::clean::cells::CellCodes;
use crate::row::{Interned, Row};

/// What loading a list comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// Different numbers on the list.
    pub listed: u64,
    /// How many of them have rows here.
    pub held: u64,
}

/// Records as if nobody on the opt-out list had ever been in them.
pub struct OptedIn<'a> {
    records: &'a Records,
    people: HashSet<u32>,
    /// Council ids that stand beside numbers on the list only.
    ids: HashSet<u32>,
}

impl Records {
    /// Replaces the national data opt-out list by these (valid) NHS numbers.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn load_opt_outs(&self, numbers: impl IntoIterator<Item = u64>, today: Day) -> Result<Loaded, Error> {
        self.load_opt_outs_noted(numbers, today, None)
    }

    /// As [`Records::load_opt_outs`], with the digest that the log will have.
    ///
    /// # Errors
    /// As it.
    pub fn load_opt_outs_noted(
        &self,
        numbers: impl IntoIterator<Item = u64>,
        today: Day,
        digest: Option<&str>,
    ) -> Result<Loaded, Error> {
        self.write("load the opt-out list", |tx| {
            let mut interner = Interner::load(tx)?.ok_or_else(|| damaged("the list of ids"))?;
            tx.execute("DELETE FROM mark WHERE kind = ?1", [Mark::OptedOut as u8])?;
            tx.execute("DELETE FROM marked WHERE kind = ?1", [Mark::OptedOut as u8])?;
            let mut marks = Marks::load(tx)?;
            let mut listed = 0;
            for number in numbers {
                let new = marks.add(tx, &mut interner, Mark::OptedOut, &[PersonId::Nhs(number)], today)?;
                listed += u64::from(new);
            }
            tx.execute("INSERT OR REPLACE INTO opt_out_list (one, loaded) VALUES (1, ?1)", params![today.number()])?;
            // Figures made before are not those made after.
            tx.execute("UPDATE submission SET revision = revision + 1", [])?;
            let words = "a national data opt-out list was loaded";
            change::note(tx, What::OptOutsLoaded, self.who(), words, digest)?;
            Ok(Loaded { listed, held: marks::marked(tx, Mark::OptedOut)?.len() as u64 })
        })
    }

    /// What [`Records::load_opt_outs`] would come to.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn weigh_opt_outs(&self, numbers: impl IntoIterator<Item = u64>) -> Result<Loaded, Error> {
        self.read("weigh an opt-out list", |tx| {
            let mut interner = Interner::load(tx)?.ok_or_else(|| damaged("the list of ids"))?;
            let numbers: HashSet<u64> = numbers.into_iter().collect();
            let held = numbers.iter().filter(|number| interner.find(Kind::Nhs, &nhs_bytes(**number)).is_some()).count();
            Ok(Loaded { listed: numbers.len() as u64, held: held as u64 })
        })
    }

    /// When the opt-out list in force was loaded; `None` when none ever was.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn opt_out_list(&self) -> Result<Option<Day>, Error> {
        self.read("look for the opt-out list", |tx| Ok(loaded(tx)?))
    }

    /// The interned ids of people on the opt-out list, as [`Row::person`] has them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn opted_out(&self) -> Result<HashSet<u32>, Error> {
        self.read("read the opt-out list", |tx| Ok(marks::marked(tx, Mark::OptedOut)?))
    }

    /// The records without the people on the opt-out list; `None` when no list was ever loaded.
    ///
    /// Reads all rows once when anybody on the list is held here.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn opted_in(&self) -> Result<Option<OptedIn<'_>>, Error> {
        if self.opt_out_list()?.is_none() {
            return Ok(None);
        }
        let people = self.opted_out()?;
        let (mut ids, mut others) = (HashSet::new(), HashSet::new());
        if !people.is_empty() {
            for submission in self.submissions()? {
                self.rows(submission.id, |row| {
                    if let (true, Some(person), Some(id)) = (row.person_is_nhs, row.person, row.la_person) {
                        let whose = if people.contains(&person.0) { &mut ids } else { &mut others };
                        whose.insert(id.0);
                    }
                })?;
            }
        }
        ids.retain(|id| !others.contains(id));
        Ok(Some(OptedIn { records: self, people, ids }))
    }
}

fn loaded(tx: &Transaction<'_>) -> rusqlite::Result<Option<Day>> {
    tx.query_row("SELECT loaded FROM opt_out_list", [], |row| Ok(Day::from_number(row.get(0)?))).optional()
}

impl assemble::Source for OptedIn<'_> {
    type Error = Error;

    /// Months are counted over all rows: which quarters a file covers does not depend on who opted out.
    fn submissions(&self) -> Result<Vec<assemble::Submission>, Error> {
        assemble::Source::submissions(self.records)
    }

    fn rows(&self, submission: i64, sink: &mut dyn FnMut(&Row)) -> Result<(), Error> {
        self.records.rows(submission, |row| {
            if let Some(row) = self.without(row) {
                sink(&row);
            }
        })
    }

    fn coded_rows(&self, submission: i64, sink: &mut dyn FnMut(&Row, &CellCodes)) -> Result<(), Error> {
        self.records.coded_rows(submission, |row, codes| {
            if let Some(row) = self.without(row) {
                sink(&row, codes);
            }
        })
    }
}

impl OptedIn<'_> {
    /// The row without links to people on the list; nothing when it is about one of them.
    fn without<'r>(&self, row: &'r Row) -> Option<Cow<'r, Row>> {
        let named = |id: Option<Interned>| id.is_some_and(|id| self.ids.contains(&id.0));
        let out = match row.person {
            Some(person) if row.person_is_nhs => self.people.contains(&person.0),
            Some(_) => named(row.la_person),
            None => false,
        };
        if out {
            return None;
        }
        if !row.linked.iter().any(|link| named(*link)) {
            return Some(Cow::Borrowed(row));
        }
        let mut row = row.clone();
        row.linked.iter_mut().filter(|link| named(**link)).for_each(|link| *link = None);
        Some(Cow::Owned(row))
    }
}
