//! One authenticated stream to the coordinator.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use folkmoot_proto::identity::Identity;
use folkmoot_runtime::link;
use folkmoot_runtime::reach::{self, Address};
use folkmoot_runtime::tls::{Protocol, Reloadable, explain};
use folkmoot_runtime::upkeep;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Stage, Trouble};

/// How the node reaches its coordinator.
pub trait Connect: Send + Sync + 'static {
    /// What it gets.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Makes a stream to the coordinator. Dropping the future gives up.
    fn connect(&self) -> impl Future<Output = Result<Dialled<Self::Stream>, reach::Error>> + Send;
}

/// A stream to the coordinator, and what is known about its other end.
pub struct Dialled<S> {
    /// What to serve on.
    pub stream: S,
    /// Who is at the other end, from its certificate.
    pub coordinator: Identity,
    /// Ends when the other end is not believed any more, with the reason.
    pub disbelieved: Pin<Box<dyn Future<Output = String> + Send>>,
}

impl<S> fmt::Debug for Dialled<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("coordinator", &self.coordinator).finish_non_exhaustive()
    }
}

/// TLS over TCP, with the settings in force at the time of each try.
#[derive(Clone)]
pub struct OverTls {
    address: Address,
    tls: Arc<Reloadable>,
}

impl OverTls {
    /// Reaches the coordinator at `address`.
    pub fn new(address: Address, tls: Arc<Reloadable>) -> Self {
        Self { address, tls }
    }
}

impl Connect for OverTls {
    type Stream = tokio_rustls::client::TlsStream<TcpStream>;

    async fn connect(&self) -> Result<Dialled<Self::Stream>, reach::Error> {
        let settings = self.tls.current();
        let connected = reach::coordinator(&self.address, &settings, Protocol::Link).await?;
        let (tls, peer) = (Arc::clone(&self.tls), connected.peer);
        Ok(Dialled {
            stream: connected.stream,
            coordinator: peer.identity().clone(),
            disbelieved: Box::pin(async move { upkeep::until_refused(tls, peer).await.to_string() }),
        })
    }
}

impl From<&reach::Error> for Trouble {
    fn from(error: &reach::Error) -> Self {
        let stage = match error.stage() {
            reach::Stage::Name => Stage::Name,
            reach::Stage::Network => Stage::Network,
            reach::Stage::Tls => Stage::Tls,
        };
        Self { stage, reason: error.in_words(), refused: error.is_refusal() }
    }
}

/// Why a served connection broke, in words; and whether it was because the other side refused our certificate.
pub(super) fn lost(error: &link::Error) -> (String, bool) {
    let alert = error.io().and_then(|io| io.get_ref()).and_then(|inner| inner.downcast_ref::<rustls::Error>());
    (explain(error), matches!(alert, Some(rustls::Error::AlertReceived(_))))
}
