//! From the rows of several submissions to one history a person, by the Department's published method for its main
//! tables (June 2026), to the last tie-break.
//!
//! ```text
//! submissions -> periods -> select -> filter -> unique (key, crop, keep one) -> person -> Histories
//! ```
//!
//! Read in that order: [`periods`] tells from a file's own ends what it covers, [`select`] gives every quarter its file,
//! [`filter`] keeps the events of the file's quarters and corrects their ends, `unique` keeps one row of each event,
//! `person` finds the latest details. Each step is a council's own: its rows and nobody else's.

mod collect;
mod error;
pub mod filter;
pub mod periods;
mod person;
pub mod select;
mod snapshot;
mod source;
mod unique;

#[cfg(test)]
mod tests;

pub use error::{Error, Warning};
pub use snapshot::SnapshotId;
pub use source::{Memory, Source, Submission};

use folkmoot_proto::period::{Day, ReferencePeriod};

pub use crate::history::Variant;

use crate::history::Histories;
use crate::row::Row;
use collect::Collector;

/// How the texts of the event key are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyReading {
    /// As in the file (the method of June 2026).
    #[default]
    Raw,
    /// As release 2 values (the method from about July 2026).
    Cleaned,
}

/// What to assemble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Submissions received after this day do not exist.
    pub as_of: Day,
    /// The joined window, a whole number of quarters; all quarters held when `None`. The single variant uses its last
    /// twelve months.
    pub joined: Option<ReferencePeriod>,
    /// Joined or single.
    pub variant: Variant,
    /// Raw or cleaned.
    pub key: KeyReading,
}

impl Options {
    /// The default method, as of a day: joined, all quarters held, raw keys.
    pub fn as_of(day: Day) -> Self {
        Self { as_of: day, joined: None, variant: Variant::default(), key: KeyReading::default() }
    }
}

/// A submission that takes part in an assembly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Used {
    /// The source's id of the submission.
    pub submission: i64,
    /// When it was received.
    pub received: Day,
    /// What it speaks for: from the first to the last quarter it was chosen for.
    pub period: ReferencePeriod,
}

/// Histories and how they came about.
pub struct Assembly {
    /// One history a person.
    pub histories: Histories,
    /// Equal ids, equal histories.
    pub snapshot: SnapshotId,
    /// The window that was assembled.
    pub window: ReferencePeriod,
    /// The submissions used, earliest received first.
    pub used: Vec<Used>,
    /// What an operator should know, none of it about a person.
    pub warnings: Vec<Warning>,
}

/// Builds the histories of all people from the submissions that a source holds.
///
/// Reads each chosen submission once. Memory: about 140 bytes a row of the window while it works, 45 an event afterwards.
///
/// # Errors
/// [`Error::Window`] when the window is not a whole number of quarters; [`Error::Nothing`] when no submission received by
/// then covers a quarter of it (or, single, twelve months); [`Error::Submissions`] and [`Error::Rows`] when the source
/// fails; [`Error::TooMany`] beyond 2^31 rows.
pub fn assemble<S: Source>(source: &S, options: &Options) -> Result<Assembly, Error> {
    let submissions = source.submissions().map_err(|cause| Error::Submissions(Box::new(cause)))?;
    let chosen = select::select(&submissions, options)?;

    let periods = chosen.files.iter().map(|file| file.period).collect();
    let mut collector = Collector::new(periods, chosen.details, options.variant, options.key);
    for (place, file) in chosen.files.iter().enumerate() {
        let submission = &submissions[file.index];
        collector.begin(place);
        match options.variant {
            Variant::Joined | Variant::Single => source.rows(submission.id, &mut |row| collector.add(row, None)),
            Variant::SingleWithCodes => {
                source.coded_rows(submission.id, &mut |row, codes| collector.add(row, Some(codes)))
            }
        }
        .map_err(|cause| Error::Rows { submission: submission.id, cause: Box::new(cause) })?;
    }

    Ok(Assembly {
        snapshot: snapshot::id(&submissions, &chosen, options),
        histories: collector.finish()?,
        window: chosen.window,
        used: chosen
            .files
            .iter()
            .map(|file| {
                let submission = &submissions[file.index];
                Used { submission: submission.id, received: submission.received, period: file.period }
            })
            .collect(),
        warnings: chosen.warnings,
    })
}

/// The id that [`assemble`] with the same source and options would give its histories, without reading a row.
///
/// # Errors
/// As [`assemble`], but for the rows.
pub fn snapshot<S: Source>(source: &S, options: &Options) -> Result<SnapshotId, Error> {
    let submissions = source.submissions().map_err(|cause| Error::Submissions(Box::new(cause)))?;
    let chosen = select::select(&submissions, options)?;
    Ok(snapshot::id(&submissions, &chosen, options))
}

/// The last day that any submission covers, by its derived period; `None` when nothing usable is held.
pub fn covered_until(submissions: &[Submission]) -> Option<Day> {
    submissions
        .iter()
        .filter_map(|submission| submission.ends.derived_period(submission.received))
        .map(ReferencePeriod::last)
        .max()
}

/// Builds histories from rows whose reference periods are already settled: the second half of [`assemble`].
///
/// `parts` are the files' reference periods and rows, earliest received first; `details` is the span that person details
/// are built for.
///
/// # Errors
/// [`Error::TooMany`] beyond 2^31 rows.
pub fn join(
    parts: &[(ReferencePeriod, &[Row])],
    details: ReferencePeriod,
    variant: Variant,
    key: KeyReading,
) -> Result<Histories, Error> {
    let periods = parts.iter().map(|(period, _)| *period).collect();
    let mut collector = Collector::new(periods, details, variant, key);
    for (place, (_, rows)) in parts.iter().enumerate() {
        collector.begin(place);
        rows.iter().for_each(|row| collector.add(row, None));
    }
    collector.finish()
}

/// As [`join`] for [`Variant::SingleWithCodes`]: rows with the codes of their cells.
#[cfg(test)]
pub(crate) fn join_coded(
    parts: &[(ReferencePeriod, &[(Row, crate::clean::cells::CellCodes)])],
    details: ReferencePeriod,
) -> Result<Histories, Error> {
    let periods = parts.iter().map(|(period, _)| *period).collect();
    let mut collector = Collector::new(periods, details, Variant::SingleWithCodes, KeyReading::Raw);
    for (place, (_, rows)) in parts.iter().enumerate() {
        collector.begin(place);
        rows.iter().for_each(|(row, codes)| collector.add(row, Some(codes)));
    }
    collector.finish()
}
