//! The record of everything that was asked, decided and sent, which nobody can quietly alter.
//!
//! ```text
//! ledger, approval, import, people --Record--> chain::append (in the transaction of what it records)
//! Book (the file, read only) --verify--> sound, or the first broken entry
//!                            --export--> JSON Lines          --register--> a public page and CSV
//! ```
//!
//! Each entry's digest takes in the one before it, so that changing, removing or inserting one shows in all after it.
//! Cutting entries off the end shows against a [`Head`] that somebody else has kept: the coordinator does.

pub(crate) mod chain;
mod export;
mod receipts;
mod record;
mod register;
mod round;
mod rows;
mod verify;

use std::path::Path;

use folkmoot_runtime::store::{self, Key, Store};

pub use chain::{Entry, Head};
pub use export::Line;
pub use record::{Action, FloorMark, Record};
pub use register::{Answered, Register, Year, csv as register_csv, html as register_html};
pub use round::{Believed, Checked, Failed, Own, moment};
pub use verify::{Broken, Report, verify_export};

use crate::ledger;

/// The log, opened for reading; the node that writes it may be running.
#[derive(Debug, Clone)]
pub struct Book {
    store: Store,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file.
    #[error("the audit log could not be read")]
    Store(#[source] Box<store::Error>),
    /// What was to be written could not be.
    #[error("the audit log could not be written out")]
    Write(#[from] std::io::Error),
    /// An entry that is not what this program writes.
    #[error("entry {number} cannot be read ({detail}); run 'folkmoot-node audit verify'")]
    Entry {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        detail: String,
    },
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Book {
    /// Opens the ledger at `path` for reading.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn open(path: &Path, key: Option<Key>) -> Result<Self, Error> {
        Ok(Self { store: ledger::open_for_reading(path, key)? })
    }

    /// The log of a ledger that this process has open.
    pub fn of(ledger: &ledger::Ledger) -> Self {
        Self { store: ledger.store().clone() }
    }

    /// The heads of other councils' ledgers that this council keeps, by council, newest last.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn peer_heads(&self) -> Result<Vec<ledger::PeerHead>, Error> {
        Ok(ledger::peer_heads(&self.store)?)
    }

    /// Gives every entry from `first` on to `each`, in order, on one unchanging view of the file.
    ///
    /// # Errors
    /// [`Error::Store`], and what `each` fails with.
    pub fn entries(&self, first: u64, mut each: impl FnMut(Entry) -> Result<(), Error>) -> Result<(), Error> {
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        self.store.read_or("read the audit log", |tx| {
            let mut statement = tx.prepare(&format!("{} WHERE number >= ?1 ORDER BY number", chain::COLUMNS))?;
            let mut rows = statement.query([first])?;
            while let Some(row) = rows.next()? {
                each(Entry::read(row)?).map_err(store::Stop::Because)?;
            }
            Ok(())
        })?
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
