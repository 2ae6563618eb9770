//! Which serial was given to whom until when, what was revoked, and who expires next.

use folkmoot_proto::identity::{Federation, Identity, Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::folder::{self, Layout};
use crate::profile::WARN_DAYS;

const FORM: &str = "folkmoot-inventory/1";

/// Why the inventory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] folder::Error),
    /// The file does not hold what it should.
    #[error("the inventory at {path} is damaged: restore it from a backup")]
    Content {
        /// The file.
        path: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// A form this program does not know.
    #[error(
        "the inventory has the form `{0}`, this program knows `{FORM}`: use the program that wrote it, or a newer one"
    )]
    Form(String),
    /// No certificate answers to this.
    #[error("no certificate in the inventory answers to {0}: `folkmoot-certs list --all` shows all of them")]
    Unknown(String),
    /// Several do.
    #[error("{count} certificates answer to {asked}: give more of the serial number")]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// How many answer.
        count: usize,
    },
}

/// Why a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Others may know its key.
    KeyCompromise,
    /// It was replaced by another.
    Superseded,
    /// Its holder left the federation.
    Left,
    /// Its holder lost this role.
    RoleWithdrawn,
    /// None given.
    Unspecified,
}

/// When and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// When the authority revoked it.
    #[serde(with = "moment")]
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// An issued certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Serial number, 32 hexadecimal characters.
    pub serial: String,
    /// Who holds it.
    pub identity: Identity,
    /// What it is for.
    pub kind: Kind,
    /// Number of the issuing authority.
    pub authority: u32,
    /// When it was issued.
    #[serde(with = "moment")]
    pub issued_at: Timestamp,
    /// The first moment it is valid.
    #[serde(with = "moment")]
    pub not_before: Timestamp,
    /// The last moment it is valid.
    #[serde(with = "moment")]
    pub not_after: Timestamp,
    /// SHA-256 of its DER bytes, in hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of its key's SubjectPublicKeyInfo, in hexadecimal.
    pub key: String,
    /// DNS names and addresses in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Set once it is revoked; never unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// What a certificate is worth at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Good for more than [`WARN_DAYS`] days.
    Valid,
    /// Good, but not for long.
    Expiring,
    /// Past its end.
    Expired,
    /// Revoked, whether or not it has expired since.
    Revoked,
}

impl Entry {
    /// What it is worth at `now`.
    pub fn state(&self, now: Timestamp) -> State {
        match () {
            () if self.revoked.is_some() => State::Revoked,
            () if self.not_after < now => State::Expired,
            () if self.days_left(now) <= WARN_DAYS => State::Expiring,
            () => State::Valid,
        }
    }

    /// Whether it can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.state(now), State::Valid | State::Expiring)
    }

    /// Whole days until it expires; negative once it has.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        days_between(now, self.not_after)
    }
}

pub(crate) fn days_between(now: Timestamp, then: Timestamp) -> i64 {
    (then.as_second() - now.as_second()).div_euclid(86_400)
}

/// An issuing authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingAuthority {
    /// Counts up from 1; the last one not revoked issues.
    pub number: u32,
    /// Serial number of its certificate, in hexadecimal.
    pub serial: String,
    /// The last moment its certificate is valid.
    #[serde(with = "moment")]
    pub not_after: Timestamp,
    /// Set once the root has revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

/// Everything the authority remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    form: String,
    /// Whose authority this is.
    pub federation: Federation,
    /// Number of the last revocation list; counts up.
    pub list_number: u64,
    /// Version of the last registry signed.
    pub registry_version: u64,
    /// Version of the last floor signed.
    pub floor_version: u64,
    /// All issuing authorities there have been.
    pub authorities: Vec<IssuingAuthority>,
    /// All certificates there have been, in the order they were issued.
    pub certificates: Vec<Entry>,
}

impl Inventory {
    /// The inventory of a new federation.
    pub fn new(federation: Federation, first: IssuingAuthority) -> Self {
        Self {
            form: FORM.to_owned(),
            federation,
            list_number: 0,
            registry_version: 0,
            floor_version: 0,
            authorities: vec![first],
            certificates: Vec::new(),
        }
    }

    /// Reads the inventory of a folder.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Content`] or [`Error::Form`].
    pub fn read(layout: &Layout) -> Result<Self, Error> {
        let path = layout.inventory();
        if !path.is_file() {
            return Err(folder::Error::NotAnAuthority(layout.folder().to_owned()).into());
        }
        let inventory: Self = serde_json::from_str(&folder::read(&path)?)
            .map_err(|source| Error::Content { path: path.display().to_string(), source })?;
        if inventory.form != FORM {
            return Err(Error::Form(inventory.form));
        }
        Ok(inventory)
    }

    /// Writes it in one step.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, layout: &Layout) -> Result<(), Error> {
        Ok(folder::replace(&layout.inventory(), &self.to_json())?)
    }

    pub(crate) fn to_json(&self) -> String {
        let text =
            serde_json::to_string_pretty(self).expect("an inventory is text, numbers and lists, which JSON can hold");
        text + "\n"
    }

    /// The issuing authority in office.
    pub fn authority(&self) -> Option<&IssuingAuthority> {
        self.authorities.iter().rev().find(|authority| authority.revoked.is_none())
    }

    /// Places of the certificates of `identity`, of `kind` if given, that are live at `now`.
    pub fn live(&self, identity: &Identity, kind: Option<Kind>, now: Timestamp) -> Vec<usize> {
        let fits = |entry: &Entry| {
            &entry.identity == identity && kind.is_none_or(|kind| entry.kind == kind) && entry.is_live(now)
        };
        (0..self.certificates.len()).filter(|place| fits(&self.certificates[*place])).collect()
    }

    /// Place of the certificate whose serial number begins with `start` (at least 6 characters; colons and case do not matter).
    ///
    /// # Errors
    /// [`Error::Unknown`] or [`Error::Ambiguous`].
    pub fn by_serial(&self, start: &str) -> Result<usize, Error> {
        let asked = format!("serial {}", start.chars().take(80).flat_map(char::escape_debug).collect::<String>());
        let start: String =
            start.chars().filter(|letter| *letter != ':').map(|letter| letter.to_ascii_lowercase()).collect();
        if start.len() < 6 {
            return Err(Error::Unknown(format!("{asked} (at least 6 characters are needed)")));
        }
        let fits = |place: &usize| self.certificates[*place].serial.starts_with(&start);
        let places: Vec<usize> = (0..self.certificates.len()).filter(fits).collect();
        match places.as_slice() {
            [] => Err(Error::Unknown(asked)),
            [place] => Ok(*place),
            several => Err(Error::Ambiguous { asked, count: several.len() }),
        }
    }
}

mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(moment)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| D::Error::custom("a moment such as 2026-06-30T12:00:00Z is expected"))
    }
}
