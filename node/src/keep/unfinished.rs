//! What an interrupted restore or rekey leaves, and how it is told.
//!
//! While a restore puts stores, key and settings in place, a small file says so. Found later, it means that they may not
//! belong together: nothing is opened then, and restoring again finishes the work.

use std::path::PathBuf;

use folkmoot_runtime::enrol::{sync_folder, write_new};
use folkmoot_runtime::store;
use serde::{Deserialize, Serialize};

use super::{Error, beside, file, waiting_key};
use crate::home::Home;

/// Name of the file in the node's folder.
const NAME: &str = "restoring.json";

/// A restore under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Unfinished {
    /// Folder of the backup.
    pub(super) from: PathBuf,
    /// Digest of the last entry of the backup's ledger: another backup is another restore.
    pub(super) ledger: String,
    /// As [`super::Restored`] tells it: known only while the replaced ledger is still in its place.
    pub(super) entries_lost: Option<u64>,
    /// The same.
    pub(super) to_repeat: u64,
}

fn place(home: &Home) -> PathBuf {
    home.folder().join(NAME)
}

impl Unfinished {
    /// What an earlier restore left; one that cannot be read is as good as one of an unknown backup.
    pub(super) fn read(home: &Home) -> Option<Self> {
        let text = std::fs::read(place(home)).ok()?;
        Some(serde_json::from_slice(&text).unwrap_or(Self {
            from: PathBuf::from("DIR"),
            ledger: String::new(),
            entries_lost: None,
            to_repeat: 0,
        }))
    }

    /// Says on the disk that a restore is under way.
    pub(super) fn write(&self, home: &Home) -> Result<(), Error> {
        let (to, part) = (place(home), beside(&place(home), "part"));
        let _ = std::fs::remove_file(&part);
        let text = serde_json::to_vec_pretty(self).expect("paths, texts and numbers");
        write_new(&part, &text, true)?;
        std::fs::rename(&part, &to).map_err(file("writing", &to))?;
        sync_folder(&to).map_err(file("writing", &to))
    }

    /// Says that it is over.
    pub(super) fn remove(home: &Home) -> Result<(), Error> {
        let path = place(home);
        std::fs::remove_file(&path).map_err(file("removing", &path))?;
        sync_folder(&path).map_err(file("removing", &path))
    }
}

/// Refuses a node whose restore was interrupted: its stores, key and settings may not belong together.
///
/// # Errors
/// [`Error::Unfit`], with what to do.
pub fn check_whole(home: &Home) -> Result<(), Error> {
    match Unfinished::read(home) {
        None => Ok(()),
        Some(unfinished) => Err(Error::Unfit(format!(
            "restoring {} from the backup in {from} is under way or was interrupted, so its stores, key and settings may not \
             belong together; run `folkmoot-node restore {from} --by NAME` again (with the same --key, if one was given): it \
             finishes",
            home.folder().display(),
            from = unfinished.from.display(),
        ))),
    }
}

/// What to do about a store that does not open, where its own error does not say it.
pub fn explain(home: &Home, error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // Some rooms keep the store's error in a box, which is another type.
        let boxed = error.downcast_ref::<Box<store::Error>>().map(|error| &**error);
        let wrong_key = matches!(boxed.or(error.downcast_ref()), Some(store::Error::WrongKey { .. }));
        if wrong_key && waiting_key(home).exists() {
            return Some(super::REKEY_FIRST);
        }
        cause = error.source();
    }
    None
}
