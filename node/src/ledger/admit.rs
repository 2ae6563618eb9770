//! What every question goes through before any work is done for it.

use folkmoot_proto::identity::Identity;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::store::Stop;
use jiff::Timestamp;
use prost::Message as _;
use rusqlite::params;

use super::{Cohort, Error, Ledger, Step, account, damaged, family, refused, stop, witness};
use crate::approval;
use crate::assemble::SnapshotId;
use crate::audit::{Action, Record, chain};
use crate::policy::{Gate, Limit, Nano, OptOut, Policy, Question, Ruling, Scope};

/// The longest a reservation may stand, in seconds: a question that expires in a year must not block a budget for one.
pub(super) const RESERVED_MOST: i64 = 24 * 3600;

/// The outcome of a transaction that commits either way: a refusal is written down, too.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// What would happen with a question, without asking it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Answered now.
    Answer,
    /// Answered from a stored release, at no charge.
    Stored,
    /// Held for a person.
    Hold,
    /// Refused.
    Refuse,
}

/// The price of a question and what would happen with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quote {
    /// What would happen.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Price per person: 0 when stored or suppressed.
    pub price: Nano,
    /// What is left before it is asked; `None` where the policy refuses it, since no cap is looked up then.
    pub left: Option<Left>,
}

/// What is left for a question, before it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// Of the whole budget year.
    pub year: Nano,
    /// The least under any cap it counts against: its price must fit under this.
    pub least: Nano,
    /// Which cap that is: `year`, `query`, or `role`, `purpose` or `measure` with its name.
    pub under: String,
}

/// The facts of an attempt as entries carry them.
pub(super) fn record(action: Action, question: &Question, policy: &Policy) -> Record {
    let query = question.query();
    let mut record = Record::new(action, question.analyst().to_string());
    record.query = Some(question.id().to_string());
    record.question = Some(query.sentence());
    record.measure = Some(query.measure().id.to_owned());
    record.digest = Some(hex::encode(query.digest()));
    record.release = Some(query.release().to_string());
    record.purpose = Some(question.purpose().to_owned());
    record.lawful_basis = Some(question.lawful_basis().to_owned());
    record.policy = Some(hex::encode(policy.digest()));
    record
}

/// What is done about people with a national data opt-out, as entries say it.
pub(super) fn opt_out(ruling: &Ruling) -> String {
    let done = if ruling.opt_out_applied { OptOut::Applied } else { OptOut::NotApplied };
    done.word().to_owned()
}

/// Everything of admission that both kinds share, before an attempt is made.
pub(super) struct Desk<'a> {
    pub(super) policy: &'a Policy,
    pub(super) question: &'a Question,
    pub(super) snapshot: SnapshotId,
    /// Digest of the councils asked; of none for council figures.
    pub(super) cohort: [u8; 32],
    /// Over which councils, and from which data, a suppressed sum is to be remembered.
    pub(super) sum_over: Option<(&'a Cohort, &'a SnapshotId)>,
    /// What it costs here: 0 when this council contributes nothing.
    pub(super) price: Nano,
}

impl Desk<'_> {
    /// Writes a refusal down and passes it on.
    pub(super) fn refuse<T>(&self, step: &Step<'_>, refusal: Refusal) -> Result<Outcome<T>, Stop<Error>> {
        let refused = refused::counted(step, &self.question.analyst().to_string())?;
        if refused > refused::A_DAY {
            return Ok(Err(refusal));
        }
        let mut record = record(Action::Refused, self.question, self.policy);
        record.reason = Some(refusal.reason().code().to_owned());
        record.decision = Some(refusal.sentence().to_owned());
        if refused == refused::A_DAY {
            record.note = Some(refused::last_note("analyst"));
        }
        chain::append(step, &record)?;
        Ok(Err(refusal))
    }

    /// Checks that need nothing but the question: its age, and that its id has not been used for another.
    pub(super) fn check(&self, step: &Step<'_>) -> rusqlite::Result<Outcome<()>> {
        if self.question.expires() <= step.now {
            return Ok(Err(Refusal::new(
                Reason::Expired,
                format!("the question expired at {}; ask it again", self.question.expires()),
            )));
        }
        let known: Option<[u8; 32]> =
            step.one("SELECT digest FROM question WHERE id = ?1", params![self.question.id().as_bytes()], |row| {
                row.get(0)
            })?;
        if known.is_some_and(|digest| digest != self.question.query().digest()) {
            return Ok(Err(Refusal::new(
                Reason::InvalidQuestion,
                "this query id was used for another question; give every question its own",
            )));
        }
        Ok(Ok(()))
    }

    /// The stored release of an equal question on the same data and councils.
    pub(super) fn stored(&self, step: &Step<'_>) -> rusqlite::Result<Option<Vec<u8>>> {
        step.one(
            "SELECT body FROM release WHERE digest = ?1 AND snapshot = ?2 AND cohort = ?3",
            params![self.question.query().digest(), self.snapshot.as_bytes(), self.cohort],
            |row| row.get(0),
        )
    }

    /// Asks people, then the budget, then puts the price aside. The attempt exists from here on.
    pub(super) fn reserve(
        &self,
        step: &Step<'_>,
        ruling: &Ruling,
        kind: &str,
        number: u32,
    ) -> Result<Outcome<i64>, Stop<Error>> {
        // What the budget cannot pay is put before nobody.
        let year = account::year_of(step.now);
        if let Err(refusal) = account::fits(step, &year, &ruling.limits, self.price)? {
            return self.refuse(step, refusal);
        }
        let mut hold = None;
        if let Gate::Hold(why) = &ruling.gate {
            match approval::consult(step, self.policy, self.question, why)? {
                approval::Word::Granted(id) => hold = Some(id),
                approval::Word::Waiting { id, new } => {
                    let sentence = format!(
                        "a person at this council must decide first; it waits there as number {id}. Ask again with the \
                         same question once they have"
                    );
                    let refusal = Refusal::new(Reason::WaitingForApproval, sentence).with("hold", id);
                    if new {
                        let mut record = record(Action::Held, self.question, self.policy);
                        record.hold = Some(id);
                        record.nano = Some(self.price.0);
                        record.decision = Some(why.clone());
                        chain::append(step, &record)?;
                    }
                    return Ok(Err(refusal));
                }
                approval::Word::TooMany(refusal) => return self.refuse(step, refusal),
                approval::Word::Denied { id, reason } => {
                    let sentence = format!("a person at this council refused the question: {reason}");
                    return self.refuse(step, Refusal::new(Reason::Denied, sentence).with("hold", id));
                }
            }
        }
        let (question, id) = (self.question, self.question.id());
        step.execute(
            "INSERT INTO question (id, digest, wire) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![id.as_bytes(), question.query().digest(), wire::Query::from(question.query()).encode_to_vec()],
        )?;
        let expires = question.expires().as_second().min(step.second() + RESERVED_MOST);
        step.execute(
            "INSERT INTO attempt (question, number, kind, state, snapshot, cohort, nano, year, expires, hold)
             VALUES (?1, ?2, ?3, 'seen', ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                id.as_bytes(),
                number,
                kind,
                self.snapshot.as_bytes(),
                self.cohort,
                account::signed(self.price),
                year,
                expires,
                hold
            ],
        )?;
        let attempt = step.inserted();
        account::reserve(step, attempt, &year, &ruling.limits, self.price)?;
        step.execute("UPDATE attempt SET state = 'reserved' WHERE id = ?1", params![attempt])?;
        if let Some((cohort, data)) = self.sum_over {
            family::remember(step, attempt, question.query(), data, cohort)?;
        }
        let mut record = record(Action::Reserved, question, self.policy);
        record.attempt = Some(number);
        record.nano = Some(self.price.0);
        record.accounts = account::held_on(step, attempt)?;
        record.year = Some(year);
        record.snapshot = Some(hex::encode(self.snapshot.as_bytes()));
        record.cohort = Some(hex::encode(self.cohort));
        record.hold = hold;
        record.opt_out = Some(opt_out(ruling));
        record.decision = Some(match hold {
            Some(id) => format!("allowed by policy and by the people who approved number {id}"),
            None => "allowed by policy without a person".to_owned(),
        });
        chain::append(step, &record)?;
        Ok(Ok(attempt))
    }
}

/// One attempt's row, as the later steps need it.
pub(super) struct Attempt {
    pub(super) state: String,
    pub(super) number: u32,
    pub(super) nano: Nano,
    pub(super) expires: i64,
    pub(super) hold: Option<i64>,
}

/// Reads an attempt and checks that it is in `state`.
pub(super) fn attempt_in(step: &Step<'_>, id: i64, state: &str) -> Result<Attempt, Stop<Error>> {
    let row = step.one("SELECT state, number, nano, expires, hold FROM attempt WHERE id = ?1", params![id], |row| {
        Ok(Attempt {
            state: row.get(0)?,
            number: row.get(1)?,
            nano: account::unsigned(row.get(2)?),
            expires: row.get(3)?,
            hold: row.get(4)?,
        })
    })?;
    match row {
        None => Err(damaged("no such attempt")),
        Some(row) if row.state != state => Err(stop(
            Reason::Expired,
            format!("this attempt is {}, not {state}: it was given up, or this step was taken already", row.state),
        )),
        Some(row) if state == "reserved" && row.expires < step.second() => {
            Err(stop(Reason::Expired, "the reservation expired before the answer was ready; ask again"))
        }
        Some(row) => Ok(row),
    }
}

impl Ledger {
    /// What would happen with a question about these data, and what it would cost. Charges and records nothing.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn quote(&self, policy: &Policy, question: &Question, snapshot: SnapshotId) -> Result<Quote, Error> {
        let mut quotes = self.quote_all(policy, std::slice::from_ref(question), snapshot)?;
        quotes.pop().ok_or_else(|| Error::Damaged { what: "no quote".to_owned() })
    }

    /// As [`Ledger::quote`], for questions asked one after the other: each price counts against what is left for the next.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn quote_all(
        &self,
        policy: &Policy,
        questions: &[Question],
        snapshot: SnapshotId,
    ) -> Result<Vec<Quote>, Error> {
        self.store.read_or("quote", |tx| {
            let step = Step::new(tx, self.now());
            let doubt = match witness::in_order(&step) {
                Ok(()) => None,
                Err(Stop::Because(error)) => Some(error.refusal()),
                Err(failed) => return Err(failed),
            };
            let mut planned: Vec<(String, Nano)> = Vec::new();
            let mut quotes = Vec::new();
            for question in questions {
                quotes.push(quote(&step, policy, question, snapshot, doubt.as_ref(), &mut planned)?);
            }
            Ok::<_, Stop<Error>>(quotes)
        })?
    }
}

fn quote(
    step: &Step<'_>,
    policy: &Policy,
    question: &Question,
    snapshot: SnapshotId,
    doubt: Option<&Refusal>,
    planned: &mut Vec<(String, Nano)>,
) -> Result<Quote, Stop<Error>> {
    let no = |refusal: &Refusal, left: Option<Left>| Quote {
        verdict: Verdict::Refuse,
        reason: refusal.sentence().to_owned(),
        price: question.price(),
        left,
    };
    let ruling = match policy.rule(question) {
        Ok(ruling) => ruling,
        Err(refusal) => return Ok(no(&refusal, None)),
    };
    let year = account::year_of(step.now);
    let room = |limit: &Limit| {
        let label = account::label(limit.scope, &limit.name);
        let already = planned.iter().filter(|(known, _)| *known == label).map(|(_, nano)| nano.0).sum::<u64>();
        Ok::<_, rusqlite::Error>(Nano(account::left(step, &year, limit)?.0.saturating_sub(already)))
    };
    let whole = Limit { scope: Scope::Year, name: String::new(), cap: policy.year_cap() };
    let whole = room(&whole)?;
    let mut left = Left { year: whole, least: whole, under: Scope::Year.word().to_owned() };
    for limit in &ruling.limits {
        let here = room(limit)?;
        if here < left.least {
            // A question's own name is a digest, which tells a reader nothing.
            let named = !matches!(limit.scope, Scope::Year | Scope::Query);
            left.least = here;
            left.under =
                if named { format!("{} {}", limit.scope.word(), limit.name) } else { limit.scope.word().to_owned() };
        }
    }
    if let Some(refusal) = doubt {
        return Ok(no(refusal, Some(left)));
    }
    let desk = Desk { policy, question, snapshot, cohort: [0; 32], sum_over: None, price: question.price() };
    if !question.release().is_joint() && desk.stored(step)?.is_some() {
        let reason = "the stored release of an equal question answers it".to_owned();
        return Ok(Quote { verdict: Verdict::Stored, reason, price: Nano(0), left: Some(left) });
    }
    let price = question.price();
    if price > left.least {
        let Left { least, under, .. } = &left;
        let sentence = format!("it costs rho {price}, and rho {least} is left under the tightest cap ({under})");
        return Ok(no(&Refusal::new(Reason::BudgetSpent, sentence), Some(left)));
    }
    let (verdict, reason) = match &ruling.gate {
        Gate::Auto => (Verdict::Answer, "allowed by policy without a person".to_owned()),
        Gate::Hold(why) => match approval::foresee(step, question)? {
            Some(approval::Word::Granted(id)) => (Verdict::Answer, format!("approved as number {id}")),
            Some(approval::Word::Denied { reason, .. }) => (Verdict::Refuse, format!("a person refused it: {reason}")),
            Some(approval::Word::Waiting { id, .. }) => {
                (Verdict::Hold, format!("it waits for a person as number {id}"))
            }
            Some(approval::Word::TooMany(refusal)) => (Verdict::Refuse, refusal.sentence().to_owned()),
            None => (Verdict::Hold, format!("a person must decide first: {why}")),
        },
    };
    if verdict != Verdict::Refuse {
        planned.extend(ruling.limits.iter().map(|limit| (account::label(limit.scope, &limit.name), price)));
    }
    Ok(Quote { verdict, reason, price, left: Some(left) })
}

/// Reads a stored question back.
pub(crate) fn query_of(bytes: &[u8]) -> Option<folkmoot_proto::query::Query> {
    wire::Query::decode(bytes).ok()?.try_into().ok()
}

/// Reads a question back whole from what a hold keeps of it.
pub(crate) fn question_of(
    id: [u8; 16],
    bytes: &[u8],
    analyst: &str,
    purpose: &str,
    basis: &str,
    expires: Timestamp,
) -> Option<Question> {
    let analyst = Identity::parse(analyst).ok()?;
    let id = folkmoot_proto::ids::QueryId::from_bytes(id);
    Question::new(id, query_of(bytes)?, analyst, purpose, basis, expires).ok()
}

/// Who let a question pass, in the words of the log.
pub(super) fn by_whom(hold: Option<i64>) -> String {
    match hold {
        Some(id) => format!("approved by a person as number {id}"),
        None => "allowed by policy without a person".to_owned(),
    }
}
