//! Joint figures: one attempt of a round, as types that only go forward.

use std::fmt;
use std::marker::PhantomData;

use folkmoot_proto::query::Release;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_runtime::store::Stop;
use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::admit::{Desk, Outcome, attempt_in, by_whom, opt_out, record};
use super::council::Facts;
use super::{Charged, Cohort, Error, Ledger, Step, account, family, stop};
use crate::approval;
use crate::assemble::SnapshotId;
use crate::audit::{Action, chain};
use crate::policy::{Nano, Policy, Question, Terms};

/// The price is put aside; nothing has left.
#[derive(Debug)]
pub struct Reserved;
/// The masked figures may leave; the charge is final.
#[derive(Debug)]
pub struct Masked;
/// The list of remaining councils is signed.
#[derive(Debug)]
pub struct Signed;
/// The shares may leave; the sum can be read.
#[derive(Debug)]
pub struct Unmasked;

/// One attempt of a round at this council. Each step consumes it and gives the next, so no step can be taken twice or
/// out of order; the table's own rules say the same of what is on the disk.
#[must_use = "a round holds a reservation: go on with it or abandon it"]
pub struct Round<S> {
    attempt: i64,
    price: Nano,
    opt_out_applied: bool,
    suppressed: Option<Guard>,
    cohort: Cohort,
    min_survivors: u32,
    facts: Facts,
    state: PhantomData<S>,
}

/// What a suppressed sum must keep to until its survivors are known.
#[derive(Clone, Copy)]
struct Guard {
    min_cohort_difference: u32,
}

impl<S> fmt::Debug for Round<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Round").field("attempt", &self.attempt).field("price", &self.price).finish_non_exhaustive()
    }
}

impl<S> Round<S> {
    fn next<N>(self) -> Round<N> {
        Round {
            attempt: self.attempt,
            price: self.price,
            opt_out_applied: self.opt_out_applied,
            suppressed: self.suppressed,
            cohort: self.cohort,
            min_survivors: self.min_survivors,
            facts: self.facts,
            state: PhantomData,
        }
    }

    /// What was reserved: the mechanism's loss must not be above this.
    pub fn price(&self) -> Nano {
        self.price
    }

    /// Whether people with a national data opt-out must be left out of the figures.
    pub fn opt_out_applied(&self) -> bool {
        self.opt_out_applied
    }

    /// What is needed to write about this attempt in the log, also when it is over.
    pub fn memo(&self) -> Memo {
        Memo { attempt: self.attempt, facts: self.facts.clone() }
    }
}

/// Enough of an attempt to write about it in the log. It moves nothing and holds no reservation.
#[derive(Clone, Debug)]
pub struct Memo {
    attempt: i64,
    facts: Facts,
}

/// What a round asks of this council, beside the question.
#[derive(Debug)]
pub struct RoundRequest<'a> {
    /// The councils asked. Whether they are members is checked against the registry by whoever made this.
    pub cohort: &'a Cohort,
    /// The round's terms, as the node computed or checked them.
    pub terms: Terms,
    /// Names the data by what is in them, whatever day they are asked for; see [`SnapshotId`] for what names an answer.
    pub data: SnapshotId,
    /// False when the question is about no block that this council's people are in: it sends zeros and noise, and it
    /// costs nothing here.
    pub contributes: bool,
}

impl Ledger {
    /// Asks for leave to take part in a round.
    ///
    /// # Errors
    /// [`Error::Refused`] with the policy's, the budget's or a person's no, or because this attempt was seen before;
    /// [`Error::Store`].
    pub fn admit_round(
        &self,
        policy: &Policy,
        question: &Question,
        snapshot: SnapshotId,
        request: &RoundRequest<'_>,
    ) -> Result<Round<Reserved>, Error> {
        if !question.release().is_joint() {
            return Err(Refusal::new(Reason::InvalidQuestion, "council figures are not answered in a round").into());
        }
        let terms = request.terms;
        let ruling = policy.rule(question).and_then(|ruling| {
            let counted = u32::try_from(request.cohort.len()).unwrap_or(u32::MAX);
            if counted != terms.councils || !request.cohort.contains(self.council()) {
                return Err(Refusal::new(
                    Reason::RoundRefused,
                    "the round's list of councils does not fit its terms, or this council is not in it",
                ));
            }
            policy.rule_round(&terms).map(|()| ruling)
        });
        let price = if request.contributes { question.price() } else { Nano(0) };
        let cohort = request.cohort.digest();
        let suppressed = matches!(question.release(), Release::JointSuppressed(_));
        let sum_over = suppressed.then_some((request.cohort, &request.data));
        let desk = Desk { policy, question, snapshot, cohort, sum_over, price };
        let outcome: Outcome<Round<Reserved>> = self.guarded("admit a round", |step| {
            account::sweep(step)?;
            let ruling = match ruling {
                Ok(ruling) => ruling,
                Err(refusal) => return desk.refuse(step, refusal),
            };
            if let Err(refusal) = desk.check(step)? {
                return desk.refuse(step, refusal);
            }
            let seen = step.one(
                "SELECT state FROM attempt WHERE question = ?1 AND number = ?2",
                params![question.id().as_bytes(), terms.attempt],
                |row| row.get::<_, String>(0),
            )?;
            if seen.is_some() {
                let sentence = format!(
                    "attempt {} of this question was seen here before; a new attempt needs its own number and keys",
                    terms.attempt
                );
                return desk.refuse(step, Refusal::new(Reason::RoundRefused, sentence));
            }
            if suppressed
                && let Err(refusal) = family::admit(step, policy, question.query(), &request.data, request.cohort)?
            {
                return desk.refuse(step, refusal);
            }
            let attempt = match desk.reserve(step, &ruling, "round", terms.attempt)? {
                Ok(attempt) => attempt,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let mut facts = record(Action::Masked, question, policy);
            facts.opt_out = Some(opt_out(&ruling));
            let facts = Facts { record: Box::new(facts), digest: question.query().digest(), snapshot, cohort };
            Ok(Ok(Round {
                attempt,
                price,
                opt_out_applied: ruling.opt_out_applied,
                suppressed: suppressed.then(|| Guard { min_cohort_difference: policy.min_cohort_difference() }),
                cohort: request.cohort.clone(),
                min_survivors: terms.min_survivors,
                facts,
                state: PhantomData,
            }))
        })?;
        outcome.map_err(Error::Refused)
    }

    /// Makes the charge final, then hands the masked figures back to be sent. Their digest goes into the log.
    ///
    /// From here on nothing is given back: other councils can unmask without this one.
    ///
    /// # Errors
    /// [`Error::Refused`] when the reservation was given up meanwhile or the ledger is in doubt; [`Error::Store`]. Then
    /// nothing may be sent.
    pub fn mask<T: AsRef<[u8]>>(
        &self,
        round: Round<Reserved>,
        masked: T,
    ) -> Result<(Round<Masked>, Charged<T>), Error> {
        let left: [u8; 32] = Sha256::digest(masked.as_ref()).into();
        let price = self.guarded("charge a round", |step| {
            let row = attempt_in(step, round.attempt, "reserved")?;
            account::charge(step, round.attempt, row.nano)?;
            forward(step, &round, Action::Masked, "masked", |record| {
                record.nano = Some(row.nano.0);
                record.left = Some(hex::encode(left));
                record.decision = Some(by_whom(row.hold));
            })?;
            Ok(row.nano)
        })?;
        Ok((round.next(), Charged::new(masked, price)))
    }

    /// Settles which councils remain, then hands the signature back to be sent. Only one set is ever signed in an attempt.
    ///
    /// # Errors
    /// [`Error::Refused`] when the survivors are not of the cohort, too few, without this council, or (for suppressed
    /// sums) differ from earlier ones by too few councils; [`Error::Store`].
    pub fn sign_survivors<T>(
        &self,
        round: Round<Masked>,
        transcript: [u8; 32],
        survivors: &Cohort,
        signature: T,
    ) -> Result<(Round<Signed>, Charged<T>), Error> {
        self.guarded("sign survivors", |step| {
            attempt_in(step, round.attempt, "masked")?;
            if !survivors.within(&round.cohort) || !survivors.contains(self.council()) {
                return Err(stop(
                    Reason::RoundRefused,
                    "the remaining councils are not all of the cohort, or this one is missing",
                ));
            }
            if survivors.len() < round.min_survivors as usize {
                let sentence = format!("{} councils remain, and {} are needed", survivors.len(), round.min_survivors);
                return Err(stop(Reason::TooFewCouncils, sentence));
            }
            if let Some(guard) = round.suppressed {
                family::settle(step, round.attempt, survivors, guard.min_cohort_difference)?;
            }
            step.execute("UPDATE attempt SET final = ?2 WHERE id = ?1", params![round.attempt, transcript])?;
            forward(step, &round, Action::SurvivorsSigned, "signed_survivors", |record| {
                record.cohort = Some(hex::encode(survivors.digest()));
                record.left = Some(hex::encode(transcript));
            })
        })?;
        Ok((round.next(), Charged::new(signature, Nano(0))))
    }

    /// Writes down that the sum can be read from now on, then hands the shares back to be sent.
    ///
    /// # Errors
    /// [`Error::Refused`] when `transcript` is not the one that was signed, or the ledger is in doubt; [`Error::Store`].
    pub fn unmask<T>(
        &self,
        round: Round<Signed>,
        transcript: [u8; 32],
        shares: T,
    ) -> Result<(Round<Unmasked>, Charged<T>), Error> {
        self.guarded("unmask", |step| {
            let row = attempt_in(step, round.attempt, "signed_survivors")?;
            let signed: Option<Option<[u8; 32]>> =
                step.one("SELECT final FROM attempt WHERE id = ?1", params![round.attempt], |row| row.get(0))?;
            if signed.flatten() != Some(transcript) {
                return Err(stop(Reason::RoundRefused, "another list of remaining councils was signed here"));
            }
            step.execute(
                "INSERT INTO release (digest, snapshot, cohort, attempt, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
                params![
                    round.facts.digest,
                    round.facts.snapshot.as_bytes(),
                    round.facts.cohort,
                    round.attempt,
                    transcript.as_slice()
                ],
            )?;
            approval::use_up(step, row.hold)?;
            forward(step, &round, Action::Unmasked, "unmasked", |record| {
                record.left = Some(hex::encode(transcript));
                record.hold = row.hold;
                record.decision = Some(by_whom(row.hold));
            })
        })?;
        Ok((round.next(), Charged::new(shares, Nano(0))))
    }

    /// Ends a round that ran to its end.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn close(&self, round: Round<Unmasked>) -> Result<(), Error> {
        self.end(&round, "the round ran to its end")
    }

    /// Ends a round early. Before masking the price is given back, afterwards it stands. `why` is for the log.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn abandon<S>(&self, round: Round<S>, why: &str) -> Result<(), Error> {
        self.end(&round, why)
    }

    /// Writes down that a step of an attempt was refused, under the protocol's own code: where a coordinator shows councils
    /// different things, this is where a council can see it afterwards. The attempt stays as it is.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn note_refusal(&self, memo: &Memo, code: &str, sentence: &str) -> Result<(), Error> {
        self.store().write_or("note a refused step of a round", |tx| {
            let step = Step::new(tx, self.now());
            let mut record = about(&step, memo.attempt, &memo.facts, Action::Refused)?;
            record.reason = Some(code.to_owned());
            record.decision = Some(sentence.to_owned());
            chain::append(&step, &record)?;
            Ok::<_, Stop<Error>>(())
        })?
    }

    fn end<S>(&self, round: &Round<S>, why: &str) -> Result<(), Error> {
        self.store().write_or("end a round", |tx| {
            let step = Step::new(tx, self.now());
            let state: Option<String> =
                step.one("SELECT state FROM attempt WHERE id = ?1", params![round.attempt], |row| row.get(0))?;
            match state.as_deref() {
                Some("reserved") => account::refund(&step, round.attempt, why)?,
                Some("masked" | "signed_survivors" | "unmasked") => {
                    forward(&step, round, Action::Closed, "closed", |record| record.decision = Some(why.to_owned()))?;
                }
                _ => {}
            }
            Ok::<_, Stop<Error>>(())
        })?
    }
}

/// Moves an attempt to its next state and writes the entry that says so.
fn forward<S>(
    step: &Step<'_>,
    round: &Round<S>,
    action: Action,
    state: &str,
    fill: impl FnOnce(&mut crate::audit::Record),
) -> Result<(), Stop<Error>> {
    step.execute("UPDATE attempt SET state = ?2 WHERE id = ?1", params![round.attempt, state])?;
    let mut record = about(step, round.attempt, &round.facts, action)?;
    record.accounts = account::held_on(step, round.attempt)?;
    fill(&mut record);
    chain::append(step, &record)?;
    Ok(())
}

/// An entry about an attempt.
fn about(step: &Step<'_>, attempt: i64, facts: &Facts, action: Action) -> Result<crate::audit::Record, Stop<Error>> {
    let mut record = (*facts.record).clone();
    record.action = action;
    record.snapshot = Some(hex::encode(facts.snapshot.as_bytes()));
    record.cohort = Some(hex::encode(facts.cohort));
    let found = step.one("SELECT number, year FROM attempt WHERE id = ?1", params![attempt], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    (record.attempt, record.year) = found.unzip();
    Ok(record)
}
