//! Hides small numbers and rounds the rest, by an agreed profile.

use folkmoot_proto::catalogue::Kind;
use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::layout::Layout;

use super::ProtectedCells;
use crate::tabulate::CellCounts;

/// Applies a suppression profile to a council's exact counts.
///
/// # Guarantee
/// Every figure, sums included, is treated from its own exact count, so that a rounded sum says nothing about how its
/// cells were rounded. Both halves of a ratio are treated together where the profile says so. No formal guarantee
/// against differencing: the ledger's rules on repeated and overlapping questions stand beside it.
pub fn suppress(counts: &CellCounts, layout: &Layout, kind: Kind, profile: Profile) -> ProtectedCells {
    let exact = layout.with_sums(counts.cells());
    let figures = (0..exact.len())
        .map(|figure| {
            if kind != Kind::Ratio {
                return profile.council(exact[figure]);
            }
            let (yes, no) = (layout.with_component(figure, 0), layout.with_component(figure, 1));
            let (yes, no) = profile.ratio(exact[yes], exact[no]);
            if layout.component_place(figure) == 0 { yes } else { no }
        })
        .collect();
    ProtectedCells { figures, sigma: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkmoot_proto::period::ReferencePeriod;
    use folkmoot_proto::query::{DataRule, Query, Release};

    fn layout(measure: &str) -> (Kind, Layout) {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new(measure, period, None, &[], &[], DataRule::default(), release).expect("valid");
        (query.measure().kind, Layout::of(&query).expect("small"))
    }

    #[test]
    fn no_small_count_is_shown_and_sums_are_rounded_on_their_own() {
        let (kind, layout) = layout("PEOPLE");
        let cells: Vec<i64> = (0..layout.cells() as i64).collect();
        let shown = suppress(&CellCounts::of(cells.clone()), &layout, kind, Profile::Hospital);
        for (figure, &count) in shown.figures().iter().zip(&cells) {
            assert_eq!(figure.shown(), if (1..=7).contains(&count) { None } else { Some((count + 2) / 5 * 5) });
        }
        assert_eq!(shown.figures()[layout.cells()].shown(), Some(120));
    }

    #[test]
    fn a_small_half_hides_the_other_half_under_ascof() {
        let (kind, layout) = layout("2E-LD");
        let shown = suppress(&CellCounts::of(vec![4, 90, 10, 20, 6, 0]), &layout, kind, Profile::Ascof);
        let values: Vec<_> = shown.figures().iter().map(|figure| figure.shown()).collect();
        assert_eq!(values, [None, None, Some(10), Some(20), None, None, Some(20), Some(110)]);
    }
}
