//! Copies of a store: backup, restore, another key; and the check that a file is sound.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};

use super::error::{Doing, Error};
use super::lock::Lock;
use super::{Key, Options, Store, check_header, create_file, migrate, unlock};

/// Problems listed before a check gives up.
const PROBLEMS: usize = 10;

impl Store {
    /// Copies the store, as it is at this moment, to the new file `to`, encrypted with the same key, and checks the copy.
    ///
    /// Writers go on meanwhile. The file appears under its name only when it is complete, sound and on the disk.
    ///
    /// # Errors
    /// [`Error::Exists`] if `to` is there already; [`Error::Unsound`] if the copy does not pass its check.
    pub fn backup(&self, to: &Path) -> Result<(), Error> {
        let options = &self.inner.options;
        if to.exists() {
            return Err(Error::Exists { path: to.to_owned(), store: options.schema.name });
        }
        let source = self.reader()?;
        write_whole(to, |part| copy(&source, part, options.key.as_ref()))
    }

    /// Checks the whole file and returns what is wrong with it, nothing if it is sound. Reads every page, so it takes its time.
    ///
    /// # Errors
    /// If the check itself cannot run.
    pub fn problems(&self) -> Result<Vec<String>, Error> {
        let connection = self.reader()?;
        problems(&connection, self.inner.options.key.is_some())
            .map_err(|e| Doing { path: &self.inner.path, what: "check the whole file" }.failed(e))
    }
}

/// Puts the backup `from` in the place of the store at `path`, once the backup has passed every check that opening it would make.
///
/// A store that was there is kept beside it; its new path is returned.
///
/// # Errors
/// [`Error::InUse`] if a process runs on the store at `path`; otherwise as [`Store::open`] and [`Store::backup`], about the backup.
pub fn restore(from: &Path, path: &Path, options: &Options) -> Result<Option<PathBuf>, Error> {
    Incoming::prepare(from, path, options)?.put()
}

/// A backup that lies checked beside the store whose place it will take: what can fail for want of room is behind it.
///
/// Nobody runs on the store while this lives. Dropped without [`Incoming::put`], it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    incoming: PathBuf,
    _lock: Lock,
}

impl Incoming {
    /// Copies the backup `from` beside the store at `path`, once it has passed every check that opening it would make.
    ///
    /// # Errors
    /// As [`restore`].
    pub fn prepare(from: &Path, path: &Path, options: &Options) -> Result<Self, Error> {
        let lock = Lock::take(path)?;
        let incoming = with_suffix(path, ".incoming");
        // Whoever was interrupted here before us left it.
        remove_if_there(&incoming)?;
        let this = Self { path: path.to_owned(), incoming, _lock: lock };
        this.copy(from, options)?;
        Ok(this)
    }

    /// Puts the copy in the place of the store. Gives where the store that was there is kept, if there was one.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn put(self) -> Result<Option<PathBuf>, Error> {
        let kept = if self.path.exists() { Some(put_aside(&self.path)?) } else { None };
        // What was interrupted between the two may have left the logs of a store that is gone.
        for log in ["-wal", "-shm", "-journal"] {
            remove_if_there(&with_suffix(&self.path, log))?;
        }
        rename(&self.incoming, &self.path)?;
        Ok(kept)
    }

    fn copy(&self, from: &Path, options: &Options) -> Result<(), Error> {
        check_header(from, options.key.is_some())?;
        let source = unlock(from, options.key.as_ref())?;
        let doing = Doing { path: from, what: "check the backup" };
        if migrate::pending(&source, &options.schema, doing)? {
            tracing::info!(backup = %from.display(), "the backup is older than this software and is brought up to date when the store is opened");
        }
        write_whole(&self.incoming, |part| copy(&source, part, options.key.as_ref()))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Not there any more once it was put.
        let _ = remove_if_there(&self.incoming);
    }
}

/// Encrypts the store at `path` with the key `new` instead of the one in `options`.
///
/// Nobody may have it open. A crash leaves the file readable with exactly one of the two keys: keep both until this has returned.
///
/// # Errors
/// As [`Store::open`].
pub fn rekey(path: &Path, options: &Options, new: &Key) -> Result<(), Error> {
    let _lock = Lock::take(path)?;
    check_header(path, true)?;
    let connection = unlock(path, options.key.as_ref())?;
    let doing = Doing { path, what: "change the key" };
    migrate::pending(&connection, &options.schema, doing)?;
    let change = || -> rusqlite::Result<()> {
        // With a rollback journal the change of all pages is one transaction; the next opening goes back to the write-ahead log.
        connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL")?;
        connection.execute_batch(&new.pragma("rekey"))
    };
    change().map_err(|e| doing.failed(e))?;
    drop(connection);
    // The proof that it worked is that it opens.
    unlock(path, Some(new)).map(drop)
}

/// Lets `write` fill a file beside `to`, then moves it to its name. Nothing is left behind on failure.
pub(super) fn write_whole(to: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let part = with_suffix(to, ".part");
    // With the logs of whoever was interrupted here: SQLite would take them for those of the new file.
    for left in ["", "-wal", "-shm", "-journal"] {
        remove_if_there(&with_suffix(&part, left))?;
    }
    create_file(&part)?;
    let done = write(&part).and_then(|()| {
        File::open(&part).and_then(|f| f.sync_all()).map_err(|source| Error::File { path: part.clone(), source })?;
        rename(&part, to)
    });
    if done.is_err() {
        let _ = remove_if_there(&part);
    }
    done
}

fn copy(source: &Connection, to: &Path, key: Option<&Key>) -> Result<(), Error> {
    let doing = Doing { path: to, what: "write the copy" };
    let mut target = unlock(to, key)?;
    {
        let backup = Backup::new(source, &mut target).map_err(|e| doing.failed(e))?;
        // All pages in one step: one view of the data, and no starting over when somebody writes meanwhile.
        match backup.step(-1).map_err(|e| doing.failed(e))? {
            StepResult::Done => {}
            other => {
                let source = rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some(format!("the copy stopped early: {other:?}")),
                );
                return Err(doing.failed(source));
            }
        }
    }
    // One file, without a log beside it.
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(|e| doing.failed(e))?;
    let problems = problems(&target, key.is_some()).map_err(|e| doing.failed(e))?;
    if problems.is_empty() { Ok(()) } else { Err(Error::Unsound { path: to.to_owned(), problems }) }
}

fn problems(connection: &Connection, encrypted: bool) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut ask = |pragma: &str, fine: Option<&str>| -> rusqlite::Result<()> {
        let mut lines = || -> rusqlite::Result<()> {
            let mut statement = connection.prepare(pragma)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let line: String = row.get(0)?;
                if fine != Some(line.as_str()) && found.len() < PROBLEMS {
                    found.push(line);
                }
            }
            Ok(())
        };
        match lines() {
            // The damage is in the way of the check itself: that is an answer, too.
            Err(e) if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
                found.push(e.to_string());
                Ok(())
            }
            other => other,
        }
    };
    if encrypted {
        ask("PRAGMA cipher_integrity_check", None)?;
    }
    ask("PRAGMA integrity_check(10)", Some("ok"))?;
    ask(
        "SELECT 'a row of ' || \"table\" || ' points to a missing row of ' || parent FROM pragma_foreign_key_check",
        None,
    )?;
    Ok(found)
}

/// Moves a database and its logs to the first free name of the form `records.db.replaced-1`.
fn put_aside(path: &Path) -> Result<PathBuf, Error> {
    let kept = (1u32..)
        .map(|n| with_suffix(path, &format!(".replaced-{n}")))
        .find(|candidate| !candidate.exists())
        .expect("there are fewer files than numbers");
    // The logs go first: a log beside a database that it does not belong to would be applied to it.
    for log in ["-wal", "-shm"] {
        let beside = with_suffix(path, log);
        if beside.exists() {
            rename(&beside, &with_suffix(&kept, log))?;
        }
    }
    rename(path, &kept)?;
    Ok(kept)
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(|source| Error::File { path: to.to_owned(), source })?;
    // Only a synchronised folder keeps the new name through a power cut. Systems that cannot open folders do it by themselves.
    if let Some(folder) = to.parent().map(|f| if f.as_os_str().is_empty() { Path::new(".") } else { f })
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
