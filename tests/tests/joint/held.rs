//! A council where a person must decide: a sum without noise is not opened over that person's head, and what they decide
//! reaches whoever asked.

use folkmoot_node::audit::{Action, Book, Record};

use super::*;

const REASON: &str = "ask by region instead";

/// Six councils; at the first, a person decides.
async fn scene() -> (Scene, CouncilCode) {
    let codes = six();
    let held = policy("").replace("mode = \"auto\"", "mode = \"hold\"");
    let fed = Scene::new(&codes, true, &|slot| if slot == 0 { held.clone() } else { policy("") }).await;
    (fed, codes[0])
}

fn summed() -> Query {
    query(Release::JointSuppressed(Profile::Hospital))
}

impl Scene {
    /// What a council's log says happened.
    fn happened(&self, code: CouncilCode) -> Vec<Action> {
        let mut seen = Vec::new();
        Book::of(&self.nodes[&code].answerer.ledger)
            .entries(1, |entry| {
                seen.push(serde_json::from_str::<Record>(&entry.body).unwrap().action);
                Ok(())
            })
            .unwrap();
        seen
    }

    /// Comes back when the job tells that it waits for a person, or when it is over: on a slow machine its time may be.
    async fn waits(&self, id: JobId) {
        loop {
            let Some(mut changes) = self.jobs.watch(id) else { return };
            if self.store.events(id, 0).unwrap().iter().any(|(_, told)| told.state == "waiting") {
                return;
            }
            drop(changes.changed().await);
        }
    }

    fn told(&self, job: &Job, code: CouncilCode) -> (State, String, String) {
        let release = self.store.release(&job.release).unwrap().unwrap().release;
        let council = release.manifest().councils.iter().find(|council| council.code == code).unwrap().clone();
        (council.outcome.state, council.outcome.code, council.outcome.reason)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sum_without_noise_is_not_opened_while_a_person_decides_and_their_no_reaches_who_asked() {
    let (fed, code) = scene().await;
    let job = fed.ask(&summed(), wire::Level::England, "").await;
    assert_eq!(job.state, JobState::Failed);
    for part in [code.as_str(), "not opened", "nothing has left", "--without-held"] {
        assert!(job.message.contains(part), "{part:?} is not in {:?}", job.message);
    }
    for node in fed.nodes.keys() {
        let happened = fed.happened(*node);
        assert!(!happened.iter().any(|action| matches!(action, Action::Masked | Action::Unmasked)), "{happened:?}");
    }
    let events = fed.store.events(job.id, 0).unwrap();
    assert!(events.iter().any(|(_, told)| told.state == "waiting" && told.held == 1), "{events:?}");

    let node = &fed.nodes[&code].answerer;
    node.ledger.deny(&node.policy.current(), 1, "J. Doe", REASON).unwrap();
    // Asked again at once: the rounds that were given up stand in nobody's way.
    let job = fed.ask(&summed(), wire::Level::England, "").await;
    assert_eq!(job.state, JobState::Released, "{}", job.message);
    assert!(job.message.contains(REASON) && job.message.contains(code.as_str()), "{}", job.message);
    let (state, word, reason) = fed.told(&job, code);
    assert_eq!((state, word.as_str()), (State::Refused, "DENIED"));
    assert!(reason.contains(REASON), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_on_without_those_who_have_not_decided_is_told_what_it_costs_and_it_does() {
    let (fed, code) = scene().await;
    let job = fed.ask_as(&summed(), wire::Level::England, "", true).await;
    assert_eq!(job.state, JobState::Released, "{}", job.message);
    assert_eq!(fed.told(&job, code).0, State::Held);
    let release = fed.store.release(&job.release).unwrap().unwrap().release;
    let notes = release.manifest().notes.join("\n");
    assert!(
        notes.contains(&format!("people had not decided at {code}")) && notes.contains("refuse the same sum"),
        "{notes}"
    );
    // Now the person agrees to everything; the others hold to what they said.
    let node = &fed.nodes[&code].answerer;
    node.ledger.approve(&node.policy.current(), 1, "J. Doe", None, None).unwrap();
    let job = fed.ask(&summed(), wire::Level::England, "").await;
    assert_eq!(job.state, JobState::Failed, "{}", job.message);
    assert!(job.message.contains("beside those it has answered"), "{}", job.message);
}

/// What a job looks like whose sum was not opened, as a person at this council has not decided.
fn not_opened(fed: &Scene, job: &Job, code: CouncilCode) {
    assert_eq!(job.state, JobState::Failed, "{}", job.message);
    assert!(job.message.contains("not opened") && job.message.contains(code.as_str()), "{}", job.message);
    assert_eq!(fed.store.outcomes(job.id).unwrap()[&code].state, State::Held);
    for node in fed.nodes.keys() {
        let happened = fed.happened(*node);
        assert!(!happened.iter().any(|action| matches!(action, Action::Masked | Action::Unmasked)), "{happened:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_lost_while_a_person_decides_decides_nothing() {
    let (fed, code) = scene().await;
    // It says that a person must decide, and is gone.
    fed.nodes[&code].answers.store(1, Ordering::SeqCst);
    let job = fed.ask(&summed(), wire::Level::England, "").await;
    not_opened(&fed, &job, code);
    // The same when there is no link at all any more.
    fed.nodes[&code].answers.store(1, Ordering::SeqCst);
    let id = fed.submit(&summed(), wire::Level::England, "", (false, 2)).await;
    fed.waits(id).await;
    let link = fed.hall.channels.lock().unwrap().remove(&code);
    let job = fed.over(id).await;
    not_opened(&fed, &job, code);
    drop(link);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_council_that_linked_anew_while_its_person_decided_is_asked_over_its_new_link() {
    let (fed, code) = scene().await;
    fed.nodes[&code].answers.store(1, Ordering::SeqCst);
    let id = fed.submit(&summed(), wire::Level::England, "", (false, 3600)).await;
    fed.waits(id).await;
    let node = &fed.nodes[&code].answerer;
    node.ledger.approve(&node.policy.current(), 1, "J. Doe", None, None).unwrap();
    serve(&fed.hall, code, Arc::clone(node), Arc::new(AtomicUsize::new(usize::MAX / 2))).await;
    let job = fed.over(id).await;
    assert_eq!(job.state, JobState::Released, "{}", job.message);
    assert_eq!(fed.told(&job, code).0, State::Answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_grew_too_old_while_a_person_decides_is_no_refusal() {
    let (fed, code) = scene().await;
    let id = fed.submit(&summed(), wire::Level::England, "", (false, 2)).await;
    fed.waits(id).await;
    // By the councils' clocks the round is over, and the node says so when it is asked again.
    fed.clock.advance(Duration::from_secs(900));
    let job = fed.over(id).await;
    not_opened(&fed, &job, code);
}
