//! The sums of a round to figures for its areas.
//!
//! England is the sum of the blocks. Each block has its own noise, so their variances add up.

use std::collections::BTreeSet;

use folkmoot_proto::disclosure::{Figure, Profile};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;

use super::figure::Estimate;
use super::{Asked, Level, Table, areas, recipe};
use crate::round::{Sums, Total};

/// Makes the table of a joint question.
pub fn merge_joint(asked: Asked<'_>, total: &Total) -> Table {
    let geography = Geography::built_in();
    let recipes = recipe::recipes(asked.query, asked.layout);
    let profile = asked.query.release().profile();
    let survivors = &total.facts.survivors;
    let areas = areas::areas(geography, asked.scope, asked.councils)
        .into_iter()
        .map(|outline| {
            let blocks: Vec<&Sums> = total
                .blocks
                .iter()
                .filter(|block| outline.level == Level::England || block.ons_code == outline.ons_code())
                .collect();
            let present: BTreeSet<CouncilCode> = outline.members.intersection(survivors).copied().collect();
            let residents = areas::residents(geography, &present);
            let estimates = match profile {
                Some(profile) => shown(asked.layout, &blocks, profile, present.len(), residents.adults),
                None => noisy(asked.layout, &blocks, total, present.len()),
            };
            let cells = recipes.iter().map(|(_, recipe)| recipe.cell(&estimates, residents, false)).collect();
            let wanted = outline.members.intersection(asked.councils).count();
            let all = areas::residents(geography, &outline.whole).adults;
            let share = if all == 0 { 0.0 } else { residents.adults as f64 / all as f64 };
            outline.into_area(present.len(), wanted, share, cells)
        })
        .collect();
    Table { rows: recipes.into_iter().map(|(row, _)| row).collect(), areas }
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
