//! Disclosure control over a council's figures taken together, before anything is merged.
//!
//! The councils hid small figures one by one. Shown together, cells and sums can still give a hidden figure away: with
//! one hidden cell in a row, the total minus the others is the cell. Here every hidden figure's feasible interval is
//! worked out from everything the council shows, and where it is too narrow another figure is hidden beside it. What
//! is merged, published and stored in a release is a function of what is left, so it gives no more away.
//!
//! # Source
//! Secondary suppression with an attacker's audit: Handbook on Statistical Disclosure Control, sections 4.2 to 4.4.

use std::collections::BTreeMap;

use folkmoot_proto::disclosure::{Figure, Profile};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::Query;

use crate::answer::Answer;

/// What was hidden here, beside what the councils hid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    hidden: BTreeMap<CouncilCode, usize>,
}

impl Report {
    /// Figures hidden, by council.
    pub fn hidden(&self) -> &BTreeMap<CouncilCode, usize> {
        &self.hidden
    }

    /// For the manifest; empty when nothing was hidden.
    pub fn sentences(&self) -> Vec<String> {
        let total: usize = self.hidden.values().sum();
        if total == 0 {
            return Vec::new();
        }
        vec![format!(
            "{total} figures of {} councils were hidden beside the small ones, which could otherwise have been worked \
             out from totals.",
            self.hidden.len()
        )]
    }
}

/// Hides what gives hidden figures away. Noisy answers are left as they are: they hide nothing.
pub fn protect(
    query: &Query,
    layout: &Layout,
    answers: &BTreeMap<CouncilCode, Answer>,
) -> (BTreeMap<CouncilCode, Answer>, Report) {
    let mut report = Report::default();
    let Some(profile) = query.release().profile() else { return (answers.clone(), report) };
    let system = System::of(profile, layout);
    let protected = answers
        .iter()
        .map(|(code, answer)| {
            let mut figures = answer.figures().to_vec();
            let hidden = system.protect(&mut figures);
            if hidden > 0 {
                report.hidden.insert(*code, hidden);
            }
            (*code, answer.with_figures(figures))
        })
        .collect();
    (protected, report)
}

/// Hides what gives hidden figures of one set away: sums over councils whose exact values we saw. Says how many.
pub fn protect_figures(profile: Profile, layout: &Layout, figures: &mut [Figure]) -> usize {
    System::of(profile, layout).protect(figures)
}

/// The equations that tie a council's figures together.
struct System {
    profile: Profile,
    /// Each sum with the cells it adds.
    sums: Vec<(usize, Vec<usize>)>,
    /// The other half of each figure, for a ratio.
    partner: Vec<Option<usize>>,
}

/// A hidden figure must be able to take at least this many values in a reader's eyes.
const LEAST_WIDTH: i64 = 3;

impl System {
    fn of(profile: Profile, layout: &Layout) -> Self {
        let sums = (layout.cells()..layout.len()).map(|figure| (figure, layout.sum_of(figure))).collect();
        let ratio = layout.components().len() == 2;
        let partner = (0..layout.len())
            .map(|figure| ratio.then(|| layout.with_component(figure, 1 - layout.component_place(figure))))
            .collect();
        Self { profile, sums, partner }
    }

    /// Hides figures until no small one can be worked out; says how many were hidden.
    fn protect(&self, figures: &mut [Figure]) -> usize {
        let primary: Vec<bool> = figures.iter().map(|figure| *figure == Figure::Hidden).collect();
        if self.sums.is_empty() || !primary.contains(&true) {
            return 0;
        }
        let mut hidden = 0;
        // Each turn hides at least one figure, so there are at most as many turns as figures.
        while let Some(equation) = self.leak(figures, &primary) {
            let Some(next) = self.cheapest(equation, figures) else { break };
            for place in [Some(next), self.pair(next)].into_iter().flatten() {
                hidden += usize::from(figures[place] != Figure::Hidden);
                figures[place] = Figure::Hidden;
            }
        }
        hidden
    }

    /// Under `ascof` both halves of a ratio are hidden together.
    fn pair(&self, figure: usize) -> Option<usize> {
        match self.profile {
            Profile::Ascof => self.partner[figure],
            Profile::Hospital => None,
        }
    }

    /// The first equation that pins a small figure down too closely.
    ///
    /// The attacker of this audit knows which figures are small and which were hidden beside them.
    fn leak(&self, figures: &[Figure], primary: &[bool]) -> Option<usize> {
        let bounds: Vec<(i64, i64)> =
            figures.iter().zip(primary).map(|(figure, &primary)| self.reach(*figure, primary)).collect();
        self.sums.iter().position(|(sum, cells)| {
            let low: i64 = cells.iter().map(|&cell| bounds[cell].0).sum();
            let high: i64 = cells.iter().map(|&cell| bounds[cell].1).fold(0, i64::saturating_add);
            let narrow = |(own_low, own_high): (i64, i64), least: i64, most: i64| {
                let width = own_high.min(most).saturating_sub(own_low.max(least)) + 1;
                width < LEAST_WIDTH.min(own_high.saturating_sub(own_low) + 1)
            };
            let (sum_low, sum_high) = bounds[*sum];
            if primary[*sum] && narrow(bounds[*sum], low, high) {
                return true;
            }
            cells.iter().any(|&cell| {
                let own = bounds[cell];
                primary[cell]
                    && narrow(
                        own,
                        sum_low.saturating_sub(high.saturating_sub(own.1)),
                        sum_high.saturating_sub(low - own.0),
                    )
            })
        })
    }

    fn reach(&self, figure: Figure, primary: bool) -> (i64, i64) {
        const ANYTHING: i64 = 1 << 40;
        match (figure, self.profile) {
            // Hidden here, so the attacker knows that it is not small.
            (Figure::Hidden, Profile::Hospital) if !primary => (8, ANYTHING),
            (Figure::Hidden, Profile::Ascof) if !primary => (0, ANYTHING),
            // One half of an `ascof` pair may be large, but either may be the small one: each is audited as small.
            _ => {
                let bounds = self.profile.bounds(figure, false, 0);
                (bounds.lower, bounds.upper)
            }
        }
    }

    /// The smallest shown figure above zero in an equation, cells before the sum: what costs readers least.
    fn cheapest(&self, equation: usize, figures: &[Figure]) -> Option<usize> {
        let (sum, cells) = &self.sums[equation];
        let shown = |place: &usize| figures[*place].shown().filter(|value| *value > 0);
        let cell = cells.iter().copied().filter(|cell| shown(cell).is_some()).min_by_key(|cell| shown(cell));
        cell.or_else(|| figures[*sum].shown().map(|_| *sum))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;
    use folkmoot_proto::query::Release;

    fn shown(profile: Profile, cells: &[i64]) -> (Vec<Option<i64>>, usize) {
        let (query, layout) = testing::question("3D-clients", Some(&["support"]), Release::CouncilSuppressed(profile));
        assert_eq!(layout.cells(), cells.len());
        let answer = testing::answer("104", &query, &layout, cells);
        let answers = BTreeMap::from([(testing::council("104"), answer)]);
        let (protected, report) = protect(&query, &layout, &answers);
        let figures = protected[&testing::council("104")].figures();
        (figures.iter().map(|figure| figure.shown()).collect(), report.hidden().values().sum())
    }

    #[test]
    fn a_lone_hidden_cell_is_not_given_away_by_its_total() {
        // 120 - 60 - 57 would be 3: the smallest shown cell is hidden beside it.
        assert_eq!(shown(Profile::Ascof, &[60, 57, 3, 20]), (vec![Some(60), Some(57), None, None, Some(140)], 1));
        // Two hidden cells protect each other only when their sum leaves room: 4 + 4 = 8 does not.
        assert_eq!(shown(Profile::Ascof, &[60, 4, 4, 20]).1, 1);
        assert_eq!(shown(Profile::Ascof, &[60, 2, 2, 20]), (vec![Some(60), None, None, Some(20), Some(84)], 0));
    }

    #[test]
    fn rounding_usually_leaves_room_and_where_it_does_not_a_cell_is_hidden() {
        // 10 shown is 8 to 12 and the total 15 is 13 to 17: the hidden one may be 1 to 7.
        assert_eq!(shown(Profile::Hospital, &[10, 5, 0, 0]).1, 0);
        // 12 and 7: shown 10 and total 20, so the hidden one is 6 or 7.
        assert_eq!(shown(Profile::Hospital, &[12, 7, 0, 0]), (vec![None, None, Some(0), Some(0), Some(20)], 1));
    }

    #[test]
    fn nothing_hidden_means_nothing_more_to_hide() {
        assert_eq!(shown(Profile::Ascof, &[60, 57, 30, 20]).1, 0);
    }
}
