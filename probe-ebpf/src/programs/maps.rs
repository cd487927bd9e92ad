//! The maps.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, ProgramArray, RingBuf},
};
use probe_ebpf::{
    counter::Counter,
    filter::{MOST_NAMES, MOST_PORTS},
    layout::SOCK_COMMON_WINDOW,
    record::verdict,
    ring::{Cursor, LANES, SEGMENT_ROOM},
};

/// Records of connections' lives. The size is set at load.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(4 << 20, 0);

/// Records of processes, which may be many more than connections: a storm of them must not cost records of these. Some
/// thousand programs that start.
#[map]
pub(crate) static PROCESSES: RingBuf = RingBuf::with_byte_size(512 << 10, 0);

/// What userspace waits for when it has nothing else to do. Nothing is ever in it: a page is the least that it can have.
#[map]
pub(crate) static WAKES: RingBuf = RingBuf::with_byte_size(4096, 0);

/// Records of what calls moved: the segments of the first CPU's near ring, of its far ring, of its further lanes' rings,
/// then those of the next CPU. The number is set at load.
#[map]
pub(crate) static RINGS: Array<[u8; SEGMENT_ROOM]> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// How far each ring was written and read, in the order of the segments. The number is set at load.
#[map]
pub(crate) static CURSORS: Array<Cursor> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// TCP connections, see `table`. The number of slots is set at load.
#[map]
pub(crate) static CONNECTIONS: Array<Connection> = Array::with_max_entries(1, 0);

/// Which of these slots are taken. The number is set at load: how many connections there may be.
#[map]
pub(crate) static CLAIMS: HashMap<u32, u64> = HashMap::with_max_entries(1, 0);

/// What userspace says of connections, at `verdict::slot(id)`.
#[map]
pub(crate) static VERDICTS: Array<u64> = Array::with_max_entries(verdict::SLOTS, 0);

/// What was counted.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::COUNT as u32, 0);

/// Rooms that a CPU has of everything that programs which may interrupt each other must not share: one for each lane of
/// those at calls, and one for each of the three at states.
const ROOMS: u32 = LANES + 3;
/// The room of the program at changes of state, after those of the lanes.
pub(crate) const STATE_ROOM: u32 = LANES;
/// The room of the program that stands in for it.
pub(crate) const SECOND_STATE_ROOM: u32 = LANES + 1;
/// The room of the one that stands in for both.
pub(crate) const THIRD_STATE_ROOM: u32 = LANES + 2;

/// Room for the beginning of a `struct sock`.
#[map]
pub(crate) static COMMON_ROOM: PerCpuArray<[u64; SOCK_COMMON_WINDOW as usize / 8]> =
    PerCpuArray::with_max_entries(ROOMS, 0);

/// The vectors of the present call, for each lane.
#[map]
pub(crate) static VECTOR_ROOM: PerCpuArray<[Vector; VECTOR_ROOM_LENGTH]> =
    PerCpuArray::with_max_entries(LANES, 0);

/// Where a call that needs more than one record stands, for each lane.
#[map]
pub(crate) static STEP: PerCpuArray<Step> = PerCpuArray::with_max_entries(LANES, 0);

/// The last connection number that each CPU gave out, in each room.
#[map]
pub(crate) static NUMBERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(ROOMS, 0);

/// The address of the operations that every socket's file shares, once one was seen.
#[map]
pub(crate) static SOCKET_OPERATIONS: Array<u64> = Array::with_max_entries(1, 0);

/// The program that goes on with a call that needs more than one record, for the typed hook. An array of programs
/// belongs to the type of the first program that names it, so each hook has its own.
#[map]
pub(crate) static STEPS_TYPED: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// The same for the hooks of the socket layer.
#[map]
pub(crate) static STEPS_SOCKET: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// The same for the raw hook.
#[map]
pub(crate) static STEPS_RAW: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// How far threads have come in the messages of a sendmmsg or recvmmsg call, by thread.
#[map]
pub(crate) static MESSAGES: LruHashMap<u64, Progress> = LruHashMap::with_max_entries(1024, 0);

/// Who sent the datagram that a thread is about to be given, by thread.
#[map]
pub(crate) static PEERS: LruHashMap<u64, Peer> = LruHashMap::with_max_entries(1024, 0);

/// Process ids to capture or leave out.
#[map]
pub(crate) static PROCESS_RULES: HashMap<u32, u8> = HashMap::with_max_entries(1024, 0);

/// Thread names to capture or leave out, padded with zero bytes.
#[map]
pub(crate) static NAME_RULES: HashMap<[u8; 16], u8> = HashMap::with_max_entries(MOST_NAMES, 0);

/// Cgroup ids to capture or leave out.
#[map]
pub(crate) static CGROUP_RULES: HashMap<u64, u8> = HashMap::with_max_entries(4096, 0);

/// Ports to capture or leave out.
#[map]
pub(crate) static PORT_RULES: HashMap<u16, u8> = HashMap::with_max_entries(MOST_PORTS, 0);

/// What the kernel side remembers of a TCP connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Connection {
    /// Address of its `struct sock`, zero while the slot is free.
    pub(crate) sock: u64,
    /// Its id.
    pub(crate) id: u64,
    /// When it was dialled or, lacking that, first seen.
    pub(crate) began_ns: u64,
    /// Time of its handshake, zero if unknown.
    pub(crate) handshake_ns: u64,
    /// The protocol's operations when it was first seen: others later mean that another layer took over the socket.
    pub(crate) operations: u64,
    /// Both ports as they stand in `struct sock`, to tell a reused address.
    pub(crate) ports: u32,
    /// Bits of `record::flags` that its opening record carries.
    pub(crate) flags: u32,
    /// Whether userspace was told.
    pub(crate) announced: u32,
    /// Calls whose records were lost since the last chunk of each flow.
    pub(crate) lost_calls: [u32; 2],
    /// How far the program had read when it was last seen to read; until the connection is established, the process that
    /// dials.
    pub(crate) read_sequence: u32,
}

const _: () =
    assert!(size_of::<Connection>() == 64, "found by a shift, and mostly within one line of the cache");

/// How far a thread has come in a call that moves several messages.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Progress {
    /// The array of `struct mmsghdr`.
    pub(crate) array: u64,
    /// The next message.
    pub(crate) next: u64,
}

/// The other end of a datagram.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Peer {
    /// The address in two words; an IPv4 address takes the first half of the first.
    pub(crate) address: [u64; 2],
    /// In host order.
    pub(crate) port: u32,
    /// One where the address is IPv6.
    pub(crate) is_v6: u32,
}

/// How many parts of a vectored call are looked at at once.
pub(crate) const VECTORS: u32 = 16;
/// Twice as many, for the verifier: a mask that lets 16 pass lets 31 pass.
pub(crate) const VECTOR_ROOM_LENGTH: usize = 32;

/// `struct iovec`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Vector {
    pub(crate) base: u64,
    pub(crate) length: u64,
}

/// Where a call that needs more than one record stands.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Step {
    /// Address of the socket.
    pub(crate) sock: u64,
    /// Where the bytes are, as `kind` says; of many messages, the array of `struct mmsghdr`.
    pub(crate) memory: u64,
    /// How many vectors there are, or messages if there are many.
    pub(crate) count: u32,
    /// The present message, of many.
    pub(crate) message: u32,
    /// Bytes of the present message that were sent on.
    pub(crate) done: u32,
    /// Length of the present message.
    pub(crate) length: u32,
    /// Sequence number of the first byte of the present message.
    pub(crate) sequence: u32,
    /// One of `record::flow`.
    pub(crate) flow: u32,
    /// What `memory` points at.
    pub(crate) kind: u32,
    /// Whether the call moved many messages.
    pub(crate) many: u32,
    /// Whether the socket is one of datagrams.
    pub(crate) datagrams: u32,
    /// Bytes of the present message that lie before `memory`, in vectors that are done with.
    pub(crate) passed: u32,
    /// How many times there were more vectors than are looked at at once.
    pub(crate) turns: u32,
    /// Not used.
    pub(crate) reserved: u32,
}

/// Adds one to a counter.
#[inline(always)]
pub(crate) fn count(counter: Counter) {
    add(counter, 1);
}

/// Adds to a counter.
#[inline(always)]
pub(crate) fn add(counter: Counter, amount: u64) {
    if let Some(slot) = COUNTERS.get_ptr_mut(counter as u32) {
        // A program that is interrupted right here may leave out what was counted meanwhile: not worth a locked instruction.
        // SAFETY: the slot belongs to this CPU.
        unsafe { *slot += amount };
    }
}
