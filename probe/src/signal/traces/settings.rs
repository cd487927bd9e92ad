//! Which exchanges become spans.

use std::time::Duration;

use thiserror::Error;

use crate::signal::otlp::Limits;

/// What is kept of traces, and what spans look like.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// Share of traces that are kept, 0 to 1, decided by the trace's id as OpenTelemetry's `TraceIdRatioBased` does, so that all who see the trace
    /// decide alike.
    pub ratio: f64,
    /// Whether a caller's decision, if its request tells, stands above the ratio.
    pub parent_based: bool,
    /// Keep every exchange that failed, whatever the ratio and the caller say.
    pub keep_errors: bool,
    /// Keep every exchange that took that long.
    pub keep_slower_than: Option<Duration>,
    /// Spans that one service may bring a second, all its processes and all workers together; a second's worth may come at
    /// once.
    pub spans_per_second: Option<u32>,
    /// Whether the answering side of databases, messaging and DNS becomes a span.
    pub server_spans: ServerSpans,
    /// Whether every host that a process here talks to is observed by a plainsight with the same settings, so that the span of the other end may be
    /// named as parent though this host does not see it.
    pub link_remote_peers: bool,
    /// Limits of one span.
    pub limits: Limits,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self {
            ratio: 1.0,
            parent_based: true,
            keep_errors: true,
            keep_slower_than: None,
            spans_per_second: None,
            server_spans: ServerSpans::default(),
            link_remote_peers: false,
            limits: Limits::default(),
        }
    }
}

/// What becomes of the answering side where the conventions only have a span for the asking one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServerSpans {
    /// A span of kind `SERVER`, unless the asking side is observed too: then its span says the same.
    #[default]
    UnlessClientObserved,
    /// Always a span of kind `SERVER`.
    Always,
    /// No span.
    Never,
}

/// What is wrong with `OTEL_TRACES_SAMPLER` or `OTEL_TRACES_SAMPLER_ARG`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SamplerError {
    /// The sampler's name means nothing, or asks for a sampler that this program does not have.
    #[error(
        "OTEL_TRACES_SAMPLER: no sampler `{0}`; use always_on, always_off, traceidratio, or one of them after parentbased_"
    )]
    Name(String),
    /// The argument is no ratio.
    #[error("OTEL_TRACES_SAMPLER_ARG: `{0}` is not a number from 0 to 1")]
    Ratio(String),
}

impl TraceSettings {
    /// Takes what the environment says of sampling (OpenTelemetry, "General SDK Configuration"). Unset and empty are one; then the settings stay
    /// as they are. Without an argument, or with one that is none, a ratio is 1, as the specification says, and the error comes beside the settings.
    ///
    /// # Errors
    /// If the name is not known; the settings are unchanged. If the argument is no ratio; the sampler is taken with ratio 1.
    pub fn apply_sampler(&mut self, name: Option<&str>, argument: Option<&str>) -> Result<(), SamplerError> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(()) };
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let (ratio, outcome) = match root {
            "always_on" => (1.0, Ok(())),
            "always_off" => (0.0, Ok(())),
            "traceidratio" => match argument.map(str::trim).filter(|argument| !argument.is_empty()) {
                None => (1.0, Ok(())),
                Some(text) => match text.parse::<f64>() {
                    Ok(ratio) if (0.0..=1.0).contains(&ratio) => (ratio, Ok(())),
                    _ => (1.0, Err(SamplerError::Ratio(text.to_owned()))),
                },
            },
            _ => return Err(SamplerError::Name(name.to_owned())),
        };
        self.parent_based = parent_based;
        self.ratio = ratio;
        outcome
    }
}
