//! One span as the bytes of an OTLP `Span` (opentelemetry-proto 1.11, `trace/v1/trace.proto`).

use std::fmt;

use plainsight_protocols::{Side, TraceParent};

use crate::signal::{
    WallTime,
    otlp::{Item, Limits, TextWriter},
    protobuf,
};

/// Where a span is in its trace, for those who refer to it: exemplars and log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// W3C trace flags.
    pub flags: u8,
}

/// What a span says apart from its attributes.
#[derive(Debug, Clone, Copy)]
pub struct SpanData<'a> {
    /// The trace, the span, and its flags.
    pub context: SpanContext,
    /// The parent.
    pub parent_span_id: Option<[u8; 8]>,
    /// Whether the parent is another process's.
    pub is_parent_remote: bool,
    /// W3C `tracestate` as it came.
    pub trace_state: &'a str,
    /// Which side it tells of.
    pub side: Side,
    /// When it started.
    pub start: WallTime,
    /// When it ended.
    pub end: WallTime,
    /// Whether it failed.
    pub is_error: bool,
    /// Spans that it refers to.
    pub links: &'a [TraceParent],
    /// How much of it is written.
    pub limits: Limits,
}

/// Bytes of a name that are kept.
const NAME_BYTES: usize = 1024;

/// `SpanFlags`: bits 8 and 9 tell whether it is known that the parent is remote, and whether it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

// Tags of `Span`, one byte each but the last.
const TRACE_ID: [u8; 2] = [0x0a, 16];
const SPAN_ID: [u8; 2] = [0x12, 8];
const TRACE_STATE: u32 = 3;
const PARENT_SPAN_ID: [u8; 2] = [0x22, 8];
const NAME: u8 = 0x2a;
const KIND: u8 = 0x30;
const KIND_SERVER: u8 = 2;
const KIND_CLIENT: u8 = 3;
const START_TIME: u8 = 0x39;
const END_TIME: u8 = 0x41;
const ATTRIBUTES: u8 = 9;
const DROPPED_ATTRIBUTES: u32 = 10;
const LINKS: u32 = 13;
const DROPPED_LINKS: u32 = 14;
/// Status { code = 3: STATUS_CODE_ERROR }
const STATUS_ERROR: [u8; 4] = [0x7a, 2, 0x18, 2];
const FLAGS: [u8; 2] = [0x85, 0x01];

/// Appends the fields of a span. `name` writes its name, `attributes` adds its attributes.
#[inline]
pub fn encode_span(
    out: &mut Vec<u8>,
    span: &SpanData<'_>,
    name: impl FnOnce(&mut TextWriter<'_>) -> fmt::Result,
    attributes: impl FnOnce(&mut Item<'_>),
) {
    // All fields of fixed length in one piece: one check for room instead of many.
    let mut head = [0_u8; 54];
    head[..2].copy_from_slice(&TRACE_ID);
    head[2..18].copy_from_slice(&span.context.trace_id);
    head[18..20].copy_from_slice(&SPAN_ID);
    head[20..28].copy_from_slice(&span.context.span_id);
    head[28] = KIND;
    head[29] = match span.side {
        Side::Server => KIND_SERVER,
        Side::Client => KIND_CLIENT,
    };
    head[30] = START_TIME;
    head[31..39].copy_from_slice(&span.start.as_unix_nanos().to_le_bytes());
    head[39] = END_TIME;
    head[40..48].copy_from_slice(&span.end.as_unix_nanos().to_le_bytes());
    let remote = match (span.parent_span_id, span.is_parent_remote) {
        (Some(_), true) => HAS_IS_REMOTE | IS_REMOTE,
        (Some(_), false) | (None, _) => HAS_IS_REMOTE,
    };
    head[48..50].copy_from_slice(&FLAGS);
    head[50..54].copy_from_slice(&(u32::from(span.context.flags) | remote).to_le_bytes());
    out.extend_from_slice(&head);
    if let Some(parent) = span.parent_span_id {
        let mut field = [0; 10];
        field[..2].copy_from_slice(&PARENT_SPAN_ID);
        field[2..].copy_from_slice(&parent);
        out.extend_from_slice(&field);
    }
    if span.is_error {
        out.extend_from_slice(&STATUS_ERROR);
    }
    if !span.trace_state.is_empty() {
        protobuf::text(out, TRACE_STATE, span.trace_state);
    }
    out.extend_from_slice(&[NAME, 0, 0]);
    let start = out.len();
    // A name that is cut at its limit is better than none.
    let _ = name(&mut TextWriter::new(out, NAME_BYTES));
    protobuf::close_wide(out, start);
    let mut item = Item::new(out, ATTRIBUTES, span.limits);
    attributes(&mut item);
    let dropped = item.dropped();
    if dropped > 0 {
        protobuf::integer(out, DROPPED_ATTRIBUTES, u64::from(dropped));
    }
    if !span.links.is_empty() {
        links(out, span);
    }
}

#[cold]
fn links(out: &mut Vec<u8>, span: &SpanData<'_>) {
    let kept = span.links.len().min(span.limits.links as usize);
    for link in &span.links[..kept] {
        protobuf::nested(out, LINKS, |out| {
            protobuf::bytes(out, 1, &link.trace_id);
            protobuf::bytes(out, 2, &link.parent_span_id);
            // What a message names is always of another process.
            protobuf::fixed32(out, 6, u32::from(link.flags) | HAS_IS_REMOTE | IS_REMOTE);
        });
    }
    if span.links.len() > kept {
        protobuf::integer(out, DROPPED_LINKS, (span.links.len() - kept) as u64);
    }
}
