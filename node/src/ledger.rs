//! What every answer cost, committed before it leaves.
//!
//! ```text
//! Question --admit_council--> Grant ------release(bytes)------> Charged<bytes>              council figures
//!          \-admit_round----> Round<Reserved> --mask(y)--> Charged<y>, Round<Masked>       joint figures
//!                                  --sign_survivors(sig)--> Charged<sig>, Round<Signed>
//!                                  --unmask(shares)-------> Charged<shares>, Round<Unmasked> --close--> over
//! ```
//!
//! - **A message goes in and comes out only when its charge is on the disk.** [`Charged`] cannot be made otherwise, and
//!   it is the only thing that may be sent.
//! - Several caps hold at once, as running totals that SQLite itself refuses to let pass their cap.
//! - Every change stands in one transaction with its entry in a hash chain. The chain's [`Head`] is told to others, the
//!   coordinator and every council of a joint round; a ledger that does not know a head that others have seen was restored
//!   or copied, and answers nothing more until the federation's authority countersigns.
//! - A clock that went back stops answers, too: budget years must not be spent twice.
//!
//! Everything lives in `ledger.db`, a file of its own, written ahead and synchronised in full.

mod account;
mod admit;
mod bound;
mod charged;
mod clock;
mod configuration;
mod council;
mod family;
mod floor;
mod peers;
mod refused;
mod round;
mod step;
mod witness;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::store::{self, Access, Key, Migration, Options, Schema, Stop, Store, Synchronous};
use jiff::Timestamp;
use rand::CryptoRng;
use rusqlite::params;

use crate::audit::{Action, Record, chain};

pub use crate::audit::Head;
pub use account::{Account, year_of};
pub(crate) use account::{fits, left as left_under, list as accounts};
pub use admit::{Left, Quote, Verdict};
pub(crate) use admit::{query_of, question_of};
pub use charged::Charged;
pub use council::{CouncilAdmission, Grant};
pub use family::Cohort;
pub use floor::FloorError;
pub use peers::PeerHead;
pub(crate) use peers::peer_heads;
pub use refused::{Unasked, Whose};
pub use round::{Masked, Memo, Reserved, Round, RoundRequest, Signed, Unmasked};
pub(crate) use step::Step;

/// The ledger's schema and its history.
pub const SCHEMA: Schema = Schema {
    name: "ledger",
    migrations: &[
        Migration { number: 1, name: "ledger", sql: include_str!("../migrations/ledger/0001_ledger.sql") },
        Migration { number: 2, name: "approval", sql: include_str!("../migrations/ledger/0002_approval.sql") },
        Migration { number: 3, name: "witness", sql: include_str!("../migrations/ledger/0003_witness.sql") },
        Migration { number: 4, name: "bounds", sql: include_str!("../migrations/ledger/0004_bounds.sql") },
        Migration { number: 5, name: "bound records", sql: include_str!("../migrations/ledger/0005_bound.sql") },
        Migration { number: 6, name: "peers", sql: include_str!("../migrations/ledger/0006_peers.sql") },
    ],
};

/// A step back of the clock that is put down to the network keeping it right, in seconds.
const SLEW: i64 = 2;

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A normal outcome: policy, budget, a person, or the ledger's own state says no. The asker may read it.
    #[error("{0}")]
    Refused(Refusal),
    /// The file could not be used. The asker is told nothing of it.
    #[error("the ledger could not be used")]
    Store(#[source] Box<store::Error>),
    /// The file belongs to another council.
    #[error("the ledger at {path} belongs to council {found}, this node is for {expected}")]
    OtherCouncil {
        /// The file.
        path: String,
        /// Whose it is.
        found: String,
        /// Whose was expected.
        expected: CouncilCode,
    },
    /// Something in the file is not what this program wrote.
    #[error("the ledger holds {what}, which this program did not write; run 'folkmoot-node audit verify'")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// A national floor that cannot be in force here.
    #[error("the national floor is not taken")]
    Floor(#[from] FloorError),
    /// A recovery that cannot be accepted.
    #[error("the recovery cannot be accepted: {0}")]
    Recovery(String),
}

impl Error {
    /// What the asker is told.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            _ => Refusal::new(Reason::Internal, "this council's ledger could not be used; its own log says why"),
        }
    }

    /// What the asker is told, when this is a normal outcome.
    pub fn as_refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The open ledger of one council. Clones share it. Calls block: from async code go through `spawn_blocking`.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
    council: CouncilCode,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("council", &self.council).field("store", &self.store).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Makes a new ledger. An existing file is refused: a ledger is never begun afresh over an old one.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn create(
        path: &Path,
        key: Option<Key>,
        council: CouncilCode,
        clock: Arc<dyn Clock>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let store = Store::create(path, options(key, Access::Sole))?;
        let mut genesis = [0; 32];
        rng.fill_bytes(&mut genesis);
        let ledger = Self { store, council, clock };
        ledger.step("create the ledger", |step| {
            step.execute(
                "INSERT INTO owner (one, council, genesis) VALUES (1, ?1, ?2)",
                params![council.as_str(), genesis],
            )?;
            chain::append(step, &Record::new(Action::Created, "node"))?;
            Ok(())
        })?;
        Ok(ledger)
    }

    /// Takes the ledger into use as the one process that may. Reservations of a process that died are given back once
    /// they have expired; charges of it stand.
    ///
    /// # Errors
    /// [`Error::Store`], with `InUse` when another process has it and `Missing` when it is not there (which is an alarm,
    /// not a reason to make a new one); [`Error::OtherCouncil`].
    pub fn open(path: &Path, key: Option<Key>, council: CouncilCode, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let ledger = Self { store: Store::open(path, options(key, Access::Sole))?, council, clock };
        ledger.check_owner(path)?;
        ledger.step("open the ledger", |step| {
            account::sweep(step)?;
            let note = format!("software {}", env!("CARGO_PKG_VERSION"));
            chain::append(step, &Record::new(Action::Opened, "node").note(note))
        })?;
        Ok(ledger)
    }

    /// Opens the ledger beside whoever has it, for a command: approvals, entries, budget. Every change stands in one
    /// transaction of its own, and SQLite takes turns between processes, so a running node and its commands agree.
    ///
    /// # Errors
    /// As [`Ledger::open`], but for `InUse`.
    pub fn beside(path: &Path, key: Option<Key>, council: CouncilCode, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let ledger = Self { store: Store::open(path, options(key, Access::Beside))?, council, clock };
        ledger.check_owner(path)?;
        Ok(ledger)
    }

    fn check_owner(&self, path: &Path) -> Result<(), Error> {
        let owner: Option<String> =
            self.look("whose ledger it is", |step| step.one("SELECT council FROM owner", [], |row| row.get(0)))?;
        match owner {
            Some(found) if found == self.council.as_str() => Ok(()),
            Some(found) => Err(Error::OtherCouncil { path: path.display().to_string(), found, expected: self.council }),
            None => Err(Error::Damaged { what: "no owner".to_owned() }),
        }
    }

    /// The last entry of the chain, for witnesses.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn head(&self) -> Result<Head, Error> {
        Ok(self.look("the head", |step| Ok(chain::last(step)?.0))?)
    }

    /// Whose ledger this is.
    pub fn council(&self) -> CouncilCode {
        self.council
    }

    /// The store, for reading and backup.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Writes one entry that stands beside no other change: an import, a local measure, a subject request.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn record(&self, record: &Record) -> Result<Head, Error> {
        Ok(self.step("record", |step| chain::append(step, record))?)
    }

    /// Reading. (`Step` is used for reading, too, so that the queries are written once.)
    pub(crate) fn look<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Step<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, store::Error> {
        let now = self.now();
        self.store.read(name, |tx| f(&Step::new(tx, now)))
    }

    /// Writing that asks nobody's leave.
    pub(crate) fn step<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Step<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, store::Error> {
        let now = self.now();
        self.store.write(name, |tx| f(&Step::new(tx, now)))
    }

    /// Writing that lets something leave: only with a right clock and a chain that nobody doubts. `Stop::Because` rolls
    /// everything back.
    pub(crate) fn guarded<T>(
        &self,
        name: &'static str,
        f: impl FnOnce(&Step<'_>) -> Result<T, Stop<Error>>,
    ) -> Result<T, Error> {
        let now = self.now();
        self.store.write_or(name, |tx| {
            let step = Step::new(tx, now);
            witness::in_order(&step)?;
            f(&step)
        })?
    }

    /// A transaction under way as this room's statements want it.
    pub(crate) fn enter<'t>(&self, tx: &'t rusqlite::Transaction<'t>) -> Step<'t> {
        Step::new(tx, self.now())
    }

    /// Whole seconds: finer ones would make the text of a moment vary in length.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn options(key: Option<Key>, access: Access) -> Options {
    Options { schema: SCHEMA, key, synchronous: Synchronous::Full, access }
}

/// Opens a ledger for reading beside whoever has it.
///
/// # Errors
/// As the store's.
pub fn open_for_reading(path: &Path, key: Option<Key>) -> Result<Store, store::Error> {
    Store::open(path, options(key, Access::ReadOnly))
}

/// A refusal that rolls back whatever the transaction did.
fn stop(reason: Reason, sentence: impl Into<String>) -> Stop<Error> {
    Stop::Because(Error::Refused(Refusal::new(reason, sentence)))
}

/// Something in the file that cannot be.
fn damaged(what: impl Into<String>) -> Stop<Error> {
    Stop::Because(Error::Damaged { what: what.into() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
