//! Which file speaks for which quarter.

use super::*;

/// A file whose ends reach from one month to another.
fn file(memory: &mut Memory, received: &str, first: (i16, i8), last: (i16, i8)) {
    let end = |(year, number): (i16, i8)| month(year, number).last_day().to_string();
    let rows = [first, last].map(end).map(|end| event(2, EventType::Request, "2023-01-01", &end));
    memory.add(day(received), rows.to_vec());
}

fn run(memory: &Memory, options: &Options) -> Result<Assembly, Error> {
    assemble(memory, options)
}

/// Ids of the files used with their reference periods.
fn used(memory: &Memory, options: &Options) -> Vec<(i64, String)> {
    let assembly = run(memory, options).unwrap_or_else(|error| panic!("{error}"));
    assembly.used.iter().map(|used| (used.submission, used.period.to_string())).collect()
}

fn as_of(text: &str) -> Options {
    Options::as_of(day(text))
}

fn window(first: &str, last: &str) -> Options {
    Options { joined: Some(span(first, last)), ..as_of("2026-01-01") }
}

fn pairs(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(id, period)| (*id, (*period).to_owned())).collect()
}

#[test]
fn each_quarter_takes_the_latest_received_file_that_covers_it() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    file(&mut memory, "2024-07-20", (2023, 7), (2024, 6));
    assert_eq!(
        used(&memory, &as_of("2024-08-01")),
        pairs(&[(1, "2023-04-01 to 2023-06-30"), (2, "2023-07-01 to 2024-06-30")])
    );
}

#[test]
fn the_order_of_receipt_decides_not_the_order_of_import() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-07-20", (2023, 7), (2024, 6));
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    assert_eq!(
        used(&memory, &as_of("2024-08-01")),
        pairs(&[(2, "2023-04-01 to 2023-06-30"), (1, "2023-07-01 to 2024-06-30")])
    );
}

#[test]
fn of_two_received_on_one_day_the_later_id_is_the_later_file() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2024, 1), (2024, 3));
    file(&mut memory, "2024-04-20", (2024, 1), (2024, 3));
    assert_eq!(used(&memory, &as_of("2024-08-01")), pairs(&[(2, "2024-01-01 to 2024-03-31")]));
}

#[test]
fn a_file_received_on_the_as_of_day_counts_and_a_day_later_not() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2024, 1), (2024, 3));
    file(&mut memory, "2024-05-20", (2024, 1), (2024, 3));
    assert_eq!(used(&memory, &as_of("2024-05-20")), pairs(&[(2, "2024-01-01 to 2024-03-31")]));
    assert_eq!(used(&memory, &as_of("2024-05-19")), pairs(&[(1, "2024-01-01 to 2024-03-31")]));
    let error = run(&memory, &as_of("2024-04-19")).err().unwrap();
    assert!(matches!(error, Error::Nothing { .. }), "{error}");
}

#[test]
fn a_file_must_be_received_after_the_quarters_end() {
    // Months up to the one of receipt never count, so a file cannot cover the quarter that it came in.
    let mut memory = Memory::default();
    file(&mut memory, "2024-03-31", (2024, 1), (2024, 3));
    assert!(run(&memory, &as_of("2024-08-01")).is_err());
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-01", (2024, 1), (2024, 3));
    assert_eq!(used(&memory, &as_of("2024-08-01")).len(), 1);
}

#[test]
fn a_file_that_misses_a_month_of_a_quarter_does_not_cover_it() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-06-20", (2023, 11), (2024, 5));
    assert_eq!(used(&memory, &as_of("2024-08-01")), pairs(&[(1, "2024-01-01 to 2024-03-31")]));
}

#[test]
fn quarters_without_a_file_stay_empty_and_are_reported_as_one_span() {
    let mut memory = Memory::default();
    file(&mut memory, "2023-07-20", (2023, 4), (2023, 6));
    file(&mut memory, "2024-04-20", (2024, 1), (2024, 3));
    let assembly = run(&memory, &as_of("2024-08-01")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(assembly.window, span("2023-04-01", "2024-03-31"));
    assert_eq!(assembly.warnings, [Warning::Uncovered(span("2023-07-01", "2023-12-31"))]);
    assert_eq!(assembly.used.len(), 2);
}

#[test]
fn a_file_chosen_on_both_sides_of_another_spans_it_and_the_overlap_is_reported() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    file(&mut memory, "2024-05-20", (2023, 7), (2023, 9));
    let assembly = run(&memory, &as_of("2024-08-01")).unwrap_or_else(|error| panic!("{error}"));
    let periods: Vec<_> = assembly.used.iter().map(|used| used.period).collect();
    assert_eq!(periods, [span("2023-04-01", "2024-03-31"), span("2023-07-01", "2023-09-30")]);
    let span = span("2023-07-01", "2023-09-30");
    assert_eq!(assembly.warnings, [Warning::Overlap { submissions: [1, 2], span }]);
}

#[test]
fn a_window_limits_the_quarters_and_sets_the_twelve_months_of_the_details() {
    let mut memory = Memory::default();
    file(&mut memory, "2025-04-20", (2023, 4), (2025, 3));
    let options = window("2023-10-01", "2024-12-31");
    assert_eq!(used(&memory, &options), pairs(&[(1, "2023-10-01 to 2024-12-31")]));
    let assembly = run(&memory, &options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(assembly.histories.details_period(), span("2024-01-01", "2024-12-31"));
    let error = run(&memory, &window("2020-01-01", "2020-12-31")).err().unwrap();
    assert!(matches!(error, Error::Nothing { .. }) && error.to_string().contains("2020-01-01 to 2020-12-31"));
}

#[test]
fn quarters_step_by_three_months_from_the_windows_start() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-06-20", (2024, 2), (2024, 4));
    assert!(run(&memory, &as_of("2024-08-01")).is_err(), "no calendar quarter is covered");
    assert_eq!(used(&memory, &window("2024-02-01", "2024-04-30")), pairs(&[(1, "2024-02-01 to 2024-04-30")]));
}

#[test]
fn windows_that_are_not_whole_quarters_are_refused() {
    let mut memory = Memory::default();
    file(&mut memory, "2025-04-20", (2023, 4), (2025, 3));
    for (first, last) in [
        ("2024-01-01", "2024-01-31"),
        ("2024-01-01", "2024-07-31"),
        ("2024-01-02", "2024-03-31"),
        ("2024-01-01", "2099-12-30"),
        ("2024-01-01", "9999-12-31"),
        ("2097-01-01", "2100-12-31"),
    ] {
        let error = run(&memory, &window(first, last)).err().unwrap();
        assert!(matches!(error, Error::Window(_)), "{first} to {last}: {error}");
    }
}

#[test]
fn a_slip_into_the_last_century_does_not_hide_a_small_file() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (1900, 1), (2024, 3));
    assert_eq!(used(&memory, &as_of("2024-08-01")), pairs(&[(1, "1900-01-01 to 2024-03-31")]));
}

#[test]
fn a_file_without_ends_is_never_chosen_and_is_reported() {
    let mut memory = Memory::default();
    memory.add(day("2024-04-20"), vec![service(2, "2023-01-01", "")]);
    file(&mut memory, "2024-04-19", (2024, 1), (2024, 3));
    let assembly = run(&memory, &as_of("2024-08-01")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(assembly.used[0].submission, 2);
    assert_eq!(assembly.warnings, [Warning::NoPeriod { submission: 1 }]);
}

#[test]
fn the_single_variant_takes_one_file_that_covers_twelve_months() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    file(&mut memory, "2024-05-20", (2023, 2), (2024, 4));
    file(&mut memory, "2024-07-20", (2024, 1), (2024, 6));
    let single = |options: Options| Options { variant: Variant::Single, ..options };
    assert_eq!(used(&memory, &single(as_of("2024-08-01"))), pairs(&[(2, "2023-04-01 to 2024-03-31")]));
    // A window's last twelve months count.
    assert!(run(&memory, &single(window("2023-04-01", "2024-06-30"))).is_err());
    assert_eq!(used(&memory, &single(window("2022-10-01", "2024-03-31"))), pairs(&[(2, "2023-04-01 to 2024-03-31")]));
    let short = Options { variant: Variant::Single, ..as_of("2024-04-19") };
    assert!(matches!(run(&memory, &short).err().unwrap(), Error::Nothing { .. }));
}

#[test]
fn a_snapshot_is_named_after_everything_that_decides_it() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    let base = as_of("2024-08-01");
    let id =
        |memory: &Memory, options: &Options| run(memory, options).unwrap_or_else(|error| panic!("{error}")).snapshot;
    let first = id(&memory, &base);
    assert_eq!(first, id(&memory, &base));
    let others = [
        Options { as_of: day("2024-08-02"), ..base },
        Options { joined: Some(span("2023-07-01", "2024-03-31")), ..base },
        Options { variant: Variant::Single, ..base },
        Options { key: KeyReading::Cleaned, ..base },
    ];
    let mut ids: Vec<_> = others.iter().map(|options| id(&memory, options)).collect();
    file(&mut memory, "2024-07-20", (2023, 7), (2024, 6));
    ids.extend([first, id(&memory, &base)]);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two different assemblies have one name");
    assert!(SnapshotId::from_bytes(*first.as_bytes()) == first && first.to_string().len() == 64);
}

#[test]
fn a_file_received_after_the_as_of_day_does_not_rename_a_snapshot() {
    let mut memory = Memory::default();
    file(&mut memory, "2024-04-20", (2023, 4), (2024, 3));
    let before = run(&memory, &as_of("2024-08-01")).unwrap_or_else(|error| panic!("{error}")).snapshot;
    file(&mut memory, "2024-08-02", (2023, 4), (2024, 6));
    let after = run(&memory, &as_of("2024-08-01")).unwrap_or_else(|error| panic!("{error}")).snapshot;
    assert_eq!(before, after);
}
