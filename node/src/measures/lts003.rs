//! LTS003: unpaid carers supported in the period, by the highest category of support.
//!
//! # Source
//! `LTS003 replication code` (NHS England, May 2024), read over the joined main table and release 2 lists. The categories
//! are those of ASCOF 3D's carers, but the delivery mechanism alone decides: a blank component loses nobody.

use folkmoot_proto::codelist::{ClientType, Coded, EventType, Mechanism, Outcome, ServiceType};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};
use crate::row::EventKind;

pub(super) fn carers(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let period = window.period;
    if history.person().died_before(period.first()) {
        return;
    }
    let rows = || {
        history.events().filter(|event| {
            event.client().is_one_of(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation])
                && matches!(event.kind(), EventKind::Known(_))
                && event.start() <= period.last()
                && event.end() >= period.first()
        })
    };
    let Some(best) = rows().filter_map(category).min() else { return };
    let age =
        rows().filter(|event| category(*event) == Some(best)).filter_map(|event| event.age_on(period.last())).min();
    out.one(&[best, age_group(age)], COUNT);
}

/// Place among the six categories of the catalogue, highest first.
fn category(event: Event<'_>) -> Option<usize> {
    let informed = event.outcome().is(Outcome::NfaInformation);
    let examined = event.is(EventType::Assessment) || event.is(EventType::Review);
    match event.service() {
        Coded::Value(ServiceType::DirectToCarer) => Some(match event.mechanism().value() {
            Some(Mechanism::DirectPayment) => 0,
            Some(Mechanism::ManagedBudget) => 1,
            Some(Mechanism::Commissioned) => 2,
            None => 3,
        }),
        Coded::Value(ServiceType::InvolvingCaredFor) => Some(5),
        Coded::Blank if informed && (examined || event.is(EventType::Request)) => Some(4),
        Coded::Blank if examined => Some(5),
        _ => None,
    }
}

fn age_group(age: Option<i32>) -> usize {
    match age {
        Some(..18) => 0,
        Some(18..26) => 1,
        Some(26..65) => 2,
        Some(65..85) => 3,
        Some(85..) => 4,
        None => 5,
    }
}
