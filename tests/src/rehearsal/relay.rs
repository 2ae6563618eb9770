//! A relay between the nodes and the coordinator, which sees every message of every round and can step in between.
//!
//! ```text
//! node -- TLS, as the coordinator --> relay -- TLS, as that council --> coordinator
//!      <------ calls, one by one -----       <------------ calls -------
//! ```
//!
//! Nobody outside a rehearsal can build this: it takes the keys of the coordinator and of every council, which a
//! federation made for one afternoon keeps in one folder. Nodes and coordinator are the real programs and know nothing of
//! it. What it does to the calls is up to a [`Mischief`]; each step of a round waits for it, so that what it does happens
//! at exactly that step, however slow or fast the machine is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::round::{Envelope, Step};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_proto::wire::v1::node_server::{Node, NodeServer};
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::link::{self, Link};
use folkmoot_runtime::reach::{self, Address};
use folkmoot_runtime::tls::{self, Admit, Files, Protocol, Settings};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

/// The steps of a round in order, as messages number them.
pub const STEPS: [Step; 5] = [Step::Advertise, Step::Share, Step::Mask, Step::Consent, Step::Unmask];

/// The number of a step in messages.
pub fn number(step: Step) -> u32 {
    STEPS.iter().zip(0..).find(|(one, _)| **one == step).map_or(0, |(_, number)| number)
}

/// One council's turn in one step of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The council asked.
    pub council: CouncilCode,
    /// The round, as the coordinator names it.
    pub round: [u8; 32],
    /// The step.
    pub step: Step,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It goes on.
    On,
    /// It is lost, since the node is gone; [`Hall::lose`] has noted it.
    Lost,
}

/// When in its turn a node was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it saw the message of the step.
    Before,
    /// After it had answered, and before the answer had left the relay.
    After,
}

/// What is done to the messages of rounds.
#[tonic::async_trait]
pub trait Mischief: Send + Sync + 'static {
    /// A message of the coordinator is about to go to a node.
    async fn asked(&self, hall: &Hall, turn: Turn, message: &mut wire::RoundChunk) -> Way;

    /// A node has answered, and its answer is about to go to the coordinator.
    async fn answered(&self, hall: &Hall, turn: Turn, answer: &Result<Vec<wire::RoundChunk>, Status>) -> Way;
}

/// Lets everything through.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

#[tonic::async_trait]
impl Mischief for Nothing {
    async fn asked(&self, _: &Hall, _: Turn, _: &mut wire::RoundChunk) -> Way {
        Way::On
    }

    async fn answered(&self, _: &Hall, _: Turn, _: &Result<Vec<wire::RoundChunk>, Status>) -> Way {
        Way::On
    }
}

/// A node's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who refused.
    pub council: CouncilCode,
    /// Which step.
    pub step: Step,
    /// The stable code: the protocol's own where there is one.
    pub code: String,
    /// The sentence.
    pub sentence: String,
}

impl Refused {
    /// Reads a node's status.
    pub fn read(council: CouncilCode, step: Step, status: &Status) -> Self {
        match Refusal::from_status(status) {
            Some(refusal) => {
                let code = refusal.fact("round").unwrap_or(refusal.reason().code()).to_owned();
                Self { council, step, code, sentence: refusal.sentence().to_owned() }
            }
            None => Self { council, step, code: format!("{:?}", status.code()), sentence: status.message().to_owned() },
        }
    }
}

/// One attempt as the relay saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The round's id.
    pub id: [u8; 32],
    /// Its envelope, as the coordinator made it.
    pub envelope: Envelope,
    /// Whose answers reached the coordinator at each step.
    pub passed: BTreeMap<Step, BTreeSet<CouncilCode>>,
    /// Who refused what.
    pub refused: Vec<Refused>,
    /// Who was lost, at which step and when.
    pub lost: Vec<(CouncilCode, Step, Moment)>,
}

impl Seen {
    /// The councils asked to take part.
    pub fn cohort(&self) -> BTreeSet<CouncilCode> {
        self.envelope.cohort.iter().filter_map(|code| CouncilCode::parse(code).ok()).collect()
    }

    /// Whose answer to a step reached the coordinator.
    pub fn passed(&self, step: Step) -> BTreeSet<CouncilCode> {
        self.passed.get(&step).cloned().unwrap_or_default()
    }
}

/// What every connection shares.
pub struct Hall {
    coordinator: Settings,
    upstream: Address,
    nodes: PathBuf,
    clock: Arc<dyn Clock>,
    mischief: Mutex<Arc<dyn Mischief>>,
    channels: Mutex<BTreeMap<CouncilCode, Channel>>,
    rounds: Mutex<Vec<Seen>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    /// Says a step's message to a node, in the coordinator's name, and gives its answer.
    ///
    /// # Errors
    /// The node's refusal; `Unavailable` when it is not there.
    pub async fn say(&self, council: CouncilCode, message: wire::RoundChunk) -> Result<Vec<wire::RoundChunk>, Status> {
        let channel = lock(&self.channels).get(&council).cloned();
        say(channel.ok_or_else(|| Status::unavailable("the node is not there"))?, message).await
    }

    /// The attempts so far.
    pub fn rounds(&self) -> Vec<Seen> {
        lock(&self.rounds).clone()
    }

    /// Notes that a node is about to be lost. To be called before it is: from then on nothing of its turn may run.
    pub fn lose(&self, turn: Turn, moment: Moment) {
        self.round(turn.round, |seen| seen.lost.push((turn.council, turn.step, moment)));
    }

    fn round(&self, id: [u8; 32], note: impl FnOnce(&mut Seen)) {
        if let Some(seen) = lock(&self.rounds).iter_mut().find(|seen| seen.id == id) {
            note(seen);
        }
    }

    fn begin(&self, id: [u8; 32], envelope: &[u8]) {
        let mut rounds = lock(&self.rounds);
        if !rounds.iter().any(|seen| seen.id == id)
            && let Ok(envelope) = Envelope::decode(envelope)
        {
            let (passed, refused, lost) = Default::default();
            rounds.push(Seen { id, envelope, passed, refused, lost });
        }
    }
}

async fn say(channel: Channel, message: wire::RoundChunk) -> Result<Vec<wire::RoundChunk>, Status> {
    let mut stream = NodeClient::new(channel).round(tokio_stream::iter([message])).await?.into_inner();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.message().await? {
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// The relay. Dropping it closes every connection.
pub struct Relay {
    hall: Arc<Hall>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Takes nodes in on `listener` and links each to the coordinator at `upstream`. The coordinator's keys lie in
    /// `coordinator`, those of the councils below `nodes`, what the authority hands to everybody in `public`.
    ///
    /// # Errors
    /// When the coordinator's certificate cannot be read.
    pub fn start(
        listener: TcpListener,
        upstream: Address,
        coordinator: &std::path::Path,
        nodes: PathBuf,
        public: &std::path::Path,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let files = Files {
            chain: coordinator.join("tls.pem"),
            key: coordinator.join("tls.key"),
            roots: public.join("roots.pem"),
            crl: public.join("crl.pem"),
        };
        let settings = Settings::load(&files, Arc::clone(&clock)).context("reading the coordinator's certificate")?;
        listener.set_nonblocking(true).context("preparing the relay's port")?;
        let listener = tokio::net::TcpListener::from_std(listener).context("preparing the relay's port")?;
        let hall = Arc::new(Hall {
            coordinator: settings,
            upstream,
            nodes,
            clock,
            mischief: Mutex::new(Arc::new(Nothing)),
            channels: Mutex::default(),
            rounds: Mutex::default(),
        });
        let task = tokio::spawn(accept(Arc::clone(&hall), listener));
        Ok(Self { hall, task })
    }

    /// What is done to rounds from now on.
    pub fn play(&self, mischief: Arc<dyn Mischief>) {
        *lock(&self.hall.mischief) = mischief;
    }

    /// What every connection shares.
    pub fn hall(&self) -> &Arc<Hall> {
        &self.hall
    }
}

async fn accept(hall: Arc<Hall>, listener: tokio::net::TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of file descriptors, say: the node dials again.
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(attend(Arc::clone(&hall), stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One node, until it or the coordinator leaves. A node that cannot be linked dials again and says why in its log.
async fn attend(hall: Arc<Hall>, stream: TcpStream) {
    let Ok((council, node)) = take(&hall, stream).await else { return };
    let Ok(up) = climb(&hall, council).await else { return };
    lock(&hall.channels).insert(council, node.channel());
    let between = Between { hall: Arc::clone(&hall), council, node: node.clone() };
    let routes = Routes::new(NodeServer::new(between)).prepare();
    let stop = CancellationToken::new();
    tokio::select! {
        _ = link::serve(up, routes, (), stop) => {}
        // Dropping the other side at once: a node that is killed is gone for the coordinator, too.
        () = node.closed() => {}
    }
    node.cut();
}

async fn take(hall: &Hall, stream: TcpStream) -> anyhow::Result<(CouncilCode, Link)> {
    stream.set_nodelay(true)?;
    let accepted = tls::accept(&hall.coordinator, &Admit::default(), stream).await?;
    let council = accepted.identity().council().context("only councils link")?;
    Ok((council, link::channel(accepted.stream).await?))
}

async fn climb(hall: &Hall, council: CouncilCode) -> anyhow::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let keys = hall.nodes.join(council.as_str()).join("keys");
    let files = Files {
        chain: keys.join("tls.pem"),
        key: keys.join("tls.key"),
        roots: keys.join("roots.pem"),
        crl: keys.join("crl.pem"),
    };
    let settings = Settings::load(&files, Arc::clone(&hall.clock))?;
    Ok(reach::coordinator(&hall.upstream, &settings, Protocol::Link).await?.stream)
}

/// Stands in for one node.
struct Between {
    hall: Arc<Hall>,
    council: CouncilCode,
    node: Link,
}

impl Between {
    fn client(&self) -> NodeClient<Channel> {
        NodeClient::new(self.node.channel())
    }

    async fn lost(&self) -> Status {
        // The system closes a dead process's connections; then the coordinator's side falls as well.
        self.node.closed().await;
        Status::unavailable("the node is gone")
    }
}

type Chunks = tokio_stream::Iter<std::vec::IntoIter<Result<wire::RoundChunk, Status>>>;

#[tonic::async_trait]
impl Node for Between {
    type AnswerStream = Streaming<wire::AnswerChunk>;
    type RoundStream = Chunks;

    async fn welcome(&self, request: Request<wire::WelcomeRequest>) -> Result<Response<wire::WelcomeReply>, Status> {
        self.client().welcome(request.into_inner()).await
    }

    async fn probe(&self, request: Request<wire::ProbeRequest>) -> Result<Response<wire::ProbeReply>, Status> {
        self.client().probe(request.into_inner()).await
    }

    async fn price(&self, request: Request<wire::PriceRequest>) -> Result<Response<wire::PriceReply>, Status> {
        self.client().price(request.into_inner()).await
    }

    async fn answer(&self, request: Request<wire::AnswerRequest>) -> Result<Response<Self::AnswerStream>, Status> {
        self.client().answer(request.into_inner()).await
    }

    async fn round(&self, request: Request<Streaming<wire::RoundChunk>>) -> Result<Response<Chunks>, Status> {
        let mut stream = request.into_inner();
        let nothing = || Status::invalid_argument("a step without a message");
        let mut message = stream.message().await?.ok_or_else(nothing)?;
        while let Some(more) = stream.message().await? {
            message.payload.extend(more.payload);
        }
        let round = message.round_id.as_slice().try_into().map_err(|_| nothing())?;
        let step = STEPS.get(message.step as usize).copied().ok_or_else(nothing)?;
        let turn = Turn { council: self.council, round, step };
        if step == Step::Advertise {
            self.hall.begin(round, &message.payload);
        }
        let mischief = Arc::clone(&*lock(&self.hall.mischief));
        if mischief.asked(&self.hall, turn, &mut message).await == Way::Lost {
            return Err(self.lost().await);
        }
        let answer = say(self.node.channel(), message).await;
        if mischief.answered(&self.hall, turn, &answer).await == Way::Lost {
            return Err(self.lost().await);
        }
        self.hall.round(round, |seen| match &answer {
            Ok(_) => drop(seen.passed.entry(step).or_default().insert(turn.council)),
            Err(status) => seen.refused.push(Refused::read(turn.council, step, status)),
        });
        let chunks: Vec<Result<wire::RoundChunk, Status>> = answer?.into_iter().map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(chunks)))
    }

    async fn head(&self, request: Request<wire::HeadRequest>) -> Result<Response<wire::HeadReply>, Status> {
        self.client().head(request.into_inner()).await
    }

    async fn receipts(&self, request: Request<wire::ReceiptsRequest>) -> Result<Response<wire::ReceiptsReply>, Status> {
        self.client().receipts(request.into_inner()).await
    }
}
