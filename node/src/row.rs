//! One cleaned row of a submission: what the [store](crate::store) hands to [assembly](crate::assemble).
//!
//! It carries codes, days and interned ids only: no name, number, postcode or free text. It has no `Debug`, so a
//! person's row cannot reach a log by accident.

use folkmoot_proto::codelist::{
    Accommodation, AssessmentType, ClientType, Coded, Component, CostFrequency, Employment, Ethnicity, EventType,
    Funding, Gender, Mechanism, Method, Outcome, ReviewOutcome, ReviewReason, Route, ServiceType, SupportReason, YesNo,
};
use folkmoot_proto::period::{Day, Month};

/// Stands for one text among those of a store: equal ids, equal texts (after the folding that its field's rule
/// names). Ids mean nothing outside the store that made them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interned(pub u32);

/// What kind of event a row is, by the substring rule (service, request, referral, assessment, review).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The cell was empty: the row has no event (a carer known by association) and enters no main table.
    Blank,
    /// One of the four recognised types.
    Known(EventType),
    /// Any other text: kept as a non-service.
    Other,
}

/// One accepted row, cleaned.
///
/// Units: costs in hundredths of a pound, planned units in hundredths of a unit, both as submitted (sign kept).
#[derive(Clone)]
pub struct Row {
    /// Row number in the file; the header is row 1, so the first record is row 2.
    pub number: u32,
    /// The person, by a valid NHS number, else by the council's person id; `None` when the row has neither.
    pub person: Option<Interned>,
    /// True when `person` stands for an NHS number.
    pub person_is_nhs: bool,
    /// The council's own person id (trimmed, without case), in one id space with `linked`.
    pub la_person: Option<Interned>,
    /// The people that a carer's row links to, by the council's person id.
    pub linked: [Option<Interned>; 3],
    /// Whose row it is.
    pub client: Coded<ClientType>,
    /// What kind of event it is.
    pub event: EventKind,
    /// Event start.
    pub start: Option<Day>,
    /// Event end as submitted.
    pub end: Option<Day>,
    /// Death as on this row.
    pub death: Option<Day>,
    /// Month of birth as on this row.
    pub birth: Option<Month>,
    /// Gender.
    pub gender: Coded<Gender>,
    /// Ethnic background.
    pub ethnicity: Coded<Ethnicity>,
    /// Primary support reason.
    pub reason: Coded<SupportReason>,
    /// Accommodation status.
    pub accommodation: Coded<Accommodation>,
    /// Employment status.
    pub employment: Coded<Employment>,
    /// Has an unpaid carer.
    pub has_carer: Coded<YesNo>,
    /// Client funding status.
    pub funding: Coded<Funding>,
    /// Event outcome.
    pub outcome: Coded<Outcome>,
    /// Route of access (requests).
    pub route: Coded<Route>,
    /// Assessment type.
    pub assessment: Coded<AssessmentType>,
    /// Eligible needs identified (assessments).
    pub eligible_needs: Coded<YesNo>,
    /// Method of assessment, or of review.
    pub method: Coded<Method>,
    /// Service type.
    pub service: Coded<ServiceType>,
    /// Service component.
    pub component: Coded<Component>,
    /// Delivery mechanism.
    pub mechanism: Coded<Mechanism>,
    /// Review reason.
    pub review_reason: Coded<ReviewReason>,
    /// Review outcomes achieved.
    pub review_outcome: Coded<ReviewOutcome>,
    /// Unit of the cost.
    pub cost_frequency: Coded<CostFrequency>,
    /// Cost of one unit.
    pub unit_cost: Option<i64>,
    /// Planned units a week.
    pub planned_units: Option<i64>,
    /// The event description holds the word "conversation".
    pub conversation: bool,
    /// The five texts of the event key as in the file, after trimming and dash and quote unification and without
    /// case: what the raw reading of unique events compares.
    pub raw: RawKey,
}

/// The texts of the event key, interned; `None` is blank.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RawKey {
    /// Client type.
    pub client: Option<Interned>,
    /// Route of access.
    pub route: Option<Interned>,
    /// Assessment type.
    pub assessment: Option<Interned>,
    /// Service type.
    pub service: Option<Interned>,
    /// Service component.
    pub component: Option<Interned>,
}

impl Row {
    /// A row with nothing in it but its number, to be filled.
    pub fn blank(number: u32) -> Self {
        Self {
            number,
            person: None,
            person_is_nhs: false,
            la_person: None,
            linked: [None; 3],
            client: Coded::Blank,
            event: EventKind::Blank,
            start: None,
            end: None,
            death: None,
            birth: None,
            gender: Coded::Blank,
            ethnicity: Coded::Blank,
            reason: Coded::Blank,
            accommodation: Coded::Blank,
            employment: Coded::Blank,
            has_carer: Coded::Blank,
            funding: Coded::Blank,
            outcome: Coded::Blank,
            route: Coded::Blank,
            assessment: Coded::Blank,
            eligible_needs: Coded::Blank,
            method: Coded::Blank,
            service: Coded::Blank,
            component: Coded::Blank,
            mechanism: Coded::Blank,
            review_reason: Coded::Blank,
            review_outcome: Coded::Blank,
            cost_frequency: Coded::Blank,
            unit_cost: None,
            planned_units: None,
            conversation: false,
            raw: RawKey { client: None, route: None, assessment: None, service: None, component: None },
        }
    }
}
