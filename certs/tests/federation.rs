//! What the authority makes, brought before the parties that must take or refuse it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use folkmoot_certs::authority::{Authority, Error, Order};
use folkmoot_certs::folder;
use folkmoot_certs::governance::{self, published_place};
use folkmoot_certs::inventory::Reason;
use folkmoot_certs::request;
use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::{Federation, Identity, Kind, Role};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::registry::VerifiedRegistry;
use folkmoot_runtime::clock::MockClock;
use folkmoot_runtime::enrol::{make_request, repeat_request};
use folkmoot_runtime::tls::{self, Admit, Files, Protocol, Reloadable, Settings, Why, accept, connect, explain};
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncReadExt;

const COUNCIL: &str = "folkmoot://england/council/503";
const COORDINATOR: &str = "folkmoot://england/coordinator/main";
const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Timestamp {
    "2026-06-30T12:00:00Z".parse().unwrap()
}

fn identity(text: &str) -> Identity {
    Identity::parse(text).unwrap()
}

/// A federation in a temporary folder, and a clock that stands at [`start`].
struct Scene {
    place: tempfile::TempDir,
    authority: Authority,
    clock: MockClock,
}

struct Party {
    folder: PathBuf,
    serial: String,
}

impl Scene {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let federation = Federation::parse("england").unwrap();
        let authority = Authority::init(&place.path().join("authority"), None, &federation, start()).unwrap();
        Self { place, authority, clock: MockClock::at(start()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn now(&self) -> Timestamp {
        use folkmoot_runtime::clock::Clock;
        self.clock.now()
    }

    fn public(&self, name: &str) -> PathBuf {
        self.authority.layout().public(name)
    }

    /// Makes key and request in the folder `name`; returns the request.
    fn request(&self, name: &str, who: &str, kind: Kind) -> String {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (key, csr) = (folder.join(format!("{kind}.key")), folder.join(format!("{kind}.csr")));
        make_request(&identity(who), kind, &key, &csr).unwrap();
        std::fs::read_to_string(csr).unwrap()
    }

    /// A party with a certificate of `kind`, whose revocation list is a copy of today's.
    fn party(&mut self, name: &str, who: &str, kind: Kind, order: &Order) -> Party {
        let request = self.request(name, who, kind);
        let now = self.now();
        let issued = self.authority.issue(&request, order, now).unwrap();
        let folder = self.path(name);
        std::fs::write(folder.join(format!("{kind}.pem")), &issued.chain_pem).unwrap();
        std::fs::copy(self.public("crl.pem"), folder.join("crl.pem")).unwrap();
        Party { folder, serial: issued.entry.serial }
    }

    fn usual(&mut self, name: &str, who: &str, kind: Kind) -> Party {
        self.party(name, who, kind, &Order::new(identity(who)))
    }

    fn files(&self, party: &Party) -> Files {
        Files {
            chain: party.folder.join("tls.pem"),
            key: party.folder.join("tls.key"),
            roots: self.public("roots.pem"),
            crl: party.folder.join("crl.pem"),
        }
    }

    fn settings(&self, party: &Party) -> Settings {
        Settings::load(&self.files(party), Arc::new(self.clock.clone())).unwrap()
    }

    fn pinned(&self) -> GovernanceKey {
        std::fs::read_to_string(self.public("governance.pub")).unwrap().parse().unwrap()
    }

    fn published_registry(&self) -> VerifiedRegistry {
        let text = std::fs::read_to_string(self.public("registry.json")).unwrap();
        let signed: folkmoot_proto::registry::SignedRegistry = serde_json::from_str(&text).unwrap();
        signed.verify(&self.pinned(), &Federation::parse("england").unwrap()).unwrap()
    }
}

fn chain(pem: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(pem).unwrap().map(Result::unwrap).collect()
}

/// Lets a coordinator and a council meet; tells what each says in the end.
async fn meet(coordinator: &Settings, council: &Settings) -> (String, String) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let name = ServerName::try_from("moot.example").unwrap();
    let admit = Admit::default();
    let (accepted, connected) = tokio::join!(
        accept(coordinator, &admit, ours),
        connect(council, Protocol::Link, name, &[Role::Coordinator], theirs)
    );
    let inside = accepted.as_ref().map_or_else(|error| explain(error), |ok| ok.identity().to_string());
    if accepted.is_err() {
        drop(accepted);
        let told = match connected {
            Err(error) => explain(&error),
            Ok(mut open) => explain(&open.stream.read_u8().await.unwrap_err()),
        };
        return (inside, told);
    }
    (inside, connected.map_or_else(|error| explain(&error), |ok| ok.identity().to_string()))
}

#[tokio::test]
async fn what_the_authority_issues_connects() {
    let mut scene = Scene::new();
    let coordinator = scene.usual("coordinator", COORDINATOR, Kind::Tls);
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    let met = meet(&scene.settings(&coordinator), &scene.settings(&council)).await;
    assert_eq!(met, (COUNCIL.to_owned(), COORDINATOR.to_owned()));
    scene.settings(&council).check_own().unwrap();
}

#[tokio::test]
async fn the_root_key_is_not_needed_for_daily_work() {
    let mut scene = Scene::new();
    let root = scene.authority.layout().root_folder();
    let away = scene.path("safe");
    std::fs::rename(root, &away).unwrap();
    let coordinator = scene.usual("coordinator", COORDINATOR, Kind::Tls);
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    scene.usual("council", COUNCIL, Kind::Signing);
    let (met, _) = meet(&scene.settings(&coordinator), &scene.settings(&council)).await;
    assert_eq!(met, COUNCIL);
    let now = scene.now();
    scene.authority.revoke(&council.serial, Reason::Left, now).unwrap();
    scene.authority.write_lists(now, 10).unwrap();
    let nowhere = scene.path("nowhere");
    assert!(matches!(
        scene.authority.replace_issuing(&nowhere, false, now),
        Err(Error::KeyAbsent { what: "root", .. })
    ));
    assert_eq!(scene.authority.replace_issuing(&away, false, now).unwrap(), 2);
}

#[tokio::test]
async fn a_revoked_council_is_refused_where_the_new_list_arrives() {
    let mut scene = Scene::new();
    let coordinator = scene.usual("coordinator", COORDINATOR, Kind::Tls);
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    let held = Reloadable::open(scene.files(&coordinator), Arc::new(scene.clock.clone())).unwrap();
    let settings = scene.settings(&council);
    assert_eq!(meet(&held.current(), &settings).await.0, COUNCIL);

    scene.clock.advance(DAY);
    let now = scene.now();
    scene.authority.revoke(&council.serial, Reason::KeyCompromise, now).unwrap();
    assert!(!held.poll().unwrap(), "the list has not arrived");
    std::fs::copy(scene.public("crl.pem"), coordinator.folder.join("crl.pem")).unwrap();
    assert!(held.poll().unwrap());
    let (inside, told) = meet(&held.current(), &settings).await;
    assert!(inside.contains("was revoked on 1 July 2026, 12:00 UTC (its key may be known to others)"), "{inside}");
    assert!(told.contains("was revoked"), "{told}");

    // Its key is burnt too; for a new one there is a new certificate.
    let csr = scene.path("again.csr");
    repeat_request(&identity(COUNCIL), Kind::Tls, &council.folder.join("tls.key"), &csr).unwrap();
    let again = std::fs::read_to_string(csr).unwrap();
    let order = Order::new(identity(COUNCIL));
    assert!(matches!(scene.authority.issue(&again, &order, now), Err(Error::KeyCompromised { .. })));
    scene.usual("council-2", COUNCIL, Kind::Tls);
}

#[tokio::test]
async fn a_certificate_runs_out_and_is_renewed_for_the_same_key() {
    let mut scene = Scene::new();
    let long = Order { days: 800, ..Order::new(identity(COORDINATOR)) };
    let coordinator = scene.party("coordinator", COORDINATOR, Kind::Tls, &long);
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    let held = Reloadable::open(scene.files(&council), Arc::new(scene.clock.clone())).unwrap();
    scene.clock.advance(366 * DAY);
    let now = scene.now();
    scene.authority.write_lists(now, 35).unwrap();
    for party in [&coordinator, &council] {
        std::fs::copy(scene.public("crl.pem"), party.folder.join("crl.pem")).unwrap();
    }
    held.poll().unwrap();
    let (_, told) = meet(&scene.settings(&coordinator), &held.current()).await;
    assert!(told.contains("expired on 30 June 2027"), "{told}");

    let renewed = scene.authority.renew(&council.serial, None, 365, now).unwrap();
    std::fs::write(council.folder.join("tls.pem"), renewed.chain_pem).unwrap();
    assert!(held.poll().unwrap());
    assert_eq!(meet(&scene.settings(&coordinator), &held.current()).await.0, COUNCIL);
    // Still listed under its number, and still revocable.
    scene.authority.revoke(&renewed.entry.serial, Reason::Superseded, now).unwrap();
    assert!(matches!(scene.authority.renew(&renewed.entry.serial, None, 365, now), Err(Error::Gone { .. })));
}

#[test]
fn a_list_that_was_not_renewed_in_time_stops_everybody() {
    let mut scene = Scene::new();
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    let settings = scene.settings(&council);
    scene.clock.advance(34 * DAY);
    settings.check_own().unwrap();
    scene.clock.advance(2 * DAY);
    assert!(matches!(settings.check_own().unwrap_err().why, Why::ListExpired { .. }));
}

#[tokio::test]
async fn after_a_compromise_a_new_issuing_authority_takes_over() {
    let mut scene = Scene::new();
    let coordinator = scene.usual("coordinator", COORDINATOR, Kind::Tls);
    let council = scene.usual("council", COUNCIL, Kind::Tls);
    let root = scene.authority.layout().root_folder();
    scene.clock.advance(DAY);
    let now = scene.now();
    // An orderly change first: both authorities' certificates are good.
    scene.authority.replace_issuing(&root, false, now).unwrap();
    let second = scene.usual("second", "folkmoot://england/council/211", Kind::Tls);
    std::fs::copy(scene.public("crl.pem"), coordinator.folder.join("crl.pem")).unwrap();
    for party in [&council, &second] {
        let (inside, _) = meet(&scene.settings(&coordinator), &scene.settings(party)).await;
        assert!(inside.starts_with("folkmoot://"), "{inside}");
    }
    scene.clock.advance(DAY);
    let now = scene.now();
    scene.authority.replace_issuing(&root, true, now).unwrap();
    let fresh = scene.usual("fresh", "folkmoot://england/coordinator/spare", Kind::Tls);
    let refusal = scene.settings(&fresh).trust().verify(
        scene.settings(&council).chain(),
        tls::Purpose::Client,
        &[Role::Council],
        now,
    );
    assert_eq!(refusal.unwrap_err().why, Why::AuthorityRevoked);
    // A council that has not got the new lists believes nobody of the new authority yet, and says so.
    let (_, told) = meet(&scene.settings(&fresh), &scene.settings(&council)).await;
    assert!(told.contains("there is no revocation list of its issuing authority here"), "{told}");
    // Once it has, it knows about itself.
    std::fs::copy(scene.public("crl.pem"), council.folder.join("crl.pem")).unwrap();
    assert_eq!(scene.settings(&council).check_own().unwrap_err().why, Why::AuthorityRevoked);
}

#[test]
fn the_two_kinds_are_never_interchangeable() {
    let mut scene = Scene::new();
    let order = Order::new(identity(COUNCIL));
    let now = scene.now();
    let signing = scene.usual("council", COUNCIL, Kind::Signing);
    let coordinator = scene.usual("coordinator", COORDINATOR, Kind::Tls);
    let trust = Arc::clone(scene.settings(&coordinator).trust());
    let pem = chain(&signing.folder.join("signing.pem"));
    trust.verify_signer(&pem, &[Role::Council], now).unwrap();
    for purpose in [tls::Purpose::Client, tls::Purpose::Server] {
        let refusal = trust.verify(&pem, purpose, &[Role::Council], now).unwrap_err();
        assert_eq!(refusal.why, Why::WrongKind { found: Some(Kind::Signing), needed: Kind::Tls });
    }
    let tls_party = scene.usual("council", COUNCIL, Kind::Tls);
    let pem = chain(&tls_party.folder.join("tls.pem"));
    assert!(trust.verify_signer(&pem, &[Role::Council], now).is_err());
    assert_eq!(trust.verify(&pem, tls::Purpose::Server, &[Role::Council], now).unwrap_err().why, Why::NotForServers);

    // A key that signs is not certified for TLS as well.
    let csr = scene.path("both.csr");
    let other = identity("folkmoot://england/council/211");
    repeat_request(&identity(COUNCIL), Kind::Tls, &signing.folder.join("signing.key"), &csr).unwrap();
    scene.authority.revoke(&tls_party.serial, Reason::Superseded, now).unwrap();
    let refused = scene.authority.issue(&std::fs::read_to_string(&csr).unwrap(), &order, now).unwrap_err();
    assert!(matches!(refused, Error::KeyTaken { kind: Kind::Signing, .. }), "{refused}");
    // Nor for another council.
    std::fs::remove_file(&csr).unwrap();
    repeat_request(&other, Kind::Signing, &signing.folder.join("signing.key"), &csr).unwrap();
    let pem = std::fs::read_to_string(&csr).unwrap();
    assert!(matches!(scene.authority.issue(&pem, &Order::new(other), now), Err(Error::KeyTaken { .. })));
}

#[test]
fn nothing_is_issued_but_what_was_confirmed() {
    let mut scene = Scene::new();
    let now = scene.now();
    let request = scene.request("council", COUNCIL, Kind::Tls);
    let before = scene.authority.inventory().clone();
    let mut refused = |request: &str, order: Order| scene.authority.issue(request, &order, now).unwrap_err();
    let order = || Order::new(identity(COUNCIL));
    assert!(matches!(
        refused(&request, Order::new(identity("folkmoot://england/council/211"))),
        Error::Unconfirmed { .. }
    ));
    assert!(matches!(refused(&request, Order { days: 0, ..order() }), Error::Profile(_)));
    assert!(matches!(refused(&request, Order { days: 826, ..order() }), Error::Profile(_)));
    assert!(matches!(
        refused(&request, Order { hosts: vec!["moot.example".parse().unwrap()], ..order() }),
        Error::Profile(_)
    ));
    assert!(matches!(refused("not a request", order()), Error::Request(request::Error::Form(_))));
    assert_eq!(scene.authority.inventory(), &before);

    let elsewhere = "folkmoot://scotland/council/503";
    let request = scene.request("elsewhere", elsewhere, Kind::Tls);
    let order = Order::new(identity(elsewhere));
    assert!(matches!(scene.authority.issue(&request, &order, now), Err(Error::OtherFederation { .. })));
}

#[test]
fn one_live_certificate_for_each_party_and_kind() {
    let mut scene = Scene::new();
    let now = scene.now();
    let first = scene.usual("council", COUNCIL, Kind::Tls);
    let request = scene.request("twin", COUNCIL, Kind::Tls);
    let order = Order::new(identity(COUNCIL));
    assert!(matches!(scene.authority.issue(&request, &order, now), Err(Error::Live { .. })));
    // With the holder's knowledge a new key is a renewal.
    let renewed = scene.authority.renew(&first.serial, Some(&request), 365, now).unwrap();
    assert_ne!(renewed.entry.serial, first.serial);
    let signing = scene.request("twin", COUNCIL, Kind::Signing);
    assert!(scene.authority.renew(&first.serial, Some(&signing), 365, now).is_err(), "another kind");
}

#[test]
fn many_are_issued_or_none() {
    let mut scene = Scene::new();
    let now = scene.now();
    let order = Order::new(identity(COUNCIL));
    let (tls, signing) = (scene.request("c", COUNCIL, Kind::Tls), scene.request("c", COUNCIL, Kind::Signing));
    let wrong = Order::new(identity("folkmoot://england/council/211"));
    assert!(scene.authority.issue_all(&[(&tls, &order), (&signing, &wrong)], now).is_err());
    assert!(scene.authority.inventory().certificates.is_empty());
    // Twice the same party within one call is caught as well.
    assert!(matches!(scene.authority.issue_all(&[(&tls, &order), (&tls, &order)], now), Err(Error::Live { .. })));
    assert_eq!(scene.authority.issue_all(&[(&tls, &order), (&signing, &order)], now).unwrap().len(), 2);
    let copies = std::fs::read_dir(scene.authority.layout().folder().join("issued")).unwrap().count();
    assert_eq!(copies, 2);
}

#[test]
fn a_coordinators_certificate_holds_its_hosts_and_serves() {
    let mut scene = Scene::new();
    let hosts = ["moot.example.org", "192.0.2.7", "2001:db8::7"].map(|host| host.parse().unwrap()).to_vec();
    let order = Order { hosts, ..Order::new(identity(COORDINATOR)) };
    let party = scene.party("c", COORDINATOR, Kind::Tls, &order);
    let settings = scene.settings(&party);
    assert!(settings.certificate().for_servers);
    assert_eq!(settings.certificate().hosts, ["moot.example.org", "192.0.2.7", "2001:db8::7"]);
    let now = scene.now();
    let renewed = scene.authority.renew(&party.serial, None, 365, now).unwrap();
    assert_eq!(renewed.entry.hosts.len(), 3, "renewal keeps them");
    for bad in ["", "not a host", "https://x", "a..b", "-"] {
        assert!(bad.parse::<folkmoot_certs::profile::Host>().is_err(), "{bad}");
    }
}

#[test]
fn a_registry_names_the_councils_that_can_sign() {
    let mut scene = Scene::new();
    scene.usual("c", COUNCIL, Kind::Tls);
    scene.usual("c", COUNCIL, Kind::Signing);
    scene.usual("d", "folkmoot://england/council/211", Kind::Signing);
    scene.usual("e", "folkmoot://england/council/212", Kind::Tls);
    scene.usual("a", "folkmoot://england/analyst/national/a", Kind::Signing);
    let now = scene.now();
    let signed = scene.authority.sign_registry(None, None, false, now).unwrap();
    let verified = scene.published_registry();
    assert_eq!((verified.hash(), verified.registry().version()), (&signed.hash, 1));
    let codes: Vec<&str> = verified.registry().members().iter().map(|member| member.council.as_str()).collect();
    assert_eq!(codes, ["211", "503"], "only councils, only signing certificates");

    // Each entry is the council's own key, in force as long as its certificate.
    let council = CouncilCode::parse("503").unwrap();
    let entry = verified.member(council, now).unwrap();
    let key = folkmoot_runtime::enrol::read_signing_key(&scene.path("c").join("signing.key")).unwrap();
    assert_eq!(entry.signing_key, key.verifying_key().to_bytes());
    let place = published_place(council, now).unwrap();
    assert_eq!((&entry.region, &entry.board), (&place.region, &place.board));

    // A revoked one is gone from the next registry, which follows the first.
    scene.authority.revoke_identity(&identity(COUNCIL), Some(Kind::Signing), Reason::Left, now).unwrap();
    scene.authority.sign_registry(None, None, false, now).unwrap();
    let next = scene.published_registry();
    assert!(next.member(council, now).is_err());
    next.follows(1, &signed.hash).unwrap();
    assert!(verified.follows(2, next.hash()).is_err());
}

#[test]
fn a_tls_certificate_never_enters_the_registry() {
    let mut scene = Scene::new();
    let council = CouncilCode::parse("503").unwrap();
    let party = scene.usual("c", COUNCIL, Kind::Tls);
    let now = scene.now();
    let mut entry = scene.authority.inventory().certificates[0].clone();
    // Even if somebody edits the inventory to call it a signing certificate.
    entry.kind = Kind::Signing;
    let place = published_place(council, now).unwrap();
    let refused = governance::member(&scene.authority, &entry, council, place).unwrap_err();
    assert!(matches!(refused, governance::Error::NotForSigning { .. }), "{refused}");

    let inventory = scene.authority.layout().inventory();
    let folder = scene.authority.layout().folder().to_owned();
    let edited = std::fs::read_to_string(&inventory).unwrap().replace("\"tls\"", "\"signing\"");
    std::fs::write(&inventory, edited).unwrap();
    drop(scene.authority);
    let mut authority = Authority::open(&folder).unwrap();
    let refused = authority.sign_registry(None, None, false, now).unwrap_err();
    assert!(refused.to_string().contains("is not a signing certificate"), "{refused}");
    assert!(refused.to_string().contains(&party.serial));
    assert_eq!(authority.inventory().registry_version, 0, "no version was used up");
}

#[test]
fn a_members_file_decides_who_is_in() {
    let mut scene = Scene::new();
    scene.usual("c", COUNCIL, Kind::Signing);
    scene.usual("d", "folkmoot://england/council/211", Kind::Signing);
    let now = scene.now();
    let read = |text: &str| governance::read_places(Path::new("members.csv"), text);
    let places =
        read("\u{feff}council,name,region,icb\n 503 , Here , E12000007,QHM\n999,There,E12000007,QHM\n").unwrap();
    let refused = scene.authority.sign_registry(None, Some(&places), false, now).unwrap_err();
    assert!(refused.to_string().starts_with("council 999 in the members file without"), "{refused}");
    let signed = scene.authority.sign_registry(None, Some(&places), true, now).unwrap();
    assert_eq!((signed.members, signed.missing.len()), (1, 1));
    assert_eq!(scene.published_registry().registry().members()[0].name, "Here");

    for (text, expected) in [
        ("council,name,region\n503,Here,E12000007\n", "line"),
        ("council,name,region,icb\n5,Here,E12000007,QHM\n", "line 2: `5` is not a council code"),
        (
            "council,name,region,icb\n503,A,E12000007,QHM\n503,A,E12000007,QHM\n",
            "line 3: council 503 is in the file twice",
        ),
        ("council,name,region,icb\n503,A,E12000007,?\n", "line 2: `?` is not an ODS code"),
    ] {
        let told = read(text).unwrap_err().to_string();
        assert!(told.contains(expected) && told.starts_with("members.csv"), "{told}");
    }
}

#[test]
fn a_floor_is_signed_and_counted() {
    let mut scene = Scene::new();
    let now = scene.now();
    let path = Path::new("floor.toml");
    let (floor, version) = scene.authority.sign_floor(None, path, "min_cohort = 10\n", now).unwrap();
    assert_eq!(version, 1);
    let federation = Federation::parse("england").unwrap();
    assert_eq!(floor.verify(&scene.pinned(), &federation).unwrap().policy(), "min_cohort = 10\n");
    let refused = scene.authority.sign_floor(None, path, "min_cohort = \n", now).unwrap_err();
    assert!(matches!(refused, governance::Error::Toml { .. }));
    let (_, version) = scene.authority.sign_floor(None, path, "", now).unwrap();
    assert_eq!(version, 2);
    // With the key away nothing is signed, and the reason names the place.
    let key = scene.authority.layout().governance_key();
    let away = scene.path("governance.key");
    std::fs::rename(&key, &away).unwrap();
    let refused = scene.authority.sign_floor(None, path, "", now).unwrap_err().to_string();
    assert!(refused.contains("--governance-key"), "{refused}");
    scene.authority.sign_floor(Some(&away), path, "", now).unwrap();
}

#[test]
fn a_new_governance_key_is_believed_only_where_it_is_pinned() {
    let mut scene = Scene::new();
    scene.usual("c", COUNCIL, Kind::Signing);
    let now = scene.now();
    let before = scene.pinned();
    let fresh = scene.authority.replace_governance().unwrap();
    assert_eq!(scene.pinned(), fresh);
    scene.authority.sign_registry(None, None, false, now).unwrap();
    scene.published_registry();
    let text = std::fs::read_to_string(scene.public("registry.json")).unwrap();
    let signed: folkmoot_proto::registry::SignedRegistry = serde_json::from_str(&text).unwrap();
    assert!(signed.verify(&before, &Federation::parse("england").unwrap()).is_err());
    // The earlier key is kept, and a second replacement works as well.
    scene.authority.replace_governance().unwrap();
    let keys = std::fs::read_dir(scene.authority.layout().governance_key().parent().unwrap()).unwrap().count();
    assert_eq!(keys, 3);
}

#[test]
fn a_federation_is_made_whole_or_not_at_all() {
    let place = tempfile::tempdir().unwrap();
    let federation = Federation::parse("england").unwrap();
    let (folder, root) = (place.path().join("authority"), place.path().join("stick"));
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("other"), "x").unwrap();
    let refused = Authority::init(&folder, Some(&root), &federation, start()).unwrap_err();
    assert!(matches!(refused, Error::File(folder::Error::Exists(_))), "{refused}");
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["stick"], "nothing half made");
    std::fs::remove_file(root.join("other")).unwrap();
    let authority = Authority::init(&folder, Some(&root), &federation, start()).unwrap();
    assert!(root.join("root.key").is_file() && !authority.layout().root_folder().exists());
    drop(authority);
    assert!(Authority::init(&folder, None, &federation, start()).is_err(), "never over another");
}

#[cfg(unix)]
#[test]
fn every_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    fn keys(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                keys(&path, found);
            } else if std::fs::read_to_string(&path).unwrap().contains("PRIVATE KEY") {
                found.push(path);
            }
        }
    }
    let mut scene = Scene::new();
    scene.usual("c", COUNCIL, Kind::Tls);
    scene.usual("c", COUNCIL, Kind::Signing);
    let mut found = Vec::new();
    keys(scene.place.path(), &mut found);
    assert_eq!(found.len(), 5, "root, issuing, governance, TLS, signing");
    for path in found {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    // The authority does not work with a key that others may read.
    let (key, _) = scene.authority.layout().issuing(1);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let request = scene.request("d", "folkmoot://england/council/211", Kind::Tls);
    let order = Order::new(identity("folkmoot://england/council/211"));
    let now = scene.now();
    assert!(matches!(scene.authority.issue(&request, &order, now), Err(Error::Key { what: "issuing", .. })));
}

#[test]
fn one_process_at_a_time() {
    let scene = Scene::new();
    let second = Authority::open(scene.authority.layout().folder());
    assert!(matches!(second, Err(Error::File(folder::Error::Busy(_)))), "{second:?}");
    let stranger = Authority::open(scene.place.path());
    assert!(matches!(stranger, Err(Error::File(folder::Error::NotAnAuthority(_)))), "{stranger:?}");
}

#[test]
fn no_certificate_outlives_its_authority() {
    let mut scene = Scene::new();
    scene.clock.advance(1800 * DAY);
    let now = scene.now();
    let request = scene.request("c", COUNCIL, Kind::Tls);
    let refused = scene.authority.issue(&request, &Order::new(identity(COUNCIL)), now).unwrap_err();
    assert!(refused.to_string().contains("replace-issuing"), "{refused}");
    scene.authority.issue(&request, &Order { days: 20, ..Order::new(identity(COUNCIL)) }, now).unwrap();
}
