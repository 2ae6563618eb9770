//! What can go wrong with a store, in words that say what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A store could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file.
    #[error("there is no {store} store at {}; if there should be one, look for the file or restore a backup before making a new one", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Which kind of store.
        store: &'static str,
    },
    /// There is a file already.
    #[error("making a new {store} store at {}: there is a file already, and it is left alone", path.display())]
    Exists {
        /// Where it should go.
        path: PathBuf,
        /// Which kind of store.
        store: &'static str,
    },
    /// The file cannot be reached.
    #[error("reaching {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process holds the store.
    #[error("{} is already in use by {}; stop it first, or use the commands that work beside it", path.display(), process(*pid))]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The other process, if it could be read.
        pid: Option<u32>,
    },
    /// The file does not open with this key.
    #[error(
        "{} does not open with the key in {}: either this is not the key it was made with, or the file is damaged or not a store; put the right key back, or restore the last good backup",
        path.display(), key_file.display()
    )]
    WrongKey {
        /// The database file.
        path: PathBuf,
        /// The key file.
        key_file: PathBuf,
    },
    /// A key was given for a file that is not encrypted.
    #[error("{} is not encrypted, but a key file is set for it; is it the right file?", path.display())]
    NotEncrypted {
        /// The database file.
        path: PathBuf,
    },
    /// No key was given for a file that is encrypted.
    #[error("{} is encrypted, or is not a database at all; if it is encrypted, set its key file", path.display())]
    Encrypted {
        /// The database file.
        path: PathBuf,
    },
    /// The file is too short to be a database.
    #[error("{} is only {length} bytes long, which no database is; it was cut off: keep it, and restore the last good backup", path.display())]
    Truncated {
        /// The database file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// The file is another kind of store.
    #[error("{} holds a {found} store, not a {expected} store; check the paths in the settings, and the file", path.display())]
    OtherStore {
        /// The database file.
        path: PathBuf,
        /// What it says it is, or that it says nothing.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// The file was written by newer software.
    #[error(
        "{} has version {found} of the {store} store; this software knows versions up to {known}; use the newer software, or restore a backup made before the upgrade",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Which kind of store.
        store: &'static str,
        /// The file's version.
        found: u32,
        /// The newest version we know.
        known: u32,
    },
    /// The file is older than this software and may not be changed now.
    #[error("{} must be brought up to date before it can be read; start the new version of the service once", path.display())]
    Older {
        /// The database file.
        path: PathBuf,
        /// Which kind of store.
        store: &'static str,
    },
    /// A migration that was applied to the file is not the one we know under that number.
    #[error("{}: its step {number} ({name}) is not the one this software knows; it was made by a different build, use that one", path.display())]
    Changed {
        /// The database file.
        path: PathBuf,
        /// The migration.
        number: u32,
        /// Its name in the file.
        name: String,
    },
    /// Our own list of migrations is wrong.
    #[error("the {store} store's migration {number} is not usable: {detail}")]
    Migration {
        /// Which kind of store.
        store: &'static str,
        /// The migration.
        number: u32,
        /// What is wrong with it.
        detail: String,
    },
    /// The disk has no room.
    #[error("{}: no room left on the disk while trying to {doing}; nothing was changed; free some space and try again", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Another process did not finish its transaction in time.
    #[error("{}: another process kept it locked while trying to {doing}; nothing was changed; try again when it has finished", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file, or its folder, cannot be written.
    #[error("{}: not writable while trying to {doing}; check the owner and rights of the file and its folder, and that the disk is not mounted read-only", path.display())]
    NotWritableFile {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A write was asked of a store that was opened for reading.
    #[error("{}: opened for reading only, so it cannot {doing}", path.display())]
    NotWritable {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: &'static str,
    },
    /// The file's content is broken.
    #[error("{}: damaged, found while trying to {doing}; stop the service, keep a copy of the file, and restore the last good backup", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The disk failed.
    #[error("{}: the disk refused while trying to {doing}; nothing was changed; check free space, quota and the disk's health", path.display())]
    Disk {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The place cannot hold a write-ahead log.
    #[error("{}: this disk allows no write-ahead log (SQLite chose '{mode}'); keep stores on a local disk, not on a network share", path.display())]
    NoLog {
        /// The database file.
        path: PathBuf,
        /// The journal mode that SQLite fell back to.
        mode: String,
    },
    /// A copy did not pass its check.
    #[error("{} did not pass its check: {}", path.display(), problems.join("; "))]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What the check found, up to a few.
        problems: Vec<String>,
    },
    /// Something else.
    #[error("{}: could not {doing}", path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// The transaction.
        doing: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// What was being done to which file.
#[derive(Clone, Copy)]
pub(super) struct Doing<'a> {
    pub(super) path: &'a Path,
    pub(super) what: &'a str,
}

impl Doing<'_> {
    pub(super) fn failed(self, source: rusqlite::Error) -> Error {
        let (path, doing) = (self.path.to_owned(), self.what.to_owned());
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::Full { path, doing, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy { path, doing, source },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Error::NotWritableFile { path, doing, source }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged { path, doing, source },
            Some(ErrorCode::SystemIoFailure) => Error::Disk { path, doing, source },
            _ => Error::Failed { path, doing, source },
        }
    }
}
