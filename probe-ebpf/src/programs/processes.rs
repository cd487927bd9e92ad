//! Processes: forked, starting a program, ended. Their threads are not told of.
//!
//! Raw tracepoints suffice: a process costs the kernel some hundred microseconds, against which a few reads by helper do not
//! show. A reader that sleeps is woken, so that it finds a program that lives for a moment.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use probe_ebpf::{
    counter::Counter,
    record::{Header, PATH_BYTES, ProcessRecord, ProgramRecord, kind},
};

use super::{
    connection::now,
    globals::offset,
    maps::{PROCESSES, count},
    memory::{copy_text, read_kernel},
    ring::hook::{self, Program},
};

/// `sched_process_fork(parent, child)`.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub(crate) fn sched_process_fork(context: RawTracePointContext) -> i32 {
    Program::of(hook::FORKED, 0).run(|| forked(&context))
}

/// Stands in for `sched_process_fork` where the kernel left it out.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub(crate) fn second_sched_process_fork(context: RawTracePointContext) -> i32 {
    Program::of(hook::FORKED, 1).run(|| forked(&context))
}

/// Stands in for both.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub(crate) fn third_sched_process_fork(context: RawTracePointContext) -> i32 {
    Program::of(hook::FORKED, 2).run(|| forked(&context))
}

#[inline(always)]
fn forked(context: &RawTracePointContext) {
    let (parent, child): (*const u8, *const u8) = (context.arg(0), context.arg(1));
    if let (Some(pid), Some(parent), Some(started_ns)) = (leader(child), process(parent), started(child)) {
        send(ProcessRecord { header: header(kind::FORKED), parent, pid, started_ns });
    }
}

/// `sched_process_exec(task, old_pid, bprm)`: the program is loaded, and has not run yet. The task is the only one of its
/// process by now.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub(crate) fn sched_process_exec(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXECUTED, 0).run(|| executed(&context))
}

/// Stands in for `sched_process_exec` where the kernel left it out.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub(crate) fn second_sched_process_exec(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXECUTED, 1).run(|| executed(&context))
}

/// Stands in for both.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub(crate) fn third_sched_process_exec(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXECUTED, 2).run(|| executed(&context))
}

#[inline(always)]
fn executed(context: &RawTracePointContext) {
    let (task, program): (*const u8, *const u8) = (context.arg(0), context.arg(2));
    let (Some(pid), Some(started_ns)) = (process(task), started(task)) else {
        return;
    };
    let parent =
        read_kernel::<*const u8>(task.wrapping_add(offset!(task_parent))).and_then(process).unwrap_or(0);
    let Some(mut entry) = PROCESSES.reserve::<ProgramRecord>(0) else {
        count(Counter::RingFullProcesses);
        return;
    };
    let record: *mut ProgramRecord = entry.as_mut_ptr();
    let interpreter = read_kernel::<*const u8>(program.wrapping_add(offset!(program_interpreter)));
    // SAFETY: a place in the ring; the path's room is as long as is said.
    unsafe {
        let length = match interpreter {
            Some(path) => copy_text((&raw mut (*record).path).cast(), PATH_BYTES as u32, path).unwrap_or(0),
            None => 0,
        };
        let header = Header { captured_bytes: length, ..header(kind::PROGRAM) };
        (&raw mut (*record).process).write(ProcessRecord { header, parent, pid, started_ns });
    }
    entry.submit(0);
}

/// `sched_process_exit(task)`. The last thread to end may be another than the first that there was.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub(crate) fn sched_process_exit(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXITED, 0).run(|| exited(&context))
}

/// Stands in for `sched_process_exit` where the kernel left it out.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub(crate) fn second_sched_process_exit(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXITED, 1).run(|| exited(&context))
}

/// Stands in for both.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub(crate) fn third_sched_process_exit(context: RawTracePointContext) -> i32 {
    Program::of(hook::EXITED, 2).run(|| exited(&context))
}

#[inline(always)]
fn exited(context: &RawTracePointContext) {
    let task: *const u8 = context.arg(0);
    let signal = read_kernel::<*const u8>(task.wrapping_add(offset!(task_signal)));
    let live = signal.and_then(|signal| read_kernel::<i32>(signal.wrapping_add(offset!(signal_live))));
    if live != Some(0) {
        return;
    }
    if let Some(pid) = process(task) {
        send(ProcessRecord { header: header(kind::ENDED), parent: 0, pid, started_ns: 0 });
    }
}

#[inline(always)]
fn send(record: ProcessRecord) {
    if let Some(mut entry) = PROCESSES.reserve::<ProcessRecord>(0) {
        entry.write(record);
        entry.submit(0);
    } else {
        count(Counter::RingFullProcesses);
    }
}

#[inline(always)]
fn header(kind: u8) -> Header {
    Header { kind, time_ns: now(), ..Header::default() }
}

/// Id of a task's process in the initial namespace.
#[inline(always)]
fn process(task: *const u8) -> Option<u32> {
    read_kernel(task.wrapping_add(offset!(task_process)))
}

/// The same, of the first thread of a process only.
#[inline(always)]
fn leader(task: *const u8) -> Option<u32> {
    let thread: u32 = read_kernel(task.wrapping_add(offset!(task_thread)))?;
    process(task).filter(|&process| process == thread)
}

#[inline(always)]
fn started(task: *const u8) -> Option<u64> {
    read_kernel(task.wrapping_add(offset!(task_started)))
}
