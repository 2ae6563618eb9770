//! Waiting times: from a request to the first response, and to the first service.
//!
//! # Source
//! `waiting_times_method.sql` v1.1 (Department of Health and Social Care, 19 May 2026; provisional). Kept as published:
//! assessments and services of any client type answer a request; the age band is that at the *end* of the answering
//! event, so a wait may stand in a band above the one the person was in when they asked; requests that are left out for
//! overlapping an earlier one still stand in the way of later ones. The conversation flag is the word "conversation" in
//! the event description.
//!
//! ```text
//! requests that count  \
//! assessments, services > in order of start --> answers of each request --> drop overlapping ones --> days
//! ```

use folkmoot_proto::catalogue::waiting::LAST_DAY;
use folkmoot_proto::codelist::{ClientType, Coded, EventType, Outcome, ServiceType};
use folkmoot_proto::period::{Day, ReferencePeriod};

use super::{COUNT, Contributions, Window};
use crate::history::{Event, History, WorkingAge};

/// Requests before it do not count: the main table does not reach further back.
const FIRST_REQUEST: (i16, i8, i8) = (2023, 4, 1);
/// Release 1 ended: from here on a conversation has an event of its own.
const CONVERSATIONS_END: (i16, i8, i8) = (2025, 7, 1);

pub(super) fn response(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each_wait(history, |wait| {
        if let Some(answer) = wait.response {
            add(wait.request, answer, window.period, out);
        }
    });
}

pub(super) fn service(history: History<'_>, window: &Window<'_>, out: &mut Contributions) {
    each_wait(history, |wait| {
        if let Some(answer) = wait.service {
            add(wait.request, answer, window.period, out);
        }
    });
}

/// Counts a wait that an event of the period ended.
fn add(request: Event<'_>, answer: Event<'_>, period: ReferencePeriod, out: &mut Contributions) {
    if !period.contains(answer.start()) {
        return;
    }
    let band = match answer.working_age() {
        WorkingAge::From18To64 => 0,
        WorkingAge::From65 => 1,
        WorkingAge::Under18 | WorkingAge::Unknown => return,
    };
    let days = request.start().days_until(answer.start()).clamp(0, LAST_DAY as i32 + 1);
    out.one(&[quarter(period, answer.start()), band, days as usize], COUNT);
}

/// Place of a day's quarter among the calendar quarters that the period touches.
fn quarter(period: ReferencePeriod, day: Day) -> usize {
    let number = |day: Day| {
        let month = day.month();
        i32::from(month.year()) * 4 + i32::from(month.month() - 1) / 3
    };
    usize::try_from(number(day) - number(period.first())).expect("the day lies in the period")
}

/// A request that counts, with what answers it.
struct Wait<'a> {
    request: Event<'a>,
    response: Option<Event<'a>>,
    service: Option<Event<'a>>,
}

/// What an event is to the method, in the order of one day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Request,
    Assessment,
    Service,
}

/// Gives every wait of a person, earliest request first.
fn each_wait<'a>(history: History<'a>, mut found: impl FnMut(Wait<'a>)) {
    let mut pool: Vec<(Part, Event<'a>)> = history.events().filter_map(|event| part(history, event)).collect();
    if !pool.iter().any(|(part, _)| *part == Part::Request) {
        return;
    }
    // Latest received and last in the file first: both are in the record order.
    pool.sort_by_key(|(part, event)| (event.start(), *part, std::cmp::Reverse(event.order())));

    let next = |from: usize, wanted: Part| (from + 1..pool.len()).find(|&place| pool[place].0 == wanted);
    let mut earlier = Earlier::default();
    for (place, &(part, request)) in pool.iter().enumerate() {
        if part != Part::Request {
            continue;
        }
        let mut response = next(place, Part::Assessment);
        let mut service = next(place, Part::Service);
        if answers_itself(request, response.map(|at| pool[at].1)) {
            response = Some(place);
        }
        if let Some(at) = service
            && response.is_none_or(|response| at < response)
        {
            response = service;
        }
        if let Some(at) = response
            && pool[at].0 == Part::Assessment
            && !block_progresses(&pool, at)
        {
            service = None;
        }
        if !earlier.overlap(place, response, service) {
            found(Wait { request, response: response.map(|at| pool[at].1), service: service.map(|at| pool[at].1) });
        }
        earlier.take_in(response, service);
    }
}

/// Follow-ups of the requests before: places in the order of events.
#[derive(Default)]
struct Earlier {
    /// The later follow-up of the request immediately before.
    previous: Option<usize>,
    response: Option<usize>,
    service: Option<usize>,
}

impl Earlier {
    /// True when a request at a place is answered together with an earlier one.
    fn overlap(&self, place: usize, response: Option<usize>, service: Option<usize>) -> bool {
        let not_later = |own: Option<usize>, before: Option<usize>| own.zip(before).is_some_and(|(own, b)| own <= b);
        self.previous.is_some_and(|previous| previous > place)
            || not_later(response, self.response)
            || not_later(service, self.service)
    }

    fn take_in(&mut self, response: Option<usize>, service: Option<usize>) {
        self.previous = response.max(service);
        self.response = self.response.max(response);
        self.service = self.service.max(service);
    }
}

/// What an event is to the method; `None` when it takes no part.
fn part<'a>(history: History<'a>, event: Event<'a>) -> Option<(Part, Event<'a>)> {
    let part = if event.is(EventType::Request) {
        Part::Request
    } else if event.is(EventType::Assessment) && event.assessment().value().is_some() {
        Part::Assessment
    } else if event.is(EventType::Service) && event.service().value().is_some_and(|service| !service.is_carer_support())
    {
        Part::Service
    } else {
        return None;
    };
    if event.age_on(event.start()).is_none_or(|age| age < 25) {
        return None;
    }
    if part == Part::Request && !request_counts(history, event) {
        return None;
    }
    Some((part, event))
}

fn request_counts(history: History<'_>, request: Event<'_>) -> bool {
    let leads_nowhere = match request.outcome() {
        Coded::Blank => true,
        Coded::Invalid => false,
        Coded::Value(outcome) => outcome.is_nfa() || outcome == Outcome::AdmittedToHospital,
    };
    request.client().is(ClientType::ServiceUser)
        && request.start() >= day(FIRST_REQUEST)
        && !leads_nowhere
        && !had_support(history, request.start())
}

/// True when the person had support that makes a request on that day one of an existing client: long term in the twelve
/// months before, or short term in the three months before. Ongoing low level support never does.
fn had_support(history: History<'_>, day: Day) -> bool {
    let (year, quarter) = (day.plus_months(-12), day.plus_months(-3));
    history.events().take_while(|event| event.start() < day).any(|event| {
        event.is(EventType::Service)
            && match event.service().value() {
                Some(service) if service.is_long_term() => event.end() >= year,
                Some(ServiceType::StMax | ServiceType::OtherShortTerm) => event.end() >= quarter,
                _ => false,
            }
    })
}

/// True when a request was held as a conversation that led on, so that it was itself the response.
fn answers_itself(request: Event<'_>, assessment: Option<Event<'_>>) -> bool {
    request.conversation()
        && request.start() < day(CONVERSATIONS_END)
        && (progresses(request) || request.outcome().is_one_of(&[Outcome::Assessment, Outcome::ReleaseOneOnly]))
        && assessment.is_none_or(|assessment| assessment.start() > request.start())
}

/// True when the assessment at a place, or one next to it with no other event between, leads to support.
fn block_progresses(pool: &[(Part, Event<'_>)], place: usize) -> bool {
    let after = pool[place..].iter().take_while(|(part, _)| *part == Part::Assessment);
    let before = pool[..place].iter().rev().take_while(|(part, _)| *part == Part::Assessment);
    after.chain(before).any(|(_, event)| progresses(*event))
}

fn progresses(event: Event<'_>) -> bool {
    event.outcome().is_one_of(&[Outcome::Reablement, Outcome::SupportPlanning, Outcome::Continuation])
}

fn day((year, month, day): (i16, i8, i8)) -> Day {
    Day::from_ymd(year, month, day).expect("a day of the calendar")
}
