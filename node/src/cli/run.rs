//! `run`: keeps the node linked to its coordinator and answers what the policy allows.

mod rules;

use std::sync::Arc;

use anyhow::Context as _;
use folkmoot_proto::wire::v1::node_server::NodeServer;
use folkmoot_runtime::reach::Address;
use folkmoot_runtime::tls::Reloadable;
use folkmoot_runtime::{enrol, shutdown, telemetry, upkeep};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::status::Standing;
use crate::answer::{self, Answerer, NodeService, Rounds};
use crate::dial::{self, OverTls, State};
use crate::home::Home;
use crate::protect::OpenDp;
use crate::registry::Members;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Runs until it is told to stop (Ctrl-C, or SIGTERM from a service manager). Logs go to standard error; FOLKMOOT_LOG=debug shows more.\n\nExample:\n  folkmoot-node --home /srv/folkmoot run"
)]
pub(super) struct Args {
    /// Write logs as JSON lines
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    telemetry::init(if args.log_json { telemetry::Format::Json } else { telemetry::Format::Text }, "info")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(serve(home))
}

async fn serve(home: &Home) -> anyhow::Result<()> {
    let stop = shutdown::on_signals().context("listening for signals")?;
    let session = Session::open_alone(home)?;
    session.check_ledger()?;
    let clock = session.clock();
    let policy = Arc::new(session.keeper()?);
    let tls = Arc::new(
        Reloadable::open(home.tls(), Arc::clone(&clock))
            .context("reading this node's certificates; `enrol` installs them")?,
    );
    let address = session.config().link.coordinator.parse::<Address>()?;
    session
        .note_configuration(policy.current().digest())
        .context("writing rules and settings into the audit log; nothing is answered by rules that it does not know")?;
    let allowed = policy.current().is_on();
    tracing::info!(
        council = %session.config().council,
        "the node starts; {}",
        if allowed { "its policy allows answers" } else { "its policy is off: it answers nothing" }
    );
    let answerer = Arc::new(Answerer {
        council: session.config().council,
        records: session.records().clone(),
        ledger: session.ledger().clone(),
        policy: Arc::clone(&policy),
        tls: Arc::clone(&tls),
        clock: Arc::clone(&clock),
        noise: Box::new(OpenDp),
        bounding_key: session.bounding_key()?,
        signing: home.signing(),
        rounds: rounds(home, &session)?,
    });
    let (state, mut changes) = watch::channel(State::Connecting);
    let place = home.status();
    let scribe = tokio::spawn(async move {
        loop {
            let standing = Standing::of(&changes.borrow_and_update());
            if let Err(error) = standing.write(&place) {
                tracing::warn!(%error, "how the node stands could not be written down for `status`");
            }
            if changes.changed().await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(upkeep::run(Arc::clone(&tls), Arc::clone(&clock), stop.clone()));
    tokio::spawn(rules::follow(
        rules::Rules {
            home: home.clone(),
            federation: session.config().federation.clone(),
            ledger: session.ledger().clone(),
            policy,
        },
        stop.clone(),
    ));
    // Rounds end after the calls in hand, which are finished first when the node is told to stop.
    let over = CancellationToken::new();
    let tending = tokio::spawn(answer::tend(Arc::clone(&answerer), state.subscribe(), over.clone()));
    let routes = tonic::service::Routes::new(NodeServer::new(NodeService::new(answerer)));
    dial::run(OverTls::new(address, tls), routes, clock, &mut rand::rng(), state, stop).await;
    over.cancel();
    tending.await.ok();
    scribe.await.ok();
    tracing::info!("the node stopped");
    Ok(())
}

/// What joint figures need, when this node was enrolled for them.
fn rounds(home: &Home, session: &Session) -> anyhow::Result<Option<Rounds>> {
    if !home.signing_chain().exists() || !home.governance().exists() {
        tracing::info!("this node takes part in no joint figures: it has no signing certificate or no governance key");
        return Ok(None);
    }
    let signing = enrol::read_signing_key(&home.signing_key()).context("reading this node's signing key")?;
    session.ledger().sign_with(&signing.verifying_key()).context("noting this node's signing key")?;
    let federation = &session.config().federation;
    let members = Members::open(&home.registry(), &home.governance(), federation).context("opening the registry")?;
    if members.current().is_none() {
        tracing::info!("no membership registry is here yet; the coordinator hands it over with its welcome");
    }
    Ok(Some(Rounds::new(signing, members)))
}
