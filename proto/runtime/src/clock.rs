//! What time it is, as an argument.
//!
//! Almost everything that must know the time takes a [`Clock`], so that a test can decide it and so that the two questions are kept apart:
//! *which moment is it* ([`Clock::now`], for certificates, as-of dates and records) and *how long did that take*
//! ([`Clock::monotonic`], for deadlines, which a changed wall clock must not shorten).

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The moment it is, in UTC. May jump in either direction when somebody sets the machine's clock.
    fn now(&self) -> Timestamp;

    /// Time passed since some fixed point in this process's life. Never goes back.
    fn monotonic(&self) -> Duration;

    /// The UTC day it is.
    fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clock, whose [`Clock::monotonic`] counts from now.
    // The one place that asks the system what time it is.
    #[allow(clippy::disallowed_methods)]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(any(test, feature = "testing"))]
pub use mock::{MockClock, WentBack};

#[cfg(any(test, feature = "testing"))]
mod mock {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::{Arc, Clock, Duration, Timestamp};

    /// A clock that stands still until it is told otherwise. Clones share one time.
    #[derive(Clone, Debug)]
    pub struct MockClock {
        time: Arc<Mutex<Time>>,
    }

    #[derive(Debug)]
    struct Time {
        now: Timestamp,
        monotonic: Duration,
    }

    /// A mock clock was asked to go back.
    #[derive(Debug, thiserror::Error)]
    #[error("the mock clock shows {now} and does not go back to {asked}")]
    pub struct WentBack {
        now: Timestamp,
        asked: Timestamp,
    }

    impl MockClock {
        /// A clock that shows `now`.
        pub fn at(now: Timestamp) -> Self {
            Self { time: Arc::new(Mutex::new(Time { now, monotonic: Duration::ZERO })) }
        }

        /// Lets `by` pass.
        pub fn advance(&self, by: Duration) {
            let mut time = self.lock();
            time.now += by;
            time.monotonic += by;
        }

        /// Lets time pass until it is `now`.
        ///
        /// # Errors
        /// [`WentBack`] if that moment has passed; the clock is unchanged.
        pub fn set(&self, now: Timestamp) -> Result<(), WentBack> {
            let mut time = self.lock();
            let passed =
                Duration::try_from(now.duration_since(time.now)).map_err(|_| WentBack { now: time.now, asked: now })?;
            time.now = now;
            time.monotonic += passed;
            Ok(())
        }

        /// Does what a person does who sets the machine's clock wrong: the wall clock shows `now`, no time has passed.
        pub fn step_wall_clock(&self, now: Timestamp) {
            self.lock().now = now;
        }

        fn lock(&self) -> MutexGuard<'_, Time> {
            self.time.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Clock for MockClock {
        fn now(&self) -> Timestamp {
            self.lock().now
        }

        fn monotonic(&self) -> Duration {
            self.lock().monotonic
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-06-30T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn clones_share_one_time() {
        let clock = MockClock::at(noon());
        let clone = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(clone.now(), "2026-06-30T12:01:30Z".parse().unwrap());
        assert_eq!(clone.monotonic(), Duration::from_secs(90));
    }

    #[test]
    fn a_mock_clock_refuses_to_go_back() {
        let clock = MockClock::at(noon());
        assert!(clock.set("2026-06-30T11:59:59Z".parse().unwrap()).is_err());
        assert_eq!(clock.now(), noon());
        clock.set("2026-07-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(clock.today(), jiff::civil::date(2026, 7, 1));
        assert_eq!(clock.monotonic(), Duration::from_secs(12 * 3600));
    }

    #[test]
    fn a_wrongly_set_wall_clock_does_not_move_the_monotonic_one() {
        let clock = MockClock::at(noon());
        clock.step_wall_clock("2020-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }
}
