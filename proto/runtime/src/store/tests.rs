use std::fs;
use std::process::Command;
use std::sync::mpsc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rusqlite::params;
use tempfile::TempDir;

use super::*;

const FIRST: Migration = Migration {
    number: 1,
    name: "spending",
    sql: "CREATE TABLE spent (id INTEGER PRIMARY KEY, nano_rho INTEGER NOT NULL CHECK (nano_rho > 0)) STRICT;
          CREATE TABLE note (spent INTEGER NOT NULL REFERENCES spent (id), text TEXT NOT NULL) STRICT;",
};
const SECOND: Migration =
    Migration { number: 2, name: "purpose", sql: "ALTER TABLE spent ADD COLUMN purpose TEXT NOT NULL DEFAULT '';" };

const V1: Schema = Schema { name: "ledger", migrations: &[FIRST] };
const V2: Schema = Schema { name: "ledger", migrations: &[FIRST, SECOND] };

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str) -> Key {
        Key::create(&self.file(name), &mut StdRng::seed_from_u64(u64::from(name.as_bytes()[0]))).unwrap()
    }
}

fn options(schema: Schema, key: Option<&Key>, access: Access) -> Options {
    Options { schema, key: key.cloned(), synchronous: Synchronous::Full, access }
}

fn spend(store: &Store, amount: i64) -> Result<(), Error> {
    store.write("spend", |tx| tx.execute("INSERT INTO spent (nano_rho) VALUES (?1)", [amount]).map(drop))
}

fn total(store: &Store) -> i64 {
    store.read("total", |tx| tx.query_row("SELECT coalesce(sum(nano_rho), 0) FROM spent", [], |r| r.get(0))).unwrap()
}

#[test]
fn what_was_written_is_there_when_opened_again() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, Some(&key), Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    drop(store);
    let key = Key::load(&place.file("k")).unwrap();
    let store = Store::open(&path, options(V1, Some(&key), Access::Sole)).unwrap();
    assert_eq!(total(&store), 5);
    assert_eq!(store.problems().unwrap(), Vec::<String>::new());
}

#[test]
fn an_encrypted_store_shows_nothing_on_the_disk() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, Some(&key), Access::Sole)).unwrap();
    store
        .write("note", |tx| {
            tx.execute("INSERT INTO spent (id, nano_rho) VALUES (1, 1)", [])?;
            tx.execute("INSERT INTO note VALUES (1, 'conspicuous text')", [])
        })
        .unwrap();
    for name in ["ledger.db", "ledger.db-wal"] {
        let bytes = fs::read(place.file(name)).unwrap();
        assert!(!bytes.is_empty());
        assert!(!bytes.windows(11).any(|w| w == b"conspicuous"), "{name} holds the text in the clear");
        assert!(!bytes.windows(6).any(|w| w == b"CREATE"), "{name} holds the schema in the clear");
    }
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let key = place.key("k");
    let store = Store::create(&place.file("ledger.db"), options(V1, Some(&key), Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
    }
}

#[test]
fn a_wrong_key_is_named_with_both_files() {
    let place = Place::new();
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V1, Some(&place.key("a")), Access::Sole)).unwrap());
    let error = Store::open(&path, options(V1, Some(&place.key("b")), Access::Sole)).unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("ledger.db does not open with the key in") && text.contains("/b:"), "{text}");
}

#[test]
fn a_key_for_a_plain_store_and_none_for_an_encrypted_one_are_told_apart() {
    let place = Place::new();
    let key = place.key("k");
    drop(Store::create(&place.file("plain.db"), options(V1, None, Access::Sole)).unwrap());
    drop(Store::create(&place.file("secret.db"), options(V1, Some(&key), Access::Sole)).unwrap());
    let with = Store::open(&place.file("plain.db"), options(V1, Some(&key), Access::Sole)).unwrap_err();
    let without = Store::open(&place.file("secret.db"), options(V1, None, Access::Sole)).unwrap_err();
    assert!(matches!(with, Error::NotEncrypted { .. }), "{with}");
    assert!(matches!(without, Error::Encrypted { .. }), "{without}");
}

#[test]
fn random_bytes_and_truncated_files_are_errors() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    for length in [1, 15, 16, 100, 4095, 4096, 10_000] {
        fs::write(&path, vec![0xA5; length]).unwrap();
        assert!(Store::open(&path, options(V1, Some(&key), Access::Sole)).is_err(), "{length} bytes with a key");
        assert!(Store::open(&path, options(V1, None, Access::Sole)).is_err(), "{length} bytes without one");
        assert!(fs::read(&path).unwrap() == vec![0xA5; length], "{length} bytes are left as they were");
    }
}

#[test]
fn a_store_that_was_cut_off_is_never_begun_afresh() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V1, Some(&key), Access::Sole)).unwrap());
    let whole = fs::read(&path).unwrap();
    for length in (1..whole.len()).step_by(511).chain([512, 4096, whole.len() - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        let opened = Store::open(&path, options(V1, Some(&key), Access::Sole));
        let noticed = opened.and_then(|store| {
            store.read("count", |tx| tx.query_row("SELECT count(*) FROM spent", [], |_| Ok(()))).and(store.problems())
        });
        assert!(noticed.is_err() || !noticed.unwrap().is_empty(), "{length} bytes");
    }
}

#[test]
fn a_damaged_page_is_found() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, Some(&key), Access::Sole)).unwrap();
    for _ in 0..2000 {
        spend(&store, 5).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = Store::open(&path, options(V1, Some(&key), Access::Sole)).unwrap();
    assert!(!store.problems().unwrap().is_empty());
    let error = store.backup(&place.file("copy.db")).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. } | Error::Unsound { .. }), "{error}");
    assert!(!place.file("copy.db").exists() && !place.file("copy.db.part").exists(), "no half copy is left");
}

#[test]
fn a_store_is_never_made_or_replaced_by_accident() {
    let place = Place::new();
    let path = place.file("ledger.db");
    assert!(matches!(Store::open(&path, options(V1, None, Access::Sole)).unwrap_err(), Error::Missing { .. }));
    assert!(!path.exists());
    drop(Store::create(&path, options(V1, None, Access::Sole)).unwrap());
    assert!(matches!(Store::create(&path, options(V1, None, Access::Sole)).unwrap_err(), Error::Exists { .. }));
}

// Plays the other process of `a_second_process_is_refused`; alone it does nothing.
#[test]
fn as_the_second_process() {
    let Some(path) = std::env::var_os("FOLKMOOT_TEST_SECOND_PROCESS") else {
        return;
    };
    let error = Store::open(Path::new(&path), options(V1, None, Access::Sole)).unwrap_err();
    fs::write(Path::new(&path).with_extension("answer"), error.to_string()).unwrap();
    // A command beside the running process can read and write.
    let beside = Store::open(Path::new(&path), options(V1, None, Access::Beside)).unwrap();
    spend(&beside, 7).unwrap();
    let reading = Store::open(Path::new(&path), options(V1, None, Access::ReadOnly)).unwrap();
    assert_eq!(total(&reading), 12);
    assert!(matches!(spend(&reading, 1).unwrap_err(), Error::NotWritable { .. }));
}

#[test]
fn a_second_process_is_refused_and_a_command_beside_it_is_not() {
    let place = Place::new();
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, None, Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::tests::as_the_second_process"])
        .env("FOLKMOOT_TEST_SECOND_PROCESS", &path)
        .status()
        .unwrap();
    assert!(status.success());
    let answer = fs::read_to_string(path.with_extension("answer")).unwrap();
    assert!(answer.contains(&format!("is already in use by process {}", std::process::id())), "{answer}");
    assert_eq!(total(&store), 12);
}

#[test]
fn the_store_is_free_again_when_it_is_dropped() {
    let place = Place::new();
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, None, Access::Sole)).unwrap();
    assert!(matches!(Store::open(&path, options(V1, None, Access::Sole)).unwrap_err(), Error::InUse { .. }));
    drop(store);
    Store::open(&path, options(V1, None, Access::Sole)).unwrap();
}

#[test]
fn a_failed_or_abandoned_write_leaves_nothing() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    let failed = store.write("spend twice", |tx| {
        tx.execute("INSERT INTO spent (nano_rho) VALUES (1)", [])?;
        tx.execute("INSERT INTO spent (nano_rho) VALUES (0)", []).map(drop)
    });
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("could not spend twice"), "{message}");
    let refused = store.write_or("spend or refuse", |tx| {
        tx.execute("INSERT INTO spent (nano_rho) VALUES (1)", [])?;
        Err::<(), _>(Stop::Because("too little left"))
    });
    assert_eq!(refused.unwrap(), Err("too little left"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = store.write("spend and panic", |tx| {
            tx.execute("INSERT INTO spent (nano_rho) VALUES (1)", [])?;
            if tx.is_autocommit() { Ok(()) } else { panic!("on purpose") }
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(total(&store), 5);
    spend(&store, 1).unwrap();
    assert_eq!(total(&store), 6);
}

#[test]
fn foreign_keys_hold() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    assert!(store.write("dangle", |tx| tx.execute("INSERT INTO note VALUES (99, 'x')", params![])).is_err());
}

#[test]
fn a_reader_sees_one_view_while_a_writer_writes() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    let sum = |tx: &Transaction<'_>| tx.query_row("SELECT sum(nano_rho) FROM spent", [], |r| r.get::<_, i64>(0));
    let (before, after) = store
        .read("look twice", |tx| {
            let before = sum(tx)?;
            spend(&store, 7).expect("a reader does not hold a writer up");
            Ok((before, sum(tx)?))
        })
        .unwrap();
    assert_eq!((before, after), (5, 5));
    assert_eq!(total(&store), 12);
}

#[test]
fn a_reader_cannot_write() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    let error = store.read("sneak", |tx| tx.execute("INSERT INTO spent (nano_rho) VALUES (1)", [])).unwrap_err();
    assert!(matches!(error, Error::NotWritableFile { .. }), "{error}");
}

#[test]
fn an_older_file_is_brought_up_to_date_with_its_rows() {
    let place = Place::new();
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, None, Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    drop(store);
    assert!(matches!(Store::open(&path, options(V2, None, Access::ReadOnly)).unwrap_err(), Error::Older { .. }));
    let store = Store::open(&path, options(V2, None, Access::Sole)).unwrap();
    assert_eq!(total(&store), 5);
    store.write("use the new column", |tx| tx.execute("UPDATE spent SET purpose = 'planning'", [])).unwrap();
}

#[test]
fn a_command_does_not_change_the_schema_under_a_running_process() {
    let place = Place::new();
    let path = place.file("ledger.db");
    let running = Store::create(&path, options(V1, None, Access::Sole)).unwrap();
    assert!(matches!(Store::open(&path, options(V2, None, Access::Beside)).unwrap_err(), Error::InUse { .. }));
    drop(running);
    Store::open(&path, options(V2, None, Access::Beside)).unwrap();
}

#[test]
fn a_newer_file_is_refused_and_both_versions_are_named() {
    let place = Place::new();
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V2, None, Access::Sole)).unwrap());
    let message = Store::open(&path, options(V1, None, Access::Sole)).unwrap_err().to_string();
    assert!(message.contains("version 2 of the ledger store") && message.contains("up to 1"), "{message}");
}

#[test]
fn a_changed_migration_is_refused() {
    const OTHER: Schema =
        Schema { name: "ledger", migrations: &[Migration { sql: "CREATE TABLE x (y INTEGER) STRICT;", ..FIRST }] };
    const WINDOWS: Schema = Schema {
        name: "lines",
        migrations: &[Migration { number: 1, name: "x", sql: "CREATE TABLE x\r\n(y INTEGER) STRICT;" }],
    };
    const UNIX: Schema = Schema {
        name: "lines",
        migrations: &[Migration { number: 1, name: "x", sql: "CREATE TABLE x\n(y INTEGER) STRICT;" }],
    };
    let place = Place::new();
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V1, None, Access::Sole)).unwrap());
    let error = Store::open(&path, options(OTHER, None, Access::Sole)).unwrap_err();
    assert!(matches!(error, Error::Changed { number: 1, .. }), "{error}");
    drop(Store::create(&place.file("lines.db"), options(WINDOWS, None, Access::Sole)).unwrap());
    Store::open(&place.file("lines.db"), options(UNIX, None, Access::Sole)).unwrap();
}

#[test]
fn another_kind_of_store_is_refused() {
    const RECORDS: Schema = Schema { name: "records", migrations: &[FIRST] };
    let place = Place::new();
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V1, None, Access::Sole)).unwrap());
    let message = Store::open(&path, options(RECORDS, None, Access::Sole)).unwrap_err().to_string();
    assert!(message.contains("holds a ledger store, not a records store"), "{message}");
    let foreign = place.file("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(&foreign, options(V1, None, Access::Sole)).unwrap_err(), Error::OtherStore { .. }));
}

#[test]
fn a_migration_is_applied_whole_or_not_at_all() {
    const BROKEN: Schema = Schema {
        name: "ledger",
        migrations: &[
            FIRST,
            Migration {
                number: 2,
                name: "broken",
                sql: "CREATE TABLE half (x INTEGER) STRICT; CREATE TABLE spent (x INTEGER) STRICT;",
            },
        ],
    };
    const LOOSE: Schema = Schema {
        name: "ledger",
        migrations: &[FIRST, Migration { number: 2, name: "loose", sql: "CREATE TABLE half (x INTEGER);" }],
    };
    const GAP: Schema = Schema { name: "ledger", migrations: &[FIRST, Migration { number: 3, name: "gap", sql: "" }] };
    let place = Place::new();
    let path = place.file("ledger.db");
    drop(Store::create(&path, options(V1, None, Access::Sole)).unwrap());
    assert!(Store::open(&path, options(BROKEN, None, Access::Sole)).is_err());
    let loose = Store::open(&path, options(LOOSE, None, Access::Sole)).unwrap_err().to_string();
    assert!(loose.contains("its table half is not STRICT"), "{loose}");
    assert!(matches!(Store::open(&path, options(GAP, None, Access::Sole)).unwrap_err(), Error::Migration { .. }));
    let store = Store::open(&path, options(V1, None, Access::Sole)).unwrap();
    let tables = store.read("count", |tx| {
        tx.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'half'", [], |r| r.get::<_, i64>(0))
    });
    assert_eq!(tables.unwrap(), 0);
}

#[test]
fn a_full_disk_is_said_in_words_and_changes_nothing() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    let error = store
        .write("import a file", |tx| {
            // The database may not grow any more: SQLite then reports what it reports for a disk without room.
            tx.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?;
            for _ in 0..100_000 {
                tx.execute("INSERT INTO spent (nano_rho) VALUES (1)", [])?;
            }
            Ok(())
        })
        .unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(error.to_string().contains("no room left on the disk while trying to import a file; nothing was changed"));
    assert_eq!(total(&store), 5);
}

#[test]
fn a_lock_that_is_not_given_up_is_said_in_words() {
    let place = Place::new();
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, None, Access::Sole)).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    lock(store.inner.writer.as_ref().unwrap()).busy_timeout(Duration::ZERO).unwrap();
    let error = spend(&store, 1).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    spend(&store, 1).unwrap();
}

#[test]
fn a_backup_is_a_whole_store_made_while_writers_go_on() {
    let place = Place::new();
    let key = place.key("k");
    let store = Store::create(&place.file("ledger.db"), options(V1, Some(&key), Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    let (begin, begun) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let writer = std::thread::spawn({
        let store = store.clone();
        move || {
            let mut written = 0;
            loop {
                spend(&store, 1).unwrap();
                written += 1;
                let _ = begin.send(());
                if stopped.try_recv().is_ok() {
                    return written;
                }
            }
        }
    });
    begun.recv().unwrap();
    store.backup(&place.file("copy.db")).unwrap();
    stop.send(()).unwrap();
    let written: i64 = writer.join().unwrap();
    assert_eq!(total(&store), 5 + written);
    let copy = Store::open(&place.file("copy.db"), options(V1, Some(&key), Access::Sole)).unwrap();
    assert!((6..=5 + written).contains(&total(&copy)));
    assert!(matches!(store.backup(&place.file("copy.db")).unwrap_err(), Error::Exists { .. }));
}

#[test]
fn a_restored_backup_takes_the_place_and_the_old_store_is_kept() {
    let place = Place::new();
    let key = place.key("k");
    let path = place.file("ledger.db");
    let with = options(V1, Some(&key), Access::Sole);
    let store = Store::create(&path, with.clone()).unwrap();
    spend(&store, 5).unwrap();
    store.backup(&place.file("copy.db")).unwrap();
    spend(&store, 7).unwrap();
    assert!(matches!(restore(&place.file("copy.db"), &path, &with).unwrap_err(), Error::InUse { .. }));
    drop(store);
    let kept = restore(&place.file("copy.db"), &path, &with).unwrap().unwrap();
    assert_eq!(total(&Store::open(&path, with.clone()).unwrap()), 5);
    assert_eq!(total(&Store::open(&kept, with.clone()).unwrap()), 12);
    // A bad backup leaves the store alone.
    fs::write(place.file("bad.db"), vec![7; 9000]).unwrap();
    assert!(restore(&place.file("bad.db"), &path, &with).is_err());
    assert_eq!(total(&Store::open(&path, with).unwrap()), 5);
}

#[test]
fn after_a_change_of_key_only_the_new_one_opens() {
    let place = Place::new();
    let (old, new) = (place.key("old"), place.key("new"));
    let path = place.file("ledger.db");
    let store = Store::create(&path, options(V1, Some(&old), Access::Sole)).unwrap();
    spend(&store, 5).unwrap();
    drop(store);
    rekey(&path, &options(V1, Some(&old), Access::Sole), &new).unwrap();
    assert!(matches!(Store::open(&path, options(V1, Some(&old), Access::Sole)).unwrap_err(), Error::WrongKey { .. }));
    let store = Store::open(&path, options(V1, Some(&new), Access::Sole)).unwrap();
    assert_eq!(total(&store), 5);
    assert_eq!(store.problems().unwrap(), Vec::<String>::new());
}

#[test]
fn key_files_are_checked_and_never_overwritten() {
    let place = Place::new();
    let key = place.key("k");
    assert!(matches!(
        Key::create(&place.file("k"), &mut StdRng::seed_from_u64(1)).unwrap_err(),
        KeyError::Write { .. }
    ));
    assert_eq!(Key::load(&place.file("k")).unwrap().pragma("key"), key.pragma("key"));
    assert!(!format!("{key:?}").contains(&key.pragma("key")[16..40]), "a key is not printed");
    for bad in ["", "abc", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &format!("{} x", "0".repeat(64))] {
        fs::write(place.file("k"), bad).unwrap();
        assert!(matches!(Key::load(&place.file("k")).unwrap_err(), KeyError::Content { .. }), "{bad:?}");
    }
    fs::write(place.file("k"), [9; 32]).unwrap();
    assert!(Key::load(&place.file("k")).unwrap().pragma("key").contains(&"09".repeat(32)));
    assert!(matches!(Key::load(&place.file("none")).unwrap_err(), KeyError::Read { .. }));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.file("k"), fs::Permissions::from_mode(0o640)).unwrap();
        let message = Key::load(&place.file("k")).unwrap_err().to_string();
        assert!(message.contains("rights 640") && message.contains("chmod 600"), "{message}");
    }
}

#[tokio::test]
async fn blocking_work_runs_off_the_async_threads() {
    let place = Place::new();
    let store = Store::create(&place.file("ledger.db"), options(V1, None, Access::Sole)).unwrap();
    let here = std::thread::current().id();
    let there = store
        .off_thread(|store| {
            spend(store, 5).unwrap();
            std::thread::current().id()
        })
        .await;
    assert_ne!(here, there);
    store.release_memory();
    assert_eq!(total(&store), 5);
}
