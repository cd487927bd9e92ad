//! JSON on one line, safe to look at on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::is_hidden;

/// Appends `value` as JSON on one line.
///
/// Characters that act on a terminal are escaped, though JSON would allow them: records are looked at with `cat`, and
/// their texts come from strangers.
pub(super) fn append_json(line: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(line, VisibleText)).map_err(io::Error::from)
}

struct VisibleText;

impl Formatter for VisibleText {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !has_special(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = Vec::with_capacity(fragment.len() + 32);
        escape(&mut escaped, fragment);
        writer.write_all(&escaped)
    }
}

/// Appends text as a JSON string (RFC 8259 section 7), with its quotes.
pub(crate) fn append_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    if has_special(text) {
        escape(line, text);
    } else {
        line.extend_from_slice(text.as_bytes());
    }
    line.push(b'"');
}

/// Appends a number in decimal.
pub(crate) fn append_number(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 || start == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[start..]);
}

/// Appends a number that may be negative.
pub(crate) fn append_integer(line: &mut Vec<u8>, number: i64) {
    if number < 0 {
        line.push(b'-');
    }
    append_number(line, number.unsigned_abs());
}

/// Whether any byte needs a closer look: control characters, quotes, backslashes, and all that is not ASCII. Without a
/// branch for each byte, so that the compiler looks at many at once.
fn has_special(text: &str) -> bool {
    text.bytes().fold(false, |special, byte| {
        special | !(b' '..=b'~').contains(&byte) | (byte == b'"') | (byte == b'\\')
    })
}

fn escape(line: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '"' => line.extend_from_slice(b"\\\""),
            '\\' => line.extend_from_slice(b"\\\\"),
            '\n' => line.extend_from_slice(b"\\n"),
            '\r' => line.extend_from_slice(b"\\r"),
            '\t' => line.extend_from_slice(b"\\t"),
            _ if is_hidden(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    line.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
            _ => line.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> String {
        let mut line = Vec::new();
        append_json(&mut line, &text).expect("memory takes everything");
        String::from_utf8(line).expect("JSON is UTF-8")
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        assert_eq!(
            json("a\x1b\u{7f}\u{9b}\u{202e}é\u{e0001}"),
            r#""a\u001b\u007f\u009b\u202eé\udb40\udc01""#
        );
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_it_was_and_stays_on_its_line(text in any::<String>()) {
            let json = json(&text);
            prop_assert!(!json.contains(is_hidden));
            prop_assert_eq!(&serde_json::from_str::<String>(&json).expect("JSON"), &text);
            let mut line = Vec::new();
            append_text(&mut line, &text);
            prop_assert_eq!(line, json.into_bytes());
        }

        #[test]
        fn any_number_is_written_as_the_standard_library_writes_it(number in any::<u64>(), shift in 0_u32..64) {
            let mut line = Vec::new();
            append_number(&mut line, number >> shift);
            prop_assert_eq!(line, (number >> shift).to_string().into_bytes());
        }
    }
}
