//! Corrected ends, and which rows are events of a period.

use super::super::filter::{corrected_end, event_of};
use super::*;

#[test]
fn ends_are_corrected_by_the_death_on_the_row() {
    let optional = |text: &str| (!text.is_empty()).then(|| day(text));
    for (end, death, expected, why) in [
        ("2024-05-31", "2024-05-10", "2024-05-10", "died during"),
        ("2024-05-31", "2024-05-01", "2024-05-01", "died on the start"),
        ("2024-05-31", "2024-05-31", "2024-05-31", "died on the end"),
        ("2024-05-31", "2024-06-01", "2024-05-31", "died after"),
        ("2024-05-31", "2024-04-30", "2024-05-31", "died before"),
        ("2024-05-31", "", "2024-05-31", "alive"),
        ("", "2024-05-02", "2024-05-02", "open, died after the start"),
        ("", "2024-05-01", "", "open, died on the start"),
        ("", "2024-04-30", "", "open, died before the start"),
        ("", "", "", "open and alive"),
        ("2024-04-01", "2024-05-02", "2024-04-01", "ended before it started"),
    ] {
        assert_eq!(corrected_end(day("2024-05-01"), optional(end), optional(death)), optional(expected), "{why}");
    }
}

/// Whether each kind is an event of the second quarter of 2024: (service, non-service).
fn kept(start: &str, end: &str, death: &str) -> (bool, bool) {
    let period = quarters()[1];
    let keeps = |kind| {
        let row = Row { death: (!death.is_empty()).then(|| day(death)), ..event(2, kind, start, end) };
        event_of(&row, period).is_some()
    };
    let others = [EventType::Request, EventType::Assessment, EventType::Review].map(keeps);
    assert!(others.iter().all(|keeps| *keeps == others[0]), "requests, assessments and reviews are alike");
    (keeps(EventType::Service), others[0])
}

#[test]
fn services_overlap_the_period_and_all_else_ends_in_it() {
    for (start, end, death, expected, why) in [
        ("2024-04-01", "2024-06-30", "", (true, true), "exactly the period"),
        ("2023-01-01", "2024-04-01", "", (true, true), "ends on its first day"),
        ("2023-01-01", "2024-03-31", "", (false, false), "ends the day before"),
        ("2024-06-30", "2024-07-01", "", (true, false), "starts on its last day, ends after"),
        ("2024-07-01", "2024-07-02", "", (false, false), "starts the day after"),
        ("2023-01-01", "", "", (true, false), "open"),
        ("", "2024-05-01", "", (false, false), "no start"),
        ("2024-06-01", "2024-05-01", "", (true, true), "ends before it starts"),
        ("2024-07-01", "2024-05-01", "", (false, false), "ends in it but starts after"),
        ("2023-01-01", "2025-01-01", "2024-05-01", (true, true), "death brings the end into it"),
        ("2023-01-01", "", "2024-05-01", (true, true), "death closes an open row"),
        ("2023-01-01", "2024-05-01", "2024-03-31", (false, false), "died before the period"),
        ("2023-01-01", "", "2024-04-01", (true, true), "died on its first day"),
        ("2024-05-02", "2024-05-03", "2024-05-01", (false, false), "died before the start"),
        ("2024-05-01", "", "2024-05-01", (true, false), "died on the start of an open row: it stays open"),
        ("2024-05-01", "2024-05-02", "2024-08-01", (true, true), "died after"),
    ] {
        assert_eq!(kept(start, end, death), expected, "{why}");
    }
}

#[test]
fn a_death_on_the_start_of_an_open_service_leaves_it_open() {
    let row = Row { death: Some(day("2024-05-01")), ..service(2, "2024-05-01", "") };
    assert!(event_of(&row, quarters()[1]) == Some((day("2024-05-01"), Day::OPEN)));
}

#[test]
fn a_blank_kind_is_no_event_and_an_unknown_kind_is_no_service() {
    let row = |event| Row { event, ..service(2, "2024-05-01", "2024-05-02") };
    assert!(event_of(&row(EventKind::Blank), quarters()[1]).is_none());
    assert!(event_of(&row(EventKind::Other), quarters()[1]).is_some());
    let open = Row { event: EventKind::Other, ..service(2, "2024-05-01", "") };
    assert!(event_of(&open, quarters()[1]).is_none());
}

#[test]
fn the_filter_works_on_the_period_of_each_rows_own_file() {
    let [first, second] = [service(2, "2024-01-05", "2024-02-01"), service(2, "2024-05-01", "2024-05-02")];
    let q = quarters();
    // Each row in the wrong file is dropped.
    let histories = joined(&[(q[0], std::slice::from_ref(&second)), (q[1], std::slice::from_ref(&first))]);
    assert_eq!(histories.len(), 0);
    let histories = joined(&[(q[0], &[first]), (q[1], &[second])]);
    assert_eq!(only(&histories).len(), 2);
}
