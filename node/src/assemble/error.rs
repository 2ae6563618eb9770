//! What stops an assembly, and what an operator should know although it went through.

use std::fmt;

use folkmoot_proto::period::{Day, ReferencePeriod};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why histories could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list of submissions could not be read.
    #[error("reading the list of submissions failed")]
    Submissions(#[source] Cause),
    /// A submission's rows could not be read.
    #[error("reading the rows of submission {submission} failed")]
    Rows {
        /// The source's id of it.
        submission: i64,
        /// What the source says.
        #[source]
        cause: Cause,
    },
    /// The window cannot be tiled.
    #[error(
        "the joined window {0} is not a whole number of quarters before 2100: choose a first day and a last day so that \
         three-month steps from the first end exactly on the last"
    )]
    Window(ReferencePeriod),
    /// No file covers any of it.
    #[error(
        "no submission received by {as_of} covers {wanted}: import a file whose event ends reach over it, or choose \
         another window or as-of date"
    )]
    Nothing {
        /// The as-of date.
        as_of: Day,
        /// What was looked for.
        wanted: Wanted,
    },
    /// More rows than places.
    #[error("the window holds more rows than one assembly can number (2^31): choose a shorter joined window")]
    TooMany,
}

/// What a selection looked for in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Any whole quarter.
    AnyQuarter,
    /// Any twelve months that end with a quarter.
    AnyTwelveMonths,
    /// Any quarter of this window.
    QuarterOf(ReferencePeriod),
    /// The whole of this span.
    WholeOf(ReferencePeriod),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyQuarter => write!(f, "a whole quarter"),
            Self::AnyTwelveMonths => write!(f, "twelve months that end with a quarter"),
            Self::QuarterOf(window) => write!(f, "a quarter of {window}"),
            Self::WholeOf(span) => write!(f, "the whole of {span}"),
        }
    }
}

/// What an operator should know about an assembly. Its `Display` is a sentence with the consequence.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// No file covers these quarters of the window.
    Uncovered(ReferencePeriod),
    /// A file's reference period, spanning a gap, overlaps another's.
    Overlap {
        /// The source's ids of the two.
        submissions: [i64; 2],
        /// The span that both speak for.
        span: ReferencePeriod,
    },
    /// No reporting period could be derived from a file, so it is never chosen.
    NoPeriod {
        /// The source's id of it.
        submission: i64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncovered(span) => write!(
                f,
                "no submission covers {span}: it stays empty, and services open before it are taken to end there"
            ),
            Self::Overlap { submissions: [one, other], span } => write!(
                f,
                "submissions {one} and {other} both speak for {span}, since one was chosen for quarters on both sides \
                 of the other's: the later reference period wins event by event, as in the national method"
            ),
            Self::NoPeriod { submission } => write!(
                f,
                "submission {submission} has no event that ended before the month it was received in, so no reporting \
                 period can be derived and it is not used"
            ),
        }
    }
}
