//! The arguments of a question, and how they become a checked query.

use anyhow::{Context as _, bail};
use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::query::{DataRule, Filter, KeyReading, Query, Release};

/// What is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Question {
    /// Measure, such as 2E; `measures` lists them
    #[arg(value_name = "ID")]
    measure: String,
    /// First day of the period, such as 2024-04-01
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// Last day of the period; for a measure of one day, that day
    #[arg(long, value_name = "DAY")]
    to: Day,
    /// Dimensions to break down by, separated by commas; the measure's own when left out, `none` for totals alone
    #[arg(long, value_delimiter = ',', value_name = "DIMENSION")]
    by: Option<Vec<String>>,
    /// Keep only these categories, such as "gender=Female|Male"; may be repeated
    #[arg(long, value_name = "DIMENSION=CATEGORY|CATEGORY")]
    filter: Vec<String>,
    /// A setting of the measure, such as variant=documented; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Use submissions received up to this day; today when left out
    #[arg(long, value_name = "DAY")]
    as_of: Option<Day>,
    /// First day of the joined window, a quarter's first; all quarters held when left out
    #[arg(long, value_name = "DAY", requires = "joined_to")]
    joined_from: Option<Day>,
    /// Last day of the joined window, a quarter's last
    #[arg(long, value_name = "DAY", requires = "joined_from")]
    joined_to: Option<Day>,
    /// Tell events apart by cleaned values, the method from July 2026, instead of the file's own texts
    #[arg(long, alias = "cleaned-key")]
    cleaned_keys: bool,
}

impl Question {
    /// The checked query. Figures for own eyes need no protection; the kind is only the form's.
    pub(crate) fn query(&self) -> anyhow::Result<Query> {
        let period = ReferencePeriod::inclusive(self.from, self.to)?;
        let joined = match (self.joined_from, self.joined_to) {
            (Some(first), Some(last)) => Some(ReferencePeriod::inclusive(first, last)?),
            _ => None,
        };
        let mut filters = Vec::new();
        for text in &self.filter {
            let (dimension, categories) =
                text.split_once('=').with_context(|| format!("`{text}` is not a filter: DIMENSION=CATEGORY"))?;
            let categories = categories.split('|').map(str::to_owned).collect();
            filters.push(Filter { dimension: dimension.to_owned(), categories });
        }
        let mut settings = Vec::new();
        for text in &self.set {
            let (name, value) = text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))?;
            settings.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let none = self.by.as_deref().is_some_and(|names| names.len() == 1 && names[0].eq_ignore_ascii_case("none"));
        if self.by.as_deref().is_some_and(|names| names.iter().any(|name| name.trim().is_empty())) {
            bail!("--by has an empty name; use `--by none` for totals alone");
        }
        let by: Option<&[String]> = if none { Some(&[]) } else { self.by.as_deref() };
        let key = if self.cleaned_keys { KeyReading::Cleaned } else { KeyReading::Raw };
        let data = DataRule { as_of: self.as_of, joined, key };
        let release = Release::CouncilSuppressed(Profile::default());
        Ok(Query::new(&self.measure, period, by, &filters, &settings, data, release)?)
    }
}
