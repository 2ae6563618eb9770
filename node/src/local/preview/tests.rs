use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_proto::query::DataRule;
use folkmoot_proto::reason::Reason;

use super::*;
use crate::answer::data::tests::{day, records};
use crate::protect::NoiseError;

fn ask(measure: &str, by: Option<&[String]>, release: Release) -> Query {
    let period = ReferencePeriod::inclusive(day("2024-04-01"), day("2025-03-31")).unwrap();
    Query::new(measure, period, by, &[], &[], DataRule::default(), release).unwrap()
}

/// Always the same noise, so that what it was added to can be told.
struct Thousand;
impl NoiseSource for Thousand {
    fn draw(&self, length: usize, _: f64, _: f64) -> Result<(Vec<i64>, f64), NoiseError> {
        Ok((vec![1000; length], 1e-9))
    }
}

fn look(records: &Records, query: &Query, opt_out_applied: bool) -> Result<Preview, Refusal> {
    preview(records, query, day("2025-05-01"), opt_out_applied, &Thousand, &[7; 32])
}

fn text(preview: &Preview) -> String {
    serde_json::to_string(preview).unwrap()
}

#[test]
fn a_suppressed_table_is_the_one_that_would_be_sent_without_people_who_opted_out() {
    let folder = tempfile::tempdir().unwrap();
    let (records, numbers) = records(&folder);
    let query = ask("PEOPLE", Some(&["gender".to_owned()]), Release::CouncilSuppressed(Profile::Hospital));
    let counted = look(&records, &query, false).unwrap();
    assert_eq!(counted.table[0], ["Gender", "people"]);
    let row = |preview: &Preview, name: &str| {
        preview.table.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no {name}"))[1].clone()
    };
    assert_eq!(
        (row(&counted, "Female"), row(&counted, "Male"), row(&counted, "all")),
        ("10".into(), "0".into(), "10".into())
    );
    assert!(counted.data.iter().any(|line| line.contains("are counted")), "{:?}", counted.data);
    // Where the list is to be honoured and there is none, nothing would leave.
    assert_eq!(look(&records, &query, true).err().unwrap().reason(), Reason::NoData);
    records.load_opt_outs(numbers[..3].iter().copied(), day("2025-05-01")).unwrap();
    let honoured = look(&records, &query, true).unwrap();
    assert_eq!((row(&honoured, "Female"), row(&honoured, "all")), ("hidden".into(), "hidden".into()));
    assert!(honoured.data.iter().any(|line| line.contains("left out, by the list loaded on 2025-05-01")));
    assert!(honoured.says.iter().any(|line| line.contains("2 of them hidden")), "{:?}", honoured.says);
}

#[test]
fn noisy_figures_are_shown_as_an_example_and_never_before_noise() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = records(&folder);
    let rho = folkmoot_proto::privacy::Rho::from_nano(5_000_000).unwrap();
    let query = ask("PEOPLE", Some(&["gender".to_owned()]), Release::CouncilPrivate(rho));
    let shown = look(&records, &query, false).unwrap();
    let female = shown.table.iter().find(|row| row[0] == "Female").unwrap();
    assert_eq!(female[1], "1010", "ten people and the noise of a thousand");
    assert!(shown.table.iter().flatten().all(|cell| cell != "10"), "no exact figure is shown");
    assert!(shown.says.iter().any(|line| line.contains("less than 20 either way")), "{:?}", shown.says);
    assert!(shown.says.iter().any(|line| line.contains("another draw")));
}

#[test]
fn joint_figures_show_what_they_are_about_and_no_figure_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = records(&folder);
    let rho = folkmoot_proto::privacy::Rho::from_nano(5_000_000).unwrap();
    for release in [Release::JointPrivate(rho), Release::JointSuppressed(Profile::Hospital)] {
        let query = ask("PEOPLE", Some(&["gender".to_owned()]), release);
        let shown = look(&records, &query, false).unwrap();
        assert_eq!(shown.table[1][0], "Gender");
        assert!(shown.table[1][1].contains("Female; "), "{:?}", shown.table);
        assert!(!shown.table.iter().flatten().any(|cell| cell.chars().all(|c| c.is_ascii_digit())));
        let says = shown.says.join(" ");
        assert!(says.contains("nobody can read it") && says.contains("Only the sum over all councils"), "{says}");
        assert_eq!(says.contains("exactly"), release.rho().is_none(), "{says}");
        // Equal but for what the council holds: nothing of it shows.
        assert!(!text(&shown).contains("\"10\""), "{}", text(&shown));
    }
}

#[test]
fn the_state_of_the_data_is_another_one_after_whatever_changes_figures() {
    let folder = tempfile::tempdir().unwrap();
    let (records, numbers) = records(&folder);
    let mut seen = vec![state_of_data(&records).unwrap()];
    assert_eq!(state_of_data(&records).unwrap(), seen[0]);
    let person = crate::store::PersonId::Nhs(numbers[0]);
    records.restrict_person(&person, day("2025-05-01")).unwrap();
    seen.push(state_of_data(&records).unwrap());
    records.free_person(&person).unwrap();
    seen.push(state_of_data(&records).unwrap());
    records.erase_person(&person, day("2025-05-01")).unwrap();
    seen.push(state_of_data(&records).unwrap());
    records.load_opt_outs([numbers[1]], day("2025-05-01")).unwrap();
    seen.push(state_of_data(&records).unwrap());
    for (place, state) in seen.iter().enumerate() {
        assert!(!seen[..place].contains(state), "state {place} was there before");
    }
}
