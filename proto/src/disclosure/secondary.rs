//! Secondary suppression: what must be hidden beside small figures, so that nobody works them out from the rest.
//!
//! A council's cells and sums, each hidden or rounded for itself, can still give a hidden figure away: with one hidden
//! cell in a row, the total less the others is the cell. Here an attacker's reading of everything shown is worked out,
//! interval by interval until nothing narrows any more, and where a hidden figure is known too closely another one is
//! hidden beside it.
//!
//! The council does this before anything leaves it, since whoever receives the figures could work them out as well as
//! any reader; the coordinator does it again on what it receives, and on sums that it sees exactly.
//!
//! # Source
//! Secondary suppression with an attacker's audit: Handbook on Statistical Disclosure Control, sections 4.2 to 4.4.
//!
//! # Limits
//! Intervals are carried along single equations: "sum = cells added", and "sum = other sums added" where rows or columns
//! add up to a grand total. What only several equations taken together tell, in tables with crossing margins, is not
//! found. Whole tables are audited one by one.

use std::collections::BTreeSet;

use super::{Figure, Profile};
use crate::catalogue::Unit;
use crate::layout::Layout;

/// A hidden small figure must be able to take at least this many values in a reader's eyes.
pub const LEAST_WIDTH: i64 = 3;

/// One figure on its way to being shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// What is shown of it.
    pub figure: Figure,
    /// Hidden though its number need not be small: beside a small one, or because few people made it.
    pub withheld: bool,
    /// How many values a withheld figure must still be able to take; 0 when nobody is behind it who needs that.
    pub width: i64,
}

impl Guarded {
    /// A figure as the profile's first rule left it.
    pub fn primary(figure: Figure) -> Self {
        Self { figure, withheld: false, width: 0 }
    }

    /// What is left of a figure of few people: hidden though its number is not small, or is not one that the profile speaks
    /// of, as costs below zero are not.
    pub fn few(figure: Figure, count: i64) -> Self {
        if figure.shown().is_some() || count < 0 { Self::of_few(count) } else { Self::primary(figure) }
    }

    /// A figure hidden for the few people behind it, whatever its number: a tenth either way must stay open.
    pub fn of_few(count: i64) -> Self {
        let width = (count.saturating_abs() / 5).max(LEAST_WIDTH);
        Self { figure: Figure::Hidden, withheld: true, width }
    }

    fn needs(&self) -> i64 {
        match self.figure {
            Figure::Shown(_) => 0,
            Figure::Hidden if self.withheld => self.width,
            Figure::Hidden => LEAST_WIDTH,
        }
    }
}

/// The equations that tie the figures of one table together.
pub struct System {
    profile: Profile,
    /// Whether figures below zero can occur.
    below_zero: bool,
    /// Whether every figure shown is rounded, under profiles that do not round a council's own, too.
    rounded: bool,
    /// Each sum with the cells, or the other sums, that it adds.
    sums: Vec<(usize, Vec<usize>)>,
    /// Equations that each figure stands in.
    within: Vec<Vec<usize>>,
    /// The other half of each figure, for a ratio.
    partner: Vec<Option<usize>>,
}

const ANYTHING: i64 = 1 << 40;

impl System {
    /// The equations of a layout under a profile, for one council's figures.
    pub fn of(profile: Profile, layout: &Layout) -> Self {
        Self::new(profile, layout, false)
    }

    /// The same for exact sums over an area's councils, which are all rounded.
    pub fn of_area(profile: Profile, layout: &Layout) -> Self {
        Self::new(profile, layout, true)
    }

    fn new(profile: Profile, layout: &Layout, rounded: bool) -> Self {
        let sums: Vec<(usize, Vec<usize>)> = (layout.cells()..layout.len())
            .map(|figure| (figure, layout.sum_of(figure)))
            .chain(layout.sums_of_sums())
            .collect();
        let mut within = vec![Vec::new(); layout.len()];
        for (equation, (sum, cells)) in sums.iter().enumerate() {
            for &figure in cells.iter().chain([sum]) {
                within[figure].push(equation);
            }
        }
        let ratio = layout.components().len() == 2;
        let partner = (0..layout.len())
            .map(|figure| ratio.then(|| layout.with_component(figure, 1 - layout.component_place(figure))))
            .collect();
        Self { profile, below_zero: layout.unit() == Unit::Pounds, rounded, sums, within, partner }
    }

    /// Hides figures until no protected one is known too closely; says how many were hidden.
    ///
    /// # Guarantee
    /// Afterwards no hidden figure's interval, as single equations taken in turn narrow it, is narrower than it must be,
    /// or nothing is left to hide in the equations that narrow it. Doing it twice hides nothing more.
    pub fn protect(&self, figures: &mut [Guarded]) -> usize {
        let mut hidden = 0;
        if self.sums.is_empty() {
            return hidden;
        }
        // Equations in which nothing is shown any more.
        let mut empty = BTreeSet::new();
        // Each turn hides at least one figure or is the last, so there are at most as many turns as figures.
        loop {
            let before = hidden;
            let mut done = BTreeSet::new();
            for (figure, cause) in self.leaks(figures) {
                for equation in std::iter::once(cause).chain(self.within[figure].iter().copied()) {
                    if empty.contains(&equation) {
                        continue;
                    }
                    // One at a time: the next turn sees whether that was enough.
                    if done.contains(&equation) {
                        break;
                    }
                    let Some(next) = self.cheapest(equation, figures[figure].needs(), figures) else {
                        empty.insert(equation);
                        continue;
                    };
                    done.insert(equation);
                    for place in [Some(next), self.pair(next)].into_iter().flatten() {
                        hidden += usize::from(figures[place].figure != Figure::Hidden);
                        if figures[place].figure != Figure::Hidden {
                            figures[place] = Guarded { figure: Figure::Hidden, withheld: true, width: 0 };
                        }
                    }
                    break;
                }
            }
            if hidden == before {
                return hidden;
            }
        }
    }

    /// Under `ascof` both halves of a ratio are hidden together.
    fn pair(&self, figure: usize) -> Option<usize> {
        match self.profile {
            Profile::Ascof => self.partner[figure],
            Profile::Hospital => None,
        }
    }

    /// Protected figures that are known too closely, each with the equation that narrowed it last.
    ///
    /// The attacker of this audit knows which figures are small and which were hidden beside them.
    fn leaks(&self, figures: &[Guarded]) -> Vec<(usize, usize)> {
        const PASSES: usize = 8;
        if figures.iter().all(|figure| figure.needs() == 0) {
            return Vec::new();
        }
        let first: Vec<(i64, i64)> = figures.iter().map(|figure| self.reach(figure)).collect();
        let mut bounds = first.clone();
        let mut cause = vec![None; figures.len()];
        for _ in 0..PASSES {
            let mut changed = false;
            for (equation, (sum, cells)) in self.sums.iter().enumerate() {
                let low: i64 = cells.iter().map(|&cell| bounds[cell].0).sum();
                let high: i64 = cells.iter().map(|&cell| bounds[cell].1).sum();
                let mut narrow = |figure: usize, low: i64, high: i64, bounds: &mut [(i64, i64)]| {
                    let next = (bounds[figure].0.max(low), bounds[figure].1.min(high));
                    // Where figures contradict each other (they are not of one table) nothing can be worked out.
                    if next.0 <= next.1 && next != bounds[figure] {
                        bounds[figure] = next;
                        cause[figure] = Some(equation);
                        changed = true;
                    }
                };
                narrow(*sum, low, high, &mut bounds);
                let (sum_low, sum_high) = bounds[*sum];
                for &cell in cells {
                    let own = bounds[cell];
                    narrow(cell, sum_low - (high - own.1), sum_high - (low - own.0), &mut bounds);
                }
            }
            if !changed {
                break;
            }
        }
        let too_close = |&figure: &usize| {
            let width = |(low, high): (i64, i64)| high - low + 1;
            width(bounds[figure]) < figures[figure].needs().min(width(first[figure]))
        };
        (0..figures.len()).filter(too_close).filter_map(|figure| Some((figure, cause[figure]?))).collect()
    }

    /// What a reader knows of a figure by itself.
    fn reach(&self, figure: &Guarded) -> (i64, i64) {
        match (figure.figure, self.profile) {
            (Figure::Hidden, _) if figure.withheld && self.below_zero => (-ANYTHING, ANYTHING),
            // It would have been shown, so it is not small.
            (Figure::Hidden, Profile::Hospital) if figure.withheld => (8, ANYTHING),
            (Figure::Hidden, Profile::Ascof) if figure.withheld => (5, ANYTHING),
            (Figure::Shown(value), Profile::Ascof) if self.rounded => ((value - 2).max(5), value + 2),
            // One half of an `ascof` pair may be large, but either may be the small one: each is audited as small.
            (figure, profile) => {
                let bounds = profile.bounds(figure, false, 0);
                (bounds.lower, bounds.upper)
            }
        }
    }

    /// What costs readers least: the smallest shown figure of an equation that leaves `needs` values open, cells before the
    /// sum; where none is large enough, the largest.
    fn cheapest(&self, equation: usize, needs: i64, figures: &[Guarded]) -> Option<usize> {
        let (sum, cells) = &self.sums[equation];
        let size = |place: usize| figures[place].figure.shown().map(i64::abs);
        let cells = || cells.iter().filter_map(|&cell| Some((size(cell).filter(|size| *size > 0)?, cell)));
        let enough = cells().filter(|(size, _)| *size >= needs).min();
        let sum = size(*sum).map(|size| (size, *sum));
        enough.or(sum).or_else(|| cells().max()).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::ReferencePeriod;
    use crate::query::{DataRule, Query, Release};
    use proptest::prelude::*;

    /// Support by age band: totals over either and over both, so the sums cross.
    fn crossed(profile: Profile) -> Layout {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let by = ["age_band".to_owned(), "support".to_owned()];
        let release = Release::CouncilSuppressed(profile);
        let query = Query::new("3D-clients", period, Some(&by), &[], &[], DataRule::default(), release);
        Layout::of(&query.expect("valid")).expect("small")
    }

    fn protected(profile: Profile, layout: &Layout, cells: &[i64]) -> Vec<Guarded> {
        let exact = layout.with_sums(cells);
        let mut figures: Vec<_> = exact.iter().map(|&count| Guarded::primary(profile.council(count))).collect();
        System::of(profile, layout).protect(&mut figures);
        figures
    }

    /// The values that a hidden cell can take in one sum when all else in that sum is as shown, by trying them all.
    fn possible(profile: Profile, figures: &[Guarded], (sum, parts): &(usize, Vec<usize>), hidden: usize) -> i64 {
        let range = |figure: usize| match figures[figure] {
            Guarded { withheld: true, .. } => (if profile == Profile::Ascof { 5 } else { 8 }, 1_000),
            Guarded { figure, .. } => {
                let bounds = profile.bounds(figure, false, 0);
                (bounds.lower, bounds.upper)
            }
        };
        let add = |all: (i64, i64), one: (i64, i64)| (all.0 + one.0, all.1 + one.1);
        let (least, most) = range(hidden);
        if hidden == *sum {
            let (low, high) = parts.iter().copied().map(range).fold((0, 0), add);
            return (least.max(low)..=most.min(high)).count() as i64;
        }
        let (low, high) = parts.iter().copied().filter(|&part| part != hidden).map(range).fold((0, 0), add);
        let total = range(*sum);
        (least..=most).filter(|value| value + low <= total.1 && value + high >= total.0).count() as i64
    }

    proptest! {
        #[test]
        fn no_small_cell_is_left_with_fewer_values_than_it_must_have(
            cells in prop::collection::vec(prop_oneof![0_i64..9, 0_i64..200], 64), ascof: bool,
        ) {
            let profile = if ascof { Profile::Ascof } else { Profile::Hospital };
            let layout = crossed(profile);
            let cells = &cells[..layout.cells()];
            let figures = protected(profile, &layout, cells);
            let system = System::of(profile, &layout);
            for equation in &system.sums {
                for figure in equation.1.iter().copied().chain([equation.0]) {
                    if figures[figure].needs() > 0 {
                        let left = possible(profile, &figures, equation, figure);
                        prop_assert!(left >= LEAST_WIDTH, "{left} values are left of figure {figure} in {equation:?}");
                    }
                }
            }
            let mut again = figures.clone();
            prop_assert_eq!(System::of(profile, &layout).protect(&mut again), 0, "twice is once");
        }
    }

    /// Rows of 3, 140 and 300 people make 443: the 3, hidden with its cells, is what is left of the totals.
    #[test]
    fn a_hidden_total_is_not_given_away_by_the_other_totals() {
        let layout = crossed(Profile::Ascof);
        let bands = layout.cells() / 4;
        let mut cells = vec![100; layout.cells()];
        // The cells of the last band: one, one, one and nobody.
        cells[4 * (bands - 1)..].copy_from_slice(&[1, 1, 1, 0]);
        let figures = protected(Profile::Ascof, &layout, &cells);
        let (grand, rows) = layout
            .sums_of_sums()
            .into_iter()
            .find(|(_, parts)| parts.iter().all(|&part| layout.values(part).0[0].0 == "age_band"))
            .expect("the grand total is the sum of the bands");
        let hidden = rows.iter().chain([&grand]).filter(|&&figure| figures[figure].figure == Figure::Hidden).count();
        assert!(hidden >= 2, "the only hidden row is the rest of the grand total");
    }

    /// Sums over an area are rounded under `ascof`, too: 12, 12, 4 and 28 show as 10, 10, hidden and 30, and only 4 fits.
    #[test]
    fn what_rounded_sums_of_an_area_give_away_is_found() {
        let layout = crossed(Profile::Ascof);
        let mut cells = vec![100; layout.cells()];
        // One kind of support in all three age bands.
        (cells[0], cells[4], cells[8]) = (12, 12, 4);
        assert_eq!(layout.cells(), 12);
        let mut figures: Vec<_> =
            layout.with_sums(&cells).iter().map(|&count| Guarded::primary(Profile::Ascof.area(count))).collect();
        System::of_area(Profile::Ascof, &layout).protect(&mut figures);
        let column = (layout.cells()..layout.len()).find(|&sum| layout.sum_of(sum) == [0, 4, 8]).expect("its total");
        assert!([0, 4, column].iter().any(|&figure| figures[figure].figure == Figure::Hidden), "{figures:?}");
    }
}
