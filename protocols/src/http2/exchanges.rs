//! The exchanges of one connection that are under way, by the number of their stream, and when each is reported.

use super::{
    heads::{self, Block},
    hpack::Decoder,
    record::{Fate, Record, Reset},
    waiting::{REMEMBERED, REQUEST_TIMEOUT},
};
use crate::{
    CloseReason, Direction, Limit, Sink, Timestamp,
    fifo::LATE_WINDOW,
    http::{HttpSettings, record::Request},
};

/// Exchanges under way at a time. Servers allow a hundred or so.
pub(super) const OPEN_EXCHANGES: usize = 1024;

/// Bytes that the exchanges under way may hold, all together.
pub(super) const OPEN_BYTES: usize = 512 * 1024;

/// Records kept for use again, and the most that one of them holds: there are many connections, and few are busy.
const SPARE: usize = 8;
const SPARE_BYTES: usize = 1024;

/// Exchanges under way for which room is kept while there are none.
const KEPT_ROOM: usize = 128;

/// The exchanges of one connection.
pub(super) struct Exchanges {
    pub(super) settings: HttpSettings,
    /// By stream.
    pub(super) open: Vec<(u32, Box<Record>)>,
    #[expect(clippy::vec_box, reason = "records are large and change hands: what is kept is the allocation")]
    pub(super) spare: Vec<Box<Record>>,
    pub(super) held_bytes: usize,
    /// The highest streams that the client began, and the server.
    pub(super) highest: [u32; 2],
    /// The lowest that the client was seen to begin on a connection that was joined; zero elsewhere.
    pub(super) lowest: u32,
    pub(super) joined: bool,
    /// Bytes of requests that may have been lost since the client was last seen to begin a stream.
    pub(super) requests_lost: u64,
    /// Streams that the client began unseen, by their number.
    pub(super) skipped: Vec<u32>,
    pub(super) skipped_at: Timestamp,
    /// Streams whose answer alone was seen and reported.
    pub(super) orphans: Vec<u32>,
    /// The last stream that the server said it takes.
    pub(super) last_taken: u32,
    /// When to look for what has waited too long.
    pub(super) look_at: Option<Timestamp>,
}

impl Exchanges {
    pub(super) fn new(settings: HttpSettings, from_start: bool) -> Self {
        Self {
            settings,
            open: Vec::new(),
            spare: Vec::new(),
            held_bytes: 0,
            highest: [0; 2],
            lowest: 0,
            joined: !from_start,
            requests_lost: 0,
            skipped: Vec::new(),
            skipped_at: Timestamp::default(),
            orphans: Vec::new(),
            last_taken: u32::MAX,
            look_at: None,
        }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether an exchange is under way on a stream.
    pub(super) fn knows(&self, stream: u32) -> bool {
        self.find(stream).is_ok()
    }

    pub(super) fn find(&self, stream: u32) -> Result<usize, usize> {
        // Most of the time it is the newest one.
        match self.open.last() {
            None => Err(0),
            Some(&(newest, _)) if newest == stream => Ok(self.open.len() - 1),
            Some(&(newest, _)) if newest < stream => Err(self.open.len()),
            Some(_) => self.open.binary_search_by_key(&stream, |&(stream, _)| stream),
        }
    }

    /// The exchange on a stream.
    pub(super) fn get(&mut self, stream: u32) -> Option<&mut Record> {
        let index = self.find(stream).ok()?;
        self.open.get_mut(index).map(|(_, record)| &mut **record)
    }

    /// Begins the exchange of a stream. `None` if the stream is one that has ended already.
    fn begin(
        &mut self,
        stream: u32,
        direction: Direction,
        now: Timestamp,
        sink: &mut dyn Sink,
    ) -> Option<usize> {
        let place = match self.find(stream) {
            Ok(index) => return Some(index),
            Err(place) => place,
        };
        let promised = stream.is_multiple_of(2);
        let answers_unseen =
            self.joined && !promised && direction == Direction::ToClient && stream < self.lowest;
        if let Ok(index) = self.skipped.binary_search(&stream) {
            self.skipped.remove(index);
        } else if stream <= self.highest[usize::from(promised)] && !answers_unseen {
            return None;
        }
        let place = if self.open.len() >= OPEN_EXCHANGES {
            sink.limited(Limit::WaitingRequests);
            self.report(0, Fate::Evicted, sink);
            place.saturating_sub(1)
        } else {
            place
        };
        let mut record = self.spare.pop().unwrap_or_else(|| Box::new(Record::empty()));
        record.reset();
        record.active_at = now;
        self.open.insert(place, (stream, record));
        Some(place)
    }

    /// Takes a header block in: every block is decoded, whatever comes of it, because of what it teaches the decoder.
    /// Gives whether it could be decoded.
    pub(super) fn block(
        &mut self,
        block: &Block,
        bytes: &[u8],
        decoder: &mut Decoder,
        sink: &mut dyn Sink,
    ) -> bool {
        let now = block.ended.unwrap_or(block.began.at);
        let stream = block.promises.unwrap_or(block.stream);
        let Some(index) = self.begin(stream, block.direction, now, sink) else {
            return decoder.decode(bytes, |_| {}).is_ok();
        };
        let Some((_, record)) = self.open.get_mut(index) else { return false };
        let before = record.held();
        let fresh = !record.asked && !record.answered && !record.response.done;
        record.active_at = now;
        let (decoded, is_head) = if block.direction == Direction::ToServer || block.promises.is_some() {
            heads::read_request(record, &self.settings, block, bytes, decoder)
        } else {
            heads::read_response(record, &self.settings, block, bytes, decoder)
        };
        if block.torn && block.missing > 0 {
            let size = record.size(block.direction);
            size.missing = size.missing.saturating_add(block.missing);
            size.cut = true;
        }
        self.held_bytes = (self.held_bytes + record.held()).saturating_sub(before);
        if fresh && !is_head {
            // The end of an exchange of which nothing else was seen.
            self.forget(index);
            return decoded;
        }
        if block.direction == Direction::ToServer && stream > self.highest[0] && stream % 2 == 1 {
            self.client_begins(stream, now, sink);
        } else if stream.is_multiple_of(2) {
            self.highest[1] = self.highest[1].max(stream);
        }
        if block.ends_stream && block.promises.is_none() {
            self.end(block.direction, stream, block.ended, sink);
        } else {
            self.settle(stream, now, sink);
        }
        self.make_room(sink);
        decoded
    }

    /// The last frame of a message has passed.
    pub(super) fn end(
        &mut self,
        direction: Direction,
        stream: u32,
        at: Option<Timestamp>,
        sink: &mut dyn Sink,
    ) {
        let Some(record) = self.get(stream) else { return };
        record.end(direction, at);
        let now = at.unwrap_or(record.active_at);
        self.settle(stream, now, sink);
    }

    /// A stream is given up by one end.
    pub(super) fn reset(&mut self, stream: u32, reset: Reset, sink: &mut dyn Sink) {
        let Ok(index) = self.find(stream) else { return };
        let record = &mut self.open[index].1;
        if !record.response.done {
            record.reset = Some(reset);
            self.settle(stream, reset.at, sink);
        } else if record.asked {
            // Who has answered in full, or has the whole answer, does not want the rest of the request: all is well.
            self.report(index, Fate::Ended, sink);
        }
    }

    /// The server processes no stream above `last` (RFC 9113 section 6.8).
    pub(super) fn go_away(&mut self, last: u32, code: u32, sink: &mut dyn Sink) {
        if last >= self.last_taken {
            return;
        }
        self.last_taken = last;
        let mut index = self.open.partition_point(|&(stream, _)| stream <= last);
        while let Some((stream, record)) = self.open.get(index) {
            if stream % 2 == 1 && record.asked && !record.answered {
                self.report(index, Fate::Refused(code), sink);
            } else {
                index += 1;
            }
        }
    }

    /// Reports a stream's exchange if it has come to its end, or plans when to stop waiting.
    pub(super) fn settle(&mut self, stream: u32, now: Timestamp, sink: &mut dyn Sink) {
        let Ok(index) = self.find(stream) else { return };
        let record = &self.open[index].1;
        if record.is_finished() {
            self.report(index, Fate::Ended, sink);
        } else if record.ended_at().is_some() || record.response.done {
            let window = if record.asked { REQUEST_TIMEOUT } else { LATE_WINDOW };
            self.plan(now, window);
        }
    }

    /// One stream of the connection has ended in order.
    pub(super) fn stream_ended(&mut self, direction: Direction, sink: &mut dyn Sink) {
        match direction {
            Direction::ToClient => self.close(CloseReason::Closed, sink),
            Direction::ToServer => {
                let mut index = 0;
                while let Some((_, record)) = self.open.get_mut(index) {
                    record.request.done |= record.asked;
                    if record.is_finished() {
                        self.report(index, Fate::Ended, sink);
                    } else {
                        index += 1;
                    }
                }
            }
        }
    }

    /// Reports everything: nothing more will be seen.
    pub(super) fn close(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        while let Some((_, record)) = self.open.first() {
            let ended = record.response.done || record.reset.is_some();
            self.report(0, if ended { Fate::Ended } else { Fate::Closed(reason) }, sink);
        }
        self.give_up_skipped(sink);
    }

    /// Reports an exchange and drops it.
    pub(super) fn report(&mut self, index: usize, fate: Fate, sink: &mut dyn Sink) {
        let Some((stream, mut record)) = self.take(index) else { return };
        if !record.asked && stream % 2 == 1 && stream > self.highest[0] {
            if self.orphans.len() >= REMEMBERED {
                self.orphans.remove(0);
            }
            self.orphans.push(stream);
        }
        record.report(fate, &self.settings, sink);
        self.keep(record);
    }

    fn forget(&mut self, index: usize) {
        if let Some((_, record)) = self.take(index) {
            self.keep(record);
        }
    }

    fn take(&mut self, index: usize) -> Option<(u32, Box<Record>)> {
        if index >= self.open.len() {
            return None;
        }
        let (stream, record) = self.open.remove(index);
        self.held_bytes = self.held_bytes.saturating_sub(record.held());
        if self.open.is_empty() {
            self.open.shrink_to(KEPT_ROOM);
        }
        Some((stream, record))
    }

    fn keep(&mut self, record: Box<Record>) {
        if self.spare.len() < SPARE && record.held() <= SPARE_BYTES {
            self.spare.push(record);
        }
    }

    fn make_room(&mut self, sink: &mut dyn Sink) {
        while self.held_bytes > OPEN_BYTES && !self.open.is_empty() {
            sink.limited(Limit::WaitingRequests);
            self.report(0, Fate::Evicted, sink);
        }
    }

    /// The request of stream 1, which was made in HTTP/1 (RFC 7540 section 3.2).
    pub(super) fn upgrade(&mut self, request: Request, now: Timestamp) {
        let mut record = Box::new(Record::empty());
        record.reset();
        record.request = request;
        record.request.done = true;
        record.asked = true;
        record.active_at = now;
        self.held_bytes += record.held();
        self.highest[0] = 1;
        self.open.push((1, record));
    }
}
