//! SALT LTS003 (carers) and LTS004 (learning disability: employment and accommodation).

use std::collections::{BTreeMap, BTreeSet};

use super::joined::Joined;
use super::lists::{self, INVALID};
use super::person;
use super::reached::mark;
use super::read::Row;
use super::table::{SETTINGS, Table, list, words};
use super::{Question, age};

const ADVICE: &str = "NFA: Information and advice or signposting";
const DIRECT_TO_CARER: &str = "Unpaid carer support: Direct to unpaid carer";
const INVOLVING: &str = "Unpaid carer support: Support involving the person cared-for";
const INVALID_OR_BLANK: &str = "Invalid/NULL";

const SUPPORT: [&str; 6] = [
    "Direct payment only",
    "CASSR managed personal budget",
    "CASSR commissioned support only",
    "Support direct to carer: unknown delivery mechanism",
    "Information, advice and other universal services or signposting",
    "No direct support provided to carer",
];

/// The category of a carer's row (a place in [`SUPPORT`]); `None` for rows outside the cohort or in no category.
fn category(row: &Row) -> Option<usize> {
    let carer = row.client_type == "Unpaid carer" || row.client_type == "Unpaid carer known by association";
    let one_of_four = ["Request", "Assessment", "Service", "Review"].contains(&row.event_type.as_str());
    let looked_at = row.event_type == "Assessment" || row.event_type == "Review";
    let advised = row.outcome == ADVICE;
    let no_service = row.service_type.is_empty();
    let for_carer = row.service_type == DIRECT_TO_CARER || row.service_type == INVOLVING;
    let in_cohort = (no_service && advised) || for_carer || (looked_at && no_service);
    if !carer || !one_of_four || !in_cohort {
        return None;
    }
    if row.service_type == DIRECT_TO_CARER {
        return Some(match row.mechanism.as_str() {
            "Direct payment" => 0,
            "CASSR managed personal budget" => 1,
            "CASSR commissioned support" => 2,
            _ => 3,
        });
    }
    if row.service_type == INVOLVING {
        return Some(5);
    }
    match row.event_type.as_str() {
        "Assessment" | "Review" => Some(if advised { 4 } else { 5 }),
        "Request" => Some(4),
        _ => {
            mark("LTS003: a row of no category", true);
            None
        }
    }
}

/// LTS003: unpaid carers by the highest category of their rows in the period.
pub(super) fn carers(joined: &Joined, question: &Question) -> Table {
    let deaths = person::deaths(joined);
    let mut people: BTreeMap<&str, Vec<(usize, &Row)>> = BTreeMap::new();
    for row in &joined.rows {
        let in_period = row.start.is_some_and(|start| start <= question.to)
            && row.end.is_none_or(|end| end >= question.from)
            && deaths.get(&row.person).is_none_or(|death| *death >= question.from);
        if let Some(category) = category(row).filter(|_| in_period) {
            people.entry(&row.person).or_default().push((category, row));
        }
    }
    let mut units = Vec::new();
    for rows in people.values() {
        let best = rows.iter().map(|(category, _)| *category).min().expect("a person has rows");
        let births: BTreeSet<_> =
            rows.iter().filter(|(category, _)| *category == best).filter_map(|(_, row)| row.birth).collect();
        mark("LTS003: youngest of several births", births.len() > 1);
        let group = match births.into_iter().map(|birth| age(birth.first_of_month(), question.to)).min() {
            None => "Unknown",
            Some(age) if age < 18 => "Under 18",
            Some(age) if age <= 25 => "18 to 25",
            Some(age) if age <= 64 => "26 to 64",
            Some(age) if age <= 84 => "65 to 84",
            Some(_) => "85 and above",
        };
        units.push((words(&[SUPPORT[best], group]), 1));
    }
    Table {
        dimensions: vec![
            ("support", words(&SUPPORT)),
            ("age_group", words(&["Under 18", "18 to 25", "26 to 64", "65 to 84", "85 and above", "Unknown"])),
        ],
        units,
        own: &["support"],
        totals: &[&["support"], &["age_group"], &["support", "age_group"]],
    }
}

/// Rows of adults of working age with a learning disability and long-term support in the period.
fn cohort<'a>(joined: &'a Joined, question: &Question, documented: bool) -> Vec<&'a Row> {
    let deaths = person::deaths(joined);
    let mut rows = Vec::new();
    for row in &joined.rows {
        let setting = SETTINGS.contains(&row.service_type.as_str());
        let prison = row.service_type == "Long term support: Prison";
        let in_period = row.start.is_some_and(|start| start <= question.to)
            && row.end.is_none_or(|end| end >= question.from)
            && deaths.get(&row.person).is_none_or(|death| *death >= question.from);
        let of_age = row.birth.is_some_and(|birth| (18..=64).contains(&age(birth.first_of_month(), question.to)));
        if row.event_type == "Service"
            && setting
            && !(documented && prison)
            && row.client_type == "Service user"
            && row.reason == "Learning disability support"
            && in_period
            && of_age
        {
            rows.push(row);
        }
    }
    rows
}

/// Gender and status of everybody in the cohort: the latest listed status, a known one first.
fn statuses(rows: &[&Row], status: fn(&Row) -> &str) -> Vec<(String, String)> {
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        people.entry(&row.person).or_default().push(row);
    }
    let listed = |row: &Row| !status(row).is_empty() && status(row) != INVALID;
    let mut found = Vec::new();
    for rows in people.values() {
        let any_listed = rows.iter().any(|row| listed(row));
        let mut kept: Vec<&Row> = rows.iter().copied().filter(|row| listed(row) == any_listed).collect();
        let latest = kept.iter().map(|row| row.start).max().expect("a person has rows");
        mark("LTS004: nobody listed", !any_listed);
        mark("LTS004: an unlisted status with a later start", any_listed && rows.iter().any(|row| row.start > latest));
        kept.retain(|row| row.start == latest);
        if any_listed && kept.iter().any(|row| status(row) != "Unknown") {
            kept.retain(|row| status(row) != "Unknown");
        }
        let mut genders: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for row in &kept {
            let status = if any_listed { status(row) } else { INVALID_OR_BLANK };
            genders.entry(&row.gender).or_default().insert(status.to_owned());
        }
        mark("LTS004: several genders", genders.len() > 1);
        let mut cells: BTreeSet<(String, String)> = BTreeSet::new();
        for (gender, mut statuses) in genders {
            // Nothing equals a null gender, so its conflicts stay as they are.
            mark("LTS004: differing under a null gender", statuses.len() > 1 && gender.is_empty());
            if mark("LTS004: statuses that differ", statuses.len() > 1 && !gender.is_empty()) {
                statuses = BTreeSet::from(["Unknown".to_owned()]);
            }
            let gender = if gender.is_empty() || gender == INVALID { INVALID_OR_BLANK } else { gender };
            for status in statuses {
                cells.insert((gender.to_owned(), status));
            }
        }
        found.extend(cells);
    }
    found
}

fn genders() -> Vec<String> {
    list(lists::GENDER, &[INVALID_OR_BLANK])
}

/// LTS004, table 1.
pub(super) fn employment(joined: &Joined, question: &Question, documented: bool) -> Table {
    let mut units = Vec::new();
    for (gender, status) in statuses(&cohort(joined, question, documented), |row| &row.employment) {
        let paid = if status == INVALID_OR_BLANK {
            INVALID_OR_BLANK
        } else if status.starts_with("Paid: ") {
            "Paid"
        } else {
            "Not paid or unknown"
        };
        units.push((words(&[&gender, paid, &status]), 1));
    }
    Table {
        dimensions: vec![
            ("gender", genders()),
            ("paid", words(&["Paid", "Not paid or unknown", INVALID_OR_BLANK])),
            ("employment", list(lists::EMPLOYMENT, &[INVALID_OR_BLANK])),
        ],
        units,
        own: &["gender", "employment"],
        totals: &[&["gender"], &["gender", "paid", "employment"]],
    }
}

/// LTS004, tables 2a and 2b.
pub(super) fn accommodation(joined: &Joined, question: &Question, documented: bool) -> Table {
    let mut units = Vec::new();
    for (gender, status) in statuses(&cohort(joined, question, documented), |row| &row.accommodation) {
        let settled = if status == INVALID_OR_BLANK {
            INVALID_OR_BLANK
        } else if lists::SETTLED.contains(&status.as_str()) {
            "Settled"
        } else {
            "Unsettled or unknown"
        };
        units.push((words(&[&gender, settled, &status]), 1));
    }
    Table {
        dimensions: vec![
            ("gender", genders()),
            ("settled", words(&["Settled", "Unsettled or unknown", INVALID_OR_BLANK])),
            ("accommodation", list(lists::ACCOMMODATION, &[INVALID_OR_BLANK])),
        ],
        units,
        own: &["gender", "accommodation"],
        totals: &[&["gender"], &["gender", "settled", "accommodation"]],
    }
}
