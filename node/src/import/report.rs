//! What an import tells people: a summary to act on, and every finding as CSV.

use std::fmt::Write as _;
use std::io::{self, Write};

use folkmoot_proto::period::ReferencePeriod;
use serde::Serialize;

use super::columns::Column;
use super::{Finding, Summary};
use crate::clean::rule::Level;
use crate::store::FindingCount;

/// Writes findings as CSV: file, row, column, rule, level, cause, fix, value. Names, numbers, dates and postcodes are left out;
/// the row number leads to them in the council's own file.
pub struct FindingsCsv<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> FindingsCsv<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(["file", "row", "column", "rule", "level", "cause", "fix", "value"])?;
        Ok(Self { out })
    }

    /// Adds one finding.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&mut self, file: &str, finding: &Finding<'_>) -> io::Result<()> {
        let rule = finding.rule;
        self.out.write_record([
            harmless(file).as_str(),
            finding.row.to_string().as_str(),
            finding.column.map_or("", |column| column.header()),
            rule.id(),
            rule.level().label(),
            rule.cause(),
            rule.fix(),
            &harmless(finding.value.unwrap_or_default()),
        ])?;
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A spreadsheet would run a cell that starts like a formula; a quote in front makes it text.
fn harmless(value: &str) -> String {
    let short: String = value.chars().take(120).collect();
    if short.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{short}") } else { short }
}

/// The most that a summary lists.
const PROBLEMS: usize = 12;

/// A period in words.
pub fn period_text(period: Option<ReferencePeriod>) -> String {
    period.map_or_else(|| "none (no month has enough ended events)".to_owned(), |period| period.to_string())
}

/// The summary for a terminal.
pub fn text(summary: &Summary, dry_run: bool) -> String {
    let facts = &summary.facts;
    let mut out = String::new();
    let done = if dry_run { "checked, nothing stored (dry run)" } else { "imported" };
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{}: {done}{}",
        summary.file_name,
        if dry_run { String::new() } else { format!(" as submission {}", summary.submission) }
    );
    let _ = writeln!(out, "  received           {}", summary.received);
    let _ = writeln!(out, "  rows               {:>9}", number(facts.accepted() + facts.rejected));
    let _ = writeln!(out, "    accepted         {:>9}", number(facts.clean));
    let _ = writeln!(out, "    with findings    {:>9}", number(facts.with_findings));
    let _ = writeln!(out, "    rejected         {:>9}", number(facts.rejected));
    if facts.blank > 0 {
        let _ = writeln!(out, "  blank rows skipped {:>9}", number(facts.blank));
    }
    let _ = writeln!(out, "  encoding           {}", facts.encoding);
    let _ = writeln!(out, "  period from events {}", period_text(summary.derived));
    let stated = facts.stated().map_or_else(|| "none that can be read".to_owned(), |period| period.to_string());
    let _ = writeln!(out, "  period as stated   {stated}");
    if facts.stated_periods > 1 {
        let _ = writeln!(
            out,
            "                     ({} different pairs of dates are stated; figures use the events)",
            facts.stated_periods
        );
    }
    if summary.derived.is_none() {
        let _ = writeln!(out, "  note: without a period from its events, no figure will use this file");
    }
    // Machine names stand in the store; people know the headers.
    let header = |name: &String| {
        let known = Column::ALL.into_iter().find(|column| column.field() == name);
        known.map_or_else(|| name.clone(), |column| column.header().to_owned())
    };
    for (what, names) in [
        ("columns missing", facts.missing_columns.iter().map(header).collect()),
        ("columns not in the specification, not stored", facts.unknown_columns.clone()),
    ] {
        let names: Vec<String> = names;
        if !names.is_empty() {
            let _ = writeln!(out, "  {what}: {}", names.join(", "));
        }
    }
    if summary.findings.is_empty() {
        let _ = writeln!(out, "  no findings");
        return out;
    }
    let _ = writeln!(out, "\n  What to put right first:");
    for count in summary.findings.iter().take(PROBLEMS) {
        let _ = writeln!(out, "  {:>9} x {}, for example row {}", number(count.cells), place(count), count.example);
        let _ =
            writeln!(out, "              {} [{}, {}]", count.rule.cause(), count.rule.id(), count.rule.level().label());
        let _ = writeln!(out, "              {}", count.rule.fix());
    }
    if summary.findings.len() > PROBLEMS {
        let _ = writeln!(
            out,
            "  and {} more kinds of finding; --findings FILE.csv lists them all",
            summary.findings.len() - PROBLEMS
        );
    }
    out
}

fn place(count: &FindingCount) -> &'static str {
    count.column.map_or(if count.rule.level() == Level::Rejected { "whole row" } else { "whole file" }, |column| {
        column.header()
    })
}

/// A count with thousands separators.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The summary for machines. Counts of the council's own file, for its own eyes.
#[derive(Serialize)]
pub struct Json {
    submission: Option<i64>,
    file: String,
    received: String,
    dry_run: bool,
    already_held: bool,
    rows: u64,
    accepted: u64,
    accepted_with_findings: u64,
    rejected: u64,
    blank: u64,
    derived_period: Option<[String; 2]>,
    stated_period: Option<[String; 2]>,
    missing_columns: Vec<String>,
    unknown_columns: Vec<String>,
    findings: Vec<JsonFinding>,
}

#[derive(Serialize)]
struct JsonFinding {
    rule: &'static str,
    level: &'static str,
    column: Option<&'static str>,
    count: u64,
    example_row: u32,
    cause: &'static str,
    fix: &'static str,
}

/// First and last day of a period as texts.
pub fn days(period: Option<ReferencePeriod>) -> Option<[String; 2]> {
    period.map(|period| [period.first().to_string(), period.last().to_string()])
}

impl Json {
    /// A summary as it is printed with `--json`.
    pub fn new(summary: &Summary, dry_run: bool) -> Self {
        let facts = &summary.facts;
        Self {
            submission: (!dry_run).then_some(summary.submission),
            file: summary.file_name.clone(),
            received: summary.received.to_string(),
            dry_run,
            already_held: false,
            rows: facts.accepted() + facts.rejected,
            accepted: facts.clean,
            accepted_with_findings: facts.with_findings,
            rejected: facts.rejected,
            blank: facts.blank,
            derived_period: days(summary.derived),
            stated_period: days(facts.stated()),
            missing_columns: facts.missing_columns.clone(),
            unknown_columns: facts.unknown_columns.clone(),
            findings: summary
                .findings
                .iter()
                .map(|count| JsonFinding {
                    rule: count.rule.id(),
                    level: count.rule.level().label(),
                    column: count.column.map(|column| column.field()),
                    count: count.cells,
                    example_row: count.example,
                    cause: count.rule.cause(),
                    fix: count.rule.fix(),
                })
                .collect(),
        }
    }

    /// A file that was imported before.
    pub fn already_held(file: &str, submission: i64, received: String) -> Self {
        Self {
            submission: Some(submission),
            file: file.to_owned(),
            received,
            dry_run: false,
            already_held: true,
            rows: 0,
            accepted: 0,
            accepted_with_findings: 0,
            rejected: 0,
            blank: 0,
            derived_period: None,
            stated_period: None,
            missing_columns: Vec::new(),
            unknown_columns: Vec::new(),
            findings: Vec::new(),
        }
    }
}
