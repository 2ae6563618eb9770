//! Rows with the status and result codes of their cells, told again from what is kept: cells that were blank, values,
//! and findings. Nothing more is stored for it, so the codes follow every erasure, and other readers pay nothing.

use std::collections::HashMap;

use folkmoot_proto::codelist::EventType;
use folkmoot_proto::period::Day;
use rusqlite::{OptionalExtension as _, Transaction};

use super::bytes::Reader;
use super::codec::{Cell, Facts, Found, LISTS, take_findings, take_texts};
use super::marks::{self, Mark};
use super::terms::Texts;
use super::{Error, Records, damaged};
use crate::clean::applicability::statuses;
use crate::clean::cells::CellCodes;
use crate::clean::dates::{self, Date};
use crate::clean::fold::{is_null, trim};
use crate::clean::lists::{CODE_BLANK, decode};
use crate::clean::record::{Record, Text};
use crate::clean::verdict::Verdict;
use crate::import::columns::{COUNT, Column};
use crate::row::{EventKind, Row};
use folkmoot_runtime::store::Stop;

impl Records {
    /// Hands every stored row of a submission to `sink`, in file order, with the codes that its cells had at import.
    /// Rows of restricted people are left out; a link to somebody who was erased since is a blank cell.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`], [`Error::NoSubmission`].
    pub fn coded_rows(&self, submission: i64, mut sink: impl FnMut(&Row, &CellCodes)) -> Result<(), Error> {
        self.read("read the rows with their codes", |tx| {
            let received: Option<i32> = tx
                .query_row("SELECT received FROM submission WHERE id = ?1", [submission], |row| row.get(0))
                .optional()?;
            let received = received.map(Day::from_number).ok_or(Stop::Because(Error::NoSubmission(submission)))?;
            let restricted = marks::marked(tx, Mark::Restricted)?;
            let mut days = Days::load(tx)?;
            let mut statement =
                tx.prepare_cached("SELECT id, facts, texts, findings FROM block WHERE submission = ?1 ORDER BY id")?;
            let mut blocks = statement.query([submission])?;
            while let Some(block) = blocks.next()? {
                let id: i64 = block.get(0)?;
                let broken = || damaged(format!("block {id} of submission {submission}"));
                let blob = |place: usize| block.get_ref(place)?.as_blob().map_err(|_| broken());
                let (mut from, mut cells) = (Reader::new(blob(1)?), Reader::new(blob(2)?));
                let findings = take_findings(blob(3)?).ok_or_else(broken)?;
                let (mut facts, mut left) = (Facts::default(), findings.as_slice());
                while !from.is_empty() {
                    facts.take(&mut from).ok_or_else(broken)?;
                    let cells = take_texts(&mut cells).ok_or_else(broken)?;
                    // Findings come in the order of rows; those between are of rows that were not stored.
                    let before = left.iter().take_while(|found| found.row < facts.number).count();
                    let own = left[before..].iter().take_while(|found| found.row == facts.number).count();
                    let (findings, rest) = left[before..].split_at(own);
                    left = rest;
                    if restricted.contains(&facts.nhs) || restricted.contains(&facts.council) {
                        continue;
                    }
                    sink(&facts.row(), &codes(&facts, &cells, findings, &mut days, received));
                }
            }
            Ok(())
        })
    }
}

/// The codes of a row, by the rules of the import.
fn codes(facts: &Facts, cells: &[Cell<'_>; COUNT], findings: &[Found], days: &mut Days, received: Day) -> CellCodes {
    let mut verdicts = cells.map(|cell| if cell == Cell::Blank { Verdict::Blank } else { Verdict::Valid });
    // The first finding in a cell decides, so they are written from the last to the first.
    for found in findings.iter().rev() {
        let (Some(column), Some(verdict)) = (found.column, found.rule.verdict()) else { continue };
        if cells[column.index()] != Cell::Blank {
            verdicts[column.index()] = verdict;
        }
    }
    let mut codes = [CODE_BLANK; COUNT];
    for (code, column) in facts.codes.iter().zip(LISTS) {
        codes[column.index()] = *code;
    }
    let record = Record {
        number: facts.number,
        verdicts,
        texts: [Text::Blank; COUNT],
        event: match codes[Column::EventType.index()] {
            CODE_BLANK => EventKind::Blank,
            code => decode::<EventType>(code).value().map_or(EventKind::Other, EventKind::Known),
        },
        client: decode(codes[Column::ClientType.index()]),
        codes,
        start: facts.start,
        end: facts.end,
        death: facts.death,
        birth: facts.birth,
        period_start: None,
        period_end: days.of(Column::PeriodEnd, cells[Column::PeriodEnd.index()]),
        nhs: None,
        person_id: None,
        linked: [None; 3],
        unit_cost: facts.unit_cost,
        planned_units: facts.planned_units,
        conversation: facts.conversation,
    };
    CellCodes::new(&statuses(&record, received), &record.verdicts)
}

/// Days of columns that are kept as texts only.
struct Days {
    texts: Texts,
    known: HashMap<(Column, u32), Option<Day>>,
}

impl Days {
    fn load(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        Ok(Self { texts: Texts::load(tx)?, known: HashMap::new() })
    }

    fn of(&mut self, column: Column, cell: Cell<'_>) -> Option<Day> {
        match cell {
            Cell::Blank | Cell::Plain => None,
            Cell::Here(text) => day(text),
            Cell::Term(term) => {
                *self.known.entry((column, term)).or_insert_with(|| self.texts.text(column, term).and_then(day))
            }
        }
    }
}

fn day(text: &str) -> Option<Day> {
    let trimmed = trim(text);
    match dates::read(trimmed) {
        Date::Day(day, _) if !is_null(trimmed) => Some(day),
        _ => None,
    }
}
