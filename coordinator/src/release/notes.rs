//! What a reader of a release must know, in sentences.

use std::collections::BTreeMap;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::query::{self, Query};

use crate::merge::{Status, Table};
use crate::outcome::{Outcome, State};
use crate::scope::Level;
use crate::total::Facts;

/// What a reader of joint figures must know of the round.
pub(super) fn round_notes(facts: &Facts) -> Vec<String> {
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

/// What it costs to have councils that are missing now in the figures later.
pub(super) fn cost_of_absence(facts: &Facts, outcomes: &BTreeMap<CouncilCode, Outcome>) -> Option<String> {
    let with = |wanted: &[State]| -> Vec<String> {
        let missing = outcomes.iter().filter(|(code, o)| !facts.survivors.contains(code) && wanted.contains(&o.state));
        missing.map(|(code, _)| code.to_string()).collect()
    };
    let (held, away) = (with(&[State::Held]), with(&[State::Unreachable, State::Late]));
    let mut who = Vec::new();
    if !held.is_empty() {
        who.push(format!("people had not decided at {}", held.join(", ")));
    }
    if !away.is_empty() {
        who.push(format!("{} could not be reached", away.join(", ")));
    }
    if who.is_empty() {
        return None;
    }
    let cost = match facts.sigma_nano {
        0 => {
            "Councils in this sum refuse the same sum with those added, since the difference would be theirs alone: a later \
             one needs a private release kind"
        }
        _ => "With them the question is asked anew, and charged again at every council",
    };
    Some(format!("Missing, and not for good: {}. {cost}.", who.join("; ")))
}

pub(super) fn protection(query: &Query, round: Option<&Facts>) -> (String, String) {
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
            let noise = round.map_or(0.0, Facts::noise);
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

pub(super) fn reading_notes(table: &Table, answered: usize, asked: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let any = |status| table.areas.iter().flat_map(|area| &area.cells).any(|cell| cell.status == status);
    let widest = table.areas.iter().map(|area| area.councils_in_area).max().unwrap_or_default();
    if answered < asked || table.areas.iter().any(|area| area.councils < area.councils_in_area) {
        let whole = if widest > asked { format!(", and the widest area here has {widest}") } else { String::new() };
        notes.push(format!(
            "{answered} of the {asked} councils asked are in the figures{whole}. Sums are over the councils present \
             alone and are not estimates for the whole area: each area says how many of its councils and which share of \
             its adult residents are in."
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
