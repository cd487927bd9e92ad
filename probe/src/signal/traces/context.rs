//! Which trace an exchange belongs to, and which span is its parent.
//!
//! 1. **The request names a trace** (W3C `traceparent`): the span joins it with an id of its own and has the named span as its parent. That holds on
//!    both sides: what the client's side sees was written by the application, whose span is not this probe's to use.
//! 2. **The request names none, and both messages' places in their streams are known**: trace and span ids follow from the TCP sequence numbers of the first
//!    byte of the request and of the response and from the sizes of both. These are the same at both ends, whatever addresses are translated on the way, so both
//!    ends report one trace without a word between them. The asking end's span is the root. The answering end knows the id of that span and
//!    names it as its parent, but only where somebody reports it: on this host (see [`ObservedClients`](super::ObservedClients)), or
//!    with [`link_remote_peers`](super::TraceSettings::link_remote_peers). Elsewhere it is a root within the same trace.
//! 3. **Neither**: random ids, a root.
//!
//! Sequence numbers begin at random numbers of 32 bits that the two hosts choose, so two exchanges have the same pair about as often as two random numbers
//! of 64 bits are the same. An exchange without a response has only one of them, which is not enough; it gets random ids.
//!
//! There is no parent within a process other than the one that a request names. A call that a thread makes between reading a request and writing its
//! answer is most likely made for that request, but not certainly: an event loop serves others, and a timer, on the same thread. What would tell
//! is not observed.

use plainsight_protocols::{Side, TraceParent};
use siphasher::sip128::SipHasher13;

use crate::signal::IdGenerator;

/// The keys of the hash. All probes must have the same, so it is no secret; changing them splits traces between probes of different age.
const KEYS: (u64, u64) = (0x706c_6169_6e73_6967, 0x6874_2074_7261_6365);

/// Where an exchange is in its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Sequence number of the request's first byte.
    pub request_sequence: u32,
    /// Sequence number of the response's first byte.
    pub response_sequence: u32,
    /// Size of the request on the wire.
    pub request_bytes: u64,
    /// Size of the response on the wire.
    pub response_bytes: u64,
}

/// The ids that follow from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceIds {
    /// The trace of both ends.
    pub trace_id: [u8; 16],
    /// The span of the asking end.
    pub client_span_id: [u8; 8],
    /// The span of the answering end.
    pub server_span_id: [u8; 8],
}

impl Place {
    /// The ids of both ends, the same wherever they are computed.
    #[must_use]
    pub fn ids(&self) -> PlaceIds {
        PlaceIds {
            trace_id: self.hash(b't'),
            client_span_id: first_half(self.hash(b'c')),
            server_span_id: first_half(self.hash(b's')),
        }
    }

    fn trace_id(&self) -> [u8; 16] {
        self.hash(b't')
    }

    fn span_id(&self, side: Side) -> [u8; 8] {
        first_half(self.hash(match side {
            Side::Client => b'c',
            Side::Server => b's',
        }))
    }

    /// SipHash-1-3-128, of what the id is for and of the place.
    fn hash(&self, purpose: u8) -> [u8; 16] {
        let mut message = [0; 25];
        message[0] = purpose;
        message[1..5].copy_from_slice(&self.request_sequence.to_be_bytes());
        message[5..9].copy_from_slice(&self.response_sequence.to_be_bytes());
        message[9..17].copy_from_slice(&self.request_bytes.to_be_bytes());
        message[17..25].copy_from_slice(&self.response_bytes.to_be_bytes());
        let hash = SipHasher13::new_with_keys(KEYS.0, KEYS.1).hash(&message);
        // All zero means "none" on the wire, in either half.
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&hash.h1.max(1).to_be_bytes());
        bytes[8..].copy_from_slice(&hash.h2.to_be_bytes());
        bytes
    }
}

const fn first_half(hash: [u8; 16]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = hash;
    [a, b, c, d, e, f, g, h]
}

/// What decides over an exchange's ids, before it is known whether they are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) parent: Option<TraceParent>,
    place: Option<Place>,
    pub(super) trace_id: [u8; 16],
}

impl Origin {
    pub(super) fn new(parent: Option<TraceParent>, place: Option<Place>, ids: &mut IdGenerator) -> Self {
        let trace_id = match (&parent, &place) {
            (Some(parent), _) => parent.trace_id,
            (None, Some(place)) => place.trace_id(),
            (None, None) => ids.trace_id(),
        };
        Self { parent, place, trace_id }
    }

    /// The span's own id and its parent's. `is_client_reported` tells whether the asking end has a span that can be a parent.
    pub(super) fn span(
        &self,
        side: Side,
        ids: &mut IdGenerator,
        is_client_reported: impl FnOnce() -> bool,
    ) -> ([u8; 8], Option<[u8; 8]>) {
        match (&self.parent, &self.place) {
            (Some(parent), _) => (ids.span_id(), Some(parent.parent_span_id)),
            (None, None) => (ids.span_id(), None),
            (None, Some(place)) => {
                let parent =
                    (side == Side::Server && is_client_reported()).then(|| place.span_id(Side::Client));
                (place.span_id(side), parent)
            }
        }
    }
}
