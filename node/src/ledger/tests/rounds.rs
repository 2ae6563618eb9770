use super::*;

fn cohort(codes: &[u16]) -> Cohort {
    Cohort::new(codes.iter().map(|code| CouncilCode::parse(&code.to_string()).unwrap()))
}

fn terms(cohort: &Cohort, attempt: u32) -> Terms {
    let councils = u32::try_from(cohort.len()).unwrap();
    let threshold = councils / 2 + 1;
    Terms { councils, colluding: 0, threshold, min_survivors: threshold.max(2), local_rho: Nano(0), attempt }
}

fn joint(nano: u64) -> Release {
    Release::JointPrivate(Rho::from_nano(nano).unwrap())
}

fn summed() -> Release {
    Release::JointSuppressed(Profile::Hospital)
}

fn admit(
    bench: &Bench,
    ledger: &Ledger,
    id: u8,
    query: Query,
    cohort: &Cohort,
    attempt: u32,
) -> Result<Round<Reserved>, Error> {
    let request = RoundRequest { cohort, terms: terms(cohort, attempt), data: data(1), contributes: true };
    ledger.admit_round(&bench.policy, &bench.question(id, query), data(1), &request)
}

fn finish(ledger: &Ledger, round: Round<Reserved>, survivors: &Cohort) -> Result<(), Error> {
    let (round, _) = ledger.mask(round, [1_u8])?;
    let (round, _) = ledger.sign_survivors(round, [2; 32], survivors, ())?;
    let (round, _) = ledger.unmask(round, [2; 32], ())?;
    ledger.close(round)
}

#[test]
fn a_round_is_charged_when_its_masked_figures_leave_and_not_before() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    let round = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 1).unwrap();
    assert_eq!((round.price(), used(&ledger)), (Nano(5_000_000), (0, 5_000_000)));
    ledger.abandon(round, "too few councils advertised").unwrap();
    assert_eq!(used(&ledger), (0, 0));
    // The same attempt never comes back; the next one may.
    let seen = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 1).unwrap_err();
    assert_eq!(reason(&seen), Reason::RoundRefused);
    let round = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 2).unwrap();
    let (round, sent) = ledger.mask(round, b"masked").unwrap();
    assert_eq!((sent.charge(), sent.into_inner()), (Nano(5_000_000), b"masked"));
    ledger.abandon(round, "the coordinator went away").unwrap();
    assert_eq!(used(&ledger), (5_000_000, 0), "others can unmask without this council");
    let round = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 3).unwrap();
    finish(&ledger, round, &all).unwrap();
    assert_eq!(used(&ledger), (10_000_000, 0));
    let fourth = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 4).unwrap_err();
    assert_eq!(reason(&fourth), Reason::RoundRefused);
    bench.sound();
}

#[test]
fn a_council_outside_every_block_pays_nothing() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    let request = RoundRequest { cohort: &all, terms: terms(&all, 1), data: data(1), contributes: false };
    let question = bench.question(1, ask(joint(5_000_000)));
    let round = ledger.admit_round(&bench.policy, &question, data(1), &request).unwrap();
    finish(&ledger, round, &all).unwrap();
    assert_eq!(used(&ledger), (0, 0));
}

#[test]
fn only_survivors_of_the_cohort_are_signed_and_only_what_was_signed_is_unmasked() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503, 504]);
    for (attempt, survivors) in [(1, cohort(&[501, 502, 504])), (2, cohort(&[503, 502])), (3, cohort(&[502, 503, 999]))]
    {
        let round = admit(&bench, &ledger, 1, ask(joint(1)), &all, attempt).unwrap();
        let (round, _) = ledger.mask(round, [1_u8]).unwrap();
        assert!(ledger.sign_survivors(round, [2; 32], &survivors, ()).is_err(), "{survivors:?}");
    }
    let round = admit(&bench, &ledger, 2, ask(joint(1)), &all, 1).unwrap();
    let (round, _) = ledger.mask(round, [1_u8]).unwrap();
    let (round, _) = ledger.sign_survivors(round, [2; 32], &cohort(&[501, 502, 503]), ()).unwrap();
    assert_eq!(reason(&ledger.unmask(round, [3; 32], ()).unwrap_err()), Reason::RoundRefused);
    bench.sound();
}

#[test]
fn a_round_outlives_no_restart_and_its_charge_does() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    let round = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 1).unwrap();
    drop(ledger.mask(round, [1_u8]).unwrap());
    drop(ledger);
    bench.pass(48 * 3600);
    let ledger = bench.open();
    assert_eq!(used(&ledger), (5_000_000, 0));
    bench.sound();
}

#[test]
fn suppressed_sums_over_cohorts_that_cross_or_differ_by_little_are_refused() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503, 504, 505, 506]);
    let round = admit(&bench, &ledger, 1, ask(summed()), &all, 1).unwrap();
    finish(&ledger, round, &all).unwrap();
    for (id, refused) in [(2, cohort(&[501, 502, 503, 504, 505])), (3, cohort(&[503, 505, 506, 507, 508]))] {
        assert_eq!(reason(&admit(&bench, &ledger, id, ask(summed()), &refused, 1).unwrap_err()), Reason::PolicyForbids);
    }
    // Nested, and no area that anybody declared: the two in between could be asked for but for one.
    let nested = cohort(&[501, 502, 503, 504]);
    assert_eq!(reason(&admit(&bench, &ledger, 4, ask(summed()), &nested, 1).unwrap_err()), Reason::PolicyForbids);
    // The very same councils are fine; another profile is the same sum.
    let round = admit(&bench, &ledger, 5, ask(Release::JointSuppressed(Profile::Ascof)), &all, 1);
    assert!(round.is_err(), "the policy allows the strict profile only");
    finish(&ledger, admit(&bench, &ledger, 6, ask(summed()), &all, 1).unwrap(), &all).unwrap();
    // With noise there is a price instead of a rule.
    finish(
        &ledger,
        admit(&bench, &ledger, 7, ask(joint(1)), &cohort(&[503, 505, 506, 507, 508]), 1).unwrap(),
        &cohort(&[503, 505, 506]),
    )
    .unwrap();
    bench.sound();
}

#[test]
fn sums_that_differ_only_by_who_dropped_out_are_not_signed() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503, 504, 505]);
    finish(&ledger, admit(&bench, &ledger, 1, ask(summed()), &all, 1).unwrap(), &all).unwrap();
    let round = admit(&bench, &ledger, 2, ask(summed()), &all, 1).unwrap();
    let (round, _) = ledger.mask(round, [1_u8]).unwrap();
    let without_one = cohort(&[501, 502, 503, 504]);
    assert_eq!(reason(&ledger.sign_survivors(round, [2; 32], &without_one, ()).unwrap_err()), Reason::PolicyForbids);
}

#[test]
fn sums_over_periods_that_overlap_are_refused() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    finish(&ledger, admit(&bench, &ledger, 1, ask_about(2024, &[], summed()), &all, 1).unwrap(), &all).unwrap();
    finish(&ledger, admit(&bench, &ledger, 2, ask_about(2025, &[], summed()), &all, 1).unwrap(), &all).unwrap();
    let day = |text: &str| text.parse().unwrap();
    let crossing = ReferencePeriod::inclusive(day("2024-07-01"), day("2025-06-30")).unwrap();
    let query = Query::new("PEOPLE", crossing, Some(&[]), &[], &[], DataRule::default(), summed()).unwrap();
    assert_eq!(reason(&admit(&bench, &ledger, 3, query, &all, 1).unwrap_err()), Reason::PolicyForbids);
}

/// Seven men stand between everybody and everybody but men, or none: what is refused must not tell which.
#[test]
fn whether_a_sum_is_refused_never_depends_on_how_many_people_are_between_two_filters() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    finish(&ledger, admit(&bench, &ledger, 1, ask_about(2025, &[], summed()), &all, 1).unwrap(), &all).unwrap();
    // One category is a slice of the table by gender, which the same people may read; two of three are not.
    let keep = |kept: &[&str]| {
        let categories = kept.iter().map(|&name| name.to_owned()).collect();
        ask_about(2025, &[Filter { dimension: "gender".into(), categories }], summed())
    };
    assert!(admit(&bench, &ledger, 2, keep(&["Male"]), &all, 1).is_ok());
    let refused = admit(&bench, &ledger, 3, keep(&["Male", "Female"]), &all, 1).unwrap_err();
    assert_eq!(reason(&refused), Reason::PolicyForbids);
    assert!(refused.to_string().contains("gender"), "{refused}");
}

/// A sum by gender over six councils less the men of five of them is the sixth council's men.
#[test]
fn a_filter_is_no_way_round_the_rule_on_councils() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503, 504, 505, 506]);
    finish(&ledger, admit(&bench, &ledger, 1, ask_about(2025, &[], summed()), &all, 1).unwrap(), &all).unwrap();
    let men = || {
        let filter = Filter { dimension: "gender".into(), categories: vec!["Male".into()] };
        ask_about(2025, &[filter], summed())
    };
    let five = cohort(&[501, 502, 503, 504, 505]);
    assert_eq!(reason(&admit(&bench, &ledger, 2, men(), &five, 1).unwrap_err()), Reason::PolicyForbids);
    // Nor is dropping out between the two.
    let round = admit(&bench, &ledger, 3, men(), &all, 1).unwrap();
    let (round, _) = ledger.mask(round, [1_u8]).unwrap();
    assert_eq!(reason(&ledger.sign_survivors(round, [2; 32], &five, ()).unwrap_err()), Reason::PolicyForbids);
}

/// The sum as of the day before one council's new file, and as of the day after, differ by what that file changed.
#[test]
fn a_sum_is_not_given_again_from_other_data() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    finish(&ledger, admit(&bench, &ledger, 1, ask_about(2025, &[], summed()), &all, 1).unwrap(), &all).unwrap();
    let with = |id, content| {
        let request = RoundRequest { cohort: &all, terms: terms(&all, 1), data: data(content), contributes: true };
        ledger.admit_round(&bench.policy, &bench.question(id, ask_about(2025, &[], summed())), data(id), &request)
    };
    assert_eq!(reason(&with(2, 9).unwrap_err()), Reason::PolicyForbids);
    assert!(with(3, 1).is_ok(), "another as-of day, the same data");
}

#[test]
fn a_refused_step_is_written_down_and_changes_nothing_else() {
    let bench = Bench::new();
    let ledger = bench.create();
    let all = cohort(&[501, 502, 503]);
    let round = admit(&bench, &ledger, 1, ask(joint(5_000_000)), &all, 1).unwrap();
    let memo = round.memo();
    let (round, _) = ledger.mask(round, [1_u8]).unwrap();
    ledger.note_refusal(&memo, "other-transcript", "something else was shown before").unwrap();
    let (round, _) = ledger.sign_survivors(round, [2; 32], &all, ()).unwrap();
    let (round, _) = ledger.unmask(round, [2; 32], ()).unwrap();
    ledger.close(round).unwrap();
    ledger.note_refusal(&memo, "already-answered", "asked again about other survivors").unwrap();
    assert_eq!(used(&ledger), (5_000_000, 0));
    let mut seen = Vec::new();
    let each = |entry: crate::audit::Entry| {
        let record: crate::audit::Record = serde_json::from_str(&entry.body).unwrap();
        if record.action == Action::Refused {
            seen.push((record.reason.unwrap_or_default(), record.attempt, record.query.is_some()));
        }
        Ok(())
    };
    crate::audit::Book::of(&ledger).entries(1, each).unwrap();
    assert_eq!(seen, [("other-transcript".into(), Some(1), true), ("already-answered".into(), Some(1), true)]);
    bench.sound();
}
