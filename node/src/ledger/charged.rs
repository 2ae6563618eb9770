//! A message whose charge is on the disk.

use std::fmt;

use crate::policy::Nano;

/// What may be sent: a message that the ledger has given back after committing what it costs.
///
/// # Guarantee
/// Only the ledger makes one, and only after its transaction is durable. Whoever sends nothing but the inside of a
/// `Charged` cannot send what was not paid for, whatever crashes.
#[must_use = "the charge stands whether or not the message is sent"]
pub struct Charged<T> {
    message: T,
    charge: Nano,
    stored: bool,
}

impl<T> Charged<T> {
    pub(super) fn new(message: T, charge: Nano) -> Self {
        Self { message, charge, stored: false }
    }

    pub(super) fn stored(message: T) -> Self {
        Self { message, charge: Nano(0), stored: true }
    }

    /// The message, to be sent.
    pub fn into_inner(self) -> T {
        self.message
    }

    /// What this very message cost; 0 for a stored release, a suppressed kind and the later steps of a round.
    pub fn charge(&self) -> Nano {
        self.charge
    }

    /// True when an earlier answer is sent again.
    pub fn is_stored(&self) -> bool {
        self.stored
    }
}

impl<T> fmt::Debug for Charged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charged").field("charge", &self.charge).field("stored", &self.stored).finish_non_exhaustive()
    }
}
