//! Which protocols anybody wants to know of, so that connections of others need not be parsed.

use crate::Protocol;

/// Protocols whose exchanges are wanted; all of them unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted(Option<u32>);

const _: () = assert!(Protocol::ALL.len() <= 32);

impl Wanted {
    /// These only; all of them if none is given.
    #[must_use]
    pub fn only(protocols: &[Protocol]) -> Self {
        let bits = protocols.iter().fold(0, |bits, &protocol| bits | bit(protocol));
        Self((bits != 0).then_some(bits))
    }

    /// Whether exchanges of that protocol are wanted.
    #[must_use]
    pub const fn includes(self, protocol: Protocol) -> bool {
        match self.0 {
            None => true,
            Some(bits) => bits & bit(protocol) != 0,
        }
    }

    /// Whether a connection that begins with that protocol may have exchanges that are wanted: HTTP/1 can be upgraded to
    /// HTTP/2 (RFC 7540 section 3.2), which carries gRPC, and databases agree on TLS in their own words.
    #[must_use]
    pub const fn may_follow(self, first: Protocol) -> bool {
        let http2 = self.includes(Protocol::Http2) || self.includes(Protocol::Grpc);
        match first {
            Protocol::Http => http2 || self.includes(first),
            Protocol::Http2 | Protocol::Grpc => http2,
            Protocol::Mysql | Protocol::Postgresql => self.includes(Protocol::Tls) || self.includes(first),
            _ => self.includes(first),
        }
    }
}

const fn bit(protocol: Protocol) -> u32 {
    1 << protocol as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, State, testing::Wire};

    #[test]
    fn everything_is_wanted_unless_something_is_named() {
        for wanted in [Wanted::default(), Wanted::only(&[])] {
            assert!(Protocol::ALL.into_iter().all(|protocol| wanted.includes(protocol)));
        }
        for named in Protocol::ALL {
            let wanted = Wanted::only(&[named]);
            assert!(Protocol::ALL.into_iter().all(|other| wanted.includes(other) == (other == named)));
        }
    }

    #[test]
    fn what_can_lead_to_a_wanted_protocol_is_followed() {
        let grpc = Wanted::only(&[Protocol::Grpc]);
        assert!(grpc.may_follow(Protocol::Http) && grpc.may_follow(Protocol::Http2));
        assert!(!grpc.may_follow(Protocol::Redis));
        assert!(!Wanted::only(&[Protocol::Http]).may_follow(Protocol::Http2));
        assert!(Wanted::only(&[Protocol::Tls]).may_follow(Protocol::Mysql));
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const RESPONSE: &str = "HTTP/1.1 204 No Content\r\n\r\n";

    fn wire(wanted: &[Protocol], from_start: bool) -> Wire {
        let settings = Settings { wanted: Wanted::only(wanted), ..Settings::default() };
        let mut wire = Wire::with(settings, from_start);
        wire.request(REQUEST).response(RESPONSE);
        wire
    }

    #[test]
    fn a_connection_of_an_unwanted_protocol_is_ignored_from_its_first_bytes() {
        let mut unwanted = wire(&[Protocol::Redis], true);
        assert_eq!(unwanted.conversation.state(), State::Ignored);
        assert!(unwanted.close(crate::CloseReason::Closed).seen.is_empty());
        for wanted in [&[][..], &[Protocol::Http], &[Protocol::Redis, Protocol::Grpc]] {
            assert_eq!(wire(wanted, true).conversation.state(), State::Parsing(Protocol::Http), "{wanted:?}");
        }
    }

    #[test]
    fn a_connection_joined_in_the_middle_is_parsed_whatever_it_looks_like() {
        assert_eq!(wire(&[Protocol::Redis], false).conversation.state(), State::Parsing(Protocol::Http));
    }
}
