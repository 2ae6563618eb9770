//! A council's file to stored rows.
pub mod columns;
