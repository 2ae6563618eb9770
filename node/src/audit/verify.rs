//! Whether the log is whole, and whether the budget says what the log says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Action, Book, Error, Head, Record, chain};
use folkmoot_runtime::store::Stop;

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The entry at fault; 0 when it is not the entries but what stands beside them.
    pub entry: u64,
    /// What is wrong.
    pub what: String,
}

/// What the check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Number and digest of the last entry, to be compared with what others have kept.
    pub head: String,
    /// The first fault, if any.
    pub broken: Option<Broken>,
}

/// Running totals as the entries alone give them: used and reserved, by year and account.
type Totals = BTreeMap<(String, String), (u64, u64)>;

impl Book {
    /// Checks every entry against its digest and the one before it, then budget and stored releases against the entries,
    /// then the end against a head that somebody else has kept, when one is given.
    ///
    /// Needs nothing but the file.
    ///
    /// # Errors
    /// If the file cannot be read at all. A fault in what it holds is the report's.
    pub fn verify(&self, kept: Option<Head>) -> Result<Report, Error> {
        self.store.read_or("verify the audit log", |tx| {
            let mut previous: [u8; 32] =
                tx.query_row("SELECT genesis FROM owner", [], |row| row.get(0)).unwrap_or_default();
            let (mut number, mut count) = (0_u64, 0_u64);
            let mut moment: Option<Timestamp> = None;
            let mut totals = Totals::new();
            let mut left: BTreeMap<String, u64> = BTreeMap::new();
            let mut broken: Option<Broken> = None;
            let mut statement = tx.prepare(&format!("{} ORDER BY number", chain::COLUMNS))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let at = row.get::<_, i64>(0).map_or(number + 1, i64::unsigned_abs);
                let mut fault = |what: String| {
                    broken.get_or_insert(Broken { entry: at, what });
                };
                let Ok(entry) = chain::Entry::read(row) else {
                    fault("it cannot be read".to_owned());
                    break;
                };
                let record = serde_json::from_str::<Record>(&entry.body);
                if entry.computed() != entry.digest {
                    fault("its content does not fit its digest: it was changed".to_owned());
                } else if entry.previous != previous {
                    fault("it does not follow from the entry before it: one was changed, removed or put in".to_owned());
                }
                match (&record, entry.moment.parse::<Timestamp>()) {
                    (Ok(record), Ok(now)) => {
                        if entry.number != number + 1 && record.action != Action::Recovered {
                            fault(format!("entries {} to {} are missing", number + 1, entry.number - 1));
                        }
                        if moment.is_some_and(|before| now < before) {
                            fault("its moment is before that of the entry above it".to_owned());
                        }
                        moment = Some(now);
                        if let Err(what) = add(&mut totals, record) {
                            fault(what);
                        }
                        if let (Action::Released | Action::Repeated, Some(digest)) = (record.action, &record.left) {
                            left.insert(digest.clone(), entry.number);
                        }
                    }
                    (Err(e), _) => fault(format!("it is not an entry of this program: {e}")),
                    (_, Err(_)) => fault("its moment cannot be read".to_owned()),
                }
                if broken.is_some() {
                    break;
                }
                (previous, number, count) = (entry.digest, entry.number, count + 1);
            }
            drop(rows);
            if broken.is_none() {
                broken = beside(tx, &totals, &left)?;
            }
            if let (None, Some(kept)) = (&broken, kept) {
                broken = against(tx, kept)?;
            }
            let head = format!("{number}:{}", hex::encode(previous));
            Ok::<_, Stop<Error>>(Report { entries: count, head, broken })
        })?
    }
}

fn add(totals: &mut Totals, record: &Record) -> Result<(), String> {
    let nano = record.nano.unwrap_or(0);
    if nano == 0 {
        return Ok(());
    }
    let year = record.year.clone().unwrap_or_default();
    for account in &record.accounts {
        let (used, reserved) = totals.entry((year.clone(), account.clone())).or_default();
        let short = || format!("it takes more from the account {account} than was put there");
        match record.action {
            Action::Reserved => *reserved += nano,
            Action::Refunded => *reserved = reserved.checked_sub(nano).ok_or_else(short)?,
            Action::Masked | Action::Released => {
                *reserved = reserved.checked_sub(nano).ok_or_else(short)?;
                *used += nano;
            }
            Action::Recovered => *used += nano,
            _ => {}
        }
    }
    Ok(())
}

/// The tables that are kept beside the entries for speed say what the entries say.
fn beside(
    tx: &rusqlite::Transaction<'_>,
    totals: &Totals,
    left: &BTreeMap<String, u64>,
) -> rusqlite::Result<Option<Broken>> {
    let fault = |what: String| Ok(Some(Broken { entry: 0, what }));
    let mut statement = tx.prepare("SELECT year, scope || ':' || name, used, reserved FROM account")?;
    let rows = statement.query_map([], |row| {
        let (used, reserved): (i64, i64) = (row.get(2)?, row.get(3)?);
        Ok(((row.get(0)?, row.get(1)?), (used.unsigned_abs(), reserved.unsigned_abs())))
    })?;
    let mut found = Totals::new();
    for row in rows {
        let (key, value) = row?;
        if value != (0, 0) {
            found.insert(key, value);
        }
    }
    let expected: Totals = totals.iter().filter(|(_, v)| **v != (0, 0)).map(|(k, v)| (k.clone(), *v)).collect();
    if found != expected {
        let differs = expected.keys().chain(found.keys()).find(|key| expected.get(*key) != found.get(*key));
        let (year, account) = differs.cloned().unwrap_or_default();
        return fault(format!("the account {account} of {year} does not say what the entries say: it was changed"));
    }
    let mut statement = tx.prepare(
        "SELECT body FROM release JOIN attempt ON attempt.id = release.attempt WHERE attempt.kind = 'council'",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(0)?;
        if !left.contains_key(&hex::encode(Sha256::digest(&body))) {
            return fault("a stored release is not what left by any entry: it was changed".to_owned());
        }
    }
    Ok(None)
}

/// The end of the log against a head that somebody else has kept.
fn against(tx: &rusqlite::Transaction<'_>, kept: Head) -> rusqlite::Result<Option<Broken>> {
    let number = i64::try_from(kept.entries).unwrap_or(i64::MAX);
    let lost =
        tx.query_row("SELECT 1 FROM recovery WHERE after < ?1 AND ?1 <= through LIMIT 1", [number], |_| Ok(())).is_ok();
    if kept.entries == 0 || lost {
        return Ok(None);
    }
    let here: Option<[u8; 32]> =
        tx.query_row("SELECT digest FROM entry WHERE number = ?1", [number], |row| row.get(0)).ok();
    Ok(match here {
        Some(digest) if digest == kept.digest => None,
        Some(_) => Some(Broken {
            entry: kept.entries,
            what: "it is not the entry that was witnessed: the log was written anew or branched off".to_owned(),
        }),
        None => Some(Broken {
            entry: kept.entries,
            what: "it was witnessed and is missing: the end of the log was cut off, or an older copy restored"
                .to_owned(),
        }),
    })
}

impl std::str::FromStr for Head {
    type Err = String;

    /// `NUMBER:DIGEST`, as [`Report::head`] prints it.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("'{text}' is not a head: a number, a colon and 64 hexadecimal characters are expected");
        let (number, digest) = text.trim().split_once(':').ok_or_else(bad)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digest, &mut bytes).map_err(|_| bad())?;
        Ok(Self { entries: number.parse().map_err(|_| bad())?, digest: bytes })
    }
}
