//! The methods a second time, plainly: over rows of text and numbers, step by step as the published scripts go, and
//! compared with the real ones on random tables to the last count.

use folkmoot_proto::codelist::{CodeList, Coded, INVALID};
use folkmoot_proto::period::{Day, Month};

use super::kit::{Figures, asked, span};
use super::random::{Dice, Whose};
use crate::assemble::Variant;
use crate::history::{Event, Histories, History};
use crate::row::EventKind;

const TABLES: u64 = 500;

/// First and last day of the questions, and the last day that details are built for.
const PERIODS: [(&str, &str); 2] = [("2024-04-01", "2025-03-31"), ("2023-07-01", "2024-06-30")];
pub(super) const BUILD_END: &str = "2025-06-30";

/// An event as text; blank is the empty text.
#[derive(Clone)]
pub(super) struct Plain {
    pub(super) kind: &'static str,
    pub(super) client: &'static str,
    pub(super) service: &'static str,
    pub(super) component: &'static str,
    pub(super) mechanism: &'static str,
    pub(super) outcome: &'static str,
    pub(super) reason: &'static str,
    pub(super) con: &'static str,
    pub(super) gender: &'static str,
    pub(super) ethnicity: &'static str,
    pub(super) employment: &'static str,
    pub(super) home: &'static str,
    pub(super) route: &'static str,
    pub(super) assessment: &'static str,
    pub(super) needs: &'static str,
    pub(super) method: &'static str,
    pub(super) review_reason: &'static str,
    pub(super) review_outcome: &'static str,
    pub(super) funding: &'static str,
    pub(super) conversation: bool,
    /// Frequency, pence, hundredths of units.
    pub(super) cost: Option<(&'static str, Option<i64>, Option<i64>)>,
    /// The last day of the file's reference period.
    pub(super) told: i32,
    pub(super) start: i32,
    pub(super) end: i32,
    pub(super) death: Option<i32>,
    pub(super) birth: Option<i32>,
    pub(super) order: u32,
}

pub(super) struct PlainPerson {
    pub(super) rows: Vec<Plain>,
    pub(super) birth: Option<i32>,
    pub(super) death: Option<i32>,
    pub(super) gender: &'static str,
    pub(super) reason: &'static str,
    pub(super) home: &'static str,
    pub(super) employment: &'static str,
    pub(super) ethnicity: &'static str,
    pub(super) funding: &'static str,
    pub(super) con: &'static str,
}

fn text<T: CodeList>(code: Coded<T>) -> &'static str {
    match code {
        Coded::Blank => "",
        Coded::Invalid => INVALID,
        Coded::Value(value) => value.label(),
    }
}

fn first_of(month: Option<Month>) -> Option<i32> {
    month.map(|month| month.first_day().number())
}

fn plain(event: Event<'_>) -> Plain {
    Plain {
        kind: match event.kind() {
            EventKind::Known(kind) => kind.label(),
            EventKind::Other | EventKind::Blank => "something else",
        },
        client: text(event.client()),
        service: text(event.service()),
        component: text(event.component()),
        mechanism: text(event.mechanism()),
        outcome: text(event.outcome()),
        reason: text(event.reason()),
        con: text(event.has_carer()),
        gender: text(event.gender()),
        ethnicity: text(event.ethnicity()),
        employment: text(event.employment()),
        home: text(event.accommodation()),
        route: text(event.route()),
        assessment: text(event.assessment()),
        needs: text(event.eligible_needs()),
        method: text(event.method()),
        review_reason: text(event.review_reason()),
        review_outcome: text(event.review_outcome()),
        funding: text(event.funding()),
        conversation: event.conversation(),
        cost: event.cost().map(|cost| (text(cost.frequency), cost.unit_cost, cost.planned_units)),
        told: event.period().last().number(),
        start: event.start().number(),
        end: event.end().number(),
        death: event.death().map(Day::number),
        birth: first_of(event.birth()),
        order: event.order(),
    }
}

fn person(history: History<'_>) -> PlainPerson {
    let person = history.person();
    PlainPerson {
        rows: history.events().map(plain).collect(),
        birth: first_of(person.birth()),
        death: person.death().map(Day::number),
        gender: person.gender().label(),
        reason: person.reason().label(),
        home: person.accommodation().label(),
        employment: text(person.employment()),
        ethnicity: person.ethnicity().label(),
        funding: person.funding().label(),
        con: person.has_carer().label(),
    }
}

pub(super) fn age(birth: i32, on: i32) -> i32 {
    (f64::from(on - birth) / 365.25).floor() as i32
}

pub(super) fn number(text: &str) -> i32 {
    text.parse::<Day>().unwrap().number()
}

pub(super) fn long_term(row: &Plain) -> bool {
    row.service.starts_with("Long term support")
}

pub(super) fn add(figures: &mut Figures, name: String) {
    *figures.entry(name).or_insert(0) += 1;
}

/// Compares a measure's cells with the plain ones on every random table and period.
pub(super) fn compare(
    measure: &str,
    by: &[&str],
    variant: Option<&str>,
    method: fn(&PlainPerson, i32, i32, &mut Figures),
) {
    let settings: Vec<_> = variant.map(|variant| ("variant", variant)).into_iter().collect();
    compare_over(TABLES, measure, by, &settings, Variant::Joined, method);
}

/// As [`compare`], with any settings and over either table; for methods simple enough that fewer tables do.
pub(super) fn compare_with(
    measure: &str,
    by: &[&str],
    settings: &[(&str, &str)],
    table: Variant,
    method: fn(&PlainPerson, i32, i32, &mut Figures),
) {
    compare_over(TABLES / 4, measure, by, settings, table, method);
}

fn compare_over(
    tables: u64,
    measure: &str,
    by: &[&str],
    settings: &[(&str, &str)],
    table: Variant,
    method: fn(&PlainPerson, i32, i32, &mut Figures),
) {
    let mut counted = 0;
    for seed in 0..tables {
        let histories: Histories = Dice::new(seed).table().histories(table, Whose::Everybody);
        for (first, last) in PERIODS {
            let mut expected = Figures::new();
            for history in histories.iter() {
                method(&person(history), number(first), number(last), &mut expected);
            }
            let mut found = asked(&histories, measure, span(first, last), Some(by), settings);
            found.retain(|name, _| name.matches('=').count() == by.len());
            expected.retain(|_, count| *count != 0);
            assert_eq!(found, expected, "{measure} on table {seed}, {first} to {last}");
            counted += expected.values().map(|count| count.abs()).sum::<i64>();
        }
    }
    assert!(counted > 40, "{measure} is hardly tried: {counted} in all");
}

#[test]
fn two_a_equals_a_plain_second_implementation() {
    compare("ASCOF-2A-SEQUELS", &["age_band", "sequel", "final_outcome"], None, |person, first, last, figures| {
        for (band, sequel, outcome) in clusters(person, first, last, 91) {
            add(figures, format!("age_band={band};final_outcome={outcome};sequel={sequel}/count"));
        }
    });
    compare("ASCOF-2A", &["age_band"], None, |person, first, last, figures| summary(person, first, last, 91, figures));
    compare("ASCOF-2A", &["age_band"], Some("documented"), |person, first, last, figures| {
        summary(person, first, last, 365, figures);
    });
}

fn summary(person: &PlainPerson, first: i32, last: i32, look_back: i32, figures: &mut Figures) {
    const SUCCESS: [&str; 9] = [
        "Short term support: Ongoing low level",
        "Short term support: Other short term",
        "NFA: Information and advice or signposting",
        "NFA: Support ended as planned",
        "NFA: Responsibility moved to another local authority",
        "NFA: Other",
        "NFA: No services offered for other reason",
        "NFA: Support ended for other reason",
        "NFA: Referral to other service within the local authority",
    ];
    for (band, _, outcome) in clusters(person, first, last, look_back) {
        if SUCCESS.contains(&outcome) {
            add(figures, format!("age_band={band}/yes"));
        } else if outcome.starts_with("Long") || outcome.ends_with("Residential or Nursing care") {
            add(figures, format!("age_band={band}/no"));
        }
    }
}

/// The hierarchy of outcomes; the first five and everything else classify nothing.
const HIERARCHY: [&str; 17] = [
    "Progress to reablement/ST-Max",
    "Progress to assessment, review or reassessment",
    "Release 1 specification only: Not mapped",
    "Progress to support planning or services",
    "Continuation of support or services",
    "Admitted to hospital",
    "NFA: Responsibility moved to another local authority",
    "NFA: Referral to NHS services or NHS funded social care",
    "NFA: Self-funded client or under 12wk disregard",
    "NFA: Information and advice or signposting",
    "NFA: Referral to other service within the local authority",
    "NFA: Support declined",
    "NFA: Deceased",
    "NFA: Support ended as planned",
    "NFA: Support ended for other reason",
    "NFA: No services offered for other reason",
    "NFA: Other",
];

fn rank(outcome: &str) -> usize {
    match HIERARCHY.iter().position(|known| *known == outcome) {
        Some(place) if place < 5 => place + 101,
        Some(place) => place + 1,
        None => 999,
    }
}

/// Band, sequel type and final outcome of each cluster that counts.
fn clusters(
    person: &PlainPerson,
    first: i32,
    last: i32,
    look_back: i32,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let base: Vec<Plain> = person
        .rows
        .iter()
        .filter(|row| row.client == "Service user" && row.end >= row.start)
        .map(|row| Plain { outcome: if row.outcome.is_empty() { INVALID } else { row.outcome }, ..row.clone() })
        .collect();
    let own = |row: &Plain| row.kind == "Service" && row.service == "Short term support: ST-Max";
    let mut st_max: Vec<Plain> = base.iter().filter(|row| own(row)).cloned().collect();
    st_max.sort_by_key(|row| (row.start, row.end, rank(row.outcome), u32::MAX - row.order));
    let mut groups: Vec<Vec<Plain>> = Vec::new();
    let mut running = i32::MIN;
    for row in st_max {
        if groups.is_empty() || i64::from(row.start) - i64::from(running) > 7 {
            groups.push(Vec::new());
        }
        running = running.max(row.end);
        groups.last_mut().unwrap().push(row);
    }
    let mut all = Vec::new();
    for group in groups {
        let start = group.iter().map(|row| row.start).min().unwrap();
        let end = group.iter().map(|row| row.end).max().unwrap();
        let mut lasts: Vec<&Plain> = group.iter().filter(|row| row.end == end).collect();
        lasts.sort_by_key(|row| (rank(row.outcome), u32::MAX - row.order));
        let outcome = lasts[0].outcome;
        let age = person.birth.map(|birth| age(birth, end));
        let existing = base.iter().any(|row| long_term(row) && row.start < start && start - row.end < look_back);
        if end < first
            || end > last
            || age.is_some_and(|age| age < 18)
            || person.death.is_some_and(|death| death < start)
            || existing
        {
            continue;
        }
        let band = match age {
            None => "Unknown",
            Some(age) if age < 65 => "18 to 64",
            Some(_) => "65 and above",
        };
        let others: Vec<&Plain> = base.iter().filter(|row| !own(row)).collect();
        let (sequel, outcome) = sequel(person, &others, start, end, outcome);
        all.push((band, sequel, outcome));
    }
    all
}

fn sequel(
    person: &PlainPerson,
    others: &[&Plain],
    start: i32,
    end: i32,
    outcome: &'static str,
) -> (&'static str, &'static str) {
    const ORDER: [&str; 7] = [
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community",
        "Long term support: Prison",
        "Short term support: ST-Max",
        "Short term support: Ongoing low level",
        "Short term support: Other short term",
    ];
    if person.death.is_some_and(|death| death - end <= 7) {
        return ("1", "NFA: Deceased");
    }
    if outcome == "Admitted to hospital" {
        return ("2", outcome);
    }
    let future: Vec<&&Plain> =
        others.iter().filter(|row| row.start >= start && row.end > end && row.start - end <= 7).collect();
    for service in ORDER {
        let found: Vec<_> = future.iter().filter(|row| row.kind == "Service" && row.service == service).collect();
        if found.is_empty() {
            continue;
        }
        let home = |row: &&&&Plain| ["Short term residential care", "Short term nursing care"].contains(&row.component);
        if service == ORDER[6] && found.iter().any(home) {
            return ("3", "Short term support: Residential or Nursing care");
        }
        return ("3", service);
    }
    let usable = |outcome: &str| rank(outcome) < 100;
    let later: Vec<_> = future
        .iter()
        .filter(|row| row.kind != "Service" && row.outcome != "NFA: Support ended as planned")
        .filter(|row| usable(outcome) || usable(row.outcome))
        .collect();
    let mut sources: Vec<(usize, &'static str, &'static str)> = Vec::new();
    if usable(outcome) && (future.is_empty() || !later.is_empty()) {
        sources.push((rank(outcome), "4a", outcome));
    }
    sources.extend(later.iter().filter(|row| usable(row.outcome)).map(|row| (rank(row.outcome), "4b", row.outcome)));
    let mut nested: Vec<_> = others
        .iter()
        .filter(|row| ["Assessment", "Review"].contains(&row.kind) && usable(row.outcome))
        .filter(|row| row.start >= start && row.end > start && row.end <= end && end - row.end < 14)
        .collect();
    nested.sort_by_key(|row| (-row.end, rank(row.outcome), u32::MAX - row.order));
    sources.extend(nested.first().map(|row| (rank(row.outcome), "4c", row.outcome)));
    if let Some((_, sequel, outcome)) = sources.into_iter().min() {
        return (sequel, outcome);
    }
    let equipped = others.iter().any(|row| {
        row.kind == "Service" && row.component == "Equipment" && row.start >= start && row.end > start && row.end <= end
    });
    if equipped { ("5", "Short term support: Ongoing low level") } else { ("6", outcome) }
}

#[test]
fn two_b_and_c_equal_a_plain_second_implementation() {
    fn bands(person: &PlainPerson, first: i32, last: i32, blank: bool) -> Option<bool> {
        let birth = person.birth?;
        if person.death.is_some_and(|death| death < first) {
            return None;
        }
        let base: Vec<&Plain> = person
            .rows
            .iter()
            .filter(|row| row.kind == "Service" && row.client == "Service user")
            .filter(|row| row.service.ends_with("Nursing care") || row.service.ends_with("Residential care"))
            .filter(|row| {
                let component = row.component.to_lowercase();
                let home = component.contains("residential") || component.contains("nursing");
                home && !component.contains("short") || blank && component.is_empty()
            })
            .collect();
        let ages: Vec<i32> = base
            .iter()
            .filter(|row| first <= row.start && row.start <= last)
            .filter(|row| row.outcome != "NFA: Self-funded client or under 12wk disregard")
            .filter(|row| !base.iter().any(|other| other.start < row.start && row.start - other.end < 365))
            .map(|row| age(birth, row.start))
            .filter(|age| *age >= 18)
            .collect();
        (!ages.is_empty()).then(|| ages.iter().any(|age| *age <= 64))
    }
    compare("ASCOF-2B", &["age_band"], None, |person, first, last, figures| {
        if bands(person, first, last, false) == Some(true) {
            add(figures, "age_band=18 to 64/count".into());
        }
    });
    compare("ASCOF-2B", &["age_band"], Some("documented"), |person, first, last, figures| {
        if bands(person, first, last, true) == Some(true) {
            add(figures, "age_band=18 to 64/count".into());
        }
    });
    compare("ASCOF-2C", &["age_band"], None, |person, first, last, figures| {
        if bands(person, first, last, false) == Some(false) {
            add(figures, "age_band=65 and above/count".into());
        }
    });
    compare("ASCOF-2C", &["age_band"], Some("documented"), |person, first, last, figures| {
        if bands(person, first, last, true) == Some(false) {
            add(figures, "age_band=65 and above/count".into());
        }
    });
}

#[test]
fn two_e_equals_a_plain_second_implementation() {
    fn cohort(person: &PlainPerson, first: i32, last: i32) -> Option<&'static str> {
        let rows = person.rows.iter().filter(|row| {
            row.client == "Service user"
                && row.kind == "Service"
                && long_term(row)
                && row.start <= last
                && row.end >= first
                && row.end >= row.start
        });
        let capped = rows.map(|row| row.end.min(last)).max()?;
        if person.death.is_some_and(|death| death < first) {
            return None;
        }
        match person.birth.map(|birth| age(birth, capped)) {
            None => Some("Unknown"),
            Some(age) if age >= 65 => Some("65 and above"),
            Some(age) => (age >= 18).then_some("18 to 64"),
        }
    }
    fn cell(person: &PlainPerson, band: &str) -> String {
        const UNSETTLED: [&str; 12] = [
            "Rough sleeper or squatting",
            "Night shelter, emergency hostel or direct access hostel",
            "Refuge",
            "Placed in temporary accommodation by the council (inc. homelessness resettlement)",
            "Staying with family or friends as a short term guest",
            "Acute hospital or long term healthcare residential facility",
            "Registered care home",
            "Registered nursing home",
            "Prison, young offenders institution or detention centre",
            "Other temporary accommodation",
            "Unknown",
            "Unknown: Presumed in community",
        ];
        let gender = if ["Male", "Female"].contains(&person.gender) { person.gender } else { "Other or unknown" };
        format!("age_band={band};gender={gender}/{}", if UNSETTLED.contains(&person.home) { "no" } else { "yes" })
    }
    compare("ASCOF-2E", &["age_band", "gender"], None, |person, first, last, figures| {
        if let Some(band) = cohort(person, first, last).filter(|band| *band != "Unknown") {
            add(figures, cell(person, band));
        }
    });
    compare("ASCOF-2E-LD", &["age_band", "gender"], None, |person, first, last, figures| {
        if person.reason == "Learning disability support" && cohort(person, first, last) == Some("18 to 64") {
            add(figures, cell(person, "18 to 64"));
        }
    });
    compare("ASCOF-2E-UNKNOWN", &["accommodation", "learning_disability"], None, |person, first, last, figures| {
        let cohort = cohort(person, first, last);
        if person.home.starts_with("Unknown") && cohort.is_some() {
            let disabled = person.reason == "Learning disability support" && cohort == Some("18 to 64");
            let disabled = if disabled { "Yes" } else { "No" };
            add(figures, format!("accommodation={};learning_disability={disabled}/count", person.home));
        }
    });
}

/// The published rank of a long-term row by its mechanism.
pub(super) fn setting(service: &str, mechanism: &str) -> usize {
    match (service, mechanism) {
        ("Long term support: Nursing care", _) => 1,
        ("Long term support: Residential care", _) => 2,
        ("Long term support: Community", "Direct payment") => 3,
        ("Long term support: Community", "CASSR managed personal budget") => 4,
        ("Long term support: Community", "CASSR commissioned support") => 5,
        ("Long term support: Community", _) => 6,
        (_, "CASSR managed personal budget") => 7,
        (_, "CASSR commissioned support") => 8,
        _ => 9,
    }
}

#[test]
fn three_d_equals_a_plain_second_implementation() {
    fn band(person: &PlainPerson, last: i32) -> Option<&'static str> {
        match person.birth.map(|birth| age(birth, last)) {
            None => Some("Unknown"),
            Some(age) if age >= 65 => Some("65 and above"),
            Some(age) => (age >= 18).then_some("18 to 64"),
        }
    }
    const WAYS: [&str; 4] =
        ["Direct payment", "CASSR managed personal budget", "CASSR commissioned support", "Unknown"];
    compare("ASCOF-3D-CLIENTS", &["age_band", "support"], None, |person, _, last, figures| {
        let best = person
            .rows
            .iter()
            .filter(|row| row.client == "Service user" && long_term(row))
            .filter(|row| row.start <= last && row.end >= last && row.end >= row.start)
            .filter(|_| person.death.is_none_or(|death| death >= last))
            .map(|row| {
                setting(row.service, if row.component == "Direct payment" { "Direct payment" } else { row.mechanism })
            })
            .min();
        if let (Some(rank @ 3..=6), Some(band)) = (best, band(person, last)) {
            add(figures, format!("age_band={band};support={}/count", WAYS[rank - 3]));
        }
    });
    compare("ASCOF-3D-CARERS", &["age_band", "support"], None, |person, first, last, figures| {
        let direct = "Unpaid carer support: Direct to unpaid carer";
        let involving = "Unpaid carer support: Support involving the person cared-for";
        let advice = "NFA: Information and advice or signposting";
        let mut ranks = Vec::new();
        for row in &person.rows {
            let examined = row.kind == "Assessment" || row.kind == "Review";
            let cohort = row.service.is_empty() && row.outcome == advice
                || row.service == direct
                || row.service == involving
                || examined && row.service.is_empty();
            if !row.client.starts_with("Unpaid carer")
                || row.start > last
                || row.end < first
                || row.end < row.start
                || person.death.is_some_and(|death| death < first)
                || !cohort
            {
                continue;
            }
            let present = !row.component.is_empty() && row.component != "Direct payment";
            ranks.push(if row.service == direct {
                match row.mechanism {
                    "Direct payment" => 1,
                    _ if row.component == "Direct payment" => 1,
                    "CASSR managed personal budget" if present => 2,
                    "CASSR commissioned support" if present => 3,
                    "CASSR managed personal budget" | "CASSR commissioned support" => 99,
                    _ if present => 4,
                    _ => 99,
                }
            } else if row.service == involving || examined && row.outcome != advice {
                6
            } else if examined || row.kind == "Request" {
                5
            } else {
                99
            });
        }
        if let (Some(rank @ 1..=4), Some(band)) = (ranks.into_iter().min(), band(person, last)) {
            add(figures, format!("age_band={band};support={}/count", WAYS[rank - 1]));
        }
    });
}

#[test]
fn lts001_equals_a_plain_second_implementation() {
    fn reasons(rows: &[&Plain], last: i32, figures: &mut Figures) {
        for band in ["18 to 64", "65 and above"] {
            let rows = rows
                .iter()
                .filter(|row| match age(row.birth.unwrap(), last) {
                    ..18 => false,
                    18..65 => band == "18 to 64",
                    _ => band == "65 and above",
                })
                .map(|row| (setting(row.service, row.mechanism), row.reason, row.start))
                .collect();
            if let Some((setting, values)) = left(rows, &["", "Unknown"]) {
                let mut values: Vec<_> = values
                    .iter()
                    .map(|value| if ["", INVALID].contains(value) { "Invalid/NULL" } else { value })
                    .collect();
                values.dedup();
                let reason = if values.len() > 1 { "Unknown" } else { values[0] };
                add(figures, format!("age_band={band};primary_support_reason={reason};setting={setting}/count"));
            }
        }
    }
    let by = ["age_band", "primary_support_reason", "setting"];
    compare("LTS001A", &by, None, |person, first, last, figures| {
        if person.death.is_none_or(|death| death >= first) {
            reasons(&held(person, first, last).collect::<Vec<_>>(), last, figures);
        }
    });
    compare("LTS001B-REASON", &by, None, |person, _, last, figures| {
        reasons(&held_alive(person, last).collect::<Vec<_>>(), last, figures);
    });
    compare("LTS001B-CARER", &["has_unpaid_carer", "setting"], None, |person, _, last, figures| {
        let rows = held_alive(person, last).map(|row| (setting(row.service, row.mechanism), row.con, row.start));
        if let Some((setting, values)) = left(rows.collect(), &["", "Unknown"]) {
            let shown = |value: &&'static str| if ["Yes", "No"].contains(value) { *value } else { "Invalid/NULL" };
            let mut values: Vec<_> = values.iter().map(shown).collect();
            values.sort_unstable();
            values.dedup();
            let answer = if values.len() > 1 { "Unknown" } else { values[0] };
            add(figures, format!("has_unpaid_carer={answer};setting={setting}/count"));
        }
    });
}

pub(super) const SETTINGS: [&str; 9] = [
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

/// Setting and value of the rows that are left after each step.
pub(super) fn left(
    mut rows: Vec<(usize, &'static str, i32)>,
    unknown: &[&str],
) -> Option<(&'static str, Vec<&'static str>)> {
    let best = rows.iter().map(|row| row.0).min()?;
    rows.retain(|row| row.0 == best);
    if rows.iter().any(|row| !unknown.contains(&row.1)) {
        rows.retain(|row| !unknown.contains(&row.1));
    }
    let latest = rows.iter().map(|row| row.2).max()?;
    rows.retain(|row| row.2 == latest);
    let mut values: Vec<_> = rows.iter().map(|row| row.1).collect();
    values.sort_unstable();
    values.dedup();
    Some((SETTINGS[best - 1], values))
}
/// LTS001b: as [`held`], and the row does not say that the person died before the day.
pub(super) fn held_alive(person: &PlainPerson, day: i32) -> impl Iterator<Item = &Plain> {
    held(person, day, day).filter(move |row| row.death.is_none_or(|death| death >= day))
}

/// The rows of long-term support in the days, by the rules that LTS001a and b share.
pub(super) fn held(person: &PlainPerson, first: i32, last: i32) -> impl Iterator<Item = &Plain> {
    person.rows.iter().filter(move |row| {
        row.client == "Service user" && long_term(row) && row.start <= last && row.end >= first && row.birth.is_some()
    })
}
