//! This council's part of a joint figure: its noise share first, then its bounded counts, scaled onto the noise's grid.
//!
//! ```text
//! Joint, Shares --OpenDP--> noise share for every block       drawn before any record is read
//! records -> histories -> CellCounts -> own block x g, zeros elsewhere
//!            both -> proto::round::node, which adds them under masks
//! ```
//!
//! # Guarantee
//! What leaves through here is masked: only the sum over all surviving councils can ever be read. In a private question
//! the sum is rho-zCDP for every person of this council with the price's rho, as long as at most the assumed number of
//! councils collude with the coordinator; should all others collude, the loss is that of this share alone, which policy
//! caps. Counts are cut to the measure's bound for that, and links to other people's records are not used.
//!
//! # Source
//! Kairouz, Liu and Steinke 2021 (arXiv:2102.06387); see [`folkmoot_proto::joint::shares`] for the map.

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{Joint, Shares};
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{self, Query};
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::round::node::Contribution;
use folkmoot_proto::round::witness::Seen;
use zeroize::Zeroizing;

use crate::assemble::Assembly;
use crate::protect::{NoiseError, NoiseSource};
use crate::tabulate::{self, Bounding};

/// Why this council's part cannot be made. Nothing has left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The sampler.
    #[error("drawing this council's noise share")]
    Noise(#[from] NoiseError),
    /// The sampler's own map says more than was reckoned before.
    #[error("this noise share alone costs rho {cost}, and {reckoned} was reckoned and allowed")]
    Dearer {
        /// What the sampler's map says.
        cost: f64,
        /// What policy agreed to.
        reckoned: Rho,
    },
    /// The records cannot be read, or are not those any more that were named when the price was put aside.
    #[error("assembling the histories: {0}")]
    Histories(Refusal),
    /// The layout.
    #[error("laying the question out")]
    Query(#[from] query::Error),
    /// Peers have seen entries of this council's ledger that it does not hold, or the ledger cannot be read.
    #[error("comparing what peers have kept of this council's ledger: {0}")]
    Witnessed(Refusal),
    /// More was asked for than the question has.
    #[error("the round has {found} cells, the question {expected}")]
    Length {
        /// Of the round.
        found: usize,
        /// Of the question.
        expected: usize,
    },
    /// A count that does not fit the round's grid.
    #[error("a count is too large for the round")]
    Range,
}

/// Where one round's contribution comes from.
pub struct Part<'a> {
    /// The vector.
    pub joint: &'a Joint,
    /// The question.
    pub query: &'a Query,
    /// Whose records.
    pub council: CouncilCode,
    /// Noise scale, in a private question.
    pub shares: Option<Shares>,
    /// Grid factor.
    pub grid: u64,
    /// The sampler.
    pub noise: &'a dyn NoiseSource,
    /// Assembles the histories: of the data that were named to the ledger, without those who opted out where that applies.
    pub histories: &'a dyn Fn() -> Result<Assembly, Refusal>,
    /// Looks for what peers have kept of this council's ledger in the ledger itself.
    pub witnessed: &'a dyn Fn(&[Seen]) -> Result<(), Refusal>,
    /// Secret that fixes which surplus contributions are dropped.
    pub bounding_key: &'a [u8; 32],
}

impl Contribution for Part<'_> {
    type Error = Error;

    fn witnessed(&mut self, seen: &[Seen]) -> Result<(), Error> {
        (self.witnessed)(seen).map_err(Error::Witnessed)
    }

    fn noise(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Error> {
        self.check_length(cells)?;
        let Some(shares) = self.shares else { return Err(Error::Length { found: cells, expected: 0 }) };
        let (draws, cost) = self.noise.draw(cells, shares.sigma, shares.l2)?;
        let draws = Zeroizing::new(draws);
        match Rho::rounded_up(cost) {
            Some(rho) if rho <= shares.alone => Ok(draws),
            _ => Err(Error::Dearer { cost, reckoned: shares.alone }),
        }
    }

    fn scaled_counts(&mut self, cells: usize) -> Result<Zeroizing<Vec<i64>>, Error> {
        self.check_length(cells)?;
        let mut vector = Zeroizing::new(vec![0_i64; cells]);
        // A council in no block answers nothing about its people: zeros, and in a private question its noise.
        let Some(block) = self.joint.block_of(self.council) else { return Ok(vector) };
        let assembly = (self.histories)().map_err(Error::Histories)?;
        let bounding = match self.shares {
            Some(_) => Bounding::Private { bound: self.query.bound(), key: self.bounding_key },
            None => Bounding::Official,
        };
        let (_, counts) = tabulate::tabulate(&assembly.histories, self.query, bounding)?;
        let grid = i64::try_from(self.grid).map_err(|_| Error::Range)?;
        let start = block * self.joint.per_block();
        let own = counts.cells();
        for (place, count) in own.iter().enumerate() {
            vector[start + place] = count.checked_mul(grid).ok_or(Error::Range)?;
            if self.joint.has_flags() {
                vector[start + own.len() + place] = i64::from(*count != 0);
            }
        }
        Ok(vector)
    }
}

impl Part<'_> {
    fn check_length(&self, cells: usize) -> Result<(), Error> {
        if cells == self.joint.len() {
            return Ok(());
        }
        Err(Error::Length { found: cells, expected: self.joint.len() })
    }
}
