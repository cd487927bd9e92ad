//! Bytes without any meaning, and with a little: what chance and home-made protocols bring forth. The same each time.

use super::{Step, Traffic, client, server};

/// Conversations of each kind.
const COUNT: u64 = 300;

/// Parts of each conversation.
const PARTS: usize = 12;

/// Numbers that look random (Marsaglia's xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit.max(1)
    }

    /// Mostly short, now and then as long as a packet.
    fn length(&mut self) -> usize {
        let limit = [8, 32, 120, 1400][self.below(4)];
        1 + self.below(limit)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 40) as u8).collect()
    }

    /// Bytes of which most are small, as in structures of integers.
    fn small(&mut self, length: usize) -> Vec<u8> {
        let byte = |chance: &mut Self| if chance.below(3) > 0 { 0 } else { chance.below(24) as u8 };
        (0..length).map(|_| byte(self)).collect()
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// A line of words, of which some are those of protocols.
    fn line(&mut self) -> String {
        let mut line = String::new();
        for place in 0..=self.below(6) {
            if place > 0 {
                line.push(' ');
            }
            line.push_str(self.pick(&WORDS));
        }
        line.push_str(self.pick(&["\r\n", "\n"]));
        line
    }
}

/// Words of English, of protocols, and what stands between them. Some whole answers of Redis and Memcached are not among
/// them, those that may answer any command: text with both would be one of the two.
const WORDS: [&str; 64] = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "lazy",
    "dog",
    "and",
    "then",
    "he",
    "said",
    "please",
    "yes",
    "no",
    "maybe",
    "GET",
    "get",
    "set",
    "SET",
    "PUT",
    "put",
    "delete",
    "list",
    "help",
    "HELP",
    "info",
    "user",
    "pass",
    "quit",
    "QUIT",
    "ping",
    "pong",
    "stats",
    "version",
    "OK",
    "ok",
    "+",
    "-",
    "end",
    "error",
    "ERROR",
    "not",
    "found",
    "1",
    "0",
    "17",
    "42",
    "1024",
    "/",
    "/index.html",
    "http://a/",
    "*",
    "$x",
    "+OK",
    "-err",
    ":1",
    "key",
    "value",
    "append",
    "exec",
    "time",
    "type",
    "select",
];

/// Writes what one call carries.
type Part = fn(&mut Chance) -> Vec<u8>;

/// All of it.
#[must_use]
pub fn all() -> Vec<Traffic> {
    let kinds: [(&str, Part); 9] = [
        ("random bytes", |chance| {
            let length = chance.length();
            chance.bytes(length)
        }),
        ("small integers", |chance| {
            let length = chance.length();
            chance.small(length)
        }),
        ("random text", |chance| {
            let lines = 1 + chance.below(4);
            (0..lines).map(|_| chance.line()).collect::<String>().into_bytes()
        }),
        ("length of 2 bytes, random body", |chance| {
            let length = chance.length();
            let mut bytes = (length as u16).to_be_bytes().to_vec();
            bytes.extend(chance.bytes(length));
            bytes
        }),
        ("length of 4 bytes, random body", |chance| {
            let length = chance.length();
            let mut bytes = (length as u32).to_be_bytes().to_vec();
            bytes.extend(chance.bytes(length));
            bytes
        }),
        ("length of 4 bytes, integers", |chance| {
            let length = chance.length();
            let mut bytes = (length as u32).to_be_bytes().to_vec();
            bytes.extend(chance.small(length));
            bytes
        }),
        ("length of 4 bytes, text", |chance| {
            let line = chance.line();
            let mut bytes = (line.len() as u32).to_be_bytes().to_vec();
            bytes.extend(line.into_bytes());
            bytes
        }),
        ("little-endian length, random body", |chance| {
            let length = chance.length();
            let mut bytes = (length as u32).to_le_bytes().to_vec();
            bytes.extend(chance.bytes(length));
            bytes
        }),
        ("little-endian length, integers", |chance| {
            let length = chance.length();
            let mut bytes = (length as u32).to_le_bytes().to_vec();
            bytes.extend(chance.small(length));
            bytes
        }),
    ];
    let mut all = Vec::new();
    for (place, (kind, part)) in kinds.into_iter().enumerate() {
        for seed in 1..=COUNT {
            let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (place as u64 * 0x1000_0001));
            let steps: Vec<Step> = (0..PARTS)
                .map(|turn| {
                    let bytes = part(&mut chance);
                    if turn % 2 == 0 { client(bytes) } else { server(bytes) }
                })
                .collect();
            all.push(Traffic::foreign(kind, &format!("seed {seed}"), steps));
        }
    }
    all
}
