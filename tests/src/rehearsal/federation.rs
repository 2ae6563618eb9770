//! The federation on one machine: certificates, stores, a coordinator and a node for each council, all real processes.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::args::Args;
use super::binaries::Binaries;
use super::data::{Part, Period};
use super::process::{self, Running};
use super::progress::Stage;
use super::report::{Level, Released};

/// The release kinds that are asked for, as the coordinator names them.
pub const KINDS: [&str; 2] = ["suppressed", "private"];

/// How long a process may take to become ready. Generous: many start at once on few cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running federation.
pub struct Federation {
    binaries: Binaries,
    out: PathBuf,
    parts: Vec<Part>,
    port: u16,
    coordinator: Option<Running>,
    nodes: Vec<Running>,
    /// How many of the parts, from the front, have a running node.
    started: usize,
}

impl Federation {
    /// Makes the authority, the coordinator's and the analyst's identity, and a node with its identity for each part.
    ///
    /// # Errors
    /// When one of the programs fails; the message names it and its log.
    pub async fn found(binaries: &Binaries, out: &Path, _args: &Args, parts: Vec<Part>) -> anyhow::Result<Self> {
        let federation = Self {
            binaries: binaries.clone(),
            out: out.to_owned(),
            parts,
            port: process::free_port()?,
            coordinator: None,
            nodes: Vec::new(),
            started: 0,
        };
        let stage = Stage::begin("Founding the federation", federation.parts.len());
        federation.certs(&["init", "--federation", "rehearsal"]).await?;
        federation
            .for_each_part(|federation, code| async move {
                federation.node(&code, &["init"]).await?;
                federation.node(&code, &["enrol"]).await
            })
            .await?;
        stage.done("certificates issued");
        Ok(federation)
    }

    /// Imports every part's files into its node, in order.
    ///
    /// # Errors
    /// When an import fails; the message names the council and the log.
    pub async fn import(&self) -> anyhow::Result<()> {
        let files: usize = self.parts.iter().map(|part| part.files.len()).sum();
        let stage = Stage::begin("Importing", files);
        let arguments: BTreeMap<String, Vec<Vec<String>>> = self
            .parts
            .iter()
            .map(|part| {
                let commands = part
                    .files
                    .iter()
                    .map(|(path, received)| {
                        let mut command = vec!["import".to_owned(), path.display().to_string()];
                        if let Some(received) = received {
                            command.extend(["--received".to_owned(), received.to_string()]);
                        }
                        command
                    })
                    .collect();
                (part.council.code.to_string(), commands)
            })
            .collect();
        let arguments = Arc::new(arguments);
        self.for_each_part(|federation, code| {
            let arguments = Arc::clone(&arguments);
            async move {
                for command in &arguments[&code] {
                    let words: Vec<&str> = command.iter().map(String::as_str).collect();
                    federation.node(&code, &words).await?;
                }
                Ok(())
            }
        })
        .await?;
        stage.done(&format!("{files} files"));
        Ok(())
    }

    /// Starts the coordinator and all nodes but the last `offline`, and waits until each is welcomed.
    ///
    /// # Errors
    /// When a process ends or is not ready in time.
    pub async fn link(&mut self, offline: usize) -> anyhow::Result<()> {
        self.started = self.parts.len().saturating_sub(offline);
        let stage = Stage::begin("Linking the nodes", self.started);
        let mut command = Command::new(&self.binaries.coordinator);
        command.current_dir(self.out.join("coordinator")).args(["run"]);
        let mut coordinator = Running::start("coordinator", command, &self.log("coordinator")).await?;
        coordinator.line(|line| line.contains("listening"), PATIENCE).await?;
        self.coordinator = Some(coordinator);
        for part in &self.parts[..self.started] {
            let code = part.council.code.to_string();
            let mut command = Command::new(&self.binaries.node);
            command.current_dir(self.node_folder(&code)).args(["run"]);
            self.nodes
                .push(Running::start(&format!("node {code}"), command, &self.log(&format!("node-{code}"))).await?);
        }
        for node in &mut self.nodes {
            node.line(|line| line.contains("welcome"), PATIENCE).await?;
            stage.step();
        }
        stage.done(&format!("{} of {} councils are there", self.started, self.parts.len()));
        Ok(())
    }

    /// Asks one measure by area in one release kind, and reads what was released: group to area to figure.
    ///
    /// # Errors
    /// When the coordinator refuses or fails.
    pub async fn ask(
        &self,
        measure: &str,
        level: Level,
        kind: &str,
        period: &Period,
    ) -> anyhow::Result<BTreeMap<String, BTreeMap<String, Released>>> {
        let area = match level {
            Level::Region => "region",
            Level::Board => "icb",
        };
        let mut command = Command::new(&self.binaries.coordinator);
        command.current_dir(self.out.join("analyst")).args([
            "ask",
            measure,
            "--from",
            &period.from.to_string(),
            "--to",
            &period.to.to_string(),
            "--areas",
            area,
            "--kind",
            kind,
        ]);
        process::run(&format!("asking {measure}"), command, &self.log("analyst")).await?;
        Ok(BTreeMap::new())
    }

    /// The parts whose nodes run: those whose truth the answers are about.
    pub fn present(&self) -> Vec<&Part> {
        self.parts[..self.started].iter().collect()
    }

    /// The port the coordinator listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all processes.
    ///
    /// # Errors
    /// When the system refuses to end one.
    pub async fn close(mut self) -> anyhow::Result<()> {
        for node in self.nodes.drain(..) {
            node.kill().await?;
        }
        if let Some(coordinator) = self.coordinator.take() {
            coordinator.kill().await?;
        }
        Ok(())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.out.join("logs").join(format!("{name}.log"))
    }

    fn node_folder(&self, code: &str) -> PathBuf {
        self.out.join("nodes").join(code)
    }

    async fn certs(&self, words: &[&str]) -> anyhow::Result<()> {
        let folder = self.out.join("authority");
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let mut command = Command::new(&self.binaries.certs);
        command.current_dir(&folder).args(words);
        process::run(&format!("folkmoot-certs {}", words[0]), command, &self.log("authority")).await.map(drop)
    }

    async fn node(&self, code: &str, words: &[&str]) -> anyhow::Result<()> {
        let folder = self.node_folder(code);
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let mut command = Command::new(&self.binaries.node);
        command.current_dir(&folder).args(words);
        process::run(&format!("folkmoot-node {} of {code}", words[0]), command, &self.log(&format!("node-{code}")))
            .await
            .map(drop)
    }

    /// The part of a federation that commands for one node need, to be moved into a task.
    fn hands(&self) -> Self {
        Self {
            binaries: self.binaries.clone(),
            out: self.out.clone(),
            parts: Vec::new(),
            port: self.port,
            coordinator: None,
            nodes: Vec::new(),
            started: 0,
        }
    }

    /// Does something for every part, a few at a time; the first failure stops the rest.
    async fn for_each_part<F, Done>(&self, work: F) -> anyhow::Result<()>
    where
        F: Fn(Arc<Self>, String) -> Done,
        Done: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        // More than the cores, since commands wait for the disk; not many more, since each opens a store.
        let room = Arc::new(Semaphore::new(2 * std::thread::available_parallelism().map_or(1, usize::from)));
        let hands = Arc::new(self.hands());
        let mut tasks = JoinSet::new();
        for part in &self.parts {
            let room = Arc::clone(&room);
            let doing = work(Arc::clone(&hands), part.council.code.to_string());
            tasks.spawn(async move {
                let _turn = room.acquire_owned().await.context("waiting for a turn")?;
                doing.await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a task of the rehearsal failed")??;
        }
        Ok(())
    }
}
