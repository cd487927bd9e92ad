//! Link layers and IP.

use super::{events, frames::*, replay};

const REQUEST: &str = "1< 7+3 \"GET\" (opposite 9)";

fn packet() -> Vec<u8> {
    request(7, 9, b"GET").ip()
}

fn packet6() -> Vec<u8> {
    Tcp::new("[fd00::1]:40000", "[fd00::2]:80", ACK, 7, 9).payload(b"GET").ip()
}

fn after(head: &[u8], packet: &[u8]) -> Vec<u8> {
    [head, packet].concat()
}

/// An IPv6 packet with extension headers between the head and the segment.
fn with_extensions(first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut bytes = packet6();
    bytes[6] = first;
    let length = (bytes.len() - 40 + extensions.len()) as u16;
    bytes[4..6].copy_from_slice(&length.to_be_bytes());
    bytes.splice(40..40, extensions.iter().copied());
    bytes
}

#[test]
fn every_link_layer_gives_the_same_segment() {
    let cooked = |protocol: [u8; 2]| [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol[..]].concat();
    let cooked2 = |protocol: [u8; 2]| [&protocol[..], &[0; 18]].concat();
    let vlan = [0x81, 0, 0, 5, 8, 0];
    let qinq = [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x91, 0, 0, 7, 8, 0];
    let addresses = [0; 12];
    for (link_type, frame, what) in [
        (1, ethernet(0x0800, &packet()), "Ethernet"),
        (1, ethernet(0x86dd, &packet6()), "Ethernet, IPv6"),
        (1, after(&addresses, &after(&vlan, &packet())), "802.1Q"),
        (1, after(&addresses, &after(&qinq, &packet())), "three tags"),
        (113, after(&cooked([8, 0]), &packet()), "cooked"),
        (113, after(&cooked([0x86, 0xdd]), &packet6()), "cooked, IPv6"),
        (113, after(&cooked([0x81, 0]), &after(&[0, 5, 8, 0], &packet())), "cooked, 802.1Q"),
        (276, after(&cooked2([8, 0]), &packet()), "cooked v2"),
        (276, after(&cooked2([0x81, 0]), &after(&[0, 5, 8, 0], &packet())), "cooked v2, 802.1Q"),
        (101, packet(), "raw"),
        (101, packet6(), "raw, IPv6"),
        (12, packet(), "raw by its other number"),
        (14, packet6(), "raw by its third number"),
        (228, packet(), "IPv4"),
        (229, packet6(), "IPv6"),
        (0, after(&[2, 0, 0, 0], &packet()), "null"),
        (0, after(&[0, 0, 0, 2], &packet()), "null of the other byte order"),
        (0, after(&[30, 0, 0, 0], &packet6()), "null, IPv6 on macOS"),
        (108, after(&[0, 0, 0, 24], &packet6()), "loopback, IPv6 on OpenBSD"),
    ] {
        assert_eq!(events(&pcap(link_type, &[captured(0, frame)]))[1..], [REQUEST], "{what}");
    }
}

#[test]
fn padding_of_a_short_frame_is_no_payload() {
    let mut frame = ethernet(0x0800, &request(7, 9, b"G").ip());
    frame.resize(64, 0);
    assert_eq!(events(&pcap(ETHERNET, &[captured(0, frame)]))[1..], ["1< 7+1 \"G\" (opposite 9)"]);
}

#[test]
fn options_of_ip_and_tcp_are_passed_over() {
    let mut tcp = request(7, 9, b"GET");
    tcp.options = vec![1; 12];
    let mut packet = tcp.ip();
    packet[0] = 0x47;
    let length = (packet.len() + 8) as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet.splice(20..20, [1; 8]);
    assert_eq!(events(&pcap(RAW, &[captured(0, packet)]))[1..], [REQUEST]);
}

#[test]
fn extension_headers_of_ipv6_are_passed_over() {
    // Hop-by-hop, destination options (16 bytes), routing, an atomic fragment, authentication (24 bytes), then TCP.
    let mut extensions = vec![60, 0, 1, 4, 0, 0, 0, 0];
    extensions.extend([43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    extensions.extend([44, 0, 0, 0, 0, 0, 0, 0]);
    extensions.extend([51, 0, 0, 0, 1, 2, 3, 4]);
    extensions.extend([6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(events(&pcap(RAW, &[captured(0, with_extensions(0, &extensions))]))[1..], [REQUEST]);
}

#[test]
fn a_packet_that_says_no_length_is_as_long_as_it_was_captured() {
    let mut ipv4 = packet();
    ipv4[2..4].fill(0);
    let mut ipv6 = packet6();
    ipv6[4..6].fill(0);
    for packet in [ipv4, ipv6] {
        assert_eq!(events(&pcap(RAW, &[captured(0, packet)]))[1..], [REQUEST]);
    }
}

#[test]
fn a_packet_cut_by_the_capture_keeps_its_length() {
    let mut tcp = request(7, 9, b"GET / HTTP/1.1");
    tcp.options = vec![1; 12];
    let whole = tcp.ip();
    for (kept, payload) in [(whole.len() - 11, "GET"), (20 + 32, ""), (20 + 20, "")] {
        let packet = Captured { original: whole.len() as u32, ..captured(0, whole[..kept].to_vec()) };
        let replayed = replay(&pcap(RAW, &[packet]));
        assert_eq!(replayed.events[1..], [format!("1< 7+14 {payload:?} (opposite 9)")], "{kept} bytes kept");
        assert_eq!(replayed.summary.cut_packets, 1);
    }
}

#[test]
fn what_is_not_reported_is_counted_by_its_reason() {
    let mut first_fragment = packet();
    first_fragment[6] = 0x20;
    let mut last_fragment = packet();
    last_fragment[6..8].copy_from_slice(&[0, 0xb9]);
    let fragment6 = with_extensions(44, &[6, 0, 0, 1, 0, 0, 0, 7]);
    let mut icmp = packet();
    icmp[9] = 1;
    let mut short_head = packet();
    short_head[0] = 0x44;
    let mut tcp_longer_than_packet = packet();
    tcp_longer_than_packet[32] = 0xf0;
    let mut version = packet();
    version[0] = 0x75;
    let heads_cut = Captured { original: 100, ..captured(0, ethernet(0x0800, &packet()[..25])) };
    let mut packets: Vec<_> =
        [first_fragment, last_fragment, fragment6, icmp, short_head, tcp_longer_than_packet]
            .into_iter()
            .chain([version])
            .map(|packet| captured(0, ethernet(if packet[0] >> 4 == 6 { 0x86dd } else { 0x0800 }, &packet)))
            .collect();
    packets.push(captured(0, ethernet(0x0806, &[0; 28])));
    packets.push(captured(0, Vec::new()));
    packets.push(heads_cut);
    let replayed = replay(&pcap(ETHERNET, &packets));
    let skipped = replayed.summary.skipped;
    assert_eq!(replayed.events, [""; 0]);
    assert_eq!((skipped.fragments, skipped.other_transport, skipped.not_ip), (3, 1, 1));
    assert_eq!((skipped.malformed, skipped.heads_cut), (4, 1));
    assert_eq!((skipped.total(), replayed.summary.packets), (10, 10));
}
