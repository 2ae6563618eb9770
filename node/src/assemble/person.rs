//! The latest details of a person, found in all their events of the snapshot.
//!
//! # Source
//! `Create_personal_details_table.sql`

use folkmoot_proto::codelist::{
    Accommodation, Coded, Component, Employment, Ethnicity, Funding, Gender, ServiceType, SupportReason, YesNo,
};

use super::unique::{Periods, Work};
use crate::history::{Details, Hot, unpack_day, unpack_month};

/// Details of the person whose unique events these are.
pub(super) fn details(rows: &[Work], periods: &Periods) -> Details {
    let mut accommodation = Latest::new(Accommodation::Unknown);
    let mut employment = Latest::new(Coded::Value(Employment::Unknown));
    let mut gender = Latest::new(Gender::Unknown);
    let mut ethnicity = Latest::new(Ethnicity::Undeclared);
    let mut reason = Latest::new(SupportReason::Unknown);
    let mut funding = Latest::new(Funding::Unknown);
    let mut has_carer = Latest::new(YesNo::Unknown);
    let mut birth = None;
    let mut death = None;

    for Work { hot, cold, .. } in rows {
        let when = recency(hot, periods);
        let place = cold.accommodation.value().unwrap_or(Accommodation::Unknown);
        accommodation.see(place != Accommodation::Unknown, when, place);
        // The one field where invalid keeps its own name: on its own it stays, beside Unknown it conflicts.
        let work = if cold.employment == Coded::Blank { Coded::Invalid } else { cold.employment };
        employment.see(work.value().is_some_and(|work| work != Employment::Unknown), when, work);
        let sex = hot.gender.value().unwrap_or(Gender::Unknown);
        gender.see(sex != Gender::Unknown, when, sex);
        let background = hot.ethnicity.value().unwrap_or(Ethnicity::Undeclared);
        let known = match background {
            Ethnicity::Undeclared => 0,
            Ethnicity::Refused => 1,
            _ => 2,
        };
        ethnicity.see_ranked(known, when, background);
        let why = hot.reason.value().unwrap_or(SupportReason::Unknown);
        reason.see(!matches!(why, SupportReason::Unknown | SupportReason::UnpaidCarer), when, why);
        let payer = cold.funding.value().unwrap_or(Funding::Unknown);
        funding.see(payer != Funding::Unknown, when, payer);
        let carer = hot.has_carer.value().unwrap_or(YesNo::Unknown);
        has_carer.see(carer != YesNo::Unknown, when, carer);

        // The latest period that knows it; in it the earliest month of birth and the latest day of death.
        let period = periods.rank(hot);
        if let Some(month) = unpack_month(hot.birth) {
            birth = birth.max(Some((period, std::cmp::Reverse(month))));
        }
        if let Some(day) = unpack_day(hot.death) {
            death = death.max(Some((period, day)));
        }
    }

    let mut accommodation = accommodation.value();
    if accommodation == Accommodation::Unknown {
        accommodation = presumed(rows);
    }
    Details {
        accommodation,
        employment: employment.value(),
        gender: gender.value(),
        ethnicity: ethnicity.value(),
        reason: reason.value(),
        funding: funding.value(),
        has_carer: has_carer.value(),
        birth: birth.map(|(_, month)| month.0),
        death: death.map(|(_, day)| day),
    }
}

/// The value on the rows that come first; unknown when those disagree.
struct Latest<T> {
    best: Option<(u64, T)>,
    conflict: bool,
    unknown: T,
}

impl<T: Copy + PartialEq> Latest<T> {
    fn new(unknown: T) -> Self {
        Self { best: None, conflict: false, unknown }
    }

    fn see(&mut self, known: bool, when: u64, value: T) {
        self.see_ranked(u64::from(known), when, value);
    }

    fn see_ranked(&mut self, known: u64, when: u64, value: T) {
        let rank = known << KNOWN_SHIFT | when;
        match self.best {
            Some((best, _)) if rank < best => {}
            Some((best, first)) if rank == best => self.conflict |= value != first,
            _ => (self.best, self.conflict) = (Some((rank, value)), false),
        }
    }

    fn value(&self) -> T {
        match self.best {
            Some((_, value)) if !self.conflict => value,
            _ => self.unknown,
        }
    }
}

const DAY_BITS: u32 = 22;
const KNOWN_SHIFT: u32 = 16 + 2 * DAY_BITS;

/// One number that grows with the end of the reference period, then the end (open is latest), then the start.
fn recency(hot: &Hot, periods: &Periods) -> u64 {
    u64::from(periods.rank(hot)) << (2 * DAY_BITS) | dates(hot)
}

fn dates(hot: &Hot) -> u64 {
    squeeze(hot.end) << DAY_BITS | squeeze(hot.start)
}

/// A day in 22 bits: counted from before the year 1, which leaves room up to the year 11,000.
fn squeeze(day: i32) -> u64 {
    const BEFORE_ALL: i64 = 719_600;
    (i64::from(day) + BEFORE_ALL).clamp(0, (1 << DAY_BITS) - 1) as u64
}

/// Where somebody of unknown accommodation must live, going by their latest services.
///
/// The reference period is no key here, and rows of any client type count.
fn presumed(rows: &[Work]) -> Accommodation {
    let telling = |row: &Work| row.hot.component.value().filter(|component| TELLING.contains(component));
    let rank = |row: &Work| {
        let Hot { start, end, service, .. } = row.hot;
        (end, std::cmp::Reverse(order(service)), telling(row).is_some(), start)
    };
    let services = || rows.iter().filter(|row| row.hot.is_service());
    let Some(best) = services().map(rank).max() else { return Accommodation::Unknown };

    let mut service = None;
    let mut components = Vec::new();
    for row in services().filter(|row| rank(row) == best) {
        // All tied rows have the same place in the order, hence the same type, unless it is none of the seven.
        service = row.hot.service.value().filter(|_| order(row.hot.service) < OTHERS);
        if let Some(component) = telling(row).filter(|component| !components.contains(component)) {
            components.push(component);
        }
    }
    let component = if let [only] = components[..] { Some(only) } else { None };
    match (service, component) {
        (Some(ServiceType::Nursing), _) => Accommodation::NursingHome,
        (Some(ServiceType::Residential), _) => Accommodation::CareHome,
        (_, Some(Component::SharedLives)) => Accommodation::SharedLives,
        (_, Some(Component::ExtraCare)) => Accommodation::Sheltered,
        (_, Some(Component::SupportedLiving)) => Accommodation::Supported,
        (Some(ServiceType::Community), Some(Component::HomeSupport)) => Accommodation::PresumedAtHome,
        (Some(ServiceType::Community), None) => Accommodation::PresumedInCommunity,
        (Some(ServiceType::Prison), _) => Accommodation::Prison,
        _ => Accommodation::Unknown,
    }
}

/// The components that tell where somebody lives.
const TELLING: [Component; 4] =
    [Component::SharedLives, Component::SupportedLiving, Component::ExtraCare, Component::HomeSupport];

const OTHERS: u8 = 99;

/// Nursing, residential, community, prison, ST-Max, ongoing low level, other short term; all else is last.
fn order(service: Coded<ServiceType>) -> u8 {
    match service.value() {
        Some(service) if !service.is_carer_support() => service as u8 + 1,
        _ => OTHERS,
    }
}
