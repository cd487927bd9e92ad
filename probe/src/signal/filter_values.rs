//! The values that filters take, as a person writes them.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use thiserror::Error;

use super::StatusCode;

/// A filter's value that means nothing. The text says what is accepted; the command line adds the flag and the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct FilterValueError(pub &'static str);

/// Which statuses pass: one number, a class such as `5xx`, a range such as `400-499`, or a word or code, perhaps with
/// stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusPattern {
    /// From the first to the second, both included.
    Range(i64, i64),
    /// A status that is a word, in any case, with underscores or without.
    Word(Box<str>),
    /// A pattern for words and numbers, in lower case.
    Like(PathPattern),
}

impl StatusPattern {
    /// Whether a status passes.
    #[must_use]
    pub fn matches(&self, status: &StatusCode<'_>) -> bool {
        match (self, status) {
            (Self::Range(first, last), StatusCode::Number(number)) => (first..=last).contains(&number),
            (Self::Range(first, last), StatusCode::Word(word)) => {
                word.parse().is_ok_and(|number: i64| (*first..=*last).contains(&number))
            }
            (Self::Word(wanted), StatusCode::Word(word)) => letters(wanted).eq(letters(word)),
            (Self::Like(pattern), StatusCode::Word(word)) => pattern.matches(&word.to_ascii_lowercase()),
            (Self::Like(pattern), StatusCode::Number(number)) => pattern.matches(&number.to_string()),
            (Self::Word(_), StatusCode::Number(_)) => false,
        }
    }
}

/// `DeadlineExceeded`, as some languages write it, is `DEADLINE_EXCEEDED`.
fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars()
        .filter(|character| !matches!(character, '_' | '-'))
        .map(|character| character.to_ascii_lowercase())
}

impl FromStr for StatusPattern {
    type Err = FilterValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: FilterValueError = FilterValueError(
            "a status is a number (404), a class (5xx), a range (400-499), or a code or word, perhaps with * \
             (NXDOMAIN, 42P01, 23*, connection_*)",
        );
        let number = |text: &str| text.parse::<u32>().map(i64::from).map_err(|_| ACCEPTED);
        let bytes = text.as_bytes();
        if let [class @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = bytes {
            let first = i64::from(class - b'0') * 100;
            return Ok(Self::Range(first, first + 99));
        }
        let is_code = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*');
        if bytes.contains(&b'*') && bytes.iter().all(is_code) {
            return text.to_ascii_lowercase().parse().map(Self::Like);
        }
        if let Some((first, last)) = text.split_once('-')
            && first.bytes().all(|byte| byte.is_ascii_digit())
        {
            let (first, last) = (number(first)?, number(last)?);
            return if first <= last { Ok(Self::Range(first, last)) } else { Err(ACCEPTED) };
        }
        // SQLSTATE is of digits and letters: 42P01.
        if bytes.first().is_some_and(u8::is_ascii_alphabetic)
            || bytes.iter().all(is_code) && bytes.iter().any(u8::is_ascii_alphabetic)
        {
            return Ok(Self::Word(text.into()));
        }
        number(text).map(|number| Self::Range(number, number))
    }
}

/// Which paths pass: those that begin with the text or, where it holds a `*`, those that it matches as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Box<str>);

impl PathPattern {
    /// Whether a path passes. `*` stands for any text, slashes included.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return true };
        // The earliest place of each part between two stars is as good as any later one.
        let mut rest = rest;
        for part in parts {
            match rest.find(part) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for PathPattern {
    type Err = FilterValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(FilterValueError(
                "a path is its beginning (/api, user:, orders) or a pattern with * (/users/*/cart)",
            ));
        }
        Ok(Self(text.into()))
    }
}

/// Which other ends pass: an address, with a port or without, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemotePattern {
    network: u128,
    mask: u128,
    port: Option<u16>,
}

impl RemotePattern {
    /// Whether an address passes.
    #[must_use]
    pub fn matches(&self, address: SocketAddr) -> bool {
        bits(address.ip()) & self.mask == self.network && self.port.is_none_or(|port| port == address.port())
    }

    fn new(address: IpAddr, prefix: u32, port: Option<u16>) -> Self {
        // IPv4 is compared as IPv4-mapped IPv6, so that dual-stack sockets need no case of their own.
        let ignored = if address.is_ipv4() { 32 } else { 128_u32 }.saturating_sub(prefix);
        let mask = u128::MAX.checked_shl(ignored).unwrap_or(0);
        Self { network: bits(address) & mask, mask, port }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for RemotePattern {
    type Err = FilterValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: FilterValueError = FilterValueError(
            "a remote is an address (10.0.0.7), an address with its port (10.0.0.7:443, [::1]:443) or a network \
             (10.0.0.0/8); names are not looked up",
        );
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::new(address.ip(), 128, Some(address.port())));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::new(address, 128, None));
        }
        let (address, prefix) = text.split_once('/').ok_or(ACCEPTED)?;
        let address: IpAddr = address.parse().map_err(|_| ACCEPTED)?;
        let prefix: u32 = prefix.parse().map_err(|_| ACCEPTED)?;
        if prefix > if address.is_ipv4() { 32 } else { 128 } {
            return Err(ACCEPTED);
        }
        Ok(Self::new(address, prefix, None))
    }
}

/// A length of time with its unit, such as `250us`, `10ms`, `1.5s`, `2m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl FromStr for TimeSpan {
    type Err = FilterValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: FilterValueError =
            FilterValueError("a time is a number with its unit: 250us, 10ms, 1.5s, 2m or 1h");
        const LONGEST_SECONDS: f64 = 1e9;
        let unit_at = text.find(|character: char| character.is_alphabetic()).ok_or(ACCEPTED)?;
        let (number, unit) = text.split_at(unit_at);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(ACCEPTED),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(ACCEPTED);
        }
        let number: f64 = number.parse().map_err(|_| ACCEPTED)?;
        let seconds = number * seconds;
        if seconds > LONGEST_SECONDS {
            return Err(ACCEPTED);
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| ACCEPTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pattern: &str) -> StatusPattern {
        pattern.parse().expect("a pattern")
    }

    #[test]
    fn a_status_passes_by_number_class_range_or_word() {
        let cases = [
            ("404", 404, true),
            ("404", 405, false),
            ("5xx", 500, true),
            ("5XX", 599, true),
            ("5xx", 600, false),
            ("400-499", 400, true),
            ("400-499", 499, true),
            ("400-499", 399, false),
            ("0", 0, true),
        ];
        for (pattern, number, passes) in cases {
            assert_eq!(status(pattern).matches(&StatusCode::Number(number)), passes, "{pattern} on {number}");
        }
        assert!(status("nxdomain").matches(&StatusCode::Word("NXDOMAIN".into())));
        assert!(status("400-499").matches(&StatusCode::Word("404".into())));
        assert!(!status("400-499").matches(&StatusCode::Word("399".into())));
        assert!(!status("NXDOMAIN").matches(&StatusCode::Number(3)));
        for (pattern, word, passes) in [
            ("42P01", "42P01", true),
            ("42p01", "42P02", false),
            ("08006", "08006", true),
            ("23*", "23505", true),
            ("23*", "42P01", false),
            ("connection_*", "connection_reset", true),
            ("*READ*", "READONLY", true),
            ("DeadlineExceeded", "DEADLINE_EXCEEDED", true),
            ("deadline", "DEADLINE_EXCEEDED", false),
        ] {
            assert_eq!(
                status(pattern).matches(&StatusCode::Word(word.into())),
                passes,
                "{pattern} on {word}"
            );
        }
        assert!(status("50*").matches(&StatusCode::Number(503)));
    }

    #[test]
    fn a_status_that_means_nothing_is_refused() {
        for text in ["", "-", "4-", "-4", "499-400", "4.5", "99999999999"] {
            assert!(text.parse::<StatusPattern>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_path_passes_by_its_beginning_or_by_a_pattern() {
        let cases = [
            ("/api", "/api", true),
            ("/api", "/api/users", true),
            ("/api", "/v2/api", false),
            ("/users/*/cart", "/users/17/cart", true),
            ("/users/*/cart", "/users/17/a/cart", true),
            ("/users/*/cart", "/users/17/cart/x", false),
            ("/users/*/cart*", "/users/17/cart/x", true),
            ("*.png", "/a.png", true),
            ("*.png", "/a.png?", false),
            ("*a*a*", "/a", false),
            ("*a*a*", "/aa", true),
            ("/a*a", "/a", false),
            ("*", "", true),
        ];
        for (pattern, path, passes) in cases {
            let pattern: PathPattern = pattern.parse().expect("a pattern");
            assert_eq!(pattern.matches(path), passes, "{pattern:?} on {path}");
        }
        assert!("".parse::<PathPattern>().is_err());
    }

    #[test]
    fn a_remote_passes_by_address_port_or_network() {
        let cases = [
            ("10.0.0.7", "10.0.0.7:1", true),
            ("10.0.0.7", "10.0.0.8:1", false),
            ("10.0.0.7:443", "10.0.0.7:443", true),
            ("10.0.0.7:443", "10.0.0.7:80", false),
            ("10.0.0.0/8", "10.200.3.4:1", true),
            ("10.0.0.0/8", "11.0.0.1:1", false),
            ("10.1.2.3/8", "10.200.3.4:1", true),
            ("0.0.0.0/0", "9.9.9.9:1", true),
            ("0.0.0.0/0", "[2001:db8::1]:1", false),
            ("::1", "[::1]:9", true),
            ("[::1]:9", "[::1]:9", true),
            ("2001:db8::/32", "[2001:db8:1::5]:1", true),
            ("::/0", "[2001:db8:1::5]:1", true),
            ("10.0.0.7", "[::ffff:10.0.0.7]:1", true),
        ];
        for (pattern, address, passes) in cases {
            let remote: RemotePattern = pattern.parse().expect("a pattern");
            let address = address.parse().expect("an address");
            assert_eq!(remote.matches(address), passes, "{pattern} on {address}");
        }
        for text in ["", "example.org", "10.0.0.0/33", "::/129", "10.0.0.0/x", "10.0.0.7:99999"] {
            assert!(text.parse::<RemotePattern>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_time_needs_its_unit() {
        let cases = [
            ("10ms", 10_000_000),
            ("1s", 1_000_000_000),
            ("1.5ms", 1_500_000),
            ("250us", 250_000),
            ("2m", 120_000_000_000),
        ];
        for (text, nanos) in cases {
            assert_eq!(text.parse(), Ok(TimeSpan(Duration::from_nanos(nanos))), "{text}");
        }
        for text in ["", "10", "ms", "-1s", "1e3s", "1 s", "10 parsecs", "infs", "99999999999h", "1.2.3s"] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text} was accepted");
        }
    }
}
