//! The latest details of one person.

use folkmoot_proto::codelist::{Accommodation, Coded, Employment, Ethnicity, Funding, Gender, SupportReason, YesNo};
use folkmoot_proto::period::{Day, Month, age};

use super::{pack_day, pack_month, unpack_day, unpack_month};

/// What assembly found out about a person, before it is packed.
pub(crate) struct Details {
    pub(crate) accommodation: Accommodation,
    pub(crate) employment: Coded<Employment>,
    pub(crate) gender: Gender,
    pub(crate) ethnicity: Ethnicity,
    pub(crate) reason: SupportReason,
    pub(crate) funding: Funding,
    pub(crate) has_carer: YesNo,
    pub(crate) birth: Option<Month>,
    pub(crate) death: Option<Day>,
}

/// The latest details of one person, one value a field, as the national person table has them: the latest known
/// value over all events of the snapshot; values that conflict on every key are unknown.
pub struct Person {
    first: u32,
    count: u32,
    death: i32,
    birth: u16,
    accommodation: Accommodation,
    employment: Coded<Employment>,
    gender: Gender,
    ethnicity: Ethnicity,
    reason: SupportReason,
    funding: Funding,
    has_carer: YesNo,
    has_carer_by_own_rows: YesNo,
}

impl Person {
    pub(super) fn new(details: &Details, first: u32, count: u32) -> Self {
        Self {
            first,
            count,
            death: pack_day(details.death),
            birth: pack_month(details.birth),
            accommodation: details.accommodation,
            employment: details.employment,
            gender: details.gender,
            ethnicity: details.ethnicity,
            reason: details.reason,
            funding: details.funding,
            has_carer: details.has_carer,
            has_carer_by_own_rows: details.has_carer,
        }
    }

    pub(super) fn moved_by(&self, shift: u32) -> Self {
        Self { first: self.first + shift, ..*self }
    }

    pub(super) fn first(&self) -> usize {
        self.first as usize
    }

    pub(super) fn events(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn set_has_carer(&mut self, has_carer: YesNo) {
        self.has_carer = has_carer;
    }

    /// Where the person lives: as submitted, else presumed from the latest services, else unknown.
    pub fn accommodation(&self) -> Accommodation {
        self.accommodation
    }

    /// Paid work. `Invalid` when nothing but invalid values (or blanks) was ever submitted: the method renames them in
    /// every other field, not here. Never `Blank`.
    pub fn employment(&self) -> Coded<Employment> {
        self.employment
    }

    /// Gender.
    pub fn gender(&self) -> Gender {
        self.gender
    }

    /// Ethnic background; a refusal counts only when nothing better was ever submitted.
    pub fn ethnicity(&self) -> Ethnicity {
        self.ethnicity
    }

    /// Primary support reason; support to an unpaid carer counts only when nothing better was ever submitted.
    pub fn reason(&self) -> SupportReason {
        self.reason
    }

    /// Who pays.
    pub fn funding(&self) -> Funding {
        self.funding
    }

    /// Whether the person has an unpaid carer: as submitted, or `Yes` because a carer's row of the last twelve months
    /// names them.
    pub fn has_carer(&self) -> YesNo {
        self.has_carer
    }

    /// Whether the person has an unpaid carer by their own rows alone.
    ///
    /// The one detail that another person's rows can change is [`Self::has_carer`]: a private answer reads this one
    /// instead, since a carer with many links could otherwise move many people from cell to cell.
    pub fn has_carer_by_own_rows(&self) -> YesNo {
        self.has_carer_by_own_rows
    }

    /// Month of birth.
    pub fn birth(&self) -> Option<Month> {
        unpack_month(self.birth)
    }

    /// Day of death.
    pub fn death(&self) -> Option<Day> {
        unpack_day(self.death)
    }

    /// True when the person is known to have died before that day.
    pub fn died_before(&self, day: Day) -> bool {
        self.death < day.number()
    }

    /// Whole years of age on a day by the national rule; `None` without a birth month.
    pub fn age_on(&self, day: Day) -> Option<i32> {
        self.birth().map(|birth| age(birth, day))
    }

    /// The working age band of the person table on a day.
    pub fn working_age_on(&self, day: Day) -> WorkingAge {
        WorkingAge::of_person(self.age_on(day))
    }
}

/// The national working age bands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum WorkingAge {
    /// Under 18.
    Under18,
    /// 18 to 64.
    From18To64,
    /// 65 and above.
    From65,
    /// No birth month is known.
    Unknown,
}

impl WorkingAge {
    /// The band of the person table, where an age of 0 or below is unknown.
    pub fn of_person(age: Option<i32>) -> Self {
        match age {
            Some(..=0) => Self::Unknown,
            other => Self::of_event(other),
        }
    }

    /// The band of an event row, where a negative age is under 18.
    pub fn of_event(age: Option<i32>) -> Self {
        match age {
            None => Self::Unknown,
            Some(..=17) => Self::Under18,
            Some(18..=64) => Self::From18To64,
            Some(65..) => Self::From65,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_nought_is_unknown_for_a_person_and_under_18_for_an_event() {
        for (age, person, event) in [
            (None, WorkingAge::Unknown, WorkingAge::Unknown),
            (Some(-1), WorkingAge::Unknown, WorkingAge::Under18),
            (Some(0), WorkingAge::Unknown, WorkingAge::Under18),
            (Some(1), WorkingAge::Under18, WorkingAge::Under18),
            (Some(17), WorkingAge::Under18, WorkingAge::Under18),
            (Some(18), WorkingAge::From18To64, WorkingAge::From18To64),
            (Some(64), WorkingAge::From18To64, WorkingAge::From18To64),
            (Some(65), WorkingAge::From65, WorkingAge::From65),
        ] {
            assert_eq!((WorkingAge::of_person(age), WorkingAge::of_event(age)), (person, event), "{age:?}");
        }
    }
}
