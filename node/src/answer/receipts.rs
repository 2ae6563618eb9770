//! Receipts of what left, signed for auditors.

use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::receipt;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::tls::OwnSigner;

use super::Answerer;
use super::told::internal;
use crate::audit::Book;

impl Answerer {
    /// A page of receipts from the council's log, signed by the council. Blocking: run it off the async threads.
    ///
    /// # Errors
    /// The refusal to send: without a signing certificate nothing is said that an auditor could believe.
    pub fn receipts(&self, from: u64, most: u32) -> Result<wire::ReceiptsReply, Refusal> {
        let now = self.clock.now();
        let signer = OwnSigner::load(&self.signing, now).map_err(|error| {
            tracing::warn!(%error, "receipts cannot be signed");
            Refusal::new(Reason::NotFound, "this council's node has no signing certificate that is valid now")
        })?;
        signed_page(&Book::of(&self.ledger), self.council, (from, most), now, &signer)
    }
}

/// A page of receipts with its signature.
pub(crate) fn signed_page(
    book: &Book,
    council: folkmoot_proto::ids::CouncilCode,
    (from, most): (u64, u32),
    now: jiff::Timestamp,
    signer: &OwnSigner,
) -> Result<wire::ReceiptsReply, Refusal> {
    let page = book.receipts(council, from, most, now).map_err(|error| internal(&error))?;
    let statement = serde_json::to_vec(&page).map_err(|error| internal(&error))?;
    let signature = signer.sign(&receipt::signable(&statement)).to_vec();
    let chain = signer.chain().iter().map(|der| der.to_vec()).collect();
    Ok(wire::ReceiptsReply { statement, signature, chain, kept_next: 0 })
}
