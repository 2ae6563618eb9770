//! Keeps the node linked to its coordinator: connects out, serves on the connection, waits for it to end, and begins again.
//!
//! ```text
//! Connecting -> Greeting -> Linked -> (lost) -+
//!     ^            |  \                       |
//!     |         refused \ no welcome          |
//!     +--- Waiting <-----+--------------------+       Stopped, once told to
//! ```
//!
//! - **Up means welcomed.** A connection proves nothing: under TLS 1.3 our handshake succeeds even when our certificate is about to be refused,
//!   and a relay accepts for a coordinator that is down. Only the coordinator's welcome makes the state [`State::Linked`], and until it has come
//!   every other call is turned away by the [`Gate`].
//! - **Every end is the same end.** Lost path, restarted coordinator, refusal: the connection's future ends, and the next one is dialled after a wait
//!   with full jitter, so that 153 nodes do not come back in one second. A refusal waits longer, since a person has to do something first.
//! - **Said once.** A trouble is logged when it begins and when it changes, not at every try. [`State`] always tells the present one.
//!
//! The node listens on no port: everything here is outbound.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use folkmoot_proto::limits;
use folkmoot_runtime::backoff::Backoff;
use folkmoot_runtime::clock::Clock;
use folkmoot_runtime::link::{self, Ended};
use jiff::Timestamp;
use rand::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

mod connect;
mod gate;

pub use connect::{Connect, Dialled, OverTls};
pub use gate::{Gate, Verdict};

use gate::Gated;

/// The shortest wait after a refusal. Nothing changes until a person or another process does something.
const REFUSED_WAIT: Duration = Duration::from_secs(30);

/// How long calls in hand may take to finish when the node stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// How long a link must have lasted for the next trouble to count as a new one. A link that ends at once, again and again, is backed off from.
const SETTLED: Duration = Duration::from_secs(10);

/// Where a try to link ended. In the order in which they are passed, which is also what `doctor` checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Finding the coordinator's address.
    Name,
    /// Connecting to it.
    Network,
    /// Proving to each other who we are.
    Tls,
    /// Waiting for the welcome.
    Welcome,
    /// Linked, and the link was lost.
    Link,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "finding the coordinator's address",
            Self::Network => "connecting to the coordinator",
            Self::Tls => "TLS with the coordinator",
            Self::Welcome => "waiting for the coordinator's welcome",
            Self::Link => "the link to the coordinator",
        })
    }
}

/// Why there is no link at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where it happened.
    pub stage: Stage,
    /// What happened and what to do, in words.
    pub reason: String,
    /// The other side said no, or we said no to it: trying again soon will not help.
    pub refused: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.reason)
    }
}

/// How the link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Finding and reaching the coordinator.
    Connecting,
    /// Connected; the welcome has not come yet.
    Greeting,
    /// Welcomed.
    Linked {
        /// Who the coordinator is, from its certificate.
        coordinator: String,
        /// Since when.
        since: Timestamp,
    },
    /// Waiting before the next try.
    Waiting {
        /// Why there is no link.
        trouble: Trouble,
        /// When the next try is made.
        until: Timestamp,
    },
    /// Told to stop.
    Stopped,
}

impl State {
    /// Whether questions can reach this node.
    pub fn is_linked(&self) -> bool {
        matches!(self, Self::Linked { .. })
    }
}

/// Keeps the node linked until `stop` is cancelled. `routes` is what the node serves; each request carries the connection's [`Gate`] in its extensions.
///
/// Returns when everything has ended: calls in hand get a few seconds to finish.
pub async fn run(
    connect: impl Connect,
    routes: Routes,
    clock: Arc<dyn Clock>,
    rng: &mut impl Rng,
    state: watch::Sender<State>,
    stop: CancellationToken,
) {
    let routes = routes.prepare();
    let mut backoff =
        Backoff::new(limits::REDIAL_FIRST, limits::REDIAL_MOST).expect("the constants are in the right order");
    let mut said: Option<Trouble> = None;
    loop {
        state.send_replace(State::Connecting);
        let mut attempt =
            Attempt { routes: &routes, clock: &clock, state: &state, stop: &stop, said: &mut said, linked: None };
        let trouble = attempt.run(&connect).await;
        let linked = attempt.linked;
        let Some(trouble) = trouble else { break };
        if linked.is_some_and(|at| at.elapsed() >= SETTLED) {
            backoff.reset();
        }
        if said.as_ref() == Some(&trouble) {
            tracing::debug!(stage = ?trouble.stage, reason = trouble.reason, "still no link");
        } else {
            tracing::warn!(stage = ?trouble.stage, "{trouble}; trying again until it works");
            said = Some(trouble.clone());
        }
        let mut wait = backoff.after_failure(rng);
        if trouble.refused {
            // The jitter stays, on top of the least wait.
            wait += REFUSED_WAIT;
        }
        let until = clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        state.send_replace(State::Waiting { trouble, until });
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => break,
        }
    }
    state.send_replace(State::Stopped);
}

/// One connection, from dialling to its end.
struct Attempt<'a> {
    routes: &'a Routes,
    clock: &'a Arc<dyn Clock>,
    state: &'a watch::Sender<State>,
    stop: &'a CancellationToken,
    said: &'a mut Option<Trouble>,
    /// When the welcome came.
    linked: Option<Instant>,
}

impl Attempt<'_> {
    /// `None` when told to stop.
    async fn run(&mut self, connect: &impl Connect) -> Option<Trouble> {
        let dialled = tokio::select! {
            dialled = connect.connect() => dialled,
            () = self.stop.cancelled() => return None,
        };
        let Dialled { stream, coordinator, mut disbelieved } = match dialled {
            Ok(dialled) => dialled,
            Err(error) => return Some(Trouble::from(&error)),
        };
        self.state.send_replace(State::Greeting);
        let gate = Gate::new(coordinator);
        let service = Gated::new(self.routes.clone(), gate.clone());
        let mut serving = std::pin::pin!(link::serve(stream, service, gate.clone(), self.stop.clone()));
        let mut late = std::pin::pin!(sleep(limits::WELCOME_DEADLINE));
        let mut seen = Verdict::Awaited;
        loop {
            tokio::select! {
                // In this order, since a refusal and the end of the connection may come together, and the refusal is the reason.
                biased;
                now = gate.after(&seen) => {
                    seen = now;
                    match &seen {
                        Verdict::Awaited => {}
                        Verdict::Kept => self.up(&gate),
                        Verdict::Refused(reason) => {
                            // Our reply has to get through; then the other side closes.
                            let _ = timeout(DRAIN_DEADLINE, serving).await;
                            return Some(Trouble { stage: Stage::Welcome, reason: reason.clone(), refused: true });
                        }
                    }
                }
                ended = &mut serving => {
                    let stage = if seen == Verdict::Kept { Stage::Link } else { Stage::Welcome };
                    let (reason, refused) = match ended {
                        Ok(Ended::Stopped) => return None,
                        Ok(Ended::ByPeer) => ("the coordinator closed the connection".to_owned(), false),
                        Err(error) => connect::lost(&error),
                    };
                    // The alert about our certificate comes after our side of the handshake, but it is TLS that failed.
                    return Some(Trouble { stage: if refused { Stage::Tls } else { stage }, reason, refused });
                }
                () = self.stop.cancelled() => {
                    let _ = timeout(DRAIN_DEADLINE, serving).await;
                    return None;
                }
                reason = &mut disbelieved => {
                    return Some(Trouble { stage: Stage::Tls, reason, refused: true });
                }
                () = &mut late, if seen == Verdict::Awaited => {
                    let reason = format!(
                        "none came within {} s; the coordinator is too busy, or something in between answers in its place",
                        limits::WELCOME_DEADLINE.as_secs()
                    );
                    return Some(Trouble { stage: Stage::Welcome, reason, refused: false });
                }
            }
        }
    }

    fn up(&mut self, gate: &Gate) {
        self.linked = Some(Instant::now());
        let coordinator = gate.coordinator().to_string();
        tracing::info!(coordinator, "linked: the coordinator can ask this node");
        *self.said = None;
        self.state.send_replace(State::Linked { coordinator, since: self.clock.now() });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
