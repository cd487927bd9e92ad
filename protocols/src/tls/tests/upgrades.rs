//! Connections that begin in another protocol and agree in it to go on in TLS.

use super::*;

/// What a server of MySQL 8.4 sends first.
fn mysql_greeting() -> Vec<u8> {
    let mut body = b"\x0a8.4.3\0\x0b\0\0\0challeng\0\xff\xff\xff\x02\0\xff\xdf\x15".to_vec();
    body.extend([0; 10]);
    body.extend_from_slice(b"and the rest\0caching_sha2_password\0");
    let length = u8::try_from(body.len()).expect("short");
    [&[length, 0, 0, 0][..], &body].concat()
}

/// The packet of a client that goes on in TLS: capabilities and nothing of who it is.
fn mysql_tls_request() -> Vec<u8> {
    [&b"\x20\0\0\x01\x85\xae\xff\x19\0\0\0\x01\xff"[..], &[0; 23]].concat()
}

const POSTGRESQL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

/// What is said, by whom, in turns.
type Dialogue = Vec<(Direction, Vec<u8>)>;

/// What each end says before the handshake.
fn openings() -> [(Protocol, Dialogue); 2] {
    [
        (
            Protocol::Mysql,
            vec![(Direction::ToClient, mysql_greeting()), (Direction::ToServer, mysql_tls_request())],
        ),
        (
            Protocol::Postgresql,
            vec![(Direction::ToServer, POSTGRESQL_REQUEST.to_vec()), (Direction::ToClient, b"S".to_vec())],
        ),
    ]
}

fn handshake(recorder: &Recorder) -> &Seen {
    let mut seen = recorder.seen.iter().filter(|seen| seen.protocol == Protocol::Tls);
    let one = seen.next().unwrap_or_else(|| panic!("no handshake: {recorder:?}"));
    assert!(seen.next().is_none(), "one handshake");
    one
}

#[test]
fn a_database_connection_that_goes_on_in_tls_is_a_handshake() {
    for (protocol, opening) in openings() {
        for split in [1, 7, usize::MAX] {
            let mut wire = Wire::new();
            for (direction, bytes) in opening.iter().chain(&writes(TLS_1_2)) {
                for piece in bytes.chunks(split) {
                    wire.bytes(*direction, piece);
                }
            }
            assert_eq!(wire.conversation.state(), State::Ignored, "nothing more can be read");
            let recorder = wire.close(CloseReason::Closed);
            let seen = handshake(&recorder);
            assert_eq!(seen.summary, "TLS shop.example http/1.1 TLSv1.2");
            assert_eq!((seen.outcome, seen.error()), (Outcome::Complete, None));
            assert_eq!(seen.attribute("plainsight.tls.upgraded_from"), Some(protocol.name()));
            let before = |which| {
                let said = opening.iter().filter(|(direction, _)| *direction == which);
                Some(said.map(|(_, bytes)| bytes.len() as u64).sum::<u64>())
            };
            assert_eq!(seen.offsets, [before(Direction::ToServer), before(Direction::ToClient)]);
        }
    }
}

#[test]
fn a_client_that_does_not_wait_for_its_own_words_to_be_read_is_understood() {
    let mut wire = Wire::new();
    let mut writes = writes(TLS_1_3).into_iter();
    let (_, hello) = writes.next().expect("a hello");
    wire.bytes(Direction::ToClient, &mysql_greeting());
    wire.bytes(Direction::ToServer, &[mysql_tls_request(), hello].concat());
    for (direction, bytes) in writes {
        wire.bytes(direction, &bytes);
    }
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(handshake(&recorder).summary, "TLS shop.example h2,http/1.1 TLSv1.3");
}

#[test]
fn a_handshake_that_never_came_is_no_exchange_and_one_without_answer_says_why() {
    for (_, opening) in openings() {
        let mut wire = Wire::new();
        for (direction, bytes) in &opening {
            wire.bytes(*direction, bytes);
        }
        assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Tls));
        let recorder = wire.close(CloseReason::Closed);
        assert!(recorder.seen.iter().all(|seen| seen.protocol != Protocol::Tls), "{recorder:?}");
        let mut wire = Wire::new();
        for (direction, bytes) in opening.iter().chain(writes(TLS_1_3).first()) {
            wire.bytes(*direction, bytes);
        }
        let recorder = wire.close(CloseReason::Reset);
        assert_eq!(handshake(&recorder).outcome, Outcome::NoResponse(CloseReason::Reset));
    }
}
