//! ASCOF 2A: what followed short-term support to maximise independence (ST-Max, reablement).
//!
//! # Source
//! `Create_ASCOF_2A_2425_Onwards.sql` (Department of Health and Social Care, June 2026). Kept as published: an open
//! service absorbs everything that starts after it; services that began before the cluster are no sequels; future events
//! that are all excluded still keep the cluster's own outcome from being taken at step 4. The documented variant looks
//! for earlier long-term support over 365 days, as the script's comments say, and not over the 91 of its code.

use folkmoot_proto::codelist::{ClientType, CodeList, Coded, Component, EventType, Outcome, ServiceType};
use folkmoot_proto::period::Day;

use super::{COUNT, Contributions, NO, Window, YES};
use crate::history::{Event, History};

/// Rows this near to a cluster belong to it.
const GAP: i32 = 7;
/// How long after the cluster a sequel may start, and a death may come.
const LOOK_FORWARD: i32 = 7;
/// A nested assessment or review speaks for the cluster when it ends fewer days than this before it.
const NESTED: i32 = 14;
/// Outcomes of this rank and above classify nothing.
const UNUSABLE: u16 = 100;

pub(super) fn summary(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each(history, window, |band, _, outcome| match outcome.side() {
        Side::Numerator => out.one(&[band], YES),
        Side::DenominatorOnly => out.one(&[band], NO),
        Side::Outside => {}
    });
}

pub(super) fn sequels(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each(history, window, |band, sequel, outcome| {
        out.one(&[band, sequel as usize, outcome.place(), outcome.side() as usize], COUNT);
    });
}

/// Adjoining ST-Max services.
#[derive(Clone, Copy)]
struct Cluster {
    start: Day,
    end: Day,
    outcome: Coded<Outcome>,
    order: u32,
}

/// How the final outcome was found, in the order of the catalogue's categories.
#[derive(Clone, Copy)]
enum Sequel {
    Death,
    Hospital,
    Service,
    OwnOutcome,
    LaterEvent,
    NestedEvent,
    Equipment,
    Remainder,
}

/// What came of a cluster.
#[derive(Clone, Copy)]
enum Final {
    Service(ServiceType),
    ShortTermCareHome,
    Outcome(Coded<Outcome>),
}

/// Where a final outcome counts, in the order of the catalogue's categories.
#[derive(Clone, Copy)]
enum Side {
    Numerator,
    DenominatorOnly,
    Outside,
}

impl Final {
    /// Place among the catalogue's final outcomes: seven services, the short-term care home, the outcomes, invalid.
    fn place(self) -> usize {
        const SERVICES: usize = 7;
        match self {
            Self::Service(service) => service.index(),
            Self::ShortTermCareHome => SERVICES,
            Self::Outcome(Coded::Value(outcome)) => SERVICES + 1 + outcome.index(),
            Self::Outcome(Coded::Blank | Coded::Invalid) => SERVICES + 1 + Outcome::ALL.len(),
        }
    }

    fn side(self) -> Side {
        match self {
            Self::Service(service) if service.is_long_term() => Side::DenominatorOnly,
            Self::ShortTermCareHome => Side::DenominatorOnly,
            Self::Service(ServiceType::OngoingLowLevel | ServiceType::OtherShortTerm) => Side::Numerator,
            Self::Outcome(Coded::Value(
                Outcome::NfaInformation
                | Outcome::NfaEndedAsPlanned
                | Outcome::NfaMoved
                | Outcome::NfaOther
                | Outcome::NfaNoServices
                | Outcome::NfaEndedOther
                | Outcome::NfaOtherService,
            )) => Side::Numerator,
            Self::Service(_) | Self::Outcome(_) => Side::Outside,
        }
    }
}

/// Every cluster that counts: its age band, how its final outcome was found, and the final outcome.
fn each(history: History<'_>, window: &Window<'_>, mut found: impl FnMut(usize, Sequel, Final)) {
    let look_back = if window.documented() { 365 } else { 91 };
    let person = history.person();
    for cluster in clusters(history) {
        if !window.period.contains(cluster.end) || person.died_before(cluster.start) {
            continue;
        }
        let band = match person.age_on(cluster.end) {
            Some(..18) => continue,
            Some(18..65) => 0,
            Some(65..) => 1,
            None => 2,
        };
        if !is_new(history, cluster, look_back) {
            continue;
        }
        let (sequel, outcome) = sequel(history, cluster);
        found(band, sequel, outcome);
    }
}

/// The rows that the method looks at.
fn base(history: History<'_>) -> impl Iterator<Item = Event<'_>> {
    history.events().filter(|event| is_base(*event))
}

fn is_base(event: Event<'_>) -> bool {
    event.client().is(ClientType::ServiceUser) & (event.end() >= event.start())
}

fn is_st_max(event: Event<'_>) -> bool {
    event.is(EventType::Service) & event.service().is(ServiceType::StMax)
}

/// The person's clusters, by start. Events come by start, and within a cluster neither its days nor its outcome depend
/// on how equal starts are ordered.
fn clusters(history: History<'_>) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    // Few rows are such services, so they are asked for that first.
    for event in history.events().filter(|event| is_st_max(*event) && is_base(*event)) {
        let next = Cluster { start: event.start(), end: event.end(), outcome: event.outcome(), order: event.order() };
        match clusters.last_mut() {
            Some(cluster) if cluster.end.days_until(next.start) <= GAP => {
                let speaks = |cluster: &Cluster| (cluster.end, std::cmp::Reverse(rank(cluster.outcome)), cluster.order);
                if speaks(&next) > speaks(cluster) {
                    *cluster = Cluster { start: cluster.start, ..next };
                }
            }
            _ => clusters.push(next),
        }
    }
    clusters
}

/// Place in the national hierarchy, with the outcomes that classify nothing at its end.
fn rank(outcome: Coded<Outcome>) -> u16 {
    match outcome {
        Coded::Value(outcome) if outcome >= Outcome::AdmittedToHospital => outcome.rank(),
        Coded::Value(outcome) => UNUSABLE + outcome.rank(),
        Coded::Blank | Coded::Invalid => 999,
    }
}

fn is_usable(outcome: Coded<Outcome>) -> bool {
    rank(outcome) < UNUSABLE
}

/// True unless long-term support that started before the cluster was there, or had ended only lately.
fn is_new(history: History<'_>, cluster: Cluster, look_back: i32) -> bool {
    !base(history).any(|event| {
        event.service().value().is_some_and(ServiceType::is_long_term)
            && event.start() < cluster.start
            && event.end().days_until(cluster.start) < look_back
    })
}

/// The first rule that applies.
fn sequel(history: History<'_>, cluster: Cluster) -> (Sequel, Final) {
    if history.person().death().is_some_and(|death| cluster.end.days_until(death) <= LOOK_FORWARD) {
        return (Sequel::Death, Final::Outcome(Coded::Value(Outcome::NfaDeceased)));
    }
    if cluster.outcome.is(Outcome::AdmittedToHospital) {
        return (Sequel::Hospital, Final::Outcome(cluster.outcome));
    }
    let others = || base(history).filter(|event| !is_st_max(*event) && event.start() >= cluster.start);
    let future =
        || others().filter(|event| event.end() > cluster.end && cluster.end.days_until(event.start()) <= LOOK_FORWARD);
    if let Some(service) = following_service(future()) {
        return (Sequel::Service, service);
    }
    if let Some((sequel, outcome)) = following_outcome(cluster, others(), future()) {
        return (sequel, Final::Outcome(outcome));
    }
    let equipped = others().any(|event| {
        event.is(EventType::Service)
            && event.component().is(Component::Equipment)
            && event.end() > cluster.start
            && event.end() <= cluster.end
    });
    if equipped {
        return (Sequel::Equipment, Final::Service(ServiceType::OngoingLowLevel));
    }
    (Sequel::Remainder, Final::Outcome(cluster.outcome))
}

/// The highest service among future events; carers' services are none.
fn following_service<'a>(future: impl Iterator<Item = Event<'a>>) -> Option<Final> {
    let care_home =
        |event: Event<'_>| event.component().is_one_of(&[Component::ShortTermResidential, Component::ShortTermNursing]);
    let (service, other) = future
        .filter(|event| event.is(EventType::Service))
        .filter_map(|event| {
            let service = event.service().value().filter(|service| !service.is_carer_support())?;
            Some((service, !care_home(event)))
        })
        .min()?;
    Some(if service == ServiceType::OtherShortTerm && !other {
        Final::ShortTermCareHome
    } else {
        Final::Service(service)
    })
}

/// The best usable outcome of the cluster itself, of future events and of nested assessments and reviews; of equal
/// ones in that order.
fn following_outcome<'a>(
    cluster: Cluster,
    others: impl Iterator<Item = Event<'a>>,
    future: impl Iterator<Item = Event<'a>>,
) -> Option<(Sequel, Coded<Outcome>)> {
    let own = is_usable(cluster.outcome);
    let (mut any, mut qualifies, mut best_later) = (false, false, None);
    for event in future {
        any = true;
        let outcome = event.outcome();
        if event.is(EventType::Service) || outcome.is(Outcome::NfaEndedAsPlanned) {
            continue;
        }
        qualifies |= own || is_usable(outcome);
        if is_usable(outcome) {
            best_later = best_later.into_iter().chain([outcome]).min_by_key(|outcome| rank(*outcome));
        }
    }
    let nested = others
        .filter(|event| {
            (event.is(EventType::Assessment) || event.is(EventType::Review))
                && event.end() > cluster.start
                && event.end() <= cluster.end
                && event.end().days_until(cluster.end) < NESTED
                && is_usable(event.outcome())
        })
        .max_by_key(|event| (event.end(), std::cmp::Reverse(rank(event.outcome())), event.order()))
        .map(Event::outcome);
    let own = (own && (!any || qualifies)).then_some(cluster.outcome);
    // The first of equal ranks is kept.
    [(Sequel::OwnOutcome, own), (Sequel::LaterEvent, best_later), (Sequel::NestedEvent, nested)]
        .into_iter()
        .filter_map(|(sequel, outcome)| outcome.map(|outcome| (sequel, outcome)))
        .min_by_key(|(_, outcome)| rank(*outcome))
}
