//! People's rights at the council's own terminal: signed receipts, exports, opt-out files.
//!
//! The work itself is the [store](crate::store::people)'s. Here is what goes with it: a receipt that says what was done and
//! nothing about the person, the file that a person is given, and the reading of an opt-out list.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_runtime::tls::{OwnSigner, Trust};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clean::identifiers::{NhsNumber, nhs_number};
use crate::home::Home;
use crate::import::columns::Column;
use crate::store::people::{Mention, Person, RawRow};
use crate::store::{PersonId, Submission};

/// What every signed receipt begins with, so that the signature serves no other purpose.
const PURPOSE: &[u8] = b"folkmoot/receipt/1\n";

/// What was done for a person, on paper. It says nothing about the person: not the id they were found by, no value of
/// theirs. `reference` ties it to the council's own file on the request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Whose node.
    pub council: CouncilCode,
    /// `erased`, `exported`, `restricted`, `restriction ended` or `opt-out list loaded`.
    pub done: String,
    /// When, RFC 3339 in UTC.
    pub when: String,
    /// Who did it.
    pub by: String,
    /// The council's own reference of the request, if given.
    pub reference: Option<String>,
    /// Rows removed or exported, by SHA-256 of the file they came in.
    pub rows: BTreeMap<String, u64>,
    /// Links to the person on other people's rows that were removed.
    pub links: u64,
    /// SHA-256 of the exported file, or of an opt-out list that was loaded.
    pub exported: Option<String>,
    /// Random, so that no two receipts are the same and the receipt's digest gives nothing away.
    pub nonce: String,
}

/// A receipt with the node's signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// What was done.
    pub receipt: Receipt,
    /// By the node's signing key; `None` when it has no signing certificate yet.
    pub signature: Option<ReceiptSignature>,
}

/// A signature under a receipt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSignature {
    /// Who signed, as an identity URI.
    pub signer: String,
    /// Their Ed25519 public key, hexadecimal; it is the one in their signing certificate.
    pub key: String,
    /// Ed25519 over `folkmoot/receipt/1`, a line end, and the receipt as JSON without blanks, fields in this order;
    /// hexadecimal.
    pub signature: String,
    /// The signing certificate and its authority's, leaf first, DER in hexadecimal: with the federation's roots alone
    /// anybody can check the receipt, also when this node has another certificate by then.
    #[serde(default)]
    pub chain: Vec<String>,
}

/// Why a receipt is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unbelieved {
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// The certificates in it cannot be read.
    #[error("its certificates cannot be read")]
    Chain,
    /// Its moment cannot be read.
    #[error("the moment in it cannot be read")]
    Moment,
    /// The certificate does not lead to the roots, was not valid then, or is not a council's for signing.
    #[error("its certificate is refused")]
    Certificate(#[source] Box<folkmoot_runtime::tls::Refusal>),
    /// The certificate is of another council than the receipt.
    #[error("it speaks for council {said}, and {signer} signed it")]
    OtherCouncil {
        /// The council in the receipt.
        said: CouncilCode,
        /// Whose certificate it is.
        signer: String,
    },
    /// What is written in it is not what was signed.
    #[error("its text is not what was signed: it was changed")]
    Changed,
}

impl Receipt {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = PURPOSE.to_vec();
        bytes.extend(serde_json::to_vec(self).expect("a receipt is plain texts and numbers"));
        bytes
    }

    /// SHA-256 of the signed bytes, hexadecimal: what the audit log keeps.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.bytes()))
    }

    /// Signs it, if there is a key to sign with.
    pub fn sign(self, signer: Option<&OwnSigner>) -> SignedReceipt {
        let signature = signer.map(|own| ReceiptSignature {
            signer: own.signer().identity.to_string(),
            key: hex::encode(own.signer().public_key),
            signature: hex::encode(own.sign(&self.bytes())),
            chain: own.chain().iter().map(hex::encode).collect(),
        });
        SignedReceipt { receipt: self, signature }
    }
}

impl SignedReceipt {
    /// Whether the signature is that of `key` over this receipt.
    pub fn holds(&self, key: &[u8; 32]) -> bool {
        let Some(signature) = &self.signature else { return false };
        let (Ok(key), Ok(bytes)) = (VerifyingKey::from_bytes(key), hex::decode(&signature.signature)) else {
            return false;
        };
        Signature::from_slice(&bytes).is_ok_and(|signature| key.verify(&self.receipt.bytes(), &signature).is_ok())
    }

    /// Whether the council that it speaks for signed it, by certificates that lead to the roots of `trust`, and when the
    /// certificate was valid.
    ///
    /// # Errors
    /// [`Unbelieved`], with the first thing that does not hold.
    pub fn check(&self, trust: &Trust) -> Result<Identity, Unbelieved> {
        let signature = self.signature.as_ref().ok_or(Unbelieved::Unsigned)?;
        let chain: Vec<CertificateDer<'static>> = signature
            .chain
            .iter()
            .map(|der| hex::decode(der).map(CertificateDer::from))
            .collect::<Result<_, _>>()
            .map_err(|_| Unbelieved::Chain)?;
        let when: jiff::Timestamp = self.receipt.when.parse().map_err(|_| Unbelieved::Moment)?;
        let signer = trust
            .verify_signer(&chain, &[Role::Council], when)
            .map_err(|refusal| Unbelieved::Certificate(Box::new(refusal)))?;
        if signer.identity.council() != Some(self.receipt.council) {
            let (said, signer) = (self.receipt.council, signer.identity.to_string());
            return Err(Unbelieved::OtherCouncil { said, signer });
        }
        if !self.holds(&signer.public_key) {
            return Err(Unbelieved::Changed);
        }
        Ok(signer.identity)
    }
}

/// The node's signing key, when it has a certificate for it that others would believe now.
pub fn signer(home: &Home, now: jiff::Timestamp) -> Option<OwnSigner> {
    match OwnSigner::load(&home.signing(), now) {
        Ok(signer) => Some(signer),
        Err(error) => {
            tracing::debug!(%error, "receipts are not signed");
            None
        }
    }
}

/// The id of a person as a person types it.
///
/// # Errors
/// What is wrong with it, without repeating it.
pub fn nhs_id(text: &str) -> Result<PersonId, String> {
    match nhs_number(text.trim()) {
        NhsNumber::Valid(number, _) => Ok(PersonId::Nhs(number)),
        NhsNumber::Check => Err("this NHS number has a wrong check digit: a digit is mistyped".to_owned()),
        NhsNumber::Repeated => Err("an NHS number is not one digit ten times".to_owned()),
        NhsNumber::NineDigits => Err("this NHS number has nine digits: one is missing".to_owned()),
        NhsNumber::Scientific | NhsNumber::Other => Err("an NHS number has ten digits".to_owned()),
    }
}

/// The NHS numbers of an opt-out file: one a line, or the first column of a CSV file; the first line may be a header.
///
/// # Errors
/// The lines that hold no valid NHS number, without what they hold. A list with mistakes is not taken at all: a person who
/// opted out would be missed.
pub fn opt_out_numbers(text: &[u8]) -> Result<Vec<u64>, String> {
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut numbers, mut wrong) = (Vec::new(), Vec::new());
    for (place, line) in text.lines().enumerate() {
        let cell = line.split([',', ';', '\t']).next().unwrap_or_default().trim().trim_matches('"').trim();
        if cell.is_empty() {
            if !line.trim().is_empty() {
                wrong.push(place + 1);
            }
            continue;
        }
        match nhs_number(cell) {
            NhsNumber::Valid(number, _) => numbers.push(number),
            _ if place == 0 && !cell.chars().any(|c| c.is_ascii_digit()) => {}
            _ => wrong.push(place + 1),
        }
    }
    if wrong.is_empty() {
        return Ok(numbers);
    }
    let shown: Vec<String> = wrong.iter().take(10).map(ToString::to_string).collect();
    let more = if wrong.len() > 10 { format!(" and {} more", wrong.len() - 10) } else { String::new() };
    Err(format!(
        "no valid NHS number in line {}{more}; nothing was loaded: a list with mistakes would miss people who opted out",
        shown.join(", ")
    ))
}

/// What is not in an export, and why, in words for the person.
pub const NOT_HELD: &str = "Histories are made from these rows each time a question is answered, and are not stored. The \
    ledger of answers and the audit log hold protected figures, and who asked and decided. Of people who draw on care there is \
    nothing in them but keyed fingerprints of those who are erased or restricted, beside the log, so that this still holds \
    when an older copy of the records is put back.";

/// Everything held on a person as a JSON document: marks, rows, what was found in them, and where other people's rows name
/// the person (without those rows, which are about others).
pub fn export_json(
    council: CouncilCode,
    person: &Person,
    rows: &[RawRow],
    mentions: &[Mention],
    submissions: &[Submission],
) -> Vec<u8> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let cells: serde_json::Map<_, _> =
                row.cells.iter().map(|(column, text)| (column.header().to_owned(), text.clone().into())).collect();
            let findings: Vec<_> = row
                .findings
                .iter()
                .map(|(column, rule)| {
                    serde_json::json!({ "column": column.map(|column| column.header()), "rule": rule.id() })
                })
                .collect();
            let (file, received) = origin(submissions, row.submission);
            serde_json::json!({
                "submission": row.submission,
                "file": file,
                "received": received,
                "row": row.number,
                "cells": cells,
                "findings": findings,
            })
        })
        .collect();
    let mentions: Vec<_> = mentions
        .iter()
        .map(|mention| {
            let (file, received) = origin(submissions, mention.submission);
            serde_json::json!({
                "submission": mention.submission,
                "file": file,
                "received": received,
                "row": mention.row,
                "column": mention.column.header(),
            })
        })
        .collect();
    let document = serde_json::json!({
        "council": council.as_str(),
        "restricted": person.restricted,
        "national_data_opt_out": person.opted_out,
        "erased_before": person.erased,
        "ids_shared_with_others": person.shared.len(),
        "rows": rows,
        "named_on_rows_of_others": mentions,
        "not_held": NOT_HELD,
    });
    let mut text = serde_json::to_vec_pretty(&document).expect("plain texts and numbers");
    text.push(b'\n');
    text
}

/// Everything held on a person as CSV: where the row came from, every column of the specification, findings.
///
/// # Errors
/// Never in memory; passed on from the writer.
pub fn export_csv(rows: &[RawRow], submissions: &[Submission]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let origins = ["Submission", "File", "Received", "Row in file"].into_iter();
    let headers = origins.chain(Column::ALL.iter().map(|column| column.header())).chain(["Findings"]);
    writer.write_record(headers)?;
    for row in rows {
        let (file, received) = origin(submissions, row.submission);
        let mut record = vec![row.submission.to_string(), file, received, row.number.to_string()];
        record.extend(Column::ALL.iter().map(|column| {
            row.cells.iter().find(|(held, _)| held == column).map(|(_, text)| text.clone()).unwrap_or_default()
        }));
        let findings = row.findings.iter().map(|(column, rule)| match column {
            Some(column) => format!("{}: {}", column.header(), rule.id()),
            None => rule.id().to_owned(),
        });
        record.push(findings.collect::<Vec<_>>().join("; "));
        writer.write_record(&record)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn origin(submissions: &[Submission], id: i64) -> (String, String) {
    submissions
        .iter()
        .find(|held| held.id == id)
        .map_or_else(Default::default, |held| (held.file_name.clone(), held.received.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_holds_under_its_key_and_no_other_word() {
        use ed25519_dalek::{Signer as _, SigningKey};
        let receipt = Receipt {
            council: "503".parse().unwrap(),
            done: "erased".to_owned(),
            when: "2026-11-22T09:00:00Z".to_owned(),
            by: "Jo Doe".to_owned(),
            reference: Some("ER-14".to_owned()),
            rows: BTreeMap::from([("ab".repeat(32), 3)]),
            links: 1,
            exported: None,
            nonce: "00".repeat(16),
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        let signature = ReceiptSignature {
            signer: "folkmoot://england/council/503".to_owned(),
            key: hex::encode(key.verifying_key().to_bytes()),
            signature: hex::encode(key.sign(&receipt.bytes()).to_bytes()),
            chain: Vec::new(),
        };
        let signed = SignedReceipt { receipt, signature: Some(signature) };
        let read: SignedReceipt = serde_json::from_str(&serde_json::to_string_pretty(&signed).unwrap()).unwrap();
        assert!(read.holds(&key.verifying_key().to_bytes()), "after a trip through a file, too");
        assert!(!read.holds(&SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()));
        let mut forged = read.clone();
        forged.receipt.rows.insert("cd".repeat(32), 1);
        assert!(!forged.holds(&key.verifying_key().to_bytes()));
        assert!(!SignedReceipt { signature: None, ..read }.holds(&key.verifying_key().to_bytes()));
    }

    #[test]
    fn an_opt_out_list_is_taken_whole_or_not_at_all() {
        let good = "\u{feff}NHS number,surname\r\n999 000 0018,x\r\n\r\n\"9990000026\"\n";
        assert_eq!(opt_out_numbers(good.as_bytes()).unwrap(), [9_990_000_018, 9_990_000_026]);
        assert_eq!(opt_out_numbers(b"").unwrap(), [0_u64; 0]);
        let wrong = opt_out_numbers(b"9990000018\n9990000019\nx\n,9990000026\n").unwrap_err();
        assert!(wrong.contains("line 2, 3, 4;"), "{wrong}");
        assert!(!wrong.contains("9990000019"), "{wrong}");
        assert!(opt_out_numbers(b"9990000019\n").is_err(), "a mistyped number is no header");
    }

    #[test]
    fn a_mistyped_number_is_refused_without_repeating_it() {
        assert!(matches!(nhs_id(" 999 000 0018 "), Ok(PersonId::Nhs(9_990_000_018))));
        for wrong in ["9990000019", "999000001", "9999999999", "9.99E+09", "P100", ""] {
            let error = nhs_id(wrong).err().unwrap();
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
    }
}
