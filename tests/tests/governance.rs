//! A council's node with real certificates: what `doctor` says of every hop that fails, and receipts that hold.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use folkmoot_certs::authority::{Authority, Order};
use folkmoot_certs::inventory::Reason;
use folkmoot_coordinator::links::{Host, Invitation, Links};
use folkmoot_coordinator::server::Server;
use folkmoot_node::cli::Session;
use folkmoot_node::doctor::{self, HOPS, Hop, Outcome};
use folkmoot_node::home::Home;
use folkmoot_node::people::{SignedReceipt, Unbelieved};
use folkmoot_proto::identity::{Federation, Identity, Kind};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::Refusal;
use folkmoot_proto::wire::v1;
use folkmoot_runtime::clock::{Clock, MockClock, SystemClock};
use folkmoot_runtime::enrol;
use folkmoot_runtime::tls::{Admit, Files, Reloadable, Trust};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

fn later(days: i64) -> Arc<dyn Clock> {
    let seconds = clock().now().as_second() + days * 86_400;
    Arc::new(MockClock::at(jiff::Timestamp::from_second(seconds).unwrap()))
}

/// A federation with one council's node, enrolled, and linked to nobody.
struct Council {
    folder: TempDir,
    authority: Authority,
    home: Home,
}

fn command(home: &Home, words: &[&str]) -> ExitCode {
    let folder = home.folder().to_str().unwrap();
    let before = ["folkmoot-node", "--home", folder];
    let words = before.iter().chain(words);
    folkmoot_node::cli::run(words.map(std::ffi::OsString::from))
}

fn does(home: &Home, words: &[&str]) {
    assert_eq!(format!("{:?}", command(home, words)), format!("{:?}", ExitCode::SUCCESS), "{words:?}");
}

impl Council {
    fn new(coordinator: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let federation = Federation::parse("test").unwrap();
        let authority = Authority::init(&folder.path().join("ca"), None, &federation, clock().now()).unwrap();
        let home = Home::at(folder.path().join("node"));
        does(&home, &["init", "--council", "503", "--federation", "test", "--coordinator", coordinator]);
        does(&home, &["enrol"]);
        let mut council = Self { folder, authority, home };
        council.install("folkmoot://test/council/503");
        council
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the node's requests answered and the answer installed, as an operator does.
    fn install(&mut self, identity: &str) {
        let identity: Identity = identity.parse().unwrap();
        let answer = self.file("answer");
        std::fs::create_dir_all(&answer).unwrap();
        for kind in ["tls", "signing"] {
            let request = std::fs::read_to_string(self.home.keys().join(format!("{kind}.csr"))).unwrap();
            let issued = self.authority.issue(&request, &Order::new(identity.clone()), clock().now()).unwrap();
            std::fs::write(answer.join(format!("{kind}.pem")), issued.chain_pem).unwrap();
        }
        let public = self.authority.layout().public("roots.pem").parent().unwrap().to_owned();
        does(&self.home, &["enrol", "--answer", answer.to_str().unwrap(), "--public", public.to_str().unwrap()]);
    }

    /// Keys and certificate of somebody else in the federation.
    fn other(&mut self, identity: &str) -> Arc<Reloadable> {
        let identity: Identity = identity.parse().unwrap();
        let (key, request, chain) = (self.file("other.key"), self.file("other.csr"), self.file("other.pem"));
        for path in [&key, &request] {
            let _ = std::fs::remove_file(path);
        }
        enrol::make_request(&identity, Kind::Tls, &key, &request).unwrap();
        let request = std::fs::read_to_string(request).unwrap();
        let issued = self.authority.issue(&request, &Order::new(identity), clock().now()).unwrap();
        std::fs::write(&chain, issued.chain_pem).unwrap();
        let layout = self.authority.layout();
        let files = Files { chain, key, roots: layout.public("roots.pem"), crl: layout.public("crl.pem") };
        Arc::new(Reloadable::open(files, clock()).unwrap())
    }

    fn dials(&self, coordinator: &str) {
        let text = std::fs::read_to_string(self.home.settings()).unwrap();
        let lines = text.lines().map(|line| match line.strip_prefix("coordinator = ") {
            Some(_) => format!("coordinator = \"{coordinator}\""),
            None => line.to_owned(),
        });
        std::fs::write(self.home.settings(), lines.collect::<Vec<_>>().join("\n")).unwrap();
    }

    fn trust(&self) -> Trust {
        let read = |name: &str| std::fs::read(self.authority.layout().public(name)).unwrap();
        let roots: Vec<_> = CertificateDer::pem_slice_iter(&read("roots.pem")).map(Result::unwrap).collect();
        let lists: Vec<_> =
            CertificateRevocationListDer::pem_slice_iter(&read("crl.pem")).map(Result::unwrap).collect();
        Trust::new(Federation::parse("test").unwrap(), &roots, &lists).unwrap()
    }
}

/// Examines a node; the hop that failed, with the rest checked: all before it are fine, none after it was tried.
async fn failing(home: &Home, clock: Arc<dyn Clock>) -> Hop {
    let hops = examined(home, clock, None).await;
    let place = hops.iter().position(|hop| hop.outcome == Outcome::Failed).unwrap_or_else(|| panic!("{hops:?}"));
    for (at, hop) in hops.iter().enumerate() {
        let expected = match at.cmp(&place) {
            std::cmp::Ordering::Less => Outcome::Ok,
            std::cmp::Ordering::Equal => Outcome::Failed,
            std::cmp::Ordering::Greater => Outcome::NotTried,
        };
        assert_eq!(hop.outcome, expected, "{hops:?}");
        assert_eq!(hop.name, HOPS[at]);
    }
    assert!(hops[place].fix.is_some(), "{hops:?}");
    hops[place].clone()
}

async fn examined(home: &Home, clock: Arc<dyn Clock>, standing: Option<Result<String, String>>) -> Vec<Hop> {
    let policy = || {
        let session = Session::open(home).map_err(|error| error.to_string())?;
        session.policy().map(|_| "read".to_owned()).map_err(|error| format!("{error:#}"))
    };
    doctor::examine(home, clock, &policy, &|| standing.clone(), |_| {}).await
}

fn says(hop: &Hop, name: &str, detail: &str, fix: &str) {
    assert_eq!(hop.name, name, "{hop:?}");
    assert!(hop.detail.contains(detail), "{detail:?} is not in {hop:?}");
    assert!(hop.fix.as_deref().unwrap_or_default().contains(fix), "{fix:?} is not in {hop:?}");
}

#[tokio::test]
async fn doctor_names_the_certificate_or_list_that_does_not_hold() {
    let mut council = Council::new("127.0.0.1:9");
    // A year and more later certificate and lists have both ended: the certificate is named, it is the first.
    says(&failing(&council.home, later(800)).await, "certificates", "certificate ended", "enrol");
    let hop = failing(&council.home, later(100)).await;
    says(&hop, "revocation lists", "with an old list nobody is believed", "fetch the newest list");
    let hop = failing(&council.home, later(-30)).await;
    says(&hop, "certificates", "is valid from", "set the clock right");
    // Revoked, and the node has the list that says so.
    let identity: Identity = "folkmoot://test/council/503".parse().unwrap();
    council.authority.revoke_identity(&identity, None, Reason::KeyCompromise, clock().now()).unwrap();
    std::fs::copy(council.authority.layout().public("crl.pem"), council.home.revoked()).unwrap();
    says(&failing(&council.home, clock()).await, "certificates", "revoked", "enrol");
    std::fs::remove_file(council.home.tls_chain()).unwrap();
    says(&failing(&council.home, clock()).await, "certificates", "tls.pem", "enrol --answer");
}

#[tokio::test]
async fn doctor_names_a_clock_that_is_behind_the_ledger() {
    let council = Council::new("127.0.0.1:9");
    let seconds = clock().now().as_second() - 300;
    let behind = Arc::new(MockClock::at(jiff::Timestamp::from_second(seconds).unwrap()));
    let hop = failing(&council.home, behind).await;
    says(&hop, "clock", "before the ledger's last entry", "NTP");
}

#[tokio::test]
async fn doctor_names_a_name_that_leads_nowhere_and_a_port_that_nobody_answers() {
    let council = Council::new("nowhere.invalid:8443");
    says(&failing(&council.home, clock()).await, "name", "nowhere.invalid", "DNS");
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    council.dials(&gone.local_addr().unwrap().to_string());
    drop(gone);
    says(&failing(&council.home, clock()).await, "network", "127.0.0.1", "firewall");
}

#[tokio::test]
async fn doctor_names_whatever_ends_tls_in_between() {
    let council = Council::new("127.0.0.1:9");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    council.dials(&listener.local_addr().unwrap().to_string());
    let proxy = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    says(&failing(&council.home, clock()).await, "TLS", "TLS", "nothing in between may end TLS");
    proxy.await.unwrap();
}

struct Hall;

#[tonic::async_trait]
impl Host for Hall {
    async fn invite(&self, _: CouncilCode) -> Result<Invitation, Refusal> {
        Ok(Invitation::default())
    }

    async fn meet(&self, _: CouncilCode, _: &v1::WelcomeReply) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A coordinator's door; its address, and what stops it.
async fn coordinator(tls: Arc<Reloadable>) -> (String, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let links = Links::new("main", Arc::new(Hall), clock());
    let stop = CancellationToken::new();
    let server = Server { listener, tls, admit: Admit::default(), routes: Routes::default(), links, clock: clock() };
    tokio::spawn(server.run(stop.clone()));
    (address, stop)
}

#[tokio::test]
async fn doctor_goes_through_to_the_welcome_and_tells_what_the_running_node_says() {
    let mut council = Council::new("127.0.0.1:9");
    let (address, stop) = coordinator(council.other("folkmoot://test/coordinator/main")).await;
    council.dials(&address);
    let hops = examined(&council.home, clock(), None).await;
    assert!(hops.iter().all(|hop| hop.outcome == Outcome::Ok), "{hops:?}");
    let welcome = hops.last().unwrap();
    says(welcome, "welcome", "no node runs here", "`run` starts the node");
    let trouble = Some(Err("the running node is not linked: refused, another one is".to_owned()));
    let hops = examined(&council.home, clock(), trouble).await;
    let welcome = hops.last().unwrap();
    assert_eq!(welcome.outcome, Outcome::Failed);
    says(welcome, "welcome", "another one is", "names what to mend");
    let linked = Some(Ok("the running node is linked with main".to_owned()));
    assert!(examined(&council.home, clock(), linked).await.iter().all(|hop| hop.outcome == Outcome::Ok));
    stop.cancel();
}

#[tokio::test]
async fn doctor_says_which_end_refused_the_other() {
    let mut council = Council::new("127.0.0.1:9");
    // Somebody who is no coordinator, with a certificate of the same federation.
    let (address, stop) = coordinator(council.other("folkmoot://test/operator/ops")).await;
    council.dials(&address);
    let hop = failing(&council.home, clock()).await;
    assert_eq!(hop.name, "TLS", "{hop:?}");
    stop.cancel();
    // The coordinator knows of a revocation that has not reached this node.
    let identity: Identity = "folkmoot://test/council/503".parse().unwrap();
    council.authority.revoke_identity(&identity, None, Reason::KeyCompromise, clock().now()).unwrap();
    let (address, stop) = coordinator(council.other("folkmoot://test/coordinator/main")).await;
    council.dials(&address);
    says(&failing(&council.home, clock()).await, "TLS", "revoked", "do as the reason says");
    stop.cancel();
}

/// Once the other end is known to wait, nothing but time can happen: the clock of the test then runs through its deadline.
#[tokio::test]
async fn doctor_names_an_end_that_accepts_and_never_speaks() {
    use tokio::io::AsyncReadExt as _;
    let mut council = Council::new("127.0.0.1:9");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    council.dials(&listener.local_addr().unwrap().to_string());

    // It takes the connection, and does not even begin with TLS.
    let mute = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        tokio::time::pause();
        (listener, stream)
    });
    let hop = failing(&council.home, clock()).await;
    says(&hop, "TLS", "no answer within 10 s", "nothing in between may end TLS");
    tokio::time::resume();
    let (listener, _) = mute.await.unwrap();

    // It proves to be the coordinator, and says nothing more: no first word, no refusal.
    let tls = council.other("folkmoot://test/coordinator/main");
    let silent = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let accepted = folkmoot_runtime::tls::accept(&tls.current(), &Admit::default(), stream).await.unwrap();
        tokio::time::pause();
        accepted
    });
    let hop = failing(&council.home, clock()).await;
    says(&hop, "welcome", "accepts the connection and says nothing", "the port for councils");
    tokio::time::resume();
    drop(silent.await.unwrap());
}

fn receipt(path: &Path) -> SignedReceipt {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn receipts_hold_under_the_federation_s_roots_and_only_unchanged() {
    let council = Council::new("127.0.0.1:9");
    let list = council.file("list.csv");
    std::fs::write(&list, "9990000042\n").unwrap();
    let place = |name: &str| council.file(name).to_str().unwrap().to_owned();
    let (erased, restricted, loaded) = (place("erased.json"), place("restricted.json"), place("loaded.json"));
    let home = &council.home;
    does(home, &["person", "erase", "--nhs", "9990000018", "--receipt", &erased, "--reference", "ER-1", "--by", "Jo"]);
    does(home, &["person", "restrict", "--nhs", "9990000026", "--receipt", &restricted, "--by", "Jo"]);
    does(home, &["optout", "load", list.to_str().unwrap(), "--receipt", &loaded, "--by", "Jo"]);
    let trust = council.trust();
    for (path, done) in [(&erased, "erased"), (&restricted, "restricted"), (&loaded, "opt-out list loaded")] {
        let signed = receipt(Path::new(path));
        assert_eq!(signed.receipt.done, done);
        assert_eq!(signed.check(&trust).unwrap().to_string(), "folkmoot://test/council/503");
        does(home, &["person", "receipt", path]);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!["9990000018", "9990000026", "9990000042"].iter().any(|number| text.contains(number)), "{text}");
    }
    let mut changed = receipt(Path::new(&erased));
    changed.receipt.reference = Some("ER-2".to_owned());
    assert!(matches!(changed.check(&trust), Err(Unbelieved::Changed)));
    let forged = council.file("forged.json");
    std::fs::write(&forged, serde_json::to_vec(&changed).unwrap()).unwrap();
    assert_ne!(
        format!("{:?}", command(home, &["person", "receipt", forged.to_str().unwrap()])),
        format!("{:?}", ExitCode::SUCCESS)
    );
    let mut other = receipt(Path::new(&erased));
    other.receipt.council = "504".parse().unwrap();
    assert!(matches!(other.check(&trust), Err(Unbelieved::OtherCouncil { .. })));
    let mut unsigned = receipt(Path::new(&erased));
    unsigned.signature = None;
    assert!(matches!(unsigned.check(&trust), Err(Unbelieved::Unsigned)));
    // Another federation's roots do not lead to it.
    let elsewhere = Council::new("127.0.0.1:9");
    assert!(matches!(receipt(Path::new(&erased)).check(&elsewhere.trust()), Err(Unbelieved::Certificate(_))));
    // The receipt carries the certificate of its day: the node may have another one by then, or none.
    std::fs::remove_file(home.signing_chain()).unwrap();
    does(home, &["person", "receipt", &erased]);
}

#[tokio::test]
async fn a_page_of_receipts_is_the_council_s_own_and_says_how_far_its_log_went() {
    use folkmoot_proto::receipt::{self, Page};
    let council = Council::new("127.0.0.1:9");
    let out = council.file("receipts.json");
    does(&council.home, &["audit", "receipts", "--out", out.to_str().unwrap()]);
    let pages: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let bytes = |value: &serde_json::Value| -> Vec<u8> {
        let hex = value.as_str().unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let reply = v1::ReceiptsReply {
        statement: pages[0]["statement"].as_str().unwrap().as_bytes().to_vec(),
        signature: bytes(&pages[0]["signature"]),
        chain: pages[0]["chain"].as_array().unwrap().iter().map(bytes).collect(),
        kept_next: 0,
    };
    let chain: Vec<CertificateDer<'_>> = reply.chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let roles = [folkmoot_proto::identity::Role::Council];
    let signer = council.trust().verify_signer(&chain, &roles, clock().now()).unwrap();
    assert_eq!(signer.identity.to_string(), "folkmoot://test/council/503");
    assert!(receipt::holds(&reply, &signer.public_key));
    let page: Page = serde_json::from_slice(&reply.statement).unwrap();
    let head = Session::open(&council.home).unwrap().ledger().head().unwrap();
    assert_eq!((page.council.as_str(), page.entries, page.next), ("503", head.entries, None));
    assert!(page.receipts.is_empty(), "nothing has left");
}
