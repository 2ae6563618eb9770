//! Copies of a council's ledger: put back, run elsewhere, cut, spoilt, gone.

use crate::common::{code, text};
use crate::tools::{self, ask, copy, done, fails, linked, price, remove, spent, start};

/// The ledger is copied while the node is linked, so that the coordinator has seen all that the copy holds, and put back after
/// an answer: nothing but the answer itself can give that away.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_put_back_answers_nothing_until_the_authority_says_so() {
    let mut world = linked("104", 40).await;
    let (ledger, aside) = (world.home("104").join("ledger.db"), world.folder.path().join("aside"));
    copy(&ledger, &aside);
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    assert_eq!(spent(&world, "104").await, (price(1), 0));
    remove(&ledger);
    copy(&aside.join("ledger.db"), &world.home("104"));
    assert_eq!(spent(&world, "104").await, (0, 0), "the copy knows nothing of the answer");

    start(&mut world, "104").await;
    for number in [1, 2] {
        let refused = ask(&world, number, "104", &["--fresh"]).await;
        assert_eq!(refused.status.code(), Some(1), "{}{}", refused.out, refused.err);
        assert!(refused.err.contains("restored or copied"), "{}", refused.err);
    }
    assert_eq!(spent(&world, "104").await, (0, 0));
    // It says so itself, wherever somebody may look, and after another start too.
    assert!(done(&world, "104", &["budget"]).await.contains("In doubt"));
    let doctor = world.node("104", &["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(1), "{}", doctor.out);
    assert!(doctor.out.contains("recover"), "{}", doctor.out);
    world.federation.kill_node(code("104")).await.unwrap();
    start(&mut world, "104").await;
    assert!(ask(&world, 2, "104", &["--fresh"]).await.err.contains("restored or copied"));

    // The authority countersigns what the node asks it to.
    let needs = done(&world, "104", &["recover"]).await;
    let line = needs.lines().find(|line| line.contains("folkmoot-certs recovery")).unwrap();
    let line = line.trim().trim_start_matches("folkmoot-certs ").replace("RHO", "0.01").replace("TEXT", "lost-disk");
    let signed = world.folder.path().join("recovery.json");
    let words: Vec<&str> = line.split_whitespace().chain(["--out", text(&signed)]).collect();
    world.federation.hands().certs(&words).await.unwrap();
    // Not for another council, not twice, and not with a changed byte.
    let good = std::fs::read_to_string(&signed).unwrap();
    let forged = world.folder.path().join("forged.json");
    std::fs::write(&forged, good.replace("lost-disk", "lost-disc")).unwrap();
    let said = fails(&world, "104", &["recover", text(&forged)], 1).await;
    assert!(said.contains("sign"), "{said}");
    assert!(done(&world, "104", &["recover", text(&signed)]).await.contains("recovered"));
    let said = fails(&world, "104", &["recover", text(&signed)], 1).await;
    assert!(said.contains("loaded before"), "{said}");

    // The budget is not reset: what may have been spent is charged, and what is asked now comes on top.
    assert_eq!(spent(&world, "104").await, (10_000_000, 0));
    let answered = ask(&world, 2, "104", &["--fresh"]).await;
    assert!(answered.status.success(), "{}", answered.err);
    assert_eq!(spent(&world, "104").await, (10_000_000 + price(2), 0));
    done(&world, "104", &["audit", "verify"]).await;
    // The same copy again is caught again.
    world.federation.kill_node(code("104")).await.unwrap();
    remove(&ledger);
    copy(&aside.join("ledger.db"), &world.home("104"));
    start(&mut world, "104").await;
    assert!(ask(&world, 3, "104", &["--fresh"]).await.err.contains("restored or copied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_copy_of_a_node_is_refused_while_the_first_is_linked_and_in_doubt_after_it() {
    let mut world = linked("104", 40).await;
    let hands = std::sync::Arc::clone(world.federation.hands());
    let twin = world.folder.path().join("twin");
    tools::copy_folder(&world.home("104"), &twin);
    let run = || {
        let mut command = hands.node_command(code("104"), &["run"]);
        command.env("FOLKMOOT_NODE_HOME", &twin);
        command
    };
    drop(run);
    let _ = &mut world;
}
