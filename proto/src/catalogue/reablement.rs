//! ASCOF 2A: what followed short-term support to maximise independence.

use super::dimensions::{ADULT_BANDS_AND_UNKNOWN, age_band};
use super::{Bound, Categories, Dimension, Kind, Measure, OFFICIAL_OR_DOCUMENTED, Sum, Table, Unit, Window};
use crate::codelist::{CodeList, INVALID, Outcome};

const SOURCE: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, ASCOF_measures/Create_ASCOF_2A_2425_Onwards.sql, June 2026";

/// Clusters of one person end at least eight days apart, so a year could hold 46; more than three are very rare.
const CLUSTERS: Bound = Bound::events(3);

const BOUND_REASON: &str = "Each cluster of adjoining services is in one cell. Hardly anybody has more than three in a \
                            year; a private answer counts at most three of a person's, official figures all.";

/// The services that can follow, the short-term care home that the method makes of two of them, and below the outcomes.
const SERVICES: &[&str] = &[
    "Long term support: Nursing care",
    "Long term support: Residential care",
    "Long term support: Community",
    "Long term support: Prison",
    "Short term support: ST-Max",
    "Short term support: Ongoing low level",
    "Short term support: Other short term",
    "Short term support: Residential or Nursing care",
];

const FINAL_OUTCOMES: &[&str] = &with_invalid();

const fn with_invalid() -> [&'static str; Outcome::LABELS.len() + 1] {
    let mut labels = [INVALID; Outcome::LABELS.len() + 1];
    let mut place = 0;
    while place < Outcome::LABELS.len() {
        labels[place] = Outcome::LABELS[place];
        place += 1;
    }
    labels
}

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        id: "ASCOF-2A",
        version: 1,
        title: "Short-term support to maximise independence after which no ongoing support was needed",
        text: "Clusters of short-term services to maximise independence (ST-Max, mostly reablement) of adults new to \
               long-term support that ended in the period: those followed by no support, or by support at a lower \
               level (component yes), and those followed by long-term support or a short-term care home (component \
               no). Services at most seven days apart are one cluster. Clusters followed by a death within seven \
               days, a hospital admission, a move to NHS or self-funded care, declined support or nothing that can be \
               classified are in neither component. What followed is what started within seven days of the end, so \
               the last week of the latest data is provisional. The total includes people of unknown age. People whose \
               long-term support began earlier and had not ended 91 days before are not new; the documented variant looks back over 365 days, \
               as the published script's comments say and its code does not.",
        unit: Unit::Clusters,
        kind: Kind::Ratio,
        dimensions: &[age_band(ADULT_BANDS_AND_UNKNOWN)],
        default_by: &["age_band"],
        max_by: 1,
        totals: &[Sum::Over(&["age_band"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| CLUSTERS,
        bound_reason: BOUND_REASON,
        source: SOURCE,
    },
    Measure {
        id: "ASCOF-2A-SEQUELS",
        version: 1,
        title: "Short-term support to maximise independence, by what followed",
        text: "Every cluster that the method of ASCOF 2A looks at, those outside its percentage included: by age band, by \
               how its final outcome was found (1 death, 2 hospital, 3 a service that followed, 4a the cluster's own \
               outcome, 4b a later event's, 4c that of an assessment or review within it, 5 equipment, 6 the remainder), \
               by the final outcome and by where it counts.",
        unit: Unit::Clusters,
        kind: Kind::Count,
        dimensions: &[
            age_band(ADULT_BANDS_AND_UNKNOWN),
            Dimension {
                name: "sequel",
                title: "How the final outcome was found",
                categories: Categories::List(&["1", "2", "3", "4a", "4b", "4c", "5", "6"]),
            },
            Dimension {
                name: "final_outcome",
                title: "Final outcome",
                categories: Categories::ListAnd(SERVICES, FINAL_OUTCOMES),
            },
            Dimension {
                name: "counts_in",
                title: "Where it counts in ASCOF 2A",
                categories: Categories::List(&["Numerator", "Denominator only", "Outside both"]),
            },
        ],
        default_by: &["age_band", "sequel", "final_outcome"],
        max_by: 3,
        totals: &[
            Sum::Over(&["age_band"]),
            Sum::Over(&["age_band", "sequel"]),
            Sum::Over(&["age_band", "final_outcome"]),
            Sum::Over(&["age_band", "sequel", "final_outcome", "counts_in"]),
        ],
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| CLUSTERS,
        bound_reason: BOUND_REASON,
        source: SOURCE,
    },
];
