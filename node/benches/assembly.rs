//! How long one million rows take from rows in memory to histories, on one core and on all.
//!
//! Run with `cargo bench -p folkmoot-node --bench assembly`; a number of rows may follow after `--`. The goal on one
//! core is 350 ms a million. Rows come from plain memory, so the store's own time is not in it.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use folkmoot_node::assemble::{KeyReading, Memory, Options, Variant, assemble};
use folkmoot_node::row::{EventKind, Interned, Row};
use folkmoot_proto::codelist::{
    Accommodation, ClientType, CodeList, Coded, Component, Ethnicity, EventType, Gender, Outcome, ServiceType,
    SupportReason,
};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const RUNS: usize = 9;
/// Rows of one person in all files together.
const ROWS_A_PERSON: u32 = 8;

fn main() {
    let rows: u32 = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000);
    let day = |year, month, day| Day::from_ymd(year, month, day).expect("a day");
    let as_of = day(2026, 1, 1);
    let year = ReferencePeriod::inclusive(day(2024, 1, 1), day(2024, 12, 31)).expect("a year");
    let (quarterly, yearly) = (files(rows, &year.quarters()), files(rows, &[year]));
    println!("{rows} rows, in 4 quarterly files (joined) or in one (single); median and least of {RUNS} runs");
    for (name, held, variant, key) in [
        ("joined, raw keys", &quarterly, Variant::Joined, KeyReading::Raw),
        ("joined, cleaned keys", &quarterly, Variant::Joined, KeyReading::Cleaned),
        ("single, raw keys", &yearly, Variant::Single, KeyReading::Raw),
    ] {
        let options = Options { variant, key, ..Options::as_of(as_of) };
        for threads in [1, 0] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
            let mut times = Vec::new();
            let mut sizes = (0, 0, 0);
            for _ in 0..RUNS {
                let begun = Instant::now();
                let assembly = pool.install(|| assemble(held, &options)).expect("the files cover the window");
                times.push(begun.elapsed());
                let histories = &assembly.histories;
                sizes = (histories.len(), histories.events(), histories.heap_bytes());
            }
            times.sort_unstable();
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            println!(
                "{name:22} {:2} threads: {:7.1} ms {:7.1} ms   {} people, {} events, {} MB",
                pool.current_num_threads(),
                ms(times[RUNS / 2]),
                ms(times[0]),
                sizes.0,
                sizes.1,
                sizes.2 / 1_000_000,
            );
        }
    }
}

/// That many rows in files of equal size, one for each span; each file covers its span and nothing else.
fn files(rows: u32, spans: &[ReferencePeriod]) -> Memory {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut memory = Memory::default();
    for span in spans {
        let share = rows / spans.len() as u32;
        let people = (rows / ROWS_A_PERSON).max(1);
        let held = (0..share).map(|number| row(&mut random, number + 2, people, *span)).collect();
        memory.add(span.last().plus_days(20), held);
    }
    memory
}

fn row(random: &mut ChaCha8Rng, number: u32, people: u32, period: ReferencePeriod) -> Row {
    fn any<T: CodeList>(random: &mut ChaCha8Rng) -> Coded<T> {
        Coded::Value(T::ALL[random.random_range(0..T::ALL.len())])
    }
    let person = random.random_range(0..people);
    let kind = [EventType::Service, EventType::Service, EventType::Request, EventType::Assessment, EventType::Review]
        [random.random_range(0..5)];
    let day = period.first().plus_days(random.random_range(0..period.days()));
    let mut row = Row::blank(number);
    row.person = Some(Interned(person));
    row.person_is_nhs = person % 10 != 0;
    row.la_person = Some(Interned(2_000_000 + person));
    row.client = Coded::Value(if person % 9 == 0 { ClientType::UnpaidCarer } else { ClientType::ServiceUser });
    if person % 9 == 0 {
        row.linked[0] = Some(Interned(2_000_000 + random.random_range(0..people)));
    }
    row.event = EventKind::Known(kind);
    row.birth = Month::new(1920 + (person % 80) as i16, 1 + (person % 12) as i8);
    row.gender = Coded::Value(Gender::ALL[(person % 2) as usize]);
    row.ethnicity = any::<Ethnicity>(random);
    row.reason = any::<SupportReason>(random);
    row.accommodation = any::<Accommodation>(random);
    row.outcome = any::<Outcome>(random);
    row.raw.client = Some(Interned(u32::from(person % 9 == 0)));
    if kind == EventType::Service {
        // Few starts and components a person, so that later files repeat some services.
        row.start = Some(Day::from_ymd(2023, 1 + random.random_range(0..6), 1 + (person % 28) as i8).expect("a day"));
        row.end = random.random_bool(0.4).then_some(day);
        row.service = Coded::Value(ServiceType::Community);
        row.component = Coded::Value(Component::ALL[random.random_range(0..12)]);
        row.raw.service = Some(Interned(10));
        row.raw.component = row.component.value().map(|component| Interned(100 + component.index() as u32));
        row.unit_cost = Some(random.random_range(1..50) * 100);
    } else {
        (row.start, row.end) = (Some(day.plus_days(-random.random_range(0..30))), Some(day));
    }
    row
}
