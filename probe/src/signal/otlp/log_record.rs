//! Numbers of the fields of `LogRecord` (opentelemetry-proto, logs/v1/logs.proto).

pub(crate) const TIME: u32 = 1;
pub(crate) const SEVERITY_NUMBER: u32 = 2;
pub(crate) const SEVERITY_TEXT: u32 = 3;
pub(crate) const BODY: u32 = 5;
pub(crate) const ATTRIBUTES: u8 = 6;
pub(crate) const DROPPED_ATTRIBUTES: u32 = 7;
pub(crate) const FLAGS: u32 = 8;
pub(crate) const TRACE_ID: u32 = 9;
pub(crate) const SPAN_ID: u32 = 10;
pub(crate) const OBSERVED_TIME: u32 = 11;
pub(crate) const EVENT: u32 = 12;
