//! What the scenes of this binary share: questions that differ by their price alone, a council's account and log, and what the
//! coordinator keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use folkmoot_coordinator::store as coordinator;
use folkmoot_node::audit::{Action, Line};
use folkmoot_node::budget::Report;
use folkmoot_runtime::store::{Access, Options, Store, Synchronous};
use folkmoot_tests::rehearsal::federation::{NATIONAL, PATIENCE};
use folkmoot_tests::rehearsal::process::{Ended, Running};
use folkmoot_tests::rehearsal::setup;
use tokio::process::Command;

use crate::common::{World, code, found};

/// The policy of every council here: all kinds, little by little, without a person.
pub(crate) const POLICY: &str = r#"
mode = "on"
[release]
kinds = ["council-suppressed", "council-private", "joint-private"]
suppression = "hospital"
[questions]
measures = ["*"]
roles = ["national", "icb"]
[budget]
rho_per_person_per_year = 0.4
rho_per_query = 0.02
rho_local_max = 2.0
[cohort]
min_cohort = 3
max_colluding = 1
min_survivors = 3
min_cohort_difference = 2
[approval]
mode = "auto"
auto_up_to_rho = 0.02
[[purposes]]
name = "*"
lawful_bases = ["*"]
national_data_opt_out = "not-applied"
opt_out_reason = "the people are invented"
"#;

/// Price of question `number`, in billionths of rho: no two cost the same, so no two are the same question.
pub(crate) fn price(number: u64) -> u64 {
    5_000_000 + number * 1_000
}

/// Makes a federation with [`POLICY`] at every council, imported and linked.
pub(crate) async fn linked(councils: &str, people: u32) -> World {
    let mut world = imported(councils, people).await;
    world.federation.link(0).await.unwrap();
    world
}

/// As [`linked`], with nothing running yet.
pub(crate) async fn imported(councils: &str, people: u32) -> World {
    let world = found_only(councils, people).await;
    world.federation.import().await.unwrap();
    world
}

/// As [`imported`], with nothing imported yet.
pub(crate) async fn found_only(councils: &str, people: u32) -> World {
    let world = found(councils, people).await;
    for code in councils.split(',') {
        std::fs::write(world.home(code).join("policy.toml"), POLICY).unwrap();
    }
    world
}

/// The words of question `number` in a release kind with noise, to these councils.
pub(crate) fn words(world: &World, number: u64, kind: &str, councils: &str) -> Vec<String> {
    let (from, to) = (world.period.from.to_string(), world.period.to.to_string());
    let rho = format!("0.{:09}", price(number));
    let fixed = ["ask", "2E", "--from", &from, "--to", &to, "--kind", kind, "--rho", &rho, "--councils", councils];
    let more = ["--purpose", setup::PURPOSE, "--basis", setup::BASIS, "--json"];
    fixed.iter().chain(&more).map(|word| (*word).to_owned()).collect()
}

/// Asks question `number` of one council and waits for how it ends.
pub(crate) async fn ask(world: &World, number: u64, council: &str, more: &[&str]) -> Ended {
    let words = words(world, number, "council-private", council);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    world.federation.hands().call(NATIONAL, &words).await.unwrap()
}

/// Begins to ask without waiting.
pub(crate) async fn begin(world: &World, words: &[String]) -> Running {
    let hands = world.federation.hands();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Running::start("the analyst", hands.call_command(NATIONAL, &words), &hands.log("asking")).await.unwrap()
}

/// Starts a council's node and waits until it is linked.
pub(crate) async fn start(world: &mut World, council: &str) {
    world.federation.start_node(code(council)).await.unwrap();
    world.federation.linked(code(council), 0).await.unwrap();
}

/// A command of a node that must succeed; gives what it printed.
pub(crate) async fn done(world: &World, council: &str, words: &[&str]) -> String {
    let ended = world.node(council, words).await;
    assert!(ended.status.success(), "{words:?}: {}{}", ended.out, ended.err);
    ended.out
}

/// A command of a node that must end with this exit code, without a panic; gives what it said.
pub(crate) async fn fails(world: &World, council: &str, words: &[&str], exit: i32) -> String {
    let ended = world.node(council, words).await;
    assert_eq!(ended.status.code(), Some(exit), "{words:?}: {}{}", ended.out, ended.err);
    assert!(!ended.err.contains("panicked"), "{words:?}: {}", ended.err);
    ended.err
}

/// A council's account, which never passes a cap: asserted at every look.
pub(crate) async fn budget(world: &World, council: &str) -> Report {
    let report: Report = serde_json::from_str(&done(world, council, &["budget", "--json"]).await).unwrap();
    for line in &report.lines {
        assert!(line.spent_nano + line.reserved_nano <= line.cap_nano, "{line:?}");
    }
    report
}

/// What a council has spent and put aside this year.
pub(crate) async fn spent(world: &World, council: &str) -> (u64, u64) {
    let report = budget(world, council).await;
    assert_eq!(report.lines[0].scope, "year");
    (report.lines[0].spent_nano, report.lines[0].reserved_nano)
}

/// The council's log, verified.
pub(crate) async fn log(world: &World, council: &str) -> Vec<Line> {
    done(world, council, &["audit", "verify"]).await;
    let lines = done(world, council, &["audit", "export"]).await;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every answer that the coordinator keeps of a council has its charge in the council's log.
pub(crate) fn covered(world: &World, log: &[Line]) {
    for (digest, charged) in answers(world) {
        let paid = log.iter().any(|line| {
            line.record.action == Action::Released
                && line.record.digest.as_deref() == Some(&digest)
                && (charged == 0 || line.record.nano == Some(charged))
        });
        assert!(paid, "the coordinator holds an answer to {digest} that no charge of {charged} stands for");
    }
}

/// Digests of the questions that the coordinator keeps answers to, with what each said it was charged.
fn answers(world: &World) -> Vec<(String, u64)> {
    let path = world.federation.hands().out().join("coordinator/coordinator.db");
    let options =
        Options { schema: coordinator::SCHEMA, key: None, synchronous: Synchronous::Full, access: Access::ReadOnly };
    let store = Store::open(&path, options).unwrap();
    store
        .read("read answers", |tx| {
            let mut statement = tx.prepare("SELECT lower(hex(digest)), charged_nano FROM answers")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
            rows.collect()
        })
        .unwrap()
}

/// How long a file is; 0 when it is not there.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Copies the database at `path` with its log, as whoever copies files does, into `to`.
pub(crate) fn copy(path: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in with_logs(path) {
        let target = to.join(file.file_name().unwrap());
        let _ = std::fs::remove_file(&target);
        if file.exists() {
            std::fs::copy(&file, &target).unwrap();
        }
    }
}

/// The database and the files beside it.
pub(crate) fn with_logs(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Removes the database and the files beside it.
pub(crate) fn remove(path: &Path) {
    for file in with_logs(path) {
        let _ = std::fs::remove_file(file);
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What stands in a folder now: names and lengths, of everything below it.
pub(crate) fn signature(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(signature(&path));
        }
        found.insert(path.clone(), length(&path));
    }
    found
}

/// Runs a command of a node and kills it when what stands in `folder` has changed so many times. False when it ended by
/// itself before.
pub(crate) async fn killed_after(world: &World, council: &str, words: &[&str], folder: &Path, changes: u32) -> bool {
    let hands = world.federation.hands();
    let mut seen = signature(folder);
    let command = hands.node_command(code(council), words);
    let running = Running::start("the command", command, &hands.log("killed")).await.unwrap();
    let process = running.id().unwrap();
    let mut counted = 0;
    let begun = Instant::now();
    // Gone, or dead and not yet collected: its memory is.
    let alive = || std::fs::read_to_string(format!("/proc/{process}/statm")).is_ok_and(|text| !text.starts_with("0 "));
    while counted < changes && alive() {
        assert!(begun.elapsed() < PATIENCE, "{words:?} neither ends nor changes anything");
        let now = signature(folder);
        if now != seen {
            (seen, counted) = (now, counted + 1);
        }
        tokio::task::yield_now().await;
    }
    let ended = counted < changes;
    if ended {
        tokio::time::timeout(PATIENCE, running.ended()).await.unwrap().unwrap();
    } else {
        running.kill().await.unwrap();
    }
    !ended
}

/// A command under a shell that lets no file grow beyond so many bytes, as a full disk does: writing on fails.
pub(crate) fn cramped(command: &Command, bytes: u64) -> Command {
    let own = command.as_std();
    let mut shell = Command::new("sh");
    // Without the trap the process would be killed instead of being told. The unit is 512 bytes.
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &(bytes / 512).to_string()]);
    shell.arg(own.get_program()).args(own.get_args());
    shell
}
