//! The national arithmetic of costs, row by row.

use folkmoot_proto::codelist::{CodeList, Coded, CostFrequency, EventType, ServiceType};
use proptest::prelude::*;

use super::scene::{ask, day, expected, figures, histories, row, span};
use crate::assemble::Variant;
use crate::row::Row;

fn line(frequency: Coded<CostFrequency>, cost: Option<i64>, units: Option<i64>, start: &str, end: &str) -> Row {
    let mut row = row(1, EventType::Service, start, end);
    row.service = Coded::Value(ServiceType::Community);
    (row.cost_frequency, row.unit_cost, row.planned_units) = (frequency, cost, units);
    row
}

/// Pounds in the first quarter of 2024-25 (91 days, 13 weeks) and in a week.
fn pounds(rows: Vec<Row>) -> (i64, i64) {
    let histories = histories(rows, Variant::Single);
    let of = |measure| {
        figures(&histories, &ask(measure, span("2024-04-01", "2024-06-30"), &[], &[])).into_values().sum::<i64>()
    };
    (of("COSTS"), of("COSTS-WEEKLY"))
}

#[test]
fn each_frequency_has_its_units_a_week() {
    for (frequency, units, period, week) in [
        (CostFrequency::Weekly, None, 1_300_000, 100_000),
        (CostFrequency::Weekly, Some(700), 1_300_000, 100_000),
        (CostFrequency::Fortnightly, None, 650_000, 50_000),
        (CostFrequency::FourWeekly, None, 325_000, 25_000),
        // 12/52, 4/52 and 1/52 as decimals of six digits.
        (CostFrequency::Monthly, None, 300_000, 23_077),
        (CostFrequency::Quarterly, None, 100_000, 7_692),
        (CostFrequency::Annually, None, 24_999, 1_923),
        (CostFrequency::Hourly, Some(150), 1_950_000, 150_000),
        (CostFrequency::PerSession, Some(-150), 1_950_000, 150_000),
        (CostFrequency::Daily, Some(100), 1_300_000, 100_000),
        (CostFrequency::Daily, Some(0), 0, 0),
        (CostFrequency::Daily, None, 0, 0),
        (CostFrequency::OneOff, None, 100_000, 0),
        (CostFrequency::OneOff, Some(900), 100_000, 0),
    ] {
        let row = line(Coded::Value(frequency), Some(10_000_000), units, "2023-05-01", "");
        assert_eq!(pounds(vec![row]), (period, week), "{frequency:?} {units:?}");
    }
    for unlisted in [Coded::Blank, Coded::Invalid] {
        assert_eq!(pounds(vec![line(unlisted, Some(100), Some(200), "2023-05-01", "")]), (26, 2));
        assert_eq!(pounds(vec![line(unlisted, Some(100), None, "2023-05-01", "")]), (0, 0));
    }
}

#[test]
fn signs_do_not_matter_and_rows_without_cost_are_left_out() {
    let weekly = Coded::Value(CostFrequency::Weekly);
    assert_eq!(pounds(vec![line(weekly, Some(-10_000), None, "2023-05-01", "")]), (1_300, 100));
    assert_eq!(pounds(vec![line(weekly, Some(0), None, "2023-05-01", "")]), (0, 0));
    assert_eq!(pounds(vec![line(weekly, None, None, "2023-05-01", "")]), (0, 0));
    // Two lines of one package, which differ in cost alone, both count.
    let two = vec![line(weekly, Some(100), None, "2023-05-01", ""), line(weekly, Some(200), None, "2023-05-01", "")];
    assert_eq!(pounds(two), (39, 3));
    // Not a service: no cost.
    let mut review = line(weekly, Some(100), None, "2024-05-01", "2024-05-02");
    review.event = crate::row::EventKind::Known(EventType::Review);
    assert_eq!(pounds(vec![review]), (0, 0));
}

#[test]
fn only_the_days_within_the_period_cost() {
    let of = |start, end| pounds(vec![line(Coded::Value(CostFrequency::Weekly), Some(700), None, start, end)]);
    assert_eq!(of("2024-04-01", "2024-04-01"), (1, 7));
    assert_eq!(of("2023-05-01", "2024-04-14"), (14, 7));
    assert_eq!(of("2024-06-30", ""), (1, 7));
    assert_eq!(of("2024-07-01", ""), (0, 0));
    assert_eq!(of("2023-05-01", "2024-03-31"), (0, 0));
    // As published, an end before the start takes days away.
    assert_eq!(of("2024-05-10", "2024-05-01"), (-8, 7));
}

#[test]
fn a_row_is_rounded_half_away_from_zero() {
    let one_off =
        |pence| pounds(vec![line(Coded::Value(CostFrequency::OneOff), Some(pence), None, "2024-05-01", "")]).0;
    assert_eq!((one_off(49), one_off(50), one_off(149), one_off(150)), (0, 1, 1, 2));
}

#[test]
fn an_absurd_cost_does_not_upset_the_sums() {
    let hourly = Coded::Value(CostFrequency::Hourly);
    let (period, week) = pounds(vec![line(hourly, Some(i64::MAX), Some(i64::MIN), "2024-05-01", "")]);
    assert_eq!((period, week), (1_000_000_000_000, 1_000_000_000_000));
}

#[test]
fn the_joined_table_has_no_costs_and_dimensions_are_those_of_the_row() {
    let row = line(Coded::Value(CostFrequency::Weekly), Some(10_000), None, "2024-04-01", "");
    let query = ask("COSTS-WEEKLY", span("2024-04-01", "2024-06-30"), &["service_type", "age_band"], &[]);
    assert!(figures(&histories(vec![row.clone()], Variant::Joined), &query).is_empty());
    assert_eq!(
        figures(&histories(vec![row], Variant::Single), &query),
        expected(&[("age_band=65 and above;service_type=Long term support: Community", 100)])
    );
}

proptest! {
    /// A second reckoning in floating point, within a penny of the fraction that is rounded.
    #[test]
    fn floating_point_agrees(
        frequency in 0_usize..12, cost in -50_000_i64..50_000, units in -900_i64..900, from in -40_i32..100, last in 0_i32..60,
    ) {
        let coded = CostFrequency::ALL.get(frequency).map_or(Coded::Blank, |value| Coded::Value(*value));
        let start = day("2024-04-01").plus_days(from);
        let end = start.plus_days(last);
        let row = line(coded, Some(cost), Some(units), &start.to_string(), &end.to_string());
        let a_week = match coded.value().map(CodeList::label) {
            Some("Weekly") => 1.0,
            Some("Fortnightly") => 0.5,
            Some("4-weekly") => 0.25,
            Some("Monthly") => 0.230_769,
            Some("Quarterly") => 0.076_923,
            Some("Annually") => 0.019_230,
            _ => units.abs() as f64 / 100.0,
        };
        let (first, final_day) = (start.max(day("2024-04-01")), end.min(day("2024-06-30")));
        let overlap = start <= day("2024-06-30") && end >= day("2024-04-01");
        let weeks = f64::from(first.days_until(final_day) + 1) / 7.0;
        let cost = cost.abs() as f64 / 100.0;
        let one_off = coded.is(CostFrequency::OneOff);
        let wanted = if !overlap { 0.0 } else if one_off { cost } else { cost * a_week * weeks };
        let week = if !overlap || one_off { 0.0 } else { cost * a_week };
        let found = pounds(vec![row]);
        prop_assert!((found.0 as f64 - wanted).abs() <= 0.500_001, "{} for {wanted}", found.0);
        prop_assert!((found.1 as f64 - week).abs() <= 0.500_001, "{} for {week}", found.1);
    }
}
