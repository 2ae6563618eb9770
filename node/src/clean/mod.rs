//! From a cell's text to a value of the closed lists, a day, an amount or an identifier; and what was wrong with it.
//!
//! ```text
//! record of the file -> Cleaner -> Record (values, verdicts) -> applicability -> national status and result codes
//!                                                          \-> crossfield, consistency -> findings
//! ```
//!
//! Read [`record`] first: it says what happens to each kind of column. [`lists`] holds the matching of list values,
//! [`rule`] what every finding means and how to put it right.

pub mod applicability;
pub mod cells;
pub mod consistency;
pub mod crossfield;
pub mod dates;
pub mod fold;
pub mod identifiers;
pub mod lists;
pub mod numbers;
pub mod record;
pub mod rule;
pub mod verdict;
