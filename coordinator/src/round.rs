//! Joint figures: drives the protocol's coordinator over the councils' links and keeps what may be kept.
//!
//! ```text
//! members linked now -> cohort, parameters -> envelope -> advertise, share, mask, consent, unmask -> sum -> Total
//!        ^ at most three attempts, each with fresh keys and noise and without those who refused
//! ```
//!
//! - **One council never fails the others** as long as enough remain: who refuses, is silent or sends what does not hold
//!   is named with its reason and left out.
//! - **An attempt's number is on the disk before anybody is asked**, so that no crash uses it twice; a round in flight at
//!   a crash is abandoned.
//! - The exact sum of a suppressed question is never stored: it is hidden and rounded in memory.
//! - Of every round that gave a sum a record is kept ([`Keep`]) that anybody who may see it can check offline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{self, Areas, Joint};
use folkmoot_proto::limits;
use folkmoot_proto::reason::Reason;
use folkmoot_proto::registry::VerifiedRegistry;
use folkmoot_proto::round::coordinator::{self, Outcome as Ended};
use folkmoot_proto::round::{Envelope, Failure, Parameters, Roll, Signatory, parameters};
use folkmoot_runtime::clock::Clock;
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::collect::{Collect, Context, Councils, Progress};
use crate::outcome::{Outcome, State};
use crate::plan::Plan;
use crate::scope::Level;
use crate::store::{self, Store};
use crate::total::{self, Facts, Total};
use crate::witness::Witness;

mod drive;
mod keep;

use keep::Spool;

pub use keep::Keep;

/// What a coordinator asks of its rounds. Defaults in `config`.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Share of the councils assumed to collude with us, in percent.
    pub colluding_percent: u16,
    /// The fewest so assumed, as far as the cohort allows.
    pub colluding_least: u16,
    /// Share of the councils that may drop out, in percent; one at least.
    pub dropouts_percent: u16,
    /// How long one step may take.
    pub step: Duration,
    /// How long a council that was linked before and is not now is waited for.
    pub reconnect: Duration,
    /// Between two looks at a council where a person must decide.
    pub ask_again: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            colluding_percent: 10,
            colluding_least: 2,
            dropouts_percent: 5,
            step: limits::ROUND_STEP_DEADLINE,
            reconnect: Duration::from_secs(5),
            ask_again: Duration::from_secs(5),
        }
    }
}

impl Terms {
    /// Longest that one attempt waits for people, so that with its five steps it is not open for more than councils allow.
    fn most_wait(&self) -> Duration {
        MOST_WAIT.min(MOST_OPEN.saturating_sub(self.step * 5 + CLOCKS * 3))
    }

    /// `n`, `c`, `t` and `s_min` for a cohort of this size; `None` below three councils.
    fn parameters(&self, councils: usize) -> Option<Parameters> {
        let n = u16::try_from(councils).ok().filter(|n| (parameters::MIN_NODES..=parameters::MAX_NODES).contains(n))?;
        let percent = |share: u16| (u32::from(n) * u32::from(share)).div_ceil(100) as u16;
        let colluding = percent(self.colluding_percent).max(self.colluding_least).min(n - 2);
        let threshold = (n + colluding) / 2 + 1;
        let dropouts = percent(self.dropouts_percent).max(1);
        Parameters::new(councils, colluding, n.saturating_sub(dropouts).max(threshold)).ok()
    }
}

/// Gathers joint figures.
pub struct JointFigures {
    councils: Arc<dyn Councils>,
    store: Store,
    clock: Arc<dyn Clock>,
    registry: VerifiedRegistry,
    own: Identity,
    signing: SigningKey,
    terms: Terms,
    keep: Option<Keep>,
}

/// What an attempt came to.
enum Attempt {
    /// A sum, and the masked vectors for its record.
    Done(Box<Ended>, Option<Arc<Spool>>),
    /// None, and why; another attempt may do better.
    Failed(String),
    /// None, since people at councils have not decided; another attempt would find the same.
    Held,
}

/// Longest that one attempt waits for people.
const MOST_WAIT: Duration = Duration::from_secs(22 * 3600);
/// Councils refuse a round that would be open for longer.
const MOST_OPEN: Duration = Duration::from_secs(24 * 3600);
/// A round is open this long before it begins and after it ends, as clocks of councils may be a little off.
const CLOCKS: Duration = Duration::from_secs(60);
/// Longest that councils which are down are waited for before a round, of a request that says how long it waits.
const MOST_LINK_WAIT: Duration = Duration::from_secs(15 * 60);

/// Until when a job waits. Set once, before its first attempt: what one attempt has used, the next has not.
#[derive(Clone, Copy)]
struct Deadlines {
    /// For councils that were linked before and are not now.
    links: Instant,
    /// For people at councils.
    people: Instant,
}

impl Deadlines {
    /// Who waits long for people does not spend that time on a council that is down: nobody is asked meanwhile.
    fn new(now: Instant, wait: Duration, explicit: bool, reconnect: Duration) -> Self {
        let links = if explicit { (wait / 4).min(MOST_LINK_WAIT).max(reconnect).min(wait) } else { reconnect };
        Self { links: now + links, people: now + wait.min(MOST_OPEN * 365) }
    }
}

/// What a suppressed sum that was not opened tells whoever asked.
fn not_opened(outcomes: &BTreeMap<CouncilCode, Outcome>) -> String {
    let held: Vec<String> =
        outcomes.iter().filter(|(_, o)| o.state == State::Held).map(|(code, _)| code.to_string()).collect();
    format!(
        "the sum was not opened, and nothing has left any council: people have not decided yet at {} of them ({}). A sum \
         without noise is given once for a choice of councils: those that had answered would refuse it later with these \
         added. Ask again when they have decided (or with a longer wait), or say that it is to go on without them \
         (--without-held)",
        held.len(),
        held.join(", ")
    )
}

/// What a job tells whose attempts were all cut short, so that none of them could say why.
fn interrupted() -> String {
    format!(
        "the coordinator was restarted during each of the {} attempts that one question has, and what they had asked was given \
         up; ask again",
        parameters::MAX_ATTEMPTS
    )
}

impl JointFigures {
    /// Over these links, among the members of this registry, as the coordinator `own` with its signing key.
    pub fn new(
        councils: Arc<dyn Councils>,
        store: Store,
        clock: Arc<dyn Clock>,
        registry: VerifiedRegistry,
        own: Identity,
        signing: SigningKey,
        terms: Terms,
    ) -> Self {
        Self { councils, store, clock, registry, own, signing, terms, keep: None }
    }

    /// Keeps a record of every round.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or(0)
    }

    /// The members that a plan can be asked of. For one board in a private question that is everybody, so that the
    /// board's few councils are not alone with their noise; else the plan's own councils.
    fn eligible(&self, plan: &Plan, areas: &Areas) -> BTreeSet<CouncilCode> {
        let now = self.clock.now();
        let members = self.registry.registry().members().iter();
        let in_force =
            members.filter(|m| m.valid_from <= now && now <= m.valid_until).map(|m| m.council).collect::<BTreeSet<_>>();
        let whole_board = matches!(areas, Areas::Board(..))
            && plan.query().release().rho().is_some()
            && areas.blocks().iter().all(|block| &block.members == plan.councils());
        if whole_board { in_force } else { in_force.intersection(plan.councils()).copied().collect() }
    }

    /// Waits for those who were linked before; then the linked ones.
    async fn linked(
        &self,
        eligible: &BTreeSet<CouncilCode>,
        until: Instant,
    ) -> Result<BTreeSet<CouncilCode>, store::Error> {
        let seen = self.store.off_thread(|store| store.councils_seen()).await?;
        let mut linked = self.councils.watch();
        loop {
            let there: BTreeSet<CouncilCode> =
                eligible.iter().copied().filter(|code| self.councils.channel(*code).is_some()).collect();
            let missing = eligible.iter().any(|code| seen.contains(code) && !there.contains(code));
            let left = until.saturating_duration_since(Instant::now());
            if !missing || left.is_zero() || !matches!(timeout(left, linked.changed()).await, Ok(Ok(()))) {
                return Ok(there);
            }
        }
    }

    /// Everybody whose signatures count in this question's rounds. The analyst's chain was checked when it was asked.
    fn roll(&self, context: &Context) -> Result<Roll, String> {
        let mut roll = Roll::from_registry(&self.registry).map_err(|error| error.to_string())?;
        let always = |key| Signatory { key, valid_from: 0, valid_to: u64::MAX };
        roll.add_coordinator(&self.own.to_string(), always(self.signing.verifying_key()))
            .map_err(|error| error.to_string())?;
        let leaf = context.signed.analyst.chain.first().ok_or("the question holds no certificate of the analyst")?;
        let certificate = folkmoot_runtime::tls::Certificate::read(&CertificateDer::from(leaf.as_slice()))
            .map_err(|refusal| refusal.to_string())?;
        let key = certificate.ed25519_key.and_then(|key| VerifyingKey::from_bytes(&key).ok());
        let key = key.ok_or("the analyst's signing key is no Ed25519 key")?;
        let analyst = context.signed.question.analyst().to_string();
        roll.add_analyst(&analyst, always(key)).map_err(|error| error.to_string())?;
        Ok(roll)
    }

    fn envelope(
        &self,
        context: &Context,
        joint: &Joint,
        cohort: &BTreeSet<CouncilCode>,
        parameters: &Parameters,
        (attempt, wait): (u8, Duration),
    ) -> Result<Envelope, String> {
        let question = &context.signed.question;
        let signature = context.mandate.as_slice().try_into();
        let signature = signature.map_err(|_| "the question came without the analyst's signature for rounds")?;
        let plan = joint.plan(parameters.honest_floor()).ok_or("no noise of this price can be made")?;
        let now = self.now();
        let mut codes: Vec<String> = cohort.iter().map(ToString::to_string).collect();
        codes.sort();
        let step_seconds = u32::try_from(self.terms.step.as_secs()).unwrap_or(u32::MAX).max(1);
        let envelope = Envelope {
            mandate: joint::mandate(question, signature),
            code_lists: joint::lists_text(joint.areas()),
            period: joint::period_text(question.query()),
            cohort: codes,
            registry: *self.registry.hash(),
            plan,
            colluding: parameters.colluding(),
            threshold: parameters.threshold(),
            min_survivors: parameters.min_survivors(),
            attempt,
            not_before: now.saturating_sub(CLOCKS.as_secs()),
            expiry: now + wait.as_secs() + 5 * u64::from(step_seconds) + CLOCKS.as_secs(),
            step_seconds,
            coordinator: self.own.to_string(),
            signature: [0; 64],
        };
        Ok(envelope.sign(&self.signing))
    }

    async fn attempt(
        &self,
        context: &Context,
        joint: &Joint,
        cohort: &BTreeSet<CouncilCode>,
        parameters: &Parameters,
        (attempt, people): (u8, Instant),
        (outcomes, held): (&mut BTreeMap<CouncilCode, Outcome>, mpsc::UnboundedSender<(CouncilCode, Outcome)>),
    ) -> Attempt {
        // The round is open for as long as it is waited for: both from one moment.
        let begins = Instant::now();
        let wait = people.saturating_duration_since(begins).min(self.terms.most_wait());
        let begun = self.roll(context).and_then(|roll| {
            let envelope = self.envelope(context, joint, cohort, parameters, (attempt, wait))?;
            coordinator::Round::new(envelope, &roll, self.now()).map_err(|failure| sentence(&failure))
        });
        let round = match begun {
            Ok(round) => round,
            Err(why) => return Attempt::Failed(why),
        };
        let steps = drive::Steps {
            councils: Arc::clone(&self.councils),
            signed: (&context.signed).into(),
            witness: Witness::new(self.store.clone(), Arc::clone(&self.clock)),
            step: self.terms.step,
            ask_again: self.terms.ask_again,
            until: begins + wait,
            spool: self.spool(context).await,
            whole: context.plan.query().release().rho().is_none() && !context.without_held,
            held,
        };
        match steps.run(round, &self.signing, outcomes).await {
            Ok(ended) => Attempt::Done(Box::new(ended), steps.spool),
            Err(drive::Ending::Failed(failure)) => Attempt::Failed(sentence(&failure)),
            Err(drive::Ending::Held) => Attempt::Held,
        }
    }

    /// A place for the masked vectors of a round with noise. Without one the round goes on, unrecorded.
    async fn spool(&self, context: &Context) -> Option<Arc<Spool>> {
        let (keep, id) = (self.keep.clone()?, context.id);
        context.plan.query().release().rho()?;
        match tokio::task::spawn_blocking(move || keep.spool(id)).await {
            Ok(Ok(spool)) => Some(Arc::new(spool)),
            Ok(Err(error)) => {
                tracing::error!(job = %id, %error, "the masked vectors of a round cannot be kept: it will have no record");
                None
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Writes the record of a round. A round without one is no worse a round, so a failure is told and survived.
    async fn record(&self, context: &Context, ended: Box<Ended>, spool: Option<Arc<Spool>>) -> (Box<Ended>, bool) {
        let private = context.plan.query().release().rho().is_some();
        let Some(keep) = self.keep.clone().filter(|_| spool.is_some() || !private) else { return (ended, false) };
        let (id, analyst, key) = (context.id, context.signed.analyst.chain.clone(), self.signing.clone());
        let written = tokio::task::spawn_blocking(move || {
            let written = keep.write(id, &analyst, &ended, spool.as_deref(), &key);
            (ended, written)
        });
        match written.await {
            Ok((ended, Ok(()))) => (ended, true),
            Ok((ended, Err(error))) => {
                tracing::error!(job = %id, %error, "the record of a round could not be written");
                (ended, false)
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn total(&self, plan: &Plan, joint: &Joint, ended: &Ended, facts: Facts) -> Total {
        Total { blocks: total::blocks(plan.query(), joint, &ended.sum, &facts.survivors), facts }
    }
}

/// What went wrong, the first cause first. What comes after it often follows from it: without the councils of a failed attempt
/// others find the next one too small.
fn after(first: &str, next: &str) -> String {
    if first.is_empty() { next.to_owned() } else { format!("{first}; after that, {next}") }
}

fn sentence(failure: &Failure) -> String {
    match std::error::Error::source(failure) {
        Some(cause) => format!("{failure}: {cause}"),
        None => failure.to_string(),
    }
}

/// The areas of one round that a plan needs.
pub fn areas_of(plan: &Plan) -> Areas {
    let scope = plan.scope();
    let structure = scope.structure().version.to_owned();
    match (scope.level(), scope.board()) {
        (_, Some(board)) => Areas::Board(structure, board.clone()),
        (Level::Region, None) => Areas::Regions,
        (Level::Board, None) => Areas::Boards(structure),
        (Level::England | Level::Council, None) => Areas::England,
    }
}

#[tonic::async_trait]
impl Collect for JointFigures {
    async fn collect(&self, context: &Context, progress: &dyn Progress) -> Result<(), store::Error> {
        let (plan, id) = (&context.plan, context.id);
        if self.store.off_thread(move |store| store.total(id)).await?.is_some() {
            return Ok(());
        }
        let areas = areas_of(plan);
        let joint = match Joint::of(plan.query(), &areas) {
            Ok(joint) => joint,
            Err(error) => {
                let note = error.to_string();
                return self.store.off_thread(move |store| store.note_round(id, &note)).await;
            }
        };
        let eligible = self.eligible(plan, &areas);
        let mut outcomes: BTreeMap<CouncilCode, Outcome> = BTreeMap::new();
        for code in plan.councils().difference(&eligible) {
            let text = "it is not in the federation's membership registry, or its signing certificate is not in force";
            outcomes.insert(*code, Outcome::new(State::Refused, Reason::NotAMember.code(), text));
        }
        let wait = Deadlines::new(Instant::now(), context.wait, context.explicit_wait, self.terms.reconnect);
        let (mut attempt, mut note) = self.store.off_thread(move |store| store.attempts(id)).await?;
        let (mut done, mut tried) = (None, false);
        if attempt >= parameters::MAX_ATTEMPTS && note.is_empty() {
            note = interrupted();
        }
        while attempt < parameters::MAX_ATTEMPTS {
            // Who fell out of an attempt has a moment to come back.
            let patience = if tried { wait.links.max(Instant::now() + self.terms.reconnect) } else { wait.links };
            tried = true;
            let linked = self.linked(&eligible, patience).await?;
            for code in eligible.difference(&linked) {
                outcomes.insert(*code, Outcome::new(State::Unreachable, "", "its node is not connected"));
            }
            let out = |code: &CouncilCode| {
                outcomes.get(code).is_some_and(|o| matches!(o.state, State::Refused | State::Malformed | State::Held))
            };
            let cohort: BTreeSet<CouncilCode> = linked.iter().copied().filter(|code| !out(code)).collect();
            let Some(parameters) = self.terms.parameters(cohort.len()) else {
                if note.is_empty() || cohort.len() < usize::from(parameters::MIN_NODES) {
                    let few = format!("a round needs 3 to 255 councils, and {} can take part", cohort.len());
                    note = after(&note, &few);
                }
                break;
            };
            attempt += 1;
            self.store.off_thread(move |store| store.begin_attempt(id, attempt)).await?;
            tracing::info!(job = %id, attempt, councils = cohort.len(), "a round begins");
            let mut parts = BTreeMap::new();
            let (sender, mut held) = mpsc::unbounded_channel();
            let came = {
                let which = (attempt, wait.people);
                let attempting = self.attempt(context, &joint, &cohort, &parameters, which, (&mut parts, sender));
                tokio::pin!(attempting);
                loop {
                    tokio::select! {
                        came = &mut attempting => break came,
                        Some((code, outcome)) = held.recv() => {
                            if plan.councils().contains(&code) {
                                progress.council(code, outcome, None).await?;
                            }
                            progress.waiting(true).await?;
                        }
                    }
                }
            };
            progress.waiting(false).await?;
            outcomes.extend(parts.clone());
            match came {
                Attempt::Done(ended, spool) => {
                    done = Some((ended, spool, cohort, parameters));
                    break;
                }
                Attempt::Held => {
                    note = not_opened(&parts);
                    break;
                }
                Attempt::Failed(why) => {
                    tracing::warn!(job = %id, attempt, why, "a round gave no sum");
                    note = after(&note, &format!("attempt {attempt}: {why}"));
                    let told = note.clone();
                    self.store.off_thread(move |store| store.note_round(id, &told)).await?;
                    // The same councils without a reason to do otherwise would do the same again.
                    if parts.is_empty() {
                        break;
                    }
                }
            }
        }
        if let Some((ended, spool, cohort, parameters)) = done {
            let (ended, recorded) = self.record(context, ended, spool).await;
            let survivors: BTreeSet<CouncilCode> =
                ended.sum.councils.iter().filter_map(|code| CouncilCode::parse(code).ok()).collect();
            let transcript = ended.transcript.encode();
            let envelope = Envelope::decode(&ended.transcript.envelope).ok();
            let facts = Facts {
                attempt,
                areas: areas.to_string(),
                registry_version: self.registry.registry().version(),
                registry: hex::encode(self.registry.hash()),
                cohort,
                survivors: survivors.clone(),
                colluding: parameters.colluding(),
                threshold: parameters.threshold(),
                min_survivors: parameters.min_survivors(),
                grid: ended.sum.grid,
                sigma_nano: envelope.map_or(0, |envelope| envelope.plan.sigma_nano),
                transcript_sha256: hex::encode(Sha256::digest(&transcript)),
                recorded,
            };
            let total = self.total(plan, &joint, &ended, facts);
            self.store.off_thread(move |store| store.save_total(id, &total)).await?;
            for code in survivors {
                outcomes.insert(code, Outcome::new(State::Answered, "", ""));
            }
        } else {
            self.store.off_thread(move |store| store.note_round(id, &note)).await?;
        }
        for (code, outcome) in outcomes {
            if plan.councils().contains(&code) {
                progress.council(code, outcome, None).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_waits_until_one_moment_and_spends_little_of_it_on_councils_that_are_down() {
        let (now, reconnect) = (Instant::now(), Duration::from_secs(5));
        let waits = |wait, explicit| {
            let until = Deadlines::new(now, Duration::from_secs(wait), explicit, reconnect);
            ((until.links - now).as_secs(), (until.people - now).as_secs())
        };
        assert_eq!(waits(60, false), (5, 60));
        assert_eq!(waits(1, true), (1, 1));
        assert_eq!(waits(12, true), (5, 12));
        assert_eq!(waits(3600, true), (900, 3600));
        assert_eq!(waits(22 * 3600, true), (900, 22 * 3600));
        assert_eq!(waits(u64::from(u32::MAX), true).0, 900);
    }

    #[test]
    fn a_round_is_never_open_for_longer_than_councils_allow() {
        for step in [1, 60, 600, 3600] {
            let terms = Terms { step: Duration::from_secs(step), ..Terms::default() };
            let open = terms.most_wait() + terms.step * 5 + CLOCKS * 2;
            assert!(open < MOST_OPEN && terms.most_wait() >= Duration::from_secs(18 * 3600), "{step}: {open:?}");
        }
        assert_eq!(Terms::default().most_wait(), MOST_WAIT);
    }

    #[test]
    fn parameters_follow_the_cohort_and_keep_the_protocols_rules() {
        let terms = Terms::default();
        assert!(terms.parameters(2).is_none() && terms.parameters(256).is_none());
        let numbers = |n| terms.parameters(n).map(|p| (p.colluding(), p.threshold(), p.min_survivors()));
        assert_eq!(numbers(3), Some((1, 3, 3)));
        assert_eq!(numbers(5), Some((2, 4, 4)));
        assert_eq!(numbers(10), Some((2, 7, 9)));
        assert_eq!(numbers(153), Some((16, 85, 145)));
        assert!((3..=255).all(|n| terms.parameters(n).is_some()));
    }
}
