//! Every way in which a step is refused: by a node, by the coordinator about one node, and by the round as a whole.

use thiserror::Error;

use super::codec::Malformed;
use super::parameters::ParameterError;

mod fault;

pub use fault::{Failure, Fault};

/// The steps of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// 0: fresh public keys.
    Advertise,
    /// 1: sealed shares.
    Share,
    /// 2: the masked vector.
    Mask,
    /// 3: signatures over the survivors.
    Consent,
    /// 4: the shares that undo the masks.
    Unmask,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Advertise => "advertise",
            Self::Share => "share",
            Self::Mask => "mask",
            Self::Consent => "sign survivors",
            Self::Unmask => "unmask",
        })
    }
}

/// Which of the shrinking sets of a round is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// `U1`: who advertised keys.
    Advertised,
    /// `U2`: who dealt shares.
    Sharers,
    /// `U3`: whose masked vectors arrived.
    Survivors,
}

impl std::fmt::Display for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Advertised => "councils that advertised keys",
            Self::Sharers => "councils that dealt shares",
            Self::Survivors => "surviving councils",
        })
    }
}

/// Why a node does not answer.
///
/// None of the variants says anything about the node's data. [`Refusal::code`] is stable, for the wire and for
/// counting; [`Refusal::is_alarm`] tells what an honest coordinator never causes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    // The bytes, and the order of things.
    /// The bytes are not the message of this step.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A step was asked for before the one that it builds on.
    #[error("step \"{asked}\" was asked for before \"{missing}\" was done")]
    OutOfOrder {
        /// The step asked for.
        asked: Step,
        /// The one that has to come first.
        missing: Step,
    },
    /// A step was asked for again with another message.
    #[error("step \"{step}\" was already answered for another message in this attempt; it is never answered twice")]
    AlreadyAnswered {
        /// The step.
        step: Step,
    },
    /// The attempt was given up by this node.
    #[error("this attempt was given up by the node: {reason}")]
    GivenUp {
        /// Code of the refusal that ended it.
        reason: &'static str,
    },
    /// The message belongs to another round, other keys or other sets.
    #[error(
        "the message for step \"{step}\" belongs to another transcript: the coordinator has shown this council something else before"
    )]
    OtherTranscript {
        /// The step.
        step: Step,
    },

    // The envelope.
    /// The envelope was made for another membership registry.
    #[error(
        "the envelope names another membership registry than the one this council has; update the registry on the side that is behind"
    )]
    RegistryDiffers,
    /// No coordinator of this name is on the roll now.
    #[error("coordinator {name} is not on the roll, or its signing certificate is not valid now")]
    UnknownCoordinator {
        /// Name in the envelope.
        name: String,
    },
    /// The coordinator's signature does not fit the envelope.
    #[error("the envelope does not carry a valid signature of coordinator {name}")]
    CoordinatorSignature {
        /// Name in the envelope.
        name: String,
    },
    /// No analyst of this name is on the roll now.
    #[error("analyst {name} is not on the roll, or the signing certificate is not valid now")]
    UnknownAnalyst {
        /// Name in the envelope.
        name: String,
    },
    /// The analyst's signature does not fit the query.
    #[error("the query does not carry a valid signature of analyst {name}")]
    AnalystSignature {
        /// Name in the envelope.
        name: String,
    },
    /// The analyst's signature has run out.
    #[error("the analyst's signature on the query ran out at {asked_until} (Unix seconds)")]
    MandateLapsed {
        /// Last second plus one.
        asked_until: u64,
    },
    /// The round has not begun.
    #[error("the round begins at {not_before} (Unix seconds); check this council's clock")]
    NotYet {
        /// First second.
        not_before: u64,
    },
    /// The round is over.
    #[error("the round ended at {expiry} (Unix seconds)")]
    Expired {
        /// First second after it.
        expiry: u64,
    },
    /// The round stays open longer than policy allows.
    #[error("the round would stay open for {seconds} s; policy allows {most} s")]
    OpenTooLong {
        /// Stated.
        seconds: u64,
        /// Allowed.
        most: u64,
    },
    /// A member of the cohort is not registered.
    #[error(
        "council {council} of the cohort is not in the membership registry, or its signing certificate is not valid now"
    )]
    NotRegistered {
        /// Its code.
        council: String,
    },
    /// Two members of the cohort sign with one key.
    #[error("council {council} shares its signing key with another member of the cohort")]
    SharedSigningKey {
        /// Its code.
        council: String,
    },
    /// This council is not in the cohort.
    #[error("council {council} is not in the cohort of this round")]
    NotInCohort {
        /// This node's code.
        council: String,
    },
    /// The node's signing key is not the one in the registry.
    #[error("the registry holds another signing key for council {council} than the one this node signs with")]
    OwnKeyDiffers {
        /// This node's code.
        council: String,
    },
    /// Numbers that no round may have.
    #[error("the parameters of the round break a rule of the protocol")]
    Parameters(#[source] ParameterError),
    /// The stated threshold is not that of the rule.
    #[error("the envelope states threshold {stated}; the rule gives {rule}")]
    Threshold {
        /// In the envelope.
        stated: u16,
        /// `floor((n + c) / 2) + 1`.
        rule: u16,
    },
    /// Attempt 0 or beyond the last.
    #[error("attempt {attempt} is outside 1 to 3")]
    Attempt {
        /// In the envelope.
        attempt: u8,
    },
    /// The vector is empty or too long.
    #[error("{blocks} blocks of {cells_per_block} cells are not between 1 and 1,048,576 cells")]
    VectorLength {
        /// In the envelope.
        blocks: u32,
        /// In the envelope.
        cells_per_block: u32,
    },
    /// The grid factor is no power of two, or too large.
    #[error("grid factor {grid} is not a power of two up to 2^20")]
    Grid {
        /// In the envelope.
        grid: u64,
    },
    /// An exact sum that states noise, or a grid finer than 1.
    #[error("an exact sum has grid 1, rho 0 and sigma 0")]
    ExactWithNoise,
    /// A noisy sum without price or spread.
    #[error("a noisy sum needs a price and a standard deviation above zero")]
    NoiseMissing,
    /// The noise share of one node would be too narrow for the stated price to hold.
    #[error("on grid {grid} a noise share is narrower than 2.5 grid units; the grid has to be finer")]
    GridTooCoarse {
        /// In the envelope.
        grid: u64,
    },
    /// The stated spread is narrower than the stated price allows.
    #[error("the noise is narrower than a price of {rho_nano} billionths of rho allows")]
    NoiseTooNarrow {
        /// In the envelope.
        rho_nano: u64,
    },
    /// A sensitivity or the largest cell is zero.
    #[error("sensitivities and the largest cell have to be above zero")]
    NoSensitivity,
    /// The sum could wrap around.
    #[error("the sum could pass 2^63: too fine a grid, too large a cell or too wide a noise")]
    Headroom,

    // Policy, and the node's own reading of the query.
    /// The cohort is smaller than policy allows.
    #[error("the cohort has {have} councils; policy asks for {need}")]
    CohortTooSmall {
        /// In the envelope.
        have: u16,
        /// In the policy.
        need: u16,
    },
    /// The round assumes fewer colluding councils than policy does.
    #[error("the round assumes {stated} colluding councils; policy asks for at least {need}")]
    TooFewColluding {
        /// In the envelope.
        stated: u16,
        /// In the policy.
        need: u16,
    },
    /// The survivor floor is lower than policy allows.
    #[error("the round would go on with {stated} survivors; policy asks for {need}")]
    SurvivorFloorTooLow {
        /// In the envelope.
        stated: u16,
        /// In the policy.
        need: u16,
    },
    /// The price is higher than policy allows for one round.
    #[error("the round costs {rho_nano} billionths of rho; policy allows {most}")]
    PriceTooHigh {
        /// In the envelope.
        rho_nano: u64,
        /// In the policy.
        most: u64,
    },
    /// Policy allows no exact sums.
    #[error("policy does not allow exact sums")]
    ExactNotAllowed,
    /// The node builds another vector from the query.
    #[error("the layout in the envelope is not the one this node builds from the query")]
    LayoutDiffers,
    /// The query asks for another protection.
    #[error("the protection in the envelope is not the one the query asks for")]
    MechanismDiffers,
    /// The node computes other sensitivities.
    #[error("the sensitivities in the envelope are not those this node computes from the query")]
    SensitivityDiffers,
    /// The node's privacy map gives a higher price.
    #[error("the envelope states {stated} billionths of rho; this node computes {own}")]
    PriceUnderstated {
        /// In the envelope.
        stated: u64,
        /// By the node.
        own: u64,
    },

    // Keys and shares.
    /// Seats not in ascending order, or twice, or outside the cohort.
    #[error("the message for step \"{step}\" does not list distinct members of the cohort in order")]
    Seats {
        /// The step.
        step: Step,
    },
    /// Too few are left.
    #[error("only {have} {set}; this round needs {need}")]
    TooFew {
        /// Which set.
        set: Set,
        /// Its size.
        have: usize,
        /// `max(s_min, t)`.
        need: usize,
    },
    /// The keys of a council are not signed by it.
    #[error("the keys shown for council {council} are not signed by it")]
    KeySignature {
        /// Its code.
        council: String,
    },
    /// Two public keys in the roster are equal.
    #[error("council {council} shows a public key that stands in the roster already")]
    RepeatedKey {
        /// Its code.
        council: String,
    },
    /// A key of small order or in a second encoding: the agreement would be known to everybody.
    #[error("council {council} shows an X25519 key that must not be used")]
    UnsoundKey {
        /// Its code.
        council: String,
    },
    /// The node's own keys in the roster are not the ones it advertised, or are missing.
    #[error("the roster does not show this council's own keys as it advertised them")]
    OwnEntry,
    /// A set is not within the one before it, or leaves this council out.
    #[error("the {set} of this message are not part of the set before, or do not include this council")]
    NotASubset {
        /// Which set.
        set: Set,
    },
    /// The number of sealed pairs does not fit the set.
    #[error("the message does not hold one sealed pair for each other council")]
    PairCount,
    /// A sealed pair does not open.
    #[error("the sealed shares shown as those of council {council} do not open")]
    PairUnreadable {
        /// Its code.
        council: String,
    },
    /// Statements of councils that dealt no shares, or not in their order.
    #[error(
        "what other councils have kept of this council's ledger is not listed in order, by councils that dealt shares"
    )]
    Statements,
    /// What was kept of others' ledgers cannot be read, or the new heads not be kept.
    #[error("cannot read or keep what this council knows of the others' ledgers")]
    Witness(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Peers have seen entries of this council's ledger that it does not hold, or whether it does cannot be read.
    #[error("what other councils have kept of this council's ledger puts it in doubt")]
    Witnessed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret-sharing crate failed, which checked parameters rule out.
    #[error("cannot split this attempt's secrets")]
    Split(#[source] super::shares::SplitError),

    // The contribution.
    /// The node could not make its noise or its counts.
    #[error("cannot make this council's contribution")]
    Contribution(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The contribution has another length than the vector.
    #[error("this council's contribution does not have the length of the vector")]
    ContributionLength,
    /// A count or a noise share is larger than the round has room for, or not on the grid.
    ///
    /// Says neither which nor how much: that would be a statement about the data.
    #[error("this council's contribution is outside what the round has room for")]
    ContributionRange,

    // Survivors.
    /// Fewer signatures than the threshold.
    #[error("{have} signatures over the survivors; the threshold is {need}")]
    TooFewConsents {
        /// Signatures shown.
        have: usize,
        /// Threshold `t`.
        need: usize,
    },
    /// A signature of someone who is not among the survivors.
    #[error("council {council} signed, but is not among the survivors")]
    ConsentOutside {
        /// Its code.
        council: String,
    },
    /// A signature over the survivors does not fit.
    #[error("the signature shown for council {council} over the survivors is not valid")]
    ConsentSignature {
        /// Its code.
        council: String,
    },
}

impl Refusal {
    /// A stable code for the wire, for metrics and for tests: lower case, words joined by hyphens.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::AlreadyAnswered { .. } => "already-answered",
            Self::GivenUp { .. } => "given-up",
            Self::OtherTranscript { .. } => "other-transcript",
            Self::RegistryDiffers => "registry-differs",
            Self::UnknownCoordinator { .. } => "unknown-coordinator",
            Self::CoordinatorSignature { .. } => "coordinator-signature",
            Self::UnknownAnalyst { .. } => "unknown-analyst",
            Self::AnalystSignature { .. } => "analyst-signature",
            Self::MandateLapsed { .. } => "mandate-lapsed",
            Self::NotYet { .. } => "not-yet",
            Self::Expired { .. } => "expired",
            Self::OpenTooLong { .. } => "open-too-long",
            Self::NotRegistered { .. } => "not-registered",
            Self::SharedSigningKey { .. } => "shared-signing-key",
            Self::NotInCohort { .. } => "not-in-cohort",
            Self::OwnKeyDiffers { .. } => "own-key-differs",
            Self::Parameters(_) => "parameters",
            Self::Threshold { .. } => "threshold",
            Self::Attempt { .. } => "attempt",
            Self::VectorLength { .. } => "vector-length",
            Self::Grid { .. } => "grid",
            Self::ExactWithNoise => "exact-with-noise",
            Self::NoiseMissing => "noise-missing",
            Self::GridTooCoarse { .. } => "grid-too-coarse",
            Self::NoiseTooNarrow { .. } => "noise-too-narrow",
            Self::NoSensitivity => "no-sensitivity",
            Self::Headroom => "headroom",
            Self::CohortTooSmall { .. } => "cohort-too-small",
            Self::TooFewColluding { .. } => "too-few-colluding",
            Self::SurvivorFloorTooLow { .. } => "survivor-floor-too-low",
            Self::PriceTooHigh { .. } => "price-too-high",
            Self::ExactNotAllowed => "exact-not-allowed",
            Self::LayoutDiffers => "layout-differs",
            Self::MechanismDiffers => "mechanism-differs",
            Self::SensitivityDiffers => "sensitivity-differs",
            Self::PriceUnderstated { .. } => "price-understated",
            Self::Seats { .. } => "seats",
            Self::TooFew { .. } => "too-few",
            Self::KeySignature { .. } => "key-signature",
            Self::RepeatedKey { .. } => "repeated-key",
            Self::UnsoundKey { .. } => "unsound-key",
            Self::OwnEntry => "own-entry",
            Self::NotASubset { .. } => "not-a-subset",
            Self::PairCount => "pair-count",
            Self::PairUnreadable { .. } => "pair-unreadable",
            Self::Statements => "statements",
            Self::Witness(_) => "witness",
            Self::Witnessed(_) => "ledger-in-doubt",
            Self::Split(_) => "split",
            Self::Contribution(_) => "contribution",
            Self::ContributionLength => "contribution-length",
            Self::ContributionRange => "contribution-range",
            Self::TooFewConsents { .. } => "too-few-consents",
            Self::ConsentOutside { .. } => "consent-outside",
            Self::ConsentSignature { .. } => "consent-signature",
        }
    }

    /// Whether an honest coordinator and honest councils never cause this: write it to the audit log as an alarm.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::AlreadyAnswered { .. }
                | Self::OtherTranscript { .. }
                | Self::CoordinatorSignature { .. }
                | Self::AnalystSignature { .. }
                | Self::SharedSigningKey { .. }
                | Self::Threshold { .. }
                | Self::PriceUnderstated { .. }
                | Self::NoiseTooNarrow { .. }
                | Self::SensitivityDiffers
                | Self::Seats { .. }
                | Self::KeySignature { .. }
                | Self::RepeatedKey { .. }
                | Self::UnsoundKey { .. }
                | Self::OwnEntry
                | Self::NotASubset { .. }
                | Self::PairCount
                | Self::PairUnreadable { .. }
                | Self::Statements
                | Self::ConsentOutside { .. }
                | Self::ConsentSignature { .. }
        )
    }
}
