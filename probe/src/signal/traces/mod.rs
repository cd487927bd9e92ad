//! A span of OpenTelemetry for each exchange.
//!
//! ```text
//!  worker 1: SpanRecorder ── spool::Writer ─┐
//!  worker 2: SpanRecorder ── spool::Writer ─┼─▶ spool::Spool ──▶ otlp::Assembler ──▶ export::Batch
//!                                           ┘      (bounded)       (with resources)
//! ```
//!
//! What is set up once: a [`Spool`](super::spool::Spool), a [`TraceTables`] that all workers share, and for each worker a
//! [`SpanRecorder`] with a [`Writer`](super::spool::Writer) of the spool. A worker calls [`SpanRecorder::record`] for each exchange,
//! [`SpanRecorder::tick`] some times a second, and [`SpanRecorder::opened`] when it learns of a connection. The consumer
//! empties the spool and gives the buffers to an [`Assembler`](super::otlp::Assembler) of [`SignalKind::Traces`](crate::export::SignalKind::Traces).
//!
//! # What a span says
//!
//! - **Kind**: `SERVER` on the side that answers, `CLIENT` on the side that asks. For HTTP and RPC that is the conventions' word. For databases,
//!   messaging and DNS they only know the client's span; `send` is no `PRODUCER` here because the context of a message, if it has any, was created by the
//!   application. The answering side of those is `SERVER` by the definition of the kinds (trace API, "SpanKind"), and by default it is exported
//!   only where nobody on this host reports the asking side ([`ServerSpans`]).
//! - **Name, attributes, `error.type`** are those of [`Details`](plainsight_protocols::Details), by semantic conventions 1.44, and `process.pid`,
//!   because a resource may stand for a container of many processes.
//! - **Status** is `Error` where the side has an `error.type`, else unset; a description would only repeat it, or give away what an error message quotes.
//! - **Times**: an exchange whose end, or whose beginning, was not seen has no duration. Its span ends when it starts, and carries
//!   `plainsight.outcome` (`no_response`, `partial`), `plainsight.outcome.reason` (`closed`, `reset`, `timeout`, `evicted`) and
//!   `plainsight.missing_bytes`. Complete exchanges carry none of the three.
//! - **Context**: see [`context`]. **Links** of messages to the spans that created them, where a message says so.
//!
//! # What is kept
//!
//! [`TraceSettings`] decide: the caller's decision, else a ratio of all traces, and beyond that errors and slow exchanges; then the limit of
//! a process. What is sampled away is counted by reason in [`TraceCounters`].

mod clients;
pub mod context;
mod counters;
mod limiter;
mod recorder;
mod sampler;
mod settings;
mod span;
#[cfg(test)]
mod tests;

pub use clients::ObservedClients;
pub use counters::{CountersCell, TraceCounters};
pub use limiter::RateLimiters;
pub(super) use recorder::attributes;
pub use recorder::{SpanRecorder, TraceTables};
pub use sampler::{Decision, Unsampled};
pub use settings::{SamplerError, ServerSpans, TraceSettings};
pub use span::{SpanContext, SpanData, encode_span};
