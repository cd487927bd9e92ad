//! gRPC, which is HTTP/2 with a convention: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
//!
//! A call is one exchange of HTTP/2. Its path names the method, its messages follow each other in the bodies with five
//! bytes before each, and its status comes in the trailers, or with the headers where there is nothing else. [`crate::http2`]
//! parses it; what is here says what it means.

mod exchange;
mod messages;
mod status;
mod timeout;

use std::time::Duration;

pub(crate) use exchange::GrpcExchange;
pub(crate) use messages::Messages;
pub(crate) use status::Status;
pub(crate) use timeout::timeout;

/// What one call has beyond its exchange of HTTP/2.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Call {
    /// Whether it is one: a content type says so, or a status.
    pub(crate) is_call: bool,
    /// Whether it could be one for all that is known: there are fields whose names are not.
    pub(crate) may_be_call: bool,
    /// What the server says of how it ended.
    pub(crate) status: Option<Status>,
    /// How long the client is going to wait.
    pub(crate) timeout: Option<Duration>,
    /// Those of the client.
    pub(crate) requests: Messages,
    /// Those of the server.
    pub(crate) responses: Messages,
}

impl Call {
    /// Whether messages are to be counted.
    pub(crate) fn counts(&self) -> bool {
        self.is_call || self.may_be_call
    }

    /// How a call ended that the client gave up after this time. It sends no status, but a client whose time is up does
    /// it for that reason. Its clock and ours are not the same, and some round the time up by a hundredth before they
    /// send it.
    pub(crate) fn given_up_after(&self, elapsed: Duration) -> Status {
        let tolerance = |timeout: Duration| timeout / 50 + Duration::from_millis(2);
        match self.timeout {
            Some(timeout) if elapsed.saturating_add(tolerance(timeout)) >= timeout => {
                Status::DEADLINE_EXCEEDED
            }
            _ => Status::CANCELLED,
        }
    }
}

/// Whether a content type is gRPC's: `application/grpc`, perhaps with the name of an encoding. gRPC-Web has the status in
/// its body and is not this protocol.
pub(crate) fn is_content_type(value: &[u8]) -> bool {
    value
        .trim_ascii_start()
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

#[cfg(test)]
mod tests {
    use super::is_content_type;

    #[test]
    fn the_content_type_tells_grpc_from_what_is_only_named_like_it() {
        for value in ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"] {
            assert!(is_content_type(value.as_bytes()), "{value}");
        }
        for value in ["application/grpc-web", "application/grpc-web-text", "application/json", ""] {
            assert!(!is_content_type(value.as_bytes()), "{value}");
        }
    }
}
