//! One council's protected figures, put together from the pieces in which they arrive and checked against the question.
//!
//! Nothing a council sends is believed because it says so: ids, digests, lengths, offsets and the shape that the
//! protection promises are all compared with what was asked. What does not fit is a reason to leave that council out,
//! never a failure of ours.

use folkmoot_proto::disclosure::{Figure, Profile};
use folkmoot_proto::ids::{CouncilCode, QueryId};
use folkmoot_proto::layout::Layout;
use folkmoot_proto::limits;
use folkmoot_proto::period::Day;
use folkmoot_proto::query::Query;
use folkmoot_proto::text::is_unseen;
use folkmoot_proto::wire::v1 as wire;

/// Larger than any figure there can be, small enough that sums over all councils cannot overflow.
const MOST_FIGURE: i64 = 1 << 45;

/// The most notes that an answer may carry.
const MOST_NOTES: usize = 50;

/// Why what a council sent is not an answer to the question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The first piece came without facts, or a later one with them.
    #[error("the facts of the answer are missing or came twice")]
    Facts,
    /// An answer to something else.
    #[error("the answer's {0} is not that of the question")]
    Other(&'static str),
    /// Pieces that overlap, leave a gap or pass the end.
    #[error("a piece of the answer starts at figure {found}, and {expected} was next")]
    Offset {
        /// Where it starts.
        found: u64,
        /// Where it should.
        expected: u64,
    },
    /// Too few or too many figures.
    #[error("the answer has {found} figures, and the question has {expected}")]
    Length {
        /// How many came.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A flag that is none of 0, 1 and 2, flags of another length, or a hidden figure that is not 0.
    #[error("the flags for hidden figures are wrong")]
    Flags,
    /// A figure that the protection asked for cannot give.
    #[error("figure {0} is not one that the protection asked for can give")]
    Figure(usize),
    /// A noise scale that does not go with the protection.
    #[error("the stated noise does not go with the protection asked for")]
    Noise,
}

/// A council's protected figures.
///
/// # Shape
/// `figures()[i]` is figure `i` of the question's layout, cells then sums.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    council: CouncilCode,
    figures: Vec<Figure>,
    /// Places of hidden figures that need not be small, ascending: few people made them, or they were hidden beside
    /// others, by the council or by us.
    withheld: Vec<usize>,
    facts: Facts,
}

/// What a council says about its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Which data: SHA-256 over submissions, as-of day and lists.
    pub snapshot: Vec<u8>,
    /// Day up to which submissions were used.
    pub as_of: Day,
    /// Standard deviation of the noise in each cell, in billionths; 0 for the suppressed kinds.
    pub sigma_nano: u64,
    /// Charged to the council's budget, in billionths of rho.
    pub charged_nano: u64,
    /// The council had the answer in store.
    pub stored: bool,
    /// Sentences about the data.
    pub notes: Vec<String>,
}

impl Answer {
    /// The council, as its link's certificate names it.
    pub fn council(&self) -> CouncilCode {
        self.council
    }

    /// The figures, in layout order.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// What the council says about them.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same answer with other figures: after disclosure control.
    pub(crate) fn with_figures(&self, figures: Vec<Figure>) -> Self {
        let newly = |(place, figure): (usize, &Figure)| {
            let beside = self.figures[place] != Figure::Hidden || self.is_withheld(place);
            (*figure == Figure::Hidden && beside).then_some(place)
        };
        let withheld = figures.iter().enumerate().filter_map(newly).collect();
        Self { council: self.council, facts: self.facts.clone(), figures, withheld }
    }

    /// Whether a hidden figure need not be small.
    pub(crate) fn is_withheld(&self, figure: usize) -> bool {
        self.withheld.binary_search(&figure).is_ok()
    }

    /// The vectors as they travel and are stored: values, and one byte a figure: 1 where hidden as small, 2 where hidden
    /// though it need not be small.
    pub fn to_vectors(&self) -> (Vec<i64>, Vec<u8>) {
        let flag = |(place, figure): (usize, &Figure)| match figure {
            Figure::Shown(value) => (*value, 0),
            Figure::Hidden => (0, if self.is_withheld(place) { 2 } else { 1 }),
        };
        self.figures.iter().enumerate().map(flag).unzip()
    }

    /// Puts an answer together from values and flags, with every check that concerns them.
    ///
    /// # Errors
    /// The [`Malformed`] that says what does not fit.
    pub fn new(
        council: CouncilCode,
        query: &Query,
        layout: &Layout,
        values: Vec<i64>,
        hidden: &[u8],
        facts: Facts,
    ) -> Result<Self, Malformed> {
        if values.len() != layout.len() || hidden.len() != layout.len() {
            return Err(Malformed::Length { found: values.len() as u64, expected: layout.len() as u64 });
        }
        let private = query.release().rho().is_some();
        if private != (facts.sigma_nano > 0) {
            return Err(Malformed::Noise);
        }
        let mut figures = Vec::with_capacity(values.len());
        for (place, (&value, &flag)) in values.iter().zip(hidden).enumerate() {
            figures.push(match flag {
                0 if value.abs() > MOST_FIGURE => return Err(Malformed::Figure(place)),
                0 => Figure::Shown(value),
                1 | 2 if value == 0 && !private => Figure::Hidden,
                _ => return Err(Malformed::Flags),
            });
        }
        if let Some(profile) = query.release().profile() {
            check_profile(profile, &figures)?;
        } else {
            // Sums of a noisy answer are the sums of its cells: computed here, so that they always agree.
            let cells: Vec<i64> = figures[..layout.cells()].iter().filter_map(|figure| figure.shown()).collect();
            figures = layout.with_sums(&cells).into_iter().map(Figure::Shown).collect();
        }
        let withheld = hidden.iter().enumerate().filter(|(_, flag)| **flag == 2).map(|(place, _)| place).collect();
        Ok(Self { council, figures, withheld, facts })
    }
}

fn check_profile(profile: Profile, figures: &[Figure]) -> Result<(), Malformed> {
    let possible = |value: i64| match profile {
        Profile::Hospital => value == 0 || (value >= 10 && value % 5 == 0),
        Profile::Ascof => value >= 5,
    };
    match figures.iter().position(|figure| figure.shown().is_some_and(|value| !possible(value))) {
        Some(place) => Err(Malformed::Figure(place)),
        None => Ok(()),
    }
}

/// Puts pieces together as they arrive.
#[derive(Debug)]
pub struct Assembly<'a> {
    council: CouncilCode,
    id: QueryId,
    query: &'a Query,
    layout: &'a Layout,
    facts: Option<Facts>,
    values: Vec<i64>,
    hidden: Vec<u8>,
}

impl<'a> Assembly<'a> {
    /// Waits for the first piece from `council`, as its link's certificate names it.
    pub fn new(council: CouncilCode, id: QueryId, query: &'a Query, layout: &'a Layout) -> Self {
        Self { council, id, query, layout, facts: None, values: Vec::new(), hidden: Vec::new() }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// The [`Malformed`] that says what does not fit; the rest of the stream is then of no use.
    pub fn take(&mut self, piece: wire::AnswerChunk) -> Result<(), Malformed> {
        match (piece.facts, &self.facts) {
            (Some(facts), None) => self.facts = Some(self.check_facts(facts)?),
            (None, Some(_)) => {}
            (None, None) | (Some(_), Some(_)) => return Err(Malformed::Facts),
        }
        let expected = self.values.len() as u64;
        if piece.offset != expected {
            return Err(Malformed::Offset { found: piece.offset, expected });
        }
        if piece.values.len() != piece.hidden.len() {
            return Err(Malformed::Flags);
        }
        let found = expected + piece.values.len() as u64;
        if found > self.layout.len() as u64 {
            return Err(Malformed::Length { found, expected: self.layout.len() as u64 });
        }
        self.values.extend(piece.values);
        self.hidden.extend(piece.hidden);
        Ok(())
    }

    fn check_facts(&self, facts: wire::AnswerFacts) -> Result<Facts, Malformed> {
        if facts.query_id != self.id.as_bytes() {
            return Err(Malformed::Other("id"));
        }
        if facts.query_digest != self.query.digest() {
            return Err(Malformed::Other("digest"));
        }
        if facts.layout_digest != self.layout.digest() {
            return Err(Malformed::Other("layout"));
        }
        if facts.figures != self.layout.len() as u64 {
            return Err(Malformed::Length { found: facts.figures, expected: self.layout.len() as u64 });
        }
        let as_of = Day::from_number(facts.as_of);
        if self.query.data().as_of.is_some_and(|asked| asked != as_of) {
            return Err(Malformed::Other("as-of day"));
        }
        if facts.snapshot.len() > 64 {
            return Err(Malformed::Other("snapshot"));
        }
        let mut notes = facts.notes;
        notes.truncate(MOST_NOTES);
        Ok(Facts {
            snapshot: facts.snapshot,
            as_of,
            sigma_nano: facts.sigma_nano,
            charged_nano: facts.charged_nano,
            stored: facts.stored,
            notes: notes.into_iter().map(|note| tidy(&note)).collect(),
        })
    }

    /// Ends the answer.
    ///
    /// # Errors
    /// The [`Malformed`] that says what is missing or does not fit.
    pub fn finish(self) -> Result<Answer, Malformed> {
        let facts = self.facts.ok_or(Malformed::Facts)?;
        Answer::new(self.council, self.query, self.layout, self.values, &self.hidden, facts)
    }
}

/// Text from another machine, fit for one line of a terminal or file: no control characters, a bounded length.
pub(crate) fn tidy(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    if line.len() > limits::SENTENCE {
        let cut = (0..=limits::SENTENCE).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        line.truncate(cut);
    }
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing;

    fn pieces(query: &Query, layout: &Layout, id: QueryId) -> Vec<wire::AnswerChunk> {
        let values: Vec<i64> = (0..layout.len() as i64).map(|n| (n + 2) * 5).collect();
        testing::chunks(query, layout, id, &values, &vec![0; layout.len()], 0, 5)
    }

    fn put_together(
        query: &Query,
        layout: &Layout,
        id: QueryId,
        pieces: Vec<wire::AnswerChunk>,
    ) -> Result<Answer, Malformed> {
        let mut assembly = Assembly::new(testing::council("104"), id, query, layout);
        for piece in pieces {
            assembly.take(piece)?;
        }
        assembly.finish()
    }

    #[test]
    fn pieces_in_order_make_an_answer_and_anything_else_is_named() {
        let (query, layout) = testing::suppressed("2E");
        let id = QueryId::from_bytes([9; 16]);
        let good = pieces(&query, &layout, id);
        assert!(good.len() > 2);
        let answer = put_together(&query, &layout, id, good.clone()).unwrap();
        assert_eq!(answer.figures()[3], Figure::Shown(25));

        let spoilt = |change: &dyn Fn(&mut Vec<wire::AnswerChunk>)| {
            let mut pieces = good.clone();
            change(&mut pieces);
            put_together(&query, &layout, id, pieces).unwrap_err()
        };
        fn facts(pieces: &mut [wire::AnswerChunk]) -> &mut wire::AnswerFacts {
            pieces[0].facts.as_mut().unwrap()
        }
        assert_eq!(spoilt(&|p| p.clear()), Malformed::Facts);
        assert_eq!(spoilt(&|p| p[0].facts = None), Malformed::Facts);
        assert_eq!(spoilt(&|p| p[1].facts = p[0].facts.clone()), Malformed::Facts);
        assert_eq!(spoilt(&|p| p.swap(1, 2)), Malformed::Offset { found: 10, expected: 5 });
        assert!(matches!(spoilt(&|p| drop(p.pop())), Malformed::Length { .. }));
        assert!(matches!(spoilt(&|p| p.push(p[1].clone())), Malformed::Offset { .. }));
        assert_eq!(spoilt(&|p| facts(p).query_id[0] ^= 1), Malformed::Other("id"));
        assert_eq!(spoilt(&|p| facts(p).query_digest[0] ^= 1), Malformed::Other("digest"));
        assert_eq!(spoilt(&|p| facts(p).layout_digest[0] ^= 1), Malformed::Other("layout"));
        assert_eq!(spoilt(&|p| facts(p).as_of += 1), Malformed::Other("as-of day"));
        assert_eq!(spoilt(&|p| facts(p).sigma_nano = 1), Malformed::Noise);
        assert_eq!(spoilt(&|p| p[0].hidden[0] = 1), Malformed::Flags);
        assert_eq!(spoilt(&|p| p[0].hidden[0] = 2), Malformed::Flags);
        assert_eq!(spoilt(&|p| (p[0].values[0], p[0].hidden[0]) = (0, 3)), Malformed::Flags);
        assert_eq!(
            spoilt(&|p| {
                p[0].hidden.pop();
            }),
            Malformed::Flags
        );
        // Unprotected counts are refused: 7 and 12 cannot come out of the hospital profile.
        assert_eq!(spoilt(&|p| p[0].values[1] = 7), Malformed::Figure(1));
        assert_eq!(spoilt(&|p| p[0].values[1] = 12), Malformed::Figure(1));
        assert_eq!(spoilt(&|p| p[0].values[2] = i64::MAX), Malformed::Figure(2));
    }

    #[test]
    fn what_a_council_hid_beside_small_figures_is_not_taken_for_small() {
        let (query, layout) = testing::suppressed("2E");
        let id = QueryId::from_bytes([9; 16]);
        let mut values: Vec<i64> = vec![50; layout.len()];
        let mut flags = vec![0; layout.len()];
        (values[0], values[2], flags[0], flags[2]) = (0, 0, 1, 2);
        let pieces = testing::chunks(&query, &layout, id, &values, &flags, 0, 5);
        let answer = put_together(&query, &layout, id, pieces).unwrap();
        assert_eq!((answer.is_withheld(0), answer.is_withheld(2)), (false, true));
        assert_eq!(answer.to_vectors(), (values, flags), "as it is stored and read back");
    }

    #[test]
    fn sums_of_a_noisy_answer_are_the_sums_of_its_cells() {
        let (query, layout) = testing::private("2E");
        let id = QueryId::from_bytes([9; 16]);
        let values: Vec<i64> = (0..layout.len() as i64).map(|n| n - 3).collect();
        let pieces = testing::chunks(&query, &layout, id, &values, &vec![0; layout.len()], 10_000_000_000, 100);
        let answer = put_together(&query, &layout, id, pieces).unwrap();
        assert_eq!(answer.figures()[12], Figure::Shown((2 + 4) - 9));
    }

    #[test]
    fn foreign_text_fits_one_line() {
        assert_eq!(tidy("a\u{1b}[31m\nb\u{202e}c"), "a [31m b c");
        assert!(tidy(&"é".repeat(5000)).len() <= limits::SENTENCE);
    }
}
