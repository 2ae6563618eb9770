//! What the council allows: `policy.toml`, read, checked, tightened by the national floor, and asked before anything else.
//!
//! ```text
//! policy.toml --\
//!                Policy::read --> Policy --rule(&Question)--> Ruling (caps, hold or not)   or a Refusal
//! floor text ---/                    \--rule_round(&Terms)--> the round's terms are acceptable, or a Refusal
//! ```
//!
//! Nothing is allowed that the file does not name: no file, an empty file and `mode = "off"` all answer nothing.
//! The national floor has the same form. A council's file may be stricter key by key and never looser; a looser key
//! stops the node from starting and is named with both values.

mod explain;
mod floor;
mod keeper;
mod question;
mod ruling;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use folkmoot_runtime::settings;
use sha2::{Digest as _, Sha256};

pub use floor::Conflict;
pub use keeper::Keeper;
pub use question::Question;
pub use ruling::{Gate, Limit, Ruling, Scope, Terms};
pub use text::{ApprovalMode, ApprovalRule, Asker, Kind, LeastStrict, Mode, Nano, OptOut, Pattern, PrivacyUnit};

use text::Text;

/// A commented policy for a new node: every key with what it means, and switched off.
pub const SAMPLE_OFF: &str = include_str!("../../docs/samples/policy.toml");

/// Why a policy cannot be used. The node keeps the one it had, or does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("reading the policy {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value that does not fit; the source names line and key.
    #[error(transparent)]
    Text(#[from] settings::Error),
    /// The national floor's text is not a policy.
    #[error("the national floor cannot be used: {0}; ask the federation's authority")]
    Floor(settings::Error),
    /// A key whose value cannot work, alone or with another.
    #[error("{}: the value of '{key}' cannot be used: {detail}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key's path.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Keys looser than the national floor.
    #[error("{}: looser than the national floor: {}", path.display(), conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Looser {
        /// The file.
        path: PathBuf,
        /// Each key with both values.
        conflicts: Vec<Conflict>,
    },
}

/// One purpose, as it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Purpose {
    /// Its name, or `*`.
    pub name: String,
    /// Lawful bases that may be stated with it, or `*`.
    pub lawful_bases: Vec<String>,
    /// Whether people with a national data opt-out are left out.
    pub opt_out: OptOut,
    /// Why not, when they are not.
    pub opt_out_reason: Option<String>,
    /// Cap for a year, if it has its own.
    pub rho_per_year: Option<Nano>,
}

/// The rules in force. Built from a file and the floor, and never changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    text: Text,
    floored: bool,
    digest: [u8; 32],
}

/// Longest slot, in seconds: two of them fit into the time that a step of a round has.
const MOST_SLOT: u32 = 30;

/// What a key is when nobody sets it: for every one the strictest that still works.
mod defaults {
    use super::Nano;
    pub(super) const RHO_PER_QUERY: Nano = Nano(10_000_000);
    pub(super) const RHO_LOCAL_MAX: Nano = Nano(2_000_000_000);
    pub(super) const ATTEMPTS_MAX: u32 = 3;
    pub(super) const MIN_COHORT: u32 = 10;
    pub(super) const MAX_COLLUDING: u32 = 2;
    pub(super) const MIN_SURVIVORS: u32 = 8;
    pub(super) const MIN_COHORT_DIFFERENCE: u32 = 5;
    pub(super) const EXPIRES_AFTER_DAYS: u32 = 14;
    pub(super) const MAX_WAITING: u32 = 200;
    pub(super) const MAX_WAITING_PER_ANALYST: u32 = 20;
}

impl Policy {
    /// The policy that answers nothing.
    pub fn off() -> Self {
        Self::of(Text::default(), false)
    }

    /// Reads the policy at `path`, tightened by the national floor's text. No file is the policy that answers nothing.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub fn read(path: &Path, floor: Option<&str>) -> Result<Self, Error> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path, floor),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Self::parse("", path, floor),
            Err(source) => Err(Error::Read { path: path.to_owned(), source }),
        }
    }

    /// As [`Policy::read`], from text; `path` is for errors.
    ///
    /// The environment overrides nothing here: who may set a variable of the process is not who decides on disclosure.
    ///
    /// # Errors
    /// As [`Policy::read`], but for [`Error::Read`].
    pub fn parse(text: &str, path: &Path, floor: Option<&str>) -> Result<Self, Error> {
        let local: Text = settings::parse(text, path, "NO_ENVIRONMENT", [])?;
        let floor: Option<Text> = floor
            .map(|text| settings::parse(text, Path::new("national floor"), "NO_ENVIRONMENT", []).map_err(Error::Floor))
            .transpose()?;
        let merged = match &floor {
            None => floor::with_defaults(local),
            Some(floor) => {
                floor::tighten(local, floor).map_err(|conflicts| Error::Looser { path: path.to_owned(), conflicts })?
            }
        };
        check(&merged, path)?;
        Ok(Self::of(merged, floor.is_some()))
    }

    fn of(text: Text, floored: bool) -> Self {
        let text = floor::with_defaults(text);
        let json = serde_json::to_vec(&text).expect("a policy is plain texts and numbers");
        let mut hash = Sha256::new();
        hash.update(b"folkmoot/policy/1\0");
        hash.update(json);
        let digest = hash.finalize().into();
        Self { text, floored, digest }
    }

    /// SHA-256 of the effective rules: equal for two files that mean the same, written into every audit entry.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether anything is answered at all.
    pub fn is_on(&self) -> bool {
        self.text.mode == Some(Mode::On)
    }

    /// Cap on what one person may lose in a budget year.
    pub fn year_cap(&self) -> Nano {
        self.text.budget.rho_per_person_per_year.unwrap_or_default()
    }

    /// Cap on what the questions of one analyst may cost a person in a budget year, if it is lower than the year's.
    pub fn analyst_cap(&self) -> Option<Nano> {
        self.text.budget.rho_per_analyst_per_year
    }

    /// The delta at which losses are shown as epsilon. Display alone: what is charged is rho.
    pub fn delta(&self) -> f64 {
        self.text.budget.delta.unwrap_or(folkmoot_proto::privacy::SHOWN_DELTA)
    }

    /// A loss as people are shown it: rho, with the epsilon it is at this policy's delta.
    pub fn priced(&self, nano: Nano) -> String {
        match folkmoot_proto::privacy::Rho::from_nano(nano.0) {
            Some(rho) => {
                format!(
                    "rho {rho} (epsilon {:.2} at delta {})",
                    rho.epsilon(self.delta()),
                    explain::power(self.delta())
                )
            }
            None => format!("rho {nano}"),
        }
    }

    /// Most attempts of one question.
    pub fn attempts_max(&self) -> u32 {
        self.text.budget.attempts_max.unwrap_or(defaults::ATTEMPTS_MAX)
    }

    /// Caps by role.
    pub fn role_caps(&self) -> &BTreeMap<Asker, Nano> {
        &self.text.budget.per_role
    }

    /// Caps by measure or family.
    pub fn measure_caps(&self) -> &BTreeMap<Pattern, Nano> {
        &self.text.budget.per_measure
    }

    /// The purposes that may be stated.
    pub fn purposes(&self) -> Vec<Purpose> {
        let list = self.text.purposes.as_deref().unwrap_or_default();
        list.iter()
            .map(|p| Purpose {
                name: p.name.clone(),
                lawful_bases: p.lawful_bases.clone(),
                opt_out: p.national_data_opt_out,
                opt_out_reason: p.opt_out_reason.clone(),
                rho_per_year: p.rho_per_year,
            })
            .collect()
    }

    /// Fewest councils by which two nested cohorts of the same suppressed sum must differ.
    pub fn min_cohort_difference(&self) -> u32 {
        self.text.cohort.min_cohort_difference.unwrap_or(defaults::MIN_COHORT_DIFFERENCE)
    }

    /// Whether suppressed sums of one measure may be about periods that overlap.
    pub fn overlapping_periods(&self) -> bool {
        self.text.cohort.overlapping_periods.unwrap_or(false)
    }

    /// Whether two different people must approve.
    pub fn second_person(&self) -> bool {
        self.text.approval.second_person.unwrap_or(false)
    }

    /// Length of the slots at whose ends answers leave; `None` when they leave as soon as they are ready.
    pub fn slot(&self) -> Option<std::time::Duration> {
        self.text.release.slot_seconds.map(|slot| std::time::Duration::from_secs(u64::from(slot)))
    }

    /// Days after which a held question, and an approval not used, is void.
    pub fn expires_after_days(&self) -> u32 {
        self.text.approval.expires_after_days.unwrap_or(defaults::EXPIRES_AFTER_DAYS)
    }

    /// Most questions that may wait for a person at one time: of all analysts, and of one.
    ///
    /// Without a bound, somebody who may ask could fill the disk, and bury what matters.
    pub fn max_waiting(&self) -> (u32, u32) {
        let approval = &self.text.approval;
        (
            approval.max_waiting.unwrap_or(defaults::MAX_WAITING),
            approval.max_waiting_per_analyst.unwrap_or(defaults::MAX_WAITING_PER_ANALYST),
        )
    }

    /// The effective rules in plain sentences, for `policy check`.
    pub fn explain(&self) -> Vec<String> {
        explain::sentences(self)
    }
}

/// Checks what one key alone cannot show. Texts are compared as questions will be.
fn check(text: &Text, path: &Path) -> Result<(), Error> {
    let fail = |key: String, detail: String| Err(Error::Value { path: path.to_owned(), key, detail });
    for name in text.questions.forbidden_dimensions.as_deref().unwrap_or_default() {
        if !folkmoot_proto::catalogue::all().any(|measure| measure.dimension(name).is_some()) {
            return fail(
                "questions.forbidden_dimensions".to_owned(),
                format!("no measure has a dimension '{name}'; 'folkmoot-node measures' lists them"),
            );
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for (i, purpose) in text.purposes.as_deref().unwrap_or_default().iter().enumerate() {
        let at = |key: &str| format!("purposes[{i}].{key}");
        if purpose.name.trim().is_empty() || purpose.name.contains(':') {
            return fail(at("name"), "a name without a colon is needed, or * for any purpose".to_owned());
        }
        if !names.insert(ruling::fold(&purpose.name)) {
            return fail(at("name"), format!("the purpose '{}' stands twice", purpose.name));
        }
        if purpose.lawful_bases.iter().all(|basis| basis.trim().is_empty()) {
            return fail(at("lawful_bases"), "a purpose without a lawful basis cannot be answered".to_owned());
        }
        let reason = purpose.opt_out_reason.as_deref().unwrap_or_default().trim();
        if purpose.national_data_opt_out == OptOut::NotApplied && reason.is_empty() {
            return fail(
                at("opt_out_reason"),
                "say why the national data opt-out does not apply to this purpose".to_owned(),
            );
        }
    }
    let delta = text.budget.delta.unwrap_or(folkmoot_proto::privacy::SHOWN_DELTA);
    if !(1e-12..=1e-3).contains(&delta) {
        return fail("budget.delta".to_owned(), "a number from 1e-12 to 0.001, such as 1e-6".to_owned());
    }
    if text.mode != Some(Mode::On) {
        return Ok(());
    }
    let private = text.release.kinds.as_deref().unwrap_or_default().iter().any(|kind| kind.is_private());
    if private && text.budget.rho_per_person_per_year.unwrap_or_default() == Nano(0) {
        return fail(
            "budget.rho_per_person_per_year".to_owned(),
            "a private release kind is allowed, so a budget is needed, such as 0.1".to_owned(),
        );
    }
    let attempts = text.budget.attempts_max.unwrap_or(defaults::ATTEMPTS_MAX);
    if !(1..=3).contains(&attempts) {
        return fail("budget.attempts_max".to_owned(), "1 to 3 attempts are possible".to_owned());
    }
    let cohort = text.cohort.min_cohort.unwrap_or(defaults::MIN_COHORT);
    if !(3..=255).contains(&cohort) {
        return fail("cohort.min_cohort".to_owned(), "3 to 255 councils can take part in a round".to_owned());
    }
    let survivors = text.cohort.min_survivors.unwrap_or(defaults::MIN_SURVIVORS);
    let colluding = text.cohort.max_colluding.unwrap_or(defaults::MAX_COLLUDING);
    if survivors <= colluding {
        return fail(
            "cohort.min_survivors".to_owned(),
            format!("with {colluding} colluding councils assumed, more than {colluding} must remain"),
        );
    }
    if text.release.slot_seconds.is_some_and(|slot| slot > MOST_SLOT) {
        return fail(
            "release.slot_seconds".to_owned(),
            format!("0 (no slots) to {MOST_SLOT} seconds are possible: a step of a round waits a minute at most"),
        );
    }
    for (key, least) in [
        ("bounds.max_cells_per_person", text.bounds.max_cells_per_person),
        ("bounds.max_events_per_person", text.bounds.max_events_per_person),
    ] {
        if least == Some(0) {
            return fail(
                key.to_owned(),
                "1 or more; to allow no private answers, leave them out of release.kinds".to_owned(),
            );
        }
    }
    for (pattern, &pounds) in &text.bounds.max_pounds_per_person {
        let clips = |measure: &folkmoot_proto::catalogue::Measure| {
            pattern.matches(measure.id) && measure.options.iter().any(|setting| setting.name == "max_pounds")
        };
        let key = format!("bounds.max_pounds_per_person.\"{pattern}\"");
        if !folkmoot_proto::catalogue::all().any(clips) {
            return fail(key, "no such measure counts pounds; COSTS and COSTS-WEEKLY do".to_owned());
        }
        if pounds == 0 {
            return fail(key, "1 pound or more; to allow no costs, leave them out of questions.measures".to_owned());
        }
    }
    let days = text.approval.expires_after_days.unwrap_or(defaults::EXPIRES_AFTER_DAYS);
    if !(1..=366).contains(&days) {
        return fail("approval.expires_after_days".to_owned(), "1 to 366 days are possible".to_owned());
    }
    for (key, most) in [
        ("approval.max_waiting", text.approval.max_waiting.unwrap_or(defaults::MAX_WAITING)),
        (
            "approval.max_waiting_per_analyst",
            text.approval.max_waiting_per_analyst.unwrap_or(defaults::MAX_WAITING_PER_ANALYST),
        ),
    ] {
        if !(1..=10_000).contains(&most) {
            return fail(key.to_owned(), "1 to 10000 questions can wait".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
