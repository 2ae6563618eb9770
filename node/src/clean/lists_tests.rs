#![allow(clippy::unwrap_used)]
use super::*;

fn find(list: List, text: &str) -> (&'static str, Verdict) {
    let found = list.find(text, &Aliases::default());
    (list.label(found.code), found.verdict)
}

#[test]
fn every_list_file_holds_exactly_the_agreed_values_in_order() {
    for list in List::ALL {
        let entries = entries(*list);
        let values: Vec<_> = entries.iter().filter(|e| e.release != "1").map(|e| list.label(e.code)).collect();
        assert_eq!(values, list.labels(), "{}", list.name());
        for entry in &entries {
            match entry.release.as_str() {
                "2" => assert_eq!(entry.text, list.label(entry.code)),
                "1" => assert!(!entry.text.is_empty()),
                "made" => assert!(entry.text.is_empty(), "{} cannot be submitted", list.label(entry.code)),
                other => panic!("release {other} in {}", list.name()),
            }
        }
    }
}

#[test]
fn no_text_means_two_values() {
    for list in List::ALL {
        let mut seen: HashMap<String, Code> = HashMap::new();
        for entry in entries(*list).into_iter().filter(|e| !e.text.is_empty()) {
            if let Some(before) = seen.insert(fold(&entry.text), entry.code) {
                // The one pair that differs by capitals or punctuation alone must mean the same.
                assert_eq!(before, entry.code, "{}: {}", list.name(), entry.text);
            }
        }
    }
}

#[test]
fn groups_agree_with_the_code_lists() {
    for entry in entries(List::Ethnicity) {
        let Coded::Value(value) = decode::<Ethnicity>(entry.code) else { panic!() };
        assert_eq!(entry.group, value.group().label());
    }
    for entry in entries(List::Accommodation) {
        let Coded::Value(value) = decode::<Accommodation>(entry.code) else { panic!() };
        assert_eq!(entry.group == "Settled", value.is_settled(), "{}", value.label());
    }
}

#[test]
fn codes_come_back_as_the_cells_they_were() {
    for value in Outcome::ALL {
        assert_eq!(decode::<Outcome>(encode(Coded::Value(*value))), Coded::Value(*value));
    }
    assert_eq!(decode::<Gender>(0), Coded::Blank);
    assert_eq!(decode::<Gender>(1), Coded::Invalid);
    assert_eq!(decode::<Gender>(200), Coded::Invalid);
}

#[test]
fn each_step_of_matching_is_told_apart() {
    assert_eq!(
        find(List::ServiceType, "Long term support: Community"),
        ("Long term support: Community", Verdict::Valid)
    );
    assert_eq!(
        find(List::ServiceType, " Long Term\u{a0}Support: Community "),
        ("Long term support: Community", Verdict::Case)
    );
    assert_eq!(find(List::ClientType, "Carer"), ("Unpaid carer", Verdict::Release1));
    assert_eq!(find(List::ClientType, "carer"), ("Unpaid carer", Verdict::Release1));
    assert_eq!(find(List::Outcome, "NFA- Other"), ("NFA: Other", Verdict::Release1));
    assert_eq!(find(List::Outcome, "NFA - other"), ("NFA: Other", Verdict::Variant));
    assert_eq!(
        find(List::Outcome, "NFA \u{2013} 100% NHS-funded care"),
        ("NFA: Referral to NHS services or NHS funded social care", Verdict::Variant)
    );
    assert_eq!(
        find(List::Outcome, "NFA - Support ended \u{2013} other reason"),
        ("NFA: Support ended for other reason", Verdict::Variant)
    );
    assert_eq!(
        find(List::Ethnicity, "mixed: White and  Asian"),
        ("Mixed or multiple ethnic groups: White and Asian", Verdict::Alias)
    );
}

#[test]
fn what_release_2_withdrew_is_told_from_what_never_was() {
    let gone = "Release 1 specification only: Not mapped";
    assert_eq!(find(List::Outcome, "Progress to End of Life Care"), (gone, Verdict::Release1Only));
    assert_eq!(find(List::Outcome, "Progress to financial assessment "), (gone, Verdict::Release1Only));
    assert_eq!(find(List::AssessmentType, "Financial Assessment"), (INVALID, Verdict::Release1Only));
    assert_eq!(find(List::Mechanism, "Self-Funder Metering Only"), (INVALID, Verdict::Release1Only));
    for (list, text) in [
        (List::Outcome, "Other"),
        (List::Outcome, gone),
        (List::Accommodation, "Unknown: Presumed at home"),
        (List::Ethnicity, "White"),
        (List::Ethnicity, "White and Asian"),
        (List::Mechanism, "Community: Direct Payment"),
        (List::Gender, "M"),
        (List::Gender, "F"),
        (List::Funding, "Joint Health and Social Care Funded"),
        (List::Funding, "Fully Health Funded"),
        (List::Funding, "Self-funder - Metering Only"),
        (List::Accommodation, "x"),
    ] {
        assert_eq!(find(list, text), (INVALID, Verdict::NotListed), "{text}");
    }
    assert_eq!(find(List::Funding, "18(3) (full cost client)").0, "Fully client funded");
    assert_eq!(find(List::Funding, "Unknown - System Level").0, "Unknown");
    assert_eq!(find(List::Accommodation, "Tenant").0, "Tenant: Local authority or other social housing provider");
}

#[test]
fn event_types_are_told_by_what_they_contain() {
    assert_eq!(find(List::EventType, "Service"), ("Service", Verdict::Valid));
    assert_eq!(find(List::EventType, "SERVICE"), ("Service", Verdict::Case));
    assert_eq!(find(List::EventType, "Referral (new)"), ("Request", Verdict::Variant));
    assert_eq!(find(List::EventType, "Referral"), ("Request", Verdict::Variant), "not only its capitals are wrong");
    assert_eq!(find(List::EventType, "Annual review"), ("Review", Verdict::Variant));
    assert_eq!(find(List::EventType, "Service review"), ("Service", Verdict::Variant));
    assert_eq!(find(List::EventType, "Case note"), (INVALID, Verdict::NotListed));
}

#[test]
fn a_council_adds_its_own_spellings_and_mistakes_are_named() {
    let own = "field,value,release 2 value\ngender,M,Male\ngender,F,Female\n";
    let aliases = Aliases::load(own.as_bytes()).unwrap();
    let found = List::Gender.find(" m ", &aliases);
    assert_eq!((List::Gender.label(found.code), found.verdict), ("Male", Verdict::Alias));
    assert_eq!(List::Ethnicity.find("Mixed: White and Asian", &aliases).verdict, Verdict::Alias);
    assert_ne!(aliases.digest(), Aliases::default().digest());

    let refused = |text: &str| Aliases::load(text.as_bytes()).unwrap_err().to_string();
    assert!(refused("a,b\n").contains("must begin"));
    assert!(refused("field,value,release 2 value\nsex,M,Male\n").contains("line 2"));
    assert!(refused("field,value,release 2 value\ngender,M,Man\n").contains("`Man`"));
    let twice = "field,value,release 2 value\ngender,X,Male\ngender,x,Female\n";
    assert!(refused(twice).contains("second meaning"));
}
