//! Protection: the only way from exact counts to something that may leave the council.
//!
//! ```text
//! CellCounts --suppress--> ProtectedCells     small numbers hidden, the rest rounded
//!            --Noise::add-> ProtectedCells    discrete Gaussian noise, drawn before the data was read
//! ```
//! Masked figures have their own room, `mask`.

mod noise;
mod suppress;

pub use noise::{Error as NoiseError, Noise, NoiseSource, OpenDp};
pub use suppress::suppress;

use folkmoot_proto::disclosure::Figure;

/// Figures of one council that may leave it: cells, then published sums, in layout order.
pub struct ProtectedCells {
    figures: Vec<Figure>,
    /// Marks of figures that are hidden though their number need not be small; empty when there are none.
    withheld: Vec<bool>,
    sigma: f64,
}

impl ProtectedCells {
    /// The figures. For noisy kinds they are raw: signed, never rounded or hidden.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// Whether a hidden figure's number need not be small: it is hidden for the few people behind it, or beside another.
    pub fn is_withheld(&self, figure: usize) -> bool {
        self.withheld.get(figure).copied().unwrap_or(false)
    }

    /// Standard deviation of the noise in each cell; 0 for suppressed kinds.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
}
