//! Vectors and properties of the HTTP/2 parser, all through [`crate::Conversation`].

mod attributes;
mod bridge;
mod calls;
mod detection;
mod endings;
mod frames;
mod loss;
mod peer;
mod upgrade;

use crate::{
    CloseReason, Direction, Limit, Outcome, Protocol, Settings, State,
    testing::{MILLISECOND, Seen, Wire},
};

use super::frame::{PREFACE, flag, kind};

const END_STREAM: u8 = flag::END_STREAM;
const END_HEADERS: u8 = flag::END_HEADERS;

/// A frame on the wire.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settings() -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, b"\x00\x03\x00\x00\x00\x64")
}

/// A header block of literals that are not remembered.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127 + 128, "short");
            if text.len() < 127 {
                block.push(u8::try_from(text.len()).expect("short"));
            } else {
                block.extend([127, u8::try_from(text.len() - 127).expect("short")]);
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flags | END_HEADERS, stream, &block(fields))
}

fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
}

fn ask<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "shop.example:8081")]
}

/// A whole request without a body.
fn get(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, END_STREAM, &ask("GET", path))
}

/// A whole response.
fn ok(stream: u32, body: &str) -> Vec<u8> {
    [headers(stream, 0, &[(":status", "200")]), data(stream, END_STREAM, body.as_bytes())].concat()
}

/// A connection that has begun.
fn begun() -> Wire {
    begun_with(Settings::default())
}

fn begun_with(options: Settings) -> Wire {
    let mut wire = Wire::with(options, true);
    wire.bytes(Direction::ToServer, &[&PREFACE[..], &settings()].concat());
    wire.bytes(Direction::ToClient, &settings());
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http2));
    wire
}

trait Frames {
    fn asks(&mut self, bytes: &[u8]) -> &mut Self;
    fn answers(&mut self, bytes: &[u8]) -> &mut Self;
}

impl Frames for Wire {
    fn asks(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes(Direction::ToServer, bytes)
    }

    fn answers(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes(Direction::ToClient, bytes)
    }
}
