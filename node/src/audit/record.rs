//! One entry of the audit log, as its JSON body holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// The ledger was made.
    Created,
    /// A node took the ledger into use.
    Opened,
    /// A question waits for a person.
    Held,
    /// A question was refused.
    Refused,
    /// A question was granted and its price reserved.
    Reserved,
    /// Work for a question failed before anything left; its price was given back.
    Refunded,
    /// Protected council figures left; the charge is final.
    Released,
    /// A stored release left again, at no charge.
    Repeated,
    /// Masked figures left; the charge is final.
    Masked,
    /// The list of remaining councils was signed.
    SurvivorsSigned,
    /// Shares for unmasking left: the sum can be read.
    Unmasked,
    /// A round is over.
    Closed,
    /// A person approved a held question; with two people needed, the first one.
    Approved,
    /// A person refused a held question.
    Denied,
    /// A held question or an approval that was not used became void.
    Expired,
    /// A person looked at what would leave.
    Previewed,
    /// A file was imported.
    Imported,
    /// A file was refused.
    ImportRefused,
    /// Exact local figures were shown on the council's own terminal.
    MeasuredLocally,
    /// Something was done for a person's rights: found, exported, erased or restricted.
    SubjectRequest,
    /// Records past their retention were purged.
    Retention,
    /// A national data opt-out list was loaded.
    OptOutLoaded,
    /// Policy, floor or settings changed.
    ConfigurationChanged,
    /// A national floor came into force.
    FloorTaken,
    /// A national floor was not taken: older than one that was in force here, or missing after there was one.
    FloorRefused,
    /// A backup was made, or a store restored or given another key.
    Kept,
    /// A later or other head of this chain is known elsewhere.
    Doubted,
    /// The authority countersigned a recovery.
    Recovered,
    /// The log knows the records from here on, or records that were put back were made to agree with it again.
    Reconciled,
    /// What was charged to a later budget year, by a clock that was ahead, counts in this year as well.
    Carried,
}

impl Action {
    /// The word in the log.
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// Which national floor an entry is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorMark {
    /// Name of the federation whose authority signed it.
    pub federation: String,
    /// Its version.
    pub version: u64,
    /// SHA-256 of its canonical bytes.
    pub hash: String,
}

/// One entry: who did what, for which purpose, and what came of it. Never a count, a figure or anything about a person
/// whose records are held: there is no field to put one in, and [`Record::note`] is for words of operators.
///
/// Digests and ids are hexadecimal texts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What happened.
    pub action: Action,
    /// Who: an identity URI, `local: NAME` for a person at the council, or `node`.
    pub who: String,
    /// Query id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Which attempt of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The question in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The measure's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
    /// SHA-256 of the canonical question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The release kind with its price or profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Purpose as stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Lawful basis as stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lawful_basis: Option<String>,
    /// What was decided, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// What was done about people with a national data opt-out: `applied` (they were left out) or `not-applied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<String>,
    /// Stable code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of the policy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Billionths of rho reserved, charged or given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nano: Option<u64>,
    /// Budget year of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<String>,
    /// Accounts that the amount stands on, as `scope:name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Which data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Digest of the councils asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// SHA-256 of the bytes that left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Digests of the rows that this entry is about, as they stand with it: by name, SHA-256 over every column. Filled in
    /// when it is written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, String>,
    /// Which state of the records this entry speaks of, as `number:random name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
    /// The moment of the entry above, when the authority set the log's clock back from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Number of the held question a decision is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<i64>,
    /// Which national floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<FloorMark>,
    /// Anything else in words: file names, digests, which command. No figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Record {
    /// An entry with nothing but who and what.
    pub fn new(action: Action, who: impl Into<String>) -> Self {
        Self {
            action,
            who: who.into(),
            query: None,
            attempt: None,
            question: None,
            measure: None,
            digest: None,
            release: None,
            purpose: None,
            lawful_basis: None,
            decision: None,
            opt_out: None,
            reason: None,
            policy: None,
            nano: None,
            year: None,
            accounts: Vec::new(),
            snapshot: None,
            cohort: None,
            left: None,
            rows: BTreeMap::new(),
            records: None,
            clock: None,
            hold: None,
            floor: None,
            note: None,
        }
    }

    /// With words of an operator or a program.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
