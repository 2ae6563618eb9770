//! A clock that went back stops answers, since budget years must not be spent twice; and the way out when it was ahead.
//!
//! Entries written while the machine's clock was ahead carry a later moment, and once the clock is right again it shows a
//! time before them. Nobody at the council can argue that away: it looks like a clock that was set back to reach an older
//! year's budget. The federation's authority can, with a recovery that resets the clock. It frees nothing:
//!
//! - what was charged to later budget years counts in this year **as well**, on every account, and stays where it is;
//! - what was put aside under the wrong clock is given back, so that it is not charged to a later year afterwards;
//! - every question that waits or was decided is void, because dates of approvals may lie far ahead: people decide anew.
//!
//! Before that, two things keep a wrong clock from doing harm. A question holds for at most 31 days by the moment that its
//! analyst and the coordinator signed, so a node whose clock is further off charges nothing; and that moment is believed for
//! this one question alone, so nobody outside can move the node's clock or stop it for good.

use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::question::MAX_VALIDITY_S;
use folkmoot_proto::reason::Reason;
use folkmoot_proto::recovery::SignedRecovery;
use folkmoot_runtime::store::Stop;
use jiff::Timestamp;
use rusqlite::params;

use super::{Error, Ledger, SLEW, Step, account, stop};
use crate::approval;
use crate::audit::{Action, Head, Record, chain};
use crate::policy::{Nano, Scope};

/// How long before it was signed a recovery is taken, in seconds: two clocks that are kept right are no further apart.
const APART: i64 = 3600;

/// How far behind the last entry a clock is put down to a step of minutes that passes by itself, in seconds.
const PASSES: i64 = 3600;

/// Refuses when the clock shows a time before the last entry.
pub(super) fn in_order(step: &Step<'_>) -> Result<(), Stop<Error>> {
    let Some(last) = ahead(step)? else { return Ok(()) };
    let way_out = if step.second() + PASSES < last.as_second() {
        ". If the clock is right now and was ahead when that was written, 'folkmoot-node recover' at the council says how \
         the federation's authority ends it"
    } else {
        ""
    };
    Err(stop(
        Reason::LedgerInDoubt,
        format!(
            "this council's clock shows {}, which is before its ledger's last entry of {last}; it answers again when the \
             clock is right{way_out}",
            step.now
        ),
    ))
}

/// The moment of the last entry, when the clock shows a time before it.
fn ahead(step: &Step<'_>) -> rusqlite::Result<Option<Timestamp>> {
    let (_, last) = chain::last(step)?;
    Ok(last.filter(|last| step.second() + SLEW < last.as_second()))
}

impl Ledger {
    /// The last entry and its moment, when the clock shows a time before it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn clock_behind(&self) -> Result<Option<(Head, Timestamp)>, Error> {
        Ok(self
            .look("compare the clock", |step| Ok(ahead(step)?.zip(Some(chain::last(step)?.0))))?
            .map(|(moment, head)| (head, moment)))
    }

    /// The moment of the last entry; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn last_moment(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.look("the last moment", |step| Ok(chain::last(step)?.1))?)
    }

    /// Goes on from the moment that the clock shows, though the last entry is of a later one, by leave of the federation's
    /// authority. What was charged to later years then counts in this one as well.
    ///
    /// # Errors
    /// [`Error::Recovery`] when it is not signed under the pinned key, is for another council, resets no clock, does not fit
    /// this chain, was loaded before, or was not signed about now by this clock; [`Error::Store`].
    pub fn reset_clock(
        &self,
        signed: &SignedRecovery,
        pinned: &GovernanceKey,
        federation: &Federation,
    ) -> Result<Head, Error> {
        let recovery = signed.verify(pinned, federation).map_err(|e| Error::Recovery(e.to_string()))?;
        if recovery.council() != self.council() {
            return Err(Error::Recovery(format!("it is for council {}", recovery.council())));
        }
        if !recovery.resets_clock() || recovery.witnessed_entries() != recovery.held_entries() {
            return Err(Error::Recovery("it is not one that resets the clock alone".to_owned()));
        }
        let held = i64::try_from(recovery.held_entries()).unwrap_or(i64::MAX);
        let hash = hex::encode(recovery.hash());
        let refuse = |why: String| Err(Stop::Because(Error::Recovery(why)));
        self.store().write_or("reset the clock", |tx| {
            let step = self.enter(tx);
            let here: Option<[u8; 32]> =
                step.one("SELECT digest FROM entry WHERE number = ?1", params![held], |row| row.get(0))?;
            if here.as_ref() != Some(recovery.held_digest()) {
                return refuse("the entry it speaks of is not in this ledger".to_owned());
            }
            let used = step.one(
                "SELECT 1 FROM recovery JOIN entry ON entry.number = recovery.number WHERE instr(body, ?1) > 0",
                params![format!("\"digest\":\"{hash}\"")],
                |_| Ok(()),
            )?;
            if used.is_some() {
                return refuse("it was loaded before".to_owned());
            }
            let Some(before) = ahead(&step)? else {
                return refuse("the clock shows no time before the last entry; there is nothing to reset".to_owned());
            };
            let signed_at = recovery.issued_at();
            let since = step.second() - signed_at.as_second();
            if !(-APART..=MAX_VALIDITY_S).contains(&since) {
                return refuse(format!(
                    "this machine's clock shows {}, and the authority signed at {signed_at}; it is taken for 31 days from \
                     then. Set the clock right, or ask for a new one",
                    step.now
                ));
            }
            let year = account::year_of(step.now);
            let assumed = Nano(recovery.assume_spent_nano());
            let mut record = Record::new(Action::Recovered, "authority");
            record.nano = Some(assumed.0);
            record.accounts = vec![account::label(Scope::Year, "")];
            record.year = Some(year.clone());
            record.digest = Some(hash);
            record.clock = Some(before.to_string());
            record.note = Some(format!(
                "the clock was ahead: the entry before this is of {before}, and it is {}; signed {signed_at}: {}",
                step.now,
                recovery.reason()
            ));
            let head = chain::append_back(&step, &record)?;
            account::assume(&step, &year, Scope::Year, "", assumed)?;
            step.execute(
                "INSERT INTO recovery (after, through, number) VALUES (?1, ?1, ?2)",
                params![held, i64::try_from(head.entries).unwrap_or(i64::MAX)],
            )?;
            give_back(&step, &year)?;
            carry(&step, &year)?;
            approval::void_all(&step)?;
            Ok(head)
        })?
    }
}

/// Gives back what was put aside for a later year, or for longer than anything is put aside.
fn give_back(step: &Step<'_>, year: &str) -> rusqlite::Result<()> {
    let waiting = step.all(
        "SELECT id FROM attempt WHERE state = 'reserved' AND (year > ?1 OR expires > ?2)",
        params![year, step.second() + super::admit::RESERVED_MOST],
        |row| row.get::<_, i64>(0),
    )?;
    for attempt in waiting {
        account::refund(step, attempt, "it was put aside while the clock was ahead")?;
    }
    Ok(())
}

/// Counts in `year` as well what was charged to later years. A second reset in one year counts it again: the safe side.
fn carry(step: &Step<'_>, year: &str) -> rusqlite::Result<()> {
    let later = step.all(
        "SELECT scope, name, sum(used) FROM account WHERE year > ?1 GROUP BY scope, name HAVING sum(used) > 0
         ORDER BY scope, name",
        params![year],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)),
    )?;
    for (scope, name, used) in later {
        let Some(scope) = Scope::from_word(&scope) else { continue };
        let nano = account::unsigned(used);
        let mut record = Record::new(Action::Carried, "node");
        record.nano = Some(nano.0);
        record.year = Some(year.to_owned());
        record.accounts = vec![account::label(scope, &name)];
        record.decision =
            Some("charged to a later year while the clock was ahead: it counts in this year as well".to_owned());
        chain::append(step, &record)?;
        account::assume(step, year, scope, &name, nano)?;
    }
    Ok(())
}
