//! The closed lists as tables: raw text to release 2 value, from `codelists/*.csv`.
//!
//! A cell is matched in steps, the first that fits wins: exactly a release 2 value; one but for capitals; a release 1
//! text; either list once both are [folded](super::fold::fold); a local alias; else it is invalid and not mapped.

use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;

use folkmoot_proto::codelist::{
    Accommodation, AssessmentType, ClientType, CodeList, Coded, Component, CostFrequency, Employment, Ethnicity,
    EventType, Funding, Gender, HearingImpairment, INVALID, Mechanism, Method, Outcome, ReviewOutcome, ReviewReason,
    Route, ServiceType, SupportReason, VisualImpairment, YesNo,
};
use sha2::{Digest, Sha256};

use super::fold::{fold, tidy};
use super::verdict::Verdict;

/// A coded cell in one byte, as the store keeps it: 0 blank, 1 invalid, then the list's values from 2.
pub type Code = u8;
/// [`Coded::Blank`].
pub const CODE_BLANK: Code = 0;
/// [`Coded::Invalid`].
pub const CODE_INVALID: Code = 1;
const FIRST: usize = 2;

/// The byte of a coded cell.
pub fn encode<T: CodeList>(coded: Coded<T>) -> Code {
    match coded {
        Coded::Blank => CODE_BLANK,
        Coded::Invalid => CODE_INVALID,
        Coded::Value(value) => (value.index() + FIRST) as Code,
    }
}

/// The cell of a byte. A byte that no value has is read as invalid: it can only come from a newer list.
pub fn decode<T: CodeList>(code: Code) -> Coded<T> {
    match code {
        CODE_BLANK => Coded::Blank,
        CODE_INVALID => Coded::Invalid,
        code => T::ALL.get(usize::from(code) - FIRST).map_or(Coded::Invalid, |value| Coded::Value(*value)),
    }
}

/// Which list a column's cells come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum List {
    EventType,
    ClientType,
    Gender,
    Ethnicity,
    Accommodation,
    Employment,
    YesNo,
    VisualImpairment,
    HearingImpairment,
    Funding,
    SupportReason,
    Route,
    AssessmentType,
    Method,
    Outcome,
    ServiceType,
    Component,
    Mechanism,
    ReviewReason,
    ReviewOutcome,
    CostFrequency,
}

macro_rules! lists {
    ($($variant:ident => $file:literal),+ $(,)?) => {
        impl List {
            /// Every list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The list's machine name: also the name of its file and its `field` in an alias file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => <$variant as CodeList>::NAME),+ }
            }

            /// The release 2 labels, in the order of the codes.
            pub fn labels(self) -> Vec<&'static str> {
                match self { $(Self::$variant => <$variant as CodeList>::ALL.iter().map(|value| value.label()).collect()),+ }
            }

            fn data(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../../codelists/", $file, ".csv"))),+ }
            }
        }
    };
}
lists! {
    EventType => "event_type",
    ClientType => "client_type",
    Gender => "gender",
    Ethnicity => "ethnicity",
    Accommodation => "accommodation",
    Employment => "employment",
    YesNo => "yes_no",
    VisualImpairment => "visual_impairment",
    HearingImpairment => "hearing_impairment",
    Funding => "client_funding",
    SupportReason => "support_reason",
    Route => "route_of_access",
    AssessmentType => "assessment_type",
    Method => "method",
    Outcome => "event_outcome",
    ServiceType => "service_type",
    Component => "service_component",
    Mechanism => "delivery_mechanism",
    ReviewReason => "review_reason",
    ReviewOutcome => "review_outcomes_achieved",
    CostFrequency => "cost_frequency",
}

impl List {
    /// The release 2 label of a code; the national text for invalid; nothing for blank.
    pub fn label(self, code: Code) -> &'static str {
        match code {
            CODE_BLANK => "",
            CODE_INVALID => INVALID,
            code => self.labels().get(usize::from(code) - FIRST).copied().unwrap_or(INVALID),
        }
    }

    fn code(self, label: &str) -> Option<Code> {
        if label == INVALID {
            return Some(CODE_INVALID);
        }
        self.labels().iter().position(|held| *held == label).map(|index| (index + FIRST) as Code)
    }

    fn table(self) -> &'static Table {
        static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
        &TABLES.get_or_init(|| List::ALL.iter().map(|list| Table::load(*list)).collect())[self as usize]
    }

    /// Matches a cell that is not blank. `aliases` are tried last.
    pub fn find(self, raw: &str, aliases: &Aliases) -> Match {
        let text = tidy(raw);
        if self == Self::EventType {
            return event_type(&text);
        }
        let table = self.table();
        if let Some(code) = table.exact.get(text.as_ref()) {
            return Match { code: *code, verdict: Verdict::Valid };
        }
        let lower = text.to_lowercase();
        if let Some((code, verdict)) = table.caseless.get(&lower) {
            return Match { code: *code, verdict: *verdict };
        }
        if let Some(code) = table.folded.get(&fold(&text)) {
            return Match { code: *code, verdict: Verdict::Variant };
        }
        if let Some(code) = aliases.held.get(&(self.name(), lower)) {
            return Match { code: *code, verdict: Verdict::Alias };
        }
        Match { code: CODE_INVALID, verdict: Verdict::NotListed }
    }
}

/// What a cell of a list field was found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// The release 2 value.
    pub code: Code,
    /// How it was found.
    pub verdict: Verdict,
}

/// Event types are told by what they contain, without case; the first of service, request, referral, assessment,
/// review wins. Other text stays, as invalid: the row is then an event of no recognised type.
fn event_type(text: &str) -> Match {
    if let Some(value) = EventType::from_label(text) {
        return Match { code: encode(Coded::Value(value)), verdict: Verdict::Valid };
    }
    let lower = text.to_lowercase();
    let marks = [
        ("service", EventType::Service),
        ("request", EventType::Request),
        ("referral", EventType::Request),
        ("assessment", EventType::Assessment),
        ("review", EventType::Review),
    ];
    match marks.iter().find(|(mark, _)| lower.contains(mark)) {
        Some((_, value)) => Match {
            code: encode(Coded::Value(*value)),
            // The old name of a request is understood, but it is not in the list.
            verdict: if value.label().to_lowercase() == lower { Verdict::Case } else { Verdict::Variant },
        },
        None => Match { code: CODE_INVALID, verdict: Verdict::NotListed },
    }
}

struct Table {
    exact: HashMap<String, Code>,
    caseless: HashMap<String, (Code, Verdict)>,
    folded: HashMap<String, Code>,
}

impl Table {
    /// Reads a list's file. Its form is checked by the tests, so a fault in it never reaches a council.
    fn load(list: List) -> Self {
        let (mut exact, mut caseless, mut folded) = (HashMap::new(), HashMap::new(), HashMap::new());
        let entries = entries(list);
        for (text, code) in entries.iter().filter(|e| e.release == "2").map(|e| (&e.text, e.code)) {
            exact.insert(text.clone(), code);
            caseless.insert(text.to_lowercase(), (code, Verdict::Case));
            folded.insert(fold(text), code);
        }
        for (text, code) in entries.iter().filter(|e| e.release == "1").map(|e| (&e.text, e.code)) {
            let verdict = if list.is_counterpart(code) { Verdict::Release1 } else { Verdict::Release1Only };
            caseless.entry(tidy(text).to_lowercase()).or_insert((code, verdict));
            folded.entry(fold(text)).or_insert(code);
        }
        Self { exact, caseless, folded }
    }
}

impl List {
    /// True when the code is a value of release 2 that a council may submit.
    fn is_counterpart(self, code: Code) -> bool {
        code != CODE_INVALID && self.label(code) != Outcome::ReleaseOneOnly.label()
    }
}

struct Entry {
    text: String,
    release: String,
    code: Code,
    #[cfg_attr(not(test), allow(dead_code))]
    group: String,
}

fn entries(list: List) -> Vec<Entry> {
    let mut reader = csv::Reader::from_reader(list.data().as_bytes());
    let rows = reader.records().map(|record| {
        let record = record.expect("the list files are part of this program and tested");
        let cell = |index: usize| record.get(index).unwrap_or_default().to_owned();
        let code = list.code(&cell(2)).expect("every value of a list file is in the list, as tested");
        Entry { text: cell(0), release: cell(1), code, group: cell(3) }
    });
    rows.collect()
}

/// Texts of a council's own that stand for release 2 values.
///
/// Shape: a CSV file with the columns `field`, `value`, `release 2 value`, where `field` is a list's machine name.
#[derive(Clone, Debug)]
pub struct Aliases {
    held: HashMap<(&'static str, String), Code>,
    digest: [u8; 32],
}

/// Why an alias file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// Not a readable CSV file.
    #[error("the alias file is not a CSV file with the columns field, value, release 2 value")]
    Csv(#[source] csv::Error),
    /// A wrong number of columns in the header or other names.
    #[error("the alias file must begin with the line: field,value,release 2 value")]
    Header,
    /// Names a field that has no list.
    #[error("line {line} of the alias file: there is no list called `{field}`; the lists are {known}")]
    Field {
        /// Line of the file.
        line: u64,
        /// The text found.
        field: String,
        /// The lists there are.
        known: String,
    },
    /// Maps to something that is not a release 2 value.
    #[error("line {line} of the alias file: `{value}` is not a release 2 value of {field}")]
    Value {
        /// Line of the file.
        line: u64,
        /// The list.
        field: &'static str,
        /// The text found.
        value: String,
    },
    /// Says again, differently, what an earlier line said.
    #[error("line {line} of the alias file gives a second meaning to a value of {field}")]
    Twice {
        /// Line of the file.
        line: u64,
        /// The list.
        field: &'static str,
    },
}

const BUILT_IN: &str = include_str!("../../codelists/aliases.csv");

impl Default for Aliases {
    fn default() -> Self {
        Self::empty_with(BUILT_IN.as_bytes()).expect("the built-in alias file is tested")
    }
}

impl Aliases {
    /// The built-in example and the aliases of a council's file.
    ///
    /// # Errors
    /// [`AliasError`] names the line and what is wrong with it.
    pub fn load(file: impl Read) -> Result<Self, AliasError> {
        let mut aliases = Self::default();
        aliases.add(file)?;
        Ok(aliases)
    }

    fn empty_with(file: impl Read) -> Result<Self, AliasError> {
        let mut aliases = Self { held: HashMap::new(), digest: [0; 32] };
        aliases.add(file)?;
        Ok(aliases)
    }

    fn add(&mut self, file: impl Read) -> Result<(), AliasError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let header: Vec<String> =
            reader.headers().map_err(AliasError::Csv)?.iter().map(super::fold::fold_header).collect();
        if header != ["field", "value", "release2value"] {
            return Err(AliasError::Header);
        }
        for record in reader.records() {
            let record = record.map_err(AliasError::Csv)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |index: usize| record.get(index).unwrap_or_default();
            let list = List::ALL.iter().find(|list| list.name() == cell(0).to_lowercase()).ok_or_else(|| {
                let known = List::ALL.iter().map(|list| list.name()).collect::<Vec<_>>().join(", ");
                AliasError::Field { line, field: cell(0).to_owned(), known }
            })?;
            let code = list
                .code(cell(2))
                .filter(|code| list.is_counterpart(*code))
                .ok_or_else(|| AliasError::Value { line, field: list.name(), value: cell(2).to_owned() })?;
            let key = (list.name(), tidy(cell(1)).to_lowercase());
            if self.held.insert(key, code).is_some_and(|before| before != code) {
                return Err(AliasError::Twice { line, field: list.name() });
            }
        }
        let mut all: Vec<_> = self.held.iter().collect();
        all.sort();
        let mut hash = Sha256::new();
        for ((field, text), code) in all {
            hash.update(format!("{field}\0{text}\0{code}\n"));
        }
        self.digest = hash.finalize().into();
        Ok(())
    }

    /// Tells one set of aliases from another.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
