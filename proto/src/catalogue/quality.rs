//! Data quality: how many cells are valid, invalid, of release 1 or blank, by field and by what rows ask of them.

use super::{Asked, Bound, Categories, Dimension, Kind, Measure, Setting, Sum, Table, Unit, Values, Window};

/// The parts of the specification, in its order.
pub const MODULES: &[&str] = &[
    "Submission information",
    "Person details",
    "Events (all)",
    "Events (requests only)",
    "Events (assessments only)",
    "Carers and linked service users",
    "Events (services only)",
    "Events (reviews only)",
    "Costs (services only)",
];

/// How many fields the national data-quality table has.
pub const FIELD_COUNT: usize = 46;

/// The fields of the national data-quality table, in the specification's order.
pub const FIELDS: &[&str] = &headers();

/// Each field with the place of its part in [`MODULES`].
const LISTED: [(usize, &str); FIELD_COUNT] = [
    (0, "LA Code"),
    (0, "Reporting Period Start Date"),
    (0, "Reporting Period End Date"),
    (1, "NHS Number"),
    (1, "LA Person Unique Identifier"),
    (1, "GP Practice Code"),
    (1, "Gender"),
    (1, "Ethnicity"),
    (1, "Date of Birth"),
    (1, "Date of Death"),
    (1, "Client Type"),
    (1, "Primary Support Reason"),
    (1, "Postcode"),
    (1, "Accommodation Status"),
    (1, "Employment Status"),
    (1, "Has Unpaid Carer"),
    (1, "Autism Spectrum Disorder (ASD)"),
    (1, "Visual Impairment"),
    (1, "Hearing Impairment"),
    (1, "Dementia"),
    (1, "Client Funding Status"),
    (2, "Event Type"),
    (2, "Event Reference"),
    (2, "Event Start Date"),
    (2, "Event End Date"),
    (2, "Event Description"),
    (2, "Event Outcome"),
    (3, "Request: Route of Access"),
    (4, "Assessment Type"),
    (4, "Eligible Needs Identified"),
    (4, "Method of Assessment"),
    (5, "Total Hrs Caring per week"),
    (5, "No. of adults being cared for"),
    (5, "Adult 1 Linked Person_ID"),
    (5, "Adult 2 Linked Person_ID"),
    (5, "Adult 3 Linked Person_ID"),
    (6, "Service Type"),
    (6, "Service Component"),
    (6, "Delivery Mechanism"),
    (6, "Provider CQC Location ID"),
    (7, "Review Reason"),
    (7, "Review Outcomes Achieved"),
    (7, "Method of Review"),
    (8, "Unit Cost"),
    (8, "Cost Frequency (Unit Type)"),
    (8, "Planned units per week"),
];

const fn headers() -> [&'static str; FIELD_COUNT] {
    let mut headers = [""; FIELD_COUNT];
    let mut place = 0;
    while place < FIELD_COUNT {
        headers[place] = LISTED[place].1;
        place += 1;
    }
    headers
}

/// Place in [`MODULES`] of the part that a field belongs to.
///
/// # Panics
/// When `field` is not below [`FIELD_COUNT`].
pub const fn module_of(field: usize) -> usize {
    LISTED[field].0
}

/// What rows ask of a cell (national status codes 2, 1, 0, -1).
pub const STATUSES: &[&str] = &["Mandatory", "Applicable but not mandatory", "Not applicable", "Undetermined"];

/// How cells stand up to it (national result codes 1, 0, -1, -2 to -6, -7).
pub const RESULTS: &[&str] = &[
    "Passed: Valid",
    "Passed: Blank (Not Mandatory)",
    "Failed: Blank (Mandatory)",
    "Failed: Invalid",
    "Failed: Release 1",
];

const DIMENSIONS: &[Dimension] = &[
    Dimension { name: "module", title: "Part of the specification", categories: Categories::List(MODULES) },
    Dimension { name: "field", title: "Field", categories: Categories::List(FIELDS) },
    Dimension { name: "status", title: "What the row asks", categories: Categories::List(STATUSES) },
    Dimension { name: "result", title: "Result", categories: Categories::List(RESULTS) },
    Dimension {
        name: "event_type",
        title: "Event type of the row",
        categories: Categories::List(&["Request", "Assessment", "Service", "Review", "Other"]),
    },
];

pub(super) const MEASURES: &[Measure] = &[Measure {
    id: "DATA-QUALITY",
    version: 1,
    title: "Data quality of submitted records, by field",
    text: "Cells of the national data-quality table: for every event of the main table that belongs to the period, one \
           cell for each of its 46 fields, by what the row asks of the field (mandatory, applicable but not mandatory, \
           not applicable, undetermined) and by the result (valid, blank where that is allowed, blank where a value is \
           mandatory, invalid, a value of release 1). No value of any cell is read. The table is the latest single \
           submission of twelve months after de-duplication, as nationally: repeated rows count once, and rows without \
           an event, without a person or outside the period not at all, so a file's own figures (folkmoot-node quality), \
           which are about every accepted row, can be higher. An event other than a service belongs to the period in \
           which it ended, a service to every period in which it ran. A link to somebody who was erased counts as \
           blank. A private answer takes at most max_events events of a person, those with the latest start (of equal \
           ones, with the latest end, then those nearest the top of the file), whole: all of an event's cells or none. \
           Filters apply after that choice.",
    unit: Unit::Cells,
    kind: Kind::Count,
    dimensions: DIMENSIONS,
    default_by: &["field", "status", "result"],
    max_by: 4,
    totals: &[Sum::Over(&["status"]), Sum::Over(&["status", "result"]), Sum::All],
    window: Window::Period,
    table: Table::SingleWithCodes,
    options: &[Setting {
        name: "max_events",
        title: "Events of one person that may count in a private answer",
        values: Values::Integer { least: 1, most: 50, default: 4 },
    }],
    bound,
    bound_reason: "Every event changes one cell of each of the 46 fields by one, and the number of a person's events has \
                   no limit of its own; at most max_events count in a private answer, so a person changes at most 46 \
                   times max_events. With figures by field, all of a person's events can fall into one cell of each \
                   field and no more; by part of the specification, the cells of its largest part add up (18 fields); \
                   without either, all 46. Filters on fields or parts lower the bound to the fields they keep. Without \
                   noise all events count.",
    source: "DataS-DHSC/ASC-CLD-LA-Dashboard, create_GetDQValues_procedure.sql and 8.DQ_Values_table.sql, June 2026; \
             conditions of February and May 2024; values left out",
}];

fn bound(asked: &Asked<'_>) -> Bound {
    let events = u64::try_from(asked.settings.number("max_events")).unwrap_or(1);
    let mut by_module = [0_u64; MODULES.len()];
    for field in 0..FIELD_COUNT {
        if asked.keeps("field", field) && asked.keeps("module", module_of(field)) {
            by_module[module_of(field)] += 1;
        }
    }
    // Filters that contradict each other keep nothing; the bound of one cell is then generous, and never nought.
    let fields = by_module.iter().sum::<u64>().max(1);
    let together = match (asked.is_by("field"), asked.is_by("module")) {
        (true, _) => 1,
        (false, true) => by_module.iter().copied().max().unwrap_or(0).max(1),
        (false, false) => fields,
    };
    Bound {
        contributions: u32::try_from(events * fields).unwrap_or(u32::MAX),
        amount: 1,
        total: events * fields,
        per_cell: events * together,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::Profile;
    use crate::period::{Day, ReferencePeriod};
    use crate::query::{DataRule, Filter, Query, Release};

    fn asked(by: &[&str], filters: &[(&str, &[&str])], events: &str) -> Bound {
        let by: Vec<String> = by.iter().map(|&name| name.to_owned()).collect();
        let filters: Vec<Filter> = filters
            .iter()
            .map(|(dimension, kept)| Filter {
                dimension: (*dimension).to_owned(),
                categories: kept.iter().map(|&label| label.to_owned()).collect(),
            })
            .collect();
        let day = Day::from_ymd(2025, 3, 31).expect("a day");
        let settings = [("max_events".to_owned(), events.to_owned())];
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let period = ReferencePeriod::day(day);
        let query = Query::new("data quality", period, Some(&by), &filters, &settings, DataRule::default(), release);
        query.expect("a valid question").bound()
    }

    #[test]
    fn the_bound_is_46_times_the_events_and_follows_breakdown_and_filters() {
        let by_field = asked(&["field", "status", "result"], &[], "4");
        assert_eq!((by_field.l1(), by_field.per_cell, by_field.l2_squared()), (184, 4, 46 * 16));
        let total = asked(&[], &[], "4");
        assert_eq!((total.l1(), total.per_cell, total.l2_squared()), (184, 184, 184 * 184));
        let by_module = asked(&["module"], &[], "2");
        assert_eq!((by_module.l1(), by_module.per_cell), (92, 36), "18 fields of person details");
        let two = asked(&["result"], &[("field", &["NHS Number", "Unit Cost"])], "1");
        assert_eq!((two.contributions, two.l1(), two.per_cell), (2, 2, 2));
        let costs = asked(&["field"], &[("module", &["Costs (services only)"])], "50");
        assert_eq!((costs.l1(), costs.per_cell), (150, 50));
        let nothing = asked(&[], &[("module", &["Costs (services only)"]), ("field", &["Gender"])], "1");
        assert_eq!((nothing.l1(), nothing.per_cell), (1, 1));
    }

    #[test]
    fn the_parts_hold_as_many_fields_as_nationally() {
        let mut parts = [0; MODULES.len()];
        (0..FIELD_COUNT).for_each(|field| parts[module_of(field)] += 1);
        assert_eq!(parts, [3, 18, 6, 1, 3, 5, 4, 3, 3]);
    }
}
