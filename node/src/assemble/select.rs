//! Which submission speaks for which quarter.

use folkmoot_proto::period::{Day, ReferencePeriod};

use super::error::Wanted;
use super::{Error, Options, Submission, Variant, Warning};

/// The calendar years that a window may touch. No date from 2100 on is believed; early years are, since a slip in one
/// date of a small file (1900) moves its derived period there.
const YEARS: std::ops::RangeInclusive<i16> = 1..=2099;

/// A chosen submission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    /// Its place in the list that was given.
    pub(crate) index: usize,
    /// What it speaks for.
    pub(crate) period: ReferencePeriod,
}

/// The outcome of a selection.
pub(crate) struct Selection {
    /// The window that was tiled.
    pub(crate) window: ReferencePeriod,
    /// The last twelve months of it: what person details are built for.
    pub(crate) details: ReferencePeriod,
    /// Earliest received first.
    pub(crate) files: Vec<Chosen>,
    /// For the operator.
    pub(crate) warnings: Vec<Warning>,
}

/// A submission that may be chosen, with what it covers.
struct Candidate {
    index: usize,
    received: Day,
    covers: ReferencePeriod,
}

impl Candidate {
    fn covers(&self, span: ReferencePeriod) -> bool {
        self.covers.first() <= span.first() && self.covers.last() >= span.last()
    }
}

/// Chooses files by the variant's rule.
pub(crate) fn select(submissions: &[Submission], options: &Options) -> Result<Selection, Error> {
    if let Some(window) = options.joined {
        check(window)?;
    }
    let mut warnings = Vec::new();
    let candidates = candidates(submissions, options.as_of, &mut warnings);
    match options.variant {
        Variant::Joined => joined(submissions, &candidates, options, warnings),
        Variant::Single | Variant::SingleWithCodes => single(&candidates, options, warnings),
    }
}

/// Everything received by the as-of date that covers something, earliest received first; of one day, the smaller id.
fn candidates(submissions: &[Submission], as_of: Day, warnings: &mut Vec<Warning>) -> Vec<Candidate> {
    let mut order: Vec<usize> = (0..submissions.len()).filter(|index| submissions[*index].received <= as_of).collect();
    order.sort_by_key(|index| (submissions[*index].received, submissions[*index].id));
    let mut candidates = Vec::new();
    for index in order {
        let Submission { id, received, ends, .. } = &submissions[index];
        match ends.derived_period(*received) {
            Some(covers) => candidates.push(Candidate { index, received: *received, covers }),
            None => warnings.push(Warning::NoPeriod { submission: *id }),
        }
    }
    candidates
}

/// The latest received file that covers a span and came strictly after its end.
fn latest(candidates: &[Candidate], span: ReferencePeriod) -> Option<usize> {
    candidates.iter().rposition(|file| file.covers(span) && file.received > span.last())
}

/// Quarter by quarter; a file chosen for several speaks from the first of them to the last, also across a gap.
///
/// # Source
/// `create_GetSubmissions_procedure.sql`, `create_main_table_for_period.sql`
fn joined(
    submissions: &[Submission],
    candidates: &[Candidate],
    options: &Options,
    mut warnings: Vec<Warning>,
) -> Result<Selection, Error> {
    let nothing = |wanted| Error::Nothing { as_of: options.as_of, wanted };
    let window = match options.joined {
        Some(window) => window,
        None => all_quarters(candidates).ok_or_else(|| nothing(Wanted::AnyQuarter))?,
    };
    let mut spans: Vec<Option<ReferencePeriod>> = vec![None; candidates.len()];
    for quarter in window.quarters() {
        match latest(candidates, quarter) {
            Some(place) => {
                let first = spans[place].map_or(quarter.first(), ReferencePeriod::first);
                spans[place] = ReferencePeriod::inclusive(first, quarter.last()).ok();
            }
            None => note_uncovered(&mut warnings, quarter),
        }
    }
    let files: Vec<Chosen> = spans
        .iter()
        .zip(candidates)
        .filter_map(|(span, file)| span.map(|period| Chosen { index: file.index, period }))
        .collect();
    if files.is_empty() {
        return Err(nothing(Wanted::QuarterOf(window)));
    }
    for (place, one) in files.iter().enumerate() {
        for other in &files[place + 1..] {
            let (first, last) =
                (one.period.first().max(other.period.first()), one.period.last().min(other.period.last()));
            if let Ok(span) = ReferencePeriod::inclusive(first, last) {
                let submissions = [submissions[one.index].id, submissions[other.index].id];
                warnings.push(Warning::Overlap { submissions, span });
            }
        }
    }
    Ok(Selection { window, details: last_twelve_months(window), files, warnings })
}

/// Adds a quarter that no file covers to the operator's list, as one span with the quarter before it.
fn note_uncovered(warnings: &mut Vec<Warning>, quarter: ReferencePeriod) {
    let mut first = quarter.first();
    if let Some(Warning::Uncovered(before)) = warnings.last()
        && before.last().plus_days(1) == first
    {
        first = before.first();
        warnings.pop();
    }
    warnings.extend(ReferencePeriod::inclusive(first, quarter.last()).map(Warning::Uncovered));
}

/// The one file that covers twelve months.
///
/// # Source
/// `create_main_table_for_12mo_period.sql`
fn single(candidates: &[Candidate], options: &Options, warnings: Vec<Warning>) -> Result<Selection, Error> {
    let nothing = |wanted| Error::Nothing { as_of: options.as_of, wanted };
    let window = match options.joined {
        Some(window) => last_twelve_months(window),
        None => candidates
            .iter()
            .filter_map(|file| {
                let window = last_twelve_months(whole_quarters(file.covers)?);
                (file.covers(window) && file.received > window.last()).then_some(window)
            })
            .max_by_key(|window| window.last())
            .ok_or_else(|| nothing(Wanted::AnyTwelveMonths))?,
    };
    let place = latest(candidates, window).ok_or_else(|| nothing(Wanted::WholeOf(window)))?;
    let files = vec![Chosen { index: candidates[place].index, period: window }];
    Ok(Selection { window, details: window, files, warnings })
}

/// From the first calendar quarter that some file covers to the last.
fn all_quarters(candidates: &[Candidate]) -> Option<ReferencePeriod> {
    let held = || candidates.iter().filter_map(|file| whole_quarters(file.covers));
    let (first, last) = (held().map(ReferencePeriod::first).min()?, held().map(ReferencePeriod::last).max()?);
    ReferencePeriod::inclusive(first, last).ok()
}

/// The calendar quarters that lie within a span of whole months.
fn whole_quarters(span: ReferencePeriod) -> Option<ReferencePeriod> {
    let into_quarter = |day: Day| i32::from((day.ymd().1 - 1) % 3);
    let after = span.last().plus_days(1);
    let first = span.first().plus_months((3 - into_quarter(span.first())) % 3);
    let last = after.plus_months(-into_quarter(after)).plus_days(-1);
    ReferencePeriod::inclusive(first, last).ok().filter(|span| tiles(*span))
}

fn last_twelve_months(window: ReferencePeriod) -> ReferencePeriod {
    let first = window.last().plus_days(1).plus_months(-12);
    ReferencePeriod::inclusive(first, window.last()).expect("a year ends after it starts")
}

fn check(window: ReferencePeriod) -> Result<(), Error> {
    if tiles(window) { Ok(()) } else { Err(Error::Window(window)) }
}

/// True when three-month steps from the first day end on the last. The years are looked at first: steps past the last
/// day that a calendar knows would never end.
fn tiles(window: ReferencePeriod) -> bool {
    YEARS.contains(&window.first().ymd().0)
        && YEARS.contains(&window.last().ymd().0)
        && window.quarters().last().is_some_and(|quarter| quarter.last() == window.last())
}
