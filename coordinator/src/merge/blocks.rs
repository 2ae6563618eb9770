//! Sums that a round gave, by block, to figures for boards, regions and England.
//!
//! A block is an area of the plan's finest level; each council filled its own block and zero elsewhere. No figure of a
//! single council exists here: what comes in is a sum, with one dose of noise or exact and then suppressed.

use std::collections::BTreeSet;

use folkmoot_proto::disclosure::{Bounds, Figure, Profile};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;

use super::areas::Outline;
use super::figure::Estimate;
use super::{Asked, Level, Table, areas, table};
use crate::plan::Plan;

/// An area that a round sums over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Office for National Statistics code of the area.
    pub ons_code: String,
    /// The councils asked whose vectors fill it.
    pub councils: BTreeSet<CouncilCode>,
}

/// The blocks of a plan, in the order in which a round's vector holds them. Every council asked is in exactly one.
pub fn blocks(plan: &Plan) -> Vec<Block> {
    let finest = finest(plan.scope().levels());
    areas::areas(Geography::built_in(), plan.scope(), plan.councils())
        .into_iter()
        .filter(|area| Some(area.level) == finest)
        .map(|area| Block { ons_code: area.ons_code().to_owned(), councils: area.members })
        .collect()
}

/// The finest level whose areas do not name single councils.
fn finest(levels: &[Level]) -> Option<Level> {
    levels.iter().copied().rfind(|level| *level != Level::Council)
}

/// Councils that must be in an exact sum before it is shown, so that no partner can subtract itself and find another.
const LEAST_CONTRIBUTORS: usize = 3;

/// Why what a round gave does not fit its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumsError {
    /// Too few or too many blocks, or cells in a block.
    #[error("the sums have another shape than the plan")]
    Shape,
    /// A council that was not asked.
    #[error("a council contributed that was not asked")]
    Contributors,
    /// Noise where exact sums were asked for, none where noise was, or a grid of zero.
    #[error("the sums' grid or noise does not go with the protection asked for")]
    Noise,
}

/// What a round came to.
///
/// # Shape
/// `blocks()[b][c]` is the sum of cell `c` over the councils of block `b`, in units of 1/`grid()` of a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    contributed: BTreeSet<CouncilCode>,
    grid: u64,
    sigma_nano: u64,
    blocks: Vec<Vec<i64>>,
}

impl Sums {
    /// Checks a round's sums against the plan that they answer. `sigma_nano` is the standard deviation of the noise in one
    /// cell of one block, all shares together, in billionths of a count; 0 for exact sums.
    ///
    /// # Errors
    /// [`SumsError`].
    pub fn new(
        plan: &Plan,
        contributed: BTreeSet<CouncilCode>,
        grid: u64,
        sigma_nano: u64,
        blocks: Vec<Vec<i64>>,
    ) -> Result<Self, SumsError> {
        let cells = plan.layout().cells();
        if blocks.len() != self::blocks(plan).len() || blocks.iter().any(|block| block.len() != cells) {
            return Err(SumsError::Shape);
        }
        if !contributed.is_subset(plan.councils()) {
            return Err(SumsError::Contributors);
        }
        let noisy = plan.query().release().rho().is_some();
        if grid == 0 || noisy != (sigma_nano > 0) || (!noisy && grid != 1) {
            return Err(SumsError::Noise);
        }
        Ok(Self { contributed, grid, sigma_nano, blocks })
    }

    /// The councils whose vectors are in the sums.
    pub fn contributed(&self) -> &BTreeSet<CouncilCode> {
        &self.contributed
    }

    /// Units to a count.
    pub fn grid(&self) -> u64 {
        self.grid
    }

    /// Standard deviation of the noise in one cell of one block, in billionths of a count.
    pub fn sigma_nano(&self) -> u64 {
        self.sigma_nano
    }

    /// The sums.
    pub fn blocks(&self) -> &[Vec<i64>] {
        &self.blocks
    }
}

/// Merges what a round gave.
///
/// # Guarantee
/// Exact sums are shown only where at least three councils contributed, suppressed and rounded as the profile says. Where
/// one area alone is below that, the area with the fewest contributors is hidden beside it, so that England minus the
/// others does not give it away.
pub fn merge_sums(asked: Asked<'_>, sums: &Sums) -> Table {
    let outlines = areas::areas(Geography::built_in(), asked.scope, asked.councils);
    let finest = finest(asked.scope.levels());
    let blocks: Vec<(&Outline, &Vec<i64>)> =
        outlines.iter().filter(|area| Some(area.level) == finest).zip(&sums.blocks).collect();
    let contributors = |members: &BTreeSet<CouncilCode>| members.intersection(&sums.contributed).count();
    let profile = asked.query.release().profile();
    let withheld = if profile.is_some() { withheld(&blocks, contributors) } else { BTreeSet::new() };
    let variance = {
        let claimed = sums.sigma_nano as f64 / 1e9;
        let paid = asked.query.release().rho().map_or(0.0, |rho| rho.sigma(asked.query.bound().l2_squared()));
        // Never less noise than the price pays for.
        claimed.max(paid).powi(2)
    };
    let added: Vec<usize> = (0..asked.layout.len()).map(|figure| asked.layout.sum_of(figure).len()).collect();
    table(asked, &sums.contributed, |area| {
        let mut cells = vec![0; asked.layout.cells()];
        let mut held = 0;
        for (_, block) in blocks.iter().filter(|(block, _)| block.members.is_subset(&area.members)) {
            held += 1;
            for (total, value) in cells.iter_mut().zip(block.iter()) {
                *total += value;
            }
        }
        let figures = asked.layout.with_sums(&cells);
        let parts = contributors(&area.members);
        let estimates = match profile {
            None => figures
                .iter()
                .zip(&added)
                .map(|(&units, &added)| {
                    let value = units as f64 / sums.grid as f64;
                    let variance = variance * held as f64 * added as f64;
                    Estimate { value, lower: value, upper: value, variance, parts: parts as u32, hidden: 0 }
                })
                .collect(),
            Some(profile) => {
                let hide = parts < LEAST_CONTRIBUTORS || withheld.contains(area.ons_code());
                exact(profile, asked, &figures, parts, hide)
            }
        };
        (estimates, false)
    })
}

/// Areas whose exact sums are not shown.
fn withheld(
    blocks: &[(&Outline, &Vec<i64>)],
    contributors: impl Fn(&BTreeSet<CouncilCode>) -> usize,
) -> BTreeSet<String> {
    let counts: Vec<(usize, &str)> = blocks
        .iter()
        .map(|(area, _)| (contributors(&area.members), area.ons_code()))
        .filter(|(count, _)| *count > 0)
        .collect();
    let mut hidden: BTreeSet<String> =
        counts.iter().filter(|(count, _)| *count < LEAST_CONTRIBUTORS).map(|(_, code)| (*code).to_owned()).collect();
    if hidden.len() == 1
        && let Some((_, code)) = counts.iter().filter(|(count, _)| *count >= LEAST_CONTRIBUTORS).min()
    {
        hidden.insert((*code).to_owned());
    }
    hidden
}

/// Exact sums of one area after suppression and rounding. One part, so that a hidden half hides what is made of it.
fn exact(profile: Profile, asked: Asked<'_>, figures: &[i64], parts: usize, hide: bool) -> Vec<Estimate> {
    let layout = asked.layout;
    let ratio = layout.components().len() == 2;
    let shown = |figure: usize| match profile {
        _ if hide => Figure::Hidden,
        // Numerator and denominator together would give a small half away.
        Profile::Ascof if ratio => {
            let pair = [0, 1].map(|component| figures[layout.with_component(figure, component)]);
            if pair.iter().any(|count| *count < 5) { Figure::Hidden } else { profile.area(figures[figure]) }
        }
        _ => profile.area(figures[figure]),
    };
    let adults = areas::residents(Geography::built_in(), asked.councils).adults.max(1) as i64;
    (0..figures.len())
        .map(|figure| {
            let figure = shown(figure);
            let bounds = match (figure, profile) {
                (Figure::Hidden, _) if hide => Bounds { lower: 0, upper: adults },
                (Figure::Shown(value), Profile::Ascof) => Bounds { lower: (value - 2).max(5), upper: value + 2 },
                (figure, profile) => profile.bounds(figure, ratio, adults),
            };
            Estimate {
                value: figure.shown().unwrap_or(0) as f64,
                lower: bounds.lower as f64,
                upper: bounds.upper as f64,
                variance: 0.0,
                parts: u32::from(parts > 0),
                hidden: u32::from(figure == Figure::Hidden),
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::merge::{Cell, Number, Statistic, Status};
    use crate::release::tests::plan;
    use crate::testing;
    use folkmoot_proto::privacy::Rho;
    use folkmoot_proto::query::Release;
    use folkmoot_proto::wire::v1 as wire;

    /// Five councils of the North East, three of Yorkshire, two of the South West.
    const COUNCILS: [&str; 10] = ["104", "106", "107", "108", "109", "204", "205", "206", "902", "905"];
    const MALE: &str = "age_band=18 to 64;gender=Male";

    fn planned(release: Release, all: &[&str]) -> Plan {
        let (query, _) = testing::question("2E", None, release);
        plan(&query, all, wire::Level::Region)
    }

    fn merged(plan: &Plan, sums: &Sums) -> Table {
        let asked =
            Asked { query: plan.query(), layout: plan.layout(), scope: plan.scope(), councils: plan.councils() };
        merge_sums(asked, sums)
    }

    fn cell(table: &Table, area: &str, statistic: Statistic, component: &str) -> Cell {
        let place = table
            .rows
            .iter()
            .position(|row| row.group() == MALE && row.statistic == statistic && row.component == component)
            .unwrap();
        table.areas.iter().find(|found| found.name == area).unwrap().cells[place]
    }

    fn numbers(cell: Cell) -> (Option<f64>, Option<f64>, Option<f64>, Option<f64>) {
        let get = |number: Option<Number>| number.map(Number::get);
        (get(cell.value), get(cell.lower), get(cell.upper), get(cell.margin))
    }

    fn vectors(plan: &Plan, yes: &[i64], no: &[i64]) -> Vec<Vec<i64>> {
        yes.iter()
            .zip(no)
            .map(|(yes, no)| {
                let mut cells = vec![0; plan.layout().cells()];
                (cells[0], cells[1]) = (*yes, *no);
                cells
            })
            .collect()
    }

    fn all(codes: &[&str]) -> BTreeSet<CouncilCode> {
        codes.iter().map(|code| testing::council(code)).collect()
    }

    #[test]
    fn every_council_is_in_one_block() {
        let plan = planned(Release::JointSuppressed(Profile::Hospital), &COUNCILS);
        let blocks = blocks(&plan);
        assert_eq!(blocks.len(), 3);
        let members: Vec<_> = blocks.iter().flat_map(|block| &block.councils).copied().collect();
        assert_eq!(members.len(), COUNCILS.len());
        assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), all(&COUNCILS));
    }

    #[test]
    fn one_dose_of_noise_a_block_and_fractions_of_a_count() {
        let plan = planned(Release::JointPrivate(Rho::parse("0.005").unwrap()), &COUNCILS);
        // Grid 2: 601 units are 300.5 people. sigma 10.
        let blocks = vectors(&plan, &[601, 200, 80], &[201, 100, 40]);
        let sums = Sums::new(&plan, all(&COUNCILS), 2, 10_000_000_000, blocks).unwrap();
        let table = merged(&plan, &sums);
        let region = cell(&table, "North East", Statistic::Count, "yes");
        assert_eq!(numbers(region), (Some(300.5), Some(280.5), Some(320.5), Some(20.0)));
        // Three blocks: 1.96 x 10 x sqrt(3) = 33.9 -> 34.
        let england = cell(&table, "England", Statistic::Count, "yes");
        assert_eq!(numbers(england), (Some(440.5), Some(406.5), Some(474.5), Some(34.0)));
        assert_eq!(table.areas.len(), 4);
    }

    #[test]
    fn exact_sums_are_suppressed_rounded_and_need_three_councils() {
        let plan = planned(Release::JointSuppressed(Profile::Hospital), &COUNCILS);
        let sums = Sums::new(&plan, all(&COUNCILS), 1, 0, vectors(&plan, &[303, 101, 41], &[7, 52, 20])).unwrap();
        let table = merged(&plan, &sums);
        // Two councils in the South West; Yorkshire, with the fewest of the others, is hidden beside it.
        for area in ["South West", "Yorkshire and The Humber"] {
            let hidden = cell(&table, area, Statistic::Count, "yes");
            assert_eq!((hidden.status, hidden.value), (Status::Suppressed, None), "{area}");
        }
        assert_eq!(numbers(cell(&table, "North East", Statistic::Count, "yes")).0, Some(305.0));
        let small = cell(&table, "North East", Statistic::Count, "no");
        assert_eq!((small.status, numbers(small)), (Status::Suppressed, (None, Some(1.0), Some(7.0), None)));
        assert_eq!(cell(&table, "North East", Statistic::Percentage, "").value, None);
        let england = cell(&table, "England", Statistic::Count, "yes");
        assert_eq!(numbers(england), (Some(445.0), Some(443.0), Some(447.0), Some(2.0)));
    }

    #[test]
    fn a_small_half_of_a_ratio_hides_both_under_ascof() {
        let north = &COUNCILS[..5];
        let plan = planned(Release::JointSuppressed(Profile::Ascof), north);
        let sums = Sums::new(&plan, all(north), 1, 0, vectors(&plan, &[303], &[4])).unwrap();
        let table = merged(&plan, &sums);
        for component in ["yes", "no"] {
            assert_eq!(cell(&table, "North East", Statistic::Count, component).status, Status::Suppressed);
        }
    }

    #[test]
    fn sums_that_do_not_fit_their_plan_are_refused() {
        let plan = planned(Release::JointSuppressed(Profile::Hospital), &COUNCILS);
        let blocks = || vectors(&plan, &[1, 2, 3], &[1, 2, 3]);
        let two = blocks().into_iter().take(2).collect();
        assert_eq!(Sums::new(&plan, all(&COUNCILS), 1, 0, two), Err(SumsError::Shape));
        assert_eq!(Sums::new(&plan, all(&["503"]), 1, 0, blocks()), Err(SumsError::Contributors));
        assert_eq!(Sums::new(&plan, all(&COUNCILS), 1, 5, blocks()), Err(SumsError::Noise));
        assert_eq!(Sums::new(&plan, all(&COUNCILS), 2, 0, blocks()), Err(SumsError::Noise));
    }
}
