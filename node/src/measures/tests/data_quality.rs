//! Data quality: which events count, with which cells, and a plain second implementation by the national codes.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::{ClientType, Coded, EventType};

use super::kit::{self, day, span, year};
use super::random::{Dice, Table, Whose, file_periods};
use super::scene::ask;
use crate::assemble::{Variant, join_coded};
use crate::clean::cells::CellCodes;
use crate::clean::verdict::{Status, Verdict};
use crate::history::Histories;
use crate::import::columns::{COUNT, Column};
use crate::row::{EventKind, Interned, Row};
use crate::tabulate::{Bounding, tabulate};

/// An event of person 1 with all its cells valid and mandatory but for one column's.
fn event(number: u32, kind: EventType, start: &str, end: &str, odd: (Column, Status, Verdict)) -> (Row, CellCodes) {
    let mut statuses = [Status::Mandatory; COUNT];
    let mut verdicts = [Verdict::Valid; COUNT];
    (statuses[odd.0.index()], verdicts[odd.0.index()]) = (odd.1, odd.2);
    let row = Row {
        person: Some(Interned(1)),
        client: Coded::Value(ClientType::ServiceUser),
        event: EventKind::Known(kind),
        start: Some(day(start)),
        end: (!end.is_empty()).then(|| day(end)),
        ..Row::blank(number)
    };
    (row, CellCodes::new(&statuses, &verdicts))
}

fn histories(rows: &[(Row, CellCodes)]) -> Histories {
    join_coded(&[(year(), rows)], year()).unwrap()
}

/// The cells of some field that are not the valid mandatory ones.
fn odd(histories: &Histories, private: bool, settings: &[(&str, &str)]) -> Vec<(String, i64)> {
    let query = ask("DATA-QUALITY", year(), &["field", "status", "result"], settings);
    let bounding = match private {
        true => Bounding::Private { bound: query.bound(), key: &[1; 32] },
        false => Bounding::Official,
    };
    let (layout, counts) = tabulate(histories, &query, bounding).unwrap();
    (0..layout.cells())
        .filter(|&cell| counts.cells()[cell] != 0)
        .map(|cell| (layout.group(cell), counts.cells()[cell]))
        .filter(|(group, _)| !group.ends_with("result=Passed: Valid;status=Mandatory"))
        .collect()
}

#[test]
fn every_verdict_has_its_national_result() {
    let one = |status, verdict| {
        let rows = [event(2, EventType::Service, "2024-05-01", "", (Column::Gender, status, verdict))];
        let found = odd(&histories(&rows), false, &[]);
        found.first().map_or(String::new(), |(group, count)| {
            assert_eq!((found.len(), *count), (1, 1));
            group.replace("field=Gender;result=", "")
        })
    };
    use Status::{Applicable, Mandatory, NotApplicable, Undetermined};
    for (status, verdict, expected) in [
        (Mandatory, Verdict::Valid, ""),
        (Mandatory, Verdict::Case, ""),
        (Mandatory, Verdict::Style, ""),
        (Mandatory, Verdict::Blank, "Failed: Blank (Mandatory);status=Mandatory"),
        (Mandatory, Verdict::Release1, "Failed: Release 1;status=Mandatory"),
        (Mandatory, Verdict::Release1Only, "Failed: Release 1;status=Mandatory"),
        (Mandatory, Verdict::NotListed, "Failed: Invalid;status=Mandatory"),
        (Applicable, Verdict::Variant, "Failed: Invalid;status=Applicable but not mandatory"),
        (Applicable, Verdict::Alias, "Failed: Invalid;status=Applicable but not mandatory"),
        (Applicable, Verdict::Blank, "Passed: Blank (Not Mandatory);status=Applicable but not mandatory"),
        (NotApplicable, Verdict::Blank, "Passed: Blank (Not Mandatory);status=Not applicable"),
        (NotApplicable, Verdict::Format, "Failed: Invalid;status=Not applicable"),
        (Undetermined, Verdict::Implausible, "Failed: Invalid;status=Undetermined"),
        (Undetermined, Verdict::Blank, "Passed: Blank (Not Mandatory);status=Undetermined"),
    ] {
        assert_eq!(one(status, verdict), expected, "{status:?} {verdict:?}");
    }
}

/// Events that ended in the year or services that ran in it, each with its own odd column.
fn mixed() -> Vec<(Row, CellCodes)> {
    let odd = |column| (column, Status::Applicable, Verdict::Blank);
    vec![
        event(2, EventType::Service, "2023-01-01", "", odd(Column::Gender)),
        event(3, EventType::Service, "2023-01-01", "2024-04-01", odd(Column::Postcode)),
        event(4, EventType::Request, "2024-03-30", "2024-04-01", odd(Column::Route)),
        event(5, EventType::Review, "2025-03-01", "2025-03-31", odd(Column::ReviewReason)),
        event(6, EventType::Assessment, "2025-03-01", "2025-03-02", odd(Column::AssessmentType)),
    ]
}

#[test]
fn events_belong_to_the_period_as_in_the_main_table() {
    let histories = histories(&mixed());
    let count = |first, last| {
        let query = ask("DATA-QUALITY", span(first, last), &["event_type"], &[]);
        let (_, counts) = tabulate(&histories, &query, Bounding::Official).unwrap();
        counts.cells().iter().map(|cells| cells / 46).collect::<Vec<_>>()
    };
    // Request, assessment, service, review, other.
    assert_eq!(count("2024-04-01", "2025-03-31"), [1, 1, 1, 1, 0], "rows 2 and 3 are one service");
    assert_eq!(count("2024-04-02", "2025-03-31"), [0, 1, 1, 1, 0]);
    assert_eq!(count("2025-03-02", "2025-03-02"), [0, 1, 1, 0, 0]);
    assert_eq!(count("2025-03-31", "2025-03-31"), [0, 0, 1, 1, 0]);
}

#[test]
fn a_private_answer_takes_whole_events_the_latest_first() {
    let mut rows = mixed();
    rows.remove(1);
    let histories = histories(&rows);
    let fields = |events: &str, private| {
        let found = odd(&histories, private, &[("max_events", events)]);
        found.iter().map(|(group, _)| group[6..].split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields("1", true), ["Review Reason"], "of equal starts, the later end");
    assert_eq!(fields("2", true), ["Assessment Type", "Review Reason"]);
    assert_eq!(fields("3", true), ["Request: Route of Access", "Assessment Type", "Review Reason"]);
    assert_eq!(fields("4", true).len(), 4);
    assert_eq!(fields("1", false).len(), 4, "without noise all count");
}

#[test]
fn histories_without_codes_have_no_data_quality_and_those_with_them_no_costs() {
    let table = Dice::new(1).table();
    let query = ask("DATA-QUALITY", year(), &[], &[]);
    for variant in [Variant::Joined, Variant::Single] {
        let histories = table.histories(variant, Whose::Everybody);
        assert_eq!(tabulate(&histories, &query, Bounding::Official).unwrap().1.cells(), [0]);
        assert!(histories.iter().flat_map(|history| history.events()).all(|event| event.codes().is_none()));
    }
    let coded = table.histories(Variant::SingleWithCodes, Whose::Everybody);
    let single = table.histories(Variant::Single, Whose::Everybody);
    assert_eq!((coded.len(), coded.events()), (single.len(), single.events()), "the same events");
    assert!(coded.iter().flat_map(|history| history.events()).all(|event| event.cost().is_none()));
}

/// The same from the national codes, as the published script turns them to text.
fn plain(table: &Table, first: &str, last: &str) -> BTreeMap<String, i64> {
    let (first, last) = (day(first), day(last));
    let mut found = BTreeMap::new();
    for history in table.histories(Variant::SingleWithCodes, Whose::Everybody).iter() {
        for event in history.events() {
            let kind = match event.kind() {
                EventKind::Known(EventType::Service) => "Service",
                EventKind::Known(EventType::Request) => "Request",
                EventKind::Known(EventType::Review) => "Review",
                EventKind::Known(EventType::Assessment) => "Assessment",
                _ => "Other",
            };
            let runs_on = kind == "Service" && event.end() > last;
            if event.start() > last || event.end() < first || (event.end() > last && !runs_on) {
                continue;
            }
            let columns = Column::ALL.iter().filter(|column| column.is_counted());
            for (column, (status, outcome)) in columns.zip(event.codes().unwrap().iter()) {
                let status = match status.code() {
                    2 => "Mandatory",
                    1 => "Applicable but not mandatory",
                    0 => "Not applicable",
                    _ => "Undetermined",
                };
                let result = match outcome.code() {
                    1.. => "Passed: Valid",
                    0 => "Passed: Blank (Not Mandatory)",
                    -1 => "Failed: Blank (Mandatory)",
                    -6..=-2 => "Failed: Invalid",
                    _ => "Failed: Release 1",
                };
                let name =
                    format!("event_type={kind};field={};result={result};status={status}/count", column.header(),);
                *found.entry(name).or_default() += 1;
            }
        }
    }
    found
}

#[test]
fn data_quality_equals_a_plain_second_implementation() {
    for seed in 0..150 {
        let table = Dice::new(seed).table();
        let histories = table.histories(Variant::SingleWithCodes, Whose::Everybody);
        for (first, last) in [("2024-04-01", "2025-03-31"), ("2025-03-31", "2025-03-31"), ("2024-10-01", "2024-12-31")]
        {
            let by = ["field", "status", "result", "event_type"];
            let mut found = kit::asked(&histories, "DATA-QUALITY", span(first, last), Some(&by), &[]);
            found.retain(|name, _| name.matches('=').count() == by.len());
            assert!(found == plain(&table, first, last), "table {seed}, {first} to {last}");
        }
    }
    assert_eq!(file_periods().len(), 3);
}
