//! Handshakes a second through [`Conversation`] on one core, from memory: detection, both hellos, attributes.
//!
//! `cargo bench -p plainsight-protocols --bench tls`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{Ask, Calls, Line, Reader, Round, measure};
use plainsight_protocols::Direction;

const CAPTURE: &str = include_str!("../src/tls/tests/captures/openssl-1.3.txt");

fn writes() -> Calls {
    let byte = |pair: &[u8]| {
        let digit =
            |index: usize| pair.get(index).and_then(|&digit| char::from(digit).to_digit(16)).unwrap_or(0);
        u8::try_from(digit(0) << 4 | digit(1)).unwrap_or(0)
    };
    let write = |line: &str| {
        let (mark, digits) = line.split_once(' ').expect("a mark and digits");
        let direction = if mark == ">" { Direction::ToServer } else { Direction::ToClient };
        (direction, digits.as_bytes().chunks(2).map(byte).collect())
    };
    CAPTURE.lines().map(write).collect()
}

fn main() {
    let writes = writes();
    let bytes = writes.iter().map(|(_, bytes)| bytes.len()).sum();
    let size = Round { exchanges: 1, bytes, waiting: 0 };
    measure("OpenSSL, TLS 1.3", size, &mut Reader::new(Ask::Attributes, 443), |reader| {
        let mut line = Line::new();
        for (direction, bytes) in &writes {
            line.carry(*direction, bytes, reader);
        }
    });
}
