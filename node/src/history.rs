//! One person's life in care, as compact as memory allows; no other module knows its layout.
//!
//! [`Histories`] holds every person of a snapshot. A [`History`] is a borrowed view of one of them: the latest
//! [`Person`] details and the person's [`Event`]s. Only [assembly](crate::assemble) makes them. Measures are pure
//! functions of one [`History`].
//!
//! **Shape**: people in one array, the facts that nearly every measure reads in a second (32 bytes an event), the rest
//! in a third of equal length, costs in a fourth that is empty unless the single variant was assembled. The codes of
//! cells are kept as patterns, each different one once, and a place for each event, for the one variant that has them.
//!
//! **Guarantee**: nothing here has `Debug`, a serialised form or an id of a person: a history cannot be printed, logged
//! or sent.

mod event;
mod person;

pub(crate) use event::{Cold, Hot};
pub use event::{Cost, Event};
pub(crate) use person::Details;
pub use person::{Person, WorkingAge};

use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use rayon::prelude::*;

use crate::clean::cells::CellCodes;

/// Which of the two official main tables to build.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Variant {
    /// Every quarter from the latest file that covers it. Without costs.
    #[default]
    Joined,
    /// The latest file that covers the last twelve months, with costs.
    Single,
    /// The same file and the same events, with the codes of every cell instead of costs.
    SingleWithCodes,
}

impl Variant {
    /// True when one file speaks for all twelve months.
    pub(crate) fn is_single(self) -> bool {
        self != Self::Joined
    }
}

/// Every person of one snapshot, each with their events.
///
/// The order of people is fixed for a snapshot and means nothing.
pub struct Histories {
    people: Vec<Person>,
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    costs: Vec<Cost>,
    /// The place of each event's codes in `kinds`; empty unless the variant has them.
    codes: Vec<u32>,
    kinds: Vec<CellCodes>,
    periods: Vec<ReferencePeriod>,
    details: ReferencePeriod,
}

/// What an event carries in some variants only.
#[derive(Clone, Copy)]
pub(crate) enum More {
    Nothing,
    Cost(Cost),
    /// The place of the codes of the row's cells among all different ones.
    Codes(u32),
}

impl Histories {
    /// An empty set, to be filled one person after another.
    ///
    /// `periods` are the reference periods that events name by position; `details` is the span that the latest
    /// person details are built for.
    pub(crate) fn new(periods: Vec<ReferencePeriod>, details: ReferencePeriod) -> Self {
        Self {
            people: Vec::new(),
            hot: Vec::new(),
            cold: Vec::new(),
            costs: Vec::new(),
            codes: Vec::new(),
            kinds: Vec::new(),
            periods,
            details,
        }
    }

    /// Makes room, so that filling does not grow the arrays step by step.
    pub(crate) fn reserve(&mut self, people: usize, events: usize, variant: Variant) {
        self.people.reserve_exact(people);
        self.hot.reserve_exact(events);
        self.cold.reserve_exact(events);
        match variant {
            Variant::Joined => {}
            Variant::Single => self.costs.reserve_exact(events),
            Variant::SingleWithCodes => self.codes.reserve_exact(events),
        }
    }

    /// Sets what the places in [`More::Codes`] stand for.
    pub(crate) fn set_kinds_of_codes(&mut self, kinds: Vec<CellCodes>) {
        self.kinds = kinds;
    }

    /// Adds one person with their events, which must be in the order that [`History::events`] promises.
    pub(crate) fn push(&mut self, details: &Details, events: impl IntoIterator<Item = (Hot, Cold, More)>) {
        let first = self.hot.len();
        for (hot, cold, more) in events {
            self.hot.push(hot);
            self.cold.push(cold);
            match more {
                More::Nothing => {}
                More::Cost(cost) => self.costs.push(cost),
                More::Codes(place) => self.codes.push(place),
            }
        }
        debug_assert!(self.costs.is_empty() || self.costs.len() == self.hot.len(), "costs for all events or for none");
        debug_assert!(self.codes.is_empty() || self.codes.len() == self.hot.len(), "codes for all events or for none");
        let count = self.hot.len() - first;
        self.people.push(Person::new(details, position(first), position(count)));
    }

    /// Appends people that were filled apart (by another thread) with the same periods.
    pub(crate) fn append(&mut self, mut other: Self) {
        let shift = position(self.hot.len());
        self.people.extend(other.people.iter().map(|person| person.moved_by(shift)));
        self.hot.append(&mut other.hot);
        self.cold.append(&mut other.cold);
        self.costs.append(&mut other.costs);
        self.codes.append(&mut other.codes);
    }

    /// The person at a place, for the one step that changes details after all people are known.
    pub(crate) fn person_mut(&mut self, index: usize) -> &mut Person {
        &mut self.people[index]
    }

    /// Number of people.
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// True when nobody is held.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Number of events of all people together.
    pub fn events(&self) -> usize {
        self.hot.len()
    }

    /// The person at a place below [`Self::len`].
    ///
    /// # Panics
    /// When `index` is not below [`Self::len`].
    pub fn history(&self, index: usize) -> History<'_> {
        assert!(index < self.people.len(), "there are {} people", self.people.len());
        History { all: self, index }
    }

    /// Everybody, one after another.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = History<'_>> + DoubleEndedIterator + Clone {
        (0..self.people.len()).map(|index| History { all: self, index })
    }

    /// Everybody, on all cores; each person is independent of the others.
    pub fn par_iter(&self) -> impl IndexedParallelIterator<Item = History<'_>> {
        (0..self.people.len()).into_par_iter().map(|index| History { all: self, index })
    }

    /// The twelve months that the latest person details were built for: the last ones of the joined window. The
    /// method uses them for every period asked of the snapshot.
    pub fn details_period(&self) -> ReferencePeriod {
        self.details
    }

    /// The reference periods of the submissions behind the events.
    pub fn periods(&self) -> &[ReferencePeriod] {
        &self.periods
    }

    /// Bytes on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.people.capacity() * size_of::<Person>()
            + self.hot.capacity() * size_of::<Hot>()
            + self.cold.capacity() * size_of::<Cold>()
            + self.costs.capacity() * size_of::<Cost>()
            + self.codes.capacity() * size_of::<u32>()
            + self.kinds.capacity() * size_of::<CellCodes>()
            + self.periods.capacity() * size_of::<ReferencePeriod>()
    }
}

/// One person: the latest details and the events.
#[derive(Clone, Copy)]
pub struct History<'a> {
    all: &'a Histories,
    index: usize,
}

impl<'a> History<'a> {
    /// The latest details, as the national person table has them.
    pub fn person(self) -> &'a Person {
        &self.all.people[self.index]
    }

    /// Number of events, at least one.
    #[expect(clippy::len_without_is_empty, reason = "nobody is held without an event")]
    pub fn len(self) -> usize {
        self.person().events()
    }

    /// The event at a place below [`Self::len`], in the order of [`Self::events`].
    ///
    /// # Panics
    /// When `place` is not below [`Self::len`].
    pub fn event(self, place: usize) -> Event<'a> {
        assert!(place < self.len(), "the person has {} events", self.len());
        let at = self.person().first() + place;
        Event::new(&self.all.hot[at], at, self.all)
    }

    /// The person's unique events, of every client type and kind.
    ///
    /// **Shape**: by start; the same start, by end, open ends last; the same end, by [`Event::order`], largest first.
    pub fn events(self) -> impl ExactSizeIterator<Item = Event<'a>> + DoubleEndedIterator + Clone {
        let (first, all) = (self.person().first(), self.all);
        all.hot[first..first + self.len()]
            .iter()
            .enumerate()
            .map(move |(place, hot)| Event::new(hot, first + place, all))
    }

    /// The twelve months that the person's details were built for.
    pub fn details_period(self) -> ReferencePeriod {
        self.all.details
    }
}

// An event count is bounded by the store's row numbers, which are 32 bits wide.
fn position(value: usize) -> u32 {
    u32::try_from(value).expect("a snapshot holds fewer than 2^32 events")
}

// Half-word forms of days and months: an absent day sorts last, an absent month is zero (no year is).
const NO_DAY: i32 = i32::MAX;
const NO_MONTH: u16 = 0;

pub(crate) fn pack_day(day: Option<Day>) -> i32 {
    day.map_or(NO_DAY, Day::number)
}

pub(crate) fn unpack_day(number: i32) -> Option<Day> {
    (number != NO_DAY).then(|| Day::from_number(number))
}

pub(crate) fn pack_month(month: Option<Month>) -> u16 {
    month.map_or(NO_MONTH, |month| (i32::from(month.year()) * 12 + i32::from(month.month()) - 1) as u16)
}

pub(crate) fn unpack_month(packed: u16) -> Option<Month> {
    if packed == NO_MONTH { None } else { Month::new((packed / 12) as i16, (packed % 12 + 1) as i8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_32_bytes_where_measures_read() {
        assert_eq!(size_of::<Hot>(), 32);
        assert!(size_of::<Cold>() <= 12, "the rest takes {} bytes", size_of::<Cold>());
        assert!(size_of::<Person>() <= 32, "a person takes {} bytes", size_of::<Person>());
    }

    #[test]
    fn days_and_months_come_back_as_they_went_in() {
        for month in [None, Month::new(1, 1), Month::new(1900, 1), Month::new(2024, 12), Month::new(2200, 12)] {
            assert!(unpack_month(pack_month(month)) == month);
        }
        for day in [None, Some(Day::OPEN), Day::from_ymd(1, 1, 1), Day::from_ymd(2024, 2, 29)] {
            assert!(unpack_day(pack_day(day)) == day);
        }
    }
}
