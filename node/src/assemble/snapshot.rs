//! A name for a set of histories.

use std::fmt;

use folkmoot_proto::codelist;
use folkmoot_proto::period::{Day, ReferencePeriod};
use sha2::{Digest, Sha256};

use super::select::Selection;
use super::{KeyReading, Options, Submission, Variant};

/// Names one assembly. Equal ids: the same submissions speaking for the same quarters, under the same method, code
/// lists and as-of date, hence the same histories. It tells nothing about any person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId([u8; 32]);

impl SnapshotId {
    /// The id with these bytes, read back from where it was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The id of the same data without the people on the national data opt-out list. Loading a list changes the
    /// revision of every submission, so that two lists never share an id.
    pub fn without_opted_out(self) -> Self {
        Self(Sha256::new_with_prefix(b"folkmoot snapshot 1 without opted out").chain_update(self.0).finalize().into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The version of the rules in this folder: raised whenever the same rows would give other histories.
const METHOD: &str = "2026-06.1";

/// SHA-256 over everything that decides the histories, each part behind its length in bytes (eight, big endian), so
/// that no two inputs spell the same bytes.
pub(super) fn id(submissions: &[Submission], selection: &Selection, options: &Options) -> SnapshotId {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    let day = |day: Day| day.number().to_be_bytes();
    let span = |span: ReferencePeriod| [day(span.first()), day(span.last())].concat();

    put(b"folkmoot snapshot 1");
    put(METHOD.as_bytes());
    put(codelist::VERSION.as_bytes());
    put(match options.variant {
        Variant::Joined => b"joined",
        Variant::Single => b"single",
        Variant::SingleWithCodes => b"single with codes",
    });
    put(match options.key {
        KeyReading::Raw => b"raw",
        KeyReading::Cleaned => b"cleaned",
    });
    put(&day(options.as_of));
    put(&span(selection.window));
    put(&(selection.files.len() as u64).to_be_bytes());
    for file in &selection.files {
        let submission = &submissions[file.index];
        put(&submission.digest);
        put(&submission.revision.to_be_bytes());
        put(&day(submission.received));
        put(&span(file.period));
    }
    SnapshotId(hash.finalize().into())
}
