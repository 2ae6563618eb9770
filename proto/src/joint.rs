//! What the vector of a joint question looks like, worked out by both sides from the question and the areas alone.
//!
//! ```text
//! Query + Areas -> Joint: blocks x (cells, then contributor flags where the sum is suppressed)
//! ```
//!
//! **Shape**: block `b` is elements `b * per_block() .. (b + 1) * per_block()`. A council fills the block that holds it
//! and writes zero elsewhere. In a private question every council adds noise to every block, so that nobody can tell
//! from the noise who was in which.

use std::collections::BTreeSet;
use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use crate::codelist;
use crate::geography::{ENGLAND, Geography};
use crate::ids::{BoardCode, CouncilCode};
use crate::layout::Layout;
use crate::privacy::Rho;
use crate::query::{self, Canonical, Query, Release};
use crate::question::Question;
use crate::round::{Mandate, Mechanism, Plan};

/// The most people that one council is taken to hold records of, for the room its counts need in the ring: nearly twice
/// the residents of the largest.
pub const MOST_PEOPLE: u64 = 1 << 21;

/// Fewest councils whose exact sum may be opened: with two, each could work out the other's.
pub const LEAST_SUMMED: usize = 3;

/// The areas that a joint question is asked for, all in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Areas {
    /// All councils of the round together.
    England,
    /// The nine regions.
    Regions,
    /// Every board of a structure.
    Boards(String),
    /// One board of a structure.
    Board(String, BoardCode),
}

impl fmt::Display for Areas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::England => f.write_str("england"),
            Self::Regions => f.write_str("regions"),
            Self::Boards(structure) => write!(f, "boards {structure}"),
            Self::Board(structure, board) => write!(f, "board {structure} {board}"),
        }
    }
}

/// One area of a joint question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Office for National Statistics code.
    pub ons_code: String,
    /// The councils that the area is made of.
    pub members: BTreeSet<CouncilCode>,
}

impl Areas {
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let geography = Geography::built_in();
        match words.as_slice() {
            ["england"] => Some(Self::England),
            ["regions"] => Some(Self::Regions),
            ["boards", structure] => {
                geography.structure(structure).map(|structure| Self::Boards(structure.version.to_owned()))
            }
            ["board", structure, board] => {
                let board = BoardCode::parse(board).ok()?;
                let structure = geography.structure(structure).filter(|structure| structure.board(&board).is_some())?;
                Some(Self::Board(structure.version.to_owned(), board))
            }
            _ => None,
        }
    }

    /// The areas in the order of their blocks: by code.
    pub fn blocks(&self) -> Vec<Block> {
        let geography = Geography::built_in();
        let boards = |version: &str, only: Option<&BoardCode>| {
            let mut blocks: Vec<Block> = geography
                .structure(version)
                .into_iter()
                .flat_map(|structure| {
                    structure.boards().filter(|board| only.is_none_or(|only| *only == board.code)).map(|board| Block {
                        ons_code: board.ons_code.clone(),
                        members: structure.members(&board.code),
                    })
                })
                .collect();
            blocks.sort_by(|a, b| a.ons_code.cmp(&b.ons_code));
            blocks
        };
        match self {
            Self::England => {
                let members = geography.councils().map(|council| council.code).collect();
                vec![Block { ons_code: ENGLAND.to_owned(), members }]
            }
            Self::Regions => {
                let mut blocks: std::collections::BTreeMap<String, BTreeSet<CouncilCode>> = Default::default();
                for council in geography.councils() {
                    blocks.entry(council.region_code.clone()).or_default().insert(council.code);
                }
                blocks.into_iter().map(|(ons_code, members)| Block { ons_code, members }).collect()
            }
            Self::Boards(structure) => boards(structure, None),
            Self::Board(structure, board) => boards(structure, Some(board)),
        }
    }
}

/// Why a question has no joint form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layout is too large.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// Not a joint release kind.
    #[error("{0} figures are not asked for in a round")]
    Kind(&'static str),
    /// Blocks and cells together are more than a round carries.
    #[error(
        "{blocks} areas of {cells} figures are more than one round carries ({most}): ask for fewer areas or leave a \
         breakdown out"
    )]
    TooLong {
        /// Areas.
        blocks: usize,
        /// Elements of each.
        cells: usize,
        /// The most elements of a round.
        most: u32,
    },
    /// The bound of the measure does not fit into the protocol's numbers.
    #[error("what one person can change in this measure is too much for a round")]
    Bound,
    /// Suppressed sums of areas beside each other could be subtracted.
    #[error(
        "suppressed sums are given for England or for one board: figures of several areas at once could be subtracted \
         from one another; ask for joint-private figures instead"
    )]
    SeveralAreas,
}

/// The vector of a joint question.
#[derive(Clone, Debug)]
pub struct Joint {
    layout: Layout,
    areas: Areas,
    blocks: Vec<Block>,
    flags: bool,
    release: Release,
    d1: u64,
    d2_squared: u64,
    max_cell: u64,
}

impl Joint {
    /// Lays a joint question out over areas.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of(query: &Query, areas: &Areas) -> Result<Self, Error> {
        let release = query.release();
        if !release.is_joint() {
            return Err(Error::Kind(release.word()));
        }
        let flags = matches!(release, Release::JointSuppressed(_));
        if flags && !matches!(areas, Areas::England | Areas::Board(..)) {
            return Err(Error::SeveralAreas);
        }
        let layout = Layout::of(query)?;
        let bound = query.bound();
        let d2_squared = u64::try_from(bound.l2_squared()).map_err(|_| Error::Bound)?;
        let max_cell = bound.per_cell.checked_mul(MOST_PEOPLE).ok_or(Error::Bound)?;
        let blocks = areas.blocks();
        let joint = Self { layout, areas: areas.clone(), blocks, flags, release, d1: bound.l1(), d2_squared, max_cell };
        let most = crate::round::parameters::MAX_CELLS;
        if joint.is_empty() || joint.len() > most as usize {
            return Err(Error::TooLong { blocks: joint.blocks.len(), cells: joint.per_block(), most });
        }
        Ok(joint)
    }

    /// The layout of one block's cells.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The areas.
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Whether a flag for each cell follows the cells: 1 when the council counted anybody there.
    pub fn has_flags(&self) -> bool {
        self.flags
    }

    /// Elements of a block.
    pub fn per_block(&self) -> usize {
        if self.flags { 2 * self.layout.cells() } else { self.layout.cells() }
    }

    /// Elements of the vector.
    pub fn len(&self) -> usize {
        self.blocks.len() * self.per_block()
    }

    /// True when there is none (never for one that was laid out).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The block that holds a council, if one does.
    pub fn block_of(&self, council: CouncilCode) -> Option<usize> {
        self.blocks.iter().position(|block| block.members.contains(&council))
    }

    /// SHA-256 over the areas, their councils and the layout of a block.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Canonical::new("folkmoot/joint/1");
        bytes.text(&self.areas.to_string()).bytes(&self.layout.digest()).number(u64::from(self.flags));
        for block in &self.blocks {
            bytes.text(&block.ons_code).number(block.members.len() as u64);
            for council in &block.members {
                bytes.text(council.as_str());
            }
        }
        Sha256::digest(bytes.finish()).into()
    }

    /// What the round's envelope says of the vector, for a floor of `honest` councils whose noise is counted on.
    ///
    /// The noise is wider than the price asks for by less than one part in ten million, so that rounding in anybody's
    /// own reckoning of the price never passes it. `None` when no noise of this price can be stated.
    pub fn plan(&self, honest: u16) -> Option<Plan> {
        let (mechanism, rho_nano, sigma_nano, grid) = match self.release.rho() {
            Some(rho) => {
                let exact = Plan::sigma_for(self.d2_squared, rho.nano())?;
                let sigma = exact.checked_add(exact >> 26)?.checked_add(1)?;
                (Mechanism::DiscreteGaussian, rho.nano(), sigma, Plan::grid_for(sigma, honest)?)
            }
            None => (Mechanism::Exact, 0, 0, 1),
        };
        Some(Plan {
            layout: self.digest(),
            blocks: u32::try_from(self.blocks.len()).ok()?,
            cells_per_block: u32::try_from(self.per_block()).ok()?,
            grid,
            mechanism,
            max_cell: self.max_cell,
            d1: self.d1,
            d2_squared: self.d2_squared,
            rho_nano,
            sigma_nano,
        })
    }
}

/// What one council's share and the sum of `honest` shares protect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Standard deviation of one share, in grid units.
    pub sigma: f64,
    /// L2 sensitivity of the scaled vector to one person, in grid units.
    pub l2: f64,
    /// Loss of the sum when only `honest` shares are counted on: the price.
    pub sum: Rho,
    /// Loss should everybody else collude: one share alone protects.
    pub alone: Rho,
}

/// The privacy map of a round's noise, rounded up; `None` when a number is out of reach.
///
/// **Guarantee**: with `h` honest shares of scale `s >= 1/sqrt(2)` on the grid, the sum is rho-zCDP with
/// `rho = (g * D2 / (sqrt(h) * s) + sqrt(d) * tau)^2 / 2`, `tau = 10 * sum over k < h of exp(-2 pi^2 s^2 k / (k + 1))`.
///
/// **Source**: Kairouz, Liu and Steinke 2021 (arXiv:2102.06387), the distributed discrete Gaussian.
pub fn shares(plan: &Plan, honest: u16) -> Option<Shares> {
    let h = f64::from(honest.max(1));
    let grid = plan.grid as f64;
    let sigma = grid * (plan.sigma_nano as f64 / 1e9) / h.sqrt();
    if !(sigma.is_finite() && sigma * sigma >= 0.5) {
        return None;
    }
    let l2 = grid * (plan.d2_squared as f64).sqrt();
    let tau: f64 = (1..honest)
        .map(|k| {
            let k = f64::from(k);
            (-2.0 * std::f64::consts::PI.powi(2) * sigma * sigma * k / (k + 1.0)).exp()
        })
        .sum::<f64>()
        * 10.0;
    let cells = f64::from(plan.blocks) * f64::from(plan.cells_per_block);
    let sum = 0.5 * (l2 / (h.sqrt() * sigma) + cells.sqrt() * tau).powi(2);
    // One part in 10^9 for the arithmetic of a float, far above its error and far below a billionth of any price.
    let alone = 0.5 * (l2 / sigma).powi(2) * (1.0 + 1e-9);
    Some(Shares { sigma, l2, sum: Rho::rounded_up(sum)?, alone: Rho::rounded_up(alone)? })
}

/// The text about lists and areas in a round's envelope.
pub fn lists_text(areas: &Areas) -> String {
    format!("{}; {areas}", codelist::VERSION)
}

/// The text about period and data in a round's envelope.
pub fn period_text(query: &Query) -> String {
    let as_of = query.data().as_of.map_or("unset".to_owned(), |day| day.to_string());
    format!("{} to {}, data as of {as_of}", query.period().first(), query.period().last())
}

/// The areas of an envelope whose code lists are ours.
pub fn areas_of(text: &str) -> Option<Areas> {
    let (lists, areas) = text.split_once("; ")?;
    (lists == codelist::VERSION).then(|| Areas::parse(areas)).flatten()
}

/// The analyst's mandate for a round, without its signature: the whole statement of the question, purpose and lawful
/// basis included.
fn unsigned(question: &Question) -> Mandate {
    Mandate {
        query_id: *question.id().as_bytes(),
        query: question.statement(),
        analyst: question.analyst().to_string(),
        asked_until: u64::try_from(question.expires()).unwrap_or(0),
        signature: [0; 64],
    }
}

/// The mandate with the signature that the analyst gave.
pub fn mandate(question: &Question, signature: [u8; 64]) -> Mandate {
    Mandate { signature, ..unsigned(question) }
}

/// The analyst's signature that lets a question be asked in rounds.
pub fn sign_mandate(question: &Question, key: &SigningKey) -> [u8; 64] {
    key.sign(&unsigned(question).signed_bytes()).to_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::disclosure::Profile;
    use crate::period::ReferencePeriod;
    use crate::query::DataRule;

    fn query(release: Release) -> Query {
        let period = ReferencePeriod::inclusive("2024-04-01".parse().unwrap(), "2025-03-31".parse().unwrap()).unwrap();
        Query::new("2E", period, None, &[], &[], DataRule::default(), release).unwrap()
    }

    #[test]
    fn every_council_is_in_one_block_of_each_family() {
        for areas in
            [Areas::England, Areas::Regions, Areas::Boards("icb-2022".into()), Areas::Boards("icb-2026".into())]
        {
            assert_eq!(Areas::parse(&areas.to_string()), Some(areas.clone()));
            let blocks = areas.blocks();
            for council in Geography::built_in().councils() {
                let holding = blocks.iter().filter(|block| block.members.contains(&council.code)).count();
                assert_eq!(holding, 1, "{areas} {}", council.code);
            }
        }
        assert_eq!(Areas::Regions.blocks().len(), 9);
        assert_eq!(Areas::parse("boards icb-1999"), None);
        assert_eq!(areas_of(&lists_text(&Areas::Regions)), Some(Areas::Regions));
        assert_eq!(areas_of("other; regions"), None);
    }

    #[test]
    fn the_price_is_the_map_of_the_honest_floor() {
        for nano in [1_000, 5_000_000, 20_000_000, 500_000_000] {
            let rho = Rho::from_nano(nano).unwrap();
            let joint = Joint::of(&query(Release::JointPrivate(rho)), &Areas::Boards("icb-2022".into())).unwrap();
            for honest in [2_u16, 7, 130] {
                let plan = joint.plan(honest).unwrap();
                let shares = shares(&plan, honest).unwrap();
                assert!(
                    shares.sum <= rho && shares.sum.nano() + 1 + nano / 10_000_000 >= nano,
                    "{nano} {honest}: {}",
                    shares.sum.nano()
                );
                assert!(shares.sigma >= 2.5);
                let expected = nano as f64 * f64::from(honest);
                assert!((shares.alone.nano() as f64 / expected - 1.0).abs() < 1e-3, "h times the price");
            }
        }
    }

    #[test]
    fn suppressed_sums_carry_flags_and_no_noise_and_no_overlapping_areas() {
        let query = query(Release::JointSuppressed(Profile::Hospital));
        let joint = Joint::of(&query, &Areas::England).unwrap();
        assert_eq!(joint.len(), 2 * joint.layout().cells());
        let plan = joint.plan(4).unwrap();
        assert_eq!((plan.grid, plan.sigma_nano, plan.rho_nano, plan.mechanism), (1, 0, 0, Mechanism::Exact));
        assert!(matches!(Joint::of(&query, &Areas::Regions), Err(Error::SeveralAreas)));
    }
}
