//! Which state of the records the log knows, and the entries of what changed them.

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
                chain::append(step, &entry(change, before.is_none(), found))?;
            }
            remember(step, now)?;
            Ok(true)
        })?)
    }

    /// Writes that records which the log called older or others agree with it from here on.
    pub(crate) fn rebind(&self, now: &Standing, record: &Record) -> Result<(), Error> {
        Ok(self.step("write a reconciliation down", |step| {
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

/// The entry of a change. `first`: the log speaks of the records for the first time. `found`: not written by who made it.
fn entry(change: &Change, first: bool, found: bool) -> Record {
    let action = match change.what {
        What::Begun | What::Reconciled => Action::Reconciled,
        What::Imported => Action::Imported,
        What::Erased | What::ErasureLifted | What::Restricted | What::RestrictionLifted => Action::SubjectRequest,
        What::OptOutsLoaded => Action::OptOutLoaded,
        What::Purged => Action::Retention,
    };
    let mut record = Record::new(action, change.who.clone()).note(change.words.clone());
    record.digest.clone_from(&change.digest);
    record.records = Some(change.state.to_string());
    record.decision = match (first, found, change.what) {
        (true, _, What::Begun) => Some("the log knows the records from here on".to_owned()),
        (_, true, _) => Some(
            "found in the records, not written down by who did it: the command was cut short, or this log is an older copy"
                .to_owned(),
        ),
        _ => None,
    };
    record
}
