//! Who is linked: takes accepted links in, welcomes or refuses them, and knows at any time which council can be asked.
//!
//! ```text
//! attend(stream, council of the certificate)
//!   one at a time for each council
//!   older link of the same council?  probe it:  answers -> refuse the newer one, with the reason, over itself
//!                                               silent  -> cut the older one
//!   welcome -> reply: right council, common version, and whatever else the Host checks (membership, ledger head)
//!   registered until the stream is gone
//! ```
//!
//! - **Who a council is comes from its certificate.** The code in its reply is compared with it and never believed over it.
//! - **A newer link does not simply win.** Two nodes of one council would evict each other for ever; so the one that works stays. Nor does the older
//!   one: a path that a firewall has forgotten looks alive from here, so it has to answer within [`limits::PROBE_DEADLINE`] to stay.
//! - **A link is used once.** What [`Links::link`] hands out leads to the node that was welcomed, or nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::text::is_unseen;
use folkmoot_proto::wire::v1;
use folkmoot_proto::wire::v1::node_client::NodeClient;
use folkmoot_proto::{limits, version};
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::link::{self, Link, Sorted, sort};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

/// How long a node may take to answer its welcome.
const REPLY_DEADLINE: Duration = Duration::from_secs(15);

/// Events that a slow listener may fall behind before it misses some.
const EVENTS: usize = 1024;

/// Letters kept of what a node says about itself.
const SOFTWARE: usize = 100;

/// What the coordinator says to a council at the door besides its own name, and what it makes of the answer.
#[tonic::async_trait]
pub trait Host: Send + Sync + 'static {
    /// What to say to `council`. An error refuses the link without asking.
    async fn invite(&self, council: CouncilCode) -> Result<Invitation, Refusal>;

    /// Looks at the answer of `council`. An error refuses the link.
    async fn meet(&self, council: CouncilCode, reply: &v1::WelcomeReply) -> Result<(), Refusal>;
}

/// What is said in a welcome for the council's own sake.
#[derive(Clone, Debug, Default)]
pub struct Invitation {
    /// The council's latest ledger head that this coordinator has witnessed.
    pub witnessed: Option<v1::Head>,
    /// The signed registry, if the node may not have it yet.
    pub registry: Vec<u8>,
}

/// A link of one council, told apart from all its other links, earlier and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A council that can be asked.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The council, from its certificate.
    pub council: CouncilCode,
    /// This link.
    pub id: LinkId,
    /// Since when.
    pub since: Timestamp,
    /// From where, for operators.
    pub from: String,
    /// The protocol version both sides settled on.
    pub version: u32,
    /// What the node says about itself.
    pub software: String,
    /// Last day covered by the node's latest submission, in days since 1970-01-01, as the node says.
    pub data_until: Option<i32>,
    /// Where calls go.
    pub link: Link,
}

/// Something happened to a council's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The council can be asked.
    Up(CouncilCode, LinkId),
    /// The council cannot be asked any more.
    Down(CouncilCode, LinkId),
    /// A connection of the council was turned away.
    Refused(CouncilCode, Refusal),
}

/// All links. Clones share them.
#[derive(Clone)]
pub struct Links {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    host: Arc<dyn Host>,
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
    linked: watch::Sender<BTreeSet<CouncilCode>>,
    events: broadcast::Sender<Event>,
}

#[derive(Default)]
struct Table {
    next: u64,
    linked: BTreeMap<CouncilCode, Linked>,
    /// When each council's link last came up or went down, and why it was last refused.
    seen: BTreeMap<CouncilCode, Seen>,
    /// Held while a council's connection is being judged. There is one for each certificate ever seen, and the authority decides how many exist.
    doors: BTreeMap<CouncilCode, Arc<tokio::sync::Mutex<()>>>,
}

/// What is remembered about a council between links.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When its link last came up or went down; `None` when it has not been linked since the coordinator started.
    pub changed: Option<Timestamp>,
    /// Why its last connection was refused, until one is kept.
    pub refused: Option<Refusal>,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("linked", &self.inner.linked.borrow()).finish_non_exhaustive()
    }
}

/// A connection did not become a link.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused, and the node was told so.
    #[error("refused: {}", .0.sentence())]
    Refused(Refusal),
    /// The node refused the welcome.
    #[error("the node refused: {0}")]
    ByNode(String),
    /// The node was gone, or did not answer, before it was welcomed.
    #[error("the node was gone before it was welcomed: {0}")]
    Gone(String),
}

impl Links {
    /// No links yet, for the coordinator called `name`.
    pub fn new(name: impl Into<String>, host: Arc<dyn Host>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                host,
                clock,
                table: Mutex::default(),
                linked: watch::Sender::default(),
                events: broadcast::Sender::new(EVENTS),
            }),
        }
    }

    /// Every council that can be asked now, by code.
    pub fn connected(&self) -> Vec<Linked> {
        self.table().linked.values().cloned().collect()
    }

    /// The link of `council`, if it can be asked now.
    pub fn link(&self, council: CouncilCode) -> Option<Linked> {
        self.table().linked.get(&council).cloned()
    }

    /// What is remembered about `council` since the coordinator started.
    pub fn seen(&self, council: CouncilCode) -> Seen {
        self.table().seen.get(&council).cloned().unwrap_or_default()
    }

    /// The councils that can be asked, to be waited on.
    pub fn watch(&self) -> watch::Receiver<BTreeSet<CouncilCode>> {
        self.inner.linked.subscribe()
    }

    /// What happens from now on. A listener that falls far behind is told that it missed some; [`Links::connected`] is always right.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Takes in a connection of `council`, as its certificate says, and stays with it until it is gone.
    ///
    /// Dropping the future closes the link.
    ///
    /// # Errors
    /// Why it did not become a link. Both ends know the reason where there is one.
    pub async fn attend<S>(&self, stream: S, council: CouncilCode, from: &str) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let link = link::channel(stream).await.map_err(|e| Error::Gone(e.to_string()))?;
        // Whatever happens to this future, the stream does not outlive it.
        let _cut = CutOnDrop(link.clone());
        let door = Arc::clone(self.table().doors.entry(council).or_default());
        let judged = tokio::select! {
            judged = async {
                let _door = door.lock().await;
                self.judge(&link, council, from).await
            } => judged,
            () = link.closed() => Err(Error::Gone("it closed the connection".to_owned())),
        };
        let id = match judged {
            Ok(id) => id,
            Err(error) => {
                self.turned_away(council, from, &error);
                return Err(error);
            }
        };
        let _leave = Leave { links: self, council, id };
        link.closed().await;
        Ok(())
    }

    /// Decides about a new connection; if it is kept, it is registered.
    async fn judge(&self, link: &Link, council: CouncilCode, from: &str) -> Result<LinkId, Error> {
        if let Some(older) = self.link(council) {
            if answers(&older.link).await {
                let refusal = Refusal::new(
                    Reason::AlreadyLinked,
                    format!(
                        "a node of council {council} is linked already, since {:.0} from {}, and answers; run one node for each council, and \
                         stop the other one first",
                        older.since, older.from
                    ),
                )
                .with("council", council);
                return Err(self.refuse(link, refusal).await);
            }
            tracing::info!(%council, link = %older.id, "the council's older link does not answer any more and is replaced");
            older.link.cut();
            self.leave(council, older.id);
        }
        let invitation = match self.inner.host.invite(council).await {
            Ok(invitation) => invitation,
            Err(refusal) => return Err(self.refuse(link, refusal).await),
        };
        let request = v1::WelcomeRequest {
            keep: true,
            witnessed: invitation.witnessed,
            registry: invitation.registry,
            ..self.greeting()
        };
        let reply = match timeout(REPLY_DEADLINE, NodeClient::new(link.channel()).welcome(request)).await {
            Ok(Ok(reply)) => reply.into_inner(),
            Ok(Err(status)) if sort(&status) == Sorted::Answer => {
                return Err(Error::ByNode(status.message().to_owned()));
            }
            // Often the node's own doing: it does not believe our certificate, and its log says why.
            Ok(Err(status)) => return Err(Error::Gone(link.cause().unwrap_or(status.message()).to_owned())),
            Err(_) => {
                return Err(Error::Gone(format!("no answer to the welcome within {} s", REPLY_DEADLINE.as_secs())));
            }
        };
        let version = match self.check(council, &reply).await {
            Ok(version) => version,
            Err(refusal) => return Err(self.refuse(link, refusal).await),
        };
        let software = reply.software.chars().filter(|c| !is_unseen(*c)).take(SOFTWARE).collect();
        Ok(self.register(council, from, version, software, reply.data_until, link))
    }

    async fn check(&self, council: CouncilCode, reply: &v1::WelcomeReply) -> Result<u32, Refusal> {
        if CouncilCode::parse(&reply.council) != Ok(council) {
            let says: String = reply.council.chars().filter(|c| !is_unseen(*c)).take(20).collect();
            return Err(Refusal::new(
                Reason::NotAllowed,
                format!(
                    "this node says that it is council {says}, but its certificate is council {council}'s; set the council's code or the \
                     certificate right"
                ),
            )
            .with("council", council));
        }
        let (least, most) = (reply.least_version, reply.most_version);
        let version = version::settle(version::LINK, least, most).ok_or_else(|| {
            Refusal::new(
                Reason::ProtocolVersion,
                format!(
                    "this node speaks link versions {least} to {most}, the coordinator {} to {}; upgrade whichever is older",
                    version::LINK.start(),
                    version::LINK.end()
                ),
            )
            .with("council", council)
        })?;
        self.inner.host.meet(council, reply).await?;
        Ok(version)
    }

    /// Tells the node that this link is not kept, and why.
    async fn refuse(&self, link: &Link, refusal: Refusal) -> Error {
        let request = v1::WelcomeRequest { keep: false, reason: refusal.sentence().to_owned(), ..self.greeting() };
        let told = timeout(REPLY_DEADLINE, NodeClient::new(link.channel()).welcome(request)).await;
        if !matches!(told, Ok(Ok(_))) {
            tracing::debug!("the refused node could not be told why");
        }
        Error::Refused(refusal)
    }

    fn greeting(&self) -> v1::WelcomeRequest {
        v1::WelcomeRequest {
            coordinator: self.inner.name.clone(),
            least_version: *version::LINK.start(),
            most_version: *version::LINK.end(),
            ..Default::default()
        }
    }

    fn register(
        &self,
        council: CouncilCode,
        from: &str,
        version: u32,
        software: String,
        data_until: Option<i32>,
        link: &Link,
    ) -> LinkId {
        let since = self.inner.clock.now();
        let mut table = self.table();
        let id = LinkId(table.next);
        table.next += 1;
        let from = from.to_owned();
        tracing::info!(%council, link = %id, from, software, "council linked");
        table
            .linked
            .insert(council, Linked { council, id, since, from, version, software, data_until, link: link.clone() });
        table.seen.insert(council, Seen { changed: Some(since), refused: None });
        self.announce(&table, Event::Up(council, id));
        id
    }

    /// Forgets a link, unless a newer one of the same council has taken its place.
    fn leave(&self, council: CouncilCode, id: LinkId) {
        let mut table = self.table();
        if table.linked.get(&council).is_some_and(|linked| linked.id == id) {
            table.linked.remove(&council);
            table.seen.entry(council).or_default().changed = Some(self.inner.clock.now());
            tracing::info!(%council, link = %id, "council not linked any more");
            self.announce(&table, Event::Down(council, id));
        }
    }

    fn turned_away(&self, council: CouncilCode, from: &str, error: &Error) {
        let Error::Refused(refusal) = error else {
            tracing::info!(%council, from, "a connection did not become a link: {error}");
            return;
        };
        let mut table = self.table();
        let known = table.seen.entry(council).or_default().refused.replace(refusal.clone());
        if known.is_some_and(|known| known.reason() == refusal.reason()) {
            tracing::debug!(%council, from, reason = refusal.reason().code(), "refused again");
        } else {
            tracing::warn!(%council, from, reason = refusal.reason().code(), "link refused: {}", refusal.sentence());
        }
        self.announce(&table, Event::Refused(council, refusal.clone()));
    }

    /// Tells listeners. The table is held meanwhile, so that what they hear is in the order in which it happened.
    fn announce(&self, table: &Table, event: Event) {
        self.inner.linked.send_if_modified(|set| {
            let now: BTreeSet<_> = table.linked.keys().copied().collect();
            let changed = *set != now;
            *set = now;
            changed
        });
        // Nobody may be listening.
        let _ = self.inner.events.send(event);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a node is really at the other end of a link. Any answer shows that, also one that says no.
async fn answers(link: &Link) -> bool {
    if link.is_closed() {
        return false;
    }
    match timeout(limits::PROBE_DEADLINE, NodeClient::new(link.channel()).probe(v1::ProbeRequest {})).await {
        Ok(Ok(_)) => true,
        Ok(Err(status)) => sort(&status) == Sorted::Answer,
        Err(_) => false,
    }
}

struct CutOnDrop(Link);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// Leaves the table when the link is gone, also when whoever attends it is stopped.
struct Leave<'a> {
    links: &'a Links,
    council: CouncilCode,
    id: LinkId,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.links.leave(self.council, self.id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
