//! Logs: set up once, by `main`.
//!
//! Everything goes to standard error, so that standard output stays what a command was asked for. `FOLKMOOT_LOG` chooses what is shown, in the
//! filter language of `tracing-subscriber` (`info`, `folkmoot_node=debug`, `warn,folkmoot_runtime::link=trace`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// The environment variable that chooses which log lines are shown.
pub const VARIABLE: &str = "FOLKMOOT_LOG";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: one line each, coloured if standard error is a terminal and `NO_COLOR` is not set.
    #[default]
    Text,
    /// For machines: one JSON object each.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment's filter does not parse.
    #[error(
        "{VARIABLE} is set to '{value}', which is not a log filter; examples: info, debug, folkmoot_runtime::link=trace,info"
    )]
    Filter {
        /// What the variable holds.
        value: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The environment's filter is not text.
    #[error("{VARIABLE} is not valid Unicode")]
    NotText,
    /// Logging was set up before.
    #[error("setting up logging twice")]
    Twice(#[source] TryInitError),
}

/// Sets up logging for the whole process. `default` is the filter used when [`VARIABLE`] is not set or empty, `info` for servers and `warn` for commands.
///
/// # Errors
/// If the environment's filter does not parse, or logging was set up before.
pub fn init(format: Format, default: &str) -> Result<(), Error> {
    let value = match std::env::var(VARIABLE) {
        Ok(value) => Some(value),
        Err(std::env::VarError::NotPresent) => None,
        Err(std::env::VarError::NotUnicode(_)) => return Err(Error::NotText),
    };
    let filter = filter(value.as_deref(), default)?;
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(ansi);
    match format {
        Format::Text => builder.finish().try_init(),
        Format::Json => builder.json().finish().try_init(),
    }
    .map_err(Error::Twice)
}

/// Makes a command whose reader went away (`folkmoot-node measures | head`) end quietly instead of panicking.
///
/// Rust programs ignore the signal that ends other programs then, and `println!` panics on the error. Other panics are
/// reported as ever. The exit code is 141, as shells count that signal.
pub fn end_quietly_without_readers() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.starts_with("failed printing to stdout") && text.contains("Broken pipe") {
            std::process::exit(141);
        }
        usual(info);
    }));
}

fn filter(value: Option<&str>, default: &str) -> Result<EnvFilter, Error> {
    let value = value.map(str::trim).filter(|v| !v.is_empty()).unwrap_or(default);
    EnvFilter::builder().parse(value).map_err(|source| Error::Filter { value: value.to_owned(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_used_when_nothing_is_set() {
        assert_eq!(filter(None, "info").unwrap().to_string(), "info");
        assert_eq!(filter(Some("  "), "warn").unwrap().to_string(), "warn");
    }

    #[test]
    fn a_bad_filter_is_an_error_that_names_the_variable() {
        let error = filter(Some("folkmoot=loud"), "info").unwrap_err();
        assert!(error.to_string().starts_with("FOLKMOOT_LOG is set to 'folkmoot=loud'"), "{error}");
    }
}
