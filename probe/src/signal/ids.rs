//! Random identifiers for traces and spans.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, Read as _},
};

/// A byte as two hexadecimal digits, as identifiers are written.
#[inline]
pub(crate) fn hexadecimal(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Fills a buffer from the system's source of randomness.
///
/// # Errors
/// If there is none, as in a bare chroot.
pub(crate) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    File::open("/dev/urandom")?.read_exact(bytes)
}

/// Makes trace and span identifiers (W3C Trace Context section 3.2.2: random, not all zero).
///
/// A xoshiro256++ generator (Blackman and Vigna, 2019) whose 256 bits of state come from the operating system, so that
/// the identifiers of many probes do not meet. Fast, and not for secrets: who sees some identifiers can foretell others.
#[derive(Debug, Clone)]
pub struct IdGenerator {
    state: [u64; 4],
}

impl IdGenerator {
    /// A generator seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        let mut seed = [0_u8; 32];
        if fill_random(&mut seed).is_err() {
            // Without /dev (a bare chroot), the keys of the standard library's hash maps are the system's randomness.
            for part in seed.chunks_exact_mut(8) {
                part.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
            }
        }
        Self::from_seed(seed)
    }

    /// A generator that gives the same identifiers for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(seed.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        if state == [0; 4] {
            // The one state that xoshiro never leaves.
            state[0] = 1;
        }
        Self { state }
    }

    /// Identity of a new trace.
    pub fn trace_id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next().to_be_bytes());
        id[8..].copy_from_slice(&self.span_id());
        id
    }

    /// Identity of a new span.
    pub fn span_id(&mut self) -> [u8; 8] {
        // All zero means "none" on the wire.
        self.next().max(1).to_be_bytes()
    }

    fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.state;
        let result = s0.wrapping_add(*s3).rotate_left(23).wrapping_add(*s0);
        let shifted = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= shifted;
        *s3 = s3.rotate_left(45);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_are_distinct_and_never_zero() {
        let mut ids = IdGenerator::from_system();
        let spans: HashSet<_> = (0..10_000).map(|_| ids.span_id()).collect();
        let traces: HashSet<_> = (0..10_000).map(|_| ids.trace_id()).collect();
        assert_eq!((spans.len(), traces.len()), (10_000, 10_000));
        assert!(!spans.contains(&[0; 8]) && !traces.contains(&[0; 16]));
    }

    #[test]
    fn two_generators_from_the_system_differ() {
        assert_ne!(IdGenerator::from_system().trace_id(), IdGenerator::from_system().trace_id());
    }

    #[test]
    fn the_sequence_is_that_of_the_reference_implementation() {
        let mut seed = [0; 32];
        for (word, place) in (1_u64..).zip([0, 8, 16, 24]) {
            seed[place..place + 8].copy_from_slice(&word.to_le_bytes());
        }
        let mut ids = IdGenerator::from_seed(seed);
        assert_eq!([ids.next(), ids.next(), ids.next()], [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn a_seed_of_zeros_still_gives_identifiers() {
        let mut ids = IdGenerator::from_seed([0; 32]);
        assert_ne!(ids.trace_id(), ids.trace_id());
    }
}
