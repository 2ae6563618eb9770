//! `audit receipts`: receipts of what left, signed by this council.

#![allow(clippy::print_stdout, reason = "a command's output is for a person at a terminal")]

use std::path::PathBuf;

use anyhow::Context as _;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::receipt::{MOST, Page};
use folkmoot_runtime::clock::{Clock as _, SystemClock};
use folkmoot_runtime::enrol::write_new;
use folkmoot_runtime::tls::OwnSigner;

use crate::answer::receipts::signed_page;
use crate::audit::Book;
use crate::home::Home;

/// Arguments of `audit receipts`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The same pages that an auditor fetches through the coordinator. No figure and no name of a person is in them.\n\nExample:\n  folkmoot-node audit receipts --out receipts.json"
)]
pub(in crate::cli) struct Args {
    /// Number of the entry to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from: u64,
    /// New file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Without a valid signing certificate, when the log cannot be read, or the file is there.
pub(in crate::cli) fn run(book: &Book, council: CouncilCode, home: &Home, args: &Args) -> anyhow::Result<()> {
    let now = SystemClock::new().now();
    let signer = OwnSigner::load(&home.signing(), now)
        .context("receipts are signed; `doctor` says what the certificate lacks")?;
    let (mut from, mut pages, mut receipts) = (args.from, Vec::new(), 0);
    loop {
        let signed = signed_page(book, council, (from, MOST), now, &signer)?;
        let page: Page = serde_json::from_slice(&signed.statement)?;
        receipts += page.receipts.len();
        pages.push(serde_json::json!({
            "statement": String::from_utf8_lossy(&signed.statement),
            "signature": hex::encode(&signed.signature),
            "chain": signed.chain.iter().map(hex::encode).collect::<Vec<_>>(),
        }));
        match page.next {
            Some(next) => from = next,
            None => break,
        }
    }
    let mut text = serde_json::to_vec_pretty(&pages)?;
    text.push(b'\n');
    write_new(&args.out, &text, true)?;
    println!("{receipts} receipts written to {}", args.out.display());
    Ok(())
}
