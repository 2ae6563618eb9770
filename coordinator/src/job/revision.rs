//! Which releases are revisions of one table, and why there is another.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Reason;
use sha2::{Digest as _, Sha256};

use crate::outcome::{Outcome, State};
use crate::plan::Plan;
use crate::release::{Gathered, Release, table_digest, tabulate};

/// Revisions of one table share this: question, areas and the councils asked.
pub(super) fn series(plan: &Plan) -> String {
    let scope = plan.scope();
    let mut bytes = folkmoot_proto::query::Canonical::new("folkmoot/series/1");
    bytes.bytes(&plan.query().digest()).text(scope.level().word()).text(scope.structure().version);
    bytes.text(scope.board().map_or("", |board| board.as_str()));
    for code in plan.councils() {
        bytes.text(&code.to_string());
    }
    hex::encode(Sha256::digest(bytes.finish()))
}

/// Why a new table replaces an earlier one; `None` when it says nothing new.
///
/// A council that had not decided and has by now says something new, whatever the figures: the earlier release tells its
/// readers that people are still asked.
pub(super) fn revision_reason(
    earlier: &Release,
    plan: &Plan,
    gathered: &Gathered,
    outcomes: &BTreeMap<CouncilCode, Outcome>,
) -> Option<String> {
    let before: BTreeSet<CouncilCode> = earlier
        .manifest()
        .councils
        .iter()
        .filter(|council| council.outcome.state.has_answer())
        .map(|council| council.code)
        .collect();
    let now: BTreeSet<CouncilCode> = gathered.councils().intersection(plan.councils()).copied().collect();
    let list = |codes: Vec<&CouncilCode>| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    let (came, went) = (now.difference(&before).collect::<Vec<_>>(), before.difference(&now).collect::<Vec<_>>());
    if !came.is_empty() {
        parts.push(format!("answers of councils {} came in", list(came)));
    }
    if !went.is_empty() {
        parts.push(format!("councils {} are not in it any more", list(went)));
    }
    for council in &earlier.manifest().councils {
        if let Some(now) = outcomes.get(&council.code)
            && council.outcome.state == State::Held
            && now.state == State::Refused
        {
            parts.push(format!("council {} has decided: {}", council.code, now.reason));
        }
    }
    if parts.is_empty() {
        let (table, _) = tabulate(plan, gathered);
        if table_digest(&table) == earlier.manifest().table_sha256 {
            return None;
        }
        parts.push(match gathered {
            Gathered::Round(total) if total.facts.sigma_nano > 0 => "asked anew, with new noise".to_owned(),
            _ => "councils' data or this software changed since".to_owned(),
        });
    }
    Some(parts.join("; "))
}

pub(super) fn reasons(outcomes: &BTreeMap<CouncilCode, Outcome>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in outcomes.values() {
        let code = if outcome.code.is_empty() { String::new() } else { format!(" {}", outcome.code) };
        *counts.entry(format!("{}{code}", outcome.state.word())).or_default() += 1;
    }
    if counts.is_empty() {
        return "none was asked".to_owned();
    }
    let mut text = counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
    // What a person wrote is worth more than what a program says.
    let told = |denied: bool| {
        let mut all = outcomes.iter();
        all.find(|(_, outcome)| !outcome.reason.is_empty() && (!denied || outcome.code == Reason::Denied.code()))
    };
    if let Some((code, outcome)) = told(true).or_else(|| told(false)) {
        text.push_str(&format!("; council {code}: {}", outcome.reason));
    }
    text
}

/// Who decided against a question, with the reason that a person there gave; empty when nobody did.
pub(super) fn denials(outcomes: &BTreeMap<CouncilCode, Outcome>) -> String {
    const NAMED: usize = 5;
    let all: Vec<String> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.code == Reason::Denied.code())
        .map(|(code, outcome)| format!("council {code}: {}", outcome.reason))
        .collect();
    match all.len() {
        0 => String::new(),
        few if few <= NAMED => format!("; {}", all.join("; ")),
        many => format!("; {}; and {} more councils refused, see the release", all[..NAMED].join("; "), many - NAMED),
    }
}
