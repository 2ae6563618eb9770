//! A node's folder, opened: settings, records, ledger, policy.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use folkmoot_proto::floor::{SignedFloor, VerifiedFloor};
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_proto::text::is_unseen;
use folkmoot_runtime::clock::{Clock, SystemClock};
use folkmoot_runtime::store::{self, Access, Key};

use super::name::Name;
use crate::agree::{self, By};
use crate::audit::{Action, Book, Record};
use crate::config::Config;
use crate::home::Home;
use crate::keep;
use crate::ledger::{self, Ledger};
use crate::policy::{self, Keeper, Policy};
use crate::store::Records;

/// Everything a command needs of one node.
pub struct Session {
    home: Home,
    config: Config,
    records: Records,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
}

/// Whether another process holds the ledger that could not be opened.
fn is_in_use(error: &ledger::Error) -> bool {
    matches!(error, ledger::Error::Store(cause) if matches!(**cause, store::Error::InUse { .. }))
}

impl Session {
    /// Opens a node's folder beside a running node.
    ///
    /// # Errors
    /// When the folder holds no node, or a store cannot be opened.
    pub fn open(home: &Home) -> anyhow::Result<Self> {
        Self::with(home, Access::Beside)
    }

    /// Opens a node's folder as the one process that runs the node.
    ///
    /// # Errors
    /// As [`Self::open`]; also when another process runs this node.
    pub fn open_alone(home: &Home) -> anyhow::Result<Self> {
        Self::with(home, Access::Sole)
    }

    fn with(home: &Home, access: Access) -> anyhow::Result<Self> {
        let config = Config::load(home).with_context(|| {
            format!("there is no usable node in {}; `init` makes one, --home says where it is", home.folder().display())
        })?;
        keep::check_whole(home)?;
        Self::stores(home, config, access).map_err(|error| match keep::explain(home, error.as_ref()) {
            Some(fix) => error.context(fix),
            None => error,
        })
    }

    fn stores(home: &Home, config: Config, access: Access) -> anyhow::Result<Self> {
        let key = Key::load(&home.data_key()).context("reading the key of the stores")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        if !home.clock_is_right() {
            // Before anything is written with a moment that could not be taken back.
            let ledger = Ledger::beside(&home.ledger(), Some(key.clone()), config.council, Arc::clone(&clock))
                .context("opening the ledger; when it is lost, only the authority can say how to go on")?;
            leapt(ledger.last_moment()?, clock.now())?;
        }
        let open = if access == Access::Sole { Ledger::open } else { Ledger::beside };
        let ledger = open(&home.ledger(), Some(key.clone()), config.council, Arc::clone(&clock)).map_err(|error| {
            let said = match (is_in_use(&error), access) {
                (true, Access::Sole) => "this node runs already, and only one process at a time may be the node",
                // A command beside a running node takes the stores for itself only to bring them up to date.
                (true, _) => {
                    "another command is bringing the stores up to date: try again in a moment; or the running node is an \
                     earlier version of this program: restart it with this one"
                }
                (false, _) => "opening the ledger; when it is lost, only the authority can say how to go on",
            };
            anyhow::Error::new(error).context(said)
        })?;
        let records = Records::open(&home.records(), Some(key), access).context("opening the records")?;
        // What cannot be settled stops answers and changes, each with the reason; everything else must still work.
        if let Err(error) = agree::settle(&records, &ledger, By::Finder) {
            tracing::error!("{error}");
        }
        Ok(Self { home: home.clone(), config, records, ledger, clock })
    }

    /// Makes the stores of a new node; those that an interrupted try has made are kept.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make_stores(home: &Home, config: &Config) -> anyhow::Result<()> {
        let key = Key::load(&home.data_key()).context("reading the key of the stores")?;
        if !home.records().exists() {
            Records::create(&home.records(), Some(key.clone()), Access::Sole)?;
        }
        if !home.ledger().exists() {
            let clock = Arc::new(SystemClock::new());
            Ledger::create(&home.ledger(), Some(key), config.council, clock, &mut rand::rng())?;
        }
        Ok(())
    }

    /// The node's folder.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The node's settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The council's records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// What was spent and answered.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Today, UTC.
    pub fn today(&self) -> Day {
        Day::from_number(self.now().div_euclid(86_400) as i32)
    }

    /// Now, in seconds since 1970-01-01 UTC.
    pub fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// The signed national floor, when the node has one.
    ///
    /// # Errors
    /// When there is a floor that the pinned governance key did not sign for this federation; when it is older than one
    /// that was in force here, or gone.
    pub fn floor(&self) -> anyhow::Result<Option<VerifiedFloor>> {
        let floor = floor(&self.home, &self.config.federation)?;
        self.ledger.check_floor(&self.config.federation, floor.as_ref())?;
        Ok(floor)
    }

    /// Refuses when the records are not those that the audit log speaks of; before anything is answered from them or done to
    /// them.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) fn agreed(&self) -> Result<(), agree::Error> {
        agree::settle(&self.records, &self.ledger, By::Finder)
    }

    /// Writes the entry of a change that was just made.
    ///
    /// # Errors
    /// When it cannot be written: the next command or start does it, before anything is answered.
    pub(super) fn written_down(&self) -> Result<(), agree::Error> {
        agree::settle(&self.records, &self.ledger, By::Maker)
    }

    /// The policy in force, under the national floor.
    ///
    /// # Errors
    /// When the policy cannot be read or is looser than the floor; the node must not answer then.
    pub fn policy(&self) -> anyhow::Result<Policy> {
        Ok(Policy::read(&self.home.policy(), self.floor()?.as_ref().map(VerifiedFloor::policy))?)
    }

    /// A keeper of the policy, for a running node. The floor is in force from here on, and that is written down.
    ///
    /// # Errors
    /// As [`Self::policy`]; a floor that is refused for its age is written down, too.
    pub fn keeper(&self) -> anyhow::Result<Keeper> {
        let floor = floor(&self.home, &self.config.federation)?;
        take_floor(&self.ledger, &self.config.federation, &self.home.policy(), floor.as_ref())?;
        Ok(Keeper::open(&self.home.policy(), floor.map(|floor| floor.policy().to_owned()))?)
    }

    /// Refuses a ledger that is damaged, or whose entries, budget and releases do not agree: what was spent could then not be
    /// known. Reads it whole, which takes a moment; the records, which can be large, are checked by `doctor`.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(super) fn check_ledger(&self) -> anyhow::Result<()> {
        let path = self.ledger.store().path().display();
        let problems = self.ledger.store().problems()?;
        if !problems.is_empty() {
            bail!(
                "{path} is damaged: {}; keep a copy of the file, then `restore` the last good backup",
                problems.join("; ")
            );
        }
        if let Some(broken) = Book::of(&self.ledger).verify(None)?.broken {
            bail!(
                "{path} was changed by something other than this program ({}, entry {}), so nothing is answered from it; \
                 `audit verify` shows it; keep a copy of the file, find out who changed it, then `restore` the last good \
                 backup",
                broken.what,
                broken.entry
            );
        }
        Ok(())
    }

    /// True when a process runs this node.
    pub fn node_runs(&self) -> bool {
        // The running node holds the store alone; nobody else ever does for longer than a moment.
        let key = Key::load(&self.home.data_key());
        let tried = key.ok().map(|key| Records::open(&self.home.records(), Some(key), Access::Sole));
        matches!(tried, Some(Err(crate::store::Error::Store(store::Error::InUse { .. }))))
    }

    /// Writes an entry into the audit log, in the name of the machine's account that runs the command.
    ///
    /// # Errors
    /// When it cannot be written; what it would record must then not happen.
    pub fn record(&self, action: Action, note: impl Into<String>) -> Result<(), ledger::Error> {
        self.ledger.record(&Record::new(action, account()).note(note)).map(|_| ())
    }

    /// Writes down rules and settings when they differ from those last written down. True when they do.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn note_configuration(&self, policy: [u8; 32]) -> Result<bool, ledger::Error> {
        note_configuration(&self.home, &self.ledger, policy)
    }

    /// Writes an entry in the name of a person at the council. `note` says nothing about anybody whose records are held.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub(super) fn record_by(&self, action: Action, by: &Name, note: impl Into<String>) -> Result<(), ledger::Error> {
        self.ledger.record(&Record::new(action, by.as_local()).note(note)).map(|_| ())
    }

    /// Writes down that exact figures are looked at on this machine.
    ///
    /// # Errors
    /// As [`Self::record`]; the figures are then not shown.
    pub fn audit_local_use(&self, query: &Query) -> Result<(), ledger::Error> {
        let mut record = Record::new(Action::MeasuredLocally, account());
        record.question = Some(query.sentence());
        record.measure = Some(query.measure().id.to_owned());
        record.digest = Some(hex::encode(query.digest()));
        self.ledger.record(&record).map(|_| ())
    }

    /// The secret that fixes which surplus contributions are dropped: derived from the key of the stores, so that it
    /// is the same at every start.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn bounding_key(&self) -> anyhow::Result<[u8; 32]> {
        use sha2::Digest as _;
        let file =
            zeroize::Zeroizing::new(std::fs::read(self.home.data_key()).context("reading the key of the stores")?);
        if file.is_empty() {
            bail!("the key of the stores is empty");
        }
        Ok(sha2::Sha256::new_with_prefix(b"folkmoot/bounding key/1").chain_update(file.as_slice()).finalize().into())
    }
}

/// The longest time without an entry that is believed without a word, in days: a node writes one at every start, and every
/// budget year.
const LEAP_DAYS: i64 = 400;

/// Refuses to go on when the clock leapt ahead: an entry written then would block answers until that moment.
fn leapt(last: Option<jiff::Timestamp>, now: jiff::Timestamp) -> anyhow::Result<()> {
    match last {
        Some(last) if now.as_second() - last.as_second() > LEAP_DAYS * 86_400 => bail!(
            "this machine's clock shows {now}, and the ledger's last entry is of {last}, more than {LEAP_DAYS} days before. An \
             entry written by a clock that is ahead blocks every answer until then. Set the clock right; if it is right, say \
             --clock-is-right"
        ),
        _ => Ok(()),
    }
}

/// Who runs a command that asks for no name: the machine's account, as the system tells it.
pub(super) fn account() -> String {
    let name = ["LOGNAME", "USER", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let name: String = name.unwrap_or_default().chars().filter(|c| !is_unseen(*c)).take(80).collect();
    if name.trim().is_empty() { "local".to_owned() } else { format!("local: account {}", name.trim()) }
}

/// Writes down rules and settings when they differ from those last written down; see [`Session::note_configuration`].
pub(super) fn note_configuration(home: &Home, ledger: &Ledger, policy: [u8; 32]) -> Result<bool, ledger::Error> {
    let files = [
        ("node.toml", home.settings()),
        ("floor.json", home.floor()),
        ("tls.pem", home.tls_chain()),
        ("signing.pem", home.signing_chain()),
        ("roots.pem", home.roots()),
        ("governance.pub", home.governance()),
        ("aliases.csv", home.aliases()),
    ];
    let parts: Vec<_> = files.iter().map(|(name, path)| (*name, std::fs::read(path).ok())).collect();
    ledger.note_configuration("node", policy, &parts)
}

/// Takes a floor into force and writes it down. One whose text is no policy is left to whoever reads it to refuse: it
/// never comes into force, so the one before must not be shut out by it.
///
/// # Errors
/// When it is older than one that was in force here, or gone.
pub(super) fn take_floor(
    ledger: &Ledger,
    federation: &Federation,
    policy: &Path,
    floor: Option<&VerifiedFloor>,
) -> Result<bool, ledger::Error> {
    if let Some(floor) = floor
        && matches!(Policy::parse("", policy, Some(floor.policy())), Err(policy::Error::Floor(_)))
    {
        return ledger.check_floor(federation, Some(floor)).map(|()| false);
    }
    ledger.take_floor(federation, floor)
}

/// The signed national floor in a folder, when there is one. Whether it is older than one seen before is for the ledger to
/// say.
///
/// # Errors
/// When there is a floor that the pinned governance key did not sign for this federation.
pub(super) fn floor(home: &Home, federation: &Federation) -> anyhow::Result<Option<VerifiedFloor>> {
    let place = home.floor();
    if !place.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(&place).with_context(|| format!("reading {}", place.display()))?;
    let signed: SignedFloor =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no signed floor", place.display()))?;
    let pinned = std::fs::read_to_string(home.governance())
        .with_context(|| format!("reading {}", home.governance().display()))?;
    let pinned = GovernanceKey::parse(&pinned)?;
    let floor = signed
        .verify(&pinned, federation)
        .map_err(|refusal| anyhow::anyhow!("the national floor in {} is not believed: {refusal}", place.display()))?;
    Ok(Some(floor))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_leapt_ahead_is_noticed_before_anything_is_written() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let last = Some(at("2026-06-30T12:00:00Z"));
        leapt(None, at("2031-01-01T00:00:00Z")).unwrap();
        leapt(last, at("2027-08-04T12:00:00Z")).unwrap();
        let said = leapt(last, at("2027-08-04T12:00:01Z")).unwrap_err().to_string();
        assert!(said.contains("2026-06-30") && said.contains("--clock-is-right"), "{said}");
        // A clock behind is for the ledger to refuse.
        leapt(last, at("2020-01-01T00:00:00Z")).unwrap();
    }

    #[test]
    fn a_second_node_is_told_that_one_runs_and_not_that_the_ledger_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("node"));
        let place = home.folder().display().to_string();
        let words = ["folkmoot-node", "--home", &place, "init", "--council", "503", "--federation", "england"];
        let _ = crate::cli::run(words.into_iter().chain(["--coordinator", "moot.example:7443"]).map(Into::into));
        let first = Session::open_alone(&home).unwrap();
        let said = format!("{:#}", Session::open_alone(&home).err().unwrap());
        assert!(said.contains("runs already") && said.contains("in use") && !said.contains("lost"), "{said}");
        Session::open(&home).unwrap();
        drop(first);
        Session::open_alone(&home).unwrap();
    }
}
