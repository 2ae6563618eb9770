//! How long to wait before the next try: growing, with full jitter.
//!
//! After `n` failures the wait is drawn evenly from zero to `min(most, first * 2^n)`. Full jitter spreads 153 nodes that lost one coordinator at the
//! same moment better than any fixed share of jitter does. A [`Backoff`] knows nothing about success: whoever owns it says when to [`Backoff::reset`],
//! which for the link is after the welcome, not after the connect (a refused node connects without trouble, over and over).

use std::time::Duration;

use rand::{Rng, RngExt};

/// Waits that double up to a limit. Checked when built.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

/// The limits of a [`Backoff`] make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A first limit of zero would try again without any pause.
    #[error("the first wait must be at least 1 ms, not {0:?}")]
    First(Duration),
    /// The limit is below the first wait.
    #[error("the longest wait ({most:?}) must not be shorter than the first ({first:?})")]
    Most {
        /// The first limit asked for.
        first: Duration,
        /// The last limit asked for.
        most: Duration,
    },
}

impl Backoff {
    /// Waits drawn from `0..=first`, then `0..=2*first`, and so on up to `0..=most`.
    ///
    /// # Errors
    /// If `first` is below one millisecond or `most` below `first`.
    pub fn new(first: Duration, most: Duration) -> Result<Self, Error> {
        if first < Duration::from_millis(1) {
            return Err(Error::First(first));
        }
        if most < first {
            return Err(Error::Most { first, most });
        }
        Ok(Self { first, most, failures: 0 })
    }

    /// The longest that the next wait can be.
    pub fn limit(&self) -> Duration {
        // Beyond 2^31 the limit has been reached for any sensible pair, and the product saturates.
        self.first.saturating_mul(1 << self.failures.min(31)).min(self.most)
    }

    /// Counts a failure and draws how long to wait before the next try.
    pub fn after_failure(&mut self, rng: &mut impl Rng) -> Duration {
        let limit = self.limit();
        self.failures = self.failures.saturating_add(1);
        rng.random_range(Duration::ZERO..=limit)
    }

    /// Forgets all failures: the other side was really reached.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const MOST: Duration = Duration::from_secs(30);

    #[test]
    fn limits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(FIRST, MOST).unwrap();
        let mut rng = StdRng::seed_from_u64(7);
        let mut limits = Vec::new();
        for _ in 0..9 {
            limits.push(backoff.limit().as_millis());
            let limit = backoff.limit();
            assert!(backoff.after_failure(&mut rng) <= limit);
        }
        assert_eq!(limits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.limit(), FIRST);
    }

    #[test]
    fn waits_fill_the_whole_span() {
        // 4,000 draws: the chance that none falls in the lowest (or highest) tenth is 0.9^4000, far below one in a million; the seed is fixed anyway.
        let mut rng = StdRng::seed_from_u64(1);
        let waits: Vec<_> = (0..4000).map(|_| Backoff::new(FIRST, MOST).unwrap().after_failure(&mut rng)).collect();
        assert!(waits.iter().min().unwrap() < &(FIRST / 10));
        assert!(waits.iter().max().unwrap() > &(FIRST * 9 / 10));
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff::new(FIRST, Duration::MAX).unwrap();
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..100 {
            backoff.after_failure(&mut rng);
        }
        assert!(backoff.limit() > MOST);
    }

    #[test]
    fn senseless_limits_are_refused() {
        assert_eq!(Backoff::new(Duration::ZERO, MOST).unwrap_err(), Error::First(Duration::ZERO));
        assert_eq!(Backoff::new(MOST, FIRST).unwrap_err(), Error::Most { first: MOST, most: FIRST });
    }
}
