//! The keeping and people's-rights commands, through the real binary.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Cells, Col, csv, day, nhs};
use folkmoot_node::audit::{Action, Book, Head, Record};
use folkmoot_node::home::Home;
use folkmoot_node::keep::{self, Manifest};
use folkmoot_node::ledger::{self, Ledger};
use folkmoot_node::people::SignedReceipt;
use folkmoot_node::store::{self, PersonId, Records};
use folkmoot_runtime::clock::SystemClock;
use folkmoot_runtime::store::{self as files, Access, Key, Options, Synchronous};

const ANNA: &str = "9990000018";

/// A node's folder and what its commands have said so far.
struct Node {
    folder: tempfile::TempDir,
    home: Home,
    said: std::cell::RefCell<String>,
}

impl Node {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("node"));
        let node = Self { folder, home, said: Default::default() };
        // The discard port on this machine: nothing is ever asked of it here.
        node.does(&["init", "--council", "503", "--federation", "england", "--coordinator", "127.0.0.1:9"]);
        node
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run_at(&self, home: &Path, args: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_folkmoot-node"))
            .arg("--home")
            .arg(home)
            .args(args)
            .env_remove("FOLKMOOT_NODE_HOME")
            .env("FOLKMOOT_LOG", "trace")
            .output()
            .unwrap();
        let mut said = self.said.borrow_mut();
        said.push_str(&text(&output));
        output
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_at(self.home.folder(), args)
    }

    /// Runs a command that must succeed; gives what it said.
    fn does(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output));
        text(&output)
    }

    /// Runs a command that must fail with exit code 1; gives what it said.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output));
        text(&output)
    }

    fn import(&self, name: &str, rows: &[Cells]) {
        let path = self.at(name);
        std::fs::write(&path, csv(rows)).unwrap();
        self.does(&["import", "--received", "2025-04-15", path.to_str().unwrap()]);
    }

    fn key(&self) -> Key {
        Key::load(&self.home.data_key()).unwrap()
    }

    fn records(&self) -> Records {
        Records::open(&self.home.records(), Some(self.key()), Access::Beside).unwrap()
    }

    fn rows(&self) -> usize {
        let records = self.records();
        let mut rows = 0;
        for submission in records.submissions().unwrap() {
            records.rows(submission.id, |_| rows += 1).unwrap();
        }
        rows
    }

    fn ledger(&self) -> Ledger {
        let clock = Arc::new(SystemClock::new());
        Ledger::beside(&self.home.ledger(), Some(self.key()), "503".parse().unwrap(), clock).unwrap()
    }

    fn head(&self) -> Head {
        self.ledger().head().unwrap()
    }
}

/// What stands in a folder and below it: names and lengths.
fn signature(folder: &Path) -> std::collections::BTreeMap<PathBuf, u64> {
    let mut found = std::collections::BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(signature(&path));
        }
        let length = std::fs::metadata(&path).map_or(0, |file| file.len());
        found.insert(path, length);
    }
    found
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn anna() -> Cells {
    Cells::service().with(Col::FirstName, "Canaria").with(Col::EventDescription, "canary in the notes")
}

fn ben() -> Cells {
    Cells::service().with(Col::NhsNumber, "9990000026").with(Col::PersonId, "B2").with(Col::Linked1, "p100")
}

#[test]
fn a_backup_made_while_the_node_writes_is_whole_and_restores_elsewhere() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    // The running node: it holds the ledger alone, and writes whenever the copy has got on a little. (Without a pause it could
    // keep the command from its own entry for longer than a command waits.)
    let clock = Arc::new(SystemClock::new());
    let running = Ledger::open(&node.home.ledger(), Some(node.key()), "503".parse().unwrap(), clock).unwrap();
    let stop = AtomicBool::new(false);
    let out = node.at("backup");
    let out = out.to_str().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = None;
            while !stop.load(Ordering::Relaxed) {
                let now = Some(signature(Path::new(out)));
                if now != seen {
                    running.record(&Record::new(Action::Opened, "node")).unwrap();
                    seen = now;
                }
                std::thread::yield_now();
            }
        });
        let made = node.run(&["backup", "--out", out, "--by", "Jo"]);
        let refused = node.run(&["restore", out, "--by", "Jo"]);
        stop.store(true, Ordering::Relaxed);
        assert!(made.status.success(), "{}", text(&made));
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused).contains("in use by process"), "{}", text(&refused));
    });
    drop(running);
    let manifest = Manifest::check(Path::new(out)).unwrap();
    assert!(!manifest.holds_key());
    let copy = Book::open(&Path::new(out).join("ledger.db"), Some(node.key())).unwrap().verify(None).unwrap();
    assert_eq!(copy.broken, None);
    assert_eq!(copy.head, format!("{}:{}", manifest.ledger_entries, manifest.ledger_digest));
    drop(copy);

    let elsewhere = node.at("elsewhere");
    let keyless = node.run_at(&elsewhere, &["restore", out, "--by", "Jo"]);
    assert!(text(&keyless).contains("--key"), "{}", text(&keyless));
    assert!(!elsewhere.join("records.db").exists());
    let key = node.home.data_key();
    let restored = node.run_at(&elsewhere, &["restore", out, "--key", key.to_str().unwrap(), "--by", "Jo"]);
    assert!(restored.status.success(), "{}", text(&restored));
    let found = node.run_at(&elsewhere, &["person", "find", "--nhs", ANNA, "--by", "Jo"]);
    assert!(text(&found).contains("a.csv"), "{}", text(&found));
    assert!(node.fails(&["backup", "--out", out, "--by", "Jo"]).contains("not empty"));
}

#[test]
fn a_backup_that_was_changed_replaces_nothing() {
    let node = Node::new();
    let out = node.at("backup");
    node.does(&["backup", "--out", out.to_str().unwrap(), "--with-key"]);
    let records = out.join("records.db");
    let mut bytes = std::fs::read(&records).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&records, bytes).unwrap();
    let before = node.head();
    let said = node.fails(&["restore", out.to_str().unwrap(), "--by", "Jo"]);
    assert!(said.contains("not as it was when the backup was made"), "{said}");
    assert_eq!(node.head(), before);
    std::fs::remove_file(out.join("manifest.json")).unwrap();
    assert!(node.fails(&["restore", out.to_str().unwrap(), "--by", "Jo"]).contains("not a backup"));
}

#[test]
fn a_restored_ledger_answers_nothing_once_a_witness_has_seen_more() {
    let node = Node::new();
    let out = node.at("backup");
    node.import("a.csv", &[anna(), ben()]);
    node.does(&["backup", "--out", out.to_str().unwrap(), "--by", "Jo"]);
    node.does(&["person", "erase", "--nhs", ANNA, "--by", "Jo"]);
    let witnessed = node.head();
    assert_eq!(node.rows(), 1);
    let said = node.does(&["restore", out.to_str().unwrap(), "--by", "Jo"]);
    assert!(said.contains("requests of people"), "the erasure must be done again: {said}");
    assert!(said.contains("countersigned a recovery"), "{said}");
    assert!(node.home.folder().join("records.db.replaced-1").exists());
    assert_eq!(node.rows(), 2, "the erased person is back, as the command said");
    let ledger = node.ledger();
    let refused = ledger.observe_witness(&witnessed).unwrap_err();
    assert!(refused.as_refusal().is_some(), "{refused}");
    drop(ledger);
    let said = node.fails(&["doctor"]);
    assert!(said.contains("FAILED  ledger") && said.contains("restored or copied"), "{said}");
    assert!(said.contains("countersign a recovery"), "{said}");
}

#[test]
fn a_restore_leaves_a_later_floor_and_replaces_an_earlier_or_unsigned_one() {
    use folkmoot_proto::floor::SignedFloor;
    let node = Node::new();
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let pinned = folkmoot_proto::governance::GovernanceKey::of(&key);
    std::fs::write(node.home.governance(), hex::encode(pinned.as_bytes())).unwrap();
    let floor = |version: u64, key| {
        let federation = folkmoot_proto::identity::Federation::parse("england").unwrap();
        let issued = "2026-06-01T00:00:00Z".parse().unwrap();
        let signed =
            SignedFloor::sign(federation, version, issued, "[cohort]\nmin_cohort = 3".to_owned(), key).unwrap();
        serde_json::to_vec(&signed).unwrap()
    };
    let put = |content: &[u8]| std::fs::write(node.home.floor(), content).unwrap();
    put(&floor(5, &key));
    let out = node.at("backup");
    node.does(&["backup", "--out", out.to_str().unwrap(), "--by", "Jo"]);
    let restored = || {
        node.does(&["restore", out.to_str().unwrap(), "--by", "Jo"]);
        std::fs::read(node.home.floor()).unwrap()
    };
    put(&floor(6, &key));
    assert_eq!(restored(), floor(6, &key), "the later one stays");
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    for other in [floor(4, &key), floor(7, &stranger), b"no floor".to_vec()] {
        put(&other);
        assert_eq!(restored(), floor(5, &key));
    }
}

#[test]
fn after_rekey_the_old_key_opens_nothing_and_all_is_there() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    let before = std::fs::read(node.home.data_key()).unwrap();
    node.does(&["rekey", "--by", "Jo"]);
    let old = node.home.keys().join("data.key.replaced-1");
    assert_eq!(std::fs::read(&old).unwrap(), before);
    assert_ne!(std::fs::read(node.home.data_key()).unwrap(), before);
    assert!(!keep::waiting_key(&node.home).exists());
    let with_old = Records::open(&node.home.records(), Some(Key::load(&old).unwrap()), Access::Beside);
    assert!(matches!(with_old, Err(store::Error::Store(files::Error::WrongKey { .. }))));
    let with_old = ledger::open_for_reading(&node.home.ledger(), Some(Key::load(&old).unwrap()));
    assert!(matches!(with_old, Err(files::Error::WrongKey { .. })));
    assert_eq!(node.rows(), 2);
    node.does(&["audit", "verify"]);
}

#[test]
fn an_interrupted_rekey_is_named_by_doctor_and_finished_by_another_run() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    // As after a crash between the two stores.
    let new = Key::create(&keep::waiting_key(&node.home), &mut rand::rng()).unwrap();
    let options =
        Options { schema: ledger::SCHEMA, key: Some(node.key()), synchronous: Synchronous::Full, access: Access::Sole };
    files::rekey(&node.home.ledger(), &options, &new).unwrap();
    let said = node.fails(&["doctor"]);
    assert!(said.contains("FAILED  ledger") && said.contains("run `rekey` again"), "{said}");
    node.does(&["rekey", "--by", "Jo"]);
    assert_eq!(node.rows(), 2);
    assert!(!keep::waiting_key(&node.home).exists());
    node.does(&["audit", "verify"]);

    let clock = Arc::new(SystemClock::new());
    let running = Ledger::open(&node.home.ledger(), Some(node.key()), "503".parse().unwrap(), clock).unwrap();
    assert!(node.fails(&["rekey", "--by", "Jo"]).contains("in use"), "not while the node runs");
    assert!(!keep::waiting_key(&node.home).exists());
    drop(running);
}

#[test]
fn an_erased_person_stays_away_and_nothing_about_them_is_said() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    node.does(&["person", "erase", "--nhs", ANNA, "--dry-run", "--by", "Jo Doe"]);
    assert_eq!(node.rows(), 2);
    let receipt = node.at("receipt.json");
    node.does(&[
        "person",
        "erase",
        "--nhs",
        "999 000 0018",
        "--receipt",
        receipt.to_str().unwrap(),
        "--reference",
        "ER-14",
        "--by",
        "Jo Doe",
    ]);
    assert_eq!(node.rows(), 1);
    let signed: SignedReceipt = serde_json::from_slice(&std::fs::read(&receipt).unwrap()).unwrap();
    assert_eq!((signed.receipt.done.as_str(), signed.receipt.links), ("erased", 1));
    assert_eq!(signed.receipt.rows.values().sum::<u64>(), 1);
    assert_eq!(signed.receipt.reference.as_deref(), Some("ER-14"));
    assert!(signed.signature.is_none(), "there is no certificate yet, and the command says so");
    // A file of older data that was not seen before.
    node.import("b.csv", &[anna().with(Col::EventStart, "01/06/2024"), ben().with(Col::EventStart, "01/06/2024")]);
    assert_eq!(node.rows(), 2, "Ben twice");
    let found = node.does(&["person", "find", "--id", "P100", "--by", "Jo Doe"]);
    assert!(found.contains("No row is held") && found.contains("erased"), "{found}");

    let log = node.at("audit.jsonl");
    node.does(&["audit", "export", "--out", log.to_str().unwrap()]);
    node.does(&["audit", "verify"]);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("local: Jo Doe") && log.contains(&signed.receipt.digest()), "{log}");
    assert!(!log.contains("ER-14"), "references may name people; they are on the receipt only");
    let said = node.said.borrow();
    let paper = std::fs::read_to_string(&receipt).unwrap();
    for canary in [ANNA, "999 000 0018", "P100", "p100", "Canaria", "canary", "ZZ99"] {
        for (place, words) in [("log", &log), ("output", &*said), ("receipt", &paper)] {
            assert!(!words.contains(canary), "{canary} in {place}");
        }
    }
}

#[test]
fn an_export_holds_every_cell_and_only_its_owner_can_read_it() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    for (format, name) in [("json", "x.json"), ("csv", "x.csv")] {
        let out = node.at(name);
        let args =
            ["person", "export", "--id", "p100", "--format", format, "--out", out.to_str().unwrap(), "--by", "Jo"];
        node.does(&args);
        let text = std::fs::read_to_string(&out).unwrap();
        assert!(text.contains("canary in the notes") && text.contains(ANNA) && !text.contains("9990000026"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(node.fails(&args).contains("there already"));
    }
    let receipt: SignedReceipt =
        serde_json::from_slice(&std::fs::read(node.at("x.json.receipt.json")).unwrap()).unwrap();
    assert!(receipt.receipt.exported.is_some());
    assert!(!node.said.borrow().contains("canary in the notes"));
}

#[test]
fn restriction_opt_out_and_retention_do_what_they_say() {
    let node = Node::new();
    node.import("a.csv", &[anna(), ben()]);
    node.does(&["person", "restrict", "--nhs", ANNA, "--by", "Jo"]);
    assert_eq!(node.rows(), 1);
    node.does(&["person", "restrict", "--nhs", ANNA, "--lift", "--by", "Jo"]);
    assert_eq!(node.rows(), 2);

    let list = node.at("list.csv");
    let load = ["optout", "load", list.to_str().unwrap(), "--by", "Jo"];
    std::fs::write(&list, "nhs_number\n9990000018\n9990000019\n").unwrap();
    let said = node.fails(&load);
    assert!(said.contains("line 3") && !said.contains("9990000019"), "{said}");
    std::fs::write(&list, "").unwrap();
    assert!(node.fails(&load).contains("--allow-empty"));
    assert_eq!(node.records().opt_out_list().unwrap(), None, "what failed loaded nothing");
    std::fs::write(&list, "nhs_number\n9990000018\n9990000042\n").unwrap();
    let mut dry = load.to_vec();
    dry.push("--dry-run");
    assert!(node.does(&dry).contains("2 people on the list, 1 of them held here. Nothing"));
    assert_eq!(node.records().opt_out_list().unwrap(), None);
    assert!(node.does(&load).contains("2 people are on the list, 1 of them"));
    assert!(node.records().find_person(&nhs(9_990_000_018)).unwrap().opted_out);

    // Both last events ended on 1 February 2025.
    let said = node.does(&["retention", "--years", "100", "--by", "Jo"]);
    assert!(said.contains("0 people") && node.rows() == 2, "{said}");
    let said = node.does(&["retention", "--years", "1", "--dry-run", "--by", "Jo"]);
    assert!(node.rows() == 2, "{said}");
    assert!(node.records().find_person(&PersonId::Council("B2".to_owned())).unwrap().rows.len() == 1);
    assert!(day("2025-02-01") < day("2025-04-15"));
}

/// A file that covers a year: services of both that ended in its first month and in its last.
fn year(start: &str) -> Vec<Cells> {
    let ends = ["20/04/2024", "10/05/2024", "15/10/2024", "01/02/2025", "01/03/2025"];
    let of = |person: Cells| ends.map(|end| person.clone().with(Col::EventStart, start).with(Col::EventEnd, end));
    of(anna()).into_iter().chain(of(ben())).collect()
}

/// What the log says, as one text.
fn log(node: &Node, name: &str) -> String {
    let path = node.at(name);
    node.does(&["audit", "export", "--out", path.to_str().unwrap()]);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn retention_shows_first_then_removes_eight_years_after_the_last_event() {
    let node = Node::new();
    let old = anna().with(Col::EventStart, "01/01/2009").with(Col::EventEnd, "01/02/2010");
    // Linked to her; his own service ended lately.
    let recent = ben().with(Col::EventStart, "01/05/2025").with(Col::EventEnd, "");
    node.import("a.csv", &[old.clone(), recent]);
    let said = node.does(&["retention", "--dry-run", "--by", "Jo"]);
    assert!(said.contains("1 people") && said.contains("1 rows") && said.contains("1 links"), "{said}");
    assert!(said.contains("Nothing was changed") && node.rows() == 2, "{said}");
    assert!(!log(&node, "before.jsonl").contains("\"retention\""), "a dry run is no purge");
    let said = node.does(&["retention", "--by", "Jo"]);
    assert!(said.contains("1 people") && said.contains("were removed"), "{said}");
    assert_eq!(node.rows(), 1);
    let found = node.does(&["person", "find", "--nhs", ANNA, "--by", "Jo"]);
    assert!(found.contains("No row is held") && !found.contains("erased"), "{found}");
    let found = node.does(&["person", "find", "--id", "B2", "--by", "Jo", "--json"]);
    assert!(found.contains("\"rows\": 1"), "{found}");
    let words = log(&node, "after.jsonl");
    assert!(words.contains("\"retention\"") && words.contains("local: Jo") && !words.contains(ANNA), "{words}");
    assert!(node.does(&["retention", "--by", "Jo"]).contains("0 people"));
}

#[test]
fn a_restricted_person_stays_out_of_figures_after_newer_and_older_files() {
    let node = Node::new();
    node.import("a.csv", &year("01/04/2024"));
    node.does(&["person", "restrict", "--nhs", ANNA, "--by", "Jo"]);
    node.import("older.csv", &year("01/06/2023"));
    assert_eq!(node.rows(), 10, "Ben's alone are read");
    let measure =
        ["measure", "PEOPLE", "--from", "2024-04-01", "--to", "2025-03-31", "--by", "none", "--format", "csv"];
    assert!(node.does(&measure).contains(",count,1\n"), "{}", node.does(&measure));
    let found = node.does(&["person", "find", "--nhs", ANNA, "--by", "Jo"]);
    assert!(found.contains("restricted") && found.contains("older.csv"), "rows are kept: {found}");
    node.does(&["person", "restrict", "--nhs", ANNA, "--lift", "--by", "Jo"]);
    assert!(node.does(&measure).contains(",count,2\n"));
}

#[test]
fn an_export_is_all_that_is_held_and_says_what_is_not() {
    let node = Node::new();
    node.import("a.csv", &[anna().with(Col::Gender, "Fem-ale Anna"), ben()]);
    node.import("b.csv", &[anna().with(Col::EventStart, "01/06/2024")]);
    let list = node.at("list.csv");
    std::fs::write(&list, format!("{ANNA}\n")).unwrap();
    node.does(&["optout", "load", list.to_str().unwrap(), "--by", "Jo"]);
    node.does(&["person", "restrict", "--nhs", ANNA, "--by", "Jo"]);
    let out = node.at("x.json");
    let said = node.does(&["person", "export", "--nhs", ANNA, "--out", out.to_str().unwrap(), "--by", "Jo"]);
    assert!(said.contains("1 links on other people's rows"), "{said}");
    let held: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!((&held["restricted"], &held["national_data_opt_out"]), (&true.into(), &true.into()));
    let rows = held["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "restricted rows are held, too");
    assert!(rows.iter().all(|row| row["cells"].as_object().unwrap().len() > 20));
    assert!(rows[0]["findings"].as_array().unwrap().iter().any(|finding| finding["rule"] == "list-invalid"), "{held}");
    let named = held["named_on_rows_of_others"].as_array().unwrap();
    assert_eq!((named.len(), &named[0]["row"]), (1, &3.into()), "{held}");
    assert!(!std::fs::read_to_string(&out).unwrap().contains("9990000026"), "nothing of Ben's");
    assert!(held["not_held"].as_str().unwrap().contains("nothing in them but keyed fingerprints"));
}

#[test]
fn refused_files_local_figures_and_keeping_leave_entries_without_a_count_or_an_id() {
    let node = Node::new();
    node.import("good.csv", &year("01/04/2024"));
    for (name, text) in [("header.csv", "a,b\n1,2\n"), ("empty.csv", ""), ("utf16.csv", "\u{feff}")] {
        let path = node.at(name);
        let bytes = if name == "utf16.csv" { vec![0xff, 0xfe, b'a', 0] } else { text.as_bytes().to_vec() };
        std::fs::write(&path, bytes).unwrap();
        node.fails(&["import", path.to_str().unwrap()]);
    }
    let elsewhere = node.at("elsewhere.csv");
    std::fs::write(&elsewhere, csv(&[anna().with(Col::LaCode, "504")])).unwrap();
    node.fails(&["import", "--dry-run", elsewhere.to_str().unwrap()]);
    let before = log(&node, "dry.jsonl");
    assert!(!before.contains("elsewhere.csv"), "a dry run imports nothing");
    node.fails(&["import", elsewhere.to_str().unwrap()]);
    node.does(&["measure", "PEOPLE", "--from", "2024-04-01", "--to", "2025-03-31"]);
    let out = node.at("backup");
    node.does(&["backup", "--out", out.to_str().unwrap(), "--with-key", "--by", "Jo"]);
    node.does(&["restore", out.to_str().unwrap(), "--by", "Jo"]);
    node.does(&["rekey", "--by", "Jo"]);
    let words = log(&node, "log.jsonl");
    let records: Vec<Record> = words
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            serde_json::from_value(line["record"].clone()).unwrap()
        })
        .collect();
    let notes = |action: Action| -> Vec<String> {
        let of = records.iter().filter(|record| record.action == action);
        of.map(|record| record.note.clone().unwrap_or_default()).collect()
    };
    assert_eq!(notes(Action::Imported), ["submission 1, good.csv"]);
    let refused = notes(Action::ImportRefused);
    for (name, why) in [
        ("header.csv", "its header could not be understood"),
        ("empty.csv", ""),
        ("utf16.csv", "its encoding is not taken"),
        ("elsewhere.csv", "it names another council"),
    ] {
        assert!(refused.iter().any(|note| note.starts_with(name) && note.contains(why)), "{name}: {refused:?}");
    }
    assert_eq!(notes(Action::MeasuredLocally).len(), 1);
    assert_eq!(notes(Action::Kept).len(), 3, "a backup, a restore, a rekey: {:?}", notes(Action::Kept));
    assert!(records.iter().all(|record| !record.who.is_empty()));
    for canary in [ANNA, "9990000026", "P100", "Canaria"] {
        assert!(!words.contains(canary), "{canary} in the log");
    }
    node.does(&["audit", "verify"]);
}

#[test]
fn doctor_stops_at_the_first_hop_that_fails_and_names_the_fix() {
    let node = Node::new();
    let output = node.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let hops = report["hops"].as_array().unwrap();
    let outcome = |name: &str| hops.iter().find(|hop| hop["name"] == name).unwrap()["outcome"].clone();
    for name in ["settings", "data key", "records", "ledger", "policy"] {
        assert_eq!(outcome(name), "ok", "{name}");
    }
    assert_eq!(outcome("certificates"), "failed", "none are installed");
    for name in ["clock", "name", "network", "TLS", "welcome"] {
        assert_eq!(outcome(name), "not_tried", "{name}");
    }
    let key = std::fs::read_to_string(node.home.data_key()).unwrap();
    assert!(!text(&output).contains(key.trim()));

    let policy = std::fs::read_to_string(node.home.policy()).unwrap();
    std::fs::write(node.home.policy(), "mod = \"on\"\n").unwrap();
    assert!(node.fails(&["doctor"]).contains("FAILED  policy"));
    std::fs::write(node.home.policy(), policy).unwrap();

    let mut bytes = std::fs::read(node.home.records()).unwrap();
    let end = bytes.len() - 100;
    bytes[end] ^= 1;
    std::fs::write(node.home.records(), bytes).unwrap();
    let said = node.fails(&["doctor"]);
    assert!(said.contains("FAILED  records") && said.contains("restore"), "{said}");

    std::fs::remove_file(node.home.data_key()).unwrap();
    assert!(node.fails(&["doctor"]).contains("FAILED  data key"));
    std::fs::remove_file(node.home.settings()).unwrap();
    assert!(node.fails(&["doctor"]).contains("FAILED  settings"));
}
