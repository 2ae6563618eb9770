//! How long a measure takes over one million events, on one core and on all.
//!
//! Run with `cargo bench -p folkmoot-node --bench measures`; a number of events may follow after `--`. The goals on one
//! core are 10 ms a million for PEOPLE by four dimensions and for ASCOF 2E, 20 ms for ASCOF 2A. Assembly is not in the
//! times. On one thread it is CPU time of that thread, so that other work on the machine disturbs it little; on several
//! it is wall time.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use folkmoot_node::assemble::{KeyReading, Variant, join};
use folkmoot_node::row::{EventKind, Interned, Row};
use folkmoot_node::tabulate::{Bounding, tabulate};
use folkmoot_proto::codelist::{
    Accommodation, AssessmentType, ClientType, CodeList, Coded, CostFrequency, Ethnicity, EventType, Gender, Outcome,
    Route, ServiceType, SupportReason,
};
use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use folkmoot_proto::query::{DataRule, Query, Release};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const RUNS: usize = 9;
/// Events of one person.
const EVENTS_A_PERSON: u32 = 8;

fn main() {
    let events: u32 = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000);
    let day = |year, month, day| Day::from_ymd(year, month, day).expect("a day");
    let year = ReferencePeriod::inclusive(day(2024, 4, 1), day(2025, 3, 31)).expect("a year");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let people = (events / EVENTS_A_PERSON).max(1);
    let rows: Vec<Row> = (0..events).map(|number| row(&mut random, number + 2, people, year)).collect();
    let of = |variant| join(&[(year, &rows)], year, variant, KeyReading::Raw).expect("few rows");
    let (joined, single) = (of(Variant::Joined), of(Variant::Single));
    println!("{} people, {} events; median and least of {RUNS} runs", joined.len(), joined.events());
    for (measure, by) in [
        ("PEOPLE", Some(&["age_group", "gender", "ethnic_group", "primary_support_reason"][..])),
        ("ASCOF-2E", None),
        ("ASCOF-2A", None),
        ("LTS001B-REASON", None),
        ("WAITING-RESPONSE", None),
        ("REQUESTS", None),
        ("SERVICES", None),
        ("COSTS", None),
        ("PATHWAYS", None),
        ("STS001", None),
    ] {
        let by: Option<Vec<String>> = by.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let release = Release::CouncilSuppressed(Profile::Hospital);
        let query = Query::new(measure, year, by.as_deref(), &[], &[], DataRule::default(), release).expect("valid");
        let histories = if measure == "COSTS" { &single } else { &joined };
        for threads in [1, 0] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
            let mut times = Vec::new();
            for _ in 0..RUNS {
                let (counted, time) = pool.install(|| {
                    let (begun, cpu) = (Instant::now(), cpu());
                    let counted = tabulate(histories, &query, Bounding::Official).expect("a small layout");
                    let on_cpu = self::cpu().zip(cpu).map(|(after, before)| after - before);
                    let wall = begun.elapsed();
                    (counted, if threads == 1 { on_cpu.unwrap_or(wall) } else { wall })
                });
                times.push(time);
                drop(counted);
            }
            times.sort_unstable();
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            let threads = pool.current_num_threads();
            println!("{measure:18} {threads:2} threads: {:7.1} ms {:7.1} ms", ms(times[RUNS / 2]), ms(times[0]));
        }
    }
}

/// CPU time of this thread, where the system tells.
fn cpu() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
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
    row.person_is_nhs = true;
    row.client = Coded::Value(if person % 9 == 0 { ClientType::UnpaidCarer } else { ClientType::ServiceUser });
    row.event = EventKind::Known(kind);
    row.birth = Month::new(1920 + (person % 80) as i16, 1 + (person % 12) as i8);
    row.gender = Coded::Value(Gender::ALL[(person % 2) as usize]);
    row.ethnicity = any::<Ethnicity>(random);
    row.reason = any::<SupportReason>(random);
    row.accommodation = any::<Accommodation>(random);
    row.outcome = any::<Outcome>(random);
    row.start = Some(day.plus_days(-random.random_range(0..30)));
    row.end = Some(day);
    match kind {
        EventType::Request => row.route = any::<Route>(random),
        EventType::Assessment => row.assessment = any::<AssessmentType>(random),
        EventType::Service => {
            row.end = random.random_bool(0.4).then_some(day);
            row.service = Coded::Value(ServiceType::ALL[random.random_range(0..7)]);
            row.unit_cost = Some(random.random_range(1..50) * 100);
            row.cost_frequency = any::<CostFrequency>(random);
            row.planned_units = Some(700);
        }
        EventType::Review => {}
    }
    // Every row is an event of its own.
    row.raw.client = Some(Interned(number));
    row
}
