//! The aggregation protocol with both sides in one process.

#![allow(clippy::unwrap_used)]

mod hostile;
mod sim;
mod sums;
