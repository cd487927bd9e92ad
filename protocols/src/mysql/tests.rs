//! Vectors and properties, all through [`Conversation`](crate::Conversation).

mod attributes;
mod bounds;
mod commands;
mod detection;
mod gaps;
mod logins;
mod loss;
mod prepared;
mod recorded;
mod results;
mod splits;

use crate::{
    CloseReason, Direction, Limit, Outcome, State,
    testing::{Seen, Wire},
};

/// Client flags: protocol 4.1, secure connection, database at login, session tracking, plug-in authentication.
const CAPABILITIES: u32 = 1 << 9 | 1 << 15 | 1 << 3 | 1 << 23 | 1 << 19;
const DEPRECATE_EOF: u32 = 1 << 24;
const QUERY_ATTRIBUTES: u32 = 1 << 27;
const MORE_RESULTS: u16 = 8;
const CURSOR_EXISTS: u16 = 0x40;

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("packets of tests are short").to_le_bytes();
    [&length[..3], &[sequence], payload].concat()
}

fn greeting(version: &str) -> Vec<u8> {
    // MySQL's own bit is set: no capabilities of MariaDB's follow.
    let capabilities = u32::MAX.to_le_bytes();
    let mut payload = vec![10];
    payload.extend(version.as_bytes());
    payload.push(0);
    payload.extend([7, 0, 0, 0]);
    payload.extend(b"challeng\0");
    payload.extend(&capabilities[..2]);
    payload.extend([33, 2, 0]);
    payload.extend(&capabilities[2..]);
    payload.push(21);
    payload.extend([0; 10]);
    payload.extend(b"twelve bytes\0mysql_native_password\0");
    packet(0, &payload)
}

fn login(capabilities: u32, user: &str, database: &str) -> Vec<u8> {
    let mut payload = (capabilities | 1).to_le_bytes().to_vec();
    payload.extend([0, 0, 0, 1, 33]);
    payload.extend([0; 23]);
    payload.extend(user.as_bytes());
    payload.push(0);
    payload.push(20);
    payload.extend([0x5a; 20]);
    payload.extend(database.as_bytes());
    payload.extend(b"\0mysql_native_password\0");
    packet(1, &payload)
}

fn command(code: u8, rest: &[u8]) -> Vec<u8> {
    packet(0, &[&[code], rest].concat())
}

fn query(text: &str) -> Vec<u8> {
    command(3, text.as_bytes())
}

fn prepare(text: &str) -> Vec<u8> {
    command(0x16, text.as_bytes())
}

fn execute(id: u32) -> Vec<u8> {
    command(0x17, &[&id.to_le_bytes()[..], &[0, 1, 0, 0, 0], &[0, 1, 8, 0], &[9; 8]].concat())
}

fn ok_with(sequence: u8, affected: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    packet(sequence, &[0, affected, 0, low, high, 0, 0])
}

fn ok(sequence: u8, affected: u8) -> Vec<u8> {
    ok_with(sequence, affected, 2)
}

fn failure(sequence: u8, code: u16, state: &str) -> Vec<u8> {
    let [low, high] = code.to_le_bytes();
    packet(
        sequence,
        &[&[0xff, low, high, b'#'], state.as_bytes(), b"Something with 'a secret' in it"].concat(),
    )
}

fn eof(sequence: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    packet(sequence, &[0xfe, 0, 0, low, high])
}

fn ok_end(sequence: u8, status: u16) -> Vec<u8> {
    let [low, high] = status.to_le_bytes();
    packet(sequence, &[0xfe, 0, 0, low, high, 0, 0])
}

fn definition(sequence: u8, name: &str) -> Vec<u8> {
    let mut payload = b"\x03def\x04shop\x06orders\x06orders".to_vec();
    for _ in 0..2 {
        payload.push(u8::try_from(name.len()).expect("names of tests are short"));
        payload.extend(name.as_bytes());
    }
    payload.extend([12, 33, 0, 0, 1, 0, 0, 253, 0, 0, 0, 0, 0]);
    packet(sequence, &payload)
}

/// A result of one column with so many rows, under the old rules or the new, from a sequence number on.
fn result_from(first: u8, rows: usize, new: bool, status: u16) -> (Vec<u8>, u8) {
    let mut sequence = first;
    let mut bytes = Vec::new();
    let mut push = |packet: &dyn Fn(u8) -> Vec<u8>| {
        bytes.extend(packet(sequence));
        sequence = sequence.wrapping_add(1);
    };
    push(&|sequence| packet(sequence, &[1]));
    push(&|sequence| definition(sequence, "name"));
    if !new {
        push(&|sequence| eof(sequence, status & !MORE_RESULTS));
    }
    for _ in 0..rows {
        push(&|sequence| packet(sequence, b"\x05value"));
    }
    push(&|sequence| if new { ok_end(sequence, status) } else { eof(sequence, status) });
    (bytes, sequence)
}

fn result(rows: usize, new: bool) -> Vec<u8> {
    result_from(1, rows, new, 2).0
}

/// The answer to a `COM_STMT_PREPARE`.
fn prepared(id: u32, columns: u8, parameters: u8, new: bool) -> Vec<u8> {
    let mut bytes = packet(1, &[&[0], &id.to_le_bytes()[..], &[columns, 0, parameters, 0, 0, 0, 0]].concat());
    let mut sequence = 2;
    for count in [parameters, columns] {
        for _ in 0..count {
            bytes.extend(definition(sequence, "?"));
            sequence += 1;
        }
        if count > 0 && !new {
            bytes.extend(eof(sequence, 2));
            sequence += 1;
        }
    }
    bytes
}

trait Speak {
    fn asks(&mut self, bytes: &[u8]) -> &mut Self;
    fn answers(&mut self, bytes: &[u8]) -> &mut Self;
}

impl Speak for Wire {
    fn asks(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes(Direction::ToServer, bytes)
    }

    fn answers(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes(Direction::ToClient, bytes)
    }
}

/// A connection on which a client has logged in, with nothing reported yet.
fn logged_in(capabilities: u32) -> Wire {
    let mut wire = Wire::new();
    wire.answers(&greeting("8.4.3"))
        .asks(&login(CAPABILITIES | capabilities, "app", "shop"))
        .answers(&ok(2, 0));
    assert_eq!(wire.summaries(), ["LOGIN app@shop"]);
    wire.recorder.seen.clear();
    wire
}

/// Each exchange as its summary and how much of it was seen.
fn told(seen: &[Seen]) -> Vec<String> {
    let how = |outcome| match outcome {
        Outcome::Complete => "",
        Outcome::NoResponse(_) => " (no response)",
        Outcome::Partial => " (partial)",
    };
    seen.iter().map(|seen| format!("{}{}", seen.summary, how(seen.outcome))).collect()
}
