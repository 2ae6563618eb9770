//! The table of people with long-term support, in a period or on a day.

use super::ascof::is_long_term;
use super::lists::{self, INVALID};
use super::person::Person;
use super::{Counted, Error, Question};

/// People with long-term support overlapping the period (one day when both dates are equal), each once.
pub(super) fn table(people: &[Person<'_>], question: &Question) -> Result<Counted, Error> {
    let by: Vec<String> =
        if question.by.is_empty() { vec!["age_band".into(), "gender".into()] } else { question.by.clone() };
    let mut units = Vec::new();
    for person in people {
        if person.death.is_some_and(|death| death < question.from) {
            continue;
        }
        let mut setting: Option<usize> = None;
        for row in &person.rows {
            let overlaps = row.start.is_some_and(|start| {
                start <= question.to && row.end.is_none_or(|end| end >= question.from && end >= start)
            });
            if row.event_type == "Service" && row.client_type == "Service user" && is_long_term(row) && overlaps {
                let place = SETTINGS.iter().position(|name| *name == row.service_type);
                setting = match (setting, place) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        let Some(setting) = setting else {
            continue;
        };
        let mut categories = Vec::new();
        for dimension in &by {
            let text = match dimension.as_str() {
                "age_band" => band(person.age, &[(18, "Under 18"), (65, "18 to 64")], "65 and above"),
                "age_group" => band(
                    person.age,
                    &[
                        (18, "Under 18"),
                        (25, "18 to 24"),
                        (45, "25 to 44"),
                        (65, "45 to 64"),
                        (75, "65 to 74"),
                        (85, "75 to 84"),
                        (95, "85 to 94"),
                    ],
                    "95 and above",
                ),
                "gender" => known(&person.gender),
                "ethnic_group" => person.ethnicity.split(':').next().unwrap_or_default(),
                "primary_support_reason" => known(&person.reason),
                "setting" => SETTINGS[setting],
                "has_unpaid_carer" => known(&person.has_carer),
                "client_funding" => known(&person.funding),
                "employment" => known(&person.employment),
                "accommodation" => known(&person.accommodation),
                other => return Err(Error::UnknownDimension(other.to_owned())),
            };
            categories.push(text.to_owned());
        }
        units.push((categories, "count"));
    }
    let mut dimensions = Vec::new();
    for dimension in &by {
        dimensions.push((dimension.clone(), categories(dimension)?));
    }
    Ok(Counted { dimensions, components: vec!["count"], units, totals: vec![by] })
}

const SETTINGS: [&str; 4] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
];

/// Where a table has no place for invalid text, it is unknown.
fn known(text: &str) -> &str {
    if text == INVALID { "Unknown" } else { text }
}

fn band(age: Option<i32>, below: &[(i32, &'static str)], oldest: &'static str) -> &'static str {
    match age {
        None => "Unknown",
        Some(age) => below.iter().find(|(limit, _)| age < *limit).map_or(oldest, |(_, name)| name),
    }
}

fn categories(dimension: &str) -> Result<Vec<String>, Error> {
    let of = |list: &[lists::Value]| list.iter().map(|(text, _)| (*text).to_owned()).collect::<Vec<_>>();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Ok(match dimension {
        "age_band" => words(&["Under 18", "18 to 64", "65 and above", "Unknown"]),
        "age_group" => words(&[
            "Under 18",
            "18 to 24",
            "25 to 44",
            "45 to 64",
            "65 to 74",
            "75 to 84",
            "85 to 94",
            "95 and above",
            "Unknown",
        ]),
        "gender" => of(lists::GENDER),
        "ethnic_group" => words(&[
            "White",
            "Mixed or multiple ethnic groups",
            "Asian or Asian British",
            "Black, Black British, Caribbean or African",
            "Other ethnic group",
            "No data",
        ]),
        "primary_support_reason" => of(lists::SUPPORT_REASON),
        "setting" => words(&SETTINGS),
        "has_unpaid_carer" => of(lists::YES_NO),
        "client_funding" => of(lists::FUNDING),
        "employment" => of(lists::EMPLOYMENT),
        "accommodation" => {
            let mut all = of(lists::ACCOMMODATION);
            all.extend(words(&["Unknown: Presumed at home", "Unknown: Presumed in community"]));
            all
        }
        other => return Err(Error::UnknownDimension(other.to_owned())),
    })
}
