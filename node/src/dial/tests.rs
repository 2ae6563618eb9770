use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use folkmoot_proto::wire::v1;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_proto::wire::v1::node_server::{Node, NodeServer};
use folkmoot_runtime::clock::SystemClock;
use folkmoot_runtime::link::Link;
use folkmoot_runtime::reach;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status, Streaming};

use super::*;

type Chunks<T> = tokio_stream::Empty<Result<T, Status>>;

/// Serves as little as a node can: the welcome, and a probe that waits to be let go of.
struct Answers {
    held: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

#[tonic::async_trait]
impl Node for Answers {
    type AnswerStream = Chunks<v1::AnswerChunk>;
    type RoundStream = Chunks<v1::RoundChunk>;

    async fn welcome(&self, request: Request<v1::WelcomeRequest>) -> Result<Response<v1::WelcomeReply>, Status> {
        let gate = request.extensions().get::<Gate>().expect("the gate comes with every request");
        let message = request.get_ref();
        if message.keep {
            gate.keep()
        } else {
            gate.refuse(&message.reason)
        }
        Ok(Response::new(v1::WelcomeReply { council: "716".to_owned(), ..Default::default() }))
    }

    async fn probe(&self, _: Request<v1::ProbeRequest>) -> Result<Response<v1::ProbeReply>, Status> {
        let (release, released) = oneshot::channel();
        if self.held.send(release).is_ok() {
            let _ = released.await;
        }
        Ok(Response::new(v1::ProbeReply {}))
    }

    async fn price(&self, _: Request<v1::PriceRequest>) -> Result<Response<v1::PriceReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn answer(&self, _: Request<v1::AnswerRequest>) -> Result<Response<Self::AnswerStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn round(&self, _: Request<Streaming<v1::RoundChunk>>) -> Result<Response<Self::RoundStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn head(&self, _: Request<v1::HeadRequest>) -> Result<Response<v1::HeadReply>, Status> {
        Ok(Response::new(v1::HeadReply::default()))
    }

    async fn receipts(&self, _: Request<v1::ReceiptsRequest>) -> Result<Response<v1::ReceiptsReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// What the coordinator's side of a test sees of one try: the far end of the stream, and a way to make its certificate worthless.
struct Dialling {
    stream: DuplexStream,
    disbelieve: oneshot::Sender<String>,
}

/// Hands the far ends to the test, or fails while the test says so.
struct ToTest {
    out: mpsc::UnboundedSender<Dialling>,
    failing: Arc<Mutex<Option<io::ErrorKind>>>,
    tries: Arc<AtomicUsize>,
}

impl Connect for ToTest {
    type Stream = DuplexStream;

    async fn connect(&self) -> Result<Dialled<DuplexStream>, reach::Error> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if let Some(kind) = *self.failing.lock().unwrap() {
            let address = "coordinator.example.org:7443".parse().unwrap();
            return Err(reach::Error::Network {
                address,
                tried: "192.0.2.1".to_owned(),
                source: io::Error::from(kind),
            });
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (disbelieve, disbelieved) = oneshot::channel::<String>();
        let _ = self.out.send(Dialling { stream: far, disbelieve });
        Ok(Dialled {
            stream: near,
            coordinator: "folkmoot://test/coordinator/main".parse().unwrap(),
            disbelieved: Box::pin(async {
                match disbelieved.await {
                    Ok(reason) => reason,
                    Err(_) => std::future::pending().await,
                }
            }),
        })
    }
}

struct Scene {
    diallings: mpsc::UnboundedReceiver<Dialling>,
    held: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    state: watch::Receiver<State>,
    failing: Arc<Mutex<Option<io::ErrorKind>>>,
    tries: Arc<AtomicUsize>,
    stop: CancellationToken,
    node: JoinHandle<()>,
}

/// A running node whose coordinator is the test.
fn scene() -> Scene {
    let (out, diallings) = mpsc::unbounded_channel();
    let (hold, held) = mpsc::unbounded_channel();
    let (sender, state) = watch::channel(State::Connecting);
    let failing = Arc::new(Mutex::new(None));
    let tries = Arc::new(AtomicUsize::new(0));
    let stop = CancellationToken::new();
    let connect = ToTest { out, failing: Arc::clone(&failing), tries: Arc::clone(&tries) };
    let routes = Routes::new(NodeServer::new(Answers { held: hold }));
    let node = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut rng = StdRng::seed_from_u64(42);
            run(connect, routes, Arc::new(SystemClock::new()), &mut rng, sender, stop).await;
        }
    });
    Scene { diallings, held, state, failing, tries, stop, node }
}

impl Scene {
    async fn dialled(&mut self) -> (Link, oneshot::Sender<String>) {
        let dialling = self.diallings.recv().await.unwrap();
        (link::channel(dialling.stream).await.unwrap(), dialling.disbelieve)
    }

    async fn until(&mut self, what: impl Fn(&State) -> bool) -> State {
        self.state.wait_for(|s| what(s)).await.unwrap().clone()
    }

    async fn trouble(&mut self) -> Trouble {
        match self.until(|s| matches!(s, State::Waiting { .. })).await {
            State::Waiting { trouble, .. } => trouble,
            other => panic!("{other:?}"),
        }
    }
}

async fn welcome(link: &Link, keep: bool, reason: &str) -> Result<v1::WelcomeReply, Status> {
    let request = v1::WelcomeRequest { keep, reason: reason.to_owned(), ..Default::default() };
    NodeClient::new(link.channel()).welcome(request).await.map(Response::into_inner)
}

#[tokio::test]
async fn linked_only_when_welcomed_and_nothing_is_answered_before() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    assert_eq!(scene.until(|s| *s != State::Connecting).await, State::Greeting);
    let early = NodeClient::new(link.channel()).head(v1::HeadRequest {}).await.unwrap_err();
    assert_eq!(early.code(), Code::FailedPrecondition);
    assert_eq!(*scene.state.borrow(), State::Greeting);
    assert_eq!(welcome(&link, true, "").await.unwrap().council, "716");
    let state = scene.until(State::is_linked).await;
    assert!(matches!(state, State::Linked { coordinator, .. } if coordinator == "folkmoot://test/coordinator/main"));
    NodeClient::new(link.channel()).head(v1::HeadRequest {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_is_dialled_again() {
    let mut scene = scene();
    for _ in 0..5 {
        let (link, _believed) = scene.dialled().await;
        welcome(&link, true, "").await.unwrap();
        scene.until(State::is_linked).await;
        drop(link);
        let trouble = scene.trouble().await;
        assert_eq!((trouble.stage, trouble.refused), (Stage::Link, false), "{trouble}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_over_the_link_is_told_and_waits_long() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, false, "another node\u{7} of council 716 is linked already").await.unwrap();
    let refused_at = Instant::now();
    drop(link);
    let trouble = scene.trouble().await;
    assert_eq!((trouble.stage, trouble.refused), (Stage::Welcome, true));
    assert_eq!(trouble.reason, "another node of council 716 is linked already", "control characters are dropped");
    scene.dialled().await;
    assert!(refused_at.elapsed() >= REFUSED_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_refused_link_answers_nothing_and_cannot_be_kept_after_all() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, false, "no").await.unwrap();
    let _ = welcome(&link, true, "").await;
    let status = NodeClient::new(link.channel()).head(v1::HeadRequest {}).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "this link is refused: no"));
    // A coordinator that refuses and does not close is left after a while.
    assert_eq!(scene.trouble().await.reason, "no");
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_never_welcomes_is_left() {
    let mut scene = scene();
    let (_link, _believed) = scene.dialled().await;
    let start = Instant::now();
    let trouble = scene.trouble().await;
    assert_eq!((trouble.stage, trouble.refused), (Stage::Welcome, false));
    assert_eq!(start.elapsed().as_secs(), limits::WELCOME_DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_link_comes_up_by_itself_once_the_coordinator_is_back() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, true, "").await.unwrap();
    *scene.failing.lock().unwrap() = Some(io::ErrorKind::ConnectionRefused);
    drop(link);
    let trouble = scene.until(|s| matches!(s, State::Waiting { trouble, .. } if trouble.stage == Stage::Network)).await;
    let State::Waiting { trouble, .. } = trouble else { unreachable!() };
    assert!(trouble.reason.contains("nothing listens there"), "{trouble}");
    // Down for an hour: tries become rare but never stop.
    let before = scene.tries.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tries = scene.tries.load(Ordering::SeqCst) - before;
    assert!((60..=1200).contains(&tries), "{tries} tries in an hour");
    *scene.failing.lock().unwrap() = None;
    let back = Instant::now();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, true, "").await.unwrap();
    scene.until(State::is_linked).await;
    assert!(back.elapsed() <= limits::REDIAL_MOST + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_whose_certificate_is_revoked_while_linked_is_left() {
    let mut scene = scene();
    let (link, disbelieve) = scene.dialled().await;
    welcome(&link, true, "").await.unwrap();
    scene.until(State::is_linked).await;
    disbelieve.send("its certificate was revoked".to_owned()).unwrap();
    let trouble = scene.trouble().await;
    assert_eq!((trouble.stage, trouble.refused), (Stage::Tls, true));
    link.closed().await;
}

#[tokio::test]
async fn stopping_finishes_the_call_in_hand() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, true, "").await.unwrap();
    let asked = tokio::spawn({
        let channel = link.channel();
        async move { NodeClient::new(channel).probe(v1::ProbeRequest {}).await }
    });
    let release = scene.held.recv().await.unwrap();
    scene.stop.cancel();
    release.send(()).unwrap();
    asked.await.unwrap().unwrap();
    scene.node.await.unwrap();
    assert_eq!(*scene.state.borrow(), State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_ever() {
    let mut scene = scene();
    let (link, _believed) = scene.dialled().await;
    welcome(&link, true, "").await.unwrap();
    tokio::spawn({
        let channel = link.channel();
        async move { NodeClient::new(channel).probe(v1::ProbeRequest {}).await }
    });
    let _never_released = scene.held.recv().await.unwrap();
    scene.stop.cancel();
    scene.node.await.unwrap();
    link.closed().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_works_in_every_state() {
    // While waiting.
    let mut waiting = scene();
    *waiting.failing.lock().unwrap() = Some(io::ErrorKind::TimedOut);
    waiting.until(|s| matches!(s, State::Waiting { trouble, .. } if trouble.stage == Stage::Network)).await;
    waiting.stop.cancel();
    waiting.node.await.unwrap();
    // While greeting.
    let mut greeting = scene();
    let (_link, _believed) = greeting.dialled().await;
    greeting.stop.cancel();
    greeting.node.await.unwrap();
}

/// Counts what an operator would see.
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN && metadata.target().starts_with("folkmoot")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_trouble_is_logged_once_until_it_changes() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let _logging = tracing::subscriber::set_default(Warnings(Arc::clone(&warnings)));
    let mut scene = scene();
    drop(scene.dialled().await);
    *scene.failing.lock().unwrap() = Some(io::ErrorKind::ConnectionRefused);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    // The first link was closed before its welcome, and then nothing listened.
    assert_eq!(warnings.load(Ordering::SeqCst), 2);
    *scene.failing.lock().unwrap() = Some(io::ErrorKind::TimedOut);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(warnings.load(Ordering::SeqCst), 3);
}
