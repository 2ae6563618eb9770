//! Suppressed sums carry no noise, so sums that differ by little must not both be given: over councils, periods, filters.
//!
//! # Source
//! The rules for differencing between cohorts in the project's privacy notes: a fixed family of nested or separate
//! cohorts, a least difference with dropouts counted, one partition of time for each measure, and a least number of this
//! council's own people between two filters.

use std::collections::BTreeSet;
use std::fmt;

use folkmoot_proto::geography::{Geography, Structure};
use folkmoot_proto::ids::{BoardCode, CouncilCode};
use folkmoot_proto::joint::LEAST_SUMMED;
use folkmoot_proto::query::{Canonical, KeyReading, Query};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_runtime::store::Stop;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::admit::query_of;
use super::{Error, Step, damaged};
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

/// What two sums must share for one to be taken from the other: the measure, its version and settings, and how events
/// are told apart. Neither the breakdown (totals are the same), nor the profile, nor the day of the data.
fn shape(query: &Query) -> [u8; 32] {
    let mut bytes = Canonical::new("folkmoot/family/1");
    bytes.text(query.measure().id).number(u64::from(query.measure().version));
    for (name, value) in query.settings().iter() {
        bytes.text(name).text(value);
    }
    bytes.number(u64::from(query.data().key == KeyReading::Cleaned));
    Sha256::digest(bytes.finish()).into()
}

fn filters(query: &Query) -> [u8; 32] {
    let mut bytes = Canonical::new("folkmoot/filters/1");
    for (place, categories) in query.filters() {
        let dimension = &query.measure().dimensions[*place];
        let labels = dimension.categories.labels(query.period());
        bytes.text(dimension.name).number(categories.len() as u64);
        for &category in categories {
            bytes.text(&labels[category]);
        }
    }
    Sha256::digest(bytes.finish()).into()
}

/// One sentence for every rule here. Which one it was would tell whether filters differ by few people of this council.
fn refusal() -> Refusal {
    Refusal::new(
        Reason::PolicyForbids,
        "this council's policy does not allow this suppressed sum beside those it has answered: councils must be the \
         same, apart, or a board within the others with enough left over; periods the same or apart; filters far enough \
         from each other. Ask with a private release kind instead, or for exactly the councils of before",
    )
}

struct Earlier {
    attempt: i64,
    days: (i32, i32),
    filters: [u8; 32],
    members: Cohort,
    wire: Vec<u8>,
}

fn earlier(step: &Step<'_>, shape: [u8; 32]) -> Result<Vec<Earlier>, Stop<Error>> {
    let rows = step.all(
        "SELECT family.attempt, first_day, last_day, filters, members, question.wire
         FROM family JOIN attempt ON attempt.id = family.attempt JOIN question ON question.id = attempt.question
         WHERE shape = ?1 ORDER BY family.attempt",
        params![shape],
        |row| {
            let days = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, days, row.get(3)?, row.get::<_, String>(4)?, row.get(5)?))
        },
    )?;
    rows.into_iter()
        .map(|(attempt, days, filters, members, wire)| {
            let members = Cohort::parse(&members).ok_or_else(|| damaged("a list of councils"))?;
            Ok(Earlier { attempt, days, filters, members, wire })
        })
        .collect()
}

fn days(query: &Query) -> (i32, i32) {
    (query.period().first().number(), query.period().last().number())
}

fn apart(a: (i32, i32), b: (i32, i32)) -> bool {
    a.1 < b.0 || b.1 < a.0
}

/// Whether a suppressed sum may be given beside those already given or under way.
pub(super) fn admit(
    step: &Step<'_>,
    policy: &Policy,
    query: &Query,
    cohort: &Cohort,
    difference: &dyn Fn(&Query, &Query) -> Result<u64, Refusal>,
) -> Result<Result<(), Refusal>, Stop<Error>> {
    let (ours, own_filters) = (days(query), filters(query));
    for before in earlier(step, shape(query))? {
        if before.days != ours {
            if !apart(before.days, ours) && !policy.overlapping_periods() {
                return Ok(Err(refusal()));
            }
            continue;
        }
        if before.filters == own_filters {
            if !cohort.goes_with(&before.members, policy.min_cohort_difference()) {
                return Ok(Err(refusal()));
            }
            continue;
        }
        let asked = query_of(&before.wire).ok_or_else(|| damaged("a question it cannot read"))?;
        let people = match difference(&asked, query) {
            Ok(people) => people,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if (1..u64::from(policy.min_people_difference())).contains(&people) {
            return Ok(Err(refusal()));
        }
    }
    Ok(Ok(()))
}

/// Writes down a sum that is under way, over the councils asked.
pub(super) fn remember(step: &Step<'_>, attempt: i64, query: &Query, cohort: &Cohort) -> rusqlite::Result<()> {
    let (first, last) = days(query);
    step.execute(
        "INSERT INTO family (attempt, shape, first_day, last_day, filters, members) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![attempt, shape(query), first, last, filters(query), cohort.text()],
    )
    .map(drop)
}

/// Settles a sum on the councils that remained: who dropped out makes a difference, too.
pub(super) fn settle(step: &Step<'_>, attempt: i64, survivors: &Cohort, least: u32) -> Result<(), Stop<Error>> {
    let own = step.one(
        "SELECT shape, first_day, last_day, filters FROM family WHERE attempt = ?1",
        params![attempt],
        |row| Ok((row.get::<_, [u8; 32]>(0)?, (row.get(1)?, row.get(2)?), row.get::<_, [u8; 32]>(3)?)),
    )?;
    let (shape, days, filters) = own.ok_or_else(|| damaged("a suppressed sum without its family"))?;
    for before in earlier(step, shape)? {
        let same = before.attempt != attempt && before.days == days && before.filters == filters;
        if same && !survivors.goes_with(&before.members, least) {
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
