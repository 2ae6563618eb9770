//! Every rule a file is checked by: its id, how serious breaking it is, and what to tell a council's analyst.

use super::verdict::Verdict;

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// The row is not stored.
    Rejected,
    /// Something is lost or wrong: a value is read as blank or as not mapped, or figures leave the row out.
    Error,
    /// Likely a mistake; the value is used.
    Warning,
    /// Understood without loss, but not as the specification asks. Does not count against a row.
    Note,
}

impl Level {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! rules {
    ($($variant:ident = $id:literal, $level:ident, $cause:literal, $fix:literal;)+) => {
        /// A rule that a row or a cell can break. The order is that of the store's codes: append, never move.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $cause] $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The id that reports carry.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }

            /// How serious it is.
            pub fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level),+ }
            }

            /// What is wrong, in plain words.
            pub fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause),+ }
            }

            /// What to do about it.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix),+ }
            }
        }
    };
}

rules! {
    TooFewCells = "row-short", Rejected, "The row breaks off: it has fewer cells than the header has named columns.",
        "Export the file again; look for line breaks inside cells that are not in quotes.";
    TooManyCells = "row-long", Rejected, "The row has more cells than the header.",
        "Put cells that contain commas in double quotes, as the export's CSV setting should do.";
    UnnamedCell = "row-shifted", Rejected, "A cell stands under a column without a name, so the row is probably shifted.",
        "Put cells that contain commas in double quotes; name or remove the extra column.";
    OpenQuote = "row-quote", Rejected, "A cell runs over many lines: a double quote was opened and never closed.",
        "Double every quotation mark inside a cell (\"\"), and check that each quoted cell is closed.";
    Erased = "person-erased", Rejected, "The row is about a person who was erased from this node, so it was not stored.",
        "Nothing to do. Lift the erasure if it was a mistake.";
    NullText = "null-text", Note, "The cell holds the text NULL; it is read as blank.",
        "Leave the cell empty.";
    ListCase = "list-case", Note, "The value differs from the specification's only in capital letters; it is used.",
        "Write the value exactly as in the specification.";
    ListRelease1 = "list-release-1", Warning, "The value is from release 1 of the specification; it is used as its release 2 value.",
        "Change the export to the release 2 value.";
    ListRelease1Only = "list-release-1-gone", Error, "The value is from release 1 and has no counterpart in release 2; it is not mapped.",
        "Choose the release 2 value that says best what happened.";
    ListVariant = "list-variant", Warning, "The value is spelt otherwise than in the specification; it is used as the value it resembles.",
        "Write the value exactly as in the specification.";
    ListAlias = "list-alias", Warning, "The value is mapped by an alias, not by the specification.",
        "Change the export to the release 2 value.";
    ListInvalid = "list-invalid", Error, "The value is not in the specification's list; it is kept as Invalid and not mapped.",
        "Replace it by a value of the list, or add it to the council's alias file if its meaning is plain.";
    DateInvalid = "date-invalid", Error, "The cell is not a date that can be read; it is taken as blank.",
        "Write dates as dd/mm/yyyy.";
    DateFar = "date-far", Warning, "The date is in the year 2100 or later; it is taken as blank (open).",
        "Leave the cell empty when there is no date.";
    DateDummy = "date-1900", Warning, "The date is 01/01/1900, which usually stands for an unknown date; it is kept.",
        "Leave the cell empty when the date is not known.";
    DateForm = "date-form", Note, "The date is not written dd/mm/yyyy; it was understood.",
        "Write dates as dd/mm/yyyy, without a time.";
    NumberInvalid = "number-invalid", Error, "The cell is not a number that can be read; it is taken as blank.",
        "Write a plain number such as 12.50, without words.";
    NumberNegative = "number-negative", Warning, "The number is below zero; it is kept as written.",
        "Check the sign: costs, units and numbers of people are not negative.";
    NumberForm = "number-form", Note, "The number is not written 0.00; it was understood.",
        "Write plain numbers with two decimals, without currency signs or thousands separators.";
    NhsCheck = "nhs-check", Error, "The NHS number's check digit is wrong, so it is not used to tell who the person is.",
        "Look the number up again; one digit is probably mistyped.";
    NhsRepeated = "nhs-repeated", Error, "The NHS number is one digit repeated, so it is not used to tell who the person is.",
        "Leave the cell empty when the number is not known.";
    NhsNine = "nhs-nine", Error, "The NHS number has nine digits: a spreadsheet has probably dropped a leading zero. It is not used.",
        "Export the column as text.";
    NhsScientific = "nhs-scientific", Error, "The NHS number was turned into scientific notation by a spreadsheet and is lost.",
        "Export the column as text.";
    NhsForm = "nhs-form", Error, "The NHS number does not have ten digits, so it is not used to tell who the person is.",
        "Write the ten digits, or leave the cell empty.";
    PostcodeForm = "postcode-form", Warning, "The postcode does not have the shape of one.",
        "Write a full postcode, such as ZZ99 3VZ for no fixed abode.";
    PracticeForm = "practice-form", Warning, "The practice code is not a letter and five digits.",
        "Use the practice's national (ODS) code.";
    LocationForm = "location-form", Note, "The location id does not look like one of the Care Quality Commission.",
        "Use the location id from the commission's directory, such as 1-123456789.";
    CouncilForm = "council-form", Error, "The council code does not have the form of one.",
        "Write the three-digit council code (or the five-character one of a council made since 2021).";
    CouncilOther = "council-other", Warning, "The row names another council; it was taken because the import was told to.",
        "Import only this council's own file.";
    CountForm = "count-form", Error, "The cell should hold a whole number.",
        "Write a whole number, or leave the cell empty.";
    Mandatory = "mandatory", Warning, "The cell is blank, but the specification requires a value in this row.",
        "Fill it in; for a list, use its own Unknown value when nothing is known.";
    X1 = "X1", Error, "The event ends before it starts.",
        "Correct the start or the end date. Most measures leave such events out.";
    X2 = "X2", Error, "A request, assessment or review must have ended inside the file's stated period.",
        "Fill in or correct the end date, or leave the event out of this file.";
    X3 = "X3", Error, "The service was not open at any time in the file's stated period.",
        "Correct its dates, or leave the service out of this file.";
    X4 = "X4", Warning, "The event ends after the file was received.",
        "Leave the end date empty until the event has ended.";
    X5 = "X5", Error, "The person died before the event started, or before the period. Figures leave the row out.",
        "Correct the date of death or the event's dates.";
    X6 = "X6", Error, "The person has died but the event has no end date.",
        "End the event, at the latest on the date of death.";
    X7 = "X7", Warning, "The date of birth is after the event's start, or makes the person 115 or older.",
        "Correct the date of birth; leave it empty when it is not known.";
    X8 = "X8", Warning, "The cell belongs to another type of event or client than this row's.",
        "Leave it empty on this kind of row.";
    X9 = "X9", Warning, "A carer known by association needs the id of at least one cared-for person and no event.",
        "Fill in Adult 1 Linked Person_ID and leave the event columns empty.";
    X10 = "X10", Error, "The row has neither a usable NHS number nor a council person id. Figures leave it out.",
        "Fill in the LA Person Unique Identifier.";
    X11 = "X11", Warning, "The NHS number and the council person id do not belong together as on an earlier row of this file.",
        "Check for duplicate records of one person, or two people under one id.";
    X12 = "X12", Warning, "The stated reporting period is not the one that the events show.",
        "Check that the whole twelve months were exported.";
    X13 = "X13", Warning, "A service that was open at the end of the period should have the outcome Continuation of support or services.",
        "Correct the outcome, or end the service.";
    X14 = "X14", Warning, "This person's gender, ethnicity, date of birth or date of death differs from an earlier row of this file.",
        "Make the person's details the same on every row.";
    DateOld = "date-old", Warning, "The date is before 1900, which cannot be right; it is kept.",
        "Write the year with four digits, and correct it.";
}

impl Rule {
    /// The byte that the store keeps.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What a cell with this finding was found to be; `None` for rules that say nothing of the cell by itself. Of
    /// several findings in a cell the first decides.
    pub fn verdict(self) -> Option<Verdict> {
        Some(match self {
            Self::NullText => Verdict::Blank,
            Self::ListCase => Verdict::Case,
            Self::ListRelease1 => Verdict::Release1,
            Self::ListRelease1Only => Verdict::Release1Only,
            Self::ListVariant => Verdict::Variant,
            Self::ListAlias => Verdict::Alias,
            Self::ListInvalid => Verdict::NotListed,
            Self::DateForm | Self::NumberForm => Verdict::Style,
            Self::DateFar | Self::DateDummy | Self::DateOld | Self::NumberNegative | Self::CouncilOther => {
                Verdict::Implausible
            }
            Self::DateInvalid
            | Self::NumberInvalid
            | Self::NhsCheck
            | Self::NhsRepeated
            | Self::NhsNine
            | Self::NhsScientific
            | Self::NhsForm
            | Self::PostcodeForm
            | Self::PracticeForm
            | Self::LocationForm
            | Self::CouncilForm
            | Self::CountForm => Verdict::Format,
            Self::TooFewCells
            | Self::TooManyCells
            | Self::UnnamedCell
            | Self::OpenQuote
            | Self::Erased
            | Self::Mandatory
            | Self::X1
            | Self::X2
            | Self::X3
            | Self::X4
            | Self::X5
            | Self::X6
            | Self::X7
            | Self::X8
            | Self::X9
            | Self::X10
            | Self::X11
            | Self::X12
            | Self::X13
            | Self::X14 => return None,
        })
    }

    /// The rule of a byte.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_id_and_tells_what_to_do() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!(rule.cause().ends_with('.') && rule.fix().ends_with('.'), "{}", rule.id());
            assert_eq!(Rule::from_code(rule.code()), Some(*rule));
        }
    }

    #[test]
    fn every_rule_is_in_the_documentation_word_for_word() {
        let page = include_str!("../../../docs/import.md");
        for rule in Rule::ALL {
            let line = format!("| `{}` | {} | {} | {} |", rule.id(), rule.level().label(), rule.cause(), rule.fix());
            assert!(page.contains(&line), "docs/import.md lacks: {line}");
        }
    }
}
