//! What must hold for any bytes: no decoder panics, and what one accepts has exactly one encoding, these bytes.

use folkmoot_proto::round::Envelope;
use folkmoot_proto::round::audit::Transcript;
use folkmoot_proto::round::messages::{Advert, Consent, Masked, Quorum, Relay, Revealed, Roster, Sealed, Survivors};

/// Runs `data` through every decoder; returns how many accepted it.
pub(crate) fn check_all(data: &[u8]) -> usize {
    let mut accepted = 0;
    macro_rules! check {
        ($($message:ty),*) => {$(
            if let Ok(message) = <$message>::decode(data) {
                assert_eq!(message.encode(), data, "{} has a second encoding", stringify!($message));
                accepted += 1;
            }
        )*};
    }
    check!(Envelope, Advert, Roster, Sealed, Relay, Masked, Survivors, Consent, Quorum, Revealed, Transcript);
    accepted
}
