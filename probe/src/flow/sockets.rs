//! The UDP sockets of one worker: each with what it asks and is asked, whomever it talks to.
//!
//! A socket is entered with its first datagram that could be a message of a known protocol, not before: most sockets
//! carry something else. It needs no announcement, and nothing is lost with one that is forgotten but the questions that
//! wait on it.

use plainsight_protocols::{
    CloseReason, Datagram as Told, DatagramEnds, DatagramSink, Exchange, Limit, Protocol, Side, Timestamp,
    dns,
};

use super::counters::{ExchangeCounters, LimitCounters, SocketCounters};
use super::index_list::IndexList;
use super::schedule::{Pace, Schedule};
use super::table::Table;
use super::worker::WorkerSettings;
use super::{Observed, Observer};
use crate::capture::{ConnectionId, Datagram, Flow, Process};

/// Sockets looked at in one tick, at most; the rest is due at the next.
const LOOKS_PER_TICK: usize = 4096;
/// Idle sockets considered in one tick, at most.
const IDLE_PER_TICK: usize = 256;

/// A socket in the table.
struct Socket {
    datagrams: dns::Datagrams<Process>,
    held: usize,
}

/// The sockets.
pub(super) struct Sockets {
    table: Table<Socket>,
    schedule: Schedule,
    /// Sockets on which questions wait, those that have had some for longest first.
    holders: IndexList,
    counters: SocketCounters,
    held: usize,
    /// When the first datagram or tick came.
    observed_since: Option<Timestamp>,
    on_the_wire: bool,
}

/// What sockets work with beside themselves: the parts of their worker.
pub(super) struct Surroundings<'a, O> {
    pub(super) settings: &'a WorkerSettings,
    pub(super) exchanges: &'a mut ExchangeCounters,
    pub(super) limits: &'a mut LimitCounters,
    pub(super) observer: &'a mut O,
}

impl Sockets {
    /// None yet. `on_the_wire` says that datagrams are packets of a capture.
    pub(super) fn new(on_the_wire: bool) -> Self {
        Self {
            table: Table::new(),
            schedule: Schedule::default(),
            holders: IndexList::default(),
            counters: SocketCounters::default(),
            held: 0,
            observed_since: None,
            on_the_wire,
        }
    }

    pub(super) fn counters(&self) -> SocketCounters {
        SocketCounters { open: self.table.len() as u64, ..self.counters }
    }

    /// Bytes that waiting questions take.
    pub(super) const fn held_bytes(&self) -> usize {
        self.held
    }

    pub(super) fn datagram<O: Observer>(
        &mut self,
        datagram: &Datagram<'_>,
        now: Timestamp,
        mut around: Surroundings<'_, O>,
    ) {
        self.counters.datagrams += 1;
        let observed_since = *self.observed_since.get_or_insert(datagram.at);
        let index = match self.table.find(datagram.connection) {
            Some(index) => index,
            None if !around.settings.protocols.wanted.includes(Protocol::Dns)
                || !dns::is_message(datagram.bytes, datagram.length) =>
            {
                return;
            }
            None => {
                while self.table.len() >= around.settings.sockets.max(1) {
                    let Some(index) = self.table.least_recently_used() else { break };
                    self.counters.evicted_full += 1;
                    self.remove(index, CloseReason::Evicted, &mut around);
                }
                self.counters.opened += 1;
                let datagrams = dns::Datagrams::new(observed_since, self.on_the_wire);
                self.table.insert(datagram.connection, Socket { datagrams, held: 0 }, now)
            }
        };
        self.table.touch(index, now);
        let told = Told {
            sent: datagram.flow == Flow::Sent,
            at: datagram.at,
            local: datagram.local,
            remote: datagram.remote,
            length: datagram.length,
            bytes: datagram.bytes,
            tag: datagram.process,
        };
        let Some(socket) = self.table.get_mut(index) else { return };
        let mut report = around.report(datagram.connection, self.on_the_wire);
        if socket.datagrams.datagram(&told, &mut report) {
            self.counters.messages += 1;
            self.settle(index, now, &mut around);
        }
    }

    /// Time has passed: gives up what has waited too long.
    pub(super) fn tick<O: Observer>(&mut self, now: Timestamp, mut around: Surroundings<'_, O>) {
        self.observed_since.get_or_insert(now);
        for _ in 0..LOOKS_PER_TICK {
            let Some(index) = self.schedule.next_due(now) else { break };
            self.schedule.remove(index);
            let Some(id) = self.table.id(index) else { continue };
            if let Some(socket) = self.table.get_mut(index) {
                socket.datagrams.tick(now, &mut around.report(id, self.on_the_wire));
                self.settle(index, now, &mut around);
            }
        }
        let mut budget = IDLE_PER_TICK;
        while let Some(index) = self.table.next_idle(now, around.settings.socket_idle_timeout, &mut budget) {
            self.counters.evicted_idle += 1;
            self.remove(index, CloseReason::Timeout, &mut around);
        }
    }

    /// The observation ends: reports the questions that wait, and forgets every socket.
    pub(super) fn finish<O: Observer>(&mut self, mut around: Surroundings<'_, O>) {
        while let Some(index) = self.table.least_recently_used() {
            self.remove(index, CloseReason::Evicted, &mut around);
        }
    }

    /// Draws the consequences after a socket was told something.
    #[inline]
    fn settle<O: Observer>(&mut self, index: u32, now: Timestamp, around: &mut Surroundings<'_, O>) {
        let Some(socket) = self.table.get_mut(index) else { return };
        let held = socket.datagrams.held_bytes();
        self.held = self.held - socket.held + held;
        socket.held = held;
        if held == 0 {
            self.holders.remove(index);
            // What is planned for it finds nothing to do, which costs less than planning with every question.
            return;
        }
        let pace = if socket.datagrams.is_holding() { Pace::Lively } else { Pace::Quiet };
        self.schedule.wake(index, pace, now);
        if !self.holders.contains(index) {
            self.holders.move_to_back(index);
        }
        while self.held > around.settings.socket_bytes {
            let Some(index) = self.holders.front() else { break };
            self.give_up_questions(index, around);
        }
    }

    #[cold]
    fn give_up_questions<O: Observer>(&mut self, index: u32, around: &mut Surroundings<'_, O>) {
        self.holders.remove(index);
        self.counters.given_up += 1;
        let Some(id) = self.table.id(index) else { return };
        let Some(socket) = self.table.get_mut(index) else { return };
        socket.datagrams.close(CloseReason::Evicted, &mut around.report(id, self.on_the_wire));
        let held = socket.datagrams.held_bytes();
        self.held = self.held - socket.held + held;
        socket.held = held;
    }

    fn remove<O: Observer>(&mut self, index: u32, reason: CloseReason, around: &mut Surroundings<'_, O>) {
        let Some((id, mut socket)) = self.table.remove(index) else { return };
        self.schedule.remove(index);
        self.holders.remove(index);
        self.held -= socket.held;
        socket.datagrams.close(reason, &mut around.report(id, self.on_the_wire));
    }
}

impl<O: Observer> Surroundings<'_, O> {
    fn report(&mut self, connection: ConnectionId, on_the_wire: bool) -> Report<'_, O> {
        let Self { exchanges, limits, observer, .. } = self;
        Report { connection, on_the_wire, exchanges, limits, observer }
    }
}

/// Gives an exchange its context, and counts it.
struct Report<'a, O> {
    connection: ConnectionId,
    on_the_wire: bool,
    exchanges: &'a mut ExchangeCounters,
    limits: &'a mut LimitCounters,
    observer: &'a mut O,
}

impl<O: Observer> DatagramSink<Process> for Report<'_, O> {
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, process: &Process) {
        self.exchanges.count(exchange.outcome);
        let DatagramEnds { mut local, mut remote, mut side } = *ends;
        if self.on_the_wire && side == Side::Client {
            // A capture is seen from the server, whichever end was taken for it before anything was said.
            (local, remote, side) = (remote, local, Side::Server);
        }
        let (connection, process) = (self.connection, *process);
        self.observer.exchange(&Observed {
            exchange,
            connection,
            local,
            remote,
            side,
            process,
            request_sequence: None,
            response_sequence: None,
        });
    }

    fn limited(&mut self, limit: Limit) {
        self.limits.count(limit);
    }
}

/// What a socket costs in the table, beside the questions that wait on it, in bytes.
#[cfg(test)]
pub(super) const fn bytes_per_socket() -> usize {
    Table::<Socket>::bytes_per_place() + Schedule::BYTES_PER_PLACE + IndexList::BYTES_PER_PLACE
}
