//! Certificates and revocation lists change while processes run: read them again, warn in time, and let go of peers that are not believed any more.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::tls::{Peer, Refusal, Reloadable};

/// How often files are read again and connected peers are checked again.
pub const INTERVAL: Duration = Duration::from_secs(60);

/// How long before something runs out the log begins to say so, in days. Each step says it once.
const WARN_DAYS: [i64; 5] = [30, 14, 7, 2, 1];

/// Reads the TLS files again every [`INTERVAL`] until `stop` is cancelled, and warns before the certificate or the revocation lists run out.
///
/// A file that is no good is reported once and the settings in force stay.
pub async fn run(tls: Arc<Reloadable>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut certificate = Warned::default();
    let mut lists = Warned::default();
    let mut trouble = None;
    loop {
        let settings = tls.current();
        let now = clock.now();
        if let Some(left) = certificate.due(settings.certificate().not_after, now) {
            tracing::warn!(until = %settings.certificate().not_after, "our TLS certificate runs out in {left}; renew it in time: after that nobody lets us in");
        }
        if let Some(left) = lists.due(settings.lists_valid_until(), now) {
            tracing::warn!(until = %settings.lists_valid_until(), "the revocation lists run out in {left}; install fresh ones in time: after that nobody can connect");
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = stop.cancelled() => return,
        }
        let tls = Arc::clone(&tls);
        let polled = tokio::task::spawn_blocking(move || tls.poll()).await;
        match polled {
            Ok(Ok(true)) => {
                tracing::info!("TLS files have changed and are in force");
                trouble = None;
            }
            Ok(Ok(false)) => trouble = None,
            Ok(Err(error)) => {
                let text = error.to_string();
                if trouble.as_ref() != Some(&text) {
                    tracing::warn!("TLS files have changed and are not usable, so the old ones stay in force: {text}");
                    trouble = Some(text);
                }
            }
            Err(error) => tracing::error!(%error, "reading the TLS files again failed"),
        }
    }
}

/// Waits until `peer` is not believed any more: its certificate has run out or was revoked while it was connected.
pub async fn until_refused(tls: Arc<Reloadable>, peer: Peer) -> Refusal {
    loop {
        sleep(INTERVAL).await;
        if let Err(refusal) = tls.current().check_again(&peer) {
            return refusal;
        }
    }
}

/// Which warnings were given about one date.
#[derive(Default)]
struct Warned {
    about: Option<Timestamp>,
    steps: usize,
}

impl Warned {
    /// How long is left until `end`, in words, if that has not been said yet at this step.
    fn due(&mut self, end: Timestamp, now: Timestamp) -> Option<String> {
        if self.about != Some(end) {
            *self = Self { about: Some(end), steps: 0 };
        }
        let left = end.duration_since(now);
        let steps = WARN_DAYS.iter().filter(|days| left <= SignedDuration::from_hours(24 * **days)).count();
        let news = steps > self.steps;
        self.steps = self.steps.max(steps);
        news.then(|| match left.as_hours() {
            h if h >= 48 => format!("{} days", h / 24),
            h if h > 0 => format!("{h} hours"),
            _ => "less than an hour".to_owned(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_step_towards_the_end_is_said_once() {
        let end: Timestamp = "2026-12-31T00:00:00Z".parse().unwrap();
        let mut warned = Warned::default();
        let mut said = Vec::new();
        for hour in 0..24 * 60 {
            let now = end - SignedDuration::from_hours(24 * 60 - hour);
            said.extend(warned.due(end, now));
        }
        assert_eq!(said, ["30 days", "14 days", "7 days", "2 days", "24 hours"]);
        // A renewed certificate starts anew.
        assert_eq!(warned.due(end + SignedDuration::from_hours(24 * 365), end), None);
    }
}
