use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use super::*;

/// Who the tests say is at the other end.
#[derive(Clone, Debug, PartialEq)]
struct Peer(&'static str);

/// A service without a schema: `/test.Node/Hello` answers who calls, `/test.Node/Refuse` refuses, `/test.Node/Hang` says that it began and waits.
#[derive(Clone)]
struct Node {
    hanging: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl NamedService for Node {
    const NAME: &'static str = "test.Node";
}

impl tower::Service<http::Request<Body>> for Node {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let hanging = self.hanging.clone();
        let path = request.uri().path().to_owned();
        Box::pin(async move {
            let answer = tower::service_fn(move |request: Request<()>| {
                let (hanging, path) = (hanging.clone(), path.clone());
                async move {
                    let peer = request.extensions().get::<Peer>().expect("every request carries the peer").0;
                    match path.as_str() {
                        "/test.Node/Hello" => {
                            let mut response = Response::new(());
                            response.metadata_mut().insert("x-peer", tonic::metadata::MetadataValue::from_static(peer));
                            Ok(response)
                        }
                        "/test.Node/Hang" => {
                            let (release, released) = oneshot::channel();
                            let _ = hanging.send(release);
                            let _ = released.await;
                            Err(Status::not_found("let go"))
                        }
                        _ => Err(Status::unavailable("not today")),
                    }
                }
            });
            Ok(tonic::server::Grpc::new(ProstCodec::<(), ()>::default()).unary(answer, request).await)
        })
    }
}

async fn call(link: &Link, method: &'static str, deadline: Option<Duration>) -> Result<Response<()>, Status> {
    let mut client = tonic::client::Grpc::new(link.channel());
    client.ready().await.map_err(|e| Status::from_error(Box::new(e)))?;
    let mut request = Request::new(());
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    client.unary(request, http::uri::PathAndQuery::from_static(method), ProstCodec::<(), ()>::default()).await
}

struct Scene {
    link: Link,
    served: JoinHandle<Result<Ended, Error>>,
    stop: CancellationToken,
    hanging: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

async fn scene_over(near: DuplexStream, far: DuplexStream) -> Scene {
    let (begun, hanging) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let served =
        tokio::spawn(serve(near, Routes::new(Node { hanging: begun }), Peer("coordinator/main"), stop.clone()));
    let link = channel(far).await.unwrap();
    Scene { link, served, stop, hanging }
}

async fn scene() -> Scene {
    let (near, far) = tokio::io::duplex(64 * 1024);
    scene_over(near, far).await
}

#[tokio::test]
async fn the_side_that_dialled_answers_and_knows_who_calls() {
    let scene = scene().await;
    let answer = call(&scene.link, "/test.Node/Hello", None).await.unwrap();
    assert_eq!(answer.metadata().get("x-peer").unwrap(), "coordinator/main");
    assert!(!scene.link.is_closed());
}

#[tokio::test]
async fn a_service_that_answers_unavailable_has_answered() {
    let scene = scene().await;
    let status = call(&scene.link, "/test.Node/Refuse", None).await.unwrap_err();
    assert_eq!((status.code(), sort(&status)), (Code::Unavailable, Sorted::Answer));
    let status = call(&scene.link, "/test.Other/Refuse", None).await.unwrap_err();
    assert_eq!((status.code(), sort(&status)), (Code::Unimplemented, Sorted::Answer));
}

#[tokio::test]
async fn stopping_finishes_the_call_in_hand() {
    let mut scene = scene().await;
    let asked = tokio::spawn({
        let link = scene.link.clone();
        async move { call(&link, "/test.Node/Hang", None).await }
    });
    let release = scene.hanging.recv().await.unwrap();
    scene.stop.cancel();
    release.send(()).unwrap();
    assert_eq!(asked.await.unwrap().unwrap_err().code(), Code::NotFound);
    assert_eq!(scene.served.await.unwrap().unwrap(), Ended::Stopped);
    scene.link.closed().await;
}

#[tokio::test]
async fn a_node_that_dies_in_a_call_is_a_lost_link() {
    let mut scene = scene().await;
    let asked = tokio::spawn({
        let link = scene.link.clone();
        async move { call(&link, "/test.Node/Hang", None).await }
    });
    scene.hanging.recv().await.unwrap();
    scene.served.abort();
    let status = asked.await.unwrap().unwrap_err();
    assert_eq!(sort(&status), Sorted::Lost, "{status:?}");
    scene.link.closed().await;
    // And so is every later call: the channel does not find its way to anybody else.
    let status = call(&scene.link, "/test.Node/Hello", None).await.unwrap_err();
    assert_eq!(sort(&status), Sorted::Lost, "{status:?}");
}

#[tokio::test]
async fn a_coordinator_that_goes_away_ends_the_serving() {
    let scene = scene().await;
    call(&scene.link, "/test.Node/Hello", None).await.unwrap();
    let Scene { link, served, .. } = scene;
    drop(link);
    assert_eq!(served.await.unwrap().unwrap(), Ended::ByPeer);
}

#[tokio::test]
async fn a_cut_link_ends_on_both_sides_whoever_holds_the_channel() {
    let mut scene = scene().await;
    let held = scene.link.channel();
    let asked = tokio::spawn({
        let link = scene.link.clone();
        async move { call(&link, "/test.Node/Hang", None).await }
    });
    scene.hanging.recv().await.unwrap();
    scene.link.cut();
    scene.link.closed().await;
    assert_eq!(sort(&asked.await.unwrap().unwrap_err()), Sorted::Lost);
    // The end of the stream reaches the node, as an error or as an end.
    let _ = scene.served.await.unwrap();
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn our_own_deadline_is_neither_an_answer_nor_a_loss() {
    let mut scene = scene().await;
    let status = call(&scene.link, "/test.Node/Hang", Some(Duration::from_secs(3))).await.unwrap_err();
    assert_eq!(sort(&status), Sorted::Late, "{status:?}");
    // The node's handler is let go of, and the link is as good as before.
    let mut release = scene.hanging.recv().await.unwrap();
    release.closed().await;
    call(&scene.link, "/test.Node/Hello", None).await.unwrap();
}

/// Two streams with a relay between them that, once told to, swallows everything and closes nothing: a firewall that forgot the connection.
fn silent_path() -> (DuplexStream, DuplexStream, CancellationToken) {
    let (near, near_relay) = tokio::io::duplex(64 * 1024);
    let (far, far_relay) = tokio::io::duplex(64 * 1024);
    let silence = CancellationToken::new();
    let (near_in, near_out) = tokio::io::split(near_relay);
    let (far_in, far_out) = tokio::io::split(far_relay);
    for (mut from, mut to) in [
        (
            Box::new(near_in) as Box<dyn AsyncRead + Send + Unpin>,
            Box::new(far_out) as Box<dyn AsyncWrite + Send + Unpin>,
        ),
        (Box::new(far_in), Box::new(near_out)),
    ] {
        let silence = silence.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::io::copy(&mut from, &mut to) => {}
                () = silence.cancelled() => {}
            }
            if silence.is_cancelled() {
                let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
                std::future::pending::<()>().await;
            }
        });
    }
    (near, far, silence)
}

#[tokio::test(start_paused = true)]
async fn a_silent_path_is_noticed_by_both_sides_while_nothing_is_asked() {
    let (near, far, silence) = silent_path();
    let scene = scene_over(near, far).await;
    call(&scene.link, "/test.Node/Hello", None).await.unwrap();
    // A path that works is not given up, however long nothing is said.
    let start = tokio::time::Instant::now();
    let idle = tokio::time::timeout(Duration::from_secs(3600), scene.link.closed()).await;
    assert!(idle.is_err() && start.elapsed() >= Duration::from_secs(3600));
    call(&scene.link, "/test.Node/Hello", None).await.unwrap();
    silence.cancel();
    let start = tokio::time::Instant::now();
    scene.link.closed().await;
    assert!(matches!(scene.served.await.unwrap().unwrap_err(), Error::Lost(_)));
    let longest = limits::KEEP_ALIVE_INTERVAL + limits::KEEP_ALIVE_TIMEOUT + Duration::from_secs(1);
    assert!(start.elapsed() <= longest, "noticed after {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_on_a_silent_path_is_a_lost_link() {
    let (near, far, silence) = silent_path();
    let scene = scene_over(near, far).await;
    call(&scene.link, "/test.Node/Hello", None).await.unwrap();
    silence.cancel();
    let status = call(&scene.link, "/test.Node/Hello", None).await.unwrap_err();
    assert_eq!(sort(&status), Sorted::Lost, "{status:?}");
}

#[tokio::test]
async fn bytes_that_are_not_http2_end_the_connection_with_an_error() {
    use tokio::io::AsyncWriteExt;
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let (hanging, _begun) = mpsc::unbounded_channel();
    let served = tokio::spawn(serve(near, Routes::new(Node { hanging }), Peer("x"), CancellationToken::new()));
    far.write_all(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n and some more bytes to fill the preface").await.unwrap();
    assert!(matches!(served.await.unwrap().unwrap_err(), Error::Lost(_)));
}
