//! Settings that follow their files, so that renewal and revocation need no restart.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::settings::Raw;
use super::{Files, LoadError, Settings};
use crate::clock::Clock;

/// TLS settings and the files they came from.
///
/// Has no timer of its own: the process calls [`Reloadable::poll`] as often as suits it (a minute is plenty). Connections made
/// before a reload keep running; see [`Settings::check_again`] for whether they still should.
pub struct Reloadable {
    files: Files,
    clock: Arc<dyn Clock>,
    seen: Mutex<Raw>,
    current: RwLock<Arc<Settings>>,
}

impl Reloadable {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn open(files: Files, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        let raw = Raw::read(&files)?;
        let settings = Settings::from_raw(&raw, &files, Arc::clone(&clock))?;
        Ok(Self { files, clock, seen: Mutex::new(raw), current: RwLock::new(Arc::new(settings)) })
    }

    /// The settings in force.
    pub fn current(&self) -> Arc<Settings> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again and, if they changed and are good, puts them in force. Returns whether it did.
    ///
    /// Replace files by renaming finished ones over them. Where certificate and key are replaced one after the other, a poll between
    /// the two fails and the next one succeeds.
    ///
    /// # Errors
    /// As [`Settings::load`], and [`LoadError::OtherIdentity`] or [`LoadError::OlderList`]. The settings in force stay.
    pub fn poll(&self) -> Result<bool, LoadError> {
        let raw = Raw::read(&self.files)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == raw {
            return Ok(false);
        }
        let fresh = Settings::from_raw(&raw, &self.files, Arc::clone(&self.clock))?;
        let current = self.current();
        if fresh.certificate().identity != current.certificate().identity {
            return Err(LoadError::OtherIdentity {
                found: fresh.certificate().identity.to_string(),
                expected: current.certificate().identity.to_string(),
            });
        }
        if fresh.trust().has_older_list_than(current.trust()) {
            return Err(LoadError::OlderList);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        *seen = raw;
        Ok(true)
    }
}
