//! Making texts comparable: the first and the fourth step of matching a list value.

use std::borrow::Cow;

/// White space as people produce it: everything Unicode calls so (no-break spaces too), zero-width marks, controls.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Trims a cell of every kind of blank.
pub fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(is_blank),
    }
}

/// The text `NULL`, which exports write for nothing.
pub fn is_null(trimmed: &str) -> bool {
    trimmed.len() == 4 && trimmed.eq_ignore_ascii_case("null")
}

/// Trimmed, with every dash as `-` and every quote as `'` or `"`.
pub fn unify(text: &str) -> Cow<'_, str> {
    let trimmed = trim(text);
    if trimmed.is_ascii() {
        return Cow::Borrowed(trimmed);
    }
    Cow::Owned(trimmed.chars().map(unified).collect())
}

fn unified(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{ad}' => '-',
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '`' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => '"',
        other => other,
    }
}

/// [`unify`], and runs of white space as one space: step 1 of matching.
pub fn tidy(text: &str) -> Cow<'_, str> {
    let unified = unify(text);
    let mut last_blank = false;
    let single = unified.chars().all(|c| {
        let blank = is_blank(c);
        let fine = !blank || (c == ' ' && !last_blank);
        last_blank = blank;
        fine
    });
    if single {
        return unified;
    }
    let mut out = String::with_capacity(unified.len());
    for word in unified.split(is_blank).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Cow::Owned(out)
}

/// The form in which spelling variants are equal: small letters, `&` as "and", `/` as "or", nothing but letters and
/// digits. Spaces go too, so that `NHS-funded`, `NHS funded` and `NFA-Other`, `NFA- Other` meet.
pub fn fold(tidied: &str) -> String {
    let mut out = String::with_capacity(tidied.len() + 4);
    for c in tidied.chars() {
        match c {
            '&' => out.push_str("and"),
            '/' => out.push_str("or"),
            _ => out.extend(c.to_lowercase().filter(|c| c.is_alphanumeric())),
        }
    }
    out
}

/// A header as it is compared: small letters and digits only.
pub fn fold_header(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_of_every_kind_are_trimmed_and_collapsed() {
        assert_eq!(trim("\u{a0} White: Irish\t"), "White: Irish");
        assert_eq!(trim("\u{feff}x"), "x");
        assert_eq!(trim(" \u{a0} "), "");
        assert_eq!(tidy("White:\u{a0} \u{a0}Irish "), "White: Irish");
        assert_eq!(tidy("a\r\nb"), "a b");
        assert!(matches!(tidy("White: Irish"), Cow::Borrowed(_)));
    }

    #[test]
    fn dashes_and_quotes_become_plain_ones() {
        assert_eq!(unify("NFA \u{2013} Support ended \u{2014} x"), "NFA - Support ended - x");
        assert_eq!(unify("Zo\u{eb}\u{2019}s"), "Zo\u{eb}'s");
        assert_eq!(unify("a  b"), "a  b", "the raw key keeps inner blanks");
    }

    #[test]
    fn folding_ignores_case_punctuation_and_spaces() {
        assert_eq!(fold("NFA - 100% NHS-funded care"), fold("NFA- 100 nhs funded care"));
        assert_eq!(fold("Access & mobility"), fold("access and mobility"));
        assert_eq!(fold("Rough sleeper / squatting"), fold("rough sleeper or squatting"));
        assert_ne!(fold("Other"), fold("NFA: Other"));
    }
}
