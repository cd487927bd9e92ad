//! What is kept of a request until its response came, and of a response until it ended: sizes, and copies of the few
//! texts that attributes are made of. Records are used again, so that a connection in full swing allocates nothing.

use super::{
    HttpSettings,
    message::{Fields, RequestLine, StatusLine, TRACE_STATES, Version},
    stream::Size,
};
use crate::{
    TraceParent,
    placed::Beginning,
    trace_context::{self, trace_parent, trace_state},
};

/// Bytes kept of each text; longer ones are cut. Targets have no limit of their own, and 2 KiB hold all but freaks.
const TARGET: usize = 2048;
/// Longer ones are none (RFC 3986 has no limit, the registry's longest has 36 characters).
const SCHEME: usize = 40;
/// A DNS name has at most 253 characters; a port, and user information that should not be there, follow.
const HOST: usize = 320;
const USER_AGENT: usize = 256;
const FORWARDED: usize = 256;
/// Of all captured fields of one message.
const CAPTURED: usize = 4096;
/// Values captured from one message.
const CAPTURED_VALUES: usize = 64;

/// The most that one record's texts take.
pub(crate) const TEXT_LIMIT: usize = super::line::METHOD_LENGTH
    + TARGET
    + SCHEME
    + HOST
    + USER_AGENT
    + 4 * FORWARDED
    + TRACE_STATES * trace_context::STATE
    + CAPTURED;

/// A piece of a record's text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    start: u16,
    length: u16,
}

impl Span {
    /// Whether there is nothing.
    pub(crate) const fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// The texts of one record, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    captured: Vec<(u16, Span)>,
    captured_bytes: usize,
}

impl Texts {
    fn clear(&mut self) {
        self.bytes.clear();
        self.captured.clear();
        self.captured_bytes = 0;
    }

    /// Keeps at most `limit` bytes, cut where no character is torn.
    fn keep(&mut self, text: &[u8], limit: usize) -> Span {
        let text = shorten(text, limit);
        let start = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX);
        let length = u16::try_from(text.len()).unwrap_or(0);
        self.bytes.extend_from_slice(&text[..usize::from(length)]);
        Span { start, length }
    }

    fn keep_field(&mut self, text: Option<&[u8]>, limit: usize) -> Span {
        match text {
            Some(text) => self.keep(text.trim_ascii(), limit),
            None => Span::default(),
        }
    }

    /// Keeps a field that the settings ask for.
    pub(crate) fn capture(&mut self, settings: &HttpSettings, name: &[u8], value: &[u8]) {
        let wanted = settings.captured_headers.iter();
        let position = wanted.enumerate().find(|(_, wanted)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        let room = CAPTURED - self.captured_bytes;
        if let Some((index, _)) = position
            && self.captured.len() < CAPTURED_VALUES
            && let Ok(index) = u16::try_from(index)
        {
            let span = self.keep(value, room);
            self.captured_bytes += usize::from(span.length);
            self.captured.push((index, span));
        }
    }

    /// The text of a piece.
    pub(crate) fn get(&self, span: Span) -> &[u8] {
        let start = usize::from(span.start);
        self.bytes.get(start..start + usize::from(span.length)).unwrap_or_default()
    }

    /// The same where the absence of a field and its emptiness are one.
    pub(crate) fn find(&self, span: Span) -> Option<&[u8]> {
        Some(self.get(span)).filter(|text| !text.is_empty())
    }

    /// Captured values of the header with this index in the settings.
    pub(crate) fn captured(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        self.captured
            .iter()
            .filter(move |(wanted, _)| usize::from(*wanted) == index)
            .map(|(_, span)| self.get(*span))
    }

    /// Whether nothing was captured.
    pub(crate) fn captured_nothing(&self) -> bool {
        self.captured.is_empty()
    }

    fn held(&self) -> usize {
        self.bytes.len() + self.captured.len() * size_of::<(u16, Span)>()
    }
}

/// At most `limit` bytes, the last character whole where the text is UTF-8.
fn shorten(text: &[u8], limit: usize) -> &[u8] {
    let torn = |end: usize| text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    let end = (0..4).map(|back| limit.saturating_sub(back)).find(|&end| !torn(end)).unwrap_or(limit);
    text.get(..end).unwrap_or(text)
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Names it among those of its connection.
    pub(crate) serial: u64,
    /// Its first byte, where that was seen.
    pub(crate) began: Option<Beginning>,
    pub(crate) done: bool,
    pub(crate) size: Size,
    pub(crate) texts: Texts,
    pub(crate) method: Span,
    pub(crate) target: Span,
    /// Where a field of its own names it, as HTTP/2 does.
    pub(crate) scheme: Span,
    pub(crate) host: Span,
    pub(crate) user_agent: Span,
    pub(crate) forwarded: Span,
    pub(crate) forwarded_for: Span,
    pub(crate) forwarded_host: Span,
    pub(crate) forwarded_proto: Span,
    pub(crate) version: Version,
    pub(crate) trace_parent: Option<TraceParent>,
    /// Fields of each name that were taken.
    trace_parents: u8,
    trace_states: u8,
    trace_state: Span,
    /// Whether the method is one of those that are reported by name.
    pub(crate) known: bool,
    pub(crate) is_head: bool,
    pub(crate) is_connect: bool,
    /// Whether the client asks to go on in HTTP/2 (RFC 7540 section 3.2), and in nothing else.
    pub(crate) upgrades_to_http2: bool,
}

impl Request {
    pub(crate) fn empty() -> Self {
        Self {
            serial: 0,
            began: None,
            done: false,
            size: Size::default(),
            texts: Texts::default(),
            method: Span::default(),
            target: Span::default(),
            scheme: Span::default(),
            host: Span::default(),
            user_agent: Span::default(),
            forwarded: Span::default(),
            forwarded_for: Span::default(),
            forwarded_host: Span::default(),
            forwarded_proto: Span::default(),
            version: Version::Other,
            trace_parent: None,
            trace_parents: 0,
            trace_states: 0,
            trace_state: Span::default(),
            known: false,
            is_head: false,
            is_connect: false,
            upgrades_to_http2: false,
        }
    }

    /// Makes the record ready for the fields of another request.
    pub(crate) fn reset(&mut self) {
        let mut texts = std::mem::take(&mut self.texts);
        texts.clear();
        *self = Self { texts, ..Self::empty() };
    }

    /// Takes what the head says.
    pub(super) fn fill(&mut self, settings: &HttpSettings, line: &RequestLine<'_>, fields: &Fields<'_>) {
        self.keep_method(settings, line.method);
        self.keep_target(line.target);
        self.host = self.texts.keep_field(fields.host, HOST);
        self.user_agent = self.texts.keep_field(fields.user_agent, USER_AGENT);
        self.forwarded = self.texts.keep_field(fields.forwarded, FORWARDED);
        self.forwarded_for = self.texts.keep_field(fields.forwarded_for, FORWARDED);
        self.forwarded_host = self.texts.keep_field(fields.forwarded_host, FORWARDED);
        self.forwarded_proto = self.texts.keep_field(fields.forwarded_proto, FORWARDED);
        self.version = line.version;
        if let Some(value) = fields.trace_parent {
            self.keep_trace_parent(value);
            for state in fields.trace_states.iter().take_while(|state| !state.is_empty()) {
                self.keep_trace_state(state);
            }
        }
        self.upgrades_to_http2 = fields.upgrades_to_http2;
    }

    /// Takes the method, whatever it is.
    pub(crate) fn keep_method(&mut self, settings: &HttpSettings, method: &[u8]) {
        self.method = self.texts.keep(method, super::line::METHOD_LENGTH);
        self.known = settings.knows_method(method);
        self.is_head = method == b"HEAD";
        self.is_connect = method == b"CONNECT";
    }

    /// Takes the target.
    pub(crate) fn keep_target(&mut self, target: &[u8]) {
        self.target = self.texts.keep(target, TARGET);
    }

    /// Takes the scheme.
    pub(crate) fn keep_scheme(&mut self, scheme: &[u8]) {
        self.scheme = self.texts.keep(scheme, SCHEME);
    }

    /// Takes the authority that the request is for.
    pub(crate) fn keep_host(&mut self, host: &[u8]) {
        self.host = self.texts.keep_field(Some(host), HOST);
    }

    /// Takes the trace. Two of them are none, unless they are one (W3C Trace Context section 4.3).
    fn keep_trace_parent(&mut self, value: &[u8]) {
        let parent = trace_parent(value);
        let agrees = self.trace_parents == 0 || self.trace_parent == parent;
        self.trace_parent = parent.filter(|_| agrees);
        self.trace_parents = 1;
    }

    /// Takes what vendors say of the trace; several fields are one list (section 3.3.1).
    fn keep_trace_state(&mut self, value: &[u8]) {
        if usize::from(self.trace_states) >= TRACE_STATES {
            return;
        }
        self.trace_states += 1;
        if self.trace_state.is_empty() {
            self.trace_state = self.texts.keep(trace_context::whole_members(value), trace_context::STATE);
            return;
        }
        let joined = [self.texts.get(self.trace_state), value.trim_ascii()].join(&b',');
        self.trace_state = self.texts.keep(trace_context::whole_members(&joined), trace_context::STATE);
    }

    /// What vendors say of the trace, if that is valid and there is a trace.
    pub(crate) fn trace_state(&self) -> Option<&str> {
        self.trace_parent?;
        trace_state(self.texts.find(self.trace_state)?)
    }

    /// Takes a field, its name in lower case, if it is one that is kept and the first of its name.
    pub(crate) fn keep_field(&mut self, name: &[u8], value: &[u8]) {
        let (span, limit) = match name {
            b"host" => (&mut self.host, HOST),
            b"user-agent" => (&mut self.user_agent, USER_AGENT),
            b"forwarded" => (&mut self.forwarded, FORWARDED),
            b"x-forwarded-for" => (&mut self.forwarded_for, FORWARDED),
            b"x-forwarded-host" => (&mut self.forwarded_host, FORWARDED),
            b"x-forwarded-proto" => (&mut self.forwarded_proto, FORWARDED),
            b"traceparent" => return self.keep_trace_parent(value),
            b"tracestate" => return self.keep_trace_state(value),
            _ => return,
        };
        if span.is_empty() {
            *span = self.texts.keep_field(Some(value), limit);
        }
    }

    /// Bytes that the record holds beyond its own size.
    pub(crate) fn held(&self) -> usize {
        self.texts.held()
    }
}

/// How a response ended that was not sent whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The stream or the connection ended in the midst of it.
    Truncated,
    /// The connection was reset in the midst of it.
    Reset,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    /// Names it among those of its connection.
    pub(crate) serial: u64,
    /// Its first byte, where that was seen.
    pub(crate) began: Option<Beginning>,
    pub(crate) done: bool,
    pub(crate) size: Size,
    pub(crate) texts: Texts,
    /// Of the final response; `None` while only interim ones were seen, and for what is not HTTP.
    pub(crate) status: Option<u16>,
    pub(crate) version: Version,
    /// The bytes are no HTTP/1 response: HTTP/0.9's bare document, or worse.
    pub(crate) foreign: bool,
    pub(crate) broken: Option<Broken>,
}

impl Response {
    pub(crate) fn empty() -> Self {
        Self {
            serial: 0,
            began: None,
            done: false,
            size: Size::default(),
            texts: Texts::default(),
            status: None,
            version: Version::Other,
            foreign: false,
            broken: None,
        }
    }

    /// Makes the record ready for another response.
    pub(crate) fn reset(&mut self) {
        self.texts.clear();
        self.began = None;
        self.done = false;
        self.size = Size::default();
        self.status = None;
        self.version = Version::Other;
        self.foreign = false;
        self.broken = None;
    }

    /// Bytes that the record holds beyond its own size.
    pub(crate) fn held(&self) -> usize {
        self.texts.held()
    }

    /// Takes what a head says. Interim responses leave no status behind.
    pub(super) fn fill(&mut self, line: StatusLine) {
        self.version = line.version;
        if line.status >= 200 || line.status == 101 {
            self.status = Some(line.status);
        }
    }
}
