//! A small federation of real processes for tests.

use std::path::Path;

use folkmoot_proto::ids::CouncilCode;
use folkmoot_tests::rehearsal::args::Args;
use folkmoot_tests::rehearsal::asking::{Asked, KINDS, Outcome, Release};
use folkmoot_tests::rehearsal::binaries::Binaries;
use folkmoot_tests::rehearsal::data::{self, Period};
use folkmoot_tests::rehearsal::federation::{Federation, NATIONAL};
use folkmoot_tests::rehearsal::process::Ended;
use folkmoot_tests::rehearsal::{asking, question};

/// A federation with its folder and the period that its files are about.
pub(crate) struct World {
    /// The processes.
    pub(crate) federation: Federation,
    /// Twelve months.
    pub(crate) period: Period,
    /// Removed with everything in it at the end.
    pub(crate) folder: tempfile::TempDir,
}

/// Makes a federation with files written, nothing imported and nothing running.
pub(crate) async fn found(councils: &str, people: u32) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let binaries = tokio::task::spawn_blocking(Binaries::find).await.expect("no panic").expect("the programs");
    let people = people.to_string();
    let args = <Args as clap::Parser>::parse_from(["rehearsal", "--councils", councils, "--people", &people]);
    let out = folder.path().to_owned();
    let (parts, period) =
        tokio::task::spawn_blocking(move || data::prepare(&args, &out)).await.expect("no panic").expect("the data");
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.word).collect();
    let federation = Federation::found(&binaries, folder.path(), parts, &kinds).await.expect("founded");
    World { federation, period, folder }
}

/// Makes a federation that is imported and linked.
pub(crate) async fn linked(councils: &str, people: u32) -> World {
    let mut world = found(councils, people).await;
    world.federation.import().await.expect("imported");
    world.federation.link(0).await.expect("linked");
    world
}

pub(crate) fn code(text: &str) -> CouncilCode {
    CouncilCode::parse(text).expect("a code")
}

impl World {
    /// The question about all councils of this federation.
    pub(crate) fn question(&self, kind: asking::Kind) -> Asked<'_> {
        Asked { kind, ..question(&self.period, self.federation.codes().collect()) }
    }

    /// Asks as the national analyst and expects a release.
    pub(crate) async fn ask(&self, asked: &Asked<'_>, more: &[&str]) -> Release {
        match self.federation.hands().ask(NATIONAL, asked, more).await.expect("asked") {
            Outcome::Released(release) => *release,
            Outcome::Refused(why) => panic!("refused: {why}"),
        }
    }

    /// Runs a command of a node, however it ends.
    pub(crate) async fn node(&self, code: &str, words: &[&str]) -> Ended {
        self.federation.hands().try_node(self::code(code), words).await.expect("started")
    }

    /// The councils that the coordinator counts as linked.
    pub(crate) async fn councils_linked(&self) -> Vec<String> {
        let ended = self.federation.hands().call(NATIONAL, &["councils", "--json"]).await.expect("called");
        assert!(ended.status.success(), "{}", ended.err);
        let list: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
        let linked = list.as_array().expect("a list").iter().filter(|council| council["linked"] == true);
        linked.map(|council| council["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// A node's folder.
    pub(crate) fn home(&self, code: &str) -> std::path::PathBuf {
        self.federation.hands().node_folder(self::code(code))
    }

    /// What a node's `submissions --json` says.
    pub(crate) async fn submissions(&self, code: &str) -> Vec<serde_json::Value> {
        let ended = self.node(code, &["submissions", "--json"]).await;
        assert!(ended.status.success(), "{}", ended.err);
        serde_json::from_str::<serde_json::Value>(&ended.out).expect("JSON").as_array().expect("a list").clone()
    }

    /// The first file of a council.
    pub(crate) fn file(&self, code: &str) -> std::path::PathBuf {
        let part = self.federation.parts().iter().find(|part| part.council.code == self::code(code)).expect("a part");
        part.files[0].0.clone()
    }
}

/// The path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
