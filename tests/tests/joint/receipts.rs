//! An auditor reads what councils' own logs say of what left them, also of a council that is not there any more.

use folkmoot_coordinator::links::{Host, Invitation, Links};
use folkmoot_coordinator::receipts::{self, Keeper};
use folkmoot_coordinator::run::routes;
use folkmoot_coordinator::service::{ByTls, Countersigner, Service};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::receipt::{MOST, Page, signable};
use folkmoot_proto::wire::v1::coordinator_client::CoordinatorClient;

use super::*;

struct Door;

#[tonic::async_trait]
impl Host for Door {
    async fn invite(&self, _: CouncilCode) -> Result<Invitation, Refusal> {
        Ok(Invitation::default())
    }
    async fn meet(&self, _: CouncilCode, _: &wire::WelcomeReply) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Scene {
    /// The coordinator's service as somebody reaches it.
    async fn calls(&self, who: &str, keeper: &Arc<Keeper>, tls: &Arc<Reloadable>) -> CoordinatorClient<Channel> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let service = Service {
            jobs: self.jobs.clone(),
            store: self.store.clone(),
            links: Links::new("main", Arc::new(Door), Arc::clone(&clock)),
            believe: Arc::new(ByTls { tls: Arc::clone(tls), clock: Arc::clone(&clock) }),
            clock,
            countersigner: Countersigner { key: self.coordinator.0.clone(), chain: self.coordinator.1.clone() },
            receipts: Some(Arc::clone(keeper)),
            rounds: self.folder.path().join("rounds"),
            members: None,
        };
        let (routes, caller) = (routes(service).await.unwrap().prepare(), who.parse::<Identity>().unwrap());
        let service = tower::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            let mut routes = routes.clone();
            request.extensions_mut().insert(caller.clone());
            async move { tower::Service::call(&mut routes, request).await }
        });
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(link::serve(theirs, service, (), CancellationToken::new()));
        CoordinatorClient::new(link::channel(ours).await.unwrap().channel())
    }
}

/// All pages of a council, as an auditor's program reads them.
async fn pages(
    client: &mut CoordinatorClient<Channel>,
    council: CouncilCode,
) -> Result<Vec<wire::ReceiptsReply>, Refusal> {
    let (mut from, mut all) = (1, Vec::new());
    loop {
        let request = wire::CouncilReceiptsRequest { council: council.to_string(), from };
        let reply = client.receipts(request).await;
        let reply = reply.map_err(|status| Refusal::from_status(&status).unwrap())?.into_inner();
        let page: folkmoot_proto::receipt::Page = serde_json::from_slice(&reply.statement).unwrap();
        let next = page.next.unwrap_or(reply.kept_next);
        all.push(reply);
        if next <= from {
            return Ok(all);
        }
        from = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_reads_what_left_a_council_that_is_gone_and_nobody_else_does() {
    let codes = six();
    let fed = Scene::new(&codes, true, &|_| policy("")).await;
    let me = codes[0];
    let tls = Arc::clone(&fed.nodes[&me].answerer.tls);
    let clock: Arc<dyn Clock> = Arc::new(fed.clock.clone());
    let councils: Arc<dyn Councils> = Arc::<Hall>::clone(&fed.hall);
    let keeper = Arc::new(Keeper::new(councils, fed.store.clone(), Arc::clone(&tls), clock));
    fed.jobs.take_receipts(Arc::clone(&keeper));
    let mut auditor = fed.calls("folkmoot://england/auditor/ann", &keeper, &tls).await;
    let mut taken = keeper.watch();
    for times in 1..=2 {
        assert_eq!(fed.ask(&private(), wire::Level::England, "").await.state, JobState::Released);
        taken.wait_for(|count| *count == times).await.unwrap();
    }

    // There, the council itself answers; gone, its pages are as it signed them.
    let live = pages(&mut auditor, me).await.unwrap();
    fed.hall.channels.lock().unwrap().remove(&me);
    let kept = pages(&mut auditor, me).await.unwrap();
    assert_eq!((live.len(), kept.len()), (1, 2), "one page after each job");
    let now = fed.clock.now();
    let trust = &fed.believed.trust;
    let receipts = |pages: &[wire::ReceiptsReply]| {
        let read = pages.iter().map(|reply| receipts::checked(reply, me, trust, now).unwrap().receipts);
        read.flatten().collect::<Vec<_>>()
    };
    assert_eq!(receipts(&kept), receipts(&live));
    let what: Vec<_> = receipts(&kept).into_iter().map(|receipt| (receipt.what, receipt.charge_nano)).collect();
    let each = [("masked".to_owned(), PRICE), ("unmasked".to_owned(), 0)];
    assert_eq!(what, [each.clone(), each].concat());

    // What the coordinator changes on the way does not hold, and another council's is not taken for this one's.
    let mut forged = kept[0].clone();
    let text = String::from_utf8(forged.statement.clone()).unwrap();
    forged.statement = text.replace("\"charge_nano\":5000000", "\"charge_nano\":4000000").into_bytes();
    assert_ne!(forged.statement, kept[0].statement);
    assert!(receipts::checked(&forged, me, trust, now).unwrap_err().to_string().contains("not what it signed"));
    assert!(receipts::checked(&kept[0], codes[1], trust, now).unwrap_err().to_string().contains("signed by"));

    // Analysts see none, here or there.
    let mut analyst = fed.calls(ANALYST, &keeper, &tls).await;
    assert_eq!(pages(&mut analyst, me).await.unwrap_err().reason(), Reason::NotAllowed);
    assert_eq!(pages(&mut analyst, codes[1]).await.unwrap_err().reason(), Reason::NotAllowed);
    // A council of which nothing is kept says so.
    let never = CouncilCode::parse("999").ok().filter(|code| !codes.contains(code));
    if let Some(never) = never {
        assert_eq!(pages(&mut auditor, never).await.unwrap_err().reason(), Reason::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_council_that_signs_more_than_a_log_can_say_is_not_believed() {
    use ed25519_dalek::Signer as _;

    let codes = six();
    let fed = Scene::new(&codes, true, &|_| policy("")).await;
    assert_eq!(fed.ask(&private(), wire::Level::England, "").await.state, JobState::Released);
    let (me, now) = (codes[0], fed.clock.now());
    let node = &fed.nodes[&me].answerer;
    let honest = node.receipts(1, MOST).unwrap();
    let key = enrol::read_signing_key(&node.signing.key).unwrap();
    let check = |change: &dyn Fn(&mut Page)| {
        let mut page: Page = serde_json::from_slice(&honest.statement).unwrap();
        change(&mut page);
        let statement = serde_json::to_vec(&page).unwrap();
        let signature = key.sign(&signable(&statement)).to_vec();
        let reply = wire::ReceiptsReply { statement, signature, ..honest.clone() };
        receipts::checked(&reply, me, &fed.believed.trust, now).map_err(|error| format!("{error:#}"))
    };
    let page = check(&|_| {}).unwrap();
    assert_eq!(page.receipts.len(), 2, "what it masked and unmasked");
    let refused = |why: &str, change: &dyn Fn(&mut Page)| {
        let told = check(change).unwrap_err();
        assert!(told.contains(why), "{why:?} is not in {told:?}");
    };
    let many = |page: &mut Page, count: u64| {
        let one = page.receipts[0].clone();
        page.receipts = (1..=count).map(|entry| folkmoot_proto::receipt::Receipt { entry, ..one.clone() }).collect();
        page.entries = count;
    };
    check(&|page| many(page, u64::from(MOST))).unwrap();
    refused("200 are the most", &|page| many(page, u64::from(MOST) + 1));
    refused("bytes", &|page| page.receipts[0].question = "x".repeat(513 << 10));
    refused("not believed", &|page| page.entries = (1 << 40) + 1);
    refused("not believed", &|page| (page.from, page.entries) = (u64::MAX, 9));
    refused("there is none", &|page| page.next = Some(page.entries + 1));
    refused("there is none", &|page| page.next = Some(page.from));
    refused("is not where", &|page| page.receipts[0].entry = 0);
    refused("is not where", &|page| page.receipts[1].entry = page.entries + 1);
    refused("is not where", &|page| page.receipts[1].entry = page.receipts[0].entry);
    refused("is not where", &|page| page.next = Some(page.receipts[1].entry));
}
