//! What a connection speaks, told by what its streams carry.

use crate::{
    Direction, Gap, Segment, Sink,
    pending::{DETECTION_BYTES, LIKELY_BYTES, Pending},
    registry::{Continue, Entry, PROTOCOLS, Parser},
};

/// Times that the start of a message is looked for in vain in one direction of a connection that was joined in the middle,
/// before it is ignored: in a segment or, where small ones were held for looking like one, in all that was held. A download
/// under way when the observation began should end within as many.
pub const DETECTION_ATTEMPTS: u32 = 1024;

/// Segments of one stream that are looked at, however small they are and whatever they look like, each together with the
/// [`LIKELY_BYTES`] held before it at most. Where what is spoken is known, but not which end asks, that is the only
/// bound: a message of a protocol that tells it by few of its messages may be long in coming.
const LOOKS: u32 = 64 * DETECTION_ATTEMPTS;

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
///
/// Which end asks is believed rather than known where the connection was joined in the middle. Most bytes prove it
/// themselves; those that do not are looked at both ways, and what both streams say together decides.
pub(crate) struct Detecting {
    /// Whether the streams may go the other way than is believed.
    doubtful: bool,
    /// Whether both streams looked like a protocol both ways.
    undirected: bool,
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
    /// Segments that were looked at.
    looks: u32,
    /// What it looks like if it goes where it is believed to go.
    likely: Candidates,
    /// What it looks like if it goes the other way.
    turned: Candidates,
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

    /// The first of those that both streams look like, and in which their bytes can belong to each other.
    fn agreed(
        self,
        other: Self,
        last: Direction,
        to_server: &[u8],
        to_client: &[u8],
    ) -> Option<&'static Entry> {
        let both = self.0 & other.0;
        PROTOCOLS
            .iter()
            .enumerate()
            .filter(|(place, _)| both >> place & 1 == 1)
            .map(|(_, entry)| entry)
            .find(|entry| (entry.agree)(last, to_server, to_client))
    }
}

/// What all detectors together say of bytes that may begin a message.
#[derive(Clone, Copy, Default)]
struct Look {
    /// What they can only be, and in which direction.
    found: Option<(&'static Entry, Direction)>,
    /// What they look like in the direction that is believed.
    likely: Candidates,
    /// What they look like in the other.
    turned: Candidates,
    /// Whether they end too early to tell, in the direction that is believed and in the other.
    more: [bool; 2],
}

impl Look {
    /// Whether bytes of this length say anything in the direction that is believed, or would if they went on.
    const fn believed(&self, length: usize) -> bool {
        self.found.is_some() || !self.likely.is_empty() || self.more[0] && length <= DETECTION_BYTES
    }

    /// The same of the other direction.
    const fn turned(&self, length: usize) -> bool {
        !self.turned.is_empty() && length <= LIKELY_BYTES || self.more[1] && length <= DETECTION_BYTES
    }

    /// Asks all detectors, and `both` ways if the direction is not certain.
    fn at(bytes: &[u8], direction: Direction, both: bool) -> Self {
        let mut look = Self::default();
        for (place, entry) in PROTOCOLS.iter().enumerate() {
            let turned = if both { (entry.detect)(direction.opposite(), bytes) } else { Detection::No };
            let believed = (entry.detect)(direction, bytes);
            match believed {
                // What may go the other way as well has proved what it is, but not which way it goes.
                Detection::Found(_) if turned == Detection::Likely(direction.opposite()) => {
                    look.likely.add(place);
                }
                Detection::Found(proven) => {
                    look.found = Some((entry, proven));
                    return look;
                }
                Detection::Likely(proven) if proven == direction => look.likely.add(place),
                Detection::Likely(_) | Detection::NeedMore => look.more[0] = true,
                Detection::No => {}
            }
            match turned {
                Detection::Found(proven) | Detection::Likely(proven) if proven != direction => {
                    look.turned.add(place);
                }
                Detection::NeedMore => look.more[1] = true,
                Detection::Found(_) | Detection::Likely(_) | Detection::No => {}
            }
        }
        look
    }
}

impl Detecting {
    pub(crate) fn new(from_start: bool, doubtful: bool) -> Self {
        let search = || Search { at_start: from_start, ..Search::default() };
        Self {
            doubtful,
            undirected: false,
            pending: Pending::default(),
            to_server: search(),
            to_client: search(),
        }
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
        search.turned = Candidates::default();
    }

    /// The next bytes of a stream. They are held as long as the decision is open.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>, direction: Direction) -> Decision {
        let decision = self.look(segment, direction);
        let search = self.search_mut(direction);
        search.looks += 1;
        let exhausted = search.looks >= LOOKS && matches!(decision, Decision::Open);
        if exhausted { Decision::Nothing { exhausted } } else { decision }
    }

    fn look(&mut self, segment: &Segment<'_>, direction: Direction) -> Decision {
        let held = self.pending.bytes(direction);
        let joined = (!held.is_empty()).then(|| {
            let room = LIKELY_BYTES.saturating_sub(held.len());
            [held, &segment.bytes[..segment.bytes.len().min(room)]].concat()
        });
        let mut length = held.len() + segment.bytes.len();
        let mut candidate = joined.as_deref().unwrap_or(segment.bytes);
        let mut look = Look::at(candidate, direction, self.doubtful);
        if joined.is_some() && !self.search(direction).at_start && !look.believed(length) {
            // What is held began nothing, but a message may begin here all the same.
            let alone = Look::at(segment.bytes, direction, self.doubtful);
            if alone.believed(segment.bytes.len()) || !look.turned(length) {
                self.pending.drop_bytes(direction);
                (length, candidate, look) = (segment.bytes.len(), segment.bytes, alone);
            }
        }
        if let Some((entry, proven)) = look.found {
            return Decision::Speaks { entry, reversed: proven != direction };
        }
        let held = self.pending.bytes(direction.opposite());
        let (to_server, to_client) = match direction {
            Direction::ToServer => (candidate, held),
            Direction::ToClient => (held, candidate),
        };
        let Search { likely, turned, .. } = *self.search(direction.opposite());
        let believed = look.likely.agreed(likely, direction, to_server, to_client);
        let turned = look.turned.agreed(turned, direction.opposite(), to_client, to_server);
        match (believed, turned) {
            (Some(entry), None) => return Decision::Speaks { entry, reversed: false },
            (None, Some(entry)) if !held.is_empty() => return Decision::Speaks { entry, reversed: true },
            // What goes against belief must be seen whole.
            (None, Some(_)) => {}
            // Both ways are possible. Maybe the newest bytes tell, or those to come.
            (Some(entry), Some(_)) => {
                self.undirected = true;
                if let Some((found, proven)) = Look::at(segment.bytes, direction, self.doubtful).found
                    && found.protocol == entry.protocol
                {
                    return Decision::Speaks { entry, reversed: proven != direction };
                }
            }
            (None, None) if look.likely.shares(likely) => {
                return self.disagree(segment, direction, length, &look, direction);
            }
            (None, None) if look.turned.shares(self.search(direction.opposite()).turned) => {
                return self.disagree(segment, direction, length, &look, direction.opposite());
            }
            (None, None) => {}
        }
        let is_likely = !look.likely.is_empty() || !look.turned.is_empty();
        if is_likely && length > LIKELY_BYTES && !self.is_exhausted(direction) {
            return self.start_over(segment, direction, joined.is_some(), &look);
        }
        let may_be_held = if is_likely { LIKELY_BYTES } else { DETECTION_BYTES };
        if length <= may_be_held && (is_likely || look.more[0] || look.more[1]) {
            self.hold(segment, direction, &look)
        } else {
            self.reject(direction)
        }
    }

    /// Whether a stream was tried often enough. Where only the direction is to be told, what is spoken is known.
    const fn is_exhausted(&self, direction: Direction) -> bool {
        !self.undirected && self.search(direction).attempts >= DETECTION_ATTEMPTS
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

    /// Too much is likely to be held: begins again with this segment, if it begins a message as well. What the stream
    /// looks like is worth knowing even where nothing of it is held.
    fn start_over(
        &mut self,
        segment: &Segment<'_>,
        direction: Direction,
        joined: bool,
        look: &Look,
    ) -> Decision {
        self.forget(direction);
        self.search_mut(direction).attempts += 1;
        if joined && self.doubtful {
            let alone = Look::at(segment.bytes, direction, true);
            if let Some((entry, proven)) = alone.found {
                return Decision::Speaks { entry, reversed: proven != direction };
            }
            let is_likely = !alone.likely.is_empty() || !alone.turned.is_empty();
            if is_likely && segment.bytes.len() <= LIKELY_BYTES {
                return self.hold(segment, direction, &alone);
            }
        }
        self.note(direction, look);
        Decision::Open
    }

    fn hold(&mut self, segment: &Segment<'_>, direction: Direction, look: &Look) -> Decision {
        self.pending.push(segment, direction);
        self.note(direction, look);
        Decision::Open
    }

    /// Notes what a stream looks like. Bytes that ended too early have said nothing against what was noted before.
    const fn note(&mut self, direction: Direction, look: &Look) {
        let search = self.search_mut(direction);
        if !look.likely.is_empty() || !look.more[0] {
            search.likely = look.likely;
        }
        if !look.turned.is_empty() || !look.more[1] {
            search.turned = look.turned;
        }
    }

    /// Holds nothing of a stream any longer.
    fn forget(&mut self, direction: Direction) {
        self.pending.drop_bytes(direction);
        let search = self.search_mut(direction);
        search.at_start = false;
        search.likely = Candidates::default();
        search.turned = Candidates::default();
    }

    /// Both streams look like a protocol in which these bytes have the direction `taken`, but what they say and what was
    /// said before them do not belong together.
    fn disagree(
        &mut self,
        segment: &Segment<'_>,
        direction: Direction,
        length: usize,
        look: &Look,
        taken: Direction,
    ) -> Decision {
        if taken == Direction::ToServer && length <= LIKELY_BYTES {
            // A response that came before may have belonged to a request before it.
            self.forget(direction.opposite());
            self.search_mut(direction.opposite()).attempts += 1;
            return self.hold(segment, direction, look);
        }
        let decision = self.reject(direction);
        self.forget(direction.opposite());
        decision
    }

    /// These bytes of a stream begin no message.
    fn reject(&mut self, direction: Direction) -> Decision {
        let answers_likely_request = !self.search(direction.opposite()).likely.is_empty();
        // A client's first bytes tell what it speaks. A server may greet first in words that no detector knows.
        let hopeless =
            self.search(direction).at_start && (direction == Direction::ToServer || answers_likely_request);
        self.forget(direction);
        self.search_mut(direction).attempts += 1;
        let exhausted = self.is_exhausted(direction);
        if hopeless || exhausted { Decision::Nothing { exhausted: !hopeless } } else { Decision::Open }
    }
}
