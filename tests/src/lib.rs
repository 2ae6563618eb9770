//! The test federation: what stands in for 153 councils' data, and the means to check what the product makes of it.
//!
//! ```text
//! generate:  seed + council code -> people -> lives -> events -> quarterly CLD files   (and what an exact reader finds)
//! truth:     the same files -> plain rows -> measures, by loops                          (the oracle)
//! rehearsal: real processes, those files, a question, and the answer beside the truth
//! ```
//!
//! Nothing depends on this package. The first two share no code with the product and none with each other, so that a mistake
//! in one place shows as a difference instead of agreeing with itself: `generate` writes release 2 labels from its own tables,
//! and `truth` reads CSV files as anybody would, from the published method alone.
//!
//! Reading order: [`generate`], [`truth`], [`rehearsal`].

pub mod generate;
pub mod rehearsal;
pub mod truth;
