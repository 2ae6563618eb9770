//! `audit verify|export|register|heads`: the record, checked, handed over, published; what is kept of others' records.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

mod heads;
pub(super) mod receipts;

use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::verify_round;
use crate::audit::{Book, Head, Report, register_csv, register_html};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check every entry and that the budget says what the entries say; needs nothing but the file
    #[command(
        after_help = "The end of the log can only be checked against a head that somebody else has kept: pass it with --head.\n\nWith --file an export is checked, and neither the node nor its key is needed.\n\nExamples:\n  folkmoot-node audit verify\n  folkmoot-node audit verify --head 1290:9f2c...\n  folkmoot-node audit verify --file audit.jsonl"
    )]
    Verify {
        /// A head that somebody else has kept, as NUMBER:DIGEST
        #[arg(long, value_name = "NUMBER:DIGEST")]
        head: Option<Head>,
        /// An export to check instead of the ledger
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the record of a round of joint figures: signatures, who took part, and that the sum follows
    #[command(
        after_help = "Needs no network. The authority's files are this node's own, or those named: then no node is needed. Exit codes: 0 the round stands, 1 it could not be checked, 2 wrong usage, 4 it does not stand.\n\nExamples:\n  folkmoot-node audit verify-round release-12-1.round\n  folkmoot-node audit verify-round release-12-1.round --roots roots.pem --crl crl.pem \\\n      --governance governance.pub --federation england --json"
    )]
    VerifyRound(verify_round::Args),
    /// Write the entries as JSON Lines
    #[command(
        after_help = "Examples:\n  folkmoot-node audit export --out audit.jsonl\n  folkmoot-node audit export --from 1201 > new.jsonl"
    )]
    Export {
        /// First entry to write
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        from: u64,
        /// Write here instead of the terminal; an existing file is left alone
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write receipts of what left, signed by this council, for an auditor
    Receipts(receipts::Args),
    /// List the heads of other councils' ledgers that this council keeps for them
    Heads(heads::Args),
    /// Write the public register of questions answered: a web page and a CSV file, without names of people
    #[command(
        after_help = "Example:\n  folkmoot-node audit register --out register --council \"Testshire County Council\""
    )]
    Register {
        /// Folder for register.html and register.csv; older ones in it are replaced
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The council's name on the page; that of the published list when left out
        #[arg(long, value_name = "NAME")]
        council: Option<String>,
    },
}

impl Args {
    /// What receipts to write, when that is the command: it needs the node's signing key.
    pub(super) const fn as_receipts(&self) -> Option<&receipts::Args> {
        if let Command::Receipts(args) = &self.command { Some(args) } else { None }
    }

    /// The record of a round to check, when that is the command: it may need no node.
    pub(super) const fn as_round(&self) -> Option<&verify_round::Args> {
        if let Command::VerifyRound(args) = &self.command { Some(args) } else { None }
    }
}

/// Runs the command. `code` is the council's code, `today` the day for the register's head.
///
/// # Errors
/// When the log is broken, cannot be read, or a file cannot be written.
pub(super) fn run(book: &Book, code: &str, today: &str, args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Verify { head, json, .. } => {
            verify(&book.verify(*head)?, "; the budget says what they say", head.is_some(), *json)
        }
        // Taken out before a node is opened, or where its signing key is.
        Command::VerifyRound(_) | Command::Receipts(_) => Ok(()),
        Command::Heads(args) => heads::run(book, args),
        Command::Export { from, out: None } => {
            let mut to = BufWriter::new(std::io::stdout().lock());
            book.export(*from, &mut to)?;
            Ok(())
        }
        Command::Export { from, out: Some(path) } => {
            let file = OpenOptions::new().write(true).create_new(true).open(path);
            let file = file.with_context(|| format!("making {}", path.display()))?;
            let written = book.export(*from, &mut BufWriter::new(&file)).and_then(|lines| {
                file.sync_all()?;
                Ok(lines)
            });
            let lines = written.inspect_err(|_| drop(std::fs::remove_file(path))).with_context(|| {
                format!("writing {}; what was written of it was removed, and nothing else changed", path.display())
            })?;
            println!("{lines} entries written to {}", path.display());
            Ok(())
        }
        Command::Register { out, council } => {
            let known = folkmoot_proto::ids::CouncilCode::parse(code).ok();
            let known = known.and_then(|code| folkmoot_proto::geography::Geography::built_in().council(code));
            let name = council.as_deref().or(known.map(|council| &*council.name)).unwrap_or(code);
            register(book, name, today, out)
        }
    }
}

impl Args {
    /// Checks an export, when that is what is asked: it needs no node.
    ///
    /// # Errors
    /// When it is broken or cannot be read.
    pub(super) fn run_on_file(&self) -> Option<anyhow::Result<()>> {
        let Command::Verify { head, file: Some(path), json } = &self.command else { return None };
        let opened = std::fs::File::open(path).with_context(|| format!("reading {}", path.display()));
        let report = opened.and_then(|file| {
            let report = crate::audit::verify_export(std::io::BufReader::new(file), *head);
            report.with_context(|| format!("reading {}", path.display()))
        });
        Some(report.and_then(|report| verify(&report, "", head.is_some(), *json)))
    }
}

/// Tells what a check found; `more` of a sound log, `compared` when a kept head was given.
fn verify(report: &Report, more: &str, compared: bool, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    }
    match &report.broken {
        Some(broken) if broken.entry == 0 => bail!("the audit log is broken: {}", broken.what),
        Some(broken) => bail!("the audit log is broken at entry {}: {}", broken.entry, broken.what),
        None if json => Ok(()),
        None => {
            let entries =
                if report.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", report.entries) };
            println!("{entries}, none changed, removed or put in{more}");
            println!("head {}", report.head);
            if !compared {
                println!("to know that none is missing at the end, compare with a head that somebody else has kept");
            }
            Ok(())
        }
    }
}

fn register(book: &Book, council: &str, today: &str, out: &Path) -> anyhow::Result<()> {
    let made = book.register()?;
    std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let mut csv = Vec::new();
    register_csv(&made.rows, &mut csv)?;
    for (name, content) in [("register.html", register_html(council, today, &made).into_bytes()), ("register.csv", csv)]
    {
        // Beside and then renamed, so that a web server never sees half a page.
        let (path, part) = (out.join(name), out.join(format!("{name}.part")));
        let mut file = std::fs::File::create(&part).with_context(|| format!("writing {}", part.display()))?;
        file.write_all(&content)
            .and_then(|()| file.sync_all())
            .with_context(|| format!("writing {}", part.display()))?;
        std::fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))?;
    }
    println!("{} questions answered; written to {}", made.rows.len(), out.join("register.html").display());
    println!("Purposes are the analysts' own words: read the page before you publish it.");
    Ok(())
}
