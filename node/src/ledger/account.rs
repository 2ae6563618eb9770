//! Running totals under their caps.

use folkmoot_proto::reason::{Reason, Refusal};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::params;

use super::Step;
use crate::audit::{Action, Record, chain};
use crate::policy::{Limit, Nano, Scope};

/// One running total.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Budget year.
    pub year: String,
    /// What it is about.
    pub scope: Scope,
    /// Which role, analyst, purpose, measure or query; empty for the year.
    pub name: String,
    /// Charged for good.
    pub used: Nano,
    /// Reserved for answers under way.
    pub reserved: Nano,
}

/// The budget year of a moment: from 1 April to 31 March, as councils count, by UTC. `2026-27` for June 2026.
pub fn year_of(moment: Timestamp) -> String {
    let date = moment.to_zoned(TimeZone::UTC).date();
    let first = if date.month() >= 4 { date.year() } else { date.year() - 1 };
    format!("{first}-{:02}", (first + 1).rem_euclid(100))
}

/// The name of a limit as entries carry it.
pub(crate) fn label(scope: Scope, name: &str) -> String {
    format!("{}:{name}", scope.word())
}

pub(crate) fn signed(nano: Nano) -> i64 {
    i64::try_from(nano.0).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(nano: i64) -> Nano {
    Nano(nano.unsigned_abs())
}

/// Whether a price fits under every cap; names the first that it does not.
pub(crate) fn fits(
    step: &Step<'_>,
    year: &str,
    limits: &[Limit],
    price: Nano,
) -> rusqlite::Result<Result<(), Refusal>> {
    if price == Nano(0) {
        return Ok(Ok(()));
    }
    for limit in limits {
        let left = left(step, year, limit)?;
        if price > left {
            let whose = match limit.scope {
                Scope::Year => "the yearly privacy budget of this council's people".to_owned(),
                Scope::Query => "what one question may cost with all its attempts".to_owned(),
                Scope::Analyst => "what all questions of this analyst may cost in a year".to_owned(),
                scope => format!("the yearly budget of the {} '{}'", scope.word(), limit.name),
            };
            let sentence = format!(
                "{whose} would be passed: the question costs rho {price}, and rho {left} of {} is left",
                limit.cap
            );
            let refusal = Refusal::new(Reason::BudgetSpent, sentence)
                .with("scope", limit.scope.word())
                .with("price_nano", price.0)
                .with("left_nano", left.0);
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

/// What is left under one limit.
pub(crate) fn left(step: &Step<'_>, year: &str, limit: &Limit) -> rusqlite::Result<Nano> {
    let taken = step.one(
        "SELECT used + reserved FROM account WHERE year = ?1 AND scope = ?2 AND name = ?3",
        params![year, limit.scope.word(), limit.name],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(Nano(limit.cap.0.saturating_sub(unsigned(taken.unwrap_or(0)).0)))
}

/// Puts a price aside on every account. [`fits`] was asked in the same transaction; the table's own check is behind it.
pub(super) fn reserve(
    step: &Step<'_>,
    attempt: i64,
    year: &str,
    limits: &[Limit],
    price: Nano,
) -> rusqlite::Result<()> {
    if price == Nano(0) {
        return Ok(());
    }
    for limit in limits {
        let (scope, name) = (limit.scope.word(), limit.name.as_str());
        step.execute(
            "INSERT INTO account (year, scope, name, cap, used, reserved) VALUES (?1, ?2, ?3, ?4, 0, 0)
             ON CONFLICT DO NOTHING",
            params![year, scope, name, signed(limit.cap)],
        )?;
        step.execute(
            "UPDATE account SET cap = ?4, reserved = reserved + ?5 WHERE year = ?1 AND scope = ?2 AND name = ?3",
            params![year, scope, name, signed(limit.cap), signed(price)],
        )?;
        step.execute("INSERT INTO holding (attempt, scope, name) VALUES (?1, ?2, ?3)", params![attempt, scope, name])?;
    }
    Ok(())
}

/// Counts as spent what may have been, or was, spent elsewhere, whether or not it fits under the cap of the day.
pub(super) fn assume(step: &Step<'_>, year: &str, scope: Scope, name: &str, nano: Nano) -> rusqlite::Result<()> {
    step.execute(
        "INSERT INTO account (year, scope, name, cap, used, reserved) VALUES (?1, ?2, ?3, ?4, ?4, 0)
         ON CONFLICT DO UPDATE SET cap = max(cap, used + reserved + ?4), used = used + ?4",
        params![year, scope.word(), name, signed(nano)],
    )
    .map(drop)
}

const MOVE: &str = "UPDATE account SET used = used + ?2, reserved = reserved - ?3
    WHERE year = (SELECT year FROM attempt WHERE id = ?1)
      AND (scope, name) IN (SELECT scope, name FROM holding WHERE attempt = ?1)";

/// Makes a reservation a charge.
pub(super) fn charge(step: &Step<'_>, attempt: i64, price: Nano) -> rusqlite::Result<()> {
    step.execute(MOVE, params![attempt, signed(price), signed(price)]).map(drop)
}

/// The accounts an attempt stands on, as entries name them.
pub(super) fn held_on(step: &Step<'_>, attempt: i64) -> rusqlite::Result<Vec<String>> {
    step.all("SELECT scope || ':' || name FROM holding WHERE attempt = ?1 ORDER BY 1", params![attempt], |row| {
        row.get(0)
    })
}

/// Gives a reservation back. The only way a total goes down, and only while nothing has left.
pub(super) fn refund(step: &Step<'_>, attempt: i64, why: &str) -> rusqlite::Result<()> {
    let found = step.one(
        "SELECT nano, year, number, lower(hex(question)) FROM attempt WHERE id = ?1 AND state = 'reserved'",
        params![attempt],
        |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let Some((nano, year, number, query)) = found else { return Ok(()) };
    step.execute("UPDATE attempt SET state = 'refunded' WHERE id = ?1", params![attempt])?;
    step.execute(MOVE, params![attempt, 0, nano])?;
    step.execute("DELETE FROM family WHERE attempt = ?1", params![attempt])?;
    let mut record = Record::new(Action::Refunded, "node");
    record.query = Some(query);
    record.attempt = Some(number);
    record.nano = Some(unsigned(nano).0);
    record.year = Some(year);
    record.accounts = held_on(step, attempt)?;
    record.decision = Some(why.to_owned());
    chain::append(step, &record)?;
    Ok(())
}

/// Gives back every reservation that has expired: its process died, or its coordinator went away.
pub(super) fn sweep(step: &Step<'_>) -> rusqlite::Result<()> {
    let expired =
        step.all("SELECT id FROM attempt WHERE state = 'reserved' AND expires < ?1", params![step.second()], |row| {
            row.get::<_, i64>(0)
        })?;
    for attempt in expired {
        refund(step, attempt, "the reservation expired before anything left")?;
    }
    Ok(())
}

/// All accounts of a year; of one question only when it still has something reserved.
pub(crate) fn list(step: &Step<'_>, year: &str) -> rusqlite::Result<Vec<Account>> {
    let rows = step.all(
        "SELECT year, scope, name, used, reserved FROM account WHERE year = ?1 ORDER BY scope, name",
        params![year],
        |row| {
            let scope: String = row.get(1)?;
            Ok((row.get(0)?, scope, row.get(2)?, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
        },
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|(year, scope, name, used, reserved)| {
            let scope = Scope::from_word(&scope)?;
            Some(Account { year, scope, name, used: unsigned(used), reserved: unsigned(reserved) })
        })
        .collect())
}
