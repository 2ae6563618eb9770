//! The sums of a round in the form in which they are kept: protected, with the record of how they came about.

use std::collections::BTreeSet;

use folkmoot_proto::catalogue::{Kind, Unit};
use folkmoot_proto::disclosure::{Figure, Guarded, Profile, System};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{Joint, LEAST_SUMMED};
use folkmoot_proto::query::Query;
use folkmoot_proto::round::coordinator::Sum;
use serde::{Deserialize, Serialize};

/// What one round gave.
///
/// **Guarantee**: of a suppressed question it holds no exact sum: those are hidden and rounded before they get here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// The areas in the order of their blocks.
    pub blocks: Vec<Sums>,
    /// How the round was run.
    pub facts: Facts,
}

/// The sums of one area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Office for National Statistics code of the area.
    pub ons_code: String,
    /// The area's councils that are in the sums.
    pub councils: BTreeSet<CouncilCode>,
    /// Private: each cell with its noise, in units of one grid step. Suppressed: each figure of the layout, cells then
    /// sums, `None` where hidden.
    pub figures: Vec<Option<i64>>,
}

/// How a round was run: for the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which attempt of the question it was.
    pub attempt: u8,
    /// The areas as the envelope names them.
    pub areas: String,
    /// Version of the membership registry.
    pub registry_version: u64,
    /// SHA-256 of the membership registry, hexadecimal.
    pub registry: String,
    /// Councils asked to take part.
    pub cohort: BTreeSet<CouncilCode>,
    /// Councils whose vectors are in the sum.
    pub survivors: BTreeSet<CouncilCode>,
    /// Councils assumed to collude with the coordinator.
    pub colluding: u16,
    /// Signatures and shares needed to read the sum.
    pub threshold: u16,
    /// Fewest councils with which the round would have ended well.
    pub min_survivors: u16,
    /// Grid factor; 1 without noise.
    pub grid: u64,
    /// Standard deviation of the noise that the price asks for, in billionths of a count; 0 without noise.
    pub sigma_nano: u64,
    /// SHA-256 of the transcript, hexadecimal.
    pub transcript_sha256: String,
    /// Whether the coordinator kept a record of the round that can be checked.
    #[serde(default)]
    pub recorded: bool,
}

impl Facts {
    /// Councils whose noise is counted on.
    pub fn honest(&self) -> u16 {
        self.min_survivors.saturating_sub(self.colluding).max(1)
    }

    /// Standard deviation of the noise in one cell of one block: that of all who remained, more than the price asks for.
    pub fn noise(&self) -> f64 {
        self.sigma_nano as f64 / 1e9 * (self.survivors.len() as f64 / f64::from(self.honest())).sqrt()
    }
}

/// Cuts a round's sum into blocks; of a suppressed question hides and rounds them.
pub(crate) fn blocks(query: &Query, joint: &Joint, sum: &Sum, survivors: &BTreeSet<CouncilCode>) -> Vec<Sums> {
    let per_block = joint.per_block();
    joint
        .blocks()
        .iter()
        .zip(sum.cells.chunks(per_block))
        .map(|(block, elements)| {
            let councils: BTreeSet<CouncilCode> = block.members.intersection(survivors).copied().collect();
            let figures = match query.release().profile() {
                Some(profile) => hidden(query, joint, profile, councils.len(), elements),
                None => elements.iter().copied().map(Some).collect(),
            };
            Sums { ons_code: block.ons_code.clone(), councils, figures }
        })
        .collect()
}

/// A suppressed block's figures: each from its own exact sum, hidden when small or made by fewer than three councils, or
/// when it would give another away; the rest rounded.
///
/// A sum of events, clusters or pounds can be large though few people made it, and the round says only how many councils
/// have anybody. So as many councils are asked for as there must be people.
fn hidden(query: &Query, joint: &Joint, profile: Profile, councils: usize, elements: &[i64]) -> Vec<Option<i64>> {
    let layout = joint.layout();
    let (cells, flags) = elements.split_at(layout.cells());
    let exact = layout.with_sums(cells);
    let few = |contributors: i64| {
        let units_are_people = query.measure().unit == Unit::People;
        contributors < LEAST_SUMMED as i64 || !units_are_people && profile.few(contributors.unsigned_abs())
    };
    let mut figures: Vec<Guarded> = exact
        .iter()
        .enumerate()
        .map(|(figure, &count)| {
            // A sum has at least as many contributors as its best cell.
            let contributors = layout.sum_of(figure).iter().map(|&cell| flags[cell]).max().unwrap_or(0);
            let shown = profile.area(count);
            // Costs can come out below zero; such a number is no figure of any profile.
            let hide = councils < LEAST_SUMMED || count < 0 || (count != 0 && few(contributors));
            if hide { Guarded::few(shown, count) } else { Guarded::primary(shown) }
        })
        .collect();
    if query.measure().kind == Kind::Ratio && profile == Profile::Ascof {
        for figure in 0..figures.len() {
            let other = layout.with_component(figure, 1 - layout.component_place(figure));
            if figures[figure].figure == Figure::Hidden && figures[other].figure != Figure::Hidden {
                figures[other] = Guarded { withheld: true, ..Guarded::primary(Figure::Hidden) };
            }
        }
    }
    System::of_area(profile, layout).protect(&mut figures);
    figures.into_iter().map(|figure| figure.figure.shown()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;
    use folkmoot_proto::joint::Areas;
    use folkmoot_proto::query::Release;

    #[test]
    fn what_fewer_than_three_councils_made_is_hidden_and_the_rest_is_rounded_from_the_sum() {
        let release = Release::JointSuppressed(Profile::Hospital);
        let (query, layout) = testing::question("3D-clients", Some(&["support"]), release);
        let joint = Joint::of(&query, &Areas::England).unwrap();
        let codes = ["104", "106", "503", "504"].map(testing::council);
        let survivors: BTreeSet<_> = codes.into_iter().collect();
        let sum = |cells: [i64; 4], flags: [i64; 4], councils: &BTreeSet<CouncilCode>| {
            let cells = cells.into_iter().chain(flags).collect();
            blocks(&query, &joint, &Sum { cells, grid: 1, councils: Vec::new() }, councils)[0].figures.clone()
        };
        assert_eq!(layout.cells(), 4);
        let shown = sum([1203, 3, 0, 61], [4, 3, 0, 4], &survivors);
        assert_eq!(shown[..4], [Some(1205), None, Some(0), Some(60)]);
        // 61 people of two councils: each of the two could work the other out.
        let shown = sum([1203, 100, 0, 61], [4, 3, 0, 2], &survivors);
        assert_eq!(shown[3], None);
        let two: BTreeSet<_> = codes[..2].iter().copied().collect();
        assert!(sum([1203, 100, 0, 61], [2, 2, 0, 2], &two).iter().all(Option::is_none));
    }
}
