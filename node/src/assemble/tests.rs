//! Every rule of the published method on rows written by hand, then a second, plain implementation of all of it on
//! random rows full of ties.

#![allow(clippy::unwrap_used)]

mod filter;
mod periods;
mod person;
mod plain;
mod random;
mod select;
mod unique;

use folkmoot_proto::codelist::{ClientType, CodeList, Coded, Component, Ethnicity, EventType, Outcome, ServiceType};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};

use super::*;
use crate::history::{Event, History};
use crate::row::{EventKind, Interned, Row};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn span(first: &str, last: &str) -> ReferencePeriod {
    ReferencePeriod::inclusive(day(first), day(last)).unwrap()
}

fn month(year: i16, month: i8) -> Month {
    Month::new(year, month).unwrap()
}

/// An event of person 1 with both dates, empty for none.
fn event(number: u32, kind: EventType, start: &str, end: &str) -> Row {
    let optional = |text: &str| (!text.is_empty()).then(|| day(text));
    Row {
        person: Some(Interned(1)),
        person_is_nhs: true,
        client: Coded::Value(ClientType::ServiceUser),
        event: EventKind::Known(kind),
        start: optional(start),
        end: optional(end),
        ..Row::blank(number)
    }
}

fn service(number: u32, start: &str, end: &str) -> Row {
    Row { service: Coded::Value(ServiceType::Community), ..event(number, EventType::Service, start, end) }
}

/// The quarters of 2024, as reference periods of files that each cover one.
fn quarters() -> Vec<ReferencePeriod> {
    span("2024-01-01", "2024-12-31").quarters()
}

fn joined(parts: &[(ReferencePeriod, &[Row])]) -> Histories {
    join(parts, span("2024-01-01", "2024-12-31"), Variant::Joined, KeyReading::Raw).unwrap()
}

/// Rows of one file for the whole of 2024.
fn year(rows: &[Row]) -> Histories {
    joined(&[(span("2024-01-01", "2024-12-31"), rows)])
}

fn only(histories: &Histories) -> History<'_> {
    assert_eq!(histories.len(), 1, "one person was expected");
    histories.history(0)
}

/// Start and end of each event of the only person.
fn dates(histories: &Histories) -> Vec<(String, String)> {
    let end = |event: Event<'_>| if event.is_open() { "open".to_owned() } else { event.end().to_string() };
    only(histories).events().map(|event| (event.start().to_string(), end(event))).collect()
}

/// The person who has an event with this start.
fn whose<'a>(histories: &'a Histories, start: &str) -> History<'a> {
    let start = day(start);
    let mut found = histories.iter().filter(|history| history.events().any(|event| event.start() == start));
    let history = found.next().expect("somebody has the event");
    assert!(found.next().is_none(), "two people have an event on {start}");
    history
}

#[test]
fn identity_goes_row_by_row_and_number_and_council_id_are_two_people() {
    let by_number = service(2, "2024-02-01", "");
    let by_council_id = Row { person_is_nhs: false, ..service(3, "2024-03-01", "") };
    let of_nobody = Row { person: None, ..service(4, "2024-04-01", "") };
    let histories = year(&[by_number, by_council_id, of_nobody]);
    assert_eq!((histories.len(), histories.events()), (2, 2));
    assert!(histories.iter().all(|history| history.len() == 1));
}

#[test]
fn events_come_by_start_then_end_open_last_then_latest_record_first() {
    let text = |number: u32| Some(Interned(number));
    let mut rows = vec![
        service(2, "2024-03-01", ""),
        service(3, "2024-03-01", "2024-04-01"),
        service(4, "2024-02-01", "2024-12-01"),
        service(5, "2024-03-01", "2024-04-01"),
    ];
    for row in &mut rows {
        row.raw.component = text(row.number);
    }
    let histories = year(&rows);
    let events: Vec<_> = only(&histories).events().collect();
    let expected = ["2024-12-01", "2024-04-01", "2024-04-01", "9999-01-01"].map(day);
    assert_eq!(events.iter().map(|event| event.end()).collect::<Vec<_>>(), expected);
    assert!(events[1].order() > events[2].order());
    assert!(events[3].is_open() && events[3].raw_end().is_none());
    assert!(only(&histories).event(1).order() == events[1].order());
}

#[test]
fn people_dealt_to_several_hands_keep_their_own_events() {
    let rows: Vec<Row> = (0..100_000)
        .map(|number| {
            let start = day("2024-01-01").plus_days((number / 2 % 300) as i32);
            Row { person: Some(Interned(number / 2)), start: Some(start), ..service(number + 2, "", "") }
        })
        .map(|row| Row { component: Coded::Value(Component::ALL[row.number as usize % 2]), ..row })
        .map(|mut row| {
            row.raw.component = Some(Interned(row.number % 2));
            row
        })
        .collect();
    let histories = year(&rows);
    assert_eq!((histories.len(), histories.events()), (50_000, 100_000));
    for history in histories.iter() {
        let (one, other) = (history.event(0), history.event(1));
        assert!(one.start() == other.start() && one.component() != other.component());
        assert_eq!(one.order() - other.order(), 1, "rows of two people were mixed");
    }
    assert!(histories.heap_bytes() >= 44 * 100_000);
}

#[test]
fn costs_are_there_in_the_single_variant_alone() {
    let priced = Row { unit_cost: Some(1250), planned_units: Some(-300), ..service(2, "2024-03-01", "") };
    let free = service(3, "2024-04-01", "");
    let rows = [priced, free];
    assert!(only(&year(&rows)).events().all(|event| event.cost().is_none()));

    let period = span("2024-01-01", "2024-12-31");
    let single = join(&[(period, &rows)], period, Variant::Single, KeyReading::Raw).unwrap();
    let cost = only(&single).event(0).cost().unwrap();
    assert!((cost.unit_cost, cost.planned_units) == (Some(1250), Some(-300)));
    assert!(only(&single).event(1).cost().unwrap().unit_cost.is_none());
}
