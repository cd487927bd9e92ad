//! Vectors and properties of the Kafka parser, all through [`Conversation`].

mod attributes;
mod bounds;
mod detection;
mod loss;
mod recorded;
mod session;
mod splits;
mod traces;
mod vectors;

use std::sync::LazyLock;

use crate::{
    CloseReason, Direction, Limit, Outcome, Protocol, Settings, State,
    testing::{MICROSECOND, MILLISECOND, Recorder, Seen, Wire},
};

const ASK: Direction = Direction::ToServer;
const ANSWER: Direction = Direction::ToClient;

/// A message with its length before it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).expect("short").to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// A string as old versions have it.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len()).expect("short").to_be_bytes().to_vec();
    bytes.extend_from_slice(value.as_bytes());
    bytes
}

/// A request of a version with the older header.
fn ask(key: i16, version: i16, id: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = [key.to_be_bytes(), version.to_be_bytes()].concat();
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend(text("tester"));
    bytes.extend_from_slice(body);
    framed(&bytes)
}

/// A response with the older header.
fn answer(id: i32, body: &[u8]) -> Vec<u8> {
    framed(&[&id.to_be_bytes(), body].concat())
}

/// A heartbeat of a group, version 0, and its answer.
fn heartbeat(id: i32, group: &str) -> Vec<u8> {
    ask(12, 0, id, &[text(group), vec![0, 0, 0, 1], text("member")].concat())
}

fn beat(id: i32, error: i16) -> Vec<u8> {
    answer(id, &error.to_be_bytes())
}

/// `Produce` version 7 to one partition of a topic, with batches that say nothing.
fn produce(id: i32, acks: i16, topic: &str, batch: &[u8]) -> Vec<u8> {
    let mut body = vec![0xff, 0xff];
    body.extend_from_slice(&acks.to_be_bytes());
    body.extend_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0, 1]);
    body.extend(text(topic));
    body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 3]);
    body.extend(framed(batch));
    ask(0, 7, id, &body)
}

/// Its answer.
fn produced(id: i32, topic: &str, error: i16, offset: i64) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1];
    body.extend(text(topic));
    body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 3]);
    body.extend_from_slice(&error.to_be_bytes());
    body.extend_from_slice(&offset.to_be_bytes());
    body.extend_from_slice(&[0xff; 16]);
    body.extend_from_slice(&[0; 4]);
    answer(id, &body)
}

/// A record batch of so many records whose bytes are the rest.
fn batch(count: u32, records: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&u32::try_from(49 + records.len()).expect("short").to_be_bytes());
    bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 2, 1, 2, 3, 4, 0, 0]);
    bytes.extend_from_slice(&count.saturating_sub(1).to_be_bytes());
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&[0xff; 14]);
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(records);
    bytes
}

/// A kind of request, a version of it, and both messages.
type Vector = (String, i16, Vec<u8>, Vec<u8>);

/// The vectors of `vectors.txt`.
static VECTORS: LazyLock<Vec<Vector>> = LazyLock::new(|| {
    let lines = include_str!("tests/vectors.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            let [kind, version, request, response] = fields[..] else { panic!("four fields: {line}") };
            (kind.to_owned(), version.parse().expect("a number"), unhex(request), unhex(response))
        })
        .collect()
});

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal");
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("a byte")).collect()
}

fn vector(kind: &str, version: i16) -> (&'static [u8], &'static [u8]) {
    let found = VECTORS.iter().find(|vector| vector.0 == kind && vector.1 == version);
    let (_, _, request, response) = found.expect("a vector");
    (request, response)
}
