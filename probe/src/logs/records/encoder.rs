//! Records as OTLP requests (opentelemetry-proto 1.11, `collector/logs/v1`), written once.

use std::{
    hash::Hasher,
    sync::atomic::{AtomicU64, Ordering},
};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::{FieldValue, LogRecord};
use crate::{
    export::{Batch, SignalKind},
    identity::Resource,
    signal::{
        hexadecimal,
        otlp::{
            Item, Limits, SCHEMA_URL, append_scope, encode_resource,
            log_record::{
                ATTRIBUTES, BODY, DROPPED_ATTRIBUTES, FLAGS, OBSERVED_TIME, SEVERITY_NUMBER, SEVERITY_TEXT,
                SPAN_ID, TIME, TRACE_ID,
            },
        },
        protobuf,
        spool::ITEM_TAG,
    },
};

/// How large a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderLimits {
    /// Records in it.
    pub records: u32,
    /// Bytes before compression; a single record that is larger goes alone. Receivers of gRPC refuse more than 4 MiB unless told otherwise.
    pub bytes: usize,
}

impl Default for EncoderLimits {
    fn default() -> Self {
        Self { records: 16_384, bytes: 3 << 20 }
    }
}

/// Where records come from: what all records of a file have in common, encoded once.
#[derive(Debug)]
pub struct Source {
    /// Distinguishes it from every other one of this process.
    number: u64,
    /// The field `resource`.
    resource: Vec<u8>,
    /// The attributes of each record.
    attributes: Vec<u8>,
    /// The same for people and tools.
    pub(super) pairs: Vec<(Box<str>, Box<str>)>,
    identity: Option<SipHasher13>,
}

impl Source {
    /// The source of a file. `attributes` are those that every record gets, such as `log.file.name`. `identity` tells the file from every other one, also over a restart:
    /// records then have a `log.record.uid` that is the same whenever the same bytes of that file are read again.
    #[must_use]
    pub fn new(resource: &Resource, attributes: &[(&str, &str)], identity: Option<&[u8]>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let mut content = Vec::new();
        encode_resource(&mut content, resource);
        let mut encoded = Vec::with_capacity(content.len() + 4);
        protobuf::bytes(&mut encoded, 1, &content);
        let mut common = Vec::new();
        let mut item = Item::new(&mut common, ATTRIBUTES, LIMITS);
        for (name, value) in attributes {
            item.text(name, value);
        }
        let identity = identity.map(|identity| {
            let mut hasher = SipHasher13::new();
            hasher.write(identity);
            hasher
        });
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            resource: encoded,
            attributes: common,
            pairs: attributes.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            identity,
        }
    }

    /// What names this record among all, if the file has an identity.
    #[must_use]
    pub fn record_uid(&self, record: &LogRecord<'_>) -> Option<RecordUid> {
        let mut hasher = self.identity?;
        hasher.write_u64(record.begin);
        hasher.write_u64(record.end);
        let hash = hasher.finish128().as_u128().to_be_bytes();
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
            pair.copy_from_slice(&hexadecimal(byte));
        }
        Some(RecordUid(digits))
    }
}

/// What names a record among all (`log.record.uid`): 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordUid([u8; 32]);

impl RecordUid {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Bounds are those of records; there is no second one here.
const LIMITS: Limits = Limits { attributes: u32::MAX, value_bytes: usize::MAX, links: 0 };

/// Bytes that are kept for the length of what a source sends: its bound is far below 256 MiB.
const LENGTH_BYTES: usize = 4;

/// What a record takes beside its texts, at most.
const RECORD_EXTRA: usize = 512;

/// Makes requests of records.
#[derive(Debug)]
pub struct Encoder {
    limits: EncoderLimits,
    scope: Vec<u8>,
    out: Vec<u8>,
    records: u32,
    /// The source whose records are being written, with where its lengths are.
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    source: u64,
    resource_logs: usize,
    scope_logs: usize,
}

impl Encoder {
    /// An encoder that has written nothing.
    #[must_use]
    pub fn new(limits: EncoderLimits) -> Self {
        let mut scope = Vec::new();
        append_scope(&mut scope);
        Self { limits, scope, out: Vec::new(), records: 0, open: None }
    }

    /// Records written since the last [`Self::take`].
    #[must_use]
    pub const fn records(&self) -> u32 {
        self.records
    }

    /// Bytes written since then.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Whether the request has room for this record; an empty one has for any.
    #[must_use]
    #[inline]
    pub fn has_room(&self, source: &Source, record: &LogRecord<'_>) -> bool {
        let envelope = match self.open {
            Some(open) if open.source == source.number => 0,
            _ => source.resource.len() + self.scope.len() + 2 * SCHEMA_URL.len() + 64,
        };
        let needed = record.body.len()
            + source.attributes.len()
            + record.severity_text.len()
            + record.attributes.encoded_bytes_at_most()
            + envelope
            + RECORD_EXTRA;
        self.records == 0
            || (self.records < self.limits.records && self.out.len() + needed <= self.limits.bytes)
    }

    /// Appends a record. Ask [`Self::has_room`] before, and [`Self::take`] the request if it has not.
    #[inline]
    pub fn append(&mut self, source: &Source, record: &LogRecord<'_>) {
        if self.open.is_none_or(|open| open.source != source.number) {
            self.begin(source);
        }
        self.records += 1;
        let out = &mut self.out;
        out.reserve(record.body.len() + source.attributes.len() + RECORD_EXTRA);
        out.extend_from_slice(&[ITEM_TAG, 0, 0]);
        let start = out.len();
        if let Some(time) = record.time_ns {
            protobuf::fixed64(out, TIME, time);
        }
        if let Some(severity) = record.severity {
            protobuf::integer(out, SEVERITY_NUMBER, u64::from(severity.number()));
        }
        if !record.severity_text.is_empty() {
            protobuf::text(out, SEVERITY_TEXT, record.severity_text);
        }
        body(out, record.body);
        out.extend_from_slice(&source.attributes);
        attributes(out, source, record);
        if let Some(flags) = record.trace_flags {
            protobuf::fixed32(out, FLAGS, u32::from(flags));
        }
        if let Some(trace) = &record.trace_id {
            protobuf::bytes(out, TRACE_ID, trace);
        }
        if let Some(span) = &record.span_id {
            protobuf::bytes(out, SPAN_ID, span);
        }
        protobuf::fixed64(out, OBSERVED_TIME, record.observed_ns);
        protobuf::close_wide(out, start);
    }

    /// The request with everything that was appended, if anything was.
    pub fn take(&mut self) -> Option<Batch> {
        self.close();
        if self.records == 0 {
            return None;
        }
        let items = std::mem::take(&mut self.records);
        let payload = std::mem::take(&mut self.out).into();
        Some(Batch { kind: SignalKind::Logs, payload, items })
    }

    /// Begins the records of a source.
    fn begin(&mut self, source: &Source) {
        self.close();
        if self.out.capacity() == 0 {
            self.out.reserve(self.limits.bytes);
        }
        // ExportLogsServiceRequest.resource_logs = 1 { resource = 1, scope_logs = 2 { scope = 1, log_records = 2, schema_url = 3 }, schema_url = 3 }
        self.out.push(0x0a);
        let resource_logs = self.keep_length();
        self.out.extend_from_slice(&source.resource);
        self.out.push(0x12);
        let scope_logs = self.keep_length();
        self.out.extend_from_slice(&self.scope);
        self.open = Some(Open { source: source.number, resource_logs, scope_logs });
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        protobuf::text(&mut self.out, 3, SCHEMA_URL);
        self.put_length(open.scope_logs);
        protobuf::text(&mut self.out, 3, SCHEMA_URL);
        self.put_length(open.resource_logs);
    }

    fn keep_length(&mut self) -> usize {
        self.out.extend_from_slice(&[0; LENGTH_BYTES]);
        self.out.len()
    }

    /// Writes the length of what is from `start` on before it, in more groups than it may need: the encoding allows that, and nothing has to be moved.
    fn put_length(&mut self, start: usize) {
        let length = self.out.len() - start;
        for index in 0..LENGTH_BYTES {
            let group = (length >> (7 * index)) as u8 & 0x7f;
            let more = if index + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            self.out[start - LENGTH_BYTES + index] = group | more;
        }
    }
}

/// `body`, an `AnyValue` with a text, whose lengths are known beforehand.
#[inline]
fn body(out: &mut Vec<u8>, text: &str) {
    let length = text.len() as u64;
    let groups = u64::from((64 - (length | 1).leading_zeros()).div_ceil(7));
    out.push((BODY << 3 | 2) as u8);
    protobuf::varint(out, 1 + groups + length);
    protobuf::text(out, 1, text);
}

/// The attributes that not all records of the source have.
#[inline]
fn attributes(out: &mut Vec<u8>, source: &Source, record: &LogRecord<'_>) {
    let mut item = Item::new(out, ATTRIBUTES, LIMITS);
    if let Some(stream) = record.stream {
        item.text("log.iostream", stream.name());
    }
    if let Some(uid) = source.record_uid(record) {
        item.text("log.record.uid", uid.as_str());
    }
    if record.is_cut {
        item.boolean("plainsight.log.is_cut", true);
    }
    if record.is_unfinished {
        item.boolean("plainsight.log.is_unfinished", true);
    }
    for (name, value) in record.attributes.iter() {
        match value {
            FieldValue::Text(text) => item.text(name, text),
            FieldValue::Integer(number) => item.integer(name, number),
            FieldValue::Double(number) => item.double(name, number),
            FieldValue::Boolean(truth) => item.boolean(name, truth),
        }
    }
    let dropped = record.attributes.dropped();
    if dropped > 0 {
        protobuf::integer(item.out(), DROPPED_ATTRIBUTES, u64::from(dropped));
    }
}
