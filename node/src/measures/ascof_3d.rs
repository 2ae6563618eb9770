//! ASCOF 3D: self-directed support and direct payments, for clients on a day and for carers in a period.
//!
//! # Source
//! `Create_ASCOF_3D_2425_Onwards.sql` (Department of Health and Social Care, June 2026). Ages are those at the end of the
//! period asked for, by the birth month of the person table. Kept as published: a carer's direct service with a blank
//! component and a mechanism other than direct payment is lost, even from the unknown count.

use folkmoot_proto::codelist::{ClientType, Coded, Component, EventType, Mechanism, Outcome, ServiceType};

use super::{COUNT, Contributions, NO, Window, YES, lts001};
use crate::history::{Event, History};

/// How the support of somebody in the denominator is arranged, in the order of the catalogue's categories.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    DirectPayment,
    ManagedBudget,
    Commissioned,
    Unknown,
}

impl Arrangement {
    fn is_self_directed(self) -> bool {
        matches!(self, Self::DirectPayment | Self::ManagedBudget)
    }
}

pub(super) fn clients(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if let Some((band, arrangement)) = client(history, window) {
        out.one(&[band, arrangement as usize], COUNT);
    }
}

pub(super) fn clients_directing(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if let Some((band, arrangement)) = client(history, window) {
        out.one(&[band], if arrangement.is_self_directed() { YES } else { NO });
    }
}

pub(super) fn clients_direct_payment(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if let Some((band, arrangement)) = client(history, window) {
        out.one(&[band], if arrangement == Arrangement::DirectPayment { YES } else { NO });
    }
}

pub(super) fn carers(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if let Some((band, arrangement)) = carer(history, window) {
        out.one(&[band, arrangement as usize], COUNT);
    }
}

pub(super) fn carers_directing(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    match carer(history, window) {
        None | Some((_, Arrangement::Unknown)) => {}
        Some((band, arrangement)) => out.one(&[band], if arrangement.is_self_directed() { YES } else { NO }),
    }
}

pub(super) fn carers_direct_payment(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    match carer(history, window) {
        None | Some((_, Arrangement::Unknown)) => {}
        Some((band, arrangement)) => {
            out.one(&[band], if arrangement == Arrangement::DirectPayment { YES } else { NO });
        }
    }
}

/// 18 to 64, 65 and above, unknown; `None` under 18.
fn band(history: History<'_>, window: &Window<'_>) -> Option<usize> {
    match history.person().age_on(window.period.last()) {
        None => Some(2),
        Some(age) if age < 18 => None,
        Some(age) if age < 65 => Some(0),
        Some(_) => Some(1),
    }
}

/// Band and arrangement of a person whose highest long-term support on the last day is in the community.
fn client(history: History<'_>, window: &Window<'_>) -> Option<(usize, Arrangement)> {
    let day = window.period.last();
    if history.person().died_before(day) {
        return None;
    }
    let best = history
        .events()
        .filter(|event| {
            event.client().is(ClientType::ServiceUser)
                && event.start() <= day
                && event.end() >= day
                && event.end() >= event.start()
        })
        .filter_map(client_rank)
        .min()?;
    let arrangement = match best {
        3 => Arrangement::DirectPayment,
        4 => Arrangement::ManagedBudget,
        5 => Arrangement::Commissioned,
        6 => Arrangement::Unknown,
        // A care home outranks the community; prison alone is not community support.
        _ => return None,
    };
    band(history, window).map(|band| (band, arrangement))
}

/// Rank of a long-term row: nursing 1, residential 2, community 3 to 6 by mechanism, prison 7 to 9.
fn client_rank(event: Event<'_>) -> Option<usize> {
    lts001::setting(event.service(), mechanism(event)).map(|place| place + 1)
}

/// The mechanism, where a direct payment as component overrides the column.
fn mechanism(event: Event<'_>) -> Option<Mechanism> {
    if event.component().is(Component::DirectPayment) {
        Some(Mechanism::DirectPayment)
    } else {
        event.mechanism().value()
    }
}

/// Band and arrangement of a carer with support provided directly to them in the period.
fn carer(history: History<'_>, window: &Window<'_>) -> Option<(usize, Arrangement)> {
    let period = window.period;
    if history.person().died_before(period.first()) {
        return None;
    }
    let best = history
        .events()
        .filter(|event| {
            event.client().is_one_of(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation])
                && event.start() <= period.last()
                && event.end() >= period.first()
                && event.end() >= event.start()
        })
        .filter_map(carer_rank)
        .min()?;
    let arrangement = match best {
        1 => Arrangement::DirectPayment,
        2 => Arrangement::ManagedBudget,
        3 => Arrangement::Commissioned,
        4 => Arrangement::Unknown,
        // Information only, or support to the person cared for: no direct support.
        _ => return None,
    };
    band(history, window).map(|band| (band, arrangement))
}

/// Rank of a carer's row by the published categories; `None` when it is in no category.
fn carer_rank(event: Event<'_>) -> Option<u8> {
    let informed = event.outcome().is(Outcome::NfaInformation);
    let examined = event.is(EventType::Assessment) || event.is(EventType::Review);
    match event.service() {
        Coded::Value(ServiceType::DirectToCarer) => {
            if mechanism(event) == Some(Mechanism::DirectPayment) {
                return Some(1);
            }
            // A comparison with a blank component is unknown, so the published conditions lose the row.
            if event.component() == Coded::Blank {
                return None;
            }
            Some(match event.mechanism().value() {
                Some(Mechanism::ManagedBudget) => 2,
                Some(Mechanism::Commissioned) => 3,
                _ => 4,
            })
        }
        Coded::Value(ServiceType::InvolvingCaredFor) => Some(6),
        Coded::Blank if examined && !informed => Some(6),
        Coded::Blank if informed && (examined || event.is(EventType::Request)) => Some(5),
        _ => None,
    }
}
