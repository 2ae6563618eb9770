//! A node's folder, opened: settings, records, ledger, policy.

use std::sync::Arc;

use anyhow::Context as _;
use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_proto::registry::GovernanceKey;
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::store::{Access, Key};

use crate::config::Config;
use crate::home::Home;
use crate::ledger::Ledger;
use crate::policy::Keeper;
use crate::store::Records;

/// Everything a command needs of one node.
pub struct Session {
    config: Config,
    records: Records,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
}
