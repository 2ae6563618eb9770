//! Whether the log is whole, and whether the budget says what the log says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::rows::Said;
use super::{Action, Book, Entry, Error, Head, Line, Record, chain};
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

/// The chain as far as it was walked.
#[derive(Default)]
struct Walk {
    previous: [u8; 32],
    number: u64,
    count: u64,
    moment: Option<Timestamp>,
    /// What the accounts must say; `None` where the walk did not begin with the first entry.
    totals: Option<Totals>,
    /// Digests of council figures that left, with the entry that says so.
    left: BTreeMap<String, u64>,
    /// Those that must be in store still: what left for the first time.
    stored: BTreeMap<String, u64>,
    /// What is said of attempts and held questions.
    rows: Said,
    /// The last state of the records that an entry speaks of, and that entry.
    records: Option<(u64, String)>,
}

impl Walk {
    fn from_start(genesis: [u8; 32]) -> Self {
        Self { previous: genesis, totals: Some(Totals::new()), ..Self::default() }
    }

    /// Takes the next entry, or says what is wrong with it.
    fn step(&mut self, entry: &Entry) -> Result<(), String> {
        if entry.computed() != entry.digest {
            return Err("its content does not fit its digest: it was changed".to_owned());
        }
        if entry.previous != self.previous {
            return Err("it does not follow from the entry before it: one was changed, removed or put in".to_owned());
        }
        let record = serde_json::from_str::<Record>(&entry.body)
            .map_err(|error| format!("it is not an entry of this program: {error}"))?;
        let now = entry.moment.parse::<Timestamp>().map_err(|_| "its moment cannot be read".to_owned())?;
        if entry.number != self.number + 1 && record.action != Action::Recovered {
            return Err(format!("entries {} to {} are missing", self.number + 1, entry.number.saturating_sub(1)));
        }
        let allowed = |before: Timestamp| {
            record.action == Action::Recovered && record.clock.as_deref() == Some(before.to_string().as_str())
        };
        if self.moment.is_some_and(|before| now < before && !allowed(before)) {
            return Err("its moment is before that of the entry above it".to_owned());
        }
        if let Some(totals) = &mut self.totals {
            add(totals, &record)?;
        }
        self.rows.take(entry.number, &record);
        if let Some(state) = &record.records {
            self.records = Some((entry.number, state.clone()));
        }
        if let (Action::Released | Action::Repeated, Some(digest)) = (record.action, &record.left) {
            self.left.insert(digest.clone(), entry.number);
            if record.action == Action::Released {
                self.stored.insert(digest.clone(), entry.number);
            }
        }
        self.moment = Some(now);
        (self.previous, self.number, self.count) = (entry.digest, entry.number, self.count + 1);
        Ok(())
    }

    fn report(&self, broken: Option<Broken>) -> Report {
        Report { entries: self.count, head: format!("{}:{}", self.number, hex::encode(self.previous)), broken }
    }
}

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
            let genesis = tx.query_row("SELECT genesis FROM owner", [], |row| row.get(0)).unwrap_or_default();
            let mut walk = Walk::from_start(genesis);
            let mut broken: Option<Broken> = None;
            let mut statement = tx.prepare(&format!("{} ORDER BY number", chain::COLUMNS))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let at = row.get::<_, i64>(0).map_or(walk.number + 1, i64::unsigned_abs);
                let stepped = Entry::read(row).map_err(|_| "it cannot be read".to_owned());
                if let Err(what) = stepped.and_then(|entry| walk.step(&entry)) {
                    broken = Some(Broken { entry: at, what });
                    break;
                }
            }
            drop(rows);
            if broken.is_none() {
                broken = beside(tx, &walk)?;
            }
            if broken.is_none() {
                let rows = std::mem::take(&mut walk.rows);
                broken = rows.differs(tx)?.map(|(entry, what)| Broken { entry, what });
            }
            if broken.is_none() {
                broken = bound(tx, &walk)?;
            }
            if let (None, Some(kept)) = (&broken, kept) {
                broken = against(tx, kept)?;
            }
            Ok::<_, Stop<Error>>(walk.report(broken))
        })?
    }
}

/// Checks an export as [`Book::export`] writes it, for an auditor who has the lines and not the ledger: every line is what
/// this program writes, byte for byte, fits its digest and follows from the line before it.
///
/// Where the first line is not entry 1 the entries before it are taken as they were. Of `kept` heads the one whose entry
/// is among the lines, or past them, can be compared.
///
/// # Errors
/// [`Error::Write`] when the lines cannot be read. A fault in what they hold is the report's.
pub fn verify_export(lines: impl std::io::BufRead, kept: Option<Head>) -> Result<Report, Error> {
    let mut walk: Option<Walk> = None;
    let (mut place, mut witnessed) = (0_u64, false);
    let mut lost = None;
    for line in lines.split(b'\n') {
        let line = line?;
        place += 1;
        let before = walk.as_ref().map_or(0, |walk| walk.number);
        let read = std::str::from_utf8(&line).ok().and_then(|text| {
            let read: Line = serde_json::from_str(text).ok()?;
            // Whatever differs from what was written is a change, even where it reads the same.
            (serde_json::to_string(&read).ok()?.as_bytes() == line).then_some(read)
        });
        let entry = read.as_ref().and_then(Line::entry);
        let stepped = match entry {
            None => Err((if before == 0 { place } else { before + 1 }, "it is not a line of an export".to_owned())),
            Some(entry) => {
                let walk = walk.get_or_insert_with(|| match entry.number {
                    1 => Walk::from_start(entry.previous),
                    first => Walk { previous: entry.previous, number: first.saturating_sub(1), ..Walk::default() },
                });
                if read.as_ref().is_some_and(|line| line.record.action == Action::Recovered) {
                    lost = Some((before, entry.number));
                }
                let outcome = walk.step(&entry).map_err(|what| (entry.number, what));
                if let Some(kept) = kept.filter(|kept| kept.entries == entry.number && outcome.is_ok()) {
                    witnessed = kept.digest == entry.digest;
                    if !witnessed {
                        let what = "it is not the entry that was witnessed: the log was written anew or branched off";
                        return Ok(walk.report(Some(Broken { entry: entry.number, what: what.to_owned() })));
                    }
                }
                outcome
            }
        };
        if let Err((entry, what)) = stepped {
            // A changed number names another entry; the line is certain.
            let what = format!("line {place} of the export: {what}");
            return Ok(walk.unwrap_or_default().report(Some(Broken { entry, what })));
        }
    }
    let walk = walk.unwrap_or_default();
    let missing = kept.filter(|kept| {
        let of_lost_branch = lost.is_some_and(|(after, number)| after < kept.entries && kept.entries < number);
        !witnessed && !of_lost_branch && kept.entries > walk.number
    });
    let broken = missing.map(|kept| Broken {
        entry: kept.entries,
        what: "it was witnessed and is missing: the end of the log was cut off, or this is an older export".to_owned(),
    });
    Ok(walk.report(broken))
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
            Action::Recovered | Action::Carried => *used += nano,
            _ => {}
        }
    }
    Ok(())
}

/// The tables that are kept beside the entries for speed say what the entries say.
fn beside(tx: &rusqlite::Transaction<'_>, walk: &Walk) -> rusqlite::Result<Option<Broken>> {
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
    let expected: Totals =
        walk.totals.iter().flatten().filter(|(_, v)| **v != (0, 0)).map(|(k, v)| (k.clone(), *v)).collect();
    if found != expected {
        let differs = expected.keys().chain(found.keys()).find(|key| expected.get(*key) != found.get(*key));
        let (year, account) = differs.cloned().unwrap_or_default();
        return fault(format!("the account {account} of {year} does not say what the entries say: it was changed"));
    }
    let mut statement = tx.prepare(
        "SELECT body FROM release JOIN attempt ON attempt.id = release.attempt WHERE attempt.kind = 'council'",
    )?;
    let mut rows = statement.query([])?;
    let mut missing = walk.stored.clone();
    while let Some(row) = rows.next()? {
        let digest = hex::encode(Sha256::digest(row.get::<_, Vec<u8>>(0)?));
        missing.remove(&digest);
        if !walk.left.contains_key(&digest) {
            return fault("a stored release is not what left by any entry: it was changed".to_owned());
        }
    }
    // Without it an equal question would be answered with other noise.
    Ok(missing.into_values().min().map(|entry| Broken {
        entry,
        what: "what left by it is no longer in store: the stored release was removed or changed".to_owned(),
    }))
}

/// Which state of the records the ledger knows, against the last entry that speaks of one.
fn bound(tx: &rusqlite::Transaction<'_>, walk: &Walk) -> rusqlite::Result<Option<Broken>> {
    let mut statement = tx.prepare("SELECT entry, generation || ':' || lower(hex(stamp)) FROM bound")?;
    let found: Option<(i64, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.next().transpose()?;
    let found = found.map(|(entry, state)| (entry.unsigned_abs(), state));
    Ok((found != walk.records).then(|| Broken {
        entry: walk.records.as_ref().map_or(0, |(entry, _)| *entry),
        what: "the state of the records that the ledger knows is not the one that this entry speaks of: it was changed"
            .to_owned(),
    }))
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
