//! A recovery: the authority's leave for a council whose ledger was restored from a backup to go on from there.
//!
//! A restored ledger has forgotten what was spent after the backup, and the heads that others have seen prove it. Nobody
//! at the council can argue that away; the federation's authority can, by saying under its governance key which entries are
//! lost and how much of the budget is to be taken as spent in them.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::governance::{self, Canonical, GovernanceKey, digest, hex_array, is_whole, moment_text, sign};
use crate::identity::Federation;
use crate::ids::CouncilCode;
use crate::text::is_unseen;

const DOMAIN: &str = "folkmoot/recovery/1";

/// The longest reason, in bytes.
pub const MAX_REASON: usize = 500;

/// Why a recovery is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not signed by the pinned key.
    #[error("the recovery is not what the authority signed")]
    Unsigned(#[source] governance::Error),
    /// A form we do not know.
    #[error("the recovery has the form `{0}`, this program knows `{DOMAIN}`: update it")]
    Form(String),
    /// Made for another federation.
    #[error("the recovery belongs to federation {found}, this is {expected}")]
    OtherFederation {
        /// The recovery's.
        found: Federation,
        /// Ours.
        expected: Federation,
    },
    /// A field that cannot be.
    #[error("the recovery has a bad {0}")]
    Field(&'static str),
}

/// What the authority says about one council's lost entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Whose ledger.
    pub council: CouncilCode,
    /// Last entry that the restored ledger and the lost branch share.
    pub held_entries: u64,
    /// Its digest.
    #[serde(with = "hex_array")]
    pub held_digest: [u8; 32],
    /// Highest entry of the lost branch that anybody has seen.
    pub witnessed_entries: u64,
    /// What is to be taken as spent in the lost entries, in billionths of rho, in the budget year in which it is loaded.
    pub assume_spent_nano: u64,
    /// Why, for the council's audit log.
    pub reason: String,
    /// True when entries were written while the council's clock was ahead: the ledger may then go on from the right moment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resets_clock: bool,
    /// When it was signed.
    #[serde(with = "moment_text")]
    pub issued_at: Timestamp,
}

/// A recovery as it travels, believed by nobody until [`SignedRecovery::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRecovery {
    form: String,
    federation: Federation,
    statement: Statement,
    #[serde(with = "hex_array")]
    signed_by: [u8; 32],
    #[serde(with = "hex_array")]
    signature: [u8; 64],
}

impl SignedRecovery {
    /// Signs a statement with the governance key.
    ///
    /// # Errors
    /// [`Refusal::Field`] for entries that do not go forward, an empty or long reason, or a date with parts of a second.
    pub fn sign(federation: Federation, statement: Statement, key: &SigningKey) -> Result<Self, Refusal> {
        let signed_by = key.verifying_key().to_bytes();
        let mut signed = Self { form: DOMAIN.to_owned(), federation, statement, signed_by, signature: [0; 64] };
        signed.check_fields()?;
        signed.signature = sign(key, &signed.canonical());
        Ok(signed)
    }

    /// Checks form, federation and signature.
    ///
    /// **Guarantee**: what comes back was signed under `pinned`, byte for byte, for `federation`.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify(&self, pinned: &GovernanceKey, federation: &Federation) -> Result<VerifiedRecovery, Refusal> {
        if self.form != DOMAIN {
            return Err(Refusal::Form(self.form.chars().take(60).flat_map(char::escape_debug).collect()));
        }
        self.check_fields()?;
        let canonical = self.canonical();
        pinned.check(&canonical, &self.signed_by, &self.signature).map_err(Refusal::Unsigned)?;
        if &self.federation != federation {
            return Err(Refusal::OtherFederation { found: self.federation.clone(), expected: federation.clone() });
        }
        Ok(VerifiedRecovery { statement: self.statement.clone(), hash: digest(&canonical) })
    }

    fn check_fields(&self) -> Result<(), Refusal> {
        let said = &self.statement;
        // Numbers are kept as 63 bits; a head near the end of them would leave the chain nowhere to go on.
        if said.witnessed_entries < said.held_entries || said.witnessed_entries > 1 << 48 {
            return Err(Refusal::Field("range of entries"));
        }
        if said.assume_spent_nano > 1_000_000_000_000 {
            return Err(Refusal::Field("amount: rho 1000 is the most"));
        }
        if said.reason.trim().is_empty() || said.reason.len() > MAX_REASON || said.reason.chars().any(is_unseen) {
            return Err(Refusal::Field("reason: one line of 1 to 500 bytes is expected"));
        }
        if !is_whole(said.issued_at) {
            return Err(Refusal::Field("date of issue: whole seconds are expected"));
        }
        Ok(())
    }

    fn canonical(&self) -> Vec<u8> {
        let said = &self.statement;
        let mut to = Canonical::new(DOMAIN);
        to.text(self.federation.as_str())
            .text(said.council.as_str())
            .number(said.held_entries)
            .array(&said.held_digest)
            .number(said.witnessed_entries)
            .number(said.assume_spent_nano)
            .text(&said.reason)
            .moment(said.issued_at);
        // Recoveries of lost entries keep the bytes they always had.
        if said.resets_clock {
            to.text("resets the clock");
        }
        to.finish()
    }
}

/// A recovery that the pinned governance key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRecovery {
    statement: Statement,
    hash: [u8; 32],
}

impl VerifiedRecovery {
    /// Whose ledger.
    pub fn council(&self) -> CouncilCode {
        self.statement.council
    }

    /// Last entry that the restored ledger and the lost branch share.
    pub fn held_entries(&self) -> u64 {
        self.statement.held_entries
    }

    /// Its digest.
    pub fn held_digest(&self) -> &[u8; 32] {
        &self.statement.held_digest
    }

    /// Highest entry of the lost branch that anybody has seen.
    pub fn witnessed_entries(&self) -> u64 {
        self.statement.witnessed_entries
    }

    /// What is to be taken as spent, in billionths of rho.
    pub fn assume_spent_nano(&self) -> u64 {
        self.statement.assume_spent_nano
    }

    /// Why.
    pub fn reason(&self) -> &str {
        &self.statement.reason
    }

    /// Whether the ledger's clock is set back to the right moment.
    pub fn resets_clock(&self) -> bool {
        self.statement.resets_clock
    }

    /// When it was signed.
    pub fn issued_at(&self) -> Timestamp {
        self.statement.issued_at
    }

    /// SHA-256 of the canonical bytes.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn england() -> Federation {
        Federation::parse("england").unwrap()
    }

    fn statement() -> Statement {
        Statement {
            council: CouncilCode::parse("503").unwrap(),
            held_entries: 80,
            held_digest: [1; 32],
            witnessed_entries: 100,
            assume_spent_nano: 5,
            reason: "disk failure on 3 June".into(),
            resets_clock: false,
            issued_at: "2026-06-30T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn what_the_authority_signs_verifies_and_nothing_can_be_changed() {
        let key = SigningKey::from_bytes(&[99; 32]);
        let pinned = GovernanceKey::of(&key);
        let signed = SignedRecovery::sign(england(), statement(), &key).unwrap();
        let read: SignedRecovery = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        assert_eq!(read.verify(&pinned, &england()).unwrap().witnessed_entries(), 100);
        for change in [
            (|s| s.statement.council = CouncilCode::parse("504").unwrap()) as fn(&mut SignedRecovery),
            |s| s.statement.held_entries = 81,
            |s| s.statement.held_digest[0] ^= 1,
            |s| s.statement.witnessed_entries = 99,
            |s| s.statement.assume_spent_nano = 0,
            |s| s.statement.reason.push('x'),
            |s| s.statement.resets_clock = true,
            |s| s.signature[63] ^= 1,
        ] {
            let mut changed = signed.clone();
            change(&mut changed);
            assert!(matches!(changed.verify(&pinned, &england()), Err(Refusal::Unsigned(_))));
        }
        let other = Federation::parse("other").unwrap();
        assert!(matches!(signed.verify(&pinned, &other), Err(Refusal::OtherFederation { .. })));
    }

    #[test]
    fn a_statement_that_cannot_be_is_not_signed() {
        let key = SigningKey::from_bytes(&[99; 32]);
        for bad in [
            Statement { witnessed_entries: 79, ..statement() },
            Statement { witnessed_entries: u64::MAX, ..statement() },
            Statement { reason: " ".into(), ..statement() },
            Statement { reason: "a\nb".into(), ..statement() },
        ] {
            assert!(SignedRecovery::sign(england(), bad, &key).is_err());
        }
    }
}
