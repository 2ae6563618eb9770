//! From rows, in any order, to histories: filter on the way in, deal people into hands, then hand after hand sort by
//! person and go from one to the next.

use std::collections::HashMap;

use folkmoot_proto::codelist::{ClientType, YesNo};
use folkmoot_proto::period::ReferencePeriod;
use rayon::prelude::*;

use super::unique::{Key, Periods, Work, keep_one_of_each};
use super::{Error, KeyReading, Variant, filter, person};
use crate::clean::cells::CellCodes;
use crate::history::{Cold, Cost, Histories, Hot, More};
use crate::row::{Interned, Row};

/// Into how many hands people are dealt. A hand of a million rows stays within a core's cache, which is what makes the
/// walk from person to person fast; and each is one task for one core.
const HANDS: usize = 128;

/// Bits of a sort word that hold a row's place; the rest hold its person.
const PLACE_BITS: u32 = 31;

/// Takes rows and gives histories.
pub(super) struct Collector {
    variant: Variant,
    reading: KeyReading,
    periods: Vec<ReferencePeriod>,
    in_use: Vec<bool>,
    details: ReferencePeriod,
    current: usize,
    /// Added to a row's number to number it among all rows; `top` is the largest so far.
    base: u32,
    top: u32,
    hands: Vec<Hand>,
    /// Links of carers' rows, by record order.
    links: Vec<(u32, [Option<Interned>; 3])>,
    costs: Distinct<Cost>,
    codes: Distinct<CellCodes>,
    too_many: bool,
}

impl Collector {
    pub(super) fn new(
        periods: Vec<ReferencePeriod>,
        details: ReferencePeriod,
        variant: Variant,
        reading: KeyReading,
    ) -> Self {
        Self {
            variant,
            reading,
            in_use: vec![false; periods.len()],
            too_many: periods.len() > usize::from(u16::MAX),
            periods,
            details,
            current: 0,
            base: 0,
            top: 0,
            hands: (0..HANDS).map(|_| Hand::default()).collect(),
            links: Vec::new(),
            costs: Distinct::default(),
            codes: Distinct::default(),
        }
    }

    /// From now on rows come from the file with the reference period at this place. Files come earliest received first.
    pub(super) fn begin(&mut self, place: usize) {
        self.current = place;
        self.base = self.top.saturating_add(1);
    }

    /// Takes a row, if it is an event of the current file's period that belongs to somebody. `codes` are those of its
    /// cells, for the variant that has them.
    pub(super) fn add(&mut self, row: &Row, codes: Option<&CellCodes>) {
        let Some(person) = row.person else { return };
        let Some((start, end)) = filter::event_of(row, self.periods[self.current]) else { return };
        let Some(order) = self.base.checked_add(row.number) else {
            self.too_many = true;
            return;
        };
        self.top = self.top.max(order);
        self.in_use[self.current] = true;
        let cost = match self.variant {
            Variant::Joined => 0,
            Variant::Single | Variant::SingleWithCodes => self.costs.place(Cost {
                frequency: row.cost_frequency,
                unit_cost: row.unit_cost,
                planned_units: row.planned_units,
            }),
        };
        let more = codes.map_or(cost, |codes| self.codes.place(*codes));
        if row.linked.iter().any(Option::is_some)
            && row.client.is_one_of(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation])
        {
            self.links.push((order, row.linked));
        }
        // One id may stand for an NHS number and for a council's id; they are two people.
        let person = u64::from(person.0) << 1 | u64::from(row.person_is_nhs);
        let hand = &mut self.hands[hand_of(person)];
        let place = hand.works.len();
        if place >> PLACE_BITS != 0 {
            self.too_many = true;
            return;
        }
        hand.words.push(person << PLACE_BITS | place as u64);
        hand.works.push(Work {
            key: Key::new(row, start, end, cost, self.variant, self.reading),
            la_person: row.la_person.map_or(0, |id| id.0.wrapping_add(1)),
            more,
            hot: Hot::new(row, start, end, order, self.current as u16),
            cold: Cold::new(row),
        });
    }

    /// All people with their events.
    pub(super) fn finish(mut self) -> Result<Histories, Error> {
        if self.too_many {
            return Err(Error::TooMany);
        }
        self.links.sort_unstable_by_key(|(order, _)| *order);
        let periods = Periods::new(&self.periods, &self.in_use);

        // Each hand is dropped as soon as its people are made.
        let hands = std::mem::take(&mut self.hands);
        let parts: Vec<Part> = hands.into_par_iter().map(|hand| self.part(hand, &periods)).collect();

        let mut histories = Histories::new(self.periods, self.details);
        let events = parts.iter().map(|part| part.histories.events()).sum();
        histories.reserve(parts.iter().map(|part| part.histories.len()).sum(), events, self.variant);
        histories.set_kinds_of_codes(self.codes.all);
        let mut cared_for: Vec<u32> = parts.iter().flat_map(|part| &part.cared_for).copied().collect();
        cared_for.sort_unstable();
        for part in parts {
            let first = histories.len();
            histories.append(part.histories);
            for (la_person, index) in part.la_persons {
                if cared_for.binary_search(&la_person).is_ok() {
                    histories.person_mut(first + index as usize).set_has_carer(YesNo::Yes);
                }
            }
        }
        Ok(histories)
    }

    /// The people of one hand.
    fn part(&self, Hand { works, mut words }: Hand, periods: &Periods) -> Part {
        words.sort_unstable();
        let mut part =
            Part { histories: Histories::new(Vec::new(), self.details), la_persons: Vec::new(), cared_for: Vec::new() };
        part.histories.reserve(words.len() / 4, words.len(), self.variant);
        let mut rows = Vec::new();
        for person in words.chunk_by(|one, other| one >> PLACE_BITS == other >> PLACE_BITS) {
            rows.clear();
            rows.extend(person.iter().map(|word| works[(word & ((1 << PLACE_BITS) - 1)) as usize]));
            let kept = keep_one_of_each(&mut rows, periods);
            rows.truncate(kept);
            let details = person::details(&rows, periods);
            self.note_links(&rows, &mut part);
            rows.sort_unstable_by_key(|row| (row.hot.start, row.hot.end, std::cmp::Reverse(row.hot.order)));
            part.histories.push(
                &details,
                rows.iter().map(|row| {
                    let more = match self.variant {
                        Variant::Joined => More::Nothing,
                        Variant::Single => More::Cost(self.costs.all[row.more as usize]),
                        Variant::SingleWithCodes => More::Codes(row.more),
                    };
                    (row.hot, row.cold, more)
                }),
            );
        }
        part
    }

    /// Who is linked to by these rows, and by which council ids this person can be linked to.
    fn note_links(&self, rows: &[Work], part: &mut Part) {
        if self.links.is_empty() {
            return;
        }
        let index = part.histories.len() as u32;
        let (first, last) = (self.details.first().number(), self.details.last().number());
        let mut previous = 0;
        for row in rows {
            if row.la_person != previous && row.la_person != 0 {
                part.la_persons.push((row.la_person, index));
                previous = row.la_person;
            }
            if row.hot.end >= first
                && row.hot.start <= last
                && row.hot.client.is_one_of(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation])
                && let Ok(place) = self.links.binary_search_by_key(&row.hot.order, |(order, _)| *order)
            {
                part.cared_for.extend(self.links[place].1.iter().flatten().map(|id| id.0.wrapping_add(1)));
            }
        }
    }
}

/// Each different value once, by place.
struct Distinct<T> {
    all: Vec<T>,
    places: HashMap<T, u32>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Distinct<T> {
    /// The place of a value, a new one when it was not met before.
    fn place(&mut self, value: T) -> u32 {
        *self.places.entry(value).or_insert_with(|| {
            self.all.push(value);
            self.all.len() as u32 - 1
        })
    }
}

/// What becomes of a hand.
struct Part {
    histories: Histories,
    /// Council ids on people's kept rows, each with the person's place in this part.
    la_persons: Vec<(u32, u32)>,
    /// Council ids that carers' kept rows of the last twelve months link to.
    cared_for: Vec<u32>,
}

/// The rows of some people.
#[derive(Default)]
struct Hand {
    works: Vec<Work>,
    /// Person and place of each of `works`: sorting these words sorts the rows by person.
    words: Vec<u64>,
}

/// Spreads people evenly, whatever rhythm their ids have (Fibonacci hashing).
fn hand_of(person: u64) -> usize {
    (person.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - HANDS.trailing_zeros())) as usize
}
