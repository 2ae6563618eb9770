//! STS001, STS002A, STS002B: each rule and each quirk, as published and as documented.

use std::collections::BTreeMap;

use super::kit::one_file;
use super::scene::{ask, figures, span};

const HEADER: &str = "row,person,birth,death,event_type,route,service_type,start,end,outcome\n";

/// Rows without their number, person and birth; cells of the one dimension that are not nought.
fn count(measure: &str, by: &str, variant: &str, rows: &[&str]) -> BTreeMap<String, i64> {
    let rows: Vec<_> = rows.iter().enumerate().map(|(place, row)| format!("{},A,1940-01,,{row}", place + 1)).collect();
    let histories = one_file(
        &format!("{HEADER}{}", rows.join("\n")),
        span("2022-04-01", "2026-03-31"),
        span("2025-04-01", "2026-03-31"),
    );
    let query = ask(measure, span("2024-04-01", "2025-03-31"), &[by], &[("variant", variant)]);
    figures(&histories, &query).into_iter().map(|(group, n)| (group.replace(&format!("{by}="), ""), n)).collect()
}

fn assert_sequels(measure: &str, rows: &[&str], published: &[(&str, i64)], documented: &[(&str, i64)]) {
    for (variant, expected) in [("official", published), ("documented", documented)] {
        let expected: BTreeMap<_, _> = expected.iter().map(|&(name, n)| (name.to_owned(), n)).collect();
        assert_eq!(count(measure, "sequel", variant, rows), expected, "{measure} {variant}");
    }
}

fn both(measure: &str, rows: &[&str], sequel: &str) {
    assert_sequels(measure, rows, &[(sequel, 1)], &[(sequel, 1)]);
}

fn request(start: &str, end: &str, outcome: &str) -> String {
    format!("Request,Prison,,{start},{end},{outcome}")
}

fn service(kind: &str, start: &str, end: &str) -> String {
    format!(",,{kind},{start},{end},")
}

const COMMUNITY: &str = "Long term support: Community";
const ST_MAX: &str = "Short term support: ST-Max";
const PLAN: &str = "Progress to support planning or services";
const LOST: &str = "Unable to classify";

#[test]
fn the_first_event_must_start_within_28_days_unless_it_is_open() {
    let asked = request("2024-05-01", "2024-05-10", PLAN);
    for (start, end, sequel) in [
        ("2024-05-10", "2024-07-01", COMMUNITY),
        ("2024-06-07", "2024-07-01", COMMUNITY),
        ("2024-06-08", "2024-07-01", LOST),
        ("2024-06-08", "", COMMUNITY),
    ] {
        both("STS001", &[&asked, &service(COMMUNITY, start, end)], sequel);
    }
    both("STS001", &[&asked], LOST);
    both(
        "STS001",
        &[&request("2024-05-01", "2024-05-10", "NFA: Support declined")],
        "No services provided: Other reason",
    );
    both("STS001", &[&request("2024-05-01", "2024-05-10", "NFA: Deceased")], "No services provided: Deceased");
    let informed = request("2024-05-01", "2024-05-10", "NFA: Information and advice or signposting");
    both("STS001", &[&informed], "Universal services or signposted");
}

#[test]
fn a_chain_breaks_after_three_days_and_at_the_next_request() {
    let asked = request("2024-05-01", "2024-05-10", PLAN);
    let assessed = "Assessment,,,2024-05-12,2024-05-20,";
    both("STS001", &[&asked, assessed, &service(COMMUNITY, "2024-05-23", "")], COMMUNITY);
    both("STS001", &[&asked, assessed, &service(COMMUNITY, "2024-05-24", "")], LOST);
    // The second request is a cluster of its own, and the service follows that one.
    let again = request("2024-05-18", "2024-05-19", PLAN);
    let rows = [&asked, assessed, &again, &service(COMMUNITY, "2024-05-21", "")];
    let expected = [(COMMUNITY, 1), (LOST, 1)];
    assert_sequels("STS001", &rows.map(|row| row as &str), &expected, &expected);
}

#[test]
fn reablement_goes_before_all_other_services_of_the_chain() {
    let asked = request("2024-05-01", "2024-05-10", PLAN);
    let rows = [
        &asked,
        &service("Long term support: Nursing care", "2024-05-11", ""),
        &service(ST_MAX, "2024-05-12", "2024-06-01"),
    ];
    both("STS001", &rows.map(String::as_str), ST_MAX);
}

#[test]
fn the_last_outcome_without_further_action_counts_when_no_service_follows() {
    let asked = request("2024-05-01", "2024-05-10", PLAN);
    let nhs = "Assessment,,,2024-05-12,2024-05-20,NFA: Referral to NHS services or NHS funded social care";
    both("STS001", &[&asked, nhs], "100% NHS funded care");
    let beside = "Review,,,2024-05-13,2024-05-20,";
    both("STS001", &[&asked, nhs, beside], "No services provided: Other reason");
    let planned = "Assessment,,,2024-05-12,2024-05-20,NFA: Support ended as planned";
    both("STS001", &[&asked, planned], LOST);
}

#[test]
fn existing_clients_are_dropped_but_as_published_a_blank_outcome_is_not() {
    for (start, end, new) in [
        ("2023-05-01", "2024-05-01", false),
        ("2023-05-01", "2024-04-30", true),
        ("2024-05-01", "", false),
        ("2023-05-01", "", false),
    ] {
        let rows = [request("2024-05-01", "2024-05-10", "NFA: Deceased"), service(COMMUNITY, start, end)];
        let found = count("STS001", "sequel", "official", &rows.each_ref().map(String::as_str));
        assert_eq!(!found.is_empty(), new, "{start} {end}");
    }
    let rows = [request("2024-05-01", "2024-05-10", ""), service(COMMUNITY, "2023-05-01", "")];
    assert_sequels("STS001", &rows.each_ref().map(String::as_str), &[(LOST, 1)], &[]);
}

#[test]
fn as_published_a_request_without_a_route_is_lost_and_equal_outcomes_count_twice() {
    assert_sequels(
        "STS001",
        &["Request,,,2024-05-01,2024-05-10,NFA: Other"],
        &[],
        &[("No services provided: Other reason", 1)],
    );
    let rows = [
        "Request,Prison,,2024-05-01,2024-05-10,NFA: Other",
        "Request,Self-funder,,2024-05-02,2024-05-10,NFA: Other",
        "Request,Self-funder,,2024-05-03,2024-05-10,",
    ];
    let name = "No services provided: Other reason";
    assert_sequels("STS001", &rows, &[(name, 2)], &[(name, 1)]);
}

#[test]
fn as_published_the_best_request_without_a_route_takes_its_cluster_with_it() {
    let rows = ["Request,,,2024-05-01,2024-05-10,NFA: Deceased", "Request,Prison,,2024-05-02,2024-05-10,NFA: Other"];
    assert_sequels("STS001", &rows, &[], &[("No services provided: Deceased", 1)]);
    // The one with a route is the better: it alone counts.
    let rows = ["Request,,,2024-05-01,2024-05-10,NFA: Other", "Request,Prison,,2024-05-02,2024-05-10,NFA: Deceased"];
    let expected = [("No services provided: Deceased", 1)];
    assert_sequels("STS001", &rows, &expected, &expected);
}

#[test]
fn ages_are_those_at_the_end_of_the_period_and_only_requests_need_a_birth() {
    let bands = |measure: &str, birth: &str| {
        let rows = [
            request("2024-05-01", "2024-05-10", "Progress to reablement/ST-Max"),
            format!(",,{ST_MAX},2024-05-15,2024-06-20,{PLAN}"),
            service(COMMUNITY, "2024-05-11", ""),
        ];
        // The request stands on a row with a birth, so that there is a cohort; the other rows have the one asked for.
        let rows: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(place, row)| format!("{},A,{},,{row}", place + 1, if place == 0 { "1960-04" } else { birth }))
            .collect();
        let histories = one_file(
            &format!("{HEADER}{}", rows.join("\n")),
            span("2022-04-01", "2026-03-31"),
            span("2025-04-01", "2026-03-31"),
        );
        figures(&histories, &ask(measure, span("2024-04-01", "2025-03-31"), &["age_band"], &[]))
    };
    let one = |band: &str| BTreeMap::from([(format!("age_band={band}"), 1)]);
    // 65 a month after the period, and on no row's own last day.
    for (birth, band) in [("1960-04", "18 to 64"), ("1960-03", "65 and above"), ("2007-04", "Under 18")] {
        assert_eq!(bands("STS002B", birth), one(band), "{birth}");
    }
    assert_eq!(bands("STS001", "1960-04"), one("18 to 64"));
    assert_eq!(bands("STS002B", ""), one("Unknown"));
}

#[test]
fn as_published_a_request_of_one_day_accepts_a_sequel_months_later() {
    let rows = [request("2024-05-01", "2024-05-01", PLAN), service(COMMUNITY, "2024-09-01", "2024-10-01")];
    assert_sequels("STS001", &rows.each_ref().map(String::as_str), &[(COMMUNITY, 1)], &[(LOST, 1)]);
}

#[test]
fn requests_join_over_four_days_and_as_published_count_at_their_last_end_in_the_period() {
    let name = "No services provided: Other reason";
    for (start, clusters) in [("2024-05-14", 1), ("2024-05-15", 2)] {
        let rows = [request("2024-05-01", "2024-05-10", "NFA: Other"), request(start, "2024-05-20", "NFA: Other")];
        let rows = rows.each_ref().map(String::as_str);
        assert_sequels("STS001", &rows, &[(name, clusters)], &[(name, clusters)]);
    }
    let rows =
        [request("2025-03-01", "2025-03-10", "NFA: Other"), request("2025-03-12", "2025-04-20", "NFA: Deceased")];
    assert_sequels("STS001", &rows.each_ref().map(String::as_str), &[(name, 1)], &[]);
}

fn reablement(end: &str, outcome: &str, after: &str) -> Vec<String> {
    let mut rows = vec![
        request("2024-05-01", "2024-05-10", "Progress to reablement/ST-Max"),
        format!(",,{ST_MAX},2024-05-15,{end},{outcome}"),
    ];
    if !after.is_empty() {
        rows.push(after.to_owned());
    }
    rows
}

#[test]
fn what_follows_reablement_must_start_within_three_days() {
    for (after, sequel) in [
        (",,Long term support: Prison,2024-06-23,2024-07-01,", "Long term support (any setting)"),
        (",,Long term support: Prison,2024-06-24,2024-07-01,", "Unable to classify"),
        (",,Short term support: Ongoing low level,2024-06-20,2024-07-01,", "Ongoing low level support"),
        (",,Short term support: Other short term,2024-06-20,2024-07-01,", "Short term support (other)"),
        ("Review,,,2024-06-20,2024-06-21,NFA: Support declined", "Support declined"),
        ("Review,,,2024-06-20,2024-06-21,NFA: Deceased", "Early cessation: NHS, end of life or deceased"),
    ] {
        let rows = reablement("2024-06-20", PLAN, after);
        both("STS002A", &rows.iter().map(String::as_str).collect::<Vec<_>>(), sequel);
    }
}

#[test]
fn as_published_an_end_as_planned_is_apart_when_events_follow() {
    let none = reablement("2024-06-20", "NFA: Support ended as planned", "");
    both("STS002A", &none.iter().map(String::as_str).collect::<Vec<_>>(), "No services provided: Other");
    let some = reablement("2024-06-20", "NFA: Support ended as planned", "Review,,,2024-06-20,2024-06-21,");
    assert_sequels(
        "STS002A",
        &some.iter().map(String::as_str).collect::<Vec<_>>(),
        &[("Support ended as planned, no service found", 1)],
        &[("No services provided: Other", 1)],
    );
}

#[test]
fn other_reablement_at_once_leaves_no_chain_at_all() {
    let again = format!(",,{ST_MAX},2024-06-22,2024-07-20,{PLAN}");
    let rows = reablement("2024-06-20", "NFA: Support ended as planned", &again);
    // The other one followed the request as well, and is counted for itself.
    let expected = [("No services provided: Other", 1), (LOST, 1)];
    assert_sequels("STS002A", &rows.iter().map(String::as_str).collect::<Vec<_>>(), &expected, &expected);
}

#[test]
fn reablement_without_a_request_or_still_open_or_ended_later_is_not_in_the_cohort() {
    for rows in
        [vec![format!(",,{ST_MAX},2024-05-15,2024-06-20,")], reablement("", "", ""), reablement("2025-04-01", "", "")]
    {
        let rows: Vec<_> = rows.iter().map(String::as_str).collect();
        assert!(count("STS002A", "sequel", "official", &rows).is_empty(), "{rows:?}");
    }
}

#[test]
fn reablement_of_existing_clients_counts_by_cluster_and_as_published_needs_an_outcome() {
    let rows = |outcome: &str, until: &str, gap: &str| {
        [
            service(COMMUNITY, "2023-05-01", until),
            format!(",,{ST_MAX},2024-05-15,2024-06-20,{outcome}"),
            format!(",,{ST_MAX},{gap},2024-07-20,{outcome}"),
        ]
    };
    for (outcome, until, gap, published, documented) in [
        (PLAN, "", "2024-06-21", 1, 1),
        (PLAN, "", "2024-06-22", 2, 2),
        (PLAN, "2024-05-15", "2024-06-21", 1, 1),
        (PLAN, "2024-05-14", "2024-06-21", 0, 0),
        ("", "", "2024-06-21", 0, 1),
    ] {
        let rows = rows(outcome, until, gap);
        let rows = rows.each_ref().map(String::as_str);
        let of = |variant| count("STS002B", "age_band", variant, &rows).into_values().sum::<i64>();
        assert_eq!((of("official"), of("documented")), (published, documented), "{outcome} {until} {gap}");
    }
}
