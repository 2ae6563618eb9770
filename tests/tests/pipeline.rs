//! The product against the oracle: generated files through import, store, assembly and measures give the figures that
//! plain loops over the same files give, to the last count.

#[path = "pipeline/hard.rs"]
mod hard;

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
use folkmoot_tests::truth::joined::{self, Joined, Keys};
use folkmoot_tests::truth::{self, Figure, Question};
use jiff::civil::Date;

#[path = "pipeline/by_hand.rs"]
mod by_hand;
#[path = "pipeline/coverage.rs"]
mod coverage;
#[path = "pipeline/national.rs"]
mod national;
#[path = "pipeline/private.rs"]
mod private;
#[path = "pipeline/tangled.rs"]
mod tangled;

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
    let council = generate::council(settings, &place).expect("generated");
    let pair = Pair::read(&place.code, &council.files, keys);
    let periods = [("2025-04-01", "2026-03-31"), ("2025-01-01", "2025-12-31"), ("2025-12-31", "2025-12-31")];
    for (from, to) in periods {
        for (measure, by) in QUESTIONS {
            pair.compare(measure, by, (from, to), false).unwrap_or_else(|differences| panic!("{differences}"));
        }
    }
}

/// One council's files, read by the product and by the oracle.
struct Pair {
    code: String,
    keys: KeyReading,
    as_of: Date,
    /// The joined window asked for; all quarters held when absent.
    joined: Option<(Date, Date)>,
    records: Records,
    files: Vec<truth::File>,
    plain: Joined,
    _folder: tempfile::TempDir,
}

impl Pair {
    fn read(code: &str, sent: &[generate::File], keys: KeyReading) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in sent {
            std::fs::write(folder.path().join(&file.name), &file.bytes).expect("written");
        }
        let as_of: Date = "2026-11-01".parse().expect("a date");
        let records = import_folder(folder.path(), code, sent);
        let files = truth::read_folder(folder.path(), code, as_of).expect("read");
        let plain = plain(code, &files, as_of, None, keys).expect("quarters");
        Self { code: code.to_owned(), keys, as_of, joined: None, records, files, plain, _folder: folder }
    }

    /// The same files as known on another day, or joined over another window; false where no quarter is held.
    fn look(&mut self, as_of: &str, joined: Option<(&str, &str)>) -> bool {
        let date = |text: &str| text.parse::<Date>().expect("a date");
        self.as_of = date(as_of);
        self.joined = joined.map(|(from, to)| (date(from), date(to)));
        let found = plain(&self.code, &self.files, self.as_of, self.joined, self.keys);
        let held = found.is_some();
        if let Some(found) = found {
            self.plain = found;
        }
        held
    }

    /// Compares one question's figures, and returns those of the oracle, or what differs.
    fn compare(
        &self,
        measure: &str,
        by: &[&str],
        (from, to): (&str, &str),
        documented: bool,
    ) -> Result<Vec<Figure>, String> {
        let by: Vec<String> = by.iter().map(|&name| name.to_owned()).collect();
        let date = |text: &str| text.parse::<Date>().expect("a date");
        let question = Question { measure: measure.to_owned(), from: date(from), to: date(to), by: by.clone() };
        let figures = truth::variant(&self.plain, &question, documented).expect("the oracle knows it");
        let expected = sorted(&truth::csv(&figures));
        let settings: &[(String, String)] =
            if documented { &[("variant".to_owned(), "documented".to_owned())] } else { &[] };
        let found = self.product(measure, (date(from), date(to)), &by, settings);
        let found = sorted(&found);
        let only = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|line| !other.contains(line)).take(12).cloned().collect()
        };
        if found != expected {
            return Err(format!(
                "council {}: {measure} {from} {to} by {by:?} {settings:?} as of {} over {:?}: the product has {:#?}, the oracle {:#?}",
                self.code,
                self.as_of,
                self.joined,
                only(&found, &expected),
                only(&expected, &found),
            ));
        }
        Ok(figures)
    }

    fn product(&self, measure: &str, (from, to): (Date, Date), by: &[String], settings: &[(String, String)]) -> String {
        let period = ReferencePeriod::inclusive(day(from), day(to)).expect("forwards");
        let by = (!by.is_empty()).then_some(by);
        let joined = self.joined.map(|(from, to)| ReferencePeriod::inclusive(day(from), day(to)).expect("forwards"));
        let data = DataRule { as_of: Some(day(self.as_of)), joined, key: self.keys };
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new(measure, period, by, &[], settings, data, release).expect("a question");
        let figures = local::measure(&self.records, &query, day(self.as_of)).expect("measured");
        let mut csv = Vec::new();
        figures.csv(CouncilCode::parse(&self.code).expect("a code"), &mut csv).expect("written");
        String::from_utf8(csv).expect("UTF-8")
    }
}

/// The oracle's joined table.
fn plain(
    code: &str,
    files: &[truth::File],
    as_of: Date,
    window: Option<(Date, Date)>,
    keys: KeyReading,
) -> Option<Joined> {
    let reading = match keys {
        KeyReading::Raw => Keys::Raw,
        KeyReading::Cleaned => Keys::Cleaned,
    };
    let window = window.or_else(|| joined::quarters_held(files, as_of))?;
    Some(joined::join(code, files, as_of, window, reading))
}

fn import_folder(folder: &Path, code: &str, sent: &[generate::File]) -> Records {
    let store = folder.join("store");
    std::fs::create_dir(&store).expect("a folder");
    let records = Records::create(&store.join("records.db"), None, Access::Sole).expect("a store");
    for file in sent {
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
