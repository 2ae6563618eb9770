//! Small random main tables: few people, few days, few values, so that ties, overlaps, blanks and edges are common.

use folkmoot_proto::codelist::{
    Accommodation, AssessmentType, ClientType, CodeList, Coded, Component, CostFrequency, Employment, Ethnicity,
    EventType, Funding, Gender, Mechanism, Method, Outcome, ReviewOutcome, ReviewReason, Route, ServiceType,
    SupportReason, YesNo,
};
use folkmoot_proto::period::{Day, Month, ReferencePeriod};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::kit::{day, own_key, span};
use crate::assemble::{KeyReading, Variant, join, join_coded};
use crate::clean::cells::CellCodes;
use crate::clean::verdict::{Status, Verdict};
use crate::history::Histories;
use crate::import::columns::COUNT;
use crate::row::{EventKind, Interned, Row};

/// How many people a table can be about.
pub(super) const PEOPLE: u32 = 5;

/// The files that rows come from: three adjoining spans.
pub(super) fn file_periods() -> Vec<ReferencePeriod> {
    vec![span("2023-04-01", "2024-03-31"), span("2024-04-01", "2024-09-30"), span("2024-10-01", "2025-06-30")]
}

/// The twelve months that details are built for.
pub(super) fn details() -> ReferencePeriod {
    span("2024-07-01", "2025-06-30")
}

/// A table of rows: each with the place of its file.
pub(super) struct Table(pub(super) Vec<(usize, Row)>);

/// Whose rows a history is made from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Everybody,
    AllBut(u32),
    Only(u32),
    Nobody,
}

impl Whose {
    fn holds(self, person: Option<Interned>) -> bool {
        let person = person.map(|person| person.0);
        match self {
            Self::Everybody => true,
            Self::AllBut(out) => person != Some(out),
            Self::Only(own) => person == Some(own),
            Self::Nobody => false,
        }
    }
}

impl Table {
    /// The histories of some people. The stand-in of each file always stays: a file with no row at all would be no file
    /// to the method.
    pub(super) fn histories(&self, variant: Variant, whose: Whose) -> Histories {
        let parts: Vec<Vec<Row>> = (0..file_periods().len())
            .map(|file| {
                let mut rows: Vec<Row> = self
                    .0
                    .iter()
                    .filter(|(place, row)| *place == file && whose.holds(row.person))
                    .map(|(_, row)| row.clone())
                    .collect();
                let start = file_periods()[file].first();
                rows.push(Row {
                    person: Some(Interned(99)),
                    event: EventKind::Known(EventType::Review),
                    start: Some(start),
                    end: Some(start),
                    ..Row::blank(5_000)
                });
                rows
            })
            .collect();
        let periods = file_periods();
        if variant == Variant::SingleWithCodes {
            let parts: Vec<Vec<_>> =
                parts.iter().map(|rows| rows.iter().map(|row| (row.clone(), codes(row.number))).collect()).collect();
            let parts: Vec<_> = periods.iter().copied().zip(parts.iter().map(Vec::as_slice)).collect();
            return join_coded(&parts, details()).unwrap();
        }
        let parts: Vec<_> = periods.iter().copied().zip(parts.iter().map(Vec::as_slice)).collect();
        join(&parts, details(), variant, KeyReading::Raw).unwrap()
    }

    /// The same table without the links of carers' rows to other people.
    pub(super) fn without_links(&self) -> Self {
        Self(self.0.iter().map(|(file, row)| (*file, Row { linked: [None; 3], ..row.clone() })).collect())
    }
}

/// Statuses and verdicts of a row's cells: any, but always the same for a row.
pub(super) fn verdicts(number: u32) -> ([Status; COUNT], [Verdict; COUNT]) {
    let mut dice = Dice::new(u64::from(number) << 32);
    let verdicts = [
        Verdict::Blank,
        Verdict::Valid,
        Verdict::Case,
        Verdict::Release1,
        Verdict::Release1Only,
        Verdict::Variant,
        Verdict::Alias,
        Verdict::NotListed,
        Verdict::Format,
        Verdict::Style,
        Verdict::Implausible,
    ];
    (std::array::from_fn(|_| dice.pick(&Status::ALL)), std::array::from_fn(|_| dice.pick(&verdicts)))
}

/// The codes of those.
pub(super) fn codes(number: u32) -> CellCodes {
    let (statuses, verdicts) = verdicts(number);
    CellCodes::new(&statuses, &verdicts)
}

/// Draws from few values.
pub(super) struct Dice(pub(super) ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit)
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn code<T: CodeList>(&mut self) -> Coded<T> {
        self.code_of(T::ALL)
    }

    fn code_of<T: CodeList>(&mut self, values: &[T]) -> Coded<T> {
        match self.below(12) {
            0 => Coded::Blank,
            1 => Coded::Invalid,
            _ => Coded::Value(self.pick(values)),
        }
    }

    /// A day at or beside an edge of the periods in question, or within some weeks of it.
    fn near(&mut self) -> Day {
        const EDGES: [&str; 5] = ["2023-04-01", "2024-03-31", "2024-04-01", "2024-10-01", "2025-03-31"];
        let edge = day(self.pick(&EDGES));
        match self.below(3) {
            0 => edge.plus_days(self.0.random_range(-1..=1)),
            1 => edge.plus_days(self.0.random_range(-20..=20)),
            _ => edge.plus_days(self.0.random_range(-150..=150)),
        }
    }

    /// A day shortly after another, where the published windows open and close.
    fn after(&mut self, from: Day) -> Day {
        const STEPS: [i32; 16] = [-1, 0, 0, 1, 3, 6, 7, 8, 13, 14, 28, 90, 91, 92, 365, 366];
        from.plus_days(self.pick(&STEPS))
    }

    /// A table of some people with some rows each.
    pub(super) fn table(&mut self) -> Table {
        let people = PEOPLE as usize;
        let mut all = Vec::new();
        let mut number = 2;
        for person in 0..people as u32 {
            let mut last = self.near();
            let births = [
                Month::new(1950, 1),
                Month::new(1985, 6),
                Month::new(2006, 5),
                Month::new(1960, 4),
                Month::new(1999, 6),
            ];
            let mut birth = self.pick(&births);
            let lean = self.below(3);
            let (gender, reason) = (self.code::<Gender>(), self.code::<SupportReason>());
            // Somebody new who asks and is given something, which random rows hardly ever tell.
            if self.chance(10) {
                let mut start = day("2024-04-01").plus_days(self.below(300) as i32);
                for kind in [EventType::Request, EventType::Assessment, EventType::Service] {
                    let mut row = self.row(number, person, start, Some(start), birth, 2, gender, reason);
                    row.client = Coded::Value(ClientType::ServiceUser);
                    row.event = EventKind::Known(kind);
                    row.death = None;
                    row.outcome = Coded::Value(Outcome::SupportPlanning);
                    row.service = match kind {
                        EventType::Service if self.chance(50) => Coded::Value(ServiceType::StMax),
                        EventType::Service => self.code_of(&ServiceType::ALL[..7]),
                        _ => Coded::Blank,
                    };
                    let file = file_periods().iter().position(|file| file.contains(start));
                    all.push((file.unwrap_or(2), row));
                    number += 1;
                    start = self.after(start).max(start);
                }
                continue;
            }
            for _ in 0..1 + self.below(14) {
                let start = if self.chance(50) { self.after(last) } else { self.near() };
                let end = if self.chance(30) { None } else { Some(self.after(start)) };
                last = end.unwrap_or(start);
                if self.chance(8) {
                    birth = if self.chance(50) { None } else { self.pick(&births) };
                }
                let row = self.row(number, person, start, end, birth, lean, gender, reason);
                // Mostly the file of the last day, so that most rows are events; else any.
                let told = end.unwrap_or(start);
                let file = file_periods().iter().position(|file| file.contains(told));
                let file = file.filter(|_| self.chance(80)).unwrap_or_else(|| self.below(file_periods().len()));
                all.push((file, row));
                number += 1;
                if self.chance(15) {
                    let (file, mut again) = all.last().cloned().unwrap();
                    again.number = number;
                    number += 1;
                    if self.chance(50) {
                        again.raw = own_key(number);
                        again.reason = self.code();
                        again.outcome = self.code();
                    }
                    let file = if self.chance(50) { file } else { self.below(file_periods().len()) };
                    all.push((file, again));
                }
            }
            // Short stays in a row, more clusters than a private answer counts.
            if self.chance(12) {
                for stay in 0..5 {
                    let start = day("2024-05-01").plus_days(9 * stay);
                    let mut row = self.row(number, person, start, Some(start), birth, 1, gender, reason);
                    row.client = Coded::Value(ClientType::ServiceUser);
                    row.event = EventKind::Known(EventType::Service);
                    row.service = Coded::Value(ServiceType::StMax);
                    row.outcome = Coded::Value(Outcome::NfaOther);
                    all.push((1, row));
                    number += 1;
                }
            }
        }
        Table(all)
    }

    #[expect(clippy::too_many_arguments, reason = "what the rows of one person share")]
    fn row(
        &mut self,
        number: u32,
        person: u32,
        start: Day,
        end: Option<Day>,
        birth: Option<Month>,
        lean: usize,
        gender: Coded<Gender>,
        reason: Coded<SupportReason>,
    ) -> Row {
        let client = match (lean, self.below(10)) {
            (0, 0..6) => Coded::Value(self.pick(&[ClientType::UnpaidCarer, ClientType::KnownByAssociation])),
            (_, 9) => self.code(),
            _ => Coded::Value(ClientType::ServiceUser),
        };
        let event = match self.below(20) {
            0 => EventKind::Other,
            1..4 => EventKind::Known(EventType::Request),
            4..6 => EventKind::Known(EventType::Assessment),
            6..8 => EventKind::Known(EventType::Review),
            _ => EventKind::Known(EventType::Service),
        };
        let serves = event == EventKind::Known(EventType::Service) || self.chance(8);
        let service = match (serves, client.is(ClientType::ServiceUser)) {
            (false, _) => Coded::Blank,
            (true, true) if lean == 1 && self.chance(45) => Coded::Value(ServiceType::StMax),
            (true, true) if self.chance(60) => self.code_of(&ServiceType::ALL[..4]),
            (true, false) if self.chance(80) => self.code_of(&ServiceType::ALL[7..]),
            _ => self.code(),
        };
        let own = |dice: &mut Self| dice.chance(85);
        Row {
            person: Some(Interned(person)),
            person_is_nhs: true,
            la_person: Some(Interned(self.below(4) as u32 + 100)),
            linked: [0; 3].map(|_| self.chance(20).then(|| Interned(self.below(4) as u32 + 100))),
            client,
            event,
            start: Some(start),
            end,
            death: self.chance(8).then(|| self.after(start)),
            birth,
            gender: if own(self) { gender } else { self.code() },
            ethnicity: self.code_of(&Ethnicity::ALL[17..]),
            reason: if own(self) { reason } else { self.code_of(&SupportReason::ALL[6..]) },
            accommodation: if lean == 2 && self.chance(85) {
                Coded::Value(Accommodation::Unknown)
            } else {
                self.code_of(&[Accommodation::OwnerOccupier, Accommodation::Refuge, Accommodation::Unknown])
            },
            employment: self.code_of(&[Employment::PaidUnder16, Employment::SeekingWork, Employment::Unknown]),
            has_carer: self.code::<YesNo>(),
            funding: self.code::<Funding>(),
            outcome: self.code::<Outcome>(),
            route: self.code::<Route>(),
            assessment: self.code::<AssessmentType>(),
            eligible_needs: self.code::<YesNo>(),
            method: self.code::<Method>(),
            service,
            component: self.code_of(&[
                Component::LongTermNursing,
                Component::LongTermResidential,
                Component::ShortTermResidential,
                Component::Equipment,
                Component::DirectPayment,
                Component::HomeSupport,
                Component::Reablement,
            ]),
            mechanism: self.code::<Mechanism>(),
            review_reason: self.code::<ReviewReason>(),
            review_outcome: self.code::<ReviewOutcome>(),
            cost_frequency: self.code::<CostFrequency>(),
            unit_cost: self.chance(70).then(|| self.0.random_range(-90_000..90_000)),
            planned_units: self.chance(70).then(|| self.0.random_range(-900..900)),
            conversation: self.chance(20),
            raw: own_key(number),
            ..Row::blank(number)
        }
    }
}
