//! Tells the kernel programs what userspace makes of a connection.

use aya::maps::{Array, MapData};
use probe_ebpf::record::verdict;

use super::ConnectionId;

/// The array that the programs look a connection up in.
pub struct Verdicts {
    words: Array<MapData, u64>,
    failures: u64,
}

impl Verdicts {
    pub(super) const fn new(words: Array<MapData, u64>) -> Self {
        Self { words, failures: 0 }
    }

    /// The connection's bytes are not wanted.
    pub fn ignore(&mut self, connection: ConnectionId) {
        self.say(connection, verdict::IGNORE);
    }

    /// The beginnings of what calls move on the connection suffice.
    pub fn copy_beginnings(&mut self, connection: ConnectionId) {
        self.say(connection, verdict::COPY_BEGINNINGS);
    }

    /// The connection must be announced again before its next chunk.
    pub fn announce(&mut self, connection: ConnectionId) {
        self.say(connection, verdict::ANNOUNCE);
    }

    /// How many verdicts the kernel did not take. Such a connection goes on being copied, or unknown.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    fn say(&mut self, ConnectionId(connection): ConnectionId, said: u64) {
        let word = verdict::word(connection, said);
        if self.words.set(verdict::slot(connection), word, 0).is_err() {
            self.failures += 1;
        }
    }
}
