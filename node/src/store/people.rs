//! People's rights over what is stored: find, export, erase, restrict, object; and keeping nothing longer than needed.
//!
//! A row is a person's when it carries one of their NHS numbers, or carries none and has one of their council ids.
//! Whoever asks gives one id; the ids that stand beside it on rows are taken along when they belong to nobody else.
//! Everything here is one transaction, and durable when it returns.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use folkmoot_proto::period::Day;
use rusqlite::{Transaction, params};

use super::bytes::Reader;
use super::change::{self, Redo, What};
use super::codec::{Cell, Facts, Found, put_findings, put_texts, take_findings, take_texts};
use super::interner::{Interner, Kind, nhs_number};
use super::marks::{self, Mark, Marks, PersonId};
use super::terms::Texts;
use super::{Error, Records, damaged};
use crate::clean::rule::Rule;
use crate::clean::{dates, numbers};
use crate::import::columns::{COUNT, Column};
use folkmoot_runtime::store::Stop;

/// Which rows are a person's, and what stands against taking them together. No `Debug`: it holds ids.
#[derive(Clone)]
pub struct Person {
    /// Every id that is the person's.
    pub ids: Vec<PersonId>,
    /// Ids that stand on the person's rows and on other people's too: they were left alone, and somebody should look.
    pub shared: Vec<PersonId>,
    /// Rows held, by submission.
    pub rows: BTreeMap<i64, u64>,
    /// True when the person is restricted.
    pub restricted: bool,
    /// True when the person is on the opt-out list.
    pub opted_out: bool,
    /// True when the person was erased, and stays away until that is lifted.
    pub erased: bool,
}

/// A row exactly as it was in the file, with its findings. No `Debug`: it holds everything about a person.
#[derive(Clone)]
pub struct RawRow {
    /// The submission.
    pub submission: i64,
    /// Row number in the file.
    pub number: u32,
    /// Every cell that was not blank, in the specification's order.
    pub cells: Vec<(Column, String)>,
    /// What was found in the row.
    pub findings: Vec<(Option<Column>, Rule)>,
}

/// A link to a person on somebody else's row. No `Debug`.
#[derive(Clone)]
pub struct Mention {
    /// The submission.
    pub submission: i64,
    /// Row number in the file.
    pub row: u32,
    /// The column that names the person.
    pub column: Column,
}

/// What was removed, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Removed {
    /// People.
    pub people: u64,
    /// Rows.
    pub rows: u64,
    /// Links on other people's rows.
    pub links: u64,
    /// Submissions that changed.
    pub submissions: u64,
}

/// The store's numbers of a person's ids.
#[derive(Default, Clone)]
struct Numbers {
    nhs: HashSet<u32>,
    council: HashSet<u32>,
}

impl Numbers {
    fn owns(&self, facts: &Facts) -> bool {
        if facts.nhs != 0 { self.nhs.contains(&facts.nhs) } else { self.council.contains(&facts.council) }
    }
}

type Result<T> = std::result::Result<T, Stop<Error>>;

impl Records {
    /// What is held about whoever has this id.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn find_person(&self, id: &PersonId) -> std::result::Result<Person, Error> {
        self.read("find a person", |tx| {
            let mut interner = load(tx)?;
            let (_, person) = resolve(tx, &mut interner, id)?;
            Ok(person)
        })
    }

    /// Every row held about whoever has this id, as it was in the files, with findings.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn export_person(&self, id: &PersonId) -> std::result::Result<Vec<RawRow>, Error> {
        self.read("export a person", |tx| {
            let mut interner = load(tx)?;
            let (numbers, _) = resolve(tx, &mut interner, id)?;
            let texts = Texts::load(tx)?;
            let mut all = Vec::new();
            each_block(tx, |block| {
                let mut findings: HashMap<u32, Vec<(Option<Column>, Rule)>> = HashMap::new();
                for found in &block.findings {
                    findings.entry(found.row).or_default().push((found.column, found.rule));
                }
                for (facts, cells) in block.rows.iter().filter(|(facts, _)| numbers.owns(facts)) {
                    let cells = Column::ALL.into_iter().filter_map(|column| {
                        raw(column, cells[column.index()], facts, &interner, &texts).map(|text| (column, text))
                    });
                    all.push(RawRow {
                        submission: block.submission,
                        number: facts.number,
                        cells: cells.collect(),
                        findings: findings.remove(&facts.number).unwrap_or_default(),
                    });
                }
                Ok(None)
            })?;
            Ok(all)
        })
    }

    /// Where other people's rows name whoever has this id, as a person they are linked to.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn mentions_of_person(&self, id: &PersonId) -> std::result::Result<Vec<Mention>, Error> {
        self.read("look for links to a person", |tx| {
            let mut interner = load(tx)?;
            let (numbers, _) = resolve(tx, &mut interner, id)?;
            let mut all = Vec::new();
            each_block(tx, |block| {
                for (facts, _) in block.rows.iter().filter(|(facts, _)| !numbers.owns(facts)) {
                    let columns = [Column::Linked1, Column::Linked2, Column::Linked3];
                    for (_, column) in facts.linked.iter().zip(columns).filter(|(id, _)| numbers.council.contains(id)) {
                        all.push(Mention { submission: block.submission, row: facts.number, column });
                    }
                }
                Ok(None)
            })?;
            Ok(all)
        })
    }

    /// Removes every row about whoever has this id, their findings, and links to them on other rows; and remembers a
    /// keyed fingerprint, so that no later import of any file brings them back.
    ///
    /// What is known of files as a whole stays: numbers of rows, ends by month, counts of findings.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn erase_person(&self, id: &PersonId, today: Day) -> std::result::Result<Removed, Error> {
        let removed = self.erase_person_noted(id, today, |_, _| None)?;
        self.empty_log();
        Ok(removed)
    }

    /// As [`Records::erase_person`]; `digest` gives what the log will have, from what was held and what was removed. Whoever
    /// writes that entry empties the store's write-ahead log after it ([`crate::agree::settle`]).
    ///
    /// # Errors
    /// As it.
    pub fn erase_person_noted(
        &self,
        id: &PersonId,
        today: Day,
        digest: impl FnOnce(&Person, &Removed) -> Option<String>,
    ) -> std::result::Result<Removed, Error> {
        self.write("erase a person", |tx| {
            let mut interner = load(tx)?;
            let (numbers, person) = resolve(tx, &mut interner, id)?;
            if matches!(id, PersonId::Council(_)) && person.shared.iter().any(|id| matches!(id, PersonId::Nhs(_))) {
                return Err(Stop::Because(Error::SeveralPeople));
            }
            let mut marks = Marks::load(tx)?;
            marks.add(tx, &mut interner, Mark::Erased, &person.ids, today)?;
            let mut removed = remove(tx, &interner, &numbers.council, |facts| numbers.owns(facts))?;
            removed.people = u64::from(removed.rows > 0);
            let digest = digest(&person, &removed);
            change::note(tx, What::Erased, self.who(), "the person was erased", digest.as_deref())?;
            Ok(removed)
        })
    }

    /// Erases and restricts again whom the log's file remembers, in records that were put back. Nobody who is erased or
    /// restricted here is freed. The opt-out list counts as not loaded, since it may not be the last one.
    ///
    /// # Errors
    /// [`Error::OtherKey`] unless told to go on regardless; [`Error::Store`], [`Error::Damaged`].
    pub(crate) fn redo(&self, redo: &Redo<'_>) -> std::result::Result<Removed, Error> {
        self.write("erase and restrict again", |tx| {
            let mut removed = Removed::default();
            if change::secret(tx)? == redo.secret {
                let interner = load(tx)?;
                change::put_back(tx, redo.kept)?;
                let marks = Marks::load(tx)?;
                let mut erased = Numbers::default();
                let gone: HashSet<_> =
                    redo.kept.iter().filter(|k| k.kind == Mark::Erased as u8).map(|k| k.fingerprint).collect();
                for number in 1..=u32::try_from(interner.len()).unwrap_or(u32::MAX) {
                    let Some(id) = interner.text(number).and_then(|(kind, text)| PersonId::of(kind, text)) else {
                        continue;
                    };
                    if marks.has(Mark::Restricted, &id) {
                        marks.note_new(tx, &id, number)?;
                    }
                    if gone.contains(&marks.fingerprint(&id)) {
                        match id {
                            PersonId::Nhs(_) => erased.nhs.insert(number),
                            PersonId::Council(_) => erased.council.insert(number),
                        };
                    }
                }
                removed = remove(tx, &interner, &erased.council, |facts| erased.owns(facts))?;
            } else if !redo.regardless {
                return Err(Stop::Because(Error::OtherKey));
            }
            tx.execute("DELETE FROM opt_out_list", [])?;
            if !redo.only_files {
                // No revision was ever as high as the number of changes: these are data that no answer was made from.
                tx.execute(
                    "UPDATE submission SET revision = max(revision, ?1) + 1",
                    [i64::try_from(redo.known).unwrap_or(i64::MAX - 1)],
                )?;
            }
            let what = if redo.only_files { What::FilesLost } else { What::Reconciled };
            change::note_after(tx, redo.known, what, redo.who, redo.words, None)?;
            Ok(removed)
        })
    }

    /// Lets an erased person be imported again. True when they were on the list.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn lift_erasure(&self, id: &PersonId) -> std::result::Result<bool, Error> {
        self.unmark(Mark::Erased, id, (What::ErasureLifted, "an erasure was taken back"), None)
    }

    /// Keeps a person's rows but lets no figure read them. True when this is new.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn restrict_person(&self, id: &PersonId, today: Day) -> std::result::Result<bool, Error> {
        let new = self.restrict_person_noted(id, today, None)?;
        self.empty_log();
        Ok(new)
    }

    /// As [`Records::restrict_person`], with the digest that the log will have. Whoever writes that entry empties the store's
    /// write-ahead log after it ([`crate::agree::settle`]).
    ///
    /// # Errors
    /// As it.
    pub fn restrict_person_noted(
        &self,
        id: &PersonId,
        today: Day,
        digest: Option<&str>,
    ) -> std::result::Result<bool, Error> {
        self.write("restrict a person", |tx| {
            let mut interner = load(tx)?;
            let (_, person) = resolve(tx, &mut interner, id)?;
            let mut marks = Marks::load(tx)?;
            let new = marks.add(tx, &mut interner, Mark::Restricted, &person.ids, today)?;
            changed(tx, person.rows.keys().copied())?;
            change::note(tx, What::Restricted, self.who(), "a person was restricted", digest)?;
            Ok(new)
        })
    }

    /// Lets figures read a restricted person's rows again. True when they were restricted.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn free_person(&self, id: &PersonId) -> std::result::Result<bool, Error> {
        self.free_person_noted(id, None)
    }

    /// As [`Records::free_person`], with the digest that the log will have.
    ///
    /// # Errors
    /// As it.
    pub fn free_person_noted(&self, id: &PersonId, digest: Option<&str>) -> std::result::Result<bool, Error> {
        self.unmark(Mark::Restricted, id, (What::RestrictionLifted, "a restriction ended"), digest)
    }

    fn unmark(
        &self,
        mark: Mark,
        id: &PersonId,
        (what, words): (What, &str),
        digest: Option<&str>,
    ) -> std::result::Result<bool, Error> {
        self.write("take a mark away", |tx| {
            let mut interner = load(tx)?;
            let (_, person) = resolve(tx, &mut interner, id)?;
            let mut marks = Marks::load(tx)?;
            let mut lifted = false;
            for id in &person.ids {
                lifted |= marks.lift(tx, &interner, mark, id)?;
            }
            changed(tx, person.rows.keys().copied())?;
            change::note(tx, what, self.who(), words, digest)?;
            Ok(lifted)
        })
    }

    /// Removes people whose last event was before a day, and rows about nobody that ended before it. Open services count
    /// as running to the day their file was received. With `dry_run`, only counts.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn purge(&self, before: Day, dry_run: bool) -> std::result::Result<Removed, Error> {
        let done = self.store.write_or("remove what was kept long enough", |tx| {
            let removed = purge(tx, before).map_err(|stop| match stop {
                Stop::Failed(error) => Stop::Failed(error),
                Stop::Because(error) => Stop::Because(Err(error)),
            })?;
            let words = format!("people whose last event was before {before} were removed");
            change::note(tx, What::Purged, self.who(), &words, None)?;
            // Giving up rolls everything back.
            if dry_run { Err(Stop::Because(Ok(removed))) } else { Ok(removed) }
        })?;
        done.or_else(|instead| instead)
    }
}

fn purge(tx: &Transaction<'_>, before: Day) -> Result<Removed> {
    let interner = load(tx)?;
    let mut statement = tx.prepare("SELECT id, received FROM submission")?;
    let received: HashMap<i64, Day> = statement
        .query_map([], |row| Ok((row.get(0)?, Day::from_number(row.get(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    let mut last: HashMap<u32, Day> = HashMap::new();
    let mut whose: HashSet<(u32, u32)> = HashSet::new();
    each_block(tx, |block| {
        for (facts, _) in &block.rows {
            whose.insert((owner(facts), facts.council));
            let Some(day) = last_day(facts, received.get(&block.submission).copied()) else { continue };
            let held = last.entry(owner(facts)).or_insert(day);
            *held = (*held).max(day);
        }
        Ok(None)
    })?;
    let old: HashSet<u32> = last.iter().filter(|(id, day)| **id != 0 && **day < before).map(|(id, _)| *id).collect();
    // Links to people who are gone altogether go with them: their council ids that stand on nobody else's row.
    let kept: HashSet<u32> = whose.iter().filter(|(owner, _)| !old.contains(owner)).map(|(_, id)| *id).collect();
    let gone: HashSet<u32> = whose
        .iter()
        .filter(|(owner, id)| old.contains(owner) && *id != 0 && !kept.contains(id))
        .map(|(_, id)| *id)
        .collect();
    let mut removed = remove(tx, &interner, &gone, |facts| match owner(facts) {
        0 => facts.end.or(facts.start).is_some_and(|day| day < before),
        id => old.contains(&id),
    })?;
    removed.people = old.len() as u64;
    Ok(removed)
}

/// Whose row it is, as identity is told row by row; 0 is nobody.
fn owner(facts: &Facts) -> u32 {
    if facts.nhs != 0 { facts.nhs } else { facts.council }
}

/// The last day that a row speaks of.
fn last_day(facts: &Facts, received: Option<Day>) -> Option<Day> {
    match (facts.start, facts.end) {
        (Some(_), None) => received.max(facts.start),
        (start, end) => end.max(start),
    }
}

fn load(tx: &Transaction<'_>) -> Result<Interner> {
    Interner::load(tx)?.ok_or_else(|| damaged("the list of ids"))
}

/// One block, read whole.
struct Block<'a> {
    submission: i64,
    rows: Vec<(Facts, [Cell<'a>; COUNT])>,
    findings: Vec<Found>,
}

/// What replaces a block: facts, texts, findings. All empty removes it.
type Blobs = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Hands over every block of the store; what is given back replaces it.
fn each_block(tx: &Transaction<'_>, mut look: impl FnMut(&Block<'_>) -> Result<Option<Blobs>>) -> Result<()> {
    let mut ids = tx.prepare_cached("SELECT id FROM block ORDER BY id")?;
    let ids: Vec<i64> = ids.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for id in ids {
        let mut statement = tx.prepare_cached("SELECT submission, facts, texts, findings FROM block WHERE id = ?1")?;
        let (submission, facts, texts, findings): (i64, Vec<u8>, Vec<u8>, Vec<u8>) =
            statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let broken = || damaged(format!("block {id} of submission {submission}"));
        let (mut from, mut cells) = (Reader::new(&facts), Reader::new(&texts));
        let (mut row, mut rows) = (Facts::default(), Vec::new());
        while !from.is_empty() {
            row.take(&mut from).ok_or_else(broken)?;
            rows.push((row.clone(), take_texts(&mut cells).ok_or_else(broken)?));
        }
        let block = Block { submission, rows, findings: take_findings(&findings).ok_or_else(broken)? };
        match look(&block)? {
            None => {}
            Some((facts, _, findings)) if facts.is_empty() && findings.is_empty() => {
                tx.prepare_cached("DELETE FROM block WHERE id = ?1")?.execute([id])?;
            }
            Some((facts, texts, findings)) => {
                tx.prepare_cached("UPDATE block SET facts = ?2, texts = ?3, findings = ?4 WHERE id = ?1")?
                    .execute(params![id, facts, texts, findings])?;
            }
        }
    }
    Ok(())
}

/// A cell's text as it was in the file.
fn raw(column: Column, cell: Cell<'_>, facts: &Facts, interner: &Interner, texts: &Texts) -> Option<String> {
    let council = |id: u32| interner.council(id).map(str::to_owned);
    match cell {
        Cell::Blank => None,
        Cell::Here(text) => Some(text.to_owned()),
        Cell::Term(term) => texts.text(column, term).map(str::to_owned),
        Cell::Plain => match column {
            Column::NhsNumber => {
                let (_, bytes) = interner.text(facts.nhs)?;
                nhs_number(bytes).map(|number| format!("{number:010}"))
            }
            Column::PersonId => council(facts.council),
            Column::Linked1 => council(facts.linked[0]),
            Column::Linked2 => council(facts.linked[1]),
            Column::Linked3 => council(facts.linked[2]),
            Column::EventStart => facts.start.map(dates::write),
            Column::EventEnd => facts.end.map(dates::write),
            Column::Death => facts.death.map(dates::write),
            Column::Birth => facts.birth.map(dates::write),
            Column::UnitCost => facts.unit_cost.map(numbers::write),
            Column::PlannedUnits => facts.planned_units.map(numbers::write),
            _ => None,
        },
    }
}

/// Finds out which ids are a person's, and counts their rows.
fn resolve(tx: &Transaction<'_>, interner: &mut Interner, asked: &PersonId) -> Result<(Numbers, Person)> {
    let mut pairs: HashSet<(u32, u32)> = HashSet::new();
    each_block(tx, |block| {
        pairs.extend(block.rows.iter().filter(|(f, _)| f.nhs != 0 && f.council != 0).map(|(f, _)| (f.nhs, f.council)));
        Ok(None)
    })?;
    let mut numbers = Numbers::default();
    let mut shared = BTreeSet::new();
    if let Some(number) = interner.find(asked.kind(), &asked.bytes()) {
        match asked.kind() {
            Kind::Nhs => drop(numbers.nhs.insert(number)),
            _ => {
                numbers.council.insert(number);
                let beside: Vec<u32> = pairs.iter().filter(|pair| pair.1 == number).map(|pair| pair.0).collect();
                match beside.as_slice() {
                    [one] => drop(numbers.nhs.insert(*one)),
                    several => shared.extend(several.iter().copied()),
                }
            }
        }
        let beside: Vec<u32> = pairs.iter().filter(|pair| numbers.nhs.contains(&pair.0)).map(|pair| pair.1).collect();
        for council in beside {
            if pairs.iter().any(|pair| pair.1 == council && !numbers.nhs.contains(&pair.0)) {
                shared.insert(council);
            } else {
                numbers.council.insert(council);
            }
        }
    }
    let mut rows = BTreeMap::new();
    each_block(tx, |block| {
        let owned = block.rows.iter().filter(|(facts, _)| numbers.owns(facts)).count() as u64;
        if owned > 0 {
            *rows.entry(block.submission).or_insert(0) += owned;
        }
        Ok(None)
    })?;
    let id = |number: &u32| interner.text(*number).and_then(|(kind, text)| PersonId::of(kind, text));
    let mut ids: Vec<PersonId> = numbers.nhs.iter().chain(&numbers.council).filter_map(id).collect();
    if ids.is_empty() {
        ids.push(asked.clone());
    }
    let marks = Marks::load(tx)?;
    let has = |mark: Mark| ids.iter().any(|id| marks.has(mark, id));
    let (restricted, opted_out, erased) = (has(Mark::Restricted), has(Mark::OptedOut), has(Mark::Erased));
    let shared = shared.iter().filter_map(id).collect();
    Ok((numbers, Person { ids, shared, rows, restricted, opted_out, erased }))
}

/// Notes that figures made from these submissions before are not those made after.
fn changed(tx: &Transaction<'_>, submissions: impl Iterator<Item = i64>) -> Result<()> {
    for submission in submissions {
        tx.prepare_cached("UPDATE submission SET revision = revision + 1 WHERE id = ?1")?.execute([submission])?;
    }
    Ok(())
}

/// Removes rows, their findings, links to `gone` ids, and every id and text that no row has any more.
fn remove(
    tx: &Transaction<'_>,
    interner: &Interner,
    gone: &HashSet<u32>,
    leaves: impl Fn(&Facts) -> bool,
) -> Result<Removed> {
    let mut removed = Removed::default();
    let mut touched = BTreeSet::new();
    let mut ids = vec![false; interner.len() + 1];
    let mut terms: Vec<HashSet<u32>> = vec![HashSet::new(); COUNT];
    each_block(tx, |block| {
        let mut change = false;
        let mut blobs: Blobs = Default::default();
        let (mut left, mut before) = (HashSet::new(), 0);
        for (facts, cells) in &block.rows {
            if leaves(facts) {
                removed.rows += 1;
                left.insert(facts.number);
                change = true;
                continue;
            }
            let (mut facts, mut cells) = (facts.clone(), *cells);
            for (link, column) in facts.linked.iter_mut().zip([Column::Linked1, Column::Linked2, Column::Linked3]) {
                if gone.contains(link) {
                    *link = 0;
                    cells[column.index()] = Cell::Blank;
                    removed.links += 1;
                    change = true;
                }
            }
            for id in [facts.nhs, facts.council].iter().chain(&facts.linked).chain(&facts.keys) {
                if let Some(held) = ids.get_mut(*id as usize) {
                    *held = true;
                }
            }
            for (cell, held) in cells.iter().zip(&mut terms) {
                if let Cell::Term(term) = cell {
                    held.insert(*term);
                }
            }
            facts.put(&mut blobs.0, before);
            put_texts(&mut blobs.1, &cells);
            before = facts.number;
        }
        if !change {
            return Ok(None);
        }
        touched.insert(block.submission);
        let mut before = 0;
        for group in block.findings.chunk_by(|a, b| a.row == b.row).filter(|group| !left.contains(&group[0].row)) {
            let findings: Vec<_> = group.iter().map(|found| (found.column, found.rule)).collect();
            put_findings(&mut blobs.2, before, group[0].row, &findings);
            before = group[0].row;
        }
        Ok(Some(blobs))
    })?;
    if touched.is_empty() {
        return Ok(removed);
    }
    interner.rewrite(tx, |id| ids.get(id as usize).copied().unwrap_or(false))?;
    let mut statement = tx.prepare("SELECT field, id FROM term")?;
    let held: Vec<(u8, u32)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    for (field, id) in held {
        if !terms.get(usize::from(field)).is_some_and(|held| held.contains(&id)) {
            tx.prepare_cached("DELETE FROM term WHERE field = ?1 AND id = ?2")?.execute(params![field, id])?;
        }
    }
    for mark in [Mark::Restricted, Mark::OptedOut] {
        for id in marks::marked(tx, mark)? {
            if !ids.get(id as usize).copied().unwrap_or(false) {
                tx.prepare_cached("DELETE FROM marked WHERE kind = ?1 AND id = ?2")?
                    .execute(params![mark as u8, id])?;
            }
        }
    }
    removed.submissions = touched.len() as u64;
    changed(tx, touched.into_iter())?;
    Ok(removed)
}
