//! One held question, with everything that a person needs to decide.

use folkmoot_proto::query::Query;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{Error, Held, decided, find, line};
use crate::assemble::SnapshotId;
use crate::audit::{Action, chain};
use crate::ledger::{self, Ledger, Verdict};
use crate::local::Preview;
use crate::policy::{Gate, Nano, Policy, Scope};

/// What is left under one cap, in billionths of rho.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Which cap, in words.
    pub name: String,
    /// What is left before the question is answered.
    pub left_nano: u64,
    /// What would be left after it.
    pub after_nano: u64,
    /// The cap.
    pub cap_nano: u64,
}

/// Everything that a person should see before deciding. No `Debug`: see [`Preview`].
#[derive(Clone, Serialize, Deserialize)]
pub struct Shown {
    /// The question.
    pub held: Held,
    /// What is left under each cap it counts against; empty when it costs nothing.
    pub left: Vec<Left>,
    /// The price with its epsilon at the policy's delta.
    pub price: String,
    /// What the policy says to it today.
    pub policy_says: String,
    /// What would leave, computed on this node's own data; the reason when it cannot be shown.
    pub preview: Result<Preview, String>,
}

/// What the node's own records say to a question.
pub struct Look {
    /// What would leave, or why that cannot be shown.
    pub preview: Result<Preview, String>,
    /// Name of the data that it would be answered from.
    pub snapshot: Option<SnapshotId>,
    /// State of the records, against which the decision is held; `None` when they were not looked at.
    pub data: Option<[u8; 32]>,
}

impl Ledger {
    /// One held question with everything a person needs to decide. `look` computes, on this node's own data, what would
    /// leave, with people who opted out left out or not as its second argument says; what it shows is passed on and kept
    /// nowhere. That somebody looked is written down, with the rules and the data that they saw: a decision on others is
    /// refused.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Text`], [`Error::Store`].
    pub fn show(
        &self,
        policy: &Policy,
        id: i64,
        who: &str,
        look: impl FnOnce(&Query, bool) -> Look,
    ) -> Result<Shown, Error> {
        let who = line("name", who, 80)?;
        let kept = self.look("show a held question", |step| find(step, id))?.ok_or(Error::NotFound(id))?;
        let question = kept.question();
        let held = &kept.held;
        let mut left = Vec::new();
        let mut seen = None;
        let (says, preview) = match &question {
            None => {
                let why = "this program cannot read the question any more".to_owned();
                (why.clone(), Err(why))
            }
            Some(question) => match policy.rule(question) {
                Err(refusal) => {
                    let why = format!("it would be refused: {}", refusal.sentence());
                    (why, Err("nothing would leave: today's policy refuses the question".to_owned()))
                }
                Ok(ruling) => {
                    let found = look(question.query(), ruling.opt_out_applied);
                    seen = found.data;
                    if question.price() > Nano(0) {
                        left = self.look("what is left", |step| {
                            let year = ledger::year_of(step.now);
                            ruling
                                .limits
                                .iter()
                                .map(|limit| {
                                    let name = match (limit.scope, limit.name.as_str()) {
                                        (Scope::Year, _) => "everybody together, this year".to_owned(),
                                        (Scope::Query, _) => "this question, all attempts".to_owned(),
                                        (scope, name) => format!("{} {name}, this year", scope.word()),
                                    };
                                    let left = ledger::left_under(step, &year, limit)?.0;
                                    let after_nano = left.saturating_sub(question.price().0);
                                    Ok(Left { name, left_nano: left, after_nano, cap_nano: limit.cap.0 })
                                })
                                .collect()
                        })?;
                    }
                    let stored = match found.snapshot {
                        Some(snapshot) => self
                            .quote(policy, question, snapshot)
                            .map_err(Error::Ledger)
                            .is_ok_and(|quote| quote.verdict == Verdict::Stored),
                        None => false,
                    };
                    let short = left.iter().find(|line| line.left_nano < question.price().0);
                    let says = match (&ruling.gate, short) {
                        _ if stored => {
                            "an equal question was answered on these data before: the same answer leaves again, at \
                                        no charge and without a person"
                                .to_owned()
                        }
                        (_, Some(line)) => format!(
                            "it would be refused: it costs rho {}, and rho {} is left for {}",
                            question.price(),
                            Nano(line.left_nano),
                            line.name
                        ),
                        (Gate::Auto, None) => "it would be answered without a person".to_owned(),
                        (Gate::Hold(why), None) => format!("a person must decide: {why}"),
                    };
                    (says, found.preview)
                }
            },
        };
        self.step("note that somebody looked", |step| {
            step.execute(
                "UPDATE hold SET shown_policy = ?2, shown_data = ?3, shown_at = ?4 WHERE id = ?1",
                params![id, policy.digest(), seen, step.second()],
            )?;
            chain::append(step, &decided(Action::Previewed, held, kept.query.as_ref(), policy, &who))
        })?;
        let price = match held.price_nano {
            0 => "nothing from the privacy budget: figures without noise have no price".to_owned(),
            nano => format!("{} for each person", policy.priced(Nano(nano))),
        };
        Ok(Shown { held: kept.held, left, price, policy_says: says, preview })
    }
}
