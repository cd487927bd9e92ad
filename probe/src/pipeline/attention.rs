//! How much is looked at: all connections, some, or none but for their lives.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use crate::capture::{ConnectionId, Verdicts};

/// Of how many connections one is followed when only some are.
const ONE_OF: u64 = 8;

/// Connections left aside that are taken up again when everything is looked at once more; of those beyond, only lives
/// are told until they end.
const REMEMBERED: usize = 65_536;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Attention {
    /// Everything.
    #[default]
    Everything,
    /// One connection of eight. Of the others only the lives: openings, ends, bytes, retransmits.
    Sample,
    /// Only the lives.
    Lives,
}

impl Attention {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Everything,
            1 => Self::Sample,
            _ => Self::Lives,
        }
    }

    /// Whether bytes of that connection are wanted. The same connections stay in the sample.
    #[must_use]
    const fn wants(self, connection: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Sample => (connection.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(ONE_OF),
            Self::Lives => false,
        }
    }
}

/// What is asked for, by whoever watches over the process.
#[derive(Debug, Default)]
pub(super) struct Asked {
    attention: AtomicU8,
    /// Calls whose bytes were not looked at.
    left_aside: AtomicU64,
}

impl Asked {
    pub(super) fn set(&self, attention: Attention) {
        self.attention.store(attention as u8, Ordering::Relaxed);
    }

    pub(super) fn left_aside(&self) -> u64 {
        self.left_aside.load(Ordering::Relaxed)
    }
}

/// Keeps to it, on the draining thread.
pub(super) struct Keeper {
    verdicts: Arc<Mutex<Verdicts>>,
    holds: Attention,
    aside: Vec<u64>,
}

impl Keeper {
    pub(super) const fn new(verdicts: Arc<Mutex<Verdicts>>) -> Self {
        Self { verdicts, holds: Attention::Everything, aside: Vec::new() }
    }

    /// Takes up what is asked for. Where more is looked at than before, connections that were left aside are announced
    /// again, and are followed from there.
    pub(super) fn follow(&mut self, asked: &Asked) {
        let attention = Attention::of(asked.attention.load(Ordering::Relaxed));
        if attention == self.holds {
            return;
        }
        self.holds = attention;
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        self.aside.retain(|&connection| {
            let stays = !attention.wants(connection);
            if !stays {
                verdicts.announce(ConnectionId(connection));
            }
            stays
        });
    }

    /// Whether a record of bytes goes to a worker. If not, the kernel is told to copy no more of that connection.
    #[inline]
    pub(super) fn wants(&mut self, connection: u64, asked: &Asked) -> bool {
        self.holds == Attention::Everything || self.holds.wants(connection) || self.leave(connection, asked)
    }

    #[cold]
    fn leave(&mut self, connection: u64, asked: &Asked) -> bool {
        asked.left_aside.fetch_add(1, Ordering::Relaxed);
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).ignore(ConnectionId(connection));
        // Records that were on their way already follow one another.
        if self.aside.len() < REMEMBERED && self.aside.last() != Some(&connection) {
            self.aside.push(connection);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_an_eighth_and_always_the_same() {
        let followed = (0..80_000_u64).filter(|&connection| Attention::Sample.wants(connection)).count();
        assert!((9_000..11_000).contains(&followed), "{followed}");
        assert!((0..1000).all(|connection| Attention::Everything.wants(connection)));
        assert!(!(0..1000).any(|connection| Attention::Lives.wants(connection)));
    }

    #[test]
    fn numbers_stand_for_what_they_came_from() {
        for attention in [Attention::Everything, Attention::Sample, Attention::Lives] {
            assert_eq!(Attention::of(attention as u8), attention);
        }
    }
}
