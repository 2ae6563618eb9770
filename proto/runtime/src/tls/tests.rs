//! Whole handshakes over an in-memory duplex, one for each way of being refused.

#![allow(clippy::unwrap_used)]

mod handshakes;
mod mint;
mod reloading;
mod signing;
