//! Records of the bytes that calls moved over TCP.

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use probe_ebpf::{
    counter::Counter,
    record::{ChunkRecord, Header, PAYLOAD_PER_CALL, flags, flow, kind, verdict},
};

use super::{
    connection::{Common, announce, entry, now},
    copy::{Source, copy},
    filter::admits_ports,
    globals::{offset, payload_bytes},
    maps::{Connection, VERDICTS, count},
    memory::{Here, Memory, read_kernel},
    ring::Room,
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
pub(crate) fn wanted(common: &Common, flow: u8) -> Option<*mut Connection> {
    if !admits_ports(common.local_port(), common.remote_port()) {
        count(Counter::Filtered);
        return None;
    }
    let connection = entry(common)?;
    // SAFETY: the entry and the slot stay valid for the run of the program; words are read and written whole.
    unsafe {
        let id = (*connection).id;
        if let Some(word) = VERDICTS.get_ptr_mut(verdict::slot(id)) {
            let said = core::ptr::read_volatile(word);
            if said == verdict::word(id, verdict::IGNORE) {
                count(Counter::NotWanted);
                return None;
            }
            if said == verdict::word(id, verdict::COPY_BEGINNINGS) {
                core::ptr::write_volatile(word, 0);
                (*connection).flags |= flags::COPY_BEGINNINGS;
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
pub(crate) fn sequences<M: Memory>(common: &Common, flow: u8) -> (u32, u32) {
    let sock = common.sock();
    let (written, mut read): (u32, u32) = if M::SOCKET_IS_TYPED {
        // SAFETY: the pointer is the hook's own; the helper gives null for what is no TCP socket.
        let tcp = unsafe { bpf_skc_to_tcp_sock(sock.cast_mut().cast()) }.cast_const().cast::<u8>();
        if tcp.is_null() {
            return (0, 0);
        }
        (
            M::read(tcp.wrapping_add(offset!(tcp_write_sequence))).unwrap_or(0),
            M::read(tcp.wrapping_add(offset!(tcp_read_sequence))).unwrap_or(0),
        )
    } else {
        (
            read_kernel(sock.wrapping_add(offset!(tcp_write_sequence))).unwrap_or(0),
            read_kernel(sock.wrapping_add(offset!(tcp_read_sequence))).unwrap_or(0),
        )
    };
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

/// How many bytes of a call are copied.
#[inline(always)]
pub(crate) fn payload_limit(connection: *const Connection) -> u32 {
    // SAFETY: the entry stays valid for the run of the program.
    let beginning = unsafe { (*connection).flags } & flags::COPY_BEGINNINGS != 0;
    if beginning { payload_bytes() } else { PAYLOAD_PER_CALL as u32 }
}

/// Sends one record's worth of a stretch. Where `goes_on` and its bytes are in more vectors than are looked at at once,
/// gives how many bytes these held: the record then says that the stretch ended there, and what follows is to be sent
/// next.
#[inline(always)]
pub(crate) fn send<M: Memory>(
    here: Here,
    connection: *mut Connection,
    stretch: &Stretch,
    goes_on: bool,
) -> Option<u32> {
    let Some(room) = Room::take(here.turn) else {
        lost(connection, stretch.flow);
        return None;
    };
    let mut ended_after = None;
    let want = stretch.length.min(payload_limit(connection));
    let slot = usize::from(stretch.flow & 1);
    // SAFETY: the room is larger than any record; the connection's entry stays valid for the run of the program.
    unsafe {
        let payload = room.place().add(size_of::<ChunkRecord>());
        let copied = copy(here.turn, payload, stretch.source, stretch.skip, want);
        let captured = copied.bytes;
        let mut length = stretch.length;
        if goes_on && copied.ended_early {
            length = captured;
            ended_after = Some(captured);
            if captured == 0 {
                return ended_after;
            }
        }
        let time_ns = now();
        let record: *mut ChunkRecord = room.place().cast();
        (*record).header = Header {
            kind: kind::CHUNK,
            flow: stretch.flow,
            flags: (*connection).flags as u16 & flags::NO_SEQUENCE,
            captured_bytes: captured,
            connection: (*connection).id,
            time_ns,
        };
        (*record).sequence = stretch.sequences.0;
        (*record).opposite_sequence = stretch.sequences.1;
        (*record).length = length;
        (*record).lost_calls = (*connection).lost_calls[slot];
        M::write_thread(here, time_ns, &raw mut (*record).caller);
        (*connection).lost_calls[slot] = 0;
        room.publish(size_of::<ChunkRecord>() + captured as usize);
    }
    ended_after
}

/// Notes a call whose record was not sent.
#[inline(always)]
fn lost(connection: *mut Connection, flow: u8) {
    // SAFETY: the entry stays valid for the run of the program.
    unsafe { (*connection).lost_calls[usize::from(flow & 1)] += 1 };
    count(if flow == flow::SENT { Counter::RingFullSent } else { Counter::RingFullReceived });
}
