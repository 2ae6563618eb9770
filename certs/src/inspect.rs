//! What is in a file: certificate, chain, request, revocation list, registry or floor.

use folkmoot_proto::floor::SignedFloor;
use folkmoot_proto::registry::SignedRegistry;
use folkmoot_runtime::tls::Certificate;
use jiff::Timestamp;
use rustls_pki_types::pem::{Error as PemError, PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::inventory::days_between;
use crate::request::Request;

/// Why a file was not described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key is nobody's business.
    #[error("this is a private key; it is not shown, and should not have left the machine it was made on")]
    PrivateKey,
    /// None of the forms known here.
    #[error(
        "this is none of: certificate, chain, request, revocation list (PEM), membership registry, national floor (JSON)"
    )]
    Unknown,
    /// It is one, but cannot be read.
    #[error("reading the {what}: {problem}")]
    Damaged {
        /// What it claims to be.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
}

fn damaged(what: &'static str) -> impl Fn(String) -> Error {
    move |problem| Error::Damaged { what, problem }
}

/// Describes each object in a file, as ordered name and value pairs.
///
/// Signatures of registries and floors are not checked: that needs the pinned key, which only nodes and the authority have at hand.
///
/// # Errors
/// [`Error`], without showing anything of a private key.
pub fn describe(text: &str, now: Timestamp) -> Result<Vec<Value>, Error> {
    if text.trim_start().starts_with('{') {
        return describe_json(text).map(|value| vec![value]);
    }
    let mut found = Vec::new();
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text.as_bytes());
    for section in &mut sections {
        let (kind, der) = match section {
            Ok(section) => section,
            Err(PemError::NoItemsFound) => break,
            Err(error) => return Err(damaged("PEM file")(error.to_string())),
        };
        found.push(match kind {
            SectionKind::Certificate => certificate(&der.into(), now)?,
            SectionKind::Csr => request(text)?,
            SectionKind::Crl => list(&der.into(), now)?,
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                return Err(Error::PrivateKey);
            }
            _ => return Err(Error::Unknown),
        });
    }
    if found.is_empty() { Err(Error::Unknown) } else { Ok(found) }
}

fn certificate(der: &CertificateDer<'_>, now: Timestamp) -> Result<Value, Error> {
    let failed = damaged("certificate");
    let (_, x509) = X509Certificate::from_der(der).map_err(|error| failed(error.to_string()))?;
    if x509.is_ca() {
        let moment =
            |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MIN);
        let until = moment(x509.validity().not_after);
        return Ok(json!({
            "what": "certificate of an authority",
            "subject": x509.subject().to_string(),
            "issuer": x509.issuer().to_string(),
            "serial": hex::encode(x509.raw_serial()),
            "not_before": moment(x509.validity().not_before).to_string(),
            "not_after": until.to_string(),
            "days_left": days_between(now, until),
            "fingerprint": hex::encode(Sha256::digest(der)),
        }));
    }
    let read = Certificate::read(der).map_err(|refusal| failed(refusal.to_string()))?;
    let mut value = json!({
        "what": match read.kind {
            Some(kind) => format!("{kind} certificate"),
            None => "certificate for neither or both of TLS and signing; every party refuses it".to_owned(),
        },
        "identity": read.identity.to_string(),
        "issuer": x509.issuer().to_string(),
        "serial": read.serial,
        "not_before": read.not_before.to_string(),
        "not_after": read.not_after.to_string(),
        "days_left": days_between(now, read.not_after),
        "fingerprint": hex::encode(read.fingerprint),
    });
    if !read.hosts.is_empty() {
        value["hosts"] = read.hosts.into();
    }
    if let Some(key) = read.ed25519_key {
        value["ed25519_key"] = hex::encode(key).into();
    }
    Ok(value)
}

fn request(text: &str) -> Result<Value, Error> {
    let request = Request::read(text).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        damaged("request")(format!("{error}{cause}"))
    })?;
    Ok(json!({
        "what": format!("request for a {} certificate", request.kind),
        "identity": request.identity.to_string(),
        "key": hex::encode(request.key.digest),
    }))
}

fn list(der: &CertificateRevocationListDer<'_>, now: Timestamp) -> Result<Value, Error> {
    let (_, list) =
        CertificateRevocationList::from_der(der).map_err(|error| damaged("revocation list")(error.to_string()))?;
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MIN);
    let due = list.next_update().map(moment);
    let revoked: Vec<String> = list
        .iter_revoked_certificates()
        .map(|entry| format!("{} on {}", hex::encode(entry.raw_serial()), moment(entry.revocation_date)))
        .collect();
    Ok(json!({
        "what": "revocation list",
        "issuer": list.issuer().to_string(),
        "number": list.crl_number().map(ToString::to_string),
        "made": moment(list.last_update()).to_string(),
        "next_due": due.map(|due| due.to_string()),
        "days_left": due.map(|due| days_between(now, due)),
        "revoked": revoked,
    }))
}

fn describe_json(text: &str) -> Result<Value, Error> {
    let value: Value = serde_json::from_str(text).map_err(|_| Error::Unknown)?;
    let form = value.get("form").and_then(Value::as_str).unwrap_or_default();
    if form.starts_with("folkmoot/registry/") {
        serde_json::from_str::<SignedRegistry>(text).map_err(|error| damaged("registry")(error.to_string()))?;
        let members = value["members"].as_array().map_or(0, Vec::len);
        return Ok(json!({
            "what": "membership registry (signature not checked here)",
            "federation": value["federation"], "version": value["version"], "issued_at": value["issued_at"],
            "members": members, "signed_by": value["signed_by"],
        }));
    }
    if form.starts_with("folkmoot/floor/") {
        serde_json::from_str::<SignedFloor>(text).map_err(|error| damaged("floor")(error.to_string()))?;
        return Ok(json!({
            "what": "national floor (signature not checked here)",
            "federation": value["federation"], "version": value["version"], "issued_at": value["issued_at"],
            "signed_by": value["signed_by"], "policy": value["policy"],
        }));
    }
    Err(Error::Unknown)
}
