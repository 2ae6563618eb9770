//! A CSV file as rows of cleaned text and dates.

use jiff::civil::Date;

use super::clean::{date, event_type, filled, hundredths, listed, nhs_number, raw_key};
use super::{Error, lists, quality};

/// One row: text is empty for nothing, lists hold release 2 texts or `Invalid and not mapped`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // each field is the column of the same name unless it says more
pub struct Row {
    /// Order over all files: the later received, the larger; then the row in its file.
    pub record: usize,
    /// The identity within the council: the NHS number, else code and council id; empty for neither.
    pub person: String,
    pub council_id: String,
    pub gender: String,
    pub ethnicity: String,
    pub birth: Option<Date>,
    pub death: Option<Date>,
    pub client_type: String,
    pub reason: String,
    pub accommodation: String,
    pub employment: String,
    pub has_carer: String,
    pub funding: String,
    /// One of the four kinds, other text in small letters, or empty.
    pub event_type: String,
    pub start: Option<Date>,
    /// As in the file.
    pub raw_end: Option<Date>,
    /// Corrected by the date of death, later cropped.
    pub end: Option<Date>,
    pub conversation: bool,
    pub outcome: String,
    pub route: String,
    pub assessment_type: String,
    pub linked: Vec<String>,
    pub service_type: String,
    pub component: String,
    pub mechanism: String,
    pub eligible_needs: String,
    pub assessment_method: String,
    pub review_reason: String,
    pub outcomes_achieved: String,
    pub review_method: String,
    /// In pence, with the sign of the file.
    pub unit_cost: Option<i64>,
    pub frequency: String,
    /// In hundredths, with the sign of the file.
    pub units: Option<i64>,
    /// Client type, route, assessment type, service type and component as in the file, tidied, in small letters.
    pub raw: [String; 5],
    /// The cells of the 46 fields of data quality, tidied, in their order.
    pub cells: Vec<String>,
    /// When the row's file was received.
    pub received: Date,
    /// First and last day of what the row's file stands for, set when files are joined.
    pub reference: Option<(Date, Date)>,
}

/// One submission.
#[derive(Clone, Debug)]
pub struct File {
    /// Without the extension.
    pub name: String,
    /// The council whose folder it was in.
    pub council: String,
    /// When it was received.
    pub received: Date,
    /// Its whole rows, in file order.
    pub rows: Vec<Row>,
}

/// The date at the end of a name such as `cld_716_20260331_20260420`.
pub fn received(name: &str) -> Option<Date> {
    let (_, digits) = name.rsplit_once('_')?;
    if digits.len() != 8 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    Date::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?).ok()
}

/// Reads the bytes of one file.
pub(super) fn file(name: &str, bytes: &[u8], council: &str, received: Date) -> Result<File, Error> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut headers: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|source| Error::Csv { name: name.to_owned(), source })?;
        let cells: Vec<&str> = record.iter().collect();
        if headers.is_empty() {
            headers = cells.iter().map(|cell| plain_header(cell)).collect();
            continue;
        }
        if cells.iter().all(|cell| filled(cell).is_empty()) {
            continue;
        }
        let named = headers.iter().rposition(|header| !header.is_empty()).map_or(0, |last| last + 1);
        let unnamed_blank =
            headers.iter().zip(&cells).all(|(header, cell)| !header.is_empty() || filled(cell).is_empty());
        if cells.len() < named || cells.len() > headers.len() || !unnamed_blank {
            continue;
        }
        rows.push(Row { received, ..row(&headers, &cells, council) });
    }
    Ok(File { name: name.to_owned(), council: council.to_owned(), received, rows })
}

/// Letters and digits only, small.
fn plain_header(cell: &str) -> String {
    cell.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

fn row(headers: &[String], cells: &[&str], council: &str) -> Row {
    let cell = |name: &str| {
        let name = plain_header(name);
        headers.iter().position(|header| *header == name).map_or("", |position| cells[position])
    };
    let list = |name: &str, values: &[lists::Value]| listed(cell(name), values);
    let raw = |name: &str| filled(cell(name)).to_lowercase();
    let number = nhs_number(cell("NHS Number"));
    let council_id = raw("LA Person Unique Identifier");
    let person = if !number.is_empty() {
        number
    } else if !council_id.is_empty() {
        format!("{council}_{council_id}")
    } else {
        String::new()
    };
    Row {
        record: 0,
        person,
        council_id,
        gender: list("Gender", lists::GENDER),
        ethnicity: list("Ethnicity", lists::ETHNICITY),
        birth: date(cell("Date of Birth")),
        death: date(cell("Date of Death")),
        client_type: list("Client Type", lists::CLIENT_TYPE),
        reason: list("Primary Support Reason", lists::SUPPORT_REASON),
        accommodation: list("Accommodation Status", lists::ACCOMMODATION),
        employment: list("Employment Status", lists::EMPLOYMENT),
        has_carer: list("Has Unpaid Carer", lists::YES_NO),
        funding: list("Client Funding Status", lists::FUNDING),
        event_type: event_type(cell("Event Type")),
        start: date(cell("Event Start Date")),
        raw_end: date(cell("Event End Date")),
        end: None,
        conversation: cell("Event Description").to_lowercase().contains("conversation"),
        outcome: list("Event Outcome", lists::OUTCOME),
        route: list("Request: Route of Access", lists::ROUTE),
        assessment_type: list("Assessment Type", lists::ASSESSMENT_TYPE),
        linked: (1..=3).map(|number| raw(&format!("Adult {number} Linked Person_ID"))).collect(),
        service_type: list("Service Type", lists::SERVICE_TYPE),
        component: list("Service Component", lists::COMPONENT),
        mechanism: list("Delivery Mechanism", lists::MECHANISM),
        eligible_needs: list("Eligible Needs Identified", lists::YES_NO),
        assessment_method: list("Method of Assessment", lists::METHOD),
        review_reason: list("Review Reason", lists::REVIEW_REASON),
        outcomes_achieved: list("Review Outcomes Achieved", lists::OUTCOMES_ACHIEVED),
        review_method: list("Method of Review", lists::METHOD),
        unit_cost: hundredths(cell("Unit Cost")),
        frequency: list("Cost Frequency (Unit Type)", lists::FREQUENCY),
        units: hundredths(cell("Planned units per week")),
        raw: [
            raw_key(cell("Client Type")),
            raw_key(cell("Request: Route of Access")),
            raw_key(cell("Assessment Type")),
            raw_key(cell("Service Type")),
            raw_key(cell("Service Component")),
        ],
        cells: quality::headers().map(|name| filled(cell(name))).collect(),
        received: Date::default(),
        reference: None,
    }
}
