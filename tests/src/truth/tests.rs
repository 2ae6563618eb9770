#![allow(clippy::unwrap_used)]

use jiff::civil::{Date, date};

use super::*;
use crate::generate;

const RA: (&str, &str) = ("2023-04-01", "2024-06-30");
const RB: (&str, &str) = ("2024-07-01", "2025-03-31");

fn day(text: &str) -> Option<Date> {
    if text.is_empty() { None } else { Some(text.parse().unwrap()) }
}

/// The rows of the published worked example of 2E.
const EXAMPLE_2E: &str = "\
1,A,Female,1980-05,RA,Long term support: Community,Day support,2024-05-01,2024-06-15,Tenant: Private landlord,LD
2,A,Female,1980-05,RB,Long term support: Community,Day support,2024-07-01,,Unknown,Unknown
3,B,Male,1990-01,RB,Long term support: Community,Home support or domiciliary care,2024-08-01,,Refuge,LD
4,B,Male,1990-01,RB,Long term support: Community,Day support,2024-08-01,,Owner occupier or shared ownership scheme,LD
5,C,Male,1950-03,RB,Long term support: Residential care,Long term residential care,2023-05-01,2024-09-30,,PH
6,C,Male,1950-03,RB,Long term support: Community,Day support,2024-10-01,,,PH
7,D,Unknown,1940-12,RB,Long term support: Nursing care,Long term nursing care,2022-01-01,,Registered nursing home,PH
8,E,Female,,RB,Long term support: Community,Day support,2024-09-01,,Tenant: Private landlord,PH
9,F,Female,1959-09,RA,Long term support: Community,Day support,2023-10-01,2024-06-30,Tenant: Local authority or other social housing provider,PH
10,F,Female,1959-09,RB,Long term support: Community,Day support,2024-04-01,2024-05-20,Rough sleeper or squatting,PH
";

fn example_2e() -> Joined {
    let mut rows = Vec::new();
    for line in EXAMPLE_2E.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let (first, last) = if cells[4] == "RA" { RA } else { RB };
        let reason = match cells[10] {
            "LD" => "Learning disability support",
            "PH" => "Physical support: Personal care support",
            other => other,
        };
        rows.push(Row {
            record: cells[0].parse().unwrap(),
            person: cells[1].to_owned(),
            gender: cells[2].to_owned(),
            birth: if cells[3].is_empty() { None } else { day(&format!("{}-15", cells[3])) },
            client_type: "Service user".to_owned(),
            event_type: "Service".to_owned(),
            reference: Some((day(first).unwrap(), day(last).unwrap())),
            service_type: cells[5].to_owned(),
            component: cells[6].to_owned(),
            start: day(cells[7]),
            end: day(cells[8]),
            accommodation: cells[9].to_owned(),
            reason: reason.to_owned(),
            ..Row::default()
        });
    }
    Joined { council: "001".to_owned(), window: (date(2023, 4, 1), date(2025, 3, 31)), rows }
}

fn ask(joined: &Joined, measure: &str) -> Vec<Figure> {
    let question =
        Question { measure: measure.to_owned(), from: date(2024, 4, 1), to: date(2025, 3, 31), by: Vec::new() };
    figures(joined, &question).unwrap()
}

/// Numerator and denominator of a group.
fn ratio(figures: &[Figure], group: &str) -> (u64, u64) {
    let yes = value(figures, group, "yes").unwrap();
    (yes, yes + value(figures, group, "no").unwrap())
}

#[test]
fn the_worked_example_of_2e_holds() {
    let joined = example_2e();
    let all = ask(&joined, "ASCOF-2E");
    assert_eq!(ratio(&all, "age_band=18 to 64;gender=Female"), (1, 2));
    assert_eq!(ratio(&all, "age_band=18 to 64;gender=Male"), (1, 1));
    assert_eq!(ratio(&all, "age_band=18 to 64"), (2, 3));
    assert_eq!(ratio(&all, "age_band=65 and above;gender=Female"), (0, 0));
    assert_eq!(ratio(&all, "age_band=65 and above;gender=Male"), (0, 1));
    assert_eq!(ratio(&all, "age_band=65 and above"), (0, 2));
    let learning = ask(&joined, "ASCOF-2E-LD");
    assert_eq!(ratio(&learning, "age_band=18 to 64;gender=Female"), (1, 1));
    assert_eq!(ratio(&learning, "age_band=18 to 64;gender=Male"), (1, 1));
    assert_eq!(ratio(&learning, "age_band=18 to 64"), (2, 2));
    assert_eq!(value(&ask(&joined, "ASCOF-2E-UNKNOWN"), "", "count"), Some(2));
}

#[test]
fn each_single_change_of_the_2e_example_has_its_published_effect() {
    let home = |joined: &Joined, id: &str| {
        person::table(joined).into_iter().find(|person| person.id == id).unwrap().accommodation
    };
    let mut changed = example_2e();
    changed.rows[3].start = day("2024-08-02");
    assert_eq!(home(&changed, "B"), "Owner occupier or shared ownership scheme");

    let mut changed = example_2e();
    changed.rows[3].component = "Shared Lives".to_owned();
    assert_eq!(home(&changed, "B"), "Unknown: Presumed in community");
    assert_eq!(ratio(&ask(&changed, "ASCOF-2E"), "age_band=18 to 64;gender=Male"), (0, 1));

    let mut changed = example_2e();
    changed.rows[4].end = None;
    assert_eq!(home(&changed, "C"), "Registered care home");

    let mut changed = example_2e();
    changed.rows[9].reference = changed.rows[8].reference;
    assert_eq!(home(&changed, "F"), "Tenant: Local authority or other social housing provider");
}

fn carer_row(service_type: &str, component: &str, mechanism: &str) -> Row {
    Row {
        person: "P".to_owned(),
        birth: day("1970-01-01"),
        client_type: "Unpaid carer".to_owned(),
        event_type: "Service".to_owned(),
        service_type: service_type.to_owned(),
        component: component.to_owned(),
        mechanism: mechanism.to_owned(),
        start: day("2024-06-01"),
        reference: Some((date(2024, 4, 1), date(2025, 3, 31))),
        ..Row::default()
    }
}

fn of_rows(rows: Vec<Row>) -> Joined {
    Joined { council: "001".to_owned(), window: (date(2024, 4, 1), date(2025, 3, 31)), rows }
}

#[test]
fn a_carer_without_component_is_lost_unless_paid_directly() {
    let direct = "Unpaid carer support: Direct to unpaid carer";
    let lost = of_rows(vec![carer_row(direct, "", "CASSR managed personal budget")]);
    assert!(ask(&lost, "ASCOF-3D-CARERS").iter().all(|figure| figure.value == 0));
    let counted = of_rows(vec![carer_row(direct, "", "Direct payment")]);
    let figures = ask(&counted, "ASCOF-3D-CARERS");
    assert_eq!(value(&figures, "age_band=18 to 64;support=Direct payment", "count"), Some(1));
    assert_eq!(value(&figures, "support=Direct payment", "count"), Some(1));
    assert_eq!(ratio(&ask(&counted, "ASCOF-3D-2B"), ""), (1, 1));
}

#[test]
fn a_client_counts_on_the_last_day_of_a_service_and_not_after_it() {
    let mut row = carer_row("Long term support: Community", "Day support", "Direct payment");
    row.client_type = "Service user".to_owned();
    row.end = day("2025-03-31");
    assert_eq!(value(&ask(&of_rows(vec![row.clone()]), "ASCOF-3D-CLIENTS"), "", "count"), Some(1));
    row.end = day("2025-03-30");
    assert_eq!(value(&ask(&of_rows(vec![row]), "ASCOF-3D-CLIENTS"), "", "count"), Some(0));
}

#[test]
fn values_dates_and_numbers_are_read_as_settled() {
    use super::clean::{date as read, event_type, listed, nhs_number};
    let outcome = |text: &str| listed(text, lists::OUTCOME);
    assert_eq!(outcome("NFA – Support  ended – other reason"), "NFA: Support ended for other reason");
    // A hyphen for a blank, none where the list has one, and a blank more or less are spellings too.
    for text in ["NFA- Other", "NFA-Other", "NFA Other", "nfa:other", " NFA\u{a0}\u{2013} Other "] {
        assert_eq!(outcome(text), "NFA: Other", "{text}");
    }
    for text in ["NFA - 100% NHS-funded care", "NFA - 100 % NHS funded care"] {
        assert_eq!(outcome(text), "NFA: Referral to NHS services or NHS funded social care", "{text}");
    }
    assert_eq!(listed("4 weekly", lists::FREQUENCY), "4-weekly");
    assert_eq!(listed("Short term support: ST Max", lists::SERVICE_TYPE), "Short term support: ST-Max");
    assert_eq!(listed("mixed: white and asian", lists::ETHNICITY), "Mixed or multiple ethnic groups: White and Asian");
    assert_eq!(listed("Mixed: White & Asian", lists::ETHNICITY), lists::INVALID, "an alias has one spelling");
    assert_eq!(outcome("Other"), lists::INVALID);
    assert_eq!(outcome(lists::RELEASE_1_ONLY), lists::INVALID);
    assert_eq!(outcome("progress to end of life care"), lists::RELEASE_1_ONLY);
    assert_eq!(outcome("null"), "");
    assert_eq!(listed("White", lists::ETHNICITY), lists::INVALID);
    assert_eq!(listed("Tenant", lists::ACCOMMODATION), "Tenant: Local authority or other social housing provider");
    assert_eq!(event_type("Referral in"), "Request");
    assert_eq!(event_type("telephone"), "telephone");
    for text in ["1/4/2025", "01-04-2025", "01.04.2025 00:00:00", "2025-04-01", "2025-04-01T00:00:00", "45748"] {
        assert_eq!(read(text), Some(date(2025, 4, 1)), "{text}");
    }
    for text in ["31/12/9999", "31/02/2025", "tomorrow", "01-Jan-25", "1/4/25", "4574", ""] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(nhs_number("999 000-0018"), "9990000018");
    for text in ["9990000019", "9999999999", "999000001", "9.99E+09"] {
        assert_eq!(nhs_number(text), "", "{text}");
    }
}

/// Files of a generated council as the oracle reads them.
fn read_back(council: &generate::Council) -> Vec<File> {
    council
        .files
        .iter()
        .map(|file| {
            let name = file.name.trim_end_matches(".csv");
            assert_eq!(read::received(name), Some(file.received));
            read::file(name, &file.bytes, &council.code, file.received).unwrap()
        })
        .collect()
}

/// Two ways to the same figures: from the lives, and from the files by the published method.
#[test]
fn the_oracle_finds_in_the_files_what_the_lives_say() {
    for (people, dirt) in [(1, false), (20, false), (200, false), (20, true), (200, true)] {
        for slot in [0, 77] {
            let settings = generate::Settings { people, dirt, seed: 11, ..generate::Settings::default() };
            let place = generate::Place { code: (101 + slot).to_string(), slot, slots: 153 };
            let council = generate::council(&settings, &place).unwrap();
            let files = read_back(&council);
            let as_of = date(2026, 6, 1);
            let window = joined::quarters_held(&files, as_of).unwrap();
            assert_eq!(window, (date(2024, 7, 1), date(2026, 3, 31)));
            for keys in [Keys::Raw, Keys::Cleaned] {
                let table = joined::join(&council.code, &files, as_of, window, keys);
                for measure in ["ASCOF-2E", "ASCOF-2E-LD", "ASCOF-3D-CLIENTS", "ASCOF-3D-CARERS", "PEOPLE"] {
                    let question = Question {
                        measure: measure.to_owned(),
                        from: council.truth.from,
                        to: council.truth.to,
                        by: Vec::new(),
                    };
                    let found = figures(&table, &question).unwrap();
                    for figure in &found {
                        // Totals over support are not part of the generator's truth.
                        if measure.starts_with("ASCOF-3D") && !figure.group.contains(';') {
                            continue;
                        }
                        let wanted = council.truth.value(measure, &figure.group, &figure.component);
                        assert_eq!(
                            figure.value.unsigned_abs(),
                            wanted,
                            "{people} people, dirt {dirt}, {keys:?}, council {}: {measure} {} {}",
                            council.code,
                            figure.group,
                            figure.component
                        );
                    }
                    let total: i64 = found.iter().map(|figure| figure.value).sum();
                    assert!(total > 0 || people < 200, "{measure} is empty");
                }
            }
        }
    }
}
