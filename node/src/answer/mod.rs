//! What the node serves on the connection it dialled: wire to domain, the pipeline, domain to wire.
//!
//! ```text
//! SignedQuery -> checked signatures -> Question -> accounts decide -> stored bytes ----------------------> chunks
//!                                                        \-> reserved -> noise -> histories -> counts
//!                                                                -> ProtectedCells -> bytes -> committed -> chunks
//! ```
//!
//! # Guarantee
//! The only figures in a reply are bytes that the [`Accounts`] committed, and the only way to make such bytes is from
//! [`ProtectedCells`](crate::protect::ProtectedCells). Errors inside are logged here and leave as one sentence without
//! detail.

mod figures;
mod service;
mod signed;

pub use figures::{Committed, StoredAnswer};
pub use service::NodeService;
pub use signed::Believed;

use std::sync::Arc;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::question::Question;
use folkmoot_proto::reason::Refusal;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::tls::Reloadable;

use crate::assemble::{SnapshotId, Source};
use crate::protect::NoiseSource;

/// What the council's policy, ledger and approvals say to a question. Implemented by the governance rooms; tests have
/// their own.
pub trait Accounts: Send + Sync + 'static {
    /// A price that is reserved and neither spent nor given back yet. Dropping it leaves it reserved until it expires.
    type Reserved: Send;

    /// Decides a question about this snapshot, and reserves its price when it is to be answered.
    ///
    /// # Errors
    /// The refusal that the analyst reads: policy, budget, waiting for a person, denied, ledger in doubt.
    fn decide(&self, question: &Question, snapshot: SnapshotId) -> Result<Decided<Self::Reserved>, Refusal>;

    /// Makes the charge final and keeps the answer, in one transaction, before anything leaves.
    ///
    /// # Errors
    /// When it cannot be made durable; nothing may leave then.
    fn release(&self, reserved: Self::Reserved, answer: StoredAnswer) -> Result<Committed, Refusal>;

    /// Gives a reservation back: nothing left the node.
    fn abandon(&self, reserved: Self::Reserved, why: &str);

    /// What `decide` would say, without reserving: decision, reason, price, what is left this year.
    fn price(&self, question: &Question, snapshot: SnapshotId) -> Price;

    /// Heads of the ledger and of the audit chain.
    ///
    /// # Errors
    /// When they cannot be read.
    fn heads(&self) -> Result<Heads, Refusal>;

    /// Compares the head that the coordinator has witnessed with our own; a later or another one stops all answers.
    fn witnessed(&self, ledger: &Head);
}

/// What is done with a question.
pub enum Decided<R> {
    /// An equal question about the same snapshot was answered: these bytes, at no charge.
    Stored(Committed),
    /// To be answered; the price is reserved.
    Answer {
        /// The reservation.
        reserved: R,
        /// The most that the answer may cost; `None` for suppressed kinds.
        rho: Option<Rho>,
    },
}

/// What a question would cost.
pub struct Price {
    /// What would happen.
    pub decision: folkmoot_proto::wire::v1::Decision,
    /// Why, in a sentence.
    pub reason: String,
    /// The price; zero for stored answers and suppressed kinds.
    pub rho: Rho,
    /// Unspent this year.
    pub left: Rho,
}

/// Head of one chained record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Number of entries.
    pub entries: u64,
    /// Digest of the last.
    pub digest: Vec<u8>,
}

/// Heads of the node's two chained records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heads {
    /// The ledger's.
    pub ledger: Head,
    /// The audit log's.
    pub audit: Head,
}

/// Everything an answer needs.
pub struct Answerer<S, A> {
    /// Whose node this is.
    pub council: CouncilCode,
    /// The submissions.
    pub records: S,
    /// Policy, ledger, approvals.
    pub accounts: A,
    /// Certificates, for checking who signed.
    pub tls: Arc<Reloadable>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Noise.
    pub noise: Box<dyn NoiseSource + Send + Sync>,
    /// Secret that fixes which surplus contributions are dropped.
    pub bounding_key: [u8; 32],
}

impl<S: Source, A: Accounts> Answerer<S, A> {
    /// Today, as the council's default as-of day.
    pub(crate) fn today(&self) -> folkmoot_proto::period::Day {
        folkmoot_proto::period::Day::from_number(self.clock.now().as_second().div_euclid(86_400) as i32)
    }
}
