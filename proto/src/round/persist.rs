//! Persist, then send: a message that cannot be had before its record is safe.

use std::fmt;

use super::transcript::Hash;

/// A message together with the record that must be durable before the message may leave.
///
/// The message is private until [`Persist::commit`] has written the record, or the caller has said that it did
/// ([`Persist::persisted`]). Dropping a `Persist` drops the message. Asking the node again (after a failed write, or
/// because the coordinator repeats itself) gives the same message and the same record again, so writing the record
/// must be idempotent: the same record twice is one entry.
#[must_use = "the record has to be committed, then the message sent"]
pub struct Persist<R, M> {
    record: R,
    message: M,
}

impl<R, M> Persist<R, M> {
    pub(crate) const fn new(record: R, message: M) -> Self {
        Self { record, message }
    }

    /// What has to be written.
    pub const fn record(&self) -> &R {
        &self.record
    }

    /// Writes the record with `write` and hands out the message if that succeeded.
    ///
    /// # Errors
    /// Whatever `write` returns; the message is then gone and has to be asked for again.
    pub fn commit<E>(self, write: impl FnOnce(&R) -> Result<(), E>) -> Result<M, E> {
        write(&self.record)?;
        Ok(self.message)
    }

    /// The message, for a caller that has made the record durable by other means (an asynchronous store).
    #[must_use]
    pub fn persisted(self) -> M {
        self.message
    }
}

impl<R: fmt::Debug, M> fmt::Debug for Persist<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persist").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Which attempt of which round a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId {
    /// The question.
    pub query_id: [u8; 16],
    /// 1 to 3. Together with the query id it is unique in the ledger.
    pub attempt: u8,
    /// Hash of the envelope: another envelope under the same id is another thing, and refused.
    pub t0: Hash,
}

/// Before the advert leaves: set the price aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The attempt.
    pub attempt: AttemptId,
    /// Price in billionths of rho.
    pub rho_nano: u64,
    /// After this second (since 1970-01-01 UTC) a reserve without a charge may be given back.
    pub expiry: u64,
}

/// Before the masked vector leaves: the charge is final, whatever happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The attempt.
    pub attempt: AttemptId,
    /// Price in billionths of rho.
    pub rho_nano: u64,
    /// Transcript up to whose masks are in the vector.
    pub t2: Hash,
    /// Hash of the masked vector: what left the node.
    pub digest: Hash,
}

/// Before the signature over the survivors leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurvivorsSigned {
    /// The attempt.
    pub attempt: AttemptId,
    /// Transcript up to the survivors: the only one this node ever signs in the attempt.
    pub t3: Hash,
    /// Codes of the surviving councils.
    pub survivors: Vec<String>,
}

/// Before the shares that undo the masks leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmasked {
    /// The attempt.
    pub attempt: AttemptId,
    /// The transcript under which the shares are given.
    pub t3: Hash,
}
