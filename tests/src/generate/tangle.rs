//! Files that are nobody's lives: rows drawn to tie, touch and contradict each other.
//!
//! The other generator tells lives that make sense, so most of its rows keep away from the edges that the published methods turn
//! on. Here events of one person start and end on, one day before and one day after each other, 7, 14, 28, 91 and 365 days apart,
//! on birthdays of 18 and 65 and around deaths; outcomes, components and client types are drawn from whole lists with blanks and
//! nonsense among them; and each of several overlapping submissions shows the same events with other ends, outcomes, spellings
//! and details, or not at all. Nothing is known to be true of such files: they are for comparing two readers.

mod lists;
mod scenes;

use std::borrow::Cow;

use jiff::civil::{Date, date};

use super::calendar::{compact, days, plus, plus_months, written};
use super::dice::Dice;
use super::dirt;
use super::ids::NhsNumbers;
use super::submission::{Row, clean};
use super::vocabulary::{self as words, column};
use super::{File, Place};
use lists::{COMPONENTS, DISTANCES, MECHANISMS, OUTCOMES, ROUTES};

/// What to draw.
#[derive(Clone, Debug)]
pub struct Tangle {
    /// Every choice follows from it and from the council's place.
    pub seed: u64,
    /// How many people have tangled events.
    pub people: usize,
    /// Spoil the files as [`super::Settings::dirt`] does.
    pub dirt: bool,
}

/// The first day of the earliest file.
const FIRST: Date = date(2024, 4, 1);
/// The last day of the latest file.
const LAST: Date = date(2026, 3, 31);

/// Draws one council's files, in the order in which they were received.
pub fn tangled(settings: &Tangle, place: &Place) -> Vec<File> {
    let mut dice = Dice::new(settings.seed, place.slot, 20_000_000);
    let mut numbers = NhsNumbers::new(place.slot, place.slots);
    let people: Vec<Knot> = (0..settings.people)
        .map(|index| {
            let mut dice = Dice::new(settings.seed, place.slot, 21_000_000 + index as u64);
            Knot::draw(&mut dice, index, settings.people, numbers.next())
        })
        .collect();
    let mut files: Vec<File> = Vec::new();
    for (index, (start, end, received)) in sendings(&mut dice).into_iter().enumerate() {
        let mut dice = Dice::new(settings.seed, place.slot, 22_000_000 + index as u64);
        let mut rows = Vec::new();
        for knot in &people {
            knot.rows(&mut dice, &place.code, (start, end), &mut rows);
        }
        padding(&mut dice, &place.code, (start, end), settings.people, &mut rows);
        let (bytes, marks) = if settings.dirt { dirt::spoil(dice, &rows) } else { (clean(&rows), Vec::new()) };
        let name = format!("cld_{}_{}_{index:02}_{}.csv", place.code, compact(end), compact(received));
        files.push(File { name, period_start: start, period_end: end, received, bytes, marks });
    }
    files.sort_by_key(|file| file.received);
    // Readers take a folder in the order of names, which has to be that of arrival.
    for (index, file) in files.iter_mut().enumerate() {
        file.name = format!("{index:02}_{}", file.name);
    }
    files
}

/// First and last day of each file, and when it was received: twelve months to each quarter's end, with gaps, second goes and
/// files for one quarter alone.
fn sendings(dice: &mut Dice) -> Vec<(Date, Date, Date)> {
    let mut sent = Vec::new();
    for quarter in 0..5 {
        let end = plus_months(date(2025, 3, 1), 3 * quarter).last_of_month();
        let start = plus_months(end.first_of_month(), -11);
        if quarter == 0 || quarter == 4 || dice.chance(0.75) {
            sent.push((start, end, plus(end, dice.between(5, 30))));
        }
        if dice.chance(0.35) {
            sent.push((start, end, plus(end, dice.between(30, 100))));
        }
        if dice.chance(0.3) {
            sent.push((plus_months(end.first_of_month(), -2), end, plus(end, dice.between(10, 60))));
        }
    }
    sent
}

/// One event; each file shows it in its own way.
#[derive(Clone)]
struct Strand {
    /// All cells of the event but its dates.
    cells: Vec<(usize, &'static str)>,
    start: Date,
    end: Option<Date>,
    service: bool,
}

/// One person.
struct Knot {
    number: Option<String>,
    id: String,
    birth: Option<Date>,
    death: Option<Date>,
    /// Days to which others are tied.
    days: Vec<Date>,
    strands: Vec<Strand>,
    linked: [String; 3],
    /// How freely the files contradict each other about this person.
    chaos: f64,
}

impl Knot {
    fn draw(dice: &mut Dice, index: usize, people: usize, number: Option<String>) -> Self {
        let anchor = plus(FIRST, dice.between(30, days(FIRST, LAST)));
        let mut tied = vec![anchor];
        if dice.chance(0.3) {
            tied.push(dice.pick(&[
                date(2025, 3, 31),
                date(2025, 4, 1),
                date(2025, 12, 31),
                date(2026, 1, 1),
                date(2026, 3, 31),
                date(2025, 6, 30),
                date(2025, 7, 1),
            ]));
        }
        // The day on which the published division first gives 65 (or 18), and the day before it.
        let birth = match dice.between(1, 10) {
            1 => None,
            2..=5 => {
                let (years, days_to_age) = dice.pick(&[(65, 23_742), (65, 23_742), (18, 6_575)]);
                let birth = plus_months(anchor.first_of_month(), -12 * years);
                tied.push(plus(birth, days_to_age));
                tied.push(plus(birth, days_to_age - 1));
                Some(plus(birth, dice.between(0, 27)))
            }
            _ => Some(plus(anchor, -365 * dice.between(15, 95) - dice.between(0, 364))),
        };
        let mut knot = Self {
            number: number.filter(|_| dice.chance(0.75)),
            id: format!("T{:06}", 1 + if dice.chance(0.03) { dice.index(people) } else { index }),
            birth,
            death: None,
            days: tied,
            strands: Vec::new(),
            linked: Default::default(),
            chaos: dice.pick(&[0.0, 0.0, 0.02, 0.1, 0.3]),
        };
        for link in &mut knot.linked {
            if dice.chance(0.3) {
                *link = format!("T{:06}", 1 + dice.index(people));
            }
        }
        match dice.between(1, 10) {
            1..=5 => knot.strands = scenes::reablement(dice, &knot.days),
            6 => knot.strands = scenes::admissions(dice, &knot.days),
            7 => knot.strands = scenes::requests(dice, &knot.days),
            _ => {}
        }
        for strand in &knot.strands {
            knot.days.push(strand.start);
            knot.days.extend(strand.end);
        }
        // A scene by itself, or with a little of everything around it.
        let around = match knot.strands.len() {
            0 => dice.between(1, 9),
            _ if dice.chance(0.2) => dice.between(1, 3),
            _ => 0,
        };
        let long_term = dice.pick(&[0, 0, 1, 4]);
        for _ in 0..around {
            let strand = knot.strand(dice, long_term);
            knot.days.push(strand.start);
            knot.days.extend(strand.end);
            knot.strands.push(strand);
        }
        if dice.chance(0.15) {
            let near = dice.pick(&knot.days);
            knot.death = Some(plus(near, dice.pick(&[-1, 0, 0, 1, 6, 7, 8, 30])));
        }
        knot
    }

    fn strand(&self, dice: &mut Dice, long_term: u32) -> Strand {
        let near = dice.pick(&self.days);
        let start = plus(near, dice.weigh(&DISTANCES));
        let (kind, service) = dice.weigh(&[
            (("Service", true), 60),
            (("Request", false), 20),
            (("Assessment", false), 10),
            (("Review", false), 10),
            (("Telephone", false), 1),
            (("", false), 1),
        ]);
        let mut end = match dice.between(1, 10) {
            1..=4 => Some(plus(dice.pick(&self.days), dice.weigh(&DISTANCES))),
            5 if service => None,
            _ => Some(plus(start, dice.pick(&[0, 0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 20, 27, 28, 40, 90]))),
        };
        // An end before its start is kept now and then.
        if end.is_some_and(|end| end < start) && !dice.chance(0.1) {
            end = Some(plus(start, dice.between(0, 9)));
        }
        let client = dice.weigh(&[
            (words::SERVICE_USER, 88),
            ("Service User", 3),
            (words::CARER, 5),
            ("Carer known by association", 1),
            ("Somebody", 1),
            ("", 1),
        ]);
        let mut service_type = "";
        let mut component = "";
        if service || dice.chance(0.02) {
            service_type = dice.weigh(&[
                (words::ST_MAX, 40),
                ("Short Term Support: ST-Max", 3),
                (words::LOW_LEVEL, 7),
                (words::OTHER_SHORT, 8),
                (words::NURSING, 6 * long_term),
                (words::RESIDENTIAL, 6 * long_term),
                (words::COMMUNITY, 9 * long_term),
                (words::PRISON, 2 * long_term),
                (words::DIRECT_TO_CARER, 3),
                (words::INVOLVING_CARED_FOR, 2),
                ("Some service", 1),
                ("", 2),
            ]);
            let fitting = match service_type {
                words::NURSING => "Long term nursing care",
                words::RESIDENTIAL => "Long Term Residential Care",
                words::ST_MAX => words::REABLEMENT,
                _ => "",
            };
            component = if !fitting.is_empty() && dice.chance(0.7) { fitting } else { dice.weigh(&COMPONENTS) };
        }
        Strand { cells: cells(dice, kind, client, service_type, component), start, end, service }
    }

    /// The rows of this person in one file.
    fn rows(&self, dice: &mut Dice, code: &str, (first, last): (Date, Date), rows: &mut Vec<Row<'static>>) {
        let details = self.details(dice, last);
        for strand in &self.strands {
            let within = match strand.end {
                _ if strand.start > last => false,
                None => strand.service,
                Some(end) => end >= first && (strand.service || end <= last),
            };
            // Most of what the file should hold, and a little of what it should not.
            if !dice.chance(if within { 0.95 - self.chaos / 2.0 } else { 0.04 }) {
                continue;
            }
            for _ in 0..if dice.chance(self.chaos) { 2 } else { 1 } {
                rows.push(self.row(dice, code, (first, last), strand, &details));
            }
        }
    }

    fn row(
        &self,
        dice: &mut Dice,
        code: &str,
        (first, last): (Date, Date),
        strand: &Strand,
        details: &[(usize, String)],
    ) -> Row<'static> {
        let mut row: Row<'static> = std::array::from_fn(|_| Cow::Borrowed(""));
        row[column::LA_CODE] = code.to_owned().into();
        row[column::PERIOD_START] = written(first).into();
        row[column::PERIOD_END] = written(last).into();
        let other_details;
        let details = if dice.chance(self.chaos) {
            other_details = self.details(dice, last);
            &other_details
        } else {
            details
        };
        for (position, text) in details {
            row[*position] = text.clone().into();
        }
        for (position, text) in &strand.cells {
            row[*position] = (*text).into();
        }
        let mut start = strand.start;
        let mut end = strand.end;
        if end.is_some_and(|end| end > last) && dice.chance(0.8) {
            end = None;
        }
        if dice.chance(self.chaos / 2.0) {
            let tied = dice.pick(&self.days);
            end = dice.pick(&[None, end.map(|end| plus(end, 1)), Some(plus(start, 7)), Some(tied)]);
        }
        if dice.chance(self.chaos / 4.0) {
            start = plus(start, dice.pick(&[-1, 1, 7, -30]));
        }
        if dice.chance(self.chaos) {
            row[column::OUTCOME] = dice.weigh(&OUTCOMES).into();
        }
        if dice.chance(self.chaos) {
            row[column::DESCRIPTION] = dice.pick(&["", "Conversation held"]).into();
            if strand.service {
                row[column::MECHANISM] = dice.weigh(&MECHANISMS).into();
            }
        }
        if dice.chance(self.chaos / 4.0) {
            row[column::COMPONENT] = dice.weigh(&COMPONENTS).into();
        }
        if dice.chance(self.chaos / 4.0) && strand.cells.iter().any(|(position, _)| *position == column::ROUTE) {
            row[column::ROUTE] = dice.weigh(&ROUTES).into();
        }
        row[column::EVENT_START] = written(start).into();
        row[column::EVENT_END] = end.map_or(String::new(), written).into();
        if dice.chance(self.chaos / 10.0) {
            row[column::EVENT_START] = dice.pick(&["", "00/00/2025", "01/01/1900"]).into();
        }
        row
    }

    /// What a file says of the person on most rows.
    fn details(&self, dice: &mut Dice, last: Date) -> Vec<(usize, String)> {
        let mut cells: Vec<(usize, String)> = Vec::new();
        let known_death = self.death.filter(|death| *death <= last || dice.chance(0.1));
        let death =
            known_death.map(|death| if dice.chance(self.chaos) { plus(death, dice.between(-9, 9)) } else { death });
        let birth = self.birth.map(|birth| if dice.chance(self.chaos / 2.0) { plus(birth, 31) } else { birth });
        let number = self.number.clone().filter(|_| !dice.chance(self.chaos / 4.0)).unwrap_or_default();
        cells.push((column::NHS_NUMBER, number));
        let id = if dice.chance(self.chaos / 4.0) { String::new() } else { self.id.clone() };
        cells.push((column::PERSON_ID, id));
        cells.push((column::BIRTH, birth.map_or(String::new(), written)));
        cells.push((column::DEATH, death.map_or(String::new(), written)));
        for (position, link) in column::LINKED.into_iter().zip(&self.linked) {
            cells.push((position, link.clone()));
        }
        let mut list = |position: usize, texts: &[&'static str]| cells.push((position, dice.pick(texts).to_owned()));
        list(column::GENDER, &["Male", "Female", "Female", "Other", "Unknown", "F", ""]);
        list(
            column::ETHNICITY,
            &[
                "White: Irish",
                "White - Irish",
                "White",
                "Mixed: White and Asian",
                "No data: Refused",
                "No data: Undeclared or not known",
                "Other ethnic group: Arab",
                "",
            ],
        );
        list(
            column::SUPPORT_REASON,
            &[
                words::LEARNING_DISABILITY,
                words::LEARNING_DISABILITY,
                words::MENTAL_HEALTH,
                words::PERSONAL_CARE,
                words::SUPPORT_TO_CARER,
                "Physical disability",
                words::UNKNOWN,
                "",
            ],
        );
        list(
            column::ACCOMMODATION,
            &[
                "Tenant",
                "Tenant: Private landlord",
                "Refuge",
                "Registered care home",
                words::UNKNOWN,
                words::UNKNOWN,
                "Tent",
                "",
            ],
        );
        list(
            column::EMPLOYMENT,
            &["Paid: Hours per week unknown", "Not in Paid Employment (seeking work)", words::UNKNOWN, "Retired", ""],
        );
        list(column::HAS_CARER, &["Yes", "No", words::UNKNOWN, "Maybe", ""]);
        list(
            column::FUNDING,
            &[
                "Fully social care funded",
                "18(3) (full cost client)",
                "Unknown - System Level",
                "Fully Health Funded",
                "",
            ],
        );
        cells
    }
}

/// Plain events of plain people in every month, so that each file shows itself to cover its period.
fn padding(dice: &mut Dice, code: &str, (first, last): (Date, Date), people: usize, rows: &mut Vec<Row<'static>>) {
    let each = 1 + people / 25;
    let mut month = first;
    let mut index = 0;
    while month <= last {
        for _ in 0..each {
            for (kind, service_type) in [
                ("Request", ""),
                ("Assessment", ""),
                ("Review", ""),
                ("Service", "Short term support: Ongoing low level"),
            ] {
                index += 1;
                let mut row: Row<'static> = std::array::from_fn(|_| Cow::Borrowed(""));
                row[column::LA_CODE] = code.to_owned().into();
                row[column::PERIOD_START] = written(first).into();
                row[column::PERIOD_END] = written(last).into();
                row[column::PERSON_ID] = format!("F{:06}", 1 + index).into();
                row[column::CLIENT_TYPE] = words::SERVICE_USER.into();
                row[column::BIRTH] = "15/06/1950".into();
                row[column::EVENT_TYPE] = kind.into();
                row[column::SERVICE_TYPE] = service_type.into();
                row[column::OUTCOME] = words::outcome::ADVICE.into();
                let end = plus(month, dice.between(0, 27));
                row[column::EVENT_START] = written(end).into();
                row[column::EVENT_END] = written(end).into();
                rows.push(row);
            }
        }
        month = plus_months(month, 1);
    }
}

/// All cells of an event but its dates, drawn where they are not given.
fn cells(
    dice: &mut Dice,
    kind: &'static str,
    client: &'static str,
    service_type: &'static str,
    component: &'static str,
) -> Vec<(usize, &'static str)> {
    let mut cells = vec![
        (column::EVENT_TYPE, kind),
        (column::CLIENT_TYPE, client),
        (column::OUTCOME, dice.weigh(&OUTCOMES)),
        (column::DESCRIPTION, dice.weigh(&[("", 6), ("First Conversation", 2), ("telephone call", 1)])),
        (column::SERVICE_TYPE, service_type),
        (column::COMPONENT, component),
    ];
    if kind == "Service" {
        cells.push((column::MECHANISM, dice.weigh(&MECHANISMS)));
        cells.push((column::UNIT_COST, dice.pick(&["", "0.00", "12.50", "310.00", "-20.00", "99999.99"])));
        let frequencies = ["", "Weekly", "Hourly", "One-off", "4-weekly", "Annually"];
        cells.push((column::COST_FREQUENCY, dice.pick(&frequencies)));
        cells.push((column::PLANNED_UNITS, dice.pick(&["", "0.00", "1.00", "10.50", "-3.00"])));
    }
    if kind == "Request" || dice.chance(0.02) {
        cells.push((column::ROUTE, dice.weigh(&ROUTES)));
    }
    if kind == "Assessment" {
        let types =
            [words::LONG_ASSESSMENT, words::SHORT_ASSESSMENT, "Short Term Assessment", "Financial Assessment", ""];
        cells.push((column::ASSESSMENT_TYPE, dice.pick(&types)));
        cells.push((column::ELIGIBLE_NEEDS, dice.pick(&["Yes", "No", "Unknown", ""])));
        cells.push((column::ASSESSMENT_METHOD, dice.weigh(&words::METHODS)));
    }
    if kind == "Review" {
        let reasons = [
            words::REVIEW_PLANNED,
            words::REVIEW_SHORT_TERM,
            words::REVIEW_HOSPITAL,
            "Unplanned - Other Reason",
            "Whim",
            "",
        ];
        cells.push((column::REVIEW_REASON, dice.pick(&reasons)));
        cells.push((column::OUTCOMES_ACHIEVED, dice.pick(&["Fully met", "Partially Met", "Not met", ""])));
        cells.push((column::REVIEW_METHOD, dice.weigh(&words::METHODS)));
    }
    cells
}
