//! Council figures: reserved, computed, then released together with their charge; afterwards the same bytes for ever.

use folkmoot_proto::reason::{Reason, Refusal};
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::admit::{Desk, Outcome, attempt_in, by_whom, opt_out, record};
use super::{Charged, Error, Ledger, account};
use crate::approval;
use crate::assemble::SnapshotId;
use crate::audit::{Action, chain};
use crate::policy::{Nano, Policy, Question};

/// Stands for "no councils but this one" where joint figures have a digest of their cohort.
const ALONE: [u8; 32] = [0; 32];

/// Leave to compute one answer. It has no copy; giving it to [`Ledger::release`] is the only way to get something that
/// can be sent, and [`Ledger::refund`] the way to give the price back when the work failed.
#[derive(Debug)]
#[must_use = "a grant holds a reservation: release it or refund it"]
pub struct Grant {
    attempt: i64,
    price: Nano,
    opt_out_applied: bool,
    facts: Facts,
}

/// What the later steps write into the log again.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) record: Box<crate::audit::Record>,
    pub(super) digest: [u8; 32],
    pub(super) snapshot: SnapshotId,
    pub(super) cohort: [u8; 32],
}

impl Grant {
    /// What was reserved: the mechanism's loss, as its privacy map gives it, must not be above this.
    pub fn price(&self) -> Nano {
        self.price
    }

    /// Whether people with a national data opt-out must be left out of the figures.
    pub fn opt_out_applied(&self) -> bool {
        self.opt_out_applied
    }
}

/// What came of asking for council figures.
#[derive(Debug)]
pub enum CouncilAdmission {
    /// An equal question was answered on the same data: these bytes left then and leave again.
    Stored(Charged<Vec<u8>>),
    /// The figures may be computed.
    Granted(Grant),
}

impl Ledger {
    /// Asks for leave to answer a question with this council's own figures.
    ///
    /// The decision is written down whatever it is. A granted question that is asked again, after a crash or a lost
    /// reply, is the same attempt and costs nothing more.
    ///
    /// # Errors
    /// [`Error::Refused`] with the policy's, the budget's or a person's no, or the ledger's own when it is in doubt;
    /// [`Error::Store`].
    pub fn admit_council(
        &self,
        policy: &Policy,
        question: &Question,
        snapshot: SnapshotId,
    ) -> Result<CouncilAdmission, Error> {
        if question.release().is_joint() {
            return Err(Refusal::new(Reason::InvalidQuestion, "joint figures are answered in a round").into());
        }
        let ruling = policy.rule(question);
        let desk = Desk { policy, question, snapshot, cohort: ALONE, sum_over: None, price: question.price() };
        let outcome: Outcome<CouncilAdmission> = self.guarded("admit council figures", |step| {
            account::sweep(step)?;
            let ruling = match ruling {
                Ok(ruling) => ruling,
                Err(refusal) => return desk.refuse(step, refusal),
            };
            if let Err(refusal) = desk.check(step)? {
                return desk.refuse(step, refusal);
            }
            if let Some(body) = desk.stored(step)? {
                let mut record = record(Action::Repeated, question, policy);
                record.nano = Some(0);
                record.opt_out = Some(opt_out(&ruling));
                record.left = Some(hex::encode(Sha256::digest(&body)));
                record.snapshot = Some(hex::encode(snapshot.as_bytes()));
                record.decision = Some("an equal question was answered before on the same data".to_owned());
                chain::append(step, &record)?;
                return Ok(Ok(CouncilAdmission::Stored(Charged::stored(body))));
            }
            let id = question.id();
            let latest = step.one(
                "SELECT id, number, state, snapshot FROM attempt WHERE question = ?1 ORDER BY number DESC LIMIT 1",
                params![id.as_bytes()],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, u32>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, [u8; 32]>(3)?,
                    ))
                },
            )?;
            let number = latest.as_ref().map_or(1, |(_, number, ..)| number + 1);
            let attempt = match latest {
                Some((attempt, _, state, data)) if state == "reserved" && data == *snapshot.as_bytes() => attempt,
                other => {
                    // The data changed under an unfinished attempt: it is given up, and the new data are a new attempt.
                    if let Some((attempt, _, state, _)) = other
                        && state == "reserved"
                    {
                        account::refund(step, attempt, "the data changed before the answer was ready")?;
                    }
                    match desk.reserve(step, &ruling, "council", number)? {
                        Ok(attempt) => attempt,
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                }
            };
            let mut facts = record(Action::Released, question, policy);
            facts.opt_out = Some(opt_out(&ruling));
            let facts = Facts { record: Box::new(facts), digest: question.query().digest(), snapshot, cohort: ALONE };
            Ok(Ok(CouncilAdmission::Granted(Grant {
                attempt,
                price: desk.price,
                opt_out_applied: ruling.opt_out_applied,
                facts,
            })))
        })?;
        outcome.map_err(Error::Refused)
    }

    /// Makes the charge final and the figures a stored release, in one transaction, then hands the bytes back to be sent.
    ///
    /// When an equal question was released meanwhile, those bytes come back instead, this reservation is given back, and
    /// `figures` must be forgotten: two different draws of noise for one charge must never both leave.
    ///
    /// # Errors
    /// [`Error::Refused`] when the reservation was given up meanwhile or the ledger is in doubt; [`Error::Store`]. Then
    /// nothing may be sent; the reservation is given back when it expires.
    pub fn release(&self, grant: Grant, figures: Vec<u8>) -> Result<Charged<Vec<u8>>, Error> {
        let Grant { attempt, facts, .. } = grant;
        self.guarded("release council figures", |step| {
            let stored = step.one(
                "SELECT body FROM release WHERE digest = ?1 AND snapshot = ?2 AND cohort = ?3",
                params![facts.digest, facts.snapshot.as_bytes(), facts.cohort],
                |row| row.get::<_, Vec<u8>>(0),
            )?;
            if let Some(body) = stored {
                account::refund(step, attempt, "an equal question was released meanwhile")?;
                let mut record = *facts.record;
                record.action = Action::Repeated;
                record.nano = Some(0);
                record.left = Some(hex::encode(Sha256::digest(&body)));
                chain::append(step, &record)?;
                return Ok(Charged::stored(body));
            }
            let row = attempt_in(step, attempt, "reserved")?;
            account::charge(step, attempt, row.nano)?;
            step.execute("UPDATE attempt SET state = 'released' WHERE id = ?1", params![attempt])?;
            step.execute(
                "INSERT INTO release (digest, snapshot, cohort, attempt, body) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![facts.digest, facts.snapshot.as_bytes(), facts.cohort, attempt, figures],
            )?;
            approval::use_up(step, row.hold)?;
            let mut record = *facts.record;
            record.attempt = Some(row.number);
            record.nano = Some(row.nano.0);
            record.year = step.one("SELECT year FROM attempt WHERE id = ?1", params![attempt], |row| row.get(0))?;
            record.accounts = account::held_on(step, attempt)?;
            record.snapshot = Some(hex::encode(facts.snapshot.as_bytes()));
            record.left = Some(hex::encode(Sha256::digest(&figures)));
            record.hold = row.hold;
            record.decision = Some(by_whom(row.hold));
            chain::append(step, &record)?;
            Ok(Charged::new(figures, row.nano))
        })
    }

    /// Gives a reservation back because the work failed and nothing left. `why` is for the log: no figures in it.
    ///
    /// # Errors
    /// [`Error::Store`]; the reservation then lapses when it expires.
    pub fn refund(&self, grant: Grant, why: &str) -> Result<(), Error> {
        Ok(self.step("refund council figures", |step| account::refund(step, grant.attempt, why))?)
    }
}
