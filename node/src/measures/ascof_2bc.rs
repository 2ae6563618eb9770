//! ASCOF 2B and 2C: new admissions to residential and nursing care.
//!
//! # Source
//! `Create_ASCOF_2B2C_2425_Onwards.sql` (Department of Health and Social Care, June 2026). Kept as published: ends before
//! starts are not looked at; stays paid for by the person count as earlier stays. A stay without a service component is
//! out, because the code loses it; the documented variant takes it in, as the script announces.

use folkmoot_proto::codelist::{ClientType, Coded, Component, EventType, Outcome, ServiceType};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};

/// A stay that ended this many days before does not make an admission a continuation.
const LOOK_BACK: i32 = 365;

pub(super) fn working_age(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if admitted_at(history, window).is_some_and(|age| age < 65) {
        out.one(&[0], COUNT);
    }
}

pub(super) fn older(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if admitted_at(history, window).is_some_and(|age| age >= 65) {
        out.one(&[0], COUNT);
    }
}

/// The least age of 18 and above at which the person was newly admitted in the period: who was so in both bands counts
/// in the younger.
fn admitted_at(history: History<'_>, window: &Window<'_>) -> Option<i32> {
    let (person, period) = (history.person(), window.period);
    person.birth()?;
    if person.died_before(period.first()) {
        return None;
    }
    let stays = || history.events().filter(|event| is_stay(*event, window.documented()));
    stays()
        .filter(|stay| period.contains(stay.start()) && !stay.outcome().is(Outcome::NfaSelfFunded))
        .filter(|admission| {
            !stays()
                .any(|stay| stay.start() < admission.start() && stay.end().days_until(admission.start()) < LOOK_BACK)
        })
        .filter_map(|admission| person.age_on(admission.start()))
        .filter(|age| *age >= 18)
        .min()
}

fn is_stay(event: Event<'_>, blank_component: bool) -> bool {
    event.is(EventType::Service)
        && event.client().is(ClientType::ServiceUser)
        && event.service().is_one_of(&[ServiceType::Nursing, ServiceType::Residential])
        && (event.component().is_one_of(&[Component::LongTermNursing, Component::LongTermResidential])
            || blank_component && event.component() == Coded::Blank)
}
