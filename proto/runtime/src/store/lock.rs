//! One process at a time: an advisory lock on a file beside the database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// The lock, held while this value lives. The operating system frees it with the process, so a killed process leaves no stale lock.
///
/// It is not taken on the database file itself: closing any handle of that file would drop SQLite's own locks (POSIX).
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of the store at `path`, or names the process that has it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let beside = file_beside(path);
        let fail = |source| Error::File { path: beside.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // For the message only. Some systems do not let a locked file be read.
                let mut text = String::new();
                let pid = (&file).take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(Error::InUse { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(fail)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough while a child process of ours is being started: until it runs its own program it holds a copy of
        // the handle, and with it the lock.
        let _ = self.file.unlock();
    }
}

/// `records.db` is locked by `records.db.lock`.
fn file_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}
