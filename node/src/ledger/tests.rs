use std::path::PathBuf;

use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::{Federation, Identity};
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::period::ReferencePeriod;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Filter, Query, Release};
use folkmoot_proto::recovery::{SignedRecovery, Statement};
use folkmoot_runtime::clock::MockClock;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::*;
use crate::assemble::SnapshotId;
use crate::audit::Book;
use crate::policy::{Nano, Policy, Question, Terms};

mod clocks;
mod crash;
mod peers;
mod rounds;
mod witnesses;

/// A ledger in a folder of its own, with a clock that the test turns.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) clock: MockClock,
    pub(crate) policy: Policy,
}

pub(crate) const OPEN: &str = r#"
mode = "on"
[release]
kinds = ["council-suppressed", "council-private", "joint-private", "joint-suppressed"]
[questions]
measures = ["*"]
roles = ["national", "icb"]
[budget]
rho_per_person_per_year = 0.02
rho_per_query = 0.01
[budget.per_role]
icb = 0.005
[cohort]
min_cohort = 3
max_colluding = 0
min_survivors = 2
min_cohort_difference = 2
[approval]
mode = "auto"
auto_up_to_rho = 0.01
[[purposes]]
name = "*"
lawful_bases = ["*"]
"#;

/// Lets so many statements on any ledger run on this thread and fails the next; `None` lets all run.
pub(crate) fn cut(statements: Option<u32>) {
    step::light(statements);
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text, Path::new("policy.toml"), None).unwrap()
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(OPEN)
    }

    pub(crate) fn with(text: &str) -> Self {
        let clock = MockClock::at("2026-06-30T12:00:00Z".parse().unwrap());
        Self { folder: TempDir::new().unwrap(), clock, policy: policy(text) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn create(&self) -> Ledger {
        let clock = Arc::new(self.clock.clone());
        Ledger::create(&self.path(), None, home(), clock, &mut StdRng::seed_from_u64(1)).unwrap()
    }

    pub(crate) fn open(&self) -> Ledger {
        Ledger::open(&self.path(), None, home(), Arc::new(self.clock.clone())).unwrap()
    }

    pub(crate) fn beside(&self) -> Ledger {
        Ledger::beside(&self.path(), None, home(), Arc::new(self.clock.clone())).unwrap()
    }

    pub(crate) fn sound(&self) {
        let report = Book::open(&self.path(), None).unwrap().verify(None).unwrap();
        assert_eq!(report.broken, None);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }

    pub(crate) fn question(&self, id: u8, query: Query) -> Question {
        self.asked_by(id, query, "national/a.smith")
    }

    pub(crate) fn asked_by(&self, id: u8, query: Query, who: &str) -> Question {
        let analyst = Identity::parse(&format!("folkmoot://england/analyst/{who}")).unwrap();
        let expires = self.clock.now() + jiff::SignedDuration::from_hours(2);
        Question::new(QueryId::from_bytes([id; 16]), query, analyst, "Statistics", "UK GDPR 6(1)(e)", expires).unwrap()
    }
}

pub(crate) fn home() -> CouncilCode {
    CouncilCode::parse("503").unwrap()
}

pub(crate) fn ask(release: Release) -> Query {
    ask_about(2025, &[], release)
}

pub(crate) fn ask_about(year: i16, filters: &[Filter], release: Release) -> Query {
    let day = |text: String| text.parse().unwrap();
    let period = ReferencePeriod::inclusive(day(format!("{year}-04-01")), day(format!("{}-03-31", year + 1))).unwrap();
    Query::new("PEOPLE", period, Some(&[]), filters, &[], DataRule::default(), release).unwrap()
}

pub(crate) fn council(nano: u64) -> Release {
    Release::CouncilPrivate(Rho::from_nano(nano).unwrap())
}

pub(crate) fn data(n: u8) -> SnapshotId {
    SnapshotId::from_bytes([n; 32])
}

pub(crate) fn granted(admission: CouncilAdmission) -> Grant {
    match admission {
        CouncilAdmission::Granted(grant) => grant,
        CouncilAdmission::Stored(_) => panic!("a stored release came back"),
    }
}

pub(crate) fn reason(error: &Error) -> Reason {
    error.as_refusal().unwrap_or_else(|| panic!("not a refusal: {error}")).reason()
}

pub(crate) fn used(ledger: &Ledger) -> (u64, u64) {
    let accounts = ledger.look("accounts", |step| accounts(step, &year_of(step.now))).unwrap();
    let year = accounts.iter().find(|account| account.scope == crate::policy::Scope::Year);
    year.map_or((0, 0), |account| (account.used.0, account.reserved.0))
}

#[test]
fn an_answer_is_charged_once_and_given_again_for_nothing() {
    let bench = Bench::new();
    let ledger = bench.create();
    let question = bench.question(1, ask(council(5_000_000)));
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
    assert_eq!((grant.price(), used(&ledger)), (Nano(5_000_000), (0, 5_000_000)));
    let sent = ledger.release(grant, b"figures".to_vec()).unwrap();
    assert_eq!((sent.charge(), sent.is_stored(), used(&ledger)), (Nano(5_000_000), false, (5_000_000, 0)));
    drop(ledger);

    let ledger = bench.open();
    let equal = bench.asked_by(2, ask(council(5_000_000)), "icb/QHM/j.doe");
    let CouncilAdmission::Stored(again) = ledger.admit_council(&bench.policy, &equal, data(1)).unwrap() else {
        panic!("computed twice")
    };
    assert_eq!((again.charge(), again.is_stored()), (Nano(0), true));
    assert_eq!(again.into_inner(), b"figures");
    // New data are a new charge.
    let grant =
        granted(ledger.admit_council(&bench.policy, &bench.question(3, ask(council(5_000_000))), data(2)).unwrap());
    drop(ledger.release(grant, b"other".to_vec()).unwrap());
    assert_eq!(used(&ledger), (10_000_000, 0));
    bench.sound();
}

#[test]
fn every_cap_holds_and_a_refund_makes_room() {
    let bench = Bench::new();
    let ledger = bench.create();
    let icb = |id, nano| bench.asked_by(id, ask(council(nano)), "icb/QHM/j.doe");
    let admit = |question: &Question, n| ledger.admit_council(&bench.policy, question, data(n));
    let grant = granted(admit(&icb(1, 4_000_000), 1).unwrap());
    let refused = admit(&icb(2, 1_000_001), 2).unwrap_err();
    assert_eq!(reason(&refused), Reason::BudgetSpent);
    let refusal = refused.as_refusal().unwrap();
    assert_eq!((refusal.fact("scope"), refusal.fact("left_nano")), (Some("role"), Some("1000000")));
    ledger.refund(grant, "the privacy map did not fit").unwrap();
    assert_eq!(used(&ledger), (0, 0));
    drop(ledger.release(granted(admit(&icb(3, 5_000_000), 3).unwrap()), vec![1]).unwrap());
    for n in 10..11 {
        let question = bench.question(n, ask(council(10_000_000)));
        drop(ledger.release(granted(admit(&question, n).unwrap()), vec![1]).unwrap());
    }
    let last = admit(&bench.question(20, ask(council(5_000_001))), 20).unwrap_err();
    assert_eq!(last.as_refusal().unwrap().fact("scope"), Some("year"));
    drop(ledger.release(granted(admit(&bench.question(21, ask(council(5_000_000))), 21).unwrap()), vec![1]).unwrap());
    assert_eq!(used(&ledger), (20_000_000, 0));
    // A lower cap refuses everything and breaks nothing; a new budget year begins with nothing spent.
    let lower = policy(&OPEN.replace("0.02", "0.001"));
    let cheap = bench.question(30, ask(council(1)));
    assert_eq!(reason(&ledger.admit_council(&lower, &cheap, data(30)).unwrap_err()), Reason::BudgetSpent);
    bench.pass(275 * 24 * 3600);
    assert_eq!(year_of(bench.clock.now()), "2027-28");
    drop(granted(ledger.admit_council(&bench.policy, &bench.question(31, ask(council(1))), data(30)).unwrap()));
    bench.sound();
}

#[test]
fn two_computations_of_one_question_leave_once() {
    let bench = Bench::new();
    let ledger = bench.create();
    let (one, two) = (bench.question(1, ask(council(5_000_000))), bench.question(2, ask(council(5_000_000))));
    let first = granted(ledger.admit_council(&bench.policy, &one, data(1)).unwrap());
    let resumed = granted(ledger.admit_council(&bench.policy, &one, data(1)).unwrap());
    let other = granted(ledger.admit_council(&bench.policy, &two, data(1)).unwrap());
    assert_eq!(used(&ledger), (0, 10_000_000));
    for (grant, draw) in [(first, b"draw 1"), (resumed, b"draw 2"), (other, b"draw 3")] {
        assert_eq!(ledger.release(grant, draw.to_vec()).unwrap().into_inner(), b"draw 1");
    }
    assert_eq!(used(&ledger), (5_000_000, 0));
    bench.sound();
}

#[test]
fn a_reservation_of_a_dead_process_is_given_back_when_it_expires() {
    let bench = Bench::new();
    let ledger = bench.create();
    let question = bench.question(1, ask(council(5_000_000)));
    let grant = granted(ledger.admit_council(&bench.policy, &question, data(1)).unwrap());
    drop(ledger);
    let ledger = bench.open();
    assert_eq!(used(&ledger), (0, 5_000_000));
    bench.pass(3 * 3600);
    assert_eq!(reason(&ledger.release(grant, vec![1]).unwrap_err()), Reason::Expired);
    drop(ledger);
    let ledger = bench.open();
    assert_eq!(used(&ledger), (0, 0));
    assert_eq!(
        reason(&ledger.admit_council(&bench.policy, &question, data(1)).unwrap_err()),
        Reason::Expired,
        "the question is as old as its reservation"
    );
    bench.sound();
}

#[test]
fn one_id_is_one_question() {
    let bench = Bench::new();
    let ledger = bench.create();
    drop(ledger.admit_council(&bench.policy, &bench.question(1, ask(council(1))), data(1)).unwrap());
    let other = bench.question(1, ask(council(2)));
    assert_eq!(reason(&ledger.admit_council(&bench.policy, &other, data(1)).unwrap_err()), Reason::InvalidQuestion);
}

#[test]
fn two_processes_on_one_ledger_and_a_missing_or_foreign_one_are_refused() {
    let bench = Bench::new();
    let clock = || Arc::new(bench.clock.clone()) as Arc<dyn Clock>;
    let missing = Ledger::open(&bench.path(), None, home(), clock()).unwrap_err();
    assert!(matches!(&missing, Error::Store(cause) if matches!(**cause, store::Error::Missing { .. })));
    let ledger = bench.create();
    let second = Ledger::open(&bench.path(), None, home(), clock()).unwrap_err();
    assert!(matches!(&second, Error::Store(cause) if matches!(**cause, store::Error::InUse { .. })), "{second}");
    drop(ledger);
    let foreign = Ledger::open(&bench.path(), None, CouncilCode::parse("504").unwrap(), clock()).unwrap_err();
    assert!(foreign.to_string().contains("503"));
    let again = Ledger::create(&bench.path(), None, home(), clock(), &mut StdRng::seed_from_u64(2)).unwrap_err();
    assert!(matches!(&again, Error::Store(cause) if matches!(**cause, store::Error::Exists { .. })));
}

#[test]
fn suppressed_figures_cost_nothing_and_are_stored_all_the_same() {
    let bench = Bench::new();
    let ledger = bench.create();
    let query = ask(Release::CouncilSuppressed(Profile::Hospital));
    let grant = granted(ledger.admit_council(&bench.policy, &bench.question(1, query.clone()), data(1)).unwrap());
    drop(ledger.release(grant, b"rounded".to_vec()).unwrap());
    assert!(matches!(
        ledger.admit_council(&bench.policy, &bench.question(2, query), data(1)).unwrap(),
        CouncilAdmission::Stored(_)
    ));
    assert_eq!(used(&ledger), (0, 0));
    bench.sound();
}

#[test]
fn a_plan_is_priced_as_a_whole_and_charges_nothing() {
    let bench = Bench::new();
    let ledger = bench.create();
    let head = ledger.head().unwrap();
    let questions: Vec<_> = (1..=3).map(|id| bench.question(id, ask(council(9_000_000)))).collect();
    let quotes = ledger.quote_all(&bench.policy, &questions, data(1)).unwrap();
    let verdicts: Vec<_> = quotes.iter().map(|quote| (quote.verdict, quote.left.clone().unwrap())).collect();
    let left = |year, least, under: &str| Left { year: Nano(year), least: Nano(least), under: under.to_owned() };
    let year = |nano| left(nano, nano, "year");
    assert_eq!(
        verdicts,
        [(Verdict::Answer, year(20_000_000)), (Verdict::Answer, year(11_000_000)), (Verdict::Refuse, year(2_000_000))]
    );
    // The tightest cap is told by its name, and beside it what is left of the year.
    let board = bench.asked_by(9, ask(council(6_000_000)), "icb/QOP/b.jones");
    let board = ledger.quote(&bench.policy, &board, data(1)).unwrap();
    assert_eq!((board.verdict, board.left), (Verdict::Refuse, Some(left(20_000_000, 5_000_000, "role icb"))));
    assert!(board.reason.contains("role icb"), "{}", board.reason);
    assert_eq!(ledger.head().unwrap(), head);
    let grant = granted(ledger.admit_council(&bench.policy, &questions[0], data(1)).unwrap());
    drop(ledger.release(grant, vec![1]).unwrap());
    let again = ledger.quote(&bench.policy, &questions[1], data(1)).unwrap();
    assert_eq!((again.verdict, again.price), (Verdict::Stored, Nano(0)));
    let off = ledger.quote(&Policy::off(), &questions[1], data(1)).unwrap();
    // A refusal by the policy looks no cap up, which is not the same as nothing being left.
    assert_eq!((off.verdict, off.left), (Verdict::Refuse, None));
}

#[test]
fn nothing_that_is_sent_or_charged_shows_in_debug() {
    let bench = Bench::new();
    let ledger = bench.create();
    let grant = granted(ledger.admit_council(&bench.policy, &bench.question(1, ask(council(1))), data(1)).unwrap());
    let sent = ledger.release(grant, b"CANARY-4242".to_vec()).unwrap();
    let shown = format!("{sent:?} {ledger:?}");
    assert!(!shown.contains("CANARY") && !shown.contains("67, 65, 78"), "{shown}");
    drop(ledger);
    let mut log = Vec::new();
    Book::open(&bench.path(), None).unwrap().export(1, &mut log).unwrap();
    assert!(!String::from_utf8(log).unwrap().contains("CANARY"));
}

#[test]
fn every_earlier_version_is_brought_up_to_date_with_its_rows() {
    for known in 1..SCHEMA.migrations.len() {
        let bench = Bench::new();
        let schema = Schema { name: SCHEMA.name, migrations: &SCHEMA.migrations[..known] };
        let options = Options { schema, ..options(None, Access::Sole) };
        let store = Store::create(&bench.path(), options).unwrap();
        store
            .write("rows of an earlier version", |tx| {
                tx.execute("INSERT INTO owner VALUES (1, '503', ?1)", params![[7_u8; 32]])?;
                let step = Step::new(tx, bench.clock.now());
                chain::append(&step, &Record::new(Action::Created, "node"))?;
                // That version's entries held no digests of rows.
                let mut earlier = Record::new(Action::Released, "folkmoot://england/analyst/national/a.smith");
                (earlier.query, earlier.attempt) = (Some("01".repeat(16)), Some(1));
                chain::append(&step, &earlier)?;
                tx.execute("INSERT INTO question VALUES (?1, ?2, x'00')", params![[1_u8; 16], [2_u8; 32]])?;
                tx.execute(
                    "INSERT INTO attempt (question, number, kind, state, snapshot, cohort, nano, year, expires)
                     VALUES (?1, 1, 'council', 'released', ?2, ?2, 0, '2026-27', 0)",
                    params![[1_u8; 16], [3_u8; 32]],
                )?;
                tx.execute("INSERT INTO account VALUES ('2026-27', 'role', 'icb', 9, 0, 0)", [])?;
                if known >= 2 {
                    tx.execute(
                        "INSERT INTO hold (digest, recurring, question, wire, analyst, purpose, lawful_basis, why, nano, \
                         asked, expires, state) VALUES (?1, ?1, ?2, x'00', 'a', 'p', 'b', 'w', 0, 1, 1, 'used')",
                        params![[2_u8; 32], [1_u8; 16]],
                    )?;
                }
                Ok(())
            })
            .unwrap();
        drop(store);
        let ledger = bench.open();
        if known >= 2 {
            let mut held = Record::new(Action::Held, "folkmoot://england/analyst/national/a.smith");
            held.hold = Some(1);
            ledger.record(&held).unwrap();
        }
        assert_eq!(ledger.doubts().unwrap(), []);
        assert_eq!(ledger.held(true).unwrap().len(), usize::from(known >= 2));
        let caps = ledger.look("caps", |step| {
            step.all("SELECT name, cap FROM account", [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        });
        assert_eq!(caps.unwrap(), [("icb".to_owned(), 9)], "from version {known}");
        for wrong in ["UPDATE account SET used = 10", "DELETE FROM account"] {
            assert!(ledger.step("do wrong", |step| step.execute(wrong, [])).is_err(), "from version {known}: {wrong}");
        }
        let analyst = "INSERT INTO account VALUES ('2026-27', 'analyst', 'x', 1, 0, 0)";
        ledger.step("an account of today", |step| step.execute(analyst, [])).unwrap();
        let attempts: Option<i64> =
            ledger.look("count", |step| step.one("SELECT count(*) FROM attempt", [], |row| row.get(0))).unwrap();
        assert_eq!(attempts, Some(1), "from version {known}");
        bench.sound();
    }
}
