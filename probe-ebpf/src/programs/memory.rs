//! Two ways to read kernel memory: through pointers that the verifier knows, and through a helper.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::task_struct,
    helpers::generated::{
        bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_task, bpf_get_current_task_btf,
        bpf_probe_read_kernel, bpf_probe_read_user,
    },
    maps::ProgramArray,
};

use probe_ebpf::record::Caller;

use super::{
    globals::offset,
    maps::{STEPS_RAW, STEPS_TYPED},
};

/// How a program reads what its typed arguments lead to.
pub(crate) trait Memory {
    /// A value at a kernel address, `None` if it cannot be read.
    fn read<T: Copy>(address: *const u8) -> Option<T>;

    /// The running task.
    fn task() -> *const u8;

    /// Id of the running process in the initial namespace.
    fn process() -> u32;

    /// Writes ids and name of the running thread.
    ///
    /// # Safety
    /// `to` must be valid for writes.
    unsafe fn write_thread(to: *mut Caller);

    /// The programs that one of this hook may go on with.
    fn steps() -> &'static ProgramArray;
}

/// Plain loads, which the verifier checks against BTF and turns into faulting-safe ones. Only for pointers that come
/// from a typed argument or from `bpf_get_current_task_btf`, one member after another.
pub(crate) struct Typed;

impl Memory for Typed {
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
    fn process() -> u32 {
        Self::read(Self::task().wrapping_add(offset!(task_process))).unwrap_or(0)
    }

    #[inline(always)]
    unsafe fn write_thread(to: *mut Caller) {
        let task = Self::task();
        let name = task.wrapping_add(offset!(task_name));
        let words = (Self::read(name).unwrap_or(0), Self::read(name.wrapping_add(8)).unwrap_or(0));
        // SAFETY: by contract.
        unsafe {
            (*to).pid = Self::read(task.wrapping_add(offset!(task_process))).unwrap_or(0);
            (*to).tid = Self::read(task.wrapping_add(offset!(task_thread))).unwrap_or(0);
            core::ptr::write_unaligned((&raw mut (*to).comm).cast::<(u64, u64)>(), words);
        }
    }

    #[inline(always)]
    fn steps() -> &'static ProgramArray {
        &STEPS_TYPED
    }
}

/// `bpf_probe_read_kernel`, for any address.
pub(crate) struct Probed;

impl Memory for Probed {
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
    fn process() -> u32 {
        // SAFETY: no arguments.
        (unsafe { bpf_get_current_pid_tgid() } >> 32) as u32
    }

    #[inline(always)]
    unsafe fn write_thread(to: *mut Caller) {
        // SAFETY: by contract.
        unsafe {
            let ids = bpf_get_current_pid_tgid();
            (*to).pid = (ids >> 32) as u32;
            (*to).tid = ids as u32;
            bpf_get_current_comm((&raw mut (*to).comm).cast(), 16);
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
