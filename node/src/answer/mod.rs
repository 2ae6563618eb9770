//! What the node serves on the connection it dialled: wire to domain, the pipeline, domain to wire.
//!
//! ```text
//! SignedQuery -> both signatures -> Question -> policy, ledger -> stored bytes -------------------------> chunks
//!                                                     \-> Grant -> noise -> histories -> counts
//!                                                            -> ProtectedCells -> bytes -> Charged -> chunks
//! ```
//!
//! # Guarantee
//! The only figures in a reply are bytes that the ledger gave back as [`Charged`](crate::ledger::Charged), and the only
//! way to make such bytes is from [`ProtectedCells`](crate::protect::ProtectedCells). Errors inside are logged here and
//! leave as one sentence without detail.

mod board;
pub(crate) mod data;
mod figures;
pub(crate) mod receipts;
mod round;
mod service;
mod signed;
mod slots;
mod told;

pub use round::{Asked, Rounds, tend};
pub use service::NodeService;
pub use signed::Believed;

use std::sync::Arc;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::Day;
use folkmoot_proto::reason::Refusal;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::tls::Reloadable;

use crate::agree::{self, By};
use crate::ledger::Ledger;
use crate::policy::Keeper;
use crate::protect::NoiseSource;
use crate::store::Records;

/// Everything an answer needs.
pub struct Answerer {
    /// Whose node this is.
    pub council: CouncilCode,
    /// The submissions.
    pub records: Records,
    /// What was spent and answered.
    pub ledger: Ledger,
    /// What is allowed.
    pub policy: Arc<Keeper>,
    /// Certificates, for checking who signed.
    pub tls: Arc<Reloadable>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Noise.
    pub noise: Box<dyn NoiseSource + Send + Sync>,
    /// Secret that fixes which surplus contributions are dropped.
    pub bounding_key: [u8; 32],
    /// Files of the signing certificate, for receipts; read when they are asked for.
    pub signing: folkmoot_runtime::tls::Files,
    /// What joint figures need beside; `None` while this node has no signing key or no pinned governance key.
    pub rounds: Option<Rounds>,
}

impl Answerer {
    /// Refuses when the records are not those that the audit log speaks of.
    pub(crate) fn agreed(&self) -> Result<(), Refusal> {
        agree::settle(&self.records, &self.ledger, By::Finder).map_err(|error| {
            tracing::error!("{error}");
            error.refusal()
        })
    }

    /// Today, as the council's default as-of day.
    pub(crate) fn today(&self) -> Day {
        Day::from_number(self.clock.now().as_second().div_euclid(86_400) as i32)
    }
}
