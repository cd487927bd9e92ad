//! What header blocks say: the heads and the trailers of requests and responses.

use super::{
    hpack::{Decoder, Field},
    record::Record,
};
use crate::{
    Direction, Timestamp,
    grpc::{self, Status},
    http::HttpSettings,
    placed::Beginning,
};

/// A header block, and what it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) direction: Direction,
    pub(super) stream: u32,
    /// The stream that it promises, if it does.
    pub(super) promises: Option<u32>,
    pub(super) ends_stream: bool,
    /// Its first byte, and when its last was seen.
    pub(super) began: Beginning,
    pub(super) ended: Option<Timestamp>,
    /// Bytes of its frames, and how many of them were lost.
    pub(super) bytes: u64,
    pub(super) missing: u64,
    /// Bytes were lost, or not seen.
    pub(super) torn: bool,
}

/// Reads the head or the trailers of a request. Gives whether the block could be decoded, and whether it is a head.
pub(super) fn read_request(
    record: &mut Record,
    settings: &HttpSettings,
    block: &Block,
    bytes: &[u8],
    decoder: &mut Decoder,
) -> (bool, bool) {
    let size = record.size(Direction::ToServer);
    size.bytes = size.bytes.saturating_add(block.bytes);
    if record.asked {
        return (decoder.decode(bytes, |_| {}).is_ok(), true);
    }
    let mut fields = RequestFields::new(record, settings);
    let decoded = decoder.decode(bytes, |field| fields.add(field)).is_ok();
    // Trailers end the stream, so what does not is a head, whatever of it is known.
    let is_head = fields.is_head || !block.ends_stream;
    fields.finish();
    if is_head {
        record.asked = true;
        record.promised = block.promises.is_some();
        record.request.began = Some(block.began);
        record.request.size.body_known = true;
        record.request.done = record.promised;
    }
    (decoded, is_head)
}

/// The same of a response.
pub(super) fn read_response(
    record: &mut Record,
    settings: &HttpSettings,
    block: &Block,
    bytes: &[u8],
    decoder: &mut Decoder,
) -> (bool, bool) {
    let size = record.size(Direction::ToClient);
    let is_first = size.bytes == 0 && !size.cut;
    size.bytes = size.bytes.saturating_add(block.bytes);
    let mut fields = ResponseFields::new(record, settings);
    let decoded = decoder.decode(bytes, |field| fields.add(field)).is_ok();
    let (is_head, is_interim) = (fields.is_head, fields.is_interim);
    if is_first || is_head {
        record.response.began.get_or_insert(block.began);
    }
    record.has_trailers |= record.answered && block.ends_stream;
    if !record.answered && !is_interim {
        record.answered = true;
        record.response.size.body_known = true;
        if is_head && record.response.size.missing == 0 {
            // Nothing of a response comes before its head: what was lost was not this one's.
            record.response.size.cut = false;
            record.call.responses = Default::default();
        }
    }
    (decoded, is_head || !block.ends_stream)
}

/// What a header block of the client says, field by field.
struct RequestFields<'a> {
    record: &'a mut Record,
    settings: &'a HttpSettings,
    /// Whether there was a field that only the head of a request has.
    is_head: bool,
    is_extended: bool,
    has_authority: bool,
}

impl<'a> RequestFields<'a> {
    const fn new(record: &'a mut Record, settings: &'a HttpSettings) -> Self {
        Self { record, settings, is_head: false, is_extended: false, has_authority: false }
    }

    #[inline]
    fn add(&mut self, field: Field<'_>) {
        let Some(name) = field.name else {
            self.record.call.may_be_call = true;
            return;
        };
        let request = &mut self.record.request;
        let value = field.value.unwrap_or_default();
        if name.first() == Some(&b':') {
            self.is_head = true;
            match name {
                b":method" if request.method.is_empty() => request.keep_method(self.settings, value),
                b":path" if request.target.is_empty() => request.keep_target(value),
                b":scheme" if request.scheme.is_empty() => request.keep_scheme(value),
                // It takes the place of the field `host` (section 8.3.1), whichever comes first.
                b":authority" if !self.has_authority => {
                    self.has_authority = true;
                    request.keep_host(value);
                }
                b":protocol" => self.is_extended = true,
                _ => {}
            }
            return;
        }
        match name {
            b"content-type" => self.record.call.is_call |= grpc::is_content_type(value),
            b"content-length" => self.record.request_length = length(value),
            b"grpc-timeout" => self.record.call.timeout = grpc::timeout(value),
            _ => request.keep_field(name, value),
        }
        if !self.settings.captured_headers.is_empty() && field.value.is_some() {
            self.record.request.texts.capture(self.settings, name, value);
        }
    }

    /// The block has ended.
    fn finish(self) {
        let request = &mut self.record.request;
        // The extended form has a path and a scheme like any other request (RFC 8441 section 4).
        if self.is_extended {
            request.is_connect = false;
        } else if request.is_connect && request.target.is_empty() {
            request.target = request.host;
        }
    }
}

/// What a header block of the server says, field by field.
struct ResponseFields<'a> {
    record: &'a mut Record,
    settings: &'a HttpSettings,
    /// Whether there was a status of whatever kind.
    is_head: bool,
    /// Whether the status is that of an interim response.
    is_interim: bool,
}

impl<'a> ResponseFields<'a> {
    const fn new(record: &'a mut Record, settings: &'a HttpSettings) -> Self {
        Self { record, settings, is_head: false, is_interim: false }
    }

    #[inline]
    fn add(&mut self, field: Field<'_>) {
        let Some(name) = field.name else { return };
        let value = field.value.unwrap_or_default();
        match name {
            b":status" => {
                self.is_head = true;
                match status(value) {
                    // There is no switching of protocols in HTTP/2 (section 8.6).
                    Some(100..=199) => self.is_interim = true,
                    status @ Some(_) => self.record.response.status = status,
                    None => {}
                }
            }
            b"content-type" => self.record.call.is_call |= grpc::is_content_type(value),
            b"content-length" => self.record.response_length = length(value),
            b"grpc-status" => {
                self.record.call.is_call = true;
                self.record.call.status = self.record.call.status.or_else(|| Status::read(value));
            }
            _ => {}
        }
        if !self.settings.captured_headers.is_empty() && field.value.is_some() && !name.starts_with(b":") {
            self.record.response.texts.capture(self.settings, name, value);
        }
    }
}

fn length(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn status(value: &[u8]) -> Option<u16> {
    let [hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = *value else { return None };
    let digit = |byte: u8| u16::from(byte - b'0');
    Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones))
}
