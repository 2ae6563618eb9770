//! Each numbered rule of the published method, then a plain second reading of all of them over random histories.

use std::collections::BTreeMap;

use folkmoot_proto::codelist::{AssessmentType, ClientType, CodeList, Coded, EventType, Outcome, ServiceType};
use folkmoot_proto::period::{Day, Month};
use proptest::prelude::*;

use super::scene::{ask, day, figures, histories, row, span};
use crate::assemble::Variant;
use crate::history::{History, WorkingAge};
use crate::row::Row;

fn request(start: &str, outcome: Outcome) -> Row {
    let mut row = row(1, EventType::Request, start, start);
    row.outcome = Coded::Value(outcome);
    row
}

fn assessment(start: &str, outcome: Outcome) -> Row {
    let mut row = row(1, EventType::Assessment, start, start);
    row.outcome = Coded::Value(outcome);
    row.assessment = Coded::Value(AssessmentType::LongTerm);
    row
}

fn service(kind: ServiceType, start: &str, end: &str) -> Row {
    let mut row = row(1, EventType::Service, start, end);
    row.service = Coded::Value(kind);
    row
}

/// Days waited for the response and for the service, shortest first; each as often as it happened.
fn waits(rows: Vec<Row>) -> (Vec<String>, Vec<String>) {
    let histories = histories(rows, Variant::Joined);
    let of = |measure| {
        figures(&histories, &ask(measure, span("2023-04-01", "2026-12-31"), &["days"], &[]))
            .into_iter()
            .flat_map(|(group, count)| vec![group.replace("days=", ""); count as usize])
            .collect()
    };
    (of("WAITING-RESPONSE"), of("WAITING-SERVICE"))
}

fn assert_waits(rows: Vec<Row>, response: &[&str], service: &[&str]) {
    let (found_response, found_service) = waits(rows);
    assert_eq!(found_response, response, "response");
    assert_eq!(found_service, service, "service");
}

const PLAN: Outcome = Outcome::SupportPlanning;
const COMMUNITY: ServiceType = ServiceType::Community;

#[test]
fn rule_1_only_two_kinds_of_assessment_and_seven_of_service_answer() {
    let mut unknown = assessment("2024-05-02", PLAN);
    unknown.assessment = Coded::Invalid;
    let carer = service(ServiceType::DirectToCarer, "2024-05-03", "");
    assert_waits(vec![request("2024-05-01", PLAN), unknown, carer], &[], &[]);
    for kind in &ServiceType::ALL[..7] {
        assert_waits(vec![request("2024-05-01", PLAN), service(*kind, "2024-05-04", "")], &["3"], &["3"]);
    }
    let mut others = assessment("2024-05-02", PLAN);
    others.client = Coded::Value(ClientType::UnpaidCarer);
    assert_waits(vec![request("2024-05-01", PLAN), others], &["1"], &[]);
}

#[test]
fn rule_2_requests_of_service_users_of_25_and_over_since_april_2023() {
    let answer = |start| service(COMMUNITY, start, "");
    assert_waits(vec![request("2023-04-01", PLAN), answer("2023-04-02")], &["1"], &["1"]);
    assert_waits(vec![request("2023-03-31", PLAN), answer("2023-04-02")], &[], &[]);
    let mut carer = request("2024-05-01", PLAN);
    carer.client = Coded::Value(ClientType::UnpaidCarer);
    assert_waits(vec![carer, answer("2024-05-02")], &[], &[]);
    for (birth, waits) in [((1999, 4), &["1"][..]), ((1999, 6), &[]), ((1940, 1), &["1"])] {
        let mut rows = vec![request("2024-05-01", PLAN), answer("2024-05-02")];
        rows.iter_mut().for_each(|row| row.birth = Month::new(birth.0, birth.1));
        assert_waits(rows, waits, waits);
    }
    let mut ageless = vec![request("2024-05-01", PLAN), answer("2024-05-02")];
    ageless[0].birth = None;
    assert_waits(ageless, &[], &[]);
}

#[test]
fn rule_3_support_within_twelve_or_three_months_makes_an_existing_client() {
    let asked = |kind, start, end| {
        waits(vec![service(kind, start, end), request("2025-06-15", PLAN), assessment("2025-06-20", PLAN)]).0
    };
    for kind in [ServiceType::Nursing, ServiceType::Residential, COMMUNITY, ServiceType::Prison] {
        assert!(asked(kind, "2024-01-01", "2024-06-15").is_empty(), "ended exactly twelve months before");
        assert_eq!(asked(kind, "2024-01-01", "2024-06-14"), ["5"], "one day earlier");
        assert!(asked(kind, "2024-01-01", "").is_empty());
    }
    for kind in [ServiceType::StMax, ServiceType::OtherShortTerm] {
        assert!(asked(kind, "2024-01-01", "2025-03-15").is_empty(), "ended exactly three months before");
        assert_eq!(asked(kind, "2024-01-01", "2025-03-14"), ["5"]);
    }
    assert_eq!(asked(ServiceType::OngoingLowLevel, "2024-01-01", ""), ["5"]);
    assert_eq!(asked(COMMUNITY, "2025-06-15", ""), ["0"], "started on the day of the request");
}

#[test]
fn rule_4_requests_that_led_nowhere_do_not_count_but_invalid_outcomes_do() {
    for outcome in Outcome::ALL {
        let counts = outcome.rank() <= 5;
        let (response, _) = waits(vec![request("2024-05-01", *outcome), assessment("2024-05-03", PLAN)]);
        assert_eq!(response.len(), usize::from(counts), "{outcome:?}");
    }
    for (outcome, waits) in [(Coded::Blank, &[][..]), (Coded::Invalid, &["2"])] {
        let mut asked = request("2024-05-01", PLAN);
        asked.outcome = outcome;
        assert_waits(vec![asked, assessment("2024-05-03", PLAN)], waits, &[]);
    }
}

#[test]
fn rule_5_on_one_day_a_request_comes_before_an_assessment_and_that_before_a_service() {
    let rows = vec![
        service(COMMUNITY, "2024-05-01", ""),
        assessment("2024-05-01", Outcome::NfaOther),
        request("2024-05-01", PLAN),
    ];
    // The assessment is first and led nowhere, so the service of the same day is not counted.
    assert_waits(rows, &["0"], &[]);
    let mut young = assessment("2024-05-02", PLAN);
    young.birth = Month::new(2000, 1);
    assert_waits(vec![request("2024-05-01", PLAN), young], &[], &[]);
}

#[test]
fn rules_6_and_10_a_block_of_assessments_leads_on_when_one_of_it_does() {
    let block = |second: Outcome| {
        vec![
            request("2024-05-01", PLAN),
            assessment("2024-05-03", Outcome::NfaOther),
            assessment("2024-05-04", second),
            service(COMMUNITY, "2024-05-11", ""),
        ]
    };
    for outcome in Outcome::ALL {
        let leads_on = [Outcome::Reablement, PLAN, Outcome::Continuation].contains(outcome);
        assert_waits(block(*outcome), &["2"], if leads_on { &["10"] } else { &[] });
    }
    // Only the first block is looked at.
    let mut rows = block(Outcome::NfaOther);
    rows.insert(3, service(ServiceType::OngoingLowLevel, "2024-05-05", "2024-05-06"));
    rows.insert(4, assessment("2024-05-07", PLAN));
    assert_waits(rows, &["2"], &[]);
}

#[test]
fn rule_8_a_conversation_before_july_2025_that_led_on_is_its_own_response() {
    let conversation = |start, outcome| {
        let mut row = request(start, outcome);
        row.conversation = true;
        row
    };
    assert_waits(vec![conversation("2024-05-01", PLAN)], &["0"], &[]);
    assert_waits(vec![conversation("2025-06-30", Outcome::Assessment)], &["0"], &[]);
    assert_waits(vec![conversation("2025-07-01", Outcome::Assessment)], &[], &[]);
    let mut invalid = conversation("2024-05-01", PLAN);
    invalid.outcome = Coded::Invalid;
    assert_waits(vec![invalid, assessment("2024-05-04", PLAN)], &["3"], &[]);
    // With an assessment on the same day, that is the response, and its block decides about the service.
    let rows = |other: &str| {
        vec![
            conversation("2024-05-01", PLAN),
            assessment(other, Outcome::NfaOther),
            service(COMMUNITY, "2024-05-09", ""),
        ]
    };
    assert_waits(rows("2024-05-01"), &["0"], &[]);
    assert_waits(rows("2024-05-02"), &["0"], &["8"]);
}

#[test]
fn rule_9_a_service_before_the_assessment_is_the_first_response() {
    let rows = vec![
        request("2024-05-01", PLAN),
        service(COMMUNITY, "2024-05-04", ""),
        assessment("2024-05-06", Outcome::NfaOther),
    ];
    assert_waits(rows, &["3"], &["3"]);
}

#[test]
fn rule_11_requests_answered_together_count_once_and_still_stand_in_the_way() {
    let rows = vec![
        request("2024-05-01", PLAN),
        request("2024-05-05", PLAN),
        request("2024-05-06", PLAN),
        assessment("2024-05-11", PLAN),
        service(COMMUNITY, "2024-06-01", "2024-06-02"),
    ];
    assert_waits(rows, &["10"], &["31"]);
    // The second asks after the first's assessment, but before its service.
    let rows = vec![
        request("2024-05-01", PLAN),
        assessment("2024-05-02", PLAN),
        request("2024-05-03", PLAN),
        assessment("2024-05-04", PLAN),
        service(COMMUNITY, "2024-05-05", "2024-05-06"),
    ];
    assert_waits(rows, &["1"], &["4"]);
    // Answered one after the other, and no support between that makes an existing client: both count.
    let rows = vec![
        request("2024-05-01", PLAN),
        assessment("2024-05-02", Outcome::NfaOther),
        request("2024-05-03", PLAN),
        assessment("2024-05-06", PLAN),
        service(COMMUNITY, "2024-05-05", ""),
    ];
    assert_waits(rows, &["1", "2"], &["2"]);
}

#[test]
fn rule_12_quarter_and_band_are_those_of_the_answer() {
    let mut rows =
        vec![request("2024-06-20", PLAN), assessment("2024-07-02", PLAN), service(COMMUNITY, "2025-08-01", "")];
    // 64 when asking, 65 when assessed.
    rows.iter_mut().for_each(|row| row.birth = Month::new(1959, 7));
    let histories = histories(rows, Variant::Joined);
    let by = ["quarter", "age_band", "days"];
    let response = ask("WAITING-RESPONSE", span("2024-05-10", "2025-09-30"), &by, &[]);
    let found: Vec<_> = figures(&histories, &response).into_keys().collect();
    assert_eq!(found, ["age_band=65 and above;days=12;quarter=2024-07-01 to 2024-09-30"]);
    let service = ask("WAITING-SERVICE", span("2024-05-10", "2025-09-30"), &by, &[]);
    let found: Vec<_> = figures(&histories, &service).into_keys().collect();
    assert_eq!(found, ["age_band=65 and above;days=over 365;quarter=2025-07-01 to 2025-09-30"]);
    let before = ask("WAITING-RESPONSE", span("2024-04-01", "2024-07-01"), &by, &[]);
    assert!(figures(&histories, &before).is_empty(), "answered after the period");
}

/// The method again in its plainest form: tables of places, every request against every other.
fn plain(history: History<'_>) -> BTreeMap<(bool, usize, i32), i64> {
    struct Line {
        start: Day,
        rank: u8,
        order: u32,
        outcome: Coded<Outcome>,
        conversation: bool,
        band: WorkingAge,
    }
    let progress = |outcome: Coded<Outcome>| matches!(outcome.value().map(Outcome::rank), Some(1 | 4 | 5));
    let mut lines = Vec::new();
    for event in history.events() {
        let Some(age) = event.age_on(event.start()) else { continue };
        if age < 25 {
            continue;
        }
        let service = event.service().value().map(CodeList::index);
        let rank = if event.is(EventType::Request) {
            let existing = history.events().any(|other| {
                let Some(kind) = other.service().value().map(CodeList::index) else { return false };
                let months = match kind {
                    0..=3 => -12,
                    4 | 6 => -3,
                    _ => return false,
                };
                other.is(EventType::Service)
                    && other.start() < event.start()
                    && (other.is_open() || other.end() >= event.start().plus_months(months))
            });
            let dropped = match event.outcome() {
                Coded::Blank => true,
                Coded::Invalid => false,
                Coded::Value(outcome) => outcome.rank() >= 6,
            };
            if existing || dropped || !event.client().is(ClientType::ServiceUser) || event.start() < day("2023-04-01") {
                continue;
            }
            1
        } else if event.is(EventType::Assessment) && event.assessment().value().is_some() {
            2
        } else if event.is(EventType::Service) && service.is_some_and(|kind| kind < 7) {
            3
        } else {
            continue;
        };
        let (start, order, outcome) = (event.start(), event.order(), event.outcome());
        lines.push(Line { start, rank, order, outcome, conversation: event.conversation(), band: event.working_age() });
    }
    lines.sort_by(|a, b| (a.start, a.rank).cmp(&(b.start, b.rank)).then(b.order.cmp(&a.order)));
    let mut block = vec![0; lines.len()];
    for at in 1..lines.len() {
        block[at] = block[at - 1] + usize::from(!(lines[at].rank == 2 && lines[at - 1].rank == 2));
    }
    let requests: Vec<_> = (0..lines.len()).filter(|&at| lines[at].rank == 1).collect();
    let answers: Vec<(Option<usize>, Option<usize>)> = requests
        .iter()
        .map(|&at| {
            let line = &lines[at];
            let later = |rank| (at + 1..lines.len()).find(|&place| lines[place].rank == rank);
            let (assessment, mut service) = (later(2), later(3));
            let talks = line.conversation
                && line.start < day("2025-07-01")
                && (progress(line.outcome) || matches!(line.outcome.value().map(Outcome::rank), Some(2 | 3)))
                && assessment.is_none_or(|place| lines[place].start > line.start);
            let response = if talks {
                Some(at)
            } else {
                match (assessment, service) {
                    (Some(a), Some(s)) => Some(a.min(s)),
                    (a, s) => a.or(s),
                }
            };
            if let Some(place) = response
                && lines[place].rank == 2
                && !(0..lines.len()).any(|p| block[p] == block[place] && progress(lines[p].outcome))
            {
                service = None;
            }
            (response, service)
        })
        .collect();
    let mut counts = BTreeMap::new();
    for (number, &at) in requests.iter().enumerate() {
        let (response, service) = answers[number];
        let before = &answers[..number];
        let overlaps = before.last().is_some_and(|&(r, s)| r.into_iter().chain(s).any(|place| place > at))
            || response.is_some_and(|own| before.iter().any(|(r, _)| r.is_some_and(|r| own <= r)))
            || service.is_some_and(|own| before.iter().any(|(_, s)| s.is_some_and(|s| own <= s)));
        for (is_service, answer) in [(false, response), (true, service)] {
            if let Some(place) = answer
                && !overlaps
                && span("2024-01-01", "2025-12-31").contains(lines[place].start)
            {
                let band = match lines[place].band {
                    WorkingAge::From18To64 => 0,
                    WorkingAge::From65 => 1,
                    _ => continue,
                };
                let days = lines[at].start.days_until(lines[place].start).min(366);
                *counts.entry((is_service, band, days)).or_default() += 1;
            }
        }
    }
    counts
}

/// One row in numbers: a row cannot be printed, and a failing case must be.
type Facts = (u32, usize, i32, i32, usize, usize, bool, usize, usize);

/// Few people on few days, so that ties and boundaries are common.
fn facts() -> impl Strategy<Value = Facts> {
    (1_u32..4, 0_usize..6, 0_i32..17, 0_i32..40, 0_usize..40, 0_usize..9, any::<bool>(), 0_usize..4, 0_usize..12)
}

fn build((person, kind, offset, length, outcome, service, conversation, birth, client): Facts) -> Row {
    let offset = [0, 1, 1, 2, 3, 90, 91, 92, 93, 364, 365, 366, 367, 368, 369, 547, 548][offset as usize];
    let births = [Month::new(1940, 1), Month::new(1959, 7), Month::new(1999, 3), None];
    let kind = [
        EventType::Request,
        EventType::Request,
        EventType::Assessment,
        EventType::Assessment,
        EventType::Service,
        EventType::Review,
    ][kind];
    let start = day("2024-01-01").plus_days(offset);
    let mut row = row(person, kind, &start.to_string(), "");
    row.end = (kind != EventType::Service || length % 4 != 0).then(|| start.plus_days(length));
    row.outcome = match outcome {
        0..17 => Coded::Value(Outcome::ALL[outcome]),
        17 => Coded::Invalid,
        18 => Coded::Blank,
        _ => Coded::Value(Outcome::ALL[outcome % 5]),
    };
    row.conversation = conversation;
    row.birth = if service % 3 == 0 { births[birth] } else { births[0] };
    if client == 0 {
        row.client = Coded::Value(ClientType::UnpaidCarer);
    }
    match kind {
        EventType::Assessment => row.assessment = Coded::Value(AssessmentType::ALL[service % 2]),
        EventType::Service => row.service = Coded::Value(ServiceType::ALL[[2, 4, 5, 5, 5, 6, 7, 2, 4][service]]),
        _ => {}
    }
    row
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_plain_second_reading_finds_the_same_waits(rows in prop::collection::vec(facts(), 1..24)) {
        let histories = histories(rows.into_iter().map(build).collect(), Variant::Joined);
        let mut wanted: BTreeMap<(bool, usize, i32), i64> = BTreeMap::new();
        for history in histories.iter() {
            for (key, count) in plain(history) {
                *wanted.entry(key).or_default() += count;
            }
        }
        let mut found = BTreeMap::new();
        for (is_service, measure) in [(false, "WAITING-RESPONSE"), (true, "WAITING-SERVICE")] {
            let query = ask(measure, span("2024-01-01", "2025-12-31"), &["age_band", "days"], &[]);
            for (group, count) in figures(&histories, &query) {
                let (band, days) = group.split_once(";days=").unwrap();
                let band = usize::from(band != "age_band=25 to 64");
                found.insert((is_service, band, days.parse().unwrap_or(366)), count);
            }
        }
        prop_assert_eq!(found, wanted);
    }
}
