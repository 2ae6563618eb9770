//! The aggregation protocol with both sides in one process.

#![allow(clippy::unwrap_used)]

mod bytes;
mod corpus;
mod decoders;
mod hostile;
mod record;
mod reference;
mod rogue;
mod scene;
mod sim;
mod sums;
mod vectors;
mod views;
mod witness;
