//! Yes and no.

use folkmoot_proto::period::Day;
use folkmoot_runtime::store::Stop;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{DAY, Error, Kept, consult, decided, find, line, same_person};
use crate::audit::{Action, chain};
use crate::ledger::{self, Ledger, Step};
use crate::policy::Policy;

/// What came of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It counts: the question is answered when it is asked again.
    Approved {
        /// Last day on which equal questions are answered, too; `None` when it is for one answer.
        until: Option<String>,
    },
    /// A second person must approve, too.
    NeedsSecondPerson,
    /// Rules or data changed since the first person approved: that approval is void, and this one is the first.
    FirstIsVoid {
        /// Whose approval is void.
        first: String,
    },
}

impl Ledger {
    /// Approves a held question once, or equal questions about any period until the end of `until`.
    ///
    /// `data` is the [state of the records](crate::local::state_of_data), when it is known. What was shown must still be
    /// what is approved, and approving must get the question answered: today's policy allows it and the budget pays it.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub fn approve(
        &self,
        policy: &Policy,
        id: i64,
        by: &str,
        until: Option<Day>,
        data: Option<[u8; 32]>,
    ) -> Result<Decision, Error> {
        let by = line("name", by, 80)?;
        self.store().write_or("approve", |tx| {
            let step = self.enter(tx);
            consult::expire(&step)?;
            let kept = find(&step, id)?.ok_or(Stop::Because(Error::NotFound(id)))?;
            let held = &kept.held;
            if held.state != "waiting" {
                return Err(Stop::Because(Error::Decided { id, state: held.state.clone() }));
            }
            let last = until.map(|day| end_of(&step, day)).transpose().map_err(Stop::Because)?;
            if let Some(first) = held.first_by.as_deref().filter(|first| same_person(first, &by)) {
                return Err(Stop::Because(Error::SamePerson(first.to_owned(), id)));
            }
            unchanged(&kept, policy, data).map_err(Stop::Because)?;
            payable(&step, policy, &kept)?;
            let mut record = decided(Action::Approved, held, kept.query.as_ref(), policy, &by);
            let mut agreed = last;
            if policy.second_person() {
                let same = same(kept.first.policy, Some(policy.digest())) && same(kept.first.data, data);
                match held.first_by.clone() {
                    // Two people have agreed only to what both have said.
                    Some(_) if same => {
                        let first: Option<i64> = step
                            .one("SELECT first_until FROM hold WHERE id = ?1", params![id], |row| row.get(0))?
                            .flatten();
                        agreed = first.zip(last).map(|(a, b)| a.min(b));
                    }
                    earlier => {
                        step.execute(
                            "UPDATE hold SET first_by = ?2, first_until = ?3, first_policy = ?4, first_data = ?5 WHERE id = ?1",
                            params![id, by, last, policy.digest(), data],
                        )?;
                        let void = earlier.as_ref().map_or(String::new(), |first| {
                            format!("; the approval of {first} is void, since rules or data changed")
                        });
                        record.decision = Some(format!("first of two: {}{void}", for_how_long(last)));
                        chain::append(&step, &record)?;
                        return Ok(earlier
                            .map_or(Decision::NeedsSecondPerson, |first| Decision::FirstIsVoid { first }));
                    }
                }
            }
            let expires = agreed.unwrap_or(step.second() + i64::from(policy.expires_after_days()) * DAY);
            step.execute(
                "UPDATE hold SET state = 'approved', decided_by = ?2, expires = ?3 WHERE id = ?1",
                params![id, by, expires],
            )?;
            if let Some(last) = agreed {
                step.execute(
                    "INSERT INTO standing (recurring, analyst, purpose, hold, until)
                     SELECT recurring, analyst, purpose, id, ?2 FROM hold WHERE id = ?1",
                    params![id, last],
                )?;
            }
            record.decision = Some(for_how_long(agreed));
            chain::append(&step, &record)?;
            Ok(Decision::Approved { until: agreed.and_then(day_of) })
        })?
    }

    /// Refuses a held question, or withdraws an approval that was not used. The asker reads the reason.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Decided`], [`Error::Text`], [`Error::Store`].
    pub fn deny(&self, policy: &Policy, id: i64, by: &str, reason: &str) -> Result<(), Error> {
        let (by, reason) = (line("name", by, 80)?, line("reason", reason, 500)?);
        self.store().write_or("deny", |tx| {
            let step = self.enter(tx);
            consult::expire(&step)?;
            let kept = find(&step, id)?.ok_or(Stop::Because(Error::NotFound(id)))?;
            if !matches!(kept.held.state.as_str(), "waiting" | "approved") {
                return Err(Stop::Because(Error::Decided { id, state: kept.held.state.clone() }));
            }
            step.execute(
                "UPDATE hold SET state = 'denied', decided_by = ?2, reason = ?3 WHERE id = ?1",
                params![id, by, reason],
            )?;
            let mut record = decided(Action::Denied, &kept.held, kept.query.as_ref(), policy, &by);
            record.decision = Some(reason.clone());
            chain::append(&step, &record)?;
            Ok(())
        })?
    }
}

/// The last second of an approval's last day.
fn end_of(step: &Step<'_>, day: Day) -> Result<i64, Error> {
    let end = i64::from(day.number() + 1) * DAY - 1;
    if end < step.second() + DAY || end > step.second() + 2 * 366 * DAY {
        return Err(Error::Until(day));
    }
    Ok(end)
}

fn day_of(second: i64) -> Option<String> {
    Some(Timestamp::from_second(second).ok()?.to_zoned(TimeZone::UTC).date().to_string())
}

fn for_how_long(last: Option<i64>) -> String {
    last.and_then(day_of).map_or("once".to_owned(), |day| format!("equal questions until {day}"))
}

/// Equal, as far as both are known.
fn same(before: Option<[u8; 32]>, now: Option<[u8; 32]>) -> bool {
    before.is_none() || now.is_none() || before == now
}

/// Nobody approves something else than they saw.
fn unchanged(kept: &Kept, policy: &Policy, data: Option<[u8; 32]>) -> Result<(), Error> {
    let Some((seen, at)) = kept.shown else { return Ok(()) };
    let changed = |what| Error::Changed { id: kept.held.id, what, shown: day_of(at).unwrap_or_default() };
    if !same(seen.policy, Some(policy.digest())) {
        return Err(changed("the policy"));
    }
    if !same(seen.data, data) {
        return Err(changed("this council's records"));
    }
    Ok(())
}

/// An approval that would not get the question answered is not given.
fn payable(step: &Step<'_>, policy: &Policy, kept: &Kept) -> Result<(), Stop<Error>> {
    let id = kept.held.id;
    let question = kept.question().ok_or(Stop::Because(Error::Unreadable(id)))?;
    let refused = |why| Stop::Because(Error::Refused { id, why });
    let ruling = policy.rule(&question).map_err(refused)?;
    ledger::fits(step, &ledger::year_of(step.now), &ruling.limits, question.price())?.map_err(refused)
}
