//! The signed lists of what was revoked.
//!
//! `crl.pem` holds one list of each issuing authority in office, and the root's list of revoked issuing authorities, which only the root key can
//! renew and which therefore lives as long as the root.

use jiff::Timestamp;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams, SerialNumber,
};

use crate::inventory::{Inventory, IssuingAuthority, Reason, Revoked};
use crate::profile::{self, Validity, since_1970};

/// Why a list cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A serial number in the inventory is damaged.
    #[error("the inventory has `{0}` for a serial number: it is damaged; restore it from a backup")]
    Serial(String),
    /// A date that no list can hold.
    #[error(transparent)]
    Date(#[from] profile::Error),
    /// The library that makes lists refused.
    #[error("making the revocation list")]
    Make(#[from] rcgen::Error),
}

/// The list of one issuing authority, in PEM form.
///
/// Holds every revoked certificate that it issued, expired ones too: they are few, and a verifier's clock may be behind.
///
/// # Errors
/// [`Error::Serial`], [`Error::Date`] or [`Error::Make`].
pub fn issued_list(
    inventory: &Inventory,
    authority: u32,
    issuer: &Issuer<'_, KeyPair>,
    now: Timestamp,
    days: u32,
) -> Result<String, Error> {
    let mine = inventory.certificates.iter().filter(|entry| entry.authority == authority);
    let revoked = mine
        .filter_map(|entry| entry.revoked.as_ref().map(|revoked| line(&entry.serial, revoked)))
        .collect::<Result<Vec<_>, _>>()?;
    list(revoked, inventory.list_number, issuer, Validity::days(now, days)?)
}

/// The root's list of revoked issuing authorities, in PEM form, good for as long as the root.
///
/// # Errors
/// As [`issued_list`].
pub fn root_list(
    authorities: &[IssuingAuthority],
    number: u64,
    root: &Issuer<'_, KeyPair>,
    validity: Validity,
) -> Result<String, Error> {
    let revoked = authorities
        .iter()
        .filter_map(|authority| authority.revoked.as_ref().map(|revoked| line(&authority.serial, revoked)))
        .collect::<Result<Vec<_>, _>>()?;
    list(revoked, number, root, validity)
}

fn list(
    revoked_certs: Vec<RevokedCertParams>,
    number: u64,
    issuer: &Issuer<'_, KeyPair>,
    validity: Validity,
) -> Result<String, Error> {
    let params = CertificateRevocationListParams {
        this_update: since_1970!(validity.from),
        next_update: since_1970!(validity.until),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(issuer)?.pem()?)
}

fn line(serial: &str, revoked: &Revoked) -> Result<RevokedCertParams, Error> {
    let bytes = hex::decode(serial).map_err(|_| Error::Serial(serial.to_owned()))?;
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from(bytes),
        revocation_time: since_1970!(revoked.at),
        reason_code: match revoked.reason {
            Reason::KeyCompromise => Some(RevocationReason::KeyCompromise),
            Reason::Superseded => Some(RevocationReason::Superseded),
            Reason::Left => Some(RevocationReason::CessationOfOperation),
            Reason::RoleWithdrawn => Some(RevocationReason::PrivilegeWithdrawn),
            Reason::Unspecified => None,
        },
        invalidity_date: None,
    })
}
