//! Waiting times: from a request to the first response, and to the first service.

use super::{Asked, Bound, Categories, Dimension, Kind, Measure, Setting, Sum, Table, Unit, Values, Window};

const SOURCE: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, Waiting_times/waiting_times_method.sql v1.1, 19 May 2026";

/// The last day with a bin of its own: one year.
///
/// Medians are read off the bins, so no median may fall into the open one; half of all people of a quarter would have
/// to wait for more than a year before that happened. Each further year would add half as many bins again, and under
/// privacy every bin carries noise.
pub const LAST_DAY: u32 = 365;

const DIMENSIONS: &[Dimension] = &[
    Dimension { name: "quarter", title: "Quarter of the answer", categories: Categories::Quarters },
    Dimension {
        name: "age_band",
        title: "Age band at the answer",
        categories: Categories::List(&["25 to 64", "65 and above"]),
    },
    Dimension { name: "days", title: "Days waited", categories: Categories::Days(LAST_DAY) },
];

const MOST_WAITS: Setting = Setting {
    name: "max_waits",
    title: "Waits of one person that may count in a private answer",
    values: Values::Integer { least: 1, most: 20, default: 2 },
};

pub(super) const MEASURES: &[Measure] = &[
    waiting(
        "WAITING-RESPONSE",
        "Days from a request to the first response",
        "Whole days from a request for support to the first thing that answers it: an assessment, a service, or (requests \
         before July 2025 that were held as a conversation and led on) the request itself. Requests of service users \
         aged 25 and over from 1 April 2023 who did not have support already and whose request neither ended without \
         further action nor in hospital. Each wait stands in the quarter in which the answer started and in the age \
         band of the answering event. The median is read off the days.",
    ),
    waiting(
        "WAITING-SERVICE",
        "Days from a request to the first service",
        "Whole days from a request for support to the first service that follows it, for the requests of \
         WAITING-RESPONSE. The service does not count when an assessment came first that led to no support. Each wait \
         stands in the quarter in which the service started and in the age band of the service. The median is read off \
         the days.",
    ),
];

const fn waiting(id: &'static str, title: &'static str, text: &'static str) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::Events,
        kind: Kind::Histogram,
        dimensions: DIMENSIONS,
        default_by: &["quarter", "age_band", "days"],
        max_by: 3,
        totals: &[Sum::Over(&["days"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[MOST_WAITS],
        bound,
        bound_reason: "A person may wait several times, and waits of equal length fall into one cell. Few wait more \
                       than twice in a year, since each wait needs an answer of its own and nobody with support waits; \
                       so at most max_waits (two unless the question says otherwise) count in a private answer. Without \
                       noise all count.",
        source: SOURCE,
    }
}

fn bound(asked: &Asked<'_>) -> Bound {
    Bound::events(u32::try_from(asked.settings.number("max_waits")).unwrap_or(1))
}
