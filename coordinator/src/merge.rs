//! Councils' protected answers to figures for councils, boards, regions and England.
//!
//! ```text
//! answers (protected, one a council) --Parts--> per council: value, least, most
//!     --sum over an area's councils--> Estimate --Recipe--> Cell (count, denominator, percentage, rate, median)
//! ```
//!
//! Everything here is a function of figures that were protected at the councils, so it reveals no more than they do.
//! Values are kept raw and signed; how they are shown is the publisher's business. What was hidden enters a sum by the
//! least and the most that the rules allow, narrowed by what the same council's cells and sums say together.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::catalogue::Unit;
use folkmoot_proto::disclosure::{Bounds, Figure, Profile, round5};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::Query;

use crate::answer::Answer;
pub use crate::scope::Level;
use crate::scope::Scope;

mod areas;
mod figure;
mod joint;
mod ratio;
mod recipe;

pub use areas::Area;
pub(crate) use areas::count_areas;
pub use figure::{Cell, Number, Row, Statistic, Status};
pub use joint::merge_joint;
pub use ratio::{Interval, fieller};

use figure::Estimate;
use recipe::Recipe;

/// Figures of several areas over one list of rows.
///
/// # Shape
/// `areas[a].cells[r]` is the figure of area `a` for `rows[r]`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Table {
    /// What each figure is of, the same for every area.
    pub rows: Vec<Row>,
    /// The areas: England, regions, boards, councils.
    pub areas: Vec<Area>,
}

/// What was asked of whom, beside the answers themselves.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The question.
    pub query: &'a Query,
    /// Its layout.
    pub layout: &'a Layout,
    /// Which areas figures are wanted for.
    pub scope: &'a Scope,
    /// The councils asked.
    pub councils: &'a BTreeSet<CouncilCode>,
}

/// Merges the answers of councils.
pub fn merge(asked: Asked<'_>, answers: &BTreeMap<CouncilCode, Answer>) -> Table {
    let parts = Parts::of(asked, answers);
    let profile = asked.query.release().profile();
    table(asked, &answers.keys().copied().collect(), |outline| {
        let estimates = parts.sum(&outline.members, outline.level == Level::Council);
        (estimates, outline.level != Level::Council && profile == Some(Profile::Ascof))
    })
}

/// The table of a question from estimates for each area, in layout order, and whether counts are still to be rounded.
fn table(
    asked: Asked<'_>,
    present: &BTreeSet<CouncilCode>,
    estimates: impl Fn(&areas::Outline) -> (Vec<Estimate>, bool),
) -> Table {
    let geography = Geography::built_in();
    let recipes = recipe::recipes(asked.query, asked.layout);
    let areas = areas::areas(geography, asked.scope, asked.councils)
        .into_iter()
        .map(|outline| {
            let (estimates, rounded) = estimates(&outline);
            let present: BTreeSet<_> = outline.members.intersection(present).copied().collect();
            let residents = |codes: &BTreeSet<CouncilCode>| areas::residents(geography, codes);
            let cells =
                recipes.iter().map(|(_, recipe)| recipe.cell(&estimates, residents(&present), rounded)).collect();
            let wanted = outline.members.intersection(asked.councils).count();
            let all = residents(&outline.whole).adults;
            let share = if all == 0 { 0.0 } else { residents(&present).adults as f64 / all as f64 };
            outline.into_area(present.len(), wanted, share, cells)
        })
        .collect();
    Table { rows: recipes.into_iter().map(|(row, _)| row).collect(), areas }
}

/// What is known of each council's figures.
struct Parts {
    councils: BTreeMap<CouncilCode, Vec<Part>>,
    figures: usize,
    /// Cells that each figure adds: how often the noise of a cell enters.
    added: Vec<usize>,
}

/// One figure of one council.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    value: f64,
    bounds: Bounds,
    /// What the rules alone say: all that is shown of a council on its own.
    declared: Bounds,
    hidden: bool,
    /// Variance of the noise in a cell of this council.
    variance: f64,
}

impl Parts {
    fn of(asked: Asked<'_>, answers: &BTreeMap<CouncilCode, Answer>) -> Self {
        let layout = asked.layout;
        let sums: Vec<(usize, Vec<usize>)> =
            (layout.cells()..layout.len()).map(|figure| (figure, layout.sum_of(figure))).collect();
        let mut added = vec![1; layout.cells()];
        added.extend(sums.iter().map(|(_, cells)| cells.len()));
        let geography = Geography::built_in();
        let adults = |code: &CouncilCode| geography.council(*code).map_or(0, |council| council.population.adults);
        let mut councils: BTreeMap<CouncilCode, Vec<Part>> = answers
            .iter()
            .map(|(code, answer)| {
                let mut parts = known(asked.query, layout, answer, adults(code));
                tighten(&mut parts, &sums);
                (*code, parts)
            })
            .collect();
        estimate_hidden(&mut councils, layout.len(), adults);
        Self { councils, figures: layout.len(), added }
    }

    fn sum(&self, members: &BTreeSet<CouncilCode>, alone: bool) -> Vec<Estimate> {
        let mut estimates = vec![Estimate::default(); self.figures];
        let present = members.iter().filter_map(|code| self.councils.get(code));
        let mut count = 0;
        let mut only = None;
        for parts in present {
            count += 1;
            only = Some(parts);
            for (place, (estimate, part)) in estimates.iter_mut().zip(parts).enumerate() {
                estimate.parts += 1;
                estimate.hidden += u32::from(part.hidden);
                estimate.value += part.value;
                estimate.lower += part.bounds.lower as f64;
                estimate.upper += part.bounds.upper as f64;
                estimate.variance += part.variance * self.added[place] as f64;
            }
        }
        // A council on its own, or an area that is one council, shows what the rules say and not what can be worked
        // out: printing the narrower bounds would do the attacker's work.
        if let (true, Some(parts)) = (alone || count == 1, only) {
            for (estimate, part) in estimates.iter_mut().zip(parts) {
                estimate.lower = part.declared.lower as f64;
                estimate.upper = part.declared.upper as f64;
            }
        }
        estimates
    }
}

/// More than any council's events, clusters or pounds of a year.
const MOST_OF_OTHERS: i64 = 1_000_000_000;

fn known(query: &Query, layout: &Layout, answer: &Answer, adults: u64) -> Vec<Part> {
    let is_ratio = layout.components().len() == 2;
    let variance = {
        let claimed = answer.facts().sigma_nano as f64 / 1e9;
        // Never less noise than the price pays for, whatever the council says.
        let paid = query.release().rho().map_or(0.0, |rho| rho.sigma(query.bound().l2_squared()));
        claimed.max(paid).powi(2)
    };
    // Events, clusters and pounds have no such limit as people have.
    let most = if query.measure().unit == Unit::People { adults.max(1) as i64 } else { MOST_OF_OTHERS };
    // A service that ends before it starts takes money away.
    let least = if query.measure().unit == Unit::Pounds { -most } else { 0 };
    answer
        .figures()
        .iter()
        .enumerate()
        .map(|(place, figure)| match (query.release().profile(), figure) {
            (Some(profile), figure) => {
                let bounds = if answer.is_withheld(place) {
                    Bounds { lower: least, upper: most }
                } else {
                    profile.bounds(*figure, is_ratio, most)
                };
                let hidden = *figure == Figure::Hidden;
                let value = figure.shown().unwrap_or_default() as f64;
                Part { value, bounds, declared: bounds, hidden, variance: 0.0 }
            }
            (None, Figure::Shown(value)) => {
                let bounds = Bounds { lower: *value, upper: *value };
                Part { value: *value as f64, bounds, declared: bounds, hidden: false, variance }
            }
            // Noisy answers hide nothing; `Answer::new` refuses one that does.
            (None, Figure::Hidden) => Part::default(),
        })
        .collect()
}

/// Narrows the bounds of one council's figures by what its cells and sums say together, until nothing changes.
///
/// # Guarantee
/// If every true count lies within its bounds before, it does so after: each step is a consequence of
/// "sum = cells added". Bounds of figures without noise only.
fn tighten(parts: &mut [Part], sums: &[(usize, Vec<usize>)]) {
    const PASSES: usize = 4;
    if parts.iter().any(|part| part.variance > 0.0) {
        return;
    }
    for _ in 0..PASSES {
        let mut changed = false;
        for (sum, cells) in sums {
            let low: i64 = cells.iter().map(|&cell| parts[cell].bounds.lower).sum();
            let high: i64 = cells.iter().map(|&cell| parts[cell].bounds.upper).sum();
            changed |= narrow(&mut parts[*sum].bounds, low, high);
            let Bounds { lower, upper } = parts[*sum].bounds;
            for &cell in cells {
                let own = parts[cell].bounds;
                changed |= narrow(&mut parts[cell].bounds, lower - (high - own.upper), upper - (low - own.lower));
            }
        }
        if !changed {
            return;
        }
    }
}

fn narrow(bounds: &mut Bounds, lower: i64, upper: i64) -> bool {
    let next = Bounds { lower: bounds.lower.max(lower), upper: bounds.upper.min(upper) };
    // Contradictory figures (a council's data or software at fault) are left as the rules bound them.
    if next.lower > next.upper || next == *bounds {
        return false;
    }
    *bounds = next;
    true
}

/// Gives every hidden figure its best guess: the middle of its bounds where they are narrow; else the rate per adult of
/// the councils that show the figure, kept within the bounds.
fn estimate_hidden(
    councils: &mut BTreeMap<CouncilCode, Vec<Part>>,
    figures: usize,
    adults: impl Fn(&CouncilCode) -> u64,
) {
    const NARROW: i64 = 20;
    for figure in 0..figures {
        let (mut shown, mut residents) = (0.0, 0.0);
        for (code, parts) in councils.iter().filter(|(_, parts)| !parts[figure].hidden) {
            shown += parts[figure].value;
            residents += adults(code) as f64;
        }
        let rate = if residents > 0.0 { shown / residents } else { 0.0 };
        for (code, parts) in councils.iter_mut() {
            let part = &mut parts[figure];
            if !part.hidden {
                continue;
            }
            let (lower, upper) = (part.bounds.lower as f64, part.bounds.upper as f64);
            part.value = if part.bounds.upper - part.bounds.lower <= NARROW {
                f64::midpoint(lower, upper)
            } else {
                (rate * adults(code) as f64).round().clamp(lower, upper)
            };
        }
    }
}

impl Recipe {
    fn cell(&self, estimates: &[Estimate], residents: folkmoot_proto::geography::Residents, rounded: bool) -> Cell {
        match self {
            Self::Count(figure) => count(estimates[*figure], rounded),
            Self::Denominator(yes, no) => {
                let joined = estimates[*yes].plus(estimates[*no]);
                count(joined, rounded)
            }
            Self::Percentage(yes, no) => ratio::percentage(estimates[*yes], estimates[*no]),
            Self::Rate(figure, population) => recipe::rate(estimates[*figure], *population, residents),
            Self::Median(bins) => recipe::median(estimates, bins),
        }
    }
}

/// A count, with the status that says how far to believe it.
fn count(estimate: Estimate, rounded: bool) -> Cell {
    if estimate.parts == 0 {
        return Cell::not_submitted();
    }
    if estimate.parts == 1 && estimate.hidden > 0 {
        return Cell::suppressed(Some(estimate.lower), Some(estimate.upper));
    }
    if estimate.variance > 0.0 {
        return noisy(estimate);
    }
    let status = if estimate.hidden > 0 { Status::Estimated } else { Status::Ok };
    let Estimate { mut value, mut lower, mut upper, .. } = estimate;
    if rounded {
        if value < 5.0 {
            return Cell::suppressed(Some(0.0), Some(upper.max(4.0)));
        }
        value = round5(value.round() as i64) as f64;
        (lower, upper) = (lower.min(value - 2.0), upper.max(value + 2.0));
    }
    Cell::interval(status, value, lower, upper)
}

fn noisy(estimate: Estimate) -> Cell {
    let margin = folkmoot_proto::privacy::margin(estimate.variance.sqrt()) as f64;
    // A number that would print as zero though it is not known to be one.
    let status = if estimate.value < 0.5 { Status::Low } else { Status::Ok };
    Cell {
        status,
        value: Some(estimate.value.into()),
        lower: Some((estimate.value - margin).max(0.0).into()),
        upper: Some((estimate.value + margin).max(0.0).into()),
        margin: Some(margin.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
