//! Seeded chance: one independent stream for each person, so that adding a person changes nobody else.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of choices that depends on the seed, the council's slot and the person alone.
#[derive(Clone)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream `stream` of the council in `slot`.
    pub(super) fn new(seed: u64, slot: u32, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(slot) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        rng.set_stream(stream);
        Self(rng)
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.0.random_bool(p)
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        self.0.random_range(low..=high)
    }

    /// A position below `len`, which is at least 1.
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.0.random_range(0..len)
    }

    /// One of `items`, each as likely.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    /// One of `items`, in proportion to the weight beside it.
    pub(super) fn weigh<T: Copy>(&mut self, items: &[(T, u32)]) -> T {
        let total = items.iter().map(|(_, weight)| weight).sum::<u32>();
        let mut left = self.0.random_range(0..total);
        for &(item, weight) in items {
            if left < weight {
                return item;
            }
            left -= weight;
        }
        items[items.len() - 1].0
    }

    /// Days until something with the given mean happens, at least 1 and at most six times the mean: short waits are common, long
    /// ones happen.
    pub(super) fn wait(&mut self, mean: i32) -> i32 {
        let u: f64 = self.0.random();
        let drawn = (-(1.0 - u).ln() * f64::from(mean)).round();
        (drawn as i32).clamp(1, mean * 6)
    }
}
