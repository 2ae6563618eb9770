//! The link: one connection on which the side that dialled *serves* gRPC and the side that was dialled calls it.
//!
//! ```text
//! node                                             coordinator
//! dials out, TLS ------------- stream -----------> accepts, TLS
//! serve(stream, routes, peer)                      channel(stream) -> Link { channel, closed }
//!   hyper HTTP/2 server  <---- calls -----------     tonic channel
//!   ends with its cause  ----- answers --------->  closed fires when the stream is gone
//! ```
//!
//! So a council opens no inbound port, and everything the coordinator wants from it is an ordinary gRPC call with deadlines and streams.
//!
//! - A link is used once. A lost one is replaced by dialling again; a [`Channel`] is never repaired, because a repaired one could lead to another
//!   node than the one that was identified when the link was made.
//! - Both sides ping while idle ([`limits::KEEP_ALIVE_INTERVAL`]); otherwise a silently dropped path would be noticed by nobody.
//! - Under TLS 1.3 neither side's *connect* proves anything: the node's handshake ends before its certificate was judged, and the HTTP/2 opening
//!   is sent without waiting for an answer. Only an answered call proves that a link is up; hence the welcome.
//!
//! [`serve`] is not only for links: the coordinator serves its ordinary callers with it too, connection by connection.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use folkmoot_proto::limits;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::{Service, ServiceExt as _};

use crate::tls::explain;

#[cfg(doc)]
use tonic::service::Routes;

mod sort;

pub use sort::{Sorted, is_transport_loss, sort};

/// How a served connection ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// We were told to stop, and calls in hand were finished.
    Stopped,
    /// The other side closed it.
    ByPeer,
}

/// A connection failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A served connection broke: the path was lost, the other side stopped answering, or it broke the protocol.
    #[error("the connection was lost")]
    Lost(#[source] hyper::Error),
    /// The calling side of a link could not be set up.
    #[error("setting up the calling side of a link")]
    Channel(#[source] tonic::transport::Error),
}

impl Error {
    /// The input or output error behind this one, if any: where TLS says why the other side refused us.
    pub fn io(&self) -> Option<&io::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref() {
                return Some(io);
            }
            cause = error.source();
        }
        None
    }
}

/// Serves `service` (prepared [`Routes`], or something around them) on `stream` until the other side is gone or `stop` is cancelled; then calls in
/// hand are finished first.
///
/// `peer` is put into the extensions of every request, so that a service knows who calls from the connection and never from a message.
/// Dropping the future closes the connection at once, and with it every call in hand: what must be finished once begun has to be spawned.
///
/// # Errors
/// [`Error::Lost`], with the cause in its sources.
pub async fn serve<S, A, P>(stream: S, service: A, peer: P, stop: CancellationToken) -> Result<Ended, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Service<http::Request<Incoming>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    A::Future: Send + 'static,
    P: Clone + Send + Sync + 'static,
{
    let service = service.map_request(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT)
        .max_concurrent_streams(limits::MAX_CONCURRENT_CALLS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        done = connection.as_mut() => done.map(|()| Ended::ByPeer),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await.map(|()| Ended::Stopped)
        }
    };
    ended.map_err(Error::Lost)
}

/// The calling side of a link.
#[derive(Clone, Debug)]
pub struct Link {
    channel: Channel,
    closed: CancellationToken,
    cut: CancellationToken,
    cause: Arc<OnceLock<String>>,
}

impl Link {
    /// Where calls go. Its clones share the one stream.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Whether the stream is gone.
    pub fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Waits until the stream is gone, for whatever reason.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// What reading from the stream failed with, in words, if it did: the other side's refusal of our certificate arrives this way, and the status of
    /// a failed call does not hold it.
    pub fn cause(&self) -> Option<&str> {
        self.cause.get().map(String::as_str)
    }

    /// Closes the stream now, whoever still holds a clone of the channel. Calls in flight fail as if the path had been lost.
    pub fn cut(&self) {
        self.cut.cancel();
    }
}

/// Makes the calling side of a link from an accepted stream.
///
/// Success says nothing about the other side, which has not been heard yet.
///
/// # Errors
/// [`Error::Channel`].
pub async fn channel<S>(stream: S) -> Result<Link, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let closed = CancellationToken::new();
    let cut = CancellationToken::new();
    let cause = Arc::new(OnceLock::new());
    let watched = Watched {
        stream,
        cut: Box::pin(cut.clone().cancelled_owned()),
        cause: Arc::clone(&cause),
        _closed: closed.clone().drop_guard(),
    };
    let once = Arc::new(Mutex::new(Some(TokioIo::new(watched))));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(stream.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotConnected, "the link is closed; the node has to dial again")
        }))
    });
    // The name is never resolved: the connector hands out the stream that is there.
    let channel = Endpoint::from_static("http://node.link.invalid")
        .http2_keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
        .map_err(Error::Channel)?;
    Ok(Link { channel, closed, cut, cause })
}

/// A stream that can be cut from outside, and that tells when it is gone.
struct Watched<S> {
    stream: S,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    cause: Arc<OnceLock<String>>,
    // Fires when this value is dropped, which is the one thing that happens however a link ends.
    _closed: DropGuard,
}

impl<S> Watched<S> {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the link was closed by the coordinator"))
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &read {
            self.cause.get_or_init(|| explain(error));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
