//! `audit heads`: what this council keeps of other councils' ledgers.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;

use crate::audit::Book;
use crate::cli::table;
use crate::ledger::PeerHead;

/// Arguments of `audit heads`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "In every joint round each council signs where its ledger stands, and every other keeps it. A council whose ledger was restored or copied is shown what was kept of it, and answers nothing until the federation's authority countersigns.\n\nTo compare by hand, that council runs: folkmoot-node audit verify --head NUMBER:DIGEST\n\nThe JSON form holds the signed message and the key it was signed under, for an auditor.\n\nExamples:\n  folkmoot-node audit heads\n  folkmoot-node audit heads --council 503 --json"
)]
pub(in crate::cli) struct Args {
    /// Only what is kept of this council
    #[arg(long, value_name = "CODE")]
    council: Option<CouncilCode>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read.
pub(in crate::cli) fn run(book: &Book, args: &Args) -> anyhow::Result<()> {
    let mut kept = book.peer_heads()?;
    kept.retain(|kept| args.council.as_ref().is_none_or(|code| kept.council == code.as_str()));
    if args.json {
        let all: Vec<_> = kept.iter().map(as_json).collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    if kept.is_empty() {
        println!("no head is kept; those of the other councils are kept from the first joint round on");
        return Ok(());
    }
    let mut rows = vec![["council", "name", "seen", "head"].map(str::to_owned).to_vec()];
    rows.extend(kept.iter().map(|kept| {
        let name = CouncilCode::parse(&kept.council).ok().and_then(|code| Geography::built_in().council(code));
        let name = name.map_or_else(String::new, |council| council.name.to_string());
        vec![kept.council.clone(), name, kept.seen.to_string(), head(kept)]
    }));
    table::print(&rows);
    for kept in kept.iter().filter(|kept| kept.contested) {
        println!(
            "\ncouncil {}: its ledger later went on without entry {}; it had been restored or copied, and the council is shown this head \
             in every joint round",
            kept.council, kept.head.entries
        );
    }
    Ok(())
}

fn head(kept: &PeerHead) -> String {
    format!("{}:{}", kept.head.entries, hex::encode(kept.head.digest))
}

fn as_json(kept: &PeerHead) -> serde_json::Value {
    serde_json::json!({
        "council": kept.council,
        "head": head(kept),
        "seen": kept.seen.to_string(),
        "contested": kept.contested,
        "advert": hex::encode(&kept.advert),
        "signed_by": hex::encode(kept.signer),
    })
}
