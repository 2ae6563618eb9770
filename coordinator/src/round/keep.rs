//! Records of rounds, kept as files for whoever may check them: `export NUMBER --format round` hands one out.
//!
//! Masked vectors are written down as they arrive and never held together in memory. Of an exact round nothing is kept
//! but signatures and digests: its vectors and secrets together would give the exact sum.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use folkmoot_proto::ids::JobId;
use folkmoot_proto::ring;
use folkmoot_proto::round::coordinator::Outcome;
use folkmoot_proto::round::record::{Head, RecordWriter};

/// Bytes copied at a time.
const PIECE: usize = 1 << 19;

/// The folder of records, and what every record says of us.
#[derive(Clone, Debug)]
pub struct Keep {
    folder: PathBuf,
    registry: Vec<u8>,
    chain: Vec<Vec<u8>>,
}

impl Keep {
    /// Opens the folder, making it when it is not there, and clears away what a crash left half done.
    ///
    /// `registry` is the signed membership registry as the authority published it, `chain` our signing certificate and
    /// its issuers, leaf first, DER.
    ///
    /// # Errors
    /// The system's.
    pub fn open(folder: &Path, registry: Vec<u8>, chain: Vec<Vec<u8>>) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), registry, chain })
    }

    /// Where the record of a job's round is, if one was kept.
    pub fn place(folder: &Path, job: &JobId) -> PathBuf {
        folder.join(format!("{job}.round"))
    }

    /// Begins to take in the masked vectors of an attempt.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn spool(&self, job: JobId) -> io::Result<Spool> {
        let path = self.folder.join(format!("{job}.vectors.part"));
        let file = create(&path)?;
        Ok(Spool { path, taken: Mutex::new(Taken { file, places: BTreeMap::new(), failed: None }) })
    }

    /// Writes the record of a round that ended well; with its vectors when it is one with noise.
    ///
    /// # Errors
    /// The system's; then there is no record, and nothing half written under its name.
    pub(super) fn write(
        &self,
        job: JobId,
        analyst: &[Vec<u8>],
        ended: &Outcome,
        spool: Option<&Spool>,
        key: &SigningKey,
    ) -> io::Result<()> {
        let head = Head {
            registry: self.registry.clone(),
            coordinator: self.chain.clone(),
            analyst: analyst.to_vec(),
            transcript: ended.transcript.encode(),
        };
        let path = Self::place(&self.folder, &job);
        let beside = self.folder.join(format!("{job}.round.part"));
        let sum = spool.map(|_| ended.sum.cells.as_slice());
        let mut writer = RecordWriter::begin(BufWriter::new(create(&beside)?), &head, sum)?;
        if let Some(spool) = spool {
            spool.read(&ended.sum.councils, |bytes| writer.vector(bytes))?;
        }
        let file = writer.finish(key)?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        folkmoot_runtime::enrol::sync_folder(&path)
    }
}

/// A new file that nobody but us may read; one of that name is replaced.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Masked vectors of one attempt on their way into its record. Dropping it removes its file.
pub(super) struct Spool {
    path: PathBuf,
    taken: Mutex<Taken>,
}

struct Taken {
    file: File,
    /// Where each council's vector begins, and how many bytes it has.
    places: BTreeMap<String, (u64, u64)>,
    failed: Option<io::Error>,
}

impl Spool {
    /// Writes one vector down. A failure is kept until the record is written: the round goes on without one.
    pub(super) fn add(&self, council: &str, elements: &[u64]) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.failed.is_some() {
            return;
        }
        let written = taken.file.seek(SeekFrom::End(0)).and_then(|at| {
            for part in elements.chunks(PIECE / ring::ELEMENT_BYTES) {
                taken.file.write_all(&ring::to_bytes(part))?;
            }
            Ok(at)
        });
        match written {
            Ok(at) => {
                let length = (elements.len() * ring::ELEMENT_BYTES) as u64;
                taken.places.insert(council.to_owned(), (at, length));
            }
            Err(error) => taken.failed = Some(error),
        }
    }

    /// Hands the vectors of these councils on, in this order, piece by piece.
    fn read(&self, councils: &[String], mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = taken.failed.take() {
            return Err(error);
        }
        let mut piece = vec![0; PIECE];
        for council in councils {
            let missing = || io::Error::new(io::ErrorKind::NotFound, format!("the vector of council {council}"));
            let (at, length) = *taken.places.get(council).ok_or_else(missing)?;
            taken.file.seek(SeekFrom::Start(at))?;
            let mut left = length;
            while left > 0 {
                let part = &mut piece[..left.min(PIECE as u64) as usize];
                taken.file.read_exact(part)?;
                each(part)?;
                left -= part.len() as u64;
            }
        }
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a file of masked vectors could not be removed");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn job() -> JobId {
        "00112233445566778899aabbccddeeff".parse().unwrap()
    }

    #[test]
    fn vectors_come_out_in_the_order_asked_for_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let keep = Keep::open(&folder.path().join("rounds"), Vec::new(), Vec::new()).unwrap();
        let spool = keep.spool(job()).unwrap();
        let long: Vec<u64> = (0..100_000).collect();
        for (council, elements) in [("302", &long[..]), ("104", &[7, 8]), ("211", &[9])] {
            spool.add(council, elements);
        }
        let mut read = Vec::new();
        spool
            .read(&["104".to_owned(), "302".to_owned()], |bytes| {
                read.extend_from_slice(bytes);
                Ok(())
            })
            .unwrap();
        let expected: Vec<u64> = [7, 8].into_iter().chain(long).collect();
        assert_eq!(read, ring::to_bytes(&expected));
        assert!(spool.read(&["999".to_owned()], |_| Ok(())).is_err());
        drop(spool);
        assert_eq!(fs::read_dir(folder.path().join("rounds")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_crash_left_is_cleared_and_records_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (part, record) = (folder.path().join("x.vectors.part"), Keep::place(folder.path(), &job()));
        fs::write(&part, b"half").unwrap();
        fs::write(&record, b"whole").unwrap();
        Keep::open(folder.path(), Vec::new(), Vec::new()).unwrap();
        assert!(!part.exists() && record.exists());
    }
}
