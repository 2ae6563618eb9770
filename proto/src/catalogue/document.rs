//! The catalogue as a page for people, `docs/measures.md`: made from the entries, so that it cannot say anything else.

use super::{Asked, Bound, Categories, Kind, Measure, Population, Settings, Sum, Table, Values, Window, all};

const HEAD: &str = "\
# Measures

Every question that Folkmoot can answer. This page is made from the catalogue in `proto/src/catalogue`; change an entry
there, then run `FOLKMOOT_WRITE_DOCS=1 cargo test -p folkmoot-proto the_page_of_measures` to make it again.

For each measure: what it counts, how it can be broken down, what the dates of a question mean, and how much one person
can change one answer of one council (the bound that noise is made for). All of it is fixed before any data is read.
A person is one council's person: somebody known to two councils counts in both, as in the national figures.
";

/// The page, as Markdown.
pub fn page() -> String {
    let mut page = format!("{HEAD}\n| measure | what it tells |\n| --- | --- |\n");
    for measure in all() {
        page.push_str(&format!("| [{}](#{}) | {} |\n", measure.id, anchor(measure), measure.title));
    }
    for measure in all() {
        page.push_str(&section(measure));
    }
    page
}

fn anchor(measure: &Measure) -> String {
    measure.id.to_ascii_lowercase()
}

fn section(measure: &'static Measure) -> String {
    let mut text = format!("\n## {}\n\n{}.\n\n{}\n\n", measure.id, measure.title, measure.text);
    let mut line = |name: &str, value: String| text.push_str(&format!("- {name}: {value}\n"));
    line("Version", measure.version.to_string());
    line("Counts", format!("{}, {}", measure.unit.word(), reading(measure.kind)));
    line("Dates", dates(measure.window).to_owned());
    line("Table", table(measure.table).to_owned());
    line(
        "Broken down by",
        match measure.default_by {
            [] => format!("nothing unless asked; at most {} dimensions at once", measure.max_by),
            names => format!("{} unless asked otherwise; at most {} at once", code(names), measure.max_by),
        },
    );
    if !measure.totals.is_empty() {
        let names = |sum: &Sum| {
            let dimensions = measure.dimensions.iter().map(|dimension| dimension.name);
            code(&dimensions.filter(|name| sum.adds_up(name)).collect::<Vec<_>>())
        };
        let totals: Vec<_> = measure.totals.iter().map(names).collect();
        line("Published sums over", totals.join("; "));
    }
    for setting in measure.options {
        let values = match setting.values {
            Values::Choice(words) => format!("{}; the first unless asked otherwise", code(words)),
            Values::Integer { least, most, default } => format!("{least} to {most}; {default} unless asked otherwise"),
        };
        line(&format!("Setting `{}`", setting.name), format!("{} ({values})", setting.title));
    }
    let bound = measure.bound_with(&Settings::check(measure, &[]).unwrap_or_default());
    line(
        "One person changes an answer by at most",
        format!(
            "{} in all, {} in one cell (L1 {}, L2 squared {}). {}",
            bound.total,
            bound.per_cell,
            bound.l1(),
            bound.l2_squared(),
            measure.bound_reason
        ),
    );
    line("Source", measure.source.to_owned());
    let others = other_bounds(measure, bound);
    if !others.is_empty() {
        text.push_str("\n| asked otherwise | in all (L1) | in one cell | L2 squared |\n| --- | --- | --- | --- |\n");
        for (asked, bound) in others {
            text.push_str(&format!("| {asked} | {} | {} | {} |\n", bound.total, bound.per_cell, bound.l2_squared()));
        }
    }
    if !measure.dimensions.is_empty() {
        text.push_str("\n| dimension | name in questions | categories |\n| --- | --- | --- |\n");
        for dimension in measure.dimensions {
            text.push_str(&format!(
                "| {} | `{}` | {} |\n",
                dimension.title,
                dimension.name,
                categories(dimension.categories)
            ));
        }
    }
    text
}

/// The bound of questions that differ from the default in one setting or in the breakdown, where it is another one.
fn other_bounds(measure: &'static Measure, default: Bound) -> Vec<(String, Bound)> {
    let mut others: Vec<(String, Bound)> = Vec::new();
    let mut note = |asked: String, bound: Bound| {
        if bound == default {
            return;
        }
        match others.iter_mut().find(|(_, known)| *known == bound) {
            Some((named, _)) => named.push_str(&format!(" or {asked}")),
            None => others.push((asked, bound)),
        }
    };
    for setting in measure.options {
        let values: Vec<String> = match setting.values {
            Values::Choice(words) => words.iter().map(|&word| word.to_owned()).collect(),
            Values::Integer { least, most, .. } => vec![least.to_string(), most.to_string()],
        };
        for value in values {
            let settings = Settings::check(measure, &[(setting.name.to_owned(), value.clone())]).unwrap_or_default();
            note(format!("`{}` {value}", setting.name), measure.bound_with(&settings));
        }
    }
    let settings = Settings::check(measure, &[]).unwrap_or_default();
    let by = |by: &[usize]| (measure.bound)(&Asked { measure, settings: &settings, by, filters: &[] });
    note("not broken down".to_owned(), by(&[]));
    for (place, dimension) in measure.dimensions.iter().enumerate() {
        note(format!("by `{}` alone", dimension.name), by(&[place]));
    }
    others
}

fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn reading(kind: Kind) -> &'static str {
    match kind {
        Kind::Ratio => "as a percentage: `yes` / (`yes` + `no`), to one decimal",
        Kind::Count => "as they are",
        Kind::Rate(Population::WorkingAge) => "per 100,000 residents aged 18 to 64",
        Kind::Rate(Population::Older) => "per 100,000 residents aged 65 and over",
        Kind::Rate(Population::Adults) => "per 100,000 residents aged 18 and over",
        Kind::Histogram => "by whole days, from which medians are read",
    }
}

fn dates(window: Window) -> &'static str {
    match window {
        Window::Period => "a period, both days included",
        Window::Snapshot => "one day: the last one asked for",
        Window::Either => "a period, or one day when both dates are equal",
    }
}

fn table(table: Table) -> &'static str {
    match table {
        Table::Joined => "submissions joined by quarter",
        Table::Single => "the latest single submission of twelve months",
        Table::SingleWithCodes => "the latest single submission of twelve months, with the codes of every cell",
    }
}

fn categories(categories: Categories) -> String {
    match categories {
        Categories::List(list) => list.join("; "),
        Categories::ListAnd(list, more) => [list, more].concat().join("; "),
        Categories::Days(last) => format!("each number of days from 0 to {last}; over {last}"),
        Categories::Quarters => "the calendar quarters that the period touches".to_owned(),
        Categories::Months => "the calendar months that the period touches".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_measures_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/measures.md");
        if std::env::var_os("FOLKMOOT_WRITE_DOCS").is_some() {
            std::fs::write(path, page()).expect("docs/measures.md can be written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "docs/measures.md is not what the catalogue says: run \
             `FOLKMOOT_WRITE_DOCS=1 cargo test -p folkmoot-proto the_page_of_measures`"
        );
    }
}
