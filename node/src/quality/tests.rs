//! Codes read back are those of the import, and the measure agrees with the page where both count the same.

use std::collections::BTreeMap;

use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::query::{DataRule, Profile, Query, Release};
use folkmoot_runtime::store::Access;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::clean::lists::{Aliases, List};
use crate::import::columns::{COUNT, Kind};
use crate::import::{self, Source, Unwatched};
use crate::store::PersonId;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Every text that the list's file holds, of both releases.
fn texts(list: List) -> Vec<String> {
    let path = format!("{}/codelists/{}.csv", env!("CARGO_MANIFEST_DIR"), list.name());
    csv::Reader::from_path(path).unwrap().records().map(|record| record.unwrap()[0].to_owned()).collect()
}

/// A cell as councils write it: right, nearly right, wrong, or not at all.
fn cell(column: Column, dice: &mut ChaCha8Rng) -> String {
    const DATES: &[&str] = &[
        "01/04/2024",
        "31/03/2025",
        "2024-06-30",
        "2024-06-30 00:00:00",
        "31/12/9999",
        "01/01/1900",
        "05/05/1800",
        "30/02/2024",
        "soon",
        "45000",
        "15/06/1961",
        "15/06/2001",
        "14/02/2024",
    ];
    const NUMBERS: &[&str] = &["12.50", "12.5", "-3.00", "-4", "1,000", "\u{a3}20", "a lot", "0"];
    const NHS: &[&str] =
        &["9990000018", "999 000 0026", "999-000-0034", "9990000019", "1111111111", "999000001", "9.99E+09", "x"];
    let pick = |dice: &mut ChaCha8Rng, list: &[&str]| list[dice.random_range(0..list.len())].to_owned();
    match dice.random_range(0..20) {
        0 | 1 => return String::new(),
        2 => return "NULL".to_owned(),
        3 => return "  ".to_owned(),
        _ => {}
    }
    match column.kind() {
        Kind::Council => pick(dice, &["503", " 503 ", "5O3"]),
        Kind::Date => pick(dice, DATES),
        Kind::NhsNumber => pick(dice, NHS),
        Kind::PersonId => pick(dice, &["P1", "p2", " P3", "4"]),
        Kind::Decimal => pick(dice, NUMBERS),
        Kind::Count => pick(dice, &["1", "2.0", "1.5", "many"]),
        Kind::Postcode => pick(dice, &["ZZ99 3VZ", "SW1A 1AA", "nowhere"]),
        Kind::Practice => pick(dice, &["A81001", "practice"]),
        Kind::Location => pick(dice, &["1-123456789", "home"]),
        Kind::Text | Kind::Term => pick(dice, &["a conversation", "0 to 4 hours", "something"]),
        Kind::List(list) => {
            let all = texts(list);
            let text = all[dice.random_range(0..all.len())].clone();
            match dice.random_range(0..8) {
                0 => text.to_uppercase(),
                1 => format!("{}.", text.replace(' ', "  ")),
                2 => "something else".to_owned(),
                3 => "Mixed: White and Asian".to_owned(),
                _ => text,
            }
        }
    }
}

/// A store with one file of rows that `mend` has put right.
fn imported(
    folder: &tempfile::TempDir,
    rows: usize,
    seed: u64,
    mend: impl Fn(usize, &mut ChaCha8Rng, &mut [String; COUNT]),
) -> Records {
    let records = Records::create(&folder.path().join("records.db"), None, Access::Sole).unwrap();
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(Column::ALL.iter().map(|column| column.header())).unwrap();
    for row in 0..rows {
        let mut cells: [String; COUNT] = Column::ALL.map(|column| cell(column, &mut dice));
        mend(row, &mut dice, &mut cells);
        writer.write_record(&cells).unwrap();
    }
    let options = import::Options {
        council: "503".parse().unwrap(),
        received: day("2025-04-15"),
        imported_at: 0,
        dry_run: false,
        force_council: false,
        aliases: Aliases::default(),
    };
    import::import(&records, &Source::bytes("a.csv", writer.into_inner().unwrap()), &options, &mut Unwatched).unwrap();
    records
}

type Counts = BTreeMap<(Column, Status, Outcome), u64>;

fn told_again(records: &Records) -> Counts {
    let mut counts = Counts::new();
    records
        .coded_rows(1, |_, codes| {
            let counted = Column::ALL.into_iter().filter(|column| column.is_counted());
            for (column, (status, outcome)) in counted.zip(codes.iter()) {
                *counts.entry((column, status, outcome)).or_default() += 1;
            }
        })
        .unwrap();
    counts
}

fn as_imported(records: &Records) -> Counts {
    let all = records.quality(1).unwrap();
    status_counts(&all).map(|(column, status, outcome, cells)| ((column, status, outcome), cells)).collect()
}

#[test]
fn the_codes_of_rows_read_back_are_those_of_the_import() {
    for seed in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let records = imported(&folder, 1500, seed, |_, _, _| {});
        let imported = as_imported(&records);
        assert!(imported.keys().any(|(_, _, outcome)| *outcome == Outcome::Variant));
        assert_eq!(told_again(&records), imported, "seed {seed}");
        let mut rows = 0;
        let (mut plain, mut coded) = (Vec::new(), Vec::new());
        records.rows(1, |row| plain.push((row.number, row.person))).unwrap();
        records
            .coded_rows(1, |row, _| {
                rows += 1;
                coded.push((row.number, row.person));
            })
            .unwrap();
        assert!(rows > 1024 && plain == coded, "the same rows in the same order, over several blocks");
    }
}

#[test]
fn an_erased_person_leaves_the_codes_and_a_restricted_one_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let records = imported(&folder, 400, 9, |row, _, cells| {
        cells[Column::NhsNumber.index()] = String::new();
        cells[Column::PersonId.index()] = format!("Q{}", row % 5);
        cells[Column::Linked1.index()] = "Q1".to_owned();
    });
    let rows = |records: &Records| {
        let mut rows = 0;
        records.coded_rows(1, |_, _| rows += 1).unwrap();
        rows
    };
    assert_eq!(rows(&records), 400);
    records.restrict_person(&PersonId::Council("Q0".to_owned()), day("2025-05-01")).unwrap();
    assert_eq!(rows(&records), 320);
    records.erase_person(&PersonId::Council("Q1".to_owned()), day("2025-05-01")).unwrap();
    assert_eq!(rows(&records), 240);
    let linked = told_again(&records).into_iter().filter(|((column, _, _), _)| *column == Column::Linked1);
    assert!(linked.into_iter().all(|((_, _, outcome), _)| outcome == Outcome::BlankAllowed), "the link went, too");
}

#[test]
fn the_measure_and_the_page_agree_where_every_row_is_an_event_of_the_period() {
    let folder = tempfile::tempdir().unwrap();
    let records = imported(&folder, 1300, 5, |row, dice, cells| {
        let mut set = |column: Column, text: String| cells[column.index()] = text;
        // Somebody of their own, an event, dates of the year (in any form), nobody dead.
        set(Column::PersonId, format!("P{row}"));
        set(Column::NhsNumber, ["", "x", "1111111111"][row % 3].to_owned());
        set(
            Column::EventType,
            ["Service", "request", "Referrals", "Assessment", "Review", "Other"][row % 6].to_owned(),
        );
        let month = dice.random_range(4..=12);
        set(Column::EventStart, format!("{:02}/{month:02}/2024", dice.random_range(1..=28)));
        let end = ["31/03/2025".to_owned(), "2025-03-31 00:00".to_owned(), format!("28/{month:02}/2024")];
        set(Column::EventEnd, if row % 6 == 0 && row % 4 == 0 { String::new() } else { end[row % 3].clone() });
        set(Column::Death, String::new());
        if row < 12 {
            set(Column::EventStart, "01/04/2024".to_owned());
            set(Column::EventEnd, "30/04/2024".to_owned());
        }
    });
    let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).unwrap();
    let release = Release::CouncilSuppressed(Profile::Hospital);
    let query = Query::new("data-quality", period, None, &[], &[], DataRule::default(), release).unwrap();
    let mut csv = Vec::new();
    let figures = crate::local::measure(&records, &query, day("2025-05-01")).unwrap();
    figures.csv("503".parse().unwrap(), &mut csv).unwrap();
    let mut measured: BTreeMap<String, u64> = BTreeMap::new();
    for record in csv::Reader::from_reader(csv.as_slice()).records() {
        let record = record.unwrap();
        if record[7] != *"0" {
            measured.insert(record[5].to_owned(), record[7].parse().unwrap());
        }
    }
    assert_eq!(measured[""], 1300 * 46, "all cells");
    for field in fields(&records.quality(1).unwrap()) {
        let at = |result: &str| {
            let name = format!("field={};result={result}", field.column.header());
            measured.get(&name).copied().unwrap_or(0)
        };
        let shown = [field.valid, field.release_1, field.invalid, field.blank_mandatory, field.blank_allowed];
        let found = [
            at("Passed: Valid"),
            at("Failed: Release 1"),
            at("Failed: Invalid"),
            at("Failed: Blank (Mandatory)"),
            at("Passed: Blank (Not Mandatory)"),
        ];
        assert_eq!(found, shown, "{}", field.column.header());
    }
}
