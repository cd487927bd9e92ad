//! Records of the bytes that calls moved over TCP.

use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_NO_WAKEUP};
use probe_ebpf::{
    counter::Counter,
    record::{ChunkRecord, Header, PAYLOAD_PER_RECORD, flags, flow, kind, verdict},
};

use super::{
    connection::{Common, announce, entry, now},
    copy::{Source, copy},
    filter::{admits_ports, write_caller},
    globals::{data_ring_bytes, offset, payload_bytes},
    maps::{CHUNK_ROOM, Connection, EVENTS, RECORDS_UNTIL_LOOK, VERDICTS, count},
    memory::{Memory, read_kernel},
};

/// A stretch of a stream that a call moved.
#[derive(Clone, Copy)]
pub(crate) struct Stretch {
    /// One of `record::flow`.
    pub(crate) flow: u8,
    /// How many bytes.
    pub(crate) length: u32,
    /// Where they are in the program's memory.
    pub(crate) source: Source,
    /// How far into the source they begin.
    pub(crate) skip: u32,
    /// Sequence number of the first byte, and of the opposite stream.
    pub(crate) sequences: (u32, u32),
}

/// The connection of a socket if its bytes are wanted, announced.
#[inline(always)]
pub(crate) fn wanted(sock: *const u8, common: &Common, flow: u8) -> Option<*mut Connection> {
    if !admits_ports(common.local_port(), common.remote_port()) {
        count(Counter::Filtered);
        return None;
    }
    let connection = entry(sock, common)?;
    // SAFETY: the entry and the slot stay valid for the run of the program; words are read and written whole.
    unsafe {
        let id = (*connection).id;
        if let Some(word) = VERDICTS.get_ptr_mut(verdict::slot(id)) {
            let said = core::ptr::read_volatile(word);
            if said == verdict::word(id, verdict::IGNORE) {
                count(Counter::NotWanted);
                return None;
            }
            if said == verdict::word(id, verdict::ANNOUNCE) {
                core::ptr::write_volatile(word, 0);
                (*connection).flags &= !u32::from(flags::FROM_START);
                (*connection).announced = 0;
            }
        }
    }
    if !announce(connection, common) {
        lost(connection, flow);
        return None;
    }
    Some(connection)
}

/// How far the program has come in each stream of a connection: of the flow's own stream first, then of the other.
#[inline(always)]
pub(crate) fn sequences(sock: *const u8, common: &Common, flow: u8) -> (u32, u32) {
    let written: u32 = read_kernel(sock.wrapping_add(offset!(tcp_write_sequence))).unwrap_or(0);
    let mut read: u32 = read_kernel(sock.wrapping_add(offset!(tcp_read_sequence))).unwrap_or(0);
    if common.is_ending() && has_read_fin(sock, read) {
        read = read.wrapping_sub(1);
    }
    if flow == flow::SENT { (written, read) } else { (read, written) }
}

/// Whether the program has read up to and past the other end's FIN, which takes one sequence number and is no byte of
/// the stream (net/ipv4/tcp.c, `tcp_recvmsg_locked`, `found_fin_ok`).
#[inline(always)]
fn has_read_fin(sock: *const u8, read: u32) -> bool {
    /// `SOCK_DONE` of `enum sock_flags` (include/net/sock.h), set when a FIN has come.
    const DONE: u64 = 1 << 1;
    let flags: u64 = read_kernel(sock.wrapping_add(offset!(sock_flags))).unwrap_or(0);
    let next: u32 = read_kernel(sock.wrapping_add(offset!(tcp_next_sequence))).unwrap_or(0);
    flags & DONE != 0 && next == read
}

/// Sends one record's worth of a stretch.
#[inline(always)]
pub(crate) fn send<M: Memory>(connection: *mut Connection, stretch: &Stretch) {
    let Some(room) = CHUNK_ROOM.get_ptr_mut(0) else {
        return;
    };
    let want = stretch.length.min(payload_bytes());
    // SAFETY: the room belongs to this CPU, and a program on it does not interrupt itself.
    let captured = unsafe { copy((&raw mut (*room).payload).cast(), stretch.source, stretch.skip, want) };
    let slot = usize::from(stretch.flow & 1);
    // SAFETY: as above; the connection's entry stays valid for the run of the program.
    unsafe {
        let record = &raw mut (*room).record;
        (*record).header = Header {
            kind: kind::CHUNK,
            flow: stretch.flow,
            flags: (*connection).flags as u16 & flags::NO_SEQUENCE,
            captured_bytes: captured,
            connection: (*connection).id,
            time_ns: now(),
        };
        (*record).sequence = stretch.sequences.0;
        (*record).opposite_sequence = stretch.sequences.1;
        (*record).length = stretch.length;
        (*record).lost_calls = (*connection).lost_calls[slot];
        write_caller::<M>(&raw mut (*record).caller);
        let length = size_of::<ChunkRecord>() + (captured as usize & (2 * PAYLOAD_PER_RECORD - 1));
        if output(room.cast(), length) {
            (*connection).lost_calls[slot] = 0;
            count(Counter::CapturedCalls);
        } else {
            lost(connection, stretch.flow);
        }
    }
}

/// Sends a record with its payload, unless what is left of the ring is kept for records of a connection's life.
///
/// # Safety
/// `record` must be valid for `length` bytes.
#[inline(always)]
pub(crate) unsafe fn output(record: *const u8, length: usize) -> bool {
    if !has_room() {
        return false;
    }
    // SAFETY: by contract.
    let bytes = unsafe { core::slice::from_raw_parts(record, length) };
    EVENTS.output::<[u8]>(bytes, u64::from(BPF_RB_NO_WAKEUP)).is_ok()
}

/// Records that a CPU sends between two looks at how full a large ring is: a look takes the cache lines that the other
/// CPUs and the reader write to. As many of the largest fit many times in what is kept for other records.
const RECORDS_PER_LOOK: u32 = 16;
/// A ring smaller than this is looked at before every record.
const LARGE_RING_BYTES: u64 = 4 << 20;

/// Whether there is room for records of data. Once there is none, every record looks again.
#[inline(always)]
fn has_room() -> bool {
    let Some(unlooked) = RECORDS_UNTIL_LOOK.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the slot belongs to this CPU, and a program on it does not interrupt itself.
    unsafe {
        if data_ring_bytes() >= LARGE_RING_BYTES && *unlooked != 0 {
            *unlooked -= 1;
            return true;
        }
        let has_room = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA)) <= data_ring_bytes();
        *unlooked = if has_room { RECORDS_PER_LOOK } else { 0 };
        has_room
    }
}

/// Notes a call whose record was not sent.
#[inline(always)]
fn lost(connection: *mut Connection, flow: u8) {
    // SAFETY: the entry stays valid for the run of the program.
    unsafe { (*connection).lost_calls[usize::from(flow & 1)] += 1 };
    count(if flow == flow::SENT { Counter::RingFullSent } else { Counter::RingFullReceived });
}
