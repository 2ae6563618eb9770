//! One cancellation token from the signals down.
//!
//! `main` calls [`on_signals`] once and hands the token to everything that runs. Parts that must end before others take `child_token`s of it.
//! Nothing else in the process listens for signals.

use std::io;

use tokio_util::sync::CancellationToken;

/// The exit code of a process that was told twice to stop and did so at once: 128 + SIGINT, as shells count.
pub const IMPATIENT_EXIT_CODE: i32 = 130;

/// A token that is cancelled by the first SIGINT or SIGTERM (Ctrl-C on other systems).
///
/// A second signal ends the process at once with [`IMPATIENT_EXIT_CODE`]. That is safe for stored state, because everything durable is written in
/// transactions, and it is what a person expects who presses Ctrl-C again.
///
/// # Errors
/// If the signal handlers cannot be installed.
pub fn on_signals() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new()?;
    tokio::spawn({
        let token = token.clone();
        async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "stopping; the same signal again stops without waiting for work in hand");
            token.cancel();
            let name = signals.next().await;
            tracing::warn!(signal = name, "stopping at once");
            std::process::exit(IMPATIENT_EXIT_CODE);
        }
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            // No signal can arrive any more; waiting for ever is the only honest answer.
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // The only test in this package that sends its own process a signal: a second one would end it.
    #[tokio::test]
    async fn a_termination_signal_cancels_the_token() {
        let token = on_signals().unwrap();
        assert!(!token.is_cancelled());
        let status =
            std::process::Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status().unwrap();
        assert!(status.success());
        token.cancelled().await;
    }
}
