//! The service as each role meets it: real jobs and store, councils in memory, identities as the connection gives them.

use std::time::Duration;

use super::*;
use crate::collect::Councils;
use crate::job::tests::{Fakes, Manner};
use crate::links::{Host, Invitation};
use crate::release::tests::analyst;
use crate::testing;
use folkmoot_proto::ids::QueryId;
use folkmoot_proto::question::Question;
use folkmoot_runtime::clock::MockClock;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;

struct NoHost;

#[tonic::async_trait]
impl Host for NoHost {
    async fn invite(&self, _: CouncilCode) -> Result<Invitation, Refusal> {
        Ok(Invitation::default())
    }
    async fn meet(&self, _: CouncilCode, _: &wire::WelcomeReply) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Takes the first certificate's bytes as the identity's text, and one key for everybody.
struct ByText;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

impl Believe for ByText {
    fn analyst(&self, chain: &[Vec<u8>]) -> Result<Signer, String> {
        let text = chain.first().and_then(|der| String::from_utf8(der.clone()).ok()).ok_or("no chain")?;
        let identity = Identity::parse(&text).map_err(|error| error.to_string())?;
        Ok(Signer { identity, public_key: key().verifying_key().to_bytes(), fingerprint: [0; 32] })
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    clock: MockClock,
    councils: Arc<Fakes>,
    service: Service,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("c.db")).unwrap();
        let clock = MockClock::at("2025-07-01T09:00:00Z".parse().unwrap());
        let councils = Fakes::none();
        for code in ["104", "106", "503"] {
            councils.link(code, Manner::Answers).await;
        }
        let links: Arc<dyn Councils> = Arc::<Fakes>::clone(&councils);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let jobs =
            Jobs::new(store.clone(), links, Arc::clone(&shared), Default::default(), None, CancellationToken::new());
        let service = Service {
            jobs,
            store,
            links: Links::new("test", Arc::new(NoHost), Arc::clone(&shared)),
            clock: shared,
            believe: Arc::new(ByText),
            countersigner: Countersigner { key: SigningKey::from_bytes(&[4; 32]), chain: vec![vec![1]] },
            receipts: None,
            rounds: folder.path().join("rounds"),
            members: None,
        };
        Self { _folder: folder, clock, councils, service }
    }

    fn plan(&self, councils: &[&str], level: wire::Level) -> wire::PlanRequest {
        let (query, _) = testing::suppressed("2E");
        wire::PlanRequest {
            query: Some((&query).into()),
            level: level.into(),
            councils: councils.iter().map(|&code| code.to_owned()).collect(),
            ..Default::default()
        }
    }

    fn request(&self, who: &str, number: u8, plan: wire::PlanRequest) -> wire::AskRequest {
        let query = plan.query.clone().unwrap().try_into().unwrap();
        let expires = self.clock.now().as_second() + 3600;
        let asker = if who.starts_with("analyst") { analyst(who) } else { analyst("analyst/national/a") };
        let question =
            Question::new(query, QueryId::from_bytes([number; 16]), asker, "test", "6(1)(e)", expires).unwrap();
        let signature = question.sign(&key());
        let chain = vec![question.analyst().to_string().into_bytes()];
        let signed = SignedQuestion { question, analyst: Signed { signature, chain }, coordinator: Signed::default() };
        wire::AskRequest { plan: Some(plan), signed: Some((&signed).into()), ..Default::default() }
    }

    /// Asks and follows; the last progress.
    async fn ask(&self, who: &str, number: u8, plan: wire::PlanRequest) -> Result<wire::Progress, Status> {
        let request = self.request(who, number, plan);
        let mut stream = self.service.ask(from(who, request)).await?.into_inner();
        let mut last = None;
        while let Some(progress) = stream.next().await {
            last = Some(progress?);
        }
        Ok(last.unwrap())
    }

    async fn show(&self, who: &str, release: &str) -> Result<String, Status> {
        let request = wire::ShowRequest { release: release.to_owned() };
        gather(self.service.show(from(who, request)).await?).await
    }

    /// The record of a round in pieces: the file's name and all bytes.
    async fn record(&self, who: &str, release: &str) -> Result<(String, Vec<u8>), Status> {
        let request = wire::ExportRequest { release: release.to_owned(), format: "round".to_owned() };
        let mut stream = self.service.export(from(who, request)).await?.into_inner();
        let (mut name, mut bytes) = (String::new(), Vec::new());
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            name.push_str(&piece.file_name);
            bytes.extend(piece.data);
        }
        Ok((name, bytes))
    }

    /// A joint release of three councils, stored as a round would leave it.
    async fn joint(&self) -> folkmoot_proto::ids::JobId {
        use crate::release::{Gathered, Place, Release};
        let (query, _) =
            testing::question("2E", None, folkmoot_proto::query::Release::JointSuppressed(Default::default()));
        let plan = crate::release::tests::plan(&query, &["104", "106", "107"], wire::Level::England);
        let total = testing::total(&plan, &[&vec![Some(100); plan.layout().len()]], 0);
        let request = self.request("analyst/national/a", 77, self.plan(&["104", "106", "107"], wire::Level::England));
        let question = SignedQuestion::try_from(request.signed.clone().unwrap()).unwrap();
        let id = self.service.jobs.submit(&plan, &question, request).await.unwrap();
        let place = Place {
            number: 0,
            revision: 0,
            reason: String::new(),
            id: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            created: 5,
        };
        let gathered = Gathered::Round(Box::new(total));
        let make = |place| Release::make(place, &plan, &question.question, &Default::default(), &gathered);
        self.service.store.add_release(id, "series", place, make, |_| wire::Progress::default()).unwrap();
        id
    }

    async fn csv(&self, who: &str, release: &str) -> Result<String, Status> {
        let request = wire::ExportRequest { release: release.to_owned(), format: "csv".to_owned() };
        gather(self.service.export(from(who, request)).await?).await
    }

    async fn listed(&self, who: &str) -> Result<Vec<u64>, Status> {
        let reply = self.service.list_releases(from(who, wire::ListReleasesRequest::default())).await?;
        Ok(reply.into_inner().releases.into_iter().map(|release| release.number).collect())
    }
}

fn from<T>(who: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(analyst(who));
    request
}

async fn gather(response: Response<Stream<wire::Piece>>) -> Result<String, Status> {
    let mut stream = response.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend(piece?.data);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

fn reason(status: &Status) -> Reason {
    Refusal::from_status(status).map(|refusal| refusal.reason()).unwrap_or_else(|| panic!("{status}"))
}

const NATIONAL: &str = "analyst/national/a";
const ICB: &str = "analyst/icb/QHM/b";
const OTHER_ICB: &str = "analyst/icb/QOQ/c";

#[tokio::test(start_paused = true)]
async fn a_national_release_is_cut_for_an_icb_analyst_and_unknown_to_others() {
    let scene = Scene::new().await;
    let last = scene.ask(NATIONAL, 1, scene.plan(&["104", "106", "503"], wire::Level::Council)).await.unwrap();
    assert_eq!((last.state.as_str(), last.answered), ("released", 3));
    let all = scene.csv(NATIONAL, "1").await.unwrap();
    assert!(all.contains("Lincolnshire") && all.contains("England"));
    let own = scene.csv(ICB, "1").await.unwrap();
    assert!(
        own.contains("Northumberland") && own.contains("Gateshead") && own.contains("North East and North Cumbria")
    );
    for hidden in ["Lincolnshire", "England,", "region,", "503"] {
        assert!(!own.contains(hidden), "{hidden}");
    }
    let shown = scene.show(ICB, &last.release).await.unwrap();
    assert!(!shown.contains("\"503\"") && !shown.contains("Lincolnshire"));
    // Another board's analyst finds nothing, in the same words as for what does not exist.
    let (hidden, missing) =
        (scene.csv(OTHER_ICB, "1").await.unwrap_err(), scene.csv(OTHER_ICB, "2").await.unwrap_err());
    assert_eq!(reason(&hidden), Reason::NotFound);
    assert_eq!(hidden.message().replace('1', "2"), missing.message());
    assert_eq!(scene.listed(ICB).await.unwrap(), [1]);
    assert!(scene.listed(OTHER_ICB).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_icb_analyst_asks_for_their_own_board_only() {
    let scene = Scene::new().await;
    let refused = [
        scene.plan(&[], wire::Level::England),
        scene.plan(&[], wire::Level::Region),
        scene.plan(&["503"], wire::Level::Council),
        wire::PlanRequest { board: "QOQ".into(), ..scene.plan(&[], wire::Level::Board) },
    ];
    for (number, plan) in refused.into_iter().enumerate() {
        let planned = scene.service.plan(from(ICB, plan.clone())).await.unwrap_err();
        assert_eq!(reason(&planned), Reason::NotAllowed);
        assert!(planned.message().contains("QHM"), "{planned}");
        let asked = scene.ask(ICB, number as u8 + 1, plan).await.unwrap_err();
        assert_eq!(reason(&asked), Reason::NotAllowed);
    }
    assert_eq!(scene.councils.asked("503") + scene.councils.asked("104"), 0);
    let last = scene.ask(ICB, 9, scene.plan(&[], wire::Level::Council)).await.unwrap();
    assert_eq!((last.state.as_str(), last.answered), ("released", 2));
    assert_eq!(scene.councils.asked("503"), 0);
    let councils =
        scene.service.list_councils(from(ICB, wire::ListCouncilsRequest {})).await.unwrap().into_inner().councils;
    assert!(councils.iter().any(|council| council.code == "104"));
    assert!(councils.iter().all(|council| council.board == "QHM"), "{councils:?}");
}

#[tokio::test(start_paused = true)]
async fn operators_run_things_and_see_no_figures_and_auditors_see_manifests() {
    let scene = Scene::new().await;
    scene.ask(NATIONAL, 1, scene.plan(&["104"], wire::Level::Council)).await.unwrap();
    for who in ["operator/ops", "council/104", "coordinator/main"] {
        assert_eq!(reason(&scene.show(who, "1").await.unwrap_err()), Reason::NotAllowed, "{who}");
        assert_eq!(reason(&scene.csv(who, "1").await.unwrap_err()), Reason::NotAllowed, "{who}");
        assert_eq!(reason(&scene.listed(who).await.unwrap_err()), Reason::NotAllowed, "{who}");
        let plan = scene.plan(&["104"], wire::Level::Council);
        assert_eq!(reason(&scene.ask(who, 2, plan).await.unwrap_err()), Reason::NotAllowed, "{who}");
    }
    let jobs = |who: &'static str| scene.service.list_jobs(from(who, wire::ListJobsRequest {}));
    assert_eq!(jobs("operator/ops").await.unwrap().into_inner().jobs.len(), 1);
    assert_eq!(jobs(NATIONAL).await.unwrap().into_inner().jobs.len(), 1);
    assert!(jobs(ICB).await.unwrap().into_inner().jobs.is_empty());
    assert!(jobs("council/104").await.is_err());
    let job = jobs(NATIONAL).await.unwrap().into_inner().jobs[0].id.clone();
    let watched = scene.service.watch(from(ICB, wire::WatchRequest { job })).await.map(drop).unwrap_err();
    assert_eq!(reason(&watched), Reason::NotFound);
    let audited = scene.show("auditor/x", "1").await.unwrap();
    assert!(audited.contains("\"table_sha256\"") && audited.contains("\"areas\": []"), "{audited}");
    assert_eq!(reason(&scene.csv("auditor/x", "1").await.unwrap_err()), Reason::NotAllowed);
    let withdraw = |who: &'static str, reason: &str| {
        let request = wire::WithdrawRequest { release: "1".into(), reason: reason.into() };
        scene.service.withdraw(from(who, request))
    };
    assert_eq!(reason(&withdraw(ICB, "no").await.unwrap_err()), Reason::NotAllowed);
    assert_eq!(reason(&withdraw("operator/ops", " ").await.unwrap_err()), Reason::InvalidQuestion);
    withdraw("operator/ops", "a council sent the wrong file").await.unwrap();
    assert!(scene.show(NATIONAL, "1").await.unwrap().contains("a council sent the wrong file"));
}

#[tokio::test(start_paused = true)]
async fn a_question_must_be_signed_by_whoever_asks_it_and_in_time() {
    let scene = Scene::new().await;
    let plan = || scene.plan(&["104"], wire::Level::Council);
    let refused = |request: wire::AskRequest| async {
        let status = scene.service.ask(from(NATIONAL, request)).await.map(drop).unwrap_err();
        reason(&status)
    };
    assert_eq!(refused(scene.request("analyst/national/z", 1, plan())).await, Reason::BadSignature);
    let spoilt = |change: fn(&mut wire::SignedQuery)| {
        let mut request = scene.request(NATIONAL, 1, plan());
        change(request.signed.as_mut().unwrap());
        request
    };
    assert_eq!(refused(spoilt(|signed| signed.analyst_signature[0] ^= 1)).await, Reason::BadSignature);
    assert_eq!(refused(spoilt(|signed| signed.purpose.push('x'))).await, Reason::BadSignature);
    assert_eq!(refused(spoilt(|signed| signed.analyst_chain.clear())).await, Reason::BadSignature);
    let other = spoilt(|signed| signed.analyst_chain = vec![b"folkmoot://england/analyst/national/z".to_vec()]);
    assert_eq!(refused(other).await, Reason::BadSignature);
    let another = spoilt(|signed| signed.query.as_mut().unwrap().by = Some(wire::Breakdown::default()));
    assert_eq!(refused(another).await, Reason::InvalidQuestion);
    let open = spoilt(|signed| signed.query.as_mut().unwrap().as_of = None);
    assert_eq!(refused(open).await, Reason::InvalidQuestion);
    assert_eq!(
        refused(wire::AskRequest { signed: None, ..scene.request(NATIONAL, 1, plan()) }).await,
        Reason::InvalidQuestion
    );
    let late = scene.request(NATIONAL, 1, plan());
    scene.clock.advance(Duration::from_secs(3601));
    assert_eq!(refused(late).await, Reason::Expired);
    let nobody = scene.service.list_jobs(Request::new(wire::ListJobsRequest {})).await.unwrap_err();
    assert_eq!(reason(&nobody), Reason::NotAllowed);
    assert_eq!(scene.councils.asked("104"), 0);
}

#[tokio::test(start_paused = true)]
async fn joint_figures_are_refused_where_no_rounds_are_run() {
    let scene = Scene::new().await;
    let (query, _) = testing::suppressed("2E");
    let joint = query.with_release(folkmoot_proto::query::Release::JointSuppressed(Default::default()));
    let plan = wire::PlanRequest { query: Some((&joint).into()), ..scene.plan(&[], wire::Level::Region) };
    let status = scene.service.plan(from(NATIONAL, plan.clone())).await.unwrap_err();
    assert!(reason(&status) == Reason::NotAllowed && status.message().contains("runs no rounds"), "{status}");
    assert!(scene.ask(NATIONAL, 1, plan).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_the_earlier_release_and_charges_nothing() {
    let scene = Scene::new().await;
    let plan = || scene.plan(&["104", "106"], wire::Level::Council);
    let before = scene.service.plan(from(NATIONAL, plan())).await.unwrap().into_inner();
    assert_eq!((before.release.as_str(), before.councils, before.cells), ("", 2, 12));
    let last = scene.ask(NATIONAL, 1, plan()).await.unwrap();
    let after = scene.service.plan(from(NATIONAL, plan())).await.unwrap().into_inner();
    assert_eq!(after.release, last.release);
    assert!(after.notes.iter().any(|note| note.contains("at no charge")));
}

#[tokio::test]
async fn the_record_of_a_round_goes_to_whom_it_may_in_pieces_and_to_nobody_else() {
    let scene = Scene::new().await;
    let job = scene.joint().await;
    let national = "analyst/national/a";
    let missing = scene.record(national, "1").await.unwrap_err();
    assert_eq!(missing.code(), tonic::Code::NotFound);
    assert!(missing.message().contains("no record"), "{}", missing.message());
    // Larger than one piece.
    let content: Vec<u8> = (0..limits::CHUNK as u32 + 77).map(|n| (n % 251) as u8).collect();
    let folder = scene.service.rounds.clone();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(crate::round::Keep::place(&folder, &job), &content).unwrap();
    for who in [national, "auditor/x"] {
        let (name, bytes) = scene.record(who, "1").await.unwrap();
        assert_eq!(name, "release-1-1.round");
        assert!(bytes == content, "{who}: {} bytes", bytes.len());
    }
    // The analyst of a board sees as much of it as if it were not there.
    let hidden = scene.record("analyst/icb/QHM/b", "1").await.unwrap_err();
    let absent = scene.record("analyst/icb/QHM/b", "2").await.unwrap_err();
    assert_eq!((hidden.code(), hidden.message()), (absent.code(), &*absent.message().replace('2', "1")));
    for who in ["operator/ops", "council/104", "coordinator/main"] {
        assert_eq!(scene.record(who, "1").await.unwrap_err().code(), tonic::Code::PermissionDenied, "{who}");
    }
}
