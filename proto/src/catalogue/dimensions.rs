//! Ways to break a measure down: closed lists of categories, and the dimensions that several families share.

use crate::codelist::{CodeList, EthnicGroup, Gender, SupportReason};
use crate::period::ReferencePeriod;

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

/// The two published adult bands.
pub(crate) const ADULT_BANDS: &[&str] = &["18 to 64", "65 and above"];

/// Working age band with the unknown ages, as several published totals include them.
pub(crate) const ADULT_BANDS_AND_UNKNOWN: &[&str] = &["18 to 64", "65 and above", "Unknown"];

/// Working age band of the person table.
pub(crate) const PERSON_BANDS: &[&str] = &["Under 18", "18 to 64", "65 and above", "Unknown"];

/// The nine fine bands of the main tables.
pub(crate) const FINE_BANDS: &[&str] =
    &["Under 18", "18 to 24", "25 to 44", "45 to 64", "65 to 74", "75 to 84", "85 to 94", "95 and above", "Unknown"];

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
