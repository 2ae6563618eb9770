//! `approve`: yes to a held question.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::period::Day;

use crate::approval::Decision;
use crate::ledger::Ledger;
use crate::policy::Policy;

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --until the approval is for one answer. With it, equal questions (same measure, breakdown, filters, settings, release kind and price; same analyst and purpose) about any period are answered until the end of that day.\n\nWhat was shown must still be what is approved: when the policy or this council's records changed since `show`, look again first.\n\nExamples:\n  folkmoot-node approve 7 --by \"Jo Doe\" --once\n  folkmoot-node approve 7 --by \"Jo Doe\" --until 2027-03-31"
)]
pub(super) struct Args {
    /// Number of the question, from `pending`
    #[arg(value_name = "NUMBER")]
    id: i64,
    /// Who approves, for the audit log
    #[arg(long, value_name = "NAME")]
    by: String,
    /// For one answer only, as when nothing is said
    #[arg(long, conflicts_with = "until")]
    once: bool,
    /// Also approve equal questions until the end of this day
    #[arg(long, value_name = "DAY")]
    until: Option<Day>,
}

/// Runs the command. `data` is the state of the records.
///
/// # Errors
/// When the question does not wait, is not what was shown, would be refused all the same, the same person approves twice,
/// or the ledger cannot be used.
pub(super) fn run(ledger: &Ledger, policy: &Policy, data: [u8; 32], args: &Args) -> anyhow::Result<()> {
    let until = args.until.filter(|_| !args.once);
    match ledger.approve(policy, args.id, &args.by, until, Some(data))? {
        Decision::NeedsSecondPerson => {
            println!("Noted. The policy asks for a second person, who must approve number {}, too.", args.id);
        }
        Decision::FirstIsVoid { first } => println!(
            "The policy or this council's records changed since {first} approved, so that approval is void. Yours counts as \
             the first: another person must approve number {}, too.",
            args.id
        ),
        Decision::Approved { until: None } => {
            println!("Approved for one answer, which is given when the coordinator asks again.");
            if until.is_some() {
                println!("Not for equal questions: only one of the two people said until when.");
            }
            println!("An approval that is not used within {} days is void.", policy.expires_after_days());
        }
        Decision::Approved { until: Some(day) } => {
            println!(
                "Approved, with equal questions about any period until the end of {day}. Each answer counts against the \
                 budget.\nTo withdraw it: folkmoot-node deny {} --by NAME --reason TEXT",
                args.id
            );
        }
    }
    Ok(())
}
