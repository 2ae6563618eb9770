//! One record of a file, cleaned: every cell judged, the values that figures need decoded.

use std::collections::HashMap;

use folkmoot_proto::codelist::{ClientType, Coded, EventType};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::Day;

use super::dates::{self, Date, Form};
use super::fold::{is_null, trim};
use super::identifiers::{self, NhsNumber};
use super::lists::{Aliases, CODE_BLANK, CODE_INVALID, Code, List, decode};
use super::numbers;
use super::rule::Rule;
use super::verdict::Verdict;
use crate::import::columns::{COUNT, Column, Kind};
use crate::row::EventKind;

/// At most so many different texts of one column are remembered during an import. Beyond, a text is judged each time
/// and stored where it stands, so that a column of free text under a list's name cannot fill the memory.
const REMEMBERED: usize = 10_000;

/// The text of a cell, in the cheapest form that gives it back exactly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text<'r> {
    /// Nothing, or only blanks.
    Blank,
    /// What the specification's own way of writing the cleaned value gives.
    Plain,
    /// One of the texts that [`Cleaner::text`] remembers.
    Known(u32),
    /// As it stands in the file.
    Here(&'r str),
}

/// The date columns that a row keeps as days.
pub const DAYS: [Column; 6] =
    [Column::EventStart, Column::EventEnd, Column::Death, Column::Birth, Column::PeriodStart, Column::PeriodEnd];

/// A cleaned record. It holds values about a person: no `Debug`.
pub struct Record<'r> {
    /// Row number in the file; the header is row 1.
    pub number: u32,
    /// What each cell was found to be.
    pub verdicts: [Verdict; COUNT],
    /// Each cell's text.
    pub texts: [Text<'r>; COUNT],
    /// The codes of the list columns; blank elsewhere.
    pub codes: [Code; COUNT],
    /// What kind of event.
    pub event: EventKind,
    /// Whose row.
    pub client: Coded<ClientType>,
    /// Event start.
    pub start: Option<Day>,
    /// Event end as submitted.
    pub end: Option<Day>,
    /// Date of death.
    pub death: Option<Day>,
    /// Date of birth.
    pub birth: Option<Day>,
    /// Stated start of the reporting period.
    pub period_start: Option<Day>,
    /// Stated end of the reporting period.
    pub period_end: Option<Day>,
    /// The NHS number, when valid.
    pub nhs: Option<u64>,
    /// The council's person id, trimmed.
    pub person_id: Option<&'r str>,
    /// Linked person ids, trimmed.
    pub linked: [Option<&'r str>; 3],
    /// Cost of a unit in pence.
    pub unit_cost: Option<i64>,
    /// Planned units in hundredths.
    pub planned_units: Option<i64>,
    /// The description holds "conversation".
    pub conversation: bool,
}

impl Record<'_> {
    /// True when the cell is blank.
    pub fn is_blank(&self, column: Column) -> bool {
        self.verdicts[column.index()] == Verdict::Blank
    }

    /// The row's event type, when recognised.
    pub fn event_type(&self) -> Option<EventType> {
        match self.event {
            EventKind::Known(kind) => Some(kind),
            EventKind::Blank | EventKind::Other => None,
        }
    }
}

/// A text that was met before, and what it is.
struct Known {
    text: Box<str>,
    code: Code,
    verdict: Verdict,
    rule: Option<Rule>,
    day: Option<Day>,
}

#[derive(Default)]
struct Memory {
    places: HashMap<Box<str>, u32>,
    known: Vec<Known>,
    /// The place found last: rows of one person and one kind follow each other.
    last: usize,
}

/// Where the columns of the specification stand in a file's records.
pub type Places = [Option<u16>; COUNT];

/// Cleans records, one after the other, and remembers the texts of columns with few values.
pub struct Cleaner {
    council: CouncilCode,
    aliases: Aliases,
    memory: Vec<Memory>,
}

impl Cleaner {
    /// A cleaner for this council's files.
    pub fn new(council: CouncilCode, aliases: Aliases) -> Self {
        Self { council, aliases, memory: (0..COUNT).map(|_| Memory::default()).collect() }
    }

    /// The text that [`Text::Known`] stands for.
    pub fn text(&self, column: Column, known: u32) -> &str {
        self.memory[column.index()].known.get(known as usize).map_or("", |known| &known.text)
    }

    /// Cleans one record. `cells` gives a record's cell by its place; findings are added as column and rule.
    pub fn clean<'r>(
        &mut self,
        number: u32,
        places: &Places,
        cells: &'r csv::StringRecord,
        findings: &mut Vec<(Column, Rule)>,
    ) -> Record<'r> {
        let mut record = Record {
            number,
            verdicts: [Verdict::Blank; COUNT],
            texts: [Text::Blank; COUNT],
            codes: [CODE_BLANK; COUNT],
            event: EventKind::Blank,
            client: Coded::Blank,
            start: None,
            end: None,
            death: None,
            birth: None,
            period_start: None,
            period_end: None,
            nhs: None,
            person_id: None,
            linked: [None; 3],
            unit_cost: None,
            planned_units: None,
            conversation: false,
        };
        for column in Column::ALL {
            let Some(raw) = places[column.index()].and_then(|place| cells.get(usize::from(place))) else { continue };
            if raw.is_empty() {
                continue;
            }
            let trimmed = trim(raw);
            if trimmed.is_empty() {
                continue;
            }
            if is_null(trimmed) {
                findings.push((column, Rule::NullText));
                record.texts[column.index()] = Text::Here(raw);
                continue;
            }
            self.cell(column, raw, trimmed, &mut record, findings);
        }
        record.event = match record.codes[Column::EventType.index()] {
            CODE_BLANK => EventKind::Blank,
            code => decode::<EventType>(code).value().map_or(EventKind::Other, EventKind::Known),
        };
        record.client = decode(record.codes[Column::ClientType.index()]);
        record
    }

    fn cell<'r>(
        &mut self,
        column: Column,
        raw: &'r str,
        trimmed: &'r str,
        record: &mut Record<'r>,
        findings: &mut Vec<(Column, Rule)>,
    ) {
        let index = column.index();
        let mut find = |rule: Rule| findings.push((column, rule));
        let (verdict, text) = match column.kind() {
            Kind::Council | Kind::List(_) | Kind::Term | Kind::Practice | Kind::Location | Kind::Count => {
                let (code, verdict, rule, _, text) = self.remembered(column, raw, trimmed);
                record.codes[index] = code;
                rule.into_iter().for_each(&mut find);
                (verdict, text)
            }
            Kind::Date if matches!(column, Column::PeriodStart | Column::PeriodEnd) => {
                let (_, verdict, rule, day, text) = self.remembered(column, raw, trimmed);
                rule.into_iter().for_each(&mut find);
                *day_of(record, column) = day;
                (verdict, text)
            }
            Kind::Date => {
                let (day, verdict, rule, plain) = judge_date(trimmed);
                rule.into_iter().for_each(&mut find);
                *day_of(record, column) = day;
                (verdict, if plain && raw.len() == trimmed.len() { Text::Plain } else { Text::Here(raw) })
            }
            Kind::NhsNumber => {
                let judged = identifiers::nhs_number(trimmed);
                let rule = match judged {
                    NhsNumber::Valid(number, plain) => {
                        record.nhs = Some(number);
                        let plain = plain && raw.len() == trimmed.len();
                        record.texts[index] = if plain { Text::Plain } else { Text::Here(raw) };
                        record.verdicts[index] = Verdict::Valid;
                        return;
                    }
                    NhsNumber::Check => Rule::NhsCheck,
                    NhsNumber::Repeated => Rule::NhsRepeated,
                    NhsNumber::NineDigits => Rule::NhsNine,
                    NhsNumber::Scientific => Rule::NhsScientific,
                    NhsNumber::Other => Rule::NhsForm,
                };
                find(rule);
                (Verdict::Format, Text::Here(raw))
            }
            Kind::PersonId => {
                match column {
                    Column::Linked1 => record.linked[0] = Some(trimmed),
                    Column::Linked2 => record.linked[1] = Some(trimmed),
                    Column::Linked3 => record.linked[2] = Some(trimmed),
                    _ => record.person_id = Some(trimmed),
                }
                // The store finds out whether the id's own spelling gives this text back.
                (Verdict::Valid, Text::Here(raw))
            }
            Kind::Postcode => {
                let fits = identifiers::is_postcode(trimmed);
                if !fits {
                    find(Rule::PostcodeForm);
                }
                (if fits { Verdict::Valid } else { Verdict::Format }, Text::Here(raw))
            }
            Kind::Decimal => {
                let amount = numbers::decimal(trimmed);
                let target = if column == Column::UnitCost { &mut record.unit_cost } else { &mut record.planned_units };
                *target = amount.map(|amount| amount.hundredths);
                match amount {
                    None => {
                        find(Rule::NumberInvalid);
                        (Verdict::Format, Text::Here(raw))
                    }
                    Some(amount) => {
                        let negative = amount.hundredths < 0;
                        if negative {
                            find(Rule::NumberNegative);
                        }
                        if !amount.as_asked {
                            find(Rule::NumberForm);
                        }
                        let plain = amount.as_asked && raw.len() == trimmed.len();
                        let verdict = match (negative, amount.as_asked) {
                            (true, _) => Verdict::Implausible,
                            (_, true) => Verdict::Valid,
                            (_, false) => Verdict::Style,
                        };
                        (verdict, if plain { Text::Plain } else { Text::Here(raw) })
                    }
                }
            }
            Kind::Text => {
                if column == Column::EventDescription {
                    record.conversation = contains_conversation(trimmed);
                }
                if matches!(column, Column::PracticeName | Column::ProviderName) {
                    (Verdict::Valid, self.remembered(column, raw, trimmed).4)
                } else {
                    (Verdict::Valid, Text::Here(raw))
                }
            }
        };
        record.verdicts[index] = verdict;
        record.texts[index] = text;
    }

    /// Judges a cell of a column with few different texts, each text once.
    #[allow(clippy::type_complexity)]
    fn remembered<'r>(
        &mut self,
        column: Column,
        raw: &'r str,
        trimmed: &str,
    ) -> (Code, Verdict, Option<Rule>, Option<Day>, Text<'r>) {
        let memory = &mut self.memory[column.index()];
        let place = match memory.known.get(memory.last) {
            Some(last) if *last.text == *raw => Some(memory.last),
            _ => memory.places.get(raw).map(|place| *place as usize),
        };
        if let Some(place) = place {
            memory.last = place;
            let known = &memory.known[place];
            return (known.code, known.verdict, known.rule, known.day, Text::Known(place as u32));
        }
        let (code, verdict, rule, day) = judge(column, trimmed, &self.council, &self.aliases);
        if memory.known.len() >= REMEMBERED {
            return (code, verdict, rule, day, Text::Here(raw));
        }
        let place = memory.known.len();
        memory.places.insert(raw.into(), place as u32);
        memory.known.push(Known { text: raw.into(), code, verdict, rule, day });
        memory.last = place;
        (code, verdict, rule, day, Text::Known(place as u32))
    }
}

fn day_of<'a>(record: &'a mut Record<'_>, column: Column) -> &'a mut Option<Day> {
    match column {
        Column::EventEnd => &mut record.end,
        Column::Death => &mut record.death,
        Column::Birth => &mut record.birth,
        Column::PeriodStart => &mut record.period_start,
        Column::PeriodEnd => &mut record.period_end,
        _ => &mut record.start,
    }
}

fn judge(
    column: Column,
    trimmed: &str,
    council: &CouncilCode,
    aliases: &Aliases,
) -> (Code, Verdict, Option<Rule>, Option<Day>) {
    let form = |fits: bool, rule: Rule| {
        (CODE_BLANK, if fits { Verdict::Valid } else { Verdict::Format }, (!fits).then_some(rule), None)
    };
    match column.kind() {
        Kind::List(list) => {
            let found = list.find(trimmed, aliases);
            (found.code, found.verdict, rule_of(list, found.code, found.verdict), None)
        }
        Kind::Council => match CouncilCode::parse(trimmed) {
            Ok(code) if code == *council => (CODE_BLANK, Verdict::Valid, None, None),
            Ok(_) => (CODE_INVALID, Verdict::Implausible, Some(Rule::CouncilOther), None),
            Err(_) => form(false, Rule::CouncilForm),
        },
        Kind::Date => {
            let (day, verdict, rule, _) = judge_date(trimmed);
            (CODE_BLANK, verdict, rule, day)
        }
        Kind::Practice => form(identifiers::is_practice(trimmed), Rule::PracticeForm),
        Kind::Location => form(identifiers::is_location(trimmed), Rule::LocationForm),
        Kind::Count => form(
            numbers::decimal(trimmed).is_some_and(|amount| amount.hundredths >= 0 && amount.hundredths % 100 == 0),
            Rule::CountForm,
        ),
        _ => (CODE_BLANK, Verdict::Valid, None, None),
    }
}

fn rule_of(list: List, code: Code, verdict: Verdict) -> Option<Rule> {
    match verdict {
        Verdict::Case => Some(Rule::ListCase),
        Verdict::Release1 => Some(Rule::ListRelease1),
        Verdict::Release1Only => Some(Rule::ListRelease1Only),
        Verdict::Variant => Some(Rule::ListVariant),
        Verdict::Alias => Some(Rule::ListAlias),
        Verdict::NotListed => Some(Rule::ListInvalid),
        _ if list.label(code).is_empty() => Some(Rule::ListInvalid),
        _ => None,
    }
}

/// The day, the verdict, the finding, and whether the text is the day's own `dd/mm/yyyy`.
fn judge_date(trimmed: &str) -> (Option<Day>, Verdict, Option<Rule>, bool) {
    // 1900-01-01, in days from 1970-01-01.
    const DUMMY: i32 = -25_567;
    match dates::read(trimmed) {
        Date::Day(day, form) => {
            let asked = form == Form::Asked;
            if day.number() == DUMMY {
                return (Some(day), Verdict::Implausible, Some(Rule::DateDummy), asked);
            }
            if day.number() < DUMMY {
                return (Some(day), Verdict::Implausible, Some(Rule::DateOld), asked);
            }
            let (verdict, rule) = if asked { (Verdict::Valid, None) } else { (Verdict::Style, Some(Rule::DateForm)) };
            (Some(day), verdict, rule, asked)
        }
        Date::FarFuture => (None, Verdict::Implausible, Some(Rule::DateFar), false),
        Date::Not => (None, Verdict::Format, Some(Rule::DateInvalid), false),
    }
}

fn contains_conversation(text: &str) -> bool {
    const WORD: &[u8] = b"conversation";
    text.as_bytes().windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_conversation_is_found_in_any_case() {
        assert!(contains_conversation("Initial CONVERSATION held"));
        assert!(contains_conversation("conversations"));
        assert!(!contains_conversation("converse"));
    }

    #[test]
    fn the_dummy_date_is_the_day_it_should_be() {
        let (day, verdict, rule, plain) = judge_date("01/01/1900");
        assert_eq!(day, Day::from_ymd(1900, 1, 1));
        assert_eq!((verdict, rule, plain), (Verdict::Implausible, Some(Rule::DateDummy), true));
    }
}
