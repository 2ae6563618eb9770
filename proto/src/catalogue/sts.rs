//! Short-term support tables of the former SALT return: requests of new clients, and what followed reablement.

use super::events::listed;
use super::{
    Asked, Bound, Categories, Dimension, Kind, Measure, OFFICIAL_OR_DOCUMENTED, Setting, Sum, Table, Unit, Values,
    Window,
};
use crate::codelist::{CodeList, Route};

const SOURCE: &str = "NHSDigital/ASC-Client-Level-Data-SALT-ASCOF-transformations, STS001, STS002a, STS002b, May 2024, \
                      read for one council over the joined main table";

/// What followed a request, in the order that decides between services.
pub const AFTER_REQUEST: &[&str] = &[
    "Short term support: ST-Max",
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
    "Short term support: Ongoing low level",
    "Short term support: Other short term",
    "Universal services or signposted",
    "100% NHS funded care",
    "No services provided: Deceased",
    "No services provided: Other reason",
    "Unable to classify",
];

/// What followed reablement.
pub const AFTER_REABLEMENT: &[&str] = &[
    "Long term support (any setting)",
    "Ongoing low level support",
    "Short term support (other)",
    "Early cessation: NHS, end of life or deceased",
    "Needs identified but self-funding",
    "Support declined",
    "Universal services or signposted",
    "No services provided: Other",
    "Support ended as planned, no service found",
    "Unable to classify",
];

/// Requests of people whose month of birth is unknown are not in STS001; their reablement is in the other two.
const BANDS: Dimension = bands(&["Under 18", "18 to 64", "65 and above"]);
const BANDS_OR_UNKNOWN: Dimension = bands(&["Under 18", "18 to 64", "65 and above", "Unknown"]);

const fn bands(labels: &'static [&'static str]) -> Dimension {
    Dimension { name: "age_band", title: "Age band at the end of the period", categories: Categories::List(labels) }
}

const MOST_CLUSTERS: Setting = Setting {
    name: "max_clusters",
    title: "Clusters of one person that may count in a private answer",
    values: Values::Integer { least: 1, most: 50, default: 3 },
};

pub(super) const MEASURES: &[Measure] = &[
    sts(
        "STS001",
        "Requests from new clients and what followed",
        "Requests of people without long-term support, those at most four days apart put together, that ended in the \
         period, by what followed: the best service of the chain of events that starts within 28 days, else the outcome \
         of a later event without further action, else the outcome of the request. Published code: requests without a \
         route are lost, equal outcomes with different routes or ages count more than once, a request of one day accepts \
         sequels of any later date, and clusters that go on after the period count at their last end in it. The variant \
         `documented` mends all four and drops the last. Release 2 labels: end of life care cannot be told and is \
         unable to classify.",
        &[
            Dimension { name: "sequel", title: "What followed", categories: Categories::List(AFTER_REQUEST) },
            listed("route_of_access", "Route of access", Route::LABELS),
            BANDS,
        ],
        &["sequel"],
        &[Sum::Over(&["sequel"]), Sum::Over(&["sequel", "route_of_access", "age_band"])],
    ),
    sts(
        "STS002A",
        "What followed reablement of new clients",
        "Reablement (short-term support to maximise independence) that followed a request of STS001 in the same period, \
         services at most one day apart put together, that ended in the period, by what followed within three days: \
         the best service, else the outcome of an event without further action, else the reablement's own outcome. \
         Published code: support that ended as planned is a category of its own when events but no service followed (it \
         is spelt differently there); the variant `documented` puts it with the other ends.",
        &[
            Dimension { name: "sequel", title: "What followed", categories: Categories::List(AFTER_REABLEMENT) },
            BANDS_OR_UNKNOWN,
        ],
        &["sequel"],
        &[Sum::Over(&["sequel"]), Sum::Over(&["sequel", "age_band"])],
    ),
    sts(
        "STS002B",
        "Reablement of existing clients",
        "Reablement that ended in the period of people who had long-term support when it started, services at most one \
         day apart put together. Published code: reablement without an outcome is lost; the variant `documented` counts \
         it.",
        &[BANDS_OR_UNKNOWN],
        &[],
        &[Sum::Over(&["age_band"])],
    ),
];

const fn sts(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    dimensions: &'static [Dimension],
    default_by: &'static [&'static str],
    totals: &'static [Sum],
) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::Clusters,
        kind: Kind::Count,
        dimensions,
        default_by,
        max_by: 3,
        totals,
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED, MOST_CLUSTERS],
        bound,
        bound_reason: "Clusters of one person lie days apart, so a year could hold dozens, and all may fall into one \
                       cell; few people have more than three. At most max_clusters (three unless the question says \
                       otherwise) count in a private answer. Without noise all count.",
        source: SOURCE,
    }
}

fn bound(asked: &Asked<'_>) -> Bound {
    Bound::events(u32::try_from(asked.settings.number("max_clusters")).unwrap_or(1))
}
