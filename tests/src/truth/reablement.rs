//! ASCOF 2A: what followed clusters of short-term support to maximise independence.
//!
//! Written step by step from the published description (steps A to E), each step a loop over a person's rows.

use jiff::civil::Date;

use super::ascof::{adult_band, dimension, is_long_term};
use super::joined::outcome_rank;
use super::lists::{self, INVALID};
use super::person::Person;
use super::read::Row;
use super::{Counted, Question, age, chosen, days};

const ST_MAX: &str = "Short term support: ST-Max";
const LOW_LEVEL: &str = "Short term support: Ongoing low level";
const OTHER_SHORT: &str = "Short term support: Other short term";
const SHORT_CARE_HOME: &str = "Short term support: Residential or Nursing care";

/// Services that can follow, the one that decides first.
const FOLLOWING: [&str; 7] = [
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
    ST_MAX,
    LOW_LEVEL,
    OTHER_SHORT,
];

/// What an open end is taken for.
const NEVER: Date = jiff::civil::date(9999, 1, 1);

/// One cluster of adjoining services, and what the method makes of it.
struct Cluster {
    start: Date,
    end: Date,
    outcome: String,
    /// The record numbers of its services.
    records: Vec<usize>,
}

/// A row as step A prepares it.
struct Base<'a> {
    row: &'a Row,
    start: Date,
    end: Date,
    outcome: &'a str,
    rank: usize,
}

/// The hierarchy, with the outcomes that tell nothing put behind all others.
fn adjusted_rank(outcome: &str) -> usize {
    let unusable = [
        "Continuation of support or services",
        "Progress to support planning or services",
        "Progress to assessment, review or reassessment",
        "Progress to reablement/ST-Max",
        lists::RELEASE_1_ONLY,
        INVALID,
    ];
    outcome_rank(outcome) + if unusable.contains(&outcome) { 100 } else { 0 }
}

fn usable(rank: usize) -> bool {
    rank < 100
}

/// Step A.
fn base_rows<'a>(person: &Person<'a>) -> Vec<Base<'a>> {
    let mut base = Vec::new();
    for &row in &person.rows {
        let Some(start) = row.start else {
            continue;
        };
        let end = row.end.unwrap_or(NEVER);
        if row.client_type != "Service user" || end < start {
            continue;
        }
        let outcome = if row.outcome.is_empty() { INVALID } else { row.outcome.as_str() };
        base.push(Base { row, start, end, outcome, rank: adjusted_rank(outcome) });
    }
    base
}

/// Step B, without the test of the period.
fn clusters(base: &[Base<'_>]) -> Vec<Cluster> {
    let mut services: Vec<&Base<'_>> = Vec::new();
    for event in base {
        if event.row.event_type == "Service" && event.row.service_type == ST_MAX {
            services.push(event);
        }
    }
    services.sort_by_key(|event| (event.start, event.end, event.rank, std::cmp::Reverse(event.row.record)));
    let mut groups: Vec<Vec<&Base<'_>>> = Vec::new();
    let mut furthest = None;
    for event in services {
        let adjoins = furthest.is_some_and(|furthest| days(furthest, event.start) <= 7);
        if !adjoins {
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            group.push(event);
        }
        furthest = furthest.max(Some(event.end));
    }
    let mut clusters = Vec::new();
    for group in groups {
        let mut best = group[0];
        for event in &group {
            let key =
                |event: &Base<'_>| (std::cmp::Reverse(event.end), event.rank, std::cmp::Reverse(event.row.record));
            if key(event) < key(best) {
                best = event;
            }
        }
        let mut start = group[0].start;
        for event in &group {
            start = start.min(event.start);
        }
        clusters.push(Cluster {
            start,
            end: best.end,
            outcome: best.outcome.to_owned(),
            records: group.iter().map(|event| event.row.record).collect(),
        });
    }
    clusters
}

/// Step E: how the final outcome was found, and the final outcome.
fn sequel(cluster: &Cluster, base: &[Base<'_>], death: Option<Date>) -> (&'static str, String) {
    if death.is_some_and(|death| days(cluster.end, death) <= 7) {
        return ("1", "NFA: Deceased".to_owned());
    }
    if cluster.outcome == "Admitted to hospital" {
        return ("2", cluster.outcome.clone());
    }
    let others: Vec<&Base<'_>> = base.iter().filter(|event| !cluster.records.contains(&event.row.record)).collect();
    let future: Vec<&Base<'_>> = others
        .iter()
        .copied()
        .filter(|event| event.start >= cluster.start && event.end > cluster.end && days(cluster.end, event.start) <= 7)
        .collect();
    for service_type in FOLLOWING {
        let of_type: Vec<&&Base<'_>> = future
            .iter()
            .filter(|event| event.row.event_type == "Service" && event.row.service_type == service_type)
            .collect();
        if of_type.is_empty() {
            continue;
        }
        let in_home = of_type.iter().any(|event| {
            ["Short term residential care", "Short term nursing care"].contains(&event.row.component.as_str())
        });
        let found = if service_type == OTHER_SHORT && in_home { SHORT_CARE_HOME } else { service_type };
        return ("3", found.to_owned());
    }
    if let Some(found) = fourth(cluster, &others, &future) {
        return found;
    }
    for event in &others {
        let nested = event.start >= cluster.start && event.end > cluster.start && event.end <= cluster.end;
        if event.row.event_type == "Service" && event.row.component == "Equipment" && nested {
            return ("5", LOW_LEVEL.to_owned());
        }
    }
    ("6", cluster.outcome.clone())
}

/// Type 4: the best of the cluster's own outcome, those of later events, and that of the last assessment or review within it.
fn fourth(cluster: &Cluster, others: &[&Base<'_>], future: &[&Base<'_>]) -> Option<(&'static str, String)> {
    let own_rank = adjusted_rank(&cluster.outcome);
    let mut sources: Vec<(usize, &'static str, &str)> = Vec::new();
    if future.is_empty() && usable(own_rank) {
        sources.push((own_rank, "4a", &cluster.outcome));
    }
    for event in future {
        let service = event.row.event_type == "Service";
        if service || event.outcome == "NFA: Support ended as planned" {
            continue;
        }
        if usable(own_rank) || usable(event.rank) {
            if usable(own_rank) {
                sources.push((own_rank, "4a", &cluster.outcome));
            }
            if usable(event.rank) {
                sources.push((event.rank, "4b", event.outcome));
            }
        }
    }
    let mut nested: Vec<&&Base<'_>> = Vec::new();
    for event in others {
        let looked_at = event.row.event_type == "Assessment" || event.row.event_type == "Review";
        let within = event.start >= cluster.start && event.end > cluster.start && event.end <= cluster.end;
        if looked_at && within && days(event.end, cluster.end) < 14 && usable(event.rank) {
            nested.push(event);
        }
    }
    nested.sort_by_key(|event| (std::cmp::Reverse(event.end), event.rank, std::cmp::Reverse(event.row.record)));
    if let Some(last) = nested.first() {
        sources.push((last.rank, "4c", last.outcome));
    }
    sources.sort();
    sources.first().map(|(_, source, outcome)| (*source, (*outcome).to_owned()))
}

/// Where a final outcome counts.
fn counts_in(outcome: &str) -> &'static str {
    let numerator = [
        LOW_LEVEL,
        OTHER_SHORT,
        "NFA: Information and advice or signposting",
        "NFA: Support ended as planned",
        "NFA: Responsibility moved to another local authority",
        "NFA: Other",
        "NFA: No services offered for other reason",
        "NFA: Support ended for other reason",
        "NFA: Referral to other service within the local authority",
    ];
    let long_term = &FOLLOWING[..4];
    if numerator.contains(&outcome) {
        "Numerator"
    } else if long_term.contains(&outcome) || outcome == SHORT_CARE_HOME {
        "Denominator only"
    } else {
        "Outside both"
    }
}

/// Every cluster that counts: age band, sequel, final outcome, where it counts.
fn all(people: &[Person<'_>], question: &Question, documented: bool) -> Vec<[String; 4]> {
    let look_back = if documented { 365 } else { 91 };
    let mut found = Vec::new();
    for person in people {
        let base = base_rows(person);
        for cluster in clusters(&base) {
            if cluster.end < question.from || cluster.end > question.to {
                continue;
            }
            // Step C.
            let age = person.birth.map(|birth| age(birth, cluster.end));
            if age.is_some_and(|age| age < 18) || person.death.is_some_and(|death| death < cluster.start) {
                continue;
            }
            // Step D.
            let existing = base.iter().any(|event| {
                is_long_term(event.row) && event.start < cluster.start && days(event.end, cluster.start) < look_back
            });
            if existing {
                continue;
            }
            let (sequel, outcome) = sequel(&cluster, &base, person.death);
            let counts_in = counts_in(&outcome);
            found.push([adult_band(age).to_owned(), sequel.to_owned(), outcome, counts_in.to_owned()]);
        }
    }
    found
}

const BANDS: [&str; 3] = ["18 to 64", "65 and above", "Unknown"];

/// 2A itself: clusters in the numerator (yes) and in the denominator only (no).
pub(super) fn ratio(people: &[Person<'_>], question: &Question, documented: bool) -> Counted {
    let mut units = Vec::new();
    for [band, _, _, counts_in] in all(people, question, documented) {
        match counts_in.as_str() {
            "Numerator" => units.push((vec![band], "yes")),
            "Denominator only" => units.push((vec![band], "no")),
            _ => {}
        }
    }
    Counted {
        dimensions: vec![dimension("age_band", &BANDS)],
        components: vec!["yes", "no"],
        units,
        totals: vec![vec!["age_band".to_owned()]],
    }
}

/// The disaggregated table of 2A.
pub(super) fn sequels(people: &[Person<'_>], question: &Question, documented: bool) -> Result<Counted, super::Error> {
    let mut outcomes: Vec<&str> = FOLLOWING.to_vec();
    outcomes.push(SHORT_CARE_HOME);
    for (outcome, _) in lists::OUTCOME {
        outcomes.push(outcome);
    }
    outcomes.push(INVALID);
    let dimensions = vec![
        dimension("age_band", &BANDS),
        dimension("sequel", &["1", "2", "3", "4a", "4b", "4c", "5", "6"]),
        dimension("final_outcome", &outcomes),
        dimension("counts_in", &["Numerator", "Denominator only", "Outside both"]),
    ];
    let mut units = Vec::new();
    for cluster in all(people, question, documented) {
        units.push((cluster.to_vec(), "count"));
    }
    let totals: [&[&str]; 4] = [
        &["age_band"],
        &["age_band", "sequel"],
        &["age_band", "final_outcome"],
        &["age_band", "sequel", "final_outcome", "counts_in"],
    ];
    chosen(dimensions, units, &totals, question, &["age_band", "sequel", "final_outcome"])
}
