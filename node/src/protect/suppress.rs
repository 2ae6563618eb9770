//! Hides small numbers and rounds the rest, by an agreed profile.

use folkmoot_proto::catalogue::{Kind, Measure, Unit};
use folkmoot_proto::disclosure::{Guarded, Profile, System};
use folkmoot_proto::layout::Layout;

use super::ProtectedCells;
use crate::tabulate::{CellCounts, Crowds};

/// Applies a suppression profile to a council's exact counts.
///
/// # Guarantee
/// Every figure, sums included, is treated from its own exact count, so that a rounded sum says nothing about how its
/// cells were rounded. Both halves of a ratio are treated together where the profile says so. A figure that few people
/// made is hidden whatever its number, and a sum of pounds also when its two largest people make nearly all of it. Then
/// figures are hidden beside these until no single sum of the table gives a hidden one away: nothing that leaves has to
/// be hidden by whoever receives it. No formal guarantee against subtraction of one table from another.
pub fn suppress(
    counts: &CellCounts,
    crowds: &Crowds,
    layout: &Layout,
    measure: &Measure,
    profile: Profile,
) -> ProtectedCells {
    let exact = layout.with_sums(counts.cells());
    let few = |figure: usize| {
        let crowd = crowds.of(figure);
        let dominated = measure.unit == Unit::Pounds && crowd.people > 0 && crowd.is_dominated();
        // Costs can come out below zero; such a number is no figure of any profile.
        profile.few(crowd.people) || dominated || exact[figure] < 0
    };
    let mut figures: Vec<Guarded> = (0..exact.len())
        .map(|figure| {
            let (shown, few) = if measure.kind == Kind::Ratio {
                let (yes, no) = (layout.with_component(figure, 0), layout.with_component(figure, 1));
                let (first, second) = profile.ratio(exact[yes], exact[no]);
                let shown = if layout.component_place(figure) == 0 { first } else { second };
                (shown, few(figure) || profile == Profile::Ascof && (few(yes) || few(no)))
            } else {
                (profile.council(exact[figure]), few(figure))
            };
            if few { Guarded::few(shown, exact[figure]) } else { Guarded::primary(shown) }
        })
        .collect();
    System::of(profile, layout).protect(&mut figures);
    ProtectedCells {
        withheld: figures.iter().map(|figure| figure.withheld).collect(),
        figures: figures.into_iter().map(|figure| figure.figure).collect(),
        sigma: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkmoot_proto::period::ReferencePeriod;
    use folkmoot_proto::query::{DataRule, Query, Release};

    fn layout(measure: &str) -> (&'static Measure, Layout) {
        laid_out(measure, None)
    }

    fn layout_by(measure: &str, by: &[&str]) -> (&'static Measure, Layout) {
        laid_out(measure, Some(&by.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()))
    }

    fn laid_out(measure: &str, by: Option<&[String]>) -> (&'static Measure, Layout) {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards");
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new(measure, period, by, &[], &[], DataRule::default(), release).expect("valid");
        (query.measure(), Layout::of(&query).expect("small"))
    }

    fn shown(cells: &[i64], (measure, layout): &(&'static Measure, Layout), profile: Profile) -> Vec<Option<i64>> {
        let crowds = Crowds::of_people(&layout.with_sums(cells));
        let shown = suppress(&CellCounts::of(cells.to_vec()), &crowds, layout, measure, profile);
        shown.figures().iter().map(|figure| figure.shown()).collect()
    }

    #[test]
    fn no_small_count_is_shown_and_sums_are_rounded_on_their_own() {
        let asked = layout("PEOPLE");
        let cells: Vec<i64> = (0..asked.1.cells() as i64).collect();
        let shown = shown(&cells, &asked, Profile::Hospital);
        for (figure, &count) in shown.iter().zip(&cells) {
            assert_eq!(*figure, if (1..=7).contains(&count) { None } else { Some((count + 2) / 5 * 5) });
        }
        assert_eq!(shown[asked.1.cells()], Some(120));
    }

    #[test]
    fn a_small_half_hides_the_other_half_under_ascof() {
        let shown = shown(&[4, 90, 10, 20, 6, 0], &layout("2E-LD"), Profile::Ascof);
        // 20 less 10 would leave 10 for both hidden ones, and 110 less 20 would leave 90: two of three are hidden.
        assert_eq!(shown, [None, None, Some(10), Some(20), None, None, Some(20), Some(110)]);
    }

    /// What a reader who sees the whole answer can say of a lone hidden cell: the coordinator sees it before anybody.
    #[test]
    fn what_leaves_does_not_give_a_hidden_cell_away_by_its_total() {
        // Four settings: 60 + 57 + 3 + 20 = 140, all exact but the 3.
        let shown = shown(&[60, 57, 3, 20], &layout_by("3D-clients", &["support"]), Profile::Ascof);
        let hidden = shown[..4].iter().filter(|figure| figure.is_none()).count();
        assert!(hidden >= 2 || shown[4].is_none(), "140 - 60 - 57 - 20 is the hidden 3: {shown:?}");
    }

    /// One person's care costs 523 pounds, and another's 12,000 beside eleven small ones: neither number may leave.
    #[test]
    fn pounds_of_few_people_or_of_one_among_many_are_hidden() {
        let (measure, layout) = layout_by("COSTS", &["gender"]);
        let mut cells = vec![0; layout.cells()];
        (cells[0], cells[1]) = (523, 12_110);
        let crowd = |amounts: &[u64]| Crowds::crowd(amounts);
        let mut crowds = vec![crowd(&[]); layout.len()];
        crowds[0] = crowd(&[523]);
        crowds[1] = crowd(&[12_000, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
        crowds[layout.cells()] = crowd(&[12_000, 523, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
        let shown = suppress(&CellCounts::of(cells), &Crowds::from(crowds), &layout, measure, Profile::Hospital);
        let values: Vec<_> = shown.figures().iter().map(|figure| figure.shown()).collect();
        assert_eq!((values[0], values[1], values[layout.cells()]), (None, None, None));
        assert!(shown.is_withheld(0), "its number is not small, and nobody is told that it is");
        assert_eq!(values[2], Some(0));
    }

    /// A service that ends before it starts takes money away: the person's -523 is in the total like any other number.
    #[test]
    fn pounds_below_zero_of_one_person_are_not_given_away_either() {
        let (measure, layout) = layout_by("COSTS", &["gender"]);
        for profile in Profile::ALL {
            let mut cells = vec![0; layout.cells()];
            (cells[0], cells[1], cells[2]) = (-523, 40_000, 60_000);
            let many = [1_000; 40];
            let mut crowds = vec![Crowds::crowd(&[]); layout.len()];
            (crowds[0], crowds[1], crowds[2]) = (Crowds::crowd(&[523]), Crowds::crowd(&many), Crowds::crowd(&many));
            crowds[layout.cells()] = Crowds::crowd(&many);
            let shown = suppress(&CellCounts::of(cells), &Crowds::from(crowds), &layout, measure, profile);
            let values: Vec<_> = shown.figures().iter().map(|figure| figure.shown()).collect();
            assert_eq!(values[0], None);
            let given_away = [values[1], values[2], values[layout.cells()]].iter().all(Option::is_some);
            assert!(!given_away, "99,477 - 100,000 is the person: {values:?}");
        }
    }

    #[test]
    fn nothing_can_be_worked_out_of_a_sum_beside_pounds_of_few_people() {
        let (measure, layout) = layout_by("COSTS", &["gender"]);
        let mut cells = vec![0; layout.cells()];
        (cells[0], cells[1], cells[2]) = (523, 40_000, 60_000);
        let many = [1_000; 40];
        let mut crowds = vec![Crowds::crowd(&[]); layout.len()];
        (crowds[0], crowds[1], crowds[2]) = (Crowds::crowd(&[523]), Crowds::crowd(&many), Crowds::crowd(&many));
        crowds[layout.cells()] = Crowds::crowd(&many);
        let shown = suppress(&CellCounts::of(cells), &Crowds::from(crowds), &layout, measure, Profile::Hospital);
        let values: Vec<_> = shown.figures().iter().map(|figure| figure.shown()).collect();
        assert_eq!(values[0], None);
        assert!(values[1].is_none() || values[layout.cells()].is_none(), "100,525 - 100,000 is the person: {values:?}");
    }
}
