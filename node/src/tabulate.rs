//! All histories to exact counts: the one place where people are counted and contributions are bounded.

use folkmoot_proto::catalogue::Bound;
use folkmoot_proto::layout::{Condition, Layout};
use folkmoot_proto::query::{Error, Query};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::history::Histories;
use crate::measures::{self, Contribution, Contributions, Method, Window};

mod crowd;

pub use crowd::{Crowds, crowds};

/// Exact, unprotected figures of one council.
///
/// # Guarantee
/// They have no `Debug`, no `Serialize`, no wire form and no public accessor: [`crate::protect`] turns them into
/// something that may leave, and [`CellCounts::for_own_eyes`] is the council's own view of its own figures.
pub struct CellCounts {
    cells: Vec<i64>,
}

impl CellCounts {
    /// The exact counts, cells then sums, for the council's own terminal and nothing else.
    pub fn for_own_eyes(&self, layout: &Layout) -> Vec<i64> {
        layout.with_sums(&self.cells)
    }

    /// The exact cells, for protection.
    pub(crate) fn cells(&self) -> &[i64] {
        &self.cells
    }

    #[cfg(test)]
    pub(crate) fn of(cells: Vec<i64>) -> Self {
        Self { cells }
    }
}

/// Whether one person's contributions are cut to the measure's bound.
#[derive(Clone, Copy)]
pub enum Bounding<'a> {
    /// Everybody counts in full: the official figures, for suppressed releases and for own eyes.
    Official,
    /// At most the bound, as differential privacy needs; the key fixes which surplus contributions are dropped.
    Private {
        /// The most that one person may change.
        bound: Bound,
        /// Secret of this node.
        key: &'a [u8; 32],
    },
}

/// Counts everybody.
///
/// # Guarantee
/// With [`Bounding::Private`], adding or removing one person changes the cells by at most the bound, whatever that
/// person's records are: which contributions are dropped depends on that person's own contributions and the key alone,
/// and links that carers' rows make to other people are not used.
///
/// # Errors
/// [`Error::TooLarge`] when the layout is.
pub fn tabulate(histories: &Histories, query: &Query, bounding: Bounding<'_>) -> Result<(Layout, CellCounts), Error> {
    let layout = Layout::of(query)?;
    let counter = Counter {
        method: measures::of(query.measure()),
        window: Window {
            period: query.period(),
            settings: query.settings(),
            own_rows_only: matches!(bounding, Bounding::Private { .. }),
        },
        conditions: Layout::conditions(query),
        layout: &layout,
        bounding,
    };
    // Each thread keeps its own cells; large layouts are worth few splits.
    let least = (histories.len() / (4 * rayon::current_num_threads())).max(1024);
    let cells = histories
        .par_iter()
        .with_min_len(least)
        .fold(
            || (vec![0_i64; layout.cells()], Contributions::default(), Vec::new()),
            |(mut cells, mut contributions, mut chosen), history| {
                contributions.clear();
                (counter.method)(history, &counter.window, &mut contributions);
                counter.choose(&contributions, &mut chosen);
                for &(cell, amount) in &chosen {
                    cells[cell] += amount;
                }
                (cells, contributions, chosen)
            },
        )
        .map(|(cells, _, _)| cells)
        .reduce(
            || vec![0; layout.cells()],
            |mut all, part| {
                for (to, from) in all.iter_mut().zip(part) {
                    *to += from;
                }
                all
            },
        );
    Ok((layout, CellCounts { cells }))
}

struct Counter<'a> {
    method: Method,
    window: Window<'a>,
    conditions: Vec<Condition>,
    layout: &'a Layout,
    bounding: Bounding<'a>,
}

impl Counter<'_> {
    /// One person's contributions that count: after filters, then within the bound.
    fn choose(&self, contributions: &Contributions, chosen: &mut Vec<(usize, i64)>) {
        chosen.clear();
        let kept = |contribution: &&Contribution| {
            self.conditions
                .iter()
                .all(|condition| condition.kept[usize::from(contribution.coordinates[condition.dimension])])
        };
        for contribution in contributions.iter().filter(kept) {
            let component = usize::from(contribution.component);
            if let Some(cell) = self.layout.cell(&contribution.coordinates, component) {
                chosen.push((cell, contribution.amount));
            }
        }
        if let Bounding::Private { bound, key } = self.bounding {
            cut(chosen, bound, key);
        }
    }
}

/// Cuts one person's contributions to a bound.
///
/// The order in which surplus is dropped is a keyed hash of the contributions themselves, so that it looks at nobody
/// else's records and cannot be steered by who can write one's own.
fn cut(chosen: &mut Vec<(usize, i64)>, bound: Bound, key: &[u8; 32]) {
    let within = chosen.len() <= bound.contributions as usize
        && chosen.len() as u64 <= bound.per_cell
        && chosen.iter().all(|&(_, amount)| amount.unsigned_abs() == 1);
    if within {
        return;
    }
    chosen.sort_unstable();
    if fits(chosen, bound) {
        return;
    }
    let mut own = Sha256::new_with_prefix(b"folkmoot/bounding/1");
    own.update(key);
    for (cell, amount) in chosen.iter() {
        own.update((*cell as u64).to_be_bytes());
        own.update(amount.to_be_bytes());
    }
    let own = own.finalize();
    let mut ranked: Vec<_> = chosen
        .iter()
        .enumerate()
        .map(|(place, &contribution)| {
            let rank = Sha256::new_with_prefix(own).chain_update((place as u64).to_be_bytes()).finalize();
            (<[u8; 32]>::from(rank), contribution)
        })
        .collect();
    ranked.sort_unstable();
    ranked.truncate(bound.contributions as usize);
    let (mut left, mut per_cell) = (bound.total, std::collections::BTreeMap::new());
    chosen.clear();
    for (_, (cell, amount)) in ranked {
        let in_cell = per_cell.entry(cell).or_insert(bound.per_cell);
        let most = bound.amount.min(left).min(*in_cell);
        let taken = amount.unsigned_abs().min(most);
        left -= taken;
        *in_cell -= taken;
        if taken > 0 {
            chosen.push((cell, amount.signum() * taken as i64));
        }
    }
}

/// True when sorted contributions are within a bound as they are: nothing would be cut, so nothing need be ranked.
fn fits(chosen: &[(usize, i64)], bound: Bound) -> bool {
    let sum =
        |cells: &[(usize, i64)]| cells.iter().map(|&(_, amount)| amount.unsigned_abs()).fold(0, u64::saturating_add);
    chosen.len() <= bound.contributions as usize
        && chosen.iter().all(|&(_, amount)| amount.unsigned_abs() <= bound.amount)
        && sum(chosen) <= bound.total
        && chosen.chunk_by(|one, other| one.0 == other.0).all(|cell| sum(cell) <= bound.per_cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_left_of_one_person_is_within_the_bound(
            mut chosen in prop::collection::vec((0_usize..6, -40_i64..40), 0..30),
            contributions in 1_u32..6, amount in 1_u64..9, total in 1_u64..30, per_cell in 1_u64..30,
        ) {
            let bound = Bound { contributions, amount, total, per_cell: per_cell.min(total) };
            cut(&mut chosen, bound, &[7; 32]);
            prop_assert!(chosen.len() <= bound.contributions as usize);
            let mut cells = [0_i64; 6];
            for &(cell, amount) in &chosen {
                prop_assert!(amount.unsigned_abs() <= bound.amount);
                cells[cell] += amount;
            }
            let l1: u64 = cells.iter().map(|cell| cell.unsigned_abs()).sum();
            let l2: u128 = cells.iter().map(|cell| u128::from(cell.unsigned_abs()).pow(2)).sum();
            prop_assert!(l1 <= bound.l1() && l2 <= bound.l2_squared());
        }

        #[test]
        fn the_choice_does_not_depend_on_the_order_of_records(
            chosen in prop::collection::vec((0_usize..6, 1_i64..2), 0..12), turn in 0_usize..12,
        ) {
            let mut turned = chosen.clone();
            if !turned.is_empty() { let by = turn % turned.len(); turned.rotate_left(by); }
            let mut chosen = chosen;
            let bound = Bound::events(3);
            cut(&mut chosen, bound, &[1; 32]);
            cut(&mut turned, bound, &[1; 32]);
            let sum = |list: &[(usize, i64)]| {
                let mut cells = [0_i64; 6];
                for &(cell, amount) in list { cells[cell] += amount; }
                cells
            };
            prop_assert_eq!(sum(&chosen), sum(&turned));
        }
    }
}
