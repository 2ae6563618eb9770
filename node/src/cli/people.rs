//! `person`, `optout`, `retention`: what a records officer does for people.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use folkmoot_runtime::enrol::write_new;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

use super::session::Session;
use super::table;
use crate::audit::{Action, Record};
use crate::home::Home;
use crate::people::{self, Receipt};
use crate::store::PersonId;
use crate::store::people::Person;

/// The name of whoever does something, as it goes into the audit log.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl std::str::FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
            return Err("a name has 1 to 100 characters");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Name {
    /// As the log has it.
    pub(super) fn as_local(&self) -> String {
        format!("local: {}", self.0)
    }
}

/// Whom it is about.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Whom {
    /// NHS number; `-` reads it from standard input, so that it does not stay in the shell's history
    #[arg(long, alias = "nhs-number", value_name = "NUMBER")]
    nhs: Option<String>,
    /// The council's own person id; `-` reads it from standard input
    #[arg(long, alias = "council-id", value_name = "ID")]
    id: Option<String>,
}

// No derived one: it would print the id.
impl std::fmt::Debug for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whom")
    }
}

impl Whom {
    fn id(&self) -> anyhow::Result<PersonId> {
        let typed = |text: &str| -> anyhow::Result<String> {
            if text != "-" {
                return Ok(text.to_owned());
            }
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("reading the id from standard input")?;
            Ok(line)
        };
        match (&self.nhs, &self.id) {
            (Some(number), _) => people::nhs_id(&typed(number)?).map_err(anyhow::Error::msg),
            (None, Some(id)) => match typed(id)?.trim() {
                "" => bail!("the person id is empty"),
                id => Ok(PersonId::Council(id.to_owned())),
            },
            (None, None) => bail!("say whom it is about: --nhs or --id"),
        }
    }
}

/// Arguments of `person`.
#[derive(Debug, clap::Args)]
pub(super) struct PersonArgs {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PersonCommand {
    /// What is held about a person, in numbers
    #[command(after_help = "Example:\n  folkmoot-node person find --nhs - --by \"Jo Doe\"")]
    Find {
        #[command(flatten)]
        whom: Whom,
        /// Who looks, for the audit log
        #[arg(long, value_name = "NAME")]
        by: Name,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write everything held about a person to a file that only you can read
    #[command(
        after_help = "Every row exactly as it was in the files, with what was found in it. Histories are not stored: they are made from\nthese rows when a question is answered.\n\nExample:\n  folkmoot-node person export --nhs - --out /secure/request-14.json --reference SAR-2026-14 --by \"Jo Doe\""
    )]
    Export {
        #[command(flatten)]
        whom: Whom,
        /// New file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Form of the file
        #[arg(long, value_enum, default_value_t = Form::Json)]
        format: Form,
        /// The council's own reference of the request, for the receipt
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
        /// Who does it, for audit log and receipt
        #[arg(long, value_name = "NAME")]
        by: Name,
    },
    /// Remove everything held about a person, for good
    #[command(
        after_help = "Rows, what was found in them, and links to the person on other people's rows are removed. A keyed fingerprint is\nkept, so that no later import brings the person back. Budget is not given back. Backups made before still hold the\nperson.\n\nExamples:\n  folkmoot-node person erase --nhs - --dry-run --by \"Jo Doe\"\n  folkmoot-node person erase --nhs - --receipt receipt-14.json --reference ER-2026-14 --by \"Jo Doe\""
    )]
    Erase {
        #[command(flatten)]
        whom: Whom,
        /// Say what would be removed and remove nothing
        #[arg(long, conflicts_with_all = ["receipt", "lift"])]
        dry_run: bool,
        /// New file for the signed receipt; printed when left out
        #[arg(long, value_name = "FILE", conflicts_with = "lift")]
        receipt: Option<PathBuf>,
        /// The council's own reference of the request, for the receipt
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
        /// Take an erasure back: later imports may hold the person again. What was removed stays removed
        #[arg(long)]
        lift: bool,
        /// Who does it, for audit log and receipt
        #[arg(long, value_name = "NAME")]
        by: Name,
    },
    /// Keep a person's rows, but let no figure read them
    #[command(
        after_help = "Examples:\n  folkmoot-node person restrict --id P100 --by \"Jo Doe\"\n  folkmoot-node person restrict --id P100 --lift --by \"Jo Doe\""
    )]
    Restrict {
        #[command(flatten)]
        whom: Whom,
        /// End the restriction
        #[arg(long)]
        lift: bool,
        /// Who does it, for the audit log
        #[arg(long, value_name = "NAME")]
        by: Name,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Json,
    Csv,
}

/// Runs `person`.
///
/// # Errors
/// When nobody is found to export, the id is not one, or the records, the log or a file cannot be used.
pub(super) fn person(home: &Home, args: &PersonArgs) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    match &args.command {
        PersonCommand::Find { whom, by, json } => find(&session, &whom.id()?, by, *json),
        PersonCommand::Export { whom, out, format, reference, by } => {
            export(&session, &whom.id()?, out, *format, reference.clone(), by)
        }
        PersonCommand::Erase { whom, dry_run: true, by, .. } => {
            session.record_by(Action::SubjectRequest, by, "looked at what an erasure would remove")?;
            let held = session.records().find_person(&whom.id()?)?;
            print_person(&session, &held)?;
            println!("Nothing was removed: this was a dry run.");
            Ok(())
        }
        PersonCommand::Erase { whom, lift: true, by, .. } => {
            session.record_by(Action::SubjectRequest, by, "an erasure is taken back")?;
            if session.records().lift_erasure(&whom.id()?)? {
                println!("Later imports may hold this person again. What was removed stays removed.");
            } else {
                println!("This person was not erased here; nothing changed.");
            }
            Ok(())
        }
        PersonCommand::Erase { whom, receipt, reference, by, .. } => {
            erase(&session, &whom.id()?, receipt.as_deref(), reference.clone(), by)
        }
        PersonCommand::Restrict { whom, lift, by } => {
            let id = whom.id()?;
            if *lift {
                session.record_by(Action::SubjectRequest, by, "a restriction ends")?;
                let was = session.records().free_person(&id)?;
                println!(
                    "{}",
                    if was { "Figures read this person's rows again." } else { "There was no restriction." }
                );
            } else {
                session.record_by(Action::SubjectRequest, by, "a person is restricted")?;
                let new = session.records().restrict_person(&id, session.today())?;
                let done = "No figure reads this person's rows from now on, nor any that are imported later.";
                println!("{}", if new { done } else { "This person was restricted already." });
            }
            Ok(())
        }
    }
}

fn find(session: &Session, id: &PersonId, by: &Name, json: bool) -> anyhow::Result<()> {
    session.record_by(Action::SubjectRequest, by, "looked for what is held about a person")?;
    let held = session.records().find_person(id)?;
    if !json {
        return print_person(session, &held);
    }
    let submissions = session.records().submissions()?;
    let rows: Vec<_> = submissions
        .iter()
        .filter_map(|submission| held.rows.get(&submission.id).map(|rows| (submission, rows)))
        .map(|(submission, rows)| {
            serde_json::json!({
                "submission": submission.id,
                "file": submission.file_name,
                "received": submission.received.to_string(),
                "rows": rows,
            })
        })
        .collect();
    let document = serde_json::json!({
        "held": rows,
        "ids": held.ids.len(),
        "ids_shared_with_others": held.shared.len(),
        "restricted": held.restricted,
        "opted_out": held.opted_out,
        "erased": held.erased,
    });
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}

fn print_person(session: &Session, held: &Person) -> anyhow::Result<()> {
    if held.rows.is_empty() {
        println!("No row is held about this person.");
    } else {
        let mut rows = vec![["submission", "file", "received", "rows"].map(str::to_owned).to_vec()];
        for submission in session.records().submissions()? {
            if let Some(count) = held.rows.get(&submission.id) {
                let (id, received) = (submission.id.to_string(), submission.received.to_string());
                rows.push(vec![id, submission.file_name, received, count.to_string()]);
            }
        }
        table::print(&rows);
        println!("\nunder {} ids (NHS numbers and council ids)", held.ids.len());
    }
    for (holds, words) in [
        (held.restricted, "restricted: no figure reads these rows"),
        (held.opted_out, "on the national data opt-out list: left out where the policy applies it"),
        (held.erased, "erased: later imports leave this person out"),
    ] {
        if holds {
            println!("{words}");
        }
    }
    if !held.shared.is_empty() {
        println!(
            "{} ids stand on this person's rows and on somebody else's, too; those rows are not counted here. Have a look\nat them in the case system, and ask by NHS number.",
            held.shared.len()
        );
    }
    Ok(())
}

fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Rows by the digest of their file.
fn by_file(session: &Session, rows: &BTreeMap<i64, u64>) -> anyhow::Result<BTreeMap<String, u64>> {
    let submissions = session.records().submissions()?;
    let digest = |held: &crate::store::Submission| rows.get(&held.id).map(|count| (hex::encode(held.digest), *count));
    Ok(submissions.iter().filter_map(digest).collect())
}

fn export(
    session: &Session,
    id: &PersonId,
    out: &Path,
    format: Form,
    reference: Option<String>,
    by: &Name,
) -> anyhow::Result<()> {
    let place = receipt_beside(out);
    for path in [out, place.as_path()] {
        if path.exists() {
            bail!("{} is there already, and is left alone", path.display());
        }
    }
    let held = session.records().find_person(id)?;
    let rows = session.records().export_person(id)?;
    let submissions = session.records().submissions()?;
    let content = zeroize::Zeroizing::new(match format {
        Form::Json => people::export_json(session.config().council, &rows, &submissions),
        Form::Csv => people::export_csv(&rows, &submissions)?,
    });
    let receipt = Receipt {
        council: session.config().council,
        done: "exported".to_owned(),
        when: session.clock().now().to_string(),
        by: by.0.clone(),
        reference,
        rows: by_file(session, &held.rows)?,
        links: 0,
        exported: Some(hex::encode(Sha256::digest(&content))),
        nonce: nonce(),
    };
    let mut record = Record::new(Action::SubjectRequest, by.as_local()).note("what is held about a person is exported");
    record.digest = Some(receipt.digest());
    session.ledger().record(&record)?;
    write_new(out, &content, true)?;
    write_receipt(session, receipt, Some(&place))?;
    println!("{} rows written to {}; only you can read it.", rows.len(), out.display());
    if !held.shared.is_empty() {
        println!(
            "{} ids stand on this person's rows and on somebody else's, too: rows under these ids alone are not in it.",
            held.shared.len()
        );
    }
    Ok(())
}

fn receipt_beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".receipt.json");
    PathBuf::from(name)
}

fn erase(
    session: &Session,
    id: &PersonId,
    place: Option<&Path>,
    reference: Option<String>,
    by: &Name,
) -> anyhow::Result<()> {
    if let Some(place) = place.filter(|place| place.exists()) {
        bail!("{} is there already, and is left alone; nothing was removed", place.display());
    }
    // Written down first: an erasure that the log does not know of must not happen.
    session.record_by(Action::SubjectRequest, by, "a person is being erased")?;
    let held = session.records().find_person(id)?;
    let removed = session.records().erase_person(id, session.today())?;
    let receipt = Receipt {
        council: session.config().council,
        done: "erased".to_owned(),
        when: session.clock().now().to_string(),
        by: by.0.clone(),
        reference,
        rows: by_file(session, &held.rows)?,
        links: removed.links,
        exported: None,
        nonce: nonce(),
    };
    let mut record = Record::new(Action::SubjectRequest, by.as_local()).note("the person was erased");
    record.digest = Some(receipt.digest());
    session.ledger().record(&record)?;
    println!(
        "{} rows in {} files and {} links on other people's rows were removed.",
        removed.rows, removed.submissions, removed.links
    );
    if removed.rows == 0 {
        println!("No row was held; the person stays out of later imports all the same.");
    }
    if !held.shared.is_empty() {
        println!(
            "{} ids stand on somebody else's rows, too: rows under these ids alone are still here. Look at them.",
            held.shared.len()
        );
    }
    println!("Backups made before now still hold them.");
    write_receipt(session, receipt, place)
}

/// Signs a receipt and writes it down; on the terminal when it has no file.
fn write_receipt(session: &Session, receipt: Receipt, place: Option<&Path>) -> anyhow::Result<()> {
    let signer = people::signer(session.home(), session.clock().now());
    let signed = receipt.sign(signer.as_ref());
    let mut text = serde_json::to_vec_pretty(&signed)?;
    text.push(b'\n');
    if let Some(place) = place {
        write_new(place, &text, true)?;
        println!("Receipt: {}", place.display());
    } else {
        print!("{}", String::from_utf8_lossy(&text));
    }
    if signed.signature.is_none() {
        println!("The receipt is not signed: this node has no valid signing certificate (see `enrol` and `doctor`).");
    }
    Ok(())
}

/// Arguments of `optout`.
#[derive(Debug, clap::Args)]
pub(super) struct OptOutArgs {
    #[command(subcommand)]
    command: OptOutCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OptOutCommand {
    /// Replace the national data opt-out list
    #[command(
        after_help = "FILE holds the NHS numbers of people who opted out: one a line, or in the first column of a CSV file. It replaces\nthe list before it. The policy says for which purposes they are left out. Figures answered before are not changed;\nlater ones are new answers with a new price.\n\nExamples:\n  folkmoot-node optout load opted-out.csv --dry-run --by \"Jo Doe\"\n  folkmoot-node optout load opted-out.csv --by \"Jo Doe\""
    )]
    Load {
        /// The list
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only say what it would come to
        #[arg(long)]
        dry_run: bool,
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
pub(super) fn opt_out(home: &Home, args: &OptOutArgs) -> anyhow::Result<()> {
    let OptOutCommand::Load { file, dry_run, allow_empty, by } = &args.command;
    let session = Session::open(home)?;
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
    let mut record = Record::new(Action::OptOutLoaded, by.as_local()).note("a national data opt-out list is loaded");
    // Of the whole file: it says which list, and a list of many numbers cannot be guessed from it.
    record.digest = (numbers.len() >= 100).then(|| hex::encode(Sha256::digest(&content)));
    session.ledger().record(&record)?;
    let loaded = session.records().load_opt_outs(numbers, session.today())?;
    println!("{} people are on the list, {} of them are held here.", loaded.listed, loaded.held);
    println!("`policy check` says for which purposes they are left out.");
    Ok(())
}

/// Arguments of `retention`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A person whose last event ended longer ago is removed with everything held about them. A service without an end\ncounts as running to the day its file was received.\n\nExamples:\n  folkmoot-node retention --dry-run --by \"Jo Doe\"\n  folkmoot-node retention --years 8 --by \"Jo Doe\""
)]
pub(super) struct RetentionArgs {
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
pub(super) fn retention(home: &Home, args: &RetentionArgs) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    let before = session.today().plus_months(-12 * i32::from(args.years));
    if !args.dry_run {
        let note = format!("people whose last event was before {before} are removed");
        session.record_by(Action::Retention, &args.by, note)?;
    }
    let removed = session.records().purge(before, args.dry_run)?;
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
