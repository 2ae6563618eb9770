//! `status`: how the running node stands, and what it holds.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::assemble;
use crate::dial::State;
use crate::home::Home;

/// What the running node writes down whenever its link changes. Nothing about people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Process that wrote it.
    pub(super) process: u32,
    /// connecting, greeting, linked, waiting or stopped.
    pub(super) state: String,
    /// Since when, for a linked node; until when it waits, for a waiting one.
    pub(super) time: Option<String>,
    /// Who the coordinator is, or what the trouble is.
    pub(super) detail: Option<String>,
}

impl Standing {
    pub(super) fn of(state: &State) -> Self {
        let (word, time, detail) = match state {
            State::Connecting => ("connecting", None, None),
            State::Greeting => ("greeting", None, None),
            State::Linked { coordinator, since } => ("linked", Some(since.to_string()), Some(coordinator.clone())),
            State::Waiting { trouble, until } => ("waiting", Some(until.to_string()), Some(trouble.to_string())),
            State::Stopped => ("stopped", None, None),
        };
        Self { process: std::process::id(), state: word.to_owned(), time, detail }
    }

    pub(super) fn write(&self, place: &Path) -> std::io::Result<()> {
        let part = place.with_extension("part");
        std::fs::write(&part, serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?)?;
        std::fs::rename(&part, place)
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  folkmoot-node status\n  folkmoot-node status --json")]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    let standing = match std::fs::read(home.status()) {
        Ok(bytes) => Some(serde_json::from_slice::<Standing>(&bytes).context("reading how the running node stands")?),
        Err(_) => None,
    };
    let running = session.node_runs();
    let submissions = assemble::Source::submissions(session.records())?;
    let until = assemble::covered_until(&submissions);
    if args.json {
        let text = serde_json::json!({
            "council": session.config().council.as_str(),
            "running": running,
            "link": if running { standing } else { None },
            "submissions": submissions.len(),
            "data_until": until.map(|day| day.to_string()),
        });
        println!("{}", serde_json::to_string_pretty(&text)?);
        return Ok(());
    }
    println!("council      {}", session.config().council);
    println!("coordinator  {}", session.config().link.coordinator);
    match standing.filter(|_| running) {
        None => println!("node         not running: `folkmoot-node run` starts it"),
        Some(standing) => {
            println!("node         running (process {}), {}", standing.process, standing.state);
            if let Some(detail) = standing.detail {
                println!("             {detail}");
            }
            if let Some(time) = standing.time {
                println!("             {} {time}", if standing.state == "waiting" { "until" } else { "since" });
            }
        }
    }
    match until {
        None => println!("data         none usable yet: {} submissions imported", submissions.len()),
        Some(day) => println!("data         {} submissions, up to {day}", submissions.len()),
    }
    Ok(())
}
