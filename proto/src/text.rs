//! Text from other people and machines.

/// True for what changes how a line looks without being seen itself: control characters, marks of no width and marks that
/// turn the direction of writing. None of them belongs into a name, a reason or a purpose; on a terminal or in a page they
/// could make a person read another line than the one that was signed.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::is_unseen;

    #[test]
    fn marks_that_turn_or_hide_text_are_unseen_and_letters_of_any_script_are_not() {
        for c in ['\u{1b}', '\n', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{61c}', '\u{2028}'] {
            assert!(is_unseen(c), "{c:?}");
        }
        for c in ['a', 'é', 'ع', 'ア', '£', ' ', '\u{a0}'] {
            assert!(!is_unseen(c), "{c:?}");
        }
    }
}
