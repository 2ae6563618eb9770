//! What a submission covers, told from its own event ends; the dates that it states are not trusted.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::{CodeList, EventType};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};

use crate::row::{EventKind, Row};

/// A month must hold at least this share of a file's ends, in hundredths.
const LEAST_PERCENT: u128 = 2;
/// In a file with fewer ends than this, every month with an end counts.
const SMALL_FILE: u64 = 100;

/// How many rows of a file end in each calendar month, by kind of event. Counted over all accepted rows, also those
/// without a person. Unprotected counts: no `Debug`, no serialised form.
#[derive(Clone, Default)]
pub struct MonthlyEnds {
    // The four recognised types by position, then everything else.
    months: BTreeMap<Month, [u64; KINDS]>,
}

const KINDS: usize = EventType::ALL.len() + 1;

impl MonthlyEnds {
    /// Counts a row, if it has an end.
    pub fn add_row(&mut self, row: &Row) {
        if let Some(end) = row.end {
            self.add(end.month(), row.event, 1);
        }
    }

    /// Counts that many rows of one kind that end in one month.
    pub fn add(&mut self, month: Month, kind: EventKind, rows: u64) {
        let place = match kind {
            EventKind::Known(kind) => kind.index(),
            EventKind::Other | EventKind::Blank => KINDS - 1,
        };
        self.months.entry(month).or_default()[place] += rows;
    }

    /// Every month and kind with at least one row; everything but the four types comes as [`EventKind::Other`].
    pub fn iter(&self) -> impl Iterator<Item = (Month, EventKind, u64)> {
        let kinds = || EventType::ALL.iter().map(|kind| EventKind::Known(*kind)).chain([EventKind::Other]);
        self.months
            .iter()
            .flat_map(move |(month, rows)| kinds().zip(rows).map(|(kind, rows)| (*month, kind, *rows)))
            .filter(|(_, _, rows)| *rows > 0)
    }

    /// The derived reporting period: from the first day of the earliest qualifying month to the last day of the latest,
    /// whatever lies between.
    ///
    /// Only months before the month of receipt count. A month qualifies when it holds at least 2% of the counted rows
    /// and at most one recognised event type fewer than the month with the most. In a file with fewer than 100 counted
    /// rows, every month with a row qualifies. `None` when no month does.
    ///
    /// # Source
    /// `create_REF_Submission_Reporting_Periods_table.sql` (its small-file rule, not the one its documentation gives).
    pub fn derived_period(&self, received: Day) -> Option<ReferencePeriod> {
        let counted = || self.months.range(..received.month());
        let rows = |kinds: &[u64; KINDS]| kinds.iter().sum::<u64>();
        let types = |kinds: &[u64; KINDS]| kinds[..KINDS - 1].iter().filter(|rows| **rows > 0).count();

        let total: u64 = counted().map(|(_, kinds)| rows(kinds)).sum();
        let most = counted().map(|(_, kinds)| types(kinds)).max().unwrap_or(0);
        let mut qualifying = counted()
            .filter(|(_, kinds)| {
                let share = 100 * u128::from(rows(kinds)) >= LEAST_PERCENT * u128::from(total);
                rows(kinds) > 0 && (total < SMALL_FILE || (share && types(kinds) + 1 >= most))
            })
            .map(|(month, _)| *month);
        let first = qualifying.next()?;
        let last = qualifying.next_back().unwrap_or(first);
        ReferencePeriod::inclusive(first.first_day(), last.last_day()).ok()
    }
}
