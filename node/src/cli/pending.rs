//! `pending`: questions that wait for a person.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use crate::ledger::Ledger;
use crate::policy::Nano;

/// Arguments of `pending`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  folkmoot-node pending\n  folkmoot-node show 7\n  folkmoot-node approve 7 --by \"Jo Doe\""
)]
pub(super) struct Args {
    /// Also those that were decided, used or became void
    #[arg(long)]
    all: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn run(ledger: &Ledger, args: &Args) -> anyhow::Result<()> {
    let held = ledger.held(args.all)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&held)?);
        return Ok(());
    }
    if held.is_empty() {
        println!("no question waits for a person");
        return Ok(());
    }
    for question in held {
        println!("{:>4}  {}", question.id, question.question);
        let price = match question.price_nano {
            0 => "no price".to_owned(),
            nano => format!("price rho {}", Nano(nano)),
        };
        println!("      {}, {price}", question.release);
        println!("      asked by {} on {}", question.analyst, day(&question.asked));
        println!("      for: {} ({})", question.purpose, question.lawful_basis);
        let by = question.decided_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let first = question.first_by.as_deref().filter(|_| question.state == "waiting");
        let first = first.map(|by| format!("; {by} approved, a second person must, too")).unwrap_or_default();
        println!("      {}{by}{first}; void after {}\n", question.state, day(&question.expires));
    }
    Ok(())
}

/// The day of an RFC 3339 moment.
pub(crate) fn day(moment: &str) -> &str {
    moment.get(..10).unwrap_or(moment)
}
