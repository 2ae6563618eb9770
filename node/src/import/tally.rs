//! Counts of one file: findings by rule and column, cells by status and result. Bounded, whatever the file.

use crate::clean::record::Record;
use crate::clean::rule::{Level, Rule};
use crate::clean::verdict::{Outcome, Status};
use crate::store::{FindingCount, QualityCount};

use super::columns::{COUNT, Column};

/// The place of findings about whole rows.
const WHOLE: usize = COUNT;

pub(super) struct Tally {
    /// By rule and column: how many, and the first row.
    findings: Vec<[(u64, u32); COUNT + 1]>,
    /// By column, status code + 1 and result code + 7.
    quality: Vec<[[u64; 9]; 4]>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { findings: vec![[(0, 0); COUNT + 1]; Rule::ALL.len()], quality: vec![[[0; 9]; 4]; COUNT] }
    }

    pub(super) fn found(&mut self, row: u32, column: Option<Column>, rule: Rule) {
        let (cells, example) = &mut self.findings[rule as usize][column.map_or(WHOLE, Column::index)];
        if *cells == 0 {
            *example = row;
        }
        *cells += 1;
    }

    /// Counts a stored row. True when none of its findings is an error or a warning.
    pub(super) fn row(&mut self, record: &Record<'_>, statuses: &[Status; COUNT], findings: &[(Column, Rule)]) -> bool {
        for (index, counts) in self.quality.iter_mut().enumerate() {
            let status = statuses[index];
            let outcome = record.verdicts[index].outcome(status);
            counts[(status.code() + 1) as usize][(outcome.code() + 7) as usize] += 1;
        }
        for (column, rule) in findings {
            self.found(record.number, Some(*column), *rule);
        }
        findings.iter().all(|(_, rule)| rule.level() == Level::Note)
    }

    /// The findings, the most serious and most frequent first.
    pub(super) fn findings(&self) -> Vec<FindingCount> {
        let mut all = Vec::new();
        for (rule, columns) in Rule::ALL.iter().zip(&self.findings) {
            for (place, (cells, example)) in columns.iter().enumerate().filter(|(_, (cells, _))| *cells > 0) {
                let column = Column::ALL.get(place).copied();
                all.push(FindingCount { rule: *rule, column, cells: *cells, example: *example });
            }
        }
        all.sort_by_key(|count| (count.rule.level(), std::cmp::Reverse(count.cells), count.rule, count.column));
        all
    }

    /// The cells by column, status and result, for the 46 fields that the national table counts.
    pub(super) fn quality(&self) -> Vec<QualityCount> {
        let mut all = Vec::new();
        for column in Column::ALL.into_iter().filter(|column| column.is_counted()) {
            for status in Status::ALL {
                for outcome in Outcome::ALL {
                    let cells =
                        self.quality[column.index()][(status.code() + 1) as usize][(outcome.code() + 7) as usize];
                    if cells > 0 {
                        all.push(QualityCount { column, status, outcome, cells });
                    }
                }
            }
        }
        all
    }
}
