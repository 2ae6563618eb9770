//! A clock that was ahead: what it blocks, how it ends, and that nothing is freed by it.

use folkmoot_proto::recovery::{SignedRecovery, Statement};

use super::*;

const NOW: &str = "2026-06-30T12:00:00Z";
const LATER: &str = "2031-05-01T09:00:00Z";

fn authority() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[42; 32])
}

fn england() -> Federation {
    Federation::parse("england").unwrap()
}

fn spend(bench: &Bench, ledger: &Ledger, id: u8, nano: u64) {
    let question = bench.question(id, ask(council(nano)));
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(id)).unwrap());
    drop(ledger.release(grant, vec![id]).unwrap());
}

fn paper(held: Head, signed: &str, resets_clock: bool) -> SignedRecovery {
    let statement = Statement {
        council: home(),
        held_entries: held.entries,
        held_digest: held.digest,
        witnessed_entries: held.entries,
        assume_spent_nano: 0,
        reason: "the clock was ahead".into(),
        resets_clock,
        issued_at: signed.parse().unwrap(),
    };
    SignedRecovery::sign(england(), statement, &authority()).unwrap()
}

fn set(bench: &Bench, moment: &str) {
    bench.clock.step_wall_clock(moment.parse().unwrap());
}

/// Used and reserved of the year's account in a budget year.
fn year(ledger: &Ledger, year: &str) -> (u64, u64) {
    let all = ledger.look("accounts", |step| accounts(step, year)).unwrap();
    all.iter().find(|a| a.scope == crate::policy::Scope::Year).map_or((0, 0), |a| (a.used.0, a.reserved.0))
}

/// Spent 4 of 20 in its own year; then, with the clock at 2031, spent 7, and left 2 put aside; then the clock is right.
fn was_ahead() -> (Bench, Ledger) {
    let bench = Bench::new();
    let ledger = bench.create();
    spend(&bench, &ledger, 1, 4_000_000);
    set(&bench, LATER);
    spend(&bench, &ledger, 2, 7_000_000);
    let question = bench.question(3, ask(council(2_000_000)));
    drop(granted(ledger.admit_council(&bench.policy, &question, data(3)).unwrap()));
    set(&bench, NOW);
    (bench, ledger)
}

#[test]
fn an_entry_of_a_clock_that_was_ahead_stops_answers_until_the_authority_resets_it() {
    let (bench, ledger) = was_ahead();
    let question = bench.question(9, ask(council(1_000_000)));
    let refused = ledger.admit_council(&bench.policy, &question, data(9)).unwrap_err();
    assert_eq!(reason(&refused), Reason::LedgerInDoubt);
    let said = refused.to_string();
    assert!(said.contains("2031") && said.contains("folkmoot-node recover"), "{said}");
    drop(ledger);
    let ledger = bench.open();
    assert!(ledger.admit_council(&bench.policy, &question, data(9)).is_err(), "a restart ends nothing");

    let pinned = GovernanceKey::of(&authority());
    let (held, moment) = ledger.clock_behind().unwrap().unwrap();
    assert_eq!(moment, LATER.parse().unwrap());
    let refuse = |signed: &SignedRecovery, why: &str| {
        let error = ledger.reset_clock(signed, &pinned, &england()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(ledger.clock_behind().unwrap().is_some());
    };
    refuse(&paper(held, NOW, false), "not one that resets");
    refuse(&paper(Head { digest: [9; 32], ..held }, NOW, true), "not in this ledger");
    refuse(&paper(held, "2026-05-29T12:00:00Z", true), "Set the clock right");
    refuse(&paper(held, LATER, true), "Set the clock right");
    let other = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    assert!(ledger.reset_clock(&paper(held, NOW, true), &GovernanceKey::of(&other), &england()).is_err());

    let good = paper(held, "2026-06-30T11:00:00Z", true);
    let head = ledger.reset_clock(&good, &pinned, &england()).unwrap();
    assert_eq!(head.entries, held.entries + 1);
    assert_eq!(ledger.clock_behind().unwrap(), None);
    spend(&bench, &ledger, 10, 1_000_000);
    bench.sound();
    // It works once, also when the clock is ahead again.
    set(&bench, LATER);
    ledger.record(&Record::new(Action::Kept, "local: test")).unwrap();
    set(&bench, NOW);
    refuse(&good, "loaded before");
    let mut entry = None;
    Book::of(&ledger)
        .entries(head.entries, |found| {
            entry.get_or_insert(found);
            Ok(())
        })
        .unwrap();
    let entry = entry.unwrap();
    assert!(entry.moment.starts_with("2026-06-30") && entry.body.contains("2031-05-01"), "{entry:?}");
}

#[test]
fn a_reset_frees_no_budget_of_any_year() {
    let (bench, ledger) = was_ahead();
    let pinned = GovernanceKey::of(&authority());
    assert_eq!((year(&ledger, "2026-27"), year(&ledger, "2031-32")), ((4_000_000, 0), (7_000_000, 2_000_000)));
    let (held, _) = ledger.clock_behind().unwrap().unwrap();
    ledger.reset_clock(&paper(held, NOW, true), &pinned, &england()).unwrap();
    // What was charged counts in both; what was put aside came back, and is charged nowhere later.
    assert_eq!((year(&ledger, "2026-27"), year(&ledger, "2031-32")), ((11_000_000, 0), (7_000_000, 0)));
    bench.sound();
    let question = |id, nano| bench.question(id, ask(council(nano)));
    let over = ledger.admit_council(&bench.policy, &question(20, 9_000_001), data(20)).unwrap_err();
    assert_eq!(reason(&over), Reason::BudgetSpent);
    spend(&bench, &ledger, 21, 9_000_000);
    assert_eq!(year(&ledger, "2026-27"), (20_000_000, 0));
    let register = Book::of(&ledger).register().unwrap();
    assert!(register.years.iter().any(|y| y.year == "2026-27" && y.loss == "0.02"), "{:?}", register.years);
    bench.sound();
}

#[test]
fn approvals_given_under_a_wrong_clock_are_void() {
    let bench = Bench::with(&OPEN.replace("mode = \"auto\"", "mode = \"hold\""));
    let ledger = bench.create();
    set(&bench, LATER);
    let question = bench.question(1, ask(council(1_000_000)));
    drop(ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err());
    drop(ledger.approve(&bench.policy, 1, "Jo Doe", Some("2032-12-31".parse().unwrap()), None).unwrap());
    set(&bench, NOW);
    let (held, _) = ledger.clock_behind().unwrap().unwrap();
    ledger.reset_clock(&paper(held, NOW, true), &GovernanceKey::of(&authority()), &england()).unwrap();
    let question = bench.question(2, ask(council(1_000_000)));
    let error = ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err();
    assert_eq!(reason(&error), Reason::WaitingForApproval, "a person decides anew");
    bench.sound();
}

#[test]
fn a_crash_at_any_statement_of_a_reset_leaves_the_clock_as_it_was_or_right() {
    for crash in 0.. {
        let (bench, ledger) = was_ahead();
        let (held, _) = ledger.clock_behind().unwrap().unwrap();
        let (signed, pinned) = (paper(held, NOW, true), GovernanceKey::of(&authority()));
        super::super::step::light(Some(crash));
        let died = ledger.reset_clock(&signed, &pinned, &england()).is_err();
        super::super::step::light(None);
        assert_eq!(ledger.clock_behind().unwrap().is_some(), died, "crash at {crash}");
        if died {
            assert_eq!(year(&ledger, "2026-27"), (4_000_000, 0), "crash at {crash}");
            ledger.reset_clock(&signed, &pinned, &england()).unwrap();
        }
        assert_eq!(year(&ledger, "2026-27"), (11_000_000, 0), "crash at {crash}");
        drop(ledger);
        bench.sound();
        if !died {
            assert!(crash > 15, "the fuse was never lit");
            break;
        }
    }
}
