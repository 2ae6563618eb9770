//! `policy check`: the effective rules, explained.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::path::Path;

use anyhow::Context as _;
use folkmoot_proto::floor::VerifiedFloor;
use folkmoot_proto::period::Day;
use serde::Serialize;

use crate::policy::{OptOut, Policy};

/// Arguments of `policy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read the policy and say in plain sentences what it allows; changes nothing
    #[command(
        after_help = "Examples:\n  folkmoot-node policy check\n  folkmoot-node policy check --file proposed.toml\n\nFails when a key is unknown, a value cannot work, or a key is looser than the national floor; the node would not start with it."
    )]
    Check {
        /// Check this file instead of the node's own policy
        #[arg(long, value_name = "FILE")]
        file: Option<std::path::PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Json {
    on: bool,
    digest: String,
    rules: Vec<String>,
    notes: Vec<String>,
}

/// Runs the command on the node's policy file, under the national floor.
///
/// # Errors
/// When the policy cannot be used; the error names the key.
pub(super) fn run(
    path: &Path,
    floor: Option<&VerifiedFloor>,
    opt_out_list: Option<Day>,
    args: &Args,
) -> anyhow::Result<()> {
    let Command::Check { file, json } = &args.command;
    let path = file.as_deref().unwrap_or(path);
    if file.is_some() {
        // The node's own policy may be missing (it is off then); a file that somebody names must be there.
        std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    }
    let policy = Policy::read(path, floor.map(VerifiedFloor::policy))?;
    let mut notes = notes(&policy, opt_out_list);
    if let Some(floor) = floor {
        let day = floor.issued_at().to_string();
        let (version, day) = (floor.version(), day.get(..10).unwrap_or_default());
        notes.push(format!(
            "the national floor is version {version}, signed by the federation's authority on {day}; once a node has worked \
             under it, an earlier version is refused."
        ));
    }
    let (digest, rules) = (hex::encode(policy.digest()), policy.explain());
    if *json {
        println!("{}", serde_json::to_string_pretty(&Json { on: policy.is_on(), digest, rules, notes })?);
        return Ok(());
    }
    for rule in rules {
        println!("- {rule}");
    }
    for note in notes {
        println!("\nNote: {note}");
    }
    println!("\nDigest of these rules, as the audit log has it: {digest}");
    Ok(())
}

/// What these rules come to on this node, beside what they say.
fn notes(policy: &Policy, opt_out_list: Option<Day>) -> Vec<String> {
    let honouring: Vec<String> = policy
        .purposes()
        .into_iter()
        .filter(|purpose| purpose.opt_out == OptOut::Applied)
        .map(|purpose| format!("'{}'", purpose.name))
        .collect();
    if honouring.is_empty() || !policy.is_on() {
        return Vec::new();
    }
    vec![match opt_out_list {
        Some(day) => format!("the national data opt-out list in force was loaded on {day}."),
        None => format!(
            "no national data opt-out list was ever loaded here, so every question for {} is refused: `optout load` loads one.",
            honouring.join(" and ")
        ),
    }]
}
