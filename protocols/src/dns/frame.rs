//! Where messages begin and end on a connection (RFC 1035 section 4.2.2, RFC 7766 section 8): each behind its length in
//! two bytes. And how the protocol is told from others there.

use super::message::{Extent, Flags, HEAD_BYTES, Message};
use crate::{Detection, Direction, framed::Layout, pending::DETECTION_BYTES};

/// Bytes of the length before each message.
pub(super) const LENGTH_BYTES: usize = 2;

/// Bytes kept of a message, its length included: what the capture copies of a call. Only zones are longer.
pub(super) const KEPT_BYTES: usize = LENGTH_BYTES + 4096;

/// A message behind its length. The head is looked at with it, so that what is no message is noticed at once.
#[derive(Debug)]
pub(super) struct Prefixed;

impl Layout for Prefixed {
    fn header_bytes(&self) -> usize {
        LENGTH_BYTES + HEAD_BYTES
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        let length = length(header)?;
        let flags = flags(header)?;
        let possible = length >= HEAD_BYTES && flags.0 & 0x0040 == 0 && flags.opcode() <= 6;
        possible.then_some((LENGTH_BYTES + length) as u64)
    }

    fn keep_bytes(&self) -> usize {
        KEPT_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        first(bytes).is_some_and(|message| is_believed(&message))
    }
}

fn length(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
}

fn flags(bytes: &[u8]) -> Option<Flags> {
    let [high, low] = *bytes.get(LENGTH_BYTES + 2..)?.first_chunk()?;
    Some(Flags(u16::from_be_bytes([high, low])))
}

/// The message at the beginning of these bytes.
fn first(bytes: &[u8]) -> Option<Message<'_>> {
    let length = length(bytes)?;
    let rest = bytes.get(LENGTH_BYTES..)?;
    Message::parse(rest.get(..length).unwrap_or(rest), length as u64)
}

/// Whether a message is to be believed where anything may stand: a whole one, or one with a question that is cut.
fn is_believed(message: &Message<'_>) -> bool {
    let usual = message.flags.is_response() || message.counts[1] <= 1 && message.counts[3] <= 2;
    message.is_certain() && message.question.is_some() && usual
}

/// The longest message that a connection is expected to begin with, in bytes, while less than a head of it is there.
/// Records of TLS would be longer.
const FIRST_BYTES: usize = 4095;

/// Whether less than a length and a head may be the beginning of both.
fn may_become_head(bytes: &[u8]) -> bool {
    let seen = |at: usize| bytes.get(at).copied();
    let high = usize::from(seen(0).unwrap_or(0)) << 8;
    let possible_length = length(bytes).is_none_or(|length| (HEAD_BYTES..=FIRST_BYTES).contains(&length));
    let flags = flags(bytes).unwrap_or_default();
    let possible_flags = flags.0 & 0x0040 == 0 && flags.opcode() <= 6;
    let question = !flags.is_response();
    // Few questions, and of a question few answers.
    let counts = seen(6).is_none_or(|high| high == 0) && !(question && seen(8).is_some_and(|high| high > 0));
    high <= FIRST_BYTES && possible_length && possible_flags && counts && !(question && flags.code() != 0)
}

/// Looks at bytes that may start a message.
pub(super) fn detect(_: Direction, bytes: &[u8]) -> Detection {
    if bytes.len() < LENGTH_BYTES + HEAD_BYTES {
        return if may_become_head(bytes) { Detection::NeedMore } else { Detection::No };
    }
    if Prefixed.length(bytes).is_none() {
        return Detection::No;
    }
    let Some(message) = first(bytes) else {
        return if is_prefix(bytes) { Detection::NeedMore } else { Detection::No };
    };
    if !is_believed(&message) {
        return Detection::No;
    }
    let direction = if message.flags.is_response() { Direction::ToClient } else { Direction::ToServer };
    match message.extent {
        Extent::Malformed => Detection::No,
        Extent::Whole => Detection::Found(direction),
        Extent::Cut if message.is_cut_well() => Detection::Found(direction),
        Extent::Cut if bytes.len() < DETECTION_BYTES => Detection::NeedMore,
        Extent::Cut => Detection::Likely(direction),
    }
}

/// Whether the bytes may be the beginning of a message whose question is not whole yet.
fn is_prefix(bytes: &[u8]) -> bool {
    let Some(length) = length(bytes) else { return true };
    let there = bytes.len() - LENGTH_BYTES;
    let one_question = bytes.get(LENGTH_BYTES + 4..LENGTH_BYTES + 6) == Some(&[0, 1]);
    // A question is over after a name and four bytes.
    let within_question = there < HEAD_BYTES + super::name::NAME_BYTES + 4;
    let name_at = LENGTH_BYTES + HEAD_BYTES;
    let labels = super::name::skip(bytes, name_at) != Err(super::name::Fault::Malformed);
    there < length && one_question && within_question && labels
}
