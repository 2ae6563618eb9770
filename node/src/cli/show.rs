//! `show`: one held question with all that a person needs to decide it.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::privacy::{Rho, SHOWN_DELTA};
use folkmoot_proto::query::Query;

use super::pending::day;
use crate::ledger::Ledger;
use crate::policy::{Nano, Policy};

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The preview is computed on this node's own records and is for the council's own eyes. That somebody looked is written to the audit log; the preview is not.\n\nExample:\n  folkmoot-node show 7 --by \"Jo Doe\""
)]
pub(super) struct Args {
    /// Number of the question, from `pending`
    #[arg(value_name = "NUMBER")]
    id: i64,
    /// Who looks, for the audit log
    #[arg(long, value_name = "NAME", default_value = "a person at this machine")]
    by: String,
    /// Leave the preview out
    #[arg(long)]
    no_preview: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. `preview` computes, on this node's own data, what would leave, as text for the terminal.
///
/// # Errors
/// When there is no such question, or the ledger cannot be used.
pub(super) fn run(
    ledger: &Ledger,
    policy: &Policy,
    preview: impl FnOnce(&Query) -> Result<String, String>,
    args: &Args,
) -> anyhow::Result<()> {
    let shown = ledger.show(policy, args.id, &args.by, |query| {
        if args.no_preview { Err("left out on request".to_owned()) } else { preview(query) }
    })?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let held = &shown.held;
    println!("Question {} ({})\n", held.id, held.state);
    println!("  {}\n", held.question);
    println!("What it counts\n  {}\n", held.measure_text);
    println!("Who asks, and why");
    println!("  {}", held.analyst);
    println!("  purpose:      {}", held.purpose);
    println!("  lawful basis: {}", held.lawful_basis);
    println!("  asked {}, void after {}\n", day(&held.asked), day(&held.expires));
    println!("What would leave\n  {} ({})", held.what_leaves, held.release);
    let price = match Rho::from_nano(held.price_nano) {
        Some(rho) => format!("rho {rho} (epsilon {:.2} at delta 1e-6) for each person", rho.epsilon(SHOWN_DELTA)),
        None => "nothing from the privacy budget: figures without noise have no price".to_owned(),
    };
    println!("  price: {price}");
    if held.price_nano > 0 {
        for (name, left, cap) in &shown.left {
            println!("  left for {name}: rho {} of {}", Nano(*left), Nano(*cap));
        }
    }
    println!("\nWhy it waits\n  {}", held.why);
    println!("  by today's policy {}\n", shown.policy_says);
    match &shown.preview {
        Ok(text) => println!("Preview on this council's own records, not yet sent to anybody\n\n{text}"),
        Err(why) => println!("No preview: {why}"),
    }
    if held.state == "waiting" {
        println!(
            "\nTo decide:\n  folkmoot-node approve {0} --by NAME [--until DAY]\n  folkmoot-node deny {0} --by NAME --reason TEXT",
            held.id
        );
    }
    Ok(())
}
