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
    after_help = "A node whose ledger was restored from a backup, or copied, answers nothing: others have seen entries that it does not hold. Nor does one whose clock was ahead once and is right again: its last entry is of a later time. Without a file, this command prints what the federation's authority needs to countersign; with the authority's file, the node goes on.\n\nExamples:\n  folkmoot-node recover\n  folkmoot-node recover recovery.json"
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
        if let Some((last, moment)) = ledger.clock_behind()? {
            println!(
                "The ledger's last entry is of {moment}, and this machine's clock shows an earlier time. If the clock is wrong, set it\nright: that is all. If it is right, and was ahead when that entry was written, ask the federation's authority to run:\n"
            );
            println!(
                "  folkmoot-certs recovery --council {} --held {}:{} --reset-clock --reason TEXT\n",
                ledger.council(),
                last.entries,
                hex::encode(last.digest)
            );
            println!(
                "What was charged to later budget years then counts in this year as well, and questions that wait are asked anew."
            );
            return Ok(());
        }
        let Some((held, witnessed)) = ledger.recovery_needs()? else {
            println!(
                "nobody is known to have seen anything that this ledger does not hold; there is nothing to recover"
            );
            return Ok(());
        };
        println!(
            "Entry {witnessed} of this council's ledger is known to others and not here, so this node answers nothing. First:\n\n  \
             1. See that no second copy of this node runs, here or on another machine, and that none starts by itself.\n  \
             2. Of two copies keep the one that answered last (`audit verify` shows the last entries), and go on with it alone; the\n     \
             other must never be started again. Both may be in doubt by now; that one alone needs a recovery.\n  \
             3. On the one that stays, run this command and send what follows. The authority will ask what happened, and how\n     \
             much may have been spent in the entries that are lost: when in doubt, the whole year's budget.\n"
        );
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
    let pinned = GovernanceKey::parse(&pinned)?;
    // Which of the two it is, is part of what was signed; nothing is believed of it before that is checked.
    let resets = signed.verify(&pinned, federation).is_ok_and(|recovery| recovery.resets_clock());
    let head = if resets {
        ledger.reset_clock(&signed, &pinned, federation)?
    } else {
        ledger.recover(&signed, &pinned, federation)?
    };
    println!("recovered; the ledger goes on at entry {}, and the node answers again", head.entries);
    Ok(())
}
