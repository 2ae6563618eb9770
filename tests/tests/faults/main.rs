//! What goes wrong in real life, done to real processes: each test kills, cuts, copies, edits or fills up one thing, and looks
//! at what the programs say and hold afterwards. Nothing here waits for a guessed time: every moment is one that can be seen
//! from outside.

#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod tools;

mod audit;
mod clocks;
mod copies;
mod disk;
mod keeping;
mod killed;
mod rounds;
mod whole;
