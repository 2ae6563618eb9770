//! A throw-away federation authority, able to make certificates that the real one never would.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use folkmoot_proto::identity::{Identity, Kind};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};

use crate::clock::MockClock;
use crate::enrol::signing_usage_extension;
use crate::tls::{Files, Settings};

/// Seconds after the start of 2026, at which all these tests begin.
pub(super) const DAY: i64 = 86_400;

pub(super) fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(super) fn clock() -> MockClock {
    MockClock::at(start())
}

// rcgen takes the `time` crate's moments; this is the way to make one without depending on it.
macro_rules! moment {
    ($days:expr) => {{
        let days: i64 = $days;
        let step = Duration::from_secs(days.unsigned_abs() * DAY as u64);
        if days < 0 { date_time_ymd(2026, 1, 1) - step } else { date_time_ymd(2026, 1, 1) + step }
    }};
}

pub(super) struct Leaf {
    pub(super) names: Vec<String>,
    pub(super) kind: Kind,
    pub(super) server: bool,
    pub(super) serial: u64,
    /// Days from the start.
    pub(super) valid: (i64, i64),
    pub(super) ed25519: bool,
    pub(super) usages: bool,
}

impl Leaf {
    pub(super) fn of(identity: &str) -> Self {
        Self {
            names: vec![identity.to_owned()],
            kind: Kind::Tls,
            server: identity.contains("/coordinator/"),
            serial: 77,
            valid: (-1, 365),
            ed25519: false,
            usages: true,
        }
    }
}

pub(super) struct Authority {
    pub(super) root: CertifiedIssuer<'static, KeyPair>,
    pub(super) issuing: CertifiedIssuer<'static, KeyPair>,
    pub(super) issuing_serial: u64,
}

fn ca(name: &str, serial: u64, until: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = moment!(-10);
    params.not_after = moment!(until);
    params
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::until(3650)
    }

    /// An authority whose issuing certificate expires after `days`.
    pub(super) fn until(days: i64) -> Self {
        let root = CertifiedIssuer::self_signed(ca("root", 1, 3650), KeyPair::generate().unwrap()).unwrap();
        let issuing = CertifiedIssuer::signed_by(ca("issuing", 2, days), KeyPair::generate().unwrap(), &root).unwrap();
        Self { root, issuing, issuing_serial: 2 }
    }

    /// Chain and key of a new certificate, in PEM.
    pub(super) fn issue(&self, leaf: &Leaf) -> (String, String) {
        let algorithm = if leaf.ed25519 { &rcgen::PKCS_ED25519 } else { &rcgen::PKCS_ECDSA_P256_SHA256 };
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(leaf.serial));
        params.not_before = moment!(leaf.valid.0);
        params.not_after = moment!(leaf.valid.1);
        params.subject_alt_names =
            leaf.names.iter().map(|name| SanType::URI(name.as_str().try_into().unwrap())).collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match leaf.kind {
            _ if !leaf.usages => {}
            Kind::Tls => {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
                if leaf.server {
                    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
                }
            }
            Kind::Signing => params.custom_extensions.push(signing_usage_extension()),
        }
        let certificate = params.signed_by(&key, &self.issuing).unwrap();
        (format!("{}{}", certificate.pem(), self.issuing.pem()), key.serialize_pem())
    }

    /// Root's and issuing authority's lists, made on day `made` and due again on day `due`, with these serials of leaves.
    pub(super) fn lists(&self, made: i64, due: i64, revoked: &[u64]) -> String {
        format!("{}{}", self.list(&self.issuing, made, due, revoked), self.list(&self.root, made, 3650, &[]))
    }

    pub(super) fn list(
        &self,
        issuer: &CertifiedIssuer<'static, KeyPair>,
        made: i64,
        due: i64,
        revoked: &[u64],
    ) -> String {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: moment!(made),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        CertificateRevocationListParams {
            this_update: moment!(made),
            next_update: moment!(due),
            crl_number: SerialNumber::from(made.unsigned_abs() + 1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(issuer)
        .unwrap()
        .pem()
        .unwrap()
    }

    /// Writes everything a party with this certificate needs, with an empty revocation list.
    pub(super) fn equip(&self, folder: &Path, leaf: &Leaf) -> Files {
        self.equip_with(folder, leaf, &self.lists(-1, 30, &[]))
    }

    pub(super) fn equip_with(&self, folder: &Path, leaf: &Leaf, lists: &str) -> Files {
        let (chain, key) = self.issue(leaf);
        write_files(folder, &chain, &key, &self.root.pem(), lists)
    }

    pub(super) fn settings(&self, folder: &Path, leaf: &Leaf, clock: &MockClock) -> Settings {
        Settings::load(&self.equip(folder, leaf), Arc::new(clock.clone())).unwrap()
    }
}

pub(super) fn write_files(folder: &Path, chain: &str, key: &str, roots: &str, lists: &str) -> Files {
    let files = Files {
        chain: folder.join("chain.pem"),
        key: folder.join("tls.key"),
        roots: folder.join("roots.pem"),
        crl: folder.join("crl.pem"),
    };
    std::fs::create_dir_all(folder).unwrap();
    for (path, content) in [(&files.chain, chain), (&files.key, key), (&files.roots, roots), (&files.crl, lists)] {
        std::fs::write(path, content).unwrap();
    }
    owner_only(&files.key);
    files
}

pub(super) fn owner_only(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

pub(super) fn identity(text: &str) -> Identity {
    Identity::parse(text).unwrap()
}
