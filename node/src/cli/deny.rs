//! `deny`: no to a held question.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use crate::ledger::Ledger;
use crate::policy::Policy;

/// Arguments of `deny`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The analyst reads the reason, so write it for them. An approval that was not used yet can be withdrawn in the same way.\n\nExample:\n  folkmoot-node deny 7 --by \"Jo Doe\" --reason \"ask by region instead of by council\""
)]
pub(super) struct Args {
    /// Number of the question, from `pending`
    #[arg(value_name = "NUMBER")]
    id: i64,
    /// Who refuses, for the audit log
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why; the analyst reads it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs the command.
///
/// # Errors
/// When the question does not wait, or the ledger cannot be used.
pub(super) fn run(ledger: &Ledger, policy: &Policy, args: &Args) -> anyhow::Result<()> {
    ledger.deny(policy, args.id, &args.by, &args.reason)?;
    println!("denied; the analyst is told: {}", args.reason.trim());
    Ok(())
}
