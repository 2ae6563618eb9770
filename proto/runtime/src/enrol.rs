//! Keys where they are used, and requests for certificates.
//!
//! A party makes its own key, which never leaves the machine, and sends a signing request to the federation's authority, which answers with a
//! certificate. Key files are made readable by their owner only, before anything is written into them, and never over another file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::DecodePrivateKey;
use folkmoot_proto::identity::{Identity, Kind, SIGNING_USAGE_OID};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    SanType,
};
use zeroize::Zeroizing;

use crate::tls::{LoadError, check_owner_only};

/// Why a key or request could not be made, or a key not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of that name is there already.
    #[error("{} is there already and is not overwritten: move it away first, or give another place", .0.display())]
    Exists(PathBuf),
    /// A file could not be written.
    #[error("writing {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A key file could not be read, or others may read it.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A key file could not be read as a key of the kind needed.
    #[error("the file {} holds no {needed} key in PKCS#8 PEM form", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What was needed.
        needed: &'static str,
    },
    /// The request could not be put together.
    #[error("making the certificate request for {identity}")]
    Request {
        /// Whom it was for.
        identity: Identity,
        /// Why not.
        source: rcgen::Error,
    },
}

/// Makes a key and a request for a certificate of `kind` for `identity`.
///
/// TLS keys are ECDSA P-256, signing keys Ed25519. The key is written to `key_path` in PKCS#8 PEM form with owner-only rights (0600), the
/// request to `csr_path`. Neither file may be there before. If anything fails neither is left behind.
///
/// # Errors
/// [`Error::Exists`], [`Error::Write`] or [`Error::Request`].
pub fn make_request(identity: &Identity, kind: Kind, key_path: &Path, csr_path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Request { identity: identity.clone(), source };
    let algorithm = match kind {
        Kind::Tls => &rcgen::PKCS_ECDSA_P256_SHA256,
        Kind::Signing => &rcgen::PKCS_ED25519,
    };
    let pair = KeyPair::generate_for(algorithm).map_err(failed)?;
    let request = request_pem(identity, kind, &pair).map_err(failed)?;
    // The request first: the worst that a crash leaves is a request without a key, which harms nobody.
    write_new(csr_path, request.as_bytes(), false)?;
    let secret = Zeroizing::new(pair.serialize_pem());
    write_new(key_path, secret.as_bytes(), true).inspect_err(|_| {
        let _ = std::fs::remove_file(csr_path);
    })
}

/// Makes a new request, for renewal, with the key at `key_path`.
///
/// # Errors
/// [`Error::Load`] or [`Error::Key`] for the key file, otherwise as [`make_request`].
pub fn repeat_request(identity: &Identity, kind: Kind, key_path: &Path, csr_path: &Path) -> Result<(), Error> {
    let pem = read_key(key_path)?;
    let needed = match kind {
        Kind::Tls => "private",
        Kind::Signing => "Ed25519 private",
    };
    let pair = KeyPair::from_pem(&pem).map_err(|_| Error::Key { path: key_path.to_owned(), needed })?;
    if kind == Kind::Signing && !pair.is_compatible(&rcgen::PKCS_ED25519) {
        return Err(Error::Key { path: key_path.to_owned(), needed });
    }
    let request =
        request_pem(identity, kind, &pair).map_err(|source| Error::Request { identity: identity.clone(), source })?;
    write_new(csr_path, request.as_bytes(), false)
}

/// Reads the Ed25519 key of a signing certificate, or the governance key.
///
/// # Errors
/// [`Error::Load`] if it cannot be read or others may read it, [`Error::Key`] if it is no such key.
pub fn read_signing_key(path: &Path) -> Result<ed25519_dalek::SigningKey, Error> {
    let pem = read_key(path)?;
    ed25519_dalek::SigningKey::from_pkcs8_pem(&pem)
        .map_err(|_| Error::Key { path: path.to_owned(), needed: "Ed25519 private" })
}

/// Writes a file that must not be there before; with owner-only rights if `secret`.
///
/// It appears under its name whole and on the disk, or not at all, whenever the process is killed or the power fails: it is written under another
/// name first, and given its own in one step that never replaces a file. What an earlier process that was killed has left is removed.
///
/// # Errors
/// [`Error::Exists`] or [`Error::Write`].
pub fn write_new(path: &Path, content: &[u8], secret: bool) -> Result<(), Error> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(path.to_owned()),
        _ => Error::Write { path: path.to_owned(), source },
    };
    if path.symlink_metadata().is_ok() {
        return Err(Error::Exists(path.to_owned()));
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!(".{name}.");
    remove_left(folder, &prefix);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PART);
    // Rights are set as the file is made: a later chmod would leave a moment in which others could open it.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(if secret { 0o600 } else { 0o644 }));
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut part = builder.tempfile_in(folder).map_err(failed)?;
    part.write_all(content).and_then(|()| part.as_file().sync_all()).map_err(failed)?;
    part.persist_noclobber(path).map_err(|error| failed(error.error))?;
    sync_folder(path).map_err(|source| {
        let _ = std::fs::remove_file(path);
        failed(source)
    })
}

/// What the names of files end with that are not whole yet.
const PART: &str = ".part";

/// Removes what processes have left that were killed while they wrote a file whose parts begin so. Whoever is at it at this very moment fails, and
/// says so.
fn remove_left(folder: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(prefix) && name.ends_with(PART)) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Makes a rename or a new file in `path`'s folder survive a power cut.
///
/// # Errors
/// The system's reason.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn read_key(path: &Path) -> Result<Zeroizing<String>, Error> {
    check_owner_only(path)?;
    let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
        what: "key",
        path: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(text))
}

fn request_pem(identity: &Identity, kind: Kind, pair: &KeyPair) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // For people who open the request with other tools; the authority reads the URI name alone.
    params.distinguished_name.push(DnType::CommonName, common_name(identity, kind));
    params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    match kind {
        Kind::Tls => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Kind::Signing => params.custom_extensions = vec![signing_usage_extension()],
    }
    params.serialize_request(pair)?.pem()
}

/// What stands in a certificate's subject, for people: at most 64 characters, as X.509 allows.
pub fn common_name(identity: &Identity, kind: Kind) -> String {
    let mut name = format!("{} {kind}", identity.file_stem());
    name.truncate(64);
    name
}

/// The extended key usage extension that holds [`SIGNING_USAGE_OID`] alone.
///
/// Spelled out because the identifier's second part has 128 bits, more than the certificate library's form of it can hold.
pub fn signing_usage_extension() -> CustomExtension {
    const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
    let length = SIGNING_USAGE_OID.len() as u8; // 20, so one byte of DER length is enough
    let mut content = vec![0x30, length + 2, 0x06, length];
    content.extend_from_slice(SIGNING_USAGE_OID);
    CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, content)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::extensions::ParsedExtension;
    use x509_parser::pem::Pem;
    use x509_parser::prelude::FromDer;

    use super::*;

    fn identity() -> Identity {
        Identity::parse("folkmoot://england/council/503").unwrap()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all_and_what_a_killed_process_left_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        // As a process leaves it that was killed before its file had its name.
        std::fs::write(folder.path().join(".key.pem.Ab12.part"), "half").unwrap();
        std::fs::write(folder.path().join(".other.pem.Ab12.part"), "somebody else's").unwrap();
        write_new(&path, b"whole", true).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, [".other.pem.Ab12.part", "key.pem"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(write_new(&path, b"another", false), Err(Error::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        // Many at once: one wins, whole, and nothing is left beside it.
        let raced = folder.path().join("raced");
        let raced = &raced;
        let won: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8_u8)
                .map(|n| scope.spawn(move || usize::from(write_new(raced, &[n; 4096], false).is_ok())))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        });
        let content = std::fs::read(raced).unwrap();
        assert!(won == 1 && content.len() == 4096 && content.iter().all(|byte| *byte == content[0]), "{won}");
        let left = std::fs::read_dir(folder.path())
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".raced"));
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_request_names_its_party_and_use_and_is_signed() {
        let folder = tempfile::tempdir().unwrap();
        for (kind, ours) in [(Kind::Tls, false), (Kind::Signing, true)] {
            let (key, csr) = (folder.path().join(format!("{kind}.key")), folder.path().join(format!("{kind}.csr")));
            make_request(&identity(), kind, &key, &csr).unwrap();
            let (_, pem) = x509_parser::pem::parse_x509_pem(&std::fs::read(&csr).unwrap()).unwrap();
            let Pem { contents, .. } = pem;
            let (_, request) = X509CertificationRequest::from_der(&contents).unwrap();
            request.verify_signature().unwrap();
            let (mut uri, mut usage) = (false, false);
            for extension in request.requested_extensions().unwrap() {
                match extension {
                    ParsedExtension::SubjectAlternativeName(names) => {
                        uri = names.general_names.len() == 1
                            && format!("{:?}", names.general_names[0]).contains("council/503");
                    }
                    ParsedExtension::ExtendedKeyUsage(found) => {
                        usage = found.client_auth != ours
                            && !found.server_auth
                            && found.other.iter().map(|oid| oid.as_bytes()).collect::<Vec<_>>()
                                == if ours { vec![SIGNING_USAGE_OID] } else { vec![] };
                    }
                    _ => {}
                }
            }
            assert!(uri && usage, "{kind}");
        }
        assert!(read_signing_key(&folder.path().join("signing.key")).is_ok());
        assert!(matches!(read_signing_key(&folder.path().join("tls.key")), Err(Error::Key { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (key, csr) = (folder.path().join("a.key"), folder.path().join("a.csr"));
        make_request(&identity(), Kind::Signing, &key, &csr).unwrap();
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
        let told = read_signing_key(&key).unwrap_err().to_string();
        assert!(told.contains("chmod 600") && told.contains("640"), "{told}");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_left_half_made() {
        let folder = tempfile::tempdir().unwrap();
        let (key, csr) = (folder.path().join("a.key"), folder.path().join("a.csr"));
        std::fs::write(&key, "precious").unwrap();
        assert!(matches!(make_request(&identity(), Kind::Tls, &key, &csr), Err(Error::Exists(_))));
        assert_eq!(std::fs::read(&key).unwrap(), b"precious");
        assert!(!csr.exists(), "a request without its key was left behind");
        std::fs::remove_file(&key).unwrap();
        std::fs::write(&csr, "older").unwrap();
        assert!(matches!(make_request(&identity(), Kind::Tls, &key, &csr), Err(Error::Exists(_))));
        assert!(!key.exists());
        assert_eq!(std::fs::read(&csr).unwrap(), b"older");
    }

    #[test]
    fn a_renewal_request_keeps_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        make_request(&identity(), Kind::Signing, &path("a.key"), &path("a.csr")).unwrap();
        repeat_request(&identity(), Kind::Signing, &path("a.key"), &path("b.csr")).unwrap();
        let key_of = |name: &str| {
            let (_, pem) = x509_parser::pem::parse_x509_pem(&std::fs::read(path(name)).unwrap()).unwrap();
            let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
            request.certification_request_info.subject_pki.subject_public_key.data.to_vec()
        };
        assert_eq!(key_of("a.csr"), key_of("b.csr"));
        make_request(&identity(), Kind::Tls, &path("t.key"), &path("t.csr")).unwrap();
        assert!(matches!(
            repeat_request(&identity(), Kind::Signing, &path("t.key"), &path("u.csr")),
            Err(Error::Key { .. })
        ));
    }
}
