//! The command line: what is asked, and what people and machines are told.

mod args;
mod run;
mod show;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use jiff::Timestamp;

pub use args::Arguments;

/// Exit code when all went well.
pub const OK: u8 = 0;
/// Exit code when a command could not do what it was asked.
pub const FAILURE: u8 = 1;
/// Exit code for a command line that cannot be understood.
pub const USAGE: u8 = 2;

/// Runs one command line at the moment `now`; returns its exit code.
///
/// What was asked for goes to `out`; causes and fixes, warnings and next steps to `err`.
pub fn run<I, T>(arguments: I, now: Timestamp, out: &mut dyn Write, err: &mut dyn Write) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for, and go where answers go.
            let (to, code): (&mut dyn Write, u8) = if error.use_stderr() { (err, USAGE) } else { (out, OK) };
            let _ = write!(to, "{}", error.render());
            return code;
        }
    };
    match run::command(arguments, now, out, err) {
        Ok(()) => OK,
        Err(failure) => {
            let _ = writeln!(err, "error: {failure}");
            let mut cause = failure.source();
            while let Some(error) = cause {
                let _ = writeln!(err, "  because: {error}");
                cause = error.source();
            }
            FAILURE
        }
    }
}
