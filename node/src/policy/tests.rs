use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::identity::Identity;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release};
use folkmoot_proto::reason::Reason;

use super::*;

/// The measures that the sample allows.
const OFFICIAL: &str = r#"["ASCOF-*", "LTS*", "STS*", "WAITING-*", "PEOPLE"]"#;

/// The shipped sample, switched on.
fn sample_text() -> String {
    SAMPLE_OFF.replace("mode = \"off\"", "mode = \"on\"")
}

fn read(text: &str) -> Result<Policy, Error> {
    Policy::parse(text, Path::new("policy.toml"), None)
}

fn under(text: &str, floor: &str) -> Result<Policy, Error> {
    Policy::parse(text, Path::new("policy.toml"), Some(floor))
}

fn sample() -> Policy {
    read(&sample_text()).unwrap()
}

fn ask(measure: &str, release: Release, who: &str, purpose: &str, basis: &str) -> Question {
    let day = |text: &str| text.parse().unwrap();
    let period = ReferencePeriod::inclusive(day("2025-04-01"), day("2026-03-31")).unwrap();
    let query = Query::new(measure, period, None, &[], &[], DataRule::default(), release).unwrap();
    let analyst = Identity::parse(&format!("folkmoot://england/analyst/{who}")).unwrap();
    let expires = "2026-12-31T00:00:00Z".parse().unwrap();
    Question::new(QueryId::from_bytes([1; 16]), query, analyst, purpose, basis, expires).unwrap()
}

fn usual(release: Release) -> Question {
    ask("2E", release, "national/a.smith", "National statistics: ASCOF", "uk gdpr  6(1)(e)")
}

fn private(nano: u64) -> Release {
    Release::JointPrivate(Rho::from_nano(nano).unwrap())
}

fn reason(policy: &Policy, question: &Question) -> Reason {
    policy.rule(question).unwrap_err().reason()
}

#[test]
fn no_file_an_empty_file_and_mode_off_answer_nothing() {
    let folder = tempfile::TempDir::new().unwrap();
    let question = usual(Release::CouncilSuppressed(Profile::Hospital));
    let off = SAMPLE_OFF.to_owned();
    for policy in [
        Policy::read(&folder.path().join("none"), None).unwrap(),
        read("").unwrap(),
        Policy::off(),
        read(&off).unwrap(),
    ] {
        assert_eq!(reason(&policy, &question), Reason::PolicyOff);
        assert!(policy.explain()[0].contains("off"));
    }
    assert_eq!(read("").unwrap().digest(), Policy::off().digest());
}

#[test]
fn a_policy_that_is_only_switched_on_still_allows_nothing() {
    let policy = read("mode = \"on\"").unwrap();
    assert_eq!(reason(&policy, &usual(Release::CouncilSuppressed(Profile::Hospital))), Reason::PolicyForbids);
}

#[test]
fn the_sample_reads_and_means_what_it_says() {
    let policy = sample();
    let ruling = policy.rule(&usual(private(5_000_000))).unwrap();
    assert_eq!(ruling.gate, Gate::Auto);
    assert_eq!((ruling.purpose.as_str(), ruling.opt_out_applied), ("National statistics", true));
    let caps: Vec<_> = ruling.limits.iter().map(|limit| (limit.scope.word(), limit.cap.0)).collect();
    let expected = [
        ("year", 100_000_000),
        ("query", 30_000_000),
        ("role", 80_000_000),
        ("analyst", 40_000_000),
        ("purpose", 100_000_000),
        ("measure", 100_000_000),
    ];
    assert_eq!(caps, expected);
    assert!(matches!(policy.rule(&usual(private(5_000_001))).unwrap().gate, Gate::Hold(_)));
    let text = policy.explain().join("\n");
    for part in ["rho 0.1 (epsilon 2.14", "Rule 1: role icb", "profile hospital", "14 days", "No national floor"] {
        assert!(text.contains(part), "{part} is missing from:\n{text}");
    }
}

#[test]
fn everything_not_named_is_refused_with_its_rule() {
    let policy = sample();
    let hospital = Release::CouncilSuppressed(Profile::Hospital);
    let (statistics, basis) = ("National statistics", "UK GDPR 6(1)(e)");
    for (question, said) in [
        (usual(Release::JointSuppressed(Profile::Hospital)), "joint-suppressed"),
        (usual(Release::CouncilSuppressed(Profile::Ascof)), "ascof"),
        (usual(private(10_000_001)), "0.01"),
        (ask("2E", hospital, "national/a", "Fraud matching", basis), "purpose"),
        (ask("2E", hospital, "national/a", statistics, "legitimate interest"), "lawful basis"),
    ] {
        let refusal = policy.rule(&question).unwrap_err();
        assert_eq!(refusal.reason(), Reason::PolicyForbids);
        assert!(refusal.sentence().contains(said), "{said}: {}", refusal.sentence());
    }
    let narrowed = sample_text().replace(OFFICIAL, "[\"PEOPLE\"]");
    assert!(read(&narrowed).unwrap().rule(&usual(hospital)).unwrap_err().sentence().contains("ASCOF-2E"));
    let icb_only = sample_text().replace("roles = [\"national\", \"icb\"]", "roles = [\"icb\"]");
    assert!(read(&icb_only).unwrap().rule(&usual(hospital)).unwrap_err().sentence().contains("national"));
}

#[test]
fn a_forbidden_dimension_is_refused_as_breakdown_and_as_filter() {
    let policy =
        read(&sample_text().replace("forbidden_dimensions = []", "forbidden_dimensions = [\"gender\"]")).unwrap();
    let question = usual(Release::CouncilSuppressed(Profile::Hospital));
    assert!(policy.rule(&question).unwrap_err().sentence().contains("'gender'"), "2E is broken down by gender");
    let filter = folkmoot_proto::query::Filter { dimension: "gender".into(), categories: vec!["Female".into()] };
    let (period, release) = (question.query().period(), question.release());
    let query = Query::new("2E", period, Some(&[]), &[filter], &[], DataRule::default(), release).unwrap();
    let asked = Question::new(
        question.id(),
        query,
        question.analyst().clone(),
        question.purpose(),
        question.lawful_basis(),
        question.expires(),
    );
    assert!(policy.rule(&asked.unwrap()).unwrap_err().sentence().contains("'gender'"));
}

#[test]
fn the_sample_allows_every_official_measure_and_no_other() {
    let policy = sample();
    let hospital = Release::CouncilSuppressed(Profile::Hospital);
    for measure in folkmoot_proto::catalogue::all() {
        // A measure of one day is asked about a day.
        let last = "2026-03-31".parse().unwrap();
        let query = [("2025-04-01", last), ("2026-03-31", last)]
            .into_iter()
            .find_map(|(first, last)| {
                let period = ReferencePeriod::inclusive(first.parse().unwrap(), last).unwrap();
                Query::new(measure.id, period, None, &[], &[], DataRule::default(), hospital).ok()
            })
            .unwrap_or_else(|| panic!("{} cannot be asked", measure.id));
        let analyst = Identity::parse("folkmoot://england/analyst/national/a.smith").unwrap();
        let (purpose, basis) = ("National statistics", "UK GDPR 6(1)(e)");
        let expires = "2026-12-31T00:00:00Z".parse().unwrap();
        let question = Question::new(QueryId::from_bytes([1; 16]), query, analyst, purpose, basis, expires).unwrap();
        let official =
            ["ASCOF-", "LTS", "STS", "WAITING-", "PEOPLE"].iter().any(|family| measure.id.starts_with(family));
        assert_eq!(policy.rule(&question).is_ok(), official, "{}", measure.id);
    }
}

#[test]
fn losses_are_shown_at_the_policy_s_own_delta_and_charged_all_the_same() {
    let stricter = read(&sample_text().replace("delta = 1e-6", "delta = 1e-9")).unwrap();
    let text = stricter.explain().join("\n");
    assert!(text.contains("at delta 1e-9") && !text.contains("at delta 1e-6"), "{text}");
    assert_ne!(stricter.priced(Nano(100_000_000)), sample().priced(Nano(100_000_000)));
    let limits = |policy: &Policy| policy.rule(&usual(private(1))).unwrap().limits;
    assert_eq!(limits(&stricter), limits(&sample()));
}

#[test]
fn one_analyst_has_a_cap_of_their_own_only_where_the_policy_sets_one() {
    let unset = read(&sample_text().replace("rho_per_analyst_per_year = 0.04\n", "\n")).unwrap();
    let cap = |policy: &Policy| {
        let limits = policy.rule(&usual(private(1))).unwrap().limits;
        limits.into_iter().find(|limit| limit.scope == Scope::Analyst).unwrap()
    };
    assert_eq!(cap(&unset).cap, unset.year_cap());
    assert_eq!(cap(&sample()).cap, Nano(40_000_000));
    assert_eq!(cap(&sample()).name, "folkmoot://england/analyst/national/a.smith");
    assert!(sample().explain().join(" ").contains("of one analyst together: at most rho 0.04"));
    assert!(!unset.explain().join(" ").contains("of one analyst together"));
}

/// The whole sample with everything allowed by way of measures, and these bounds.
fn bounded(bounds: &str) -> Policy {
    let text = sample_text().replace(OFFICIAL, "[\"*\"]");
    let (before, rest) = text.split_once("[bounds]").unwrap();
    let (_, after) = rest.split_once("[cohort]").unwrap();
    read(&format!("{before}{bounds}\n[cohort]{after}")).unwrap()
}

fn set(measure: &str, settings: &[(&str, &str)], release: Release) -> Question {
    let day = |text: &str| text.parse().unwrap();
    let period = ReferencePeriod::inclusive(day("2026-01-01"), day("2026-03-31")).unwrap();
    let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let query = Query::new(measure, period, None, &[], &settings, DataRule::default(), release).unwrap();
    let usual = usual(release);
    let (who, purpose, basis) = (usual.analyst().clone(), usual.purpose(), usual.lawful_basis());
    Question::new(QueryId::from_bytes([1; 16]), query, who, purpose, basis, usual.expires()).unwrap()
}

#[test]
fn a_question_that_lets_one_person_weigh_more_than_the_council_wants_is_refused_with_what_to_ask() {
    let noise = private(1_000_000);
    let said = |policy: &Policy, question: &Question| policy.rule(question).unwrap_err().sentence().to_owned();

    let events = bounded("[bounds]\nmax_events_per_person = 3");
    let refusal = said(&events, &set("SERVICES", &[("max_events", "4")], noise));
    assert!(
        refusal.contains("at most 3 events of one person") && refusal.contains("max_events of at most 3"),
        "{refusal}"
    );
    assert!(events.rule(&set("SERVICES", &[("max_events", "3")], noise)).is_ok());
    assert!(events.rule(&set("PEOPLE", &[], noise)).is_ok(), "a measure without such a setting counts people once");

    let pounds = bounded("[bounds.max_pounds_per_person]\n\"COSTS*\" = 40000\n\"COSTS-WEEKLY\" = 2000");
    let refusal = said(&pounds, &set("COSTS", &[("max_pounds", "40001")], noise));
    assert!(refusal.contains("40000 pounds") && refusal.contains("about COSTS"), "{refusal}");
    assert!(pounds.rule(&set("COSTS", &[("max_pounds", "40000")], noise)).is_ok());
    assert!(
        said(&pounds, &set("COSTS-WEEKLY", &[], noise)).contains("2000 pounds"),
        "the tightest that matches counts"
    );

    let cells = bounded("[bounds]\nmax_cells_per_person = 45");
    let refusal = said(&cells, &set("DATA-QUALITY", &[("max_events", "1")], noise));
    assert!(refusal.contains("at most 45 cells") && refusal.contains("up to 46"), "{refusal}");
    assert!(cells.rule(&set("ASCOF-2E", &[], noise)).is_ok());

    // Where nothing is cut off, there is nothing to bound.
    let exact = Release::CouncilSuppressed(Profile::Hospital);
    assert!(events.rule(&set("SERVICES", &[("max_events", "50")], exact)).is_ok());
    // Unset, a question is bounded by its measure alone.
    assert!(bounded("").rule(&set("SERVICES", &[("max_events", "50")], noise)).is_ok());
    let told = pounds.explain().join("\n");
    assert!(told.contains("at most 40000 pounds of one person") && told.contains("never quietly cut down"), "{told}");
    assert!(!bounded("").explain().join("\n").contains("cut down"));
}

#[test]
fn rules_that_mean_the_same_keep_the_digest_they_had_before_there_were_bounds_and_slots() {
    let zero = read(&sample_text()).unwrap();
    let unset = read(&sample_text().replace("slot_seconds = 0\n", "\n")).unwrap();
    assert_eq!(zero.digest(), unset.digest());
    let plain = serde_json::to_string(&bounded("").text).unwrap();
    assert!(!plain.contains("bounds") && !plain.contains("slot"), "{plain}");
    assert_ne!(bounded("[bounds]\nmax_cells_per_person = 4").digest(), bounded("").digest());
}

/// Every key of the file is in the sample, and `policy check` says something else when it changes.
#[test]
fn every_key_stands_in_the_sample_and_is_explained() {
    let text = sample_text().replace(OFFICIAL, "[\"*\"]").replace(
        "kinds = [\"council-suppressed\", \"joint-private\"]",
        "kinds = [\"council-suppressed\", \"council-private\", \"joint-private\", \"joint-suppressed\"]",
    );
    let sample = read(&text).unwrap();
    let filled = serde_json::to_value(floor::with_defaults(sample.text.clone())).unwrap();
    for (section, keys) in filled.as_object().unwrap() {
        let Some(keys) = keys.as_object() else { continue };
        for key in keys.keys() {
            let named = SAMPLE_OFF.lines().any(|line| {
                line.starts_with(&format!("{key} ="))
                    || line.starts_with(&format!("[{section}.{key}]"))
                    || line.starts_with(&format!("[[{section}.{key}]]"))
            });
            assert!(named, "{section}.{key} is not in the sample");
        }
    }
    let before = sample.explain();
    for (from, to) in [
        ("slot_seconds = 0", "slot_seconds = 5"),
        ("suppression = \"hospital\"", "suppression = \"ascof\""),
        ("forbidden_dimensions = []", "forbidden_dimensions = [\"gender\"]"),
        ("roles = [\"national\", \"icb\"]", "roles = [\"national\"]"),
        ("rho_per_person_per_year = 0.1", "rho_per_person_per_year = 0.2"),
        ("rho_per_query = 0.01", "rho_per_query = 0.011"),
        ("rho_local_max = 2.0", "rho_local_max = 1.0"),
        ("attempts_max = 3", "attempts_max = 2"),
        ("rho_per_analyst_per_year = 0.04", "rho_per_analyst_per_year = 0.03"),
        ("delta = 1e-6", "delta = 1e-7"),
        ("national = 0.08", "national = 0.07"),
        ("\"PEOPLE\" = 0.06", "\"PEOPLE\" = 0.05"),
        ("max_cells_per_person = 12", "max_cells_per_person = 11"),
        ("max_events_per_person = 12", "max_events_per_person = 11"),
        ("\"COSTS\" = 120000", "\"COSTS\" = 110000"),
        ("min_cohort = 10", "min_cohort = 11"),
        ("max_colluding = 2", "max_colluding = 3"),
        ("min_survivors = 8", "min_survivors = 9"),
        ("min_cohort_difference = 5", "min_cohort_difference = 6"),
        ("min_cohort_difference = 5", "min_cohort_difference = 6"),
        ("overlapping_periods = false", "overlapping_periods = true"),
        ("auto_up_to_rho = 0.005", "auto_up_to_rho = 0.004"),
        ("second_person = false", "second_person = true"),
        ("expires_after_days = 14", "expires_after_days = 13"),
        ("max_waiting = 200", "max_waiting = 100"),
        ("max_waiting_per_analyst = 20", "max_waiting_per_analyst = 10"),
        ("rho_per_year = 0.03", "rho_per_year = 0.02"),
    ] {
        assert!(text.contains(from), "{from} is not in the sample");
        assert_ne!(read(&text.replace(from, to)).unwrap().explain(), before, "'policy check' is silent about {to}");
    }
}

#[test]
fn rules_only_hold_more() {
    let policy = sample();
    let icb = ask(
        "2E",
        Release::CouncilSuppressed(Profile::Hospital),
        "icb/QHM/j.doe",
        "Joint planning with the integrated care board",
        "UK GDPR 6(1)(e) with 9(2)(h)",
    );
    assert!(matches!(policy.rule(&icb).unwrap().gate, Gate::Hold(why) if why.contains("rule 1")));
    let held = sample_text().replace("mode = \"auto\"", "mode = \"hold\"");
    assert!(matches!(read(&held).unwrap().rule(&usual(private(1))).unwrap().gate, Gate::Hold(_)));
}

#[test]
fn unknown_keys_and_bad_values_are_refused_by_path() {
    for (text, said) in [
        ("mdoe = \"on\"", "mdoe"),
        ("[budget]\nrho_per_qeury = 0.01", "budget.rho_per_query"),
        ("[[purposes]]\nname = \"x\"\nlawful_bases = [\"y\"]\nopt_out = 1", "purposes[0].opt_out"),
        ("[[approval.rules]]\nrole = [\"icb\"]", "approval.rules[0].roles"),
        ("[budget]\nrho_per_query = -1", "budget.rho_per_query"),
        ("[budget]\nrho_per_query = 0.0000000001", "nine decimals"),
        ("[budget.per_measure]\n\"ASOCF-2E\" = 0.1", "ASOCF-2E"),
        ("[questions]\nmeasures = [\"*2E\"]", "questions.measures[0]"),
        ("[questions]\nforbidden_dimensions = [\"postcode\"]", "postcode"),
        ("[questions]\nroles = [\"auditor\"]", "auditor"),
        ("[[purposes]]\nname = \"x\"\nlawful_bases = []", "lawful_bases"),
        (
            "[[purposes]]\nname = \"x\"\nlawful_bases = [\"y\"]\nnational_data_opt_out = \"not-applied\"",
            "opt_out_reason",
        ),
        ("mode = \"on\"\n[release]\nkinds = [\"joint-private\"]", "rho_per_person_per_year"),
        ("mode = \"on\"\n[cohort]\nmin_survivors = 2", "min_survivors"),
        ("mode = \"on\"\n[cohort]\nmin_cohort = 2", "min_cohort"),
        ("[budget]\nunit_of_privacy = \"person-year\"", "over all years together"),
        ("[budget]\ndelta = 0.5", "budget.delta"),
        ("[budget]\ndelta = 0", "budget.delta"),
        ("mode = \"on\"\n[approval]\nmax_waiting = 0", "approval.max_waiting"),
        ("mode = \"on\"\n[release]\nslot_seconds = 31", "release.slot_seconds"),
        ("mode = \"on\"\n[bounds]\nmax_cells_per_person = 0", "bounds.max_cells_per_person"),
        ("mode = \"on\"\n[bounds.max_pounds_per_person]\n\"PEOPLE\" = 5", "bounds.max_pounds_per_person"),
        ("[bounds]\nmax_event_per_person = 5", "bounds.max_events_per_person"),
        ("[approval]\nmax_wating = 5", "approval.max_waiting"),
    ] {
        let error = format!("{:#}", anyhow::Error::from(read(text).unwrap_err()));
        assert!(error.contains(said), "{said} is not in: {error}");
    }
}

#[test]
fn spelling_and_order_do_not_change_the_digest_and_meaning_does() {
    let other = sample_text()
        .replace(OFFICIAL, "[\"people\", \"STS*\", \"lts*\", \"Waiting-*\", \"ASCOF-*\", \"ascof-*\"]")
        .replace("suppression = \"hospital\"\n", "\n")
        .replace("rho_per_query = 0.01\n", "rho_per_query = \"0.010\"\n");
    assert_eq!(read(&other).unwrap().digest(), sample().digest());
    let dearer = sample_text().replace("rho_per_query = 0.01\n", "rho_per_query = 0.02\n");
    assert_ne!(read(&dearer).unwrap().digest(), sample().digest());
}

/// Each key of the floor: text of the floor, a looser local text, the key named, both values shown.
const LOOSER: &[(&str, &str, &str, &str, &str)] = &[
    ("mode = \"off\"", "mode = \"on\"", "mode", "off", "on"),
    (
        "[release]\nkinds = [\"joint-private\"]",
        "[release]\nkinds = [\"council-suppressed\"]",
        "release.kinds",
        "joint-private",
        "council-suppressed",
    ),
    (
        "[release]\nsuppression = \"hospital\"",
        "[release]\nsuppression = \"ascof\"",
        "release.suppression",
        "hospital",
        "ascof",
    ),
    (
        "[questions]\nmeasures = [\"ASCOF-2E\"]",
        "[questions]\nmeasures = [\"ASCOF-*\"]",
        "questions.measures",
        "ASCOF-2E",
        "ASCOF-*",
    ),
    (
        "[questions]\nforbidden_dimensions = [\"ethnic_group\"]",
        "[questions]\nforbidden_dimensions = []",
        "questions.forbidden_dimensions",
        "ethnic_group",
        "[]",
    ),
    ("[questions]\nroles = [\"national\"]", "[questions]\nroles = [\"icb\"]", "questions.roles", "national", "icb"),
    (
        "[budget]\nrho_per_person_per_year = 0.1",
        "[budget]\nrho_per_person_per_year = 0.2",
        "budget.rho_per_person_per_year",
        "0.1",
        "0.2",
    ),
    ("[budget]\nrho_per_query = 0.01", "[budget]\nrho_per_query = 0.011", "budget.rho_per_query", "0.01", "0.011"),
    ("[budget]\nrho_local_max = 1", "[budget]\nrho_local_max = 1.5", "budget.rho_local_max", "1", "1.5"),
    ("[budget]\nattempts_max = 1", "[budget]\nattempts_max = 2", "budget.attempts_max", "1", "2"),
    (
        "[budget]\nrho_per_analyst_per_year = 0.01",
        "[budget]\nrho_per_analyst_per_year = 0.02",
        "budget.rho_per_analyst_per_year",
        "0.01",
        "0.02",
    ),
    ("[approval]\nmax_waiting = 50", "[approval]\nmax_waiting = 51", "approval.max_waiting", "50", "51"),
    (
        "[approval]\nmax_waiting_per_analyst = 5",
        "[approval]\nmax_waiting_per_analyst = 6",
        "approval.max_waiting_per_analyst",
        "5",
        "6",
    ),
    ("[budget.per_role]\nicb = 0.02", "[budget.per_role]\nicb = 0.03", "budget.per_role.icb", "0.02", "0.03"),
    (
        "[budget.per_measure]\nPEOPLE = 0.02",
        "[budget.per_measure]\nPEOPLE = 0.03",
        "budget.per_measure.\"PEOPLE\"",
        "0.02",
        "0.03",
    ),
    ("[release]\nslot_seconds = 10", "[release]\nslot_seconds = 9", "release.slot_seconds", "10", "9"),
    (
        "[bounds]\nmax_cells_per_person = 4",
        "[bounds]\nmax_cells_per_person = 5",
        "bounds.max_cells_per_person",
        "4",
        "5",
    ),
    (
        "[bounds]\nmax_events_per_person = 4",
        "[bounds]\nmax_events_per_person = 5",
        "bounds.max_events_per_person",
        "4",
        "5",
    ),
    (
        "[bounds.max_pounds_per_person]\n\"COSTS\" = 30000",
        "[bounds.max_pounds_per_person]\n\"COSTS\" = 30001",
        "bounds.max_pounds_per_person.\"COSTS\"",
        "30000",
        "30001",
    ),
    ("[cohort]\nmin_cohort = 20", "[cohort]\nmin_cohort = 19", "cohort.min_cohort", "20", "19"),
    ("[cohort]\nmax_colluding = 5", "[cohort]\nmax_colluding = 4", "cohort.max_colluding", "5", "4"),
    ("[cohort]\nmin_survivors = 15", "[cohort]\nmin_survivors = 14", "cohort.min_survivors", "15", "14"),
    (
        "[cohort]\nmin_cohort_difference = 6",
        "[cohort]\nmin_cohort_difference = 5",
        "cohort.min_cohort_difference",
        "6",
        "5",
    ),
    (
        "[cohort]\noverlapping_periods = false",
        "[cohort]\noverlapping_periods = true",
        "cohort.overlapping_periods",
        "false",
        "true",
    ),
    ("[approval]\nmode = \"hold\"", "[approval]\nmode = \"auto\"", "approval.mode", "hold", "auto"),
    (
        "[approval]\nauto_up_to_rho = 0.001",
        "[approval]\nauto_up_to_rho = 0.01",
        "approval.auto_up_to_rho",
        "0.001",
        "0.01",
    ),
    (
        "[approval]\nsecond_person = true",
        "[approval]\nsecond_person = false",
        "approval.second_person",
        "true",
        "false",
    ),
    (
        "[approval]\nexpires_after_days = 7",
        "[approval]\nexpires_after_days = 8",
        "approval.expires_after_days",
        "7",
        "8",
    ),
    (
        "[[purposes]]\nname = \"Statistics\"\nlawful_bases = [\"a\"]",
        "[[purposes]]\nname = \"Marketing\"\nlawful_bases = [\"a\"]",
        "purposes[0].name",
        "Statistics",
        "Marketing",
    ),
    (
        "[[purposes]]\nname = \"*\"\nlawful_bases = [\"a\"]",
        "[[purposes]]\nname = \"Statistics\"\nlawful_bases = [\"A\", \"b\"]",
        "purposes[0].lawful_bases",
        "[a]",
        "[A, b]",
    ),
    (
        "[[purposes]]\nname = \"x\"\nlawful_bases = [\"*\"]",
        "[[purposes]]\nname = \"x\"\nlawful_bases = [\"b\"]\nnational_data_opt_out = \"not-applied\"\nopt_out_reason = \"law\"",
        "purposes[0].national_data_opt_out",
        "applied",
        "not-applied",
    ),
    (
        "[[purposes]]\nname = \"x\"\nlawful_bases = [\"*\"]\nrho_per_year = 0.01",
        "[[purposes]]\nname = \"x\"\nlawful_bases = [\"b\"]\nrho_per_year = 0.02",
        "purposes[0].rho_per_year",
        "0.01",
        "0.02",
    ),
];

#[test]
fn every_key_looser_than_the_floor_is_named_with_both_values() {
    for &(floor, local, key, floor_value, local_value) in LOOSER {
        let error = under(local, floor).unwrap_err();
        let Error::Looser { conflicts, .. } = &error else { panic!("{key}: {error}") };
        assert_eq!(conflicts.len(), 1, "{error}");
        assert_eq!(conflicts[0].key, key);
        assert!(conflicts[0].floor.contains(floor_value), "{key}: {error}");
        assert!(conflicts[0].local.contains(local_value), "{key}: {error}");
        // The council that says what the floor says is accepted, as is the one that says nothing.
        assert!(under(floor, floor).is_ok(), "{key}");
        assert!(under("", floor).is_ok(), "{key}");
    }
}

#[test]
fn a_key_left_out_takes_the_stricter_of_floor_and_default() {
    let policy = under(&sample_text(), "[cohort]\nmin_cohort = 3\n[budget.per_role]\nicb = 0.05\n").unwrap();
    assert_eq!(policy.role_caps()[&Asker::Icb], Nano(50_000_000));
    let strict = under("", "[cohort]\nmin_cohort_difference = 50").unwrap();
    assert_eq!(strict.min_cohort_difference(), 50);
    let lax = under("", "[cohort]\nmin_cohort_difference = 2").unwrap();
    assert_eq!(lax.min_cohort_difference(), defaults::MIN_COHORT_DIFFERENCE);
    let purpose = "[[purposes]]\nname = \"x\"\nlawful_bases = [\"*\"]\nrho_per_year = 0.01";
    let merged = under("[[purposes]]\nname = \"X\"\nlawful_bases = [\"b\"]", purpose).unwrap();
    assert_eq!(merged.purposes()[0].rho_per_year, Some(Nano(10_000_000)));
    assert!(policy.explain().last().unwrap().contains("A national floor is in force"));
}

#[test]
fn rules_of_the_floor_hold_beside_the_council_s() {
    let floor = "[[approval.rules]]\nmeasures = [\"ASCOF-2E\"]\nmode = \"hold\"";
    let ruling = under(&sample_text(), floor).unwrap().rule(&usual(private(1))).unwrap();
    assert!(matches!(ruling.gate, Gate::Hold(why) if why.contains("rule 2")));
}

#[test]
fn the_terms_of_a_round_are_checked_one_by_one() {
    let policy = sample();
    let good =
        Terms { councils: 12, colluding: 2, threshold: 8, min_survivors: 9, local_rho: Nano(1_000_000), attempt: 1 };
    policy.rule_round(&good).unwrap();
    for bad in [
        Terms { councils: 9, threshold: 6, ..good },
        Terms { councils: 256, ..good },
        Terms { colluding: 1, ..good },
        Terms { threshold: 7, ..good },
        Terms { threshold: 13, ..good },
        Terms { min_survivors: 7, ..good },
        Terms { local_rho: Nano(2_000_000_001), ..good },
        Terms { attempt: 0, ..good },
        Terms { attempt: 4, ..good },
    ] {
        assert!(policy.rule_round(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_reload_that_fails_keeps_the_old_policy() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, sample_text()).unwrap();
    let keeper = Keeper::open(&path, None).unwrap();
    let before = keeper.current().digest();
    std::fs::write(&path, "mode = \"on\"\nnonsense = 1").unwrap();
    assert!(keeper.reload().is_err());
    assert_eq!(keeper.current().digest(), before);
    std::fs::write(&path, "mode = \"off\"").unwrap();
    assert_eq!(keeper.reload().unwrap(), (before, Policy::off().digest()));
    assert!(!keeper.current().is_on());
}

#[test]
fn a_newer_floor_that_the_council_does_not_meet_stops_every_answer() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, sample_text()).unwrap();
    let keeper = Keeper::open(&path, Some("[cohort]\nmin_cohort = 10".into())).unwrap();
    assert!(keeper.take_floor("nonsense = 1".into()).is_err());
    assert!(keeper.current().is_on());
    assert!(keeper.take_floor("[cohort]\nmin_cohort = 11".into()).is_err());
    assert!(!keeper.current().is_on());
    std::fs::write(&path, sample_text().replace("min_cohort = 10", "min_cohort = 11")).unwrap();
    keeper.reload().unwrap();
    assert!(keeper.current().is_on());
}

#[test]
fn purposes_hide_nothing_from_whoever_reads_them() {
    let question = usual(Release::CouncilSuppressed(Profile::Hospital));
    for bad in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(501)] {
        let made = Question::new(
            question.id(),
            question.query().clone(),
            question.analyst().clone(),
            bad,
            "basis",
            question.expires(),
        );
        assert_eq!(made.unwrap_err().reason(), Reason::InvalidQuestion);
    }
    assert!(!format!("{question:?}").contains("ASCOF"));
}
