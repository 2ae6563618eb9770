//! Files as they really arrive: every kind of dirt that councils' exports are known to carry, applied so that a careful reader
//! still finds the same people in the same figures.
//!
//! Values of real rows are only spoilt in ways that can be undone, or that no measure reads. Rows that must be refused or left out
//! are extra rows about people who are nowhere else in the file. An NHS number is spoilt on all rows and in all files of a person.

use std::borrow::Cow;

use jiff::civil::Date;

use super::calendar::{compact, plus, spreadsheet_serial};
use super::dice::Dice;
use super::ids::check_digit;
use super::submission::Row;
use super::vocabulary::{self as words, HEADERS, RELEASE_1, column};

/// What a careful reader makes of a dirty place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read as if it were clean.
    Same,
    /// Read as blank, with a finding.
    Missing,
    /// Kept as `Invalid and not mapped`, with a finding.
    Invalid,
    /// The row is refused whole.
    Rejected,
    /// The row is stored, but the published method leaves it out of the figures.
    LeftOut,
    /// The row adds nothing: it is blank, or the same event again.
    Nothing,
}

/// One thing made dirty.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Line of the file, the header being line 1; 1 for what concerns the whole file.
    pub line: usize,
    /// Column, where one is concerned.
    pub column: Option<&'static str>,
    /// What was done, in a few words.
    pub kind: &'static str,
    /// What a careful reader makes of it.
    pub effect: Effect,
}

/// Columns whose text comes from a list, in which spelling varies.
const LISTS: [usize; 17] = [
    column::GENDER,
    column::ETHNICITY,
    column::CLIENT_TYPE,
    column::SUPPORT_REASON,
    column::ACCOMMODATION,
    column::EMPLOYMENT,
    column::HAS_CARER,
    column::FUNDING,
    column::OUTCOME,
    column::ASSESSMENT_TYPE,
    column::ASSESSMENT_METHOD,
    column::SERVICE_TYPE,
    column::COMPONENT,
    column::MECHANISM,
    column::REVIEW_METHOD,
    column::OUTCOMES_ACHIEVED,
    column::COST_FREQUENCY,
];

const DATES: [usize; 4] = [column::BIRTH, column::DEATH, column::EVENT_START, column::EVENT_END];

/// Columns that a release 2 file may do without.
const OPTIONAL: [usize; 2] = [column::GP_NAME, column::PROVIDER_NAME];

/// The rows as a dirty file, and what was done to them.
pub(super) fn spoil(dice: Dice, rows: &[Row<'_>]) -> (Vec<u8>, Vec<Mark>) {
    let mut spoiler =
        Spoiler { dice, records: Vec::with_capacity(rows.len() + rows.len() / 20 + 20), marks: Vec::new() };
    for row in rows {
        spoiler.row(row);
        if spoiler.dice.chance(0.004) {
            spoiler.again(row);
        }
        if spoiler.dice.chance(0.003) {
            spoiler.blank_row();
        }
    }
    // One of each at least, however small the file.
    for _ in 0..1 + rows.len() / 2_000 {
        if let Some(model) = rows.iter().find(|row| row[column::SERVICE_TYPE] == words::COMMUNITY) {
            spoiler.strangers(model);
        }
    }
    spoiler.file()
}

struct Spoiler {
    dice: Dice,
    records: Vec<Vec<String>>,
    marks: Vec<Mark>,
}

impl Spoiler {
    /// The line that the next record will have.
    fn line(&self) -> usize {
        self.records.len() + 2
    }

    fn mark(&mut self, column: Option<usize>, kind: &'static str, effect: Effect) {
        self.marks.push(Mark { line: self.line(), column: column.map(|position| HEADERS[position]), kind, effect });
    }

    /// A real row, with its values written as people and programs write them.
    fn row(&mut self, row: &Row<'_>) {
        let mut cells: Vec<String> = row.iter().map(|cell| cell.clone().into_owned()).collect();
        self.nhs_number(&mut cells);
        if self.dice.chance(0.05) {
            self.list_values(&mut cells);
        }
        if self.dice.chance(0.04) {
            self.dates(&mut cells);
        }
        if self.dice.chance(0.03) {
            self.event_type(&mut cells);
        }
        if self.dice.chance(0.02) {
            self.costs(&mut cells);
        }
        if self.dice.chance(0.02) {
            for position in [column::DEATH, column::EVENT_END, column::ELIGIBLE_NEEDS] {
                if cells[position].is_empty() {
                    cells[position] = self.dice.pick(&["NULL", "null", " "]).to_owned();
                    self.mark(Some(position), "the text NULL for nothing", Effect::Same);
                }
            }
        }
        if self.dice.chance(0.01) {
            cells[column::PERSON_ID] = format!(" {} ", cells[column::PERSON_ID].to_lowercase());
            self.mark(Some(column::PERSON_ID), "small letters and blanks in an id", Effect::Same);
        }
        if self.dice.chance(0.005) {
            cells[column::DESCRIPTION] = "Zoë’s visit – see \"notes\", page 2".to_owned();
        }
        self.records.push(cells);
    }

    /// Spoils the number of about one person in forty, on every row and in every file alike.
    fn nhs_number(&mut self, cells: &mut [String]) {
        let number = cells[column::NHS_NUMBER].clone();
        if number.len() != 10 {
            return;
        }
        let serial: u32 = cells[column::PERSON_ID]
            .chars()
            .filter_map(|c| c.to_digit(10))
            .fold(0, |sum, digit| (sum * 10 + digit) % 1_000_003);
        let spoilt = match serial % 200 {
            3 => {
                let wrong = (check_digit(&number[..9]).unwrap_or(0) + 1) % 10;
                (format!("{}{wrong}", &number[..9]), "wrong check digit")
            }
            57 => ("9999999999".to_owned(), "one repeated digit"),
            101 => (number[1..].to_owned(), "nine digits"),
            143 => {
                (format!("{:.2}E+09", number.parse::<f64>().unwrap_or(0.0) / 1e9), "number as a spreadsheet shows it")
            }
            187 => {
                cells[column::NHS_NUMBER] = format!("{} {}-{}", &number[..3], &number[3..6], &number[6..]);
                self.mark(Some(column::NHS_NUMBER), "number in groups", Effect::Same);
                return;
            }
            _ => return,
        };
        cells[column::NHS_NUMBER] = spoilt.0;
        self.mark(Some(column::NHS_NUMBER), spoilt.1, Effect::Missing);
    }

    fn list_values(&mut self, cells: &mut [String]) {
        for position in LISTS {
            let cell = cells[position].clone();
            if cell.is_empty() || !self.dice.chance(0.3) {
                continue;
            }
            let (text, kind) = match self.dice.between(1, 7) {
                1 => (cell.to_uppercase(), "capital letters"),
                2 => (format!(" {cell}  "), "blanks around a value"),
                3 => (cell.replacen(' ', "\u{a0}", 1), "a no-break space"),
                4 if cell.contains(": ") => (cell.replacen(": ", " – ", 1), "a dash for the colon"),
                5 if cell.contains(" and ") => (cell.replace(" and ", " & "), "an ampersand"),
                6 if cell.contains(" or ") => (cell.replace(" or ", " / "), "a slash"),
                _ => match RELEASE_1.iter().find(|(new, _)| *new == cell) {
                    Some((_, old)) => ((*old).to_owned(), "a release 1 value"),
                    None => continue,
                },
            };
            cells[position] = text;
            self.mark(Some(position), kind, Effect::Same);
        }
    }

    fn dates(&mut self, cells: &mut [String]) {
        for position in DATES {
            let Some(date) = parsed(&cells[position]) else {
                if position == column::EVENT_END
                    && cells[column::EVENT_TYPE] == "Service"
                    && cells[column::DEATH].is_empty()
                {
                    cells[position] = "31/12/9999".to_owned();
                    self.mark(Some(position), "the end of time for an open end", Effect::Same);
                }
                continue;
            };
            let serial = spreadsheet_serial(date);
            let (day, month, year) = (date.day(), date.month(), date.year());
            let (text, kind) = match self.dice.between(1, 6) {
                1 => (date.to_string(), "an ISO date"),
                2 => (format!("{date} 00:00:00"), "a date with a time"),
                3 => (format!("{day:02}/{month:02}/{year} 00:00"), "a date with a time"),
                4 => (format!("{day}/{month}/{year}"), "a date without zeros"),
                5 if serial >= 10_000 => (serial.to_string(), "a spreadsheet's day number"),
                _ => (format!("{day:02}.{month:02}.{year}"), "a date with points"),
            };
            cells[position] = text;
            self.mark(Some(position), kind, Effect::Same);
        }
    }

    fn event_type(&mut self, cells: &mut [String]) {
        let variants: &[&str] = match cells[column::EVENT_TYPE].as_str() {
            "Request" => &["request", "Requests", "Referral", "REFERRAL IN"],
            "Assessment" => &["assessment", "Assessments", "ASSESSMENT "],
            "Service" => &["service", "Services", "Service Provided"],
            "Review" => &["REVIEW", "Reviews", "Annual review"],
            _ => return,
        };
        cells[column::EVENT_TYPE] = self.dice.pick(variants).to_owned();
        self.mark(Some(column::EVENT_TYPE), "an event type in other words", Effect::Same);
    }

    fn costs(&mut self, cells: &mut [String]) {
        let cost = cells[column::UNIT_COST].clone();
        if cost.is_empty() {
            return;
        }
        let (text, kind) = match self.dice.between(1, 5) {
            1 => (format!("£{cost}"), "a pound sign"),
            2 => (format!("1,{cost:0>6}"), "a comma for thousands"),
            3 => (format!("-{cost}"), "a negative cost"),
            4 => ("N/A".to_owned(), "words for a cost"),
            _ => (format!(" {cost} "), "blanks around a cost"),
        };
        cells[column::UNIT_COST] = text;
        self.mark(Some(column::UNIT_COST), kind, Effect::Missing);
    }

    /// The same event once more: exactly, with another price, or with less known about its outcome.
    fn again(&mut self, row: &Row<'_>) {
        let mut cells: Vec<String> = row.iter().map(|cell| cell.clone().into_owned()).collect();
        // The same number as on the person's other rows; the double itself is the one thing to mark.
        let before = self.marks.len();
        self.nhs_number(&mut cells);
        self.marks.truncate(before);
        let kind = match self.dice.between(1, 3) {
            1 => "an exact duplicate",
            2 => {
                cells[column::EVENT_REFERENCE].push('A');
                if !cells[column::UNIT_COST].is_empty() {
                    cells[column::UNIT_COST] = "1.00".to_owned();
                }
                "a near duplicate with another price"
            }
            _ if cells[column::CLIENT_TYPE] == words::SERVICE_USER => {
                cells[column::OUTCOME] = String::new();
                "a near duplicate without an outcome"
            }
            _ => "an exact duplicate",
        };
        self.mark(None, kind, Effect::Nothing);
        self.records.push(cells);
    }

    fn blank_row(&mut self) {
        self.mark(None, "a blank row", Effect::Nothing);
        self.records.push(vec![String::new(); HEADERS.len()]);
    }

    /// Rows to refuse or leave out, about people who are nowhere else.
    fn strangers(&mut self, model: &Row<'_>) {
        let stranger = |name: &str, index: usize| {
            let mut cells: Vec<String> = model.iter().map(|cell| cell.clone().into_owned()).collect();
            cells[column::NHS_NUMBER] = String::new();
            cells[column::PERSON_ID] = format!("X{name}{index}");
            cells[column::DEATH] = String::new();
            cells
        };
        let index = self.records.len();
        let Some(start) = parsed(&model[column::PERIOD_START]) else {
            return;
        };
        let on = |days: i32| super::calendar::written(plus(start, days));

        let mut short = stranger("SHORT", index);
        short.truncate(20);
        self.mark(None, "a row that breaks off", Effect::Rejected);
        self.records.push(short);

        let mut long = stranger("LONG", index);
        // An address with an unquoted comma pushes everything one column to the right.
        long.insert(column::POSTCODE, "1 High Street".to_owned());
        long.push("left over".to_owned());
        long.push("left over".to_owned());
        self.mark(None, "a row with too many cells", Effect::Rejected);
        self.records.push(long);

        let mut nobody = stranger("", index);
        nobody[column::PERSON_ID] = String::new();
        self.mark(None, "a row with neither id", Effect::LeftOut);
        self.records.push(nobody);

        let mut backwards = stranger("BACK", index);
        backwards[column::EVENT_START] = on(120);
        backwards[column::EVENT_END] = on(100);
        self.mark(Some(column::EVENT_END), "an end before the start", Effect::LeftOut);
        self.records.push(backwards);

        let mut dead = stranger("DEAD", index);
        dead[column::EVENT_START] = on(150);
        dead[column::EVENT_END] = on(170);
        dead[column::DEATH] = on(140);
        self.mark(Some(column::DEATH), "a death before the start", Effect::LeftOut);
        self.records.push(dead);

        let mut undated = stranger("WHEN", index);
        undated[column::EVENT_START] =
            self.dice.pick(&["31/02/2025", "tomorrow", "01-Jan-25", "00/00/0000"]).to_owned();
        self.mark(Some(column::EVENT_START), "a date that is none", Effect::Missing);
        self.records.push(undated);

        let mut vague = stranger("VAGUE", index);
        vague[column::EVENT_TYPE] = "Request".to_owned();
        vague[column::SERVICE_TYPE] = String::new();
        vague[column::EVENT_START] = on(30);
        vague[column::EVENT_END] = on(30);
        vague[column::BIRTH] = "01/01/1900".to_owned();
        for (position, text) in [
            (column::GENDER, "F"),
            (column::ETHNICITY, "White"),
            (column::OUTCOME, "Other"),
            (column::MECHANISM, "Community: Direct Payment"),
        ] {
            vague[position] = text.to_owned();
            self.mark(Some(position), "a value of no list", Effect::Invalid);
        }
        self.records.push(vague);
    }

    /// The file as a whole: column order, headers, encoding, what trails.
    fn file(mut self) -> (Vec<u8>, Vec<Mark>) {
        let mut order: Vec<usize> = (0..HEADERS.len()).collect();
        if self.dice.chance(0.3) {
            // Programs that sort their columns do it by name.
            order.sort_by_key(|&position| HEADERS[position]);
            self.whole("columns in another order");
        }
        if self.dice.chance(0.3) {
            order.retain(|position| !OPTIONAL.contains(position));
            self.whole("without the two optional columns");
        }
        let style = self.dice.between(1, 5);
        let mut headers: Vec<String> = order.iter().map(|&position| header(HEADERS[position], style)).collect();
        if style > 1 {
            self.whole("headers written differently");
        }
        let extra = self.dice.between(1, 4);
        match extra {
            1 => headers.push("Extract Date".to_owned()),
            2 => headers.extend([String::new(), String::new()]),
            _ => {}
        }
        if extra <= 2 {
            self.whole("columns the specification does not know");
        }
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(if self.dice.chance(0.5) { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        let written = "writing to memory does not fail";
        writer.write_record(&headers).expect(written);
        for record in &self.records {
            let mut cells: Vec<Cow<'_, str>> = if record.len() == HEADERS.len() {
                order.iter().map(|&position| Cow::from(record[position].as_str())).collect()
            } else {
                record.iter().map(|cell| Cow::from(cell.as_str())).collect()
            };
            if record.len() == HEADERS.len() {
                let blank = record.iter().all(String::is_empty);
                match extra {
                    1 if blank => cells.push(Cow::from("")),
                    1 => cells.push(Cow::from(compact(jiff::civil::date(2026, 4, 20)))),
                    2 => cells.extend([Cow::from(""), Cow::from("")]),
                    _ => {}
                }
            }
            writer.write_record(cells.iter().map(|cell| cell.as_bytes())).expect(written);
        }
        let text = String::from_utf8(writer.into_inner().expect(written)).expect("all cells were text");
        let mut text = text;
        if self.dice.chance(0.3) {
            text.push_str("\r\n\r\n");
            self.whole("blank lines at the end");
        }
        let bytes = match self.dice.between(1, 3) {
            1 => {
                self.whole("Windows-1252");
                encoding_rs::WINDOWS_1252.encode(&text).0.into_owned()
            }
            2 => {
                self.whole("a byte order mark");
                let mut bytes = b"\xEF\xBB\xBF".to_vec();
                bytes.extend_from_slice(text.as_bytes());
                bytes
            }
            _ => text.into_bytes(),
        };
        (bytes, self.marks)
    }

    fn whole(&mut self, kind: &'static str) {
        self.marks.push(Mark { line: 1, column: None, kind, effect: Effect::Same });
    }
}

fn header(name: &str, style: i32) -> String {
    match style {
        2 => name.to_uppercase(),
        3 => name.replace(' ', "_"),
        4 => format!(" {} ", name.to_lowercase()),
        5 => name.replace(' ', "\u{a0}").replace(':', ""),
        _ => name.to_owned(),
    }
}

/// A clean `dd/mm/yyyy` cell as a date.
fn parsed(cell: &str) -> Option<Date> {
    let mut parts = cell.split('/');
    let day = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let year = parts.next()?.parse().ok()?;
    Date::new(year, month, day).ok()
}
