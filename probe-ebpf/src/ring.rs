//! The rings that carry what calls moved: two for each CPU, written by programs on it and read by userspace, both in
//! memory that they share.
//!
//! The near ring is short enough to stay in a CPU's cache, and all that is needed while userspace keeps up. What finds it
//! full goes into the far ring, which is as long as its owner can afford, and userspace is woken. Each holds records in
//! order of time, by which they are read.
//!
//! Against the kernel's own ring buffer nothing is locked, nothing is copied twice and no helper is called, because a
//! ring has one writer at a time: programs at calls do not interrupt each other on a CPU. Where a kernel lets them, there
//! are [`LANES`]: a program takes one that no other has, and each beside the first has a ring of its own. (Programs that
//! may run in interrupts send their records through the kernel's ring buffer.)
//!
//! A ring is a number of segments. A record begins within [`SEGMENT_BYTES`] of its segment and may reach into the rest of
//! [`SEGMENT_ROOM`], so that no record is split; the one after it then begins the next segment. A position counts
//! segments in its upper bits and bytes in the lower ones, never wraps, and says by itself where the next one is.

use crate::record::Plain;

/// Where records may begin in a segment: a power of two.
pub const SEGMENT_BYTES: u64 = 32 << 10;

/// What a segment takes: the largest record, and as much again for the verifier, which adds up what masks allow.
pub const SEGMENT_ROOM: usize = (SEGMENT_BYTES as usize) + (16 << 10);

/// Segments of a near ring, at most: a quarter of a megabyte, which is a quarter of the second cache of most processors
/// and, with records of usual size, what a saturated CPU moves between two passes.
pub const NEAR_SEGMENTS: u32 = 8;

/// The rings of a CPU's first lane, by the place of their cursors: near and far. Those of further lanes follow, one each.
pub const RINGS_OF_FIRST_LANE: u32 = 2;

/// How many programs at calls may be at work on a CPU at once, all but one of them preempted, on a kernel that preempts
/// them.
pub const LANES: u32 = 3;

/// Segments of the ring of a lane beside the first, at most: what a CPU moves in the time for which a thread is set aside.
pub const NESTED_SEGMENTS: u32 = 4;

/// Hooks whose programs may be preempted.
pub const HOOKS: usize = 7;

/// Where a record begins: at a multiple of this.
pub const ALIGNMENT: u64 = 8;

/// How far a ring was written and read. The two ends are on cache lines of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Cursor {
    /// Position past the last record that is whole. Written by programs.
    pub written: u64,
    /// Not zero while a program has the lane.
    pub busy: u64,
    /// The thread at whose call that program runs.
    pub owner: u64,
    /// One more than the place in `running` of that program, zero if it is not to be cleared.
    pub program: u64,
    /// Of a CPU's first lane: which programs of each hook, a byte each, are at work on the CPU, or were set aside while
    /// they were. The kernel leaves them out for other threads on the CPU until they have ended.
    pub running: [[u8; 8]; HOOKS],
    /// Where the program that has the turn makes a number of a pointer.
    pub number: u64,
    /// The set of cgroups that a thread on the CPU was last found in, its id, and when it was read.
    pub groups: u64,
    /// Id of the cgroup of `groups` in the version 2 hierarchy.
    pub cgroup: u64,
    /// When `cgroup` was read.
    pub cgroup_ns: u64,
    /// The position for which userspace was last woken, because there was no room.
    pub woken: u64,
    /// Position up to which userspace has read. Written by userspace.
    pub read: u64,
    apart_too: [u64; 15],
}

// SAFETY: integers only, and the size below shows that nothing lies between them.
unsafe impl Plain for Cursor {}

const _: () = assert!(
    size_of::<Cursor>() == 256
        && core::mem::offset_of!(Cursor, read) == 128
        && SEGMENT_BYTES.is_power_of_two()
);

/// The number of the segment, of all that ever were, that a position lies in.
#[must_use]
#[inline(always)]
pub const fn segment(position: u64) -> u64 {
    position / SEGMENT_BYTES
}

/// Where in its segment a position lies.
#[must_use]
#[inline(always)]
pub const fn within(position: u64) -> u64 {
    position & (SEGMENT_BYTES - ALIGNMENT)
}

/// The position behind a record of so many bytes.
#[must_use]
#[inline(always)]
pub const fn after(position: u64, bytes: u64) -> u64 {
    let next = within(position) + bytes.next_multiple_of(ALIGNMENT);
    let begin = segment(position) * SEGMENT_BYTES;
    if next < SEGMENT_BYTES { begin + next } else { begin + SEGMENT_BYTES }
}
