//! One attempt over the links: each step is asked of everybody it concerns at once, until all have answered or its time
//! is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Reason;
use folkmoot_proto::round::coordinator::{Outcome as Ended, Round};
use folkmoot_proto::round::{Failure, Fault, witness};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use super::keep::Spool;
use crate::collect::Councils;
use crate::outcome::{Outcome, State};
use crate::store::Head;
use crate::witness::Witness;

/// Most bytes of one council's message at a step other than masking.
const MOST_BYTES: usize = 1 << 20;
/// Masked vectors received at the same time: each is held whole until its hash is checked.
const UPLOADS: usize = 16;

/// What driving an attempt needs.
pub(super) struct Steps {
    pub(super) councils: Arc<dyn Councils>,
    pub(super) signed: wire::SignedQuery,
    /// Where heads of councils' ledgers are kept.
    pub(super) witness: Witness,
    pub(super) step: Duration,
    pub(super) ask_again: Duration,
    /// Until when people at councils are waited for, at step 0.
    pub(super) until: Instant,
    /// Where masked vectors are kept for the record of the round.
    pub(super) spool: Option<Arc<Spool>>,
    /// Whether the round is given up, before anything leaves, when people at a council have not decided in time.
    pub(super) whole: bool,
    /// Hears of councils where a person must decide, while they are waited for.
    pub(super) held: mpsc::UnboundedSender<(CouncilCode, Outcome)>,
}

/// Why an attempt gave no sum.
pub(super) enum Ending {
    /// The protocol says.
    Failed(Failure),
    /// People at councils have not decided, and the sum is not opened without them. Nothing has left anywhere.
    Held,
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What went wrong with one council.
enum Trouble {
    Status(Status),
    Fault(Fault),
    Late(Duration),
    NoLink,
    Odd(&'static str),
}

impl Trouble {
    fn outcome(self) -> Outcome {
        match self {
            Self::Status(status) => Outcome::of_failed_call(&status),
            Self::Fault(fault) => Outcome::new(State::Malformed, fault.code(), &fault.to_string()),
            Self::Late(after) => Outcome::new(State::Late, "", &format!("no answer within {} s", after.as_secs())),
            Self::NoLink => Outcome::new(State::Unreachable, "", "its node is not connected"),
            Self::Odd(what) => Outcome::new(State::Malformed, "", what),
        }
    }
}

/// Whether a council where a person was to decide has now said no for itself. A lost link, a restart or an answer that does not
/// come says nothing of that person, and neither does a refusal of the envelope or of a question that grew too old meanwhile.
fn is_no(stands: &Outcome) -> bool {
    let of_the_round = [Reason::RoundRefused, Reason::Expired, Reason::Internal];
    stands.state == State::Refused
        && !stands.code.is_empty()
        && !of_the_round.iter().any(|reason| reason.code() == stands.code)
}

type Shared = Arc<Mutex<Round>>;

fn lock(round: &Shared) -> MutexGuard<'_, Round> {
    round.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a council's bytes are taken at a step.
type Take = fn(&mut Round, &str, &[u8]) -> Result<(), Fault>;

/// One council's call at one step.
#[derive(Clone)]
struct Call {
    /// The link is looked up when the call is sent: the council may have linked anew since the last try.
    councils: Arc<dyn Councils>,
    council: CouncilCode,
    witness: Witness,
    round_id: Vec<u8>,
    step: u32,
    question: Option<wire::SignedQuery>,
    payload: Vec<u8>,
}

impl Call {
    async fn send(self) -> Result<Streaming<wire::RoundChunk>, Trouble> {
        let channel = self.councils.channel(self.council).ok_or(Trouble::NoLink)?;
        let chunk = wire::RoundChunk {
            round_id: self.round_id,
            step: self.step,
            offset: 0,
            payload: self.payload,
            question: self.question,
            head: None,
        };
        let request = futures_util::stream::iter([chunk]);
        Ok(NodeClient::new(channel).round(request).await.map_err(Trouble::Status)?.into_inner())
    }

    /// The whole reply of a step that is answered with one message.
    async fn message(self) -> Result<Vec<u8>, Trouble> {
        let (witness, council) = (self.witness.clone(), self.council);
        let mut stream = self.send().await?;
        let mut whole = Vec::new();
        while let Some(mut piece) = stream.message().await.map_err(Trouble::Status)? {
            keep(&witness, council, piece.head.take()).await?;
            if piece.offset != whole.len() as u64 || whole.len() + piece.payload.len() > MOST_BYTES {
                return Err(Trouble::Odd("the pieces of its answer do not follow each other"));
            }
            whole.extend(piece.payload);
        }
        Ok(whole)
    }

    /// A masked vector, straight into the round's sum.
    async fn vector(self, round: Shared, spool: Option<Arc<Spool>>) -> Result<(), Trouble> {
        let (witness, council) = (self.witness.clone(), self.council);
        let mut stream = self.send().await?;
        let empty = Trouble::Odd("its masked vector is empty");
        let mut header = stream.message().await.map_err(Trouble::Status)?.ok_or(empty)?;
        keep(&witness, council, header.head.take()).await?;
        let upload = lock(&round).upload(council.as_str(), &header.payload).map_err(Trouble::Fault)?;
        let Some(mut upload) = upload else { return Ok(()) };
        while let Some(piece) = stream.message().await.map_err(Trouble::Status)? {
            upload.absorb(piece.offset, &piece.payload).map_err(Trouble::Fault)?;
        }
        let taken = lock(&round).add(upload).map_err(Trouble::Fault)?;
        if let (Some(elements), Some(spool)) = (taken, spool) {
            // Whether it could be written down is told when the record is made.
            let _ = tokio::task::spawn_blocking(move || spool.add(council.as_str(), &elements)).await;
        }
        Ok(())
    }
}

/// Keeps the head that came with a reply before the reply is used.
async fn keep(witness: &Witness, council: CouncilCode, head: Option<wire::Head>) -> Result<(), Trouble> {
    let Some(head) = head else { return Ok(()) };
    witness.see(council, Some(head)).await.map_err(|error| {
        tracing::error!(%council, error = &error as &dyn std::error::Error, "its head was not kept, so its part is not used");
        Trouble::Status(Status::unavailable("the coordinator could not keep what came with its part"))
    })
}

impl Steps {
    /// Keeps what councils have shown of each other's ledgers. That it cannot be kept is no reason to give the round up: the
    /// councils are shown it all the same.
    async fn learn(&self, round: &Shared) {
        let shared = Arc::clone(round);
        let signed = tokio::task::spawn_blocking(move || {
            let round = lock(&shared);
            let known = |(code, head): (&str, witness::Head)| {
                Some((CouncilCode::parse(code).ok()?, Head { entries: head.entries, digest: head.digest.to_vec() }))
            };
            round.heads_shown().into_iter().filter_map(known).collect::<Vec<_>>()
        });
        let Ok(shown) = signed.await else { return };
        if let Err(error) = self.witness.learn(shown).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "heads that councils showed of others were not kept"
            );
        }
    }

    /// Runs one attempt. Whoever drops out is in `outcomes` with the reason, whatever comes of it.
    pub(super) async fn run(
        &self,
        round: Round,
        signing: &SigningKey,
        outcomes: &mut BTreeMap<CouncilCode, Outcome>,
    ) -> Result<Ended, Ending> {
        let shared: Shared = Arc::new(Mutex::new(round));
        let invitation = lock(&shared).invitation().to_vec();
        self.messages(&shared, 0, |_, _| Some(invitation.clone()), Round::advert, outcomes).await;
        if self.whole && outcomes.values().any(|outcome| outcome.state == State::Held) {
            return Err(Ending::Held);
        }
        let roster = lock(&shared).close_adverts()?;
        self.messages(&shared, 1, |_, _| Some(roster.clone()), Round::sealed, outcomes).await;
        self.learn(&shared).await;
        lock(&shared).close_shares()?;
        self.vectors(&shared, outcomes).await;
        let survivors = lock(&shared).close_masks()?;
        self.messages(&shared, 3, |_, _| Some(survivors.clone()), Round::consent, outcomes).await;
        let quorum = lock(&shared).close_consents()?;
        self.messages(&shared, 4, |_, _| Some(quorum.clone()), Round::revealed, outcomes).await;
        let signing = signing.clone();
        let undone = tokio::task::spawn_blocking(move || lock(&shared).unmask(&signing)).await;
        match undone {
            Ok(ended) => Ok(ended?),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn call(&self, round: &Shared, step: u32, council: CouncilCode, payload: Vec<u8>) -> Call {
        let councils = Arc::clone(&self.councils);
        let round_id = lock(round).t0().to_vec();
        let question = (step == 0).then(|| self.signed.clone());
        Call { councils, council, witness: self.witness.clone(), round_id, step, question, payload }
    }

    fn addressed(round: &Shared) -> Vec<CouncilCode> {
        lock(round).addressed().into_iter().filter_map(|code| CouncilCode::parse(code).ok()).collect()
    }

    /// Asks everybody concerned for one message and takes what holds. Once a council has said that a person must decide, it is
    /// asked again until that person has, or nobody waits any more: what happens to its link meanwhile decides nothing.
    async fn messages(
        &self,
        round: &Shared,
        step: u32,
        message: impl Fn(&Round, CouncilCode) -> Option<Vec<u8>>,
        take: Take,
        outcomes: &mut BTreeMap<CouncilCode, Outcome>,
    ) {
        let mut tasks = JoinSet::new();
        for council in Self::addressed(round) {
            let payload = message(&lock(round), council);
            let Some(call) = payload.map(|payload| self.call(round, step, council, payload)) else {
                outcomes.insert(council, Trouble::NoLink.outcome());
                continue;
            };
            let (round, patience, again) = (Arc::clone(round), self.step, self.ask_again);
            let until = (step == 0).then_some(self.until);
            let held = self.held.clone();
            tasks.spawn(async move {
                let mut waits = None;
                loop {
                    let answered = match timeout(patience, call.clone().message()).await {
                        Ok(Ok(bytes)) => take(&mut lock(&round), council.as_str(), &bytes).map_err(Trouble::Fault),
                        Ok(Err(trouble)) => Err(trouble),
                        Err(_) => Err(Trouble::Late(patience)),
                    };
                    let Err(trouble) = answered else { return (council, None) };
                    let stands = trouble.outcome();
                    let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
                    if stands.state == State::Held {
                        if waits.replace(stands.clone()).is_none() && !left.is_zero() {
                            // Nobody listens any more when the job is being stopped.
                            let _ = held.send((council, stands));
                        }
                    } else if waits.is_none() || is_no(&stands) {
                        return (council, Some(stands));
                    }
                    if left.is_zero() {
                        return (council, waits);
                    }
                    sleep(again.min(left)).await;
                }
            });
        }
        gather(tasks, outcomes).await;
    }

    /// Asks for the masked vectors and adds each to the sum.
    async fn vectors(&self, round: &Shared, outcomes: &mut BTreeMap<CouncilCode, Outcome>) {
        let places = Arc::new(Semaphore::new(UPLOADS));
        let deadline = Instant::now() + self.step;
        let mut tasks = JoinSet::new();
        for council in Self::addressed(round) {
            let payload = lock(round).relay(council.as_str());
            let Some(call) = payload.map(|payload| self.call(round, 2, council, payload)) else {
                outcomes.insert(council, Trouble::NoLink.outcome());
                continue;
            };
            let (round, places, patience) = (Arc::clone(round), Arc::clone(&places), self.step);
            let spool = self.spool.clone();
            tasks.spawn(async move {
                let answered = tokio::time::timeout_at(deadline, async {
                    let _place = places.acquire_owned().await;
                    call.vector(round, spool).await
                });
                let trouble = match answered.await {
                    Ok(Ok(())) => None,
                    Ok(Err(trouble)) => Some(trouble),
                    Err(_) => Some(Trouble::Late(patience)),
                };
                (council, trouble.map(Trouble::outcome))
            });
        }
        gather(tasks, outcomes).await;
    }
}

async fn gather(mut tasks: JoinSet<(CouncilCode, Option<Outcome>)>, outcomes: &mut BTreeMap<CouncilCode, Outcome>) {
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((council, Some(stands))) => {
                outcomes.insert(council, stands);
            }
            Ok((_, None)) => {}
            Err(error) => tracing::error!(%error, "asking a council in a round failed"),
        }
    }
}
