//! Derived reporting periods.

use super::super::periods::MonthlyEnds;
use super::*;

fn ends(counts: &[(i16, i8, EventType, u64)]) -> MonthlyEnds {
    let mut ends = MonthlyEnds::default();
    for (year, number, kind, rows) in counts {
        ends.add(month(*year, *number), EventKind::Known(*kind), *rows);
    }
    ends
}

fn derived(counts: &[(i16, i8, EventType, u64)], received: &str) -> Option<String> {
    ends(counts).derived_period(day(received)).map(|period| period.to_string())
}

const ALL: [EventType; 4] = [EventType::Request, EventType::Assessment, EventType::Service, EventType::Review];

#[test]
fn a_small_file_covers_every_month_with_an_end() {
    let counts = [(2023, 5, EventType::Request, 1), (2024, 2, EventType::Review, 98)];
    assert_eq!(derived(&counts, "2024-03-05").as_deref(), Some("2023-05-01 to 2024-02-29"));
    assert_eq!(derived(&counts[..1], "2024-03-05").as_deref(), Some("2023-05-01 to 2023-05-31"));
}

#[test]
fn from_a_hundred_rows_a_month_needs_two_per_cent() {
    let counts = |first| [(2023, 5, EventType::Request, first), (2024, 2, EventType::Request, 200 - first)];
    assert_eq!(derived(&counts(3), "2024-03-05").as_deref(), Some("2024-02-01 to 2024-02-29"));
    assert_eq!(derived(&counts(4), "2024-03-05").as_deref(), Some("2023-05-01 to 2024-02-29"));
    let hundred = [(2023, 5, EventType::Request, 1), (2024, 2, EventType::Request, 99)];
    assert_eq!(derived(&hundred, "2024-03-05").as_deref(), Some("2024-02-01 to 2024-02-29"));
}

#[test]
fn a_month_may_lack_one_type_of_the_fullest_month_but_not_two() {
    let mut counts: Vec<_> = ALL.iter().map(|kind| (2024, 1, *kind, 100)).collect();
    counts.extend(ALL[..2].iter().map(|kind| (2023, 11, *kind, 100)));
    counts.extend(ALL[..3].iter().map(|kind| (2023, 12, *kind, 100)));
    assert_eq!(derived(&counts, "2024-03-05").as_deref(), Some("2023-12-01 to 2024-01-31"));
}

#[test]
fn types_are_the_most_of_any_month_not_of_the_file() {
    // Each month has one type, another one each: the most is one, and a month may lack one.
    let counts: Vec<_> = ALL.iter().zip(1..).map(|(kind, number)| (2024, number, *kind, 100)).collect();
    assert_eq!(derived(&counts, "2024-06-01").as_deref(), Some("2024-01-01 to 2024-04-30"));
}

#[test]
fn poor_months_between_good_ones_are_covered_too() {
    let counts =
        [(2024, 1, EventType::Request, 100), (2024, 2, EventType::Request, 1), (2024, 4, EventType::Request, 100)];
    assert_eq!(derived(&counts, "2024-06-01").as_deref(), Some("2024-01-01 to 2024-04-30"));
}

#[test]
fn ends_in_the_month_of_receipt_or_later_do_not_count() {
    let counts = [(2024, 1, EventType::Request, 1), (2024, 2, EventType::Request, 1), (2050, 1, EventType::Request, 9)];
    assert_eq!(derived(&counts, "2024-02-29").as_deref(), Some("2024-01-01 to 2024-01-31"));
    assert_eq!(derived(&counts, "2024-01-31"), None);
    assert_eq!(derived(&[], "2024-01-31"), None);
    // Nor for the total: a hundred rows, of which one is in time, are a small file.
    let counts = [(2024, 1, EventType::Request, 1), (2024, 2, EventType::Request, 99)];
    assert_eq!(derived(&counts, "2024-02-29").as_deref(), Some("2024-01-01 to 2024-01-31"));
}

#[test]
fn other_kinds_count_as_rows_and_not_as_types() {
    let mut ends = ends(&[(2024, 1, EventType::Request, 50), (2024, 1, EventType::Review, 50)]);
    ends.add(month(2023, 12), EventKind::Other, 100);
    ends.add(month(2023, 11), EventKind::Blank, 100);
    ends.add(month(2023, 11), EventKind::Known(EventType::Service), 1);
    let period = ends.derived_period(day("2024-03-01")).unwrap();
    // December has no recognised type where two are the most; November has one.
    assert_eq!(period, span("2023-11-01", "2024-01-31"));
    let listed: u64 = ends.iter().map(|(_, _, rows)| rows).sum();
    assert_eq!(listed, 301);
    let other = ends.iter().filter(|(_, kind, _)| *kind == EventKind::Other).map(|(_, _, rows)| rows).sum::<u64>();
    assert_eq!(other, 200, "everything but the four types is listed as other");
}

#[test]
fn rows_count_whoever_they_belong_to_and_by_the_end_as_submitted() {
    let nobody = Row { person: None, death: Some(day("2023-06-01")), ..service(2, "2023-05-01", "2023-12-31") };
    let open = service(3, "2023-05-01", "");
    let mut ends = MonthlyEnds::default();
    ends.add_row(&nobody);
    ends.add_row(&open);
    assert_eq!(ends.derived_period(day("2024-01-01")), Some(span("2023-12-01", "2023-12-31")));
}
