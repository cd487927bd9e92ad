//! Bytes that nobody meant.

use proptest::prelude::*;

use super::{frames::*, replay};

fn address() -> impl Strategy<Value = String> {
    (0..3_u8, 0..3_u16).prop_map(|(host, port)| format!("10.0.0.{host}:{port}"))
}

/// Segments among few connections and few sequence numbers, so that they meet.
fn segment() -> impl Strategy<Value = Tcp> {
    let number = prop_oneof![0..8_u32, (u32::MAX - 4)..=u32::MAX, any::<u32>()];
    let payload = prop::collection::vec(any::<u8>(), 0..4);
    (address(), address(), 0..32_u8, number.clone(), number, payload).prop_map(
        |(source, destination, flags, sequence, acknowledged, payload)| {
            Tcp::new(&source, &destination, flags, sequence, acknowledged).payload(&payload)
        },
    )
}

/// Whether each connection is opened once and before its other events, and nothing follows its end.
fn check_order(events: &[String]) -> Result<(), TestCaseError> {
    let mut opened = 0;
    let mut over = std::collections::HashSet::new();
    for event in events {
        let digits = event.find(|character: char| !character.is_ascii_digit()).unwrap();
        let id: u64 = event[..digits].parse().unwrap();
        if event[digits..].starts_with(" opened") {
            opened += 1;
            prop_assert_eq!(id, opened);
        }
        prop_assert!(id <= opened, "{} comes before its opening", event);
        prop_assert!(!over.contains(&id), "{} comes after the end", event);
        if event.ends_with(" closed") || event.ends_with(" reset") {
            over.insert(id);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        replay(&bytes);
        for link_type in [0, 1, 101, 113, 276] {
            let packets: Vec<_> = bytes.chunks(80).map(|packet| captured(0, packet.to_vec())).collect();
            let replayed = replay(&pcap(link_type, &packets));
            prop_assert_eq!(replayed.result, Ok(()));
            prop_assert_eq!(replayed.summary.packets, packets.len() as u64);
        }
    }

    #[test]
    fn any_change_to_a_capture_is_read_without_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let packet = request(7, 9, b"GET / HTTP/1.1\r\n").ip();
        let six = Tcp::new("[fd00::1]:40000", "[fd00::2]:80", ACK, 7, 9).payload(b"GET").ip();
        let mut pcapng = [section(), interface(101, 0, &[(9, &[9]), (14, &[0; 8])])].concat();
        for packet in [&packet, &six] {
            pcapng.extend(enhanced(0, 5, packet.len() as u32, packet));
        }
        let vlan = ethernet(0x8100, &[&[0, 5, 8, 0], packet.as_slice()].concat());
        for mut file in [pcapng, pcap(ETHERNET, &[captured(1, vlan), captured(2, ethernet(0x86dd, &six))])] {
            for (place, value) in &changes {
                *place.get_mut(&mut file) = *value;
            }
            check_order(&replay(&file).events)?;
        }
    }

    #[test]
    fn any_segments_keep_the_order_of_a_connection_s_life(
        segments in prop::collection::vec(segment(), 0..60),
    ) {
        let replayed = replay(&capture_of(&segments));
        prop_assert_eq!(replayed.result, Ok(()));
        check_order(&replayed.events)?;
    }
}
