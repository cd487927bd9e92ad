//! The connections of one thread, from events to exchanges.

use std::time::Duration;

use plainsight_protocols::{CloseReason, Settings, State, Timestamp};

use super::Observer;
use super::connection::{Connection, Surroundings};
use super::counters::{ConnectionCounters, Counters, ExchangeCounters, LimitCounters};
use super::index_list::IndexList;
use super::schedule::{Pace, Schedule};
use super::sockets::{self, Sockets};
use super::stream::{Limits, Reassembly, Source};
use super::table::Table;
use crate::capture::{Chunk, Closed, ConnectionId, EndOfStream, Event, Opened, Transport};

/// Connections looked at in one tick, at most: 65,536 that became due at once must not stop the traffic for longer
/// than about a millisecond. The rest is due at the next tick.
const LOOKS_PER_TICK: usize = 4096;

/// A chunk with as many bytes is worth saying that fewer would do: what one record carries at most.
const LARGE_CALL_BYTES: usize = 4096;

/// Idle connections considered in one tick, at most.
const IDLE_PER_TICK: usize = 256;

/// What a worker may use, and what it looks for.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Connections in the table, at most; one more drops the least recently used.
    pub connections: usize,
    /// How long a connection may be silent before it is given up.
    pub idle_timeout: Duration,
    /// How streams are put in order.
    pub reassembly: Limits,
    /// Bytes that the parsers of all connections may hold together; past it, the conversation that has held something
    /// for longest starts anew.
    pub parser_bytes: usize,
    /// UDP sockets in the table, at most; one more drops the least recently used.
    pub sockets: usize,
    /// How long a UDP socket may be silent before it is given up.
    pub socket_idle_timeout: Duration,
    /// Bytes that the waiting questions of all UDP sockets may take together; past it, those of the socket on which
    /// some have waited for longest are given up.
    pub socket_bytes: usize,
    /// What to look for.
    pub protocols: Settings,
}

impl WorkerSettings {
    /// Room for 65,536 connections, 64 MiB of unfinished messages, ten minutes of silence; for 16,384 sockets, 32 MiB
    /// of questions, and a minute, for nothing waits on a socket longer than that.
    fn with(reassembly: Limits) -> Self {
        Self {
            connections: 65_536,
            idle_timeout: Duration::from_secs(600),
            reassembly,
            parser_bytes: 64 << 20,
            sockets: 16_384,
            socket_idle_timeout: Duration::from_secs(60),
            socket_bytes: 32 << 20,
            protocols: Settings::default(),
        }
    }

    /// For events from the kernel.
    #[must_use]
    pub fn live() -> Self {
        Self::with(Limits::LIVE)
    }

    /// For events from a capture file.
    #[must_use]
    pub fn replay() -> Self {
        // A capture knows no sockets, only pairs of addresses, and there are many more of those.
        Self { sockets: 65_536, ..Self::with(Limits::REPLAY) }
    }
}

impl Default for WorkerSettings {
    /// For events from the kernel.
    fn default() -> Self {
        Self::live()
    }
}

/// Owns connections: takes their events, and tells an [`Observer`] of the exchanges on them.
pub struct Worker<O> {
    settings: WorkerSettings,
    table: Table<Connection>,
    schedule: Schedule,
    /// Connections whose parser held something when they were last looked at, longest first.
    holders: IndexList,
    sockets: Sockets,
    reassembly: Reassembly,
    connections: ConnectionCounters,
    exchanges: ExchangeCounters,
    limits: LimitCounters,
    parser_bytes: usize,
    /// The time of the latest tick or, if later, event.
    now: Timestamp,
    observer: O,
}

/// The parts of a worker that a connection works with.
macro_rules! surroundings {
    ($worker:ident) => {
        Surroundings {
            protocols: &$worker.settings.protocols,
            reassembly: &mut $worker.reassembly,
            exchanges: &mut $worker.exchanges,
            limits: &mut $worker.limits,
            observer: &mut $worker.observer,
        }
    };
}

/// The parts of a worker that its UDP sockets work with.
macro_rules! of_sockets {
    ($worker:ident) => {
        sockets::Surroundings {
            settings: &$worker.settings,
            exchanges: &mut $worker.exchanges,
            limits: &mut $worker.limits,
            observer: &mut $worker.observer,
        }
    };
}

impl<O: Observer> Worker<O> {
    /// A worker without connections.
    #[must_use]
    pub fn new(settings: WorkerSettings, observer: O) -> Self {
        let reassembly = Reassembly::new(settings.reassembly);
        let sockets = Sockets::new(settings.reassembly.source == Source::Packets);
        Self {
            settings,
            table: Table::new(),
            schedule: Schedule::default(),
            holders: IndexList::default(),
            sockets,
            reassembly,
            connections: ConnectionCounters::default(),
            exchanges: ExchangeCounters::default(),
            limits: LimitCounters::default(),
            parser_bytes: 0,
            now: Timestamp::default(),
            observer,
        }
    }

    /// Something happened on a connection.
    #[inline]
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Chunk(chunk) => self.chunk(chunk),
            Event::Opened(opened) => self.opened(opened),
            Event::Closed(closed) => self.closed(closed),
            Event::EndOfStream(end) => self.end_of_stream(end),
            Event::Failed(failed) => {
                self.advance(failed.at);
                self.observer.connection_failed(failed);
            }
            Event::Datagram(datagram) => {
                self.advance(datagram.at);
                self.sockets.datagram(datagram, self.now, of_sockets!(self));
            }
        }
    }

    /// Time has passed: gives up what has waited too long. Wanted every few milliseconds; it costs what is due and no more.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = now;
        for _ in 0..LOOKS_PER_TICK {
            let Some(index) = self.schedule.next_due(now) else { break };
            self.look(index);
        }
        let mut budget = IDLE_PER_TICK;
        while let Some(index) = self.table.next_idle(now, self.settings.idle_timeout, &mut budget) {
            self.connections.evicted_idle += 1;
            self.forget(index, CloseReason::Timeout);
        }
        self.sockets.tick(now, of_sockets!(self));
        self.observer.tick(now);
    }

    /// The observation ends: reports what is unfinished on every connection, and forgets them all.
    pub fn finish(&mut self, now: Timestamp) {
        self.now = now;
        while let Some(index) = self.table.least_recently_used() {
            self.remove(index, CloseReason::Evicted, None, now);
        }
        self.sockets.finish(of_sockets!(self));
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let open = self.table.len() as u64;
        Counters {
            connections: ConnectionCounters { open, ..self.connections },
            sockets: self.sockets.counters(),
            streams: self.reassembly.counters,
            exchanges: self.exchanges,
            limits: self.limits,
        }
    }

    /// Memory that chunks out of order, unfinished messages and waiting questions take, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.reassembly.held_bytes() + self.parser_bytes + self.sockets.held_bytes()
    }

    /// What a connection costs in the table, beside what its parser allocates, in bytes.
    #[must_use]
    pub const fn bytes_per_connection() -> usize {
        Table::<Connection>::bytes_per_place() + Schedule::BYTES_PER_PLACE + IndexList::BYTES_PER_PLACE
    }

    /// Places for connections that were made, taken or free.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.table.places()
    }

    /// Who is told.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Who is told, to be changed or emptied.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Who was told.
    #[must_use]
    pub fn into_observer(self) -> O {
        self.observer
    }

    fn opened(&mut self, opened: &Opened) {
        self.advance(opened.at);
        // Datagrams need no connection, and a known one may be announced again by a source that cannot be sure.
        if opened.transport == Transport::Udp || self.table.find(opened.connection).is_some() {
            return;
        }
        while self.table.len() >= self.settings.connections.max(1) {
            let Some(index) = self.table.least_recently_used() else { break };
            self.connections.evicted_full += 1;
            self.forget(index, CloseReason::Evicted);
        }
        let index = self.table.insert(opened.connection, Connection::new(opened), self.now);
        self.connections.opened += 1;
        self.observer.opened(opened);
        self.schedule.plan(index, Pace::Quiet, self.now);
    }

    /// Takes in what a call or a packet carried.
    #[inline]
    pub fn chunk(&mut self, chunk: &Chunk<'_>) {
        self.connections.chunks += 1;
        self.connections.bytes += u64::from(chunk.length);
        self.advance(chunk.at);
        let Some(index) = self.table.find(chunk.connection) else {
            self.connections.unknown_connection_chunks += 1;
            return;
        };
        self.table.touch(index, self.now);
        if let Some(connection) = self.table.get_mut(index) {
            connection.chunk(chunk, surroundings!(self));
            if chunk.bytes.len() >= LARGE_CALL_BYTES
                && let Some((State::Parsing(protocol), _)) = connection.parsing()
                && !protocol.needs_whole_calls()
                && !std::mem::replace(&mut connection.beginnings_suffice, true)
            {
                self.observer.copy_beginnings(chunk.connection);
            }
            self.settle(index, chunk.connection, true);
        }
    }

    fn end_of_stream(&mut self, end: &EndOfStream) {
        self.advance(end.at);
        let Some(index) = self.table.find(end.connection) else { return };
        self.table.touch(index, self.now);
        if let Some(connection) = self.table.get_mut(index) {
            connection.end_of_stream(end, surroundings!(self));
            self.settle(index, end.connection, true);
        }
    }

    fn closed(&mut self, closed: &Closed) {
        self.advance(closed.at);
        let Some(index) = self.table.find(closed.connection) else { return };
        let reason = if closed.reset { CloseReason::Reset } else { CloseReason::Closed };
        self.connections.closed += 1;
        self.remove(index, reason, Some(closed), closed.at);
    }

    /// Gives a connection that is due the chance to give up what it waits for, and plans the next look.
    fn look(&mut self, index: u32) {
        let now = self.now;
        let Some(id) = self.table.id(index) else { return self.schedule.remove(index) };
        if let Some(connection) = self.table.get_mut(index) {
            connection.tick(now, surroundings!(self));
        }
        self.settle(index, id, false);
        let Some(connection) = self.table.get_mut(index) else { return };
        if connection.parsing().is_none() {
            return self.schedule.remove(index);
        }
        if connection.parser_bytes == 0 {
            self.holders.remove(index);
        } else if !self.holders.contains(index) {
            self.holders.move_to_back(index);
        }
        let pace = if connection.is_holding() {
            Pace::Holding
        } else if self.table.used(index).is_some_and(|used| now.since(used) < Pace::Lively.delay()) {
            Pace::Lively
        } else {
            Pace::Quiet
        };
        self.schedule.plan(index, pace, now);
    }

    /// Draws the consequences after a conversation was told something.
    #[inline]
    fn settle(&mut self, index: u32, id: ConnectionId, event: bool) {
        let Some(connection) = self.table.get_mut(index) else { return };
        let Some((state, held)) = connection.parsing() else { return };
        if state == State::Ignored {
            self.parser_bytes -= std::mem::take(&mut connection.parser_bytes);
            connection.stop_parsing(&mut self.reassembly);
            self.schedule.remove(index);
            self.holders.remove(index);
            self.connections.ignored += 1;
            self.observer.ignore(id);
            return;
        }
        self.parser_bytes = self.parser_bytes - connection.parser_bytes + held;
        connection.parser_bytes = held;
        if event {
            let pace = if connection.is_holding() { Pace::Holding } else { Pace::Lively };
            self.schedule.wake(index, pace, self.now);
        }
        if self.parser_bytes > self.settings.parser_bytes {
            self.make_room(index);
        }
    }

    /// Starts conversations anew, those first that have held something for longest, until all together hold no more
    /// than they may. `current` is the one that just grew.
    #[cold]
    fn make_room(&mut self, current: u32) {
        while self.parser_bytes > self.settings.parser_bytes {
            let index = self.holders.front().unwrap_or(current);
            self.holders.remove(index);
            let Some(connection) = self.table.get_mut(index) else { return };
            let before = connection.parser_bytes;
            connection.restart(self.now, surroundings!(self));
            connection.parser_bytes = connection.parsing().map_or(0, |(_, held)| held);
            self.parser_bytes = self.parser_bytes - before + connection.parser_bytes;
            self.connections.restarted += 1;
            if index == current {
                return;
            }
        }
    }

    /// Drops a connection that goes on.
    fn forget(&mut self, index: u32, reason: CloseReason) {
        if let Some(id) = self.remove(index, reason, None, self.now) {
            self.observer.forgotten(id);
        }
    }

    fn remove(
        &mut self,
        index: u32,
        reason: CloseReason,
        closed: Option<&Closed>,
        at: Timestamp,
    ) -> Option<ConnectionId> {
        let (id, mut connection) = self.table.remove(index)?;
        self.schedule.remove(index);
        self.holders.remove(index);
        self.parser_bytes -= connection.parser_bytes;
        connection.close(reason, closed, at, surroundings!(self));
        Some(id)
    }

    #[inline]
    fn advance(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }
}
