//! UDP.

use super::{events, frames::*};

#[test]
fn datagrams_between_two_addresses_share_a_connection() {
    let packets = [
        udp("10.0.0.1:40000", "10.0.0.2:53", b"who?"),
        udp("10.0.0.2:53", "10.0.0.1:40000", b"me"),
        udp("10.0.0.1:40001", "10.0.0.2:53", b"and?"),
        udp("[fd00::1]:40000", "[fd00::2]:53", b"six"),
    ];
    let expected = [
        "1 opened 10.0.0.2:53 from 10.0.0.1:40000, unknown",
        "1< +4 \"who?\"",
        "1> +2 \"me\"",
        "2 opened 10.0.0.2:53 from 10.0.0.1:40001, unknown",
        "2< +4 \"and?\"",
        "3 opened [fd00::2]:53 from [fd00::1]:40000, unknown",
        "3< +3 \"six\"",
    ];
    assert_eq!(events(&pcap(RAW, &packets.map(|packet| captured(0, packet)))), expected);
}

#[test]
fn a_datagram_cut_by_the_capture_keeps_its_length_and_padding_is_no_part_of_it() {
    let whole = udp(CLIENT, "10.0.0.2:53", b"question");
    let cut = Captured { original: whole.len() as u32, ..captured(0, whole[..whole.len() - 5].to_vec()) };
    let padded = captured(0, [whole.as_slice(), &[0; 9]].concat());
    assert_eq!(events(&pcap(RAW, &[cut, padded]))[1..], ["1< +8 \"que\"", "1< +8 \"question\""]);
}

#[test]
fn the_shorter_of_the_lengths_of_udp_and_ip_counts() {
    let mut packet = udp(CLIENT, "10.0.0.2:53", b"question");
    packet[24..26].copy_from_slice(&13_u16.to_be_bytes());
    assert_eq!(events(&pcap(RAW, &[captured(0, packet.clone())]))[1], "1< +5 \"quest\"");
    packet[24..26].copy_from_slice(&999_u16.to_be_bytes());
    assert_eq!(events(&pcap(RAW, &[captured(0, packet)]))[1], "1< +8 \"question\"");
}

#[test]
fn what_a_member_answers_for_its_group_belongs_to_what_the_group_was_asked() {
    let packets = [
        udp("10.0.0.1:40000", "224.0.0.252:5355", b"who?"),
        udp("10.0.0.2:5355", "10.0.0.1:40000", b"me"),
        udp("10.0.0.1:5353", "224.0.0.251:5353", b"and?"),
        udp("10.0.0.2:5353", "224.0.0.251:5353", b"i"),
        udp("10.0.0.2:5353", "10.0.0.1:5353", b"say"),
        udp("10.0.0.2:5355", "10.0.0.3:40000", b"no"),
    ];
    let expected = [
        "1 opened 224.0.0.252:5355 from 10.0.0.1:40000, unknown",
        "1< +4 \"who?\"",
        "1> +2 \"me\"",
        "2 opened 224.0.0.251:5353 from 10.0.0.1:5353, unknown",
        "2< +4 \"and?\"",
        "2< +1 \"i\"",
        "2> +3 \"say\"",
        "3 opened 10.0.0.2:5355 from 10.0.0.3:40000, unknown",
        "3> +2 \"no\"",
    ];
    assert_eq!(events(&pcap(RAW, &packets.map(|packet| captured(0, packet)))), expected);
}
