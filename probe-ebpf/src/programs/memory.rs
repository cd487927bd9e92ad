//! Two ways to read kernel memory: through pointers that the verifier knows, and through a helper.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::task_struct,
    helpers::generated::{
        bpf_get_current_cgroup_id, bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_task,
        bpf_get_current_task_btf, bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user,
    },
    maps::ProgramArray,
};

use probe_ebpf::record::Caller;

use super::{
    globals::offset,
    maps::{STEPS_RAW, STEPS_SOCKET, STEPS_TYPED},
    ring::Turn,
};

/// How long a CPU remembers which cgroup a set of them leads to.
const REMEMBERED_NS: u64 = 1_000_000_000;

/// Where a program runs: the running thread, and the ring of the CPU. Found once, since finding takes calls of helpers.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    /// The running task.
    pub(crate) task: *const u8,
    /// The turn on the CPU.
    pub(crate) turn: Turn,
}

/// How a program reads what its typed arguments lead to.
pub(crate) trait Memory {
    /// Whether the pointer to the socket is one that the verifier knows.
    const SOCKET_IS_TYPED: bool;

    /// A value at a kernel address, `None` if it cannot be read.
    fn read<T: Copy>(address: *const u8) -> Option<T>;

    /// The running task.
    fn task() -> *const u8;

    /// Id of the running task's process in the initial namespace.
    fn process(task: *const u8) -> u32;

    /// Writes ids, name and cgroup of the running thread, at a given time.
    ///
    /// # Safety
    /// `to` must be valid for writes.
    unsafe fn write_thread(here: Here, now: u64, to: *mut Caller);

    /// The programs that one of this hook may go on with.
    fn steps() -> &'static ProgramArray;
}

/// Plain loads, which the verifier checks against BTF and turns into faulting-safe ones. Only for pointers that come
/// from a typed argument or from `bpf_get_current_task_btf`, one member after another.
///
/// `SOCKET` says that the program belongs to the hooks of the socket layer rather than to `sys_exit`, `ENTRY` that it is
/// the one that is called first and is given the socket.
pub(crate) struct TypedTask<const SOCKET: bool, const ENTRY: bool>;

/// The exit of system calls, with typed arguments.
pub(crate) type Typed = TypedTask<false, false>;
/// The socket layer's tracepoints.
pub(crate) type SocketLayer = TypedTask<true, true>;
/// What goes on after them, with a socket from a map.
pub(crate) type SocketLayerStep = TypedTask<true, false>;

impl<const SOCKET: bool, const ENTRY: bool> Memory for TypedTask<SOCKET, ENTRY> {
    const SOCKET_IS_TYPED: bool = SOCKET && ENTRY;

    #[inline(always)]
    fn read<T: Copy>(address: *const u8) -> Option<T> {
        // SAFETY: the verifier admits the load only where BTF shows a member of that size, and a fault reads as zero.
        Some(unsafe { core::ptr::read_volatile(address.cast::<T>()) })
    }

    #[inline(always)]
    fn task() -> *const u8 {
        // SAFETY: no arguments, never null.
        let task: *mut task_struct = unsafe { bpf_get_current_task_btf() };
        task.cast_const().cast()
    }

    #[inline(always)]
    fn process(task: *const u8) -> u32 {
        Self::read(task.wrapping_add(offset!(task_process))).unwrap_or(0)
    }

    #[inline(always)]
    unsafe fn write_thread(here: Here, now: u64, to: *mut Caller) {
        let task = here.task;
        let name = task.wrapping_add(offset!(task_name));
        let words = (Self::read(name).unwrap_or(0), Self::read(name.wrapping_add(8)).unwrap_or(0));
        // SAFETY: by contract.
        unsafe {
            (*to).pid = Self::read(task.wrapping_add(offset!(task_process))).unwrap_or(0);
            (*to).tid = Self::read(task.wrapping_add(offset!(task_thread))).unwrap_or(0);
            core::ptr::write_unaligned((&raw mut (*to).comm).cast::<(u64, u64)>(), words);
            (*to).cgroup = Self::cgroup(here, now).unwrap_or(0);
        }
    }

    #[inline(always)]
    fn steps() -> &'static ProgramArray {
        if SOCKET { &STEPS_SOCKET } else { &STEPS_TYPED }
    }
}

impl<const SOCKET: bool, const ENTRY: bool> TypedTask<SOCKET, ENTRY> {
    /// Id of the running thread's cgroup in the version 2 hierarchy, as `bpf_get_current_cgroup_id` gives it.
    ///
    /// What a set of cgroups leads to does not change, but three structures lie in between, which are seldom in the cache.
    /// The CPU remembers where that of the last thread led, and for no longer than [`REMEMBERED_NS`], since the memory
    /// of a set may be used again for another.
    #[inline(always)]
    fn cgroup(here: Here, now: u64) -> Option<u64> {
        let set: *const u8 = Self::read(here.task.wrapping_add(offset!(task_cgroups)))?;
        let cursor = here.turn.cursor();
        // SAFETY: an array's entry stays valid, and belongs to the program that has the turn.
        unsafe {
            let known = core::ptr::read_volatile(&raw const (*cursor).groups);
            if known == set as u64 && now.wrapping_sub((*cursor).cgroup_ns) < REMEMBERED_NS {
                return Some((*cursor).cgroup);
            }
        }
        let cgroup: *const u8 = Self::read(set.wrapping_add(offset!(cgroups_default)))?;
        let node: *const u8 = Self::read(cgroup.wrapping_add(offset!(cgroup_node)))?;
        let id = Self::read(node.wrapping_add(offset!(node_id)))?;
        // SAFETY: as above.
        unsafe {
            core::ptr::write_volatile(&raw mut (*cursor).groups, set as u64);
            (*cursor).cgroup = id;
            (*cursor).cgroup_ns = now;
        }
        Some(id)
    }
}

/// `bpf_probe_read_kernel`, for any address.
pub(crate) struct Probed;

impl Memory for Probed {
    const SOCKET_IS_TYPED: bool = false;

    #[inline(always)]
    fn read<T: Copy>(address: *const u8) -> Option<T> {
        read_kernel(address)
    }

    #[inline(always)]
    fn task() -> *const u8 {
        // SAFETY: no arguments, never null.
        (unsafe { bpf_get_current_task() }) as *const u8
    }

    #[inline(always)]
    fn process(_: *const u8) -> u32 {
        // SAFETY: no arguments.
        (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
    }

    #[inline(always)]
    unsafe fn write_thread(_: Here, _: u64, to: *mut Caller) {
        // SAFETY: by contract.
        unsafe {
            let ids = bpf_get_current_pid_tgid();
            (*to).pid = (ids >> 32) as u32;
            (*to).tid = ids as u32;
            bpf_get_current_comm((&raw mut (*to).comm).cast(), 16);
            (*to).cgroup = bpf_get_current_cgroup_id();
        }
    }

    #[inline(always)]
    fn steps() -> &'static ProgramArray {
        &STEPS_RAW
    }
}

/// A value at any kernel address.
#[inline(always)]
pub(crate) fn read_kernel<T: Copy>(address: *const u8) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes no more than the place holds; it checks the address.
    if unsafe { bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, address.cast()) } != 0
    {
        return None;
    }
    // SAFETY: written in full; only made of integers and pointers.
    Some(unsafe { value.assume_init() })
}

/// Copies a text with its final zero, cut to `length` bytes with one. Gives how long it is without.
///
/// # Safety
/// `to` must be valid for `length` bytes, provably so to the verifier.
#[inline(always)]
pub(crate) unsafe fn copy_text(to: *mut u8, length: u32, from: *const u8) -> Option<u32> {
    // SAFETY: `to` by contract; the helper checks `from`.
    let copied = unsafe { bpf_probe_read_kernel_str(to.cast(), length, from.cast()) };
    (copied > 0).then(|| copied as u32 - 1)
}

/// A value at an address of the running program.
#[inline(always)]
pub(crate) fn read_user<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the place is as long as the type.
    if !unsafe { copy_from_user(value.as_mut_ptr().cast(), size_of::<T>() as u32, address) } {
        return None;
    }
    // SAFETY: written in full; only made of integers.
    Some(unsafe { value.assume_init() })
}

/// Copies user memory.
///
/// # Safety
/// `to` must be valid for `length` bytes, provably so to the verifier.
#[inline(always)]
pub(crate) unsafe fn copy_from_user(to: *mut u8, length: u32, from: u64) -> bool {
    // SAFETY: `to` by contract; the helper checks `from`.
    (unsafe { bpf_probe_read_user(to.cast(), length, from as *const _) }) == 0
}
