//! LTS001a, b and c: people with long-term support in a period, on a day, and on a day for more than a year.
//!
//! # Source
//! `LTS001a`, `LTS001b`, `LTS001c replication code` (NHS England, May 2024), read over the joined main table and
//! release 2 lists. Kept as published: no test of ends before starts; the age is that of each row; in LTS001c only the
//! row just before decides whether support is unbroken. LTS001b reads each row's own day of death, the others that of the
//! person table.

use std::cmp::Reverse;

use folkmoot_proto::codelist::{
    ClientType, CodeList, Coded, Ethnicity, Gender, Mechanism, ServiceType, SupportReason, YesNo,
};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};

/// LTS001a, in the period.
pub(super) fn in_period(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    if !history.person().died_before(window.period.first()) {
        by_reason(history.events(), window.period, invalid_or_blank, out);
    }
}

/// LTS001b, tables 1a and 1b, on the last day.
pub(super) fn on_day(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let day = last_day(window);
    by_reason(history.events().filter(|event| alive(*event, day)), day, invalid_or_blank, out);
}

/// LTS001b, table 2.
pub(super) fn on_day_by_carer(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    const OTHERS: usize = YesNo::ALL.len();
    let period = last_day(window);
    let rows = history.events().filter(|event| alive(*event, period) && supports(*event, period).is_some());
    let shown = |event: Event<'_>| match event.has_carer() {
        Coded::Value(answer @ (YesNo::Yes | YesNo::No)) => answer.index(),
        Coded::Value(YesNo::Unknown) | Coded::Invalid | Coded::Blank => OTHERS,
    };
    let known = |event: Event<'_>| !matches!(event.has_carer(), Coded::Blank | Coded::Value(YesNo::Unknown));
    if let Some((setting, answer)) = choose(rows, known, shown, YesNo::Unknown.index()) {
        out.one(&[answer, setting], COUNT);
    }
}

/// LTS001b, tables 3a, 3b and 3c.
pub(super) fn on_day_by_ethnicity(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    const OTHERS: usize = Ethnicity::ALL.len();
    let period = last_day(window);
    let genders: [&[Gender]; 3] = [&[Gender::Male], &[Gender::Female], &[Gender::Other, Gender::Unknown]];
    for (place, gender) in genders.into_iter().enumerate() {
        let rows = history.events().filter(|event| {
            event.gender().is_one_of(gender) && alive(*event, period) && supports(*event, period).is_some()
        });
        let shown = |event: Event<'_>| event.ethnicity().value().map_or(OTHERS, Ethnicity::index);
        let known = |event: Event<'_>| !matches!(event.ethnicity(), Coded::Blank | Coded::Value(Ethnicity::Undeclared));
        if let Some((setting, background)) = choose(rows, known, shown, Ethnicity::Undeclared.index()) {
            out.one(&[place, background, setting], COUNT);
        }
    }
}

/// LTS001c.
pub(super) fn for_a_year(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    let period = last_day(window);
    let day = period.last();
    if history.person().died_before(day) {
        return;
    }
    let year_before = day.plus_months(-12);
    let mut long = Vec::new();
    let (mut chain_start, mut reach): (Day, Option<Day>) = (day, None);
    // Events come by start, then end, open ones last. They are not asked to last until the day before they are chained.
    for event in history.events().filter(|event| may_support(*event, day)) {
        if reach.is_none_or(|reach| reach < event.start().plus_days(-1)) {
            chain_start = event.start();
            reach = None;
        }
        reach = if window.documented() { reach.max(Some(event.end())) } else { Some(event.end()) };
        let enough = if window.documented() { chain_start <= year_before } else { chain_start < year_before };
        if enough {
            long.push(event);
        }
    }
    // Here invalid and blank keep names of their own.
    let shown = |reason: Coded<SupportReason>| match reason {
        Coded::Value(reason) => reason.index(),
        Coded::Invalid => SupportReason::ALL.len(),
        Coded::Blank => SupportReason::ALL.len() + 1,
    };
    by_reason(long.into_iter(), period, shown, out);
}

/// The last day of the question's period alone.
fn last_day(window: &Window<'_>) -> ReferencePeriod {
    ReferencePeriod::day(window.period.last())
}

fn invalid_or_blank(reason: Coded<SupportReason>) -> usize {
    reason.value().map_or(SupportReason::ALL.len(), SupportReason::index)
}

/// Table 1a, then 1b: rows are parted by age first.
fn by_reason<'a>(
    rows: impl Iterator<Item = Event<'a>> + Clone,
    period: ReferencePeriod,
    shown: impl Fn(Coded<SupportReason>) -> usize + Copy,
    out: &mut Contributions,
) {
    for (band, ages) in [18..65, 65..i32::MAX].into_iter().enumerate() {
        let rows = rows.clone().filter(|event| supports(*event, period).is_some_and(|age| ages.contains(&age)));
        let known = |event: Event<'_>| !matches!(event.reason(), Coded::Blank | Coded::Value(SupportReason::Unknown));
        let shown = |event: Event<'_>| shown(event.reason());
        if let Some((setting, reason)) = choose(rows, known, shown, SupportReason::Unknown.index()) {
            out.one(&[band, reason, setting], COUNT);
        }
    }
}

/// The person's age by this row at the end of the period, when the row is long-term support in it.
fn supports(event: Event<'_>, period: ReferencePeriod) -> Option<i32> {
    let held = may_support(event, period.last()) && event.end() >= period.first();
    if held { event.age_on(period.last()) } else { None }
}

/// Whether the row does not say that the person died before the period.
fn alive(event: Event<'_>, period: ReferencePeriod) -> bool {
    event.death().is_none_or(|death| death >= period.first())
}

/// Long-term support of a service user that started by that day.
fn may_support(event: Event<'_>, day: Day) -> bool {
    event.client().is(ClientType::ServiceUser)
        && event.service().value().is_some_and(ServiceType::is_long_term)
        && event.start() <= day
        && event.birth().is_some()
}

/// The highest setting of the rows; in it known values first, then the latest start; values that still differ give
/// `conflict`.
fn choose<'a>(
    rows: impl Iterator<Item = Event<'a>>,
    known: impl Fn(Event<'a>) -> bool,
    shown: impl Fn(Event<'a>) -> usize,
    conflict: usize,
) -> Option<(usize, usize)> {
    let mut best = None;
    let mut value = 0;
    for event in rows {
        let Some(setting) = setting(event.service(), event.mechanism().value()) else { continue };
        let place = (Reverse(setting), known(event), event.start());
        if best.is_none_or(|best| place > best) {
            (best, value) = (Some(place), shown(event));
        } else if best == Some(place) && value != shown(event) {
            value = conflict;
        }
    }
    best.map(|(Reverse(setting), _, _)| (setting, value))
}

/// Place of a long-term service among the nine settings, highest first: nursing, residential, community by mechanism,
/// prison by mechanism. A mechanism that is not valid for the type counts as none.
pub(super) fn setting(service: Coded<ServiceType>, mechanism: Option<Mechanism>) -> Option<usize> {
    Some(match (service.value()?, mechanism) {
        (ServiceType::Nursing, _) => 0,
        (ServiceType::Residential, _) => 1,
        (ServiceType::Community, Some(Mechanism::DirectPayment)) => 2,
        (ServiceType::Community, Some(Mechanism::ManagedBudget)) => 3,
        (ServiceType::Community, Some(Mechanism::Commissioned)) => 4,
        (ServiceType::Community, None) => 5,
        (ServiceType::Prison, Some(Mechanism::ManagedBudget)) => 6,
        (ServiceType::Prison, Some(Mechanism::Commissioned)) => 7,
        (ServiceType::Prison, Some(Mechanism::DirectPayment) | None) => 8,
        _ => return None,
    })
}
