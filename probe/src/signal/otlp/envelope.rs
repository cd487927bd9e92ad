//! From buffers of many processes to requests.

use std::{collections::HashMap, sync::Arc};

use super::{SCHEMA_URL, append_scope, attribute::length_of_length, encode_resource};
use crate::{
    export::{Batch, SignalKind},
    identity::Resource,
    signal::{
        protobuf,
        spool::{Buffer, ITEM_TAG, Source},
    },
};

/// How large a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Spans or log records in it.
    pub items: u32,
    /// Bytes before compression. Receivers of gRPC refuse more than 4 MiB unless told otherwise; a single item that is larger goes alone.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { items: 4096, bytes: 3 << 20 }
    }
}

/// Encoded resources that are kept.
const RESOURCES: usize = 4096;

/// Makes OTLP requests of what workers wrote. One for each kind of signal.
#[derive(Debug)]
pub struct Assembler {
    kind: SignalKind,
    limits: BatchLimits,
    /// By address, which the first of the pair keeps from being used again.
    resources: HashMap<usize, (Arc<Resource>, Arc<[u8]>)>,
    scope: Vec<u8>,
}

/// What goes into one request, not yet written.
#[derive(Default)]
struct Draft<'a> {
    parts: Vec<Part<'a>>,
    items: u32,
    bytes: usize,
}

/// What comes from one resource.
struct Part<'a> {
    resource: Arc<[u8]>,
    pieces: Vec<&'a [u8]>,
}

impl Assembler {
    /// An assembler for spans or log records; data points have other envelopes.
    #[must_use]
    pub fn new(kind: SignalKind, limits: BatchLimits) -> Self {
        let mut scope = Vec::new();
        append_scope(&mut scope);
        Self { kind, limits, resources: HashMap::new(), scope }
    }

    /// Requests with everything that is in the buffers. `resolve` names the resource behind a process; buffers of one
    /// resource are put together. Within a resource, the order of the buffers is kept.
    pub fn assemble(
        &mut self,
        buffers: &[Buffer],
        mut resolve: impl FnMut(&Source) -> Arc<Resource>,
    ) -> Vec<Batch> {
        let mut groups: Vec<(Arc<[u8]>, Vec<&Buffer>)> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for buffer in buffers.iter().filter(|buffer| buffer.items > 0) {
            let resource = resolve(&buffer.source);
            let place = *places.entry(Arc::as_ptr(&resource).addr()).or_insert_with(|| {
                groups.push((self.encoded(&resource), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(buffer);
        }
        let mut batches = Vec::new();
        let mut draft = Draft::default();
        for (resource, buffers) in &groups {
            for buffer in buffers {
                self.add(&mut draft, resource, buffer, &mut batches);
            }
        }
        self.finish(&mut draft, &mut batches);
        batches
    }

    /// Adds a buffer, in pieces where it does not fit whole.
    fn add<'a>(
        &self,
        draft: &mut Draft<'a>,
        resource: &Arc<[u8]>,
        buffer: &'a Buffer,
        batches: &mut Vec<Batch>,
    ) {
        if !self.fits(draft, resource, buffer.bytes.len(), buffer.items) {
            self.finish(draft, batches);
        }
        if self.fits(draft, resource, buffer.bytes.len(), buffer.items) {
            return draft.push(resource, &buffer.bytes, buffer.items);
        }
        for item in items(&buffer.bytes) {
            if draft.items > 0 && !self.fits(draft, resource, item.len(), 1) {
                self.finish(draft, batches);
            }
            draft.push(resource, item, 1);
        }
    }

    fn fits(&self, draft: &Draft<'_>, resource: &[u8], bytes: usize, items: u32) -> bool {
        let envelope = resource.len() + self.scope.len() + 2 * SCHEMA_URL.len() + 32;
        let total = draft.bytes.saturating_add(bytes).saturating_add(envelope * (draft.parts.len() + 1));
        total <= self.limits.bytes && draft.items.saturating_add(items) <= self.limits.items
    }

    fn finish(&self, draft: &mut Draft<'_>, batches: &mut Vec<Batch>) {
        let draft = std::mem::take(draft);
        if draft.items == 0 {
            return;
        }
        let schema_url = 1 + length_of_length(SCHEMA_URL.len()) + SCHEMA_URL.len();
        let mut out = Vec::with_capacity(draft.bytes + draft.parts.len() * 512);
        for Part { resource, pieces } in &draft.parts {
            let items: usize = pieces.iter().map(|piece| piece.len()).sum();
            let scoped = self.scope.len() + items + schema_url;
            let whole = resource.len() + 1 + length_of_length(scoped) + scoped + schema_url;
            // ExportTraceServiceRequest.resource_spans = 1 { resource = 1, scope_spans = 2, schema_url = 3 }, and so for logs.
            out.push(0x0a);
            protobuf::varint(&mut out, whole as u64);
            out.extend_from_slice(resource);
            out.push(0x12);
            protobuf::varint(&mut out, scoped as u64);
            out.extend_from_slice(&self.scope);
            for piece in pieces {
                out.extend_from_slice(piece);
            }
            protobuf::text(&mut out, 3, SCHEMA_URL);
            protobuf::text(&mut out, 3, SCHEMA_URL);
        }
        batches.push(Batch { kind: self.kind, payload: out.into(), items: draft.items });
    }

    /// The resource as a field of `ResourceSpans` or `ResourceLogs`, encoded once.
    fn encoded(&mut self, resource: &Arc<Resource>) -> Arc<[u8]> {
        let key = Arc::as_ptr(resource).addr();
        if let Some((_, bytes)) = self.resources.get(&key) {
            return Arc::clone(bytes);
        }
        if self.resources.len() >= RESOURCES {
            // Those that nobody else holds have gone.
            self.resources.retain(|_, (resource, _)| Arc::strong_count(resource) > 1);
        }
        if self.resources.len() >= RESOURCES {
            self.resources.clear();
        }
        let mut content = Vec::new();
        encode_resource(&mut content, resource);
        let mut out = Vec::with_capacity(content.len() + 4);
        protobuf::bytes(&mut out, 1, &content);
        let bytes: Arc<[u8]> = out.into();
        self.resources.insert(key, (Arc::clone(resource), Arc::clone(&bytes)));
        bytes
    }
}

impl<'a> Draft<'a> {
    fn push(&mut self, resource: &Arc<[u8]>, piece: &'a [u8], items: u32) {
        match self.parts.last_mut() {
            Some(last) if Arc::ptr_eq(&last.resource, resource) => last.pieces.push(piece),
            _ => self.parts.push(Part { resource: Arc::clone(resource), pieces: vec![piece] }),
        }
        self.items += items;
        self.bytes += piece.len();
    }
}

/// The items of a buffer, each with its tag and length.
fn items(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&tag, after_tag) = rest.split_first()?;
        debug_assert_eq!(tag, ITEM_TAG, "written by this program");
        let mut length = 0_usize;
        for (index, byte) in after_tag.iter().enumerate().take(5) {
            length |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                let (item, later) = rest.split_at_checked(2 + index + length)?;
                rest = later;
                return Some(item);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests;
