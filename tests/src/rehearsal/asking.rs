//! Questions through the coordinator's own command line, and what is released.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use folkmoot_coordinator::merge::{self, Statistic, Table};
use folkmoot_coordinator::total::Facts;
use folkmoot_proto::ids::CouncilCode;
use jiff::civil::Date;
use serde_json::Value;

use super::data::Period;
use super::federation::Hands;
use super::report::{Level, Released};
use super::setup;

/// A release kind that the rehearsal plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// As policies and the command line name it.
    pub word: &'static str,
    /// Its price in zCDP rho for each person; `None` for the suppressed kinds.
    pub rho: Option<&'static str>,
    /// What the bounds of its figures are.
    pub promise: Promise,
}

/// What the bounds of a figure mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The truth is between them.
    Certain,
    /// The truth is between them 19 times in 20.
    Noise,
}

/// The release kinds of single councils' figures, in the order they are played.
pub const COUNCIL: &[Kind] = &[KINDS[0], KINDS[1]];

/// Sums that nobody can take apart, with noise.
///
/// Its price is lower than that of council figures since a council's cap on what a person may lose should *all* others
/// collude is in the way: that is the price times the honest floor, 129 councils of 153, so 0.01 gives 1.29 and 0.05
/// would give 6.45.
pub const JOINT_PRIVATE: Kind = KINDS[2];

/// Sums that nobody can take apart, small numbers hidden.
pub const JOINT_SUPPRESSED: Kind = KINDS[3];

/// Every release kind there is.
pub const KINDS: &[Kind] = &[
    Kind { word: "council-suppressed", rho: None, promise: Promise::Certain },
    Kind { word: "council-private", rho: Some("0.05"), promise: Promise::Noise },
    Kind { word: "joint-private", rho: Some("0.01"), promise: Promise::Noise },
    Kind { word: "joint-suppressed", rho: None, promise: Promise::Certain },
];

/// A job that ended without a release, in the coordinator's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

/// A question about one measure.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The measure.
    pub measure: &'a str,
    /// Dimensions to break down by, with commas; the measure's own when `None`.
    pub by: Option<&'a str>,
    /// Which areas.
    pub level: Level,
    /// How it is protected.
    pub kind: Kind,
    /// The period.
    pub period: &'a Period,
    /// The day whose data are used: the oracle's.
    pub as_of: Date,
    /// Only these councils; all of England's when empty.
    pub councils: Vec<CouncilCode>,
    /// Only this board's councils.
    pub board: Option<&'a str>,
}

/// A release.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its number, such as `3.0`.
    pub number: String,
    /// Councils asked.
    pub asked: u64,
    /// Councils that answered.
    pub answered: u64,
    /// Councils that did not answer, with state and reason.
    pub missing: BTreeMap<String, String>,
    /// How the round was run, for joint figures.
    pub round: Option<Facts>,
    /// The figures.
    pub table: Table,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A release.
    Released(Box<Release>),
    /// The coordinator refused, and said this.
    Refused(String),
}

impl Hands {
    /// Asks with the profile in `folder`.
    ///
    /// # Errors
    /// [`Failed`] when the job ends without a release; another error when the coordinator cannot be reached.
    pub async fn ask(&self, folder: &str, asked: &Asked<'_>, more: &[&str]) -> anyhow::Result<Outcome> {
        let (from, to, as_of) = (asked.period.from.to_string(), asked.period.to.to_string(), asked.as_of.to_string());
        let mut words = vec!["ask", asked.measure, "--from", &from, "--to", &to, "--as-of", &as_of];
        words.extend(["--level", asked.level.word(), "--kind", asked.kind.word, "--json"]);
        words.extend(["--purpose", setup::PURPOSE, "--basis", setup::BASIS]);
        if let Some(rho) = asked.kind.rho {
            words.extend(["--rho", rho]);
        }
        if let Some(by) = asked.by {
            words.extend(["--by", by]);
        }
        let codes = asked.councils.iter().map(CouncilCode::as_str).collect::<Vec<_>>().join(",");
        if !codes.is_empty() {
            words.extend(["--councils", &codes]);
        }
        if let Some(board) = asked.board {
            words.extend(["--board", board]);
        }
        words.extend(more);
        let ended = self.call(folder, &words).await?;
        let said = last_line(&ended.err);
        match (ended.status.code(), said.split_once("the job failed: ")) {
            (Some(0 | 4), _) => Ok(Outcome::Released(Box::new(Release::read(&ended.out)?))),
            (_, Some((_, why))) => Err(Failed(why.to_owned()).into()),
            (Some(3), None) => Ok(Outcome::Refused(said)),
            (_, None) => bail!("asking {} ended with {}: {said}", asked.measure, ended.status),
        }
    }

    /// Writes a release into `exports`, as CSV and JSON.
    ///
    /// # Errors
    /// When the coordinator refuses or the disk does.
    pub async fn export(&self, folder: &str, release: &Release, name: &str) -> anyhow::Result<()> {
        let exports = self.out().join("exports");
        std::fs::create_dir_all(&exports).context("making the folder for exports")?;
        for format in ["csv", "json"] {
            let path = exports.join(format!("{name}.{format}")).display().to_string();
            let ended = self.call(folder, &["export", &release.number, "--format", format, "--output", &path]).await?;
            if !ended.status.success() {
                bail!("exporting release {} failed: {}", release.number, ended.err.trim());
            }
        }
        Ok(())
    }
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

impl Release {
    fn read(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_json::from_str(text).context("reading the release that was printed")?;
        let manifest = &value["manifest"];
        let number = |key: &str| manifest[key].as_u64().with_context(|| format!("the release's manifest has no {key}"));
        let mut missing = BTreeMap::new();
        for council in manifest["councils"].as_array().into_iter().flatten() {
            let word = |key: &str| council[key].as_str().unwrap_or_default();
            if !matches!(word("state"), "answered" | "stored") {
                missing.insert(word("code").to_owned(), format!("{} {}", word("state"), word("reason")));
            }
        }
        Ok(Self {
            number: format!("{}.{}", number("number")?, number("revision")?),
            asked: number("councils_asked")?,
            answered: number("councils_answered")?,
            missing,
            round: serde_json::from_value(manifest["round"].clone()).context("reading how the round was run")?,
            table: serde_json::from_value(value["table"].clone()).context("reading the release's table")?,
        })
    }

    /// The areas of one level, and England, with their percentages of one group.
    pub fn percentages(&self, level: Level, group: &str) -> BTreeMap<String, Released> {
        self.rows(level, group, |row| row.statistic == Statistic::Percentage)
    }

    /// The areas of one level, and England, with their counts of one group and component.
    pub fn counts(&self, level: Level, group: &str, component: &str) -> BTreeMap<String, Released> {
        self.rows(level, group, |row| row.statistic == Statistic::Count && row.component == component)
    }

    fn rows(&self, level: Level, group: &str, wanted: impl Fn(&merge::Row) -> bool) -> BTreeMap<String, Released> {
        let Some(place) = self.table.rows.iter().position(|row| wanted(row) && row.group() == group) else {
            return BTreeMap::new();
        };
        let level = match level {
            Level::England => merge::Level::England,
            Level::Region => merge::Level::Region,
            Level::Board => merge::Level::Board,
        };
        let areas = self.table.areas.iter().filter(|area| area.level == level || area.level == merge::Level::England);
        areas
            .map(|area| {
                let cell = &area.cells[place];
                let number = |number: Option<merge::Number>| number.map(merge::Number::get);
                let released = Released {
                    value: number(cell.value),
                    low: number(cell.lower),
                    high: number(cell.upper),
                    margin: number(cell.margin),
                };
                (area.name.clone(), released)
            })
            .collect()
    }

    /// The share of England's adults who live in the councils that answered, 0 to 1.
    pub fn adult_share(&self) -> Option<f64> {
        self.table.areas.iter().find(|area| area.level == merge::Level::England).map(|area| area.adult_share)
    }
}
