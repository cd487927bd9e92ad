//! Exchanges a second through [`Conversation`] on one core, from memory: HTTP/2 as h2load and a browser speak it, gRPC
//! with one message each way, and bodies that are passed over.
//!
//! `cargo bench -p plainsight-protocols --bench http2 [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, CONNECTIONS, Line, Reader, Round, measure};
use plainsight_protocols::Direction;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame; the stream is written over later where it is not zero.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literals that are remembered, the newest being the last.
fn remembered(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x40);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// One exchange as it recurs on a connection, and what the first one teaches.
struct Case {
    name: &'static str,
    first: [Vec<u8>; 2],
    request: Vec<u8>,
    response: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let asked = [
        (":authority", "127.0.0.1:8080"),
        (":path", "/index.html?page=3"),
        ("user-agent", "h2load nghttp2/1.64.0"),
    ];
    let answered = [
        ("server", "nghttpd nghttp2/1.64.0"),
        ("date", "Sun, 22 Nov 2026 15:00:00 GMT"),
        ("content-length", "16"),
        ("last-modified", "Sun, 22 Nov 2026 14:00:00 GMT"),
    ];
    let traced = [
        (":authority", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    // A path and a trace of its own each time: a literal not remembered, and one that is.
    let path = b"\x04\x26/api/v1/users/17?fields=name,mail&a=bcd";
    let trace = b"\x40\x0btraceparent\x3700-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let call = [
        (":authority", "127.0.0.1:50051"),
        (":path", "/shop.v1.Orders/List"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "grpc-python/1.70.0 grpc-c/45.0.0 (linux; chttp2)"),
    ];
    let reply = [("content-type", "application/grpc"), ("grpc-status", "0"), ("grpc-message", "")];
    let message = [&[0, 0, 0, 0, 40][..], &[7; 40]].concat();
    let block = |flags, bytes: &[u8]| frame(HEADERS, flags | END_HEADERS, 1, bytes);
    vec![
        Case {
            name: "h2load, nghttpd",
            first: [
                block(END_STREAM, &[b"\x82\x86", &remembered(&asked)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&answered)[..]].concat()),
            ],
            request: block(END_STREAM, b"\x82\x86\xc0\xbf\xbe"),
            response: [block(0, b"\x88\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, b"<html>hi</html>\n")]
                .concat(),
        },
        Case {
            name: "browser, nghttpd",
            first: [
                block(END_STREAM, &[b"\x82\x86\x84", &remembered(&traced)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&answered)[..]].concat()),
            ],
            request: block(END_STREAM, &[&b"\x82\x86"[..], path, trace].concat()),
            response: [block(0, b"\x88\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, b"<html>hi</html>\n")]
                .concat(),
        },
        Case {
            name: "gRPC, one message each way",
            first: [
                block(END_STREAM, &[b"\x83\x86", &remembered(&call)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&reply)[..]].concat()),
            ],
            request: [block(0, b"\x83\x86\xc2\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, &message)]
                .concat(),
            response: [block(0, b"\x88\xc0"), frame(DATA, 0, 1, &message), block(END_STREAM, b"\xbf\xbe")]
                .concat(),
        },
    ]
}

/// Where the numbers of streams stand in frames.
fn places(mut bytes: &[u8]) -> Vec<usize> {
    let (mut places, mut at) = (Vec::new(), 0);
    while let [high, middle, low, ..] = *bytes {
        places.push(at + 5);
        let length = 9 + (usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low));
        bytes = &bytes[length..];
        at += length;
    }
    places
}

fn begun(first: &[Vec<u8>; 2], reader: &mut Reader) -> Line {
    let mut line = Line::new();
    let hello = frame(SETTINGS, 0, 0, &[]);
    let client = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &hello[..], &first[0]].concat();
    line.carry(Direction::ToServer, &client, reader);
    line.carry(Direction::ToClient, &[&hello[..], &first[1]].concat(), reader);
    line
}

fn exchange(case: &Case, ask: Ask, name: &str) {
    let mut reader = Reader::new(ask, 8080);
    let mut lines: Vec<_> = (0..CONNECTIONS).map(|_| begun(&case.first, &mut reader)).collect();
    let (mut request, mut response) = (case.request.clone(), case.response.clone());
    let (asked, answered) = (places(&request), places(&response));
    let bytes = (request.len() + response.len()) * CONNECTIONS;
    let size = Round { exchanges: CONNECTIONS, bytes, waiting: 0 };
    let mut stream = 1_u32;
    measure(name, size, &mut reader, |reader| {
        stream += 2;
        let number = stream.to_be_bytes();
        asked.iter().for_each(|&place| request[place..place + 4].copy_from_slice(&number));
        answered.iter().for_each(|&place| response[place..place + 4].copy_from_slice(&number));
        for line in &mut lines {
            line.carry(Direction::ToServer, &request, reader);
            line.carry(Direction::ToClient, &response, reader);
        }
    });
}

/// Bodies of a megabyte in frames of 16 KiB, each copied whole, or its first 4 KiB only.
fn bodies(copied: usize, name: &str) {
    let mut reader = Reader::new(Ask::Nothing, 8080);
    let case = &cases()[0];
    let mut line = begun(&case.first, &mut reader);
    let mut request = case.request.clone();
    let mut head = frame(HEADERS, END_HEADERS, 1, b"\x88");
    let mut body = frame(DATA, 0, 1, &[0x55; 16 * 1024]);
    let bytes = request.len() + head.len() + 64 * body.len();
    let mut stream = 1_u32;
    measure(name, Round { exchanges: 1, bytes, waiting: 0 }, &mut reader, |reader| {
        stream += 2;
        for frame in [&mut request, &mut head, &mut body] {
            frame[5..9].copy_from_slice(&stream.to_be_bytes());
        }
        line.carry(Direction::ToServer, &request, reader);
        line.carry(Direction::ToClient, &head, reader);
        for number in 0..64 {
            body[4] = u8::from(number == 63);
            line.carry_partly(Direction::ToClient, &body, copied, reader);
        }
    });
}

fn main() {
    for case in cases() {
        for (asked, ask) in ASKS {
            exchange(&case, ask, &format!("{}: {asked}", case.name));
        }
    }
    bodies(usize::MAX, "bodies, copied whole");
    bodies(4096, "bodies, 4 KiB of each frame copied");
}
