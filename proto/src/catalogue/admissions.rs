//! ASCOF 2B and 2C: new admissions to residential and nursing care.

use super::dimensions::age_band;
use super::{Bound, Dimension, Kind, Measure, OFFICIAL_OR_DOCUMENTED, Population, Table, Unit, Window};

pub(super) const MEASURES: &[Measure] = &[
    admissions(
        "ASCOF-2B",
        "New admissions of people aged 18 to 64 to residential and nursing care, per 100,000",
        Population::WorkingAge,
        &[age_band(&["18 to 64"])],
        "People aged 18 to 64 whose long-term residential or nursing care began in the period and who had had none in the \
         365 days before, per 100,000 residents of that age. The age is that at admission; somebody newly admitted in \
         both age groups counts here and not in 2C. Admissions that people pay for themselves are left out, but count as \
         earlier care. Services whose component is blank are left out as well, because the published code loses them; \
         the documented variant takes them in, as the published script announces. Temporary and permanent stays cannot \
         be told apart, and a council with a short history shows too many admissions.",
    ),
    admissions(
        "ASCOF-2C",
        "New admissions of people aged 65 and over to residential and nursing care, per 100,000",
        Population::Older,
        &[age_band(&["65 and above"])],
        "People aged 65 and over whose long-term residential or nursing care began in the period and who had had none in \
         the 365 days before, per 100,000 residents of that age. The age is that at admission; somebody newly admitted \
         at 64 and again at 65 counts in 2B alone. Admissions that people pay for themselves are left out, but count as \
         earlier care. Services whose component is blank are left out as well, because the published code loses them; \
         the documented variant takes them in, as the published script announces. Temporary and permanent stays cannot \
         be told apart, and a council with a short history shows too many admissions.",
    ),
];

const fn admissions(
    id: &'static str,
    title: &'static str,
    population: Population,
    dimensions: &'static [Dimension],
    text: &'static str,
) -> Measure {
    Measure {
        id,
        version: 1,
        title,
        text,
        unit: Unit::People,
        kind: Kind::Rate(population),
        dimensions,
        default_by: &["age_band"],
        max_by: 1,
        totals: &[],
        window: Window::Period,
        table: Table::Joined,
        options: &[OFFICIAL_OR_DOCUMENTED],
        bound: |_| Bound::ONE,
        bound_reason: "A person counts at most once, in one of the two age groups, so one cell changes by one.",
        source: "DataS-DHSC/ASC-CLD-LA-Dashboard, ASCOF_measures/Create_ASCOF_2B2C_2425_Onwards.sql, June 2026",
    }
}
