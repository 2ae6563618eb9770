//! X11 and X14: the same person the same on every row of a file. Memory is a few numbers a person.

use crate::clean::record::Record;
use crate::clean::rule::Rule;
use crate::import::columns::Column;

/// What was seen first of each person in this file, by the store's number of the person.
#[derive(Default)]
pub struct Seen {
    people: Vec<First>,
}

#[derive(Clone, Copy)]
struct First {
    /// The other id that came with this one: for an NHS number the council's id, and the reverse. 0 is none yet.
    partner: u32,
    birth: i32,
    death: i32,
    gender: u8,
    ethnicity: u8,
}

const NONE: i32 = i32::MIN;
const EMPTY: First = First { partner: 0, birth: NONE, death: NONE, gender: 0, ethnicity: 0 };

impl Seen {
    fn of(&mut self, id: u32) -> &mut First {
        let place = id as usize;
        if self.people.len() <= place {
            self.people.resize(place + 1, EMPTY);
        }
        &mut self.people[place]
    }

    /// Compares a row with what was seen of its person. `nhs` and `council` are the store's numbers of the two ids.
    pub fn check(
        &mut self,
        row: &Record<'_>,
        nhs: Option<u32>,
        council: Option<u32>,
        findings: &mut Vec<(Column, Rule)>,
    ) {
        if let (Some(nhs), Some(council)) = (nhs, council) {
            // X11, both ways. The store's numbers start at 1.
            let other_council = differs(&mut self.of(nhs).partner, council, 0);
            let other_nhs = differs(&mut self.of(council).partner, nhs, 0);
            if other_council || other_nhs {
                findings.push((if other_nhs { Column::NhsNumber } else { Column::PersonId }, Rule::X11));
            }
        }
        let Some(person) = nhs.or(council) else { return };
        let first = self.of(person);
        let day = |day: Option<folkmoot_proto::period::Day>| day.map_or(NONE, |day| day.number());
        for (broken, column) in [
            (differs(&mut first.gender, row.codes[Column::Gender.index()], 0), Column::Gender),
            (differs(&mut first.ethnicity, row.codes[Column::Ethnicity.index()], 0), Column::Ethnicity),
            (differs(&mut first.birth, day(row.birth), NONE), Column::Birth),
            (differs(&mut first.death, day(row.death), NONE), Column::Death),
        ] {
            if broken {
                findings.push((column, Rule::X14));
            }
        }
    }
}

/// Remembers the first value; true when a later one is another. `none` stands for nothing and is never compared.
fn differs<T: PartialEq + Copy>(first: &mut T, value: T, none: T) -> bool {
    if value == none {
        return false;
    }
    if *first == none {
        *first = value;
        return false;
    }
    *first != value
}
