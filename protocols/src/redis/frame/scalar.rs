//! Values of one line, and what is kept of them.

use super::Replies;
use crate::redis::message::Word;

impl Replies {
    /// Takes what a value of one line says. Says whether it can be one.
    pub(super) fn scalar(&mut self, marker: u8, text: &[u8]) -> bool {
        let valid = match marker {
            b':' => is_number(text),
            b'_' => text.is_empty(),
            b'#' => matches!(text, b"t" | b"f"),
            b',' => {
                !text.is_empty()
                    && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
            }
            b'(' => {
                let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
                !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
            }
            _ => true,
        };
        match (self.levels.last(), marker) {
            (None, b'+' | b'-') => self.reply.word = first_word(text),
            (None, b'_') => self.reply.is_null = true,
            (Some(level), _) if level.attribute => {}
            (Some(_), b'-') => self.inner_error(text),
            (Some(level), b':') if self.levels.len() == 1 && level.passed == 2 => {
                self.reply.third = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            }
            (Some(level), b'+') if self.levels.len() == 1 && level.passed == 0 => {
                self.reply.word = first_word(text);
            }
            _ => {}
        }
        valid
    }

    fn inner_error(&mut self, text: &[u8]) {
        if self.levels.len() == 1 {
            if self.reply.errors == 0 {
                self.reply.error = first_word(text);
            }
            self.reply.errors = self.reply.errors.saturating_add(1);
        }
    }
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// The first word of an error is its kind, of a status usually all of it.
pub(super) fn first_word(text: &[u8]) -> Word {
    let end = text.iter().take(Word::LIMIT).position(|&byte| byte == b' ').unwrap_or(text.len());
    Word::from(&text[..end])
}
