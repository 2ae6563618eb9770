//! The byte form of the round's messages: canonical, length-prefixed, bounded before allocation, fully consumed.
//!
//! Every message begins with four bytes: `F`, `M`, its [`Kind`] and the protocol version. Integers are little
//! endian and of fixed width. Lists carry their length first, which is compared with the bound and with what is
//! left of the input before anything is allocated. Left-over bytes are an error, so each message has one encoding.

use thiserror::Error;

/// Version of the protocol and of every message in it.
pub const VERSION: u8 = 2;

/// What a message is; the third byte of its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Coordinator to nodes, step 0: the query and all parameters.
    Envelope = 1,
    /// Node to coordinator, step 0: fresh public keys.
    Advert = 2,
    /// Coordinator to nodes, step 1: everybody's public keys.
    Roster = 3,
    /// Node to coordinator, step 1: one sealed pair of shares for each other node.
    Sealed = 4,
    /// Coordinator to a node, step 2: the pairs sealed for it.
    Relay = 5,
    /// Node to coordinator, step 2: announces a masked vector.
    Masked = 6,
    /// Coordinator to nodes, step 3: whose masked vectors arrived.
    Survivors = 7,
    /// Node to coordinator, step 3: signature over that set.
    Consent = 8,
    /// Coordinator to nodes, step 4: enough such signatures.
    Quorum = 9,
    /// Node to coordinator, step 4: the shares that undo the masks.
    Revealed = 10,
    /// Published after the round.
    Transcript = 11,
    /// A transcript with all that is needed to check it offline.
    Record = 12,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Envelope => "query envelope",
            Self::Advert => "advert",
            Self::Roster => "roster",
            Self::Sealed => "sealed shares",
            Self::Relay => "relayed shares",
            Self::Masked => "masked vector",
            Self::Survivors => "survivor set",
            Self::Consent => "consent",
            Self::Quorum => "quorum",
            Self::Revealed => "revealed shares",
            Self::Transcript => "transcript",
            Self::Record => "record of a round",
        }
    }
}

/// Bytes that are not the message they should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("cannot read the {message}: {field} {problem}")]
pub struct Malformed {
    /// The message that was being read.
    pub message: &'static str,
    /// The field at which reading stopped.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Reads one message from the front; every method names the field, so that errors can.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    message: &'static str,
}

impl<'a> Reader<'a> {
    /// Checks the four leading bytes.
    pub(crate) fn open(kind: Kind, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Self { rest: bytes, message: kind.name() };
        let [f, m, k, v] = reader.array::<4>("header")?;
        if [f, m] != *b"FM" {
            return Err(reader.wrong("header", "is not one of this protocol"));
        }
        if k != kind as u8 {
            return Err(reader.wrong("header", "announces another message"));
        }
        if v != VERSION {
            return Err(reader.wrong("header", "has a protocol version this program does not speak"));
        }
        Ok(reader)
    }

    pub(crate) fn wrong(&self, field: &'static str, problem: &'static str) -> Malformed {
        Malformed { message: self.message, field, problem }
    }

    fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.wrong(field, "is cut short")),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, field)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        Ok(self.array::<1>(field)?[0])
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Malformed> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A length that must not pass `most`, and whose items of `each` bytes must still be there.
    pub(crate) fn length(&mut self, most: usize, each: usize, field: &'static str) -> Result<usize, Malformed> {
        let len = self.u32(field)? as usize;
        if len > most {
            return Err(self.wrong(field, "is longer than the protocol allows"));
        }
        if len.checked_mul(each).is_none_or(|need| need > self.rest.len()) {
            return Err(self.wrong(field, "is cut short"));
        }
        Ok(len)
    }

    pub(crate) fn bytes(&mut self, most: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let len = self.length(most, 1, field)?;
        self.take(len, field)
    }

    pub(crate) fn text(&mut self, most: usize, field: &'static str) -> Result<String, Malformed> {
        let bytes = self.bytes(most, field)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
            Ok(_) => Err(self.wrong(field, "holds control characters")),
            Err(_) => Err(self.wrong(field, "is not UTF-8")),
        }
    }

    pub(crate) fn list<const N: usize>(&mut self, most: usize, field: &'static str) -> Result<Vec<[u8; N]>, Malformed> {
        let len = self.length(most, N, field)?;
        (0..len).map(|_| self.array(field)).collect()
    }

    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong("end", "is followed by left-over bytes")) }
    }
}

/// Writes one message.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn open(kind: Kind) -> Self {
        Self(vec![b'F', b'M', kind as u8, VERSION])
    }

    pub(crate) fn array(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.array(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.array(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.array(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.array(&value.to_le_bytes())
    }

    /// The bounds of the fields keep every length far below 2^32; a longer list is cut and so refused by the reader.
    pub(crate) fn length(&mut self, len: usize) -> &mut Self {
        self.u32(u32::try_from(len).unwrap_or(u32::MAX))
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len()).array(bytes)
    }

    pub(crate) fn list<const N: usize>(&mut self, items: &[[u8; N]]) -> &mut Self {
        self.length(items.len());
        for item in items {
            self.array(item);
        }
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}
