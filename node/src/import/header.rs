//! The header row: which column of the specification stands where.

use folkmoot_proto::text::is_unseen;

use crate::clean::fold::{fold_header, trim};
use crate::clean::record::Places;
use crate::clean::rule::Rule;

use super::columns::{COUNT, Column};

/// More line breaks inside one record than any address or note has: a quote was left open.
const LINE_BREAKS: usize = 20;
/// More columns than any file has; keeps positions in sixteen bits.
const MOST_COLUMNS: usize = 4096;

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) places: Places,
    /// How many columns, named or not.
    pub(super) columns: usize,
    /// One past the last column with a name.
    pub(super) named: usize,
    /// Places of the columns without a name.
    pub(super) unnamed: Vec<usize>,
    /// Headers that the specification does not have.
    pub(super) unknown: Vec<String>,
    /// Columns of the specification that are not there.
    pub(super) missing: Vec<Column>,
}

/// Why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing but blank rows, or nothing at all.
    #[error("the file is empty")]
    Empty,
    /// Two columns have one meaning.
    #[error("columns {first} and {second} of the header are both `{header}`; keep one of them")]
    Duplicate {
        /// The header, as the specification spells it.
        header: &'static str,
        /// Place of the first, from 1.
        first: usize,
        /// Place of the second, from 1.
        second: usize,
    },
    /// Columns without which no row can be understood are not there.
    #[error(
        "the first row is not a header that can be understood: it has {recognised} of the specification's {all} columns, and lacks {}{hint}",
        missing.join(", ")
    )]
    NotUnderstood {
        /// How many columns were recognised.
        recognised: usize,
        /// How many there are.
        all: usize,
        /// What is missing that must be there.
        missing: Vec<&'static str>,
        /// What may have gone wrong, with a leading separator; or empty.
        hint: String,
    },
    /// More columns than can be right.
    #[error("the header has {0} columns, which no client level data file has")]
    TooWide(usize),
}

/// Reads a header: names are compared without case, spaces, underscores and punctuation, in any order.
pub(super) fn read(cells: &csv::StringRecord) -> Result<Header, Error> {
    if cells.len() > MOST_COLUMNS {
        return Err(Error::TooWide(cells.len()));
    }
    let names: Vec<String> = Column::ALL.iter().map(|column| fold_header(column.header())).collect();
    let mut header = Header {
        places: [None; COUNT],
        columns: cells.len(),
        named: 0,
        unnamed: Vec::new(),
        unknown: Vec::new(),
        missing: Vec::new(),
    };
    for (place, cell) in cells.iter().enumerate() {
        let name = fold_header(cell);
        if trim(cell).is_empty() {
            header.unnamed.push(place);
            continue;
        }
        header.named = place + 1;
        let Some(index) = names.iter().position(|known| *known == name) else {
            header.unknown.push(trim(cell).chars().filter(|c| !is_unseen(*c)).take(60).collect());
            continue;
        };
        if let Some(first) = header.places[index].replace(place as u16) {
            let (first, second) = (usize::from(first) + 1, place + 1);
            return Err(Error::Duplicate { header: Column::ALL[index].header(), first, second });
        }
    }
    let has = |column: Column| header.places[column.index()].is_some();
    let mut lacking: Vec<&'static str> = [Column::ClientType, Column::EventType, Column::EventStart, Column::EventEnd]
        .into_iter()
        .filter(|column| !has(*column))
        .map(Column::header)
        .collect();
    if !has(Column::NhsNumber) && !has(Column::PersonId) {
        lacking.extend([Column::NhsNumber.header(), Column::PersonId.header()]);
    }
    if !lacking.is_empty() {
        let recognised = header.places.iter().flatten().count();
        let single = cells.len() <= 2;
        let hint = if single && cells.iter().any(|cell| cell.contains(';')) {
            "; it seems to be separated by semicolons: save it separated by commas".to_owned()
        } else if single && cells.iter().any(|cell| cell.contains('\t')) {
            "; it seems to be separated by tabs: save it separated by commas".to_owned()
        } else if recognised == 0 {
            "; if the file has no header row, export it with one".to_owned()
        } else if recognised * 2 > cells.len() && !header.unknown.is_empty() {
            // Most of it is a header, so the rest is one too, and no data that must not be shown.
            format!(
                "; it also has {}, which the specification does not: rename what is meant",
                header.unknown.join(", ")
            )
        } else {
            String::new()
        };
        return Err(Error::NotUnderstood { recognised, all: COUNT, missing: lacking, hint });
    }
    header.missing = Column::ALL.into_iter().filter(|column| !has(*column)).collect();
    Ok(header)
}

/// What a record is before its cells are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Every cell is blank.
    Blank,
    /// To be cleaned.
    Whole,
    /// To be rejected.
    Broken(Rule),
}

pub(super) fn is_blank(cells: &csv::StringRecord) -> bool {
    cells.iter().all(|cell| trim(cell).is_empty())
}

impl Header {
    /// Judges a record's shape: as many cells as there are named columns at least, no more than the header, nothing
    /// under a column without a name.
    pub(super) fn shape(&self, cells: &csv::StringRecord) -> Shape {
        if is_blank(cells) {
            return Shape::Blank;
        }
        let bytes = cells.as_byte_record().as_slice();
        if bytes.contains(&b'\n') && bytes.iter().filter(|byte| **byte == b'\n').count() > LINE_BREAKS {
            return Shape::Broken(Rule::OpenQuote);
        }
        if cells.len() < self.named {
            return Shape::Broken(Rule::TooFewCells);
        }
        if cells.len() > self.columns {
            return Shape::Broken(Rule::TooManyCells);
        }
        let shifted = self.unnamed.iter().any(|place| cells.get(*place).is_some_and(|cell| !trim(cell).is_empty()));
        if shifted { Shape::Broken(Rule::UnnamedCell) } else { Shape::Whole }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(cells: &[&str]) -> csv::StringRecord {
        csv::StringRecord::from(cells.to_vec())
    }

    const LEAST: [&str; 5] = ["NHS Number", "Client Type", "Event Type", "Event Start Date", "Event End Date"];

    #[test]
    fn names_are_matched_however_they_are_written_and_ordered() {
        let cells = record(&[
            "event_end_date",
            "EVENT TYPE",
            " Client  Type",
            "NhsNumber",
            "Event.Start.Date",
            "No of adults being cared for",
            "Cost_Frequency_(Unit_Type)",
        ]);
        let header = read(&cells).unwrap();
        assert_eq!(header.places[Column::EventEnd.index()], Some(0));
        assert_eq!(header.places[Column::AdultsCaredFor.index()], Some(5));
        assert_eq!(header.places[Column::CostFrequency.index()], Some(6));
        assert_eq!(header.missing.len(), 43);
        let all: Vec<_> = Column::ALL.iter().map(|column| column.header()).collect();
        assert!(read(&record(&all)).unwrap().missing.is_empty());
    }

    #[test]
    fn a_header_that_cannot_be_understood_says_what_is_missing() {
        let refused = |cells: &[&str]| read(&record(cells)).unwrap_err().to_string();
        assert!(refused(&["NHS Number", "Event Type"]).contains("lacks Client Type, Event Start Date, Event End Date"));
        assert!(refused(&["LA Code;NHS Number;Event Type"]).contains("semicolons"));
        assert!(refused(&["9990000018", "Service"]).contains("no header row"));
        let renamed = refused(&["NHS Number", "Client Type", "Kind", "Event Start Date", "Event End Date"]);
        assert!(renamed.contains("lacks Event Type; it also has Kind, which"), "{renamed}");
        assert!(!refused(&["NHS Number", "Smith", "Jones", "9990000018"]).contains("Smith"), "too little of a header");
        assert!(!refused(&["9990000018", "Smith"]).contains("Smith"), "data in the header's place is not shown");
        let twice =
            refused(&["NHS Number", "Client Type", "Event Type", "Event Start Date", "Event End Date", "nhs_number"]);
        assert!(twice.contains("columns 1 and 6"), "{twice}");
    }

    #[test]
    fn rows_are_whole_blank_or_broken() {
        let mut cells = LEAST.to_vec();
        cells.extend(["Local note", "", ""]);
        let header = read(&record(&cells)).unwrap();
        assert_eq!(header.unknown, ["Local note"]);
        let shape = |cells: &[&str]| header.shape(&record(cells));
        assert_eq!(shape(&["1", "2", "3", "4", "5", "6"]), Shape::Whole);
        assert_eq!(shape(&["1", "2", "3", "4", "5", "6", "", "\u{a0}"]), Shape::Whole);
        assert_eq!(shape(&["1", "2", "3", "4", "5", "6", "x"]), Shape::Broken(Rule::UnnamedCell));
        assert_eq!(shape(&["1", "2", "3", "4", "5"]), Shape::Broken(Rule::TooFewCells));
        assert_eq!(shape(&["1", "2", "3", "4", "5", "6", "", "", ""]), Shape::Broken(Rule::TooManyCells));
        assert_eq!(shape(&["", " ", "\u{a0}"]), Shape::Blank);
        assert_eq!(shape(&[&"\n".repeat(21), "2", "3", "4", "x", "6"]), Shape::Broken(Rule::OpenQuote));
    }
}
