//! The federation on one machine: certificates, stores, a coordinator and a node for each council, all real processes.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use folkmoot_proto::ids::CouncilCode;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::binaries::Binaries;
use super::data::Part;
use super::process::{self, Ended, Running};
use super::progress::Stage;
use super::relay::Relay;
use super::setup;

/// How long a process may take to become ready. Generous: many start at once on few cores.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The folder of the national analyst.
pub const NATIONAL: &str = "analyst";

/// A federation in a folder: `authority`, `coordinator`, `analyst`, `icb-analyst`, `nodes/CODE`, `logs`.
pub struct Federation {
    hands: Arc<Hands>,
    parts: Vec<Part>,
    /// Holds the coordinator's port until the coordinator takes it.
    reserved: Option<TcpListener>,
    /// Holds the relay's port until the relay takes it.
    between: Option<TcpListener>,
    relay: Option<Relay>,
    coordinator: Option<Running>,
    nodes: BTreeMap<CouncilCode, Running>,
}

/// What commands need: where the programs, the folder and the coordinator are.
pub struct Hands {
    binaries: Binaries,
    out: PathBuf,
    port: u16,
    /// Where nodes dial: the coordinator's port, or the relay's.
    dialled: u16,
}

/// What a federation is founded with, beside its councils.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Nodes dial a relay, which passes everything on to the coordinator and can step in between.
    pub relayed: bool,
    /// Councils that may drop out of a round, in percent; the coordinator's own when `None`.
    pub dropouts_percent: Option<u8>,
}

impl Federation {
    /// Makes the authority, the coordinator's and the national analyst's identity, and a node with its identity for each part.
    /// Each node's policy answers the release kinds in `kinds`.
    ///
    /// # Errors
    /// When one of the programs fails; the message names it and its log.
    pub async fn found(binaries: &Binaries, out: &Path, parts: Vec<Part>, kinds: &[&str]) -> anyhow::Result<Self> {
        Self::found_with(binaries, out, parts, kinds, Terms::default()).await
    }

    /// As [`Federation::found`], on these terms.
    ///
    /// # Errors
    /// As there.
    pub async fn found_with(
        binaries: &Binaries,
        out: &Path,
        parts: Vec<Part>,
        kinds: &[&str],
        terms: Terms,
    ) -> anyhow::Result<Self> {
        let (reserved, port) = reserve()?;
        let (between, dialled) = match terms.relayed {
            true => reserve().map(|(listener, port)| (Some(listener), port))?,
            false => (None, port),
        };
        std::fs::create_dir_all(out.join("logs")).context("making the folder for logs")?;
        let hands = Arc::new(Hands { binaries: binaries.clone(), out: out.to_owned(), port, dialled });
        let (reserved, nodes) = (Some(reserved), BTreeMap::new());
        let federation = Self { hands, parts, reserved, between, relay: None, coordinator: None, nodes };
        let stage = Stage::begin("Founding the federation", 2 * federation.parts.len());
        federation.hands.certs(&["init", "--federation", setup::FEDERATION]).await?;
        federation.hands.party("coordinator", setup::COORDINATOR, &["localhost", "127.0.0.1"]).await?;
        federation.analyst(NATIONAL, "folkmoot://rehearsal/analyst/national/rehearsal").await?;
        let policy: Arc<str> = setup::policy(kinds, federation.parts.len()).into();
        let made = federation.for_each_part(&stage, |hands, code| {
            let policy = Arc::clone(&policy);
            async move { hands.make_node(code, &policy).await }
        });
        made.await?;
        let requests = federation.codes().map(|code| (code, hands_keys(&federation.hands, code))).collect::<Vec<_>>();
        let (authority, answers) = (federation.hands.authority(), federation.hands.out.join("answers"));
        tokio::task::spawn_blocking(move || setup::issue(&authority, &requests, &answers))
            .await
            .context("issuing certificates")??;
        federation.hands.certs(&["registry"]).await?;
        federation.for_each_part(&stage, |hands, code| async move { hands.install(code).await }).await?;
        let settings = setup::coordinator_settings(port, &federation.hands.public(), terms.dropouts_percent);
        setup::write(&federation.hands.out.join("coordinator/coordinator.toml"), &settings)?;
        stage.done("every council has its node, its keys and its certificates");
        Ok(federation)
    }

    /// Gives an analyst keys, certificates and a profile in `folder`.
    ///
    /// # Errors
    /// When the authority refuses.
    pub async fn analyst(&self, folder: &str, identity: &str) -> anyhow::Result<()> {
        self.hands.party(folder, identity, &[]).await?;
        let profile = setup::profile(self.hands.port, &self.hands.public());
        setup::write(&self.hands.out.join(folder).join("profile.toml"), &profile)
    }

    /// Imports every part's files into its node, in order.
    ///
    /// # Errors
    /// When an import fails; the message names the council and the log.
    pub async fn import(&self) -> anyhow::Result<()> {
        let files: usize = self.parts.iter().map(|part| part.files.len()).sum();
        let stage = Stage::begin("Importing the councils' files", self.parts.len());
        let parts: Arc<BTreeMap<CouncilCode, Part>> =
            Arc::new(self.parts.iter().map(|part| (part.council.code, part.clone())).collect());
        let done = self.for_each_part(&stage, |hands, code| {
            let parts = Arc::clone(&parts);
            async move {
                let files = &parts[&code].files;
                // One process takes all files when the day of receipt is in every name, or in none.
                let dated = files.iter().filter(|(_, received)| received.is_some()).count();
                let groups: Vec<&[(PathBuf, _)]> =
                    if dated == 0 || dated == files.len() { vec![files.as_slice()] } else { files.chunks(1).collect() };
                for group in groups {
                    let mut words = vec!["import".to_owned()];
                    if group.iter().all(|(_, received)| received.is_some()) {
                        words.extend(["--received".to_owned(), "from-name".to_owned()]);
                    }
                    words.extend(group.iter().map(|(path, _)| path.display().to_string()));
                    hands.node(code, &words.iter().map(String::as_str).collect::<Vec<_>>()).await?;
                }
                Ok(())
            }
        });
        done.await?;
        stage.done(&format!("{files} files of {} councils", self.parts.len()));
        Ok(())
    }

    /// Starts the coordinator and all nodes but the last `offline`, and waits until each is linked.
    ///
    /// # Errors
    /// When a process ends or is not ready in time.
    pub async fn link(&mut self, offline: usize) -> anyhow::Result<()> {
        let codes: Vec<CouncilCode> = self.codes().take(self.parts.len().saturating_sub(offline)).collect();
        let stage = Stage::begin("Linking the nodes", codes.len());
        self.start_coordinator().await?;
        self.start_relay()?;
        for code in &codes {
            self.start_node(*code).await?;
        }
        for code in &codes {
            self.linked(*code, 0).await?;
            stage.step();
        }
        stage.done(&format!("{} of {} councils are linked over mutual TLS", codes.len(), self.parts.len()));
        Ok(())
    }

    /// Starts the coordinator and waits until it listens.
    ///
    /// # Errors
    /// When it ends or is not ready in time.
    pub async fn start_coordinator(&mut self) -> anyhow::Result<()> {
        drop(self.reserved.take());
        let mut command = Command::new(&self.hands.binaries.coordinator);
        command.arg("run").arg("--config").arg(self.hands.out.join("coordinator/coordinator.toml"));
        let mut coordinator = Running::start("the coordinator", command, &self.hands.log("coordinator")).await?;
        coordinator.line(|line| line.starts_with("listening on"), PATIENCE).await?;
        self.coordinator = Some(coordinator);
        Ok(())
    }

    /// Starts the relay, when this federation has one and it does not run yet.
    fn start_relay(&mut self) -> anyhow::Result<()> {
        let Some(listener) = self.between.take() else { return Ok(()) };
        let upstream = format!("localhost:{}", self.hands.port).parse().context("the coordinator's address")?;
        let (coordinator, nodes) = (self.hands.out.join("coordinator"), self.hands.out.join("nodes"));
        self.relay = Some(Relay::start(listener, upstream, &coordinator, nodes, &self.hands.public())?);
        Ok(())
    }

    /// The relay between nodes and coordinator, when this federation has one.
    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// Kills the coordinator as a power cut would.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill_coordinator(&mut self) -> anyhow::Result<()> {
        match self.coordinator.take() {
            Some(coordinator) => coordinator.kill().await,
            None => Ok(()),
        }
    }

    /// Starts a council's node; [`Federation::linked`] waits for it.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub async fn start_node(&mut self, code: CouncilCode) -> anyhow::Result<()> {
        let node = self.hands.run_node(code).await?;
        self.nodes.insert(code, node);
        Ok(())
    }

    /// Waits until a node says that it is linked, in a line after its first `printed`.
    ///
    /// # Errors
    /// When it ends first, or takes too long.
    pub async fn linked(&mut self, code: CouncilCode, printed: usize) -> anyhow::Result<()> {
        let node = self.running(code)?;
        node.line_after(printed, |line| line.contains("linked: the coordinator can ask"), PATIENCE).await.map(drop)
    }

    /// A running node.
    ///
    /// # Errors
    /// When the council's node does not run.
    pub fn running(&mut self, code: CouncilCode) -> anyhow::Result<&mut Running> {
        self.nodes.get_mut(&code).with_context(|| format!("the node of {code} does not run"))
    }

    /// Kills a council's node as a power cut would.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill_node(&mut self, code: CouncilCode) -> anyhow::Result<()> {
        match self.nodes.remove(&code) {
            Some(node) => node.kill().await,
            None => Ok(()),
        }
    }

    /// The numbers of the processes that run: every node's and the coordinator's.
    pub fn processes(&self) -> Vec<u32> {
        self.nodes.values().filter_map(Running::id).chain(self.coordinator_process()).collect()
    }

    /// The number of a node's process.
    pub fn process(&self, code: CouncilCode) -> Option<u32> {
        self.nodes.get(&code).and_then(Running::id)
    }

    /// The number of the coordinator's process.
    pub fn coordinator_process(&self) -> Option<u32> {
        self.coordinator.as_ref().and_then(Running::id)
    }

    /// The parts whose nodes run: those whose truth the answers are about.
    pub fn present(&self) -> Vec<&Part> {
        self.parts.iter().filter(|part| self.nodes.contains_key(&part.council.code)).collect()
    }

    /// All parts.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The councils, in order.
    pub fn codes(&self) -> impl Iterator<Item = CouncilCode> + '_ {
        self.parts.iter().map(|part| part.council.code)
    }

    /// What runs commands.
    pub fn hands(&self) -> &Arc<Hands> {
        &self.hands
    }

    /// Ends all processes.
    ///
    /// # Errors
    /// When the system refuses to end one.
    pub async fn close(mut self) -> anyhow::Result<()> {
        for node in std::mem::take(&mut self.nodes).into_values() {
            node.kill().await?;
        }
        self.kill_coordinator().await
    }

    /// Does something for every part, a few at a time; the first failure stops the rest.
    async fn for_each_part<F, Done>(&self, stage: &Stage, work: F) -> anyhow::Result<()>
    where
        F: Fn(Arc<Hands>, CouncilCode) -> Done,
        Done: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        // More than the cores, since commands wait for the disk; not many more, since each opens a store.
        let room = Arc::new(Semaphore::new(2 * std::thread::available_parallelism().map_or(1, usize::from)));
        let mut tasks = JoinSet::new();
        for code in self.codes() {
            let room = Arc::clone(&room);
            let doing = work(Arc::clone(&self.hands), code);
            tasks.spawn(async move {
                let _turn = room.acquire_owned().await.context("waiting for a turn")?;
                doing.await.with_context(|| format!("council {code}"))
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.context("a task of the rehearsal failed")??;
            stage.step();
        }
        Ok(())
    }
}

fn reserve() -> anyhow::Result<(TcpListener, u16)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("asking the system for a free port")?;
    let port = listener.local_addr().context("reading the port")?.port();
    Ok((listener, port))
}

fn hands_keys(hands: &Hands, code: CouncilCode) -> PathBuf {
    hands.node_folder(code).join("keys")
}

impl Hands {
    /// The folder of everything.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The port the coordinator listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority's folder.
    pub fn authority(&self) -> PathBuf {
        self.out.join("authority")
    }

    /// What the authority hands to everybody.
    pub fn public(&self) -> PathBuf {
        self.authority().join("public")
    }

    /// A council's folder.
    pub fn node_folder(&self, code: CouncilCode) -> PathBuf {
        self.out.join("nodes").join(code.as_str())
    }

    /// A log file.
    pub fn log(&self, name: &str) -> PathBuf {
        self.out.join("logs").join(format!("{name}.log"))
    }

    /// Runs a command of the authority, which must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn certs(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.binaries.certs);
        command.arg("--dir").arg(self.authority()).args(words);
        process::run(&format!("folkmoot-certs {}", words[0]), command, &self.log("authority")).await
    }

    /// Runs a command of a council's node, which must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn node(&self, code: CouncilCode, words: &[&str]) -> anyhow::Result<String> {
        let (name, log) = (format!("folkmoot-node {} of {code}", words[0]), self.log(&format!("node-{code}")));
        process::run(&name, self.node_command(code, words), &log).await
    }

    /// Runs a command of a council's node, however it ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn try_node(&self, code: CouncilCode, words: &[&str]) -> anyhow::Result<Ended> {
        let (name, log) = (format!("folkmoot-node {} of {code}", words[0]), self.log(&format!("node-{code}")));
        process::attempt(&name, self.node_command(code, words), &log).await
    }

    /// Runs a command of `folkmoot-coordinator` with the profile in `folder`, however it ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn call(&self, folder: &str, words: &[&str]) -> anyhow::Result<Ended> {
        let command = self.call_command(folder, words);
        process::attempt(&format!("folkmoot-coordinator {}", words[0]), command, &self.log(folder)).await
    }

    /// A command of `folkmoot-coordinator` with the profile in `folder`.
    pub fn call_command(&self, folder: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binaries.coordinator);
        command.args(words).arg("--profile").arg(self.out.join(folder).join("profile.toml"));
        command
    }

    /// Starts `folkmoot-node run`.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub async fn run_node(&self, code: CouncilCode) -> anyhow::Result<Running> {
        let (name, log) = (format!("the node of {code}"), self.log(&format!("node-{code}")));
        Running::start(&name, self.node_command(code, &["run"]), &log).await
    }

    /// A command of a council's node.
    pub fn node_command(&self, code: CouncilCode, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binaries.node);
        command.arg("--home").arg(self.node_folder(code)).args(words);
        command
    }

    /// Makes keys in `out/folder` and has the authority certify them for `identity`.
    ///
    /// # Errors
    /// When the authority refuses.
    pub async fn party(&self, folder: &str, identity: &str, hosts: &[&str]) -> anyhow::Result<()> {
        let folder = self.out.join(folder).display().to_string();
        self.certs(&["request", "--identity", identity, "--out", &folder]).await?;
        for kind in ["tls", "signing"] {
            let (request, chain) = (format!("{folder}/{kind}.csr"), format!("{folder}/{kind}.pem"));
            let mut words = vec!["issue", &request, "--identity", identity, "--out", &chain];
            if kind == "tls" {
                words.extend(hosts.iter().flat_map(|host| ["--dns", host]));
            }
            self.certs(&words).await?;
        }
        Ok(())
    }

    /// Makes a council's node with its keys and requests.
    async fn make_node(&self, code: CouncilCode, policy: &str) -> anyhow::Result<()> {
        let coordinator = format!("localhost:{}", self.dialled);
        let words =
            ["init", "--council", code.as_str(), "--federation", setup::FEDERATION, "--coordinator", &coordinator];
        let folder = self.node_folder(code);
        std::fs::create_dir_all(self.out.join("nodes")).context("making the folder of the nodes")?;
        self.node(code, &words).await?;
        setup::write(&folder.join("policy.toml"), policy)?;
        self.node(code, &["enrol"]).await.map(drop)
    }

    /// Installs the authority's answer in a council's node.
    async fn install(&self, code: CouncilCode) -> anyhow::Result<()> {
        let answer = self.out.join("answers").join(code.as_str()).display().to_string();
        let public = self.public().display().to_string();
        self.node(code, &["enrol", "--answer", &answer, "--public", &public]).await.map(drop)
    }

    /// Sends a process a signal by name, such as `INT`.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn signal(process: u32, name: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status().await;
        if !status.context("sending a signal")?.success() {
            bail!("process {process} could not be sent {name}");
        }
        Ok(())
    }
}
