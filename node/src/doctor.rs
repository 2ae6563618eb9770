//! What stands between this node and answering, hop by hop, each with its fix.
//!
//! Reads only, and works while the node runs. The hops are in the order in which they depend on each other, so that the
//! first one that fails is the one to mend; those after it are not tried.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::reach::{self, Address, Stage};
use folkmoot_runtime::store::{self, Access, Key};
use folkmoot_runtime::tls::{self, OwnSigner, Protocol};
use jiff::Timestamp;
use serde::Serialize;
use tokio::io::AsyncReadExt as _;

use crate::agree;
use crate::audit::Book;
use crate::config::Config;
use crate::home::Home;
use crate::keep;
use crate::ledger::Ledger;
use crate::store::Records;

/// Certificates and revocation lists that end sooner than this are pointed out.
const SOON_DAYS: i64 = 30;

/// How far the clock may be behind the ledger's last entry, in seconds, as the ledger itself has it.
const SLEW: i64 = 2;

/// How long the coordinator gets to say its first word, or to refuse.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// How a hop fared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Fine.
    Ok,
    /// This is what to mend.
    Failed,
    /// Not tried, because a hop before it failed.
    NotTried,
}

/// One hop. Holds no secret and nothing about a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Hop {
    /// Which.
    pub name: &'static str,
    /// How it fared.
    pub outcome: Outcome,
    /// What was found.
    pub detail: String,
    /// What to do; also for what is fine but will not stay so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// The hops in order.
pub const HOPS: [&str; 12] = [
    "settings",
    "data key",
    "records",
    "ledger",
    "policy",
    "certificates",
    "revocation lists",
    "clock",
    "name",
    "network",
    "TLS",
    "welcome",
];

/// How many of them stay on this machine.
const LOCAL: usize = 8;

/// What is fine: what was found, and perhaps advice.
type Fine = (String, Option<String>);

/// What is not: what was found, and the fix.
struct Bad {
    what: String,
    fix: String,
}

type Found = Result<Fine, Bad>;

fn fine(what: impl Into<String>) -> Found {
    Ok((what.into(), None))
}

fn bad(what: impl Into<String>, fix: impl Into<String>) -> Bad {
    Bad { what: what.into(), fix: fix.into() }
}

/// An error with its causes, in one line.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words.push_str(": ");
        words.push_str(&next.to_string());
        cause = next.source();
    }
    words
}

/// What later hops need of earlier ones.
struct Patient<'a> {
    home: &'a Home,
    clock: Arc<dyn Clock>,
    /// Reads the policy under the floor as a running node would; gives what to say of it.
    policy: &'a dyn Fn() -> Result<String, String>,
    /// What the running node says of its link: fine, or what is wrong; `None` when none runs.
    standing: &'a dyn Fn() -> Option<Result<String, String>>,
    config: Option<Config>,
    address: Option<Address>,
    key: Option<Key>,
    tls: Option<tls::Settings>,
    last_entry: Option<Timestamp>,
}

/// Examines the node in a folder, and tells `each` hop as soon as it is known. Gives all of them, in the order of [`HOPS`].
pub async fn examine(
    home: &Home,
    clock: Arc<dyn Clock>,
    policy: &dyn Fn() -> Result<String, String>,
    standing: &dyn Fn() -> Option<Result<String, String>>,
    mut each: impl FnMut(&Hop),
) -> Vec<Hop> {
    let mut patient =
        Patient { home, clock, policy, standing, config: None, address: None, key: None, tls: None, last_entry: None };
    let mut hops = Vec::new();
    let mut failed = None;
    let mut add = |name: &'static str, found: Option<Found>, failed: Option<&'static str>| {
        let hop = match found {
            Some(Ok((detail, fix))) => Hop { name, outcome: Outcome::Ok, detail, fix },
            Some(Err(Bad { what, fix })) => Hop { name, outcome: Outcome::Failed, detail: what, fix: Some(fix) },
            None => {
                let detail = format!("not tried: {} comes first", failed.unwrap_or("another hop"));
                Hop { name, outcome: Outcome::NotTried, detail, fix: None }
            }
        };
        each(&hop);
        let ok = hop.outcome == Outcome::Ok;
        hops.push(hop);
        ok
    };
    for name in HOPS.into_iter().take(LOCAL) {
        let found = failed.is_none().then(|| patient.look(name));
        if !add(name, found, failed) {
            failed.get_or_insert(name);
        }
    }
    let outside = if failed.is_none() { patient.outside().await } else { Vec::new() };
    let mut outside = outside.into_iter();
    for name in HOPS.into_iter().skip(LOCAL) {
        if !add(name, outside.next(), failed) {
            failed.get_or_insert(name);
        }
    }
    hops
}

impl Patient<'_> {
    /// One of the hops that stay on this machine.
    fn look(&mut self, name: &str) -> Found {
        match name {
            "settings" => self.settings(),
            "data key" => self.data_key(),
            "records" => self.records(),
            "ledger" => self.ledger(),
            "policy" => self.policy(),
            "certificates" => self.certificates(),
            "revocation lists" => self.revocation(),
            _ => self.clock(),
        }
    }

    fn settings(&mut self) -> Found {
        let place = self.home.settings();
        let config = Config::load(self.home).map_err(|error| {
            bad(
                words(&error),
                format!("`init` makes a node; --home says where it is; else correct {}", place.display()),
            )
        })?;
        let address: Address = config
            .link
            .coordinator
            .parse()
            .map_err(|error| bad(words(&error), format!("correct link.coordinator in {}", place.display())))?;
        let found = fine(format!("council {}, coordinator {address}", config.council));
        (self.config, self.address) = (Some(config), Some(address));
        found
    }

    fn data_key(&mut self) -> Found {
        let place = self.home.data_key();
        let key = Key::load(&place).map_err(|error| {
            bad(words(&error), format!("put the copy of the key that was kept apart back as {}", place.display()))
        })?;
        keep::check_whole(self.home)
            .map_err(|error| bad(error.to_string(), "run `restore` with the same backup again: it finishes"))?;
        self.key = Some(key);
        fine(format!("{}, readable by its owner only", place.display()))
    }

    /// What a store's own error asks for.
    fn store_fix(&self, error: &store::Error) -> String {
        match error {
            store::Error::WrongKey { .. } if keep::waiting_key(self.home).exists() => {
                "an interrupted `rekey` left both keys here: run `rekey` again to finish it".to_owned()
            }
            store::Error::WrongKey { .. } => {
                "put back the key that the store was made with (`rekey` keeps old ones beside it), or restore a backup"
                    .to_owned()
            }
            store::Error::Missing { .. } => {
                "look for the file; when it is lost, stop the node and `restore` the last good backup".to_owned()
            }
            store::Error::Older { .. } => "any command that writes brings it up to date; `run` does".to_owned(),
            _ => "keep a copy of the file, then stop the node and `restore` the last good backup".to_owned(),
        }
    }

    fn sound(&self, store: &store::Store) -> Result<(), Bad> {
        let problems = store.problems().map_err(|error| bad(words(&error), self.store_fix(&error)))?;
        if problems.is_empty() {
            return Ok(());
        }
        Err(bad(
            format!("{} is damaged: {}", store.path().display(), problems.join("; ")),
            "keep a copy of the file, then stop the node and `restore` the last good backup",
        ))
    }

    fn records(&mut self) -> Found {
        let records =
            Records::open(&self.home.records(), self.key.clone(), Access::ReadOnly).map_err(|error| match &error {
                crate::store::Error::Store(inner) => bad(words(inner), self.store_fix(inner)),
                other => bad(words(other), "restore the last good backup"),
            })?;
        self.sound(records.store())?;
        let held = records
            .submissions()
            .map_err(|error| bad(words(&error), "keep a copy of the file and restore the last good backup"))?;
        if let Some(wrong) = self.disagreement(&records) {
            return Err(bad(
                wrong,
                "put the right records.db back; or `reconcile`, which does again what was done for people",
            ));
        }
        fine(format!("sound; {} submissions", held.len()))
    }

    /// Why these records are not those that the audit log speaks of, when both can be read.
    fn disagreement(&self, records: &Records) -> Option<String> {
        let config = self.config.as_ref()?;
        let clock = Arc::clone(&self.clock);
        let ledger = Ledger::beside(&self.home.ledger(), self.key.clone(), config.council, clock).ok()?;
        match agree::settle(records, &ledger, agree::By::Finder) {
            Err(error @ (agree::Error::Older { .. } | agree::Error::Other { .. })) => Some(error.to_string()),
            _ => None,
        }
    }

    fn ledger(&mut self) -> Found {
        let Some(config) = &self.config else { return fine("") };
        let path = self.home.ledger();
        let store = crate::ledger::open_for_reading(&path, self.key.clone())
            .map_err(|error| bad(words(&error), self.store_fix(&error)))?;
        self.sound(&store)?;
        let unreadable = |error: &crate::audit::Error| bad(words(error), "run `audit verify`");
        let book = Book::open(&path, self.key.clone()).map_err(|error| unreadable(&error))?;
        let report = book.verify(None).map_err(|error| unreadable(&error))?;
        if let Some(broken) = report.broken {
            return Err(bad(
                format!("the chain is broken at entry {}: {}", broken.entry, broken.what),
                "keep a copy of the file; find out who changed it; then `restore` the last good backup",
            ));
        }
        let mut last = None;
        book.entries(report.entries.max(1), |entry| {
            last = entry.moment.parse().ok();
            Ok(())
        })
        .map_err(|error| unreadable(&error))?;
        self.last_entry = last;
        let ledger = Ledger::beside(&path, self.key.clone(), config.council, Arc::clone(&self.clock))
            .map_err(|error| bad(words(&error), "put this council's own ledger back"))?;
        let doubts = ledger.doubts().map_err(|error| bad(words(&error), "run `audit verify`"))?;
        if let Some(highest) = doubts.iter().map(|head| head.entries).max() {
            return Err(bad(
                format!(
                    "it was restored or copied: others have seen an entry {highest} that it does not hold, so it answers \
                     nothing"
                ),
                "ask the federation's authority to countersign a recovery, or put the newer ledger back",
            ));
        }
        fine(format!("sound; {} entries, none changed", report.entries))
    }

    fn policy(&mut self) -> Found {
        let said = (self.policy)().map_err(|error| bad(error, "`policy check` explains; correct policy.toml"))?;
        fine(said)
    }

    fn certificates(&mut self) -> Found {
        let Some(config) = &self.config else { return fine("") };
        let enrol = "install the authority's answer with `enrol --answer`";
        let settings = tls::Settings::load(&self.home.tls(), Arc::clone(&self.clock)).map_err(|error| {
            let fix = if !self.home.tls_key().exists() {
                "`enrol` makes keys and requests; send the requests to the authority"
            } else if !self.home.tls_chain().exists() {
                "when the authority has answered the requests that `enrol` made: `enrol --answer DIR`"
            } else {
                "put right what is named here; for files that are damaged install the authority's answer again"
            };
            bad(words(&error), fix)
        })?;
        let now = self.clock.now();
        let own = settings.certificate();
        if now < own.not_before {
            return Err(bad(
                format!("the TLS certificate is valid from {}, and this machine's clock shows {now}", own.not_before),
                "set the clock right; when it is right, ask the authority",
            ));
        }
        // Revocation lists that ran out refuse every certificate, our own too; they have a hop of their own.
        if now <= settings.lists_valid_until() {
            settings.check_own().map_err(|refusal| {
                bad(words(&refusal), "`enrol` makes a new request; send it to the authority and install its answer")
            })?;
        } else if now > own.not_after {
            return Err(bad(format!("the TLS certificate ended {}", own.not_after), enrol));
        }
        if own.identity != config.identity() {
            return Err(bad(
                format!("the certificate is for {}, the node is {}", own.identity, config.identity()),
                enrol,
            ));
        }
        let signing = self.home.signing();
        let days = days_left(now, own.not_after);
        if now <= settings.lists_valid_until() {
            let signer = OwnSigner::load(&signing, now).map_err(|error| bad(words(&error), enrol))?;
            if signer.signer().identity != config.identity() {
                let found = &signer.signer().identity;
                return Err(bad(format!("the signing certificate is for {found}"), enrol));
            }
        }
        let detail = format!("TLS and signing for {}; {days} days left", own.identity);
        let advice = (days < SOON_DAYS).then(|| "renew: `enrol`, send the requests, install the answer".to_owned());
        self.tls = Some(settings);
        Ok((detail, advice))
    }

    fn revocation(&mut self) -> Found {
        let Some(settings) = &self.tls else { return fine("") };
        let (now, until) = (self.clock.now(), settings.lists_valid_until());
        let fetch = format!("fetch the newest list from the authority and put it in {}", self.home.revoked().display());
        if now > until {
            return Err(bad(format!("they ended {until}; with an old list nobody is believed"), fetch));
        }
        let days = days_left(now, until);
        // Lists are short-lived: half of a week is soon, half of a year is not.
        Ok((format!("valid until {until}; {days} days left"), (days < 3).then_some(fetch)))
    }

    fn clock(&mut self) -> Found {
        let now = self.clock.now();
        let fix = "set this machine's clock right, and let it be kept right by the network (NTP)";
        if let Some(last) = self.last_entry
            && now.as_second() + SLEW < last.as_second()
        {
            return Err(bad(
                format!(
                    "it shows {now}, before the ledger's last entry of {last}; the node answers nothing until then"
                ),
                "set this machine's clock right, and let it be kept right by the network (NTP); if it is right and was ahead \
                 when that entry was written, `recover` says how the federation's authority ends it",
            ));
        }
        let certificate = self.tls.as_ref().map(|settings| settings.certificate());
        if let Some(own) = certificate
            && (now < own.not_before || now > own.not_after)
        {
            return Err(bad(format!("it shows {now}, outside the certificate's time"), fix));
        }
        fine(format!("{now}; not before the ledger's last entry, within the certificate's time"))
    }

    /// Name, network, TLS, welcome: as many as were tried.
    async fn outside(&self) -> Vec<Found> {
        let (Some(address), Some(settings)) = (&self.address, &self.tls) else { return Vec::new() };
        let name = || fine(format!("{} has an address", address.host()));
        let network = || fine(format!("port {} answers", address.port()));
        let mut stream = match reach::coordinator(address, settings, Protocol::Link).await {
            Ok(connected) => connected,
            Err(error) => {
                let failed = Err(bad(error.in_words(), outside_fix(&error)));
                return match error.stage() {
                    Stage::Name => vec![failed],
                    Stage::Network => vec![name(), failed],
                    Stage::Tls => vec![name(), network(), failed],
                };
            }
        };
        let coordinator = stream.peer.identity().clone();
        // In TLS 1.3 a refusal of our certificate comes with the first read; so does the first word of one who takes it.
        let mut first = [0_u8; 1];
        let heard = tokio::time::timeout(FIRST_WORD, stream.stream.read(&mut first)).await;
        let tls = match heard {
            Ok(Ok(0)) => Err(bad(
                "the coordinator closed the connection without a word",
                "its log says why; something in between may cut connections",
            )),
            Ok(Err(ref error)) => Err(bad(tls::explain(error), refused_fix(error))),
            Ok(Ok(_)) | Err(_) => fine(format!("both sides proved who they are; the other end is {coordinator}")),
        };
        let failed = tls.is_err();
        let mut all = vec![name(), network(), tls];
        if !failed {
            all.push(match (self.standing)() {
                Some(Ok(words)) => fine(words),
                Some(Err(trouble)) => {
                    Err(bad(trouble, "the reason names what to mend; the node tries again by itself"))
                }
                None if matches!(heard, Ok(Ok(_))) => Ok((
                    "the coordinator begins to speak; no node runs here to answer it".to_owned(),
                    Some("`run` starts the node".to_owned()),
                )),
                None => Err(bad(
                    "the coordinator accepts the connection and says nothing",
                    "check that the address is the port for councils, and that nothing in between holds data back",
                )),
            });
        }
        all
    }
}

fn days_left(now: Timestamp, until: Timestamp) -> i64 {
    (until.as_second() - now.as_second()).div_euclid(86_400)
}

fn outside_fix(error: &reach::Error) -> &'static str {
    match error.stage() {
        Stage::Name => "check link.coordinator in node.toml, and this machine's name service (DNS)",
        Stage::Network => "the firewall must let this machine connect out to that host and port over TCP",
        Stage::Tls => "nothing in between may end TLS; otherwise the reason says which end's certificate to mend",
    }
}

fn refused_fix(error: &io::Error) -> &'static str {
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        "the coordinator refuses this node's certificate: do as the reason says, with the authority if need be"
    } else {
        "something in between may cut connections; the coordinator's log may know more"
    }
}
