//! The policy in force, replaced as a whole while the node runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Error, Policy};

/// Holds the policy in force. Readers take a snapshot and decide one question by it from start to end.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    floor: Mutex<Option<String>>,
    current: RwLock<Arc<Policy>>,
}

impl Keeper {
    /// Reads the policy at `path` under the national floor's text.
    ///
    /// # Errors
    /// As [`Policy::read`]; the node must not start.
    pub fn open(path: &Path, floor: Option<String>) -> Result<Self, Error> {
        let policy = Policy::read(path, floor.as_deref())?;
        Ok(Self { path: path.to_owned(), floor: Mutex::new(floor), current: RwLock::new(Arc::new(policy)) })
    }

    /// A keeper of a policy made elsewhere; for tests and rehearsals.
    pub fn holding(policy: Policy) -> Self {
        Self { path: PathBuf::new(), floor: Mutex::new(None), current: RwLock::new(Arc::new(policy)) }
    }

    /// The policy in force.
    pub fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again. Returns the digests before and after; equal when nothing changed in meaning.
    ///
    /// # Errors
    /// As [`Policy::read`]; the policy that was in force stays in force.
    pub fn reload(&self) -> Result<([u8; 32], [u8; 32]), Error> {
        let floor = self.floor.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = Policy::read(&self.path, floor.as_deref())?;
        Ok(self.replace(policy))
    }

    /// The national floor's text in force.
    pub fn floor(&self) -> Option<String> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a newer national floor. When the council's policy is looser than it, nothing is answered from then on.
    ///
    /// # Errors
    /// [`Error::Looser`] and the like; the policy in force is then off, since answering under the old floor would go
    /// against the new one. A floor that is no policy at all changes nothing.
    pub fn take_floor(&self, text: String) -> Result<([u8; 32], [u8; 32]), Error> {
        let mut floor = self.floor.lock().unwrap_or_else(PoisonError::into_inner);
        match Policy::read(&self.path, Some(&text)) {
            Ok(policy) => {
                *floor = Some(text);
                Ok(self.replace(policy))
            }
            Err(error @ Error::Floor(_)) => Err(error),
            Err(error) => {
                *floor = Some(text);
                self.replace(Policy::off());
                Err(error)
            }
        }
    }

    fn replace(&self, policy: Policy) -> ([u8; 32], [u8; 32]) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = current.digest();
        let after = policy.digest();
        *current = Arc::new(policy);
        (before, after)
    }
}
