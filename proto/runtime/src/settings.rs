//! Settings: one TOML file, overridden by the environment, read into one typed value.
//!
//! ```toml
//! [link]
//! coordinator = "coordinator.example.org:7443"
//! ```
//! is overridden by `FOLKMOOT_NODE__LINK__COORDINATOR`, for the prefix `FOLKMOOT_NODE`: two underscores between levels, names in capitals.
//!
//! The `config` crate lays the environment over the file. Reading the result into the type is done here (`strict`), because that crate converts what
//! does not fit (1.5 becomes 2, "yes" becomes true) and forgets where a value stood:
//!
//! - The type decides. Text from the environment is read as a number, a truth value, a list (separated by commas) or text because the *field* is one,
//!   never because of how it looks: council code `007` stays `007`. Values in the file keep TOML's own types.
//! - Unknown keys are refused wherever the type says `#[serde(deny_unknown_fields)]`, with the nearest known key.
//! - Every error names the file and line, or the variable, and the key's full path.
//! - Secrets are not settings: settings hold the paths of files that hold them.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::de::DeserializeOwned;

mod places;
mod strict;

use places::Places;
use strict::Strict;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the settings file, counted from 1.
    Line(PathBuf, usize),
    /// The settings file as a whole.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// Settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("reading the settings file {}", path.display())]
    Read {
        /// The settings file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: this is not TOML: {detail}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser stumbled over.
        detail: String,
    },
    /// A key that means nothing here.
    #[error("{place}: unknown key '{key}'{}", hint(nearest.as_deref(), known))]
    UnknownKey {
        /// Where.
        place: Place,
        /// The full path of the key.
        key: String,
        /// The full path of the known key that looks most like it.
        nearest: Option<String>,
        /// All keys known at that level.
        known: Vec<String>,
    },
    /// A required key is missing.
    #[error("{place}: the key '{key}' is missing")]
    Missing {
        /// The file, or the line where the table begins.
        place: Place,
        /// The full path of the key.
        key: String,
    },
    /// A value that does not fit its key.
    #[error("{place}: the value of '{key}' does not fit: {detail}")]
    Value {
        /// Where.
        place: Place,
        /// The full path of the key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An environment variable that cannot be used.
    #[error("environment variable {name}: {detail}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        detail: String,
    },
}

fn hint(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(key) => format!("; did you mean '{key}'?"),
        None if known.is_empty() => "; no key is known here".to_owned(),
        None => format!("; known here: {}", known.join(", ")),
    }
}

/// Reads the settings file at `path`, overridden by this process's environment variables that begin with `prefix` and two underscores.
///
/// # Errors
/// If the file cannot be read or its content does not fit `T`; see [`Error`].
pub fn load<T: DeserializeOwned>(path: &Path, prefix: &str) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text, path, prefix, std::env::vars_os())
}

/// As [`load`], from the text of a file (known in errors as `path`) and an environment given as pairs of name and value.
///
/// # Errors
/// If the content does not fit `T`; see [`Error`].
pub fn parse<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, Error> {
    let mut places = Places::of(text, path)?;
    let head = format!("{prefix}__");
    let mut variables = std::collections::BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.into_string().ok().filter(|name| name.starts_with(&head)) else { continue };
        let fail = |detail: &str| Error::Variable { name: name.clone(), detail: detail.to_owned() };
        let value = value.into_string().map_err(|_| fail("its value is not valid Unicode"))?;
        places.add_variable(&name, &name[head.len()..]).map_err(|detail| fail(&detail))?;
        variables.insert(name, value);
    }
    let merged = Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(
            Environment::with_prefix(prefix)
                .prefix_separator("__")
                .separator("__")
                .source(Some(variables.into_iter().collect())),
        )
        .build()
        .map_err(|e| Error::Syntax { place: Place::File(path.to_owned()), detail: e.to_string() })?;
    T::deserialize(Strict(&merged.cache)).map_err(|e| e.into_error(&places))
}

/// A path from a settings file: relative ones are meant from the folder of that file, not from wherever the process was started.
pub fn beside(settings_file: &Path, path: &Path) -> PathBuf {
    match settings_file.parent() {
        Some(folder) => folder.join(path),
        None => path.to_owned(),
    }
}

/// The name among `known` that is closest to `name`, if any is close enough to be a slip of the fingers (at most a third of its letters differ).
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(d, candidate)| *d <= candidate.chars().count().max(name.chars().count()).div_ceil(3))
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, deleted or replaced to turn `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
