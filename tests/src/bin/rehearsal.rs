//! The whole network on one machine: see [`folkmoot_tests::rehearsal`].

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::Parser;
use folkmoot_tests::rehearsal;

fn main() -> ExitCode {
    let args = rehearsal::args::Args::parse();
    rehearsal::main(args)
}
