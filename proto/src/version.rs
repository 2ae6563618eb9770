//! Protocol versions, and how two sides settle on one.

/// The link protocol versions that this software speaks, newest last.
pub const LINK: std::ops::RangeInclusive<u32> = 1..=1;

/// The newest version that both sides speak, if any.
pub fn settle(ours: std::ops::RangeInclusive<u32>, least: u32, most: u32) -> Option<u32> {
    let newest = (*ours.end()).min(most);
    (newest >= *ours.start() && newest >= least).then_some(newest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_newest_common_version_is_chosen() {
        assert_eq!(super::settle(1..=3, 2, 5), Some(3));
        assert_eq!(super::settle(2..=3, 1, 2), Some(2));
        assert_eq!(super::settle(1..=1, 2, 3), None);
    }
}
