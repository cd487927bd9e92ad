//! Tells the kernel programs what userspace makes of a connection.

use aya::maps::{Array, MapData};
use probe_ebpf::record::verdict;

use super::ConnectionId;

/// The array that the programs look a connection up in.
pub struct Verdicts {
    words: Box<dyn Words + Send>,
    failures: u64,
}

/// Where verdicts are written.
trait Words {
    /// Writes one. Says whether it was taken.
    fn set(&mut self, slot: u32, word: u64) -> bool;
}

impl Words for Array<MapData, u64> {
    fn set(&mut self, slot: u32, word: u64) -> bool {
        Self::set(self, slot, word, 0).is_ok()
    }
}

impl Verdicts {
    pub(super) fn new(words: Array<MapData, u64>) -> Self {
        Self { words: Box::new(words), failures: 0 }
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
        if !self.words.set(verdict::slot(connection), word) {
            self.failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes verdicts for even slots only.
    struct Even(Vec<u64>);

    impl Words for Even {
        fn set(&mut self, slot: u32, word: u64) -> bool {
            self.0.push(word);
            slot.is_multiple_of(2)
        }
    }

    #[test]
    fn verdicts_that_the_kernel_does_not_take_are_counted() {
        let mut verdicts = Verdicts { words: Box::new(Even(Vec::new())), failures: 0 };
        let refused = (0..100).filter(|&id| !verdict::slot(id).is_multiple_of(2)).count() as u64;
        assert!((1..100).contains(&refused));
        for id in 0..100 {
            verdicts.ignore(ConnectionId(id));
        }
        assert_eq!(verdicts.failures(), refused);
        for id in 0..100 {
            verdicts.copy_beginnings(ConnectionId(id));
            verdicts.announce(ConnectionId(id));
        }
        assert_eq!(verdicts.failures(), 3 * refused);
    }
}
