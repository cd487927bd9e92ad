//! The offsets and the clock that the steps of a connection have.

use plainsight_protocols::{Direction, Gap, Segment, Timestamp};

use super::{Sent, Step};

/// Time from one step to the next.
const STEP_NANOS: u64 = 100_000;

/// Places the steps of a connection, one after the other.
#[derive(Debug)]
pub struct Clock {
    now: u64,
    offsets: [u64; 2],
    swapped: bool,
}

/// A step at its place.
#[derive(Debug)]
pub enum Placed<'a> {
    /// Bytes.
    Segment(Segment<'a>),
    /// Bytes that were not seen.
    Gap(Gap),
}

impl Clock {
    /// A clock that starts at the step of this number. The offsets begin with zero if the connection is seen `from_start`;
    /// `swapped`, what the client sent is told to have been sent by the server.
    #[must_use]
    pub const fn new(step: usize, from_start: bool, swapped: bool) -> Self {
        let now = 1_000_000_000 + step as u64 * STEP_NANOS;
        Self { now, offsets: if from_start { [0, 0] } else { [5_000, 90_000] }, swapped }
    }

    /// The time of the last step.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    /// Places the next step.
    pub fn place<'a>(&mut self, step: &'a Step) -> Placed<'a> {
        self.now += STEP_NANOS;
        let at = self.now();
        let direction = if self.swapped { step.direction.opposite() } else { step.direction };
        let own = usize::from(direction == Direction::ToClient);
        let offset = self.offsets[own];
        match &step.sent {
            Sent::Bytes(bytes) => {
                self.offsets[own] += bytes.len() as u64;
                let opposite_offset = Some(self.offsets[1 - own]);
                Placed::Segment(Segment { direction, at, offset, opposite_offset, bytes })
            }
            Sent::Gap(bytes, cause) => {
                self.offsets[own] += bytes;
                Placed::Gap(Gap { direction, at, offset, bytes: *bytes, cause: *cause })
            }
        }
    }
}
