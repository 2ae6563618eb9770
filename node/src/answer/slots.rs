//! Answers in fixed slots: when something leaves says nothing about how long the work for it took.
//!
//! Work over many records takes longer than over few, and a figure that is refused for its data less long than one that is
//! given. Whoever sees when replies come sees that. A council that minds sets a slot, and every reply leaves at the end of
//! the slot it is ready in, counted from when it was asked for; refusals, too.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Runs `work`, and gives its outcome at the end of the slot in which it is ready.
///
/// # Guarantee
/// With a slot, the time from the call to the outcome is a whole multiple of it, at least one.
pub(super) async fn at_slot_end<T>(slot: Option<Duration>, work: impl Future<Output = T>) -> T {
    let asked = Instant::now();
    let outcome = work.await;
    if let Some(slot) = slot.filter(|slot| !slot.is_zero()) {
        let passed = asked.elapsed().as_nanos().div_ceil(slot.as_nanos()).max(1);
        sleep_until(asked + slot.saturating_mul(u32::try_from(passed).unwrap_or(u32::MAX))).await;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_quick_and_what_is_slow_leave_at_the_ends_of_slots() {
        let slot = Some(Duration::from_secs(5));
        for (work, leaves) in [(0, 5), (3_000, 5), (4_999, 5), (5_001, 10), (12_000, 15)] {
            let asked = Instant::now();
            at_slot_end(slot, sleep(Duration::from_millis(work))).await;
            assert_eq!(asked.elapsed().as_secs(), leaves, "{work} ms of work");
        }
        for none in [None, Some(Duration::ZERO)] {
            let asked = Instant::now();
            at_slot_end(none, sleep(Duration::from_millis(7))).await;
            assert!(asked.elapsed() < Duration::from_secs(1));
        }
    }
}
