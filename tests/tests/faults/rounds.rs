//! A node killed in a round: what it had sent stays paid, the round begins anew with other keys and noise, nothing is opened twice.

use std::collections::BTreeSet;
use std::time::Duration;

use folkmoot_node::audit::{Action, Book, Line};
use folkmoot_runtime::store::Key;
use folkmoot_tests::rehearsal::federation::PATIENCE;

use crate::common::{World, code};
use crate::tools::{self, begin, linked, log, price, spent, start};

const COUNCILS: [&str; 3] = ["104", "503", "716"];

/// Between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(1);

fn book(world: &World, council: &str) -> Book {
    let key = Key::load(&world.home(council).join("keys/data.key")).unwrap();
    Book::open(&world.home(council).join("ledger.db"), Some(key)).unwrap()
}

fn has(book: &Book, after: u64, action: Action) -> bool {
    let mut found = false;
    book.entries(after + 1, |entry| {
        found |= serde_json::from_str::<folkmoot_node::audit::Record>(&entry.body).is_ok_and(|r| r.action == action);
        Ok(())
    })
    .unwrap();
    found
}

/// What must hold of one question at one council, whatever happened to it.
fn in_order(council: &str, lines: &[&Line]) -> u64 {
    let of = |action| lines.iter().filter(move |line| line.record.action == action).collect::<Vec<_>>();
    for action in [Action::Reserved, Action::Masked, Action::SurvivorsSigned, Action::Unmasked] {
        let attempts: Vec<_> = of(action).iter().map(|line| line.record.attempt.unwrap()).collect();
        let different: BTreeSet<_> = attempts.iter().collect();
        assert_eq!(different.len(), attempts.len(), "{council}: one attempt, twice {action:?}");
        assert!(attempts.iter().all(|attempt| *attempt <= 3), "{council}: {attempts:?}");
    }
    // Fresh keys and noise: no two attempts sent the same.
    let sent: BTreeSet<_> = of(Action::Masked).iter().map(|line| line.record.left.clone().unwrap()).collect();
    assert_eq!(sent.len(), of(Action::Masked).len(), "{council}: one vector was sent twice");
    // The sum was opened at most once.
    let opened = of(Action::Unmasked);
    assert!(opened.len() <= 2, "{council}: shares left {} times", opened.len());
    of(Action::Masked).len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_at_any_step_of_a_round_pays_for_what_it_sent_and_joins_the_next_attempt() {
    let mut world = linked(&COUNCILS.join(","), 40).await;
    let mut expected = [0_u64; 3];
    let steps = [Action::Reserved, Action::Masked, Action::SurvivorsSigned, Action::Unmasked];
    let mut retried = 0;
    for (number, action) in (1..).zip(steps) {
        let victim = COUNCILS[number as usize % COUNCILS.len()];
        let (watched, after) = (book(&world, victim), log(&world, victim).await.last().unwrap().number);
        let words = tools::words(&world, number, "joint-private", &COUNCILS.join(","));
        let words: Vec<String> = words.into_iter().chain(["--wait".to_owned(), "60".to_owned()]).collect();
        let asking = begin(&world, &words).await;
        let reached = tokio::time::timeout(PATIENCE, async {
            while !has(&watched, after, action) {
                tokio::time::sleep(LOOK).await;
            }
        });
        reached.await.unwrap_or_else(|_| panic!("{victim} never came to {action:?}"));
        world.federation.kill_node(code(victim)).await.unwrap();
        drop(watched);
        start(&mut world, victim).await;
        let (status, lines) = tokio::time::timeout(PATIENCE, asking.ended()).await.unwrap().unwrap();
        assert!(status.success(), "killed at {action:?}: {lines:#?}");
        for (council, expected) in COUNCILS.iter().zip(&mut expected) {
            let log = log(&world, council).await;
            let rho = format!("0.{:09}", price(number));
            let rho = rho.trim_end_matches('0');
            let ours: Vec<&Line> = log
                .iter()
                .filter(|line| line.record.release.as_deref().is_some_and(|kind| kind.contains(rho)))
                .collect();
            assert!(!ours.is_empty(), "{council}: nothing about rho {rho}");
            let masked = in_order(council, &ours);
            assert!((1..=3).contains(&masked), "{council}: {masked} vectors for one figure");
            if council == &victim && action != Action::Unmasked {
                let attempts = ours.iter().filter_map(|line| line.record.attempt).collect::<BTreeSet<_>>();
                assert!(attempts.len() > 1, "{victim} was killed at {action:?} and no other attempt was made");
                retried += 1;
            }
            *expected += masked * price(number);
            let (used, reserved) = spent(&world, council).await;
            assert_eq!(used, *expected, "{council} after the kill at {action:?}");
            assert!(reserved <= 4 * price(4), "{council}: {reserved} is put aside");
        }
    }
    assert_eq!(retried, 3);
}
