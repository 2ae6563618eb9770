//! The rehearsal itself, played small with the real programs.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;

use clap::Parser;
use folkmoot_tests::rehearsal::{self, args::Args};

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
