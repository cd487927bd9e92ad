//! Exchanges a second of MySQL through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of
//! the records asks for. And bytes a second of large results.
//!
//! `cargo bench -p plainsight-protocols --bench mysql [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Calls, PIECE, Talk};
use plainsight_protocols::Direction;

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
    [&length[..3], &[sequence], payload].concat()
}

/// A result of one column.
fn result(rows: usize, row: &[u8]) -> Vec<u8> {
    let definition =
        b"\x03def\x04shop\x06orders\x06orders\x04name\x04name\x0c\x21\0\x90\x01\0\0\xfd\0\0\0\0\0";
    let mut bytes = [packet(1, &[1]), packet(2, definition), packet(3, b"\xfe\0\0\x02\0")].concat();
    let mut sequence = 4_u8;
    for _ in 0..rows {
        bytes.extend(packet(sequence, row));
        sequence = sequence.wrapping_add(1);
    }
    bytes.extend(packet(sequence, b"\xfe\0\0\x02\0"));
    bytes
}

/// A client logs in and prepares statement 1.
fn login() -> Calls {
    let greeting =
        b"\x0a8.4.3\0\x07\0\0\0challeng\0\xff\xff\x21\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0twelve bytes\0x\0";
    let mut login = vec![0x09, 0x82, 0, 0, 0, 0, 0, 1, 33];
    login.extend([0; 23]);
    login.extend(b"app\0\0shop\0");
    vec![
        (Direction::ToClient, packet(0, greeting)),
        (Direction::ToServer, packet(1, &login)),
        (Direction::ToClient, packet(2, &[0, 0, 0, 2, 0, 0, 0])),
        (Direction::ToServer, packet(0, b"\x16SELECT name FROM orders WHERE id = ?")),
        (Direction::ToClient, packet(1, b"\0\x01\0\0\0\0\0\0\0\0\0\0")),
    ]
}

fn main() {
    let query = packet(0, b"\x03SELECT name FROM orders WHERE id = 17 AND mail = 'me@example.com'");
    let execute = packet(0, b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x08\0\x11\0\0\0\0\0\0\0");
    let ok = packet(1, &[0, 1, 0, 2, 0, 0, 0]);
    let one = result(1, b"\x04name");
    let many = result(200, b"\x14twenty bytes of text");
    let large = result(1, &[b'x'; 8 << 20]);
    for (asked, ask) in ASKS {
        for (case, request, response) in [
            ("query, done", &query, &ok),
            ("query, one row", &query, &one),
            ("prepared, one row", &execute, &one),
            ("query, 200 rows", &query, &many),
            ("query, a row of 8 MiB in calls of 64 KiB", &query, &large),
        ] {
            let talk = Talk { prologue: login(), ..Talk::new(request, response, 1, PIECE) };
            talk.measure(&format!("{case}: {asked}"), ask, 3306);
        }
    }
}
