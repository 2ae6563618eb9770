use super::*;
use crate::testing;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::wire::v1 as wire;

pub(crate) fn analyst(text: &str) -> Identity {
    Identity::parse(&format!("folkmoot://england/{text}")).unwrap()
}

pub(crate) fn question(query: &Query) -> Question {
    let asked_by = analyst("analyst/national/a");
    Question::new(query.clone(), QueryId::from_bytes([1; 16]), asked_by, "test", "6(1)(e)", 1).unwrap()
}

pub(crate) fn plan(query: &Query, councils: &[&str], level: wire::Level) -> Plan {
    let request = wire::PlanRequest {
        query: Some(query.into()),
        level: level.into(),
        councils: councils.iter().map(|&code| code.to_owned()).collect(),
        ..Default::default()
    };
    Plan::check(request, &analyst("analyst/national/a"), testing::as_of()).unwrap()
}

fn place(number: u64) -> Place {
    Place { id: ReleaseId::from_bytes([5; 16]), number, revision: 1, reason: String::new(), created: 1_750_000_000 }
}

/// Northumberland and Gateshead answer, Lincolnshire does not.
pub(crate) fn released() -> Release {
    let (query, layout) = testing::suppressed("2E");
    let plan = plan(&query, &["104", "106", "503"], wire::Level::Council);
    let mut cells = vec![0; layout.cells()];
    (cells[0], cells[1]) = (20, 3);
    let mut others = vec![0; layout.cells()];
    (others[0], others[1]) = (40, 10);
    let answers = [testing::answer("104", &query, &layout, &cells), testing::answer("106", &query, &layout, &others)];
    let answers = answers.into_iter().map(|answer| (answer.council(), answer)).collect();
    let down = Outcome { state: State::Unreachable, code: String::new(), reason: "not connected".into() };
    let outcomes = BTreeMap::from([(testing::council("503"), down)]);
    Release::make(place(1), &plan, &question(&query), &outcomes, &Gathered::Answers(answers))
}

#[test]
fn a_release_reads_back_and_a_changed_one_does_not() {
    let release = released();
    let (manifest, table) = release.texts();
    assert_eq!(Release::read("x", &manifest, &table, None).unwrap(), release);
    let changed = table.replacen("\"value\":60", "\"value\":65", 1);
    assert_ne!(changed, table);
    assert!(matches!(Release::read("x", &manifest, &changed, None), Err(Error::Digest(_))));
}

#[test]
fn the_manifest_names_who_is_missing_and_why() {
    let release = released();
    let manifest = release.manifest();
    assert_eq!((manifest.councils_asked, manifest.councils_answered), (3, 2));
    let missing = manifest.councils.iter().find(|council| council.code == testing::council("503")).unwrap();
    assert_eq!((missing.outcome.state, missing.outcome.reason.as_str()), (State::Unreachable, "not connected"));
    assert_eq!(manifest.councils[0].snapshot, "07".repeat(32));
    assert!(manifest.notes.iter().any(|note| note.starts_with("2 of the 3 councils asked")));
    // What is missing from England is said too, not only what is missing from those asked.
    assert!(manifest.notes.iter().any(|note| note.contains("the widest area here has 153")));
    let england = &release.table().areas[0];
    assert_eq!((england.councils, england.councils_asked, england.councils_in_area), (2, 3, 153));
    assert!(release.table().areas.iter().all(|area| area.councils_in_area >= area.councils_asked));
}

#[test]
fn an_icb_analyst_sees_their_board_and_its_councils_only() {
    let release = released();
    let view = release.view_for(&analyst("analyst/icb/QHM/b")).unwrap();
    let seen: Vec<_> = view.table().areas.iter().map(|area| area.name.as_str()).collect();
    assert_eq!(seen, ["NHS North East and North Cumbria Integrated Care Board", "Northumberland", "Gateshead"]);
    assert_eq!(view.manifest().councils.len(), 2);
    let text = serde_json::to_string(&view).unwrap();
    assert!(!text.contains("Lincolnshire") && !text.contains("503") && !text.contains("England\""), "{text}");
    assert_eq!(release.view_for(&analyst("analyst/icb/QOQ/b")), None);
    for who in ["analyst/icb/QHM/b", "analyst/icb/QOQ/b", "analyst/icb/S1Y5D/b", "analyst/national/a", "operator/ops"] {
        let caller = analyst(who);
        let view = release.view_for(&caller);
        assert_eq!(view.map(|view| view.manifest().clone()), release.manifest().seen_by(&caller), "{who}");
    }
    assert_eq!(release.view_for(&analyst("operator/ops")), None);
    assert_eq!(release.view_for(&analyst("council/104")), None);
    let audited = release.view_for(&analyst("auditor/x")).unwrap();
    assert!(audited.table().areas.is_empty() && audited.manifest().councils.len() == 3);
    assert_eq!(release.view_for(&analyst("analyst/national/z")), Some(release.view()));
}
