//! The command line's grammar and help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use folkmoot_proto::identity::{Federation, Identity, Kind};
use folkmoot_proto::ids::CouncilCode;

use crate::inventory::Reason;
use crate::profile::{Host, LEAF_DAYS, LIST_DAYS};

const CODES: &str =
    "Exit codes: 0 done, 1 not done (the reason is on standard error), 2 the command line was not understood.";

/// The certificate authority of a Folkmoot federation.
///
/// Says who is a council, a coordinator, an analyst: it signs their certificates, the membership registry, the national floor and the
/// revocation list. Keys are made where they are used and never travel; only requests come here.
#[derive(Debug, Parser)]
#[command(name = "folkmoot-certs", version, after_help = CODES, max_term_width = 110)]
pub struct Arguments {
    /// The authority's folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "FOLKMOOT_CERTS_DIR",
        default_value = "authority",
        display_order = 900
    )]
    pub(super) dir: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArgument {
    /// To connect.
    Tls,
    /// To sign.
    Signing,
}

impl From<KindArgument> for Kind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::Tls => Self::Tls,
            KindArgument::Signing => Self::Signing,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a federation: offline root, issuing authority, governance key, empty revocation list.
    #[command(after_help = "\
Examples:
  folkmoot-certs init --federation england
  folkmoot-certs --dir /srv/authority init --federation england --root-dir /media/stick/root

Afterwards take the root folder away and lock it up; only `replace-issuing` needs it. Hand out everything in \
DIR/public. Each node pins the key in DIR/public/governance.pub: let councils compare it with you by voice.")]
    Init(Init),
    /// Make a key and a request for a certificate, on the machine that will use them.
    #[command(after_help = "\
Examples:
  folkmoot-certs request --identity folkmoot://england/analyst/national/j.smith --out keys
  folkmoot-certs request --identity folkmoot://england/coordinator/main --kind tls --out keys
  folkmoot-certs request --identity folkmoot://england/council/503 --kind tls --out next \\
      --key keys/tls.key

Writes KIND.key (yours alone, never to be sent) and KIND.csr (to be sent to the authority) into the folder. \
Councils use `folkmoot-node enrol` instead, which does the same with their settings.")]
    Request(RequestArguments),
    /// Answer a request with a certificate.
    #[command(after_help = "\
Examples:
  folkmoot-certs issue 503/tls.csr                      (shows whom it is for, and issues nothing)
  folkmoot-certs issue 503/tls.csr --identity folkmoot://england/council/503
  folkmoot-certs issue main/tls.csr --identity folkmoot://england/coordinator/main \\
      --dns moot.example.org --dns 192.0.2.7 --out main/chain.pem
  folkmoot-certs issue 503/tls.csr --identity folkmoot://england/council/503 --answer answer-503

Make sure over another way (a call, a known address) that the request comes from whom it names, then repeat the \
identity. The kind, TLS or signing, is the request's. Without --out or --answer the chain goes to standard output. \
With --answer the folder holds all that `folkmoot-node enrol --answer` installs, once both kinds are in it.")]
    Issue(Issue),
    /// Give a certificate's holder a new one.
    #[command(after_help = "\
Examples:
  folkmoot-certs renew 4f3a99 --out 503/chain.pem       (same key)
  folkmoot-certs renew --identity folkmoot://england/council/503 --kind tls --request 503/new.csr

The earlier certificate stays good until its end. A new signing certificate needs a new registry.")]
    Renew(Renew),
    /// Revoke certificates and write a fresh revocation list.
    #[command(after_help = "\
Examples:
  folkmoot-certs revoke 4f3a99 --reason key-compromise
  folkmoot-certs revoke --identity folkmoot://england/council/503 --reason left

Revoking takes effect where the new DIR/public/crl.pem arrives: hand it out at once. No restart is needed there. \
After revoking a signing certificate sign a new registry too.")]
    Revoke(Revoke),
    /// Write a fresh revocation list to DIR/public/crl.pem.
    #[command(after_help = "\
Examples:
  folkmoot-certs crl
  folkmoot-certs crl --days 14 --out /srv/www/crl.pem

Do this well before the present list runs out (`list` tells when): with a list past its end nobody connects.")]
    Crl(Crl),
    /// Sign a new membership registry: DIR/public/registry.json.
    #[command(after_help = "\
Examples:
  folkmoot-certs registry
  folkmoot-certs registry --members members.csv --allow-missing

Members are the councils with a live signing certificate. Name, region and board come from the published tables, \
or from a CSV file with the columns council,name,region,icb (ONS code of the region, ODS code of the board), \
which then also decides who is in. Sign a new one after each issue, renewal or revocation of a signing certificate.")]
    Registry(Registry),
    /// Sign a national floor, the least that every council's policy must keep: DIR/public/floor.json.
    #[command(after_help = "\
Example:
  folkmoot-certs floor floor.toml")]
    Floor(Floor),
    /// Countersign that a council goes on with a ledger that was restored from a backup.
    #[command(after_help = "\
Example:
  folkmoot-certs recovery --council 503 --held 80:9f2c... --witnessed 100 --assume-spent 0.05 \\
      --reason 'disk failure'
  folkmoot-certs recovery --council 503 --held 80:9f2c... --reset-clock \\
      --reason 'the clock was set to 2031 by mistake'

The council's `folkmoot-node recover` prints the first three. A restored ledger has forgotten what was spent since the \
backup: be satisfied that the reason is true, and let as much be taken as spent as may have been.")]
    Recovery(Recovery),
    /// Show who holds which certificate, and what runs out next.
    #[command(after_help = "\
Examples:
  folkmoot-certs list
  folkmoot-certs list --expiring 60
  folkmoot-certs list --all --json

Shows live certificates, those that expire first on top; --all adds expired and revoked ones.")]
    List(List),
    /// Show what is in a certificate, chain, request, revocation list, registry or floor.
    #[command(after_help = "\
Examples:
  folkmoot-certs inspect 503/tls.csr
  folkmoot-certs inspect authority/public/crl.pem --json

Checks form only, no signatures except a request's own. Private keys are not shown.")]
    Inspect(Inspect),
    /// Put a new issuing authority in office; needs the root key.
    #[command(after_help = "\
Examples:
  folkmoot-certs replace-issuing --root-dir /media/stick/root
  folkmoot-certs replace-issuing --root-dir /media/stick/root --compromised

Do this when the issuing authority nears its end, or, with --compromised, when others may know its key: then every \
certificate it issued is refused wherever the new crl.pem arrives, and everybody needs a new one.")]
    ReplaceIssuing(ReplaceIssuing),
    /// Make a new governance key; every node must then pin it by hand.
    #[command(after_help = "\
Example:
  folkmoot-certs replace-governance

Do this when others may know the governance key. Nothing signed under the old one should be believed any more, and no \
message can say so that nodes could trust: read the new key to each council over a second way, then sign registry and \
floor anew.")]
    ReplaceGovernance,
    /// Write a completion script for a shell to standard output.
    #[command(after_help = "\
Example:
  folkmoot-certs completions bash > /etc/bash_completion.d/folkmoot-certs")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The federation's name: small letters, digits and hyphens. It becomes part of every identity.
    #[arg(long, value_name = "NAME")]
    pub(super) federation: Federation,
    /// Put the root's key and certificate here instead of into DIR/root.
    #[arg(long, value_name = "DIR")]
    pub(super) root_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RequestArguments {
    /// Who the certificate is for.
    #[arg(long, value_name = "URI")]
    pub(super) identity: Identity,
    /// Only this kind; both unless given.
    #[arg(long)]
    pub(super) kind: Option<KindArgument>,
    /// Folder for key and request; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Ask for a new certificate of this key, instead of making one. Needs --kind.
    #[arg(long, value_name = "FILE", requires = "kind")]
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The request, a PEM file.
    #[arg(value_name = "REQUEST.csr")]
    pub(super) request: PathBuf,
    /// Confirms whom it is for. Without it the request is only shown.
    #[arg(long, value_name = "URI")]
    pub(super) identity: Option<Identity>,
    /// How long the certificate shall live.
    #[arg(long, default_value_t = LEAF_DAYS)]
    pub(super) days: u32,
    /// A DNS name or IP address of a coordinator; may be given several times.
    #[arg(long = "dns", value_name = "NAME")]
    pub(super) hosts: Vec<Host>,
    /// Write the chain here; never over another file.
    #[arg(long, value_name = "FILE", conflicts_with = "answer")]
    pub(super) out: Option<PathBuf>,
    /// Put the chain, as KIND.pem, and everything else its holder needs into this folder, ready to be sent.
    #[arg(long, value_name = "DIR")]
    pub(super) answer: Option<PathBuf>,
}

/// One certificate by its serial number, or those of an identity.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "which")]
pub(super) struct Which {
    /// Serial number, or the first 6 or more characters of it.
    #[arg(value_name = "SERIAL", group = "which")]
    pub(super) serial: Option<String>,
    /// Certificates of this identity.
    #[arg(long, value_name = "URI", group = "which")]
    pub(super) identity: Option<Identity>,
}

#[derive(Debug, Args)]
pub(super) struct Renew {
    #[command(flatten)]
    pub(super) which: Which,
    /// With --identity: which of its certificates.
    #[arg(long, conflicts_with = "serial")]
    pub(super) kind: Option<KindArgument>,
    /// A request with a new key; the old key is certified again unless given.
    #[arg(long, value_name = "FILE")]
    pub(super) request: Option<PathBuf>,
    /// How long the new certificate shall live.
    #[arg(long, default_value_t = LEAF_DAYS)]
    pub(super) days: u32,
    /// Write the chain here; never over another file.
    #[arg(long, value_name = "FILE", conflicts_with = "answer")]
    pub(super) out: Option<PathBuf>,
    /// Put the chain, as KIND.pem, and everything else its holder needs into this folder, ready to be sent.
    #[arg(long, value_name = "DIR")]
    pub(super) answer: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    pub(super) which: Which,
    /// With --identity: only certificates of this kind.
    #[arg(long, conflicts_with = "serial")]
    pub(super) kind: Option<KindArgument>,
    /// Why; stands on the list.
    #[arg(long)]
    pub(super) reason: Reason,
}

#[derive(Debug, Args)]
pub(super) struct Crl {
    /// Days until the next list is due.
    #[arg(long, default_value_t = LIST_DAYS)]
    pub(super) days: u32,
    /// Also write the list here, over an older one.
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Registry {
    /// CSV file with the columns council,name,region,icb.
    #[arg(long, value_name = "FILE.csv")]
    pub(super) members: Option<PathBuf>,
    /// Leave out councils of the members file that have no live signing certificate.
    #[arg(long, requires = "members")]
    pub(super) allow_missing: bool,
    /// The governance key, if it is not in DIR/governance.
    #[arg(long, value_name = "FILE")]
    pub(super) governance_key: Option<PathBuf>,
    /// Also write the registry here, over an older one.
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Floor {
    /// The floor's text, in the form of a council's policy file.
    #[arg(value_name = "FILE.toml")]
    pub(super) file: PathBuf,
    /// The governance key, if it is not in DIR/governance.
    #[arg(long, value_name = "FILE")]
    pub(super) governance_key: Option<PathBuf>,
    /// Also write the signed floor here, over an older one.
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Recovery {
    /// Whose ledger.
    #[arg(long, value_name = "CODE")]
    pub(super) council: CouncilCode,
    /// Last entry that the restored ledger shares with what was lost.
    #[arg(long, value_name = "NUMBER:DIGEST")]
    pub(super) held: String,
    /// Highest lost entry that anybody has seen; none was lost when left out with --reset-clock.
    #[arg(long, value_name = "NUMBER", required_unless_present = "reset_clock", conflicts_with = "reset_clock")]
    pub(super) witnessed: Option<u64>,
    /// What is taken as spent in the lost entries, as rho.
    #[arg(long, value_name = "RHO", required_unless_present = "reset_clock")]
    pub(super) assume_spent: Option<String>,
    /// Nothing was lost, but entries were written while the council's clock was ahead: the ledger goes on from the right
    /// moment. To be loaded within 31 days.
    #[arg(long)]
    pub(super) reset_clock: bool,
    /// Why, for the council's audit log.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// The governance key, if it is not in DIR/governance.
    #[arg(long, value_name = "FILE")]
    pub(super) governance_key: Option<PathBuf>,
    /// Where the signed recovery goes.
    #[arg(long, value_name = "FILE", default_value = "recovery.json")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Expired and revoked certificates too.
    #[arg(long)]
    pub(super) all: bool,
    /// Only live certificates that expire within this many days.
    #[arg(long, value_name = "DAYS", conflicts_with = "all")]
    pub(super) expiring: Option<i64>,
    /// For machines.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// For machines.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReplaceIssuing {
    /// Where the root's key and certificate lie now; DIR/root unless given.
    #[arg(long, value_name = "DIR")]
    pub(super) root_dir: Option<PathBuf>,
    /// Others may know the key of the one in office: revoke it.
    #[arg(long)]
    pub(super) compromised: bool,
}
