//! The Huffman code of RFC 7541 appendix B.
//!
//! The code is canonical: symbols are numbered by the length of their code, then by value. The lengths are therefore
//! all there is to know, and both decoding tables are made from them when the program is compiled.

/// Length of the code of each byte in bits; the end of the string, which is never sent, has [`LONGEST`].
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
     6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
    13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
    15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

const LONGEST: usize = 30;

/// Bits looked up at once. All of printable ASCII but a dozen characters is within.
const LOOKUP_BITS: usize = 10;

/// A symbol and the length of its code, by the first bits; length zero where the code is longer.
static LOOKUP: [(u8, u8); 1 << LOOKUP_BITS] = TABLES.lookup;

/// Of the codes of each length: the first one beyond them, put left-aligned in 32 bits.
static BEYOND: [u64; LONGEST + 1] = TABLES.beyond;

/// Of the codes of each length: what to add to a code, right-aligned, to get the place of its symbol.
static PLACE: [i64; LONGEST + 1] = TABLES.place;

/// Symbols in the order of their codes.
static SYMBOLS: [u8; 256] = TABLES.symbols;

struct Tables {
    lookup: [(u8, u8); 1 << LOOKUP_BITS],
    beyond: [u64; LONGEST + 1],
    place: [i64; LONGEST + 1],
    symbols: [u8; 256],
}

const TABLES: Tables = tables();

const fn tables() -> Tables {
    let mut tables = Tables {
        lookup: [(0, 0); 1 << LOOKUP_BITS],
        beyond: [0; LONGEST + 1],
        place: [0; LONGEST + 1],
        symbols: [0; 256],
    };
    let (mut code, mut place, mut length) = (0_u64, 0_usize, 1);
    while length <= LONGEST {
        code <<= 1;
        tables.place[length] = place as i64 - code as i64;
        let mut symbol = 0;
        while symbol < 256 {
            if LENGTHS[symbol] as usize == length {
                tables.symbols[place] = symbol as u8;
                if length <= LOOKUP_BITS {
                    let shift = LOOKUP_BITS - length;
                    let mut entry = 0;
                    while entry < 1 << shift {
                        tables.lookup[(code << shift) as usize + entry] = (symbol as u8, length as u8);
                        entry += 1;
                    }
                }
                place += 1;
                code += 1;
            }
            symbol += 1;
        }
        tables.beyond[length] = code << (32 - length);
        length += 1;
    }
    tables
}

/// Appends what `coded` says to `text`. `None` if it is no Huffman code, in which case what was appended means nothing.
///
/// A byte is at least five bits long, so the text is at most 8/5 as long as its code.
pub(super) fn decode(coded: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let mut bits = 0_u64;
    let mut count = 0_usize;
    let mut rest = coded;
    text.reserve(coded.len() * 8 / 5);
    loop {
        if count < 32 {
            if let Some((word, after)) = rest.split_first_chunk::<4>() {
                bits |= u64::from(u32::from_be_bytes(*word)) << (32 - count);
                count += 32;
                rest = after;
            } else if let Some((&byte, after)) = rest.split_first() {
                bits |= u64::from(byte) << (56 - count);
                count += 8;
                rest = after;
                continue;
            }
        }
        let (symbol, length) = LOOKUP[(bits >> (64 - LOOKUP_BITS)) as usize];
        let (symbol, length) = if length > 0 { (symbol, usize::from(length)) } else { long(bits)? };
        if length > count {
            break;
        }
        text.push(symbol);
        bits <<= length;
        count -= length;
    }
    // What is left must be the first bits of the end of the string, which are ones, and no whole byte of it (section
    // 5.2). Zero bits were shifted in behind them.
    (count < 8 && bits == !(u64::MAX >> count)).then_some(())
}

/// The symbol of a code longer than [`LOOKUP_BITS`]; the code may be longer than the bits there are.
#[cold]
fn long(bits: u64) -> Option<(u8, usize)> {
    let front = bits >> 32;
    for length in LOOKUP_BITS + 1..=LONGEST {
        if front < BEYOND[length] {
            let code = i64::try_from(front >> (32 - length)).ok()?;
            let place = usize::try_from(code + PLACE[length]).ok()?;
            return SYMBOLS.get(place).map(|&symbol| (symbol, length));
        }
    }
    // The end of the string, or its beginning as padding: longer than any padding either way.
    Some((0, usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of each symbol, from the canonical numbering and nothing else.
    fn codes() -> [u64; 256] {
        let mut order: Vec<usize> = (0..256).collect();
        order.sort_by_key(|&symbol| (LENGTHS[symbol], symbol));
        let mut codes = [0_u64; 256];
        let (mut code, mut previous) = (0, 0);
        for symbol in order {
            code <<= LENGTHS[symbol] - previous;
            previous = LENGTHS[symbol];
            codes[symbol] = code;
            code += 1;
        }
        codes
    }

    fn encode(text: &[u8], codes: &[u64; 256]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        for &byte in text {
            let symbol = usize::from(byte);
            bits.extend((0..LENGTHS[symbol]).rev().map(|bit| codes[symbol] >> bit & 1 > 0));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
    }

    fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        decode(coded, &mut text).map(|()| text)
    }

    #[test]
    fn the_codes_fill_the_space_and_leave_one_for_the_end_of_the_string() {
        let used: u64 = LENGTHS.iter().map(|&length| 1_u64 << (LONGEST - usize::from(length))).sum();
        assert_eq!(used, (1 << LONGEST) - 1);
    }

    #[test]
    fn examples_of_the_specification_are_decoded() {
        let example = b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(decoded(example).as_deref(), Some(&b"www.example.com"[..]));
        assert_eq!(decoded(b"\x64\x02").as_deref(), Some(&b"302"[..]));
        assert_eq!(decoded(b"").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn every_byte_is_decoded_after_any_other() {
        let codes = codes();
        for first in 0..=255 {
            for second in 0..=255 {
                let text = [first, second, first];
                assert_eq!(decoded(&encode(&text, &codes)).as_deref(), Some(&text[..]));
            }
        }
    }

    #[test]
    fn padding_that_is_too_long_or_not_of_ones_is_refused() {
        assert_eq!(decoded(b"\xff"), None, "eight bits of padding");
        assert_eq!(decoded(b"\x64\x02\xff"), None);
        assert_eq!(decoded(b"\x00"), None, "a zero, and three bits that are not ones");
        assert_eq!(decoded(b"\xff\xff\xff\xff"), None, "the end of the string");
        assert_eq!(decoded(b"\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
