//! Files from a release and from nothing else.

use std::collections::BTreeSet;

use crate::merge::{Area, Cell, Row};
use crate::release::View;

/// A release could not be written as a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such format.
    #[error("there is no format `{0}`: csv and json are known")]
    Format(String),
    /// Writing CSV into memory failed.
    #[error("writing release {release} as CSV")]
    Csv {
        /// The release.
        release: String,
        /// Why.
        source: csv::Error,
    },
    /// Writing JSON into memory failed.
    #[error("writing release {release} as JSON")]
    Json {
        /// The release.
        release: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// A file's name and content.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Name without folder.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Writes what a caller may see of a release in the format named.
///
/// # Errors
/// [`Error::Format`]; the others do not happen for a release that was stored.
pub fn file(view: &View, format: &str) -> Result<File, Error> {
    let stem = stem(view);
    match format {
        "csv" => Ok(File { name: format!("{stem}.csv"), bytes: csv(view)? }),
        "json" => Ok(File { name: format!("{stem}.json"), bytes: json(view)? }),
        other => Err(Error::Format(other.chars().take(20).collect())),
    }
}

fn stem(view: &View) -> String {
    let manifest = view.manifest();
    format!("{}-release-{}-{}", manifest.measure.to_lowercase(), manifest.number, manifest.revision)
}

/// Manifest and table as one JSON object, indented.
///
/// # Errors
/// [`Error::Json`].
pub fn json(view: &View) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(view)
        .map_err(|source| Error::Json { release: view.manifest().release.clone(), source })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Columns before those of the dimensions.
const BEFORE: [&str; 10] = [
    "area_level",
    "ons_code",
    "area_name",
    "council",
    "icb",
    "measure",
    "version",
    "period_start",
    "period_end",
    "group",
];

/// Columns after them.
const AFTER: [&str; 20] = [
    "component",
    "statistic",
    "value",
    "value_status",
    "lower",
    "upper",
    "margin",
    "councils",
    "councils_asked",
    "councils_in_area",
    "adult_share",
    "release",
    "revision",
    "as_of",
    "kind",
    "protection",
    "geography",
    "code_lists",
    "withdrawn",
    "area_note",
];

/// Tidy CSV: one figure a row, RFC 4180, UTF-8, one header row.
///
/// Numbers are raw: a noisy count may be negative, and `value_status` tells. A dimension that a row sums over is blank.
/// Texts that a spreadsheet would take for a formula are prefixed with an apostrophe.
///
/// # Errors
/// [`Error::Csv`].
pub fn csv(view: &View) -> Result<Vec<u8>, Error> {
    let failed = |source: csv::Error| Error::Csv { release: view.manifest().release.clone(), source };
    let dimensions = dimensions(&view.table().rows);
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let header: Vec<&str> = BEFORE.into_iter().chain(dimensions.iter().map(String::as_str)).chain(AFTER).collect();
    writer.write_record(&header).map_err(failed)?;
    for area in &view.table().areas {
        for (row, cell) in view.table().rows.iter().zip(&area.cells) {
            writer.write_record(record(view, &dimensions, area, row, cell)).map_err(failed)?;
        }
    }
    writer.into_inner().map_err(|error| failed(csv::Error::from(error.into_error())))
}

fn dimensions(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = rows.iter().flat_map(|row| row.dimensions.iter().map(|(name, _)| name));
    names.filter(|name| seen.insert(name.as_str())).cloned().collect()
}

fn record(view: &View, dimensions: &[String], area: &Area, row: &Row, cell: &Cell) -> Vec<String> {
    let manifest = view.manifest();
    let number = |number: Option<crate::merge::Number>| number.map_or(String::new(), |number| number.to_string());
    let mut fields = vec![
        area.level.word().to_owned(),
        area.ons_code.clone(),
        safe(&area.name),
        area.council.map_or(String::new(), |code| code.to_string()),
        area.board.clone().unwrap_or_default(),
        manifest.measure.clone(),
        manifest.measure_version.to_string(),
        manifest.period_start.clone(),
        manifest.period_end.clone(),
        safe(&row.group()),
    ];
    for dimension in dimensions {
        let label = row.dimensions.iter().find(|(name, _)| name == dimension).map_or("", |(_, label)| label);
        fields.push(safe(label));
    }
    fields.extend([
        row.component.clone(),
        row.statistic.word().to_owned(),
        number(cell.value),
        cell.status.word().to_owned(),
        number(cell.lower),
        number(cell.upper),
        number(cell.margin),
        area.councils.to_string(),
        area.councils_asked.to_string(),
        area.councils_in_area.to_string(),
        format!("{:.4}", area.adult_share),
        manifest.number.to_string(),
        manifest.revision.to_string(),
        manifest.as_of.clone(),
        manifest.kind.clone(),
        manifest.protection.clone(),
        manifest.geography.clone(),
        manifest.code_lists.clone(),
        if view.withdrawn().is_some() { "yes" } else { "no" }.to_owned(),
        safe(&area.note),
    ]);
    fields
}

/// Text that no spreadsheet takes for a formula.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::release::tests::released;

    /// The file an analyst gets, line by line. Written by hand from the rules of the profile `hospital`.
    #[test]
    fn the_csv_of_a_small_release_is_as_documented() {
        let text = String::from_utf8(csv(&released().view()).unwrap()).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(
            lines[0],
            "area_level,ons_code,area_name,council,icb,measure,version,period_start,period_end,group,age_band,gender,\
             component,statistic,value,value_status,lower,upper,margin,councils,councils_asked,\
             councils_in_area,adult_share,release,revision,\
             as_of,kind,protection,geography,code_lists,withdrawn,area_note"
        );
        let find = |start: &str| {
            let found: Vec<_> = lines.iter().filter(|line| line.starts_with(start)).collect();
            assert_eq!(found.len(), 1, "{start}");
            (*found[0]).to_owned()
        };
        let tail = |line: &str| line.split(",age_band").nth(1).unwrap().split(",1,1,").next().unwrap().to_owned();
        // Northumberland (104): men of working age 20 yes and 3 no; the 3 is hidden and with it the percentage.
        let group = "104,QHM,ASCOF-2E,1,2024-04-01,2025-03-31,age_band=18 to 64;gender=Male,18 to 64,Male";
        let council = |component: &str| find(&format!("council,E06000057,Northumberland,{group},{component},"));
        let shown = council("yes,count");
        assert!(shown.contains(",yes,count,20,ok,18,22,2,1,1,1,1.0000,"), "{shown}");
        let hidden = council("no,count");
        assert!(hidden.contains(",no,count,,suppressed,1,7,,1,1,1,1.0000,"), "{hidden}");
        assert!(council(",percentage").contains(",,percentage,,suppressed,"), "{}", tail(&hidden));
        // England: 20 + 40 shown; hidden 1 to 7 beside 10 shown is 14 give or take 5.
        let england =
            "england,E92000001,England,,,ASCOF-2E,1,2024-04-01,2025-03-31,age_band=18 to 64;gender=Male,18 to 64,Male";
        assert!(find(&format!("{england},yes,count")).contains(",60,ok,56,64,4,2,3,153,"));
        assert!(find(&format!("{england},no,count")).contains(",14,estimated,9,19,5,2,3,153,"));
        assert!(lines[1..].iter().all(|line| line.contains(",2025-06-30,council-suppressed,hospital,icb-2022,")));
    }

    /// The whole file, byte for byte: what analysts' programs read must not change unnoticed.
    #[test]
    fn the_csv_of_a_small_release_is_the_golden_file() {
        let text = String::from_utf8(csv(&released().view()).unwrap()).unwrap();
        let golden = include_str!("../tests/golden/ascof-2e-release-1-1.csv").replace("\r\n", "\n");
        assert_eq!(text.replace("\r\n", "\n"), golden);
    }

    #[test]
    fn no_text_becomes_a_formula() {
        for text in ["=1+1", "+1", "-1", "@sum", "\tx"] {
            assert!(safe(text).starts_with('\''));
        }
        assert_eq!(safe("Bristol, City of"), "Bristol, City of");
    }

    #[test]
    fn unknown_formats_are_refused_by_name() {
        assert!(file(&released().view(), "xls").is_err_and(|error| error.to_string().contains("xls")));
        let json = file(&released().view(), "json").unwrap();
        assert_eq!(json.name, "ascof-2e-release-1-1.json");
        let value: serde_json::Value = serde_json::from_slice(&json.bytes).unwrap();
        assert_eq!(value["manifest"]["councils_asked"], 3);
        assert!(!csv(&released().view()).unwrap().starts_with(b"\xef\xbb\xbf"));
    }
}
