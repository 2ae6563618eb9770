//! Copies of a council's ledger: put back, run elsewhere, cut, spoilt, gone.

use std::path::PathBuf;

use folkmoot_tests::rehearsal::federation::{NATIONAL, PATIENCE};
use folkmoot_tests::rehearsal::process::Running;
use folkmoot_tests::rehearsal::setup;

use crate::common::{World, code, text};
use crate::tools::{self, ask, copy, done, fails, found_only, linked, price, remove, spent, start};

/// What the node asks of the authority, countersigned by it: a file.
pub(crate) async fn recovery(world: &World, rho: &str) -> PathBuf {
    let needs = done(world, "104", &["recover"]).await;
    let line = needs.lines().find(|line| line.contains("folkmoot-certs recovery")).unwrap();
    let line = line.trim().trim_start_matches("folkmoot-certs ").replace("RHO", rho).replace("TEXT", "lost-disk");
    let signed = world.folder.path().join("recovery.json");
    let words: Vec<&str> = line.split_whitespace().chain(["--out", text(&signed)]).collect();
    world.federation.hands().certs(&words).await.unwrap();
    signed
}

/// The ledger is copied while the node is linked, so that the coordinator has seen all that the copy holds, and put back after
/// an answer: nothing but the answer itself can give that away.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_put_back_answers_nothing_until_the_authority_says_so() {
    let mut world = linked("104", 40).await;
    let (ledger, aside) = (world.home("104").join("ledger.db"), world.folder.path().join("aside"));
    copy(&ledger, &aside);
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    assert_eq!(spent(&world, "104").await, (price(1), 0));
    remove(&ledger);
    copy(&aside.join("ledger.db"), &world.home("104"));
    assert_eq!(spent(&world, "104").await, (0, 0), "the copy knows nothing of the answer");

    start(&mut world, "104").await;
    for number in [1, 2] {
        let refused = ask(&world, number, "104", &["--fresh"]).await;
        assert_eq!(refused.status.code(), Some(3), "{}{}", refused.out, refused.err);
        assert!(refused.err.contains("restored or copied"), "{}", refused.err);
    }
    assert_eq!(spent(&world, "104").await, (0, 0));
    // It says so itself, wherever somebody may look, and after another start too.
    assert!(done(&world, "104", &["budget"]).await.contains("In doubt"));
    let doctor = world.node("104", &["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(1), "{}", doctor.out);
    assert!(doctor.out.contains("recover"), "{}", doctor.out);
    world.federation.kill_node(code("104")).await.unwrap();
    start(&mut world, "104").await;
    assert!(ask(&world, 2, "104", &["--fresh"]).await.err.contains("restored or copied"));

    // The authority countersigns what the node asks it to.
    let signed = recovery(&world, "0.01").await;
    // Not for another council, not twice, and not with a changed byte.
    let good = std::fs::read_to_string(&signed).unwrap();
    let forged = world.folder.path().join("forged.json");
    std::fs::write(&forged, good.replace("lost-disk", "lost-disc")).unwrap();
    let said = fails(&world, "104", &["recover", text(&forged)], 1).await;
    assert!(said.contains("sign"), "{said}");
    assert!(done(&world, "104", &["recover", text(&signed)]).await.contains("recovered"));
    let said = fails(&world, "104", &["recover", text(&signed)], 1).await;
    assert!(said.contains("loaded before"), "{said}");

    // The budget is not reset: what may have been spent is charged, and what is asked now comes on top.
    assert_eq!(spent(&world, "104").await, (10_000_000, 0));
    let answered = ask(&world, 2, "104", &["--fresh"]).await;
    assert!(answered.status.success(), "{}", answered.err);
    assert_eq!(spent(&world, "104").await, (10_000_000 + price(2), 0));
    done(&world, "104", &["audit", "verify"]).await;
    // The same copy again is caught again.
    world.federation.kill_node(code("104")).await.unwrap();
    remove(&ledger);
    copy(&aside.join("ledger.db"), &world.home("104"));
    start(&mut world, "104").await;
    assert!(ask(&world, 3, "104", &["--fresh"]).await.err.contains("restored or copied"));
}

/// The coordinator's database is lost with every head it knew: the other councils of a round have kept them.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_put_back_is_given_away_by_other_councils_when_the_coordinator_has_forgotten_everything() {
    const COUNCILS: &str = "104,503,716,815";
    let mut world = linked(COUNCILS, 40).await;
    // Ends with 4 when a release was made and a council is missing in it.
    let joint = async |world: &World, number: u64, exit: i32| {
        let words = tools::words(world, number, "joint-private", COUNCILS);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--wait", "60"]).collect();
        let ended = world.federation.hands().call(NATIONAL, &words).await.unwrap();
        assert_eq!(ended.status.code(), Some(exit), "{}", ended.err);
    };
    let (ledger, aside) = (world.home("104").join("ledger.db"), world.folder.path().join("aside"));
    copy(&ledger, &aside);
    joint(&world, 1, 0).await;
    assert_eq!(spent(&world, "104").await, (price(1), 0));
    let kept = done(&world, "503", &["audit", "heads", "--council", "104"]).await;
    assert!(kept.contains("104"), "{kept}");
    let head = kept.split_whitespace().find(|word| word.contains(':') && word.len() > 64).unwrap();
    done(&world, "104", &["audit", "verify", "--head", head]).await;

    // Everything stops; the ledger is put back, and nothing of the coordinator's database is left.
    for council in COUNCILS.split(',') {
        world.federation.kill_node(code(council)).await.unwrap();
    }
    world.federation.kill_coordinator().await.unwrap();
    remove(&ledger);
    copy(&aside.join("ledger.db"), &world.home("104"));
    remove(&world.federation.hands().out().join("coordinator/coordinator.db"));
    world.federation.start_coordinator().await.unwrap();
    for council in COUNCILS.split(',') {
        start(&mut world, council).await;
    }
    assert_eq!(spent(&world, "104").await, (0, 0), "the copy knows nothing of the round");
    assert!(!done(&world, "104", &["budget"]).await.contains("In doubt"), "somebody else has told it");
    let said = fails(&world, "104", &["audit", "verify", "--head", head], 1).await;
    assert!(said.contains("witnessed"), "{said}");

    joint(&world, 2, 4).await;
    assert_eq!(spent(&world, "104").await, (0, 0), "something of it left");
    // The others paid for one attempt, or for one more: four are few to go on without one that falls out at the masks.
    let (used, _) = spent(&world, "503").await;
    assert!([price(1) + price(2), price(1) + 2 * price(2)].contains(&used), "{used}");
    assert!(done(&world, "104", &["budget"]).await.contains("In doubt"));
    assert!(ask(&world, 3, "104", &["--fresh"]).await.err.contains("restored or copied"));
    let log = done(&world, "104", &["audit", "export"]).await;
    assert!(log.contains("kept by council") && log.contains("ledger-in-doubt"), "{log}");

    let signed = recovery(&world, "0.01").await;
    done(&world, "104", &["recover", text(&signed)]).await;
    joint(&world, 4, 0).await;
    assert_eq!(spent(&world, "104").await, (10_000_000 + price(4), 0));
    done(&world, "104", &["audit", "verify"]).await;
}

/// A copy of the whole folder, keys and certificates with it, run on another machine as it were.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_copy_of_a_node_is_refused_while_the_first_is_linked_and_in_doubt_after_it() {
    let mut world = linked("104", 40).await;
    let hands = std::sync::Arc::clone(world.federation.hands());
    let twin = world.folder.path().join("twin");
    tools::copy_folder(&world.home("104"), &twin);
    let run = async || {
        let own = hands.node_command(code("104"), &["run"]);
        let mut command = tokio::process::Command::new(own.as_std().get_program());
        command.arg("--home").arg(&twin).arg("run");
        Running::start("the twin", command, &hands.log("twin")).await.unwrap()
    };
    let mut second = run().await;
    let why = second.line(|line| line.contains("WARN") || line.contains("ERROR"), PATIENCE).await.unwrap();
    assert!(why.contains("a node of council 104 is linked already"), "{why}");
    second.kill().await.unwrap();
    // The first was not disturbed, and answers.
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    // When it is gone the second gets in, and is known not to be the one that answered.
    world.federation.kill_node(code("104")).await.unwrap();
    let mut second = run().await;
    second.line(|line| line.contains("linked: the coordinator can ask"), PATIENCE).await.unwrap();
    let refused = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(refused.err.contains("restored or copied"), "{}{}", refused.out, refused.err);
    second.kill().await.unwrap();
    // They went different ways, and nobody but the people there knows which one is the council's: the first waits as well.
    start(&mut world, "104").await;
    let again = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(again.err.contains("restored or copied"), "{}{}", again.out, again.err);
    let signed = recovery(&world, "0").await;
    done(&world, "104", &["recover", text(&signed)]).await;
    let again = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(again.status.success(), "{}", again.err);
    assert_eq!(spent(&world, "104").await, (price(1), 0), "what it had spent and in store it still has");
}

/// An older `records.db` answers nothing by itself. When only files were lost, the data are what they were as soon as these are
/// in again, and the first answer is known again: the ledger is not fooled, and nobody pays twice.
#[tokio::test(flavor = "multi_thread")]
async fn older_records_put_back_are_refused_and_with_the_files_in_again_the_same_data() {
    let mut world = found_only("104", 40).await;
    let (records, aside) = (world.home("104").join("records.db"), world.folder.path().join("aside"));
    let part = world.federation.parts()[0].clone();
    let files: Vec<&str> = part.files.iter().map(|(path, _)| text(path)).collect();
    let import = |file| ["import", "--received", "from-name", file];
    done(&world, "104", &import(files[0])).await;
    copy(&records, &aside);
    for file in &files[1..] {
        done(&world, "104", &import(file)).await;
    }
    world.federation.link(0).await.unwrap();
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    remove(&records);
    copy(&aside.join("records.db"), &world.home("104"));
    assert_eq!(world.submissions("104").await.len(), 1);
    start(&mut world, "104").await;
    let told = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(told.err.contains("audit log speaks of"), "{}{}", told.out, told.err);
    assert!(fails(&world, "104", &import(files[1]), 1).await.contains("older than the audit log"));
    let said = done(&world, "104", &["reconcile", "--reason", "an old disk", "--by", "Test"]).await;
    for file in &files[1..] {
        let name = std::path::Path::new(file).file_name().unwrap().to_str().unwrap();
        assert!(said.contains(name), "{name} has to be imported again: {said}");
        done(&world, "104", &import(file)).await;
    }
    assert!(ask(&world, 1, "104", &["--fresh"]).await.status.success());
    assert_eq!(spent(&world, "104").await, (price(1), 0));
}

/// What deleting and spoiling files comes to: refused by name with what to do, never a panic, never a fresh ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_ledger_is_refused_by_name_with_what_to_do() {
    let mut world = linked("104", 40).await;
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    let (ledger, aside) = (world.home("104").join("ledger.db"), world.folder.path().join("aside"));
    // Everything in one file.
    done(&world, "104", &["audit", "verify"]).await;
    copy(&ledger, &aside);
    let whole = std::fs::read(aside.join("ledger.db")).unwrap();
    let spoilt = |from: usize, length: usize| {
        let mut bytes = whole.clone();
        for (n, byte) in bytes[from..from + length].iter_mut().enumerate() {
            *byte ^= (n as u8).wrapping_mul(37) | 1;
        }
        bytes
    };
    let last = whole.len() - 4096;
    let cases: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("100 bytes", whole[..100].to_vec()),
        ("one page", whole[..4096].to_vec()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("one byte less", whole[..whole.len() - 1].to_vec()),
        ("its first bytes", spoilt(0, 64)),
        ("one bit of the middle", spoilt(whole.len() / 2, 1)),
        ("its last page", spoilt(last, 4096)),
        ("not a database", b"id,name\n".repeat(2000)),
    ];
    for (what, bytes) in cases {
        remove(&ledger);
        std::fs::write(&ledger, bytes).unwrap();
        let said = fails(&world, "104", &["run"], 1).await;
        assert!(said.contains("ledger.db"), "{what}: {said}");
        assert!(said.contains("restore") || said.contains("backup"), "{what}: {said}");
        let doctor = world.node("104", &["doctor"]).await;
        assert_eq!(doctor.status.code(), Some(1), "{what}: {}", doctor.out);
        assert!(doctor.out.contains("ledger.db") && doctor.out.contains("backup"), "{what}: {}", doctor.out);
    }
    // Gone: no command begins another one, `init` least of all.
    remove(&ledger);
    for words in [&["run"][..], &["status"], &["budget"], &["pending"], &["audit", "verify"], &["submissions"]] {
        let said = fails(&world, "104", words, 1).await;
        assert!(said.contains("ledger.db") && said.contains("backup"), "{words:?}: {said}");
    }
    let port = world.federation.hands().port();
    let at = format!("localhost:{port}");
    let init = ["init", "--council", "104", "--federation", setup::FEDERATION, "--coordinator", &at];
    let said = world.node("104", &init).await;
    assert!(!said.status.success() && !ledger.exists(), "{}{}", said.out, said.err);
    // The shared memory file is nothing that was lost, and the whole file is whole again.
    copy(&aside.join("ledger.db"), &world.home("104"));
    start(&mut world, "104").await;
    world.federation.kill_node(code("104")).await.unwrap();
    std::fs::remove_file(&tools::with_logs(&ledger)[2]).unwrap();
    start(&mut world, "104").await;
    assert!(ask(&world, 1, "104", &["--fresh"]).await.status.success());
    assert_eq!(spent(&world, "104").await, (price(1), 0));
}

/// The write-ahead log holds what was committed last. Without it the ledger is an older one, and others know a later one.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_without_its_log_is_an_older_ledger() {
    let mut world = linked("104", 40).await;
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    let ledger = world.home("104").join("ledger.db");
    let [_, wal, shm] = tools::with_logs(&ledger);
    std::fs::remove_file(wal).unwrap();
    std::fs::remove_file(shm).unwrap();
    assert_eq!(spent(&world, "104").await, (0, 0));
    start(&mut world, "104").await;
    let refused = ask(&world, 2, "104", &[]).await;
    assert!(refused.err.contains("restored or copied"), "{}{}", refused.out, refused.err);
    assert_eq!(spent(&world, "104").await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_put_back_answer_nothing_until_they_are_reconciled() {
    let mut world = linked("104", 40).await;
    let (records, aside) = (world.home("104").join("records.db"), world.folder.path().join("aside"));
    let first = world.federation.parts()[0].files[0].0.clone();
    let person = council_id(&first);
    world.federation.kill_node(code("104")).await.unwrap();
    copy(&records, &aside);
    let find = ["person", "find", "--id", &person, "--by", "Test", "--json"];
    assert_ne!(rows_of(&done(&world, "104", &find).await), 0);
    done(&world, "104", &["person", "erase", "--id", &person, "--by", "Test"]).await;
    remove(&records);
    copy(&aside.join("records.db"), &world.home("104"));
    assert_ne!(rows_of(&done(&world, "104", &find).await), 0, "the old file has the person back");

    start(&mut world, "104").await;
    let refused = ask(&world, 1, "104", &[]).await;
    assert!(refused.err.contains("audit log speaks of"), "{}{}", refused.out, refused.err);
    assert_eq!(spent(&world, "104").await, (0, 0));
    for words in
        [&["import", text(&first)][..], &["retention", "--by", "Test"], &["person", "erase", "--id", "x", "--by", "T"]]
    {
        let said = fails(&world, "104", words, 1).await;
        assert!(said.contains("folkmoot-node reconcile") && said.contains("records.db"), "{said}");
    }
    let doctor = world.node("104", &["doctor"]).await;
    assert!(doctor.status.code() == Some(1) && doctor.out.contains("reconcile"), "{}", doctor.out);

    let said = done(&world, "104", &["reconcile", "--reason", "the disk failed", "--by", "Jo Doe"]).await;
    assert!(said.contains("removed again") && said.contains("opt-out list counts as not loaded"), "{said}");
    assert_eq!(rows_of(&done(&world, "104", &find).await), 0, "erased again");
    let answered = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(answered.status.success(), "{}", answered.err);
    assert_eq!(spent(&world, "104").await, (price(1), 0));
    let log = tools::log(&world, "104").await;
    let reconciled = log.iter().filter(|line| line.record.action == folkmoot_node::audit::Action::Reconciled);
    assert!(reconciled.clone().any(|line| line.record.who == "local: Jo Doe"));
    assert!(!log.iter().any(|line| serde_json::to_string(line).unwrap().contains(&person)), "nobody is named");
}

/// A council's own id of somebody in a file.
fn council_id(file: &std::path::Path) -> String {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let column = reader
        .headers()
        .unwrap()
        .iter()
        .position(|name| name.to_lowercase().replace([' ', '_'], "") == "lapersonuniqueidentifier");
    let column = column.expect("the file has a column of council ids");
    let ids = reader.records().map(|record| record.unwrap()[column].trim().to_owned());
    ids.into_iter().find(|id| id.len() > 3).unwrap()
}

/// How many rows `person find --json` tells of.
fn rows_of(found: &str) -> u64 {
    let found: serde_json::Value = serde_json::from_str(found).unwrap();
    let files = found["held"].as_array().unwrap_or_else(|| panic!("{found}"));
    files.iter().map(|file| file["rows"].as_u64().unwrap()).sum()
}
