//! Pathways: people who enter a state of care, and where they are next or after a time.
//!
//! # Source
//! Folkmoot's own measure; every rule, with a worked example that is also a test, stands in `docs/pathways.md`. The order
//! of services and the seven days are those of ASCOF 2A, the 28 days after a request those of the national table of what
//! followed requests (STS001).

use folkmoot_proto::codelist::{ClientType, CodeList, EventType, Outcome, Route, ServiceType};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::events::month;
use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};

/// Services of one kind that start no more days than this after the last end are one stay, and what starts no more days
/// than this after a stay is its next state.
const NEAR: i32 = 7;
/// What starts no more days than this after a request is its next state.
const NEAR_A_REQUEST: i32 = 28;

/// Where a person is; places in the catalogue's list. A service has the place of its rank.
const NO_SUPPORT: usize = 7;
const LEFT: usize = 8;
const DIED: usize = 9;
const NO_CHANGE: usize = 10;
const NOT_KNOWN: usize = 11;

pub(super) fn pathways(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let from = match window.settings.text("from") {
        "reablement" => Some(ServiceType::StMax),
        "other-short-term" => Some(ServiceType::OtherShortTerm),
        "ongoing-low-level" => Some(ServiceType::OngoingLowLevel),
        "community" => Some(ServiceType::Community),
        "residential-care" => Some(ServiceType::Residential),
        "nursing-care" => Some(ServiceType::Nursing),
        _ => None,
    };
    let stay = match from {
        Some(service) => first_stay(history, service, window.period),
        None => first_discharge(history, window.period).map(|day| (day, day)),
    };
    let Some((entry, end)) = stay else { return };
    let person = history.person();
    if person.died_before(entry) {
        return;
    }
    let life = Life { history, entry, known_until: history.details_period().last() };
    let to = match window.settings.number("after") {
        0 => match from {
            Some(service) => life.after_stay(service, end),
            None => life.first_support(entry, NEAR_A_REQUEST),
        },
        days => life.state(entry.plus_days(i32::try_from(days).unwrap_or(0))),
    };
    let coordinates = [
        to,
        month(window.period, entry),
        person.working_age_on(entry) as usize,
        person.gender().index(),
        person.ethnicity().group().index(),
        person.reason().index(),
    ];
    out.one(&coordinates, COUNT);
}

/// The day of the first request on discharge from hospital that starts in the period.
fn first_discharge(history: History<'_>, period: ReferencePeriod) -> Option<Day> {
    let mut asked = history.events().filter(|event| {
        event.is(EventType::Request)
            && event.client().is(ClientType::ServiceUser)
            && event.route().is(Route::DischargeFromHospital)
            && period.contains(event.start())
    });
    asked.next().map(Event::start)
}

/// First and last day of the first stay in a service that starts in the period.
fn first_stay(history: History<'_>, service: ServiceType, period: ReferencePeriod) -> Option<(Day, Day)> {
    let mut stay: Option<(Day, Day)> = None;
    for (kind, event) in services(history) {
        if kind != service {
            continue;
        }
        stay = match stay {
            Some((entry, end)) if end.days_until(event.start()) <= NEAR => Some((entry, end.max(event.end()))),
            Some((entry, end)) if period.contains(entry) => return Some((entry, end)),
            _ => Some((event.start(), event.end())),
        };
    }
    stay.filter(|(entry, _)| period.contains(*entry))
}

/// The person's services as a service user, but for support to carers, by start.
fn services(history: History<'_>) -> impl Iterator<Item = (ServiceType, Event<'_>)> {
    history.events().filter_map(|event| {
        let service = event.service().value().filter(|service| !service.is_carer_support())?;
        let counts =
            event.is(EventType::Service) && event.client().is(ClientType::ServiceUser) && event.end() >= event.start();
        counts.then_some((service, event))
    })
}

/// One person from the day of entry.
struct Life<'a> {
    history: History<'a>,
    entry: Day,
    /// The last day that the data speak of.
    known_until: Day,
}

impl Life<'_> {
    /// Where the person is on a day.
    fn state(&self, day: Day) -> usize {
        if self.history.person().death().is_some_and(|death| death <= day) {
            return DIED;
        }
        if day > self.known_until {
            return NOT_KNOWN;
        }
        let running = services(self.history).filter(|(_, event)| event.start() <= day && event.end() >= day);
        match running.map(|(service, _)| service.index()).min() {
            Some(highest) => highest,
            None if self.has_left(day) => LEFT,
            None => NO_SUPPORT,
        }
    }

    /// True when an event since the entry ended because another council took over, and none started after it.
    fn has_left(&self, day: Day) -> bool {
        let own = || self.history.events().filter(|event| event.client().is(ClientType::ServiceUser));
        let moved = own()
            .filter(|event| event.outcome().is(Outcome::NfaMoved) && event.end() >= self.entry && event.end() <= day)
            .map(Event::end)
            .max();
        moved.is_some_and(|moved| !own().any(|event| event.start() > moved && event.start() <= day))
    }

    /// The state after a stay in a service that ends on a day.
    fn after_stay(&self, service: ServiceType, end: Day) -> usize {
        let higher = services(self.history)
            .filter(|(other, event)| *other < service && event.start() > self.entry && event.start() <= end)
            .map(|(_, event)| event.start())
            .min();
        let death = self.history.person().death();
        let over = if end == Day::OPEN { None } else { Some(end.plus_days(1)) };
        match [higher, death, over].into_iter().flatten().min() {
            Some(leaves) if leaves <= self.known_until => self.first_support(leaves, NEAR - 1),
            _ => NO_CHANGE,
        }
    }

    /// The first state other than no support, from a day to that many days later.
    fn first_support(&self, from: Day, days: i32) -> usize {
        (0..=days).map(|day| self.state(from.plus_days(day))).find(|state| *state != NO_SUPPORT).unwrap_or(NO_SUPPORT)
    }
}
