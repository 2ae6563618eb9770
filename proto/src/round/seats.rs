//! Who is who inside one round: seats, sets of seats, and the roll of those who may sign.

use std::collections::BTreeMap;
use std::fmt;

use ed25519_dalek::VerifyingKey;
use thiserror::Error;

use super::transcript::Hash;
use crate::registry::VerifiedRegistry;

/// The place of a council in the sorted cohort of one round, from 0.
///
/// The cohort is part of `T0`, so a seat means the same council to everybody in the round, and one byte suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(u8);

impl Seat {
    /// The seat with this index.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The index in the sorted cohort.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }

    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A set of seats as a bitmap of 256 bits: seat `k` is bit `k % 8` of byte `k / 8`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SeatSet([u8; 32]);

impl SeatSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; 32])
    }

    /// From a bitmap as it stands in messages.
    #[must_use]
    pub const fn from_bitmap(bitmap: [u8; 32]) -> Self {
        Self(bitmap)
    }

    /// The bitmap as it stands in messages and hashes.
    #[must_use]
    pub const fn bitmap(&self) -> &[u8; 32] {
        &self.0
    }

    /// Puts a seat in; false when it was there already.
    pub fn insert(&mut self, seat: Seat) -> bool {
        let (byte, bit) = (seat.at() / 8, 1 << (seat.at() % 8));
        let new = self.0[byte] & bit == 0;
        self.0[byte] |= bit;
        new
    }

    /// Whether the seat is in the set.
    #[must_use]
    pub const fn contains(&self, seat: Seat) -> bool {
        self.0[seat.at() / 8] & (1 << (seat.at() % 8)) != 0
    }

    /// How many seats are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|b| b.count_ones() as usize).sum()
    }

    /// Whether nobody is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 32]
    }

    /// The seats in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Seat> + '_ {
        (0..=u8::MAX).map(Seat).filter(|s| self.contains(*s))
    }

    /// Whether every seat of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }

    /// The seats of this set that are not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut out = *self;
        for (a, b) in out.0.iter_mut().zip(&other.0) {
            *a &= !b;
        }
        out
    }
}

impl FromIterator<Seat> for SeatSet {
    fn from_iter<I: IntoIterator<Item = Seat>>(seats: I) -> Self {
        let mut set = Self::new();
        for seat in seats {
            set.insert(seat);
        }
        set
    }
}

impl fmt::Debug for SeatSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Seat::index)).finish()
    }
}

/// A signing key and when it may be used.
///
/// **Units**: seconds since 1970-01-01 UTC, from inclusive, to exclusive.
#[derive(Clone, Debug)]
pub struct Signatory {
    /// The Ed25519 key of the signing certificate.
    pub key: VerifyingKey,
    /// First second at which a signature counts.
    pub valid_from: u64,
    /// First second at which it no longer does.
    pub valid_to: u64,
}

impl Signatory {
    pub(crate) const fn valid_at(&self, now: u64) -> bool {
        self.valid_from <= now && now < self.valid_to
    }
}

/// Why a signatory cannot stand on the roll.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RollError {
    /// A key of small order would let a signature fit any message.
    #[error("the signing key of {id} is a weak Ed25519 key; issue a new signing certificate")]
    WeakKey {
        /// The council, coordinator or analyst.
        id: String,
    },
    /// Not the 32 bytes of an Ed25519 key.
    #[error("the signing key of {id} is not an Ed25519 key; issue a new signing certificate")]
    NoKey {
        /// The council.
        id: String,
    },
    /// Two entries share a name.
    #[error("{id} stands on the roll twice")]
    Duplicate {
        /// The council, coordinator or analyst.
        id: String,
    },
}

/// Everybody whose signatures count: the membership registry in the form the round needs.
///
/// The signed registry of councils gives `councils` and its hash; the coordinator and the analysts come from their
/// certificates, which the caller has checked up to the federation's authority. Nothing in a round adds to the roll.
#[derive(Clone, Debug)]
pub struct Roll {
    registry: Hash,
    councils: BTreeMap<String, Signatory>,
    coordinators: BTreeMap<String, Signatory>,
    analysts: BTreeMap<String, Signatory>,
}

impl Roll {
    /// An empty roll for the registry with this hash.
    #[must_use]
    pub const fn new(registry: Hash) -> Self {
        Self { registry, councils: BTreeMap::new(), coordinators: BTreeMap::new(), analysts: BTreeMap::new() }
    }

    /// The councils of a verified registry; coordinator and analysts are added from their certificates.
    ///
    /// # Errors
    /// [`RollError`] when a registered key is no Ed25519 key or a weak one.
    pub fn from_registry(registry: &VerifiedRegistry) -> Result<Self, RollError> {
        let mut roll = Self::new(*registry.hash());
        for member in registry.registry().members() {
            let code = member.council.as_str();
            let key =
                VerifyingKey::from_bytes(&member.signing_key).map_err(|_| RollError::NoKey { id: code.to_owned() })?;
            let second = |t: jiff::Timestamp| u64::try_from(t.as_second()).unwrap_or(0);
            roll.add_council(
                code,
                Signatory {
                    key,
                    valid_from: second(member.valid_from),
                    // The registry names the last second, the roll the first one after it.
                    valid_to: second(member.valid_until).saturating_add(1),
                },
            )?;
        }
        Ok(roll)
    }

    /// Hash of the signed registry this roll was made from.
    #[must_use]
    pub const fn registry(&self) -> &Hash {
        &self.registry
    }

    /// Adds a council by its code.
    ///
    /// # Errors
    /// [`RollError`] when the key is weak or the code is there already.
    pub fn add_council(&mut self, code: &str, signatory: Signatory) -> Result<(), RollError> {
        add(&mut self.councils, code, signatory)
    }

    /// Adds a coordinator by its name.
    ///
    /// # Errors
    /// [`RollError`] when the key is weak or the name is there already.
    pub fn add_coordinator(&mut self, name: &str, signatory: Signatory) -> Result<(), RollError> {
        add(&mut self.coordinators, name, signatory)
    }

    /// Adds an analyst by the identity in the certificate.
    ///
    /// # Errors
    /// [`RollError`] when the key is weak or the name is there already.
    pub fn add_analyst(&mut self, name: &str, signatory: Signatory) -> Result<(), RollError> {
        add(&mut self.analysts, name, signatory)
    }

    pub(crate) fn council(&self, code: &str, now: u64) -> Option<&VerifyingKey> {
        valid(&self.councils, code, now)
    }

    pub(crate) fn coordinator(&self, name: &str, now: u64) -> Option<&VerifyingKey> {
        valid(&self.coordinators, name, now)
    }

    pub(crate) fn analyst(&self, name: &str, now: u64) -> Option<&VerifyingKey> {
        valid(&self.analysts, name, now)
    }
}

fn add(map: &mut BTreeMap<String, Signatory>, id: &str, signatory: Signatory) -> Result<(), RollError> {
    if signatory.key.is_weak() {
        return Err(RollError::WeakKey { id: id.to_owned() });
    }
    if map.contains_key(id) {
        return Err(RollError::Duplicate { id: id.to_owned() });
    }
    map.insert(id.to_owned(), signatory);
    Ok(())
}

fn valid<'a>(map: &'a BTreeMap<String, Signatory>, id: &str, now: u64) -> Option<&'a VerifyingKey> {
    map.get(id).filter(|s| s.valid_at(now)).map(|s| &s.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_seats_behave_as_sets() {
        let a: SeatSet = [0, 7, 8, 200].map(Seat::new).into_iter().collect();
        let b: SeatSet = [7, 200].map(Seat::new).into_iter().collect();
        assert_eq!(a.len(), 4);
        assert!(b.is_subset(&a) && !a.is_subset(&b));
        assert_eq!(a.minus(&b).iter().map(Seat::index).collect::<Vec<_>>(), [0, 8]);
        assert_eq!(a.bitmap()[..2], [0b1000_0001, 1]);
        assert_eq!(SeatSet::from_bitmap(*a.bitmap()), a);
        assert!(!SeatSet::new().contains(Seat::new(255)));
    }

    #[test]
    fn a_weak_key_never_stands_on_the_roll() {
        // The identity point: a signature made for no message at all fits every message under it.
        let mut identity = [0; 32];
        identity[0] = 1;
        let key = VerifyingKey::from_bytes(&identity).expect("a point, though a weak one");
        let mut roll = Roll::new([0; 32]);
        let signatory = Signatory { key, valid_from: 0, valid_to: 10 };
        assert_eq!(roll.add_council("302", signatory), Err(RollError::WeakKey { id: "302".into() }));
    }
}
