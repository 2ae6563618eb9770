//! Identifiers: what makes each a good one, and what commonly spoils it.

/// What a cell of the NHS number column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NhsNumber {
    /// Ten digits with the right check digit; the number, and whether it was written without spaces and hyphens.
    Valid(u64, bool),
    /// Ten digits with a wrong check digit.
    Check,
    /// One digit ten times. The check digit of such a number is right, so it must be refused by name.
    Repeated,
    /// Nine digits: a spreadsheet may have dropped a leading zero. It is not put back.
    NineDigits,
    /// `4.5E+09`: a spreadsheet has destroyed it.
    Scientific,
    /// Anything else.
    Other,
}

/// Judges an NHS number after taking out spaces and hyphens.
///
/// # Source
/// NHS Data Dictionary, NHS number: modulus 11 over weights 10 to 2.
pub fn nhs_number(trimmed: &str) -> NhsNumber {
    let mut digits = [0u8; 10];
    let mut count = 0;
    let mut plain = true;
    for c in trimmed.chars() {
        match c {
            '0'..='9' => {
                if let Some(place) = digits.get_mut(count) {
                    *place = c as u8 - b'0';
                }
                count += 1;
            }
            ' ' | '-' | '\u{a0}' | '\u{2010}'..='\u{2013}' => plain = false,
            _ => {
                let lower = trimmed.to_ascii_lowercase();
                let scientific = lower.split_once('e').is_some_and(|(mantissa, exponent)| {
                    mantissa.parse::<f64>().is_ok() && exponent.parse::<i32>().is_ok()
                });
                return if scientific { NhsNumber::Scientific } else { NhsNumber::Other };
            }
        }
    }
    match count {
        10 if digits.iter().all(|digit| *digit == digits[0]) => NhsNumber::Repeated,
        10 if check_digit(&digits) == Some(digits[9]) => {
            NhsNumber::Valid(digits.iter().fold(0, |number, digit| number * 10 + u64::from(*digit)), plain)
        }
        10 => NhsNumber::Check,
        9 => NhsNumber::NineDigits,
        _ => NhsNumber::Other,
    }
}

fn check_digit(digits: &[u8; 10]) -> Option<u8> {
    let sum: u32 = (0..9).map(|place| u32::from(digits[place]) * (10 - place as u32)).sum();
    match 11 - sum % 11 {
        11 => Some(0),
        10 => None,
        digit => Some(digit as u8),
    }
}

/// True for a postcode by its shape, and for the `ZZ99` postcodes that stand for no fixed or no known address.
pub fn is_postcode(trimmed: &str) -> bool {
    let mut letters = [0u8; 7];
    let mut count = 0;
    for c in trimmed.chars().filter(|c| !c.is_whitespace()) {
        let Some(place) = letters.get_mut(count) else { return false };
        if !c.is_ascii_alphanumeric() {
            return false;
        }
        *place = c.to_ascii_uppercase() as u8;
        count += 1;
    }
    let Some((outward, inward)) = letters[..count].split_at_checked(count.saturating_sub(3)) else { return false };
    let kind = |byte: &u8| if byte.is_ascii_digit() { b'9' } else { b'A' };
    let inward_fits = matches!(inward, [digit, rest @ ..]
        if digit.is_ascii_digit() && rest.len() == 2
            && rest.iter().all(|byte| byte.is_ascii_alphabetic() && !b"CIKMOV".contains(byte)));
    let shape: Vec<u8> = outward.iter().map(kind).collect();
    // No fixed abode and its like: their inward letters follow no rule.
    if outward == b"ZZ99" {
        return inward[0].is_ascii_digit() && inward[1..].iter().all(u8::is_ascii_alphabetic);
    }
    let outward_fits =
        matches!(shape.as_slice(), b"A9" | b"A99" | b"AA9" | b"AA99" | b"A9A" | b"AA9A") || outward == b"GIR";
    inward_fits && outward_fits
}

/// True for the code of a GP practice: a letter and five digits.
pub fn is_practice(trimmed: &str) -> bool {
    let bytes = trimmed.as_bytes();
    bytes.len() == 6 && bytes[0].is_ascii_alphabetic() && bytes[1..].iter().all(u8::is_ascii_digit)
}

/// True for what looks like an id of a location of the Care Quality Commission. Loose on purpose: older ids have other
/// forms.
pub fn is_location(trimmed: &str) -> bool {
    (3..=20).contains(&trimmed.len())
        && trimmed.bytes().any(|byte| byte.is_ascii_digit())
        && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nhs_numbers_are_checked_and_never_repaired() {
        assert_eq!(nhs_number("9990000018"), NhsNumber::Valid(9_990_000_018, true));
        assert_eq!(nhs_number("999 000 0018"), NhsNumber::Valid(9_990_000_018, false));
        assert_eq!(nhs_number("999-000\u{a0}0018"), NhsNumber::Valid(9_990_000_018, false));
        assert_eq!(nhs_number("9990000019"), NhsNumber::Check);
        assert_eq!(nhs_number("1234567890"), NhsNumber::Check);
        for digit in 0..10 {
            assert_eq!(nhs_number(&digit.to_string().repeat(10)), NhsNumber::Repeated);
        }
        assert_eq!(nhs_number("999000001"), NhsNumber::NineDigits);
        assert_eq!(nhs_number("9.99E+09"), NhsNumber::Scientific);
        assert_eq!(nhs_number("NHS pending"), NhsNumber::Other);
        assert_eq!(nhs_number("99900000180"), NhsNumber::Other);
        assert_eq!(nhs_number("999000001\u{661}"), NhsNumber::Other);
    }

    #[test]
    fn other_identifiers_are_judged_by_shape() {
        for good in ["M1 1AE", "m11ae", "EC1A 1BB", "W1A 0AX", "B33 8TH", "CR2 6XH", "DN55 1PT", "GIR 0AA", "ZZ99 3VZ"]
        {
            assert!(is_postcode(good), "{good}");
        }
        for bad in ["", "M1", "1AE M1", "M1 1AC", "EC1AA 1BB", "M1 1AE, Leeds", "M!1AE", "0AA"] {
            assert!(!is_postcode(bad), "{bad}");
        }
        assert!(is_practice("A81001") && is_practice("V81999") && !is_practice("81001") && !is_practice("A8100X"));
        assert!(
            is_location("1-123456789") && is_location("RX2P0") && !is_location("n/a") && !is_location("Rose House")
        );
    }
}
