//! `quality`: how good submissions are, field by field.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use anyhow::bail;

use crate::quality::{self, render};
use crate::store::Records;

/// Arguments of `quality`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  folkmoot-node quality
  folkmoot-node quality --submission 3 --worst 20
  folkmoot-node quality --format html > quality.html")]
pub(super) struct Args {
    /// One submission instead of all of them
    #[arg(long, value_name = "N")]
    submission: Option<i64>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// How many of the worst rows to name
    #[arg(long, default_value_t = 10, value_name = "N")]
    worst: usize,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Html,
}

/// Runs the command.
///
/// # Errors
/// When the records cannot be read, or there is no such submission.
pub(super) fn run(records: &Records, args: &Args) -> anyhow::Result<()> {
    let mut all = records.submissions()?;
    if let Some(wanted) = args.submission {
        all.retain(|held| held.id == wanted);
        if all.is_empty() {
            bail!("there is no submission {wanted}; `submissions` lists those there are");
        }
    }
    if all.is_empty() {
        bail!("nothing imported yet; begin with: folkmoot-node import FILE.csv");
    }
    all.sort_by_key(|held| (held.received, held.id));
    let mut reports = Vec::with_capacity(all.len());
    for held in &all {
        reports.push(quality::of(records, held, args.worst)?);
    }
    match args.format {
        Format::Table => print!("{}", render::table(&reports)),
        Format::Csv => render::csv(&reports, std::io::stdout())?,
        Format::Json => println!("{}", serde_json::to_string_pretty(&render::json(&reports))?),
        Format::Html => print!("{}", render::html(&reports)),
    }
    Ok(())
}
