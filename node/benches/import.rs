//! Importing a large file: rows a second, and the most memory the process ever had.
//!
//! `cargo bench -p folkmoot-node --bench import -- [ROWS]` (2,000,000 unless said) writes a file of coherent rows into a
//! temporary folder, imports it into an encrypted store, and reads all rows back.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints its result")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use folkmoot_node::clean::lists::Aliases;
use folkmoot_node::import::columns::Column;
use folkmoot_node::import::{Options, Outcome, Source, Unwatched, import};
use folkmoot_node::store::Records;
use folkmoot_proto::period::Day;
use folkmoot_runtime::store::{Access, Key};

fn main() {
    let rows: u64 = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(2_000_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cld.csv");
    let bytes = write(&path, rows);
    println!("file: {rows} rows, {:.0} MB", bytes as f64 / 1e6);

    let key = folder.path().join("key");
    std::fs::write(&key, "07".repeat(32)).expect("writing the key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("owner-only rights");
    }
    let key = Key::load(&key).expect("the key just written");
    let store = folder.path().join("records.db");
    let records = Records::create(&store, Some(key), Access::Sole).expect("a new store");
    let options = Options {
        council: "503".parse().expect("a council code"),
        received: "2025-04-15".parse().expect("a date"),
        imported_at: 0,
        dry_run: false,
        force_council: false,
        aliases: Aliases::default(),
    };
    let before = peak();
    let started = Instant::now();
    let outcome = import(&records, &Source::Path(path), &options, &mut Unwatched).expect("a good file");
    let took = started.elapsed().as_secs_f64();
    let Outcome::Imported(summary) = outcome else { panic!("imported for the first time") };
    println!(
        "import: {took:.2} s, {:.0} rows/s, {:.0} MB/s; {} accepted, {} with findings; peak memory {} MB (before: {} MB); store {:.0} MB",
        rows as f64 / took,
        bytes as f64 / 1e6 / took,
        summary.facts.clean,
        summary.facts.with_findings,
        peak() / 1024,
        before / 1024,
        store.metadata().map_or(0.0, |file| file.len() as f64 / 1e6),
    );
    for _ in 0..3 {
        let (started, mut count) = (Instant::now(), 0u64);
        records.rows(summary.submission, |row| count += u64::from(row.number > 0)).expect("rows");
        let took = started.elapsed().as_secs_f64();
        println!("read back: {took:.2} s, {:.1} million rows/s", count as f64 / 1e6 / took);
    }
}

/// The most resident memory so far, in KiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Valid numbers of the test range, one for each person.
fn nhs(person: u64) -> String {
    for number in (999_000_000 + person * 2)..=u64::MAX {
        let digits: Vec<u64> = number.to_string().bytes().map(|byte| u64::from(byte - b'0')).collect();
        let sum: u64 = digits.iter().enumerate().map(|(place, digit)| digit * (10 - place as u64)).sum();
        match 11 - sum % 11 {
            10 => continue,
            check => return format!("{number}{}", check % 11),
        }
    }
    String::new()
}

fn write(path: &Path, rows: u64) -> u64 {
    let mut out = BufWriter::new(File::create(path).expect("a file in the temporary folder"));
    let headers: Vec<_> = Column::ALL.iter().map(|column| format!("\"{}\"", column.header())).collect();
    writeln!(out, "{}", headers.join(",")).expect("room on the disk");
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let ethnicities = [
        "\"White: English, Welsh, Scottish, Northern Irish or British\"",
        "White: Irish",
        "Asian or Asian British: Indian",
        "\"Black, Black British, Caribbean or African: African\"",
    ];
    let homes = [
        "Owner occupier or shared ownership scheme",
        "Tenant: Local authority or other social housing provider",
        "\"Sheltered housing, extra care housing or other sheltered housing\"",
        "Registered care home",
    ];
    let outcomes = [
        "\"Progress to assessment, review or reassessment\"",
        "NFA: Information and advice or signposting",
        "Progress to support planning or services",
        "Continuation of support or services",
    ];
    let (mut person, mut number) = (0, nhs(0));
    for _ in 0..rows {
        if random(5) == 0 {
            person += 1;
            number = nhs(person);
        }
        let day = |days: u64| {
            let (year, month, day) = Day::from_number(days as i32).ymd();
            format!("{day:02}/{month:02}/{year}")
        };
        let start = 19_814 + random(300);
        let end = start + random(60);
        let fixed = format!(
            "503,01/04/2024,31/03/2025,{number},P{person:07},Alex{},Example{},Example Surgery,A8{:04},{},{},{},,Service user,Physical support: Personal care support,ZZ99 {}AB,{},,No,No,No visual impairment,No hearing impairment,No,Fully social care funded",
            person % 97,
            person % 991,
            person % 60,
            ["Male", "Female"][(person % 2) as usize],
            ethnicities[(person % 4) as usize],
            day(person * 7919 % 25_000),
            person % 10,
            homes[(person % 4) as usize]
        );
        let (start, end) = (day(start), day(end));
        let reference = random(100_000_000);
        let outcome = outcomes[random(4) as usize];
        let event = match random(10) {
            0..3 => format!(
                "Request,E{reference},{start},{end},Contact by telephone,{outcome},Community or other route,,,,,,,,,,,,,,,,,,,"
            ),
            3..5 => format!(
                "Assessment,E{reference},{start},{end},Care Act assessment,{outcome},,Long term assessment,Yes,Service user only,,,,,,,,,,,,,,,,"
            ),
            5..9 => format!(
                "Service,E{reference},{start},,Package of care,Continuation of support or services,,,,,,,,,,Long term support: Community,Home support or domiciliary care,CASSR managed personal budget,Example Care Ltd,1-10{:07},,,,{}.{:02},Hourly,{}.50",
                random(300),
                15 + random(20),
                random(100),
                1 + random(30)
            ),
            _ => format!(
                "Review,E{reference},{start},{end},Annual review,{outcome},,,,,,,,,,,,,,,Planned,Fully met,Service user only,,,"
            ),
        };
        writeln!(out, "{fixed},{event}").expect("room on the disk");
    }
    out.flush().expect("room on the disk");
    path.metadata().map_or(0, |file| file.len())
}
