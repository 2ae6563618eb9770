//! ASCOF 3D: each row of the table of categories, and the published one-line facts.

use super::kit::*;

const HEADER: &str = "row,person,client,birth,death,event_type,service_type,component,mechanism,start,end,outcome\n";

fn with(rows: &[&str], measure: &str) -> Figures {
    let csv = format!("{HEADER}{}", rows.join("\n"));
    figures(&one_file(&csv, span("2023-04-01", "2025-03-31"), year()), measure, year())
}

/// The one arrangement that a client with these rows counts in, if any.
fn client(rows: &[&str]) -> Option<String> {
    only(&with(rows, "ASCOF-3D-CLIENTS"))
}

/// The one arrangement that a carer with these rows counts in, if any.
fn carer(rows: &[&str]) -> Option<String> {
    only(&with(rows, "ASCOF-3D-CARERS"))
}

fn only(found: &Figures) -> Option<String> {
    let mut cells = found.iter().filter(|(name, _)| name.contains("age_band") && name.contains("support="));
    let cell = cells.next().map(|(name, _)| name.split("support=").nth(1).unwrap().replace("/count", ""));
    assert!(cells.next().is_none(), "one person, one cell");
    cell
}

#[test]
fn a_client_counts_by_the_highest_ranked_row_of_the_last_day() {
    let row = |service: &str, component: &str, mechanism: &str| {
        format!("1,A,,1980-01,,,{service},{component},{mechanism},2024-05-01,,")
    };
    let community = "Long term support: Community";
    for (component, mechanism, expected) in [
        ("", "Direct payment", "Direct payment"),
        ("Direct payment", "CASSR managed personal budget", "Direct payment"),
        ("Direct payment", "", "Direct payment"),
        ("", "CASSR managed personal budget", "CASSR managed personal budget"),
        ("Meals", "CASSR commissioned support", "CASSR commissioned support"),
        ("", "", "Unknown"),
        ("Meals", "INVALID", "Unknown"),
    ] {
        assert_eq!(
            client(&[&row(community, component, mechanism)]).as_deref(),
            Some(expected),
            "{component} {mechanism}"
        );
    }
    for service in
        ["Long term support: Nursing care", "Long term support: Residential care", "Long term support: Prison"]
    {
        assert_eq!(client(&[&row(service, "", "Direct payment")]), None, "{service}");
    }
    let budget = "1,A,,1980-01,,,Long term support: Community,,CASSR managed personal budget,2024-05-01,,";
    let payment = "2,A,,1980-01,,,Long term support: Community,,Direct payment,2023-05-01,,";
    assert_eq!(client(&[budget, payment]).as_deref(), Some("Direct payment"));
    let home = "3,A,,1980-01,,,Long term support: Residential care,,,2024-05-01,,";
    assert_eq!(client(&[budget, payment, home]), None, "somebody also in a care home is out of scope");
    let prison = "3,A,,1980-01,,,Long term support: Prison,,,2024-05-01,,";
    assert_eq!(client(&[budget, prison]).as_deref(), Some("CASSR managed personal budget"));
}

#[test]
fn a_service_counts_when_it_ends_on_the_last_day_and_not_the_day_before() {
    let row = |birth: &str, death: &str, end: &str| {
        format!("1,A,,{birth},{death},,Long term support: Community,,Direct payment,2024-05-01,{end},")
    };
    assert!(client(&[&row("1980-01", "", "2025-03-31")]).is_some());
    assert!(client(&[&row("1980-01", "", "2025-03-30")]).is_none());
    assert!(client(&[&row("1980-01", "2025-03-31", "")]).is_some(), "died on the last day");
    assert!(client(&[&row("1980-01", "2025-03-30", "")]).is_none());
    assert!(client(&[&row("2008-01", "", "")]).is_none(), "under 18");
    let unknown = with(&[&row("", "", "")], "ASCOF-3D-1A");
    exactly(&unknown, &[("age_band=Unknown/yes", 1), ("/yes", 1)]);
}

#[test]
fn ages_are_those_at_the_end_of_the_period_asked_for_not_of_the_build() {
    // 64 on the last day of the period, 65 at the end of the build a year later; the others 17 and then 18.
    let csv = format!(
        "{HEADER}1,A,,1960-04,,,Long term support: Community,,Direct payment,2024-05-01,,\n\
         2,B,Unpaid carer,1960-04,,,Unpaid carer support: Direct to unpaid carer,,Direct payment,2024-05-01,,\n\
         3,C,,2007-04,,,Long term support: Community,,Direct payment,2024-05-01,,"
    );
    let histories = one_file(&csv, span("2023-04-01", "2026-03-31"), span("2025-04-01", "2026-03-31"));
    for measure in ["ASCOF-3D-CLIENTS", "ASCOF-3D-CARERS"] {
        let found = figures(&histories, measure, year());
        assert_eq!(only(&found).as_deref(), Some("Direct payment"), "{measure}");
        assert_eq!(at(&found, "age_band=18 to 64;support=Direct payment/count"), 1, "{measure}");
        let later = figures(&histories, measure, span("2025-04-01", "2026-03-31"));
        assert_eq!(at(&later, "age_band=65 and above;support=Direct payment/count"), 1, "{measure}");
    }
    let later = figures(&histories, "ASCOF-3D-CLIENTS", span("2025-04-01", "2026-03-31"));
    assert_eq!(at(&later, "age_band=18 to 64;support=Direct payment/count"), 1, "of age by then");
}

#[test]
fn a_carer_counts_by_the_first_condition_that_applies() {
    let direct = "Unpaid carer support: Direct to unpaid carer";
    let involving = "Unpaid carer support: Support involving the person cared-for";
    let advice = "NFA: Information and advice or signposting";
    for (event, service, component, mechanism, outcome, expected) in [
        ("Service", direct, "", "Direct payment", "", Some("Direct payment")),
        ("Service", direct, "Direct payment", "", "", Some("Direct payment")),
        ("Service", direct, "Direct payment", "CASSR commissioned support", "", Some("Direct payment")),
        (
            "Service",
            direct,
            "Unpaid carer respite",
            "CASSR managed personal budget",
            "",
            Some("CASSR managed personal budget"),
        ),
        (
            "Service",
            direct,
            "Unpaid carer respite",
            "CASSR commissioned support",
            "",
            Some("CASSR commissioned support"),
        ),
        ("Service", direct, "Unpaid carer respite", "", "", Some("Unknown")),
        ("Service", direct, "INVALID", "INVALID", "", Some("Unknown")),
        ("Service", direct, "", "CASSR managed personal budget", "", None),
        ("Service", direct, "", "CASSR commissioned support", "", None),
        ("Service", direct, "", "", "", None),
        ("Service", involving, "Unpaid carer respite", "Direct payment", "", None),
        ("Assessment", "", "", "", "", None),
        ("Review", "", "", "", advice, None),
        ("Request", "", "", "", advice, None),
    ] {
        for client in ["Unpaid carer", "Unpaid carer known by association"] {
            let row = format!(
                "1,A,{client},1980-01,,{event},{service},{component},{mechanism},2024-05-01,2024-06-01,{outcome}"
            );
            assert_eq!(carer(&[&row]).as_deref(), expected, "{row}");
            let row = row.replace(&format!("A,{client},"), "A,Service user,");
            assert_eq!(carer(&[&row]), None, "only carers count");
        }
    }
}

#[test]
fn an_unknown_arrangement_of_a_carer_is_outside_both_rates() {
    let row = |number: usize, mechanism: &str| {
        format!(
            "{number},P{number},Unpaid carer,1950-01,,,Unpaid carer support: Direct to unpaid carer,Unpaid carer respite,\
             {mechanism},2024-05-01,2024-06-01,"
        )
    };
    let rows = [
        row(1, "Direct payment"),
        row(2, "CASSR managed personal budget"),
        row(3, "CASSR commissioned support"),
        row(4, ""),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(ratio(&with(&rows, "ASCOF-3D-1B"), "age_band=65 and above"), (2, 3));
    assert_eq!(ratio(&with(&rows, "ASCOF-3D-2B"), ""), (1, 3));
    assert_eq!(with(&rows, "ASCOF-3D-CARERS").values().sum::<i64>(), 8, "four cells and their sums over ages");
}
