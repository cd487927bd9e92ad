//! Exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of the
//! records asks for. Traffic is what a cache's client and a Memcached server say to each other, also pipelined.
//!
//! `cargo bench -p plainsight-protocols --bench memcached [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, PIECE, Talk};

const GET: &[u8] = b"get key:000000000017\r\n";
const VALUE: &[u8] = b"VALUE key:000000000017 0 3\r\nxxx\r\nEND\r\n";
const SET: &[u8] = b"set key:000000000017 0 0 3\r\nxxx\r\n";
const STORED: &[u8] = b"STORED\r\n";
const META: &[u8] = b"mg key:000000000017 v t\r\n";
const META_VALUE: &[u8] = b"VA 3 t-1\r\nxxx\r\n";

/// Length of the value in the case of large ones.
const LARGE: usize = 1 << 20;

const PORT: u16 = 11_211;

fn main() {
    for (name, request, response) in [("get", GET, VALUE), ("set", SET, STORED), ("mg", META, META_VALUE)] {
        for (asked, ask) in ASKS {
            for depth in [1, 16] {
                let talk = Talk::new(&request.repeat(depth), &response.repeat(depth), depth, PIECE);
                talk.measure(&format!("{name}, {depth} at once: {asked}"), ask, PORT);
            }
        }
    }
    let head = format!("VALUE key:000000000017 0 {LARGE}\r\n");
    let large = [head.as_bytes(), &vec![b'x'; LARGE], b"\r\nEND\r\n"].concat();
    Talk::new(GET, &large, 1, PIECE).measure("get of 1 MiB", Ask::Nothing, PORT);
}
