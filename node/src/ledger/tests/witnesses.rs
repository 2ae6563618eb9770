use super::*;

pub(super) fn authority() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[42; 32])
}

pub(super) fn england() -> Federation {
    Federation::parse("england").unwrap()
}

pub(super) fn spend(bench: &Bench, ledger: &Ledger, id: u8) {
    let question = bench.question(id, ask(council(1_000_000)));
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(id)).unwrap());
    drop(ledger.release(grant, vec![id]).unwrap());
}

/// A ledger that spent twice, was backed up in between and restored: open, with the head that the world has seen.
pub(super) fn restored() -> (Bench, Ledger, Head, Head) {
    let bench = Bench::new();
    let ledger = bench.create();
    spend(&bench, &ledger, 1);
    let backup = bench.folder.path().join("backup.db");
    ledger.store().backup(&backup).unwrap();
    let held = ledger.head().unwrap();
    spend(&bench, &ledger, 2);
    let seen = ledger.head().unwrap();
    drop(ledger);
    store::restore(&backup, &bench.path(), &options(None, Access::Sole)).unwrap();
    let ledger = bench.open();
    assert_eq!(used(&ledger), (1_000_000, 0), "the restored copy has forgotten a charge");
    (bench, ledger, held, seen)
}

pub(super) fn recovery(held: Head, seen: Head, spent: u64) -> SignedRecovery {
    let statement = Statement {
        council: home(),
        held_entries: held.entries,
        held_digest: held.digest,
        witnessed_entries: seen.entries,
        assume_spent_nano: spent,
        reason: "the disk failed".into(),
        resets_clock: false,
        issued_at: "2026-06-30T12:00:00Z".parse().unwrap(),
    };
    SignedRecovery::sign(england(), statement, &authority()).unwrap()
}

#[test]
fn invented_heads_neither_fill_the_log_nor_leave_it_without_numbers() {
    let bench = Bench::new();
    let ledger = bench.create();
    spend(&bench, &ledger, 1);
    let held = ledger.head().unwrap();
    let told = |entries, last| {
        let mut digest = [9; 32];
        digest[31] = last;
        ledger.observe_witness(&Head { entries, digest }).unwrap_err()
    };
    // A chain that had to go on above this one could have no further entry.
    for entries in [u64::MAX, i64::MAX as u64, (1 << 40) + 1] {
        assert_eq!(reason(&told(entries, 0)), Reason::InvalidQuestion, "{entries}");
    }
    assert_eq!(ledger.head().unwrap(), held, "nothing is written down");
    for last in 0..=150 {
        assert_eq!(reason(&told(1 << 40, last)), Reason::LedgerInDoubt);
    }
    assert_eq!(ledger.head().unwrap().entries, held.entries + 100);
    let seen = Head { entries: 1 << 40, digest: [9; 32] };
    let pinned = GovernanceKey::of(&authority());
    ledger.recover(&recovery(held, seen, 0), &pinned, &england()).unwrap();
    spend(&bench, &ledger, 2);
    assert!(ledger.head().unwrap().entries > 1 << 40);
}

#[test]
fn a_restored_ledger_answers_nothing_until_the_authority_countersigns() {
    let (bench, ledger, held, seen) = restored();
    assert_eq!(reason(&ledger.observe_witness(&seen).unwrap_err()), Reason::LedgerInDoubt);
    drop(ledger);
    // The doubt survives a restart.
    let ledger = bench.open();
    let question = bench.question(9, ask(council(1)));
    assert_eq!(reason(&ledger.admit_council(&bench.policy, &question, data(9)).unwrap_err()), Reason::LedgerInDoubt);
    assert_eq!(ledger.quote(&bench.policy, &question, data(9)).unwrap().verdict, Verdict::Refuse);
    assert_eq!(ledger.doubts().unwrap(), [seen]);

    let pinned = GovernanceKey::of(&authority());
    let other = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let signed = recovery(held, seen, 19_000_000);
    assert!(ledger.recover(&signed, &GovernanceKey::of(&other), &england()).is_err());
    let elsewhere = recovery(Head { digest: [9; 32], ..held }, seen, 0);
    assert!(ledger.recover(&elsewhere, &pinned, &england()).is_err());
    assert_eq!(reason(&ledger.admit_council(&bench.policy, &question, data(9)).unwrap_err()), Reason::LedgerInDoubt);

    let head = ledger.recover(&signed, &pinned, &england()).unwrap();
    assert!(head.entries > seen.entries, "numbers of the lost branch are not used again");
    // What may have been spent counts as spent: the whole budget here.
    assert_eq!(used(&ledger), (20_000_000, 0));
    assert_eq!(reason(&ledger.admit_council(&bench.policy, &question, data(9)).unwrap_err()), Reason::BudgetSpent);
    ledger.observe_witness(&seen).unwrap();
    assert!(ledger.recover(&signed, &pinned, &england()).is_err(), "a recovery works once");
    bench.sound();
}

#[test]
fn a_second_copy_that_went_its_own_way_is_a_fork() {
    let (bench, ledger, _, seen) = restored();
    spend(&bench, &ledger, 3);
    spend(&bench, &ledger, 4);
    assert!(ledger.head().unwrap().entries > seen.entries);
    assert_eq!(reason(&ledger.observe_witness(&seen).unwrap_err()), Reason::LedgerInDoubt);
}

#[test]
fn heads_of_this_chain_are_no_reason_for_doubt() {
    let bench = Bench::new();
    let ledger = bench.create();
    let mut heads = vec![ledger.head().unwrap()];
    for id in 1..4 {
        spend(&bench, &ledger, id);
        heads.push(ledger.head().unwrap());
    }
    for head in &heads {
        ledger.observe_witness(head).unwrap();
    }
    ledger.observe_witness(&Head { entries: 0, digest: [0; 32] }).unwrap();
}

#[test]
fn restoring_the_backup_again_after_a_recovery_is_noticed_again() {
    let (bench, ledger, held, seen) = restored();
    let pinned = GovernanceKey::of(&authority());
    drop(ledger.observe_witness(&seen));
    ledger.recover(&recovery(held, seen, 0), &pinned, &england()).unwrap();
    spend(&bench, &ledger, 5);
    let later = ledger.head().unwrap();
    drop(ledger);
    store::restore(&bench.folder.path().join("backup.db"), &bench.path(), &options(None, Access::Sole)).unwrap();
    let ledger = bench.open();
    assert!(ledger.observe_witness(&later).is_err());
    // The recovery of before goes no further than it says.
    ledger.recover(&recovery(held, seen, 0), &pinned, &england()).unwrap_err();
}

#[test]
fn a_clock_that_went_back_stops_answers_and_nothing_else() {
    let bench = Bench::new();
    let ledger = bench.create();
    spend(&bench, &ledger, 1);
    bench.clock.step_wall_clock("2026-06-30T11:59:57Z".parse().unwrap());
    let question = bench.question(2, ask(council(1)));
    let refused = ledger.admit_council(&bench.policy, &question, data(2)).unwrap_err();
    assert_eq!(reason(&refused), Reason::LedgerInDoubt);
    assert!(refused.to_string().contains("clock"));
    // An import is still written down, after what stands before it.
    ledger.record(&Record::new(Action::Imported, "local: j.doe")).unwrap();
    // A step of a second or two is the network's doing.
    bench.clock.step_wall_clock("2026-06-30T11:59:58Z".parse().unwrap());
    drop(granted(ledger.admit_council(&bench.policy, &question, data(2)).unwrap()));
    bench.clock.step_wall_clock("2026-06-30T12:00:01Z".parse().unwrap());
    spend(&bench, &ledger, 3);
    bench.sound();
}

#[test]
fn a_restored_ledger_says_what_the_authority_must_countersign_however_long_it_went_on() {
    let (bench, ledger, _, seen) = restored();
    assert_eq!(ledger.recovery_needs().unwrap(), None);
    for id in 10..14 {
        spend(&bench, &ledger, id);
    }
    drop(ledger.observe_witness(&seen));
    let (held, witnessed) = ledger.recovery_needs().unwrap().unwrap();
    assert_eq!((held.entries, witnessed), (seen.entries - 1, seen.entries));
    let signed = recovery(held, Head { entries: witnessed, ..seen }, 0);
    let before = ledger.head().unwrap();
    let head = ledger.recover(&signed, &GovernanceKey::of(&authority()), &england()).unwrap();
    assert_eq!(head.entries, before.entries + 1, "numbers in use already are not skipped");
    for fine in [seen, before, head] {
        ledger.observe_witness(&fine).unwrap();
    }
    spend(&bench, &ledger, 20);
    bench.sound();
}
