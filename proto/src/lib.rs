//! What councils and coordinator must agree on: words, codes, layouts, the protocol; no sockets, files, clock or
//! randomness of its own.
//!
//! ```text
//! wire::Query -> query::Query -> layout::Layout          what is asked, and where each figure will stand
//!                     |
//!                catalogue, codelist, period, geography   the closed lists behind it
//!                privacy, disclosure                      what a figure costs, what is hidden
//!                reason                                   every refusal
//! ```
//!
//! Reading order: [`catalogue`], [`query`], [`layout`], then [`disclosure`] and [`privacy`].

pub mod catalogue;
pub mod codelist;
pub mod disclosure;
pub mod floor;
pub mod geography;
pub mod governance;
pub mod identity;
pub mod ids;
pub mod joint;
pub mod layout;
pub mod limits;
pub mod period;
pub mod privacy;
pub mod query;
pub mod question;
pub mod reason;
pub mod receipt;
pub mod recovery;
pub mod registry;
pub mod ring;
pub mod round;
pub mod text;
pub mod version;
pub mod wire;
