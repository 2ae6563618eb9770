//! The key of an encrypted store: 32 bytes in a file of their own.

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rand::CryptoRng;
use zeroize::Zeroizing;

/// Bytes in a key.
const LENGTH: usize = 32;

/// A store's key. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; LENGTH]>,
    file: PathBuf,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A key file could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("reading the key file {}", path.display())]
    Read {
        /// The key file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the key file {} can be read by others than its owner (rights {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Rights {
        /// The key file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// The file does not hold a key.
    #[error("the key file {} does not hold a key: it must hold 64 hexadecimal digits (or 32 bytes) and nothing else", path.display())]
    Content {
        /// The key file.
        path: PathBuf,
    },
    /// The file cannot be written, or is there already.
    #[error("making the key file {} (an existing one is never overwritten)", path.display())]
    Write {
        /// The key file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Key {
    /// Reads the key in `file`: 64 hexadecimal digits, with or without a line end, or 32 bytes.
    ///
    /// # Errors
    /// If the file cannot be read, does not hold a key, or (on Unix) can be read by others than its owner.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: file.to_owned(), source };
        let opened = std::fs::File::open(file).map_err(read)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = opened.metadata().map_err(read)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(Error::Rights { path: file.to_owned(), mode });
            }
        }
        // Room for the longest form and one byte more, so that the buffer never grows and leaves an unwiped copy behind.
        let mut content = Zeroizing::new(Vec::with_capacity(2 * LENGTH + 8));
        opened.take(2 * LENGTH as u64 + 3).read_to_end(&mut content).map_err(read)?;
        let mut bytes = Zeroizing::new([0; LENGTH]);
        if content.len() == LENGTH {
            bytes.copy_from_slice(&content);
        } else {
            hex::decode_to_slice(content.trim_ascii_end(), bytes.as_mut_slice())
                .map_err(|_| Error::Content { path: file.to_owned() })?;
        }
        Ok(Self { bytes, file: file.to_owned() })
    }

    /// Draws a new key and writes it to `file`, readable by its owner only. An existing file is left alone and is an error.
    /// The file appears under its name only when it is whole and on the disk: half a key would be in the way for ever.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(file: &Path, rng: &mut impl CryptoRng) -> Result<Self, Error> {
        let write = |source| Error::Write { path: file.to_owned(), source };
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rng.fill_bytes(bytes.as_mut_slice());
        let key = Self { bytes, file: file.to_owned() };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut name = file.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        // Whoever was interrupted here left it; nothing was ever encrypted with it.
        let _ = std::fs::remove_file(&part);
        let mut text = key.digits();
        text.push('\n');
        let made = options.open(&part).and_then(|mut opened| {
            opened.write_all(text.as_bytes())?;
            opened.sync_all()?;
            // Unlike a rename, a link takes no other file's place.
            std::fs::hard_link(&part, file)
        });
        let _ = std::fs::remove_file(&part);
        made.and_then(|()| crate::enrol::sync_folder(file)).map_err(write)?;
        Ok(key)
    }

    /// The file that holds the key.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// `PRAGMA name` with the key in the form that SQLCipher uses as it is, without deriving anything from it: its 32 bytes are random already.
    pub(super) fn pragma(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("PRAGMA {name} = \"x'{}'\"", *self.digits()))
    }

    fn digits(&self) -> Zeroizing<String> {
        let mut digits = Zeroizing::new(String::with_capacity(2 * LENGTH + 1));
        for byte in self.bytes.iter() {
            for nibble in [byte >> 4, byte & 15] {
                digits.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is one hexadecimal digit"));
            }
        }
        digits
    }
}
