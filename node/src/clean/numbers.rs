//! Amounts: costs and units in hundredths.

/// What a cell of a number column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount {
    /// In hundredths, sign kept. More decimals are rounded half away from zero.
    pub hundredths: i64,
    /// Written `0.00`, as asked.
    pub as_asked: bool,
}

/// Reads a decimal number; a pound sign and thousands separators are understood. `None` for anything else.
pub fn decimal(trimmed: &str) -> Option<Amount> {
    let (negative, rest) = match trimmed.strip_prefix(['-', '\u{2212}', '\u{2013}']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, trimmed),
    };
    let (pounds, rest) = match rest.strip_prefix('£') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, rest),
    };
    let (negative, rest) = match rest.strip_prefix('-') {
        Some(rest) if pounds && !negative => (true, rest),
        _ => (negative, rest),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    let mut grouped = false;
    let groups = whole.split(',').count();
    for (place, group) in whole.split(',').enumerate() {
        // 1,234,567: groups of three after the first. Anything else may be a decimal comma, so it is not guessed at.
        if groups > 1 && (if place == 0 { group.is_empty() || group.len() > 3 } else { group.len() != 3 }) {
            return None;
        }
        grouped |= groups > 1;
        for byte in group.bytes() {
            value = value.checked_mul(10)?.checked_add(digit(byte)?)?;
        }
    }
    // NUMERIC(18,2), which the national tables use, holds sixteen digits before the point.
    if value >= 10_i64.pow(16) {
        return None;
    }
    let mut hundredths = value * 100;
    for (place, byte) in fraction.bytes().enumerate() {
        let digit = digit(byte)?;
        match place {
            0 => hundredths += digit * 10,
            1 => hundredths += digit,
            2 if digit >= 5 => hundredths += 1,
            _ => {}
        }
    }
    let as_asked =
        !pounds && !grouped && !whole.is_empty() && fraction.len() == 2 && (whole == "0" || !whole.starts_with('0'));
    let hundredths = if negative { -hundredths } else { hundredths };
    Some(Amount {
        hundredths,
        as_asked: as_asked
            && !(negative && (hundredths == 0 || !trimmed.starts_with('-') || trimmed[1..].starts_with(' '))),
    })
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Writes an amount as the specification asks: `0.00`.
pub fn write(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let size = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<i64> {
        decimal(text).map(|amount| amount.hundredths)
    }

    #[test]
    fn costs_are_read_as_people_write_them() {
        for (text, hundredths) in [
            ("12.50", 1250),
            ("£12.50", 1250),
            ("£ 1,200.00", 120_000),
            ("1,200", 120_000),
            ("-12.5", -1250),
            ("-£12.50", -1250),
            ("£-12.50", -1250),
            ("0", 0),
            (".5", 50),
            ("12.", 1200),
            ("12.345", 1235),
            ("12.344", 1234),
            ("-0.005", -1),
            ("9999999999999999.99", 999_999_999_999_999_999),
        ] {
            assert_eq!(value(text), Some(hundredths), "{text}");
        }
        for text in [
            "",
            "N/A",
            "12.50 per week",
            "1,20",
            "1200,00",
            "12,34,567",
            "1.2.3",
            "£",
            "-",
            "1e3",
            "--1",
            "££1",
            ",123",
            "99999999999999999",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn only_plain_two_decimal_numbers_are_as_asked_and_write_back() {
        for text in ["12.50", "0.00", "-3.25", "1200.00"] {
            let amount = decimal(text).expect("a number");
            assert!(amount.as_asked, "{text}");
            assert_eq!(write(amount.hundredths), text);
        }
        for text in ["12.5", "£12.50", "1,200.00", "012.50", "-0.00", "12", "+1.00", "- 3.25"] {
            assert!(decimal(text).is_none_or(|amount| !amount.as_asked), "{text}");
        }
    }
}
