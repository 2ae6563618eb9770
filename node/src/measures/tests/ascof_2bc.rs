//! ASCOF 2B and 2C: the published one-line facts.

use super::kit::*;

const HEADER: &str = "row,person,client,birth,death,event_type,service_type,component,start,end,outcome\n";
const STAY: &str = "1,P,,1950-01,,,Long term support: Residential care,Long term residential care,2024-06-01,,";

/// Admissions aged 18 to 64, and 65 and above.
fn counts(rows: &[&str], variant: &str) -> (i64, i64) {
    let csv = format!("{HEADER}{}", rows.join("\n"));
    let histories = one_file(&csv, span("2023-04-01", "2025-03-31"), year());
    let count = |measure, group| at(&asked(&histories, measure, year(), None, &[("variant", variant)]), group);
    (count("ASCOF-2B", "age_band=18 to 64/count"), count("ASCOF-2C", "age_band=65 and above/count"))
}

fn official(rows: &[&str]) -> (i64, i64) {
    counts(rows, "official")
}

#[test]
fn an_admission_counts_when_all_is_there() {
    assert_eq!(official(&[STAY]), (0, 1));
    assert_eq!(official(&[&changed(STAY, "1950-01", "1980-01")]), (1, 0));
    assert_eq!(official(&[&changed(STAY, "1950-01", "")]), (0, 0), "unknown age");
    assert_eq!(official(&[&changed(STAY, "1950-01", "2010-01")]), (0, 0), "under 18");
    assert_eq!(official(&[&changed(STAY, "P,,", "P,Unpaid carer,")]), (0, 0));
    assert_eq!(official(&[&changed(STAY, "Long term residential care", "Short term residential care")]), (0, 0));
    assert_eq!(official(&[&changed(STAY, "Long term residential care", "Day support")]), (0, 0));
    assert_eq!(official(&[&changed(STAY, "Long term residential care", "Long term nursing care")]), (0, 1));
    assert_eq!(official(&[&changed(STAY, "Residential care", "Community")]), (0, 0));
    assert_eq!(official(&[&changed(STAY, "2024-06-01", "2024-04-01")]), (0, 1), "first day");
    assert_eq!(official(&[&changed(STAY, "2024-06-01", "2024-03-31")]), (0, 0), "the day before");
    assert_eq!(official(&[&changed(STAY, "2024-06-01,", "2024-06-01,2024-05-01")]), (0, 1), "ends are not looked at");
}

#[test]
fn a_blank_component_is_lost_unless_the_documented_variant_is_asked_for() {
    let blank = changed(STAY, "Long term residential care", "");
    assert_eq!(official(&[&blank]), (0, 0));
    assert_eq!(counts(&[&blank], "documented"), (0, 1));
    assert_eq!(counts(&[&changed(STAY, "Long term residential care", "INVALID")], "documented"), (0, 0));
}

#[test]
fn a_stay_that_ended_364_days_before_makes_it_old_and_365_new() {
    let earlier =
        |end: &str| format!("2,P,,1950-01,,,Long term support: Nursing care,Long term nursing care,2023-04-01,{end},");
    assert_eq!(official(&[STAY, &earlier("2023-06-03")]), (0, 0), "364 days");
    assert_eq!(official(&[STAY, &earlier("2023-06-02")]), (0, 1), "365 days");
    assert_eq!(official(&[STAY, &earlier("")]), (0, 0), "open");
    let same_day = "2,P,,1950-01,,,Long term support: Nursing care,Long term nursing care,2024-06-01,,";
    assert_eq!(official(&[STAY, same_day]), (0, 1), "starting on the same day is not earlier");
}

#[test]
fn self_funded_stays_are_out_and_block_later_ones() {
    let paid = format!("{STAY}NFA: Self-funded client or under 12wk disregard");
    assert_eq!(official(&[&paid]), (0, 0));
    let later = "2,P,,1950-01,,,Long term support: Nursing care,Long term nursing care,2024-07-01,,";
    assert_eq!(official(&[&paid, later]), (0, 0));
}

#[test]
fn who_is_admitted_in_both_bands_counts_in_the_younger() {
    let rows = [
        "1,P,,1959-08,,,Long term support: Nursing care,Long term nursing care,2024-06-01,2024-06-01,",
        "2,P,,1959-08,,,Long term support: Nursing care,Long term nursing care,2023-04-01,2023-05-01,",
    ];
    assert_eq!(official(&rows), (1, 0));
}
