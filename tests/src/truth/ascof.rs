//! ASCOF 2E and 3D.

use jiff::civil::Date;

use super::lists::{INVALID, SETTLED};
use super::person::Person;
use super::read::Row;
use super::{Counted, Question, age};

pub(super) const MANAGED: &str = "CASSR managed personal budget";
const COMMISSIONED: &str = "CASSR commissioned support";
const DIRECT: &str = "Direct payment";
const LONG_TERM: [&str; 4] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
];

pub(super) fn is_long_term(row: &Row) -> bool {
    LONG_TERM.contains(&row.service_type.as_str())
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn dimension(name: &str, categories: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), texts(categories))
}

/// The people counted for 2E with their age (`None` for unknown), adults only.
fn home_cohort<'a>(people: &'a [Person<'a>], question: &Question) -> Vec<(&'a Person<'a>, Option<i32>)> {
    let (from, to) = (question.from, question.to);
    let mut cohort = Vec::new();
    for person in people {
        if person.death.is_some_and(|death| death < from) {
            continue;
        }
        let mut latest = None;
        for row in &person.rows {
            let in_period =
                row.start.is_some_and(|start| start <= to && row.end.is_none_or(|end| end >= from && end >= start));
            if row.client_type == "Service user" && row.event_type == "Service" && is_long_term(row) && in_period {
                latest = latest.max(Some(row.end.map_or(to, |end| end.min(to))));
            }
        }
        let Some(latest) = latest else {
            continue;
        };
        let age = person.birth.map(|birth| age(birth, latest));
        if age.is_none_or(|age| age >= 18) {
            cohort.push((person, age));
        }
    }
    cohort
}

pub(super) fn adult_band(age: Option<i32>) -> &'static str {
    match age {
        None => "Unknown",
        Some(age) if age < 65 => "18 to 64",
        Some(_) => "65 and above",
    }
}

fn has_learning_disability(person: &Person<'_>, age: Option<i32>) -> bool {
    person.reason == "Learning disability support" && adult_band(age) == "18 to 64"
}

/// 2E: living at home or with family.
pub(super) fn home_or_family(people: &[Person<'_>], question: &Question, learning_disability: bool) -> Counted {
    let mut units = Vec::new();
    for (person, age) in home_cohort(people, question) {
        if age.is_none() || (learning_disability && !has_learning_disability(person, age)) {
            continue;
        }
        let gender = match person.gender.as_str() {
            "Male" | "Female" => person.gender.as_str(),
            _ => "Other or unknown",
        };
        let settled = SETTLED.contains(&person.accommodation.as_str());
        units.push((texts(&[adult_band(age), gender]), if settled { "yes" } else { "no" }));
    }
    let bands: &[&str] = if learning_disability { &["18 to 64"] } else { &["18 to 64", "65 and above"] };
    Counted {
        dimensions: vec![dimension("age_band", bands), dimension("gender", &["Male", "Female", "Other or unknown"])],
        components: vec!["yes", "no"],
        units,
        totals: vec![texts(&["gender"])],
    }
}

/// The second table of 2E: accommodation that stayed unknown or was presumed, people of unknown age included.
pub(super) fn home_unknown(people: &[Person<'_>], question: &Question) -> Counted {
    let unknown = ["Unknown", "Unknown: Presumed at home", "Unknown: Presumed in community"];
    let mut units = Vec::new();
    for (person, _) in home_cohort(people, question) {
        if unknown.contains(&person.accommodation.as_str()) {
            units.push((vec![person.accommodation.clone()], "count"));
        }
    }
    Counted {
        dimensions: vec![dimension("accommodation", &unknown)],
        components: vec!["count"],
        units,
        totals: vec![texts(&["accommodation"])],
    }
}

/// The band of 3D: age at the end of the period asked for, from the person table's birth; `None` for those under 18.
fn arranged_band(person: &Person<'_>, on: Date) -> Option<&'static str> {
    let age = person.birth.map(|birth| age(birth, on));
    if age.is_some_and(|age| age < 18) { None } else { Some(adult_band(age)) }
}

fn arranged(units: Vec<(Vec<String>, &'static str)>, totals: &[&[&str]]) -> Counted {
    Counted {
        dimensions: vec![
            dimension("age_band", &["18 to 64", "65 and above", "Unknown"]),
            dimension("support", &[DIRECT, MANAGED, COMMISSIONED, "Unknown"]),
        ],
        components: vec!["count"],
        units,
        totals: totals.iter().map(|total| texts(total)).collect(),
    }
}

/// 3D clients: how community support is arranged on the last day of the period.
pub(super) fn clients(people: &[Person<'_>], question: &Question) -> Counted {
    let on = question.to;
    let mut units = Vec::new();
    for person in people {
        if person.death.is_some_and(|death| death < on) {
            continue;
        }
        let mut best = 10;
        for row in &person.rows {
            let open =
                row.start.is_some_and(|start| start <= on && row.end.is_none_or(|end| end >= on && end >= start));
            if !open || !is_long_term(row) || row.client_type != "Service user" {
                continue;
            }
            let mechanism = if row.component == DIRECT { DIRECT } else { row.mechanism.as_str() };
            let rank = match (row.service_type.as_str(), mechanism) {
                ("Long term support: Nursing care", _) => 1,
                ("Long term support: Residential care", _) => 2,
                ("Long term support: Community", DIRECT) => 3,
                ("Long term support: Community", MANAGED) => 4,
                ("Long term support: Community", COMMISSIONED) => 5,
                ("Long term support: Community", _) => 6,
                (_, MANAGED) => 7,
                (_, COMMISSIONED) => 8,
                _ => 9,
            };
            best = best.min(rank);
        }
        let support = match best {
            3 => DIRECT,
            4 => MANAGED,
            5 => COMMISSIONED,
            6 => "Unknown",
            _ => continue,
        };
        if let Some(band) = arranged_band(person, on) {
            units.push((texts(&[band, support]), "count"));
        }
    }
    arranged(units, &[&["age_band"], &["support"], &["age_band", "support"]])
}

/// 3D carers: how support to carers was arranged in the period.
pub(super) fn carers(people: &[Person<'_>], question: &Question) -> Counted {
    let (from, to) = (question.from, question.to);
    let mut units = Vec::new();
    for person in people {
        if person.death.is_some_and(|death| death < from) {
            continue;
        }
        let mut best = 10;
        for row in &person.rows {
            let carer = row.client_type == "Unpaid carer" || row.client_type == "Unpaid carer known by association";
            let in_period =
                row.start.is_some_and(|start| start <= to && row.end.is_none_or(|end| end >= from && end >= start));
            if carer && in_period {
                best = best.min(carer_category(row).unwrap_or(10));
            }
        }
        let support = match best {
            1 => DIRECT,
            2 => MANAGED,
            3 => COMMISSIONED,
            4 => "Unknown",
            _ => continue,
        };
        if let Some(band) = arranged_band(person, to) {
            units.push((texts(&[band, support]), "count"));
        }
    }
    arranged(units, &[&["age_band"]])
}

/// The published category of a carer's row, `None` for rows that match nothing.
fn carer_category(row: &Row) -> Option<usize> {
    const ADVICE: &str = "NFA: Information and advice or signposting";
    let direct = row.service_type == "Unpaid carer support: Direct to unpaid carer";
    let involving = row.service_type == "Unpaid carer support: Support involving the person cared-for";
    let no_service = row.service_type.is_empty();
    let looked_at = row.event_type == "Assessment" || row.event_type == "Review";
    if !(direct || involving || (no_service && (row.outcome == ADVICE || looked_at))) {
        return None;
    }
    let component = !row.component.is_empty();
    if direct && (row.mechanism == DIRECT || row.component == DIRECT) {
        Some(1)
    } else if direct && row.mechanism == MANAGED && component {
        Some(2)
    } else if direct && row.mechanism == COMMISSIONED && component {
        Some(3)
    } else if direct && component {
        Some(4)
    } else if direct {
        None
    } else if involving {
        Some(6)
    } else if looked_at {
        let outcome = if row.outcome.is_empty() { INVALID } else { row.outcome.as_str() };
        Some(if outcome == ADVICE { 5 } else { 6 })
    } else if row.event_type == "Request" {
        Some(5)
    } else {
        None
    }
}

/// A rate of 3D from its table: `yes` for the arrangements named, `no` for the others among the first `of`.
pub(super) fn rate(table: &Counted, yes: &[&str], of: usize) -> Counted {
    let all = [DIRECT, MANAGED, COMMISSIONED, "Unknown"];
    let mut units = Vec::new();
    for (categories, _) in &table.units {
        let support = categories[1].as_str();
        if all[..of].contains(&support) {
            units.push((vec![categories[0].clone()], if yes.contains(&support) { "yes" } else { "no" }));
        }
    }
    Counted {
        dimensions: vec![table.dimensions[0].clone()],
        components: vec!["yes", "no"],
        units,
        totals: vec![texts(&["age_band"])],
    }
}
