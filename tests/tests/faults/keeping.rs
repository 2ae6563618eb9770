//! Backup, restore and rekey killed at every change of the files, and run beside a running node.

use std::path::Path;

use folkmoot_node::audit::Action;

use crate::common::{World, code, text};
use crate::tools::{
    self, ask, copy_folder, done, fails, found_only, imported, killed_after, linked, log, price, spent, start,
};

/// No command changes its folder more often.
const MOST: u32 = 400;

fn put_back(pristine: &Path, home: &Path) {
    std::fs::remove_dir_all(home).unwrap();
    copy_folder(pristine, home);
}

/// Both stores open with the key that is there, and hold what they held.
async fn whole(world: &World, submissions: usize) -> bool {
    let looked = world.node("104", &["submissions", "--json"]).await;
    if !looked.status.success() {
        assert_eq!(looked.status.code(), Some(1), "{}", looked.err);
        return false;
    }
    log(world, "104").await;
    assert_eq!(world.submissions("104").await.len(), submissions);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rekey_killed_at_any_change_is_finished_by_running_it_again() {
    let world = imported("104", 40).await;
    let (home, pristine) = (world.home("104"), world.folder.path().join("pristine"));
    copy_folder(&home, &pristine);
    let old = std::fs::read(home.join("keys/data.key")).unwrap();
    let rekey = ["rekey", "--by", "Test"];
    let (mut between, mut kills) = (0, 0);
    for changes in 1..=MOST {
        put_back(&pristine, &home);
        if !killed_after(&world, "104", &rekey, &home, changes).await {
            break;
        }
        kills += 1;
        if !whole(&world, 4).await {
            between += 1;
            let said = fails(&world, "104", &["run"], 1).await;
            assert!(said.contains("rekey") && said.contains("again"), "{said}");
            let doctor = world.node("104", &["doctor"]).await.out;
            assert!(doctor.contains("run `rekey` again"), "{doctor}");
        }
        done(&world, "104", &rekey).await;
        assert!(whole(&world, 4).await, "after change {changes}");
        assert_ne!(std::fs::read(home.join("keys/data.key")).unwrap(), old);
        assert!(!home.join("keys/data.key.next").exists());
    }
    assert!(kills > 5 && between > 0, "{kills} kills, {between} of them between the two stores");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_at_any_change_leaves_the_old_or_says_how_to_go_on() {
    let world = imported("104", 40).await;
    let (home, backup) = (world.home("104"), world.folder.path().join("backup"));
    done(&world, "104", &["backup", "--out", text(&backup), "--with-key"]).await;
    // Another key and later entries, so that old and new can be told apart and must not be mixed.
    done(&world, "104", &["rekey", "--by", "Test"]).await;
    let pristine = world.folder.path().join("pristine");
    copy_folder(&home, &pristine);
    let entries = log(&world, "104").await.len();
    let restore = ["restore", text(&backup), "--by", "Test"];
    let (mut between, mut kills) = (0, 0);
    for changes in 1..=MOST {
        put_back(&pristine, &home);
        if !killed_after(&world, "104", &restore, &home, changes).await {
            break;
        }
        kills += 1;
        if !whole(&world, 4).await {
            between += 1;
            let said = fails(&world, "104", &["run"], 1).await;
            assert!(said.contains("restore") && said.contains(text(&backup)), "after change {changes}: {said}");
            let doctor = world.node("104", &["doctor"]).await.out;
            assert!(doctor.contains("`restore`"), "{doctor}");
        }
        done(&world, "104", &restore).await;
        assert!(whole(&world, 4).await, "after change {changes}");
        let held = log(&world, "104").await;
        let note = held.last().unwrap().record.note.clone().unwrap_or_default();
        assert!(note.contains("restored from the backup"), "{note}");
        assert_eq!(held.len(), entries, "the entry of the rekey gave way to that of the restore");
        let left: Vec<_> = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let odd = |name: &str| name.contains("incoming") || name.contains(".part") || name.contains("restoring");
        assert!(!left.iter().any(|name| odd(&name.to_string_lossy())), "{left:?}");
    }
    assert!(kills > 5 && between > 0, "{kills} kills, {between} of them between old and new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_killed_at_any_change_is_none_and_does_the_node_no_harm() {
    let world = imported("104", 40).await;
    let home = world.home("104");
    let mut kills = 0;
    for changes in 1..=MOST {
        let out = world.folder.path().join(format!("backup-{changes}"));
        let words = ["backup", "--out", text(&out)];
        let killed = killed_after(&world, "104", &words, &out, changes).await;
        assert!(whole(&world, 4).await);
        let elsewhere = world.folder.path().join(format!("new-{changes}"));
        let key = home.join("keys/data.key");
        let own = world.federation.hands().node_command(code("104"), &["version"]);
        let mut restore = tokio::process::Command::new(own.as_std().get_program());
        restore.arg("--home").arg(&elsewhere).args(["restore", text(&out), "--key", text(&key), "--by", "Test"]);
        let restored = restore.output().await.unwrap();
        let said = String::from_utf8_lossy(&restored.stderr);
        if out.join("manifest.json").exists() {
            assert!(restored.status.success(), "{said}");
        } else {
            assert_eq!(restored.status.code(), Some(1), "{said}");
            assert!(said.contains("not a backup"), "{said}");
            assert!(!elsewhere.join("ledger.db").exists());
        }
        if !killed {
            assert!(restored.status.success());
            break;
        }
        kills += 1;
    }
    assert!(kills > 5, "{kills} kills");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_at_any_change_has_one_entry_when_it_is_there_and_none_when_not() {
    let world = found_only("104", 40).await;
    let files: Vec<_> = world.federation.parts()[0].files.iter().map(|(path, _)| path.clone()).collect();
    let import = |file| ["import", "--received", "from-name", file];
    done(&world, "104", &import(text(&files[0]))).await;
    let (home, pristine) = (world.home("104"), world.folder.path().join("pristine"));
    copy_folder(&home, &pristine);
    let (mut kills, mut found) = (0, 0);
    for changes in 1..=MOST {
        put_back(&pristine, &home);
        let killed = killed_after(&world, "104", &import(text(&files[1])), &home, changes).await;
        // The next command, whatever it is, writes the entry that is missing.
        let held = world.submissions("104").await.len();
        let log = log(&world, "104").await;
        let imported: Vec<_> = log.iter().filter(|line| line.record.action == Action::Imported).collect();
        assert_eq!(imported.len(), held, "after change {changes}");
        found += usize::from(imported.iter().any(|line| line.record.decision.is_some()));
        done(&world, "104", &import(text(&files[1]))).await;
        assert_eq!(world.submissions("104").await.len(), 2);
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "{kills} kills, {found} of them between records and log");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_beside_a_running_node_do_what_the_page_says() {
    let mut world = linked("104", 40).await;
    assert!(ask(&world, 1, "104", &[]).await.status.success());
    let backup = world.folder.path().join("backup");
    done(&world, "104", &["backup", "--out", text(&backup)]).await;
    let before = log(&world, "104").await.len();
    for words in [&["restore", text(&backup), "--by", "Test"][..], &["rekey", "--by", "Test"]] {
        let said = fails(&world, "104", words, 1).await;
        assert!(said.contains("in use by process") && said.contains("stop it first"), "{words:?} {said}");
    }
    assert_eq!(log(&world, "104").await.len(), before, "refused, so nothing changed");
    // An import beside it is taken up by the next answer: other data, so another price.
    let more = world.folder.path().join("104_more_20250715.csv");
    let whole = std::fs::read(world.file("104")).unwrap();
    let cut = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(20).unwrap().0;
    std::fs::write(&more, &whole[..=cut]).unwrap();
    done(&world, "104", &["import", text(&more)]).await;
    assert_eq!(world.submissions("104").await.len(), 5);
    let again = ask(&world, 1, "104", &["--fresh"]).await;
    assert!(again.status.success(), "{}", again.err);
    assert!([price(1), 2 * price(1)].contains(&spent(&world, "104").await.0));
    assert_eq!(world.councils_linked().await, ["104"]);
    // Stopped, it can be put back.
    world.federation.kill_node(code("104")).await.unwrap();
    done(&world, "104", &["restore", text(&backup), "--by", "Test"]).await;
    assert_eq!(world.submissions("104").await.len(), 4);
    start(&mut world, "104").await;
    let refused = ask(&world, 2, "104", &[]).await;
    assert!(refused.err.contains("restored or copied"), "{}{}", refused.out, refused.err);
    let _ = tools::POLICY;
}
