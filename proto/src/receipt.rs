//! Receipts: what a council's own log says of the answers that left it, signed by the council, for auditors.
//!
//! The coordinator passes them on and cannot make or change one. An auditor compares a receipt's digest of what left with
//! what the coordinator was sent, its entry with the council's log, and the head with heads seen elsewhere.

use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::wire::v1 as wire;

/// Most receipts on one page.
pub const MOST: u32 = 200;

/// What every signed page begins with, so that the signature serves no other purpose.
const PURPOSE: &[u8] = b"folkmoot/answer receipts/1\n";

/// What a council's log says of one message that left. No figure and no name of a person is in it. Digests are
/// SHA-256, hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Number of the log's entry.
    pub entry: u64,
    /// Digest of the entry.
    pub entry_digest: String,
    /// When, RFC 3339 in UTC.
    pub moment: String,
    /// `released`, `repeated`, `masked` or `unmasked`.
    pub what: String,
    /// Query id, hexadecimal.
    pub query: String,
    /// Which attempt of the question.
    pub attempt: Option<u32>,
    /// Role of whoever asked, such as `national analyst`.
    pub asked_by: String,
    /// The question in words.
    pub question: String,
    /// Digest of the canonical question.
    pub question_digest: String,
    /// Release kind with its price or profile.
    pub release: String,
    /// Purpose as stated.
    pub purpose: String,
    /// Lawful basis as stated.
    pub lawful_basis: String,
    /// What was decided, in words.
    pub decision: String,
    /// `applied` when people with a national data opt-out were left out, `not-applied`, or empty when it was not recorded.
    pub opt_out: String,
    /// Digest of the policy in force.
    pub policy: String,
    /// Billionths of rho charged by this entry.
    pub charge_nano: u64,
    /// Digest of what left.
    pub left: String,
}

/// Some receipts of one council, in the order of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The council's code.
    pub council: String,
    /// When the page was made, RFC 3339 in UTC.
    pub made: String,
    /// Number of the last entry of the log then.
    pub entries: u64,
    /// Digest of that entry.
    pub head: String,
    /// The first entry looked at.
    pub from: u64,
    /// The entry at which the next page begins; absent when this is the last.
    pub next: Option<u64>,
    /// The receipts.
    pub receipts: Vec<Receipt>,
}

/// What a council signs for a page, given the page's JSON as it is sent.
pub fn signable(statement: &[u8]) -> Vec<u8> {
    [PURPOSE, statement].concat()
}

/// Whether a reply's signature is that of `key` over its statement.
pub fn holds(reply: &wire::ReceiptsReply, key: &[u8; 32]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
    Signature::from_slice(&reply.signature)
        .is_ok_and(|signature| key.verify_strict(&signable(&reply.statement), &signature).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    #[test]
    fn a_page_holds_under_its_key_and_no_other_bytes() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let statement = b"{\"council\":\"503\"}".to_vec();
        let signature = key.sign(&signable(&statement)).to_bytes().to_vec();
        let reply = wire::ReceiptsReply { statement: statement.clone(), signature, chain: vec![], kept_next: 0 };
        let public = key.verifying_key().to_bytes();
        assert!(holds(&reply, &public));
        assert!(!holds(&reply, &SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()));
        for changed in [
            wire::ReceiptsReply { statement: b"{\"council\":\"504\"}".to_vec(), ..reply.clone() },
            wire::ReceiptsReply { signature: vec![0; 64], ..reply.clone() },
            wire::ReceiptsReply { signature: vec![1; 3], ..reply.clone() },
            // A signature over the statement alone, made for something else.
            wire::ReceiptsReply { signature: key.sign(&statement).to_bytes().to_vec(), ..reply.clone() },
        ] {
            assert!(!holds(&changed, &public));
        }
    }
}
