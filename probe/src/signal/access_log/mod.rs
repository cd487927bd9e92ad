//! A log record of OpenTelemetry for each exchange, or for each that failed: an access log for everything, on request.
//!
//! Records take the way of spans (see [`traces`](super::traces)): a worker's [`AccessLogRecorder`] writes them into a
//! [`Writer`](super::spool::Writer), and an [`Assembler`](super::otlp::Assembler) of [`SignalKind::Logs`](crate::export::SignalKind::Logs) makes requests of them.
//!
//! A record has the exchange's attributes, as its span would; the line for people as its body; `INFO`, or `ERROR` where it failed (numbers 9 and 17 of the
//! logs data model); the event name [`EVENT_NAME`]; and what a span has in fields of its own: `plainsight.protocol`, `plainsight.side`, `plainsight.duration_ns` (absent if
//! not known), `plainsight.request_bytes`, `plainsight.response_bytes`. It names trace and span only where that span was sampled: a
//! reference to what was thrown away leads nowhere.

mod recorder;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use thiserror::Error;

pub use recorder::{AccessLogCounters, AccessLogRecorder, EVENT_NAME};

/// Which exchanges are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// None.
    #[default]
    Off,
    /// Those that failed. What the log is if it is only turned on.
    Errors,
    /// All.
    All,
}

/// The word is none of `off`, `errors`, `all`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not one of off, errors, all")]
pub struct AccessLogError(String);

impl FromStr for AccessLog {
    type Err = AccessLogError;

    /// `on` and `true` turn it on, `false` off.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "off" | "false" => Ok(Self::Off),
            "errors" | "on" | "true" => Ok(Self::Errors),
            "all" => Ok(Self::All),
            other => Err(AccessLogError(other.to_owned())),
        }
    }
}
