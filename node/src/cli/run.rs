//! `run`: keeps the node linked to its coordinator and answers what the policy allows.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use folkmoot_proto::wire::v1::node_server::NodeServer;
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::reach::Address;
use folkmoot_runtime::tls::Reloadable;
use folkmoot_runtime::{shutdown, telemetry};
use tokio::sync::watch;

use super::session::Session;
use super::status::Standing;
use crate::answer::{Answerer, NodeService};
use crate::dial::{self, OverTls, State};
use crate::home::Home;
use crate::protect::OpenDp;

/// How often certificates, revocation lists and the policy are read again.
const UPKEEP: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
#[command(after_help = "Runs until it is told to stop (Ctrl-C, or SIGTERM from a service manager). Logs go to standard error;\nFOLKMOOT_LOG=debug shows more.\n\nExample:\n  folkmoot-node --home /srv/folkmoot run")]
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
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tls = Arc::new(
        Reloadable::open(home.tls(), Arc::clone(&clock))
            .context("reading this node's certificates; `enrol` installs them")?,
    );
    let address = Address::parse(&session.config().link.coordinator)?;
    tracing::info!(council = %session.config().council, "the node starts; {}", session.policy_sentence());
    let answerer = Arc::new(Answerer {
        council: session.config().council,
        records: session.records().clone(),
        accounts: session.accounts(Arc::clone(&clock)),
        tls: Arc::clone(&tls),
        clock: Arc::clone(&clock),
        noise: Box::new(OpenDp),
        bounding_key: session.bounding_key(),
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
    let upkeep = tokio::spawn({
        let (tls, keeper, stop) = (Arc::clone(&tls), session.keeper(), stop.clone());
        async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(UPKEEP) => {}
                }
                match tls.poll() {
                    Ok(true) => tracing::info!("new certificates or revocation lists are in force"),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "the certificates on disk are not taken; the old ones stay"),
                }
                match keeper.reload() {
                    Ok((before, after)) if before != after => tracing::info!("a new policy is in force"),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "the policy on disk is not taken; the old one stays"),
                }
            }
        }
    });
    let routes = tonic::service::Routes::new(NodeServer::new(NodeService::new(answerer)));
    dial::run(OverTls::new(address, tls), routes, clock, &mut rand::rng(), state, stop).await;
    upkeep.abort();
    scribe.await.ok();
    tracing::info!("the node stopped");
    Ok(())
}
