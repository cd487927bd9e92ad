//! How Kafka is recognised: a request by a header that names a kind and version that exist, and by a body that holds
//! what such a request holds; the answer to `ApiVersions` by its list of kinds.

use super::{
    apis::{self, API_VERSIONS, CONTROLLED_SHUTDOWN},
    frame::{self, LENGTH_BYTES, LONGEST_FIRST},
    records,
    schema::{End, Note, walk},
    topics::legal,
};
use crate::{Detection, Direction, reader::Reader};

/// Versions above the newest one known that are taken for such: brokers get newer than this table.
const NEWER_VERSIONS: i16 = 3;
/// Longest client id that is believed of a stranger.
const CLIENT_LENGTH: usize = 255;
/// Points of a request that can hardly be anything else.
const CERTAIN: u32 = 4;
/// Points of a request that may be one.
const LIKELY: u32 = 2;
/// Points that the first request after a loss must have.
const RESUME: u32 = 3;

/// What bytes that may begin a request are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// They begin none.
    None,
    /// They end before that can be told.
    TooShort,
    /// They do; the more of them would be unlikely by chance, the more points.
    Points(u32),
}

pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    let answer = if direction == Direction::ToClient { response(bytes) } else { versions_response(bytes) };
    if let Detection::Found(_) = answer {
        return answer;
    }
    match evidence(bytes) {
        Evidence::Points(points) if points >= CERTAIN => Detection::Found(Direction::ToServer),
        Evidence::Points(points) if points >= LIKELY && direction == Direction::ToServer => {
            Detection::Likely(Direction::ToServer)
        }
        Evidence::TooShort if direction == Direction::ToServer => Detection::NeedMore,
        _ => answer,
    }
}

/// Numbers by which a request and a response that was seen near it may differ: clients count, and have only so many
/// requests on their way.
const NEAR: u32 = 256;

/// Whether the first response can be that of the first request, or of one near it.
pub(super) fn agree(_: Direction, requests: &[u8], responses: &[u8]) -> bool {
    let number = |bytes: &[u8], place: usize| {
        let bytes = bytes.get(place..)?.first_chunk()?;
        Some(i32::from_be_bytes(*bytes))
    };
    // Behind a length, and in a request behind its kind and version.
    match (number(requests, LENGTH_BYTES + 4), number(responses, LENGTH_BYTES)) {
        (Some(asked), Some(answered)) => asked.abs_diff(answered) <= NEAR,
        _ => true,
    }
}

/// What bytes on a stream whose framing is not known are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resume {
    /// The start of a message.
    Yes,
    /// Too few to tell.
    More,
    /// No start of a message.
    No,
}

/// Whether these bytes begin a request.
pub(super) fn resumes(bytes: &[u8]) -> Resume {
    match evidence(bytes) {
        Evidence::Points(points) if points >= RESUME => Resume::Yes,
        Evidence::TooShort => Resume::More,
        _ => Resume::No,
    }
}

/// Whether a message among the tokens of an authentication is a request again.
pub(super) fn is_request(head: &frame::RequestHead<'_>) -> bool {
    let known = head.api.is_some_and(|api| head.version <= api.highest + NEWER_VERSIONS);
    known && head.correlation >= 0 && head.client.is_none_or(|client| client_points(client).is_some())
}

fn client_points(client: &[u8]) -> Option<u32> {
    let plain = std::str::from_utf8(client).is_ok_and(|text| !text.chars().any(char::is_control));
    (client.len() <= CLIENT_LENGTH && plain).then_some(match client.len() {
        0 => 0,
        1..4 => 1,
        _ => 2,
    })
}

/// Whether what is there of the fixed part of a header fits.
fn prefix_fits(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Some(length) = reader.u32_be() else { return bytes.first().is_none_or(|&byte| byte <= 6) };
    if !(8..=LONGEST_FIRST).contains(&u64::from(length)) {
        return false;
    }
    let Some(key) = reader.i16_be() else { return reader.rest().first().is_none_or(|&byte| byte == 0) };
    let Some(api) = apis::api(key) else { return false };
    let Some(version) = reader.i16_be() else { return reader.rest().first().is_none_or(|&byte| byte == 0) };
    let fits = (0..=api.highest.saturating_add(NEWER_VERSIONS)).contains(&version);
    fits && reader.rest().first().is_none_or(|&byte| byte < 0x80)
}

fn evidence(bytes: &[u8]) -> Evidence {
    if !prefix_fits(bytes) {
        return Evidence::None;
    }
    let Some(length) = Reader::new(bytes).u32_be() else { return Evidence::TooShort };
    let length = u64::from(length) + LENGTH_BYTES as u64;
    let here = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
    // Programs write whole messages: that one ends with its segment is one more sign of it.
    let exact = u32::from(here == bytes.len() && here as u64 == length);
    let bytes = bytes.get(..here).unwrap_or(bytes);
    let head = match frame::request(bytes, length) {
        Ok(head) => head,
        Err(End::Short) => return Evidence::TooShort,
        Err(_) => return Evidence::None,
    };
    let Some(api) = head.api else { return Evidence::None };
    // That there is no id is said by two bytes of ones, which is more than zeros say; but one kind has no room for an id.
    let absent = u32::from(head.key != CONTROLLED_SHUTDOWN || head.version > 0);
    let Some(client) = head.client.map_or(Some(absent), client_points) else { return Evidence::None };
    if !api.describes(head.version) {
        return Evidence::Points(client + exact);
    }
    let mut points = 0;
    let mut contradicted = false;
    let mut noted = |fits: Option<u32>| match fits {
        Some(worth) => points += worth,
        None => contradicted = true,
    };
    let end = walk(api.request, head.version, head.flexible, head.body, &mut |note| match note {
        Note::Topic(name) if !name.is_empty() => {
            noted(legal(name).map(|name| if name.len() > 2 { 2 } else { 1 }));
        }
        Note::Word(word) => {
            let plain = word.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
            noted(plain.then_some(if word.len() > 2 { 2 } else { 0 }));
        }
        Note::Group(group) | Note::Key(group) | Note::Transaction(group) => noted(client_points(group)),
        Note::Acks(acks) => noted((-1..=1).contains(&acks).then_some(0)),
        Note::Partition(partition) => noted((-1..=10_000_000).contains(&partition).then_some(0)),
        Note::Records(size, bytes) if bytes.len() > 60 => {
            noted(Some(if records::looks_like_batch(size, bytes) { 3 } else { 0 }));
        }
        _ => {}
    });
    match end {
        _ if contradicted => Evidence::None,
        End::Bad | End::More => Evidence::None,
        // That the length says exactly what the fields add up to is no chance, unless all of them are zeros, or
        // there are none; what clients say first may have none.
        End::Whole if client + points == 0 => Evidence::None,
        End::Whole if head.body.bytes.is_empty() && head.key != API_VERSIONS => {
            Evidence::Points(client + points + 1)
        }
        End::Whole => Evidence::Points(client + points + 3),
        End::Cut => Evidence::Points(client + points + exact),
        End::Short if client + points < LIKELY => Evidence::TooShort,
        End::Short => Evidence::Points(client + points),
    }
}

/// The answer to `ApiVersions`: an error code, and a list of kinds of requests in order, each with its versions.
fn versions_response(bytes: &[u8]) -> Detection {
    let mut reader = Reader::new(bytes);
    let fits = (|| {
        let length = reader.u32_be()?;
        let correlation = reader.i32_be()?;
        let error = reader.i16_be()?;
        if length > 4096 || correlation < 0 || !matches!(error, 0 | 35) {
            return None;
        }
        // The older form of the list has four bytes of count, the newer one; a count of 0 is neither.
        let flexible = *reader.rest().first()? != 0;
        let count = if flexible { reader.varint()?.checked_sub(1)? } else { reader.u32_be()? };
        let entry = if flexible { 7 } else { 6 };
        if u64::from(count) * entry + 10 > u64::from(length) {
            return None;
        }
        let mut last = -1;
        for _ in 0..count.min(4) {
            let (key, least, most) = (reader.i16_be()?, reader.i16_be()?, reader.i16_be()?);
            let plausible = key > last && key < 1000 && 0 <= least && least <= most && most < 64;
            if !plausible || (flexible && reader.u8()? != 0) {
                return None;
            }
            last = key;
        }
        (count >= 4).then_some(())
    })();
    if fits.is_some() { Detection::Found(Direction::ToClient) } else { Detection::No }
}

/// Any other answer has a length and a number; the rest is for its request to say.
fn response(bytes: &[u8]) -> Detection {
    let found = versions_response(bytes);
    if found != Detection::No {
        return found;
    }
    let mut rest = bytes;
    loop {
        let mut reader = Reader::new(rest);
        let Some(length) = reader.u32_be() else {
            return if rest.first().is_none_or(|&byte| byte <= 6) {
                Detection::NeedMore
            } else {
                Detection::No
            };
        };
        if !(4..=LONGEST_FIRST).contains(&u64::from(length))
            || reader.rest().first().is_some_and(|&byte| byte > 0x7f)
        {
            return Detection::No;
        }
        let whole = usize::try_from(length).ok().and_then(|length| rest.get(LENGTH_BYTES + length..));
        match whole {
            Some([]) => return Detection::Likely(Direction::ToClient),
            Some(after) => rest = after,
            None if rest.len() < 8 => return Detection::NeedMore,
            None => return Detection::Likely(Direction::ToClient),
        }
    }
}
