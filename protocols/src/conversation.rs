//! One connection from the first byte seen to the last: detection, then parsing.

use crate::{
    CloseReason, Direction, Gap, Limit, Protocol, Segment, Settings, Sink, Timestamp, http, mongodb,
    pending::{DETECTION_BYTES, Pending},
    registry::{Continue, Entry, PROTOCOLS, Parser},
    tls,
};

/// Segments of one direction in which the start of a message is looked for in vain, on a connection that was joined in
/// the middle, before it is ignored. A download under way when the observation began should end within as many.
pub const DETECTION_ATTEMPTS: u32 = 1024;

/// Bytes that one [`Conversation`] holds at most, whatever it is fed.
pub const HELD_BYTES_LIMIT: usize = 2 * DETECTION_BYTES
    + largest(&[http::HELD_BYTES_LIMIT, tls::HELD_BYTES_LIMIT, mongodb::HELD_BYTES_LIMIT]);

const fn largest(limits: &[usize]) -> usize {
    let (mut largest, mut index) = (0, 0);
    while index < limits.len() {
        if limits[index] > largest {
            largest = limits[index];
        }
        index += 1;
    }
    largest
}

/// Times that a connection may lose its protocol and be detected again.
const REVISIONS: u8 = 2;

/// What a protocol's detector says of bytes that may start a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// Not this protocol.
    No,
    /// Could be, but the bytes end too early to tell.
    NeedMore,
    /// Looks like this protocol in this direction, but proves nothing: the other stream must look like it too.
    Likely(Direction),
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

enum Phase {
    Detecting(Box<Detecting>),
    Parsing(Protocol, Box<dyn Parser>),
    Ignored,
}

/// What detection knows.
#[derive(Default)]
struct Detecting {
    pending: Pending,
    to_server: Search,
    to_client: Search,
}

/// What detection knows of one stream.
#[derive(Default)]
struct Search {
    /// Whether the next bytes are the first of the stream, or continue those that are held.
    at_start: bool,
    attempts: u32,
    likely: Option<Protocol>,
}

impl Detecting {
    fn new(from_start: bool) -> Self {
        let search = || Search { at_start: from_start, ..Search::default() };
        Self { pending: Pending::default(), to_server: search(), to_client: search() }
    }

    fn search(&mut self, direction: Direction) -> &mut Search {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn reverse(&mut self) {
        self.pending.reverse();
        std::mem::swap(&mut self.to_server, &mut self.to_client);
    }
}

/// What all detectors together say of a candidate.
enum Finding {
    No,
    NeedMore,
    Likely(Protocol, Direction),
    Found(&'static Entry, Direction),
}

fn ask(direction: Direction, candidate: &[u8]) -> Finding {
    let mut finding = Finding::No;
    for entry in PROTOCOLS {
        match ((entry.detect)(direction, candidate), &finding) {
            (Detection::Found(proven), _) => return Finding::Found(entry, proven),
            (Detection::Likely(likely), Finding::No | Finding::NeedMore) => {
                finding = Finding::Likely(entry.protocol, likely);
            }
            (Detection::NeedMore, Finding::No) => finding = Finding::NeedMore,
            _ => {}
        }
    }
    finding
}

/// Both streams of one connection.
///
/// The caller says which direction it believes each segment to have. Where the content proves it wrong,
/// [`Conversation::reversed`] tells so and the directions are swapped from then on, for everything before and after.
pub struct Conversation {
    reversed: bool,
    revisions: u8,
    phase: Phase,
}

impl Conversation {
    /// A connection of which nothing was seen yet.
    ///
    /// `from_start` says that the first segment of each stream will be the first byte of that stream; without it the
    /// connection was joined in the middle, and any segment may be the first that starts a message.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        Self { reversed: false, revisions: 0, phase: Phase::Detecting(Box::new(Detecting::new(from_start))) }
    }

    /// The next bytes of a stream.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        if segment.bytes.is_empty() {
            return;
        }
        match &mut self.phase {
            Phase::Parsing(_, parser) => {
                let verdict = if self.reversed {
                    let direction = segment.direction.opposite();
                    parser.segment(&Segment { direction, ..*segment }, sink)
                } else {
                    parser.segment(segment, sink)
                };
                self.obey(verdict, segment.at, sink);
            }
            Phase::Detecting(_) => self.detect(segment, settings, sink),
            Phase::Ignored => {}
        }
    }

    /// The next bytes of a stream were not seen.
    pub fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        let direction = self.turned(gap.direction);
        match &mut self.phase {
            Phase::Parsing(_, parser) => {
                let verdict = parser.gap(&Gap { direction, ..*gap }, sink);
                self.obey(verdict, gap.at, sink);
            }
            Phase::Detecting(detecting) => {
                detecting.pending.push_gap(gap, direction);
                let search = detecting.search(direction);
                search.at_start = false;
                search.likely = None;
            }
            Phase::Ignored => {}
        }
    }

    /// Time has passed; give up what has waited too long.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.tick(now, sink);
        }
    }

    /// One stream has ended in order; the other may go on.
    pub fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        let direction = self.turned(direction);
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.end_of_stream(direction, at, sink);
        }
    }

    /// The connection is over; report what is left.
    pub fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.close(reason, at, sink);
        }
        self.phase = Phase::Ignored;
    }

    /// What is known of the protocol.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Detecting(_) => State::Detecting,
            Phase::Parsing(protocol, _) => State::Parsing(*protocol),
            Phase::Ignored => State::Ignored,
        }
    }

    /// Whether the content proved the caller's directions to be the wrong way round.
    #[must_use]
    pub fn reversed(&self) -> bool {
        self.reversed
    }

    /// Bytes held, all buffers together. Never more than [`HELD_BYTES_LIMIT`].
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.phase {
            Phase::Detecting(detecting) => detecting.pending.held_bytes(),
            Phase::Parsing(_, parser) => parser.held_bytes(),
            Phase::Ignored => 0,
        }
    }

    const fn turned(&self, direction: Direction) -> Direction {
        if self.reversed { direction.opposite() } else { direction }
    }

    fn detect(&mut self, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        let direction = self.turned(segment.direction);
        let Phase::Detecting(detecting) = &mut self.phase else { return };
        let held = detecting.pending.bytes(direction);
        let joined = (!held.is_empty()).then(|| {
            let room = DETECTION_BYTES - held.len();
            [held, &segment.bytes[..segment.bytes.len().min(room)]].concat()
        });
        let mut finding = ask(direction, joined.as_deref().unwrap_or(segment.bytes));
        let fits = held.len() + segment.bytes.len() <= DETECTION_BYTES;
        if matches!(finding, Finding::NeedMore | Finding::Likely(..)) && !fits {
            finding = Finding::No;
        }
        if matches!(finding, Finding::No) && joined.is_some() && !detecting.search(direction).at_start {
            // What is held began nothing, but a message may begin here all the same.
            detecting.pending.drop_bytes(direction);
            finding = ask(direction, segment.bytes);
            if segment.bytes.len() > DETECTION_BYTES && !matches!(finding, Finding::Found(..)) {
                finding = Finding::No;
            }
        }
        match finding {
            Finding::Found(entry, proven) => {
                if proven != direction {
                    self.reversed = !self.reversed;
                    sink.reversed(self.reversed);
                    detecting.reverse();
                    sink.reversed(self.reversed);
                }
                self.parse(entry, Some(segment), settings, sink);
            }
            Finding::NeedMore => detecting.pending.push(segment, direction),
            Finding::Likely(protocol, likely) => {
                detecting.pending.push(segment, direction);
                detecting.search(direction).likely = (likely == direction).then_some(protocol);
                let agreed = detecting.to_server.likely == Some(protocol)
                    && detecting.to_client.likely == Some(protocol);
                let entry = PROTOCOLS.iter().find(|entry| entry.protocol == protocol);
                if let Some(entry) = entry.filter(|_| agreed) {
                    self.parse(entry, None, settings, sink);
                }
            }
            Finding::No => self.reject(direction, sink),
        }
    }

    /// These bytes of a stream begin no message.
    fn reject(&mut self, direction: Direction, sink: &mut dyn Sink) {
        let Phase::Detecting(detecting) = &mut self.phase else { return };
        detecting.pending.drop_bytes(direction);
        let answers_likely_request = detecting.search(direction.opposite()).likely.is_some();
        let search = detecting.search(direction);
        // A client's first bytes tell what it speaks. A server may greet first in words that no detector knows.
        let hopeless = search.at_start && (direction == Direction::ToServer || answers_likely_request);
        search.at_start = false;
        search.likely = None;
        search.attempts += 1;
        if hopeless || search.attempts >= DETECTION_ATTEMPTS {
            if !hopeless {
                sink.limited(Limit::DetectionAttempts);
            }
            self.phase = Phase::Ignored;
        }
    }

    fn parse(
        &mut self,
        entry: &Entry,
        segment: Option<&Segment<'_>>,
        settings: &Settings,
        sink: &mut dyn Sink,
    ) {
        let phase = std::mem::replace(&mut self.phase, Phase::Ignored);
        let Phase::Detecting(detecting) = phase else { return };
        let whole = |search: &Search| search.at_start || search.attempts == 0;
        let from_start = self.revisions == 0
            && whole(&detecting.to_server)
            && whole(&detecting.to_client)
            && (detecting.to_server.at_start || detecting.to_client.at_start);
        let mut parser = (entry.start)(settings, from_start);
        let mut verdict = detecting.pending.replay(&mut *parser, sink);
        let mut at = Timestamp::default();
        if let Some(segment) = segment {
            at = segment.at;
            if verdict == Continue::Parsing {
                let direction = self.turned(segment.direction);
                verdict = parser.segment(&Segment { direction, ..*segment }, sink);
            }
        }
        self.phase = Phase::Parsing(entry.protocol, parser);
        self.obey(verdict, at, sink);
    }

    #[inline]
    fn obey(&mut self, verdict: Continue, at: Timestamp, sink: &mut dyn Sink) {
        match verdict {
            Continue::Parsing => {}
            Continue::Finished => self.phase = Phase::Ignored,
            Continue::NotThisProtocol => {
                if let Phase::Parsing(_, parser) = &mut self.phase {
                    parser.close(CloseReason::Evicted, at, sink);
                }
                self.phase = if self.revisions < REVISIONS {
                    self.revisions += 1;
                    Phase::Detecting(Box::new(Detecting::new(false)))
                } else {
                    Phase::Ignored
                };
            }
        }
    }
}
