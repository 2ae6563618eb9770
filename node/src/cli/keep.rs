//! `backup`, `restore`, `rekey`: copies of the node, and another key.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::path::PathBuf;
use std::sync::Arc;

use folkmoot_runtime::clock::SystemClock;

use super::name::Name;
use super::session::Session;
use crate::audit::Action;
use crate::home::Home;
use crate::keep;

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Works while the node runs. The stores in the copy are encrypted with the node's data key, which is left out unless --with-key is given: keep a copy of it apart. Private keys of certificates are never copied.\n\nExample:\n  folkmoot-node backup --out /backup/folkmoot-2026-11-22 --by \"Jo Doe\""
)]
pub(super) struct BackupArgs {
    /// New folder for the backup
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Put the data key into the backup as well: whoever has the backup then has everything
    #[arg(long)]
    with_key: bool,
    /// Who does it, for the audit log
    #[arg(long, value_name = "NAME", default_value = "a person at this machine")]
    by: Name,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup`.
///
/// # Errors
/// When the folder is not new or a copy cannot be made.
pub(super) fn backup(home: &Home, args: &BackupArgs) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    let note = if args.with_key { "a backup is made, with the data key" } else { "a backup is made" };
    session.record_by(Action::Kept, &args.by, note)?;
    let now = session.clock().now();
    let manifest = keep::backup(home, session.records(), session.ledger(), &args.out, args.with_key, now)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&manifest)?);
        return Ok(());
    }
    let bytes: u64 = manifest.files.iter().map(|part| part.bytes).sum();
    println!("{} files, {bytes} bytes, in {}", manifest.files.len(), args.out.display());
    println!("the ledger in it ends with entry {}", manifest.ledger_entries);
    if args.with_key {
        println!("The data key is in it: keep the backup as safe as the node itself.");
    } else {
        println!("The data key is not in it: without {} nobody can read it.", home.data_key().display());
    }
    Ok(())
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The node must be stopped. What is replaced is kept beside it (NAME.replaced-1). Certificates and their keys that are there stay; on a new machine run `enrol` afterwards.\n\nExamples:\n  folkmoot-node restore /backup/folkmoot-2026-11-22 --by \"Jo Doe\"\n  folkmoot-node --home NEW restore /backup/folkmoot-2026-11-22 --key /safe/data.key --by \"Jo Doe\""
)]
pub(super) struct RestoreArgs {
    /// Folder of the backup
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Data key that the backup was made under; the backup's own or the node's when left out
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Who does it, for the audit log
    #[arg(long, value_name = "NAME")]
    by: Name,
}

/// Runs `restore`.
///
/// # Errors
/// While the node runs, and when the backup cannot be used; nothing is replaced then.
pub(super) fn restore(home: &Home, args: &RestoreArgs) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock::new());
    let done = keep::restore(home, &args.from, args.key.as_deref(), clock, &args.by.as_local())?;
    println!("Restored the node of council {} from the backup made {}.", done.manifest.council, done.manifest.made);
    for path in &done.kept {
        println!("  kept: {}", path.display());
    }
    println!("\nThe ledger");
    match done.entries_lost {
        Some(0) => println!("  nothing had been written to it since; it goes on where it was."),
        Some(lost) => println!("  {lost} entries made since the backup are not in it any more."),
        None => println!("  whatever was written to it since the backup is not in it any more."),
    }
    println!(
        "  If the coordinator or another council has seen later entries, this node says so at its next link and answers\n  nothing until the federation's authority has countersigned a recovery. That is on purpose: a restored ledger\n  does not know what was spent since."
    );
    println!("\nPeople");
    match (done.entries_lost, done.to_repeat) {
        (Some(_), 0) => println!("  no request, opt-out list or purge has to be repeated."),
        (Some(_), count) => println!(
            "  {count} entries since the backup are requests of people, opt-out lists or purges. What they did is undone:\n  do them again before the node runs."
        ),
        (None, _) => {
            println!("  erasures, restrictions, opt-out lists and purges since the backup are undone: do them again.")
        }
    }
    println!("\nNext: folkmoot-node --home {} doctor", home.folder().display());
    Ok(())
}

/// Arguments of `rekey`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The node must be stopped. Interrupted, it is finished by running it again. The old key is kept beside: backups made before open with it only.\n\nExample:\n  folkmoot-node rekey --by \"Jo Doe\""
)]
pub(super) struct RekeyArgs {
    /// Who does it, for the audit log
    #[arg(long, value_name = "NAME")]
    by: Name,
}

/// Runs `rekey`.
///
/// # Errors
/// While the node runs, and when a store opens with neither key.
pub(super) fn rekey(home: &Home, args: &RekeyArgs) -> anyhow::Result<()> {
    let old = keep::rekey(home, &mut rand::rng())?;
    Session::open(home)?.record_by(Action::Kept, &args.by, "both stores were given another key")?;
    println!("Both stores open with the new key in {} only.", home.data_key().display());
    println!("Keep a copy of it apart from the stores.");
    println!("The old key is kept as {}.", old.display());
    println!("Backups made before today open with the old one only. Delete it when the last of them is gone.");
    Ok(())
}
