//! What services cost, in whole pounds.

use super::events::{AGE_BAND, CLIENT_TYPE, COMPONENT, GENDER, MECHANISM, REASON, SERVICE_TYPE, listed};
use super::{Asked, Bound, Dimension, Kind, Measure, Setting, Sum, Table, Unit, Values, Window};
use crate::codelist::{CodeList, CostFrequency, Funding};

const SOURCE: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, 6.Costs_fact.sql, June 2026";

const DIMENSIONS: &[Dimension] = &[
    SERVICE_TYPE,
    COMPONENT,
    MECHANISM,
    listed("cost_frequency", "Cost frequency", CostFrequency::LABELS),
    CLIENT_TYPE,
    AGE_BAND,
    GENDER,
    REASON,
    listed("client_funding", "Client funding", Funding::LABELS),
];

/// More rows of one person than any package of care has.
const MOST_ROWS: u32 = 64;

pub(super) const MEASURES: &[Measure] = &[
    costs(
        "COSTS",
        "Gross cost of services in a period",
        "Planned gross cost, in whole pounds, of the services that ran in the period: the weekly cost times the weeks of \
         the period in which the service ran; one-off costs once. Signs of costs and units are ignored; rows without a \
         cost, or without usable units unless one-off, are left out; the frequency wins where it and the planned units \
         disagree. As in the published code, a service that ends before it starts runs for less than no weeks and takes \
         money away, so a sum over few services can be below nought; the data-quality report names such rows. Each row \
         is rounded to whole pounds. The Department asks this of the last quarter. From the latest single file of twelve \
         months, so a period before it has no figures.",
        &[Setting {
            name: "max_pounds",
            title: "Pounds of one person that may count in a private answer",
            values: Values::Integer { least: 100, most: 1_000_000, default: 30_000 },
        }],
        "Costs have no limit of their own. Thirty thousand pounds cover a quarter at about 2,300 pounds a week, more \
         than nearly all packages cost; what a person costs beyond max_pounds does not count in a private answer. A \
         year needs a higher cap, and noise grows with it. Without noise all counts.",
    ),
    costs(
        "COSTS-WEEKLY",
        "Gross weekly cost of services",
        "Planned gross cost of one week, in whole pounds, of the services that ran at any time in the period: the unit \
         cost times the units of a week (by the frequency; per session, hourly and daily costs by the planned units). \
         One-off costs have no weekly cost and are left out, as are rows without a cost or without usable units. Each \
         row is rounded to whole pounds. From the latest single file of twelve months.",
        &[Setting {
            name: "max_pounds",
            title: "Pounds of one person that may count in a private answer",
            values: Values::Integer { least: 10, most: 100_000, default: 2_500 },
        }],
        "Costs have no limit of their own. Two and a half thousand pounds a week cover nearly all packages; what a \
         person costs beyond max_pounds does not count in a private answer. Without noise all counts.",
    ),
];

const fn costs(
    id: &'static str,
    title: &'static str,
    text: &'static str,
    options: &'static [Setting],
    bound_reason: &'static str,
) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::Pounds,
        kind: Kind::Count,
        dimensions: DIMENSIONS,
        default_by: &["service_type"],
        max_by: 4,
        totals: &[Sum::All],
        window: Window::Period,
        table: Table::Single,
        options,
        bound,
        bound_reason,
        source: SOURCE,
    }
}

fn bound(asked: &Asked<'_>) -> Bound {
    Bound::sum(MOST_ROWS, u64::try_from(asked.settings.number("max_pounds")).unwrap_or(1))
}
