//! Jobs over councils that are real gRPC services in this process, each behaving in its own way.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::collect::Progress;
use crate::release::tests::{analyst, plan as checked};
use crate::release::{table_digest, tabulate};
use crate::testing;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::Query;
use folkmoot_proto::question::Question;
use folkmoot_proto::wire::v1::node_server::{Node, NodeServer};
use folkmoot_runtime::clock::MockClock;
use folkmoot_runtime::link;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

/// How a council behaves.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers.
    Answers,
    /// Says no.
    Refuses(Reason, &'static str),
    /// Says that a person must decide, this many times, then answers.
    Holds(usize),
    /// Never answers.
    Silent,
    /// Breaks the link half way.
    Breaks,
    /// Answers a question that nobody asked.
    Lies,
    /// Sends exact counts where protected ones were asked for.
    Leaks,
}

struct FakeNode {
    manner: Manner,
    cells: i64,
    asked: Arc<AtomicUsize>,
    ids: Arc<Mutex<Vec<Vec<u8>>>>,
}

type Chunks = ReceiverStream<Result<wire::AnswerChunk, Status>>;

#[tonic::async_trait]
impl Node for FakeNode {
    async fn welcome(&self, _: Request<wire::WelcomeRequest>) -> Result<Response<wire::WelcomeReply>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
    async fn probe(&self, _: Request<wire::ProbeRequest>) -> Result<Response<wire::ProbeReply>, Status> {
        Ok(Response::new(wire::ProbeReply {}))
    }
    async fn price(&self, _: Request<wire::PriceRequest>) -> Result<Response<wire::PriceReply>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
    type AnswerStream = Chunks;
    async fn answer(&self, request: Request<wire::AnswerRequest>) -> Result<Response<Chunks>, Status> {
        let count = self.asked.fetch_add(1, Ordering::SeqCst);
        let signed = SignedQuestion::try_from(request.into_inner().question.unwrap()).unwrap();
        self.ids.lock().unwrap().push(signed.question.id().as_bytes().to_vec());
        let query = signed.question.query().clone();
        let layout = Layout::of(&query).unwrap();
        let cells = vec![self.cells; layout.cells()];
        let (mut values, hidden) = testing::protect(&query, &layout, &cells);
        let mut id = signed.question.id();
        match &self.manner {
            Manner::Answers | Manner::Breaks => {}
            Manner::Refuses(reason, sentence) => return Err(Refusal::new(*reason, *sentence).into()),
            Manner::Holds(times) if count < *times => {
                return Err(Refusal::new(Reason::WaitingForApproval, "a person must decide").into());
            }
            Manner::Holds(_) => {}
            Manner::Silent => std::future::pending::<()>().await,
            Manner::Lies => id = QueryId::from_bytes([0; 16]),
            Manner::Leaks => values[0] = 3,
        }
        let mut pieces = testing::chunks(&query, &layout, id, &values, &hidden, 0, 5);
        if matches!(self.manner, Manner::Breaks) {
            pieces.truncate(1);
        }
        let broken = matches!(self.manner, Manner::Breaks);
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move {
            for piece in pieces {
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
            }
            if broken {
                let _ = sender.send(Err(Refusal::new(Reason::ShuttingDown, "stopping").into())).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
    type RoundStream = ReceiverStream<Result<wire::RoundChunk, Status>>;
    async fn round(
        &self,
        _: Request<tonic::Streaming<wire::RoundChunk>>,
    ) -> Result<Response<Self::RoundStream>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
    async fn head(&self, _: Request<wire::HeadRequest>) -> Result<Response<wire::HeadReply>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn receipts(&self, _: Request<wire::ReceiptsRequest>) -> Result<Response<wire::ReceiptsReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// Councils linked in memory.
pub(crate) struct Fakes {
    channels: Mutex<BTreeMap<CouncilCode, Channel>>,
    linked: watch::Sender<BTreeSet<CouncilCode>>,
    asked: Mutex<BTreeMap<CouncilCode, Arc<AtomicUsize>>>,
    ids: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Fakes {
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self {
            channels: Mutex::default(),
            linked: watch::Sender::default(),
            asked: Mutex::default(),
            ids: Arc::default(),
        })
    }

    pub(crate) async fn link(&self, code: &str, manner: Manner) {
        let council = testing::council(code);
        let asked = Arc::new(AtomicUsize::new(0));
        let node = FakeNode { manner, cells: 40, asked: Arc::clone(&asked), ids: Arc::clone(&self.ids) };
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        tokio::spawn(link::serve(theirs, Routes::new(NodeServer::new(node)), (), CancellationToken::new()));
        let channel = link::channel(ours).await.unwrap().channel();
        self.channels.lock().unwrap().insert(council, channel);
        self.asked.lock().unwrap().insert(council, asked);
        self.linked.send_modify(|set| {
            set.insert(council);
        });
    }

    fn unlink(&self, code: &str) {
        let council = testing::council(code);
        self.channels.lock().unwrap().remove(&council);
        self.linked.send_modify(|set| {
            set.remove(&council);
        });
    }

    pub(crate) fn asked(&self, code: &str) -> usize {
        self.asked.lock().unwrap().get(&testing::council(code)).map_or(0, |count| count.load(Ordering::SeqCst))
    }
}

impl Councils for Fakes {
    fn channel(&self, council: CouncilCode) -> Option<Channel> {
        self.channels.lock().unwrap().get(&council).cloned()
    }
    fn watch(&self) -> watch::Receiver<BTreeSet<CouncilCode>> {
        self.linked.subscribe()
    }
}

struct Scene {
    folder: tempfile::TempDir,
    clock: MockClock,
    councils: Arc<Fakes>,
    stop: CancellationToken,
    store: Store,
    jobs: Jobs,
}

fn jobs(store: &Store, councils: &Arc<Fakes>, clock: &MockClock, stop: &CancellationToken) -> Jobs {
    let councils: Arc<dyn Councils> = Arc::<Fakes>::clone(councils);
    Jobs::new(store.clone(), councils, Arc::new(clock.clone()), Patience::default(), None, stop.clone())
}

impl Scene {
    fn new() -> Self {
        Self::at("2025-07-01T09:00:00Z")
    }

    fn at(now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("c.db")).unwrap();
        let clock = MockClock::at(now.parse().unwrap());
        let (councils, stop) = (Fakes::none(), CancellationToken::new());
        let jobs = jobs(&store, &councils, &clock, &stop);
        Self { folder, clock, councils, stop, store, jobs }
    }

    /// What a kill and a new start do: only the database file stays.
    async fn restart(self) -> Self {
        let Self { folder, clock, councils, stop, store, jobs: old } = self;
        stop.cancel();
        // The stopped job lets go of the store; a second process would be refused until then.
        while !old.changes().is_empty() {
            tokio::task::yield_now().await;
        }
        drop((old, store));
        let store = loop {
            match Store::open(&folder.path().join("c.db")) {
                Ok(store) => break store,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let stop = CancellationToken::new();
        let jobs = jobs(&store, &councils, &clock, &stop);
        Self { folder, clock, councils, stop, store, jobs }
    }

    async fn submit(&self, councils: &[&str], number: u8, wait_s: u32) -> JobId {
        self.ask(councils, number, wait_s, "analyst/national/a", false).await.unwrap()
    }

    async fn ask(&self, councils: &[&str], number: u8, wait_s: u32, who: &str, fresh: bool) -> Result<JobId, Refusal> {
        let (query, _) = testing::suppressed("2E");
        self.put(query, councils, number, wait_s, who, fresh).await
    }

    async fn put(
        &self,
        query: Query,
        councils: &[&str],
        number: u8,
        wait_s: u32,
        who: &str,
        fresh: bool,
    ) -> Result<JobId, Refusal> {
        let caller = analyst(who);
        let request = plan_request(&query, councils);
        let plan = Plan::check(request.clone(), &caller, testing::as_of()).unwrap();
        let expires = self.clock.now().as_second() + 86_400;
        let question =
            Question::new(query, QueryId::from_bytes([number; 16]), caller, "test", "6(1)(e)", expires).unwrap();
        let signed = SignedQuestion { question, analyst: Default::default(), coordinator: Default::default() };
        let request = wire::AskRequest { plan: Some(request), wait_s, fresh, ..Default::default() };
        self.jobs.submit(&plan, &signed, request).await
    }

    async fn over(&self, id: JobId) -> Job {
        loop {
            let changes = self.jobs.watch(id);
            let job = self.store.job(id).unwrap().unwrap();
            match changes {
                _ if job.state.is_over() => return job,
                Some(mut changes) => drop(changes.changed().await),
                None => return self.store.job(id).unwrap().unwrap(),
            }
        }
    }

    /// Waits until a council's part stands like this.
    async fn until(&self, id: JobId, code: &str, state: State) {
        let council = testing::council(code);
        let mut changes = self.jobs.watch(id).unwrap();
        while self.store.outcomes(id).unwrap().get(&council).map(|outcome| outcome.state) != Some(state) {
            changes.changed().await.unwrap();
        }
    }

    fn release(&self, job: &Job) -> Release {
        self.store.release(&job.release).unwrap().unwrap().release
    }
}

fn plan_request(query: &Query, councils: &[&str]) -> wire::PlanRequest {
    wire::PlanRequest {
        query: Some(query.into()),
        level: wire::Level::Council.into(),
        councils: councils.iter().map(|&code| code.to_owned()).collect(),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn one_council_never_fails_the_others_and_each_is_named_with_its_reason() {
    let scene = Scene::new();
    let manners = [
        ("104", Manner::Answers),
        ("106", Manner::Refuses(Reason::PolicyOff, "answers nothing yet")),
        ("107", Manner::Silent),
        ("108", Manner::Breaks),
        ("109", Manner::Lies),
        ("110", Manner::Leaks),
        ("111", Manner::Holds(usize::MAX)),
    ];
    for (code, manner) in manners {
        scene.councils.link(code, manner).await;
    }
    let id = scene.submit(&["104", "106", "107", "108", "109", "110", "111", "503"], 1, 0).await;
    let job = scene.over(id).await;
    assert_eq!(job.state, JobState::Released, "{}", job.message);
    let release = scene.release(&job);
    let parts: BTreeMap<String, (State, String, String)> = release
        .manifest()
        .councils
        .iter()
        .map(|council| {
            let Outcome { state, code, reason } = council.outcome.clone();
            (council.code.to_string(), (state, code, reason))
        })
        .collect();
    let state = |code: &str| parts[code].0;
    assert_eq!(state("104"), State::Answered);
    assert_eq!(parts["106"], (State::Refused, "POLICY_OFF".into(), "answers nothing yet".into()));
    assert_eq!(state("107"), State::Late);
    assert_eq!(state("108"), State::Unreachable);
    assert_eq!((state("109"), state("110")), (State::Malformed, State::Malformed));
    assert!(parts["109"].2.contains("id"), "{:?}", parts["109"]);
    assert_eq!(parts["111"], (State::Held, "WAITING_FOR_APPROVAL".into(), "a person must decide".into()));
    assert_eq!(parts["503"].2, "its node is not connected");
    assert_eq!((release.manifest().councils_answered, release.manifest().councils_asked), (1, 8));
    let last = scene.store.events(id, 0).unwrap().pop().unwrap().1;
    assert_eq!((last.state.as_str(), last.answered, last.refused, last.held), ("released", 1, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_council_where_a_person_decides_is_asked_again_until_the_wait_is_over() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Holds(3)).await;
    let id = scene.submit(&["104", "106"], 1, 0).await;
    let job = scene.over(id).await;
    assert_eq!(scene.release(&job).manifest().councils_answered, 2);
    assert_eq!(scene.councils.asked("106"), 4);
    let states: Vec<String> = scene.store.events(id, 0).unwrap().into_iter().map(|(_, told)| told.state).collect();
    assert!(states.iter().any(|state| state == "waiting"), "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_denial_after_a_hold_reaches_who_asks_again_although_no_figure_changed() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Holds(usize::MAX)).await;
    let first = scene.submit(&["104", "106"], 1, 0).await;
    let first = scene.over(first).await;
    assert_eq!((scene.release(&first).manifest().number, scene.release(&first).manifest().revision), (1, 1));
    let said = "a person at this council refused the question: ask by region instead";
    scene.councils.link("106", Manner::Refuses(Reason::Denied, said)).await;
    let again = scene.submit(&["104", "106"], 2, 0).await;
    let again = scene.over(again).await;
    assert!(again.message.contains("ask by region instead"), "{}", again.message);
    let release = scene.release(&again);
    let manifest = release.manifest();
    assert_eq!((manifest.number, manifest.revision), (1, 2), "the earlier one says that people are still asked");
    assert!(manifest.revision_reason.contains("council 106 has decided"), "{}", manifest.revision_reason);
    let told = &manifest.councils.iter().find(|council| council.code == testing::council("106")).unwrap().outcome;
    assert_eq!((told.state, told.code.as_str(), told.reason.as_str()), (State::Refused, "DENIED", said));
    // A third time there is no news, and the reason is told all the same.
    let third = scene.submit(&["104", "106"], 3, 0).await;
    let third = scene.over(third).await;
    assert_eq!(third.release, again.release);
    assert!(third.message.contains("nothing has changed") && third.message.contains("by region"), "{}", third.message);
}

#[tokio::test(start_paused = true)]
async fn a_council_that_links_while_it_is_waited_for_is_asked_at_once() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    let id = scene.submit(&["104", "106"], 1, 600).await;
    scene.until(id, "106", State::Unreachable).await;
    scene.councils.link("106", Manner::Answers).await;
    let job = scene.over(id).await;
    assert_eq!(scene.release(&job).manifest().councils_answered, 2);
    assert_eq!(scene.councils.asked("106"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_any_answer_the_job_fails_and_says_why() {
    let scene = Scene::new();
    scene.councils.link("106", Manner::Refuses(Reason::BudgetSpent, "the year's budget is spent")).await;
    let job = scene.over(scene.submit(&["106", "503"], 1, 0).await).await;
    assert_eq!((job.state, job.release.as_str()), (JobState::Failed, ""));
    assert!(job.message.contains("1 refused BUDGET_SPENT") && job.message.contains("1 unreachable"), "{}", job.message);
}

#[tokio::test(start_paused = true)]
async fn a_job_goes_on_after_a_restart_and_asks_only_who_is_missing_under_the_same_id() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Silent).await;
    let id = scene.submit(&["104", "106"], 1, 600).await;
    scene.until(id, "104", State::Answered).await;
    let scene = scene.restart().await;
    assert!(!scene.store.job(id).unwrap().unwrap().state.is_over());
    scene.councils.link("106", Manner::Answers).await;
    assert_eq!(scene.jobs.resume().await.unwrap(), 1);
    let job = scene.over(id).await;
    assert_eq!(scene.release(&job).manifest().councils_answered, 2);
    assert_eq!((scene.councils.asked("104"), scene.councils.asked("106")), (1, 1));
    let ids = scene.councils.ids.lock().unwrap().clone();
    assert!(ids.len() >= 3 - 1 && ids.iter().all(|asked| asked == id.as_bytes()));
    assert_eq!(scene.jobs.resume().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_release_is_made_again_from_the_stored_answers_to_the_last_byte() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Answers).await;
    let id = scene.submit(&["104", "106"], 1, 0).await;
    let job = scene.over(id).await;
    let release = scene.release(&job);
    let (query, layout) = testing::suppressed("2E");
    let answers = scene.store.answers(id, &query, &layout).unwrap();
    let (table, _) = tabulate(&checked(&query, &["104", "106"], wire::Level::Council), &Gathered::Answers(answers));
    assert_eq!(table_digest(&table), release.manifest().table_sha256);
}

#[tokio::test(start_paused = true)]
async fn an_equal_question_is_answered_by_the_earlier_release_and_asks_nobody() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Answers).await;
    let first = scene.over(scene.submit(&["104", "106"], 1, 0).await).await;
    let second = scene.over(scene.submit(&["104", "106"], 2, 0).await).await;
    assert_eq!(first.release, second.release);
    // A part of it is another table, made from the same answers.
    let part = scene.over(scene.submit(&["104"], 3, 0).await).await;
    assert_ne!(part.release, first.release);
    assert_eq!(scene.release(&part).manifest().councils[0].outcome.state, State::Stored);
    // So is an ICB analyst's: both councils are of board QHM.
    let icb = scene.ask(&["104", "106"], 4, 0, "analyst/icb/QHM/b", false).await.unwrap();
    let icb = scene.over(icb).await;
    assert_eq!(scene.release(&icb).manifest().board, "QHM");
    assert_eq!((scene.councils.asked("104"), scene.councils.asked("106")), (1, 1));
    // Asking afresh asks; nothing changed, so there is no new revision.
    let again = scene.ask(&["104", "106"], 5, 0, "analyst/national/a", true).await.unwrap();
    assert_eq!(scene.over(again).await.release, first.release);
    assert_eq!(scene.councils.asked("104"), 2);
}

#[tokio::test(start_paused = true)]
async fn while_the_as_of_day_lasts_a_free_question_asks_again_and_a_board_keeps_what_is_stored() {
    let scene = Scene::at("2025-06-30T09:00:00Z");
    scene.councils.link("104", Manner::Answers).await;
    scene.councils.link("106", Manner::Answers).await;
    let first = scene.over(scene.submit(&["104", "106"], 1, 0).await).await;
    let second = scene.over(scene.submit(&["104", "106"], 2, 0).await).await;
    // Both were asked again and had nothing new: the same release, not a revision.
    assert_eq!((scene.councils.asked("104"), scene.councils.asked("106")), (2, 2));
    assert_eq!(first.release, second.release);
    // Another council's answer moved in between; the new figures are a revision, without --fresh.
    scene.councils.link("106", Manner::Refuses(Reason::PolicyOff, "answers nothing any more")).await;
    let third = scene.over(scene.submit(&["104", "106"], 3, 0).await).await;
    assert_eq!(scene.release(&third).manifest().revision, 2);
    // A board's analyst reads what the councils answered before, as on any later day.
    let icb = scene.ask(&["104", "106"], 4, 0, "analyst/icb/QHM/b", false).await.unwrap();
    let icb = scene.over(icb).await;
    assert!(scene.release(&icb).manifest().councils.iter().all(|council| council.outcome.state == State::Stored));
}

#[tokio::test(start_paused = true)]
async fn a_question_with_a_price_is_never_asked_again_unless_somebody_says_so() {
    let scene = Scene::at("2025-06-30T09:00:00Z");
    let (query, _) = testing::private("2E");
    let plan = checked(&query, &["104"], wire::Level::Council);
    assert!(!scene.jobs.may_have_changed(&plan));
    let (query, _) = testing::suppressed("2E");
    assert!(scene.jobs.may_have_changed(&checked(&query, &["104"], wire::Level::Council)));
    scene.clock.advance(Duration::from_secs(86_400));
    assert!(!scene.jobs.may_have_changed(&checked(&query, &["104"], wire::Level::Council)));
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_later_make_a_revision_that_says_so() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    let first = scene.over(scene.submit(&["104", "106"], 1, 0).await).await;
    scene.councils.link("106", Manner::Answers).await;
    // The council that answered before is down now: its stored answer stands in.
    scene.councils.unlink("104");
    let second = scene.over(scene.submit(&["104", "106"], 2, 0).await).await;
    let (first, second) = (scene.release(&first), scene.release(&second));
    assert_eq!((first.manifest().number, first.manifest().revision), (1, 1));
    assert_eq!((second.manifest().number, second.manifest().revision), (1, 2));
    assert_eq!(second.manifest().revision_reason, "answers of councils 106 came in");
    assert_eq!(second.manifest().councils[0].outcome.state, State::Stored);
    assert_eq!(scene.store.release("1.1").unwrap().unwrap().release, first);
    assert_eq!(scene.store.release("1").unwrap().unwrap().release, second);
    assert!(scene.store.release("2").unwrap().is_none() && scene.store.release("x.y").unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_same_question_id_finds_its_job_and_nobody_elses() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    let id = scene.submit(&["104"], 1, 0).await;
    assert_eq!(scene.submit(&["104"], 1, 0).await, id);
    let other = scene.ask(&["104"], 1, 0, "analyst/national/z", false).await.unwrap_err();
    assert_eq!(other.reason(), Reason::NotAllowed);
    scene.over(id).await;
    assert_eq!(scene.councils.asked("104"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_release_answers_nothing_any_more() {
    let scene = Scene::new();
    scene.councils.link("104", Manner::Answers).await;
    let first = scene.over(scene.submit(&["104"], 1, 0).await).await;
    let withdrawal = crate::release::Withdrawal { at: 1, by: "x".into(), reason: "wrong file".into() };
    assert!(scene.store.withdraw(&first.release, &withdrawal).unwrap());
    assert!(!scene.store.withdraw(&first.release, &withdrawal).unwrap());
    assert_eq!(scene.release(&first).view().withdrawn(), Some(&withdrawal));
    let second = scene.over(scene.submit(&["104"], 2, 0).await).await;
    let release = scene.release(&second);
    assert_eq!((release.manifest().number, release.manifest().revision), (1, 2));
}

/// A strategy that stands for a round.
struct Summed(Arc<AtomicUsize>, Store);

#[tonic::async_trait]
impl Collect for Summed {
    async fn collect(&self, context: &Context, progress: &dyn Progress) -> Result<(), store::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let plan = &context.plan;
        for council in plan.councils() {
            let outcome = Outcome { state: State::Answered, code: String::new(), reason: String::new() };
            progress.council(*council, outcome, None).await?;
        }
        let total = testing::total(plan, &[&vec![Some(100); plan.layout().len()]], 0);
        self.1.begin_attempt(context.id, 1)?;
        self.1.save_total(context.id, &total)
    }
}

#[tokio::test(start_paused = true)]
async fn joint_figures_come_from_their_own_strategy_and_end_in_a_release() {
    let scene = Scene::new();
    let rounds = Arc::new(AtomicUsize::new(0));
    let joint: Arc<dyn Collect> = Arc::new(Summed(Arc::clone(&rounds), scene.store.clone()));
    let councils: Arc<dyn Councils> = Arc::<Fakes>::clone(&scene.councils);
    let clock = Arc::new(scene.clock.clone());
    let jobs =
        Jobs::new(scene.store.clone(), councils, clock, Patience::default(), Some(joint), CancellationToken::new());
    let (query, _) = testing::suppressed("2E");
    let query = query.with_release(folkmoot_proto::query::Release::JointSuppressed(Default::default()));
    let caller = analyst("analyst/national/a");
    let request =
        wire::PlanRequest { level: wire::Level::England.into(), ..plan_request(&query, &["104", "106", "107"]) };
    let plan = Plan::check(request.clone(), &caller, testing::as_of()).unwrap();
    jobs.check_kind(&plan).unwrap();
    assert_eq!(scene.jobs.check_kind(&plan).unwrap_err().reason(), Reason::NotAllowed);
    let expires = scene.clock.now().as_second() + 86_400;
    let question = Question::new(query, QueryId::from_bytes([1; 16]), caller, "test", "6(1)(e)", expires).unwrap();
    let signed = SignedQuestion { question, analyst: Default::default(), coordinator: Default::default() };
    let request = wire::AskRequest { plan: Some(request), ..Default::default() };
    let id = jobs.submit(&plan, &signed, request).await.unwrap();
    let scene = Scene { jobs, ..scene };
    let job = scene.over(id).await;
    let release = scene.release(&job);
    assert_eq!((release.manifest().councils_answered, rounds.load(Ordering::SeqCst)), (3, 1));
    assert_eq!(release.table().areas[0].cells[0].value.map(crate::merge::Number::get), Some(100.0));
    assert_eq!(scene.councils.asked("104"), 0);
}
