//! `audit verify-round`: whether a round of joint figures was run as it should be, and what this node's own log says of it.
//! Needs no network, and with the authority's files named no node either.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::fs::File;
use std::io::{BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_runtime::tls::Trust;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use serde::Serialize;

use crate::audit::{Believed, Book, Checked, Failed, Own, moment};

/// Exit code when the file could be read and does not stand.
pub(super) const STANDS_NOT: u8 = 4;

/// Arguments of `audit verify-round`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The record of the round: `folkmoot-coordinator export NUMBER --format round`
    file: PathBuf,
    /// Root certificates of the federation, PEM; the node's own when left out
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
    /// Revocation lists of the federation, PEM; the node's own when left out. For an old round one of its time may be
    /// needed
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// The authority's public governance key; the node's own when left out
    #[arg(long, value_name = "FILE")]
    governance: Option<PathBuf>,
    /// Name of the federation; the node's own when left out. With this and the three files no node is needed
    #[arg(long, value_name = "NAME")]
    federation: Option<Federation>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// True when everything is named, so that no node is asked.
    pub(super) const fn is_outside(&self) -> bool {
        self.roots.is_some() && self.crl.is_some() && self.governance.is_some() && self.federation.is_some()
    }
}

/// A node whose own log is compared with the file.
pub(super) struct OwnLog {
    /// The council.
    pub(super) council: String,
    /// Its log.
    pub(super) book: Book,
}

/// Whom to believe when the arguments do not say.
pub(super) struct Defaults {
    pub(super) roots: PathBuf,
    pub(super) crl: PathBuf,
    pub(super) governance: PathBuf,
    pub(super) federation: Option<Federation>,
}

/// The file could be read, and what it shows does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the round does not stand: {0}")]
pub(super) struct StandsNot(String);

/// What the command says, also as JSON.
#[derive(Debug, Serialize)]
struct Said {
    stands: bool,
    /// What is wrong; empty when nothing is.
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    own: Option<OwnSaid>,
}

/// What a sound file tells.
#[derive(Debug, Serialize)]
struct Told {
    query_id: String,
    attempt: u8,
    analyst: String,
    coordinator: String,
    period: String,
    code_lists: String,
    not_before: String,
    expiry: String,
    registry_version: u64,
    registry: String,
    asked: Vec<String>,
    /// Councils whose vectors are in the sum.
    councils: Vec<String>,
    /// Councils that dealt shares and then dropped out.
    dropped: Vec<String>,
    n: u16,
    c: u16,
    t: u16,
    s_min: u16,
    consents: usize,
    cells: u32,
    grid: u64,
    rho_nano: u64,
    sigma_nano: u64,
    t0: String,
    t1: String,
    t2: String,
    t3: String,
    transcript_sha256: String,
    /// Whether the published sum was followed from the masked vectors.
    sum_followed: bool,
}

#[derive(Debug, Serialize)]
struct OwnSaid {
    council: String,
    took_part: bool,
    /// Number of the entry in this node's log that names the same survivors.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    agrees: bool,
    sentence: String,
}

/// Runs the command.
///
/// # Errors
/// [`StandsNot`] when the round does not stand or contradicts this node's log; anything else when it could not be checked.
pub(super) fn run(args: &Args, defaults: &Defaults, own: Option<&OwnLog>) -> anyhow::Result<()> {
    let said = check(args, defaults, own)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&said)?);
    } else {
        print(&said);
    }
    if said.stands { Ok(()) } else { Err(StandsNot(said.finding).into()) }
}

fn check(args: &Args, defaults: &Defaults, own: Option<&OwnLog>) -> anyhow::Result<Said> {
    // First what was typed on the line: without the file it does not matter whom to believe.
    let file = File::open(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    let believed = believed(args, defaults)?;
    let bar = progress(args.json);
    let checked = believed.check(BufReader::with_capacity(1 << 16, file), |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let checked = match checked {
        Ok(checked) => checked,
        Err(Failed::Unreadable(error)) => {
            return Err(error).with_context(|| format!("reading {}", args.file.display()));
        }
        Err(failed) => return Ok(Said { stands: false, finding: in_words(&failed), round: None, own: None }),
    };
    let own =
        own.map(|own| own.book.compare(&own.council, &checked.report).map(|found| own_words(&own.council, &found)));
    let own = own.transpose()?;
    let finding = own.as_ref().filter(|own| !own.agrees).map_or(String::new(), |own| own.sentence.clone());
    Ok(Said { stands: finding.is_empty(), finding, round: Some(told(&checked)), own })
}

fn believed(args: &Args, defaults: &Defaults) -> anyhow::Result<Believed> {
    let named = |given: &Option<PathBuf>, own: &Path| given.clone().unwrap_or_else(|| own.to_owned());
    let federation = args.federation.clone().or_else(|| defaults.federation.clone());
    let federation = federation.context("which federation? Name it with --federation")?;
    let roots: Vec<CertificateDer<'static>> = pem(&named(&args.roots, &defaults.roots))?;
    let lists: Vec<CertificateRevocationListDer<'static>> = pem(&named(&args.crl, &defaults.crl))?;
    let pinned = named(&args.governance, &defaults.governance);
    let about = || format!("the governance key at {}", pinned.display());
    let text = std::fs::read_to_string(&pinned).with_context(about)?;
    let governance = GovernanceKey::parse(&text).with_context(about)?;
    Ok(Believed { trust: Trust::new(federation.clone(), &roots, &lists)?, governance, federation })
}

fn pem<T: rustls_pki_types::pem::PemObject>(path: &Path) -> anyhow::Result<Vec<T>> {
    let reading = || format!("reading {}", path.display());
    let bytes = std::fs::read(path).with_context(reading)?;
    T::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(reading)
}

fn progress(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("masked vectors {bar:40} {pos} of {len}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What this node's own log says of the round.
fn own_words(council: &str, found: &Own) -> OwnSaid {
    let (took_part, entry, sentence) = match found {
        Own::Agrees { vector, survivors: Some(signed) } => (
            true,
            Some(*signed),
            format!(
                "this node's log agrees: entry {vector} has the masked vector in the file as the one that left, and entry \
                 {signed} signs the same list of remaining councils"
            ),
        ),
        Own::Agrees { vector, survivors: None } => (
            true,
            Some(*vector),
            format!(
                "this node's log agrees: entry {vector} has the masked vector in the file as the one that left; the round \
                 ended without this node's signature"
            ),
        ),
        Own::NeverLeft => (
            true,
            None,
            format!(
                "the file shows a masked vector of council {council} that by this node's log never left: another party \
                 signs with its key, or the log was restored from an older copy"
            ),
        ),
        Own::LeftOut { survivors } => (
            false,
            Some(*survivors),
            format!("this node signed this list of remaining councils (entry {survivors}), and the file leaves it out"),
        ),
        Own::Outside => (false, None, format!("council {council} was asked and is not in the sum")),
        Own::NotAsked => (false, None, format!("council {council} was not asked to take part")),
    };
    OwnSaid { council: council.to_owned(), took_part, entry, agrees: found.agrees(), sentence }
}

fn told(checked: &Checked) -> Told {
    let Checked { report, registry, transcript } = checked;
    let envelope = &report.envelope;
    let moment = |second: u64| moment(second).map_or(second.to_string(), |moment| moment.to_string());
    let p = &report.parameters;
    Told {
        query_id: hex::encode(envelope.mandate.query_id),
        attempt: envelope.attempt,
        analyst: envelope.mandate.analyst.clone(),
        coordinator: envelope.coordinator.clone(),
        period: envelope.period.clone(),
        code_lists: envelope.code_lists.clone(),
        not_before: moment(envelope.not_before),
        expiry: moment(envelope.expiry),
        registry_version: registry.registry().version(),
        registry: hex::encode(registry.hash()),
        asked: envelope.cohort.clone(),
        councils: report.councils.clone(),
        dropped: report.dropped.clone(),
        n: p.nodes(),
        c: p.colluding(),
        t: p.threshold(),
        s_min: p.min_survivors(),
        consents: report.consents,
        cells: envelope.cells().unwrap_or(0),
        grid: envelope.plan.grid,
        rho_nano: envelope.plan.rho_nano,
        sigma_nano: envelope.plan.sigma_nano,
        t0: hex::encode(report.hashes[0]),
        t1: hex::encode(report.hashes[1]),
        t2: hex::encode(report.hashes[2]),
        t3: hex::encode(report.t3),
        transcript_sha256: hex::encode(transcript),
        sum_followed: report.followed,
    }
}

fn print(said: &Said) {
    if let Some(round) = &said.round {
        println!(
            "Attempt {} of question {}, asked by {} and run by {}",
            round.attempt, round.query_id, round.analyst, round.coordinator
        );
        println!("Period {}; lists and areas: {}", round.period, round.code_lists);
        println!("Membership registry {}, as the authority signed it: {}", round.registry_version, round.registry);
        println!(
            "{} councils were asked, {} are in the sum: {}",
            round.n,
            round.councils.len(),
            round.councils.join(", ")
        );
        if !round.dropped.is_empty() {
            println!("Dropped out after dealing shares: {}", round.dropped.join(", "));
        }
        println!(
            "n {}, c {}, t {}, s_min {}; {} signatures over the remaining councils, all of them valid",
            round.n, round.c, round.t, round.s_min, round.consents
        );
        for (name, hash) in [("T0", &round.t0), ("T1", &round.t1), ("T2", &round.t2), ("T3", &round.t3)] {
            println!("{name} {hash}");
        }
        println!("Transcript {} (the release's manifest names the same)", round.transcript_sha256);
        if round.sum_followed {
            println!(
                "The sum of {} cells follows from the {} masked vectors in the file.",
                round.cells,
                round.councils.len()
            );
        } else {
            println!(
                "Whether the sum follows is not shown, on purpose: these are suppressed figures, and masked vectors with what \
                 undoes them would give the exact sum. Signatures and digests alone are in the file."
            );
        }
    }
    if let Some(own) = said.own.as_ref().filter(|own| own.agrees) {
        println!("{}", capital(&own.sentence));
    }
    if said.stands {
        println!("The round stands.");
    }
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// An error with its causes, in one line.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words.push_str(": ");
        words.push_str(&next.to_string());
        cause = next.source();
    }
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_in_the_order_in_which_a_person_typed_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let defaults = Defaults {
            roots: place("roots.pem"),
            crl: place("crl.pem"),
            governance: place("governance.pub"),
            federation: Some(Federation::parse("england").unwrap()),
        };
        let args =
            Args { file: place("1.round"), roots: None, crl: None, governance: None, federation: None, json: true };
        let named = || format!("{:#}", check(&args, &defaults, None).err().unwrap());
        assert!(named().contains("1.round"), "{}", named());
        std::fs::write(place("1.round"), b"FM").unwrap();
        assert!(named().contains("roots.pem"), "{}", named());
        std::fs::write(place("roots.pem"), b"").unwrap();
        assert!(named().contains("crl.pem"), "{}", named());
    }
}
