//! Long-term and carer support as the SALT return counted it, over the joined main table: LTS001 to LTS004.

use super::dimensions::{ADULT_BANDS, age_band};
use super::{Bound, Categories, Dimension, Kind, Measure, OFFICIAL_OR_DOCUMENTED, Sum, Table, Unit, Window};
use crate::codelist::{Accommodation, CodeList, Employment, Ethnicity, Gender, INVALID, SupportReason};

const SOURCE: &str =
    "NHSDigital/ASC-Client-Level-Data-SALT-ASCOF-transformations, SALT measures, May 2024 (2023/24 final)";

/// The label of values that no list explains and of blank ones, where the return puts them together.
const INVALID_OR_BLANK: &str = "Invalid/NULL";

/// A person's highest long-term setting with the mechanism where one is valid for it.
const SETTING: Dimension = Dimension {
    name: "setting",
    title: "Setting and delivery mechanism",
    categories: Categories::List(&[
        "Long term support: Nursing care",
        "Long term support: Residential care",
        "Long term support: Community, Direct payment",
        "Long term support: Community, CASSR managed personal budget",
        "Long term support: Community, CASSR commissioned support",
        "Long term support: Community, other or unknown mechanism",
        "Long term support: Prison, CASSR managed personal budget",
        "Long term support: Prison, CASSR commissioned support",
        "Long term support: Prison, other or unknown mechanism",
    ]),
};

const REASON: Dimension = Dimension {
    name: "primary_support_reason",
    title: "Primary support reason",
    categories: Categories::ListAnd(SupportReason::LABELS, &[INVALID_OR_BLANK]),
};

const BY_REASON: &[Dimension] = &[age_band(ADULT_BANDS), REASON, SETTING];

const REASON_TOTALS: &[Sum] = &[
    Sum::Over(&["setting"]),
    Sum::Over(&["primary_support_reason"]),
    Sum::Over(&["primary_support_reason", "setting"]),
    Sum::Over(&["age_band", "primary_support_reason", "setting"]),
];

const ONE_REASON: &str = "Within an age group a person is in one cell. Somebody whose rows disagree on the month of birth \
                          is in both published tables; a private answer keeps one of the two.";

pub(super) const MEASURES: &[Measure] = &[
    Measure {
        id: "LTS001A",
        version: 1,
        title: "People with long-term support during the period, by support reason and setting",
        text: "SALT LTS001a: service users aged 18 and over with long-term support at any time in the period, by age group \
               at its end, primary support reason and setting. Each person is counted in the highest setting of their \
               rows; of the rows in it a known reason goes before an unknown one, then the latest start; reasons that \
               still differ are Unknown. Rows without a month of birth are left out; ages and ends are those of the \
               rows, deaths those of the person table. A reason that no list explains is shown as Invalid/NULL, but goes before an unknown one.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: BY_REASON,
        default_by: &["age_band", "primary_support_reason", "setting"],
        max_by: 3,
        totals: REASON_TOTALS,
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: ONE_REASON,
        source: SOURCE,
    },
    Measure {
        id: "LTS001B-REASON",
        version: 1,
        title: "People with long-term support on the last day, by support reason and setting",
        text: "SALT LTS001b, tables 1a and 1b: service users aged 18 and over with long-term support on the last day of \
               the period, by age group, primary support reason and setting. Rules as in LTS001A. Rows are those of the \
               joined main table in release 2 terms; unlike the return, rows whose council id also occurs with an NHS \
               number are kept.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: BY_REASON,
        default_by: &["age_band", "primary_support_reason", "setting"],
        max_by: 3,
        totals: REASON_TOTALS,
        window: Window::Snapshot,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: ONE_REASON,
        source: SOURCE,
    },
    Measure {
        id: "LTS001B-CARER",
        version: 1,
        title: "People with long-term support on the last day, by whether they have an unpaid carer",
        text: "SALT LTS001b, table 2: service users of all ages with long-term support on the last day of the period, by \
               whether their rows say that they have an unpaid carer, and by setting. A known answer goes before an \
               unknown one, then the latest start; answers that still differ are Unknown. What is not Yes or No on the \
               deciding row is shown as Invalid/NULL, as in the return. Links on carers' rows are not used here.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            Dimension {
                name: "has_unpaid_carer",
                title: "Has an unpaid carer",
                categories: Categories::List(&["Yes", "No", "Unknown", INVALID_OR_BLANK]),
            },
            SETTING,
        ],
        default_by: &["has_unpaid_carer", "setting"],
        max_by: 2,
        totals: &[
            Sum::Over(&["setting"]),
            Sum::Over(&["has_unpaid_carer"]),
            Sum::Over(&["has_unpaid_carer", "setting"]),
        ],
        window: Window::Snapshot,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A person is in one cell: one answer and one setting are chosen from the person's own rows.",
        source: SOURCE,
    },
    Measure {
        id: "LTS001B-ETHNICITY",
        version: 1,
        title: "People with long-term support on the last day, by gender and ethnic background",
        text: "SALT LTS001b, tables 3a (male), 3b (female) and 3c: service users of all ages with long-term support on the \
               last day of the period, by gender, ethnic background and setting. Rows are parted by gender first; in each \
               part a known background goes before an undeclared one, then the latest start; backgrounds that still \
               differ are undeclared. Table 3c is the total of the gender \"Other or unknown\"; rows with a blank or \
               invalid gender are in no table.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            Dimension {
                name: "gender",
                title: "Gender",
                categories: Categories::List(&["Male", "Female", "Other or unknown"]),
            },
            Dimension {
                name: "ethnicity",
                title: "Ethnic background",
                categories: Categories::ListAnd(Ethnicity::LABELS, &[INVALID_OR_BLANK]),
            },
            SETTING,
        ],
        default_by: &["gender", "ethnicity", "setting"],
        max_by: 3,
        totals: &[
            Sum::Over(&["setting"]),
            Sum::Over(&["ethnicity", "setting"]),
            Sum::Over(&["gender", "ethnicity", "setting"]),
        ],
        window: Window::Snapshot,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "Within a gender a person is in one cell. Somebody whose rows disagree on gender is in several of \
                       the published tables; a private answer keeps one of them.",
        source: SOURCE,
    },
    Measure {
        id: "LTS001C",
        version: 1,
        title: "People with long-term support for more than twelve months on the last day, by support reason and setting",
        text: "SALT LTS001c: service users aged 18 and over with long-term support on the last day of the period whose \
               unbroken support began more than a year before, by age group, primary support reason and setting. Support \
               is unbroken while each row starts no later than the day after the row before it ended; as in the \
               published code only the row just before is looked at, so that a short spell within a long one breaks it, \
               and a start exactly one year before does not count. The documented variant lets the latest end so far \
               decide and counts a start exactly one year before. Rules otherwise as in LTS001A, but a reason that no \
               list explains keeps its own name, and so does a blank one.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            age_band(ADULT_BANDS),
            Dimension {
                name: "primary_support_reason",
                title: "Primary support reason",
                categories: Categories::ListAnd(SupportReason::LABELS, &[INVALID, "NULL"]),
            },
            SETTING,
        ],
        default_by: &["age_band", "primary_support_reason", "setting"],
        max_by: 3,
        totals: REASON_TOTALS,
        window: Window::Snapshot,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| Bound::ONE,
        bound_reason: ONE_REASON,
        source: SOURCE,
    },
    Measure {
        id: "LTS003",
        version: 1,
        title: "Unpaid carers supported during the period, by the support they had",
        text: "SALT LTS003: unpaid carers, those known by association included, with support, an assessment, a review or \
               advice in the period, each counted once in the highest category of their rows: direct payment, managed \
               budget, commissioned support, direct support of unknown mechanism, information and advice, no direct \
               support. Unlike ASCOF 3D only the delivery mechanism decides, not the service component. The return gives \
               the total by category; the age group, at the end of the period, is that of the person's youngest row in \
               that category, and Unknown when none of them has a month of birth.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            Dimension {
                name: "support",
                title: "Support to the carer",
                categories: Categories::List(&[
                    "Direct payment only",
                    "CASSR managed personal budget",
                    "CASSR commissioned support only",
                    "Support direct to carer: unknown delivery mechanism",
                    "Information, advice and other universal services or signposting",
                    "No direct support provided to carer",
                ]),
            },
            Dimension {
                name: "age_group",
                title: "Age group",
                categories: Categories::List(&[
                    "Under 18",
                    "18 to 25",
                    "26 to 64",
                    "65 to 84",
                    "85 and above",
                    "Unknown",
                ]),
            },
        ],
        default_by: &["support"],
        max_by: 2,
        totals: &[Sum::Over(&["support"]), Sum::Over(&["age_group"]), Sum::Over(&["support", "age_group"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[],
        bound: |_| Bound::ONE,
        bound_reason: "A carer keeps the highest category only and one age group, so one cell changes by one.",
        source: SOURCE,
    },
    Measure {
        id: "LTS004-EMPLOYMENT",
        version: 1,
        title: "People aged 18 to 64 with a learning disability and long-term support, by employment",
        text: "SALT LTS004, table 1: service users aged 18 to 64 at the end of the period with a long-term service in it \
               whose row gives learning disability support as its reason, by gender and employment. The rows with the \
               latest start that give a listed status decide; a known one goes before Unknown; statuses that differ are \
               Unknown. People without any listed status are shown apart as Invalid/NULL. The return takes the latest \
               start over all councils; here it is that of this council. The documented variant leaves support in prison \
               out, as the return's documentation does and its code does not.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            GENDER_OR_BLANK,
            Dimension {
                name: "paid",
                title: "In paid employment",
                categories: Categories::List(&["Paid", "Not paid or unknown", INVALID_OR_BLANK]),
            },
            Dimension {
                name: "employment",
                title: "Employment",
                categories: Categories::ListAnd(Employment::LABELS, &[INVALID_OR_BLANK]),
            },
        ],
        default_by: &["gender", "employment"],
        max_by: 3,
        totals: &[Sum::Over(&["gender"]), Sum::Over(&["gender", "paid", "employment"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| Bound::ONE,
        bound_reason: LTS004_REASON,
        source: SOURCE,
    },
    Measure {
        id: "LTS004-ACCOMMODATION",
        version: 1,
        title: "People aged 18 to 64 with a learning disability and long-term support, by accommodation",
        text: "SALT LTS004, tables 2a (settled) and 2b (unsettled): the people of LTS004-EMPLOYMENT by gender and \
               accommodation, with the same rules. Nothing is presumed from services. Unknown accommodation counts as \
               unsettled; people without any listed status are shown apart as Invalid/NULL. The documented variant \
               leaves support in prison out.",
        unit: Unit::People,
        kind: Kind::Count,
        dimensions: &[
            GENDER_OR_BLANK,
            Dimension {
                name: "settled",
                title: "Settled accommodation",
                categories: Categories::List(&["Settled", "Unsettled or unknown", INVALID_OR_BLANK]),
            },
            Dimension {
                name: "accommodation",
                title: "Accommodation",
                categories: Categories::ListAnd(SUBMITTED_ACCOMMODATION, &[INVALID_OR_BLANK]),
            },
        ],
        default_by: &["gender", "accommodation"],
        max_by: 3,
        totals: &[Sum::Over(&["gender"]), Sum::Over(&["gender", "settled", "accommodation"])],
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| Bound::ONE,
        bound_reason: LTS004_REASON,
        source: SOURCE,
    },
];

const LTS004_REASON: &str = "A person has one status of one gender, so one cell changes by one. Somebody whose deciding \
                             rows disagree on gender is in several published cells; a private answer keeps one of them.";

const GENDER_OR_BLANK: Dimension =
    Dimension { name: "gender", title: "Gender", categories: Categories::ListAnd(Gender::LABELS, &[INVALID_OR_BLANK]) };

/// What councils submit: the list without the two values that only the national method makes.
const SUBMITTED_ACCOMMODATION: &[&str] = Accommodation::LABELS.split_at(Accommodation::LABELS.len() - 2).0;
