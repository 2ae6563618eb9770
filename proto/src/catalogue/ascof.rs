//! ASCOF: the Adult Social Care Outcomes Framework, as the Department computes it from client level data since
//! 2024-25.

use super::dimensions::{ADULT_BANDS, ADULT_BANDS_AND_UNKNOWN, age_band};
use super::{Bound, Categories, Dimension, Kind, Measure, Sum, Table, Unit, Window};

const SOURCE_2E: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, ASCOF_measures/Create_ASCOF_2E_2425_Onwards.sql, June 2026";
const SOURCE_3D: &str = "DataS-DHSC/ASC-CLD-LA-Dashboard, ASCOF_measures/Create_ASCOF_3D_2425_Onwards.sql, June 2026";

const PUBLISHED_GENDER: Dimension = Dimension {
    name: "gender",
    title: "Gender",
    categories: Categories::List(&["Male", "Female", "Other or unknown"]),
};

const BANDS_AND_UNKNOWN: &[Dimension] = &[age_band(ADULT_BANDS_AND_UNKNOWN)];

const SUPPORT: Dimension = Dimension {
    name: "support",
    title: "How support is arranged",
    categories: Categories::List(&[
        "Direct payment",
        "CASSR managed personal budget",
        "CASSR commissioned support",
        "Unknown",
    ]),
};

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        id: "ASCOF-2E",
        version: 1,
        title: "Adults with long-term support who live at home or with family",
        text: "Of adults with long-term support at any time in the period, those whose latest known accommodation \
               counts as settled (component yes) and the others (component no). Accommodation that is unknown is \
               inferred from the latest services where the national method does so. People of unknown age are in \
               neither component.",
        unit: Unit::People,
        kind: Kind::Ratio,
        dimensions: &[age_band(ADULT_BANDS), PUBLISHED_GENDER],
        default_by: &["age_band", "gender"],
        max_by: 2,
        totals: &[Sum::Over(&["gender"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person has one age band, one gender and one accommodation status, so one cell changes by one.",
        source: SOURCE_2E,
    },
    Measure {
        id: "ASCOF-2E-LD",
        version: 1,
        title: "Adults aged 18 to 64 with a learning disability who live at home or with family",
        text: "ASCOF 2E for people aged 18 to 64 whose latest known primary support reason is learning disability \
               support: settled accommodation (component yes) and other (component no).",
        unit: Unit::People,
        kind: Kind::Ratio,
        dimensions: &[age_band(&["18 to 64"]), PUBLISHED_GENDER],
        default_by: &["age_band", "gender"],
        max_by: 2,
        totals: &[Sum::Over(&["gender"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person has one gender and one accommodation status, so one cell changes by one.",
        source: SOURCE_2E,
    },
    Measure {
        id: "ASCOF-2E-UNKNOWN",
        version: 1,
        title: "Adults counted for ASCOF 2E whose accommodation is unknown or presumed",
        text: "The second table of ASCOF 2E: adults with long-term support in the period, people of unknown age \
               included, whose accommodation stayed unknown or was only presumed from services. It tells how far the \
               2E figure rests on inference. The same for ASCOF 2E-LD, which holds nobody of unknown age, is the \
               category Yes of the dimension learning_disability.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            Dimension {
                name: "accommodation",
                title: "Accommodation",
                categories: Categories::List(&[
                    "Unknown",
                    "Unknown: Presumed at home",
                    "Unknown: Presumed in community",
                ]),
            },
            Dimension {
                name: "learning_disability",
                title: "Aged 18 to 64 with a learning disability",
                categories: Categories::List(&["Yes", "No"]),
            },
        ],
        default_by: &["accommodation"],
        max_by: 2,
        totals: &[Sum::Over(&["accommodation"]), Sum::Over(&["accommodation", "learning_disability"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person has one accommodation status, so one cell changes by one.",
        source: SOURCE_2E,
    },
    Measure {
        id: "ASCOF-3D-CLIENTS",
        version: 1,
        title: "People with long-term community support, by how it is arranged",
        text: "Adults whose highest long-term support on the last day of the period is in the community, by how it is \
               arranged. Measure 1a (self-directed support) is direct payments and managed budgets over all four; 2a is \
               direct payments over all four. Totals include people of unknown age.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[age_band(ADULT_BANDS_AND_UNKNOWN), SUPPORT],
        default_by: &["age_band", "support"],
        max_by: 2,
        totals: &[Sum::Over(&["age_band"]), Sum::Over(&["support"]), Sum::Over(&["age_band", "support"])],
        window: Window::Snapshot,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person keeps the highest ranked arrangement only, so one cell changes by one.",
        source: SOURCE_3D,
    },
    ratio_3d(
        "ASCOF-3D-1A",
        "People with long-term community support who direct it themselves",
        "ASCOF 3D part 1a: of adults whose highest long-term support on the last day of the period is in the community, \
         those with a direct payment or a managed personal budget (yes) and the others (no). The total includes people \
         of unknown age.",
        Window::Snapshot,
    ),
    ratio_3d(
        "ASCOF-3D-2A",
        "People with long-term community support who have a direct payment",
        "ASCOF 3D part 2a: of adults whose highest long-term support on the last day of the period is in the community, \
         those with a direct payment (yes) and the others (no). The total includes people of unknown age.",
        Window::Snapshot,
    ),
    Measure {
        id: "ASCOF-3D-CARERS",
        version: 1,
        title: "Unpaid carers with direct support, by how it is arranged",
        text: "Adult unpaid carers with support provided directly to them in the period, by how it is arranged. Measure \
               1b (self-directed support) is direct payments and managed budgets over the first three; 2b is direct \
               payments over the first three. The fourth, unknown, is outside both rates. Totals include people of \
               unknown age.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[age_band(ADULT_BANDS_AND_UNKNOWN), SUPPORT],
        default_by: &["age_band", "support"],
        max_by: 2,
        totals: &[Sum::Over(&["age_band"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A carer keeps the highest ranked arrangement only, so one cell changes by one.",
        source: SOURCE_3D,
    },
    ratio_3d(
        "ASCOF-3D-1B",
        "Unpaid carers with direct support who direct it themselves",
        "ASCOF 3D part 1b: of adult unpaid carers with support provided directly to them in the period, those with a \
         direct payment or a managed personal budget (yes) and those with commissioned support (no). The total includes \
         people of unknown age.",
        Window::Period,
    ),
    ratio_3d(
        "ASCOF-3D-2B",
        "Unpaid carers with direct support who have a direct payment",
        "ASCOF 3D part 2b: of adult unpaid carers with support provided directly to them in the period, those with a \
         direct payment (yes) and the others (no). The total includes people of unknown age.",
        Window::Period,
    ),
];

const fn ratio_3d(id: &'static str, title: &'static str, text: &'static str, window: Window) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::People,
        kind: Kind::Ratio,
        dimensions: BANDS_AND_UNKNOWN,
        default_by: &["age_band"],
        max_by: 1,
        totals: &[Sum::Over(&["age_band"])],
        window,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person keeps the highest ranked arrangement only, so one cell changes by one.",
        source: SOURCE_3D,
    }
}
