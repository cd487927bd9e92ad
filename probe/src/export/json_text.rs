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
        if fragment.bytes().all(|byte| byte < 0x7f) || !fragment.contains(is_hidden) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for character in fragment.chars() {
            if is_hidden(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(character.encode_utf8(&mut buffer).as_bytes())?;
            }
        }
        Ok(())
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
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
