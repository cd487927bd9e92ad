//! Cuts SQL into tokens, by PostgreSQL's documentation (section 4.1, "Lexical Structure") and MySQL's (chapter 11,
//! "Language Structure").

use memchr::{memchr, memchr2, memmem};

use super::{Dialect, word};

/// What a token is, as far as showing and summarising it need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space.
    Space,
    /// A comment, or a mark around one that is executed.
    Comment,
    /// A name or a keyword.
    Word,
    /// A name in quotes, quotes included.
    Quoted,
    /// A value: a string, a number, `TRUE` or `FALSE`.
    Literal,
    /// `?` or `$1`. An operator of PostgreSQL that holds a question mark has one, too.
    Placeholder,
    /// One character of anything else.
    Symbol,
    /// A value that does not end, or whose quotes are wrong. Reaches to the end of the statement.
    Cut,
}

/// A piece of the statement. All of them together are the statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) bytes: &'a [u8],
    /// The server's settings decide whether a quote within ends this string.
    pub(super) doubtful: bool,
}

/// The tokens of a statement, in order.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    position: usize,
    dialect: Dialect,
    /// Within `/*! */`.
    executable: bool,
    last: Last,
    /// The last string had escapes, so a string that continues it has them, too.
    escapes: bool,
}

/// What stands directly before the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A name, or a bracket that closes: a sign behind it is an operator.
    Operand,
    /// A dot: what follows is a name, whatever it is called.
    Dot,
    Other,
}

/// How the end of a quoted text is told from a quote within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// Quotes are doubled.
    Doubled,
    /// Quotes are doubled; the server may have been told to take backslashes for escapes, or not to.
    DoubledPerhapsBackslash,
    /// Quotes are doubled or stand behind a backslash.
    Backslash,
    /// The same, and the server may have been told otherwise.
    PerhapsBackslash,
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

const fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

const fn continues_word(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Self { bytes, position: 0, dialect, executable: false, last: Last::Other, escapes: false }
    }

    fn at(&self, index: usize) -> Option<u8> {
        self.bytes.get(index).copied()
    }

    fn is(&self, index: usize, byte: u8) -> bool {
        self.at(index) == Some(byte)
    }

    /// The first index from `start` on whose byte is none of these.
    fn past(&self, start: usize, these: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        start + rest.iter().position(|&byte| !these(byte)).unwrap_or(rest.len())
    }

    fn past_line(&self, start: usize) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let end = match self.dialect {
            Dialect::Mysql => memchr(b'\n', rest),
            Dialect::Postgresql => memchr2(b'\n', b'\r', rest),
        };
        start + end.unwrap_or(rest.len())
    }

    /// A comment that begins with a slash and an asterisk. PostgreSQL's nest.
    fn past_comment(&mut self, start: usize) -> usize {
        let mut index = start + 2;
        if self.dialect == Dialect::Mysql {
            let mark = if self.is(index, b'M') { index + 1 } else { index };
            if self.is(mark, b'!') {
                self.executable = true;
                // The version from which on a server executes it.
                return self.past(mark + 1, |byte| byte.is_ascii_digit());
            }
        }
        let mut depth = 1_usize;
        while let Some(found) = memchr2(b'*', b'/', self.bytes.get(index..).unwrap_or_default()) {
            index += found;
            match (self.at(index), self.at(index + 1)) {
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    index += 2;
                    if depth == 0 {
                        return index;
                    }
                }
                (Some(b'/'), Some(b'*')) if self.dialect == Dialect::Postgresql => {
                    depth += 1;
                    index += 2;
                }
                _ => index += 1,
            }
        }
        self.bytes.len()
    }

    /// A quoted text whose opening quote is at `start`: where it ends, if it does, and whether that is doubtful.
    fn past_quoted(&self, start: usize, escapes: Escapes) -> (Option<usize>, bool) {
        let Some(quote) = self.at(start) else { return (None, false) };
        let (mut index, mut doubtful) = (start + 1, false);
        while let Some(found) = memchr2(quote, b'\\', self.bytes.get(index..).unwrap_or_default()) {
            index += found;
            if self.is(index, quote) {
                if !self.is(index + 1, quote) {
                    return (Some(index + 1), doubtful);
                }
                index += 2;
                continue;
            }
            let before_quote = self.is(index + 1, quote);
            match escapes {
                Escapes::Doubled => index += 1,
                Escapes::DoubledPerhapsBackslash => {
                    doubtful |= before_quote;
                    index += 1;
                }
                Escapes::Backslash => index += 2,
                Escapes::PerhapsBackslash => {
                    doubtful |= before_quote;
                    index += 2;
                }
            }
        }
        (None, doubtful)
    }

    /// A string in quotes, which the rest of the statement must go on sensibly behind.
    fn string(&mut self, quote: usize, escapes: Escapes) -> (Kind, usize, bool) {
        let (end, doubtful) = self.past_quoted(quote, escapes);
        self.escapes = escapes == Escapes::Backslash && self.dialect == Dialect::Postgresql;
        match end {
            Some(end) if !self.breaks(end) => (Kind::Literal, end, doubtful),
            _ => (Kind::Cut, self.bytes.len(), doubtful),
        }
    }

    /// Whether what follows a string says that its quote was not meant to end it, as in `'it's'`.
    fn breaks(&self, end: usize) -> bool {
        match self.at(end) {
            Some(b'"' | b'`') => self.dialect == Dialect::Postgresql || self.is(end, b'`'),
            Some(byte) if starts_word(byte) => {
                let after = self.past(end, continues_word);
                !word::follows_string(self.bytes.get(end..after).unwrap_or_default())
            }
            Some(byte) => byte.is_ascii_digit(),
            None => false,
        }
    }

    fn plain_string(&self) -> Escapes {
        match self.dialect {
            Dialect::Mysql => Escapes::PerhapsBackslash,
            Dialect::Postgresql if self.escapes => Escapes::Backslash,
            Dialect::Postgresql => Escapes::DoubledPerhapsBackslash,
        }
    }

    fn name(&self, quote: usize) -> (Kind, usize, bool) {
        match self.past_quoted(quote, Escapes::Doubled).0 {
            Some(end) => (Kind::Quoted, end, false),
            None => (Kind::Cut, self.bytes.len(), false),
        }
    }

    /// A word, or a string or name of which it is the prefix.
    fn word(&mut self, start: usize) -> (Kind, usize, bool) {
        let end = self.past(start, continues_word);
        let word = self.bytes.get(start..end).unwrap_or_default();
        match (self.at(end), self.dialect, word) {
            (Some(b'\''), Dialect::Postgresql, b"E" | b"e") => return self.string(end, Escapes::Backslash),
            (Some(b'\''), Dialect::Postgresql, b"X" | b"x" | b"B" | b"b") => {
                return self.string(end, Escapes::Doubled);
            }
            (Some(b'\''), _, b"N" | b"n" | b"X" | b"x" | b"B" | b"b") => {
                return self.string(end, self.plain_string());
            }
            (Some(b'\'' | b'"'), Dialect::Mysql, [b'_', ..]) => return self.string(end, self.plain_string()),
            (Some(b'&'), Dialect::Postgresql, b"U" | b"u") => match self.at(end + 1) {
                Some(b'\'') => return self.string(end + 1, Escapes::DoubledPerhapsBackslash),
                Some(b'"') => return self.name(end + 1),
                _ => {}
            },
            _ => {}
        }
        let value = self.last != Last::Dot && word::is_value(word);
        (if value { Kind::Literal } else { Kind::Word }, end, false)
    }

    /// A number and whatever is attached to it: identifiers may begin with digits in MySQL, but so do unquoted hashes.
    fn past_number(&self, start: usize) -> usize {
        let mut index = start;
        let hexadecimal = self.is(start, b'0') && matches!(self.at(start + 1), Some(b'x' | b'X'));
        loop {
            index = self.past(index, |byte| continues_word(byte) || byte == b'.');
            let exponent = matches!(self.at(index.wrapping_sub(1)), Some(b'e' | b'E'));
            let signed = matches!(self.at(index), Some(b'+' | b'-'));
            let digit = self.at(index + 1).is_some_and(|byte| byte.is_ascii_digit());
            if hexadecimal || !(exponent && signed && digit) {
                return index;
            }
            index += 1;
        }
    }

    fn starts_number(&self, index: usize) -> bool {
        match self.at(index) {
            Some(byte) if byte.is_ascii_digit() => true,
            Some(b'.') => self.at(index + 1).is_some_and(|byte| byte.is_ascii_digit()),
            _ => false,
        }
    }

    /// What begins with a dollar sign.
    fn dollar(&self, start: usize) -> (Kind, usize, bool) {
        if self.at(start + 1).is_some_and(|byte| byte.is_ascii_digit()) {
            return (Kind::Placeholder, self.past(start + 1, |byte| byte.is_ascii_digit()), false);
        }
        let tag = self.past(start + 1, |byte| starts_word(byte) || byte.is_ascii_digit());
        match self.at(tag) {
            Some(b'$') => {
                let delimiter = self.bytes.get(start..=tag).unwrap_or_default();
                let rest = self.bytes.get(tag + 1..).unwrap_or_default();
                match memmem::find(rest, delimiter) {
                    Some(found) => (Kind::Literal, tag + 1 + found + delimiter.len(), false),
                    None => (Kind::Cut, self.bytes.len(), false),
                }
            }
            // The tag itself was cut.
            None => (Kind::Cut, tag, false),
            Some(_) => (Kind::Symbol, start + 1, false),
        }
    }

    fn scan(&mut self) -> Option<(Kind, usize, bool)> {
        let start = self.position;
        let byte = self.at(start)?;
        let next = self.at(start + 1);
        let mysql = self.dialect == Dialect::Mysql;
        let one = (Kind::Symbol, start + 1, false);
        Some(match byte {
            _ if is_space(byte) => (Kind::Space, self.past(start, is_space), false),
            b'/' if next == Some(b'*') => (Kind::Comment, self.past_comment(start), false),
            b'*' if next == Some(b'/') && self.executable => {
                self.executable = false;
                (Kind::Comment, start + 2, false)
            }
            b'-' if next == Some(b'-')
                && (!mysql
                    || self.at(start + 2).is_none_or(|byte| is_space(byte) || byte.is_ascii_control())) =>
            {
                (Kind::Comment, self.past_line(start), false)
            }
            b'#' if mysql => (Kind::Comment, self.past_line(start), false),
            b'\'' => self.string(start, self.plain_string()),
            b'"' if mysql => self.string(start, self.plain_string()),
            b'"' | b'`' => self.name(start),
            b'$' if !mysql => self.dollar(start),
            b'?' => (Kind::Placeholder, start + 1, false),
            // A sign is part of the number, as the conventions' test cases have it, unless it can only be an operator.
            b'+' | b'-' if self.last == Last::Other && self.starts_number(start + 1) => {
                (Kind::Literal, self.past_number(start + 1), false)
            }
            b'.' if self.last == Last::Operand => one,
            _ if self.starts_number(start) => (Kind::Literal, self.past_number(start), false),
            _ if starts_word(byte) || byte == b'$' => self.word(start),
            _ => one,
        })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (kind, end, doubtful) = self.scan()?;
        let bytes = self.bytes.get(self.position..end).unwrap_or_default();
        self.position = end;
        self.last = match (kind, bytes) {
            (Kind::Word | Kind::Quoted | Kind::Placeholder, _) | (Kind::Symbol, b")" | b"]") => Last::Operand,
            (Kind::Symbol, b".") => Last::Dot,
            _ => Last::Other,
        };
        if !matches!(kind, Kind::Space | Kind::Comment) && !matches!(bytes.last(), Some(b'\'')) {
            self.escapes = false;
        }
        Some(Token { kind, bytes, doubtful })
    }
}
