//! What would leave the council for a question, for the eyes of whoever decides on it.

use folkmoot_proto::catalogue::Kind;
use folkmoot_proto::joint::LEAST_SUMMED;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::Day;
use folkmoot_proto::privacy::margin;
use folkmoot_proto::query::{Query, Release};
use folkmoot_proto::reason::Refusal;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::options;
use crate::answer::data;
use crate::assemble::{self, Assembly};
use crate::protect::{self, Noise, NoiseSource, ProtectedCells};
use crate::store::Records;
use crate::tabulate::{self, Bounding};

/// What would leave, for the council's own terminal. No `Debug`: suppressed figures are still the council's own until
/// somebody decides.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Sentences on what leaves and who can read it.
    pub says: Vec<String>,
    /// Title of the table.
    pub title: String,
    /// The table, its header first: the figures that leave, an example of them, or what they are about.
    pub table: Vec<Vec<String>>,
    /// Sentences on the data behind it.
    pub data: Vec<String>,
}

/// What would leave this council for a question, as it would be answered now.
///
/// - Suppressed council figures: the very table that would be sent.
/// - Council figures with noise: an example with noise of its own, drawn for this look and forgotten. What is sent later
///   has another draw, so the look tells nothing of it, and the exact figures are not shown: they do not leave.
/// - Joint figures: what the numbers are about, how they are hidden and who can read the sum. The numbers that leave
///   cannot be read by anybody, so there are none to show.
///
/// With `opt_out_applied`, people on the national data opt-out list are left out, as they would be from the answer.
///
/// # Errors
/// The refusal that the asker would get, when the question cannot be answered from these records.
pub fn preview(
    records: &Records,
    query: &Query,
    today: Day,
    opt_out_applied: bool,
    noise: &dyn NoiseSource,
    bounding_key: &[u8; 32],
) -> Result<Preview, Refusal> {
    let options = options(query, today);
    let snapshot = data::snapshot(records, query, &options, opt_out_applied)?;
    let assembly = data::assembly(records, query, &options, snapshot, opt_out_applied)?;
    let internal = |error: &dyn std::error::Error| {
        Refusal::new(folkmoot_proto::reason::Reason::Internal, format!("it cannot be worked out here: {error}"))
    };
    let count = |bounding| tabulate::tabulate(&assembly.histories, query, bounding).map_err(|error| internal(&error));
    let (says, title, table) = match query.release() {
        Release::CouncilSuppressed(profile) => {
            let (layout, counts) = count(Bounding::Official)?;
            let crowds = tabulate::crowds(&assembly.histories, query).map_err(|error| internal(&error))?;
            let shown = protect::suppress(&counts, &crowds, &layout, query.measure(), profile);
            let hidden = shown.figures().iter().filter(|figure| figure.shown().is_none()).count();
            let says = vec![
                "This very table leaves, and nothing else. The coordinator can read it, and whoever reads the release."
                    .to_owned(),
                profile.sentence().to_owned(),
                format!("{} figures, {hidden} of them hidden.", shown.figures().len()),
            ];
            (says, "What leaves".to_owned(), figures(query, &layout, &shown))
        }
        Release::CouncilPrivate(rho) => {
            let bound = query.bound();
            let (layout, counts) = count(Bounding::Private { bound, key: bounding_key })?;
            let drawn = Noise::draw(noise, &layout, bound, rho).map_err(|error| internal(&error))?;
            let example = drawn.add(&counts, &layout);
            let says = vec![
                "A table like the one below leaves, each figure with random noise. The coordinator can read it, and \
                 whoever reads the release."
                    .to_owned(),
                noise_words(&layout, rho.sigma(bound.l2_squared()), "figure"),
                "The example has noise of its own, drawn just now and forgotten: what is sent is another draw. Figures can \
                 be below zero."
                    .to_owned(),
            ];
            (says, "An example of what leaves".to_owned(), figures(query, &layout, &example))
        }
        Release::JointPrivate(rho) => {
            let layout = Layout::of(query).map_err(|error| internal(&error))?;
            let mut says = masked(&layout);
            says.push(format!(
                "Only the sum over all councils that took part can be read, when the round is over. {}",
                noise_words(&layout, rho.sigma(query.bound().l2_squared()), "number of the sum")
            ));
            (says, "What the numbers are about".to_owned(), categories(query))
        }
        Release::JointSuppressed(profile) => {
            let layout = Layout::of(query).map_err(|error| internal(&error))?;
            let mut says = masked(&layout);
            says.push(format!(
                "Only the sum over all councils that took part can be read, when the round is over: the coordinator reads \
                 it exactly, so its operators must be trusted with that. A sum in which fewer than {LEAST_SUMMED} \
                 councils have anybody is not given."
            ));
            says.push(format!("What the coordinator gives on: {}", profile.sentence()));
            (says, "What the numbers are about".to_owned(), categories(query))
        }
    };
    let data = about(records, &assembly, query, opt_out_applied);
    Ok(Preview { says, title, table, data })
}

/// Names the state of the records: another one after every import, erasure, restriction, purge and opt-out list. It is the
/// same on every day, so that somebody can look today and decide tomorrow.
///
/// # Errors
/// When the records cannot be read.
pub fn state_of_data(records: &Records) -> Result<[u8; 32], crate::store::Error> {
    let mut hash = Sha256::new_with_prefix(b"folkmoot/state of data/1");
    for submission in assemble::Source::submissions(records)? {
        hash.update(submission.digest);
        hash.update(submission.revision.to_be_bytes());
    }
    Ok(hash.finalize().into())
}

/// How far noise takes a cell and the widest sum.
fn noise_words(layout: &Layout, sigma: f64, what: &str) -> String {
    let widest = (layout.cells()..layout.len()).map(|sum| layout.sum_of(sum).len()).max().unwrap_or(1);
    let mut words =
        format!("The noise moves a {what} by less than {} either way, 19 times in 20", with_commas(margin(sigma)));
    if widest > 1 {
        let total = margin(sigma * (widest as f64).sqrt());
        words.push_str(&format!("; the widest total, made of {widest} of them, by less than {}", with_commas(total)));
    }
    words.push('.');
    words
}

fn masked(layout: &Layout) -> Vec<String> {
    let cells = layout.cells();
    vec![
        format!(
            "A list of {} leaves for every area the question is about, each scrambled with masks that only \
             cancel out in the sum of many councils. Alone each looks like any random number, such as \
             {}; nobody can read it: not the coordinator, not the analyst, not another council.",
            if cells == 1 { "1 number".to_owned() } else { format!("{} numbers", with_commas(cells as u64)) },
            with_commas(example(layout)),
        ),
        "In the list of this council's own area, its people are counted; in all others are zeros.".to_owned(),
    ]
}

/// A number as a mask makes them: of the layout alone, so that it says nothing.
fn example(layout: &Layout) -> u64 {
    u64::from_be_bytes(layout.digest()[..8].try_into().expect("a digest is longer than eight bytes"))
}

/// The figures by group: one row a group, one column a component.
fn figures(query: &Query, layout: &Layout, shown: &ProtectedCells) -> Vec<Vec<String>> {
    let measure = query.measure();
    let mut header: Vec<String> = query.by().iter().map(|&place| measure.dimensions[place].title.to_owned()).collect();
    if header.is_empty() {
        header.push("group".to_owned());
    }
    header.extend(layout.components().iter().map(|component| match measure.kind {
        Kind::Ratio => (*component).to_owned(),
        _ if layout.components().len() == 1 => measure.unit.word().to_owned(),
        _ => (*component).to_owned(),
    }));
    let mut rows = vec![header];
    let places = layout.components().len();
    for first in (0..layout.len()).filter(|&figure| layout.component_place(figure) == 0) {
        let (pairs, _) = layout.values(first);
        let mut row: Vec<String> = query
            .by()
            .iter()
            .map(|&place| {
                let name = measure.dimensions[place].name;
                pairs
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map_or("all".to_owned(), |(_, label)| (*label).to_owned())
            })
            .collect();
        if row.is_empty() {
            row.push("all".to_owned());
        }
        row.extend((0..places).map(|component| {
            let figure = shown.figures()[layout.with_component(first, component)];
            figure.shown().map_or("hidden".to_owned(), |value| value.to_string())
        }));
        rows.push(row);
    }
    rows
}

/// What the cells of a masked vector are about, without a figure.
fn categories(query: &Query) -> Vec<Vec<String>> {
    let measure = query.measure();
    let mut rows = vec![vec!["counted by".to_owned(), "groups".to_owned()]];
    for &place in query.by() {
        let dimension = &measure.dimensions[place];
        let labels = dimension.categories.labels(query.period());
        let kept = query.filters().iter().find(|(filtered, _)| *filtered == place);
        let labels: Vec<&str> = match kept {
            Some((_, chosen)) => chosen.iter().map(|&category| labels[category].as_str()).collect(),
            None => labels.iter().map(String::as_str).collect(),
        };
        let shown = labels.iter().take(12).copied().collect::<Vec<_>>().join("; ");
        let more = if labels.len() > 12 { format!("; and {} more", labels.len() - 12) } else { String::new() };
        rows.push(vec![dimension.title.to_owned(), shown + &more]);
    }
    let components = measure.kind.components().join("; ");
    rows.push(vec![measure.unit.word().to_owned(), if components.is_empty() { "all".to_owned() } else { components }]);
    rows
}

fn about(records: &Records, assembly: &Assembly, query: &Query, opt_out_applied: bool) -> Vec<String> {
    let files = assembly.used.len();
    let mut data = vec![format!(
        "Made from {files} file{} of client level data, over {}.",
        if files == 1 { "" } else { "s" },
        assembly.window
    )];
    data.push(match (opt_out_applied, records.opt_out_list().ok().flatten()) {
        (true, Some(day)) => format!(
            "People with a national data opt-out are left out, by the list loaded on {day}: the policy applies it to this \
             purpose."
        ),
        (true, None) => "The policy leaves out people with a national data opt-out, and no list was loaded.".to_owned(),
        (false, _) => {
            "People with a national data opt-out are counted: the policy does not apply it to this purpose.".to_owned()
        }
    });
    data.push("People who are erased or restricted here are left out.".to_owned());
    let (period, window) = (query.period(), assembly.window);
    if period.first() > window.last() || period.last() < window.first() {
        data.push(format!("The question is about {period}, of which the files cover nothing."));
    } else if period.last() > window.last() || period.first() < window.first() {
        data.push(format!("The question is about {period}, which the files cover only in part."));
    }
    data.extend(assembly.warnings.iter().map(ToString::to_string));
    data
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
