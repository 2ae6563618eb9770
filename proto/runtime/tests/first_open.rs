//! The first stores of a process may be opened by several threads at once.
//!
//! Only the first moments of a process can go wrong, so each attempt is a process of its own.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::Command;
use std::sync::Barrier;

use folkmoot_runtime::store::{Access, Key, Migration, Options, Schema, Store, Synchronous};
use rand::SeedableRng;
use rand::rngs::StdRng;

const SCHEMA: Schema = Schema {
    name: "records",
    migrations: &[Migration { number: 1, name: "begin", sql: "CREATE TABLE row (id INTEGER PRIMARY KEY) STRICT;" }],
};
const THREADS: u64 = 8;
const PROCESSES: usize = 20;
const CHILD: &str = "FOLKMOOT_FIRST_OPEN";

#[test]
fn many_threads_may_open_the_first_encrypted_store_at_once() {
    if std::env::var_os(CHILD).is_some() {
        return open_at_once();
    }
    for _ in 0..PROCESSES {
        let child = Command::new(std::env::current_exe().unwrap()).env(CHILD, "1").output().unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    }
}

fn open_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (folder, barrier) = (folder.path(), &barrier);
            scope.spawn(move || {
                let key = Key::create(&folder.join(format!("{number}.key")), &mut StdRng::seed_from_u64(number));
                let options = Options {
                    schema: SCHEMA,
                    key: Some(key.unwrap()),
                    synchronous: Synchronous::Full,
                    access: Access::Sole,
                };
                barrier.wait();
                Store::create(&folder.join(format!("{number}.db")), options).unwrap();
            });
        }
    });
}
