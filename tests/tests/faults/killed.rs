//! A node killed at many moments of an answer: what left is paid for, once, and nothing else is.

use std::time::Duration;

use folkmoot_node::audit::Action;
use folkmoot_tests::rehearsal::federation::PATIENCE;

use crate::common::code;
use crate::tools::{self, budget, covered, length, linked, log, price, spent, start};

/// Kills in the test that always runs; `FOLKMOOT_TEST_KILLS` asks for another number.
const KILLS: u64 = 28;

/// Between two looks at the file that grows: shorter than writing one page of it takes on a slow disk.
const LOOK: Duration = Duration::from_micros(200);

fn kills() -> u64 {
    std::env::var("FOLKMOOT_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

/// The moments are sizes of the ledger's write-ahead log, spread over all that one answer writes and a little beyond: before
/// the price is put aside, between any two pages, after the charge, after the answer has left.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_at_any_moment_of_an_answer_charges_each_question_once() {
    let mut world = linked("104", 40).await;
    let wal = world.home("104").join("ledger.db-wal");
    // What one answer writes.
    let before = length(&wal);
    assert!(tools::ask(&world, 0, "104", &[]).await.status.success());
    let whole = length(&wal) - before;
    assert!(whole > 4096, "an answer wrote {whole} bytes to the ledger's log");
    let (mut expected, mut seen) = (price(0), [0_u32; 3]);
    let kills = kills();
    for number in 1..=kills {
        world.federation.kill_node(code("104")).await.unwrap();
        assert_eq!(spent(&world, "104").await, (expected, 0));
        start(&mut world, "104").await;
        let words = tools::words(&world, number, "council-private", "104");
        let words: Vec<String> = words.into_iter().chain(["--wait".to_owned(), "60".to_owned()]).collect();
        let (base, grown) = (length(&wal), whole * 21 * (number - 1) / (20 * kills) + 1);
        let mut asking = tools::begin(&world, &words).await;
        let answered = |line: &str| line.contains("1/1 answered");
        tokio::select! {
            () = async {
                while length(&wal) < base + grown {
                    tokio::time::sleep(LOOK).await;
                }
            } => {}
            // Not so much is written by one answer: this kill comes when the coordinator has told that it was answered.
            line = asking.line(answered, PATIENCE) => drop(line.unwrap()),
        }
        world.federation.kill_node(code("104")).await.unwrap();

        // What is on the disk now.
        let (used, reserved) = spent(&world, "104").await;
        let own = price(number);
        let state = match (used - expected, reserved) {
            (0, 0) => 0,
            (0, held) if held == own => 1,
            (paid, 0) if paid == own => 2,
            other => panic!("kill {number} at {grown} of {whole} bytes left {other:?} behind, for a price of {own}"),
        };
        seen[state] += 1;
        covered(&world, &log(&world, "104").await);

        // The same job goes on with the same question when the node is back, and costs its price once.
        start(&mut world, "104").await;
        let (status, lines) = tokio::time::timeout(PATIENCE, asking.ended()).await.unwrap().unwrap();
        assert!(status.success(), "{lines:#?}");
        expected += own;
        assert_eq!(spent(&world, "104").await, (expected, 0), "after question {number}");
        // Asked anew under another id, the node gives what it stored.
        if number % 4 == 0 {
            let again = tools::ask(&world, number, "104", &["--fresh"]).await;
            assert!(again.status.success(), "{}", again.err);
            assert_eq!(spent(&world, "104").await, (expected, 0), "asked again, question {number} cost something");
        }
    }
    let log = log(&world, "104").await;
    covered(&world, &log);
    let released = log.iter().filter(|line| line.record.action == Action::Released).count() as u64;
    assert_eq!(released, kills + 1, "one charge for each question");
    // Which state a kill finds is the machine's to say; both sides of the charge must have been met.
    let [untouched, reserved, charged] = seen;
    assert!(untouched + reserved > 0 && charged > 0, "untouched {untouched}, reserved {reserved}, charged {charged}");
    assert_eq!(budget(&world, "104").await.lines[0].spent_nano, expected);
}
