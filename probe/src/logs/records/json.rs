//! JSON read in one pass without building a document (RFC 8259), as far as records need it. Control characters in texts are allowed, for
//! loggers write them.

use memchr::memchr2;

/// How deep lists and objects may be nested; recursion is bounded by it.
const DEPTH: usize = 64;

/// Reads along a text. Every function gives nothing where the text is not JSON.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A text between its quotes, as it was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    raw: &'a [u8],
    has_escape: bool,
}

/// The next value, or its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(Quoted<'a>),
    Number(&'a [u8]),
    Boolean(bool),
    Null,
    /// Its keys come next.
    Object,
    /// The whole list as it was written.
    List(&'a [u8]),
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes that character.
    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether nothing follows.
    pub(super) fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// The next key of an object that has begun, or its end.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether it is JSON, the inner one whether there is a key"
    )]
    pub(super) fn next_key(&mut self, is_first: bool) -> Option<Option<Quoted<'a>>> {
        match self.peek()? {
            b'}' => {
                self.at += 1;
                return Some(None);
            }
            b',' if !is_first => self.at += 1,
            _ if is_first => {}
            _ => return None,
        }
        let key = self.string()?;
        self.expect(b':')?;
        Some(Some(key))
    }

    pub(super) fn string(&mut self) -> Option<Quoted<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut has_escape = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let place = memchr2(b'"', b'\\', rest)?;
            self.at += place + 1;
            if rest[place] == b'"' {
                return Some(Quoted { raw: &self.bytes[start..self.at - 1], has_escape });
            }
            has_escape = true;
            self.at += 1;
        }
    }

    pub(super) fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' => {
                self.at += 1;
                Some(Value::Object)
            }
            b'[' => {
                let start = self.at;
                self.skip_nested(0)?;
                Some(Value::List(&self.bytes[start..self.at]))
            }
            b't' => self.word(b"true").map(|()| Value::Boolean(true)),
            b'f' => self.word(b"false").map(|()| Value::Boolean(false)),
            b'n' => self.word(b"null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    /// Passes over the next value.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_nested(0)
    }

    fn skip_nested(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => {
                self.at += 1;
                let mut is_first = true;
                while self.next_key(is_first)?.is_some() {
                    is_first = false;
                    self.skip_nested(depth + 1)?;
                }
                Some(())
            }
            b'[' => {
                self.at += 1;
                if self.peek()? == b']' {
                    self.at += 1;
                    return Some(());
                }
                loop {
                    self.skip_nested(depth + 1)?;
                    let byte = self.peek()?;
                    self.at += 1;
                    match byte {
                        b',' => {}
                        b']' => return Some(()),
                        _ => return None,
                    }
                }
            }
            _ => self.value().map(drop),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !is_of_number(byte)).unwrap_or(rest.len());
        let number = &rest[..length];
        let begins = number.strip_prefix(b"-").unwrap_or(number).first().is_some_and(u8::is_ascii_digit);
        self.at += length;
        begins.then_some(number)
    }
}

impl<'a> Quoted<'a> {
    /// As it was written.
    pub(super) const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// The text if nothing in it is escaped.
    pub(super) fn plain(self) -> Option<&'a str> {
        if self.has_escape { None } else { std::str::from_utf8(self.raw).ok() }
    }

    /// Appends the text with its escapes resolved, which never takes more bytes than it was written with.
    pub(super) fn append_to(self, out: &mut Vec<u8>) -> Option<()> {
        let mut rest = self.raw;
        while let Some(place) = memchr::memchr(b'\\', rest) {
            out.extend_from_slice(&rest[..place]);
            let escape = *rest.get(place + 1)?;
            rest = &rest[place + 2..];
            let byte = match escape {
                b'"' | b'\\' | b'/' => escape,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let (character, after) = unicode(rest)?;
                    rest = after;
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                _ => return None,
            };
            out.push(byte);
        }
        out.extend_from_slice(rest);
        Some(())
    }
}

/// The character after `\u`. Half of a pair stands for no character.
fn unicode(rest: &[u8]) -> Option<(char, &[u8])> {
    let unit = |digits: &[u8]| {
        let digits = digits.get(..4)?;
        digits.iter().try_fold(0_u32, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
    };
    let first = unit(rest)?;
    let after = &rest[4..];
    if let (0xd800..0xdc00, Some(second)) = (first, after.strip_prefix(b"\\u"))
        && let Some(low @ 0xdc00..0xe000) = unit(second)
    {
        let character = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00));
        return Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), &second[4..]));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), after))
}
