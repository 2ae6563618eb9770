//! Whether the records are those that the audit log speaks of.
//!
//! ```text
//! records.db: change 41, 42, 43 ...          each in the transaction that makes it
//! ledger.db:  entry "... records 42:name"    written after it, with the state that it led to
//!
//! the log knows the last change ......... they agree
//! the records know more than the log .... its entries are written now: a command was cut short in between
//! the log knows more than the records ... an older file was put back: nothing is answered or changed, until `reconcile`
//! each knows what the other does not .... another file: the same
//! ```
//!
//! An older `records.db` would quietly bring back people who were erased, lift restrictions and forget opt-outs. So the
//! comparison comes before every answer and every change, and costs two lookups.
//!
//! The other way round, records that are newer because the **ledger** was put back, is told here only as entries that are
//! written again; that the ledger is old is for its [witnesses](crate::ledger::Ledger::observe_witness) to say, and nothing
//! is answered then.

use folkmoot_proto::reason::{Reason, Refusal};

use crate::audit::{Action, Book, Entry, Record};
use crate::ledger::{self, Ledger};
use crate::store::people::Removed;
use crate::store::{self, Records, Redo, State};

/// Why the records cannot be used beside this log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// They are older than the log says.
    #[error(
        "the records at {path} are older than the audit log: they hold {held} changes, and the log knows of {known}. What was \
         done for people since (erasures, restrictions, opt-outs) is missing in them, so nothing is answered or imported. Put \
         the right file back, or run 'folkmoot-node reconcile'"
    )]
    Older {
        /// The file.
        path: String,
        /// The number of its last change.
        held: u64,
        /// The number of the last that the log knows.
        known: u64,
    },
    /// They are not those that the log knows.
    #[error(
        "the records at {path} are not those that the audit log speaks of: its change {known} is not in them. They may be \
         another copy that went its own way, so nothing is answered or imported. Put the right file back, or run \
         'folkmoot-node reconcile'"
    )]
    Other {
        /// The file.
        path: String,
        /// The number of the last change that the log knows.
        known: u64,
    },
    /// The records could not be read.
    #[error(transparent)]
    Records(#[from] store::Error),
    /// The log could not be read or written.
    #[error(
        "the records and the audit log could not be compared or brought together; nothing is lost: where the records were \
         changed they stay so, and the next command or start writes what the log lacks"
    )]
    Ledger(#[from] ledger::Error),
    /// The log could not be read.
    #[error(transparent)]
    Audit(#[from] crate::audit::Error),
}

impl Error {
    /// What whoever asks is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Older { .. } | Self::Other { .. } => Refusal::new(
                Reason::LedgerInDoubt,
                "this council's records are not those that its audit log speaks of: an older or another copy was put back. It \
                 answers again once somebody there has seen to it",
            ),
            _ => Refusal::new(
                Reason::Internal,
                "this council's records could not be compared with its log; its own log says why",
            ),
        }
    }
}

/// Who asks for the comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Whoever has just made a change: its entry is theirs.
    Maker,
    /// Anybody else: what is missing in the log was found.
    Finder,
}

/// Compares the two, and writes what the log lacks.
///
/// # Errors
/// [`Error::Older`] and [`Error::Other`] when the records must not be used; otherwise the stores'.
pub fn settle(records: &Records, ledger: &Ledger, by: By) -> Result<(), Error> {
    let settled = compare(records, ledger, by);
    if by == By::Maker {
        // After the entry, and whether or not it could be written: this waits for whoever reads, and anybody who came in
        // between would find a change that nobody has written down.
        records.empty_log();
    }
    settled
}

fn compare(records: &Records, ledger: &Ledger, by: By) -> Result<(), Error> {
    loop {
        let known = ledger.known_records()?;
        let held = records.state()?;
        if known == Some(held) {
            return Ok(());
        }
        let now = records.beside(known)?;
        if let Some(known) = known.filter(|_| !now.knows) {
            // Read before it: somebody may have changed and written down meanwhile.
            if ledger.known_records()? != Some(known) {
                continue;
            }
            let path = records.store().path().display().to_string();
            return Err(if held.generation < known.generation {
                Error::Older { path, held: held.generation, known: known.generation }
            } else {
                Error::Other { path, known: known.generation }
            });
        }
        if ledger.bind(known, &now, by == By::Finder)? {
            return Ok(());
        }
    }
}

/// What a reconciliation came to.
pub struct Reconciled {
    /// What was removed again.
    pub removed: Removed,
    /// Entries of changes that these records do not hold. What was done for single people was done again; files, opt-out
    /// lists and purges were not.
    pub missing: Vec<(Entry, Record)>,
}

/// Makes records that were put back agree with the log: who was erased or restricted is erased and restricted again, the
/// opt-out list counts as not loaded, and an entry says all this. Changes that these records went through elsewhere get their
/// entries before it. Nothing is done, and `None` given, when they agree.
///
/// # Errors
/// [`store::Error::OtherKey`] when nobody can be found by the log's fingerprints and `regardless` is not said; the stores'.
pub fn reconcile(
    records: &Records,
    ledger: &Ledger,
    who: &str,
    reason: &str,
    regardless: bool,
) -> Result<Option<Reconciled>, Error> {
    match settle(records, ledger, By::Finder) {
        Err(Error::Older { .. } | Error::Other { .. }) => {}
        settled => return settled.map(|()| None),
    }
    let Some(bound) = ledger.bound()? else { return Ok(None) };
    let states = records.states()?;
    let (mut missing, mut logged) = (Vec::new(), Vec::new());
    Book::of(ledger).entries(1, |entry| {
        let record: Option<Record> = serde_json::from_str(&entry.body).ok();
        if let Some(record) = record
            && let Some(state) = record.records.as_deref().and_then(|text| text.parse::<State>().ok())
        {
            if !states.contains(&state) {
                missing.push((entry, record));
            }
            logged.push(state);
        }
        Ok(())
    })?;
    let words = format!("records that were put back agree with the log again: {reason}");
    let held = records.state()?;
    let redo = Redo {
        kept: &bound.kept,
        secret: bound.secret,
        known: bound.state.generation.max(held.generation),
        // Without changes of their own, and none lost but imports: nobody was erased, restricted, listed or removed since.
        only_files: logged.contains(&held) && missing.iter().all(|(_, record)| record.action == Action::Imported),
        regardless,
        who,
        words: &words,
    };
    let removed = records.redo(&redo)?;
    let now = records.beside(None)?;
    let mut record = Record::new(Action::Reconciled, who).note(words);
    let numbers: Vec<String> = missing.iter().map(|(entry, _)| entry.number.to_string()).collect();
    let same = now.secret == bound.secret;
    let done = if same {
        "erasures and restrictions were made again"
    } else {
        "erasures and restrictions could not be made again: the fingerprints are of another key"
    };
    record.decision = Some(format!(
        "the records did not hold the changes of entries {}; {done}; the opt-out list counts as not loaded",
        numbers.join(", ")
    ));
    let written = ledger.rebind(&now, &record);
    records.empty_log();
    written?;
    Ok(Some(Reconciled { removed, missing }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
