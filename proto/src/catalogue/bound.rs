//! How much one person can change an answer, and what of a question decides it.

use super::{Measure, Settings};

/// How much one person's records can change one answer of one council, whatever those records are.
///
/// The node enforces it before a private answer (surplus contributions are dropped by a keyed order that looks only at
/// that person), so it is a fact about the answer and not a hope about the data. Neighbouring: all records of one
/// person in one council added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The most contributions of one person.
    pub contributions: u32,
    /// The largest single contribution, in the measure's unit.
    pub amount: u64,
    /// The most that the contributions of one person may add up to.
    pub total: u64,
    /// The most that they may add up to in one cell.
    pub per_cell: u64,
}

impl Bound {
    /// One person, one cell, by one.
    pub const ONE: Self = Self { contributions: 1, amount: 1, total: 1, per_cell: 1 };

    /// At most `contributions` contributions of one each, which may all fall into the same cell.
    pub const fn events(contributions: u32) -> Self {
        let total = contributions as u64;
        Self { contributions, amount: 1, total, per_cell: total }
    }

    /// At most `cells` different cells, by one each.
    pub const fn cells(cells: u32) -> Self {
        Self { contributions: cells, amount: 1, total: cells as u64, per_cell: 1 }
    }

    /// A sum of at most `total`, spread over at most `contributions` cells in any way.
    pub const fn sum(contributions: u32, total: u64) -> Self {
        Self { contributions, amount: total, total, per_cell: total }
    }

    /// L1 sensitivity.
    pub const fn l1(self) -> u64 {
        self.total
    }

    /// Square of the L2 sensitivity: the worst spread of `total` over cells of at most `per_cell`.
    pub const fn l2_squared(self) -> u128 {
        let (total, per_cell) = (self.total as u128, self.per_cell as u128);
        if per_cell == 0 {
            return 0;
        }
        let (full, rest) = (total / per_cell, total % per_cell);
        full * per_cell * per_cell + rest * rest
    }
}

/// What of a question decides how much one person can change the answer.
pub struct Asked<'a> {
    /// The measure.
    pub measure: &'static Measure,
    /// Its settings.
    pub settings: &'a Settings,
    /// Places in the measure's dimensions that the figures are broken down by.
    pub by: &'a [usize],
    /// Places in the measure's dimensions with the categories that filters keep.
    pub filters: &'a [(usize, Vec<usize>)],
}

impl Asked<'_> {
    /// True when the figures stand apart by this dimension.
    pub fn is_by(&self, dimension: &str) -> bool {
        self.by.iter().any(|&place| self.measure.dimensions[place].name == dimension)
    }

    /// True when the filters keep this category of this dimension.
    pub fn keeps(&self, dimension: &str, category: usize) -> bool {
        let filter = self.filters.iter().find(|(place, _)| self.measure.dimensions[*place].name == dimension);
        filter.is_none_or(|(_, kept)| kept.contains(&category))
    }
}
