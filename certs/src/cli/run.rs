//! Each command, from its arguments to what is told.

use std::error::Error as StdError;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use folkmoot_proto::identity::Kind;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::recovery::Statement;
use folkmoot_runtime::enrol::{make_request, repeat_request, write_new};
use jiff::Timestamp;

use super::args::{
    Arguments, Command, Crl, Floor, Init, Inspect, Issue, List, Recovery, Registry, Renew, ReplaceIssuing,
    RequestArguments, Revoke,
};
use super::show;
use crate::authority::{Authority, Issued, Order};
use crate::folder::{self, Layout, private_folder, replace};
use crate::governance::read_places;
use crate::inspect::describe;
use crate::inventory::{Entry, Inventory};
use crate::request::Request;

type Outcome = Result<(), Box<dyn StdError>>;

/// Where answers go, and where everything else goes.
struct Said<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    now: Timestamp,
}

pub(super) fn command(arguments: Arguments, now: Timestamp, out: &mut dyn Write, err: &mut dyn Write) -> Outcome {
    let mut said = Said { out, err, now };
    let dir = arguments.dir.as_path();
    match arguments.command {
        Command::Init(init) => said.init(dir, init),
        Command::Request(request) => said.request(request),
        Command::Issue(issue) => said.issue(dir, issue),
        Command::Renew(renew) => said.renew(dir, renew),
        Command::Revoke(revoke) => said.revoke(dir, revoke),
        Command::Crl(crl) => said.crl(dir, crl),
        Command::Registry(registry) => said.registry(dir, registry),
        Command::Floor(floor) => said.floor(dir, floor),
        Command::Recovery(recovery) => said.recovery(dir, &recovery),
        Command::List(list) => said.list(dir, &list),
        Command::Inspect(inspect) => said.inspect(&inspect),
        Command::ReplaceIssuing(replace) => said.replace_issuing(dir, replace),
        Command::ReplaceGovernance => said.replace_governance(dir),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "folkmoot-certs", &mut said.out);
            Ok(())
        }
    }
}

impl Said<'_> {
    fn init(&mut self, dir: &Path, init: Init) -> Outcome {
        let authority = Authority::init(dir, init.root_dir.as_deref(), &init.federation, self.now)?;
        let layout = authority.layout();
        let root = init.root_dir.unwrap_or_else(|| layout.root_folder());
        let key = folder::read(&layout.public("governance.pub"))?;
        writeln!(self.out, "Federation {} is made in {}.", init.federation, dir.display())?;
        writeln!(self.out, "  governance key   {}", key.trim())?;
        writeln!(self.out, "  hand to all      {}", layout.public("").display())?;
        writeln!(self.out, "  take away        {}", root.display())?;
        writeln!(
            self.err,
            "next: move {} to a medium that you lock up; only replace-issuing needs it again",
            root.display()
        )?;
        Ok(())
    }

    fn request(&mut self, asked: RequestArguments) -> Outcome {
        private_folder(&asked.out)?;
        let kinds = match asked.kind {
            Some(kind) => vec![Kind::from(kind)],
            None => vec![Kind::Tls, Kind::Signing],
        };
        let mut made = Vec::new();
        for kind in kinds {
            let csr = asked.out.join(format!("{kind}.csr"));
            let key = asked.out.join(format!("{kind}.key"));
            let outcome = match &asked.key {
                Some(key) => repeat_request(&asked.identity, kind, key, &csr),
                None => make_request(&asked.identity, kind, &key, &csr),
            };
            // All or nothing: a half of a pair would be in the way of the next attempt.
            if let Err(error) = outcome {
                for path in made {
                    let _ = std::fs::remove_file(path);
                }
                return Err(error.into());
            }
            writeln!(self.out, "{}", csr.display())?;
            made.push(csr);
            if asked.key.is_none() {
                made.push(key);
            }
        }
        writeln!(
            self.err,
            "next: send the .csr files to the authority of {}; keep the .key files here",
            asked.identity.federation()
        )?;
        Ok(())
    }

    fn issue(&mut self, dir: &Path, issue: Issue) -> Outcome {
        let pem = folder::read(&issue.request)?;
        let request = Request::read(&pem)?;
        writeln!(
            self.err,
            "{} asks for a {} certificate for {}",
            issue.request.display(),
            request.kind,
            request.identity
        )?;
        let Some(identity) = issue.identity else {
            return Err(format!(
                "nothing was issued: make sure that this request comes from whom it names, then confirm with --identity {}",
                request.identity
            )
            .into());
        };
        let to = Destination::new(issue.out, issue.answer, request.kind)?;
        let order = Order { identity, hosts: issue.hosts, days: issue.days };
        let issued = Authority::open(dir)?.issue(&pem, &order, self.now)?;
        self.hand_out(dir, &issued, &to)
    }

    fn renew(&mut self, dir: &Path, renew: Renew) -> Outcome {
        let request = renew.request.as_deref().map(folder::read).transpose()?;
        let mut authority = Authority::open(dir)?;
        let serial = match (renew.which.serial, renew.which.identity) {
            (Some(serial), _) => serial,
            (None, Some(identity)) => {
                let kind = renew.kind.ok_or("--identity needs --kind here, since each kind is renewed on its own")?;
                let inventory = authority.inventory();
                // The newest: an earlier one that overlaps is on its way out.
                let place = inventory.live(&identity, Some(kind.into()), self.now).into_iter().next_back().ok_or_else(
                    || {
                        format!(
                            "{identity} holds no live {} certificate: issue one with `folkmoot-certs issue`",
                            Kind::from(kind)
                        )
                    },
                )?;
                inventory.certificates[place].serial.clone()
            }
            (None, None) => unreachable!("clap requires one of the two"),
        };
        let inventory = authority.inventory();
        let kind = inventory.certificates[inventory.by_serial(&serial)?].kind;
        let to = Destination::new(renew.out, renew.answer, kind)?;
        let issued = authority.renew(&serial, request.as_deref(), renew.days, self.now)?;
        self.hand_out(dir, &issued, &to)
    }

    fn hand_out(&mut self, dir: &Path, issued: &Issued, to: &Destination) -> Outcome {
        let entry = &issued.entry;
        let layout = Layout::new(dir);
        match &to.file {
            Some(path) => {
                to.write(&layout, &issued.chain_pem).map_err(|error| {
                    // Issued it is: say where the copy lies, so that nobody issues it a second time.
                    let copy = layout.issued(&entry.serial);
                    format!("certificate {} was issued, but {error}; a copy is at {}", entry.serial, copy.display())
                })?;
                writeln!(self.out, "{}", path.display())?;
            }
            None => write!(self.out, "{}", issued.chain_pem)?,
        }
        writeln!(
            self.err,
            "issued {} certificate {} to {}, good until {}",
            entry.kind,
            entry.serial,
            entry.identity,
            show::day(entry.not_after)
        )?;
        self.mention_registry(std::slice::from_ref(entry))
    }

    fn mention_registry(&mut self, entries: &[Entry]) -> Outcome {
        if entries.iter().any(|entry| entry.kind == Kind::Signing && entry.identity.council().is_some()) {
            writeln!(self.err, "next: sign a new registry with `folkmoot-certs registry` and hand it out")?;
        }
        Ok(())
    }

    fn revoke(&mut self, dir: &Path, revoke: Revoke) -> Outcome {
        let mut authority = Authority::open(dir)?;
        let entries = match (&revoke.which.serial, &revoke.which.identity) {
            (Some(serial), _) => vec![authority.revoke(serial, revoke.reason, self.now)?],
            (None, Some(identity)) => {
                authority.revoke_identity(identity, revoke.kind.map(Kind::from), revoke.reason, self.now)?
            }
            (None, None) => unreachable!("clap requires one of the two"),
        };
        for entry in &entries {
            writeln!(self.out, "revoked {} certificate {} of {}", entry.kind, entry.serial, entry.identity)?;
        }
        let list = authority.layout().public("crl.pem");
        writeln!(self.err, "next: hand out {} at once; it takes effect where it arrives", list.display())?;
        self.mention_registry(&entries)
    }

    fn crl(&mut self, dir: &Path, crl: Crl) -> Outcome {
        let mut authority = Authority::open(dir)?;
        authority.write_lists(self.now, crl.days)?;
        self.publish(&authority, "crl.pem", crl.out.as_deref())
    }

    fn publish(&mut self, authority: &Authority, name: &str, also: Option<&Path>) -> Outcome {
        let path = authority.layout().public(name);
        writeln!(self.out, "{}", path.display())?;
        if let Some(also) = also {
            replace(also, &folder::read(&path)?)?;
            writeln!(self.out, "{}", also.display())?;
        }
        Ok(())
    }

    fn registry(&mut self, dir: &Path, registry: Registry) -> Outcome {
        let mut authority = Authority::open(dir)?;
        let places = match &registry.members {
            Some(path) => Some(read_places(path, &folder::read(path)?)?),
            None => None,
        };
        let key = registry.governance_key.as_deref();
        let signed = authority.sign_registry(key, places.as_ref(), registry.allow_missing, self.now)?;
        self.publish(&authority, "registry.json", registry.out.as_deref())?;
        writeln!(
            self.err,
            "registry version {} with {} councils, hash {}",
            signed.version,
            signed.members,
            hex::encode(signed.hash)
        )?;
        for council in signed.missing {
            writeln!(self.err, "warning: council {council} is left out, since it has no live signing certificate")?;
        }
        Ok(())
    }

    fn floor(&mut self, dir: &Path, floor: Floor) -> Outcome {
        let text = folder::read(&floor.file)?;
        let mut authority = Authority::open(dir)?;
        let (_, version) = authority.sign_floor(floor.governance_key.as_deref(), &floor.file, &text, self.now)?;
        self.publish(&authority, "floor.json", floor.out.as_deref())?;
        writeln!(self.err, "floor version {version}; nodes take it up when it arrives, and refuse a policy below it")?;
        Ok(())
    }

    fn recovery(&mut self, dir: &Path, recovery: &Recovery) -> Outcome {
        let bad = |what: &str, text: &str, form: &str| format!("{what} '{text}' is not {form}");
        let (number, digest) = recovery.held.split_once(':').unwrap_or((&recovery.held, ""));
        let mut held_digest = [0; 32];
        let held_entries = match (number.parse(), hex::decode_to_slice(digest, &mut held_digest)) {
            (Ok(number), Ok(())) => number,
            _ => return Err(bad("--held", &recovery.held, "a number, a colon and 64 hexadecimal characters").into()),
        };
        let spent = recovery.assume_spent.as_deref().map_or("0", str::trim);
        let assume_spent_nano = match Rho::parse(spent) {
            Some(rho) => rho.nano(),
            None if spent == "0" => 0,
            None => return Err(bad("--assume-spent", spent, "a rho such as 0.05").into()),
        };
        let statement = Statement {
            council: recovery.council,
            held_entries,
            held_digest,
            witnessed_entries: recovery.witnessed.unwrap_or(held_entries),
            assume_spent_nano,
            reason: recovery.reason.trim().to_owned(),
            resets_clock: recovery.reset_clock,
            issued_at: self.now,
        };
        let authority = Authority::open(dir)?;
        let signed = authority.sign_recovery(recovery.governance_key.as_deref(), statement)?;
        replace(&recovery.out, &crate::governance::json(&signed))?;
        writeln!(self.out, "{}", recovery.out.display())?;
        writeln!(self.err, "next: the council runs `folkmoot-node recover {}`", recovery.out.display())?;
        Ok(())
    }

    fn list(&mut self, dir: &Path, list: &List) -> Outcome {
        // Without the lock: the inventory is replaced in one step, so it is whole at any moment.
        let layout = Layout::new(dir);
        show::list(&layout, &Inventory::read(&layout)?, list, self.now, self.out, self.err)
    }

    fn inspect(&mut self, inspect: &Inspect) -> Outcome {
        let text = folder::read(&inspect.file)?;
        let found = describe(&text, self.now).map_err(|error| format!("{}: {error}", inspect.file.display()))?;
        show::objects(&found, inspect.json, self.out)
    }

    fn replace_issuing(&mut self, dir: &Path, replace: ReplaceIssuing) -> Outcome {
        let mut authority = Authority::open(dir)?;
        let root = replace.root_dir.unwrap_or_else(|| authority.layout().root_folder());
        let number = authority.replace_issuing(&root, replace.compromised, self.now)?;
        writeln!(self.out, "issuing authority {number} is in office")?;
        let list = authority.layout().public("crl.pem");
        writeln!(
            self.err,
            "next: hand out {} to everybody before any new certificate is used (where it has not arrived, certificates of the new authority are refused), and lock the root folder up again",
            list.display()
        )?;
        if replace.compromised {
            writeln!(self.err, "next: everybody needs a new certificate: `folkmoot-certs list` shows who")?;
        }
        Ok(())
    }
}

impl Said<'_> {
    fn replace_governance(&mut self, dir: &Path) -> Outcome {
        let key = Authority::open(dir)?.replace_governance()?;
        writeln!(self.out, "governance key   {key}")?;
        writeln!(self.err, "next: read this key to each council over a second way; each pins it by hand")?;
        writeln!(
            self.err,
            "next: sign anew with `folkmoot-certs registry` and `folkmoot-certs floor`, and hand both out"
        )?;
        Ok(())
    }
}

/// Where a chain goes, checked before it is issued.
struct Destination {
    /// The chain's file; standard output without.
    file: Option<PathBuf>,
    /// The folder that gets the public files as well.
    answer: Option<PathBuf>,
}

impl Destination {
    fn new(out: Option<PathBuf>, answer: Option<PathBuf>, kind: Kind) -> Result<Self, Box<dyn StdError>> {
        let file = match &answer {
            Some(folder) => Some(folder.join(format!("{kind}.pem"))),
            None => out,
        };
        match &file {
            Some(path) if path.exists() => Err(format!(
                "{} is there already and is not overwritten: nothing was issued; give another place",
                path.display()
            )
            .into()),
            _ => Ok(Self { file, answer }),
        }
    }

    fn write(&self, layout: &Layout, chain_pem: &str) -> Outcome {
        if let Some(folder) = &self.answer {
            private_folder(folder)?;
            // The registry and the floor come once they are signed; the rest is there from the beginning.
            for (name, needed) in PUBLIC {
                let from = layout.public(name);
                if *needed || from.exists() {
                    replace(&folder.join(name), &folder::read(&from)?)?;
                }
            }
        }
        if let Some(path) = &self.file {
            write_new(path, chain_pem.as_bytes(), false)?;
        }
        Ok(())
    }
}

/// Everybody's files, and whether they are there from the beginning.
const PUBLIC: &[(&str, bool)] = &[
    ("roots.pem", true),
    ("crl.pem", true),
    ("governance.pub", true),
    ("registry.json", false),
    ("floor.json", false),
];
