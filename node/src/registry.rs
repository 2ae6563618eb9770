//! The membership registry that this node believes: read at the start, replaced only by a newer one of the authority.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use folkmoot_proto::governance::{self, GovernanceKey};
use folkmoot_proto::identity::Federation;
use folkmoot_proto::registry::{Refusal, SignedRegistry, VerifiedRegistry};
use folkmoot_runtime::enrol;

/// Most bytes of a registry file that are read.
const MOST_BYTES: usize = 2 << 20;

/// A registry is not taken. The one held before stays in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("using {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The pinned key does not read.
    #[error("the pinned governance key at {}", path.display())]
    Pinned {
        /// The file.
        path: PathBuf,
        /// Why.
        source: governance::Error,
    },
    /// Not a registry file.
    #[error("the membership registry is no signed registry")]
    Form(#[source] serde_json::Error),
    /// Larger than any registry.
    #[error("the membership registry has {0} bytes; at most {MOST_BYTES} are read")]
    Size(usize),
    /// Not believed.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The members of the federation, as the pinned governance key signed them.
#[derive(Debug)]
pub struct Members {
    place: PathBuf,
    pinned: GovernanceKey,
    federation: Federation,
    current: RwLock<Option<Arc<VerifiedRegistry>>>,
}

impl Members {
    /// Opens the registry at `place`, if there is one, under the governance key pinned at `pinned`.
    ///
    /// # Errors
    /// [`Error`]; a registry that is there and not believed is an error, never no registry.
    pub fn open(place: &Path, pinned: &Path, federation: &Federation) -> Result<Self, Error> {
        let text = std::fs::read_to_string(pinned).map_err(|source| Error::File { path: pinned.to_owned(), source })?;
        let key = GovernanceKey::parse(&text).map_err(|source| Error::Pinned { path: pinned.to_owned(), source })?;
        let members =
            Self { place: place.to_owned(), pinned: key, federation: federation.clone(), current: RwLock::new(None) };
        match std::fs::read(place) {
            Ok(bytes) => {
                let verified = members.verify(&bytes)?;
                *members.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(verified));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { path: place.to_owned(), source }),
        }
        Ok(members)
    }

    fn verify(&self, bytes: &[u8]) -> Result<VerifiedRegistry, Error> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::Size(bytes.len()));
        }
        let signed: SignedRegistry = serde_json::from_slice(bytes).map_err(Error::Form)?;
        Ok(signed.verify(&self.pinned, &self.federation)?)
    }

    /// The registry in force, if one was ever given.
    pub fn current(&self) -> Option<Arc<VerifiedRegistry>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a registry that the coordinator handed over, when the authority signed it and it is newer; writes it down
    /// first. `true` when it is in force now and was not before.
    ///
    /// # Errors
    /// [`Error`]; nothing has changed then.
    pub fn offer(&self, bytes: &[u8]) -> Result<bool, Error> {
        let verified = self.verify(bytes)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = current.as_ref() {
            verified.follows(held.registry().version(), held.hash())?;
            if held.hash() == verified.hash() {
                return Ok(false);
            }
        }
        let failed = |source| Error::File { path: self.place.clone(), source };
        let beside = self.place.with_extension("json.new");
        std::fs::write(&beside, bytes).map_err(failed)?;
        std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&beside, &self.place).map_err(failed)?;
        enrol::sync_folder(self.place.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        *current = Some(Arc::new(verified));
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use folkmoot_proto::ids::{BoardCode, CouncilCode};
    use folkmoot_proto::registry::{Member, Registry};

    fn signed(version: u64, key: &SigningKey) -> Vec<u8> {
        let member = Member {
            council: CouncilCode::parse("501").unwrap(),
            name: "A".into(),
            signing_key: SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes(),
            certificate: [1; 32],
            valid_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            valid_until: "2027-01-01T00:00:00Z".parse().unwrap(),
            region: "E12000007".into(),
            board: BoardCode::parse("QMJ").unwrap(),
        };
        let federation = Federation::parse("england").unwrap();
        let issued = "2026-01-01T00:00:00Z".parse().unwrap();
        let registry = Registry::new(federation, version, issued, vec![member]).unwrap();
        serde_json::to_vec(&SignedRegistry::sign(&registry, key)).unwrap()
    }

    #[test]
    fn only_a_newer_registry_of_the_pinned_key_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (place, pinned) = (folder.path().join("registry.json"), folder.path().join("governance.pub"));
        let key = SigningKey::from_bytes(&[3; 32]);
        std::fs::write(&pinned, hex::encode(key.verifying_key().to_bytes())).unwrap();
        let federation = Federation::parse("england").unwrap();
        let open = || Members::open(&place, &pinned, &federation).unwrap();
        let members = open();
        assert!(members.current().is_none());
        assert!(members.offer(&signed(4, &key)).unwrap());
        assert!(!members.offer(&signed(4, &key)).unwrap());
        assert!(members.offer(&signed(3, &key)).is_err());
        assert!(members.offer(&signed(5, &SigningKey::from_bytes(&[4; 32]))).is_err());
        assert!(members.offer(b"{}").is_err());
        assert_eq!(open().current().unwrap().registry().version(), 4);
    }
}
