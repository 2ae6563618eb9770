//! The product against the oracle: generated files through import, store, assembly and measures give the figures that
//! plain loops over the same files give, to the last count.

use std::path::Path;

use folkmoot_node::clean::lists::Aliases;
use folkmoot_node::import::{self, Options, Source};
use folkmoot_node::local;
use folkmoot_node::store::Records;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::query::{DataRule, KeyReading, Profile, Query, Release};
use folkmoot_runtime::store::Access;
use folkmoot_tests::generate::{self, Place, Settings};
use folkmoot_tests::truth::joined::{self, Keys};
use folkmoot_tests::truth::{self, Question};
use jiff::civil::Date;

struct Nobody;
impl import::Watch for Nobody {}

fn day(date: Date) -> Day {
    date.to_string().parse().expect("an ISO date")
}

/// Every question the oracle knows, with the breakdowns that tell most.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("ASCOF-2E", &[]),
    ("ASCOF-2E-LD", &[]),
    ("ASCOF-2E-UNKNOWN", &[]),
    ("ASCOF-3D-CLIENTS", &[]),
    ("ASCOF-3D-CARERS", &[]),
    ("ASCOF-3D-1A", &[]),
    ("ASCOF-3D-2A", &[]),
    ("ASCOF-3D-1B", &[]),
    ("ASCOF-3D-2B", &[]),
    ("PEOPLE", &["age_band", "ethnic_group", "gender", "setting"]),
    ("PEOPLE", &["age_group", "primary_support_reason"]),
    ("PEOPLE", &["accommodation", "has_unpaid_carer"]),
    ("PEOPLE", &["client_funding", "employment"]),
    ("ASCOF-2A", &[]),
    ("ASCOF-2A-SEQUELS", &[]),
    ("ASCOF-2A-SEQUELS", &["sequel", "final_outcome", "counts_in"]),
    ("ASCOF-2A-SEQUELS", &["age_band", "counts_in"]),
    ("ASCOF-2B", &[]),
    ("ASCOF-2C", &[]),
    ("STS001", &[]),
    ("STS001", &["sequel", "route_of_access", "age_band"]),
    ("STS002A", &[]),
    ("STS002A", &["sequel", "age_band"]),
    ("STS002B", &[]),
    ("STS002B", &["age_band"]),
];

/// Imports one council's generated files and compares every figure for some periods.
fn compare(settings: &Settings, slot: u32, keys: KeyReading) {
    let place = Place { code: format!("{}", 100 + slot), slot, slots: 12 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let council = generate::council(settings, &place).expect("generated");
    for file in &council.files {
        std::fs::write(folder.path().join(&file.name), &file.bytes).expect("written");
    }
    let as_of: Date = "2026-11-01".parse().expect("a date");
    let records = import_folder(folder.path(), &place.code, &council);
    let files = truth::read_folder(folder.path(), &place.code, as_of).expect("read");
    let window = joined::quarters_held(&files, as_of).expect("quarters");
    let reading = match keys {
        KeyReading::Raw => Keys::Raw,
        KeyReading::Cleaned => Keys::Cleaned,
    };
    let plain = joined::join(&place.code, &files, as_of, window, reading);
    let date = |text: &str| text.parse::<Date>().expect("a date");
    let periods = [
        (date("2025-04-01"), date("2026-03-31")),
        (date("2025-01-01"), date("2025-12-31")),
        (date("2025-12-31"), date("2025-12-31")),
    ];
    for (from, to) in periods {
        for (measure, by) in QUESTIONS {
            let by: Vec<String> = by.iter().map(|&name| name.to_owned()).collect();
            let question = Question { measure: (*measure).to_owned(), from, to, by: by.clone(), settings: Vec::new() };
            let expected = truth::csv(&truth::figures(&plain, &question).expect("the oracle knows it"));
            let found = product(&records, &place.code, measure, (from, to), &by, as_of, keys);
            assert_eq!(sorted(&found), sorted(&expected), "slot {slot} {measure} {from} {to} by {by:?}");
        }
    }
}

fn import_folder(folder: &Path, code: &str, council: &generate::Council) -> Records {
    let store = folder.join("store");
    std::fs::create_dir(&store).expect("a folder");
    let records = Records::create(&store.join("records.db"), None, Access::Sole).expect("a store");
    for file in &council.files {
        let options = Options {
            council: CouncilCode::parse(code).expect("a code"),
            received: day(file.received),
            imported_at: 0,
            dry_run: false,
            force_council: false,
            aliases: Aliases::default(),
        };
        let source = Source::Path(folder.join(&file.name));
        import::import(&records, &source, &options, &mut Nobody).expect("imported");
    }
    records
}

fn product(
    records: &Records,
    code: &str,
    measure: &str,
    (from, to): (Date, Date),
    by: &[String],
    as_of: Date,
    key: KeyReading,
) -> String {
    let period = ReferencePeriod::inclusive(day(from), day(to)).expect("forwards");
    let by = (!by.is_empty()).then_some(by);
    let data = DataRule { as_of: Some(day(as_of)), joined: None, key };
    let release = Release::CouncilSuppressed(Profile::Hospital);
    let query = Query::new(measure, period, by, &[], &[], data, release).expect("a question");
    let figures = local::measure(records, &query, day(as_of)).expect("measured");
    let mut csv = Vec::new();
    figures.csv(CouncilCode::parse(code).expect("a code"), &mut csv).expect("written");
    String::from_utf8(csv).expect("UTF-8")
}

/// Lines without their dates (a measure of one day prints that day alone), in order.
fn sorted(csv: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut lines: Vec<String> = reader
        .records()
        .map(|record| {
            let record = record.expect("our own CSV");
            format!("{} {} {} {}", &record[1], &record[5], &record[6], &record[7])
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn clean_files_measure_as_the_oracle_does() {
    for slot in 0..3 {
        compare(&Settings { people: 150, seed: 11, ..Settings::default() }, slot, KeyReading::Raw);
    }
}

#[test]
fn dirty_files_measure_as_the_oracle_does() {
    for slot in 0..4 {
        compare(&Settings { people: 150, seed: 5, dirt: true, ..Settings::default() }, slot, KeyReading::Raw);
    }
}

#[test]
fn cleaned_event_keys_measure_as_the_oracle_does() {
    compare(&Settings { people: 150, seed: 6, dirt: true, ..Settings::default() }, 7, KeyReading::Cleaned);
}
