//! Dates as files really carry them.

use folkmoot_proto::period::Day;

/// How a date was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `dd/mm/yyyy`, as asked.
    Asked,
    /// Otherwise, but without doubt: another separator, no leading zeros, year first, a time part, a spreadsheet serial.
    Other,
}

/// What a cell of a date column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Date {
    /// A day, and how it was written.
    Day(Day, Form),
    /// A year from 2100 on: open, read as blank.
    FarFuture,
    /// Not a date, or one that the calendar does not have.
    Not,
}

/// Years from here on mean "no date".
const FAR: i32 = 2100;
/// Serial 25569 is 1970-01-01 in the spreadsheet calendar that starts in 1900.
const SERIAL_EPOCH: i32 = 25_569;

/// Reads a date: `d/m/yyyy` with `/`, `-` or `.`, or `yyyy-mm-dd`, either with a time part, or a five-digit
/// spreadsheet serial.
pub fn read(trimmed: &str) -> Date {
    let bytes = trimmed.as_bytes();
    if bytes.len() == 10 && bytes[2] == b'/' && bytes[5] == b'/' {
        if let (Some(day), Some(month), Some(year)) = (number(&bytes[..2]), number(&bytes[3..5]), number(&bytes[6..])) {
            return on(year, month, day, Form::Asked);
        }
        return Date::Not;
    }
    if bytes.len() == 5
        && let Some(serial) = number(bytes).filter(|serial| *serial >= 10_000)
    {
        return within(Day::from_number(serial - SERIAL_EPOCH), Form::Other);
    }
    let (date, time) = match trimmed.find([' ', 'T', 't']) {
        Some(at) => (&trimmed[..at], &trimmed[at + 1..]),
        None => (trimmed, ""),
    };
    if !is_time(time.trim_start()) {
        return Date::Not;
    }
    let Some(separator) = date.chars().find(|c| !c.is_ascii_digit()) else { return Date::Not };
    if !matches!(separator, '/' | '-' | '.') {
        return Date::Not;
    }
    let mut parts = date.split(separator);
    let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Date::Not;
    };
    let short = |part: &str| (1..=2).contains(&part.len());
    let read = |part: &str| number(part.as_bytes());
    let (year, month, day) = if a.len() == 4 && separator == '-' && short(b) && short(c) {
        (read(a), read(b), read(c))
    } else if c.len() == 4 && short(a) && short(b) {
        (read(c), read(b), read(a))
    } else {
        return Date::Not;
    };
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => on(year, month, day, Form::Other),
        _ => Date::Not,
    }
}

/// Nothing, or digits with colons and what else clocks write.
fn is_time(text: &str) -> bool {
    let mut digits = false;
    text.bytes().all(|byte| {
        digits |= byte.is_ascii_digit();
        byte.is_ascii_digit() || b":.+-ZAPMapm ".contains(&byte)
    }) && (text.is_empty() || digits)
}

fn number(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    digits.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i32::from(byte - b'0')))
}

fn on(year: i32, month: i32, day: i32, form: Form) -> Date {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Date::Not,
    };
    if !(1..=days).contains(&day) || year < 1 {
        return Date::Not;
    }
    if year >= FAR {
        return Date::FarFuture;
    }
    Date::Day(Day::from_number(day_number(year, month, day)), form)
}

fn within(day: Day, form: Form) -> Date {
    if day.number() >= day_number(FAR, 1, 1) { Date::FarFuture } else { Date::Day(day, form) }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, for years from 1 on. In plain integers since it runs
/// seven times for each row; the test compares it with the calendar library.
const fn day_number(year: i32, month: i32, day: i32) -> i32 {
    // Years are counted from March, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Writes a day as the specification asks: `dd/mm/yyyy`.
pub fn write(day: Day) -> String {
    let (year, month, day) = day.ymd();
    format!("{day:02}/{month:02}/{year:04}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(date: &str) -> String {
        match read(date) {
            Date::Day(day, _) => day.to_string(),
            Date::FarFuture => "far".into(),
            Date::Not => "not".into(),
        }
    }

    #[test]
    fn every_settled_form_is_read() {
        for form in [
            "05/04/2025",
            "5/4/2025",
            "05-04-2025",
            "05.04.2025",
            "2025-04-05",
            "05/04/2025 00:00:00",
            "05/04/2025 00:00",
            "2025-04-05T00:00:00.000",
            "2025-04-05 13:45:00",
            "05/04/2025 1:30:00 PM",
            "45752",
        ] {
            assert_eq!(text(form), "2025-04-05", "{form}");
        }
        assert_eq!(read("05/04/2025"), Date::Day(Day::from_ymd(2025, 4, 5).unwrap(), Form::Asked));
        assert_eq!(text("01/01/1900"), "1900-01-01");
    }

    #[test]
    fn anything_else_is_not_a_date() {
        for form in [
            "",
            "x",
            "31/02/2025",
            "00/01/2025",
            "05/13/2025",
            "5/4/25",
            "2025/04/05",
            "April 5 2025",
            "05/04/2025x",
            "1234",
            "123456",
            "05/04-2025",
            "05//2025",
            "05/04/2025 soon",
            "1/1/1/1",
            "٠٥/٠٤/٢٠٢٥",
            "01/01/0000",
            "-5/04/2025",
        ] {
            assert_eq!(text(form), "not", "{form}");
        }
        for form in ["31/12/9999", "01/01/2100", "9999-12-31", "99999"] {
            assert_eq!(text(form), "far", "{form}");
        }
        assert_eq!(text("31/12/2099"), "2099-12-31");
    }

    #[test]
    fn days_agree_with_the_calendar_library() {
        let mut day = Day::from_ymd(1, 1, 1).unwrap();
        while day < Day::from_ymd(2100, 1, 1).unwrap() {
            assert_eq!(read(&write(day)), Date::Day(day, Form::Asked));
            day = day.plus_days(17);
        }
    }
}
