#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::vocabulary::{HEADERS, column};
use super::*;

fn place(slot: u32) -> Place {
    Place { code: format!("{}", 101 + slot), slot, slots: 153 }
}

fn rows(file: &File) -> Vec<Vec<String>> {
    csv::ReaderBuilder::new()
        .from_reader(file.bytes.as_slice())
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

fn day(text: &str) -> Option<Date> {
    let [day, month, year] = text.split('/').collect::<Vec<_>>()[..] else {
        assert!(text.is_empty(), "{text} is no date");
        return None;
    };
    Some(date(year.parse().unwrap(), month.parse().unwrap(), day.parse().unwrap()))
}

#[test]
fn the_same_seed_and_code_give_the_same_bytes_whatever_else_is_made() {
    let settings = Settings { people: 30, dirt: true, ..Settings::default() };
    let folder = tempfile::tempdir().unwrap();
    let places: Vec<Place> = (0..5).map(place).collect();
    write(&settings, &places, folder.path(), &|_| {}).unwrap();
    let alone = council(&settings, &places[3]).unwrap();
    for file in &alone.files {
        let beside = std::fs::read(folder.path().join("104").join(&file.name)).unwrap();
        assert!(beside == file.bytes, "{} differs", file.name);
    }
    let other = council(&Settings { seed: 2, ..settings }, &places[3]).unwrap();
    assert!(other.files[0].bytes != alone.files[0].bytes);
}

#[test]
fn a_clean_file_is_as_the_specification_says() {
    let made = council(&Settings::default(), &place(7)).unwrap();
    assert_eq!(made.files.len(), 4);
    let last = made.files.last().unwrap();
    assert_eq!(last.period_start, date(2025, 4, 1));
    assert_eq!(last.period_end, date(2026, 3, 31));
    assert!(last.name.starts_with("cld_108_20260331_202604"), "{}", last.name);
    assert!(last.bytes.starts_with(b"LA Code,Reporting Period Start Date,"));
    for file in &made.files {
        let rows = rows(file);
        assert!(rows.len() > 150, "{} rows", rows.len());
        for row in &rows {
            assert_eq!(row.len(), HEADERS.len());
            assert_eq!(row[column::LA_CODE], "108");
            let (start, end) = (day(&row[column::EVENT_START]), day(&row[column::EVENT_END]));
            if let (Some(start), Some(end)) = (start, end) {
                assert!(start <= end);
                assert!(file.period_start <= end && end <= file.period_end);
            }
            assert!(start.is_none_or(|start| start <= file.period_end));
            let service = row[column::EVENT_TYPE] == "Service";
            let event = !row[column::EVENT_TYPE].is_empty();
            assert!(service || !event || end.is_some());
            assert_eq!(service, !row[column::SERVICE_TYPE].is_empty());
            assert_eq!(event, row[column::CLIENT_TYPE] != "Unpaid carer known by association");
            if let (Some(death), Some(start)) = (day(&row[column::DEATH]), start) {
                assert!(death >= start && death <= file.period_end);
            }
        }
    }
}

#[test]
fn lives_hold_together_from_file_to_file() {
    let settings = Settings { people: 300, ..Settings::default() };
    let made = council(&settings, &place(20)).unwrap();
    let mut ended = 0;
    let mut changed = 0;
    let mut before: HashMap<String, Vec<String>> = HashMap::new();
    let mut kinds = BTreeSet::new();
    for file in &made.files {
        let mut references = BTreeSet::new();
        for row in rows(file) {
            let reference = row[column::EVENT_REFERENCE].clone();
            kinds.insert((row[column::EVENT_TYPE].clone(), row[column::SERVICE_TYPE].clone()));
            if reference.is_empty() {
                continue;
            }
            assert!(references.insert(reference.clone()), "{reference} twice");
            if let Some(old) = before.get(&reference) {
                assert_eq!(old[column::PERSON_ID], row[column::PERSON_ID]);
                assert_eq!(old[column::EVENT_TYPE], row[column::EVENT_TYPE]);
                ended += usize::from(old[column::EVENT_END].is_empty() && !row[column::EVENT_END].is_empty());
                changed += usize::from(old[column::ETHNICITY] != row[column::ETHNICITY]);
            }
            before.insert(reference, row);
        }
    }
    assert!(ended > 20, "{ended} services ended in a later file");
    assert!(changed > 5, "{changed} details became known");
    assert!(kinds.len() >= 11, "{kinds:?}");
}

#[test]
fn numbers_are_unique_except_for_those_who_moved_to_the_neighbour() {
    let settings = Settings { people: 60, ..Settings::default() };
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for slot in 0..4 {
        for file in council(&settings, &place(slot)).unwrap().files {
            for row in rows(&file) {
                let number = &row[column::NHS_NUMBER];
                if number.is_empty() {
                    continue;
                }
                assert_eq!(ids::check_digit(&number[..9]).unwrap().to_string(), number[9..]);
                homes.entry(number.clone()).or_default().insert(row[column::LA_CODE].clone());
            }
        }
    }
    let movers: Vec<_> = homes.values().filter(|codes| codes.len() > 1).collect();
    assert!((2..=3).contains(&movers.len()), "{movers:?}");
    for codes in movers {
        let codes: Vec<u32> = codes.iter().map(|code| code.parse().unwrap()).collect();
        assert_eq!(codes[1] - codes[0], 1);
    }
}

/// The published derivation of a file's period, by counting months of end dates.
fn derived_period(file: &File) -> Option<(Date, Date)> {
    let import_month = file.received.first_of_month();
    let mut months: BTreeMap<Date, (usize, BTreeSet<String>)> = BTreeMap::new();
    for row in rows(file) {
        if let Some(end) = day(&row[column::EVENT_END]).filter(|end| *end < import_month) {
            let month = months.entry(end.first_of_month()).or_default();
            month.0 += 1;
            month.1.insert(row[column::EVENT_TYPE].clone());
        }
    }
    let all: usize = months.values().map(|(rows, _)| rows).sum();
    let most = months.values().map(|(_, types)| types.len()).max()?;
    let kept: Vec<Date> = months
        .into_iter()
        .filter(|(_, (rows, types))| all < 100 || (100 * rows >= 2 * all && types.len() + 1 >= most))
        .map(|(month, _)| month)
        .collect();
    Some((*kept.first()?, kept.last()?.last_of_month()))
}

#[test]
fn the_period_derived_from_a_file_is_its_twelve_months_whatever_the_size() {
    for people in [1, 4, 15, 40, 150] {
        let settings = Settings { people, ..Settings::default() };
        for slot in [0, 50, 152] {
            for file in council(&settings, &place(slot)).unwrap().files {
                assert_eq!(
                    derived_period(&file),
                    Some((file.period_start, file.period_end)),
                    "{people} people, {}",
                    file.name
                );
            }
        }
    }
}

#[test]
fn dirt_of_every_kind_appears_and_says_what_becomes_of_it() {
    let settings = Settings { people: 150, dirt: true, ..Settings::default() };
    let mut kinds = BTreeMap::new();
    for slot in 0..4 {
        for file in council(&settings, &place(slot)).unwrap().files {
            for mark in file.marks {
                *kinds.entry(mark.kind).or_insert(0) += 1;
            }
        }
    }
    assert!(kinds.len() >= 43, "{} kinds: {kinds:#?}", kinds.len());
    let clean = Settings { dirt: false, ..settings };
    assert!(council(&clean, &place(0)).unwrap().files[0].marks.is_empty());
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let wrong = Settings { last_period_end: date(2026, 3, 30), ..Settings::default() };
    assert!(matches!(council(&wrong, &place(0)), Err(Error::NotAQuarterEnd(_))));
    let none = Settings { submissions: 0, ..Settings::default() };
    assert!(matches!(council(&none, &place(0)), Err(Error::NoSubmissions)));
    assert!(matches!(council(&Settings::default(), &place(153)), Err(Error::SlotOutsideList { .. })));
}
