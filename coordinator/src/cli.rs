//! The commands: `run`, and those of an analyst or operator who calls a running coordinator.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use folkmoot_proto::period::Day;
use folkmoot_proto::reason::Refusal;

/// Writes a line to standard output; the caller ends quietly when nobody reads any more.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::write(format!("{}\n", format_args!($($text)*)).as_bytes())? };
}

/// Writes text to standard output; the caller ends quietly when nobody reads any more.
macro_rules! put {
    ($($text:tt)*) => { $crate::cli::write(format!($($text)*).as_bytes())? };
}

mod ask;
mod client;
mod read;
mod receipts;
mod table;

/// All went well.
pub const OK: u8 = 0;
/// It failed.
pub const FAILED: u8 = 1;
/// The command line was wrong.
pub const USAGE: u8 = 2;
/// It was refused, or every council's answer waits for a person there.
pub const REFUSED: u8 = 3;
/// A release was made, and councils are missing in it.
pub const INCOMPLETE: u8 = 4;

const EXIT_CODES: &str = "Exit codes: 0 all went well; 1 it failed; 2 the command line is wrong; 3 it was refused, or waits for people \
                          at councils; 4 a release was made, and councils are missing in it.";

/// Asks England's councils and releases protected figures.
#[derive(Debug, Parser)]
#[command(name = "folkmoot-coordinator", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the coordinator: take councils in, answer analysts
    #[command(after_help = "\
Runs until it is told to stop (Ctrl-C, or SIGTERM from a service manager). Logs go to standard error; FOLKMOOT_LOG=debug \
shows more. Any setting can be overridden from the environment: FOLKMOOT_COORDINATOR__ASK__WAIT_S=120.

Example:
  folkmoot-coordinator run --config /etc/folkmoot/coordinator.toml")]
    Run(Run),
    /// List councils: which are members of the federation, and which are linked
    #[command(after_help = "\
Examples:
  folkmoot-coordinator councils
  folkmoot-coordinator councils --json --profile profile.toml")]
    Councils(Caller),
    /// List what can be asked, or describe one measure
    #[command(after_help = "\
Needs no coordinator: the list is part of this program.

Examples:
  folkmoot-coordinator measures
  folkmoot-coordinator measures 2E")]
    Measures {
        /// The measure to describe
        measure: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a question would cost and how exact it would be, without asking it
    #[command(after_help = "\
Without --prices no council is asked anything. With it each linked council says what the question would cost there and \
whether its rules would answer; nothing is charged.

Examples:
  folkmoot-coordinator plan 2E --from 2024-04-01 --to 2025-03-31 --level region
  folkmoot-coordinator plan 2E --from 2024-04-01 --to 2025-03-31 --kind joint-private \\
      --rho 0.005 --prices --purpose 'National statistics' --basis 'UK GDPR 6(1)(e)'")]
    Plan(Box<ask::PlanArgs>),
    /// Ask a question and wait for its release
    #[command(after_help = ASK_HELP)]
    Ask(Box<ask::AskArgs>),
    /// List jobs: your own, or all for an operator
    #[command(after_help = "\
Example:
  folkmoot-coordinator jobs")]
    Jobs(Caller),
    /// Follow a job until it is over
    #[command(after_help = "\
Examples:
  folkmoot-coordinator watch 2c4e046f1ae96c16561a200b0e9f59aa

Ends with the exit code that `ask` would have ended with.")]
    Watch {
        /// The job, as `ask` and `jobs` print it
        job: String,
        #[command(flatten)]
        caller: Caller,
    },
    /// List releases
    #[command(after_help = "\
Examples:
  folkmoot-coordinator releases
  folkmoot-coordinator releases 2E")]
    Releases {
        /// Only those of this measure
        measure: Option<String>,
        #[command(flatten)]
        caller: Caller,
    },
    /// Show a release as tables
    #[command(after_help = "\
Examples:
  folkmoot-coordinator show 12
  folkmoot-coordinator show 12.1 --level icb")]
    Show {
        /// The release's number (12, or 12.1 for its first revision) or id
        release: String,
        /// Show only areas of this level
        #[arg(long, value_enum)]
        level: Option<LevelWord>,
        #[command(flatten)]
        caller: Caller,
    },
    /// Write a release to a file
    #[command(after_help = "\
csv is one tidy table, a figure a row; json holds the same figures with everything that must be known about them: question, \
protection, notes, who is in and who is not. docs/releases.md explains both.

Examples:
  folkmoot-coordinator export 12
  folkmoot-coordinator export 12 --format json --output 2e-2024-25.json
  folkmoot-coordinator export 12 --output - | head
  folkmoot-coordinator export 12 --format round")]
    Export {
        /// The release's number (12, or 12.1 for its first revision) or id
        release: String,
        /// csv or json; `round` for the record of the round behind joint figures, to be checked with `folkmoot-node audit
        /// verify-round`
        #[arg(long, default_value = "csv")]
        format: String,
        /// Where to; the release's own name in this folder when left out, `-` for standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        caller: Caller,
    },
    /// List the newest heads of councils' ledgers that the coordinator has witnessed, for auditors
    #[command(after_help = "\
Compare them with what the council says: `folkmoot-node audit verify --head NUMBER:DIGEST`.

Examples:
  folkmoot-coordinator heads
  folkmoot-coordinator heads --all --json")]
    Heads {
        /// Every head ever witnessed, not the newest of each record alone
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        caller: Caller,
    },
    /// Fetch a council's own receipts of what left it, signed by the council, for auditors
    Receipts(receipts::Receipts),
    /// Withdraw a release; it stays readable, marked as withdrawn
    #[command(after_help = "\
Example:
  folkmoot-coordinator withdraw 12 --reason 'council 503 sent a wrong file; 12.2 replaces it'")]
    Withdraw {
        /// The release's number (12, or 12.1 for its first revision) or id
        release: String,
        /// Why; every reader sees it
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        caller: Caller,
    },
    /// Write a completion script for a shell
    #[command(after_help = "\
Example:
  folkmoot-coordinator completions bash > /etc/bash_completion.d/folkmoot-coordinator")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

const ASK_HELP: &str = "\
A question that names no councils goes to the members of the federation. Purpose and basis must be among those that the \
councils' policies accept: a refusal names them. `plan` says price and margins first.

Examples:
  folkmoot-coordinator ask 2E --from 2024-04-01 --to 2025-03-31 --level region \\
      --purpose 'National statistics' --basis 'UK GDPR 6(1)(e)'
  folkmoot-coordinator ask people --from 2025-03-31 --to 2025-03-31 --by setting,age_band \\
      --kind joint-private --rho 0.005 --level icb --boards icb-2026 \\
      --purpose 'National statistics: winter planning' --basis 'UK GDPR 6(1)(e)'

Exit codes: 0 all went well; 1 it failed; 2 the command line is wrong; 3 it was refused, or waits for people at councils; \
4 a release was made, and councils are missing in it.";

#[derive(Debug, Args)]
struct Run {
    /// The settings file
    #[arg(long, short, env = "FOLKMOOT_COORDINATOR_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Write the log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

/// What every calling command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Caller {
    /// Profile file: how to reach the coordinator, and with which certificates
    #[arg(long, env = "FOLKMOOT_PROFILE", value_name = "FILE")]
    pub(crate) profile: PathBuf,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelWord {
    /// All England
    England,
    /// The nine regions, and England
    Region,
    /// Integrated care boards, and England
    Icb,
    /// Councils, and everything above
    Council,
}

impl LevelWord {
    pub(crate) fn level(self) -> crate::scope::Level {
        use crate::scope::Level;
        match self {
            Self::England => Level::England,
            Self::Region => Level::Region,
            Self::Icb => Level::Board,
            Self::Council => Level::Council,
        }
    }
}

/// A day on the command line.
pub(crate) fn day(text: &str) -> Result<Day, String> {
    text.parse().map_err(|error: folkmoot_proto::period::Error| error.to_string())
}

/// Whoever read our output has gone, as `head` does: no reason to complain.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
struct Unread;

/// Writes to standard output.
pub(crate) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Unread.into()),
        other => Ok(other?),
    }
}

/// What a command came to.
pub(crate) type Outcome = anyhow::Result<u8>;

/// Parses the arguments, runs the command, reports errors on standard error, and gives the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    folkmoot_runtime::telemetry::end_quietly_without_readers();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows where each goes.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { OK });
        }
    };
    match perform(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<Unread>() => ExitCode::from(OK),
        Err(error) => {
            let refused = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
            match refused {
                Some(refusal) => {
                    eprintln!("refused: {refusal}");
                    ExitCode::from(REFUSED)
                }
                None => {
                    eprintln!("error: {error:#}");
                    ExitCode::from(FAILED)
                }
            }
        }
    }
}

fn perform(command: Command) -> Outcome {
    match command {
        Command::Run(run) => serve(&run),
        Command::Measures { measure, json } => read::measures(measure.as_deref(), json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "folkmoot-coordinator", &mut script);
            write(&script)?;
            Ok(OK)
        }
        calling => {
            folkmoot_runtime::telemetry::init(folkmoot_runtime::telemetry::Format::Text, "warn")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(call(calling))
        }
    }
}

async fn call(command: Command) -> Outcome {
    match command {
        Command::Councils(caller) => read::councils(&caller).await,
        Command::Plan(arguments) => ask::plan(&arguments).await,
        Command::Ask(arguments) => ask::ask(&arguments).await,
        Command::Jobs(caller) => read::jobs(&caller).await,
        Command::Watch { job, caller } => ask::watch(&caller, job).await,
        Command::Releases { measure, caller } => read::releases(&caller, measure.unwrap_or_default()).await,
        Command::Show { release, level, caller } => read::show(&caller, release, level.map(LevelWord::level)).await,
        Command::Export { release, format, output, caller } => read::export(&caller, release, format, output).await,
        Command::Heads { all, caller } => read::heads(&caller, all).await,
        Command::Receipts(args) => receipts::run(&args).await,
        Command::Withdraw { release, reason, caller } => read::withdraw(&caller, release, reason).await,
        Command::Run(_) | Command::Measures { .. } | Command::Completions { .. } => Ok(OK),
    }
}

fn serve(run: &Run) -> Outcome {
    use folkmoot_runtime::telemetry::{Format, init};
    init(if run.log_json { Format::Json } else { Format::Text }, "info")?;
    let config = crate::config::Config::load(&run.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = folkmoot_runtime::shutdown::on_signals()?;
        let clock = std::sync::Arc::new(folkmoot_runtime::clock::SystemClock::new());
        // The one line on standard output, for programs that start a coordinator on port 0.
        crate::run::run(config, clock, stop, |address| {
            // A supervisor that does not read it needs no line.
            let _ = write(format!("listening on {address}\n").as_bytes());
        })
        .await?;
        anyhow::Ok(OK)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_help_says_the_exit_codes() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes: 0"), "{help}");
    }

    /// Texts are wrapped to the terminal: a line broken by hand in a paragraph, or too long an example, comes out ragged.
    #[test]
    fn every_command_has_an_example_and_no_ragged_text() {
        const WIDTH: usize = 98;
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{name} shows no example");
            let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.ends_with(':');
            for (line, next) in help.lines().zip(help.lines().skip(1).chain([""])) {
                assert!(!(is_prose(line) && is_prose(next)), "{name}: broken by hand: {line}");
                assert!(!line.starts_with(' ') || line.len() <= WIDTH, "{name}: too long: {line}");
            }
        }
    }

    /// A command line that a document or a help text shows and the program does not take costs its reader an hour.
    #[test]
    fn every_command_that_is_shown_is_one_that_is_taken() {
        let documents = [
            include_str!("../../README.md"),
            include_str!("../../docs/operating.md"),
            include_str!("../../docs/certificates.md"),
            include_str!("../../docs/governance.md"),
            include_str!("../../docs/import.md"),
            include_str!("../../docs/pathways.md"),
            include_str!("../../docs/protocol.md"),
            include_str!("../../docs/releases.md"),
        ];
        let mut shown: Vec<Vec<String>> = documents
            .iter()
            .flat_map(|text| folkmoot_runtime::examples::commands(text, "folkmoot-coordinator"))
            .collect();
        fn helps(command: &clap::Command, shown: &mut Vec<Vec<String>>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            shown.extend(folkmoot_runtime::examples::commands(&help, "folkmoot-coordinator"));
            command.get_subcommands().for_each(|command| helps(command, shown));
        }
        helps(&Cli::command(), &mut shown);
        assert!(shown.len() > 12, "{} commands were found", shown.len());
        for words in shown {
            // Where no profile is named, FOLKMOOT_PROFILE names it.
            let with_profile = words.iter().map(String::as_str).chain(["--profile", "p.toml"]);
            if let Err(error) = Cli::try_parse_from(&words).or_else(|_| Cli::try_parse_from(with_profile)) {
                assert!(!error.use_stderr(), "{}\n{error}", words.join(" "));
            }
        }
    }

    #[test]
    fn a_question_of_the_documentation_parses() {
        let line = "folkmoot-coordinator ask 2E --from 2024-04-01 --to 2025-03-31 --by gender,age_band --filter gender=Male|Female \
                    --as-of 2025-06-30 --kind council-private --rho 0.005 --level icb --boards icb-2022 --purpose p --basis b \
                    --wait 10 --profile p.toml --json";
        let Command::Ask(arguments) =
            Cli::try_parse_from(line.split(' ').filter(|word| !word.is_empty())).unwrap().command
        else {
            panic!("another command");
        };
        let request = arguments.question.request("2025-07-01".parse().unwrap()).unwrap();
        let query = folkmoot_proto::query::Query::try_from(request.query.unwrap()).unwrap();
        assert_eq!(query.sentence().matches("only gender: Male or Female").count(), 1, "{}", query.sentence());
        assert_eq!(query.data().as_of.unwrap().to_string(), "2025-06-30");
        assert_eq!(query.release().word(), "council-private");
        let bad = "folkmoot-coordinator ask 2E --from 2024-13-01 --to 2025-03-31 --profile p --purpose p --basis b";
        assert!(Cli::try_parse_from(bad.split(' ')).is_err());
    }
}
