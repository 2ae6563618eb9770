//! Why the authority does not do what it was asked.

use std::path::PathBuf;

use folkmoot_proto::identity::{Federation, Identity, Kind};
use jiff::Timestamp;

use crate::profile;
use crate::{folder, inventory, request, revocation};

/// Why the authority does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] folder::Error),
    /// The inventory.
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    /// The request.
    #[error("reading the request")]
    Request(#[from] request::Error),
    /// The request is for somebody else than was confirmed.
    #[error(
        "the request is for {asked}, --identity says {confirmed}: make sure who sent it, then repeat the identity exactly"
    )]
    Unconfirmed {
        /// The request's.
        asked: Box<Identity>,
        /// The one given.
        confirmed: Box<Identity>,
    },
    /// Of another federation.
    #[error("{identity} is of federation {}, this is the authority of {ours}", identity.federation())]
    OtherFederation {
        /// Who.
        identity: Identity,
        /// Ours.
        ours: Federation,
    },
    /// The certificate cannot be made so.
    #[error(transparent)]
    Profile(#[from] profile::Error),
    /// There is a live certificate for this identity and kind already.
    #[error(
        "{identity} already holds a {kind} certificate that is good until {until} (serial {serial}): renew that one with `folkmoot-certs renew`, \
         or revoke it first if it was lost"
    )]
    Live {
        /// Who.
        identity: Identity,
        /// Which kind.
        kind: Kind,
        /// Its serial number.
        serial: String,
        /// Its end.
        until: Timestamp,
    },
    /// The key is certified for somebody or something else.
    #[error(
        "the key in the request already has a {kind} certificate for {identity} (serial {serial}); a key serves one party and one purpose: make a \
         new one"
    )]
    KeyTaken {
        /// For whom.
        identity: Identity,
        /// For what.
        kind: Kind,
        /// Under which serial number.
        serial: String,
    },
    /// The key's earlier certificate was revoked because others may know the key.
    #[error(
        "the key in the request belonged to certificate {serial}, which was revoked as compromised: make a new key"
    )]
    KeyCompromised {
        /// Under which serial number.
        serial: String,
    },
    /// It would outlive the issuing authority.
    #[error(
        "the issuing authority is good until {until}, so it cannot issue for {days} days: ask for fewer with --days, or run \
         `folkmoot-certs replace-issuing`"
    )]
    Outlives {
        /// The authority's end.
        until: Timestamp,
        /// What was asked for.
        days: u32,
    },
    /// All issuing authorities were revoked.
    #[error("there is no issuing authority in office: run `folkmoot-certs replace-issuing` with the root key at hand")]
    NoAuthority,
    /// A key of the authority is not where it should be.
    #[error("the {what} key is not at {}: {fix}", path.display())]
    KeyAbsent {
        /// Which key.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What to do.
        fix: &'static str,
    },
    /// A key of the authority cannot be used.
    #[error("using the {what} key at {}", path.display())]
    Key {
        /// Which key.
        what: &'static str,
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificate is revoked already.
    #[error(
        "certificate {serial} of {identity} was revoked on {at}; a revoked certificate is neither revoked again nor renewed"
    )]
    Gone {
        /// Which.
        serial: String,
        /// Whose.
        identity: Identity,
        /// When.
        at: Timestamp,
    },
    /// Nothing live answers to an identity.
    #[error("{identity} holds no live certificate{}", kind.map(|kind| format!(" of kind {kind}")).unwrap_or_default())]
    NoneLive {
        /// Who.
        identity: Identity,
        /// Which kind, if one was given.
        kind: Option<Kind>,
    },
    /// The copy of an issued certificate is missing or damaged.
    #[error(
        "the copy of certificate {serial} in the authority's folder cannot be read; restore it from a backup, or renew with a request"
    )]
    Copy {
        /// Which.
        serial: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The revocation list cannot be made.
    #[error("making the revocation lists")]
    List(#[from] revocation::Error),
    /// The library that makes certificates refused.
    #[error("making the certificate of {what}")]
    Make {
        /// Of whom.
        what: String,
        /// Why.
        source: rcgen::Error,
    },
}
