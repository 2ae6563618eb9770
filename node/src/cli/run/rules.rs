//! A changed policy and a newer national floor, taken into use without a restart.

use std::sync::Arc;
use std::time::Duration;

use folkmoot_proto::identity::Federation;
use tokio_util::sync::CancellationToken;

use crate::cli::session;
use crate::home::Home;
use crate::ledger::Ledger;
use crate::policy::Keeper;

/// How often policy and floor are read again.
const UPKEEP: Duration = Duration::from_secs(30);

/// What it takes to read the rules again.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) home: Home,
    pub(super) federation: Federation,
    pub(super) ledger: Ledger,
    pub(super) policy: Arc<Keeper>,
}

/// Reads policy and floor again and again until told to stop.
pub(super) async fn follow(rules: Rules, stop: CancellationToken) {
    let mut trouble = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(UPKEEP) => {}
        }
        let rules = rules.clone();
        match tokio::task::spawn_blocking(move || rules.again()).await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(true) => {
                trouble = None;
                tracing::info!("changed rules or settings are in force, and in the audit log");
            }
            Ok(false) => trouble = None,
            Err(error) if trouble.as_ref() == Some(&error) => {}
            Err(error) => {
                tracing::warn!("{error}");
                trouble = Some(error);
            }
        }
    }
}

impl Rules {
    /// Takes what is on the disk now. True when anything changed.
    ///
    /// A policy that cannot be used leaves the old one in force. A newer floor that the policy does not meet stops every
    /// answer: to go on under the old one would go against it. A floor that is not there any more stays in force.
    fn again(&self) -> Result<bool, String> {
        let floor = session::floor(&self.home, &self.federation).map_err(|error| {
            format!("the national floor on disk is not taken, the old one stays in force: {error:#}")
        })?;
        let place = self.home.policy();
        let back = session::take_floor(&self.ledger, &self.federation, &place, floor.as_ref()).err().map(|error| {
            let mut told = format!("the national floor that was in force stays in force: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                told = format!("{told}: {next}");
                cause = next.source();
            }
            told
        });
        let text = floor.map(|floor| floor.policy().to_owned()).filter(|_| back.is_none());
        let newer = text.filter(|text| self.policy.floor().as_deref() != Some(text));
        let taken = match newer {
            Some(text) => self.policy.take_floor(text).map_err(|error| {
                format!(
                    "a newer national floor is in force that the policy does not meet, so nothing is answered: {error}"
                )
            }),
            None => self
                .policy
                .reload()
                .map_err(|error| format!("the policy on disk is not taken, what was in force stays in force: {error}")),
        };
        // Written down whatever came of it: what is in force may have changed to nothing.
        let changed = session::note_configuration(&self.home, &self.ledger, self.policy.current().digest())
            .map_err(|error| format!("the audit log could not be written: {error}"))?;
        taken.and_then(|_| back.map_or(Ok(changed), Err))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use folkmoot_proto::floor::SignedFloor;

    use super::*;
    use crate::audit::{Action, Book};
    use crate::ledger::tests::{Bench, OPEN};

    #[test]
    fn a_newer_floor_and_a_changed_policy_are_taken_while_the_node_runs_and_written_down() {
        let bench = Bench::new();
        let home = Home::at(bench.folder.path());
        std::fs::create_dir_all(home.keys()).unwrap();
        let federation = Federation::parse("england").unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let governance = folkmoot_proto::governance::GovernanceKey::of(&key);
        std::fs::write(home.governance(), hex::encode(governance.as_bytes())).unwrap();
        std::fs::write(home.policy(), OPEN).unwrap();
        let ledger = bench.create();
        let policy = Arc::new(Keeper::open(&home.policy(), None).unwrap());
        let rules = Rules { home: home.clone(), federation: federation.clone(), ledger: ledger.clone(), policy };
        assert!(rules.again().unwrap(), "the first rules are written down");
        assert!(!rules.again().unwrap());
        std::fs::write(home.policy(), OPEN.replace("0.02", "0.01")).unwrap();
        assert!(rules.again().unwrap());
        let floor = |version: u64, text: &str| {
            let issued = "2026-06-01T00:00:00Z".parse().unwrap();
            let signed = SignedFloor::sign(federation.clone(), version, issued, text.to_owned(), &key).unwrap();
            std::fs::write(home.floor(), serde_json::to_vec(&signed).unwrap()).unwrap();
        };
        floor(1, "[cohort]\nmin_cohort = 3");
        assert!(rules.again().unwrap());
        assert!(rules.policy.current().is_on());
        floor(2, "[cohort]\nmin_cohort = 30");
        assert!(rules.again().unwrap_err().contains("nothing is answered"));
        assert!(!rules.policy.current().is_on());
        // One that is no policy never comes into force, and does not shut out what does.
        floor(4, "[cohort]\nno_such_key = 3");
        assert!(rules.again().is_err());
        floor(3, "[cohort]\nmin_cohort = 3");
        rules.again().unwrap();
        assert!(rules.policy.current().is_on());
        let stays = |said: &str| {
            let error = rules.again().unwrap_err();
            assert!(error.contains(said), "{error}");
            assert_eq!(rules.policy.floor().unwrap(), "[cohort]\nmin_cohort = 3", "the newest floor stays in force");
        };
        floor(1, "[cohort]\nmin_cohort = 3");
        stays("version 1, version 3 is held already");
        std::fs::remove_file(home.floor()).unwrap();
        stays("cannot be taken away by deleting it");
        // The policy is still followed meanwhile.
        std::fs::write(home.policy(), OPEN.replace("0.02", "0.005")).unwrap();
        let before = rules.policy.current().digest();
        rules.again().unwrap_err();
        assert_ne!(rules.policy.current().digest(), before);
        // And after a restart.
        let error = crate::cli::session::take_floor(&ledger, &federation, &home.policy(), None).unwrap_err();
        assert!(error.to_string().contains("not taken"));
        let mut entries = 0;
        Book::of(&ledger)
            .entries(1, |entry| {
                let record: crate::audit::Record = serde_json::from_str(&entry.body).unwrap();
                entries += usize::from(record.action == Action::ConfigurationChanged);
                Ok(())
            })
            .unwrap();
        assert!(entries >= 4, "{entries}");
    }
}
