//! What a worker counted. Everything is a total since the start unless its description says otherwise.

use plainsight_protocols::{Limit, Outcome};

/// Declares a struct of `u64` counters that can be summed over workers; no field can be forgotten in the sum.
macro_rules! counters {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl $name {
            /// Adds what another worker counted.
            pub fn merge(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// What the reassembly of streams came across.
    StreamCounters {
        /// Bytes that had been seen before: retransmissions and overlaps.
        duplicate_bytes,
        /// Bytes declared lost; losses of unknown length add nothing here, only to `gaps`.
        lost_bytes,
        /// Bytes that capture chose not to copy.
        not_copied_bytes,
        /// Stretches declared lost, of known length or not.
        gaps,
        /// Chunks that came before one that precedes them in the stream.
        reordered_chunks,
        /// Times a gap was declared because no more could be held, not because the wait was over.
        held_overflow,
        /// Chunks that claimed a place that another had claimed too, so that neither could be trusted.
        conflicting_chunks,
        /// Sequence numbers too far from all others of their stream to be explained: the stream started anew.
        resynchronised,
        /// Bytes past the end that a stream had announced.
        past_end_bytes,
    }
}

counters! {
    /// UDP sockets, and the datagrams that came for them.
    SocketCounters {
        /// Sockets entered into the table.
        opened,
        /// Sockets dropped to make room for another.
        evicted_full,
        /// Sockets dropped because nothing was seen of them for the idle timeout.
        evicted_idle,
        /// Sockets in the table now.
        open,
        /// Times that all questions of a socket were given up because all sockets together held too many.
        given_up,
        /// Datagrams, whatever became of them.
        datagrams,
        /// Datagrams that could be messages of a known protocol.
        messages,
    }
}

counters! {
    /// Exchanges reported, by outcome.
    ExchangeCounters {
        /// Request and response seen whole.
        complete,
        /// The connection ended, or was given up, before a response.
        no_response,
        /// Loss took a part.
        partial,
        /// Exchanges known to have taken place of which nothing could be reported.
        unobserved,
    }
}

/// What one worker counted; those of all workers are [merged](Counters::merge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Connections, chunks and bytes.
    pub connections: ConnectionCounters,
    /// UDP sockets and their datagrams.
    pub sockets: SocketCounters,
    /// The reassembly of the connections' streams.
    pub streams: StreamCounters,
    /// What was found in them.
    pub exchanges: ExchangeCounters,
    /// Where parsers ran into a bound.
    pub limits: LimitCounters,
}

/// How often parsers gave something up for a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitCounters([u64; Limit::ALL.len()]);

impl LimitCounters {
    /// How often this bound was reached.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit as usize).copied().unwrap_or(0)
    }

    pub(super) fn count(&mut self, limit: Limit) {
        if let Some(counter) = self.0.get_mut(limit as usize) {
            *counter += 1;
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        for (counter, count) in self.0.iter_mut().zip(other.0) {
            *counter += count;
        }
    }
}

impl Counters {
    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        let Self { connections, sockets, streams, exchanges, limits } = other;
        self.connections.merge(connections);
        self.sockets.merge(sockets);
        self.streams.merge(streams);
        self.exchanges.merge(exchanges);
        self.limits.merge(limits);
    }
}

impl ExchangeCounters {
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Complete => self.complete += 1,
            Outcome::NoResponse(_) => self.no_response += 1,
            Outcome::Partial => self.partial += 1,
        }
    }

    /// Exchanges that were reported, whatever became of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.complete + self.no_response + self.partial
    }
}

counters! {
    /// Connections, and the events that came for them.
    ConnectionCounters {
        /// Connections entered into the table.
        opened,
        /// Connections that ended.
        closed,
        /// Connections dropped to make room for another.
        evicted_full,
        /// Connections dropped because nothing was seen of them for the idle timeout.
        evicted_idle,
        /// Connections in the table now.
        open,
        /// Connections of which nothing is parsed: none of the known protocols, or no longer.
        ignored,
        /// Conversations started anew because all parsers together held too much.
        restarted,
        /// Chunks, whatever became of them.
        chunks,
        /// Bytes that the chunks' calls or packets moved, copied or not.
        bytes,
        /// Chunks of connections not in the table: their announcement was lost, or they were evicted.
        unknown_connection_chunks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_counter_of_its_own() {
        let mut counters = LimitCounters::default();
        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.count(limit));
        }
        let mut sum = counters;
        sum.merge(&counters);
        for (times, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(sum.get(limit), 2 * (times as u64 + 1), "{limit:?}");
        }
    }
}
