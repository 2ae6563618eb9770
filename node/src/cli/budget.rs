//! `budget`: what was spent, what is left, how long it lasts.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use crate::ledger::Ledger;
use crate::policy::{Nano, Policy};

/// Arguments of `budget`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Amounts are rho (zero-concentrated differential privacy): what all answers with noise together may tell about one person in a budget year, 1 April to 31 March.\n\nExample:\n  folkmoot-node budget"
)]
pub(super) struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn run(ledger: &Ledger, policy: &Policy, args: &Args) -> anyhow::Result<()> {
    let report = ledger.budget(policy)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("Budget year {}\n", report.year);
    let mut rows = vec![["for".to_owned(), "cap".into(), "spent".into(), "reserved".into(), "left".into()].to_vec()];
    for line in &report.lines {
        let name = if line.name.is_empty() { "all".to_owned() } else { format!("{} {}", line.scope, line.name) };
        let amounts = [line.cap_nano, line.spent_nano, line.reserved_nano, line.left_nano];
        rows.push(std::iter::once(name).chain(amounts.map(|nano| Nano(nano).to_string())).collect());
    }
    super::table::print(&rows);
    println!();
    for sentence in &report.forecast {
        println!("{sentence}");
    }
    if !report.policy_on {
        println!("The policy is off, so nothing is answered.");
    }
    for head in ledger.doubts()? {
        println!(
            "In doubt: others have seen entry {} of this ledger, which it does not hold. Nothing is answered until the \
             federation's authority has countersigned a recovery.",
            head.entries
        );
    }
    Ok(())
}
