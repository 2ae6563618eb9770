//! What a certificate says, read once.

use folkmoot_proto::identity::{Identity, Kind, SIGNING_USAGE_OID};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::{Refusal, Why};

/// What a certificate says about itself. Reading it checks nothing but its form: see [`super::Trust::verify`] for whether to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who it is for: the one URI name.
    pub identity: Identity,
    /// What it is for; `None` for neither use or for both.
    pub kind: Option<Kind>,
    /// Whether the accepting side of a connection may use it.
    pub for_servers: bool,
    /// Serial number in small hexadecimal letters, without leading zeros in front of the first byte.
    pub serial: String,
    /// The first moment it is valid.
    pub not_before: Timestamp,
    /// The last moment it is valid.
    pub not_after: Timestamp,
    /// SHA-256 of its DER bytes.
    pub fingerprint: [u8; 32],
    /// DNS names and IP addresses in it, as text; they play no part in identity.
    pub hosts: Vec<String>,
    /// The raw Ed25519 public key, if it is one.
    pub ed25519_key: Option<[u8; 32]>,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// A [`Refusal`] if it cannot be parsed or does not hold exactly one URI name that is an [`Identity`].
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, Refusal> {
        let (claims, serial, outcome) = read(der);
        outcome.map_err(|why| Refusal { claims, serial, why })
    }

    /// What `why` means for this certificate.
    pub(super) fn refuse(&self, why: Why) -> Refusal {
        Refusal { claims: self.identity.to_string(), serial: self.serial.clone(), why }
    }
}

/// Who the first certificate of a chain is for.
///
/// Does not check the chain: for streams whose handshake has, see [`super::Accepted`] and [`super::Connected`], which carry the outcome.
///
/// # Errors
/// A [`Refusal`] if the chain is empty or its first certificate does not hold exactly one URI name that is an [`Identity`].
pub fn peer_identity(chain: &[CertificateDer<'_>]) -> Result<Identity, Refusal> {
    let leaf = chain.first().ok_or_else(Refusal::missing)?;
    Ok(Certificate::read(leaf)?.identity)
}

// The claims and serial are told apart from the outcome, so that a refusal can still name what could be read.
fn read(der: &CertificateDer<'_>) -> (String, String, Result<Certificate, Why>) {
    let malformed = |what: String| Err(Why::Malformed(what));
    let x509 = match X509Certificate::from_der(der.as_ref()) {
        Ok(([], x509)) => x509,
        Ok(_) => return (String::new(), String::new(), malformed("bytes after its end".to_owned())),
        Err(error) => return (String::new(), String::new(), malformed(error.to_string())),
    };
    let serial = hex::encode(x509.raw_serial().strip_prefix(&[0]).unwrap_or(x509.raw_serial()));
    let names = match x509.subject_alternative_name() {
        Ok(Some(extension)) => extension.value.general_names.as_slice(),
        Ok(None) => &[],
        Err(error) => return (String::new(), serial, malformed(error.to_string())),
    };
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let identity = match uris.as_slice() {
        [] => return (String::new(), serial, Err(Why::Nameless)),
        [uri] => match Identity::parse(uri) {
            Ok(identity) => identity,
            Err(error) => return (String::new(), serial, Err(Why::BadName(error))),
        },
        several => return (String::new(), serial, Err(Why::ManyNames(several.len()))),
    };
    let claims = identity.to_string();
    let outcome = facts(der, &x509, names, identity, serial.clone());
    (claims, serial, outcome)
}

fn facts(
    der: &CertificateDer<'_>,
    x509: &X509Certificate<'_>,
    names: &[GeneralName<'_>],
    identity: Identity,
    serial: String,
) -> Result<Certificate, Why> {
    let malformed = |error: x509_parser::error::X509Error| Why::Malformed(error.to_string());
    let moment = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|error| Why::Malformed(error.to_string()))
    };
    let (mut kind, mut for_servers) = (None, false);
    // Without the extension a certificate would be good for anything; ours always have it.
    if let Some(usage) = x509.extended_key_usage().map_err(malformed)? {
        let usage = usage.value;
        let signing = usage.other.iter().any(|oid| oid.as_bytes() == SIGNING_USAGE_OID);
        let stray = usage.any
            || usage.code_signing
            || usage.email_protection
            || usage.time_stamping
            || usage.ocsp_signing
            || usage.other.iter().any(|oid| oid.as_bytes() != SIGNING_USAGE_OID);
        kind = match (usage.client_auth, signing, stray) {
            (true, false, false) => Some(Kind::Tls),
            (false, true, false) if !usage.server_auth => Some(Kind::Signing),
            _ => None,
        };
        for_servers = kind == Some(Kind::Tls) && usage.server_auth;
    }
    let may_sign = x509.key_usage().map_err(malformed)?.is_some_and(|usage| usage.value.digital_signature());
    if !may_sign || x509.is_ca() {
        kind = None;
    }
    let hosts = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    let spki = x509.public_key();
    let ed25519_key = (spki.algorithm.algorithm == x509_parser::oid_registry::OID_SIG_ED25519)
        .then(|| <[u8; 32]>::try_from(spki.subject_public_key.data.as_ref()).ok())
        .flatten();
    Ok(Certificate {
        identity,
        kind,
        for_servers,
        serial,
        not_before: moment(x509.validity().not_before)?,
        not_after: moment(x509.validity().not_after)?,
        fingerprint: Sha256::digest(der.as_ref()).into(),
        hosts,
        ed25519_key,
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}
