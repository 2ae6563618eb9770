//! Dates for generated lives: arithmetic that cannot leave the calendar, quarters, and the forms dates take in files.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// The date `days` later (earlier when negative).
///
/// **Panics** when the result leaves the years -9999 to 9999, which no generated life comes near.
pub(super) fn plus(date: Date, days: i32) -> Date {
    add(date, days.days())
}

/// The date `months` later, moved back to the month's last day where the day does not exist.
pub(super) fn plus_months(date: Date, months: i32) -> Date {
    add(date, months.months())
}

fn add(date: Date, span: Span) -> Date {
    date.checked_add(span).expect("generated dates lie within a few centuries of today")
}

/// Whole days from `from` to `to`, negative when `to` is earlier.
pub(super) fn days(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// Whole months from `from` to `to` by their year and month alone.
pub(super) fn months(from: Date, to: Date) -> i32 {
    (i32::from(to.year()) - i32::from(from.year())) * 12 + i32::from(to.month()) - i32::from(from.month())
}

/// True when `date` is the last day of March, June, September or December.
pub(super) fn is_quarter_end(date: Date) -> bool {
    date == date.last_of_month() && date.month() % 3 == 0
}

/// `dd/mm/yyyy`, the form of the specification.
pub(super) fn written(date: Date) -> String {
    format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
}

/// `YYYYMMDD`, the form of file names.
pub(super) fn compact(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// The day number a spreadsheet stores for a date (day 1 is 1 January 1900, with the leap day that never was).
pub(super) fn spreadsheet_serial(date: Date) -> i32 {
    days(jiff::civil::date(1899, 12, 30), date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_month_later_stays_within_the_month() {
        assert_eq!(plus_months(date(2025, 1, 31), 1), date(2025, 2, 28));
        assert_eq!(plus_months(date(2025, 3, 31), -12), date(2024, 3, 31));
    }

    #[test]
    fn serials_are_those_of_spreadsheets() {
        assert_eq!(spreadsheet_serial(date(2025, 4, 1)), 45_748);
        assert_eq!(spreadsheet_serial(date(1950, 1, 1)), 18_264);
    }

    #[test]
    fn quarters_end_four_times_a_year() {
        assert!(is_quarter_end(date(2026, 3, 31)));
        assert!(!is_quarter_end(date(2026, 3, 30)));
        assert!(!is_quarter_end(date(2026, 4, 30)));
    }
}
