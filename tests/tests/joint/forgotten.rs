//! Secrets of a round that nobody goes on with do not wait for the next invitation.

use std::time::Duration;

use folkmoot_node::answer::tend;
use folkmoot_node::audit::Book;
use folkmoot_node::dial::{Stage, State as Link, Trouble};
use folkmoot_proto::limits;

use super::*;

fn up(clock: &MockClock) -> Link {
    Link::Linked { coordinator: COORDINATOR.to_owned(), since: clock.now() }
}

fn down(clock: &MockClock) -> Link {
    let trouble = Trouble { stage: Stage::Link, reason: "lost".to_owned(), refused: false };
    Link::Waiting { trouble, until: clock.now() }
}

/// One council of a round that broke off, and the task that looks after it.
struct Left {
    fed: Scene,
    code: CouncilCode,
    link: watch::Sender<Link>,
    stop: CancellationToken,
    tending: tokio::task::JoinHandle<()>,
}

impl Left {
    /// `steps`: how many steps the council's peers answered.
    async fn after(steps: usize) -> Self {
        let codes = six();
        let fed = Scene::new(&codes, true, &|_| policy("")).await;
        // Too few go on, and fewer than three stay for another attempt.
        for code in &codes[1..] {
            fed.nodes[code].answers.store(steps, Ordering::SeqCst);
        }
        let job = fed.ask(&private(), wire::Level::England, "").await;
        assert_ne!(job.state, JobState::Released);
        let code = codes[0];
        let (link, changes) = watch::channel(up(&fed.clock));
        let stop = CancellationToken::new();
        tokio::time::pause();
        let tending = tokio::spawn(tend(Arc::clone(&fed.nodes[&code].answerer), changes, stop.clone()));
        let left = Self { fed, code, link, stop, tending };
        assert_eq!(left.held(), 1, "what the next invitation alone would end");
        left
    }

    fn held(&self) -> usize {
        self.fed.nodes[&self.code].answerer.rounds.as_ref().unwrap().holding_secrets()
    }

    /// Lets time pass, on the wall and for timers.
    async fn pass(&self, time: Duration) {
        self.fed.clock.advance(time);
        tokio::time::sleep(time).await;
    }

    fn log(&self) -> String {
        let mut all = String::new();
        let book = Book::of(&self.fed.nodes[&self.code].answerer.ledger);
        book.entries(1, |entry| {
            all.push_str(&entry.body);
            Ok(())
        })
        .unwrap();
        all
    }
}

#[tokio::test]
async fn a_round_whose_time_is_over_is_wiped_by_itself_and_its_reserve_given_back() {
    let left = Left::after(1).await;
    assert_eq!(left.fed.spent(left.code), (0, 5_000_000), "put aside, not charged");
    // Two steps' time after the last answer.
    left.pass(2 * limits::ROUND_STEP_DEADLINE - Duration::from_secs(10)).await;
    assert_eq!(left.held(), 1);
    left.pass(Duration::from_secs(20)).await;
    assert_eq!(left.held(), 0);
    assert_eq!(left.fed.spent(left.code), (0, 0));
    assert!(left.log().contains("the round's time was over"));
    assert!(!left.tending.is_finished(), "it goes on looking");
}

impl Left {
    /// The link changes its state all the time, and is never up.
    async fn lose_link(&self, time: Duration) {
        for _ in 0..time.as_secs() / 2 {
            self.link.send_replace(Link::Connecting);
            self.pass(Duration::from_secs(1)).await;
            self.link.send_replace(down(&self.fed.clock));
            self.pass(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test]
async fn a_link_lost_for_a_steps_time_ends_rounds_with_dealt_shares_and_a_short_break_does_not() {
    let left = Left::after(1).await;
    left.link.send_replace(down(&left.fed.clock));
    left.pass(Duration::from_secs(6)).await;
    left.link.send_replace(Link::Connecting);
    left.pass(Duration::from_secs(20)).await;
    left.link.send_replace(up(&left.fed.clock));
    left.pass(Duration::from_secs(1)).await;
    assert_eq!(left.held(), 1);
    left.lose_link(limits::ROUND_STEP_DEADLINE + Duration::from_secs(10)).await;
    assert_eq!(left.held(), 0);
    assert!(left.log().contains("the link to the coordinator was lost"));
}

#[tokio::test]
async fn a_round_in_which_only_keys_were_made_outlives_a_lost_link_until_its_time_is_over() {
    // A person at another council may be waited for over hours: nothing but the link is in the way.
    let left = Left::after(0).await;
    left.lose_link(4 * limits::ROUND_STEP_DEADLINE).await;
    assert_eq!(left.held(), 1);
    assert_eq!(left.fed.spent(left.code), (0, 5_000_000), "still put aside");
    // Five steps' time, a second to wait for people, and a minute.
    left.pass(3 * limits::ROUND_STEP_DEADLINE).await;
    assert_eq!(left.held(), 0);
    assert_eq!(left.fed.spent(left.code), (0, 0));
    assert!(left.log().contains("the round's time was over"));
}

#[tokio::test]
async fn a_node_that_stops_ends_its_rounds_first() {
    let left = Left::after(2).await;
    left.stop.cancel();
    let Left { fed, code, tending, .. } = left;
    tending.await.unwrap();
    assert_eq!(fed.nodes[&code].answerer.rounds.as_ref().unwrap().holding_secrets(), 0);
    assert_eq!(fed.spent(code), (5_000_000, 0), "its vector has left: that price stands");
}
