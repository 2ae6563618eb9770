use std::sync::Arc;

use folkmoot_proto::identity::Role;

use super::mint::{Authority, Leaf, clock, owner_only, write_files};
use crate::tls::{LoadError, Purpose, Reloadable, Settings, Why};

const COUNCIL: &str = "folkmoot://england/council/503";

#[test]
fn a_fresh_list_takes_effect_without_a_restart() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = authority.equip(folder.path(), &Leaf::of("folkmoot://england/coordinator/main"));
    let held = Reloadable::open(files.clone(), Arc::new(clock())).unwrap();
    let council = authority.settings(&folder.path().join("c"), &Leaf { serial: 9, ..Leaf::of(COUNCIL) }, &clock());
    let peer = held
        .current()
        .trust()
        .verify(council.chain(), Purpose::Client, &[Role::Council], super::mint::start())
        .unwrap();

    assert!(!held.poll().unwrap(), "nothing changed");
    std::fs::write(&files.crl, authority.lists(0, 30, &[9])).unwrap();
    assert!(held.poll().unwrap());
    assert!(!held.poll().unwrap());
    let refusal = held.current().check_again(&peer).unwrap_err();
    assert!(matches!(refusal.why, Why::Revoked { .. }), "{refusal}");

    // Putting the earlier list back does not bring the certificate back.
    std::fs::write(&files.crl, authority.lists(-1, 30, &[])).unwrap();
    assert!(matches!(held.poll(), Err(LoadError::OlderList)));
    assert!(held.current().check_again(&peer).is_err());
}

#[test]
fn a_bad_file_leaves_the_settings_in_force() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = authority.equip(folder.path(), &Leaf::of(COUNCIL));
    let held = Reloadable::open(files.clone(), Arc::new(clock())).unwrap();
    let before = held.current().certificate().fingerprint;

    let good = std::fs::read(&files.chain).unwrap();
    for bad in [
        &b""[..],
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n%%",
    ] {
        std::fs::write(&files.chain, bad).unwrap();
        let told = held.poll().unwrap_err().to_string();
        assert!(told.contains("chain.pem"), "{told}");
    }
    let (other, key) = authority.issue(&Leaf::of("folkmoot://england/council/211"));
    std::fs::write(&files.chain, other).unwrap();
    assert!(matches!(held.poll(), Err(LoadError::Mismatch { .. })));
    std::fs::write(&files.key, key).unwrap();
    owner_only(&files.key);
    assert!(matches!(held.poll(), Err(LoadError::OtherIdentity { .. })));
    std::fs::remove_file(&files.chain).unwrap();
    assert!(matches!(held.poll(), Err(LoadError::Read { what: "certificate chain", .. })));
    assert_eq!(held.current().certificate().fingerprint, before);
    std::fs::write(&files.chain, good).unwrap();

    let (renewed, key) = authority.issue(&Leaf { serial: 78, ..Leaf::of(COUNCIL) });
    std::fs::write(&files.chain, renewed).unwrap();
    std::fs::write(&files.key, key).unwrap();
    assert!(held.poll().unwrap());
    assert_eq!(held.current().certificate().serial, "4e");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let files = authority.equip(folder.path(), &Leaf::of(COUNCIL));
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = Settings::load(&files, Arc::new(clock())).unwrap_err().to_string();
    assert!(told.contains("chmod 600"), "{told}");
}

#[test]
fn files_that_hold_something_else_are_named() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let (chain, key) = authority.issue(&Leaf::of(COUNCIL));
    let (roots, lists) = (authority.root.pem(), authority.lists(-1, 30, &[]));
    for (place, expected) in ["certificate chain", "key", "roots", "revocation lists"].into_iter().enumerate() {
        for bad in ["", "not PEM at all", "-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n"] {
            let mut parts = [chain.as_str(), &key, &roots, &lists];
            parts[place] = bad;
            let files = write_files(folder.path(), parts[0], parts[1], parts[2], parts[3]);
            let told = Settings::load(&files, Arc::new(clock())).unwrap_err().to_string();
            assert!(told.contains(expected) && told.contains(".pem") || told.contains(".key"), "{expected}: {told}");
        }
    }
}
