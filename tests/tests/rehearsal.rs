//! The rehearsal itself, played small with the real programs.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;

use clap::Parser;
use folkmoot_proto::round::Step;
use folkmoot_tests::rehearsal;
use folkmoot_tests::rehearsal::args::Args;
use folkmoot_tests::rehearsal::asking::{Asked, JOINT_PRIVATE, KINDS};
use folkmoot_tests::rehearsal::binaries::Binaries;
use folkmoot_tests::rehearsal::data::{self, Period};
use folkmoot_tests::rehearsal::drops::{self, Drop};
use folkmoot_tests::rehearsal::federation::{Federation, Terms};
use folkmoot_tests::rehearsal::liar;
use folkmoot_tests::rehearsal::relay::STEPS;

fn args(words: &[&str]) -> Args {
    Args::parse_from(std::iter::once("rehearsal").chain(words.iter().copied()))
}

async fn play(out: &Path, words: &[&str]) -> bool {
    std::fs::create_dir_all(out.join("logs")).unwrap();
    rehearsal::play(&args(words), out).await.unwrap_or_else(|error| panic!("{error:#}"))
}

fn report(out: &Path) -> String {
    std::fs::read_to_string(out.join("report.txt")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_councils_answer_and_the_figures_keep_their_word() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("play");
    assert!(play(&out, &["--councils", "104,503,716", "--people", "60"]).await, "{}", report(&out));
    let report = report(&out);
    for said in [
        "North East",
        "London",
        "3 of 3 councils",
        "council-private",
        "an ICB analyst may ask for",
        "one round of 3 councils, attempt 1: 3 in the sum",
        "one central curator's 7.07",
        "each exactly what the disclosed rule makes of the true sum",
        "of what is stated",
    ] {
        assert!(report.contains(said), "{said} in\n{report}");
    }
    let mut exports = vec!["ASCOF-2E-england-joint-suppressed".to_owned(), "PEOPLE-region-joint-private".to_owned()];
    for level in ["region", "icb"] {
        exports.extend(
            ["council-suppressed", "council-private", "joint-private"].map(|kind| format!("ASCOF-2E-{level}-{kind}")),
        );
    }
    for name in exports {
        for format in ["csv", "json"] {
            let export = out.join(format!("exports/{name}.{format}"));
            assert!(std::fs::metadata(&export).unwrap().len() > 500, "{}", export.display());
        }
    }
    assert!(!out.join("nodes").exists() && !out.join("data").exists(), "only --keep keeps the stores");
}

#[tokio::test(flavor = "multi_thread")]
async fn dirty_files_and_an_absent_council_are_played_and_files_of_ones_own_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("play");
    let words = ["--councils", "106,317,909", "--people", "40", "--dirt", "--offline", "1", "--keep"];
    assert!(play(&out, &words).await, "{}", report(&out));
    let first = report(&out);
    assert!(first.contains("2 of 3 councils") && first.contains("Not there: 909"), "{first}");
    // The same files as if they came from elsewhere: by name and date of receipt alone.
    let again = folder.path().join("again");
    let data = out.join("data").display().to_string();
    assert!(play(&again, &["--data", &data, "--offline", "1"]).await, "{}", report(&again));
    let suppressed = |report: &str| report.split("Release 3.1").next().unwrap().to_owned();
    assert_eq!(suppressed(&first), suppressed(&report(&again)));
}

/// A linked federation whose nodes dial a relay.
async fn relayed(out: &Path, councils: &str) -> (Federation, Period) {
    let args = args(&["--councils", councils, "--people", "30"]);
    let (place, kinds) = (out.to_owned(), KINDS.iter().map(|kind| kind.word).collect::<Vec<_>>());
    let made = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(place.join("logs")).unwrap();
        (Binaries::find().unwrap(), data::prepare(&args, &place).unwrap())
    });
    let (binaries, (parts, period)) = made.await.unwrap();
    let terms = Terms { relayed: true, dropouts_percent: None };
    let mut federation = Federation::found_with(&binaries, out, parts, &kinds, terms).await.unwrap();
    federation.import().await.unwrap();
    federation.link(0).await.unwrap();
    (federation, period)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_die_at_any_step_do_not_spoil_the_sum_and_too_few_leave_none() {
    let folder = tempfile::tempdir().unwrap();
    let (mut federation, period) = relayed(&folder.path().join("play"), "8").await;
    let councils: Vec<_> = federation.codes().collect();
    let asked = Asked { kind: JOINT_PRIVATE, ..rehearsal::question(&period, councils) };
    for step in STEPS {
        // One dies before it sees the message, one after it has answered.
        let told = drops::play(&mut federation, &asked, &[Drop { step, nodes: 2 }]).await.unwrap();
        assert_eq!(told.broken, Vec::<String>::new(), "{}", told.text);
        // Two fewer than eight may stay up to the step that masks; afterwards six suffice to unmask eight.
        let (attempt, inside) = if step <= Step::Mask { (2, 6) } else { (1, 8) };
        for said in [
            format!("killed at \"{step}\", before it saw the message: "),
            format!("killed at \"{step}\", its answer lost: "),
            format!("attempt {attempt}: {inside} in the sum"),
        ] {
            assert!(told.text.contains(&said), "{said} in\n{}", told.text);
        }
        assert_eq!(told.text.contains("not in it: "), inside == 6, "{}", told.text);
        assert_eq!(federation.present().len(), 8);
    }
    let told = drops::play(&mut federation, &asked, &[Drop { step: Step::Mask, nodes: 5 }]).await.unwrap();
    assert_eq!(told.broken, Vec::<String>::new(), "{}", told.text);
    for said in ["No figure", "Nobody has learnt anything: 0 of the 6 shares"] {
        assert!(told.text.contains(said), "{said} in\n{}", told.text);
    }
    federation.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_shows_different_things_gets_no_figure_and_the_audit_logs_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (federation, period) = relayed(&folder.path().join("play"), "6").await;
    let told = liar::play(&federation, &period).await.unwrap();
    assert_eq!(told.broken, Vec::<String>::new(), "{}", told.text);
    assert_eq!(told.text.matches("no figure: ").count(), liar::Lie::ALL.len(), "{}", told.text);
    for said in [
        "refused \"share\" [key-signature]",
        "refused \"mask\" [already-answered]",
        "refused \"sign survivors\" [other-transcript]",
        "refused \"sign survivors\" [already-answered]",
        "refused \"unmask\" [too-few-consents]",
        "refused \"unmask\" [consent-signature]",
        ": refused [already-answered]",
        "one round of 6 councils, attempt 1: 6 in the sum",
    ] {
        assert!(told.text.contains(said), "{said} in\n{}", told.text);
    }
    federation.close().await.unwrap();
}
