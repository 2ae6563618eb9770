//! Free tables of events: requests, assessments, reviews and services.
//!
//! # Source
//! The dashboard facts of the Department of Health and Social Care (June 2026): which rows are facts, the long-term
//! support flag, the groups of outcomes, reviews and services. Kept as published: long-term services of any client type
//! set the flag, and the day of death does not matter. The facts are made from one submission of twelve months; these
//! tables read the joined submissions, and do not tell a review from an event whose type merely holds the word.

use folkmoot_proto::codelist::{CodeList, Coded, EventType, Outcome, ReviewReason, ServiceType};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History};

pub(super) fn requests(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (event, month) in of_period(history, window, EventType::Request) {
        let [client, band, gender, ethnic, reason] = row_details(event);
        let long_term = long_term(history, event.start());
        let group = outcome_group(event.outcome());
        let (route, outcome) = (coded(event.route()), coded(event.outcome()));
        out.one(&[month, route, group, outcome, client, band, gender, ethnic, reason, long_term], COUNT);
    }
}

pub(super) fn assessments(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (event, month) in of_period(history, window, EventType::Assessment) {
        let [client, band, gender, ethnic, reason] = row_details(event);
        let coordinates = [
            month,
            coded(event.assessment()),
            coded(event.eligible_needs()),
            coded(event.method()),
            usize::from(!event.conversation()),
            outcome_group(event.outcome()),
            client,
            band,
            gender,
            ethnic,
            reason,
            long_term(history, event.start()),
        ];
        out.one(&coordinates, COUNT);
    }
}

pub(super) fn reviews(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (event, month) in of_period(history, window, EventType::Review) {
        let [client, band, gender, ethnic, reason] = row_details(event);
        let coordinates = [
            month,
            review_type(event.review_reason()),
            coded(event.review_reason()),
            coded(event.review_outcome()),
            coded(event.method()),
            outcome_group(event.outcome()),
            client,
            band,
            gender,
            ethnic,
            reason,
            long_term(history, event.start()),
        ];
        out.one(&coordinates, COUNT);
    }
}

pub(super) fn services(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    for (event, month) in of_period(history, window, EventType::Service) {
        let [client, band, gender, ethnic, reason] = row_details(event);
        let coordinates = [
            month,
            service_group(event.service()),
            coded(event.service()),
            coded(event.component()),
            coded(event.mechanism()),
            outcome_group(event.outcome()),
            client,
            band,
            gender,
            ethnic,
            reason,
        ];
        out.one(&coordinates, COUNT);
    }
}

/// The events of a kind that belong to the period by the setting `when`, each with the place of its month.
fn of_period<'a>(
    history: History<'a>,
    window: &Window<'_>,
    kind: EventType,
) -> impl Iterator<Item = (Event<'a>, usize)> {
    let period = window.period;
    let when = window.settings.text("when");
    let (started, ended) = (when == "started", when == "ended");
    history.events().filter(move |event| event.is(kind)).filter_map(move |event| {
        let day = if started {
            event.start()
        } else if ended {
            event.end()
        } else {
            // A service that runs in the period counts on the first of its days there.
            let runs = event.start() <= period.last() && event.end() >= period.first();
            runs.then(|| event.start().max(period.first()))?
        };
        period.contains(day).then(|| (event, month(period, day)))
    })
}

/// Place of a day's month among those that the period touches.
pub(super) fn month(period: ReferencePeriod, day: Day) -> usize {
    let number = |day: Day| i32::from(day.month().year()) * 12 + i32::from(day.month().month());
    usize::try_from(number(day) - number(period.first())).expect("the day lies in the period")
}

/// Place of a cleaned cell in its list, then invalid, then blank.
pub(super) fn coded<T: CodeList>(cell: Coded<T>) -> usize {
    match cell {
        Coded::Value(value) => value.index(),
        Coded::Invalid => T::ALL.len(),
        Coded::Blank => T::ALL.len() + 1,
    }
}

/// Client type, age band, gender, ethnic group and support reason as on the row.
fn row_details(event: Event<'_>) -> [usize; 5] {
    let ethnic = match event.ethnicity() {
        Coded::Value(value) => Coded::Value(value.group()),
        Coded::Invalid => Coded::Invalid,
        Coded::Blank => Coded::Blank,
    };
    [coded(event.client()), event.working_age() as usize, coded(event.gender()), coded(ethnic), coded(event.reason())]
}

fn outcome_group(outcome: Coded<Outcome>) -> usize {
    match outcome {
        Coded::Value(outcome) if outcome.is_nfa() => Outcome::NfaMoved.index(),
        Coded::Value(outcome) => outcome.index(),
        Coded::Invalid => Outcome::NfaMoved.index() + 1,
        Coded::Blank => Outcome::NfaMoved.index() + 2,
    }
}

fn review_type(reason: Coded<ReviewReason>) -> usize {
    match reason {
        Coded::Value(ReviewReason::Planned) => 0,
        Coded::Value(ReviewReason::ShortTerm) => 2,
        Coded::Value(_) => 1,
        Coded::Invalid => 3,
        Coded::Blank => 4,
    }
}

fn service_group(service: Coded<ServiceType>) -> usize {
    match service {
        Coded::Value(service) if service.is_long_term() => 0,
        Coded::Value(service) if service.is_short_term() => 1,
        Coded::Value(_) => 2,
        Coded::Invalid => 3,
        Coded::Blank => 4,
    }
}

/// 0 when a long-term service of the person ran on that day, else 1.
fn long_term(history: History<'_>, day: Day) -> usize {
    let runs = history.events().take_while(|event| event.start() <= day).any(|event| {
        event.is(EventType::Service)
            && event.service().value().is_some_and(ServiceType::is_long_term)
            && event.end() >= day
    });
    usize::from(!runs)
}
