//! Receipts: made, signed, written, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use folkmoot_proto::identity::Identity;
use folkmoot_runtime::enrol::write_new;
use folkmoot_runtime::tls::Trust;
use rand::Rng as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::cli::Session;
use crate::cli::name::Name;
use crate::people::{self, Receipt, SignedReceipt};

/// A receipt of something done now, with nothing in it yet.
pub(super) fn blank(session: &Session, done: &str, reference: Option<String>, by: &Name) -> Receipt {
    Receipt {
        council: session.config().council,
        done: done.to_owned(),
        when: session.clock().now().to_string(),
        by: by.as_str().to_owned(),
        reference,
        rows: BTreeMap::new(),
        links: 0,
        exported: None,
        nonce: nonce(),
    }
}

/// Rows by the digest of their file.
pub(super) fn by_file(session: &Session, rows: &BTreeMap<i64, u64>) -> anyhow::Result<BTreeMap<String, u64>> {
    let submissions = session.records().submissions()?;
    let digest = |held: &crate::store::Submission| rows.get(&held.id).map(|count| (hex::encode(held.digest), *count));
    Ok(submissions.iter().filter_map(digest).collect())
}

fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

pub(super) fn receipt_beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".receipt.json");
    PathBuf::from(name)
}

/// Signs a receipt and writes it down; on the terminal when it has no file.
pub(super) fn write_receipt(session: &Session, receipt: Receipt, place: Option<&Path>) -> anyhow::Result<()> {
    let signer = people::signer(session.home(), session.clock().now());
    let signed = receipt.sign(signer.as_ref());
    let mut text = serde_json::to_vec_pretty(&signed)?;
    text.push(b'\n');
    if let Some(place) = place {
        write_new(place, &text, true)?;
        println!("Receipt: {}", place.display());
    } else {
        print!("{}", String::from_utf8_lossy(&text));
    }
    if signed.signature.is_none() {
        println!("The receipt is not signed: this node has no valid signing certificate (see `enrol` and `doctor`).");
    }
    Ok(())
}

pub(super) fn check_receipt(file: &Path, roots: &Path, crl: &Path) -> anyhow::Result<()> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let signed: SignedReceipt = serde_json::from_slice(&read(file)?)
        .with_context(|| format!("{} is no receipt of this program", file.display()))?;
    let signature = signed.signature.as_ref().with_context(|| format!("{} is not signed", file.display()))?;
    let identity = Identity::parse(&signature.signer).context("the name of whoever signed cannot be read")?;
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(roots)?)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error:?}", roots.display()))?;
    let lists: Vec<CertificateRevocationListDer<'static>> = CertificateRevocationListDer::pem_slice_iter(&read(crl)?)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error:?}", crl.display()))?;
    let trust = Trust::new(identity.federation().clone(), &certificates, &lists)?;
    let signer = signed.check(&trust).with_context(|| format!("{} is not believed", file.display()))?;
    let receipt = &signed.receipt;
    println!("The receipt holds: {signer} signed it, and nothing in it was changed.");
    let reference = receipt.reference.as_deref().map(|text| format!(", reference {text}")).unwrap_or_default();
    println!("  {} on {} by {}{reference}", receipt.done, receipt.when, receipt.by);
    println!("  rows: {}, links on other people's rows: {}", receipt.rows.values().sum::<u64>(), receipt.links);
    println!("  digest, as the audit log has it: {}", receipt.digest());
    Ok(())
}
