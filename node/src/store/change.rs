//! What changed the records, and a name for each state: how a file that was put back is told from the one that was there.
//!
//! A change is noted in its own transaction, so there is none without its note. The [ledger](crate::ledger) knows the last
//! one that its log speaks of; [`agree`](crate::agree) compares the two.

use std::fmt;

use rusqlite::{OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::marks::Fingerprint;
use super::{Error, Records, damaged};

/// What a change was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The list of changes begins here.
    Begun,
    /// A file was imported.
    Imported,
    /// A person was erased.
    Erased,
    /// An erasure was taken back.
    ErasureLifted,
    /// A person was restricted.
    Restricted,
    /// A restriction ended.
    RestrictionLifted,
    /// An opt-out list was loaded.
    OptOutsLoaded,
    /// What was kept long enough was removed.
    Purged,
    /// Records that were put back were made to agree with the log again.
    Reconciled,
    /// The same, when they lacked nothing but files.
    FilesLost,
}

impl What {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Begun, "begun"),
        (Self::Imported, "imported"),
        (Self::Erased, "erased"),
        (Self::ErasureLifted, "erasure-lifted"),
        (Self::Restricted, "restricted"),
        (Self::RestrictionLifted, "restriction-lifted"),
        (Self::OptOutsLoaded, "opt-outs-loaded"),
        (Self::Purged, "purged"),
        (Self::Reconciled, "reconciled"),
        (Self::FilesLost, "files-lost"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(what, _)| *what == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(what, _)| *what)
    }
}

/// Name of one state of the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    /// How many changes led to it; numbers may be left out, and never come again.
    pub generation: u64,
    /// Random, so that no other file has it.
    pub stamp: [u8; 32],
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.generation, hex::encode(self.stamp))
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (generation, digits) = text.split_once(':').ok_or(())?;
        let mut stamp = [0; 32];
        hex::decode_to_slice(digits, &mut stamp).map_err(|_| ())?;
        Ok(Self { generation: generation.parse().map_err(|_| ())?, stamp })
    }
}

/// One change, as the log must hold it. Nothing about a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What it led to.
    pub state: State,
    /// What it was.
    pub what: What,
    /// Who made it, as the log has it.
    pub who: String,
    /// In words.
    pub words: String,
    /// Digest of a receipt or a list.
    pub digest: Option<String>,
}

/// A person who is erased or restricted, by keyed fingerprint of an id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub(crate) kind: u8,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) person: Fingerprint,
    pub(crate) since: i64,
}

/// How the records stand beside a state that a log knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The state they are in.
    pub state: State,
    /// Whether they were ever in the state asked for; true when none was asked for.
    pub knows: bool,
    /// Changes since then, oldest first; all there are when none was asked for.
    pub since: Vec<Change>,
    /// Who is erased or restricted now.
    pub kept: Vec<Kept>,
    /// Digest of the key of the fingerprints.
    pub secret: [u8; 32],
}

/// Notes a change in the transaction that makes it.
pub(crate) fn note(
    tx: &Transaction<'_>,
    what: What,
    who: &str,
    words: &str,
    digest: Option<&str>,
) -> rusqlite::Result<()> {
    note_after(tx, 0, what, who, words, digest)
}

/// As [`note`], with a number above `least`.
pub(super) fn note_after(
    tx: &Transaction<'_>,
    least: u64,
    what: What,
    who: &str,
    words: &str,
    digest: Option<&str>,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO change (generation, stamp, what, who, words, digest)
         VALUES ((SELECT max(max(generation), ?1) + 1 FROM change), randomblob(32), ?2, ?3, ?4, ?5)",
        params![i64::try_from(least).unwrap_or(i64::MAX), what.word(), who, words, digest],
    )
    .map(drop)
}

/// The revision that a file begins with: above every one that was ever given to data which the records have lost.
///
/// A file that was lost and is imported again may hold other rows than before, since people were erased meanwhile. Under its
/// old name it would pass for the data that earlier answers were made from, and the difference of the two is a person. No
/// revision is ever as high as the number of changes, so the number of the last reconciliation is above all of them.
pub(super) fn first_revision(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    tx.query_row("SELECT coalesce(max(generation), 0) FROM change WHERE what = ?1", [What::Reconciled.word()], |row| {
        row.get(0)
    })
}

/// Digest of the key of the fingerprints: says whether two files share it, and nothing more.
pub(super) fn secret(tx: &Transaction<'_>) -> rusqlite::Result<[u8; 32]> {
    let secret: Vec<u8> = tx.query_row("SELECT bytes FROM secret WHERE name = 'fingerprint'", [], |row| row.get(0))?;
    let secret = zeroize::Zeroizing::new(secret);
    Ok(Sha256::new_with_prefix(b"folkmoot/fingerprint key/1").chain_update(secret.as_slice()).finalize().into())
}

const COLUMNS: &str = "SELECT generation, stamp, what, who, words, digest FROM change";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Change>> {
    let what: String = row.get(2)?;
    let state = State { generation: row.get::<_, i64>(0)?.unsigned_abs(), stamp: row.get(1)? };
    let (who, words, digest) = (row.get(3)?, row.get(4)?, row.get(5)?);
    Ok(What::from_word(&what).map(|what| Change { state, what, who, words, digest }))
}

impl Records {
    /// The state that the records are in.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn state(&self) -> Result<State, Error> {
        self.read("name the state of the records", |tx| {
            let last = tx.query_row(&format!("{COLUMNS} ORDER BY generation DESC LIMIT 1"), [], read).optional()?;
            Ok(last.flatten().ok_or_else(|| damaged("the list of changes"))?.state)
        })
    }

    /// How they stand beside a state that a log knows.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn beside(&self, known: Option<State>) -> Result<Standing, Error> {
        self.read("compare the records with the log", |tx| {
            let mut statement = tx.prepare(&format!("{COLUMNS} ORDER BY generation"))?;
            let rows = statement.query_map([], read)?.collect::<rusqlite::Result<Option<Vec<_>>>>()?;
            let all = rows.ok_or_else(|| damaged("the list of changes"))?;
            let state = all.last().ok_or_else(|| damaged("the list of changes"))?.state;
            let place = known.map(|known| all.iter().position(|change| change.state == known));
            let (knows, since) = match place {
                None => (true, all),
                Some(Some(place)) => (true, all[place + 1..].to_vec()),
                Some(None) => (false, Vec::new()),
            };
            Ok(Standing { state, knows, since, kept: kept(tx)?, secret: secret(tx)? })
        })
    }

    /// Every state that the records were ever in.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`].
    pub fn states(&self) -> Result<Vec<State>, Error> {
        Ok(self.beside(None)?.since.into_iter().map(|change| change.state).collect())
    }
}

fn kept(tx: &Transaction<'_>) -> rusqlite::Result<Vec<Kept>> {
    let mut statement = tx.prepare("SELECT kind, fingerprint, person, since FROM mark WHERE kind IN (1, 2)")?;
    let rows = statement.query_map([], |row| {
        Ok(Kept { kind: row.get(0)?, fingerprint: row.get(1)?, person: row.get(2)?, since: row.get(3)? })
    })?;
    rows.collect()
}

/// Sets marks that are not there yet.
pub(super) fn put_back(tx: &Transaction<'_>, kept: &[Kept]) -> rusqlite::Result<()> {
    for mark in kept {
        tx.prepare_cached("INSERT OR IGNORE INTO mark (kind, fingerprint, person, since) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![mark.kind, mark.fingerprint, mark.person, mark.since])?;
    }
    Ok(())
}

/// What a reconciliation does to the records.
pub(crate) struct Redo<'a> {
    /// Who was erased or restricted, as the log's file remembers.
    pub(crate) kept: &'a [Kept],
    /// Digest of the key of these fingerprints.
    pub(crate) secret: [u8; 32],
    /// Number of the last change that the log knows.
    pub(crate) known: u64,
    /// Nothing but files was lost: the data are then those that these files always were.
    pub(crate) only_files: bool,
    /// Go on though nobody can be found by these fingerprints.
    pub(crate) regardless: bool,
    /// Who does it, as the log has it.
    pub(crate) who: &'a str,
    /// What is done, in words.
    pub(crate) words: &'a str,
}
