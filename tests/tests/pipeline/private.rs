//! The caps of private answers, end to end: what a person counts for is cut to the bound that the catalogue states, person by person.
//!
//! The oracle asks its exact question of each person's rows alone, and adds up the lesser of the answer and the cap.

use std::collections::BTreeMap;

use folkmoot_node::tabulate::{self, Bounding};
use folkmoot_proto::catalogue::Table;
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_tests::generate::storm::Storm;
use folkmoot_tests::truth::{self, Detail, Joined, Question, Row, Tables};
use jiff::civil::date;

use super::hard::{Both, Data, query};
use super::*;

type Capped = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Measures of which one person may have many, with caps that bite where a setting says so, and two that count people.
const QUESTIONS: &[Capped] = &[
    ("ASCOF-2A-SEQUELS", &["sequel"], &[]),
    ("STS001", &["sequel"], &[("max_clusters", "1")]),
    ("STS002B", &["age_band"], &[]),
    ("WAITING-RESPONSE", &["age_band"], &[]),
    ("REQUESTS", &["outcome_group"], &[("max_events", "1")]),
    ("ASSESSMENTS", &["assessment_type"], &[("max_events", "2")]),
    ("REVIEWS", &["review_type"], &[("max_events", "1")]),
    ("SERVICES", &["service_type"], &[("max_events", "3")]),
    ("SERVICES", &["month", "service_group"], &[("max_events", "2")]),
    ("COSTS-WEEKLY", &["cost_frequency"], &[("max_pounds", "200")]),
    ("LTS001A", &["setting"], &[]),
    ("PATHWAYS", &["to"], &[("from", "community"), ("after", "91")]),
];

/// One table for each person of a table.
fn person_by_person(table: &Joined) -> Vec<Joined> {
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for row in &table.rows {
        rows.entry(&row.person).or_default().push(row.clone());
    }
    rows.into_values().map(|rows| Joined { rows, ..table.clone() }).collect()
}

#[test]
fn a_person_counts_in_a_private_answer_for_no_more_than_the_cap_and_for_all_below_it() {
    let storm = Storm { seed: 11, code: "216".to_owned(), people: 120, dirt: true, hole: false };
    let data = Data::of(date(2026, 11, 1), KeyReading::Raw);
    let both = Both::read("216", &storm.files(), data);
    let empty = Joined { rows: Vec::new(), ..both.tables.joined.clone() };
    let (from, to) = (date(2025, 4, 1), date(2026, 3, 31));
    let period = ReferencePeriod::inclusive(day(from), day(to)).expect("forwards");
    for &(measure, by, settings) in QUESTIONS {
        let names: Vec<String> = by.iter().map(|&name| name.to_owned()).collect();
        let query = query(measure, period, &names, &[], settings, data);
        let bound = query.bound();
        let single = query.measure().table == Table::Single;
        let histories = if single { &both.single.histories } else { &both.joined.histories };
        let bounding = Bounding::Private { bound, key: &[5; 32] };
        let (layout, counts) = tabulate::tabulate(histories, &query, bounding).expect("counted");
        let found: i64 = counts.for_own_eyes(&layout)[..layout.cells()].iter().sum();

        let question = Question { measure: measure.to_owned(), from, to, by: names };
        let detail = Detail { question: &question, settings, filters: &[] };
        let table = if single { both.tables.single.as_ref().expect("twelve months") } else { &both.tables.joined };
        let (mut wanted, mut exact, mut cut) = (0, 0, 0);
        for own in person_by_person(table) {
            let tables = match single {
                true => Tables { joined: empty.clone(), single: Some(own) },
                false => Tables { joined: own, single: None },
            };
            // The cells of the whole breakdown; figures with fewer dimensions are sums of them.
            let figures = truth::detailed(&tables, detail).expect("the oracle knows it");
            let cells: Vec<i64> = figures
                .iter()
                .filter(|figure| figure.group.matches('=').count() == by.len())
                .map(|figure| figure.value)
                .collect();
            assert!(cells.iter().all(|value| *value >= 0), "{measure}: a sum below nought has no place here");
            let all: i64 = cells.iter().sum();
            let most = i64::try_from(bound.total).expect("a small cap");
            exact += all;
            wanted += all.min(most);
            cut += u64::from(all > most);
        }
        assert_eq!(found, wanted, "{measure} {settings:?} of {exact}");
        let bites = settings.iter().any(|(name, _)| name.starts_with("max_"));
        assert!(exact > 0 && (cut > 0) == bites, "{measure} {settings:?}: {cut} people cut of {exact}");
    }
}
