//! LTS004: employment and accommodation of people aged 18 to 64 with a learning disability.
//!
//! # Source
//! `LTS004 replication code` (NHS England, May 2024), read over the joined main table and release 2 lists, with the latest
//! start of this council in place of that over all councils. Kept as published: support in prison counts (the documented
//! variant leaves it out), and rows with a blank gender keep every status in a conflict: nothing equals null. A gender that
//! no list explains is not null, though both are shown as one.

use std::collections::BTreeSet;

use folkmoot_proto::codelist::{
    Accommodation, ClientType, CodeList, Coded, Employment, EventType, Gender, ServiceType, SupportReason,
};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};

pub(super) fn employment(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (gender, status) in statuses(history, window, Event::employment, Employment::Unknown) {
        let paid = match status {
            Some(Employment::PaidUnder16 | Employment::Paid16OrMore | Employment::PaidHoursUnknown) => 0,
            Some(_) => 1,
            None => 2,
        };
        out.one(&[gender, paid, status.map_or(Employment::ALL.len(), Employment::index)], COUNT);
    }
}

pub(super) fn accommodation(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    // Nobody submits the two presumed values, which stand at the end of the list.
    const SUBMITTED: usize = Accommodation::PresumedAtHome as usize;
    for (gender, status) in statuses(history, window, Event::accommodation, Accommodation::Unknown) {
        let settled = match status {
            Some(status) if status.is_settled() => 0,
            Some(_) => 1,
            None => 2,
        };
        out.one(&[gender, settled, status.map_or(SUBMITTED, Accommodation::index)], COUNT);
    }
}

/// Place of a gender that is blank or that no list explains.
fn place_of(gender: Coded<Gender>) -> usize {
    gender.value().map_or(Gender::ALL.len(), Gender::index)
}

/// The person's status with each gender of the deciding rows; none when no row gives a listed status.
fn statuses<'a, T: CodeList>(
    history: History<'a>,
    window: &Window<'_>,
    status: impl Fn(Event<'a>) -> Coded<T>,
    unknown: T,
) -> BTreeSet<(usize, Option<T>)> {
    if history.person().died_before(window.period.first()) {
        return BTreeSet::new();
    }
    let rows: Vec<Event<'a>> = history.events().filter(|event| belongs(*event, window)).collect();
    let listed = || rows.iter().filter_map(|event| status(*event).value().map(|status| (*event, status)));
    let place = |(event, status): (Event<'_>, T)| (event.start(), status != unknown);
    let Some(best) = listed().map(place).max() else {
        // Counted apart, by the gender of the latest rows.
        let latest = rows.iter().map(|event| event.start()).max();
        let latest = rows.iter().filter(|event| Some(event.start()) == latest);
        return latest.map(|event| (place_of(event.gender()), None)).collect();
    };
    let deciding: Vec<(Coded<Gender>, T)> =
        listed().filter(|row| place(*row) == best).map(|(event, status)| (event.gender(), status)).collect();
    let conflict = |(of, own): (Coded<Gender>, T)| {
        of != Coded::Blank && deciding.iter().any(|(gender, status)| *gender == of && *status != own)
    };
    let decided = deciding.iter().map(|&(gender, status)| {
        let status = if conflict((gender, status)) { unknown } else { status };
        (place_of(gender), Some(status))
    });
    decided.collect()
}

/// A long-term service in the period of somebody aged 18 to 64 at its end, for a learning disability.
fn belongs(event: Event<'_>, window: &Window<'_>) -> bool {
    let period = window.period;
    event.is(EventType::Service)
        && event.client().is(ClientType::ServiceUser)
        && event.service().value().is_some_and(ServiceType::is_long_term)
        && !(window.documented() && event.service().is(ServiceType::Prison))
        && event.reason().is(SupportReason::LearningDisability)
        && event.start() <= period.last()
        && event.end() >= period.first()
        && event.age_on(period.last()).is_some_and(|age| (18..65).contains(&age))
}
