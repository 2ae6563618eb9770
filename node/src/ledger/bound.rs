//! Which state of the records the log knows, and the entries of what changed them.

use std::collections::HashSet;

use rusqlite::params;

use super::{Error, Ledger, Step};
use crate::audit::{Action, Record, chain};
use crate::store::{Change, Kept, Standing, State, What};

/// What the ledger remembers of the records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bound {
    /// The last state that the log speaks of.
    pub(crate) state: State,
    /// Who is erased or restricted in it.
    pub(crate) kept: Vec<Kept>,
    /// Digest of the key of their fingerprints.
    pub(crate) secret: [u8; 32],
}

impl Ledger {
    /// The state of the records that the log speaks of last; `None` when it never has.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn known_records(&self) -> Result<Option<State>, Error> {
        Ok(self.look("which records the log knows", known)?)
    }

    /// All that is remembered of the records.
    pub(crate) fn bound(&self) -> Result<Option<Bound>, Error> {
        Ok(self.look("what the log remembers of the records", |step| {
            let Some(state) = known(step)? else { return Ok(None) };
            let secret = step.one("SELECT secret FROM bound", [], |row| row.get(0))?.unwrap_or_default();
            let kept = step.all("SELECT kind, fingerprint, person, since FROM redo", [], |row| {
                Ok(Kept { kind: row.get(0)?, fingerprint: row.get(1)?, person: row.get(2)?, since: row.get(3)? })
            })?;
            Ok(Some(Bound { state, kept, secret }))
        })?)
    }

    /// Writes the entries of changes that the log does not know, each with the state that it led to, and remembers the
    /// last. False, and nothing is written, when the log knows another state by now than `before`: somebody else did it.
    pub(crate) fn bind(&self, before: Option<State>, now: &Standing, found: bool) -> Result<bool, Error> {
        Ok(self.step("write changes of the records down", |step| {
            if known(step)? != before {
                return Ok(false);
            }
            for change in &now.since {
                let how = match (before, found) {
                    (None, _) => How::First,
                    (_, true) => How::Found,
                    (_, false) => How::Made,
                };
                chain::append(step, &entry(change, how))?;
            }
            remember(step, now)?;
            Ok(true)
        })?)
    }

    /// Writes that records which the log called older or others agree with it from here on; before that, the entries of
    /// changes that they went through and the log does not speak of. `now` has all changes of the records.
    pub(crate) fn rebind(&self, now: &Standing, record: &Record) -> Result<(), Error> {
        Ok(self.step("write a reconciliation down", |step| {
            let logged = logged(step)?;
            // The last is the reconciliation itself.
            for change in now.since.iter().filter(|change| change.state != now.state) {
                if !logged.contains(&change.state.to_string()) {
                    chain::append(step, &entry(change, How::Elsewhere))?;
                }
            }
            let mut record = record.clone();
            record.records = Some(now.state.to_string());
            chain::append(step, &record)?;
            remember(step, now)
        })?)
    }
}

fn known(step: &Step<'_>) -> rusqlite::Result<Option<State>> {
    step.one("SELECT generation, stamp FROM bound", [], |row| {
        Ok(State { generation: row.get::<_, i64>(0)?.unsigned_abs(), stamp: row.get(1)? })
    })
}

/// Every state of records that an entry speaks of.
fn logged(step: &Step<'_>) -> rusqlite::Result<HashSet<String>> {
    let bodies =
        step.all("SELECT body FROM entry WHERE body LIKE '%\"records\":\"%'", [], |row| row.get::<_, String>(0))?;
    Ok(bodies.iter().filter_map(|body| serde_json::from_str::<Record>(body).ok()?.records).collect())
}

fn remember(step: &Step<'_>, now: &Standing) -> rusqlite::Result<()> {
    let (head, _) = chain::last(step)?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    step.execute(
        "INSERT OR REPLACE INTO bound (one, generation, stamp, entry, secret) VALUES (1, ?1, ?2, ?3, ?4)",
        params![number(now.state.generation), now.state.stamp, number(head.entries), now.secret],
    )?;
    step.execute("DELETE FROM redo", [])?;
    for kept in &now.kept {
        step.execute(
            "INSERT INTO redo (kind, fingerprint, person, since) VALUES (?1, ?2, ?3, ?4)",
            params![kept.kind, kept.fingerprint, kept.person, kept.since],
        )?;
    }
    Ok(())
}

/// How a change comes to its entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    /// The log speaks of the records for the first time.
    First,
    /// Whoever made it writes it down.
    Made,
    /// Somebody else found it.
    Found,
    /// It was made in records that went their own way and were put here.
    Elsewhere,
}

fn entry(change: &Change, how: How) -> Record {
    let action = match change.what {
        What::Begun | What::Reconciled | What::FilesLost => Action::Reconciled,
        What::Imported => Action::Imported,
        What::Erased | What::ErasureLifted | What::Restricted | What::RestrictionLifted => Action::SubjectRequest,
        What::OptOutsLoaded => Action::OptOutLoaded,
        What::Purged => Action::Retention,
    };
    let mut record = Record::new(action, change.who.clone()).note(change.words.clone());
    record.digest.clone_from(&change.digest);
    record.records = Some(change.state.to_string());
    let said = match (how, change.what) {
        (How::First, What::Begun) => Some("the log knows the records from here on"),
        (How::First | How::Made, _) => None,
        (How::Found, _) => Some(
            "found in the records before whoever did it had written it down: they were still at work, or the command was cut \
             short, or this log is an older copy",
        ),
        (How::Elsewhere, _) => {
            Some("found in records that were put back: it was made in them while this log did not speak of them")
        }
    };
    record.decision = said.map(str::to_owned);
    record
}
