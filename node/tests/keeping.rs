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
    // The running node: it holds the ledger alone and writes without a pause.
    let clock = Arc::new(SystemClock::new());
    let running = Ledger::open(&node.home.ledger(), Some(node.key()), "503".parse().unwrap(), clock).unwrap();
    let stop = AtomicBool::new(false);
    let out = node.at("backup");
    let out = out.to_str().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                running.record(&Record::new(Action::Opened, "node")).unwrap();
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
