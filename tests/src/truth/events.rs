//! Free tables of events, as the rows of the joined table have them.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::joined::Joined;
use super::lists::{self, INVALID};
use super::reached::mark;
use super::read::Row;
use super::table::{ETHNIC_GROUPS, SETTINGS, Table, ethnic_group, list, month, months, words};
use super::waiting::row_band;
use super::{Error, Question};

const BANDS: [&str; 4] = ["Under 18", "18 to 64", "65 and above", "Unknown"];
const NOT_LISTED: [&str; 2] = [INVALID, "Blank"];

/// Which days decide that an event is of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Ended,
    Started,
    Ran,
}

/// The text of a list as the table shows it.
fn shown(text: &str) -> &str {
    if text.is_empty() { "Blank" } else { text }
}

fn outcome_group(outcome: &str) -> &str {
    if outcome.starts_with("NFA: ") { "NFA" } else { shown(outcome) }
}

fn review_type(reason: &str) -> &str {
    if reason.is_empty() {
        "Blank"
    } else if reason.starts_with("Unplanned") {
        "Unplanned"
    } else if reason.starts_with("Planned") {
        "Planned review of long term support"
    } else if reason == "Review of short term support" {
        reason
    } else {
        "Review Type Unknown"
    }
}

fn service_group(service_type: &str) -> &str {
    match service_type {
        "" => "Blank",
        INVALID => "Unknown",
        known => known.split(':').next().unwrap_or_default(),
    }
}

/// Whether a long-term service of the person ran on the day the event started.
fn long_term(row: &Row, rows: &[&Row]) -> bool {
    rows.iter().any(|service| {
        service.event_type == "Service"
            && SETTINGS.contains(&service.service_type.as_str())
            && service.start <= row.start
            && (mark("events: open service gives the flag", service.end.is_none())
                || mark("events: service ended that day gives the flag", service.end == row.start)
                || service.end > row.start)
    })
}

/// The events of one type that are of the period, with the month they stand in.
fn of_period<'a>(joined: &'a Joined, kind: &str, when: When, (from, to): (Date, Date)) -> Vec<(&'a Row, Date)> {
    let mut events = Vec::new();
    for row in &joined.rows {
        if row.event_type != kind {
            continue;
        }
        let Some(start) = row.start else {
            continue;
        };
        let day = match when {
            When::Started => Some(start),
            When::Ended => row.end,
            When::Ran => row.end.is_none_or(|end| end >= from).then_some(start.max(from)),
        };
        if let Some(day) = day.filter(|day| *day >= from && *day <= to) {
            events.push((row, day));
        }
    }
    events
}

const REQUESTS: &[&str] = &[
    "month",
    "route_of_access",
    "outcome_group",
    "event_outcome",
    "client_type",
    "age_band",
    "gender",
    "ethnic_group",
    "primary_support_reason",
    "long_term_support",
];
const ASSESSMENTS: &[&str] = &[
    "month",
    "assessment_type",
    "eligible_needs",
    "method",
    "conversation",
    "outcome_group",
    "client_type",
    "age_band",
    "gender",
    "ethnic_group",
    "primary_support_reason",
    "long_term_support",
];
const REVIEWS: &[&str] = &[
    "month",
    "review_type",
    "review_reason",
    "review_outcomes_achieved",
    "method",
    "outcome_group",
    "client_type",
    "age_band",
    "gender",
    "ethnic_group",
    "primary_support_reason",
    "long_term_support",
];
const SERVICES: &[&str] = &[
    "month",
    "service_group",
    "service_type",
    "service_component",
    "delivery_mechanism",
    "outcome_group",
    "client_type",
    "age_band",
    "gender",
    "ethnic_group",
    "primary_support_reason",
];

/// The table of events of one type, such as `Request`.
pub(super) fn table(joined: &Joined, question: &Question, kind: &str, when: When) -> Result<Table, Error> {
    let (names, own, totals): (_, &'static [&str], &'static [&[&str]]) = match kind {
        "Request" => (REQUESTS, &["month", "outcome_group"], &[REQUESTS]),
        "Assessment" => (ASSESSMENTS, &["month", "outcome_group"], &[ASSESSMENTS]),
        "Review" => (REVIEWS, &["month", "review_type"], &[REVIEWS]),
        _ => (SERVICES, &["service_type"], &[SERVICES]),
    };
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &joined.rows {
        people.entry(&row.person).or_default().push(row);
    }
    let mut units = Vec::new();
    for (row, day) in of_period(joined, kind, when, (question.from, question.to)) {
        let mut categories = Vec::new();
        for name in names {
            categories.push(category(name, row, day, &people[row.person.as_str()])?.to_owned());
        }
        units.push((categories, 1));
    }
    let mut dimensions = Vec::new();
    for name in names {
        dimensions.push((*name, categories(name, question)?));
    }
    Ok(Table { dimensions, units, own, totals })
}

fn category(name: &str, row: &Row, day: Date, rows: &[&Row]) -> Result<String, Error> {
    let text = match name {
        "month" => return Ok(month(day)),
        "long_term_support" => {
            if long_term(row, rows) {
                "Yes"
            } else {
                "No"
            }
        }
        "conversation" => {
            if row.conversation {
                "Yes"
            } else {
                "No"
            }
        }
        "review_type" => review_type(&row.review_reason),
        other => return detail(other, row),
    };
    Ok(text.to_owned())
}

/// A category that the row alone tells.
pub(super) fn detail(name: &str, row: &Row) -> Result<String, Error> {
    let text = match name {
        "route_of_access" => shown(&row.route),
        "outcome_group" => outcome_group(&row.outcome),
        "event_outcome" => shown(&row.outcome),
        "client_type" => shown(&row.client_type),
        "age_band" => row_band(row),
        "gender" => shown(&row.gender),
        "ethnic_group" => match row.ethnicity.as_str() {
            INVALID => "Unknown",
            other => shown(ethnic_group(other)),
        },
        "primary_support_reason" => shown(&row.reason),
        "assessment_type" => shown(&row.assessment_type),
        "eligible_needs" => shown(&row.eligible_needs),
        "method" if row.event_type == "Review" => shown(&row.review_method),
        "method" => shown(&row.assessment_method),
        "review_reason" => shown(&row.review_reason),
        "review_outcomes_achieved" => shown(&row.outcomes_achieved),
        "service_group" => service_group(&row.service_type),
        "service_type" => shown(&row.service_type),
        "service_component" => shown(&row.component),
        "delivery_mechanism" => shown(&row.mechanism),
        "cost_frequency" => shown(&row.frequency),
        "client_funding" => shown(&row.funding),
        other => return Err(Error::UnknownDimension(other.to_owned())),
    };
    Ok(text.to_owned())
}

/// The closed list of a dimension.
pub(super) fn categories(name: &str, question: &Question) -> Result<Vec<String>, Error> {
    Ok(match name {
        "month" => months(question.from, question.to),
        "long_term_support" | "conversation" => words(&["Yes", "No"]),
        "review_type" => words(&[
            "Planned review of long term support",
            "Unplanned",
            "Review of short term support",
            "Review Type Unknown",
            "Blank",
        ]),
        "outcome_group" => words(&[
            "Progress to reablement/ST-Max",
            "Progress to assessment, review or reassessment",
            "Release 1 specification only: Not mapped",
            "Progress to support planning or services",
            "Continuation of support or services",
            "Admitted to hospital",
            "NFA",
            INVALID,
            "Blank",
        ]),
        "age_band" => words(&BANDS),
        "ethnic_group" => {
            let mut all = words(&ETHNIC_GROUPS);
            all.extend(words(&["Unknown", "Blank"]));
            all
        }
        "service_group" => {
            words(&["Long term support", "Short term support", "Unpaid carer support", "Unknown", "Blank"])
        }
        "route_of_access" => list(lists::ROUTE, &NOT_LISTED),
        "event_outcome" => list(lists::OUTCOME, &NOT_LISTED),
        "client_type" => list(lists::CLIENT_TYPE, &NOT_LISTED),
        "gender" => list(lists::GENDER, &NOT_LISTED),
        "primary_support_reason" => list(lists::SUPPORT_REASON, &NOT_LISTED),
        "assessment_type" => list(lists::ASSESSMENT_TYPE, &NOT_LISTED),
        "eligible_needs" => list(lists::YES_NO, &NOT_LISTED),
        "method" => list(lists::METHOD, &NOT_LISTED),
        "review_reason" => list(lists::REVIEW_REASON, &NOT_LISTED),
        "review_outcomes_achieved" => list(lists::OUTCOMES_ACHIEVED, &NOT_LISTED),
        "service_type" => list(lists::SERVICE_TYPE, &NOT_LISTED),
        "service_component" => list(lists::COMPONENT, &NOT_LISTED),
        "delivery_mechanism" => list(lists::MECHANISM, &NOT_LISTED),
        "cost_frequency" => list(lists::FREQUENCY, &NOT_LISTED),
        "client_funding" => list(lists::FUNDING, &NOT_LISTED),
        other => return Err(Error::UnknownDimension(other.to_owned())),
    })
}
