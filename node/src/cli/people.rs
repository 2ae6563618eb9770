//! `person`, `optout`, `retention`: what a records officer does for people.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

mod lists;
mod receipts;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use folkmoot_runtime::enrol::write_new;
use sha2::{Digest as _, Sha256};

use super::name::Name;
use super::session::Session;
use super::table;
use crate::audit::{Action, Record};
use crate::home::Home;
use crate::people;
use crate::store::PersonId;
use crate::store::people::Person;

pub(super) use lists::{OptOutArgs, RetentionArgs, opt_out, retention};

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
        after_help = "Every row exactly as it was in the files, with what was found in it. Histories are not stored: they are made from these rows when a question is answered.\n\nExample:\n  folkmoot-node person export --nhs - --out /secure/request-14.json \\\n      --reference SAR-2026-14 --by \"Jo Doe\""
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
        after_help = "Rows, what was found in them, and links to the person on other people's rows are removed. A keyed fingerprint is kept, so that no later import brings the person back. Budget is not given back. Backups made before still hold the person.\n\nExamples:\n  folkmoot-node person erase --nhs - --dry-run --by \"Jo Doe\"\n  folkmoot-node person erase --nhs - --receipt receipt-14.json \\\n      --reference ER-2026-14 --by \"Jo Doe\""
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
    /// Check a receipt: who signed it, and that nothing in it was changed
    #[command(
        after_help = "Needs the federation's roots and revocation lists only: those of this node, or the files that are named. Works on any machine, with or without a node.\n\nExamples:\n  folkmoot-node person receipt receipt-14.json\n  folkmoot-node person receipt receipt-14.json --roots roots.pem --crl crl.pem"
    )]
    Receipt {
        /// The receipt
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Roots of the federation; this node's when left out
        #[arg(long, value_name = "FILE", requires = "crl")]
        roots: Option<PathBuf>,
        /// Revocation lists of the federation; this node's when left out
        #[arg(long, value_name = "FILE", requires = "roots")]
        crl: Option<PathBuf>,
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
        /// New file for a signed receipt
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
        /// The council's own reference of the request, for the receipt
        #[arg(long, value_name = "TEXT", requires = "receipt")]
        reference: Option<String>,
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
    if let PersonCommand::Receipt { file, roots, crl } = &args.command {
        let (roots, crl) = (roots.clone().unwrap_or(home.roots()), crl.clone().unwrap_or(home.revoked()));
        return receipts::check_receipt(file, &roots, &crl);
    }
    let session = Session::open(home)?;
    match &args.command {
        PersonCommand::Receipt { .. } => Ok(()),
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
            session.agreed()?;
            let lifted = session.records().in_name_of(by.as_local()).lift_erasure(&whom.id()?)?;
            session.written_down()?;
            if lifted {
                println!("Later imports may hold this person again. What was removed stays removed.");
            } else {
                println!("This person was not erased here; nothing changed.");
            }
            Ok(())
        }
        PersonCommand::Erase { whom, receipt, reference, by, .. } => {
            erase(&session, &whom.id()?, receipt.as_deref(), reference.clone(), by)
        }
        PersonCommand::Restrict { whom, lift, receipt, reference, by } => {
            restrict(&session, &whom.id()?, *lift, receipt.as_deref(), reference.clone(), by)
        }
    }
}

fn restrict(
    session: &Session,
    id: &PersonId,
    lift: bool,
    place: Option<&Path>,
    reference: Option<String>,
    by: &Name,
) -> anyhow::Result<()> {
    if let Some(place) = place.filter(|place| place.exists()) {
        bail!("{} is there already, and is left alone; nothing was changed", place.display());
    }
    session.agreed()?;
    let rows = receipts::by_file(session, &session.records().find_person(id)?.rows)?;
    let done = if lift { "restriction ended" } else { "restricted" };
    let mut receipt = receipts::blank(session, done, reference, by);
    receipt.rows = rows;
    let digest = place.map(|_| receipt.digest());
    let records = session.records().in_name_of(by.as_local());
    let changed = if lift {
        records.free_person_noted(id, digest.as_deref())?
    } else {
        records.restrict_person_noted(id, session.today(), digest.as_deref())?
    };
    session.written_down()?;
    println!(
        "{}",
        match (lift, changed) {
            (true, true) => "Figures read this person's rows again.",
            (true, false) => "There was no restriction.",
            (false, true) => "No figure reads this person's rows from now on, nor any that are imported later.",
            (false, false) => "This person was restricted already.",
        }
    );
    match place {
        Some(place) => receipts::write_receipt(session, receipt, Some(place)),
        None => Ok(()),
    }
}

fn find(session: &Session, id: &PersonId, by: &Name, json: bool) -> anyhow::Result<()> {
    session.record_by(Action::SubjectRequest, by, "looked for what is held about a person")?;
    let held = session.records().find_person(id)?;
    if !json {
        print_person(session, &held)?;
        let links = session.records().mentions_of_person(id)?.len();
        if links > 0 {
            println!("{links} links on other people's rows name this person");
        }
        return Ok(());
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
        "links_on_rows_of_others": session.records().mentions_of_person(id)?.len(),
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

fn export(
    session: &Session,
    id: &PersonId,
    out: &Path,
    format: Form,
    reference: Option<String>,
    by: &Name,
) -> anyhow::Result<()> {
    let place = receipts::receipt_beside(out);
    for path in [out, place.as_path()] {
        if path.exists() {
            bail!("{} is there already, and is left alone", path.display());
        }
    }
    // Records that were put back may lack rows, or hold some that were erased.
    session.agreed()?;
    let held = session.records().find_person(id)?;
    let rows = session.records().export_person(id)?;
    let submissions = session.records().submissions()?;
    let mentions = session.records().mentions_of_person(id)?;
    let content = zeroize::Zeroizing::new(match format {
        Form::Json => people::export_json(session.config().council, &held, &rows, &mentions, &submissions),
        Form::Csv => people::export_csv(&rows, &submissions)?,
    });
    let mut receipt = receipts::blank(session, "exported", reference, by);
    receipt.rows = receipts::by_file(session, &held.rows)?;
    receipt.exported = Some(hex::encode(Sha256::digest(&content)));
    let mut record = Record::new(Action::SubjectRequest, by.as_local()).note("what is held about a person is exported");
    record.digest = Some(receipt.digest());
    session.ledger().record(&record)?;
    write_new(out, &content, true)?;
    receipts::write_receipt(session, receipt, Some(&place))?;
    println!("{} rows written to {}; only you can read it.", rows.len(), out.display());
    if !mentions.is_empty() {
        let place = if format == Form::Json { "; the file says where" } else { "; --format json says where" };
        println!("{} links on other people's rows name this person{place}.", mentions.len());
    }
    println!("{}", people::NOT_HELD);
    if !held.shared.is_empty() {
        println!(
            "{} ids stand on this person's rows and on somebody else's, too: rows under these ids alone are not in it.",
            held.shared.len()
        );
    }
    Ok(())
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
    session.agreed()?;
    // Written down first: whoever asks for an erasure is known also when it fails.
    session.record_by(Action::SubjectRequest, by, "a person is being erased")?;
    let held = session.records().find_person(id)?;
    let mut receipt = receipts::blank(session, "erased", reference, by);
    receipt.rows = receipts::by_file(session, &held.rows)?;
    let removed =
        session.records().in_name_of(by.as_local()).erase_person_noted(id, session.today(), |_, removed| {
            receipt.links = removed.links;
            Some(receipt.digest())
        })?;
    session.written_down()?;
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
    receipts::write_receipt(session, receipt, place)
}
