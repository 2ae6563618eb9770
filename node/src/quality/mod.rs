//! How good a submission is, field by field, for the council's own analysts; and how that changes over submissions.
//!
//! Counts only, never a value of a person: which cells are valid, of release 1, invalid or blank, by what their rows ask
//! of them, and which rows have the most to put right.

pub mod render;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use folkmoot_proto::period::{Day, ReferencePeriod};

use crate::clean::rule::{Level, Rule};
use crate::clean::verdict::{Outcome, Status};
use crate::import::columns::Column;
use crate::store::{Error, FileFacts, FindingCount, QualityCount, Records, Submission};

/// The cells of one column of one submission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The column.
    pub column: Column,
    /// Passed: valid.
    pub valid: u64,
    /// Failed: release 1.
    pub release_1: u64,
    /// Failed: invalid, for any reason.
    pub invalid: u64,
    /// Failed: blank where a value is mandatory.
    pub blank_mandatory: u64,
    /// Blank where none is.
    pub blank_allowed: u64,
}

impl Field {
    /// All cells.
    pub fn cells(&self) -> u64 {
        self.valid + self.release_1 + self.invalid + self.blank_mandatory + self.blank_allowed
    }

    /// Cells that fail.
    pub fn failed(&self) -> u64 {
        self.release_1 + self.invalid + self.blank_mandatory
    }

    /// Cells that hold something, or should.
    pub fn asked(&self) -> u64 {
        self.valid + self.failed()
    }

    /// Share of the cells that hold something, or should, and fail; in tenths of a percent. `None` when there are none.
    pub fn failing(&self) -> Option<u64> {
        (self.asked() > 0).then(|| (self.failed() * 2000 + self.asked()) / (2 * self.asked()))
    }
}

/// A row with much to put right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorstRow {
    /// Row number in the file.
    pub row: u32,
    /// Findings that are errors, or the reason of rejection.
    pub errors: u32,
    /// Findings that are warnings.
    pub warnings: u32,
    /// What was found.
    pub findings: Vec<(Option<Column>, Rule)>,
}

/// One submission's quality. For the council's own eyes.
#[derive(Clone)]
pub struct Quality {
    /// The submission; `None` for a dry run.
    pub submission: Option<i64>,
    /// The file's name.
    pub file_name: String,
    /// When it was handed over.
    pub received: Day,
    /// The reporting period that its events show.
    pub derived: Option<ReferencePeriod>,
    /// What is known of the file as a whole.
    pub facts: FileFacts,
    /// The 46 fields, in the specification's order.
    pub fields: Vec<Field>,
    /// Findings by rule and column.
    pub findings: Vec<FindingCount>,
    /// The rows with the most findings, worst first.
    pub worst: Vec<WorstRow>,
}

/// Sums counts to fields.
pub fn fields(counts: &[QualityCount]) -> Vec<Field> {
    let counted = Column::ALL.into_iter().filter(|column| column.is_counted());
    let mut fields: Vec<Field> = counted
        .map(|column| Field { column, valid: 0, release_1: 0, invalid: 0, blank_mandatory: 0, blank_allowed: 0 })
        .collect();
    for count in counts {
        let Some(field) = fields.iter_mut().find(|field| field.column == count.column) else { continue };
        let cells = match count.outcome {
            Outcome::Valid => &mut field.valid,
            Outcome::Release1 => &mut field.release_1,
            Outcome::BlankMandatory => &mut field.blank_mandatory,
            Outcome::BlankAllowed => &mut field.blank_allowed,
            Outcome::NotListed | Outcome::Variant | Outcome::Format | Outcome::Implausible => &mut field.invalid,
        };
        *cells += count.cells;
    }
    fields
}

/// The quality of one submission, with its `worst` rows.
///
/// # Errors
/// As [`Records::quality`].
pub fn of(records: &Records, submission: &Submission, worst: usize) -> Result<Quality, Error> {
    Ok(Quality {
        submission: Some(submission.id),
        file_name: submission.file_name.clone(),
        received: submission.received,
        derived: submission.derived(),
        facts: submission.facts.clone(),
        fields: fields(&records.quality(submission.id)?),
        findings: records.finding_counts(submission.id)?,
        worst: worst_rows(records, submission.id, worst)?,
    })
}

/// The rows with the most errors, then the most warnings, then the first in the file.
fn worst_rows(records: &Records, submission: i64, most: usize) -> Result<Vec<WorstRow>, Error> {
    type Ranked = (Reverse<(u32, u32, Reverse<u32>)>, Vec<(Option<Column>, Rule)>);
    if most == 0 {
        return Ok(Vec::new());
    }
    // The heap's top is the best of the worst rows so far: it goes first.
    let mut heap: BinaryHeap<Ranked> = BinaryHeap::new();
    let mut current: Option<WorstRow> = None;
    let mut keep = |row: WorstRow| {
        if row.errors + row.warnings == 0 {
            return;
        }
        heap.push((Reverse((row.errors, row.warnings, Reverse(row.row))), row.findings));
        if heap.len() > most {
            heap.pop();
        }
    };
    records.findings(submission, |found| {
        if current.as_ref().is_none_or(|row| row.row != found.row) {
            if let Some(done) = current.take() {
                keep(done);
            }
            current = Some(WorstRow { row: found.row, errors: 0, warnings: 0, findings: Vec::new() });
        }
        if let Some(row) = &mut current {
            match found.rule.level() {
                Level::Rejected | Level::Error => row.errors += 1,
                Level::Warning => row.warnings += 1,
                Level::Note => return,
            }
            row.findings.push((found.column, found.rule));
        }
    })?;
    if let Some(done) = current.take() {
        keep(done);
    }
    let sorted = heap.into_sorted_vec();
    let rows = sorted.into_iter().map(|(Reverse((errors, warnings, Reverse(row))), findings)| WorstRow {
        row,
        errors,
        warnings,
        findings,
    });
    Ok(rows.collect())
}

/// How many cells of a submission have a status and a result: the data quality measure's cells.
pub fn status_counts(counts: &[QualityCount]) -> impl Iterator<Item = (Column, Status, Outcome, u64)> + '_ {
    counts.iter().map(|count| (count.column, count.status, count.outcome, count.cells))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
