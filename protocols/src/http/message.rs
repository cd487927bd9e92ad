//! What the head of one message says, borrowed from its bytes. `httparse` reads the heads of requests as they should be;
//! what it refuses is read line by line in [`super::lenient`], since servers accept more than the specification does.

use std::mem::MaybeUninit;

use memchr::memchr_iter;

use super::{frame::Length, lenient};

/// Header fields that `httparse` is given room for; a head with more is read line by line.
const FIELDS: usize = 64;

/// HTTP version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Before versions were named.
    V09,
    /// HTTP/1.0.
    V10,
    /// HTTP/1.1.
    V11,
    /// HTTP/2, which shares the records.
    V2,
    /// Another minor version, of which nothing is said.
    Other,
}

impl Version {
    /// The value of `network.protocol.version`.
    pub(crate) const fn text(self) -> Option<&'static str> {
        match self {
            Self::V09 => Some("0.9"),
            Self::V10 => Some("1.0"),
            Self::V11 => Some("1.1"),
            Self::V2 => Some("2"),
            Self::Other => None,
        }
    }

    const fn from_minor(minor: u8) -> Self {
        match minor {
            0 => Self::V10,
            1 => Self::V11,
            _ => Self::Other,
        }
    }
}

/// The first line of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) version: Version,
}

/// The first line of a response.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatusLine {
    pub(super) status: u16,
    pub(super) version: Version,
}

/// What `Content-Length` fields say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Declared {
    #[default]
    Absent,
    Exactly(u64),
    /// Not a number, not the same number, or one too large to be meant.
    Contradictory,
}

/// What the header fields say of where the body ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Framing {
    content_length: Declared,
    chunked: bool,
    /// A transfer coding other than chunked and identity.
    coded: bool,
}

impl Framing {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 if name.eq_ignore_ascii_case(CONTENT_LENGTH) => self.add_content_length(value),
            17 if name.eq_ignore_ascii_case(TRANSFER_ENCODING) => self.add_codings(value),
            _ => {}
        }
    }

    /// Identical repetitions are one (RFC 9112 section 6.3).
    fn add_content_length(&mut self, value: &[u8]) {
        for part in value.split(|&byte| byte == b',') {
            let length = number(part.trim_ascii()).map_or(Declared::Contradictory, Declared::Exactly);
            self.content_length = match self.content_length {
                Declared::Absent => length,
                earlier if earlier == length => earlier,
                _ => Declared::Contradictory,
            };
        }
    }

    fn add_codings(&mut self, value: &[u8]) {
        for coding in value.split(|&byte| byte == b',') {
            let coding = coding.trim_ascii();
            if coding.eq_ignore_ascii_case(b"chunked") {
                self.chunked = true;
            } else if !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity") {
                self.coded = true;
            }
        }
    }

    /// Length of a request's body. Chunked wins over a length and over codings around it: that is what servers do.
    pub(super) const fn request_length(&self) -> Length {
        match self.content_length {
            _ if self.chunked => Length::Chunked,
            Declared::Exactly(0) if !self.coded => Length::None,
            Declared::Exactly(length) => Length::Exactly(length),
            Declared::Absent if !self.coded => Length::None,
            Declared::Absent | Declared::Contradictory => Length::Unknown,
        }
    }

    /// Length of a response's body (RFC 9112 section 6.3). `to_head` and `to_connect` tell of the request's method.
    pub(super) const fn response_length(&self, status: u16, to_head: bool, to_connect: bool) -> Length {
        match status {
            101 => return Length::Tunnel,
            200..=299 if to_connect => return Length::Tunnel,
            100..=199 | 204 | 304 => return Length::None,
            _ if to_head => return Length::None,
            _ if self.chunked => return Length::Chunked,
            _ => {}
        }
        match self.content_length {
            Declared::Exactly(0) => Length::None,
            Declared::Exactly(length) => Length::Exactly(length),
            Declared::Absent => Length::UntilClose,
            Declared::Contradictory => Length::Unknown,
        }
    }
}

/// Fields named `tracestate` that are joined to one list.
pub(super) const TRACE_STATES: usize = 4;

/// Header fields of a request that matter to the parser or to the attributes, gathered in one pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields<'a> {
    pub(super) framing: Framing,
    pub(super) expects_continue: bool,
    pub(super) upgrades_to_http2: bool,
    pub(super) host: Option<&'a [u8]>,
    pub(super) user_agent: Option<&'a [u8]>,
    /// Empty, and so invalid, where two fields differ.
    pub(super) trace_parent: Option<&'a [u8]>,
    pub(super) trace_states: [&'a [u8]; TRACE_STATES],
    pub(super) forwarded: Option<&'a [u8]>,
    pub(super) forwarded_for: Option<&'a [u8]>,
    pub(super) forwarded_host: Option<&'a [u8]>,
    pub(super) forwarded_proto: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Takes a field in, if it is one that matters. Length and a look at the name decide.
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        match name.len() {
            4 if is("host") => self.host = self.host.or(Some(value)),
            6 if is("expect") => {
                self.expects_continue |= value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            7 if is("upgrade") => {
                self.upgrades_to_http2 = value.trim_ascii().eq_ignore_ascii_case(b"h2c");
            }
            9 if is("forwarded") => self.forwarded = self.forwarded.or(Some(value)),
            10 if is("user-agent") => self.user_agent = self.user_agent.or(Some(value)),
            10 if is("tracestate") => {
                if let Some(free) = self.trace_states.iter_mut().find(|state| state.is_empty()) {
                    *free = value;
                }
            }
            11 if is("traceparent") => {
                let differs = self.trace_parent.is_some_and(|before| before != value);
                self.trace_parent = Some(if differs { b"" } else { value });
            }
            15 if is("x-forwarded-for") => self.forwarded_for = self.forwarded_for.or(Some(value)),
            16 if is("x-forwarded-host") => self.forwarded_host = self.forwarded_host.or(Some(value)),
            17 if is("x-forwarded-proto") => self.forwarded_proto = self.forwarded_proto.or(Some(value)),
            14 | 17 => self.framing.add(name, value),
            _ => {}
        }
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Lengths from here on are no lengths but attempts to overflow one.
const LONGEST_BODY: u64 = i64::MAX as u64;

/// `1*DIGIT`, nothing around it, leading zeros as they come.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit).filter(|&value| value < LONGEST_BODY)
    })
}

/// How to look at bytes that begin with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// They go on behind the head, or end within it: only a whole head as the specification has it will do.
    Ahead,
    /// They are the head, or what there is of it: whatever can be made of it will do.
    Whole,
}

/// Reads a request's head and shows every field to `each`. Gives the length of the head beside what it says.
pub(super) fn request<'a>(
    head: &'a [u8],
    look: Look,
    mut each: impl FnMut(&'a [u8], &'a [u8]),
) -> Option<(RequestLine<'a>, Fields<'a>, usize)> {
    let mut room = [const { MaybeUninit::uninit() }; FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let mut fields = Fields::default();
    if let Ok(httparse::Status::Complete(length)) = parsed.parse_with_uninit_headers(head, &mut room)
        && let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    {
        for field in parsed.headers.iter() {
            fields.add(field.name.as_bytes(), field.value);
            each(field.name.as_bytes(), field.value);
        }
        let version = Version::from_minor(minor);
        return Some((
            RequestLine { method: method.as_bytes(), target: target.as_bytes(), version },
            fields,
            length,
        ));
    }
    if look == Look::Ahead {
        return None;
    }
    let (line, rest) = lenient::request_line(head)?;
    lenient::fields(rest, |name, value| {
        fields.add(name, value);
        each(name, value);
    });
    Some((line, fields, head.len()))
}

/// Reads a response's head. Gives the length of the head beside what it says.
///
/// Of its fields only those that frame the message matter, and finding those takes a third of the time of reading them
/// all. Where fields are to be captured, see [`response_fields`].
pub(super) fn response(head: &[u8], look: Look) -> Option<(StatusLine, Framing, usize)> {
    match look {
        Look::Ahead => response_ahead(head),
        Look::Whole => {
            let (line, rest) = lenient::status_line(head)?;
            let mut framing = Framing::default();
            lenient::fields(rest, |name, value| framing.add(name, value));
            Some((line, framing, head.len()))
        }
    }
}

/// The same for a head that is as the specification has it; any other gives `None`.
fn response_ahead(bytes: &[u8]) -> Option<(StatusLine, Framing, usize)> {
    let mut lines = memchr_iter(b'\n', bytes);
    let mut start = lines.next()? + 1;
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', code @ ..] = &bytes[..start] else {
        return None;
    };
    let [hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b' ' | b'\r' | b'\n', ..] = code
    else {
        return None;
    };
    let digit = |byte: u8| u16::from(byte - b'0');
    let line = StatusLine {
        status: digit(*hundreds) * 100 + digit(*tens) * 10 + digit(*ones),
        version: Version::from_minor(minor.checked_sub(b'0').filter(|&minor| minor < 10)?),
    };
    let mut framing = Framing::default();
    for newline in lines {
        let field = &bytes[start..newline];
        start = newline + 1;
        let colon = match field {
            [] | [b'\r'] => return Some((line, framing, start)),
            // A folded line belongs to the one before it.
            [b' ' | b'\t', ..] => return None,
            [b'C' | b'c', ..] => CONTENT_LENGTH.len(),
            [b'T' | b't', ..] => TRANSFER_ENCODING.len(),
            _ => continue,
        };
        match field.get(colon) {
            Some(b':') => framing.add(&field[..colon], field[colon + 1..].trim_ascii()),
            // Whitespace before the colon, which is not as the specification has it.
            Some(b' ' | b'\t') => return None,
            _ => {}
        }
    }
    None
}

/// Shows every field of a response's whole head to `each`.
pub(super) fn response_fields<'a>(head: &'a [u8], each: impl FnMut(&'a [u8], &'a [u8])) {
    if let Some((_, rest)) = lenient::status_line(head) {
        lenient::fields(rest, each);
    }
}

impl Version {
    /// From the version's text, such as `HTTP/1.1`.
    pub(super) const fn from_text(text: &[u8]) -> Self {
        match text {
            b"HTTP/1.0" => Self::V10,
            b"HTTP/1.1" => Self::V11,
            b"HTTP/0.9" => Self::V09,
            _ => Self::Other,
        }
    }
}
