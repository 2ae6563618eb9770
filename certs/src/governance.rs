//! What the authority says under the governance key: the membership registry and the national floor.

use std::collections::BTreeMap;
use std::path::Path;

use folkmoot_proto::floor::{self, SignedFloor};
use folkmoot_proto::geography::Geography;
use folkmoot_proto::identity::{Identity, Kind};
use folkmoot_proto::ids::{BoardCode, CouncilCode};
use folkmoot_proto::period::Day;
use folkmoot_proto::recovery::{self, SignedRecovery};
use folkmoot_proto::registry::{self, Member, Registry, SignedRegistry};
use jiff::Timestamp;
use serde::Deserialize;

use crate::authority::{self, Authority, read_governance_key};
use crate::folder::{self, replace};
use crate::inventory::Entry;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The authority's folder or keys.
    #[error(transparent)]
    Authority(Box<authority::Error>),
    /// A line of the members file.
    #[error("{path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: String,
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// Councils without region and board.
    #[error(
        "nothing is known about the region and board of {}: give them with --members FILE.csv (columns council,name,region,icb)",
        list(.0)
    )]
    UnknownPlaces(Vec<CouncilCode>),
    /// Councils of the members file that cannot sign.
    #[error(
        "{} in the members file without a live signing certificate: issue one for each, or leave them out with --allow-missing",
        list(.0)
    )]
    NoCertificate(Vec<CouncilCode>),
    /// Nobody to put into a registry.
    #[error("no council has a live signing certificate yet: issue one with `folkmoot-certs issue` first")]
    NoMembers,
    /// A certificate that is not for signing.
    #[error(
        "certificate {serial} of {identity} is not a signing certificate; a {found} key never speaks for a council"
    )]
    NotForSigning {
        /// Which.
        serial: String,
        /// Whose.
        identity: Identity,
        /// What it is.
        found: String,
    },
    /// The registry breaks a rule.
    #[error("the membership registry would be refused by every node")]
    Registry(#[source] registry::Refusal),
    /// The floor breaks a rule.
    #[error("the national floor would be refused by every node")]
    Floor(#[source] floor::Refusal),
    /// The recovery breaks a rule.
    #[error("the recovery would be refused by the node")]
    Recovery(#[source] recovery::Refusal),
    /// The floor is not TOML.
    #[error("{path} is not valid TOML")]
    Toml {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
}

impl From<authority::Error> for Error {
    fn from(error: authority::Error) -> Self {
        Self::Authority(Box::new(error))
    }
}

impl From<folder::Error> for Error {
    fn from(error: folder::Error) -> Self {
        authority::Error::from(error).into()
    }
}

fn list(councils: &[CouncilCode]) -> String {
    let shown: Vec<String> = councils.iter().take(12).map(|code| code.to_string()).collect();
    let more = if councils.len() > shown.len() {
        format!(" and {} more", councils.len() - shown.len())
    } else {
        String::new()
    };
    let word = if councils.len() == 1 { "council" } else { "councils" };
    format!("{word} {}{more}", shown.join(", "))
}

/// Where a council lies, for the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// ONS code of its region.
    pub region: String,
    /// ODS code of its board.
    pub board: BoardCode,
}

/// What the registry was made from, and what was left out.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The file's content.
    pub registry: SignedRegistry,
    /// Its version.
    pub version: u64,
    /// SHA-256 of its canonical bytes.
    pub hash: [u8; 32],
    /// Its members.
    pub members: usize,
    /// Councils named in the members file that have no live signing certificate.
    pub missing: Vec<CouncilCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    council: String,
    name: String,
    region: String,
    icb: String,
}

/// Reads a members file: CSV with the columns `council,name,region,icb`.
///
/// # Errors
/// [`Error::Line`] for the first line that cannot be used, a council named twice included.
pub fn read_places(path: &Path, text: &str) -> Result<BTreeMap<CouncilCode, Place>, Error> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut places = BTreeMap::new();
    let at = |line: u64, problem: String| Error::Line { path: path.display().to_string(), line, problem };
    for (place, record) in reader.deserialize::<Line>().enumerate() {
        let fallback = place as u64 + 2;
        let record = record.map_err(|error| {
            let line = error.position().map_or(fallback, csv::Position::line);
            at(line, format!("{error}; the columns council,name,region,icb are expected"))
        })?;
        let council = CouncilCode::parse(&record.council).map_err(|error| at(fallback, error.to_string()))?;
        let board = BoardCode::parse(&record.icb).map_err(|error| at(fallback, error.to_string()))?;
        let entry = Place { name: record.name, region: record.region, board };
        if places.insert(council, entry).is_some() {
            return Err(at(fallback, format!("council {council} is in the file twice")));
        }
    }
    Ok(places)
}

/// Where the published tables say that a council lies on the day of `now`.
pub fn published_place(council: CouncilCode, now: Timestamp) -> Option<Place> {
    let tables = Geography::built_in();
    let day: Day = now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string().parse().ok()?;
    let known = tables.council(council)?;
    let board = tables.boards_on(day).board_of(council)?.code.clone();
    Some(Place { name: known.name.clone(), region: known.region_code.clone(), board })
}

/// What a certificate says about a member, refused unless it is for signing.
///
/// # Errors
/// [`Error::NotForSigning`]; [`Error::Authority`] if the copy of the certificate is missing or is not the one in the inventory.
pub fn member(authority: &Authority, entry: &Entry, council: CouncilCode, place: Place) -> Result<Member, Error> {
    // The certificate itself decides, not the inventory's word for its kind.
    let certificate = authority.certificate_of(entry)?;
    match (certificate.kind, certificate.ed25519_key) {
        (Some(Kind::Signing), Some(signing_key)) if certificate.identity.council() == Some(council) => Ok(Member {
            council,
            name: place.name,
            signing_key,
            certificate: certificate.fingerprint,
            valid_from: certificate.not_before,
            valid_until: certificate.not_after,
            region: place.region,
            board: place.board,
        }),
        (kind, _) => Err(Error::NotForSigning {
            serial: certificate.serial,
            identity: certificate.identity,
            found: kind.map_or("many-purpose", Kind::as_str).to_owned(),
        }),
    }
}

impl Authority {
    /// Signs a new membership registry and puts it in `public/registry.json`.
    ///
    /// Members are the councils with a live signing certificate; the newest one of each counts. With `places` only the councils in it; without, all,
    /// with name, region and board from the published tables.
    ///
    /// # Errors
    /// [`Error::NoCertificate`] for councils in `places` without a signing certificate, unless `allow_missing`; [`Error::NoMembers`]; [`Error::UnknownPlaces`];
    /// [`Error::NotForSigning`]; [`Error::Registry`]; [`Error::Authority`]. No version is then used up.
    pub fn sign_registry(
        &mut self,
        governance_key: Option<&Path>,
        places: Option<&BTreeMap<CouncilCode, Place>>,
        allow_missing: bool,
        now: Timestamp,
    ) -> Result<Signed, Error> {
        let key = self.governance_key(governance_key)?;
        let mut newest: BTreeMap<CouncilCode, &Entry> = BTreeMap::new();
        for entry in &self.inventory().certificates {
            if let Some(council) = entry.identity.council()
                && entry.kind == Kind::Signing
                && entry.is_live(now)
                && newest.get(&council).is_none_or(|held| held.issued_at <= entry.issued_at)
            {
                newest.insert(council, entry);
            }
        }
        let missing: Vec<CouncilCode> =
            places.into_iter().flat_map(BTreeMap::keys).filter(|code| !newest.contains_key(code)).copied().collect();
        if !missing.is_empty() && !allow_missing {
            return Err(Error::NoCertificate(missing));
        }
        let mut members = Vec::new();
        let mut unknown = Vec::new();
        for (council, entry) in newest {
            let place = match places {
                Some(places) if !places.contains_key(&council) => continue,
                Some(places) => places.get(&council).cloned(),
                None => published_place(council, now),
            };
            match place {
                Some(place) => members.push(member(self, entry, council, place)?),
                None => unknown.push(council),
            }
        }
        if !unknown.is_empty() {
            return Err(Error::UnknownPlaces(unknown));
        }
        if members.is_empty() {
            return Err(Error::NoMembers);
        }
        members.sort_by(|one, other| one.council.as_str().cmp(other.council.as_str()));
        let version = self.inventory().registry_version + 1;
        let federation = self.inventory().federation.clone();
        let issued_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let registry = Registry::new(federation, version, issued_at, members).map_err(Error::Registry)?;
        let signed = SignedRegistry::sign(&registry, &key);
        // The version is used up before the file is seen: two files with one version would set nodes against each other.
        self.inventory_mut().registry_version = version;
        self.save()?;
        replace(&self.layout().public("registry.json"), &json(&signed))?;
        Ok(Signed { registry: signed, version, hash: registry.hash(), members: registry.members().len(), missing })
    }

    /// Signs a new national floor and puts it in `public/floor.json`. Returns it and its version.
    ///
    /// What the text means is for nodes to judge; it must be TOML, and fit.
    ///
    /// # Errors
    /// [`Error::Toml`], [`Error::Floor`] or [`Error::Authority`]. No version is then used up.
    pub fn sign_floor(
        &mut self,
        governance_key: Option<&Path>,
        path: &Path,
        policy: &str,
        now: Timestamp,
    ) -> Result<(SignedFloor, u64), Error> {
        toml::from_str::<toml::Table>(policy)
            .map_err(|source| Error::Toml { path: path.display().to_string(), source: Box::new(source) })?;
        let key = self.governance_key(governance_key)?;
        let version = self.inventory().floor_version + 1;
        let federation = self.inventory().federation.clone();
        let issued_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let signed =
            SignedFloor::sign(federation, version, issued_at, policy.to_owned(), &key).map_err(Error::Floor)?;
        self.inventory_mut().floor_version = version;
        self.save()?;
        replace(&self.layout().public("floor.json"), &json(&signed))?;
        Ok((signed, version))
    }

    /// Signs that a council goes on with a restored ledger. Nothing is kept here: the council's own log holds it.
    ///
    /// # Errors
    /// [`Error::Recovery`] or [`Error::Authority`].
    pub fn sign_recovery(
        &self,
        governance_key: Option<&Path>,
        mut statement: recovery::Statement,
    ) -> Result<SignedRecovery, Error> {
        let key = self.governance_key(governance_key)?;
        let now = statement.issued_at;
        statement.issued_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        SignedRecovery::sign(self.inventory().federation.clone(), statement, &key).map_err(Error::Recovery)
    }

    fn governance_key(&self, elsewhere: Option<&Path>) -> Result<ed25519_dalek::SigningKey, Error> {
        let usual = self.layout().governance_key();
        Ok(read_governance_key(elsewhere.unwrap_or(&usual))?)
    }

    fn save(&self) -> Result<(), Error> {
        self.inventory().write(self.layout()).map_err(|error| authority::Error::from(error).into())
    }
}

/// A signed thing as the file that everybody gets.
pub(crate) fn json(signed: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(signed).expect("text, numbers and lists, which JSON can hold");
    text + "\n"
}
