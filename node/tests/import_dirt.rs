//! Every kind of dirt that files are known to carry (D1 to D36 of the file specification's catalogue, where it touches
//! import): what is stored, and what is told.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Cells, Col, csv, day, headers, nhs, one, options, place, rows, take};
use folkmoot_node::row::EventKind;
use folkmoot_proto::codelist::{
    AssessmentType, ClientType, Coded, Ethnicity, EventType, Funding, Mechanism, Outcome, ServiceType,
};

fn has(heard: &[String], line: &str) -> bool {
    heard.iter().any(|held| held == line)
}

#[test]
fn d1_release_1_values_become_release_2_values_and_are_told() {
    let cells = Cells::service()
        .with(Col::ClientType, "Carer")
        .with(Col::EventOutcome, "Provision of service")
        .with(Col::Ethnicity, "White - Irish");
    let (rows, heard) = one(cells);
    assert!(rows[0].client == Coded::Value(ClientType::UnpaidCarer));
    assert!(rows[0].outcome == Coded::Value(Outcome::Continuation));
    assert!(rows[0].ethnicity == Coded::Value(Ethnicity::WhiteIrish));
    assert!(has(&heard, "3 client_type list-release-1 Carer"), "{heard:?}");
    assert!(has(&heard, "3 ethnicity list-release-1 White - Irish"));
}

#[test]
fn d1_release_1_values_without_a_successor_are_not_mapped() {
    let (rows, heard) = one(Cells::service().with(Col::EventOutcome, "Progress to End of Life Care"));
    assert!(rows[0].outcome == Coded::Value(Outcome::ReleaseOneOnly));
    assert!(has(&heard, "3 event_outcome list-release-1-gone Progress to End of Life Care"));
    let cells = Cells::service().with(Col::EventType, "Assessment").with(Col::AssessmentType, "Financial Assessment");
    let (rows, heard) = one(cells);
    assert!(rows[0].assessment == Coded::<AssessmentType>::Invalid);
    assert!(has(&heard, "3 assessment_type list-release-1-gone Financial Assessment"));
    assert!(
        !heard.iter().any(|line| line.contains("method_of_assessment mandatory")),
        "financial assessments have no method"
    );
}

#[test]
fn d2_d3_d6_free_text_group_names_and_bare_other_are_invalid_never_blank() {
    for (column, text) in [
        (Col::Ethnicity, "White"),
        (Col::EventOutcome, "Other"),
        (Col::Gender, "F"),
        (Col::Mechanism, "Community: Direct Payment"),
        (Col::Accommodation, "lives with mum"),
        (Col::Funding, "Fully Health Funded (not to be used)"),
    ] {
        let (rows, heard) = one(Cells::service().with(column, text));
        assert!(has(&heard, &format!("3 {} list-invalid {text}", column.field())), "{heard:?}");
        let row = &rows[0];
        let invalid = match column {
            Col::Ethnicity => row.ethnicity == Coded::Invalid,
            Col::EventOutcome => row.outcome == Coded::Invalid,
            Col::Gender => row.gender == Coded::Invalid,
            Col::Mechanism => row.mechanism == Coded::<Mechanism>::Invalid,
            Col::Accommodation => row.accommodation == Coded::Invalid,
            _ => row.funding == Coded::<Funding>::Invalid,
        };
        assert!(invalid, "{text}");
    }
}

#[test]
fn d4_the_published_alias_is_built_in() {
    let (rows, heard) = one(Cells::service().with(Col::Ethnicity, "Mixed: White and Asian"));
    assert!(rows[0].ethnicity == Coded::Value(Ethnicity::MixedAsian));
    assert!(has(&heard, "3 ethnicity list-alias Mixed: White and Asian"));
}

#[test]
fn d5_d7_variants_of_dash_space_case_and_punctuation_are_understood() {
    for (text, rule) in [
        ("NFA- Other", "list-release-1"),
        ("NFA - Other", "list-variant"),
        ("nfa: other", "list-case"),
        (" NFA:\u{a0}Other ", ""),
        ("NFA \u{2013} Other", "list-variant"),
    ] {
        let (rows, heard) = one(Cells::service().with(Col::EventOutcome, text).with(Col::EventEnd, "01/02/2025"));
        assert!(rows[0].outcome == Coded::Value(Outcome::NfaOther), "{text}");
        let told: Vec<_> = heard.iter().filter(|line| line.contains("event_outcome list")).collect();
        if rule.is_empty() {
            assert!(told.is_empty(), "{told:?}");
        } else {
            assert_eq!(told, [&format!("3 event_outcome {rule} {text}")]);
        }
    }
    let (rows, _) = one(Cells::service().with(Col::EventOutcome, "NFA - 100% NHS-funded care"));
    assert!(rows[0].outcome == Coded::Value(Outcome::NfaNhs));
    let (rows, heard) = one(Cells::service().with(Col::ServiceType, "LONG TERM SUPPORT: COMMUNITY"));
    assert!(rows[0].service == Coded::Value(ServiceType::Community));
    assert!(has(&heard, "3 service_type list-case LONG TERM SUPPORT: COMMUNITY"));
}

#[test]
fn d8_the_text_null_is_nothing() {
    let cells = Cells::service().with(Col::EventEnd, "NULL").with(Col::Gender, " null ").with(Col::UnitCost, "Null");
    let (rows, heard) = one(cells);
    assert!(rows[0].end.is_none() && rows[0].gender == Coded::Blank && rows[0].unit_cost.is_none());
    assert!(has(&heard, "3 event_end_date null-text -") && has(&heard, "3 gender mandatory  null "), "{heard:?}");
}

#[test]
fn d9_event_types_are_told_by_what_they_contain() {
    for (text, kind) in [
        ("service", EventKind::Known(EventType::Service)),
        ("Referral - new", EventKind::Known(EventType::Request)),
        ("Assessments", EventKind::Known(EventType::Assessment)),
        ("Case note", EventKind::Other),
        ("", EventKind::Blank),
    ] {
        let (rows, _) = one(Cells::service().with(Col::EventType, text));
        assert!(rows[0].event == kind, "{text}");
    }
    let (_, heard) = one(Cells::service().with(Col::EventType, "Case note"));
    assert!(has(&heard, "3 event_type list-invalid Case note"));
}

#[test]
fn d10_d11_ids_that_are_missing_or_bad_fall_back_or_leave_nobody() {
    for (text, rule) in [
        ("9990000019", "nhs-check"),
        ("9999999999", "nhs-repeated"),
        ("0000000000", "nhs-repeated"),
        ("999000001", "nhs-nine"),
        ("9.99E+09", "nhs-scientific"),
        ("to follow", "nhs-form"),
    ] {
        let (rows, heard) = one(Cells::service().with(Col::NhsNumber, text));
        assert!(!rows[0].person_is_nhs && rows[0].person == rows[0].la_person && rows[0].person.is_some(), "{text}");
        assert!(has(&heard, &format!("3 nhs_number {rule} -")), "{heard:?}");
    }
    let (rows, heard) = one(Cells::service().with(Col::NhsNumber, "999 000-0018"));
    assert!(rows[0].person_is_nhs && heard.is_empty(), "{heard:?}");
    let (rows, heard) = one(Cells::service().with(Col::NhsNumber, "9990000019").with(Col::PersonId, ""));
    assert!(rows[0].person.is_none() && has(&heard, "3 la_person_unique_identifier X10 -"), "{heard:?}");
}

#[test]
fn d12_d14_d15_conflicts_between_rows_of_one_person_are_told() {
    let place = place();
    let file = csv(&[
        Cells::service(),
        Cells::service().with(Col::PersonId, "P101"),
        Cells::service().with(Col::NhsNumber, "9990000026"),
        Cells::service().with(Col::Gender, "Male").with(Col::Birth, "05/06/1951").with(Col::Ethnicity, ""),
    ]);
    let (summary, heard) = take(&place, "a.csv", &file, &options()).unwrap();
    assert!(has(&heard, "3 la_person_unique_identifier X11 -") && has(&heard, "4 nhs_number X11 -"), "{heard:?}");
    assert!(has(&heard, "5 gender X14 Male") && has(&heard, "5 date_of_birth X14 -"));
    assert!(!has(&heard, "5 ethnicity X14 -"), "nothing is not another value");
    assert_eq!(summary.facts.accepted(), 4);
}

#[test]
fn d13_d28_duplicates_and_split_packages_are_all_kept() {
    let place = place();
    let twice = [Cells::service(), Cells::service(), Cells::service().with(Col::UnitCost, "99.00")];
    let (summary, _) = take(&place, "a.csv", &csv(&twice), &options()).unwrap();
    let held = rows(&place, summary.submission);
    assert_eq!(held.len(), 3);
    assert_eq!(held.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn d16_impossible_births_are_kept_and_told() {
    let (rows, heard) = one(Cells::service().with(Col::Birth, "01/01/1900"));
    assert_eq!(rows[0].birth.unwrap().first_day(), day("1900-01-01"));
    assert!(has(&heard, "3 date_of_birth date-1900 -") && has(&heard, "3 date_of_birth X7 -"), "{heard:?}");
    let (_, heard) = one(Cells::service().with(Col::Birth, "01/06/2024"));
    assert!(has(&heard, "3 date_of_birth X7 -"));
    let (_, heard) = one(Cells::service().with(Col::Birth, "01/01/0195"));
    assert!(has(&heard, "3 date_of_birth date-old -"), "{heard:?}");
    let (rows, heard) = one(Cells::service().with(Col::Birth, ""));
    assert!(rows[0].birth.is_none() && has(&heard, "3 date_of_birth mandatory -"));
}

#[test]
fn d17_to_d21_dates_that_cannot_be_right_are_told_and_left_to_the_method() {
    for (cells, line) in [
        (Cells::service().with(Col::EventEnd, "01/04/2024"), "3 event_end_date X1 -"),
        (Cells::service().with(Col::Death, "01/06/2024").with(Col::EventEnd, ""), "3 event_end_date X6 -"),
        (Cells::service().with(Col::Death, "01/04/2024"), "3 date_of_death X5 -"),
        (Cells::service().with(Col::EventStart, ""), "3 event_start_date mandatory -"),
        (Cells::service().with(Col::EventStart, "01/04/2025").with(Col::EventEnd, ""), "3 event_start_date X3 -"),
        (Cells::service().with(Col::EventEnd, "01/05/2025"), "3 event_end_date X4 -"),
        (Cells::service().with(Col::EventEnd, ""), "3 event_outcome X13 NFA: Support ended as planned"),
    ] {
        let (rows, heard) = one(cells);
        assert_eq!(rows.len(), 1, "{line}");
        assert!(has(&heard, line), "{line}: {heard:?}");
    }
    let request = Cells::service().with(Col::EventType, "Request").with(Col::EventEnd, "");
    let (_, heard) = one(request);
    assert!(
        has(&heard, "3 event_end_date X2 -") && has(&heard, "3 service_type X8 Long term support: Community"),
        "{heard:?}"
    );
}

#[test]
fn d23_stated_periods_are_only_compared() {
    let place = place();
    let file = csv(&[Cells::service(), Cells::service().with(Col::PeriodStart, "01/01/2024")]);
    let (summary, heard) = take(&place, "a.csv", &file, &options()).unwrap();
    assert_eq!(summary.facts.stated_periods, 2);
    assert_eq!(summary.facts.stated().unwrap().to_string(), "2024-01-01 to 2025-03-31");
    assert!(has(&heard, "1 row X12 -"));
}

#[test]
fn d26_d27_costs_are_read_as_people_write_them_and_told() {
    for (text, pence, rule) in [
        ("-12.50", Some(-1250), "number-negative"),
        ("\u{a3}12.50", Some(1250), "number-form"),
        ("1,200.00", Some(120_000), "number-form"),
        ("12.5", Some(1250), "number-form"),
        ("N/A", None, "number-invalid"),
    ] {
        let (rows, heard) = one(Cells::service().with(Col::UnitCost, text));
        assert_eq!(rows[0].unit_cost, pence, "{text}");
        assert!(has(&heard, &format!("3 unit_cost {rule} -")), "{heard:?}");
    }
}

#[test]
fn d33_d34_carers_known_by_association_and_dangling_links_survive() {
    let mut cells =
        Cells::service().with(Col::ClientType, "Unpaid carer known by association").with(Col::Linked1, "NOBODY");
    for column in [
        Col::EventType,
        Col::EventStart,
        Col::EventEnd,
        Col::EventOutcome,
        Col::ServiceType,
        Col::ServiceComponent,
        Col::Mechanism,
        Col::UnitCost,
        Col::CostFrequency,
        Col::PlannedUnits,
        Col::Funding,
    ] {
        cells = cells.with(column, "");
    }
    let (rows, heard) = one(cells.clone());
    assert!(rows[0].event == EventKind::Blank && rows[0].linked[0].is_some());
    assert!(heard.iter().all(|line| line.contains("X14")), "{heard:?}");
    let (_, heard) = one(cells.with(Col::Linked1, ""));
    assert!(has(&heard, "3 adult_1_linked_person_id X9 -"), "{heard:?}");
}

#[test]
fn d35_windows_1252_spreadsheet_dates_and_trailing_columns_are_read() {
    let place = place();
    let mut text = format!("{},,\r\n", headers().join(","));
    let cells = Cells::service()
        .with(Col::LastName, "Zo\u{eb}")
        .with(Col::EventOutcome, "NFA \u{2013} Support ended \u{2013} other reason")
        .with(Col::Birth, "1950-06-05 00:00:00")
        .with(Col::EventStart, "45413")
        .with(Col::EventEnd, "31/12/9999")
        .with(Col::UnitCost, "\u{a3}9.00");
    let line = |cells: &Cells, tail: &str| {
        format!("{}{tail}\r\n", cells.0.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(","))
    };
    text.push_str(&line(&cells, ",,"));
    text.push_str(&",".repeat(51));
    text.push_str("\r\n");
    text.push_str(&line(&Cells::service(), ""));
    text.push_str(&line(&Cells::service(), ",x,"));
    let bytes = encoding_rs::WINDOWS_1252.encode(&text).0.into_owned();
    let (summary, heard) = take(&place, "a.csv", &bytes, &options()).unwrap();
    assert_eq!(summary.facts.encoding, "Windows-1252");
    assert_eq!((summary.facts.accepted(), summary.facts.blank, summary.facts.rejected), (2, 1, 1));
    assert!(has(&heard, "5 row row-shifted -"), "{heard:?}");
    let held = rows(&place, summary.submission);
    assert!(held[0].outcome == Coded::Value(Outcome::NfaEndedOther));
    assert_eq!((held[0].start, held[0].end), (Some(day("2024-05-01")), None));
    assert_eq!(held[0].birth.unwrap().first_day(), day("1950-06-01"));
    assert_eq!(held[0].unit_cost, Some(900));
    assert!(has(&heard, "2 event_start_date date-form -") && has(&heard, "2 event_end_date date-far -"));
    let export = place.records.export_person(&nhs(9_990_000_018)).unwrap();
    assert!(export[0].cells.contains(&(Col::LastName, "Zo\u{eb}".to_owned())), "raw text is kept beside the cleaned");
    assert!(export[0].cells.contains(&(Col::EventStart, "45413".to_owned())));

    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend_from_slice(&csv(&[Cells::service()]));
    let (summary, _) = take(&place, "b.csv", &marked, &options()).unwrap();
    assert_eq!((summary.facts.clean, summary.facts.encoding.as_str()), (1, "UTF-8"));
}

#[test]
fn d36_commas_without_quotes_reject_the_row_and_no_other() {
    let place = place();
    let mut bytes = csv(&[Cells::service()]);
    let broken = Cells::service().with(Col::Ethnicity, "White: English, Welsh, Scottish, Northern Irish or British");
    bytes.extend_from_slice(broken.0.join(",").as_bytes());
    bytes.extend_from_slice(b"\n");
    let (summary, heard) = take(&place, "a.csv", &bytes, &options()).unwrap();
    assert_eq!((summary.facts.accepted(), summary.facts.rejected), (1, 1));
    assert!(has(&heard, "3 row row-long -"));
}

#[test]
fn codes_and_shapes_of_other_identifiers_are_checked_loosely() {
    for (column, text, rule) in [
        (Col::Postcode, "somewhere", "postcode-form"),
        (Col::PracticeCode, "12345", "practice-form"),
        (Col::ProviderId, "Rose House", "location-form"),
        (Col::LaCode, "Lincolnshire", "council-form"),
        (Col::AdultsCaredFor, "two", "count-form"),
    ] {
        let (rows, heard) = one(Cells::service().with(column, text));
        assert_eq!(rows.len(), 1);
        assert!(heard.iter().any(|line| line.starts_with(&format!("3 {} {rule}", column.field()))), "{heard:?}");
    }
}

#[test]
fn conversations_are_flagged_and_review_methods_stand_for_methods() {
    let review = Cells::service()
        .with(Col::EventType, "Review")
        .with(Col::EventDescription, "first Conversation")
        .with(Col::ReviewMethod, "Service user only")
        .with(Col::AssessmentMethod, "Unpaid carer only");
    let (rows, _) = one(review);
    assert!(rows[0].conversation);
    assert!(rows[0].method == Coded::Value(folkmoot_proto::codelist::Method::ServiceUserOnly));
}
