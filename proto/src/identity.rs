//! Who a certificate is for, as the one URI name inside it.
//!
//! ```text
//! folkmoot://<federation>/council/<council code>
//! folkmoot://<federation>/coordinator/<name>
//! folkmoot://<federation>/analyst/national/<name>
//! folkmoot://<federation>/analyst/icb/<ODS code>/<name>
//! folkmoot://<federation>/operator/<name>
//! folkmoot://<federation>/auditor/<name>
//! ```
//!
//! There is exactly one spelling of each identity: what [`Identity::parse`] takes, [`Identity`]'s `Display` prints back byte for byte. So two
//! identities are the same when their texts are the same, and nothing downstream ever folds case, decodes percent signs or compares
//! endings of names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{BoardCode, CouncilCode};

/// The longest identity, in bytes. The longest one that the parts allow is shorter; this bound is checked before anything else is looked at.
pub const MAX_LENGTH: usize = 200;

/// The longest federation name, in bytes (a DNS label's length, so that it can be part of a host name).
pub const MAX_FEDERATION: usize = 63;

/// The longest name of a person or service, in bytes.
pub const MAX_NAME: usize = 64;

const SCHEME: &str = "folkmoot://";

/// Object identifier of the extended key usage *signs for a Folkmoot party*, in DER without tag and length.
///
/// `2.25.179249251138915119452617547234021717947`, from a random UUID (ITU-T X.667), so that nobody needs to be asked for a number.
/// A signing certificate carries this usage alone. A TLS library that follows RFC 5280 therefore refuses it in a handshake,
/// and our own check of signatures refuses a certificate without it.
pub const SIGNING_USAGE_OID: &[u8] = &[
    0x69, 0x82, 0x8d, 0xda, 0x93, 0x9a, 0x86, 0xfd, 0xba, 0xb5, 0xad, 0xbb, 0x9b, 0xbc, 0xfc, 0x84, 0xbe, 0xce, 0xef,
    0x3b,
];

/// Why a text is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("an identity of {0} bytes is too long: at most {MAX_LENGTH} are allowed")]
    TooLong(usize),
    /// Does not begin with `folkmoot://`.
    #[error("`{0}` is not an identity: it must begin with `{SCHEME}`, in small letters")]
    Scheme(String),
    /// The federation's name is missing or malformed.
    #[error(
        "`{0}` is not a federation name: 1 to {MAX_FEDERATION} small letters, digits and inner hyphens are expected, beginning with a letter"
    )]
    Federation(String),
    /// The role is none of ours, or the parts after it do not fit it.
    #[error(
        "`{0}` names no role: council/CODE, coordinator/NAME, analyst/national/NAME, analyst/icb/ODS/NAME, operator/NAME or auditor/NAME is \
         expected, in small letters"
    )]
    Role(String),
    /// The council code is malformed or not in its one spelling.
    #[error("`{0}` is not a council code: three digits such as 503, or five characters such as Z9D4Z, are expected")]
    Council(String),
    /// The board code is malformed or not in its one spelling.
    #[error("`{0}` is not an ODS code of an integrated care board: two to six capital letters and digits are expected")]
    Board(String),
    /// The name of a person or service is missing or malformed.
    #[error(
        "`{0}` is not a name for a certificate: 1 to {MAX_NAME} small letters and digits are expected, with single dots, hyphens or \
         underscores between them"
    )]
    Name(String),
}

/// The name of a federation: one authority and those whose certificates it signs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Federation(String);

impl Federation {
    /// Parses a name: 1 to [`MAX_FEDERATION`] small letters, digits and inner hyphens, beginning with a letter.
    ///
    /// # Errors
    /// [`Error::Federation`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let well_formed = text.len() <= MAX_FEDERATION
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && !text.ends_with('-');
        if well_formed { Ok(Self(text.to_owned())) } else { Err(Error::Federation(shorten(text))) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a person or service within a federation and role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Parses a name: 1 to [`MAX_NAME`] small letters and digits, with single dots, hyphens or underscores between them.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        // Each piece between two separators must hold something, so neither `..` nor a trailing dot gets through.
        let well_formed = text.len() <= MAX_NAME
            && text.split(['.', '-', '_']).all(|piece| !piece.is_empty() && piece.bytes().all(plain));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(Error::Name(shorten(text))) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a party does in a federation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Role {
    /// Holds records and answers questions.
    Council,
    /// Asks the councils and merges their answers.
    Coordinator,
    /// Asks for and reads figures of all England.
    NationalAnalyst,
    /// Asks for and reads figures of one integrated care board.
    IcbAnalyst,
    /// Runs the coordinator; reads no figures.
    Operator,
    /// Reads transcripts and audit heads; asks nothing.
    Auditor,
}

impl fmt::Display for Role {
    /// With its article, as used in sentences: "a council", "an auditor".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Council => "a council",
            Self::Coordinator => "a coordinator",
            Self::NationalAnalyst => "a national analyst",
            Self::IcbAnalyst => "an ICB analyst",
            Self::Operator => "an operator",
            Self::Auditor => "an auditor",
        })
    }
}

/// What a certificate's key may be used for. The two kinds are never interchangeable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Connects: TLS in either direction.
    Tls,
    /// Signs protocol messages, queries and registry entries; never used in a handshake.
    Signing,
}

impl Kind {
    /// `tls` or `signing`, as on the command line and in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Signing => "signing",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Party {
    Council(CouncilCode),
    Coordinator(Name),
    NationalAnalyst(Name),
    IcbAnalyst(BoardCode, Name),
    Operator(Name),
    Auditor(Name),
}

/// One party of one federation: what a certificate says about its holder.
///
/// **Guarantee**: parsing and printing are inverse to each other, and no two texts give equal identities.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity {
    federation: Federation,
    party: Party,
}

impl Identity {
    /// A council's identity.
    pub fn for_council(federation: Federation, code: CouncilCode) -> Self {
        Self { federation, party: Party::Council(code) }
    }

    /// A coordinator's identity.
    pub fn for_coordinator(federation: Federation, name: Name) -> Self {
        Self { federation, party: Party::Coordinator(name) }
    }

    /// The identity of an analyst who may ask about all England.
    pub fn for_national_analyst(federation: Federation, name: Name) -> Self {
        Self { federation, party: Party::NationalAnalyst(name) }
    }

    /// The identity of an analyst who may ask about one integrated care board.
    pub fn for_icb_analyst(federation: Federation, board: BoardCode, name: Name) -> Self {
        Self { federation, party: Party::IcbAnalyst(board, name) }
    }

    /// The identity of someone who runs the coordinator.
    pub fn for_operator(federation: Federation, name: Name) -> Self {
        Self { federation, party: Party::Operator(name) }
    }

    /// An auditor's identity.
    pub fn for_auditor(federation: Federation, name: Name) -> Self {
        Self { federation, party: Party::Auditor(name) }
    }

    /// Parses the one spelling of an identity.
    ///
    /// # Errors
    /// The variant of [`Error`] that names the first part that is wrong. Nothing is trimmed, decoded or folded.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::TooLong(text.len()));
        }
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| Error::Scheme(shorten(text)))?;
        let (federation, path) = rest.split_once('/').unwrap_or((rest, ""));
        let federation = Federation::parse(federation)?;
        let parts: Vec<&str> = path.split('/').collect();
        let party = match parts.as_slice() {
            ["council", code] => Party::Council(council(code)?),
            ["coordinator", name] => Party::Coordinator(Name::parse(name)?),
            ["analyst", "national", name] => Party::NationalAnalyst(Name::parse(name)?),
            ["analyst", "icb", code, name] => Party::IcbAnalyst(board(code)?, Name::parse(name)?),
            ["operator", name] => Party::Operator(Name::parse(name)?),
            ["auditor", name] => Party::Auditor(Name::parse(name)?),
            _ => return Err(Error::Role(shorten(path))),
        };
        Ok(Self { federation, party })
    }

    /// The federation this party belongs to.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// What this party does.
    pub fn role(&self) -> Role {
        match self.party {
            Party::Council(_) => Role::Council,
            Party::Coordinator(_) => Role::Coordinator,
            Party::NationalAnalyst(_) => Role::NationalAnalyst,
            Party::IcbAnalyst(..) => Role::IcbAnalyst,
            Party::Operator(_) => Role::Operator,
            Party::Auditor(_) => Role::Auditor,
        }
    }

    /// The council, if this party is one.
    pub fn council(&self) -> Option<CouncilCode> {
        match self.party {
            Party::Council(code) => Some(code),
            _ => None,
        }
    }

    /// The integrated care board whose figures this party may see, if it is an ICB analyst.
    pub fn board(&self) -> Option<&BoardCode> {
        match &self.party {
            Party::IcbAnalyst(code, _) => Some(code),
            _ => None,
        }
    }

    /// The name of the person or service; a council has its code instead.
    pub fn name(&self) -> Option<&Name> {
        match &self.party {
            Party::Council(_) => None,
            Party::Coordinator(name)
            | Party::NationalAnalyst(name)
            | Party::IcbAnalyst(_, name)
            | Party::Operator(name)
            | Party::Auditor(name) => Some(name),
        }
    }

    /// Whether this party is an analyst of either sort.
    pub fn is_analyst(&self) -> bool {
        matches!(self.role(), Role::NationalAnalyst | Role::IcbAnalyst)
    }

    /// A short form fit for a file name: role and code or name joined by hyphens (`council-503`, `analyst-icb-QHM-j.smith`).
    pub fn file_stem(&self) -> String {
        match &self.party {
            Party::Council(code) => format!("council-{code}"),
            Party::Coordinator(name) => format!("coordinator-{name}"),
            Party::NationalAnalyst(name) => format!("analyst-national-{name}"),
            Party::IcbAnalyst(board, name) => format!("analyst-icb-{board}-{name}"),
            Party::Operator(name) => format!("operator-{name}"),
            Party::Auditor(name) => format!("auditor-{name}"),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/", self.federation)?;
        match &self.party {
            Party::Council(code) => write!(f, "council/{code}"),
            Party::Coordinator(name) => write!(f, "coordinator/{name}"),
            Party::NationalAnalyst(name) => write!(f, "analyst/national/{name}"),
            Party::IcbAnalyst(board, name) => write!(f, "analyst/icb/{board}/{name}"),
            Party::Operator(name) => write!(f, "operator/{name}"),
            Party::Auditor(name) => write!(f, "auditor/{name}"),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Identity {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Identity {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}
text_newtype!(Federation);
text_newtype!(Name);

// The id types take small letters and blanks from people's hands; a certificate has one spelling only.
fn council(text: &str) -> Result<CouncilCode, Error> {
    match CouncilCode::parse(text) {
        Ok(code) if code.as_str() == text => Ok(code),
        _ => Err(Error::Council(shorten(text))),
    }
}

fn board(text: &str) -> Result<BoardCode, Error> {
    match BoardCode::parse(text) {
        Ok(code) if code.as_str() == text => Ok(code),
        _ => Err(Error::Board(shorten(text))),
    }
}

// Texts from a peer's certificate reach logs and terminals: bounded, and without control characters.
fn shorten(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_role_parses_and_prints_back() {
        for (text, role) in [
            ("folkmoot://england/council/503", Role::Council),
            ("folkmoot://england/council/Z9D4Z", Role::Council),
            ("folkmoot://england/coordinator/main", Role::Coordinator),
            ("folkmoot://england/analyst/national/j.smith", Role::NationalAnalyst),
            ("folkmoot://england/analyst/icb/QHM/a_jones-2", Role::IcbAnalyst),
            ("folkmoot://rehearsal-1/operator/night", Role::Operator),
            ("folkmoot://e/auditor/nao", Role::Auditor),
        ] {
            let identity = Identity::parse(text).unwrap();
            assert_eq!(identity.role(), role, "{text}");
            assert_eq!(identity.to_string(), text);
        }
        let analyst = Identity::parse("folkmoot://england/analyst/icb/QHM/a").unwrap();
        assert_eq!(analyst.board().map(BoardCode::as_str), Some("QHM"));
        assert_eq!(analyst.council(), None);
        assert_eq!(analyst.name().map(Name::as_str), Some("a"));
        assert_eq!(analyst.file_stem(), "analyst-icb-QHM-a");
    }

    #[test]
    fn near_misses_are_refused() {
        for text in [
            "",
            "folkmoot://",
            "folkmoot:///council/503",
            "folkmoot://england",
            "folkmoot://england/",
            "folkmoot://england/council",
            "folkmoot://england/council/",
            "folkmoot://england/council/503/",
            "folkmoot://england//council/503",
            "folkmoot://england/council//503",
            "folkmoot://england/council/503/extra",
            "folkmoot://england/council/503?x=1",
            "folkmoot://england/council/503#x",
            "folkmoot://england/council/50%33",
            "folkmoot://england/council/z9d4z",
            "folkmoot://england/council/ 503",
            "folkmoot://england/council/503 ",
            "folkmoot://england/Council/503",
            "folkmoot://England/council/503",
            "Folkmoot://england/council/503",
            "folkmoot:/england/council/503",
            "https://england/council/503",
            "folkmoot://england:443/council/503",
            "folkmoot://user@england/council/503",
            "folkmoot://england-/council/503",
            "folkmoot://-england/council/503",
            "folkmoot://1england/council/503",
            "folkmoot://england.example/council/503",
            "folkmoot://england/councils/503",
            "folkmoot://england/../england/council/503",
            "folkmoot://england/coordinator/",
            "folkmoot://england/coordinator/Main",
            "folkmoot://england/coordinator/a..b",
            "folkmoot://england/coordinator/.a",
            "folkmoot://england/coordinator/a.",
            "folkmoot://england/coordinator/a/b",
            "folkmoot://england/analyst/j.smith",
            "folkmoot://england/analyst/icb/QHM",
            "folkmoot://england/analyst/icb//x",
            "folkmoot://england/analyst/icb/qhm/x",
            "folkmoot://england/analyst/National/x",
            "folkmoot://england/analyst/regional/x",
            "folkmoot://england/operator/j\u{f6}rg",
            "folkmoot://england/operator/\u{ff41}",
            "folkmoot://england/council/\u{0665}03",
            "folkmoot://england/council/503\0",
            "folkmoot://england/council/503\n",
            " folkmoot://england/council/503",
            "xfolkmoot://england/council/503",
        ] {
            assert!(Identity::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn long_texts_are_refused_before_they_are_looked_at() {
        let long = format!("folkmoot://england/operator/{}", "a".repeat(MAX_NAME));
        assert!(Identity::parse(&long).is_ok());
        assert!(matches!(Identity::parse(&format!("{long}a")), Err(Error::Name(_))));
        assert_eq!(Identity::parse(&"a".repeat(5_000_000)), Err(Error::TooLong(5_000_000)));
        assert!(Federation::parse(&"a".repeat(MAX_FEDERATION)).is_ok());
        assert!(Federation::parse(&"a".repeat(MAX_FEDERATION + 1)).is_err());
    }

    #[test]
    fn an_error_never_carries_control_characters() {
        let told = Identity::parse("folkmoot://england/operator/\u{1b}[2J\r\n").unwrap_err().to_string();
        assert!(!told.chars().any(char::is_control), "{told:?}");
    }

    #[test]
    fn serde_goes_through_the_parser() {
        let identity: Identity = serde_json::from_str("\"folkmoot://england/council/503\"").unwrap();
        assert_eq!(serde_json::to_string(&identity).unwrap(), "\"folkmoot://england/council/503\"");
        assert!(serde_json::from_str::<Identity>("\"folkmoot://england/council/5\"").is_err());
    }

    proptest! {
        #[test]
        fn what_parses_prints_back_byte_for_byte(text in "folkmoot://[a-cA-C1.%-]{0,4}/(council|analyst/icb|analyst/national|operator|Auditor|auditor)/[a-zA-Z0-9._%/-]{0,8}") {
            if let Ok(identity) = Identity::parse(&text) {
                prop_assert_eq!(identity.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Identity::parse(&text);
            let _ = Identity::parse(&format!("folkmoot://england/{text}"));
        }
    }
}
