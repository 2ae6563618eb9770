//! The rehearsal: the whole network on one machine, with real processes, from nothing to a national figure beside the truth.
//!
//! ```text
//! args -> binaries -> data (files, truth) -> federation (certificates, stores, coordinator, nodes) -> questions -> report
//!                                                             joint questions: rounds -> joint (truth, noise) , cost
//! ```
//!
//! Every process is held by a [`process::Running`], which kills it when dropped: at the end, on an error, a panic or Ctrl-C.

#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod asking;
pub mod binaries;
pub mod cost;
pub mod data;
pub mod drops;
pub mod federation;
pub mod joint;
pub mod liar;
pub mod process;
pub mod progress;
pub mod relay;
pub mod report;
pub mod rounds;
pub mod setup;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::period::Day;

use args::Args;
use asking::{Asked, COUNCIL, KINDS, Outcome, Release};
use binaries::Binaries;
use federation::{Federation, NATIONAL, Terms};
use progress::Stage;
use report::{Checked, Level};

/// How long threads may take to leave when the rehearsal is stopped. Dropped tasks kill their processes well before.
const LEAVE: Duration = Duration::from_secs(5);

/// Plays the rehearsal and turns its result into an exit code: 0 all well, 1 a failure or a figure outside its bounds, 130 stopped.
pub fn main(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the rehearsal's own threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let out = match folder(&args) {
        Ok(out) => out,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let played = runtime.block_on(async {
        tokio::select! {
            // Leaving the select drops the play, and with it every process.
            played = play(&args, &out) => Some(played),
            () = stopped() => None,
        }
    });
    // Waits until every task is dropped, since it is a dropped task that kills its process.
    runtime.shutdown_timeout(LEAVE);
    match played {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) => ExitCode::FAILURE,
        Some(Err(error)) => {
            eprintln!("error: {error:#}\nLogs are in {}", out.join("logs").display());
            ExitCode::FAILURE
        }
        None => {
            if !args.keep
                && let Err(error) = tidy(&out)
            {
                eprintln!("{error:#}");
            }
            eprintln!("stopped: all processes are gone; logs are in {}", out.join("logs").display());
            ExitCode::from(130)
        }
    }
}

/// Returns when the person or the system asks the rehearsal to stop.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without the second signal the first still works.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The measure that is played.
const MEASURE: &str = "ASCOF-2E";

/// The groups whose tables are shown; every group is checked.
const SHOWN: [&str; 2] = ["age_band=18 to 64", "age_band=65 and above"];

/// The play; `false` when something that must hold does not.
///
/// # Errors
/// When a program fails.
pub async fn play(args: &Args, out: &Path) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let stage = Stage::begin("Finding the programs", 0);
    let binaries = tokio::task::spawn_blocking(Binaries::find).await.context("finding the programs")??;
    stage.done("ready");
    let (parts, period) = {
        let (args, out) = (args.clone(), out.to_owned());
        tokio::task::spawn_blocking(move || data::prepare(&args, &out)).await.context("preparing the data")??
    };
    if args.offline >= parts.len() {
        bail!("--offline {} leaves none of {} councils to answer", args.offline, parts.len());
    }
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
    let terms = Terms { relayed: args.liar || !args.drop.is_empty(), dropouts_percent: args.dropouts };
    let mut federation = Federation::found_with(&binaries, out, parts, &kinds, terms).await?;
    federation.import().await?;
    federation.link(args.offline).await?;
    let mut text = String::new();
    let mut broken = Vec::new();
    if args.liar {
        let told = liar::play(&federation, &period).await?;
        return finish(args, out, federation, told.text, told.broken, begun).await;
    }
    if !args.drop.is_empty() {
        if let Some(why) = rounds::impossible(&federation) {
            bail!("--drop needs a joint round. {why}");
        }
        let asked = drops::asked(&federation, &period);
        let told = drops::play(&mut federation, &asked, &args.drop).await?;
        println!("{}", told.text.trim_end());
        text.push_str(&told.text);
        broken.extend(told.broken);
    }
    for &kind in COUNCIL {
        for level in [Level::Region, Level::Board] {
            let asked = Asked { level, kind, ..question(&period, federation.codes().collect()) };
            let (told, checked) = national(&federation, &asked).await?;
            println!("\n{told}");
            text.push_str(&told);
            text.push('\n');
            broken.extend(checked.broken);
        }
    }
    let joint = rounds::play(&federation, &period).await?;
    text.push_str(&joint.text);
    broken.extend(joint.broken);
    let (told, wrong) = board(&federation, &period).await?;
    println!("\n{told}");
    text.push_str(&told);
    broken.extend(wrong);
    finish(args, out, federation, text, broken, begun).await
}

/// Says what must not be, keeps the report, and ends every process.
async fn finish(
    args: &Args,
    out: &Path,
    federation: Federation,
    mut text: String,
    broken: Vec<String>,
    begun: Instant,
) -> anyhow::Result<bool> {
    for line in &broken {
        let line = format!("MUST NOT BE: {line}");
        println!("{line}");
        text.push_str(&format!("{line}\n"));
    }
    std::fs::write(out.join("report.txt"), &text).context("writing the report")?;
    federation.close().await?;
    if !args.keep {
        tidy(out)?;
    }
    println!("\nPlayed in {:.0} s. Report, exports and logs are in {}", begun.elapsed().as_secs_f64(), out.display());
    if args.keep {
        println!("The authority, the coordinator and the councils' nodes are there as well.");
    }
    Ok(broken.is_empty())
}

/// The question that the play varies.
pub fn question(period: &data::Period, councils: Vec<CouncilCode>) -> Asked<'_> {
    let as_of = data::today();
    Asked { measure: MEASURE, by: None, level: Level::Region, kind: KINDS[0], period, as_of, councils, board: None }
}

/// Asks one question as the national analyst, exports the release, and sets it beside the truth.
async fn national(federation: &Federation, asked: &Asked<'_>) -> anyhow::Result<(String, Checked)> {
    let hands = federation.hands();
    let (kind, level) = (asked.kind, asked.level);
    let stage = Stage::begin(&format!("Asking by {}, {}", level.title(), kind.word), 0);
    let Outcome::Released(release) = hands.ask(NATIONAL, asked, &[]).await? else {
        bail!("the national analyst was refused; see {}", hands.log(NATIONAL).display());
    };
    hands.export(NATIONAL, &release, &format!("{}-{}-{}", asked.measure, level.word(), kind.word)).await?;
    stage.done(&format!("release {}", release.number));
    let present = federation.present();
    let mut checked = compare(&present, asked, &release)?;
    if release.answered != present.len() as u64 {
        let missing: Vec<String> = release.missing.iter().map(|(code, why)| format!("{code} {why}")).collect();
        let sentence =
            format!("{} councils answered, {} are there: {}", release.answered, present.len(), missing.join("; "));
        checked.broken.push(sentence);
    }
    let price = kind.rho.map_or(String::new(), |rho| format!(", rho {rho}"));
    let mut text = format!(
        "Release {}: {} of {} councils with {:.1}% of England's adults; {} figures checked, {} outside their bounds\n",
        release.number,
        release.answered,
        release.asked,
        100.0 * release.adult_share().unwrap_or_default(),
        checked.figures,
        checked.outside,
    );
    let absent: Vec<&str> = release.missing.keys().map(String::as_str).collect();
    if !absent.is_empty() && absent.len() <= federation.parts().len() {
        text.push_str(&format!("Not there: {}\n", absent.join(", ")));
    }
    for group in SHOWN {
        let truth = report::truth_by_area(&present, asked.measure, group, level, on(asked)?);
        let title = format!(
            "ASCOF 2E, living at home or with family, {}, {} to {}, by {}, {}{price}",
            group.trim_start_matches("age_band="),
            asked.period.from,
            asked.period.to,
            level.title(),
            kind.word,
        );
        let (table, _) = report::table(&title, &truth, &release.percentages(level, group));
        text.push_str(&format!("\n{table}"));
    }
    Ok((text, checked))
}

fn on(asked: &Asked<'_>) -> anyhow::Result<Day> {
    let to = asked.period.to;
    Day::from_ymd(to.year(), to.month(), to.day()).context("the period ends outside the calendar")
}

/// Compares every count of a release with the truth about the councils that are there.
///
/// # Errors
/// When the period ends outside the calendar.
pub fn compare(present: &[&data::Part], asked: &Asked<'_>, release: &Release) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    let groups: BTreeSet<&str> = present
        .iter()
        .flat_map(|part| &part.truth)
        .filter(|figure| figure.measure == asked.measure)
        .map(|figure| figure.group.as_str())
        .collect();
    for group in groups {
        let truth = report::truth_by_area(present, asked.measure, group, asked.level, on(asked)?);
        for (component, of) in [("yes", (|pair| pair.yes) as fn(report::Pair) -> u64), ("no", |pair| pair.no)] {
            let truth = truth.iter().map(|(area, pair)| (area.clone(), of(*pair))).collect();
            let what = format!("{} {}, {group} {component}", asked.kind.word, asked.measure);
            report::check(
                &what,
                asked.kind.promise,
                &truth,
                &release.counts(asked.level, group, component),
                &mut checked,
            );
        }
    }
    Ok(checked)
}

/// Asks as an analyst of a board: their own board answers, another is refused.
async fn board(federation: &Federation, period: &data::Period) -> anyhow::Result<(String, Vec<String>)> {
    let hands = federation.hands();
    let mut asked = Asked { level: Level::Board, ..question(period, Vec::new()) };
    let boards = Geography::built_in().boards_on(on(&asked)?);
    let own = federation.present().first().and_then(|part| boards.board_of(part.council.code));
    let own = own.context("the first council belongs to a board")?;
    let other = boards.boards().find(|board| board.code != own.code).context("there are two boards")?;
    let stage = Stage::begin("Asking as an analyst of a board", 0);
    let folder = "icb-analyst";
    federation.analyst(folder, &format!("folkmoot://rehearsal/analyst/icb/{}/rehearsal", own.code)).await?;
    let mut text = format!("An analyst of {} asks\n", own.name);
    let mut broken = Vec::new();
    asked.board = Some(own.code.as_str());
    match hands.ask(folder, &asked, &[]).await? {
        Outcome::Released(release) => {
            text.push_str(&format!(
                "  for their own board      release {}, {} of {} councils\n",
                release.number, release.answered, release.asked
            ));
            hands.export(folder, &release, &format!("{MEASURE}-board-{}", own.code)).await?;
        }
        Outcome::Refused(why) => broken.push(format!("the analyst of {} was refused their own board: {why}", own.code)),
    }
    asked.board = Some(other.code.as_str());
    match hands.ask(folder, &asked, &[]).await? {
        Outcome::Released(_) => {
            broken.push(format!("the analyst of {} was answered about {}", own.code, other.code));
        }
        Outcome::Refused(why) => text.push_str(&format!("  for {}\n    {why}\n", other.name)),
    }
    stage.done("their own board answered, another was refused");
    Ok((text, broken))
}

/// Makes the folder of this rehearsal.
fn folder(args: &Args) -> anyhow::Result<PathBuf> {
    let out = match &args.out {
        Some(out) => {
            if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                anyhow::bail!("{} is not empty: give another folder with --out, or empty it first", out.display());
            }
            std::fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
            out.clone()
        }
        None => tempfile::Builder::new()
            .prefix("folkmoot-rehearsal-")
            .tempdir()
            .context("making a folder below the system's temporary folder")?
            .keep(),
    };
    let out = out.canonicalize().with_context(|| format!("finding {}", out.display()))?;
    std::fs::create_dir_all(out.join("logs")).with_context(|| format!("making {}", out.join("logs").display()))?;
    eprintln!("Rehearsing in {}", out.display());
    Ok(out)
}

/// Removes what only --keep keeps.
fn tidy(out: &Path) -> anyhow::Result<()> {
    for name in ["data", "nodes", "answers"] {
        let path = out.join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
