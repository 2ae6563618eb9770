//! Councils and coordinators as wholes: killed, absent, revoked, strangers, started twice; and files that are none.

use std::time::{Duration, Instant};

use crate::common::{code, found, linked, text};
use folkmoot_tests::rehearsal::asking::KINDS;
use folkmoot_tests::rehearsal::compare;
use folkmoot_tests::rehearsal::federation::{NATIONAL, PATIENCE};
use folkmoot_tests::rehearsal::process::Running;

/// Between two looks at something that has no line to wait for.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_leaves_no_half_and_can_be_repeated() {
    let world = found("104", 2500).await;
    let (file, store) = (world.file("104"), world.home("104").join("records.db"));
    let length = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let (wal, before) = (store.with_extension("db-wal"), length(&store));
    let hands = world.federation.hands();
    let words = ["import", "--received", "from-name", text(&file)];
    let log = hands.log("killed");
    let running = Running::start("the import", hands.node_command(code("104"), &words), &log).await.unwrap();
    let begun = Instant::now();
    // Around the middle: pages are being written. A quick import may be over before that is seen: the log is then gone
    // and the store has grown.
    while length(&wal) < 200_000 && length(&store) == before {
        assert!(begun.elapsed() < PATIENCE, "the import wrote nothing");
        tokio::time::sleep(LOOK).await;
    }
    // Too late when it has ended by itself.
    let _ = running.kill().await;
    // The whole file or nothing of it, as the kill came before or after the commit; figures below tell a half.
    assert!(world.submissions("104").await.len() <= 1);
    world.federation.import().await.unwrap();
    assert_eq!(world.submissions("104").await.len(), 4);
    let mut world = world;
    world.federation.link(0).await.unwrap();
    let asked = world.question(KINDS[0]);
    let release = world.ask(&asked, &[]).await;
    let checked = compare(&world.federation.present(), &asked, &release).unwrap();
    assert!(checked.figures > 10 && checked.broken.is_empty(), "{:?}", checked.broken);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_releases_come_back_with_the_coordinator() {
    let mut world = linked("104,503", 30).await;
    let first = world.ask(&world.question(KINDS[0]), &[]).await;
    let mut printed = Vec::new();
    for council in ["104", "503"] {
        printed.push((code(council), world.federation.running(code(council)).unwrap().printed()));
    }
    world.federation.kill_coordinator().await.unwrap();
    world.federation.start_coordinator().await.unwrap();
    for (council, printed) in printed {
        world.federation.linked(council, printed).await.unwrap();
    }
    assert_eq!(world.councils_linked().await, ["104", "503"]);
    let shown = world.federation.hands().call(NATIONAL, &["show", &first.number, "--json"]).await.unwrap();
    assert!(shown.status.success(), "{}", shown.err);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["table"], serde_json::to_value(&first.table).unwrap());
    let private = world.ask(&world.question(KINDS[1]), &[]).await;
    assert_eq!(private.answered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_council_that_is_not_there_is_named_and_the_coverage_says_so() {
    let mut world = linked("104,503", 30).await;
    let all = world.ask(&world.question(KINDS[0]), &[]).await;
    world.federation.kill_node(code("503")).await.unwrap();
    let some = world.ask(&world.question(KINDS[1]), &["--wait", "1"]).await;
    assert_eq!((some.asked, some.answered), (2, 1));
    assert_eq!(some.missing.keys().collect::<Vec<_>>(), ["503"], "{:?}", some.missing);
    assert!(some.adult_share().unwrap() < all.adult_share().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_folder_runs_once_and_only_with_its_own_key() {
    let mut world = linked("104,503", 30).await;
    let hands = std::sync::Arc::clone(world.federation.hands());
    let second = hands.run_node(code("104")).await.unwrap();
    let (status, lines) = tokio::time::timeout(PATIENCE, second.ended()).await.expect("it ends").unwrap();
    assert!(!status.success());
    let said = lines.join("\n");
    assert!(said.contains("error") && (said.contains("in use") || said.contains("runs")), "{said}");
    assert_eq!(world.councils_linked().await, ["104", "503"]);

    world.federation.kill_node(code("104")).await.unwrap();
    let (own, other) = (world.home("104").join("keys/data.key"), world.home("503").join("keys/data.key"));
    let kept = std::fs::read(&own).unwrap();
    std::fs::write(&own, std::fs::read(other).unwrap()).unwrap();
    for words in [&["status"][..], &["submissions"], &["import", text(&world.file("104"))]] {
        let ended = world.node("104", words).await;
        assert_eq!(ended.status.code(), Some(1), "{words:?} {}", ended.out);
        assert!(ended.err.contains("key"), "{words:?} {}", ended.err);
    }
    std::fs::write(&own, kept).unwrap();
    assert_eq!(world.submissions("104").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_council_is_refused_and_told_why() {
    let mut world = linked("104,503", 30).await;
    world.federation.kill_coordinator().await.unwrap();
    let revoke = ["revoke", "--identity", "folkmoot://rehearsal/council/503", "--reason", "left"];
    world.federation.hands().certs(&revoke).await.unwrap();
    let printed = world.federation.running(code("104")).unwrap().printed();
    let printed_503 = world.federation.running(code("503")).unwrap().printed();
    world.federation.start_coordinator().await.unwrap();
    world.federation.linked(code("104"), printed).await.unwrap();
    let node = world.federation.running(code("503")).unwrap();
    node.line_after(printed_503, |line| line.contains("revoked"), PATIENCE).await.unwrap();
    assert_eq!(world.councils_linked().await, ["104"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_council_of_another_federation_does_not_get_in() {
    let (here, there) = tokio::join!(linked("104", 20), found("503", 20));
    let mut command = there.federation.hands().node_command(code("503"), &["run"]);
    let port = here.federation.hands().port();
    command.env("FOLKMOOT_NODE__LINK__COORDINATOR", format!("localhost:{port}"));
    let mut stranger = Running::start("the stranger", command, &here.folder.path().join("stranger.log")).await.unwrap();
    let said = |line: &str| line.contains("WARN") || line.contains("ERROR");
    let why = stranger.line(said, PATIENCE).await.unwrap();
    assert!(why.contains("issue") || why.contains("root") || why.contains("federation"), "{why}");
    assert_eq!(here.councils_linked().await, ["104"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_is_refused_and_nothing_of_it_is_stored() {
    let world = found("104", 30).await;
    let whole = std::fs::read(world.file("104")).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    // Bytes without sense, the same in every run.
    let noise: Vec<u8> = (0_u32..50_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files: [(&str, &[u8]); 5] = [
        ("empty.csv", b""),
        ("noise.csv", &noise),
        ("header-cut.csv", &whole[..header / 2]),
        ("zipped.csv", b"PK\x03\x04\x14\x00\x00\x00\x08\x00"),
        ("zeros.csv", &[0; 4096]),
    ];
    for (name, bytes) in files {
        let path = world.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let ended = world.node("104", &["import", text(&path)]).await;
        assert_eq!(ended.status.code(), Some(1), "{name} {}{}", ended.out, ended.err);
        assert!(ended.err.contains(name) && !ended.err.contains("panicked"), "{name} {}", ended.err);
        assert!(world.submissions("104").await.is_empty(), "{name}");
    }
}
