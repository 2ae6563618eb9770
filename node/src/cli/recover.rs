//! `recover`: goes on with a restored ledger, by leave of the federation's authority.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::recovery::SignedRecovery;

use crate::ledger::Ledger;

/// Arguments of `recover`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A node whose ledger was restored from a backup, or copied, answers nothing: others have seen entries that it does not hold. Without a file, this command prints what the federation's authority needs to countersign; with the authority's file, the node goes on.\n\nExamples:\n  folkmoot-node recover\n  folkmoot-node recover recovery.json"
)]
pub(super) struct Args {
    /// The authority's countersigned recovery
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the command. `governance` is the file with the pinned governance key.
///
/// # Errors
/// When the recovery is not the authority's, does not fit this ledger, or the ledger cannot be used.
pub(super) fn run(ledger: &Ledger, governance: &Path, federation: &Federation, args: &Args) -> anyhow::Result<()> {
    let Some(file) = &args.file else {
        let Some((held, witnessed)) = ledger.recovery_needs()? else {
            println!(
                "nobody is known to have seen anything that this ledger does not hold; there is nothing to recover"
            );
            return Ok(());
        };
        println!("Ask the federation's authority to run, once it is satisfied why and what may have been spent:\n");
        println!(
            "  folkmoot-certs recovery --council {} --held {}:{} --witnessed {witnessed} --assume-spent RHO --reason TEXT",
            ledger.council(),
            held.entries,
            hex::encode(held.digest)
        );
        return Ok(());
    };
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let signed: SignedRecovery =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no signed recovery", file.display()))?;
    let pinned = std::fs::read_to_string(governance).with_context(|| format!("reading {}", governance.display()))?;
    let head = ledger.recover(&signed, &GovernanceKey::parse(&pinned)?, federation)?;
    println!("recovered; the ledger goes on at entry {}, and the node answers again", head.entries);
    Ok(())
}
