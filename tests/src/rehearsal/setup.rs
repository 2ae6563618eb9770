//! What a federation is made of before anything runs: certificates, settings, policies, profiles.

use std::path::{Path, PathBuf};

use anyhow::Context;
use folkmoot_certs::authority::{Authority, Order};
use folkmoot_proto::identity::{Federation as Name, Identity};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::clock::{Clock as _, SystemClock};

/// The federation's name in every identity.
pub const FEDERATION: &str = "rehearsal";

/// The identity of the coordinator.
pub const COORDINATOR: &str = "folkmoot://rehearsal/coordinator/main";

/// What every question says it is for.
pub const PURPOSE: &str = "Rehearsal";

/// The lawful basis that every question names.
pub const BASIS: &str = "UK GDPR 6(1)(e)";

/// What a council of a federation of some size asks of joint figures.
///
/// Half of the federation may be gone before it refuses, so that a play can lose many and still end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// Fewest councils in a round.
    pub least: usize,
    /// Councils assumed to collude with the coordinator, at least.
    pub colluding: usize,
    /// Fewest councils that remain to the end.
    pub survivors: usize,
}

impl Cohort {
    /// For a federation of so many councils.
    pub fn of(councils: usize) -> Self {
        let least = councils.div_ceil(2).max(3);
        // What a coordinator with default settings assumes of the smallest cohort allowed: a tenth, two at least.
        let colluding = least.div_ceil(10).max(2).min(least - 2);
        Self { least, colluding, survivors: (least + colluding) / 2 + 1 }
    }
}

/// The most that a person may lose in one joint figure should all other councils collude: the node's own default.
pub const RHO_LOCAL_MAX: f64 = 2.0;

/// The policy of a council that takes part: generous enough for a play of many questions, and still a policy with caps.
/// `kinds` are the release kinds that it answers, `councils` is how many there are.
pub fn policy(kinds: &[&str], councils: usize) -> String {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    let cohort = Cohort::of(councils);
    format!(
        "# Written by the rehearsal. A real council begins with docs/samples/policy.toml.\n\
         mode = \"on\"\n\n\
         [release]\n\
         kinds = [{}]\n\
         suppression = \"hospital\"\n\n\
         [questions]\n\
         measures = [\"ASCOF-*\", \"PEOPLE\"]\n\
         roles = [\"national\", \"icb\"]\n\n\
         [budget]\n\
         rho_per_person_per_year = 0.5\n\
         rho_per_query = 0.1\n\
         rho_local_max = {RHO_LOCAL_MAX:?}\n\n\
         [cohort]\n\
         min_cohort = {}\n\
         max_colluding = {}\n\
         min_survivors = {}\n\n\
         [approval]\n\
         mode = \"auto\"\n\
         auto_up_to_rho = 0.1\n\n\
         [[purposes]]\n\
         name = \"{PURPOSE}\"\n\
         lawful_bases = [\"{BASIS}\"]\n\
         national_data_opt_out = \"not-applied\"\n\
         opt_out_reason = \"a rehearsal: the people are invented, or the files stay on this machine\"\n",
        kinds.join(", "),
        cohort.least,
        cohort.colluding,
        cohort.survivors,
    )
}

/// The settings file of the coordinator; its keys lie beside it, the authority's public folder at `public`. So many
/// councils in a hundred may drop out of a round; its own default when `None`.
pub fn coordinator_settings(port: u16, public: &Path, dropouts_percent: Option<u8>) -> String {
    let round = dropouts_percent.map_or(String::new(), |percent| format!("\n[round]\ndropouts_percent = {percent}\n"));
    format!(
        "federation = \"{FEDERATION}\"\n\
         listen = \"127.0.0.1:{port}\"\n\
         database = \"coordinator.db\"\n\
         registry = \"{public}/registry.json\"\n\
         governance = \"{public}/governance.pub\"\n\n\
         [tls]\nchain = \"tls.pem\"\nkey = \"tls.key\"\nroots = \"{public}/roots.pem\"\ncrl = \"{public}/crl.pem\"\n\n\
         [signing]\nchain = \"signing.pem\"\nkey = \"signing.key\"\n{round}",
        public = public.display()
    )
}

/// The profile of an analyst; the keys lie beside it.
pub fn profile(port: u16, public: &Path) -> String {
    format!(
        "coordinator = \"localhost:{port}\"\n\
         server_identity = \"{COORDINATOR}\"\n\n\
         [tls]\nchain = \"tls.pem\"\nkey = \"tls.key\"\nroots = \"{public}/roots.pem\"\ncrl = \"{public}/crl.pem\"\n\n\
         [signing]\nchain = \"signing.pem\"\nkey = \"signing.key\"\n",
        public = public.display()
    )
}

/// Writes a file into a folder that is made when it is not there.
///
/// # Errors
/// When the disk refuses.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Answers the requests of many councils at once, which a person would answer one by one with `folkmoot-certs issue`:
/// `requests` are folders that hold `tls.csr` and `signing.csr`; the chains go to `answers/CODE`.
///
/// # Errors
/// When the authority refuses one, or the disk does.
pub fn issue(authority: &Path, requests: &[(CouncilCode, PathBuf)], answers: &Path) -> anyhow::Result<()> {
    let federation = Name::parse(FEDERATION).context("the federation's name")?;
    let mut asked = Vec::new();
    for (code, folder) in requests {
        let order = Order::new(Identity::for_council(federation.clone(), *code));
        for kind in ["tls", "signing"] {
            let path = folder.join(format!("{kind}.csr"));
            let pem = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            asked.push((answers.join(code.as_str()).join(format!("{kind}.pem")), pem, order.clone()));
        }
    }
    let mut authority = Authority::open(authority).context("opening the authority")?;
    let orders: Vec<(&str, &Order)> = asked.iter().map(|(_, pem, order)| (pem.as_str(), order)).collect();
    let issued =
        authority.issue_all(&orders, SystemClock::new().now()).context("issuing the councils' certificates")?;
    for ((path, ..), issued) in asked.iter().zip(issued) {
        write(path, &issued.chain_pem)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_policy_is_one_that_a_node_takes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("policy.toml");
        for councils in [1, 3, 6, 153] {
            let kinds: Vec<&str> = super::super::asking::KINDS.iter().map(|kind| kind.word).collect();
            super::write(&path, &super::policy(&kinds, councils)).expect("written");
            folkmoot_node::policy::Policy::read(&path, None).expect("a policy");
        }
    }
}
