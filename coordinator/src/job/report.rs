//! What happens in a job, stored and told to those who watch.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use folkmoot_proto::ids::{CouncilCode, JobId};
use folkmoot_proto::wire::v1 as wire;

use super::Jobs;
use crate::answer::Answer;
use crate::collect::Progress;
use crate::outcome::{Outcome, State};
use crate::store::{self, JobState};

#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    asked: u32,
    answered: u32,
    refused: u32,
    held: u32,
}

pub(super) fn report_line(counts: &Counts, id: JobId, state: JobState, message: String) -> wire::Progress {
    wire::Progress {
        job: id.to_string(),
        state: state.word().to_owned(),
        message,
        council: String::new(),
        answered: counts.answered,
        asked: counts.asked,
        refused: counts.refused,
        held: counts.held,
        release: String::new(),
    }
}

/// Stores what happens in a job and tells those who watch.
pub(super) struct Report {
    jobs: Jobs,
    pub(super) id: JobId,
    asked: usize,
    digest: [u8; 32],
    parts: Mutex<(JobState, BTreeMap<CouncilCode, State>)>,
}

impl Report {
    pub(super) fn new(jobs: Jobs, id: JobId, asked: usize, digest: [u8; 32]) -> Self {
        Self { jobs, id, asked, digest, parts: Mutex::new((JobState::Asking, BTreeMap::new())) }
    }

    pub(super) fn begin(&self, known: &BTreeMap<CouncilCode, Outcome>) {
        self.parts().1 = known.iter().map(|(code, outcome)| (*code, outcome.state)).collect();
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, (JobState, BTreeMap<CouncilCode, State>)> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        let parts = self.parts();
        let count = |wanted: &dyn Fn(State) -> bool| parts.1.values().filter(|state| wanted(**state)).count() as u32;
        Counts {
            asked: self.asked as u32,
            answered: count(&State::has_answer),
            refused: count(&|state| matches!(state, State::Refused | State::Malformed)),
            held: count(&|state| state == State::Held),
        }
    }

    pub(super) async fn state(&self, state: JobState, message: String) -> Result<(), store::Error> {
        self.parts().0 = state;
        let told = report_line(&self.counts(), self.id, state, message);
        let id = self.id;
        self.jobs.inner.store.off_thread(move |store| store.move_job(id, state, &told)).await?;
        self.jobs.tell(id);
        Ok(())
    }
}

#[tonic::async_trait]
impl Progress for Report {
    async fn council(
        &self,
        council: CouncilCode,
        outcome: Outcome,
        answer: Option<Answer>,
    ) -> Result<(), store::Error> {
        let state = {
            let mut parts = self.parts();
            parts.1.insert(council, outcome.state);
            parts.0
        };
        let mut message = outcome.state.word().to_owned();
        if !outcome.reason.is_empty() {
            message.push_str(&format!(": {}", outcome.reason));
        }
        let told =
            wire::Progress { council: council.to_string(), ..report_line(&self.counts(), self.id, state, message) };
        let (id, digest, received) = (self.id, self.digest, self.jobs.now());
        self.jobs
            .inner
            .store
            .off_thread(move |store| {
                let answer = answer.as_ref().map(|answer| (answer, &digest, received));
                store.note_council(id, council, &outcome, answer, &told)
            })
            .await?;
        self.jobs.tell(id);
        Ok(())
    }

    async fn waiting(&self, waiting: bool) -> Result<(), store::Error> {
        let state = if waiting { JobState::Waiting } else { JobState::Asking };
        if self.parts().0 == state {
            return Ok(());
        }
        let message = if waiting { "only people at councils are waited for" } else { "" };
        self.state(state, message.to_owned()).await
    }
}
