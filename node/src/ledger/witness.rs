//! Heads that others have seen: how a restored backup or a second copy of the ledger is noticed, and how it ends.

use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::recovery::SignedRecovery;
use folkmoot_runtime::store::Stop;
use rusqlite::params;

use super::{Error, Ledger, Step, account, clock};
use crate::audit::{Action, Head, Record, chain};
use crate::policy::{Nano, Scope};

/// More entries than any ledger will have. The chain goes on above the highest number that anybody has seen, and a number
/// near the largest there is would leave it no room, for ever.
const MOST_ENTRIES: u64 = 1 << 40;

/// Heads in doubt that are written down. One is enough to stop every answer; without a bound whoever tells heads could fill
/// the disk and bury in the log what matters. A head told again after a recovery is compared again.
const MOST_DOUBTS: i64 = 100;

/// Refuses unless the clock is right and nobody knows a later or another chain.
pub(super) fn in_order(step: &Step<'_>) -> Result<(), Stop<Error>> {
    clock::in_order(step)?;
    let doubt: Option<i64> = step.one("SELECT max(entries) FROM doubt", [], |row| row.get(0)).map(Option::flatten)?;
    match doubt {
        None => Ok(()),
        Some(entries) => Err(Stop::Because(Error::Refused(in_doubt(entries.unsigned_abs())))),
    }
}

fn in_doubt(entries: u64) -> Refusal {
    Refusal::new(
        Reason::LedgerInDoubt,
        format!(
            "this council's ledger was restored or copied: others have seen an entry {entries} that it does not hold. It \
             answers again once the federation's authority has countersigned a recovery (at the council: see that one node runs \
             only, then `folkmoot-node recover`)"
        ),
    )
    .with("witnessed_entries", entries)
}

impl Ledger {
    /// Compares this chain with a head of it that somebody else has seen.
    ///
    /// A head that this chain does not contain is written down, and from then on (after restarts, too) nothing is
    /// answered until [`Ledger::recover`].
    ///
    /// # Errors
    /// [`Error::Refused`] with [`Reason::LedgerInDoubt`]; [`Error::Store`].
    pub fn observe_witness(&self, head: &Head) -> Result<(), Error> {
        self.observe(head, "kept by the coordinator")
    }

    /// As [`Ledger::observe_witness`], of a head that came from `whom`.
    pub(super) fn observe(&self, head: &Head, whom: &str) -> Result<(), Error> {
        if head.entries == 0 {
            return Ok(());
        }
        let entries = i64::try_from(head.entries).unwrap_or(i64::MAX);
        let fine = self.look("compare a witnessed head", |step| known(step, entries, &head.digest))?;
        if fine {
            return Ok(());
        }
        if head.entries > MOST_ENTRIES {
            return Err(Error::Refused(Refusal::new(
                Reason::InvalidQuestion,
                format!("a head of {} entries is told, and no ledger has so many: it is not believed", head.entries),
            )));
        }
        self.step("note a doubt", |step| {
            let noted: Option<i64> = step.one("SELECT count(*) FROM doubt", [], |row| row.get(0))?;
            if noted.unwrap_or(0) >= MOST_DOUBTS {
                return Ok(());
            }
            let new = step.execute(
                "INSERT INTO doubt (entries, digest, noticed) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![entries, head.digest, step.second()],
            )?;
            if new > 0 {
                let digest = hex::encode(head.digest);
                let note = format!("entry {entries} with digest {digest} is known elsewhere and not here ({whom})");
                chain::append(step, &Record::new(Action::Doubted, "node").note(note))?;
            }
            Ok(())
        })?;
        Err(Error::Refused(in_doubt(head.entries)))
    }

    /// Ends a doubt with a recovery that the federation's authority signed.
    ///
    /// The chain goes on above the highest number that anybody has seen, and the budget year is charged with what the
    /// authority says may have been spent in the lost branch.
    ///
    /// # Errors
    /// [`Error::Recovery`] when it is not signed under the pinned key, is for another council, does not fit this chain, or
    /// covers no doubt; [`Error::Store`].
    pub fn recover(
        &self,
        signed: &SignedRecovery,
        pinned: &GovernanceKey,
        federation: &Federation,
    ) -> Result<Head, Error> {
        let recovery = signed.verify(pinned, federation).map_err(|e| Error::Recovery(e.to_string()))?;
        if recovery.council() != self.council() {
            return Err(Error::Recovery(format!("it is for council {}", recovery.council())));
        }
        let (after, through) = (recovery.held_entries(), recovery.witnessed_entries());
        let number = |entries: u64| i64::try_from(entries).unwrap_or(i64::MAX);
        let refuse = |why: &str| Stop::Because(Error::Recovery(why.to_owned()));
        self.store().write_or("recover", |tx| {
            let step = Step::new(tx, self.now());
            if !known(&step, number(after), recovery.held_digest())? {
                return Err(refuse("the head it continues from is not in this ledger"));
            }
            let covered: i64 = step
                .one("SELECT count(*) FROM doubt WHERE entries <= ?1", params![number(through)], |row| row.get(0))?
                .unwrap_or(0);
            if covered == 0 {
                return Err(refuse("it covers no head that is in doubt here; perhaps it was loaded before"));
            }
            let assumed = Nano(recovery.assume_spent_nano());
            let mut record = Record::new(Action::Recovered, "authority");
            record.nano = Some(assumed.0);
            let year = account::year_of(step.now);
            record.accounts = vec![account::label(Scope::Year, "")];
            record.year = Some(year.clone());
            record.digest = Some(hex::encode(recovery.hash()));
            record.note = Some(format!(
                "continues after entry {after}; entries to {through} were lost; signed {}: {}",
                recovery.issued_at(),
                recovery.reason()
            ));
            let head = chain::append_at(&step, &record, through.saturating_add(1))?;
            // What may have been spent counts whether or not it fits under the cap of the day.
            step.execute(
                "INSERT INTO account (year, scope, name, cap, used, reserved) VALUES (?1, 'year', '', ?2, ?2, 0)
                 ON CONFLICT DO UPDATE SET cap = max(cap, used + reserved + ?2), used = used + ?2",
                params![year, account::signed(assumed)],
            )?;
            step.execute("DELETE FROM doubt WHERE entries <= ?1", params![number(through)])?;
            step.execute(
                "INSERT INTO recovery (after, through, number) VALUES (?1, ?2, ?3)",
                params![number(after), number(through), number(head.entries)],
            )?;
            Ok(head)
        })?
    }

    /// What the federation's authority must countersign to end a doubt: the last entry below every head in doubt, and the
    /// highest number in doubt. `None` when nothing is in doubt.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn recovery_needs(&self) -> Result<Option<(Head, u64)>, Error> {
        Ok(self.look("what a recovery needs", |step| {
            let range: Option<(Option<i64>, Option<i64>)> =
                step.one("SELECT min(entries), max(entries) FROM doubt", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let Some((Some(least), Some(most))) = range else { return Ok(None) };
            let held = step.one(
                "SELECT number, digest FROM entry WHERE number < ?1 ORDER BY number DESC LIMIT 1",
                params![least],
                |row| Ok(Head { entries: row.get::<_, i64>(0)?.unsigned_abs(), digest: row.get(1)? }),
            )?;
            Ok(Some((held.unwrap_or(Head { entries: 0, digest: [0; 32] }), most.unsigned_abs())))
        })?)
    }

    /// Heads that others have seen and that this chain does not hold; empty when all is well.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn doubts(&self) -> Result<Vec<Head>, Error> {
        Ok(self.look("list doubts", |step| {
            step.all("SELECT entries, digest FROM doubt ORDER BY entries", [], |row| {
                Ok(Head { entries: row.get::<_, i64>(0)?.unsigned_abs(), digest: row.get(1)? })
            })
        })?)
    }
}

/// Whether a head is of this chain, or of a branch that a recovery has declared lost.
pub(super) fn known(step: &Step<'_>, entries: i64, digest: &[u8; 32]) -> rusqlite::Result<bool> {
    if entries == 0 {
        return Ok(true);
    }
    let here: Option<[u8; 32]> =
        step.one("SELECT digest FROM entry WHERE number = ?1", params![entries], |row| row.get(0))?;
    if here.as_ref() == Some(digest) {
        return Ok(true);
    }
    let lost =
        step.one("SELECT 1 FROM recovery WHERE after < ?1 AND ?1 <= through LIMIT 1", params![entries], |_| Ok(()))?;
    Ok(lost.is_some())
}
