//! `submissions`: what was imported.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use serde::Serialize;

use crate::import::report::{days, number};
use crate::store::Records;

/// Arguments of `submissions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Their order is that of import; figures use the latest received file that covers a quarter.\n\nExamples:\n  folkmoot-node submissions\n  folkmoot-node submissions --json"
)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Json {
    submission: i64,
    file: String,
    received: String,
    sha256: String,
    bytes: u64,
    accepted: u64,
    with_findings: u64,
    rejected: u64,
    derived_period: Option<[String; 2]>,
    stated_period: Option<[String; 2]>,
    revision: u64,
}

/// Runs the command.
///
/// # Errors
/// When the records cannot be read.
pub(super) fn run(records: &Records, args: &Args) -> anyhow::Result<()> {
    let all = records.submissions()?;
    if args.json {
        let all: Vec<_> = all
            .into_iter()
            .map(|held| Json {
                submission: held.id,
                derived_period: days(held.derived()),
                stated_period: days(held.facts.stated()),
                received: held.received.to_string(),
                sha256: hex::encode(held.digest),
                bytes: held.bytes,
                accepted: held.facts.clean,
                with_findings: held.facts.with_findings,
                rejected: held.facts.rejected,
                revision: held.revision,
                file: held.file_name,
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    if all.is_empty() {
        println!("nothing imported yet; begin with: folkmoot-node import FILE.csv");
        return Ok(());
    }
    println!(
        "{:>4}  {:<10}  {:<24}  {:>10}  {:>10}  {:>9}  file",
        "no", "received", "period from events", "rows", "findings", "rejected"
    );
    for held in all {
        let period = held.derived().map_or_else(|| "none".to_owned(), |period| period.to_string());
        println!(
            "{:>4}  {:<10}  {:<24}  {:>10}  {:>10}  {:>9}  {}",
            held.id,
            held.received.to_string(),
            period,
            number(held.facts.accepted()),
            number(held.facts.with_findings),
            number(held.facts.rejected),
            held.file_name
        );
    }
    Ok(())
}
