//! Exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of the
//! records asks for. Traffic is what redis-benchmark and a Redis server say to each other, also pipelined.
//!
//! `cargo bench -p plainsight-protocols --bench redis [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, PIECE, Talk};

const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000017\r\n";
const VALUE: &[u8] = b"$3\r\nxxx\r\n";
const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000017\r\n$3\r\nxxx\r\n";
const OK: &[u8] = b"+OK\r\n";

/// Length of the string in the case of large ones.
const LARGE: usize = 1 << 20;

const PORT: u16 = 6379;

fn main() {
    for (name, request, response) in [("GET", GET, VALUE), ("SET", SET, OK)] {
        for (asked, ask) in ASKS {
            for depth in [1, 16] {
                let talk = Talk::new(&request.repeat(depth), &response.repeat(depth), depth, PIECE);
                talk.measure(&format!("{name}, {depth} at once: {asked}"), ask, PORT);
            }
        }
    }
    let large = [format!("${LARGE}\r\n").as_bytes(), &vec![b'x'; LARGE], b"\r\n"].concat();
    Talk::new(GET, &large, 1, PIECE).measure("GET of 1 MiB", Ask::Nothing, PORT);
    let range = b"*4\r\n$6\r\nLRANGE\r\n$4\r\nlist\r\n$1\r\n0\r\n$2\r\n-1\r\n";
    let list = [b"*10000\r\n".to_vec(), VALUE.repeat(10_000)].concat();
    Talk::new(range, &list, 1, 16 * 1024).measure("LRANGE of 10,000", Ask::Nothing, PORT);
}
