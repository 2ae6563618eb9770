//! Releases: stored once, never changed, except that a withdrawal is noted.

use folkmoot_proto::ids::{JobId, ReleaseId};
use folkmoot_runtime::store::Stop;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Error, Store};
use crate::release::{Manifest, Place, Release, Withdrawal};
use crate::store::JobState;
use folkmoot_proto::wire::v1 as wire;

/// A stored release.
#[derive(Clone, Debug)]
pub struct Found {
    /// The release.
    pub release: Release,
    /// The job that made it.
    pub job: String,
}

const COLUMNS: &str = "id, job, manifest, figures, withdrawn_at, withdrawn_by, withdrawn_reason";

struct Raw(String, String, String, String, Option<i64>, Option<String>, Option<String>);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
}

impl TryFrom<Raw> for Found {
    type Error = Error;
    fn try_from(raw: Raw) -> Result<Self, Error> {
        let Raw(id, job, manifest, figures, at, by, reason) = raw;
        let withdrawn = at.map(|at| Withdrawal { at, by: by.unwrap_or_default(), reason: reason.unwrap_or_default() });
        Ok(Self { release: Release::read(&id, &manifest, &figures, withdrawn)?, job })
    }
}

impl Store {
    /// Makes a release with the next number, or the next revision of its series, and ends its job with it, in one
    /// transaction. `make` gets the place and is called once.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn add_release(
        &self,
        job: JobId,
        series: &str,
        place: Place,
        make: impl FnOnce(Place) -> Release,
        progress: impl FnOnce(&Release) -> wire::Progress,
    ) -> Result<Release, Error> {
        let id = place.id;
        Ok(self.database.write("add a release", |tx| {
            let earlier: Option<(i64, i64)> = tx
                .prepare_cached(
                    "SELECT number, revision FROM releases WHERE series = ?1 ORDER BY revision DESC LIMIT 1",
                )?
                .query_row([series], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (number, revision) = match earlier {
                Some((number, revision)) => (number, revision + 1),
                None => (tx.query_row("SELECT coalesce(max(number), 0) + 1 FROM releases", [], |row| row.get(0))?, 1),
            };
            let reason = if revision == 1 { String::new() } else { place.reason };
            let release =
                make(Place { number: number as u64, revision: revision as u32, reason, id, created: place.created });
            let (manifest, figures) = release.texts();
            let digest = hex::decode(&release.manifest().question_digest).unwrap_or_default();
            tx.prepare_cached(
                "INSERT INTO releases (id, number, revision, job, series, digest, measure, created, manifest, figures) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id.to_string(),
                number,
                revision,
                job.to_string(),
                series,
                digest,
                release.manifest().measure,
                place.created,
                manifest,
                figures,
            ])?;
            let progress = progress(&release);
            super::jobs::end_job(tx, job, JobState::Released, &progress)?;
            Ok(release)
        })?)
    }

    /// A release by id or by number (`12`, or `12.2` for its second revision; the newest revision without).
    ///
    /// # Errors
    /// [`Error`].
    pub fn release(&self, name: &str) -> Result<Option<Found>, Error> {
        let name = name.trim();
        let found = if name.parse::<ReleaseId>().is_ok() {
            self.database.read("read a release", |tx| {
                let sql = format!("SELECT {COLUMNS} FROM releases WHERE id = ?1");
                tx.prepare_cached(&sql)?.query_row([name.to_ascii_lowercase()], raw).optional()
            })?
        } else {
            let (number, revision) = name.split_once('.').unwrap_or((name, ""));
            let Ok(number) = number.parse::<i64>() else { return Ok(None) };
            let revision = match revision {
                "" => None,
                text => match text.parse::<i64>() {
                    Ok(revision) => Some(revision),
                    Err(_) => return Ok(None),
                },
            };
            self.database.read("read a release by number", |tx| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM releases WHERE number = ?1 AND (?2 IS NULL OR revision = ?2) \
                     ORDER BY revision DESC LIMIT 1"
                );
                tx.prepare_cached(&sql)?.query_row(params![number, revision], raw).optional()
            })?
        };
        found.map(Found::try_from).transpose()
    }

    /// The manifests of all releases, newest first, and whether each was withdrawn; of one measure unless `measure` is
    /// empty. Figures are not read.
    ///
    /// # Errors
    /// [`Error`].
    pub fn manifests(&self, measure: &str) -> Result<Vec<(Manifest, bool)>, Error> {
        let rows = self.database.read("list releases", |tx| {
            tx.prepare_cached(
                "SELECT id, manifest, withdrawn_at IS NOT NULL FROM releases WHERE ?1 = '' OR measure = ?1 \
                 ORDER BY number DESC, revision DESC LIMIT 1000",
            )?
            .query_map([measure], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(id, text, withdrawn)| {
                let manifest = serde_json::from_str(&text)
                    .map_err(|source| crate::release::Error::Json { release: id, source })?;
                Ok((manifest, withdrawn))
            })
            .collect()
    }

    /// The newest release of a series that was not withdrawn.
    ///
    /// # Errors
    /// [`Error`].
    pub fn latest_of(&self, series: &str) -> Result<Option<Found>, Error> {
        let found = self.database.read("find a series", |tx| {
            let sql = format!(
                "SELECT {COLUMNS} FROM releases WHERE series = ?1 AND withdrawn_at IS NULL ORDER BY revision DESC LIMIT 1"
            );
            tx.prepare_cached(&sql)?.query_row([series], raw).optional()
        })?;
        found.map(Found::try_from).transpose()
    }

    /// Notes that a release was withdrawn. `false` when it had been already.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn withdraw(&self, id: &str, withdrawal: &Withdrawal) -> Result<bool, Error> {
        let done = self.database.write_or("withdraw a release", |tx| {
            let sql = "UPDATE releases SET withdrawn_at = ?2, withdrawn_by = ?3, withdrawn_reason = ?4 \
                       WHERE id = ?1 AND withdrawn_at IS NULL";
            let changed = tx
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    statement.execute(params![id, withdrawal.at, withdrawal.by, withdrawal.reason])
                })
                .map_err(Stop::Failed)?;
            if changed == 1 { Ok(()) } else { Err(Stop::Because(())) }
        })?;
        Ok(done.is_ok())
    }
}
