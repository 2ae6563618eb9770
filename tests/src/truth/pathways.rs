//! Pathways, by the rules of `docs/pathways.md`: where people who enter a state are next, or some days after.

use jiff::civil::Date;

use super::joined::Joined;
use super::lists;
use super::person::{self, Person};
use super::reached::mark;
use super::read::Row;
use super::table::{ETHNIC_GROUPS, Table, ethnic_group, list, month, months, or_unknown, plus_days, words};
use super::{Question, age, days};

/// The services that are states, highest first, with the names of the states.
const STATES: [(&str, &str); 7] = [
    ("Long term support: Nursing care", "Nursing care"),
    ("Long term support: Residential care", "Residential care"),
    ("Long term support: Community", "Community"),
    ("Long term support: Prison", "Prison"),
    ("Short term support: ST-Max", "Reablement"),
    ("Short term support: Ongoing low level", "Ongoing low level"),
    ("Short term support: Other short term", "Other short term"),
];

/// The state on a day, for somebody who entered on `entry`.
fn state(person: &Person<'_>, entry: Date, day: Date) -> &'static str {
    if person.death.is_some_and(|death| death <= day) {
        return "Died";
    }
    if day > person.built_for {
        return "Not yet known";
    }
    let rows = users(person);
    for (service_type, name) in STATES {
        for row in &rows {
            if is_stay(row, service_type)
                && row.start.is_some_and(|start| start <= day)
                && row.end.is_none_or(|end| end >= day)
            {
                return name;
            }
        }
    }
    for moved in &rows {
        if moved.outcome == "NFA: Responsibility moved to another local authority"
            && let Some(end) = moved.end.filter(|end| *end >= entry && *end <= day)
            && !mark(
                "pathways: left and came back",
                rows.iter().any(|row| row.start.is_some_and(|start| start > end && start <= day)),
            )
        {
            return "Left the area";
        }
    }
    "No support"
}

/// Rows as a service user.
fn users<'a>(person: &Person<'a>) -> Vec<&'a Row> {
    person.rows.iter().copied().filter(|row| row.client_type == "Service user").collect()
}

fn is_stay(row: &Row, service_type: &str) -> bool {
    row.event_type == "Service"
        && row.service_type == service_type
        && row.start.is_some_and(|start| !mark("pathways: end before start", row.end.is_some_and(|end| end < start)))
}

/// First day and last day (`None` for open) of each stay in services of one type.
fn stays(person: &Person<'_>, service_type: &str) -> Vec<(Date, Option<Date>)> {
    let mut services: Vec<(Date, Option<Date>)> = Vec::new();
    for row in users(person) {
        if is_stay(row, service_type)
            && let Some(start) = row.start
        {
            services.push((start, row.end));
        }
    }
    services.sort();
    let mut stays: Vec<(Date, Option<Date>)> = Vec::new();
    for (start, end) in services {
        let gap = stays.last().and_then(|(_, last)| Some(days((*last)?, start)));
        mark("pathways: seven days go on", gap == Some(7));
        mark("pathways: eight days do not", gap == Some(8));
        match stays.last_mut() {
            Some((_, last)) if last.is_none_or(|last| days(last, start) <= 7) => {
                *last = match (*last, end) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
            _ => stays.push((start, end)),
        }
    }
    stays
}

/// The first state but no support on `from` or the days after it up to `from` plus `more`.
fn first_state(person: &Person<'_>, entry: Date, from: Date, more: i32) -> &'static str {
    for later in 0..=more {
        let state = state(person, entry, plus_days(from, later));
        if state != "No support" {
            mark("pathways: support after some days", later > 0);
            return state;
        }
    }
    "No support"
}

fn next_after_stay(person: &Person<'_>, place: usize, (entry, last): (Date, Option<Date>)) -> &'static str {
    let mut leaving: Option<Date> = last.map(|last| plus_days(last, 1));
    let mut earlier = |day: Date| leaving = Some(leaving.map_or(day, |leaving| leaving.min(day)));
    for (higher, _) in &STATES[..place] {
        for row in users(person) {
            if is_stay(row, higher)
                && let Some(start) = row.start
                && !mark("pathways: a higher service on the first day", start == entry)
                && start > entry
                && last.is_none_or(|last| start <= last)
            {
                mark("pathways: a higher service during the stay", true);
                earlier(start);
            }
        }
    }
    mark("pathways: an open stay", last.is_none());
    if let Some(death) = person.death {
        mark("pathways: death before the end", last.is_none_or(|last| death <= last));
        earlier(death);
    }
    match leaving.filter(|day| *day <= person.built_for) {
        None => "No change so far",
        Some(day) => first_state(person, entry, day, 6),
    }
}

/// Everybody's first entry in the period and where they are afterwards.
pub(super) fn table(joined: &Joined, question: &Question, from: &str, after: &str) -> Table {
    let place = match from {
        "nursing-care" => Some(0),
        "residential-care" => Some(1),
        "community" => Some(2),
        "reablement" => Some(4),
        "ongoing-low-level" => Some(5),
        "other-short-term" => Some(6),
        _ => None,
    };
    let people = person::table(joined);
    let mut units = Vec::new();
    for person in &people {
        let in_period = |day: Date| day >= question.from && day <= question.to;
        let entry: Option<(Date, Option<Date>)> = match place {
            Some(place) => stays(person, STATES[place].0).into_iter().find(|(first, _)| in_period(*first)),
            None => {
                let mut days: Vec<Date> = Vec::new();
                for row in users(person) {
                    if row.event_type == "Request" && row.route == "Discharge from hospital" {
                        days.extend(row.start.filter(|start| in_period(*start)));
                    }
                }
                days.into_iter().min().map(|day| (day, None))
            }
        };
        let dead = |day: Date| person.death.is_some_and(|death| death < day);
        let Some(stay) = entry.filter(|(day, _)| !mark("pathways: dead before entry", dead(*day))) else {
            continue;
        };
        let to = match (after, place) {
            ("next", Some(place)) => next_after_stay(person, place, stay),
            ("next", None) => first_state(person, stay.0, stay.0, 28),
            (number, _) => {
                let number: i32 = number.parse().expect("a number of days");
                state(person, stay.0, plus_days(stay.0, number))
            }
        };
        let band = match person.birth.map(|birth| age(birth, stay.0)).filter(|age| *age > 0) {
            None => "Unknown",
            Some(age) if age < 18 => "Under 18",
            Some(age) if age < 65 => "18 to 64",
            Some(_) => "65 and above",
        };
        units.push((
            words(&[
                to,
                &month(stay.0),
                band,
                &or_unknown(&person.gender),
                ethnic_group(&person.ethnicity),
                &or_unknown(&person.reason),
            ]),
            1,
        ));
    }
    let mut to = words(&STATES.map(|(_, name)| name));
    to.extend(words(&["No support", "Left the area", "Died", "No change so far", "Not yet known"]));
    Table {
        dimensions: vec![
            ("to", to),
            ("month", months(question.from, question.to)),
            ("age_band", words(&["Under 18", "18 to 64", "65 and above", "Unknown"])),
            ("gender", list(lists::GENDER, &[])),
            ("ethnic_group", words(&ETHNIC_GROUPS)),
            ("primary_support_reason", list(lists::SUPPORT_REASON, &[])),
        ],
        units,
        own: &["to"],
        totals: &[&["to", "month", "age_band", "gender", "ethnic_group", "primary_support_reason"], &["to"]],
    }
}
