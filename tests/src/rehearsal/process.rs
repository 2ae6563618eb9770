//! Child processes: logged, watched by their lines, and gone when their handle is.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};

/// How many of the last lines of a process are kept for waiting and for messages.
const KEPT: usize = 2_000;

/// A running process. Dropping it kills the process, so an error, a panic or Ctrl-C leaves none behind.
pub struct Running {
    name: String,
    log: PathBuf,
    child: Child,
    output: Arc<Output>,
    /// Becomes true when both pipes are closed.
    closed: watch::Receiver<usize>,
}

/// What the process has printed so far.
#[derive(Default)]
struct Output {
    lines: Mutex<Lines>,
    more: Notify,
}

#[derive(Default)]
struct Lines {
    /// Number of the first line still kept.
    first: usize,
    kept: VecDeque<String>,
}

impl Running {
    /// Starts a process whose output goes to `log`, line by line.
    ///
    /// # Errors
    /// When the process cannot be started or the log cannot be written.
    pub async fn start(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let mut file = tokio::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .await
            .with_context(|| format!("opening the log {}", log.display()))?;
        let shown = format!("$ {:?}\n", command.as_std());
        file.write_all(shown.as_bytes()).await.with_context(|| format!("writing {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let output = Arc::new(Output::default());
        let (open, closed) = watch::channel(2);
        let open = Arc::new(open);
        let file = Arc::new(tokio::sync::Mutex::new(file));
        if let Some(out) = child.stdout.take() {
            tokio::spawn(follow(out, Arc::clone(&output), Arc::clone(&file), Arc::clone(&open)));
        }
        if let Some(err) = child.stderr.take() {
            tokio::spawn(follow(err, Arc::clone(&output), file, open));
        }
        Ok(Self { name: name.to_owned(), log: log.to_owned(), child, output, closed })
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for a line that `wanted` accepts, from the first line on, and returns it.
    ///
    /// # Errors
    /// When the process ends first, or after `patience`; the message holds its last lines.
    pub async fn line(&mut self, wanted: impl Fn(&str) -> bool, patience: Duration) -> anyhow::Result<String> {
        self.line_after(0, wanted, patience).await
    }

    /// As [`Running::line`], among the lines after the first `printed`.
    ///
    /// # Errors
    /// As there.
    pub async fn line_after(
        &mut self,
        printed: usize,
        wanted: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> anyhow::Result<String> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut next = printed;
        loop {
            let more = self.output.more.notified();
            {
                let lines = self.output.lines.lock().expect("nobody panics while holding the lines");
                next = next.max(lines.first);
                while let Some(line) = lines.kept.get(next - lines.first) {
                    if wanted(line) {
                        return Ok(line.clone());
                    }
                    next += 1;
                }
            }
            if *self.closed.borrow() == 0 {
                let status = self.child.wait().await.with_context(|| format!("waiting for {}", self.name))?;
                bail!("{} ended ({status}) before it was ready{}", self.name, self.last_lines());
            }
            let mut closed = self.closed.clone();
            tokio::select! {
                () = more => {}
                _ = closed.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    bail!("{} was not ready within {} s{}", self.name, patience.as_secs(), self.last_lines());
                }
            }
        }
    }

    /// How many lines it has printed so far; [`Running::line_after`] waits for one that comes later.
    pub fn printed(&self) -> usize {
        let lines = self.output.lines.lock().expect("nobody panics while holding the lines");
        lines.first + lines.kept.len()
    }

    /// The number of the process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the process and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("killing {}", self.name))
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub async fn ended(mut self) -> anyhow::Result<(ExitStatus, Vec<String>)> {
        while *self.closed.borrow() > 0 {
            if self.closed.changed().await.is_err() {
                break;
            }
        }
        let status = self.child.wait().await.with_context(|| format!("waiting for {}", self.name))?;
        let lines = self.output.lines.lock().expect("nobody panics while holding the lines");
        Ok((status, lines.kept.iter().cloned().collect()))
    }

    fn last_lines(&self) -> String {
        let lines = self.output.lines.lock().expect("nobody panics while holding the lines");
        let tail: Vec<&str> = lines.kept.iter().skip(lines.kept.len().saturating_sub(12)).map(String::as_str).collect();
        format!("; its log {} ends:\n  {}", self.log.display(), tail.join("\n  "))
    }
}

/// What a command that has ended left behind.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed to standard output.
    pub out: String,
    /// What it printed to standard error.
    pub err: String,
}

/// Runs a command to its end, whatever that is; everything it prints goes to `log` as well.
///
/// # Errors
/// When it cannot be started, or the log cannot be written.
pub async fn attempt(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Ended> {
    let output =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.with_context(|| format!("starting {name}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let entry = format!("$ {:?}\n{out}{err}", command.as_std());
    let mut file = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .await
        .with_context(|| format!("opening the log {}", log.display()))?;
    file.write_all(entry.as_bytes()).await.with_context(|| format!("writing {}", log.display()))?;
    file.flush().await.with_context(|| format!("writing {}", log.display()))?;
    Ok(Ended { status: output.status, out, err })
}

/// Runs a command that must succeed and returns what it printed to standard output; everything goes to `log` as well.
///
/// # Errors
/// When it cannot be started or fails; the message holds what it printed.
pub async fn run(name: &str, command: Command, log: &Path) -> anyhow::Result<String> {
    let ended = attempt(name, command, log).await?;
    if !ended.status.success() {
        let (out, err) = (ended.out.trim_end(), ended.err.trim_end());
        bail!("{name} failed ({}); log {}:\n{out}\n{err}", ended.status, log.display());
    }
    Ok(ended.out)
}

/// Copies a pipe into the kept lines and the log until it closes.
async fn follow(
    pipe: impl AsyncRead + Unpin,
    output: Arc<Output>,
    file: Arc<tokio::sync::Mutex<tokio::fs::File>>,
    open: Arc<watch::Sender<usize>>,
) {
    let mut lines = BufReader::new(pipe).split(b'\n');
    // A line that is not text is kept as far as it is; an error of the pipe ends it like its closing does.
    while let Ok(Some(bytes)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        {
            let mut file = file.lock().await;
            // A full disk must not stop the play; the process itself will say so.
            let _ = file.write_all(format!("{line}\n").as_bytes()).await;
            let _ = file.flush().await;
        }
        let mut kept = output.lines.lock().expect("nobody panics while holding the lines");
        kept.kept.push_back(line);
        if kept.kept.len() > KEPT {
            kept.kept.pop_front();
            kept.first += 1;
        }
        drop(kept);
        output.more.notify_waiters();
    }
    open.send_modify(|left| *left -= 1);
    output.more.notify_waiters();
}

/// A port of the loopback address that is free now.
///
/// # Errors
/// When the system gives none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("asking the system for a free port")?;
    Ok(listener.local_addr().context("reading the port")?.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_line_is_waited_for_and_an_early_end_is_told_with_the_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("one.log");
        let patience = Duration::from_secs(30);
        let mut one =
            Running::start("one", shell("echo first; echo listening on 7 >&2; exec cat <&0"), &log).await.unwrap();
        assert_eq!(one.line(|line| line.contains("listening"), patience).await.unwrap(), "listening on 7");
        assert_eq!(one.line(|line| line == "first", patience).await.unwrap(), "first");
        let error = one.line(|line| line == "never", patience).await.unwrap_err().to_string();
        assert!(error.contains("ended") && error.contains("listening on 7"), "{error}");
        assert!(std::fs::read_to_string(&log).unwrap().contains("first\n"));
    }

    #[tokio::test]
    async fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("two.log");
        let mut two = Running::start("two", shell("echo here; exec tail -f /dev/null"), &log).await.unwrap();
        two.line(|line| line == "here", Duration::from_secs(30)).await.unwrap();
        let mut closed = two.closed.clone();
        assert_eq!(*closed.borrow_and_update(), 2);
        drop(two);
        // It would print nothing and never end by itself, so its pipes close only when it is dead.
        while *closed.borrow_and_update() > 0 {
            closed.changed().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_failing_command_says_what_it_printed() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("three.log");
        assert_eq!(run("three", shell("echo good"), &log).await.unwrap(), "good\n");
        let error = run("three", shell("echo why not >&2; exit 3"), &log).await.unwrap_err().to_string();
        assert!(error.contains("why not") && error.contains('3'), "{error}");
    }
}
