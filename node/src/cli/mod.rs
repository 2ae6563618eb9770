//! The commands of `folkmoot-node`.
//!
//! Each command is a file with its arguments and one `run` function; this one only names them and opens what they need.
//! Commands open the node's stores beside a running node, so everything works whether it runs or not.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command's output is for a person at a terminal")]

mod approve;
mod ask;
mod audit;
mod budget;
mod deny;
mod doctor;
mod enrol;
mod import;
mod init;
mod keep;
mod measure;
mod name;
mod pending;
mod people;
mod policy;
mod quality;
mod reconcile;
mod recover;
mod run;
mod session;
mod show;
mod status;
mod submissions;
mod table;
mod verify_round;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use folkmoot_runtime::clock::{Clock as _, SystemClock};
use folkmoot_runtime::store::Key;
use folkmoot_runtime::telemetry;

use crate::audit::{Action, Book};
use crate::config::Config;
use crate::home::Home;
use crate::{answer, approval, ledger, local, protect};
pub use session::Session;
pub use table::print as print_table;

/// One council's node: keeps its client level data, and answers a coordinator with protected figures only.
#[derive(Debug, Parser)]
#[command(
    name = "folkmoot-node",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a rule, 4 a round that does not stand.\n\nBegin with `folkmoot-node init --help`."
)]
pub struct Cli {
    /// Folder of the node
    #[arg(
        long,
        global = true,
        env = "FOLKMOOT_NODE_HOME",
        default_value = "folkmoot-node",
        value_name = "DIR",
        display_order = 900
    )]
    home: PathBuf,
    /// This machine's clock is right, though more than 400 days have passed since the ledger's last entry
    #[arg(long, global = true)]
    clock_is_right: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the folder of a new node
    Init(init::Args),
    /// Make keys and certificate requests, or install the authority's answer
    Enrol(enrol::Args),
    /// Take in client level data files
    Import(import::Args),
    /// The files taken in
    Submissions(submissions::Args),
    /// How good the data are, by field and over time
    Quality(quality::Args),
    /// List what can be measured, or explain one measure
    Measures(measure::ListArgs),
    /// Exact figures for the council's own eyes
    Measure(measure::Args),
    /// What may be asked, explained
    Policy(policy::Args),
    /// Questions that wait for a person
    Pending(pending::Args),
    /// One waiting question, with all that is needed to decide it
    Show(show::Args),
    /// Let a waiting question be answered
    Approve(approve::Args),
    /// Refuse a waiting question
    Deny(deny::Args),
    /// What was spent, is reserved and is left
    Budget(budget::Args),
    /// Check, export or publish the audit log
    Audit(audit::Args),
    /// Go on with a restored ledger, by leave of the federation's authority
    Recover(recover::Args),
    /// Go on with records that were put back, after what was done for people is done again
    Reconcile(reconcile::Args),
    /// Stay linked to the coordinator and answer what the policy allows
    Run(run::Args),
    /// How the node stands and what it holds
    Status(status::Args),
    /// Check everything between this node and answering, and name the fix
    Doctor(doctor::Args),
    /// What is held about one person: find, export, erase, restrict
    Person(people::PersonArgs),
    /// The national data opt-out list
    Optout(people::OptOutArgs),
    /// Remove people whose last event is long ago
    Retention(people::RetentionArgs),
    /// Copy stores, settings and policy, while the node runs
    Backup(keep::BackupArgs),
    /// Put a backup in the place of this node's stores, settings and policy
    Restore(keep::RestoreArgs),
    /// Encrypt both stores with a new key
    Rekey(keep::RekeyArgs),
    /// Write a completion script for a shell to standard output
    #[command(after_help = "Example:\n  folkmoot-node completions bash > /etc/bash_completion.d/folkmoot-node")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs a command line and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    telemetry::end_quietly_without_readers();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let home = Home::at(&cli.home).with_right_clock(cli.clock_is_right);
    let done = match cli.command {
        Command::Init(args) => init::run(&home, &args),
        Command::Enrol(args) => enrol::run(&home, &args),
        Command::Import(args) => import_files(&home, &args),
        Command::Submissions(args) => {
            Session::open(&home).and_then(|session| submissions::run(session.records(), &args))
        }
        Command::Quality(args) => Session::open(&home).and_then(|session| quality::run(session.records(), &args)),
        Command::Measures(args) => measure::list(&args),
        Command::Measure(args) => measure::run(&home, &args),
        Command::Policy(args) => check_policy(&home, &args),
        Command::Pending(args) => Session::open(&home).and_then(|session| pending::run(session.ledger(), &args)),
        Command::Show(args) => show_held(&home, &args),
        Command::Approve(args) => Session::open(&home).and_then(|session| {
            let data = local::state_of_data(session.records())?;
            approve::run(session.ledger(), &session.policy()?, data, &args)
        }),
        Command::Deny(args) => {
            Session::open(&home).and_then(|session| deny::run(session.ledger(), &session.policy()?, &args))
        }
        Command::Budget(args) => {
            Session::open(&home).and_then(|session| budget::run(session.ledger(), &session.policy()?, &args))
        }
        Command::Audit(args) => read_audit(&home, &args),
        Command::Recover(args) => Session::open(&home).and_then(|session| {
            recover::run(session.ledger(), &home.governance(), &session.config().federation, &args)
        }),
        Command::Reconcile(args) => reconcile::run(&home, &args),
        Command::Run(args) => run::run(&home, &args),
        Command::Status(args) => status::run(&home, &args),
        Command::Doctor(args) => doctor::run(&home, &args),
        Command::Person(args) => people::person(&home, &args),
        Command::Optout(args) => people::opt_out(&home, &args),
        Command::Retention(args) => people::retention(&home, &args),
        Command::Backup(args) => keep::backup(&home, &args),
        Command::Restore(args) => keep::restore(&home, &args),
        Command::Rekey(args) => keep::rekey(&home, &args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "folkmoot-node", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let refused = error.downcast_ref::<ledger::Error>().is_some_and(|error| error.as_refusal().is_some());
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            if refused {
                return ExitCode::from(3);
            }
            if error.downcast_ref::<verify_round::StandsNot>().is_some() {
                return ExitCode::from(verify_round::STANDS_NOT);
            }
            ExitCode::FAILURE
        }
    }
}

fn check_policy(home: &Home, args: &policy::Args) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    policy::run(&home.policy(), session.floor()?.as_ref(), session.records().opt_out_list()?, args)
}

fn show_held(home: &Home, args: &show::Args) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    let policy = session.policy()?;
    let key = session.bounding_key()?;
    let agreed = session.agreed();
    let look = |query: &folkmoot_proto::query::Query, opt_out_applied| {
        if let Err(error) = &agreed {
            // The question itself is shown all the same.
            return approval::Look { preview: Err(error.to_string()), snapshot: None, data: None };
        }
        let (records, today) = (session.records(), session.today());
        let snapshot = answer::data::snapshot(records, query, &local::options(query, today), opt_out_applied);
        let preview = local::preview(records, query, today, opt_out_applied, &protect::OpenDp, &key);
        approval::Look {
            preview: preview.map_err(|refusal| format!("nothing would leave: {}", refusal.sentence())),
            snapshot: snapshot.ok(),
            data: local::state_of_data(records).ok(),
        }
    };
    show::run(session.ledger(), &policy, look, args)
}

fn read_audit(home: &Home, args: &audit::Args) -> anyhow::Result<()> {
    if let Some(round) = args.as_round() {
        return verify_round(home, round);
    }
    if let Some(done) = args.run_on_file() {
        return done;
    }
    // Opened for reading only: a broken log must still be readable.
    let config = Config::load(home)?;
    let key = Key::load(&home.data_key())?;
    let book = Book::open(&home.ledger(), Some(key))?;
    let today =
        folkmoot_proto::period::Day::from_number(SystemClock::new().now().as_second().div_euclid(86_400) as i32);
    if let Some(receipts) = args.as_receipts() {
        return audit::receipts::run(&book, config.council, home, receipts);
    }
    audit::run(&book, config.council.as_str(), &today.to_string(), args)
}

/// Checks the record of a round, beside this node's own log when there is a node.
fn verify_round(home: &Home, args: &verify_round::Args) -> anyhow::Result<()> {
    let mut defaults = verify_round::Defaults {
        roots: home.roots(),
        crl: home.revoked(),
        governance: home.governance(),
        federation: None,
    };
    if args.is_outside() {
        return verify_round::run(args, &defaults, None);
    }
    let config = Config::load(home).context(
        "there is no node here whose authority could be asked; name --roots, --crl, --governance and --federation",
    )?;
    defaults.federation = Some(config.federation.clone());
    let key = Key::load(&home.data_key())?;
    let own =
        verify_round::OwnLog { council: config.council.to_string(), book: Book::open(&home.ledger(), Some(key))? };
    verify_round::run(args, &defaults, Some(&own))
}

fn import_files(home: &Home, args: &import::Args) -> anyhow::Result<()> {
    let session = Session::open(home)?;
    session.agreed()?;
    let records = session.records().in_name_of(session::account());
    let aliases = home.aliases();
    let here = import::Here {
        council: session.config().council,
        today: session.today(),
        aliases: &aliases,
        now: session.now(),
    };
    let mut unwritten = None;
    let imported = import::run(&records, &here, args, |done| {
        let written = match done {
            // What the entry says was stored with the file: when writing it fails, the next command or start does it.
            import::Done::Stored => session.written_down().map_err(anyhow::Error::new),
            import::Done::Refused { file_name, why } => {
                session.record(Action::ImportRefused, format!("{file_name}: {why}")).map_err(anyhow::Error::new)
            }
        };
        if let Err(error) = written {
            unwritten.get_or_insert(error);
        }
    });
    imported?;
    unwritten.map_or(Ok(()), |error: anyhow::Error| Err(error.context("writing the import into the audit log")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Texts are wrapped to the terminal: a line broken by hand in a paragraph, or too long an example, comes out ragged.
    fn check_help(command: &clap::Command) {
        const WIDTH: usize = 98;
        let name = command.get_name();
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
        for (line, next) in help.lines().zip(help.lines().skip(1).chain([""])) {
            assert!(!(is_prose(line) && is_prose(next)), "{name}: broken by hand: {line}");
            assert!(!line.starts_with(' ') || line.len() <= WIDTH, "{name}: too long: {line}");
        }
        match command.has_subcommands() {
            true => command.get_subcommands().for_each(check_help),
            false => assert!(help.contains("Example"), "{name} shows no example"),
        }
    }

    #[test]
    fn every_command_has_an_example_and_no_ragged_text() {
        Cli::command().get_subcommands().for_each(check_help);
    }

    /// A command line that a document or a help text shows and the program does not take costs its reader an hour.
    #[test]
    fn every_command_that_is_shown_is_one_that_is_taken() {
        let documents = [
            include_str!("../../../README.md"),
            include_str!("../../../docs/operating.md"),
            include_str!("../../../docs/certificates.md"),
            include_str!("../../../docs/governance.md"),
            include_str!("../../../docs/import.md"),
            include_str!("../../../docs/pathways.md"),
            include_str!("../../../docs/protocol.md"),
            include_str!("../../../docs/releases.md"),
        ];
        let mut shown: Vec<Vec<String>> =
            documents.iter().flat_map(|text| folkmoot_runtime::examples::commands(text, "folkmoot-node")).collect();
        fn helps(command: &clap::Command, shown: &mut Vec<Vec<String>>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            shown.extend(folkmoot_runtime::examples::commands(&help, "folkmoot-node"));
            command.get_subcommands().for_each(|command| helps(command, shown));
        }
        helps(&Cli::command(), &mut shown);
        assert!(shown.len() > 20, "{} commands were found", shown.len());
        for words in shown {
            if let Err(error) = Cli::try_parse_from(&words) {
                assert!(!error.use_stderr(), "{}\n{error}", words.join(" "));
            }
        }
    }

    #[test]
    fn every_command_explains_itself() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
        }
    }
}
