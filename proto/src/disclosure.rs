//! The agreed rules for small numbers: what is hidden, how the rest is rounded, and what a reader can still infer.
//!
//! # Source
//! Profile `hospital`: NHS hospital episode statistics disclosure control since September 2018 (sub-national counts of
//! 1 to 7 hidden, others to the nearest 5). Profile `ascof`: ASCOF 2024-25 tables, notes 9 and 10 (hidden when the
//! numerator or the denominator is below 5, zeros too; council counts exact, areas to the nearest 5).

mod admissible;
mod secondary;

pub use admissible::{Inadmissible, admissible};
pub use secondary::{Guarded, LEAST_WIDTH, System};

/// A named set of disclosure rules. Its name is printed with every figure it touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Profile {
    /// 1 to 7 hidden, zero shown, everything else rounded to the nearest 5, totals rounded on their own.
    #[default]
    Hospital,
    /// Below 5 hidden, zeros too, and both halves of a ratio when either is; council figures otherwise exact.
    Ascof,
}

/// A figure after primary disclosure control.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// May be shown.
    Shown(i64),
    /// Too small to show.
    Hidden,
}

impl Figure {
    /// The number, when it may be shown.
    pub fn shown(self) -> Option<i64> {
        match self {
            Self::Shown(value) => Some(value),
            Self::Hidden => None,
        }
    }
}

/// The least and the most that a true count can be, given what is shown of it. Inclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Least.
    pub lower: i64,
    /// Most.
    pub upper: i64,
}

/// Rounds to the nearest multiple of 5; whole numbers never tie.
pub fn round5(count: i64) -> i64 {
    (count + 2).div_euclid(5) * 5
}

impl Profile {
    /// Both profiles.
    pub const ALL: [Self; 2] = [Self::Hospital, Self::Ascof];

    /// The word in policies, on the command line and in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Ascof => "ascof",
        }
    }

    /// The profile with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.word() == word)
    }

    /// The rule in one sentence, for policies and publications.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Hospital => {
                "Counts of 1 to 7 are hidden and all others rounded to the nearest 5; totals are rounded on their own."
            }
            Self::Ascof => {
                "Counts below 5, zeros among them, are hidden, and both counts of a ratio when its numerator or \
                 denominator is below 5; council counts are otherwise exact, and areas are rounded to the nearest 5."
            }
        }
    }

    /// One count of a council, on its own.
    ///
    /// For a ratio use [`Profile::ratio`], which hides both counts together where the profile says so.
    pub fn council(self, count: i64) -> Figure {
        match self {
            Self::Hospital if (1..=7).contains(&count) => Figure::Hidden,
            Self::Hospital => Figure::Shown(round5(count)),
            Self::Ascof if count < 5 => Figure::Hidden,
            Self::Ascof => Figure::Shown(count),
        }
    }

    /// The `yes` and `no` counts of one council's ratio.
    ///
    /// # Guarantee
    /// Under `ascof` both are hidden when the numerator (yes) or the denominator (yes + no) is below 5, and also when
    /// `no` is: numerator and denominator shown together would give it away.
    pub fn ratio(self, yes: i64, no: i64) -> (Figure, Figure) {
        match self {
            Self::Hospital => (self.council(yes), self.council(no)),
            Self::Ascof if yes < 5 || no < 5 => (Figure::Hidden, Figure::Hidden),
            Self::Ascof => (Figure::Shown(yes), Figure::Shown(no)),
        }
    }

    /// What a reader can infer about the true count of one council from a figure of this profile. `largest` bounds a
    /// hidden half of a ratio whose other half was the small one; pass the number of people it can be at most.
    pub fn bounds(self, figure: Figure, is_ratio: bool, largest: i64) -> Bounds {
        match (self, figure) {
            (Self::Hospital, Figure::Hidden) => Bounds { lower: 1, upper: 7 },
            (Self::Hospital, Figure::Shown(0)) => Bounds { lower: 0, upper: 0 },
            // 8 and more are shown, so a rounded 10 cannot be below 8.
            (Self::Hospital, Figure::Shown(value)) => Bounds { lower: (value - 2).max(8), upper: value + 2 },
            (Self::Ascof, Figure::Hidden) if is_ratio => Bounds { lower: 0, upper: largest.max(4) },
            (Self::Ascof, Figure::Hidden) => Bounds { lower: 0, upper: 4 },
            (Self::Ascof, Figure::Shown(value)) => Bounds { lower: value, upper: value },
        }
    }

    /// Whether so few people stand behind a figure that it is hidden whatever its number: events, clusters and pounds of
    /// one person can add up to a large one.
    pub fn few(self, people: u64) -> bool {
        match self {
            Self::Hospital => (1..=7).contains(&people),
            Self::Ascof => people < 5,
        }
    }

    /// A sum over several councils that the coordinator sees exactly.
    pub fn area(self, count: i64) -> Figure {
        match self {
            Self::Hospital if (1..=7).contains(&count) => Figure::Hidden,
            Self::Ascof if count < 5 => Figure::Hidden,
            Self::Hospital | Self::Ascof => Figure::Shown(round5(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_hidden_and_the_rest_rounded() {
        let shown: Vec<_> = (0..=13).map(|count| Profile::Hospital.council(count).shown()).collect();
        let mut expected = vec![Some(0)];
        expected.extend([None; 7]);
        expected.extend([Some(10); 5]);
        expected.push(Some(15));
        assert_eq!(shown, expected);
        assert_eq!((0..=5).filter_map(|count| Profile::Ascof.council(count).shown()).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_ratio_never_shows_the_half_that_gives_the_other_away() {
        for yes in 0..20 {
            for no in 0..20 {
                let (a, b) = Profile::Ascof.ratio(yes, no);
                assert_eq!(a.shown().is_some(), b.shown().is_some());
                assert_eq!(a.shown().is_some(), yes >= 5 && no >= 5);
            }
        }
    }

    #[test]
    fn the_true_count_is_always_within_the_bounds() {
        for profile in Profile::ALL {
            for count in 0..200 {
                let bounds = profile.bounds(profile.council(count), false, i64::MAX);
                assert!(bounds.lower <= count && count <= bounds.upper, "{profile:?} {count}");
            }
        }
        for yes in 0..60 {
            for no in 0..60 {
                for profile in Profile::ALL {
                    let (a, b) = profile.ratio(yes, no);
                    for (count, figure) in [(yes, a), (no, b)] {
                        let bounds = profile.bounds(figure, true, 60);
                        assert!(bounds.lower <= count && count <= bounds.upper, "{profile:?} {yes} {no}");
                    }
                }
            }
        }
    }
}
