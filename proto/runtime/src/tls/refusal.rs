//! Why a certificate was refused, in words an operator can act on.

use std::fmt;

use folkmoot_proto::identity::{self, Federation, Kind, Role};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustls::CertificateError;

/// A certificate was not accepted.
///
/// `Display` names the certificate, the reason and the way out. The identity is what the certificate claims, whether or not anybody vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who the certificate says it is for; empty if it could not be read.
    pub claims: String,
    /// Its serial number in hexadecimal; empty if it could not be read.
    pub serial: String,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// None was sent.
    Missing,
    /// It cannot be parsed, or breaks a rule of X.509.
    Malformed(String),
    /// No chain leads from it to our root.
    Untrusted,
    /// It has expired.
    Expired {
        /// The last moment it was valid.
        on: Timestamp,
        /// What our clock shows.
        now: Timestamp,
    },
    /// It is not valid yet.
    NotYetValid {
        /// The first moment it is valid.
        from: Timestamp,
        /// What our clock shows.
        now: Timestamp,
    },
    /// The certificate of the authority that issued it has expired or is not valid yet.
    AuthorityExpired {
        /// The bound of the authority's validity that was passed.
        on: Timestamp,
        /// What our clock shows.
        now: Timestamp,
    },
    /// It is on its authority's revocation list.
    Revoked {
        /// When the authority revoked it.
        on: Timestamp,
        /// The reason on the list.
        reason: &'static str,
    },
    /// The authority that issued it has itself been revoked.
    AuthorityRevoked,
    /// The revocation list we hold has run out.
    ListExpired {
        /// When a newer list was due.
        on: Timestamp,
        /// What our clock shows.
        now: Timestamp,
    },
    /// We hold no revocation list of the authority that issued it.
    ListMissing,
    /// It has no URI name.
    Nameless,
    /// It has more than one URI name.
    ManyNames(usize),
    /// Its URI name is not an identity.
    BadName(identity::Error),
    /// It is of one kind where the other is needed.
    WrongKind {
        /// What it is for; `None` if it is for neither, or for both.
        found: Option<Kind>,
        /// What is needed.
        needed: Kind,
    },
    /// It may not be used by the accepting side of a connection.
    NotForServers,
    /// It belongs to another federation.
    OtherFederation {
        /// The certificate's.
        theirs: Federation,
        /// Ours.
        ours: Federation,
    },
    /// Its holder's role has no business here.
    WrongRole {
        /// The holder's.
        found: Role,
        /// Those that have.
        needed: Vec<Role>,
    },
    /// Its key cannot make the signatures needed of it.
    WrongKey(String),
}

impl Refusal {
    /// The refusal of a peer that sent nothing.
    pub fn missing() -> Self {
        Self { claims: String::new(), serial: String::new(), why: Why::Missing }
    }

    /// The error that makes rustls send the alert which stands for this refusal (table in [`super`]).
    pub(super) fn to_rustls(&self) -> rustls::Error {
        let error = match &self.why {
            Why::Missing => return rustls::Error::NoCertificatesPresented,
            Why::Expired { .. } | Why::AuthorityExpired { .. } => CertificateError::Expired,
            Why::NotYetValid { .. } => CertificateError::NotValidYet,
            Why::Revoked { .. } | Why::AuthorityRevoked => CertificateError::Revoked,
            Why::Untrusted => CertificateError::UnknownIssuer,
            // The one alert about revocation information that is not about the certificate itself.
            Why::ListExpired { .. } | Why::ListMissing => CertificateError::InvalidOcspResponse,
            Why::WrongKind { .. } | Why::NotForServers | Why::WrongKey(_) => CertificateError::InvalidPurpose,
            Why::Malformed(_) | Why::Nameless | Why::ManyNames(_) | Why::BadName(_) => CertificateError::BadEncoding,
            Why::OtherFederation { .. } | Why::WrongRole { .. } => CertificateError::ApplicationVerificationFailure,
        };
        error.into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate")?;
        if !self.claims.is_empty() {
            write!(f, " of {}", self.claims)?;
        }
        if !self.serial.is_empty() {
            write!(f, " (serial {})", self.serial)?;
        }
        write!(f, " {}", self.why)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing: the other end sent none; it must be configured with one"),
            Self::Malformed(what) => write!(f, "is malformed ({what}): have it issued again"),
            Self::Untrusted => f.write_str(
                "was not issued by an authority of this federation: check that both ends hold the same roots file and that the chain file \
                 holds the issuing authority's certificate too",
            ),
            Self::Expired { on, now } => write!(
                f,
                "expired on {}: renew it (`folkmoot-certs renew`); if it should still be valid, check this machine's clock, which shows {}",
                day(*on),
                day(*now)
            ),
            Self::NotYetValid { from, now } => {
                write!(f, "is not valid before {}: check this machine's clock, which shows {}", day(*from), day(*now))
            }
            Self::AuthorityExpired { on, now } => write!(
                f,
                "was issued by an authority whose own certificate is valid only up to, or only from, {}: the federation needs a new issuing \
                 authority; if it should be valid, check this machine's clock, which shows {}",
                day(*on),
                day(*now)
            ),
            Self::Revoked { on, reason } => write!(
                f,
                "was revoked on {} ({reason}): a revoked certificate does not come back; ask the authority for a new one",
                day(*on)
            ),
            Self::AuthorityRevoked => f.write_str(
                "was issued by an authority that the federation has since revoked: ask for a new certificate from the present one",
            ),
            Self::ListExpired { on, now } => write!(
                f,
                "cannot be checked, because the revocation list here ran out on {}: install a fresh one (`folkmoot-certs crl` writes it); \
                 this machine's clock shows {}",
                day(*on),
                day(*now)
            ),
            Self::ListMissing => f.write_str(
                "cannot be checked, because there is no revocation list of its issuing authority here: install the one that \
                 `folkmoot-certs crl` writes",
            ),
            Self::Nameless => f.write_str("names nobody: it has no URI name, where exactly one is needed; have it issued again"),
            Self::ManyNames(count) => {
                write!(f, "has {count} URI names, where exactly one is allowed: have it issued again")
            }
            Self::BadName(error) => write!(f, "has a URI name that is not an identity ({error}): have it issued again"),
            Self::WrongKind { found: Some(found), needed } => {
                write!(f, "is a {found} certificate, a {needed} certificate is needed here")
            }
            Self::WrongKind { found: None, needed } => {
                write!(f, "is not a {needed} certificate of a federation, or is for more than that: have it issued again")
            }
            Self::NotForServers => {
                f.write_str("may not be used by the side that accepts connections: only a coordinator's certificate may")
            }
            Self::OtherFederation { theirs, ours } => write!(f, "belongs to federation {theirs}, this is {ours}"),
            Self::WrongRole { found, needed } => {
                write!(f, "is for {found}, ")?;
                for (place, role) in needed.iter().enumerate() {
                    match place {
                        0 => write!(f, "{role}")?,
                        _ if place + 1 == needed.len() => write!(f, " or {role}")?,
                        _ => write!(f, ", {role}")?,
                    }
                }
                f.write_str(if needed.is_empty() { "nobody is admitted here" } else { " is needed here" })
            }
            Self::WrongKey(what) => write!(f, "has the wrong sort of key ({what})"),
        }
    }
}

/// A moment as people read it, to the minute, in UTC.
pub(super) fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string()
}
