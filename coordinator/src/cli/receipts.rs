//! `receipts`: what a council's own log says of the answers that left it, checked here under the council's signature.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::clock::{Clock as _, SystemClock};
use folkmoot_runtime::tls::Settings;
use serde::{Deserialize, Serialize};

use super::client::{connect, failed};
use super::table::format;
use super::{Caller, OK, Outcome};
use crate::answer::tidy;
use crate::receipts::checked;

/// Arguments of `receipts`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs an auditor's certificate. From the council itself while it is linked; else the pages that the coordinator took after earlier jobs, signed by the council all the same. Each receipt carries the digest of what left and the entry of the council's log; the page carries the log's head. Compare them with `heads`, and with what the council's `audit export` shows.\n\nExamples:\n  folkmoot-coordinator receipts 503\n  folkmoot-coordinator receipts 503 --out receipts-503.json"
)]
pub(crate) struct Receipts {
    /// The council's code
    #[arg(value_name = "COUNCIL")]
    council: CouncilCode,
    /// Number of the log's entry to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from: u64,
    /// Write the pages with their signatures to this new file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caller: Caller,
}

/// A page as it is kept: the very text that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    statement: String,
    signature: String,
    chain: Vec<String>,
}

pub(crate) async fn run(args: &Receipts) -> Outcome {
    if let Some(out) = args.out.as_deref().filter(|out| out.exists()) {
        bail!("{} is there already, and is left alone", out.display());
    }
    let mut connected = connect(&args.caller).await?;
    let clock = Arc::new(SystemClock::new());
    let settings = Settings::load(&connected.profile.tls, Arc::<SystemClock>::clone(&clock))?;
    let (mut from, mut pages, mut kept) = (args.from.max(1), Vec::new(), Vec::new());
    loop {
        let request = wire::CouncilReceiptsRequest { council: args.council.to_string(), from };
        let reply = connected.client.receipts(request).await.map_err(failed)?.into_inner();
        let page = checked(&reply, args.council, settings.trust(), clock.now())?;
        let kept_next = reply.kept_next;
        kept.push(Kept {
            statement: String::from_utf8(reply.statement).context("a page of receipts is no text")?,
            signature: hex::encode(&reply.signature),
            chain: reply.chain.iter().map(hex::encode).collect(),
        });
        // A kept page ends where the log ended then; the next one that is kept goes on from there.
        let next = page.next.or((kept_next > 0).then_some(kept_next));
        pages.push(page);
        match next {
            Some(next) if next > from => from = next,
            _ => break,
        }
    }
    if let Some(out) = &args.out {
        write(out, &kept)?;
    }
    if args.caller.json {
        say!("{}", serde_json::to_string_pretty(&pages)?);
        return Ok(OK);
    }
    let rows: Vec<Vec<String>> = pages
        .iter()
        .flat_map(|page| &page.receipts)
        .map(|receipt| {
            vec![
                receipt.entry.to_string(),
                tidy(receipt.moment.get(..10).unwrap_or_default()),
                tidy(&receipt.what),
                tidy(&receipt.release),
                Rho::from_nano(receipt.charge_nano).map_or("0".to_owned(), |rho| rho.to_string()),
                tidy(&receipt.left),
                tidy(&receipt.question),
            ]
        })
        .collect();
    let header = ["entry", "day", "what", "protection", "charged (rho)", "digest of what left", "question"];
    put!("{}", format(&header, &[true, false, false, false, true], &rows));
    let last = pages.last().context("there is a page at least")?;
    say!(
        "{} receipts, signed by council {}; its log's head was {}:{} at {}",
        rows.len(),
        args.council,
        last.entries,
        last.head,
        tidy(&last.made)
    );
    if let Some(out) = &args.out {
        say!("pages with their signatures: {}", out.display());
    }
    Ok(OK)
}

fn write(out: &Path, kept: &[Kept]) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(kept)?;
    text.push(b'\n');
    std::fs::write(out, text).with_context(|| format!("writing {}", out.display()))
}
