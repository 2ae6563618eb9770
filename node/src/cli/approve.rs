//! `approve`: yes to a held question.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::period::Day;

use crate::approval::Decision;
use crate::ledger::Ledger;
use crate::policy::Policy;

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --until the approval is for one answer. With it, equal questions (same measure, breakdown, filters, settings, release kind and price; same analyst and purpose) about any period are answered until that day.\n\nExamples:\n  folkmoot-node approve 7 --by \"Jo Doe\"\n  folkmoot-node approve 7 --by \"Jo Doe\" --until 2027-03-31"
)]
pub(super) struct Args {
    /// Number of the question, from `pending`
    #[arg(value_name = "NUMBER")]
    id: i64,
    /// Who approves, for the audit log
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Also approve equal questions until the end of this day
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
}

/// Runs the command.
///
/// # Errors
/// When the question does not wait, the same person approves twice, or the ledger cannot be used.
pub(super) fn run(ledger: &Ledger, policy: &Policy, args: &Args) -> anyhow::Result<()> {
    match ledger.approve(policy, args.id, &args.by, args.until)? {
        Decision::NeedsSecondPerson => {
            println!("noted; the policy asks for a second person, who must approve number {}, too", args.id);
        }
        Decision::Approved => match args.until {
            None => println!("approved once; the question is answered when the coordinator asks again"),
            Some(day) => println!("approved, with equal questions until {day} where everyone who had to said so"),
        },
    }
    Ok(())
}
