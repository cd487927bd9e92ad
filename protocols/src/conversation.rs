//! One connection from the first byte seen to the last: detection, then parsing.

use crate::{
    CloseReason, Direction, Gap, Limit, Protocol, Segment, Settings, Sink, Timestamp,
    pending::{DETECTION_BYTES, LIKELY_BYTES, Pending},
    registry::{Continue, Entry, PROTOCOLS, Parser},
};
use crate::{dns, http, http2, kafka, memcached, mongodb, mysql, postgresql, redis, tls};

/// Segments of one direction in which the start of a message is looked for in vain, on a connection that was joined in
/// the middle, before it is ignored. A download under way when the observation began should end within as many.
pub const DETECTION_ATTEMPTS: u32 = 1024;

/// Bytes that one [`Conversation`] holds at most, whatever it is fed.
pub const HELD_BYTES_LIMIT: usize = 2 * LIKELY_BYTES
    + largest(&[
        dns::HELD_BYTES_LIMIT,
        http::HELD_BYTES_LIMIT,
        http2::HELD_BYTES_LIMIT,
        kafka::HELD_BYTES_LIMIT,
        memcached::HELD_BYTES_LIMIT,
        mongodb::HELD_BYTES_LIMIT,
        mysql::HELD_BYTES_LIMIT,
        postgresql::HELD_BYTES_LIMIT,
        redis::HELD_BYTES_LIMIT,
        tls::HELD_BYTES_LIMIT,
    ]);

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
    likely: Candidates,
}

/// Protocols that a stream looks like, a bit for each by its place in [`PROTOCOLS`]. Several may: `get key` is a command
/// of two, and the answer tells of which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Candidates(u32);

const _: () = assert!(PROTOCOLS.len() <= 32);

impl Candidates {
    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn add(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    /// Whether the other stream looks like one of them, too.
    const fn shares(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The first of those that both streams look like, and in which their bytes can belong to each other. Of bytes that
    /// were too long to be held, none are there to tell.
    fn agreed(
        self,
        other: Self,
        last: Direction,
        to_server: &[u8],
        to_client: &[u8],
    ) -> Option<&'static Entry> {
        let both = self.0 & other.0;
        let unknown = to_server.is_empty() || to_client.is_empty();
        PROTOCOLS
            .iter()
            .enumerate()
            .filter(|(place, _)| both >> place & 1 == 1)
            .map(|(_, entry)| entry)
            .find(|entry| unknown || (entry.agree)(last, to_server, to_client))
    }
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
    Likely(Candidates),
    Found(&'static Entry, Direction),
}

fn ask(direction: Direction, candidate: &[u8]) -> Finding {
    let (mut likely, mut more) = (Candidates::default(), false);
    for (place, entry) in PROTOCOLS.iter().enumerate() {
        match (entry.detect)(direction, candidate) {
            Detection::Found(proven) => return Finding::Found(entry, proven),
            Detection::Likely(proven) if proven == direction => likely.add(place),
            Detection::Likely(_) | Detection::NeedMore => more = true,
            Detection::No => {}
        }
    }
    match (likely.is_empty(), more) {
        (false, _) => Finding::Likely(likely),
        (true, true) => Finding::NeedMore,
        (true, false) => Finding::No,
    }
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
                let direction = if self.reversed { segment.direction.opposite() } else { segment.direction };
                let verdict = parser.segment(&Segment { direction, ..*segment }, sink);
                if matches!(verdict, Continue::Becomes { .. }) {
                    self.hand_over(verdict, &Segment { direction, ..*segment }, sink);
                } else {
                    self.obey(verdict, segment.at, sink);
                }
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
                search.likely = Candidates::default();
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
            let room = LIKELY_BYTES.saturating_sub(held.len());
            [held, &segment.bytes[..segment.bytes.len().min(room)]].concat()
        });
        let mut candidate = joined.as_deref().unwrap_or(segment.bytes);
        let mut finding = ask(direction, candidate);
        let other = match direction {
            Direction::ToServer => detecting.to_client.likely,
            Direction::ToClient => detecting.to_server.likely,
        };
        // What need not be held may be of any length.
        let fits = |finding: &Finding, length: usize| match finding {
            Finding::Found(..) | Finding::No => true,
            Finding::Likely(likely) => likely.shares(other) || length <= LIKELY_BYTES,
            Finding::NeedMore => length <= DETECTION_BYTES,
        };
        if !fits(&finding, held.len() + segment.bytes.len()) {
            if let Finding::Likely(likely) = finding
                && detecting.search(direction).attempts < DETECTION_ATTEMPTS
            {
                // Too long to be held, but what it looks like is worth knowing.
                detecting.pending.drop_bytes(direction);
                let search = detecting.search(direction);
                search.at_start = false;
                search.attempts += 1;
                search.likely = likely;
                return;
            }
            finding = Finding::No;
        }
        if matches!(finding, Finding::No) && joined.is_some() && !detecting.search(direction).at_start {
            // What is held began nothing, but a message may begin here all the same.
            detecting.pending.drop_bytes(direction);
            candidate = segment.bytes;
            finding = ask(direction, candidate);
            if !fits(&finding, segment.bytes.len()) {
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
            Finding::Likely(likely) => {
                let held = detecting.pending.bytes(direction.opposite());
                let (to_server, to_client) = match direction {
                    Direction::ToServer => (candidate, held),
                    Direction::ToClient => (held, candidate),
                };
                match likely.agreed(other, direction, to_server, to_client) {
                    Some(entry) => self.parse(entry, Some(segment), settings, sink),
                    None if likely.shares(other) => self.disagree(segment, direction, likely, sink),
                    None => {
                        detecting.pending.push(segment, direction);
                        detecting.search(direction).likely = likely;
                    }
                }
            }
            Finding::No => self.reject(direction, sink),
        }
    }

    /// Both streams look like a protocol, but what these bytes say and what was said before them do not belong together.
    fn disagree(
        &mut self,
        segment: &Segment<'_>,
        direction: Direction,
        likely: Candidates,
        sink: &mut dyn Sink,
    ) {
        let Phase::Detecting(detecting) = &mut self.phase else { return };
        let length = detecting.pending.bytes(direction).len() + segment.bytes.len();
        if direction == Direction::ToServer && length <= LIKELY_BYTES {
            // A response that came before may have belonged to a request before it.
            detecting.pending.drop_bytes(Direction::ToClient);
            let answers = detecting.search(Direction::ToClient);
            answers.at_start = false;
            answers.attempts += 1;
            answers.likely = Candidates::default();
            detecting.pending.push(segment, direction);
            detecting.search(direction).likely = likely;
            return;
        }
        self.reject(direction, sink);
        if let Phase::Detecting(detecting) = &mut self.phase {
            detecting.pending.drop_bytes(direction.opposite());
            let other = detecting.search(direction.opposite());
            other.at_start = false;
            other.likely = Candidates::default();
        }
    }

    /// These bytes of a stream begin no message.
    fn reject(&mut self, direction: Direction, sink: &mut dyn Sink) {
        let Phase::Detecting(detecting) = &mut self.phase else { return };
        detecting.pending.drop_bytes(direction);
        let answers_likely_request = !detecting.search(direction.opposite()).likely.is_empty();
        let search = detecting.search(direction);
        // A client's first bytes tell what it speaks. A server may greet first in words that no detector knows.
        let hopeless = search.at_start && (direction == Direction::ToServer || answers_likely_request);
        search.at_start = false;
        search.likely = Candidates::default();
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
        // Bytes from the middle of a connection are mistaken more easily, so there the parser has to agree.
        if from_start && !settings.wanted.may_follow(entry.protocol) {
            return;
        }
        let mut parser = (entry.start)(settings, from_start);
        let mut verdict = detecting.pending.replay(&mut *parser, sink);
        let mut at = Timestamp::default();
        if let Some(segment) = segment {
            at = segment.at;
            if verdict == Continue::Parsing {
                let direction = self.turned(segment.direction);
                let segment = Segment { direction, ..*segment };
                verdict = parser.segment(&segment, sink);
                if matches!(verdict, Continue::Becomes { .. }) {
                    self.phase = Phase::Parsing(entry.protocol, parser);
                    return self.hand_over(verdict, &segment, sink);
                }
            }
        }
        self.phase = Phase::Parsing(entry.protocol, parser);
        self.obey(verdict, at, sink);
    }

    /// Lets the parser of what the connection has become take over, with the rest of the segment.
    #[cold]
    fn hand_over(&mut self, verdict: Continue, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let successor = match &mut self.phase {
            Phase::Parsing(_, parser) => parser.successor(),
            Phase::Detecting(_) | Phase::Ignored => None,
        };
        let (Continue::Becomes { protocol, unread }, Some(mut successor)) = (verdict, successor) else {
            self.phase = Phase::Ignored;
            return;
        };
        let read = segment.bytes.len().saturating_sub(unread);
        let bytes = &segment.bytes[read..];
        let mut verdict = Continue::Parsing;
        if !bytes.is_empty() {
            let offset = segment.offset.saturating_add(read as u64);
            verdict = successor.segment(&Segment { offset, bytes, ..*segment }, sink);
        }
        self.phase = Phase::Parsing(protocol, successor);
        self.obey(verdict, segment.at, sink);
    }

    #[inline]
    fn obey(&mut self, verdict: Continue, at: Timestamp, sink: &mut dyn Sink) {
        match verdict {
            Continue::Parsing => {}
            // What took over within bytes that were held for detection has lost its first ones.
            Continue::Finished | Continue::Becomes { .. } => self.phase = Phase::Ignored,
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
