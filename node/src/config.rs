//! Settings of a node: `node.toml`, with overrides from `FOLKMOOT_NODE__...`.

use folkmoot_proto::identity::{Federation, Identity};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::settings;
use serde::Deserialize;

use crate::home::Home;

/// Prefix of environment overrides: `FOLKMOOT_NODE__LINK__COORDINATOR=host:port`.
pub const ENVIRONMENT: &str = "FOLKMOOT_NODE";

/// All settings. Everything that is secret is a file in the node's folder, not a setting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose node this is.
    pub council: CouncilCode,
    /// The federation that issued its certificates.
    #[serde(deserialize_with = "federation")]
    pub federation: Federation,
    /// The connection to the coordinator.
    pub link: Link,
}

/// The connection to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Host and port to dial, such as `folkmoot.example.gov.uk:7443`.
    pub coordinator: String,
}

fn federation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Federation, D::Error> {
    let text = String::deserialize(deserializer)?;
    Federation::parse(&text).map_err(serde::de::Error::custom)
}

impl Config {
    /// Reads the settings of a node's folder.
    ///
    /// # Errors
    /// When the file is missing or a key is unknown, missing or wrong; the error names file and key.
    pub fn load(home: &Home) -> Result<Self, settings::Error> {
        settings::load(&home.settings(), ENVIRONMENT)
    }

    /// Who this node is.
    pub fn identity(&self) -> Identity {
        Identity::for_council(self.federation.clone(), self.council)
    }
}

/// The commented settings file that `init` writes.
pub fn sample(council: CouncilCode, federation: &Federation, coordinator: &str) -> String {
    format!(
        "# Settings of this Folkmoot node. A key that is not known is refused.\n\
         # Environment variables override: FOLKMOOT_NODE__LINK__COORDINATOR=host:port\n\n\
         # The council's code in client level data: three digits, or five characters such as Z9D4Z. Text, always quoted.\n\
         council = \"{council}\"\n\n\
         # The federation whose authority issues this node's certificates.\n\
         federation = \"{}\"\n\n\
         [link]\n\
         # Host and port of the coordinator. The node dials out to it over TLS and opens no port of its own.\n\
         # The firewall must let this one TCP connection through unopened: nothing in between may end TLS.\n\
         coordinator = \"{coordinator}\"\n",
        federation.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_init_writes_reads_back() {
        let council = CouncilCode::parse("007").expect("the test's own code");
        let federation = Federation::parse("england").expect("the test's own name");
        let text = sample(council, &federation, "coordinator.example:8443");
        let read: Config = settings::parse(&text, "node.toml".as_ref(), ENVIRONMENT, []).expect("our own sample");
        assert_eq!(read.council, council);
        assert_eq!(read.link.coordinator, "coordinator.example:8443");
        let wrong = text.replace("coordinator =", "coordinater =");
        assert!(settings::parse::<Config>(&wrong, "node.toml".as_ref(), ENVIRONMENT, []).is_err());
    }
}
