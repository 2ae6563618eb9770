//! What ends a round that nobody goes on with: its time, a link that stays lost, and the node's own end.
//!
//! The coordinator tells no council that an attempt has failed, and it may be gone. So what this council holds for a round
//! (keys, seeds, others' shares) is looked after here and not left to the next invitation.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use folkmoot_proto::limits;
use folkmoot_proto::question::Question;
use folkmoot_proto::round::Step;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{MOST_OPEN, Open, Rounds, Stage};
use crate::answer::Answerer;
use crate::dial::State;

/// How often open rounds are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How long a link may be gone before the rounds in which this council has dealt shares are over: no step is waited for
/// longer from then on. Before that people at other councils may be waited for over hours, and nothing of anybody's is held
/// but fresh keys, so such a round outlives any interruption within its time.
const LINK_PATIENCE: Duration = limits::ROUND_STEP_DEADLINE;

/// Ends rounds whose time is over, those with dealt shares when the link stays lost for a step's time, and all of them when
/// `stop` is cancelled.
/// Returns once stopped, when nothing secret of any round is left; at once at a node that joins none.
///
/// `link` tells how the link stands.
pub async fn tend(answerer: Arc<Answerer>, mut link: watch::Receiver<State>, stop: CancellationToken) {
    let Some(rounds) = &answerer.rounds else { return };
    let (mut lost, mut next) = (None, Instant::now() + LOOK);
    loop {
        lost = if link.borrow_and_update().is_linked() { None } else { lost.or_else(|| Some(Instant::now())) };
        tokio::select! {
            () = stop.cancelled() => break,
            changed = link.changed() => {
                // Whoever kept the link has gone without a word: there will be no other.
                if changed.is_err() {
                    break;
                }
                continue;
            }
            // Not from now: a link that comes and goes must not put this off.
            () = sleep_until(next) => next = Instant::now() + LOOK,
        }
        if rounds.open().is_empty() {
            continue;
        }
        let gone = lost.is_some_and(|at| at.elapsed() >= LINK_PATIENCE);
        off_thread(&answerer, move |answerer, rounds| {
            if gone {
                answerer.forget(rounds, "the link to the coordinator was lost", |open| {
                    open.machine.next_step() != Some(Step::Share)
                });
            }
            answerer.sweep(rounds, answerer.seconds(), None);
        })
        .await;
    }
    off_thread(&answerer, |answerer, rounds| answerer.end_all(rounds, "the node stopped")).await;
}

async fn off_thread(answerer: &Arc<Answerer>, work: impl FnOnce(&Answerer, &Rounds) + Send + 'static) {
    let answerer = Arc::clone(answerer);
    let done = tokio::task::spawn_blocking(move || {
        if let Some(rounds) = &answerer.rounds {
            work(&answerer, rounds);
        }
    });
    if let Err(error) = done.await {
        tracing::error!(%error, "open rounds could not be looked at");
    }
}

impl Answerer {
    /// Seconds since 1970-01-01 UTC.
    pub(super) fn seconds(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or(0)
    }

    /// Forgets rounds whose time is over, and earlier attempts of a question that is asked again.
    pub(super) fn sweep(&self, rounds: &Rounds, now: u64, question: Option<&[u8; 16]>) {
        // What is over is kept until its time has passed or its room is needed, so that a lost reply can be asked for
        // again.
        let full = rounds.open().len() >= MOST_OPEN;
        self.forget(rounds, "the round's time was over", |open| {
            now >= open.machine.ends()
                || question == Some(&open.machine.envelope().mandate.query_id)
                || full && matches!(open.stage, Stage::Over)
        });
    }

    /// Gives up rounds of an equal question of the same analyst from which nothing has left: asked again under another id,
    /// the earlier one was given up over there. Left open, its councils would count as those of a sum already given.
    pub(super) fn replace(&self, rounds: &Rounds, question: &Question) {
        let analyst = question.analyst().to_string();
        self.forget(rounds, "the same analyst asked the same question again", |open| {
            matches!(open.stage, Stage::Reserved(_))
                && open.machine.envelope().mandate.analyst == analyst
                && open.query.digest() == question.query().digest()
        });
    }

    fn end_all(&self, rounds: &Rounds, why: &str) {
        self.forget(rounds, why, |_| true);
    }

    fn forget(&self, rounds: &Rounds, why: &str, which: impl Fn(&Open) -> bool) {
        // A step in hand is waited for, and not with the list locked.
        let all: Vec<([u8; 32], Arc<Mutex<Open>>)> =
            rounds.open().iter().map(|(key, entry)| (*key, Arc::clone(entry))).collect();
        for (key, entry) in all {
            let mut open = entry.lock().unwrap_or_else(PoisonError::into_inner);
            if which(&open) {
                self.end(&mut open, why);
                drop(open);
                rounds.open().remove(&key);
            }
        }
    }
}
