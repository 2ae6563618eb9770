//! Whom we believe: roots and revocation lists, and the one place where a chain is checked against them.

use std::fmt;

use folkmoot_proto::identity::{Federation, Identity, Kind, Role, SIGNING_USAGE_OID};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, RevocationReason, UnknownStatusPolicy,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::refusal::{Refusal, Why};
use super::{Certificate, LoadError};

/// What a certificate is about to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By the side that dials.
    Client,
    /// By the side that accepts.
    Server,
    /// To check a signature over a protocol message.
    Signing,
}

impl Purpose {
    fn kind(self) -> Kind {
        match self {
            Self::Client | Self::Server => Kind::Tls,
            Self::Signing => Kind::Signing,
        }
    }

    fn usage(self) -> KeyUsage {
        match self {
            Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
            Self::Signing => KeyUsage::required_if_present(SIGNING_USAGE_OID),
        }
    }
}

/// A party whose chain was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What its certificate says.
    pub certificate: Certificate,
    chain: Vec<CertificateDer<'static>>,
    purpose: Purpose,
}

impl Peer {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.certificate.identity
    }

    /// Checks the same certificate again, for connections that outlive a certificate or a reload of the revocation lists.
    ///
    /// # Errors
    /// A [`Refusal`], after which the connection should be closed.
    pub fn check_again(&self, trust: &Trust, now: Timestamp) -> Result<(), Refusal> {
        trust.verify(&self.chain, self.purpose, &[self.certificate.identity.role()], now).map(|_| ())
    }
}

/// A party whose signing certificate was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Who signs.
    pub identity: Identity,
    /// The Ed25519 public key that its signatures verify under.
    pub public_key: [u8; 32],
    /// SHA-256 of the signing certificate's DER bytes, as in the membership registry.
    pub fingerprint: [u8; 32],
}

struct List {
    parsed: CertRevocationList<'static>,
    this_update: Timestamp,
    next_update: Timestamp,
}

/// The roots and revocation lists that chains are checked against, and our federation's name.
pub struct Trust {
    federation: Federation,
    anchors: Vec<TrustAnchor<'static>>,
    lists: Vec<List>,
    algorithms: &'static [&'static dyn rustls_pki_types::SignatureVerificationAlgorithm],
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("federation", &self.federation)
            .field("roots", &self.anchors.len())
            .field("lists", &self.lists.len())
            .finish()
    }
}

impl Trust {
    /// Puts together what chains of `federation` are checked against.
    ///
    /// # Errors
    /// [`LoadError::Content`] if a root or list cannot be read or has no *next update*, or there is none of either.
    pub fn new(
        federation: Federation,
        roots: &[CertificateDer<'_>],
        lists: &[CertificateRevocationListDer<'_>],
    ) -> Result<Self, LoadError> {
        let anchors = roots
            .iter()
            .map(|root| webpki::anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| LoadError::content("roots", format!("a certificate is not a usable root: {error}")))?;
        let lists = lists.iter().map(read_list).collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(LoadError::content("roots", "there is no certificate in it".to_owned()));
        }
        if lists.is_empty() {
            return Err(LoadError::content("revocation lists", "there is no list in it".to_owned()));
        }
        Ok(Self {
            federation,
            anchors,
            lists,
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms.all,
        })
    }

    /// The federation whose parties are believed.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// When the first of the revocation lists runs out. After that moment nobody is believed.
    pub fn lists_valid_until(&self) -> Timestamp {
        self.lists.iter().map(|list| list.next_update).min().unwrap_or(Timestamp::MIN)
    }

    /// Whether, for some authority, the list here was made before the one in `other`.
    pub(super) fn has_older_list_than(&self, other: &Self) -> bool {
        other.lists.iter().any(|theirs| {
            let newest = |trust: &Self| {
                let same = trust.lists.iter().filter(|list| list.parsed.issuer() == theirs.parsed.issuer());
                same.map(|list| list.this_update).max()
            };
            newest(self).is_some_and(|ours| Some(ours) < newest(other))
        })
    }

    /// Checks a chain, leaf first, for `purpose`, at the moment `now`, for a holder with one of `roles`.
    ///
    /// **Guarantee**: on success the chain leads to one of our roots, each certificate in it was valid at `now` and on no list of ours that
    /// was in force at `now`, the leaf was issued for `purpose` and not for the other kind, and holds exactly one URI name,
    /// whose federation is ours and whose role is among `roles`.
    ///
    /// # Errors
    /// A [`Refusal`] with the first of these that does not hold.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        purpose: Purpose,
        roles: &[Role],
        now: Timestamp,
    ) -> Result<Peer, Refusal> {
        let (leaf, others) = chain.split_first().ok_or_else(Refusal::missing)?;
        let certificate = Certificate::read(leaf)?;
        self.path(leaf, others, purpose, now)
            .map_err(|error| certificate.refuse(self.reason(error, leaf, &certificate, purpose, now)))?;
        if certificate.kind != Some(purpose.kind()) {
            return Err(certificate.refuse(Why::WrongKind { found: certificate.kind, needed: purpose.kind() }));
        }
        if purpose == Purpose::Server && !certificate.for_servers {
            return Err(certificate.refuse(Why::NotForServers));
        }
        if certificate.identity.federation() != &self.federation {
            return Err(self.other_federation(&certificate));
        }
        let found = certificate.identity.role();
        if !roles.contains(&found) {
            return Err(certificate.refuse(Why::WrongRole { found, needed: roles.to_vec() }));
        }
        Ok(Peer { certificate, chain: chain.iter().map(|der| der.clone().into_owned()).collect(), purpose })
    }

    /// Checks the chain of a signing certificate, leaf first, whose holder has one of `roles`, at the moment `now`.
    ///
    /// The signature itself is checked by the caller, under [`Signer::public_key`].
    ///
    /// # Errors
    /// As [`Trust::verify`]; [`Why::WrongKey`] if the key is not Ed25519.
    pub fn verify_signer(
        &self,
        chain: &[CertificateDer<'_>],
        roles: &[Role],
        now: Timestamp,
    ) -> Result<Signer, Refusal> {
        let Peer { certificate, .. } = self.verify(chain, Purpose::Signing, roles, now)?;
        match certificate.ed25519_key {
            Some(public_key) => {
                Ok(Signer { public_key, fingerprint: certificate.fingerprint, identity: certificate.identity })
            }
            None => Err(certificate.refuse(Why::WrongKey("an Ed25519 key is needed for signing".to_owned()))),
        }
    }

    fn path(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<(), webpki::Error> {
        let end = EndEntityCert::try_from(leaf)?;
        let lists: Vec<&CertRevocationList<'_>> = self.lists.iter().map(|list| &list.parsed).collect();
        let revocation = RevocationOptionsBuilder::new(&lists)
            .map_err(|_| webpki::Error::UnknownRevocationStatus)?
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build();
        end.verify_for_usage(
            self.algorithms,
            &self.anchors,
            others,
            unix_time(now),
            purpose.usage(),
            Some(revocation),
            None,
        )
        .map(|_| ())
    }

    fn other_federation(&self, certificate: &Certificate) -> Refusal {
        certificate.refuse(Why::OtherFederation {
            theirs: certificate.identity.federation().clone(),
            ours: self.federation.clone(),
        })
    }

    fn reason(
        &self,
        error: webpki::Error,
        leaf: &CertificateDer<'_>,
        certificate: &Certificate,
        purpose: Purpose,
        now: Timestamp,
    ) -> Why {
        use webpki::Error as E;
        match error {
            E::CertExpired { .. } if certificate.not_after < now => Why::Expired { on: certificate.not_after, now },
            E::CertNotValidYet { .. } if certificate.not_before > now => {
                Why::NotYetValid { from: certificate.not_before, now }
            }
            E::CertExpired { not_after, .. } => Why::AuthorityExpired { on: timestamp(not_after), now },
            E::CertNotValidYet { not_before, .. } => Why::AuthorityExpired { on: timestamp(not_before), now },
            E::CertRevoked => self.revoked(leaf).unwrap_or(Why::AuthorityRevoked),
            E::CrlExpired { next_update, .. } => Why::ListExpired { on: timestamp(next_update), now },
            E::UnknownRevocationStatus => Why::ListMissing,
            E::UnknownIssuer
            | E::InvalidSignatureForPublicKey
            | E::MaximumPathDepthExceeded
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumSignatureChecksExceeded => {
                // A stranger of another federation is better told that than to compare roots files.
                if certificate.identity.federation() == &self.federation {
                    Why::Untrusted
                } else {
                    self.other_federation(certificate).why
                }
            }
            E::RequiredEkuNotFoundContext(_) if certificate.kind == Some(purpose.kind()) => Why::NotForServers,
            E::RequiredEkuNotFoundContext(_) | E::CaUsedAsEndEntity => {
                Why::WrongKind { found: certificate.kind, needed: purpose.kind() }
            }
            other => Why::Malformed(other.to_string()),
        }
    }

    fn revoked(&self, leaf: &CertificateDer<'_>) -> Option<Why> {
        let end = EndEntityCert::try_from(leaf).ok()?;
        let entry = self
            .lists
            .iter()
            .filter(|list| list.parsed.issuer() == end.issuer())
            .find_map(|list| list.parsed.find_serial(end.serial()).ok().flatten())?;
        Some(Why::Revoked { on: timestamp(entry.revocation_date), reason: words(entry.reason_code) })
    }
}

fn read_list(der: &CertificateRevocationListDer<'_>) -> Result<List, LoadError> {
    let bad = |what: String| LoadError::content("revocation lists", what);
    let parsed = OwnedCertRevocationList::from_der(der.as_ref())
        .map_err(|error| bad(format!("a list cannot be used: {error}")))?
        .into();
    let (_, x509) = CertificateRevocationList::from_der(der.as_ref())
        .map_err(|error| bad(format!("a list cannot be read: {error}")))?;
    let moment = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|error| bad(format!("a list's date is out of range: {error}")))
    };
    let next = x509.next_update().ok_or_else(|| bad("a list does not say when the next one is due".to_owned()))?;
    Ok(List { parsed, this_update: moment(x509.last_update())?, next_update: moment(next)? })
}

fn words(reason: Option<RevocationReason>) -> &'static str {
    match reason {
        None | Some(RevocationReason::Unspecified) => "no reason given",
        Some(RevocationReason::KeyCompromise) => "its key may be known to others",
        Some(RevocationReason::AffiliationChanged) => "its holder no longer has this role",
        Some(RevocationReason::Superseded) => "it was replaced",
        Some(RevocationReason::CessationOfOperation) => "its holder left the federation",
        Some(RevocationReason::PrivilegeWithdrawn) => "its holder's right was withdrawn",
        Some(_) => "for another reason",
    }
}

/// Times before 1970 have no place in a certificate check; they count as the very beginning, at which nothing is valid.
pub(super) fn unix_time(moment: Timestamp) -> UnixTime {
    let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

pub(super) fn timestamp(time: UnixTime) -> Timestamp {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}
