//! The coordinator's command line: parses, calls the library, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    folkmoot_coordinator::cli::main(std::env::args_os())
}
