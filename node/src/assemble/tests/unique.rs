//! Which rows are one event, where services are cropped, which row is kept.

use super::*;
use folkmoot_proto::codelist::{AssessmentType, CostFrequency, Mechanism, Route};

fn text(id: u32) -> Option<Interned> {
    Some(Interned(id))
}

/// How many events two rows of one file make, under the raw and the cleaned reading.
fn events(one: &Row, other: &Row) -> (usize, usize) {
    let rows = [one.clone(), Row { number: one.number + 1, ..other.clone() }];
    let period = span("2024-01-01", "2024-12-31");
    let count = |key| join(&[(period, &rows)], period, Variant::Joined, key).unwrap().events();
    (count(KeyReading::Raw), count(KeyReading::Cleaned))
}

/// The same in the single variant.
fn events_single(one: &Row, other: &Row) -> usize {
    let rows = [one.clone(), Row { number: one.number + 1, ..other.clone() }];
    let period = span("2024-01-01", "2024-12-31");
    join(&[(period, &rows)], period, Variant::Single, KeyReading::Raw).unwrap().events()
}

#[test]
fn services_differ_by_start_client_type_and_component_and_never_by_end() {
    let base = service(2, "2024-03-01", "2024-04-01");
    assert_eq!(events(&base, &base), (1, 1));
    assert_eq!(events(&base, &service(2, "2024-03-01", "2024-09-01")), (1, 1));
    assert_eq!(events(&base, &service(2, "2024-03-01", "")), (1, 1));
    assert_eq!(events(&base, &service(2, "2024-03-02", "2024-04-01")), (2, 2));
    assert_eq!(events(&base, &Row { person: text(2), ..base.clone() }), (2, 2));
    assert_eq!(events(&base, &Row { person_is_nhs: false, ..base.clone() }), (2, 2));
    // Outcome, mechanism, route and assessment type are no part of a service's key.
    let mut other = base.clone();
    (other.outcome, other.mechanism) = (Coded::Value(Outcome::NfaOther), Coded::Value(Mechanism::Commissioned));
    (other.route, other.assessment) = (Coded::Invalid, Coded::Invalid);
    (other.raw.route, other.raw.assessment) = (text(1), text(1));
    assert_eq!(events(&base, &other), (1, 1));
}

#[test]
fn the_raw_reading_compares_texts_and_the_cleaned_one_values() {
    let base = service(2, "2024-03-01", "");
    let mut other = base.clone();
    other.raw.service = text(7);
    assert_eq!(events(&base, &other), (2, 1), "two spellings of one type");
    let mut other = base.clone();
    other.service = Coded::Value(ServiceType::Prison);
    assert_eq!(events(&base, &other), (1, 2), "one spelling that two releases of the lists read differently");
    for (change, why) in [
        (|row: &mut Row| (row.raw.component, row.component) = (text(7), Coded::Invalid), "component"),
        (|row: &mut Row| (row.raw.client, row.client) = (text(7), Coded::Blank), "client type"),
        (|row: &mut Row| (row.raw.service, row.service) = (text(7), Coded::Invalid), "service type"),
    ] as [(fn(&mut Row), &str); 3]
    {
        let mut other = base.clone();
        change(&mut other);
        assert_eq!(events(&base, &other), (2, 2), "{why}");
    }
}

#[test]
fn requests_assessments_and_reviews_differ_by_end_and_by_one_field_each() {
    for kind in EventType::ALL.iter().copied().filter(|kind| *kind != EventType::Service) {
        let base = event(2, kind, "2024-03-01", "2024-04-01");
        assert_eq!(events(&base, &base), (1, 1));
        assert_eq!(events(&base, &event(2, kind, "2024-03-01", "2024-04-02")), (2, 2));
        let differs = |change: fn(&mut Row)| {
            let mut other = base.clone();
            change(&mut other);
            events(&base, &other)
        };
        let expected = |matters| if matters { (2, 2) } else { (1, 1) };
        let route = differs(|row| (row.raw.route, row.route) = (text(7), Coded::Value(Route::Prison)));
        assert_eq!(route, expected(kind == EventType::Request));
        let assessment =
            differs(|row| (row.raw.assessment, row.assessment) = (text(7), Coded::Value(AssessmentType::LongTerm)));
        assert_eq!(assessment, expected(kind == EventType::Assessment));
        let service = differs(|row| {
            (row.raw.service, row.service) = (text(7), Coded::Invalid);
            (row.raw.component, row.component) = (text(7), Coded::Invalid);
        });
        assert_eq!(service, (1, 1));
        let client = differs(|row| (row.raw.client, row.client) = (text(7), Coded::Invalid));
        assert_eq!(client, (2, 2));
    }
    let request = event(2, EventType::Request, "2024-03-01", "2024-04-01");
    assert_eq!(events(&request, &event(2, EventType::Review, "2024-03-01", "2024-04-01")), (2, 2));
}

#[test]
fn the_corrected_end_is_in_the_key() {
    let base = event(2, EventType::Review, "2024-03-01", "2024-04-01");
    let died = Row { death: Some(day("2024-04-01")), ..event(2, EventType::Review, "2024-03-01", "2024-05-01") };
    assert_eq!(events(&base, &died), (1, 1));
}

#[test]
fn the_single_variant_tells_services_apart_by_mechanism_and_costs() {
    let base = Row { unit_cost: Some(100), planned_units: Some(200), ..service(2, "2024-03-01", "") };
    assert_eq!(events_single(&base, &base), 1);
    assert_eq!(events_single(&base, &Row { end: Some(day("2024-06-01")), ..base.clone() }), 1);
    for (other, why) in [
        (Row { unit_cost: Some(101), ..base.clone() }, "unit cost"),
        (Row { unit_cost: None, ..base.clone() }, "no unit cost"),
        (Row { planned_units: Some(0), ..base.clone() }, "planned units"),
        (Row { cost_frequency: Coded::Value(CostFrequency::Weekly), ..base.clone() }, "frequency"),
        (Row { mechanism: Coded::Value(Mechanism::Commissioned), ..base.clone() }, "mechanism"),
    ] {
        assert_eq!(events_single(&base, &other), 2, "{why}");
        assert_eq!(events(&base, &other), (1, 1), "{why} in the joined variant");
    }
    let review = Row { unit_cost: Some(1), ..event(2, EventType::Review, "2024-03-01", "2024-04-01") };
    assert_eq!(events_single(&review, &Row { unit_cost: Some(2), ..review.clone() }), 1, "a review has no cost");
}

#[test]
fn a_service_that_the_next_file_does_not_know_ends_with_its_period() {
    let q = quarters();
    let known = service(2, "2024-02-01", "");
    let lost = service(3, "2024-02-02", "");
    let overrun = service(4, "2024-02-03", "2024-05-05");
    let histories = joined(&[(q[0], &[known.clone(), lost, overrun]), (q[1], &[known])]);
    let expected = [("2024-02-01", "open"), ("2024-02-02", "2024-03-31"), ("2024-02-03", "2024-03-31")];
    assert_eq!(dates(&histories), expected.map(|(start, end)| (start.to_owned(), end.to_owned())));
    let overrun = only(&histories).event(2);
    assert_eq!(overrun.raw_end(), Some(day("2024-05-05")), "the end as submitted stays beside it");
}

#[test]
fn the_next_file_may_give_the_service_another_end() {
    let q = quarters();
    let histories =
        joined(&[(q[0], &[service(2, "2024-02-01", "")]), (q[1], &[service(2, "2024-02-01", "2024-05-05")])]);
    assert_eq!(dates(&histories), [("2024-02-01".to_owned(), "2024-05-05".to_owned())]);
    assert_eq!(only(&histories).event(0).period(), q[1]);
}

#[test]
fn a_quarter_that_nobody_covers_crops_everything_before_it() {
    let q = quarters();
    let open = service(2, "2024-02-01", "");
    let histories = joined(&[(q[0], std::slice::from_ref(&open)), (q[2], std::slice::from_ref(&open))]);
    // The row of the later period is kept, so the crop shows only where the later file does not know the service.
    assert_eq!(dates(&histories), [("2024-02-01".to_owned(), "open".to_owned())]);
    let other = service(3, "2024-08-01", "");
    let histories = joined(&[(q[0], &[open]), (q[2], &[other])]);
    let expected = [("2024-02-01", "2024-03-31"), ("2024-08-01", "open")];
    assert_eq!(dates(&histories), expected.map(|(start, end)| (start.to_owned(), end.to_owned())));
}

#[test]
fn services_open_in_the_last_period_stay_open_and_so_do_those_ending_after_it() {
    let q = quarters();
    let histories = joined(&[
        (q[0], &[service(2, "2024-01-02", "2024-01-03")]),
        (q[1], &[service(2, "2024-04-02", ""), service(3, "2024-04-03", "2024-12-24")]),
    ]);
    let expected = [("2024-01-02", "2024-01-03"), ("2024-04-02", "open"), ("2024-04-03", "2024-12-24")];
    assert_eq!(dates(&histories), expected.map(|(start, end)| (start.to_owned(), end.to_owned())));
}

#[test]
fn a_file_without_any_event_is_no_later_period() {
    let q = quarters();
    let histories = joined(&[(q[0], &[service(2, "2024-01-02", "")]), (q[1], &[])]);
    assert_eq!(dates(&histories), [("2024-01-02".to_owned(), "open".to_owned())]);
}

#[test]
fn the_later_period_wins_then_the_later_end_then_the_outcome_then_the_conversation_then_the_record() {
    let base = Row { outcome: Coded::Value(Outcome::NfaOther), ..service(2, "2024-03-01", "2024-04-01") };
    // The larger number is the mark by which the kept row is recognised.
    let winner = |better: &Row, worse: &Row| {
        for rows in [[better.clone(), worse.clone()], [worse.clone(), better.clone()]] {
            let (mut better_is_last, mut rows) = (false, rows);
            for (number, row) in (2..).zip(&mut rows) {
                row.number = number;
                better_is_last = row.ethnicity.is(Ethnicity::Refused);
            }
            let histories = year(&rows);
            let kept = only(&histories).event(0);
            assert_eq!(only(&histories).len(), 1);
            if !kept.ethnicity().is(Ethnicity::Refused) {
                return Err(better_is_last);
            }
        }
        Ok(())
    };
    let marked = |row: Row| Row { ethnicity: Coded::Value(Ethnicity::Refused), ..row };
    let with = |end: &str, outcome: Coded<Outcome>, conversation: bool| Row {
        end: (!end.is_empty()).then(|| day(end)),
        outcome,
        conversation,
        ..base.clone()
    };
    let best = Coded::Value(Outcome::Reablement);
    let worst = Coded::Value(Outcome::NfaOther);
    for (better, worse, why) in [
        (with("", worst, false), with("2024-12-31", best, true), "open beats any end"),
        (with("2024-05-02", worst, false), with("2024-05-01", best, true), "later end"),
        (with("2024-05-02", best, false), with("2024-05-02", worst, true), "smaller rank"),
        (with("2024-05-02", worst, false), with("2024-05-02", Coded::Invalid, true), "a rank beats none"),
        (with("2024-05-02", worst, false), with("2024-05-02", Coded::Blank, true), "a rank beats blank"),
        (with("2024-05-02", Coded::Blank, true), with("2024-05-02", Coded::Invalid, false), "conversation"),
    ] {
        assert_eq!(winner(&marked(better), &worse), Ok(()), "{why}");
    }
    // All equal: the later record, hence never both orders.
    assert_eq!(winner(&marked(base.clone()), &base), Err(false));

    let q = quarters();
    let early = Row { outcome: best, conversation: true, ..service(9, "2024-03-01", "") };
    let late = marked(service(2, "2024-03-01", "2024-04-01"));
    let histories = joined(&[(q[0], &[early]), (q[1], &[late])]);
    assert!(only(&histories).event(0).ethnicity().is(Ethnicity::Refused), "the later period beats all else");
}

#[test]
fn cropped_ends_are_compared_not_the_ends_before() {
    let q = quarters();
    // Both are cropped to the same day, so the outcome decides although one was open.
    let open = service(3, "2024-02-01", "");
    let ended = Row { outcome: Coded::Value(Outcome::NfaOther), ..service(2, "2024-02-01", "2024-05-05") };
    let histories = joined(&[(q[0], &[open, ended]), (q[1], &[service(2, "2024-06-01", "")])]);
    assert!(only(&histories).event(0).outcome().is(Outcome::NfaOther));
}

#[test]
fn the_record_order_is_by_receipt_then_by_row() {
    let q = quarters();
    let rows = |number| [service(number, "2024-02-01", "2024-02-02"), service(number + 5, "2024-02-03", "2024-02-04")];
    let later = [service(2, "2024-04-02", "2024-04-03")];
    let histories = joined(&[(q[0], &rows(100)), (q[1], &later)]);
    let orders: Vec<_> = only(&histories).events().map(|event| event.order()).collect();
    assert!(orders[0] < orders[1] && orders[1] < orders[2], "row 2 of the later file comes after row 105");
}

#[test]
fn latest_ages_are_at_the_end_or_at_the_periods_end_when_open() {
    let birth = Some(month(2006, 4));
    let rows = [
        Row { birth, ..service(2, "2024-01-01", "2024-04-01") },
        Row { birth, ..service(3, "2024-01-02", "") },
        service(4, "2024-01-03", ""),
    ];
    let histories = year(&rows);
    let ages: Vec<_> = only(&histories).events().map(|event| event.latest_age()).collect();
    // Day 6,575 after 1 April 2006 is 1 April 2024: 6,575 / 365.25 = 18.001.
    assert_eq!(ages, [Some(18), Some(18), None]);
    let march = Row { birth: Some(month(2005, 3)), ..service(2, "2023-01-01", "2023-03-01") };
    let period = span("2023-01-01", "2023-12-31");
    let histories = joined(&[(period, &[march])]);
    assert_eq!(only(&histories).event(0).latest_age(), Some(17), "one day late");
}
