//! Names of things, each parsed once and then carried as a type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a council code.
    #[error("`{0}` is not a council code: three digits such as 503, or five characters such as Z9D4Z, are expected")]
    Council(String),
    /// Not a board code.
    #[error("`{0}` is not an ODS code of an integrated care board: two to six capital letters and digits are expected")]
    Board(String),
    /// Not 32 hexadecimal characters.
    #[error("`{0}` is not {1}: 32 hexadecimal characters are expected")]
    Hex(String, &'static str),
}

/// A council with adult social services responsibilities, by the code that its client level data carry.
///
/// Three digits for the older councils, letter-digit-letter-digit-letter for those made since 2021. Text, never a
/// number: `007` is not `7`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CouncilCode {
    bytes: [u8; 5],
    len: u8,
}

impl CouncilCode {
    /// Parses a code; small letters are raised and surrounding blanks dropped.
    ///
    /// # Errors
    /// [`Error::Council`] for anything that has neither form.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        let digits = trimmed.len() == 3 && trimmed.bytes().all(|byte| byte.is_ascii_digit());
        let mixed = trimmed.len() == 5
            && trimmed
                .bytes()
                .enumerate()
                .all(|(place, byte)| if place % 2 == 0 { byte.is_ascii_alphabetic() } else { byte.is_ascii_digit() });
        if !digits && !mixed {
            return Err(Error::Council(trimmed.chars().take(40).collect()));
        }
        let mut bytes = [0; 5];
        for (to, from) in bytes.iter_mut().zip(trimmed.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        Ok(Self { bytes, len: trimmed.len() as u8 })
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a council code is ASCII by construction")
    }
}

/// An integrated care board, by its ODS code (`QHM`, `S1Y5D`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoardCode(String);

impl BoardCode {
    /// Parses a code; small letters are raised and surrounding blanks dropped.
    ///
    /// # Errors
    /// [`Error::Board`] for anything but two to six letters and digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raised = text.trim().to_ascii_uppercase();
        if (2..=6).contains(&raised.len()) && raised.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(raised))
        } else {
            Err(Error::Board(raised.chars().take(40).collect()))
        }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
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
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
    };
}
text_id!(CouncilCode);
text_id!(BoardCode);

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);
        impl $name {
            /// Makes an id of 16 random bytes that the caller drew.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| Error::Hex(text.chars().take(40).collect(), $what))?;
                Ok(Self(bytes))
            }
        }
        impl TryFrom<&[u8]> for $name {
            type Error = Error;
            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                Ok(Self(bytes.try_into().map_err(|_| Error::Hex(hex::encode(&bytes[..bytes.len().min(20)]), $what))?))
            }
        }
    };
}
random_id!(
    /// One question as asked to the councils.
    QueryId,
    "a query id"
);
random_id!(
    /// One run of a question over many councils, with its progress.
    JobId,
    "a job id"
);
random_id!(
    /// One attempt of the aggregation protocol.
    RoundId,
    "a round id"
);
random_id!(
    /// One immutable published set of figures.
    ReleaseId,
    "a release id"
);
random_id!(
    /// One dialled connection.
    LinkId,
    "a link id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn council_codes_are_text_of_two_forms() {
        assert_eq!(CouncilCode::parse("007").map(|code| code.to_string()), Ok("007".into()));
        assert_eq!(CouncilCode::parse(" z9d4z ").map(|code| code.to_string()), Ok("Z9D4Z".into()));
        for bad in ["", "7", "5030", "99999", "Z9D4", "ZZD4Z", "50 3", "E06000057"] {
            assert!(CouncilCode::parse(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn random_ids_print_and_parse_back() {
        let id = QueryId::from_bytes([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("abc".parse::<QueryId>().is_err());
    }
}
