//! Reaching the coordinator: name, network, TLS, each with its own error and its own fix.
//!
//! Nodes dial links with it, analysts' commands make calls with it, and `doctor` shows its errors: whichever [`Stage`] failed is the hop to look at.
//! The path must be plain TCP all the way: whatever ends TLS in between (an HTTP proxy, an inspecting firewall) ends the link.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use folkmoot_proto::identity::Role;
use folkmoot_proto::limits;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::tls::{self, Connected, Protocol};

/// How long one address gets before the next one is tried beside it (RFC 8305 calls it the connection attempt delay).
const STAGGER: Duration = Duration::from_millis(250);

/// Where a coordinator listens: `host:port`, with an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

/// A text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address: a host name and a port are expected, such as coordinator.example.org:7443")]
pub struct BadAddress(String);

impl Address {
    /// The host: a name, or an IP address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.host.clone()).expect("checked when parsed")
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.chars().take(200).collect());
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(bad)?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = match bare {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?.to_string(),
            // A colon in a host without brackets is an IPv6 address whose last group would be taken for the port.
            None if host.contains(':') => return Err(bad()),
            None => host.to_owned(),
        };
        ServerName::try_from(host.as_str()).map_err(|_| bad())?;
        let port = port.parse().ok().filter(|p| *p != 0).ok_or_else(bad)?;
        Ok(Self { host, port })
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The hops on the way to the coordinator, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Finding its address.
    Name,
    /// Connecting to it.
    Network,
    /// Proving to each other who we are.
    Tls,
}

/// The coordinator was not reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its name leads nowhere.
    #[error(
        "the name {host} cannot be found; check its spelling in the settings, and this machine's name service (DNS)"
    )]
    Name {
        /// The name.
        host: String,
        /// What the name service says.
        source: io::Error,
    },
    /// No address answers.
    #[error("no connection to {address} (tried {tried}): {}", network(source.kind()))]
    Network {
        /// Where the coordinator should be.
        address: Address,
        /// The IP addresses that were tried.
        tried: String,
        /// What the last of them said.
        source: io::Error,
    },
    /// The two ends do not agree on who they are.
    #[error("TLS with {address} failed")]
    Tls {
        /// Where the coordinator should be.
        address: Address,
        /// Why.
        source: tls::Error,
    },
    /// The other end fell silent in the handshake.
    #[error(
        "{address} accepts connections, but does not speak TLS: no answer within {} s; something in between may hold the connection",
        limits::HANDSHAKE_DEADLINE.as_secs()
    )]
    Silent {
        /// Where the coordinator should be.
        address: Address,
    },
}

impl Error {
    /// The hop that failed.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Name { .. } => Stage::Name,
            Self::Network { .. } => Stage::Network,
            Self::Tls { .. } | Self::Silent { .. } => Stage::Tls,
        }
    }

    /// Whether one end refused the other, so that somebody has to do something before another try can work.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Tls { source: tls::Error::Own(_) | tls::Error::Refused(_) | tls::Error::Protocol(_), .. })
    }

    /// The whole of it in words: what failed, why, and what to do.
    pub fn in_words(&self) -> String {
        match self {
            Self::Tls { source, .. } => format!("{self}: {}", tls_in_words(source)),
            Self::Name { source, .. } => format!("{self} ({source})"),
            Self::Network { .. } | Self::Silent { .. } => self.to_string(),
        }
    }
}

fn tls_in_words(error: &tls::Error) -> String {
    match error {
        tls::Error::Own(refusal) | tls::Error::Refused(refusal) => format!("{error}: {refusal}"),
        other => other.to_string(),
    }
}

fn network(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there; check host and port in the settings, and that the coordinator is running"
        }
        io::ErrorKind::TimedOut => {
            "no answer; the firewall must let this machine connect out to this host and port over TCP"
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no route to it; check this machine's network and its firewall"
        }
        io::ErrorKind::PermissionDenied => "this machine does not allow the connection; check its own firewall",
        _ => "check host, port, network and firewall",
    }
}

/// Connects to whatever listens at `address`.
///
/// A name may stand for several IP addresses; they are tried in the order that the name service gives, each a little after the one before.
///
/// # Errors
/// [`Error::Name`] or [`Error::Network`].
pub async fn tcp(address: &Address) -> Result<TcpStream, Error> {
    let name = |source| Error::Name { host: address.host.clone(), source };
    let deadline = limits::CONNECT_DEADLINE;
    let found: Vec<SocketAddr> = timeout(deadline, tokio::net::lookup_host((address.host.as_str(), address.port)))
        .await
        .map_err(|_| name(io::Error::new(io::ErrorKind::TimedOut, "the name service does not answer")))?
        .map_err(name)?
        .collect();
    if found.is_empty() {
        return Err(name(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    let tried = found.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ");
    let mut tries = JoinSet::new();
    for (turn, socket) in (0..).zip(found) {
        tries.spawn(async move {
            sleep(STAGGER * turn).await;
            let stream = TcpStream::connect(socket).await?;
            // Questions and answers are small and wait for each other.
            stream.set_nodelay(true)?;
            Ok(stream)
        });
    }
    let first = async {
        let mut last = io::Error::from(io::ErrorKind::NotConnected);
        while let Some(done) = tries.join_next().await {
            match done {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(error) => last = io::Error::other(error),
            }
        }
        Err(last)
    };
    let outcome = timeout(deadline, first).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)));
    outcome.map_err(|source| Error::Network { address: address.clone(), tried, source })
}

/// Connects to the coordinator at `address` and makes sure that it is one.
///
/// It may still refuse *us*: its alert comes with the first read.
///
/// # Errors
/// The [`Error`] of the hop that failed.
pub async fn coordinator(
    address: &Address,
    settings: &tls::Settings,
    protocol: Protocol,
) -> Result<Connected<TcpStream>, Error> {
    let stream = tcp(address).await?;
    let handshake = tls::connect(settings, protocol, address.server_name(), &[Role::Coordinator], stream);
    match timeout(limits::HANDSHAKE_DEADLINE, handshake).await {
        Ok(connected) => connected.map_err(|source| Error::Tls { address: address.clone(), source }),
        Err(_) => Err(Error::Silent { address: address.clone() }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["coordinator.example.org:7443", "localhost:1", "192.0.2.7:7443", "[2001:db8::1]:7443"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "host",
            "host:",
            "host:0",
            "host:99999",
            ":7443",
            "https://host:7443",
            "2001:db8::1:7443",
            "[x]:1",
            "a b:1",
            "host:7443/x",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_address_where_nothing_listens_is_told_in_words() {
        // A port that was free a moment ago, and that nothing takes while the test holds no listener on it.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
        drop(listener);
        let error = tcp(&address).await.unwrap_err();
        assert_eq!(error.stage(), Stage::Network);
        assert!(error.in_words().contains("nothing listens there"), "{}", error.in_words());
    }

    #[tokio::test]
    async fn a_listener_is_reached() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Address = format!("localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let (accepted, reached) = tokio::join!(listener.accept(), tcp(&address));
        assert_eq!(accepted.unwrap().1, reached.unwrap().local_addr().unwrap());
    }
}
