//! Data quality: every cell of the single main table by what its row asks of it and by how it stands up to that.
//!
//! What rows ask is the table of conditions of the specification; results are the five of the national table. Which forms of an
//! identifier, a postcode or a number pass is Folkmoot's own and is spelt out here a second time.

use super::clean::{date, hundredths, listed, nhs_number};
use super::joined::Joined;
use super::lists::{self, INVALID, Value};
use super::read::Row;
use super::table::{Table, words};
use super::{Question, age};

/// How a field's cells are judged.
#[derive(Clone, Copy)]
enum Form {
    Council,
    List(&'static [Value]),
    Event,
    Day,
    Nhs,
    Practice,
    Postcode,
    Location,
    Whole,
    Money,
    Anything,
}

/// The 46 fields with their part of the specification.
const FIELDS: &[(&str, &str, Form)] = &[
    (SUBMISSION, "LA Code", Form::Council),
    (SUBMISSION, "Reporting Period Start Date", Form::Day),
    (SUBMISSION, "Reporting Period End Date", Form::Day),
    (PERSON, "NHS Number", Form::Nhs),
    (PERSON, "LA Person Unique Identifier", Form::Anything),
    (PERSON, "GP Practice Code", Form::Practice),
    (PERSON, "Gender", Form::List(lists::GENDER)),
    (PERSON, "Ethnicity", Form::List(lists::ETHNICITY)),
    (PERSON, "Date of Birth", Form::Day),
    (PERSON, "Date of Death", Form::Day),
    (PERSON, "Client Type", Form::List(lists::CLIENT_TYPE)),
    (PERSON, "Primary Support Reason", Form::List(lists::SUPPORT_REASON)),
    (PERSON, "Postcode", Form::Postcode),
    (PERSON, "Accommodation Status", Form::List(lists::ACCOMMODATION)),
    (PERSON, "Employment Status", Form::List(lists::EMPLOYMENT)),
    (PERSON, "Has Unpaid Carer", Form::List(lists::YES_NO)),
    (PERSON, "Autism Spectrum Disorder (ASD)", Form::List(lists::YES_NO)),
    (PERSON, "Visual Impairment", Form::List(VISUAL)),
    (PERSON, "Hearing Impairment", Form::List(HEARING)),
    (PERSON, "Dementia", Form::List(lists::YES_NO)),
    (PERSON, "Client Funding Status", Form::List(lists::FUNDING)),
    (EVENTS, "Event Type", Form::Event),
    (EVENTS, "Event Reference", Form::Anything),
    (EVENTS, "Event Start Date", Form::Day),
    (EVENTS, "Event End Date", Form::Day),
    (EVENTS, "Event Description", Form::Anything),
    (EVENTS, "Event Outcome", Form::List(lists::OUTCOME)),
    ("Events (requests only)", "Request: Route of Access", Form::List(lists::ROUTE)),
    (ASSESSMENTS, "Assessment Type", Form::List(lists::ASSESSMENT_TYPE)),
    (ASSESSMENTS, "Eligible Needs Identified", Form::List(lists::YES_NO)),
    (ASSESSMENTS, "Method of Assessment", Form::List(lists::METHOD)),
    (CARERS, "Total Hrs Caring per week", Form::Anything),
    (CARERS, "No. of adults being cared for", Form::Whole),
    (CARERS, "Adult 1 Linked Person_ID", Form::Anything),
    (CARERS, "Adult 2 Linked Person_ID", Form::Anything),
    (CARERS, "Adult 3 Linked Person_ID", Form::Anything),
    (SERVICES, "Service Type", Form::List(lists::SERVICE_TYPE)),
    (SERVICES, "Service Component", Form::List(lists::COMPONENT)),
    (SERVICES, "Delivery Mechanism", Form::List(lists::MECHANISM)),
    (SERVICES, "Provider CQC Location ID", Form::Location),
    (REVIEWS, "Review Reason", Form::List(lists::REVIEW_REASON)),
    (REVIEWS, "Review Outcomes Achieved", Form::List(lists::OUTCOMES_ACHIEVED)),
    (REVIEWS, "Method of Review", Form::List(lists::METHOD)),
    (COSTS, "Unit Cost", Form::Money),
    (COSTS, "Cost Frequency (Unit Type)", Form::List(lists::FREQUENCY)),
    (COSTS, "Planned units per week", Form::Money),
];

const SUBMISSION: &str = "Submission information";
const PERSON: &str = "Person details";
const EVENTS: &str = "Events (all)";
const ASSESSMENTS: &str = "Events (assessments only)";
const CARERS: &str = "Carers and linked service users";
const SERVICES: &str = "Events (services only)";
const REVIEWS: &str = "Events (reviews only)";
const COSTS: &str = "Costs (services only)";

const VISUAL: &[Value] = &[
    ("Blind or severely sight impaired", &["Blind/severely sight impaired"]),
    ("Partial sight or sight impaired", &["Partial sight/sight impaired"]),
    ("No visual impairment", &[]),
    ("Visual impairment: Severity unknown", &["Visual impairment - severity unknown"]),
    ("Unknown", &[]),
];
const HEARING: &[Value] = &[
    ("Deaf with speech", &[]),
    ("Deaf without speech", &[]),
    ("Hard of hearing", &[]),
    ("No hearing impairment", &[]),
    ("Hearing impairment: Severity unknown", &["Hearing impairment - severity unknown"]),
    ("Unknown", &[]),
];
/// Release 1 texts that no release 2 value stands for.
const RELEASE_1_ALONE: [&str; 2] = ["financial assessment", "self-funder metering only"];

const MANDATORY: &str = "Mandatory";
const APPLICABLE: &str = "Applicable but not mandatory";
const NOT: &str = "Not applicable";
const UNDETERMINED: &str = "Undetermined";

const VALID: &str = "Passed: Valid";
const BLANK: &str = "Passed: Blank (Not Mandatory)";
const MISSING: &str = "Failed: Blank (Mandatory)";
const WRONG: &str = "Failed: Invalid";
const OLD: &str = "Failed: Release 1";

/// The fields' headers, in the order of [`Row::cells`].
pub(super) fn headers() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|(_, header, _)| *header)
}

fn cell<'a>(row: &'a Row, header: &str) -> &'a str {
    let place = headers().position(|known| known == header).expect("one of the 46");
    &row.cells[place]
}

fn financial(row: &Row) -> bool {
    cell(row, "Assessment Type").eq_ignore_ascii_case("financial assessment")
}

/// What a row asks of a field.
fn asked(row: &Row, header: &str) -> &'static str {
    let kind = row.event_type.as_str();
    let known_kind = ["Request", "Assessment", "Service", "Review"].contains(&kind);
    let client = row.client_type.as_str();
    let associated = client == "Unpaid carer known by association";
    let unknown_client = client.is_empty() || client == INVALID;
    let user = client == "Service user";
    let of_kind = |wanted: &str, status: &'static str| match () {
        () if associated => NOT,
        () if !known_kind => UNDETERMINED,
        () if kind == wanted => status,
        () => NOT,
    };
    // A row of somebody known by association has no event.
    let of_event = |status: &'static str| if associated { NOT } else { status };
    let if_it = |must: bool| if must { MANDATORY } else { APPLICABLE };
    match header {
        "Primary Support Reason" => if_it(associated || kind != "Request"),
        "Employment Status" => {
            let end = date(cell(row, "Reporting Period End Date")).unwrap_or(row.received);
            let working = row.birth.is_some_and(|birth| (18..=64).contains(&age(birth.first_of_month(), end)));
            if_it(user && working && row.reason == "Learning disability support")
        }
        "Autism Spectrum Disorder (ASD)" | "Visual Impairment" | "Hearing Impairment" | "Dementia" => match () {
            () if unknown_client => UNDETERMINED,
            () if user => APPLICABLE,
            () => NOT,
        },
        "Client Funding Status" => match () {
            () if unknown_client => UNDETERMINED,
            () if user => if_it(kind == "Service" || kind == "Review" || financial(row)),
            () => NOT,
        },
        "Event Type" | "Event Start Date" => of_event(MANDATORY),
        "Event Reference" | "Event Description" => of_event(APPLICABLE),
        "Event End Date" => of_event(match () {
            () if !known_kind => UNDETERMINED,
            () => if_it(kind != "Service" || !cell(row, "Date of Death").is_empty()),
        }),
        "Event Outcome" => of_event(if known_kind { if_it(!financial(row)) } else { UNDETERMINED }),
        "Request: Route of Access" => of_kind("Request", MANDATORY),
        "Assessment Type" => of_kind("Assessment", MANDATORY),
        "Eligible Needs Identified" => of_kind("Assessment", APPLICABLE),
        "Method of Assessment" => of_kind("Assessment", if_it(!financial(row))),
        "Total Hrs Caring per week"
        | "No. of adults being cared for"
        | "Adult 1 Linked Person_ID"
        | "Adult 2 Linked Person_ID"
        | "Adult 3 Linked Person_ID" => match () {
            () if unknown_client => UNDETERMINED,
            () if user => NOT,
            () => APPLICABLE,
        },
        "Service Type" | "Service Component" => of_kind("Service", MANDATORY),
        "Delivery Mechanism" | "Provider CQC Location ID" => of_kind("Service", APPLICABLE),
        "Unit Cost" | "Cost Frequency (Unit Type)" | "Planned units per week" => {
            let costly = row.service_type.starts_with("Long term support")
                || row.service_type.starts_with("Unpaid carer support")
                || ["Short term residential care", "Short term nursing care", "Unpaid carer respite"]
                    .contains(&row.component.as_str());
            of_kind("Service", if_it(costly && row.mechanism != "CASSR commissioned support"))
        }
        "Review Reason" | "Method of Review" => of_kind("Review", MANDATORY),
        "Review Outcomes Achieved" => of_kind("Review", if_it(row.review_reason == "Planned")),
        "GP Practice Code" | "Date of Death" => APPLICABLE,
        _ => MANDATORY,
    }
}

/// A cell that is not blank, judged by its form alone.
fn judged(text: &str, form: Form, council: &str) -> &'static str {
    let pass = |passes: bool| if passes { VALID } else { WRONG };
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match form {
        Form::Anything => VALID,
        Form::Council => pass(text == council),
        Form::List(values) => in_list(text, values),
        Form::Event => {
            let kinds = ["Request", "Assessment", "Service", "Review"];
            // Another word that holds one of the kinds is understood, and still not what was asked for.
            pass(kinds.iter().any(|kind| kind.eq_ignore_ascii_case(text)))
        }
        Form::Day => pass(date(text).is_some_and(|day| day > jiff::civil::date(1900, 1, 1))),
        Form::Nhs => pass(!nhs_number(text).is_empty()),
        Form::Practice => {
            let rest = text.strip_prefix(|c: char| c.is_ascii_alphabetic());
            pass(text.len() == 6 && rest.is_some_and(digits))
        }
        Form::Postcode => pass(is_postcode(text)),
        Form::Location => pass(
            (3..=20).contains(&text.len())
                && text.contains(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
        ),
        Form::Whole => pass(hundredths(text).is_some_and(|number| number >= 0 && number % 100 == 0)),
        Form::Money => pass(hundredths(text).is_some_and(|pence| pence >= 0)),
    }
}

fn in_list(text: &str, values: &[Value]) -> &'static str {
    let same = |known: &str| known.to_lowercase() == text.to_lowercase();
    if values.iter().any(|(new, _)| *new != lists::RELEASE_1_ONLY && same(new)) {
        VALID
    } else if values.iter().any(|(_, old)| old.iter().any(|old| same(old)))
        || (RELEASE_1_ALONE.iter().any(|old| same(old)) && listed(text, values) == INVALID)
    {
        OLD
    } else {
        WRONG
    }
}

fn is_postcode(text: &str) -> bool {
    let text: String = text.to_ascii_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
    if text.len() < 5 || text.len() > 7 || !text.chars().all(|c| c.is_ascii_alphanumeric()) {
        return false;
    }
    let (outward, inward) = text.split_at(text.len() - 3);
    let shape = |part: &str| -> String { part.chars().map(|c| if c.is_ascii_digit() { '9' } else { 'A' }).collect() };
    if outward == "ZZ99" {
        return shape(inward) == "9AA";
    }
    let known = ["A9", "A99", "AA9", "AA99", "A9A", "AA9A"].contains(&shape(outward).as_str()) || outward == "GIR";
    known && shape(inward) == "9AA" && !inward.contains(|c| "CIKMOV".contains(c))
}

/// Every cell of the records of the period.
pub(super) fn table(single: Option<&Joined>, question: &Question) -> Table {
    let mut units = Vec::new();
    let council = single.map_or("", |table| table.council.as_str());
    for row in single.map(|table| table.rows.as_slice()).unwrap_or_default() {
        let service = row.event_type == "Service";
        let begun = row.start.is_some_and(|start| start <= question.to);
        let of_period = row.end.map_or(service, |end| end >= question.from && (service || end <= question.to));
        if !begun || !of_period {
            continue;
        }
        let kind = match row.event_type.as_str() {
            kind @ ("Request" | "Assessment" | "Service" | "Review") => kind,
            _ => "Other",
        };
        for ((part, header, form), text) in FIELDS.iter().zip(&row.cells) {
            let status = asked(row, header);
            let result = match text.as_str() {
                "" if status == MANDATORY => MISSING,
                "" => BLANK,
                text => judged(text, *form, council),
            };
            units.push((words(&[part, header, status, result, kind]), 1));
        }
    }
    let mut parts: Vec<&str> = Vec::new();
    for (part, _, _) in FIELDS {
        if parts.last() != Some(part) {
            parts.push(part);
        }
    }
    Table {
        dimensions: vec![
            ("module", words(&parts)),
            ("field", headers().map(str::to_owned).collect()),
            ("status", words(&[MANDATORY, APPLICABLE, NOT, UNDETERMINED])),
            ("result", words(&[VALID, BLANK, MISSING, WRONG, OLD])),
            ("event_type", words(&["Request", "Assessment", "Service", "Review", "Other"])),
        ],
        units,
        own: &["field", "status", "result"],
        totals: &[&["status"], &["status", "result"], &["module", "field", "status", "result", "event_type"]],
    }
}
