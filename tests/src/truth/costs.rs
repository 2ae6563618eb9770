//! What services cost, from the latest single file of twelve months.

use jiff::civil::Date;

use super::joined::Joined;
use super::reached::mark;
use super::read::Row;
use super::table::Table;
use super::{Error, Question, days, events};

const DIMENSIONS: &[&str] = &[
    "service_type",
    "service_component",
    "delivery_mechanism",
    "cost_frequency",
    "client_type",
    "age_band",
    "gender",
    "primary_support_reason",
    "client_funding",
];

/// Millionths of a week's worth that one unit of the frequency is; `None` where the planned units tell.
///
/// The official engine has the ratios as constants of six digits.
fn units_a_week(frequency: &str) -> Option<i128> {
    match frequency {
        "Weekly" => Some(1_000_000),
        "Fortnightly" => Some(500_000),
        "4-weekly" => Some(250_000),
        "Monthly" => Some(230_769),
        "Quarterly" => Some(76_923),
        "Annually" => Some(19_230),
        _ => None,
    }
}

/// Pounds of a service in the period, or in one week; `None` when it has no usable cost.
///
/// Nothing asks whether a service ends after it starts, so one that does not has weeks, and a cost, below zero.
fn pounds(row: &Row, (from, to): (Date, Date), weekly: bool) -> Option<i64> {
    let start = row.start.filter(|start| *start <= to)?;
    if row.end.is_some_and(|end| end < from) {
        return None;
    }
    let cost = i128::from(row.unit_cost.unwrap_or(0).abs());
    if cost == 0 {
        return None;
    }
    if mark("costs: one-off", row.frequency == "One-off") {
        return if weekly { None } else { Some(rounded(cost, 100)) };
    }
    // In millionths.
    let units = match units_a_week(&row.frequency) {
        Some(units) => {
            mark("costs: the frequency wins", row.units.is_some_and(|planned| planned != 0));
            units
        }
        None => i128::from(row.units.unwrap_or(0).abs()) * 10_000,
    };
    if units == 0 {
        return None;
    }
    mark("costs: planned units", units_a_week(&row.frequency).is_none());
    if weekly {
        return Some(rounded(cost * units, 100 * 1_000_000));
    }
    let days = days(start.max(from), row.end.map_or(to, |end| end.min(to))) + 1;
    mark("costs: below zero", days < 0);
    Some(rounded(cost * units * i128::from(days), 100 * 1_000_000 * 7))
}

/// A fraction to the nearest whole number, halves away from zero.
fn rounded(numerator: i128, denominator: i128) -> i64 {
    mark("costs: half a pound", 2 * (numerator.abs() % denominator) == denominator);
    let size = (2 * numerator.abs() + denominator) / (2 * denominator);
    i64::try_from(size * numerator.signum()).expect("no service costs that much")
}

/// The gross planned cost of services.
pub(super) fn table(single: Option<&Joined>, question: &Question, weekly: bool) -> Result<Table, Error> {
    let mut units = Vec::new();
    for row in single.map(|table| table.rows.as_slice()).unwrap_or_default() {
        if row.event_type != "Service" {
            continue;
        }
        if let Some(pounds) = pounds(row, (question.from, question.to), weekly) {
            let mut categories = Vec::new();
            for name in DIMENSIONS {
                categories.push(events::detail(name, row)?);
            }
            units.push((categories, pounds));
        }
    }
    let mut dimensions = Vec::new();
    for name in DIMENSIONS {
        dimensions.push((*name, events::categories(name, question)?));
    }
    Ok(Table { dimensions, units, own: &["service_type"], totals: &[DIMENSIONS] })
}
