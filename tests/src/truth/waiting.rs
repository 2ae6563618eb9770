//! Waiting times: from a request to the first response and to the first service, in whole days.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::joined::Joined;
use super::lists::INVALID;
use super::reached::mark;
use super::read::Row;
use super::table::{SETTINGS, Table, plus_months, quarter, quarters, words};
use super::{Question, age, days};

/// Days with a bin of their own.
const LAST_DAY: i32 = 365;

const LEADS_TO_SERVICE: [&str; 3] = [
    "Progress to reablement/ST-Max",
    "Progress to support planning or services",
    "Continuation of support or services",
];
const LEADS_ON: [&str; 5] = [
    "Progress to reablement/ST-Max",
    "Progress to support planning or services",
    "Continuation of support or services",
    "Progress to assessment, review or reassessment",
    "Release 1 specification only: Not mapped",
];

/// A request that counts, with what answered it.
#[derive(Clone, Debug)]
pub struct Wait<'a> {
    /// The request.
    pub request: &'a Row,
    /// The first response; the request itself where it was a conversation that led on.
    pub response: Option<&'a Row>,
    /// The first service.
    pub service: Option<&'a Row>,
}

/// The band of a row at its end, or at the end of its file's period when it is open.
pub(super) fn row_band(row: &Row) -> &'static str {
    let on = row.end.or(row.reference.map(|(_, last)| last));
    match (row.birth, on) {
        (Some(birth), Some(on)) => match age(birth.first_of_month(), on) {
            age if age < 18 => "Under 18",
            age if age < 65 => "18 to 64",
            _ => "65 and above",
        },
        _ => "Unknown",
    }
}

fn is_service(row: &Row) -> bool {
    const SHORT: [&str; 3] =
        ["Short term support: ST-Max", "Short term support: Ongoing low level", "Short term support: Other short term"];
    let kept = SETTINGS.contains(&row.service_type.as_str()) || SHORT.contains(&row.service_type.as_str());
    row.event_type == "Service" && kept
}

fn is_assessment(row: &Row) -> bool {
    row.event_type == "Assessment"
        && ["Short term assessment", "Long term assessment"].contains(&row.assessment_type.as_str())
}

fn is_adult(row: &Row) -> bool {
    match (row.birth, row.start) {
        (Some(birth), Some(start)) => age(birth.first_of_month(), start) >= 25,
        _ => false,
    }
}

/// Whether a request is of interest: of a service user of 25 or more who had no support already, and not ended at once.
fn counts(request: &Row, all: &[&Row]) -> bool {
    let Some(asked) = request.start else {
        return false;
    };
    if request.event_type != "Request" || request.client_type != "Service user" || !is_adult(request) {
        return false;
    }
    if asked < date(2023, 4, 1) {
        return false;
    }
    for row in all {
        let before = row.start.is_some_and(|start| start < asked);
        if row.event_type != "Service" || !before {
            continue;
        }
        let since = |months: i32| row.end.is_none_or(|end| end >= plus_months(asked, -months));
        let short = ["Short term support: ST-Max", "Short term support: Other short term"];
        if SETTINGS.contains(&row.service_type.as_str()) && since(12) {
            mark("waiting: long-term support within twelve months", true);
            mark(
                "waiting: long-term support ended exactly twelve months before",
                row.end == Some(plus_months(asked, -12)),
            );
            return false;
        }
        if short.contains(&row.service_type.as_str()) && since(3) {
            mark("waiting: short-term support within three months", true);
            mark(
                "waiting: short-term support ended exactly three months before",
                row.end == Some(plus_months(asked, -3)),
            );
            return false;
        }
        mark("waiting: low-level support does not matter", is_service(row) && since(0));
    }
    mark("waiting: an invalid outcome stays", request.outcome == INVALID);
    mark("waiting: a blank outcome goes", request.outcome.is_empty());
    !(request.outcome.is_empty() || request.outcome.starts_with("NFA: ") || request.outcome == "Admitted to hospital")
}

/// All waits of one person.
fn waits<'a>(all: &[&'a Row]) -> Vec<Wait<'a>> {
    let mut pool: Vec<&Row> = Vec::new();
    for &row in all {
        if counts(row, all) || (is_adult(row) && (is_assessment(row) || is_service(row))) {
            pool.push(row);
        }
    }
    let kind = |row: &Row| match row.event_type.as_str() {
        "Request" => 0,
        "Assessment" => 1,
        _ => 2,
    };
    pool.sort_by_key(|row| (row.start, kind(row), Reverse(row.record)));
    let block_leads_to_service = |place: usize| {
        let (mut first, mut last) = (place, place);
        while first > 0 && kind(pool[first - 1]) == 1 {
            first -= 1;
        }
        while last + 1 < pool.len() && kind(pool[last + 1]) == 1 {
            last += 1;
        }
        pool[first..=last].iter().any(|row| LEADS_TO_SERVICE.contains(&row.outcome.as_str()))
    };
    // Places in the pool of each request, its response and its service.
    let mut requests: Vec<(usize, Option<usize>, Option<usize>)> = Vec::new();
    for (place, row) in pool.iter().enumerate() {
        if kind(row) != 0 {
            continue;
        }
        let next = |wanted: i32| (place + 1..pool.len()).find(|&later| kind(pool[later]) == wanted);
        let (assessment, mut service) = (next(1), next(2));
        let mut response = assessment;
        let own_answer = row.start < Some(date(2025, 7, 1))
            && row.conversation
            && LEADS_ON.contains(&row.outcome.as_str())
            && assessment.is_none_or(|later| pool[later].start > row.start);
        let conversation = row.conversation && LEADS_ON.contains(&row.outcome.as_str());
        mark("waiting: a conversation from July 2025 does not", conversation && row.start >= Some(date(2025, 7, 1)));
        let same_day = assessment.is_some_and(|later| pool[later].start == row.start);
        mark(
            "waiting: an assessment on the day of the conversation",
            conversation && same_day && row.start < Some(date(2025, 7, 1)),
        );
        if mark("waiting: the request answers itself", own_answer) {
            response = Some(place);
        }
        if service.is_some_and(|service| response.is_none_or(|response| service < response)) {
            mark("waiting: the service comes first", true);
            response = service;
        }
        if let Some(first) = response
            && kind(pool[first]) == 1
        {
            let alone = LEADS_TO_SERVICE.contains(&pool[first].outcome.as_str());
            let leads = block_leads_to_service(first);
            mark("waiting: another of the block leads on", leads && !alone);
            if mark("waiting: the block leads nowhere", !leads) {
                service = None;
            }
        }
        requests.push((place, response, service));
    }
    let mut found = Vec::new();
    for (number, &(place, response, service)) in requests.iter().enumerate() {
        let earlier = &requests[..number];
        let follow_up_later = earlier.last().is_some_and(|&(_, response, service)| response.max(service) > Some(place));
        let responses = earlier.iter().filter_map(|(_, response, _)| *response).max();
        let services = earlier.iter().filter_map(|(_, _, service)| *service).max();
        let answered_before = response.zip(responses).is_some_and(|(own, largest)| own <= largest);
        let served_before = service.zip(services).is_some_and(|(own, largest)| own <= largest);
        mark("waiting: the follow-up before is later", follow_up_later);
        mark("waiting: answered before", answered_before && !follow_up_later);
        mark("waiting: served before", served_before && !follow_up_later && !answered_before);
        if !follow_up_later && !answered_before && !served_before {
            found.push(Wait {
                request: pool[place],
                response: response.map(|at| pool[at]),
                service: service.map(|at| pool[at]),
            });
        }
    }
    found
}

/// Every request that counts, person by person.
pub fn all(joined: &Joined) -> Vec<Wait<'_>> {
    let mut people: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &joined.rows {
        people.entry(&row.person).or_default().push(row);
    }
    people.values().flat_map(|rows| waits(rows)).collect()
}

/// The histogram of days to the first response, or to the first service.
pub(super) fn histogram(joined: &Joined, question: &Question, to_service: bool) -> Table {
    let mut units = Vec::new();
    for wait in all(joined) {
        let answer = if to_service { wait.service } else { wait.response };
        let Some((asked, answer, answered)) =
            answer.and_then(|answer| Some((wait.request.start?, answer, answer.start?)))
        else {
            continue;
        };
        let band = match row_band(answer) {
            "18 to 64" => "25 to 64",
            other => other,
        };
        if answered < question.from || answered > question.to || !BANDS.contains(&band) {
            continue;
        }
        mark("waiting: more than a year", days(asked, answered) > LAST_DAY);
        units.push((words(&[&quarter(answered), band, &bin(days(asked, answered))]), 1));
    }
    let mut bins: Vec<String> = (0..=LAST_DAY).map(bin).collect();
    bins.push(bin(LAST_DAY + 1));
    Table {
        dimensions: vec![
            ("quarter", quarters(question.from, question.to)),
            ("age_band", words(&BANDS)),
            ("days", bins),
        ],
        units,
        own: &["quarter", "age_band", "days"],
        totals: &[&["days"]],
    }
}

const BANDS: [&str; 2] = ["25 to 64", "65 and above"];

fn bin(days: i32) -> String {
    if days <= LAST_DAY { days.to_string() } else { format!("over {LAST_DAY}") }
}

/// The published median: the average of the middle two of an even number of waits. `None` without waits.
pub fn median(joined: &Joined, to_service: bool, quarter_from: Date, band: &str) -> Option<f64> {
    let (low, high) = middle(joined, to_service, quarter_from, band)?;
    Some((f64::from(low) + f64::from(high)) / 2.0)
}

/// The middle two of all waits by length; twice the same of an odd number. `None` without waits.
pub fn middle(joined: &Joined, to_service: bool, quarter_from: Date, band: &str) -> Option<(i32, i32)> {
    let mut lengths = Vec::new();
    for wait in all(joined) {
        let answer = if to_service { wait.service } else { wait.response };
        if let Some(answer) = answer
            && let (Some(asked), Some(answered)) = (wait.request.start, answer.start)
            && quarter(answered) == quarter(quarter_from)
            && row_band(answer).replace("18 to 64", "25 to 64") == band
        {
            lengths.push(days(asked, answered));
        }
    }
    lengths.sort_unstable();
    let middle = lengths.len() / 2;
    if lengths.is_empty() {
        None
    } else if lengths.len() % 2 == 1 {
        Some((lengths[middle], lengths[middle]))
    } else {
        Some((lengths[middle - 1], lengths[middle]))
    }
}
