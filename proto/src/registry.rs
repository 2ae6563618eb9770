//! The membership registry: which councils take part, and under which signing key each of them speaks.
//!
//! It is signed by the federation's governance key and pinned by each node. It is the defence against invented councils: a coordinator that
//! could name members by itself could surround one real council with ghosts and read its figures off the sum.
//!
//! ```text
//! authority: members -> Registry::new -> SignedRegistry::sign -> file
//! node:      file -> SignedRegistry -> verify(pinned key) -> VerifiedRegistry -> member(code, now)
//! ```
//!
//! Only a [`VerifiedRegistry`] answers questions about members, and only [`SignedRegistry::verify`] makes one from a file.

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::governance::{self, Canonical, GovernanceKey, digest, hex_array, is_whole, moment_text, sign};
use crate::identity::Federation;
use crate::ids::{BoardCode, CouncilCode};
use crate::text::is_unseen;

/// The most members a registry holds: six times as many as there are councils with adult social services in England.
pub const MAX_MEMBERS: usize = 1000;

/// The longest name of a council, in bytes.
pub const MAX_NAME: usize = 120;

const DOMAIN: &str = "folkmoot/registry/1";

/// Why a registry, or a member, is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not signed by the pinned key.
    #[error("the membership registry is not what the authority signed")]
    Unsigned(#[source] governance::Error),
    /// A form we do not know.
    #[error("the membership registry has the form `{0}`, this program knows `{DOMAIN}`: update it")]
    Form(String),
    /// Made for another federation.
    #[error("the membership registry belongs to federation {found}, this is {expected}")]
    OtherFederation {
        /// The registry's.
        found: Federation,
        /// Ours.
        expected: Federation,
    },
    /// No members, or more than [`MAX_MEMBERS`].
    #[error("the membership registry has {0} members; 1 to {MAX_MEMBERS} are allowed")]
    Size(usize),
    /// Members are not in ascending order of their codes.
    #[error("the membership registry is not sorted: {later} comes after {earlier}")]
    Unsorted {
        /// The first of the two, as found.
        earlier: CouncilCode,
        /// The second.
        later: CouncilCode,
    },
    /// A council is in it twice.
    #[error("council {0} is in the membership registry twice")]
    Duplicate(CouncilCode),
    /// Two councils have one key or one certificate.
    #[error("councils {first} and {second} have the same signing {what} in the membership registry")]
    Shared {
        /// One of the two.
        first: CouncilCode,
        /// The other.
        second: CouncilCode,
        /// `key` or `certificate`.
        what: &'static str,
    },
    /// A member's entry breaks a rule.
    #[error("the entry of council {council} in the membership registry has a bad {what}")]
    Member {
        /// Whose entry.
        council: CouncilCode,
        /// Which field, and what is expected.
        what: &'static str,
    },
    /// A date with parts of a second, or version 0.
    #[error("the membership registry has a bad {0}")]
    Field(&'static str),
    /// Older than the registry already held.
    #[error(
        "the membership registry has version {found}, version {held} is held already: fetch the newest from the authority"
    )]
    Older {
        /// The new one's.
        found: u64,
        /// The held one's.
        held: u64,
    },
    /// Another content under a version already held.
    #[error(
        "two different membership registries carry version {0}: one of them is not meant for this federation; ask the authority which"
    )]
    Fork(u64),
    /// The council is not in the registry.
    #[error("council {0} is not a member of the federation")]
    NotAMember(CouncilCode),
    /// The council's signing certificate is not in force.
    #[error(
        "the membership of council {council} runs from {from} to {until}, it is now {now}: its signing certificate needs renewal"
    )]
    NotInForce {
        /// Which council.
        council: CouncilCode,
        /// The first moment of its membership.
        from: Timestamp,
        /// The last one.
        until: Timestamp,
        /// When it was asked for.
        now: Timestamp,
    },
}

/// One council of the federation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The council.
    pub council: CouncilCode,
    /// Its name, for people: 1 to [`MAX_NAME`] bytes without control characters.
    pub name: String,
    /// Ed25519 public key that its protocol messages are signed under.
    #[serde(with = "hex_array")]
    pub signing_key: [u8; 32],
    /// SHA-256 of its signing certificate's DER bytes.
    #[serde(with = "hex_array")]
    pub certificate: [u8; 32],
    /// The first moment of its membership, in whole seconds.
    #[serde(with = "moment_text")]
    pub valid_from: Timestamp,
    /// The last moment of its membership, in whole seconds; its signing certificate's last at the latest.
    #[serde(with = "moment_text")]
    pub valid_until: Timestamp,
    /// ONS code of its region: 3 to 9 capital letters and digits.
    pub region: String,
    /// ODS code of the integrated care board that it counts towards.
    pub board: BoardCode,
}

/// A registry that obeys all rules, not yet signed.
///
/// **Shape**: `members` ascend strictly by council code, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    federation: Federation,
    version: u64,
    issued_at: Timestamp,
    members: Vec<Member>,
}

impl Registry {
    /// Puts a registry together.
    ///
    /// # Errors
    /// [`Refusal::Size`], [`Refusal::Unsorted`], [`Refusal::Duplicate`], [`Refusal::Shared`], [`Refusal::Member`] or [`Refusal::Field`].
    pub fn new(
        federation: Federation,
        version: u64,
        issued_at: Timestamp,
        members: Vec<Member>,
    ) -> Result<Self, Refusal> {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(Refusal::Size(members.len()));
        }
        if version == 0 {
            return Err(Refusal::Field("version: it starts at 1"));
        }
        if !is_whole(issued_at) {
            return Err(Refusal::Field("date of issue: whole seconds are expected"));
        }
        for pair in members.windows(2) {
            let (earlier, later) = (pair[0].council, pair[1].council);
            if earlier == later {
                return Err(Refusal::Duplicate(later));
            }
            if earlier.as_str() > later.as_str() {
                return Err(Refusal::Unsorted { earlier, later });
            }
        }
        members.iter().try_for_each(check_member)?;
        distinct(&members, "key", |member| member.signing_key)?;
        distinct(&members, "certificate", |member| member.certificate)?;
        Ok(Self { federation, version, issued_at, members })
    }

    /// Whose members these are.
    pub fn federation(&self) -> &Federation {
        &self.federation
    }

    /// Counts up with each registry that the authority signs.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it was put together.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// All members, ascending by council code, whether or not in force now.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// SHA-256 of the canonical bytes: what protocol messages name a registry by.
    pub fn hash(&self) -> [u8; 32] {
        digest(&self.canonical())
    }

    /// The bytes that are signed and hashed.
    ///
    /// **Shape**: domain, federation, version, moment of issue, number of members, then for each its code, name, key, certificate, both
    /// moments, region and board. Texts have their length in bytes before them; lengths, numbers and moments (seconds since 1970) are
    /// 64-bit big-endian.
    pub fn canonical(&self) -> Vec<u8> {
        let mut to = Canonical::new(DOMAIN);
        to.text(self.federation.as_str()).number(self.version).moment(self.issued_at).number(self.members.len() as u64);
        for member in &self.members {
            to.text(member.council.as_str())
                .text(&member.name)
                .array(&member.signing_key)
                .array(&member.certificate)
                .moment(member.valid_from)
                .moment(member.valid_until)
                .text(&member.region)
                .text(member.board.as_str());
        }
        to.finish()
    }
}

fn check_member(member: &Member) -> Result<(), Refusal> {
    let bad = |what| Err(Refusal::Member { council: member.council, what });
    let name = &member.name;
    if name.is_empty() || name.len() > MAX_NAME || name.trim() != name || name.chars().any(is_unseen) {
        return bad("name: 1 to 120 bytes, without control characters and surrounding blanks");
    }
    let region_form = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if !(3..=9).contains(&member.region.len()) || !member.region.bytes().all(region_form) {
        return bad("region: the ONS code, 3 to 9 capital letters and digits");
    }
    if !is_whole(member.valid_from) || !is_whole(member.valid_until) || member.valid_from > member.valid_until {
        return bad("validity: two moments in whole seconds, the first not after the second");
    }
    // A key of small order would make every signature of this council forgeable.
    match ed25519_dalek::VerifyingKey::from_bytes(&member.signing_key) {
        Ok(key) if !key.is_weak() => Ok(()),
        _ => bad("signing key: an Ed25519 public key"),
    }
}

fn distinct(members: &[Member], what: &'static str, of: impl Fn(&Member) -> [u8; 32]) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeMap::new();
    for member in members {
        if let Some(first) = seen.insert(of(member), member.council) {
            return Err(Refusal::Shared { first, second: member.council, what });
        }
    }
    Ok(())
}

/// A registry as it travels: content and signature, believed by nobody until [`SignedRegistry::verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRegistry {
    form: String,
    federation: Federation,
    version: u64,
    #[serde(with = "moment_text")]
    issued_at: Timestamp,
    members: Vec<Member>,
    #[serde(with = "hex_array")]
    signed_by: [u8; 32],
    #[serde(with = "hex_array")]
    signature: [u8; 64],
}

impl SignedRegistry {
    /// Signs a registry with the governance key.
    pub fn sign(registry: &Registry, key: &SigningKey) -> Self {
        Self {
            form: DOMAIN.to_owned(),
            federation: registry.federation.clone(),
            version: registry.version,
            issued_at: registry.issued_at,
            members: registry.members.clone(),
            signed_by: key.verifying_key().to_bytes(),
            signature: sign(key, &registry.canonical()),
        }
    }

    /// Checks form, rules, federation and signature.
    ///
    /// **Guarantee**: what comes back was signed under `pinned`, byte for byte in canonical form, for `federation`.
    ///
    /// # Errors
    /// The [`Refusal`] of the first check that fails.
    pub fn verify(&self, pinned: &GovernanceKey, federation: &Federation) -> Result<VerifiedRegistry, Refusal> {
        if self.form != DOMAIN {
            return Err(Refusal::Form(self.form.chars().take(60).flat_map(char::escape_debug).collect()));
        }
        let registry = Registry::new(self.federation.clone(), self.version, self.issued_at, self.members.clone())?;
        pinned.check(&registry.canonical(), &self.signed_by, &self.signature).map_err(Refusal::Unsigned)?;
        // After the signature: only then is the federation's name more than hearsay.
        if &registry.federation != federation {
            return Err(Refusal::OtherFederation { found: registry.federation, expected: federation.clone() });
        }
        Ok(VerifiedRegistry { hash: registry.hash(), registry })
    }
}

/// A registry that the pinned governance key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRegistry {
    registry: Registry,
    hash: [u8; 32],
}

impl VerifiedRegistry {
    /// The content.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// SHA-256 of the canonical bytes.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Checks that taking this registry in place of one of version `held` and hash `hash` does not go back in time.
    ///
    /// # Errors
    /// [`Refusal::Older`] for a lower version; [`Refusal::Fork`] for the same version with another content.
    pub fn follows(&self, held: u64, hash: &[u8; 32]) -> Result<(), Refusal> {
        let found = self.registry.version;
        if found < held {
            return Err(Refusal::Older { found, held });
        }
        if found == held && &self.hash != hash {
            return Err(Refusal::Fork(found));
        }
        Ok(())
    }

    /// The entry of a council whose membership is in force at `now`.
    ///
    /// # Errors
    /// [`Refusal::NotAMember`] or [`Refusal::NotInForce`].
    pub fn member(&self, council: CouncilCode, now: Timestamp) -> Result<&Member, Refusal> {
        let members = &self.registry.members;
        let place = members
            .binary_search_by(|member| member.council.as_str().cmp(council.as_str()))
            .map_err(|_| Refusal::NotAMember(council))?;
        let member = &members[place];
        if now < member.valid_from || now > member.valid_until {
            return Err(Refusal::NotInForce { council, from: member.valid_from, until: member.valid_until, now });
        }
        Ok(member)
    }

    /// All councils whose membership is in force at `now`, ascending by code.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Member> {
        self.registry.members.iter().filter(move |member| member.valid_from <= now && now <= member.valid_until)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn england() -> Federation {
        Federation::parse("england").unwrap()
    }

    fn member(code: &str, seed: u8) -> Member {
        Member {
            council: CouncilCode::parse(code).unwrap(),
            name: format!("Council {code}"),
            signing_key: key(seed).verifying_key().to_bytes(),
            certificate: [seed; 32],
            valid_from: at("2026-01-01T00:00:00Z"),
            valid_until: at("2026-12-31T23:59:59Z"),
            region: "E12000001".into(),
            board: BoardCode::parse("QHM").unwrap(),
        }
    }

    fn registry(version: u64, members: Vec<Member>) -> Result<Registry, Refusal> {
        Registry::new(england(), version, at("2026-06-30T12:00:00Z"), members)
    }

    fn three() -> Registry {
        registry(4, vec![member("211", 1), member("503", 2), member("Z9D4Z", 3)]).unwrap()
    }

    fn governance() -> SigningKey {
        key(99)
    }

    fn pinned() -> GovernanceKey {
        GovernanceKey::of(&governance())
    }

    #[test]
    fn what_the_authority_signs_verifies_and_answers() {
        let signed = SignedRegistry::sign(&three(), &governance());
        let text = serde_json::to_string(&signed).unwrap();
        let read: SignedRegistry = serde_json::from_str(&text).unwrap();
        let verified = read.verify(&pinned(), &england()).unwrap();
        assert_eq!(verified.registry(), &three());
        let now = at("2026-07-01T00:00:00Z");
        let council = CouncilCode::parse("503").unwrap();
        assert_eq!(verified.member(council, now).unwrap().signing_key, key(2).verifying_key().to_bytes());
        let stranger = CouncilCode::parse("999").unwrap();
        assert_eq!(verified.member(stranger, now), Err(Refusal::NotAMember(stranger)));
    }

    #[test]
    fn the_canonical_bytes_are_pinned() {
        let one = registry(1, vec![member("503", 2)]).unwrap();
        let mut expected = Vec::new();
        let mut text = |text: &str| {
            expected.extend_from_slice(&(text.len() as u64).to_be_bytes());
            expected.extend_from_slice(text.as_bytes());
        };
        text("folkmoot/registry/1");
        text("england");
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend_from_slice(&1_782_820_800_i64.to_be_bytes()); // 2026-06-30T12:00:00Z
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend_from_slice(b"\0\0\0\0\0\0\0\x03503\0\0\0\0\0\0\0\x0bCouncil 503");
        expected.extend_from_slice(&key(2).verifying_key().to_bytes());
        expected.extend_from_slice(&[2; 32]);
        expected.extend_from_slice(&1_767_225_600_i64.to_be_bytes()); // 2026-01-01T00:00:00Z
        expected.extend_from_slice(&1_798_761_599_i64.to_be_bytes()); // 2026-12-31T23:59:59Z
        expected.extend_from_slice(b"\0\0\0\0\0\0\0\x09E12000001\0\0\0\0\0\0\0\x03QHM");
        assert_eq!(one.canonical(), expected);
    }

    #[test]
    fn no_character_of_the_file_can_be_changed() {
        let signed = SignedRegistry::sign(&three(), &governance());
        let text = serde_json::to_string(&signed).unwrap();
        let good = signed.verify(&pinned(), &england()).unwrap();
        for place in 0..text.len() {
            for flip in [1, 2, 32] {
                let mut bytes = text.clone().into_bytes();
                bytes[place] ^= flip;
                let Ok(changed) = serde_json::from_slice::<SignedRegistry>(&bytes) else { continue };
                // Some changes only spell the same content differently (capitals in hexadecimal); any other must be refused.
                if let Ok(verified) = changed.verify(&pinned(), &england()) {
                    assert_eq!(verified, good, "byte {place} was changed by {flip}");
                }
            }
        }
    }

    #[test]
    fn a_changed_field_is_refused_as_unsigned() {
        let sign = |change: fn(&mut SignedRegistry)| {
            let mut signed = SignedRegistry::sign(&three(), &governance());
            change(&mut signed);
            signed.verify(&pinned(), &england()).unwrap_err()
        };
        for change in [
            (|signed| signed.version += 1) as fn(&mut SignedRegistry),
            |signed| signed.members[1].name.push('x'),
            |signed| signed.members[1].signing_key = key(77).verifying_key().to_bytes(),
            |signed| signed.members[1].certificate[0] ^= 1,
            |signed| signed.members[1].valid_until = "2036-12-31T23:59:59Z".parse().unwrap(),
            |signed| signed.members[1].region = "E12000002".into(),
            |signed| signed.members[1].board = BoardCode::parse("QHG").unwrap(),
            |signed| signed.members.truncate(2),
            |signed| signed.members.push(member("Z9D5Z", 8)),
            |signed| signed.federation = Federation::parse("scotland").unwrap(),
            |signed| signed.issued_at = "2026-07-30T12:00:00Z".parse().unwrap(),
            |signed| signed.signature[63] ^= 1,
        ] {
            assert_eq!(sign(change), Refusal::Unsigned(governance::Error::Signature));
        }
    }

    #[test]
    fn only_the_pinned_key_counts() {
        let signed = SignedRegistry::sign(&three(), &key(5));
        assert!(matches!(
            signed.verify(&pinned(), &england()),
            Err(Refusal::Unsigned(governance::Error::OtherKey { .. }))
        ));
        // Claiming the pinned key without having it.
        let mut forged = signed;
        forged.signed_by = *pinned().as_bytes();
        assert_eq!(forged.verify(&pinned(), &england()), Err(Refusal::Unsigned(governance::Error::Signature)));
    }

    #[test]
    fn another_federations_registry_is_refused_even_under_the_same_key() {
        let signed = SignedRegistry::sign(&three(), &governance());
        let other = Federation::parse("rehearsal").unwrap();
        assert!(matches!(signed.verify(&pinned(), &other), Err(Refusal::OtherFederation { .. })));
    }

    #[test]
    fn an_expired_member_is_not_in_force() {
        let verified = SignedRegistry::sign(&three(), &governance()).verify(&pinned(), &england()).unwrap();
        let council = CouncilCode::parse("503").unwrap();
        for now in ["2025-12-31T23:59:59Z", "2027-01-01T00:00:00Z"] {
            assert!(matches!(verified.member(council, at(now)), Err(Refusal::NotInForce { .. })));
            assert_eq!(verified.in_force(at(now)).count(), 0);
        }
        for now in ["2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"] {
            assert!(verified.member(council, at(now)).is_ok());
            assert_eq!(verified.in_force(at(now)).count(), 3);
        }
    }

    #[test]
    fn lists_that_break_a_rule_are_refused() {
        assert_eq!(registry(1, vec![]), Err(Refusal::Size(0)));
        assert!(matches!(registry(0, vec![member("211", 1)]), Err(Refusal::Field(_))));
        assert!(matches!(registry(1, vec![member("503", 1), member("211", 2)]), Err(Refusal::Unsorted { .. })));
        assert!(matches!(registry(1, vec![member("503", 1), member("503", 2)]), Err(Refusal::Duplicate(_))));
        assert!(matches!(
            registry(1, vec![member("211", 1), member("503", 1)]),
            Err(Refusal::Shared { what: "key", .. })
        ));
        let mut same = member("503", 2);
        same.certificate = [1; 32];
        assert!(matches!(registry(1, vec![member("211", 1), same]), Err(Refusal::Shared { what: "certificate", .. })));
        for change in [
            (|member| member.name.clear()) as fn(&mut Member),
            |member| member.name = " x".into(),
            |member| member.name = "a\u{1b}b".into(),
            |member| member.name = "x".repeat(121),
            |member| member.region = "e12".into(),
            |member| member.region.clear(),
            |member| member.valid_until = "2025-01-01T00:00:00Z".parse().unwrap(),
            |member| member.valid_from = "2026-01-01T00:00:00.5Z".parse().unwrap(),
            |member| member.signing_key = [0; 32],
        ] {
            let mut bad = member("503", 1);
            change(&mut bad);
            assert!(matches!(registry(1, vec![bad]), Err(Refusal::Member { .. })));
        }
    }

    #[test]
    fn a_signed_list_that_breaks_a_rule_is_refused_all_the_same() {
        // A careless authority signs what our own constructor would not make.
        let mut members = three().members;
        members.swap(0, 1);
        let unsorted = Registry { members, ..three() };
        let signed = SignedRegistry::sign(&unsorted, &governance());
        assert!(matches!(signed.verify(&pinned(), &england()), Err(Refusal::Unsorted { .. })));
    }

    #[test]
    fn a_registry_does_not_go_back() {
        let verify =
            |registry: &Registry| SignedRegistry::sign(registry, &governance()).verify(&pinned(), &england()).unwrap();
        let held = verify(&three());
        let (version, hash) = (held.registry().version(), *held.hash());
        assert_eq!(held.follows(version, &hash), Ok(()));
        let older = verify(&registry(3, vec![member("211", 1)]).unwrap());
        assert_eq!(older.follows(version, &hash), Err(Refusal::Older { found: 3, held: 4 }));
        let fork = verify(&registry(4, vec![member("211", 1)]).unwrap());
        assert_eq!(fork.follows(version, &hash), Err(Refusal::Fork(4)));
        assert_eq!(verify(&registry(5, vec![member("211", 1)]).unwrap()).follows(version, &hash), Ok(()));
    }
}
