//! Suppressed sums carry no noise, so sums that differ by little must not both be given: over councils, periods, filters.
//!
//! # Source
//! The rules for differencing between cohorts in the project's privacy notes: a fixed family of nested or separate
//! cohorts, a least difference with dropouts counted, one partition of time for each measure, and a least number of this
//! council's own people between two filters.

use std::collections::BTreeSet;
use std::fmt;

use folkmoot_proto::ids::CouncilCode;
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

    /// Whether both may be answered: equal, apart, or nested with at least `least` councils between them.
    fn goes_with(&self, other: &Self, least: u32) -> bool {
        if self == other || self.0.is_disjoint(&other.0) {
            return true;
        }
        let (small, large) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        small.within(large) && large.len() - small.len() >= least as usize
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
         same, apart, or nested with enough between them; periods the same or apart; filters far enough from each other. \
         Ask with a private release kind instead, or for exactly the councils of before",
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

    #[test]
    fn cohorts_go_together_when_equal_apart_or_nested_far_enough() {
        let five = cohort("101,102,103,104,105");
        assert!(five.goes_with(&cohort("105,104,103,102,101"), 99));
        assert!(five.goes_with(&cohort("201,202"), 99));
        assert!(five.goes_with(&cohort("101,102"), 3) && cohort("101,102").goes_with(&five, 3));
        assert!(!five.goes_with(&cohort("101,102,103"), 3));
        assert!(!five.goes_with(&cohort("105,106,107,108,109"), 1));
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
