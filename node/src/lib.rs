//! The council's node: a file becomes histories, histories become counts, counts are protected, and only then does
//! anything leave.

pub mod answer;
pub mod approval;
pub mod assemble;
pub mod audit;
pub mod budget;
pub mod clean;
pub mod cli;
pub mod config;
pub mod dial;
pub mod doctor;
pub mod history;
pub mod home;
pub mod import;
pub mod keep;
pub mod ledger;
pub mod local;
pub mod measures;
pub mod people;
pub mod policy;
pub mod protect;
pub mod quality;
pub mod row;
pub mod store;
pub mod tabulate;
