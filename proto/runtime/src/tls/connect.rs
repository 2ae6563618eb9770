//! Handshakes, with the full reason when one fails.

use std::io;
use std::sync::Arc;

use folkmoot_proto::identity::{Identity, Role};
use rustls::server::Acceptor;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, TlsConnector, client, server};

use super::explain::explain;
use super::verifier::Verifier;
use super::{Peer, Protocol, Refusal, Settings};

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Our own certificate or lists are not fit to connect with; nothing was sent.
    #[error("not connecting: our own certificate would be refused")]
    Own(#[source] Refusal),
    /// We refused the other end.
    #[error("refused the other end")]
    Refused(#[source] Refusal),
    /// The other end asked for nothing we speak.
    #[error(
        "the other end asked for no protocol that is spoken here (it offered {0}): it is not a Folkmoot program, or something between the two \
         ends takes TLS apart"
    )]
    Protocol(String),
    /// The handshake failed otherwise, or the other end refused us.
    #[error("TLS handshake: {}", explain(.0))]
    Handshake(#[source] io::Error),
    /// Settings that rustls does not take; cannot happen with settings that loaded.
    #[error("setting up TLS")]
    Setup(#[source] rustls::Error),
}

/// Who may come in, by what they want to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admit {
    /// Roles that may open a link.
    pub link: Vec<Role>,
    /// Roles that may make ordinary calls.
    pub calls: Vec<Role>,
}

impl Default for Admit {
    /// Councils open links; analysts, operators and auditors call.
    fn default() -> Self {
        Self {
            link: vec![Role::Council],
            calls: vec![Role::NationalAnalyst, Role::IcbAnalyst, Role::Operator, Role::Auditor],
        }
    }
}

impl Admit {
    fn roles(&self, protocol: Protocol) -> &[Role] {
        match protocol {
            Protocol::Link => &self.link,
            Protocol::Calls => &self.calls,
        }
    }
}

/// A connection that was let in.
#[derive(Debug)]
pub struct Accepted<IO> {
    /// What to read and write.
    pub stream: server::TlsStream<IO>,
    /// Who is at the other end, checked.
    pub peer: Peer,
    /// What will be spoken.
    pub protocol: Protocol,
}

/// A connection that we opened.
///
/// The other end may still refuse *us*: its alert arrives with the first read, and [`explain`] tells what it means.
#[derive(Debug)]
pub struct Connected<IO> {
    /// What to read and write.
    pub stream: client::TlsStream<IO>,
    /// Who is at the other end, checked.
    pub peer: Peer,
}

/// Lets a connection in, if `admit` has a place for whoever is at its other end.
///
/// The protocol that the other end asks for decides which roles are expected of it, before its certificate is looked at: so a council that
/// calls like an analyst is refused in the handshake, with an alert. Put a deadline around this: a silent peer keeps it waiting.
///
/// # Errors
/// [`Error::Refused`] with the reason; [`Error::Protocol`]; [`Error::Handshake`].
pub async fn accept<IO>(settings: &Settings, admit: &Admit, io: IO) -> Result<Accepted<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let hello = LazyConfigAcceptor::new(Acceptor::default(), io).await.map_err(Error::Handshake)?;
    let offered: Vec<Vec<u8>> = hello.client_hello().alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
    let asked = offered.iter().find_map(|name| Protocol::from_alpn(name));
    // Without a protocol in common the handshake goes on only to tell the other end so, which rustls does for names it does not know.
    let protocol = asked.unwrap_or(Protocol::Calls);
    let verifier = settings.verifier(if asked.is_some() { admit.roles(protocol) } else { &[] });
    let config = settings.server(Arc::clone(&verifier), protocol).map_err(Error::Setup)?;
    let outcome = hello.into_stream(Arc::new(config)).await;
    if asked.is_none() {
        return Err(Error::Protocol(names(&offered)));
    }
    let (stream, peer) = finish(outcome, &verifier, protocol, |stream| stream.get_ref().1.alpn_protocol())?;
    Ok(Accepted { stream, peer, protocol })
}

/// Opens a connection to a party with one of `roles`.
///
/// `server_name` is sent for relays to route by; it plays no part in who the other end is (see [`super`]).
/// Put a deadline around this: a silent peer keeps it waiting.
///
/// # Errors
/// [`Error::Own`] without sending anything if our own certificate is no good; [`Error::Refused`] with the reason; [`Error::Handshake`].
pub async fn connect<IO>(
    settings: &Settings,
    protocol: Protocol,
    server_name: ServerName<'static>,
    roles: &[Role],
    io: IO,
) -> Result<Connected<IO>, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    settings.check_own().map_err(Error::Own)?;
    let verifier = settings.verifier(roles);
    let config = settings.client(Arc::clone(&verifier), protocol).map_err(Error::Setup)?;
    let outcome = TlsConnector::from(Arc::new(config)).connect(server_name, io).await;
    let (stream, peer) = finish(outcome, &verifier, protocol, |stream| stream.get_ref().1.alpn_protocol())?;
    Ok(Connected { stream, peer })
}

fn finish<S>(
    outcome: io::Result<S>,
    verifier: &Verifier,
    protocol: Protocol,
    negotiated: impl Fn(&S) -> Option<&[u8]>,
) -> Result<(S, Peer), Error> {
    let stream = match (outcome, verifier.outcome()) {
        (_, Some(Err(refusal))) => return Err(Error::Refused(refusal)),
        (Err(error), None) if sent_no_certificate(&error) => return Err(Error::Refused(Refusal::missing())),
        (Err(error), _) => return Err(Error::Handshake(error)),
        (Ok(stream), _) => stream,
    };
    if negotiated(&stream) != Some(protocol.alpn()) {
        return Err(Error::Protocol("none".to_owned()));
    }
    match verifier.outcome() {
        Some(Ok(peer)) => Ok((stream, peer)),
        _ => Err(Error::Refused(Refusal::missing())),
    }
}

fn sent_no_certificate(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::NoCertificatesPresented))
}

fn names(offered: &[Vec<u8>]) -> String {
    if offered.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = offered.iter().take(4).map(|name| name.escape_ascii().to_string()).collect();
    shown.join(", ")
}

impl<IO> Accepted<IO> {
    /// Who is at the other end.
    pub fn identity(&self) -> &Identity {
        self.peer.identity()
    }
}

impl<IO> Connected<IO> {
    /// Who is at the other end.
    pub fn identity(&self) -> &Identity {
        self.peer.identity()
    }
}
