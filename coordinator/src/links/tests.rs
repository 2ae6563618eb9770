use std::sync::atomic::{AtomicBool, Ordering};

use folkmoot_proto::wire::v1::node_server::{Node, NodeServer};
use folkmoot_runtime::clock::MockClock;
use folkmoot_runtime::link::Ended;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use super::*;

type Chunks<T> = tokio_stream::Empty<Result<T, Status>>;

/// A node as far as links see one.
#[derive(Clone)]
struct Council {
    reply: v1::WelcomeReply,
    /// What it heard at the door.
    heard: mpsc::UnboundedSender<v1::WelcomeRequest>,
    /// While true, it answers no probe.
    stuck: Arc<AtomicBool>,
}

#[tonic::async_trait]
impl Node for Council {
    type AnswerStream = Chunks<v1::AnswerChunk>;
    type RoundStream = Chunks<v1::RoundChunk>;

    async fn welcome(&self, request: Request<v1::WelcomeRequest>) -> Result<Response<v1::WelcomeReply>, Status> {
        let _ = self.heard.send(request.into_inner());
        Ok(Response::new(self.reply.clone()))
    }

    async fn probe(&self, _: Request<v1::ProbeRequest>) -> Result<Response<v1::ProbeReply>, Status> {
        if self.stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
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
        Err(Status::unimplemented(""))
    }

    async fn receipts(&self, _: Request<v1::ReceiptsRequest>) -> Result<Response<v1::ReceiptsReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A host that knows one head and takes in whomever it is told to.
struct Hall {
    refuse: Option<Refusal>,
}

#[tonic::async_trait]
impl Host for Hall {
    async fn invite(&self, _: CouncilCode) -> Result<Invitation, Refusal> {
        let witnessed = Some(v1::Head { entries: 7, digest: vec![7; 32] });
        Ok(Invitation { witnessed, registry: b"registry".to_vec() })
    }

    async fn meet(&self, _: CouncilCode, _: &v1::WelcomeReply) -> Result<(), Refusal> {
        self.refuse.clone().map_or(Ok(()), Err)
    }
}

fn links_of(hall: Hall) -> Links {
    let clock = MockClock::at("2026-06-30T12:00:00Z".parse().unwrap());
    Links::new("main", Arc::new(hall), Arc::new(clock))
}

fn links() -> Links {
    links_of(Hall { refuse: None })
}

fn code(text: &str) -> CouncilCode {
    CouncilCode::parse(text).unwrap()
}

fn reply(council: &str) -> v1::WelcomeReply {
    v1::WelcomeReply {
        council: council.to_owned(),
        software: "folkmoot-node 0.1.0".to_owned(),
        least_version: 1,
        most_version: 1,
        data_until: Some(20_000),
        ..Default::default()
    }
}

/// One connection of a node, seen from outside.
struct Connection {
    heard: mpsc::UnboundedReceiver<v1::WelcomeRequest>,
    stuck: Arc<AtomicBool>,
    /// Ends when the node's side ends.
    node: JoinHandle<Result<Ended, link::Error>>,
    /// Ends when the coordinator's side ends.
    attended: JoinHandle<Result<(), Error>>,
}

/// Lets a node that gives `reply` link with a certificate of `council`.
fn connect(links: &Links, council: &str, reply: v1::WelcomeReply) -> Connection {
    let (near, far) = tokio::io::duplex(64 * 1024);
    connect_over(links, council, reply, near, far)
}

fn connect_over(
    links: &Links,
    council: &str,
    reply: v1::WelcomeReply,
    near: DuplexStream,
    far: DuplexStream,
) -> Connection {
    let (sender, heard) = mpsc::unbounded_channel();
    let stuck = Arc::new(AtomicBool::new(false));
    let routes = Routes::new(NodeServer::new(Council { reply, heard: sender, stuck: Arc::clone(&stuck) }));
    let node = tokio::spawn(link::serve(near, routes, (), CancellationToken::new()));
    let attended = tokio::spawn({
        let (links, council) = (links.clone(), code(council));
        async move { links.attend(far, council, "192.0.2.7:40000").await }
    });
    Connection { heard, stuck, node, attended }
}

async fn until_linked(links: &Links, councils: &[&str]) {
    let wanted: BTreeSet<_> = councils.iter().map(|c| code(c)).collect();
    links.watch().wait_for(|linked| *linked == wanted).await.unwrap();
}

#[tokio::test]
async fn a_council_is_welcomed_and_can_be_asked() {
    let links = links();
    let mut events = links.events();
    let mut node = connect(&links, "716", reply("716"));
    until_linked(&links, &["716"]).await;
    let heard = node.heard.recv().await.unwrap();
    assert!(heard.keep);
    assert_eq!((heard.coordinator.as_str(), heard.least_version, heard.most_version), ("main", 1, 1));
    assert_eq!((heard.witnessed.unwrap().entries, heard.registry.as_slice()), (7, &b"registry"[..]));
    let linked = links.link(code("716")).unwrap();
    assert_eq!((linked.software.as_str(), linked.version, linked.data_until), ("folkmoot-node 0.1.0", 1, Some(20_000)));
    assert_eq!(events.recv().await.unwrap(), Event::Up(code("716"), linked.id));
    NodeClient::new(linked.link.channel()).probe(v1::ProbeRequest {}).await.unwrap();
    assert!(links.link(code("717")).is_none());
}

#[tokio::test]
async fn a_council_that_goes_is_not_linked_any_more() {
    let links = links();
    let node = connect(&links, "716", reply("716"));
    until_linked(&links, &["716"]).await;
    let linked = links.link(code("716")).unwrap();
    let mut events = links.events();
    node.node.abort();
    until_linked(&links, &[]).await;
    assert_eq!(events.recv().await.unwrap(), Event::Down(code("716"), linked.id));
    node.attended.await.unwrap().unwrap();
    assert!(links.seen(code("716")).changed.is_some());
    let status = NodeClient::new(linked.link.channel()).probe(v1::ProbeRequest {}).await.unwrap_err();
    assert_eq!(sort(&status), Sorted::Lost);
}

#[tokio::test]
async fn many_councils_link_at_once_and_one_leaving_leaves_the_others() {
    let links = links();
    let codes = ["102", "211", "716", "Z9D4Z"];
    let nodes: Vec<_> = codes.iter().map(|c| connect(&links, c, reply(c))).collect();
    until_linked(&links, &codes).await;
    nodes[1].node.abort();
    until_linked(&links, &["102", "716", "Z9D4Z"]).await;
    assert_eq!(links.connected().len(), 3);
}

#[tokio::test]
async fn a_second_node_of_a_council_is_refused_over_itself_while_the_first_answers() {
    let links = links();
    let first = connect(&links, "716", reply("716"));
    until_linked(&links, &["716"]).await;
    let before = links.link(code("716")).unwrap().id;
    let mut second = connect(&links, "716", reply("716"));
    let heard = second.heard.recv().await.unwrap();
    assert!(!heard.keep);
    assert!(
        heard.reason.starts_with("a node of council 716 is linked already, since 2026-06-30T12:00:00Z"),
        "{}",
        heard.reason
    );
    assert!(
        matches!(second.attended.await.unwrap().unwrap_err(), Error::Refused(r) if r.reason() == Reason::AlreadyLinked)
    );
    // The refused connection is closed, the first one is as it was.
    let _ = second.node.await.unwrap();
    assert_eq!(links.link(code("716")).unwrap().id, before);
    assert!(!first.attended.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_first_link_that_has_gone_silent_is_replaced() {
    let links = links();
    let first = connect(&links, "716", reply("716"));
    until_linked(&links, &["716"]).await;
    let before = links.link(code("716")).unwrap().id;
    first.stuck.store(true, Ordering::SeqCst);
    let mut events = links.events();
    let mut second = connect(&links, "716", reply("716"));
    assert!(second.heard.recv().await.unwrap().keep);
    assert_eq!(events.recv().await.unwrap(), Event::Down(code("716"), before));
    assert!(matches!(events.recv().await.unwrap(), Event::Up(_, id) if id != before));
    // The old connection is closed on both sides, and its end does not take the new one with it.
    first.attended.await.unwrap().unwrap();
    let _ = first.node.await.unwrap();
    assert_ne!(links.link(code("716")).unwrap().id, before);
    assert!(!second.attended.is_finished());
}

#[tokio::test]
async fn a_node_that_dials_again_at_once_is_kept() {
    let links = links();
    for _ in 0..10 {
        let mut node = connect(&links, "716", reply("716"));
        assert!(node.heard.recv().await.unwrap().keep);
        until_linked(&links, &["716"]).await;
        node.node.abort();
        // The next one dials without waiting for the coordinator to notice.
    }
}

#[tokio::test]
async fn a_council_code_in_a_message_is_never_believed_over_the_certificate() {
    let links = links();
    let mut node = connect(&links, "716", reply("717"));
    assert!(node.heard.recv().await.unwrap().keep);
    let refused = node.heard.recv().await.unwrap();
    assert!(
        !refused.keep && refused.reason.contains("says that it is council 717, but its certificate is council 716's")
    );
    assert!(matches!(node.attended.await.unwrap().unwrap_err(), Error::Refused(_)));
    assert!(links.connected().is_empty());
    assert!(links.seen(code("716")).refused.is_some());
}

#[tokio::test]
async fn a_node_without_a_common_version_is_refused() {
    let links = links();
    let mut node = connect(&links, "716", v1::WelcomeReply { least_version: 2, most_version: 9, ..reply("716") });
    assert!(node.heard.recv().await.unwrap().keep);
    assert!(node.heard.recv().await.unwrap().reason.contains("link versions 2 to 9, the coordinator 1 to 1"));
    assert!(links.connected().is_empty());
}

#[tokio::test]
async fn a_node_whom_the_host_does_not_take_in_is_refused_with_the_hosts_reason() {
    let refusal = Refusal::new(Reason::LedgerInDoubt, "the ledger is older than one seen before");
    let links = links_of(Hall { refuse: Some(refusal.clone()) });
    let mut events = links.events();
    let mut node = connect(&links, "716", reply("716"));
    assert!(node.heard.recv().await.unwrap().keep);
    assert_eq!(node.heard.recv().await.unwrap().reason, "the ledger is older than one seen before");
    assert_eq!(events.recv().await.unwrap(), Event::Refused(code("716"), refusal));
    let _ = node.node.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_answers_the_welcome_is_let_go_and_does_not_block_the_next() {
    let links = links();
    let (_silent, far) = tokio::io::duplex(64 * 1024);
    let silent = tokio::spawn({
        let links = links.clone();
        async move { links.attend(far, code("716"), "192.0.2.7:40000").await }
    });
    tokio::task::yield_now().await;
    let mut node = connect(&links, "716", reply("716"));
    assert!(matches!(silent.await.unwrap().unwrap_err(), Error::Gone(_)));
    assert!(node.heard.recv().await.unwrap().keep);
    until_linked(&links, &["716"]).await;
}

#[tokio::test]
async fn stopping_to_attend_closes_the_link() {
    let links = links();
    let node = connect(&links, "716", reply("716"));
    until_linked(&links, &["716"]).await;
    let held = links.link(code("716")).unwrap().link;
    node.attended.abort();
    until_linked(&links, &[]).await;
    let _ = node.node.await.unwrap();
    held.closed().await;
}

#[tokio::test]
async fn a_node_that_closes_before_the_welcome_is_no_link() {
    let links = links();
    let (near, far) = tokio::io::duplex(64 * 1024);
    drop(near);
    let error = links.attend(far, code("716"), "192.0.2.7:40000").await.unwrap_err();
    assert!(matches!(error, Error::Gone(_)), "{error}");
}
