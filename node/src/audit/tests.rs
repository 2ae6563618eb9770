use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::Release;
use rusqlite::Connection;

use super::*;
use crate::ledger::tests::{Bench, ask, ask_about, council, data, granted};
use crate::ledger::{Cohort, RoundRequest};
use crate::policy::{Nano, Terms};

/// A log with everything in it: answers of each kind, a refusal, a refund, an import.
fn busy() -> Bench {
    let bench = Bench::new();
    let ledger = bench.create();
    let answer = |id, query| {
        let question = bench.question(id, query);
        let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
        drop(ledger.release(grant, vec![id; 9]).unwrap());
    };
    answer(1, ask(council(2_000_000)));
    answer(2, ask_about(2023, &[], Release::CouncilSuppressed(Profile::Hospital)));
    drop(ledger.admit_council(&bench.policy, &bench.question(3, ask(council(2_000_000))), data(1)).unwrap());
    drop(ledger.admit_council(&bench.policy, &bench.question(4, ask(council(90_000_000))), data(1)).unwrap_err());
    let grant = granted(ledger.admit_council(&bench.policy, &bench.question(5, ask(council(1))), data(1)).unwrap());
    ledger.refund(grant, "tested").unwrap();
    let codes = ["501", "502", "503"].map(|code| folkmoot_proto::ids::CouncilCode::parse(code).unwrap());
    let cohort = Cohort::new(codes);
    let terms = Terms { councils: 3, colluding: 0, threshold: 2, min_survivors: 2, local_rho: Nano(0), attempt: 1 };
    let joint = bench.question(6, ask(Release::JointPrivate(Rho::from_nano(3_000_000).unwrap())));
    let request = RoundRequest { cohort: &cohort, terms, data: data(1), contributes: true };
    let round = ledger.admit_round(&bench.policy, &joint, data(1), &request).unwrap();
    let (round, _) = ledger.mask(round, [1]).unwrap();
    let (round, _) = ledger.sign_survivors(round, [2; 32], &cohort, ()).unwrap();
    let (round, _) = ledger.unmask(round, [2; 32], ()).unwrap();
    ledger.close(round).unwrap();
    ledger.record(&Record::new(Action::Imported, "local: j.doe").note("q1.csv")).unwrap();
    bench
}

fn verify(bench: &Bench, kept: Option<Head>) -> Report {
    Book::open(&bench.path(), None).unwrap().verify(kept).unwrap()
}

/// Goes round the program and its triggers, as somebody with the file and the key would.
fn tamper(bench: &Bench, sql: &str) {
    let connection = Connection::open(bench.path()).unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    connection.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").unwrap();
    assert!(connection.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

fn entries(bench: &Bench) -> Vec<Entry> {
    let mut all = Vec::new();
    Book::open(&bench.path(), None)
        .unwrap()
        .entries(1, |entry| {
            all.push(entry);
            Ok(())
        })
        .unwrap();
    all
}

#[test]
fn a_log_that_nobody_touched_is_sound() {
    let bench = busy();
    let report = verify(&bench, None);
    assert_eq!(report.broken, None);
    assert_eq!(report.entries, entries(&bench).len() as u64);
    let head: Head = report.head.parse().unwrap();
    assert_eq!(verify(&bench, Some(head)).broken, None);
    assert!("12".parse::<Head>().is_err() && "12:ab".parse::<Head>().is_err());
}

#[test]
fn changing_any_byte_of_any_entry_is_found_at_that_entry() {
    let bench = busy();
    for entry in entries(&bench) {
        // Every byte of the body, of the moment and of both digests, one after the other, each put back afterwards.
        let connection = Connection::open(bench.path()).unwrap();
        connection.execute_batch("DROP TRIGGER IF EXISTS entry_is_never_changed").unwrap();
        let number = entry.number as i64;
        let put = |column: &str, value: &dyn rusqlite::ToSql| {
            let sql = format!("UPDATE entry SET {column} = ?1 WHERE number = ?2");
            connection.execute(&sql, rusqlite::params![value, number]).unwrap();
        };
        let found = |what: &str| {
            let broken =
                verify(&bench, None).broken.unwrap_or_else(|| panic!("{what} of entry {number} was not found"));
            assert_eq!(broken.entry, entry.number, "{what}: {}", broken.what);
        };
        // All positions would take minutes; every seventh byte, beginning elsewhere in each entry, meets every field.
        for at in (entry.number as usize % 7..entry.body.len()).step_by(7) {
            let mut body = entry.body.clone().into_bytes();
            body[at] ^= 1;
            put("body", &String::from_utf8_lossy(&body).into_owned());
            found("the body");
        }
        put("body", &entry.body);
        put("moment", &entry.moment.replacen("2026", "2025", 1));
        found("the moment");
        put("moment", &entry.moment);
        for (column, bytes) in [("previous", entry.previous), ("digest", entry.digest)] {
            for at in [0, 15, 31] {
                let mut changed = bytes;
                changed[at] ^= 0x80;
                put(column, &changed);
                found(column);
            }
            put(column, &bytes);
        }
    }
    assert_eq!(verify(&bench, None).broken, None);
}

#[test]
fn an_entry_that_is_removed_put_in_or_written_anew_is_found() {
    for (sql, entry) in [
        ("DELETE FROM entry WHERE number = 5", 6),
        ("DELETE FROM entry WHERE number = 1", 2),
        ("UPDATE entry SET number = number + 1 WHERE number = (SELECT max(number) FROM entry)", 0),
        (
            "INSERT INTO entry SELECT number + 1, moment, body, digest, previous FROM entry ORDER BY number DESC LIMIT 1",
            0,
        ),
        ("UPDATE owner SET genesis = zeroblob(32)", 1),
    ] {
        let bench = busy();
        tamper(&bench, sql);
        let broken = verify(&bench, None).broken.unwrap_or_else(|| panic!("{sql} was not found"));
        assert!(entry == 0 || broken.entry == entry, "{sql}: {broken:?}");
    }
}

#[test]
fn budget_and_stored_answers_must_say_what_the_entries_say() {
    for sql in [
        "UPDATE account SET used = used - 1 WHERE scope = 'year'",
        "UPDATE account SET used = 0",
        "DELETE FROM account WHERE scope = 'role'",
        "UPDATE account SET year = '2019-20'",
        "UPDATE release SET body = x'00' WHERE attempt = 1",
    ] {
        let bench = busy();
        tamper(&bench, sql);
        let broken = verify(&bench, None).broken.unwrap_or_else(|| panic!("{sql} was not found"));
        assert_eq!(broken.entry, 0);
    }
}

/// A log with approvals of every kind, suppressed sums and bound records beside what [`busy`] has: rows in every table that
/// the entries are about.
fn full() -> Bench {
    let bench =
        Bench::with(&crate::ledger::tests::OPEN.replace("mode = \"auto\"", "mode = \"hold\"\nsecond_person = true"));
    let ledger = bench.create();
    let ask_once = |id: u8, nano| {
        let question = bench.question(id, ask(council(nano)));
        ledger.admit_council(&bench.policy, &question, data(1))
    };
    for (id, nano) in [(1, 1_000_000), (2, 1_100_000), (3, 1_200_000), (4, 1_300_000)] {
        drop(ask_once(id, nano).unwrap_err());
    }
    let until = Some("2026-12-31".parse().unwrap());
    let look = |_: &folkmoot_proto::query::Query, _| crate::approval::Look {
        preview: Err("no".into()),
        snapshot: None,
        data: Some([1; 32]),
    };
    drop(ledger.show(&bench.policy, 1, "Jo Doe", look).unwrap());
    for (id, until) in [(1, None), (2, until)] {
        for by in ["Jo Doe", "Sam Lee"] {
            drop(ledger.approve(&bench.policy, id, by, until, Some([1; 32])).unwrap());
        }
    }
    drop(ledger.approve(&bench.policy, 4, "Jo Doe", until, None).unwrap());
    ledger.deny(&bench.policy, 3, "Jo Doe", "too fine").unwrap();
    for (id, nano) in [(1, 1_000_000), (2, 1_100_000)] {
        let grant = granted(ask_once(id, nano).unwrap());
        drop(ledger.release(grant, vec![id; 9]).unwrap());
    }
    let sum = bench.question(9, ask(Release::JointSuppressed(Profile::Hospital)));
    let codes = ["501", "502", "503"].map(|code| folkmoot_proto::ids::CouncilCode::parse(code).unwrap());
    let cohort = Cohort::new(codes);
    let terms = Terms { councils: 3, colluding: 0, threshold: 2, min_survivors: 2, local_rho: Nano(0), attempt: 1 };
    let request = RoundRequest { cohort: &cohort, terms, data: data(1), contributes: true };
    let admit = || ledger.admit_round(&bench.policy, &sum, data(1), &request);
    drop(admit().unwrap_err());
    for by in ["Jo Doe", "Sam Lee"] {
        drop(ledger.approve(&bench.policy, 5, by, None, None).unwrap());
    }
    let (round, _) = ledger.mask(admit().unwrap(), [1]).unwrap();
    let (round, _) = ledger.sign_survivors(round, [2; 32], &cohort, ()).unwrap();
    let (round, _) = ledger.unmask(round, [2; 32], ()).unwrap();
    ledger.close(round).unwrap();
    let (records, _) = crate::answer::data::tests::records(&bench.folder);
    crate::agree::settle(&records, &ledger, crate::agree::By::Finder).unwrap();
    bench
}

/// Tables whose every column is tied to the entries.
const TIED: [&str; 8] = ["attempt", "question", "holding", "family", "release", "hold", "standing", "bound"];

#[test]
fn changing_any_column_of_any_row_beside_the_entries_is_found() {
    let bench = full();
    assert_eq!(verify(&bench, None).broken, None);
    let connection = Connection::open(bench.path()).unwrap();
    let text = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    for trigger in text("SELECT name FROM sqlite_master WHERE type = 'trigger'") {
        connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    connection.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF").unwrap();
    let mut edits = 0;
    for table in TIED {
        let (columns, rows) = (
            text(&format!("SELECT name FROM pragma_table_info('{table}')")),
            text(&format!("SELECT CAST(rowid AS TEXT) FROM {table}")),
        );
        assert!(!rows.is_empty(), "{table} has no row to change");
        // The key of the fingerprints is told by the records themselves.
        for column in
            columns.iter().filter(|column| !(table == "bound" && ["one", "secret"].contains(&column.as_str())))
        {
            for row in &rows {
                // Another value of the column's own type; a number that names nothing.
                let other = format!(
                    "CASE typeof({column}) WHEN 'integer' THEN {column} + 1000 WHEN 'blob' THEN randomblob(length({column}))
                     WHEN 'text' THEN {column} || 'x'
                     ELSE (SELECT CASE type WHEN 'INTEGER' THEN 7 WHEN 'BLOB' THEN randomblob(32) ELSE 'x' END
                           FROM pragma_table_info('{table}') WHERE name = '{column}') END"
                );
                let key = if column == "id" && table != "question" || column == "attempt" && table == "family" {
                    format!("{column} = {row} + 1000")
                } else {
                    format!("rowid = {row}")
                };
                connection.execute_batch("SAVEPOINT edit").unwrap();
                connection.execute_batch("CREATE TEMP TABLE IF NOT EXISTS kept (value)").unwrap();
                connection.execute_batch("DELETE FROM kept").unwrap();
                connection
                    .execute(&format!("INSERT INTO kept SELECT {column} FROM {table} WHERE rowid = {row}"), [])
                    .unwrap();
                let changed =
                    connection.execute(&format!("UPDATE {table} SET {column} = {other} WHERE rowid = {row}"), []);
                connection.execute_batch("RELEASE edit").unwrap();
                assert_eq!(changed.unwrap(), 1, "{table}.{column}");
                let broken = verify(&bench, None).broken;
                assert!(broken.is_some(), "{table}.{column} of row {row} was changed and nobody saw");
                connection
                    .execute(&format!("UPDATE {table} SET {column} = (SELECT value FROM kept) WHERE {key}"), [])
                    .unwrap();
                edits += 1;
            }
        }
    }
    assert!(edits > 100, "{edits}");
    assert_eq!(verify(&bench, None).broken, None, "all was put back");
}

#[test]
fn rows_that_are_put_in_or_removed_beside_the_entries_are_found_and_named() {
    for (sql, entry, names) in [
        ("UPDATE hold SET state = 'approved' WHERE id = 4", true, "held question 4"),
        ("UPDATE hold SET state = 'waiting', reason = NULL WHERE id = 3", true, "held question 3"),
        ("UPDATE standing SET until = until + 86400", true, "held question 2"),
        ("DELETE FROM standing", true, "held question 2"),
        (
            "INSERT INTO standing (recurring, analyst, purpose, hold, until)
             SELECT recurring, analyst, purpose, id, 4102444800 FROM hold WHERE id = 1",
            true,
            "held question 1",
        ),
        (
            "INSERT INTO hold (digest, recurring, question, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, state)
             SELECT zeroblob(32), recurring, question, wire, analyst, purpose, lawful_basis, why, nano, asked, expires, 'approved'
             FROM hold WHERE id = 1",
            false,
            "held question 6",
        ),
        ("DELETE FROM hold WHERE id = 5", true, "held question 5"),
        ("DELETE FROM attempt WHERE kind = 'round'", true, "attempt 1 of question 0909"),
        ("DELETE FROM release WHERE attempt = 3", true, "attempt 1 of question 0909"),
        ("DELETE FROM family", true, "attempt 1 of question 0909"),
        ("INSERT INTO standing (recurring, analyst, purpose, hold, until) VALUES (zeroblob(32), 'a', 'b', 99, 1)", false, "standing"),
        ("DELETE FROM bound", true, "state of the records"),
    ] {
        let bench = full();
        tamper(&bench, sql);
        let broken = verify(&bench, None).broken.unwrap_or_else(|| panic!("{sql} was not found"));
        assert_eq!(broken.entry > 0, entry, "{sql}: {broken:?}");
        assert!(broken.what.contains(names), "{sql}: {broken:?}");
    }
}

#[test]
fn an_end_cut_off_is_found_against_a_head_that_somebody_kept() {
    let bench = busy();
    let kept: Head = verify(&bench, None).head.parse().unwrap();
    tamper(&bench, "DELETE FROM entry WHERE number = (SELECT max(number) FROM entry)");
    // The last entry was an import, so nothing in the file alone shows that it is gone.
    assert_eq!(verify(&bench, None).broken, None);
    assert_eq!(verify(&bench, Some(kept)).broken.unwrap().entry, kept.entries);
    let other = Head { digest: [0; 32], entries: 2 };
    assert!(verify(&bench, Some(other)).broken.unwrap().what.contains("witnessed"));
}

#[test]
fn the_export_has_one_line_an_entry_and_every_fact_of_an_answer() {
    let bench = busy();
    let mut out = Vec::new();
    let lines = Book::open(&bench.path(), None).unwrap().export(1, &mut out).unwrap();
    let lines_read: Vec<Line> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines as usize, lines_read.len());
    let released = lines_read.iter().find(|line| line.record.action == Action::Released).unwrap();
    let record = &released.record;
    assert!(released.moment.starts_with("2026-06-30T12:00:00") && record.who.ends_with("analyst/national/a.smith"));
    for (name, fact) in [
        ("purpose", &record.purpose),
        ("lawful basis", &record.lawful_basis),
        ("decision", &record.decision),
        ("policy", &record.policy),
        ("left", &record.left),
        ("question", &record.question),
        ("snapshot", &record.snapshot),
        ("opt-out", &record.opt_out),
    ] {
        assert!(fact.as_ref().is_some_and(|text| !text.is_empty()), "{name} is missing");
    }
    assert_eq!(record.nano, Some(2_000_000));
}

#[test]
fn the_register_lists_what_was_answered_without_names_of_people() {
    let bench = busy();
    let register = Book::open(&bench.path(), None).unwrap().register().unwrap();
    let rows = &register.rows;
    assert_eq!(rows.len(), 3, "a repeated answer and a refusal are no rows of their own");
    assert_eq!(rows.iter().map(|row| row.charge.as_str()).collect::<Vec<_>>(), ["0.002", "0", "0.003"]);
    assert!(rows.iter().all(|row| row.asked_by == "National analyst"));
    let mut out = Vec::new();
    register_csv(rows, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("entry,Answered on,Question,") && !text.contains("smith"), "{text}");
    let page = register_html("Testshire", "2026-06-30", &register);
    for part in [
        "<html lang=\"en-GB\">",
        "<caption",
        "scope=\"col\"",
        "scope=\"row\"",
        "3 questions",
        "<h1>",
        ">30 June 2026<",
        "Left out",
        &register.head,
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("smith") && !page.contains("<script") && !page.contains("http"));
    let [year] = register.years.as_slice() else { panic!("{:?}", register.years) };
    assert_eq!((year.year.as_str(), year.answered, year.refused, year.loss.as_str()), ("2026-27", 3, 1, "0.005"));
}

#[test]
fn receipts_name_all_that_left_page_by_page_and_nobody() {
    let bench = busy();
    let book = Book::open(&bench.path(), None).unwrap();
    let council = folkmoot_proto::ids::CouncilCode::parse("503").unwrap();
    let made = "2026-06-30T13:00:00Z".parse().unwrap();
    let whole = book.receipts(council, 1, 200, made).unwrap();
    let what: Vec<_> = whole.receipts.iter().map(|receipt| receipt.what.as_str()).collect();
    assert_eq!(what, ["released", "released", "repeated", "masked", "unmasked"]);
    assert_eq!(whole.receipts.iter().map(|receipt| receipt.charge_nano).sum::<u64>(), 5_000_000);
    assert_eq!(whole.next, None);
    assert_eq!(format!("{}:{}", whole.entries, whole.head), verify(&bench, None).head);
    // Each digest is that of the log's own entry, and of what left by it.
    for receipt in &whole.receipts {
        let entry = entries(&bench).into_iter().find(|entry| entry.number == receipt.entry).unwrap();
        assert_eq!(receipt.entry_digest, hex::encode(entry.digest));
        assert!(entry.body.contains(&receipt.left) && receipt.left.len() == 64);
    }
    let text = serde_json::to_string(&whole).unwrap();
    assert!(!text.contains("smith") && text.contains("National analyst"), "{text}");
    let (mut from, mut pages) = (1, Vec::new());
    loop {
        let page = book.receipts(council, from, 2, made).unwrap();
        pages.extend(page.receipts);
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(pages, whole.receipts);
}

#[test]
fn text_from_an_asker_is_shown_and_never_run() {
    let row = Answered {
        entry: 1,
        day: "2026-06-30".into(),
        question: "q".into(),
        measure: "m".into(),
        asked_by: "National analyst".into(),
        purpose: "=HYPERLINK(\"x\")".into(),
        lawful_basis: "<script>alert('x')</script>".into(),
        protection: "p".into(),
        opt_out: "o".into(),
        decision: "d".into(),
        charge: "0".into(),
    };
    let page = register_html("A & B", "today", &Register { rows: vec![row.clone()], ..Register::default() });
    assert!(page.contains("&lt;script&gt;") && page.contains("A &amp; B") && !page.contains("<script"));
    let mut out = Vec::new();
    register_csv(&[row], &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("'=HYPERLINK"));
}
