//! Frames: the header that each begins with (RFC 9113 section 4.1), and which headers can be believed.

use crate::Direction;

/// What a client sends first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 9;

/// Longest payload that an endpoint may send unless the other allows more (section 6.5.2).
pub(super) const DEFAULT_LONGEST: u32 = 16 * 1024;

/// Frame types that matter here (section 6).
pub(super) mod kind {
    pub(in crate::http2) const DATA: u8 = 0;
    pub(in crate::http2) const HEADERS: u8 = 1;
    pub(in crate::http2) const PRIORITY: u8 = 2;
    pub(in crate::http2) const RST_STREAM: u8 = 3;
    pub(in crate::http2) const SETTINGS: u8 = 4;
    pub(in crate::http2) const PUSH_PROMISE: u8 = 5;
    pub(in crate::http2) const PING: u8 = 6;
    pub(in crate::http2) const GOAWAY: u8 = 7;
    pub(in crate::http2) const WINDOW_UPDATE: u8 = 8;
    pub(in crate::http2) const CONTINUATION: u8 = 9;
}

/// Flags; `END_STREAM` has the same bit as `ACK`.
pub(super) mod flag {
    pub(in crate::http2) const END_STREAM: u8 = 0x1;
    pub(in crate::http2) const ACK: u8 = 0x1;
    pub(in crate::http2) const END_HEADERS: u8 = 0x4;
    pub(in crate::http2) const PADDED: u8 = 0x8;
    pub(in crate::http2) const PRIORITY: u8 = 0x20;
}

/// Settings that matter here (section 6.5.2).
pub(super) const SETTINGS_HEADER_TABLE_SIZE: u16 = 1;
/// The same.
pub(super) const SETTINGS_MAX_FRAME_SIZE: u16 = 5;

/// The names of error codes (section 7).
const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// Nothing went wrong.
pub(super) const NO_ERROR: u32 = 0;
/// Nobody wants the response any more.
pub(super) const CANCEL: u32 = 8;

/// The name of an error code.
pub(super) fn error_name(code: u32) -> &'static str {
    usize::try_from(code).ok().and_then(|code| ERRORS.get(code)).copied().unwrap_or("_OTHER")
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// Of the payload, which follows.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Zero for what concerns the connection.
    pub(super) stream: u32,
    /// The bit before the stream, which must be sent as zero and be ignored.
    pub(super) reserved: bool,
}

impl Header {
    pub(super) const fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        let [high, middle, low, kind, flags, first, second, third, fourth] = *bytes;
        Self {
            length: u32::from_be_bytes([0, high, middle, low]),
            kind,
            flags,
            stream: u32::from_be_bytes([first & 0x7f, second, third, fourth]),
            reserved: first & 0x80 != 0,
        }
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether a receiver that is in step could take this for a frame at all.
    pub(super) const fn is_valid(&self) -> bool {
        let Self { length, kind, stream, .. } = *self;
        match kind {
            kind::DATA => stream != 0 && (length > 0 || !self.has(flag::PADDED)),
            kind::HEADERS | kind::CONTINUATION => stream != 0,
            kind::PUSH_PROMISE => stream != 0 && length >= 4,
            kind::PRIORITY => stream != 0 && length == 5,
            kind::RST_STREAM => stream != 0 && length == 4,
            kind::SETTINGS => stream == 0 && length % 6 == 0 && (length == 0 || !self.has(flag::ACK)),
            kind::PING => stream == 0 && length == 8,
            kind::GOAWAY => stream == 0 && length >= 8,
            kind::WINDOW_UPDATE => length == 4,
            // Types that are not known must be ignored (section 4.1).
            _ => true,
        }
    }

    /// Whether it is what an endpoint in its right mind sends in this direction: all that a frame found by chance is
    /// not likely to be.
    pub(super) fn is_usual(&self, direction: Direction, longest: u32) -> bool {
        let flags = match self.kind {
            kind::DATA => flag::END_STREAM | flag::PADDED,
            kind::HEADERS => flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY,
            kind::SETTINGS | kind::PING => flag::ACK,
            kind::PUSH_PROMISE => flag::END_HEADERS | flag::PADDED,
            kind::CONTINUATION => flag::END_HEADERS,
            kind::PRIORITY | kind::RST_STREAM | kind::GOAWAY | kind::WINDOW_UPDATE => 0,
            _ => return false,
        };
        let to_server = matches!(direction, Direction::ToServer);
        let sendable = match self.kind {
            // Only servers open streams of even numbers, and nobody sends to those.
            kind::DATA | kind::HEADERS | kind::CONTINUATION => !to_server || self.stream % 2 == 1,
            kind::PUSH_PROMISE => !to_server && self.stream % 2 == 1,
            kind::SETTINGS => self.length <= 6 * 32,
            kind::GOAWAY => self.length <= 1024,
            _ => true,
        };
        self.is_valid() && !self.reserved && self.length <= longest && self.flags & !flags == 0 && sendable
    }
}

/// What bytes look like that may begin with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// No frame begins here.
    No,
    /// One may, but the bytes end too early to tell.
    Short,
    /// Frames follow one another.
    Frames {
        /// How many whole ones, those whose rules are strict enough to prove something counted twice.
        weight: u32,
        /// Where the payload of the first frame with a header block lies that is whole.
        block: Option<(Header, usize)>,
        /// The last one has not ended.
        open: Option<Header>,
    },
}

/// Looks at bytes as one frame behind the other.
pub(super) fn run(direction: Direction, bytes: &[u8], longest: u32) -> Run {
    let (mut at, mut weight, mut block) = (0, 0, None);
    loop {
        let rest = &bytes[at..];
        let Some(header) = rest.first_chunk() else {
            return match rest {
                [] if at > 0 => Run::Frames { weight, block, open: None },
                // A header that is not whole proves nothing, but a length beyond the longest disproves.
                _ if rest.first().is_some_and(|&high| u32::from(high) > longest >> 16) => Run::No,
                [_, _, _, kind, ..] if *kind > kind::CONTINUATION => Run::No,
                _ if at == 0 => Run::Short,
                _ => Run::Frames { weight, block, open: None },
            };
        };
        let header = Header::read(header);
        let payload = &rest[HEADER_BYTES..];
        let whole = usize::try_from(header.length).ok().and_then(|length| payload.get(..length));
        if !header.is_usual(direction, longest) || !is_borne_out(&header, whole.unwrap_or(payload)) {
            return Run::No;
        }
        let Some(payload) = whole else { return Run::Frames { weight, block, open: Some(header) } };
        if block.is_none() && header.kind == kind::HEADERS && header.has(flag::END_HEADERS) {
            block = Some((header, at + HEADER_BYTES));
        }
        let weak = header.kind == kind::DATA || header.kind == kind::SETTINGS && payload.is_empty();
        weight += if weak { 1 } else { 2 };
        at += HEADER_BYTES + payload.len();
    }
}

/// Whether the payload, as far as it is there, is one of its type.
fn is_borne_out(header: &Header, payload: &[u8]) -> bool {
    match header.kind {
        kind::WINDOW_UPDATE => word(payload).is_none_or(|increment| (1..1 << 31).contains(&increment)),
        kind::RST_STREAM => word(payload).is_none_or(|code| code < 0x20),
        kind::PRIORITY => word(payload).is_none_or(|parent| parent & 0x7fff_ffff != header.stream),
        kind::SETTINGS => payload.chunks_exact(6).all(|setting| {
            let (name, value) = setting.split_at(2);
            let value = word(value).unwrap_or_default();
            match (name[0], name[1]) {
                // ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES
                (0, 2 | 8 | 9) => value <= 1,
                (0, 4) => value < 1 << 31,
                (0, 5) => (DEFAULT_LONGEST..1 << 24).contains(&value),
                (0, 1 | 3 | 6) => true,
                // Experiments, and values made up to see that others ignore what they do not know.
                _ => true,
            }
        }),
        kind::DATA | kind::HEADERS | kind::PUSH_PROMISE if header.has(flag::PADDED) => {
            payload.first().is_none_or(|&padding| u32::from(padding) < header.length)
        }
        // A block begins with a field or a change of the table's size; no index is zero.
        kind::HEADERS if !header.has(flag::PRIORITY) => payload.first().is_none_or(|&first| first != 0x80),
        _ => true,
    }
}

/// The first four bytes as a number.
pub(super) fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Where the fragment of a header block lies within a payload: behind padding's length, a priority or the promised
/// stream, and before padding (sections 6.2, 6.6, 6.10). `None` if it does not fit.
pub(super) fn fragment(header: &Header, payload: &[u8]) -> Option<std::ops::Range<usize>> {
    let (mut from, mut to) = (0, payload.len());
    if header.kind != kind::CONTINUATION && header.has(flag::PADDED) {
        to = to.checked_sub(usize::from(*payload.first()?))?;
        from += 1;
    }
    match header.kind {
        kind::HEADERS if header.has(flag::PRIORITY) => from += 5,
        kind::PUSH_PROMISE => from += 4,
        _ => {}
    }
    (from <= to).then_some(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u32, kind: u8, flags: u8, stream: u32) -> Vec<u8> {
        [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes()].concat()
    }

    #[test]
    fn headers_that_no_endpoint_sends_begin_no_run() {
        for (length, kind, flags, stream) in [
            (5, kind::SETTINGS, 0, 0),
            (6, kind::SETTINGS, flag::ACK, 0),
            (0, kind::SETTINGS, 0, 1),
            (7, kind::PING, 0, 0),
            (4, kind::RST_STREAM, 0, 0),
            (3, kind::WINDOW_UPDATE, 0, 0),
            (4, kind::WINDOW_UPDATE, flag::ACK, 0),
            (10, kind::DATA, 0, 0),
            (10, kind::DATA, 0x40, 1),
            (10, kind::DATA, 0, 2),
            (10, kind::DATA, 0, 0x8000_0001),
            (10, kind::PUSH_PROMISE, flag::END_HEADERS, 1),
            (DEFAULT_LONGEST + 1, kind::DATA, 0, 1),
            (10, 0x42, 0, 1),
        ] {
            let bytes = header(length, kind, flags, stream);
            assert_eq!(run(Direction::ToServer, &bytes, DEFAULT_LONGEST), Run::No, "{bytes:?}");
        }
    }

    #[test]
    fn fragments_are_found_between_what_surrounds_them() {
        let frame = |flags, kind, payload: &[u8]| {
            let header = Header { length: 0, kind, flags, stream: 1, reserved: false };
            fragment(&header, payload).map(|range| payload[range].to_vec())
        };
        let padded = flag::PADDED | flag::PRIORITY;
        assert_eq!(frame(padded, kind::HEADERS, b"\x02ppppwblock\0\0"), Some(b"block".to_vec()));
        assert_eq!(frame(padded, kind::CONTINUATION, b"block"), Some(b"block".to_vec()));
        assert_eq!(frame(0, kind::PUSH_PROMISE, b"\0\0\0\x02block"), Some(b"block".to_vec()));
        assert_eq!(frame(padded, kind::HEADERS, b"\x02ppppw\0"), None);
        assert_eq!(frame(flag::PADDED, kind::HEADERS, b""), None);
    }
}
