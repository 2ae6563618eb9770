//! `folkmoot-certs`: the certificate authority of a federation. See [`folkmoot_certs`].

use std::io::{stderr, stdout};
use std::process::ExitCode;

use folkmoot_runtime::clock::{Clock, SystemClock};

fn main() -> ExitCode {
    let now = SystemClock::new().now();
    ExitCode::from(folkmoot_certs::cli::run(std::env::args_os(), now, &mut stdout().lock(), &mut stderr().lock()))
}
