//! A release: an immutable, numbered table with the record of how it came about.
//!
//! A release is made from a plan, the question as signed, and what each council did; it is never changed afterwards. A
//! later table for the same question is a new revision that says why. The digest in its manifest is SHA-256 over the
//! table as compact JSON, so that anybody can check a file against it, and the table can be made again from the stored
//! answers.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::codelist;
use folkmoot_proto::ids::{CouncilCode, ReleaseId};
use folkmoot_proto::query::Query;
use folkmoot_proto::question::Question;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, Facts};
use crate::disclose;
use crate::merge::{self, Asked, Table};
use crate::outcome::{Outcome, State};
use crate::plan::Plan;
use crate::total::{self, Total};

mod manifest;
mod notes;
mod view;

pub use manifest::{Council, Manifest};
pub use view::View;

use notes::{cost_of_absence, protection, reading_notes, round_notes};

/// The place of a release among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: ReleaseId,
    /// Its number.
    pub number: u64,
    /// Its revision.
    pub revision: u32,
    /// Why there is a revision.
    pub reason: String,
    /// When it is made, seconds since 1970-01-01 UTC.
    pub created: i64,
}

/// Why and when a release was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Seconds since 1970-01-01 UTC.
    pub at: i64,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// An immutable set of figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    manifest: Manifest,
    table: Table,
    withdrawn: Option<Withdrawal>,
}

/// A release that was stored does not read back as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not the JSON that was written.
    #[error("reading release {release} back from the store")]
    Json {
        /// The release.
        release: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The table is not the one that the manifest was made for.
    #[error("the table of release {0} does not have the digest in its manifest: the store was changed from outside")]
    Digest(String),
}

/// What was gathered for a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Gathered {
    /// Each council's own protected figures.
    Answers(BTreeMap<CouncilCode, Answer>),
    /// What a round came to, protected already, with the record of how it was run.
    Round(Box<Total>),
}

impl Gathered {
    /// The councils whose figures are in it.
    pub fn councils(&self) -> BTreeSet<CouncilCode> {
        match self {
            Self::Answers(answers) => answers.keys().copied().collect(),
            Self::Round(total) => total.facts.survivors.clone(),
        }
    }

    fn facts(&self, code: &CouncilCode) -> Option<&Facts> {
        match self {
            Self::Answers(answers) => answers.get(code).map(Answer::facts),
            Self::Round(_) => None,
        }
    }

    fn round(&self) -> Option<&total::Facts> {
        match self {
            Self::Round(total) => Some(&total.facts),
            Self::Answers(_) => None,
        }
    }

    /// What a council was charged.
    fn charged(&self, code: &CouncilCode, query: &Query) -> u64 {
        match self {
            Self::Answers(_) => self.facts(code).map_or(0, |facts| facts.charged_nano),
            // Only who has people in a block pays for it.
            Self::Round(total) if total.blocks.iter().any(|block| block.councils.contains(code)) => {
                query.release().rho().map_or(0, |rho| rho.nano())
            }
            Self::Round(_) => 0,
        }
    }
}

/// The table of a plan from what was gathered: disclosure rules first, then the merge. The same input gives the same
/// table.
pub fn tabulate(plan: &Plan, gathered: &Gathered) -> (Table, disclose::Report) {
    let asked = Asked { query: plan.query(), layout: plan.layout(), scope: plan.scope(), councils: plan.councils() };
    match gathered {
        Gathered::Answers(answers) => {
            let (answers, report) = disclose::protect(plan.query(), plan.layout(), answers);
            (merge::merge(asked, &answers), report)
        }
        Gathered::Round(total) => (merge::merge_joint(asked, total), disclose::Report::default()),
    }
}

/// SHA-256 over a table as compact JSON, hexadecimal.
pub fn table_digest(table: &Table) -> String {
    // Serialising plain structs with text keys into memory cannot fail.
    let bytes = serde_json::to_vec(table).expect("a table is plain data");
    hex::encode(Sha256::digest(bytes))
}

impl Release {
    /// Makes a release.
    pub fn make(
        place: Place,
        plan: &Plan,
        question: &Question,
        outcomes: &BTreeMap<CouncilCode, Outcome>,
        gathered: &Gathered,
    ) -> Self {
        let (table, report) = tabulate(plan, gathered);
        let present: BTreeSet<CouncilCode> = gathered.councils().intersection(plan.councils()).copied().collect();
        let query = plan.query();
        let councils: Vec<Council> = plan
            .councils()
            .iter()
            .map(|code| {
                let facts = gathered.facts(code);
                let outcome = outcomes.get(code).cloned().unwrap_or_else(|| Outcome {
                    state: if present.contains(code) { State::Answered } else { State::Unreachable },
                    code: String::new(),
                    reason: String::new(),
                });
                Council {
                    code: *code,
                    outcome,
                    snapshot: facts.map_or(String::new(), |facts| hex::encode(&facts.snapshot)),
                    charged_nano: gathered.charged(code, query),
                    notes: facts.map_or(Vec::new(), |facts| facts.notes.clone()),
                }
            })
            .collect();
        let (protection, protection_text) = protection(query, gathered.round());
        let mut notes = plan.notes().to_vec();
        notes.extend(report.sentences());
        notes.extend(gathered.round().into_iter().flat_map(round_notes));
        notes.extend(gathered.round().and_then(|facts| cost_of_absence(facts, outcomes)));
        notes.extend(reading_notes(&table, present.len(), plan.councils().len()));
        let manifest = Manifest {
            release: place.id.to_string(),
            number: place.number,
            revision: place.revision,
            revision_reason: place.reason,
            question: query.sentence(),
            question_digest: hex::encode(query.digest()),
            query_id: question.id().to_string(),
            measure: query.measure().id.to_owned(),
            measure_version: query.measure().version,
            unit: query.measure().unit.word().to_owned(),
            period_start: query.period().first().to_string(),
            period_end: query.period().last().to_string(),
            as_of: query.data().as_of.map_or(String::new(), |day| day.to_string()),
            kind: query.release().word().to_owned(),
            protection,
            protection_text,
            level: plan.scope().level(),
            board: plan.scope().board().map_or(String::new(), ToString::to_string),
            geography: plan.scope().structure().version.to_owned(),
            code_lists: codelist::VERSION.to_owned(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            asked_by: question.analyst().to_string(),
            purpose: question.purpose().to_owned(),
            lawful_basis: question.lawful_basis().to_owned(),
            created: place.created,
            councils_asked: councils.len(),
            councils_answered: present.len(),
            councils,
            notes,
            round: gathered.round().cloned(),
            table_sha256: table_digest(&table),
        };
        Self { manifest, table, withdrawn: None }
    }

    /// Reads a release back from the texts that [`Release::texts`] gave, and checks its digest.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(id: &str, manifest: &str, table: &str, withdrawn: Option<Withdrawal>) -> Result<Self, Error> {
        let failed = |source| Error::Json { release: id.to_owned(), source };
        let manifest: Manifest = serde_json::from_str(manifest).map_err(failed)?;
        if hex::encode(Sha256::digest(table)) != manifest.table_sha256 {
            return Err(Error::Digest(id.to_owned()));
        }
        Ok(Self { table: serde_json::from_str(table).map_err(failed)?, manifest, withdrawn })
    }

    /// Manifest and table as compact JSON.
    pub fn texts(&self) -> (String, String) {
        let text = |value: serde_json::Result<String>| value.expect("a release is plain data");
        (text(serde_json::to_string(&self.manifest)), text(serde_json::to_string(&self.table)))
    }

    /// How it came about.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The figures.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
