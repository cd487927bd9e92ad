//! Copies what a call moved out of the memory of the program that made it.

use probe_ebpf::{counter::Counter, record::PAYLOAD_PER_RECORD};

use super::{
    maps::{VECTOR_ROOM, VECTORS, Vector, count},
    memory::{copy_from_user, read_user},
    ring::Turn,
};

/// Where the bytes of a call are.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// What `memory` points at.
    pub(crate) kind: u32,
    /// An address in the program's memory.
    pub(crate) memory: u64,
    /// How many vectors there are.
    pub(crate) count: u32,
}

/// The bytes never were in the program's memory.
pub(crate) const NOWHERE: u32 = 0;
/// One buffer.
pub(crate) const BUFFER: u32 = 1;
/// An array of `struct iovec`.
pub(crate) const VECTORED: u32 = 2;

/// `struct user_msghdr` up to the control data (include/linux/socket.h).
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct MessageHeader {
    /// Address of the peer, if any.
    pub(crate) name: u64,
    /// Length of that address.
    pub(crate) name_length: u32,
    padding: u32,
    /// The vectors.
    pub(crate) vectors: u64,
    /// How many.
    pub(crate) count: u64,
}

impl MessageHeader {
    /// The header at an address in the program's memory.
    #[inline(always)]
    pub(crate) fn read(address: u64) -> Option<Self> {
        read_user(address)
    }

    /// Where the message's bytes are.
    #[inline(always)]
    pub(crate) fn source(&self) -> Source {
        Source { kind: VECTORED, memory: self.vectors, count: self.count as u32 }
    }
}

/// Length of `struct mmsghdr`, and where its `msg_len` lies.
pub(crate) const MANY_STRIDE: u64 = 64;
pub(crate) const MANY_LENGTH: u64 = 56;

/// What was copied.
#[derive(Clone, Copy)]
pub(crate) struct Copied {
    /// How many bytes: fewer than were wanted where the memory cannot be read, or where `ended_early`.
    pub(crate) bytes: u32,
    /// Whether all vectors that are looked at at once were copied to their ends, and there are more.
    pub(crate) ended_early: bool,
}

impl Copied {
    /// So many bytes, and no more of the source to come.
    #[inline(always)]
    const fn all(bytes: u32) -> Self {
        Self { bytes, ended_early: false }
    }
}

/// Copies `want` bytes, at most one record's worth, of those that lie `skip` bytes into `source`.
///
/// # Safety
/// `payload` must point at the payload of a record in a `Room`.
#[inline(always)]
pub(crate) unsafe fn copy(turn: Turn, payload: *mut u8, source: Source, skip: u32, want: u32) -> Copied {
    let want = want.min(PAYLOAD_PER_RECORD as u32);
    if want == 0 {
        return Copied::all(0);
    }
    match source.kind {
        BUFFER => {
            // The compiler knows the bound and would leave the mask out, which the verifier needs.
            let length = core::hint::black_box(want) & MASK;
            // SAFETY: the mask keeps the length within the room.
            if unsafe { copy_from_user(payload, length, source.memory + u64::from(skip)) } {
                Copied::all(want)
            } else {
                count(Counter::CopyFault);
                Copied::all(0)
            }
        }
        // SAFETY: by contract.
        VECTORED => unsafe { copy_vectors(turn, payload, source, skip, want) },
        _ => Copied::all(0),
    }
}

/// Lets one record's payload pass and shows the verifier a bound right before the call: up to 6.1 a bound does not
/// survive a spill to the stack.
const MASK: u32 = 2 * PAYLOAD_PER_RECORD as u32 - 1;

#[inline(always)]
unsafe fn copy_vectors(turn: Turn, payload: *mut u8, source: Source, mut skip: u32, want: u32) -> Copied {
    let Some(room) = VECTOR_ROOM.get_ptr_mut(turn.lane()) else {
        return Copied::all(0);
    };
    let vectors = room.cast::<Vector>();
    let number = source.count.min(VECTORS);
    let bytes = number * size_of::<Vector>() as u32;
    // SAFETY: the mask keeps the length within the room.
    if bytes == 0 || !unsafe { copy_from_user(vectors.cast(), bytes & (512 - 1), source.memory) } {
        count(Counter::CopyFault);
        return Copied::all(0);
    }
    let mut done = 0;
    for index in 0..VECTORS {
        if index >= number || done >= want {
            break;
        }
        // SAFETY: `index` is below the room's length.
        let vector = unsafe { core::ptr::read_volatile(vectors.add(index as usize)) };
        if vector.length <= u64::from(skip) {
            skip -= vector.length as u32;
            continue;
        }
        let available = vector.length - u64::from(skip);
        let rest = want - done;
        let length = if available < u64::from(rest) { available as u32 } else { rest };
        let from = vector.base + u64::from(skip);
        skip = 0;
        // SAFETY: the masks keep offset plus length within the room.
        let copied = unsafe {
            let to = payload.add(core::hint::black_box(done) as usize & (PAYLOAD_PER_RECORD - 1));
            copy_from_user(to, core::hint::black_box(length) & MASK, from)
        };
        if !copied {
            count(Counter::CopyFault);
            return Copied::all(done);
        }
        done += length;
    }
    Copied { bytes: done, ended_early: done < want && source.count > VECTORS }
}
