//! The oracle: the published method, step by step, in the plainest code there can be.
//!
//! ```text
//! folder of CSV files -> Row (strings and dates) -> joined table -> person table -> one measure -> figures
//! ```
//!
//! Rows are text and optional dates in a `Vec`; every step sorts or loops over them. It is slow on purpose, and it shares nothing
//! with the product: no code lists, no parsers, no types. Where it and a node differ by one, one of the two misreads the method.
//!
//! **Source**: the Department's method for the main tables and ASCOF (June 2026) and the settled readings of `docs/measures.md`.

pub mod admissions;
mod ascof;
mod clean;
mod costs;
mod events;
pub mod joined;
mod lists;
mod long_term;
mod pathways;
mod people;
pub mod person;
mod quality;
mod reablement;
pub mod reached;
mod read;
mod salt;
mod sts;
mod table;
#[cfg(test)]
mod tests;
pub mod waiting;

use std::path::Path;

use jiff::civil::Date;

pub use joined::{Joined, Keys};
pub use read::{File, Row, received};

/// One figure, as in the tidy local output of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure {
    /// Three-digit code.
    pub council: String,
    /// Id in the catalogue.
    pub measure: String,
    /// First day of the period asked for.
    pub from: Date,
    /// Last day of it.
    pub to: Date,
    /// `dimension=value` pairs in alphabetical order of dimension, joined by `;`; empty for the total.
    pub group: String,
    /// `yes` or `no` of a ratio, else `count`.
    pub component: String,
    /// How many, or how many pounds, which alone can be below zero.
    pub value: i64,
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Question {
    /// Id in the catalogue, such as `ASCOF-2E`.
    pub measure: String,
    /// First day, counted.
    pub from: Date,
    /// Last day, counted.
    pub to: Date,
    /// Dimensions; empty for the measure's own.
    pub by: Vec<String>,
}

/// What can go wrong when reading a folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file cannot be read.
    #[error("reading {path}")]
    Read {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not CSV at all.
    #[error("reading {name} as CSV")]
    Csv {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// The oracle knows fewer measures than the catalogue.
    #[error("the oracle does not know the measure {0}")]
    UnknownMeasure(String),
    /// The measure has no such dimension.
    #[error("the oracle does not know the dimension {0}")]
    UnknownDimension(String),
}

/// Reads all CSV files of a council's folder in the order of their names. A trailing `_YYYYMMDD` of a name is the day the file was
/// received; a file without one counts as received on `as_of`. The same bytes a second time are skipped.
///
/// **Errors**: when the folder or a file cannot be read, or is not CSV.
pub fn read_folder(folder: &Path, council: &str, as_of: Date) -> Result<Vec<File>, Error> {
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    let mut read_before: Vec<Vec<u8>> = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        if read_before.contains(&bytes) {
            continue;
        }
        let name = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        let received = read::received(&name).unwrap_or(as_of);
        files.push(read::file(&name, &bytes, council, received)?);
        read_before.push(bytes);
    }
    Ok(files)
}

/// Every figure of a question: all cells of the layout, zeros too, then the totals that are published.
///
/// **Errors**: for a measure or dimension that the oracle does not know.
pub fn figures(joined: &Joined, question: &Question) -> Result<Vec<Figure>, Error> {
    variant(joined, question, false)
}

/// As [`figures`], by the method as its documents describe it where `documented` and they differ from the code.
///
/// **Errors**: as [`figures`].
pub fn variant(joined: &Joined, question: &Question, documented: bool) -> Result<Vec<Figure>, Error> {
    let people = person::table(joined);
    let counted = match question.measure.as_str() {
        "ASCOF-2E" => ascof::home_or_family(&people, question, false),
        "ASCOF-2E-LD" => ascof::home_or_family(&people, question, true),
        "ASCOF-2E-UNKNOWN" => ascof::home_unknown(&people, question),
        "ASCOF-3D-CLIENTS" => ascof::clients(&people, question),
        "ASCOF-3D-CARERS" => ascof::carers(&people, question),
        "ASCOF-3D-1A" => ascof::rate(&ascof::clients(&people, question), &["Direct payment", ascof::MANAGED], 4),
        "ASCOF-3D-2A" => ascof::rate(&ascof::clients(&people, question), &["Direct payment"], 4),
        "ASCOF-3D-1B" => ascof::rate(&ascof::carers(&people, question), &["Direct payment", ascof::MANAGED], 3),
        "ASCOF-3D-2B" => ascof::rate(&ascof::carers(&people, question), &["Direct payment"], 3),
        "PEOPLE" => people::table(&people, question)?,
        "ASCOF-2A" => reablement::ratio(&people, question, documented),
        "ASCOF-2A-SEQUELS" => reablement::sequels(&people, question, documented)?,
        "ASCOF-2B" => admissions::table(&people, question, "18 to 64", documented),
        "ASCOF-2C" => admissions::table(&people, question, "65 and above", documented),
        "STS001" => sts::requests_of_new(&people, question, documented)?,
        "STS002A" => sts::after_new(&people, question, documented)?,
        "STS002B" => sts::existing(&people, question, documented)?,
        other => return Err(Error::UnknownMeasure(other.to_owned())),
    };
    Ok(counted.figures(&joined.council, question))
}

/// The two national tables of one council.
#[derive(Clone, Debug)]
pub struct Tables {
    /// All files, joined by quarter.
    pub joined: Joined,
    /// The latest file of the last twelve months alone, if there is one.
    pub single: Option<Joined>,
}

/// A question with settings of the measure (name and value) and filters (dimension and the categories that count).
#[derive(Clone, Copy, Debug)]
pub struct Detail<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// Settings that are not the measure's own.
    pub settings: &'a [(&'a str, &'a str)],
    /// What counts alone.
    pub filters: &'a [(&'a str, &'a [&'a str])],
}

impl Detail<'_> {
    fn setting<'s>(&'s self, name: &str, own: &'s str) -> &'s str {
        self.settings.iter().find(|(known, _)| *known == name).map_or(own, |(_, value)| value)
    }
}

/// Every figure of a question that names settings and filters.
///
/// **Errors**: as [`figures`]; settings and filters of the measures of that function mean nothing here.
pub fn detailed(tables: &Tables, detail: Detail<'_>) -> Result<Vec<Figure>, Error> {
    let joined = &tables.joined;
    let question = detail.question;
    let documented = detail.setting("variant", "official") == "documented";
    let when = |own| match detail.setting("when", own) {
        "started" => events::When::Started,
        "ran" => events::When::Ran,
        _ => events::When::Ended,
    };
    let counted = match question.measure.as_str() {
        "LTS001A" => long_term::in_period(joined, question),
        "LTS001B-REASON" => long_term::on_day_by_reason(joined, question),
        "LTS001B-CARER" => long_term::on_day_by_carer(joined, question),
        "LTS001B-ETHNICITY" => long_term::on_day_by_ethnicity(joined, question),
        "LTS001C" => long_term::for_a_year(joined, question, documented),
        "LTS003" => salt::carers(joined, question),
        "LTS004-EMPLOYMENT" => salt::employment(joined, question, documented),
        "LTS004-ACCOMMODATION" => salt::accommodation(joined, question, documented),
        "WAITING-RESPONSE" => waiting::histogram(joined, question, false),
        "WAITING-SERVICE" => waiting::histogram(joined, question, true),
        "REQUESTS" => events::table(joined, question, "Request", when("ended"))?,
        "ASSESSMENTS" => events::table(joined, question, "Assessment", when("ended"))?,
        "REVIEWS" => events::table(joined, question, "Review", when("ended"))?,
        "SERVICES" => events::table(joined, question, "Service", when("ran"))?,
        "DATA-QUALITY" => quality::table(tables.single.as_ref(), question),
        "COSTS" => costs::table(tables.single.as_ref(), question, false)?,
        "COSTS-WEEKLY" => costs::table(tables.single.as_ref(), question, true)?,
        "PATHWAYS" => {
            let (from, after) = (detail.setting("from", "discharge-from-hospital"), detail.setting("after", "next"));
            pathways::table(joined, question, from, after)
        }
        _ => return figures(joined, question),
    };
    counted.figures(&joined.council, question, detail.filters)
}

/// People (or other units), each in one cell, with the layout they were counted into.
pub(crate) struct Counted {
    /// Dimensions with their categories.
    dimensions: Vec<(String, Vec<String>)>,
    components: Vec<&'static str>,
    /// For each unit its category in each dimension, and its component.
    units: Vec<(Vec<String>, &'static str)>,
    /// Sums to show: which dimensions are added up in each.
    totals: Vec<Vec<String>>,
}

impl Counted {
    fn figures(&self, council: &str, question: &Question) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut show = |kept: &[usize]| {
            let mut groups: Vec<Vec<String>> = vec![Vec::new()];
            for &position in kept {
                let mut longer = Vec::new();
                for group in &groups {
                    for category in &self.dimensions[position].1 {
                        let mut group = group.clone();
                        group.push(category.clone());
                        longer.push(group);
                    }
                }
                groups = longer;
            }
            for group in groups {
                for &component in &self.components {
                    let mut value = 0;
                    for (categories, of) in &self.units {
                        if *of == component && kept.iter().zip(&group).all(|(&at, wanted)| categories[at] == *wanted) {
                            value += 1;
                        }
                    }
                    let mut pairs: Vec<String> = kept
                        .iter()
                        .zip(&group)
                        .map(|(&position, category)| format!("{}={category}", self.dimensions[position].0))
                        .collect();
                    pairs.sort();
                    figures.push(Figure {
                        council: council.to_owned(),
                        measure: question.measure.clone(),
                        from: question.from,
                        to: question.to,
                        group: pairs.join(";"),
                        component: component.to_owned(),
                        value,
                    });
                }
            }
        };
        let all: Vec<usize> = (0..self.dimensions.len()).collect();
        show(&all);
        for total in &self.totals {
            let kept: Vec<usize> =
                all.iter().copied().filter(|&position| !total.contains(&self.dimensions[position].0)).collect();
            if kept.len() < all.len() {
                show(&kept);
            }
        }
        figures
    }
}

/// A table broken down by the dimensions asked for, or by `default` when none are.
fn chosen(
    dimensions: Vec<(String, Vec<String>)>,
    units: Vec<(Vec<String>, &'static str)>,
    totals: &[&[&str]],
    question: &Question,
    default: &[&str],
) -> Result<Counted, Error> {
    let by: Vec<String> = if question.by.is_empty() {
        default.iter().map(|name| (*name).to_owned()).collect()
    } else {
        question.by.clone()
    };
    for name in &by {
        if !dimensions.iter().any(|(known, _)| known == name) {
            return Err(Error::UnknownDimension(name.clone()));
        }
    }
    let kept: Vec<usize> = (0..dimensions.len()).filter(|&position| by.contains(&dimensions[position].0)).collect();
    let mut shown: Vec<Vec<String>> = Vec::new();
    for total in totals {
        // Two sums that leave the same dimensions are one.
        let total: Vec<String> = by.iter().filter(|name| total.contains(&name.as_str())).cloned().collect();
        if !shown.contains(&total) {
            shown.push(total);
        }
    }
    Ok(Counted {
        dimensions: kept.iter().map(|&position| dimensions[position].clone()).collect(),
        components: vec!["count"],
        units: units
            .into_iter()
            .map(|(categories, component)| {
                (kept.iter().map(|&position| categories[position].clone()).collect(), component)
            })
            .collect(),
        totals: shown,
    })
}

/// The value of one figure, `None` when the list has no such figure.
pub fn value(figures: &[Figure], group: &str, component: &str) -> Option<u64> {
    let figure = figures.iter().find(|figure| figure.group == group && figure.component == component)?;
    u64::try_from(figure.value).ok()
}

/// Figures as the tidy CSV that a node prints: `council,measure,version,period_start,period_end,group,component,value`.
pub fn csv(figures: &[Figure]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let memory = "writing to memory does not fail";
    writer
        .write_record(["council", "measure", "version", "period_start", "period_end", "group", "component", "value"])
        .expect(memory);
    for figure in figures {
        writer
            .write_record([
                figure.council.as_str(),
                &figure.measure,
                "1",
                &figure.from.to_string(),
                &figure.to.to_string(),
                &figure.group,
                &figure.component,
                &figure.value.to_string(),
            ])
            .expect(memory);
    }
    String::from_utf8(writer.into_inner().expect(memory)).expect("figures are text")
}

/// Whole days from `from` to `to`.
fn days(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// Age by the published division, from the first of the birth month.
fn age(birth: Date, on: Date) -> i32 {
    (f64::from(days(birth, on)) / 365.25).floor() as i32
}
