//! The exit of every system call: which of them moved bytes through a socket, and where the bytes are.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use probe_ebpf::{
    counter::Counter,
    record::{PAYLOAD_PER_RECORD, flow},
};

use super::{
    connection::{Common, PROTOCOL_UDP, protocol},
    copy::{BUFFER, MANY_LENGTH, MANY_STRIDE, MessageHeader, NOWHERE, Source, VECTORED},
    data::{self, Stretch},
    datagram::{self, Datagram, named_peer},
    filter::{admits, is_self},
    maps::{Peer, STEP, Step, VECTORS, Vector, add, count},
    memory::{Here, Memory, Probed, SocketLayerStep, Typed, read_user},
    registers::{Registers, number},
    ring::Turn,
    socket::{self, socket},
};

/// `MSG_OOB`, `MSG_PEEK`, `MSG_TRUNC`, `MSG_ERRQUEUE` (include/linux/socket.h).
const OUT_OF_BAND: u64 = 0x1;
const PEEK: u64 = 0x2;
const TRUNCATE: u64 = 0x20;
const ERROR_QUEUE: u64 = 0x2000;

/// Messages of one call that are looked at: as many as tail calls are allowed (`MAX_TAIL_CALL_CNT` is 33, 32 up to 5.15).
const MESSAGES: u32 = 31;

/// How many times a call may have more vectors than are looked at at once. With the records of its bytes these are fewer
/// tail calls than are allowed.
const TURNS: u32 = 12;

/// Room that the vectors take which are looked at at once.
const TURN_BYTES: u64 = VECTORS as u64 * size_of::<Vector>() as u64;

/// A call that moved bytes.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) descriptor: u32,
    pub(crate) flow: u8,
    /// What `memory` points at: one of the kinds of `copy`, or `MESSAGE` or `MANY`.
    pub(crate) kind: u32,
    pub(crate) memory: u64,
    /// How many vectors or messages there are at most; the length of a buffer.
    pub(crate) count: u32,
    /// Address of the peer in the program's memory, zero if it is not said there.
    pub(crate) name: u64,
    pub(crate) flags: u64,
    /// What the call returned.
    pub(crate) result: u32,
}

/// A `struct msghdr`.
pub(crate) const MESSAGE: u32 = 3;
/// An array of `struct mmsghdr`.
pub(crate) const MANY: u32 = 4;

/// `sys_exit` with typed arguments, from 5.11.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn sys_exit_typed(context: BtfTracePointContext) -> i32 {
    let (registers, result) = (context.arg::<*const u8>(0), context.arg::<i64>(1));
    if let Some((number, task)) = captured::<Typed>(registers, result) {
        if let Some(turn) = Turn::take(None) {
            exit::<Typed, _>(&context, Here { task, turn }, number, registers, result);
            turn.end();
        } else {
            count(Counter::Interrupted);
        }
    }
    0
}

/// `sys_exit` for kernels without BTF tracepoints or before 5.11.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn sys_exit_raw(context: RawTracePointContext) -> i32 {
    let (registers, result) = (context.arg::<*const u8>(0), context.arg::<i64>(1));
    // Taking turns needs 5.12; kernels that need it have the typed hook.
    if let Some((number, task)) = captured::<Probed>(registers, result)
        && let Some(turn) = Turn::undisputed()
    {
        exit::<Probed, _>(&context, Here { task, turn }, number, registers, result);
    }
    0
}

/// Goes on with a call that takes several records.
#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn step_typed(context: BtfTracePointContext) -> i32 {
    if let Some(turn) = Turn::handed_on() {
        step::<Typed, _>(&context, turn);
        turn.end();
    }
    0
}

/// As `step_typed`, for the socket layer: programs that call each other must be of one type and one prototype.
#[btf_tracepoint(function = "sock_send_length")]
pub(crate) fn step_socket(context: BtfTracePointContext) -> i32 {
    if let Some(turn) = Turn::handed_on() {
        step::<SocketLayerStep, _>(&context, turn);
        turn.end();
    }
    0
}

/// As `step_typed`, for the raw tracepoint.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub(crate) fn step_raw(context: RawTracePointContext) -> i32 {
    if let Some(turn) = Turn::undisputed() {
        step::<Probed, _>(&context, turn);
    }
    0
}

/// The number of a call that is captured and moved something, and the task that made it.
#[inline(always)]
fn captured<M: Memory>(registers: *const u8, result: i64) -> Option<(u64, *const u8)> {
    if result <= 0 {
        return None;
    }
    let number = Registers::number::<M>(registers)?;
    if number > 512 || !is_captured(number) {
        return None;
    }
    if Registers::is_32_bit::<M>(registers) {
        count(Counter::ThirtyTwoBit);
        return None;
    }
    let task = M::task();
    (!is_self::<M>(task)).then_some((number, task))
}

#[inline(always)]
fn exit<M: Memory, C: EbpfContext>(context: &C, here: Here, number: u64, registers: *const u8, result: i64) {
    if number == number::SPLICE {
        splice::<M, C>(context, here, registers, result);
        return;
    }
    if let Some(call) = decode::<M>(number, registers, result) {
        moved::<M, C>(context, here, &call);
    }
}

#[inline(always)]
pub(crate) fn is_captured(number: u64) -> bool {
    matches!(
        number,
        number::READ
            | number::WRITE
            | number::READV
            | number::WRITEV
            | number::SENDFILE
            | number::SENDTO
            | number::RECVFROM
            | number::SENDMSG
            | number::RECVMSG
            | number::SPLICE
            | number::RECVMMSG
            | number::SENDMMSG
    )
}

/// Reads a call's arguments.
#[inline(always)]
pub(crate) fn decode<M: Memory>(number: u64, registers: *const u8, result: i64) -> Option<Call> {
    let mut call = Call {
        descriptor: Registers::argument::<M, 0>(registers)? as u32,
        flow: flow::RECEIVED,
        kind: BUFFER,
        memory: Registers::argument::<M, 1>(registers)?,
        count: Registers::argument::<M, 2>(registers)? as u32,
        name: 0,
        flags: 0,
        result: result as u32,
    };
    if matches!(
        number,
        number::WRITE
            | number::WRITEV
            | number::SENDFILE
            | number::SENDTO
            | number::SENDMSG
            | number::SENDMMSG
    ) {
        call.flow = flow::SENT;
    }
    match number {
        number::READV | number::WRITEV => call.kind = VECTORED,
        number::SENDFILE => call.kind = NOWHERE,
        number::SENDTO | number::RECVFROM => {
            call.flags = Registers::argument::<M, 3>(registers)?;
            call.name = Registers::argument::<M, 4>(registers)?;
        }
        number::SENDMSG | number::RECVMSG => {
            call.kind = MESSAGE;
            call.flags = Registers::argument::<M, 2>(registers)?;
        }
        number::SENDMMSG | number::RECVMMSG => {
            call.kind = MANY;
            call.flags = Registers::argument::<M, 3>(registers)?;
        }
        _ => {}
    }
    Some(call)
}

/// splice moves bytes between a pipe and a file, in either order; a socket may be at one end.
#[inline(always)]
fn splice<M: Memory, C: EbpfContext>(context: &C, here: Here, registers: *const u8, result: i64) {
    let (Some(from), Some(to)) =
        (Registers::argument::<M, 0>(registers), Registers::argument::<M, 2>(registers))
    else {
        return;
    };
    let mut call = Call {
        descriptor: from as u32,
        flow: flow::RECEIVED,
        kind: NOWHERE,
        memory: 0,
        count: 0,
        name: 0,
        flags: 0,
        result: result as u32,
    };
    if socket::<M>(here.task, call.descriptor).is_none() {
        call.descriptor = to as u32;
        call.flow = flow::SENT;
    }
    moved::<M, C>(context, here, &call);
}

/// Whether what a call moved is no part of the stream: peeked bytes stay in the queue and will be read again, and the
/// error queue holds what was sent.
#[inline(always)]
pub(crate) fn is_beside_stream(flow: u8, flags: u64) -> bool {
    flow == flow::RECEIVED && flags & (PEEK | ERROR_QUEUE | OUT_OF_BAND) != 0
}

/// Sends what a call moved, if it did so through a socket that is to be captured.
#[inline(always)]
fn moved<M: Memory, C: EbpfContext>(context: &C, here: Here, call: &Call) {
    if is_beside_stream(call.flow, call.flags) {
        return;
    }
    let Some(socket) = socket::<M>(here.task, call.descriptor) else {
        return;
    };
    let Some(common) = Common::read(socket.sock, here.turn.lane()) else {
        return;
    };
    if !admits::<M>(here) {
        count(Counter::Filtered);
        return;
    }
    let datagrams = socket.kind == socket::DATAGRAM;
    if datagrams && protocol(socket.sock) != PROTOCOL_UDP || !datagrams && socket.kind != socket::STREAM {
        return;
    }
    if call.kind == MANY {
        begin_many::<M, C>(context, here, call, &common, datagrams);
    } else {
        pass_on::<M, C>(context, here, call, &common, datagrams, None);
    }
}

/// Sends what a call moved in one message. The peer of a datagram is looked for in the program's memory if it is not
/// given.
#[inline(always)]
pub(crate) fn pass_on<M: Memory, C: EbpfContext>(
    context: &C,
    here: Here,
    call: &Call,
    common: &Common,
    datagrams: bool,
    peer: Option<Peer>,
) {
    let mut source = Source { kind: call.kind, memory: call.memory, count: call.count };
    let mut name = call.name;
    if call.kind == MESSAGE {
        let Some(header) = MessageHeader::read(call.memory) else {
            count(Counter::CopyFault);
            return;
        };
        source = header.source();
        name = header.name;
    }
    if call.flow == flow::RECEIVED && call.flags & TRUNCATE != 0 {
        // The call returns the whole length but may have copied less, or nothing.
        source.kind = NOWHERE;
    }
    if datagrams {
        // What is received in the socket layer has its peer's name filled in later, when the call returns.
        let is_named = peer.is_none() && !(M::SOCKET_IS_TYPED && call.flow == flow::RECEIVED);
        let peer = if is_named { named_peer(name) } else { peer };
        datagram::send::<M>(here, common, &Datagram { flow: call.flow, length: call.result, source, peer });
    } else {
        stream::<M, C>(context, here, call, common, source);
    }
}

/// Sends the bytes that a call moved over TCP.
#[inline(always)]
fn stream<M: Memory, C: EbpfContext>(context: &C, here: Here, call: &Call, common: &Common, source: Source) {
    let Some(connection) = data::wanted(common, call.flow) else {
        return;
    };
    let (end, opposite) = data::sequences::<M>(common, call.flow);
    if call.flow == flow::RECEIVED {
        // SAFETY: the entry stays valid for the run of the program.
        let read_before = unsafe { core::mem::replace(&mut (*connection).read_sequence, end) };
        if read_before != 0 && read_before != end.wrapping_sub(call.result) {
            count(Counter::UnseenReads);
        }
    }
    let sequence = end.wrapping_sub(call.result);
    let mut stretch =
        Stretch { flow: call.flow, length: call.result, source, skip: 0, sequences: (sequence, opposite) };
    let part = PAYLOAD_PER_RECORD as u32;
    let goes_on = source.kind != NOWHERE && call.result > part && data::payload_limit(connection) > part;
    if goes_on {
        stretch.length = part;
    }
    let ended_after = data::send::<M>(here, connection, &stretch, true);
    let (done, turns) = ended_after.map_or((part, 0), |bytes| (bytes, 1));
    if (goes_on || turns != 0)
        && let Some(step) = STEP.get_ptr_mut(here.turn.lane())
    {
        // SAFETY: the slot belongs to the program that has the lane.
        unsafe {
            *step = Step {
                sock: common.sock() as u64,
                memory: source.memory + u64::from(turns) * TURN_BYTES,
                count: source.count.wrapping_sub(turns * VECTORS),
                message: 0,
                done,
                length: call.result,
                sequence,
                flow: u32::from(call.flow),
                kind: source.kind,
                many: 0,
                datagrams: 0,
                passed: turns * done,
                turns,
                reserved: 0,
            };
            M::steps().tail_call(context, 0);
        }
    }
}

/// Begins with the messages of a sendmmsg or recvmmsg call, which `step` sends one after another.
#[inline(always)]
fn begin_many<M: Memory, C: EbpfContext>(
    context: &C,
    here: Here,
    call: &Call,
    common: &Common,
    datagrams: bool,
) {
    let number = call.result.min(MESSAGES);
    if call.result > MESSAGES {
        add(Counter::MessagesSkipped, u64::from(call.result - MESSAGES));
        if !datagrams {
            // Without every length the place of none of them in the stream is known.
            return;
        }
    }
    let mut total = 0u32;
    if !datagrams {
        for index in 0..MESSAGES {
            if index >= number {
                break;
            }
            total = total.wrapping_add(message_length(call.memory, index));
        }
    }
    let (end, _) = data::sequences::<M>(common, call.flow);
    let Some(step) = STEP.get_ptr_mut(here.turn.lane()) else {
        return;
    };
    // SAFETY: the slot belongs to the program that has the lane.
    unsafe {
        *step = Step {
            sock: common.sock() as u64,
            memory: call.memory,
            count: number,
            message: 0,
            done: 0,
            length: message_length(call.memory, 0),
            sequence: end.wrapping_sub(total),
            flow: u32::from(call.flow),
            kind: VECTORED,
            many: 1,
            datagrams: u32::from(datagrams),
            passed: 0,
            turns: 0,
            reserved: 0,
        };
        M::steps().tail_call(context, 0);
    }
}

/// Length of a message of an array of `struct mmsghdr`.
#[inline(always)]
fn message_length(array: u64, index: u32) -> u32 {
    let address = array + u64::from(index) * MANY_STRIDE + MANY_LENGTH;
    read_user(address).unwrap_or(0)
}

/// Sends the next record of a call, and calls itself for the one after.
#[inline(always)]
fn step<M: Memory, C: EbpfContext>(context: &C, turn: Turn) {
    let here = Here { task: M::task(), turn };
    let Some(place) = STEP.get_ptr_mut(here.turn.lane()) else {
        return;
    };
    // SAFETY: the slot belongs to the program that has the lane.
    let mut step = unsafe { *place };
    let sock = step.sock as *const u8;
    let Some(common) = Common::read(sock, here.turn.lane()) else {
        return;
    };
    let mut source = Source { kind: step.kind, memory: step.memory, count: step.count };
    let mut name = 0;
    if step.many != 0 {
        let Some(header) = MessageHeader::read(step.memory + u64::from(step.message) * MANY_STRIDE) else {
            count(Counter::CopyFault);
            return;
        };
        source = header.source();
        name = header.name;
    }
    let flow = step.flow as u8;
    if step.datagrams != 0 {
        let datagram = Datagram { flow, length: step.length, source, peer: named_peer(name) };
        datagram::send::<M>(here, &common, &datagram);
        step.done = step.length;
    } else {
        let Some(connection) = data::wanted(&common, flow) else {
            return;
        };
        let wanted = step.length.min(data::payload_limit(connection));
        let rest = step.length - step.done;
        let mut part =
            if wanted > step.done + PAYLOAD_PER_RECORD as u32 { PAYLOAD_PER_RECORD as u32 } else { rest };
        if part != 0 {
            let (_, opposite) = data::sequences::<M>(&common, flow);
            let sequences = (step.sequence.wrapping_add(step.done), opposite);
            let stretch = Stretch { flow, length: part, source, skip: step.done - step.passed, sequences };
            let goes_on = step.many == 0 && step.turns < TURNS;
            if let Some(bytes) = data::send::<M>(here, connection, &stretch, goes_on) {
                part = bytes;
                step.memory += TURN_BYTES;
                step.count = step.count.wrapping_sub(VECTORS);
                step.passed = step.done + bytes;
                step.turns += 1;
            }
        }
        step.done += part;
    }
    if step.done >= step.length {
        step.message += 1;
        if step.many == 0 || step.message >= step.count {
            return;
        }
        step.sequence = step.sequence.wrapping_add(step.length);
        step.length = message_length(step.memory, step.message);
        step.done = 0;
    }
    // SAFETY: as above.
    unsafe {
        *place = step;
        M::steps().tail_call(context, 0);
    }
}
