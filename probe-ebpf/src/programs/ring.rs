//! Writes records of what calls moved into the rings of the CPU.

use aya_ebpf::{
    bindings::BPF_RB_FORCE_WAKEUP,
    helpers::generated::{bpf_get_current_pid_tgid, bpf_get_smp_processor_id},
};
use probe_ebpf::ring::{Cursor, LANES, RINGS_OF_FIRST_LANE, after, segment, within};

use self::hook::Program;
use super::{
    globals::{far_segments, lanes, near_segments, nested_segments},
    maps::{CURSORS, RINGS, WAKES},
};

/// The turn of a program on its CPU: rooms and rings of a lane belong to it until it gives the turn back.
///
/// From 7.0 on a thread may be preempted while a program runs at one of its tracepoints, and another program may run
/// at another thread's, which then takes the next lane. If there is none, what it would have recorded is counted as
/// lost. Before 7.0 nothing interrupts a program at a call, and there is one lane that nobody can dispute: the exchange is
/// left out, for it is one of the dearer instructions.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    cursor: *mut Cursor,
    cpu: u32,
    lane: u32,
}

impl Turn {
    /// Takes the turn, for the run of a program of a hook that ends with it if one is given; `None` if all lanes are taken.
    #[inline(always)]
    pub(crate) fn take(program: Option<Program>) -> Option<Self> {
        if lanes() == 1 {
            return Self::undisputed();
        }
        let cpu = cpu();
        for lane in 0..LANES {
            let turn = Self::at(cpu, lane)?;
            // SAFETY: an array's entry stays valid.
            unsafe {
                if exchange(&raw mut (*turn.cursor).busy, 1) == 0 {
                    (*turn.cursor).program = program.map_or(0, |program| u64::from(program.number()) + 1);
                    core::ptr::write_volatile(&raw mut (*turn.cursor).owner, bpf_get_current_pid_tgid());
                    return Some(turn);
                }
            }
        }
        None
    }

    /// Gives it back. A program that went on with another by a tail call has given it to that one.
    #[inline(always)]
    pub(crate) fn end(self) {
        if lanes() == 1 {
            return;
        }
        // SAFETY: an array's entry stays valid.
        unsafe {
            let number = (*self.cursor).program as u32;
            core::ptr::write_volatile(&raw mut (*self.cursor).owner, 0);
            core::ptr::write_volatile(&raw mut (*self.cursor).busy, 0);
            if number != 0 {
                Program::numbered(number - 1).end();
            }
        }
    }

    /// The turn that was handed on by a tail call.
    #[inline(always)]
    pub(crate) fn handed_on() -> Option<Self> {
        if lanes() == 1 {
            return Self::undisputed();
        }
        // SAFETY: no arguments.
        let thread = unsafe { bpf_get_current_pid_tgid() };
        let cpu = cpu();
        for lane in 0..LANES {
            let turn = Self::at(cpu, lane)?;
            // SAFETY: an array's entry stays valid, and words are read whole.
            if unsafe { core::ptr::read_volatile(&raw const (*turn.cursor).owner) } == thread {
                return Some(turn);
            }
        }
        None
    }

    /// The turn where there is but one lane.
    #[inline(always)]
    pub(crate) fn undisputed() -> Option<Self> {
        Self::at(cpu(), 0)
    }

    #[inline(always)]
    fn at(cpu: u32, lane: u32) -> Option<Self> {
        let further = if lane == 0 { 0 } else { RINGS_OF_FIRST_LANE - 1 + lane };
        let cursor = CURSORS.get_ptr_mut(first_cursor(cpu) + further)?;
        Some(Self { cursor, cpu, lane })
    }

    /// What the kernel side keeps of the lane.
    #[inline(always)]
    pub(crate) fn cursor(self) -> *mut Cursor {
        self.cursor
    }

    /// Which lane of the CPU it is. The verifier is shown the bound.
    #[inline(always)]
    pub(crate) fn lane(self) -> u32 {
        if lanes() == 1 { 0 } else { self.lane }
    }
}

/// The present CPU.
#[inline(always)]
fn cpu() -> u32 {
    // SAFETY: no arguments.
    unsafe { bpf_get_smp_processor_id() }
}

/// The place of a CPU's first cursor.
#[inline(always)]
fn first_cursor(cpu: u32) -> u32 {
    cpu * (RINGS_OF_FIRST_LANE - 1 + lanes())
}

/// Programs of hooks that are at work on the CPU.
///
/// The kernel does not run a program on a CPU on which it is at work already (kernel/trace/bpf_trace.c,
/// `__bpf_trace_run`), and where a thread may be preempted in the middle of one that is for as long as the thread is set
/// aside: what all others do on that CPU meanwhile would go unseen. So there a second program is attached behind the
/// first, which does the same if the first is at work on the CPU as it comes, and returns at once if not; and behind it a
/// third, for where both are. Three are as many as there are lanes.
///
/// Should a thread be preempted between the first two and the first be at work for another when it goes on, a message is
/// recorded twice: of a stream that is a repetition, which is told by its sequence number.
pub(crate) mod hook {
    use super::{CURSORS, Cursor, cpu, first_cursor, lanes};

    /// `sock_send_length`.
    pub(crate) const SENT: u32 = 0;
    /// `sock_recv_length`.
    pub(crate) const RECEIVED: u32 = 1;
    /// `inet_sock_set_state`.
    pub(crate) const STATE: u32 = 2;
    /// `tcp_destroy_sock`.
    pub(crate) const DESTROYED: u32 = 3;
    /// `sched_process_fork`.
    pub(crate) const FORKED: u32 = 4;
    /// `sched_process_exec`.
    pub(crate) const EXECUTED: u32 = 5;
    /// `sched_process_exit`.
    pub(crate) const EXITED: u32 = 6;

    /// A program of a hook.
    #[derive(Clone, Copy)]
    pub(crate) struct Program(u32);

    impl Program {
        /// The first, second or third of a hook, by numbers from zero.
        #[inline(always)]
        pub(crate) const fn of(hook: u32, position: u32) -> Self {
            Self(hook * 8 + position)
        }

        /// The one with that number.
        #[inline(always)]
        pub(crate) const fn numbered(number: u32) -> Self {
            Self(number)
        }

        /// Its number, in which its hook is told as well.
        #[inline(always)]
        pub(crate) const fn number(self) -> u32 {
            self.0
        }

        /// It begins.
        #[inline(always)]
        pub(crate) fn begin(self) {
            self.write(1);
        }

        /// It has ended.
        #[inline(always)]
        pub(crate) fn end(self) {
            self.write(0);
        }

        /// Whether all programs before it are at work on the CPU for other threads, so that it stands in for them.
        #[inline(always)]
        pub(crate) fn stands_in(self) -> bool {
            let position = self.0 % 8;
            (0..position).all(|before| Self(self.0 - position + before).is_running())
        }

        /// Runs what it does, if that is for it to do.
        #[inline(always)]
        pub(crate) fn run(self, run: impl FnOnce()) -> i32 {
            if self.stands_in() {
                self.begin();
                run();
                self.end();
            }
            0
        }

        #[inline(always)]
        fn is_running(self) -> bool {
            // SAFETY: an array's entry stays valid.
            self.mark().is_some_and(|mark| unsafe { core::ptr::read_volatile(mark) } != 0)
        }

        #[inline(always)]
        fn write(self, value: u8) {
            if lanes() != 1
                && let Some(mark) = self.mark()
            {
                // SAFETY: an array's entry stays valid. Each program has a byte of its own, which nobody else writes.
                unsafe { core::ptr::write_volatile(mark, value) };
            }
        }

        #[inline(always)]
        fn mark(self) -> Option<*mut u8> {
            let cursor: *mut Cursor = CURSORS.get_ptr_mut(first_cursor(cpu()))?;
            // SAFETY: seven hooks have eight bytes each, and the mask shows the verifier that the place is within the cursor.
            Some(unsafe { (&raw mut (*cursor).running).cast::<u8>().add(self.0 as usize & 63) })
        }
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
        let Turn { mut cursor, cpu, .. } = turn;
        let of_first_lane = near_segments() + far_segments();
        let first = cpu * (of_first_lane + (lanes() - 1) * nested_segments());
        if turn.lane() != 0 {
            return Self::nested(cursor, first + of_first_lane + (turn.lane() - 1) * nested_segments());
        }
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
                cursor = CURSORS.get_ptr_mut(first_cursor(cpu) + 1)?;
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

    /// Takes the room in the ring of a lane beside the first, whose segments begin there.
    #[inline(always)]
    fn nested(cursor: *mut Cursor, first: u32) -> Option<Self> {
        // SAFETY: as in `take`.
        unsafe {
            if is_full(cursor, nested_segments()) {
                wake_reader(cursor);
                return None;
            }
            let position = (*cursor).written;
            let index = first + (segment(position) as u32 & (nested_segments() - 1));
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
