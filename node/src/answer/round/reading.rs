//! What an envelope must say, worked out by this node alone from the question.

use std::collections::BTreeSet;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{self, Areas, Joint, LEAST_SUMMED, Shares};
use folkmoot_proto::query::Release;
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::round::{Envelope, Expected};

use super::refused;
use crate::ledger::Cohort;

/// The vector that this node reads out of the question and the areas stated.
pub(super) fn own_reading(question: &Question, envelope: &Envelope) -> Result<Joint, Refusal> {
    let areas = joint::areas_of(&envelope.code_lists).ok_or_else(|| {
        Refusal::new(
            Reason::VersionMismatch,
            "the round's code lists or areas are not those of this node: one of the two programs must be updated",
        )
    })?;
    if envelope.period != joint::period_text(question.query()) {
        return Err(refused("the round states another period than the question"));
    }
    Joint::of(question.query(), &areas).map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))
}

pub(super) fn cohort_of(envelope: &Envelope) -> Result<Cohort, Refusal> {
    let codes: Option<BTreeSet<CouncilCode>> =
        envelope.cohort.iter().map(|code| CouncilCode::parse(code).ok()).collect();
    codes.map(Cohort::new).ok_or_else(|| refused("the round's list of councils holds what is no council's code"))
}

/// An exact sum is opened over at least three councils, all of them in the one area asked for.
pub(super) fn check_cohort(question: &Question, joint: &Joint, cohort: &Cohort) -> Result<(), Refusal> {
    let Release::JointSuppressed(_) = question.query().release() else { return Ok(()) };
    if cohort.len() < LEAST_SUMMED {
        return Err(too_few_summed());
    }
    if let (Areas::Board(..), [block]) = (joint.areas(), joint.blocks()) {
        let members = Cohort::new(block.members.iter().copied());
        if !cohort.within(&members) {
            return Err(refused("a suppressed sum of one board is asked of that board's councils and of no others"));
        }
    }
    Ok(())
}

pub(super) fn too_few_summed() -> Refusal {
    Refusal::new(
        Reason::TooFewCouncils,
        format!("an exact sum needs at least {LEAST_SUMMED} councils: with two, each would learn the other's figures"),
    )
}

/// What the envelope must say, worked out by this node alone.
pub(super) fn expected(joint: &Joint, shares: Option<&Shares>) -> Result<Expected, Refusal> {
    let own = joint.plan(1).ok_or_else(|| refused("no noise of this price can be made"))?;
    Ok(Expected {
        layout: own.layout,
        blocks: own.blocks,
        cells_per_block: own.cells_per_block,
        mechanism: own.mechanism,
        max_cell: own.max_cell,
        d1: own.d1,
        d2_squared: own.d2_squared,
        rho_nano: shares.map_or(0, |shares| shares.sum.nano()),
    })
}
