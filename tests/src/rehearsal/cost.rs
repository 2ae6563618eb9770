//! What a round costs: processor time of every process, and how much of it goes into drawing noise.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use folkmoot_node::protect::{NoiseSource as _, OpenDp};

/// Processor time is counted in hundredths of a second: what Linux shows to every program, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// User and system time that a process has used so far; `None` when it is gone, or where there is no `/proc`.
pub fn used(process: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold blanks; what follows it does not. User and system time are fields 14 and 15.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}

/// Processor time of many processes between two moments.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    before: BTreeMap<u32, Duration>,
}

impl Meter {
    /// Starts to count.
    pub fn start(processes: impl IntoIterator<Item = u32>) -> Self {
        let before = processes.into_iter().filter_map(|process| Some((process, used(process)?)));
        Self { before: before.collect() }
    }

    /// What one of them has used since; `None` when it is gone.
    pub fn since(&self, process: u32) -> Option<Duration> {
        Some(used(process)?.saturating_sub(*self.before.get(&process)?))
    }

    /// What all have used since. `last` holds what those that are gone had used when somebody last looked.
    pub fn all(&self, last: &BTreeMap<u32, Duration>) -> Duration {
        let one = |(process, before): (&u32, &Duration)| {
            used(*process)
                .or_else(|| last.get(process).copied())
                .map_or(Duration::ZERO, |now| now.saturating_sub(*before))
        };
        self.before.iter().map(one).sum()
    }
}

/// Processor time that drawing so much noise takes a node, measured by drawing it here.
///
/// `None` when the sampler refuses, or where this cannot be measured.
pub fn noise(draws: usize, scale: f64) -> Option<Duration> {
    let path = Path::new("/proc/thread-self/schedstat");
    let ran = || -> Option<u64> { std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok() };
    let before = ran()?;
    // The price of the draw is of no interest here.
    OpenDp.draw(draws, scale, 1.0).ok()?;
    ran()?.checked_sub(before).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_time_of_this_process_grows_with_work() {
        let own = std::process::id();
        if !Path::new("/proc/self/stat").exists() {
            return;
        }
        let meter = Meter::start([own]);
        let spent = noise(20_000, 5.0).unwrap();
        assert!(spent > Duration::from_millis(1));
        let counted = meter.all(&BTreeMap::new());
        assert_eq!(meter.since(own).map(|since| since >= counted), Some(true));
        assert!(counted + 3 * TICK >= spent, "{counted:?} {spent:?}");
        // Who is gone counts with what was seen last.
        let gone = Meter { before: BTreeMap::from([(u32::MAX, Duration::from_secs(1))]) };
        assert_eq!(gone.all(&BTreeMap::from([(u32::MAX, Duration::from_secs(3))])), Duration::from_secs(2));
        assert_eq!(gone.all(&BTreeMap::new()), Duration::ZERO);
    }
}
