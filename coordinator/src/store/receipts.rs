//! Pages of councils' receipts, kept as they were signed.

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::wire::v1 as wire;
use prost::Message as _;
use rusqlite::{OptionalExtension as _, params};

use super::{Error, Store};

impl Store {
    /// Keeps a page about the entries `first` to `last` of a council's log. One that is kept already stays as it is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn keep_receipts(
        &self,
        council: CouncilCode,
        (first, last): (u64, u64),
        taken: i64,
        reply: &wire::ReceiptsReply,
    ) -> Result<(), Error> {
        let bytes = reply.encode_to_vec();
        self.database.write("keep receipts", |tx| {
            tx.prepare_cached(
                "INSERT INTO receipts (council, first, last, taken, reply) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![council.to_string(), number(first), number(last), taken, bytes])
            .map(drop)
        })?;
        Ok(())
    }

    /// The last entry of a council's log that a kept page is about; 0 when none is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn receipts_until(&self, council: CouncilCode) -> Result<u64, Error> {
        let last: Option<i64> = self.database.read("how far receipts are kept", |tx| {
            tx.prepare_cached("SELECT max(last) FROM receipts WHERE council = ?1")?
                .query_row(params![council.to_string()], |row| row.get(0))
        })?;
        Ok(last.unwrap_or(0).unsigned_abs())
    }

    /// The first kept page about entry `from` or a later one, and where the one after it begins.
    ///
    /// # Errors
    /// [`Error::Database`]; [`Error::Row`] when it does not read back.
    pub fn kept_receipts(
        &self,
        council: CouncilCode,
        from: u64,
    ) -> Result<Option<(wire::ReceiptsReply, Option<u64>)>, Error> {
        let code = council.to_string();
        let found = self.database.read("read kept receipts", |tx| {
            let page = tx
                .prepare_cached(
                    "SELECT first, reply FROM receipts WHERE council = ?1 AND last >= ?2 ORDER BY first LIMIT 1",
                )?
                .query_row(params![code, number(from)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
                .optional()?;
            let Some((first, reply)) = page else { return Ok(None) };
            let next: Option<i64> = tx
                .prepare_cached("SELECT min(first) FROM receipts WHERE council = ?1 AND first > ?2")?
                .query_row(params![code, first], |row| row.get(0))?;
            Ok(Some((reply, next)))
        })?;
        let Some((reply, next)) = found else { return Ok(None) };
        let reply = wire::ReceiptsReply::decode(reply.as_slice())
            .map_err(|_| Error::Row { what: "page of receipts", id: format!("{council} from {from}") })?;
        Ok(Some((reply, next.map(i64::unsigned_abs))))
    }
}

/// Numbers of entries as SQLite holds them; nobody writes 2^63 of them.
fn number(entry: u64) -> i64 {
    i64::try_from(entry).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_the_entries_they_are_about() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("c.db")).unwrap();
        let council = CouncilCode::parse("503").unwrap();
        let page = |byte| wire::ReceiptsReply { statement: vec![byte], ..Default::default() };
        assert_eq!((store.receipts_until(council).unwrap(), store.kept_receipts(council, 1).unwrap()), (0, None));
        store.keep_receipts(council, (1, 40), 1, &page(1)).unwrap();
        store.keep_receipts(council, (41, 50), 2, &page(2)).unwrap();
        store.keep_receipts(council, (41, 60), 3, &page(9)).unwrap();
        assert_eq!(store.receipts_until(council).unwrap(), 50, "a page that is kept stays as it is");
        assert_eq!(store.kept_receipts(council, 1).unwrap(), Some((page(1), Some(41))));
        assert_eq!(store.kept_receipts(council, 45).unwrap(), Some((page(2), None)));
        assert_eq!(store.kept_receipts(council, 51).unwrap(), None);
        assert_eq!(store.kept_receipts(CouncilCode::parse("504").unwrap(), 1).unwrap(), None);
    }
}
