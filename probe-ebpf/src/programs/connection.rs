//! The table of TCP connections, and telling userspace of each before its first chunk.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_probe_read_kernel},
};
use probe_ebpf::{
    counter::Counter,
    layout::{ABSENT, SOCK_COMMON_WINDOW},
    record::{Addresses, Header, OpenedRecord, flags, kind},
};

use super::{
    globals::offset,
    maps::{COMMON_ROOM, Connection, EVENTS, NUMBERS, count},
    memory::{Memory, SocketLayer, read_kernel},
    ring::Turn,
    table,
};

pub(crate) const FAMILY_IPV4: u16 = 2;
pub(crate) const FAMILY_IPV6: u16 = 10;
pub(crate) const PROTOCOL_TCP: u16 = 6;
pub(crate) const PROTOCOL_UDP: u16 = 17;
pub(crate) const PROTOCOL_MPTCP: u16 = 262;

/// What is needed of the beginning of a `struct sock` at every call.
#[derive(Clone, Copy)]
pub(crate) struct Common {
    sock: *const u8,
    room: u32,
    address: u64,
    operations: u64,
    family: u16,
    local_port: u16,
    remote_port: u16,
    state: u8,
}

impl Common {
    /// Reads it through the socket that the verifier knows; `None` if it is not an internet one.
    #[inline(always)]
    pub(crate) fn of_typed(sock: *const u8, turn: Turn) -> Option<Self> {
        let family: u16 = SocketLayer::read(sock.wrapping_add(offset!(sock_family)))?;
        if !is_internet(family) {
            return None;
        }
        Some(Self {
            sock,
            room: turn.lane(),
            address: number_of(sock, turn),
            operations: SocketLayer::read(sock.wrapping_add(offset!(sock_operations)))?,
            family,
            local_port: SocketLayer::read(sock.wrapping_add(offset!(sock_local_port)))?,
            remote_port: u16::from_be(SocketLayer::read(sock.wrapping_add(offset!(sock_remote_port)))?),
            state: SocketLayer::read(sock.wrapping_add(offset!(sock_state)))?,
        })
    }

    /// Reads it where the verifier does not know the socket; `None` if it is not an internet one. Its beginning is read at
    /// once into a room that is the program's on this CPU: the stack has 512 bytes.
    #[inline(always)]
    pub(crate) fn read(sock: *const u8, room: u32) -> Option<Self> {
        let words: *mut u8 = COMMON_ROOM.get_ptr_mut(room)?.cast();
        // SAFETY: the room is as long as the window; the helper checks the address.
        if unsafe { bpf_probe_read_kernel(words.cast(), SOCK_COMMON_WINDOW, sock.cast()) } != 0 {
            return None;
        }
        let family = member(words, offset!(sock_family));
        is_internet(family).then(|| Self {
            sock,
            room,
            address: sock as u64,
            operations: member(words, offset!(sock_operations)),
            family,
            local_port: member(words, offset!(sock_local_port)),
            remote_port: u16::from_be(member(words, offset!(sock_remote_port))),
            state: member(words, offset!(sock_state)),
        })
    }

    /// The socket.
    #[inline(always)]
    pub(crate) fn sock(&self) -> *const u8 {
        self.sock
    }

    /// Its address, as a number.
    #[inline(always)]
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// Port of the observed end.
    #[inline(always)]
    pub(crate) fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Port of the other end.
    #[inline(always)]
    pub(crate) fn remote_port(&self) -> u16 {
        self.remote_port
    }

    /// Whether the connection has left the state in which both ends may send.
    #[inline(always)]
    pub(crate) fn is_ending(&self) -> bool {
        const ESTABLISHED: u8 = 1;
        self.state != ESTABLISHED
    }

    #[inline(always)]
    pub(crate) fn ports(&self) -> u32 {
        u32::from(self.local_port) << 16 | u32::from(self.remote_port)
    }

    /// Whether the addresses are IPv6, as a bit of `flags`.
    #[inline(always)]
    pub(crate) fn address_flags(&self) -> u16 {
        if self.family == FAMILY_IPV6 { flags::IPV6 } else { 0 }
    }

    /// Inode number of the socket's network namespace.
    #[inline(always)]
    pub(crate) fn network_namespace(&self) -> u32 {
        let Some(net) = read_kernel::<*const u8>(self.sock.wrapping_add(offset!(sock_net))) else {
            return 0;
        };
        read_kernel(net.wrapping_add(offset!(net_inode))).unwrap_or(0)
    }

    /// Writes both ends.
    ///
    /// # Safety
    /// `to` must be valid for writes.
    #[inline(always)]
    pub(crate) unsafe fn write_addresses(&self, to: *mut Addresses) {
        let word = |offset: usize| read_kernel::<u64>(self.sock.wrapping_add(offset)).unwrap_or(0);
        let half = |offset: usize| read_kernel::<u32>(self.sock.wrapping_add(offset)).unwrap_or(0);
        // SAFETY: by contract.
        unsafe {
            (*to).local_port = self.local_port;
            (*to).remote_port = self.remote_port;
            (*to).network_namespace = self.network_namespace();
            if self.family == FAMILY_IPV6 {
                let (local, remote) = (offset!(sock_local_v6), offset!(sock_remote_v6));
                write_address(&raw mut (*to).local, word(local), word(local + 8));
                write_address(&raw mut (*to).remote, word(remote), word(remote + 8));
            } else {
                write_address(&raw mut (*to).local, u64::from(half(offset!(sock_local_v4))), 0);
                write_address(&raw mut (*to).remote, u64::from(half(offset!(sock_remote_v4))), 0);
            }
        }
    }
}

/// A typed pointer as a number to calculate with, which the verifier forbids of pointers: what was in a map is a number.
#[inline(always)]
fn number_of(pointer: *const u8, turn: Turn) -> u64 {
    let cursor = turn.cursor();
    // SAFETY: an array's entry stays valid, and this word belongs to the program that has the turn.
    unsafe {
        core::ptr::write_volatile(&raw mut (*cursor).number, pointer as u64);
        core::ptr::read_volatile(&raw const (*cursor).number)
    }
}

/// Whether a typed socket is an internet one.
#[inline(always)]
pub(crate) fn is_internet_socket(sock: *const u8) -> bool {
    SocketLayer::read(sock.wrapping_add(offset!(sock_family))).is_some_and(is_internet)
}

#[inline(always)]
fn is_internet(family: u16) -> bool {
    family == FAMILY_IPV4 || family == FAMILY_IPV6
}

/// A member within the window.
#[inline(always)]
fn member<T: Copy>(words: *const u8, offset: usize) -> T {
    // SAFETY: userspace refuses to load the programs if a member lies outside the window; every room is used by one
    // program at a time.
    unsafe { core::ptr::read_unaligned(words.add(offset).cast()) }
}

/// Writes an address as two words: copying an array of bytes would become a loop in a function of its own.
///
/// # Safety
/// `to` must be valid for writes.
#[inline(always)]
pub(crate) unsafe fn write_address(to: *mut [u8; 16], first: u64, second: u64) {
    // SAFETY: by contract.
    unsafe {
        core::ptr::write_unaligned(to.cast(), first);
        core::ptr::write_unaligned(to.cast::<u64>().add(1), second);
    }
}

/// The transport protocol's number.
#[inline(always)]
pub(crate) fn protocol(sock: *const u8) -> u16 {
    read_kernel(sock.wrapping_add(offset!(sock_protocol))).unwrap_or(0)
}

/// Whether the socket's own sequence numbers say nothing of the program's bytes: kernel TLS counts cipher text, MPTCP
/// spreads a stream over several TCP connections.
#[inline(always)]
fn lacks_sequence(sock: *const u8) -> bool {
    if protocol(sock) != PROTOCOL_TCP {
        return true;
    }
    if offset!(tcp_upper_layer) == ABSENT as usize {
        return false;
    }
    read_kernel::<u64>(sock.wrapping_add(offset!(tcp_upper_layer))).unwrap_or(0) != 0
}

/// The entry of a connection, made if there is none. A connection that is first met here was open before.
#[inline(always)]
pub(crate) fn entry(common: &Common) -> Option<*mut Connection> {
    let key = common.address();
    if let Some(connection) = table::find(key) {
        // SAFETY: the entry stays valid for the run of the program; words are read and written whole.
        unsafe {
            if (*connection).ports == 0 {
                (*connection).ports = common.ports();
            }
            if (*connection).ports == common.ports() {
                if (*connection).operations != common.operations {
                    (*connection).operations = common.operations;
                    if lacks_sequence(common.sock()) {
                        (*connection).flags |= u32::from(flags::NO_SEQUENCE);
                    }
                }
                return Some(connection);
            }
        }
        // The address was used again and the end of the connection before went unseen.
        table::remove(key);
    }
    insert(common, common.address_flags(), now())
}

/// Makes an entry.
#[inline(always)]
pub(crate) fn insert(common: &Common, flags: u16, began_ns: u64) -> Option<*mut Connection> {
    let key = common.address();
    let sequence_flag = if lacks_sequence(common.sock()) { flags::NO_SEQUENCE } else { 0 };
    let id = next_id(common.room)?;
    let made = table::insert(key, |entry| {
        // SAFETY: the slot was claimed for this entry, and nobody finds it before it is written.
        unsafe {
            (*entry).id = id;
            (*entry).began_ns = began_ns;
            (*entry).handshake_ns = 0;
            (*entry).operations = common.operations;
            (*entry).ports = common.ports();
            (*entry).flags = u32::from(flags | sequence_flag | common.address_flags());
            // Volatile, or they would be set to zero together, in a loop in a function of its own.
            core::ptr::write_volatile(&raw mut (*entry).announced, 0);
            core::ptr::write_volatile(&raw mut (*entry).lost_calls[0], 0);
            core::ptr::write_volatile(&raw mut (*entry).lost_calls[1], 0);
            core::ptr::write_volatile(&raw mut (*entry).read_sequence, 0);
        }
    });
    if made.is_none() {
        count(Counter::TableFull);
    }
    made
}

/// Tells userspace of a connection, unless it was told. False if the ring has no room.
#[inline(always)]
pub(crate) fn announce(connection: *mut Connection, common: &Common) -> bool {
    // SAFETY: the entry stays valid for the run of the program; words are read and written whole.
    unsafe {
        if (*connection).announced != 0 {
            return true;
        }
        let sent = send::<OpenedRecord>(|record| {
            (*record).header = Header {
                kind: kind::OPENED,
                flow: 0,
                flags: (*connection).flags as u16,
                captured_bytes: 0,
                connection: (*connection).id,
                time_ns: (*connection).began_ns,
            };
            common.write_addresses(&raw mut (*record).addresses);
            (*record).handshake_ns = (*connection).handshake_ns;
        });
        (*connection).announced = u32::from(sent);
        sent
    }
}

/// Sends a record of a connection's life, written in place by `write`, which must write all of it.
#[inline(always)]
pub(crate) fn send<R: 'static>(write: impl FnOnce(*mut R)) -> bool {
    let Some(mut entry) = EVENTS.reserve::<R>(0) else {
        count(Counter::RingFullControl);
        return false;
    };
    write(entry.as_mut_ptr());
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
    true
}

/// CLOCK_BOOTTIME in nanoseconds.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: no arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// An id that no other connection gets while the programs are loaded: each CPU counts for itself, in each room, since
/// another program may run in between.
#[inline(always)]
fn next_id(room: u32) -> Option<u64> {
    let number = NUMBERS.get_ptr_mut(room)?;
    // SAFETY: the slot belongs to this CPU and to the program that has the room.
    let number = unsafe {
        *number += 1;
        *number
    };
    // SAFETY: no arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() } & 0xfff;
    Some(number << 15 | u64::from(room) << 12 | u64::from(cpu))
}
