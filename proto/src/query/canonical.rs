//! Bytes that are equal exactly when what they say is.

use crate::period::ReferencePeriod;

/// Builds canonical bytes: every field is written with its length, so no two sequences of fields share their bytes.
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// Starts with a domain string that names what is digested and its version.
    pub fn new(domain: &str) -> Self {
        let mut canonical = Self(Vec::with_capacity(256));
        canonical.text(domain);
        canonical
    }

    /// Appends bytes with their length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends a number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Appends a period.
    pub fn period(&mut self, period: ReferencePeriod) -> &mut Self {
        self.number(period.first().number() as u64).number(period.last().number() as u64)
    }

    /// Appends presence, then the value.
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T) -> &mut Self) -> &mut Self {
        match value {
            None => self.number(0),
            Some(value) => {
                self.number(1);
                write(self, value)
            }
        }
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}
