//! SALT LTS001a, b and c: long-term support in a period, on a day, and on a day for more than a year.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::joined::Joined;
use super::lists::{self, INVALID};
use super::person;
use super::reached::mark;
use super::read::Row;
use super::table::{SETTINGS, Table, list, plus_days, plus_months, words};
use super::{Question, age};

const UNDECLARED: &str = "No data: Undeclared or not known";
const INVALID_OR_BLANK: &str = "Invalid/NULL";

/// The nine ranks, highest setting first.
const RANKS: [&str; 9] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community, Direct payment",
    "Long term support: Community, CASSR managed personal budget",
    "Long term support: Community, CASSR commissioned support",
    "Long term support: Community, other or unknown mechanism",
    "Long term support: Prison, CASSR managed personal budget",
    "Long term support: Prison, CASSR commissioned support",
    "Long term support: Prison, other or unknown mechanism",
];

/// The place of a row in [`RANKS`]: a mechanism counts where it is valid for the setting, and the component never.
fn rank(row: &Row) -> usize {
    match (row.service_type.as_str(), row.mechanism.as_str()) {
        ("Long term support: Nursing care", _) => 0,
        ("Long term support: Residential care", _) => 1,
        ("Long term support: Community", "Direct payment") => 2,
        ("Long term support: Community", "CASSR managed personal budget") => 3,
        ("Long term support: Community", "CASSR commissioned support") => 4,
        ("Long term support: Community", _) => 5,
        (_, "CASSR managed personal budget") => 6,
        (_, "CASSR commissioned support") => 7,
        _ => 8,
    }
}

/// Which day of death counts: the row's own (LTS001b), or that of the person table.
#[derive(Clone, Copy, PartialEq)]
enum Death {
    OfTheRow,
    OfThePerson,
}

/// Rows of service users with a long-term type, a known birth, and no death before `from`, that had started by `to`.
fn candidates(joined: &Joined, whose: Death, from: Date, to: Date) -> Vec<&Row> {
    let deaths = person::deaths(joined);
    let death = |row: &Row| if whose == Death::OfTheRow { row.death } else { deaths.get(&row.person).copied() };
    let mut rows = Vec::new();
    for row in &joined.rows {
        if SETTINGS.contains(&row.service_type.as_str())
            && row.client_type == "Service user"
            && row.birth.is_some()
            && row.start.is_some_and(|start| start <= to)
        {
            if death(row).is_some_and(|death| death < from) {
                mark("long-term support: a death that the row does not say", row.death.is_none());
                continue;
            }
            mark("long-term support: death on the day", death(row) == Some(from));
            mark("long-term support: end on the day", row.end == Some(from));
            mark("long-term support: not a service event", row.event_type != "Service");
            rows.push(row);
        }
    }
    rows
}

/// What is looked up on the deciding rows of a person.
struct Field {
    value: fn(&Row) -> &str,
    /// Texts that count as unknown beside nothing at all.
    unknown: &'static str,
    /// What is shown for a text of the deciding rows.
    shown: fn(&str) -> String,
    /// What is shown when the deciding rows differ.
    conflict: &'static str,
}

/// For each person among `rows` the setting and the value of the field: highest setting, then a known value, then the latest
/// start; values that still differ are `conflict`.
fn decide(rows: &[&Row], field: &Field) -> Vec<(String, &'static str)> {
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        people.entry(&row.person).or_default().push(row);
    }
    let mut decided = Vec::new();
    for rows in people.values() {
        let best_rank = rows.iter().map(|row| rank(row)).min().expect("a person has rows");
        let in_setting: Vec<&&Row> = rows.iter().filter(|row| rank(row) == best_rank).collect();
        let known = |row: &Row| {
            let value = (field.value)(row);
            !value.is_empty() && value != field.unknown
        };
        let best_known = in_setting.iter().map(|row| known(row)).max();
        let of_known: Vec<&&&Row> = in_setting.iter().filter(|row| Some(known(row)) == best_known).collect();
        let latest = of_known.iter().map(|row| row.start).max();
        let latest_of_all = in_setting.iter().map(|row| row.start).max();
        mark("long-term support: a known value before a later start", latest < latest_of_all);
        let mut values: BTreeSet<String> = BTreeSet::new();
        for row in of_known {
            if Some(row.start) == latest {
                values.insert((field.shown)((field.value)(row)));
            }
        }
        mark("long-term support: values that differ on the deciding rows", values.len() > 1);
        let value = match values.pop_first() {
            Some(only) if values.is_empty() => only,
            _ => field.conflict.to_owned(),
        };
        decided.push((value, RANKS[best_rank]));
    }
    decided
}

fn invalid_or_blank(text: &str) -> String {
    if text.is_empty() || text == INVALID { INVALID_OR_BLANK.to_owned() } else { text.to_owned() }
}

const REASON: Field =
    Field { value: |row| &row.reason, unknown: "Unknown", shown: invalid_or_blank, conflict: "Unknown" };

/// In LTS001c nothing is renamed.
const REASON_AS_IT_IS: Field = Field {
    value: |row| &row.reason,
    unknown: "Unknown",
    shown: |text| if text.is_empty() { "NULL".to_owned() } else { text.to_owned() },
    conflict: "Unknown",
};

const CARER: Field = Field {
    value: |row| &row.has_carer,
    unknown: "Unknown",
    shown: |text| if text == "Yes" || text == "No" { text.to_owned() } else { INVALID_OR_BLANK.to_owned() },
    conflict: "Unknown",
};

const ETHNICITY: Field =
    Field { value: |row| &row.ethnicity, unknown: UNDECLARED, shown: invalid_or_blank, conflict: UNDECLARED };

/// Tables a (18 to 64) and b (65 and over) of rows, each on its own, by age on `on`.
fn by_reason(rows: &[&Row], on: Date, field: &Field, more: &[&str]) -> Table {
    let mut units = Vec::new();
    let mut people_before: BTreeSet<&str> = BTreeSet::new();
    for band in ["18 to 64", "65 and above"] {
        let mut of_band = Vec::new();
        for row in rows {
            let age = row.birth.map_or(0, |birth| age(birth.first_of_month(), on));
            let in_band = if band == "18 to 64" { (18..=64).contains(&age) } else { age >= 65 };
            if in_band {
                of_band.push(*row);
            }
        }
        let people: BTreeSet<&str> = of_band.iter().map(|row| row.person.as_str()).collect();
        mark("long-term support: in both age tables", !people.is_disjoint(&people_before));
        people_before.extend(people);
        for (reason, setting) in decide(&of_band, field) {
            units.push((words(&[band, &reason, setting]), 1));
        }
    }
    Table {
        dimensions: vec![
            ("age_band", words(&["18 to 64", "65 and above"])),
            ("primary_support_reason", list(lists::SUPPORT_REASON, more)),
            ("setting", words(&RANKS)),
        ],
        units,
        own: &["age_band", "primary_support_reason", "setting"],
        totals: &[
            &["setting"],
            &["primary_support_reason"],
            &["primary_support_reason", "setting"],
            &["age_band", "primary_support_reason", "setting"],
        ],
    }
}

/// LTS001a: at any time in the period.
pub(super) fn in_period(joined: &Joined, question: &Question) -> Table {
    let mut rows = candidates(joined, Death::OfThePerson, question.from, question.to);
    rows.retain(|row| row.end.is_none_or(|end| end >= question.from));
    by_reason(&rows, question.to, &REASON, &[INVALID_OR_BLANK])
}

fn on_day(joined: &Joined, day: Date) -> Vec<&Row> {
    let mut rows = candidates(joined, Death::OfTheRow, day, day);
    rows.retain(|row| row.end.is_none_or(|end| end >= day));
    rows
}

/// LTS001b, tables 1a and 1b: on the last day, by reason.
pub(super) fn on_day_by_reason(joined: &Joined, question: &Question) -> Table {
    by_reason(&on_day(joined, question.to), question.to, &REASON, &[INVALID_OR_BLANK])
}

/// LTS001b, table 2: on the last day, by whether there is a carer; all ages.
pub(super) fn on_day_by_carer(joined: &Joined, question: &Question) -> Table {
    let mut units = Vec::new();
    for (carer, setting) in decide(&on_day(joined, question.to), &CARER) {
        units.push((words(&[&carer, setting]), 1));
    }
    Table {
        dimensions: vec![
            ("has_unpaid_carer", words(&["Yes", "No", "Unknown", INVALID_OR_BLANK])),
            ("setting", words(&RANKS)),
        ],
        units,
        own: &["has_unpaid_carer", "setting"],
        totals: &[&["setting"], &["has_unpaid_carer"], &["has_unpaid_carer", "setting"]],
    }
}

/// LTS001b, tables 3a, 3b and 3c: on the last day, by ethnic background, each gender on its own; all ages.
pub(super) fn on_day_by_ethnicity(joined: &Joined, question: &Question) -> Table {
    let all = on_day(joined, question.to);
    let mut units = Vec::new();
    let parts: [(&str, &[&str]); 3] =
        [("Male", &["Male"]), ("Female", &["Female"]), ("Other or unknown", &["Other", "Unknown"])];
    for (gender, texts) in parts {
        let rows: Vec<&Row> = all.iter().copied().filter(|row| texts.contains(&row.gender.as_str())).collect();
        for (ethnicity, setting) in decide(&rows, &ETHNICITY) {
            units.push((words(&[gender, &ethnicity, setting]), 1));
        }
    }
    Table {
        dimensions: vec![
            ("gender", words(&["Male", "Female", "Other or unknown"])),
            ("ethnicity", list(lists::ETHNICITY, &[INVALID_OR_BLANK])),
            ("setting", words(&RANKS)),
        ],
        units,
        own: &["gender", "ethnicity", "setting"],
        totals: &[&["setting"], &["ethnicity", "setting"], &["gender", "ethnicity", "setting"]],
    }
}

/// LTS001c: on the last day, when the unbroken support began more than a year before.
pub(super) fn for_a_year(joined: &Joined, question: &Question, documented: bool) -> Table {
    let day = question.to;
    let year_before = plus_months(day, -12);
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in candidates(joined, Death::OfThePerson, day, day) {
        people.entry(&row.person).or_default().push(row);
    }
    let mut kept = Vec::new();
    for rows in people.values_mut() {
        let end = |row: &Row| row.end.unwrap_or(Date::MAX);
        rows.sort_by_key(|row| (row.start, end(row)));
        let mut chain_start = rows[0].start;
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                let looked_at = if documented {
                    rows[..place].iter().map(|row| end(row)).max().expect("there is a row before")
                } else {
                    end(rows[place - 1])
                };
                let goes_on = row.start.is_some_and(|start| looked_at >= plus_days(start, -1));
                let running =
                    rows[..place].iter().map(|row| end(row)).max() >= row.start.map(|start| plus_days(start, -1));
                mark("LTS001C: a nested spell breaks the chain", !goes_on && running);
                mark("LTS001C: a chain over a day's gap", goes_on && row.start > Some(looked_at));
                if !goes_on {
                    chain_start = row.start;
                }
            }
            let long_enough =
                chain_start.is_some_and(|start| if documented { start <= year_before } else { start < year_before });
            mark("LTS001C: a start exactly a year before", end(row) >= day && chain_start == Some(year_before));
            if long_enough && end(row) >= day {
                kept.push(*row);
            }
        }
    }
    by_reason(&kept, day, &REASON_AS_IT_IS, &[INVALID, "NULL"])
}
