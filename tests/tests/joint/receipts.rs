//! An auditor reads what councils' own logs say of what left them, also of a council that is not there any more.

use folkmoot_coordinator::links::{Host, Invitation, Links};
use folkmoot_coordinator::receipts::{self, Keeper};
use folkmoot_coordinator::run::routes;
use folkmoot_coordinator::service::{ByTls, Countersigner, Service};
use folkmoot_proto::reason::{Reason, Refusal};
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
