//! The globals that userspace sets before loading.
//!
//! They are read volatile because the compiler must not take the value in this file for the one at run time. The
//! verifier does know it, the section being frozen by then, and removes what a setting makes unreachable.

use probe_ebpf::{layout::Layout, record::PAYLOAD_PER_RECORD};

/// Kernel offsets.
#[unsafe(no_mangle)]
pub(crate) static LAYOUT: Layout = {
    // SAFETY: `Layout` is made of integers only.
    unsafe { core::mem::zeroed() }
};
/// Process id of the daemon, which must never observe itself.
#[unsafe(no_mangle)]
pub(crate) static OWN_PROCESS: u32 = 0;
/// Bits of `filter::bits`.
#[unsafe(no_mangle)]
pub(crate) static FILTERS: u32 = 0;
/// Bytes of payload to copy per call.
#[unsafe(no_mangle)]
pub(crate) static PAYLOAD_BYTES: u32 = PAYLOAD_PER_RECORD as u32;
/// Slots of the connection table: a power of two.
#[unsafe(no_mangle)]
pub(crate) static CONNECTION_SLOTS: u32 = 1;
/// Segments of each CPU's near ring: a power of two.
#[unsafe(no_mangle)]
pub(crate) static NEAR_SEGMENTS: u32 = 1;
/// Segments of each CPU's far ring, zero if there is none.
#[unsafe(no_mangle)]
pub(crate) static FAR_SEGMENTS: u32 = 0;
/// Segments of the ring of each CPU's further lanes: a power of two.
#[unsafe(no_mangle)]
pub(crate) static NESTED_SEGMENTS: u32 = 1;
/// Lanes of each CPU: one, or as many as there may be where a thread may be preempted while a program runs for it.
#[unsafe(no_mangle)]
pub(crate) static LANES: u32 = 1;

/// The offset of a kernel structure's member.
macro_rules! offset {
    ($field:ident) => {
        $crate::programs::globals::member(&$crate::programs::globals::LAYOUT.$field)
    };
}
pub(crate) use offset;

#[inline(always)]
pub(crate) fn member(place: &u32) -> usize {
    // SAFETY: a reference is readable.
    unsafe { core::ptr::read_volatile(place) as usize }
}

macro_rules! accessor {
    ($name:ident, $global:ident, $type:ty) => {
        #[inline(always)]
        pub(crate) fn $name() -> $type {
            // SAFETY: a static is readable, and nothing writes this one while programs run.
            unsafe { core::ptr::read_volatile(&raw const $global) }
        }
    };
}

accessor!(own_process, OWN_PROCESS, u32);
accessor!(filters, FILTERS, u32);
accessor!(payload_bytes, PAYLOAD_BYTES, u32);
accessor!(connection_slots, CONNECTION_SLOTS, u32);
accessor!(near_segments, NEAR_SEGMENTS, u32);
accessor!(far_segments, FAR_SEGMENTS, u32);
accessor!(nested_segments, NESTED_SEGMENTS, u32);
accessor!(lanes, LANES, u32);
