//! Reads the rings that the kernel programs write what calls moved into, one for each CPU, in order of time.
//!
//! This is the one module with `unsafe` code: the rings are memory that the kernel writes. What makes reading it sound is
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
    ring::{Cursor, SEGMENT_ROOM, after, segment, within},
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

/// How far one CPU's ring was read.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Where the next record begins.
    position: u64,
    /// Where the present pass ends.
    end: u64,
    /// The time of the next record, [`u64::MAX`] if there is none in this pass.
    time_ns: u64,
}

/// The rings of all CPUs.
pub(super) struct Rings {
    cursors: Mapping,
    records: Mapping,
    segments: u64,
    cpus: Vec<Progress>,
    unreadable: u64,
}

impl Rings {
    /// Maps the rings of so many CPUs, each of so many segments.
    pub(super) fn new(
        cursors: BorrowedFd<'_>,
        records: BorrowedFd<'_>,
        cpus: usize,
        segments: u32,
    ) -> io::Result<Self> {
        let segments = segments as usize;
        let both = ProtFlags::READ | ProtFlags::WRITE;
        Ok(Self {
            cursors: Mapping::new(cursors, cpus * size_of::<Cursor>(), both)?,
            records: Mapping::new(records, cpus * segments * SEGMENT_ROOM, ProtFlags::READ)?,
            segments: segments as u64,
            cpus: vec![Progress::default(); cpus],
            unreadable: 0,
        })
    }

    /// Records that no program writes, which ended the reading of what was in a ring at that moment.
    pub(super) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Fixes where the next pass ends: at what is written by now.
    pub(super) fn begin_pass(&mut self) {
        for cpu in 0..self.cpus.len() {
            let end = self.word(cpu, std::mem::offset_of!(Cursor, written)).load(Ordering::Acquire);
            self.cpus[cpu].end = end;
            self.look(cpu);
        }
    }

    /// Calls `take` with each record of the pass, in order of time. Gives how many there were.
    pub(super) fn pass(&mut self, mut take: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while let Some((cpu, until)) = self.earliest() {
            // Records of one CPU come in runs: what is earlier than any of another CPU needs no further comparison.
            while self.cpus[cpu].time_ns <= until {
                let Progress { position, .. } = self.cpus[cpu];
                let Some(record) = self.record(cpu, position) else {
                    self.unreadable += 1;
                    self.cpus[cpu].position = self.cpus[cpu].end;
                    self.release(cpu);
                    self.look(cpu);
                    break;
                };
                let next = after(position, record.len() as u64);
                self.fetch_ahead(cpu, next);
                take(record);
                count += 1;
                self.cpus[cpu].position = next;
                if segment(next) != segment(position) {
                    self.release(cpu);
                }
                self.look(cpu);
                if self.cpus[cpu].time_ns == u64::MAX {
                    break;
                }
            }
        }
        for cpu in 0..self.cpus.len() {
            self.release(cpu);
        }
        count
    }

    /// The CPU whose next record is the earliest, and the time of the earliest of all others.
    fn earliest(&self) -> Option<(usize, u64)> {
        let (mut first, mut second, mut earliest) = (u64::MAX, u64::MAX, None);
        for (cpu, progress) in self.cpus.iter().enumerate() {
            if progress.time_ns < first {
                second = first;
                first = progress.time_ns;
                earliest = Some(cpu);
            } else {
                second = second.min(progress.time_ns);
            }
        }
        earliest.map(|cpu| (cpu, second))
    }

    /// Reads the time of a CPU's next record.
    fn look(&mut self, cpu: usize) {
        let Progress { position, end, .. } = self.cpus[cpu];
        self.cpus[cpu].time_ns = if position == end {
            u64::MAX
        } else {
            // A time that says there is no record would hide one.
            self.bytes(cpu, position, size_of::<Header>())
                .and_then(record::read::<Header>)
                .map_or(0, |(header, _)| header.time_ns.min(u64::MAX - 1))
        };
    }

    /// Gives the kernel the room of what was read.
    fn release(&self, cpu: usize) {
        let read = self.word(cpu, std::mem::offset_of!(Cursor, read));
        read.store(self.cpus[cpu].position, Ordering::Release);
    }

    /// Has the next record come nearer while the present one is worked on: another CPU may have written it.
    fn fetch_ahead(&self, cpu: usize, position: u64) {
        /// As much as most records of requests and responses take.
        const BYTES: usize = 256;
        const LINE: usize = 64;
        if let Some(ahead) = self.bytes(cpu, position, BYTES) {
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
    fn record(&self, cpu: usize, position: u64) -> Option<&[u8]> {
        let (header, _) = record::read::<Header>(self.bytes(cpu, position, size_of::<Header>())?)?;
        let head = match header.kind {
            kind::CHUNK => size_of::<ChunkRecord>(),
            kind::DATAGRAM => size_of::<DatagramRecord>(),
            _ => return None,
        };
        let payload = header.captured_bytes as usize;
        if payload > PAYLOAD_PER_RECORD {
            return None;
        }
        self.bytes(cpu, position, head + payload)
    }

    /// Bytes of a ring that the kernel has written and does not write again before they are released.
    fn bytes(&self, cpu: usize, position: u64, count: usize) -> Option<&[u8]> {
        let index = cpu as u64 * self.segments + segment(position) % self.segments;
        let start = usize::try_from(index).ok()? * SEGMENT_ROOM;
        let begin = usize::try_from(within(position)).ok()?;
        if begin + count > SEGMENT_ROOM || start + SEGMENT_ROOM > self.records.bytes {
            return None;
        }
        // SAFETY: within the mapping by the comparison above; nothing writes there while `self` is borrowed, because
        // only `release` lets the kernel go on and it is called between records.
        Some(unsafe { std::slice::from_raw_parts(self.records.start.as_ptr().add(start + begin), count) })
    }

    /// A word of a CPU's cursor.
    fn word(&self, cpu: usize, offset: usize) -> &AtomicU64 {
        let place = cpu * size_of::<Cursor>() + offset;
        assert!(place + 8 <= self.cursors.bytes, "a cursor of each CPU is mapped");
        // SAFETY: within the mapping, aligned to eight bytes, and shared as words that are read and written whole.
        unsafe { AtomicU64::from_ptr(self.cursors.start.as_ptr().add(place).cast()) }
    }
}
