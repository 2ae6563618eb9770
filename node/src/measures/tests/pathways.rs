//! Pathways: the worked example of the documentation, each edge of a rule, and a plain second reading.

use std::collections::BTreeMap;

use folkmoot_proto::catalogue::pathways::{FROM, TO};
use folkmoot_proto::codelist::{ClientType, CodeList, Coded, EventType, Outcome, Route};
use folkmoot_proto::period::Day;

use super::kit::one_file;
use super::random::{Dice, Whose};
use super::scene::{self, ask, span};
use crate::assemble::Variant;
use crate::history::{Histories, History};

const DOCUMENT: &str = include_str!("../../../../docs/pathways.md");

fn block(number: usize) -> &'static str {
    DOCUMENT.split("```csv\n").nth(number).unwrap().split("```").next().unwrap()
}

fn figures(histories: &Histories, from: &str, after: &str) -> BTreeMap<String, i64> {
    let query = ask("PATHWAYS", span("2024-04-01", "2025-03-31"), &["to"], &[("from", from), ("after", after)]);
    scene::figures(histories, &query).into_iter().map(|(group, count)| (group.replace("to=", ""), count)).collect()
}

fn histories(csv: &str) -> Histories {
    one_file(csv, span("2023-04-01", "2025-12-31"), span("2025-01-01", "2025-12-31"))
}

#[test]
fn the_documents_example_comes_out_as_it_says() {
    let histories = histories(block(1));
    let mut expected: BTreeMap<(&str, &str), BTreeMap<String, i64>> = BTreeMap::new();
    for line in block(2).trim().lines().skip(1) {
        let [from, after, to, people] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        expected.entry((from, after)).or_default().insert(to.to_owned(), people.parse().unwrap());
    }
    assert_eq!(expected.len(), 11);
    for ((from, after), people) in expected {
        assert_eq!(figures(&histories, from, after), people, "{from} {after}");
    }
}

/// Where the only person is.
fn to(rows: &str, from: &str, after: &str) -> String {
    let csv = format!("row,person,birth,death,event_type,route,service_type,start,end,outcome\n{rows}");
    figures(&histories(&csv), from, after).into_keys().collect::<Vec<_>>().join(" and ")
}

const STAY: &str = "1,A,1940-01,,,,Short term support: ST-Max,2024-05-01,2024-05-31,\n";

#[test]
fn what_starts_within_seven_days_is_next_and_what_starts_later_is_not() {
    for (start, next) in [("2024-06-01", "Community"), ("2024-06-07", "Community"), ("2024-06-08", "No support")] {
        let rows = format!("{STAY}2,A,1940-01,,,,Long term support: Community,{start},,");
        assert_eq!(to(&rows, "reablement", "next"), next, "{start}");
    }
}

#[test]
fn a_stay_goes_on_over_seven_days_and_not_over_eight() {
    for (start, next) in [("2024-06-07", "No change so far"), ("2024-06-08", "No support")] {
        let rows = format!("{STAY}2,A,1940-01,,,,Short term support: ST-Max,{start},,");
        assert_eq!(to(&rows, "reablement", "next"), next, "{start}");
    }
}

#[test]
fn only_an_entry_in_the_period_counts_and_only_the_first() {
    let stay = |start: &str| format!("1,A,1940-01,,,,Long term support: Nursing care,{start},,");
    for (start, next) in
        [("2024-03-31", ""), ("2024-04-01", "No change so far"), ("2025-03-31", "No change so far"), ("2025-04-01", "")]
    {
        assert_eq!(to(&stay(start), "nursing-care", "next"), next, "{start}");
    }
    // The second entry would be to no change.
    let rows = format!("{STAY}2,A,1940-01,,,,Short term support: ST-Max,2025-01-01,,");
    assert_eq!(to(&rows, "reablement", "next"), "No support");
}

#[test]
fn those_who_died_before_the_entry_do_not_count_and_death_comes_before_all() {
    let row = |death: &str| format!("1,A,1940-01,{death},Request,Discharge from hospital,,2024-05-10,2024-06-10,");
    assert_eq!(to(&row("2024-05-10"), "discharge-from-hospital", "next"), "Died");
    assert_eq!(to(&row("2024-06-07"), "discharge-from-hospital", "next"), "Died");
    assert_eq!(to(&row("2024-06-08"), "discharge-from-hospital", "next"), "No support");
    let with_service = "1,A,1940-01,2024-05-20,,,Short term support: ST-Max,2024-05-01,2024-05-20,\n\
                        2,A,1940-01,,,,Long term support: Community,2024-05-10,,";
    assert_eq!(to(with_service, "reablement", "28"), "Died");
    // The community was first.
    assert_eq!(to(with_service, "reablement", "next"), "Community");
}

#[test]
fn whoever_comes_back_has_not_left() {
    let gone = "1,A,1940-01,,,,Short term support: ST-Max,2024-05-01,2024-05-31,NFA: Responsibility moved to another \
                local authority\n";
    assert_eq!(to(gone, "reablement", "91"), "Left the area");
    let back = format!("{gone}2,A,1940-01,,Review,,,2024-07-01,2024-07-02,");
    assert_eq!(to(&back, "reablement", "28"), "Reablement");
    assert_eq!(to(&back, "reablement", "91"), "No support");
    let serves = format!("{gone}2,A,1940-01,,,,Long term support: Prison,2024-05-15,,");
    assert_eq!(to(&serves, "reablement", "91"), "Prison");
}

/// The rules again: stays and states by looking at every service for every day.
fn plain(history: History<'_>, from: usize, after: &str) -> Option<usize> {
    let person = history.person();
    let own: Vec<_> = history.events().filter(|event| event.client().is(ClientType::ServiceUser)).collect();
    let services: Vec<(usize, Day, Day)> = own
        .iter()
        .filter(|event| event.is(EventType::Service) && event.start() <= event.end())
        .filter_map(|event| Some((event.service().value()?.index(), event.start(), event.end())))
        .filter(|(kind, ..)| *kind < 7)
        .collect();
    let period = span("2024-04-01", "2025-03-31");
    let kind = [None, Some(4), Some(6), Some(5), Some(2), Some(1), Some(0)][from];
    let entry = match kind {
        None => own
            .iter()
            .filter(|event| event.is(EventType::Request) && event.route() == Coded::Value(Route::DischargeFromHospital))
            .map(|event| event.start())
            .filter(|start| period.contains(*start))
            .min()?,
        Some(kind) => services
            .iter()
            .filter(|(other, start, _)| {
                let goes_on = |&(k, s, e): &(usize, Day, Day)| k == kind && s < *start && e >= start.plus_days(-7);
                *other == kind && !services.iter().any(goes_on) && period.contains(*start)
            })
            .map(|(_, start, _)| *start)
            .min()?,
    };
    if person.death().is_some_and(|death| death < entry) {
        return None;
    }
    let last = history.details_period().last();
    let state = |on: Day| {
        if person.death().is_some_and(|death| death <= on) {
            return 9;
        }
        if on > last {
            return 11;
        }
        for rank in 0..7 {
            if services.iter().any(|&(kind, start, end)| kind == rank && start <= on && on <= end) {
                return rank;
            }
        }
        let moves = own.iter().filter(|event| event.outcome() == Coded::Value(Outcome::NfaMoved));
        let left = moves
            .map(|event| event.end())
            .filter(|end| *end >= entry && *end <= on)
            .any(|end| own.iter().all(|event| event.start() <= end || event.start() > on));
        if left { 8 } else { 7 }
    };
    if let Ok(days) = after.parse() {
        return Some(state(entry.plus_days(days)));
    }
    let first = |from: Day, until: Day| {
        let mut on = from;
        while on <= until {
            if state(on) != 7 {
                return state(on);
            }
            on = on.plus_days(1);
        }
        7
    };
    let Some(kind) = kind else { return Some(first(entry, entry.plus_days(28))) };
    let mut end = entry;
    loop {
        let further = services
            .iter()
            .filter(|&&(k, start, _)| k == kind && start >= entry && start <= end.plus_days(7))
            .map(|&(_, _, end)| end)
            .max()
            .unwrap();
        if further <= end {
            break;
        }
        end = further;
    }
    let mut on = entry;
    while on <= last {
        let dead = person.death().is_some_and(|death| death <= on);
        let rises = on > entry && services.iter().any(|&(k, start, _)| k < kind && start == on);
        if dead || rises || on > end {
            return Some(first(on, on.plus_days(6)));
        }
        on = on.plus_days(1);
    }
    Some(10)
}

#[test]
fn a_plain_second_reading_finds_the_same_states() {
    let mut seen = [0_i64; 12];
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let table = dice.table();
        let histories = table.histories(Variant::Joined, Whose::Everybody);
        for (place, from) in FROM.iter().enumerate() {
            for after in ["next", "28", "91", "182", "365"] {
                let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
                for history in histories.iter() {
                    if let Some(to) = plain(history, place, after) {
                        *wanted.entry(TO[to].to_owned()).or_default() += 1;
                        seen[to] += 1;
                    }
                }
                assert_eq!(figures(&histories, from, after), wanted, "seed {seed}, {from} {after}");
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 10), "every state is met: {seen:?}");
}

#[test]
fn the_month_and_the_age_are_those_of_the_entry() {
    let csv = format!("row,person,birth,death,event_type,route,service_type,start,end,outcome\n{STAY}");
    let csv = csv.replace("1940-01", "1959-06");
    let settings = [("from", "reablement"), ("after", "next")];
    let query = ask("PATHWAYS", span("2024-04-15", "2025-03-31"), &["month", "age_band"], &settings);
    let found = scene::figures(&histories(&csv), &query);
    assert_eq!(found, scene::expected(&[("age_band=18 to 64;month=2024-05", 1)]));
}
