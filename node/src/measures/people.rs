//! Distinct people with long-term support, in a period or on a day.

use folkmoot_proto::codelist::{ClientType, CodeList, Coded, Employment, EventType, ServiceType};
use folkmoot_proto::period::ReferencePeriod;

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History, WorkingAge};

pub(super) fn with_long_term_support(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let person = history.person();
    if person.died_before(window.period.first()) {
        return;
    }
    let Some(setting) = highest_setting(history, window.period) else { return };
    let day = history.details_period().last();
    let age = person.age_on(day);
    let band = match WorkingAge::of_person(age) {
        WorkingAge::Under18 => 0,
        WorkingAge::From18To64 => 1,
        WorkingAge::From65 => 2,
        WorkingAge::Unknown => 3,
    };
    let employment = match person.employment() {
        Coded::Value(value) => value,
        Coded::Blank | Coded::Invalid => Employment::Unknown,
    };
    let coordinates = [
        band,
        fine_band(age),
        person.gender().index(),
        person.ethnicity().group().index(),
        person.reason().index(),
        setting.index(),
        window.has_carer(person).index(),
        person.funding().index(),
        employment.index(),
        person.accommodation().index(),
    ];
    out.one(&coordinates, COUNT);
}

/// The highest of the long-term settings whose service overlaps the period: nursing, residential, community, prison.
pub(super) fn highest_setting(history: History<'_>, period: ReferencePeriod) -> Option<ServiceType> {
    // No short cuts: what the next row holds cannot be guessed, and a wrong guess costs more than all the comparisons.
    let counts = |event: Event<'_>| {
        event.is(EventType::Service)
            & event.client().is(ClientType::ServiceUser)
            & (event.start() <= period.last())
            & (event.end() >= period.first())
            & (event.end() >= event.start())
    };
    const NONE: usize = usize::MAX;
    let highest = history.events().fold(NONE, |highest, event| {
        let place = match event.service().value() {
            Some(service) if service.is_long_term() => service.index(),
            _ => NONE,
        };
        highest.min(if counts(event) { place } else { NONE })
    });
    ServiceType::ALL.get(highest).copied()
}

/// Place among the nine fine bands; an age of 0 or below is unknown, as in the person table.
pub(super) fn fine_band(age: Option<i32>) -> usize {
    match age {
        Some(1..18) => 0,
        Some(18..25) => 1,
        Some(25..45) => 2,
        Some(45..65) => 3,
        Some(65..75) => 4,
        Some(75..85) => 5,
        Some(85..95) => 6,
        Some(95..) => 7,
        Some(..=0) | None => 8,
    }
}
