//! The coordinator's database: jobs and what councils answered, releases, and the ledger heads it has witnessed.
//!
//! It holds no unprotected figure and no secret. Each statement set is a named transaction of `runtime::store`.

use std::path::Path;

use folkmoot_runtime::store::{
    Access, Error as StoreError, Migration, Options, Schema, Store as Database, Synchronous,
};

mod heads;
mod jobs;
mod receipts;
mod releases;
mod rounds;

pub use heads::{Head, Record};
pub use jobs::{Job, JobState};
pub use releases::Found;

/// The kind of store and its history.
pub const SCHEMA: Schema = Schema {
    name: "coordinator",
    migrations: &[
        Migration {
            number: 1,
            name: "jobs, answers, releases and witnessed heads",
            sql: include_str!("../migrations/0001_first.sql"),
        },
        Migration { number: 2, name: "rounds", sql: include_str!("../migrations/0002_rounds.sql") },
        Migration { number: 3, name: "no exact sums", sql: include_str!("../migrations/0003_no_exact_sums.sql") },
        Migration { number: 4, name: "receipts", sql: include_str!("../migrations/0004_receipts.sql") },
    ],
};

/// The store failed, or holds something that this software did not write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database.
    #[error("the coordinator's database")]
    Database(#[from] StoreError),
    /// A row that does not read back.
    #[error("the coordinator's database holds a {what} that does not read back: {id}")]
    Row {
        /// What kind of row.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// A release that does not read back.
    #[error("a stored release")]
    Release(#[from] crate::release::Error),
}

/// The open database. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens the database for the one process that runs on it, making it at the first start.
    ///
    /// # Errors
    /// [`Error::Database`] with what to do.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // FULL: an answer may have been paid for by a council's budget, so it must not be lost in a power cut.
        let options = Options { schema: SCHEMA, key: None, synchronous: Synchronous::Full, access: Access::Sole };
        Ok(Self { database: Database::open_or_create(path, options)? })
    }

    /// Runs `f` on a thread that may block.
    pub async fn off_thread<T: Send + 'static>(&self, f: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let store = self.clone();
        self.database.off_thread(move |_| f(&store)).await
    }
}
