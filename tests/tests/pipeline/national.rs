//! Several councils' figures merged as the coordinator merges them, against sums by hand.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_coordinator::answer::{Answer, Facts};
use folkmoot_coordinator::merge::{Asked, Statistic, Status, merge};
use folkmoot_coordinator::plan::Plan;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_tests::generate::storm::Storm;
use folkmoot_tests::generate::{Place, Tangle, tangled};

use super::*;

const YEAR: (&str, &str) = ("2025-04-01", "2026-03-31");
/// Two councils of each of three regions.
const COUNCILS: [&str; 6] = ["104", "106", "211", "213", "503", "508"];

/// A table of the geography as anybody would read it: council code to the cells by header.
fn sheet(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.expect("a whole row")).collect()
}

/// Half away from zero, in tenths: `numerator / denominator` times `times`.
fn tenths(numerator: u64, denominator: u64, times: u64) -> f64 {
    if denominator == 0 {
        return 0.0;
    }
    let (numerator, denominator) = (u128::from(numerator) * u128::from(times) * 10, u128::from(denominator));
    ((2 * numerator + denominator) / (2 * denominator)) as f64 / 10.0
}

#[test]
fn regions_and_england_are_sums_of_councils_over_the_population_of_those_present() {
    let pairs: Vec<Pair> = COUNCILS
        .iter()
        .enumerate()
        .map(|(slot, code)| {
            let place = Place { code: (*code).to_owned(), slot: slot as u32, slots: 12 };
            let files = tangled(&Tangle { seed: 77, people: 150, dirt: false }, &place);
            Pair::read(code, &files, KeyReading::Raw)
        })
        .collect();
    let councils = sheet(include_str!("../../../proto/data/councils.csv"));
    let population = sheet(include_str!("../../../proto/data/population.csv"));
    let region_of = |code: &str| -> String {
        councils.iter().find(|row| row["cassr_code"] == code).expect("a council")["region_name"].clone()
    };
    let residents = |code: &str, column: &str| -> u64 {
        let row = population.iter().find(|row| row["cassr_code"] == code).expect("a council");
        row[column].parse().expect("a number")
    };
    let mut areas: BTreeMap<String, Vec<&Pair>> = BTreeMap::new();
    for pair in &pairs {
        areas.entry("England".to_owned()).or_default().push(pair);
        areas.entry(region_of(&pair.code)).or_default().push(pair);
    }
    assert!(areas.len() > 2);

    let mut somebody = 0;
    for (measure, column) in [("ASCOF-2A", ""), ("ASCOF-2B", "pop_18_64"), ("ASCOF-2C", "pop_65_plus")] {
        let merged = merged(&pairs, measure);
        let rows = &merged.rows;
        for (area, members) in &areas {
            let found = merged.areas.iter().find(|found| found.name == *area).expect("the area");
            let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
            for pair in members {
                for figure in pair.compare(measure, &[], YEAR, false).unwrap_or_else(|text| panic!("{text}")) {
                    *sums.entry((figure.group, figure.component)).or_default() += figure.value.unsigned_abs();
                }
            }
            for (row, cell) in rows.iter().zip(&found.cells) {
                let value = cell.value.map_or(f64::NAN, |number| number.get());
                let of = |component: &str| {
                    sums.get(&(row.group(), component.to_owned())).copied().expect("the oracle has the group")
                };
                let wanted = match row.statistic {
                    Statistic::Count => of(&row.component) as f64,
                    Statistic::Denominator => (of("yes") + of("no")) as f64,
                    Statistic::Percentage => tenths(of("yes"), of("yes") + of("no"), 100),
                    Statistic::RatePer100000 => {
                        let all = members.iter().map(|pair| residents(&pair.code, column)).sum();
                        tenths(of("count"), all, 100_000)
                    }
                    Statistic::MedianDays => unreachable!("no median here"),
                };
                // Percentages from so little are withheld beside noise, which these answers only pretend to have.
                if cell.value.is_some() {
                    assert_eq!(value, wanted, "{measure} {area} {} {:?} {}", row.group(), row.statistic, row.component);
                    somebody += u64::from(wanted > 0.0);
                } else {
                    assert_eq!(row.statistic, Statistic::Percentage, "{measure} {area}");
                }
            }
        }
    }
    assert!(somebody > 20, "only {somebody} figures hold anybody");
}

/// From files to the median that is published: each council's histogram by the product, merged as the coordinator does, against the
/// middle of all waits written out one by one by the oracle.
#[test]
fn medians_of_areas_are_those_of_all_waits_together() {
    let pairs: Vec<Pair> = COUNCILS
        .iter()
        .zip(1..)
        .map(|(code, seed)| {
            let storm = Storm { seed, code: (*code).to_owned(), people: 160, dirt: false, hole: false };
            Pair::read(code, &storm.files(), KeyReading::Raw)
        })
        .collect();
    let councils = sheet(include_str!("../../../proto/data/councils.csv"));
    let (mut medians, mut halves) = (0, 0);
    for (measure, to_service) in [("WAITING-RESPONSE", false), ("WAITING-SERVICE", true)] {
        let merged = merged(&pairs, measure);
        for area in &merged.areas {
            // The same people may have the same numbers in two councils, and are two persons.
            let mut all = Joined { council: area.name.clone(), ..pairs[0].plain.clone() };
            all.rows.clear();
            for pair in &pairs {
                let of = councils.iter().find(|row| row["cassr_code"] == pair.code).expect("a council");
                if area.name == "England" || area.name == of["region_name"] {
                    all.rows.extend(pair.plain.rows.iter().cloned().map(|mut row| {
                        row.person = format!("{} {}", pair.code, row.person);
                        row
                    }));
                }
            }
            for (row, cell) in merged.rows.iter().zip(&area.cells) {
                if row.statistic != Statistic::MedianDays {
                    continue;
                }
                let label = |name: &str| {
                    let found = row.dimensions.iter().find(|(known, _)| known == name);
                    found.map(|(_, label)| label.as_str()).expect("by quarter and band")
                };
                let quarter: Date = label("quarter")[..10].parse().expect("a quarter's first day");
                // Beyond a year the bins tell no day.
                let wanted = truth::waiting::middle(&all, to_service, quarter, label("age_band"))
                    .filter(|(_, high)| *high <= 365)
                    .map(|(low, high)| f64::from(low + high) / 2.0);
                let what = format!("{measure} {} {}", area.name, row.group());
                // Where nobody waited, the official convention shows nought.
                let found = cell.value.filter(|_| cell.status != Status::NotApplicable).map(|value| value.get());
                assert_eq!(found, wanted, "{what}");
                medians += u64::from(wanted.is_some());
                halves += u64::from(wanted.is_some_and(|days| days.fract() > 0.0));
            }
        }
    }
    assert!(medians > 40 && halves > 0, "{medians} medians, {halves} of them halves");
}

/// The product's exact figures of each council, handed to the coordinator as answers with next to no noise.
fn merged(pairs: &[Pair], measure: &str) -> folkmoot_coordinator::merge::Table {
    let date = |text: &str| text.parse::<Date>().expect("a date");
    let period = ReferencePeriod::inclusive(day(date(YEAR.0)), day(date(YEAR.1))).expect("forwards");
    let as_of = pairs[0].as_of;
    let data = DataRule { as_of: Some(day(as_of)), joined: None, key: KeyReading::Raw };
    let release = Release::CouncilPrivate(Rho::parse("0.005").expect("a price"));
    let query = Query::new(measure, period, None, &[], &[], data, release).expect("a question");
    let layout = Layout::of(&query).expect("a small layout");
    let mut answers = BTreeMap::new();
    let mut asked = BTreeSet::new();
    for pair in pairs {
        let text = pair.product(measure, (date(YEAR.0), date(YEAR.1)), &[], &[]);
        let mut exact: BTreeMap<(String, String), i64> = BTreeMap::new();
        for record in csv::Reader::from_reader(text.as_bytes()).records() {
            let record = record.expect("our own CSV");
            exact.insert((record[5].to_owned(), record[6].to_owned()), record[7].parse().expect("a number"));
        }
        let values: Vec<i64> = (0..layout.len())
            .map(|figure| exact[&(layout.group(figure), layout.component(figure).to_owned())])
            .collect();
        let facts = Facts {
            snapshot: vec![7; 32],
            as_of: day(as_of),
            sigma_nano: 1,
            charged_nano: 0,
            stored: false,
            notes: Vec::new(),
        };
        let code = CouncilCode::parse(&pair.code).expect("a code");
        let hidden = vec![0; layout.len()];
        answers.insert(code, Answer::new(code, &query, &layout, values, &hidden, facts).expect("an answer"));
        asked.insert(code);
    }
    let request = wire::PlanRequest {
        query: Some((&query).into()),
        level: wire::Level::Region.into(),
        councils: pairs.iter().map(|pair| pair.code.clone()).collect(),
        ..Default::default()
    };
    let analyst = Identity::parse("folkmoot://england/analyst/national/a").expect("a name");
    let plan = Plan::check(request, &analyst, day(as_of)).expect("a plan");
    merge(Asked { query: &query, layout: &layout, scope: plan.scope(), councils: &asked }, &answers)
}
