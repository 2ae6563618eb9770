//! A question, checked: everything in it exists in the catalogue, and equal meaning has equal bytes.
//!
//! ```text
//! text from a person or wire::Query --Query::new--> Query --canonical()--> bytes --digest()--> 32 bytes
//!                                                      \--Layout::of--> where each figure stands
//! ```

mod canonical;
mod wire_form;

use std::collections::BTreeSet;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::catalogue::{self, Bound, Measure, Settings, Window};
use crate::codelist;
use crate::period::{Day, ReferencePeriod};
use crate::privacy::Rho;

pub use canonical::Canonical;

/// Why a question cannot be asked. Each names the part at fault and what it could be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such measure.
    #[error("there is no measure `{0}`; `measures` lists them")]
    Measure(String),
    /// Another version of the measure than this software has.
    #[error("{id} is asked in version {asked}, but this software has version {known}")]
    Version {
        /// The measure.
        id: &'static str,
        /// The version asked for.
        asked: u32,
        /// The version this software has.
        known: u16,
    },
    /// Another version of the code lists.
    #[error("the question uses the code lists `{asked}`, but this software has `{known}`")]
    CodeLists {
        /// The version asked for.
        asked: String,
        /// The version this software has.
        known: &'static str,
    },
    /// No such dimension.
    #[error("{measure} has no dimension `{asked}`; it has {known}")]
    Dimension {
        /// The measure.
        measure: &'static str,
        /// The name asked for.
        asked: String,
        /// The names there are.
        known: String,
    },
    /// A dimension twice.
    #[error("the dimension `{0}` is named twice")]
    Repeated(String),
    /// More dimensions than the measure allows at once.
    #[error("{measure} can be broken down by {most} dimensions at once, not {asked}: leave some out")]
    TooManyDimensions {
        /// The measure.
        measure: &'static str,
        /// The most there may be.
        most: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// No such category.
    #[error("the dimension `{dimension}` has no category `{asked}`; it has: {known}")]
    Category {
        /// The dimension.
        dimension: &'static str,
        /// The category asked for.
        asked: String,
        /// The categories there are.
        known: String,
    },
    /// A filter that keeps nothing.
    #[error("the filter on `{0}` keeps no category")]
    EmptyFilter(String),
    /// A setting the measure does not have or cannot take.
    #[error("{0}")]
    Setting(String),
    /// Days that do not make a period.
    #[error("the question's days are wrong")]
    Period(#[from] crate::period::Error),
    /// A period too long or out of the years that client level data know.
    #[error("the period {0} cannot be asked about: it must lie between 2015 and 2099 and last at most ten years")]
    PeriodBounds(ReferencePeriod),
    /// A joined window that is not whole calendar quarters.
    #[error("the joined window {0} is not made of whole calendar quarters")]
    JoinedWindow(ReferencePeriod),
    /// The layout would be too large.
    #[error("the table would have {cells} cells, and the limit is {limit}: {hint}")]
    TooLarge {
        /// Cells it would have.
        cells: u128,
        /// Cells it may have.
        limit: usize,
        /// What to leave out.
        hint: String,
    },
    /// A part of the message is missing or holds a value this version does not know.
    #[error("the field `{0}` of the question is missing or not known to this version")]
    Field(&'static str),
}

/// How figures are protected before they leave a council.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// Each council's own figures, small numbers hidden and the rest rounded as the profile says.
    CouncilSuppressed(Profile),
    /// Each council's own figures with discrete Gaussian noise at full strength.
    CouncilPrivate(Rho),
    /// Masked figures that can only be read as a sum; the sum carries one dose of noise.
    JointPrivate(Rho),
    /// Masked figures that can only be read as a sum; the coordinator suppresses and rounds the sum.
    JointSuppressed(Profile),
}

impl Release {
    /// The word on the command line and in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::CouncilSuppressed(_) => "council-suppressed",
            Self::CouncilPrivate(_) => "council-private",
            Self::JointPrivate(_) => "joint-private",
            Self::JointSuppressed(_) => "joint-suppressed",
        }
    }

    /// The price per person, when it has one.
    pub fn rho(self) -> Option<Rho> {
        match self {
            Self::CouncilPrivate(rho) | Self::JointPrivate(rho) => Some(rho),
            Self::CouncilSuppressed(_) | Self::JointSuppressed(_) => None,
        }
    }

    /// The suppression profile, when it has one.
    pub fn profile(self) -> Option<Profile> {
        match self {
            Self::CouncilSuppressed(profile) | Self::JointSuppressed(profile) => Some(profile),
            Self::CouncilPrivate(_) | Self::JointPrivate(_) => None,
        }
    }

    /// True when only sums over several councils can be read.
    pub fn is_joint(self) -> bool {
        matches!(self, Self::JointPrivate(_) | Self::JointSuppressed(_))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match (self.rho(), self.profile()) {
            (Some(rho), _) => write!(f, " (rho {rho})"),
            (_, Some(profile)) => write!(f, " ({})", profile.word()),
            _ => Ok(()),
        }
    }
}

pub use crate::disclosure::Profile;

/// Which rows are the same event: how the texts of their keys are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum KeyReading {
    /// Texts as in the file (the method of June 2026).
    #[default]
    Raw,
    /// Cleaned values (the method of July 2026).
    Cleaned,
}

/// Which of the council's data a figure is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DataRule {
    /// Submissions received after this day are not used; today when absent.
    pub as_of: Option<Day>,
    /// The window that submissions are joined over; all quarters held when absent.
    pub joined: Option<ReferencePeriod>,
    /// Which rows are the same event.
    pub key: KeyReading,
}

/// One filter: keep people or events in these categories of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The dimension's name.
    pub dimension: String,
    /// The categories to keep.
    pub categories: Vec<String>,
}

/// A checked question. Whatever order, case of ids or spelling of defaults it was asked with, equal questions are
/// equal here and have equal [canonical](Query::canonical) bytes.
#[derive(Clone)]
pub struct Query {
    measure: &'static Measure,
    period: ReferencePeriod,
    by: Vec<usize>,
    filters: Vec<(usize, Vec<usize>)>,
    settings: Settings,
    data: DataRule,
    release: Release,
}

impl Query {
    /// Checks a question against the catalogue.
    ///
    /// `by: None` asks for the measure's default breakdown, `Some(&[])` for the total alone. For a measure of one day
    /// only the last day of `period` counts; equal questions about it are equal whatever their first day.
    ///
    /// # Errors
    /// The [`Error`] that names what cannot be.
    pub fn new(
        measure: &str,
        period: ReferencePeriod,
        by: Option<&[String]>,
        filters: &[Filter],
        settings: &[(String, String)],
        data: DataRule,
        release: Release,
    ) -> Result<Self, Error> {
        let measure = catalogue::find(measure).ok_or_else(|| Error::Measure(measure.chars().take(60).collect()))?;
        check_period(period)?;
        let place = |name: &str| {
            let wanted = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
            measure.dimensions.iter().position(|dimension| dimension.name == wanted).ok_or_else(|| Error::Dimension {
                measure: measure.id,
                asked: name.chars().take(60).collect(),
                known: measure.dimensions.iter().map(|dimension| dimension.name).collect::<Vec<_>>().join(", "),
            })
        };
        let mut places = BTreeSet::new();
        match by {
            None => places.extend(measure.default_by.iter().filter_map(|name| place(name).ok())),
            Some(names) => {
                for name in names {
                    if !places.insert(place(name)?) {
                        return Err(Error::Repeated(name.clone()));
                    }
                }
            }
        }
        if places.len() > measure.max_by {
            return Err(Error::TooManyDimensions { measure: measure.id, most: measure.max_by, asked: places.len() });
        }
        let mut kept: Vec<(usize, Vec<usize>)> = Vec::new();
        for filter in filters {
            let at = place(&filter.dimension)?;
            if kept.iter().any(|(known, _)| *known == at) {
                return Err(Error::Repeated(filter.dimension.clone()));
            }
            let dimension = &measure.dimensions[at];
            let labels = dimension.categories.labels(period);
            let mut categories = BTreeSet::new();
            for asked in &filter.categories {
                let found = labels.iter().position(|label| label.eq_ignore_ascii_case(asked.trim()));
                categories.insert(found.ok_or_else(|| Error::Category {
                    dimension: dimension.name,
                    asked: asked.chars().take(120).collect(),
                    known: known_labels(&labels),
                })?);
            }
            if categories.is_empty() {
                return Err(Error::EmptyFilter(filter.dimension.clone()));
            }
            // A filter that keeps everything says nothing.
            if categories.len() < labels.len() {
                kept.push((at, categories.into_iter().collect()));
            }
        }
        kept.sort();
        let period = if measure.window == Window::Snapshot { ReferencePeriod::day(period.last()) } else { period };
        if let Some(window) = data.joined {
            check_period(window)?;
            let quarters = window.quarters();
            let whole = window.first().ymd().2 == 1
                && window.first().ymd().1 % 3 == 1
                && quarters.last().map(|quarter| quarter.last()) == Some(window.last());
            if !whole {
                return Err(Error::JoinedWindow(window));
            }
        }
        let settings = Settings::check(measure, settings).map_err(Error::Setting)?;
        Ok(Self { measure, period, by: places.into_iter().collect(), filters: kept, settings, data, release })
    }

    /// The measure asked for.
    pub fn measure(&self) -> &'static Measure {
        self.measure
    }

    /// The period the figures are about; one day for a measure of one day.
    pub fn period(&self) -> ReferencePeriod {
        self.period
    }

    /// Places in the measure's dimensions that the figures are broken down by, ascending.
    pub fn by(&self) -> &[usize] {
        &self.by
    }

    /// Places in the measure's dimensions with the categories to keep, both ascending.
    pub fn filters(&self) -> &[(usize, Vec<usize>)] {
        &self.filters
    }

    /// The measure's settings, defaults filled in.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which data it is about.
    pub fn data(&self) -> DataRule {
        self.data
    }

    /// How the figures are protected.
    pub fn release(&self) -> Release {
        self.release
    }

    /// How much one person can change the answer of one council.
    pub fn bound(&self) -> Bound {
        (self.measure.bound)(&catalogue::Asked {
            measure: self.measure,
            settings: &self.settings,
            by: &self.by,
            filters: &self.filters,
        })
    }

    /// The same question with another protection.
    pub fn with_release(&self, release: Release) -> Self {
        Self { release, ..self.clone() }
    }

    /// The same question about data as of a fixed day.
    pub fn with_as_of(&self, as_of: Day) -> Self {
        Self { data: DataRule { as_of: Some(as_of), ..self.data }, ..self.clone() }
    }

    /// The canonical bytes: length-prefixed fields under a domain string, with the versions of measure and code lists.
    ///
    /// # Guarantee
    /// Two questions have equal bytes exactly when they ask for the same figures of the same data with the same
    /// protection. Names of dimensions and categories are written out, so that bytes do not depend on positions.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Canonical::new("folkmoot/query/1");
        bytes.text(self.measure.id).number(u64::from(self.measure.version)).text(codelist::VERSION);
        bytes.period(self.period);
        bytes.number(self.by.len() as u64);
        for &place in &self.by {
            bytes.text(self.measure.dimensions[place].name);
        }
        bytes.number(self.filters.len() as u64);
        for (place, categories) in &self.filters {
            let dimension = &self.measure.dimensions[*place];
            let labels = dimension.categories.labels(self.period);
            bytes.text(dimension.name).number(categories.len() as u64);
            for &category in categories {
                bytes.text(&labels[category]);
            }
        }
        for (name, value) in self.settings.iter() {
            bytes.text(name).text(value);
        }
        bytes.optional(self.data.as_of, |bytes, day| bytes.number(day.number() as u64));
        bytes.optional(self.data.joined, |bytes, window| bytes.period(window));
        bytes.number(match self.data.key {
            KeyReading::Raw => 0,
            KeyReading::Cleaned => 1,
        });
        bytes.text(self.release.word());
        match (self.release.rho(), self.release.profile()) {
            (Some(rho), _) => bytes.number(rho.nano()),
            (_, Some(profile)) => bytes.text(profile.word()),
            _ => &mut bytes,
        };
        bytes.finish()
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical()).into()
    }

    /// The question in one plain sentence.
    pub fn sentence(&self) -> String {
        let mut text = format!("{} ({}), {}", self.measure.title, self.measure.id, self.period);
        if !self.by.is_empty() {
            let titles: Vec<_> =
                self.by.iter().map(|&place| self.measure.dimensions[place].title.to_lowercase()).collect();
            text.push_str(&format!(", by {}", titles.join(", ")));
        }
        for (place, categories) in &self.filters {
            let dimension = &self.measure.dimensions[*place];
            let labels = dimension.categories.labels(self.period);
            let kept: Vec<_> = categories.iter().map(|&category| labels[category].as_str()).collect();
            text.push_str(&format!(", only {}: {}", dimension.title.to_lowercase(), kept.join(" or ")));
        }
        for (name, value) in self.settings.iter() {
            text.push_str(&format!(", {name} {value}"));
        }
        text
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({}, {})", self.sentence(), self.release)
    }
}

fn known_labels(labels: &[String]) -> String {
    const SHOWN: usize = 25;
    let mut text = labels.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    if labels.len() > SHOWN {
        text.push_str(&format!("; and {} more", labels.len() - SHOWN));
    }
    text
}

fn check_period(period: ReferencePeriod) -> Result<(), Error> {
    let sane = period.first().ymd().0 >= 2015 && period.last().ymd().0 <= 2099 && period.days() <= 3660;
    if sane { Ok(()) } else { Err(Error::PeriodBounds(period)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1 as wire;

    fn period() -> ReferencePeriod {
        let day = |text: &str| text.parse().expect("the test's own date");
        ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).expect("forwards")
    }

    fn ask(by: &[&str], filters: &[(&str, &[&str])]) -> Result<Query, Error> {
        let by: Vec<_> = by.iter().map(|&name| name.to_owned()).collect();
        let filters: Vec<_> = filters
            .iter()
            .map(|(dimension, categories)| Filter {
                dimension: (*dimension).to_owned(),
                categories: categories.iter().map(|&category| category.to_owned()).collect(),
            })
            .collect();
        let release = Release::CouncilSuppressed(Profile::Hospital);
        Query::new("people", period(), Some(&by), &filters, &[], DataRule::default(), release)
    }

    #[test]
    fn order_case_and_spelled_out_defaults_do_not_matter() {
        let one = ask(&["gender", "age_band"], &[("setting", &["Long term support: Prison"])]).expect("valid");
        let other = ask(
            &["Age band", "GENDER"],
            &[("gender", &["Unknown", "Other", "Female", "male"]), ("setting", &["long term support: prison"])],
        )
        .expect("valid");
        assert_eq!(one.canonical(), other.canonical());
        assert_ne!(one.canonical(), ask(&["gender"], &[]).expect("valid").canonical());
        let dearer = one.with_release(Release::CouncilPrivate(Rho::from_nano(5_000_000).expect("positive")));
        assert_ne!(one.digest(), dearer.digest());
    }

    #[test]
    fn the_wire_form_comes_back_equal() {
        let query = ask(&["gender", "setting"], &[("age_band", &["65 and above", "Unknown"])]).expect("valid");
        let back = Query::try_from(wire::Query::from(&query)).expect("our own message");
        assert_eq!(query, back);
        let mut other = wire::Query::from(&query);
        other.measure_version += 1;
        assert!(matches!(Query::try_from(other), Err(Error::Version { .. })));
        let mut other = wire::Query::from(&query);
        other.release = 0;
        assert_eq!(Query::try_from(other), Err(Error::Field("release")));
        let mut other = wire::Query::from(&query);
        other.first_day = i32::MIN;
        assert_eq!(Query::try_from(other), Err(Error::Field("days")));
    }

    #[test]
    fn what_is_not_in_the_catalogue_is_refused_by_name() {
        assert!(matches!(ask(&["postcode"], &[]), Err(Error::Dimension { .. })));
        assert!(matches!(ask(&["gender", "gender"], &[]), Err(Error::Repeated(_))));
        assert!(matches!(ask(&[], &[("gender", &["M"])]), Err(Error::Category { .. })));
        assert!(matches!(ask(&[], &[("gender", &[])]), Err(Error::EmptyFilter(_))));
        let five = ["age_band", "gender", "ethnic_group", "setting", "employment"];
        assert!(matches!(ask(&five, &[]), Err(Error::TooManyDimensions { .. })));
    }
}
