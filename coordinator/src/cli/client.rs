//! A connection to the coordinator with the caller's certificate.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::limits;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::wire::v1::coordinator_client::CoordinatorClient;
use folkmoot_runtime::clock::SystemClock;
use folkmoot_runtime::tls::{self, Protocol, Settings};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::Caller;
use crate::config::Profile;

/// A connected caller.
pub(crate) struct Connected {
    pub(crate) profile: Profile,
    pub(crate) identity: Identity,
    pub(crate) client: CoordinatorClient<Channel>,
}

pub(crate) async fn connect(caller: &Caller) -> anyhow::Result<Connected> {
    let profile = Profile::load(&caller.profile)?;
    let settings = Settings::load(&profile.tls, Arc::new(SystemClock::new()))?;
    let address = profile.coordinator.clone();
    let Some((host, port)) = address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) else {
        bail!("{}: `coordinator` is `{address}`, and host:port is expected", caller.profile.display());
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port: u16 = port.parse()?;
    let name = ServerName::try_from(host.clone()).with_context(|| format!("`{host}` is not a host name"))?;
    let stream = timeout(limits::CONNECT_DEADLINE, TcpStream::connect((host.as_str(), port)))
        .await
        .with_context(|| format!("connecting to {address}: no answer within {} s", limits::CONNECT_DEADLINE.as_secs()))?
        .with_context(|| format!("connecting to {address}: is the coordinator running there?"))?;
    stream.set_nodelay(true)?;
    let shaking = tls::connect(&settings, Protocol::Calls, name, &[Role::Coordinator], stream);
    let connected = timeout(limits::HANDSHAKE_DEADLINE, shaking)
        .await
        .with_context(|| format!("connecting to {address}: TLS took too long"))?
        .with_context(|| format!("connecting to {address}"))?;
    if let Some(expected) = &profile.server_identity
        && connected.identity() != expected
    {
        bail!("{address} is {}, and the profile expects {expected}", connected.identity());
    }
    // The one connection is made; a lost one is not repaired, since a command is short.
    let once = std::sync::Mutex::new(Some(TokioIo::new(connected.stream)));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        std::future::ready(stream.ok_or_else(|| std::io::Error::other("the connection to the coordinator was lost")))
    });
    let channel = Endpoint::from_static("http://coordinator.folkmoot.invalid")
        .http2_keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_with_connector(connector)
        .await
        .map_err(|error| anyhow::anyhow!("connecting to {address}: {}", tls::explain(&error)))?;
    let identity = settings.certificate().identity.clone();
    Ok(Connected { profile, identity, client: CoordinatorClient::new(channel) })
}

/// A failed call: the coordinator's refusal, or what became of the connection.
pub(crate) fn failed(status: Status) -> anyhow::Error {
    match Refusal::from_status(&status) {
        Some(refusal) => anyhow::Error::new(refusal),
        None if status.message().is_empty() => anyhow::anyhow!("the coordinator answered {:?}", status.code()),
        None => anyhow::anyhow!("the coordinator: {}", tls::explain(&status)),
    }
}
