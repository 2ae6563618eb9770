//! Council figures: every council is asked on its own link, many at a time, and asked again while that makes sense.

use std::sync::Arc;
use std::time::Duration;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_runtime::clock::Clock;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;

use crate::answer::{Answer, Assembly};
use crate::collect::{Collect, Context, Councils, Patience, Progress};
use crate::outcome::{Outcome, State};
use crate::store::{self, Store};
use crate::witness::Witness;

/// Asks each council for its own protected figures.
pub struct CouncilFigures {
    councils: Arc<dyn Councils>,
    store: Store,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

impl CouncilFigures {
    /// Over these links.
    pub fn new(councils: Arc<dyn Councils>, store: Store, clock: Arc<dyn Clock>, patience: Patience) -> Self {
        Self { councils, store, clock, patience }
    }
}

/// A council's part as it stands.
struct News {
    council: CouncilCode,
    outcome: Outcome,
    answer: Option<Answer>,
    last: bool,
}

/// What the asking of one council needs.
struct Asking {
    councils: Arc<dyn Councils>,
    witness: Witness,
    patience: Patience,
    places: Arc<Semaphore>,
    plan: crate::plan::Plan,
    signed: wire::SignedQuery,
    id: folkmoot_proto::ids::QueryId,
    /// Until when people, slow councils and lost links are waited for.
    until: Instant,
    /// Until when a known council that is not linked is waited for.
    linked_until: Instant,
}

#[tonic::async_trait]
impl Collect for CouncilFigures {
    async fn collect(&self, context: &Context, progress: &dyn Progress) -> Result<(), store::Error> {
        let seen = self.store.off_thread(|store| store.councils_seen()).await?;
        let started = Instant::now();
        let patience = self.patience;
        let reconnect = match (context.explicit_wait, context.resumed) {
            (true, _) => context.wait,
            (false, true) => patience.reconnect_after_restart,
            (false, false) => patience.reconnect,
        };
        let asking = Arc::new(Asking {
            councils: Arc::clone(&self.councils),
            witness: Witness::new(self.store.clone(), Arc::clone(&self.clock)),
            patience,
            places: Arc::new(Semaphore::new(patience.concurrency.max(1))),
            plan: context.plan.clone(),
            signed: (&context.signed).into(),
            id: context.signed.question.id(),
            until: started + context.wait.max(reconnect),
            linked_until: started + reconnect,
        });
        let (sender, mut news) = mpsc::channel(64);
        let mut tasks = JoinSet::new();
        let mut open = std::collections::BTreeMap::new();
        for &council in context.plan.councils() {
            if context.known.contains_key(&council) {
                continue;
            }
            open.insert(council, None);
            // Whoever names councils and says how long to wait means councils that are yet to come as well.
            let awaited = context.explicit_wait && context.named;
            let known = awaited || seen.contains(&council) || self.councils.channel(council).is_some();
            tasks.spawn(Arc::clone(&asking).ask(council, known, sender.clone()));
        }
        drop(sender);
        while let Some(News { council, outcome, answer, last }) = news.recv().await {
            if last {
                open.remove(&council);
            } else {
                open.insert(council, Some(outcome.state));
            }
            progress.council(council, outcome, answer).await?;
            let only_people = !open.is_empty() && open.values().all(|state| *state == Some(State::Held));
            progress.waiting(only_people).await?;
        }
        Ok(())
    }
}

impl Asking {
    /// Asks one council until its part is final or its time is over. `known` tells a council that was linked before from
    /// one that never was and is not waited for.
    async fn ask(self: Arc<Self>, council: CouncilCode, known: bool, sender: mpsc::Sender<News>) {
        let mut told = None;
        let mut linked = self.councils.watch();
        loop {
            // What changes while we ask is noticed afterwards.
            linked.mark_unchanged();
            let (outcome, answer) = self.ask_once(council).await;
            let until = match outcome.state {
                State::Held | State::Late => self.until,
                State::Unreachable if known => self.linked_until,
                _ => Instant::now(),
            };
            let left = until.saturating_duration_since(Instant::now());
            let last = left.is_zero();
            if last || told.as_ref() != Some(&outcome) {
                told = Some(outcome.clone());
                if sender.send(News { council, outcome: outcome.clone(), answer, last }).await.is_err() {
                    return;
                }
            }
            if last {
                return;
            }
            let pause = sleep(self.patience.ask_again.min(left));
            if outcome.state == State::Unreachable {
                tokio::select! {
                    () = pause => {}
                    // A council that links is asked at once.
                    changed = linked.changed() => if changed.is_err() { sleep(Duration::from_millis(100)).await },
                }
            } else {
                pause.await;
            }
        }
    }

    async fn ask_once(&self, council: CouncilCode) -> (Outcome, Option<Answer>) {
        let Some(channel) = self.councils.channel(council) else {
            return (Outcome::new(State::Unreachable, "", "its node is not connected"), None);
        };
        let Ok(_place) = self.places.acquire().await else {
            return (Outcome::new(State::Unreachable, "", "the coordinator is stopping"), None);
        };
        let request = wire::AnswerRequest { question: Some(self.signed.clone()), council: council.to_string() };
        let answered = timeout(self.patience.answer, async {
            let mut stream = NodeClient::new(channel).answer(request).await?.into_inner();
            let mut assembly = Assembly::new(council, self.id, self.plan.query(), self.plan.layout());
            while let Some(mut piece) = stream.message().await? {
                if let Some(head) = piece.facts.as_mut().and_then(|facts| facts.head.take())
                    && let Err(error) = self.witness.see(council, Some(head)).await
                {
                    // Asked again it gives the same answer at no charge.
                    tracing::error!(%council, error = &error as &dyn std::error::Error, "its head was not kept, so its answer is not");
                    return Err(Status::unavailable("the coordinator could not keep what came with the answer"));
                }
                if let Err(malformed) = assembly.take(piece) {
                    return Ok(Err(malformed));
                }
            }
            Ok(assembly.finish())
        });
        match answered.await {
            Ok(Ok(Ok(answer))) => (Outcome::new(State::Answered, "", ""), Some(answer)),
            Ok(Ok(Err(malformed))) => (Outcome::new(State::Malformed, "", &malformed.to_string()), None),
            Ok(Err(status)) => (Outcome::of_failed_call(&status), None),
            Err(_) => {
                let seconds = self.patience.answer.as_secs();
                (Outcome::new(State::Late, "", &format!("no answer within {seconds} s")), None)
            }
        }
    }
}
