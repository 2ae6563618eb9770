//! Bad bytes, crashes, full disks: the store is as it was before, and nothing about a person is said.
#![allow(clippy::unwrap_used)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Cells, Col, Place, csv, key, options, place, rows, take};
use folkmoot_node::import::report::{self, FindingsCsv, Json};
use folkmoot_node::import::{Error, Finding, Outcome, Source, Unwatched, Watch, import};
use folkmoot_node::quality::{self, render};
use folkmoot_node::store::Records;
use folkmoot_runtime::store::Access;
use proptest::prelude::*;

/// Rows enough for several blocks.
fn many(count: usize) -> Vec<u8> {
    let row = |index: usize| {
        Cells::service().with(Col::NhsNumber, "").with(Col::PersonId, &format!("M{index}")).with(Col::FirstName, "x")
    };
    csv(&(0..count).map(row).collect::<Vec<_>>())
}

/// Every table of the store, as text.
fn everything(place: &Place) -> String {
    let tables = ["submission", "month_end", "quality", "finding", "block", "interned", "term", "mark", "marked"];
    let read = |table: &str| {
        place
            .records
            .store()
            .read("look at everything", |tx| {
                let mut statement = tx.prepare(&format!("SELECT * FROM {table}"))?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                let mut all = String::new();
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        all.push_str(&format!("{:?} ", row.get_ref(column)?));
                    }
                }
                Ok(all)
            })
            .unwrap()
    };
    tables.iter().map(|table| read(table)).collect()
}

struct Panics(u32);
impl Watch for Panics {
    fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
        assert!(finding.row < self.0, "the process dies here");
        Ok(())
    }
}

struct Fails;
impl Watch for Fails {
    fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
        if finding.row > 2000 { Err(std::io::Error::other("no room for the report")) } else { Ok(()) }
    }
}

#[test]
fn an_import_that_dies_half_way_leaves_nothing() {
    let place = place();
    take(&place, "first.csv", &csv(&[Cells::service()]), &options()).unwrap();
    let before = everything(&place);
    let mut bytes = many(5000);
    bytes.extend_from_slice(b"short,row\n");
    let source = Source::bytes("a.csv", bytes.clone());

    let died = catch_unwind(AssertUnwindSafe(|| import(&place.records, &source, &options(), &mut Panics(5002))));
    assert!(died.is_err());
    assert!(everything(&place) == before);

    let mut warned = csv(&vec![Cells::service().with(Col::Gender, ""); 3000]);
    warned.extend_from_slice(b"\n");
    let refused = import(&place.records, &Source::bytes("w.csv", warned), &options(), &mut Fails).err().unwrap();
    assert!(refused.to_string().contains("findings report"), "{refused}");
    assert!(everything(&place) == before);

    assert!(matches!(import(&place.records, &source, &options(), &mut Unwatched), Ok(Outcome::Imported(_))));
}

#[test]
fn a_full_disk_stores_nothing_and_room_lets_it_through() {
    let place = place();
    take(&place, "first.csv", &csv(&[Cells::service()]), &options()).unwrap();
    let before = everything(&place);
    let limit = |pages: u32| {
        place
            .records
            .store()
            .write("limit the file", |tx| {
                tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))
            })
            .unwrap();
    };
    limit(60);
    let refused = take(&place, "a.csv", &many(5000), &options()).err().unwrap();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("no room left on the disk"), "{cause}");
    assert!(everything(&place) == before);
    limit(1_000_000);
    let (summary, _) = take(&place, "a.csv", &many(5000), &options()).unwrap();
    assert_eq!(rows(&place, summary.submission).len(), 5000);
}

#[test]
fn a_copy_taken_while_importing_opens_as_it_was_before() {
    struct Copies<'a>(&'a Place, bool);
    impl Watch for Copies<'_> {
        fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
            if finding.row > 4000 && !self.1 {
                self.1 = true;
                // What a power cut would leave: the file and its log at this moment.
                for name in ["records.db", "records.db-wal"] {
                    let from = self.0.folder.path().join(name);
                    if from.exists() {
                        std::fs::copy(from, self.0.folder.path().join(name.replace("records", "copy")))?;
                    }
                }
            }
            Ok(())
        }
    }
    let place = place();
    let (first, _) = take(&place, "first.csv", &csv(&[Cells::service()]), &options()).unwrap();
    let bytes = csv(&vec![Cells::service().with(Col::Gender, ""); 5000]);
    let mut copies = Copies(&place, false);
    import(&place.records, &Source::bytes("a.csv", bytes), &options(), &mut copies).unwrap();
    assert!(copies.1);
    let path = place.folder.path().join("copy.db");
    let copy = Records::open(&path, Some(key(place.folder.path(), 7)), Access::Sole).unwrap();
    let held = copy.submissions().unwrap();
    assert_eq!(held.iter().map(|held| held.id).collect::<Vec<_>>(), [first.submission]);
    let mut count = 0;
    copy.rows(first.submission, |_| count += 1).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn two_processes_importing_one_file_make_one_submission() {
    let place = place();
    let path = place.folder.path().join("records.db");
    let beside = Records::open(&path, Some(key(place.folder.path(), 7)), Access::Beside).unwrap();
    let source = Source::bytes("a.csv", many(300));
    let run = |records: &Records| import(records, &source, &options(), &mut Unwatched).unwrap();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(|| run(&place.records)), scope.spawn(|| run(&beside)));
        [a.join().unwrap(), b.join().unwrap()].into_iter().map(|done| matches!(done, Outcome::Imported(_))).collect()
    });
    assert_eq!(outcomes.iter().filter(|imported| **imported).count(), 1);
    assert_eq!(place.records.submissions().unwrap().len(), 1);
}

const CANARIES: [&str; 8] = [
    "Quetzalcoatl",
    "9990000018",
    "Zz-Person-77",
    "ZZ99 3QQ",
    "1931",
    "Telephoned her sister",
    "REF-CANARY",
    "P-LINK-9",
];

/// A row with a canary in every cell that says who somebody is, and something wrong with most of them.
fn canary() -> Cells {
    Cells::service()
        .with(Col::FirstName, "Quetzalcoatl")
        .with(Col::LastName, "Quetzalcoatl")
        .with(Col::PersonId, "Zz-Person-77")
        .with(Col::Postcode, "ZZ99 3QQQ")
        .with(Col::Birth, "1931-13-01")
        .with(Col::Death, "32/01/1931")
        .with(Col::EventDescription, "Telephoned her sister")
        .with(Col::EventReference, "REF-CANARY")
        .with(Col::Linked1, "P-LINK-9")
}

#[test]
fn nothing_about_a_person_is_in_findings_summaries_reports_or_errors() {
    let place = place();
    let good = [Cells::service().with(Col::NhsNumber, "9990000026").with(Col::PersonId, "Q"), canary()];
    let (summary, heard) = take(&place, "a.csv", &csv(&good), &options()).unwrap();
    assert!(heard.iter().any(|line| line.contains("date_of_birth date-invalid -")));

    struct Report(FindingsCsv<std::fs::File>);
    impl Watch for Report {
        fn finding(&mut self, finding: &Finding<'_>) -> std::io::Result<()> {
            self.0.add("a.csv", finding)
        }
    }
    let path = place.folder.path().join("findings.csv");
    let mut report = Report(FindingsCsv::new(std::fs::File::create(&path).unwrap()).unwrap());
    let mut dry = options();
    dry.dry_run = true;
    let again = [canary(), canary()];
    import(&place.records, &Source::bytes("b.csv", csv(&again)), &dry, &mut report).unwrap();
    report.0.finish().unwrap();
    let held = &place.records.submissions().unwrap()[0];
    let quality = [quality::of(&place.records, held, 5).unwrap()];

    let mut said = vec![
        heard.join("\n"),
        std::fs::read_to_string(&path).unwrap(),
        report::text(&summary, false),
        serde_json::to_string(&Json::new(&summary, false)).unwrap(),
        render::table(&quality),
        render::html(&quality),
        render::json(&quality).to_string(),
        format!("{:?}", place.records),
        format!("{:?} {:?}", held.facts, summary.findings),
    ];
    // Files that are refused, each for another reason, with canaries where the fault is.
    let person = canary().0.join(",");
    let mut other = csv(&[canary()]);
    other.extend_from_slice(format!("504{}\n", &csv_line(&canary())[3..]).as_bytes());
    let refused = [
        person.clone().into_bytes(),
        format!("{person}\n{person}\n").into_bytes(),
        [csv(&[]), format!("{person},{person}\n").into_bytes()].concat(),
        other,
    ];
    for bytes in refused {
        let error = take(&place, "c.csv", &bytes, &options()).err().expect("refused");
        said.push(format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string)));
    }
    for text in &said {
        for canary in CANARIES {
            assert!(!text.contains(canary), "{canary} is in: {text}");
        }
    }
}

fn csv_line(cells: &Cells) -> String {
    cells.0.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",").replacen('"', "", 2)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_never_half_store(
        start in prop_oneof![Just(true), any::<bool>()],
        tail in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'"'), Just(b'\n'), Just(b'5')], 0..600),
        cut in 0usize..4000,
    ) {
        let place = place();
        let mut bytes = if start { csv(&[Cells::service(), Cells::service()]) } else { Vec::new() };
        bytes.truncate(cut.max(usize::from(!start)));
        bytes.extend_from_slice(&tail);
        match import(&place.records, &Source::bytes("x.csv", bytes), &options(), &mut Unwatched) {
            Ok(Outcome::Imported(summary)) => {
                let held = place.records.submissions().unwrap();
                prop_assert_eq!(held.len(), 1);
                let rows = rows(&place, summary.submission);
                prop_assert_eq!(rows.len() as u64, summary.facts.accepted());
                prop_assert!(!rows.is_empty());
                let total = summary.facts.accepted() + summary.facts.rejected + summary.facts.blank;
                prop_assert_eq!(total, summary.facts.records);
            }
            Ok(Outcome::DryRun(_) | Outcome::AlreadyHeld { .. }) => prop_assert!(false),
            Err(error) => {
                prop_assert!(!matches!(error, Error::Store { .. }), "{}", error);
                prop_assert!(place.records.submissions().unwrap().is_empty());
                prop_assert!(!everything(&place).contains("Blob"));
            }
        }
    }
}
