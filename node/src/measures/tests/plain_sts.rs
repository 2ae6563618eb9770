//! STS001, STS002A and STS002B a second time, plainly: tables of rows, step by step as the description of the published
//! scripts goes.

use std::collections::BTreeSet;

use super::kit::Figures;
use super::plain::{Plain, PlainPerson, add, age, compare, long_term};

const OPEN: i32 = i32::MAX;
const ST_MAX: &str = "Short term support: ST-Max";

/// Steps 1 and 2: the rows of the person, with open ends as the largest number, by start and end.
fn rows(person: &PlainPerson, first: i32, last: i32) -> Vec<Plain> {
    if person.death.is_some_and(|death| death < first) {
        return Vec::new();
    }
    let open = folkmoot_proto::period::Day::OPEN.number();
    let mut rows: Vec<Plain> = person
        .rows
        .iter()
        .filter(|row| ["Request", "Assessment", "Service", "Review"].contains(&row.kind))
        .filter(|row| row.client == "Service user" && row.start <= last)
        .map(|row| Plain { end: if row.end == open { OPEN } else { row.end }, ..row.clone() })
        .collect();
    rows.sort_by_key(|row| (row.start, row.end));
    rows
}

/// Step 3: numbers of clusters; a row is of the cluster of the row before it unless that ended more than `gap` days
/// before.
fn number_clusters(rows: &[Plain], gap: i32) -> Vec<Vec<Plain>> {
    let mut numbers = Vec::new();
    for place in 0..rows.len() {
        let number = match place {
            0 => 0,
            _ if rows[place - 1].end >= rows[place].start - gap => numbers[place - 1],
            _ => numbers[place - 1] + 1,
        };
        numbers.push(number);
    }
    let count = numbers.last().map_or(0, |last: &usize| last + 1);
    (0..count)
        .map(|wanted| rows.iter().zip(&numbers).filter(|(_, n)| **n == wanted).map(|(row, _)| row.clone()).collect())
        .collect()
}

fn supported_on(rows: &[Plain], day: i32) -> bool {
    rows.iter().any(|row| row.kind == "Service" && long_term(row) && (row.start..=row.end).contains(&day))
}

/// Step 6: places of the release 1 hierarchy under release 2 labels.
fn rank(outcome: &str) -> usize {
    const ORDER: [(&str, usize); 16] = [
        ("Progress to reablement/ST-Max", 1),
        ("Progress to assessment, review or reassessment", 2),
        ("Admitted to hospital", 3),
        ("Progress to support planning or services", 5),
        ("Release 1 specification only: Not mapped", 6),
        ("Continuation of support or services", 7),
        ("NFA: Support ended as planned", 8),
        ("NFA: Deceased", 11),
        ("NFA: Responsibility moved to another local authority", 12),
        ("NFA: Referral to NHS services or NHS funded social care", 13),
        ("NFA: Information and advice or signposting", 14),
        ("NFA: Self-funded client or under 12wk disregard", 15),
        ("NFA: Support declined", 16),
        ("NFA: Support ended for other reason", 17),
        ("NFA: No services offered for other reason", 18),
        ("NFA: Other", 19),
    ];
    ORDER.iter().find(|(label, _)| *label == outcome).map_or(99, |(_, place)| *place)
}

/// The types of step 7, by what they come to.
enum Type {
    One,
    Two(&'static str),
    Three(&'static str),
    Four,
    Five,
}

struct Way {
    /// True for rows of the cluster's own kind.
    own: fn(&Plain) -> bool,
    days: i32,
    services: &'static [&'static str],
}

const AFTER_REQUEST: Way = Way {
    own: |row| row.kind == "Request",
    days: 28,
    services: &[
        ST_MAX,
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community",
        "Long term support: Prison",
        "Short term support: Ongoing low level",
        "Short term support: Other short term",
    ],
};

const AFTER_ST_MAX: Way = Way {
    own: |row| row.kind == "Service" && row.service == ST_MAX,
    days: 3,
    services: &[
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community",
        "Long term support: Prison",
        "Short term support: Ongoing low level",
        "Short term support: Other short term",
    ],
};

/// Step 7, with the starts of the ST-Max services of the chain.
fn sequel(rows: &[Plain], start: i32, end: i32, way: &Way, documented: bool) -> (Type, Vec<i32>) {
    let of_cluster = |row: &Plain| (way.own)(row) && (row.start == start || row.end == end);
    let all: Vec<&Plain> = rows.iter().filter(|row| row.start >= end).collect();
    let others: Vec<&Plain> = all.iter().copied().filter(|row| !of_cluster(row)).collect();
    if others.is_empty() {
        return (Type::One, Vec::new());
    }
    // The flaw: the first day is ranked before the cluster's own rows are removed.
    let ranked = if documented { &others } else { &all };
    let first_day = ranked.iter().map(|row| row.start).min().unwrap();
    let (first, later): (Vec<&Plain>, Vec<&Plain>) = others.iter().partition(|row| row.start == first_day);
    let near: Vec<&Plain> =
        first.iter().copied().filter(|row| row.end == OPEN || row.start - end <= way.days).collect();
    if near.is_empty() && !first.is_empty() {
        return (Type::Five, Vec::new());
    }
    let mut chain = near;
    for row in later {
        match chain.last() {
            Some(before) if before.end != OPEN && row.start - before.end > 3 => break,
            _ => chain.push(row),
        }
    }
    if chain.is_empty() {
        return (Type::Five, Vec::new());
    }
    if let Some(again) = chain.iter().filter(|row| (way.own)(row)).map(|row| row.start).min() {
        chain.retain(|row| row.start < again);
        if chain.is_empty() {
            return (Type::Five, Vec::new());
        }
    }
    for service in way.services {
        if chain.iter().any(|row| row.kind == "Service" && row.service == *service) {
            let starts = chain.iter().filter(|row| row.kind == "Service" && row.service == ST_MAX);
            return (Type::Two(service), starts.map(|row| row.start).collect());
        }
    }
    let nfa = |row: &&&Plain| row.outcome.starts_with("NFA") && row.outcome != "NFA: Support ended as planned";
    // A null end counts as the earliest.
    let when = |row: &Plain| if row.end == OPEN { i32::MIN } else { row.end };
    let Some(latest) = chain.iter().filter(nfa).map(|row| when(row)).max() else { return (Type::Four, Vec::new()) };
    let distinct: BTreeSet<(&str, i32, &'static str)> =
        chain.iter().filter(|row| when(row) == latest).map(|row| (row.kind, row.start, row.outcome)).collect();
    let outcome = if distinct.len() == 1 { distinct.first().unwrap().2 } else { "NFA: Other" };
    (Type::Three(outcome), Vec::new())
}

/// A row that stands for a cluster of requests, what followed, and the starts of ST-Max in it.
fn requests(rows: &[Plain], first: i32, last: i32, documented: bool) -> Vec<(Plain, Type, Vec<i32>)> {
    // A return of requests leaves every row without a birth month out.
    let rows: Vec<Plain> = rows.iter().filter(|row| row.birth.is_some()).cloned().collect();
    let rows = rows.as_slice();
    let requests: Vec<Plain> = rows.iter().filter(|row| row.kind == "Request").cloned().collect();
    let mut found = Vec::new();
    for cluster in number_clusters(&requests, 4) {
        let start = cluster.iter().map(|row| row.start).min().unwrap();
        if documented && cluster.iter().any(|row| row.end > last) {
            continue;
        }
        let Some(end) = cluster.iter().map(|row| row.end).filter(|end| (first..=last).contains(end)).max() else {
            continue;
        };
        let mut copies: Vec<Plain> = cluster.into_iter().filter(|row| row.end == end).collect();
        if supported_on(rows, start) {
            // Nothing equals a blank in the join that drops them.
            copies.retain(|row| !documented && (row.route.is_empty() || row.outcome.is_empty()));
        }
        if documented {
            copies.sort_by_key(|row| (rank(row.outcome), u32::MAX - row.order));
            copies.truncate(1);
        } else {
            let best = copies.iter().map(|row| rank(row.outcome)).min();
            copies.retain(|row| Some(rank(row.outcome)) == best && !row.route.is_empty());
            let mut told = Vec::new();
            copies.retain(|row| {
                let what = (row.route, row.outcome, age(row.birth.unwrap(), last));
                let new = !told.contains(&what);
                told.push(what);
                new
            });
        }
        for row in copies {
            let (kind, starts) = if !documented && row.outcome.is_empty() {
                (Type::One, Vec::new())
            } else {
                sequel(rows, start, end, &AFTER_REQUEST, documented)
            };
            found.push((row, kind, starts));
        }
    }
    found
}

fn band(row: &Plain, last: i32) -> &'static str {
    match row.birth.map(|birth| age(birth, last)) {
        None => "Unknown",
        Some(..18) => "Under 18",
        Some(18..65) => "18 to 64",
        Some(65..) => "65 and above",
    }
}

fn sts001(person: &PlainPerson, first: i32, last: i32, documented: bool, figures: &mut Figures) {
    let rows = rows(person, first, last);
    for (row, kind, _) in requests(&rows, first, last, documented) {
        let of = |outcome: &str| match outcome {
            "NFA: Information and advice or signposting" => "Universal services or signposted",
            "NFA: Referral to NHS services or NHS funded social care" => "100% NHS funded care",
            "NFA: Deceased" => "No services provided: Deceased",
            "NFA: Responsibility moved to another local authority"
            | "NFA: Self-funded client or under 12wk disregard"
            | "NFA: Support declined"
            | "NFA: No services offered for other reason"
            | "NFA: Support ended for other reason"
            | "NFA: Other" => "No services provided: Other reason",
            _ => "Unable to classify",
        };
        let sequel = match kind {
            Type::Two(service) => service,
            Type::Three(outcome) => of(outcome),
            Type::One | Type::Four | Type::Five => of(row.outcome),
        };
        let route = if row.route.is_empty() { "Blank" } else { row.route };
        add(figures, format!("age_band={};route_of_access={route};sequel={sequel}/count", band(&row, last)));
    }
}

fn sts002a(person: &PlainPerson, first: i32, last: i32, documented: bool, figures: &mut Figures) {
    let rows = rows(person, first, last);
    let cohort: Vec<i32> =
        requests(&rows, first, last, documented).into_iter().flat_map(|(_, _, starts)| starts).collect();
    let own: Vec<Plain> = rows
        .iter()
        .filter(|row| row.kind == "Service" && row.service == ST_MAX && cohort.contains(&row.start))
        .cloned()
        .collect();
    for cluster in number_clusters(&own, 1) {
        let start = cluster.iter().map(|row| row.start).min().unwrap();
        let end = cluster.iter().map(|row| row.end).max().unwrap();
        if end < first || end > last {
            continue;
        }
        let mut lasts: Vec<&Plain> = cluster.iter().filter(|row| row.end == end).collect();
        lasts.sort_by_key(|row| (rank(row.outcome), u32::MAX - row.order));
        let row = lasts[0];
        let of = |outcome: &str| match outcome {
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
            | "NFA: Support ended as planned"
            | "Admitted to hospital" => "No services provided: Other",
            _ => "Unable to classify",
        };
        let kind = if !documented && row.outcome.is_empty() {
            Type::One
        } else {
            sequel(&rows, start, end, &AFTER_ST_MAX, documented).0
        };
        let sequel = match kind {
            Type::Two(service) if service.starts_with("Long") => "Long term support (any setting)",
            Type::Two("Short term support: Ongoing low level") => "Ongoing low level support",
            Type::Two(_) => "Short term support (other)",
            Type::Three(outcome) => of(outcome),
            Type::Four if !documented && row.outcome == "NFA: Support ended as planned" => {
                "Support ended as planned, no service found"
            }
            Type::One | Type::Four | Type::Five => of(row.outcome),
        };
        add(figures, format!("age_band={};sequel={sequel}/count", band(row, last)));
    }
}

fn sts002b(person: &PlainPerson, first: i32, last: i32, documented: bool, figures: &mut Figures) {
    let rows = rows(person, first, last);
    let own: Vec<Plain> = rows.iter().filter(|row| row.kind == "Service" && row.service == ST_MAX).cloned().collect();
    for cluster in number_clusters(&own, 1) {
        let start = cluster.iter().map(|row| row.start).min().unwrap();
        let end = cluster.iter().map(|row| row.end).max().unwrap();
        let mut lasts: Vec<&Plain> = cluster.iter().filter(|row| row.end == end).collect();
        lasts.retain(|row| documented || !row.outcome.is_empty());
        lasts.sort_by_key(|row| (rank(row.outcome), u32::MAX - row.order));
        if (first..=last).contains(&end) && !lasts.is_empty() && supported_on(&rows, start) {
            add(figures, format!("age_band={}/count", band(lasts[0], last)));
        }
    }
}

#[test]
fn sts001_equals_a_plain_second_implementation() {
    let by = ["age_band", "route_of_access", "sequel"];
    compare("STS001", &by, None, |person, first, last, figures| sts001(person, first, last, false, figures));
    compare("STS001", &by, Some("documented"), |person, first, last, figures| {
        sts001(person, first, last, true, figures);
    });
}

#[test]
fn sts002_equals_a_plain_second_implementation() {
    let by = ["age_band", "sequel"];
    compare("STS002A", &by, None, |person, first, last, figures| sts002a(person, first, last, false, figures));
    compare("STS002A", &by, Some("documented"), |person, first, last, figures| {
        sts002a(person, first, last, true, figures);
    });
    compare("STS002B", &["age_band"], None, |person, first, last, figures| {
        sts002b(person, first, last, false, figures);
    });
    compare("STS002B", &["age_band"], Some("documented"), |person, first, last, figures| {
        sts002b(person, first, last, true, figures);
    });
}
