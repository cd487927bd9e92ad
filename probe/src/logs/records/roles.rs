//! Fields whose names have a well-known meaning, whichever library wrote them.

use super::Fields;

/// Where such fields are among those of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles {
    pub(super) body: Option<usize>,
    pub(super) time: Option<usize>,
    pub(super) severity: Option<usize>,
    pub(super) trace_id: Option<usize>,
    pub(super) span_id: Option<usize>,
    pub(super) trace_flags: Option<usize>,
    pub(super) trace_parent: Option<usize>,
}

impl Roles {
    /// The first field of each meaning counts.
    pub(super) fn of(fields: &Fields) -> Self {
        let mut roles = Self::default();
        for index in 0..fields.len() {
            let role =
                match fields.name_of(index) {
                    "message" | "msg" | "log" | "Message" | "@m" | "body" => &mut roles.body,
                    "time" | "timestamp" | "ts" | "@timestamp" | "Timestamp" | "datetime" | "date" | "@t"
                    | "asctime" => &mut roles.time,
                    "level" | "severity" | "lvl" | "loglevel" | "log.level" | "levelname" | "Level"
                    | "LEVEL" | "log_level" | "logLevel" | "LogLevel" | "severity_text" | "@l"
                    | "SeverityText" => &mut roles.severity,
                    "trace_id" | "traceId" | "traceid" | "trace.id" | "TraceId" | "traceID"
                    | "otelTraceID" => &mut roles.trace_id,
                    "span_id" | "spanId" | "spanid" | "span.id" | "SpanId" | "spanID" | "otelSpanID" => {
                        &mut roles.span_id
                    }
                    "trace_flags" | "traceFlags" | "TraceFlags" => &mut roles.trace_flags,
                    "traceparent" => &mut roles.trace_parent,
                    _ => continue,
                };
            role.get_or_insert(index);
        }
        roles
    }
}
