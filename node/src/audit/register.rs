//! A public register of the questions this council has answered: one row for each, fit for its website.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::reason::Reason;
use serde::Serialize;

use super::{Action, Book, Error, Record};
use crate::ledger;
use crate::policy::Nano;

/// One answered question. Names of people are not in it: who asked is a role, who approved is "a person".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Number of the log's entry behind it.
    pub entry: u64,
    /// The day it was answered.
    pub day: String,
    /// The question in words.
    pub question: String,
    /// The measure's id.
    pub measure: String,
    /// The role of whoever asked.
    pub asked_by: String,
    /// What for, in the asker's words.
    pub purpose: String,
    /// The lawful basis stated.
    pub lawful_basis: String,
    /// How the figures were protected, in words.
    pub protection: String,
    /// Whether people with a national data opt-out were left out.
    pub opt_out: String,
    /// Who decided.
    pub decision: String,
    /// Privacy loss charged, as rho; 0 for suppressed figures.
    pub charge: String,
}

/// What came of a budget year's questions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Year {
    /// Budget year, such as `2026-27`.
    pub year: String,
    /// Questions answered.
    pub answered: u64,
    /// Questions refused by policy, budget or a person, each time they were asked.
    pub refused: u64,
    /// Privacy loss of all charges, as rho: also of rounds that came to nothing after this council's part had left.
    pub loss: String,
}

/// The register: every question that was answered, and sums for each year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Register {
    /// Answered questions, oldest first.
    pub rows: Vec<Answered>,
    /// By budget year, oldest first.
    pub years: Vec<Year>,
    /// Number and digest of the log's last entry behind it.
    pub head: String,
}

impl Book {
    /// Every question that was answered, oldest first. A stored answer given again is the same release, and not repeated.
    ///
    /// # Errors
    /// [`Error::Entry`] at an entry that cannot be read; [`Error::Store`].
    pub fn register(&self) -> Result<Register, Error> {
        let mut register = Register::default();
        let mut charges: BTreeMap<(String, u32), u64> = BTreeMap::new();
        let mut years: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
        self.entries(1, |entry| {
            let record: Record = serde_json::from_str(&entry.body)
                .map_err(|e| Error::Entry { number: entry.number, detail: e.to_string() })?;
            register.head = format!("{}:{}", entry.number, hex::encode(entry.digest));
            let year = entry.moment.parse().map(ledger::year_of).unwrap_or_default();
            let sums = years.entry(record.year.clone().unwrap_or(year)).or_default();
            let attempt = (record.query.clone().unwrap_or_default(), record.attempt.unwrap_or(0));
            let nano = record.nano.unwrap_or(0);
            match record.action {
                // A masked vector alone is no figure; its price is told with the sum it became part of.
                Action::Masked => {
                    sums.2 += nano;
                    charges.insert(attempt, nano);
                }
                Action::Unmasked => {
                    sums.0 += 1;
                    let nano = charges.get(&attempt).copied().unwrap_or(0);
                    register.rows.push(row(entry.number, &entry.moment, record, nano));
                }
                Action::Released => {
                    sums.0 += 1;
                    sums.2 += nano;
                    register.rows.push(row(entry.number, &entry.moment, record, nano));
                }
                // A person's no is told once, however often the question is asked again.
                Action::Denied => sums.1 += 1,
                Action::Refused if is_own_no(record.reason.as_deref()) => sums.1 += 1,
                Action::Recovered => sums.2 += nano,
                // One entry an account; the year's own tells it all.
                Action::Carried if record.accounts.iter().any(|account| account == "year:") => sums.2 += nano,
                _ => {}
            }
            Ok(())
        })?;
        register.years = years
            .into_iter()
            .filter(|(_, sums)| *sums != (0, 0, 0))
            .map(|(year, (answered, refused, nano))| Year { year, answered, refused, loss: Nano(nano).to_string() })
            .collect();
        Ok(register)
    }
}

/// Whether a refusal is the council's own decision: its policy, its budget. A question that there are no data for, a
/// message that nobody signed and a round that broke the protocol are in the log, and are no decisions.
fn is_own_no(reason: Option<&str>) -> bool {
    let decided = [Reason::PolicyOff, Reason::PolicyForbids, Reason::BudgetSpent, Reason::TooFewCouncils];
    decided.iter().any(|own| Some(own.code()) == reason)
}

fn row(entry: u64, moment: &str, record: Record, nano: u64) -> Answered {
    let release = record.release.unwrap_or_default();
    Answered {
        entry,
        day: moment.chars().take(10).collect(),
        question: record.question.unwrap_or_default(),
        measure: record.measure.unwrap_or_default(),
        asked_by: role(&record.who),
        purpose: record.purpose.unwrap_or_default(),
        lawful_basis: record.lawful_basis.unwrap_or_default(),
        protection: protection(&release),
        opt_out: match record.opt_out.as_deref() {
            Some("applied") => "Left out",
            Some(_) => "Counted",
            None => "Not recorded",
        }
        .to_owned(),
        decision: if record.hold.is_some() { "Approved by a person" } else { "Allowed by the council's policy" }
            .to_owned(),
        charge: Nano(nano).to_string(),
    }
}

pub(super) fn role(who: &str) -> String {
    match Identity::parse(who) {
        Ok(identity) => match (identity.role(), identity.board()) {
            (Role::NationalAnalyst, _) => "National analyst".to_owned(),
            (Role::IcbAnalyst, Some(board)) => format!("Analyst of integrated care board {board}"),
            (role, _) => role.to_string(),
        },
        Err(_) => String::new(),
    }
}

fn protection(release: &str) -> String {
    let exact = release.ends_with("(ascof)");
    let what = match (release.split(' ').next().unwrap_or_default(), exact) {
        ("council-suppressed", false) => "This council's figures: 1 to 7 hidden, all others rounded to the nearest 5",
        ("council-suppressed", true) => "This council's figures: below 5 hidden, all others exact",
        ("council-private", _) => "This council's figures, with random noise",
        ("joint-private", _) => "Only the total over several councils can be read, with random noise",
        ("joint-suppressed", false) => {
            "Only the total over several councils can be read: 1 to 7 hidden, all others rounded to the nearest 5"
        }
        ("joint-suppressed", true) => {
            "Only the total over several councils can be read: below 5 hidden, others rounded"
        }
        _ => release,
    };
    what.to_owned()
}

const HEADINGS: [&str; 9] = [
    "Answered on",
    "Question",
    "Asked by",
    "Purpose",
    "Lawful basis",
    "How people are protected",
    "People with a national data opt-out",
    "Decision",
    "Privacy loss (rho)",
];

fn cells(row: &Answered) -> [&str; 9] {
    [
        &row.day,
        &row.question,
        &row.asked_by,
        &row.purpose,
        &row.lawful_basis,
        &row.protection,
        &row.opt_out,
        &row.decision,
        &row.charge,
    ]
}

/// The register as CSV, with a header line.
///
/// # Errors
/// [`Error::Write`].
pub fn csv(rows: &[Answered], to: impl std::io::Write) -> Result<(), Error> {
    let mut out = csv::Writer::from_writer(to);
    let write = |e: csv::Error| Error::Write(std::io::Error::other(e));
    out.write_record(["entry"].iter().chain(HEADINGS.iter()).collect::<Vec<_>>()).map_err(write)?;
    for row in rows {
        let entry = row.entry.to_string();
        let safe: Vec<String> = cells(row).into_iter().map(not_a_formula).collect();
        out.write_record(std::iter::once(&entry).chain(&safe)).map_err(write)?;
    }
    out.flush()?;
    Ok(())
}

/// Text from an asker must not be run by a spreadsheet that opens the file.
fn not_a_formula(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() }
}

/// The register as one self-contained page: no scripts, no outside files, readable by screen readers and in print.
pub fn html(council: &str, made: &str, register: &Register) -> String {
    let rows = &register.rows;
    let mut page = String::with_capacity(4096 + rows.len() * 600);
    let council = escape(council);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Questions answered from adult social care records: {council}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>Questions answered from adult social care records</h1>\n<p><strong>{council}</strong></p>\n\
         <p>This council keeps its adult social care records itself. Analysts may ask questions about them, such as how many \
         people had long-term support in a year. The council decides which it answers. No record about a person leaves the \
         council for this: what leaves is figures, protected as the table says.</p>\n\
         <p>This page lists every question answered up to {}.</p>\n",
        day_in_words(made)
    );
    if !register.years.is_empty() {
        page.push_str(
            "<div class=\"table\" role=\"region\" aria-labelledby=\"years\" tabindex=\"0\">\n<table>\n\
             <caption id=\"years\">By year, from 1 April to 31 March</caption>\n<thead>\n<tr><th scope=\"col\">Year</th>\
             <th scope=\"col\">Questions answered</th><th scope=\"col\">Times a question was refused</th>\
             <th scope=\"col\">Privacy loss (rho)</th></tr>\n</thead>\n<tbody>\n",
        );
        for year in &register.years {
            let _ = writeln!(
                page,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&year.year),
                year.answered,
                year.refused,
                escape(&year.loss)
            );
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
    }
    if rows.is_empty() {
        page.push_str("<p>No question has been answered yet.</p>\n");
    } else {
        let _ = write!(
            page,
            "<div class=\"table\" role=\"region\" aria-labelledby=\"caption\" tabindex=\"0\">\n<table>\n\
             <caption id=\"caption\">{} answered, oldest first</caption>\n<thead>\n<tr>",
            if rows.len() == 1 { "1 question".to_owned() } else { format!("{} questions", rows.len()) }
        );
        for heading in HEADINGS {
            let _ = write!(page, "<th scope=\"col\">{heading}</th>");
        }
        page.push_str("</tr>\n</thead>\n<tbody>\n");
        for row in rows {
            let [day, question, rest @ ..] = cells(row);
            let _ = write!(
                page,
                "<tr><td><time datetime=\"{}\">{}</time></td><th scope=\"row\">{}</th>",
                escape(day),
                escape(&day_in_words(day)),
                escape(question)
            );
            for cell in rest {
                let _ = write!(page, "<td>{}</td>", escape(cell));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
    }
    let _ = writeln!(
        page,
        "{MEANINGS}<p class=\"small\">Made from the council's log up to entry {}.</p>",
        escape(&register.head)
    );
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// What a reader who is no statistician needs to know.
const MEANINGS: &str = "\
<h2>What the columns mean</h2>\n<ul>\n\
<li><strong>Purpose</strong> and <strong>lawful basis</strong> are as stated by whoever asked and accepted by the council's \
policy. The lawful basis is the rule of data protection law that allows the use.</li>\n\
<li><strong>Small numbers hidden</strong>: counts of few people are not shown, and others may be rounded. An answer that says \
<strong>all others exact</strong> gave counts of 5 and more as they are.</li>\n\
<li><strong>Random noise</strong>: figures are changed a little by chance, so that nobody can tell from them whether any one \
person is in the records.</li>\n\
<li><strong>Only the total over several councils can be read</strong>: this council's own figures leave it scrambled, and \
nobody can read them.</li>\n\
<li><strong>People with a national data opt-out</strong>: whether people who opted out of the use of their confidential \
information for research and planning were left out of the figures or counted.</li>\n\
<li><strong>Privacy loss</strong> measures how much all figures with noise together could tell about one person; 0.1 is about \
epsilon 2.1 at delta 1e-6 in the words of statisticians. The council limits it for each year. It is 0 for figures without \
noise, which have no such measure.</li>\n\
</ul>\n";

/// `22 November 2026`; as it is when it is no date.
fn day_in_words(day: &str) -> String {
    day.parse::<jiff::civil::Date>().map_or_else(|_| day.to_owned(), |date| date.strftime("%-d %B %Y").to_string())
}

const STYLE: &str = "\
body { font-family: Arial, sans-serif; line-height: 1.5; color: #0b0c0c; background: #fff; margin: 0; }\n\
main { max-width: 75rem; margin: 0 auto; padding: 1rem; }\n\
.table { overflow-x: auto; }\n\
.table:focus { outline: 3px solid #0b0c0c; }\n\
table { border-collapse: collapse; width: 100%; }\n\
caption { text-align: left; font-weight: bold; padding: 0.5rem 0; }\n\
th, td { text-align: left; vertical-align: top; padding: 0.5rem; border-bottom: 1px solid #b1b4b6; }\n\
tbody th { font-weight: normal; min-width: 18rem; }\n\
time { white-space: nowrap; }\n\
.small { font-size: 0.8rem; overflow-wrap: anywhere; }\n";

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
