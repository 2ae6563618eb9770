//! Pathways: where people who enter a state are afterwards.

use super::dimensions::{ETHNIC_GROUP, GENDER, PERSON_BANDS, REASON, age_band};
use super::{Bound, Categories, Dimension, Kind, Measure, Setting, Sum, Table, Unit, Values, Window};

/// States that can be entered, as the setting `from` names them.
pub const FROM: &[&str] = &[
    "discharge-from-hospital",
    "reablement",
    "other-short-term",
    "ongoing-low-level",
    "community",
    "residential-care",
    "nursing-care",
];

/// States that people can be in afterwards. The first seven are kinds of service, highest first.
pub const TO: &[&str] = &[
    "Nursing care",
    "Residential care",
    "Community",
    "Prison",
    "Reablement",
    "Ongoing low level",
    "Other short term",
    "No support",
    "Left the area",
    "Died",
    "No change so far",
    "Not yet known",
];

pub(super) const MEASURES: &[Measure] = &[Measure {
    id: "PATHWAYS",
    version: 1,
    title: "Where people who enter a state of care are next, and after a time",
    text: "People who enter a state in the period (setting `from`: a request on discharge from hospital, or the start of \
           reablement, other short-term support, ongoing low-level support, community support, residential or nursing \
           care), by where they are afterwards (setting `after`: the next state, or the state 28, 91, 182 or 365 days \
           after the entry). A person counts once, with the first entry of the period; services of one kind that follow \
           each other within seven days are one stay. On a day, a person is in the highest service that runs; without \
           any, they have died, have left the area or have no support. Days after the data end are not yet known. One \
           matrix is one question for each `from`; docs/pathways.md has every rule and a worked example.",
    unit: Unit::People,
    kind: Kind::Count,
    dimensions: &[
        Dimension { name: "to", title: "Where they are then", categories: Categories::List(TO) },
        Dimension { name: "month", title: "Month of entry", categories: Categories::Months },
        age_band(PERSON_BANDS),
        GENDER,
        ETHNIC_GROUP,
        REASON,
    ],
    default_by: &["to"],
    max_by: 4,
    totals: &[Sum::All, Sum::Over(&["to"])],
    window: Window::Period,
    table: Table::Joined,
    options: &[
        Setting { name: "from", title: "The state that people enter", values: Values::Choice(FROM) },
        Setting {
            name: "after",
            title: "When to look: at the next state, or that many days after the entry",
            values: Values::Choice(&["next", "28", "91", "182", "365"]),
        },
    ],
    bound: |_| Bound::ONE,
    bound_reason: "A person counts with one entry, the first of the period, and is in one state on one day, so one cell \
                   changes by one.",
    source: "Folkmoot's own measure over the Department's main table; order of services and the seven days as in ASCOF \
             2A",
}];
