//! Copies of a node: backup, restore, another key.
//!
//! ```text
//! backup:  records.db, ledger.db (each as at one moment, while the node runs), settings, policy, certificates -> DIR
//!          manifest.json last: a folder without it is not a backup
//! restore: manifest and digests checked -> what is replaced is kept beside -> the ledger says that it was restored
//! rekey:   new key written -> ledger, records -> the new key takes the old one's name; a second run finishes the first
//! ```
//!
//! A restored ledger is an older one. Witnesses who have seen later entries say so at the next link, and from then on it
//! answers nothing until the federation's authority countersigns a recovery.

use std::path::{Path, PathBuf};

use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::enrol::{sync_folder, write_new};
use folkmoot_runtime::store::{self, Access, Incoming, Key, Options, Store, Synchronous};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::{Action, Book};
use crate::home::Home;
use crate::ledger::{self, Ledger};
use crate::store::Records;

mod unfinished;

use unfinished::Unfinished;
pub use unfinished::{check_whole, explain};

/// What the manifest says it is.
const FORMAT: &str = "folkmoot-node backup 1";

/// Name of the manifest in a backup.
const MANIFEST: &str = "manifest.json";

const RECORDS: &str = "records.db";
const LEDGER: &str = "ledger.db";
const DATA_KEY: &str = "keys/data.key";
const FLOOR: &str = "floor.json";

/// What is copied beside the stores when it is there. No private key: keys of certificates are made anew by `enrol`.
const PLAIN: [&str; 10] = [
    "node.toml",
    "policy.toml",
    FLOOR,
    "registry.json",
    "aliases.csv",
    "keys/tls.pem",
    "keys/signing.pem",
    "keys/roots.pem",
    "keys/crl.pem",
    "keys/governance.pub",
];

/// Why a copy was not made or not put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The records.
    #[error(transparent)]
    Records(#[from] crate::store::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] crate::audit::Error),
    /// A key file.
    #[error(transparent)]
    Key(#[from] store::KeyError),
    /// A file that must not be there is, or cannot be written.
    #[error(transparent)]
    Write(#[from] folkmoot_runtime::enrol::Error),
    /// Any other file.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The backup, the folder or the node's state does not allow it. Says why and what to do.
    #[error("{0}")]
    Unfit(String),
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Whose node.
    pub council: CouncilCode,
    /// When the copies were complete, RFC 3339 in UTC.
    pub made: String,
    /// Version of the software that made it.
    pub software: String,
    /// Number of the last entry of the ledger's chain in the copy.
    pub ledger_entries: u64,
    /// Digest of that entry, hexadecimal.
    pub ledger_digest: String,
    /// Every file.
    pub files: Vec<Part>,
}

/// One file of a backup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Path inside the backup and inside the node's folder.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads the manifest of the backup in a folder and checks every file against it.
    ///
    /// # Errors
    /// [`Error::Unfit`] when it is no backup or a file is missing or changed; [`Error::File`].
    pub fn check(from: &Path) -> Result<Self, Error> {
        let place = from.join(MANIFEST);
        if !place.exists() {
            return Err(Error::Unfit(format!(
                "{} holds no {MANIFEST}: it is not a backup, or making it was interrupted",
                from.display()
            )));
        }
        let text = std::fs::read(&place).map_err(file("reading", &place))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| Error::Unfit(format!("{} cannot be understood: {error}", place.display())))?;
        if manifest.format != FORMAT {
            return Err(Error::Unfit(format!("{} is of another kind than `{FORMAT}`", place.display())));
        }
        for part in &manifest.files {
            let known = [RECORDS, LEDGER, DATA_KEY].iter().chain(&PLAIN).any(|name| *name == part.name);
            if !known {
                return Err(Error::Unfit(format!("{} names `{}`, which no backup holds", place.display(), part.name)));
            }
            let path = from.join(&part.name);
            if describe(from, &part.name)? != *part {
                return Err(Error::Unfit(format!(
                    "{} is not as it was when the backup was made: use another backup",
                    path.display()
                )));
            }
        }
        for name in [RECORDS, LEDGER] {
            if !manifest.holds(name) {
                return Err(Error::Unfit(format!("the backup in {} lacks {name}", from.display())));
            }
        }
        Ok(manifest)
    }

    /// Whether it holds a file.
    pub fn holds(&self, name: &str) -> bool {
        self.files.iter().any(|part| part.name == name)
    }

    /// Whether it holds the key of its own stores.
    pub fn holds_key(&self) -> bool {
        self.holds(DATA_KEY)
    }
}

fn describe(folder: &Path, name: &str) -> Result<Part, Error> {
    let path = folder.join(name);
    let mut opened = std::fs::File::open(&path).map_err(file("reading", &path))?;
    let mut hash = Sha256::new();
    let (mut bytes, mut piece) = (0_u64, vec![0; 1 << 16]);
    loop {
        let read = std::io::Read::read(&mut opened, &mut piece).map_err(file("reading", &path))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&piece[..read]);
    }
    Ok(Part { name: name.to_owned(), bytes, sha256: hex::encode(hash.finalize()) })
}

/// Makes a folder that only its owner may enter.
fn closed_folder(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(file("making the folder", path))
}

/// Copies a node into the new folder `out`, while it runs or not.
///
/// The records are copied last, so that they are never older than the log says: a change that is made in between stands in
/// the copy's records with its note, and its entry is written when the copy is opened. With `with_key` the key of the
/// stores lies in the copy as well: whoever has the copy then has everything.
///
/// # Errors
/// [`Error::Unfit`] when `out` is there and not empty; [`Error::Store`], [`Error::File`].
pub fn backup(
    home: &Home,
    records: &Records,
    ledger: &Ledger,
    out: &Path,
    with_key: bool,
    now: Timestamp,
) -> Result<Manifest, Error> {
    if std::fs::read_dir(out).is_ok_and(|mut inside| inside.next().is_some()) {
        return Err(Error::Unfit(format!("{} is not empty: every backup gets a folder of its own", out.display())));
    }
    closed_folder(out)?;
    closed_folder(&out.join("keys"))?;
    let mut names = Vec::new();
    for name in PLAIN.into_iter().chain(with_key.then_some(DATA_KEY)) {
        let path = home.folder().join(name);
        if path.exists() {
            let content = zeroize::Zeroizing::new(std::fs::read(&path).map_err(file("reading", &path))?);
            write_new(&out.join(name), &content, true)?;
            names.push(name);
        }
    }
    // The ledger first: records that are newer than the log are settled when the copy is opened, older ones are refused.
    ledger.store().backup(&out.join(LEDGER))?;
    records.store().backup(&out.join(RECORDS))?;
    names.extend([RECORDS, LEDGER]);
    // What the copy holds, not what the ledger holds by now.
    let copied = Book::open(&out.join(LEDGER), Some(Key::load(&home.data_key())?))?.verify(None)?;
    for log in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(out.join(log));
    }
    if let Some(broken) = copied.broken {
        return Err(Error::Unfit(format!("the ledger's chain is broken at entry {}: {}", broken.entry, broken.what)));
    }
    let (entries, digest) = copied.head.split_once(':').unwrap_or(("0", ""));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        council: ledger.council(),
        made: now.to_string(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        ledger_entries: entries.parse().unwrap_or(0),
        ledger_digest: digest.to_owned(),
        files: names.into_iter().map(|name| describe(out, name)).collect::<Result<_, _>>()?,
    };
    let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain texts and numbers");
    write_new(&out.join(MANIFEST), &text, true)?;
    Ok(manifest)
}

/// What a restore came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// What was put back.
    pub manifest: Manifest,
    /// Where that which was replaced lies now.
    pub kept: Vec<PathBuf>,
    /// Entries that the replaced ledger held after the backup was made; `None` when there was none or it could not be
    /// read.
    pub entries_lost: Option<u64>,
    /// How many of these were done for people's rights, as opt-out lists or for retention: they have to be done again.
    pub to_repeat: u64,
}

fn options(schema: store::Schema, key: &Key, access: Access) -> Options {
    Options { schema, key: Some(key.clone()), synchronous: Synchronous::Full, access }
}

/// Refuses while a process runs the node.
fn nobody_runs(home: &Home, key: &Key) -> Result<(), Error> {
    for (path, schema) in [(home.ledger(), ledger::SCHEMA), (home.records(), crate::store::SCHEMA)] {
        // A store that is missing or damaged is what a restore is for.
        if let Err(error @ store::Error::InUse { .. }) = Store::open(&path, options(schema, key, Access::Sole)) {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Puts a backup in the place of a node's stores, settings and policy. The ledger then says that it was restored.
///
/// `key` opens the backup's stores; without it the backup's own key is used, or else the node's.
///
/// # Errors
/// [`Error::Store`] with `InUse` while the node runs and `WrongKey` when the key does not fit; [`Error::Unfit`] when the
/// backup is incomplete, changed or of another council. Nothing is replaced then.
pub fn restore(
    home: &Home,
    from: &Path,
    key: Option<&Path>,
    clock: std::sync::Arc<dyn folkmoot_runtime::clock::Clock>,
    by: &str,
) -> Result<Restored, Error> {
    let manifest = Manifest::check(from)?;
    if let Ok(config) = crate::config::Config::load(home)
        && config.council != manifest.council
    {
        return Err(Error::Unfit(format!(
            "the backup is of council {}, the node in {} is of council {}",
            manifest.council,
            home.folder().display(),
            config.council
        )));
    }
    let key_file = match key {
        Some(path) => path.to_owned(),
        None if manifest.holds_key() => from.join(DATA_KEY),
        None => home.data_key(),
    };
    if !key_file.exists() {
        return Err(Error::Unfit(format!(
            "there is no key at {}: the backup's stores open only with the key they were made with; say where it is with \
             --key",
            key_file.display()
        )));
    }
    let key = Key::load(&key_file)?;
    closed_folder(home.folder())?;
    closed_folder(&home.keys())?;
    nobody_runs(home, &key)?;
    let (entries_lost, to_repeat) = match Unfinished::read(home) {
        // What is there now may be the backup already.
        Some(before) if before.ledger == manifest.ledger_digest => (before.entries_lost, before.to_repeat),
        Some(_) => (None, 0),
        None => lost(home, &manifest).map_or((None, 0), |(lost, again)| (Some(lost), again)),
    };
    // All that needs room comes first: until both copies lie here, checked, nothing of the node is touched.
    let mut incoming = Vec::new();
    for (name, schema) in [(LEDGER, ledger::SCHEMA), (RECORDS, crate::store::SCHEMA)] {
        let target = home.folder().join(name);
        incoming.push(Incoming::prepare(&from.join(name), &target, &options(schema, &key, Access::Sole))?);
    }
    let unfinished = Unfinished {
        from: std::path::absolute(from).unwrap_or_else(|_| from.to_owned()),
        ledger: manifest.ledger_digest.clone(),
        entries_lost,
        to_repeat,
    };
    unfinished.write(home)?;
    let mut kept = Vec::new();
    for store in incoming {
        kept.extend(store.put()?);
    }
    if key_file != home.data_key() {
        kept.extend(place(&key_file, &home.data_key())?);
    }
    for name in PLAIN.into_iter().filter(|name| manifest.holds(name)) {
        // Certificates that are there are newer than those of the backup, and belong to the keys that are there.
        let target = home.folder().join(name);
        let stays = if name == FLOOR { newer_floor(home, from) } else { name.starts_with("keys/") && target.exists() };
        if !stays {
            kept.extend(place(&from.join(name), &target)?);
        }
    }
    let ledger = Ledger::beside(&home.ledger(), Some(Key::load(&home.data_key())?), manifest.council, clock)?;
    let note = format!(
        "restored from the backup made {}, whose ledger ends with entry {} {}",
        manifest.made, manifest.ledger_entries, manifest.ledger_digest
    );
    ledger.record(&crate::audit::Record::new(Action::Kept, by).note(note))?;
    Unfinished::remove(home)?;
    Ok(Restored { manifest, kept, entries_lost, to_repeat })
}

/// Whether the floor that lies here is a later one than the backup's, under the governance key that is pinned here. One
/// that nobody signed does not stay.
fn newer_floor(home: &Home, from: &Path) -> bool {
    let version = |path: &Path| {
        let config = crate::config::Config::load(home).ok()?;
        let pinned = GovernanceKey::parse(&std::fs::read_to_string(home.governance()).ok()?).ok()?;
        let signed: SignedFloor = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        signed.verify(&pinned, &config.federation).ok().map(|floor| floor.version())
    };
    // A version that cannot be told is below every other.
    version(&home.floor()) > version(&from.join(FLOOR))
}

/// What the ledger that is about to be replaced holds past the backup: entries, and those to be done again.
fn lost(home: &Home, manifest: &Manifest) -> Option<(u64, u64)> {
    let book = Book::open(&home.ledger(), Key::load(&home.data_key()).ok()).ok()?;
    let (mut entries, mut again) = (0, 0);
    book.entries(manifest.ledger_entries + 1, |entry| {
        entries += 1;
        let record = serde_json::from_str::<crate::audit::Record>(&entry.body);
        let repeat = [Action::SubjectRequest, Action::OptOutLoaded, Action::Retention];
        again += u64::from(record.is_ok_and(|record| repeat.contains(&record.action)));
        Ok(())
    })
    .ok()?;
    Some((entries, again))
}

/// Puts a file in the place of another, which is kept beside. Gives where; `None` when there was none or it is equal.
fn place(from: &Path, to: &Path) -> Result<Option<PathBuf>, Error> {
    let content = zeroize::Zeroizing::new(std::fs::read(from).map_err(file("reading", from))?);
    if to.exists() {
        let held = zeroize::Zeroizing::new(std::fs::read(to).map_err(file("reading", to))?);
        if *held == *content {
            return Ok(None);
        }
    }
    let incoming = beside(to, "incoming");
    let _ = std::fs::remove_file(&incoming);
    write_new(&incoming, &content, true)?;
    let kept = if to.exists() {
        let aside = free_name(to);
        std::fs::hard_link(to, &aside).map_err(file("keeping", to))?;
        Some(aside)
    } else {
        None
    };
    std::fs::rename(&incoming, to).map_err(file("writing", to))?;
    sync_folder(to).map_err(file("writing", to))?;
    Ok(kept)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn free_name(path: &Path) -> PathBuf {
    (1_u32..)
        .map(|number| beside(path, &format!("replaced-{number}")))
        .find(|candidate| !candidate.exists())
        .expect("there are fewer files than numbers")
}

/// What to do when `rekey` was interrupted.
const REKEY_FIRST: &str = "a `rekey` was interrupted, so two keys are in use: stop the node and run `folkmoot-node rekey --by NAME` again; \
                           it finishes";

/// Where a new key waits until both stores have it. When it is there, `rekey` was interrupted.
pub fn waiting_key(home: &Home) -> PathBuf {
    beside(&home.data_key(), "next")
}

/// Gives both stores a new key. Gives where the old key is kept: backups made before open with it only.
///
/// Safe to interrupt anywhere: until the end both keys are on the disk, each store opens with exactly one of them, and
/// another run finishes the work.
///
/// # Errors
/// [`Error::Store`] with `InUse` while the node runs, `WrongKey` when a store opens with neither key.
pub fn rekey(home: &Home, rng: &mut impl rand::CryptoRng) -> Result<PathBuf, Error> {
    check_whole(home)?;
    let old = Key::load(&home.data_key())?;
    nobody_runs(home, &old)?;
    let waiting = waiting_key(home);
    let new = if waiting.exists() { Key::load(&waiting)? } else { Key::create(&waiting, rng)? };
    sync_folder(&waiting).map_err(file("writing", &waiting))?;
    for (path, schema) in [(home.ledger(), ledger::SCHEMA), (home.records(), crate::store::SCHEMA)] {
        match store::rekey(&path, &options(schema, &old, Access::Sole), &new) {
            Ok(()) => {}
            // An interrupted run may have got this far.
            Err(error @ store::Error::WrongKey { .. }) => {
                if Store::open(&path, options(schema, &new, Access::Sole)).is_err() {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let kept = free_name(&home.data_key());
    std::fs::hard_link(home.data_key(), &kept).map_err(file("keeping", &home.data_key()))?;
    std::fs::rename(&waiting, home.data_key()).map_err(file("writing", &home.data_key()))?;
    sync_folder(&home.data_key()).map_err(file("writing", &home.data_key()))?;
    Ok(kept)
}
