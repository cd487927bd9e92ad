//! Reads the rings that the kernel programs write what calls moved into, some for each CPU, in order of time.
//!
//! The code is `unsafe` where the rings are memory that the kernel writes. What makes reading it sound is
//! told in `probe_ebpf::ring`: bytes below `written` are not touched again by the kernel until `read` has passed them.
#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::{
    io,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use probe_ebpf::{
    record::{self, ChunkRecord, DatagramRecord, Header, PAYLOAD_PER_RECORD, kind},
    ring::{
        Cursor, NEAR_SEGMENTS, NESTED_SEGMENTS, RINGS_OF_FIRST_LANE, SEGMENT_ROOM, after, segment, within,
    },
};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Memory of a map, given back when dropped.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory belongs to nobody else in this process, and is used through `&mut` or atomics only.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(map: BorrowedFd<'_>, bytes: usize, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at an address that the kernel chooses overlaps nothing.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, protection, MapFlags::SHARED, map, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that was made, and nothing borrows from it any longer.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok(), "a mapping is there until it is dropped");
    }
}

/// Segments of each CPU's rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segments {
    /// Of the near ring: a power of two.
    pub(super) near: u32,
    /// Of the far ring, zero if there is none.
    pub(super) far: u32,
    /// Lanes of the CPU.
    pub(super) lanes: u32,
}

impl Segments {
    /// So many for both rings of the first lane together, at least one, and some for each further lane.
    pub(super) const fn divided(together: u32, lanes: u32) -> Self {
        if together > NEAR_SEGMENTS {
            Self { near: NEAR_SEGMENTS, far: together - NEAR_SEGMENTS, lanes }
        } else {
            // A position is masked with it. The rest is too little for another ring.
            Self { near: if together == 0 { 1 } else { 1 << together.ilog2() }, far: 0, lanes }
        }
    }

    /// Of the ring of each further lane: a power of two.
    pub(super) const fn nested(self) -> u32 {
        if self.near < NESTED_SEGMENTS { self.near } else { NESTED_SEGMENTS }
    }

    /// Of all rings of a CPU.
    pub(super) const fn together(self) -> u32 {
        self.near + self.far + (self.lanes - 1) * self.nested()
    }

    /// Places for the cursors of a CPU.
    pub(super) const fn cursors(self) -> u32 {
        RINGS_OF_FIRST_LANE - 1 + self.lanes
    }
}

/// One ring, and how far it was read.
#[derive(Debug, Clone, Copy)]
struct Ring {
    /// The place of its cursor.
    cursor: usize,
    /// Its first segment among those of all rings, and how many it has.
    first: u64,
    segments: u64,
    /// Where the next record begins.
    position: u64,
    /// Where the present pass ends.
    end: u64,
    /// The time of the next record, [`u64::MAX`] if there is none in this pass.
    time_ns: u64,
}

/// The rings of a CPU, of which nothing was read.
fn rings(cpu: usize, segments: Segments) -> impl Iterator<Item = Ring> {
    let Segments { near, far, lanes } = segments;
    let base = cpu as u64 * u64::from(segments.together());
    let unread =
        |cursor, first, segments| Ring { cursor, first, segments, position: 0, end: 0, time_ns: u64::MAX };
    let cursor = cpu * segments.cursors() as usize;
    let near_ring = unread(cursor, base, u64::from(near));
    let far_ring = unread(cursor + 1, base + u64::from(near), u64::from(far));
    let nested = u64::from(segments.nested());
    let further = (1..lanes).map(move |lane| {
        let first = base + u64::from(near + far) + u64::from(lane - 1) * nested;
        unread(cursor + (RINGS_OF_FIRST_LANE - 1 + lane) as usize, first, nested)
    });
    std::iter::once(near_ring).chain((far > 0).then_some(far_ring)).chain(further)
}

/// The rings of all CPUs.
pub(super) struct Rings {
    cursors: Mapping,
    records: Mapping,
    rings: Vec<Ring>,
    /// Those that had something to read when the present pass began.
    active: Vec<usize>,
    unreadable: u64,
}

impl Rings {
    /// Maps the rings of so many CPUs.
    pub(super) fn new(
        cursors: BorrowedFd<'_>,
        records: BorrowedFd<'_>,
        cpus: usize,
        segments: Segments,
    ) -> io::Result<Self> {
        let both = ProtFlags::READ | ProtFlags::WRITE;
        Ok(Self {
            cursors: Mapping::new(cursors, cpus * segments.cursors() as usize * size_of::<Cursor>(), both)?,
            records: Mapping::new(
                records,
                cpus * segments.together() as usize * SEGMENT_ROOM,
                ProtFlags::READ,
            )?,
            rings: (0..cpus).flat_map(|cpu| rings(cpu, segments)).collect(),
            active: Vec::with_capacity(cpus * segments.cursors() as usize),
            unreadable: 0,
        })
    }

    /// Records that no program writes, which ended the reading of what was in a ring at that moment.
    pub(super) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Fixes where the next pass ends: at what is written by now.
    pub(super) fn begin_pass(&mut self) {
        self.active.clear();
        for ring in 0..self.rings.len() {
            let end = self.word(ring, std::mem::offset_of!(Cursor, written)).load(Ordering::Acquire);
            self.rings[ring].end = end;
            self.look(ring);
            if self.rings[ring].time_ns != u64::MAX {
                self.active.push(ring);
            }
        }
    }

    /// Calls `take` with each record of the pass, in order of time. Gives how many there were.
    pub(super) fn pass(&mut self, mut take: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while let Some((ring, until)) = self.earliest() {
            // Records of one ring come in runs: what is earlier than any of another needs no further comparison.
            while self.rings[ring].time_ns <= until {
                let position = self.rings[ring].position;
                let Some(record) = self.record(ring, position) else {
                    self.unreadable += 1;
                    self.rings[ring].position = self.rings[ring].end;
                    self.release(ring);
                    self.look(ring);
                    break;
                };
                let next = after(position, record.len() as u64);
                self.fetch_ahead(ring, next);
                take(record);
                count += 1;
                self.rings[ring].position = next;
                if segment(next) != segment(position) {
                    self.release(ring);
                }
                self.look(ring);
                if self.rings[ring].time_ns == u64::MAX {
                    break;
                }
            }
        }
        for &ring in &self.active {
            self.release(ring);
        }
        count
    }

    /// The ring whose next record is the earliest, and the time of the earliest of all others.
    fn earliest(&self) -> Option<(usize, u64)> {
        let (mut first, mut second, mut earliest) = (u64::MAX, u64::MAX, None);
        for &ring in &self.active {
            let time_ns = self.rings[ring].time_ns;
            if time_ns < first {
                second = first;
                first = time_ns;
                earliest = Some(ring);
            } else {
                second = second.min(time_ns);
            }
        }
        earliest.map(|ring| (ring, second))
    }

    /// Reads the time of a ring's next record.
    fn look(&mut self, ring: usize) {
        let Ring { position, end, .. } = self.rings[ring];
        self.rings[ring].time_ns = if position == end {
            u64::MAX
        } else {
            // A time that says there is no record would hide one.
            self.bytes(ring, position, size_of::<Header>())
                .and_then(record::read::<Header>)
                .map_or(0, |(header, _)| header.time_ns.min(u64::MAX - 1))
        };
    }

    /// Gives the kernel the room of what was read.
    fn release(&self, ring: usize) {
        let read = self.word(ring, std::mem::offset_of!(Cursor, read));
        read.store(self.rings[ring].position, Ordering::Release);
    }

    /// Has the next record come nearer while the present one is worked on: another CPU may have written it.
    fn fetch_ahead(&self, ring: usize, position: u64) {
        /// As much as most records of requests and responses take.
        const BYTES: usize = 256;
        const LINE: usize = 64;
        if let Some(ahead) = self.bytes(ring, position, BYTES) {
            for line in ahead.chunks(LINE) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: reads nothing as far as the program can tell, and every processor of this kind knows it.
                unsafe {
                    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
                    _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
                }
                #[cfg(not(target_arch = "x86_64"))]
                let _ = line;
            }
        }
    }

    /// The record at a position, which must lie before the end of the pass.
    fn record(&self, ring: usize, position: u64) -> Option<&[u8]> {
        let (header, _) = record::read::<Header>(self.bytes(ring, position, size_of::<Header>())?)?;
        let head = match header.kind {
            kind::CHUNK => size_of::<ChunkRecord>(),
            kind::DATAGRAM => size_of::<DatagramRecord>(),
            _ => return None,
        };
        let payload = header.captured_bytes as usize;
        if payload > PAYLOAD_PER_RECORD {
            return None;
        }
        self.bytes(ring, position, head + payload)
    }

    /// Bytes of a ring that the kernel has written and does not write again before they are released.
    fn bytes(&self, ring: usize, position: u64, count: usize) -> Option<&[u8]> {
        let Ring { first, segments, .. } = self.rings[ring];
        let index = first + segment(position) % segments;
        let start = usize::try_from(index).ok()? * SEGMENT_ROOM;
        let begin = usize::try_from(within(position)).ok()?;
        if begin + count > SEGMENT_ROOM || start + SEGMENT_ROOM > self.records.bytes {
            return None;
        }
        // SAFETY: within the mapping by the comparison above; nothing writes there while `self` is borrowed, because
        // only `release` lets the kernel go on and it is called between records.
        Some(unsafe { std::slice::from_raw_parts(self.records.start.as_ptr().add(start + begin), count) })
    }

    /// A word of a ring's cursor.
    fn word(&self, ring: usize, offset: usize) -> &AtomicU64 {
        let place = self.rings[ring].cursor * size_of::<Cursor>() + offset;
        assert!(place + 8 <= self.cursors.bytes, "a cursor of each ring is mapped");
        // SAFETY: within the mapping, aligned to eight bytes, and shared as words that are read and written whole.
        unsafe { AtomicU64::from_ptr(self.cursors.start.as_ptr().add(place).cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_ring_is_near_alone_and_a_large_one_has_a_far_part() {
        assert_eq!(Segments::divided(0, 1), Segments { near: 1, far: 0, lanes: 1 });
        assert_eq!(
            Segments::divided(NEAR_SEGMENTS - 1, 1),
            Segments { near: NEAR_SEGMENTS / 2, far: 0, lanes: 1 }
        );
        assert_eq!(Segments::divided(NEAR_SEGMENTS, 1), Segments { near: NEAR_SEGMENTS, far: 0, lanes: 1 });
        let large = Segments::divided(256, 1);
        assert_eq!((large.near, large.together()), (NEAR_SEGMENTS, 256));
    }

    #[test]
    fn no_two_rings_share_a_segment_or_a_cursor() {
        for lanes in [1, 3] {
            let segments = Segments { near: 8, far: 7, lanes };
            let all: Vec<_> = (0..3).flat_map(|cpu| rings(cpu, segments)).collect();
            let places: Vec<_> = all.iter().flat_map(|ring| ring.first..ring.first + ring.segments).collect();
            assert!(places.into_iter().eq(0..3 * u64::from(segments.together())));
            assert!(all.iter().map(|ring| ring.cursor).eq(0..3 * segments.cursors() as usize));
        }
    }
}
