//! Where one message ends, and what its header says (<https://kafka.apache.org/protocol#protocol_messages>).

use super::{
    apis::{self, API_VERSIONS, Api, CONTROLLED_SHUTDOWN},
    schema::{Body, End, skip_tags},
};
use crate::{framed::Layout, reader::Reader};

/// Bytes before every message that say its length.
pub(super) const LENGTH_BYTES: usize = 4;
/// Bytes kept of a message: names stand in front, and a capture copies no more of a call.
pub(super) const KEEP: usize = 4 * 1024;
/// Bytes kept of a response that may teach the names of topics.
pub(super) const KEEP_METADATA: usize = 64 * 1024;
/// Longest message that is believed on a stream whose framing is known. Brokers take 100 MiB by default.
const LONGEST: u64 = 1 << 30;
/// Longest message that is believed where a first one is looked for.
pub(super) const LONGEST_FIRST: u64 = 100 << 20;
/// Key, version and correlation id: the header of version 0.
const SHORTEST_REQUEST: u64 = 8;
/// A correlation id.
const SHORTEST_RESPONSE: u64 = 4;

/// The messages of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    shortest: u64,
    keep: usize,
}

impl Frames {
    pub(super) const REQUESTS: Self = Self { shortest: SHORTEST_REQUEST, keep: KEEP };
    pub(super) const RESPONSES: Self = Self { shortest: SHORTEST_RESPONSE, keep: KEEP };

    /// From now on the tokens of an authentication may stand here, which may be empty.
    pub(super) fn allow_tokens(&mut self) {
        self.shortest = 0;
    }

    /// How much is kept of the messages that follow.
    pub(super) fn set_keep(&mut self, keep: usize) {
        self.keep = keep;
    }
}

impl Layout for Frames {
    fn header_bytes(&self) -> usize {
        LENGTH_BYTES
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        let length = u64::from(Reader::new(header).u32_be()?);
        (self.shortest..=LONGEST).contains(&length).then_some(length + LENGTH_BYTES as u64)
    }

    fn keep_bytes(&self) -> usize {
        self.keep
    }

    /// Never by these bytes alone: the parser knows more and decides, see `parser::resumes`.
    fn resumes(&self, _bytes: &[u8]) -> bool {
        false
    }
}

/// The header of a request (versions 0 to 2), and its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestHead<'a> {
    pub(super) key: i16,
    pub(super) version: i16,
    pub(super) correlation: i32,
    /// `None` where the client gave none.
    pub(super) client: Option<&'a [u8]>,
    /// What is known of the key.
    pub(super) api: Option<&'static Api>,
    pub(super) flexible: bool,
    pub(super) body: Body<'a>,
}

/// Reads a request of `length` bytes in all, of which `bytes` are the first. [`End::Short`] where they end within the
/// header, [`End::Bad`] where it is none.
pub(super) fn request(bytes: &[u8], length: u64) -> Result<RequestHead<'_>, End> {
    let beyond = length.saturating_sub(bytes.len() as u64);
    let end = if beyond > 0 { End::Short } else { End::Bad };
    let mut reader = Reader::new(bytes);
    reader.skip(LENGTH_BYTES).ok_or(end)?;
    let key = reader.i16_be().ok_or(end)?;
    let version = reader.i16_be().ok_or(end)?;
    if key < 0 || version < 0 {
        return Err(End::Bad);
    }
    let correlation = reader.i32_be().ok_or(end)?;
    let api = apis::api(key);
    let client = if key == CONTROLLED_SHUTDOWN && version == 0 {
        None
    } else {
        match reader.i16_be().ok_or(end)? {
            -1 => None,
            size => {
                let size = usize::try_from(size).map_err(|_| End::Bad)?;
                if size as u64 > beyond + reader.rest().len() as u64 {
                    return Err(End::Bad);
                }
                Some(reader.bytes(size).ok_or(end)?)
            }
        }
    };
    let flexible = api.is_some_and(|api| api.is_flexible(version));
    let mut body = Body { bytes: reader.rest(), beyond };
    if flexible {
        skip_tags(&mut body)?;
    }
    Ok(RequestHead { key, version, correlation, client, api, flexible, body })
}

/// The correlation id of a response.
pub(super) fn correlation(bytes: &[u8]) -> Option<i32> {
    let mut reader = Reader::new(bytes);
    reader.skip(LENGTH_BYTES)?;
    reader.i32_be()
}

/// The body of a response to a request of this kind and version.
///
/// The answer to `ApiVersions` has the older header in every version, because the client does not know yet which
/// versions the broker knows (KIP-511).
pub(super) fn response_body(bytes: &[u8], length: u64, key: i16, flexible: bool) -> Result<Body<'_>, End> {
    let beyond = length.saturating_sub(bytes.len() as u64);
    let rest = bytes.get(LENGTH_BYTES + 4..).unwrap_or_default();
    let mut body = Body { bytes: rest, beyond };
    if flexible && key != API_VERSIONS {
        skip_tags(&mut body)?;
    }
    Ok(body)
}
