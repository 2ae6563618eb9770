//! The authority's folder: where everything lies, one process at a time, and files that are whole or not there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use folkmoot_runtime::enrol::{sync_folder, write_new};
use ring::rand::{SecureRandom, SystemRandom};

/// Why a file or folder could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is something in the place where a folder was to be made.
    #[error("{} is there already and is left alone: give another place, or move it away", .0.display())]
    Exists(PathBuf),
    /// The folder is no authority's.
    #[error("{} is not an authority's folder: it has no inventory.json; name the right one with --dir, or make one with `folkmoot-certs init`", .0.display())]
    NotAnAuthority(PathBuf),
    /// Another process works in the folder.
    #[error("another folkmoot-certs is at work in {}: let it finish, then try again", .0.display())]
    Busy(PathBuf),
    /// The system refused.
    #[error("{doing} {}", path.display())]
    Io {
        /// `reading`, `writing` and so on.
        doing: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new file could not be written.
    #[error(transparent)]
    New(#[from] folkmoot_runtime::enrol::Error),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// Where everything lies in an authority's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// The layout of `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who holds which certificate.
    pub fn inventory(&self) -> PathBuf {
        self.folder.join("inventory.json")
    }

    /// Where the root's key and certificate lie until they are taken away.
    pub fn root_folder(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Key and certificate of an issuing authority.
    pub fn issuing(&self, number: u32) -> (PathBuf, PathBuf) {
        let folder = self.folder.join("issuing").join(number.to_string());
        (folder.join("issuing.key"), folder.join("issuing.pem"))
    }

    /// The governance key.
    pub fn governance_key(&self) -> PathBuf {
        self.folder.join("governance").join("governance.key")
    }

    /// A copy of an issued chain.
    pub fn issued(&self, serial: &str) -> PathBuf {
        self.folder.join("issued").join(format!("{serial}.pem"))
    }

    /// The root's own revocation list, which only the root key can renew.
    pub fn root_list(&self) -> PathBuf {
        self.folder.join("issuing").join("root-crl.pem")
    }

    /// A file to be handed to everybody.
    pub fn public(&self, name: &str) -> PathBuf {
        self.folder.join("public").join(name)
    }
}

/// Key and certificate in a root folder, wherever it is kept.
pub fn root_files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("root.key"), folder.join("root.pem"))
}

/// Holds other processes off for as long as it lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Locks an authority's folder.
    ///
    /// # Errors
    /// [`Error::Busy`] if another process holds it; [`Error::NotAnAuthority`].
    pub fn take(layout: &Layout) -> Result<Self, Error> {
        if !layout.inventory().is_file() {
            return Err(Error::NotAnAuthority(layout.folder.clone()));
        }
        let path = layout.folder.join(".lock");
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        let file = options.open(&path).map_err(Error::io("opening", &path))?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => Error::Busy(layout.folder.clone()),
            fs::TryLockError::Error(source) => Error::Io { doing: "locking", path, source },
        })?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough while a child process of ours is being started: until it runs its own program it holds a copy
        // of the handle, and with it the lock.
        let _ = self.file.unlock();
    }
}

/// Reads a file of text, up to 16 MiB.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Io { doing: "reading", path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > 16 << 20 {
        return Err(failed(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 16 MiB, as no file of ours is",
        )));
    }
    fs::read_to_string(path).map_err(failed)
}

/// Puts a file in place in one step, over an older one if there is one: a reader sees either, a power cut leaves either.
///
/// Not for keys, which are never replaced: see [`write_new`].
///
/// # Errors
/// [`Error::Io`] or [`Error::New`]; the older file is then untouched.
pub fn replace(path: &Path, content: &str) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.{}.new", random_hex(6)));
    write_new(&fresh, content.as_bytes(), false)?;
    fs::rename(&fresh, path).and_then(|()| sync_folder(path)).map_err(|source| {
        let _ = fs::remove_file(&fresh);
        Error::Io { doing: "replacing", path: path.to_owned(), source }
    })
}

/// A folder in the making, under a name that nobody looks for, removed again unless [`Staged::keep`] is reached.
#[derive(Debug)]
pub struct Staged {
    now: PathBuf,
    then: PathBuf,
    kept: bool,
}

impl Staged {
    /// Begins a folder that will be `then`; only its owner may enter it.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is anything but an empty folder of that name.
    pub fn begin(then: &Path) -> Result<Self, Error> {
        let empty = fs::read_dir(then).is_ok_and(|mut entries| entries.next().is_none());
        if fs::symlink_metadata(then).is_ok() && !empty {
            return Err(Error::Exists(then.to_owned()));
        }
        let parent = then.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::io("making", parent))?;
        let name = then.file_name().unwrap_or_default().to_string_lossy();
        let now = parent.join(format!(".{name}.{}.new", random_hex(6)));
        private_folder(&now)?;
        Ok(Self { now, then: then.to_owned(), kept: false })
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        &self.now
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`]; it is then removed.
    pub fn keep(mut self) -> Result<(), Error> {
        // An empty folder of that name gives way; POSIX renames over it, other systems need it gone.
        let _ = fs::remove_dir(&self.then);
        fs::rename(&self.now, &self.then)
            .and_then(|()| sync_folder(&self.then))
            .map_err(Error::io("putting in place", &self.then))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.now);
        }
    }
}

/// Makes a folder that only its owner may enter.
///
/// # Errors
/// [`Error::Io`].
pub fn private_folder(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(Error::io("making", path))
}

pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes, as all its key making relies on");
    bytes
}

fn random_hex(bytes: usize) -> String {
    let mut text = hex::encode(random_bytes::<16>());
    text.truncate(2 * bytes);
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_given_up_half_way_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let then = place.path().join("authority");
        let staged = Staged::begin(&then).unwrap();
        fs::write(staged.path().join("x"), "x").unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        Staged::begin(&then).unwrap().keep().unwrap();
        assert!(then.is_dir());
        fs::write(then.join("x"), "x").unwrap();
        assert!(matches!(Staged::begin(&then), Err(Error::Exists(_))));
    }

    #[test]
    fn a_file_is_replaced_in_one_step() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a");
        replace(&path, "1").unwrap();
        replace(&path, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
