//! Which figures a measure is published with, and how each is made from sums over councils.

use folkmoot_proto::catalogue::{Kind, Population};
use folkmoot_proto::geography::Residents;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::Query;

use super::figure::{Cell, Estimate, Row, Statistic, Status};
use super::ratio::Z;

/// How one row is made. Numbers are places in the layout.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Recipe {
    Count(usize),
    Denominator(usize, usize),
    Percentage(usize, usize),
    Rate(usize, Population),
    /// Whole days in order, the open bin last with no day.
    Median(Bins),
}

/// Days, `None` for the open bin, each with its place in the layout.
pub(super) type Bins = Vec<(Option<u32>, usize)>;

/// The dimension that histograms of durations are over.
const DAYS: &str = "days";

/// Every row of a question's table: for each group its counts, then what is made of them; medians last.
pub(super) fn recipes(query: &Query, layout: &Layout) -> Vec<(Row, Recipe)> {
    let mut rows = Vec::new();
    let components = layout.components();
    for figure in 0..layout.len() {
        let row = row(layout, figure);
        let last = layout.component_place(figure) + 1 == components.len();
        rows.push((row.clone(), Recipe::Count(figure)));
        let made = |statistic| Row { component: String::new(), statistic, ..row.clone() };
        match query.measure().kind {
            Kind::Ratio if last => {
                let (yes, no) = (layout.with_component(figure, 0), figure);
                rows.push((made(Statistic::Denominator), Recipe::Denominator(yes, no)));
                rows.push((made(Statistic::Percentage), Recipe::Percentage(yes, no)));
            }
            Kind::Rate(population) => {
                rows.push((made(Statistic::RatePer100000), Recipe::Rate(figure, population)));
            }
            Kind::Ratio | Kind::Count | Kind::Histogram => {}
        }
    }
    if query.measure().kind == Kind::Histogram {
        rows.extend(medians(layout));
    }
    rows
}

fn row(layout: &Layout, figure: usize) -> Row {
    let (pairs, component) = layout.values(figure);
    Row {
        dimensions: pairs.into_iter().map(|(name, label)| (name.to_owned(), label.to_owned())).collect(),
        component: component.to_owned(),
        statistic: Statistic::Count,
    }
}

fn medians(layout: &Layout) -> Vec<(Row, Recipe)> {
    let mut groups: Vec<(Row, Bins)> = Vec::new();
    for figure in 0..layout.len() {
        let Row { mut dimensions, .. } = row(layout, figure);
        let Some(place) = dimensions.iter().position(|(name, _)| name == DAYS) else { continue };
        let (_, label) = dimensions.remove(place);
        let bin = (label.parse().ok(), figure);
        match groups.iter_mut().find(|(row, _)| row.dimensions == dimensions) {
            Some((_, bins)) => bins.push(bin),
            None => {
                let row = Row { dimensions, component: String::new(), statistic: Statistic::MedianDays };
                groups.push((row, vec![bin]));
            }
        }
    }
    groups.into_iter().map(|(row, bins)| (row, Recipe::Median(bins))).collect()
}

/// Per 100,000 residents of the councils that answered, to one decimal, halves away from zero.
pub(super) fn rate(estimate: Estimate, population: Population, residents: Residents) -> Cell {
    let residents = match population {
        Population::WorkingAge => residents.working_age,
        Population::Older => residents.older,
        Population::Adults => residents.adults,
    } as f64;
    let count = super::count(estimate, false);
    if residents == 0.0 && count.status != Status::NotSubmitted {
        return Cell::interval(Status::NotApplicable, 0.0, 0.0, 0.0);
    }
    let scaled = |number: super::figure::Number| (number.get() * 1e6 / residents).round() / 10.0;
    Cell {
        status: count.status,
        value: count.value.map(|value| scaled(value).into()),
        lower: count.lower.map(|value| ((value.get() * 1e6 / residents).floor() / 10.0).into()),
        upper: count.upper.map(|value| ((value.get() * 1e6 / residents).ceil() / 10.0).into()),
        margin: count.margin.map(|value| ((value.get() * 1e6 / residents).ceil() / 10.0).into()),
    }
}

/// The interpolated 50th percentile of whole days: with an even number of people the mean of the middle two.
///
/// The interval is where the median could be: from bounds, by moving as many people as they allow to one side; from
/// noise, by the standard deviation of (people up to a day - people after it) / 2, which is the same for every day.
pub(super) fn median(estimates: &[Estimate], bins: &[(Option<u32>, usize)]) -> Cell {
    let at = |place: usize| estimates[bins[place].1];
    let Some(first) = bins.first().map(|_| at(0)) else { return Cell::not_submitted() };
    if first.parts == 0 {
        return Cell::not_submitted();
    }
    let all = (0..bins.len()).map(at).reduce(Estimate::plus).unwrap_or_default();
    let hidden = (0..bins.len()).any(|place| at(place).hidden > 0);
    if first.parts == 1 && hidden {
        return Cell::suppressed(None, None);
    }
    let total = all.value;
    if total < 1.0 {
        return Cell::interval(Status::NotApplicable, 0.0, 0.0, 0.0);
    }
    // Day on which the running total first reaches `rank` people; `None` in the open bin.
    let day_of = |rank: f64| {
        let mut running = 0.0;
        bins.iter().enumerate().find_map(|(place, (day, _))| {
            running += at(place).value;
            (running >= rank).then_some(*day)
        })
    };
    let middle = |rank: f64| day_of(rank).flatten();
    let value = match (middle((total / 2.0).max(0.5)), middle((total / 2.0).floor() + 1.0)) {
        // With an odd total both ranks fall on the same person.
        (Some(low), Some(high)) if total % 2.0 == 0.0 => Some(f64::midpoint(f64::from(low), f64::from(high))),
        // One of the middle two waited longer than the bins tell.
        (_, None) if total % 2.0 == 0.0 => None,
        (_, Some(high)) if total.fract() == 0.0 => Some(f64::from(high)),
        (low, _) => low.map(f64::from),
    };
    let slack = Z * all.variance.sqrt() / 2.0;
    let side = |inner: fn(Estimate) -> f64, outer: fn(Estimate) -> f64, slack: f64| {
        let mut below = 0.0;
        let mut above: f64 = (0..bins.len()).map(|bin| outer(at(bin))).sum();
        (0..bins.len()).find_map(|place| {
            below += inner(at(place));
            above -= outer(at(place));
            ((below - above) / 2.0 + slack >= 0.0).then_some(bins[place].0)
        })
    };
    let last = bins.iter().rev().find_map(|(day, _)| *day).unwrap_or(0);
    let lower = side(|e| e.upper, |e| e.lower, slack).flatten().map_or(f64::from(last) + 1.0, f64::from);
    let upper = side(|e| e.lower, |e| e.upper, -slack).flatten().map(f64::from);
    let status = if hidden { Status::Estimated } else { Status::Ok };
    match (value, upper) {
        (Some(value), Some(upper)) => Cell::interval(status, value, lower.min(value), upper.max(value)),
        (value, upper) => Cell {
            // In the open bin the median has a lower bound only.
            status: if value.is_some() { status } else { Status::NotApplicable },
            value: value.map(Into::into),
            lower: Some(lower.into()),
            upper: upper.map(Into::into),
            margin: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(counts: &[f64]) -> Vec<Estimate> {
        counts
            .iter()
            .map(|&value| Estimate { value, lower: value, upper: value, variance: 0.0, parts: 2, hidden: 0 })
            .collect()
    }

    fn bins(days: usize) -> Vec<(Option<u32>, usize)> {
        (0..days).map(|day| (Some(day as u32), day)).chain([(None, days)]).collect()
    }

    fn of(counts: &[f64]) -> Option<f64> {
        median(&exact(counts), &bins(counts.len() - 1)).value.map(super::super::figure::Number::get)
    }

    #[test]
    fn medians_are_the_middle_person_or_the_mean_of_two() {
        // days 0,0,1,3,9 -> 1; days 0,0,1,3 -> 0.5; days 0,2 -> 1; day 3 alone -> 3.
        assert_eq!(of(&[2., 1., 0., 1., 0., 0., 0., 0., 0., 1., 0.]), Some(1.0));
        assert_eq!(of(&[2., 1., 0., 1., 0.]), Some(0.5));
        assert_eq!(of(&[1., 0., 1., 0.]), Some(1.0));
        assert_eq!(of(&[0., 0., 0., 1., 0.]), Some(3.0));
        // Six of ten beyond the last bin: no value, only a lower bound.
        let open = median(&exact(&[4., 0., 6.]), &bins(2));
        assert_eq!((open.value, open.status, open.lower.map(|n| n.get())), (None, Status::NotApplicable, Some(2.0)));
        assert_eq!(median(&exact(&[0., 0.]), &bins(1)).status, Status::NotApplicable);
    }

    /// Every histogram of up to three people a bin over four days and the open bin, against the people in a row.
    #[test]
    fn a_median_off_the_bins_is_the_median_of_the_people() {
        for number in 1..4_u32.pow(5) {
            let counts: Vec<u32> = (0..5).map(|bin| number / 4_u32.pow(bin) % 4).collect();
            let mut people: Vec<Option<f64>> = Vec::new();
            for (bin, count) in counts.iter().enumerate() {
                let day = (bin < 4).then_some(bin as f64);
                people.extend(std::iter::repeat_n(day, *count as usize));
            }
            let middle = people.len() / 2;
            let expected = match people.len() % 2 {
                1 => people[middle],
                _ => people[middle - 1].zip(people[middle]).map(|(one, other)| (one + other) / 2.0),
            };
            let counts: Vec<f64> = counts.into_iter().map(f64::from).collect();
            assert_eq!(of(&counts), expected, "{counts:?}");
        }
    }

    #[test]
    fn noise_and_hiding_widen_the_interval_around_a_median() {
        let mut noisy = exact(&[100., 100., 100., 100., 0.]);
        for estimate in &mut noisy {
            estimate.variance = 100.0;
        }
        let cell = median(&noisy, &bins(4));
        // Total variance 500, so the slack is 1.96 x 22.36 / 2 = 21.9 people: days 1 to 2 are possible.
        let (lower, upper) = (cell.lower.map(|n| n.get()), cell.upper.map(|n| n.get()));
        assert_eq!((cell.value.map(|n| n.get()), lower, upper), (Some(1.5), Some(1.0), Some(2.0)));
        let mut hidden = exact(&[10., 4., 10., 0.]);
        hidden[1] = Estimate { value: 4., lower: 1., upper: 7., variance: 0., parts: 2, hidden: 1 };
        let cell = median(&hidden, &bins(3));
        assert_eq!((cell.status, cell.value.map(|n| n.get())), (Status::Estimated, Some(1.0)));
    }

    #[test]
    fn rates_are_per_100000_to_one_decimal() {
        let residents = Residents { year: 2024, working_age: 80_000, older: 20_000, adults: 100_000 };
        let mut estimate = exact(&[25.0])[0];
        (estimate.lower, estimate.upper) = (23.0, 27.0);
        let cell = rate(estimate, Population::Older, residents);
        assert_eq!(cell.value.map(|n| n.get()), Some(125.0));
        assert_eq!((cell.lower.map(|n| n.get()), cell.upper.map(|n| n.get())), (Some(115.0), Some(135.0)));
        assert_eq!(rate(estimate, Population::Adults, Residents::default()).status, Status::NotApplicable);
    }
}
