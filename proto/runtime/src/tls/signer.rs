//! Our own signing certificate and key, from files.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::settings::{Raw, pem};
use super::{Certificate, Files, LoadError, Signer, Trust};
use crate::enrol::read_signing_key;

/// A party's own signing key, with the chain that lets others check its signatures.
pub struct OwnSigner {
    signer: Signer,
    chain: Vec<CertificateDer<'static>>,
    key: SigningKey,
}

impl fmt::Debug for OwnSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSigner").field("signer", &self.signer).finish_non_exhaustive()
    }
}

impl OwnSigner {
    /// Reads the files and checks the chain as those will who check our signatures.
    ///
    /// # Errors
    /// The [`LoadError`] that names the file and what is wrong with it; [`LoadError::Own`] if the certificate is not for signing, has expired
    /// or was revoked.
    pub fn load(files: &Files, now: Timestamp) -> Result<Self, LoadError> {
        let raw = Raw::read(files)?;
        let chain: Vec<CertificateDer<'static>> = pem(&raw.chain, "certificate chain", &files.chain)?;
        let roots: Vec<CertificateDer<'static>> = pem(&raw.roots, "roots", &files.roots)?;
        let lists: Vec<CertificateRevocationListDer<'static>> = pem(&raw.crl, "revocation lists", &files.crl)?;
        let own = |source| LoadError::Own { path: files.chain.clone(), source };
        let leaf = chain.first().ok_or_else(|| {
            LoadError::content("certificate chain", "there is no certificate in it".to_owned()).in_file(&files.chain)
        })?;
        let identity = Certificate::read(leaf).map_err(own)?.identity;
        let trust =
            Trust::new(identity.federation().clone(), &roots, &lists).map_err(|error| error.in_trust_file(files))?;
        let signer = trust.verify_signer(&chain, &[identity.role()], now).map_err(own)?;
        let key = read_signing_key(&files.key)
            .map_err(|error| LoadError::content("signing key", error.to_string()).in_file(&files.key))?;
        if key.verifying_key().to_bytes() != signer.public_key {
            return Err(LoadError::Mismatch { chain: files.chain.clone(), key: files.key.clone() });
        }
        Ok(Self { signer, chain, key })
    }

    /// Who signs, and under which public key.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Our chain, leaf first, to travel with what we sign.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Signs `bytes`, which must begin with what they are for, so that they can serve no other purpose.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// The key itself, for protocols that sign by themselves.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}
