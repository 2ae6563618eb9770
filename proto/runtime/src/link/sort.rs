//! Answers, lost links and missed deadlines, told apart.

use std::error::Error;

use tonic::{Code, Status, TimeoutExpired};

/// What a failed call means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// The other side answered: asking again gives the same.
    Answer,
    /// The link was lost before the answer was complete. The other side may or may not have done the work.
    Lost,
    /// Our own deadline passed first. The other side may or may not have done the work.
    Late,
}

/// Sorts a failed call.
///
/// The code alone does not tell: a lost link shows as `Unavailable`, `Cancelled`, `Unknown` or `Internal`, and a service may answer with any of
/// these itself. What tells is that a status which came over the wire has no cause, while one that was made on this side has.
pub fn sort(status: &Status) -> Sorted {
    let mut cause = Error::source(status);
    let made_here = cause.is_some();
    while let Some(error) = cause {
        if error.is::<TimeoutExpired>() {
            return Sorted::Late;
        }
        cause = error.source();
    }
    match status.code() {
        Code::DeadlineExceeded => Sorted::Late,
        _ if made_here => Sorted::Lost,
        _ => Sorted::Answer,
    }
}

/// Whether a failed call says nothing about the question, so that it may be asked again on the next link.
///
/// Since the lost answer may have been computed, what is asked again must be the very same question; the node returns its stored answer.
pub fn is_transport_loss(status: &Status) -> bool {
    sort(status) != Sorted::Answer
}
