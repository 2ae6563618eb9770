//! Importing whole files: what is stored, what is refused, and that nothing is ever half done.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Cells, Col, csv, day, headers, key, options, place, rows, take};
use folkmoot_node::import::{Error, Outcome, Source, Unwatched, import};
use folkmoot_node::row::EventKind;
use folkmoot_node::store::Records;
use folkmoot_proto::codelist::{ClientType, Coded, Component, EventType, ServiceType};
use folkmoot_runtime::store::Access;

#[test]
fn a_clean_file_is_stored_as_it_is() {
    let place = place();
    let (summary, heard) = take(&place, "cld_503.csv", &csv(&[Cells::service()]), &options()).unwrap();
    assert_eq!(heard, ["1 row X12 -"], "one ended month is not the stated year");
    assert_eq!((summary.facts.clean, summary.facts.with_findings, summary.facts.rejected), (1, 0, 0));
    assert_eq!(summary.derived.unwrap().to_string(), "2025-02-01 to 2025-02-28");
    let rows = rows(&place, summary.submission);
    let row = &rows[0];
    assert_eq!(row.number, 2);
    assert!(row.person_is_nhs && row.person.is_some() && row.la_person.is_some());
    assert!(row.person != row.la_person);
    assert!(row.client == Coded::Value(ClientType::ServiceUser));
    assert!(row.event == EventKind::Known(EventType::Service));
    assert_eq!((row.start, row.end), (Some(day("2024-05-01")), Some(day("2025-02-01"))));
    assert_eq!(row.birth.unwrap().first_day(), day("1950-06-01"));
    assert!(row.service == Coded::Value(ServiceType::Community));
    assert!(row.component == Coded::Value(Component::HomeSupport));
    assert_eq!((row.unit_cost, row.planned_units), (Some(25_000), Some(100)));
    assert!(row.raw.service.is_some() && row.raw.route.is_none());
}

#[test]
fn the_same_bytes_twice_change_nothing_and_say_which_submission_they_are() {
    let place = place();
    let bytes = csv(&[Cells::service()]);
    let (first, _) = take(&place, "a.csv", &bytes, &options()).unwrap();
    let again = import(&place.records, &Source::bytes("b.csv", bytes), &options(), &mut Unwatched).unwrap();
    assert!(matches!(again, Outcome::AlreadyHeld { submission } if submission == first.submission));
    assert_eq!(place.records.submissions().unwrap().len(), 1);
}

#[test]
fn a_dry_run_tells_everything_and_stores_nothing() {
    let place = place();
    let mut dry = options();
    dry.dry_run = true;
    let bytes = csv(&[Cells::service().with(Col::Gender, "M")]);
    let (summary, heard) = take(&place, "a.csv", &bytes, &dry).unwrap();
    assert_eq!(summary.facts.with_findings, 1);
    assert!(heard.contains(&"2 gender list-invalid M".to_owned()), "{heard:?}");
    assert!(place.records.submissions().unwrap().is_empty());
    let (real, _) = take(&place, "a.csv", &bytes, &options()).unwrap();
    assert_eq!(real.facts, summary.facts);
}

#[test]
fn ids_mean_the_same_in_every_submission() {
    let place = place();
    let carer = Cells::service()
        .with(Col::ClientType, "Unpaid carer")
        .with(Col::NhsNumber, "")
        .with(Col::PersonId, "c1")
        .with(Col::Linked1, " p100 ");
    let (first, _) = take(&place, "a.csv", &csv(&[Cells::service(), carer.clone()]), &options()).unwrap();
    let (second, _) =
        take(&place, "b.csv", &csv(&[carer, Cells::service().with(Col::PersonId, "p100")]), &options()).unwrap();
    let (a, b) = (rows(&place, first.submission), rows(&place, second.submission));
    assert!(a[0].person == b[1].person && a[0].la_person == b[1].la_person);
    assert!(a[1].person == b[0].person && !a[1].person_is_nhs);
    assert!(a[1].linked[0] == a[0].la_person && b[0].linked[0] == a[0].la_person);
    assert!(a[0].raw == b[1].raw);
}

#[test]
fn records_outlive_the_process_and_open_only_with_their_key() {
    let place = place();
    let (summary, _) = take(&place, "a.csv", &csv(&[Cells::service()]), &options()).unwrap();
    let path = place.folder.path().join("records.db");
    let folder = place.folder;
    drop(place.records);
    let wrong = Records::open(&path, Some(key(folder.path(), 8)), Access::Sole).unwrap_err().to_string();
    assert!(wrong.contains("does not open with the key"), "{wrong}");
    let raw = std::fs::read(&path).unwrap();
    for canary in [&b"9990000018"[..], b"P100", b"Service user", b"SQLite format"] {
        assert!(!raw.windows(canary.len()).any(|window| window == canary), "readable on disk");
    }
    let records = Records::open(&path, Some(key(folder.path(), 7)), Access::Sole).unwrap();
    let mut count = 0;
    records.rows(summary.submission, |_| count += 1).unwrap();
    assert_eq!(count, 1);
    let held = &records.submissions().unwrap()[0];
    assert_eq!(held.facts, summary.facts);
    assert_eq!(held.derived(), summary.derived);
    assert_eq!(held.received, day("2025-04-15"));
}

#[test]
fn another_councils_file_is_refused_unless_forced() {
    let place = place();
    let bytes = csv(&[Cells::service(), Cells::service().with(Col::LaCode, "504")]);
    let refused = take(&place, "a.csv", &bytes, &options()).err().unwrap();
    assert!(matches!(refused, Error::OtherCouncil { row: 3, .. }), "{refused}");
    assert!(refused.to_string().contains("504"));
    assert!(place.records.submissions().unwrap().is_empty());
    let mut forced = options();
    forced.force_council = true;
    let (summary, heard) = take(&place, "a.csv", &bytes, &forced).unwrap();
    assert_eq!(summary.facts.accepted(), 2);
    assert!(summary.facts.forced_council && heard.contains(&"3 la_code council-other 504".to_owned()));
}

#[test]
fn a_file_without_one_good_row_is_refused_with_the_reason() {
    let place = place();
    let mut bytes = csv(&[]);
    bytes.extend_from_slice(b"503,x\n503,y\n");
    let refused = take(&place, "a.csv", &bytes, &options()).err().unwrap().to_string();
    assert!(refused.contains("each of its 2 rows is bad") && refused.contains("breaks off"), "{refused}");
    let refused = take(&place, "a.csv", &csv(&[]), &options()).err().unwrap().to_string();
    assert!(refused.contains("no rows"), "{refused}");
    for nothing in [&b""[..], b"\n\n", b",,,\n , ,\n", b"\xef\xbb\xbf"] {
        assert!(matches!(take(&place, "a.csv", nothing, &options()), Err(Error::Header { .. })));
    }
    let refused = take(&place, "a.csv", b"\xff\xfeN\0", &options()).err().unwrap().to_string();
    assert!(refused.contains("UTF-16"), "{refused}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_file() {
    let place = place();
    let mut bytes = csv(&[Cells::service()]);
    bytes.extend_from_slice(b"503,\"open");
    for _ in 0..200_000 {
        bytes.extend_from_slice(b"\n503,01/04/2024,31/03/2025,,P1,,,,,,,,,,,,");
    }
    let refused = take(&place, "a.csv", &bytes, &options()).err().unwrap();
    assert!(matches!(refused, Error::OpenQuote { row: 3, .. }), "{refused}");
    assert!(place.records.submissions().unwrap().is_empty());

    // A short one ends with the file: its row is rejected, the others stay.
    bytes.truncate(csv(&[Cells::service()]).len() + 2000);
    let (summary, heard) = take(&place, "b.csv", &bytes, &options()).unwrap();
    assert_eq!((summary.facts.accepted(), summary.facts.rejected), (1, 1));
    assert!(heard.contains(&"3 row row-quote -".to_owned()), "{heard:?}");
}

#[test]
fn a_truncated_file_is_a_different_file_and_its_last_row_is_told() {
    let place = place();
    let bytes = csv(&[Cells::service(), Cells::service().with(Col::PersonId, "P2")]);
    let (summary, heard) = take(&place, "a.csv", &bytes[..bytes.len() - 60], &options()).unwrap();
    assert_eq!((summary.facts.accepted(), summary.facts.rejected), (1, 1));
    assert!(heard.contains(&"3 row row-short -".to_owned()), "{heard:?}");
}

#[test]
fn columns_are_found_by_name_and_the_missing_are_blank() {
    let place = place();
    let file = "event_type,EVENT START DATE,Event.End.Date,client type,la person unique identifier,House colour,\n\
                Service,01/05/2024,,Service user,P9,blue,\n";
    let (summary, heard) = take(&place, "a.csv", file.as_bytes(), &options()).unwrap();
    assert_eq!(summary.facts.unknown_columns, ["House colour"]);
    assert_eq!(summary.facts.unnamed_columns, 1);
    assert!(summary.facts.missing_columns.contains(&"gender".to_owned()));
    assert!(!summary.facts.missing_columns.contains(&"gp_practice_name".to_owned()), "optional in release 2");
    assert!(!heard.iter().any(|line| line.contains("gender")), "told once for the file: {heard:?}");
    let rows = rows(&place, summary.submission);
    assert!(rows[0].gender == Coded::Blank && rows[0].end.is_none() && !rows[0].person_is_nhs);

    let twice = format!("{},nhs_number\n", headers().join(","));
    let refused = take(&place, "a.csv", twice.as_bytes(), &options()).err().unwrap();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("columns 4 and 51"), "{cause}");
}

#[test]
fn a_48_column_file_of_release_2_is_whole() {
    let place = place();
    let keep: Vec<usize> =
        (0..50).filter(|index| ![Col::PracticeName.index(), Col::ProviderName.index()].contains(index)).collect();
    let cells = Cells::service();
    let line = |all: Vec<String>| keep.iter().map(|index| format!("\"{}\"", all[*index])).collect::<Vec<_>>().join(",");
    let names = headers().iter().map(|name| (*name).to_owned()).collect();
    let file = format!("{}\r\n{}\r\n", line(names), line(cells.0));
    let (summary, _) = take(&place, "a.csv", file.as_bytes(), &options()).unwrap();
    assert_eq!(summary.facts.clean, 1);
    assert!(summary.facts.missing_columns.is_empty());
}
