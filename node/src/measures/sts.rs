//! STS001, STS002A, STS002B: requests of new clients and what followed, and what followed reablement.
//!
//! # Source
//! The STS scripts of NHS England (May 2024), read for one council: rows, ends and identity of the joined main table,
//! release 2 labels, so no row is dropped for an id that collides and assessments are events once only. Kept as published
//! unless the variant `documented` is asked for: requests without a route are lost, with their cluster where they are the
//! best of it, and those without a route or an
//! outcome are not dropped for long-term support; equal ranks duplicate rows; the first event of a chain is found before
//! the request's own rows are taken out, so that a request of one day accepts a sequel months later; clusters chain over
//! the preceding row only, and are counted at their last end in the period even when they go on; reablement that ended as
//! planned with events but no service after it is a category apart; STS002B loses reablement without an outcome.
//! Ages are those at the end of the period; STS001 alone leaves out rows without a birth month.
//! Release 2 does not know `End of Life Care`, and the 2024 lists do not know `Referral to other service`: both are
//! unable to classify. Labels misspelt in the original are not misread here.

use std::collections::BTreeSet;

use folkmoot_proto::codelist::{ClientType, Coded, EventType, Outcome, ServiceType};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::events::coded;
use super::{COUNT, Contributions, Window};
use crate::history::{Event, History, WorkingAge};
use crate::row::EventKind;

/// Days that a request may start after the previous one's end and be of its cluster.
const REQUEST_GAP: i32 = 4;
/// The same for reablement.
const REABLEMENT_GAP: i32 = 1;
/// Days that a later event may start after the previous one's end and be of the chain.
const CHAIN_GAP: i32 = 3;

const SIGNPOSTED: usize = 7;
const NHS: usize = 8;
const DECEASED: usize = 9;
const OTHER_REASON: usize = 10;
const UNCLASSIFIED: usize = 11;

pub(super) fn sts001(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (row, sequel) in requests(history, window) {
        let place = match sequel.found {
            Found::Service(ServiceType::StMax) => 0,
            Found::Service(service) if service.is_long_term() => service as usize + 1,
            Found::Service(service) => service as usize,
            Found::Outcome(outcome) => after_request(outcome),
            Found::NoChronology | Found::NoService => after_request(row.outcome()),
        };
        out.one(&[place, coded(row.route()), band(row, window.period)], COUNT);
    }
}

pub(super) fn sts002a(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let cohort: BTreeSet<Day> =
        requests(history, window).into_iter().flat_map(|(_, sequel)| sequel.reablement_starts).collect();
    if cohort.is_empty() {
        return;
    }
    let pool: Vec<Event<'_>> = pool(history, window.period).collect();
    let reablement = pool.iter().copied().filter(|event| is_reablement(*event) && cohort.contains(&event.start()));
    for cluster in clusters(reablement, REABLEMENT_GAP) {
        let Some(ended) = cluster.ended_in(window.period) else { continue };
        let Some(row) = best(&cluster.rows_ending(ended)) else { continue };
        let sequel = after(&pool, row, cluster.start, ended, &AFTER_REABLEMENT, window.documented());
        let place = match sequel.found {
            Found::Service(service) if service.is_long_term() => 0,
            Found::Service(ServiceType::OngoingLowLevel) => 1,
            Found::Service(_) => 2,
            Found::Outcome(outcome) => after_reablement(outcome),
            Found::NoService if row.outcome().is(Outcome::NfaEndedAsPlanned) && !window.documented() => 8,
            Found::NoChronology | Found::NoService => after_reablement(row.outcome()),
        };
        out.one(&[place, band(row, window.period)], COUNT);
    }
}

pub(super) fn sts002b(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let pool: Vec<Event<'_>> = pool(history, window.period).collect();
    for cluster in clusters(pool.iter().copied().filter(|event| is_reablement(*event)), REABLEMENT_GAP) {
        let Some(ended) = cluster.ended_in(window.period) else { continue };
        let mut rows = cluster.rows_ending(ended);
        if !window.documented() {
            rows.retain(|row| row.outcome() != Coded::Blank);
        }
        if let Some(row) = best(&rows)
            && has_long_term(&pool, cluster.start)
        {
            out.one(&[band(row, window.period)], COUNT);
        }
    }
}

/// Rows that the tables are made from, by start. Whether somebody lived is asked of the person table, as in every measure
/// but LTS001b; ages are those of the row.
fn pool(history: History<'_>, period: ReferencePeriod) -> impl Iterator<Item = Event<'_>> {
    let lived = !history.person().died_before(period.first());
    history.events().filter(move |event| {
        lived
            && matches!(event.kind(), EventKind::Known(_))
            && event.client().is(ClientType::ServiceUser)
            && event.start() <= period.last()
    })
}

fn is_reablement(event: Event<'_>) -> bool {
    event.is(EventType::Service) && event.service().is(ServiceType::StMax)
}

fn has_long_term(pool: &[Event<'_>], day: Day) -> bool {
    pool.iter().any(|event| {
        event.is(EventType::Service)
            && event.service().value().is_some_and(ServiceType::is_long_term)
            && event.start() <= day
            && event.end() >= day
    })
}

/// Place of the age at the end of the period, by the row's own birth month. Unknown has a place in the tables of reablement
/// alone: STS001 looks at no row without a birth month.
fn band(row: Event<'_>, period: ReferencePeriod) -> usize {
    match WorkingAge::of_event(row.age_on(period.last())) {
        WorkingAge::Under18 => 0,
        WorkingAge::From18To64 => 1,
        WorkingAge::From65 => 2,
        WorkingAge::Unknown => 3,
    }
}

/// Requests, or reablement, of which each starts soon after the one before has ended.
struct Cluster<'a> {
    start: Day,
    rows: Vec<Event<'a>>,
}

impl<'a> Cluster<'a> {
    /// The last end, when it is in the period.
    fn ended_in(&self, period: ReferencePeriod) -> Option<Day> {
        self.rows.iter().map(|row| row.end()).max().filter(|end| period.contains(*end))
    }

    fn rows_ending(&self, end: Day) -> Vec<Event<'a>> {
        self.rows.iter().copied().filter(|row| row.end() == end).collect()
    }
}

/// `events` by start. Only the preceding row is compared with, as published: no running maximum.
fn clusters<'a>(events: impl Iterator<Item = Event<'a>>, gap: i32) -> Vec<Cluster<'a>> {
    let mut all: Vec<Cluster<'a>> = Vec::new();
    for event in events {
        let joins = all
            .last()
            .and_then(|cluster| cluster.rows.last())
            .is_some_and(|before| before.end().days_until(event.start()) <= gap);
        match all.last_mut() {
            Some(cluster) if joins => cluster.rows.push(event),
            _ => all.push(Cluster { start: event.start(), rows: vec![event] }),
        }
    }
    all
}

/// The row whose outcome ranks first; among equals the last of the file.
fn best<'a>(rows: &[Event<'a>]) -> Option<Event<'a>> {
    rows.iter().copied().min_by_key(|row| (rank(row.outcome()), std::cmp::Reverse(row.order())))
}

/// The requests of new clients that count, each with what followed.
fn requests<'a>(history: History<'a>, window: &Window<'_>) -> Vec<(Event<'a>, Sequel)> {
    let pool: Vec<Event<'a>> = pool(history, window.period).filter(|event| event.birth().is_some()).collect();
    let documented = window.documented();
    let mut all = Vec::new();
    for cluster in clusters(pool.iter().copied().filter(|event| event.is(EventType::Request)), REQUEST_GAP) {
        let ends = || cluster.rows.iter().map(|row| row.end());
        if documented && ends().any(|end| end > window.period.last()) {
            continue;
        }
        let Some(ended) = ends().filter(|end| window.period.contains(*end)).max() else { continue };
        let existing = has_long_term(&pool, cluster.start);
        let mut rows = cluster.rows_ending(ended);
        rows.retain(|row| {
            // The original compares route and outcome as well, which no blank equals.
            let escapes = !documented && (row.route() == Coded::Blank || row.outcome() == Coded::Blank);
            !existing || escapes
        });
        let counted: Vec<Event<'a>> = if documented {
            best(&rows).into_iter().collect()
        } else {
            // A row without a route can be the best of its cluster, and the cluster is then lost with it.
            let first = rows.iter().map(|row| rank(row.outcome())).min();
            let mut seen = BTreeSet::new();
            rows.retain(|row| {
                row.route() != Coded::Blank
                    && Some(rank(row.outcome())) == first
                    && seen.insert((row.route(), row.outcome(), row.age_on(window.period.last())))
            });
            rows
        };
        for row in counted {
            all.push((row, after(&pool, row, cluster.start, ended, &AFTER_REQUEST, documented)));
        }
    }
    all
}

/// How the chain of events after a cluster is read.
struct Reading {
    /// Whether an event is of the kind that the cluster is made of: its own rows are taken out, another ends the chain.
    own: fn(Event<'_>) -> bool,
    /// Days within which the first event must start.
    window: i32,
    /// Recognised services, best first.
    order: &'static [ServiceType],
}

const AFTER_REQUEST: Reading = Reading {
    own: |event| event.is(EventType::Request),
    window: 28,
    order: &[
        ServiceType::StMax,
        ServiceType::Nursing,
        ServiceType::Residential,
        ServiceType::Community,
        ServiceType::Prison,
        ServiceType::OngoingLowLevel,
        ServiceType::OtherShortTerm,
    ],
};

const AFTER_REABLEMENT: Reading = Reading {
    own: |event| is_reablement(event),
    window: 3,
    order: &[
        ServiceType::Nursing,
        ServiceType::Residential,
        ServiceType::Community,
        ServiceType::Prison,
        ServiceType::OngoingLowLevel,
        ServiceType::OtherShortTerm,
    ],
};

/// What followed a cluster.
struct Sequel {
    found: Found,
    /// Starts of the reablement in the chain, when that is what followed.
    reablement_starts: Vec<Day>,
}

/// Types 1 and 5, 4, 2 and 3 of the published method.
enum Found {
    NoChronology,
    NoService,
    Service(ServiceType),
    Outcome(Coded<Outcome>),
}

/// What followed a cluster that `row` speaks for.
fn after(pool: &[Event<'_>], row: Event<'_>, start: Day, end: Day, reading: &Reading, documented: bool) -> Sequel {
    // A blank outcome finds no events in the original's join.
    if row.outcome() == Coded::Blank && !documented {
        return Sequel { found: Found::NoChronology, reablement_starts: Vec::new() };
    }
    sequel(pool, start, end, reading, documented)
}

fn sequel(pool: &[Event<'_>], start: Day, end: Day, reading: &Reading, documented: bool) -> Sequel {
    let none = |found| Sequel { found, reablement_starts: Vec::new() };
    let own = |event: &Event<'_>| (reading.own)(*event) && (event.start() == start || event.end() == end);
    let later = || pool.iter().copied().filter(|event| event.start() >= end);
    // As published the first day is looked for among all events, the cluster's own rows included.
    let first = later().filter(|event| !documented || !own(event)).map(Event::start).min();
    let events: Vec<Event<'_>> = later().filter(|event| !own(event)).collect();
    if events.is_empty() {
        return none(Found::NoChronology);
    }
    let mut chain: Vec<Event<'_>> = Vec::new();
    let mut before: Option<Event<'_>> = None;
    let mut too_late = false;
    for event in events {
        if Some(event.start()) == first {
            if end.days_until(event.start()) > reading.window && !event.is_open() {
                too_late = true;
                continue;
            }
        } else if before.is_none() && too_late {
            // Nothing of the first day is within reach. Where that day's rows were all the cluster's own, none was too
            // late, and whatever follows is accepted.
            break;
        } else if before.is_some_and(|before| before.end().days_until(event.start()) > CHAIN_GAP) {
            break;
        }
        chain.push(event);
        before = Some(event);
    }
    if chain.is_empty() {
        return none(Found::NoChronology);
    }
    if let Some(stop) = chain.iter().find(|event| (reading.own)(**event)).map(|event| event.start()) {
        chain.retain(|event| event.start() < stop);
        if chain.is_empty() {
            return none(Found::NoChronology);
        }
    }
    let has = |service: &&ServiceType| {
        chain.iter().any(|event| event.is(EventType::Service) && event.service().is(**service))
    };
    if let Some(service) = reading.order.iter().find(has) {
        let starts = chain.iter().filter(|event| is_reablement(**event)).map(|event| event.start()).collect();
        return Sequel { found: Found::Service(*service), reablement_starts: starts };
    }
    none(last_outcome(&chain).map_or(Found::NoService, Found::Outcome))
}

/// Type 3: the outcome of the last event without further action; `NFA: Other` when other rows ended on that day.
fn last_outcome(chain: &[Event<'_>]) -> Option<Coded<Outcome>> {
    // In release 1 a service that ended as planned was no such outcome. Open ends count as the earliest.
    let closes = |event: &&Event<'_>| {
        event.outcome().value().is_some_and(|outcome| outcome.is_nfa() && outcome != Outcome::NfaEndedAsPlanned)
    };
    let place = |event: &Event<'_>| if event.is_open() { i32::MIN } else { event.end().number() };
    let last = chain.iter().filter(closes).map(place).max()?;
    let rows: BTreeSet<_> = chain
        .iter()
        .filter(|event| place(event) == last)
        .map(|event| {
            let kind = match event.kind() {
                EventKind::Known(kind) => Some(kind),
                EventKind::Blank | EventKind::Other => None,
            };
            (kind, event.start(), event.outcome())
        })
        .collect();
    match rows.first() {
        Some((_, _, outcome)) if rows.len() == 1 => Some(*outcome),
        _ => Some(Coded::Value(Outcome::NfaOther)),
    }
}

/// The release 1 hierarchy in release 2 labels, which merge some of its places; the smaller goes first.
fn rank(outcome: Coded<Outcome>) -> u8 {
    match outcome.value() {
        Some(Outcome::Reablement) => 1,
        Some(Outcome::Assessment) => 2,
        Some(Outcome::AdmittedToHospital) => 3,
        Some(Outcome::SupportPlanning) => 5,
        Some(Outcome::ReleaseOneOnly) => 6,
        Some(Outcome::Continuation) => 7,
        Some(Outcome::NfaEndedAsPlanned) => 8,
        Some(Outcome::NfaDeceased) => 11,
        Some(Outcome::NfaMoved) => 12,
        Some(Outcome::NfaNhs) => 13,
        Some(Outcome::NfaInformation) => 14,
        Some(Outcome::NfaSelfFunded) => 15,
        Some(Outcome::NfaDeclined) => 16,
        Some(Outcome::NfaEndedOther) => 17,
        Some(Outcome::NfaNoServices) => 18,
        Some(Outcome::NfaOther) => 19,
        Some(Outcome::NfaOtherService) | None => 99,
    }
}

fn after_request(outcome: Coded<Outcome>) -> usize {
    match outcome.value() {
        Some(Outcome::NfaInformation) => SIGNPOSTED,
        Some(Outcome::NfaNhs) => NHS,
        Some(Outcome::NfaDeceased) => DECEASED,
        Some(
            Outcome::NfaMoved
            | Outcome::NfaSelfFunded
            | Outcome::NfaDeclined
            | Outcome::NfaNoServices
            | Outcome::NfaEndedOther
            | Outcome::NfaOther,
        ) => OTHER_REASON,
        _ => UNCLASSIFIED,
    }
}

fn after_reablement(outcome: Coded<Outcome>) -> usize {
    match outcome.value() {
        Some(Outcome::NfaNhs | Outcome::NfaDeceased) => 3,
        Some(Outcome::NfaSelfFunded) => 4,
        Some(Outcome::NfaDeclined) => 5,
        Some(Outcome::NfaInformation) => 6,
        Some(
            Outcome::NfaMoved
            | Outcome::NfaOther
            | Outcome::NfaNoServices
            | Outcome::NfaEndedOther
            | Outcome::NfaEndedAsPlanned
            | Outcome::AdmittedToHospital,
        ) => 7,
        _ => 9,
    }
}
