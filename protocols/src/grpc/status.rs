//! Status codes: <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>.

use crate::Side;

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(u8);

impl Status {
    /// All went well.
    pub(crate) const OK: Self = Self(0);
    /// The caller lost interest.
    pub(crate) const CANCELLED: Self = Self(1);
    /// What a client makes of a code that it does not know.
    const UNKNOWN: Self = Self(2);
    /// It took too long.
    pub(crate) const DEADLINE_EXCEEDED: Self = Self(4);
    /// The server has no such method.
    pub(crate) const UNIMPLEMENTED: Self = Self(12);

    /// Reads `grpc-status`.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let code: u32 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
        let known = u8::try_from(code).ok().filter(|&code| usize::from(code) < NAMES.len());
        Some(known.map_or(Self::UNKNOWN, Self))
    }

    /// The name, which is what `rpc.response.status_code` holds.
    pub(crate) fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("UNKNOWN")
    }

    /// Whether that side has to call it an error (semantic conventions, gRPC). A server did nothing wrong when it was
    /// asked for what cannot be.
    pub(crate) fn is_error(self, side: Side) -> bool {
        match side {
            Side::Client => self != Self::OK,
            Side::Server => matches!(
                self.name(),
                "UNKNOWN" | "DEADLINE_EXCEEDED" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_and_strange_ones_are_unknown() {
        let name = |value: &str| Status::read(value.as_bytes()).map(Status::name);
        assert_eq!(name("0"), Some("OK"));
        assert_eq!(name("16"), Some("UNAUTHENTICATED"));
        assert_eq!(name("17"), Some("UNKNOWN"));
        assert_eq!(name("4000000000"), Some("UNKNOWN"));
        assert_eq!((name(""), name("-1"), name("OK")), (None, None, None));
    }

    #[test]
    fn a_server_is_to_blame_for_six_codes_and_a_client_sees_an_error_in_all_but_one() {
        let errors = |side| (0..17).filter(|&code| Status(code).is_error(side)).collect::<Vec<_>>();
        assert_eq!(errors(Side::Server), [2, 4, 12, 13, 14, 15]);
        assert_eq!(errors(Side::Client).len(), 16);
    }
}
