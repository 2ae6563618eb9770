//! Any sequence of questions, crashes between any two statements, restarts and waits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::step::light;
use super::*;

#[derive(Clone, Debug)]
enum Op {
    /// Council figures: which question, under which id, on which data, and whether they get as far as leaving.
    Council { price: u64, id: u8, data: u8, release: bool },
    /// A round, as far as this many steps.
    Round { price: u64, id: u8, attempt: u32, steps: u8 },
    /// Time passes, in minutes.
    Wait(u64),
    /// A person decides on the oldest held question.
    Decide { by: u8, deny: bool },
    /// The process is killed and started again.
    Restart,
}

fn operation() -> impl Strategy<Value = (Op, Option<u32>)> {
    let op = prop_oneof![
        4 => (1_u64..=3, 1_u8..6, 1_u8..3, any::<bool>())
            .prop_map(|(price, id, data, release)| Op::Council { price, id, data, release }),
        4 => (1_u64..=3, 6_u8..10, 1_u32..5, 0_u8..5)
            .prop_map(|(price, id, attempt, steps)| Op::Round { price, id, attempt, steps }),
        1 => (1_u64..200).prop_map(Op::Wait),
        2 => (0_u8..3, any::<bool>()).prop_map(|(by, deny)| Op::Decide { by, deny: deny && by == 0 }),
        1 => Just(Op::Restart),
    ];
    // About half of them die at one of their statements.
    (op, proptest::option::of(0_u32..45))
}

/// What the world outside has seen.
#[derive(Default)]
struct World {
    /// Sum of what messages that came out of the ledger said they cost.
    paid: u64,
    /// What each question on each data was answered with.
    answers: BTreeMap<(u64, u8), Vec<u8>>,
    /// So that no two draws of noise are equal.
    draws: u64,
    /// The last head that was told to anybody.
    head: Option<Head>,
}

fn play(bench: &Bench, ledger: &Ledger, op: &Op, world: &mut World) -> Result<(), Error> {
    match *op {
        Op::Council { price, id, data: of, release } => {
            let price = price * 3_000_000;
            let question = bench.question(id, ask(council(price)));
            let answer = match ledger.admit_council(&bench.policy, &question, data(of))? {
                CouncilAdmission::Stored(answer) => answer,
                CouncilAdmission::Granted(grant) if release => {
                    world.draws += 1;
                    ledger.release(grant, world.draws.to_be_bytes().to_vec())?
                }
                CouncilAdmission::Granted(_) => return Ok(()),
            };
            world.paid += answer.charge().0;
            let bytes = answer.into_inner();
            let first = world.answers.entry((price, of)).or_insert_with(|| bytes.clone());
            assert_eq!(*first, bytes, "one question on one snapshot has one answer");
        }
        Op::Round { price, id, attempt, steps } => {
            let release = Release::JointPrivate(Rho::from_nano(price * 2_000_000).unwrap());
            let all = Cohort::new(["501", "502", "503"].map(|code| CouncilCode::parse(code).unwrap()));
            let terms =
                Terms { councils: 3, colluding: 0, threshold: 2, min_survivors: 2, local_rho: Nano(0), attempt };
            let request = RoundRequest { cohort: &all, terms, data: data(1), contributes: true };
            let question = bench.question(id, ask(release));
            let round = ledger.admit_round(&bench.policy, &question, data(1), &request)?;
            if steps == 0 {
                return ledger.abandon(round, "tested");
            }
            let (round, sent) = ledger.mask(round, [id])?;
            world.paid += sent.charge().0;
            if steps > 1 {
                let (round, _) = ledger.sign_survivors(round, [7; 32], &all, ())?;
                if steps > 2 {
                    let (round, _) = ledger.unmask(round, [7; 32], ())?;
                    if steps > 3 {
                        ledger.close(round)?;
                    }
                }
            }
        }
        Op::Wait(minutes) => bench.pass(minutes * 60),
        Op::Decide { by, deny } => {
            let held = ledger.held(false)?;
            if let Some(first) = held.first() {
                let name = format!("person {by}");
                if deny {
                    drop(ledger.deny(&bench.policy, first.id, &name, "not now"));
                } else {
                    drop(ledger.approve(&bench.policy, first.id, &name, None, Some([by; 32]).filter(|_| by > 0)));
                }
            }
        }
        Op::Restart => {}
    }
    Ok(())
}

fn check(ledger: &Ledger, world: &World) {
    // The caps of the policy in this test, whatever the table says of its own.
    let accounts = ledger.look("accounts", |step| accounts(step, "2026-27")).unwrap();
    for account in &accounts {
        let cap = match account.scope {
            crate::policy::Scope::Query => 30_000_000,
            _ => 20_000_000,
        };
        assert!(account.used.0 + account.reserved.0 <= cap, "{account:?} is over its cap");
    }
    assert_eq!(used(ledger).0, world.paid, "what left was charged, and nothing else");
    if let Some(head) = &world.head {
        ledger.observe_witness(head).unwrap();
    }
}

fn run(text: &str, ops: &[(Op, Option<u32>)]) {
    let bench = Bench::with(text);
    let mut ledger = bench.create();
    let mut world = World::default();
    for (op, crash) in ops {
        light(*crash);
        let outcome = play(&bench, &ledger, op, &mut world);
        light(None);
        let died = matches!(outcome, Err(Error::Store(_)));
        if let Err(error) = &outcome
            && !died
        {
            assert!(error.as_refusal().is_some(), "{error:?}");
        }
        if died || matches!(op, Op::Restart) {
            drop(ledger);
            ledger = bench.open();
        }
        check(&ledger, &world);
        world.head = Some(ledger.head().unwrap());
    }
    drop(ledger);
    bench.sound();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_questions_and_crashes_overspends(ops in proptest::collection::vec(operation(), 1..14)) {
        run(OPEN, &ops);
    }

    #[test]
    fn nor_when_people_must_approve(ops in proptest::collection::vec(operation(), 1..20)) {
        let held = OPEN.replace("mode = \"auto\"", "mode = \"hold\"\nsecond_person = true");
        run(&held, &ops);
    }
}

#[test]
fn a_crash_at_any_statement_of_an_answer_leaves_it_whole_or_undone() {
    for crash in 0.. {
        let bench = Bench::new();
        let ledger = bench.create();
        let question = bench.question(1, ask(council(5_000_000)));
        light(Some(crash));
        let outcome = ledger
            .admit_council(&bench.policy, &question, data(1))
            .and_then(|admission| ledger.release(granted(admission), b"first".to_vec()));
        light(None);
        let died = outcome.is_err();
        drop(ledger);
        let ledger = bench.open();
        // Asked again by a coordinator that lost the reply: answered, and charged once whatever happened before.
        let answer = match ledger.admit_council(&bench.policy, &question, data(1)).unwrap() {
            CouncilAdmission::Stored(answer) => answer,
            CouncilAdmission::Granted(grant) => ledger.release(grant, b"second".to_vec()).unwrap(),
        };
        assert_eq!(answer.into_inner(), if died { b"second".as_slice() } else { b"first" });
        assert_eq!(used(&ledger), (5_000_000, 0), "crash at statement {crash}");
        drop(ledger);
        bench.sound();
        if !died {
            assert!(crash > 20, "the fuse was never lit");
            break;
        }
    }
}

#[test]
fn the_table_itself_refuses_what_the_code_would_get_wrong() {
    let bench = Bench::new();
    let ledger = bench.create();
    let grant = granted(ledger.admit_council(&bench.policy, &bench.question(1, ask(council(5))), data(1)).unwrap());
    drop(ledger.release(grant, vec![1]).unwrap());
    for wrong in [
        "UPDATE account SET used = cap + 1",
        "UPDATE account SET used = used - 1",
        "DELETE FROM account",
        "UPDATE attempt SET state = 'reserved'",
        "UPDATE attempt SET nano = 0",
        "DELETE FROM attempt",
        "UPDATE entry SET body = '{}'",
        "DELETE FROM entry",
        "UPDATE release SET body = x'00'",
        "DELETE FROM release",
    ] {
        let outcome = ledger.step("do wrong", |step| step.execute(wrong, []));
        assert!(outcome.is_err(), "{wrong}");
    }
}

/// Plays a story again and again, the power cut one statement later each time, until it runs to its end; after each cut the
/// ledger is opened again, `after` says what must hold, and the chain must be sound.
fn cut_everywhere<T>(
    policy: &str,
    before: impl Fn(&Bench, &Ledger),
    story: impl Fn(&Bench, &Ledger) -> Result<T, String>,
    after: impl Fn(&Bench, &Ledger, Option<T>, u32),
) {
    for crash in 0.. {
        let bench = Bench::with(policy);
        let ledger = bench.create();
        before(&bench, &ledger);
        light(Some(crash));
        let outcome = story(&bench, &ledger);
        light(None);
        let died = outcome.is_err();
        drop(ledger);
        let ledger = bench.open();
        after(&bench, &ledger, outcome.ok(), crash);
        drop(ledger);
        bench.sound();
        if !died {
            assert!(crash > 10, "the fuse was never lit");
            break;
        }
    }
}

fn joint(release: Release, attempt: u32) -> (Cohort, Terms, Query) {
    let all = Cohort::new(["501", "502", "503"].map(|code| CouncilCode::parse(code).unwrap()));
    let terms = Terms { councils: 3, colluding: 0, threshold: 2, min_survivors: 2, local_rho: Nano(0), attempt };
    (all, terms, ask(release))
}

#[test]
fn a_crash_at_any_statement_of_a_round_charges_what_left_and_nothing_else() {
    use std::cell::Cell;
    let price = 5_000_000;
    for release in [Release::JointPrivate(Rho::from_nano(price).unwrap()), Release::JointSuppressed(Profile::Hospital)]
    {
        let cost = release.rho().map_or(0, Rho::nano);
        // Whether masked figures came out of the ledger, so that they may have been sent.
        let left = Cell::new(false);
        cut_everywhere(
            OPEN,
            |_, _| left.set(false),
            |bench, ledger| {
                let (all, terms, query) = joint(release, 1);
                let request = RoundRequest { cohort: &all, terms, data: data(1), contributes: true };
                let question = bench.question(1, query);
                let words = |error: Error| error.to_string();
                let round = ledger.admit_round(&bench.policy, &question, data(1), &request).map_err(words)?;
                let (round, sent) = ledger.mask(round, [1]).map_err(words)?;
                left.set(true);
                assert_eq!(sent.charge().0, cost);
                let (round, _) = ledger.sign_survivors(round, [7; 32], &all, ()).map_err(words)?;
                let (round, _) = ledger.unmask(round, [7; 32], ()).map_err(words)?;
                ledger.close(round).map_err(words)
            },
            |bench, ledger, done, crash| {
                let (used_up, reserved) = used(ledger);
                if left.get() {
                    assert_eq!(used_up, cost, "what left is charged; crash at {crash}");
                } else {
                    // A commit whose word was lost may stand: charged for nothing, never the other way round.
                    assert!(used_up == 0 || used_up == cost, "crash at {crash}: {used_up}");
                }
                // The attempt is over: it cannot be taken up again, and another one is another charge.
                let (all, terms, query) = joint(release, 1);
                let request = RoundRequest { cohort: &all, terms, data: data(1), contributes: true };
                let question = bench.question(1, query);
                let again = ledger.admit_round(&bench.policy, &question, data(1), &request);
                let known = reserved > 0 || used_up > 0 || done.is_some();
                if cost > 0 {
                    assert_eq!(again.is_err(), known, "crash at {crash}");
                }
                if left.get() {
                    assert_eq!(reason(&again.unwrap_err()), Reason::RoundRefused);
                } else {
                    drop(again);
                }
                // Whatever was only put aside is given back in time.
                bench.pass(25 * 3600);
                let later = bench.question(9, ask(council(1)));
                drop(ledger.admit_council(&bench.policy, &later, data(9)).unwrap());
                assert_eq!(used(ledger), (used_up, 1), "crash at {crash}");
            },
        );
    }
}

#[test]
fn a_crash_at_any_statement_of_an_approval_leaves_it_given_or_not_given() {
    for two in [false, true] {
        let text = OPEN.replace("mode = \"auto\"", &format!("mode = \"hold\"\nsecond_person = {two}"));
        for until in [None, Some("2026-12-31".parse().unwrap())] {
            cut_everywhere(
                &text,
                |bench, ledger| {
                    let question = bench.question(1, ask(council(5_000_000)));
                    drop(ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err());
                    if two {
                        drop(ledger.approve(&bench.policy, 1, "Jo Doe", until, None).unwrap());
                    }
                },
                |bench, ledger| {
                    ledger.approve(&bench.policy, 1, "Sam Lee", until, None).map_err(|error| error.to_string())
                },
                |bench, ledger, given, crash| {
                    let held = ledger.held(true).unwrap().remove(0);
                    let state = held.state.as_str();
                    assert!(given.is_none() || state == "approved", "crash at {crash}: {state}");
                    assert!(given.is_some() || state == "waiting", "crash at {crash}: {state}");
                    let standing: Option<i64> = ledger
                        .look("count", |step| step.one("SELECT count(*) FROM standing", [], |row| row.get(0)))
                        .unwrap();
                    assert_eq!(standing, Some(i64::from(state == "approved" && until.is_some())), "crash at {crash}");
                    // Done again where it was not given, the question is answered once and used up, or stands.
                    if state == "waiting" {
                        drop(ledger.approve(&bench.policy, 1, "Sam Lee", until, None).unwrap());
                    }
                    let question = bench.question(1, ask(council(5_000_000)));
                    let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
                    drop(ledger.release(grant, b"first".to_vec()).unwrap());
                    let expected = if until.is_some() { "approved" } else { "used" };
                    assert_eq!(ledger.held(true).unwrap()[0].state, expected, "crash at {crash}");
                    assert_eq!(used(ledger), (5_000_000, 0));
                },
            );
        }
    }
}

#[test]
fn a_crash_at_any_statement_of_a_denial_or_a_look_leaves_it_done_or_undone() {
    let text = OPEN.replace("mode = \"auto\"", "mode = \"hold\"");
    let before = |bench: &Bench, ledger: &Ledger| {
        let question = bench.question(1, ask(council(5_000_000)));
        drop(ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err());
    };
    cut_everywhere(
        &text,
        before,
        |bench, ledger| {
            let look =
                |_: &Query, _| crate::approval::Look { preview: Err("no".into()), snapshot: None, data: Some([1; 32]) };
            ledger.show(&bench.policy, 1, "Jo Doe", look).map_err(|error| error.to_string())?;
            ledger.deny(&bench.policy, 1, "Jo Doe", "too fine").map_err(|error| error.to_string())
        },
        |bench, ledger, done, crash| {
            let held = ledger.held(true).unwrap().remove(0);
            assert_eq!(held.state == "denied", done.is_some(), "crash at {crash}");
            assert_eq!(held.reason.is_some(), done.is_some());
            let question = bench.question(2, ask(council(5_000_000)));
            let error = ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err();
            let expected = if done.is_some() { Reason::Denied } else { Reason::WaitingForApproval };
            assert_eq!(reason(&error), expected, "crash at {crash}");
            assert_eq!(used(ledger), (0, 0));
        },
    );
}
