//! Joint figures beside the truth: how far they are off, how far they say they may be, and how far one central curator's
//! would be.
//!
//! ```text
//! question, survivors -> Truth: exact sums by area and figure, from the oracle alone
//! release, Truth      -> Reading: every figure held against the noise that its price buys, or against the rule
//! all readings        -> Noise: the squares of all errors together
//! ```
//!
//! The check shares the layout and the release's own account of who took part with the product; counts, noise and rules
//! are worked out here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, bail};
use folkmoot_coordinator::merge::{self, Cell, Number, Statistic};
use folkmoot_coordinator::total::Facts;
use folkmoot_proto::disclosure::{Figure, Guarded, Profile, System};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::joint::{Areas, Block};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release as Protection};

use super::asking::{Asked, Release};
use super::data::Part;
use super::report::Level;

/// Standard deviations beyond which an error is taken for a fault.
pub const SIGMAS: f64 = 6.0;

/// The chance that a sound figure is off by more than [`SIGMAS`]: both tails of a normal distribution, rounded up.
pub const FALSE_ALARM: f64 = 2e-9;

/// Natural logarithm of one in a thousand million: the chance that sound noise is taken for too little or too much.
const RARE: f64 = 20.8;

/// Fewest errors from which the spread of the noise is judged; with fewer the test could not tell none from enough.
const JUDGED: usize = 100;

/// How many councils must be behind a suppressed sum.
const CONTRIBUTORS: usize = 3;

/// What the product's own words for a question come to.
pub struct Asking {
    query: Query,
    layout: Layout,
    areas: Vec<Block>,
}

impl Asking {
    /// Reads a question as both sides of the network do.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn of(asked: &Asked<'_>) -> anyhow::Result<Self> {
        let day = |date: jiff::civil::Date| -> anyhow::Result<Day> {
            date.to_string().parse().context("a day of the question is outside the calendar")
        };
        let period =
            ReferencePeriod::inclusive(day(asked.period.from)?, day(asked.period.to)?).context("the period")?;
        let by: Option<Vec<String>> = asked.by.map(|names| names.split(',').map(str::to_owned).collect());
        let data = DataRule { as_of: Some(day(asked.as_of)?), ..DataRule::default() };
        let protection = match asked.kind.rho {
            Some(rho) => Protection::JointPrivate(Rho::parse(rho).context("the price")?),
            None => Protection::JointSuppressed(Profile::Hospital),
        };
        let query = Query::new(asked.measure, period, by.as_deref(), &[], &[], data, protection)?;
        let layout = Layout::of(&query)?;
        let areas = match asked.level {
            Level::England => Areas::England,
            Level::Region => Areas::Regions,
            Level::Board => Areas::Boards(Geography::built_in().boards_on(day(asked.period.to)?).version.to_owned()),
        };
        Ok(Self { query, layout, areas: areas.blocks() })
    }

    /// Elements of the vector that each council masks.
    pub fn elements(&self) -> usize {
        let per_cell = if self.query.release().rho().is_some() { 1 } else { 2 };
        self.areas.len() * self.layout.cells() * per_cell
    }

    /// Standard deviation of one dose of noise at the question's price: what one central curator adds to a cell.
    pub fn curator(&self) -> Option<f64> {
        self.query.release().rho().map(|rho| (self.query.bound().l2_squared() as f64 / (2.0 * rho.as_f64())).sqrt())
    }
}

/// Counts of the councils, found by the oracle.
struct Truth {
    counts: BTreeMap<CouncilCode, BTreeMap<(String, String), i64>>,
}

impl Truth {
    fn of(asked: &Asked<'_>, parts: &[&Part], survivors: &BTreeSet<CouncilCode>) -> Self {
        let wanted = asked.by.unwrap_or_default().to_owned();
        let counts = parts.iter().filter(|part| survivors.contains(&part.council.code)).map(|part| {
            let figures = part.tables.get(&(asked.measure.to_owned(), wanted.clone())).into_iter().flatten();
            let cells = figures.map(|figure| ((figure.group.clone(), figure.component.clone()), figure.value));
            (part.council.code, cells.collect())
        });
        Self { counts: counts.collect() }
    }

    /// One figure of each of these councils, zero where the oracle has none.
    fn each(&self, councils: &BTreeSet<CouncilCode>, group: &str, component: &str) -> Vec<i64> {
        let key = (group.to_owned(), component.to_owned());
        let held = councils.iter().filter_map(|code| self.counts.get(code));
        held.map(|counts| counts.get(&key).copied().unwrap_or(0)).collect()
    }
}

/// One line for people: an area's figure, and what it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name of the area.
    pub area: String,
    /// The exact sum over the councils that are in it.
    pub truth: i64,
    /// As released; `None` where hidden.
    pub released: Option<f64>,
    /// As released: half the width of the interval that holds the truth 19 times in 20.
    pub margin: Option<f64>,
    /// The same of one central curator who counts the same areas at the same price.
    pub curator: Option<f64>,
}

/// What holding a release against the truth came to.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Figures compared.
    pub figures: usize,
    /// Figures hidden, for the suppressed kind.
    pub hidden: usize,
    /// Errors of single cells of single areas, which are independent of each other.
    pub noise: Noise,
    /// The largest error of any figure, in its own standard deviations.
    pub worst: f64,
    /// Lines of the groups asked for, `yes` counts or counts.
    pub lines: BTreeMap<String, Vec<Line>>,
    /// What must not be, a sentence each.
    pub broken: Vec<String>,
}

/// Errors of cells with one dose of noise each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// How many.
    pub errors: usize,
    /// Sum of the squares of errors, each in standard deviations of its own noise.
    pub squares: f64,
    /// Sum of the squares of errors in counts.
    pub counts: f64,
}

impl Noise {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            errors: self.errors + other.errors,
            squares: self.squares + other.squares,
            counts: self.counts + other.counts,
        }
    }

    /// Root of the mean square of the errors, in counts.
    pub fn root_mean_square(&self) -> f64 {
        (self.counts / self.errors.max(1) as f64).sqrt()
    }

    /// A sentence when there is less or more noise than was paid for; `None` when it is as it should be, or when there are
    /// too few errors to tell. A sound round fails once in a thousand million.
    ///
    /// **Source**: Laurent and Massart 2000, lemma 1, for the sum of squares of `n` normal deviates: above
    /// `n + 2 sqrt(n x) + 2 x`, or below `n - 2 sqrt(n x)`, with a chance of at most `exp(-x)` each.
    pub fn judge(&self) -> Option<String> {
        let n = self.errors as f64;
        let reach = 2.0 * (n * RARE).sqrt();
        if self.errors < JUDGED {
            return None;
        }
        let ratio = (self.squares / n).sqrt();
        (self.squares > n + reach + 2.0 * RARE || self.squares < n - reach).then(|| {
            format!("the noise in {} cells has {ratio:.3} of the standard deviation that its price buys", self.errors)
        })
    }
}

/// Holds a release of joint figures against the truth about the councils in it.
///
/// # Errors
/// When the release is not one of joint figures, or has not the shape of the question.
pub fn read(asked: &Asked<'_>, parts: &[&Part], release: &Release, shown: &[&str]) -> anyhow::Result<Reading> {
    let asking = Asking::of(asked)?;
    let facts = release.round.as_ref().context("the release of joint figures does not say how its round was run")?;
    let truth = Truth::of(asked, parts, &facts.survivors);
    let rows: Vec<usize> = places(release, |row| row.statistic == Statistic::Count);
    if rows.len() != asking.layout.len() {
        bail!("the release has {} counts, the question {}", rows.len(), asking.layout.len());
    }
    let mut reading = Reading::default();
    for area in &release.table.areas {
        let blocks: Vec<&Block> = asking
            .areas
            .iter()
            .filter(|block| match area.level {
                merge::Level::England => !block.members.is_disjoint(&facts.survivors),
                _ => block.ons_code == area.ons_code,
            })
            .collect();
        if blocks.is_empty() {
            bail!("{} is no area of the question", area.name);
        }
        let members: BTreeSet<CouncilCode> = blocks.iter().flat_map(|block| &block.members).copied().collect();
        let there: BTreeSet<CouncilCode> = members.intersection(&facts.survivors).copied().collect();
        let cells: Vec<Cell> = rows.iter().map(|&row| area.cells[row]).collect();
        let scene = Scene { asking: &asking, facts, truth: &truth, name: &area.name, blocks: blocks.len(), there };
        match asking.curator() {
            Some(curator) => scene.private(curator, &cells, shown, &mut reading),
            None => scene.suppressed(&cells, shown, &mut reading),
        }
    }
    Ok(reading)
}

fn places(release: &Release, wanted: impl Fn(&merge::Row) -> bool) -> Vec<usize> {
    let rows = release.table.rows.iter().enumerate();
    rows.filter(|(_, row)| wanted(row)).map(|(place, _)| place).collect()
}

/// One area of a release.
struct Scene<'a> {
    asking: &'a Asking,
    facts: &'a Facts,
    truth: &'a Truth,
    name: &'a str,
    blocks: usize,
    there: BTreeSet<CouncilCode>,
}

impl Scene<'_> {
    fn sum(&self, figure: usize) -> (Vec<i64>, i64) {
        let layout = &self.asking.layout;
        let each = self.truth.each(&self.there, &layout.group(figure), layout.component(figure));
        let sum = each.iter().sum();
        (each, sum)
    }

    fn line(&self, figure: usize, line: Line, shown: &[&str], reading: &mut Reading) {
        let layout = &self.asking.layout;
        let group = layout.group(figure);
        if layout.component_place(figure) == 0 && shown.contains(&group.as_str()) {
            reading.lines.entry(group).or_default().push(line);
        }
    }

    /// Every figure within [`SIGMAS`] of the noise that all who stayed have added, and with the margin that goes with it.
    fn private(&self, curator: f64, cells: &[Cell], shown: &[&str], reading: &mut Reading) {
        let layout = &self.asking.layout;
        let honest = f64::from(self.facts.honest());
        let one = curator * (self.facts.survivors.len() as f64 / honest).sqrt();
        for (figure, cell) in cells.iter().enumerate() {
            let what = || format!("{}, {} {}", self.name, layout.group(figure), layout.component(figure));
            let released = cell.value.map(Number::get);
            if self.there.is_empty() {
                if released.is_some() {
                    reading.broken.push(format!("{}: released, though no council of it took part", what()));
                }
                continue;
            }
            reading.figures += 1;
            let (_, truth) = self.sum(figure);
            let Some(value) = released else {
                reading.broken.push(format!("{}: nothing was released", what()));
                continue;
            };
            let doses = (self.blocks * layout.sum_of(figure).len()) as f64;
            let sigma = one * doses.sqrt();
            let error = value - truth as f64;
            reading.worst = reading.worst.max((error / sigma).abs());
            if error.abs() > SIGMAS * sigma {
                let far = (error / sigma).abs();
                reading.broken.push(format!("{}: off by {far:.1} standard deviations of its noise", what()));
            }
            let margin = cell.margin.map(Number::get);
            let fair = 1.96 * sigma;
            if !margin.is_some_and(|margin| (margin - fair).abs() <= 1.0 + 1e-3 * fair) {
                let said = margin.map_or("none".to_owned(), |margin| margin.to_string());
                reading.broken.push(format!("{}: its margin is {said}, its noise is worth {fair:.1}", what()));
            }
            if self.blocks == 1 && figure < layout.cells() {
                let counted = Noise { errors: 1, squares: (error / sigma).powi(2), counts: error.powi(2) };
                reading.noise = reading.noise.and(counted);
            }
            let area = self.name.to_owned();
            let curator = Some(1.96 * curator * doses.sqrt());
            self.line(figure, Line { area, truth, released, margin, curator }, shown, reading);
        }
    }

    /// Every figure exactly what the disclosed rule makes of the exact sum.
    fn suppressed(&self, cells: &[Cell], shown: &[&str], reading: &mut Reading) {
        let layout = &self.asking.layout;
        let exact: Vec<(Vec<i64>, i64)> = (0..layout.len()).map(|figure| self.sum(figure)).collect();
        let behind = |figure: usize| {
            let councils = |cell: usize| exact[cell].0.iter().filter(|count| **count != 0).count();
            layout.sum_of(figure).into_iter().map(councils).max().unwrap_or(0)
        };
        let mut rule: Vec<Guarded> = exact
            .iter()
            .enumerate()
            .map(|(figure, (_, sum))| match sum {
                1..=7 => Guarded::primary(Figure::Hidden),
                sum if self.there.len() < CONTRIBUTORS => Guarded::of_few(*sum),
                0 => Guarded::primary(Figure::Shown(0)),
                sum if behind(figure) < CONTRIBUTORS => Guarded::of_few(*sum),
                sum => Guarded::primary(Figure::Shown((sum + 2) / 5 * 5)),
            })
            .collect();
        System::of_area(Profile::Hospital, layout).protect(&mut rule);
        for (figure, (cell, rule)) in cells.iter().zip(rule).enumerate() {
            reading.figures += 1;
            let released = cell.value.map(Number::get);
            reading.hidden += usize::from(released.is_none());
            let rule = rule.figure;
            if released != rule.shown().map(|value| value as f64) {
                let what = format!("{}, {} {}", self.name, layout.group(figure), layout.component(figure));
                reading.broken.push(format!("{what}: released as {released:?}, the rule gives {:?}", rule.shown()));
            }
            let (area, truth) = (self.name.to_owned(), exact[figure].1);
            self.line(figure, Line { area, truth, released, margin: None, curator: None }, shown, reading);
        }
    }
}

/// A table for people.
pub fn table(title: &str, lines: &[Line]) -> String {
    let mut text = format!("{title}\n");
    let private = lines.iter().any(|line| line.curator.is_some());
    let _ = match private {
        true => writeln!(
            text,
            "  {:<52} {:>9} {:>10} {:>8} {:>11} {:>16}",
            "", "truth", "released", "error", "may be off", "central curator"
        ),
        false => writeln!(text, "  {:<52} {:>9} {:>10}", "", "truth", "released"),
    };
    let number = |number: Option<f64>| number.map_or("hidden".to_owned(), |number| format!("{number:.1}"));
    let mut sorted: Vec<&Line> = lines.iter().filter(|line| line.area != "England").collect();
    sorted.extend(lines.iter().filter(|line| line.area == "England"));
    for line in sorted {
        let _ = write!(text, "  {:<52} {:>9} {:>10}", line.area, line.truth, number(line.released));
        if private {
            let error = line.released.map(|released| released - line.truth as f64);
            let error = error.map_or(String::new(), |error| format!("{error:+.1}"));
            let margin = |margin: Option<f64>| margin.map_or(String::new(), |margin| format!("+/- {margin:.0}"));
            let _ = write!(text, " {error:>8} {:>11} {:>16}", margin(line.margin), margin(line.curator));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn noise(errors: usize, each: f64) -> Noise {
        Noise { errors, squares: errors as f64 * each * each, counts: 0.0 }
    }

    #[test]
    fn too_little_and_too_much_noise_are_found() {
        assert_eq!(noise(1000, 1.0).judge(), None);
        assert_eq!(noise(1000, 0.9).judge(), None);
        assert!(noise(1000, 0.0).judge().unwrap().contains("0.000"));
        assert!(noise(1000, 0.6).judge().is_some());
        assert!(noise(1000, 1.4).judge().is_some());
        // Two doses of noise where one was paid for are seen in a small table.
        assert!(noise(400, std::f64::consts::SQRT_2).judge().is_some());
        assert_eq!(noise(99, 0.0).judge(), None, "too few to tell");
    }
}
