//! The seam between a job and the ways in which figures are gathered: each council's own ([`crate::figures`]), or the sum
//! of a round ([`crate::round`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use folkmoot_proto::ids::{CouncilCode, JobId};
use folkmoot_proto::question::SignedQuestion;
use tokio::sync::watch;
use tonic::transport::Channel;

use crate::answer::Answer;
use crate::links::Links;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::store;

/// The councils that can be asked.
pub trait Councils: Send + Sync + 'static {
    /// Where calls to a council go, if it is linked now.
    fn channel(&self, council: CouncilCode) -> Option<Channel>;

    /// The councils linked, to be waited on.
    fn watch(&self) -> watch::Receiver<BTreeSet<CouncilCode>>;
}

impl Councils for Links {
    fn channel(&self, council: CouncilCode) -> Option<Channel> {
        self.link(council).map(|linked| linked.link.channel())
    }

    fn watch(&self) -> watch::Receiver<BTreeSet<CouncilCode>> {
        Self::watch(self)
    }
}

/// How long things may take. Defaults in `config`.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// One council's answer.
    pub answer: Duration,
    /// People at councils who must decide, when the request does not say.
    pub wait: Duration,
    /// A known council that is not linked, when the request does not say.
    pub reconnect: Duration,
    /// The same after a restart of the coordinator, when every council has to dial again.
    pub reconnect_after_restart: Duration,
    /// Between two looks at a council that waits for a person.
    pub ask_again: Duration,
    /// Councils asked at the same time.
    pub concurrency: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: folkmoot_proto::limits::ANSWER_DEADLINE,
            wait: Duration::from_secs(60),
            reconnect: Duration::from_secs(5),
            reconnect_after_restart: Duration::from_secs(45),
            ask_again: Duration::from_secs(5),
            concurrency: 64,
        }
    }
}

/// What a strategy gathers a job's figures with.
pub struct Context {
    /// The plan.
    pub plan: Plan,
    /// The question, signed by both.
    pub signed: SignedQuestion,
    /// The job.
    pub id: JobId,
    /// How long people are still waited for.
    pub wait: Duration,
    /// Whether the request said how long.
    pub explicit_wait: bool,
    /// Whether the request named the councils one by one.
    pub named: bool,
    /// Whether a restart interrupted the job.
    pub resumed: bool,
    /// What was known before: parts that are final.
    pub known: BTreeMap<CouncilCode, Outcome>,
    /// Whether a sum without noise is opened although people at some councils have not decided.
    pub without_held: bool,
    /// The analyst's signature for rounds; empty for council figures.
    pub mandate: Vec<u8>,
}

/// What a strategy reports while it works.
#[tonic::async_trait]
pub trait Progress: Send + Sync {
    /// A council's part changed; with its answer when it gave one. Stored before this returns.
    async fn council(&self, council: CouncilCode, outcome: Outcome, answer: Option<Answer>)
    -> Result<(), store::Error>;

    /// Only people are waited for now, or not any more.
    async fn waiting(&self, waiting: bool) -> Result<(), store::Error>;
}

/// A way to gather the figures of a question.
#[tonic::async_trait]
pub trait Collect: Send + Sync + 'static {
    /// Asks until every council's part is final or nobody is waited for any more.
    async fn collect(&self, context: &Context, progress: &dyn Progress) -> Result<(), store::Error>;
}
