//! Where a node keeps its things: one folder, owner-only, with fixed names inside.
//!
//! ```text
//! node.toml        settings                      policy.toml      what may be asked
//! records.db       submissions (encrypted)       ledger.db        budget, answers, audit (encrypted)
//! keys/            data.key, TLS and signing keys and certificates, roots, revocation lists, governance key
//! status.json      how the running node stands   aliases.csv      local spellings, optional
//! floor.json       signed national floor         registry.json    signed list of members
//! ```

use std::path::{Path, PathBuf};

use folkmoot_runtime::tls::Files;

/// The folder of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
    clock_is_right: bool,
}

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)+) => {
        $($(#[$doc])* pub fn $name(&self) -> PathBuf { self.folder.join($path) })+
    };
}

impl Home {
    /// The folder at a path; nothing is looked at yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), clock_is_right: false }
    }

    /// The same folder, whose user says that the machine's clock is right though it leapt ahead since the last entry.
    #[must_use]
    pub fn with_right_clock(mut self, is_right: bool) -> Self {
        self.clock_is_right = is_right;
        self
    }

    /// Whether the user said that the clock is right.
    pub fn clock_is_right(&self) -> bool {
        self.clock_is_right
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    places! {
        /// Settings.
        settings = "node.toml";
        /// Policy.
        policy = "policy.toml";
        /// Signed national floor; optional.
        floor = "floor.json";
        /// Signed list of members; optional until joint figures are asked.
        registry = "registry.json";
        /// Local spellings of list values; optional.
        aliases = "aliases.csv";
        /// Submissions.
        records = "records.db";
        /// Budget, answers, audit.
        ledger = "ledger.db";
        /// How the running node stands.
        status = "status.json";
        /// Keys and certificates.
        keys = "keys";
        /// Key of both stores.
        data_key = "keys/data.key";
        /// Key of the TLS certificate.
        tls_key = "keys/tls.key";
        /// Request for the TLS certificate.
        tls_request = "keys/tls.csr";
        /// TLS certificate and its issuer.
        tls_chain = "keys/tls.pem";
        /// Key of the signing certificate.
        signing_key = "keys/signing.key";
        /// Request for the signing certificate.
        signing_request = "keys/signing.csr";
        /// Signing certificate and its issuer.
        signing_chain = "keys/signing.pem";
        /// Root certificates of the federation.
        roots = "keys/roots.pem";
        /// Revocation lists of the federation.
        revoked = "keys/crl.pem";
        /// Public governance key of the federation.
        governance = "keys/governance.pub";
    }

    /// The TLS files.
    pub fn tls(&self) -> Files {
        Files { chain: self.tls_chain(), key: self.tls_key(), roots: self.roots(), crl: self.revoked() }
    }

    /// The files of the signing certificate.
    pub fn signing(&self) -> Files {
        Files { chain: self.signing_chain(), key: self.signing_key(), ..self.tls() }
    }
}
