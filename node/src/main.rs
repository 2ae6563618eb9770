//! `folkmoot-node`: one council's node.

use std::process::ExitCode;

fn main() -> ExitCode {
    folkmoot_node::cli::run(std::env::args_os())
}
