//! Where rows come from: the store, or plain memory.

use std::convert::Infallible;

use folkmoot_proto::period::Day;

use super::periods::MonthlyEnds;
use crate::clean::cells::CellCodes;
use crate::clean::verdict::{Status, Verdict};
use crate::import::columns::COUNT;
use crate::row::Row;

/// One submission as assembly sees it.
#[derive(Clone)]
pub struct Submission {
    /// The source's id of it; of two received on one day, the larger is the later.
    pub id: i64,
    /// When the council handed it over (not when it was imported here).
    pub received: Day,
    /// SHA-256 of the file's bytes.
    pub digest: [u8; 32],
    /// Grows whenever rows that were imported are changed or left out later (erasure, restriction, objection), so that
    /// a snapshot made before is not taken for one made after.
    pub revision: u64,
    /// Event ends by month, over all rows of the file.
    pub ends: MonthlyEnds,
}

/// Something that holds submissions and their rows.
pub trait Source {
    /// Why it could not be read.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Every submission held, in any order.
    ///
    /// # Errors
    /// When the list cannot be read.
    fn submissions(&self) -> Result<Vec<Submission>, Self::Error>;

    /// Hands every accepted row of a submission to `sink`, in any order, each once.
    ///
    /// # Errors
    /// When the rows cannot be read; what was handed over is then of no use.
    fn rows(&self, submission: i64, sink: &mut dyn FnMut(&Row)) -> Result<(), Self::Error>;

    /// As [`Source::rows`], each row with the status and result codes of its cells.
    ///
    /// # Errors
    /// As [`Source::rows`].
    fn coded_rows(&self, submission: i64, sink: &mut dyn FnMut(&Row, &CellCodes)) -> Result<(), Self::Error>;
}

/// Submissions in plain memory, for tests and benchmarks. Their cells all count as allowed blanks.
#[derive(Default)]
pub struct Memory {
    files: Vec<(Submission, Vec<Row>)>,
}

impl Memory {
    /// Adds a file; its months are counted here, its id is its place from 1.
    pub fn add(&mut self, received: Day, rows: Vec<Row>) -> &mut Self {
        let id = self.files.len() as i64 + 1;
        let mut ends = MonthlyEnds::default();
        rows.iter().for_each(|row| ends.add_row(row));
        let digest = [u8::try_from(id).unwrap_or(u8::MAX); 32];
        self.files.push((Submission { id, received, digest, revision: 0, ends }, rows));
        self
    }
}

impl Source for Memory {
    type Error = Infallible;

    fn submissions(&self) -> Result<Vec<Submission>, Infallible> {
        Ok(self.files.iter().map(|(submission, _)| submission.clone()).collect())
    }

    fn rows(&self, submission: i64, sink: &mut dyn FnMut(&Row)) -> Result<(), Infallible> {
        for (_, rows) in self.files.iter().filter(|(held, _)| held.id == submission) {
            rows.iter().for_each(&mut *sink);
        }
        Ok(())
    }
    fn coded_rows(&self, submission: i64, sink: &mut dyn FnMut(&Row, &CellCodes)) -> Result<(), Infallible> {
        let blank = CellCodes::new(&[Status::Applicable; COUNT], &[Verdict::Blank; COUNT]);
        self.rows(submission, &mut |row| sink(row, &blank))
    }
}
