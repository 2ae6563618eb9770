//! TLS errors in words.

use std::error::Error as StdError;
use std::io;

use rustls::AlertDescription;

use super::Refusal;

/// What a failed read, write or handshake means, in a sentence or two that an operator can act on.
///
/// Looks through the whole chain of causes for a [`Refusal`] of ours, an alert from the other end, or another error of TLS or of the network.
pub fn explain(error: &(dyn StdError + 'static)) -> String {
    let mut next = Some(error);
    let mut last = error;
    while let Some(current) = next {
        if let Some(refusal) = current.downcast_ref::<Refusal>() {
            return refusal.to_string();
        }
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return explain_tls(tls);
        }
        // An io::Error's own `source` skips the error that it wraps.
        if let Some(io) = current.downcast_ref::<io::Error>() {
            match io.get_ref() {
                Some(inner) => return explain(inner),
                None => return explain_kind(io),
            }
        }
        last = current;
        next = current.source();
    }
    last.to_string()
}

fn explain_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::AlertReceived(alert) => format!("the other end refused us: {}", explain_alert(*alert)),
        rustls::Error::NoCertificatesPresented => Refusal::missing().to_string(),
        rustls::Error::NoApplicationProtocol => {
            "the two ends have no protocol in common: check the address and the versions of both programs".to_owned()
        }
        rustls::Error::InvalidMessage(_) => {
            "what came back is not TLS: check that the address is the coordinator's and that nothing in between, such as an HTTP proxy, answers \
             in its place"
                .to_owned()
        }
        rustls::Error::PeerIncompatible(_) => {
            "the other end does not speak TLS 1.3: check that nothing in between takes TLS apart".to_owned()
        }
        other => other.to_string(),
    }
}

/// What an alert from the other end means for the one who received it: what was refused, and what to do.
pub fn explain_alert(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let told = match alert {
        A::CertificateExpired => {
            "our certificate, or our authority's, has expired or is not valid yet; renew it, and check the clocks of both machines"
        }
        A::CertificateRevoked => {
            "our certificate, or our authority's, was revoked; ask the federation's authority for a new one"
        }
        A::UnknownCA => {
            "our certificate was not issued under its root; compare the roots files of both ends, and see that our chain file holds the issuing \
             authority's certificate too"
        }
        A::BadCertificateStatusResponse => {
            "it cannot tell whether our certificate is revoked; the other end's operator must install a fresh revocation list"
        }
        A::UnsupportedCertificate => {
            "our certificate is not for connecting; use the TLS certificate, not the signing one"
        }
        A::BadCertificate => "our certificate names nobody, or more than one party; have it issued again",
        A::AccessDenied => {
            "our certificate is of another federation, or its role has no business on this connection; check the address and which certificate \
             is configured"
        }
        A::CertificateRequired => "we sent no certificate; configure one",
        A::DecryptError => "a signature did not verify; the certificate and its key may not belong together",
        A::NoApplicationProtocol => {
            "it does not speak our protocol at that address; check the address and the versions of both programs"
        }
        A::ProtocolVersion => "it does not speak TLS 1.3; check that nothing in between takes TLS apart",
        A::HandshakeFailure => "no common set of TLS parameters; check that nothing in between takes TLS apart",
        A::CertificateUnknown => "our certificate was not acceptable, for a reason it does not tell; its log will",
        other => return format!("it sent the alert {other:?}; its log will tell more"),
    };
    told.to_owned()
}

fn explain_kind(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionAborted => {
            format!(
                "the connection was closed without a word ({error}): the other end stopped, or a firewall or proxy between the two cut it"
            )
        }
        io::ErrorKind::ConnectionRefused => format!("nothing listens at that address ({error})"),
        io::ErrorKind::TimedOut => format!("no answer came in time ({error}): a firewall may be dropping the packets"),
        _ => error.to_string(),
    }
}
