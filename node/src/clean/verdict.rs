//! What a cell was found to be, and the national pair of codes that follows from it.

/// What a cell was found to be, whatever its row asks of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// Nothing was held, or the text `NULL`.
    #[default]
    Blank,
    /// As the specification has it.
    Valid,
    /// A release 2 value but for capitals.
    Case,
    /// A release 1 text, mapped to release 2.
    Release1,
    /// A release 1 text that release 2 has no value for.
    Release1Only,
    /// A value of either release but for punctuation or spacing, mapped.
    Variant,
    /// A text of the council's own alias file, mapped.
    Alias,
    /// Not in the list.
    NotListed,
    /// Not a date, number or identifier of the right form; read as blank.
    Format,
    /// Of the right form, and kept, but written otherwise than the specification asks.
    Style,
    /// Of the right form but impossible or not credible.
    Implausible,
}

/// What a row asks of a cell: the national status code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(i8)]
pub enum Status {
    /// The row's event type or client type is blank or invalid, so the condition cannot be worked out.
    Undetermined = -1,
    /// Of another event type or client type.
    NotApplicable = 0,
    /// May be held.
    Applicable = 1,
    /// Must be held.
    Mandatory = 2,
}

/// How a cell stands up to what its row asks: the national result code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(i8)]
pub enum Outcome {
    /// Passed: valid.
    Valid = 1,
    /// Passed: blank (not mandatory).
    BlankAllowed = 0,
    /// Failed: blank (mandatory).
    BlankMandatory = -1,
    /// Failed: invalid, not in the list. (The national sub-reasons of -2 to -6 are not public; these are ours.)
    NotListed = -2,
    /// Failed: invalid, but read as the value it is a variant or a local alias of.
    Variant = -3,
    /// Failed: invalid, not of the field's form.
    Format = -4,
    /// Failed: invalid, impossible or not credible.
    Implausible = -5,
    /// Failed: release 1.
    Release1 = -7,
}

impl Status {
    /// Every status, by falling code.
    pub const ALL: [Self; 4] = [Self::Mandatory, Self::Applicable, Self::NotApplicable, Self::Undetermined];

    /// The national code.
    pub fn code(self) -> i8 {
        self as i8
    }

    /// The status with this code.
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The national text.
    pub fn label(self) -> &'static str {
        match self {
            Self::Mandatory => "Mandatory",
            Self::Applicable => "Applicable",
            Self::NotApplicable => "Not applicable",
            Self::Undetermined => "Undetermined",
        }
    }
}

impl Outcome {
    /// Every outcome, best first.
    pub const ALL: [Self; 8] = [
        Self::Valid,
        Self::BlankAllowed,
        Self::BlankMandatory,
        Self::NotListed,
        Self::Variant,
        Self::Format,
        Self::Implausible,
        Self::Release1,
    ];

    /// The national code.
    pub fn code(self) -> i8 {
        self as i8
    }

    /// The outcome with this code.
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The national text, with our sub-reason.
    pub fn label(self) -> &'static str {
        match self {
            Self::Valid => "Passed: Valid",
            Self::BlankAllowed => "Passed: Blank (Not Mandatory)",
            Self::BlankMandatory => "Failed: Blank (Mandatory)",
            Self::NotListed => "Failed: Invalid (not in the list)",
            Self::Variant => "Failed: Invalid (spelling variant)",
            Self::Format => "Failed: Invalid (wrong form)",
            Self::Implausible => "Failed: Invalid (not credible)",
            Self::Release1 => "Failed: Release 1",
        }
    }
}

impl Verdict {
    /// The result code of a cell with this verdict under this status.
    pub fn outcome(self, status: Status) -> Outcome {
        match self {
            Self::Blank if status == Status::Mandatory => Outcome::BlankMandatory,
            Self::Blank => Outcome::BlankAllowed,
            Self::Valid | Self::Case | Self::Style => Outcome::Valid,
            Self::Release1 | Self::Release1Only => Outcome::Release1,
            Self::Variant | Self::Alias => Outcome::Variant,
            Self::NotListed => Outcome::NotListed,
            Self::Format => Outcome::Format,
            Self::Implausible => Outcome::Implausible,
        }
    }
}
