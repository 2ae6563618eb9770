//! The catalogue: every question that Folkmoot can answer, with what a person needs to know before asking it.
//!
//! A measure's *entry* stands here, one file a family, because node and coordinator must agree on it; its *method*, a
//! pure function of one person's history, is the file of the same name in the node's `measures` room. Nothing in an
//! entry comes from data: categories, bins, caps and bounds are fixed here or by the query, so a layout is known
//! before anything is read.

mod admissions;
mod ascof;
mod bound;
mod costs;
pub(crate) mod dimensions;
mod document;
mod events;
pub mod pathways;
mod people;
pub mod quality;
mod reablement;
mod settings;
pub mod sts;
mod support;
pub mod waiting;

pub use bound::{Asked, Bound};
pub use dimensions::{Categories, Dimension, quarters_touching};
pub use document::page;
pub(crate) use settings::OFFICIAL_OR_DOCUMENTED;
pub use settings::{Setting, Settings, Values};

/// What one measure counts and how it may be asked. All of it is public knowledge.
#[derive(Debug)]
pub struct Measure {
    /// The id as printed: capitals, digits and hyphens. Looked up without case or punctuation.
    pub id: &'static str,
    /// Changes whenever the same histories could give other figures.
    pub version: u16,
    /// One line for lists.
    pub title: &'static str,
    /// What it counts and by which rules, for an analyst and an information governance lead.
    pub text: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// How the components are read together.
    pub kind: Kind,
    /// Every dimension it can be broken down and filtered by, in layout order.
    pub dimensions: &'static [Dimension],
    /// Dimensions used when a query names none.
    pub default_by: &'static [&'static str],
    /// The most dimensions that one query may use.
    pub max_by: usize,
    /// The sums that the publication shows.
    pub totals: &'static [Sum],
    /// What the query's dates mean.
    pub window: Window,
    /// Which table it reads.
    pub table: Table,
    /// Settings of the measure beside its breakdown.
    pub options: &'static [Setting],
    /// How much one person can change, and why no more.
    pub bound: fn(&Asked<'_>) -> Bound,
    /// The reason for the bound, in words a reviewer can check.
    pub bound_reason: &'static str,
    /// Published source of the method.
    pub source: &'static str,
}

/// One of the sums that the publication shows, by the dimensions that are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// All of the measure's dimensions, those included that it may get one day.
    All,
    /// These.
    Over(&'static [&'static str]),
}

impl Sum {
    /// True when this dimension is added up.
    pub fn adds_up(self, dimension: &str) -> bool {
        match self {
            Self::All => true,
            Self::Over(names) => names.contains(&dimension),
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Distinct people of one council.
    People,
    /// Events.
    Events,
    /// Groups of adjoining services.
    Clusters,
    /// Whole pounds.
    Pounds,
    /// Cells of rows, by field.
    Cells,
}

impl Unit {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Events => "events",
            Self::Clusters => "clusters",
            Self::Pounds => "pounds",
            Self::Cells => "cells",
        }
    }
}

/// How the components of a measure are read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Components `yes` and `no`: the figure is yes / (yes + no), a percentage to one decimal.
    Ratio,
    /// Component `count`.
    Count,
    /// Component `count`, published per 100,000 residents of the named age group.
    Rate(Population),
    /// Component `count` over bins of a dimension named `days`: medians are read off it.
    Histogram,
}

impl Kind {
    /// The components, in layout order.
    pub fn components(self) -> &'static [&'static str] {
        match self {
            Self::Ratio => &["yes", "no"],
            Self::Count | Self::Rate(_) | Self::Histogram => &["count"],
        }
    }
}

/// Which residents a rate is per 100,000 of (mid-year estimates).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Aged 18 to 64.
    WorkingAge,
    /// Aged 65 and over.
    Older,
    /// Aged 18 and over.
    Adults,
}

/// What the dates of a query mean for a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Everything between the two days, both included.
    Period,
    /// The last day alone; the first still bounds what is looked at where the method says so.
    Snapshot,
    /// Either: one day when both dates are equal, else the period.
    Either,
}

/// Which of the two national tables a measure reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Several submissions joined by quarter (no costs).
    Joined,
    /// The latest single submission of twelve months (with costs).
    Single,
    /// The same table with the data-quality codes of every cell (and without costs).
    SingleWithCodes,
}

impl Measure {
    /// How much one person can change the answer to a question with these settings and nothing else said: default
    /// breakdown, no filters.
    pub fn bound_with(&'static self, settings: &Settings) -> Bound {
        let by: Vec<usize> = self
            .default_by
            .iter()
            .filter_map(|name| self.dimensions.iter().position(|dimension| dimension.name == *name))
            .collect();
        (self.bound)(&Asked { measure: self, settings, by: &by, filters: &[] })
    }

    /// The dimension with this name.
    pub fn dimension(&self, name: &str) -> Option<&'static Dimension> {
        self.dimensions.iter().find(|dimension| dimension.name == name)
    }
}

/// Every measure, by family, in catalogue order.
pub fn all() -> impl Iterator<Item = &'static Measure> {
    FAMILIES.iter().copied().flatten()
}

// One family a line.
#[rustfmt::skip]
const FAMILIES: &[&[Measure]] = &[
    reablement::MEASURES,
    admissions::MEASURES,
    ascof::MEASURES,
    support::MEASURES,
    people::MEASURES,
    waiting::MEASURES,
    events::MEASURES,
    costs::MEASURES,
    pathways::MEASURES,
    sts::MEASURES,
    quality::MEASURES,
];

/// The measure with this id, however it is written: `ASCOF-2E`, `ascof 2e` and `2E` are the same.
pub fn find(id: &str) -> Option<&'static Measure> {
    let wanted = fold(id);
    all().find(|measure| fold(measure.id) == wanted).or_else(|| {
        let with_family = format!("ascof{wanted}");
        all().find(|measure| fold(measure.id) == with_family)
    })
}

fn fold(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::ReferencePeriod;
    use std::collections::BTreeSet;

    #[test]
    fn every_entry_is_complete_and_consistent() {
        let mut ids = BTreeSet::new();
        for measure in all() {
            assert!(ids.insert(fold(measure.id)), "{} stands twice", measure.id);
            assert!(find(measure.id).is_some_and(|found| std::ptr::eq(found, measure)), "{}", measure.id);
            assert!(measure.text.len() > 80 && measure.bound_reason.len() > 20, "{} says too little", measure.id);
            let names: BTreeSet<_> = measure.dimensions.iter().map(|dimension| dimension.name).collect();
            assert_eq!(names.len(), measure.dimensions.len(), "{} repeats a dimension", measure.id);
            assert!(measure.default_by.len() <= measure.max_by, "{}", measure.id);
            let summed = measure.totals.iter().flat_map(|sum| match sum {
                Sum::All => &[],
                Sum::Over(names) => *names,
            });
            for name in measure.default_by.iter().chain(summed) {
                assert!(names.contains(name), "{} names the unknown dimension {name}", measure.id);
            }
            let settings = Settings::check(measure, &[]).expect("defaults are valid");
            let bound = measure.bound_with(&settings);
            assert!(bound.contributions > 0 && bound.amount > 0 && bound.per_cell <= bound.total, "{}", measure.id);
        }
    }

    #[test]
    fn measures_are_found_however_they_are_written() {
        for written in ["ASCOF-2E", "ascof 2e", "2E", "ASCOF_2E", "2e"] {
            assert_eq!(find(written).map(|measure| measure.id), Some("ASCOF-2E"), "{written}");
        }
        assert!(find("2").is_none() && find("").is_none());
    }

    #[test]
    fn the_squared_sensitivity_is_that_of_the_worst_spread() {
        assert_eq!(Bound::ONE.l2_squared(), 1);
        assert_eq!(Bound::cells(4).l2_squared(), 4);
        assert_eq!(Bound::events(3).l2_squared(), 9);
        let capped = Bound { contributions: 5, amount: 1, total: 5, per_cell: 2 };
        assert_eq!(capped.l2_squared(), 2 * 4 + 1);
    }

    #[test]
    fn quarters_and_months_come_from_the_period_alone() {
        let day = |text: &str| text.parse().expect("the test's own date");
        let period = ReferencePeriod::inclusive(day("2025-02-10"), day("2025-07-01")).expect("forwards");
        assert_eq!(quarters_touching(period).len(), 3);
        assert_eq!(Categories::Quarters.labels(period)[0], "2025-01-01 to 2025-03-31");
        assert_eq!(Categories::Months.labels(period).len(), 6);
        assert_eq!(Categories::Days(2).labels(period), ["0", "1", "2", "over 2"]);
    }
}
