//! Mutual TLS 1.3 between a federation's parties, and who is at the other end.
//!
//! ```text
//! files on disk -> Settings (own key, roots, revocation lists) -> accept / connect -> a stream and the Peer at its other end
//!                      ^ Reloadable reads them again when they change
//! ```
//!
//! # What is checked
//! Both ends check the other's certificate in the same way, in one place ([`Trust::verify`]): the chain leads to our root through certificates that
//! may sign others; nothing in it has expired or was revoked (the leaf by the issuing authority's list, the issuing authority by the root's);
//! it is a TLS certificate and not a signing one; it holds exactly one URI name, which is an [`Identity`]; that identity belongs to our federation
//! and has a role this connection is for. Path building, signatures and revocation are webpki's; the rest is a handful of comparisons.
//!
//! **The host name is not the identity.** A node looks for *the coordinator of its federation*, and the authority says who that is in the URI name.
//! DNS is run by somebody else, a council's resolver may answer with a relay's address, and an address that moves must not need a new
//! certificate. A DNS name in the certificate would add a check that an attacker who holds a federation certificate could not pass either, and one
//! more thing to break. So the name is sent (for relays that route by it) and not compared.
//!
//! # Revocation lists
//! They are required and they fail closed: with a list past its *next update* nobody connects, since otherwise whoever can keep a list from
//! arriving can keep a stolen certificate alive. [`Settings::lists_valid_until`] tells how long is left, for metrics, logs and `doctor`.
//! A list older than the one already read is refused on reload.
//!
//! # Sessions are not resumed
//! A resumed session skips the certificate, and with it expiry and revocation. Links live for days; a full handshake costs a millisecond.
//!
//! # When the other end refuses us
//! In TLS 1.3 a client's handshake is over before the server has looked at the client's certificate: `connect` succeeds, and the refusal arrives as
//! an alert with the first read. [`explain`] turns such an error into a sentence. Each alert we send stands for one kind of refusal:
//!
//! | alert | what the sender says | what to do at the end that received it |
//! |---|---|---|
//! | `certificate_expired` | your certificate (or your authority's) has expired or is not valid yet | renew it; check both clocks |
//! | `certificate_revoked` | your certificate is on the revocation list | ask the authority for a new one |
//! | `unknown_ca` | your certificate was not issued under my root | compare roots files and the chain sent |
//! | `bad_certificate_status_response` | I cannot tell whether your certificate is revoked | the *sender* needs a fresh revocation list |
//! | `unsupported_certificate` | your certificate is not for TLS | use the TLS certificate, not the signing one |
//! | `bad_certificate` | your certificate names nobody, or several parties | have it issued again |
//! | `access_denied` | you are of another federation, or your role has no business on this connection | connect with the right certificate to the right address |
//! | `certificate_required` | you sent no certificate | configure one |
//! | `no_application_protocol` | I do not speak that protocol here | check address and versions |

mod certificate;
mod connect;
mod explain;
mod refusal;
mod reload;
mod settings;
mod signer;
mod trust;
mod verifier;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, peer_identity};
pub use connect::{Accepted, Admit, Connected, Error, accept, connect};
pub use explain::{explain, explain_alert};
pub use refusal::{Refusal, Why};
pub use reload::Reloadable;
pub use settings::{Files, LoadError, Settings, check_owner_only};
pub use signer::OwnSigner;
pub use trust::{Peer, Purpose, Signer, Trust};

#[cfg(doc)]
use folkmoot_proto::identity::Identity;

/// ALPN name of a link: the council dials, the coordinator then calls.
pub const ALPN_LINK: &[u8] = b"folkmoot-link/1";

/// ALPN name of ordinary calls: the dialling side is also the one that calls (gRPC over HTTP/2).
pub const ALPN_CALLS: &[u8] = b"h2";

/// What is spoken on a connection once TLS is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Dial-back: see [`ALPN_LINK`].
    Link,
    /// Ordinary calls: see [`ALPN_CALLS`].
    Calls,
}

impl Protocol {
    /// The name under which it is negotiated.
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::Link => ALPN_LINK,
            Self::Calls => ALPN_CALLS,
        }
    }

    /// The protocol of a negotiated name.
    pub fn from_alpn(name: &[u8]) -> Option<Self> {
        match name {
            ALPN_LINK => Some(Self::Link),
            ALPN_CALLS => Some(Self::Calls),
            _ => None,
        }
    }
}
