//! The two file formats in their variants.

use std::io::{self, Read};

use super::{Reader, events, frames::*, in_words, replay, times};

const REQUEST: &str = "1< 7+3 \"GET\" (opposite 9)";

fn one_packet() -> Vec<u8> {
    request(7, 9, b"GET").ip()
}

#[test]
fn every_variant_of_pcap_is_read_with_its_own_unit_of_time() {
    let packet = Captured { seconds: 1_700_000_000, fraction: 123_456, ..captured(0, one_packet()) };
    for (magic, order, nanos) in [
        ([0xd4, 0xc3, 0xb2, 0xa1], u32::to_le_bytes as fn(u32) -> [u8; 4], 123_456_000),
        ([0xa1, 0xb2, 0xc3, 0xd4], u32::to_be_bytes, 123_456_000),
        ([0x4d, 0x3c, 0xb2, 0xa1], u32::to_le_bytes, 123_456),
        ([0xa1, 0xb2, 0x3c, 0x4d], u32::to_be_bytes, 123_456),
    ] {
        let file = pcap_variant(magic, order, RAW, std::slice::from_ref(&packet));
        assert_eq!(events(&file)[1..], [REQUEST], "magic {magic:x?}");
        assert_eq!(times(&file), [1_700_000_000_000_000_000 + nanos], "magic {magic:x?}");
    }
}

#[test]
fn the_frame_check_length_in_the_upper_half_of_the_link_type_is_passed_over() {
    assert_eq!(events(&pcap(RAW | 0x4400_0000, &[captured(0, one_packet())]))[1..], [REQUEST]);
}

#[test]
fn a_capture_of_no_packets_is_whole() {
    assert_eq!(replay(&pcap(ETHERNET, &[])).result, Ok(()));
    assert_eq!(replay(&section()).result, Ok(()));
}

#[test]
fn pcapng_timestamps_follow_resolution_and_offset_of_their_interface() {
    let packet = one_packet();
    let options: [&[(u16, &[u8])]; 5] = [
        &[],
        &[(2, b"eth0"), (9, &[9])],
        &[(9, &[3]), (14, &1_600_000_000_i64.to_le_bytes())],
        &[(9, &[0x80 | 10])],
        &[(9, &[12])],
    ];
    let units = [1_500_000, 1_500_000_000, 1_500, 1536, 1_500_000_000_000];
    let mut file = section();
    for options in options {
        file.extend(interface(RAW as u16, 0, options));
    }
    for (number, units) in (0..).zip(units) {
        file.extend(enhanced(number, units, packet.len() as u32, &packet));
    }
    let second_and_a_half = 1_500_000_000;
    let with_offset = 1_600_000_000 * 1_000_000_000 + second_and_a_half;
    let expected = [second_and_a_half, second_and_a_half, with_offset, second_and_a_half, second_and_a_half];
    assert_eq!(times(&file), expected);
}

#[test]
fn a_pcapng_time_that_no_clock_shows_is_the_nearest_that_can_be_said() {
    let packet = one_packet();
    let mut file = section();
    file.extend(interface(RAW as u16, 0, &[(9, &[0])]));
    file.extend(interface(RAW as u16, 0, &[(9, &[127])]));
    file.extend(interface(RAW as u16, 0, &[(9, &[0xff]), (14, &i64::MIN.to_le_bytes())]));
    for number in 0..3 {
        file.extend(enhanced(number, u64::MAX, packet.len() as u32, &packet));
    }
    assert_eq!(times(&file), [u64::MAX, 0, 0]);
}

#[test]
fn each_pcapng_section_has_its_own_byte_order_and_interfaces() {
    let packet = one_packet();
    let mut file = section();
    file.extend(interface(RAW as u16, 0, &[]));
    file.extend(enhanced(0, 1, packet.len() as u32, &packet));
    // The second section is big-endian and Ethernet.
    file.extend([0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0]);
    file.extend([0xff; 8]);
    file.extend([0, 0, 0, 28]);
    file.extend([0, 0, 0, 1, 0, 0, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20]);
    let frame = ethernet(0x0800, &request(10, 9, b" /x").ip());
    let padded = frame.len().next_multiple_of(4);
    file.extend([0, 0, 0, 6]);
    file.extend((32 + padded as u32).to_be_bytes());
    for number in [0, 0, 2, frame.len() as u32, frame.len() as u32] {
        file.extend(number.to_be_bytes());
    }
    file.extend(&frame);
    file.resize(file.len() + padded - frame.len(), 0);
    file.extend((32 + padded as u32).to_be_bytes());
    assert_eq!(events(&file)[1..], [REQUEST, "1< 10+3 \" /x\" (opposite 9)"]);
    assert_eq!(times(&file), [1_000, 2_000]);
}

#[test]
fn simple_packets_have_the_time_of_the_packet_before_and_the_interface_s_snap_length() {
    let packet = one_packet();
    let cut = packet.len() - 2;
    let mut file = section();
    file.extend(interface(RAW as u16, cut as u32, &[]));
    file.extend(enhanced(0, 77, packet.len() as u32, &packet));
    let mut content = (packet.len() as u32).to_le_bytes().to_vec();
    content.extend(&packet[..cut]);
    file.extend(block(3, &content));
    assert_eq!(events(&file)[1..], [REQUEST, "1< 7+3 \"G\" (opposite 9)"]);
    assert_eq!(times(&file), [77_000, 77_000]);
}

#[test]
fn obsolete_packet_blocks_are_read_and_unknown_blocks_passed_over() {
    let packet = one_packet();
    let mut file = section();
    file.extend(block(0x0000_000a, b"decryption secrets"));
    file.extend(interface(RAW as u16, 0, &[]));
    file.extend(block(0x8000_0bad, &[0xff; 5000]));
    // Interface 0, 3 drops; the lower half of the first word is the interface.
    let mut content = vec![0, 0, 3, 0, 0, 0, 0, 0, 5, 0, 0, 0];
    content.extend((packet.len() as u32).to_le_bytes());
    content.extend((packet.len() as u32).to_le_bytes());
    content.extend(&packet);
    file.extend(block(2, &content));
    assert_eq!(events(&file)[1..], [REQUEST]);
    assert_eq!(times(&file), [5_000]);
}

#[test]
fn packets_of_an_unsupported_interface_are_counted_beside_those_of_others() {
    let packet = one_packet();
    let mut file = section();
    file.extend(interface(189, 0, &[]));
    file.extend(interface(RAW as u16, 0, &[]));
    file.extend(enhanced(0, 1, 4, b"usb!"));
    file.extend(enhanced(1, 1, packet.len() as u32, &packet));
    let replayed = replay(&file);
    assert_eq!((replayed.result, replayed.summary.skipped.unsupported_link), (Ok(()), 1));
    assert_eq!(replayed.events[1..], [REQUEST]);
}

#[test]
fn a_file_of_unsupported_packets_alone_is_an_error_that_names_their_type() {
    let mut pcapng = section();
    pcapng.extend(interface(105, 0, &[]));
    pcapng.extend(enhanced(0, 1, 4, b"wifi"));
    for (file, name) in [(pcapng, "105 (IEEE 802.11)"), (pcap(147, &[]), "147")] {
        let message = replay(&file).result.unwrap_err();
        assert!(message.contains(&format!("link type {name} cannot be read")), "{message}");
    }
}

#[test]
fn a_connection_goes_on_in_the_next_file() {
    let second_file = pcap(RAW, &[captured(9, request(10, 9, b" /x").ip())]);
    let first_file = pcap(RAW, &[captured(0, one_packet())]);
    let mut first = Reader::new(&*first_file).unwrap();
    first.run(|_| {}).unwrap();
    let mut seen = Vec::new();
    let mut second = Reader::new(&*second_file).unwrap().continuing(first.into_tracker());
    second.run(|event| seen.push(in_words(event))).unwrap();
    assert_eq!(seen, ["1< 10+3 \" /x\" (opposite 9)"]);
}

#[test]
fn a_source_that_gives_one_byte_at_a_time_gives_the_same_events() {
    /// Interrupted before every byte.
    struct Trickle<'a>(&'a [u8], bool);
    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
        }
    }
    let packet = one_packet();
    let mut pcapng = [section(), interface(RAW as u16, 0, &[(9, &[9])])].concat();
    pcapng.extend(enhanced(0, 1, packet.len() as u32, &packet));
    for file in [pcapng, pcap(RAW, &[captured(0, packet)])] {
        let mut seen = Vec::new();
        let mut reader = Reader::new(Trickle(&file, false)).unwrap();
        reader.run(|event| seen.push(in_words(event))).unwrap();
        assert_eq!(seen, events(&file));
        assert_eq!(seen[1..], [REQUEST]);
    }
}
