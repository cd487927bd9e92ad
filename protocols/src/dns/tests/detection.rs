//! What is taken for this protocol, and what is not.

use proptest::prelude::*;

use super::*;
use crate::{Detection, Direction, dns::ENTRY};

fn detect(bytes: &[u8]) -> Detection {
    (ENTRY.detect)(Direction::ToServer, &bytes[..bytes.len().min(512)])
}

/// First bytes of what else is spoken in the world.
fn others() -> Vec<Vec<u8>> {
    let mut hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    hello.extend([7; 400]);
    let mut time = vec![0x23, 0, 6, 0xec];
    time.extend([0; 8]);
    time.extend(*b"LOCL");
    time.extend([3; 32]);
    let mut stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42".to_vec();
    stun.extend([9; 12]);
    let mut quic = b"\xc3\x00\x00\x00\x01\x08".to_vec();
    quic.extend((0..200).map(|number| number as u8));
    let netbios =
        [head(77, 0x0110, [1, 0, 0, 0]), question("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0x21, 1)].concat();
    let registration = [
        head(77, 0x2910, [1, 0, 0, 1]),
        question("EDEFEMEFFAEFEOFADBCACACACACACAAA", 0x20, 1),
        record(None, 0x20, &[0, 0, 10, 0, 0, 7]),
    ]
    .concat();
    vec![
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n".to_vec(),
        b"220 mail.example ESMTP Postfix\r\n".to_vec(),
        b"\0\0\0\x54\x04\xd2\x16\x2f user\0me\0database\0db\0\0".to_vec(),
        b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(),
        b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0salt1234\0\xff\xff".to_vec(),
        b"\0\0\0\x1f\0\x12\0\x03\0\0\0\x01\0\x08consumer\0\x04java\x051.0.0\0".to_vec(),
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n".to_vec(),
        b"<34>1 2026-01-02T03:04:05Z host app - - - message".to_vec(),
        b"page.views:1|c".to_vec(),
        b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\0\x02\x01\0".to_vec(),
        b"\0\x01file.txt\0octet\0".to_vec(),
        vec![0; 12],
        vec![0; 48],
        vec![0xff; 64],
        hello,
        time,
        stun,
        quic,
        netbios,
        registration,
    ]
}

#[test]
fn whole_messages_prove_the_protocol_and_their_direction() {
    let asked = query(1, "example.org", A);
    assert_eq!(detect(&prefixed(&asked)), Detection::Found(Direction::ToServer));
    let answered = answer(&asked, 3, &[]);
    assert_eq!(detect(&prefixed(&answered)), Detection::Found(Direction::ToClient));
    let mut pipelined = prefixed(&asked);
    pipelined.extend(prefixed(&query(2, "example.net", A)));
    assert_eq!(detect(&pipelined), Detection::Found(Direction::ToServer));
    let large = answer(&asked, 0, &(0..100).map(address).collect::<Vec<_>>());
    assert_eq!(detect(&prefixed(&large)), Detection::Found(Direction::ToClient));
    let mut key = [head(1, 0, [1, 0, 0, 1]), question("key.example", 249, 1)].concat();
    key.extend(record(None, 249, &[7; 3000]));
    assert_eq!(detect(&prefixed(&key)), Detection::Found(Direction::ToServer), "its end is where it must be");
    key.push(0);
    assert_eq!(detect(&prefixed(&key)), Detection::Likely(Direction::ToServer), "something follows");
    for message in [&asked, &answered] {
        let bytes = prefixed(message);
        for length in 0..bytes.len() {
            assert_eq!(detect(&bytes[..length]), Detection::NeedMore, "{length}");
        }
    }
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for other in others() {
        let found = detect(&other);
        assert!(matches!(found, Detection::No | Detection::NeedMore), "{found:?} {other:?}");
        assert!(other.len() < 14 || found == Detection::No, "{other:?}");
        let mut socket = Socket::since("10.0.0.7:40000", 99 * SECOND);
        socket.send("10.0.0.9:1234", &other);
        socket.receive("10.0.0.9:1234", &other);
        socket.pass(6 * SECOND);
        assert!(socket.seen().is_empty(), "{:?} {other:?}", socket.lines());
    }
}

#[test]
fn what_only_looks_like_a_question_is_reported_with_its_answer_alone() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let odd = [query(1, "example.org", A), b"more".to_vec()].concat();
    let unknown = query(2, "example.org", 0x1234);
    for message in [&odd, &unknown] {
        assert!(socket.send("10.0.0.9:53", message));
        socket.pass(6 * SECOND);
    }
    assert!(socket.seen().is_empty());
    for message in [&odd, &unknown] {
        socket.send("10.0.0.9:53", message);
        socket.receive("10.0.0.9:53", &answer(message, 4, &[]));
    }
    assert_eq!(
        socket.lines(),
        ["client A example.org NOTIMP Complete", "client TYPE4660 example.org NOTIMP Complete"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_datagrams_are_no_exchanges(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..20)) {
        let mut socket = Socket::since("10.0.0.7:40000", 99 * SECOND);
        for (index, bytes) in datagrams.iter().enumerate() {
            socket.datagram(index % 2 == 0, "10.0.0.9:1234", bytes);
            prop_assert!(matches!(detect(bytes), Detection::No | Detection::NeedMore));
        }
        socket.pass(6 * SECOND);
        prop_assert!(socket.seen().is_empty(), "{:?}", socket.lines());
    }
}
