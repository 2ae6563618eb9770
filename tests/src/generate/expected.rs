//! What an exact reader finds in a council's files, worked out from the lives and not from the rows.
//!
//! Only what follows from how the lives were made: figures for the twelve months of the last file, which that file alone decides.
//! People have one set of details in each file, and what a file once knew about where somebody lives, no later file forgets.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Settings;
use super::calendar::days;
use super::person::{Event, Kind, Person};
use super::submission::Window;
use super::vocabulary::{self as words, outcome};

/// What is true about one council's files.
#[derive(Clone, Debug)]
pub struct Truth {
    /// People who appear with at least one event in the last file.
    pub people: usize,
    /// First day of the twelve months the cells are about.
    pub from: Date,
    /// Last day of them.
    pub to: Date,
    /// Counts that are not zero, by measure, group and component.
    pub cells: Vec<Cell>,
}

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The id in the catalogue.
    pub measure: &'static str,
    /// `dimension=value` pairs in alphabetical order of dimension, joined by `;`.
    pub group: String,
    /// `yes` or `no` of a ratio, else `count`.
    pub component: &'static str,
    /// How many people.
    pub value: u64,
}

impl Truth {
    /// The value of one cell; 0 when nobody is in it.
    pub fn value(&self, measure: &str, group: &str, component: &str) -> u64 {
        self.cells
            .iter()
            .find(|cell| cell.measure == measure && cell.group == group && cell.component == component)
            .map_or(0, |cell| cell.value)
    }
}

/// A service row of the last file, as the published method reads it.
struct Seen<'a> {
    event: &'a Event,
    start: Date,
    /// Corrected by the date of death.
    end: Option<Date>,
}

/// The truth about all of `people`. The receiving day of the last file decides which late entries it holds.
pub(super) fn truth(settings: &Settings, slot: u32, people: &[Person]) -> Truth {
    let window = Window::of(settings, slot, settings.submissions - 1);
    let mut counts = BTreeMap::new();
    let mut appeared = 0;
    for person in people {
        let seen = seen(person, &window);
        appeared += usize::from(!seen.is_empty());
        home_or_family(person, &seen, &window, &mut counts);
        arranged(person, &seen, &window, &mut counts);
        carers(person, &seen, &window, &mut counts);
        in_the_year(person, &seen, &window, &mut counts);
    }
    Truth {
        people: appeared,
        from: window.start,
        to: window.end,
        cells: counts
            .into_iter()
            .map(|((measure, group, component), value)| Cell { measure, group, component, value })
            .collect(),
    }
}

type Counts = BTreeMap<(&'static str, String, &'static str), u64>;

fn count(counts: &mut Counts, measure: &'static str, group: String, component: &'static str) {
    *counts.entry((measure, group, component)).or_default() += 1;
}

/// The person's events that the last file holds and the method keeps.
fn seen<'a>(person: &'a Person, window: &Window) -> Vec<Seen<'a>> {
    let death = person.death.filter(|death| *death <= window.end);
    person
        .events
        .iter()
        .filter_map(|event| {
            let (start, end, _) = window.shows(event)?;
            if death.is_some_and(|death| death < window.start || death < start) {
                return None;
            }
            let end = match (end, death) {
                (None, Some(death)) if death > start => Some(death),
                (Some(end), Some(death)) if start <= death && death <= end => Some(death),
                (end, _) => end,
            };
            Some(Seen { event, start, end })
        })
        .collect()
}

fn long_term<'a>(seen: &'a [Seen<'a>]) -> impl Iterator<Item = &'a Seen<'a>> {
    seen.iter().filter(|row| row.event.kind == Kind::Service && !row.event.as_carer && row.event.is_long_term())
}

/// Age from the first of the birth month, by the published division.
fn age(person: &Person, on: Date) -> Option<i32> {
    let birth = person.birth?.first_of_month();
    Some((f64::from(days(birth, on)) / 365.25).floor() as i32)
}

fn band(age: Option<i32>) -> &'static str {
    match age {
        None => "Unknown",
        Some(age) if age < 18 => "Under 18",
        Some(age) if age < 65 => "18 to 64",
        Some(_) => "65 and above",
    }
}

/// ASCOF 2E, everybody and learning disability.
fn home_or_family(person: &Person, seen: &[Seen<'_>], window: &Window, counts: &mut Counts) {
    let Some(latest) = long_term(seen).map(|row| row.end.map_or(window.end, |end| end.min(window.end))).max() else {
        return;
    };
    let band = band(age(person, latest));
    if band == "Under 18" || band == "Unknown" {
        return;
    }
    let component = if settled(person, seen, window) { "yes" } else { "no" };
    let gender = match person.gender {
        "Male" | "Female" => person.gender,
        _ => "Other or unknown",
    };
    let mut measures = vec!["ASCOF-2E"];
    if person.reason == words::LEARNING_DISABILITY && band == "18 to 64" {
        measures.push("ASCOF-2E-LD");
    }
    for measure in measures {
        count(counts, measure, format!("age_band={band};gender={gender}"), component);
        count(counts, measure, format!("age_band={band}"), component);
    }
}

/// Whether the person lives at home or with family, by what the last file says, or by their services where it says nothing.
fn settled(person: &Person, seen: &[Seen<'_>], window: &Window) -> bool {
    let learnt = person.details_known_from.is_none_or(|from| from <= window.end);
    if person.home_unknown.is_none() && learnt {
        return words::SETTLED.contains(&person.home_on(window.end));
    }
    // Latest end first, an open end latest of all; then the highest setting; then a component that tells where somebody lives.
    let mut services: Vec<_> = seen
        .iter()
        .filter(|row| row.event.kind == Kind::Service)
        .map(|row| {
            let end = row.end.map_or(i32::MAX, |end| days(window.start, end));
            let setting = match row.event.service_type {
                words::NURSING => 1,
                words::RESIDENTIAL => 2,
                words::COMMUNITY => 3,
                words::PRISON => 4,
                words::ST_MAX => 5,
                words::LOW_LEVEL => 6,
                words::OTHER_SHORT => 7,
                _ => 99,
            };
            let telling = [words::SHARED_LIVES, words::SUPPORTED_LIVING, words::EXTRA_CARE, words::HOME_SUPPORT]
                .contains(&row.event.component);
            ((-i64::from(end), setting, !telling, days(row.start, window.end)), row.event, telling)
        })
        .collect();
    services.sort_by_key(|(key, _, _)| *key);
    let Some((best, first, _)) = services.first() else {
        return false;
    };
    if [words::NURSING, words::RESIDENTIAL].contains(&first.service_type) {
        return false;
    }
    let mut components: Vec<_> = services
        .iter()
        .filter(|(key, _, telling)| key == best && *telling)
        .map(|(_, event, _)| event.component)
        .collect();
    components.sort_unstable();
    components.dedup();
    match components.as_slice() {
        [words::HOME_SUPPORT] => first.service_type == words::COMMUNITY,
        [_] => true,
        _ => false,
    }
}

/// ASCOF 3D clients: how community support is arranged on the last day.
fn arranged(person: &Person, seen: &[Seen<'_>], window: &Window, counts: &mut Counts) {
    if person.death.is_some_and(|death| death < window.end) {
        return;
    }
    let band = band(age(person, window.end));
    let rank = long_term(seen)
        .filter(|row| row.end.is_none_or(|end| end >= window.end))
        .map(|row| match row.event.service_type {
            words::NURSING => 1,
            words::RESIDENTIAL => 2,
            words::COMMUNITY if row.event.component == words::DIRECT_PAYMENT => 3,
            words::COMMUNITY => match row.event.mechanism {
                words::DIRECT_PAYMENT => 3,
                words::MANAGED_BUDGET => 4,
                words::COMMISSIONED => 5,
                _ => 6,
            },
            _ => 7,
        })
        .min();
    let support = match rank {
        Some(3) => words::DIRECT_PAYMENT,
        Some(4) => words::MANAGED_BUDGET,
        Some(5) => words::COMMISSIONED,
        Some(6) => words::UNKNOWN,
        _ => return,
    };
    if band != "Under 18" {
        count(counts, "ASCOF-3D-CLIENTS", format!("age_band={band};support={support}"), "count");
    }
}

/// ASCOF 3D carers: how support to carers was arranged in the year.
fn carers(person: &Person, seen: &[Seen<'_>], window: &Window, counts: &mut Counts) {
    let band = band(age(person, window.end));
    let best = seen
        .iter()
        .filter(|row| row.event.as_carer)
        .filter_map(|row| {
            let event = row.event;
            let told = window.shows(event).map_or("", |(_, _, told)| told);
            match event.kind {
                Kind::Service if event.service_type == words::DIRECT_TO_CARER => {
                    if [event.mechanism, event.component].contains(&words::DIRECT_PAYMENT) {
                        return Some(1);
                    }
                    // A published quirk: without a component the row matches no category and is lost.
                    (!event.component.is_empty()).then_some(match event.mechanism {
                        words::MANAGED_BUDGET => 2,
                        words::COMMISSIONED => 3,
                        _ => 4,
                    })
                }
                Kind::Service => Some(6),
                Kind::Request => (told == outcome::ADVICE).then_some(5),
                Kind::Assessment | Kind::Review => Some(if told == outcome::ADVICE { 5 } else { 6 }),
            }
        })
        .min();
    let support = match best {
        Some(1) => words::DIRECT_PAYMENT,
        Some(2) => words::MANAGED_BUDGET,
        Some(3) => words::COMMISSIONED,
        Some(4) => words::UNKNOWN,
        _ => return,
    };
    if band != "Under 18" {
        count(counts, "ASCOF-3D-CARERS", format!("age_band={band};support={support}"), "count");
    }
}

/// People with long-term support at any time in the year.
fn in_the_year(person: &Person, seen: &[Seen<'_>], window: &Window, counts: &mut Counts) {
    if long_term(seen).next().is_none() {
        return;
    }
    let age = age(person, window.end).filter(|age| *age > 0);
    let group = format!("age_band={};gender={}", band(age), person.gender);
    count(counts, "PEOPLE", group, "count");
    count(counts, "PEOPLE", String::new(), "count");
}
