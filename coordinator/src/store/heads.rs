//! Heads of councils' ledgers, as witnessed. A ledger that goes back, or that has another entry where one was seen, was
//! restored or forked, and the next welcome tells the council what was seen.

use folkmoot_proto::ids::CouncilCode;
use rusqlite::{OptionalExtension as _, params};

use super::{Error, Store};

/// Which of a council's append-only records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// What was spent.
    Ledger,
    /// What happened.
    Audit,
}

impl Record {
    fn word(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Audit => "audit",
        }
    }
}

/// The head of an append-only record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub entries: u64,
    /// SHA-256 of the last entry, chained.
    pub digest: Vec<u8>,
}

impl Store {
    /// Remembers a head, and says whether it contradicts an earlier one: fewer entries than seen, or another digest for
    /// the same number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn witness(&self, council: CouncilCode, record: Record, head: &Head, now: i64) -> Result<bool, Error> {
        let digest: Vec<u8> = head.digest.iter().copied().take(64).collect();
        Ok(self.database.write("witness a head", |tx| {
            let (code, word) = (council.to_string(), record.word());
            let contradicted: bool = tx
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM heads WHERE council = ?1 AND record = ?2 \
                     AND (entries > ?3 OR (entries = ?3 AND digest <> ?4)))",
                )?
                .query_row(params![code, word, head.entries as i64, digest], |row| row.get(0))?;
            tx.prepare_cached(
                "INSERT INTO heads (council, record, entries, digest, seen) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![code, word, head.entries as i64, digest, now])?;
            Ok(contradicted)
        })?)
    }

    /// The head with the most entries that was ever seen.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn witnessed(&self, council: CouncilCode, record: Record) -> Result<Option<Head>, Error> {
        Ok(self.database.read("read a witnessed head", |tx| {
            tx.prepare_cached(
                "SELECT entries, digest FROM heads WHERE council = ?1 AND record = ?2 \
                 ORDER BY entries DESC, seen LIMIT 1",
            )?
            .query_row(params![council.to_string(), record.word()], |row| {
                Ok(Head { entries: row.get::<_, i64>(0)?.unsigned_abs(), digest: row.get(1)? })
            })
            .optional()
        })?)
    }

    /// Remembers heads that other councils have kept and shown. Returns the councils of which a later head was shown than
    /// any seen here.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn learn(&self, heads: &[(CouncilCode, Head)], now: i64) -> Result<Vec<CouncilCode>, Error> {
        Ok(self.database.write("learn heads", |tx| {
            let mut news = Vec::new();
            for (council, head) in heads {
                let (code, word, digest) = (council.to_string(), Record::Ledger.word(), &head.digest);
                let Ok(entries) = i64::try_from(head.entries) else { continue };
                let most: Option<i64> = tx
                    .prepare_cached("SELECT max(entries) FROM heads WHERE council = ?1 AND record = ?2")?
                    .query_row(params![code, word], |row| row.get(0))?;
                tx.prepare_cached(
                    "INSERT INTO heads (council, record, entries, digest, seen) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![code, word, entries, digest, now])?;
                if most.is_none_or(|most| most < entries) {
                    news.push(*council);
                }
            }
            Ok(news)
        })?)
    }

    /// Every head ever seen, by council, newest last: council, record, head, first seen.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn heads(&self) -> Result<Vec<(String, String, Head, i64)>, Error> {
        Ok(self.database.read("list witnessed heads", |tx| {
            tx.prepare_cached(
                "SELECT council, record, entries, digest, seen FROM heads WHERE entries > 0 \
                 ORDER BY council, record, entries, seen",
            )?
            .query_map([], |row| {
                let head = Head { entries: row.get::<_, i64>(2)?.unsigned_abs(), digest: row.get(3)? };
                Ok((row.get(0)?, row.get(1)?, head, row.get(4)?))
            })?
            .collect()
        })?)
    }

    /// Every council that ever linked.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn councils_seen(&self) -> Result<Vec<CouncilCode>, Error> {
        let codes = self.database.read("list councils seen", |tx| {
            tx.prepare_cached("SELECT DISTINCT council FROM heads ORDER BY council")?
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(codes.iter().filter_map(|code| CouncilCode::parse(code).ok()).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_goes_back_or_forks_contradicts_what_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("c.db")).unwrap();
        let council = CouncilCode::parse("503").unwrap();
        let head = |entries, byte| Head { entries, digest: vec![byte; 32] };
        let witness = |head: Head| store.witness(council, Record::Ledger, &head, 1).unwrap();
        assert!(!witness(head(3, 1)));
        assert!(!witness(head(3, 1)));
        assert!(!witness(head(5, 2)));
        assert!(witness(head(4, 3)), "a ledger behind what was seen was taken");
        assert!(witness(head(5, 9)), "a forked ledger was taken");
        assert!(!store.witness(council, Record::Audit, &head(1, 1), 1).unwrap());
        assert_eq!(store.witnessed(council, Record::Ledger).unwrap().unwrap().entries, 5);
        assert_eq!(store.councils_seen().unwrap(), [council]);
        assert_eq!(store.heads().unwrap().len(), 5);
    }

    #[test]
    fn heads_that_peers_have_kept_are_learnt_when_they_are_later_than_what_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("c.db")).unwrap();
        let council = CouncilCode::parse("503").unwrap();
        let head = |entries, byte| Head { entries, digest: vec![byte; 32] };
        // The database was lost: what peers show is all there is.
        assert_eq!(store.learn(&[(council, head(7, 1))], 1).unwrap(), [council]);
        assert_eq!(store.witnessed(council, Record::Ledger).unwrap().unwrap(), head(7, 1));
        assert!(store.witness(council, Record::Ledger, &head(5, 2), 2).unwrap(), "a restored ledger was taken");
        // An earlier head is no news, and no number stands that no chain can have.
        assert!(store.learn(&[(council, head(6, 1)), (council, head(u64::MAX, 1))], 3).unwrap().is_empty());
        assert_eq!(store.witnessed(council, Record::Ledger).unwrap().unwrap(), head(7, 1));
    }
}
