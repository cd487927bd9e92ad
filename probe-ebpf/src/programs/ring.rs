//! Writes records of what calls moved into the rings of the CPU.

use aya_ebpf::{bindings::BPF_RB_FORCE_WAKEUP, helpers::generated::bpf_get_smp_processor_id};
use probe_ebpf::ring::{Cursor, RINGS_PER_CPU, after, segment, within};

use super::{
    globals::{far_segments, near_segments, takes_turns},
    maps::{CURSORS, RINGS, WAKES},
};

/// The turn of a program on its CPU: rooms and the ring belong to it until it gives the turn back.
///
/// From 7.0 on a thread may be preempted while a program runs at one of its tracepoints, and another program may run
/// at another thread's. What it then would have recorded is counted as lost. The kernel itself skips a program that is
/// still at work on the CPU; such a call shows as a gap. Before 7.0 nothing interrupts a
/// program, and the exchange is left out, for it is one of the dearer instructions.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    cursor: *mut Cursor,
    cpu: u32,
}

impl Turn {
    /// Takes the turn; `None` if another program has it.
    #[inline(always)]
    pub(crate) fn take() -> Option<Self> {
        let turn = Self::handed_on()?;
        if takes_turns() == 0 {
            return Some(turn);
        }
        // SAFETY: an array's entry stays valid.
        (unsafe { exchange(&raw mut (*turn.cursor).busy, 1) } == 0).then_some(turn)
    }

    /// Gives it back. A program that went on with another by a tail call has given it to that one.
    #[inline(always)]
    pub(crate) fn end(self) {
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(&raw mut (*self.cursor).busy, 0) };
    }

    /// The turn that was handed on by a tail call, or that nobody can dispute.
    #[inline(always)]
    pub(crate) fn handed_on() -> Option<Self> {
        // SAFETY: no arguments.
        let cpu = unsafe { bpf_get_smp_processor_id() };
        Some(Self { cursor: CURSORS.get_ptr_mut(cpu * RINGS_PER_CPU)?, cpu })
    }

    /// What the kernel side keeps of the CPU.
    #[inline(always)]
    pub(crate) fn cursor(self) -> *mut Cursor {
        self.cursor
    }
}

/// Room for one record of any size, to be written in place.
pub(crate) struct Room {
    cursor: *mut Cursor,
    place: *mut u8,
}

impl Room {
    /// Takes the room behind the last record; `None` if both rings are full. Without publishing it nothing is taken.
    #[inline(always)]
    pub(crate) fn take(turn: Turn) -> Option<Self> {
        let Turn { mut cursor, cpu } = turn;
        let first = cpu * (near_segments() + far_segments());
        // SAFETY: an array's entry stays valid; userspace writes `read` only, and words are read whole.
        unsafe {
            let mut position = (*cursor).written;
            let mut index = first + (segment(position) as u32 & (near_segments() - 1));
            if is_full(cursor, near_segments()) {
                let far = u64::from(far_segments());
                // Also tells the compiler that the remainder below cannot fail.
                if far == 0 {
                    return None;
                }
                wake_reader(cursor);
                cursor = CURSORS.get_ptr_mut(cpu * RINGS_PER_CPU + 1)?;
                if is_full(cursor, far_segments()) {
                    return None;
                }
                position = (*cursor).written;
                index = first + near_segments() + (segment(position) % far) as u32;
            }
            let place = RINGS.get_ptr_mut(index)?.cast::<u8>().add(within(position) as usize);
            Some(Self { cursor, place })
        }
    }

    /// Where the record goes: as much as the largest record, and more.
    #[inline(always)]
    pub(crate) fn place(&self) -> *mut u8 {
        self.place
    }

    /// Shows the record, of so many bytes, to userspace.
    #[inline(always)]
    pub(crate) fn publish(self, bytes: usize) {
        // SAFETY: as above.
        unsafe {
            let next = after((*self.cursor).written, bytes as u64);
            store_behind(&raw mut (*self.cursor).written, next);
        }
    }
}

/// Whether a ring of so many segments has no room for another record: there is always room in a segment that was begun.
///
/// # Safety
/// `cursor` must be valid.
#[inline(always)]
unsafe fn is_full(cursor: *const Cursor, segments: u32) -> bool {
    // SAFETY: by contract; userspace writes `read`, and words are read whole.
    unsafe {
        let position = (*cursor).written;
        if within(position) != 0 {
            return false;
        }
        let read = core::ptr::read_volatile(&raw const (*cursor).read);
        segment(position).wrapping_sub(segment(read)) >= u64::from(segments)
    }
}

/// Wakes userspace, once for each time that a near ring is full: before its time is up, for much is being moved.
///
/// # Safety
/// `cursor` must be valid.
#[inline(always)]
unsafe fn wake_reader(cursor: *mut Cursor) {
    // SAFETY: by contract.
    unsafe {
        if (*cursor).woken == (*cursor).written {
            return;
        }
        (*cursor).woken = (*cursor).written;
    }
    // A record that is thrown away is not seen, but wakes who waits for one.
    if let Some(entry) = WAKES.reserve::<u64>(0) {
        entry.discard(u64::from(BPF_RB_FORCE_WAKEUP));
    }
}

/// Stores a word and gives what it held, as one step (Documentation/bpf/standardization/instruction-set.rst, atomic
/// operations; from 5.12). The compiler offers no such operation for this target.
///
/// # Safety
/// `word` must be valid for reads and writes.
#[inline(always)]
unsafe fn exchange(word: *mut u64, value: u64) -> u64 {
    let mut value = value;
    // SAFETY: by contract, and a word of a map is aligned.
    unsafe {
        core::arch::asm!("{value} = xchg_64({word} + 0, {value})", word = in(reg) word, value = inout(reg) value);
    }
    value
}

/// Stores a word so that nobody sees it before what was stored earlier.
///
/// # Safety
/// `to` must be valid for writes.
#[inline(always)]
unsafe fn store_behind(to: *mut u64, value: u64) {
    // The compiler must not move stores past this; it has no fence to offer for this target.
    // SAFETY: no instruction.
    unsafe { core::arch::asm!("") };
    // Stores become visible in the order of the program (Intel SDM volume 3, section 9.2.2).
    #[cfg(bpf_target_arch = "x86_64")]
    // SAFETY: by contract.
    unsafe {
        core::ptr::write_volatile(to, value);
    }
    // An exchange is a full barrier.
    #[cfg(bpf_target_arch = "aarch64")]
    // SAFETY: by contract.
    unsafe {
        exchange(to, value);
    }
}
