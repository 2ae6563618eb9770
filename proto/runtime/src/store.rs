//! SQLite with our promises.
//!
//! A [`Store`] is one database file that belongs to one kind of store (its [`Schema`]), optionally encrypted with SQLCipher.
//!
//! - **Opened the same way everywhere**: foreign keys, write-ahead log, busy timeout, deleted content overwritten, files readable by their owner only.
//! - **Never by accident**: [`Store::create`] refuses a file that is there, [`Store::open`] one that is not. A ledger that has gone missing is an
//!   alarm, not a reason to begin a fresh one. A file of another kind of store, of a newer version, or with a changed history is refused by name.
//! - **One process at a time** holds [`Access::Sole`]; commands work beside it ([`Access::Beside`], [`Access::ReadOnly`]).
//! - **Named transactions**: everything happens inside [`Store::write`] or [`Store::read`]; the name appears in errors and slow-transaction warnings.
//!   A write that fails, panics or loses its process leaves nothing behind. When `write` returns, the change is durable as [`Synchronous`] says.
//! - **Errors say what to do**: disk full, locked, wrong key, damaged.
//!
//! Calls block. From async code go through [`Store::off_thread`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

mod copy;
mod error;
mod key;
mod lock;
mod migrate;

pub use copy::{Incoming, rekey, restore};
pub use error::Error;
pub use key::{Error as KeyError, Key};
pub use migrate::{Migration, Schema};

use error::Doing;
use lock::Lock;

/// How long a statement waits for another process's transaction before it fails with [`Error::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Transactions slower than this are reported in the log by name.
const SLOW: Duration = Duration::from_secs(2);

/// Reading connections kept open for the next reader. More are opened when needed and closed again, so that an idle node stays small.
const IDLE_READERS: usize = 2;

/// When a finished transaction is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Survives a crash of the process. A power cut may lose the last transactions, never half of one. For what can be imported again.
    Normal,
    /// Survives a power cut. For what was promised or spent.
    Full,
}

/// What this process may do with the file, and who else may have it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and write as the one process that runs on this store. A second one is refused with [`Error::InUse`].
    Sole,
    /// Read and write next to whoever holds the store: SQLite takes turns between transactions. For commands.
    Beside,
    /// Read next to whoever holds the store.
    ReadOnly,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which kind of store this is, and its migrations.
    pub schema: Schema,
    /// The key, if the file is encrypted.
    pub key: Option<Key>,
    /// When a finished transaction is on the disk.
    pub synchronous: Synchronous,
    /// Who else may have the file open.
    pub access: Access,
}

/// An open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: Options,
    /// `None` when read only.
    writer: Option<Mutex<Connection>>,
    readers: Mutex<Vec<Connection>>,
    // Held for as long as the store is open; the operating system drops it with the process, however that ends.
    _lock: Option<Lock>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("name", &self.inner.options.schema.name)
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

/// Why a transaction was given up from within.
///
/// `?` turns a failed statement into [`Stop::Failed`]; `return Err(Stop::Because(refusal))` rolls back with a reason of the caller's own.
#[derive(Debug)]
pub enum Stop<E> {
    /// A statement failed.
    Failed(rusqlite::Error),
    /// The caller decided so.
    Because(E),
}

impl<E> From<rusqlite::Error> for Stop<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Makes a new store at `path`. It appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a file already, and as [`Store::open`].
    pub fn create(path: &Path, options: Options) -> Result<Self, Error> {
        let lock = Lock::take(path)?;
        if std::fs::metadata(path).is_ok_and(|m| m.len() > 0) {
            return Err(Error::Exists { path: path.to_owned(), store: options.schema.name });
        }
        copy::write_whole(path, |part| {
            let mut connection = connect(part, &options)?;
            migrate::run(&mut connection, &options.schema, Doing { path: part, what: "make the tables" })?;
            // Closing the last connection moves everything from the log into the file.
            connection.close().map_err(|(_, e)| Doing { path: part, what: "finish the new store" }.failed(e))
        })?;
        Self::open_locked(path, options, Some(lock))
    }

    /// Opens the store at `path` and brings it to the newest version of its schema.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no file; [`Error::InUse`] if another process holds it; [`Error::WrongKey`], [`Error::Encrypted`] or
    /// [`Error::NotEncrypted`] about the key; [`Error::OtherStore`], [`Error::Newer`] or [`Error::Changed`] if its schema is not ours.
    pub fn open(path: &Path, options: Options) -> Result<Self, Error> {
        match std::fs::metadata(path) {
            Ok(m) if m.len() > 0 => Self::open_locked(path, options, None),
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { path: path.to_owned(), source })
            }
            _ => Err(Error::Missing { path: path.to_owned(), store: options.schema.name }),
        }
    }

    /// [`Store::open`] if the file is there, else [`Store::create`]. Only for stores whose loss nobody needs to notice.
    ///
    /// # Errors
    /// As the two.
    pub fn open_or_create(path: &Path, options: Options) -> Result<Self, Error> {
        if std::fs::metadata(path).is_ok_and(|m| m.len() > 0) {
            Self::open(path, options)
        } else {
            Self::create(path, options)
        }
    }

    fn open_locked(path: &Path, options: Options, lock: Option<Lock>) -> Result<Self, Error> {
        let lock = match (options.access, lock) {
            (Access::Sole, Some(lock)) => Some(lock),
            (Access::Sole, None) => Some(Lock::take(path)?),
            (Access::Beside | Access::ReadOnly, _) => None,
        };
        check_header(path, options.key.is_some())?;
        let mut connection = connect(path, &options)?;
        let doing = Doing { path, what: "bring the schema up to date" };
        if migrate::pending(&connection, &options.schema, doing)? {
            let _lock = match options.access {
                Access::Sole => None,
                // Nobody may change the schema under a running process, so a command does it only when there is none.
                Access::Beside => Some(Lock::take(path)?),
                Access::ReadOnly => {
                    return Err(Error::Older { path: path.to_owned(), store: options.schema.name });
                }
            };
            migrate::run(&mut connection, &options.schema, doing)?;
        }
        let (writer, readers) = match options.access {
            Access::ReadOnly => {
                make_reader(&connection).map_err(|e| doing.failed(e))?;
                (None, vec![connection])
            }
            Access::Sole | Access::Beside => (Some(Mutex::new(connection)), Vec::new()),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                options,
                writer,
                readers: Mutex::new(readers),
                _lock: lock,
            }),
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs `f` in one writing transaction called `name`, and commits if it succeeds.
    ///
    /// `f` must not call [`Store::write`] again: it holds the only writing connection.
    ///
    /// # Errors
    /// Whatever failed, named and rolled back; [`Error::NotWritable`] if the store was opened [`Access::ReadOnly`].
    pub fn write<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let done = self.write_or(name, |tx| f(tx).map_err(Stop::<std::convert::Infallible>::Failed))?;
        Ok(match done {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }

    /// As [`Store::write`], for an `f` that may also decide to give up: `Ok(Err(reason))` when it did, with everything rolled back.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_or<T, E>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, Stop<E>>,
    ) -> Result<Result<T, E>, Error> {
        let doing = Doing { path: &self.inner.path, what: name };
        let writer = self
            .inner
            .writer
            .as_ref()
            .ok_or_else(|| Error::NotWritable { path: self.inner.path.clone(), doing: name })?;
        // A panic inside `f` rolled its transaction back on the way out, so the connection is as good as before.
        let mut connection = lock(writer);
        let started = Instant::now();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| doing.failed(e))?;
        let outcome = match f(&tx) {
            Ok(value) => {
                tx.commit().map_err(|e| doing.failed(e))?;
                Ok(Ok(value))
            }
            Err(Stop::Because(reason)) => Ok(Err(reason)),
            Err(Stop::Failed(e)) => Err(doing.failed(e)),
        };
        self.report_slow(name, started);
        outcome
    }

    /// Runs `f` on one unchanging view of the data, called `name`. Neither waits for a writer nor holds one up.
    ///
    /// # Errors
    /// Whatever failed, named.
    pub fn read<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let done = self.read_or(name, |tx| f(tx).map_err(Stop::<std::convert::Infallible>::Failed))?;
        Ok(match done {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }

    /// As [`Store::read`], for an `f` that may also fail in a way of its own: `Ok(Err(reason))` when it did.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_or<T, E>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, Stop<E>>,
    ) -> Result<Result<T, E>, Error> {
        let doing = Doing { path: &self.inner.path, what: name };
        let mut connection = self.reader()?;
        let started = Instant::now();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(|e| doing.failed(e))?;
        let outcome = match f(&tx) {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Because(reason)) => Ok(Err(reason)),
            Err(Stop::Failed(e)) => Err(doing.failed(e)),
        };
        drop(tx);
        let mut idle = lock(&self.inner.readers);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        drop(idle);
        self.report_slow(name, started);
        outcome
    }

    /// Runs `f` with this store on a thread that may block.
    pub async fn off_thread<T: Send + 'static>(&self, f: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || f(&store)).await {
            Ok(value) => value,
            Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
            // Only a runtime that is shutting down cancels blocking work, and it will not poll us again.
            Err(_) => std::future::pending().await,
        }
    }

    /// Moves everything from the write-ahead log into the file and empties the log, so that what was deleted is not
    /// left in it and a large import does not occupy the disk twice. Waits a little for readers; when one stays, the
    /// log is emptied another time.
    pub fn empty_log(&self) {
        if let Some(writer) = &self.inner.writer {
            let emptied = lock(writer).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            if !matches!(emptied, Ok(0)) {
                tracing::debug!(store = self.inner.options.schema.name, "the write-ahead log was not emptied yet");
            }
        }
    }

    /// Gives back the memory of idle connections and caches.
    pub fn release_memory(&self) {
        lock(&self.inner.readers).clear();
        if let Some(writer) = &self.inner.writer {
            let connection = lock(writer);
            connection.flush_prepared_statement_cache();
            if let Err(error) = connection.release_memory() {
                tracing::debug!(%error, "a store kept its caches");
            }
        }
    }

    fn reader(&self) -> Result<Connection, Error> {
        if let Some(connection) = lock(&self.inner.readers).pop() {
            return Ok(connection);
        }
        let connection = connect(&self.inner.path, &self.inner.options)?;
        make_reader(&connection).map_err(|e| Doing { path: &self.inner.path, what: "open for reading" }.failed(e))?;
        Ok(connection)
    }

    fn report_slow(&self, name: &'static str, started: Instant) {
        let took = started.elapsed();
        if took >= SLOW {
            tracing::info!(
                transaction = name,
                store = self.inner.options.schema.name,
                took_ms = took.as_millis(),
                "slow transaction"
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an empty file that only its owner can read. SQLite gives its log files the same rights.
fn create_file(path: &Path) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.truncate(false).open(path).map(drop).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// What an unencrypted SQLite file begins with.
const PLAIN_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// No database is shorter than the smallest page. SQLite takes such a file for an empty database and fills it, so we must not let it.
const SHORTEST: u64 = 512;

/// Tells an encrypted file from a plain one before SQLite sees it, since SQLite says "not a database" to both mistakes.
fn check_header(path: &Path, keyed: bool) -> Result<(), Error> {
    use std::io::Read;
    let mut header = Vec::with_capacity(PLAIN_HEADER.len());
    let length = std::fs::File::open(path)
        .and_then(|file| {
            let length = file.metadata()?.len();
            file.take(PLAIN_HEADER.len() as u64).read_to_end(&mut header)?;
            Ok(length)
        })
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    if length < SHORTEST {
        return Err(Error::Truncated { path: path.to_owned(), length });
    }
    match (header == PLAIN_HEADER, keyed) {
        (true, true) => Err(Error::NotEncrypted { path: path.to_owned() }),
        (false, false) => Err(Error::Encrypted { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// A connection with our pragmas, known to be readable with the key.
fn connect(path: &Path, options: &Options) -> Result<Connection, Error> {
    let doing = Doing { path, what: "open" };
    let connection = unlock(path, options.key.as_ref())?;
    let configure = || -> rusqlite::Result<String> {
        connection.execute_batch(
            "PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA secure_delete = ON;",
        )?;
        connection.execute_batch(match options.synchronous {
            Synchronous::Normal => "PRAGMA synchronous = NORMAL;",
            Synchronous::Full => "PRAGMA synchronous = FULL;",
        })?;
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
    };
    let mode = configure().map_err(|e| doing.failed(e))?;
    if mode != "wal" {
        return Err(Error::NoLog { path: path.to_owned(), mode });
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Has SQLite make itself ready, once and by one thread.
///
/// `sqlite3_initialize` counts as done before SQLCipher's own start (`SQLITE_EXTRA_INIT`) has run, so a second thread that opens its first file in
/// that moment finds no cipher and its key is refused.
fn start_sqlite() {
    static STARTED: Once = Once::new();
    // What is wrong here is wrong for the file too, and told with its name.
    STARTED.call_once(|| drop(Connection::open_in_memory()));
}

/// Opens the file and proves that the key fits by reading its first page.
fn unlock(path: &Path, key: Option<&Key>) -> Result<Connection, Error> {
    let doing = Doing { path, what: "open" };
    start_sqlite();
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|e| doing.failed(e))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|e| doing.failed(e))?;
    if let Some(key) = key {
        // SQLCipher would report a wrong key on standard error as well; we say it ourselves, once.
        connection.execute_batch("PRAGMA cipher_log_level = NONE").map_err(|e| doing.failed(e))?;
        connection.execute_batch(&key.pragma("key")).map_err(|e| doing.failed(e))?;
    }
    match connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)) {
        Ok(_) => Ok(connection),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => match key {
            Some(key) => Err(Error::WrongKey { path: path.to_owned(), key_file: key.file().to_owned() }),
            None => Err(Error::Encrypted { path: path.to_owned() }),
        },
        Err(e) => Err(doing.failed(e)),
    }
}

fn make_reader(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA query_only = ON")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
