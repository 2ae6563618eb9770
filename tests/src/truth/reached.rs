//! Which rules the data reached: a rule that decides about somebody leaves a mark, so that a test can say what it did not test.

use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static MARKS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes that a rule decided something; returns `decided`, so that it can stand in a condition.
pub(super) fn mark(rule: &'static str, decided: bool) -> bool {
    if decided {
        MARKS.with_borrow_mut(|marks| *marks.entry(rule).or_default() += 1);
    }
    decided
}

/// How often each rule has decided something on this thread.
pub fn rules() -> BTreeMap<&'static str, u64> {
    MARKS.with_borrow(Clone::clone)
}

/// Every rule that can leave a mark.
pub const RULES: &[&str] = &[
    "long-term support: a known value before a later start",
    "long-term support: values that differ on the deciding rows",
    "long-term support: in both age tables",
    "long-term support: death on the day",
    "long-term support: a death that the row does not say",
    "long-term support: end on the day",
    "long-term support: not a service event",
    "LTS001C: a nested spell breaks the chain",
    "LTS001C: a chain over a day's gap",
    "LTS001C: a start exactly a year before",
    "LTS003: youngest of several births",
    "LTS003: a row of no category",
    "LTS004: nobody listed",
    "LTS004: several genders",
    "LTS004: statuses that differ",
    "LTS004: differing under a null gender",
    "LTS004: an unlisted status with a later start",
    "waiting: long-term support within twelve months",
    "waiting: long-term support ended exactly twelve months before",
    "waiting: short-term support within three months",
    "waiting: short-term support ended exactly three months before",
    "waiting: low-level support does not matter",
    "waiting: an invalid outcome stays",
    "waiting: a blank outcome goes",
    "waiting: the request answers itself",
    "waiting: a conversation from July 2025 does not",
    "waiting: an assessment on the day of the conversation",
    "waiting: the service comes first",
    "waiting: the block leads nowhere",
    "waiting: another of the block leads on",
    "waiting: the follow-up before is later",
    "waiting: answered before",
    "waiting: served before",
    "waiting: more than a year",
    "events: open service gives the flag",
    "events: service ended that day gives the flag",
    "costs: below zero",
    "costs: one-off",
    "costs: the frequency wins",
    "costs: planned units",
    "costs: half a pound",
    "pathways: seven days go on",
    "pathways: eight days do not",
    "pathways: an open stay",
    "pathways: a higher service during the stay",
    "pathways: a higher service on the first day",
    "pathways: death before the end",
    "pathways: dead before entry",
    "pathways: left and came back",
    "pathways: support after some days",
    "pathways: end before start",
];
