//! What each kind of certificate holds: names, usages, lifetime.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use folkmoot_proto::identity::{Federation, Identity, Kind, Role, SIGNING_USAGE_OID};
use folkmoot_runtime::enrol::{common_name, signing_usage_extension};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::DnsName;

use crate::folder::random_bytes;

/// Days a root lives: ten years.
pub const ROOT_DAYS: u32 = 3652;
/// Days an issuing authority lives: five years.
pub const ISSUING_DAYS: u32 = 1826;
/// Days a certificate lives unless asked otherwise.
pub const LEAF_DAYS: u32 = 365;
/// The most days a certificate may be asked to live: what is lost or forgotten should not stay good for long.
pub const MAX_LEAF_DAYS: u32 = 825;
/// Days until the next revocation list is due: one month and slack.
pub const LIST_DAYS: u32 = 35;
/// From how many days before its end a certificate or list is warned about.
pub const WARN_DAYS: i64 = 30;

/// How much earlier than now validity begins, so that a receiver whose clock is a little behind does not refuse.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// A moment as rcgen takes it. Moments before 1970 count as 1970.
macro_rules! since_1970 {
    ($moment:expr) => {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(u64::try_from($moment.as_second()).unwrap_or(0))
    };
}
pub(crate) use since_1970;

/// Why a certificate cannot be made as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a DNS name nor an IP address.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    Host(String),
    /// Host names in a certificate that nobody connects to.
    #[error("{0} accepts no connections, so its certificate holds no DNS name or address: leave out --dns")]
    NoHosts(Role),
    /// Too short or too long a life.
    #[error("a certificate may live for 1 to {MAX_LEAF_DAYS} days, not {0}")]
    Days(u32),
    /// A date that no certificate can hold.
    #[error("the date is out of range")]
    Date,
}

/// A DNS name or IP address in a coordinator's TLS certificate: for relays and tools, never for identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A DNS name.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl FromStr for Host {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        DnsName::try_from(text)
            .map(|_| Self::Name(text.to_owned()))
            .map_err(|_| Error::Host(text.chars().take(80).flat_map(char::escape_debug).collect()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// When a certificate is valid, in whole seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last one.
    pub until: Timestamp,
}

impl Validity {
    /// `days` from `now` on.
    ///
    /// # Errors
    /// [`Error::Date`] past the year 9999.
    pub fn days(now: Timestamp, days: u32) -> Result<Self, Error> {
        let whole = Timestamp::from_second(now.as_second()).map_err(|_| Error::Date)?;
        let from = whole.checked_sub(BACKDATE).map_err(|_| Error::Date)?;
        let until = whole.checked_add(SignedDuration::from_hours(24 * i64::from(days))).map_err(|_| Error::Date)?;
        Ok(Self { from, until })
    }
}

/// A fresh serial number: 16 random bytes, positive and of full length.
pub fn serial() -> SerialNumber {
    let mut bytes = random_bytes::<16>();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// A federation's root: signs issuing authorities and the list of revoked ones.
///
/// # Errors
/// [`Error::Date`].
pub fn root(federation: &Federation, now: Timestamp) -> Result<CertificateParams, Error> {
    let mut params = authority(&format!("Folkmoot {federation} root"), Validity::days(now, ROOT_DAYS)?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    Ok(params)
}

/// An issuing authority: signs parties' certificates of both kinds, none of other authorities, and the list of revoked ones.
///
/// # Errors
/// [`Error::Date`].
pub fn issuing(federation: &Federation, number: u32, now: Timestamp) -> Result<CertificateParams, Error> {
    let mut params = authority(&format!("Folkmoot {federation} issuing {number}"), Validity::days(now, ISSUING_DAYS)?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.use_authority_key_identifier_extension = true;
    // Whatever it signs is good for our uses only.
    params.custom_extensions = vec![issuing_usages()];
    Ok(params)
}

fn authority(name: &str, validity: Validity) -> CertificateParams {
    let mut params = empty(name, validity);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A party's certificate.
///
/// One URI name, the identity; digital signature as the only key usage; extended key usages by kind: TLS client for a TLS certificate,
/// and TLS server too for a coordinator's; our own signing usage alone for a signing certificate.
///
/// # Errors
/// [`Error::NoHosts`], or [`Error::Host`] for a name that does not fit a certificate.
pub fn leaf(identity: &Identity, kind: Kind, hosts: &[Host], validity: Validity) -> Result<CertificateParams, Error> {
    let serves = kind == Kind::Tls && identity.role() == Role::Coordinator;
    if !serves && !hosts.is_empty() {
        return Err(Error::NoHosts(identity.role()));
    }
    let mut params = empty(&common_name(identity, kind), validity);
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let uri = identity.to_string().try_into().expect("an identity is ASCII by construction");
    params.subject_alt_names = vec![SanType::URI(uri)];
    for host in hosts {
        params.subject_alt_names.push(match host {
            Host::Name(name) => SanType::DnsName(name.as_str().try_into().map_err(|_| Error::Host(name.clone()))?),
            Host::Address(address) => SanType::IpAddress(*address),
        });
    }
    match kind {
        Kind::Tls => {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
            if serves {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            }
        }
        Kind::Signing => params.custom_extensions.push(signing_usage_extension()),
    }
    Ok(params)
}

fn empty(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(serial());
    // The `time` crate's moments, made without depending on it.
    params.not_before = since_1970!(validity.from);
    params.not_after = since_1970!(validity.until);
    params
}

// TLS client, TLS server and our signing usage. In DER by hand for the reason given at `signing_usage_extension`.
fn issuing_usages() -> CustomExtension {
    const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    let mut inner = Vec::new();
    for usage in [CLIENT, SERVER, SIGNING_USAGE_OID] {
        inner.extend_from_slice(&[0x06, usage.len() as u8]);
        inner.extend_from_slice(usage);
    }
    let mut content = vec![0x30, inner.len() as u8]; // 42 bytes, so one byte of length is enough
    content.append(&mut inner);
    CustomExtension::from_oid_content(&[2, 5, 29, 37], content)
}
