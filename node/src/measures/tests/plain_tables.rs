//! The free tables a second time, plainly: events, costs and people, by the labels of the national facts.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::INVALID;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::{DataRule, Filter, Profile, Query, Release};

use super::kit::{Figures, asked, span};
use super::plain::{BUILD_END, Plain, PlainPerson, add, age, compare_with, long_term, number};
use super::random::{Dice, Whose};
use crate::assemble::Variant;
use crate::tabulate::{Bounding, tabulate};

/// The `group` text of pairs of dimension and label.
fn group(mut pairs: Vec<(&str, String)>) -> String {
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, label)| format!("{name}={label}")).collect();
    format!("{}/count", pairs.join(";"))
}

fn shown(text: &str) -> String {
    if text.is_empty() { "Blank".to_owned() } else { text.to_owned() }
}

fn month(day: i32) -> String {
    Day::from_number(day).to_string()[..7].to_owned()
}

fn open(row: &Plain) -> bool {
    row.end == Day::OPEN.number()
}

/// The row's own working age band, at its end or the end of its file's period.
fn band(row: &Plain) -> String {
    let at = if open(row) { row.told } else { row.end };
    match row.birth.map(|birth| age(birth, at)) {
        None => "Unknown",
        Some(..=17) => "Under 18",
        Some(18..=64) => "18 to 64",
        Some(_) => "65 and above",
    }
    .to_owned()
}

fn outcome_group(row: &Plain) -> String {
    shown(if row.outcome.starts_with("NFA") { "NFA" } else { row.outcome })
}

fn ethnic_group(row: &Plain) -> String {
    match row.ethnicity {
        INVALID => "Unknown".to_owned(),
        text => shown(text.split(':').next().unwrap()),
    }
}

fn had_long_term(person: &PlainPerson, row: &Plain) -> String {
    let flag = person
        .rows
        .iter()
        .any(|other| other.kind == "Service" && long_term(other) && (other.start..=other.end).contains(&row.start));
    if flag { "Yes" } else { "No" }.to_owned()
}

/// Every row of a kind with the day by which it belongs to the period.
fn of<'a>(
    person: &'a PlainPerson,
    kind: &'static str,
    first: i32,
    last: i32,
    day: fn(&Plain) -> i32,
) -> impl Iterator<Item = (&'a Plain, i32)> {
    person
        .rows
        .iter()
        .filter(move |row| row.kind == kind)
        .map(move |row| (row, day(row)))
        .filter(move |(_, day)| (first..=last).contains(day))
}

#[test]
fn requests_equal_a_plain_second_implementation() {
    fn by_time(person: &PlainPerson, first: i32, last: i32, day: fn(&Plain) -> i32, figures: &mut Figures) {
        for (row, day) in of(person, "Request", first, last, day) {
            let pairs = vec![
                ("month", month(day)),
                ("outcome_group", outcome_group(row)),
                ("client_type", shown(row.client)),
                ("long_term_support", had_long_term(person, row)),
            ];
            add(figures, group(pairs));
        }
    }
    let by = ["month", "outcome_group", "client_type", "long_term_support"];
    compare_with("REQUESTS", &by, &[], Variant::Joined, |person, first, last, figures| {
        by_time(person, first, last, |row| row.end, figures);
    });
    compare_with("REQUESTS", &by, &[("when", "started")], Variant::Joined, |person, first, last, figures| {
        by_time(person, first, last, |row| row.start, figures);
    });
    let by = ["route_of_access", "event_outcome", "age_band", "gender"];
    compare_with("REQUESTS", &by, &[], Variant::Joined, |person, first, last, figures| {
        for (row, _) in of(person, "Request", first, last, |row| row.end) {
            let pairs = vec![
                ("route_of_access", shown(row.route)),
                ("event_outcome", shown(row.outcome)),
                ("age_band", band(row)),
                ("gender", shown(row.gender)),
            ];
            add(figures, group(pairs));
        }
    });
}

#[test]
fn assessments_equal_a_plain_second_implementation() {
    let by = ["assessment_type", "eligible_needs", "conversation", "method"];
    compare_with("ASSESSMENTS", &by, &[], Variant::Joined, |person, first, last, figures| {
        for (row, _) in of(person, "Assessment", first, last, |row| row.end) {
            let pairs = vec![
                ("assessment_type", shown(row.assessment)),
                ("eligible_needs", shown(row.needs)),
                ("conversation", if row.conversation { "Yes" } else { "No" }.to_owned()),
                ("method", shown(row.method)),
            ];
            add(figures, group(pairs));
        }
    });
    let by = ["month", "ethnic_group", "primary_support_reason", "long_term_support"];
    compare_with("ASSESSMENTS", &by, &[("when", "started")], Variant::Joined, |person, first, last, figures| {
        for (row, day) in of(person, "Assessment", first, last, |row| row.start) {
            let pairs = vec![
                ("month", month(day)),
                ("ethnic_group", ethnic_group(row)),
                ("primary_support_reason", shown(row.reason)),
                ("long_term_support", had_long_term(person, row)),
            ];
            add(figures, group(pairs));
        }
    });
}

#[test]
fn reviews_equal_a_plain_second_implementation() {
    let by = ["review_type", "review_reason", "review_outcomes_achieved", "method"];
    compare_with("REVIEWS", &by, &[], Variant::Joined, |person, first, last, figures| {
        for (row, _) in of(person, "Review", first, last, |row| row.end) {
            let kind = match row.review_reason {
                "" => "Blank",
                reason if reason.starts_with("Unplanned") => "Unplanned",
                reason if reason.starts_with("Planned") => "Planned review of long term support",
                "Review of short term support" => "Review of short term support",
                _ => "Review Type Unknown",
            };
            let pairs = vec![
                ("review_type", kind.to_owned()),
                ("review_reason", shown(row.review_reason)),
                ("review_outcomes_achieved", shown(row.review_outcome)),
                ("method", shown(row.method)),
            ];
            add(figures, group(pairs));
        }
    });
    let by = ["month", "outcome_group", "client_type", "age_band"];
    compare_with("REVIEWS", &by, &[], Variant::Joined, |person, first, last, figures| {
        for (row, day) in of(person, "Review", first, last, |row| row.end) {
            let pairs = vec![
                ("month", month(day)),
                ("outcome_group", outcome_group(row)),
                ("client_type", shown(row.client)),
                ("age_band", band(row)),
            ];
            add(figures, group(pairs));
        }
    });
}

#[test]
fn services_equal_a_plain_second_implementation() {
    fn when(row: &Plain, first: i32, last: i32, when: &str) -> Option<i32> {
        let inside = |day: i32| (first..=last).contains(&day).then_some(day);
        match when {
            "started" => inside(row.start),
            "ended" => inside(row.end),
            _ if row.end < first || row.start > last => None,
            _ => Some(if row.start < first { first } else { row.start }),
        }
    }
    fn by_time(person: &PlainPerson, first: i32, last: i32, how: &str, figures: &mut Figures) {
        for row in person.rows.iter().filter(|row| row.kind == "Service") {
            let Some(day) = when(row, first, last, how) else { continue };
            let of = match row.service {
                "" => "Blank",
                INVALID => "Unknown",
                service => service.split(':').next().unwrap(),
            };
            let pairs = vec![
                ("month", month(day)),
                ("service_group", of.to_owned()),
                ("client_type", shown(row.client)),
                ("outcome_group", outcome_group(row)),
            ];
            add(figures, group(pairs));
        }
    }
    let by = ["month", "service_group", "client_type", "outcome_group"];
    compare_with("SERVICES", &by, &[], Variant::Joined, |person, first, last, figures| {
        by_time(person, first, last, "ran", figures)
    });
    compare_with("SERVICES", &by, &[("when", "started")], Variant::Joined, |person, first, last, figures| {
        by_time(person, first, last, "started", figures);
    });
    compare_with("SERVICES", &by, &[("when", "ended")], Variant::Joined, |person, first, last, figures| {
        by_time(person, first, last, "ended", figures);
    });
    let by = ["service_type", "service_component", "delivery_mechanism", "age_band"];
    compare_with("SERVICES", &by, &[], Variant::Joined, |person, first, last, figures| {
        for row in person.rows.iter().filter(|row| row.kind == "Service" && when(row, first, last, "ran").is_some()) {
            let pairs = vec![
                ("service_type", shown(row.service)),
                ("service_component", shown(row.component)),
                ("delivery_mechanism", shown(row.mechanism)),
                ("age_band", band(row)),
            ];
            add(figures, group(pairs));
        }
    });
}

/// Pounds of a row in the period and in a week, in exact whole numbers of the smallest unit.
fn pounds(row: &Plain, first: i32, last: i32) -> (i64, i64) {
    let Some((frequency, cost, units)) = row.cost else { return (0, 0) };
    if row.kind != "Service" || row.start > last || row.end < first {
        return (0, 0);
    }
    let pence = i128::from(cost.unwrap_or(0).abs());
    // Tenths of a millionth of a pound; a week holds `units` millionths.
    let units = match frequency {
        "Weekly" => 1_000_000,
        "Fortnightly" => 500_000,
        "4-weekly" => 250_000,
        "Monthly" => 230_769,
        "Quarterly" => 76_923,
        "Annually" => 19_230,
        _ => i128::from(units.unwrap_or(0).abs()) * 10_000,
    };
    let days = i128::from(row.end.min(last) - row.start.max(first) + 1);
    // To the nearest pound, half away from zero.
    let near = |over: i128, under: i128| {
        let size = (2 * over.abs() + under) / (2 * under);
        (if over < 0 { -size } else { size }) as i64
    };
    if frequency == "One-off" {
        return (near(pence, 100), 0);
    }
    (near(pence * units * days, 100 * 1_000_000 * 7), near(pence * units, 100 * 1_000_000))
}

#[test]
fn costs_equal_a_plain_second_implementation() {
    fn sum(person: &PlainPerson, first: i32, last: i32, week: bool, figures: &mut Figures) {
        for row in &person.rows {
            let (period, weekly) = pounds(row, first, last);
            let pairs = vec![
                ("service_type", shown(row.service)),
                ("cost_frequency", shown(row.cost.map_or("", |cost| cost.0))),
                ("client_funding", shown(row.funding)),
                ("age_band", band(row)),
            ];
            *figures.entry(group(pairs)).or_insert(0) += if week { weekly } else { period };
        }
    }
    let by = ["service_type", "cost_frequency", "client_funding", "age_band"];
    compare_with("COSTS", &by, &[], Variant::Single, |person, first, last, figures| {
        sum(person, first, last, false, figures);
    });
    compare_with("COSTS-WEEKLY", &by, &[], Variant::Single, |person, first, last, figures| {
        sum(person, first, last, true, figures);
    });
}

#[test]
fn people_equal_a_plain_second_implementation() {
    const SETTINGS: [&str; 4] = [
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community",
        "Long term support: Prison",
    ];
    fn setting(person: &PlainPerson, first: i32, last: i32) -> Option<&'static str> {
        if person.death.is_some_and(|death| death < first) {
            return None;
        }
        SETTINGS.into_iter().find(|setting| {
            person.rows.iter().any(|row| {
                let runs = row.start <= last && row.end >= first && row.end >= row.start;
                row.kind == "Service" && row.client == "Service user" && row.service == *setting && runs
            })
        })
    }
    fn years(person: &PlainPerson) -> Option<i32> {
        person.birth.map(|birth| age(birth, number(BUILD_END))).filter(|age| *age > 0)
    }
    let by = ["setting", "age_band", "gender", "has_unpaid_carer"];
    compare_with("PEOPLE", &by, &[], Variant::Joined, |person, first, last, figures| {
        let Some(setting) = setting(person, first, last) else { return };
        let band = match years(person) {
            None => "Unknown",
            Some(age) if age < 18 => "Under 18",
            Some(age) if age < 65 => "18 to 64",
            Some(_) => "65 and above",
        };
        let pairs = vec![
            ("setting", setting.to_owned()),
            ("age_band", band.to_owned()),
            ("gender", person.gender.to_owned()),
            ("has_unpaid_carer", person.con.to_owned()),
        ];
        add(figures, group(pairs));
    });
    // The last day alone, and the other details.
    let by = ["age_group", "ethnic_group", "client_funding", "employment"];
    compare_with("PEOPLE", &by, &[], Variant::Joined, |person, first, last, figures| {
        if setting(person, first, last).is_none() {
            return;
        }
        let fine = match years(person) {
            None => "Unknown",
            Some(..18) => "Under 18",
            Some(18..25) => "18 to 24",
            Some(25..45) => "25 to 44",
            Some(45..65) => "45 to 64",
            Some(65..75) => "65 to 74",
            Some(75..85) => "75 to 84",
            Some(85..95) => "85 to 94",
            Some(_) => "95 and above",
        };
        let employment = if person.employment == INVALID { "Unknown" } else { person.employment };
        let pairs = vec![
            ("age_group", fine.to_owned()),
            ("ethnic_group", person.ethnicity.split(':').next().unwrap().to_owned()),
            ("client_funding", person.funding.to_owned()),
            ("employment", employment.to_owned()),
        ];
        add(figures, group(pairs));
    });
}

/// Filters on a dimension that is broken down by and on one that is not, in a period and on a day: the cells of the whole
/// table that they keep, added up.
#[test]
fn filters_keep_the_cells_that_they_name() {
    for (measure, table, by) in [
        ("PEOPLE", Variant::Joined, ["setting", "gender", "age_band", "primary_support_reason"]),
        ("SERVICES", Variant::Joined, ["service_type", "gender", "age_band", "delivery_mechanism"]),
        ("ASSESSMENTS", Variant::Joined, ["assessment_type", "gender", "age_band", "long_term_support"]),
        ("COSTS", Variant::Single, ["service_type", "gender", "age_band", "delivery_mechanism"]),
    ] {
        let entry = folkmoot_proto::catalogue::find(measure).unwrap();
        let mut kept_any = 0;
        for seed in 0..60 {
            let mut dice = Dice::new(seed);
            let histories = dice.table().histories(table, Whose::Everybody);
            let (first, last) = dice.pick(&[("2024-04-01", "2025-03-31"), ("2024-10-01", "2024-10-01")]);
            let filters: Vec<Filter> = by[2..]
                .iter()
                .map(|&name| {
                    let mut categories = entry.dimension(name).unwrap().categories.labels(span(first, last));
                    categories.retain(|_| dice.chance(60));
                    Filter { dimension: name.to_owned(), categories }
                })
                .collect();
            if filters.iter().any(|filter| filter.categories.is_empty()) {
                continue;
            }
            let mut expected = Figures::new();
            for (name, count) in asked(&histories, measure, span(first, last), Some(&by), &[]) {
                let pairs: BTreeMap<&str, &str> =
                    name.strip_suffix("/count").unwrap().split(';').filter_map(|pair| pair.split_once('=')).collect();
                let keeps = |filter: &Filter| {
                    pairs
                        .get(filter.dimension.as_str())
                        .is_some_and(|label| filter.categories.contains(&(*label).into()))
                };
                if pairs.len() == 4 && filters.iter().all(keeps) {
                    let pairs = by[..3].iter().map(|&name| (name, pairs[name].to_owned())).collect();
                    *expected.entry(group(pairs)).or_insert(0) += count;
                }
            }
            expected.retain(|_, count| *count != 0);
            let wanted: Vec<String> = by[..3].iter().map(|&name| name.to_owned()).collect();
            let release = Release::CouncilSuppressed(Profile::Hospital);
            let data = DataRule::default();
            let query = Query::new(measure, span(first, last), Some(&wanted), &filters, &[], data, release).unwrap();
            let (layout, counts) = tabulate(&histories, &query, Bounding::Official).unwrap();
            let found: Figures = (0..layout.cells())
                .filter(|&cell| counts.cells()[cell] != 0)
                .map(|cell| (format!("{}/count", layout.group(cell)), counts.cells()[cell]))
                .collect();
            kept_any += found.len();
            assert_eq!(found, expected, "{measure} on table {seed}: {}", query.sentence());
        }
        assert!(kept_any > 10, "{measure} is hardly tried: {kept_any}");
    }
}
