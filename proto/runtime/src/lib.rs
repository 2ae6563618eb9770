//! What the two Folkmoot processes, node and coordinator, share when they run: time, settings, logs, stores and the link between them.
//!
//! Reading order: [`clock`] (time as an argument), [`settings`] (one TOML file and the environment into one typed value), [`store`] (SQLite with our
//! promises), [`tls`] (who is at the other end), [`reach`] (getting to the coordinator), [`link`] (a dialled connection on which the dialling side
//! serves), [`upkeep`] (certificates change while we run), and the small parts [`backoff`], [`shutdown`], [`telemetry`] and [`enrol`].
//! Rules that need no running process live in `folkmoot-proto`.

pub mod backoff;
pub mod clock;
pub mod enrol;
#[cfg(any(test, feature = "testing"))]
pub mod examples;
pub mod link;
pub mod reach;
pub mod settings;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod upkeep;
