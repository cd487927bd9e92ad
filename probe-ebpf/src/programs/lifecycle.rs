//! The life of TCP connections: dialled, accepted, finished, gone.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use probe_ebpf::{
    counter::Counter,
    record::{ClosedRecord, EndOfStreamRecord, FailedRecord, Header, ListeningRecord, flags, flow, kind},
};

use super::{
    connection::{Common, PROTOCOL_MPTCP, PROTOCOL_TCP, announce, insert, now, protocol, send},
    filter::{admits, admits_ports, is_self},
    globals::offset,
    maps::{Connection, SECOND_STATE_ROOM, STATE_ROOM, THIRD_STATE_ROOM, count},
    memory::{Here, Memory, Probed, read_kernel},
    ring::{
        Turn,
        hook::{self, Program},
    },
    table,
};

/// States of a TCP socket (include/net/tcp_states.h).
mod state {
    pub(crate) const ESTABLISHED: i32 = 1;
    pub(crate) const SYN_SENT: i32 = 2;
    pub(crate) const SYN_RECEIVED: i32 = 3;
    pub(crate) const FIN_WAIT_1: i32 = 4;
    pub(crate) const CLOSE: i32 = 7;
    pub(crate) const CLOSE_WAIT: i32 = 8;
    pub(crate) const LAST_ACK: i32 = 9;
    pub(crate) const LISTEN: i32 = 10;
}

/// `inet_sock_set_state(sk, old, new)`.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub(crate) fn inet_sock_set_state(context: RawTracePointContext) -> i32 {
    Program::of(hook::STATE, 0).run(|| changed(&context, STATE_ROOM))
}

/// Stands in for `inet_sock_set_state` where the kernel left it out.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub(crate) fn second_inet_sock_set_state(context: RawTracePointContext) -> i32 {
    Program::of(hook::STATE, 1).run(|| changed(&context, SECOND_STATE_ROOM))
}

/// Stands in for both.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub(crate) fn third_inet_sock_set_state(context: RawTracePointContext) -> i32 {
    Program::of(hook::STATE, 2).run(|| changed(&context, THIRD_STATE_ROOM))
}

#[inline(always)]
fn changed(context: &RawTracePointContext, room: u32) {
    let sock: *const u8 = context.arg(0);
    let (old, new) = (context.arg::<i32>(1), context.arg::<i32>(2));
    if new == state::LISTEN {
        if let Some(common) = Common::read(sock, room) {
            listening(&common);
        }
        return;
    }
    match protocol(sock) {
        PROTOCOL_TCP => {}
        // The socket that the program sees is not a TCP one, so `tcp_destroy_sock` never comes for it.
        PROTOCOL_MPTCP if new == state::CLOSE => return destroyed(sock),
        _ => return,
    }
    match (old, new) {
        (_, state::SYN_SENT) => dialled(sock, room),
        (state::SYN_SENT | state::SYN_RECEIVED, state::ESTABLISHED) => established(sock, room),
        (state::SYN_RECEIVED | state::ESTABLISHED, state::FIN_WAIT_1)
        | (state::CLOSE_WAIT, state::LAST_ACK) => finished(sock),
        (state::SYN_SENT, state::CLOSE) => failed(sock, room),
        // Left without the exchange of FINs (RFC 9293 section 3.10.7.4): by a reset from either end, or a time-out.
        (state::ESTABLISHED | state::CLOSE_WAIT | state::SYN_RECEIVED, state::CLOSE) => {
            if let Some(connection) = table::find(sock as u64) {
                reset(connection);
            }
        }
        _ => {}
    }
}

#[inline(always)]
fn reset(connection: *mut Connection) {
    // SAFETY: the entry stays valid for the run of the program.
    unsafe { (*connection).flags |= u32::from(flags::RESET) };
}

/// The handshake begins; the local port may not be chosen yet, so the entry's ports stay open until it is met again.
#[inline(always)]
fn dialled(sock: *const u8, room: u32) {
    let Some(common) = Common::read(sock, room) else {
        return;
    };
    // A socket may be dialled with again, after it failed or was disconnected.
    table::remove(common.address());
    if let Some(connection) = insert(&common, flags::FROM_START | flags::CLIENT, now()) {
        // SAFETY: the entry stays valid for the run of the program.
        unsafe {
            (*connection).ports = 0;
            (*connection).read_sequence = dialler();
        }
    }
}

/// The process that dials, which is the running one; zero if what it does is not captured.
#[inline(always)]
fn dialler() -> u32 {
    let task = Probed::task();
    let Some(turn) = Turn::undisputed() else {
        return 0;
    };
    if is_self::<Probed>(task) || !admits::<Probed>(Here { task, turn }) {
        return 0;
    }
    Probed::process(task)
}

/// What was dialled did not answer, or in the negative, or was not waited for.
#[inline(always)]
fn failed(sock: *const u8, room: u32) {
    /// The number of EADDRNOTAVAIL (include/uapi/asm-generic/errno.h).
    const NO_ADDRESS: u32 = 99;
    let Some(connection) = table::find(sock as u64) else {
        return;
    };
    // SAFETY: the entry stays valid for the run of the program.
    let (id, announced, pid) =
        unsafe { ((*connection).id, (*connection).announced, (*connection).read_sequence) };
    if announced != 0 {
        // It has sent bytes with its SYN (RFC 7413), so its end is told like that of any other.
        return reset(connection);
    }
    if pid == 0 {
        return;
    }
    let Some(common) = Common::read(sock, room) else {
        return;
    };
    if admits_ports(common.local_port(), common.remote_port()) {
        let mut error: u32 = read_kernel(sock.wrapping_add(offset!(sock_error))).unwrap_or(0);
        // The first sequence number is chosen once there is a local port (net/ipv4/tcp_ipv4.c, `tcp_v4_connect`).
        if error == 0 && read_kernel::<u32>(sock.wrapping_add(offset!(tcp_write_sequence))) == Some(0) {
            error = NO_ADDRESS;
        }
        send::<FailedRecord>(|record| {
            // SAFETY: a place in the ring.
            unsafe {
                (*record).header = header(kind::FAILED, common.address_flags(), id);
                common.write_addresses(&raw mut (*record).addresses);
                (*record).pid = pid;
                (*record).error = error;
            }
        });
    }
}

#[inline(always)]
fn established(sock: *const u8, room: u32) {
    let Some(common) = Common::read(sock, room) else {
        return;
    };
    if !admits_ports(common.local_port(), common.remote_port()) {
        return;
    }
    let connection = if let Some(connection) = table::find(sock as u64) {
        // SAFETY: the entry stays valid for the run of the program.
        unsafe {
            if (*connection).ports == 0 {
                (*connection).ports = common.ports();
                (*connection).handshake_ns = now() - (*connection).began_ns;
                (*connection).read_sequence = 0;
            }
        }
        connection
    } else {
        let flags = flags::FROM_START | flags::SERVER;
        let Some(connection) = insert(&common, flags, now()) else {
            return;
        };
        connection
    };
    announce(connection, &common);
}

/// The observed end sends its FIN: no byte follows.
#[inline(always)]
fn finished(sock: *const u8) {
    let Some(connection) = table::find(sock as u64) else {
        return;
    };
    // SAFETY: the entry stays valid for the run of the program.
    let (id, announced, flags) =
        unsafe { ((*connection).id, (*connection).announced, (*connection).flags as u16) };
    if announced == 0 {
        return;
    }
    let sequence = read_kernel(sock.wrapping_add(offset!(tcp_write_sequence))).unwrap_or(0);
    send::<EndOfStreamRecord>(|record| {
        let header = header(kind::END_OF_STREAM, flags & flags::NO_SEQUENCE, id);
        // SAFETY: a place in the ring; the entry stays valid for the run of the program.
        unsafe {
            let lost = &raw mut (*connection).lost_calls[usize::from(flow::SENT)];
            record.write(EndOfStreamRecord { header, sequence, lost_calls: *lost });
            *lost = 0;
        }
    });
}

#[inline(always)]
fn listening(common: &Common) {
    let (port, network_namespace) = (u32::from(common.local_port()), common.network_namespace());
    send::<ListeningRecord>(|record| {
        let header = header(kind::LISTENING, 0, 0);
        // SAFETY: a place in the ring.
        unsafe { record.write(ListeningRecord { header, port, network_namespace }) };
    });
}

#[inline(always)]
fn header(kind: u8, flags: u16, connection: u64) -> Header {
    Header { kind, flow: flow::SENT, flags, captured_bytes: 0, connection, time_ns: now() }
}

/// `tcp_destroy_sock(sk)`: both the kernel and the program have let go of the socket, so nothing more can be read from
/// or written to it. The change to CLOSE may come before the program has read what is left in the queue.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub(crate) fn tcp_destroy_sock(context: RawTracePointContext) -> i32 {
    Program::of(hook::DESTROYED, 0).run(|| destroyed(context.arg(0)))
}

/// Stands in for `tcp_destroy_sock` where the kernel left it out.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub(crate) fn second_tcp_destroy_sock(context: RawTracePointContext) -> i32 {
    Program::of(hook::DESTROYED, 1).run(|| destroyed(context.arg(0)))
}

/// Stands in for both.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub(crate) fn third_tcp_destroy_sock(context: RawTracePointContext) -> i32 {
    Program::of(hook::DESTROYED, 2).run(|| destroyed(context.arg(0)))
}

#[inline(always)]
fn destroyed(sock: *const u8) {
    let key = sock as u64;
    let Some(connection) = table::find(key) else {
        return;
    };
    // SAFETY: the entry stays valid for the run of the program.
    let connection = unsafe { *connection };
    if connection.announced != 0 {
        let reset = connection.flags as u16 & flags::RESET;
        let received_bytes = read_kernel(sock.wrapping_add(offset!(tcp_bytes_received))).unwrap_or(0);
        let sent_bytes = read_kernel(sock.wrapping_add(offset!(tcp_bytes_acknowledged))).unwrap_or(0);
        let round_trip_eighth_us = read_kernel(sock.wrapping_add(offset!(tcp_round_trip))).unwrap_or(0);
        let retransmits = read_kernel(sock.wrapping_add(offset!(tcp_retransmits))).unwrap_or(0);
        send::<ClosedRecord>(|record| {
            let header = header(kind::CLOSED, reset, connection.id);
            let lost_calls = connection.lost_calls;
            // SAFETY: a place in the ring.
            unsafe {
                record.write(ClosedRecord {
                    header,
                    received_bytes,
                    sent_bytes,
                    round_trip_eighth_us,
                    retransmits,
                    lost_calls,
                });
            }
        });
    }
    table::remove(key);
}

/// `tcp_retransmit_skb(sk, skb)`: counted for the host; each connection's own number comes with its end.
#[raw_tracepoint(tracepoint = "tcp_retransmit_skb")]
pub(crate) fn tcp_retransmit_skb(_context: RawTracePointContext) -> i32 {
    count(Counter::Retransmits);
    0
}
