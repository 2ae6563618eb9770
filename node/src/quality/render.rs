//! Quality as a table, CSV, JSON, or one HTML page that needs nothing else.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Field, Quality};
use crate::import::report::{days, number, period_text};

/// Tenths of a percent in words.
fn percent(tenths: Option<u64>) -> String {
    tenths.map_or_else(|| "-".to_owned(), |tenths| format!("{}.{}", tenths / 10, tenths % 10))
}

/// A table for a terminal: the fields, what to put right first, the worst rows; then the trend, when there are several.
pub fn table(all: &[Quality]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    for quality in all.iter().rev().take(1) {
        let _ = writeln!(out, "{}", title(quality));
        let _ = writeln!(out, "period from events: {}\n", period_text(quality.derived));
        let _ = writeln!(
            out,
            "{:<34} {:>10} {:>10} {:>10} {:>12} {:>12} {:>9}",
            "field", "valid", "release 1", "invalid", "blank (must)", "blank (may)", "failing %"
        );
        for field in &quality.fields {
            let _ = writeln!(
                out,
                "{:<34} {:>10} {:>10} {:>10} {:>12} {:>12} {:>9}",
                field.column.header(),
                number(field.valid),
                number(field.release_1),
                number(field.invalid),
                number(field.blank_mandatory),
                number(field.blank_allowed),
                percent(field.failing())
            );
        }
        if !quality.worst.is_empty() {
            let _ = writeln!(out, "\nrows with the most to put right:");
            for row in &quality.worst {
                let mut rules: Vec<_> = row.findings.iter().map(|(column, rule)| place(*column, rule.id())).collect();
                rules.dedup();
                let _ = writeln!(
                    out,
                    "  row {:<8} {} errors, {} warnings: {}",
                    row.row,
                    row.errors,
                    row.warnings,
                    rules.join("; ")
                );
            }
        }
    }
    if all.len() > 1 {
        let _ = writeln!(out, "\nfailing %, by submission:");
        let _ = write!(out, "{:<34}", "field");
        for quality in all {
            let _ = write!(out, " {:>10}", quality.received.to_string());
        }
        let _ = writeln!(out);
        for (place, field) in all[0].fields.iter().enumerate() {
            let _ = write!(out, "{:<34}", field.column.header());
            for quality in all {
                let _ = write!(out, " {:>10}", percent(quality.fields.get(place).and_then(Field::failing)));
            }
            let _ = writeln!(out);
        }
    }
    out
}

fn place(column: Option<crate::import::columns::Column>, rule: &str) -> String {
    column.map_or_else(|| rule.to_owned(), |column| format!("{} {rule}", column.header()))
}

fn title(quality: &Quality) -> String {
    let name = quality.submission.map_or_else(|| "checked file".to_owned(), |id| format!("submission {id}"));
    format!("{name}: {}, received {}", quality.file_name, quality.received)
}

/// Tidy CSV: `submission,received,field,valid,release_1,invalid,blank_mandatory,blank_allowed`.
///
/// # Errors
/// When writing fails.
pub fn csv(all: &[Quality], out: impl std::io::Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "submission",
        "received",
        "field",
        "valid",
        "release_1",
        "invalid",
        "blank_mandatory",
        "blank_allowed",
    ])?;
    for quality in all {
        for field in &quality.fields {
            writer.write_record([
                quality.submission.map(|id| id.to_string()).unwrap_or_default(),
                quality.received.to_string(),
                field.column.field().to_owned(),
                field.valid.to_string(),
                field.release_1.to_string(),
                field.invalid.to_string(),
                field.blank_mandatory.to_string(),
                field.blank_allowed.to_string(),
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}

#[derive(Serialize)]
struct Json<'a> {
    submission: Option<i64>,
    file: &'a str,
    received: String,
    derived_period: Option<[String; 2]>,
    rows_accepted: u64,
    rows_with_findings: u64,
    rows_rejected: u64,
    fields: Vec<JsonField>,
    worst_rows: Vec<JsonRow>,
}

#[derive(Serialize)]
struct JsonField {
    field: &'static str,
    valid: u64,
    release_1: u64,
    invalid: u64,
    blank_mandatory: u64,
    blank_allowed: u64,
}

#[derive(Serialize)]
struct JsonRow {
    row: u32,
    errors: u32,
    warnings: u32,
    findings: Vec<(Option<&'static str>, &'static str)>,
}

/// A JSON document.
pub fn json(all: &[Quality]) -> serde_json::Value {
    let documents: Vec<_> = all
        .iter()
        .map(|quality| Json {
            submission: quality.submission,
            file: &quality.file_name,
            received: quality.received.to_string(),
            derived_period: days(quality.derived),
            rows_accepted: quality.facts.clean,
            rows_with_findings: quality.facts.with_findings,
            rows_rejected: quality.facts.rejected,
            fields: quality
                .fields
                .iter()
                .map(|field| JsonField {
                    field: field.column.field(),
                    valid: field.valid,
                    release_1: field.release_1,
                    invalid: field.invalid,
                    blank_mandatory: field.blank_mandatory,
                    blank_allowed: field.blank_allowed,
                })
                .collect(),
            worst_rows: quality
                .worst
                .iter()
                .map(|row| JsonRow {
                    row: row.row,
                    errors: row.errors,
                    warnings: row.warnings,
                    findings: row
                        .findings
                        .iter()
                        .map(|(column, rule)| (column.map(|c| c.field()), rule.id()))
                        .collect(),
                })
                .collect(),
        })
        .collect();
    serde_json::json!(documents)
}

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8886;--bad:#b3261e;--good:#1b6e3c;--text:#1b1b1f;--ground:#fff}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--good:#7bd3a0;--text:#ececf1;--ground:#16161a}}
body{font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--ground);max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0 2rem}caption{text-align:left;font-weight:600;padding:.5rem 0}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.7em;background:var(--bad);vertical-align:baseline;margin-right:.4em}
.level{white-space:nowrap}.scroll{overflow-x:auto}";

/// One self-contained page: no script, nothing loaded from elsewhere, readable without colour.
pub fn html(all: &[Quality]) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Data quality of client level data submissions</title>\n<style>",
    );
    out.push_str(STYLE);
    out.push_str("</style>\n</head>\n<body>\n<main>\n<h1>Data quality of client level data submissions</h1>\n<p>For the council's own use. Counts of cells; no value about a person.</p>\n");
    for quality in all.iter().rev() {
        section(&mut out, quality);
    }
    if all.len() > 1 {
        trend(&mut out, all);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn section(out: &mut String, quality: &Quality) {
    let facts = &quality.facts;
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", escape(&title(quality)));
    let _ = writeln!(
        out,
        "<p>{} rows accepted, {} accepted with findings, {} rejected. Period from the events: {}. Period as stated: {}.</p>",
        number(facts.clean),
        number(facts.with_findings),
        number(facts.rejected),
        escape(&period_text(quality.derived)),
        facts.stated().map_or_else(|| "none that can be read".to_owned(), |period| period.to_string())
    );
    if !quality.findings.is_empty() {
        out.push_str("<div class=\"scroll\"><table>\n<caption>What to put right</caption>\n<thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Rule</th><th scope=\"col\">Level</th><th scope=\"col\" class=\"n\">Cells</th><th scope=\"col\" class=\"n\">Example row</th><th scope=\"col\">Cause</th><th scope=\"col\">Fix</th></tr></thead>\n<tbody>\n");
        for count in &quality.findings {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"level\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td></tr>",
                count.column.map_or_else(|| "Whole row".to_owned(), |column| escape(column.header())),
                count.rule.id(),
                count.rule.level().label(),
                number(count.cells),
                count.example,
                escape(count.rule.cause()),
                escape(count.rule.fix())
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
    out.push_str("<div class=\"scroll\"><table>\n<caption>Fields</caption>\n<thead><tr><th scope=\"col\">Field</th><th scope=\"col\" class=\"n\">Valid</th><th scope=\"col\" class=\"n\">Release 1</th><th scope=\"col\" class=\"n\">Invalid</th><th scope=\"col\" class=\"n\">Blank, mandatory</th><th scope=\"col\" class=\"n\">Blank, not mandatory</th><th scope=\"col\">Failing</th></tr></thead>\n<tbody>\n");
    for field in &quality.fields {
        let width = field.failing().unwrap_or(0) / 10;
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td><span class=\"bar\" style=\"width:{width}px\" aria-hidden=\"true\"></span>{}</td></tr>",
            escape(field.column.header()),
            number(field.valid),
            number(field.release_1),
            number(field.invalid),
            number(field.blank_mandatory),
            number(field.blank_allowed),
            field.failing().map_or_else(|| "no cells".to_owned(), |tenths| format!("{}%", percent(Some(tenths))))
        );
    }
    out.push_str("</tbody></table></div>\n");
    if !quality.worst.is_empty() {
        out.push_str("<table>\n<caption>Rows with the most to put right</caption>\n<thead><tr><th scope=\"col\" class=\"n\">Row</th><th scope=\"col\" class=\"n\">Errors</th><th scope=\"col\" class=\"n\">Warnings</th><th scope=\"col\">Findings</th></tr></thead>\n<tbody>\n");
        for row in &quality.worst {
            let findings: Vec<_> =
                row.findings.iter().map(|(column, rule)| escape(&place(*column, rule.id()))).collect();
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\" class=\"n\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
                row.row,
                row.errors,
                row.warnings,
                findings.join("; ")
            );
        }
        out.push_str("</tbody></table>\n");
    }
    out.push_str("</section>\n");
}

fn trend(out: &mut String, all: &[Quality]) {
    out.push_str("<section>\n<h2>Trend</h2>\n<div class=\"scroll\"><table>\n<caption>Share of cells that fail, of those that hold something or should, by day of receipt</caption>\n<thead><tr><th scope=\"col\">Field</th>");
    for quality in all {
        let _ = write!(out, "<th scope=\"col\" class=\"n\">{}</th>", quality.received);
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (place, field) in all[0].fields.iter().enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(field.column.header()));
        for quality in all {
            let failing = quality.fields.get(place).and_then(Field::failing);
            let _ = write!(
                out,
                "<td class=\"n\">{}</td>",
                failing.map_or_else(|| "no cells".to_owned(), |tenths| format!("{}%", percent(Some(tenths))))
            );
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</section>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
