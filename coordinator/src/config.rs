//! Settings of the coordinator: one TOML file, overridden by `FOLKMOOT_COORDINATOR__...`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use folkmoot_proto::identity::Federation;
use folkmoot_runtime::{settings, tls};
use serde::Deserialize;

use crate::collect::Patience;
use crate::round::Terms;

/// Prefix of environment variables that override the file.
pub const PREFIX: &str = "FOLKMOOT_COORDINATOR";

/// Everything that `run` needs. A commented sample is `docs/samples/coordinator.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the federation; our certificate must be of it.
    pub federation: Federation,
    /// Address and port to listen on, for councils and analysts alike.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The database file; made at the first start.
    pub database: PathBuf,
    /// The certificate we connect with, and whom we believe.
    pub tls: tls::Files,
    /// The certificate and key that we sign questions with.
    pub signing: Signing,
    /// The signed membership registry, handed to every council that links.
    #[serde(default)]
    pub registry: Option<PathBuf>,
    /// The federation's public governance key, as hexadecimal text: what the registry must be signed with. Needed for
    /// joint figures.
    #[serde(default)]
    pub governance: Option<PathBuf>,
    /// Folder for the records of rounds; `rounds` beside the database when left out.
    #[serde(default)]
    pub rounds: Option<PathBuf>,
    /// How long things may take.
    #[serde(default)]
    pub ask: Ask,
    /// Rounds of joint figures.
    #[serde(default)]
    pub round: Round,
}

/// Rounds of joint figures.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Round {
    /// Seconds that one step may take.
    pub step_s: u64,
    /// Councils assumed to collude with the coordinator, in percent of those asked.
    pub colluding_percent: u16,
    /// The fewest so assumed.
    pub colluding_least: u16,
    /// Councils that may drop out, in percent of those asked; one at least.
    pub dropouts_percent: u16,
}

impl Default for Round {
    fn default() -> Self {
        let terms = Terms::default();
        Self {
            step_s: terms.step.as_secs(),
            colluding_percent: terms.colluding_percent,
            colluding_least: terms.colluding_least,
            dropouts_percent: terms.dropouts_percent,
        }
    }
}

impl Config {
    /// Where the records of rounds are.
    pub fn rounds(&self) -> PathBuf {
        self.rounds.clone().unwrap_or_else(|| self.database.with_file_name("rounds"))
    }

    /// What is asked of rounds.
    pub fn terms(&self) -> Terms {
        let (round, patience) = (self.round, Patience::from(self.ask));
        Terms {
            step: Duration::from_secs(round.step_s.clamp(1, 3600)),
            colluding_percent: round.colluding_percent.min(90),
            colluding_least: round.colluding_least,
            dropouts_percent: round.dropouts_percent.min(90),
            reconnect: patience.reconnect,
            ask_again: patience.ask_again,
        }
    }
}

fn listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 7443))
}

/// A signing certificate and its key, PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// The signing certificate, then that of the authority that issued it.
    pub chain: PathBuf,
    /// Its Ed25519 key; readable by its owner only.
    pub key: PathBuf,
}

/// How long things may take, in seconds, and how much is done at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ask {
    /// One council's answer.
    pub answer_s: u64,
    /// People at councils who must decide, when the request does not say.
    pub wait_s: u64,
    /// A council that was linked before and is not now, when the request does not say.
    pub reconnect_s: u64,
    /// Between two looks at a council that waits for a person.
    pub ask_again_s: u64,
    /// Councils asked at the same time.
    pub concurrency: usize,
}

impl Default for Ask {
    fn default() -> Self {
        let patience = Patience::default();
        Self {
            answer_s: patience.answer.as_secs(),
            wait_s: patience.wait.as_secs(),
            reconnect_s: patience.reconnect.as_secs(),
            ask_again_s: patience.ask_again.as_secs(),
            concurrency: patience.concurrency,
        }
    }
}

impl From<Ask> for Patience {
    fn from(ask: Ask) -> Self {
        Self {
            answer: Duration::from_secs(ask.answer_s.max(1)),
            wait: Duration::from_secs(ask.wait_s),
            reconnect: Duration::from_secs(ask.reconnect_s),
            ask_again: Duration::from_secs(ask.ask_again_s.max(1)),
            concurrency: ask.concurrency.max(1),
            ..Self::default()
        }
    }
}

impl Config {
    /// Reads the file and the environment; relative paths are meant from the file's folder.
    ///
    /// # Errors
    /// [`settings::Error`], naming file, line and key.
    pub fn load(path: &Path) -> Result<Self, settings::Error> {
        let mut config: Self = settings::load(path, PREFIX)?;
        config.resolve(path);
        Ok(config)
    }

    fn resolve(&mut self, file: &Path) {
        let tls = &mut self.tls;
        let paths = [&mut tls.chain, &mut tls.key, &mut tls.roots, &mut tls.crl, &mut self.database]
            .into_iter()
            .chain([&mut self.signing.chain, &mut self.signing.key])
            .chain(self.registry.as_mut())
            .chain(self.governance.as_mut())
            .chain(self.rounds.as_mut());
        for path in paths {
            *path = settings::beside(file, path);
        }
    }
}

/// How an analyst or operator reaches a coordinator. A commented sample is `docs/samples/profile.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The coordinator's host and port.
    pub coordinator: String,
    /// The identity that the coordinator must prove; any coordinator of our federation when absent.
    #[serde(default)]
    pub server_identity: Option<folkmoot_proto::identity::Identity>,
    /// The certificate we connect with, and whom we believe.
    pub tls: tls::Files,
    /// The certificate and key that questions are signed with; only those who ask need one.
    #[serde(default)]
    pub signing: Option<Signing>,
}

impl Profile {
    /// Prefix of environment variables that override the file.
    pub const PREFIX: &'static str = "FOLKMOOT_CLIENT";

    /// Reads the file and the environment; relative paths are meant from the file's folder.
    ///
    /// # Errors
    /// [`settings::Error`], naming file, line and key.
    pub fn load(file: &Path) -> Result<Self, settings::Error> {
        let mut profile: Self = settings::load(file, Self::PREFIX)?;
        let tls = &mut profile.tls;
        let paths = [&mut tls.chain, &mut tls.key, &mut tls.roots, &mut tls.crl]
            .into_iter()
            .chain(profile.signing.iter_mut().flat_map(|signing| [&mut signing.chain, &mut signing.key]));
        for path in paths {
            *path = settings::beside(file, path);
        }
        Ok(profile)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../docs/samples/coordinator.toml");
    const PROFILE: &str = include_str!("../../docs/samples/profile.toml");

    #[test]
    fn the_samples_are_read_and_say_the_defaults() {
        let config: Config = settings::parse(SAMPLE, Path::new("coordinator.toml"), PREFIX, []).unwrap();
        assert_eq!(config.listen, listen());
        let (said, default) = (Patience::from(config.ask), Patience::default());
        assert_eq!(format!("{said:?}"), format!("{default:?}"));
        let profile: Profile = settings::parse(PROFILE, Path::new("profile.toml"), Profile::PREFIX, []).unwrap();
        assert!(profile.signing.is_some());
    }

    #[test]
    fn unknown_keys_are_refused_and_the_environment_overrides() {
        let typo = SAMPLE.replace("listen =", "lisen =");
        let error = settings::parse::<Config>(&typo, Path::new("c.toml"), PREFIX, []).unwrap_err().to_string();
        assert!(error.contains("lisen") && error.contains("listen"), "{error}");
        let variables = [("FOLKMOOT_COORDINATOR__ASK__WAIT_S".into(), "7".into())];
        let config: Config = settings::parse(SAMPLE, Path::new("c.toml"), PREFIX, variables).unwrap();
        assert_eq!(Patience::from(config.ask).wait, Duration::from_secs(7));
    }

    #[test]
    fn paths_are_meant_from_the_files_folder() {
        let mut config: Config = settings::parse(SAMPLE, Path::new("c.toml"), PREFIX, []).unwrap();
        config.database = PathBuf::from("c.db");
        config.resolve(Path::new("/etc/folkmoot/c.toml"));
        assert_eq!(config.database, Path::new("/etc/folkmoot/c.db"));
    }
}
