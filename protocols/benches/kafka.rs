//! Kafka's exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of
//! the records asks for; and the bytes a second of large batches, which are skipped.
//!
//! `cargo bench -p plainsight-protocols --bench kafka [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, CONNECTIONS, Line, PIECE, Reader, Round, measure};
use plainsight_protocols::Direction;

/// A message with its length before it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).expect("short").to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// A record batch of one record of so many bytes.
fn batch(bytes: usize) -> Vec<u8> {
    let mut batch = vec![0; 8];
    batch.extend_from_slice(&u32::try_from(49 + bytes).expect("short").to_be_bytes());
    batch.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 2, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
    batch.extend_from_slice(&[0; 16]);
    batch.extend_from_slice(&[0xff; 14]);
    batch.extend_from_slice(&[0, 0, 0, 1]);
    batch.resize(batch.len() + bytes, 0x55);
    batch
}

/// `Produce` version 9, the first with compact lengths, to one partition, and its answer. Offset 8 of the request and 4
/// of the response is the correlation id.
fn produce(bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let batch = batch(bytes);
    let mut body =
        b"\0\0\0\x09\0\0\0\0\0\x08producer\0\0\xff\xff\0\0\x75\x30\x02\x07orders\x02\0\0\0\x03".to_vec();
    let mut size = batch.len() + 1;
    while size > 0x7f {
        body.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    body.push(size as u8);
    body.extend(batch);
    body.extend_from_slice(&[0, 0, 0]);
    let answer =
        b"\0\0\0\0\0\x02\x07orders\x02\0\0\0\x03\0\0\0\0\0\0\0\0\0\x29\xff\xff\xff\xff\xff\xff\xff\xff\
        \0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0";
    (framed(&body), framed(answer))
}

/// `Fetch` version 11 of one partition, as a consumer repeats it, and its answer with so many bytes of records.
fn fetch(bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut body =
        b"\0\x01\0\x0b\0\0\0\0\0\x08consumer\xff\xff\xff\xff\0\0\x01\xf4\0\0\0\x01\x03\x20\0\0\x01\0\0\0\0"
            .to_vec();
    body.extend_from_slice(b"\0\0\0\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03");
    body.extend_from_slice(&[0; 24]);
    body.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
    let mut answer = vec![0; 14];
    answer.extend_from_slice(b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03\0\0");
    answer.extend_from_slice(&[0; 24]);
    answer.extend_from_slice(&[0xff; 8]);
    answer.extend(framed(&batch(bytes)));
    (framed(&body), framed(&answer))
}

/// Every round under an id of its own.
fn exchange(name: &str, (mut request, mut response): (Vec<u8>, Vec<u8>), ask: Ask) {
    let mut lines: Vec<_> = (0..CONNECTIONS).map(|_| Line::new()).collect();
    let mut id = 0_u32;
    let bytes = (request.len() + response.len()) * CONNECTIONS;
    let size = Round { exchanges: CONNECTIONS, bytes, waiting: 0 };
    measure(name, size, &mut Reader::new(ask, 9092), |reader| {
        id += 1;
        request[8..12].copy_from_slice(&id.to_be_bytes());
        response[4..8].copy_from_slice(&id.to_be_bytes());
        for line in &mut lines {
            for (direction, message) in [(Direction::ToServer, &request), (Direction::ToClient, &response)] {
                message.chunks(PIECE).for_each(|bytes| line.carry(direction, bytes, reader));
            }
        }
    });
}

fn main() {
    for (name, messages) in
        [("produce", produce(100)), ("fetch", fetch(400)), ("large fetch", fetch(1 << 20))]
    {
        for (asked, ask) in ASKS {
            exchange(&format!("{name}: {asked}"), messages.clone(), ask);
        }
    }
}
