//! The policy file as it is written: every key optional, every unknown key refused by its path.

use std::collections::BTreeMap;
use std::fmt;

use folkmoot_proto::disclosure::Profile;
use folkmoot_proto::identity::Role;
use folkmoot_proto::privacy::Rho;
use folkmoot_proto::query::Release;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A price or cap: whole billionths of rho. Unlike [`Rho`] it may be zero, since a cap of zero means "never".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Nano(pub u64);

impl From<Option<Rho>> for Nano {
    fn from(rho: Option<Rho>) -> Self {
        Self(rho.map_or(0, Rho::nano))
    }
}

impl fmt::Display for Nano {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Rho::from_nano(self.0) {
            Some(rho) => write!(f, "{rho}"),
            None if self.0 == 0 => f.write_str("0"),
            None => write!(f, "{} billionths", self.0),
        }
    }
}

impl Serialize for Nano {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nano {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Nano;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 0 to 1000 with at most nine decimals, such as 0.005")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Nano, E> {
                let plain = text.trim();
                let zero = !plain.is_empty() && plain.bytes().all(|b| b == b'0' || b == b'.') && plain.contains('0');
                match Rho::parse(plain) {
                    Some(rho) => Ok(Nano(rho.nano())),
                    None if zero => Ok(Nano(0)),
                    None => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
            // The shortest decimal that reads back as this number is what the person wrote, so `0.1` stays exactly 0.1.
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Nano, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Nano, E> {
                self.visit_str(&number.to_string())
            }
        }
        from.deserialize_any(Read)
    }
}

/// Whether anything is answered at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing is answered.
    #[default]
    Off,
    /// Questions are answered as the rest of the policy says.
    On,
}

/// A release kind, by its word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Each council's own figures, small numbers hidden.
    CouncilSuppressed,
    /// Each council's own figures with noise.
    CouncilPrivate,
    /// Sums over councils with noise.
    JointPrivate,
    /// Sums over councils, suppressed by the coordinator.
    JointSuppressed,
}

impl Kind {
    /// The kind of a question's release.
    pub fn of(release: Release) -> Self {
        match release {
            Release::CouncilSuppressed(_) => Self::CouncilSuppressed,
            Release::CouncilPrivate(_) => Self::CouncilPrivate,
            Release::JointPrivate(_) => Self::JointPrivate,
            Release::JointSuppressed(_) => Self::JointSuppressed,
        }
    }

    /// Whether answers of this kind carry noise and a price.
    pub fn is_private(self) -> bool {
        matches!(self, Self::CouncilPrivate | Self::JointPrivate)
    }

    /// The word in policies and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::CouncilSuppressed => "council-suppressed",
            Self::CouncilPrivate => "council-private",
            Self::JointPrivate => "joint-private",
            Self::JointSuppressed => "joint-suppressed",
        }
    }

    /// What leaves the council under this kind, in one sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CouncilSuppressed => {
                "This council's own figures leave it, with small numbers hidden and the others treated as the \
                 suppression profile says."
            }
            Self::CouncilPrivate => "This council's own figures leave it, each with random noise added here first.",
            Self::JointPrivate => {
                "A masked vector with random noise leaves this council; only the sum over all councils that took part \
                 can be read."
            }
            Self::JointSuppressed => {
                "A masked vector leaves this council; only the exact sum over all councils that took part can be read, \
                 by the coordinator, which hides small numbers and rounds before anyone else sees it."
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who may ask, by the role in their certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asker {
    /// National analysts.
    National,
    /// Analysts of one integrated care board.
    Icb,
}

impl Asker {
    /// The asker of an identity's role; `None` for a role that asks nothing.
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::NationalAnalyst => Some(Self::National),
            Role::IcbAnalyst => Some(Self::Icb),
            _ => None,
        }
    }

    /// The word in policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::Icb => "icb",
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A suppression profile as a rank of strictness: `ascof` leaves council counts of 5 and more exact, so it is the less
/// strict one, and a policy that names it allows both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeastStrict {
    /// Only `hospital`.
    #[default]
    Hospital,
    /// `hospital` and `ascof`.
    Ascof,
}

impl LeastStrict {
    /// Whether a profile is at least this strict.
    pub fn allows(self, profile: Profile) -> bool {
        match profile {
            Profile::Hospital => true,
            Profile::Ascof => self == Self::Ascof,
        }
    }

    /// The profile's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Ascof => "ascof",
        }
    }
}

/// Measures by id, or a family by its beginning and `*`; `*` alone means every measure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Whether the measure with this id is meant.
    pub fn matches(&self, id: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(family) => id.starts_with(family),
            None => id == self.0,
        }
    }

    /// Whether everything `other` means is meant by this pattern, too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self.0.strip_suffix('*'), other.0.strip_suffix('*')) {
            (Some(wide), Some(narrow)) => narrow.starts_with(wide),
            (Some(_), None) => self.matches(&other.0),
            (None, Some(_)) => false,
            (None, None) => self == other,
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?.trim().to_ascii_uppercase();
        let body = text.strip_suffix('*').unwrap_or(&text);
        if body.contains('*') || (body.is_empty() && text.is_empty()) {
            return Err(D::Error::custom(format!(
                "'{text}' is neither a measure's id nor the beginning of one followed by a single *"
            )));
        }
        // A typing error must not silently allow nothing: the catalogue knows every id.
        let known = |pattern: &Self| folkmoot_proto::catalogue::all().any(|measure| pattern.matches(measure.id));
        let pattern = Self(text);
        if known(&pattern) {
            return Ok(pattern);
        }
        match folkmoot_proto::catalogue::find(&pattern.0) {
            Some(measure) => Ok(Self(measure.id.to_owned())),
            None => Err(D::Error::custom(format!(
                "there is no measure '{}'; 'folkmoot-node measures' lists them",
                pattern.0
            ))),
        }
    }
}

/// Whose loss is counted as one.
///
/// A person, over all years and answers: two answers about different years are about the same person, and their losses
/// add up. A weaker unit ("person-year") would price them apart; this program does not account by it, and says so
/// instead of reading the key as something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivacyUnit {
    /// One person, with everything that is recorded about them.
    #[default]
    Person,
}

impl<'de> Deserialize<'de> for PrivacyUnit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.trim() {
            "person" => Ok(Self::Person),
            other => Err(D::Error::custom(format!(
                "'{other}' is no unit that this program accounts by; it protects a \"person\", over all years together, \
                 which is the strictest"
            ))),
        }
    }
}

/// What happens with a question that the policy allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalMode {
    /// Answered at once while the price is at most `auto_up_to_rho`, held above it.
    Auto,
    /// A person decides each time.
    #[default]
    Hold,
}

impl ApprovalMode {
    /// The word in policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hold => "hold",
        }
    }
}

/// Whether people with a national data opt-out are left out of figures for a purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptOut {
    /// They are left out.
    #[default]
    Applied,
    /// They are counted; the policy says why that is lawful.
    NotApplied,
}

impl OptOut {
    /// The word in policies.
    pub fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::NotApplied => "not-applied",
        }
    }
}

/// The whole file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Text {
    pub(super) mode: Option<Mode>,
    pub(super) release: ReleaseText,
    pub(super) questions: QuestionsText,
    pub(super) budget: BudgetText,
    // Left out of the digest while it says nothing: rules that mean the same keep the digest they had before the section.
    #[serde(skip_serializing_if = "BoundsText::is_unset")]
    pub(super) bounds: BoundsText,
    pub(super) cohort: CohortText,
    pub(super) approval: ApprovalText,
    pub(super) purposes: Option<Vec<PurposeText>>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReleaseText {
    pub(super) kinds: Option<Vec<Kind>>,
    pub(super) suppression: Option<LeastStrict>,
    /// Seconds; `None` for no slots. Left out of the digest while unset, as [`Text::bounds`] is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slot_seconds: Option<u32>,
}

/// How much one person's records may weigh in a private answer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BoundsText {
    pub(super) max_cells_per_person: Option<u32>,
    pub(super) max_events_per_person: Option<u32>,
    pub(super) max_pounds_per_person: BTreeMap<Pattern, u64>,
}

impl BoundsText {
    fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QuestionsText {
    pub(super) measures: Option<Vec<Pattern>>,
    pub(super) forbidden_dimensions: Option<Vec<String>>,
    pub(super) roles: Option<Vec<Asker>>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetText {
    pub(super) rho_per_person_per_year: Option<Nano>,
    pub(super) rho_per_query: Option<Nano>,
    pub(super) rho_local_max: Option<Nano>,
    pub(super) rho_per_analyst_per_year: Option<Nano>,
    pub(super) unit_of_privacy: Option<PrivacyUnit>,
    pub(super) delta: Option<f64>,
    pub(super) attempts_max: Option<u32>,
    pub(super) per_role: BTreeMap<Asker, Nano>,
    pub(super) per_measure: BTreeMap<Pattern, Nano>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CohortText {
    pub(super) min_cohort: Option<u32>,
    pub(super) max_colluding: Option<u32>,
    pub(super) min_survivors: Option<u32>,
    pub(super) min_cohort_difference: Option<u32>,
    pub(super) overlapping_periods: Option<bool>,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ApprovalText {
    pub(super) mode: Option<ApprovalMode>,
    pub(super) auto_up_to_rho: Option<Nano>,
    pub(super) second_person: Option<bool>,
    pub(super) expires_after_days: Option<u32>,
    pub(super) max_waiting: Option<u32>,
    pub(super) max_waiting_per_analyst: Option<u32>,
    pub(super) rules: Vec<ApprovalRule>,
}

/// An exception: for these roles, measures and kinds (all, when a list is empty) this mode and price also hold. Of all
/// that match, with the general rule among them, the strictest counts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalRule {
    /// Roles it is about.
    pub roles: Vec<Asker>,
    /// Measures it is about.
    pub measures: Vec<Pattern>,
    /// Release kinds it is about.
    pub kinds: Vec<Kind>,
    /// What happens.
    pub mode: ApprovalMode,
    /// The dearest question answered without a person, when the mode is `auto`.
    pub auto_up_to_rho: Option<Nano>,
}

/// One purpose that questions may be asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurposeText {
    /// Its name. A question states it, alone or followed by a colon and details; `*` stands for any purpose.
    pub(super) name: String,
    /// The lawful bases that may be stated with it; `*` stands for any.
    pub(super) lawful_bases: Vec<String>,
    /// Whether people with a national data opt-out are left out.
    #[serde(default)]
    pub(super) national_data_opt_out: OptOut,
    /// Why not, when they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) opt_out_reason: Option<String>,
    /// Cap on what this purpose may cost a person in a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rho_per_year: Option<Nano>,
}
