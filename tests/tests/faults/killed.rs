//! A node killed at many moments of an answer: what left is paid for, once, and nothing else is.

use std::time::Duration;

use folkmoot_node::audit::Action;
use folkmoot_tests::rehearsal::federation::{Hands, PATIENCE};

use crate::common::{World, code};
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
    // Which state a kill finds is the machine's to say; both sides of the charge must have been met. Each of the three by
    // itself is the next test's.
    let [untouched, reserved, charged] = seen;
    assert!(untouched + reserved > 0 && charged > 0, "untouched {untouched}, reserved {reserved}, charged {charged}");
    assert_eq!(budget(&world, "104").await.lines[0].spent_nano, expected);
}

/// Kills in each of the three states, none of them by luck: the node stands still before it is asked; the price is put aside
/// and the round waits for a council that stands still; the answer has arrived.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_untouched_reserved_and_charged_pays_only_for_what_left() {
    let mut world = linked("104,503,716", 40).await;
    let (waiting, all) = (["--wait", "60"], "104,503,716");
    let asked = |world: &World, number, kind, councils: &str| -> Vec<String> {
        tools::words(world, number, kind, councils).into_iter().chain(waiting.map(str::to_owned)).collect()
    };
    let mut seen = Vec::new();

    // Untouched: it is stopped before the question exists, so nothing of it can be on the disk.
    let frozen = world.federation.process(code("104")).unwrap();
    Hands::signal(frozen, "STOP").await.unwrap();
    let mut asking = tools::begin(&world, &asked(&world, 1, "council-private", "104")).await;
    asking.line(|_| true, PATIENCE).await.unwrap();
    world.federation.kill_node(code("104")).await.unwrap();
    seen.push(spent(&world, "104").await);
    assert!(log(&world, "104").await.iter().all(|line| line.record.query.is_none()), "nothing of it is in the log");
    start(&mut world, "104").await;
    let (status, lines) = tokio::time::timeout(PATIENCE, asking.ended()).await.unwrap().unwrap();
    assert!(status.success(), "{lines:#?}");
    assert_eq!(spent(&world, "104").await, (price(1), 0), "asked again by the same job, and paid for once");

    // Charged: the coordinator has told of the answer.
    let mut asking = tools::begin(&world, &asked(&world, 2, "council-private", "104")).await;
    asking.line(|line| line.contains("1/1 answered"), PATIENCE).await.unwrap();
    world.federation.kill_node(code("104")).await.unwrap();
    let (used, reserved) = spent(&world, "104").await;
    seen.push((used - price(1), reserved));
    covered(&world, &log(&world, "104").await);
    start(&mut world, "104").await;
    let (status, lines) = tokio::time::timeout(PATIENCE, asking.ended()).await.unwrap().unwrap();
    assert!(status.success(), "{lines:#?}");

    // Reserved: the round cannot go on before a council that stands still is given up.
    let frozen = world.federation.process(code("503")).unwrap();
    Hands::signal(frozen, "STOP").await.unwrap();
    let asking = tools::begin(&world, &asked(&world, 3, "joint-private", all)).await;
    let put_aside = tokio::time::timeout(PATIENCE, async { while spent(&world, "104").await.1 == 0 {} });
    put_aside.await.expect("the price is put aside");
    world.federation.kill_node(code("104")).await.unwrap();
    let (used, reserved) = spent(&world, "104").await;
    seen.push((used - price(1) - price(2), reserved));
    assert_eq!(seen, [(0, 0), (price(2), 0), (0, price(3))], "untouched, charged, reserved");
    Hands::signal(frozen, "CONT").await.unwrap();
    start(&mut world, "104").await;
    // Answered, or given up for want of councils: it costs what left, and no more.
    tokio::time::timeout(PATIENCE, asking.ended()).await.unwrap().unwrap();
    let log = log(&world, "104").await;
    covered(&world, &log);
    let masked = log.iter().filter(|line| line.record.action == Action::Masked).count() as u64;
    assert_eq!(spent(&world, "104").await.0, price(1) + price(2) + masked * price(3));
}
