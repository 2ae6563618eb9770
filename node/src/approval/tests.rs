use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::query::Release;
use folkmoot_proto::reason::Reason;

use super::*;
use crate::audit::Book;
use crate::ledger::tests::{Bench, OPEN, ask, ask_about, council, data, granted, policy, reason, used};
use crate::ledger::{CouncilAdmission, Verdict};

fn holding() -> Bench {
    Bench::with(&OPEN.replace("mode = \"auto\"", "mode = \"hold\""))
}

fn two_people() -> Bench {
    Bench::with(&OPEN.replace("mode = \"auto\"", "mode = \"hold\"\nsecond_person = true"))
}

fn try_it(bench: &Bench, ledger: &Ledger, question: &Question) -> Result<Vec<u8>, ledger::Error> {
    match ledger.admit_council(&bench.policy, question, data(1))? {
        CouncilAdmission::Stored(answer) => Ok(answer.into_inner()),
        CouncilAdmission::Granted(grant) => Ok(ledger.release(grant, b"figures".to_vec())?.into_inner()),
    }
}

fn refused(bench: &Bench, ledger: &Ledger, question: &Question) -> Reason {
    reason(&try_it(bench, ledger, question).unwrap_err())
}

#[test]
fn a_held_question_waits_costs_nothing_and_stands_in_nobody_s_way() {
    let bench = Bench::with(&format!(
        "{}\n[[purposes]]\nname = \"unused\"\nlawful_bases = [\"x\"]",
        OPEN.replace("auto_up_to_rho = 0.01", "auto_up_to_rho = 0.001")
    ));
    let ledger = bench.create();
    let dear = bench.question(1, ask(council(5_000_000)));
    let waiting = try_it(&bench, &ledger, &dear).unwrap_err();
    assert_eq!(reason(&waiting), Reason::WaitingForApproval);
    assert_eq!(waiting.as_refusal().unwrap().fact("hold"), Some("1"));
    assert_eq!(used(&ledger), (0, 0));
    try_it(&bench, &ledger, &bench.question(2, ask(council(1_000_000)))).unwrap();
    // Asking again is the same question, under whatever id, and is put before people once.
    assert_eq!(refused(&bench, &ledger, &bench.question(3, ask(council(5_000_000)))), Reason::WaitingForApproval);
    let pending = ledger.held(false).unwrap();
    assert_eq!(pending.len(), 1);
    assert!(pending[0].question.contains("(PEOPLE)") && pending[0].why.contains("0.001"), "{:?}", pending[0]);
    assert_eq!(ledger.quote(&bench.policy, &dear, data(1)).unwrap().verdict, Verdict::Hold);
    bench.sound();
}

#[test]
fn an_approval_is_for_one_answer_of_one_analyst_for_one_purpose() {
    let bench = holding();
    let ledger = bench.create();
    let question = bench.question(1, ask(council(1_000_000)));
    refused(&bench, &ledger, &question);
    assert_eq!(ledger.approve(&bench.policy, 1, "J. Doe", None).unwrap(), Decision::Approved);
    let other = bench.asked_by(2, ask(council(1_000_000)), "national/b.jones");
    assert_eq!(refused(&bench, &ledger, &other), Reason::WaitingForApproval);
    assert_eq!(refused(&bench, &ledger, &bench.question(3, ask(council(2_000_000)))), Reason::WaitingForApproval);
    assert_eq!(ledger.quote(&bench.policy, &question, data(1)).unwrap().verdict, Verdict::Answer);
    try_it(&bench, &ledger, &question).unwrap();
    // The data changed: a new answer is a new decision.
    let again = ledger.admit_council(&bench.policy, &question, data(2)).unwrap_err();
    assert_eq!(reason(&again), Reason::WaitingForApproval);
    let states: Vec<_> = ledger.held(true).unwrap().into_iter().map(|held| held.state).collect();
    assert_eq!(states, ["used", "waiting", "waiting", "waiting"]);
    assert!(matches!(ledger.approve(&bench.policy, 1, "J. Doe", None), Err(Error::Decided { .. })));
    assert!(matches!(ledger.approve(&bench.policy, 99, "J. Doe", None), Err(Error::NotFound(99))));
    bench.sound();
}

#[test]
fn a_standing_approval_covers_equal_questions_about_any_period_until_its_day() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask_about(2024, &[], council(1_000_000))));
    let until = "2026-08-31".parse().unwrap();
    ledger.approve(&bench.policy, 1, "J. Doe", Some(until)).unwrap();
    try_it(&bench, &ledger, &bench.question(2, ask_about(2024, &[], council(1_000_000)))).unwrap();
    try_it(&bench, &ledger, &bench.question(3, ask_about(2025, &[], council(1_000_000)))).unwrap();
    // Another price is another question, and another analyst is another decision.
    assert_eq!(
        refused(&bench, &ledger, &bench.question(4, ask_about(2023, &[], council(1_000_001)))),
        Reason::WaitingForApproval
    );
    let other = bench.asked_by(5, ask_about(2023, &[], council(1_000_000)), "icb/QHM/a");
    assert_eq!(refused(&bench, &ledger, &other), Reason::WaitingForApproval);
    // 30 June at noon to the last second of 31 August.
    bench.pass(62 * 24 * 3600 + 12 * 3600 - 1);
    try_it(&bench, &ledger, &bench.question(6, ask_about(2022, &[], council(1_000_000)))).unwrap();
    bench.pass(1);
    assert_eq!(
        refused(&bench, &ledger, &bench.question(7, ask_about(2021, &[], council(1_000_000)))),
        Reason::WaitingForApproval
    );
    bench.sound();
}

#[test]
fn two_different_people_must_approve_where_the_policy_says_so() {
    let bench = two_people();
    let ledger = bench.create();
    let question = bench.question(1, ask(council(1_000_000)));
    refused(&bench, &ledger, &question);
    let until = "2026-08-31".parse().unwrap();
    assert_eq!(ledger.approve(&bench.policy, 1, "Jo Doe", Some(until)).unwrap(), Decision::NeedsSecondPerson);
    assert_eq!(refused(&bench, &ledger, &question), Reason::WaitingForApproval);
    assert!(matches!(ledger.approve(&bench.policy, 1, " jo  DOE ", None), Err(Error::SamePerson(..))));
    assert_eq!(ledger.approve(&bench.policy, 1, "Sam Lee", None).unwrap(), Decision::Approved);
    try_it(&bench, &ledger, &question).unwrap();
    // Only one of the two said "until": it was for once.
    assert_eq!(
        refused(&bench, &ledger, &bench.question(2, ask_about(2024, &[], council(1_000_000)))),
        Reason::WaitingForApproval
    );
    bench.sound();
}

#[test]
fn a_denial_reaches_the_analyst_and_withdraws_an_approval() {
    let bench = holding();
    let ledger = bench.create();
    let question = bench.question(1, ask(council(1_000_000)));
    refused(&bench, &ledger, &question);
    ledger.approve(&bench.policy, 1, "J. Doe", None).unwrap();
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
    ledger.deny(1, "J. Doe", "the breakdown is finer than we agreed").unwrap();
    // What was under way does not leave.
    assert_eq!(reason(&ledger.release(grant, vec![1]).unwrap_err()), Reason::WaitingForApproval);
    bench.pass(3 * 3600);
    let later = bench.question(2, ask(council(1_000_000)));
    let denied = try_it(&bench, &ledger, &later).unwrap_err();
    assert_eq!(reason(&denied), Reason::Denied);
    assert!(denied.as_refusal().unwrap().sentence().contains("finer than we agreed"));
    assert_eq!(used(&ledger), (0, 0));
    for bad in ["", "a\nb"] {
        assert!(matches!(ledger.deny(1, "J. Doe", bad), Err(Error::Text(..))));
        assert!(matches!(ledger.approve(&bench.policy, 1, bad, None), Err(Error::Text(..))));
    }
    bench.sound();
}

#[test]
fn what_nobody_decides_or_uses_becomes_void() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(1_000_000))));
    refused(&bench, &ledger, &bench.question(2, ask(council(2_000_000))));
    ledger.approve(&bench.policy, 2, "J. Doe", None).unwrap();
    bench.pass(15 * 24 * 3600);
    assert!(matches!(ledger.approve(&bench.policy, 1, "J. Doe", None), Err(Error::Decided { .. })));
    assert_eq!(refused(&bench, &ledger, &bench.question(3, ask(council(2_000_000)))), Reason::WaitingForApproval);
    let states: Vec<_> = ledger.held(true).unwrap().into_iter().map(|held| held.state).collect();
    assert_eq!(states, ["expired", "expired", "waiting"]);
    let day = |text: &str| Some(text.parse().unwrap());
    for bad in ["2026-07-15", "2020-01-01", "2030-01-01"] {
        assert!(matches!(ledger.approve(&bench.policy, 3, "J. Doe", day(bad)), Err(Error::Until(_))), "{bad}");
    }
    bench.sound();
}

#[test]
fn show_says_all_that_a_person_needs_and_keeps_the_preview_nowhere() {
    let bench = holding();
    let ledger = bench.create();
    let query = ask(Release::CouncilSuppressed(Profile::Hospital));
    refused(&bench, &ledger, &bench.question(1, query));
    let shown = ledger.show(&bench.policy, 1, "J. Doe", |_| Ok("CANARY 4242 people".to_owned())).unwrap();
    assert_eq!(shown.preview.as_deref(), Ok("CANARY 4242 people"));
    assert!(shown.held.what_leaves.contains("small numbers hidden"));
    assert!(shown.policy_says.contains("a person must decide"));
    assert_eq!(shown.left[0], ("this year".to_owned(), 20_000_000, 20_000_000));
    let strict = policy("mode = \"on\"");
    let now_forbidden = ledger.show(&strict, 1, "J. Doe", |_| Err("no data".to_owned())).unwrap();
    assert!(now_forbidden.policy_says.contains("would be refused"));
    drop(ledger);
    let mut log = Vec::new();
    Book::open(&bench.path(), None).unwrap().export(1, &mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("\"previewed\"") && !log.contains("4242"), "{log}");
}

#[test]
fn a_command_decides_beside_a_running_node() {
    let bench = holding();
    let node = bench.create();
    let question = bench.question(1, ask(council(1_000_000)));
    refused(&bench, &node, &question);
    let command = bench.beside();
    assert_eq!(command.held(false).unwrap().len(), 1);
    command.approve(&bench.policy, 1, "J. Doe", None).unwrap();
    drop(command);
    try_it(&bench, &node, &question).unwrap();
    bench.sound();
}
