//! The coordinator: councils link to it, analysts ask through it, and what it publishes was protected before it arrived or is a sum over many councils.

pub mod links;
pub mod server;
