//! Marks on people by keyed fingerprint: erased, restricted, opted out. The list itself names nobody.

use std::collections::HashSet;

use folkmoot_proto::period::Day;
use hkdf::Hkdf;
use rusqlite::{Transaction, params};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::interner::{Interner, Kind, folded, nhs_bytes};

/// What was decided about a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Mark {
    /// Rows were removed and do not come back on import.
    Erased = 1,
    /// Rows are kept, but no figure reads them.
    Restricted = 2,
    /// On the national data opt-out list.
    OptedOut = 3,
}

/// An id of a person, as asked for. No `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonId {
    /// A valid NHS number.
    Nhs(u64),
    /// The council's person id; compared without case.
    Council(String),
}

impl PersonId {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Nhs(_) => Kind::Nhs,
            Self::Council(_) => Kind::Council,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Nhs(number) => nhs_bytes(*number).to_vec(),
            Self::Council(id) => id.as_bytes().to_vec(),
        }
    }

    /// The id of an interned text.
    pub(super) fn of(kind: Kind, text: &[u8]) -> Option<Self> {
        match kind {
            Kind::Nhs => super::interner::nhs_number(text).map(Self::Nhs),
            Kind::Council => std::str::from_utf8(text).ok().map(|id| Self::Council(id.to_owned())),
            Kind::Key => None,
        }
    }
}

/// HMAC-SHA256 under the store's secret. HKDF's extract step is HMAC by definition (RFC 5869, 2.2).
pub(super) type Fingerprint = [u8; 32];

/// All marks of a store, for the length of one transaction.
pub(super) struct Marks {
    secret: Zeroizing<Vec<u8>>,
    held: HashSet<(u8, Fingerprint)>,
}

impl Marks {
    pub(super) fn load(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let secret = tx.query_row("SELECT bytes FROM secret WHERE name = 'fingerprint'", [], |row| row.get(0))?;
        let mut statement = tx.prepare_cached("SELECT kind, fingerprint FROM mark")?;
        let held = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        Ok(Self { secret: Zeroizing::new(secret), held })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn fingerprint(&self, id: &PersonId) -> Fingerprint {
        let text = match id {
            PersonId::Nhs(number) => format!("nhs:{number:010}"),
            PersonId::Council(id) => format!("council:{}", folded(id)),
        };
        Hkdf::<Sha256>::extract(Some(&self.secret), text.as_bytes()).0.into()
    }

    pub(super) fn has(&self, mark: Mark, id: &PersonId) -> bool {
        !self.held.is_empty() && self.held.contains(&(mark as u8, self.fingerprint(id)))
    }

    /// Marks a person by all their ids, and the interned numbers of these. True when any of it is new.
    pub(super) fn add(
        &mut self,
        tx: &Transaction<'_>,
        interner: &mut Interner,
        mark: Mark,
        ids: &[PersonId],
        since: Day,
    ) -> rusqlite::Result<bool> {
        let Some(person) = ids.first().map(|id| self.fingerprint(id)) else { return Ok(false) };
        let mut new = false;
        for id in ids {
            let fingerprint = self.fingerprint(id);
            new |= self.held.insert((mark as u8, fingerprint));
            tx.prepare_cached("INSERT OR IGNORE INTO mark (kind, fingerprint, person, since) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![mark as u8, fingerprint, person, since.number()])?;
            if let Some(number) = interner.find(id.kind(), &id.bytes()) {
                note(tx, mark, number)?;
            }
        }
        Ok(new)
    }

    /// Takes a mark away from an id and from all that were marked with it. True when there was one.
    pub(super) fn lift(
        &mut self,
        tx: &Transaction<'_>,
        interner: &Interner,
        mark: Mark,
        id: &PersonId,
    ) -> rusqlite::Result<bool> {
        let lifted = tx.execute(
            "DELETE FROM mark WHERE kind = ?1
             AND person IN (SELECT person FROM mark WHERE kind = ?1 AND fingerprint = ?2)",
            params![mark as u8, self.fingerprint(id)],
        )?;
        *self = Self::load(tx)?;
        for number in marked(tx, mark)? {
            let id = interner.text(number).and_then(|(kind, text)| PersonId::of(kind, text));
            if !id.is_some_and(|id| self.has(mark, &id)) {
                tx.execute("DELETE FROM marked WHERE kind = ?1 AND id = ?2", params![mark as u8, number])?;
            }
        }
        Ok(lifted > 0)
    }

    /// Notes the marks of a text that was just interned.
    pub(super) fn note_new(&self, tx: &Transaction<'_>, id: &PersonId, number: u32) -> rusqlite::Result<()> {
        for mark in [Mark::Restricted, Mark::OptedOut] {
            if self.has(mark, id) {
                note(tx, mark, number)?;
            }
        }
        Ok(())
    }
}

fn note(tx: &Transaction<'_>, mark: Mark, number: u32) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO marked (kind, id) VALUES (?1, ?2)")?
        .execute(params![mark as u8, number])
        .map(drop)
}

/// The interned numbers that carry a mark.
pub(super) fn marked(tx: &Transaction<'_>, mark: Mark) -> rusqlite::Result<HashSet<u32>> {
    let mut statement = tx.prepare_cached("SELECT id FROM marked WHERE kind = ?1")?;
    statement.query_map([mark as u8], |row| row.get(0))?.collect()
}
