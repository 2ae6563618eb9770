//! `import`: files to submissions, with a summary that an analyst can act on.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is for a person at a terminal")]

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::Day;
use indicatif::{ProgressBar, ProgressStyle};

use crate::clean::lists::Aliases;
use crate::import::report::{self, FindingsCsv, Json};
use crate::import::{self, Finding, Options, Outcome, Progress, Source, Summary, Watch, import};
use crate::quality::{self, Quality};
use crate::store::Records;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  folkmoot-node import cld_2025q4.csv
  folkmoot-node import --dry-run --findings findings.csv cld_2025q4.csv
  folkmoot-node import --received 2025-04-15 cld_2025q4.csv
  folkmoot-node import --received from-name history/*.csv    (names end with _YYYYMMDD)

Each file is stored whole or not at all. The same file twice changes nothing.")]
pub(super) struct Args {
    /// Client level data files (CSV)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Day the file was handed over: a date such as 2025-04-15, or `from-name` for names that end with _YYYYMMDD
    #[arg(long, value_name = "DATE")]
    received: Option<String>,
    /// Check everything and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Take rows that name another council
    #[arg(long)]
    force_council: bool,
    /// Write every finding to this CSV file
    #[arg(long, value_name = "FILE.csv")]
    findings: Option<PathBuf>,
    /// Write a report to this HTML file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Print the summaries as JSON
    #[arg(long)]
    json: bool,
}

/// What one file became, for the caller's audit log.
pub(super) enum Done {
    /// It is a submission now.
    Stored,
    /// It was refused, and nothing of it was stored.
    Refused {
        /// The file's name.
        file_name: String,
        /// Why, in words that hold no count and no value of the file.
        why: &'static str,
    },
}

/// Where and when a command runs.
pub(super) struct Here<'a> {
    /// The node's council.
    pub council: CouncilCode,
    /// The council's own spellings, if it has a file of them.
    pub aliases: &'a Path,
    /// Today.
    pub today: Day,
    /// Now, in seconds since 1970-01-01 UTC.
    pub now: i64,
}

/// Runs the command; tells what was stored and what was refused, for the audit log. A dry run tells nothing.
///
/// # Errors
/// When any file was refused; the others are stored all the same.
pub(super) fn run(records: &Records, here: &Here<'_>, args: &Args, mut done: impl FnMut(&Done)) -> anyhow::Result<()> {
    let aliases = aliases(here.aliases)?;
    let mut findings = args.findings.as_deref().map(create).transpose()?.map(FindingsCsv::new).transpose()?;
    let (mut reports, mut summaries, mut refused) = (Vec::new(), Vec::new(), 0);
    for path in &args.files {
        let source = Source::Path(path.clone());
        let name = source.name();
        let received = match received(args.received.as_deref(), &name, here.today) {
            Ok(received) => received,
            Err(error) => {
                refused += 1;
                eprintln!("error: {name}: {error}");
                continue;
            }
        };
        let options = Options {
            council: here.council,
            received,
            imported_at: here.now,
            dry_run: args.dry_run,
            force_council: args.force_council,
            aliases: aliases.clone(),
        };
        let mut watcher = Watcher { bar: None, name: &name, findings: findings.as_mut() };
        let outcome = import(records, &source, &options, &mut watcher);
        if let Some(bar) = watcher.bar.take() {
            bar.finish_and_clear();
        }
        match outcome {
            Ok(Outcome::Imported(summary)) => {
                done(&Done::Stored);
                tell(args, &summary, false, &mut summaries, &mut reports);
            }
            Ok(Outcome::DryRun(summary)) => tell(args, &summary, true, &mut summaries, &mut reports),
            Ok(Outcome::AlreadyHeld { submission }) => {
                if args.json {
                    summaries.push(serde_json::to_value(Json::already_held(&name, submission, received.to_string()))?);
                } else {
                    println!("{name}: the same file is submission {submission} already; nothing was changed");
                }
            }
            Err(error) => {
                refused += 1;
                if !args.dry_run {
                    done(&Done::Refused { file_name: name, why: why(&error) });
                }
                eprintln!("error: {:#}", anyhow::Error::from(error));
            }
        }
    }
    if let Some(findings) = findings {
        findings.finish().context("writing the findings")?;
    }
    if let Some(path) = &args.report {
        std::fs::write(path, quality::render::html(&reports)).with_context(|| format!("writing {}", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&summaries)?);
    }
    match (refused, args.files.len()) {
        (0, _) => Ok(()),
        (1, 1) => bail!("the file was not imported; nothing of it was stored"),
        (refused, all) => bail!("{refused} of {all} files were not imported; nothing of them was stored"),
    }
}

/// Why a file was refused, as the audit log may hold it.
fn why(error: &import::Error) -> &'static str {
    match error {
        import::Error::Read { .. } => "it could not be read",
        import::Error::NotText { form: import::Foreign::Utf16, .. } => "its encoding is not taken",
        import::Error::NotText { form: import::Foreign::Workbook, .. } => "it is a workbook",
        import::Error::Header { .. } => "its header could not be understood",
        import::Error::OpenQuote { .. } => "a quote in it is never closed",
        import::Error::OtherCouncil { .. } => "it names another council",
        import::Error::NoRows { .. } => "it holds no rows",
        import::Error::EveryRowBad { .. } => "every row of it is bad",
        import::Error::Changed { .. } => "it changed while it was read",
        import::Error::TooLong { .. } => "it holds too many rows",
        import::Error::Store { .. } => "the records could not be written",
    }
}

fn tell(
    args: &Args,
    summary: &Summary,
    dry_run: bool,
    summaries: &mut Vec<serde_json::Value>,
    reports: &mut Vec<Quality>,
) {
    if args.json {
        summaries.push(serde_json::json!(Json::new(summary, dry_run)));
    } else {
        println!("{}", report::text(summary, dry_run));
    }
    if args.report.is_some() {
        reports.push(Quality {
            submission: (!dry_run).then_some(summary.submission),
            file_name: summary.file_name.clone(),
            received: summary.received,
            derived: summary.derived,
            facts: summary.facts.clone(),
            fields: quality::fields(&summary.quality),
            findings: summary.findings.clone(),
            worst: Vec::new(),
        });
    }
}

/// The council's own spellings, if there is a file of them, and the built-in one.
///
/// # Errors
/// When the file cannot be read or a line of it is wrong.
pub(super) fn aliases(path: &Path) -> anyhow::Result<Aliases> {
    match File::open(path) {
        Ok(file) => Aliases::load(file).with_context(|| format!("reading {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Aliases::default()),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Findings name rows of the council's file, so only the owner may read them.
fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(BufWriter::new).with_context(|| format!("writing {}", path.display()))
}

/// The day of receipt: as given, from the file's name, or today.
fn received(given: Option<&str>, name: &str, today: Day) -> anyhow::Result<Day> {
    match given {
        None => Ok(today),
        Some("from-name") => from_name(name).with_context(|| {
            "the name does not end with _YYYYMMDD, so the day of receipt cannot be read from it; give it with --received DATE"
        }),
        Some(date) => {
            let day: Day = date.parse()?;
            if day > today {
                bail!("{day} is in the future; a file cannot have been received then");
            }
            Ok(day)
        }
    }
}

/// The day in a name such as `cld_503_20250415.csv`.
pub(super) fn from_name(name: &str) -> Option<Day> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let digits = stem.rsplit_once('_')?.1;
    if digits.len() != 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Day::from_ymd(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
}

struct Watcher<'a> {
    bar: Option<ProgressBar>,
    name: &'a str,
    findings: Option<&'a mut FindingsCsv<BufWriter<File>>>,
}

impl Watch for Watcher<'_> {
    fn finding(&mut self, finding: &Finding<'_>) -> io::Result<()> {
        self.findings.as_mut().map_or(Ok(()), |out| out.add(self.name, finding))
    }

    fn progress(&mut self, progress: Progress) {
        if self.bar.is_none() && io::stderr().is_terminal() {
            let bar = ProgressBar::new(progress.bytes);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes}, {eta} left") {
                bar.set_style(style);
            }
            bar.set_prefix(self.name.to_owned());
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(progress.read);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_receipt_is_given_or_in_the_name_or_today() {
        let today: Day = "2025-06-01".parse().unwrap();
        let day = |given, name| received(given, name, today).map(|day| day.to_string()).map_err(|e| e.to_string());
        assert_eq!(day(None, "cld_20250415.csv").unwrap(), "2025-06-01");
        assert_eq!(day(Some("from-name"), "cld_503_20250415.csv").unwrap(), "2025-04-15");
        assert_eq!(day(Some("2025-04-15"), "x.csv").unwrap(), "2025-04-15");
        for name in ["cld.csv", "cld_2025041.csv", "cld_20251301.csv", "20250415.csv", "cld_2025041é.csv"] {
            assert!(day(Some("from-name"), name).unwrap_err().contains("_YYYYMMDD"), "{name}");
        }
        assert!(day(Some("2025-06-02"), "x.csv").unwrap_err().contains("future"));
        assert!(day(Some("15/04/2025"), "x.csv").is_err());
    }
}
