//! Councils witness each other's ledgers: a restored one is noticed though the coordinator says nothing.
//!
//! No welcome goes over the links of these scenes, so no node is ever told what the coordinator knows: it might as well
//! lie, or have lost its database.

use folkmoot_certs::authority::Authority;
use folkmoot_node::audit::{Book, Head};
use folkmoot_proto::recovery::Statement;

use super::*;

fn at(nano: &str) -> Query {
    query(Release::JointPrivate(Rho::parse(nano).unwrap()))
}

fn copy(fed: &Scene, code: CouncilCode, name: &str) -> PathBuf {
    let path = fed.folder.path().join(name);
    fed.nodes[&code].answerer.ledger.store().backup(&path).unwrap();
    path
}

fn log(ledger: &Ledger) -> String {
    let mut all = String::new();
    Book::of(ledger)
        .entries(1, |entry| {
            all.push_str(&entry.body);
            Ok(())
        })
        .unwrap();
    all
}

/// Starts a council's node anew with the ledger in this file, as after a restore.
async fn start_with(fed: &mut Scene, code: CouncilCode, file: &Path) {
    let old = Arc::clone(&fed.nodes[&code].answerer);
    let shared: Arc<dyn Clock> = Arc::new(fed.clock.clone());
    let home = fed.folder.path().join(format!("node-{code}"));
    let members =
        Members::open(&home.join("registry.json"), &fed.public.join("governance.pub"), &fed.believed.federation)
            .unwrap();
    let answerer = Arc::new(Answerer {
        council: code,
        records: old.records.clone(),
        ledger: Ledger::open(file, None, code, Arc::clone(&shared)).unwrap(),
        policy: Arc::clone(&old.policy),
        tls: Arc::clone(&old.tls),
        clock: shared,
        noise: Box::new(Silence),
        bounding_key: old.bounding_key,
        signing: old.signing.clone(),
        rounds: Some(Rounds::new(signer(&old.signing.key.with_extension("")).0, members)),
    });
    let answers = Arc::new(AtomicUsize::new(usize::MAX / 2));
    serve(&fed.hall, code, Arc::clone(&answerer), Arc::clone(&answers)).await;
    fed.nodes.insert(code, Node { answerer, answers });
}

fn outcome(release: &Released, code: CouncilCode) -> (State, String) {
    let council = release.manifest().councils.iter().find(|council| council.code == code).unwrap();
    (council.outcome.state, council.outcome.code.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_stop_a_restored_ledger_that_the_coordinator_says_nothing_of() {
    let codes = six();
    let mut fed = Scene::new(&codes, false, &|_| policy("")).await;
    let (code, rest) = (codes[0], codes[1..].iter().copied().collect::<BTreeSet<_>>());
    let older = copy(&fed, code, "older.db");
    fed.released(&at("0.005"), wire::Level::England, "").await;
    assert_eq!(fed.spent(code), (PRICE, 0));
    for code in &codes {
        let kept = fed.nodes[code].answerer.ledger.peer_heads().unwrap();
        assert_eq!(kept.len(), 5, "every council keeps a head of every other");
        assert!(kept.iter().all(|kept| !kept.contested && kept.council != code.as_str()));
    }

    start_with(&mut fed, code, &older).await;
    assert_eq!(fed.spent(code), (0, 0), "the restored ledger has forgotten the charge");
    let release = fed.released(&at("0.006"), wire::Level::England, "").await;
    assert_eq!(outcome(&release, code), (State::Refused, "LEDGER_IN_DOUBT".to_owned()));
    assert_eq!(counts(&release, "E92000001"), as_shown(&fed.truth(&at("0.006"), &rest, true)));
    let round = release.manifest().round.as_ref().unwrap();
    assert_eq!((round.cohort.len(), round.survivors.len()), (6, 5), "it fell out once its peers had spoken");
    let ledger = fed.nodes[&code].answerer.ledger.clone();
    assert_eq!(fed.spent(code), (0, 0), "nothing masked left, so nothing is charged");
    let [forgotten] = ledger.doubts().unwrap().try_into().unwrap();
    assert!(log(&ledger).contains("ledger-in-doubt") && log(&ledger).contains("kept by council"));

    // From then on it joins no round, and says so at the first step.
    let release = fed.released(&at("0.007"), wire::Level::England, "").await;
    assert_eq!(outcome(&release, code), (State::Refused, "LEDGER_IN_DOUBT".to_owned()));
    assert_eq!(release.manifest().round.as_ref().unwrap().survivors.len(), 5);

    // The authority countersigns: what was lost counts as spent, and the peers' older heads are no doubt again.
    let (held, witnessed_entries) = ledger.recovery_needs().unwrap().unwrap();
    assert_eq!(witnessed_entries, forgotten.entries);
    let statement = Statement {
        council: code,
        held_entries: held.entries,
        held_digest: held.digest,
        witnessed_entries,
        assume_spent_nano: PRICE,
        resets_clock: false,
        reason: "the disk failed".into(),
        issued_at: fed.clock.now(),
    };
    let authority = Authority::open(&fed.folder.path().join("ca")).unwrap();
    let signed = authority.sign_recovery(None, statement).unwrap();
    let head: Head = ledger.recover(&signed, &fed.believed.governance, &fed.believed.federation).unwrap();
    assert!(head.entries > forgotten.entries);
    for price in ["0.008", "0.009"] {
        let release = fed.released(&at(price), wire::Level::England, "").await;
        assert_eq!(outcome(&release, code).0, State::Answered, "{:?}", outcome(&release, code));
        assert_eq!(release.manifest().round.as_ref().unwrap().survivors.len(), 6);
    }
    assert_eq!(fed.spent(code), (PRICE + 8_000_000 + 9_000_000, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coordinator_that_lost_its_database_learns_heads_from_the_councils() {
    use folkmoot_coordinator::store::Record;
    let codes = six();
    let fed = Scene::new(&codes, false, &|_| policy("")).await;
    fed.released(&at("0.005"), wire::Level::England, "").await;
    let first: Vec<u64> =
        codes.iter().map(|code| fed.store.witnessed(*code, Record::Ledger).unwrap().unwrap().entries).collect();
    // A head that only the peers could know: of a council that has never shown this coordinator anything as late.
    let code = codes[0];
    let kept = fed.nodes[&codes[1]].answerer.ledger.peer_heads().unwrap();
    let kept = kept.iter().find(|kept| kept.council == code.as_str()).unwrap().head;
    let path = fed.folder.path().join("coordinator.db");
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute("DELETE FROM heads", []).unwrap();
    assert_eq!(fed.store.witnessed(code, Record::Ledger).unwrap(), None);
    // The council itself is not asked this time.
    fed.nodes[&code].answers.store(2, Ordering::SeqCst);
    fed.released(&at("0.006"), wire::Level::England, "").await;
    assert!(fed.store.heads().unwrap().iter().any(|(council, _, head, _)| {
        council == code.as_str() && (head.entries, head.digest.as_slice()) == (kept.entries, kept.digest.as_slice())
    }));
    assert!(first.iter().all(|entries| *entries > 0));
}
