//! The answer beside the truth.

use std::collections::BTreeMap;
use std::fmt::Write;

use folkmoot_proto::geography::Geography;
use folkmoot_proto::period::Day;

use super::asking::Promise;
use super::data::Part;

/// Which areas a table has lines for, besides England.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// England alone.
    England,
    /// The nine regions.
    Region,
    /// Integrated care boards, as they stand at the end of the period.
    Board,
}

impl Level {
    /// The word on the coordinator's command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::England => "england",
            Self::Region => "region",
            Self::Board => "icb",
        }
    }

    /// The areas in titles of tables.
    pub fn areas(self) -> &'static str {
        match self {
            Self::England => "England alone",
            Self::Region => "by region",
            Self::Board => "by integrated care board",
        }
    }

    /// The word in titles.
    pub fn title(self) -> &'static str {
        match self {
            Self::England => "England",
            Self::Region => "region",
            Self::Board => "integrated care board",
        }
    }
}

/// Yes and no of a ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// Those who meet it.
    pub yes: u64,
    /// Those who do not.
    pub no: u64,
}

impl Pair {
    /// The percentage, `None` for nobody.
    pub fn percent(self) -> Option<f64> {
        let all = self.yes + self.no;
        (all > 0).then(|| 100.0 * self.yes as f64 / all as f64)
    }
}

/// A figure as it was released, with the bounds it promises.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    /// The figure; `None` where it is not shown.
    pub value: Option<f64>,
    /// Least that the truth may be, by the release's own account.
    pub low: Option<f64>,
    /// Most that it may be.
    pub high: Option<f64>,
    /// Margin of error: with noise its half width, even where bounds stop at zero.
    pub margin: Option<f64>,
}

impl Released {
    /// Whether `truth` lies within the bounds given, rounding to one decimal allowed for; `true` where no bounds are given.
    pub fn allows(&self, truth: f64) -> bool {
        self.low.is_none_or(|low| truth >= low - 0.051) && self.high.is_none_or(|high| truth <= high + 0.051)
    }
}

/// The truth of one measure and group by area: name of the area to its sums; `England` is all councils given.
pub fn truth_by_area(parts: &[&Part], measure: &str, group: &str, level: Level, on: Day) -> BTreeMap<String, Pair> {
    let geography = Geography::built_in();
    let boards = geography.boards_on(on);
    let mut areas: BTreeMap<String, Pair> = BTreeMap::new();
    for part in parts {
        let area = match level {
            Level::England => "England".to_owned(),
            Level::Region => part.council.region_name.clone(),
            Level::Board => {
                boards.board_of(part.council.code).map_or("No board".to_owned(), |board| board.name.clone())
            }
        };
        for figure in part.truth.iter().filter(|figure| figure.measure == measure && figure.group == group) {
            let names = if level == Level::England { &["England"][..] } else { &[area.as_str(), "England"][..] };
            for &name in names {
                let pair = areas.entry(name.to_owned()).or_default();
                if figure.component == "yes" {
                    pair.yes += figure.value.unsigned_abs();
                } else {
                    pair.no += figure.value.unsigned_abs();
                }
            }
        }
    }
    areas
}

/// What a comparison of all figures of a release with the truth came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Figures compared.
    pub figures: usize,
    /// Figures whose truth lies outside their bounds.
    pub outside: usize,
    /// What must not be, a sentence each: a certain bound that does not hold, noise that cannot be, a figure that is missing.
    pub broken: Vec<String>,
}

/// Noise beyond so many standard deviations is taken for a fault: it would come by chance once in a thousand million figures.
const SIGMAS: f64 = 6.0;

/// Standard deviations in half the width of an interval that holds the truth 19 times in 20.
const HALF_WIDTH: f64 = 1.96;

/// Compares one count with the truth in every area. `what` says of what, for sentences.
pub fn check(
    what: &str,
    promise: Promise,
    truth: &BTreeMap<String, u64>,
    released: &BTreeMap<String, Released>,
    checked: &mut Checked,
) {
    for (area, &exact) in truth {
        let exact = exact as f64;
        checked.figures += 1;
        let Some(figure) = released.get(area) else {
            checked.broken.push(format!("{what}, {area}: nothing was released, the truth is {exact}"));
            continue;
        };
        let (Some(low), Some(high)) = (figure.low, figure.high) else {
            checked.broken.push(format!("{what}, {area}: no bounds were released, the truth is {exact}"));
            continue;
        };
        if exact >= low && exact <= high {
            continue;
        }
        checked.outside += 1;
        // Bounds of noise stop at zero, since no count is below it; value and margin tell what was drawn.
        let sigma = figure.margin.unwrap_or_default() / HALF_WIDTH;
        let far = figure.value.map_or(f64::INFINITY, |value| (exact - value).abs());
        if promise == Promise::Certain || far > SIGMAS * sigma + 1.0 {
            checked.broken.push(format!("{what}, {area}: said to be within {low} to {high}, the truth is {exact}"));
        }
    }
}

/// A table for people: each area's truth, what was released, and whether the release keeps its word.
///
/// Returns the text and how many figures lie outside their own bounds.
pub fn table(title: &str, truth: &BTreeMap<String, Pair>, released: &BTreeMap<String, Released>) -> (String, usize) {
    let mut text = format!("{title}\n");
    let mut outside = 0;
    let _ =
        writeln!(text, "  {:<52} {:>14} {:>8} {:>9}  {:<17}", "", "counted", "truth", "released", "said to be within");
    let mut names: Vec<&String> = truth.keys().filter(|name| *name != "England").collect();
    if let Some((england, _)) = truth.get_key_value("England") {
        names.push(england);
    }
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    for name in names {
        let pair = truth[name];
        let exact = pair.percent();
        let (shown, within, mark) = match released.get(name) {
            None => ("-".to_owned(), String::new(), ""),
            Some(figure) => {
                let kept = exact.is_none_or(|exact| figure.allows(exact));
                outside += usize::from(!kept);
                let within = match (figure.low, figure.high) {
                    (Some(low), Some(high)) => format!("{low:.1} to {high:.1}"),
                    _ => String::new(),
                };
                (percent(figure.value), within, if kept { "" } else { "  OUTSIDE" })
            }
        };
        let counted = format!("{}/{}", pair.yes, pair.yes + pair.no);
        let _ = writeln!(text, "  {name:<52} {counted:>14} {:>8} {shown:>9}  {within:<17}{mark}", percent(exact));
    }
    (text, outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_outside_its_own_bounds_is_told() {
        let truth = BTreeMap::from([
            ("England".to_owned(), Pair { yes: 70, no: 30 }),
            ("London".to_owned(), Pair { yes: 0, no: 0 }),
        ]);
        let figure = |low, high| Released { value: Some(69.0), low: Some(low), high: Some(high), margin: None };
        let right = BTreeMap::from([("England".to_owned(), figure(66.0, 72.0))]);
        let (text, outside) = table("2E", &truth, &right);
        assert_eq!(outside, 0, "{text}");
        assert!(text.contains("70/100") && text.contains("70.0") && text.contains("69.0"), "{text}");
        let wrong = BTreeMap::from([("England".to_owned(), figure(71.0, 72.0))]);
        assert_eq!(table("2E", &truth, &wrong).1, 1);
    }

    #[test]
    fn a_certain_bound_may_never_break_and_noise_only_within_reason() {
        let check = |promise, value: f64, margin: f64| {
            let (low, high) = (Some((value - margin).max(0.0)), Some(value + margin));
            let released = Released { value: Some(value), low, high, margin: Some(margin) };
            let mut checked = Checked::default();
            let truth = BTreeMap::from([("England".to_owned(), 100)]);
            let released = BTreeMap::from([("England".to_owned(), released)]);
            super::check("yes", promise, &truth, &released, &mut checked);
            (checked.outside, checked.broken.len())
        };
        assert_eq!(check(Promise::Certain, 102.0, 2.0), (0, 0));
        assert_eq!(check(Promise::Certain, 102.5, 1.5), (1, 1));
        assert_eq!(check(Promise::Noise, 120.0, 19.0), (1, 0));
        assert_eq!(check(Promise::Noise, 220.0, 19.0), (1, 1));
        let mut checked = Checked::default();
        let truth = BTreeMap::from([("England".to_owned(), 100)]);
        super::check("yes", Promise::Noise, &truth, &BTreeMap::new(), &mut checked);
        assert_eq!(checked.broken.len(), 1);
    }
}
