//! The audit log edited with the key in hand, by SQL and by byte: found, and the first entry at fault is named.

use std::path::Path;

use folkmoot_node::audit::{Action, Book};
use folkmoot_node::ledger;
use folkmoot_runtime::store::{Access, Key, Options, Store, Synchronous};

use crate::common::code;
use crate::tools::{ask, copy, done, fails, linked, log, remove};

/// What a person with key, machine and SQL can do: triggers dropped, then any statement.
fn edit(home: &Path, sql: &str) {
    let key = Key::load(&home.join("keys/data.key")).unwrap();
    let access = Access::Beside;
    let options = Options { schema: ledger::SCHEMA, key: Some(key), synchronous: Synchronous::Full, access };
    let store = Store::open(&home.join("ledger.db"), options).unwrap();
    store
        .write("edit", |tx| {
            let triggers: Vec<String> = tx
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for trigger in triggers {
                tx.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
            }
            tx.execute_batch(sql)
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edit_of_the_log_is_found_and_the_first_entry_at_fault_named() {
    let mut world = linked("104", 40).await;
    for number in 1..=2 {
        assert!(ask(&world, number, "104", &[]).await.status.success());
    }
    assert!(ask(&world, 1, "104", &["--fresh"]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    let (home, aside) = (world.home("104"), world.folder.path().join("aside"));
    let lines = log(&world, "104").await;
    let entries = lines.len() as u64;
    assert!(entries > 6, "{entries} entries");
    copy(&home.join("ledger.db"), &aside);
    let afresh = || {
        remove(&home.join("ledger.db"));
        copy(&aside.join("ledger.db"), &home);
    };
    // Every column of every entry.
    let columns = [
        "moment = '2020-01-01T00:00:00Z'",
        "body = replace(body, '\"who\":\"', '\"who\":\"x')",
        "previous = zeroblob(32)",
        "digest = zeroblob(32)",
    ];
    for entry in 1..=entries {
        for column in columns {
            afresh();
            edit(&home, &format!("UPDATE entry SET {column} WHERE number = {entry}"));
            let key = Key::load(&home.join("keys/data.key")).unwrap();
            let broken = Book::open(&home.join("ledger.db"), Some(key)).unwrap().verify(None).unwrap().broken;
            assert_eq!(broken.map(|broken| broken.entry), Some(entry), "{column} of entry {entry}");
        }
    }
    // What the command says, for edits of each kind.
    // Not the one that the table of bound records refers to: SQLite itself would not let it go.
    let free: Vec<u64> = lines.iter().filter(|line| line.record.records.is_none()).map(|line| line.number).collect();
    let middle = free[free.len() / 2];
    let charge = lines.iter().find(|line| line.record.action == Action::Released).unwrap().number;
    let named = |entry: u64| format!("broken at entry {entry}");
    let edits = [
        (
            format!("UPDATE entry SET body = replace(body, '\"nano\":5001000', '\"nano\":1') WHERE number = {charge}"),
            named(charge),
        ),
        (format!("DELETE FROM entry WHERE number = {middle}"), named(middle + 1)),
        (format!("UPDATE entry SET number = number + 1000 WHERE number = {middle}"), named(middle + 1)),
        ("UPDATE owner SET genesis = zeroblob(32)".to_owned(), named(1)),
        ("UPDATE account SET used = used - 1 WHERE scope = 'year'".to_owned(), "the account year:".to_owned()),
        ("DELETE FROM account WHERE scope = 'measure'".to_owned(), "the account measure:".to_owned()),
        ("UPDATE release SET body = x'00'".to_owned(), "stored release".to_owned()),
        ("DELETE FROM release".to_owned(), named(charge)),
    ];
    for (sql, says) in &edits {
        afresh();
        edit(&home, sql);
        let said = fails(&world, "104", &["audit", "verify"], 1).await;
        assert!(said.contains(says.as_str()), "{sql}: {said}");
        // Nor does the node start on it.
        let said = fails(&world, "104", &["run"], 1).await;
        assert!(said.contains("ledger.db") && said.contains("audit verify"), "{sql}: {said}");
    }
    // A chain that is whole and shorter: only a head kept elsewhere tells, and the coordinator keeps one.
    afresh();
    let last = &lines[lines.len() - 1];
    edit(&home, &format!("DELETE FROM entry WHERE number = {}", last.number));
    done(&world, "104", &["audit", "verify"]).await;
    let head = format!("{}:{}", last.number, last.digest);
    let said = fails(&world, "104", &["audit", "verify", "--head", &head], 1).await;
    assert!(said.contains(&named(last.number)) && said.contains("cut off"), "{said}");
    afresh();
    assert!(done(&world, "104", &["audit", "verify", "--head", &head]).await.contains(&head));
}

/// The export is for an auditor's own tools: any byte of it changed, any line gone or moved, is found without the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn every_changed_byte_of_an_export_is_found_without_the_ledger() {
    let mut world = linked("104", 40).await;
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    let path = world.folder.path().join("audit.jsonl");
    let file = path.to_str().unwrap();
    done(&world, "104", &["audit", "export", "--out", file]).await;
    let verify = ["audit", "verify", "--file", file];
    let said = done(&world, "104", &verify).await;
    let ledger_says = done(&world, "104", &["audit", "verify"]).await;
    let head = |text: &str| text.lines().find(|line| line.starts_with("head ")).unwrap().to_owned();
    assert_eq!(head(&said), head(&ledger_says));
    let whole = std::fs::read(&path).unwrap();
    for (place, byte) in whole.iter().enumerate() {
        let mut bytes = whole.clone();
        bytes[place] = byte ^ 1;
        let line = 1 + whole[..place].iter().filter(|byte| **byte == b'\n').count() as u64;
        let broken = folkmoot_node::audit::verify_export(bytes.as_slice(), None).unwrap().broken;
        let named =
            broken.as_ref().is_some_and(|broken| broken.what.starts_with(&format!("line {line} of the export")));
        assert!(named, "byte {place} of line {line}: {broken:?}");
    }
    let lines: Vec<&str> = std::str::from_utf8(&whole).unwrap().lines().collect();
    let edited = |lines: Vec<&str>| std::fs::write(&path, lines.join("\n")).unwrap();
    let mut gone = lines.clone();
    gone.remove(1);
    edited(gone);
    assert!(fails(&world, "104", &verify, 1).await.contains("entry 3"));
    let mut moved = lines.clone();
    moved.swap(1, 2);
    edited(moved);
    assert!(fails(&world, "104", &verify, 1).await.contains("entry 3"));
    edited(lines[..lines.len() - 1].to_vec());
    let kept = head(&said).trim_start_matches("head ").to_owned();
    done(&world, "104", &verify).await;
    let cut = fails(&world, "104", &["audit", "verify", "--file", file, "--head", &kept], 1).await;
    assert!(cut.contains("cut off"), "{cut}");
    // Nothing of this needs the node: an auditor has the file alone.
    edited(lines);
    std::fs::remove_file(world.home("104").join("ledger.db")).unwrap();
    done(&world, "104", &verify).await;
}
