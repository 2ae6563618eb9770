//! The rehearsal: the whole network on one machine, with real processes, from nothing to a national figure beside the truth.
//!
//! ```text
//! args -> binaries -> data (files, truth) -> federation (certificates, stores, coordinator, nodes) -> questions -> report
//! ```
//!
//! Every process is held by a [`process::Running`], which kills it when dropped: at the end, on an error, a panic or Ctrl-C.

#![allow(clippy::print_stdout, clippy::print_stderr)]

pub mod args;
pub mod binaries;
pub mod data;
pub mod federation;
pub mod process;
pub mod progress;
pub mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use folkmoot_proto::period::Day;

use args::Args;
use binaries::Binaries;
use federation::Federation;
use progress::Stage;
use report::Level;

/// Plays the rehearsal and turns its result into an exit code: 0 all well, 1 a failure or a figure outside its bounds, 130 stopped.
pub fn main(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: starting the rehearsal's own threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let played = runtime.block_on(async {
        tokio::select! {
            // Leaving the select drops the play, and with it every process.
            played = play(args) => Some(played),
            () = stopped() => None,
        }
    });
    // Work that cannot be interrupted, such as writing files, is left behind rather than waited for.
    runtime.shutdown_background();
    match played {
        Some(Ok(true)) => ExitCode::SUCCESS,
        Some(Ok(false)) => ExitCode::FAILURE,
        Some(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("stopped; all processes are gone");
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

/// The play; `false` when a figure lies outside the bounds it promises.
async fn play(args: Args) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let out = folder(&args)?;
    let stage = Stage::begin("Finding the programs", 0);
    let binaries = tokio::task::spawn_blocking(Binaries::find).await.context("finding the programs")??;
    stage.done("ready");
    let (parts, period) = {
        let (args, out) = (args.clone(), out.clone());
        tokio::task::spawn_blocking(move || data::prepare(&args, &out)).await.context("preparing the data")??
    };
    let mut federation = Federation::found(&binaries, &out, &args, parts).await?;
    federation.import().await?;
    federation.link(args.offline).await?;
    let mut outside = 0;
    let mut text = String::new();
    let on = Day::from_ymd(period.to.year(), period.to.month(), period.to.day())
        .context("the period ends outside the calendar")?;
    for (level, name) in [(Level::Region, "region"), (Level::Board, "integrated care board")] {
        for kind in federation::KINDS {
            let released = federation.ask("ASCOF-2E", level, kind, &period).await?;
            for group in ["age_band=18 to 64", "age_band=65 and above"] {
                let truth = report::truth_by_area(&federation.present(), "ASCOF-2E", group, level, on);
                let title = format!(
                    "ASCOF 2E, living at home or with family, {}, {} to {}, by {name}, {kind}",
                    group.trim_start_matches("age_band="),
                    period.from,
                    period.to
                );
                let (table, wrong) = report::table(&title, &truth, released.get(group).unwrap_or(&Default::default()));
                println!("\n{table}");
                text.push_str(&table);
                text.push('\n');
                outside += wrong;
            }
        }
    }
    std::fs::write(out.join("report.txt"), &text).context("writing the report")?;
    federation.close().await?;
    if !args.keep {
        tidy(&out)?;
    }
    println!("Played in {:.0} s. Everything is in {}", begun.elapsed().as_secs_f64(), out.display());
    if outside > 0 {
        println!("{outside} figures lie outside the bounds they promise.");
    }
    Ok(outside == 0)
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
    for name in ["data", "nodes"] {
        let path = out.join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
