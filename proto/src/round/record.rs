//! The record of a round: one file that anybody can check offline, and the means to write and to read it.
//!
//! ```text
//! F M 12 1 | registry | coordinator's chain | analyst's chain | transcript        lengths before each
//!          | sum, 8 bytes a cell | masked vector of each council in the sum, 8 bytes a cell    rounds with noise only
//!          | 64 bytes: the coordinator's signature over the SHA-256 of all before
//! ```
//!
//! The membership registry and both chains of certificates are inside, so that a reader needs nothing but the authority's
//! governance key and roots. Both are believed only because *they* say so: nothing in the file vouches for itself.
//!
//! **Guarantee**: every byte is under a signature. Vectors are written and read one at a time, so memory stays at one sum
//! and one vector however many councils there are.

use std::fmt;
use std::io::{self, Read, Write};

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::audit::{Audit, Finding, Report};
use super::codec::{Kind, Malformed, Reader, Writer};
use super::envelope::verifies;
use super::seats::Roll;
use super::transcript::{domain, framed};
use super::vector::CHUNK_CELLS;
use crate::ring;

/// Most bytes of the registry, of a certificate and of a transcript.
const MOST_REGISTRY: usize = 4 << 20;
const MOST_CERTIFICATE: usize = 1 << 16;
const MOST_TRANSCRIPT: usize = 1 << 20;
/// Most certificates in a chain.
const MOST_CHAIN: usize = 8;

/// What stands before the figures. `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    /// The signed membership registry, as the authority published it.
    pub registry: Vec<u8>,
    /// The coordinator's signing certificate and its issuers, DER, leaf first.
    pub coordinator: Vec<Vec<u8>>,
    /// The analyst's, likewise.
    pub analyst: Vec<Vec<u8>>,
    /// The encoded [`Transcript`](super::audit::Transcript).
    pub transcript: Vec<u8>,
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("registry", &self.registry.len())
            .field("transcript", &self.transcript.len())
            .finish_non_exhaustive()
    }
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::open(Kind::Record);
        w.bytes(&self.registry);
        for chain in [&self.coordinator, &self.analyst] {
            w.length(chain.len());
            for der in chain {
                w.bytes(der);
            }
        }
        w.bytes(&self.transcript);
        w.finish()
    }
}

/// Why a record does not stand, or could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read to its end.
    #[error("reading the record of the round")]
    Read(#[source] io::Error),
    /// The bytes are no record: cut short, too long, or another file.
    #[error("the file is no whole record of a round")]
    Malformed(#[from] Malformed),
    /// What the transcript shows does not hold.
    #[error("the round does not stand")]
    Finding(#[from] Finding),
    /// The coordinator did not sign the file as it is.
    #[error("the file is not as its coordinator signed it: bytes were changed")]
    Signature,
}

impl Error {
    /// Whether the file could be read, and says something that does not hold.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        !matches!(self, Self::Read(_))
    }
}

/// Writes a record piece by piece.
pub struct RecordWriter<W> {
    to: W,
    hash: Sha256,
}

impl<W> fmt::Debug for RecordWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordWriter(..)")
    }
}

impl<W: Write> RecordWriter<W> {
    /// Begins with the head and, for a round with noise, its sum in grid units; an exact round has none here.
    ///
    /// # Errors
    /// What `to` fails with.
    pub fn begin(to: W, head: &Head, sum: Option<&[i64]>) -> io::Result<Self> {
        let mut writer = Self { to, hash: Sha256::new() };
        writer.put(&head.encode())?;
        for cells in sum.unwrap_or_default().chunks(CHUNK_CELLS) {
            let elements: Vec<u64> = cells.iter().copied().map(ring::from_signed).collect();
            writer.put(&ring::to_bytes(&elements))?;
        }
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.to.write_all(bytes)
    }

    /// The bytes of the next masked vector, or a part of it: councils ascending, every vector whole.
    ///
    /// # Errors
    /// What `to` fails with.
    pub fn vector(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(bytes)
    }

    /// Signs what was written and gives the destination back.
    ///
    /// # Errors
    /// What `to` fails with.
    pub fn finish(mut self, key: &SigningKey) -> io::Result<W> {
        let digest = self.hash.clone().finalize();
        let signature = key.sign(&framed(domain::RECORD, &[&digest])).to_bytes();
        self.to.write_all(&signature)?;
        Ok(self.to)
    }
}

/// Bytes being read and hashed.
struct Source<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Source<R> {
    /// Exactly this many bytes. A file that ends before is malformed; only what the system reports is a failed read.
    fn fill(&mut self, bytes: &mut [u8], field: &'static str) -> Result<(), Error> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => wrong(field, "is cut short"),
            _ => Error::Read(error),
        })?;
        self.hash.update(&*bytes);
        Ok(())
    }

    fn number(&mut self, most: usize, field: &'static str) -> Result<usize, Error> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes, field)?;
        let number = u32::from_le_bytes(bytes) as usize;
        if number > most { Err(wrong(field, "is longer than the protocol allows")) } else { Ok(number) }
    }

    fn bytes(&mut self, most: usize, field: &'static str) -> Result<Vec<u8>, Error> {
        let length = self.number(most, field)?;
        let mut bytes = Vec::new();
        // Not the announced size at once: memory follows what is really there.
        while bytes.len() < length {
            let begun = bytes.len();
            bytes.resize(length.min(begun + (1 << 16)), 0);
            self.fill(&mut bytes[begun..], field)?;
        }
        Ok(bytes)
    }

    fn chain(&mut self, field: &'static str) -> Result<Vec<Vec<u8>>, Error> {
        let count = self.number(MOST_CHAIN, field)?;
        (0..count).map(|_| self.bytes(MOST_CERTIFICATE, field)).collect()
    }
}

fn wrong(field: &'static str, problem: &'static str) -> Error {
    Malformed { message: "record of a round", field, problem }.into()
}

/// A record being read: its head is known, and believed by nobody yet.
pub struct Record<R> {
    source: Source<R>,
    head: Head,
}

impl<R> fmt::Debug for Record<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<R: Read> Record<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Malformed`].
    pub fn open(from: R) -> Result<Self, Error> {
        let mut source = Source { from, hash: Sha256::new() };
        let mut header = [0; 4];
        source.fill(&mut header, "header")?;
        Reader::open(Kind::Record, &header)?;
        let head = Head {
            registry: source.bytes(MOST_REGISTRY, "registry")?,
            coordinator: source.chain("coordinator's chain")?,
            analyst: source.chain("analyst's chain")?,
            transcript: source.bytes(MOST_TRANSCRIPT, "transcript")?,
        };
        Ok(Self { source, head })
    }

    /// What stands before the figures: the caller checks registry and chains, and makes the roll from them.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Checks everything: form, order and sizes of the sets, every signature; in a round with noise every opened secret,
    /// every masked vector, and that the sum follows; last the signature over the file. `seen` is told after each
    /// vector how many there are of how many.
    ///
    /// # Errors
    /// The first [`enum@Error`].
    pub fn check(self, roll: &Roll, mut seen: impl FnMut(usize, usize)) -> Result<Report, Error> {
        let Self { mut source, head } = self;
        let mut audit = Audit::open(&head.transcript, roll)?;
        let coordinator = *audit.coordinator();
        let report = if audit.opens_sum() {
            let cells = audit.envelope().cells().unwrap_or(0) as usize;
            let mut sum = Vec::new();
            pieces(&mut source, cells, "sum", |_, bytes| {
                sum.extend(ring::from_bytes(bytes).into_iter().flatten().map(ring::to_signed));
                Ok(())
            })?;
            let survivors = audit.survivors();
            for (done, council) in survivors.iter().enumerate() {
                let mut upload = audit.vector(council)?;
                pieces(&mut source, cells, "masked vector", |offset, bytes| {
                    upload.absorb(offset, bytes).map_err(|fault| Finding::Vector(fault).into())
                })?;
                audit.add(upload)?;
                seen(done + 1, survivors.len());
            }
            audit.finish(&sum)?
        } else {
            audit.without_sum()?
        };
        let digest = source.hash.clone().finalize();
        let mut signature = [0; 64];
        source.fill(&mut signature, "signature")?;
        let mut more = [0];
        match source.from.read(&mut more) {
            Ok(0) => {}
            Ok(_) => return Err(wrong("end", "is followed by left-over bytes")),
            Err(error) => return Err(Error::Read(error)),
        }
        if !verifies(&coordinator, &framed(domain::RECORD, &[&digest]), &signature) {
            return Err(Error::Signature);
        }
        Ok(report)
    }
}

/// `cells` elements, handed on in chunks with the index of the first.
fn pieces<R: Read>(
    source: &mut Source<R>,
    cells: usize,
    field: &'static str,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut bytes = vec![0; cells.min(CHUNK_CELLS) * ring::ELEMENT_BYTES];
    let mut at = 0;
    while at < cells {
        let part = &mut bytes[..(cells - at).min(CHUNK_CELLS) * ring::ELEMENT_BYTES];
        source.fill(part, field)?;
        each(at as u64, part)?;
        at += part.len() / ring::ELEMENT_BYTES;
    }
    Ok(())
}
