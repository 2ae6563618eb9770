//! `enrol`: keys are made here and never leave; only signing requests travel.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Kind;
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::{enrol, tls};
use sha2::Digest as _;

use super::session::Session;
use crate::audit::Action;
use crate::config::Config;
use crate::home::Home;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  folkmoot-node enrol\n      makes two keys and two requests to send to the authority\n  folkmoot-node enrol --answer DIR --public PUBLIC\n      installs tls.pem and signing.pem from DIR, and what everybody gets from PUBLIC:\n      roots.pem, crl.pem, governance.pub, and registry.json and floor.json when there are any"
)]
pub(super) struct Args {
    /// Folder with the authority's answer
    #[arg(long, value_name = "DIR")]
    answer: Option<PathBuf>,
    /// Folder with what the authority hands to everybody; the answer's own folder when left out
    #[arg(long, value_name = "DIR", requires = "answer")]
    public: Option<PathBuf>,
}

pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let config = Config::load(home)?;
    match &args.answer {
        None => request(home, &config),
        Some(folder) => install(home, &config, folder, args.public.as_deref().unwrap_or(folder)),
    }
}

fn request(home: &Home, config: &Config) -> anyhow::Result<()> {
    let identity = config.identity();
    for (kind, key, request) in
        [(Kind::Tls, home.tls_key(), home.tls_request()), (Kind::Signing, home.signing_key(), home.signing_request())]
    {
        // A key that is there is kept: a second run renews the request, not the key.
        if key.exists() {
            if !request.exists() {
                enrol::repeat_request(&identity, kind, &key, &request)?;
            }
        } else {
            enrol::make_request(&identity, kind, &key, &request)?;
        }
        println!("{}", request.display());
    }
    println!("Send these two requests for {identity} to the authority of the federation; the keys stay here.");
    println!("When the answer comes: folkmoot-node --home {} enrol --answer DIR", home.folder().display());
    Ok(())
}

fn install(home: &Home, config: &Config, answer: &Path, public: &Path) -> anyhow::Result<()> {
    let needed = [
        (answer.join("tls.pem"), home.tls_chain()),
        (answer.join("signing.pem"), home.signing_chain()),
        (public.join("roots.pem"), home.roots()),
        (public.join("crl.pem"), home.revoked()),
        (public.join("governance.pub"), home.governance()),
    ];
    let optional = [(public.join("registry.json"), home.registry()), (public.join("floor.json"), home.floor())];
    let mut files = Vec::new();
    for (path, place) in &needed {
        files.push((std::fs::read(path).with_context(|| format!("reading {}", path.display()))?, place.clone()));
    }
    for (path, place) in &optional {
        if let Ok(content) = std::fs::read(path) {
            files.push((content, place.clone()));
        }
    }
    // Everything is checked in a folder beside before anything is replaced.
    let trial = Home::at(home.folder().join("enrol.trial"));
    let _ = std::fs::remove_dir_all(trial.folder());
    std::fs::create_dir_all(trial.keys()).context("making a folder to check the answer in")?;
    let checked = check(home, config, &trial, &files);
    let _ = std::fs::remove_dir_all(trial.folder());
    checked?;
    check_floor(home, config, &files)?;
    // Written down first: keys and rules that the log does not know of must not come into use.
    let installed: Vec<String> = files
        .iter()
        .map(|(content, place)| {
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            format!("{name} {}", hex::encode(sha2::Sha256::digest(content)))
        })
        .collect();
    let note = format!("the authority's answer is installed: {}", installed.join(", "));
    Session::open(home)?.record(Action::ConfigurationChanged, note).context("writing it into the audit log")?;
    for (content, place) in &files {
        replace(place, content)?;
    }
    println!("Installed the certificates of {}.", config.identity());
    println!("Next: folkmoot-node --home {} import FILE.csv, then run", home.folder().display());
    Ok(())
}

fn check(home: &Home, config: &Config, trial: &Home, files: &[(Vec<u8>, PathBuf)]) -> anyhow::Result<()> {
    for (content, place) in files {
        let name = place.strip_prefix(home.folder()).context("a node's files are in its folder")?;
        std::fs::write(trial.folder().join(name), content).context("writing the answer down to check it")?;
    }
    for key in [home.tls_key(), home.signing_key()] {
        if !key.exists() {
            bail!("{} is missing: run `enrol` without --answer first, and send its requests", key.display());
        }
    }
    let files = |chain, key| tls::Files { chain, key, roots: trial.roots(), crl: trial.revoked() };
    let clock = Arc::new(SystemClock::new());
    let now = clock.now();
    let settings = tls::Settings::load(&files(trial.tls_chain(), home.tls_key()), clock)?;
    settings.check_own()?;
    let signing = tls::OwnSigner::load(&files(trial.signing_chain(), home.signing_key()), now)?;
    for found in [&settings.certificate().identity, &signing.signer().identity] {
        if found != &config.identity() {
            bail!("the certificate is for {found}, but this node is {}", config.identity());
        }
    }
    Ok(())
}

/// An answer made from an old public folder would put an old floor in the place of a newer one, and the node would not
/// start with it.
fn check_floor(home: &Home, config: &Config, files: &[(Vec<u8>, PathBuf)]) -> anyhow::Result<()> {
    let content = |wanted: PathBuf| files.iter().find(|(_, place)| *place == wanted).map(|(content, _)| content);
    let (Some(floor), Some(pinned)) = (content(home.floor()), content(home.governance())) else { return Ok(()) };
    let pinned = GovernanceKey::parse(std::str::from_utf8(pinned).context("reading governance.pub")?)?;
    let signed: SignedFloor = serde_json::from_slice(floor).context("the answer's floor.json is no signed floor")?;
    let floor = signed.verify(&pinned, &config.federation).context("the answer's floor.json is not believed")?;
    Session::open(home)?
        .ledger()
        .check_floor(&config.federation, Some(&floor))
        .context("nothing of the answer is installed: its public folder is out of date")
}

/// Puts a file in place of another at once, so that a crash leaves the old or the new one.
fn replace(place: &Path, content: &[u8]) -> anyhow::Result<()> {
    let part = place.with_extension("part");
    std::fs::write(&part, content)
        .and_then(|()| std::fs::File::open(&part)?.sync_all())
        .and_then(|()| std::fs::rename(&part, place))
        .with_context(|| format!("writing {}", place.display()))
}
