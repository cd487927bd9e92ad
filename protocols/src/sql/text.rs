//! Writes the sanitised statement.

use super::{
    TEXT_LIMIT,
    token::{Kind, Token},
};

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
    text: String,
    list: List,
    /// A comment was left out since the last token.
    comment: bool,
    full: bool,
}

impl Text {
    /// For a statement of so many bytes.
    pub(super) fn new(length: usize) -> Self {
        Self { text: String::with_capacity(length.min(TEXT_LIMIT) + 8), ..Self::default() }
    }

    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Takes back what stands behind a length that [`Text::length`] gave.
    pub(super) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
    }

    /// Says that there was more.
    pub(super) fn mask_rest(&mut self) {
        if !self.full {
            self.text.push('?');
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
                self.part_words('?');
                self.text.push('?');
            }
            Kind::Word | Kind::Quoted | Kind::Placeholder | Kind::Symbol => {
                self.part_words(token.bytes.first().map_or(' ', |&byte| char::from(byte)));
                push_visible(token.bytes, &mut self.text);
            }
        }
        self.fold(token);
        // A list may yet be folded: its values are short, and there are no more of them than bytes.
        if self.text.len() > TEXT_LIMIT && !matches!(self.list, List::Value(_) | List::Comma(_)) {
            self.text.truncate(before.min(self.text.len()));
            self.full = true;
        }
    }

    /// A space where a comment was all that kept two words apart.
    fn part_words(&mut self, next: char) {
        if !std::mem::take(&mut self.comment) {
            return;
        }
        let word = |character: char| {
            character.is_alphanumeric() || matches!(character, '_' | '?' | '$') || !character.is_ascii()
        };
        if self.text.ends_with(word) && word(next) {
            self.text.push(' ');
        }
    }

    /// White space as it was written, save what is a command to a terminal.
    fn push_space(&mut self, bytes: &[u8]) {
        let mut rest = bytes.iter().peekable();
        while let Some(&byte) = rest.next() {
            match byte {
                b'\r' if rest.peek() == Some(&&b'\n') => {}
                b' ' | b'\t' | b'\n' => self.text.push(char::from(byte)),
                _ => self.text.push(' '),
            }
        }
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
                self.text.push(')');
                List::None
            }
            _ => List::None,
        };
    }

    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        if self.text.len() > TEXT_LIMIT {
            // It ends within a list, which holds nothing but marks and separators.
            self.text.truncate(TEXT_LIMIT);
        }
        self.text
    }
}

/// Writes text with what is no printable UTF-8 replaced.
pub(super) fn push_visible(bytes: &[u8], text: &mut String) {
    text.push_str(&crate::sanitise::field_text(bytes));
}
