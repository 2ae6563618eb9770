//! The sums of a round to figures for its areas.
//!
//! England is the sum of the blocks that hold somebody's figures: a block none of whose councils is in the sums holds noise
//! alone. Each block has its own noise, so their variances add up.

use std::collections::BTreeSet;

use folkmoot_proto::disclosure::{Figure, Profile};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;

use super::figure::Estimate;
use super::{Asked, Table, areas, table};
use crate::scope::Level;
use crate::total::{Sums, Total};

/// Makes the table of a joint question.
pub fn merge_joint(asked: Asked<'_>, total: &Total) -> Table {
    let geography = Geography::built_in();
    let profile = asked.query.release().profile();
    let survivors = &total.facts.survivors;
    table(asked, survivors, |outline| {
        let blocks: Vec<&Sums> = total
            .blocks
            .iter()
            .filter(|block| match outline.level {
                Level::England => !block.councils.is_empty(),
                _ => block.ons_code == outline.ons_code(),
            })
            .collect();
        let present: BTreeSet<CouncilCode> = outline.members.intersection(survivors).copied().collect();
        let estimates = match profile {
            Some(profile) => {
                let adults = areas::residents(geography, &present).adults;
                shown(asked.layout, &blocks, profile, present.len(), adults)
            }
            None => noisy(asked.layout, &blocks, total, present.len()),
        };
        // Rounded already where it had to be.
        (estimates, false)
    })
}

/// Blocks with noise: cells off the grid, sums from cells, variances as often as noise went in.
fn noisy(layout: &Layout, blocks: &[&Sums], total: &Total, councils: usize) -> Vec<Estimate> {
    if councils == 0 {
        return vec![Estimate::default(); layout.len()];
    }
    let mut cells = vec![0_i64; layout.cells()];
    for block in blocks {
        for (to, from) in cells.iter_mut().zip(&block.figures) {
            *to = to.saturating_add(from.unwrap_or(0));
        }
    }
    let variance = total.facts.noise().powi(2) * blocks.len() as f64;
    let grid = total.facts.grid.max(1) as f64;
    let figures = layout.with_sums(&cells);
    (0..layout.len())
        .map(|figure| {
            let value = figures[figure] as f64 / grid;
            let added = layout.sum_of(figure).len() as f64;
            let parts = u32::try_from(councils).unwrap_or(u32::MAX);
            Estimate { value, lower: value, upper: value, variance: variance * added, parts, hidden: 0 }
        })
        .collect()
}

/// The one block of a suppressed question, hidden and rounded already. A hidden figure may have been hidden beside a
/// small one, so that nothing is said of its size.
fn shown(layout: &Layout, blocks: &[&Sums], profile: Profile, councils: usize, adults: u64) -> Vec<Estimate> {
    let [block] = blocks else { return vec![Estimate::default(); layout.len()] };
    if councils == 0 {
        return vec![Estimate::default(); layout.len()];
    }
    let most = adults.max(1) as f64;
    (0..layout.len())
        .map(|figure| match block.figures.get(figure).copied().flatten() {
            Some(value) => {
                let (lower, upper) = match profile {
                    Profile::Hospital => {
                        let bounds = profile.bounds(Figure::Shown(value), false, 0);
                        (bounds.lower as f64, bounds.upper as f64)
                    }
                    Profile::Ascof => ((value - 2).max(0) as f64, (value + 2) as f64),
                };
                // One part: what is hidden is hidden, and not filled in from other areas.
                Estimate { value: value as f64, lower, upper, variance: 0.0, parts: 1, hidden: 0 }
            }
            None => Estimate { value: 0.0, lower: 0.0, upper: most, variance: 0.0, parts: 1, hidden: 1 },
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::merge::{Cell, Number, Statistic};
    use crate::plan::Plan;
    use crate::release::tests::plan;
    use crate::testing;
    use folkmoot_proto::privacy::Rho;
    use folkmoot_proto::query::Release;
    use folkmoot_proto::wire::v1 as wire;

    /// Five councils of the North East, three of Yorkshire, two of the South West.
    const COUNCILS: [&str; 10] = ["104", "106", "107", "108", "109", "204", "205", "206", "902", "905"];
    const MALE: &str = "age_band=18 to 64;gender=Male";

    fn planned(release: Release) -> Plan {
        let (query, _) = testing::question("2E", None, release);
        plan(&query, &COUNCILS, wire::Level::Region)
    }

    fn merged(plan: &Plan, total: &Total) -> Table {
        let asked =
            Asked { query: plan.query(), layout: plan.layout(), scope: plan.scope(), councils: plan.councils() };
        merge_joint(asked, total)
    }

    fn cell(table: &Table, area: &str, component: &str) -> Cell {
        let place = table
            .rows
            .iter()
            .position(|row| row.group() == MALE && row.statistic == Statistic::Count && row.component == component)
            .unwrap();
        table.areas.iter().find(|found| found.name == area).unwrap().cells[place]
    }

    fn numbers(cell: Cell) -> (Option<f64>, Option<f64>, Option<f64>, Option<f64>) {
        let get = |number: Option<Number>| number.map(Number::get);
        (get(cell.value), get(cell.lower), get(cell.upper), get(cell.margin))
    }

    #[test]
    fn one_dose_of_noise_a_block_and_fractions_of_a_count() {
        let plan = planned(Release::JointPrivate(Rho::parse("0.005").unwrap()));
        let cells = |yes, no| {
            let mut cells = vec![Some(0); plan.layout().cells()];
            (cells[0], cells[1]) = (Some(yes), Some(no));
            cells
        };
        // Grid 2: 601 units are 300.5 people. sigma 10. By code: the South West after Yorkshire after the North East.
        let (north, york, south) = (cells(601, 201), cells(200, 100), cells(80, 40));
        let total = testing::total(&plan, &[&north, &york, &south], 10_000_000_000);
        let table = merged(&plan, &total);
        assert_eq!(numbers(cell(&table, "North East", "yes")), (Some(300.5), Some(280.5), Some(320.5), Some(20.0)));
        // Three blocks: 1.96 x 10 x sqrt(3) = 33.9 -> 34.
        assert_eq!(numbers(cell(&table, "England", "yes")), (Some(440.5), Some(406.5), Some(474.5), Some(34.0)));
        assert_eq!(table.areas.len(), 4);
    }

    #[test]
    fn a_block_of_which_nobody_is_left_brings_no_noise_into_england() {
        let plan = planned(Release::JointPrivate(Rho::parse("0.005").unwrap()));
        let cells = |yes| {
            let mut cells = vec![Some(0); plan.layout().cells()];
            cells[0] = Some(yes);
            cells
        };
        let (north, york, noise) = (cells(600), cells(200), cells(-37));
        let mut total = testing::total(&plan, &[&north, &york, &noise], 10_000_000_000);
        for gone in std::mem::take(&mut total.blocks[2].councils) {
            total.facts.survivors.remove(&gone);
        }
        // Two blocks, with the shares of eight of ten: 1.96 x 10 x sqrt(2 x 8/10) = 24.8 -> 25.
        let table = merged(&plan, &total);
        assert_eq!(numbers(cell(&table, "England", "yes")), (Some(400.0), Some(375.0), Some(425.0), Some(25.0)));
    }
}
