//! What a connection speaks, told by what its streams carry.

use crate::{
    Direction, Gap, Segment, Sink,
    pending::{DETECTION_BYTES, LIKELY_BYTES, Pending},
    registry::{Continue, Entry, PROTOCOLS, Parser},
};

/// Segments of one direction in which the start of a message is looked for in vain, on a connection that was joined in
/// the middle, before it is ignored. A download under way when the observation began should end within as many.
pub const DETECTION_ATTEMPTS: u32 = 1024;

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

/// What the bytes seen until now come to.
pub(crate) enum Decision {
    /// More must be seen.
    Open,
    /// The connection speaks this, and maybe the other way round than was believed.
    Speaks {
        /// What.
        entry: &'static Entry,
        /// Whether the stream believed to go to the server goes to the client.
        reversed: bool,
    },
    /// Nothing that is known here. Whether that is because it was looked for as often as it is.
    Nothing {
        /// So many tries were made.
        exhausted: bool,
    },
}

/// A connection of which it is not known what it speaks.
pub(crate) struct Detecting {
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

impl Search {
    /// Whether all of the stream was seen, or nothing was looked for yet.
    const fn is_whole(&self) -> bool {
        self.at_start || self.attempts == 0
    }
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

impl Detecting {
    pub(crate) fn new(from_start: bool) -> Self {
        let search = || Search { at_start: from_start, ..Search::default() };
        Self { pending: Pending::default(), to_server: search(), to_client: search() }
    }

    /// Bytes held until it is known whose they are.
    pub(crate) fn held_bytes(&self) -> usize {
        self.pending.held_bytes()
    }

    /// Whether every byte of both streams is held.
    pub(crate) fn is_from_start(&self) -> bool {
        self.to_server.is_whole()
            && self.to_client.is_whole()
            && (self.to_server.at_start || self.to_client.at_start)
    }

    /// Gives what is held to a parser, in order, until it has had enough.
    pub(crate) fn replay(&self, parser: &mut dyn Parser, sink: &mut dyn Sink) -> Continue {
        self.pending.replay(parser, sink)
    }

    /// Swaps the streams: they were believed to go the other way.
    pub(crate) fn reverse(&mut self) {
        self.pending.reverse();
        std::mem::swap(&mut self.to_server, &mut self.to_client);
    }

    /// The next bytes of a stream were not seen.
    pub(crate) fn gap(&mut self, gap: &Gap, direction: Direction) {
        self.pending.push_gap(gap, direction);
        let search = self.search_mut(direction);
        search.at_start = false;
        search.likely = Candidates::default();
    }

    /// The next bytes of a stream. They are held as long as the decision is open.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>, direction: Direction) -> Decision {
        let held = self.pending.bytes(direction);
        let joined = (!held.is_empty()).then(|| {
            let room = LIKELY_BYTES.saturating_sub(held.len());
            [held, &segment.bytes[..segment.bytes.len().min(room)]].concat()
        });
        let length = held.len() + segment.bytes.len();
        let mut candidate = joined.as_deref().unwrap_or(segment.bytes);
        let mut finding = ask(direction, candidate);
        let other = self.search(direction.opposite()).likely;
        // What need not be held may be of any length.
        let fits = |finding: &Finding, length: usize| match finding {
            Finding::Found(..) | Finding::No => true,
            Finding::Likely(likely) => likely.shares(other) || length <= LIKELY_BYTES,
            Finding::NeedMore => length <= DETECTION_BYTES,
        };
        if !fits(&finding, length) {
            if let Finding::Likely(likely) = finding
                && self.search(direction).attempts < DETECTION_ATTEMPTS
            {
                // Too long to be held, but what it looks like is worth knowing.
                self.forget(direction, likely);
                self.search_mut(direction).attempts += 1;
                return Decision::Open;
            }
            finding = Finding::No;
        }
        if matches!(finding, Finding::No) && joined.is_some() && !self.search(direction).at_start {
            // What is held began nothing, but a message may begin here all the same.
            self.pending.drop_bytes(direction);
            candidate = segment.bytes;
            finding = ask(direction, candidate);
            if !fits(&finding, segment.bytes.len()) {
                finding = Finding::No;
            }
        }
        match finding {
            Finding::Found(entry, proven) => Decision::Speaks { entry, reversed: proven != direction },
            Finding::NeedMore => self.hold(segment, direction, self.search(direction).likely),
            Finding::Likely(likely) => {
                let held = self.pending.bytes(direction.opposite());
                let (to_server, to_client) = match direction {
                    Direction::ToServer => (candidate, held),
                    Direction::ToClient => (held, candidate),
                };
                match likely.agreed(other, direction, to_server, to_client) {
                    Some(entry) => Decision::Speaks { entry, reversed: false },
                    None if likely.shares(other) => self.disagree(segment, direction, likely),
                    None => self.hold(segment, direction, likely),
                }
            }
            Finding::No => self.reject(direction),
        }
    }

    const fn search(&self, direction: Direction) -> &Search {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    const fn search_mut(&mut self, direction: Direction) -> &mut Search {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    fn hold(&mut self, segment: &Segment<'_>, direction: Direction, likely: Candidates) -> Decision {
        self.pending.push(segment, direction);
        self.search_mut(direction).likely = likely;
        Decision::Open
    }

    /// Holds nothing of a stream any longer.
    fn forget(&mut self, direction: Direction, likely: Candidates) {
        self.pending.drop_bytes(direction);
        let search = self.search_mut(direction);
        search.at_start = false;
        search.likely = likely;
    }

    /// Both streams look like a protocol, but what these bytes say and what was said before them do not belong together.
    fn disagree(&mut self, segment: &Segment<'_>, direction: Direction, likely: Candidates) -> Decision {
        let length = self.pending.bytes(direction).len() + segment.bytes.len();
        if direction == Direction::ToServer && length <= LIKELY_BYTES {
            // A response that came before may have belonged to a request before it.
            self.forget(Direction::ToClient, Candidates::default());
            self.to_client.attempts += 1;
            return self.hold(segment, direction, likely);
        }
        let decision = self.reject(direction);
        self.forget(direction.opposite(), Candidates::default());
        decision
    }

    /// These bytes of a stream begin no message.
    fn reject(&mut self, direction: Direction) -> Decision {
        let answers_likely_request = !self.search(direction.opposite()).likely.is_empty();
        // A client's first bytes tell what it speaks. A server may greet first in words that no detector knows.
        let hopeless =
            self.search(direction).at_start && (direction == Direction::ToServer || answers_likely_request);
        self.forget(direction, Candidates::default());
        let search = self.search_mut(direction);
        search.attempts += 1;
        let exhausted = search.attempts >= DETECTION_ATTEMPTS;
        if hopeless || exhausted { Decision::Nothing { exhausted: !hopeless } } else { Decision::Open }
    }
}
