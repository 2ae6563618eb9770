//! `reconcile`: goes on with records that were put back, after what was done for people is done again.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::text::is_unseen;

use super::Session;
use super::name::Name;
use crate::agree;
use crate::audit::Action;
use crate::home::Home;

/// Arguments of `reconcile`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "When an older copy of records.db is put in place, the audit log knows of changes that it does not hold, and the node answers and imports nothing. This command erases and restricts again whom the ledger remembers (by keyed fingerprints that name nobody), takes the opt-out list as not loaded, writes all this down, and lists what has to be done again by hand.\n\nExample:\n  folkmoot-node reconcile --reason \"disk of 3 June, records from the night before\" --by \"Jo Doe\""
)]
pub(super) struct Args {
    /// Why older records are used, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Go on though the records are of another store, in which nobody can be found by the ledger's fingerprints
    #[arg(long)]
    regardless: bool,
    /// Who does it, for the audit log
    #[arg(long, value_name = "NAME")]
    by: Name,
}

/// Runs the command.
///
/// # Errors
/// When the records are of another store and `--regardless` is not said, or records or log cannot be used.
pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let reason = args.reason.trim();
    if reason.is_empty() || reason.chars().count() > 300 || reason.chars().any(is_unseen) {
        anyhow::bail!("the reason must be one line of 1 to 300 visible characters");
    }
    let session = Session::open(home)?;
    let by = args.by.as_local();
    let done = agree::reconcile(session.records(), session.ledger(), &by, reason, args.regardless)?;
    let Some(done) = done else {
        println!("The records are those that the audit log speaks of; there is nothing to reconcile.");
        return Ok(());
    };
    println!(
        "{} rows and {} links of people who had been erased were removed again; restrictions hold again. The node answers again.",
        done.removed.rows, done.removed.links
    );
    println!("The opt-out list counts as not loaded: until it is, nothing is answered that must honour it.");
    let by_hand: Vec<_> = done
        .missing
        .iter()
        .filter(|(_, record)| matches!(record.action, Action::Imported | Action::OptOutLoaded | Action::Retention))
        .collect();
    if !by_hand.is_empty() {
        println!("\nTo be done again by hand, in this order:");
        for (entry, record) in by_hand {
            let what = record.note.as_deref().unwrap_or_default();
            println!("  entry {}, {}: {}: {what}", entry.number, entry.moment, record.action.word());
        }
    }
    let people = done.missing.iter().filter(|(_, record)| record.action == Action::SubjectRequest).count();
    println!(
        "\nRequests of people among the missing changes: {people}. Look at your own file of requests: somebody who was freed"
    );
    println!("from a restriction meanwhile is restricted again.");
    Ok(())
}
