//! Text of strangers made harmless: what could move a cursor, recolour, reorder or hide what a person reads is spelled
//! out instead.

use std::{borrow::Cow, fmt::Write};

/// Whether a character acts on a terminal or on its neighbours, rather than being seen.
///
/// Control characters (C0, DEL, C1: the start of every escape sequence), line separators, the marks that reorder text
/// (Unicode Standard Annex 9 section 2), and those that take no room.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text is all printable ASCII, as most are: one column for each byte, and nothing to spell out.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Without a branch for each byte, so that the compiler looks at many at once.
    text.bytes().fold(true, |plain, byte| plain & (b' '..=b'~').contains(&byte))
}

/// The text with each hidden character spelled out, as in `\n`, `\x1b` or `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => spelled.push_str("\\n"),
            '\r' => spelled.push_str("\\r"),
            '\t' => spelled.push_str("\\t"),
            // Writing to a string does not fail.
            _ if is_hidden(character) && character < '\u{100}' => {
                let _ = write!(spelled, "\\x{:02x}", u32::from(character));
            }
            _ if is_hidden(character) => {
                let _ = write!(spelled, "\\u{{{:x}}}", u32::from(character));
            }
            _ => spelled.push(character),
        }
    }
    Cow::Owned(spelled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_spelled_out() {
        let cases = [
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\u{9b}2J", "\\x9b2J"),
            ("\u{7f}\0", "\\x7f\\x00"),
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ];
        for (text, spelled) in cases {
            assert_eq!(visible(text), spelled);
        }
    }

    #[test]
    fn what_can_be_read_stays_as_it_is() {
        for text in ["GET /a b?c=d 200", "größe 日本語 🙂", "", "\\x1b"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            let spelled = visible(&text);
            prop_assert!(!spelled.contains(is_hidden));
            prop_assert!(!spelled.contains(char::is_control));
        }
    }
}
