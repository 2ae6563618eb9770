//! What a party asks for: a certificate signing request, read strictly.
//!
//! Of the whole request only three things are believed, since its signature covers them and nothing else is needed: the public key, the one URI
//! name, and which kind of certificate it is for. All else in the certificate is ours to decide ([`crate::profile`]).

use folkmoot_proto::identity::{self, Identity, Kind, SIGNING_USAGE_OID};
use rcgen::SubjectPublicKeyInfo;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_SIG_ED25519};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo as ParsedKey;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a request in PEM form.
    #[error(
        "this is not a certificate signing request in PEM form ({0}): make one with `folkmoot-node enrol` or `folkmoot-certs request`"
    )]
    Form(String),
    /// Not signed with the key in it.
    #[error(
        "the request is not signed with the key it asks a certificate for: it was changed on the way, or somebody asks for another's key"
    )]
    Signature,
    /// No URI name, or more than one.
    #[error(
        "the request has {0} URI names, where exactly one is needed: make it with `folkmoot-node enrol` or `folkmoot-certs request`"
    )]
    Names(usize),
    /// Its URI name is not an identity.
    #[error("the request's URI name is not an identity")]
    Identity(#[source] identity::Error),
    /// For neither kind of certificate, or for both.
    #[error(
        "the request does not say whether it is for a TLS or a signing certificate, or asks for both: make it with `folkmoot-node enrol` or \
         `folkmoot-certs request`"
    )]
    Kind,
    /// A key that is not used here.
    #[error("a {kind} certificate is not made for this sort of key: {expected} is needed")]
    Key {
        /// The kind asked for.
        kind: Kind,
        /// What it takes.
        expected: &'static str,
    },
}

/// A request whose own signature was checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whom it says it is for; nobody has vouched for that yet.
    pub identity: Identity,
    /// What it is for.
    pub kind: Kind,
    /// The key to certify.
    pub key: PublicKey,
}

/// A public key fit for one kind of certificate.
#[derive(Clone, Debug)]
pub struct PublicKey {
    pub(crate) info: SubjectPublicKeyInfo,
    /// SHA-256 of its SubjectPublicKeyInfo in DER: the same for every certificate of this key.
    pub digest: [u8; 32],
}

impl PublicKey {
    /// Reads a key from SubjectPublicKeyInfo bytes.
    ///
    /// # Errors
    /// [`Error::Key`] for a sort of key that `kind` does not take.
    pub fn read(spki: &[u8], kind: Kind) -> Result<Self, Error> {
        let expected = match kind {
            Kind::Tls => "ECDSA on P-256 or P-384, or Ed25519",
            Kind::Signing => "Ed25519",
        };
        let refused = || Error::Key { kind, expected };
        let (rest, parsed) = ParsedKey::from_der(spki).map_err(|_| refused())?;
        let algorithm = &parsed.algorithm.algorithm;
        let curve = parsed.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
        let fits = match kind {
            _ if *algorithm == OID_SIG_ED25519 => parsed.subject_public_key.data.len() == 32,
            Kind::Tls => {
                *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
                    && curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
            }
            Kind::Signing => false,
        };
        if !fits || !rest.is_empty() {
            return Err(refused());
        }
        let info = SubjectPublicKeyInfo::from_der(spki).map_err(|_| refused())?;
        Ok(Self { info, digest: Sha256::digest(spki).into() })
    }
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// The [`Error`] of the first thing that is wrong.
    pub fn read(pem: &str) -> Result<Self, Error> {
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| Error::Form(error.to_string()))?;
        let request = match X509CertificationRequest::from_der(&der) {
            Ok(([], request)) => request,
            Ok(_) => return Err(Error::Form("there are bytes after its end".to_owned())),
            Err(error) => return Err(Error::Form(error.to_string())),
        };
        request.verify_signature().map_err(|_| Error::Signature)?;
        let mut uris = Vec::new();
        let mut usages = Vec::new();
        for extension in request.requested_extensions().into_iter().flatten() {
            match extension {
                ParsedExtension::SubjectAlternativeName(names) => {
                    uris.extend(names.general_names.iter().filter_map(|name| match name {
                        GeneralName::URI(uri) => Some(*uri),
                        _ => None,
                    }));
                }
                ParsedExtension::ExtendedKeyUsage(usage) => usages.push(usage),
                _ => {}
            }
        }
        let [uri] = uris.as_slice() else { return Err(Error::Names(uris.len())) };
        let identity = Identity::parse(uri).map_err(Error::Identity)?;
        let [usage] = usages.as_slice() else { return Err(Error::Kind) };
        let signing = usage.other.iter().any(|oid| oid.as_bytes() == SIGNING_USAGE_OID);
        let kind = match (usage.client_auth || usage.server_auth, signing, usage.other.len()) {
            (true, false, 0) => Kind::Tls,
            (false, true, 1) => Kind::Signing,
            _ => return Err(Error::Kind),
        };
        let key = PublicKey::read(request.certification_request_info.subject_pki.raw, kind)?;
        Ok(Self { identity, kind, key })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine;
    use folkmoot_runtime::enrol::signing_usage_extension;
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SanType, SignatureAlgorithm};

    use super::*;

    const COUNCIL: &str = "folkmoot://england/council/503";

    fn request(names: &[&str], kinds: &[Kind], algorithm: &'static SignatureAlgorithm) -> Result<Request, Error> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| SanType::URI((*name).try_into().unwrap())).collect();
        for kind in kinds {
            match kind {
                Kind::Tls => params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth),
                Kind::Signing => params.custom_extensions.push(signing_usage_extension()),
            }
        }
        let pair = KeyPair::generate_for(algorithm).unwrap();
        Request::read(&params.serialize_request(&pair).unwrap().pem().unwrap())
    }

    #[test]
    fn a_good_request_says_who_what_and_which_key() {
        let tls = request(&[COUNCIL], &[Kind::Tls], &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        assert_eq!((tls.identity.to_string().as_str(), tls.kind), (COUNCIL, Kind::Tls));
        let signing = request(&[COUNCIL], &[Kind::Signing], &rcgen::PKCS_ED25519).unwrap();
        assert_eq!(signing.kind, Kind::Signing);
        assert!(request(&[COUNCIL], &[Kind::Tls], &rcgen::PKCS_ECDSA_P384_SHA384).is_ok());
        assert!(request(&[COUNCIL], &[Kind::Tls], &rcgen::PKCS_ED25519).is_ok());
    }

    #[test]
    fn requests_for_nobody_for_several_or_for_everything_are_refused() {
        let refusal = |names: &[&str], kinds: &[Kind]| request(names, kinds, &rcgen::PKCS_ED25519).unwrap_err();
        assert_eq!(refusal(&[], &[Kind::Tls]), Error::Names(0));
        assert_eq!(refusal(&[COUNCIL, "folkmoot://england/council/211"], &[Kind::Tls]), Error::Names(2));
        assert!(matches!(refusal(&["https://england/council/503"], &[Kind::Tls]), Error::Identity(_)));
        assert_eq!(refusal(&[COUNCIL], &[]), Error::Kind);
        assert_eq!(refusal(&[COUNCIL], &[Kind::Tls, Kind::Signing]), Error::Kind);
    }

    #[test]
    fn a_signing_certificate_needs_an_ed25519_key() {
        let refused = request(&[COUNCIL], &[Kind::Signing], &rcgen::PKCS_ECDSA_P256_SHA256).unwrap_err();
        assert!(matches!(refused, Error::Key { kind: Kind::Signing, .. }));
    }

    #[test]
    fn no_change_to_a_request_changes_what_is_believed_of_it() {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(COUNCIL.try_into().unwrap())];
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let der = params.serialize_request(&pair).unwrap().der().to_vec();
        let wrap = |der: &[u8]| {
            let body = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
        };
        let good = Request::read(&wrap(&der)).unwrap();
        for place in 0..der.len() {
            let mut changed = der.clone();
            changed[place] ^= 1;
            // A few bits of the envelope around the signature say nothing; all others are covered by it.
            if let Ok(read) = Request::read(&wrap(&changed)) {
                let same =
                    read.identity == good.identity && read.kind == good.kind && read.key.digest == good.key.digest;
                assert!(same, "byte {place}");
            }
        }
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"] {
            assert!(matches!(Request::read(text), Err(Error::Form(_))), "{text}");
        }
    }
}
