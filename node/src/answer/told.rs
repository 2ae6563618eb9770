//! What the other side may know of what went wrong here.

use folkmoot_proto::query::Query;
use folkmoot_proto::reason::{Reason, Refusal};

use crate::assemble;
use crate::ledger;

/// What the other side may know of a failed assembly: that there is no data for the period, or nothing.
pub(super) fn no_data(error: &assemble::Error, query: &Query) -> Refusal {
    match error {
        assemble::Error::Nothing { .. } => Refusal::new(
            Reason::NoData,
            format!("no submission that this council holds covers a quarter for a question about {}", query.period()),
        ),
        other => internal(other),
    }
}

/// What the other side may know of the ledger's word: its refusals whole, its faults not at all.
pub(super) fn ledger_says(error: &ledger::Error) -> Refusal {
    if error.as_refusal().is_none() {
        internal(error);
    }
    error.refusal()
}

pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Refusal {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        chain.push_str(": ");
        chain.push_str(&next.to_string());
        cause = next.source();
    }
    tracing::error!(error = chain, "answering failed");
    Refusal::new(Reason::Internal, "the council's node could not answer; its own log says why")
}
