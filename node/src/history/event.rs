//! One unique event of a person, as the main table has it.

use folkmoot_proto::codelist::{
    Accommodation, AssessmentType, ClientType, Coded, Component, CostFrequency, Employment, Ethnicity, EventType,
    Funding, Gender, Mechanism, Method, Outcome, ReviewOutcome, ReviewReason, Route, ServiceType, SupportReason, YesNo,
};
use folkmoot_proto::period::{Day, Month, ReferencePeriod, age};

use super::{Histories, WorkingAge, pack_day, pack_month, unpack_day, unpack_month};
use crate::clean::cells::CellCodes;
use crate::row::{EventKind, Row};

/// What nearly every measure reads of an event.
#[derive(Clone, Copy)]
pub(crate) struct Hot {
    pub(crate) start: i32,
    pub(crate) end: i32,
    pub(crate) death: i32,
    pub(crate) order: u32,
    pub(crate) birth: u16,
    pub(crate) period: u16,
    pub(crate) kind: EventKind,
    pub(crate) client: Coded<ClientType>,
    pub(crate) service: Coded<ServiceType>,
    pub(crate) component: Coded<Component>,
    pub(crate) mechanism: Coded<Mechanism>,
    pub(crate) outcome: Coded<Outcome>,
    pub(crate) assessment: Coded<AssessmentType>,
    pub(crate) reason: Coded<SupportReason>,
    pub(crate) gender: Coded<Gender>,
    pub(crate) ethnicity: Coded<Ethnicity>,
    pub(crate) has_carer: Coded<YesNo>,
    pub(crate) conversation: bool,
}

impl Hot {
    /// `end` is the corrected end; `period` the position of the submission's reference period.
    pub(crate) fn new(row: &Row, start: Day, end: Day, order: u32, period: u16) -> Self {
        Self {
            start: start.number(),
            end: end.number(),
            death: pack_day(row.death),
            order,
            birth: pack_month(row.birth),
            period,
            kind: row.event,
            client: row.client,
            service: row.service,
            component: row.component,
            mechanism: row.mechanism,
            outcome: row.outcome,
            assessment: row.assessment,
            reason: row.reason,
            gender: row.gender,
            ethnicity: row.ethnicity,
            has_carer: row.has_carer,
            conversation: row.conversation,
        }
    }

    pub(crate) fn is_service(&self) -> bool {
        self.kind == EventKind::Known(EventType::Service)
    }
}

/// What few measures read of an event.
#[derive(Clone, Copy)]
pub(crate) struct Cold {
    pub(crate) raw_end: i32,
    pub(crate) route: Coded<Route>,
    pub(crate) eligible_needs: Coded<YesNo>,
    pub(crate) method: Coded<Method>,
    pub(crate) review_reason: Coded<ReviewReason>,
    pub(crate) review_outcome: Coded<ReviewOutcome>,
    pub(crate) employment: Coded<Employment>,
    pub(crate) accommodation: Coded<Accommodation>,
    pub(crate) funding: Coded<Funding>,
}

impl Cold {
    pub(crate) fn new(row: &Row) -> Self {
        Self {
            raw_end: pack_day(row.end),
            route: row.route,
            eligible_needs: row.eligible_needs,
            method: row.method,
            review_reason: row.review_reason,
            review_outcome: row.review_outcome,
            employment: row.employment,
            accommodation: row.accommodation,
            funding: row.funding,
        }
    }
}

/// What a service costs, as submitted (sign kept). Only the single-submission variant has costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost {
    /// The unit that the cost is per.
    pub frequency: Coded<CostFrequency>,
    /// Hundredths of a pound for one unit.
    pub unit_cost: Option<i64>,
    /// Hundredths of a unit, planned for a week.
    pub planned_units: Option<i64>,
}

/// One unique event. A small borrowed view: copy it freely.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    hot: &'a Hot,
    at: usize,
    all: &'a Histories,
}

impl<'a> Event<'a> {
    pub(super) fn new(hot: &'a Hot, at: usize, all: &'a Histories) -> Self {
        Self { hot, at, all }
    }

    fn cold(self) -> &'a Cold {
        &self.all.cold[self.at]
    }

    /// First day.
    pub fn start(self) -> Day {
        Day::from_number(self.hot.start)
    }

    /// Last day: corrected by the row's death, then cropped where the next quarter's file does not know the service;
    /// [`Day::OPEN`] when open. It may be before the start (the main table does not check).
    pub fn end(self) -> Day {
        Day::from_number(self.hot.end)
    }

    /// True when the event has no end; only services can be open.
    pub fn is_open(self) -> bool {
        self.end() == Day::OPEN
    }

    /// The end as submitted, neither corrected nor cropped.
    pub fn raw_end(self) -> Option<Day> {
        unpack_day(self.cold().raw_end)
    }

    /// Death as on this row; the person's is [`super::Person::death`].
    pub fn death(self) -> Option<Day> {
        unpack_day(self.hot.death)
    }

    /// Month of birth as on this row; the person's is [`super::Person::birth`].
    pub fn birth(self) -> Option<Month> {
        unpack_month(self.hot.birth)
    }

    /// Age on a day by this row's birth month.
    pub fn age_on(self, day: Day) -> Option<i32> {
        self.birth().map(|birth| age(birth, day))
    }

    /// The row's latest age: at its end, or for an open service at the end of its reference period.
    pub fn latest_age(self) -> Option<i32> {
        self.age_on(if self.is_open() { self.period().last() } else { self.end() })
    }

    /// The working age band of [`Self::latest_age`].
    pub fn working_age(self) -> WorkingAge {
        WorkingAge::of_event(self.latest_age())
    }

    /// What kind of event it is; never blank.
    pub fn kind(self) -> EventKind {
        self.hot.kind
    }

    /// True when the event is of this recognised type.
    pub fn is(self, kind: EventType) -> bool {
        self.hot.kind == EventKind::Known(kind)
    }

    /// Whose row it is.
    pub fn client(self) -> Coded<ClientType> {
        self.hot.client
    }

    /// Service type.
    pub fn service(self) -> Coded<ServiceType> {
        self.hot.service
    }

    /// Service component.
    pub fn component(self) -> Coded<Component> {
        self.hot.component
    }

    /// Delivery mechanism.
    pub fn mechanism(self) -> Coded<Mechanism> {
        self.hot.mechanism
    }

    /// Event outcome.
    pub fn outcome(self) -> Coded<Outcome> {
        self.hot.outcome
    }

    /// Route of access (requests).
    pub fn route(self) -> Coded<Route> {
        self.cold().route
    }

    /// Assessment type.
    pub fn assessment(self) -> Coded<AssessmentType> {
        self.hot.assessment
    }

    /// Eligible needs identified (assessments).
    pub fn eligible_needs(self) -> Coded<YesNo> {
        self.cold().eligible_needs
    }

    /// Method of assessment, or of review.
    pub fn method(self) -> Coded<Method> {
        self.cold().method
    }

    /// Review reason.
    pub fn review_reason(self) -> Coded<ReviewReason> {
        self.cold().review_reason
    }

    /// Review outcomes achieved.
    pub fn review_outcome(self) -> Coded<ReviewOutcome> {
        self.cold().review_outcome
    }

    /// Gender as on this row.
    pub fn gender(self) -> Coded<Gender> {
        self.hot.gender
    }

    /// Ethnic background as on this row.
    pub fn ethnicity(self) -> Coded<Ethnicity> {
        self.hot.ethnicity
    }

    /// Primary support reason as on this row.
    pub fn reason(self) -> Coded<SupportReason> {
        self.hot.reason
    }

    /// Has an unpaid carer, as on this row.
    pub fn has_carer(self) -> Coded<YesNo> {
        self.hot.has_carer
    }

    /// Employment as on this row.
    pub fn employment(self) -> Coded<Employment> {
        self.cold().employment
    }

    /// Accommodation as on this row.
    pub fn accommodation(self) -> Coded<Accommodation> {
        self.cold().accommodation
    }

    /// Client funding as on this row.
    pub fn funding(self) -> Coded<Funding> {
        self.cold().funding
    }

    /// The event description holds the word "conversation".
    pub fn conversation(self) -> bool {
        self.hot.conversation
    }

    /// The reference period of the submission that the row is from.
    pub fn period(self) -> ReferencePeriod {
        self.all.periods[usize::from(self.hot.period)]
    }

    /// Place of the row among all rows of the snapshot, by received time, then row in the file: the last tie-break of
    /// the published methods, where the largest wins. No two events share one.
    pub fn order(self) -> u32 {
        self.hot.order
    }

    /// What the service costs; `None` in the joined variant, which has no costs.
    pub fn cost(self) -> Option<Cost> {
        self.all.costs.get(self.at).copied()
    }
    /// Status and result codes of the row's cells; `None` unless the histories were assembled with them.
    pub fn codes(self) -> Option<&'a CellCodes> {
        self.all.codes.get(self.at).map(|&place| &self.all.kinds[place as usize])
    }
}
