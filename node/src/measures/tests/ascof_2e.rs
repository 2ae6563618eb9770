//! ASCOF 2E: the worked example, and what each single change does to it.

use super::kit::*;
use crate::history::Histories;

const EXAMPLE: &str = "\
row,person,gender,birth,ref,service_type,component,start,end,accommodation,reason
1,A,Female,1980-05,RA,Long term support: Community,Day support,2024-05-01,2024-06-15,Tenant: Private landlord,Learning disability support
2,A,Female,1980-05,RB,Long term support: Community,Day support,2024-07-01,,Unknown,Unknown
3,B,Male,1990-01,RB,Long term support: Community,Home support or domiciliary care,2024-08-01,,Refuge,Learning disability support
4,B,Male,1990-01,RB,Long term support: Community,Day support,2024-08-01,,Owner occupier or shared ownership scheme,Learning disability support
5,C,Male,1950-03,RB,Long term support: Residential care,Long term residential care,2023-05-01,2024-09-30,,Physical support: Personal care support
6,C,Male,1950-03,RB,Long term support: Community,Day support,2024-10-01,,,Physical support: Personal care support
7,D,Unknown,1940-12,RB,Long term support: Nursing care,Long term nursing care,2022-01-01,,Registered nursing home,Physical support: Personal care support
8,E,Female,,RB,Long term support: Community,Day support,2024-09-01,,Tenant: Private landlord,Physical support: Personal care support
9,F,Female,1959-09,RA,Long term support: Community,Day support,2023-10-01,2024-06-30,Tenant: Local authority or other social housing provider,Physical support: Personal care support
10,F,Female,1959-09,RB,Long term support: Community,Day support,2024-04-01,2024-05-20,Rough sleeper or squatting,Physical support: Personal care support";

/// The second file reaches back far enough to hold row 10, which ended before the first one did.
fn histories(csv: &str) -> Histories {
    files(csv, &[("RA", span("2023-04-01", "2024-06-30")), ("RB", span("2024-05-01", "2025-03-31"))], year())
}

fn all(csv: &str) -> Figures {
    figures(&histories(csv), "ASCOF-2E", year())
}

fn learning_disability(csv: &str) -> Figures {
    figures(&histories(csv), "ASCOF-2E-LD", year())
}

fn unknown(csv: &str) -> i64 {
    at(&figures(&histories(csv), "ASCOF-2E-UNKNOWN", year()), "/count")
}

#[test]
fn the_worked_example_comes_out_as_published() {
    let found = all(EXAMPLE);
    for (group, expected) in [
        ("age_band=18 to 64;gender=Female", (1, 2)),
        ("age_band=18 to 64;gender=Male", (1, 1)),
        ("age_band=18 to 64", (2, 3)),
        ("age_band=65 and above;gender=Female", (0, 0)),
        ("age_band=65 and above;gender=Male", (0, 1)),
        ("age_band=65 and above", (0, 2)),
    ] {
        assert_eq!(ratio(&found, group), expected, "{group}");
    }
    assert_eq!(unknown(EXAMPLE), 2);
    let found = learning_disability(EXAMPLE);
    for (group, expected) in [
        ("age_band=18 to 64;gender=Female", (1, 1)),
        ("age_band=18 to 64;gender=Male", (1, 1)),
        ("age_band=18 to 64", (2, 2)),
    ] {
        assert_eq!(ratio(&found, group), expected, "{group}");
    }
    let disabled = asked(&histories(EXAMPLE), "ASCOF-2E-UNKNOWN", year(), Some(&["learning_disability"]), &[]);
    exactly(&disabled, &[("learning_disability=Yes/count", 1), ("learning_disability=No/count", 1), ("/count", 2)]);
    let presumed = figures(&histories(EXAMPLE), "ASCOF-2E-UNKNOWN", year());
    assert_eq!(at(&presumed, "accommodation=Unknown: Presumed at home/count"), 1);
    assert_eq!(at(&presumed, "accommodation=Unknown: Presumed in community/count"), 1);
}

#[test]
fn a_later_start_settles_a_tie() {
    let csv = changed(EXAMPLE, "Day support,2024-08-01", "Day support,2024-08-02");
    assert_eq!(ratio(&all(&csv), "age_band=18 to 64;gender=Male"), (1, 1));
    assert_eq!(unknown(&csv), 1, "B is an owner occupier");
}

#[test]
fn two_telling_components_tell_nothing() {
    let csv = changed(EXAMPLE, "Day support,2024-08-01", "Shared Lives,2024-08-01");
    assert_eq!(ratio(&all(&csv), "age_band=18 to 64;gender=Male"), (0, 1));
    let presumed = figures(&histories(&csv), "ASCOF-2E-UNKNOWN", year());
    exactly(&presumed, &[("accommodation=Unknown: Presumed in community/count", 2), ("/count", 2)]);
}

#[test]
fn an_open_care_home_place_outranks_the_community() {
    let csv = changed(EXAMPLE, "2023-05-01,2024-09-30", "2023-05-01,");
    assert_eq!(unknown(&csv), 1, "C is in a care home, B stays presumed");
    assert_eq!(ratio(&all(&csv), "age_band=65 and above;gender=Male"), (0, 1));
}

#[test]
fn within_one_file_the_later_end_wins() {
    let csv = changed(EXAMPLE, "10,F,Female,1959-09,RB", "10,F,Female,1959-09,RA");
    assert_eq!(ratio(&all(&csv), "age_band=18 to 64;gender=Female"), (2, 2), "F is a tenant");
}

#[test]
fn those_who_died_before_the_period_or_whose_support_ended_before_it_are_out() {
    const ONE: &str = "\
row,person,gender,birth,death,service_type,start,end
1,A,Male,1980-05,,Long term support: Prison,2023-05-01,2024-04-01";
    let count = |csv: &str| {
        let histories = one_file(csv, span("2023-04-01", "2025-03-31"), year());
        ratio(&figures(&histories, "ASCOF-2E", year()), "age_band=18 to 64").1
    };
    assert_eq!(count(ONE), 1, "ends on the first day");
    assert_eq!(count(&changed(ONE, "2024-04-01", "2024-03-31")), 0, "ends the day before");
    assert_eq!(count(&changed(ONE, "1980-05,,", "1980-05,2024-04-01,")), 1, "died on the first day");
    assert_eq!(count(&changed(ONE, "2023-05-01,2024-04-01", "2025-03-31,")), 1, "starts on the last day");
    assert_eq!(count(&changed(ONE, "2023-05-01,2024-04-01", "2024-06-02,2024-06-01")), 0, "ends before it starts");
    assert_eq!(count(&changed(ONE, "1980-05", "2006-05")), 0, "17 at the end of the service");
}
