//! Writes the sanitised statement.

use super::{
    TEXT_LIMIT,
    token::{Kind, Token},
};
use crate::sanitise::field_text;

/// Where the writer stands in a list behind `IN`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum List {
    /// In none that can be folded.
    #[default]
    None,
    /// Behind `IN`.
    Announced,
    /// Behind the parenthesis that opens it.
    Opened,
    /// Behind a value. The text up to the first one is so long.
    Value(usize),
    /// Behind a comma, likewise.
    Comma(usize),
}

/// The statement as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// UTF-8, for it is made of whole tokens.
    text: Vec<u8>,
    list: List,
    /// A comment was left out since the last token.
    comment: bool,
    full: bool,
    /// How far the text had come when the reading became doubtful.
    doubt: Option<usize>,
}

impl Text {
    /// For a statement of so many bytes.
    pub(super) fn new(length: usize) -> Self {
        Self { text: Vec::with_capacity(length.min(TEXT_LIMIT) + 8), ..Self::default() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// What follows may have been misread.
    pub(super) fn doubt(&mut self) {
        self.doubt = self.doubt.or(Some(self.text.len()));
    }

    /// Says that there was more; takes back what is doubtful if that was `wrong`.
    pub(super) fn mask_rest(&mut self, wrong: bool) {
        if let Some(length) = self.doubt.filter(|_| wrong) {
            self.text.truncate(length);
            self.full = false;
        }
        if !self.full {
            self.text.push(b'?');
        }
    }

    pub(super) fn push(&mut self, token: &Token<'_>) {
        if self.full {
            return;
        }
        let before = self.text.len();
        match token.kind {
            Kind::Comment => self.comment = true,
            Kind::Space if self.text.is_empty() => {}
            Kind::Space => self.push_space(token.bytes),
            Kind::Literal | Kind::Cut => {
                self.part_words(b'?');
                self.text.push(b'?');
            }
            Kind::Word | Kind::Quoted | Kind::Placeholder | Kind::Symbol => {
                self.part_words(token.bytes.first().copied().unwrap_or(b' '));
                self.push_visible(token.bytes);
            }
        }
        self.fold(token);
        // A list may yet be folded: its values are short, and there are no more of them than bytes.
        if self.text.len() > TEXT_LIMIT && !matches!(self.list, List::Value(_) | List::Comma(_)) {
            self.text.truncate(before);
            self.full = true;
        }
    }

    fn push_visible(&mut self, bytes: &[u8]) {
        if bytes.iter().fold(true, |plain, &byte| plain & (0x20..0x7f).contains(&byte)) {
            self.text.extend_from_slice(bytes);
        } else {
            self.text.extend_from_slice(field_text(bytes).as_bytes());
        }
    }

    /// A space where a comment was all that kept two words apart.
    fn part_words(&mut self, next: u8) {
        let word =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'?' | b'$') || byte >= 0x80;
        if std::mem::take(&mut self.comment) && self.text.last().is_some_and(|&last| word(last)) && word(next)
        {
            self.text.push(b' ');
        }
    }

    /// White space, as wide as it was written: a line's end is a space, as attributes hold no control characters.
    fn push_space(&mut self, bytes: &[u8]) {
        let ends = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
        self.text.extend(std::iter::repeat_n(b' ', bytes.len() - ends));
    }

    /// Folds a list of values behind `IN` once it ends.
    fn fold(&mut self, token: &Token<'_>) {
        let value = token.kind == Kind::Literal || token.bytes == b"?";
        self.list = match (self.list, token.kind, token.bytes) {
            (list, Kind::Space | Kind::Comment, _) => list,
            (_, Kind::Word, word) if word.eq_ignore_ascii_case(b"in") => List::Announced,
            (List::Announced, Kind::Symbol, b"(") => List::Opened,
            (List::Opened, ..) if value => List::Value(self.text.len()),
            (List::Comma(first), ..) if value => List::Value(first),
            (List::Value(first), Kind::Symbol, b",") => List::Comma(first),
            (List::Value(first), Kind::Symbol, b")") => {
                self.text.truncate(first);
                self.doubt = self.doubt.map(|length| length.min(first));
                self.text.push(b')');
                List::None
            }
            _ => List::None,
        };
    }

    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_ascii_end().len());
        if self.text.len() > TEXT_LIMIT {
            // It ends within a list, which holds nothing but marks and separators.
            self.text.truncate(TEXT_LIMIT);
        }
        String::from_utf8(self.text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}
