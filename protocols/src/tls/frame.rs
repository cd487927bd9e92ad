//! Records, and the handshake message that they carry (RFC 8446 sections 4 and 5.1).

use crate::{
    Detection, Direction,
    framed::{Frame, Layout},
    ordered::Span,
};

/// Type, version, length.
pub(super) const RECORD_HEADER: usize = 5;

/// Bytes kept of a ClientHello. With keys for post-quantum algorithms it has 2 KiB, and what is read of it may be the
/// last of its extensions.
pub(super) const CLIENT_HELLO: usize = 16 * 1024;

/// Bytes kept of the server's first message, which is short, but shares a record with certificates before TLS 1.3.
pub(super) const SERVER_HELLO: usize = 4 * 1024;

/// What a record may carry: 2^14 bytes, and 256 more once it is encrypted (section 5.2), 2,048 before TLS 1.3.
const LONGEST_RECORD: u16 = (1 << 14) + 2048;

/// A ClientHello that is longer is an attack.
const LONGEST_HELLO: usize = 128 * 1024;

/// Version, random, and the lengths of what may be empty: no hello is shorter.
const SHORTEST_HELLO: usize = 38;

/// Type and length.
const MESSAGE_HEADER: usize = 4;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The handshake message that begins each stream.
pub(super) const fn hello_type(direction: Direction) -> u8 {
    match direction {
        Direction::ToServer => 1,
        Direction::ToClient => 2,
    }
}

/// Whether bytes begin with a record that carries the beginning of a hello.
pub(super) fn detect(bytes: &[u8]) -> Detection {
    let known = |index: usize, valid: fn(u8) -> bool| bytes.get(index).is_none_or(|&byte| valid(byte));
    let possible = known(0, |byte| byte == HANDSHAKE)
        && known(1, |byte| byte == 3)
        && known(2, |byte| byte <= 4)
        && known(5, |byte| matches!(byte, 1 | 2))
        && known(6, |byte| byte <= 1)
        && known(9, |byte| byte == 3)
        && known(10, |byte| byte <= 4);
    if !possible {
        return Detection::No;
    }
    let [_, _, _, high, low, kind, message @ .., _, _] = bytes.get(..11).unwrap_or_default() else {
        return if bytes.is_empty() { Detection::No } else { Detection::NeedMore };
    };
    let record = usize::from(u16::from_be_bytes([*high, *low]));
    let length = message_length(message);
    let fits = (MESSAGE_HEADER + 2..=usize::from(LONGEST_RECORD)).contains(&record)
        && (SHORTEST_HELLO..=LONGEST_HELLO).contains(&length);
    match kind {
        // Nothing can follow it in its record: the client waits for an answer.
        1 if fits && MESSAGE_HEADER + length >= record => Detection::Found(Direction::ToServer),
        2 if fits => Detection::Found(Direction::ToClient),
        _ => Detection::No,
    }
}

fn message_length(bytes: &[u8]) -> usize {
    bytes.iter().take(3).fold(0, |length, &byte| length << 8 | usize::from(byte))
}

/// The records of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records {
    pub(super) direction: Direction,
}

impl Records {
    pub(super) const fn keep(self) -> usize {
        match self.direction {
            Direction::ToServer => CLIENT_HELLO,
            Direction::ToClient => SERVER_HELLO,
        }
    }
}

impl Layout for Records {
    fn header_bytes(&self) -> usize {
        RECORD_HEADER
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        let [CHANGE_CIPHER_SPEC..=APPLICATION_DATA, 3, 0..=4, high, low, ..] = *header else { return None };
        let length = u16::from_be_bytes([high, low]);
        (length > 0 && length <= LONGEST_RECORD).then_some(u64::from(length) + RECORD_HEADER as u64)
    }

    fn keep_bytes(&self) -> usize {
        RECORD_HEADER + self.keep()
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        let hello = detect(bytes) == Detection::Found(self.direction);
        let alert = matches!(bytes, [ALERT, 3, 0..=4, 0, 2, 1 | 2, _, ..]);
        hello || (alert && self.direction == Direction::ToClient)
    }
}

/// What a record completed.
#[derive(Debug)]
pub(super) enum Step<T> {
    /// Nothing yet.
    More,
    /// The hello, or what was seen of it. `cut` says that it is longer than is kept.
    Hello { span: Span, content: T, cut: bool },
    /// An alert in the clear.
    Alert { span: Span, fatal: bool, description: u8 },
    /// What does not begin a handshake.
    Wrong,
}

/// Puts the records of one stream together until they make a hello.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    message: Vec<u8>,
    /// Bytes of the message that have passed, kept or not.
    passed: usize,
    span: Option<Span>,
}

impl Assembly {
    pub(super) fn held_bytes(&self) -> usize {
        self.message.len()
    }

    /// Begins another message, which still belongs to the same answer.
    pub(super) fn restart(&mut self, span: Span) {
        *self = Self { span: Some(span), ..Self::default() };
    }

    /// Takes a record in. `read` is given the hello without its header, as far as it was seen and kept.
    pub(super) fn push<T>(
        &mut self,
        frame: &Frame<'_>,
        records: Records,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Step<T> {
        let payload = frame.bytes.get(RECORD_HEADER..).unwrap_or_default();
        let length = usize::try_from(frame.length).unwrap_or(usize::MAX).saturating_sub(RECORD_HEADER);
        match (frame.bytes.first(), payload) {
            (Some(&CHANGE_CIPHER_SPEC), _) => Step::More,
            (Some(&ALERT), &[level, description]) if length == 2 => {
                Step::Alert { span: self.grow(frame), fatal: level == 2, description }
            }
            (Some(&HANDSHAKE), _) => {
                let wrong = self.passed == 0
                    && payload.first().is_some_and(|&kind| kind != hello_type(records.direction));
                let span = self.grow(frame);
                if wrong { Step::Wrong } else { self.handshake(frame, length, payload, span, records, read) }
            }
            _ => Step::Wrong,
        }
    }

    fn handshake<T>(
        &mut self,
        frame: &Frame<'_>,
        length: usize,
        payload: &[u8],
        span: Span,
        records: Records,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Step<T> {
        let alone = self.passed == 0;
        if self.message.len() == self.passed && !alone || self.ends_later(payload, length) {
            // Nothing is missing before it.
            let room = records.keep().saturating_sub(self.message.len());
            self.message.extend_from_slice(payload.get(..payload.len().min(room)).unwrap_or(payload));
        }
        self.passed = self.passed.saturating_add(length);
        let message = if self.message.is_empty() { payload } else { &self.message };
        let needed = match message.get(1..MESSAGE_HEADER) {
            Some(length) => MESSAGE_HEADER + message_length(length),
            // Not even its length was seen, and it never will be.
            None if message.len() < self.passed => 0,
            None => MESSAGE_HEADER,
        };
        let longest = MESSAGE_HEADER + LONGEST_HELLO;
        if self.passed < needed && needed <= longest && frame.ended.is_some() {
            return Step::More;
        }
        let body = message.get(MESSAGE_HEADER..needed.min(message.len())).unwrap_or_default();
        let cut = needed > records.keep() && needed <= longest;
        let content = read(body);
        let whole = needed > 0 && message.len() >= needed;
        let span = if whole && frame.ended.is_none() {
            // What follows the hello in its record was not seen, but nothing of the hello is missing.
            Span { missing_bytes: 0, ended: Some(frame.started), ..span }
        } else {
            span
        };
        self.message = Vec::new();
        Step::Hello { span, content, cut }
    }

    /// Whether a hello that begins with a record goes on in the next.
    fn ends_later(&self, payload: &[u8], length: usize) -> bool {
        let needed = payload.get(1..MESSAGE_HEADER).map(|bytes| MESSAGE_HEADER + message_length(bytes));
        self.passed == 0 && needed.is_none_or(|needed| needed > length)
    }

    fn grow(&mut self, frame: &Frame<'_>) -> Span {
        let mut span = self.span.unwrap_or(Span {
            offset: frame.offset,
            opposite_offset: frame.opposite_offset,
            started: frame.started,
            ..Span::default()
        });
        span.bytes = span.bytes.saturating_add(frame.length);
        span.missing_bytes = span.missing_bytes.saturating_add(frame.missing_bytes);
        span.ended = frame.ended;
        self.span = Some(span);
        span
    }
}
