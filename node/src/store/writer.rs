//! Writes one submission inside one transaction: rows in blocks, ids and texts by number.

use folkmoot_proto::period::Day;
use rusqlite::{Transaction, params};

use super::codec::{Cell, Facts, LISTS, put_findings, put_texts};
use super::interner::{Interner, Kind, nhs_bytes};
use super::marks::{Mark, Marks, PersonId};
use super::terms::Terms;
use super::{FileFacts, FindingCount, QualityCount};
use crate::assemble::periods::MonthlyEnds;
use crate::clean::fold::{is_null, unify};
use crate::clean::record::{Cleaner, Record, Text};
use crate::clean::rule::Rule;
use crate::import::columns::{COUNT, Column};

/// Rows in a block: large enough that SQLite's cost for a row vanishes, small enough to rewrite for one person.
const ROWS: usize = 1024;
/// A block also ends when its findings reach this many bytes.
const FINDINGS: usize = 1 << 16;

/// The columns of the event key whose texts are compared as in the file.
const KEYS: [Column; 5] =
    [Column::ClientType, Column::Route, Column::AssessmentType, Column::ServiceType, Column::ServiceComponent];

/// What is known of a file before its rows are read.
pub(crate) struct NewSubmission<'a> {
    pub(crate) received: Day,
    pub(crate) imported_at: i64,
    pub(crate) file_name: &'a str,
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
    pub(crate) aliases: [u8; 32],
}

/// The store's numbers of a row's ids; 0 is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Identity {
    nhs: u32,
    council: u32,
    linked: [u32; 3],
}

impl Identity {
    pub(crate) fn nhs(self) -> Option<u32> {
        (self.nhs != 0).then_some(self.nhs)
    }

    pub(crate) fn council(self) -> Option<u32> {
        (self.council != 0).then_some(self.council)
    }
}

/// One submission being written.
pub(crate) struct Writer<'tx, 'conn> {
    tx: &'tx Transaction<'conn>,
    submission: i64,
    interner: Interner,
    marks: Marks,
    terms: Terms,
    /// For each column, by the cleaner's number of a text: the term and the event key's number.
    known: Vec<Vec<(u32, u32)>>,
    ends: MonthlyEnds,
    facts: Vec<u8>,
    texts: Vec<u8>,
    findings: Vec<u8>,
    rows: usize,
    last_row: u32,
    last_found: u32,
}

impl<'tx, 'conn> Writer<'tx, 'conn> {
    /// Begins a submission. `Ok(None)` when the store's list of ids cannot be read.
    pub(crate) fn begin(tx: &'tx Transaction<'conn>, file: &NewSubmission<'_>) -> rusqlite::Result<Option<Self>> {
        tx.execute(
            "INSERT INTO submission (received, imported_at, file_name, sha256, bytes, codelists, aliases, revision, facts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '{}')",
            params![
                file.received.number(),
                file.imported_at,
                file.file_name,
                file.sha256,
                file.bytes as i64,
                folkmoot_proto::codelist::VERSION,
                file.aliases,
                super::change::first_revision(tx)?
            ],
        )?;
        let submission = tx.last_insert_rowid();
        let Some(interner) = Interner::load(tx)? else { return Ok(None) };
        Ok(Some(Self {
            tx,
            submission,
            interner,
            marks: Marks::load(tx)?,
            terms: Terms::load(tx)?,
            known: vec![Vec::new(); COUNT],
            ends: MonthlyEnds::default(),
            facts: Vec::with_capacity(1 << 17),
            texts: Vec::with_capacity(1 << 19),
            findings: Vec::with_capacity(FINDINGS + 1024),
            rows: 0,
            last_row: 0,
            last_found: 0,
        }))
    }

    /// The number that the submission will have.
    pub(crate) fn submission(&self) -> i64 {
        self.submission
    }

    /// The numbers of a row's ids; `None` when the row is about someone who was erased.
    pub(crate) fn identify(&mut self, record: &Record<'_>) -> rusqlite::Result<Option<Identity>> {
        let marked = !self.marks.is_empty();
        if marked {
            let nhs = record.nhs.map(PersonId::Nhs);
            let council = record.person_id.map(|id| PersonId::Council(id.to_owned()));
            for id in [nhs, council].into_iter().flatten() {
                // An erased id is not interned, so that whoever is known was never erased, or was freed.
                if self.interner.find(id.kind(), &id.bytes()).is_none() && self.marks.has(Mark::Erased, &id) {
                    return Ok(None);
                }
            }
        }
        let mut identity = Identity::default();
        if let Some(number) = record.nhs {
            identity.nhs = self.intern(Kind::Nhs, &nhs_bytes(number))?;
        }
        if let Some(id) = record.person_id {
            identity.council = self.intern(Kind::Council, id.as_bytes())?;
        }
        for (number, id) in identity.linked.iter_mut().zip(record.linked) {
            let Some(id) = id else { continue };
            let erased = marked
                && self.interner.find(Kind::Council, id.as_bytes()).is_none()
                && self.marks.has(Mark::Erased, &PersonId::Council(id.to_owned()));
            if !erased {
                *number = self.intern(Kind::Council, id.as_bytes())?;
            }
        }
        Ok(Some(identity))
    }

    fn intern(&mut self, kind: Kind, text: &[u8]) -> rusqlite::Result<u32> {
        let before = self.interner.len();
        let number = self.interner.intern(kind, text);
        if self.interner.len() > before
            && !self.marks.is_empty()
            && let Some(id) = PersonId::of(kind, text)
        {
            self.marks.note_new(self.tx, &id, number)?;
        }
        Ok(number)
    }

    /// Adds a row.
    pub(crate) fn add(
        &mut self,
        record: &Record<'_>,
        identity: Identity,
        cleaner: &Cleaner,
        findings: &[(Column, Rule)],
    ) -> rusqlite::Result<()> {
        let mut cells = [Cell::Blank; COUNT];
        let mut keys = [0; KEYS.len()];
        for column in Column::ALL {
            let index = column.index();
            cells[index] = match record.texts[index] {
                Text::Blank => continue,
                Text::Plain => Cell::Plain,
                Text::Here(raw) => Cell::Here(raw),
                Text::Known(known) => Cell::Term(self.known(column, known, cleaner)?),
            };
        }
        for (key, column) in keys.iter_mut().zip(KEYS) {
            *key = match record.texts[column.index()] {
                Text::Known(known) => self.known[column.index()][known as usize].1,
                Text::Here(raw) => self.key(raw)?,
                Text::Blank | Text::Plain => 0,
            };
        }
        let ids = [
            (Column::PersonId, identity.council),
            (Column::Linked1, identity.linked[0]),
            (Column::Linked2, identity.linked[1]),
            (Column::Linked3, identity.linked[2]),
        ];
        for (column, number) in ids {
            let Cell::Here(raw) = cells[column.index()] else { continue };
            if self.interner.council(number) == Some(raw) {
                cells[column.index()] = Cell::Plain;
            } else if number == 0 && column != Column::PersonId && !record.is_blank(column) {
                // A link to someone who was erased is not kept in any form.
                cells[column.index()] = Cell::Blank;
            }
        }
        let mut facts = Facts {
            number: record.number,
            nhs: identity.nhs,
            council: identity.council,
            linked: identity.linked,
            start: record.start,
            end: record.end,
            death: record.death,
            birth: record.birth,
            unit_cost: record.unit_cost,
            planned_units: record.planned_units,
            conversation: record.conversation,
            keys,
            ..Facts::default()
        };
        for (code, column) in facts.codes.iter_mut().zip(LISTS) {
            *code = record.codes[column.index()];
        }
        facts.put(&mut self.facts, self.last_row);
        put_texts(&mut self.texts, &cells);
        self.last_row = record.number;
        self.rows += 1;
        if let Some(end) = record.end {
            self.ends.add(end.month(), record.event, 1);
        }
        if !findings.is_empty() {
            put(&mut self.findings, &mut self.last_found, record.number, findings.iter().map(|(c, r)| (Some(*c), *r)));
        }
        self.flush_when_full()
    }

    /// Notes a row that is not stored.
    pub(crate) fn reject(&mut self, number: u32, rule: Rule) -> rusqlite::Result<()> {
        put(&mut self.findings, &mut self.last_found, number, [(None, rule)].into_iter());
        self.flush_when_full()
    }

    /// The term of a text that the cleaner remembers.
    fn known(&mut self, column: Column, known: u32, cleaner: &Cleaner) -> rusqlite::Result<u32> {
        let index = column.index();
        while self.known[index].len() <= known as usize {
            let text = cleaner.text(column, self.known[index].len() as u32);
            let term = self.terms.term(self.tx, column, text)?;
            let key = if KEYS.contains(&column) { self.key(text)? } else { 0 };
            self.known[index].push((term, key));
        }
        Ok(self.known[index][known as usize].0)
    }

    /// The number of an event key's text: trimmed, with plain dashes and quotes, without case.
    fn key(&mut self, raw: &str) -> rusqlite::Result<u32> {
        let text = unify(raw);
        if text.is_empty() || is_null(&text) {
            return Ok(0);
        }
        self.intern(Kind::Key, text.to_lowercase().as_bytes())
    }

    fn flush_when_full(&mut self) -> rusqlite::Result<()> {
        if self.rows >= ROWS || self.findings.len() >= FINDINGS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> rusqlite::Result<()> {
        if self.rows == 0 && self.findings.is_empty() {
            return Ok(());
        }
        self.tx
            .prepare_cached("INSERT INTO block (submission, facts, texts, findings) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![self.submission, self.facts, self.texts, self.findings])?;
        self.facts.clear();
        self.texts.clear();
        self.findings.clear();
        (self.rows, self.last_row, self.last_found) = (0, 0, 0);
        Ok(())
    }

    /// Event ends by month of the rows added so far.
    pub(crate) fn ends(&self) -> &MonthlyEnds {
        &self.ends
    }

    /// Writes what is left. The transaction's commit makes the submission exist.
    pub(crate) fn finish(
        mut self,
        facts: &FileFacts,
        quality: &[QualityCount],
        findings: &[FindingCount],
    ) -> rusqlite::Result<MonthlyEnds> {
        self.flush()?;
        self.interner.save(self.tx)?;
        let json = serde_json::to_string(facts).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.tx.execute("UPDATE submission SET facts = ?2 WHERE id = ?1", params![self.submission, json])?;
        let mut statement =
            self.tx.prepare("INSERT INTO month_end (submission, month, kind, rows) VALUES (?1, ?2, ?3, ?4)")?;
        for (month, kind, rows) in self.ends.iter() {
            let number = i64::from(month.year()) * 12 + i64::from(month.month()) - 1;
            statement.execute(params![self.submission, number, super::kind_code(kind), rows as i64])?;
        }
        let mut statement = self
            .tx
            .prepare("INSERT INTO quality (submission, field, status, result, cells) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for count in quality {
            statement.execute(params![
                self.submission,
                count.column.field(),
                count.status.code(),
                count.outcome.code(),
                count.cells as i64
            ])?;
        }
        let mut statement = self
            .tx
            .prepare("INSERT INTO finding (submission, rule, field, cells, example) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for count in findings {
            statement.execute(params![
                self.submission,
                count.rule.id(),
                count.column.map_or("", Column::field),
                count.cells as i64,
                count.example
            ])?;
        }
        Ok(self.ends)
    }
}

fn put(out: &mut Vec<u8>, before: &mut u32, number: u32, findings: impl Iterator<Item = (Option<Column>, Rule)>) {
    let all: Vec<_> = findings.collect();
    put_findings(out, *before, number, &all);
    *before = number;
}
