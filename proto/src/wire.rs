//! The generated wire messages and services, and the descriptor bytes; nothing by hand.
//!
//! A generated type never goes past the module that received it: the `TryFrom` beside the domain type is the only way
//! in.

/// Version 1 of the schema.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("folkmoot.v1");
}

/// The compiled schema, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
