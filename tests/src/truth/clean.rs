//! One cell at a time: list values, dates, identifiers.

use jiff::civil::Date;

use super::lists::{ALIAS, INVALID, RELEASE_1_ONLY, Value};

/// Trims, and writes dashes and quotes in one way.
fn unified(cell: &str) -> String {
    let mut text = String::new();
    for c in cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').chars() {
        match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => text.push('-'),
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => text.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' => text.push('"'),
            c => text.push(c),
        }
    }
    text
}

/// A cell as it goes into the raw key of an event: trimmed, dashes and quotes in one way, in small letters, and otherwise as it
/// stands in the file.
pub(super) fn raw_key(cell: &str) -> String {
    let text = unified(cell).to_lowercase();
    if text == "null" { String::new() } else { text }
}

/// Trims, makes every run of white space one blank, and writes dashes and quotes in one way.
pub(super) fn tidy(cell: &str) -> String {
    let unified = unified(cell);
    let words: Vec<&str> =
        unified.split(|c: char| c.is_whitespace() || c == '\u{feff}').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Tidied, and empty when the cell says `NULL`.
pub(super) fn filled(cell: &str) -> String {
    let text = tidy(cell);
    if text.eq_ignore_ascii_case("null") { String::new() } else { text }
}

/// The release 2 text of a cell, empty for nothing, or [`INVALID`].
pub(super) fn listed(cell: &str, list: &[Value]) -> String {
    let text = filled(cell);
    if text.is_empty() {
        return String::new();
    }
    // What the Department made up is no value of a file, so only its release 1 texts count.
    let new_texts = || list.iter().map(|(new, _)| *new).filter(|new| *new != RELEASE_1_ONLY);
    for new in new_texts() {
        if new.to_lowercase() == text.to_lowercase() {
            return new.to_owned();
        }
    }
    for (new, old_texts) in list {
        for old in *old_texts {
            if old.to_lowercase() == text.to_lowercase() {
                return (*new).to_owned();
            }
        }
    }
    let folded = fold(&text);
    for new in new_texts() {
        if fold(new) == folded {
            return new.to_owned();
        }
    }
    for (new, old_texts) in list {
        for old in *old_texts {
            if fold(old) == folded {
                return (*new).to_owned();
            }
        }
    }
    let (alias, meaning) = ALIAS;
    if text.to_lowercase() == alias && list.iter().any(|(new, _)| *new == meaning) {
        return meaning.to_owned();
    }
    INVALID.to_owned()
}

/// Small letters and digits alone, with `&` and `/` as words.
///
/// Blanks go with the punctuation: one of the variants that an importer must survive has a hyphen where the list has a blank
/// (`NHS-funded`), another has none where the list has one, and the national comparison strips both.
fn fold(text: &str) -> String {
    let worded = text.to_lowercase().replace('&', "and").replace('/', "or");
    worded.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The four kinds of event by the words in them; any other text as it is, in small letters; empty for nothing.
pub(super) fn event_type(cell: &str) -> String {
    let text = filled(cell).to_lowercase();
    for (word, kind) in [
        ("service", "Service"),
        ("request", "Request"),
        ("referral", "Request"),
        ("assessment", "Assessment"),
        ("review", "Review"),
    ] {
        if text.contains(word) {
            return kind.to_owned();
        }
    }
    text
}

/// A date in any of the forms that are read; `None` for anything else and for years from 2100 on.
pub(super) fn date(cell: &str) -> Option<Date> {
    let text = filled(cell);
    let (day_part, time_part) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day.to_owned(), Some(time.to_owned())),
        None => (text, None),
    };
    if let Some(time) = time_part
        && !time.chars().all(|c| c.is_ascii_digit() || ":.+Z-".contains(c))
    {
        return None;
    }
    let date = if day_part.len() == 5 && day_part.chars().all(|c| c.is_ascii_digit()) {
        let serial: i32 = day_part.parse().ok()?;
        jiff::civil::date(1899, 12, 30).checked_add(jiff::Span::new().days(serial)).ok()?
    } else {
        let parts: Vec<&str> = day_part.split(['/', '-', '.']).collect();
        let [first, second, third] = parts[..] else {
            return None;
        };
        if ![first, second, third].iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit())) {
            return None;
        }
        if first.len() == 4 && day_part.contains('-') && second.len() == 2 && third.len() == 2 {
            Date::new(first.parse().ok()?, second.parse().ok()?, third.parse().ok()?).ok()?
        } else if third.len() == 4 && first.len() <= 2 && second.len() <= 2 {
            Date::new(third.parse().ok()?, second.parse().ok()?, first.parse().ok()?).ok()?
        } else {
            return None;
        }
    };
    Some(date).filter(|date| date.year() < 2100)
}

/// A usable NHS number, else empty: ten digits without blanks and hyphens, a right check digit, not one digit ten times.
pub(super) fn nhs_number(cell: &str) -> String {
    let digits: String = filled(cell).chars().filter(|c| *c != ' ' && *c != '-').collect();
    if digits.len() != 10 || !digits.chars().all(|c| c.is_ascii_digit()) {
        return String::new();
    }
    let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    if values.iter().all(|value| *value == values[0]) {
        return String::new();
    }
    let mut sum = 0;
    for (position, value) in values[..9].iter().enumerate() {
        sum += value * (10 - position as u32);
    }
    let check = (11 - sum % 11) % 11;
    if check == values[9] { digits } else { String::new() }
}

/// An amount in hundredths: a pound sign and commas between thousands are understood, more than two decimals are rounded half
/// away from zero. `None` for anything else.
pub(super) fn hundredths(cell: &str) -> Option<i64> {
    let text = cell.trim().to_owned();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.to_owned()),
        None => (false, text),
    };
    let text = text.strip_prefix('£').unwrap_or(&text);
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped =
        groups.len() == 1 || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let whole = groups.concat();
    if !grouped || !digits(&whole) || !digits(decimals) || (whole.is_empty() && decimals.is_empty()) {
        return None;
    }
    let value: i64 = format!("0{whole}{:0<3.3}", decimals).parse().ok()?;
    let rounded = (value + 5) / 10;
    Some(if negative { -rounded } else { rounded })
}
