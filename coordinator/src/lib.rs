//! The coordinator: asks councils' nodes, merges their protected answers, and releases figures.
//!
//! ```text
//! request --plan--> Plan --job--> answers --disclose--> answers --merge--> Table --release--> Release --publish--> files
//!                                   ^                                                            |
//!                          councils, over their links                          service, access: who may see what
//! ```
//!
//! From `disclose` to `publish` everything is a plain function of its arguments; only `job` and `service` wait for
//! anything. Nothing unprotected ever arrives here: a council's answer is suppressed, noisy or masked before it leaves.
//!
//! Reading order: [`plan`], [`answer`], [`merge`], [`release`], then [`job`] and [`service`].

pub mod access;
pub mod answer;
pub mod cli;
pub mod collect;
pub mod config;
pub mod disclose;
pub mod figures;
pub mod job;
pub mod links;
pub mod merge;
pub mod outcome;
pub mod plan;
pub mod publish;
pub mod receipts;
pub mod release;
pub mod round;
pub mod run;
pub mod scope;
pub mod server;
pub mod service;
pub mod store;
pub mod total;
pub mod witness;

#[cfg(test)]
pub(crate) mod testing;
