//! Heads of ledgers that councils keep for each other, as they signed them in joint rounds.
//!
//! ```text
//! tell      this ledger's head, and the head it told before, for the council to sign        step 0
//! exchange  what was kept of the others, to be shown to them; their new heads, to be kept   step 1
//! shown     what the others have kept of this ledger, looked for in it                      step 2
//! ```
//!
//! Only what this council has signed itself counts against it: a peer, or a thief of its messages, can invent nothing. What
//! was kept of another council is given up for a later head of it only when that head's own account of what was told before
//! does not pass it over: otherwise a coordinator could let a restored ledger run past the evidence, in rounds that it breaks
//! off before anybody is shown anything.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use folkmoot_proto::round::Seat;
use folkmoot_proto::round::messages::Advert;
use folkmoot_proto::round::witness::{Head as Mark, Peer, Seen, Standing, Statement};
use folkmoot_runtime::store::{self, Store};
use jiff::Timestamp;
use rusqlite::params;

use super::witness::known;
use super::{Error, Ledger, Step};
use crate::audit::{Head, chain};

/// Most contradicted heads that are kept of one council: each stands for one restored ledger.
const MOST_CONTESTED: usize = 4;

/// A head of another council's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerHead {
    /// Whose ledger.
    pub council: String,
    /// Its last entry.
    pub head: Head,
    /// The message in which that council signed it.
    pub advert: Vec<u8>,
    /// The Ed25519 key under which it was signed.
    pub signer: [u8; 32],
    /// When it was first seen.
    pub seen: Timestamp,
    /// Whether a later head of the same council passed it over: that ledger had been restored or copied.
    pub contested: bool,
}

struct Kept {
    mark: Mark,
    advert: Vec<u8>,
    contested: bool,
}

/// What becomes of a head that was kept when its council shows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The other is the same, or an earlier one that comes late.
    Keep,
    /// The other goes on from it, or from a later one.
    Replace,
    /// The other passes it over.
    Contest,
}

/// Heads told by one ledger only grow, and each names the one told before. So whoever shows a head at or above the kept one
/// and names an earlier one than the kept one as told before has forgotten to have told the kept one.
fn judge(kept: &Mark, shown: &Standing) -> Verdict {
    if shown.head == *kept || shown.head.entries < kept.entries {
        Verdict::Keep
    } else if shown.before == *kept || shown.before.entries > kept.entries {
        Verdict::Replace
    } else {
        Verdict::Contest
    }
}

impl Ledger {
    /// Where this ledger stands, for the council to sign under `key` in a message that leaves only after this has returned.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tell(&self, key: &VerifyingKey) -> Result<Standing, Error> {
        Ok(self.step("tell the head", |step| {
            note_signer(step, key)?;
            let head = chain::last(step)?.0;
            let before = step.one("SELECT entries, digest FROM told", [], mark)?.unwrap_or_default();
            step.execute(
                "INSERT INTO told (one, entries, digest) VALUES (1, ?1, ?2)
                 ON CONFLICT DO UPDATE SET entries = ?1, digest = ?2",
                params![signed(head.entries), head.digest],
            )?;
            Ok(Standing { head: Mark { entries: head.entries, digest: head.digest }, before })
        })?)
    }

    /// Notes that this council signs heads with `key` from now on, so that they count after the key is renewed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn sign_with(&self, key: &VerifyingKey) -> Result<(), Error> {
        Ok(self.step("note the signing key", |step| note_signer(step, key))?)
    }

    /// What was kept of these councils before, as statements for them; their new heads are kept.
    ///
    /// The adverts' signatures have been checked under the keys that come with them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn exchange(&self, peers: &[Peer<'_>]) -> Result<Vec<Statement>, Error> {
        Ok(self.step("keep heads of peers", |step| {
            let mut all: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
            let rows = step.all("SELECT council, entries, digest, advert, contested FROM peer_head", [], |row| {
                let mark = Mark { entries: row.get::<_, i64>(1)?.unsigned_abs(), digest: row.get(2)? };
                Ok((row.get(0)?, Kept { mark, advert: row.get(3)?, contested: row.get(4)? }))
            })?;
            for (council, kept) in rows {
                let council: String = council;
                all.entry(council).or_default().push(kept);
            }
            let mut said = Vec::new();
            for peer in peers {
                let kept = all.remove(peer.council).unwrap_or_default();
                said.extend(kept.iter().filter_map(|kept| statement(peer.seat, kept)));
                let latest = kept.iter().find(|kept| !kept.contested).map(|kept| kept.mark);
                keep(step, peer, latest.as_ref())?;
            }
            Ok(said)
        })?)
    }

    /// Looks for what peers have kept of this ledger in the ledger itself.
    ///
    /// What this council did not sign, under `current` or a key it signed with before, changes nothing. What it signed and
    /// does not hold puts it in doubt, as [`Ledger::observe_witness`].
    ///
    /// # Errors
    /// [`Error::Refused`] with [`Reason::LedgerInDoubt`](folkmoot_proto::reason::Reason::LedgerInDoubt); [`Error::Store`].
    pub fn shown(&self, seen: &[Seen], current: &VerifyingKey) -> Result<(), Error> {
        let mut marks: BTreeMap<Mark, Vec<&Seen>> = BTreeMap::new();
        for one in seen {
            marks.entry(one.advert.entry.ledger.head).or_default().push(one);
        }
        let (strange, mut keys) = self.look("compare what peers have kept", |step| {
            let mut strange = Vec::new();
            for (mark, shown) in marks {
                if !known(step, signed(mark.entries), &mark.digest)? {
                    strange.push((mark, shown));
                }
            }
            let keys: Vec<[u8; 32]> = step.all("SELECT key FROM signer", [], |row| row.get(0))?;
            Ok((strange, keys))
        })?;
        if strange.is_empty() {
            return Ok(());
        }
        keys.push(current.to_bytes());
        let keys: Vec<VerifyingKey> = keys.iter().filter_map(|key| VerifyingKey::from_bytes(key).ok()).collect();
        let mut verdict = Ok(());
        for (mark, shown) in strange {
            let own = |one: &&Seen| keys.iter().any(|key| one.advert.is_signed_by(key));
            match shown.iter().copied().find(own) {
                Some(one) => {
                    let head = Head { entries: mark.entries, digest: mark.digest };
                    verdict = self.observe(&head, &format!("kept by council {}", one.by));
                    // Only what is written down is a doubt: a file that cannot be written is told as such.
                    if !matches!(verdict, Err(Error::Refused(_))) {
                        return verdict;
                    }
                }
                None => {
                    let by: Vec<&str> = shown.iter().map(|one| one.by.as_str()).collect();
                    tracing::warn!(
                        entry = mark.entries,
                        councils = %by.join(", "),
                        "other councils show a head of this council's ledger that it never signed; nothing follows from it"
                    );
                }
            }
        }
        verdict
    }

    /// The heads that this council keeps of others' ledgers, by council, newest last.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn peer_heads(&self) -> Result<Vec<PeerHead>, Error> {
        Ok(peer_heads(self.store())?)
    }
}

/// The heads of others' ledgers that stand in a ledger's file, by council, newest last.
///
/// # Errors
/// As the store's.
pub(crate) fn peer_heads(store: &Store) -> Result<Vec<PeerHead>, store::Error> {
    store.read("list heads of peers", |tx| {
        tx.prepare_cached(
            "SELECT council, entries, digest, advert, signer, seen, contested FROM peer_head
             ORDER BY council, seen, entries",
        )?
        .query_map([], |row| {
            Ok(PeerHead {
                council: row.get(0)?,
                head: Head { entries: row.get::<_, i64>(1)?.unsigned_abs(), digest: row.get(2)? },
                advert: row.get(3)?,
                signer: row.get(4)?,
                seen: Timestamp::from_second(row.get(5)?).unwrap_or(Timestamp::UNIX_EPOCH),
                contested: row.get(6)?,
            })
        })?
        .collect()
    })
}

fn signed(entries: u64) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}

fn mark(row: &rusqlite::Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark { entries: row.get::<_, i64>(0)?.unsigned_abs(), digest: row.get(1)? })
}

fn note_signer(step: &Step<'_>, key: &VerifyingKey) -> rusqlite::Result<()> {
    step.execute(
        "INSERT INTO signer (key, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![key.to_bytes(), step.second()],
    )?;
    Ok(())
}

/// `None` for what a later program has kept.
fn statement(seat: Seat, kept: &Kept) -> Option<Statement> {
    Some(Statement { seat, advert: Advert::decode(&kept.advert).ok()? })
}

fn keep(step: &Step<'_>, peer: &Peer<'_>, latest: Option<&Mark>) -> rusqlite::Result<()> {
    let shown = &peer.advert.entry.ledger;
    // A number beyond what a chain can have stands for nothing.
    if shown.head.entries == 0 || i64::try_from(shown.head.entries).is_err() {
        return Ok(());
    }
    match latest.map(|latest| judge(latest, shown)) {
        Some(Verdict::Keep) => return Ok(()),
        Some(Verdict::Replace) => {
            step.execute("DELETE FROM peer_head WHERE council = ?1 AND contested = 0", params![peer.council])?;
        }
        Some(Verdict::Contest) => {
            tracing::warn!(
                council = peer.council,
                entry = shown.head.entries,
                kept = latest.map_or(0, |latest| latest.entries),
                "the ledger of another council does not go on from the head kept of it: it was restored or copied; the council \
                 is shown what was kept"
            );
            step.execute(
                "UPDATE peer_head SET contested = 1 WHERE council = ?1 AND contested = 0",
                params![peer.council],
            )?;
            step.execute(
                "DELETE FROM peer_head WHERE council = ?1 AND contested = 1 AND rowid NOT IN
                 (SELECT rowid FROM peer_head WHERE council = ?1 AND contested = 1 ORDER BY seen DESC, entries DESC LIMIT ?2)",
                params![peer.council, MOST_CONTESTED as i64],
            )?;
        }
        None => {}
    }
    step.execute(
        "INSERT INTO peer_head (council, entries, digest, advert, signer, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET contested = 0",
        params![
            peer.council,
            signed(shown.head.entries),
            shown.head.digest,
            peer.advert.encode(),
            peer.key.to_bytes(),
            step.second()
        ],
    )?;
    Ok(())
}
