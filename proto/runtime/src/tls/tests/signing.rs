use folkmoot_proto::identity::{Kind, Role};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::mint::{Authority, Leaf, clock, identity, start};
use crate::tls::Why;

const COUNCIL: &str = "folkmoot://england/council/503";

fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

#[test]
fn a_signing_certificate_gives_its_key_and_a_tls_certificate_does_not() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let settings = authority.settings(folder.path(), &Leaf::of("folkmoot://england/coordinator/main"), &clock());
    let check = |leaf: &Leaf| {
        let (pem, key) = authority.issue(leaf);
        (settings.trust().verify_signer(&chain(&pem), &[Role::Council], start()), key)
    };

    let (signer, key) = check(&Leaf { kind: Kind::Signing, ed25519: true, ..Leaf::of(COUNCIL) });
    let signer = signer.unwrap();
    assert_eq!(signer.identity, identity(COUNCIL));
    let path = folder.path().join("s.key");
    crate::enrol::write_new(&path, key.as_bytes(), true).unwrap();
    let key = crate::enrol::read_signing_key(&path).unwrap();
    assert_eq!(key.verifying_key().to_bytes(), signer.public_key);

    let refusal = check(&Leaf { ed25519: true, ..Leaf::of(COUNCIL) }).0.unwrap_err();
    assert_eq!(refusal.why, Why::WrongKind { found: Some(Kind::Tls), needed: Kind::Signing });
    assert!(refusal.to_string().ends_with("is a tls certificate, a signing certificate is needed here"), "{refusal}");

    let refusal = check(&Leaf { kind: Kind::Signing, ..Leaf::of(COUNCIL) }).0.unwrap_err();
    assert!(matches!(refusal.why, Why::WrongKey(_)), "{refusal}");

    let refusal =
        check(&Leaf { kind: Kind::Signing, ed25519: true, valid: (-9, -3), ..Leaf::of(COUNCIL) }).0.unwrap_err();
    assert!(matches!(refusal.why, Why::Expired { .. }), "{refusal}");

    let analyst = Leaf { kind: Kind::Signing, ed25519: true, ..Leaf::of("folkmoot://england/analyst/national/a") };
    assert!(matches!(check(&analyst).0.unwrap_err().why, Why::WrongRole { .. }));
}

#[test]
fn no_byte_of_a_certificate_can_be_changed() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let settings = authority.settings(folder.path(), &Leaf::of("folkmoot://england/coordinator/main"), &clock());
    let (pem, _) = authority.issue(&Leaf { kind: Kind::Signing, ed25519: true, ..Leaf::of(COUNCIL) });
    let good = chain(&pem);
    for place in 0..good[0].len() {
        let mut bytes = good[0].to_vec();
        bytes[place] ^= 1;
        let changed = [CertificateDer::from(bytes), good[1].clone()];
        assert!(settings.trust().verify_signer(&changed, &[Role::Council], start()).is_err(), "byte {place}");
    }
}

#[test]
fn our_own_signing_files_are_checked_as_others_will() {
    use crate::tls::tests::mint::write_files;
    use crate::tls::{LoadError, OwnSigner};
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let leaf = |kind| Leaf { kind, ed25519: true, serial: 9, ..Leaf::of(COUNCIL) };
    let files = authority.equip(folder.path(), &leaf(Kind::Signing));
    let own = OwnSigner::load(&files, start()).unwrap();
    assert_eq!(own.signer().identity, identity(COUNCIL));
    assert_eq!(own.chain().len(), 2);
    let signature = ed25519_dalek::Signature::from_bytes(&own.sign(b"test"));
    let key = ed25519_dalek::VerifyingKey::from_bytes(&own.signer().public_key).unwrap();
    key.verify_strict(b"test", &signature).unwrap();

    std::fs::write(&files.crl, authority.lists(-1, 30, &[9])).unwrap();
    let revoked = OwnSigner::load(&files, start()).unwrap_err();
    assert!(
        matches!(&revoked, LoadError::Own { source, .. } if matches!(source.why, Why::Revoked { .. })),
        "{revoked}"
    );

    let files = authority.equip(folder.path(), &leaf(Kind::Tls));
    let tls = OwnSigner::load(&files, start()).unwrap_err();
    assert!(matches!(&tls, LoadError::Own { source, .. } if matches!(source.why, Why::WrongKind { .. })), "{tls}");

    let (chain, _) = authority.issue(&leaf(Kind::Signing));
    let (_, key) = authority.issue(&leaf(Kind::Signing));
    let files = write_files(folder.path(), &chain, &key, &authority.root.pem(), &authority.lists(-1, 30, &[]));
    assert!(matches!(OwnSigner::load(&files, start()), Err(LoadError::Mismatch { .. })));
}
