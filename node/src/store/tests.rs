use folkmoot_proto::period::Day;

use super::*;
use crate::answer::data::tests::{day, records};

/// The tables of a store in the order in which their rows can be put into another.
const TABLES: [&str; 10] =
    ["submission", "month_end", "quality", "finding", "block", "interned", "term", "secret", "mark", "marked"];

/// A store of the first version with rows in it, as that version wrote them: made by its own SQL, filled from a store of
/// today, whose older tables have not changed since.
fn first_version(folder: &tempfile::TempDir, opted_out: bool) -> (std::path::PathBuf, Vec<u64>) {
    let (today, numbers) = records(folder);
    if opted_out {
        today.load_opt_outs(numbers[..2].iter().copied(), day("2025-05-01")).unwrap();
    }
    drop(today);
    let path = folder.path().join("old.db");
    let schema = Schema { name: SCHEMA.name, migrations: &SCHEMA.migrations[..1] };
    let options = Options { schema, key: None, synchronous: Synchronous::Full, access: Access::Sole };
    drop(Store::create(&path, options).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let newer = folder.path().join("records.db");
    connection.execute("ATTACH ?1 AS newer", [newer.to_str().unwrap()]).unwrap();
    connection.execute_batch("DELETE FROM secret").unwrap();
    for table in TABLES {
        connection.execute_batch(&format!("INSERT INTO {table} SELECT * FROM newer.{table}")).unwrap();
    }
    (path, numbers)
}

fn rows(records: &Records) -> usize {
    let mut rows = 0;
    for submission in records.submissions().unwrap() {
        records.rows(submission.id, |_| rows += 1).unwrap();
    }
    rows
}

#[test]
fn a_store_of_the_first_version_keeps_its_rows_and_marks_through_every_migration() {
    for opted_out in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (path, numbers) = first_version(&folder, opted_out);
        let older = Records::open(&path, None, Access::ReadOnly).err().unwrap();
        assert!(matches!(older, Error::Store(files::Error::Older { .. })), "{older}: reading alone changes nothing");
        let records = Records::open(&path, None, Access::Sole).unwrap();
        assert_eq!(rows(&records), 10);
        assert_eq!(records.export_person(&PersonId::Nhs(numbers[0])).unwrap().len(), 2, "her id's row is hers, too");
        // The day of the list is told from its marks; without marks there was none.
        let loaded: Option<Day> = records.opt_out_list().unwrap();
        assert_eq!(loaded, opted_out.then(|| day("2025-05-01")));
        assert_eq!(records.find_person(&PersonId::Nhs(numbers[0])).unwrap().opted_out, opted_out);
        assert_eq!(records.opted_out().unwrap().len(), if opted_out { 2 } else { 0 });
        // It is in use again: an erasure works and holds.
        records.erase_person(&PersonId::Nhs(numbers[3]), day("2025-05-02")).unwrap();
        drop(records);
        let records = Records::open(&path, None, Access::Sole).unwrap();
        assert_eq!(rows(&records), 9);
    }
}
