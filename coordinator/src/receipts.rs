//! Councils' receipts for auditors: passed on from a council that is linked, and kept for when it is not.
//!
//! After each job the coordinator asks every council of it for what its log has said since the last time. A page is kept
//! only when the council's own signature holds, and it is kept and handed on as it was signed: the coordinator can neither
//! make nor change one. It can withhold one, which shows in the gap between the entries of the pages and the heads that
//! peers and the council itself know.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use folkmoot_proto::identity::Role;
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::receipt::{self, Page};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::tls::{Reloadable, Trust};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use prost::Message as _;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::tidy;
use crate::collect::Councils;
use crate::job::internal;
use crate::store::Store;

/// How long a council may take to read its log.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most pages taken of one council after one job; the rest comes after the next.
const MOST_PAGES: usize = 50;
/// Councils asked at the same time.
const AT_ONCE: usize = 8;
/// Receipts asked for at once, so that an honest page with long sentences stays well below [`MOST_BYTES`].
const AT_A_TIME: u32 = receipt::MOST / 2;
/// Most bytes of a page with its signature and certificates.
const MOST_BYTES: usize = 512 << 10;
/// No log has more entries. Beyond it numbers of entries could no longer be told apart in the store.
const MOST_ENTRIES: u64 = 1 << 40;

/// Passes receipts on and keeps them.
pub struct Keeper {
    councils: Arc<dyn Councils>,
    store: Store,
    tls: Arc<Reloadable>,
    clock: Arc<dyn Clock>,
    taken: watch::Sender<u64>,
}

impl Keeper {
    /// Over these links, into this store; `tls` has the roots that councils' signatures must lead to.
    pub fn new(councils: Arc<dyn Councils>, store: Store, tls: Arc<Reloadable>, clock: Arc<dyn Clock>) -> Self {
        Self { councils, store, tls, clock, taken: watch::Sender::default() }
    }

    /// Changes each time that the receipts of a job were taken.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.taken.subscribe()
    }

    /// Takes what these councils' logs have said since the last time. Who is not linked, or fails, is left for the next
    /// time; nothing depends on it.
    pub async fn take(&self, councils: BTreeSet<CouncilCode>) {
        let each = |council| async move {
            if let Err(error) = self.take_from(council).await {
                tracing::warn!(%council, "its receipts are not kept this time: {error:#}");
            }
        };
        futures_util::stream::iter(councils).map(each).buffer_unordered(AT_ONCE).collect::<()>().await;
        self.taken.send_modify(|count| *count += 1);
    }

    async fn take_from(&self, council: CouncilCode) -> anyhow::Result<()> {
        let store = &self.store;
        let mut from = store.off_thread(move |store| store.receipts_until(council)).await? + 1;
        for _ in 0..MOST_PAGES {
            let Some(reply) = self.ask(council, from).await.transpose()? else { return Ok(()) };
            let now = self.clock.now();
            let page = checked(&reply, council, self.tls.current().trust(), now)?;
            if page.from != from || page.next.is_some_and(|next| next <= from) {
                bail!("it was asked for its log from entry {from} on and tells of others");
            }
            // Nothing has left since: a page without receipts says no more than a head does.
            if page.receipts.is_empty() {
                return Ok(());
            }
            let (last, taken) = (page.next.map_or(page.entries, |next| next - 1), now.as_second());
            if last < from {
                bail!("its page ends before it begins");
            }
            store.off_thread(move |store| store.keep_receipts(council, (from, last), taken, &reply)).await?;
            match page.next {
                Some(next) => from = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// A page from the council itself; `None` when it is not linked.
    async fn ask(&self, council: CouncilCode, from: u64) -> Option<Result<wire::ReceiptsReply, Refusal>> {
        let channel = self.councils.channel(council)?;
        let request = wire::ReceiptsRequest { from, most: AT_A_TIME };
        let none = |why: String| Refusal::new(Reason::NotFound, why);
        Some(match timeout(DEADLINE, NodeClient::new(channel).receipts(request)).await {
            Ok(Ok(reply)) => Ok(wire::ReceiptsReply { kept_next: 0, ..reply.into_inner() }),
            Ok(Err(status)) => Err(Refusal::from_status(&status).unwrap_or_else(|| {
                tracing::warn!(%council, "receipts could not be had: {status}");
                none(format!("council {council} gives no receipts: its node is older, or failed"))
            })),
            Err(_) => Err(none(format!("council {council} did not answer within {} s", DEADLINE.as_secs()))),
        })
    }

    /// A page of one council's receipts for an auditor: from the council, or as it was kept when the council cannot give
    /// it now.
    ///
    /// # Errors
    /// The [`Refusal`] to give when there is neither.
    pub async fn page(&self, wanted: wire::CouncilReceiptsRequest) -> Result<wire::ReceiptsReply, Refusal> {
        let council = CouncilCode::parse(&wanted.council)
            .map_err(|_| Refusal::new(Reason::InvalidQuestion, "the council's code cannot be read"))?;
        let from = wanted.from.max(1);
        let refusal = match self.ask(council, from).await {
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(refusal)) => refusal,
            None => Refusal::new(
                Reason::NotFound,
                format!(
                    "council {council} is not linked now, and no receipts of it from entry {from} on are kept here; ask \
                     again later"
                ),
            ),
        };
        let kept = self.store.off_thread(move |store| store.kept_receipts(council, from)).await;
        match kept.map_err(|error| internal(&error))? {
            Some((reply, next)) => Ok(wire::ReceiptsReply { kept_next: next.unwrap_or(0), ..reply }),
            None => Err(refusal),
        }
    }
}

/// A page that this council signed, for itself.
///
/// # Guarantee
/// The signature is by a council's signing certificate under our root, unrevoked, and in force now or when the page says
/// it was made: a page may be older than the certificate of today. The page is of a bounded size, its receipts are in the
/// order of the log and of entries that it is about, and its numbers fit each other: whoever keeps or follows pages cannot
/// be led beyond the log's end, or made to keep more than the log can have.
///
/// # Errors
/// Which of these does not hold.
pub fn checked(
    reply: &wire::ReceiptsReply,
    council: CouncilCode,
    trust: &Trust,
    now: Timestamp,
) -> anyhow::Result<Page> {
    let bytes = reply.encoded_len();
    if bytes > MOST_BYTES {
        bail!("the page of receipts has {bytes} bytes; no more than {MOST_BYTES} are taken");
    }
    let chain: Vec<CertificateDer<'_>> = reply.chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let page: Page = serde_json::from_slice(&reply.statement).context("reading a page of receipts")?;
    let made: Timestamp = page.made.parse().context("reading when a page of receipts was made")?;
    let roles = [Role::Council];
    let signer = trust
        .verify_signer(&chain, &roles, now)
        .or_else(|refused| trust.verify_signer(&chain, &roles, made.min(now)).map_err(|_| refused))
        .context("the certificate behind the receipts is refused; do not rely on them")?;
    if signer.identity.council() != Some(council) {
        bail!("the receipts of {council} are signed by {}; do not rely on them", signer.identity);
    }
    if !receipt::holds(reply, &signer.public_key) {
        bail!("the receipts of {council} are not what it signed; do not rely on them");
    }
    if page.council != council.to_string() {
        bail!("the receipts are about council {}, not {council}", tidy(&page.council));
    }
    bounded(&page).with_context(|| format!("the receipts of {council} are signed, and cannot be what a log says"))?;
    Ok(page)
}

/// Refuses numbers that no log gives.
fn bounded(page: &Page) -> anyhow::Result<()> {
    if page.receipts.len() > receipt::MOST as usize {
        bail!("a page holds {} receipts, and {} are the most", page.receipts.len(), receipt::MOST);
    }
    if page.entries > MOST_ENTRIES || page.from > MOST_ENTRIES {
        bail!("a log with {} entries, read from entry {} on, is not believed", page.entries, page.from);
    }
    if let Some(next) = page.next.filter(|next| *next <= page.from || *next > page.entries) {
        bail!("after a page from entry {} of {} on there is none from entry {next} on", page.from, page.entries);
    }
    let last = page.next.map_or(page.entries, |next| next - 1);
    let mut least = page.from;
    for receipt in &page.receipts {
        if receipt.entry < least || receipt.entry > last {
            bail!("entry {} is not where a page about the entries {} to {last} has it", receipt.entry, page.from);
        }
        least = receipt.entry + 1;
    }
    Ok(())
}
