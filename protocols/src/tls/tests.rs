//! Handshakes: those of OpenSSL 3.0 (in `captures`, a line for each write), and made up ones.

mod detection;
mod faults;
mod handshakes;
mod upgrades;

use crate::{
    CloseReason, Direction, GapCause, Limit, Outcome, Protocol, State,
    testing::{MILLISECOND, Recorder, Seen, Wire},
};

const TLS_1_3: &str = include_str!("tests/captures/openssl-1.3.txt");
const TLS_1_2: &str = include_str!("tests/captures/openssl-1.2.txt");
const RETRY: &str = include_str!("tests/captures/openssl-retry.txt");
const ALERT: &str = include_str!("tests/captures/openssl-alert.txt");

/// The writes of a capture.
fn writes(capture: &str) -> Vec<(Direction, Vec<u8>)> {
    let write = |line: &str| {
        let (mark, digits) = line.split_once(' ').expect("a mark and digits");
        let direction = if mark == ">" { Direction::ToServer } else { Direction::ToClient };
        let byte = |pair: &[u8]| {
            u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal")
        };
        (direction, digits.as_bytes().chunks(2).map(byte).collect())
    };
    capture.lines().map(write).collect()
}

/// An extension of a hello.
fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &length(content.len()), content].concat()
}

fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("short").to_be_bytes()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &[&length(name.len() + 3)[..], &[0], &length(name.len()), name].concat())
}

fn protocols(names: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = names
        .iter()
        .flat_map(|name| [&[u8::try_from(name.len()).expect("short")][..], name].concat())
        .collect();
    extension(16, &[&length(list.len())[..], &list].concat())
}

/// A message of the handshake.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&[kind][..], &size[1..], body].concat()
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &length(payload.len()), payload].concat()
}

fn client_hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 4, 0x1a, 0x1a, 0x13, 0x01]);
    body.extend([1, 0]);
    body.extend(length(extensions.len()));
    body.extend(extensions);
    message(1, &body)
}

fn server_hello(suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    body.extend(length(extensions.len()));
    body.extend(extensions);
    message(2, &body)
}

/// A usual request and its answer.
fn asked() -> Vec<u8> {
    record(22, &client_hello(&[server_name(b"shop.example"), protocols(&[b"h2"])]))
}

fn answered() -> Vec<u8> {
    record(22, &server_hello(0x1301, &[extension(43, &[3, 4])]))
}

fn replayed(capture: &str) -> Seen {
    let mut wire = Wire::new();
    for (direction, bytes) in writes(capture) {
        wire.bytes(direction, &bytes);
    }
    let mut recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.seen.len(), recorder.unobserved), (1, 0), "{recorder:?}");
    recorder.seen.remove(0)
}
