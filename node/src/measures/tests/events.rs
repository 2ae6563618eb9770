//! Which events a table holds, in which month and with which flag.

use folkmoot_proto::codelist::{
    ClientType, CodeList, Coded, Ethnicity, EventType, Gender, Outcome, ReviewReason, Route, ServiceType,
};

use folkmoot_proto::disclosure::Profile;

use super::scene::{ask, expected, figures, histories, row, span};
use crate::assemble::Variant;
use crate::protect::suppress;
use crate::row::Row;
use crate::tabulate::{Bounding, crowds, tabulate};

fn service(kind: ServiceType, start: &str, end: &str) -> Row {
    let mut row = row(1, EventType::Service, start, end);
    row.service = Coded::Value(kind);
    row
}

fn found(measure: &str, rows: Vec<Row>, by: &[&str], settings: &[(&str, &str)]) -> Vec<(String, i64)> {
    let query = ask(measure, span("2024-04-10", "2024-06-20"), by, settings);
    figures(&histories(rows, Variant::Joined), &query).into_iter().collect()
}

fn months(measure: &str, kind: EventType, start: &str, end: &str, when: &str) -> Vec<String> {
    let rows = vec![row(1, kind, start, end)];
    found(measure, rows, &["month"], &[("when", when)])
        .into_iter()
        .map(|(group, _)| group.replace("month=", ""))
        .collect()
}

#[test]
fn a_request_belongs_to_the_month_in_which_it_ended_or_started() {
    let ended = |start, end| months("REQUESTS", EventType::Request, start, end, "ended");
    let started = |start, end| months("REQUESTS", EventType::Request, start, end, "started");
    assert_eq!(ended("2024-03-01", "2024-04-10"), ["2024-04"]);
    assert!(ended("2024-03-01", "2024-04-09").is_empty());
    assert_eq!(ended("2024-03-01", "2024-06-20"), ["2024-06"]);
    assert!(ended("2024-05-01", "2024-06-21").is_empty());
    assert_eq!(started("2024-05-01", "2024-07-21"), ["2024-05"]);
    assert!(started("2024-04-09", "2024-05-01").is_empty());
    assert_eq!(months("ASSESSMENTS", EventType::Assessment, "2024-03-01", "2024-05-09", "ended"), ["2024-05"]);
    assert_eq!(months("REVIEWS", EventType::Review, "2024-03-01", "2024-05-09", "ended"), ["2024-05"]);
}

#[test]
fn a_service_belongs_to_the_first_month_of_the_period_in_which_it_ran() {
    let months = |start, end, when| months("SERVICES", EventType::Service, start, end, when);
    assert_eq!(months("2023-05-01", "", "ran"), ["2024-04"]);
    assert_eq!(months("2023-05-01", "2024-04-10", "ran"), ["2024-04"]);
    assert!(months("2023-05-01", "2024-04-09", "ran").is_empty());
    assert_eq!(months("2024-06-20", "", "ran"), ["2024-06"]);
    assert!(months("2024-06-21", "", "ran").is_empty());
    assert!(months("2024-04-09", "", "started").is_empty());
    assert_eq!(months("2024-05-01", "", "started"), ["2024-05"]);
    assert_eq!(months("2023-05-01", "2024-06-01", "ended"), ["2024-06"]);
    assert!(months("2024-05-01", "", "ended").is_empty());
}

#[test]
fn the_long_term_flag_says_whether_such_a_service_ran_when_the_event_started() {
    for (kind, start, end, flag) in [
        (ServiceType::Community, "2024-05-01", "", "Yes"),
        (ServiceType::Prison, "2024-01-01", "2024-05-01", "Yes"),
        (ServiceType::Nursing, "2024-01-01", "2024-04-30", "No"),
        (ServiceType::Residential, "2024-05-02", "", "No"),
        (ServiceType::StMax, "2024-01-01", "", "No"),
    ] {
        for (measure, event) in
            [("REQUESTS", EventType::Request), ("ASSESSMENTS", EventType::Assessment), ("REVIEWS", EventType::Review)]
        {
            let rows = vec![service(kind, start, end), row(1, event, "2024-05-01", "2024-05-20")];
            let flags = found(measure, rows, &["long_term_support"], &[]);
            assert_eq!(flags, [(format!("long_term_support={flag}"), 1)], "{measure} {kind:?} {start} {end}");
        }
    }
}

#[test]
fn every_value_of_a_row_has_a_place_blank_and_invalid_ones_too() {
    let mut rows = Vec::new();
    for outcome in Outcome::ALL.iter().copied().map(Coded::Value).chain([Coded::Invalid, Coded::Blank]) {
        let mut request = row(rows.len() as u32, EventType::Request, "2024-05-01", "2024-05-02");
        request.outcome = outcome;
        request.route = if outcome == Coded::Blank { Coded::Blank } else { Coded::Value(Route::Prison) };
        request.client = if outcome == Coded::Blank { Coded::Invalid } else { Coded::Value(ClientType::UnpaidCarer) };
        request.gender = Coded::Value(Gender::Other);
        request.ethnicity = if outcome == Coded::Invalid { Coded::Invalid } else { Coded::Value(Ethnicity::Refused) };
        rows.push(request);
    }
    let histories = histories(rows, Variant::Joined);
    let by = |name| figures(&histories, &ask("REQUESTS", span("2024-05-01", "2024-05-31"), &[name], &[]));
    assert_eq!(
        by("outcome_group"),
        expected(&[
            ("outcome_group=Progress to reablement/ST-Max", 1),
            ("outcome_group=Progress to assessment, review or reassessment", 1),
            ("outcome_group=Release 1 specification only: Not mapped", 1),
            ("outcome_group=Progress to support planning or services", 1),
            ("outcome_group=Continuation of support or services", 1),
            ("outcome_group=Admitted to hospital", 1),
            ("outcome_group=NFA", 11),
            ("outcome_group=Invalid and not mapped", 1),
            ("outcome_group=Blank", 1),
        ])
    );
    assert_eq!(by("event_outcome").len(), 19);
    assert_eq!(by("route_of_access"), expected(&[("route_of_access=Prison", 18), ("route_of_access=Blank", 1)]));
    assert_eq!(
        by("client_type"),
        expected(&[("client_type=Unpaid carer", 18), ("client_type=Invalid and not mapped", 1)])
    );
    assert_eq!(by("ethnic_group"), expected(&[("ethnic_group=No data", 18), ("ethnic_group=Unknown", 1)]));
    assert_eq!(by("gender"), expected(&[("gender=Other", 19)]));
    assert_eq!(by("age_band"), expected(&[("age_band=65 and above", 19)]));
}

#[test]
fn reviews_and_services_are_grouped_as_nationally() {
    let mut rows = Vec::new();
    for reason in ReviewReason::ALL.iter().copied().map(Coded::Value).chain([Coded::Invalid, Coded::Blank]) {
        let mut review = row(rows.len() as u32, EventType::Review, "2024-05-01", "2024-05-02");
        review.review_reason = reason;
        rows.push(review);
    }
    for (place, kind) in ServiceType::ALL.iter().copied().map(Coded::Value).chain([Coded::Invalid]).enumerate() {
        let mut service = row(place as u32, EventType::Service, "2024-05-01", "");
        service.service = kind;
        rows.push(service);
    }
    let histories = histories(rows, Variant::Joined);
    let by = |measure, name| figures(&histories, &ask(measure, span("2024-05-01", "2024-05-31"), &[name], &[]));
    assert_eq!(
        by("REVIEWS", "review_type"),
        expected(&[
            ("review_type=Planned review of long term support", 1),
            ("review_type=Unplanned", 6),
            ("review_type=Review of short term support", 1),
            ("review_type=Review Type Unknown", 1),
            ("review_type=Blank", 1),
        ])
    );
    assert_eq!(
        by("SERVICES", "service_group"),
        expected(&[
            ("service_group=Long term support", 4),
            ("service_group=Short term support", 3),
            ("service_group=Unpaid carer support", 2),
            ("service_group=Unknown", 1),
        ])
    );
}

/// Twelve services of one person and eight of others: a rule that looked at the number alone would show the twelve.
#[test]
fn events_of_one_person_are_hidden_however_many_they_are() {
    let of = |person, months: std::ops::Range<u32>| {
        months.map(move |month| {
            let mut row = row(person, EventType::Service, &format!("2024-05-{:02}", month + 1), "2024-06-20");
            row.service = Coded::Value(if person == 1 { ServiceType::Nursing } else { ServiceType::Community });
            row
        })
    };
    let rows = of(1, 0..12).chain((2..10).flat_map(|person| of(person, 0..1))).collect();
    let query = ask("SERVICES", span("2024-04-01", "2024-06-30"), &["service_type"], &[]);
    let histories = histories(rows, Variant::Joined);
    let (layout, counts) = tabulate(&histories, &query, Bounding::Official).unwrap();
    let crowds = crowds(&histories, &query).unwrap();
    let shown = suppress(&counts, &crowds, &layout, query.measure(), Profile::Hospital);
    let of = |label: &str| {
        let cell = (0..layout.cells()).find(|&cell| layout.group(cell) == format!("service_type={label}")).unwrap();
        (counts.cells()[cell], crowds.of(cell).people, shown.figures()[cell].shown())
    };
    assert_eq!(of(ServiceType::Nursing.label()), (12, 1, None));
    assert_eq!(of(ServiceType::Community.label()).1, 8);
}
