//! The short-term support tables of the former SALT return, read for one council over the joined main table.
//!
//! Release 2 labels; dates of death from the person table; ages from the row's own birth month.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::ascof::{dimension, is_long_term};
use super::lists::{self, INVALID, RELEASE_1_ONLY};
use super::person::Person;
use super::read::Row;
use super::{Counted, Error, Question, age, chosen, days};

const ST_MAX: &str = "Short term support: ST-Max";
const LOW_LEVEL: &str = "Short term support: Ongoing low level";
const OTHER_SHORT: &str = "Short term support: Other short term";
const LONG: [&str; 4] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
];
const AS_PLANNED: &str = "NFA: Support ended as planned";
const BANDS: [&str; 4] = ["Under 18", "18 to 64", "65 and above", "Unknown"];

/// The rows that all three tables look at.
fn rows<'a>(person: &Person<'a>, question: &Question) -> Vec<&'a Row> {
    let mut rows = Vec::new();
    if person.death.is_some_and(|death| death < question.from) {
        return rows;
    }
    for &row in &person.rows {
        let kind = ["Request", "Assessment", "Service", "Review"].contains(&row.event_type.as_str());
        let begun = row.start.is_some_and(|start| start <= question.to);
        if kind && row.client_type == "Service user" && begun {
            rows.push(row);
        }
    }
    rows
}

fn start(row: &Row) -> Date {
    row.start.unwrap_or(Date::MIN)
}

/// Ends in order, an open one last.
fn end(row: &Row) -> Date {
    row.end.unwrap_or(Date::MAX)
}

/// Rows in clusters: each joins the row just before it when that one's end lies at most `gap` days before its start.
fn clusters(mut rows: Vec<&Row>, gap: i32) -> Vec<Vec<&Row>> {
    rows.sort_by_key(|row| (start(row), end(row), row.record));
    let mut clusters: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let joins = clusters
            .last()
            .and_then(|cluster| cluster.last())
            .is_some_and(|before| before.end.is_none_or(|end| days(end, start(row)) <= gap));
        match clusters.last_mut().filter(|_| joins) {
            Some(cluster) => cluster.push(row),
            None => clusters.push(vec![row]),
        }
    }
    clusters
}

/// Whether the person had long-term support on a day: in a service from its start to its end.
fn supported(rows: &[&Row], on: Date) -> bool {
    rows.iter().any(|row| {
        row.event_type == "Service" && is_long_term(row) && start(row) <= on && row.end.is_none_or(|end| end >= on)
    })
}

/// The order of release 1 by which outcomes that end on one day are told apart; a release 2 value has the best place of the
/// release 1 values that it stands for.
fn release_1_rank(outcome: &str) -> usize {
    match outcome {
        "Progress to reablement/ST-Max" => 1,
        "Progress to assessment, review or reassessment" => 2,
        "Admitted to hospital" => 3,
        "Progress to support planning or services" => 5,
        RELEASE_1_ONLY => 6,
        "Continuation of support or services" => 7,
        AS_PLANNED => 8,
        "NFA: Deceased" => 11,
        "NFA: Responsibility moved to another local authority" => 12,
        "NFA: Referral to NHS services or NHS funded social care" => 13,
        "NFA: Information and advice or signposting" => 14,
        "NFA: Self-funded client or under 12wk disregard" => 15,
        "NFA: Support declined" => 16,
        "NFA: Support ended for other reason" => 17,
        "NFA: No services offered for other reason" => 18,
        "NFA: Other" => 19,
        _ => 99,
    }
}

fn band(age: Option<i32>) -> &'static str {
    match age {
        Some(..18) => "Under 18",
        Some(18..65) => "18 to 64",
        Some(65..) => "65 and above",
        None => "Unknown",
    }
}

/// What a cluster of requests hands on: one row of its last end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    route: String,
    outcome: String,
    age: Option<i32>,
}

/// Age on the last day of the period, from the row's own birth month.
fn age_at_end(row: &Row, question: &Question) -> Option<i32> {
    row.birth.map(|birth| age(birth.first_of_month(), question.to))
}

/// The distinct heads of a cluster among its rows that end on `last`.
fn heads(cluster: &[&Row], last: Date, question: &Question) -> BTreeSet<Head> {
    let mut heads = BTreeSet::new();
    for row in cluster {
        if row.end == Some(last) {
            let age = age_at_end(row, question);
            heads.insert(Head { route: row.route.clone(), outcome: row.outcome.clone(), age });
        }
    }
    heads
}

/// As the code counts them: without a route or an outcome long-term support does not drop them, all of the best rank count, and
/// of those the ones without a route are lost.
fn published_heads(cluster: &[&Row], last: Date, existing: bool, question: &Question) -> Vec<Head> {
    let mut heads: Vec<Head> = heads(cluster, last, question).into_iter().collect();
    heads.retain(|head| !existing || head.outcome.is_empty() || head.route.is_empty());
    let best = heads.iter().map(|head| release_1_rank(&head.outcome)).min();
    heads.retain(|head| Some(release_1_rank(&head.outcome)) == best && !head.route.is_empty());
    heads
}

/// What came after a cluster.
enum After<'a> {
    /// No event at all.
    Nothing,
    /// Events, the first of them too late, or of the cluster's own kind.
    OutOfScope,
    /// The chain, of one event at least.
    Chain(Vec<&'a Row>),
}

/// How one table follows events.
struct Rule {
    /// Days within which the first event must start.
    window: i32,
    /// What ends a chain, and has its own rows left out of it.
    breaks: fn(&Row) -> bool,
}

fn after<'a>(rows: &[&'a Row], cluster_start: Date, cluster_end: Date, rule: &Rule, documented: bool) -> After<'a> {
    let mut later: Vec<&Row> = rows.iter().copied().filter(|row| start(row) >= cluster_end).collect();
    later.sort_by_key(|row| (start(row), end(row), row.record));
    let own = |row: &Row| (rule.breaks)(row) && (start(row) == cluster_start || row.end == Some(cluster_end));
    let kept: Vec<&Row> = later.iter().copied().filter(|row| !own(row)).collect();
    // The published code finds the first day before it takes the cluster's own rows out.
    let first_of = if documented { &kept } else { &later };
    let first = first_of.first().map(|row| start(row));
    if kept.is_empty() {
        return After::Nothing;
    }
    let mut chain: Vec<&Row> = Vec::new();
    let mut before: Option<&Row> = None;
    let mut too_late = false;
    for row in kept {
        if Some(start(row)) == first {
            if days(cluster_end, start(row)) > rule.window && row.end.is_some() {
                too_late = true;
                continue;
            }
        } else if let Some(before) = before
            && before.end.is_some_and(|end| days(end, start(row)) > 3)
        {
            break;
        } else if before.is_none() && too_late {
            break;
        }
        if (rule.breaks)(row) {
            chain.retain(|earlier| start(earlier) < start(row));
            if chain.is_empty() {
                return After::OutOfScope;
            }
            before = Some(row);
            break;
        }
        chain.push(row);
        before = Some(row);
    }
    if before.is_none() { After::OutOfScope } else { After::Chain(chain) }
}

/// The service of a chain that comes first in `order`.
fn best_service(chain: &[&Row], order: &[&'static str]) -> Option<&'static str> {
    order
        .iter()
        .find(|service| chain.iter().any(|row| row.event_type == "Service" && row.service_type == **service))
        .copied()
}

/// The outcome of the last row of a chain that `tells`; `NFA: Other` where several rows end that day.
fn last_telling(chain: &[&Row], tells: impl Fn(&str) -> bool) -> Option<String> {
    // Nothing for an end counts as the earliest.
    let last = chain.iter().filter(|row| tells(&row.outcome)).map(|row| row.end).max()?;
    let mut distinct = BTreeSet::new();
    for row in chain.iter().filter(|row| row.end == last) {
        distinct.insert((row.event_type.as_str(), start(row), row.outcome.as_str()));
    }
    match distinct.first() {
        Some((_, _, outcome)) if distinct.len() == 1 => Some((*outcome).to_owned()),
        _ => Some("NFA: Other".to_owned()),
    }
}

/// An outcome without further action, as release 1 spelt them: `Service ended as planned` is none.
fn no_further_action(outcome: &str) -> bool {
    outcome.starts_with("NFA") && outcome != AS_PLANNED
}

fn after_request(outcome: &str) -> &'static str {
    match outcome {
        "NFA: Referral to NHS services or NHS funded social care" => "100% NHS funded care",
        "NFA: Information and advice or signposting" => "Universal services or signposted",
        "NFA: Deceased" => "No services provided: Deceased",
        "NFA: Responsibility moved to another local authority"
        | "NFA: Self-funded client or under 12wk disregard"
        | "NFA: Support declined"
        | "NFA: No services offered for other reason"
        | "NFA: Support ended for other reason"
        | "NFA: Other" => "No services provided: Other reason",
        _ => "Unable to classify",
    }
}

/// One counted request cluster.
struct Counting {
    sequel: &'static str,
    head: Head,
    /// Starts of the ST-Max services that followed.
    reablement: Vec<Date>,
}

fn requests(person: &Person<'_>, question: &Question, documented: bool) -> Vec<Counting> {
    let order = [ST_MAX, LONG[0], LONG[1], LONG[2], LONG[3], LOW_LEVEL, OTHER_SHORT];
    let rule = Rule { window: 28, breaks: |row| row.event_type == "Request" };
    let mut rows = rows(person, question);
    rows.retain(|row| row.birth.is_some());
    let mut found = Vec::new();
    let requests: Vec<&Row> = rows.iter().copied().filter(|row| row.event_type == "Request").collect();
    for cluster in clusters(requests, 4) {
        let in_period = |row: &&&Row| row.end.is_some_and(|end| end >= question.from && end <= question.to);
        let Some(last) = cluster.iter().filter(in_period).filter_map(|row| row.end).max() else {
            continue;
        };
        if documented && cluster.iter().any(|row| end(row) > question.to) {
            continue;
        }
        let first = start(cluster[0]);
        let existing = supported(&rows, first);
        let heads = if documented {
            // One for each cluster: the row whose outcome ranks first, with or without a route.
            let ending: Vec<&Row> = cluster.iter().copied().filter(|row| row.end == Some(last)).collect();
            if existing { Vec::new() } else { heads(&[best(&ending)], last, question).into_iter().collect() }
        } else {
            published_heads(&cluster, last, existing, question)
        };
        let after = after(&rows, first, last, &rule, documented);
        for head in heads {
            let mut reablement = Vec::new();
            let sequel = match &after {
                After::Chain(chain) if documented || !head.outcome.is_empty() => {
                    if let Some(service) = best_service(chain, &order) {
                        for row in chain {
                            if row.event_type == "Service" && row.service_type == ST_MAX {
                                reablement.push(start(row));
                            }
                        }
                        service
                    } else if let Some(outcome) = last_telling(chain, no_further_action) {
                        after_request(&outcome)
                    } else {
                        after_request(&head.outcome)
                    }
                }
                _ => after_request(&head.outcome),
            };
            found.push(Counting { sequel, head, reablement });
        }
    }
    found
}

fn route(text: &str) -> String {
    if text.is_empty() { "Blank".to_owned() } else { text.to_owned() }
}

/// STS001.
pub(super) fn requests_of_new(people: &[Person<'_>], question: &Question, documented: bool) -> Result<Counted, Error> {
    let mut units = Vec::new();
    for person in people {
        for counted in requests(person, question, documented) {
            let head = counted.head;
            units.push((vec![counted.sequel.to_owned(), route(&head.route), band(head.age).to_owned()], "count"));
        }
    }
    let mut routes: Vec<&str> = lists::ROUTE.iter().map(|(text, _)| *text).collect();
    routes.extend([INVALID, "Blank"]);
    let dimensions = vec![
        dimension(
            "sequel",
            &[
                ST_MAX,
                LONG[0],
                LONG[1],
                LONG[2],
                LONG[3],
                LOW_LEVEL,
                OTHER_SHORT,
                "Universal services or signposted",
                "100% NHS funded care",
                "No services provided: Deceased",
                "No services provided: Other reason",
                "Unable to classify",
            ],
        ),
        dimension("route_of_access", &routes),
        dimension("age_band", &BANDS[..3]),
    ];
    let totals: [&[&str]; 2] = [&["sequel"], &["sequel", "route_of_access", "age_band"]];
    chosen(dimensions, units, &totals, question, &["sequel"])
}

fn is_st_max(row: &Row) -> bool {
    row.event_type == "Service" && row.service_type == ST_MAX
}

const PLANNED: &str = "Support ended as planned, no service found";

/// What an outcome means after ST-Max; `planned` is what became of support that ended as planned.
fn after_reablement(outcome: &str, planned: &'static str) -> &'static str {
    match outcome {
        "NFA: Referral to NHS services or NHS funded social care" | "NFA: Deceased" => {
            "Early cessation: NHS, end of life or deceased"
        }
        "NFA: Self-funded client or under 12wk disregard" => "Needs identified but self-funding",
        "NFA: Support declined" => "Support declined",
        "NFA: Information and advice or signposting" => "Universal services or signposted",
        "NFA: Responsibility moved to another local authority"
        | "NFA: Other"
        | "NFA: No services offered for other reason"
        | "NFA: Support ended for other reason"
        | "Admitted to hospital" => "No services provided: Other",
        AS_PLANNED => planned,
        _ => "Unable to classify",
    }
}

/// STS002a.
pub(super) fn after_new(people: &[Person<'_>], question: &Question, documented: bool) -> Result<Counted, Error> {
    let order = [LONG[0], LONG[1], LONG[2], LONG[3], LOW_LEVEL, OTHER_SHORT];
    let rule = Rule { window: 3, breaks: is_st_max };
    let mut units = Vec::new();
    for person in people {
        let mut cohort = BTreeSet::new();
        for counted in requests(person, question, documented) {
            cohort.extend(counted.reablement);
        }
        let rows = rows(person, question);
        let services: Vec<&Row> =
            rows.iter().copied().filter(|row| is_st_max(row) && cohort.contains(&start(row))).collect();
        for cluster in clusters(services, 1) {
            let first = start(cluster[0]);
            let Some((last, ending)) = ending_last(&cluster, question) else {
                continue;
            };
            let head = best(&ending);
            let other = "No services provided: Other";
            let sequel = match after(&rows, first, last, &rule, documented) {
                After::Chain(chain) if documented || !head.outcome.is_empty() => {
                    if let Some(service) = best_service(&chain, &order) {
                        match service {
                            LOW_LEVEL => "Ongoing low level support",
                            OTHER_SHORT => "Short term support (other)",
                            _ => "Long term support (any setting)",
                        }
                    } else if let Some(outcome) = last_telling(&chain, no_further_action) {
                        after_reablement(&outcome, other)
                    } else {
                        after_reablement(&head.outcome, if documented { other } else { PLANNED })
                    }
                }
                _ => after_reablement(&head.outcome, other),
            };
            units.push((vec![sequel.to_owned(), band(age_at_end(head, question)).to_owned()], "count"));
        }
    }
    let dimensions = vec![
        dimension(
            "sequel",
            &[
                "Long term support (any setting)",
                "Ongoing low level support",
                "Short term support (other)",
                "Early cessation: NHS, end of life or deceased",
                "Needs identified but self-funding",
                "Support declined",
                "Universal services or signposted",
                "No services provided: Other",
                PLANNED,
                "Unable to classify",
            ],
        ),
        dimension("age_band", &BANDS),
    ];
    let totals: [&[&str]; 2] = [&["sequel"], &["sequel", "age_band"]];
    chosen(dimensions, units, &totals, question, &["sequel"])
}

/// The last end of a cluster of ST-Max, when it lies in the period, and the rows that end then.
fn ending_last<'a>(cluster: &[&'a Row], question: &Question) -> Option<(Date, Vec<&'a Row>)> {
    let last = cluster.iter().map(|row| end(row)).max()?;
    if last < question.from || last > question.to {
        return None;
    }
    Some((last, cluster.iter().copied().filter(|row| end(row) == last).collect()))
}

/// The row whose outcome ranks first; among equals the last record.
fn best<'a>(rows: &[&'a Row]) -> &'a Row {
    let mut best = rows[0];
    for row in rows {
        let key = |row: &Row| (release_1_rank(&row.outcome), std::cmp::Reverse(row.record));
        if key(row) < key(best) {
            best = row;
        }
    }
    best
}

/// STS002b.
pub(super) fn existing(people: &[Person<'_>], question: &Question, documented: bool) -> Result<Counted, Error> {
    let mut units = Vec::new();
    for person in people {
        let rows = rows(person, question);
        let services: Vec<&Row> = rows.iter().copied().filter(|row| is_st_max(row)).collect();
        for cluster in clusters(services, 1) {
            let Some((_, mut ending)) = ending_last(&cluster, question) else {
                continue;
            };
            // Joined back with the outcome as well, which no blank equals.
            ending.retain(|row| documented || !row.outcome.is_empty());
            if !ending.is_empty() && supported(&rows, start(cluster[0])) {
                units.push((vec![band(age_at_end(best(&ending), question)).to_owned()], "count"));
            }
        }
    }
    chosen(vec![dimension("age_band", &BANDS)], units, &[&["age_band"]], question, &[])
}
