//! What councils and coordinator must agree on: words, codes, layouts, the protocol; no sockets, files, clock or
//! randomness of its own.

pub mod codelist;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod period;
