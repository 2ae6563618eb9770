//! The person table: for each person of the council the latest known details, from all rows of the joined table.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use super::age;
use super::joined::Joined;
use super::lists::INVALID;
use super::read::Row;

/// What is known about one person.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // each field is the column of the same name unless it says more
pub struct Person<'a> {
    /// The identity within the council.
    pub id: String,
    /// All of the person's rows in the joined table.
    pub rows: Vec<&'a Row>,
    /// As submitted, or inferred from services where it is unknown.
    pub accommodation: String,
    pub employment: String,
    pub gender: String,
    pub ethnicity: String,
    pub funding: String,
    pub has_carer: String,
    pub reason: String,
    /// The first of the birth month.
    pub birth: Option<Date>,
    /// On the last day of the joined window; `None` for unknown, 0 or less.
    pub age: Option<i32>,
    pub death: Option<Date>,
    /// The last day of the joined window, which the table was built for.
    pub built_for: Date,
}

/// The day of death of everybody who has one, by identity.
pub fn deaths(joined: &Joined) -> BTreeMap<String, Date> {
    table(joined).into_iter().filter_map(|person| Some((person.id, person.death?))).collect()
}

/// The table, in the order of the identities.
pub fn table(joined: &Joined) -> Vec<Person<'_>> {
    let last = joined.window.1;
    let year_ago = last.checked_add(1.day()).and_then(|day| day.checked_add((-12).months())).unwrap_or(last);
    let mut rows_of: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in &joined.rows {
        rows_of.entry(row.person.clone()).or_default().push(row);
    }
    // Council ids that some carer with events in the last year is linked to.
    let mut cared_for: BTreeSet<&str> = BTreeSet::new();
    for row in &joined.rows {
        let carer = row.client_type == "Unpaid carer" || row.client_type == "Unpaid carer known by association";
        let in_year = row.end.is_none_or(|end| end >= year_ago) && row.start.is_some_and(|start| start <= last);
        if carer && in_year {
            cared_for.extend(row.linked.iter().map(String::as_str).filter(|id| !id.is_empty()));
        }
    }
    let mut table = Vec::new();
    for (id, rows) in rows_of {
        let mut accommodation = latest(&rows, "Unknown", |row| {
            let value = or_unknown(&row.accommodation, "Unknown");
            (usize::from(value != "Unknown"), value)
        });
        if accommodation == "Unknown" {
            accommodation = from_services(&rows).to_owned();
        }
        let mut has_carer = latest(&rows, "Unknown", |row| plain(&row.has_carer));
        if rows.iter().any(|row| !row.council_id.is_empty() && cared_for.contains(&row.council_id.as_str())) {
            has_carer = "Yes".to_owned();
        }
        let birth = birth(&rows);
        let person = Person {
            built_for: last,
            id,
            accommodation,
            employment: latest(&rows, "Unknown", |row| plain(&row.employment)),
            gender: latest(&rows, "Unknown", |row| plain(&row.gender)),
            ethnicity: latest(&rows, UNDECLARED, |row| {
                let value = or_unknown(&row.ethnicity, UNDECLARED);
                let rank = match value.as_str() {
                    UNDECLARED => 0,
                    "No data: Refused" => 1,
                    _ => 2,
                };
                (rank, value)
            }),
            funding: latest(&rows, "Unknown", |row| {
                let known = ["Fully social care funded", "Joint client and social care funded", "Fully client funded"];
                if known.contains(&row.funding.as_str()) { (1, row.funding.clone()) } else { (0, "Unknown".to_owned()) }
            }),
            has_carer,
            reason: latest(&rows, "Unknown", |row| {
                let value = or_unknown(&row.reason, "Unknown");
                let unknown = value == "Unknown" || value == "Social support: Support to unpaid carer";
                (usize::from(!unknown), value)
            }),
            birth,
            age: birth.map(|birth| age(birth, last)).filter(|age| *age > 0),
            death: rows
                .iter()
                .filter_map(|row| Some((row.reference.map(|(_, last)| last), row.death?)))
                .max()
                .map(|(_, death)| death),
            rows,
        };
        table.push(person);
    }
    table
}

const UNDECLARED: &str = "No data: Undeclared or not known";

/// The text, or `unknown` where there is none or an invalid one.
fn or_unknown(text: &str, unknown: &str) -> String {
    if text.is_empty() || text == INVALID { unknown.to_owned() } else { text.to_owned() }
}

/// Rank 0 for unknown, invalid and nothing, which all keep their names; nothing counts as invalid.
fn plain(text: &str) -> (usize, String) {
    match text {
        "" | INVALID => (0, INVALID.to_owned()),
        "Unknown" => (0, text.to_owned()),
        _ => (1, text.to_owned()),
    }
}

/// The value of the rows that come first by known rank, reference end, end, start; `conflict` when they disagree.
fn latest(rows: &[&Row], conflict: &str, value: impl Fn(&Row) -> (usize, String)) -> String {
    let key = |row: &Row| (value(row).0, row.reference.map(|(_, last)| last), row.end.unwrap_or(Date::MAX), row.start);
    let Some(best) = rows.iter().map(|row| key(row)).max() else {
        return conflict.to_owned();
    };
    let mut values: Vec<String> = rows.iter().filter(|row| key(row) == best).map(|row| value(row).1).collect();
    values.sort();
    values.dedup();
    match values.as_slice() {
        [one] => one.clone(),
        _ => conflict.to_owned(),
    }
}

fn birth(rows: &[&Row]) -> Option<Date> {
    let latest = rows.iter().filter(|row| row.birth.is_some()).map(|row| row.reference.map(|(_, last)| last)).max()?;
    rows.iter()
        .filter(|row| row.reference.map(|(_, last)| last) == latest)
        .filter_map(|row| row.birth)
        .map(Date::first_of_month)
        .min()
}

/// Where somebody lives, by the latest of their services.
fn from_services(rows: &[&Row]) -> &'static str {
    const TELLING: [&str; 4] =
        ["Shared Lives", "Community supported living", "Extra care housing", "Home support or domiciliary care"];
    let order = |row: &Row| match row.service_type.as_str() {
        "Long term support: Nursing care" => 1,
        "Long term support: Residential care" => 2,
        "Long term support: Community" => 3,
        "Long term support: Prison" => 4,
        "Short term support: ST-Max" => 5,
        "Short term support: Ongoing low level" => 6,
        "Short term support: Other short term" => 7,
        _ => 99,
    };
    let key = |row: &Row| {
        (
            Reverse(row.end.unwrap_or(Date::MAX)),
            order(row),
            !TELLING.contains(&row.component.as_str()),
            Reverse(row.start),
        )
    };
    let services: Vec<&&Row> = rows.iter().filter(|row| row.event_type == "Service").collect();
    let Some(first) = services.iter().map(|row| key(row)).min() else {
        return "Unknown";
    };
    let tied: Vec<&&&Row> = services.iter().filter(|row| key(row) == first).collect();
    let service_type = if order(tied[0]) == 99 { "" } else { tied[0].service_type.as_str() };
    let mut components: Vec<&str> =
        tied.iter().map(|row| row.component.as_str()).filter(|component| TELLING.contains(component)).collect();
    components.sort_unstable();
    components.dedup();
    let component = if components.len() == 1 { components[0] } else { "" };
    let community = service_type == "Long term support: Community";
    if service_type == "Long term support: Nursing care" {
        "Registered nursing home"
    } else if service_type == "Long term support: Residential care" {
        "Registered care home"
    } else if component == "Shared Lives" {
        "Shared Lives scheme"
    } else if component == "Extra care housing" {
        "Sheltered housing, extra care housing or other sheltered housing"
    } else if component == "Community supported living" {
        "Supported accommodation, supported lodgings or supported group home"
    } else if community && component == "Home support or domiciliary care" {
        "Unknown: Presumed at home"
    } else if community && component.is_empty() {
        "Unknown: Presumed in community"
    } else if service_type == "Long term support: Prison" {
        "Prison, young offenders institution or detention centre"
    } else {
        "Unknown"
    }
}
