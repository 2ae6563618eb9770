//! Suppressed sums carry no noise, so sums that differ by little must not both be given: over councils, periods, data.
//!
//! Filters are no business of this room: [`folkmoot_proto::disclosure::admissible`] keeps them to shapes that do not
//! differ by little. Nothing here looks at records: a refusal that depended on how many people lie between two questions
//! would tell whoever asks, for nothing, whether there is anybody.
//!
//! # Source
//! The rules for differencing between cohorts in the project's privacy notes: a fixed family of nested or separate
//! cohorts, a least difference with dropouts counted, and one partition of time for each measure.

use std::collections::BTreeSet;
use std::fmt;

use folkmoot_proto::geography::{Geography, Structure};
use folkmoot_proto::ids::{BoardCode, CouncilCode};
use folkmoot_proto::joint::LEAST_SUMMED;
use folkmoot_proto::query::{Canonical, Query};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_runtime::store::Stop;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::{Error, Step, damaged};
use crate::assemble::SnapshotId;
use crate::policy::Policy;

/// A set of councils.
#[derive(Clone, PartialEq, Eq)]
pub struct Cohort(BTreeSet<CouncilCode>);

impl Cohort {
    /// The set of these councils; order and repeats do not matter.
    pub fn new(codes: impl IntoIterator<Item = CouncilCode>) -> Self {
        Self(codes.into_iter().collect())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a council is in it.
    pub fn contains(&self, code: CouncilCode) -> bool {
        self.0.contains(&code)
    }

    /// Whether all of them are in another set.
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// SHA-256 over the codes in order.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Canonical::new("folkmoot/cohort/1");
        for code in &self.0 {
            bytes.text(code.as_str());
        }
        Sha256::digest(bytes.finish()).into()
    }

    fn text(&self) -> String {
        self.0.iter().map(CouncilCode::as_str).collect::<Vec<_>>().join(",")
    }

    fn parse(text: &str) -> Option<Self> {
        text.split(',').map(|code| CouncilCode::parse(code).ok()).collect::<Option<BTreeSet<_>>>().map(Self)
    }

    /// Whether both may be answered: equal, apart, or the one a board within the other, with at least `least` councils
    /// between them, and with at least as many left over however many other boards are asked for too.
    ///
    /// This council sees its own sums alone. The coordinator may ask every other board of the larger set, whose councils
    /// answer by the same rule, and take all of them from it: what is left must not be few either.
    fn goes_with(&self, other: &Self, least: u32) -> bool {
        if self == other || self.0.is_disjoint(&other.0) {
            return true;
        }
        // One or two councils are never enough, whatever the policy says: their sum is theirs.
        let least = (least as usize).max(LEAST_SUMMED);
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        small.within(large) && large.len() - small.len() >= least && small.leaves_enough(large, least)
    }

    /// Whether taking this set, and any choice of other boards, from `large` leaves nobody or at least `least` councils.
    fn leaves_enough(&self, large: &Self, least: usize) -> bool {
        let board_of = |structure: &Structure, code: &CouncilCode| structure.board_of(*code).map(|b| b.code.clone());
        let in_large = |structure: &Structure, board: &Option<BoardCode>| -> BTreeSet<CouncilCode> {
            large.0.iter().filter(|code| board_of(structure, code) == *board).copied().collect()
        };
        let alone = |structure: &Structure, code: &CouncilCode| match board_of(structure, code) {
            None => true,
            board => in_large(structure, &board).len() < LEAST_SUMMED,
        };
        let structures: Vec<&Structure> = Geography::built_in().structures().collect();
        // Whether this set is all of the larger one that lies in one board, or only a part of that.
        let is_board = |structure: &Structure| {
            let boards: BTreeSet<_> = self.0.iter().map(|code| board_of(structure, code)).collect();
            let board = boards.first().filter(|board| boards.len() == 1 && board.is_some());
            board.map(|board| in_large(structure, board) == self.0)
        };
        let whole: Vec<bool> = structures.iter().filter_map(|structure| is_board(structure)).collect();
        if whole.is_empty() {
            return false;
        }
        // No sum of a board ever covers these: they are left over in every case.
        let stuck = large.0.iter().filter(|code| structures.iter().all(|structure| alone(structure, code))).count();
        let nobody_left = whole.iter().all(|whole| *whole)
            && large.0.iter().all(|code| structures.iter().all(|structure| !alone(structure, code)));
        stuck >= least || nobody_left
    }
}

impl fmt::Debug for Cohort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cohort of {}", self.len())
    }
}

/// What two sums must share for one to be taken from the other: the measure. Neither its version and settings, nor how
/// events are told apart, nor filters and breakdown: a slice of one table is a cell of another, and a variant of a method
/// counts nearly the same people.
fn shape(query: &Query) -> [u8; 32] {
    let mut bytes = Canonical::new("folkmoot/family/2");
    bytes.text(query.measure().id);
    Sha256::digest(bytes.finish()).into()
}

fn refusal() -> Refusal {
    Refusal::new(
        Reason::PolicyForbids,
        "this council's policy does not allow this suppressed sum beside those it has answered: councils must be the \
         same, apart, or a board within the others with enough left over; periods the same or apart; and what was \
         answered once is not answered from other data. Ask with a private release kind instead, or for exactly the \
         councils and data of before",
    )
}

struct Earlier {
    attempt: i64,
    days: (i32, i32),
    /// The data behind it, as [`admit`] was told.
    data: [u8; 32],
    members: Cohort,
}

/// Sums of this shape about days of this period.
fn earlier(step: &Step<'_>, shape: [u8; 32], days: (i32, i32)) -> Result<Vec<Earlier>, Stop<Error>> {
    // The column `filters` is older than what it holds: the name of the data.
    let rows = step.all(
        "SELECT attempt, first_day, last_day, filters, members FROM family
         WHERE shape = ?1 AND first_day <= ?3 AND last_day >= ?2 ORDER BY attempt",
        params![shape, days.0, days.1],
        |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?), row.get(3)?, row.get::<_, String>(4)?)),
    )?;
    rows.into_iter()
        .map(|(attempt, days, data, members)| {
            let members = Cohort::parse(&members).ok_or_else(|| damaged("a list of councils"))?;
            Ok(Earlier { attempt, days, data, members })
        })
        .collect()
}

fn days(query: &Query) -> (i32, i32) {
    (query.period().first().number(), query.period().last().number())
}

/// Whether a suppressed sum may be given beside those already given or under way.
///
/// `data` names the data behind it by what is in them, whatever day they are asked for.
///
/// The same sum from other data is what the councils between the two changed, and often that is one council: the one
/// that sent a new file between two as-of days. So a council whose data changed does not answer again, unless its policy
/// leaves time unguarded.
pub(super) fn admit(
    step: &Step<'_>,
    policy: &Policy,
    query: &Query,
    data: &SnapshotId,
    cohort: &Cohort,
) -> Result<Result<(), Refusal>, Stop<Error>> {
    let ours = days(query);
    for before in earlier(step, shape(query), ours)? {
        let same = before.days == ours && before.data == *data.as_bytes();
        if !same && !policy.overlapping_periods() || !cohort.goes_with(&before.members, policy.min_cohort_difference())
        {
            return Ok(Err(refusal()));
        }
    }
    Ok(Ok(()))
}

/// Writes down a sum that is under way, over the councils asked.
pub(super) fn remember(
    step: &Step<'_>,
    attempt: i64,
    query: &Query,
    data: &SnapshotId,
    cohort: &Cohort,
) -> rusqlite::Result<()> {
    let (first, last) = days(query);
    step.execute(
        "INSERT INTO family (attempt, shape, first_day, last_day, filters, members) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![attempt, shape(query), first, last, data.as_bytes(), cohort.text()],
    )
    .map(drop)
}

/// Settles a sum on the councils that remained: who dropped out makes a difference, too.
pub(super) fn settle(step: &Step<'_>, attempt: i64, survivors: &Cohort, least: u32) -> Result<(), Stop<Error>> {
    let own =
        step.one("SELECT shape, first_day, last_day FROM family WHERE attempt = ?1", params![attempt], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, (row.get(1)?, row.get(2)?)))
        })?;
    let (shape, days) = own.ok_or_else(|| damaged("a suppressed sum without its family"))?;
    for before in earlier(step, shape, days)? {
        if before.attempt != attempt && !survivors.goes_with(&before.members, least) {
            return Err(Stop::Because(Error::Refused(refusal())));
        }
    }
    step.execute("UPDATE family SET members = ?2 WHERE attempt = ?1", params![attempt, survivors.text()])?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cohort(codes: &str) -> Cohort {
        Cohort::parse(codes).unwrap()
    }

    /// The councils of boards of the structure until March 2026.
    fn boards(codes: &[&str]) -> Vec<Cohort> {
        let structure = Geography::built_in().structure("icb-2022").unwrap();
        codes.iter().map(|code| Cohort(structure.members(&BoardCode::parse(code).unwrap()))).collect()
    }

    fn all_of(cohorts: &[Cohort]) -> Cohort {
        Cohort(cohorts.iter().flat_map(|cohort| cohort.0.clone()).collect())
    }

    fn without(cohort: &Cohort, few: usize) -> Cohort {
        Cohort(cohort.0.iter().skip(few).copied().collect())
    }

    #[test]
    fn cohorts_go_together_when_equal_apart_or_a_board_within_all() {
        let england = Cohort(Geography::built_in().councils().map(|council| council.code).collect());
        let board = &boards(&["QHM"])[0];
        assert!(board.len() > 5);
        assert!(england.goes_with(&england, 99) && board.goes_with(&boards(&["QMJ"])[0], 99));
        assert!(england.goes_with(board, 5) && board.goes_with(&england, 5));
        assert!(!england.goes_with(board, 150), "not enough between them");
        // The councils of boards of one or two are left over, whoever else is asked; so one may be missing here.
        assert!(england.goes_with(&without(board, 1), 5));
        // England but for a few, however many they are, is no area: the few could be asked for but for one.
        assert!(!england.goes_with(&without(&england, 8), 5));
        assert!(!board.goes_with(&without(board, 3), 3));
        assert!(!board.goes_with(&all_of(&[without(board, 1), boards(&["QMJ"])[0].clone()]), 1), "crossing");
    }

    #[test]
    fn what_is_left_when_every_other_board_is_asked_is_nobody_or_enough() {
        let parts = boards(&["QHM", "QMJ"]);
        let both = all_of(&parts);
        assert!(parts.iter().all(|part| part.len() >= 5));
        assert!(both.goes_with(&parts[0], 5), "nobody is left");
        // Both boards, each asked but for the one or two that its councils may not tell apart: they are left alone.
        for few in [1, 2] {
            assert!(!both.goes_with(&without(&parts[0], few), 1), "{few}");
        }
        // A stranger to both boards: asked with all of them once, it would be what the boards leave.
        let lincolnshire = cohort("503");
        assert!(!all_of(&[both.clone(), lincolnshire.clone()]).goes_with(&parts[0], 1));
    }

    #[test]
    fn a_cohort_s_digest_does_not_depend_on_order() {
        let codes = ["503", "Z9D4Z", "101"].map(|code| CouncilCode::parse(code).unwrap());
        let mut turned = codes;
        turned.reverse();
        assert_eq!(Cohort::new(codes).digest(), Cohort::new(turned).digest());
        assert_ne!(Cohort::new(codes).digest(), cohort("101").digest());
    }
}
