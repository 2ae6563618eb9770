//! Secure aggregation: the coordinator learns the sum of the councils' vectors and nothing else.
//!
//! The protocol of Bonawitz et al. (CCS 2017) in its form against an active coordinator, over a complete graph, as two
//! state machines without I/O: [`node`] and [`coordinator`]. The caller owns links, disk, clock and randomness.
//!
//! ```text
//! step          coordinator -> node             node -> coordinator
//! 0 advertise   envelope (query, parameters)    fresh X25519 keys C, S; commitment B; head of its ledger; signed
//! 1 share       roster: all keys of U1          shares of b and s, sealed for each other member; heads kept of others; signed
//! 2 mask        relay: shares from U2           y = g*x + noise + PRG(b) +- PRG(s, S_j) for each j; signed
//! 3 consent     survivors U3                    signature over T3
//! 4 unmask      quorum: t signatures on T3      per peer one share: of b (survivor) or of s (dropped)
//! ```
//!
//! The masks between survivors cancel in the sum. What is left (self masks of survivors, pair masks with those that
//! dropped out) is undone from `t` shares each. Nobody ever gets shares of both secrets of one council, because honest
//! nodes sign one survivor set only and `2t > n + c` signatures cannot exist for two.
//!
//! In passing every council witnesses the ledgers of all others, so that a restored one is noticed: [`witness`].
//!
//! Reading order: [`parameters`], [`envelope`], [`transcript`], [`node`], [`coordinator`], [`audit`], [`record`]. Messages and
//! their bytes are in [`messages`]; `docs/protocol.md` tells who checks what; vectors are in `proto/vectors/round`.
//!
//! No primitive is ours: X25519 and Ed25519 (dalek), ChaCha20, ChaCha20-Poly1305, HKDF and SHA-256 (RustCrypto), Shamir
//! over GF(256) (`vsss-rs`).

pub mod audit;
mod codec;
pub mod coordinator;
mod decode;
pub mod envelope;
mod keys;
mod masking;
pub mod messages;
pub mod node;
pub mod parameters;
mod persist;
pub mod record;
mod recovery;
mod refusal;
mod seats;
mod shares;
mod signed;
pub mod transcript;
mod vector;
pub mod wipe;
pub mod witness;

pub use codec::{Kind, Malformed, VERSION};
pub use envelope::{Envelope, Expected, Limits, Mandate, Mechanism, Plan};
pub use parameters::{ParameterError, Parameters};
pub use persist::{AttemptId, Charge, Persist, Reserve, SurvivorsSigned, Unmasked};
pub use refusal::{Failure, Fault, Refusal, Set, Step};
pub use seats::{Roll, RollError, Seat, SeatSet, Signatory};
pub use shares::SplitError;
pub use transcript::Hash;
