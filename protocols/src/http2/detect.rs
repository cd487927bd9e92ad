//! What is taken for HTTP/2: the client's preface, or frames that follow one another as no other protocol's bytes do.

use super::{
    frame::{self, DEFAULT_LONGEST, PREFACE, Run, kind},
    hpack::{Decoder, Field},
};
use crate::{Detection, Direction};

/// Bytes of the preface after which it is none of HTTP/1's requests: `PRI * HTTP/2`.
const PREFACE_PROOF: usize = 12;

/// Weight of frames that makes it likely that they are some: one with strict rules, or two others.
const LIKELY_WEIGHT: u32 = 2;

/// Detection for the registry.
pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    let length = bytes.len().min(PREFACE.len());
    if bytes[..length] == PREFACE[..length] {
        return if length < PREFACE_PROOF {
            Detection::NeedMore
        } else {
            Detection::Found(Direction::ToServer)
        };
    }
    match frame::run(direction, bytes, DEFAULT_LONGEST) {
        Run::No => Detection::No,
        Run::Short => Detection::NeedMore,
        Run::Frames { weight, block, open } => {
            let proof = block.map_or(Proof::None, |(header, at)| {
                let payload = bytes.get(at..at + header.length as usize);
                let fragment = payload.and_then(|payload| payload.get(frame::fragment(&header, payload)?));
                fragment.map_or(Proof::Contrary, proof)
            });
            match proof {
                Proof::Firm(direction) => Detection::Found(direction),
                Proof::Weak(direction) => Detection::Likely(direction),
                Proof::Contrary => Detection::No,
                Proof::None if weight >= LIKELY_WEIGHT => Detection::Likely(direction),
                Proof::None if bytes.get(3) != Some(&kind::DATA) => Detection::NeedMore,
                Proof::None if open.is_some_and(|open| open.kind != kind::DATA) => Detection::NeedMore,
                Proof::None => Detection::No,
            }
        }
    }
}

/// Whether a server's first bytes are what those send to everybody who connects that speak nothing else: their settings
/// (RFC 9113 section 3.4). Of few bytes, whether they can be.
pub(super) fn greets(bytes: &[u8]) -> bool {
    let longest = 6 * 32_u32;
    let Some(header) = bytes.first_chunk() else {
        let expected =
            [|byte| byte == 0, |byte| byte == 0, |_| true, |byte| byte == kind::SETTINGS, |byte| byte == 0];
        return bytes.iter().zip(expected).all(|(&byte, fits): (_, fn(u8) -> bool)| fits(byte));
    };
    let header = frame::Header::read(header);
    header.kind == kind::SETTINGS
        && header.flags == 0
        && header.length <= longest
        && header.is_usual(Direction::ToClient, longest)
}

/// Whether bytes on a stream whose framing was lost begin with a frame. `knows` says whether an exchange is open under
/// that number.
pub(super) fn resumes(direction: Direction, bytes: &[u8], longest: u32, knows: impl Fn(u32) -> bool) -> bool {
    match frame::run(direction, bytes, longest) {
        Run::Frames { weight, open, .. } => {
            weight >= LIKELY_WEIGHT
                || match open {
                    Some(open) => weight > 0 || open.kind == kind::HEADERS || knows(open.stream),
                    // One frame of data, which ends where the bytes end.
                    None => weight > 0,
                }
        }
        Run::No | Run::Short => false,
    }
}

/// What a header block proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// It is one, and of a message in this direction.
    Firm(Direction),
    /// The same, but it is too short to be sure.
    Weak(Direction),
    /// Nothing: it refers to fields that are not known.
    None,
    /// It is none.
    Contrary,
}

/// Reads a block without any history.
fn proof(block: &[u8]) -> Proof {
    let (mut asks, mut answers, mut known, mut valid) = (0, 0, 0, true);
    let each = |field: Field<'_>| {
        let Some(name) = field.name else { return };
        known += 1;
        let value = field.value.unwrap_or_default();
        match name {
            b":method" => {
                asks += 1;
                valid &= field.value.is_none() || is_word(value);
            }
            b":scheme" => {
                asks += 1;
                valid &= field.value.is_none() || is_word(value);
            }
            b":path" | b":authority" | b":protocol" => asks += 1,
            b":status" => {
                answers += 1;
                valid &= field.value.is_none() || value.len() == 3 && value.iter().all(u8::is_ascii_digit);
            }
            _ => valid &= is_name(name) && !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')),
        }
    };
    let whole = Decoder::new().decode(block, each).is_ok();
    let direction = match (asks, answers) {
        _ if !whole || !valid => return Proof::Contrary,
        (1.., 0) => Direction::ToServer,
        (0, 1) => Direction::ToClient,
        (0, 0) => return Proof::None,
        _ => return Proof::Contrary,
    };
    if known >= 2 { Proof::Firm(direction) } else { Proof::Weak(direction) }
}

fn is_word(text: &[u8]) -> bool {
    (1..=32).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'.'))
}

fn is_name(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && *byte != b':')
}
