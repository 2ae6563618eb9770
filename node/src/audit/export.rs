//! The log as JSON Lines, for a council's own log keeper or an auditor's tools.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::{Book, Entry, Error, Record};

/// One line of the export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Number of the entry.
    pub number: u64,
    /// When, RFC 3339 in UTC.
    pub moment: String,
    /// What, as it stands in the log: its bytes are what the digest is over.
    pub record: Record,
    /// Digest of the entry before it, hexadecimal.
    pub previous: String,
    /// Its own digest, hexadecimal.
    pub digest: String,
}

impl Line {
    /// The entry as it stands in the log; `None` when a digest is none.
    pub(super) fn entry(&self) -> Option<Entry> {
        let digest = |text: &str| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
        };
        Some(Entry {
            number: self.number,
            moment: self.moment.clone(),
            body: serde_json::to_string(&self.record).ok()?,
            previous: digest(&self.previous)?,
            digest: digest(&self.digest)?,
        })
    }
}

impl Book {
    /// Writes every entry from `first` on as one line of JSON. Returns the number of lines.
    ///
    /// # Errors
    /// [`Error::Entry`] at an entry that cannot be read, [`Error::Write`], [`Error::Store`].
    pub fn export(&self, first: u64, to: &mut impl Write) -> Result<u64, Error> {
        let mut lines = 0;
        self.entries(first, |entry| {
            let record = serde_json::from_str(&entry.body)
                .map_err(|e| Error::Entry { number: entry.number, detail: e.to_string() })?;
            let line = Line {
                number: entry.number,
                moment: entry.moment,
                record,
                previous: hex::encode(entry.previous),
                digest: hex::encode(entry.digest),
            };
            let text = serde_json::to_string(&line)
                .map_err(|e| Error::Entry { number: entry.number, detail: e.to_string() })?;
            writeln!(to, "{text}")?;
            lines += 1;
            Ok(())
        })?;
        to.flush()?;
        Ok(lines)
    }
}
