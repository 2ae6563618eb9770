//! How a release came about, and the part of it that a board may know.

use std::collections::BTreeSet;

use folkmoot_proto::geography::{Geography, Structure};
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::{BoardCode, CouncilCode};
use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;
use crate::scope::Level;
use crate::total::Facts;

/// One council in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Council {
    /// Council code.
    pub code: CouncilCode,
    /// How its part ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Which data it answered from, hexadecimal; empty without an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub snapshot: String,
    /// Charged to its budget, in billionths of rho.
    #[serde(default)]
    pub charged_nano: u64,
    /// What a reader of its figures must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How a release came about: everything needed to check it and to ask the same again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The release's id.
    pub release: String,
    /// Its number; revisions of one table share it.
    pub number: u64,
    /// 1 for the first.
    pub revision: u32,
    /// Why there is a revision; empty for the first.
    pub revision_reason: String,
    /// The question in one sentence.
    pub question: String,
    /// SHA-256 of the canonical question, hexadecimal.
    pub question_digest: String,
    /// The id under which the councils were asked.
    pub query_id: String,
    /// Measure id.
    pub measure: String,
    /// Version of its method.
    pub measure_version: u16,
    /// What it counts.
    pub unit: String,
    /// First day of the period.
    pub period_start: String,
    /// Last day of the period, included.
    pub period_end: String,
    /// Submissions received after this day were not used.
    pub as_of: String,
    /// Release kind.
    pub kind: String,
    /// Suppression profile, or price and noise.
    pub protection: String,
    /// The protection in a sentence.
    pub protection_text: String,
    /// Finest area level.
    pub level: Level,
    /// The one board that it is about; empty for England.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub board: String,
    /// Version of the structure of boards.
    pub geography: String,
    /// Version of the code lists.
    pub code_lists: String,
    /// Version of this software.
    pub software: String,
    /// Who asked.
    pub asked_by: String,
    /// What for.
    pub purpose: String,
    /// On which lawful basis.
    pub lawful_basis: String,
    /// When it was made, seconds since 1970-01-01 UTC.
    pub created: i64,
    /// Councils asked.
    pub councils_asked: usize,
    /// Councils whose figures are in it.
    pub councils_answered: usize,
    /// Every council asked and how its part ended.
    pub councils: Vec<Council>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// How the round was run, for joint figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<Facts>,
    /// SHA-256 over the table as compact JSON, hexadecimal.
    pub table_sha256: String,
}

impl Manifest {
    /// What a caller may know of a release without its figures, `None` when that is nothing: the same as the manifest of
    /// [`super::Release::view_for`].
    pub fn seen_by(&self, caller: &Identity) -> Option<Self> {
        match caller.role() {
            Role::NationalAnalyst | Role::Auditor => Some(self.clone()),
            Role::IcbAnalyst => self.cut(caller.board()?),
            Role::Council | Role::Coordinator | Role::Operator => None,
        }
    }

    /// The part about one board and its councils, `None` when the release shows neither.
    pub(super) fn cut(&self, board: &BoardCode) -> Option<Self> {
        let members = members_for(board, &self.geography)?;
        let shows_board = self.level == Level::Board
            && (self.board.is_empty() || self.board == board.as_str())
            && Geography::built_in().structure(&self.geography).is_some_and(|it| it.board(board).is_some());
        if !shows_board && self.level != Level::Council {
            return None;
        }
        let mut manifest = self.clone();
        manifest.councils.retain(|council| members.contains(&council.code));
        if manifest.councils.is_empty() {
            return None;
        }
        manifest.councils_asked = manifest.councils.len();
        manifest.councils_answered =
            manifest.councils.iter().filter(|council| council.outcome.state.has_answer()).count();
        manifest.revision_reason.clear();
        // Who else took part is not this board's business.
        if let Some(round) = &mut manifest.round {
            round.cohort.retain(|code| members.contains(code));
            round.survivors.retain(|code| members.contains(code));
            round.recorded &= self.board == board.as_str();
        }
        manifest.notes = vec![format!("Cut to board {board} and its councils; the digest is that of the whole table.")];
        Some(manifest)
    }
}

/// The councils of a board in a release's structure, or in the one that has the board.
pub(super) fn members_for(board: &BoardCode, version: &str) -> Option<BTreeSet<CouncilCode>> {
    let geography = Geography::built_in();
    let has = |structure: &&Structure| structure.board(board).is_some();
    [version, "icb-2026", "icb-2022"]
        .into_iter()
        .filter_map(|version| geography.structure(version))
        .find(has)
        .map(|structure| structure.members(board))
}
