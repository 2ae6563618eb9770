//! A disk without room: what was there stays, nothing is half done, and the message names file and fix.
//!
//! A limit on the length of files stands for the full disk, since making a small disk takes rights that tests do not have: to
//! the programs it is the same, writing on fails.

use folkmoot_node::audit::Action;
use folkmoot_tests::rehearsal::federation::PATIENCE;
use folkmoot_tests::rehearsal::process::{self, Ended, Running};

use crate::common::{World, code, text};
use crate::tools::{ask, copy_folder, cramped, done, found_only, length, linked, log, price, signature, spent, start};

/// Bytes that a file may have where an answer is to find no room.
const ROOM: u64 = 96 * 1024;

/// Runs a command of the node with room for so many bytes in a file; it must fail, say so in words, and leave no panic.
async fn full(world: &World, words: &[&str], bytes: u64, names: &str) -> Ended {
    let hands = world.federation.hands();
    let command = cramped(&hands.node_command(code("104"), words), bytes);
    let ended = process::attempt("the command", command, &hands.log("full")).await.unwrap();
    assert_eq!(ended.status.code(), Some(1), "{words:?}: {}{}", ended.out, ended.err);
    assert!(!ended.err.contains("panicked"), "{words:?}: {}", ended.err);
    assert!(ended.err.contains(names), "{words:?} does not name {names}: {}", ended.err);
    let why = ["space", "room", "too large"];
    assert!(why.iter().any(|word| ended.err.contains(word)), "{words:?} does not say why: {}", ended.err);
    ended
}

/// Entries of the log, but for those that say that a file was refused: these are written though nothing else is.
async fn unrefused(world: &World) -> usize {
    log(world, "104").await.iter().filter(|line| line.record.action != Action::ImportRefused).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_a_full_disk_change_nothing_and_say_so() {
    let world = found_only("104", 40).await;
    let files: Vec<_> = world.federation.parts()[0].files.iter().map(|(path, _)| path.clone()).collect();
    let import = |file| ["import", "--received", "from-name", file];
    done(&world, "104", &import(text(&files[0]))).await;
    let (home, out) = (world.home("104"), world.folder.path().join("out"));
    let good = world.folder.path().join("good");
    done(&world, "104", &["backup", "--out", text(&good)]).await;
    let submissions = world.submissions("104").await;
    let mut entries = unrefused(&world).await;
    let same = async |what: &str, entries: usize| {
        assert_eq!(world.submissions("104").await, submissions, "{what}");
        assert_eq!(unrefused(&world).await, entries, "{what}");
        let left: Vec<_> =
            signature(&home).into_keys().filter(|path| path.to_string_lossy().contains("restoring")).collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    };

    full(&world, &import(text(&files[1])), 64 * 1024, "records.db").await;
    same("import", entries).await;
    // Beside a running node, whose shared memory file is there already.
    let running = world.federation.hands().run_node(code("104")).await;
    let mut running = running.unwrap();
    running.line(|line| line.contains("the node starts"), PATIENCE).await.unwrap();
    full(&world, &["audit", "export", "--out", text(&out)], 1024, "out").await;
    assert!(!out.exists(), "half an export was left");
    let export = world.federation.hands().node_command(code("104"), &["audit", "export"]);
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" > /dev/full"]);
    command.arg(export.as_std().get_program()).args(export.as_std().get_args());
    let ended = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("space") && !said.contains("panicked"), "{said}");
    running.kill().await.unwrap();
    entries = unrefused(&world).await;
    same("export", entries).await;
    full(&world, &["restore", text(&good), "--by", "Test"], 16 * 1024, ".db").await;
    same("restore", entries).await;
    full(&world, &["person", "erase", "--id", "nobody", "--by", "Test"], 4096, ".db").await;
    same("erase", entries).await;
    let list = world.folder.path().join("list.csv");
    std::fs::write(&list, "9990000018\n").unwrap();
    for words in [
        &["retention", "--years", "1", "--by", "Test"][..],
        &["person", "restrict", "--id", "nobody", "--by", "Test"],
        &["optout", "load", text(&list), "--by", "Test"],
    ] {
        full(&world, words, 4096, ".db").await;
        same(words[0], entries).await;
    }

    // These write down first that they are asked for; what they copy or change is as it was.
    let part = world.folder.path().join("part");
    full(&world, &["backup", "--out", text(&part)], 24 * 1024, ".db").await;
    assert!(!part.join("manifest.json").exists());
    full(&world, &["rekey", "--by", "Test"], 16 * 1024, ".db").await;
    assert_eq!(world.submissions("104").await, submissions);
    log(&world, "104").await;

    // With room again everything goes on.
    done(&world, "104", &import(text(&files[1]))).await;
    done(&world, "104", &["rekey", "--by", "Test"]).await;
    assert_eq!(world.submissions("104").await.len(), 2);
    let whole = world.folder.path().join("whole");
    done(&world, "104", &["backup", "--out", text(&whole)]).await;
    copy_folder(&whole, &world.folder.path().join("kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_finds_no_room_lets_nothing_leave() {
    let mut world = linked("104", 40).await;
    let wal = world.home("104").join("ledger.db-wal");
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    let before = length(&wal);
    assert!(ask(&world, 2, "104", &[]).await.status.success());
    let whole = length(&wal) - before;
    let mut number = 2;
    for part in [0, whole / 4, whole / 2, whole * 3 / 4] {
        world.federation.kill_node(code("104")).await.unwrap();
        let (spent_before, reserved_before) = spent(&world, "104").await;
        // Room for a start and for SQLite's own shared memory of 32 kB, then for some answers, and for a part of the next.
        let hands = std::sync::Arc::clone(world.federation.hands());
        let command = cramped(&hands.node_command(code("104"), &["run"]), ROOM + part);
        let mut node = Running::start("the node", command, &hands.log("full")).await.unwrap();
        node.line(|line| line.contains("linked: the coordinator can ask"), PATIENCE).await.unwrap();
        let mut paid = 0;
        loop {
            number += 1;
            if !ask(&world, number, "104", &[]).await.status.success() {
                break;
            }
            paid += price(number);
            assert!(length(&wal) <= ROOM + part, "{part}: the log of the ledger outgrew the room it has");
        }
        let said = node.line(|line| line.contains("ERROR") && line.contains("ledger.db"), PATIENCE).await.unwrap();
        assert!(said.contains("space") || said.contains("room"), "{said}");
        // It lives.
        assert_eq!(world.councils_linked().await, ["104"]);
        node.kill().await.unwrap();
        let (used, reserved) = spent(&world, "104").await;
        assert_eq!(
            used,
            spent_before + paid,
            "{part}: nothing left of the last question, so nothing is charged for it"
        );
        assert!(reserved - reserved_before <= price(number), "{part}: {reserved} is put aside");
        start(&mut world, "104").await;
        assert!(ask(&world, number, "104", &[]).await.status.success());
        assert_eq!(spent(&world, "104").await.0, used + price(number));
        log(&world, "104").await;
    }
}
