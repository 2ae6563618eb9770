//! NHS numbers, council person ids and event key texts as small numbers, the same over all submissions of a store.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use rusqlite::{Transaction, params};

use super::bytes::{Reader, put};

/// What an interned text is. Texts of different kinds never share a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    /// An NHS number, as five bytes.
    Nhs = 1,
    /// A council's person id: as first met, compared without case.
    Council = 2,
    /// A text of the event key, already in small letters.
    Key = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Nhs, Self::Council, Self::Key].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// How many entries share a row of the table.
const PER_ROW: usize = 4096;

/// All interned texts, in memory for the length of one transaction. About 40 bytes for each text.
pub(super) struct Interner {
    hasher: RandomState,
    // The keys are hashes already.
    places: HashMap<u64, u32, BuildHasherDefault<Given>>,
    /// Texts whose hash another text has as well.
    clashes: HashMap<(Kind, Vec<u8>), u32>,
    /// Kind and text of every entry, one after the other.
    arena: Vec<u8>,
    /// Where the entry of number `n` ends is `ends[n]`; it starts at `ends[n - 1]`.
    ends: Vec<usize>,
    saved: usize,
    lower: Vec<u8>,
}

#[derive(Default)]
struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The five bytes of an NHS number.
pub(super) fn nhs_bytes(number: u64) -> [u8; 5] {
    let [_, _, _, a, b, c, d, e] = number.to_be_bytes();
    [a, b, c, d, e]
}

/// The number of five bytes.
pub(super) fn nhs_number(bytes: &[u8]) -> Option<u64> {
    let [a, b, c, d, e] = *bytes else { return None };
    Some(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
}

/// A council id in the form in which two spellings of one id are equal.
pub(super) fn folded(id: &str) -> String {
    id.to_lowercase()
}

impl Interner {
    /// Reads all entries of the store. `Ok(None)` when an entry cannot be read.
    pub(super) fn load(tx: &Transaction<'_>) -> rusqlite::Result<Option<Self>> {
        let mut interner = Self {
            hasher: RandomState::new(),
            places: HashMap::default(),
            clashes: HashMap::new(),
            arena: Vec::new(),
            ends: vec![0],
            saved: 1,
            lower: Vec::new(),
        };
        let mut statement = tx.prepare_cached("SELECT first, entries FROM interned ORDER BY first")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let first: i64 = row.get(0)?;
            if first != interner.ends.len() as i64 || interner.take(row.get_ref(1)?.as_blob()?).is_none() {
                return Ok(None);
            }
        }
        interner.saved = interner.ends.len();
        Ok(Some(interner))
    }

    fn take(&mut self, entries: &[u8]) -> Option<()> {
        let mut reader = Reader::new(entries);
        while !reader.is_empty() {
            let kind = reader.byte()?;
            let length = reader.number()?.try_into().ok()?;
            let text = reader.take(length)?;
            match Kind::from_byte(kind) {
                Some(kind) => {
                    let hash = self.hash(kind, text)?;
                    self.append(kind, text, hash);
                }
                None if kind == 0 => self.ends.push(self.arena.len()),
                None => return None,
            }
        }
        Some(())
    }

    /// The text of a number; `None` for an erased one.
    pub(super) fn text(&self, id: u32) -> Option<(Kind, &[u8])> {
        let id = id as usize;
        let entry = self.arena.get(*self.ends.get(id.checked_sub(1)?)?..*self.ends.get(id)?)?;
        let (kind, text) = entry.split_first()?;
        Some((Kind::from_byte(*kind)?, text))
    }

    /// The text of a number that stands for a council id.
    pub(super) fn council(&self, id: u32) -> Option<&str> {
        let (kind, text) = self.text(id)?;
        (kind == Kind::Council).then(|| std::str::from_utf8(text).ok()).flatten()
    }

    /// How many numbers were given out.
    pub(super) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// Hashes a text as it is compared. Leaves that form in `self.lower`.
    fn hash(&mut self, kind: Kind, text: &[u8]) -> Option<u64> {
        self.lower.clear();
        if kind == Kind::Council && !text.is_ascii() {
            self.lower.extend_from_slice(folded(std::str::from_utf8(text).ok()?).as_bytes());
        } else {
            self.lower.extend_from_slice(text);
            if kind == Kind::Council {
                self.lower.make_ascii_lowercase();
            }
        }
        Some(self.hasher.hash_one((kind as u8, self.lower.as_slice())))
    }

    /// True when the number's text is what [`Self::hash`] left in `self.lower`.
    fn is(&self, id: u32, kind: Kind) -> bool {
        let Some((held, text)) = self.text(id) else { return false };
        held == kind
            && (text == self.lower
                || kind == Kind::Council
                    && if text.is_ascii() {
                        text.eq_ignore_ascii_case(&self.lower)
                    } else {
                        std::str::from_utf8(text).is_ok_and(|text| folded(text).as_bytes() == self.lower)
                    })
    }

    /// The number of a text, if it has one.
    pub(super) fn find(&mut self, kind: Kind, text: &[u8]) -> Option<u32> {
        let hash = self.hash(kind, text)?;
        self.find_hashed(kind, hash)
    }

    fn find_hashed(&self, kind: Kind, hash: u64) -> Option<u32> {
        let id = *self.places.get(&hash)?;
        if self.is(id, kind) {
            return Some(id);
        }
        self.clashes.get(&(kind, self.lower.clone())).copied()
    }

    /// The number of a text, a new one if it has none.
    pub(super) fn intern(&mut self, kind: Kind, text: &[u8]) -> u32 {
        let hash = self.hash(kind, text).expect("council ids come from text");
        self.find_hashed(kind, hash).unwrap_or_else(|| self.append(kind, text, hash))
    }

    fn append(&mut self, kind: Kind, text: &[u8], hash: u64) -> u32 {
        let id = u32::try_from(self.ends.len()).expect("a council has fewer than four thousand million ids");
        self.arena.push(kind as u8);
        self.arena.extend_from_slice(text);
        self.ends.push(self.arena.len());
        match self.places.entry(hash) {
            Entry::Vacant(place) => drop(place.insert(id)),
            Entry::Occupied(_) => drop(self.clashes.insert((kind, self.lower.clone()), id)),
        }
        id
    }

    /// Writes the entries that are not in the store yet.
    pub(super) fn save(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut statement = tx.prepare_cached("INSERT INTO interned (first, entries) VALUES (?1, ?2)")?;
        let mut entries = Vec::new();
        while self.saved < self.ends.len() {
            let (first, last) = (self.saved, (self.saved + PER_ROW).min(self.ends.len()));
            entries.clear();
            (first..last).for_each(|id| self.put(id, &mut entries));
            statement.execute(params![first as i64, entries])?;
            self.saved = last;
        }
        Ok(())
    }

    fn put(&self, id: usize, out: &mut Vec<u8>) {
        match self.text(id as u32) {
            Some((kind, text)) => {
                out.push(kind as u8);
                put(out, text.len() as u64);
                out.extend_from_slice(text);
            }
            None => out.extend_from_slice(&[0, 0]),
        }
    }

    /// Writes all entries anew, without those whose number `keep` refuses. Their numbers are not given out again.
    pub(super) fn rewrite(&self, tx: &Transaction<'_>, keep: impl Fn(u32) -> bool) -> rusqlite::Result<()> {
        tx.execute("DELETE FROM interned", [])?;
        let mut statement = tx.prepare_cached("INSERT INTO interned (first, entries) VALUES (?1, ?2)")?;
        for first in (1..self.ends.len()).step_by(PER_ROW) {
            let mut entries = Vec::new();
            for id in first..(first + PER_ROW).min(self.ends.len()) {
                if keep(id as u32) {
                    self.put(id, &mut entries);
                } else {
                    entries.extend_from_slice(&[0, 0]);
                }
            }
            statement.execute(params![first as i64, entries])?;
        }
        Ok(())
    }
}
