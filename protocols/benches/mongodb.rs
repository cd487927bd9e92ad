//! Exchanges a second through [`Conversation`] on one core, from memory, and bytes a second of large documents.
//!
//! `cargo bench -p plainsight-protocols --bench mongodb`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, PIECE, Talk};

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let elements = elements.concat();
    let length = u32::try_from(elements.len() + 5).unwrap_or(0);
    [&length.to_le_bytes()[..], &elements, &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind][..], name.as_bytes(), &[0], value].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len() + 1).unwrap_or(0);
    element(2, name, &[&length.to_le_bytes()[..], value.as_bytes(), &[0]].concat())
}

fn message(id: u32, response_to: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let body = [&[0; 5][..], &document(elements)].concat();
    let length = u32::try_from(body.len() + 16).unwrap_or(0);
    [length, id, response_to, 2013].iter().flat_map(|field| field.to_le_bytes()).chain(body).collect()
}

const PORT: u16 = 27_017;

fn main() {
    let filter = element(3, "filter", &document(&[element(0x10, "_id", &[17, 0, 0, 0])]));
    let lsid =
        element(3, "lsid", &document(&[element(5, "id", &[&[16, 0, 0, 0, 4][..], &[7; 16]].concat())]));
    let request = message(1, 0, &[text("find", "orders"), filter, lsid, text("$db", "shop")]);
    let order = |size: usize| element(3, "0", &document(&[text("note", &"x".repeat(size))]));
    let reply = |size| {
        let batch = element(4, "firstBatch", &document(&[order(size)]));
        let cursor = document(&[batch, element(0x12, "id", &[0; 8]), text("ns", "shop.orders")]);
        message(2, 1, &[element(3, "cursor", &cursor), element(1, "ok", &1_f64.to_le_bytes())])
    };
    for (asked, ask) in ASKS {
        Talk::new(&request, &reply(200), 1, PIECE).measure(&format!("find: {asked}"), ask, PORT);
    }
    let large = reply(1_000_000);
    Talk::new(&request, &large, 1, large.len()).measure("find of a large document", Ask::Nothing, PORT);
}
