//! Identifiers of invented people: NHS numbers from the range reserved for tests, and council person ids.

/// How many serial numbers the test range holds: `999` leaves six digits before the check digit.
const SERIALS: u32 = 1_000_000;

/// The NHS numbers of one council's people, in order.
///
/// **Shape**: ten digits starting `999`, with a right check digit.
/// **Guarantee**: councils in different slots of the same number of `slots` share none. The iterator ends when the council's share
/// of the range (about 5,900 numbers for 153 councils) is used up.
pub(super) struct NhsNumbers {
    next: u32,
    slots: u32,
}

impl NhsNumbers {
    /// The numbers of the council in `slot` of `slots`.
    pub(super) fn new(slot: u32, slots: u32) -> Self {
        Self { next: slot, slots }
    }
}

impl Iterator for NhsNumbers {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while self.next < SERIALS {
            let nine = format!("999{:06}", self.next);
            self.next += self.slots;
            if let Some(check) = check_digit(&nine) {
                return Some(format!("{nine}{check}"));
            }
        }
        None
    }
}

/// The check digit that follows nine digits, or `None` where there is none (about one number in eleven).
///
/// **Source**: NHS Data Dictionary, NHS NUMBER: modulus 11 with weights 10 down to 2.
pub(super) fn check_digit(nine: &str) -> Option<u32> {
    let sum: u32 =
        nine.chars().zip((2..=10).rev()).map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight).sum();
    match 11 - sum % 11 {
        11 => Some(0),
        10 => None,
        digit => Some(digit),
    }
}

/// The `index`-th council person id: stable, short, and in the order people were made.
pub(super) fn council_id(index: usize) -> String {
    format!("P{:07}", 100_001 + index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(check_digit("943476591"), Some(9));
        assert_eq!(check_digit("999000001"), Some(8));
        assert_ne!(check_digit("123456789"), Some(0));
    }

    #[test]
    fn councils_never_share_a_number() {
        let mut seen = HashSet::new();
        for slot in 0..153 {
            let numbers: Vec<String> = NhsNumbers::new(slot, 153).collect();
            assert!(numbers.len() > 5_800, "slot {slot} has {}", numbers.len());
            for number in numbers {
                assert!(number.starts_with("999") && number.len() == 10);
                assert!(seen.insert(number));
            }
        }
    }
}
