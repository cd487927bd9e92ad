//! Two ways to read kernel memory: through pointers that the verifier knows, and through a helper.

use aya_ebpf::{
    bindings::task_struct,
    helpers::{
        bpf_probe_read_kernel,
        generated::{bpf_get_current_task, bpf_get_current_task_btf, bpf_probe_read_user},
    },
};

/// How a program reads what its typed arguments lead to.
pub(crate) trait Memory {
    /// A value at a kernel address, `None` if it cannot be read.
    fn read<T: Copy>(address: *const u8) -> Option<T>;

    /// The running task.
    fn task() -> *const u8;
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
}

/// A value at any kernel address.
#[inline(always)]
pub(crate) fn read_kernel<T: Copy>(address: *const u8) -> Option<T> {
    // SAFETY: the helper checks the address and fails where it cannot be read.
    unsafe { bpf_probe_read_kernel(address.cast::<T>()) }.ok()
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
