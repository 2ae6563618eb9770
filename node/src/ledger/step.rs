//! One transaction on the ledger: its statements, its moment, its place in the chain.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Params, Row, Transaction};

/// A writing transaction under way. Every statement of this room and its neighbours goes through here, so that tests can
/// cut the power between any two.
pub(crate) struct Step<'t> {
    tx: &'t Transaction<'t>,
    /// The moment this transaction is about, whole seconds.
    pub(crate) now: Timestamp,
}

impl<'t> Step<'t> {
    pub(super) fn new(tx: &'t Transaction<'t>, now: Timestamp) -> Self {
        Self { tx, now }
    }

    /// The transaction itself, for reading.
    pub(crate) fn tx(&self) -> rusqlite::Result<&Transaction<'t>> {
        burn()?;
        Ok(self.tx)
    }

    /// The moment as whole seconds since 1970.
    pub(crate) fn second(&self) -> i64 {
        self.now.as_second()
    }

    /// Runs one statement; returns the rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        burn()?;
        self.tx.prepare_cached(sql)?.execute(params)
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        burn()?;
        self.tx.prepare_cached(sql)?.query_row(params, read).optional()
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        burn()?;
        self.tx.prepare_cached(sql)?.query_map(params, read)?.collect()
    }

    /// The row that the last insertion made.
    pub(crate) fn inserted(&self) -> i64 {
        self.tx.last_insert_rowid()
    }
}

#[cfg(not(test))]
fn burn() -> rusqlite::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use fuse::{burn, light};

/// A crash at a chosen statement: the process "dies" there, so the transaction is dropped without a commit.
#[cfg(test)]
mod fuse {
    use std::cell::Cell;

    thread_local! { static LEFT: Cell<Option<u32>> = const { Cell::new(None) }; }

    /// Lets `statements` more statements run on this thread and fails the next; `None` lets all run.
    pub(crate) fn light(statements: Option<u32>) {
        LEFT.set(statements);
    }

    pub(crate) fn burn() -> rusqlite::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
                Some("the test cut the power here".to_owned()),
            )),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
