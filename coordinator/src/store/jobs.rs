//! Jobs, how each council's part stands, what was told, and the answers.

use std::collections::BTreeMap;

use folkmoot_proto::ids::{CouncilCode, JobId};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::store::Stop;
use prost::Message as _;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Error, Store};
use crate::answer::{Answer, Facts};
use crate::outcome::{Outcome, State};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Stored, nothing asked yet.
    Planned,
    /// Councils are being asked.
    Asking,
    /// Only people at councils are waited for.
    Waiting,
    /// Answers are in.
    Merging,
    /// Ended in a release.
    Released,
    /// Ended without one.
    Failed,
}

impl JobState {
    /// The word on the wire and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Asking => "asking",
            Self::Waiting => "waiting",
            Self::Merging => "merging",
            Self::Released => "released",
            Self::Failed => "failed",
        }
    }

    /// True when nothing more will happen.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Released | Self::Failed)
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Planned, Self::Asking, Self::Waiting, Self::Merging, Self::Released, Self::Failed]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// A stored job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id, which is that of its question.
    pub id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Identity URI of whoever asked.
    pub analyst: String,
    /// The request, with the question as signed by both.
    pub request: wire::AskRequest,
    /// SHA-256 of the canonical question.
    pub digest: [u8; 32],
    /// The question for people.
    pub sentence: String,
    /// Seconds since 1970-01-01 UTC.
    pub created: i64,
    /// Seconds since 1970-01-01 UTC; nobody is waited for after this.
    pub wait_until: i64,
    /// Id of the release it ended in; empty before.
    pub release: String,
    /// Why it failed.
    pub message: String,
}

const COLUMNS: &str = "id, state, analyst, request, digest, sentence, created, wait_until, release, message";

/// Columns as they stand; turned into a [`Job`] outside the transaction, where errors can name the row.
struct Raw(String, String, String, Vec<u8>, Vec<u8>, String, i64, i64, String, String);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw(
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        row.get(9)?,
    ))
}

impl TryFrom<Raw> for Job {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let Raw(id, state, analyst, request, digest, sentence, created, wait_until, release, message) = raw;
        let bad = || Error::Row { what: "job", id: id.clone() };
        Ok(Self {
            id: id.parse().map_err(|_| bad())?,
            state: JobState::from_word(&state).ok_or_else(bad)?,
            analyst,
            request: wire::AskRequest::decode(request.as_slice()).map_err(|_| bad())?,
            digest: digest.as_slice().try_into().map_err(|_| bad())?,
            sentence,
            created,
            wait_until,
            release,
            message,
        })
    }
}

impl Store {
    /// Stores a new job. `false`, and nothing changed, when there is one with its id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn add_job(&self, job: &Job) -> Result<bool, Error> {
        Ok(self.database.write("add a job", |tx| {
            let sql = "INSERT INTO jobs (id, state, analyst, request, digest, sentence, created, wait_until, release, \
                       message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING";
            let added = tx.prepare_cached(sql)?.execute(params![
                job.id.to_string(),
                job.state.word(),
                job.analyst,
                job.request.encode_to_vec(),
                job.digest.as_slice(),
                job.sentence,
                job.created,
                job.wait_until,
                job.release,
                job.message,
            ])?;
            Ok(added == 1)
        })?)
    }

    /// A job by id.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Row`].
    pub fn job(&self, id: JobId) -> Result<Option<Job>, Error> {
        let found = self.database.read("read a job", |tx| {
            let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1");
            tx.prepare_cached(&sql)?.query_row([id.to_string()], raw).optional()
        })?;
        found.map(Job::try_from).transpose()
    }

    /// All jobs, newest first; only those that are not over if `open`.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Row`].
    pub fn jobs(&self, open: bool) -> Result<Vec<Job>, Error> {
        let found = self.database.read("list jobs", |tx| {
            let filter = if open { "WHERE state NOT IN ('released', 'failed')" } else { "" };
            let sql = format!("SELECT {COLUMNS} FROM jobs {filter} ORDER BY created DESC, id LIMIT 1000");
            tx.prepare_cached(&sql)?.query_map([], raw)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        found.into_iter().map(Job::try_from).collect()
    }

    /// Moves a job on, and tells those who watch it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn move_job(&self, id: JobId, state: JobState, progress: &wire::Progress) -> Result<(), Error> {
        Ok(self.database.write("move a job on", |tx| end_job(tx, id, state, progress))?)
    }

    /// Notes how a council's part stands, with its answer if it gave one, and tells those who watch.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn note_council(
        &self,
        id: JobId,
        council: CouncilCode,
        outcome: &Outcome,
        answer: Option<(&Answer, &[u8; 32], i64)>,
        progress: &wire::Progress,
    ) -> Result<(), Error> {
        Ok(self.database.write("note a council's answer", |tx| {
            let (job, code) = (id.to_string(), council.to_string());
            let sql = "INSERT INTO job_councils (job, council, state, code, reason) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (job, council) DO UPDATE SET state = ?3, code = ?4, reason = ?5";
            tx.prepare_cached(sql)?.execute(params![job, code, outcome.state.word(), outcome.code, outcome.reason])?;
            if let Some((answer, digest, received)) = answer {
                let (values, hidden) = answer.to_vectors();
                let figures: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                let facts = answer.facts();
                let notes = serde_json::to_string(&facts.notes).unwrap_or_else(|_| "[]".to_owned());
                let sql = "INSERT INTO answers (job, council, digest, received, snapshot, as_of, sigma_nano, \
                           charged_nano, stored, notes, figures, hidden) VALUES \
                           (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (job, council) DO NOTHING";
                tx.prepare_cached(sql)?.execute(params![
                    job,
                    code,
                    digest.as_slice(),
                    received,
                    facts.snapshot,
                    facts.as_of.number(),
                    facts.sigma_nano as i64,
                    facts.charged_nano as i64,
                    facts.stored,
                    notes,
                    figures,
                    hidden,
                ])?;
            }
            add_event(tx, &job, progress)
        })?)
    }

    /// How each council's part stands.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn outcomes(&self, id: JobId) -> Result<BTreeMap<CouncilCode, Outcome>, Error> {
        let rows = self.database.read("read a job's councils", |tx| {
            tx.prepare_cached("SELECT council, state, code, reason FROM job_councils WHERE job = ?1")?
                .query_map([id.to_string()], |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, String>(3)?,
                    ))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(council, state, code, reason)| {
                let bad = || Error::Row { what: "council's part in a job", id: format!("{id} {council}") };
                let key = CouncilCode::parse(&council).map_err(|_| bad())?;
                let state = State::from_word(&state).ok_or_else(bad)?;
                Ok((key, Outcome { state, code, reason }))
            })
            .collect()
    }

    /// The answers of one job, checked again against its question.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Row`].
    pub fn answers(&self, id: JobId, query: &Query, layout: &Layout) -> Result<BTreeMap<CouncilCode, Answer>, Error> {
        self.read_answers(query, layout, "job = ?1", rusqlite::types::Value::Text(id.to_string()))
    }

    /// The newest stored answer of each council to this very question, whoever asked it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Row`].
    pub fn answers_to(&self, query: &Query, layout: &Layout) -> Result<BTreeMap<CouncilCode, Answer>, Error> {
        self.read_answers(query, layout, "digest = ?1", rusqlite::types::Value::Blob(query.digest().to_vec()))
    }

    fn read_answers(
        &self,
        query: &Query,
        layout: &Layout,
        filter: &str,
        key: rusqlite::types::Value,
    ) -> Result<BTreeMap<CouncilCode, Answer>, Error> {
        let sql = format!(
            "SELECT council, snapshot, as_of, sigma_nano, charged_nano, stored, notes, figures, hidden FROM answers \
             WHERE {filter} ORDER BY received, job"
        );
        self.database.read_or("read answers", |tx| {
            let mut statement = tx.prepare_cached(&sql).map_err(Stop::Failed)?;
            let mut rows = statement.query([key]).map_err(Stop::Failed)?;
            let mut answers = BTreeMap::new();
            while let Some(row) = rows.next().map_err(Stop::Failed)? {
                let council: String = row.get(0).map_err(Stop::Failed)?;
                let answer = read_answer(row, &council, query, layout).map_err(Stop::Failed)?;
                let Some(answer) = answer else {
                    return Err(Stop::Because(Error::Row { what: "council's answer", id: council }));
                };
                answers.insert(answer.council(), answer);
            }
            Ok(answers)
        })?
    }

    /// What was told about a job after the event with number `after`, with the numbers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn events(&self, id: JobId, after: u64) -> Result<Vec<(u64, wire::Progress)>, Error> {
        let rows = self.database.read("read a job's progress", |tx| {
            tx.prepare_cached(
                "SELECT number, progress FROM job_events WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT 500",
            )?
            .query_map(params![id.to_string(), after as i64], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, Vec<u8>>(1)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.into_iter()
            .map(|(number, bytes)| {
                let progress = wire::Progress::decode(bytes.as_slice())
                    .map_err(|_| Error::Row { what: "progress event", id: format!("{id} {number}") })?;
                Ok((number, progress))
            })
            .collect()
    }
}

/// Moves a job on within somebody's transaction.
pub(super) fn end_job(
    tx: &rusqlite::Transaction<'_>,
    id: JobId,
    state: JobState,
    progress: &wire::Progress,
) -> rusqlite::Result<()> {
    let sql = "UPDATE jobs SET state = ?2, release = ?3, message = ?4 WHERE id = ?1";
    let text = id.to_string();
    tx.prepare_cached(sql)?.execute(params![text, state.word(), progress.release, progress.message])?;
    add_event(tx, &text, progress)
}

fn add_event(tx: &rusqlite::Transaction<'_>, job: &str, progress: &wire::Progress) -> rusqlite::Result<()> {
    let sql = "INSERT INTO job_events (job, number, progress) \
               SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM job_events WHERE job = ?1";
    tx.prepare_cached(sql)?.execute(params![job, progress.encode_to_vec()]).map(drop)
}

/// `None` when the row is not an answer to the question.
fn read_answer(row: &Row<'_>, council: &str, query: &Query, layout: &Layout) -> rusqlite::Result<Option<Answer>> {
    let figures: Vec<u8> = row.get(7)?;
    let hidden: Vec<u8> = row.get(8)?;
    let notes: String = row.get(6)?;
    let facts = Facts {
        snapshot: row.get(1)?,
        as_of: Day::from_number(row.get(2)?),
        sigma_nano: row.get::<_, i64>(3)?.unsigned_abs(),
        charged_nano: row.get::<_, i64>(4)?.unsigned_abs(),
        stored: row.get(5)?,
        notes: serde_json::from_str(&notes).unwrap_or_default(),
    };
    let (chunks, rest) = figures.as_chunks::<8>();
    let values: Vec<i64> = chunks.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
    let code = CouncilCode::parse(council).ok().filter(|_| rest.is_empty());
    Ok(code.and_then(|code| Answer::new(code, query, layout, values, &hidden, facts).ok()))
}
