//! LTS001b's table 3, LTS001c, LTS003 and LTS004 a second time, plainly.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::INVALID;

use super::kit::Figures;
use super::plain::{Plain, PlainPerson, SETTINGS, add, age, compare, held_alive, left, long_term, number, setting};

#[test]
fn tables_3_equal_a_plain_second_implementation() {
    compare("LTS001B-ETHNICITY", &["gender", "ethnicity", "setting"], None, |person, _, last, figures| {
        for (table, genders) in
            [("Male", &["Male"][..]), ("Female", &["Female"]), ("Other or unknown", &["Other", "Unknown"])]
        {
            let rows = held_alive(person, last)
                .filter(|row| genders.contains(&row.gender))
                .map(|row| (setting(row.service, row.mechanism), row.ethnicity, row.start));
            const UNDECLARED: &str = "No data: Undeclared or not known";
            if let Some((setting, values)) = left(rows.collect(), &["", UNDECLARED]) {
                let shown = |value: &&'static str| if ["", INVALID].contains(value) { "Invalid/NULL" } else { *value };
                let mut values: Vec<_> = values.iter().map(shown).collect();
                values.sort_unstable();
                values.dedup();
                let background = if values.len() > 1 { UNDECLARED } else { values[0] };
                add(figures, format!("ethnicity={background};gender={table};setting={setting}/count"));
            }
        }
    });
}

/// The rows of unbroken support that began before `limit`, by a number for each chain.
fn long_standing(person: &PlainPerson, last: i32, limit: i32, running: bool) -> Vec<&Plain> {
    let mut rows: Vec<&Plain> = person
        .rows
        .iter()
        .filter(|row| row.client == "Service user" && long_term(row) && row.start <= last)
        .filter(|row| person.death.is_none_or(|death| death >= last) && row.birth.is_some())
        .collect();
    rows.sort_by_key(|row| (row.start, row.end));
    let mut chains: Vec<usize> = Vec::new();
    for place in 0..rows.len() {
        let continues = place > 0 && {
            let from =
                if running { chains.iter().position(|chain| *chain == chains[place - 1]).unwrap() } else { place - 1 };
            rows[from..place].iter().map(|row| row.end).max().unwrap() >= rows[place].start - 1
        };
        let chain = if place == 0 { 0 } else { chains[place - 1] + usize::from(!continues) };
        chains.push(chain);
    }
    let began = |chain: usize| {
        let own = rows.iter().zip(&chains).filter(|(_, other)| **other == chain);
        own.map(|(row, _)| row.start).min().unwrap()
    };
    rows.iter()
        .zip(&chains)
        .filter(|(row, chain)| began(**chain) < limit && row.end >= last)
        .map(|(row, _)| *row)
        .collect()
}

fn lts001c(person: &PlainPerson, last: i32, limit: i32, running: bool, figures: &mut Figures) {
    for band in ["18 to 64", "65 and above"] {
        let rows = long_standing(person, last, limit, running)
            .into_iter()
            .filter(|row| match age(row.birth.unwrap(), last) {
                ..18 => false,
                18..65 => band == "18 to 64",
                _ => band == "65 and above",
            })
            .map(|row| (setting(row.service, row.mechanism), row.reason, row.start));
        if let Some((setting, values)) = left(rows.collect(), &["", "Unknown"]) {
            let reason = match values[..] {
                [""] => "NULL",
                [only] => only,
                _ => "Unknown",
            };
            add(figures, format!("age_band={band};primary_support_reason={reason};setting={setting}/count"));
        }
    }
}

#[test]
fn lts001c_equals_a_plain_second_implementation() {
    // Both questions' last days are in a year whose predecessor has the same number of days before them or one less.
    fn year_before(last: i32) -> i32 {
        [("2025-03-31", "2024-03-31"), ("2024-06-30", "2023-06-30")]
            .into_iter()
            .find(|(day, _)| number(day) == last)
            .map(|(_, before)| number(before))
            .unwrap()
    }
    let by = ["age_band", "primary_support_reason", "setting"];
    compare("LTS001C", &by, None, |person, _, last, figures| {
        lts001c(person, last, year_before(last), false, figures);
    });
    compare("LTS001C", &by, Some("documented"), |person, _, last, figures| {
        lts001c(person, last, year_before(last) + 1, true, figures);
    });
    assert_eq!(SETTINGS.len(), 9);
}

#[test]
fn lts003_equals_a_plain_second_implementation() {
    const ADVICE: &str = "NFA: Information and advice or signposting";
    const CATEGORIES: [&str; 6] = [
        "Direct payment only",
        "CASSR managed personal budget",
        "CASSR commissioned support only",
        "Support direct to carer: unknown delivery mechanism",
        "Information, advice and other universal services or signposting",
        "No direct support provided to carer",
    ];
    fn category(row: &Plain) -> Option<usize> {
        let examined = row.kind == "Assessment" || row.kind == "Review";
        if row.service.ends_with("Direct to unpaid carer") {
            let listed = ["Direct payment", "CASSR managed personal budget", "CASSR commissioned support"];
            return Some(listed.iter().position(|known| *known == row.mechanism).unwrap_or(3));
        }
        if row.service.ends_with("involving the person cared-for") {
            return Some(5);
        }
        if !row.service.is_empty() {
            return None;
        }
        if examined && row.outcome != ADVICE {
            return Some(5);
        }
        (row.outcome == ADVICE && (examined || row.kind == "Request")).then_some(4)
    }
    compare("LTS003", &["support", "age_group"], None, |person, first, last, figures| {
        let rows: Vec<&Plain> = person
            .rows
            .iter()
            .filter(|row| row.client.starts_with("Unpaid carer") && row.kind != "something else")
            .filter(|row| row.start <= last && row.end >= first && person.death.is_none_or(|death| death >= first))
            .collect();
        let Some(best) = rows.iter().filter_map(|row| category(row)).min() else { return };
        let ages = rows.iter().filter(|row| category(row) == Some(best)).filter_map(|row| row.birth);
        let group = match ages.map(|birth| age(birth, last)).min() {
            None => "Unknown",
            Some(age) if age < 18 => "Under 18",
            Some(age) if age <= 25 => "18 to 25",
            Some(age) if age <= 64 => "26 to 64",
            Some(age) if age <= 84 => "65 to 84",
            Some(_) => "85 and above",
        };
        add(figures, format!("age_group={group};support={}/count", CATEGORIES[best]));
    });
}

#[test]
fn lts004_equals_a_plain_second_implementation() {
    fn statuses(
        person: &PlainPerson,
        first: i32,
        last: i32,
        prison: bool,
        status: fn(&Plain) -> &'static str,
    ) -> Vec<(&'static str, &'static str)> {
        let rows: Vec<&Plain> = person
            .rows
            .iter()
            .filter(|row| row.kind == "Service" && row.client == "Service user" && long_term(row))
            .filter(|row| row.reason == "Learning disability support" && (prison || !row.service.ends_with("Prison")))
            .filter(|row| row.start <= last && row.end >= first && person.death.is_none_or(|death| death >= first))
            .filter(|row| row.birth.is_some_and(|birth| (18..=64).contains(&age(birth, last))))
            .collect();
        let gender = |row: &Plain| if ["", INVALID].contains(&row.gender) { "Invalid/NULL" } else { row.gender };
        let mut listed: Vec<&Plain> =
            rows.iter().copied().filter(|row| !["", INVALID].contains(&status(row))).collect();
        let mut found: Vec<(&str, &str)> = Vec::new();
        if listed.is_empty() {
            let latest = rows.iter().map(|row| row.start).max();
            found.extend(rows.iter().filter(|row| Some(row.start) == latest).map(|row| (gender(row), "Invalid/NULL")));
        } else {
            let latest = listed.iter().map(|row| row.start).max().unwrap();
            listed.retain(|row| row.start == latest);
            if listed.iter().any(|row| status(row) != "Unknown") {
                listed.retain(|row| status(row) != "Unknown");
            }
            let mut by_gender: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for row in listed {
                by_gender.entry(row.gender).or_default().push(status(row));
            }
            for (gender, mut values) in by_gender {
                values.sort_unstable();
                values.dedup();
                // Nothing equals null, so a blank gender keeps them all; an invalid one is not null.
                if values.len() > 1 && !gender.is_empty() {
                    values = vec!["Unknown"];
                }
                let shown = if ["", INVALID].contains(&gender) { "Invalid/NULL" } else { gender };
                found.extend(values.into_iter().map(|value| (shown, value)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
    compare("LTS004-EMPLOYMENT", &["gender", "employment"], None, |person, first, last, figures| {
        for (gender, status) in statuses(person, first, last, true, |row| row.employment) {
            add(figures, format!("employment={status};gender={gender}/count"));
        }
    });
    compare("LTS004-EMPLOYMENT", &["gender", "employment"], Some("documented"), |person, first, last, figures| {
        for (gender, status) in statuses(person, first, last, false, |row| row.employment) {
            add(figures, format!("employment={status};gender={gender}/count"));
        }
    });
    compare("LTS004-ACCOMMODATION", &["gender", "accommodation"], None, |person, first, last, figures| {
        for (gender, status) in statuses(person, first, last, true, |row| row.home) {
            add(figures, format!("accommodation={status};gender={gender}/count"));
        }
    });
    // The second dimension of each: what the status comes to.
    compare("LTS004-EMPLOYMENT", &["gender", "paid"], None, |person, first, last, figures| {
        for (gender, status) in statuses(person, first, last, true, |row| row.employment) {
            let paid = match status {
                "Invalid/NULL" => status,
                _ if status.starts_with("Paid") => "Paid",
                _ => "Not paid or unknown",
            };
            add(figures, format!("gender={gender};paid={paid}/count"));
        }
    });
    compare("LTS004-ACCOMMODATION", &["settled", "gender"], None, |person, first, last, figures| {
        for (gender, status) in statuses(person, first, last, true, |row| row.home) {
            let settled = match status {
                "Invalid/NULL" => status,
                "Owner occupier or shared ownership scheme" => "Settled",
                _ => "Unsettled or unknown",
            };
            add(figures, format!("gender={gender};settled={settled}/count"));
        }
    });
    compare(
        "LTS004-ACCOMMODATION",
        &["gender", "accommodation"],
        Some("documented"),
        |person, first, last, figures| {
            for (gender, status) in statuses(person, first, last, false, |row| row.home) {
                add(figures, format!("accommodation={status};gender={gender}/count"));
            }
        },
    );
}
