//! HTTP/1: version 1.1 (RFC 9112), 1.0, and what is left of 0.9, with the semantics of RFC 9110.
//!
//! Bytes become messages in `stream` and `frame`, heads are read in `message`, `parser` hands both to the FIFO
//! matcher, and `exchange` says what a pair means in OpenTelemetry's terms.

use std::sync::Arc;

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
    route::RoutePattern,
};

pub(crate) mod address;
pub(crate) mod exchange;
mod frame;
mod head_buffer;
mod heads;
mod ledger;
mod lenient;
mod line;
mod loss;
pub(crate) mod message;
mod parser;
pub(crate) mod record;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

/// HTTP/1 in the registry.
pub const ENTRY: Entry =
    Entry { protocol: Protocol::Http, detect, agree: crate::registry::always_agree, start };

/// Bytes that one connection's parser holds at most: two unfinished heads, waiting requests, responses held for late
/// ones, and the few exchanges under way.
pub const HELD_BYTES_LIMIT: usize = 2 * (head_buffer::HEAD_LIMIT + 1)
    + crate::fifo::WAITING_BYTES
    + (crate::fifo::HELD_RESPONSES + ledger::UNDER_WAY) * record::TEXT_LIMIT;

/// The methods that OpenTelemetry knows, which are reported by name unless the settings say otherwise.
const KNOWN_METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// HTTP options, of either version. Cheap to clone: every connection has its own.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Names of headers, in lower case, whose values are reported as `http.request.header.<name>` and
    /// `http.response.header.<name>`. Credentials are never reported, whatever is asked for: their values read
    /// `REDACTED`.
    pub captured_headers: Arc<[String]>,
    /// The methods reported by name, all others as `_OTHER`, case-sensitive. `None` stands for OpenTelemetry's list.
    /// The caller reads `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` into this.
    pub known_methods: Option<Arc<[String]>>,
    /// Routes that the user knows, asked in this order before one is made from the path.
    pub route_patterns: Arc<[RoutePattern]>,
}

impl HttpSettings {
    pub(crate) fn knows_method(&self, method: &[u8]) -> bool {
        match &self.known_methods {
            None => KNOWN_METHODS.iter().any(|known| known.as_bytes() == method),
            Some(methods) => methods.iter().any(|known| known.as_bytes() == method),
        }
    }
}

fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    line::detect(direction, bytes)
}

fn start(settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::HttpParser::new(settings.http.clone(), from_start))
}
