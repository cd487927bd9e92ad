//! Vectors and properties of MongoDB's parser, all through `Conversation`.

mod commands;
mod detection;
mod faults;

use crate::{
    CloseReason, Direction, GapCause, Limit, Outcome, Protocol, State,
    testing::{MILLISECOND, Recorder, Seen, Wire},
};

/// A document of these elements.
fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let elements = elements.concat();
    let length = i32::try_from(elements.len() + 5).expect("short");
    [&length.to_le_bytes()[..], &elements, &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind][..], name.as_bytes(), &[0], value].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = i32::try_from(value.len() + 1).expect("short");
    element(2, name, &[&length.to_le_bytes()[..], value.as_bytes(), &[0]].concat())
}

fn int(name: &str, value: i32) -> Vec<u8> {
    element(0x10, name, &value.to_le_bytes())
}

fn double(name: &str, value: f64) -> Vec<u8> {
    element(1, name, &value.to_le_bytes())
}

fn nested(name: &str, elements: &[Vec<u8>]) -> Vec<u8> {
    element(3, name, &document(elements))
}

fn array(name: &str, elements: &[Vec<u8>]) -> Vec<u8> {
    element(4, name, &document(elements))
}

fn message(kind: i32, id: i32, response_to: i32, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 16).expect("short");
    [length, id, response_to, kind]
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .chain(body.iter().copied())
        .collect()
}

/// An `OP_MSG` with flags and one document.
fn flagged(flags: u32, id: i32, response_to: i32, elements: &[Vec<u8>]) -> Vec<u8> {
    let checksum: &[u8] = if flags & 1 == 1 { &[1, 2, 3, 4] } else { &[] };
    message(2013, id, response_to, &[&flags.to_le_bytes()[..], &[0], &document(elements), checksum].concat())
}

fn command(id: i32, elements: &[Vec<u8>]) -> Vec<u8> {
    flagged(0, id, 0, elements)
}

fn answer(id: i32, response_to: i32, elements: &[Vec<u8>]) -> Vec<u8> {
    flagged(0, id, response_to, elements)
}

fn find(id: i32, collection: &str) -> Vec<u8> {
    command(
        id,
        &[text("find", collection), nested("filter", &[text("secret", "hunter2")]), text("$db", "shop")],
    )
}

fn ok(id: i32, response_to: i32) -> Vec<u8> {
    answer(id, response_to, &[double("ok", 1.0)])
}

/// What is reported of one exchange.
fn exchange(request: &[u8], reply: &[u8]) -> Seen {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, request).bytes(Direction::ToClient, reply);
    assert_eq!(wire.recorder.seen.len(), 1, "{:?}", wire.recorder);
    wire.recorder.seen.remove(0)
}
