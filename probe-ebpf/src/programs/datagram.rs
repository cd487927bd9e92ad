//! Records of UDP datagrams.
//!
//! Most UDP traffic is QUIC, whose payload nobody can read. Only datagrams that begin like a DNS message (RFC 1035
//! section 4.1.1) are sent on: a cheap test on content, which leaves the parsing to userspace.

use probe_ebpf::{
    counter::Counter,
    record::{DatagramRecord, Header, flags, flow, kind},
};

use super::{
    connection::{Common, FAMILY_IPV4, FAMILY_IPV6, now, write_address},
    copy::{Source, copy},
    filter::admits_ports,
    globals::payload_bytes,
    maps::{Peer, count},
    memory::{Here, Memory, read_user},
    ring::Room,
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
    /// The other end, `None` if it is the one that the socket is connected to.
    pub(crate) peer: Option<Peer>,
}

/// Questions in one message, at most: as many as userspace takes.
const MOST_QUESTIONS: u8 = 32;

/// Length of a DNS header.
const HEADER_BYTES: u32 = 12;

/// Sends a datagram.
#[inline(always)]
pub(crate) fn send<M: Memory>(here: Here, common: &Common, datagram: &Datagram) {
    let Some(room) = Room::take(here.turn) else {
        count(if datagram.flow == flow::SENT { Counter::RingFullSent } else { Counter::RingFullReceived });
        return;
    };
    if let Some(bytes) = write::<M>(here, &room, common, datagram) {
        room.publish(bytes);
    }
}

/// Writes the record of a datagram, and gives its length; `None` if it is not wanted.
#[inline(always)]
fn write<M: Memory>(here: Here, room: &Room, common: &Common, datagram: &Datagram) -> Option<usize> {
    let want = datagram.length.min(payload_bytes());
    // SAFETY: the room is larger than any record.
    unsafe {
        let payload = room.place().add(size_of::<DatagramRecord>());
        let captured = copy(here.turn, payload, datagram.source, 0, want).bytes;
        if captured < HEADER_BYTES || !resembles_dns(payload) {
            count(Counter::DatagramUnknown);
            return None;
        }
        let record: *mut DatagramRecord = room.place().cast();
        let mut family = common.address_flags();
        common.write_addresses(&raw mut (*record).addresses);
        if let Some(peer) = datagram.peer {
            write_address(&raw mut (*record).addresses.remote, peer.address[0], peer.address[1]);
            (*record).addresses.remote_port = peer.port as u16;
            // The socket may be one of IPv6 that is not bound: the local address then is all zero in both families.
            family = if peer.is_v6 == 0 { family & !flags::IPV6 } else { family | flags::IPV6 };
        }
        let (local, remote) = ((*record).addresses.local_port, (*record).addresses.remote_port);
        // Who answered is not known where the program did not want to know it: userspace finds the question, if that was
        // admitted.
        let is_from_nobody = datagram.flow == flow::RECEIVED && remote == 0 && is_answer(payload);
        if !is_from_nobody && !admits_ports(local, remote) {
            count(Counter::Filtered);
            return None;
        }
        let time_ns = now();
        (*record).header = Header {
            kind: kind::DATAGRAM,
            flow: datagram.flow,
            flags: family,
            captured_bytes: captured,
            connection: common.address(),
            time_ns,
        };
        (*record).length = datagram.length;
        (*record).reserved = 0;
        M::write_thread(here, time_ns, &raw mut (*record).caller);
        Some(size_of::<DatagramRecord>() + captured as usize)
    }
}

/// A query or an answer, and counts that fit: what resolvers and servers send, with one question, and what neighbours ask
/// each other (RFC 6762 section 5.3), with several.
///
/// # Safety
/// `head` must be valid for the length of a header.
#[inline(always)]
unsafe fn resembles_dns(head: *const u8) -> bool {
    // SAFETY: by contract.
    let byte = |index: usize| unsafe { *head.add(index) };
    let opcode = byte(2) >> 3 & 0xf;
    let reserved = byte(3) & 0x40;
    opcode <= 6
        && reserved == 0
        && byte(4) == 0
        && byte(5) <= MOST_QUESTIONS
        && byte(6) < 4
        && byte(8) < 4
        && byte(10) < 4
}

/// Whether a message of DNS is an answer.
///
/// # Safety
/// `head` must be valid for the length of a header.
#[inline(always)]
unsafe fn is_answer(head: *const u8) -> bool {
    // SAFETY: by contract.
    unsafe { *head.add(2) & 0x80 != 0 }
}

/// The peer's address that a call names (`struct sockaddr_in`, `struct sockaddr_in6`): family, port, and behind it four
/// bytes of an IPv4 address, or a flow label and sixteen bytes of an IPv6 address. `None` for address zero, too.
#[inline(always)]
pub(crate) fn named_peer(address: u64) -> Option<Peer> {
    if address == 0 {
        return None;
    }
    let (first, second, is_v6) = match read_user::<u16>(address)? {
        FAMILY_IPV4 => (u64::from(read_user::<u32>(address + 4)?), 0, 0),
        FAMILY_IPV6 => (read_user::<u64>(address + 8)?, read_user::<u64>(address + 16)?, 1),
        _ => return None,
    };
    let port = u16::from_be(read_user::<u16>(address + 2)?);
    Some(Peer { address: [first, second], port: u32::from(port), is_v6 })
}
