//! One quarterly file: which events it holds, what it knew of them on the day it was sent, and the text of each cell.

use std::borrow::Cow;

use jiff::civil::Date;

use super::calendar::{compact, plus, written};
use super::dice::Dice;
use super::dirt;
use super::person::{Event, Kind, Person};
use super::vocabulary::{self as words, HEADERS, column, outcome};
use super::{File, Place, Settings};

/// One row, in the order of [`HEADERS`].
pub(super) type Row<'a> = [Cow<'a, str>; 50];

/// The stream of chance for a council's sending habits.
const SENDING: u64 = 9_000_000;

/// The window of one file and the day it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) received: Date,
}

impl Window {
    /// The window of file `index` of the council in `slot`.
    pub(super) fn of(settings: &Settings, slot: u32, index: u32) -> Self {
        let (start, end) = settings.period(index);
        let mut dice = Dice::new(settings.seed, slot, SENDING + u64::from(index));
        Self { start, end, received: plus(end, dice.between(12, 30)) }
    }

    /// What the file shows of `event`: start, end and outcome; `None` when the event is not in the file.
    pub(super) fn shows(&self, event: &Event) -> Option<(Date, Option<Date>, &'static str)> {
        if event.recorded > self.received {
            return None;
        }
        let start = match event.start_corrected {
            Some((on, before)) if on > self.received => before,
            _ => event.start,
        };
        let ended = event.end.filter(|end| *end <= self.end);
        match event.kind {
            Kind::Service => {
                if start > self.end || event.end.is_some_and(|end| end < self.start) {
                    return None;
                }
                let told = if ended.is_none() { outcome::CONTINUES } else { event.outcome };
                Some((start, ended, told))
            }
            _ => {
                let end = ended.filter(|end| *end >= self.start)?;
                let told = match event.outcome_corrected {
                    Some((on, before)) if on > self.received => before,
                    _ => event.outcome,
                };
                Some((start, Some(end), told))
            }
        }
    }
}

/// Writes file `index` of `place`.
pub(super) fn file(settings: &Settings, place: &Place, index: u32, people: &[Person]) -> File {
    let window = Window::of(settings, place.slot, index);
    let mut rows =
        Rows { code: &place.code, window, start: written(window.start), end: written(window.end), rows: Vec::new() };
    for person in people {
        rows.person(person);
    }
    let (bytes, marks) = if settings.dirt {
        let dice = Dice::new(settings.seed, place.slot, SENDING + 1_000 + u64::from(index));
        dirt::spoil(dice, &rows.rows)
    } else {
        (clean(&rows.rows), Vec::new())
    };
    File {
        name: format!("cld_{}_{}_{}.csv", place.code, compact(window.end), compact(window.received)),
        period_start: window.start,
        period_end: window.end,
        received: window.received,
        bytes,
        marks,
    }
}

/// The rows as a clean file: UTF-8, CRLF, quotes where a cell needs them.
pub(super) fn clean(rows: &[Row<'_>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::with_capacity(rows.len() * 700 + 2_000));
    let written = "writing to memory does not fail, and all rows have 50 fields";
    writer.write_record(HEADERS).expect(written);
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.as_bytes())).expect(written);
    }
    writer.into_inner().expect(written)
}

struct Rows<'a> {
    code: &'a str,
    window: Window,
    start: String,
    end: String,
    rows: Vec<Row<'a>>,
}

impl<'a> Rows<'a> {
    /// All rows of one person in this file.
    fn person(&mut self, person: &'a Person) {
        let shown: Vec<_> = person
            .events
            .iter()
            .enumerate()
            .filter_map(|(index, event)| Some((index, event, self.window.shows(event)?)))
            .collect();
        let associated = person
            .caring
            .as_ref()
            .and_then(|caring| caring.by_association_from)
            .is_some_and(|from| from <= self.window.end);
        if shown.is_empty() && !associated {
            return;
        }
        let details = self.details(person);
        for (index, event, (start, end, told)) in shown {
            let mut row = details.clone();
            fill_event(&mut row, person, index, event);
            row[column::EVENT_START] = written(start).into();
            row[column::EVENT_END] = end.map_or(String::new(), written).into();
            row[column::OUTCOME] = told.into();
            self.rows.push(row);
        }
        if associated {
            let mut row = details;
            row[column::CLIENT_TYPE] = words::CARER_BY_ASSOCIATION.into();
            as_carer(&mut row, person);
            self.rows.push(row);
        }
    }

    /// The columns that every row of the person repeats, as the council knew them at the end of the period.
    fn details(&self, person: &'a Person) -> Row<'a> {
        let mut row: Row<'a> = std::array::from_fn(|_| Cow::Borrowed(""));
        let known = person.details_known_from.is_none_or(|from| from <= self.window.end);
        let date = |date: Option<Date>| Cow::from(date.map_or(String::new(), written));
        row[column::LA_CODE] = self.code.into();
        row[column::PERIOD_START] = self.start.clone().into();
        row[column::PERIOD_END] = self.end.clone().into();
        row[column::NHS_NUMBER] = person.nhs_number.as_deref().unwrap_or("").into();
        row[column::PERSON_ID] = person.id.as_str().into();
        row[column::FIRST_NAME] = person.first_name.into();
        row[column::LAST_NAME] = person.last_name.into();
        if let Some(gp) = person.gp {
            row[column::GP_NAME] = format!("Surgery {gp}, High Street").into();
            row[column::GP_CODE] = format!("Z9{gp:04}").into();
        }
        row[column::GENDER] = person.gender.into();
        row[column::ETHNICITY] = if known { person.ethnicity } else { "No data: Undeclared or not known" }.into();
        row[column::BIRTH] = date(person.birth);
        row[column::DEATH] = date(person.death.filter(|death| *death <= self.window.end));
        row[column::CLIENT_TYPE] = words::SERVICE_USER.into();
        row[column::SUPPORT_REASON] = person.reason.into();
        row[column::POSTCODE] = format!("ZZ99 {}XZ", person.postcode % 10).into();
        row[column::ACCOMMODATION] = match person.home_unknown {
            Some(text) => text.into(),
            None if known => person.home_on(self.window.end).into(),
            None => words::UNKNOWN.into(),
        };
        row[column::EMPLOYMENT] = if known { person.employment } else { words::UNKNOWN }.into();
        row[column::HAS_CARER] = person.has_carer.into();
        row[column::AUTISM] = person.autism.into();
        row[column::VISUAL] = person.visual.into();
        row[column::HEARING] = person.hearing.into();
        row[column::DEMENTIA] = person.dementia.into();
        row[column::FUNDING] = person.funding.into();
        row
    }
}

/// The columns of one event.
fn fill_event<'a>(row: &mut Row<'a>, person: &'a Person, index: usize, event: &'a Event) {
    row[column::EVENT_TYPE] = event.kind.label().into();
    row[column::EVENT_REFERENCE] = format!("E{}{:03}", &person.id[1..], index + 1).into();
    row[column::DESCRIPTION] = event.description.into();
    row[column::ROUTE] = event.route.into();
    row[column::ASSESSMENT_TYPE] = event.assessment_type.into();
    row[column::ELIGIBLE_NEEDS] = event.eligible_needs.into();
    let method = if event.kind == Kind::Assessment { column::ASSESSMENT_METHOD } else { column::REVIEW_METHOD };
    row[method] = event.method.into();
    row[column::SERVICE_TYPE] = event.service_type.into();
    row[column::COMPONENT] = event.component.into();
    row[column::MECHANISM] = event.mechanism.into();
    if let Some(provider) = event.provider {
        row[column::PROVIDER_NAME] = format!("Care Provider {provider}").into();
        row[column::PROVIDER_ID] = format!("1-{}", 100_000_000 + u32::from(provider)).into();
    }
    row[column::REVIEW_REASON] = event.review_reason.into();
    row[column::OUTCOMES_ACHIEVED] = event.outcomes_achieved.into();
    if let Some(pence) = event.cost_pence {
        row[column::UNIT_COST] = hundredths(pence).into();
        row[column::COST_FREQUENCY] = event.frequency.into();
    }
    if let Some(units) = event.units {
        row[column::PLANNED_UNITS] = hundredths(units).into();
    }
    if event.as_carer {
        row[column::CLIENT_TYPE] = words::CARER.into();
        as_carer(row, person);
    }
}

/// What a carer's row has and lacks beside a service user's.
fn as_carer<'a>(row: &mut Row<'a>, person: &'a Person) {
    row[column::SUPPORT_REASON] = words::SUPPORT_TO_CARER.into();
    for not_for_carers in [column::AUTISM, column::VISUAL, column::HEARING, column::DEMENTIA, column::FUNDING] {
        row[not_for_carers] = "".into();
    }
    if let Some(caring) = &person.caring {
        row[column::CARING_HOURS] = caring.hours.into();
        row[column::CARED_FOR] = caring.adults.to_string().into();
        for (position, id) in column::LINKED.into_iter().zip(&caring.linked) {
            row[position] = id.as_str().into();
        }
    }
}

fn hundredths(value: u32) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}
