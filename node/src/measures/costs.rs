//! What services cost, in whole pounds: in the period, or in a week.
//!
//! # Source
//! `6.Costs_fact.sql` (Department of Health and Social Care, June 2026). Kept as published: signs of cost and units do
//! not matter; the frequency wins over the planned units; twelfths and quarters of a year are decimal constants of six
//! digits, cut and not rounded; a service whose end stands before its start has weeks below one, and so a cost of
//! nought or less. Folkmoot's own: each row is rounded to whole pounds, half away from zero, so that a breakdown adds
//! up to its total; the quarter is the question's period.

use folkmoot_proto::codelist::{Coded, CostFrequency, EventType};
use folkmoot_proto::period::ReferencePeriod;

use super::events::coded;
use super::{COUNT, Contributions, Window};
use crate::history::{Cost, Event, History};

/// Fractions of a pound that weekly costs are reckoned in: hundredths times millionths.
const POUND: i128 = 100_000_000;
/// A row of more than this is no cost of care; it keeps sums of millions of rows within 64 bits.
const MOST_POUNDS: i128 = 1_000_000_000_000;

pub(super) fn in_period(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each(history, window.period, out, |event, cost, unit_cost| {
        if cost.frequency.is(CostFrequency::OneOff) {
            return Some((unit_cost * 1_000_000, POUND));
        }
        let first = event.start().max(window.period.first());
        let days = first.days_until(event.end().min(window.period.last())) + 1;
        Some((weekly(cost, unit_cost)?.saturating_mul(i128::from(days)), 7 * POUND))
    });
}

pub(super) fn in_a_week(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each(history, window.period, out, |_, cost, unit_cost| {
        if cost.frequency.is(CostFrequency::OneOff) {
            return None;
        }
        Some((weekly(cost, unit_cost)?, POUND))
    });
}

/// Adds the pounds of every service that runs in the period and has a cost; `pounds` gives them as a fraction.
fn each(
    history: History<'_>,
    period: ReferencePeriod,
    out: &mut Contributions,
    pounds: impl Fn(Event<'_>, Cost, i128) -> Option<(i128, i128)>,
) {
    for event in history.events() {
        if !event.is(EventType::Service) || event.start() > period.last() || event.end() < period.first() {
            continue;
        }
        let Some(cost) = event.cost() else { continue };
        let unit_cost = i128::from(cost.unit_cost.unwrap_or(0)).abs();
        if unit_cost == 0 {
            continue;
        }
        let Some((over, under)) = pounds(event, cost, unit_cost) else { continue };
        let amount = rounded(over, under).clamp(-MOST_POUNDS, MOST_POUNDS) as i64;
        if amount == 0 {
            continue;
        }
        let coordinates = [
            coded(event.service()),
            coded(event.component()),
            coded(event.mechanism()),
            coded(cost.frequency),
            coded(event.client()),
            event.working_age() as usize,
            coded(event.gender()),
            coded(event.reason()),
            coded(event.funding()),
        ];
        out.amount(&coordinates, COUNT, amount);
    }
}

/// Cost of a week in units of [`POUND`]; `None` without usable units. `unit_cost` is in pence, not negative.
fn weekly(cost: Cost, unit_cost: i128) -> Option<i128> {
    let millionths = match cost.frequency {
        Coded::Value(CostFrequency::Weekly) => 1_000_000,
        Coded::Value(CostFrequency::Fortnightly) => 500_000,
        Coded::Value(CostFrequency::FourWeekly) => 250_000,
        Coded::Value(CostFrequency::Monthly) => 230_769,
        Coded::Value(CostFrequency::Quarterly) => 76_923,
        Coded::Value(CostFrequency::Annually) => 19_230,
        // Hundredths of a unit.
        _ => i128::from(cost.planned_units.unwrap_or(0)).abs() * 10_000,
    };
    (millionths != 0).then(|| unit_cost.saturating_mul(millionths))
}

/// `over / under` to the nearest whole number, half away from zero; `under` is positive.
fn rounded(over: i128, under: i128) -> i128 {
    let (whole, rest) = (over / under, over % under);
    if rest.abs() * 2 >= under { whole + rest.signum() } else { whole }
}
