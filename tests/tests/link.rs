//! Nodes and coordinator over real sockets and real certificates: who gets in, who does not and learns why, and what happens when one of them goes.

#![allow(clippy::unwrap_used, missing_docs)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use folkmoot_certs::authority::{Authority, Order};
use folkmoot_certs::inventory::Reason as RevocationReason;
use folkmoot_coordinator::links::{Host, Invitation, Links};
use folkmoot_coordinator::server::Server;
use folkmoot_node::dial::{self, Gate, OverTls, Stage, State, Trouble};
use folkmoot_proto::identity::{Federation, Identity, Kind};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::wire::v1;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_proto::wire::v1::node_server::{Node, NodeServer};
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::tls::{Admit, Files, Protocol, Reloadable};
use folkmoot_runtime::{enrol, link, reach};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

type Chunks<T> = tokio_stream::Empty<Result<T, Status>>;

/// Welcomes like a node, and says in a price's reason who asks.
struct Council {
    code: String,
}

#[tonic::async_trait]
impl Node for Council {
    type AnswerStream = Chunks<v1::AnswerChunk>;
    type RoundStream = Chunks<v1::RoundChunk>;

    async fn welcome(&self, request: Request<v1::WelcomeRequest>) -> Result<Response<v1::WelcomeReply>, Status> {
        let gate = request.extensions().get::<Gate>().unwrap();
        let message = request.get_ref();
        if message.keep {
            gate.keep()
        } else {
            gate.refuse(&message.reason)
        }
        let reply =
            v1::WelcomeReply { council: self.code.clone(), least_version: 1, most_version: 1, ..Default::default() };
        Ok(Response::new(reply))
    }

    async fn probe(&self, _: Request<v1::ProbeRequest>) -> Result<Response<v1::ProbeReply>, Status> {
        Ok(Response::new(v1::ProbeReply {}))
    }

    async fn price(&self, request: Request<v1::PriceRequest>) -> Result<Response<v1::PriceReply>, Status> {
        let gate = request.extensions().get::<Gate>().map(|g| g.coordinator().to_string());
        let caller = request.extensions().get::<Identity>().map(ToString::to_string);
        Ok(Response::new(v1::PriceReply { reason: gate.or(caller).unwrap_or_default(), ..Default::default() }))
    }

    async fn answer(&self, _: Request<v1::AnswerRequest>) -> Result<Response<Self::AnswerStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn round(&self, _: Request<Streaming<v1::RoundChunk>>) -> Result<Response<Self::RoundStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn head(&self, _: Request<v1::HeadRequest>) -> Result<Response<v1::HeadReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn receipts(&self, _: Request<v1::ReceiptsRequest>) -> Result<Response<v1::ReceiptsReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

struct Hall;

#[tonic::async_trait]
impl Host for Hall {
    async fn invite(&self, _: CouncilCode) -> Result<Invitation, Refusal> {
        Ok(Invitation::default())
    }

    async fn meet(&self, _: CouncilCode, _: &v1::WelcomeReply) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A federation's authority and everybody's files, in a folder of their own.
struct Authorities {
    folder: TempDir,
    authority: Authority,
}

impl Authorities {
    fn new(federation: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let federation = Federation::parse(federation).unwrap();
        let authority = Authority::init(&folder.path().join("ca"), None, &federation, clock().now()).unwrap();
        Self { folder, authority }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives `identity` key and certificate, and reads them together with the federation's roots and lists.
    fn enrol(&mut self, identity: &str) -> Arc<Reloadable> {
        let identity: Identity = identity.parse().unwrap();
        let stem = identity.file_stem();
        let (key, request, chain) =
            (self.file(&format!("{stem}.key")), self.file(&format!("{stem}.csr")), self.file(&format!("{stem}.pem")));
        enrol::make_request(&identity, Kind::Tls, &key, &request).unwrap();
        let request = std::fs::read_to_string(request).unwrap();
        let issued = self.authority.issue(&request, &Order::new(identity), clock().now()).unwrap();
        std::fs::write(&chain, issued.chain_pem).unwrap();
        let layout = self.authority.layout();
        let files = Files { chain, key, roots: layout.public("roots.pem"), crl: layout.public("crl.pem") };
        Arc::new(Reloadable::open(files, clock()).unwrap())
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

struct Coordinator {
    address: SocketAddr,
    links: Links,
    stop: CancellationToken,
    run: JoinHandle<()>,
}

impl Coordinator {
    async fn at(address: &str, tls: Arc<Reloadable>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let links = Links::new("main", Arc::new(Hall), clock());
        let stop = CancellationToken::new();
        // Any service will do to see who calls.
        let routes = Routes::new(NodeServer::new(Council { code: String::new() }));
        let server = Server { listener, tls, admit: Admit::default(), routes, links: links.clone(), clock: clock() };
        Self { address, links, stop: stop.clone(), run: tokio::spawn(server.run(stop)) }
    }

    async fn until_linked(&self, count: usize) {
        self.links.watch().wait_for(|linked| linked.len() == count).await.unwrap();
    }

    async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        self.run.await.unwrap();
        self.address
    }
}

struct RunningNode {
    state: watch::Receiver<State>,
    stop: CancellationToken,
    run: JoinHandle<()>,
}

impl RunningNode {
    fn start(code: &str, coordinator: SocketAddr, tls: Arc<Reloadable>) -> Self {
        let connect = OverTls::new(coordinator.to_string().parse().unwrap(), tls);
        let routes = Routes::new(NodeServer::new(Council { code: code.to_owned() }));
        let (sender, state) = watch::channel(State::Connecting);
        let stop = CancellationToken::new();
        let run = tokio::spawn({
            let stop = stop.clone();
            async move { dial::run(connect, routes, clock(), &mut StdRng::seed_from_u64(1), sender, stop).await }
        });
        Self { state, stop, run }
    }

    async fn until_linked(&mut self) {
        self.state.wait_for(State::is_linked).await.unwrap();
    }

    async fn trouble(&mut self) -> Trouble {
        match self.state.wait_for(|s| matches!(s, State::Waiting { .. })).await.unwrap().clone() {
            State::Waiting { trouble, .. } => trouble,
            other => panic!("{other:?}"),
        }
    }
}

async fn who_asks(link: &link::Link) -> Result<String, Status> {
    let reply = NodeClient::new(link.channel()).price(v1::PriceRequest::default()).await?;
    Ok(reply.into_inner().reason)
}

/// Calls the coordinator as an analyst's command does.
async fn call(coordinator: SocketAddr, tls: &Reloadable) -> Result<String, String> {
    let address = coordinator.to_string().parse().unwrap();
    let settings = tls.current();
    let connected = reach::coordinator(&address, &settings, Protocol::Calls).await.map_err(|e| e.in_words())?;
    let link = link::channel(connected.stream).await.unwrap();
    who_asks(&link).await.map_err(|status| link.cause().map_or_else(|| status.to_string(), str::to_owned))
}

#[tokio::test]
async fn nodes_link_and_the_coordinator_asks_them_on_the_connections_that_they_dialled() {
    let mut authorities = Authorities::new("test");
    let coordinator = Coordinator::at("127.0.0.1:0", authorities.enrol("folkmoot://test/coordinator/main")).await;
    let mut nodes = Vec::new();
    for code in ["102", "211", "716"] {
        let tls = authorities.enrol(&format!("folkmoot://test/council/{code}"));
        nodes.push(RunningNode::start(code, coordinator.address, tls));
    }
    for node in &mut nodes {
        node.until_linked().await;
    }
    coordinator.until_linked(3).await;
    for linked in coordinator.links.connected() {
        assert_eq!(who_asks(&linked.link).await.unwrap(), "folkmoot://test/coordinator/main");
    }
    for node in nodes {
        node.stop.cancel();
        node.run.await.unwrap();
    }
    coordinator.until_linked(0).await;
    coordinator.stop().await;
}

#[tokio::test]
async fn a_node_finds_back_to_a_coordinator_that_was_restarted() {
    let mut authorities = Authorities::new("test");
    let tls = authorities.enrol("folkmoot://test/coordinator/main");
    let coordinator = Coordinator::at("127.0.0.1:0", Arc::clone(&tls)).await;
    let council = authorities.enrol("folkmoot://test/council/716");
    let mut node = RunningNode::start("716", coordinator.address, council);
    node.until_linked().await;
    let address = coordinator.stop().await;
    node.state.wait_for(|s| !s.is_linked()).await.unwrap();
    let coordinator = Coordinator::at(&address.to_string(), tls).await;
    node.until_linked().await;
    coordinator.until_linked(1).await;
    coordinator.stop().await;
}

#[tokio::test]
async fn a_second_node_with_the_same_certificate_is_refused_and_takes_over_when_the_first_is_gone() {
    let mut authorities = Authorities::new("test");
    let coordinator = Coordinator::at("127.0.0.1:0", authorities.enrol("folkmoot://test/coordinator/main")).await;
    let council = authorities.enrol("folkmoot://test/council/716");
    let mut first = RunningNode::start("716", coordinator.address, Arc::clone(&council));
    first.until_linked().await;
    let mut second = RunningNode::start("716", coordinator.address, Arc::clone(&council));
    let trouble = second.trouble().await;
    assert!(trouble.refused && trouble.reason.contains("a node of council 716 is linked already"), "{trouble}");
    assert!(first.state.borrow().is_linked());
    second.stop.cancel();
    // Killed, not stopped: nothing is said on the connection.
    first.run.abort();
    let mut third = RunningNode::start("716", coordinator.address, council);
    third.until_linked().await;
    coordinator.stop().await;
}

#[tokio::test]
async fn a_revoked_council_is_turned_away_and_reads_why() {
    let mut authorities = Authorities::new("test");
    let tls = authorities.enrol("folkmoot://test/coordinator/main");
    let council = authorities.enrol("folkmoot://test/council/716");
    let identity: Identity = "folkmoot://test/council/716".parse().unwrap();
    authorities.authority.revoke_identity(&identity, None, RevocationReason::KeyCompromise, clock().now()).unwrap();
    authorities.authority.write_lists(clock().now(), 7).unwrap();
    assert!(tls.poll().unwrap(), "the coordinator reads the new list without a restart");
    let coordinator = Coordinator::at("127.0.0.1:0", tls).await;
    // The council's own copy of the list is old, so it finds out from the other end.
    let mut node = RunningNode::start("716", coordinator.address, Arc::clone(&council));
    let trouble = node.trouble().await;
    assert_eq!((trouble.stage, trouble.refused), (Stage::Tls, true));
    assert!(
        trouble.reason.contains("the other end refused us: our certificate, or our authority's, was revoked"),
        "{trouble}"
    );
    assert!(coordinator.links.connected().is_empty());
    node.stop.cancel();
    // Once it has the list itself, it does not even try.
    assert!(council.poll().unwrap());
    let mut node = RunningNode::start("716", coordinator.address, council);
    let trouble = node.trouble().await;
    assert!(trouble.reason.contains("our own certificate would be refused"), "{trouble}");
    coordinator.stop().await;
}

#[tokio::test]
async fn another_federation_and_the_wrong_roles_are_turned_away_and_read_why() {
    let mut authorities = Authorities::new("test");
    let mut others = Authorities::new("other");
    let coordinator = Coordinator::at("127.0.0.1:0", authorities.enrol("folkmoot://test/coordinator/main")).await;
    // A stranger does not believe our coordinator, before it is even asked for its own certificate.
    let mut stranger = RunningNode::start("716", coordinator.address, others.enrol("folkmoot://other/council/716"));
    let trouble = stranger.trouble().await;
    assert_eq!((trouble.stage, trouble.refused), (Stage::Tls, true), "{trouble}");
    // An analyst has no business on a link, a council none among the callers.
    let analyst = authorities.enrol("folkmoot://test/analyst/national/j.smith");
    let mut lost = RunningNode::start("716", coordinator.address, Arc::clone(&analyst));
    let trouble = lost.trouble().await;
    assert!(trouble.refused && trouble.reason.contains("role has no business on this connection"), "{trouble}");
    let council = authorities.enrol("folkmoot://test/council/716");
    let refused = call(coordinator.address, &council).await.unwrap_err();
    assert!(refused.contains("role has no business on this connection"), "{refused}");
    // Each at its own door gets in, and is known by its certificate.
    assert_eq!(call(coordinator.address, &analyst).await.unwrap(), "folkmoot://test/analyst/national/j.smith");
    let mut node = RunningNode::start("716", coordinator.address, council);
    node.until_linked().await;
    coordinator.stop().await;
}

#[tokio::test]
async fn whoever_speaks_no_tls_harms_nobody() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut authorities = Authorities::new("test");
    let coordinator = Coordinator::at("127.0.0.1:0", authorities.enrol("folkmoot://test/coordinator/main")).await;
    let mut plain = tokio::net::TcpStream::connect(coordinator.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Closed, with at most an alert.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(answer.len() < 16);
    let silent = tokio::net::TcpStream::connect(coordinator.address).await.unwrap();
    let mut node = RunningNode::start("716", coordinator.address, authorities.enrol("folkmoot://test/council/716"));
    node.until_linked().await;
    drop(silent);
    coordinator.stop().await;
}

#[tokio::test]
async fn a_node_told_to_reach_something_else_says_what_it_found() {
    let mut authorities = Authorities::new("test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    });
    let mut node = RunningNode::start("716", address, authorities.enrol("folkmoot://test/council/716"));
    let trouble = node.trouble().await;
    assert_eq!(trouble.stage, Stage::Tls);
    assert!(trouble.reason.contains("what came back is not TLS"), "{trouble}");
    drop(web.await.unwrap());
}
