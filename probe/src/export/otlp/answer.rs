//! What a receiver's answer means: taken, never to be taken, or to be tried again.

use std::time::{Duration, SystemTime};

use prost::Message;

use crate::export::visible;

/// What came of one attempt to send a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Taken, but for `rejected` items (partial success, which is never sent again).
    Accepted {
        /// Items that the receiver did not take.
        rejected: u64,
        /// Why, or a warning.
        message: Option<String>,
    },
    /// Never to be taken.
    Refused(String),
    /// Perhaps later, and not before `after` if the receiver said so.
    Later {
        /// What happened and what to do.
        sentence: String,
        /// What the receiver asked for.
        after: Option<Duration>,
    },
}

impl Attempt {
    pub(super) const ACCEPTED: Self = Self::Accepted { rejected: 0, message: None };
}

/// The answers of the three services have one shape (`ExportTraceServiceResponse` and the others, OTLP 1.11).
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess` and the others.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PartialSuccess {
    /// Spans, data points or log records.
    #[prost(int64, tag = "1")]
    pub(super) rejected: i64,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

/// `google.rpc.Status`: the body of HTTP failures, and what `grpc-status-details-bin` holds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<AnyMessage>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyMessage {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProtoDuration {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// What a success says, in Protocol Buffers.
pub(super) fn success(body: &[u8]) -> Attempt {
    // A body that cannot be read does not undo the success that came before it.
    let Ok(response) = ExportResponse::decode(body) else { return Attempt::ACCEPTED };
    response
        .partial_success
        .map_or(Attempt::ACCEPTED, |partial| partial_success(partial.rejected, &partial.error_message))
}

/// What a partial success means.
pub(super) fn partial_success(rejected: i64, message: &str) -> Attempt {
    let message = (!message.is_empty()).then(|| text_of_stranger(message));
    Attempt::Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message }
}

/// The wait that gRPC details ask for.
pub(super) fn retry_info(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    Some(Duration::new(seconds, u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999)))
}

/// The wait that `Retry-After` asks for: seconds, or a date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that has passed asks for no wait.
    Some(date.duration_since(now).unwrap_or_default())
}

/// A receiver's words, short and harmless to print.
pub(super) fn text_of_stranger(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.trim();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { "…" } else { "" };
    format!("{}{dots}", visible(&text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(delay: Option<ProtoDuration>) -> Vec<u8> {
        let info = RetryInfo { retry_delay: delay }.encode_to_vec();
        let other =
            AnyMessage { type_url: "type.googleapis.com/google.rpc.DebugInfo".into(), value: vec![0xff] };
        let wanted = AnyMessage { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info };
        RpcStatus { code: 8, message: "slow down".into(), details: vec![other, wanted] }.encode_to_vec()
    }

    #[test]
    fn retry_info_is_found_among_details() {
        let delay = ProtoDuration { seconds: 2, nanos: 500_000_000 };
        assert_eq!(retry_info(&details(Some(delay))), Some(Duration::from_millis(2500)));
        assert_eq!(retry_info(&details(None)), Some(Duration::ZERO));
        let negative = ProtoDuration { seconds: -5, nanos: -1 };
        assert_eq!(retry_info(&details(Some(negative))), Some(Duration::ZERO));
        let absurd = ProtoDuration { seconds: i64::MAX, nanos: i32::MAX };
        assert!(retry_info(&details(Some(absurd))).is_some());
    }

    #[test]
    fn details_without_retry_info_ask_for_nothing() {
        let status = RpcStatus { code: 8, message: String::new(), details: Vec::new() };
        assert_eq!(retry_info(&status.encode_to_vec()), None);
        assert_eq!(retry_info(b""), None);
        assert_eq!(retry_info(b"\xff\xff\xff"), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let cases = [
            ("120", Some(Duration::from_secs(120))),
            (" 0 ", Some(Duration::ZERO)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(Duration::from_secs(10))),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(Duration::ZERO)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ];
        for (value, wait) in cases {
            assert_eq!(retry_after(value, now), wait, "{value:?}");
        }
    }

    #[test]
    fn a_partial_success_counts_what_was_rejected() {
        let partial = |rejected, message: &str| ExportResponse {
            partial_success: Some(PartialSuccess { rejected, error_message: message.into() }),
        };
        let accepted = |rejected, message: Option<&str>| Attempt::Accepted {
            rejected,
            message: message.map(Into::into),
        };
        let cases = [
            (ExportResponse::default(), Attempt::ACCEPTED),
            (partial(7, "too old"), accepted(7, Some("too old"))),
            (partial(0, "use v2"), accepted(0, Some("use v2"))),
            (partial(-3, "\x1b[31m"), accepted(0, Some("\\x1b[31m"))),
        ];
        for (response, attempt) in cases {
            assert_eq!(success(&response.encode_to_vec()), attempt);
        }
        assert_eq!(success(b"<html>"), Attempt::ACCEPTED);
    }

    #[test]
    fn long_words_of_a_receiver_are_cut_between_characters() {
        let text = text_of_stranger(&"ä".repeat(200));
        assert_eq!(text, format!("{}…", "ä".repeat(150)));
    }
}
