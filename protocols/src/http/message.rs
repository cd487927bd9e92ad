//! What the head of one message says, borrowed from its bytes. `httparse` reads the heads of requests as they should be;
//! what it refuses is read line by line in [`super::lenient`], since servers accept more than the specification does.

use std::mem::MaybeUninit;

use memchr::memchr;

use super::{frame::Length, lenient};

/// Header fields that `httparse` is given room for; a head with more is read line by line.
const FIELDS: usize = 64;

/// HTTP version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Before versions were named.
    V09,
    /// HTTP/1.0.
    V10,
    /// HTTP/1.1.
    V11,
    /// Another minor version, of which nothing is said.
    Other,
}

impl Version {
    /// The value of `network.protocol.version`.
    pub(super) const fn text(self) -> Option<&'static str> {
        match self {
            Self::V09 => Some("0.9"),
            Self::V10 => Some("1.0"),
            Self::V11 => Some("1.1"),
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

/// Header fields that matter to the parser or to the attributes, gathered in one pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields<'a> {
    pub(super) content_length: Declared,
    pub(super) chunked: bool,
    /// A transfer coding other than chunked and identity.
    pub(super) coded: bool,
    pub(super) expects_continue: bool,
    pub(super) host: Option<&'a [u8]>,
    pub(super) user_agent: Option<&'a [u8]>,
    pub(super) trace_parent: Option<&'a [u8]>,
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
            9 if is("forwarded") => self.forwarded = self.forwarded.or(Some(value)),
            10 if is("user-agent") => self.user_agent = self.user_agent.or(Some(value)),
            11 if is("traceparent") => self.trace_parent = self.trace_parent.or(Some(value)),
            14 if is("content-length") => self.add_content_length(value),
            15 if is("x-forwarded-for") => self.forwarded_for = self.forwarded_for.or(Some(value)),
            16 if is("x-forwarded-host") => self.forwarded_host = self.forwarded_host.or(Some(value)),
            17 if is("transfer-encoding") => self.add_codings(value),
            17 if is("x-forwarded-proto") => self.forwarded_proto = self.forwarded_proto.or(Some(value)),
            _ => {}
        }
    }

    /// The same for a response, of which nothing but its framing is asked.
    #[inline]
    fn add_framing(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => self.add_content_length(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.add_codings(value),
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
pub(super) fn response(head: &[u8], look: Look) -> Option<(StatusLine, Fields<'_>, usize)> {
    let mut fields = Fields::default();
    let (line, mut rest) = lenient::status_line(head)?;
    if look == Look::Whole {
        lenient::fields(rest, |name, value| fields.add_framing(name, value));
        return Some((line, fields, head.len()));
    }
    loop {
        let newline = memchr(b'\n', rest)?;
        let (field, after) = (&rest[..newline], &rest[newline + 1..]);
        match field {
            [] | [b'\r'] => return Some((line, fields, head.len() - after.len())),
            // A folded line belongs to the one before it.
            [b' ' | b'\t', ..] => return None,
            [b'C' | b'c' | b'T' | b't', ..] => {
                if let Some(colon) = memchr(b':', field) {
                    fields.add_framing(field[..colon].trim_ascii_end(), field[colon + 1..].trim_ascii());
                }
            }
            _ => {}
        }
        rest = after;
    }
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
