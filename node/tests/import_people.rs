//! Erasing, restricting and exporting people, and that they stay away.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Cells, Col, Place, csv, day, nhs, options, place, rows, take};
use folkmoot_node::store::PersonId;

/// Anna has a number and an id, and one row with the id alone. Ben is linked to her as her carer.
fn people(place: &Place) -> (i64, i64) {
    let anna = Cells::service().with(Col::FirstName, "Anna").with(Col::EventDescription, "canary");
    let anna_without =
        anna.clone().with(Col::NhsNumber, "").with(Col::Gender, "Fem-ale Anna").with(Col::EventStart, "02/05/2024");
    let ben = Cells::service()
        .with(Col::NhsNumber, "9990000026")
        .with(Col::PersonId, "B2")
        .with(Col::ClientType, "Unpaid carer")
        .with(Col::Linked1, "p100");
    let (first, _) = take(place, "a.csv", &csv(&[anna.clone(), anna_without, ben.clone()]), &options()).unwrap();
    let (second, _) = take(place, "b.csv", &csv(&[ben, anna]), &options()).unwrap();
    (first.submission, second.submission)
}

const ANNA: u64 = 9_990_000_018;

fn council(id: &str) -> PersonId {
    PersonId::Council(id.to_owned())
}

#[test]
fn everything_held_on_a_person_is_found_and_exported_as_it_was() {
    let place = place();
    let (first, second) = people(&place);
    for id in [nhs(ANNA), council("P100"), council("p100")] {
        let person = place.records.find_person(&id).unwrap();
        assert_eq!(person.rows.values().sum::<u64>(), 3);
        assert_eq!((person.rows[&first], person.rows[&second]), (2, 1));
        assert_eq!(person.ids.len(), 2);
        assert!(person.shared.is_empty() && !person.restricted && !person.erased);
    }
    let export = place.records.export_person(&nhs(ANNA)).unwrap();
    let cell = |row: usize, column: Col| {
        export[row].cells.iter().find(|(held, _)| *held == column).map(|(_, text)| text.as_str())
    };
    assert_eq!((export[0].submission, export[0].number), (first, 2));
    let expected = Cells::service().with(Col::FirstName, "Anna").with(Col::EventDescription, "canary");
    for column in Col::ALL {
        let text = &expected.0[column.index()];
        assert_eq!(cell(0, column).unwrap_or_default(), text, "{}", column.header());
    }
    assert_eq!(cell(1, Col::NhsNumber), None);
    assert_eq!(cell(1, Col::Gender), Some("Fem-ale Anna"));
    assert!(
        export[1].findings.iter().any(|(column, rule)| *column == Some(Col::Gender) && rule.id() == "list-invalid")
    );
    assert!(place.records.export_person(&nhs(9_990_000_042)).unwrap().is_empty());
}

#[test]
fn an_erased_person_is_gone_and_stays_away_until_that_is_lifted() {
    let place = place();
    let (first, second) = people(&place);
    let before = place.records.submissions().unwrap();
    let removed = place.records.erase_person(&council("P100"), day("2025-05-01")).unwrap();
    assert_eq!((removed.rows, removed.links, removed.people, removed.submissions), (3, 2, 1, 2));
    assert_eq!((rows(&place, first).len(), rows(&place, second).len()), (1, 1));
    assert!(rows(&place, first)[0].linked == [None; 3], "no link to her is left");
    for id in [nhs(ANNA), council("P100")] {
        let person = place.records.find_person(&id).unwrap();
        assert!(person.rows.is_empty() && person.erased);
        assert!(place.records.export_person(&id).unwrap().is_empty());
    }
    let mut found = Vec::new();
    place.records.findings(first, |finding| found.push(finding.row)).unwrap();
    assert!(!found.contains(&3), "her findings went too: {found:?}");
    let after = place.records.submissions().unwrap();
    assert_eq!(after[0].facts, before[0].facts, "what is known of the file stays");
    assert!(after[0].revision > before[0].revision);

    // A file that was never seen before, with other rows of hers: by number, by id, and as a link.
    let rows_of_hers = [
        Cells::service().with(Col::PersonId, "other").with(Col::EventStart, "01/06/2024"),
        Cells::service().with(Col::NhsNumber, "").with(Col::PersonId, "p100 "),
        Cells::service().with(Col::NhsNumber, "").with(Col::PersonId, "C3").with(Col::Linked2, "P100"),
    ];
    let (third, heard) = take(&place, "c.csv", &csv(&rows_of_hers), &options()).unwrap();
    assert_eq!((third.facts.accepted(), third.facts.rejected), (1, 2));
    assert!(heard.contains(&"2 row person-erased -".to_owned()) && heard.contains(&"3 row person-erased -".to_owned()));
    assert!(rows(&place, third.submission)[0].linked == [None; 3]);
    assert!(!text_of_store(&place).contains("p100"));

    assert!(place.records.lift_erasure(&nhs(ANNA)).unwrap());
    assert!(!place.records.lift_erasure(&nhs(ANNA)).unwrap());
    let (fourth, _) =
        take(&place, "d.csv", &csv(&[rows_of_hers[1].clone(), rows_of_hers[0].clone()]), &options()).unwrap();
    assert_eq!(fourth.facts.accepted(), 2);
}

/// Every text that the store holds, in small letters.
fn text_of_store(place: &Place) -> String {
    let store = place.records.store();
    let read = |sql: &'static str| {
        store
            .read("look at everything", |tx| {
                let mut statement = tx.prepare(sql)?;
                let texts = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
                texts.collect::<Result<Vec<_>, _>>()
            })
            .unwrap()
    };
    let all = [
        read("SELECT entries FROM interned"),
        read("SELECT CAST(text AS BLOB) FROM term"),
        read("SELECT texts FROM block"),
    ];
    let bytes: Vec<u8> = all.concat().concat();
    String::from_utf8_lossy(&bytes).to_lowercase()
}

#[test]
fn nothing_an_erased_person_wrote_is_left_in_the_dictionaries() {
    let place = place();
    people(&place);
    let before = text_of_store(&place);
    assert!(before.contains("fem-ale anna") && before.contains("canary") && before.contains("p100"));
    place.records.erase_person(&nhs(ANNA), day("2025-05-01")).unwrap();
    let after = text_of_store(&place);
    for gone in ["anna", "canary", "p100"] {
        assert!(!after.contains(gone), "{gone} is still there");
    }
    assert!(after.contains("b2"), "others stay");
    let log = place.folder.path().join("records.db-wal");
    assert_eq!(log.metadata().map_or(0, |log| log.len()), 0, "the log still holds what was deleted");
}

#[test]
fn an_id_that_two_people_share_is_never_taken_for_one_of_them() {
    let place = place();
    let file = csv(&[
        Cells::service(),
        Cells::service().with(Col::NhsNumber, "9990000026"),
        Cells::service().with(Col::NhsNumber, ""),
    ]);
    let (summary, _) = take(&place, "a.csv", &file, &options()).unwrap();
    let person = place.records.find_person(&nhs(ANNA)).unwrap();
    assert_eq!(person.rows[&summary.submission], 1);
    assert_eq!(person.shared.len(), 1);
    let refused = place.records.erase_person(&council("P100"), day("2025-05-01")).unwrap_err().to_string();
    assert!(refused.contains("more than one NHS number"), "{refused}");
    place.records.erase_person(&nhs(ANNA), day("2025-05-01")).unwrap();
    assert_eq!(rows(&place, summary.submission).len(), 2);
}

#[test]
fn a_restricted_person_is_kept_but_no_figure_reads_them() {
    let place = place();
    let (first, _) = people(&place);
    assert!(place.records.restrict_person(&nhs(ANNA), day("2025-05-01")).unwrap());
    assert!(!place.records.restrict_person(&nhs(ANNA), day("2025-05-01")).unwrap());
    assert_eq!(rows(&place, first).len(), 1);
    assert_eq!(place.records.export_person(&nhs(ANNA)).unwrap().len(), 3);
    let (third, _) =
        take(&place, "c.csv", &csv(&[Cells::service(), Cells::service().with(Col::Gender, "Male")]), &options())
            .unwrap();
    assert!(rows(&place, third.submission).is_empty(), "also in files that come later");
    assert!(place.records.free_person(&council("p100")).unwrap());
    assert_eq!(rows(&place, first).len(), 3);
}

#[test]
fn opt_outs_are_matched_now_and_later() {
    let place = place();
    let (first, _) = people(&place);
    assert_eq!(place.records.opt_out_list().unwrap(), None);
    let weighed = place.records.weigh_opt_outs([ANNA, 9_990_000_042]).unwrap();
    assert_eq!(place.records.opt_out_list().unwrap(), None, "weighing loads nothing");
    let loaded = place.records.load_opt_outs([ANNA, 9_990_000_042], day("2025-05-01")).unwrap();
    assert_eq!(weighed, loaded);
    assert_eq!(place.records.opt_out_list().unwrap(), Some(day("2025-05-01")));
    let (listed, held) = (loaded.listed, loaded.held);
    assert_eq!((listed, held), (2, 1));
    let marked = place.records.opted_out().unwrap();
    let all = rows(&place, first);
    let out: Vec<_> = all.iter().filter(|row| row.person.is_some_and(|person| marked.contains(&person.0))).collect();
    assert_eq!(out.len(), 1);
    take(
        &place,
        "c.csv",
        &csv(&[Cells::service().with(Col::NhsNumber, "9990000042").with(Col::PersonId, "N")]),
        &options(),
    )
    .unwrap();
    assert_eq!(place.records.opted_out().unwrap().len(), 2);
    assert_eq!(place.records.load_opt_outs([], day("2025-05-02")).unwrap().listed, 0);
    assert!(place.records.opt_out_list().unwrap().is_some(), "an empty list is a list");
    assert!(place.records.opted_out().unwrap().is_empty());
}

#[test]
fn what_was_kept_long_enough_is_purged_and_counted_first() {
    let place = place();
    let old = Cells::service()
        .with(Col::NhsNumber, "")
        .with(Col::PersonId, "OLD")
        .with(Col::EventStart, "01/01/2014")
        .with(Col::EventEnd, "01/02/2015");
    let open = Cells::service()
        .with(Col::NhsNumber, "")
        .with(Col::PersonId, "OPEN")
        .with(Col::EventStart, "01/01/2014")
        .with(Col::EventEnd, "");
    let (summary, _) = take(&place, "a.csv", &csv(&[old, open, Cells::service()]), &options()).unwrap();
    let would = place.records.purge(day("2017-04-15"), true).unwrap();
    assert_eq!((would.people, would.rows), (1, 1));
    assert_eq!(rows(&place, summary.submission).len(), 3);
    assert_eq!(place.records.purge(day("2017-04-15"), false).unwrap(), would);
    assert_eq!(rows(&place, summary.submission).len(), 2);
    assert_eq!(place.records.purge(day("2017-04-15"), false).unwrap().rows, 0);
}
