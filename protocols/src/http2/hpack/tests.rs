//! HPACK against the vectors of others, and against itself where blocks are missing.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::{Decoder, Field};

/// A block on the wire, and the fields it must give.
type Block = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

type Owned = (Option<Vec<u8>>, Option<Vec<u8>>);

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal"))
        .collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Option<Vec<Owned>> {
    let mut fields = Vec::new();
    let own = |part: Option<&[u8]>| part.map(<[u8]>::to_vec);
    let each = |field: Field<'_>| fields.push((own(field.name), own(field.value)));
    decoder.decode(block, each).ok().map(|()| fields)
}

fn known(fields: &[(&str, &str)]) -> Vec<Owned> {
    let own = |text: &str| Some(text.as_bytes().to_vec());
    fields.iter().map(|(name, value)| (own(name), own(value))).collect()
}

/// The stories of <https://github.com/http2jp/hpack-test-case>: each is one direction of a connection.
fn stories() -> Vec<(String, Vec<Block>)> {
    let corpora = std::env::var_os("PLAINSIGHT_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        PathBuf::from,
    );
    let mut stories = Vec::new();
    let entries = |folder: PathBuf| {
        fs::read_dir(&folder)
            .unwrap_or_else(|error| {
                panic!("{}: {error}; set PLAINSIGHT_CORPORA to where it is", folder.display())
            })
            .map(|entry| entry.expect("readable").path())
    };
    for encoder in entries(corpora.join("hpack")) {
        for path in entries(encoder) {
            let text = fs::read_to_string(&path).expect("readable");
            let story: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let text = |value: &serde_json::Value| value.as_str().expect("text").as_bytes().to_vec();
            let block = |case: &serde_json::Value| {
                let headers = case["headers"].as_array().expect("headers").iter();
                let pairs = headers.flat_map(|header| header.as_object().expect("a field"));
                let fields = pairs.map(|(name, value)| (name.as_bytes().to_vec(), text(value))).collect();
                (bytes(case["wire"].as_str().expect("hexadecimal")), fields)
            };
            let cases = story["cases"].as_array().expect("cases");
            stories.push((path.display().to_string(), cases.iter().map(block).collect()));
        }
    }
    stories
}

fn exactly(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<Owned> {
    fields.iter().map(|(name, value)| (Some(name.clone()), Some(value.clone()))).collect()
}

#[test]
fn every_story_of_every_encoder_is_decoded_exactly() {
    let stories = stories();
    assert!(stories.len() >= 30, "{} stories", stories.len());
    for (name, blocks) in stories {
        let mut decoder = Decoder::new();
        for (number, (block, fields)) in blocks.iter().enumerate() {
            assert_eq!(decode(&mut decoder, block), Some(exactly(fields)), "{name}, block {number}");
        }
    }
}

#[test]
fn joined_or_torn_at_any_block_a_story_gives_true_fields_or_none() {
    let (mut fields_known, mut fields_all) = (0, 0);
    for (name, blocks) in stories() {
        for from in 0..blocks.len().min(12) {
            let mut decoder = Decoder::new();
            let lost = from + 7;
            for (number, (block, truth)) in blocks.iter().enumerate().skip(from) {
                if number == lost {
                    decoder.lose();
                    continue;
                }
                let fields = decode(&mut decoder, block).unwrap_or_else(|| panic!("{name} {number}"));
                assert_eq!(fields.len(), truth.len());
                for ((known_name, known_value), (true_name, true_value)) in fields.iter().zip(truth) {
                    assert!(known_name.as_ref().is_none_or(|known| known == true_name), "{name} {number}");
                    assert!(known_value.as_ref().is_none_or(|known| known == true_value), "{name} {number}");
                    fields_known += usize::from(known_name.is_some() && known_value.is_some());
                    fields_all += 1;
                }
            }
        }
    }
    assert!(fields_known * 10 > fields_all * 9, "only {fields_known} of {fields_all} fields are known");
}

#[test]
fn the_examples_of_the_specification_are_decoded() {
    // Appendices C.4 (requests with Huffman code) and C.6 (responses, a table of 256 bytes, entries evicted).
    let mut decoder = Decoder::new();
    let request =
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let first = bytes("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff");
    assert_eq!(decode(&mut decoder, &first), Some(known(&request)));
    let second = bytes("8286 84be 5886 a8eb 1064 9cbf");
    let with_control = [&request[..], &[("cache-control", "no-cache")]].concat();
    assert_eq!(decode(&mut decoder, &second), Some(known(&with_control)));

    let mut decoder = Decoder::new();
    let first = bytes(
        "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
         1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    );
    let response = [
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    assert_eq!(decode(&mut decoder, &first), Some(known(&response)));
    let second = bytes("4883 640e ffc1 c0bf");
    let changed = [&[(":status", "307")], &response[1..]].concat();
    assert_eq!(decode(&mut decoder, &second), Some(known(&changed)));
}

#[test]
fn malformed_blocks_are_refused_after_what_could_be_read() {
    for (block, reason) in [
        ("80", "index zero"),
        ("8240", "no name"),
        ("820f", "an integer without its end"),
        ("ffffffffffffff7f", "an integer without measure"),
        ("8200 05 6162", "a string longer than the block"),
        ("8200 81ff 0161", "padding that is no padding"),
    ] {
        assert_eq!(decode(&mut Decoder::new(), &bytes(block)), None, "{reason}");
    }
    let mut seen = 0;
    assert!(Decoder::new().decode(&bytes("8286 80 84"), |_| seen += 1).is_err());
    assert_eq!(seen, 2);
}

#[test]
fn what_an_unknown_name_was_given_is_still_known_by_its_value() {
    let mut decoder = Decoder::new();
    // A literal with the name of index 70, which was inserted before the decoder was there; then that entry itself.
    assert_eq!(decode(&mut decoder, &bytes("7f07 01 78")), Some(vec![(None, Some(b"x".to_vec()))]));
    assert_eq!(decode(&mut decoder, &bytes("be")), Some(vec![(None, Some(b"x".to_vec()))]));
    assert_eq!(decode(&mut decoder, &bytes("bf")), Some(vec![(None, None)]));
}

/// A reference encoder: a true table, and steps that use it in every way.
#[derive(Debug, Clone)]
enum Step {
    Insert { name: u8, value: u8, length: usize },
    InsertNamed { place: usize, value: u8 },
    Indexed { place: usize },
    Resize { size: usize },
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        4 => (any::<u8>(), any::<u8>(), 0..400_usize)
            .prop_map(|(name, value, length)| Step::Insert { name, value, length }),
        2 => (0..40_usize, any::<u8>()).prop_map(|(place, value)| Step::InsertNamed { place, value }),
        6 => (0..40_usize).prop_map(|place| Step::Indexed { place }),
        1 => (0..9000_usize).prop_map(|size| Step::Resize { size }),
    ];
    prop::collection::vec(prop::collection::vec(step, 0..8), 1..20)
}

fn put_integer(out: &mut Vec<u8>, pattern: u8, bits: u32, value: usize) {
    let mask = (1 << bits) - 1;
    if value < mask {
        out.push(pattern | u8::try_from(value).expect("fits"));
        return;
    }
    out.push(pattern | u8::try_from(mask).expect("fits"));
    let mut rest = value - mask;
    while rest >= 128 {
        out.push(u8::try_from(rest % 128).expect("fits") | 0x80);
        rest /= 128;
    }
    out.push(u8::try_from(rest).expect("fits"));
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    put_integer(out, 0, 7, text.len());
    out.extend_from_slice(text);
}

/// Encodes blocks as an encoder with any history does, and gives their true fields.
fn encode(blocks: &[Vec<Step>], history: usize) -> Vec<Block> {
    let mut table: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut limit = 4096;
    let trim = |table: &mut Vec<(Vec<u8>, Vec<u8>)>, limit: usize| {
        let size = |table: &[(Vec<u8>, Vec<u8>)]| {
            table.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>()
        };
        while size(table) > limit {
            table.pop();
        }
    };
    for number in 0..history {
        table.insert(0, (format!("old-{number}").into_bytes(), vec![b'o'; number]));
        trim(&mut table, limit);
    }
    let mut encoded = Vec::new();
    for block in blocks {
        let (mut wire, mut fields) = (Vec::new(), Vec::new());
        for step in block {
            match *step {
                Step::Insert { name, value, length } => {
                    let field = (vec![name; 3], vec![value; length]);
                    wire.push(0x40);
                    put_string(&mut wire, &field.0);
                    put_string(&mut wire, &field.1);
                    table.insert(0, field.clone());
                    fields.push(field);
                }
                Step::InsertNamed { place, value } => {
                    let Some((name, _)) = table.get(place).cloned() else { continue };
                    put_integer(&mut wire, 0x40, 6, 62 + place);
                    put_string(&mut wire, &[value]);
                    table.insert(0, (name.clone(), vec![value]));
                    fields.push((name, vec![value]));
                }
                Step::Indexed { place } => {
                    let Some(field) = table.get(place) else { continue };
                    put_integer(&mut wire, 0x80, 7, 62 + place);
                    fields.push(field.clone());
                }
                Step::Resize { size } => {
                    put_integer(&mut wire, 0x20, 5, size);
                    limit = size;
                }
            }
            trim(&mut table, limit);
        }
        encoded.push((wire, fields));
    }
    encoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn an_encoder_with_any_history_is_never_misread(
        blocks in steps(), history in 0..60_usize, lost in prop::collection::vec(0..20_usize, 0..3),
    ) {
        let blocks = encode(&blocks, history);
        let mut joined = Decoder::new();
        let mut whole = Decoder::new();
        for (number, (block, truth)) in blocks.iter().enumerate() {
            if history == 0 {
                prop_assert_eq!(decode(&mut whole, block), Some(exactly(truth)));
            }
            if lost.contains(&number) {
                joined.lose();
                continue;
            }
            let fields = decode(&mut joined, block).expect("well-formed");
            prop_assert_eq!(fields.len(), truth.len());
            for ((name, value), (true_name, true_value)) in fields.iter().zip(truth) {
                prop_assert!(name.as_ref().is_none_or(|name| name == true_name));
                prop_assert!(value.as_ref().is_none_or(|value| value == true_value));
            }
        }
    }

    #[test]
    fn no_bytes_break_the_decoder(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12)) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let _ = decode(&mut decoder, &block);
            prop_assert!(decoder.held_bytes() <= super::HELD_BYTES_LIMIT);
        }
    }
}
