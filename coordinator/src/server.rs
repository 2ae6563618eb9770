//! The coordinator's one TCP port: TLS, then either a council's link or somebody's calls.
//!
//! ```text
//! accept -> TLS (deadline, bounded number) -> folkmoot-link/1 -> links.attend
//!                                         \-> h2              -> the analysts' and operators' services
//! ```
//!
//! Who is at the other end is settled in the handshake and put into the extensions of each request, as an [`Identity`]; services decide by that and by
//! nothing that a message says. A connection whose certificate runs out or is revoked is closed within [`upkeep::INTERVAL`].

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use folkmoot_proto::limits;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::link::{self, Ended};
use folkmoot_runtime::tls::{self, Accepted, Admit, Protocol, Reloadable};
use folkmoot_runtime::upkeep;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::links::Links;

#[cfg(doc)]
use folkmoot_proto::identity::Identity;

/// Handshakes at the same time. Each costs a few milliseconds of processor time and some tens of kilobytes; a silent one holds its place for
/// [`limits::HANDSHAKE_DEADLINE`]. More wait in the listener's queue.
const HANDSHAKES: usize = 256;

/// Connections at the same time, links and callers together.
const CONNECTIONS: usize = 2048;

/// How long calls in hand may take to finish when the coordinator stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// Wait after the listener failed: it fails when the process has no file descriptors left, and asking again at once would only burn time.
const ACCEPT_AGAIN: Duration = Duration::from_millis(250);

/// How long the same trouble from the same address is not logged again.
const SAID: Duration = Duration::from_secs(600);

/// What the port needs.
pub struct Server {
    /// Where connections come in.
    pub listener: TcpListener,
    /// Who we are and whom we believe.
    pub tls: Arc<Reloadable>,
    /// Which roles may do what.
    pub admit: Admit,
    /// What analysts, operators and auditors may call.
    pub routes: Routes,
    /// Where councils are taken in.
    pub links: Links,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Server {
    /// Serves until `stop` is cancelled; then takes nobody in, lets calls in hand finish within a few seconds, and closes every link.
    pub async fn run(self, stop: CancellationToken) {
        let door = Arc::new(Door {
            tls: self.tls,
            admit: self.admit,
            routes: self.routes.prepare(),
            links: self.links,
            said: Said { clock: self.clock, by: Mutex::default() },
            stop: stop.clone(),
        });
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &places, &handshakes) => accepted,
                Some(done) = connections.join_next() => {
                    if let Err(error) = done {
                        tracing::error!(%error, "a connection's task failed");
                    }
                    continue;
                }
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, address, place, handshake)) => {
                    let door = Arc::clone(&door);
                    connections.spawn(async move {
                        let accepted = door.handshake(stream, address).await;
                        drop(handshake);
                        if let Some(accepted) = accepted {
                            door.enter(accepted, address).await;
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting connections failed; trying again");
                    sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        drop(self.listener);
        let drained = timeout(DRAIN_DEADLINE, async { while connections.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(connections = connections.len(), "stopping with calls unfinished");
        }
        connections.shutdown().await;
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    handshakes: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, Place, Place)> {
    let closed = |_| io::Error::other("the semaphore is closed");
    let place = Arc::clone(places).acquire_owned().await.map_err(closed)?;
    let handshake = Arc::clone(handshakes).acquire_owned().await.map_err(closed)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place, handshake))
}

/// What every connection's task needs.
struct Door {
    tls: Arc<Reloadable>,
    admit: Admit,
    routes: Routes,
    links: Links,
    said: Said,
    stop: CancellationToken,
}

impl Door {
    async fn handshake(&self, stream: TcpStream, address: SocketAddr) -> Option<Accepted<TcpStream>> {
        // Questions and answers are small and wait for each other.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%address, %error, "gone before it began");
            return None;
        }
        let settings = self.tls.current();
        match timeout(limits::HANDSHAKE_DEADLINE, tls::accept(&settings, &self.admit, stream)).await {
            Ok(Ok(accepted)) => Some(accepted),
            Ok(Err(tls::Error::Refused(refusal))) => {
                self.said.warn(address.ip(), &format!("refused: {refusal}"));
                None
            }
            Ok(Err(tls::Error::Handshake(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // Load balancers and monitors look whether somebody listens, many times a minute.
                tracing::debug!(%address, "connected and went away");
                None
            }
            Ok(Err(error)) => {
                self.said.warn(address.ip(), &error.to_string());
                None
            }
            Err(_) => {
                self.said.warn(address.ip(), "connected and said nothing");
                None
            }
        }
    }

    async fn enter(&self, accepted: Accepted<TcpStream>, address: SocketAddr) {
        let Accepted { stream, peer, protocol } = accepted;
        let identity = peer.identity().clone();
        let disbelieved = upkeep::until_refused(Arc::clone(&self.tls), peer);
        let served = async {
            match (protocol, identity.council()) {
                (Protocol::Link, Some(council)) => {
                    let from = address.to_string();
                    tokio::select! {
                        // Links says what became of it.
                        _ = self.links.attend(stream, council, &from) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                (Protocol::Link, None) => {
                    self.said.warn(address.ip(), &format!("{identity} is no council, and only councils link"));
                }
                (Protocol::Calls, _) => {
                    match link::serve(stream, self.routes.clone(), identity.clone(), self.stop.clone()).await {
                        Ok(Ended::ByPeer | Ended::Stopped) => tracing::debug!(%address, %identity, "caller left"),
                        Err(error) => tracing::debug!(%address, %identity, "caller lost: {}", tls::explain(&error)),
                    }
                }
            }
        };
        tokio::select! {
            () = served => {}
            refusal = disbelieved => tracing::warn!(%address, %identity, "connection closed: {refusal}"),
        }
    }
}

/// Keeps one badly set up machine from filling the log.
struct Said {
    clock: Arc<dyn Clock>,
    by: Mutex<BTreeMap<IpAddr, (String, Duration)>>,
}

impl Said {
    /// Addresses remembered. Beyond that the memory starts anew, and something is said once more than needed.
    const ADDRESSES: usize = 4096;

    fn warn(&self, address: IpAddr, text: &str) {
        if self.is_new(address, text) {
            tracing::warn!(%address, "{text}");
        } else {
            tracing::debug!(%address, "{text}");
        }
    }

    fn is_new(&self, address: IpAddr, text: &str) -> bool {
        let now = self.clock.monotonic();
        let mut by = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if by.get(&address).is_some_and(|(said, at)| said == text && now.saturating_sub(*at) < SAID) {
            return false;
        }
        if by.len() >= Self::ADDRESSES {
            by.clear();
        }
        by.insert(address, (text.to_owned(), now));
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use folkmoot_runtime::clock::MockClock;

    use super::*;

    #[test]
    fn the_same_trouble_from_the_same_address_is_said_once_in_a_while() {
        let clock = MockClock::at("2026-06-30T12:00:00Z".parse().unwrap());
        let said = Said { clock: Arc::new(clock.clone()), by: Mutex::default() };
        let (one, two) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert!(said.is_new(one, "expired"));
        assert!(!said.is_new(one, "expired"));
        assert!(said.is_new(two, "expired"));
        assert!(said.is_new(one, "revoked"));
        clock.advance(SAID);
        assert!(said.is_new(one, "revoked"));
    }
}
