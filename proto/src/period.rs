//! Days, months and the spans that figures are about.
//!
//! A [`Day`] is a whole civil day; nothing in Folkmoot's statistics is finer. Spans are half open inside
//! ([`ReferencePeriod`]) and inclusive where people read or type them, as the published tables are.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

// Small functions are marked inline: measures in another crate call them for every event of every person.

/// Why a text or a pair of days is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a date.
    #[error("`{0}` is not a date: year-month-day such as 2025-03-31 is expected")]
    Day(String),
    /// A period that ends before it starts.
    #[error("the period from {0} to {1} ends before it starts")]
    Backwards(Day, Day),
}

/// A civil day, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// Stands for "not ended yet" where a method replaces open ends: later than every real day (9999-01-01).
    pub const OPEN: Self = Self(2_932_532);

    /// The day that many days after 1970-01-01.
    #[inline]
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[inline]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The day with this year, month (1 to 12) and day of the month, when there is one.
    #[inline]
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self::from_date)
    }

    // Durations, not spans: measures ask for months and ages of millions of days, and a span is built unit by unit.
    #[inline]
    fn from_date(date: Date) -> Self {
        Self((date.duration_since(EPOCH).as_hours() / 24) as i32)
    }

    #[inline]
    fn date(self) -> Date {
        EPOCH.saturating_add(SignedDuration::from_hours(24 * i64::from(self.0)))
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = self.date();
        (date.year(), date.month(), date.day())
    }

    /// The month that the day is in.
    #[inline]
    pub fn month(self) -> Month {
        let date = self.date();
        Month::new(date.year(), date.month()).expect("a day's month is a month")
    }

    /// The day that many days later (earlier when negative).
    #[inline]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// The same day of the month that many months later (earlier when negative); the month's last day when it has
    /// no such day (31 January plus one month is 28 or 29 February).
    pub fn plus_months(self, months: i32) -> Self {
        let date = self.date();
        let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1 + i64::from(months);
        let first = i16::try_from(month.div_euclid(12))
            .ok()
            .and_then(|year| Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok());
        match first {
            Some(first) => Self::from_date(first).plus_days(i32::from(date.day().min(first.days_in_month())) - 1),
            // Beyond the calendar: its first or last day.
            None => Self::from_date(if months < 0 { Date::MIN } else { Date::MAX }),
        }
    }

    /// Calendar days from this day to `later`; negative when `later` is earlier.
    #[inline]
    pub const fn days_until(self, later: Self) -> i32 {
        later.0 - self.0
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || Error::Day(text.chars().take(40).collect());
        let mut parts = text.trim().splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|part| part.parse::<i16>().ok()).ok_or_else(refuse)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        Self::from_ymd(year, month as i8, day as i8).ok_or_else(refuse)
    }
}

impl TryFrom<String> for Day {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar month: all that the national method uses of a date of birth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(i16);

impl Month {
    /// The month (1 to 12) of a year.
    #[inline]
    pub fn new(year: i16, month: i8) -> Option<Self> {
        ((1..=12).contains(&month) && (1..=2200).contains(&year))
            .then(|| Self((i32::from(year) * 12 + i32::from(month) - 1 - ORIGIN) as i16))
    }

    /// The calendar year.
    #[inline]
    pub fn year(self) -> i16 {
        ((i32::from(self.0) + ORIGIN) / 12) as i16
    }

    /// The month of the year, 1 to 12.
    #[inline]
    pub fn month(self) -> i8 {
        ((i32::from(self.0) + ORIGIN) % 12 + 1) as i8
    }

    /// The first day of the month.
    #[inline]
    pub fn first_day(self) -> Day {
        Day::from_ymd(self.year(), self.month(), 1).expect("every month has a first day")
    }

    /// The last day of the month.
    pub fn last_day(self) -> Day {
        self.first_day().plus_months(1).plus_days(-1)
    }
}

// Months are counted from January of the year 1 so that they fit sixteen bits up to the year 2200.
const ORIGIN: i32 = 12;

/// Whole years of age on a day, by the national rule: days since the first of the birth month, divided by 365.25,
/// rounded down.
///
/// The day of birth is never used, and a person can be one day late: born in March 2005, the result on 1 March 2023
/// is 17. Negative for days before birth.
///
/// # Source
/// Department of Health and Social Care, CLD main tables, derived ages.
#[inline]
pub fn age(birth: Month, on: Day) -> i32 {
    // 365.25 = 1461 / 4, so the floor is exact in integers.
    (birth.first_day().days_until(on) * 4).div_euclid(1461)
}

/// A span of whole days that a figure is about. Half open inside; both ends inclusive for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReferencePeriod {
    start: Day,
    end: Day,
}

impl ReferencePeriod {
    /// The period from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`Error::Backwards`] when `last` is before `first`.
    pub fn inclusive(first: Day, last: Day) -> Result<Self, Error> {
        if last < first {
            return Err(Error::Backwards(first, last));
        }
        Ok(Self { start: first, end: last.plus_days(1) })
    }

    /// One day.
    pub fn day(day: Day) -> Self {
        Self { start: day, end: day.plus_days(1) }
    }

    /// The first day.
    #[inline]
    pub fn first(self) -> Day {
        self.start
    }

    /// The last day that belongs to the period.
    #[inline]
    pub fn last(self) -> Day {
        self.end.plus_days(-1)
    }

    /// Number of days.
    pub fn days(self) -> i32 {
        self.start.days_until(self.end)
    }

    /// True when the day is in the period.
    #[inline]
    pub fn contains(self, day: Day) -> bool {
        self.start <= day && day < self.end
    }

    /// The calendar quarters that tile the period from its start, each by three months; the last may pass the
    /// period's end when the period is not a whole number of quarters, and is then left out.
    pub fn quarters(self) -> Vec<Self> {
        let mut quarters = Vec::new();
        for step in 0.. {
            let (start, end) = (self.start.plus_months(3 * step), self.start.plus_months(3 * step + 3));
            if end > self.end {
                break;
            }
            quarters.push(Self { start, end });
        }
        quarters
    }
}

impl fmt::Display for ReferencePeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days() == 1 { write!(f, "{}", self.start) } else { write!(f, "{} to {}", self.start, self.last()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("the test's own date")
    }

    #[test]
    fn days_count_print_and_parse() {
        assert_eq!(day("1970-01-01").number(), 0);
        assert_eq!(day("9999-01-01"), Day::OPEN);
        assert_eq!(day("2024-02-28").plus_days(2).to_string(), "2024-03-01");
        assert_eq!(day("2023-12-31").days_until(day("2024-12-31")), 366);
        for bad in ["2024-2-1", "2024-02-30", "01/02/2024", "", "2024-02-01x", "-024-01-01"] {
            assert!(bad.parse::<Day>().is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn the_calendar_agrees_with_itself_unit_by_unit() {
        // The slow way, by spans, is what the calendar's own documents promise.
        let slow = |day: Day, months: i32| {
            let date = EPOCH.saturating_add(jiff::Span::new().days(day.number()));
            let moved = date.saturating_add(jiff::Span::new().months(months));
            moved.since(EPOCH).map_or(0, |span| span.get_days())
        };
        for number in (-719_162..84_000).step_by(13).chain(18_000..21_000).chain([2_932_532]) {
            let day = Day::from_number(number);
            let (year, month, of_month) = day.ymd();
            assert_eq!(Day::from_ymd(year, month, of_month), Some(day), "{number}");
            assert_eq!(slow(day, 0), number, "{number}");
            for months in [-36, -12, -3, -1, 1, 3, 11, 12, 48] {
                assert_eq!(day.plus_months(months).number(), slow(day, months), "{day} {months:+} months");
            }
        }
        assert_eq!(Day::OPEN.plus_months(120_000), Day::from_date(Date::MAX));
        assert_eq!(day("0001-01-01").plus_months(i32::MIN), Day::from_date(Date::MIN));
    }

    #[test]
    fn ages_follow_the_quarter_day_rule() {
        let march_2005 = Month::new(2005, 3).expect("a month");
        assert_eq!(age(march_2005, day("2023-03-01")), 17);
        assert_eq!(age(march_2005, day("2023-03-02")), 18);
        assert_eq!(age(march_2005, day("2005-02-28")), -1);
        assert_eq!(age(Month::new(1959, 9).expect("a month"), day("2024-06-30")), 64);
    }

    #[test]
    fn quarters_tile_a_window_from_its_start() {
        let window = ReferencePeriod::inclusive(day("2023-04-01"), day("2024-03-31")).expect("forwards");
        let quarters = window.quarters();
        assert_eq!(quarters.len(), 4);
        assert_eq!(quarters[2].to_string(), "2023-10-01 to 2023-12-31");
        assert_eq!(quarters[3].last(), window.last());
        assert!(ReferencePeriod::inclusive(day("2024-01-02"), day("2024-01-01")).is_err());
    }

    #[test]
    fn months_know_their_ends() {
        let february = Month::new(2024, 2).expect("a month");
        assert_eq!(february.last_day(), day("2024-02-29"));
        assert_eq!((february.year(), february.month()), (2024, 2));
        assert!(Month::new(2024, 13).is_none());
        assert_eq!(Month::new(1900, 1).expect("a month").first_day(), day("1900-01-01"));
    }
}
