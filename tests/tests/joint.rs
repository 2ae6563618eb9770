//! Joint figures end to end: real nodes with real certificates, stores, ledgers and policies on one side, the
//! coordinator's jobs on the other, and links in memory between them.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "joint/forgotten.rs"]
mod forgotten;
#[path = "joint/heard.rs"]
mod heard;
#[path = "joint/held.rs"]
mod held;
#[path = "joint/hostile.rs"]
mod hostile;
#[path = "joint/receipts.rs"]
mod receipts;
#[path = "joint/record.rs"]
mod record;
#[path = "joint/witnesses.rs"]
mod witnesses;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use folkmoot_certs::authority::{Authority, Order};
use folkmoot_coordinator::collect::{Councils, Patience};
use folkmoot_coordinator::job::Jobs;
use folkmoot_coordinator::merge::{Statistic, Status as Standing};
use folkmoot_coordinator::outcome::State;
use folkmoot_coordinator::plan::Plan;
use folkmoot_coordinator::release::Release as Released;
use folkmoot_coordinator::round::{JointFigures, Keep, Terms};
use folkmoot_coordinator::scope::Level;
use folkmoot_coordinator::store::{Job, JobState, Store};
use folkmoot_node::answer::{Answerer, NodeService, Rounds};
use folkmoot_node::audit::{Believed, Checked, Failed};
use folkmoot_node::clean::lists::Aliases;
use folkmoot_node::dial::Gate;
use folkmoot_node::import::{self, Options, Source};
use folkmoot_node::ledger::Ledger;
use folkmoot_node::policy::{Keeper, Policy};
use folkmoot_node::protect::{NoiseError, NoiseSource, OpenDp};
use folkmoot_node::registry::Members;
use folkmoot_node::store::Records;
use folkmoot_node::tabulate::{self, Bounding};
use folkmoot_node::{assemble, local};
use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::geography::Geography;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::{Federation, Identity, Kind};
use folkmoot_proto::ids::{BoardCode, CouncilCode, JobId, QueryId};
use folkmoot_proto::joint;
use folkmoot_proto::layout::Layout;
use folkmoot_proto::period::{Day, ReferencePeriod};
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::{DataRule, Query, Release};
use folkmoot_proto::question::{Question, Signed, SignedQuestion};
use folkmoot_proto::registry::VerifiedRegistry;
use folkmoot_proto::wire::v1 as wire;
use folkmoot_proto::wire::v1::node_server::NodeServer;
use folkmoot_runtime::clock::{Clock, MockClock};
use folkmoot_runtime::store::Access;
use folkmoot_runtime::tls::{Files, Reloadable, Trust};
use folkmoot_runtime::{enrol, link};
use folkmoot_tests::generate::{self, Place, Settings};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;

const ANALYST: &str = "folkmoot://england/analyst/national/ada";
const COORDINATOR: &str = "folkmoot://england/coordinator/main";

/// No noise, at the price that noise of this scale has: what is left is the exact sum.
struct Silence;

impl NoiseSource for Silence {
    fn draw(&self, length: usize, scale: f64, l2: f64) -> Result<(Vec<i64>, f64), NoiseError> {
        Ok((vec![0; length], 0.5 * (l2 / scale).powi(2)))
    }
}

struct Nobody;
impl import::Watch for Nobody {}

fn policy(extra: &str) -> String {
    format!(
        "mode = \"on\"\n{extra}\n[release]\nkinds = [\"joint-private\", \"joint-suppressed\"]\nsuppression = \"hospital\"\n\
         [questions]\nmeasures = [\"*\"]\nroles = [\"national\", \"icb\"]\n\
         [budget]\nrho_per_person_per_year = 0.1\nrho_per_query = 0.02\nrho_local_max = 2.0\n\
         [cohort]\nmin_cohort = 3\nmax_colluding = 2\nmin_survivors = 3\nmin_cohort_difference = 2\n\
         [approval]\nmode = \"auto\"\nauto_up_to_rho = 0.02\n\
         [[purposes]]\nname = \"*\"\nlawful_bases = [\"*\"]\nnational_data_opt_out = \"not-applied\"\nopt_out_reason = \"a test\"\n"
    )
}

/// Councils linked in memory; each may fall silent after some of its steps.
struct Hall {
    channels: Mutex<BTreeMap<CouncilCode, Channel>>,
    linked: watch::Sender<BTreeSet<CouncilCode>>,
    /// Every byte that the coordinator's end of each link has received.
    heard: Mutex<BTreeMap<CouncilCode, heard::Bytes>>,
}

impl Councils for Hall {
    fn channel(&self, council: CouncilCode) -> Option<Channel> {
        self.channels.lock().unwrap().get(&council).cloned()
    }
    fn watch(&self) -> watch::Receiver<BTreeSet<CouncilCode>> {
        self.linked.subscribe()
    }
}

struct Node {
    answerer: Arc<Answerer>,
    /// Calls of rounds that it still answers.
    answers: Arc<AtomicUsize>,
}

struct Scene {
    folder: tempfile::TempDir,
    /// Where the authority's public files are.
    public: PathBuf,
    believed: Believed,
    clock: MockClock,
    nodes: BTreeMap<CouncilCode, Node>,
    hall: Arc<Hall>,
    store: Store,
    jobs: Jobs,
    analyst: (ed25519_dalek::SigningKey, Vec<Vec<u8>>),
    coordinator: (ed25519_dalek::SigningKey, Vec<Vec<u8>>),
    asked: AtomicUsize,
}

fn enrol_all(authority: &mut Authority, folder: &Path, who: &[(String, Kind)], clock: &MockClock) -> Vec<PathBuf> {
    let mut made = Vec::new();
    for (uri, kind) in who {
        let identity: Identity = uri.parse().unwrap();
        let stem = folder.join(format!("{}-{kind}", identity.file_stem()));
        let (key, csr, chain) = (stem.with_extension("key"), stem.with_extension("csr"), stem.with_extension("pem"));
        enrol::make_request(&identity, *kind, &key, &csr).unwrap();
        let request = std::fs::read_to_string(csr).unwrap();
        let issued = authority.issue(&request, &Order::new(identity), clock.now()).unwrap();
        std::fs::write(&chain, issued.chain_pem).unwrap();
        made.push(stem);
    }
    made
}

fn signer(stem: &Path) -> (ed25519_dalek::SigningKey, Vec<Vec<u8>>) {
    let chain = CertificateDer::pem_file_iter(stem.with_extension("pem")).unwrap().map(|der| der.unwrap().to_vec());
    (enrol::read_signing_key(&stem.with_extension("key")).unwrap(), chain.collect())
}

impl Scene {
    /// Nodes for these councils, each with the policy that `policies` gives it, and noise or none.
    async fn new(codes: &[CouncilCode], noise: bool, policies: &dyn Fn(usize) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = MockClock::at("2026-11-02T09:00:00Z".parse().unwrap());
        let federation = Federation::parse("england").unwrap();
        let place = folder.path().to_owned();
        let mut authority = Authority::init(&place.join("ca"), None, &federation, clock.now()).unwrap();
        let council_uri = |code: &CouncilCode| format!("folkmoot://england/council/{code}");
        let mut who = vec![(ANALYST.to_owned(), Kind::Signing), (COORDINATOR.to_owned(), Kind::Signing)];
        who.extend(codes.iter().flat_map(|code| [(council_uri(code), Kind::Signing), (council_uri(code), Kind::Tls)]));
        let stems = enrol_all(&mut authority, &place, &who, &clock);
        authority.sign_registry(None, None, false, clock.now()).unwrap();
        let layout = authority.layout();
        let public = |name: &str| layout.public(name);
        let registry = std::fs::read(public("registry.json")).unwrap();
        let hall =
            Arc::new(Hall { channels: Mutex::default(), linked: watch::Sender::default(), heard: Mutex::default() });
        let mut nodes = BTreeMap::new();
        for (slot, code) in codes.iter().enumerate() {
            let home = place.join(format!("node-{code}"));
            std::fs::create_dir(&home).unwrap();
            let (signing, tls) = (&stems[2 + 2 * slot], &stems[3 + 2 * slot]);
            let signing_files = Files {
                chain: signing.with_extension("pem"),
                key: signing.with_extension("key"),
                roots: public("roots.pem"),
                crl: public("crl.pem"),
            };
            let files = Files {
                chain: tls.with_extension("pem"),
                key: tls.with_extension("key"),
                roots: public("roots.pem"),
                crl: public("crl.pem"),
            };
            let shared: Arc<dyn Clock> = Arc::new(clock.clone());
            let members = Members::open(&home.join("registry.json"), &public("governance.pub"), &federation).unwrap();
            assert!(members.offer(&registry).unwrap());
            let policy = Policy::parse(&policies(slot), Path::new("policy.toml"), None).unwrap();
            let noise: Box<dyn NoiseSource + Send + Sync> = if noise { Box::new(OpenDp) } else { Box::new(Silence) };
            let answerer = Arc::new(Answerer {
                council: *code,
                records: records(&home, *code, slot as u32),
                ledger: Ledger::create(&home.join("ledger.db"), None, *code, Arc::clone(&shared), &mut rand::rng())
                    .unwrap(),
                policy: Arc::new(Keeper::holding(policy)),
                tls: Arc::new(Reloadable::open(files, Arc::clone(&shared)).unwrap()),
                clock: shared,
                noise,
                bounding_key: [7; 32],
                signing: signing_files,
                rounds: Some(Rounds::new(signer(signing).0, members)),
            });
            let answers = Arc::new(AtomicUsize::new(usize::MAX / 2));
            serve(&hall, *code, Arc::clone(&answerer), Arc::clone(&answers)).await;
            nodes.insert(*code, Node { answerer, answers });
        }
        let pinned = GovernanceKey::parse(&std::fs::read_to_string(public("governance.pub")).unwrap()).unwrap();
        let signed: folkmoot_proto::registry::SignedRegistry = serde_json::from_slice(&registry).unwrap();
        let verified: VerifiedRegistry = signed.verify(&pinned, &federation).unwrap();
        let store = Store::open(&place.join("coordinator.db")).unwrap();
        let (analyst, coordinator) = (signer(&stems[0]), signer(&stems[1]));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let keep = Keep::open(&place.join("rounds"), registry.clone(), coordinator.1.clone()).unwrap();
        let figures = JointFigures::new(
            Arc::<Hall>::clone(&hall),
            store.clone(),
            Arc::clone(&shared),
            verified,
            COORDINATOR.parse().unwrap(),
            coordinator.0.clone(),
            Terms { ask_again: Duration::from_millis(50), ..Terms::default() },
        )
        .keeping(keep);
        let jobs = Jobs::new(
            store.clone(),
            Arc::<Hall>::clone(&hall),
            shared,
            Patience::default(),
            Some(Arc::new(figures)),
            CancellationToken::new(),
        );
        let certificates = |name: &str| std::fs::read(public(name)).unwrap();
        let roots: Vec<_> = CertificateDer::pem_slice_iter(&certificates("roots.pem")).map(Result::unwrap).collect();
        let lists: Vec<_> =
            CertificateRevocationListDer::pem_slice_iter(&certificates("crl.pem")).map(Result::unwrap).collect();
        let trust = Trust::new(federation.clone(), &roots, &lists).unwrap();
        let believed = Believed { trust, governance: pinned, federation };
        let public = public("roots.pem").parent().unwrap().to_owned();
        Self {
            folder,
            public,
            believed,
            clock,
            nodes,
            hall,
            store,
            jobs,
            analyst,
            coordinator,
            asked: AtomicUsize::new(1),
        }
    }

    fn plan(&self, query: &Query, level: wire::Level, board: &str) -> wire::PlanRequest {
        let councils = if board.is_empty() { self.nodes.keys().map(ToString::to_string).collect() } else { Vec::new() };
        wire::PlanRequest {
            query: Some(query.into()),
            level: level.into(),
            councils,
            board: board.to_owned(),
            boards: "icb-2022".into(),
            ..Default::default()
        }
    }

    /// Asks as the analyst would, and waits for the end.
    async fn ask(&self, query: &Query, level: wire::Level, board: &str) -> Job {
        self.ask_as(query, level, board, false).await
    }

    /// The same, with or without waiting for people at councils.
    async fn ask_as(&self, query: &Query, level: wire::Level, board: &str, without_held: bool) -> Job {
        let id = self.submit(query, level, board, (without_held, 1)).await;
        self.over(id).await
    }

    /// The same, for so many seconds, without waiting for the end.
    async fn submit(
        &self,
        query: &Query,
        level: wire::Level,
        board: &str,
        (without_held, wait_s): (bool, u32),
    ) -> JobId {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) as u8;
        let request = self.plan(query, level, board);
        let caller: Identity = ANALYST.parse().unwrap();
        let today = Day::from_number(self.clock.now().as_second().div_euclid(86_400) as i32);
        let plan = Plan::check(request.clone(), &caller, today).unwrap();
        let expires = self.clock.now().as_second() + 7200;
        let question =
            Question::new(query.clone(), QueryId::from_bytes([number; 16]), caller, "test", "6(1)(e)", expires)
                .unwrap();
        let signature = question.sign(&self.analyst.0);
        let mandate_signature = joint::sign_mandate(&question, &self.analyst.0).to_vec();
        let countersigned = question.countersign(&signature, &self.coordinator.0);
        let signed = SignedQuestion {
            question,
            analyst: Signed { signature, chain: self.analyst.1.clone() },
            coordinator: Signed { signature: countersigned, chain: self.coordinator.1.clone() },
        };
        let request = wire::AskRequest {
            plan: Some(request),
            fresh: true,
            mandate_signature,
            wait_s,
            without_held,
            ..Default::default()
        };
        self.jobs.submit(&plan, &signed, request).await.unwrap()
    }

    /// The record of a job's round.
    fn record(&self, number: u8) -> Vec<u8> {
        let job = JobId::from_bytes([number; 16]);
        std::fs::read(Keep::place(&self.folder.path().join("rounds"), &job)).unwrap()
    }

    fn check(&self, record: &[u8]) -> Result<Checked, Failed> {
        self.believed.check(record, |_, _| {})
    }

    async fn over(&self, id: JobId) -> Job {
        loop {
            let changes = self.jobs.watch(id);
            let job = self.store.job(id).unwrap().unwrap();
            match changes {
                _ if job.state.is_over() => return job,
                Some(mut changes) => drop(changes.changed().await),
                None => return self.store.job(id).unwrap().unwrap(),
            }
        }
    }

    async fn released(&self, query: &Query, level: wire::Level, board: &str) -> Released {
        let job = self.ask(query, level, board).await;
        assert_eq!(job.state, JobState::Released, "{}", job.message);
        self.store.release(&job.release).unwrap().unwrap().release
    }

    /// The exact figures of some councils together, by layout.
    fn truth(&self, query: &Query, councils: &BTreeSet<CouncilCode>, private: bool) -> Vec<i64> {
        let layout = Layout::of(query).unwrap();
        let mut sum = vec![0; layout.len()];
        for code in councils {
            let node = &self.nodes[code].answerer;
            let options = local::options(query, query.data().as_of.unwrap());
            let assembly = assemble::assemble(&node.records, &options).unwrap();
            let bounding = match private {
                true => Bounding::Private { bound: query.bound(), key: &node.bounding_key },
                false => Bounding::Official,
            };
            let (layout, counts) = tabulate::tabulate(&assembly.histories, query, bounding).unwrap();
            for (to, from) in sum.iter_mut().zip(counts.for_own_eyes(&layout)) {
                *to += from;
            }
        }
        sum
    }

    /// Used and reserved of a council's budget for the year, in billionths of rho.
    fn spent(&self, code: CouncilCode) -> (u64, u64) {
        let node = &self.nodes[&code].answerer;
        let report = node.ledger.budget(&node.policy.current()).unwrap();
        let year = report.lines.iter().find(|line| line.scope == "year");
        year.map_or((0, 0), |line| (line.spent_nano, line.reserved_nano))
    }
}

fn records(home: &Path, code: CouncilCode, slot: u32) -> Records {
    let settings = Settings { people: 120, seed: 11, ..Settings::default() };
    let place = Place { code: code.to_string(), slot, slots: 12 };
    let council = generate::council(&settings, &place).unwrap();
    let records = Records::create(&home.join("records.db"), None, Access::Sole).unwrap();
    for file in &council.files {
        let path = home.join(&file.name);
        std::fs::write(&path, &file.bytes).unwrap();
        let options = Options {
            council: code,
            received: file.received.to_string().parse().unwrap(),
            imported_at: 0,
            dry_run: false,
            force_council: false,
            aliases: Aliases::default(),
        };
        import::import(&records, &Source::Path(path), &options, &mut Nobody).unwrap();
    }
    records
}

/// Serves a node over a link in memory; once it has answered its share of calls it is gone.
async fn serve(hall: &Hall, code: CouncilCode, answerer: Arc<Answerer>, answers: Arc<AtomicUsize>) {
    let routes = Routes::new(NodeServer::new(NodeService::new(answerer))).prepare();
    let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (mut routes, answers) = (routes.clone(), Arc::clone(&answers));
        async move {
            let left = answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if left.is_err() {
                return Ok::<_, Infallible>(tonic::Status::unavailable("gone").into_http());
            }
            tower::Service::call(&mut routes, request).await
        }
    });
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let gate = Gate::new(COORDINATOR.parse().unwrap());
    tokio::spawn(link::serve(theirs, service, gate, CancellationToken::new()));
    let (ours, bytes) = heard::Recorded::over(ours);
    hall.heard.lock().unwrap().insert(code, bytes);
    let channel = link::channel(ours).await.unwrap().channel();
    hall.channels.lock().unwrap().insert(code, channel);
    hall.linked.send_modify(|set| {
        set.insert(code);
    });
}

/// Four councils of one board and two of another, all with three-digit codes.
fn six() -> Vec<CouncilCode> {
    let structure = Geography::built_in().structure("icb-2022").unwrap();
    let plain = |board: &str, take: usize| {
        let members = structure.members(&BoardCode::parse(board).unwrap());
        members.into_iter().filter(|code| code.as_str().len() == 3).take(take).collect::<Vec<_>>()
    };
    let mut codes = plain("QHM", 4);
    codes.extend(plain("QMJ", 2));
    assert_eq!(codes.len(), 6);
    codes.sort();
    codes
}

fn query(release: Release) -> Query {
    let period = ReferencePeriod::inclusive("2025-04-01".parse().unwrap(), "2026-03-31".parse().unwrap()).unwrap();
    let data = DataRule { as_of: Some("2026-11-01".parse().unwrap()), ..DataRule::default() };
    let by = ["age_band".to_owned(), "gender".to_owned()];
    Query::new("PEOPLE", period, Some(&by), &[], &[], data, release).unwrap()
}

fn private() -> Query {
    query(Release::JointPrivate(Rho::parse("0.005").unwrap()))
}

/// The counts of an area, in layout order.
fn counts(release: &Released, ons_code: &str) -> Vec<Option<f64>> {
    let table = release.table();
    let area = table.areas.iter().find(|area| area.ons_code == ons_code).unwrap();
    table
        .rows
        .iter()
        .zip(&area.cells)
        .filter(|(row, _)| row.statistic == Statistic::Count)
        .map(|(_, cell)| cell.value.map(|value| value.get()))
        .collect()
}

fn as_shown(figures: &[i64]) -> Vec<Option<f64>> {
    figures.iter().map(|&figure| Some(figure as f64)).collect()
}

const PRICE: u64 = 5_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_noise_a_joint_private_figure_is_the_exact_sum_and_everybody_pays_once() {
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    let all: BTreeSet<_> = codes.iter().copied().collect();
    let query = private();
    let release = fed.released(&query, wire::Level::England, "").await;
    assert!(fed.truth(&query, &all, true).iter().sum::<i64>() > 100, "a test about nobody proves nothing");
    assert_eq!(counts(&release, "E92000001"), as_shown(&fed.truth(&query, &all, true)));
    let round = release.manifest().round.as_ref().unwrap();
    assert_eq!((round.attempt, round.cohort.len(), round.survivors.len()), (1, 6, 6));
    assert_eq!((round.colluding, round.threshold, round.min_survivors), (2, 5, 5));
    assert!(round.noise() > 10.0 && round.recorded);
    assert!(codes.iter().all(|code| fed.spent(*code) == (PRICE, 0)));
    assert!(release.manifest().councils.iter().all(|council| council.charged_nano == PRICE));
    // The margin is that of the noise that everybody added.
    let cell = &release.table().areas[0].cells[0];
    let margin = folkmoot_proto::privacy::margin(round.noise()) as f64;
    assert_eq!(cell.margin.map(|margin| margin.get()), Some(margin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boards_are_blocks_of_one_round_and_england_is_their_sum() {
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    let (query, structure) = (private(), Geography::built_in().structure("icb-2022").unwrap());
    let release = fed.released(&query, wire::Level::Board, "").await;
    let mut seen = 0;
    for area in release.table().areas.iter().filter(|area| area.level == Level::Board) {
        let board = BoardCode::parse(area.board.as_deref().unwrap()).unwrap();
        let own: BTreeSet<_> = structure.members(&board).into_iter().filter(|code| codes.contains(code)).collect();
        assert_eq!(
            (area.councils, counts(&release, &area.ons_code)),
            (own.len(), as_shown(&fed.truth(&query, &own, true)))
        );
        seen += 1;
    }
    assert_eq!(seen, 2);
    let all: BTreeSet<_> = codes.iter().copied().collect();
    assert_eq!(counts(&release, "E92000001"), as_shown(&fed.truth(&query, &all, true)));
    assert!(codes.iter().all(|code| fed.spent(*code) == (PRICE, 0)), "once for all blocks");
    // One board alone: everybody lends noise, and only the board's own councils pay.
    let release = fed.released(&query, wire::Level::Board, "QMJ").await;
    let own: BTreeSet<_> =
        structure.members(&BoardCode::parse("QMJ").unwrap()).into_iter().filter(|code| codes.contains(code)).collect();
    let area = &release.table().areas[0];
    assert_eq!(counts(&release, &area.ons_code), as_shown(&fed.truth(&query, &own, true)));
    assert_eq!(release.manifest().round.as_ref().unwrap().survivors.len(), 6);
    for code in &codes {
        let paid = if own.contains(code) { 2 * PRICE } else { PRICE };
        assert_eq!(fed.spent(*code), (paid, 0), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_council_that_drops_out_after_any_step_does_not_spoil_the_sum() {
    let codes = six();
    let all: BTreeSet<_> = codes.iter().copied().collect();
    for answered in 0..5 {
        let fed = Scene::new(&codes, false, &|_| policy("")).await;
        let query = private();
        let lost = codes[answered];
        fed.nodes[&lost].answers.store(answered, Ordering::SeqCst);
        let release = fed.released(&query, wire::Level::England, "").await;
        // Its vector is in the sum once it has answered advertise, share and mask.
        let mut present = all.clone();
        if answered < 3 {
            present.remove(&lost);
        }
        assert_eq!(counts(&release, "E92000001"), as_shown(&fed.truth(&query, &present, true)), "after {answered}");
        let part = release.manifest().councils.iter().find(|council| council.code == lost).unwrap();
        assert_eq!(part.outcome.state.has_answer(), answered >= 3, "after {answered}: {:?}", part.outcome);
        // What has left is charged, what has not is only put aside.
        let (used, _) = fed.spent(lost);
        assert_eq!(used, if answered >= 3 { PRICE } else { 0 }, "after {answered}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_cause_is_told_before_what_follows_from_it() {
    // Two will not take part; without them the others find the cohort too small.
    let fed = Scene::new(&six(), false, &|slot| match slot {
        0 | 1 => policy("").replace("mode = \"on\"", "mode = \"off\""),
        _ => policy("").replace("min_cohort = 3", "min_cohort = 6"),
    })
    .await;
    let job = fed.ask(&private(), wire::Level::England, "").await;
    assert_ne!(job.state, JobState::Released);
    let (first, second) = (job.message.find("attempt 1: "), job.message.find("attempt 2: "));
    assert!(first.is_some() && first < second, "{}", job.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_least_number_of_survivors_there_is_no_sum_and_nobody_pays_for_nothing() {
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    for code in &codes[..4] {
        fed.nodes[code].answers.store(1, Ordering::SeqCst);
    }
    let job = fed.ask(&private(), wire::Level::England, "").await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.message.contains("the round gave no sum"), "{}", job.message);
    for code in &codes {
        assert_eq!(fed.spent(*code).0, 0, "nothing has left {code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn councils_that_refuse_are_named_and_the_rest_go_on_in_a_new_attempt() {
    let codes = six();
    // Two refuse: more than one attempt can bear, so that a second one without them is needed.
    let fed = Scene::new(&codes, false, &|slot| match slot {
        0 => "mode = \"off\"\n".to_owned(),
        1 => policy("").replace("\"joint-private\", ", ""),
        _ => policy(""),
    })
    .await;
    let query = private();
    let release = fed.released(&query, wire::Level::England, "").await;
    let rest: BTreeSet<_> = codes[2..].iter().copied().collect();
    assert_eq!(counts(&release, "E92000001"), as_shown(&fed.truth(&query, &rest, true)));
    let round = release.manifest().round.as_ref().unwrap();
    assert_eq!((round.attempt, round.cohort.len()), (2, 4));
    let part = |code: CouncilCode| {
        let council = release.manifest().councils.iter().find(|council| council.code == code).unwrap();
        (council.outcome.state, council.outcome.code.clone())
    };
    assert_eq!(part(codes[0]), (State::Refused, "POLICY_OFF".to_owned()));
    assert_eq!(part(codes[1]), (State::Refused, "POLICY_FORBIDS".to_owned()));
    for code in &rest {
        assert_eq!(fed.spent(*code), (PRICE, 0), "the attempt that failed before masking gave its price back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joint_suppressed_figure_is_hidden_and_rounded_from_the_exact_sum_and_costs_nothing() {
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    let all: BTreeSet<_> = codes.iter().copied().collect();
    let query = query(Release::JointSuppressed(Profile::Hospital));
    let release = fed.released(&query, wire::Level::England, "").await;
    let truth = fed.truth(&query, &all, false);
    let shown = counts(&release, "E92000001");
    assert_eq!(truth.len(), shown.len());
    let mut visible = 0;
    for (exact, shown) in truth.iter().zip(&shown) {
        match shown {
            Some(shown) => {
                assert_eq!(*shown, folkmoot_proto::disclosure::round5(*exact) as f64);
                assert!(!(1..=7).contains(exact));
                visible += i32::from(*exact > 0);
            }
            None => assert!(*exact > 0),
        }
    }
    assert!(visible > 0, "something is shown");
    let cells = &release.table().areas[0].cells;
    assert!(cells.iter().all(|cell| matches!(cell.status, Standing::Ok | Standing::Suppressed)));
    assert!(codes.iter().all(|code| fed.spent(*code) == (0, 0)));
    // The same sum with one council fewer would give that council away: it is refused, whoever asks.
    fed.hall.channels.lock().unwrap().remove(&codes[0]);
    let job = fed.ask(&query, wire::Level::England, "").await;
    assert_eq!(job.state, JobState::Failed, "{}", job.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_noise_the_error_is_that_of_the_stated_margin() {
    let codes = six();
    let fed = Scene::new(&codes, true, &|_| policy("")).await;
    let all: BTreeSet<_> = codes.iter().copied().collect();
    let query = private();
    let release = fed.released(&query, wire::Level::England, "").await;
    let truth = fed.truth(&query, &all, true);
    let noise = release.manifest().round.as_ref().unwrap().noise();
    let cells = Layout::of(&query).unwrap().cells();
    let errors: Vec<f64> = counts(&release, "E92000001")
        .iter()
        .zip(&truth)
        .take(cells)
        .map(|(got, exact)| got.unwrap() - *exact as f64)
        .collect();
    assert!(errors.iter().any(|error| *error != 0.0), "there is noise");
    // Seven standard deviations: a chance of a false alarm below 1e-10 for these few cells.
    assert!(errors.iter().all(|error| error.abs() < 7.0 * noise), "{errors:?} at {noise}");
}

/// The NHS numbers in a node's own files.
fn numbers_of(home: &Path) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(home).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "csv") {
            found.extend(std::fs::read(entry.path()).unwrap().split(|byte| !byte.is_ascii_digit()).filter_map(
                |digits| {
                    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 10)?;
                    text.parse::<u64>().ok().filter(|number| text.starts_with("999") && *number > 0)
                },
            ));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opted_out_is_in_no_joint_sum_where_the_policy_honours_it() {
    let codes = six();
    let honoured = |text: String| {
        text.replace(
            "national_data_opt_out = \"not-applied\"\nopt_out_reason = \"a test\"\n",
            "national_data_opt_out = \"applied\"\n",
        )
    };
    // The last council has a reason not to apply it.
    let fed = Scene::new(&codes, false, &|slot| if slot < 5 { honoured(policy("")) } else { policy("") }).await;
    let all: BTreeSet<_> = codes.iter().copied().collect();
    let day = "2026-11-01".parse().unwrap();
    for (slot, code) in codes.iter().enumerate() {
        let records = &fed.nodes[code].answerer.records;
        let numbers = numbers_of(&fed.folder.path().join(format!("node-{code}")));
        assert!(numbers.len() > 50, "{code}: {}", numbers.len());
        match slot {
            // Half of its people, all of them, nobody; the third council has never loaded a list.
            0 => drop(records.load_opt_outs(numbers.iter().copied().step_by(2), day).unwrap()),
            1 | 5 => drop(records.load_opt_outs(numbers, day).unwrap()),
            2 => {}
            _ => drop(records.load_opt_outs([], day).unwrap()),
        }
    }
    let query = private();
    let release = fed.released(&query, wire::Level::England, "").await;
    // Who must leave people out and does not know whom says so, and is not in the sum.
    let part = release.manifest().councils.iter().find(|council| council.code == codes[2]).unwrap();
    assert_eq!((part.outcome.state, part.outcome.code.as_str()), (State::Refused, "NO_DATA"), "{:?}", part.outcome);
    let layout = Layout::of(&query).unwrap();
    let mut expected = vec![0; layout.len()];
    for code in codes.iter().filter(|code| **code != codes[2]) {
        let node = &fed.nodes[code].answerer;
        let options = local::options(&query, query.data().as_of.unwrap());
        let histories = match *code == codes[5] {
            true => assemble::assemble(&node.records, &options).unwrap().histories,
            false => assemble::assemble(&node.records.opted_in().unwrap().unwrap(), &options).unwrap().histories,
        };
        let bounding = Bounding::Private { bound: query.bound(), key: &node.bounding_key };
        let (layout, counts) = tabulate::tabulate(&histories, &query, bounding).unwrap();
        let own = counts.for_own_eyes(&layout);
        let whole = fed.truth(&query, &BTreeSet::from([*code]), true);
        let left_out = |figure: usize| whole[figure] - own[figure];
        let total = (0..layout.len()).map(left_out).sum::<i64>();
        assert_eq!(total > 0, *code == codes[0] || *code == codes[1], "{code}: {total}");
        expected.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    assert_eq!(counts(&release, "E92000001"), as_shown(&expected));
    let mut others = all;
    others.remove(&codes[2]);
    assert_ne!(expected, fed.truth(&query, &others, true));
}
