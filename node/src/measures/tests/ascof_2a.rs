//! ASCOF 2A: the worked example with its extension, and what each single change does to it.

use super::kit::*;
use crate::history::Histories;

const EXAMPLE: &str = "\
row,person,birth,death,event_type,service_type,component,start,end,outcome
1,P1,1944-01,,Service,Short term support: ST-Max,Reablement,2024-04-01,2024-04-20,NFA: Other
2,P1,1944-01,,Service,Short term support: ST-Max,Reablement,2024-04-27,2024-05-10,NFA: Support ended as planned
3,P1,1944-01,,Service,Short term support: ST-Max,Reablement,2024-05-01,2024-05-10,NFA: Information and advice or signposting
4,P1,1944-01,,Service,Short term support: ST-Max,Reablement,2024-05-18,2024-06-01,Progress to support planning or services
5,P1,1944-01,,Service,Long term support: Community,Home support or domiciliary care,2024-06-08,,
6,P2,1974-01,,Service,Long term support: Community,,2023-06-01,2024-07-02,
7,P2,1974-01,,Service,Short term support: ST-Max,Reablement,2024-09-30,2024-10-20,NFA: Other
8,P3,1994-01,,Service,Long term support: Community,,2023-06-01,2024-07-02,
9,P3,1994-01,,Service,Short term support: ST-Max,Reablement,2024-10-01,2024-10-20,Continuation of support or services
10,P3,1994-01,,Review,,,2024-10-15,2024-10-20,NFA: Referral to other service within the local authority";

const EXTENSION: &str = "
11,P4,1954-01,2025-04-07,Service,Short term support: ST-Max,Reablement,2025-03-01,2025-03-31,NFA: Support ended as planned
12,P5,,,Service,Short term support: ST-Max,Reablement,2024-12-01,2024-12-10,NFA: Other
13,P6,1950-01,,Service,Short term support: ST-Max,Reablement,2025-01-01,2025-01-20,NFA: Other
14,P6,1950-01,,Service,Short term support: Other short term,Short term residential care,2025-01-20,,
15,P6,1950-01,,Service,Short term support: Ongoing low level,Equipment,2025-01-22,,
16,P7,1950-01,,Service,Short term support: ST-Max,Reablement,2025-02-01,2025-02-14,NFA: Other
17,P7,1950-01,,Service,Short term support: Other short term,Short term nursing care,2025-02-14,2025-02-28,";

fn histories(csv: &str) -> Histories {
    one_file(csv, span("2023-04-01", "2025-06-30"), year())
}

/// Numerator and denominator of 18 to 64, of 65 and above, and of the total.
fn summary(csv: &str) -> [(i64, i64); 3] {
    let found = figures(&histories(csv), "ASCOF-2A", year());
    ["age_band=18 to 64", "age_band=65 and above", ""].map(|group| ratio(&found, group))
}

/// Band, sequel, outcome of the cells that are not nought.
fn sequels(csv: &str) -> Vec<String> {
    let found = figures(&histories(csv), "ASCOF-2A-SEQUELS", year());
    let cells = found.iter().filter(|(name, _)| name.matches('=').count() == 3);
    cells.map(|(name, count)| format!("{name} {count}")).collect()
}

#[test]
fn the_worked_example_comes_out_as_published() {
    assert_eq!(summary(EXAMPLE), [(1, 1), (1, 2), (2, 3)]);
    assert_eq!(
        sequels(EXAMPLE),
        [
            "age_band=18 to 64;final_outcome=NFA: Referral to other service within the local authority;sequel=4c/count 1",
            "age_band=65 and above;final_outcome=Long term support: Community;sequel=3/count 1",
            "age_band=65 and above;final_outcome=NFA: Information and advice or signposting;sequel=4a/count 1",
        ]
    );
}

#[test]
fn each_single_change_does_what_the_method_says() {
    for (from, to, expected) in [
        ("2024-05-18", "2024-05-17", [(1, 1), (0, 1), (1, 2)]),
        ("2024-06-08", "2024-06-09", [(1, 1), (1, 1), (2, 2)]),
        ("2024-09-30", "2024-10-01", [(2, 2), (1, 2), (3, 4)]),
        ("2024-10-15,2024-10-20", "2024-10-02,2024-10-06", [(0, 0), (1, 2), (1, 2)]),
        ("2024-10-15,2024-10-20", "2024-10-02,2024-10-07", [(1, 1), (1, 2), (2, 3)]),
        ("NFA: Information and advice or signposting", "NFA: Support declined", [(1, 1), (0, 1), (1, 2)]),
    ] {
        assert_eq!(summary(&changed(EXAMPLE, from, to)), expected, "{from} to {to}");
    }
}

#[test]
fn the_extension_comes_out_as_published() {
    let csv = format!("{EXAMPLE}{EXTENSION}");
    assert_eq!(summary(&csv), [(1, 1), (2, 4), (4, 6)]);
    assert_eq!(summary(&changed(&csv, "2025-04-07", "2025-04-08")), [(1, 1), (3, 5), (5, 7)]);
    let found = sequels(&csv);
    for cell in [
        "age_band=65 and above;final_outcome=NFA: Deceased;sequel=1/count 1",
        "age_band=65 and above;final_outcome=Short term support: Ongoing low level;sequel=3/count 1",
        "age_band=65 and above;final_outcome=Short term support: Residential or Nursing care;sequel=3/count 1",
        "age_band=Unknown;final_outcome=NFA: Other;sequel=4a/count 1",
    ] {
        assert!(found.iter().any(|known| known == cell), "{cell} is not among {found:?}");
    }
    let sides = asked(&histories(&csv), "2A sequels", year(), Some(&["counts_in"]), &[]);
    exactly(
        &sides,
        &[
            ("counts_in=Numerator/count", 4),
            ("counts_in=Denominator only/count", 2),
            ("counts_in=Outside both/count", 1),
            ("/count", 7),
        ],
    );
}

#[test]
fn the_documented_variant_looks_back_for_a_year() {
    let documented = asked(&histories(EXAMPLE), "2A", year(), None, &[("variant", "documented")]);
    assert_eq!(ratio(&documented, "age_band=18 to 64"), (0, 0), "P3's community support ended 91 days before");
    assert_eq!(ratio(&documented, "age_band=65 and above"), (1, 2));
}

/// The only cell of a person with one cluster, 1 to 31 May 2024, and these other rows.
fn one(outcome: &str, others: &[&str]) -> String {
    let header = EXAMPLE.lines().next().unwrap();
    let cluster = format!("1,P,1950-01,,Service,Short term support: ST-Max,Reablement,2024-05-01,2024-05-31,{outcome}");
    let others: Vec<String> =
        others.iter().enumerate().map(|(at, row)| format!("{},P,1950-01,,{row}", at + 2)).collect();
    let found = sequels(&format!("{header}\n{cluster}\n{}", others.join("\n")));
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].replace("age_band=65 and above;final_outcome=", "").replace("/count 1", "")
}

#[test]
fn the_published_traps_are_kept() {
    // Future events that are all excluded: the own outcome is not taken at step 4, but returns in step 6.
    let carers = "Service,Unpaid carer support: Support involving the person cared-for,,2024-06-03,,";
    assert_eq!(one("NFA: Other", &[]), "NFA: Other;sequel=4a");
    assert_eq!(one("NFA: Other", &[carers]), "NFA: Other;sequel=6");
    let equipment = "Service,Short term support: Ongoing low level,Equipment,2024-05-02,2024-05-20,";
    assert_eq!(one("NFA: Other", &[carers, equipment]), "Short term support: Ongoing low level;sequel=5");
    let planned = "Review,,,2024-06-03,2024-06-20,NFA: Support ended as planned";
    assert_eq!(one("NFA: Other", &[planned]), "NFA: Other;sequel=6");
    // A service from before the cluster is no sequel.
    let before = "Service,Short term support: Ongoing low level,Meals,2024-04-30,,";
    assert_eq!(one("NFA: Other", &[before]), "NFA: Other;sequel=4a");
    // A usable hospital admission of a later event beats every end of support.
    let hospital = "Review,,,2024-06-03,2024-06-20,Admitted to hospital";
    assert_eq!(one("NFA: Information and advice or signposting", &[hospital]), "Admitted to hospital;sequel=4b");
    // Equal ranks: the cluster's own before a later event's.
    let same = "Review,,,2024-06-03,2024-06-20,NFA: Other";
    assert_eq!(one("NFA: Other", &[same]), "NFA: Other;sequel=4a");
    assert_eq!(one("INVALID", &[same]), "NFA: Other;sequel=4b");
    assert_eq!(one("", &[]), "Invalid and not mapped;sequel=6");
    assert_eq!(one("Admitted to hospital", &[same]), "Admitted to hospital;sequel=2");
}

#[test]
fn an_open_service_absorbs_everything_after_it() {
    let csv = changed(EXAMPLE, "2024-04-01,2024-04-20", "2024-04-01,");
    assert_eq!(summary(&csv)[1], (0, 0), "P1's cluster has no end in the period");
}
