//! `optout` and `retention`: many people at once.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use super::receipts;
use crate::cli::Session;
use crate::cli::name::Name;
use crate::home::Home;
use crate::people;

/// Arguments of `optout`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OptOutArgs {
    #[command(subcommand)]
    command: OptOutCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OptOutCommand {
    /// Replace the national data opt-out list
    #[command(
        after_help = "FILE holds the NHS numbers of people who opted out: one a line, or in the first column of a CSV file. It replaces the list before it. The policy says for which purposes they are left out. Figures answered before are not changed; later ones are new answers with a new price.\n\nExamples:\n  folkmoot-node optout load opted-out.csv --dry-run --by \"Jo Doe\"\n  folkmoot-node optout load opted-out.csv --by \"Jo Doe\""
    )]
    Load {
        /// The list
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only say what it would come to
        #[arg(long)]
        dry_run: bool,
        /// New file for a signed receipt: that a list was loaded, and the list's SHA-256 when it is long
        #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
        receipt: Option<PathBuf>,
        /// Take a list without any number on it
        #[arg(long)]
        allow_empty: bool,
        /// Who does it, for the audit log
        #[arg(long, value_name = "NAME")]
        by: Name,
    },
}

/// Runs `optout`.
///
/// # Errors
/// When a line of the list is not an NHS number, and when records or log cannot be used; nothing is changed then.
pub(in crate::cli) fn opt_out(home: &Home, args: &OptOutArgs) -> anyhow::Result<()> {
    let OptOutCommand::Load { file, dry_run, receipt, allow_empty, by } = &args.command;
    if let Some(place) = receipt.as_ref().filter(|place| place.exists()) {
        bail!("{} is there already, and is left alone; nothing was loaded", place.display());
    }
    let session = Session::open(home)?;
    session.agreed()?;
    let content = zeroize::Zeroizing::new(std::fs::read(file).with_context(|| format!("reading {}", file.display()))?);
    let numbers = people::opt_out_numbers(&content).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    if numbers.is_empty() && !*allow_empty {
        bail!("{} holds no NHS number; when that is right, say --allow-empty", file.display());
    }
    if *dry_run {
        let weighed = session.records().weigh_opt_outs(numbers)?;
        println!("{} people on the list, {} of them held here. Nothing was changed.", weighed.listed, weighed.held);
        return Ok(());
    }
    // Of the whole file: it says which list, and a list of many numbers cannot be guessed from it.
    let digest = (numbers.len() >= 100).then(|| hex::encode(Sha256::digest(&content)));
    let records = session.records().in_name_of(by.as_local());
    let loaded = records.load_opt_outs_noted(numbers, session.today(), digest.as_deref())?;
    session.written_down()?;
    println!("{} people are on the list, {} of them are held here.", loaded.listed, loaded.held);
    println!("`policy check` says for which purposes they are left out.");
    if let Some(place) = receipt {
        let mut paper = receipts::blank(&session, "opt-out list loaded", None, by);
        paper.exported = digest;
        receipts::write_receipt(&session, paper, Some(place))?;
    }
    Ok(())
}

/// Arguments of `retention`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A person whose last event ended longer ago is removed with everything held about them. A service without an end counts as running to the day its file was received.\n\nExamples:\n  folkmoot-node retention --dry-run --by \"Jo Doe\"\n  folkmoot-node retention --years 8 --by \"Jo Doe\""
)]
pub(in crate::cli) struct RetentionArgs {
    /// How many years after the last event records are kept
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    years: u16,
    /// Say what would be removed and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Who does it, for the audit log
    #[arg(long, value_name = "NAME")]
    by: Name,
}

/// Runs `retention`.
///
/// # Errors
/// When records or log cannot be used.
pub(in crate::cli) fn retention(home: &Home, args: &RetentionArgs) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    let before = session.today().plus_months(-12 * i32::from(args.years));
    session.agreed()?;
    let removed = session.records().in_name_of(args.by.as_local()).purge(before, args.dry_run)?;
    if !args.dry_run {
        session.written_down()?;
    }
    println!(
        "{} people whose last event was before {before}: {} rows in {} files, and {} links on other people's rows{}",
        removed.people,
        removed.rows,
        removed.submissions,
        removed.links,
        if args.dry_run { ", would be removed. Nothing was changed." } else { ", were removed." }
    );
    Ok(())
}
