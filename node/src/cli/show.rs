//! `show`: one held question with all that a person needs to decide it.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use folkmoot_proto::query::Query;

use super::pending::day;
use super::table;
use crate::approval::{Look, Shown};
use crate::ledger::Ledger;
use crate::local::Preview;
use crate::policy::{Nano, Policy};

/// Width of running text.
const WIDTH: usize = 100;

/// Rows of a long table that are printed unless all are asked for.
const ROWS: usize = 60;

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
    /// Print every row of a long table
    #[arg(long)]
    full: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command. `look` computes, on this node's own data, what would leave.
///
/// # Errors
/// When there is no such question, or the ledger cannot be used.
pub(super) fn run(
    ledger: &Ledger,
    policy: &Policy,
    look: impl FnOnce(&Query, bool) -> Look,
    args: &Args,
) -> anyhow::Result<()> {
    let shown = ledger.show(policy, args.id, &args.by, |query, opt_out_applied| {
        if args.no_preview {
            return Look { preview: Err("left out on request".to_owned()), snapshot: None, data: None };
        }
        look(query, opt_out_applied)
    })?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    question(&shown);
    match &shown.preview {
        Ok(preview) => previewed(preview, args.full),
        Err(why) => println!("Preview\n{}\n", wrapped(&format!("There is none: {why}."), "  ")),
    }
    let held = &shown.held;
    match held.state.as_str() {
        "waiting" => {
            if let Some(first) = &held.first_by {
                println!("{first} approved; the policy asks for a second person.\n");
            }
            println!("To decide\n  folkmoot-node approve {0} --by NAME --once", held.id);
            println!(
                "  folkmoot-node approve {0} --by NAME --until DAY    equal questions about other periods, too",
                held.id
            );
            println!("  folkmoot-node deny {0} --by NAME --reason TEXT     the analyst reads the reason", held.id);
        }
        "approved" => println!("To withdraw the approval\n  folkmoot-node deny {} --by NAME --reason TEXT", held.id),
        _ => {}
    }
    Ok(())
}

fn question(shown: &Shown) {
    let held = &shown.held;
    let by = held.decided_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    println!("Question {}: {}{by}\n", held.id, held.state);
    println!("{}\n", wrapped(&held.question, "  "));
    println!("What it counts\n{}\n", wrapped(&held.measure_text, "  "));
    println!("Who asks, and why");
    println!("  analyst:      {}", held.analyst);
    println!("  purpose:      {}", held.purpose);
    println!("  lawful basis: {}", held.lawful_basis);
    println!("  asked {}, void after {}\n", day(&held.asked), day(&held.expires));
    println!("How people are protected\n  release kind: {}", held.release);
    println!("{}\n", wrapped(&held.what_leaves, "  "));
    println!("What it costs\n  {}", shown.price);
    if !shown.left.is_empty() {
        let mut rows = vec![["left for", "now", "after the answer", "cap"].map(str::to_owned).to_vec()];
        rows.extend(shown.left.iter().map(|line| {
            let amounts = [line.left_nano, line.after_nano, line.cap_nano].map(|nano| Nano(nano).to_string());
            std::iter::once(line.name.clone()).chain(amounts).collect()
        }));
        println!();
        table::print_under(&rows, "  ");
    }
    println!("\nWhy it waits\n{}", wrapped(&format!("When it was asked: {}.", held.why), "  "));
    println!("{}\n", wrapped(&format!("By today's policy {}.", shown.policy_says), "  "));
}

fn previewed(preview: &Preview, full: bool) {
    println!("What would leave, worked out on this council's own records and sent to nobody");
    for sentence in &preview.says {
        println!("{}", wrapped(sentence, "  "));
    }
    println!("\n  {}\n", preview.title);
    let shown = if full { preview.table.len() } else { preview.table.len().min(ROWS + 1) };
    table::print_under(&preview.table[..shown], "  ");
    if shown < preview.table.len() {
        println!("  ... and {} more rows; --full prints them all", preview.table.len() - shown);
    }
    println!();
    for sentence in &preview.data {
        println!("{}", wrapped(sentence, "  "));
    }
    println!();
}

/// Text in lines of a width that people can read, each begun with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}
