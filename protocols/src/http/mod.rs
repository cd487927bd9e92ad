//! HTTP/1 (RFC 9110, RFC 9112).

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

/// HTTP/1 in the registry.
pub const ENTRY: Entry = Entry { protocol: Protocol::Http, detect, start };

/// HTTP/1 options.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Names of headers, in lower case, whose values are reported as `http.request.header.<name>` and
    /// `http.response.header.<name>`. Credentials are never reported, whatever is asked for.
    pub captured_headers: Vec<String>,
}

fn detect(_direction: Direction, _bytes: &[u8]) -> Detection {
    Detection::No
}

fn start(_settings: &Settings) -> Box<dyn Parser> {
    unreachable!("nothing is detected yet")
}
