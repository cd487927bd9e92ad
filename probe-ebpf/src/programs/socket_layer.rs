//! What passes through sockets, as the socket layer's own tracepoints tell it (net/socket.c, from 6.3).
//!
//! Against the exit of every system call they cost nothing to calls that touch no socket, and they give the socket
//! itself, typed, so nothing is looked up from the descriptor and its fields are read without a helper. What they do not
//! give is the program's memory: that is where the arguments of the system call under way say, which are in the saved
//! registers until it returns.
//!
//! | hook | for |
//! |---|---|
//! | `sock_send_length`, `sock_recv_length` | every message that passed, of whatever call |
//! | `recvmsg4`, `recvmsg6` of the root cgroup | who sent a datagram: the program is told only after the tracepoint |
//! | `tcp_rcv_space_adjust` | splice, which reads a stream past the socket layer; attached once something was read unseen |

use aya_ebpf::{
    bindings::pt_regs,
    helpers::generated::{bpf_get_current_pid_tgid, bpf_task_pt_regs},
    macros::{btf_tracepoint, cgroup_sock_addr},
    programs::{BtfTracePointContext, SockAddrContext},
};
use probe_ebpf::{counter::Counter, record::flow};

use super::{
    calls::{Call, MANY, MESSAGE, decode, is_beside_stream, is_captured, pass_on},
    connection::{Common, PROTOCOL_UDP, is_internet_socket},
    copy::{BUFFER, MANY_STRIDE, NOWHERE, Source},
    data::{self, Stretch},
    filter::{admits, is_self},
    globals::offset,
    maps::{MESSAGES, PEERS, Peer, Progress, count},
    memory::{Here, Memory, SocketLayer},
    registers::{Registers, number},
    ring::{
        Turn,
        hook::{self, Program},
    },
    socket, table,
};

/// A message was sent, or was not.
#[btf_tracepoint(function = "sock_send_length")]
pub(crate) fn sock_send_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::SENT, Program::of(hook::SENT, 0))
}

/// A message was received, or was not.
#[btf_tracepoint(function = "sock_recv_length")]
pub(crate) fn sock_recv_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::RECEIVED, Program::of(hook::RECEIVED, 0))
}

/// Stands in for `sock_send_length` where the kernel left it out.
#[btf_tracepoint(function = "sock_send_length")]
pub(crate) fn second_sock_send_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::SENT, Program::of(hook::SENT, 1))
}

/// Stands in for `sock_recv_length` where the kernel left it out.
#[btf_tracepoint(function = "sock_recv_length")]
pub(crate) fn second_sock_recv_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::RECEIVED, Program::of(hook::RECEIVED, 1))
}

/// Stands in for both.
#[btf_tracepoint(function = "sock_send_length")]
pub(crate) fn third_sock_send_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::SENT, Program::of(hook::SENT, 2))
}

/// Stands in for both.
#[btf_tracepoint(function = "sock_recv_length")]
pub(crate) fn third_sock_recv_length(context: BtfTracePointContext) -> i32 {
    run(&context, flow::RECEIVED, Program::of(hook::RECEIVED, 2))
}

/// `PF_KTHREAD` of a task's flags (include/linux/sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;

#[inline(always)]
fn run(context: &BtfTracePointContext, flow: u8, program: Program) -> i32 {
    if program.stands_in() {
        program.begin();
        if !passed(context, flow, program) {
            program.end();
        }
    }
    0
}

/// Records what passed. Whether the turn was taken, whose end tells that of the program.
#[inline(always)]
fn passed(context: &BtfTracePointContext, flow: u8, program: Program) -> bool {
    let sock: *const u8 = context.arg(0);
    // Sockets of other families, and the daemon's own, take no turn.
    if !is_internet_socket(sock) {
        return false;
    }
    let task = SocketLayer::task();
    if is_self::<SocketLayer>(task) {
        return false;
    }
    let Some(turn) = Turn::take(Some(program)) else {
        count(Counter::Interrupted);
        return false;
    };
    record(context, Here { task, turn }, sock, flow);
    turn.end();
    true
}

#[inline(always)]
fn record(context: &BtfTracePointContext, here: Here, sock: *const u8, flow: u8) {
    let result: i32 = context.arg(1);
    let Some(common) = Common::of_typed(sock, here.turn) else {
        return;
    };
    if is_kernels_own(here.task, sock) {
        return;
    }
    let registers = registers(here.task);
    let Some(number) = Registers::number::<SocketLayer>(registers) else {
        return;
    };
    if result <= 0 {
        if number == number::SENDMMSG || number == number::RECVMMSG {
            // The call ends here, before the last of its messages.
            let _ = MESSAGES.remove(thread());
        }
        if result == 0 && flow == flow::RECEIVED {
            // An empty datagram has a sender, too, who did not send the next one.
            let _ = PEERS.remove(thread());
        }
        return;
    }
    // The tracepoint's flags count: of a call that knows none, such as read, they are zero.
    if is_beside_stream(flow, u64::from(context.arg::<u32>(2))) {
        // Whose datagram was looked at is not who sent the one that is read next, maybe from another socket.
        let _ = PEERS.remove(thread());
        return;
    }
    if Registers::is_32_bit::<SocketLayer>(registers) {
        count(Counter::ThirtyTwoBit);
        return;
    }
    if !admits::<SocketLayer>(here) {
        count(Counter::Filtered);
        return;
    }
    let kind: u16 = SocketLayer::read(sock.wrapping_add(offset!(sock_type))).unwrap_or(0);
    let datagrams = kind == socket::DATAGRAM;
    if datagrams {
        let protocol: u16 = SocketLayer::read(sock.wrapping_add(offset!(sock_protocol))).unwrap_or(0);
        if protocol != PROTOCOL_UDP {
            return;
        }
    } else if kind != socket::STREAM {
        return;
    }
    let Some(call) = call(number, registers, flow, result) else {
        return;
    };
    let mut peer = None;
    if datagrams && flow == flow::RECEIVED {
        peer = take_peer();
    }
    pass_on::<SocketLayer, _>(context, here, &call, &common, datagrams, peer);
}

/// Whether the kernel itself uses the socket: from a thread of its own, or from within a program's call on something
/// else, such as a file of a network file system. Its sockets have no file.
#[inline(always)]
fn is_kernels_own(task: *const u8, sock: *const u8) -> bool {
    let flags: u32 = SocketLayer::read(task.wrapping_add(offset!(task_flags))).unwrap_or(0);
    if flags & KERNEL_THREAD != 0 {
        return true;
    }
    let Some(socket) = SocketLayer::read::<*const u8>(sock.wrapping_add(offset!(sock_socket))) else {
        return true;
    };
    if socket.is_null() {
        return true;
    }
    SocketLayer::read::<*const u8>(socket.wrapping_add(offset!(socket_file))).is_none_or(<*const u8>::is_null)
}

/// The saved registers of the running task.
#[inline(always)]
fn registers(task: *const u8) -> *const u8 {
    // SAFETY: the task is the running one.
    let registers = unsafe { bpf_task_pt_regs(task.cast_mut().cast()) };
    (registers as *const pt_regs).cast()
}

/// Ids of the running thread and its process.
#[inline(always)]
fn thread() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_get_current_pid_tgid() }
}

/// The message that just passed, with where its bytes are as far as the system call under way tells.
#[inline(always)]
fn call(number: u64, registers: *const u8, flow: u8, result: i32) -> Option<Call> {
    let mut call = if number < 512 && is_captured(number) && number != number::SPLICE {
        decode::<SocketLayer>(number, registers, i64::from(result))?
    } else {
        if number == number::SPLICE {
            // What sends so is likely to receive so, too.
            count(Counter::UnseenReads);
        } else {
            count(Counter::PayloadUnseen);
        }
        Call {
            descriptor: 0,
            flow,
            kind: NOWHERE,
            memory: 0,
            count: 0,
            name: 0,
            flags: 0,
            result: result as u32,
        }
    };
    if call.flow != flow || call.kind == BUFFER && call.result > call.count {
        // Something within the call passed it, not the call itself.
        call.kind = NOWHERE;
        call.flow = flow;
    }
    if call.kind == MANY {
        let index = next_message(call.memory, call.count);
        call.memory += index * MANY_STRIDE;
        call.kind = MESSAGE;
    }
    Some(call)
}

/// Which message of a call with several is the one that just passed. They pass in order, one event each; a call that
/// ends early does so with a message that failed, whose event is the one that forgets the progress.
#[inline(always)]
fn next_message(array: u64, messages: u32) -> u64 {
    let thread = thread();
    if let Some(progress) = MESSAGES.get_ptr_mut(thread) {
        // SAFETY: the entry belongs to this thread.
        unsafe {
            if (*progress).array == array && (*progress).next < u64::from(messages) {
                let index = (*progress).next;
                (*progress).next += 1;
                return index;
            }
        }
    }
    let _ = MESSAGES.insert(thread, Progress { array, next: 1 }, 0);
    0
}

/// Who sent the datagram that the running thread is being given, if the socket is not connected.
#[inline(always)]
fn take_peer() -> Option<Peer> {
    let thread = thread();
    let peer = PEERS.get_ptr_mut(thread)?;
    // SAFETY: the entry belongs to this thread.
    let peer = unsafe { *peer };
    let _ = PEERS.remove(thread);
    Some(peer)
}

/// Before a program is told who sent a datagram over IPv4.
#[cgroup_sock_addr(recvmsg4)]
pub(crate) fn datagram_from_v4(context: SockAddrContext) -> i32 {
    // SAFETY: the context is readable, field by field.
    let (address, port) = unsafe { ((*context.sock_addr).user_ip4, (*context.sock_addr).user_port) };
    note_peer([u64::from(address), 0], port, 0);
    1
}

/// Before a program is told who sent a datagram over IPv6.
#[cgroup_sock_addr(recvmsg6)]
pub(crate) fn datagram_from_v6(context: SockAddrContext) -> i32 {
    // SAFETY: the context is readable, field by field.
    let (words, port) = unsafe {
        let from = &raw const (*context.sock_addr).user_ip6;
        let word = |index: usize| u64::from(core::ptr::read_volatile(from.cast::<u32>().add(index)));
        ([word(0) | word(1) << 32, word(2) | word(3) << 32], (*context.sock_addr).user_port)
    };
    note_peer(words, port, 1);
    1
}

#[inline(always)]
fn note_peer(address: [u64; 2], port: u32, is_v6: u32) {
    let port = u32::from(u16::from_be(port as u16));
    let _ = PEERS.insert(thread(), Peer { address, port, is_v6 }, 0);
}

/// A stream was read. Only what splice reads comes past the socket layer; how much it was is told by how far the stream
/// had been read before.
#[btf_tracepoint(function = "tcp_rcv_space_adjust")]
pub(crate) fn tcp_rcv_space_adjust(context: BtfTracePointContext) -> i32 {
    let task = SocketLayer::task();
    if Registers::number::<SocketLayer>(registers(task)) == Some(number::SPLICE) {
        let Some(turn) = Turn::take(None) else {
            count(Counter::Interrupted);
            return 0;
        };
        spliced(Here { task, turn }, context.arg(0));
        turn.end();
    }
    0
}

#[inline(always)]
fn spliced(here: Here, sock: *const u8) {
    /// More than a splice moves at once; such a difference is an older number.
    const MOST: u32 = 1 << 30;
    if is_self::<SocketLayer>(here.task) || is_kernels_own(here.task, sock) || !admits::<SocketLayer>(here) {
        return;
    }
    let Some(common) = Common::of_typed(sock, here.turn) else {
        return;
    };
    let known = table::find(common.address()).is_some();
    let Some(connection) = data::wanted(&common, flow::RECEIVED) else {
        return;
    };
    let (end, opposite) = data::sequences::<SocketLayer>(&common, flow::RECEIVED);
    // SAFETY: the entry stays valid for the run of the program.
    let begin = unsafe { core::mem::replace(&mut (*connection).read_sequence, end) };
    let length = end.wrapping_sub(begin);
    if !known || begin == 0 || length == 0 || length > MOST {
        return;
    }
    let source = Source { kind: NOWHERE, memory: 0, count: 0 };
    let stretch = Stretch { flow: flow::RECEIVED, length, source, skip: 0, sequences: (begin, opposite) };
    data::send::<SocketLayer>(here, connection, &stretch, false);
}
