use std::sync::Arc;

use folkmoot_proto::identity::{Kind, Role};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::mint::{Authority, DAY, Leaf, clock, identity, write_files};
use crate::clock::MockClock;
use crate::tls::{Accepted, Admit, Connected, Error, Files, Protocol, Settings, Why, accept, connect, explain};

const COUNCIL: &str = "folkmoot://england/council/503";
const COORDINATOR: &str = "folkmoot://england/coordinator/main";
const ANALYST: &str = "folkmoot://england/analyst/national/a.b";

struct Met {
    accepted: Result<Accepted<DuplexStream>, Error>,
    connected: Result<Connected<DuplexStream>, Error>,
}

fn anywhere() -> ServerName<'static> {
    ServerName::try_from("relay.example").unwrap()
}

/// Lets a coordinator with `server` and a dialling party with `client` meet.
async fn meet(server: &Settings, client: &Settings, protocol: Protocol) -> Met {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let admit = Admit::default();
    let (accepted, connected) =
        tokio::join!(accept(server, &admit, ours), connect(client, protocol, anywhere(), &[Role::Coordinator], theirs));
    Met { accepted, connected }
}

impl Met {
    /// The reason for which the coordinator refused the party that dialled.
    fn refused_by_server(&self) -> &Why {
        match &self.accepted {
            Err(Error::Refused(refusal)) => &refusal.why,
            other => panic!("not refused: {other:?}"),
        }
    }

    fn refused_by_client(&self) -> &Why {
        match &self.connected {
            Err(Error::Refused(refusal)) => &refusal.why,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What the refused party that dialled is told, at the handshake or with its first read.
    async fn told_to_client(self) -> String {
        drop(self.accepted);
        match self.connected {
            Err(error) => explain(&error),
            Ok(mut connected) => explain(&connected.stream.read_u8().await.unwrap_err()),
        }
    }

    fn told_to_server(self) -> String {
        explain(&self.accepted.unwrap_err())
    }
}

struct Scene {
    authority: Authority,
    clock: MockClock,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { authority: Authority::new(), clock: clock(), folder: tempfile::tempdir().unwrap() }
    }

    fn settings(&self, name: &str, leaf: &Leaf) -> Settings {
        self.authority.settings(&self.folder.path().join(name), leaf, &self.clock)
    }

    fn coordinator(&self) -> Settings {
        self.settings("coordinator", &Leaf::of(COORDINATOR))
    }

    fn council(&self) -> Settings {
        self.settings("council", &Leaf::of(COUNCIL))
    }

    fn load(&self, files: &Files) -> Settings {
        Settings::load(files, Arc::new(self.clock.clone())).unwrap()
    }
}

/// A dialling party that checks nothing of its own: what an attacker or a misconfigured program brings.
async fn meet_unchecked(
    server: &Settings,
    files: &Files,
    alpn: &[u8],
) -> (Result<Accepted<DuplexStream>, Error>, String) {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let config = credulous().with_client_auth_cert(chain, key).unwrap();
    meet_config(server, config, alpn).await
}

fn credulous() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
}

async fn meet_config(
    server: &Settings,
    mut config: rustls::ClientConfig,
    alpn: &[u8],
) -> (Result<Accepted<DuplexStream>, Error>, String) {
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let admit = Admit::default();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let (accepted, connected) = tokio::join!(accept(server, &admit, ours), connector.connect(anywhere(), theirs));
    let told = match connected {
        Err(error) => explain(&error),
        Ok(_) if accepted.is_ok() => String::new(),
        Ok(mut stream) => explain(&stream.read_u8().await.unwrap_err()),
    };
    (accepted, told)
}

/// Believes any server: only in tests, so that a bad client certificate can be brought to a good server.
#[derive(Debug)]
struct Credulous;

impl rustls::client::danger::ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn why(accepted: Result<Accepted<DuplexStream>, Error>) -> Why {
    match accepted {
        Err(Error::Refused(refusal)) => refusal.why,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_council_and_its_coordinator_meet_and_know_each_other() {
    let scene = Scene::new();
    let met = meet(&scene.coordinator(), &scene.council(), Protocol::Link).await;
    let (mut accepted, mut connected) = (met.accepted.unwrap(), met.connected.unwrap());
    assert_eq!(accepted.identity(), &identity(COUNCIL));
    assert_eq!(connected.identity(), &identity(COORDINATOR));
    assert_eq!(accepted.protocol, Protocol::Link);
    connected.stream.write_all(b"up").await.unwrap();
    connected.stream.flush().await.unwrap();
    let mut heard = [0; 2];
    accepted.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"up");
    assert_eq!(accepted.stream.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn an_analyst_calls_on_the_same_port() {
    let scene = Scene::new();
    let analyst = scene.settings("analyst", &Leaf::of(ANALYST));
    let met = meet(&scene.coordinator(), &analyst, Protocol::Calls).await;
    let accepted = met.accepted.unwrap();
    assert_eq!((accepted.protocol, accepted.identity()), (Protocol::Calls, &identity(ANALYST)));
}

#[tokio::test]
async fn the_wrong_role_is_refused_in_the_handshake() {
    let scene = Scene::new();
    let analyst = scene.settings("analyst", &Leaf::of(ANALYST));
    let met = meet(&scene.coordinator(), &analyst, Protocol::Link).await;
    assert!(matches!(met.refused_by_server(), Why::WrongRole { found: Role::NationalAnalyst, .. }));
    let said = explain(met.accepted.as_ref().unwrap_err());
    assert!(said.ends_with("is for a national analyst, a council is needed here"), "{said}");
    let told = met.told_to_client().await;
    assert!(told.contains("role has no business on this connection"), "{told}");

    let met = meet(&scene.coordinator(), &scene.council(), Protocol::Calls).await;
    let said = explain(met.accepted.as_ref().unwrap_err());
    assert!(said.contains("a national analyst, an ICB analyst, an operator or an auditor is needed here"), "{said}");
}

#[tokio::test]
async fn a_council_posing_as_coordinator_is_refused_by_the_node() {
    let scene = Scene::new();
    // Even with a certificate that servers may use, which the authority does not give to councils.
    let imposter =
        scene.settings("imposter", &Leaf { server: true, serial: 5, ..Leaf::of("folkmoot://england/council/211") });
    let met = meet(&imposter, &scene.council(), Protocol::Link).await;
    assert!(matches!(met.refused_by_client(), Why::WrongRole { found: Role::Council, .. }));
    let said = explain(met.connected.as_ref().unwrap_err());
    assert!(said.ends_with("is for a council, a coordinator is needed here"), "{said}");
    assert!(met.told_to_server().contains("role has no business"), "the imposter is told");

    let plain = scene.settings("plain", &Leaf::of("folkmoot://england/council/211"));
    let met = meet(&plain, &scene.council(), Protocol::Link).await;
    assert_eq!(met.refused_by_client(), &Why::NotForServers);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_on_both_sides() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let files =
        scene.authority.equip(&scene.folder.path().join("old"), &Leaf { valid: (-30, -2), ..Leaf::of(COUNCIL) });
    // Its own program does not even try.
    let met = meet(&coordinator, &scene.load(&files), Protocol::Link).await;
    match met.connected {
        Err(Error::Own(refusal)) => {
            assert!(refusal.to_string().contains("expired on 30 December 2025"), "{refusal}");
        }
        other => panic!("not refused: {other:?}"),
    }
    // Another program would, and is refused.
    let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    assert!(matches!(why(accepted), Why::Expired { .. }));
    assert!(told.contains("has expired or is not valid yet"), "{told}");

    let (accepted, _) = meet_unchecked(
        &coordinator,
        &scene.authority.equip(&scene.folder.path().join("early"), &Leaf { valid: (2, 30), ..Leaf::of(COUNCIL) }),
        b"folkmoot-link/1",
    )
    .await;
    assert!(matches!(why(accepted), Why::NotYetValid { .. }));

    // A coordinator that let its certificate expire is refused by the node.
    let stale = scene.settings("stale", &Leaf { valid: (-30, -2), ..Leaf::of(COORDINATOR) });
    let met = meet(&stale, &scene.council(), Protocol::Link).await;
    assert!(matches!(met.refused_by_client(), Why::Expired { .. }));
    let told = met.told_to_server();
    assert!(told.contains("has expired or is not valid yet"), "{told}");
}

#[tokio::test]
async fn a_certificate_expires_while_the_process_runs() {
    let scene = Scene::new();
    let coordinator = scene.settings("coordinator", &Leaf { valid: (-1, 5), ..Leaf::of(COORDINATOR) });
    let council = scene.council();
    assert!(meet(&coordinator, &council, Protocol::Link).await.connected.is_ok());
    scene.clock.advance(std::time::Duration::from_secs(6 * DAY as u64));
    let met = meet(&coordinator, &council, Protocol::Link).await;
    assert!(matches!(met.refused_by_client(), Why::Expired { .. }));
}

#[tokio::test]
async fn a_certificate_of_an_expired_authority_is_refused() {
    let scene = Scene { authority: Authority::until(-1), ..Scene::new() };
    let files = scene.authority.equip(&scene.folder.path().join("x"), &Leaf::of(COUNCIL));
    let (accepted, _) = meet_unchecked(&scene.coordinator(), &files, b"folkmoot-link/1").await;
    assert!(matches!(why(accepted), Why::AuthorityExpired { .. }));
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_on_both_sides() {
    let scene = Scene::new();
    let lists = scene.authority.lists(-1, 30, &[4, 9]);
    let path = |name: &str| scene.folder.path().join(name);
    let strict = |name: &str, leaf: &Leaf| scene.load(&scene.authority.equip_with(&path(name), leaf, &lists));
    let coordinator = strict("coordinator", &Leaf::of(COORDINATOR));
    // The council does not know yet that it was revoked.
    let revoked = scene.settings("revoked", &Leaf { serial: 9, ..Leaf::of(COUNCIL) });
    let met = meet(&coordinator, &revoked, Protocol::Link).await;
    assert!(matches!(met.refused_by_server(), Why::Revoked { .. }));
    let said = explain(met.accepted.as_ref().unwrap_err());
    assert!(said.contains("was revoked on 31 December 2025") && said.contains("known to others"), "{said}");
    let told = met.told_to_client().await;
    assert!(told.contains("was revoked"), "{told}");

    let gone = scene.settings("gone", &Leaf { serial: 4, ..Leaf::of(COORDINATOR) });
    let met = meet(&gone, &strict("council", &Leaf::of(COUNCIL)), Protocol::Link).await;
    assert!(matches!(met.refused_by_client(), Why::Revoked { .. }));
    assert!(met.told_to_server().contains("was revoked"));
}

#[tokio::test]
async fn a_revoked_authority_takes_its_certificates_with_it() {
    let scene = Scene::new();
    let authority = &scene.authority;
    let lists = format!(
        "{}{}",
        authority.list(&authority.issuing, -1, 30, &[]),
        authority.list(&authority.root, -1, 3650, &[authority.issuing_serial])
    );
    let files = authority.equip_with(&scene.folder.path().join("c"), &Leaf::of(COORDINATOR), &lists);
    let council = authority.equip(&scene.folder.path().join("n"), &Leaf::of(COUNCIL));
    let (accepted, _) = meet_unchecked(&scene.load(&files), &council, b"folkmoot-link/1").await;
    assert_eq!(why(accepted), Why::AuthorityRevoked);
}

#[tokio::test]
async fn without_a_list_in_force_nobody_is_believed() {
    let scene = Scene::new();
    let authority = &scene.authority;
    let council = authority.equip(&scene.folder.path().join("n"), &Leaf::of(COUNCIL));
    for (lists, expected) in [
        (authority.lists(-20, -1, &[]), "ran out on 31 December 2025"),
        (authority.list(&authority.root, -1, 30, &[]), "there is no revocation list of its issuing authority here"),
    ] {
        let files = authority.equip_with(&scene.folder.path().join("c"), &Leaf::of(COORDINATOR), &lists);
        let (accepted, told) = meet_unchecked(&scene.load(&files), &council, b"folkmoot-link/1").await;
        let said = explain(&accepted.unwrap_err());
        assert!(said.contains(expected), "{said}");
        assert!(told.contains("the other end's operator must install a fresh revocation list"), "{told}");
    }
}

#[tokio::test]
async fn another_federation_is_refused_by_name_and_by_root() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let elsewhere = "folkmoot://scotland/council/503";
    // Under the same root, which a careless authority could do.
    let files = scene.authority.equip(&scene.folder.path().join("a"), &Leaf::of(elsewhere));
    let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    let said = explain(&accepted.unwrap_err());
    assert!(said.ends_with("belongs to federation scotland, this is england"), "{said}");
    assert!(told.contains("of another federation"), "{told}");
    // Under its own.
    let files = Authority::new().equip(&scene.folder.path().join("b"), &Leaf::of(elsewhere));
    let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    assert!(matches!(why(accepted), Why::OtherFederation { .. }));
    assert!(told.contains("of another federation"), "{told}");
    // Under its own root, claiming our name.
    let files = Authority::new().equip(&scene.folder.path().join("c"), &Leaf::of(COUNCIL));
    let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    assert_eq!(why(accepted), Why::Untrusted);
    assert!(told.contains("not issued under its root"), "{told}");
}

#[tokio::test]
async fn a_node_refuses_a_coordinator_under_another_root() {
    let scene = Scene::new();
    let other = Authority::new().settings(&scene.folder.path().join("x"), &Leaf::of(COORDINATOR), &scene.clock);
    let met = meet(&other, &scene.council(), Protocol::Link).await;
    assert_eq!(met.refused_by_client(), &Why::Untrusted);
    assert!(met.told_to_server().contains("not issued under its root"));
}

#[tokio::test]
async fn exactly_one_uri_name_is_needed() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    for (names, expected) in [
        (vec![], Why::Nameless),
        (vec![COUNCIL, "folkmoot://england/council/211"], Why::ManyNames(2)),
        (vec![COUNCIL, COUNCIL], Why::ManyNames(2)),
        (vec![COUNCIL, "https://example.org/"], Why::ManyNames(2)),
    ] {
        let leaf = Leaf { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Leaf::of(COUNCIL) };
        let files = scene.authority.equip(&scene.folder.path().join("x"), &leaf);
        let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
        assert_eq!(why(accepted), expected);
        assert!(told.contains("names nobody, or more than one party"), "{told}");
    }
    for near in ["folkmoot://england/council/503/", "folkmoot://england/Council/503", "https://england/council/503"] {
        let files = scene.authority.equip(&scene.folder.path().join("x"), &Leaf::of(near));
        let (accepted, _) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
        assert!(matches!(why(accepted), Why::BadName(_)), "{near}");
    }
}

#[tokio::test]
async fn a_signing_certificate_does_not_connect() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let leaf = Leaf { kind: Kind::Signing, ..Leaf::of(COUNCIL) };
    let files = scene.authority.equip(&scene.folder.path().join("x"), &leaf);
    let (accepted, told) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    assert_eq!(why(accepted), Why::WrongKind { found: Some(Kind::Signing), needed: Kind::Tls });
    assert!(told.contains("use the TLS certificate, not the signing one"), "{told}");
    // Nor one that would be good for anything, which webpki alone would take.
    let files = scene.authority.equip(&scene.folder.path().join("y"), &Leaf { usages: false, ..Leaf::of(COUNCIL) });
    let (accepted, _) = meet_unchecked(&coordinator, &files, b"folkmoot-link/1").await;
    assert_eq!(why(accepted), Why::WrongKind { found: None, needed: Kind::Tls });
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused() {
    let scene = Scene::new();
    let (accepted, told) = meet_config(&scene.coordinator(), credulous().with_no_client_auth(), b"h2").await;
    assert_eq!(why(accepted), Why::Missing);
    assert!(told.contains("we sent no certificate"), "{told}");
}

#[tokio::test]
async fn a_stranger_to_our_protocols_is_refused_and_told() {
    let scene = Scene::new();
    let files = scene.authority.equip(&scene.folder.path().join("x"), &Leaf::of(ANALYST));
    let (accepted, told) = meet_unchecked(&scene.coordinator(), &files, b"http/1.1").await;
    let said = explain(&accepted.unwrap_err());
    assert!(said.contains("it offered http/1.1"), "{said}");
    assert!(told.contains("does not speak our protocol"), "{told}");
    let (accepted, _) = meet_unchecked(&scene.coordinator(), &files, b"").await;
    assert!(matches!(accepted, Err(Error::Protocol(_))), "{accepted:?}");
}

#[tokio::test]
async fn bytes_that_are_not_tls_are_refused_without_harm() {
    let scene = Scene::new();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 4000], &[0x16, 3, 1, 0xff, 0xff, 1, 0, 0xff, 0xff, 3, 3], b""] {
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        theirs.write_all(bytes).await.unwrap();
        theirs.shutdown().await.unwrap();
        let accepted = accept(&scene.coordinator(), &Admit::default(), ours).await;
        assert!(matches!(accepted, Err(Error::Handshake(_))), "{accepted:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_does_not_load() {
    let scene = Scene::new();
    let (chain, _) = scene.authority.issue(&Leaf::of(COUNCIL));
    let (_, key) = scene.authority.issue(&Leaf::of(COUNCIL));
    let files = write_files(
        scene.folder.path(),
        &chain,
        &key,
        &scene.authority.root.pem(),
        &scene.authority.lists(-1, 30, &[]),
    );
    let told = Settings::load(&files, Arc::new(scene.clock.clone())).unwrap_err().to_string();
    assert!(told.contains("does not belong to the certificate"), "{told}");
}
