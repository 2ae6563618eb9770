//! Rounds of joint figures.

use folkmoot_proto::ids::JobId;
use rusqlite::{OptionalExtension as _, params};

use super::{Error, Store};
use crate::total::Total;

impl Store {
    /// Attempts that a job has begun, and why the last one failed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn attempts(&self, job: JobId) -> Result<(u8, String), Error> {
        let found = self.database.read("count attempts", |tx| {
            tx.prepare_cached("SELECT attempts, note FROM rounds WHERE job = ?1")?
                .query_row(params![job.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Writes down that an attempt begins, before anybody is asked: its number is then never used again.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn begin_attempt(&self, job: JobId, attempt: u8) -> Result<(), Error> {
        self.database.write("begin an attempt", |tx| {
            let sql =
                "INSERT INTO rounds (job, attempts) VALUES (?1, ?2) ON CONFLICT (job) DO UPDATE SET attempts = ?2";
            tx.prepare_cached(sql)?.execute(params![job.to_string(), attempt]).map(drop)
        })?;
        Ok(())
    }

    /// Writes down why a job's rounds gave no sum.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn note_round(&self, job: JobId, note: &str) -> Result<(), Error> {
        self.database.write("note a round's end", |tx| {
            let sql =
                "INSERT INTO rounds (job, attempts, note) VALUES (?1, 0, ?2) ON CONFLICT (job) DO UPDATE SET note = ?2";
            tx.prepare_cached(sql)?.execute(params![job.to_string(), note]).map(drop)
        })?;
        Ok(())
    }

    /// Stores what a round gave, protected.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn save_total(&self, job: JobId, total: &Total) -> Result<(), Error> {
        let body = serde_json::to_string(total).expect("a round's record is plain data");
        self.database.write("store a round's sums", |tx| {
            tx.prepare_cached("UPDATE rounds SET body = ?2, note = '' WHERE job = ?1")?
                .execute(params![job.to_string(), body])
                .map(drop)
        })?;
        Ok(())
    }

    /// What a job's round gave.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Row`] when it does not read back.
    pub fn total(&self, job: JobId) -> Result<Option<Total>, Error> {
        let body: Option<Option<String>> = self.database.read("read a round's sums", |tx| {
            tx.prepare_cached("SELECT body FROM rounds WHERE job = ?1")?
                .query_row(params![job.to_string()], |row| row.get(0))
                .optional()
        })?;
        let bad = |_| Error::Row { what: "round", id: job.to_string() };
        body.flatten().map(|body| serde_json::from_str(&body).map_err(bad)).transpose()
    }
}
