//! What is remembered of councils' ledgers: the head that comes with a welcome, an answer or a step of a round.
//!
//! A council's own ledger cannot tell that it was put back to an older copy of itself. Whoever has seen a later head can,
//! and tells it at the next welcome. So a head is kept before what came with it is used: there is no answer here that the
//! council could forget unnoticed.
//!
//! In joint rounds councils witness each other's ledgers, too. What they show there is learnt here.

use std::sync::Arc;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::clock::Clock;

use crate::store::{Error, Head, Record, Store};

/// Keeps heads. Clones share the store.
#[derive(Clone)]
pub struct Witness {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Witness {
    /// Keeps what it sees in this store.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Keeps the head of a council's ledger; none, or an empty one, says that the council was here.
    ///
    /// # Errors
    /// [`Error::Database`]: what came with the head must then not be used.
    pub async fn see(&self, council: CouncilCode, head: Option<wire::Head>) -> Result<(), Error> {
        let head = head.unwrap_or_default();
        let head = Head { entries: head.entries, digest: head.digest };
        let now = self.clock.now().as_second();
        let seen = self.store.off_thread(move |store| store.witness(council, Record::Ledger, &head, now));
        if seen.await? {
            // The node is told the witnessed head in its welcome and refuses to answer by itself; the budget is its own.
            tracing::warn!(
                %council,
                "the council's ledger is behind, or another than, the one witnessed before: it was restored from an older copy, \
                 or a second node runs"
            );
        }
        Ok(())
    }

    /// Keeps heads that councils have kept of each other and shown in a round, each signed by the council it is of. So a
    /// coordinator that lost its database learns them again, and tells them at the next welcome.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn learn(&self, heads: Vec<(CouncilCode, Head)>) -> Result<(), Error> {
        let now = self.clock.now().as_second();
        for council in self.store.off_thread(move |store| store.learn(&heads, now)).await? {
            tracing::warn!(
                %council,
                "other councils have kept a later head of this council's ledger than this coordinator: its own database is an \
                 older one or was lost, or the council's ledger was restored"
            );
        }
        Ok(())
    }
}
