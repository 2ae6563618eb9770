//! Small worlds for tests of measures: rows in a few words, and what a measure says of them.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::{ClientType, CodeList as _, Coded, EventType};
use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use folkmoot_proto::query::{DataRule, Query, Release};

use crate::assemble::{KeyReading, Variant, join};
use crate::history::Histories;
use crate::row::{EventKind, Interned, Row};
use crate::tabulate::{Bounding, tabulate};

/// The day with this text.
pub(super) fn day(text: &str) -> Day {
    text.parse().expect("the test's own date")
}

/// From one day to another, both included.
pub(super) fn span(first: &str, last: &str) -> ReferencePeriod {
    ReferencePeriod::inclusive(day(first), day(last)).expect("forwards")
}

/// A row of a service user, with a birth month that makes them old. An empty end is open.
pub(super) fn row(person: u32, kind: EventType, start: &str, end: &str) -> Row {
    let mut row = Row::blank(0);
    row.person = Some(Interned(person));
    row.event = EventKind::Known(kind);
    row.client = Coded::Value(ClientType::ServiceUser);
    row.start = Some(day(start));
    row.end = (!end.is_empty()).then(|| day(end));
    row.birth = Month::new(1940, 1);
    row
}

/// Histories of the rows of one file that speaks for a long span; rows are numbered in the order given.
pub(super) fn histories(rows: Vec<Row>, variant: Variant) -> Histories {
    histories_of(rows, span("2023-01-01", "2026-12-31"), variant)
}

/// As [`histories`], for a file that speaks for this span.
pub(super) fn histories_of(mut rows: Vec<Row>, held: ReferencePeriod, variant: Variant) -> Histories {
    for (number, row) in (2..).zip(&mut rows) {
        row.number = number;
        // The texts of the event key follow the cleaned values, as in a tidy file.
        let text = |field: u32, index: Option<usize>| index.map(|index| Interned(field * 1000 + index as u32));
        row.raw.client = text(1, row.client.value().map(|value| value.index()));
        row.raw.route = text(2, row.route.value().map(|value| value.index()));
        row.raw.assessment = text(3, row.assessment.value().map(|value| value.index()));
        row.raw.service = text(4, row.service.value().map(|value| value.index()));
        row.raw.component = text(5, row.component.value().map(|value| value.index()));
    }
    let details = ReferencePeriod::inclusive(held.last().plus_months(-12).plus_days(1), held.last()).expect("forwards");
    join(&[(held, &rows)], details, variant, KeyReading::Raw).expect("few rows")
}

/// A question of the official figures.
pub(super) fn ask(measure: &str, period: ReferencePeriod, by: &[&str], settings: &[(&str, &str)]) -> Query {
    let by: Vec<_> = by.iter().map(|&name| name.to_owned()).collect();
    let settings: Vec<_> = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let release = Release::CouncilSuppressed(Profile::Hospital);
    Query::new(measure, period, Some(&by), &[], &settings, DataRule::default(), release).expect("a valid question")
}

/// Every figure that is not nought, sums left out, by its group and component.
pub(super) fn figures(histories: &Histories, query: &Query) -> BTreeMap<String, i64> {
    let (layout, counts) = tabulate(histories, query, Bounding::Official).expect("a small layout");
    (0..layout.cells())
        .filter(|&cell| counts.cells()[cell] != 0)
        .map(|cell| {
            let component = layout.component(cell);
            let group = layout.group(cell);
            (if component == "count" { group } else { format!("{group} {component}") }, counts.cells()[cell])
        })
        .collect()
}

/// Figures as a test writes them.
pub(super) fn expected(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
    pairs.iter().map(|&(group, value)| (group.to_owned(), value)).collect()
}
