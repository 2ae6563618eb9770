//! Which national floor the node has worked under: once a version was seen, no earlier one is taken again, and none at
//! all is not either.
//!
//! The chain itself is the memory. A table beside it could be set back without a trace; an entry cannot.

use folkmoot_proto::floor::{self, VerifiedFloor};
use folkmoot_proto::identity::Federation;

use super::{Error, Ledger, Step};
use crate::audit::{Action, FloorMark, Record, chain};

/// Why a floor is not taken; what was in force stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FloorError {
    /// Older than one that was in force here, or another of the same version.
    #[error(
        "this node has worked under version {held} of the national floor, and the one on disk cannot take its place; \
         get the newest floor.json from the federation's authority (a restored backup brings an old one along)"
    )]
    Back {
        /// The version that was in force.
        held: u64,
        /// What does not follow from what.
        #[source]
        source: floor::Refusal,
    },
    /// There is none, and there was one.
    #[error(
        "floor.json is missing, and this node has worked under version {held} of the national floor: a floor cannot be \
         taken away by deleting it; get the newest floor.json from the federation's authority"
    )]
    Missing {
        /// The version that was in force.
        held: u64,
    },
}

/// The floor that was last in force here. Another federation counts its own versions.
fn held(step: &Step<'_>, federation: &Federation) -> rusqlite::Result<Option<FloorMark>> {
    let taken = step.one(
        "SELECT body FROM entry
         WHERE CASE WHEN body LIKE '{\"action\":\"floor-taken\"%' THEN json_extract(body, '$.floor.federation') END = ?1
         ORDER BY number DESC LIMIT 1",
        [federation.as_str()],
        |row| row.get::<_, String>(0),
    )?;
    Ok(taken.and_then(|body| serde_json::from_str::<Record>(&body).ok()?.floor))
}

/// Whether the last that the log says of floors is that this one was refused.
fn refused_last(step: &Step<'_>, mark: Option<&FloorMark>) -> rusqlite::Result<bool> {
    let last = step.one(
        "SELECT body FROM entry WHERE body LIKE '{\"action\":\"floor-%' ORDER BY number DESC LIMIT 1",
        [],
        |row| row.get::<_, String>(0),
    )?;
    let last = last.and_then(|body| serde_json::from_str::<Record>(&body).ok());
    Ok(last.is_some_and(|last| last.action == Action::FloorRefused && last.floor.as_ref() == mark))
}

/// Whether `floor` may take the place of `held`.
fn follows(held: Option<&FloorMark>, floor: Option<&VerifiedFloor>) -> Result<(), FloorError> {
    let Some(held) = held else { return Ok(()) };
    let Some(floor) = floor else { return Err(FloorError::Missing { held: held.version }) };
    let mut hash = [0; 32];
    // A hash that does not read back is no floor's: another content under this version is then refused, as it should be.
    let _ = hex::decode_to_slice(&held.hash, &mut hash);
    floor.follows(held.version, &hash).map_err(|source| FloorError::Back { held: held.version, source })
}

impl Ledger {
    /// Checks that a floor may be in force here, without writing anything.
    ///
    /// # Errors
    /// [`Error::Floor`]; [`Error::Store`].
    pub fn check_floor(&self, federation: &Federation, floor: Option<&VerifiedFloor>) -> Result<(), Error> {
        let held = self.look("the national floor held", |step| held(step, federation))?;
        Ok(follows(held.as_ref(), floor)?)
    }

    /// Takes a floor into force, and writes down which: true when it is another than before. `None` when there is none.
    ///
    /// # Guarantee
    /// A floor older than any that was taken before is refused, across restarts, and so is none after one. The refusal
    /// stands in the log, once for each floor refused in a row.
    ///
    /// # Errors
    /// [`Error::Floor`], and the floor must then not be used; [`Error::Store`].
    pub fn take_floor(&self, federation: &Federation, floor: Option<&VerifiedFloor>) -> Result<bool, Error> {
        let mark = floor.map(|floor| FloorMark {
            federation: federation.to_string(),
            version: floor.version(),
            hash: hex::encode(floor.hash()),
        });
        // A running node asks again and again, and nearly always there is nothing to write: whoever writes is not kept
        // waiting for that.
        let known = self.look("the national floor held", |step| {
            let held = held(step, federation)?;
            match follows(held.as_ref(), floor) {
                Ok(()) => Ok((held == mark).then_some(Ok(false))),
                Err(error) => Ok(refused_last(step, mark.as_ref())?.then_some(Err(error))),
            }
        })?;
        if let Some(known) = known {
            return Ok(known?);
        }
        let taken = self.step("take a national floor", |step| {
            let held = held(step, federation)?;
            if let Err(error) = follows(held.as_ref(), floor) {
                if !refused_last(step, mark.as_ref())? {
                    let mut record = Record::new(Action::FloorRefused, "node");
                    record.floor = mark;
                    record.decision = Some(match std::error::Error::source(&error) {
                        Some(cause) => {
                            format!("{cause}; version {} stays in force", held.map_or(0, |held| held.version))
                        }
                        None => error.to_string(),
                    });
                    chain::append(step, &record)?;
                }
                return Ok(Err(error));
            }
            if held == mark {
                return Ok(Ok(false));
            }
            let mut record = Record::new(Action::FloorTaken, "node");
            record.decision = Some(match (&held, floor) {
                (Some(held), Some(floor)) => {
                    format!(
                        "version {}, signed {}, follows version {}",
                        floor.version(),
                        floor.issued_at(),
                        held.version
                    )
                }
                (None, Some(floor)) => {
                    format!("version {}, signed {}, is the first", floor.version(), floor.issued_at())
                }
                (_, None) => String::new(),
            });
            record.floor = mark;
            chain::append(step, &record)?;
            Ok(Ok(true))
        })?;
        Ok(taken?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use folkmoot_proto::floor::SignedFloor;
    use folkmoot_proto::governance::GovernanceKey;

    use super::*;
    use crate::audit::{Book, Line};
    use crate::ledger::tests::Bench;

    fn england() -> Federation {
        Federation::parse("england").unwrap()
    }

    fn floor(version: u64, text: &str) -> VerifiedFloor {
        of(&england(), version, text)
    }

    fn of(federation: &Federation, version: u64, text: &str) -> VerifiedFloor {
        let key = SigningKey::from_bytes(&[9; 32]);
        let issued = "2026-06-01T00:00:00Z".parse().unwrap();
        let signed = SignedFloor::sign(federation.clone(), version, issued, text.to_owned(), &key).unwrap();
        signed.verify(&GovernanceKey::of(&key), federation).unwrap()
    }

    fn said(ledger: &Ledger) -> Vec<(Action, Option<u64>)> {
        let mut log = Vec::new();
        Book::of(ledger).export(1, &mut log).unwrap();
        let lines = String::from_utf8(log).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().record);
        lines
            .filter(|record| matches!(record.action, Action::FloorTaken | Action::FloorRefused))
            .map(|record| (record.action, record.floor.map(|mark| mark.version)))
            .collect()
    }

    #[test]
    fn a_floor_once_seen_is_never_followed_by_an_older_one_also_after_a_restart() {
        let bench = Bench::new();
        let ledger = bench.create();
        assert!(!ledger.take_floor(&england(), None).unwrap(), "no floor where there never was one is nothing new");
        assert!(ledger.take_floor(&england(), Some(&floor(5, "a"))).unwrap());
        assert!(!ledger.take_floor(&england(), Some(&floor(5, "a"))).unwrap());
        drop(ledger);
        let ledger = bench.open();
        let older = ledger.take_floor(&england(), Some(&floor(4, "b"))).unwrap_err();
        let held = floor::Refusal::Older { found: 4, held: 5 };
        assert!(matches!(&older, Error::Floor(FloorError::Back { held: 5, source }) if *source == held), "{older}");
        let fork = ledger.take_floor(&england(), Some(&floor(5, "c"))).unwrap_err();
        assert!(matches!(fork, Error::Floor(FloorError::Back { source: floor::Refusal::Fork(5), .. })));
        let gone = ledger.take_floor(&england(), None).unwrap_err();
        assert!(matches!(gone, Error::Floor(FloorError::Missing { held: 5 })));
        drop(ledger);
        let ledger = bench.open();
        assert!(ledger.check_floor(&england(), Some(&floor(4, "b"))).is_err());
        assert!(ledger.check_floor(&england(), Some(&floor(5, "a"))).is_ok());
        assert!(ledger.take_floor(&england(), Some(&floor(7, "d"))).unwrap());
        assert_eq!(
            said(&ledger),
            [
                (Action::FloorTaken, Some(5)),
                (Action::FloorRefused, Some(4)),
                (Action::FloorRefused, Some(5)),
                (Action::FloorRefused, None),
                (Action::FloorTaken, Some(7)),
            ]
        );
        bench.sound();
    }

    #[test]
    fn the_same_refusal_again_and_again_is_one_entry() {
        let bench = Bench::new();
        let ledger = bench.create();
        ledger.take_floor(&england(), Some(&floor(2, ""))).unwrap();
        for _ in 0..3 {
            ledger.take_floor(&england(), Some(&floor(1, ""))).unwrap_err();
        }
        assert_eq!(said(&ledger), [(Action::FloorTaken, Some(2)), (Action::FloorRefused, Some(1))]);
    }

    #[test]
    fn another_federation_counts_its_own_versions() {
        let bench = Bench::new();
        let ledger = bench.create();
        ledger.take_floor(&england(), Some(&floor(9, ""))).unwrap();
        let wales = Federation::parse("wales").unwrap();
        assert!(ledger.take_floor(&wales, Some(&of(&wales, 1, ""))).unwrap());
        assert!(ledger.take_floor(&england(), Some(&floor(8, ""))).is_err());
    }
}
