//! `person`, `optout` and `retention`: people's rights over what is stored. Every use is written to the audit log, without
//! ids.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::Session;
use crate::audit::Action;
use crate::clean::identifiers::{NhsNumber, nhs_number};
use crate::store::PersonId;
use crate::store::people::{Person, RawRow};

/// Arguments of `person`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  folkmoot-node person find --nhs-number -          (the number is typed, and stays out of the shell's history)
  folkmoot-node person export --council-id P123 --out subject.csv
  folkmoot-node person erase --nhs-number - --yes
  folkmoot-node person restrict --council-id P123
  folkmoot-node person release --council-id P123")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say how much is held on a person
    Find(Who),
    /// Write everything held on a person to a CSV file
    Export {
        #[command(flatten)]
        who: Who,
        /// The file to write; an existing one is not overwritten
        #[arg(long, value_name = "FILE.csv")]
        out: PathBuf,
    },
    /// Remove a person's rows, and keep them from coming back with later imports
    Erase {
        #[command(flatten)]
        who: Who,
        /// Do it; without this, only say what would be removed
        #[arg(long)]
        yes: bool,
    },
    /// Keep a person's rows, but let no figure read them
    Restrict(Who),
    /// End a restriction, or let an erased person be imported again
    Release(Who),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// NHS number; `-` reads it from the terminal or standard input
    #[arg(long, value_name = "NUMBER")]
    nhs_number: Option<String>,
    /// The council's person id; `-` reads it from the terminal or standard input
    #[arg(long, value_name = "ID")]
    council_id: Option<String>,
}

impl Who {
    fn id(&self) -> anyhow::Result<PersonId> {
        let typed = |text: &str, what: &str| -> anyhow::Result<String> {
            if text != "-" {
                return Ok(text.trim().to_owned());
            }
            if std::io::stdin().is_terminal() {
                println!("{what}:");
            }
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).context("reading the id")?;
            Ok(line.trim().to_owned())
        };
        match (&self.nhs_number, &self.council_id) {
            (Some(text), _) => match nhs_number(&typed(text, "NHS number")?) {
                NhsNumber::Valid(number, _) => Ok(PersonId::Nhs(number)),
                _ => bail!("this is not a valid NHS number; rows with an invalid one are found by council id"),
            },
            (None, Some(text)) => {
                let id = typed(text, "council person id")?;
                if id.is_empty() {
                    bail!("the council person id is empty");
                }
                Ok(PersonId::Council(id))
            }
            (None, None) => bail!("give --nhs-number or --council-id"),
        }
    }
}

/// Runs `person`.
pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<()> {
    let (records, today) = (session.records(), session.today());
    let note = |text: String| session.record(Action::SubjectRequest, text).context("writing to the audit log");
    match &args.what {
        What::Find(who) => {
            let person = records.find_person(&who.id()?)?;
            note(format!("found: {} rows", held(&person)))?;
            tell(&person);
        }
        What::Export { who, out } => {
            let rows = records.export_person(&who.id()?)?;
            // First the note: nothing is handed out that the log does not know of.
            note(format!("exported: {} rows", rows.len()))?;
            export(out, &rows)?;
            println!("{} rows written to {}", rows.len(), out.display());
        }
        What::Erase { who, yes } => {
            let id = who.id()?;
            if !yes {
                tell(&records.find_person(&id)?);
                println!("nothing was removed; add --yes to erase");
                return Ok(());
            }
            let removed = records.erase_person(&id, today)?;
            note(format!(
                "erased: {} rows and {} links in {} submissions",
                removed.rows, removed.links, removed.submissions
            ))?;
            println!(
                "erased: {} rows, and {} links on other people's rows, in {} submissions; later imports leave this person out",
                removed.rows, removed.links, removed.submissions
            );
        }
        What::Restrict(who) => {
            let new = records.restrict_person(&who.id()?, today)?;
            note(if new { "restricted".to_owned() } else { "restricted: was so before".to_owned() })?;
            println!(
                "{}",
                if new { "restricted: no figure reads this person's rows" } else { "was restricted before" }
            );
        }
        What::Release(who) => {
            let id = who.id()?;
            let (freed, lifted) = (records.free_person(&id)?, records.lift_erasure(&id)?);
            note(format!("released: restriction ended {freed}, erasure lifted {lifted}"))?;
            match (freed, lifted) {
                (false, false) => println!("this person was neither restricted nor erased"),
                (_, true) => println!("released: files imported from now on bring this person back; import them again"),
                (true, false) => println!("released: figures read this person's rows again"),
            }
        }
    }
    Ok(())
}

fn held(person: &Person) -> u64 {
    person.rows.values().sum()
}

fn tell(person: &Person) {
    println!("{} rows in {} submissions", held(person), person.rows.len());
    for (submission, rows) in &person.rows {
        println!("  submission {submission}: {rows}");
    }
    println!("known by {} ids", person.ids.len());
    if !person.shared.is_empty() {
        println!(
            "{} more ids stand on these rows and on other people's; rows that carry only such an id are not counted, look at them by hand",
            person.shared.len()
        );
    }
    for (yes, text) in [
        (person.restricted, "restricted"),
        (person.erased, "erased: later imports leave this person out"),
        (person.opted_out, "on the national data opt-out list"),
    ] {
        if yes {
            println!("{text}");
        }
    }
}

/// One line for each cell, and for each finding.
fn export(path: &Path, rows: &[RawRow]) -> anyhow::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(|| format!("making {}", path.display()))?;
    let mut out = csv::Writer::from_writer(file);
    out.write_record(["submission", "row", "column", "kind", "text"])?;
    for row in rows {
        let (submission, number) = (row.submission.to_string(), row.number.to_string());
        for (column, text) in &row.cells {
            out.write_record([&submission, &number, column.header(), "value", text])?;
        }
        for (column, rule) in &row.findings {
            let column = column.map_or("", |column| column.header());
            out.write_record([&submission, &number, column, "finding", rule.cause()])?;
        }
    }
    out.flush().with_context(|| format!("writing {}", path.display()))
}

/// Arguments of `optout`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  folkmoot-node optout load optouts.csv")]
pub(super) struct OptOutArgs {
    #[command(subcommand)]
    what: OptOut,
}

#[derive(Debug, Subcommand)]
enum OptOut {
    /// Replace the list by the NHS numbers of a file, one a line (the first column counts)
    Load {
        /// The file
        file: PathBuf,
    },
}

/// Runs `optout`.
pub(super) fn opt_out(session: &Session, args: &OptOutArgs) -> anyhow::Result<()> {
    let OptOut::Load { file } = &args.what;
    let lines = BufReader::new(File::open(file).with_context(|| format!("reading {}", file.display()))?).lines();
    let mut numbers = Vec::new();
    for (place, line) in lines.enumerate() {
        let line = line.with_context(|| format!("reading {}", file.display()))?;
        let cell = line.split(',').next().unwrap_or_default().trim_matches(['"', ' ', '\u{feff}', '\r']);
        match nhs_number(cell) {
            NhsNumber::Valid(number, _) => numbers.push(number),
            // A header, or a blank line.
            _ if cell.is_empty() || (place == 0 && !cell.bytes().any(|byte| byte.is_ascii_digit())) => {}
            _ => bail!(
                "line {} of {} does not begin with a valid NHS number; nothing was changed",
                place + 1,
                file.display()
            ),
        }
    }
    let (listed, held) = session.records().load_opt_outs(numbers, session.today())?;
    session.record(Action::OptOutLoaded, format!("{listed} numbers")).context("writing to the audit log")?;
    println!("{listed} numbers on the list; {held} of them are held here");
    Ok(())
}

/// Arguments of `retention`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  folkmoot-node retention                (says what would be removed)\n  folkmoot-node retention --years 8 --yes"
)]
pub(super) struct RetentionArgs {
    /// Keep people for so many years after their last event
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=100))]
    years: u8,
    /// Remove; without this, only say what would be removed
    #[arg(long)]
    yes: bool,
}

/// Runs `retention`.
pub(super) fn retention(session: &Session, args: &RetentionArgs) -> anyhow::Result<()> {
    let before = session.today().plus_months(-12 * i32::from(args.years));
    let removed = session.records().purge(before, !args.yes)?;
    if args.yes {
        let note = format!("last event before {before}: {} rows in {} submissions", removed.rows, removed.submissions);
        session.record(Action::Retention, note).context("writing to the audit log")?;
    }
    println!(
        "last event before {before}: {} people, {} rows in {} submissions {}",
        removed.people,
        removed.rows,
        removed.submissions,
        if args.yes { "removed" } else { "would be removed; add --yes to do it" }
    );
    Ok(())
}
