//! How many people stand behind each figure, and how far the largest of them make it up.
//!
//! A figure of events, clusters or pounds can be large though one person made all of it. Rules for small numbers that
//! look at the figure alone would show it; they look here instead.

use folkmoot_proto::layout::Layout;
use folkmoot_proto::query::{Error, Query};
use rayon::prelude::*;

use super::{Bounding, Counter};
use crate::history::Histories;
use crate::measures::{self, Contributions, Window};

/// The people behind every figure of a layout, cells then sums. As exact as the counts, and as unprotected: no `Debug`, no
/// `Serialize`, no wire form.
pub struct Crowds {
    crowds: Vec<Crowd>,
}

/// The people behind one figure.
#[derive(Clone, Copy, Default)]
pub(crate) struct Crowd {
    /// How many there are.
    pub(crate) people: u64,
    /// All of them together, signs left out.
    total: u64,
    /// The largest and the second largest of them.
    largest: [u64; 2],
}

impl Crowd {
    fn add(&mut self, amount: u64) {
        self.people += 1;
        self.total = self.total.saturating_add(amount);
        self.place(amount);
    }

    fn place(&mut self, amount: u64) {
        if amount > self.largest[0] {
            self.largest = [amount, self.largest[0]];
        } else if amount > self.largest[1] {
            self.largest[1] = amount;
        }
    }

    fn join(&mut self, other: &Self) {
        self.people += other.people;
        self.total = self.total.saturating_add(other.total);
        other.largest.iter().for_each(|&amount| self.place(amount));
    }

    /// Whether the second largest could tell the largest to within a tenth: the p% rule with p = 10.
    ///
    /// # Source
    /// Handbook on Statistical Disclosure Control, section 4.2.2: unsafe when `X - x1 - x2 < p% of x1`.
    pub(crate) fn is_dominated(&self) -> bool {
        let rest = self.total.saturating_sub(self.largest[0]).saturating_sub(self.largest[1]);
        u128::from(rest) * 10 < u128::from(self.largest[0])
    }
}

impl Crowds {
    /// The people behind a figure.
    pub(crate) fn of(&self, figure: usize) -> Crowd {
        self.crowds[figure]
    }

    /// The people who made these amounts, for tests.
    #[cfg(test)]
    pub(crate) fn crowd(amounts: &[u64]) -> Crowd {
        let mut crowd = Crowd::default();
        amounts.iter().for_each(|&amount| crowd.add(amount));
        crowd
    }

    /// As if each unit counted were a person of its own.
    #[cfg(test)]
    pub(crate) fn of_people(figures: &[i64]) -> Self {
        let crowd = |&count: &i64| Crowd { people: count.unsigned_abs(), total: count.unsigned_abs(), largest: [1, 1] };
        Self { crowds: figures.iter().map(crowd).collect() }
    }
}

/// Counts the people behind every figure of a question's official answer.
///
/// # Errors
/// [`Error::TooLarge`] when the layout is.
pub fn crowds(histories: &Histories, query: &Query) -> Result<Crowds, Error> {
    let layout = Layout::of(query)?;
    let mut sums_of = vec![Vec::new(); layout.cells()];
    for sum in layout.cells()..layout.len() {
        layout.sum_of(sum).into_iter().for_each(|cell| sums_of[cell].push(sum));
    }
    let counter = Counter {
        method: measures::of(query.measure()),
        window: Window { period: query.period(), settings: query.settings(), own_rows_only: false },
        conditions: Layout::conditions(query),
        layout: &layout,
        bounding: Bounding::Official,
    };
    let least = (histories.len() / (4 * rayon::current_num_threads())).max(1024);
    let crowds = histories
        .par_iter()
        .with_min_len(least)
        .fold(
            || (vec![Crowd::default(); layout.len()], Contributions::default(), Vec::new(), Vec::new()),
            |(mut crowds, mut contributions, mut chosen, mut own), history| {
                contributions.clear();
                (counter.method)(history, &counter.window, &mut contributions);
                counter.choose(&contributions, &mut chosen);
                own.clear();
                for &(cell, amount) in &chosen {
                    let amount = amount.unsigned_abs();
                    own.push((cell, amount));
                    own.extend(sums_of[cell].iter().map(|&sum| (sum, amount)));
                }
                // One person once in each figure, however many contributions they are in it with.
                own.sort_unstable();
                for figure in own.chunk_by(|one, other| one.0 == other.0) {
                    let amount = figure.iter().map(|&(_, amount)| amount).fold(0, u64::saturating_add);
                    if amount > 0 {
                        crowds[figure[0].0].add(amount);
                    }
                }
                (crowds, contributions, chosen, own)
            },
        )
        .map(|(crowds, ..)| crowds)
        .reduce(
            || vec![Crowd::default(); layout.len()],
            |mut all, part| {
                all.iter_mut().zip(&part).for_each(|(to, from)| to.join(from));
                all
            },
        );
    Ok(Crowds { crowds })
}

#[cfg(test)]
impl From<Vec<Crowd>> for Crowds {
    fn from(crowds: Vec<Crowd>) -> Self {
        Self { crowds }
    }
}
