use folkmoot_proto::reason::Reason;

use super::*;
use crate::audit::Book;
use crate::ledger::tests::{Bench, OPEN, ask, ask_about, council, data, granted, policy, reason, used};
use crate::ledger::{CouncilAdmission, Verdict};
use crate::local::Preview;

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
    assert_eq!(ledger.approve(&bench.policy, 1, "J. Doe", None, None).unwrap(), Decision::Approved { until: None });
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
    assert!(matches!(ledger.approve(&bench.policy, 1, "J. Doe", None, None), Err(Error::Decided { .. })));
    assert!(matches!(ledger.approve(&bench.policy, 99, "J. Doe", None, None), Err(Error::NotFound(99))));
    bench.sound();
}

#[test]
fn a_standing_approval_covers_equal_questions_about_any_period_until_its_day() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask_about(2024, &[], council(1_000_000))));
    let until = "2026-08-31".parse().unwrap();
    ledger.approve(&bench.policy, 1, "J. Doe", Some(until), None).unwrap();
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
    assert_eq!(ledger.approve(&bench.policy, 1, "Jo Doe", Some(until), None).unwrap(), Decision::NeedsSecondPerson);
    assert_eq!(refused(&bench, &ledger, &question), Reason::WaitingForApproval);
    assert!(matches!(ledger.approve(&bench.policy, 1, " jo  DOE ", None, None), Err(Error::SamePerson(..))));
    assert_eq!(ledger.approve(&bench.policy, 1, "Sam Lee", None, None).unwrap(), Decision::Approved { until: None });
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
    ledger.approve(&bench.policy, 1, "J. Doe", None, None).unwrap();
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
    ledger.deny(&bench.policy, 1, "J. Doe", "the breakdown is finer than we agreed").unwrap();
    // What was under way does not leave.
    assert_eq!(reason(&ledger.release(grant, vec![1]).unwrap_err()), Reason::WaitingForApproval);
    bench.pass(3 * 3600);
    let later = bench.question(2, ask(council(1_000_000)));
    let denied = try_it(&bench, &ledger, &later).unwrap_err();
    assert_eq!(reason(&denied), Reason::Denied);
    assert!(denied.as_refusal().unwrap().sentence().contains("finer than we agreed"));
    assert_eq!(used(&ledger), (0, 0));
    for bad in ["", "a\nb"] {
        assert!(matches!(ledger.deny(&bench.policy, 1, "J. Doe", bad), Err(Error::Text(..))));
        assert!(matches!(ledger.approve(&bench.policy, 1, bad, None, None), Err(Error::Text(..))));
    }
    bench.sound();
}

#[test]
fn what_nobody_decides_or_uses_becomes_void() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(1_000_000))));
    refused(&bench, &ledger, &bench.question(2, ask(council(2_000_000))));
    ledger.approve(&bench.policy, 2, "J. Doe", None, None).unwrap();
    bench.pass(15 * 24 * 3600);
    assert!(matches!(ledger.approve(&bench.policy, 1, "J. Doe", None, None), Err(Error::Decided { .. })));
    assert_eq!(refused(&bench, &ledger, &bench.question(3, ask(council(2_000_000)))), Reason::WaitingForApproval);
    let states: Vec<_> = ledger.held(true).unwrap().into_iter().map(|held| held.state).collect();
    assert_eq!(states, ["expired", "expired", "waiting"]);
    let day = |text: &str| Some(text.parse().unwrap());
    for bad in ["2026-07-15", "2020-01-01", "2030-01-01"] {
        assert!(matches!(ledger.approve(&bench.policy, 3, "J. Doe", day(bad), None), Err(Error::Until(_))), "{bad}");
    }
    bench.sound();
}

/// A look at records in a state, with a figure that must be kept nowhere.
fn look(state: u8) -> Look {
    let table = vec![vec!["people".to_owned()], vec!["CANARY 4242".to_owned()]];
    let preview = Preview { says: vec!["a table leaves".into()], title: "What leaves".into(), table, data: vec![] };
    Look { preview: Ok(preview), snapshot: Some(data(state)), data: Some([state; 32]) }
}

#[test]
fn show_says_all_that_a_person_needs_and_keeps_the_preview_nowhere() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(1_000_000))));
    let shown = ledger.show(&bench.policy, 1, "J. Doe", |_, opt_out_applied| {
        assert!(opt_out_applied, "the policy leaves people out for this purpose");
        look(1)
    });
    let shown = shown.unwrap();
    assert_eq!(shown.preview.as_ref().unwrap().table[1], ["CANARY 4242"]);
    assert!(shown.held.what_leaves.contains("random noise"));
    assert!(shown.policy_says.contains("a person must decide"));
    assert!(shown.price.contains("rho 0.001 (epsilon"), "{}", shown.price);
    let year = &shown.left[0];
    assert_eq!((year.left_nano, year.after_nano, year.cap_nano), (20_000_000, 19_000_000, 20_000_000));
    let counted = OPEN.replace(
        "lawful_bases = [\"*\"]",
        "lawful_bases = [\"*\"]\nnational_data_opt_out = \"not-applied\"\nopt_out_reason = \"law\"",
    );
    drop(ledger.show(&policy(&counted), 1, "J. Doe", |_, opt_out_applied| {
        assert!(!opt_out_applied);
        look(1)
    }));
    let strict = policy("mode = \"on\"");
    let forbidden = ledger.show(&strict, 1, "J. Doe", |_, _| panic!("what is refused is not worked out")).unwrap();
    assert!(forbidden.policy_says.contains("would be refused"));
    assert!(forbidden.preview.err().unwrap().contains("nothing would leave"));
    drop(ledger);
    let mut log = Vec::new();
    Book::open(&bench.path(), None).unwrap().export(1, &mut log).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("\"previewed\"") && !log.contains("4242"), "{log}");
}

#[test]
fn nobody_approves_anything_but_what_they_saw() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(1_000_000))));
    drop(ledger.show(&bench.policy, 1, "J. Doe", |_, _| look(1)).unwrap());
    let approve = |rules: &Policy, state: u8| ledger.approve(rules, 1, "J. Doe", None, Some([state; 32]));
    let other = policy(&OPEN.replace("mode = \"auto\"", "mode = \"hold\"").replace("0.02", "0.03"));
    let error = approve(&other, 1).unwrap_err();
    assert!(
        error.to_string().contains("the policy changed since question number 1 was shown on 2026-06-30"),
        "{error}"
    );
    let error = approve(&bench.policy, 2).unwrap_err();
    assert!(error.to_string().contains("this council's records changed"), "{error}");
    assert_eq!(ledger.held(false).unwrap().len(), 1, "it waits on");
    // Looked at again, it is approved.
    drop(ledger.show(&other, 1, "J. Doe", |_, _| look(2)).unwrap());
    assert_eq!(approve(&other, 2).unwrap(), Decision::Approved { until: None });
    bench.sound();
}

#[test]
fn an_approval_that_would_change_nothing_is_not_given() {
    let bench = holding();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(9_000_000))));
    let forbids = policy(&OPEN.replace("mode = \"auto\"", "mode = \"hold\"").replace("\"council-private\", ", ""));
    let error = ledger.approve(&forbids, 1, "J. Doe", None, None).unwrap_err();
    assert!(matches!(&error, Error::Refused { why, .. } if why.reason() == Reason::PolicyForbids), "{error}");
    let spent = policy(&OPEN.replace("mode = \"auto\"", "mode = \"hold\"").replace("= 0.02", "= 0.008"));
    let error = ledger.approve(&spent, 1, "J. Doe", None, None).unwrap_err();
    assert!(error.to_string().contains("rho 0.008 of 0.008 is left"), "{error}");
    let shown = ledger.show(&spent, 1, "J. Doe", |_, _| look(1)).unwrap();
    assert!(shown.policy_says.contains("would be refused: it costs rho 0.009"), "{}", shown.policy_says);
    assert_eq!(ledger.held(false).unwrap()[0].state, "waiting");
    bench.sound();
}

#[test]
fn what_the_first_of_two_approved_is_void_when_rules_or_data_change() {
    let bench = two_people();
    let ledger = bench.create();
    refused(&bench, &ledger, &bench.question(1, ask(council(1_000_000))));
    let approve = |by: &str, state: u8| ledger.approve(&bench.policy, 1, by, None, Some([state; 32])).unwrap();
    assert_eq!(approve("Jo Doe", 1), Decision::NeedsSecondPerson);
    assert_eq!(approve("Sam Lee", 2), Decision::FirstIsVoid { first: "Jo Doe".into() });
    assert_eq!(ledger.held(false).unwrap()[0].first_by.as_deref(), Some("Sam Lee"));
    assert_eq!(approve("Jo Doe", 2), Decision::Approved { until: None });
    bench.sound();
}

#[test]
fn questions_that_wait_are_bounded_for_one_analyst_and_for_all() {
    let few = "mode = \"hold\"\nmax_waiting = 5\nmax_waiting_per_analyst = 3";
    let bench = Bench::with(&OPEN.replace("mode = \"auto\"", few));
    let ledger = bench.create();
    let ask_as = |id: u8, who: &str| {
        let question = bench.asked_by(id, ask(council(u64::from(id))), who);
        try_it(&bench, &ledger, &question).unwrap_err().as_refusal().unwrap().clone()
    };
    for id in 1..=3 {
        assert_eq!(ask_as(id, "national/a").reason(), Reason::WaitingForApproval);
    }
    let refusal = ask_as(4, "national/a");
    assert_eq!(refusal.reason(), Reason::PolicyForbids);
    assert!(refusal.sentence().contains("3 questions of yours wait there already"), "{}", refusal.sentence());
    assert_eq!(ask_as(1, "national/a").reason(), Reason::WaitingForApproval, "one that waits is the same one");
    // Another analyst is not in the way of the first, until all together are too many.
    for (id, who) in [(5, "national/b"), (6, "icb/QHM/c")] {
        assert_eq!(ask_as(id, who).reason(), Reason::WaitingForApproval);
    }
    assert!(ask_as(7, "national/d").sentence().contains("5 questions wait there already"));
    let quote = ledger.quote(&bench.policy, &bench.question(8, ask(council(8))), data(1)).unwrap();
    assert_eq!(quote.verdict, Verdict::Hold, "the price of a question is no promise");
    ledger.deny(&bench.policy, 1, "J. Doe", "too fine").unwrap();
    assert_eq!(ask_as(7, "national/d").reason(), Reason::WaitingForApproval);
    bench.sound();
}

#[test]
fn questions_that_are_refused_do_not_fill_the_log() {
    let bench = Bench::with("mode = \"on\"");
    let ledger = bench.create();
    let question = bench.question(1, ask(council(1)));
    let before = ledger.head().unwrap().entries;
    for _ in 0..510 {
        assert_eq!(refused(&bench, &ledger, &question), Reason::PolicyForbids);
    }
    assert_eq!(ledger.head().unwrap().entries - before, 500);
    let other = bench.asked_by(2, ask(council(1)), "national/b");
    assert_eq!(refused(&bench, &ledger, &other), Reason::PolicyForbids);
    assert_eq!(ledger.head().unwrap().entries - before, 501, "another analyst's refusals are written");
    bench.pass(24 * 3600);
    let later = bench.question(3, ask(council(1)));
    assert_eq!(refused(&bench, &ledger, &later), Reason::PolicyForbids);
    assert_eq!(ledger.head().unwrap().entries - before, 502, "and those of the next day");
    drop(ledger);
    let mut log = Vec::new();
    Book::open(&bench.path(), None).unwrap().export(1, &mut log).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("500th refusal of this analyst today"));
    bench.sound();
}

#[test]
fn a_command_decides_beside_a_running_node() {
    let bench = holding();
    let node = bench.create();
    let question = bench.question(1, ask(council(1_000_000)));
    refused(&bench, &node, &question);
    let command = bench.beside();
    assert_eq!(command.held(false).unwrap().len(), 1);
    command.approve(&bench.policy, 1, "J. Doe", None, None).unwrap();
    drop(command);
    try_it(&bench, &node, &question).unwrap();
    bench.sound();
}
