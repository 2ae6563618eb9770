//! ASCOF 2E: adults with long-term support who live at home or with family.
//!
//! # Source
//! `Create_ASCOF_2E_2425_Onwards.sql` (Department of Health and Social Care, June 2026). Kept as published: people of
//! unknown age are in neither component, although the script's header says otherwise; the support reason is the latest
//! known one of the person, not that of the service.

use folkmoot_proto::codelist::{Accommodation, ClientType, EventType, Gender, ServiceType, SupportReason};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::{COUNT, Contributions, NO, Window, YES};
use crate::history::{Event, History};

/// Age band of a member of the cohort.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Band {
    WorkingAge,
    Older,
    Unknown,
}

pub(super) fn all(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if let Some(band @ (Band::WorkingAge | Band::Older)) = member(history, window.period) {
        out.one(&[band as usize, gender(history)], settled(history));
    }
}

pub(super) fn learning_disability(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if has_learning_disability(history) && member(history, window.period) == Some(Band::WorkingAge) {
        out.one(&[0, gender(history)], settled(history));
    }
}

pub(super) fn unknown_accommodation(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let place = match history.person().accommodation() {
        Accommodation::Unknown => 0,
        Accommodation::PresumedAtHome => 1,
        Accommodation::PresumedInCommunity => 2,
        _ => return,
    };
    if let Some(band) = member(history, window.period) {
        let disabled = band == Band::WorkingAge && has_learning_disability(history);
        out.one(&[place, usize::from(!disabled)], COUNT);
    }
}

/// The band of a person in the cohort, `None` for everybody else.
///
/// The age is that at the latest end of the person's long-term services, capped at the end of the period.
fn member(history: History<'_>, period: ReferencePeriod) -> Option<Band> {
    let person = history.person();
    if person.died_before(period.first()) {
        return None;
    }
    // No short cuts: what the next row holds cannot be guessed, and a wrong guess costs more than all the comparisons.
    let counts = |event: Event<'_>| {
        event.is(EventType::Service)
            & event.service().value().is_some_and(ServiceType::is_long_term)
            & event.client().is(ClientType::ServiceUser)
            & (event.start() <= period.last())
            & (event.end() >= period.first())
            & (event.end() >= event.start())
    };
    const NONE: i32 = i32::MIN;
    let latest = history.events().fold(NONE, |latest, event| {
        latest.max(if counts(event) { event.end().min(period.last()).number() } else { NONE })
    });
    if latest == NONE {
        return None;
    }
    let latest = Day::from_number(latest);
    match person.age_on(latest) {
        None => Some(Band::Unknown),
        Some(age) if age < 18 => None,
        Some(age) if age < 65 => Some(Band::WorkingAge),
        Some(_) => Some(Band::Older),
    }
}

fn has_learning_disability(history: History<'_>) -> bool {
    history.person().reason() == SupportReason::LearningDisability
}

fn gender(history: History<'_>) -> usize {
    match history.person().gender() {
        Gender::Male => 0,
        Gender::Female => 1,
        Gender::Other | Gender::Unknown => 2,
    }
}

fn settled(history: History<'_>) -> usize {
    if history.person().accommodation().is_settled() { YES } else { NO }
}
