//! Records of UDP datagrams.
//!
//! Most UDP traffic is QUIC, whose payload nobody can read. Only datagrams that begin like a DNS message (RFC 1035
//! section 4.1.1) are sent on: a cheap test on content, which leaves the parsing to userspace.

use probe_ebpf::{
    counter::Counter,
    record::{Addresses, DatagramRecord, Header, PAYLOAD_PER_RECORD, flags, flow, kind},
};

use super::{
    connection::{Common, now, write_address},
    copy::{Source, copy},
    data::output,
    filter::{admits_ports, write_caller},
    globals::payload_bytes,
    maps::{DATAGRAM_ROOM, count},
    memory::{Memory, read_user},
};

/// One datagram that a call moved.
#[derive(Clone, Copy)]
pub(crate) struct Datagram {
    /// One of `record::flow`.
    pub(crate) flow: u8,
    /// How many bytes.
    pub(crate) length: u32,
    /// Where they are in the program's memory.
    pub(crate) source: Source,
    /// Where the peer's address is in the program's memory, zero if the socket's own is meant.
    pub(crate) name: u64,
}

/// Length of a DNS header.
const HEADER_BYTES: u32 = 12;

/// Sends a datagram.
#[inline(always)]
pub(crate) fn send<M: Memory>(sock: *const u8, common: &Common, datagram: &Datagram) {
    let Some(room) = DATAGRAM_ROOM.get_ptr_mut(0) else {
        return;
    };
    let want = datagram.length.min(payload_bytes());
    // SAFETY: the room belongs to this CPU, and a program on it does not interrupt itself.
    let captured = unsafe { copy((&raw mut (*room).payload).cast(), datagram.source, 0, want) };
    // SAFETY: as above.
    if captured < HEADER_BYTES || !unsafe { resembles_dns((&raw const (*room).payload).cast()) } {
        count(Counter::DatagramUnknown);
        return;
    }
    let mut family = common.address_flags();
    // SAFETY: as above.
    unsafe {
        let record = &raw mut (*room).record;
        common.write_addresses(&raw mut (*record).addresses);
        if datagram.name != 0 {
            name(datagram.name, &mut (*record).addresses, &mut family);
        }
        if !admits_ports((*record).addresses.local_port, (*record).addresses.remote_port) {
            count(Counter::Filtered);
            return;
        }
        (*record).header = Header {
            kind: kind::DATAGRAM,
            flow: datagram.flow,
            flags: family,
            captured_bytes: captured,
            connection: sock as u64,
            time_ns: now(),
        };
        (*record).length = datagram.length;
        (*record).reserved = 0;
        write_caller::<M>(&raw mut (*record).caller);
        let length = size_of::<DatagramRecord>() + (captured as usize & (2 * PAYLOAD_PER_RECORD - 1));
        if output(room.cast(), length) {
            count(Counter::CapturedCalls);
        } else if datagram.flow == flow::SENT {
            count(Counter::RingFullSent);
        } else {
            count(Counter::RingFullReceived);
        }
    }
}

/// A query or an answer with one question, and counts that fit: what resolvers and servers send.
///
/// # Safety
/// `head` must be valid for the length of a header.
#[inline(always)]
unsafe fn resembles_dns(head: *const u8) -> bool {
    // SAFETY: by contract.
    let byte = |index: usize| unsafe { *head.add(index) };
    let opcode = byte(2) >> 3 & 0xf;
    let reserved = byte(3) & 0x40;
    opcode <= 6 && reserved == 0 && byte(4) == 0 && byte(5) <= 1 && byte(6) < 4 && byte(8) < 4 && byte(10) < 4
}

/// The peer's address that a call names (`struct sockaddr_in`, `struct sockaddr_in6`): family, port, and behind it four
/// bytes of an IPv4 address, or a flow label and sixteen bytes of an IPv6 address.
#[inline(always)]
fn name(address: u64, addresses: &mut Addresses, family: &mut u16) {
    let Some(kind) = read_user::<u16>(address) else {
        return;
    };
    let (first, second) = match kind {
        2 => {
            // The socket may be one of IPv6 that is not bound: the local address then is all zero in both families.
            *family &= !flags::IPV6;
            (read_user::<u32>(address + 4).map(u64::from), Some(0))
        }
        10 => {
            *family |= flags::IPV6;
            (read_user::<u64>(address + 8), read_user::<u64>(address + 16))
        }
        _ => return,
    };
    if let (Some(first), Some(second), Some(port)) = (first, second, read_user::<u16>(address + 2)) {
        // SAFETY: a reference is valid for writes.
        unsafe { write_address(&raw mut addresses.remote, first, second) };
        addresses.remote_port = u16::from_be(port);
    }
}
