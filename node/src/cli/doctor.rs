//! `doctor`: what stands between this node and answering.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::sync::Arc;

use anyhow::{Context as _, bail};
use folkmoot_runtime::clock::SystemClock;

use super::session::Session;
use super::status::Standing;
use crate::doctor::{self, Hop, Outcome};
use crate::home::Home;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Checks in order: settings, data key, records, ledger, policy, certificates, revocation lists, clock, name, network, TLS, welcome. Names the first that fails, with the fix, and ends with exit code 1. Changes nothing; works while the node runs. Reads both stores whole, which takes its time with large ones.\n\nExamples:\n  folkmoot-node doctor\n  folkmoot-node doctor --json"
)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a hop fails; the error names it.
pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let policy = || {
        let session = Session::open(home).map_err(|error| format!("{error:#}"))?;
        let policy = session.policy().map_err(|error| format!("{error:#}"))?;
        let floor = if home.floor().exists() { "under the signed national floor" } else { "without a national floor" };
        let state = if policy.is_on() { "on" } else { "off, so nothing is answered" };
        Ok(format!("{state}; {floor}"))
    };
    let standing = || {
        let runs = Session::open(home).is_ok_and(|session| session.node_runs());
        if !runs {
            return None;
        }
        let standing: Standing = serde_json::from_slice(&std::fs::read(home.status()).ok()?).ok()?;
        let detail = standing.detail.unwrap_or_default();
        match standing.state.as_str() {
            "linked" => Some(Ok(format!("the running node is linked with {detail}"))),
            "waiting" => Some(Err(format!("the running node is not linked: {detail}"))),
            state => Some(Ok(format!("the running node is {state}"))),
        }
    };
    let show = |hop: &Hop| {
        if args.json {
            return;
        }
        let word = match hop.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotTried => "-",
        };
        println!("{word:<7} {:<17} {}", hop.name, hop.detail);
        if let Some(fix) = &hop.fix {
            println!("{:<25} -> {fix}", "");
        }
    };
    let clock = Arc::new(SystemClock::new());
    let hops = runtime.block_on(doctor::examine(home, clock, &policy, &standing, show));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "hops": hops }))?);
    }
    match hops.iter().find(|hop| hop.outcome == Outcome::Failed) {
        Some(hop) => bail!("the hop `{}` failed", hop.name),
        None => Ok(()),
    }
}
