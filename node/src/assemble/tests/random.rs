//! Small random tables, full of ties, nulls and boundary dates: the fast way must equal the plain one in every field.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plain::{self, Cell, MainRow, PlainFile, PlainPerson, PlainRow};
use super::*;
use folkmoot_proto::codelist::INVALID;

/// Ids for texts, folded as the store folds them (here: not at all).
#[derive(Default)]
struct Texts(BTreeMap<String, u32>);

impl Texts {
    fn id(&mut self, text: &Cell) -> Option<Interned> {
        let next = self.0.len() as u32;
        text.as_ref().map(|text| Interned(*self.0.entry(text.clone()).or_insert(next)))
    }
}

fn code<T: CodeList>(cell: &Cell) -> Coded<T> {
    match cell.as_deref() {
        None => Coded::Blank,
        Some(INVALID) => Coded::Invalid,
        Some(label) => Coded::Value(T::from_label(label).unwrap()),
    }
}

fn label<T: CodeList>(code: Coded<T>) -> Cell {
    match code {
        Coded::Blank => None,
        Coded::Invalid => Some(INVALID.into()),
        Coded::Value(value) => Some(value.label().into()),
    }
}

/// The same row, as the store would hand it over. One space of ids for all texts, so that an NHS number and a council id
/// of the same text share one.
fn convert(row: &PlainRow, texts: &mut Texts) -> Row {
    let person = if row.nhs.is_some() { &row.nhs } else { &row.la };
    let mut to = Row::blank(row.number);
    to.person = texts.id(person);
    to.person_is_nhs = row.nhs.is_some();
    to.la_person = texts.id(&row.la);
    to.linked = [0, 1, 2].map(|place| texts.id(&row.linked[place]));
    to.event = match row.event.as_deref() {
        None => EventKind::Blank,
        Some(label) => EventType::from_label(label).map_or(EventKind::Other, EventKind::Known),
    };
    to.start = row.start.map(Day::from_number);
    to.end = row.end.map(Day::from_number);
    to.death = row.death.map(Day::from_number);
    to.birth = row.birth.map(|(year, number)| month(year, number));
    to.client = code(&row.client);
    to.gender = code(&row.gender);
    to.ethnicity = code(&row.ethnicity);
    to.reason = code(&row.reason);
    to.accommodation = code(&row.accommodation);
    to.employment = code(&row.employment);
    to.has_carer = code(&row.has_carer);
    to.funding = code(&row.funding);
    to.outcome = code(&row.outcome);
    to.route = code(&row.route);
    to.assessment = code(&row.assessment);
    to.service = code(&row.service);
    to.component = code(&row.component);
    to.mechanism = code(&row.mechanism);
    to.cost_frequency = code(&row.frequency);
    to.unit_cost = row.unit_cost;
    to.planned_units = row.planned;
    to.conversation = row.conversation;
    to.raw.client = texts.id(&row.raw_client);
    to.raw.route = texts.id(&row.raw_route);
    to.raw.assessment = texts.id(&row.raw_assessment);
    to.raw.service = texts.id(&row.raw_service);
    to.raw.component = texts.id(&row.raw_component);
    to
}

/// Draws from few values, so that ties are common.
struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        let place = self.below(list.len());
        list[place].clone()
    }

    /// A label, often the first few, at times invalid or null.
    fn cell(&mut self, labels: &[&str]) -> Cell {
        match self.below(10) {
            0 => None,
            1 => Some(INVALID.into()),
            _ => Some(self.pick(labels).to_owned()),
        }
    }

    /// A label with its text in the file, of which there are two spellings.
    fn spelt(&mut self, labels: &[&str]) -> (Cell, Cell) {
        let cleaned = self.cell(labels);
        let raw = cleaned.clone().map(|label| format!("{label}{}", if self.chance(20) { " (old)" } else { "" }));
        (cleaned, raw)
    }

    /// A day at the edge of some month of the span.
    fn edge(&mut self, first: Day, months: i32) -> Day {
        let month = first.plus_months(self.0.random_range(0..months));
        match self.below(4) {
            0 => month,
            1 => month.plus_days(-1),
            2 => month.plus_days(1),
            _ => month.plus_days(14),
        }
    }
}

fn random_row(dice: &mut Dice, number: u32, first: Day, months: i32) -> PlainRow {
    let ids = ["1", "2", "3"];
    let (start, end) = (dice.edge(first.plus_months(-3), months + 4), dice.edge(first, months + 2));
    let (client, raw_client) =
        dice.spelt(&["Service user", "Service user", "Unpaid carer", "Unpaid carer known by association"]);
    let (route, raw_route) = dice.spelt(&["Prison", "Self-funder"]);
    let (assessment, raw_assessment) = dice.spelt(&["Long term assessment", "Short term assessment"]);
    let (service, raw_service) = dice.spelt(&[
        "Long term support: Community",
        "Long term support: Community",
        "Long term support: Prison",
        "Short term support: ST-Max",
        "Unpaid carer support: Direct to unpaid carer",
        "Long term support: Residential care",
    ]);
    let (component, raw_component) =
        dice.spelt(&["Home support or domiciliary care", "Shared Lives", "Day support", "Extra care housing"]);
    let id = |dice: &mut Dice, percent| dice.chance(percent).then(|| dice.pick(&ids).to_owned());
    let unknown = ["Unknown", "Unknown"];
    let kinds = ["Service", "Service", "Service", "Request", "Assessment", "Review", "Something else"];
    PlainRow {
        number,
        nhs: id(dice, 60),
        la: id(dice, 80),
        linked: [id(dice, 10), None, id(dice, 5)],
        event: (!dice.chance(4)).then(|| dice.pick(&kinds).to_owned()),
        start: (!dice.chance(4)).then(|| start.number()),
        end: (!dice.chance(35)).then(|| if dice.chance(15) { start.number() } else { end.number() }),
        death: dice.chance(12).then(|| match dice.below(3) {
            0 => start.number(),
            1 => end.number(),
            _ => dice.edge(first, months).number(),
        }),
        birth: (!dice.chance(30)).then(|| dice.pick(&[(1950, 3), (1950, 4), (2005, 1)])),
        client,
        gender: dice.cell(&["Male", "Female", unknown[0]]),
        ethnicity: dice.cell(&["No data: Refused", "No data: Undeclared or not known", "White: Roma", "White: Irish"]),
        reason: dice.cell(&[
            "Social support: Support to unpaid carer",
            "Learning disability support",
            "Mental health support",
            unknown[0],
        ]),
        accommodation: if dice.chance(75) {
            dice.cell(&unknown)
        } else {
            dice.cell(&["Refuge", "Shared Lives scheme", unknown[0]])
        },
        employment: dice.cell(&["Paid: 16 or more hours a week", unknown[0], unknown[1]]),
        has_carer: dice.cell(&["Yes", "No", unknown[0]]),
        funding: dice.cell(&["Fully client funded", "Fully social care funded", unknown[0]]),
        outcome: dice.cell(&["NFA: Other", "Admitted to hospital", "Progress to reablement/ST-Max"]),
        route,
        assessment,
        service,
        component,
        mechanism: dice.cell(&["Direct payment", "CASSR commissioned support"]),
        frequency: dice.cell(&["Weekly"]),
        unit_cost: dice.pick(&[None, Some(0), Some(100)]),
        planned: dice.pick(&[None, Some(200)]),
        conversation: dice.chance(20),
        raw_client,
        raw_route,
        raw_assessment,
        raw_service,
        raw_component,
    }
}

fn random_files(dice: &mut Dice) -> Vec<PlainFile> {
    let mut files: Vec<PlainFile> = (0..1 + dice.below(4))
        .map(|_| {
            let months = 3 + dice.below(13) as i32;
            let first = day("2023-01-01").plus_months(dice.below(9) as i32);
            let after = first.plus_months(months);
            let mut rows: Vec<PlainRow> =
                (0..4 + dice.below(20)).map(|row| random_row(dice, row as u32 + 2, first, months)).collect();
            // Ends that fix what the file covers.
            (rows[0].end, rows[1].end) = (Some(first.number()), Some(after.number() - 1));
            PlainFile { received: after.plus_days(dice.below(40) as i32), rows }
        })
        .collect();
    // Rows that files have in common, as files for rolling periods do, some with a new end.
    for place in 0..files.len() {
        let mut number = 1000;
        for row in place.checked_sub(1).map(|before| files[before].rows.clone()).unwrap_or_default() {
            if dice.chance(60) {
                number += 1;
                let mut row = PlainRow { number, ..row };
                if dice.chance(30) {
                    row.end = Some(dice.edge(files[place].received.plus_months(-4), 4).number());
                }
                files[place].rows.push(row);
            }
        }
        // And twins within the file.
        for row in files[place].rows.clone() {
            if dice.chance(30) {
                number += 1;
                let mut twin = PlainRow { number, ..row };
                match dice.below(6) {
                    0 => twin.outcome = dice.cell(&["NFA: Other", "NFA: Deceased"]),
                    1 => twin.mechanism = dice.cell(&["Direct payment"]),
                    2 => twin.unit_cost = dice.pick(&[None, Some(0), Some(100)]),
                    3 => twin.frequency = dice.cell(&["Weekly"]),
                    4 => twin.conversation = !twin.conversation,
                    _ => twin.birth = dice.pick(&[None, Some((1950, 2))]),
                }
                files[place].rows.push(twin);
            }
        }
    }
    files
}

fn optional<T: std::fmt::Display>(value: Option<T>) -> Cell {
    value.map(|value| value.to_string())
}

/// Every field of an event, by name.
fn spell_event(event: Event<'_>) -> Vec<(&'static str, Cell)> {
    let kind = match event.kind() {
        EventKind::Known(kind) => kind.label(),
        EventKind::Other => "Something else",
        EventKind::Blank => "blank",
    };
    vec![
        ("kind", Some(kind.into())),
        ("start", Some(event.start().number().to_string())),
        ("end", (!event.is_open()).then(|| event.end().number().to_string())),
        ("raw end", optional(event.raw_end().map(Day::number))),
        ("death", optional(event.death().map(Day::number))),
        ("birth", event.birth().map(|month| format!("{}-{}", month.year(), month.month()))),
        ("ref start", Some(event.period().first().number().to_string())),
        ("ref end", Some(event.period().last().number().to_string())),
        ("client", label(event.client())),
        ("gender", label(event.gender())),
        ("ethnicity", label(event.ethnicity())),
        ("reason", label(event.reason())),
        ("accommodation", label(event.accommodation())),
        ("employment", label(event.employment())),
        ("has carer", label(event.has_carer())),
        ("funding", label(event.funding())),
        ("outcome", label(event.outcome())),
        ("route", label(event.route())),
        ("assessment", label(event.assessment())),
        ("service", label(event.service())),
        ("component", label(event.component())),
        ("mechanism", label(event.mechanism())),
        ("conversation", Some(event.conversation().to_string())),
        ("frequency", event.cost().and_then(|cost| label(cost.frequency))),
        ("unit cost", optional(event.cost().and_then(|cost| cost.unit_cost))),
        ("planned", optional(event.cost().and_then(|cost| cost.planned_units))),
    ]
}

fn spell_row(main: &MainRow, single: bool) -> Vec<(&'static str, Cell)> {
    let row = main.row.clone();
    vec![
        ("kind", row.event),
        ("start", optional(row.start)),
        ("end", optional(main.end)),
        ("raw end", optional(row.end)),
        ("death", optional(row.death)),
        ("birth", row.birth.map(|(year, month)| format!("{year}-{month}"))),
        ("ref start", Some(main.ref_start.to_string())),
        ("ref end", Some(main.ref_end.to_string())),
        ("client", row.client),
        ("gender", row.gender),
        ("ethnicity", row.ethnicity),
        ("reason", row.reason),
        ("accommodation", row.accommodation),
        ("employment", row.employment),
        ("has carer", row.has_carer),
        ("funding", row.funding),
        ("outcome", row.outcome),
        ("route", row.route),
        ("assessment", row.assessment),
        ("service", row.service),
        ("component", row.component),
        ("mechanism", row.mechanism),
        ("conversation", Some(row.conversation.to_string())),
        ("frequency", if single { row.frequency } else { None }),
        ("unit cost", if single { optional(row.unit_cost) } else { None }),
        ("planned", if single { optional(row.planned) } else { None }),
    ]
}

fn spell_person(history: History<'_>) -> Vec<(&'static str, Cell)> {
    let person = history.person();
    vec![
        ("accommodation", Some(person.accommodation().label().into())),
        ("employment", label(person.employment())),
        ("gender", Some(person.gender().label().into())),
        ("ethnicity", Some(person.ethnicity().label().into())),
        ("reason", Some(person.reason().label().into())),
        ("funding", Some(person.funding().label().into())),
        ("has carer", Some(person.has_carer().label().into())),
        ("birth", person.birth().map(|month| format!("{}-{}", month.year(), month.month()))),
        ("death", optional(person.death().map(Day::number))),
    ]
}

fn spell_plain_person(person: &PlainPerson) -> Vec<(&'static str, Cell)> {
    let person = person.clone();
    vec![
        ("accommodation", Some(person.accommodation)),
        ("employment", Some(person.employment)),
        ("gender", Some(person.gender)),
        ("ethnicity", Some(person.ethnicity)),
        ("reason", Some(person.reason)),
        ("funding", Some(person.funding)),
        ("has carer", Some(person.has_carer)),
        ("birth", person.birth.map(|(year, month)| format!("{year}-{month}"))),
        ("death", optional(person.death)),
    ]
}

/// Runs both on one random set of files. Returns how many events there were, none when both refuse.
fn compare(seed: u64) -> usize {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let files = random_files(&mut dice);
    let mut texts = Texts::default();
    let mut memory = Memory::default();
    for file in &files {
        let mut rows: Vec<Row> = file.rows.iter().map(|row| convert(row, &mut texts)).collect();
        // The source may hand rows over in any order.
        rows.rotate_left(dice.below(file.rows.len()));
        memory.add(file.received, rows);
    }
    let windows = [None, None, Some(span("2023-04-01", "2024-03-31")), Some(span("2023-02-01", "2024-01-31"))];
    let options = Options {
        as_of: if dice.chance(70) {
            day("2026-01-01")
        } else {
            dice.pick(&files.iter().map(|f| f.received).collect::<Vec<_>>())
        },
        joined: dice.pick(&windows),
        variant: dice.pick(&[Variant::Joined, Variant::Joined, Variant::Single]),
        key: dice.pick(&[KeyReading::Raw, KeyReading::Cleaned]),
    };
    let single = options.variant == Variant::Single;

    let year_to = |last: i32| {
        let after = Day::from_number(last).plus_days(1);
        (after.plus_months(-12).number(), last)
    };
    let window = match (options.joined, single) {
        (Some(window), _) => Some(plain::bounds(window)),
        (None, false) => plain::all_quarters(&files, options.as_of),
        // The latest quarter end to which some file covers twelve months.
        (None, true) => (2023..2027)
            .flat_map(|year| [1, 4, 7, 10].map(|month| Day::from_ymd(year, month, 1).unwrap().number() - 1))
            .map(year_to)
            .rfind(|year| !plain::select_single(&files, *year, options.as_of).is_empty()),
    };
    let year = window.map(|(_, last)| year_to(last));
    let chosen = match (window, year) {
        (Some(_), Some(year)) if single => plain::select_single(&files, year, options.as_of),
        (Some(window), _) => plain::select_joined(&files, window, options.as_of),
        _ => Vec::new(),
    };

    let assembled = assemble(&memory, &options);
    if chosen.is_empty() {
        assert!(matches!(assembled, Err(Error::Nothing { .. })), "seed {seed}: something was found");
        return 0;
    }
    let assembly = assembled.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let year = year.unwrap();
    assert_eq!(plain::bounds(assembly.histories.details_period()), year, "seed {seed}: another year");

    let table = plain::main_table(&files, &chosen, options.key == KeyReading::Cleaned, single);
    let people = plain::person_table(&table, year);

    // Rows in record order, each with the person it belongs to (numbered by their earliest record).
    let mut expected: Vec<&MainRow> = table.iter().collect();
    expected.sort_by_key(|row| plain::record(&files, row));
    let mut found: Vec<(usize, Event<'_>)> = Vec::new();
    for (index, history) in assembly.histories.iter().enumerate() {
        let events: Vec<_> = history.events().collect();
        for pair in events.windows(2) {
            let key = |event: Event<'_>| (event.start(), event.end(), std::cmp::Reverse(event.order()));
            assert!(key(pair[0]) < key(pair[1]), "seed {seed}: events are out of order");
        }
        found.extend(events.into_iter().map(|event| (index, event)));
    }
    found.sort_by_key(|(_, event)| event.order());
    assert_eq!(found.len(), expected.len(), "seed {seed}: another number of events");
    assert_eq!(assembly.histories.len(), people.len(), "seed {seed}: another number of people");
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for ((index, event), row) in found.iter().zip(&expected) {
        assert_eq!(spell_event(*event), spell_row(row, single), "seed {seed}");
        assert_eq!(places.entry(row.person.as_str()).or_insert(*index), index, "seed {seed}: people are mixed");
    }
    for person in &people {
        let history = assembly.histories.history(places[person.id.as_str()]);
        assert_eq!(spell_person(history), spell_plain_person(person), "seed {seed}");
    }
    table.len()
}

#[test]
fn random_tables_give_what_the_plain_way_gives() {
    let sizes: Vec<usize> = (0..250).map(compare).collect();
    let (held, events) = (sizes.iter().filter(|size| **size > 0).count(), sizes.iter().sum::<usize>());
    assert!(held > 150 && events > 1_500, "{held} tables with {events} events are too few to mean anything");
}

#[test]
fn random_reporting_periods_are_what_the_plain_way_gives() {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(7));
    let mut held = 0;
    for round in 0..300 {
        let size = dice.pick(&[20, 99, 100, 101, 150, 250]);
        let common = dice.edge(day("2023-06-01"), 3);
        let rows: Vec<PlainRow> = (0..size)
            .map(|number| PlainRow {
                number,
                event: dice.cell(&["Service", "Request", "Assessment", "Review", "Something else"]),
                end: (!dice.chance(10)).then(|| {
                    if dice.chance(85) {
                        common.number() + dice.below(50) as i32
                    } else {
                        dice.edge(common, 9).number()
                    }
                }),
                ..PlainRow::default()
            })
            .map(|row| PlainRow { event: row.event.filter(|label| label != INVALID), ..row })
            .collect();
        let file = PlainFile { received: dice.edge(common, 9), rows };
        let mut texts = Texts::default();
        let mut ends = super::super::periods::MonthlyEnds::default();
        file.rows.iter().for_each(|row| ends.add_row(&convert(row, &mut texts)));
        let expected = plain::reporting_period(&file);
        held += usize::from(expected.is_some());
        assert_eq!(ends.derived_period(file.received).map(plain::bounds), expected, "round {round}");
    }
    assert!(held > 200);
}
