//! Free tables of events: requests, assessments, reviews and services.

use super::dimensions::{PERSON_BANDS, age_band};
use super::{Asked, Bound, Categories, Dimension, Kind, Measure, Setting, Sum, Table, Unit, Values, Window};
use crate::codelist::{
    AssessmentType, ClientType, CodeList, Component, EthnicGroup, Gender, INVALID, Mechanism, Method, Outcome,
    ReviewOutcome, ReviewReason, Route, ServiceType, SupportReason, YesNo,
};

const SOURCE: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, dashboard facts (1.Create_master_table.sql to \
                      5.Services_fact.sql), June 2026; the free table is Folkmoot's own";

/// What follows the list of a field as the row has it: a value that no list explains, and nothing held.
pub(super) const NOT_LISTED: &[&str] = &[INVALID, "Blank"];

/// The national groups of outcomes: every one of its own, but for the `NFA` ones.
const OUTCOME_GROUPS: &[&str] = &[
    "Progress to reablement/ST-Max",
    "Progress to assessment, review or reassessment",
    "Release 1 specification only: Not mapped",
    "Progress to support planning or services",
    "Continuation of support or services",
    "Admitted to hospital",
    "NFA",
];

const MONTH: Dimension = Dimension { name: "month", title: "Month", categories: Categories::Months };
const OUTCOME_GROUP: Dimension = Dimension {
    name: "outcome_group",
    title: "Outcome group",
    categories: Categories::ListAnd(OUTCOME_GROUPS, NOT_LISTED),
};
pub(super) const CLIENT_TYPE: Dimension = listed("client_type", "Client type", ClientType::LABELS);
pub(super) const AGE_BAND: Dimension = age_band(PERSON_BANDS);
pub(super) const GENDER: Dimension = listed("gender", "Gender", Gender::LABELS);
const ETHNIC_GROUP: Dimension = Dimension {
    name: "ethnic_group",
    title: "Ethnic group",
    categories: Categories::ListAnd(EthnicGroup::LABELS, &["Unknown", "Blank"]),
};
pub(super) const REASON: Dimension = listed("primary_support_reason", "Primary support reason", SupportReason::LABELS);
const LONG_TERM: Dimension = Dimension {
    name: "long_term_support",
    title: "Had long-term support at the time",
    categories: Categories::List(&["Yes", "No"]),
};
const METHOD: Dimension = listed("method", "Who took part", Method::LABELS);

pub(super) const fn listed(name: &'static str, title: &'static str, labels: &'static [&'static str]) -> Dimension {
    Dimension { name, title, categories: Categories::ListAnd(labels, NOT_LISTED) }
}

const MOST_EVENTS: Setting = Setting {
    name: "max_events",
    title: "Events of one person that may count in a private answer",
    values: Values::Integer { least: 1, most: 50, default: 4 },
};

/// How an event without duration belongs to a period.
const ENDED: Setting = Setting {
    name: "when",
    title: "Which events are of the period: those that ended in it (as nationally) or started in it",
    values: Values::Choice(&["ended", "started"]),
};

pub(super) const MEASURES: &[Measure] = &[
    table(
        "REQUESTS",
        "Requests for support",
        "Requests, by month, route of access, outcome and who asked. As in the national tables, a request belongs to the \
         period and the month in which it ended; the setting `when` counts by start instead. The long-term support flag \
         is yes when a long-term service of the same person ran on the day the request started. Details are those of \
         the row. Files are joined by quarter, so that periods of any length can be asked about.",
        &[
            MONTH,
            listed("route_of_access", "Route of access", Route::LABELS),
            OUTCOME_GROUP,
            listed("event_outcome", "Outcome", Outcome::LABELS),
            CLIENT_TYPE,
            AGE_BAND,
            GENDER,
            ETHNIC_GROUP,
            REASON,
            LONG_TERM,
        ],
        &["month", "outcome_group"],
        &[ENDED, MOST_EVENTS],
    ),
    table(
        "ASSESSMENTS",
        "Assessments",
        "Assessments, by month, type, eligible needs, who took part and outcome. As in the national tables, an \
         assessment belongs to the period and the month in which it ended; the setting `when` counts by start instead. \
         The long-term support flag is yes when a long-term service of the same person ran on the day it started. A \
         conversation is an event whose description says so. Details are those of the row. Files are joined by quarter.",
        &[
            MONTH,
            listed("assessment_type", "Assessment type", AssessmentType::LABELS),
            listed("eligible_needs", "Eligible needs identified", YesNo::LABELS),
            METHOD,
            Dimension {
                name: "conversation",
                title: "Held as a conversation",
                categories: Categories::List(&["Yes", "No"]),
            },
            OUTCOME_GROUP,
            CLIENT_TYPE,
            AGE_BAND,
            GENDER,
            ETHNIC_GROUP,
            REASON,
            LONG_TERM,
        ],
        &["month", "outcome_group"],
        &[ENDED, MOST_EVENTS],
    ),
    table(
        "REVIEWS",
        "Reviews",
        "Reviews, by month, type (planned, unplanned, of short-term support), reason, outcomes achieved and who took \
         part. As in the national tables, a review belongs to the period and the month in which it ended; the setting \
         `when` counts by start instead. The long-term support flag is yes when a long-term service of the same person \
         ran on the day it started. Details are those of the row. Files are joined by quarter.",
        &[
            MONTH,
            Dimension {
                name: "review_type",
                title: "Review type",
                categories: Categories::List(&[
                    "Planned review of long term support",
                    "Unplanned",
                    "Review of short term support",
                    "Review Type Unknown",
                    "Blank",
                ]),
            },
            listed("review_reason", "Review reason", ReviewReason::LABELS),
            listed("review_outcomes_achieved", "Outcomes achieved", ReviewOutcome::LABELS),
            METHOD,
            OUTCOME_GROUP,
            CLIENT_TYPE,
            AGE_BAND,
            GENDER,
            ETHNIC_GROUP,
            REASON,
            LONG_TERM,
        ],
        &["month", "review_type"],
        &[ENDED, MOST_EVENTS],
    ),
    table(
        "SERVICES",
        "Services",
        "Services, by type, component, delivery mechanism and outcome. A service belongs to the period when any of its \
         days does, and then stands in the first month of the period in which it ran; the setting `when` counts those \
         that started, or ended, in the period instead, in that month. Files are joined by quarter: lines of one service \
         that differ only in mechanism, cost or units are one service here, as in the national joined table. Details are \
         those of the row.",
        &[
            MONTH,
            Dimension {
                name: "service_group",
                title: "Service group",
                categories: Categories::List(&[
                    "Long term support",
                    "Short term support",
                    "Unpaid carer support",
                    "Unknown",
                    "Blank",
                ]),
            },
            SERVICE_TYPE,
            COMPONENT,
            MECHANISM,
            OUTCOME_GROUP,
            CLIENT_TYPE,
            AGE_BAND,
            GENDER,
            ETHNIC_GROUP,
            REASON,
        ],
        &["service_type"],
        &[
            Setting {
                name: "when",
                title: "Which services are of the period: those that ran in it, started in it or ended in it",
                values: Values::Choice(&["ran", "started", "ended"]),
            },
            MOST_EVENTS,
        ],
    ),
];

pub(super) const SERVICE_TYPE: Dimension = listed("service_type", "Service type", ServiceType::LABELS);
pub(super) const COMPONENT: Dimension = listed("service_component", "Service component", Component::LABELS);
pub(super) const MECHANISM: Dimension = listed("delivery_mechanism", "Delivery mechanism", Mechanism::LABELS);

const fn table(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    dimensions: &'static [Dimension],
    default_by: &'static [&'static str],
    options: &'static [Setting],
) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::Events,
        kind: Kind::Count,
        dimensions,
        default_by,
        max_by: 4,
        totals: &[Sum::All],
        window: Window::Period,
        table: Table::Joined,
        options,
        bound,
        bound_reason: "The number of one person's events has no limit of its own, and all may fall into one cell. Most \
                       people have one to three events of a kind in a year; so at most max_events (four unless the \
                       question says otherwise) count in a private answer. Without noise all count.",
        source: SOURCE,
    }
}

fn bound(asked: &Asked<'_>) -> Bound {
    Bound::events(u32::try_from(asked.settings.number("max_events")).unwrap_or(1))
}
