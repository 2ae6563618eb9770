//! Under which rules and settings the node works, written down whenever they are others than before.

use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::{Error, Ledger};
use crate::audit::{Action, Record, chain};

impl Ledger {
    /// Writes down the rules in force and the settings, when they differ from those last written down: also from those
    /// before a restart, so that nothing changes unseen while the node is stopped. True when there was a difference.
    ///
    /// `policy` is the digest of the effective rules; `settings` names everything else that decides what the node does
    /// (settings file, national floor, certificates), each with its bytes.
    ///
    /// # Errors
    /// [`Error::Store`]; the rules must then not be taken into use.
    pub fn note_configuration(
        &self,
        who: &str,
        policy: [u8; 32],
        settings: &[(&str, Option<Vec<u8>>)],
    ) -> Result<bool, Error> {
        let parts: Vec<(String, String)> = settings
            .iter()
            .map(|(name, bytes)| {
                let digest = bytes.as_ref().map_or("none".to_owned(), |bytes| hex::encode(Sha256::digest(bytes)));
                ((*name).to_owned(), digest)
            })
            .collect();
        let policy = hex::encode(policy);
        let told: Vec<String> = parts.iter().map(|(name, digest)| format!("{name} {digest}")).collect();
        let told = told.join(", ");
        Ok(self.step("note rules and settings", |step| {
            let last = step.one(
                "SELECT body FROM entry WHERE body LIKE '{\"action\":\"configuration-changed\"%' AND body LIKE '%\"policy\":%'
                 ORDER BY number DESC LIMIT 1",
                params![],
                |row| row.get::<_, String>(0),
            )?;
            let last: Option<Record> = last.and_then(|body| serde_json::from_str(&body).ok());
            let mut changed = Vec::new();
            match &last {
                None => changed.push("first rules and settings".to_owned()),
                Some(before) => {
                    if before.policy.as_deref() != Some(&policy) {
                        changed.push(format!("policy, before {}", before.policy.as_deref().unwrap_or("none")));
                    }
                    let held = before.note.as_deref().unwrap_or_default();
                    changed.extend(
                        parts
                            .iter()
                            .filter(|(name, digest)| !held.split(", ").any(|part| part == format!("{name} {digest}")))
                            .map(|(name, _)| name.clone()),
                    );
                }
            }
            if changed.is_empty() {
                return Ok(false);
            }
            let mut record = Record::new(Action::ConfigurationChanged, who).note(told);
            record.policy = Some(policy);
            record.decision = Some(format!("changed: {}", changed.join("; ")));
            chain::append(step, &record)?;
            Ok(true)
        })?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::audit::{Action, Book, Line};
    use crate::ledger::tests::Bench;

    #[test]
    fn rules_and_settings_are_written_down_when_they_change_and_only_then() {
        let bench = Bench::new();
        let ledger = bench.create();
        let parts = |floor: Option<&str>| {
            [("node.toml", Some(b"council = 503".to_vec())), ("floor", floor.map(|text| text.as_bytes().to_vec()))]
        };
        assert!(ledger.note_configuration("node", [1; 32], &parts(None)).unwrap());
        assert!(!ledger.note_configuration("node", [1; 32], &parts(None)).unwrap());
        drop(ledger);
        // Changed while nobody ran.
        let ledger = bench.open();
        assert!(!ledger.note_configuration("node", [1; 32], &parts(None)).unwrap());
        assert!(ledger.note_configuration("node", [2; 32], &parts(None)).unwrap());
        assert!(ledger.note_configuration("node", [2; 32], &parts(Some("mode = \"off\""))).unwrap());
        assert!(!ledger.note_configuration("node", [2; 32], &parts(Some("mode = \"off\""))).unwrap());
        drop(ledger);
        let mut log = Vec::new();
        Book::open(&bench.path(), None).unwrap().export(1, &mut log).unwrap();
        let lines: Vec<Line> =
            String::from_utf8(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let said: Vec<_> = lines
            .into_iter()
            .filter(|line| line.record.action == Action::ConfigurationChanged)
            .map(|line| line.record.decision.unwrap())
            .collect();
        assert_eq!(said[0], "changed: first rules and settings");
        assert_eq!(said[1], format!("changed: policy, before {}", "01".repeat(32)));
        assert_eq!(said[2..], ["changed: floor"]);
        bench.sound();
    }
}
