//! Masked vectors on their way: out of a node in chunks, into the coordinator or an audit chunk by chunk.

use std::fmt;
use std::sync::Arc;

use super::messages::Masked;
use super::refusal::Fault;
use super::transcript::VectorHash;
use crate::ring;

/// Elements in one chunk of a masked vector: half a mebibyte, well below what a link takes in one message.
pub const CHUNK_CELLS: usize = 1 << 16;

/// A masked vector, ready to be sent: its announcement, and its elements in chunks.
///
/// Uniform in the ring to everybody who lacks the masks. `Debug` shows no element.
#[derive(Clone)]
pub struct MaskedVector {
    pub(super) header: Vec<u8>,
    pub(super) elements: Arc<Vec<u64>>,
}

/// Part of a masked vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the first element.
    pub offset: u64,
    /// The elements, eight bytes each, little endian.
    pub bytes: Vec<u8>,
}

impl MaskedVector {
    /// The announcement (an encoded [`Masked`]), which goes first.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The elements in order, at most [`CHUNK_CELLS`] in each chunk; made when asked for, so that memory stays at one
    /// vector and one chunk.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        self.elements
            .chunks(CHUNK_CELLS)
            .enumerate()
            .map(|(at, elements)| Chunk { offset: (at * CHUNK_CELLS) as u64, bytes: ring::to_bytes(elements) })
    }
}

impl MaskedVector {
    /// As [`MaskedVector::chunks`], for a sender that outlives the caller.
    pub fn into_chunks(self) -> impl Iterator<Item = Chunk> + Send + 'static {
        let elements = self.elements;
        (0..elements.len().div_ceil(CHUNK_CELLS)).map(move |at| {
            let from = at * CHUNK_CELLS;
            let part = &elements[from..elements.len().min(from + CHUNK_CELLS)];
            Chunk { offset: from as u64, bytes: ring::to_bytes(part) }
        })
    }
}

impl fmt::Debug for MaskedVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskedVector").field("cells", &self.elements.len()).finish_non_exhaustive()
    }
}

/// A masked vector on its way in: checked chunk by chunk, added to the sum only when whole.
///
/// It stands apart from the round, so that many can be received at once; each holds its own vector, and the caller
/// bounds how many are open.
pub struct Upload {
    pub(super) council: String,
    pub(super) header: Masked,
    hasher: VectorHash,
    elements: Vec<u64>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("council", &self.council)
            .field("received", &self.elements.len())
            .field("cells", &self.header.cells)
            .finish_non_exhaustive()
    }
}

impl Upload {
    pub(super) fn new(council: String, header: Masked) -> Self {
        Self {
            council,
            hasher: VectorHash::new(&header.t2, header.seat, header.cells),
            // Not the announced size at once: memory follows what has really arrived.
            elements: Vec::new(),
            header,
        }
    }

    /// Takes the next chunk: `offset` is the index of its first element, `bytes` are whole elements.
    ///
    /// # Errors
    /// [`Fault::Chunk`] when it does not continue where the last one ended, is empty, no whole number of elements, or
    /// goes beyond the announced length.
    pub fn absorb(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let expected = self.elements.len() as u64;
        let wrong = || Fault::Chunk { council: self.council.clone(), offset, expected };
        let room = (self.header.cells as usize - self.elements.len()) * ring::ELEMENT_BYTES;
        if offset != expected || bytes.is_empty() || bytes.len() > room {
            return Err(wrong());
        }
        let elements = ring::from_bytes(bytes).ok_or_else(wrong)?;
        self.hasher.update(bytes);
        self.elements.extend(elements);
        Ok(())
    }

    /// Whether every announced element has arrived.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.elements.len() == self.header.cells as usize
    }

    /// The seat, the announcement and the elements, if they are the ones that were signed.
    pub(super) fn finish(self) -> Result<(Masked, Vec<u64>), Fault> {
        if !self.is_complete() || self.hasher.finish() != self.header.digest {
            return Err(Fault::Digest { council: self.council });
        }
        Ok((self.header, self.elements))
    }
}
