//! Records of UDP datagrams.
//!
//! Most UDP traffic is QUIC, whose payload nobody can read. Only datagrams that begin like a DNS message (RFC 1035
//! section 4.1.1) are sent on: a cheap test on content, which leaves the parsing to userspace.

use aya_ebpf::helpers::bpf_probe_read_user;
use probe_ebpf::{
    counter::Counter,
    record::{Addresses, DatagramRecord, Header, PAYLOAD_PER_RECORD, flags, flow, kind},
};

use super::{
    connection::{Common, now},
    copy::{Source, copy},
    data::output,
    filter::{admits_ports, write_caller},
    globals::payload_bytes,
    maps::{DATAGRAM_ROOM, count},
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
pub(crate) fn send(sock: *const u8, common: &Common, datagram: &Datagram) {
    let Some(room) = DATAGRAM_ROOM.get_ptr_mut(0) else {
        return;
    };
    let want = datagram.length.min(payload_bytes());
    // SAFETY: the room belongs to this CPU, and a program on it does not interrupt itself.
    let captured = unsafe { copy((&raw mut (*room).payload).cast(), datagram.source, 0, want) };
    // SAFETY: as above.
    let head: [u8; HEADER_BYTES as usize] = unsafe { core::ptr::read((&raw const (*room).payload).cast()) };
    if captured < HEADER_BYTES || !resembles_dns(&head) {
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
        write_caller(&raw mut (*record).caller);
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
#[inline(always)]
fn resembles_dns(head: &[u8; HEADER_BYTES as usize]) -> bool {
    let opcode = head[2] >> 3 & 0xf;
    let questions = u16::from_be_bytes([head[4], head[5]]);
    let reserved = head[3] & 0x40;
    opcode <= 6 && reserved == 0 && questions <= 1 && head[6] < 4 && head[8] < 4 && head[10] < 4
}

/// The peer's address that a call names (`struct sockaddr_in`, `struct sockaddr_in6`).
#[inline(always)]
fn name(address: u64, addresses: &mut Addresses, family: &mut u16) {
    // SAFETY: the helper checks the address.
    let Ok(start) = (unsafe { bpf_probe_read_user(address as *const [u8; 8]) }) else {
        return;
    };
    match u16::from_ne_bytes([start[0], start[1]]) {
        2 => {
            addresses.remote = [0; 16];
            addresses.remote[..4].copy_from_slice(&start[4..8]);
            // The socket may be one of IPv6 that is not bound: the local address then is all zero in both families.
            *family &= !flags::IPV6;
        }
        10 => {
            // SAFETY: the helper checks the address.
            let Ok(remote) = (unsafe { bpf_probe_read_user((address + 8) as *const [u8; 16]) }) else {
                return;
            };
            addresses.remote = remote;
            *family |= flags::IPV6;
        }
        _ => return,
    }
    addresses.remote_port = u16::from_be_bytes([start[2], start[3]]);
}
