//! A release: an immutable, numbered table with the record of how it came about.
//!
//! A release is made from a plan, the question as signed, and what each council did; it is never changed afterwards. A
//! later table for the same question is a new revision that says why. The digest in its manifest is SHA-256 over the
//! table as compact JSON, so that anybody can check a file against it, and the table can be made again from the stored
//! answers.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::codelist;
use folkmoot_proto::geography::{Geography, Structure};
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::{BoardCode, CouncilCode, ReleaseId};
use folkmoot_proto::query::{self, Query};
use folkmoot_proto::question::Question;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, Facts};
use crate::disclose;
use crate::merge::{self, Area, Asked, Level, Status, Table};
use crate::plan::Plan;
use crate::round::{self, Total};

/// How one council's part in a question ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `answered`, `stored`, `refused`, `held`, `unreachable`, `late` or `malformed`.
    pub state: State,
    /// Stable code of the refusal; empty when none was given.
    #[serde(default, rename = "reason_code", skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Why, in a sentence; empty for an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// The ways in which a council's part can end, or stand while a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Answered now.
    Answered,
    /// Answered the same question before; that answer was used.
    Stored,
    /// Refused, for the reason given.
    Refused,
    /// A person at the council has not decided yet.
    Held,
    /// No link, or it was lost.
    Unreachable,
    /// No answer in time.
    Late,
    /// What it sent is not an answer to the question.
    Malformed,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Answered, Self::Stored, Self::Refused, Self::Held, Self::Unreachable, Self::Late, Self::Malformed];

    /// The word in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Unreachable => "unreachable",
            Self::Late => "late",
            Self::Malformed => "malformed",
        }
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// True when the council's figures are in.
    pub fn has_answer(self) -> bool {
        matches!(self, Self::Answered | Self::Stored)
    }
}

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
    pub round: Option<round::Facts>,
    /// SHA-256 over the table as compact JSON, hexadecimal.
    pub table_sha256: String,
}

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

    fn round(&self) -> Option<&round::Facts> {
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

    /// Everything: what a national analyst sees.
    pub fn view(&self) -> View {
        View { manifest: self.manifest.clone(), withdrawn: self.withdrawn.clone(), table: self.table.clone() }
    }

    /// What a caller may see, `None` when that is nothing.
    ///
    /// # Guarantee
    /// A national analyst sees everything. An ICB analyst sees the areas that are their own board or its councils, and
    /// of the manifest only those councils. An auditor sees the manifest and no figures. Nobody else sees anything.
    pub fn view_for(&self, caller: &Identity) -> Option<View> {
        match caller.role() {
            Role::NationalAnalyst => Some(self.view()),
            Role::IcbAnalyst => self.cut(caller.board()?),
            Role::Auditor => Some(View { table: Table { rows: Vec::new(), areas: Vec::new() }, ..self.view() }),
            Role::Council | Role::Coordinator | Role::Operator => None,
        }
    }

    fn cut(&self, board: &BoardCode) -> Option<View> {
        let manifest = self.manifest.cut(board)?;
        let members = members_for(board, &self.manifest.geography)?;
        let own = |area: &Area| match area.level {
            Level::Board => area.board.as_deref() == Some(board.as_str()),
            Level::Council => area.council.is_some_and(|code| members.contains(&code)),
            Level::England | Level::Region => false,
        };
        let areas: Vec<Area> = self.table.areas.iter().filter(|area| own(area)).cloned().collect();
        if areas.is_empty() {
            return None;
        }
        Some(View {
            manifest,
            withdrawn: self.withdrawn.clone(),
            table: Table { rows: self.table.rows.clone(), areas },
        })
    }
}

impl Manifest {
    /// What a caller may know of a release without its figures, `None` when that is nothing: the same as the manifest of
    /// [`Release::view_for`].
    pub fn seen_by(&self, caller: &Identity) -> Option<Self> {
        match caller.role() {
            Role::NationalAnalyst | Role::Auditor => Some(self.clone()),
            Role::IcbAnalyst => self.cut(caller.board()?),
            Role::Council | Role::Coordinator | Role::Operator => None,
        }
    }

    /// The part about one board and its councils, `None` when the release shows neither.
    fn cut(&self, board: &BoardCode) -> Option<Self> {
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
fn members_for(board: &BoardCode, version: &str) -> Option<BTreeSet<CouncilCode>> {
    let geography = Geography::built_in();
    let has = |structure: &&Structure| structure.board(board).is_some();
    [version, "icb-2026", "icb-2022"]
        .into_iter()
        .filter_map(|version| geography.structure(version))
        .find(has)
        .map(|structure| structure.members(board))
}

/// What a reader of joint figures must know of the round.
fn round_notes(facts: &round::Facts) -> Vec<String> {
    let mut notes = vec![format!(
        "Joint figures: {} of {} councils of the round added masked figures, and only their sum was ever read; up to {} of \
         them may work together with the coordinator without learning another's.",
        facts.survivors.len(),
        facts.cohort.len(),
        facts.colluding,
    )];
    if facts.sigma_nano > 0 && facts.areas != "england" {
        notes
            .push("Each area of the round has its own noise; a figure for England is the sum of its areas.".to_owned());
    }
    if facts.recorded {
        notes.push(
            "The record of the round can be checked by anybody who may see it: `export` it in the format `round`, then \
             `folkmoot-node audit verify-round`."
                .to_owned(),
        );
    }
    notes
}

fn protection(query: &Query, round: Option<&round::Facts>) -> (String, String) {
    match query.release() {
        query::Release::JointSuppressed(profile) => (
            profile.word().to_owned(),
            format!(
                "{} The rule is applied to the sum over all councils, which is rounded to the nearest 5; what fewer than \
                 three councils contributed to is hidden, too.",
                profile.sentence()
            ),
        ),
        query::Release::JointPrivate(rho) => {
            let noise = round.map_or(0.0, round::Facts::noise);
            (
                format!("rho {rho}"),
                format!(
                    "Discrete Gaussian noise, one share of every council, with standard deviation {noise:.2} in each cell \
                     of each area: zero-concentrated differential privacy with rho {rho} for each person, epsilon {:.2} at \
                     delta 1e-6, as long as no more than the stated number of councils collude.",
                    rho.epsilon(folkmoot_proto::privacy::SHOWN_DELTA)
                ),
            )
        }
        query::Release::CouncilSuppressed(profile) => (profile.word().to_owned(), profile.sentence().to_owned()),
        query::Release::CouncilPrivate(rho) => {
            let sigma = rho.sigma(query.bound().l2_squared());
            (
                format!("rho {rho}"),
                format!(
                    "Discrete Gaussian noise with standard deviation {sigma:.2} in each cell: zero-concentrated \
                     differential privacy with rho {rho} for each person and council, epsilon {:.2} at delta 1e-6.",
                    rho.epsilon(folkmoot_proto::privacy::SHOWN_DELTA)
                ),
            )
        }
    }
}

fn reading_notes(table: &Table, answered: usize, asked: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let any = |status| table.areas.iter().flat_map(|area| &area.cells).any(|cell| cell.status == status);
    if answered < asked {
        notes.push(format!(
            "{answered} of {asked} councils are in the figures; sums are over those alone, and each area says which share \
             of its adult residents they serve."
        ));
    }
    if any(Status::Estimated) {
        notes.push(
            "estimated [e]: a sum in which hidden parts stand as the middle of what they can be; lower and upper hold \
             the true sum of the councils present."
                .to_owned(),
        );
    }
    if any(Status::NotApplicable) {
        notes.push("not_applicable [z]: the denominator is empty; the official convention shows 0.".to_owned());
    }
    if any(Status::Low) {
        notes.push("low [low]: with its noise the number cannot be told from zero.".to_owned());
    }
    if table.areas.iter().any(|area| area.level == Level::Board && !area.note.is_empty()) {
        notes.push(
            "Some councils lie in several boards; each is counted wholly in the one with its largest share of residents, \
             and the areas concerned say so."
                .to_owned(),
        );
    }
    notes
}

/// What one caller may see of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    manifest: Manifest,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<Withdrawal>,
    table: Table,
}

impl View {
    /// How it came about, as far as the caller may know.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Why it was withdrawn, if it was.
    pub fn withdrawn(&self) -> Option<&Withdrawal> {
        self.withdrawn.as_ref()
    }

    /// The figures.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::testing;
    use folkmoot_proto::ids::QueryId;
    use folkmoot_proto::wire::v1 as wire;

    pub(crate) fn analyst(text: &str) -> Identity {
        Identity::parse(&format!("folkmoot://england/{text}")).unwrap()
    }

    pub(crate) fn question(query: &Query) -> Question {
        let asked_by = analyst("analyst/national/a");
        Question::new(query.clone(), QueryId::from_bytes([1; 16]), asked_by, "test", "6(1)(e)", 1).unwrap()
    }

    pub(crate) fn plan(query: &Query, councils: &[&str], level: wire::Level) -> Plan {
        let request = wire::PlanRequest {
            query: Some(query.into()),
            level: level.into(),
            councils: councils.iter().map(|&code| code.to_owned()).collect(),
            ..Default::default()
        };
        Plan::check(request, &analyst("analyst/national/a"), testing::as_of()).unwrap()
    }

    fn place(number: u64) -> Place {
        Place { id: ReleaseId::from_bytes([5; 16]), number, revision: 1, reason: String::new(), created: 1_750_000_000 }
    }

    /// Northumberland and Gateshead answer, Lincolnshire does not.
    pub(crate) fn released() -> Release {
        let (query, layout) = testing::suppressed("2E");
        let plan = plan(&query, &["104", "106", "503"], wire::Level::Council);
        let mut cells = vec![0; layout.cells()];
        (cells[0], cells[1]) = (20, 3);
        let mut others = vec![0; layout.cells()];
        (others[0], others[1]) = (40, 10);
        let answers =
            [testing::answer("104", &query, &layout, &cells), testing::answer("106", &query, &layout, &others)];
        let answers = answers.into_iter().map(|answer| (answer.council(), answer)).collect();
        let down = Outcome { state: State::Unreachable, code: String::new(), reason: "not connected".into() };
        let outcomes = BTreeMap::from([(testing::council("503"), down)]);
        Release::make(place(1), &plan, &question(&query), &outcomes, &Gathered::Answers(answers))
    }

    #[test]
    fn a_release_reads_back_and_a_changed_one_does_not() {
        let release = released();
        let (manifest, table) = release.texts();
        assert_eq!(Release::read("x", &manifest, &table, None).unwrap(), release);
        let changed = table.replacen("\"value\":60", "\"value\":65", 1);
        assert_ne!(changed, table);
        assert!(matches!(Release::read("x", &manifest, &changed, None), Err(Error::Digest(_))));
    }

    #[test]
    fn the_manifest_names_who_is_missing_and_why() {
        let release = released();
        let manifest = release.manifest();
        assert_eq!((manifest.councils_asked, manifest.councils_answered), (3, 2));
        let missing = manifest.councils.iter().find(|council| council.code == testing::council("503")).unwrap();
        assert_eq!((missing.outcome.state, missing.outcome.reason.as_str()), (State::Unreachable, "not connected"));
        assert_eq!(manifest.councils[0].snapshot, "07".repeat(32));
        assert!(manifest.notes.iter().any(|note| note.starts_with("2 of 3 councils")));
    }

    #[test]
    fn an_icb_analyst_sees_their_board_and_its_councils_only() {
        let release = released();
        let view = release.view_for(&analyst("analyst/icb/QHM/b")).unwrap();
        let seen: Vec<_> = view.table().areas.iter().map(|area| area.name.as_str()).collect();
        assert_eq!(seen, ["NHS North East and North Cumbria Integrated Care Board", "Northumberland", "Gateshead"]);
        assert_eq!(view.manifest().councils.len(), 2);
        let text = serde_json::to_string(&view).unwrap();
        assert!(!text.contains("Lincolnshire") && !text.contains("503") && !text.contains("England\""), "{text}");
        assert_eq!(release.view_for(&analyst("analyst/icb/QOQ/b")), None);
        for who in
            ["analyst/icb/QHM/b", "analyst/icb/QOQ/b", "analyst/icb/S1Y5D/b", "analyst/national/a", "operator/ops"]
        {
            let caller = analyst(who);
            let view = release.view_for(&caller);
            assert_eq!(view.map(|view| view.manifest().clone()), release.manifest().seen_by(&caller), "{who}");
        }
        assert_eq!(release.view_for(&analyst("operator/ops")), None);
        assert_eq!(release.view_for(&analyst("council/104")), None);
        let audited = release.view_for(&analyst("auditor/x")).unwrap();
        assert!(audited.table().areas.is_empty() && audited.manifest().councils.len() == 3);
        assert_eq!(release.view_for(&analyst("analyst/national/z")), Some(release.view()));
    }
}
