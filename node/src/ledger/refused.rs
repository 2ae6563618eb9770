//! Refusals in the log: of whoever asked, and of questions and invitations that never got as far as the budget.
//!
//! Whoever may ask may be refused as often as they like, and whoever runs the coordinator may send anything. Without a
//! bound they could fill the disk, and bury in the log what matters. Two hold:
//!
//! - of each identity, [`A_DAY`] refusals in a day are written down; the last of them says so. What the question itself
//!   brings about counts for the analyst whose signature was checked; what the coordinator made wrong counts for the
//!   coordinator, whose certificate opened the link, so that it cannot use up an analyst's share;
//! - of what never got as far as the budget, the same refusal of the same attempt is written once a day.

use folkmoot_proto::identity::Identity;
use folkmoot_proto::reason::Refusal;
use folkmoot_runtime::store::Stop;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::admit::record;
use super::{Error, Ledger, Step};
use crate::audit::{Action, Record, chain};
use crate::policy::{Policy, Question};

/// Refusals of one identity in a day that are written down one by one.
pub(super) const A_DAY: u32 = 500;

/// A question or an invitation to a round that was refused before the ledger was asked for leave.
#[derive(Debug)]
pub struct Unasked<'a> {
    /// The rules in force.
    pub policy: &'a Policy,
    /// On whose account it comes.
    pub whose: Whose<'a>,
    /// Which attempt, for a round whose envelope could be read.
    pub attempt: Option<u32>,
    /// The protocol's own code, when that is what was broken.
    pub code: Option<&'a str>,
}

/// Whose doing a refusal is.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// Of whoever asked: this question, whose signatures were found to hold.
    Asked(&'a Question),
    /// Of the coordinator at the other end of the link.
    Sent {
        /// It, by the certificate that opened the link.
        coordinator: &'a Identity,
        /// The question, when its signatures hold; without, it is not known who asks.
        question: Option<&'a Question>,
    },
}

/// Counts a refusal of `who`; gives how many there were today.
pub(super) fn counted(step: &Step<'_>, who: &str) -> rusqlite::Result<u32> {
    let day = step.second().div_euclid(24 * 3600);
    step.execute("DELETE FROM refusals WHERE day < ?1", params![day])?;
    step.execute(
        "INSERT INTO refusals (day, analyst, refused) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET refused = refused + 1",
        params![day, who],
    )?;
    Ok(today(step, who)?.max(1))
}

fn today(step: &Step<'_>, who: &str) -> rusqlite::Result<u32> {
    let day = step.second().div_euclid(24 * 3600);
    let found =
        step.one("SELECT refused FROM refusals WHERE day = ?1 AND analyst = ?2", params![day, who], |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// What the last refusal that is written down says beside.
pub(super) fn last_note(whose: &str) -> String {
    format!("the {A_DAY}th refusal of this {whose} today: further ones are refused and not written down one by one")
}

impl Ledger {
    /// Writes down that a question, or an invitation to a round, was refused before the ledger was asked. True when an entry
    /// was made, false when the bounds of this module keep it out.
    ///
    /// Works while the ledger is in doubt, too: nothing leaves by it.
    ///
    /// # Errors
    /// [`Error::Store`]. The refusal stands whatever comes of writing it down.
    pub fn note_unasked(&self, unasked: &Unasked<'_>, refusal: &Refusal) -> Result<bool, Error> {
        let Unasked { policy, whose, attempt, code } = *unasked;
        let (who, sender, question) = match whose {
            Whose::Asked(question) => (question.analyst().to_string(), None, Some(question)),
            Whose::Sent { coordinator, question } => (coordinator.to_string(), Some(coordinator), question),
        };
        let code = code.unwrap_or(refusal.reason().code());
        // Ids in what nobody signed are the coordinator's to choose, so they make no refusal another one.
        let about = question.map(|question| question.id().to_string()).unwrap_or_default();
        let same = format!("{who}\n{about}\n{}\n{code}", attempt.unwrap_or(0));
        let same = format!("same {}", hex::encode(Sha256::digest(same)));
        self.store().write_or("note a refused question", |tx| {
            let step = Step::new(tx, self.now());
            if today(&step, &who)? >= A_DAY || today(&step, &same)? > 0 {
                return Ok(false);
            }
            counted(&step, &same)?;
            let refused = counted(&step, &who)?;
            let mut record = match question {
                Some(question) => record(Action::Refused, question, policy),
                None => {
                    let mut record = Record::new(Action::Refused, who.clone());
                    record.policy = Some(hex::encode(policy.digest()));
                    record
                }
            };
            record.attempt = attempt;
            record.reason = Some(code.to_owned());
            record.decision = Some(refusal.sentence().to_owned());
            let mut notes = Vec::new();
            if let (Some(sender), Some(_)) = (sender, question) {
                notes.push(format!("what was wrong came from {sender}"));
            }
            if refused == A_DAY {
                notes.push(last_note(if sender.is_some() { "coordinator" } else { "analyst" }));
            }
            record.note = (!notes.is_empty()).then(|| notes.join("; "));
            chain::append(&step, &record)?;
            Ok::<_, Stop<Error>>(true)
        })?
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use folkmoot_proto::reason::Reason;

    use super::*;
    use crate::audit::Book;
    use crate::ledger::tests::{Bench, ask, council};

    fn refused(ledger: &Ledger) -> Vec<Record> {
        let mut seen = Vec::new();
        Book::of(ledger)
            .entries(1, |entry| {
                let record: Record = serde_json::from_str(&entry.body).unwrap();
                seen.extend((record.action == Action::Refused).then_some(record));
                Ok(())
            })
            .unwrap();
        seen
    }

    fn main() -> Identity {
        "folkmoot://england/coordinator/main".parse().unwrap()
    }

    #[test]
    fn a_question_without_data_is_written_down_with_who_what_and_why_and_once_a_day() {
        let bench = Bench::new();
        let ledger = bench.create();
        let question = bench.question(1, ask(council(1_000_000)));
        let unasked = Unasked { policy: &bench.policy, whose: Whose::Asked(&question), attempt: None, code: None };
        let refusal = Refusal::new(Reason::NoData, "no submission covers a quarter of it");
        assert!(ledger.note_unasked(&unasked, &refusal).unwrap());
        for _ in 0..5 {
            assert!(!ledger.note_unasked(&unasked, &refusal).unwrap(), "the same again is no news");
        }
        assert!(ledger.note_unasked(&unasked, &Refusal::new(Reason::Internal, "broken")).unwrap(), "another reason is");
        bench.pass(24 * 3600);
        assert!(ledger.note_unasked(&unasked, &refusal).unwrap(), "tomorrow it is");
        let entries = refused(&ledger);
        assert_eq!(entries.len(), 3);
        let first = &entries[0];
        assert_eq!(first.who, question.analyst().to_string());
        assert_eq!(first.reason.as_deref(), Some("NO_DATA"));
        assert_eq!(first.purpose.as_deref(), Some("Statistics"));
        assert_eq!(first.decision.as_deref(), Some("no submission covers a quarter of it"));
        assert!(first.query.is_some() && first.lawful_basis.is_some() && first.policy.is_some());
        bench.sound();
    }

    #[test]
    fn a_coordinator_cannot_flood_the_log_nor_use_up_an_analyst_s_share_of_it() {
        let bench = Bench::new();
        let ledger = bench.create();
        let coordinator = main();
        let refusal = Refusal::new(Reason::RoundRefused, "the envelope does not fit");
        let mut written = 0;
        for at in 0..(u16::try_from(A_DAY).unwrap() + 100) {
            let id = folkmoot_proto::ids::QueryId::from_bytes(
                [&at.to_be_bytes()[..], &[0; 14]].concat().try_into().unwrap(),
            );
            let asked = bench.question(1, ask(council(1_000_000)));
            let (basis, expires) = (asked.lawful_basis(), asked.expires());
            let question =
                Question::new(id, asked.query().clone(), asked.analyst().clone(), asked.purpose(), basis, expires)
                    .unwrap();
            let whose = Whose::Sent { coordinator: &coordinator, question: Some(&question) };
            let code = Some("layout-differs");
            let unasked = Unasked { policy: &bench.policy, whose, attempt: Some(1), code };
            written += u32::from(ledger.note_unasked(&unasked, &refusal).unwrap());
        }
        assert_eq!(written, A_DAY);
        assert!(refused(&ledger).last().unwrap().note.as_deref().unwrap().contains("not written down one by one"));
        // The analyst named in them still has all of theirs.
        let question = bench.question(2, ask(council(1_000_000)));
        let own = Unasked { policy: &bench.policy, whose: Whose::Asked(&question), attempt: None, code: None };
        assert!(ledger.note_unasked(&own, &Refusal::new(Reason::NoData, "none")).unwrap());
        // What nobody signed is one entry for each reason, whatever ids it states.
        bench.pass(24 * 3600);
        let whose = Whose::Sent { coordinator: &coordinator, question: None };
        let unknown = Unasked { whose, ..own };
        let forged = Refusal::new(Reason::BadSignature, "the analyst's signature does not hold");
        assert!(ledger.note_unasked(&unknown, &forged).unwrap());
        assert!(!ledger.note_unasked(&unknown, &forged).unwrap());
        assert_eq!(refused(&ledger).last().unwrap().who, coordinator.to_string());
        bench.sound();
    }
}
