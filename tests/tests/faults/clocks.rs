//! A clock that was set back. The machine's own cannot be, here; a ledger whose last entry is from later is the same to the node.

use std::sync::Arc;
use std::time::{Duration, Instant};

use folkmoot_node::audit::{Action, Record};
use folkmoot_node::ledger::Ledger;
use folkmoot_runtime::clock::{Clock as _, MockClock, SystemClock};
use folkmoot_runtime::store::Key;
use folkmoot_tests::rehearsal::federation::PATIENCE;

use crate::common::{World, code, text};
use crate::copies::recovery;
use crate::tools::{ask, done, fails, linked, price, spent, start};

/// Writes an entry as a node would whose clock is ahead.
fn ahead(world: &World, by: Duration) {
    let home = world.home("104");
    let key = Key::load(&home.join("keys/data.key")).unwrap();
    let clock = Arc::new(MockClock::at(SystemClock::new().now() + by));
    let ledger = Ledger::open(&home.join("ledger.db"), Some(key), code("104"), clock).unwrap();
    ledger.record(&Record::new(Action::Kept, "local: test").note("the clock was ahead")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_the_moment_of_the_last_entry() {
    let mut world = linked("104", 40).await;
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    world.federation.kill_node(code("104")).await.unwrap();
    ahead(&world, Duration::from_secs(12));
    start(&mut world, "104").await;
    let refused = ask(&world, 2, "104", &[]).await;
    assert!(refused.err.contains("clock") && refused.err.contains("last entry"), "{}{}", refused.out, refused.err);
    assert_eq!(spent(&world, "104").await, (price(1), 0));
    // By itself once the moment has passed, and paid for once.
    let begun = Instant::now();
    while !ask(&world, 2, "104", &["--fresh"]).await.status.success() {
        assert!(begun.elapsed() < PATIENCE, "it never answers again");
    }
    assert_eq!(spent(&world, "104").await, (price(1) + price(2), 0));
    // Long: it says so to whoever looks.
    world.federation.kill_node(code("104")).await.unwrap();
    ahead(&world, Duration::from_secs(40 * 3600));
    start(&mut world, "104").await;
    assert!(ask(&world, 3, "104", &[]).await.err.contains("clock"));
    assert!(ask(&world, 1, "104", &["--fresh"]).await.err.contains("clock"), "what is in store waits, too");
    let doctor = world.node("104", &["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(1), "{}", doctor.out);
    assert!(doctor.out.contains("clock") && doctor.out.contains("before"), "{}", doctor.out);
    assert_eq!(spent(&world, "104").await, (price(1) + price(2), 0));
    done(&world, "104", &["audit", "verify"]).await;
    // Years ahead: the authority ends it, with the node running, and nothing of the budget comes back.
    world.federation.kill_node(code("104")).await.unwrap();
    ahead(&world, Duration::from_secs(5 * 365 * 86_400));
    start(&mut world, "104").await;
    assert!(ask(&world, 3, "104", &["--fresh"]).await.err.contains("folkmoot-node recover"));
    let signed = recovery(&world, "0").await;
    let said = done(&world, "104", &["recover", text(&signed)]).await;
    assert!(said.contains("recovered"), "{said}");
    let again = fails(&world, "104", &["recover", text(&signed)], 1).await;
    assert!(again.contains("loaded before"), "{again}");
    let answered = ask(&world, 3, "104", &["--fresh"]).await;
    assert!(answered.status.success(), "{}", answered.err);
    assert_eq!(spent(&world, "104").await, (price(1) + price(2) + price(3), 0));
    done(&world, "104", &["audit", "verify"]).await;
}
