//! Free tables of distinct people.

use super::dimensions::{ETHNIC_GROUP, FINE_BANDS, GENDER, PERSON_BANDS, REASON, SETTING, age_band};
use super::{Bound, Categories, Dimension, Kind, Measure, Sum, Table, Unit, Window};
use crate::codelist::{CodeList, Employment, Funding, YesNo};

pub(super) const MEASURES: &[Measure] = &[Measure {
    id: "PEOPLE",
    version: 1,
    title: "People with long-term support, in a period or on a day",
    text: "Distinct people of all ages with long-term support at any time in the period, or on the one day when both \
           dates are equal, by up to four dimensions. Each person is counted once: in the highest setting of the \
           support that overlaps the period (nursing, residential, community, prison), with their latest known \
           details. Ages are those at the end of the data used. Having an unpaid carer includes what a carer's row says \
           of the person it links to, except under differential privacy, where each person counts by their own rows alone.",
    unit: Unit::People,
    kind: Kind::Count,
    dimensions: &[
        age_band(PERSON_BANDS),
        Dimension { name: "age_group", title: "Age group", categories: Categories::List(FINE_BANDS) },
        GENDER,
        ETHNIC_GROUP,
        REASON,
        SETTING,
        Dimension {
            name: "has_unpaid_carer",
            title: "Has an unpaid carer",
            categories: Categories::List(YesNo::LABELS),
        },
        Dimension { name: "client_funding", title: "Client funding", categories: Categories::List(Funding::LABELS) },
        Dimension { name: "employment", title: "Employment", categories: Categories::List(Employment::LABELS) },
        Dimension {
            name: "accommodation",
            title: "Accommodation",
            categories: Categories::List(crate::codelist::Accommodation::LABELS),
        },
    ],
    default_by: &["age_band", "gender"],
    max_by: 4,
    totals: &[Sum::All],
    window: Window::Either,
    table: Table::Joined,
    options: &[],
    bound: |_| Bound::ONE,
    bound_reason: "A person is counted once, with one value of each detail, so one cell changes by one. Links on carers' \
                   rows, which would change other people's details, are not used in a private answer.",
    source: "Folkmoot's own table over the Department's main table and person details",
}];
