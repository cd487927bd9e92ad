//! One connection from the first byte seen to the last: detection, then parsing.

use crate::{CloseReason, Direction, Gap, Protocol, Segment, Settings, Sink, Timestamp, registry::Parser};

/// What a protocol's detector says of bytes that may start a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// Not this protocol.
    No,
    /// Could be, but the bytes end too early to tell.
    NeedMore,
    /// This protocol, and the bytes can only belong to this direction.
    Found(Direction),
}

/// What is known of a connection's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not known yet.
    Detecting,
    /// Being parsed.
    Parsing(Protocol),
    /// None that is known here, or no longer: its bytes need not be captured.
    Ignored,
}

/// Both streams of one connection.
///
/// The caller says which direction it believes each segment to have. Where the content proves it wrong,
/// [`Conversation::reversed`] tells so and the directions are swapped from then on, for everything before and after.
pub struct Conversation {
    reversed: bool,
    parser: Option<Box<dyn Parser>>,
}

impl Conversation {
    /// A connection of which nothing was seen yet.
    ///
    /// `from_start` says that the first segment of each stream will be the first byte of that stream; without it the
    /// connection was joined in the middle, and any segment may be the first that starts a message.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        let _ = from_start;
        Self { reversed: false, parser: None }
    }

    /// The next bytes of a stream.
    pub fn segment(&mut self, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        let _ = (segment, settings, sink);
    }

    /// The next bytes of a stream were not seen.
    pub fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        let _ = (gap, sink);
    }

    /// Time has passed; give up what has waited too long.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        let _ = (now, sink);
    }

    /// One stream has ended in order; the other may go on.
    pub fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        let _ = (direction, at, sink);
    }

    /// The connection is over; report what is left.
    pub fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let _ = (reason, at, sink);
    }

    /// What is known of the protocol.
    #[must_use]
    pub fn state(&self) -> State {
        State::Detecting
    }

    /// Whether the content proved the caller's directions to be the wrong way round.
    #[must_use]
    pub fn reversed(&self) -> bool {
        self.reversed
    }

    /// Bytes held, all buffers together.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.parser.as_ref().map_or(0, |parser| parser.held_bytes())
    }
}
