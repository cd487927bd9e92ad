//! Files that are cut, damaged, or no captures at all.

use super::{frames::*, replay};

fn segments() -> Vec<Vec<u8>> {
    let mut segments = handshake();
    segments.extend([request(1001, 5001, b"ping"), response(5001, 1005, b"pong")]);
    segments.iter().map(|segment| ethernet(0x0800, &segment.ip())).collect()
}

fn small_pcap() -> Vec<u8> {
    pcap(ETHERNET, &segments().into_iter().map(|frame| captured(1, frame)).collect::<Vec<_>>())
}

fn small_pcapng() -> Vec<u8> {
    let mut file = section();
    file.extend(interface(ETHERNET as u16, 0, &[(2, b"eth0"), (9, &[9])]));
    file.extend(block(5, b"statistics"));
    for frame in segments() {
        file.extend(enhanced(0, 1, frame.len() as u32, &frame));
    }
    file
}

#[test]
fn a_file_cut_anywhere_gives_what_was_before_and_says_where_it_ended() {
    for whole in [small_pcap(), small_pcapng()] {
        let all = replay(&whole);
        assert_eq!((all.result, all.summary.packets), (Ok(()), 5));
        let mut ends_between_packets = 0;
        for length in 0..whole.len() {
            let cut = replay(&whole[..length]);
            assert_eq!(cut.events, all.events[..cut.events.len()], "cut at {length}");
            match cut.result {
                Ok(()) => ends_between_packets += 1,
                Err(message) if length < 4 => {
                    assert!(message.starts_with("not a pcap or pcapng file: it "), "{message}");
                }
                Err(message) => {
                    assert!(message.starts_with(&format!("the file ends at byte {length} in")), "{message}");
                    let after = format!("after {} whole packets", cut.summary.packets);
                    assert!(message.contains(&after), "{message}");
                }
            }
        }
        // After the head and each packet but the last; pcapng has a block of statistics as well.
        let expected = if whole[0] == 0x0a { 7 } else { 5 };
        assert_eq!(ends_between_packets, expected);
    }
}

#[test]
fn a_file_of_another_kind_is_named() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "it is empty"),
        (b"\x1f\x8b\x08\x00\x00", "it looks like gzip data; decompress it first (gunzip)"),
        (b"\x28\xb5\x2f\xfd\x00", "it looks like zstd data"),
        (b"\xfd7zXZ\x00", "it looks like xz data"),
        (b"BZh91AY", "it looks like bzip2 data"),
        (b"PK\x03\x04", "it looks like zip data"),
        (b"{\"a\": 1}", "it looks like text (\"{\\\"a\\\"\")"),
        (b"\x7fELF", "it begins with the bytes 7f 45 4c 46"),
        (b"\x34\xcd\xb2\xa1", "it is of the pcap variant with longer packet heads"),
    ];
    for (file, expected) in cases {
        let message = replay(file).result.unwrap_err();
        assert!(message.starts_with(&format!("not a pcap or pcapng file: {expected}")), "{message}");
    }
}

#[test]
fn a_length_that_no_packet_has_is_an_error_with_its_place() {
    let mut file = small_pcap();
    let second = 24 + 16 + segments()[0].len();
    file[second + 8..second + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let replayed = replay(&file);
    assert_eq!(
        replayed.result.unwrap_err(),
        format!(
            "the packet at byte {second}, after 1 packets, claims 2147483647 bytes where at most 1048576 can be: the \
             file is damaged from there on; everything before was read"
        )
    );
    assert_eq!(replayed.events, HANDSHAKE[..2]);
}

#[test]
fn blocks_that_contradict_themselves_are_errors_with_their_place() {
    let frame = segments().remove(0);
    let begins = section().len() + interface(1, 0, &[]).len();
    let packet = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut packet = enhanced(0, 1, frame.len() as u32, &frame);
        change(&mut packet);
        [section(), interface(1, 0, &[]), packet].concat()
    };
    for (file, problem) in [
        (packet(&|packet| packet[4] += 1), "has a length that no block can have"),
        (
            packet(&|packet| packet[4..8].copy_from_slice(&[8, 0, 0, 0])),
            "has a length that no block can have",
        ),
        (packet(&|packet| packet[4..8].copy_from_slice(&[28, 0, 0, 0])), "is shorter than what it must hold"),
        (packet(&|packet| packet[8] = 7), "names an interface that was not described"),
        (
            packet(&|packet| packet[20..24].copy_from_slice(&[0, 1, 0, 0])),
            "is shorter than what it must hold",
        ),
        (packet(&|packet| packet[20..24].fill(0xff)), "claims 4294967295 bytes"),
        (packet(&|packet| *packet.last_mut().unwrap() = 1), "does not end where its length says"),
    ] {
        let message = replay(&file).result.unwrap_err();
        assert!(message.contains(&format!("at byte {begins}, ")) && message.contains(problem), "{message}");
    }
}

#[test]
fn a_version_from_the_future_is_named() {
    let mut pcap = small_pcap();
    pcap[4] = 3;
    let mut pcapng = small_pcapng();
    pcapng[12] = 2;
    assert_eq!(replay(&pcap).result.unwrap_err(), "pcap version 3 is not known here: only version 2 is");
    assert_eq!(replay(&pcapng).result.unwrap_err(), "pcapng version 2 is not known here: only version 1 is");
}

#[test]
fn a_section_may_not_describe_interfaces_without_end() {
    let mut file = section();
    file.extend(interface(1, 0, &[]).repeat(crate::replay::MAX_INTERFACES + 1));
    assert!(replay(&file).result.unwrap_err().contains("claims 65537"));
}

#[test]
fn a_file_that_cannot_be_opened_is_named_with_the_reason() {
    let error = crate::replay::Reader::open("/nonexistent/capture.pcap".as_ref()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot open /nonexistent/capture.pcap: No such file or directory (os error 2)"
    );
    let error = crate::replay::Reader::open("/".as_ref()).err().unwrap();
    assert!(error.to_string().starts_with("cannot read on at byte 0: Is a directory"), "{error}");
}
