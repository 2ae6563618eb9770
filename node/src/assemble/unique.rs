//! One row for each event: which rows are the same event, where services are cropped, and which row is kept.

use folkmoot_proto::codelist::{CodeList, Coded, EventType};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::{KeyReading, Variant};
use crate::history::{Cold, Hot};
use crate::row::{EventKind, Interned, Row};

/// What makes two rows of one person the same event. Blank equals blank.
///
/// The end (corrected, not yet cropped) counts for everything but services, so a service stays one event while files
/// move its end. Sorting by it brings equal events together, earliest start first.
///
/// # Source
/// `create_GetDerivedFields_procedure.sql`, `create_GetUniqueEvents_procedure.sql`
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    start: i32,
    end: i32,
    client: u32,
    first: u32,
    second: u32,
    cost: u32,
    kind: u8,
    mechanism: u8,
}

impl Key {
    /// `cost` names the row's costs among all distinct ones; it counts for services of the single variant alone.
    pub(super) fn new(row: &Row, start: Day, end: Day, cost: u32, variant: Variant, reading: KeyReading) -> Self {
        let (client, first, second) = match reading {
            KeyReading::Raw => {
                let raw = &row.raw;
                let (first, second) = match row.event {
                    EventKind::Known(EventType::Request) => (raw.route, None),
                    EventKind::Known(EventType::Assessment) => (raw.assessment, None),
                    EventKind::Known(EventType::Service) => (raw.service, raw.component),
                    EventKind::Known(EventType::Review) | EventKind::Other | EventKind::Blank => (None, None),
                };
                (interned(raw.client), interned(first), interned(second))
            }
            KeyReading::Cleaned => {
                let (first, second) = match row.event {
                    EventKind::Known(EventType::Request) => (coded(row.route), 0),
                    EventKind::Known(EventType::Assessment) => (coded(row.assessment), 0),
                    EventKind::Known(EventType::Service) => (coded(row.service), coded(row.component)),
                    EventKind::Known(EventType::Review) | EventKind::Other | EventKind::Blank => (0, 0),
                };
                (coded(row.client), first, second)
            }
        };
        let service = row.event == EventKind::Known(EventType::Service);
        let priced = service && variant.is_single();
        Self {
            start: start.number(),
            end: if service { 0 } else { end.number() },
            client,
            first,
            second,
            cost: if priced { cost } else { 0 },
            kind: match row.event {
                EventKind::Known(kind) => kind.index() as u8,
                EventKind::Other | EventKind::Blank => EventType::ALL.len() as u8,
            },
            mechanism: if priced { coded(row.mechanism) as u8 } else { 0 },
        }
    }
}

// Nought is blank; ids are moved up by one (a store never gives out the last 32-bit id).
fn interned(text: Option<Interned>) -> u32 {
    text.map_or(0, |text| text.0.wrapping_add(1))
}

fn coded<T: CodeList>(value: Coded<T>) -> u32 {
    match value {
        Coded::Blank => 0,
        Coded::Invalid => 1,
        Coded::Value(value) => value.index() as u32 + 2,
    }
}

/// A row on its way into a history.
#[derive(Clone, Copy)]
pub(super) struct Work {
    pub(super) key: Key,
    /// The row's council person id, moved up by one; nought when it has none.
    pub(super) la_person: u32,
    /// Names what only some variants carry: the row's costs, or the codes of its cells.
    pub(super) more: u32,
    pub(super) hot: Hot,
    pub(super) cold: Cold,
}

/// What cropping and keeping must know of the reference periods, each by its position.
pub(super) struct Periods {
    facts: Vec<PeriodFacts>,
}

struct PeriodFacts {
    last: i32,
    /// Place of the period's last day among all last days; equal days, equal places.
    rank: u16,
    /// Another period that holds rows starts later.
    prior: bool,
}

impl Periods {
    /// `in_use` says which periods have rows: one without any is no period to the method.
    pub(super) fn new(periods: &[ReferencePeriod], in_use: &[bool]) -> Self {
        let mut lasts: Vec<Day> = periods.iter().map(|period| period.last()).collect();
        lasts.sort_unstable();
        lasts.dedup();
        let latest = periods.iter().zip(in_use).filter(|(_, used)| **used).map(|(period, _)| period.first()).max();
        let facts = periods
            .iter()
            .map(|period| PeriodFacts {
                last: period.last().number(),
                rank: lasts.partition_point(|last| *last < period.last()) as u16,
                prior: Some(period.first()) != latest,
            })
            .collect();
        Self { facts }
    }

    /// Larger for a reference period that ends later, equal for equal ends.
    pub(super) fn rank(&self, hot: &Hot) -> u16 {
        self.facts[usize::from(hot.period)].rank
    }
}

/// Keeps one row of each event, at the front of `rows`, and returns how many. `rows` are all those of one person.
pub(super) fn keep_one_of_each(rows: &mut [Work], periods: &Periods) -> usize {
    for row in &mut *rows {
        row.hot.end = cropped_end(row, periods);
    }
    rows.sort_unstable_by_key(|row| row.key);
    let (mut kept, mut from) = (0, 0);
    while from < rows.len() {
        let to = from + rows[from..].iter().take_while(|row| row.key == rows[from].key).count();
        let best = (from..to).max_by_key(|place| preference(&rows[*place], periods));
        rows[kept] = rows[best.expect("an event has at least the row it began with")];
        kept += 1;
        from = to;
    }
    kept
}

/// The row's end, not after its reference period when a later period exists.
///
/// The published rule spares services that a period beginning the next day knows. Such a period ends later, so its row
/// of the same event is kept and this one is not: the end of a row that is kept never depends on the exception.
fn cropped_end(row: &Work, periods: &Periods) -> i32 {
    let period = &periods.facts[usize::from(row.hot.period)];
    if period.prior { row.hot.end.min(period.last) } else { row.hot.end }
}

/// The row with the largest value is kept: the later reference period, then the later end (open is latest), then the
/// outcome first in the hierarchy, then a conversation, then the later record.
fn preference(row: &Work, periods: &Periods) -> (u16, i32, u16, bool, u32) {
    const NO_OUTCOME: u16 = 999;
    let outcome = row.hot.outcome.value().map_or(NO_OUTCOME, |outcome| outcome.rank());
    (periods.rank(&row.hot), row.hot.end, NO_OUTCOME - outcome, row.hot.conversation, row.hot.order)
}
