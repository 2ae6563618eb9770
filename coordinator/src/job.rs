//! Durable jobs: a question on its way through the councils to a release.
//!
//! ```text
//! submit -> planned -> asking -> (waiting) -> merging -> released
//!                         \________\____________\-----> failed, with the reason
//! ```
//!
//! - **Everything that matters is in the store before it is told.** A job that a restart interrupts goes on where it was:
//!   answers that arrived are kept, and only the other councils are asked again, with the same question id, so that a
//!   council that had answered returns what it stored at no new charge.
//! - **One council never fails the others.** Down, slow, refusing, waiting for a person or sending nonsense: it is named
//!   with its reason, and the release is made from the rest.
//! - **How figures are gathered is a strategy** ([`Collect`]): council figures are asked for, one council at a time;
//!   joint figures come out of a round over all of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::{CouncilCode, JobId, ReleaseId};
use folkmoot_proto::joint::Joint;
use folkmoot_proto::period::Day;
use folkmoot_proto::question::SignedQuestion;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::clock::Clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::collect::{Collect, Context, Councils, Patience, Progress as _};
use crate::figures::CouncilFigures;
use crate::outcome::{Outcome, State};
use crate::plan::Plan;
use crate::receipts::Keeper;
use crate::release::{Gathered, Place, Release};
use crate::store::{self, Job, JobState, Store};

mod report;
mod revision;

use report::{Report, report_line};
use revision::{denials, reasons, revision_reason, series};

/// A job could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed; nothing can be promised without it.
    #[error("running job {job}")]
    Store {
        /// The job.
        job: JobId,
        /// Why.
        source: store::Error,
    },
    /// The job's own question does not read back.
    #[error("job {job} cannot go on: {refusal}")]
    Question {
        /// The job.
        job: JobId,
        /// Why.
        refusal: Refusal,
    },
}

/// All jobs. Clones share them.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    patience: Patience,
    figures: Arc<dyn Collect>,
    /// How joint figures are gathered; `None` when this coordinator runs no rounds.
    joint: Option<Arc<dyn Collect>>,
    /// Fires with every stored event of a job that runs here.
    changes: Mutex<BTreeMap<JobId, watch::Sender<u64>>>,
    /// Who takes receipts of the councils of a job that is over.
    receipts: OnceLock<Arc<Keeper>>,
    stop: CancellationToken,
}

impl Jobs {
    /// No job runs yet; [`Jobs::resume`] takes up those in the store.
    pub fn new(
        store: Store,
        councils: Arc<dyn Councils>,
        clock: Arc<dyn Clock>,
        patience: Patience,
        joint: Option<Arc<dyn Collect>>,
        stop: CancellationToken,
    ) -> Self {
        let figures = Arc::new(CouncilFigures::new(councils, store.clone(), Arc::clone(&clock), patience));
        let changes = Mutex::default();
        Self {
            inner: Arc::new(Inner { store, clock, patience, figures, joint, changes, receipts: OnceLock::new(), stop }),
        }
    }

    /// Has receipts of the councils taken when a job is over. The first keeper stays.
    pub fn take_receipts(&self, keeper: Arc<Keeper>) {
        let _ = self.inner.receipts.set(keeper);
    }

    /// Whether questions with this protection can be asked here.
    ///
    /// # Errors
    /// The [`Refusal`] to give.
    pub fn check_kind(&self, plan: &Plan) -> Result<(), Refusal> {
        if plan.query().release().is_joint() && self.inner.joint.is_none() {
            return Err(Refusal::new(
                Reason::NotAllowed,
                format!(
                    "this coordinator runs no rounds (its settings name no registry and governance key), so {} figures \
                     cannot be asked for: use council-suppressed or council-private",
                    plan.query().release().word()
                ),
            ));
        }
        if plan.query().release().is_joint() {
            Joint::of(plan.query(), &crate::round::areas_of(plan))
                .map_err(|error| Refusal::new(Reason::InvalidQuestion, error.to_string()))?;
        }
        Ok(())
    }

    /// An earlier release that holds what a plan asks for: of the same series with every council's answer. None while
    /// newer data may be had for nothing.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn earlier(&self, plan: &Plan) -> Result<Option<Release>, store::Error> {
        if self.may_have_changed(plan) {
            return Ok(None);
        }
        let series = series(plan);
        let found = self.inner.store.off_thread(move |store| store.latest_of(&series)).await?;
        Ok(found.map(|found| found.release).filter(|release| {
            let manifest = release.manifest();
            manifest.councils_answered == manifest.councils_asked
        }))
    }

    /// Whether asking the councils again may give newer figures and costs nobody anything: the question's as-of day is not
    /// over, so that councils may have taken in files since, and its kind has no price. A council with unchanged data gives
    /// the answer it stored. Questions about one board stay with what is stored: a board's analyst may read those answers
    /// where a council would refuse them another.
    fn may_have_changed(&self, plan: &Plan) -> bool {
        let free = matches!(plan.query().release(), folkmoot_proto::query::Release::CouncilSuppressed(_));
        free && plan.scope().board().is_none() && plan.query().data().as_of.is_none_or(|day| day >= self.today())
    }

    /// Stores a job for a question signed by both and starts it. The id is the question's, so that asking the same again
    /// after a lost reply finds the job instead of making a second one.
    ///
    /// # Errors
    /// A [`Refusal`] when another analyst's job has this id; a store error as [`Reason::Internal`].
    pub async fn submit(
        &self,
        plan: &Plan,
        signed: &SignedQuestion,
        mut request: wire::AskRequest,
    ) -> Result<JobId, Refusal> {
        let id = JobId::from_bytes(*signed.question.id().as_bytes());
        request.signed = Some(signed.into());
        if let Some(plan_request) = &mut request.plan {
            plan_request.query = Some(plan.query().into());
        }
        let now = self.now();
        let wait = match request.wait_s {
            0 => self.inner.patience.wait.as_secs(),
            seconds => u64::from(seconds),
        };
        let wait_until = now.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)).min(signed.question.expires());
        let mut job = Job {
            id,
            state: JobState::Planned,
            analyst: signed.question.analyst().to_string(),
            request,
            digest: plan.query().digest(),
            sentence: plan.query().sentence(),
            created: now,
            wait_until,
            release: String::new(),
            message: String::new(),
        };
        let internal = |error: store::Error| internal(&error);
        let earlier = if job.request.fresh { None } else { self.earlier(plan).await.map_err(internal)? };
        let mut told_before = None;
        if let Some(release) = &earlier {
            let manifest = release.manifest();
            job.state = JobState::Released;
            job.release = manifest.release.clone();
            told_before = Some(format!(
                "answered by release {}.{}; no council was asked and nothing is charged (--fresh asks again: councils whose \
                 data changed since answer anew, at the price of the question)",
                manifest.number, manifest.revision
            ));
        }
        let analyst = job.analyst.clone();
        let added = self
            .inner
            .store
            .off_thread(move |store| {
                let added = store.add_job(&job)?;
                if !added {
                    return Ok(store.job(job.id)?.is_some_and(|known| known.analyst == job.analyst));
                }
                let state = job.state;
                let message = match &told_before {
                    Some(told) => told.as_str(),
                    None => "",
                };
                let told = wire::Progress {
                    job: job.id.to_string(),
                    state: state.word().to_owned(),
                    message: message.to_owned(),
                    release: job.release.clone(),
                    ..Default::default()
                };
                store.move_job(job.id, state, &told).map(|()| true)
            })
            .await
            .map_err(internal)?;
        if !added {
            return Err(Refusal::new(Reason::NotAllowed, "a question with this id was asked by somebody else"));
        }
        tracing::info!(job = %id, analyst, "job taken in");
        self.start(id, false);
        Ok(id)
    }

    /// Takes up every job that is not over. Call once, after the start.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn resume(&self) -> Result<usize, store::Error> {
        let open = self.inner.store.off_thread(|store| store.jobs(true)).await?;
        for job in &open {
            tracing::info!(job = %job.id, state = job.state.word(), "taking up an interrupted job");
            self.start(job.id, true);
        }
        Ok(open.len())
    }

    /// Number of the last event known to be stored, to be waited on; `None` when the job does not run here.
    pub fn watch(&self, id: JobId) -> Option<watch::Receiver<u64>> {
        self.changes().get(&id).map(watch::Sender::subscribe)
    }

    fn start(&self, id: JobId, resumed: bool) {
        match self.changes().entry(id) {
            // It runs already: the same question was sent twice.
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => {
                place.insert(watch::Sender::new(0));
            }
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = jobs.drive(id, resumed) => outcome,
                // The store has everything; the next start takes it up.
                () = jobs.inner.stop.cancelled() => Ok(()),
            };
            if let Err(error) = outcome {
                tracing::error!(job = %id, error = &error as &dyn std::error::Error, "the job failed");
                let message = match &error {
                    Error::Store { .. } => "the coordinator's store failed; its log says why".to_owned(),
                    Error::Question { .. } => error.to_string(),
                };
                let told = jobs.told(id, JobState::Failed, message);
                let store = jobs.inner.store.clone();
                if let Err(error) = store.off_thread(move |store| store.move_job(id, JobState::Failed, &told)).await {
                    tracing::error!(job = %id, error = &error as &dyn std::error::Error, "the failure was not stored");
                }
            }
            // Dropping the sender tells those who watch that nothing more will come.
            jobs.changes().remove(&id);
        });
    }

    async fn drive(&self, id: JobId, resumed: bool) -> Result<(), Error> {
        let failed = |source| Error::Store { job: id, source };
        let store = &self.inner.store;
        let Some(job) = store.off_thread(move |store| store.job(id)).await.map_err(failed)? else { return Ok(()) };
        if job.state.is_over() {
            return Ok(());
        }
        let fresh = job.request.fresh;
        let (plan, signed) = self.read_back(&job).map_err(|refusal| Error::Question { job: id, refusal })?;
        let report = Report::new(self.clone(), id, plan.councils().len(), plan.query().digest());
        let known = store.off_thread(move |store| store.outcomes(id)).await.map_err(failed)?;
        report.begin(&known);
        report.state(JobState::Asking, String::new()).await.map_err(failed)?;
        let query = plan.clone();
        let stored =
            store.off_thread(move |store| store.answers_to(query.query(), query.layout())).await.map_err(failed)?;
        // What one council answered is no part of a joint figure, and of those none is ever stored.
        let stored = if plan.query().release().is_joint() { BTreeMap::new() } else { stored };
        if !fresh && !self.may_have_changed(&plan) && plan.councils().iter().all(|code| stored.contains_key(code)) {
            self.use_stored(&plan, &stored, &known, &report).await.map_err(failed)?;
        } else {
            let context = Context {
                wait: Duration::from_secs(u64::try_from(job.wait_until - self.now()).unwrap_or(0)),
                explicit_wait: job.request.wait_s > 0,
                named: job.request.plan.as_ref().is_some_and(|plan| !plan.councils.is_empty() && !plan.members),
                resumed,
                known: known.into_iter().filter(|(_, outcome)| is_final(outcome.state)).collect(),
                plan: plan.clone(),
                signed: signed.clone(),
                id,
                without_held: job.request.without_held,
                mandate: job.request.mandate_signature.clone(),
            };
            let figures = match (&self.inner.joint, plan.query().release().is_joint()) {
                (Some(joint), true) => joint,
                _ => &self.inner.figures,
            };
            figures.collect(&context, &report).await.map_err(failed)?;
            // Who could not be reached may have answered the very same question before.
            let outcomes = store.off_thread(move |store| store.outcomes(id)).await.map_err(failed)?;
            let silent = |state| matches!(state, State::Unreachable | State::Late);
            let before: BTreeMap<_, _> = stored
                .into_iter()
                .filter(|(code, _)| outcomes.get(code).is_some_and(|outcome| silent(outcome.state)))
                .collect();
            self.use_stored(&plan, &before, &BTreeMap::new(), &report).await.map_err(failed)?;
        }
        report.state(JobState::Merging, String::new()).await.map_err(failed)?;
        let finished = self.finish(&plan, &signed, &report).await.map_err(failed);
        if let Some(keeper) = self.inner.receipts.get().map(Arc::clone) {
            // What left in a round that gave no sum has its receipt, too; nobody waits for it.
            let (stop, councils) = (self.inner.stop.clone(), plan.councils().clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = keeper.take(councils) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        finished
    }

    fn read_back(&self, job: &Job) -> Result<(Plan, SignedQuestion), Refusal> {
        let incomplete = || Refusal::new(Reason::Internal, "the stored request is incomplete");
        let signed = job.request.signed.clone().ok_or_else(incomplete)?;
        let signed = SignedQuestion::try_from(signed).map_err(Refusal::from)?;
        let analyst = Identity::parse(&job.analyst).map_err(|_| incomplete())?;
        let plan = Plan::check(job.request.plan.clone().ok_or_else(incomplete)?, &analyst, self.today())?;
        Ok((plan, signed))
    }

    async fn use_stored(
        &self,
        plan: &Plan,
        stored: &BTreeMap<CouncilCode, Answer>,
        known: &BTreeMap<CouncilCode, Outcome>,
        report: &Report,
    ) -> Result<(), store::Error> {
        for (code, answer) in stored {
            if !plan.councils().contains(code) || known.get(code).is_some_and(|outcome| outcome.state.has_answer()) {
                continue;
            }
            let reason = "its answer to the same question, asked earlier".to_owned();
            let outcome = Outcome { state: State::Stored, code: String::new(), reason };
            report.council(*code, outcome, Some(answer.clone())).await?;
        }
        Ok(())
    }

    async fn finish(&self, plan: &Plan, signed: &SignedQuestion, report: &Report) -> Result<(), store::Error> {
        let (id, plan, question, jobs) = (report.id, plan.clone(), signed.question.clone(), self.clone());
        let created = self.now();
        let told = move |state, message| report_line(&report.counts(), id, state, message);
        let template = told(JobState::Released, String::new());
        let failed = told(JobState::Failed, String::new());
        let done = self
            .inner
            .store
            .off_thread(move |store| {
                let outcomes = store.outcomes(id)?;
                let gathered = match (plan.query().release().is_joint(), store.total(id)?) {
                    (true, Some(total)) => Gathered::Round(Box::new(total)),
                    (true, None) => Gathered::Answers(BTreeMap::new()),
                    (false, _) => Gathered::Answers(store.answers(id, plan.query(), plan.layout())?),
                };
                if gathered.councils().is_empty() {
                    let (_, note) = store.attempts(id)?;
                    let message = match note.as_str() {
                        "" => format!("no council answered: {}", reasons(&outcomes)),
                        note => format!("the round gave no sum: {note}; {}", reasons(&outcomes)),
                    };
                    return store.move_job(id, JobState::Failed, &wire::Progress { message, ..failed });
                }
                let series = series(&plan);
                let earlier = store.latest_of(&series)?.map(|found| found.release);
                let reason = match &earlier {
                    Some(earlier) => {
                        let Some(reason) = revision_reason(earlier, &plan, &gathered, &outcomes) else {
                            let manifest = earlier.manifest();
                            let told = wire::Progress {
                                release: manifest.release.clone(),
                                message: format!(
                                    "nothing has changed since release {}{}",
                                    manifest.number,
                                    denials(&outcomes)
                                ),
                                ..template
                            };
                            return store.move_job(id, JobState::Released, &told);
                        };
                        reason
                    }
                    None => "the earlier revision was withdrawn".to_owned(),
                };
                let mut bytes = [0; 16];
                rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
                let place = Place { id: ReleaseId::from_bytes(bytes), number: 0, revision: 0, reason, created };
                store.add_release(
                    id,
                    &series,
                    place,
                    |place| Release::make(place, &plan, &question, &outcomes, &gathered),
                    |release| wire::Progress {
                        release: release.manifest().release.clone(),
                        message: format!(
                            "release {}.{}{}",
                            release.manifest().number,
                            release.manifest().revision,
                            denials(&outcomes)
                        ),
                        ..template
                    },
                )?;
                Ok(())
            })
            .await;
        jobs.tell(id);
        done
    }

    fn told(&self, id: JobId, state: JobState, message: String) -> wire::Progress {
        wire::Progress { job: id.to_string(), state: state.word().to_owned(), message, ..Default::default() }
    }

    /// Wakes those who watch a job.
    fn tell(&self, id: JobId) {
        if let Some(sender) = self.changes().get(&id) {
            sender.send_modify(|count| *count += 1);
        }
    }

    fn changes(&self) -> std::sync::MutexGuard<'_, BTreeMap<JobId, watch::Sender<u64>>> {
        self.inner.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn today(&self) -> Day {
        Day::from_number(i32::try_from(self.now().div_euclid(86_400)).unwrap_or(i32::MAX / 2))
    }

    fn now(&self) -> i64 {
        self.inner.clock.now().as_second()
    }
}

/// What a store error is to a caller: its log has the cause.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::error!(error, "a request failed");
    Refusal::new(Reason::Internal, "the coordinator's store failed; its log says why")
}

fn is_final(state: State) -> bool {
    matches!(state, State::Answered | State::Stored | State::Refused | State::Malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
