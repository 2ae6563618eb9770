//! `init`: the folder of a new node.

use std::path::Path;

use anyhow::{Context as _, bail};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::identity::Federation;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::enrol;
use folkmoot_runtime::store::Key;

use super::session::Session;
use crate::config::{self, Config, Link};
use crate::home::Home;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  folkmoot-node --home /srv/folkmoot init --council 503 --federation england \\\n      --coordinator folkmoot.example.gov.uk:7443\n\nThen: folkmoot-node enrol"
)]
pub(super) struct Args {
    /// The council's code in client level data, such as 503 or Z9D4Z
    #[arg(long, value_name = "CODE")]
    council: CouncilCode,
    /// Name of the federation
    #[arg(long, value_name = "NAME", value_parser = |text: &str| Federation::parse(text))]
    federation: Federation,
    /// Host and port of the coordinator
    #[arg(long, value_name = "HOST:PORT")]
    coordinator: String,
}

pub(super) fn run(home: &Home, args: &Args) -> anyhow::Result<()> {
    let council = Geography::built_in().council(args.council).with_context(|| {
        format!(
            "{} is not one of the 153 councils with adult social services responsibilities: the code is the one in the column \
             LA Code of client level data, such as 503 for Lincolnshire",
            args.council
        )
    })?;
    if !args.coordinator.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        bail!("`{}` is not HOST:PORT, such as folkmoot.example.gov.uk:7443", args.coordinator);
    }
    if home.settings().exists() {
        bail!("{} is there already: this folder holds a node", home.settings().display());
    }
    owner_only(home.folder())?;
    owner_only(&home.keys())?;
    if !home.data_key().exists() {
        Key::create(&home.data_key(), &mut rand::rng()).context("making the key of the stores")?;
    }
    if !home.policy().exists() {
        enrol::write_new(&home.policy(), sample_policy().as_bytes(), false)?;
    }
    // The stores are made now, so that a store that is missing later is noticed as a loss.
    let config = Config {
        council: args.council,
        federation: args.federation.clone(),
        link: Link { coordinator: args.coordinator.clone() },
    };
    Session::make_stores(home, &config)?;
    // Last: a folder with settings is a finished one, and an interrupted `init` can be run again.
    let text = config::sample(args.council, &args.federation, &args.coordinator);
    enrol::write_new(&home.settings(), text.as_bytes(), false)?;
    println!("Made the node of {} ({}) in {}.", council.name, council.code, home.folder().display());
    println!("It answers nothing until {} says so.", home.policy().display());
    println!("Keep a copy of {} apart from the stores: without it nobody can read them.", home.data_key().display());
    println!("Next: folkmoot-node --home {} enrol", home.folder().display());
    Ok(())
}

/// The commented sample policy, turned off: a new node answers nothing.
fn sample_policy() -> String {
    include_str!("../../../docs/samples/policy.toml").replacen("mode = \"on\"", "mode = \"off\"", 1)
}

/// Makes a folder that nobody but its owner may enter.
fn owner_only(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("closing the folder {} to others", folder.display()))?;
    }
    Ok(())
}
