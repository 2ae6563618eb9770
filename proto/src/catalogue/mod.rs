//! The catalogue: every question that Folkmoot can answer, with what a person needs to know before asking it.
//!
//! A measure's *entry* stands here, one file a family, because node and coordinator must agree on it; its *method*, a
//! pure function of one person's history, is the file of the same name in the node's `measures` room. Nothing in an
//! entry comes from data: categories, bins, caps and bounds are fixed here or by the query, so a layout is known
//! before anything is read.

mod admissions;
mod ascof;
mod costs;
mod document;
mod events;
pub mod pathways;
mod people;
pub mod quality;
mod reablement;
pub mod sts;
mod support;
pub mod waiting;

pub use document::page;

use crate::period::ReferencePeriod;

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
    /// The sums that the publication shows: each names the dimensions that are added up.
    pub totals: &'static [&'static [&'static str]],
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

/// One way to break a measure down.
#[derive(Debug, Clone, Copy)]
pub struct Dimension {
    /// Machine name: small letters and underscores.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Its closed list of categories.
    pub categories: Categories,
}

/// A closed list of categories, known before any data is read.
#[derive(Debug, Clone, Copy)]
pub enum Categories {
    /// A fixed list.
    List(&'static [&'static str]),
    /// A fixed list with some more at its end.
    ListAnd(&'static [&'static str], &'static [&'static str]),
    /// Whole days from 0 to this number, then one open bin.
    Days(u32),
    /// The calendar quarters that the query's period touches, such as `2025-04-01 to 2025-06-30`.
    Quarters,
    /// The calendar months that the query's period touches, such as `2025-04`.
    Months,
}

impl Categories {
    /// The labels, in order, for a query about this period.
    pub fn labels(self, period: ReferencePeriod) -> Vec<String> {
        match self {
            Self::List(list) => list.iter().map(|&label| label.to_owned()).collect(),
            Self::ListAnd(list, more) => list.iter().chain(more).map(|&label| label.to_owned()).collect(),
            Self::Days(last) => (0..=last).map(|day| day.to_string()).chain([format!("over {last}")]).collect(),
            Self::Quarters => quarters_touching(period).into_iter().map(|quarter| quarter.to_string()).collect(),
            Self::Months => {
                let (from, to) = (period.first().month(), period.last().month());
                let mut labels = Vec::new();
                let mut first = from.first_day();
                while first <= to.first_day() {
                    let month = first.month();
                    labels.push(format!("{:04}-{:02}", month.year(), month.month()));
                    first = first.plus_months(1);
                }
                labels
            }
        }
    }
}

/// The calendar quarters (January, April, July, October) that a period touches.
pub fn quarters_touching(period: ReferencePeriod) -> Vec<ReferencePeriod> {
    let month = period.first().month();
    let back = i32::from((month.month() - 1) % 3);
    let mut first = month.first_day().plus_months(-back);
    let mut quarters = Vec::new();
    while first <= period.last() {
        let next = first.plus_months(3);
        quarters.push(ReferencePeriod::inclusive(first, next.plus_days(-1)).expect("a quarter runs forwards"));
        first = next;
    }
    quarters
}

/// One setting that a query may give a measure.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Machine name.
    pub name: &'static str,
    /// What it changes, for people.
    pub title: &'static str,
    /// What it may be.
    pub values: Values,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of these words; the first is the default.
    Choice(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// Least.
        least: i64,
        /// Most.
        most: i64,
        /// When the query says nothing.
        default: i64,
    },
}

/// The setting of measures whose published code and documentation disagree.
pub(crate) const OFFICIAL_OR_DOCUMENTED: Setting = Setting {
    name: "variant",
    title: "The method as the official code runs it, or as its documentation describes it",
    values: Values::Choice(&["official", "documented"]),
};

impl Values {
    /// The default, as text.
    pub fn default_text(self) -> String {
        match self {
            Self::Choice(words) => words.first().map_or(String::new(), |word| (*word).to_owned()),
            Self::Integer { default, .. } => default.to_string(),
        }
    }
}

/// The settings of one query, checked against the measure's entry: every setting has a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings(Vec<(&'static str, String)>);

impl Settings {
    /// Checks named values against a measure's settings and fills the defaults.
    ///
    /// # Errors
    /// A sentence that names the setting and what it may be.
    pub fn check(measure: &Measure, given: &[(String, String)]) -> Result<Self, String> {
        for (name, _) in given {
            if !measure.options.iter().any(|setting| setting.name == name) {
                let known: Vec<_> = measure.options.iter().map(|setting| setting.name).collect();
                return Err(if known.is_empty() {
                    format!("{} has no settings, so `{name}` means nothing to it", measure.id)
                } else {
                    format!("{} has no setting `{name}`; it has {}", measure.id, known.join(", "))
                });
            }
        }
        let mut settings = Vec::new();
        for setting in measure.options {
            let mut values = given.iter().filter(|(name, _)| name == setting.name).map(|(_, value)| value);
            let text = values.next().cloned().unwrap_or_else(|| setting.values.default_text());
            if values.next().is_some() {
                return Err(format!("the setting `{}` is given twice", setting.name));
            }
            let valid = match setting.values {
                Values::Choice(words) => words.contains(&text.as_str()),
                Values::Integer { least, most, .. } => {
                    text.parse::<i64>().is_ok_and(|n| (least..=most).contains(&n) && n.to_string() == text)
                }
            };
            if !valid {
                let allowed = match setting.values {
                    Values::Choice(words) => words.join(", "),
                    Values::Integer { least, most, .. } => format!("a whole number from {least} to {most}"),
                };
                return Err(format!("the setting `{}` cannot be `{text}`: it may be {allowed}", setting.name));
            }
            settings.push((setting.name, text));
        }
        Ok(Self(settings))
    }

    /// The text of a setting; empty when the measure has no such setting.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The number of a setting; 0 when the measure has no such setting.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// All settings, in the entry's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// How much one person's records can change one answer of one council, whatever those records are.
///
/// The node enforces it before a private answer (surplus contributions are dropped by a keyed order that looks only at
/// that person), so it is a fact about the answer and not a hope about the data. Neighbouring: all records of one
/// person in one council added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The most contributions of one person.
    pub contributions: u32,
    /// The largest single contribution, in the measure's unit.
    pub amount: u64,
    /// The most that the contributions of one person may add up to.
    pub total: u64,
    /// The most that they may add up to in one cell.
    pub per_cell: u64,
}

impl Bound {
    /// One person, one cell, by one.
    pub const ONE: Self = Self { contributions: 1, amount: 1, total: 1, per_cell: 1 };

    /// At most `contributions` contributions of one each, which may all fall into the same cell.
    pub const fn events(contributions: u32) -> Self {
        let total = contributions as u64;
        Self { contributions, amount: 1, total, per_cell: total }
    }

    /// At most `cells` different cells, by one each.
    pub const fn cells(cells: u32) -> Self {
        Self { contributions: cells, amount: 1, total: cells as u64, per_cell: 1 }
    }

    /// A sum of at most `total`, spread over at most `contributions` cells in any way.
    pub const fn sum(contributions: u32, total: u64) -> Self {
        Self { contributions, amount: total, total, per_cell: total }
    }

    /// L1 sensitivity.
    pub const fn l1(self) -> u64 {
        self.total
    }

    /// Square of the L2 sensitivity: the worst spread of `total` over cells of at most `per_cell`.
    pub const fn l2_squared(self) -> u128 {
        let (total, per_cell) = (self.total as u128, self.per_cell as u128);
        if per_cell == 0 {
            return 0;
        }
        let (full, rest) = (total / per_cell, total % per_cell);
        full * per_cell * per_cell + rest * rest
    }
}

/// What of a question decides how much one person can change the answer.
pub struct Asked<'a> {
    /// The measure.
    pub measure: &'static Measure,
    /// Its settings.
    pub settings: &'a Settings,
    /// Places in the measure's dimensions that the figures are broken down by.
    pub by: &'a [usize],
    /// Places in the measure's dimensions with the categories that filters keep.
    pub filters: &'a [(usize, Vec<usize>)],
}

impl Asked<'_> {
    /// True when the figures stand apart by this dimension.
    pub fn is_by(&self, dimension: &str) -> bool {
        self.by.iter().any(|&place| self.measure.dimensions[place].name == dimension)
    }

    /// True when the filters keep this category of this dimension.
    pub fn keeps(&self, dimension: &str, category: usize) -> bool {
        let filter = self.filters.iter().find(|(place, _)| self.measure.dimensions[*place].name == dimension);
        filter.is_none_or(|(_, kept)| kept.contains(&category))
    }
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

/// Dimensions that several families share.
pub(crate) mod dimensions {
    use super::{Categories, Dimension};
    use crate::codelist::{CodeList, EthnicGroup, Gender, SupportReason};

    /// The two published adult bands.
    pub(crate) const ADULT_BANDS: &[&str] = &["18 to 64", "65 and above"];

    /// Working age band with the unknown ages, as several published totals include them.
    pub(crate) const ADULT_BANDS_AND_UNKNOWN: &[&str] = &["18 to 64", "65 and above", "Unknown"];

    /// Working age band of the person table.
    pub(crate) const PERSON_BANDS: &[&str] = &["Under 18", "18 to 64", "65 and above", "Unknown"];

    /// The nine fine bands of the main tables.
    pub(crate) const FINE_BANDS: &[&str] = &[
        "Under 18",
        "18 to 24",
        "25 to 44",
        "45 to 64",
        "65 to 74",
        "75 to 84",
        "85 to 94",
        "95 and above",
        "Unknown",
    ];

    pub(crate) const fn age_band(bands: &'static [&'static str]) -> Dimension {
        Dimension { name: "age_band", title: "Age band", categories: Categories::List(bands) }
    }

    pub(crate) const GENDER: Dimension =
        Dimension { name: "gender", title: "Gender", categories: Categories::List(Gender::LABELS) };

    pub(crate) const ETHNIC_GROUP: Dimension =
        Dimension { name: "ethnic_group", title: "Ethnic group", categories: Categories::List(EthnicGroup::LABELS) };

    pub(crate) const REASON: Dimension = Dimension {
        name: "primary_support_reason",
        title: "Primary support reason",
        categories: Categories::List(SupportReason::LABELS),
    };

    /// The four long term settings, highest first.
    pub(crate) const SETTING: Dimension = Dimension {
        name: "setting",
        title: "Setting",
        categories: Categories::List(&[
            "Long term support: Nursing care",
            "Long term support: Residential care",
            "Long term support: Community",
            "Long term support: Prison",
        ]),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
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
            for name in measure.default_by.iter().chain(measure.totals.iter().copied().flatten()) {
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
