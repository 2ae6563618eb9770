//! Own certificate, key, roots and revocation lists, from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use folkmoot_proto::identity::Kind;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::trust::unix_time;
use super::verifier::Verifier;
use super::{Certificate, Peer, Protocol, Purpose, Refusal, Trust};
use crate::clock::Clock;

/// Where TLS material lies. All are PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Our certificate, then that of the authority that issued it.
    pub chain: PathBuf,
    /// The key of our certificate; readable by its owner only.
    pub key: PathBuf,
    /// The federation's root certificates.
    pub roots: PathBuf,
    /// The revocation lists of the root and of each issuing authority.
    pub crl: PathBuf,
}

/// Why TLS settings could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error("reading the {what} at {}", path.display())]
    Read {
        /// What the file is for.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Others than its owner may read a key file.
    #[error("the key file {} may be used by others than its owner (mode {mode:03o}): run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file's content is not what it should be.
    #[error("the {what}{}: {problem}", at(path.as_deref()))]
    Content {
        /// What the file is for.
        what: &'static str,
        /// The file, where known.
        path: Option<PathBuf>,
        /// What is wrong.
        problem: String,
    },
    /// Our own certificate is not one to connect with.
    #[error("our own certificate at {} cannot be used", path.display())]
    Own {
        /// The chain file.
        path: PathBuf,
        /// What is wrong with it.
        source: Refusal,
    },
    /// The key does not belong to the certificate.
    #[error("the key at {} does not belong to the certificate at {}: one of the two was replaced without the other", key.display(), chain.display())]
    Mismatch {
        /// The chain file.
        chain: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// A newly read certificate is for somebody else.
    #[error("the new certificate is for {found}, this process runs as {expected}: restart it to change who it is")]
    OtherIdentity {
        /// Whom it is for.
        found: String,
        /// Who we are.
        expected: String,
    },
    /// A newly read revocation list is older than the one in use.
    #[error("the new revocation list is older than the one in use, which is kept: fetch the newest from the authority")]
    OlderList,
}

fn at(path: Option<&Path>) -> String {
    path.map(|path| format!(" at {}", path.display())).unwrap_or_default()
}

impl LoadError {
    pub(super) fn content(what: &'static str, problem: String) -> Self {
        Self::Content { what, path: None, problem }
    }

    pub(super) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Content { what, path: None, problem } => Self::Content { what, path: Some(file.to_owned()), problem },
            other => other,
        }
    }
}

impl LoadError {
    /// Names the file behind an error of [`Trust::new`].
    pub(super) fn in_trust_file(self, files: &Files) -> Self {
        let lists_at_fault = matches!(&self, Self::Content { what: "revocation lists", .. });
        self.in_file(if lists_at_fault { &files.crl } else { &files.roots })
    }
}

/// The files' bytes, compared on each poll: contents, not times, so that a copy within one tick of the file system's clock is seen.
#[derive(PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    pub(super) roots: Vec<u8>,
    pub(super) crl: Vec<u8>,
}

/// The largest of our files: far above 10,000 revocations, far below what would hurt.
const MAX_FILE: u64 = 4 << 20;

impl Raw {
    pub(super) fn read(files: &Files) -> Result<Self, LoadError> {
        check_owner_only(&files.key)?;
        Ok(Self {
            chain: read("certificate chain", &files.chain)?,
            key: Zeroizing::new(read("key", &files.key)?),
            roots: read("roots", &files.roots)?,
            crl: read("revocation lists", &files.crl)?,
        })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, LoadError> {
    use std::io::Read;
    let failed = |source| LoadError::Read { what, path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(LoadError::content(what, format!("it is larger than {MAX_FILE} bytes")).in_file(path));
    }
    Ok(bytes)
}

/// Refuses a key file that anybody but its owner may read or write.
///
/// # Errors
/// [`LoadError::Exposed`], or [`LoadError::Read`] if the file is not there.
pub fn check_owner_only(path: &Path) -> Result<(), LoadError> {
    let metadata =
        std::fs::metadata(path).map_err(|source| LoadError::Read { what: "key", path: path.to_owned(), source })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(LoadError::Exposed { path: path.to_owned(), mode });
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

/// Everything needed to connect and to be connected to: our certificate and key, and whom we believe.
pub struct Settings {
    certificate: Certificate,
    key: Arc<CertifiedKey>,
    trust: Arc<Trust>,
    provider: Arc<CryptoProvider>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("certificate", &self.certificate)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads all files.
    ///
    /// A certificate that is merely expired or revoked loads: [`Settings::check_own`] says so, and a newer file may arrive.
    ///
    /// # Errors
    /// The [`LoadError`] that names the file and what is wrong with it.
    pub fn load(files: &Files, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        Self::from_raw(&Raw::read(files)?, files, clock)
    }

    pub(super) fn from_raw(raw: &Raw, files: &Files, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain: Vec<CertificateDer<'static>> = pem(&raw.chain, "certificate chain", &files.chain)?;
        let roots: Vec<CertificateDer<'static>> = pem(&raw.roots, "roots", &files.roots)?;
        let lists: Vec<CertificateRevocationListDer<'static>> = pem(&raw.crl, "revocation lists", &files.crl)?;
        let Some(leaf) = chain.first() else {
            return Err(LoadError::content("certificate chain", "there is no certificate in it".to_owned())
                .in_file(&files.chain));
        };
        let own = |source| LoadError::Own { path: files.chain.clone(), source };
        let certificate = Certificate::read(leaf).map_err(own)?;
        if certificate.kind != Some(Kind::Tls) {
            let why = super::Why::WrongKind { found: certificate.kind, needed: Kind::Tls };
            return Err(own(certificate.refuse(why)));
        }
        let private = PrivateKeyDer::from_pem_slice(&raw.key).map_err(|error| {
            LoadError::content("key", format!("it is not a private key in PEM form ({error})")).in_file(&files.key)
        })?;
        let key = CertifiedKey::from_der(chain, private, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                LoadError::Mismatch { chain: files.chain.clone(), key: files.key.clone() }
            }
            other => LoadError::content("key", other.to_string()).in_file(&files.key),
        })?;
        let trust = Trust::new(certificate.identity.federation().clone(), &roots, &lists)
            .map_err(|error| error.in_trust_file(files))?;
        Ok(Self { certificate, key: Arc::new(key), trust: Arc::new(trust), provider, clock })
    }

    /// Our own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Our own chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    /// Whom we believe.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// When the first of the revocation lists runs out.
    pub fn lists_valid_until(&self) -> Timestamp {
        self.trust.lists_valid_until()
    }

    /// Checks our own certificate as the other end will, as far as our files can tell.
    ///
    /// # Errors
    /// The [`Refusal`] to expect from the other end, or the reason why we could not believe anybody either.
    pub fn check_own(&self) -> Result<(), Refusal> {
        let role = self.certificate.identity.role();
        let purpose = if self.certificate.for_servers { Purpose::Server } else { Purpose::Client };
        self.trust.verify(&self.key.cert, purpose, &[role], self.clock.now()).map(|_| ())
    }

    /// Checks a connected peer again, after a reload or from time to time.
    ///
    /// # Errors
    /// A [`Refusal`], after which the connection should be closed.
    pub fn check_again(&self, peer: &Peer) -> Result<(), Refusal> {
        peer.check_again(&self.trust, self.clock.now())
    }

    pub(super) fn verifier(&self, roles: &[folkmoot_proto::identity::Role]) -> Arc<Verifier> {
        Verifier::new(Arc::clone(&self.trust), Arc::clone(&self.provider), roles)
    }

    pub(super) fn server(&self, verifier: Arc<Verifier>, protocol: Protocol) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&self.key))));
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.time_provider = self.time();
        Ok(config)
    }

    pub(super) fn client(&self, verifier: Arc<Verifier>, protocol: Protocol) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous() // The verifier delegates path, signature and revocation checks to webpki, and adds identity.
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&self.key))));
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        config.time_provider = self.time();
        Ok(config)
    }

    fn time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(OurTime(Arc::clone(&self.clock)))
    }
}

pub(super) fn pem<T: PemObject>(bytes: &[u8], what: &'static str, path: &Path) -> Result<Vec<T>, LoadError> {
    T::pem_slice_iter(bytes)
        .collect::<Result<Vec<T>, _>>()
        .map_err(|error| LoadError::content(what, format!("it is not a PEM file ({error})")).in_file(path))
}

struct OurTime(Arc<dyn Clock>);

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}
