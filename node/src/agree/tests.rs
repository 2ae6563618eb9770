//! Records put back, swapped, and changes cut short between records and log.

use std::path::Path;
use std::sync::Arc;

use folkmoot_proto::period::Day;
use folkmoot_runtime::store::Access;

use super::*;
use crate::answer::data::tests::{day, records as made};
use crate::ledger::tests::Bench;
use crate::store::PersonId;

const TODAY: &str = "2025-05-01";

/// Records and a ledger that know each other.
struct Place {
    folder: tempfile::TempDir,
    bench: Bench,
    numbers: Vec<u64>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (records, numbers) = made(&folder);
        let bench = Bench::new();
        settle(&records, &bench.create(), By::Finder).unwrap();
        Self { folder, bench, numbers }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("records.db")
    }

    fn records(&self) -> Records {
        Records::open(&self.path(), None, Access::Beside).unwrap()
    }

    fn ledger(&self) -> Ledger {
        self.bench.beside()
    }

    fn nhs(&self, place: usize) -> PersonId {
        PersonId::Nhs(self.numbers[place])
    }

    /// Copies the records as they are now.
    fn copy(&self, name: &str) -> std::path::PathBuf {
        let to = self.folder.path().join(name);
        self.records().store().backup(&to).unwrap();
        to
    }

    /// Puts a copy in the place of the records, as whoever copies files does.
    fn put_back(&self, copy: &Path) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path().into_os_string();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
        std::fs::copy(copy, self.path()).unwrap();
    }

    fn log(&self) -> Vec<Record> {
        let mut all = Vec::new();
        Book::of(&self.ledger())
            .entries(1, |entry| {
                all.push(serde_json::from_str(&entry.body).unwrap());
                Ok(())
            })
            .unwrap();
        all
    }

    fn rows(&self) -> usize {
        let records = self.records();
        let mut rows = 0;
        for submission in records.submissions().unwrap() {
            records.rows(submission.id, |_| rows += 1).unwrap();
        }
        rows
    }
}

fn today() -> Day {
    day(TODAY)
}

fn erased(record: &Record) -> bool {
    record.action == Action::SubjectRequest && record.note.as_deref() == Some("the person was erased")
}

#[test]
fn every_change_is_written_down_once_with_the_state_it_led_to() {
    let place = Place::new();
    let (records, ledger) = (place.records().in_name_of("local: Jo Doe"), place.ledger());
    let before = place.log().len();
    settle(&records, &ledger, By::Maker).unwrap();
    assert_eq!(place.log().len(), before, "nothing changed");
    records.restrict_person(&place.nhs(0), today()).unwrap();
    records.free_person(&place.nhs(0)).unwrap();
    records.erase_person_noted(&place.nhs(1), today(), |_, _| Some("ab".repeat(32))).unwrap();
    records.lift_erasure(&place.nhs(1)).unwrap();
    records.load_opt_outs([place.numbers[2]], today()).unwrap();
    records.purge(day("2017-01-01"), true).unwrap();
    records.purge(day("2017-01-01"), false).unwrap();
    settle(&records, &ledger, By::Maker).unwrap();
    settle(&records, &ledger, By::Finder).unwrap();
    let log = place.log();
    let new = &log[before..];
    let actions: Vec<Action> = new.iter().map(|record| record.action).collect();
    let request = Action::SubjectRequest;
    assert_eq!(actions, [request, request, request, request, Action::OptOutLoaded, Action::Retention]);
    assert!(new.iter().all(|record| record.who == "local: Jo Doe" && record.decision.is_none()));
    assert_eq!(new[2].digest.as_deref(), Some("ab".repeat(32).as_str()));
    let last = new.last().unwrap().records.clone().unwrap();
    assert_eq!(last, records.state().unwrap().to_string());
    // Nobody is named.
    for record in &log {
        let text = serde_json::to_string(record).unwrap();
        assert!(place.numbers.iter().all(|number| !text.contains(&number.to_string())), "{text}");
    }
    place.bench.sound();
}

#[test]
fn a_change_that_was_cut_short_before_its_entry_is_found_and_written() {
    let place = Place::new();
    let before = place.log().len();
    place.records().in_name_of("local: Jo Doe").erase_person(&place.nhs(0), today()).unwrap();
    // The process died here. Whoever comes next writes it.
    settle(&place.records(), &place.ledger(), By::Finder).unwrap();
    let log = place.log();
    assert_eq!(log.len(), before + 1);
    let found = log.last().unwrap();
    assert!(erased(found) && found.who == "local: Jo Doe");
    assert!(found.decision.as_deref().unwrap().contains("found in the records"), "{found:?}");
}

#[test]
fn a_crash_at_any_statement_of_the_entry_leaves_it_to_the_next() {
    for crash in 0.. {
        let place = Place::new();
        let before = place.log().len();
        let records = place.records();
        records.restrict_person(&place.nhs(0), today()).unwrap();
        records.erase_person(&place.nhs(1), today()).unwrap();
        let ledger = place.ledger();
        crate::ledger::tests::cut(Some(crash));
        let died = settle(&records, &ledger, By::Maker).is_err();
        crate::ledger::tests::cut(None);
        let written = place.log().len() - before;
        assert!(written == 0 || written == 2, "{written} entries after a crash at statement {crash}");
        settle(&place.records(), &place.ledger(), By::Finder).unwrap();
        assert_eq!(place.log().len() - before, 2, "crash at {crash}");
        place.bench.sound();
        if !died {
            assert!(crash > 6, "the fuse was never lit");
            break;
        }
    }
}

#[test]
fn older_records_are_refused_until_they_are_reconciled_and_nobody_comes_back() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.copy("old.db");
    place.records().restrict_person(&place.nhs(1), today()).unwrap();
    place.records().erase_person(&place.nhs(0), today()).unwrap();
    place.records().load_opt_outs([place.numbers[2]], today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let rows = place.rows();
    place.put_back(&old);
    assert_eq!(place.rows(), 10, "everybody is back");

    let refused = settle(&place.records(), &ledger, By::Finder).unwrap_err();
    assert!(matches!(refused, Error::Older { held: 1, known: 4, .. }), "{refused}");
    assert!(refused.to_string().contains("folkmoot-node reconcile"), "{refused}");
    assert_eq!(refused.refusal().reason(), Reason::LedgerInDoubt);
    // Nor after changes on top of the old file.
    for _ in 0..4 {
        place.records().purge(day("2017-01-01"), false).unwrap();
    }
    let refused = settle(&place.records(), &ledger, By::Finder).unwrap_err();
    assert!(matches!(refused, Error::Other { known: 4, .. }), "{refused}");

    let done = reconcile(&place.records(), &ledger, "local: Jo Doe", "the disk failed", false).unwrap().unwrap();
    assert!(done.removed.rows > 0);
    let missing: Vec<Action> = done.missing.iter().map(|(_, record)| record.action).collect();
    assert_eq!(missing, [Action::SubjectRequest, Action::SubjectRequest, Action::OptOutLoaded]);
    assert_eq!(place.rows(), rows, "the erased person is gone again, the restricted one unread");
    let records = place.records();
    assert!(records.find_person(&place.nhs(0)).unwrap().erased);
    assert!(records.find_person(&place.nhs(1)).unwrap().restricted);
    let revisions: Vec<u64> = records.submissions().unwrap().iter().map(|held| held.revision).collect();
    assert!(revisions.iter().all(|revision| *revision > 4), "data that no answer was made from: {revisions:?}");
    assert_eq!(records.opt_out_list().unwrap(), None, "an older list is not taken for the last one");
    settle(&records, &ledger, By::Finder).unwrap();
    assert!(reconcile(&records, &ledger, "local: Jo Doe", "again", false).unwrap().is_none());
    let entry = place.log().pop().unwrap();
    assert_eq!((entry.action, entry.who.as_str()), (Action::Reconciled, "local: Jo Doe"));
    assert!(entry.note.unwrap().contains("the disk failed"));
    // The old file again is noticed again.
    place.put_back(&old);
    assert!(settle(&place.records(), &ledger, By::Finder).is_err());
    place.bench.sound();
}

#[test]
fn a_reconciliation_cut_short_anywhere_is_finished_by_running_it_again() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.copy("old.db");
    place.records().erase_person(&place.nhs(0), today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let rows = place.rows();
    for crash in 0.. {
        place.put_back(&old);
        let ledger = place.ledger();
        crate::ledger::tests::cut(Some(crash));
        let died = reconcile(&place.records(), &ledger, "local: Jo", "test", false).is_err();
        crate::ledger::tests::cut(None);
        if died {
            assert!(settle(&place.records(), &ledger, By::Finder).is_err(), "crash at {crash}");
            reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap();
        }
        assert_eq!(place.rows(), rows, "crash at {crash}");
        settle(&place.records(), &ledger, By::Finder).unwrap();
        if !died {
            assert!(crash > 6, "the fuse was never lit");
            break;
        }
    }
    place.bench.sound();
}

#[test]
fn records_of_another_store_are_refused_and_need_a_word_more() {
    let place = Place::new();
    let ledger = place.ledger();
    place.records().erase_person(&place.nhs(0), today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (other, _) = made(&elsewhere);
    assert!(matches!(settle(&other, &ledger, By::Finder).unwrap_err(), Error::Older { .. } | Error::Other { .. }));
    let state = other.state().unwrap();
    let refused = reconcile(&other, &ledger, "local: Jo", "test", false).err().unwrap();
    assert!(refused.to_string().contains("--regardless"), "{refused}");
    assert_eq!(other.state().unwrap(), state, "nothing was done");
    assert!(reconcile(&other, &ledger, "local: Jo", "test", true).unwrap().is_some());
    settle(&other, &ledger, By::Finder).unwrap();
    let entry = place.log().pop().unwrap();
    assert!(entry.decision.unwrap().contains("could not be made again"));
}

#[test]
fn a_ledger_that_was_put_back_learns_the_changes_again_and_is_for_its_witnesses() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.folder.path().join("old-ledger.db");
    ledger.store().backup(&old).unwrap();
    place.records().erase_person(&place.nhs(0), today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let seen = ledger.head().unwrap();
    drop(ledger);
    for suffix in ["", "-wal", "-shm"] {
        let mut name = place.bench.path().into_os_string();
        name.push(suffix);
        let _ = std::fs::remove_file(name);
    }
    std::fs::copy(&old, place.bench.path()).unwrap();
    let ledger = place.ledger();
    settle(&place.records(), &ledger, By::Finder).unwrap();
    assert!(erased(place.log().last().unwrap()));
    assert!(place.log().last().unwrap().decision.as_deref().unwrap().contains("older copy"));
    assert!(ledger.observe_witness(&seen).is_err(), "the entry is another one than the witness saw");
}

#[test]
fn two_that_settle_at_once_write_each_change_once() {
    let place = Place::new();
    let before = place.log().len();
    let place = Arc::new(place);
    std::thread::scope(|scope| {
        for who in 0..2_usize {
            let place = Arc::clone(&place);
            scope.spawn(move || {
                let (records, ledger) = (place.records(), place.ledger());
                for turn in 0..4 {
                    records.restrict_person(&place.nhs(who * 4 + turn), today()).unwrap();
                    settle(&records, &ledger, By::Maker).unwrap();
                }
            });
        }
    });
    let log = place.log();
    let states: std::collections::BTreeSet<_> =
        log[before..].iter().map(|record| record.records.clone().unwrap()).collect();
    assert_eq!((log.len() - before, states.len()), (8, 8));
    place.bench.sound();
}

/// Lets a store's file have so many pages more than it has now; SQLite then says what it says on a full disk.
fn room(store: &folkmoot_runtime::store::Store, pages: i64) {
    let set = store.write("set the room", |tx| {
        let now: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        tx.query_row(&format!("PRAGMA max_page_count = {}", now.saturating_add(pages)), [], |row| row.get::<_, i64>(0))
    });
    set.unwrap();
}

const PLENTY: i64 = 1 << 30;

/// A file of a few hundred people by council id, last seen long ago.
fn more() -> Vec<u8> {
    use crate::import::columns::Column;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(Column::ALL.iter().map(|column| column.header())).unwrap();
    for person in 0..400 {
        let mut cells = vec![String::new(); Column::ALL.len()];
        for (column, text) in [
            (Column::LaCode, "503".to_owned()),
            (Column::PeriodStart, "01/04/2014".to_owned()),
            (Column::PeriodEnd, "31/03/2015".to_owned()),
            (Column::PersonId, format!("a rather long id of a person, number {person}")),
            (Column::ClientType, "Service user".to_owned()),
            (Column::EventType, "Service".to_owned()),
            (Column::EventStart, "01/04/2014".to_owned()),
            (Column::EventEnd, "01/03/2015".to_owned()),
            (Column::ServiceType, "Long term support: Community".to_owned()),
        ] {
            cells[column.index()] = text;
        }
        writer.write_record(&cells).unwrap();
    }
    writer.into_inner().unwrap()
}

fn words(error: store::Error) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

fn import_more(records: &Records) -> Result<(), String> {
    let options = crate::import::Options {
        council: "503".parse().unwrap(),
        received: day("2015-04-15"),
        imported_at: 0,
        dry_run: false,
        force_council: false,
        aliases: crate::clean::lists::Aliases::default(),
    };
    let source = crate::import::Source::bytes("more.csv", more());
    let done = crate::import::import(records, &source, &options, &mut crate::import::Unwatched);
    done.map(drop).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

#[test]
fn a_change_that_finds_no_room_says_so_and_is_not_made_by_half() {
    type Change = fn(&Place, &Records) -> Result<(), String>;
    let changes: [(&str, bool, Change); 5] = [
        ("import", true, |_, records| import_more(records)),
        ("erase", false, |place, records| records.erase_person(&place.nhs(0), today()).map(drop).map_err(words)),
        ("restrict", false, |place, records| records.restrict_person(&place.nhs(0), today()).map(drop).map_err(words)),
        ("opt-outs", true, |place, records| {
            let listed = (0..500).map(|n| 9_990_000_000 + n).chain(place.numbers.iter().copied());
            records.load_opt_outs(listed, today()).map(drop).map_err(words)
        }),
        ("retention", false, |_, records| records.purge(day("2024-01-01"), false).map(drop).map_err(words)),
    ];
    for (what, must_fail, change) in changes {
        let mut failed = 0;
        for pages in 0.. {
            let place = Place::new();
            let (records, ledger) = (place.records(), place.ledger());
            if what == "retention" {
                import_more(&records).unwrap();
                settle(&records, &ledger, By::Maker).unwrap();
            }
            let (state, rows, entries) = (records.state().unwrap(), place.rows(), place.log().len());
            room(records.store(), pages);
            let done = change(&place, &records);
            room(records.store(), PLENTY);
            if let Err(said) = done {
                failed += 1;
                assert!(said.contains("no room left on the disk"), "{what}: {said}");
                assert_eq!((records.state().unwrap(), place.rows()), (state, rows), "{what} with {pages} pages");
                let marked = records.find_person(&place.nhs(0)).unwrap();
                assert!(!marked.erased && !marked.restricted && !marked.opted_out, "{what} with {pages} pages");
                settle(&records, &ledger, By::Finder).unwrap();
                assert_eq!(place.log().len(), entries, "{what}: nothing happened, and nothing is written down");
                change(&place, &records).unwrap();
            }
            settle(&records, &ledger, By::Maker).unwrap();
            assert_eq!(place.log().len(), entries + 1, "{what} with {pages} pages");
            place.bench.sound();
            if failed <= pages {
                break;
            }
        }
        assert!(!must_fail || failed > 0, "{what} never found the disk full");
    }
}

#[test]
fn when_only_files_were_lost_the_data_keep_their_name() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.copy("old.db");
    import_more(&place.records()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    place.put_back(&old);
    let before = place.records().submissions().unwrap()[0].revision;
    let done = reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap().unwrap();
    assert!(done.missing.iter().any(|(_, record)| record.note.as_deref().unwrap().contains("more.csv")));
    assert_eq!(place.records().submissions().unwrap()[0].revision, before);
    // With a change of its own it may not: the same name could stand for other data.
    place.put_back(&old);
    place.records().purge(day("2017-01-01"), false).unwrap();
    reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap().unwrap();
    assert!(place.records().submissions().unwrap()[0].revision > before);
}

/// By what the ledger knows data again: digest, revision, day of receipt.
fn names(place: &Place) -> Vec<([u8; 32], u64, Day)> {
    let held = place.records().submissions().unwrap();
    held.into_iter().map(|held| (held.digest, held.revision, held.received)).collect()
}

#[test]
fn a_file_imported_again_without_somebody_erased_meanwhile_never_has_its_old_name() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.copy("old.db");
    let import = || {
        import_more(&place.records()).unwrap();
        settle(&place.records(), &ledger, By::Maker).unwrap();
        names(&place)[1]
    };
    let first = import();
    let person = PersonId::Council("a rather long id of a person, number 7".to_owned());
    assert!(place.records().erase_person(&person, today()).unwrap().rows > 0);
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let second = names(&place)[1];
    place.put_back(&old);
    reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap().unwrap();
    assert!(place.records().find_person(&person).unwrap().erased);
    let third = import();
    assert_eq!((first.0, first.2), (third.0, third.2));
    assert!(third.1 > second.1 && second.1 > first.1, "{first:?} {second:?} {third:?}");
    // Nor any name that a later change gave.
    place.records().restrict_person(&place.nhs(1), today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    place.put_back(&old);
    reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap().unwrap();
    assert!(import().1 > third.1);
}

#[test]
fn a_file_that_alone_was_lost_has_its_old_name_when_imported_again() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = place.copy("old.db");
    let import = || {
        import_more(&place.records()).unwrap();
        settle(&place.records(), &ledger, By::Maker).unwrap();
        names(&place)
    };
    let first = import();
    place.put_back(&old);
    reconcile(&place.records(), &ledger, "local: Jo", "test", false).unwrap().unwrap();
    assert_eq!(import(), first, "the same data");
}

#[test]
fn what_a_copy_went_through_elsewhere_gets_its_entries_when_it_is_put_here() {
    let place = Place::new();
    let ledger = place.ledger();
    let copy = place.copy("copy.db");
    let elsewhere = Records::open(&copy, None, Access::Beside).unwrap().in_name_of("local: Sam Roe");
    import_more(&elsewhere).unwrap();
    elsewhere.erase_person(&place.nhs(0), today()).unwrap();
    elsewhere.empty_log();
    drop(elsewhere);
    place.records().restrict_person(&place.nhs(1), today()).unwrap();
    settle(&place.records(), &ledger, By::Maker).unwrap();
    let before = place.log().len();
    place.put_back(&copy);
    reconcile(&place.records(), &ledger, "local: Jo Doe", "test", false).unwrap().unwrap();
    let log = place.log();
    let new: Vec<_> = log[before..].iter().map(|record| (record.action, record.who.as_str())).collect();
    assert_eq!(
        new,
        [
            (Action::Imported, "local: Sam Roe"),
            (Action::SubjectRequest, "local: Sam Roe"),
            (Action::Reconciled, "local: Jo Doe")
        ]
    );
    assert!(log[before].decision.as_deref().unwrap().contains("records that were put back"));
    for state in place.records().states().unwrap() {
        let said = log.iter().filter(|record| record.records.as_deref() == Some(state.to_string().as_str())).count();
        assert_eq!(said, 1, "every change has one entry");
    }
    place.bench.sound();
}

#[test]
fn a_change_waits_for_readers_only_after_its_entry_stands() {
    let place = Place::new();
    let (records, ledger) = (place.records(), place.ledger());
    let log = place.folder.path().join("records.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    records.erase_person_noted(&place.nhs(0), today(), |_, _| None).unwrap();
    assert!(length() > 0, "a change is handed back at once, so that it is written down");
    settle(&records, &ledger, By::Maker).unwrap();
    assert_eq!(length(), 0, "and then nothing of the person is left in the write-ahead log");
    assert!(place.log().last().unwrap().decision.is_none());
}

#[test]
fn a_log_that_finds_no_room_gets_its_entry_when_there_is_some() {
    let place = Place::new();
    let (records, ledger) = (place.records(), place.ledger());
    let mut failed = 0;
    // Until an entry needs a new page: not every one does.
    for turn in 0..60 {
        records.restrict_person(&place.nhs(turn % 9), today()).unwrap();
        let entries = place.log().len();
        room(ledger.store(), 0);
        let done = settle(&records, &ledger, By::Maker);
        room(ledger.store(), PLENTY);
        if let Err(error) = done {
            failed += 1;
            assert_eq!(place.log().len(), entries);
            let said = format!("{:#}", anyhow::Error::from(error));
            assert!(said.contains("the next command or start writes") && said.contains("no room left"), "{said}");
            settle(&records, &ledger, By::Finder).unwrap();
        }
        assert_eq!(place.log().len(), entries + 1);
    }
    assert!(failed > 0, "no entry needed room");
    place.bench.sound();
}
