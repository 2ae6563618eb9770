//! The three blobs of a block of rows.
//!
//! - **facts**: for each row its number (as the difference to the one before), a set of flags, one byte for each list
//!   column, then what the flags announce: ids, days, amounts, event key texts.
//! - **texts**: for each row a set of the cells that are not blank, then for each of them `0` (the cleaned value's own
//!   spelling), `1` and the text, or `2 + term`.
//! - **findings**: for each row with findings its number (difference), how many, then column and rule; column 255 is the
//!   whole row. Rejected rows are only here.

use folkmoot_proto::codelist::EventType;
use folkmoot_proto::period::Day;

use super::bytes::{Reader, put, put_signed};
use crate::clean::lists::{CODE_BLANK, Code, decode};
use crate::clean::rule::Rule;
use crate::import::columns::{COUNT, Column, Kind};
use crate::row::{EventKind, Interned, RawKey, Row};

/// The list columns, in the order of their bytes.
pub(super) const LISTS: [Column; 25] = {
    let mut lists = [Column::LaCode; 25];
    let (mut place, mut column) = (0, 0);
    while column < COUNT {
        if matches!(Column::ALL[column].kind(), Kind::List(_)) {
            lists[place] = Column::ALL[column];
            place += 1;
        }
        column += 1;
    }
    lists
};

/// Where a list column's byte is in [`Facts::codes`].
const fn place(column: Column) -> usize {
    let mut place = 0;
    while place < LISTS.len() {
        if LISTS[place].index() == column.index() {
            return place;
        }
        place += 1;
    }
    panic!("not a list column")
}

/// The values of a row that figures are made from. Ids are the store's numbers; 0 is none.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    pub(super) number: u32,
    pub(super) nhs: u32,
    pub(super) council: u32,
    pub(super) linked: [u32; 3],
    pub(super) codes: [Code; LISTS.len()],
    pub(super) start: Option<Day>,
    pub(super) end: Option<Day>,
    pub(super) death: Option<Day>,
    pub(super) birth: Option<Day>,
    pub(super) unit_cost: Option<i64>,
    pub(super) planned_units: Option<i64>,
    pub(super) conversation: bool,
    /// Client type, route, assessment type, service type, component.
    pub(super) keys: [u32; 5],
}

const CONVERSATION: u64 = 1 << 5;

impl Facts {
    fn days(&self) -> [Option<Day>; 4] {
        [self.start, self.end, self.death, self.birth]
    }

    /// Appends the row. `before` is the number of the row before it in the blob, 0 for the first.
    pub(super) fn put(&self, out: &mut Vec<u8>, before: u32) {
        put(out, u64::from(self.number.wrapping_sub(before)));
        let ids = [self.nhs, self.council, self.linked[0], self.linked[1], self.linked[2]];
        let mut flags = 0;
        for (bit, id) in ids.iter().enumerate() {
            flags |= u64::from(*id != 0) << bit;
        }
        flags |= if self.conversation { CONVERSATION } else { 0 };
        for (bit, day) in self.days().iter().enumerate() {
            flags |= u64::from(day.is_some()) << (6 + bit);
        }
        flags |= u64::from(self.unit_cost.is_some()) << 10 | u64::from(self.planned_units.is_some()) << 11;
        for (bit, key) in self.keys.iter().enumerate() {
            flags |= u64::from(*key != 0) << (12 + bit);
        }
        put(out, flags);
        out.extend_from_slice(&self.codes);
        ids.iter().chain(&self.keys).filter(|id| **id != 0).for_each(|id| put(out, u64::from(*id)));
        self.days().iter().flatten().for_each(|day| put_signed(out, i64::from(day.number())));
        [self.unit_cost, self.planned_units].iter().flatten().for_each(|amount| put_signed(out, *amount));
    }

    /// Reads the next row. `None` when the bytes are not a row.
    #[inline]
    pub(super) fn take(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.number = self.number.wrapping_add(from.id()?);
        let flags = from.number()?;
        self.codes.copy_from_slice(from.take(LISTS.len())?);
        let mut id = |bit: usize| if flags >> bit & 1 == 1 { from.id() } else { Some(0) };
        self.nhs = id(0)?;
        self.council = id(1)?;
        self.linked = [id(2)?, id(3)?, id(4)?];
        self.keys = [id(12)?, id(13)?, id(14)?, id(15)?, id(16)?];
        let mut day = |bit: usize| -> Option<Option<Day>> {
            if flags >> bit & 1 == 0 {
                return Some(None);
            }
            // Days of the years 1 to 2099, which is what cleaning lets through: others have no month.
            let day = from.signed().filter(|day| (-719_162..47_482).contains(day))?;
            Some(Some(Day::from_number(day as i32)))
        };
        self.start = day(6)?;
        self.end = day(7)?;
        self.death = day(8)?;
        self.birth = day(9)?;
        let mut amount = |bit: usize| if flags >> bit & 1 == 1 { from.signed().map(Some) } else { Some(None) };
        self.unit_cost = amount(10)?;
        self.planned_units = amount(11)?;
        self.conversation = flags & CONVERSATION != 0;
        Some(())
    }

    /// The row as assembly sees it.
    pub(super) fn row(&self) -> Row {
        let some = |id: u32| (id != 0).then_some(Interned(id));
        macro_rules! coded {
            ($column:ident) => {{
                const PLACE: usize = place(Column::$column);
                decode(self.codes[PLACE])
            }};
        }
        const EVENT: usize = place(Column::EventType);
        let event = match self.codes[EVENT] {
            CODE_BLANK => EventKind::Blank,
            code => decode::<EventType>(code).value().map_or(EventKind::Other, EventKind::Known),
        };
        let method =
            if event == EventKind::Known(EventType::Review) { coded!(ReviewMethod) } else { coded!(AssessmentMethod) };
        Row {
            number: self.number,
            person: some(if self.nhs != 0 { self.nhs } else { self.council }),
            person_is_nhs: self.nhs != 0,
            la_person: some(self.council),
            linked: self.linked.map(some),
            client: coded!(ClientType),
            event,
            start: self.start,
            end: self.end,
            death: self.death,
            birth: self.birth.map(Day::month),
            gender: coded!(Gender),
            ethnicity: coded!(Ethnicity),
            reason: coded!(SupportReason),
            accommodation: coded!(Accommodation),
            employment: coded!(Employment),
            has_carer: coded!(HasCarer),
            funding: coded!(Funding),
            outcome: coded!(EventOutcome),
            route: coded!(Route),
            assessment: coded!(AssessmentType),
            eligible_needs: coded!(EligibleNeeds),
            method,
            service: coded!(ServiceType),
            component: coded!(ServiceComponent),
            mechanism: coded!(Mechanism),
            review_reason: coded!(ReviewReason),
            review_outcome: coded!(ReviewOutcome),
            cost_frequency: coded!(CostFrequency),
            unit_cost: self.unit_cost,
            planned_units: self.planned_units,
            conversation: self.conversation,
            raw: RawKey {
                client: some(self.keys[0]),
                route: some(self.keys[1]),
                assessment: some(self.keys[2]),
                service: some(self.keys[3]),
                component: some(self.keys[4]),
            },
        }
    }
}

/// A cell's text as the store keeps it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Blank,
    Plain,
    Here(&'a str),
    Term(u32),
}

/// Appends a row's texts.
pub(super) fn put_texts(out: &mut Vec<u8>, cells: &[Cell<'_>; COUNT]) {
    let mut filled = 0u64;
    for (place, cell) in cells.iter().enumerate() {
        filled |= u64::from(*cell != Cell::Blank) << place;
    }
    out.extend_from_slice(&filled.to_le_bytes()[..7]);
    for cell in cells {
        match cell {
            Cell::Blank => {}
            Cell::Plain => out.push(0),
            Cell::Here(text) => {
                out.push(1);
                put(out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            Cell::Term(term) => put(out, u64::from(*term) + 2),
        }
    }
}

/// Reads the next row's texts.
pub(super) fn take_texts<'a>(from: &mut Reader<'a>) -> Option<[Cell<'a>; COUNT]> {
    let mut filled = [0; 8];
    filled[..7].copy_from_slice(from.take(7)?);
    let filled = u64::from_le_bytes(filled);
    let mut cells = [Cell::Blank; COUNT];
    for (place, cell) in cells.iter_mut().enumerate().filter(|(place, _)| filled >> place & 1 == 1) {
        *cell = match from.number()? {
            0 => Cell::Plain,
            1 => Cell::Here(from.text()?),
            term => Cell::Term((term - 2).try_into().ok().filter(|_| place < COUNT)?),
        };
    }
    Some(cells)
}

/// The column byte of a finding about a whole row.
const WHOLE: u8 = u8::MAX;

/// Appends a row's findings.
pub(super) fn put_findings(out: &mut Vec<u8>, before: u32, number: u32, findings: &[(Option<Column>, Rule)]) {
    put(out, u64::from(number.wrapping_sub(before)));
    put(out, findings.len() as u64);
    for (column, rule) in findings {
        out.push(column.map_or(WHOLE, |column| column.index() as u8));
        out.push(rule.code());
    }
}

/// One finding as the store keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// Row number in the file.
    pub row: u32,
    /// The column; `None` for the whole row.
    pub column: Option<Column>,
    /// What was found.
    pub rule: Rule,
}

/// Reads all findings of a block.
pub(super) fn take_findings(bytes: &[u8]) -> Option<Vec<Found>> {
    let mut from = Reader::new(bytes);
    let (mut all, mut row) = (Vec::new(), 0u32);
    while !from.is_empty() {
        row = row.wrapping_add(from.id()?);
        for _ in 0..from.number()? {
            let (column, rule) = (from.byte()?, Rule::from_code(from.byte()?)?);
            let column = if column == WHOLE { None } else { Some(*Column::ALL.get(usize::from(column))?) };
            all.push(Found { row, column, rule });
        }
    }
    Some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Only so that the strategy can be written: rows have no `Debug` elsewhere, and no value here.
    impl std::fmt::Debug for Facts {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "row {}", self.number)
        }
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let id = prop_oneof![Just(0u32), 1u32..=u32::MAX];
        let day = proptest::option::of((-719_162i32..47_482).prop_map(Day::from_number));
        let amount = proptest::option::of(any::<i64>());
        (
            (1u32..1000, [id.clone(), id.clone(), id.clone(), id.clone(), id.clone()], any::<[u8; 25]>()),
            [day.clone(), day.clone(), day.clone(), day],
            (amount.clone(), amount, any::<bool>(), [id.clone(), id.clone(), id.clone(), id.clone(), id]),
        )
            .prop_map(|((number, ids, codes), days, (unit_cost, planned_units, conversation, keys))| Facts {
                number,
                nhs: ids[0],
                council: ids[1],
                linked: [ids[2], ids[3], ids[4]],
                codes,
                start: days[0],
                end: days[1],
                death: days[2],
                birth: days[3],
                unit_cost,
                planned_units,
                conversation,
                keys,
            })
    }

    proptest! {
        #[test]
        fn facts_come_back_row_by_row(rows in proptest::collection::vec(facts(), 0..8)) {
            let (mut out, mut before) = (Vec::new(), 0);
            for row in &rows {
                row.put(&mut out, before);
                before = row.number;
            }
            let (mut reader, mut row) = (Reader::new(&out), Facts::default());
            for expected in &rows {
                prop_assert!(row.take(&mut reader).is_some());
                prop_assert!(row == *expected);
            }
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn damaged_blobs_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (mut reader, mut row) = (Reader::new(&bytes), Facts::default());
            while row.take(&mut reader).is_some() { let _ = row.row(); }
            let mut reader = Reader::new(&bytes);
            while take_texts(&mut reader).is_some() {}
            let _ = take_findings(&bytes);
        }
    }

    #[test]
    fn texts_and_findings_come_back() {
        let mut cells = [Cell::Blank; COUNT];
        cells[0] = Cell::Term(0);
        cells[5] = Cell::Here("Zo\u{eb}, \"x\"\n");
        cells[49] = Cell::Plain;
        let mut out = Vec::new();
        put_texts(&mut out, &cells);
        put_texts(&mut out, &[Cell::Blank; COUNT]);
        let mut reader = Reader::new(&out);
        assert!(take_texts(&mut reader).unwrap() == cells);
        assert!(take_texts(&mut reader).unwrap() == [Cell::Blank; COUNT]);
        assert!(reader.is_empty());

        let mut out = Vec::new();
        put_findings(&mut out, 0, 7, &[(Some(Column::Birth), Rule::X7), (None, Rule::TooFewCells)]);
        put_findings(&mut out, 7, 9, &[(Some(Column::PlannedUnits), Rule::X8)]);
        let found = take_findings(&out).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], Found { row: 7, column: None, rule: Rule::TooFewCells });
        assert_eq!(found[2].row, 9);
    }
}
