//! A council's file to stored rows: all of it, or nothing.
//!
//! ```text
//! bytes -> scan (digest, encoding) -> text -> CSV records -> header, shape -> clean -> conformance, rules -> Writer
//!                                     `---- one thread ----'                `-------- the other ---------------'
//! ```
//!
//! Memory does not grow with the file, except by about forty bytes for each different person. Every row ends stored,
//! stored with findings, or rejected; every finding names row, column and rule. The whole import is one transaction:
//! a crash, a full disk or a refusal leaves the store as it was. The same bytes twice change nothing.

pub mod columns;
mod header;
pub mod report;
mod source;
mod tally;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_runtime::store::Stop;

use crate::clean::applicability::statuses;
use crate::clean::consistency::Seen;
use crate::clean::crossfield;
use crate::clean::lists::Aliases;
use crate::clean::record::{Cleaner, Record};
use crate::clean::rule::Rule;
use crate::clean::verdict::Status;
use crate::store::{self, FileFacts, FindingCount, NewSubmission, QualityCount, Records, Writer};
use columns::Column;
pub use header::Error as HeaderError;
use header::{Header, Shape};
pub use source::{Encoding, Foreign, Source};
use source::{Endless, Meter, Text};
use tally::Tally;

/// How a file is to be imported.
#[derive(Clone)]
pub struct Options {
    /// The node's own council.
    pub council: CouncilCode,
    /// The day the council handed the file over.
    pub received: Day,
    /// Now, in seconds since 1970-01-01 UTC; kept with the submission.
    pub imported_at: i64,
    /// Do everything, then leave the store as it was.
    pub dry_run: bool,
    /// Take rows that name another council.
    pub force_council: bool,
    /// The council's own spellings of list values.
    pub aliases: Aliases,
}

/// Why a file was refused. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("reading {file}")]
    Read {
        /// Its name.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no text that is taken.
    #[error("{file} is {form}")]
    NotText {
        /// Its name.
        file: String,
        /// What it is instead, and what to do.
        form: Foreign,
    },
    /// The header cannot be understood.
    #[error("{file} is refused")]
    Header {
        /// Its name.
        file: String,
        /// Why.
        source: HeaderError,
    },
    /// A quote was opened and never closed.
    #[error(
        "{file} is refused: the record that starts at row {row} does not end within 4 MiB; a double quote is opened in it and never closed"
    )]
    OpenQuote {
        /// Its name.
        file: String,
        /// The row.
        row: u32,
    },
    /// A row names another council.
    #[error(
        "{file} is refused: row {row} names council {found}, and this node is council {own}; if that is right, import it with --force-council"
    )]
    OtherCouncil {
        /// Its name.
        file: String,
        /// The first such row.
        row: u32,
        /// The council named there.
        found: CouncilCode,
        /// The node's council.
        own: CouncilCode,
    },
    /// A header and nothing below it.
    #[error("{file} is refused: it has a header and no rows")]
    NoRows {
        /// Its name.
        file: String,
    },
    /// Every row was rejected.
    #[error("{file} is refused: each of its {rows} rows is bad, most for this reason: {} {}", rule.cause(), rule.fix())]
    EveryRowBad {
        /// Its name.
        file: String,
        /// How many rows.
        rows: u64,
        /// The rule that most of them broke.
        rule: Rule,
    },
    /// The file grew, shrank or changed between the two looks at it.
    #[error("{file} changed while it was being read; wait until it is complete and import it again")]
    Changed {
        /// Its name.
        file: String,
    },
    /// The file has more rows than can be numbered.
    #[error("{file} is refused: it has more than four thousand million rows")]
    TooLong {
        /// Its name.
        file: String,
    },
    /// The store failed. It is as it was before.
    #[error("storing {file}")]
    Store {
        /// The file's name.
        file: String,
        /// Why.
        source: store::Error,
    },
}

/// What became of a file. Holds counts for the council's own eyes.
#[derive(Clone)]
pub struct Summary {
    /// The number that the submission has, or would have had in a dry run.
    pub submission: i64,
    /// The file's name.
    pub file_name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The day it was handed over.
    pub received: Day,
    /// What is known of the file as a whole.
    pub facts: FileFacts,
    /// The reporting period that its events show.
    pub derived: Option<ReferencePeriod>,
    /// Findings by rule and column, the most serious and most frequent first.
    pub findings: Vec<FindingCount>,
    /// National status and result codes.
    pub quality: Vec<QualityCount>,
}

/// How an import ended well.
#[derive(Clone)]
pub enum Outcome {
    /// The file is now a submission.
    Imported(Summary),
    /// The file would have become a submission.
    DryRun(Summary),
    /// These bytes are a submission already; nothing was changed.
    AlreadyHeld {
        /// Its number.
        submission: i64,
    },
}

/// One finding on its way to a report for the council's own eyes.
pub struct Finding<'a> {
    /// Row number in the file.
    pub row: u32,
    /// The column; `None` for the whole row or file.
    pub column: Option<Column>,
    /// What was found.
    pub rule: Rule,
    /// The cell's text, only of columns that say nothing about who a person is.
    pub value: Option<&'a str>,
}

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Rows so far.
    pub rows: u64,
}

/// Who watches an import.
pub trait Watch {
    /// Called for every finding, in file order.
    ///
    /// # Errors
    /// What went wrong with the report; the import is then given up.
    fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
        let _ = finding;
        Ok(())
    }

    /// Called now and then.
    fn progress(&mut self, progress: Progress) {
        let _ = progress;
    }
}

/// Watches nothing.
pub struct Unwatched;
impl Watch for Unwatched {}

/// Records that travel from the reading thread together; few enough to stay in the cache.
const BATCH: usize = 256;
/// Batches on their way at once.
const BATCHES: usize = 4;
/// Different pairs of stated dates that are counted.
const MOST_PERIODS: usize = 1000;

struct Batch {
    records: Vec<csv::StringRecord>,
    filled: usize,
    read: u64,
}

/// Imports one file.
///
/// # Errors
/// Why the file was refused; the store is then as it was.
pub fn import(records: &Records, source: &Source, options: &Options, watch: &mut dyn Watch) -> Result<Outcome, Error> {
    let file = source.name();
    let read = |source| Error::Read { file: file.clone(), source };
    let scan = source::scan(source).map_err(read)?;
    if let Some(form) = scan.foreign {
        return Err(Error::NotText { file, form });
    }
    let stored = |source: store::Error| Error::Store { file: file.clone(), source };
    if let Some(submission) = records.find_digest(&scan.sha256).map_err(stored)? {
        return Ok(Outcome::AlreadyHeld { submission });
    }

    let (text, meter) = Text::open(source, scan.encoding).map_err(read)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 18).from_reader(text);
    let (header, header_row) = read_header(&mut reader, &meter, &file)?;

    let new = NewSubmission {
        received: options.received,
        imported_at: options.imported_at,
        file_name: &file,
        sha256: scan.sha256,
        bytes: scan.bytes,
        aliases: *options.aliases.digest(),
    };
    let done = records.store().write_or("import a file", |tx| {
        // Another process may have imported it since we looked.
        if let Some(submission) = store::find_digest(tx, &scan.sha256)? {
            return Err(end(Ok(Outcome::AlreadyHeld { submission })));
        }
        let writer = Writer::begin(tx, &new)?
            .ok_or_else(|| end(Err(stored(store::Error::Damaged { what: "the list of ids".to_owned() }))))?;
        let mut run = Run {
            file: &file,
            options,
            header: &header,
            writer,
            cleaner: Cleaner::new(options.council, options.aliases.clone()),
            seen: Seen::default(),
            tally: Tally::new(),
            facts: FileFacts::default(),
            periods: Vec::new(),
            findings: Vec::new(),
            row: header_row,
            bytes: scan.bytes,
            watch,
        };
        run.facts.encoding = scan.encoding.label().to_owned();
        let read = std::thread::scope(|scope| {
            let (send, receive) = sync_channel::<Result<Batch, csv::Error>>(BATCHES);
            let (give_back, take_back) = sync_channel::<Batch>(BATCHES + 2);
            let reading = meter.clone();
            scope.spawn(move || read_records(reader, &reading, &send, &take_back));
            run.take_all(receive, &give_back)
        })?;
        if read != scan.bytes {
            return Err(end(Err(Error::Changed { file: file.clone() })));
        }
        let summary = run.finish()?;
        let words = format!("submission {}, {file}", summary.submission);
        store::note(tx, store::What::Imported, records.who(), &words, None)?;
        if options.dry_run { Err(end(Ok(Outcome::DryRun(summary)))) } else { Ok(summary) }
    });
    match done.map_err(|error| stored(error.into()))? {
        Ok(summary) => Ok(Outcome::Imported(summary)),
        Err(ended) => *ended,
    }
}

/// Why the transaction is given up, which may well be a good end. Boxed: it is large and rare.
type Ended = Stop<Box<Result<Outcome, Error>>>;

fn end(ended: Result<Outcome, Error>) -> Ended {
    Stop::Because(Box::new(ended))
}

/// The first record that is not blank, and its row.
fn read_header(reader: &mut csv::Reader<Text>, meter: &Meter, file: &str) -> Result<(Header, u32), Error> {
    let refused = |source| Error::Header { file: file.to_owned(), source };
    let (mut cells, mut row) = (csv::StringRecord::new(), 0);
    loop {
        row += 1;
        match reader.read_record(&mut cells) {
            Ok(true) => meter.record_ended(),
            Ok(false) => return Err(refused(HeaderError::Empty)),
            Err(error) => return Err(reading_failed(error, file, row)),
        }
        if !header::is_blank(&cells) {
            return Ok((header::read(&cells).map_err(refused)?, row));
        }
    }
}

fn reading_failed(error: csv::Error, file: &str, row: u32) -> Error {
    let file = file.to_owned();
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.get_ref().is_some_and(|inner| inner.is::<Endless>()) => {
            Error::OpenQuote { file, row }
        }
        csv::ErrorKind::Io(source) => Error::Read { file, source },
        // The text was valid when it was looked at first, and records may have any length.
        _ => Error::Changed { file },
    }
}

/// Reads all records in batches, until the end, an error, or nobody wants more.
fn read_records(
    mut reader: csv::Reader<Text>,
    meter: &Meter,
    send: &SyncSender<Result<Batch, csv::Error>>,
    back: &Receiver<Batch>,
) {
    loop {
        let mut batch =
            back.try_recv().unwrap_or_else(|_| Batch { records: Vec::with_capacity(BATCH), filled: 0, read: 0 });
        batch.filled = 0;
        let mut failed = None;
        let mut more = true;
        while batch.filled < BATCH {
            if batch.records.len() == batch.filled {
                batch.records.push(csv::StringRecord::new());
            }
            match reader.read_record(&mut batch.records[batch.filled]) {
                Ok(true) => {
                    meter.record_ended();
                    batch.filled += 1;
                }
                Ok(false) => {
                    more = false;
                    break;
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        batch.read = meter.read();
        if send.send(Ok(batch)).is_err() {
            return;
        }
        if let Some(error) = failed {
            // Whoever receives has either gone, or is told; there is nobody else to tell.
            let _ = send.send(Err(error));
            return;
        }
        if !more {
            return;
        }
    }
}

/// One import at work.
struct Run<'a, 'tx, 'conn> {
    file: &'a str,
    options: &'a Options,
    header: &'a Header,
    writer: Writer<'tx, 'conn>,
    cleaner: Cleaner,
    seen: Seen,
    tally: Tally,
    facts: FileFacts,
    periods: Vec<(Day, Day)>,
    findings: Vec<(Column, Rule)>,
    row: u32,
    bytes: u64,
    watch: &'a mut dyn Watch,
}

impl Run<'_, '_, '_> {
    /// Takes all batches; gives the number of bytes read.
    fn take_all(
        &mut self,
        receive: Receiver<Result<Batch, csv::Error>>,
        give_back: &SyncSender<Batch>,
    ) -> Result<u64, Ended> {
        let mut read = 0;
        for batch in receive {
            let batch =
                batch.map_err(|error| self.refuse(reading_failed(error, self.file, self.row.saturating_add(1))))?;
            for cells in &batch.records[..batch.filled] {
                self.row = self
                    .row
                    .checked_add(1)
                    .ok_or_else(|| self.refuse(Error::TooLong { file: self.file.to_owned() }))?;
                self.record(cells)?;
            }
            read = batch.read;
            self.watch.progress(Progress { read, bytes: self.bytes, rows: self.facts.records });
            // A full return channel only means that the reader has batches enough.
            let _ = give_back.try_send(batch);
        }
        Ok(read)
    }

    fn refuse(&self, error: Error) -> Ended {
        end(Err(error))
    }

    fn record(&mut self, cells: &csv::StringRecord) -> Result<(), Ended> {
        self.facts.records += 1;
        match self.header.shape(cells) {
            Shape::Blank => {
                self.facts.blank += 1;
                return Ok(());
            }
            Shape::Broken(rule) => return self.reject(rule),
            Shape::Whole => {}
        }
        let mut findings = std::mem::take(&mut self.findings);
        findings.clear();
        let record = self.cleaner.clean(self.row, &self.header.places, cells, &mut findings);
        let done = self.row(&record, cells, &mut findings);
        self.findings = findings;
        done
    }

    fn row(
        &mut self,
        record: &Record<'_>,
        cells: &csv::StringRecord,
        findings: &mut Vec<(Column, Rule)>,
    ) -> Result<(), Ended> {
        if findings.iter().any(|(_, rule)| *rule == Rule::CouncilOther) {
            self.other_council(cells)?;
        }
        let Some(identity) = self.writer.identify(record)? else { return self.reject(Rule::Erased) };
        let statuses = statuses(record, self.options.received);
        for column in Column::ALL {
            // A column that the whole file lacks is reported once, for the file.
            let asked = statuses[column.index()] == Status::Mandatory && self.header.places[column.index()].is_some();
            if asked && record.is_blank(column) {
                findings.push((column, Rule::Mandatory));
            }
        }
        crossfield::check(record, &statuses, self.options.received, findings);
        self.seen.check(record, identity.nhs(), identity.council(), findings);
        self.note_period(record);
        if self.tally.row(record, &statuses, findings) {
            self.facts.clean += 1;
        } else {
            self.facts.with_findings += 1;
        }
        for (column, rule) in findings.iter() {
            let value = column.may_show_value().then(|| self.cell(cells, *column)).flatten();
            let finding = Finding { row: self.row, column: Some(*column), rule: *rule, value };
            self.watch.finding(&finding).map_err(|source| self.report_failed(source))?;
        }
        self.writer.add(record, identity, &self.cleaner, findings)?;
        Ok(())
    }

    fn cell<'c>(&self, cells: &'c csv::StringRecord, column: Column) -> Option<&'c str> {
        cells.get(usize::from(self.header.places[column.index()]?))
    }

    fn report_failed(&self, source: std::io::Error) -> Ended {
        self.refuse(Error::Read { file: "(writing the findings report)".to_owned(), source })
    }

    fn reject(&mut self, rule: Rule) -> Result<(), Ended> {
        self.facts.rejected += 1;
        self.tally.found(self.row, None, rule);
        let finding = Finding { row: self.row, column: None, rule, value: None };
        self.watch.finding(&finding).map_err(|source| self.report_failed(source))?;
        Ok(self.writer.reject(self.row, rule)?)
    }

    fn other_council(&mut self, cells: &csv::StringRecord) -> Result<(), Ended> {
        self.facts.forced_council = true;
        if self.options.force_council {
            return Ok(());
        }
        match self.cell(cells, Column::LaCode).map(|cell| CouncilCode::parse(crate::clean::fold::trim(cell))) {
            Some(Ok(found)) => Err(self.refuse(Error::OtherCouncil {
                file: self.file.to_owned(),
                row: self.row,
                found,
                own: self.options.council,
            })),
            _ => Ok(()),
        }
    }

    fn note_period(&mut self, record: &Record<'_>) {
        let earliest = |held: Option<Day>, new: Option<Day>| held.into_iter().chain(new).min();
        let latest = |held: Option<Day>, new: Option<Day>| held.into_iter().chain(new).max();
        self.facts.stated_start = earliest(self.facts.stated_start, record.period_start);
        self.facts.stated_end = latest(self.facts.stated_end, record.period_end);
        if let Some(pair) = record.period_start.zip(record.period_end)
            && self.periods.last() != Some(&pair)
            && self.periods.len() < MOST_PERIODS
            && !self.periods.contains(&pair)
        {
            self.periods.push(pair);
        }
    }

    fn finish(mut self) -> Result<Summary, Ended> {
        let file = || self.file.to_owned();
        if self.facts.accepted() == 0 {
            let worst = self.tally.findings().into_iter().max_by_key(|count| count.cells);
            return Err(self.refuse(match worst {
                Some(worst) => Error::EveryRowBad { file: file(), rows: self.facts.rejected, rule: worst.rule },
                None => Error::NoRows { file: file() },
            }));
        }
        let derived = self.writer.ends().derived_period(self.options.received);
        let stated = self.facts.stated();
        if stated.is_some() && stated != derived {
            self.tally.found(1, None, Rule::X12);
            let finding = Finding { row: 1, column: None, rule: Rule::X12, value: None };
            self.watch.finding(&finding).map_err(|source| self.report_failed(source))?;
        }
        self.facts.stated_periods = self.periods.len() as u64;
        self.facts.missing_columns = self
            .header
            .missing
            .iter()
            .filter(|column| !column.is_optional())
            .map(|column| column.field().to_owned())
            .collect();
        self.facts.unknown_columns.clone_from(&self.header.unknown);
        self.facts.unnamed_columns = self.header.unnamed.len() as u64;
        let (findings, quality) = (self.tally.findings(), self.tally.quality());
        let submission = self.writer.submission();
        self.writer.finish(&self.facts, &quality, &findings)?;
        Ok(Summary {
            submission,
            file_name: self.file.to_owned(),
            bytes: self.bytes,
            received: self.options.received,
            facts: self.facts,
            derived,
            findings,
            quality,
        })
    }
}
