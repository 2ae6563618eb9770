//! One published figure: its value, how far to believe it, and what it is of.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that prints as a whole number where it is one.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Number(f64);

impl Number {
    /// As a floating-point number.
    pub fn get(self) -> f64 {
        self.0
    }

    fn whole(self) -> Option<i64> {
        (self.0.fract() == 0.0 && self.0.abs() < 9e15).then_some(self.0 as i64)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        // No negative zero: two equal figures must have equal bytes.
        Self(if value == 0.0 { 0.0 } else { value })
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.whole() {
            Some(whole) => write!(f, "{whole}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.whole() {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from)
    }
}

/// How far to believe a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As protected, nothing missing.
    Ok,
    /// Hidden by a disclosure rule.
    Suppressed,
    /// A sum in which hidden parts stand as the middle of what they can be.
    Estimated,
    /// No council of the area answered.
    NotSubmitted,
    /// No value can exist, such as a percentage of nobody; the official convention shows 0.
    NotApplicable,
    /// Not known to be zero, but it would print as zero or cannot be told from it.
    Low,
}

impl Status {
    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Suppressed => "suppressed",
            Self::Estimated => "estimated",
            Self::NotSubmitted => "not_submitted",
            Self::NotApplicable => "not_applicable",
            Self::Low => "low",
        }
    }

    /// The mark in tables for people, as the Government Statistical Service writes it.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Ok => "",
            Self::Suppressed => "[c]",
            Self::Estimated => "[e]",
            Self::NotSubmitted => "[x]",
            Self::NotApplicable => "[z]",
            Self::Low => "[low]",
        }
    }
}

/// What kind of number a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// A count of the component, in the measure's unit.
    Count,
    /// Yes and no together.
    Denominator,
    /// 100 x yes / (yes + no), to one decimal.
    Percentage,
    /// Per 100,000 residents of the measure's age group, to one decimal.
    RatePer100000,
    /// Days, interpolated 50th percentile.
    MedianDays,
}

impl Statistic {
    /// The word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Denominator => "denominator",
            Self::Percentage => "percentage",
            Self::RatePer100000 => "rate_per_100000",
            Self::MedianDays => "median_days",
        }
    }
}

/// What a figure is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Dimension and category, in layout order; a dimension that is summed over is left out.
    pub dimensions: Vec<(String, String)>,
    /// The component counted; empty for what is made of several.
    pub component: String,
    /// What kind of number it is.
    pub statistic: Statistic,
}

impl Row {
    /// The `group` text: `dimension=value` pairs in alphabetical order, joined by `;`; empty for the total.
    pub fn group(&self) -> String {
        let mut pairs: Vec<String> = self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.sort_unstable();
        pairs.join(";")
    }
}

/// One figure of one area.
///
/// # Units
/// `lower` and `upper` are inclusive. From suppression and rounding they bound the truth for certain; from noise they
/// hold it 19 times in 20. `margin` is the larger distance from `value` to either, or the half width of the noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// How far to believe it.
    pub status: Status,
    /// The value, raw and signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Number>,
    /// The least that the truth may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<Number>,
    /// The most that the truth may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<Number>,
    /// Margin of error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<Number>,
}

impl Cell {
    pub(super) fn not_submitted() -> Self {
        Self { status: Status::NotSubmitted, value: None, lower: None, upper: None, margin: None }
    }

    pub(super) fn suppressed(lower: Option<f64>, upper: Option<f64>) -> Self {
        Self {
            status: Status::Suppressed,
            value: None,
            lower: lower.map(Number::from),
            upper: upper.map(Number::from),
            margin: None,
        }
    }

    pub(super) fn interval(status: Status, value: f64, lower: f64, upper: f64) -> Self {
        let margin = (upper - value).max(value - lower);
        // Differences of decimals such as 64.3 carry binary dust.
        let margin = (margin * 10.0).round() / 10.0;
        Self {
            status,
            value: Some(value.into()),
            lower: Some(lower.into()),
            upper: Some(upper.into()),
            margin: Some(margin.into()),
        }
    }
}

/// A sum over councils before it becomes a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// Variance of the noise.
    pub(super) variance: f64,
    /// Councils in it.
    pub(super) parts: u32,
    /// Parts that were hidden.
    pub(super) hidden: u32,
}

impl Estimate {
    /// Of the same councils: values, bounds and noise add up.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            lower: self.lower + other.lower,
            upper: self.upper + other.upper,
            variance: self.variance + other.variance,
            parts: self.parts,
            hidden: self.hidden.max(other.hidden),
        }
    }
}
